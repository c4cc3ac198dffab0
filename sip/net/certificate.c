#include "sip/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

/* What was printed into it, which is then empty; control bytes as '?'. */
static json_t *text_of(BIO *out)
{
    char *data;
    long len = BIO_get_mem_data(out, &data);
    g_autofree char *text = len > 0 ? g_strndup(data, (gsize)len) : g_strdup("");
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (char *c = valid; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    (void)BIO_reset(out);
    return json_string(valid);
}

static json_t *name_of(BIO *out, const X509_NAME *name)
{
    X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return text_of(out);
}

static json_t *time_of(BIO *out, const ASN1_TIME *when)
{
    ASN1_TIME_print(out, when);
    return text_of(out);
}

static json_t *names_of(BIO *out, const X509 *certificate)
{
    int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);

    if (at >= 0)
        X509V3_EXT_print(out, X509_get_ext(certificate, at), 0, 0);
    return text_of(out);
}

static json_t *digest_of(const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;

    X509_digest(certificate, EVP_sha256(), digest, &len);
    for (unsigned i = 0; i < len; i++)
        g_snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return json_stringn(hex, 2 * len);
}

json_t *cw_certificate_json(const struct x509_st *certificate)
{
    BIO *out = certificate ? BIO_new(BIO_s_mem()) : NULL;
    json_t *all;
    int days = 0, seconds;

    if (!out)
        return NULL;
    all = json_pack("{s:o s:o s:o}", "subject", name_of(out, X509_get_subject_name(certificate)),
                    "names", names_of(out, certificate), "issuer",
                    name_of(out, X509_get_issuer_name(certificate)));
    i2a_ASN1_INTEGER(out, X509_get0_serialNumber(certificate));
    json_object_set_new(all, "serial", text_of(out));
    json_object_set_new(all, "sha256", digest_of(certificate));
    json_object_set_new(all, "from", time_of(out, X509_get0_notBefore(certificate)));
    json_object_set_new(all, "to", time_of(out, X509_get0_notAfter(certificate)));
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1)
        json_object_set_new(all, "days", json_integer(days));
    BIO_free(out);
    ERR_clear_error();
    return all;
}
