/* Where targets and numbers lead, and what may never become a SIP message. */
#include "call/party/header.h"
#include "call/leg/keypad.h"
#include "call/route/net.h"
#include "call/route/route.h"
#include "sip/header.h"

#include <glib.h>
#include <string.h>

static const char conf_text[] =
    "trunk = ( { name = \"world\"; address = \"198.51.100.1\"; },\n"
    "          { name = \"france\"; address = \"sip.example.fr:5070\"; transport = \"tcp\";\n"
    "            prefixes = ( \"+33\", \"33\" ); },\n"
    "          { name = \"paris\"; address = \"203.0.113.9\"; prefixes = ( \"+331*\" ); } );\n"
    "inbound = ( { match = \"+33123456789\"; to = \"user:alice\"; },\n"
    "            { match = \"echo\"; to = \"service:echo\"; },\n"
    "            { match = \"+4930*\"; to = \"user:berlin\"; },\n"
    "            { match = \"u-*\"; to = \"user:$\"; },\n"
    "            { match = \"+33*\"; to = \"tel:$\"; },\n"
    "            { match = \"00*\"; to = \"tel:+$\"; },\n"
    "            { match = \"hot\"; to = \"tel:112\"; },\n"
    "            { match = \"desk\"; to = \"sip:reception@192.0.2.9:5070;transport=tcp\"; },\n"
    "            { match = \"*\"; to = \"sip:$@pbx.example\"; } );\n";

static const cw_writer anna = { .user = "anna" }, carrier;

static cw_conf *load(const char *text)
{
    g_autofree char *why = NULL;
    cw_conf *conf = NULL;

    g_assert_cmpint(cw_conf_load("test", text, &conf, &why), ==, CW_OK);
    return conf;
}

static const struct {
    const char *name, *to;
    cw_err want;
    const char *target, *ruri, *trunk;
} targets[] = {
    { "echo", "echo", CW_OK, "service:echo", NULL, NULL },
    { "service-tone", "service:tone", CW_OK, "service:tone", NULL, NULL },
    { "no-such-service", "music", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "service-case", "service:Echo", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "empty", "", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "user", "user:bob", CW_OK, "user:bob", NULL, NULL },
    { "user-empty", "user:", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "user-with-blank", "user:bob jones", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "tel", "tel:+4420123456", CW_OK, "tel:+4420123456", "sip:+4420123456@198.51.100.1", "world" },
    { "tel-longer-prefix", "tel:+33612345678", CW_OK, "tel:+33612345678",
      "sip:+33612345678@sip.example.fr:5070", "france" },
    { "tel-longest-prefix", "+33 1 23.45-(67) 89", CW_OK, "tel:+33123456789",
      "sip:+33123456789@203.0.113.9", "paris" },
    { "digits", "112", CW_OK, "tel:112", "sip:112@198.51.100.1", "world" },
    { "number-no-digits", "tel:+", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "number-letters", "tel:+33abc", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "number-plus-inside", "33+33", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "number-context", "tel:1234;phone-context=evil.example", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "number-too-long", "tel:123456789012345678901234567890123", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "sip", "sip:bob@example.com", CW_OK, "sip:bob@example.com", "sip:bob@example.com", NULL },
    { "sip-port-tcp", "sip:bob@192.0.2.1:5070;transport=tcp", CW_OK, "sip:bob@192.0.2.1:5070",
      "sip:bob@192.0.2.1:5070;transport=tcp", NULL },
    { "sip-headers", "sip:bob@example.com?X-Evil=1", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "sip-nobody", "sip:example.com", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "sip-no-host", "sip:bob@", CW_E_NO_ROUTE, NULL, NULL, NULL },
    { "crlf", "sip:bob@example.com\r\nX-Evil: 1", CW_E_UNSAFE, NULL, NULL, NULL },
    { "crlf-in-number", "tel:+33\r\n1", CW_E_UNSAFE, NULL, NULL, NULL },
};

static void find_target(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    cw_conf *conf = load(conf_text);
    char why[128];
    cw_route route;

    g_assert_cmpint(cw_route_find(conf, &anna, targets[i].to, &route, why), ==, targets[i].want);
    if (targets[i].want == CW_OK) {
        g_assert_cmpstr(route.target, ==, targets[i].target);
        g_assert_cmpstr(route.ruri, ==, targets[i].ruri);
        g_assert_cmpstr(route.trunk ? route.trunk->name : NULL, ==, targets[i].trunk);
    }
    cw_route_clear(&route);
    cw_conf_free(conf);
}

static const struct {
    const char *user;
    cw_err want;
    const char *target, *ruri;
} incoming[] = {
    { "+33123456789", CW_OK, "user:alice", NULL },
    { "echo", CW_OK, "service:echo", NULL },
    { "+493012345", CW_OK, "user:berlin", NULL },
    { "u-carol", CW_OK, "user:u-carol", NULL },
    { "u-carol%0d%0a", CW_E_NOT_FOUND, NULL, NULL },
    { "u-a b", CW_E_NOT_FOUND, NULL, NULL },
    { "+4930", CW_OK, "user:berlin", NULL },
    { "+331234567890", CW_OK, "tel:+331234567890", "sip:+331234567890@203.0.113.9" },
    { "+33x", CW_E_NOT_FOUND, NULL, NULL },
    { "00441", CW_OK, "tel:+00441", "sip:+00441@198.51.100.1" },
    { "hot", CW_OK, "tel:112", "sip:112@198.51.100.1" },
    { "desk", CW_OK, "sip:reception@192.0.2.9:5070", "sip:reception@192.0.2.9:5070;transport=tcp" },
    { "bob", CW_OK, "sip:bob@pbx.example", "sip:bob@pbx.example" },
    { "*72", CW_OK, "sip:*72@pbx.example", "sip:*72@pbx.example" },
    { "", CW_E_NOT_FOUND, NULL, NULL },
    { "bob@evil.example", CW_E_NOT_FOUND, NULL, NULL },
    { "bob;x=y", CW_E_NOT_FOUND, NULL, NULL },
    { "b$b", CW_E_NOT_FOUND, NULL, NULL },
};

static void find_inbound(void)
{
    cw_conf *conf = load(conf_text);

    for (size_t i = 0; i < G_N_ELEMENTS(incoming); i++) {
        cw_route route;

        g_assert_cmpint(cw_route_inbound(conf, &carrier, incoming[i].user, &route), ==,
                        incoming[i].want);
        if (incoming[i].want == CW_OK) {
            g_assert_cmpstr(route.target, ==, incoming[i].target);
            g_assert_cmpstr(route.ruri, ==, incoming[i].ruri);
        }
        cw_route_clear(&route);
    }
    cw_conf_free(conf);
}

static void find_without_trunk(void)
{
    cw_conf *conf = cw_conf_defaults();
    char why[128];
    cw_route route;

    g_assert_cmpint(cw_route_find(conf, &anna, "tel:+33123", &route, why), ==, CW_E_NO_ROUTE);
    g_assert_cmpstr(why, !=, "");
    cw_route_clear(&route);
    g_assert_cmpint(cw_route_inbound(conf, &carrier, "anybody", &route), ==, CW_E_NOT_FOUND);
    cw_route_clear(&route);
    cw_conf_free(conf);
}

/* ── Header fields of clients ── */

static const struct {
    const char *name, *json;
    cw_err want;
    const char *first;
} headers[] = {
    { "one", "{\"X-Order\": \"17\"}", CW_OK, "X-Order: 17" },
    { "caseless", "{\"x-a\": \"b\"}", CW_OK, "x-a: b" },
    { "not-x", "{\"Via\": \"a\"}", CW_E_PARAMS, NULL },
    { "asserted-identity", "{\"P-Asserted-Identity\": \"<sip:boss@example.com>\"}", CW_E_PARAMS,
      NULL },
    { "blank-before-colon", "{\"X-A \": \"b\"}", CW_E_PARAMS, NULL },
    { "colon-in-name", "{\"X-A:\": \"b\"}", CW_E_PARAMS, NULL },
    { "crlf-in-name", "{\"X-A\\r\\nVia\": \"b\"}", CW_E_UNSAFE, NULL },
    { "crlf-in-value", "{\"X-A\": \"b\\r\\nVia: c\"}", CW_E_UNSAFE, NULL },
    { "lf-in-value", "{\"X-A\": \"b\\nVia: c\"}", CW_E_UNSAFE, NULL },
    { "number", "{\"X-A\": 1}", CW_E_PARAMS, NULL },
    { "bare-x", "{\"X-\": \"b\"}", CW_E_PARAMS, NULL },
    { "array", "[\"X-A\"]", CW_E_PARAMS, NULL },
    { "listed", "{\"user-to-user\": \"00;encoding=hex\"}", CW_OK, "user-to-user: 00;encoding=hex" },
    { "not-listed", "{\"Subject\": \"b\"}", CW_E_PARAMS, NULL },
    { "listed-but-ours", "{\"P-Asserted-Identity\": \"<tel:+1>\"}", CW_E_PARAMS, NULL },
    { "compact", "{\"v\": \"b\"}", CW_E_PARAMS, NULL },
    { "twice", "{\"X-A\": \"b\", \"x-a\": \"c\"}", CW_E_PARAMS, NULL },
};

static char *const allowed[] = { (char *)"X-*", (char *)"User-to-User", (char *)"P-*", NULL };

static void check_headers(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autoptr(json_t) value = json_loads(headers[i].json, 0, NULL);
    g_auto(GStrv) lines = NULL;
    char why[128];

    g_assert_nonnull(value);
    g_assert_cmpint(cw_headers_check(value, allowed, &lines, why), ==, headers[i].want);
    if (headers[i].first)
        g_assert_cmpstr(lines[0], ==, headers[i].first);
    else
        g_assert_null(lines);
}

static void bound_headers(void)
{
    g_autoptr(json_t) many = json_object(), big = json_object();
    g_autofree char *text = g_strnfill(CW_SIP_VALUE_MAX + 1, 'x');
    g_auto(GStrv) lines = NULL;
    char why[128];

    for (int i = 0; i <= CW_HEADERS_MAX; i++) {
        g_autofree char *name = g_strdup_printf("X-%d", i);

        json_object_set_new(many, name, json_string("v"));
    }
    g_assert_cmpint(cw_headers_check(many, allowed, &lines, why), ==, CW_E_PARAMS);
    json_object_set_new(big, "X-A", json_string(text));
    g_assert_cmpint(cw_headers_check(big, allowed, &lines, why), ==, CW_E_TOO_LARGE);
    g_assert_cmpint(cw_headers_check(NULL, allowed, &lines, why), ==, CW_OK);
    g_assert_null(lines);
}

/* ── Networks ── */

static const struct {
    const char *net, *addr;
    bool has;
} nets[] = {
    { "192.0.2.0/24", "192.0.2.77", true },       { "192.0.2.0/24", "192.0.3.77", false },
    { "192.0.2.128/25", "192.0.2.127", false },   { "0.0.0.0/0", "203.0.113.1", true },
    { "192.0.2.1", "192.0.2.1", true },           { "192.0.2.1", "192.0.2.2", false },
    { "192.0.2.0/24", "::ffff:192.0.2.9", true }, { "::ffff:192.0.2.0/120", "192.0.2.9", true },
    { "2001:db8::/32", "2001:db8:1::1", true },   { "2001:db8::/32", "2001:db9::1", false },
    { "2001:db8::/32", "192.0.2.1", false },      { "::/0", "192.0.2.1", false },
    { "127.0.0.0/8", "127.255.0.1", true },
};

static void match_nets(void)
{
    static const char *const bad[] = { "",
                                       "192.0.2.0/33",
                                       "192.0.2.0/",
                                       "192.0.2.0/-1",
                                       "192.0.2",
                                       "example.com",
                                       "2001:db8::/129",
                                       "/8",
                                       "::ffff:192.0.2.0/95" };
    cw_net net;

    for (size_t i = 0; i < G_N_ELEMENTS(nets); i++) {
        cw_addr addr;

        g_assert_cmpint(cw_net_parse(nets[i].net, &net), ==, CW_OK);
        g_assert_cmpint(cw_addr_from_ip(nets[i].addr, strlen(nets[i].addr), 5060, &addr), ==,
                        CW_OK);
        g_assert_cmpint(cw_net_has(&net, &addr), ==, nets[i].has);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(cw_net_parse(bad[i], &net), ==, CW_E_SYNTAX);
}

/* ── Keys by INFO ── */

static const struct {
    const char *name, *type, *body;
    cw_err want;
    char digit;
    unsigned duration_ms;
} keys[] = {
    { "relay", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", CW_OK, '5', 160 },
    { "relay-blanks", "application/dtmf-relay", "Signal= #\r\nDuration= 250", CW_OK, '#', 250 },
    { "relay-order", "Application/DTMF-Relay; x=y", "duration=90\nsignal=b\n", CW_OK, 'B', 90 },
    { "event-number", "application/dtmf-relay", "Signal=11", CW_OK, '#', 100 },
    { "no-duration", "application/dtmf-relay", "Signal=*", CW_OK, '*', 100 },
    { "huge-duration", "application/dtmf-relay", "Signal=1\nDuration=99999999999999999999", CW_OK,
      '1', 6000 },
    { "plain", "application/dtmf", "7\r\n", CW_OK, '7', 100 },
    { "no-signal", "application/dtmf-relay", "Duration=160", CW_E_SYNTAX, 0, 0 },
    { "empty", "application/dtmf-relay", "", CW_E_SYNTAX, 0, 0 },
    { "no-key", "application/dtmf-relay", "Signal=X", CW_E_SYNTAX, 0, 0 },
    { "two-keys", "application/dtmf", "77", CW_E_SYNTAX, 0, 0 },
    { "other-type", "application/dtmf-relayed", "Signal=5", CW_E_SYNTAX, 0, 0 },
    { "text", "text/plain", "5", CW_E_SYNTAX, 0, 0 },
};

static void press_key(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    size_t len = strlen(keys[i].body);
    g_autofree char *body = g_memdup2(keys[i].body, MAX(len, 1)); /* exact size: asan looks */
    unsigned duration_ms;
    char digit;

    g_assert_cmpint(cw_keypad_parse(keys[i].type, body, len, &digit, &duration_ms), ==,
                    keys[i].want);
    if (keys[i].want)
        return;
    g_assert_cmpint(digit, ==, keys[i].digit);
    g_assert_cmpuint(duration_ms, ==, keys[i].duration_ms);
}

#define ADD(prefix, rows, fn)                                                                      \
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {                                              \
        g_autofree char *path = g_strdup_printf(prefix "/%s", rows[i].name);                       \
        g_test_add_data_func(path, GINT_TO_POINTER(i), fn);                                        \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/route/target", targets, find_target)
    ADD("/route/headers", headers, check_headers)
    ADD("/route/key", keys, press_key)
    g_test_add_func("/route/inbound", find_inbound);
    g_test_add_func("/route/no-trunk", find_without_trunk);
    g_test_add_func("/route/headers-bounds", bound_headers);
    g_test_add_func("/route/nets", match_nets);
    return g_test_run();
}
