/* Who calls: what peers say and whom to believe, which numbers users may call from, what trunks are
 * told, and by whom a call was forwarded. */
#include "call/party/caller.h"
#include "call/party/forward.h"
#include "call/party/header.h"
#include "call/route/manner.h"

#include <string.h>

static const char conf_text[] =
    "trunk = ( { name = \"plain\"; address = \"192.0.2.1\"; default_number = \"+33100\"; },\n"
    "  { name = \"trusted\"; address = \"192.0.2.2\"; trust = \"both\"; from_domain = "
    "\"gw.test\";\n"
    "    caller = ( \"from\", \"pai\" ); forwarded = ( \"diversion\", \"history-info\" ); },\n"
    "  { name = \"hidden\"; address = \"192.0.2.3\"; trust = \"out\"; from_user = \"account\";\n"
    "    caller = ( \"pai\", \"rpid\" ); number_form = \"tel\"; forwarded = ( \"history-info\" ); "
    "},\n"
    "  { name = \"prefers\"; address = \"192.0.2.4\"; caller = ( \"ppi\" ); forwarded = ( ); } );\n"
    "number = ( { from = \"trunk:trusted\"; match = \"0*\"; strip = 1; prepend = \"+33\"; },\n"
    "  { from = \"user\"; match = \"0*\"; strip = 1; prepend = \"+33\"; },\n"
    "  { to = \"trunk:prefers\"; match = \"+33*\"; strip = 3; prepend = \"0\"; } );\n"
    "identity = ( { user = \"anna\"; numbers = ( \"+3314567*\", \"0140000001\" ); },\n"
    "  { user = \"x-*\"; numbers = ( \"+33199\" ); reject_anonymous = true; } );\n";

static cw_conf *load(const char *text)
{
    g_autofree char *why = NULL;
    cw_conf *conf = NULL;

    if (cw_conf_load("test.conf", text, &conf, &why))
        g_error("%s", why);
    return conf;
}

static const struct cw_conf_trunk *trunk_of(const cw_conf *conf, const char *name)
{
    for (size_t i = 0; name && i < conf->trunk_n; i++)
        if (strcmp(conf->trunk[i].name, name) == 0)
            return &conf->trunk[i];
    return NULL;
}

/* ── What peers say ── */

#define FROM .uri = "sip:+33999@p", .display = "Eve", .user = "+33999", .host = "p"
#define HIDDEN                                                                                     \
    .uri = "sip:anonymous@anonymous.invalid", .display = "Anonymous", .user = "anonymous",         \
    .host = "anonymous.invalid"

static const struct {
    const char *name;
    bool trusted;
    cw_said said;
    const char *uri, *display, *number;
    bool asserted, withheld;
} parties[] = {
    { "from", false, { FROM }, "sip:+33999@p", "Eve", "+33999", false, false },
    { "untrusted-asserts",
      false,
      { FROM, .asserted = "<tel:+331>" },
      "sip:+33999@p",
      "Eve",
      "+33999",
      false,
      false },
    { "trusted-asserts",
      true,
      { FROM, .asserted = "\"Bob\" <sip:+331@n>" },
      "sip:+331@n",
      "Bob",
      "+331",
      true,
      false },
    { "asserted-without-name",
      true,
      { FROM, .asserted = "<tel:0123>" },
      "tel:0123",
      "Eve",
      "+33123",
      true,
      false },
    { "sip-and-tel",
      true,
      { FROM, .asserted = "\"B\" <sip:bob@n>, <tel:+332>" },
      "sip:bob@n",
      "B",
      "+332",
      true,
      false },
    { "three-asserted",
      true,
      { FROM, .asserted = "<sip:a@n>, <sip:b@n>, <tel:+333>" },
      "sip:a@n",
      "Eve",
      NULL,
      true,
      false },
    { "asserted-broken",
      true,
      { FROM, .asserted = "<http://n>" },
      "sip:+33999@p",
      "Eve",
      "+33999",
      false,
      false },
    { "privacy-id",
      true,
      { FROM, .asserted = "<tel:+331>", .privacy = "id" },
      "tel:+331",
      "Eve",
      "+331",
      true,
      true },
    { "privacy-untrusted",
      false,
      { FROM, .privacy = "id;critical" },
      "sip:+33999@p",
      "Eve",
      "+33999",
      false,
      true },
    { "privacy-none",
      true,
      { FROM, .asserted = "<tel:+331>", .privacy = "none" },
      "tel:+331",
      "Eve",
      "+331",
      true,
      false },
    { "privacy-others",
      true,
      { FROM, .privacy = "session; critical, history" },
      "sip:+33999@p",
      "Eve",
      "+33999",
      false,
      false },
    { "privacy-user-caseless",
      true,
      { FROM, .privacy = "critical; USER" },
      "sip:+33999@p",
      "Eve",
      "+33999",
      false,
      true },
    { "anonymous-from",
      false,
      { HIDDEN },
      "sip:anonymous@anonymous.invalid",
      "Anonymous",
      NULL,
      false,
      true },
    { "anonymous-asserted",
      true,
      { HIDDEN, .asserted = "<tel:+331>", .privacy = "id" },
      "tel:+331",
      "Anonymous",
      "+331",
      true,
      true },
    { "anonymous-user",
      false,
      { .uri = "sip:anonymous@p", .user = "Anonymous", .host = "p" },
      "sip:anonymous@p",
      NULL,
      NULL,
      false,
      true },
    { "remote-party",
      true,
      { FROM,
        .remote_party = "<sip:+334@n>;party=called, \"R\" <sip:+335@n>;party=calling;screen=yes" },
      "sip:+335@n",
      "R",
      "+335",
      true,
      false },
    { "remote-party-full",
      true,
      { FROM, .remote_party = "<sip:+335@n>;privacy=full" },
      "sip:+335@n",
      "Eve",
      "+335",
      true,
      true },
    { "remote-party-untrusted",
      false,
      { FROM, .remote_party = "<sip:+335@n>;privacy=full" },
      "sip:+33999@p",
      "Eve",
      "+33999",
      false,
      false },
    { "response",
      true,
      { .called = true, .asserted = "\"Bob\" <tel:+331>" },
      "tel:+331",
      "Bob",
      "+331",
      true,
      false },
    { "response-untrusted",
      false,
      { .called = true, .asserted = "<tel:+331>" },
      NULL,
      NULL,
      NULL,
      false,
      false },
    { "response-restricted",
      true,
      { .called = true, .asserted = "<tel:+331>", .privacy = "id" },
      "tel:+331",
      NULL,
      "+331",
      true,
      true },
    { "response-nothing", true, { .called = true }, NULL, NULL, NULL, false, false },
};

static void read_party(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    cw_conf *conf = load(conf_text);
    const cw_writer writer = { .trunk = trunk_of(conf, "trusted") };
    g_autoptr(json_t) json = NULL;
    cw_party got;

    cw_party_read(conf, &writer, parties[i].trusted, &parties[i].said, &got);
    g_assert_cmpstr(got.uri, ==, parties[i].uri);
    g_assert_cmpstr(got.display, ==, parties[i].display);
    g_assert_cmpstr(got.number, ==, parties[i].number);
    g_assert_cmpint(got.asserted, ==, parties[i].asserted);
    g_assert_cmpint(got.withheld, ==, parties[i].withheld);
    json = cw_party_json(&got);
    if (got.withheld) /* nothing of it gets out */
        g_assert_cmpuint(json_object_size(json), ==, 2);
    cw_party_clear(&got);
    cw_conf_free(conf);
}

/* ── Users' numbers ── */

static const struct {
    const char *name, *user, *claim, *from;
    bool guest;
    cw_err want;
    const char *number;
} users[] = {
    { "first-whole-one", "anna", NULL, NULL, false, CW_OK, "+33140000001" },
    { "claim-first", "anna", "0612345678", NULL, false, CW_OK, "+33612345678" },
    { "by-pattern", "anna", NULL, "+33 1 45 67 89", false, CW_OK, "+331456789" },
    { "as-users-write", "anna", NULL, "0140000001", false, CW_OK, "+33140000001" },
    { "another's", "anna", NULL, "+33699", false, CW_E_FORBIDDEN, NULL },
    { "no-number", "anna", NULL, "bob", false, CW_E_FORBIDDEN, NULL },
    { "pattern-is-no-number", "anna", NULL, "+3314567*", false, CW_E_FORBIDDEN, NULL },
    { "none", "bert", NULL, NULL, false, CW_OK, NULL },
    { "none-but-asks", "bert", NULL, "+331", false, CW_E_FORBIDDEN, NULL },
    { "name-is-a-number", "1001", NULL, NULL, false, CW_OK, "1001" },
    { "guest-names-himself-so", "1001", NULL, NULL, true, CW_OK, NULL },
    { "guest-asks", "1001", NULL, "1001", true, CW_E_FORBIDDEN, NULL },
    { "by-name-pattern", "x-1", NULL, NULL, false, CW_OK, "+33199" },
};

static void choose_number(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    cw_conf *conf = load(conf_text);
    cw_identity who = { .guest = users[i].guest };
    cw_party got = { 0 };
    char why[128] = "";

    g_strlcpy(who.user, users[i].user, sizeof who.user);
    if (users[i].claim)
        who.number[who.number_n++] = (char *)users[i].claim;
    g_assert_cmpint(cw_caller_of_user(conf, &who, NULL, users[i].from, false, &got, why), ==,
                    users[i].want);
    g_assert_cmpstr(got.number, ==, users[i].number);
    if (!users[i].want)
        g_assert_cmpint(got.asserted, ==, users[i].number != NULL);
    else
        g_assert_true(g_str_has_prefix(why, "from:"));
    cw_party_clear(&got);
    cw_conf_free(conf);
}

/* ── To trunks ── */

static const struct {
    const char *name, *trunk;
    cw_party party;
    const char *user, *domain, *display, *headers; /* lines joined with "|" */
} callers[] = {
    { "from",
      "plain",
      { .number = (char *)"+331", .display = (char *)"A", .asserted = true },
      "+331",
      NULL,
      "A",
      "" },
    { "no-number", "plain", { .display = (char *)"A" }, "+33100", NULL, "A", "" },
    { "peer-no-number", NULL, { .display = (char *)"A" }, "anna", NULL, "A", "" },
    { "pai",
      "trusted",
      { .number = (char *)"+331", .display = (char *)"A \"B\" \\", .asserted = true },
      "+331",
      "gw.test",
      "A \"B\" \\",
      "P-Asserted-Identity: \"A \\\"B\\\" \\\\\" <sip:+331@gw.test>" },
    { "not-vouched-for", "trusted", { .number = (char *)"+331" }, "+331", "gw.test", NULL, "" },
    { "not-in-from",
      "hidden",
      { .number = (char *)"+331", .display = (char *)"A", .asserted = true },
      "account",
      NULL,
      NULL,
      "P-Asserted-Identity: \"A\" <tel:+331>|Remote-Party-ID: \"A\" "
      "<tel:+331>;party=calling;screen=yes;privacy=off" },
    { "preferred",
      "prefers",
      { .number = (char *)"+331", .asserted = true },
      "anna",
      NULL,
      NULL,
      "P-Preferred-Identity: <sip:01@us.test>" },
    { "withheld",
      "plain",
      { .number = (char *)"+331", .display = (char *)"A", .asserted = true, .withheld = true },
      "anonymous",
      "anonymous.invalid",
      "Anonymous",
      "Privacy: id" },
    { "withheld-preferred",
      "prefers",
      { .number = (char *)"+331", .asserted = true, .withheld = true },
      "anonymous",
      "anonymous.invalid",
      "Anonymous",
      "Privacy: id" },
    { "withheld-but-told",
      "trusted",
      { .number = (char *)"+331", .display = (char *)"A", .asserted = true, .withheld = true },
      "anonymous",
      "anonymous.invalid",
      "Anonymous",
      "P-Asserted-Identity: \"A\" <sip:+331@gw.test>|Privacy: id" },
    { "withheld-account",
      "hidden",
      { .number = (char *)"+331", .asserted = true, .withheld = true },
      "anonymous",
      "anonymous.invalid",
      "Anonymous",
      "P-Asserted-Identity: <tel:+331>|Remote-Party-ID: "
      "<tel:+331>;party=calling;screen=yes;privacy=full|Privacy: id" },
};

static void tell_trunk(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    cw_conf *conf = load(conf_text);
    g_autofree char *headers = NULL;
    cw_caller got;

    cw_caller_tell(conf, trunk_of(conf, callers[i].trunk), "us.test", &callers[i].party, "anna",
                   &got);
    headers = g_strjoinv("|", got.headers);
    g_assert_cmpstr(got.user, ==, callers[i].user);
    g_assert_cmpstr(got.domain, ==, callers[i].domain);
    g_assert_cmpstr(got.display, ==, callers[i].display);
    g_assert_cmpstr(headers, ==, callers[i].headers);
    cw_caller_clear(&got);
    cw_conf_free(conf);
}

/* ── Forwarding ── */

static const struct {
    const char *name, *diversion, *history, *json;
    unsigned count;
} forwards[] = {
    { "none", NULL, NULL, "[]", 0 },
    { "diversion",
      "\"Bob\" <sip:0123@n>;reason=user-busy;counter=2, <tel:+334>;reason=Unconditional", NULL,
      "[{\"uri\":\"sip:0123@n\",\"number\":\"+33123\",\"name\":\"Bob\",\"reason\":\"user-busy\","
      "\"counter\":2},{\"uri\":\"tel:+334\",\"number\":\"+334\",\"reason\":\"Unconditional\","
      "\"counter\":1}]",
      3 },
    { "diversion-private", "<sip:0123@n>;reason=\"no-answer\";privacy=full", NULL,
      "[{\"reason\":\"no-answer\",\"counter\":1,\"anonymous\":true}]", 1 },
    { "diversion-odd", "<sip:bob@n>;reason=\"a b\";counter=-5", NULL,
      "[{\"uri\":\"sip:bob@n\",\"reason\":\"unknown\",\"counter\":1}]", 1 },
    { "counter-huge", "<sip:bob@n>;counter=99999999999", NULL,
      "[{\"uri\":\"sip:bob@n\",\"reason\":\"unknown\",\"counter\":100}]", 100 },
    { "history", NULL,
      "<sip:0123@n>;index=1, <sip:0124@n;cause=302>;index=1.1;mp=1, "
      "<sip:me@n;cause=486>;index=1.1.1",
      "[{\"uri\":\"sip:0124@n\",\"number\":\"+33124\",\"reason\":\"user-busy\",\"counter\":1},"
      "{\"uri\":\"sip:0123@n\",\"number\":\"+33123\",\"reason\":\"unconditional\",\"counter\":1}]",
      2 },
    { "history-routed-only", NULL, "<sip:a@n>;index=1, <sip:b@n>;index=1.1", "[]", 0 },
    { "history-private-by-reason", NULL,
      "<sip:a@n?Privacy=history&Reason=SIP%3Bcause%3D408>;index=1, <sip:b@n>;index=1.1",
      "[{\"reason\":\"no-answer\",\"counter\":1,\"anonymous\":true}]", 1 },
    { "history-names-the-first", NULL,
      "<sip:a@n>;index=1, <sip:b@n>;index=1.1, <sip:c@n;cause=480>;index=1.2;rc=1",
      "[{\"uri\":\"sip:a@n\",\"reason\":\"deflection\",\"counter\":1}]", 1 },
    { "both", "<tel:+334>;reason=away", "<sip:a@n>;index=1, <sip:b@n;cause=302>;index=1.1",
      "[{\"uri\":\"tel:+334\",\"number\":\"+334\",\"reason\":\"away\",\"counter\":1}]", 1 },
};

static void read_forwards(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    cw_conf *conf = load(conf_text);
    const cw_writer writer = { .trunk = trunk_of(conf, "trusted") };
    g_autoptr(GPtrArray) got =
        cw_forwards_read(conf, &writer, forwards[i].diversion, forwards[i].history);
    g_autoptr(json_t) json = cw_forwards_json(got);
    char *text = cw_json_print(json);

    g_assert_cmpstr(text, ==, forwards[i].json);
    g_assert_cmpuint(cw_forwards_count(got), ==, forwards[i].count);
    free(text);
    cw_conf_free(conf);
}

static void bound_forwards(void)
{
    cw_conf *conf = load(conf_text);
    const cw_writer writer = { 0 };
    g_autoptr(GString) many = g_string_new("<sip:a@n;cause=302>;index=1");

    for (int i = 0; i < 100; i++)
        g_string_append_printf(many, ", <sip:a%d@n;cause=302>;index=1.%d", i, i);
    g_autoptr(GPtrArray) diversion = cw_forwards_read(conf, &writer, many->str, NULL);
    g_autoptr(GPtrArray) history = cw_forwards_read(conf, &writer, NULL, many->str);

    g_assert_cmpuint(diversion->len, ==, CW_FORWARDS_MAX);
    g_assert_cmpuint(history->len, ==, CW_FORWARDS_MAX);
    cw_conf_free(conf);
}

static void send_forwards_on(void)
{
    static const struct {
        const char *trunk, *want;
    } rows[] = {
        { "plain", "Diversion: <sip:+33200@us.test>;reason=unconditional;counter=1;privacy=off|"
                   "Diversion: <sip:+33123@us.test>;reason=user-busy;counter=2;privacy=off" },
        { "trusted", "Diversion: <sip:+33200@us.test>;reason=unconditional;counter=1;privacy=off|"
                     "Diversion: <sip:+33123@us.test>;reason=user-busy;counter=2;privacy=off|"
                     "Diversion: <sip:+33555@us.test>;reason=no-answer;counter=1;privacy=full|"
                     "History-Info: <sip:+33555@us.test?Privacy=history>;index=1, "
                     "<sip:+33123@us.test;cause=408>;index=1.1;mp=1, "
                     "<sip:+33200@us.test;cause=486>;index=1.1.1;mp=1.1, "
                     "<sip:+44@h;cause=302>;index=1.1.1.1;mp=1.1.1" },
        { "prefers", "" },
        { NULL, "Diversion: <sip:+33200@us.test>;reason=unconditional;counter=1;privacy=off|"
                "Diversion: <sip:+33123@us.test>;reason=user-busy;counter=2;privacy=off" },
    };
    cw_conf *conf = load(conf_text);
    const cw_writer writer = { .trunk = trunk_of(conf, "trusted") };
    g_autoptr(GPtrArray) all = cw_forwards_read(
        conf, &writer,
        "<sip:0123@n>;reason=user-busy;counter=2, <sip:0555@n>;reason=no-answer;privacy=full",
        NULL);

    cw_forwards_add(all, "sip:200@us.test", "+33200", "unconditional");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) lines = cw_forwards_lines(all, conf, trunk_of(conf, rows[i].trunk), "us.test",
                                                "sip:+44@h;user=phone");
        g_autofree char *joined = g_strjoinv("|", lines);

        g_assert_cmpstr(joined, ==, rows[i].want);
    }
    cw_conf_free(conf);
}

/* ── URIs that are shown ── */

static void list_uris(void)
{
    static const struct {
        const char *list, *plain, *purposes;
    } rows[] = {
        { "<urn:alert:source:external>", "[\"urn:alert:source:external\"]",
          "[{\"uri\":\"urn:alert:source:external\"}]" },
        { "<http://h/p.png>;purpose=icon, <http://h/>;x;purpose=\"info\"",
          "[\"http://h/p.png\",\"http://h/\"]",
          "[{\"uri\":\"http://h/p.png\",\"purpose\":\"icon\"},{\"uri\":\"http://h/"
          "\",\"purpose\":\"info\"}]" },
        { "<no uri>, <>, <:x>, <javascript:alert(1)", "[]", "[]" },
        { "plain text", "[]", "[]" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(json_t) plain = cw_uris_json(rows[i].list, false);
        g_autoptr(json_t) purposes = cw_uris_json(rows[i].list, true);
        char *a = cw_json_print(plain), *b = cw_json_print(purposes);

        g_assert_cmpstr(a, ==, rows[i].plain);
        g_assert_cmpstr(b, ==, rows[i].purposes);
        free(a);
        free(b);
    }
}

/* ── Options that cannot work ── */

static const struct {
    const char *name, *text, *want;
} bad[] = {
    { "trust", "trunk = ( { address = \"h\"; trust = \"yes\"; } );", "trust must be" },
    { "caller", "trunk = ( { address = \"h\"; caller = ( \"to\" ); } );", "caller must be" },
    { "pai-untrusted", "trunk = ( { address = \"h\"; caller = ( \"pai\" ); } );", "trust out" },
    { "forwarded", "trunk = ( { address = \"h\"; forwarded = ( \"x\" ); } );", "forwarded must" },
    { "header-out", "trunk = ( { address = \"h\"; headers_out = ( \"Via\" ); } );", "headers_out" },
    { "header-in", "trunk = ( { address = \"h\"; headers_in = ( \"P-Asserted-Identity\" ); } );",
      "headers_in" },
    { "header-crlf", "trunk = ( { address = \"h\"; headers_out = ( \"X-A\\r\\nVia\" ); } );",
      "headers_out" },
    { "header-compact", "trunk = ( { address = \"h\"; headers_out = ( \"v\" ); } );",
      "headers_out" },
    { "default-number", "trunk = ( { address = \"h\"; default_number = \"bob\"; } );",
      "default_number" },
    { "nobody", "identity = ( { numbers = ( \"+1\" ); } );", "user is missing" },
    { "no-number", "identity = ( { user = \"a\"; numbers = ( \"bob\" ); } );", "no telephone" },
};

static void refuse_options(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *text = g_strdup_printf("\n\n%s", bad[i].text);
    cw_conf *conf = load(text);
    char why[128] = "";

    g_assert_cmpint(cw_manner_check(conf, why), ==, CW_E_CONF);
    if (!strstr(why, bad[i].want) || !g_str_has_prefix(why, "test.conf:3: "))
        g_error("%s", why);
    cw_conf_free(conf);
}

static void take_options(void)
{
    cw_conf *conf = load(conf_text);
    char why[128];

    g_assert_cmpint(cw_manner_check(conf, why), ==, CW_OK);
    g_assert_true(cw_manner_user(conf, "x-9")->reject_anonymous);
    g_assert_null(cw_manner_user(conf, "bert"));
    cw_conf_free(conf);
}

#define ADD(table, path, fn)                                                                       \
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {                                             \
        g_autofree char *name = g_strdup_printf(path "/%s", table[i].name);                        \
        g_test_add_data_func(name, GSIZE_TO_POINTER(i), fn);                                       \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(parties, "/identity/party", read_party)
    ADD(users, "/identity/user", choose_number)
    ADD(callers, "/identity/caller", tell_trunk)
    ADD(forwards, "/identity/forwarded", read_forwards)
    ADD(bad, "/identity/bad-option", refuse_options)
    g_test_add_func("/identity/forwarded-bounds", bound_forwards);
    g_test_add_func("/identity/forwarded-on", send_forwards_on);
    g_test_add_func("/identity/uris", list_uris);
    g_test_add_func("/identity/good-options", take_options);
    return g_test_run();
}
