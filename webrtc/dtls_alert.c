/* An SSL object holds 74 KB; to hear a peer say good-bye later, its record key is enough. */
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

#define LEVEL_FATAL  2 /* RFC 5246 7.2 */
#define CLOSE_NOTIFY 0

/* RFC 5246 6.3 */
static bool key_block(SSL *ssl, const EVP_MD *md, uint8_t *ret, size_t len)
{
    static char label[] = "key expansion";
    uint8_t master[SSL_MAX_MASTER_KEY_LENGTH], seed[2 * SSL3_RANDOM_SIZE];
    size_t master_len = SSL_SESSION_get_master_key(SSL_get0_session(ssl), master, sizeof master);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
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

/* Open one alert record: its sequence number, type and version are authenticated (RFC
 * 5246 6.2.3.3), with the length of the plain text. */
static bool open_alert(const cw_dtls_ear *ear, const uint8_t *record, uint8_t alert[ALERT_LEN])
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
    memcpy(aad + 11, (uint8_t[]){ 0, ALERT_LEN }, 2);
    ok = ctx &&
         EVP_DecryptInit_ex(ctx, ear->key_len == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(), NULL,
                            ear->key, nonce) &&
         EVP_DecryptUpdate(ctx, NULL, &n, aad, sizeof aad) &&
         EVP_DecryptUpdate(ctx, alert, &n, text, ALERT_LEN) &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(text + ALERT_LEN)) &&
         EVP_DecryptFinal_ex(ctx, alert + ALERT_LEN, &n) > 0;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool is_close(const cw_dtls_ear *ear, const uint8_t *record, size_t body)
{
    uint8_t alert[ALERT_LEN + 16]; /* room, though GCM's end writes nothing */

    if (record[0] != ALERT || body != EXPLICIT + ALERT_LEN + TAG || record[3] != 0 ||
        record[4] != 1) /* epoch 1: after the handshake */
        return false;
    return open_alert(ear, record, alert) && (alert[0] == LEVEL_FATAL || alert[1] == CLOSE_NOTIFY);
}

bool cw_dtls_ear_hears_close(const cw_dtls_ear *ear, const uint8_t *data, size_t len)
{
    while (ear->key_len && len >= HEADER) {
        size_t body = (size_t)(data[11] << 8 | data[12]);

        if (body > len - HEADER)
            return false;
        if (is_close(ear, data, body))
            return true;
        data += HEADER + body;
        len -= HEADER + body;
    }
    return false;
}
