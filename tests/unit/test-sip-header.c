/* test-sip-header.c - header fields that browsers and the configuration set, and the addresses
 * peers put into theirs. */
#include "base/json.h"
#include "sip/address.h"
#include "sip/header.h"

#include <glib.h>
#include <string.h>

/* ── What may be set, by whom ── */

static const struct {
    const char *name, *header, *value;
    cw_err anybody, calls;
} lines[] = {
    { "x", "X-Name", "value", CW_OK, CW_OK },
    { "x-lower", "x-name", "", CW_OK, CW_OK },
    { "user-to-user", "User-to-User", "56a390f3d2b7310023a2;encoding=hex", CW_OK, CW_OK },
    { "subject", "Subject", "caf\xc3\xa9", CW_OK, CW_OK },
    { "asserted", "P-Asserted-Identity", "<sip:ceo@x>", CW_E_PARAMS, CW_OK },
    { "asserted-case", "p-aSSERTED-identity", "<sip:ceo@x>", CW_E_PARAMS, CW_OK },
    { "privacy", "Privacy", "none", CW_E_PARAMS, CW_OK },
    { "diversion", "Diversion", "<tel:+1>", CW_E_PARAMS, CW_OK },
    { "history", "History-Info", "<tel:+1>", CW_E_PARAMS, CW_OK },
    { "identity", "Identity", "a.b.c", CW_E_PARAMS, CW_OK },
    { "reason", "Reason", "Q.850;cause=16", CW_E_PARAMS, CW_OK },
    { "remote-party", "Remote-Party-ID", "<tel:+1>", CW_E_PARAMS, CW_OK },
    { "via", "Via", "SIP/2.0/UDP evil", CW_E_PARAMS, CW_E_PARAMS },
    { "route", "Route", "<sip:evil>", CW_E_PARAMS, CW_E_PARAMS },
    { "record-route", "Record-Route", "<sip:evil>", CW_E_PARAMS, CW_E_PARAMS },
    { "contact", "Contact", "<sip:evil>", CW_E_PARAMS, CW_E_PARAMS },
    { "from", "From", "<sip:evil>", CW_E_PARAMS, CW_E_PARAMS },
    { "to", "To", "<sip:evil>", CW_E_PARAMS, CW_E_PARAMS },
    { "call-id", "Call-ID", "1", CW_E_PARAMS, CW_E_PARAMS },
    { "cseq", "CSeq", "1 INVITE", CW_E_PARAMS, CW_E_PARAMS },
    { "length", "Content-Length", "0", CW_E_PARAMS, CW_E_PARAMS },
    { "authorization", "Authorization", "Digest", CW_E_PARAMS, CW_E_PARAMS },
    { "require", "Require", "evil", CW_E_PARAMS, CW_E_PARAMS },
    { "replaces", "Replaces", "1;to-tag=2", CW_E_PARAMS, CW_E_PARAMS },
    { "compact-via", "v", "SIP/2.0/UDP evil", CW_E_PARAMS, CW_E_PARAMS },
    { "compact-contact", "m", "<sip:evil>", CW_E_PARAMS, CW_E_PARAMS },
    { "compact-identity", "y", "a.b.c", CW_E_PARAMS, CW_E_PARAMS },
    { "compact-subject", "s", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "blank-behind", "X-Name ", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "blank-behind-via", "Via ", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "blank-in-front", " X-Name", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "blank-inside", "X-Na me", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "tab-behind", "X-Name\t", "a", CW_E_UNSAFE, CW_E_UNSAFE },
    { "colon-inside", "X-Name:", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "colon-and-value", "X-Name: a, X-B", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "underscore", "P_Asserted_Identity", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "fullwidth", "\xef\xbc\xb6ia", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "kelvin", "X-\xe2\x84\xaa", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "empty", "", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "hyphen-only-behind", "X-", "a", CW_E_PARAMS, CW_E_PARAMS },
    { "crlf-in-name", "X-A\r\nVia", "a", CW_E_UNSAFE, CW_E_UNSAFE },
    { "crlf", "X-A", "a\r\nVia: b", CW_E_UNSAFE, CW_E_UNSAFE },
    { "crlf-crlf", "X-A", "a\r\n\r\nINVITE sip:b SIP/2.0", CW_E_UNSAFE, CW_E_UNSAFE },
    { "lf", "X-A", "a\nVia: b", CW_E_UNSAFE, CW_E_UNSAFE },
    { "cr", "X-A", "a\rVia: b", CW_E_UNSAFE, CW_E_UNSAFE },
    { "folded", "X-A", "a\r\n b", CW_E_UNSAFE, CW_E_UNSAFE },
    { "delete", "X-A", "a\x7f", CW_E_UNSAFE, CW_E_UNSAFE },
    { "next-line", "X-A", "a\xc2\x85Via: b", CW_E_UNSAFE, CW_E_UNSAFE },
    { "line-separator", "X-A", "a\xe2\x80\xa8Via: b", CW_E_UNSAFE, CW_E_UNSAFE },
    { "bad-utf8", "X-A", "\xff", CW_E_UNSAFE, CW_E_UNSAFE },
    { "overlong-lf", "X-A", "a\xc0\x8aVia: b", CW_E_UNSAFE, CW_E_UNSAFE },
};

static void set_line(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *whole = g_strdup_printf("%s: %s", lines[i].header, lines[i].value);
    g_autofree char *got = NULL, *ours = NULL;

    g_assert_cmpint(cw_sip_header_make(CW_SIP_BY_ANYBODY, lines[i].header, lines[i].value, &got),
                    ==, lines[i].anybody);
    g_assert_cmpint(cw_sip_header_make(CW_SIP_BY_CALLS, lines[i].header, lines[i].value, &ours), ==,
                    lines[i].calls);
    g_assert_cmpstr(ours, ==, lines[i].calls ? NULL : whole);
    g_assert_cmpstr(got, ==, lines[i].anybody ? NULL : whole);
    if (!strchr(lines[i].header, ':'))
        g_assert_cmpint(cw_sip_header_line_ok(whole), ==, lines[i].calls == CW_OK);
}

static void limit_line(void)
{
    g_autofree char *long_name = g_strnfill(CW_SIP_NAME_MAX + 1, 'X'), *line = NULL;
    g_autofree char *value = g_strnfill(CW_SIP_VALUE_MAX, 'v');
    g_autofree char *long_value = g_strnfill(CW_SIP_VALUE_MAX + 1, 'v');

    g_assert_cmpint(cw_sip_header_make(CW_SIP_BY_ANYBODY, long_name, "", &line), ==, CW_E_PARAMS);
    g_assert_cmpint(cw_sip_header_make(CW_SIP_BY_ANYBODY, long_name + 1, value, &line), ==, CW_OK);
    g_clear_pointer(&line, g_free);
    g_assert_cmpint(cw_sip_header_make(CW_SIP_BY_ANYBODY, "X-A", long_value, &line), ==,
                    CW_E_TOO_LARGE);
    g_assert_null(line);
}

static void list_names(void)
{
    char *const patterns[] = { (char *)"X-*", (char *)"User-to-User", NULL };

    g_assert_true(cw_sip_header_listed(patterns, "x-order"));
    g_assert_true(cw_sip_header_listed(patterns, "USER-TO-USER"));
    g_assert_false(cw_sip_header_listed(patterns, "User-to-User-2"));
    g_assert_false(cw_sip_header_listed(patterns, "Subject"));
    g_assert_false(cw_sip_header_listed(NULL, "X-A"));
}

/* ── Addresses ── */

static const struct {
    const char *name, *text;
    struct {
        const char *display, *uri, *user, *host, *inside, *headers, *params;
    } want[3]; /* uri NULL: no more */
} addresses[] = {
    { "name-addr",
      "\"Bob \\\"B\\\", Esq\" <sip:bob@Example.COM:5070;user=phone>;tag=1",
      { { "Bob \"B\", Esq", "sip:bob@example.com:5070", "bob", "example.com:5070", ";user=phone",
          "", ";tag=1" } } },
    { "token-name",
      "Bob Jones <sip:bob@h>",
      { { "Bob Jones", "sip:bob@h", "bob", "h", "", "", "" } } },
    { "addr-spec", "sip:bob@h;tag=1", { { "", "sip:bob@h", "bob", "h", "", "", ";tag=1" } } },
    { "tel",
      "<tel:+331234;ext=5>;a",
      { { "", "tel:+331234", "+331234;ext=5", "", "", "", ";a" } } },
    { "no-user", "<sip:h.example>", { { "", "sip:h.example", "", "h.example", "", "", "" } } },
    { "two",
      "<sip:a@h;x=\"1,2\">, <tel:+33>",
      { { "", "tel:+33", "+33", "", "", "", "" } } }, /* quotes stand in no URI */
    { "list",
      "<sip:a,b@h>;r=\"x,y\",\"C, D\" <sip:c@h>,tel:1",
      { { "", "sip:a,b@h", "a,b", "h", "", "", ";r=\"x,y\"" },
        { "C, D", "sip:c@h", "c", "h", "", "", "" },
        { "", "tel:1", "1", "", "", "", "" } } },
    { "headers",
      "<sip:a@h;cause=302?Privacy=history&Reason=x>;index=1",
      { { "", "sip:a@h", "a", "h", ";cause=302", "Privacy=history&Reason=x", ";index=1" } } },
    { "escaped-user",
      "<sip:%2B33%3bx@h>",
      { { "", "sip:%2B33%3bx@h", "+33;x", "h", "", "", "" } } },
    { "escaped-control",
      "<sip:a%0d%0a@h>, <sip:b@h>",
      { { "", "sip:b@h", "b", "h", "", "", "" } } },
    { "sips", "<sips:a@h>", { { "", "sips:a@h", "a", "h", "", "", "" } } },
    { "other-scheme", "<http://h/>, <urn:service:sos>, <mailto:a@h>", { { NULL } } },
    { "not-closed", "<sip:a@h", { { NULL } } },
    { "quote-not-closed", "\"abc <sip:a@h>", { { NULL } } },
    { "nothing", " , ,", { { NULL } } },
};

static void read_address(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *exact = g_strdup(addresses[i].text);
    const char *at = exact;

    for (size_t k = 0; k < G_N_ELEMENTS(addresses[i].want); k++) {
        cw_sip_address got;
        bool there = cw_sip_address_next(&at, &got);

        g_assert_cmpint(there, ==, addresses[i].want[k].uri != NULL);
        if (!there)
            return;
        g_assert_cmpstr(got.display, ==, addresses[i].want[k].display);
        g_assert_cmpstr(got.uri, ==, addresses[i].want[k].uri);
        g_assert_cmpstr(got.user, ==, addresses[i].want[k].user);
        g_assert_cmpstr(got.host, ==, addresses[i].want[k].host);
        g_assert_cmpstr(got.inside, ==, addresses[i].want[k].inside);
        g_assert_cmpstr(got.headers, ==, addresses[i].want[k].headers);
        g_assert_cmpstr(got.params, ==, addresses[i].want[k].params);
        cw_sip_address_clear(&got);
    }
}

static void read_params(void)
{
    static const struct {
        const char *params, *name, *value;
    } rows[] = {
        { ";reason=user-busy;counter=2", "counter", "2" },
        { ";Reason = \"a;\\\"b\" ; x", "reason", "a;\"b" },
        { ";reason=a;x", "x", "" },
        { ";reason=a", "reas", NULL },
        { "", "reason", NULL },
        { ";;a=1", "a", "1" },
        { ";a=\"", "a", "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = cw_sip_param(rows[i].params, rows[i].name);

        g_assert_cmpstr(got, ==, rows[i].value);
    }
    g_autofree char *reason =
        cw_sip_uri_header("Privacy=history&Reason=SIP%3Bcause%3D302", "reason");
    g_autofree char *unsafe = cw_sip_uri_header("Reason=a%0d%0a", "Reason");

    g_assert_cmpstr(reason, ==, "SIP;cause=302");
    g_assert_null(unsafe);
}

#define ADD(table, path, fn)                                                                       \
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {                                             \
        g_autofree char *name = g_strdup_printf(path "/%s", table[i].name);                        \
        g_test_add_data_func(name, GSIZE_TO_POINTER(i), fn);                                       \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(lines, "/sip/header/set", set_line)
    g_test_add_func("/sip/header/limits", limit_line);
    g_test_add_func("/sip/header/listed", list_names);
    ADD(addresses, "/sip/address", read_address)
    g_test_add_func("/sip/address-params", read_params);
    return g_test_run();
}
