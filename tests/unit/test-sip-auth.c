/* test-sip-auth.c - digest: the published examples, and which challenges are answered. */
#include "sip/transaction/auth.h"

#include <string.h>

static const char *const rfc2617[] = { "realm=\"testrealm@host.com\"", "qop=\"auth,auth-int\"",
                                       "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
                                       "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"", NULL };

static char *answer_of(const cw_sip_challenge *challenge, const char *user, const char *password,
                       const char *method, const char *uri, const char *cnonce)
{
    char ha1[CW_SIP_HA1_MAX];

    cw_sip_ha1(challenge->hash, user, challenge->realm, password, ha1);
    return cw_sip_challenge_answer(challenge, user, ha1, method, uri, 1, cnonce);
}

static char *part(const char *answer, const char *name)
{
    g_autofree char *key = g_strdup_printf("%s=\"", name);
    const char *at = strstr(answer, key);

    g_assert_nonnull(at);
    at += strlen(key);
    return g_strndup(at, strcspn(at, "\""));
}

/* RFC 2617 3.5 */
static void test_rfc2617(void)
{
    g_auto(cw_sip_challenge) challenge = { 0 };
    g_autofree char *answer = NULL, *response = NULL, *opaque = NULL;

    g_assert_cmpint(cw_sip_challenge_parse(rfc2617, &challenge), ==, CW_OK);
    answer =
        answer_of(&challenge, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", "0a4f113b");
    response = part(answer, "response");
    opaque = part(answer, "opaque");
    g_assert_cmpstr(response, ==, "6629fae49393a05397450978507c4ef1");
    g_assert_cmpstr(opaque, ==, "5ccc069c403ebaf9f0171e9517f40e41");
    g_assert_nonnull(strstr(answer, "qop=auth, nc=00000001, cnonce=\"0a4f113b\""));
}

/* RFC 7616 3.9.1 */
static const struct {
    const char *algorithm, *response;
} rfc7616[] = {
    { "algorithm=MD5", "8ca523f5e9506fed4657c9700eebdbec" },
    { "algorithm=SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
};

static void test_rfc7616(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rfc7616); i++) {
        const char *const params[] = { "realm=\"http-auth@example.org\"",
                                       "qop=\"auth, auth-int\"",
                                       rfc7616[i].algorithm,
                                       "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"",
                                       "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
                                       NULL };
        g_auto(cw_sip_challenge) challenge = { 0 };
        g_autofree char *answer = NULL, *response = NULL;

        g_assert_cmpint(cw_sip_challenge_parse(params, &challenge), ==, CW_OK);
        answer = answer_of(&challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html",
                           "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
        response = part(answer, "response");
        g_assert_cmpstr(response, ==, rfc7616[i].response);
    }
}

/* The form of RFC 2069 (no qop): worked out by hand from RFC 2617 3.2.2.1. */
static void test_no_qop(void)
{
    const char *const params[] = { "realm=\"r\"", "nonce=\"n\"", NULL };
    g_auto(cw_sip_challenge) challenge = { 0 };
    g_autofree char *a1 = g_compute_checksum_for_string(G_CHECKSUM_MD5, "u:r:p", -1);
    g_autofree char *a2 = g_compute_checksum_for_string(G_CHECKSUM_MD5, "INVITE:sip:b@h", -1);
    g_autofree char *all = g_strdup_printf("%s:n:%s", a1, a2);
    g_autofree char *want = g_compute_checksum_for_string(G_CHECKSUM_MD5, all, -1);
    g_autofree char *answer = NULL, *response = NULL;

    g_assert_cmpint(cw_sip_challenge_parse(params, &challenge), ==, CW_OK);
    answer = answer_of(&challenge, "u", "p", "INVITE", "sip:b@h", "c");
    response = part(answer, "response");
    g_assert_cmpstr(response, ==, want);
    g_assert_null(strstr(answer, "qop"));
    g_assert_null(strstr(answer, "algorithm"));
}

static const struct {
    const char *name;
    const char *params[6];
    cw_err want;
} challenges[] = {
    { "no-realm", { "nonce=\"n\"" }, CW_E_PARSE },
    { "no-nonce", { "realm=\"r\"" }, CW_E_PARSE },
    { "control-in-nonce", { "realm=\"r\"", "nonce=\"a\rb\"" }, CW_E_PARSE },
    { "control-in-opaque", { "realm=\"r\"", "nonce=\"a\"", "opaque=\"x\ny\"" }, CW_E_PARSE },
    { "auth-int-only", { "realm=\"r\"", "nonce=\"a\"", "qop=\"auth-int\"" }, CW_E_UNSUPPORTED },
    { "md5-sess", { "realm=\"r\"", "nonce=\"a\"", "algorithm=MD5-sess", "qop=auth" }, CW_OK },
    { "sess-no-qop", { "realm=\"r\"", "nonce=\"a\"", "algorithm=MD5-sess" }, CW_E_UNSUPPORTED },
    { "sha-512-256", { "realm=\"r\"", "nonce=\"a\"", "algorithm=SHA-512-256" }, CW_E_UNSUPPORTED },
    { "akav2-sha", { "realm=\"r\"", "nonce=\"a\"", "algorithm=AKAv2-SHA-256" }, CW_E_UNSUPPORTED },
    { "quoted-algorithm", { "realm=\"r\"", "nonce=\"a\"", "algorithm=\"sha-256\"" }, CW_OK },
    { "case", { "REALM=\"r\"", "Nonce=\"a\"", "QOP=\"AUTH\"" }, CW_OK },
};

static void test_challenges(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(challenges); i++) {
        g_auto(cw_sip_challenge) challenge = { 0 };
        cw_err err = cw_sip_challenge_parse(challenges[i].params, &challenge);

        if (err != challenges[i].want)
            g_error("%s: %s", challenges[i].name, cw_err_name(err));
    }
}

static cw_err ask(cw_sip_account *account, const char *realm, const char *nonce)
{
    g_autofree char *r = g_strdup_printf("realm=\"%s\"", realm);
    g_autofree char *n = g_strdup_printf("nonce=\"%s\"", nonce);
    const char *const params[] = { r, n, "qop=\"auth\"", NULL };
    g_auto(cw_sip_challenge) challenge = { 0 };

    g_assert_cmpint(cw_sip_challenge_parse(params, &challenge), ==, CW_OK);
    return cw_sip_account_ask(account, false, &challenge);
}

static void test_realm_bound(void)
{
    const cw_sip_credentials named = { .username = "u", .password = "p", .realm = "carrier" },
                             any = { .username = "u", .password = "p" }, none = { .password = "p" };
    cw_sip_account *account = cw_sip_account_new(&named);
    g_autofree char *first = NULL, *second = NULL;

    g_assert_null(cw_sip_account_new(&none));
    g_assert_null(cw_sip_account_answer(account, false, "BYE", "sip:x"));
    g_assert_cmpint(ask(account, "evil", "1"), ==, CW_E_AUTH);
    g_assert_cmpint(ask(account, "carrier", "1"), ==, CW_OK);
    g_assert_cmpint(ask(account, "carrier", "1"), ==, CW_E_AUTH);
    first = cw_sip_account_answer(account, false, "BYE", "sip:x");
    second = cw_sip_account_answer(account, false, "BYE", "sip:x");
    g_assert_nonnull(strstr(first, "nc=00000001"));
    g_assert_nonnull(strstr(second, "nc=00000002"));
    g_assert_true(g_str_has_prefix(first, "Authorization: Digest username=\"u\""));
    cw_sip_account_unref(account);

    account = cw_sip_account_new(&any); /* the first realm that asks is the only one */
    g_assert_cmpint(ask(account, "carrier", "1"), ==, CW_OK);
    g_assert_cmpint(ask(account, "evil", "2"), ==, CW_E_AUTH);
    cw_sip_account_unref(account);
}

/* Nobody's until a request of ours went somewhere; then any port there, and nowhere else. */
static void test_homes(void)
{
    const cw_sip_credentials credentials = { .username = "u", .password = "p" };
    cw_sip_account *account = cw_sip_account_new(&credentials);
    cw_addr home, port, other, six;

    g_assert_cmpint(cw_addr_parse("192.0.2.1:5060", 0, &home), ==, CW_OK);
    g_assert_cmpint(cw_addr_parse("192.0.2.1:5080", 0, &port), ==, CW_OK);
    g_assert_cmpint(cw_addr_parse("192.0.2.2:5060", 0, &other), ==, CW_OK);
    g_assert_cmpint(cw_addr_parse("[2001:db8::1]:5060", 0, &six), ==, CW_OK);
    g_assert_false(cw_sip_account_is_home(account, &home));
    cw_sip_account_add_home(account, &home);
    cw_sip_account_add_home(account, &port);
    g_assert_cmpuint(account->homes->len, ==, 1);
    g_assert_true(cw_sip_account_is_home(account, &home));
    g_assert_true(cw_sip_account_is_home(account, &port));
    g_assert_false(cw_sip_account_is_home(account, &other));
    g_assert_false(cw_sip_account_is_home(account, &six));
    for (uint32_t i = 0; i < 100; i++) { /* bounded */
        other.in4.sin_addr.s_addr = htonl(0x0a000000 + i);
        cw_sip_account_add_home(account, &other);
    }
    g_assert_cmpuint(account->homes->len, ==, 32);
    cw_sip_account_unref(account);
}

/* A session's key is made of its first nonce and cnonce, and stays (RFC 7616 3.4.2). */
static void test_session(void)
{
    const char *const params[] = { "realm=\"r\"", "nonce=\"n\"", "qop=\"auth\"",
                                   "algorithm=SHA-256-sess", NULL };
    const cw_sip_credentials credentials = { .username = "u", .password = "p", .realm = "r" };
    cw_sip_account *account = cw_sip_account_new(&credentials);
    g_auto(cw_sip_challenge) challenge = { 0 };
    g_autofree char *first = NULL, *second = NULL, *cnonce = NULL, *again = NULL, *text = NULL;
    g_autofree char *plain = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "u:r:p", -1);
    g_autofree char *a2 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "REGISTER:sip:r", -1);
    g_autofree char *key = NULL, *want = NULL, *response = NULL, *keyed = NULL;

    g_assert_cmpint(cw_sip_challenge_parse(params, &challenge), ==, CW_OK);
    g_assert_cmpint(cw_sip_account_ask(account, false, &challenge), ==, CW_OK);
    first = cw_sip_account_answer(account, false, "REGISTER", "sip:r");
    second = cw_sip_account_answer(account, false, "REGISTER", "sip:r");
    cnonce = part(first, "cnonce");
    again = part(second, "cnonce");
    g_assert_cmpstr(cnonce, ==, again);
    g_assert_nonnull(strstr(first, "algorithm=SHA-256-sess"));
    keyed = g_strdup_printf("%s:n:%s", plain, cnonce);
    key = g_compute_checksum_for_string(G_CHECKSUM_SHA256, keyed, -1);
    text = g_strdup_printf("%s:n:00000002:%s:auth:%s", key, cnonce, a2);
    want = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    response = part(second, "response");
    g_assert_cmpstr(response, ==, want);
    cw_sip_account_unref(account);
}

/* Hashes in place of a password: an algorithm without one is not answered. */
static void test_ha1(void)
{
    static const char *const sha[] = { "realm=\"r\"", "nonce=\"n\"", "algorithm=SHA-256", NULL };
    char md5[CW_SIP_HA1_MAX];
    const cw_sip_credentials hashed = { .username = "u", .realm = "r", .ha1_md5 = md5 },
                             open = { .username = "u", .password = "p", .realm = "r" };
    cw_sip_account *account, *other;
    g_auto(cw_sip_challenge) challenge = { 0 };
    g_autofree char *one = NULL, *two = NULL;

    cw_sip_ha1(G_CHECKSUM_MD5, "u", "r", "p", md5);
    g_assert_true(cw_sip_ha1_ok(G_CHECKSUM_MD5, md5));
    g_assert_false(cw_sip_ha1_ok(G_CHECKSUM_SHA256, md5));
    g_assert_false(cw_sip_ha1_ok(G_CHECKSUM_MD5, "zz518a09ee05c8ae7bfe9ee05c8ae7bf"));
    account = cw_sip_account_new(&hashed);
    other = cw_sip_account_new(&open);
    g_assert_null(other->password);
    g_assert_cmpint(cw_sip_challenge_parse(sha, &challenge), ==, CW_OK);
    g_assert_false(cw_sip_account_fits(account, &challenge));
    g_assert_true(cw_sip_account_fits(other, &challenge));
    g_assert_cmpint(cw_sip_account_ask(account, false, &challenge), ==, CW_E_AUTH);
    g_assert_cmpint(ask(account, "r", "1"), ==, CW_OK);
    g_assert_cmpint(ask(other, "r", "1"), ==, CW_OK);
    g_strlcpy(other->asked[0].cnonce, account->asked[0].cnonce, sizeof other->asked[0].cnonce);
    one = cw_sip_account_answer(account, false, "BYE", "sip:x");
    two = cw_sip_account_answer(other, false, "BYE", "sip:x");
    g_assert_cmpstr(one, ==, two);
    cw_sip_account_unref(account);
    cw_sip_account_unref(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/auth/rfc2617", test_rfc2617);
    g_test_add_func("/sip/auth/rfc7616", test_rfc7616);
    g_test_add_func("/sip/auth/no-qop", test_no_qop);
    g_test_add_func("/sip/auth/challenges", test_challenges);
    g_test_add_func("/sip/auth/realm-bound", test_realm_bound);
    g_test_add_func("/sip/auth/homes", test_homes);
    g_test_add_func("/sip/auth/session", test_session);
    g_test_add_func("/sip/auth/ha1", test_ha1);
    return g_test_run();
}
