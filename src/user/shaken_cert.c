#include "user/shaken_cert.h"

#include <cjose/cjose.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define CHAIN_MAX    8
#define P256         32                   /* bytes of a coordinate */
#define TN_AUTH_LIST "1.3.6.1.5.5.7.1.26" /* RFC 8226 9 */

/* Numbers of this many digits from `first`. */
typedef struct range {
    unsigned digits;
    uint64_t first, count;
} range;

static cw_err refuse(char why[static 128], const char *what)
{
    g_strlcpy(why, what, 128);
    return CW_E_CREDENTIAL;
}

void cw_shaken_cert_free(cw_shaken_cert *cert)
{
    if (!cert)
        return;
    cjose_jwk_release(cert->key);
    g_array_unref(cert->numbers);
    g_free(cert);
}

/* ── Keys ── */

static bool take_bytes(const EVP_PKEY *pkey, const char *what, uint8_t ret[static P256])
{
    BIGNUM *n = NULL;
    bool good = EVP_PKEY_get_bn_param(pkey, what, &n) == 1 && BN_bn2binpad(n, ret, P256) == P256;

    BN_clear_free(n);
    return good;
}

/* NULL: not a P-256 key, or (`secret`) not a private one. */
static cjose_jwk_t *jwk_of(const EVP_PKEY *pkey, bool secret)
{
    uint8_t d[P256], x[P256], y[P256];
    cjose_jwk_ec_keyspec spec = {
        .crv = CJOSE_JWK_EC_P_256, .x = x, .xlen = P256, .y = y, .ylen = P256
    };
    char curve[64] = "";
    cjose_jwk_t *jwk = NULL;

    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(pkey, curve, sizeof curve, NULL) != 1 ||
        strcmp(curve, "prime256v1") || !take_bytes(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x) ||
        !take_bytes(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y))
        return NULL;
    if (secret) {
        if (!take_bytes(pkey, OSSL_PKEY_PARAM_PRIV_KEY, d))
            return NULL;
        spec.d = d;
        spec.dlen = P256;
    }
    jwk = cjose_jwk_create_EC_spec(&spec, NULL);
    explicit_bzero(d, sizeof d);
    return jwk;
}

static int no_password(char *buf, int size, int writing, void *arg)
{
    return -1;
}

cw_err cw_shaken_key(const char *path, struct _cjose_jwk_int **ret, char why[static 128])
{
    BIO *bio = BIO_new_file(path, "r");
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

    *ret = pkey ? jwk_of(pkey, true) : NULL;
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    if (*ret)
        return CW_OK;
    g_snprintf(why, 128, "%.80s: no private key of P-256", path);
    return CW_E_CONF;
}

cw_err cw_shaken_authorities(const char *path, struct x509_store_st **ret, char why[static 128])
{
    X509_STORE *store = X509_STORE_new();

    if (store && X509_STORE_load_file(store, path) == 1) {
        *ret = store;
        return CW_OK;
    }
    X509_STORE_free(store);
    g_snprintf(why, 128, "%.80s: no certificates in PEM", path);
    return CW_E_CONF;
}

/* ── For which numbers (RFC 8226 9): SEQUENCE OF CHOICE { spc [0], range [1], one [2] } ── */

typedef struct tlv {
    const uint8_t *value;
    long len;
    int tag, class;
} tlv;

static bool next(const uint8_t **at, const uint8_t *end, tlv *ret)
{
    const uint8_t *p = *at;

    if (p >= end || ASN1_get_object(&p, &ret->len, &ret->tag, &ret->class, end - p) & 0x81 ||
        ret->len > end - p)
        return false;
    ret->value = p;
    *at = p + ret->len;
    return true;
}

static bool read_number(const tlv *text, range *ret)
{
    ret->digits = 0;
    ret->first = 0;
    ret->count = 1;
    if (text->class != V_ASN1_UNIVERSAL || text->tag != V_ASN1_IA5STRING || text->len < 1 ||
        text->len > 15)
        return false;
    for (long i = 0; i < text->len; i++) {
        if (!g_ascii_isdigit((char)text->value[i]))
            return false;
        ret->first = ret->first * 10 + (uint64_t)(text->value[i] - '0');
        ret->digits++;
    }
    return true;
}

static bool read_range(const tlv *sequence, range *ret)
{
    const uint8_t *at = sequence->value, *end = at + sequence->len;
    tlv start, count;

    if (sequence->tag != V_ASN1_SEQUENCE || !next(&at, end, &start) || !read_number(&start, ret) ||
        !next(&at, end, &count) || count.tag != V_ASN1_INTEGER || count.len < 1 || count.len > 7 ||
        count.value[0] & 0x80)
        return false;
    ret->count = 0;
    for (long i = 0; i < count.len; i++)
        ret->count = ret->count << 8 | count.value[i];
    return true;
}

static bool read_entry(const tlv *entry, cw_shaken_cert *into)
{
    const uint8_t *at = entry->value;
    range numbers;
    tlv inner;

    if (entry->class != V_ASN1_CONTEXT_SPECIFIC || !next(&at, entry->value + entry->len, &inner))
        return false;
    switch (entry->tag) {
    case 0:
        into->any_number = true;
        return inner.tag == V_ASN1_IA5STRING && inner.len > 0;
    case 1:
        if (!read_range(&inner, &numbers))
            return false;
        break;
    case 2:
        if (!read_number(&inner, &numbers))
            return false;
        break;
    default:
        return false;
    }
    g_array_append_val(into->numbers, numbers);
    return true;
}

static bool read_list(const uint8_t *at, long len, cw_shaken_cert *into)
{
    const uint8_t *end = at + len;
    tlv all, entry;

    if (!next(&at, end, &all) || at != end || all.tag != V_ASN1_SEQUENCE || all.len == 0)
        return false;
    for (at = all.value, end = at + all.len; at < end;)
        if (!next(&at, end, &entry) || !read_entry(&entry, into))
            return false;
    return true;
}

bool cw_shaken_cert_covers(const cw_shaken_cert *cert, const char *number)
{
    const size_t digits = strlen(number);
    uint64_t n;

    if (cert->any_number)
        return true;
    if (digits > 15 || !g_ascii_string_to_unsigned(number, 10, 0, UINT64_MAX, &n, NULL))
        return false;
    for (guint i = 0; i < cert->numbers->len; i++) {
        const range *r = &g_array_index(cert->numbers, range, i);

        if (r->digits == digits && n >= r->first && n - r->first < r->count)
            return true;
    }
    return false;
}

static cw_err read_tn_auth_list(X509 *own, bool required, cw_shaken_cert *into,
                                char why[static 128])
{
    ASN1_OBJECT *oid = OBJ_txt2obj(TN_AUTH_LIST, 1);
    int at = X509_get_ext_by_OBJ(own, oid, -1);
    const ASN1_OCTET_STRING *data = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(own, at));

    ASN1_OBJECT_free(oid);
    if (!data) {
        into->any_number = true;
        return required ? refuse(why, "no TNAuthList") : CW_OK;
    }
    return read_list(ASN1_STRING_get0_data(data), ASN1_STRING_length(data), into)
               ? CW_OK
               : refuse(why, "TNAuthList cannot be read");
}

/* ── The chain ── */

static STACK_OF(X509) * read_chain(const char *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *one;

    while (bio && chain && (one = PEM_read_bio_X509(bio, NULL, no_password, NULL)))
        if (sk_X509_num(chain) >= CHAIN_MAX || !sk_X509_push(chain, one)) {
            X509_free(one);
            sk_X509_pop_free(chain, X509_free);
            chain = NULL;
        }
    BIO_free(bio);
    return chain;
}

static int64_t time_of(const ASN1_TIME *time)
{
    ASN1_TIME *zero = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    bool good = zero && ASN1_TIME_diff(&days, &seconds, zero, time) == 1;

    ASN1_TIME_free(zero);
    return good ? (int64_t)days * 86400 + seconds : 0;
}

static int64_t until_of(STACK_OF(X509) * chain)
{
    int64_t until = INT64_MAX;

    for (int i = 0; i < sk_X509_num(chain); i++)
        until = MIN(until, time_of(X509_get0_notAfter(sk_X509_value(chain, i))));
    return until;
}

static cw_err verify(STACK_OF(X509) * chain, const cw_cert_rules *rules, int64_t *until,
                     char why[static 128])
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    cw_err err = CW_E_INTERNAL;

    if (ctx && X509_STORE_CTX_init(ctx, rules->authorities, sk_X509_value(chain, 0), chain) == 1) {
        X509_STORE_CTX_set_time(ctx, 0, (time_t)rules->now);
        X509_STORE_CTX_set_depth(ctx, CHAIN_MAX);
        err = X509_verify_cert(ctx) == 1
                  ? CW_OK
                  : refuse(why, X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    }
    if (!err)
        *until = until_of(X509_STORE_CTX_get0_chain(ctx));
    X509_STORE_CTX_free(ctx);
    return err;
}

static bool may_sign(X509 *own)
{
    return X509_get_key_usage(own) & KU_DIGITAL_SIGNATURE && !X509_check_ca(own);
}

static cw_err read_own(STACK_OF(X509) * chain, const cw_cert_rules *rules, cw_shaken_cert *into,
                       char why[static 128])
{
    X509 *own = sk_X509_value(chain, 0);
    cw_err err = verify(chain, rules, &into->until, why);

    if (!err && !may_sign(own))
        err = refuse(why, "not a certificate for signatures");
    if (!err)
        err = read_tn_auth_list(own, rules->tn_auth_list, into, why);
    if (!err && !(into->key = jwk_of(X509_get0_pubkey(own), false)))
        err = refuse(why, "not a key of P-256");
    return err;
}

cw_err cw_shaken_cert_read(const char *pem, size_t len, const cw_cert_rules *rules,
                           cw_shaken_cert **ret, char why[static 128])
{
    STACK_OF(X509) *chain = len > INT32_MAX ? NULL : read_chain(pem, len);
    cw_shaken_cert *cert;
    cw_err err;

    if (!chain || sk_X509_num(chain) == 0) {
        sk_X509_pop_free(chain, X509_free);
        return refuse(why, "no certificates in PEM");
    }
    cert = g_new0(cw_shaken_cert, 1);
    cert->numbers = g_array_new(FALSE, FALSE, sizeof(range));
    err = read_own(chain, rules, cert, why);
    sk_X509_pop_free(chain, X509_free);
    if (err)
        cw_shaken_cert_free(cert);
    else
        *ret = cert;
    return err;
}
