/* test-line.c - users' lines: accounts from a file, log-ins that register, which calls go by them.
 */
#include "call/line/account.h"
#include "call/line/line.h"
#include "sip-raw.h"
#include "sip/transaction/auth.h"

#include <glib/gstdio.h>
#include <stdlib.h>

/* ── Accounts ── */

#define MD5_HEX "0123456789abcdef0123456789ABCDEF"

static const struct {
    const char *name, *line, *why; /* why NULL: it is good */
} accounts[] = {
    { "least", "{\"user\":\"anna\"}", NULL },
    { "whole",
      "{\"user\":\"anna\",\"identity\":\"+331\",\"username\":\"a\",\"realm\":\"r\",\"ha1_md5\":"
      "\"" MD5_HEX "\",\"ha1_sha256\":\"" MD5_HEX MD5_HEX "\"}",
      NULL },
    { "password", "{\"user\":\"anna\",\"password\":\"x y\"}", NULL },
    { "no-user", "{\"identity\":\"anna\"}", "user is missing" },
    { "bad-user", "{\"user\":\"an na\"}", "no user name" },
    { "unknown", "{\"user\":\"anna\",\"pasword\":\"x\"}", "unknown member" },
    { "short-hash", "{\"user\":\"anna\",\"ha1_md5\":\"0123\"}", "ha1_md5" },
    { "no-hex", "{\"user\":\"anna\",\"ha1_sha256\":\"" MD5_HEX "\"}", "ha1_sha256" },
    { "both", "{\"user\":\"anna\",\"password\":\"x\",\"ha1_md5\":\"" MD5_HEX "\"}", "beside" },
    { "number", "{\"user\":7}", "user is no text" },
    { "empty", "{\"user\":\"anna\",\"realm\":\"\"}", "realm is no text" },
    { "control", "{\"user\":\"anna\",\"realm\":\"a\\nb\"}", "realm is no text" },
    { "list", "[]", "not a JSON object" },
    { "cut", "{\"user\":\"anna\"", "not a JSON object" },
};

static void test_account(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    size_t len = strlen(accounts[i].line);
    g_autofree char *line = g_memdup2(accounts[i].line, len); /* of exact size */
    cw_account *account = NULL;
    char why[128] = "";
    cw_err err = cw_account_parse(line, len, &account, why);

    g_assert_cmpint(err, ==, accounts[i].why ? CW_E_CONF : CW_OK);
    if (accounts[i].why && !strstr(why, accounts[i].why))
        g_error("%s: %s", accounts[i].name, why);
    if (!err)
        g_assert_cmpstr(account->identity, ==, strstr(accounts[i].line, "+331") ? "+331" : "anna");
    cw_account_free(account);
}

static char *write_file(const char *text)
{
    char *path = NULL;
    int fd = g_file_open_tmp("accounts-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void test_accounts(void)
{
    g_autofree char *good = write_file("# all of them\n\n{\"user\":\"a\"}\n  \n{\"user\":\"b\"}");
    g_autofree char *twice = write_file("{\"user\":\"a\"}\n#\n{\"user\":\"a\"}\n");
    GHashTable *all = NULL;
    char why[128];

    g_assert_cmpint(cw_accounts_load(good, &all, why), ==, CW_OK);
    g_assert_cmpuint(g_hash_table_size(all), ==, 2);
    g_hash_table_destroy(all);
    g_assert_cmpint(cw_accounts_load(twice, &all, why), ==, CW_E_CONF);
    g_assert_cmpstr(why, ==, "line 3: user \"a\" twice");
    g_assert_cmpint(cw_accounts_load("/nowhere/at/all", &all, why), ==, CW_E_CONF);
    g_unlink(good);
    g_unlink(twice);
}

static const struct {
    const char *name, *text, *why;
} confs[] = {
    { "no-name", "{ domain = \"d\"; users = ( \"*\" ); }", "name is missing" },
    { "no-domain", "{ name = \"n\"; users = ( \"*\" ); }", "domain is missing" },
    { "nobody", "{ name = \"n\"; domain = \"d\"; }", "neither accounts, users nor tokens" },
    { "transport", "{ name = \"n\"; domain = \"d\"; users = ( \"*\" ); transport = \"sctp\"; }",
      "transport" },
    { "retry",
      "{ name = \"n\"; domain = \"d\"; users = ( \"*\" ); retry_s = 60; retry_max_s = 30; }",
      "retry_max_s" },
    { "accounts", "{ name = \"n\"; domain = \"d\"; accounts = \"/nowhere/at/all\"; }", "accounts" },
    { "two",
      "{ name = \"n\"; domain = \"d\"; users = ( \"*\" ); }, { name = \"n\"; domain = \"e\"; "
      "users = ( \"*\" ); }",
      "two of this name" },
    { "good", "{ name = \"n\"; domain = \"d\"; users = ( \"*\" ); }", NULL },
};

static void test_check(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *text = g_strdup_printf("registrar = ( %s );", confs[i].text);
    char *said = NULL, why[128] = "";
    cw_conf *conf = NULL;

    g_assert_cmpint(cw_conf_load("test", text, &conf, &said), ==, CW_OK);
    g_assert_cmpint(cw_lines_check(conf, why), ==, confs[i].why ? CW_E_CONF : CW_OK);
    if (confs[i].why && !strstr(why, confs[i].why))
        g_error("%s: %s", confs[i].name, why);
    cw_conf_free(conf);
}

/* ── Log-ins ── */

typedef struct fix {
    rig r;
    raw p;
    cw_conf *conf;
    cw_calls *calls;
    char *news; /* the last session.registration */
    unsigned told;
} fix;

static void on_notify(void *arg, const char *method, json_t *params)
{
    fix *f = arg;

    g_assert_cmpstr(method, ==, "session.registration");
    g_free(f->news);
    f->news = cw_json_print(params);
    f->told++;
    json_decref(params);
}

static const cw_client_ops client_ops = { .notify = on_notify };

static void open_fix(fix *f, const char *more)
{
    g_autofree char *text = NULL, *said = NULL;

    *f = (fix){ 0 };
    rig_start(&f->r, "127.0.0.1", NULL, NULL);
    raw_open(&f->p, &f->r, &f->r.a);
    text = g_strdup_printf(
        "registrar = ( { name = \"home\"; domain = \"home.test\"; proxy = \"127.0.0.1:%u\";\n"
        "  users = ( \"u-*\" ); identity = \"+33$\"; password = \"pw\"; retry_s = 1; %s } );\n"
        "trunk = ( { name = \"t\"; address = \"192.0.2.1\"; prefixes = ( \"+44\" ); } );",
        f->p.port, more);
    if (cw_conf_load("test", text, &f->conf, &said))
        g_error("%s", said);
    cw_assert_on_loop();
    f->calls = cw_calls_new(f->r.loop, f->conf);
    cw_calls_use(f->calls, f->r.a.sip, NULL, NULL);
}

static void close_fix(fix *f)
{
    cw_assert_on_loop();
    cw_calls_free(f->calls);
    cw_conf_free(f->conf);
    g_free(f->news);
    raw_done(&f->r, &f->p);
}

static cw_client *come_claiming(fix *f, const char *user, const cw_sip_claim *claim, cw_err want)
{
    cw_identity identity = { .sip = (cw_sip_claim *)claim };
    cw_client *client = NULL;

    cw_assert_on_loop();
    g_strlcpy(identity.user, user, sizeof identity.user);
    g_assert_cmpint(cw_client_new(f->calls, cw_id_new(), &identity, &client_ops, f, &client), ==,
                    want);
    return client;
}

static cw_client *come(fix *f, const char *user)
{
    return come_claiming(f, user, NULL, CW_OK);
}

static void accept_next(fix *f)
{
    g_autofree char *request = raw_expect(&f->p, "REGISTER sip:home.test");
    g_autofree char *contact = raw_header(request, "Contact");
    g_autofree char *lines = g_strdup_printf("Contact: %s\r\nExpires: 600\r\n", contact);

    raw_reply(&f->p, request, "200 OK", "r", lines, NULL);
}

static const char *state_of(fix *f, const char *user)
{
    static char state[32];
    json_t *now;

    cw_assert_on_loop();
    now = cw_lines_state(f->calls->lines, user);
    g_strlcpy(state, json_string_value(json_object_get(now, "state")), sizeof state);
    json_decref(now);
    return state;
}

static void test_sessions(void)
{
    fix f;
    cw_client *one, *two, *other;
    g_autofree char *last = NULL, *expires = NULL, *to = NULL;

    open_fix(&f, "grace_s = 0;");
    cw_assert_on_loop();
    other = come(&f, "stranger");
    g_assert_cmpstr(state_of(&f, "stranger"), ==, "none");
    one = come(&f, "u-1");
    g_assert_cmpstr(state_of(&f, "u-1"), ==, "registering");
    accept_next(&f);
    WAIT(&f.r, f.told == 1);
    g_assert_nonnull(strstr(f.news, "\"registered\""));
    g_assert_nonnull(strstr(f.news, "sip:+33u-1@home.test"));
    two = come(&f, "u-1");
    g_assert_cmpstr(state_of(&f, "u-1"), ==, "registered");
    cw_client_free(one);
    raw_silence(&f.p, "REGISTER", 50);
    cw_client_free(two);
    last = raw_expect(&f.p, "REGISTER");
    expires = raw_header(last, "Expires");
    to = raw_header(last, "To");
    g_assert_cmpstr(expires, ==, "0");
    g_assert_cmpstr(to, ==, "<sip:+33u-1@home.test>");
    g_assert_cmpstr(state_of(&f, "u-1"), ==, "none");
    cw_client_free(other);
    close_fix(&f);
}

static void test_refused(void)
{
    fix f;
    cw_client *one, *two;
    g_autofree char *request = NULL;

    open_fix(&f, "");
    cw_assert_on_loop();
    one = come(&f, "u-1");
    request = raw_expect(&f.p, "REGISTER");
    raw_reply(&f.p, request, "403 Forbidden", "r", NULL, NULL);
    WAIT(&f.r, f.told == 1);
    g_assert_nonnull(strstr(f.news, "\"reason\":\"forbidden\""));
    g_assert_nonnull(strstr(f.news, "\"again\":false"));
    two = come(&f, "u-1"); /* a log-in tries again */
    g_assert_cmpstr(state_of(&f, "u-1"), ==, "registering");
    accept_next(&f);
    WAIT(&f.r, strcmp(state_of(&f, "u-1"), "registered") == 0);
    cw_client_free(one);
    cw_client_free(two);
    close_fix(&f);
}

/* What a token claims: as far as the record lets it. */
static const struct {
    const char *name;
    cw_sip_claim claim;
    const char *to; /* NULL: refused */
} claimed[] = {
    { "own-name", { .identity = "ann" }, "<sip:ann@home.test>" },
    { "nothing-said", { .registrar = "home" }, "<sip:ann@home.test>" },
    { "range", { .identity = "+3312" }, "<sip:+3312@home.test>" },
    { "another's", { .identity = "bob" }, NULL },
    { "out-of-range", { .identity = "+44" }, NULL },
    { "longer-name", { .identity = "anna" }, NULL },
    { "other-record", { .registrar = "work", .identity = "ann" }, NULL },
    { "account", { .account = "desk-7" }, "<sip:+337@home.test>" },
    { "account-not-let", { .account = "boss" }, NULL },
    { "no-such-account", { .account = "desk-8" }, NULL },
};

static void test_claimed(void)
{
    g_autofree char *file =
        write_file("{\"user\":\"desk-7\",\"identity\":\"+337\",\"password\":\"x\"}\n"
                   "{\"user\":\"boss\",\"identity\":\"1\"}\n");
    g_autofree char *more =
        g_strdup_printf("tokens = ( \"$\", \"+33*\" ); accounts = \"%s\"; grace_s = 0;", file);
    fix f;

    open_fix(&f, more);
    cw_assert_on_loop();
    for (size_t i = 0; i < G_N_ELEMENTS(claimed); i++) {
        g_autofree char *request = NULL, *to = NULL;
        cw_client *one =
            come_claiming(&f, "ann", &claimed[i].claim, claimed[i].to ? CW_OK : CW_E_AUTH);

        g_test_message("%s", claimed[i].name);
        if (!claimed[i].to) {
            g_assert_cmpstr(state_of(&f, "ann"), ==, "none");
            continue;
        }
        request = raw_expect(&f.p, "REGISTER");
        to = raw_header(request, "To");
        g_assert_cmpstr(to, ==, claimed[i].to);
        raw_reply(&f.p, request, "403 Forbidden", "r", NULL, NULL);
        WAIT(&f.r, strcmp(state_of(&f, "ann"), "failed") == 0);
        cw_client_free(one);
        WAIT(&f.r, strcmp(state_of(&f, "ann"), "none") == 0);
    }
    close_fix(&f);
    g_unlink(file);
}

/* The claim's own hash answers for the record's realm; a second session of the same claim shares
 * the line, one of another makes a new one. */
static void test_claim_answers(void)
{
    char ha1[65];
    cw_sip_claim claim = { .identity = "ann", .username = "auth" };
    fix f;
    cw_client *one, *two, *three;
    g_autofree char *request = NULL, *again = NULL, *said = NULL, *bye = NULL, *expires = NULL;

    cw_sip_ha1(G_CHECKSUM_MD5, "auth", "home.test", "pw", ha1);
    memcpy(claim.ha1_md5, ha1, sizeof claim.ha1_md5);
    open_fix(&f, "tokens = ( \"$\" ); grace_s = 0;");
    cw_assert_on_loop();
    one = come_claiming(&f, "ann", &claim, CW_OK);
    request = raw_expect(&f.p, "REGISTER");
    raw_reply(&f.p, request, "401 Unauthorized", "r",
              "WWW-Authenticate: Digest realm=\"home.test\", nonce=\"n\", algorithm=MD5\r\n", NULL);
    again = raw_expect(&f.p, "REGISTER");
    said = raw_header(again, "Authorization");
    g_assert_nonnull(strstr(said, "username=\"auth\""));
    {
        g_autofree char *want =
            cw_sip_digest(G_CHECKSUM_MD5, ha1, "REGISTER", "sip:home.test", "n", NULL, NULL);

        g_assert_nonnull(strstr(said, want));
    }
    {
        g_autofree char *contact = raw_header(again, "Contact");
        g_autofree char *lines = g_strdup_printf("Contact: %s\r\nExpires: 600\r\n", contact);

        raw_reply(&f.p, again, "200 OK", "r", lines, NULL);
    }
    WAIT(&f.r, strcmp(state_of(&f, "ann"), "registered") == 0);
    two = come_claiming(&f, "ann", &claim, CW_OK);
    raw_silence(&f.p, "REGISTER", 50);
    claim.username[0] = 'o';
    three = come_claiming(&f, "ann", &claim, CW_OK);
    bye = raw_expect(&f.p, "REGISTER");
    expires = raw_header(bye, "Expires");
    g_assert_cmpstr(expires, ==, "0");
    accept_next(&f);
    WAIT(&f.r, strcmp(state_of(&f, "ann"), "registered") == 0);
    cw_client_free(one);
    cw_client_free(two);
    cw_client_free(three);
    close_fix(&f);
}

/* ── Which calls ── */

static const struct {
    const char *to;
    const char *ruri, *off; /* off: the same while not registered; NULL: CW_E_UNAVAILABLE */
    bool by_line;
} leads[] = {
    { "4711", "sip:4711@home.test", NULL, true },
    { "tel:+33123", "sip:+33123@home.test", NULL, true },
    { "+44123", "sip:+44123@192.0.2.1", "sip:+44123@192.0.2.1", false }, /* a longer prefix */
    { "sip:bob@home.test", "sip:bob@home.test", NULL, true },
    { "sip:bob@HOME.test", "sip:bob@home.test", NULL, true },
    { "sip:bob@friends.test", "sip:bob@friends.test", NULL, true },
    { "sip:bob@else.test", "sip:bob@else.test", "sip:bob@else.test", false },
};

static cw_err lead(fix *f, const char *to, cw_route *route)
{
    const cw_writer writer = { .user = "u-1" };
    char why[128];
    cw_err err = cw_route_find(f->conf, &writer, to, route, why);

    cw_assert_on_loop();
    return cw_lines_lead(f->calls->lines, "u-1", route, err, why);
}

static void check_leads(fix *f, bool on)
{
    for (size_t i = 0; i < G_N_ELEMENTS(leads); i++) {
        const char *want = on ? leads[i].ruri : leads[i].off;
        cw_route route;
        cw_err err = lead(f, leads[i].to, &route);

        if (err != (want ? CW_OK : CW_E_UNAVAILABLE))
            g_error("%s: %s", leads[i].to, cw_err_name(err));
        if (want)
            g_assert_cmpstr(route.ruri, ==, want);
        g_assert_true((route.line != NULL) == (on && leads[i].by_line));
        g_assert_true(!route.line || !route.trunk);
        cw_route_clear(&route);
    }
}

static void test_leads(void)
{
    fix f;
    cw_client *one;
    cw_sip_target target = { 0 };
    cw_route route;

    open_fix(&f, "hosts = ( \"friends.test\" );");
    cw_assert_on_loop();
    g_assert_cmpint(lead(&f, "4711", &route), ==, CW_E_NO_ROUTE); /* nobody is logged in */
    cw_route_clear(&route);
    one = come(&f, "u-1");
    check_leads(&f, false);
    g_assert_cmpint(lead(&f, "echo", &route), ==, CW_OK);
    cw_route_clear(&route);
    accept_next(&f);
    WAIT(&f.r, f.told == 1);
    check_leads(&f, true);
    g_assert_cmpint(lead(&f, "user:bob", &route), ==, CW_OK);
    g_assert_cmpint(route.kind, ==, CW_ROUTE_USER);
    cw_route_clear(&route);
    g_assert_cmpint(lead(&f, "4711", &route), ==, CW_OK);
    cw_line_target(route.line, &target);
    g_assert_cmpstr(target.from_user, ==, "+33u-1");
    g_assert_cmpstr(target.from_domain, ==, "home.test");
    g_assert_cmpstr(target.credentials.username, ==, "u-1");
    g_assert_cmpstr(target.credentials.realm, ==, "home.test");
    cw_route_clear(&route);
    cw_client_free(one);
    close_fix(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (int i = 0; i < (int)G_N_ELEMENTS(accounts); i++) {
        g_autofree char *path = g_strdup_printf("/line/account/%s", accounts[i].name);

        g_test_add_data_func(path, GINT_TO_POINTER(i), test_account);
    }
    g_test_add_func("/line/accounts", test_accounts);
    for (int i = 0; i < (int)G_N_ELEMENTS(confs); i++) {
        g_autofree char *path = g_strdup_printf("/line/check/%s", confs[i].name);

        g_test_add_data_func(path, GINT_TO_POINTER(i), test_check);
    }
    g_test_add_func("/line/sessions", test_sessions);
    g_test_add_func("/line/refused", test_refused);
    g_test_add_func("/line/claimed", test_claimed);
    g_test_add_func("/line/claim-answers", test_claim_answers);
    g_test_add_func("/line/leads", test_leads);
    return g_test_run();
}
