/* test-sip-login.c - digest as a server: whose answer is right, for how long, how often. */
#include "sip/transaction/auth.h"
#include "sip/transaction/login.h"

#include <string.h>

#define URI "sip:+331@gw.test"

typedef struct rig {
    cw_conf *conf;
    cw_sip_logins *logins;
    uint64_t now;
} rig;

static rig open_rig(const char *sip, const char *trunk)
{
    g_autofree char *why = NULL;
    g_autofree char *text = g_strdup_printf(
        "sip: { %s }; trunk = ( { name = \"t\"; in_username = \"mo\"; %s } );", sip, trunk);
    rig r = { .now = 100000 };
    char said[128];

    g_assert_cmpint(cw_conf_load("test", text, &r.conf, &why), ==, CW_OK);
    g_assert_cmpint(cw_sip_logins_check(r.conf, said), ==, CW_OK);
    r.logins = cw_sip_logins_new(r.conf, "gw.test");
    g_assert_nonnull(r.logins);
    return r;
}

static void close_rig(rig *r)
{
    cw_sip_logins_free(r->logins);
    cw_conf_free(r->conf);
}

/* The nonce of a new challenge. */
static char *ask(rig *r, bool stale)
{
    g_autofree char *lines = NULL;
    const char *at;

    lines = cw_sip_logins_ask(r->logins, stale, r->now);
    g_assert_nonnull(lines);
    g_assert_true((strstr(lines, "stale=true") != NULL) == stale);
    at = strstr(lines, "nonce=\"") + 7;
    return g_strndup(at, strcspn(at, "\""));
}

/* An answer; each member can be another than what is right, or "" for none at all. */
typedef struct said {
    const char *user, *realm, *nonce, *uri, *algorithm, *qop, *nc, *cnonce, *password, *response,
        *method;
} said;

#define OR(member, right) (s->member ? s->member : (right))

static void put(GPtrArray *params, const char *name, const char *value)
{
    if (*value)
        g_ptr_array_add(params, g_strdup_printf("%s=\"%s\"", name, value));
}

static cw_err judge(rig *r, const char *nonce, const said *s)
{
    g_autoptr(GPtrArray) params = g_ptr_array_new_with_free_func(g_free);
    const char *algorithm = OR(algorithm, "SHA-256"), *user = NULL;
    GChecksumType hash = strcmp(algorithm, "SHA-256") ? G_CHECKSUM_MD5 : G_CHECKSUM_SHA256;
    const char *nc = OR(nc, "00000001"), *cnonce = OR(cnonce, "c");
    char ha1[CW_SIP_HA1_MAX];
    g_autofree char *response = NULL;
    cw_err err;

    cw_sip_ha1(hash, OR(user, "mo"), OR(realm, "gw.test"), OR(password, "secret"), ha1);
    response = cw_sip_digest(hash, ha1, "INVITE", OR(uri, URI), OR(nonce, nonce), nc, cnonce);
    put(params, "username", OR(user, "mo"));
    put(params, "realm", OR(realm, "gw.test"));
    put(params, "nonce", OR(nonce, nonce));
    put(params, "uri", OR(uri, URI));
    put(params, "response", OR(response, response));
    put(params, "algorithm", algorithm);
    put(params, "qop", OR(qop, "auth"));
    put(params, "nc", nc);
    put(params, "cnonce", cnonce);
    g_ptr_array_add(params, NULL);
    err = cw_sip_logins_judge(r->logins, (const char *const *)params->pdata, OR(method, "INVITE"),
                              URI, r->now, &user);
    g_assert_true(!err == (user != NULL));
    if (user)
        g_assert_cmpstr(user, ==, "mo");
    return err;
}

static const struct {
    const char *name;
    said said;
    cw_err want;
} cases[] = {
    { "right", { 0 }, CW_OK },
    { "md5", { .algorithm = "MD5" }, CW_OK },
    { "md5-when-none-is-said", { .algorithm = "" }, CW_OK },
    { "wrong-password", { .password = "guess" }, CW_E_AUTH },
    { "wrong-user", { .user = "other" }, CW_E_AUTH },
    { "wrong-response", { .response = "0" }, CW_E_AUTH },
    { "empty-response", { .response = "" }, CW_E_AUTH },
    { "another-realm", { .realm = "elsewhere" }, CW_E_NOT_FOUND },
    { "no-realm", { .realm = "" }, CW_E_NOT_FOUND },
    { "another-uri", { .uri = "sip:+1900@gw.test" }, CW_E_AUTH },
    { "another-method", { .method = "MESSAGE" }, CW_E_AUTH },
    { "no-qop", { .qop = "" }, CW_E_AUTH },
    { "auth-int", { .qop = "auth-int" }, CW_E_AUTH },
    { "no-cnonce", { .cnonce = "" }, CW_E_AUTH },
    { "session-key", { .algorithm = "MD5-sess" }, CW_E_AUTH },
    { "short-nc", { .nc = "1" }, CW_E_AUTH },
    { "nc-no-number", { .nc = "0000000x" }, CW_E_AUTH },
    { "made-up-nonce",
      { .nonce = "000000640000000000000000000000000000000000000000" },
      CW_E_EXPIRED },
    { "short-nonce", { .nonce = "00000064" }, CW_E_EXPIRED },
    { "no-nonce", { .nonce = "" }, CW_E_AUTH },
};

static void test_cases(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        rig r = open_rig("", "in_password = \"secret\";");
        g_autofree char *nonce = ask(&r, false);

        g_test_message("%s", cases[i].name);
        g_assert_cmpint(judge(&r, nonce, &cases[i].said), ==, cases[i].want);
        close_rig(&r);
    }
}

/* Each count once, and rising; until the nonce is too old; one nonce says nothing of another. */
static void test_counts(void)
{
    rig r = open_rig("challenge_s = 60;", "in_password = \"secret\";");
    g_autofree char *nonce = ask(&r, true), *second = ask(&r, false);
    const said counts[] = { { .nc = "00000001" }, { .nc = "00000002" }, { .nc = "0000000A" } };

    g_assert_cmpstr(nonce, !=, second);
    g_assert_cmpint(judge(&r, nonce, &counts[0]), ==, CW_OK);
    g_assert_cmpint(judge(&r, nonce, &counts[0]), ==, CW_E_EXPIRED);
    g_assert_cmpint(judge(&r, nonce, &counts[2]), ==, CW_OK);
    g_assert_cmpint(judge(&r, nonce, &counts[1]), ==, CW_E_EXPIRED);
    r.now += 60000;
    g_assert_cmpint(judge(&r, second, &counts[0]), ==, CW_OK);
    r.now += 1000;
    g_assert_cmpint(judge(&r, second, &counts[1]), ==, CW_E_EXPIRED);
    close_rig(&r);
}

/* A wrong answer, or one of a nonce that is not ours, is not kept and does not use one up. */
static void test_wrong_keeps_nothing(void)
{
    rig r = open_rig("", "in_password = \"secret\";");
    g_autofree char *nonce = ask(&r, false);
    const said wrong = { .password = "x", .nc = "ffffffff" }, right = { 0 };

    g_assert_cmpint(judge(&r, nonce, &wrong), ==, CW_E_AUTH);
    g_assert_cmpint(judge(&r, nonce, &right), ==, CW_OK);
    close_rig(&r);
}

/* More nonces in use than are kept: those that are forgotten are too old then. */
static void test_many(void)
{
    rig r = open_rig("challenges_per_s = 100000; challenge_s = 3600;", "in_password = \"secret\";");
    g_autofree char *first = ask(&r, false);
    const said right = { 0 }, next = { .nc = "00000002" };

    g_assert_cmpint(judge(&r, first, &right), ==, CW_OK);
    r.now += 1000;
    for (unsigned i = 0; i < 10000; i++) {
        g_autofree char *nonce = ask(&r, false);

        g_assert_cmpint(judge(&r, nonce, &right), ==, CW_OK);
    }
    g_assert_cmpint(judge(&r, first, &right), ==, CW_E_EXPIRED);
    g_assert_cmpint(judge(&r, first, &next), ==, CW_E_EXPIRED);
    close_rig(&r);
}

static void test_rate(void)
{
    rig r = open_rig("challenges_per_s = 3;", "in_password = \"secret\";");

    for (unsigned i = 0; i < 3; i++)
        g_free(ask(&r, false));
    g_assert_null(cw_sip_logins_ask(r.logins, false, r.now));
    r.now += 340;
    g_free(ask(&r, false));
    g_assert_null(cw_sip_logins_ask(r.logins, false, r.now));
    close_rig(&r);
}

/* Only the algorithms that are asked for, and that there is a hash for. */
static void test_hashes(void)
{
    char ha1[CW_SIP_HA1_MAX];
    g_autofree char *trunk = NULL, *nonce = NULL, *lines = NULL;
    const said md5 = { .algorithm = "MD5" }, sha = { 0 };
    rig r;

    cw_sip_ha1(G_CHECKSUM_MD5, "mo", "other realm", "secret", ha1);
    trunk = g_strdup_printf("in_ha1_md5 = \"%s\";", ha1);
    r = open_rig("challenge_realm = \"other realm\";", trunk);
    nonce = ask(&r, false);
    g_assert_cmpint(judge(&r, nonce, &md5), ==, CW_E_NOT_FOUND);
    g_assert_cmpint(judge(&r, nonce, &(said){ .algorithm = "MD5", .realm = "other realm" }), ==,
                    CW_OK);
    g_assert_cmpint(judge(&r, nonce, &(said){ .realm = "other realm", .nc = "00000002" }), ==,
                    CW_E_AUTH);
    close_rig(&r);
    r = open_rig("challenge_algorithms = ( \"SHA-256\" );", "in_password = \"secret\";");
    g_free(nonce);
    nonce = ask(&r, false);
    lines = cw_sip_logins_ask(r.logins, false, r.now);
    g_assert_null(strstr(lines, "MD5"));
    g_assert_cmpint(judge(&r, nonce, &md5), ==, CW_E_AUTH);
    g_assert_cmpint(judge(&r, nonce, &sha), ==, CW_OK);
    close_rig(&r);
}

/* Whatever is in them, the parameters are read to their end and no further. */
static void test_rubbish(void)
{
    static const char *const rubbish[] = {
        "",           "=",       "username",        "username=", "realm=\"gw.test",
        "nonce=\"\\", "nc=\"\"", "response=\"\\\"", NULL
    };
    rig r = open_rig("", "in_password = \"secret\";");
    const char *user;

    g_assert_cmpint(cw_sip_logins_judge(r.logins, rubbish, "INVITE", URI, r.now, &user), ==,
                    CW_E_AUTH);
    g_assert_cmpint(cw_sip_logins_judge(r.logins, NULL, "INVITE", URI, r.now, &user), ==,
                    CW_E_NOT_FOUND);
    close_rig(&r);
}

static const struct {
    const char *conf, *why;
} faults[] = {
    { "trunk = ( { name = \"t\"; in_username = \"u\"; } );", "needs in_password" },
    { "trunk = ( { name = \"t\"; in_password = \"u\"; } );", "need in_username" },
    { "trunk = ( { name = \"t\"; in_username = \"\"; in_password = \"p\"; } );", "no user name" },
    { "trunk = ( { name = \"t\"; in_username = \"u\"; in_ha1_md5 = \"12\"; } );", "hex digits" },
    { "trunk = ( { name = \"t\"; in_username = \"u\"; in_password = \"p\"; in_ha1_md5 = "
      "\"00112233445566778899aabbccddeeff\"; } );",
      "needs in_password, or" },
    { "trunk = ( { name = \"t\"; in_username = \"u\"; in_password = \"p\"; }, { name = \"v\"; "
      "in_username = \"u\"; in_password = \"q\"; } );",
      "of another trunk" },
    { "sip: { challenge_algorithms = ( \"SHA-1\" ); };", "SHA-1" },
    { "sip: { challenge_algorithms = ( ); };", "empty" },
    { "sip: { challenge_realm = \"a\\\"b\"; };", "no quotes" },
};

static void test_faults(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *load = NULL;
        cw_conf *conf;
        char why[128];

        g_assert_cmpint(cw_conf_load("test", faults[i].conf, &conf, &load), ==, CW_OK);
        g_assert_cmpint(cw_sip_logins_check(conf, why), ==, CW_E_CONF);
        g_assert_nonnull(strstr(why, faults[i].why));
        cw_conf_free(conf);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/login/cases", test_cases);
    g_test_add_func("/sip/login/counts", test_counts);
    g_test_add_func("/sip/login/wrong-keeps-nothing", test_wrong_keeps_nothing);
    g_test_add_func("/sip/login/many", test_many);
    g_test_add_func("/sip/login/rate", test_rate);
    g_test_add_func("/sip/login/hashes", test_hashes);
    g_test_add_func("/sip/login/rubbish", test_rubbish);
    g_test_add_func("/sip/login/faults", test_faults);
    return g_test_run();
}
