#include "sip/net/tls.h"

#include "base/json.h"
#include "base/log.h"
#include "sip/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define CHAIN_MAX 65536 /* bytes of a certificate chain; one that is longer ends the handshake */
#define NAMES_MAX 64    /* names of one certificate that are looked at */
/* RFC 9325 4.2: forward secrecy and AEAD; TLS 1.3 has its own. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"

struct cw_tls_profile {
    char *certificate, *key, *authorities; /* paths; NULL: none, none, the machine's */
    SSL_CTX *client;
};

struct cw_tls {
    const cw_conf *conf;
    SSL_CTX *server;     /* NULL: no certificate */
    GPtrArray *profiles; /* cw_tls_profile; the first is that of sip.tls_* */
};

/* --- contexts --- */

void cw_tls_why(const SSL *ssl, char why[static 128])
{
    long checked = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    unsigned long code = ERR_peek_error();

    if (checked != X509_V_OK)
        g_snprintf(why, 128, "%s", X509_verify_cert_error_string(checked));
    else if (code && ERR_reason_error_string(code))
        g_snprintf(why, 128, "%s", ERR_reason_error_string(code));
    else
        g_strlcpy(why, "the connection ended in the handshake", 128);
    ERR_clear_error();
}

static cw_err fault(const char *file, char why[static 128]) CW_ON_LOOP
{
    char reason[128];

    cw_tls_why(NULL, reason);
    g_snprintf(why, 128, "%.60s: %.60s", file, reason);
    return CW_E_CONF;
}

static cw_err use_certificate(SSL_CTX *ctx, const char *certificate, const char *key,
                              char why[static 128]) CW_ON_LOOP
{
    const char *of = key && *key ? key : certificate;

    if (!certificate || !*certificate)
        return CW_OK;
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return fault(certificate, why);
    if (SSL_CTX_use_PrivateKey_file(ctx, of, SSL_FILETYPE_PEM) != 1)
        return fault(of, why);
    return SSL_CTX_check_private_key(ctx) == 1 ? CW_OK : fault(of, why);
}

static cw_err use_authorities(SSL_CTX *ctx, const char *authorities,
                              char why[static 128]) CW_ON_LOOP
{
    if (!authorities || !*authorities) {
        SSL_CTX_set_default_verify_paths(ctx);
        return CW_OK;
    }
    return SSL_CTX_load_verify_file(ctx, authorities) == 1 ? CW_OK : fault(authorities, why);
}

static SSL_CTX *make_ctx(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, CIPHERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(ctx, CHAIN_MAX);
    return ctx;
}

static cw_err client_ctx(const cw_tls_profile *profile, SSL_CTX **ret,
                         char why[static 128]) CW_ON_LOOP
{
    SSL_CTX *ctx = make_ctx(TLS_client_method());
    cw_err err = ctx ? use_certificate(ctx, profile->certificate, profile->key, why) : CW_E_IO;

    if (!err)
        err = use_authorities(ctx, profile->authorities, why);
    if (err) {
        SSL_CTX_free(ctx);
        return err;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    *ret = ctx;
    return CW_OK;
}

/* Certificates for SIP often may only be servers' (RFC 5924 says why that is no loss). */
static int check_client(X509_STORE_CTX *store, void *unused)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(store);

    X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(store),
                                  X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT, 0) == 1
                                      ? X509_PURPOSE_SSL_CLIENT
                                      : X509_PURPOSE_SSL_SERVER);
    return X509_verify_cert(store);
}

static int client_mode(const struct cw_conf_sip *conf)
{
    if (strcmp(conf->tls_clients, "require") == 0)
        return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    return strcmp(conf->tls_clients, "ask") == 0 ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
}

static cw_err server_ctx(const cw_conf *conf, SSL_CTX **ret, char why[static 128]) CW_ON_LOOP
{
    const struct cw_conf_sip *sip = &conf->sip;
    SSL_CTX *ctx;
    cw_err err;

    *ret = NULL;
    if (!sip->tls_certificate || !*sip->tls_certificate)
        return CW_OK;
    ctx = make_ctx(TLS_server_method());
    err = ctx ? use_certificate(ctx, sip->tls_certificate, sip->tls_key, why) : CW_E_IO;
    if (!err)
        err = use_authorities(ctx, sip->tls_authorities, why);
    if (err) {
        SSL_CTX_free(ctx);
        return err;
    }
    SSL_CTX_set_verify(ctx, client_mode(sip), NULL);
    SSL_CTX_set_cert_verify_callback(ctx, check_client, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    *ret = ctx;
    return CW_OK;
}

/* --- the set of them --- */

static void profile_free(void *data)
{
    cw_tls_profile *profile = data;

    SSL_CTX_free(profile->client);
    g_free(profile->certificate);
    g_free(profile->key);
    g_free(profile->authorities);
    g_free(profile);
}

static cw_err add_profile(cw_tls *tls, const char *certificate, const char *key,
                          const char *authorities, cw_tls_profile **ret,
                          char why[static 128]) CW_ON_LOOP
{
    cw_tls_profile *profile;
    cw_err err;

    for (unsigned i = 0; i < tls->profiles->len; i++) {
        profile = tls->profiles->pdata[i];
        if (g_strcmp0(profile->certificate, certificate) == 0 &&
            g_strcmp0(profile->key, key) == 0 &&
            g_strcmp0(profile->authorities, authorities) == 0) {
            *ret = profile;
            return CW_OK;
        }
    }
    profile = g_new0(cw_tls_profile, 1);
    profile->certificate = g_strdup(certificate);
    profile->key = g_strdup(key);
    profile->authorities = g_strdup(authorities);
    err = client_ctx(profile, &profile->client, why);
    if (err) {
        profile_free(profile);
        return err;
    }
    g_ptr_array_add(tls->profiles, profile);
    *ret = profile;
    return CW_OK;
}

static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

static cw_err get_profile(cw_tls *tls, const char *certificate, const char *key,
                          const char *authorities, cw_tls_profile **ret,
                          char why[static 128]) CW_ON_LOOP
{
    const struct cw_conf_sip *sip = &tls->conf->sip;

    if (!given(certificate)) {
        certificate = sip->tls_certificate;
        key = sip->tls_key;
    }
    return add_profile(tls, given(certificate), given(key),
                       given(authorities) ?: given(sip->tls_authorities), ret, why);
}

cw_tls_profile *cw_tls_profile_get(cw_tls *tls, const char *certificate, const char *key,
                                   const char *authorities)
{
    cw_tls_profile *profile = NULL;
    char why[128];

    if (get_profile(tls, certificate, key, authorities, &profile, why)) {
        cw_log(CW_LOG_ERROR, CW_MOD_SIP, "sip.tls", "why", why, NULL);
        return NULL;
    }
    return profile;
}

cw_err cw_tls_new(const cw_conf *conf, cw_tls **ret, char why[static 128])
{
    cw_tls *tls = g_new0(cw_tls, 1);
    cw_tls_profile *profile;
    cw_err err;

    tls->conf = conf;
    tls->profiles = g_ptr_array_new_with_free_func(profile_free);
    err = server_ctx(conf, &tls->server, why);
    if (!err)
        err = get_profile(tls, NULL, NULL, NULL, &profile, why);
    for (size_t i = 0; !err && i < conf->trunk_n; i++)
        err = get_profile(tls, conf->trunk[i].tls_certificate, conf->trunk[i].tls_key,
                          conf->trunk[i].tls_authorities, &profile, why);
    if (err) {
        cw_tls_free(tls);
        return err;
    }
    *ret = tls;
    return CW_OK;
}

void cw_tls_free(cw_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->server);
    g_ptr_array_unref(tls->profiles);
    g_free(tls);
}

cw_err cw_tls_reload(cw_tls *tls, char why[static 128])
{
    g_autoptr(GPtrArray) fresh = g_ptr_array_new_with_free_func((GDestroyNotify)SSL_CTX_free);
    SSL_CTX *server = NULL, *client;
    cw_err err = server_ctx(tls->conf, &server, why);

    for (unsigned i = 0; !err && i < tls->profiles->len; i++) {
        err = client_ctx(tls->profiles->pdata[i], &client, why);
        if (!err)
            g_ptr_array_add(fresh, client);
    }
    if (err) {
        SSL_CTX_free(server);
        return err;
    }
    SSL_CTX_free(tls->server); /* connections hold references of their own */
    tls->server = server;
    for (unsigned i = 0; i < tls->profiles->len; i++) {
        cw_tls_profile *profile = tls->profiles->pdata[i];
        SSL_CTX *old = profile->client;

        profile->client = fresh->pdata[i];
        fresh->pdata[i] = old;
    }
    return CW_OK;
}

bool cw_tls_ends_in(const cw_tls *tls, int *days)
{
    const X509 *certificate = tls->server ? SSL_CTX_get0_certificate(tls->server) : NULL;
    int seconds;

    return certificate &&
           ASN1_TIME_diff(days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1;
}

static void add_shown(json_t *list, const char *what, const char *file, const SSL_CTX *ctx)
{
    json_t *one = ctx ? cw_certificate_json(SSL_CTX_get0_certificate(ctx)) : NULL;

    if (!one)
        return;
    json_object_set_new(one, "for", json_string(what));
    json_object_set_new(one, "file", file ? json_string(file) : json_null());
    json_array_append_new(list, one);
}

json_t *cw_tls_json(const cw_tls *tls)
{
    json_t *list = json_array();

    add_shown(list, "sip", tls->conf->sip.tls_certificate, tls->server);
    for (guint i = 1; i < tls->profiles->len; i++) { /* the first is that of sip.tls_* */
        const cw_tls_profile *profile = tls->profiles->pdata[i];

        if (profile->certificate && g_strcmp0(profile->certificate, tls->conf->sip.tls_certificate))
            add_shown(list, "trunk", profile->certificate, profile->client);
    }
    return list;
}

/* --- connections --- */

SSL *cw_tls_accept(cw_tls *tls, int fd)
{
    SSL *ssl = tls->server ? SSL_new(tls->server) : NULL;

    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

static bool is_address(const char *text)
{
    struct in6_addr any;

    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

SSL *cw_tls_connect(cw_tls_profile *profile, int fd, const char *domain)
{
    SSL *ssl = SSL_new(profile->client);

    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_connect_state(ssl);
    if (domain && !is_address(domain))
        SSL_set_tlsext_host_name(ssl, domain);
    return ssl;
}

/* --- names --- */

static void add_name(GPtrArray *names, const char *text, size_t len)
{
    if (names->len < NAMES_MAX && len > 0 && len < 256 && memchr(text, 0, len) == NULL &&
        cw_text_is_safe(text, len))
        g_ptr_array_add(names, g_ascii_strdown(text, (gssize)len));
}

static void add_address(GPtrArray *names, const ASN1_OCTET_STRING *octets)
{
    int len = ASN1_STRING_length(octets);
    char text[INET6_ADDRSTRLEN];

    if ((len == 4 || len == 16) &&
        inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(octets), text, sizeof text))
        add_name(names, text, strlen(text));
}

/* "sip:example.com"; one with a user part speaks for that user only (RFC 5922 7.1). */
static void add_uri(GPtrArray *names, const char *text, size_t len)
{
    const char *host = len > 4 && g_ascii_strncasecmp(text, "sip:", 4) == 0 ? text + 4 : NULL;

    if (host && !memchr(host, '@', len - 4) && !memchr(host, ';', len - 4))
        add_name(names, host, len - 4);
}

static void add_alternative(const GENERAL_NAME *name, GPtrArray *uris, GPtrArray *names)
{
    const ASN1_STRING *text = name->d.ia5;

    if (name->type == GEN_URI)
        add_uri(uris, (const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    else if (name->type == GEN_DNS)
        add_name(names, (const char *)ASN1_STRING_get0_data(text),
                 (size_t)ASN1_STRING_length(text));
    else if (name->type == GEN_IPADD)
        add_address(names, name->d.iPAddress);
}

static void add_common_name(const X509 *certificate, GPtrArray *names)
{
    char text[256];
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                                        sizeof text);

    if (len > 0)
        add_name(names, text, (size_t)len);
}

GStrv cw_tls_names(const SSL *ssl)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    GPtrArray *uris, *names;
    GENERAL_NAMES *all;

    if (!certificate)
        return NULL;
    uris = g_ptr_array_new_with_free_func(g_free);
    names = g_ptr_array_new_with_free_func(g_free);
    all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++)
        add_alternative(sk_GENERAL_NAME_value(all, i), uris, names);
    GENERAL_NAMES_free(all);
    if (uris->len == 0 && names->len == 0)
        add_common_name(certificate, names);
    g_ptr_array_add(uris->len ? uris : names, NULL);
    GPtrArray *chosen = uris->len ? uris : names;

    g_ptr_array_unref(chosen == uris ? names : uris);
    g_ptr_array_set_free_func(chosen, NULL);
    return (GStrv)g_ptr_array_free(chosen, FALSE);
}

static bool fits(const char *name, const char *domain, bool wildcards)
{
    const char *dot = strchr(domain, '.');

    if (g_ascii_strcasecmp(name, domain) == 0)
        return true;
    return wildcards && g_str_has_prefix(name, "*.") && dot && !is_address(domain) &&
           strchr(name + 2, '.') && g_ascii_strcasecmp(name + 1, dot) == 0;
}

bool cw_tls_name_fits(const char *const *names, const char *domain, bool wildcards)
{
    for (; names && *names; names++)
        if (fits(*names, domain, wildcards))
            return true;
    return false;
}
