/* passport-rig.h - authorities, certificates and PASSporTs, made with OpenSSL alone. */
#ifndef CW_TEST_PASSPORT_RIG_H
#define CW_TEST_PASSPORT_RIG_H

#include <glib.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define NOW INT64_C(1800000000)
#define DAY (INT64_C(86400))

typedef struct maker {
    const char *name;
    X509 *issuer; /* NULL: itself */
    EVP_PKEY *issuer_key;
    int64_t from, until;
    bool ca;
    const char *usage;
    const uint8_t *numbers; /* TNAuthList; NULL: none */
    size_t numbers_len;
} maker;

static inline void rig_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    g_assert_nonnull(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static inline void rig_add_numbers(X509 *cert, const uint8_t *der, size_t len)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.26", 1);
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    ASN1_OCTET_STRING_set(data, der, (int)len);
    extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, data);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(data);
    ASN1_OBJECT_free(oid);
}

static inline X509 *rig_cert(const maker *m, EVP_PKEY *key)
{
    static long serial = 1;
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)m->from);
    ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)m->until);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)m->name, -1, -1,
                               0);
    X509_set_issuer_name(cert, m->issuer ? X509_get_subject_name(m->issuer) : subject);
    X509_set_pubkey(cert, key);
    rig_extend(cert, m->issuer ?: cert, NID_basic_constraints,
               m->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    rig_extend(cert, m->issuer ?: cert, NID_key_usage,
               m->usage
                   ?: m->ca ? "keyCertSign,cRLSign"
                            : "digitalSignature");
    if (m->numbers)
        rig_add_numbers(cert, m->numbers, m->numbers_len);
    g_assert_cmpint(X509_sign(cert, m->issuer_key ?: key, EVP_sha256()), >, 0);
    return cert;
}

static inline char *rig_pem(X509 *const *certs, unsigned n)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text, *copy;
    long len;

    for (unsigned i = 0; i < n; i++)
        PEM_write_bio_X509(bio, certs[i]);
    len = BIO_get_mem_data(bio, &text);
    copy = g_strndup(text, (gsize)len);
    BIO_free(bio);
    return copy;
}

/* base64url without padding. */
static inline char *rig_base64(const void *data, size_t len)
{
    char *text = g_base64_encode(data, len);

    g_strdelimit(g_strdelimit(text, "+", '-'), "/", '_');
    text[strcspn(text, "=")] = '\0';
    return text;
}

/* The raw form of RFC 7518 3.4, by OpenSSL and not by the library under test. */
static inline char *rig_sign(EVP_PKEY *key, const char *text)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[128], raw[64];
    const uint8_t *at = der;
    size_t len = sizeof der;
    ECDSA_SIG *sig;

    g_assert_cmpint(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), ==, 1);
    g_assert_cmpint(EVP_DigestSign(ctx, der, &len, (const uint8_t *)text, strlen(text)), ==, 1);
    EVP_MD_CTX_free(ctx);
    sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    ECDSA_SIG_free(sig);
    return rig_base64(raw, sizeof raw);
}

/* A token of this header and these claims, signed by `key`; NULL: with an empty signature. */
static inline char *rig_token(const char *head, const char *claims, EVP_PKEY *key)
{
    g_autofree char *a = rig_base64(head, strlen(head)), *b = rig_base64(claims, strlen(claims));
    g_autofree char *input = g_strdup_printf("%s.%s", a, b);
    g_autofree char *signature = key ? rig_sign(key, input) : g_strdup("");

    return g_strdup_printf("%s.%s", input, signature);
}

#endif
