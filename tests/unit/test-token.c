/* Log-in tokens, made here with keys made here: genuine, forged, confused, expired. */
#include "base/json.h"
#include "user/user.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <jwt.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define SECRET  "0123456789abcdef0123456789abcdef"
#define SECRET2 "fedcba9876543210fedcba9876543210"
#define NOW     INT64_C(1800000000)

static char *dir, *rsa_private, *rsa_public, *ec_private, *ec_public;

/* ── Keys ───────────────────────────────────────────────────────────────────────────────────────
 */

static char *pem_of(EVP_PKEY *pkey, bool secret)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    long len;

    if (secret)
        g_assert_cmpint(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), ==, 1);
    else
        g_assert_cmpint(PEM_write_bio_PUBKEY(bio, pkey), ==, 1);
    len = BIO_get_mem_data(bio, &text);
    text = g_strndup(text, (gsize)len);
    BIO_free(bio);
    return text;
}

static char *file_with(const char *name, const char *text)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void make_keys(void)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *small = EVP_RSA_gen(1024);
    EVP_PKEY *ec = EVP_EC_gen("P-256"), *ec384 = EVP_EC_gen("P-384");
    EVP_PKEY *all[] = { rsa, small, ec, ec384 };
    const char *names[] = { "rsa.pem", "small.pem", "ec.pem", "ec384.pem" };

    dir = g_dir_make_tmp(NULL, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autofree char *text = pem_of(all[i], false);

        g_free(file_with(names[i], text));
    }
    rsa_private = pem_of(rsa, true);
    rsa_public = pem_of(rsa, false);
    ec_private = pem_of(ec, true);
    ec_public = pem_of(ec, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        EVP_PKEY_free(all[i]);
}

/* ── Tokens ─────────────────────────────────────────────────────────────────────────────────────
 */

static char *token_of(jwt_alg_t alg, const char *key, const char *kid, const char *claims)
{
    jwt_t *jwt;
    char *text, *copy;

    g_assert_cmpint(jwt_new(&jwt), ==, 0);
    g_assert_cmpint(jwt_add_grants_json(jwt, claims), ==, 0);
    if (kid)
        g_assert_cmpint(jwt_add_header(jwt, "kid", kid), ==, 0);
    g_assert_cmpint(jwt_set_alg(jwt, alg, (const unsigned char *)key, key ? (int)strlen(key) : 0),
                    ==, 0);
    text = jwt_encode_str(jwt);
    g_assert_nonnull(text);
    copy = g_strdup(text);
    free(text);
    jwt_free(jwt);
    return copy;
}

static char *base64url(const char *text)
{
    char *base64 = g_base64_encode((const guchar *)text, strlen(text));

    g_strdelimit(g_strdelimit(base64, "+", '-'), "/", '_');
    base64[strcspn(base64, "=")] = '\0';
    return base64;
}

/* Header and claims as given, with the signature HMAC-SHA256 under `key`, or none. */
static char *raw_token(const char *header, const char *claims, const char *key)
{
    g_autofree char *h = base64url(header), *c = base64url(claims);
    g_autofree char *body = g_strconcat(h, ".", c, NULL), *base64 = NULL;
    guint8 mac[32];
    gsize n = sizeof mac;
    GHmac *hmac;

    if (!key)
        return g_strconcat(body, ".", NULL);
    hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)key, strlen(key));
    g_hmac_update(hmac, (const guchar *)body, -1);
    g_hmac_get_digest(hmac, mac, &n);
    g_hmac_unref(hmac);
    base64 = g_base64_encode(mac, n);
    g_strdelimit(g_strdelimit(base64, "+", '-'), "/", '_');
    base64[43] = '\0';
    return g_strconcat(body, ".", base64, NULL);
}

static cw_conf *conf_of(const char *auth)
{
    g_autofree char *text = g_strdup_printf(
        "auth: { %s };\n"
        "key = ( { id = \"h\"; algorithm = \"HS256\"; secret = \"" SECRET "\"; },\n"
        "        { id = \"r\"; algorithm = \"RS256\"; public_key = \"%s/rsa.pem\"; },\n"
        "        { id = \"e\"; algorithm = \"ES256\"; public_key = \"%s/ec.pem\"; },\n"
        "        { algorithm = \"HS256\"; secret = \"" SECRET2 "\"; } );\n",
        auth, dir, dir);
    g_autofree char *why = NULL;
    cw_conf *conf;

    if (cw_conf_load("test", text, &conf, &why))
        g_error("%s", why);
    return conf;
}

static cw_err verify(const char *auth, const char *token, cw_identity *ret)
{
    cw_conf *conf = conf_of(auth);
    g_autofree char *wrong = NULL, *exact = g_memdup2(token, strlen(token) + 1);
    char why[128];
    cw_tokens *tokens;
    cw_err err;

    g_assert_cmpint(cw_tokens_new(conf, &tokens, &wrong), ==, CW_OK);
    err = cw_token_verify(tokens, exact, strlen(exact), NOW, ret, why);
    g_test_message("%s %s", cw_err_name(err), why);
    g_assert_true(err == CW_OK || *why);
    cw_tokens_free(tokens);
    cw_conf_free(conf);
    return err;
}

static void expect(const char *auth, const char *token, cw_err want)
{
    cw_identity identity = { 0 };

    g_assert_cmpint(verify(auth, token, &identity), ==, want);
    if (want == CW_OK)
        g_assert_cmpstr(identity.user, ==, "anna");
    else
        g_assert_cmpstr(identity.user, ==, "");
    cw_identity_clear(&identity);
}

#define GOOD "{\"sub\":\"anna\",\"exp\":1800000100}"

static void test_genuine(void)
{
    g_autofree char *h = token_of(JWT_ALG_HS256, SECRET, "h", GOOD);
    g_autofree char *r = token_of(JWT_ALG_RS256, rsa_private, "r", GOOD);
    g_autofree char *e = token_of(JWT_ALG_ES256, ec_private, "e", GOOD);
    g_autofree char *n = token_of(JWT_ALG_HS256, SECRET2, NULL, GOOD);

    expect("", h, CW_OK);
    expect("", r, CW_OK);
    expect("", e, CW_OK);
    expect("", n, CW_OK);
}

/* Each byte of the signature and the claims matters. */
static void test_forged(void)
{
    char *tokens[] = { token_of(JWT_ALG_HS256, SECRET, "h", GOOD),
                       token_of(JWT_ALG_RS256, rsa_private, "r", GOOD),
                       token_of(JWT_ALG_ES256, ec_private, "e", GOOD) };

    for (unsigned i = 0; i < G_N_ELEMENTS(tokens); i++) {
        char *body = strchr(tokens[i], '.') + 1, *sig = strchr(body, '.') + 1;
        char *at[] = { body + 4, sig, sig + strlen(sig) / 2 };

        for (unsigned k = 0; k < G_N_ELEMENTS(at); k++) {
            char was = *at[k];

            *at[k] = was == 'A' ? 'B' : 'A';
            expect("", tokens[i], CW_E_AUTH);
            *at[k] = was;
        }
        *(sig - 1) = '\0'; /* the signature and its dot gone */
        expect("", tokens[i], CW_E_AUTH);
        *(sig - 1) = '.';
        *sig = '\0'; /* an empty signature */
        expect("", tokens[i], CW_E_AUTH);
        g_free(tokens[i]);
    }
}

static const struct {
    const char *name, *header, *key; /* key NULL: no signature; "pem": the RSA public key's text */
} confused[] = {
    { "none", "{\"alg\":\"none\"}", NULL },
    { "none-with-kid", "{\"alg\":\"none\",\"kid\":\"h\"}", NULL },
    { "none-capital", "{\"alg\":\"None\",\"kid\":\"h\"}", NULL },
    { "none-upper", "{\"alg\":\"NONE\",\"kid\":\"r\"}", NULL },
    { "none-signed", "{\"alg\":\"none\",\"kid\":\"h\"}", SECRET },
    { "rs-as-hs", "{\"alg\":\"HS256\",\"kid\":\"r\"}", "rsa" },
    { "es-as-hs", "{\"alg\":\"HS256\",\"kid\":\"e\"}", "ec" },
    { "lower-case-alg", "{\"alg\":\"hs256\",\"kid\":\"h\"}", SECRET },
    { "hs512", "{\"alg\":\"HS512\",\"kid\":\"h\"}", SECRET },
    { "no-alg", "{\"kid\":\"h\"}", SECRET },
    { "alg-number", "{\"alg\":1,\"kid\":\"h\"}", SECRET },
    { "two-algs", "{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"h\"}", SECRET },
    { "kid-of-another-key", "{\"alg\":\"HS256\"}", SECRET },
    { "kid-unknown", "{\"alg\":\"HS256\",\"kid\":\"x\"}", SECRET },
    { "kid-empty", "{\"alg\":\"HS256\",\"kid\":\"\"}", SECRET2 },
    { "kid-null", "{\"alg\":\"HS256\",\"kid\":null}", SECRET2 },
    { "kid-number", "{\"alg\":\"HS256\",\"kid\":0}", SECRET2 },
    { "kid-file", "{\"alg\":\"HS256\",\"kid\":\"../../../../dev/null\"}", "" },
    { "kid-sql", "{\"alg\":\"HS256\",\"kid\":\"x' UNION SELECT 'a\"}", "a" },
    { "jwk-in-header", "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"YQ\"}}", "a" },
    { "crit", "{\"alg\":\"HS256\",\"kid\":\"h\",\"crit\":[\"exp\"]}", SECRET },
    { "encrypted", "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"h\"}", SECRET },
    { "header-list", "[\"HS256\"]", SECRET },
    { "header-empty", "", SECRET },
};

static void test_confused(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(confused); i++) {
        const char *key = confused[i].key;
        g_autofree char *token = NULL;

        if (!g_strcmp0(key, "rsa"))
            key = rsa_public;
        else if (!g_strcmp0(key, "ec"))
            key = ec_public;
        token = raw_token(confused[i].header, GOOD, key);
        g_test_message("%s", confused[i].name);
        expect("", token, CW_E_AUTH);
    }
}

static const struct {
    const char *name, *auth, *claims;
    cw_err want;
} claims[] = {
    { "no-exp", "", "{\"sub\":\"anna\"}", CW_E_AUTH },
    { "exp-text", "", "{\"sub\":\"anna\",\"exp\":\"1800000100\"}", CW_E_AUTH },
    { "exp-null", "", "{\"sub\":\"anna\",\"exp\":null}", CW_E_AUTH },
    { "exp-huge", "", "{\"sub\":\"anna\",\"exp\":1e300}", CW_E_AUTH },
    { "exp-negative", "", "{\"sub\":\"anna\",\"exp\":-1}", CW_E_AUTH },
    { "exp-real", "", "{\"sub\":\"anna\",\"exp\":1800000100.5}", CW_OK },
    { "expired", "", "{\"sub\":\"anna\",\"exp\":1799999000}", CW_E_EXPIRED },
    { "expired-a-minute", "", "{\"sub\":\"anna\",\"exp\":1799999940}", CW_E_EXPIRED },
    { "within-leeway", "", "{\"sub\":\"anna\",\"exp\":1799999941}", CW_OK },
    { "no-leeway", "leeway_s = 0;", "{\"sub\":\"anna\",\"exp\":1800000000}", CW_E_EXPIRED },
    { "not-yet", "", "{\"sub\":\"anna\",\"exp\":1800001000,\"nbf\":1800000061}", CW_E_AUTH },
    { "nearly", "", "{\"sub\":\"anna\",\"exp\":1800001000,\"nbf\":1800000060}", CW_OK },
    { "nbf-text", "", "{\"sub\":\"anna\",\"exp\":1800001000,\"nbf\":\"1\"}", CW_E_AUTH },
    { "no-sub", "", "{\"exp\":1800000100}", CW_E_AUTH },
    { "sub-empty", "", "{\"sub\":\"\",\"exp\":1800000100}", CW_E_AUTH },
    { "sub-number", "", "{\"sub\":1,\"exp\":1800000100}", CW_E_AUTH },
    { "sub-crlf", "", "{\"sub\":\"an\\r\\nna\",\"exp\":1800000100}", CW_E_AUTH },
    { "sub-sip", "", "{\"sub\":\"anna;x=y\",\"exp\":1800000100}", CW_E_AUTH },
    { "sub-at-edge", "", "{\"sub\":\"@anna\",\"exp\":1800000100}", CW_E_AUTH },
    { "aud", "audience = \"gw\";", "{\"sub\":\"anna\",\"exp\":1800000100,\"aud\":\"gw\"}", CW_OK },
    { "aud-list", "audience = \"gw\";",
      "{\"sub\":\"anna\",\"exp\":1800000100,\"aud\":[\"x\",\"gw\"]}", CW_OK },
    { "aud-other", "audience = \"gw\";", "{\"sub\":\"anna\",\"exp\":1800000100,\"aud\":\"gw2\"}",
      CW_E_AUTH },
    { "aud-none", "audience = \"gw\";", "{\"sub\":\"anna\",\"exp\":1800000100}", CW_E_AUTH },
    { "aud-numbers", "audience = \"gw\";", "{\"sub\":\"anna\",\"exp\":1800000100,\"aud\":[1,{}]}",
      CW_E_AUTH },
    { "iss", "issuer = \"idp\";", "{\"sub\":\"anna\",\"exp\":1800000100,\"iss\":\"idp\"}", CW_OK },
    { "iss-other", "issuer = \"idp\";",
      "{\"sub\":\"anna\",\"exp\":1800000100,\"iss\":\"idp.evil\"}", CW_E_AUTH },
    { "iss-none", "issuer = \"idp\";", "{\"sub\":\"anna\",\"exp\":1800000100}", CW_E_AUTH },
    { "scope-number", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"scope\":1}", CW_E_AUTH },
    { "scope-numbers", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"scope\":[1]}", CW_E_AUTH },
    { "sip", "",
      "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"registrar\":\"pbx\",\"identity\":\"+331\","
      "\"username\":\"a\",\"ha1_md5\":\"00112233445566778899aabbCCDDEEFF\"}}",
      CW_OK },
    { "sip-account", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"account\":\"desk\"}}",
      CW_OK },
    { "sip-text", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":\"anna\"}", CW_E_AUTH },
    { "sip-empty", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{}}", CW_E_AUTH },
    { "sip-null", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":null}", CW_E_AUTH },
    { "sip-password", "",
      "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"identity\":\"a\",\"password\":\"p\"}}",
      CW_E_AUTH },
    { "sip-number", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"identity\":331}}",
      CW_E_AUTH },
    { "sip-crlf", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"identity\":\"a\\r\\nb\"}}",
      CW_E_AUTH },
    { "sip-empty-text", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"username\":\"\"}}",
      CW_E_AUTH },
    { "sip-short-hash", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"ha1_md5\":\"0011\"}}",
      CW_E_AUTH },
    { "sip-hash-no-hex", "",
      "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"ha1_md5\":"
      "\"0011223344556677889xaabbCCDDEEFF\"}}",
      CW_E_AUTH },
    { "sip-both", "",
      "{\"sub\":\"anna\",\"exp\":1800000100,\"sip\":{\"account\":\"d\",\"identity\":\"a\"}}",
      CW_E_AUTH },
    { "scope-null", "", "{\"sub\":\"anna\",\"exp\":1800000100,\"scope\":null}", CW_E_AUTH },
};

static void test_claims(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(claims); i++) {
        g_autofree char *token = token_of(JWT_ALG_HS256, SECRET, "h", claims[i].claims);

        g_test_message("%s", claims[i].name);
        expect(claims[i].auth, token, claims[i].want);
    }
}

/* ── Tokens for calls ───────────────────────────────────────────────────────────────────────────
 */

#define CALL_HEAD "{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"JWT\"}"
#define CALL_OF(call)                                                                              \
    "{\"sub\":\"anna\",\"exp\":1800000100,\"jti\":\"j1\",\"use\":\"call\",\"call\":" call "}"

static cw_err verify_grant(const char *auth, const char *token, cw_call_grant *ret)
{
    cw_conf *conf = conf_of(auth);
    g_autofree char *wrong = NULL, *exact = g_memdup2(token, strlen(token) + 1);
    char why[128];
    cw_tokens *tokens;
    cw_err err;

    g_assert_cmpint(cw_tokens_new(conf, &tokens, &wrong), ==, CW_OK);
    err = cw_call_grant_verify(tokens, exact, strlen(exact), NOW, "anna", ret, why);
    g_test_message("%s %s", cw_err_name(err), why);
    g_assert_true(err == CW_OK || *why);
    cw_tokens_free(tokens);
    cw_conf_free(conf);
    return err;
}

static void test_grant(void)
{
    g_autofree char *token =
        raw_token(CALL_HEAD,
                  CALL_OF("{\"to\":[\"tel:+33*\",\"tel:+44*\"],\"from\":[\"+331\"],\"at_once\":1,"
                          "\"seconds\":600,\"uses\":2,\"cost\":\"land\"}"),
                  SECRET);
    g_autofree char *plain = raw_token(CALL_HEAD, CALL_OF("{}"), SECRET);
    cw_call_grant grant = { 0 };

    g_assert_cmpint(verify_grant("", token, &grant), ==, CW_OK);
    g_assert_cmpstr(grant.id, ==, "j1");
    g_assert_cmpuint(grant.to.n, ==, 2);
    g_assert_cmpstr(grant.to.scope[1], ==, "tel:+44*");
    g_assert_cmpstr(grant.from.scope[0], ==, "+331");
    g_assert_cmpuint(grant.limits.at_once, ==, 1);
    g_assert_cmpuint(grant.limits.seconds, ==, 600);
    g_assert_cmpuint(grant.uses, ==, 2);
    g_assert_cmpstr(grant.limits.cost, ==, "land");
    g_assert_cmpint(grant.expires, ==, 1800000100);
    cw_call_grant_clear(&grant);
    g_assert_cmpint(verify_grant("", plain, &grant), ==, CW_OK);
    g_assert_cmpuint(grant.to.n, ==, 0);
    cw_call_grant_clear(&grant);
}

static const struct {
    const char *name, *head, *claims;
    cw_err want;
} grants[] = {
    { "log-in", CALL_HEAD, GOOD, CW_E_AUTH },
    { "no-use", CALL_HEAD, "{\"sub\":\"anna\",\"exp\":1800000100,\"jti\":\"j\",\"call\":{}}",
      CW_E_AUTH },
    { "other-use", CALL_HEAD,
      "{\"sub\":\"anna\",\"exp\":1800000100,\"jti\":\"j\",\"use\":\"room\",\"call\":{}}",
      CW_E_AUTH },
    { "none", "{\"alg\":\"none\",\"typ\":\"JWT\"}", CALL_OF("{}"), CW_E_AUTH },
    { "another's", CALL_HEAD,
      "{\"sub\":\"ben\",\"exp\":1800000100,\"jti\":\"j\",\"use\":\"call\",\"call\":{}}",
      CW_E_FORBIDDEN },
    { "nobody's", CALL_HEAD, "{\"exp\":1800000100,\"jti\":\"j\",\"use\":\"call\",\"call\":{}}",
      CW_E_FORBIDDEN },
    { "expired", CALL_HEAD,
      "{\"sub\":\"anna\",\"exp\":1799999000,\"jti\":\"j\",\"use\":\"call\",\"call\":{}}",
      CW_E_EXPIRED },
    { "no-exp", CALL_HEAD, "{\"sub\":\"anna\",\"jti\":\"j\",\"use\":\"call\",\"call\":{}}",
      CW_E_AUTH },
    { "no-jti", CALL_HEAD, "{\"sub\":\"anna\",\"exp\":1800000100,\"use\":\"call\",\"call\":{}}",
      CW_E_AUTH },
    { "jti-empty", CALL_HEAD,
      "{\"sub\":\"anna\",\"exp\":1800000100,\"jti\":\"\",\"use\":\"call\",\"call\":{}}",
      CW_E_AUTH },
    { "no-call", CALL_HEAD, "{\"sub\":\"anna\",\"exp\":1800000100,\"jti\":\"j\",\"use\":\"call\"}",
      CW_E_AUTH },
    { "call-list", CALL_HEAD, CALL_OF("[]"), CW_E_AUTH },
    { "to-text", CALL_HEAD, CALL_OF("{\"to\":\"tel:*\"}"), CW_E_AUTH },
    { "to-empty", CALL_HEAD, CALL_OF("{\"to\":[]}"), CW_E_AUTH },
    { "to-blank", CALL_HEAD, CALL_OF("{\"to\":[\"tel:+1 tel:+2\"]}"), CW_E_AUTH },
    { "to-empty-text", CALL_HEAD, CALL_OF("{\"to\":[\"\"]}"), CW_E_AUTH },
    { "to-numbers", CALL_HEAD, CALL_OF("{\"to\":[33]}"), CW_E_AUTH },
    { "seconds-zero", CALL_HEAD, CALL_OF("{\"seconds\":0}"), CW_E_AUTH },
    { "seconds-negative", CALL_HEAD, CALL_OF("{\"seconds\":-1}"), CW_E_AUTH },
    { "seconds-text", CALL_HEAD, CALL_OF("{\"seconds\":\"60\"}"), CW_E_AUTH },
    { "seconds-huge", CALL_HEAD, CALL_OF("{\"seconds\":9007199254740993}"), CW_E_AUTH },
    { "uses-real", CALL_HEAD, CALL_OF("{\"uses\":1.5}"), CW_E_AUTH },
    { "cost-long", CALL_HEAD, CALL_OF("{\"cost\":\"123456789012345678901234567890123\"}"),
      CW_E_AUTH },
    { "misspelt", CALL_HEAD, CALL_OF("{\"second\":60}"), CW_E_AUTH },
};

static void test_grants_refused(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(grants); i++) {
        g_autofree char *token = raw_token(grants[i].head, grants[i].claims, SECRET);
        cw_call_grant grant = { 0 };

        g_test_message("%s", grants[i].name);
        g_assert_cmpint(verify_grant("", token, &grant), ==, grants[i].want);
        g_assert_cmpstr(grant.id, ==, "");
        cw_call_grant_clear(&grant);
    }
}

/* Neither kind of token serves as the other; a log-in may be bound, too. */
static void test_kinds(void)
{
    g_autofree char *call = raw_token(CALL_HEAD, CALL_OF("{}"), SECRET);
    g_autofree char *other =
        token_of(JWT_ALG_HS256, SECRET, "h", "{\"sub\":\"anna\",\"exp\":1800000100,\"use\":null}");
    g_autofree char *bound =
        token_of(JWT_ALG_HS256, SECRET, "h",
                 "{\"sub\":\"anna\",\"exp\":1800000100,\"call\":{\"at_once\":2,\"seconds\":60}}");
    g_autofree char *wrong = token_of(
        JWT_ALG_HS256, SECRET, "h", "{\"sub\":\"anna\",\"exp\":1800000100,\"call\":{\"uses\":2}}");
    cw_identity identity = { 0 };

    expect("", call, CW_E_AUTH);
    expect("", other, CW_E_AUTH);
    expect("", wrong, CW_E_AUTH);
    g_assert_cmpint(verify("", bound, &identity), ==, CW_OK);
    g_assert_cmpuint(identity.limits.at_once, ==, 2);
    g_assert_cmpuint(identity.limits.seconds, ==, 60);
    cw_identity_clear(&identity);
}

static void test_shape(void)
{
    static const char *const bad[] = { "",
                                       ".",
                                       "..",
                                       "...",
                                       "a.b",
                                       "a.b.c",
                                       "a..",
                                       ".b.",
                                       "..c",
                                       "a.b.c.d",
                                       "\xff.\xff.\xff",
                                       "e30.e30.e30" };
    g_autofree char *good = token_of(JWT_ALG_HS256, SECRET, "h", GOOD);
    g_autofree char *more = g_strconcat(good, ".x", NULL);
    g_autofree char *padded = g_strconcat(good, "=", NULL);
    g_autofree char *name = g_strnfill(4000, 'x');
    g_autofree char *big =
        g_strdup_printf("{\"sub\":\"anna\",\"exp\":1800000100,\"x\":\"%s\"}", name);
    g_autofree char *long_token = token_of(JWT_ALG_HS256, SECRET, "h", big);

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        expect("", bad[i], CW_E_AUTH);
    expect("", more, CW_E_AUTH);
    expect("", padded, CW_E_AUTH);
    g_assert_cmpuint(strlen(long_token), >, CW_TOKEN_MAX);
    expect("", long_token, CW_E_AUTH);
}

static void test_identity(void)
{
    g_autofree char *token =
        token_of(JWT_ALG_HS256, SECRET, "h",
                 "{\"sub\":\"anna\",\"exp\":1800000100,\"name\":\"Anna \xc3\x96\","
                 "\"scope\":\"call:service:* call:tel:+33*\"}");
    g_autofree char *rude =
        token_of(JWT_ALG_HS256, SECRET, "h",
                 "{\"sub\":\"anna\",\"exp\":1800000100,\"name\":\"a\\r\\nb\",\"scope\":[]}");
    cw_identity id = { 0 };

    g_assert_cmpint(verify("", token, &id), ==, CW_OK);
    g_assert_cmpstr(id.display, ==, "Anna \xc3\x96");
    g_assert_cmpint(id.expires, ==, 1800000100);
    g_assert_true(cw_grant_allows(&id.grant, "call", "tel:+33123"));
    g_assert_false(cw_grant_allows(&id.grant, "call", "tel:+49123"));
    g_assert_false(cw_grant_allows(&id.grant, "record", "tel:+33123"));
    cw_identity_clear(&id);
    g_assert_cmpint(verify("", rude, &id), ==, CW_OK);
    g_assert_cmpstr(id.display, ==, "");
    g_assert_cmpuint(id.grant.n, ==, 0); /* an empty scope allows nothing */
    cw_identity_clear(&id);
}

static void test_display_cut(void)
{
    g_autoptr(GString) name = g_string_new("x");
    g_autofree char *text = NULL, *token = NULL;
    cw_identity id = { 0 };

    while (name->len < 200)
        g_string_append(name, "\xe2\x82\xac");
    text = g_strdup_printf("{\"sub\":\"anna\",\"exp\":1800000100,\"name\":\"%s\"}", name->str);
    token = token_of(JWT_ALG_HS256, SECRET, "h", text);
    g_assert_cmpint(verify("", token, &id), ==, CW_OK);
    g_assert_true(g_utf8_validate(id.display, -1, NULL));
    g_assert_cmpuint(strlen(id.display), ==, 94);
    cw_identity_clear(&id);
}

static void test_scope_count(void)
{
    g_autoptr(GString) scope = g_string_new("call:a");
    cw_identity id = { 0 };

    for (unsigned i = 1; i <= CW_SCOPES_MAX; i++) {
        g_autofree char *text =
            g_strdup_printf("{\"sub\":\"anna\",\"exp\":1800000100,\"scope\":\"%s\"}", scope->str);
        g_autofree char *token = token_of(JWT_ALG_HS256, SECRET, "h", text);

        g_assert_cmpint(verify("", token, &id), ==, i <= CW_SCOPES_MAX ? CW_OK : CW_E_AUTH);
        g_assert_cmpuint(id.grant.n, ==, i);
        cw_identity_clear(&id);
        g_string_append(scope, " call:b");
    }
    {
        g_autofree char *text =
            g_strdup_printf("{\"sub\":\"anna\",\"exp\":1800000100,\"scope\":\"%s\"}", scope->str);
        g_autofree char *token = token_of(JWT_ALG_HS256, SECRET, "h", text);

        expect("", token, CW_E_AUTH);
    }
}

/* ── Grants, names, guests ──────────────────────────────────────────────────────────────────────
 */

static void test_grants(void)
{
    static const struct {
        const char *scope, *target;
        bool want;
    } cases[] = {
        { "call:*", "sip:a@b", true },
        { "call:*", "", true },
        { "call:", "", true },
        { "call:", "x", false },
        { "call:service:*", "service:echo", true },
        { "call:service:*", "service", false },
        { "call:user:bob", "user:bob", true },
        { "call:user:bob", "user:bobby", false },
        { "call:user:bob", "user:bo", false },
        { "call:us*r:bob", "user:bob", false }, /* a star is special at the end only */
        { "call", "x", false },
        { "callx:*", "x", false },
        { "*", "x", false },
        { "record:*", "x", false },
        { "call:tel:+33*", "tel:+33", true },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        cw_grant grant = { .n = 1, .scope = { (char *)cases[i].scope } };

        if (cw_grant_allows(&grant, "call", cases[i].target) != cases[i].want)
            g_error("%s %s", cases[i].scope, cases[i].target);
    }
    g_assert_false(cw_grant_allows(&(cw_grant){ 0 }, "call", "x"));
}

static void test_names(void)
{
    static const struct {
        const char *name;
        bool want;
    } cases[] = {
        { "anna", true },      { "a", true },    { "", false },     { "a.b-c_d", true },
        { "a@b", true },       { "@b", false },  { "a@", false },   { "a+b", true },
        { "+a", false },       { "a b", false }, { "a/b", false },  { "a\nb", false },
        { "\xc3\xa9", false }, { "a:b", false }, { "a%41", false }, { "..", true },
    };
    g_autofree char *longest = g_strnfill(CW_USER_MAX, 'a'), *longer = g_strnfill(65, 'a');

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        if (cw_user_name_ok(cases[i].name, strlen(cases[i].name)) != cases[i].want)
            g_error("%s", cases[i].name);
    g_assert_true(cw_user_name_ok(longest, 64));
    g_assert_false(cw_user_name_ok(longer, 65));
    g_assert_false(cw_user_name_ok("a\0b", 3));
}

static void test_guest(void)
{
    cw_conf *closed = conf_of(""), *open = conf_of("guests = true; guest_scope = \"call:echo\";");
    cw_identity id = { 0 };

    g_assert_cmpint(cw_guest(closed, "anna", &id), ==, CW_E_AUTH);
    g_assert_cmpint(cw_guest(open, "an na", &id), ==, CW_E_PARAMS);
    g_assert_cmpint(cw_guest(open, "anna", &id), ==, CW_OK);
    g_assert_cmpstr(id.user, ==, "anna");
    g_assert_true(cw_grant_allows(&id.grant, "call", "echo"));
    g_assert_false(cw_grant_allows(&id.grant, "call", "tone"));
    cw_identity_clear(&id);
    cw_conf_free(closed);
    cw_conf_free(open);
}

static void test_bad_keys(void)
{
    static const char *const bad[] = {
        "{ id = \"a\"; algorithm = \"HS256\"; secret = \"too short\"; }",
        "{ id = \"a\"; algorithm = \"HS256\"; }",
        "{ id = \"a\"; algorithm = \"none\"; secret = \"" SECRET "\"; }",
        "{ id = \"a\"; secret = \"" SECRET "\"; }",
        "{ id = \"a\"; algorithm = \"HS512\"; secret = \"" SECRET "\"; }",
        "{ id = \"a\"; algorithm = \"HS256\"; public_key = \"%s/rsa.pem\"; }",
        "{ id = \"a\"; algorithm = \"RS256\"; secret = \"" SECRET "\"; }",
        "{ id = \"a\"; algorithm = \"RS256\"; public_key = \"%s/none.pem\"; }",
        "{ id = \"a\"; algorithm = \"RS256\"; public_key = \"%s/small.pem\"; }",
        "{ id = \"a\"; algorithm = \"RS256\"; public_key = \"%s/ec.pem\"; }",
        "{ id = \"a\"; algorithm = \"ES256\"; public_key = \"%s/rsa.pem\"; }",
        "{ id = \"a\"; algorithm = \"ES256\"; public_key = \"%s/ec384.pem\"; }",
        "{ id = \"a\"; algorithm = \"HS256\"; secret = \"" SECRET "\"; },"
        "{ id = \"a\"; algorithm = \"HS256\"; secret = \"" SECRET2 "\"; }",
        "{ algorithm = \"HS256\"; secret = \"" SECRET "\"; },"
        "{ algorithm = \"HS256\"; secret = \"" SECRET2 "\"; }",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(GStrv) part = g_strsplit(bad[i], "%s", 2);
        g_autofree char *record = g_strjoinv(dir, part);
        g_autofree char *text = g_strdup_printf("key = ( %s );\n", record), *why = NULL;
        cw_tokens *tokens;
        cw_conf *conf;
        cw_err err = cw_conf_load("test", text, &conf, &why);

        if (err) { /* the configuration knows better already */
            g_assert_cmpint(err, ==, CW_E_CONF);
            continue;
        }
        if (cw_tokens_new(conf, &tokens, &why) != CW_E_CONF)
            g_error("accepted: %s", bad[i]);
        g_test_message("%s", why);
        g_assert_null(strstr(why, SECRET));
        cw_conf_free(conf);
    }
}

static void remove_files(void)
{
    static const char *const names[] = { "rsa.pem", "small.pem", "ec.pem", "ec384.pem", "" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_free(dir);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    make_keys();
    g_test_add_func("/token/genuine", test_genuine);
    g_test_add_func("/token/forged", test_forged);
    g_test_add_func("/token/confused", test_confused);
    g_test_add_func("/token/claims", test_claims);
    g_test_add_func("/token/shape", test_shape);
    g_test_add_func("/token/grant", test_grant);
    g_test_add_func("/token/grants-refused", test_grants_refused);
    g_test_add_func("/token/kinds", test_kinds);
    g_test_add_func("/token/identity", test_identity);
    g_test_add_func("/token/display-cut", test_display_cut);
    g_test_add_func("/token/scope-count", test_scope_count);
    g_test_add_func("/user/grants", test_grants);
    g_test_add_func("/user/names", test_names);
    g_test_add_func("/user/guest", test_guest);
    g_test_add_func("/token/bad-keys", test_bad_keys);
    status = g_test_run();
    remove_files();
    return status;
}
