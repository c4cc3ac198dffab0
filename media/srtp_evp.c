/* SHA1_* is deprecated in OpenSSL 3, yet EVP's HMAC costs twice as much for a 20 ms packet. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "media/srtp_evp.h"

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

#define SALT_CM  14 /* RFC 3711 4.1.1 */
#define SALT_GCM 12 /* RFC 7714 8.1 */
#define IV_CM    16
#define TAG_MAX  16

/* ── AES ────────────────────────────────────────────────────────────────────────────────────────
 */

/* The handle libsrtp keeps and our state are one block; state points back into it. */
typedef struct aes {
    srtp_cipher_t handle;
    EVP_CIPHER_CTX *ctx;
    uint8_t salt[IV_CM]; /* counter mode: the salt, then the 16-bit block counter at zero */
    int tag_len;         /* GCM */
    bool decrypting;     /* GCM */
} aes;

static const srtp_cipher_type_t icm_128, icm_256, gcm_128, gcm_256;

static const EVP_CIPHER *evp_of(int id)
{
    switch (id) {
    case SRTP_AES_ICM_128:
        return EVP_aes_128_ctr();
    case SRTP_AES_ICM_256:
        return EVP_aes_256_ctr();
    case SRTP_AES_GCM_128:
        return EVP_aes_128_gcm();
    default:
        return EVP_aes_256_gcm();
    }
}

static srtp_err_status_t aes_dealloc(srtp_cipher_pointer_t handle)
{
    aes *self = handle->state;

    EVP_CIPHER_CTX_free(self->ctx);
    OPENSSL_cleanse(self, sizeof *self);
    g_free(self);
    return srtp_err_status_ok;
}

static srtp_err_status_t aes_alloc(const srtp_cipher_type_t *type, srtp_cipher_pointer_t *ret,
                                   int key_len, int want_len, int tag_len)
{
    aes *self;

    if (key_len != want_len)
        return srtp_err_status_bad_param;
    self = g_new0(aes, 1);
    self->handle =
        (srtp_cipher_t){ .type = type, .state = self, .key_len = key_len, .algorithm = type->id };
    self->tag_len = tag_len;
    self->ctx = EVP_CIPHER_CTX_new();
    if (!self->ctx || !EVP_CipherInit_ex(self->ctx, evp_of(type->id), NULL, NULL, NULL, 1)) {
        aes_dealloc(&self->handle);
        return srtp_err_status_alloc_fail;
    }
    *ret = &self->handle;
    return srtp_err_status_ok;
}

static srtp_err_status_t icm_128_alloc(srtp_cipher_pointer_t *ret, int key_len, int tag_len)
{
    return aes_alloc(&icm_128, ret, key_len, 16 + SALT_CM, tag_len);
}

static srtp_err_status_t icm_256_alloc(srtp_cipher_pointer_t *ret, int key_len, int tag_len)
{
    return aes_alloc(&icm_256, ret, key_len, 32 + SALT_CM, tag_len);
}

static srtp_err_status_t gcm_alloc(const srtp_cipher_type_t *type, srtp_cipher_pointer_t *ret,
                                   int key_len, int want_len, int tag_len)
{
    /* The lengths RFC 3711's own GCM profiles may use; 12 is in no profile. */
    if (tag_len != 8 && tag_len != TAG_MAX)
        return srtp_err_status_bad_param;
    return aes_alloc(type, ret, key_len, want_len, tag_len);
}

static srtp_err_status_t gcm_128_alloc(srtp_cipher_pointer_t *ret, int key_len, int tag_len)
{
    return gcm_alloc(&gcm_128, ret, key_len, 16 + SALT_GCM, tag_len);
}

static srtp_err_status_t gcm_256_alloc(srtp_cipher_pointer_t *ret, int key_len, int tag_len)
{
    return gcm_alloc(&gcm_256, ret, key_len, 32 + SALT_GCM, tag_len);
}

static srtp_err_status_t aes_init(void *state, const uint8_t *key)
{
    aes *self = state;

    if (!EVP_CipherInit_ex(self->ctx, NULL, NULL, key, NULL, 1))
        return srtp_err_status_init_fail;
    return srtp_err_status_ok;
}

/* ── Counter mode (RFC 3711 4.1.1) ──────────────────────────────────────────────────────────────
 */

static srtp_err_status_t icm_init(void *state, const uint8_t *key)
{
    aes *self = state;

    memset(self->salt, 0, sizeof self->salt);
    memcpy(self->salt, key + self->handle.key_len - SALT_CM, SALT_CM);
    return aes_init(self, key);
}

static srtp_err_status_t icm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
    aes *self = state;
    uint8_t counter[IV_CM];

    for (unsigned i = 0; i < IV_CM; i++)
        counter[i] = iv[i] ^ self->salt[i];
    if (!EVP_CipherInit_ex(self->ctx, NULL, NULL, NULL, counter, 1))
        return srtp_err_status_cipher_fail;
    return srtp_err_status_ok;
}

static srtp_err_status_t icm_crypt(void *state, uint8_t *buf, unsigned *len)
{
    aes *self = state;
    int done = 0;

    if (*len > G_MAXINT || !EVP_CipherUpdate(self->ctx, buf, &done, buf, (int)*len))
        return srtp_err_status_cipher_fail;
    *len = (unsigned)done;
    return srtp_err_status_ok;
}

/* ── GCM (RFC 7714) ─────────────────────────────────────────────────────────────────────────────
 */

static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
    aes *self = state;

    self->decrypting = direction == srtp_direction_decrypt;
    if (!EVP_CipherInit_ex(self->ctx, NULL, NULL, NULL, iv, !self->decrypting))
        return srtp_err_status_cipher_fail;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad, uint32_t aad_len)
{
    aes *self = state;
    int done;

    if (aad_len > G_MAXINT || !EVP_CipherUpdate(self->ctx, NULL, &done, aad, (int)aad_len))
        return srtp_err_status_cipher_fail;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *buf, unsigned *len)
{
    aes *self = state;
    int done = 0, tail = 0;

    if (self->decrypting || *len > G_MAXINT)
        return srtp_err_status_bad_param;
    if (*len > 0 && !EVP_CipherUpdate(self->ctx, buf, &done, buf, (int)*len))
        return srtp_err_status_cipher_fail;
    if (!EVP_CipherFinal_ex(self->ctx, buf + done, &tail))
        return srtp_err_status_cipher_fail;
    *len = (unsigned)(done + tail);
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *buf, uint32_t *len)
{
    aes *self = state;

    if (!EVP_CIPHER_CTX_ctrl(self->ctx, EVP_CTRL_AEAD_GET_TAG, self->tag_len, buf))
        return srtp_err_status_cipher_fail;
    *len = (uint32_t)self->tag_len;
    return srtp_err_status_ok;
}

/* *len counts the tag at the end of buf on entry, the plain text alone on return. */
static srtp_err_status_t gcm_decrypt(void *state, uint8_t *buf, unsigned *len)
{
    aes *self = state;
    int text_len, done = 0, tail = 0;

    if (!self->decrypting || *len > G_MAXINT)
        return srtp_err_status_bad_param;
    if (*len < (unsigned)self->tag_len)
        return srtp_err_status_auth_fail;
    text_len = (int)*len - self->tag_len;
    if (!EVP_CIPHER_CTX_ctrl(self->ctx, EVP_CTRL_AEAD_SET_TAG, self->tag_len, buf + text_len))
        return srtp_err_status_cipher_fail;
    if (text_len > 0 && !EVP_CipherUpdate(self->ctx, buf, &done, buf, text_len))
        return srtp_err_status_cipher_fail;
    if (EVP_CipherFinal_ex(self->ctx, buf + done, &tail) <= 0)
        return srtp_err_status_auth_fail;
    *len = (unsigned)(done + tail);
    return srtp_err_status_ok;
}

/* ── HMAC-SHA1 (RFC 2104) ───────────────────────────────────────────────────────────────────────
 */

typedef struct hmac {
    srtp_auth_t handle;
    SHA_CTX inner, outer; /* after the pad block */
    SHA_CTX now;
} hmac;

static srtp_err_status_t hmac_alloc(srtp_auth_pointer_t *ret, int key_len, int out_len)
{
    hmac *self;

    if (key_len < 0 || key_len > SHA_CBLOCK || out_len < 0 || out_len > SHA_DIGEST_LENGTH)
        return srtp_err_status_bad_param;
    self = g_new0(hmac, 1);
    self->handle = (srtp_auth_t){
        .type = &cw_srtp_hmac_sha1, .state = self, .out_len = out_len, .key_len = key_len
    };
    *ret = &self->handle;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_dealloc(srtp_auth_pointer_t handle)
{
    hmac *self = handle->state;

    OPENSSL_cleanse(self, sizeof *self);
    g_free(self);
    return srtp_err_status_ok;
}

static void hmac_pad(SHA_CTX *sha, const uint8_t *key, int key_len, uint8_t pad)
{
    uint8_t block[SHA_CBLOCK];

    memset(block, pad, sizeof block);
    for (int i = 0; i < key_len; i++)
        block[i] ^= key[i];
    SHA1_Init(sha);
    SHA1_Update(sha, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

static srtp_err_status_t hmac_init(void *state, const uint8_t *key, int key_len)
{
    hmac *self = state;

    if (key_len < 0 || key_len > SHA_CBLOCK)
        return srtp_err_status_bad_param;
    hmac_pad(&self->inner, key, key_len, 0x36);
    hmac_pad(&self->outer, key, key_len, 0x5c);
    self->now = self->inner;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_start(void *state)
{
    hmac *self = state;

    self->now = self->inner;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_update(void *state, const uint8_t *buf, int len)
{
    hmac *self = state;

    SHA1_Update(&self->now, buf, (size_t)len);
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_compute(void *state, const uint8_t *buf, int len, int tag_len,
                                      uint8_t *tag)
{
    hmac *self = state;
    uint8_t digest[SHA_DIGEST_LENGTH];

    if (tag_len < 0 || tag_len > SHA_DIGEST_LENGTH)
        return srtp_err_status_bad_param;
    SHA1_Update(&self->now, buf, (size_t)len);
    SHA1_Final(digest, &self->now);
    self->now = self->outer;
    SHA1_Update(&self->now, digest, sizeof digest);
    SHA1_Final(digest, &self->now);
    memcpy(tag, digest, (size_t)tag_len);
    return srtp_err_status_ok;
}

/* ── What libsrtp checks each type with when it is plugged in ───────────────────────────────────
 */

static const uint8_t zeros[32];

/* RFC 3711 B.2: key, then salt */
static const uint8_t icm_128_key[] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7,
                                       0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xf0, 0xf1, 0xf2, 0xf3,
                                       0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd };
static const uint8_t icm_128_out[] = { 0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80,
                                       0xe1, 0x66, 0xb1, 0x6d, 0xd9, 0x2b, 0x4e, 0xb4,
                                       0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02, 0xd0, 0xf7,
                                       0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab };
/* RFC 6188 7.1 */
static const uint8_t icm_256_key[] = { 0x57, 0xf8, 0x2f, 0xe3, 0x61, 0x3f, 0xd1, 0x70, 0xa8, 0x5e,
                                       0xc9, 0x3c, 0x40, 0xb1, 0xf0, 0x92, 0x2e, 0xc4, 0xcb, 0x0d,
                                       0xc0, 0x25, 0xb5, 0x82, 0x72, 0x14, 0x7c, 0xc4, 0x38, 0x94,
                                       0x4a, 0x98, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
                                       0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd };
static const uint8_t icm_256_out[] = { 0x92, 0xbd, 0xd2, 0x8a, 0x93, 0xc3, 0xf5, 0x25,
                                       0x11, 0xc6, 0x77, 0xd0, 0x8b, 0x55, 0x15, 0xa4,
                                       0x9d, 0xa7, 0x1b, 0x23, 0x78, 0xa8, 0x54, 0xf6,
                                       0x70, 0x50, 0x75, 0x6d, 0xed, 0x16, 0x5b, 0xac };

static const srtp_cipher_test_case_t icm_128_test = {
    .key_length_octets = 16 + SALT_CM,
    .key = icm_128_key,
    .idx = (uint8_t[IV_CM]){ 0 },
    .plaintext_length_octets = sizeof zeros,
    .plaintext = zeros,
    .ciphertext_length_octets = sizeof icm_128_out,
    .ciphertext = icm_128_out,
};
static const srtp_cipher_test_case_t icm_256_test = {
    .key_length_octets = 32 + SALT_CM,
    .key = icm_256_key,
    .idx = (uint8_t[IV_CM]){ 0 },
    .plaintext_length_octets = sizeof zeros,
    .plaintext = zeros,
    .ciphertext_length_octets = sizeof icm_256_out,
    .ciphertext = icm_256_out,
};

/* "The Galois/Counter Mode of Operation", test cases 4 and 16; the salt's place is not used. */
static const uint8_t gcm_key[32 + SALT_GCM] = { 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
                                                0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
                                                0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
                                                0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08 };
static uint8_t gcm_iv[] = {
    0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88
};
static const uint8_t gcm_aad[] = { 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
                                   0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2 };
static const uint8_t gcm_in[] = { 0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59,
                                  0x09, 0xc5, 0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53,
                                  0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
                                  0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53,
                                  0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25, 0xb1, 0x6a,
                                  0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39 };
static const uint8_t gcm_128_out[] = {
    0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21, 0xb7, 0x84, 0xd0, 0xd4, 0x9c,
    0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02, 0xa4, 0xe0, 0x35, 0xc1, 0x7e, 0x23, 0x29, 0xac, 0xa1, 0x2e,
    0x21, 0xd5, 0x14, 0xb2, 0x54, 0x66, 0x93, 0x1c, 0x7d, 0x8f, 0x6a, 0x5a, 0xac, 0x84, 0xaa, 0x05,
    0x1b, 0xa3, 0x0b, 0x39, 0x6a, 0x0a, 0xac, 0x97, 0x3d, 0x58, 0xe0, 0x91, 0x5b, 0xc9, 0x4f, 0xbc,
    0x32, 0x21, 0xa5, 0xdb, 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47
};
static const uint8_t gcm_256_out[] = {
    0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42, 0x7d,
    0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9, 0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa,
    0x8c, 0xb0, 0x8e, 0x48, 0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38,
    0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62, 0x76, 0xfc, 0x6e, 0xce,
    0x0f, 0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b
};

static const srtp_cipher_test_case_t gcm_128_test = {
    .key_length_octets = 16 + SALT_GCM,
    .key = gcm_key,
    .idx = gcm_iv,
    .plaintext_length_octets = sizeof gcm_in,
    .plaintext = gcm_in,
    .ciphertext_length_octets = sizeof gcm_128_out,
    .ciphertext = gcm_128_out,
    .aad_length_octets = sizeof gcm_aad,
    .aad = gcm_aad,
    .tag_length_octets = TAG_MAX,
};
static const srtp_cipher_test_case_t gcm_256_test = {
    .key_length_octets = 32 + SALT_GCM,
    .key = gcm_key,
    .idx = gcm_iv,
    .plaintext_length_octets = sizeof gcm_in,
    .plaintext = gcm_in,
    .ciphertext_length_octets = sizeof gcm_256_out,
    .ciphertext = gcm_256_out,
    .aad_length_octets = sizeof gcm_aad,
    .aad = gcm_aad,
    .tag_length_octets = TAG_MAX,
};

/* RFC 2202 3, test case 1 */
static const uint8_t hmac_key[20] = { 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
                                      0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b };
static const uint8_t hmac_out[20] = { 0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
                                      0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00 };
static const srtp_auth_test_case_t hmac_test = {
    .key_length_octets = sizeof hmac_key,
    .key = hmac_key,
    .data_length_octets = 8,
    .data = (const uint8_t *)"Hi There",
    .tag_length_octets = sizeof hmac_out,
    .tag = hmac_out,
};

/* ── The types ──────────────────────────────────────────────────────────────────────────────────
 */

#define ICM(bits, text)                                                                            \
    static const srtp_cipher_type_t icm_##bits = {                                                 \
        .alloc = icm_##bits##_alloc,                                                               \
        .dealloc = aes_dealloc,                                                                    \
        .init = icm_init,                                                                          \
        .encrypt = icm_crypt,                                                                      \
        .decrypt = icm_crypt,                                                                      \
        .set_iv = icm_set_iv,                                                                      \
        .description = text,                                                                       \
        .test_data = &icm_##bits##_test,                                                           \
        .id = SRTP_AES_ICM_##bits,                                                                 \
    }
#define GCM(bits, text)                                                                            \
    static const srtp_cipher_type_t gcm_##bits = {                                                 \
        .alloc = gcm_##bits##_alloc,                                                               \
        .dealloc = aes_dealloc,                                                                    \
        .init = aes_init,                                                                          \
        .set_aad = gcm_set_aad,                                                                    \
        .encrypt = gcm_encrypt,                                                                    \
        .decrypt = gcm_decrypt,                                                                    \
        .set_iv = gcm_set_iv,                                                                      \
        .get_tag = gcm_get_tag,                                                                    \
        .description = text,                                                                       \
        .test_data = &gcm_##bits##_test,                                                           \
        .id = SRTP_AES_GCM_##bits,                                                                 \
    }

ICM(128, "AES-128 counter mode by OpenSSL");
ICM(256, "AES-256 counter mode by OpenSSL");
GCM(128, "AES-128 GCM by OpenSSL");
GCM(256, "AES-256 GCM by OpenSSL");

const srtp_cipher_type_t *const cw_srtp_ciphers[CW_SRTP_CIPHERS] = { &icm_128, &icm_256, &gcm_128,
                                                                     &gcm_256 };

const srtp_auth_type_t cw_srtp_hmac_sha1 = {
    .alloc = hmac_alloc,
    .dealloc = hmac_dealloc,
    .init = hmac_init,
    .compute = hmac_compute,
    .update = hmac_update,
    .start = hmac_start,
    .description = "HMAC-SHA1 by OpenSSL",
    .test_data = &hmac_test,
    .id = SRTP_HMAC_SHA1,
};
