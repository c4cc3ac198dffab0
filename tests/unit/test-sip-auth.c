/* test-sip-auth.c - digest: the published examples, and which challenges are answered. */
#include "sip/auth.h"

#include <string.h>

static const char *const rfc2617[] = { "realm=\"testrealm@host.com\"", "qop=\"auth,auth-int\"",
                                       "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
                                       "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"", NULL };

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
    answer = cw_sip_challenge_answer(&challenge, "Mufasa", "Circle Of Life", "GET",
                                     "/dir/index.html", 1, "0a4f113b");
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
        answer = cw_sip_challenge_answer(&challenge, "Mufasa", "Circle of Life", "GET",
                                         "/dir/index.html", 1,
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
    answer = cw_sip_challenge_answer(&challenge, "u", "p", "INVITE", "sip:b@h", 1, "c");
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
    { "md5-sess", { "realm=\"r\"", "nonce=\"a\"", "algorithm=MD5-sess" }, CW_E_UNSUPPORTED },
    { "akav1", { "realm=\"r\"", "nonce=\"a\"", "algorithm=AKAv1-MD5" }, CW_E_UNSUPPORTED },
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
    const cw_sip_credentials named = { "u", "p", "carrier" }, any = { "u", "p", NULL },
                             none = { NULL, "p", NULL };
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/auth/rfc2617", test_rfc2617);
    g_test_add_func("/sip/auth/rfc7616", test_rfc7616);
    g_test_add_func("/sip/auth/no-qop", test_no_qop);
    g_test_add_func("/sip/auth/challenges", test_challenges);
    g_test_add_func("/sip/auth/realm-bound", test_realm_bound);
    return g_test_run();
}
