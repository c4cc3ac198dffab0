/* SHA1_* is deprecated in OpenSSL 3, yet EVP's HMAC costs twice as much for a 20 ms packet. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "media/srtp/srtp_evp.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#define SALT_CM  14 /* RFC 3711 4.1.1 */
#define SALT_GCM 12 /* RFC 7714 8.1 */
#define LABEL_AT 7  /* RFC 3711 4.3.1: over a 48-bit packet index of zero */

/* Fetched once: naming a cipher to each context anew takes a lock and a search. */
static EVP_CIPHER *ctr_128, *ctr_256, *gcm_128, *gcm_256;

cw_err cw_srtp_evp_init(void)
{
    if (ctr_128)
        return CW_OK;
    ctr_128 = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    ctr_256 = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    gcm_128 = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    gcm_256 = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    return ctr_128 && ctr_256 && gcm_128 && gcm_256 ? CW_OK : CW_E_INTERNAL;
}

/* ── A thread's own ── */
typedef struct scratch {
    EVP_CIPHER_CTX *ctr[2], *gcm[2]; /* by whether the key has 32 bytes; NULL: not used yet */
} scratch;

static void scratch_free(gpointer data)
{
    scratch *s = data;

    for (unsigned i = 0; i < 2; i++) {
        EVP_CIPHER_CTX_free(s->ctr[i]);
        EVP_CIPHER_CTX_free(s->gcm[i]);
    }
    g_free(s);
}

static EVP_CIPHER_CTX *lend(bool gcm, size_t key_len)
{
    static GPrivate own = G_PRIVATE_INIT(scratch_free);
    scratch *s = g_private_get(&own);
    EVP_CIPHER_CTX **at;

    if (!s) {
        s = g_new0(scratch, 1);
        g_private_set(&own, s);
    }
    at = &(gcm ? s->gcm : s->ctr)[key_len == 32];
    if (!*at)
        *at = EVP_CIPHER_CTX_new();
    return *at;
}

static const EVP_CIPHER *cipher_of(bool gcm, size_t key_len)
{
    if (gcm)
        return key_len == 32 ? gcm_256 : gcm_128;
    return key_len == 32 ? ctr_256 : ctr_128;
}

/* ── Keys ── */
static void sha_take(SHA_CTX *sha, const uint32_t state[5])
{
    *sha = (SHA_CTX){ .h0 = state[0],
                      .h1 = state[1],
                      .h2 = state[2],
                      .h3 = state[3],
                      .h4 = state[4],
                      .Nl = SHA_CBLOCK * 8 };
}

/* The state after the one block that is the key under `pad` (RFC 2104 2). */
static void hmac_pad(uint32_t state[5], const uint8_t *key, uint8_t pad)
{
    uint8_t block[SHA_CBLOCK];
    SHA_CTX sha;

    memset(block, pad, sizeof block);
    for (size_t i = 0; i < CW_SRTP_MAC; i++)
        block[i] ^= key[i];
    SHA1_Init(&sha);
    SHA1_Update(&sha, block, sizeof block);
    memcpy(state, (uint32_t[]){ sha.h0, sha.h1, sha.h2, sha.h3, sha.h4 }, 5 * sizeof *state);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(&sha, sizeof sha);
}

void cw_srtp_crypt_part(cw_srtp_crypt *crypt, const uint8_t *salt, const uint8_t *auth)
{
    memset(crypt, 0, sizeof *crypt);
    memcpy(crypt->salt, salt, auth ? SALT_CM : SALT_GCM);
    if (auth) {
        hmac_pad(crypt->inner, auth, 0x36);
        hmac_pad(crypt->outer, auth, 0x5c);
    }
}

cw_err cw_srtp_crypt_lend(cw_srtp_crypt *crypt, const uint8_t *key, size_t key_len, bool gcm,
                          bool seals)
{
    crypt->aes = lend(gcm, key_len);
    return crypt->aes && EVP_CipherInit_ex(crypt->aes, cipher_of(gcm, key_len), NULL, key, NULL,
                                           !gcm || seals)
               ? CW_OK
               : CW_E_INTERNAL;
}

cw_err cw_srtp_crypt_init(cw_srtp_crypt *crypt, const uint8_t *key, size_t key_len,
                          const uint8_t *salt, const uint8_t *auth, bool seals)
{
    cw_srtp_crypt_part(crypt, salt, auth);
    crypt->aes = EVP_CIPHER_CTX_new();
    if (crypt->aes &&
        EVP_CipherInit_ex(crypt->aes, cipher_of(!auth, key_len), NULL, key, NULL, auth || seals))
        return CW_OK;
    cw_srtp_crypt_clear(crypt);
    return CW_E_INTERNAL;
}

void cw_srtp_crypt_clear(cw_srtp_crypt *crypt)
{
    EVP_CIPHER_CTX_free(crypt->aes);
    OPENSSL_cleanse(crypt, sizeof *crypt);
}

cw_err cw_srtp_derive(const uint8_t *master, size_t key_len, const uint8_t salt[14], uint8_t label,
                      uint8_t *ret, size_t len)
{
    EVP_CIPHER_CTX *aes = lend(false, key_len);
    uint8_t iv[CW_SRTP_IV] = { 0 };
    int done;
    bool ok;

    memcpy(iv, salt, SALT_CM);
    iv[LABEL_AT] ^= label;
    memset(ret, 0, len);
    ok = aes && EVP_CipherInit_ex(aes, cipher_of(false, key_len), NULL, master, iv, 1) &&
         EVP_CipherUpdate(aes, ret, &done, ret, (int)len);
    return ok ? CW_OK : CW_E_INTERNAL;
}

/* ── Packets ── */
cw_err cw_srtp_ctr(cw_srtp_crypt *crypt, const uint8_t iv[CW_SRTP_IV], uint8_t *data, size_t len)
{
    int done;

    if (!EVP_CipherInit_ex(crypt->aes, NULL, NULL, NULL, iv, -1))
        return CW_E_INTERNAL;
    if (len > 0 && !EVP_CipherUpdate(crypt->aes, data, &done, data, (int)len))
        return CW_E_INTERNAL;
    return CW_OK;
}

void cw_srtp_mac(const cw_srtp_crypt *crypt, const uint8_t *data, size_t len, const uint8_t *more,
                 size_t more_len, uint8_t ret[CW_SRTP_MAC])
{
    SHA_CTX sha;

    sha_take(&sha, crypt->inner);
    SHA1_Update(&sha, data, len);
    SHA1_Update(&sha, more, more_len);
    SHA1_Final(ret, &sha);
    sha_take(&sha, crypt->outer);
    SHA1_Update(&sha, ret, CW_SRTP_MAC);
    SHA1_Final(ret, &sha);
}

cw_err cw_srtp_gcm(cw_srtp_crypt *crypt, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                   const uint8_t *more, size_t more_len, uint8_t *data, size_t len, bool seals)
{
    EVP_CIPHER_CTX *aes = crypt->aes;
    int done = 0;

    if (!EVP_CipherInit_ex(aes, NULL, NULL, NULL, iv, -1) ||
        !EVP_CipherUpdate(aes, NULL, &done, aad, (int)aad_len) ||
        (more_len > 0 && !EVP_CipherUpdate(aes, NULL, &done, more, (int)more_len)) ||
        (len > 0 && !EVP_CipherUpdate(aes, data, &done, data, (int)len)))
        return CW_E_INTERNAL;
    if (!seals) {
        if (!EVP_CIPHER_CTX_ctrl(aes, EVP_CTRL_AEAD_SET_TAG, CW_SRTP_GCM_TAG, data + len))
            return CW_E_INTERNAL;
        return EVP_CipherFinal_ex(aes, data + len, &done) > 0 ? CW_OK : CW_E_INTEGRITY;
    }
    if (!EVP_CipherFinal_ex(aes, data + len, &done) ||
        !EVP_CIPHER_CTX_ctrl(aes, EVP_CTRL_AEAD_GET_TAG, CW_SRTP_GCM_TAG, data + len))
        return CW_E_INTERNAL;
    return CW_OK;
}
