/* sip-certs.h - an authority and certificates of it, as files in a folder of the test's own. */
#ifndef CW_TEST_SIP_CERTS_H
#define CW_TEST_SIP_CERTS_H

#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

typedef struct certs {
    char *dir, *authority; /* path of its certificate */
    EVP_PKEY *key;
    X509 *cert;
} certs;

static inline void certs_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    g_assert_nonnull(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Valid from an hour ago until `days` from now. Signed by `by`; NULL: by itself. */
static inline X509 *certs_make(EVP_PKEY *key, const char *name, const char *alternatives, int days,
                               const certs *by)
{
    static long serial = 1;
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600 - (days < 0 ? 86400L * 30 : 0));
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * days);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, by ? X509_get_subject_name(by->cert) : subject);
    X509_set_pubkey(cert, key);
    certs_extend(cert, by ? by->cert : cert, NID_basic_constraints, by ? "CA:FALSE" : "CA:TRUE");
    if (alternatives)
        certs_extend(cert, by->cert, NID_subject_alt_name, alternatives);
    g_assert_cmpint(X509_sign(cert, by ? by->key : key, EVP_sha256()), >, 0);
    return cert;
}

static inline void certs_open(certs *c)
{
    FILE *file;

    c->dir = g_dir_make_tmp("causeway-XXXXXX", NULL);
    c->key = EVP_EC_gen("P-256");
    c->cert = certs_make(c->key, "Test authority", NULL, 100, NULL);
    c->authority = g_build_filename(c->dir, "authority.pem", NULL);
    file = g_fopen(c->authority, "w");
    PEM_write_X509(file, c->cert);
    fclose(file);
}

/* Key and certificate in one file, whose path is returned; g_free. */
static inline char *certs_write(const certs *c, const char *name, const char *alternatives,
                                int days)
{
    g_autofree char *base = g_strdup_printf("%s.pem", name);
    char *path = g_build_filename(c->dir, base, NULL);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = certs_make(key, name, alternatives, days, c);
    FILE *file = g_fopen(path, "w");

    PEM_write_X509(file, cert);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
    return path;
}

static inline void certs_close(certs *c)
{
    GDir *dir = g_dir_open(c->dir, 0, NULL);

    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(c->dir, name, NULL);

        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(c->dir);
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
    g_free(c->authority);
    g_free(c->dir);
}

#endif
