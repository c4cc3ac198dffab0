/* dtls.c - DTLS 1.2 client with use_srtp (RFC 5763, 5764) by OpenSSL. */
#include "webpeer.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

static SSL_CTX *ctx;
static BIO_METHOD *method;
static char fingerprint[32 * 3];

/* ── One datagram a write, one a read ── */

static int bio_write(BIO *bio, const char *data, int len)
{
    wp_ep *ep = BIO_get_data(bio);

    wp_send(ep, ep->sock, data, (size_t)len, &ep->remote);
    return len;
}

static int bio_read(BIO *bio, char *data, int cap)
{
    wp_ep *ep = BIO_get_data(bio);
    int len = (int)MIN(ep->dtls_in_len, (size_t)cap);

    BIO_clear_retry_flags(bio);
    if (!ep->dtls_in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, ep->dtls_in, (size_t)len);
    ep->dtls_in = NULL;
    return len;
}

static long bio_ctrl(BIO *bio, int cmd, long larg, void *parg)
{
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return 1200;
    default:
        return 0;
    }
}

/* ── Certificate ── */

/* Any certificate will do here; its fingerprint is compared after the handshake. */
static int verify(int ok, X509_STORE_CTX *store)
{
    return 1;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400 * 30);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"webpeer", -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    return cert;
}

static void print_fingerprint(X509 *cert)
{
    uint8_t digest[32];
    unsigned len = sizeof digest;

    X509_digest(cert, EVP_sha256(), digest, &len);
    for (unsigned i = 0; i < len; i++)
        g_snprintf(fingerprint + i * 3, 4, i + 1 < len ? "%02X:" : "%02X", digest[i]);
}

bool wp_dtls_init(const char *suites)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_certificate(key);
    bool ok;

    ctx = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, verify);
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
    ok = SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
         SSL_CTX_set_tlsext_use_srtp(ctx, suites) == 0;
    print_fingerprint(cert);
    X509_free(cert);
    EVP_PKEY_free(key);
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "webpeer");
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_ctrl);
    return ok;
}

const char *wp_dtls_fingerprint(void)
{
    return fingerprint;
}

/* ── Handshake ── */

static bool is_expected(wp_ep *ep)
{
    X509 *cert = SSL_get1_peer_certificate(ep->ssl);
    uint8_t digest[32];
    unsigned len = sizeof digest;
    bool ok = cert && X509_digest(cert, EVP_sha256(), digest, &len) == 1 &&
              !memcmp(digest, ep->fingerprint, 32);

    X509_free(cert);
    return ok;
}

static cw_srtp_suite suite_of(const SSL *ssl)
{
    const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile((SSL *)(uintptr_t)ssl);

    switch (profile ? profile->id : 0) {
    case SRTP_AES128_CM_SHA1_80:
        return CW_SRTP_AES128_CM_SHA1_80;
    case SRTP_AES128_CM_SHA1_32:
        return CW_SRTP_AES128_CM_SHA1_32;
    case SRTP_AEAD_AES_128_GCM:
        return CW_SRTP_AEAD_AES_128_GCM;
    case SRTP_AEAD_AES_256_GCM:
        return CW_SRTP_AEAD_AES_256_GCM;
    default:
        return CW_SRTP_NONE;
    }
}

/* RFC 5764 4.2: client key, server key, client salt, server salt */
static bool export_keys(wp_ep *ep, cw_srtp_keys *keys)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    uint8_t block[2 * CW_SRTP_KEY_MAX];
    size_t key, salt;

    *keys = (cw_srtp_keys){ .suite = suite_of(ep->ssl) };
    if (keys->suite == CW_SRTP_NONE)
        return false;
    key = keys->suite == CW_SRTP_AEAD_AES_256_GCM ? 32 : 16;
    salt = cw_srtp_key_len(keys->suite) - key;
    if (SSL_export_keying_material(ep->ssl, block, 2 * (key + salt), label, sizeof label - 1, NULL,
                                   0, 0) != 1)
        return false;
    memcpy(keys->tx, block, key);
    memcpy(keys->rx, block + key, key);
    memcpy(keys->tx + key, block + 2 * key, salt);
    memcpy(keys->rx + key, block + 2 * key + salt, salt);
    return true;
}

static void finished(wp_ep *ep)
{
    cw_srtp_keys keys;

    if (!is_expected(ep)) {
        wp_fail(ep, "the certificate has another fingerprint than the SDP says");
        return;
    }
    if (!export_keys(ep, &keys) || cw_srtp_new(&keys, &ep->srtp)) {
        wp_fail(ep, "no SRTP keys");
        return;
    }
    ep->state = WP_CONNECTED;
    wp_event(ep, "connected", "info",
             json_pack("{s:s, s:I, s:I}", "suite", cw_srtp_suite_name(keys.suite), "ice_ms",
                       (json_int_t)ep->ice_ms, "ms", (json_int_t)(wp_now_ms() - ep->started_ms)));
}

static void step(wp_ep *ep)
{
    int ret = SSL_do_handshake(ep->ssl);

    if (ret == 1) {
        finished(ep);
        return;
    }
    if (SSL_get_error(ep->ssl, ret) != SSL_ERROR_WANT_READ)
        wp_fail(ep, "the DTLS handshake failed");
    ERR_clear_error();
}

/* As Chromium: 50 ms, then twice as long each time (RFC 6347 4.2.4.1 would begin with a second). */
static unsigned next_timeout_us(SSL *ssl, unsigned last_us)
{
    return last_us ? MIN(last_us * 2, 3000000) : 50000;
}

void wp_dtls_start(wp_ep *ep)
{
    BIO *bio = BIO_new(method);

    BIO_set_data(bio, ep);
    BIO_set_init(bio, 1);
    ep->ssl = SSL_new(ctx);
    SSL_set_bio(ep->ssl, bio, bio);
    DTLS_set_link_mtu(ep->ssl, 1200);
    DTLS_set_timer_cb(ep->ssl, next_timeout_us);
    SSL_set_connect_state(ep->ssl);
    ep->state = WP_HANDSHAKE;
    step(ep);
}

void wp_dtls_goodbye(wp_ep *ep)
{
    if (ep->ssl)
        SSL_shutdown(ep->ssl);
    ERR_clear_error();
}

/* Made once; each time with another random, which makes it another client's (RFC 5246 7.4.1.2). */
void wp_dtls_hello(wp_ep *ep)
{
    enum { RANDOM_AT = 13 + 12 + 2, RANDOM_LEN = 32 }; /* record, handshake header, version */
    static uint8_t hello[WP_PACKET_MAX];
    static int len;

    if (!len) {
        SSL *ssl = SSL_new(ctx);
        BIO *out = BIO_new(BIO_s_mem());

        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
        DTLS_set_link_mtu(ssl, 1200);
        SSL_set_connect_state(ssl);
        SSL_do_handshake(ssl);
        len = BIO_read(out, hello, sizeof hello);
        SSL_free(ssl);
        ERR_clear_error();
    }
    RAND_bytes(hello + RANDOM_AT, RANDOM_LEN);
    wp_send(ep, ep->sock, hello, (size_t)len, &ep->remote);
}

void wp_dtls_packet(wp_ep *ep, const uint8_t *data, size_t len)
{
    uint8_t rest[256];

    if (!ep->ssl || ep->state == WP_FAILED)
        return;
    ep->dtls_in = data;
    ep->dtls_in_len = len;
    if (ep->state == WP_HANDSHAKE) {
        step(ep);
    } else if (SSL_read(ep->ssl, rest, sizeof rest) <= 0 &&
               SSL_get_shutdown(ep->ssl) & SSL_RECEIVED_SHUTDOWN) {
        wp_event(ep, "dtls-closed", NULL, NULL);
    }
    ep->dtls_in = NULL;
    ERR_clear_error();
}

void wp_dtls_tick(wp_ep *ep)
{
    if (ep->state == WP_HANDSHAKE && DTLSv1_handle_timeout(ep->ssl) < 0)
        wp_fail(ep, "the DTLS handshake timed out");
}
