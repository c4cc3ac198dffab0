/* SHAKEN: PASSporTs and the certificates behind them; genuine, forged, stale, of another call. */
#include "user/passport.h"
#include "user/shaken_cert.h"

#include "passport-rig.h"

#include <cjose/cjose.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define URL  "https://cert.example.org/a/sp.pem"
#define HEAD "{\"alg\":\"ES256\",\"ppt\":\"shaken\",\"typ\":\"passport\",\"x5u\":\"" URL "\"}"
#define BODY                                                                                       \
    "{\"attest\":\"A\",\"dest\":{\"tn\":[\"33123456789\"]},\"iat\":1800000000,\"orig\":{\"tn\":"   \
    "\"12155550100\"},\"origid\":\"123e4567-e89b-12d3-a456-426655440000\"}"

/* SEQUENCE { [0] { IA5String "1234" } }: a provider's code */
static const uint8_t provider[] = { 0x30, 0x08, 0xa0, 0x06, 0x16, 0x04, '1', '2', '3', '4' };
/* [2] one number, [1] a range of 10 */
static const uint8_t numbers[] = { 0x30, 0x25, 0xa2, 0x0d, 0x16, 0x0b, '1',  '2',  '1',  '5',
                                   '5',  '5',  '5',  '0',  '1',  '0',  '0',  0xa1, 0x14, 0x30,
                                   0x12, 0x16, 0x0d, '4',  '4',  '2',  '0',  '7',  '9',  '4',
                                   '6',  '0',  '1',  '0',  '0',  '0',  0x02, 0x01, 0x0a };

static EVP_PKEY *root_key, *key, *other_key;
static X509 *root;
static X509_STORE *store;

static maker leaf_of(const char *name)
{
    return (maker){ .name = name,
                    .issuer = root,
                    .issuer_key = root_key,
                    .from = NOW - DAY,
                    .until = NOW + DAY,
                    .numbers = provider,
                    .numbers_len = sizeof provider };
}

/* ── Certificates ── */

static cw_err read_chain(const maker *m, EVP_PKEY *own, bool listed, cw_shaken_cert **ret)
{
    X509 *leaf = rig_cert(m, own);
    g_autofree char *pem = rig_pem(&leaf, 1);
    size_t len = strlen(pem);
    char *exact = g_memdup2(pem, len), why[128] = "";
    cw_err err = cw_shaken_cert_read(
        exact, len, &(cw_cert_rules){ .authorities = store, .now = NOW, .tn_auth_list = listed },
        ret, why);

    g_test_message("%s", why);
    g_free(exact);
    X509_free(leaf);
    return err;
}

static void refused(const maker *m, EVP_PKEY *own)
{
    cw_shaken_cert *cert = NULL;

    g_assert_cmpint(read_chain(m, own, true, &cert), ==, CW_E_CREDENTIAL);
    g_assert_null(cert);
}

static void test_certificate(void)
{
    maker m = leaf_of("provider");
    cw_shaken_cert *cert;

    g_assert_cmpint(read_chain(&m, key, true, &cert), ==, CW_OK);
    g_assert_cmpint(cert->until, ==, NOW + DAY);
    g_assert_true(cw_shaken_cert_covers(cert, "12155550100"));
    g_assert_true(cw_shaken_cert_covers(cert, "999"));
    cw_shaken_cert_free(cert);
}

static void test_time(void)
{
    maker m = leaf_of("expired");

    m.until = NOW - 1;
    refused(&m, key);
    m = leaf_of("not yet valid");
    m.from = NOW + 60;
    refused(&m, key);
}

static void test_chain(void)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *p384 = EVP_EC_gen("P-384");
    maker m = leaf_of("by itself");
    cw_shaken_cert *cert;

    m.issuer = NULL;
    m.issuer_key = NULL;
    refused(&m, key);
    m = leaf_of("signed by another key");
    m.issuer_key = other_key;
    refused(&m, key);
    m = leaf_of("an authority");
    m.ca = true;
    refused(&m, key);
    m = leaf_of("for encryption");
    m.usage = "keyEncipherment";
    refused(&m, key);
    m = leaf_of("RSA");
    refused(&m, rsa);
    m = leaf_of("P-384");
    refused(&m, p384);
    g_assert_cmpint(cw_shaken_cert_read("x", 1, &(cw_cert_rules){ .authorities = store }, &cert,
                                        (char[128]){ 0 }),
                    ==, CW_E_CREDENTIAL);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p384);
}

static void test_intermediate(void)
{
    EVP_PKEY *middle_key = EVP_EC_gen("P-256");
    maker m = leaf_of("middle"), own;
    X509 *chain[2];
    cw_shaken_cert *cert;
    char why[128];
    const cw_cert_rules rules = { .authorities = store, .now = NOW, .tn_auth_list = true };
    g_autofree char *whole = NULL, *broken = NULL;

    m.ca = true;
    m.numbers = NULL;
    m.until = NOW + 3600;
    chain[1] = rig_cert(&m, middle_key);
    own = leaf_of("below");
    own.issuer = chain[1];
    own.issuer_key = middle_key;
    chain[0] = rig_cert(&own, key);
    whole = rig_pem(chain, 2);
    broken = rig_pem(chain, 1);
    g_assert_cmpint(cw_shaken_cert_read(whole, strlen(whole), &rules, &cert, why), ==, CW_OK);
    g_assert_cmpint(cert->until, ==, NOW + 3600); /* the first that expires */
    cw_shaken_cert_free(cert);
    g_assert_cmpint(cw_shaken_cert_read(broken, strlen(broken), &rules, &cert, why), ==,
                    CW_E_CREDENTIAL);
    X509_free(chain[0]);
    X509_free(chain[1]);
    EVP_PKEY_free(middle_key);
}

static void test_numbers(void)
{
    maker m = leaf_of("without a list");
    cw_shaken_cert *cert;

    m.numbers = NULL;
    refused(&m, key);
    g_assert_cmpint(read_chain(&m, key, false, &cert), ==, CW_OK);
    cw_shaken_cert_free(cert);
    m = leaf_of("some numbers");
    m.numbers = numbers;
    m.numbers_len = sizeof numbers;
    g_assert_cmpint(read_chain(&m, key, true, &cert), ==, CW_OK);
    g_assert_true(cw_shaken_cert_covers(cert, "12155550100"));
    g_assert_false(cw_shaken_cert_covers(cert, "12155550101"));
    g_assert_true(cw_shaken_cert_covers(cert, "4420794601000"));
    g_assert_true(cw_shaken_cert_covers(cert, "4420794601009"));
    g_assert_false(cw_shaken_cert_covers(cert, "4420794601010"));
    g_assert_false(cw_shaken_cert_covers(cert, "442079460100"));
    g_assert_false(cw_shaken_cert_covers(cert, "1*"));
    cw_shaken_cert_free(cert);
}

/* Cut and changed everywhere: refused or read, never beyond its end. */
static void test_bad_numbers(void)
{
    maker m = leaf_of("odd numbers");

    for (size_t len = 0; len < sizeof numbers; len++) {
        uint8_t *exact = g_memdup2(numbers, len);

        m.numbers = len ? exact : (const uint8_t *)"";
        m.numbers_len = len;
        refused(&m, key);
        g_free(exact);
    }
    for (size_t i = 0; i < sizeof numbers; i++) {
        uint8_t *exact = g_memdup2(numbers, sizeof numbers);
        cw_shaken_cert *cert = NULL;

        exact[i] ^= 0x80;
        m.numbers = exact;
        m.numbers_len = sizeof numbers;
        if (read_chain(&m, key, true, &cert) == CW_OK)
            cw_shaken_cert_free(cert);
        g_free(exact);
    }
}

static void test_files(void)
{
    g_autofree char *dir = g_dir_make_tmp(NULL, NULL), *path = g_build_filename(dir, "x", NULL);
    struct _cjose_jwk_int *jwk = NULL;
    X509_STORE *read = NULL;
    char why[128];

    g_assert_true(g_file_set_contents(path, "nothing", -1, NULL));
    g_assert_cmpint(cw_shaken_key(path, &jwk, why), ==, CW_E_CONF);
    g_assert_cmpint(cw_shaken_authorities(path, &read, why), ==, CW_E_CONF);
    g_unlink(path);
    g_assert_cmpint(cw_shaken_key(path, &jwk, why), ==, CW_E_CONF);
    g_assert_cmpint(cw_shaken_authorities(path, &read, why), ==, CW_E_CONF);
    g_rmdir(dir);
}

/* ── PASSporTs ── */

static cw_err read_value(const char *value, cw_passport *ret)
{
    size_t len = strlen(value);
    char *exact = g_memdup2(value, len), why[128] = "";
    cw_err err = cw_passport_read(exact, len, ret, why);

    g_test_message("%s", why);
    g_free(exact);
    return err;
}

static char *identity(const char *head, const char *body, EVP_PKEY *by, const char *params)
{
    g_autofree char *token = rig_token(head, body, by);

    return g_strdup_printf("%s%s", token, params);
}

#define PARAMS ";info=<" URL ">;alg=ES256;ppt=shaken"

static cw_err read_of(const char *head, const char *body, const char *params)
{
    g_autofree char *value = identity(head, body, key, params);
    cw_passport passport;
    cw_err err = read_value(value, &passport);

    cw_passport_clear(&passport);
    return err;
}

static void test_read(void)
{
    static const char *const forms[] = { PARAMS, " ; info=<" URL "> ; ppt=\"shaken\"",
                                         ";ppt=shaken;x=\"y\";z;info=<" URL ">;alg=ES256" };

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *value = identity(HEAD, BODY, key, forms[i]);
        cw_passport p;

        g_assert_cmpint(read_value(value, &p), ==, CW_OK);
        g_assert_cmpint(p.attest, ==, 'A');
        g_assert_cmpstr(p.orig, ==, "12155550100");
        g_assert_cmpuint(p.dest_n, ==, 1);
        g_assert_cmpstr(p.dest[0], ==, "33123456789");
        g_assert_cmpint(p.iat, ==, NOW);
        g_assert_cmpstr(p.x5u, ==, URL);
        g_assert_cmpstr(p.origid, ==, "123e4567-e89b-12d3-a456-426655440000");
        cw_passport_clear(&p);
    }
}

static void test_fields(void)
{
    g_assert_cmpint(read_of(HEAD, BODY, ";info=<" URL ">;ppt=div"), ==, CW_E_UNSUPPORTED);
    g_assert_cmpint(read_of(HEAD, BODY, ";info=<" URL ">"), ==, CW_E_UNSUPPORTED);
    g_assert_cmpint(read_of(HEAD, BODY, ";ppt=shaken"), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(read_of(HEAD, BODY, ""), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(read_of(HEAD, BODY, ";info=<" URL ";ppt=shaken"), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(read_of(HEAD, BODY, PARAMS ";ppt=shaken"), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(read_of(HEAD, BODY, PARAMS "x y"), ==, CW_E_UNSUPPORTED);
    g_assert_cmpint(read_of(HEAD, BODY, ";info=<https://else.example/>;ppt=shaken"), ==,
                    CW_E_BAD_IDENTITY);
    g_assert_cmpint(read_of(HEAD, BODY, ";info=<" URL ">;alg=HS256;ppt=shaken"), ==,
                    CW_E_BAD_IDENTITY);
}

/* A copy of `text` with one thing in place of another. */
static char *with(const char *text, const char *from, const char *to)
{
    g_auto(GStrv) parts = g_strsplit(text, from, 2);

    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    return g_strjoinv(to, parts);
}

static void test_heads(void)
{
    static const char *const changes[][2] = {
        { "ES256", "none" },           { "ES256", "HS256" },  { "ES256", "ES384" },
        { "shaken", "rph" },           { "passport", "JWT" }, { "https", "http" },
        { "{", "{\"crit\":[\"x\"]," },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *head = with(HEAD, changes[i][0], changes[i][1]);

        g_assert_cmpint(read_of(head, BODY, PARAMS), ==, CW_E_BAD_IDENTITY);
    }
}

static void test_bodies(void)
{
    static const char *const changes[][2] = {
        { "\"A\"", "\"D\"" },
        { "\"A\"", "\"\"" },
        { "\"A\"", "1" },
        { "1800000000", "\"1800000000\"" },
        { "1800000000", "-1" },
        { "[\"33123456789\"]", "\"33123456789\"" },
        { "[\"33123456789\"]", "[]" },
        { "33123456789", "alice" },
        { "12155550100", "" },
        { "12155550100", "1234567890123456789012345678901234567890" },
        { "\"origid\"", "\"other\"" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *body = with(BODY, changes[i][0], changes[i][1]);

        g_assert_cmpint(read_of(HEAD, body, PARAMS), ==, CW_E_BAD_IDENTITY);
    }
}

/* A value cut anywhere is never good. */
static void test_cut(void)
{
    g_autofree char *value = identity(HEAD, BODY, key, PARAMS);
    size_t len = strlen(value);

    for (size_t cut = 0; cut < len; cut++) {
        g_autofree char *shorter = g_strndup(value, cut);
        cw_passport p;

        g_assert_cmpint(read_value(shorter, &p), !=, CW_OK);
        cw_passport_clear(&p);
    }
}

static cw_err fits(const char *from, const char *to, int64_t now)
{
    g_autofree char *value = identity(HEAD, BODY, key, PARAMS);
    cw_passport p;
    char why[128];
    cw_err err = read_value(value, &p);

    g_assert_cmpint(err, ==, CW_OK);
    err = cw_passport_fits(
        &p, &(cw_passport_call){ .from = from, .to = to, .now = now, .max_age_s = 60 }, why);
    cw_passport_clear(&p);
    return err;
}

static void test_fits(void)
{
    g_assert_cmpint(fits("12155550100", "33123456789", NOW), ==, CW_OK);
    g_assert_cmpint(fits("12155550100", "33123456789", NOW + 60), ==, CW_OK);
    g_assert_cmpint(fits("12155550100", "33123456789", NOW - 60), ==, CW_OK);
    g_assert_cmpint(fits("12155550100", "33123456789", NOW + 61), ==, CW_E_STALE);
    g_assert_cmpint(fits("12155550100", "33123456789", NOW - 61), ==, CW_E_STALE);
    g_assert_cmpint(fits("12155550101", "33123456789", NOW), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(fits("12155550100", "33123456788", NOW), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(fits(NULL, "33123456789", NOW), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(fits("12155550100", NULL, NOW), ==, CW_E_BAD_IDENTITY);
}

static cw_err signed_by(const char *value, const cw_shaken_cert *cert)
{
    cw_passport p;
    cw_err err = read_value(value, &p);

    if (!err)
        err = cw_passport_signed_by(&p, cert->key);
    cw_passport_clear(&p);
    return err;
}

static void test_signature(void)
{
    g_autofree char *good = identity(HEAD, BODY, key, PARAMS);
    g_autofree char *other = identity(HEAD, BODY, other_key, PARAMS);
    g_autofree char *none = identity(HEAD, BODY, NULL, PARAMS), *changed = NULL;
    g_autofree char *body = with(BODY, "\"A\"", "\"B\""), *token = rig_token(HEAD, body, key);
    g_auto(GStrv) a = g_strsplit(good, ".", 3), b = g_strsplit(token, ".", 3);
    maker m = leaf_of("provider");
    cw_shaken_cert *cert;

    changed =
        g_strdup_printf("%s.%s.%s", a[0], b[1], a[2]); /* claims of one, signature of another */
    g_assert_cmpint(read_chain(&m, key, true, &cert), ==, CW_OK);
    g_assert_cmpint(signed_by(good, cert), ==, CW_OK);
    g_assert_cmpint(signed_by(other, cert), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(signed_by(none, cert), ==, CW_E_BAD_IDENTITY);
    g_assert_cmpint(signed_by(changed, cert), ==, CW_E_BAD_IDENTITY);
    cw_shaken_cert_free(cert);
}

/* ── Signing ── */

/* Header and claims byte for byte: names in order, no blanks (RFC 8225 9). */
static void test_sign(void)
{
    g_autofree char *dir = g_dir_make_tmp(NULL, NULL), *path = g_build_filename(dir, "key", NULL);
    g_autofree char *head = rig_base64(HEAD, strlen(HEAD)), *body = rig_base64(BODY, strlen(BODY));
    g_autofree char *value = NULL, *want = g_strdup_printf("%s.%s.", head, body);
    cw_passport p = { .attest = 'A', .dest_n = 1, .iat = NOW, .x5u = (char *)URL };
    struct _cjose_jwk_int *jwk;
    FILE *file = g_fopen(path, "w");
    maker m = leaf_of("provider");
    cw_shaken_cert *cert;
    char why[128];

    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    g_strlcpy(p.orig, "12155550100", sizeof p.orig);
    g_strlcpy(p.dest[0], "33123456789", sizeof p.dest[0]);
    g_strlcpy(p.origid, "123e4567-e89b-12d3-a456-426655440000", sizeof p.origid);
    g_assert_cmpint(cw_shaken_key(path, &jwk, why), ==, CW_OK);
    value = cw_passport_sign(&p, jwk);
    g_assert_true(g_str_has_prefix(value, want));
    g_assert_true(g_str_has_suffix(value, PARAMS));
    g_assert_cmpint(read_chain(&m, key, true, &cert), ==, CW_OK);
    g_assert_cmpint(signed_by(value, cert), ==, CW_OK);
    cw_shaken_cert_free(cert);
    cjose_jwk_release(jwk);
    g_unlink(path);
    g_rmdir(dir);
}

static void test_number(void)
{
    char text[CW_TN_STR];

    g_assert_true(cw_passport_number("+1 (215) 555-01.00", text));
    g_assert_cmpstr(text, ==, "12155550100");
    g_assert_true(cw_passport_number("*21#", text));
    g_assert_cmpstr(text, ==, "*21#");
    g_assert_false(cw_passport_number("", text));
    g_assert_false(cw_passport_number("+", text));
    g_assert_false(cw_passport_number("1+2", text));
    g_assert_false(cw_passport_number("bob", text));
}

static void open_rig(void)
{
    maker m = { .name = "root", .from = NOW - 10 * DAY, .until = NOW + 100 * DAY, .ca = true };

    root_key = EVP_EC_gen("P-256");
    key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    root = rig_cert(&m, root_key);
    store = X509_STORE_new();
    X509_STORE_add_cert(store, root);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    open_rig();
    g_test_add_func("/passport/certificate", test_certificate);
    g_test_add_func("/passport/certificate/time", test_time);
    g_test_add_func("/passport/certificate/chain", test_chain);
    g_test_add_func("/passport/certificate/intermediate", test_intermediate);
    g_test_add_func("/passport/certificate/numbers", test_numbers);
    g_test_add_func("/passport/certificate/bad-numbers", test_bad_numbers);
    g_test_add_func("/passport/files", test_files);
    g_test_add_func("/passport/read", test_read);
    g_test_add_func("/passport/fields", test_fields);
    g_test_add_func("/passport/heads", test_heads);
    g_test_add_func("/passport/bodies", test_bodies);
    g_test_add_func("/passport/cut", test_cut);
    g_test_add_func("/passport/fits", test_fits);
    g_test_add_func("/passport/signature", test_signature);
    g_test_add_func("/passport/sign", test_sign);
    g_test_add_func("/passport/number", test_number);
    status = g_test_run();
    X509_STORE_free(store);
    X509_free(root);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    return status;
}
