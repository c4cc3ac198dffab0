/* cert.c - the certificate browsers see: read again while connections go on, and described. */
#include "api/priv.h"

#include "sip/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

void cw_cert_use(cw_api *api, struct ssl_ctx_st *ctx)
{
    api->tls_ctx = ctx;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
}

/* A file's leaf, chain and key, taken as one: what does not fit together changes nothing. */
typedef struct pair {
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
} pair;

static void pair_clear(pair *p)
{
    X509_free(p->leaf);
    sk_X509_pop_free(p->chain, X509_free);
    EVP_PKEY_free(p->key);
}

static cw_err read_chain(const char *path, pair *ret)
{
    BIO *in = BIO_new_file(path, "r");
    X509 *more;

    if (!in)
        return CW_E_IO;
    ret->leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    ret->chain = sk_X509_new_null();
    while (ret->leaf && ret->chain && (more = PEM_read_bio_X509(in, NULL, NULL, NULL)))
        sk_X509_push(ret->chain, more);
    BIO_free(in);
    return ret->leaf && ret->chain ? CW_OK : CW_E_SYNTAX;
}

static cw_err read_key(const char *path, pair *ret)
{
    BIO *in = BIO_new_file(path, "r");

    if (!in)
        return CW_E_IO;
    ret->key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    BIO_free(in);
    return ret->key ? CW_OK : CW_E_SYNTAX;
}

cw_err cw_api_tls_reload(cw_api *api, char why[static 128])
{
    pair fresh = { 0 };
    cw_err err = api->tls_ctx ? CW_OK : CW_E_STATE;

    if (!err && read_chain(api->web->tls_certificate, &fresh)) {
        g_snprintf(why, 128, "web.tls_certificate: %.80s is no certificate", //
                   api->web->tls_certificate);
        err = CW_E_CONF;
    }
    if (!err && read_key(api->web->tls_key, &fresh)) {
        g_snprintf(why, 128, "web.tls_key: %.80s is no key", api->web->tls_key);
        err = CW_E_CONF;
    }
    if (!err &&
        (X509_check_private_key(fresh.leaf, fresh.key) != 1 ||
         SSL_CTX_use_cert_and_key(api->tls_ctx, fresh.leaf, fresh.key, fresh.chain, 1) != 1)) {
        g_strlcpy(why, "web.tls_key is not the key of web.tls_certificate", 128);
        err = CW_E_CONF;
    }
    ERR_clear_error();
    pair_clear(&fresh);
    return err;
}

json_t *cw_api_tls_json(const cw_api *api)
{
    return api->tls_ctx ? cw_certificate_json(SSL_CTX_get0_certificate(api->tls_ctx)) : NULL;
}
