/* An SSL object holds 74 KB; to hear a peer repeat its last flight or say good-bye, its record key
 * is enough. */
#include "webrtc/dtls_priv.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

#define HEADER       13 /* RFC 6347 4.1 */
#define EXPLICIT     8  /* nonce on the wire, RFC 5288 3 */
#define TAG          16
#define ALERT        21
#define ALERT_LEN    2
#define HANDSHAKE    22
#define FINISHED     20
#define FINISHED_LEN 24 /* RFC 6347 4.2.2, RFC 5246 7.4.9 */

#define LEVEL_FATAL  2 /* RFC 5246 7.2 */
#define CLOSE_NOTIFY 0

/* RFC 5246 6.3 */
static bool key_block(SSL *ssl, const EVP_MD *md, uint8_t *ret, size_t len)
{
    static char label[] = "key expansion";
    uint8_t master[SSL_MAX_MASTER_KEY_LENGTH], seed[2 * SSL3_RANDOM_SIZE];
    size_t master_len = SSL_SESSION_get_master_key(SSL_get0_session(ssl), master, sizeof master);
    EVP_KDF *kdf = EVP_KDF_fetch(cw_dtls_lib(), "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)EVP_MD_get0_name(md), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, master_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label, sizeof label - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
        OSSL_PARAM_construct_end(),
    };
    bool ok;

    SSL_get_server_random(ssl, seed, SSL3_RANDOM_SIZE);
    SSL_get_client_random(ssl, seed + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
    ok = ctx && EVP_KDF_derive(ctx, ret, len, params) > 0;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    OPENSSL_cleanse(master, sizeof master);
    return ok;
}

void cw_dtls_ear_init(cw_dtls_ear *ear, SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    uint8_t block[2 * 32 + 2 * 4]; /* client key, server key, client IV, server IV */
    size_t key_len = SSL_CIPHER_get_bits(cipher, NULL) == 256 ? 32 : 16;
    bool from_client = SSL_is_server(ssl);

    cw_dtls_ear_clear(ear);
    if (!key_block(ssl, SSL_CIPHER_get_handshake_digest(cipher), block, 2 * key_len + 8))
        return;
    memcpy(ear->key, from_client ? block : block + key_len, key_len);
    memcpy(ear->iv, block + 2 * key_len + (from_client ? 0 : 4), sizeof ear->iv);
    ear->key_len = key_len;
    OPENSSL_cleanse(block, sizeof block);
}

void cw_dtls_ear_clear(cw_dtls_ear *ear)
{
    OPENSSL_cleanse(ear, sizeof *ear);
}

/* Open one record of `len` bytes of plain text: its sequence number, type and version are
 * authenticated (RFC 5246 6.2.3.3), with the length of the plain text. */
static bool open_record(const cw_dtls_ear *ear, const uint8_t *record, uint8_t len, uint8_t *ret)
{
    uint8_t nonce[4 + EXPLICIT], aad[HEADER];
    const uint8_t *text = record + HEADER + EXPLICIT;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;
    bool ok;

    memcpy(nonce, ear->iv, 4);
    memcpy(nonce + 4, record + HEADER, EXPLICIT);
    memcpy(aad, record + 3, 8); /* epoch and sequence number */
    memcpy(aad + 8, record, 3); /* type, version */
    memcpy(aad + 11, (uint8_t[]){ 0, len }, 2);
    ok = ctx &&
         EVP_DecryptInit_ex(ctx, ear->key_len == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(), NULL,
                            ear->key, nonce) &&
         EVP_DecryptUpdate(ctx, NULL, &n, aad, sizeof aad) &&
         EVP_DecryptUpdate(ctx, ret, &n, text, len) &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(text + len)) &&
         EVP_DecryptFinal_ex(ctx, ret + len, &n) > 0;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool is_close(const cw_dtls_ear *ear, const uint8_t *record, size_t body)
{
    uint8_t alert[ALERT_LEN + 16]; /* room, though GCM's end writes nothing */

    return record[0] == ALERT && body == EXPLICIT + ALERT_LEN + TAG &&
           open_record(ear, record, ALERT_LEN, alert) &&
           (alert[0] == LEVEL_FATAL || alert[1] == CLOSE_NOTIFY);
}

static uint64_t sequence(const uint8_t *record)
{
    uint64_t seq = 0;

    for (unsigned i = 5; i < 11; i++)
        seq = seq << 8 | record[i];
    return seq;
}

/* A repetition has a number of its own (RFC 6347 4.2.4): one that has been seen is a replay. */
static bool is_repeat(cw_dtls_ear *ear, const uint8_t *record, size_t body)
{
    uint8_t text[FINISHED_LEN + 16];

    if (record[0] != HANDSHAKE || body != EXPLICIT + FINISHED_LEN + TAG ||
        sequence(record) <= ear->seq || !open_record(ear, record, FINISHED_LEN, text) ||
        text[0] != FINISHED)
        return false;
    ear->seq = sequence(record);
    return true;
}

cw_dtls_heard cw_dtls_ear_hears(cw_dtls_ear *ear, const uint8_t *data, size_t len)
{
    while (ear->key_len && len >= HEADER) {
        size_t body = (size_t)(data[11] << 8 | data[12]);
        bool is_sealed = data[3] == 0 && data[4] == 1; /* epoch 1: after the handshake */

        if (body > len - HEADER)
            return CW_DTLS_NOTHING;
        if (is_sealed && is_close(ear, data, body))
            return CW_DTLS_CLOSE;
        if (is_sealed && is_repeat(ear, data, body))
            return CW_DTLS_REPEAT;
        data += HEADER + body;
        len -= HEADER + body;
    }
    return CW_DTLS_NOTHING;
}
