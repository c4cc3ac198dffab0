#include "dtls-client.h"

#include <glib.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/srtp.h>
#include <string.h>

static X509 *cert_make(EVP_PKEY *key)
{
    X509 *cert = X509_new();

    X509_set_version(cert, 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -2000); /* out of date: nobody may care */
    X509_gmtime_adj(X509_getm_notAfter(cert), -1000);
    X509_set_pubkey(cert, key);
    g_assert_true(X509_sign(cert, key, EVP_sha256()));
    return cert;
}

cw_fingerprint dtls_client_print(const X509 *cert, const char *hash)
{
    cw_fingerprint ret = { 0 };
    unsigned len;
    EVP_MD *md = EVP_MD_fetch(NULL, hash, NULL);

    g_strlcpy(ret.hash, hash, sizeof ret.hash);
    g_assert_true(X509_digest(cert, md, ret.value, &len));
    ret.len = len;
    EVP_MD_free(md);
    return ret;
}

static int wire_write(BIO *bio, const char *data, int len)
{
    dtls_client *c = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    c->send(c->arg, (const uint8_t *)data, (size_t)len);
    return len;
}

static int wire_read(BIO *bio, char *ret, int size)
{
    dtls_client *c = BIO_get_data(bio);
    int n = (int)MIN(c->in_len, (size_t)size);

    BIO_clear_retry_flags(bio);
    if (!c->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(ret, c->in, (size_t)n);
    c->in = NULL;
    return n;
}

static long wire_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    return cmd == BIO_CTRL_DGRAM_GET_MTU_OVERHEAD ? 28 : cmd == BIO_CTRL_FLUSH;
}

static int wire_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *wire_bio(void)
{
    static BIO_METHOD *method;

    if (!method) {
        method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wire");
        BIO_meth_set_write(method, wire_write);
        BIO_meth_set_read(method, wire_read);
        BIO_meth_set_ctrl(method, wire_ctrl);
        BIO_meth_set_create(method, wire_create);
    }
    return method;
}

static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
    return last_us == 0 ? 50000 : MIN(last_us * 2, 400000);
}

static void lengthen(SSL *ssl, size_t len)
{
    g_autofree uint8_t *names = g_malloc(len);

    for (size_t i = 0; i < len; i++)
        names[i] = i % 100 ? 'x' : 99;
    g_assert_cmpint(SSL_set_alpn_protos(ssl, names, (unsigned)len), ==, 0);
}

void dtls_client_start(dtls_client *c, const dtls_client_conf *conf)
{
    EVP_PKEY *key = conf->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    BIO *bio = BIO_new(wire_bio());

    dtls_client_clear(c);
    c->cert = cert_make(key);
    c->ctx = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_options(c->ctx, SSL_OP_NO_QUERY_MTU);
    g_assert_true(SSL_CTX_set_cipher_list(c->ctx, conf->ciphers ? conf->ciphers : "DEFAULT"));
    if (conf->groups)
        g_assert_true(SSL_CTX_set1_groups_list(c->ctx, conf->groups));
    if (conf->profiles)
        g_assert_false(SSL_CTX_set_tlsext_use_srtp(c->ctx, conf->profiles));
    if (!conf->nameless) {
        SSL_CTX_use_certificate(c->ctx, c->cert);
        SSL_CTX_use_PrivateKey(c->ctx, key);
    }
    c->ssl = SSL_new(c->ctx);
    BIO_set_data(bio, c);
    SSL_set_bio(c->ssl, bio, bio);
    SSL_set_connect_state(c->ssl);
    DTLS_set_timer_cb(c->ssl, next_timeout);
    SSL_set_mtu(c->ssl, conf->mtu ? conf->mtu : 1200);
    if (conf->alpn)
        lengthen(c->ssl, conf->alpn);
    EVP_PKEY_free(key);
}

void dtls_client_stop(dtls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    c->ssl = NULL;
    c->ctx = NULL;
}

void dtls_client_clear(dtls_client *c)
{
    dtls_client_stop(c);
    X509_free(c->cert);
    c->cert = NULL;
}

void dtls_client_run(dtls_client *c)
{
    uint8_t buf[2048];

    if (!c->ssl)
        return;
    ERR_clear_error();
    while (SSL_read(c->ssl, buf, sizeof buf) > 0)
        ;
    if (SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN)
        c->closed = true;
    ERR_clear_error();
}

void dtls_client_timer(dtls_client *c)
{
    if (c->ssl && DTLSv1_handle_timeout(c->ssl) > 0)
        dtls_client_run(c);
    ERR_clear_error();
}

void dtls_client_feed(dtls_client *c, const uint8_t *data, size_t len)
{
    c->in = data;
    c->in_len = len;
    dtls_client_run(c);
    c->in = NULL;
}

bool dtls_client_done(const dtls_client *c)
{
    return c->ssl && SSL_is_init_finished(c->ssl);
}

cw_srtp_keys dtls_client_keys(const dtls_client *c)
{
    unsigned long id = SSL_get_selected_srtp_profile(c->ssl)->id;
    size_t key = id == SRTP_AEAD_AES_256_GCM ? 32 : 16;
    size_t salt = id == SRTP_AES128_CM_SHA1_80 ? 14 : 12;
    cw_srtp_keys ret = { .suite = id == SRTP_AES128_CM_SHA1_80  ? CW_SRTP_AES128_CM_SHA1_80
                                  : id == SRTP_AEAD_AES_256_GCM ? CW_SRTP_AEAD_AES_256_GCM
                                                                : CW_SRTP_AEAD_AES_128_GCM };
    uint8_t block[2 * CW_SRTP_KEY_MAX];

    g_assert_cmpint(SSL_export_keying_material(c->ssl, block, 2 * (key + salt),
                                               "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0),
                    ==, 1);
    memcpy(ret.tx, block, key);
    memcpy(ret.rx, block + key, key);
    memcpy(ret.tx + key, block + 2 * key, salt);
    memcpy(ret.rx + key, block + 2 * key + salt, salt);
    return ret;
}
