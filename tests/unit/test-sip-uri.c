/* test-sip-uri.c - SIP URIs, names from clients and configuration. */
#include "sip/text/uri.h"

#include <glib.h>
#include <string.h>

static const struct {
    const char *name, *uri;
    cw_err want;
    const char *canonical;
} uris[] = {
    { "plain", "sip:bob@example.com", CW_OK, "sip:bob@example.com" },
    { "scheme-case", "SIP:bob@Example.COM", CW_OK, "sip:bob@example.com" },
    { "number", "sip:+33123456789@10.0.0.1:5070", CW_OK, "sip:+33123456789@10.0.0.1:5070" },
    { "no-user", "sip:10.0.0.1", CW_OK, "sip:10.0.0.1" },
    { "ipv6", "sip:a@[2001:DB8::1]:5061", CW_OK, "sip:a@[2001:db8::1]:5061" },
    { "transport-kept", "sip:a@h.example;transport=TCP", CW_OK, "sip:a@h.example;transport=tcp" },
    { "other-params-dropped", "sip:a@h.example;user=phone;transport=udp;lr;x=%0d", CW_OK,
      "sip:a@h.example;transport=udp;user=phone" },
    { "user-params-kept", "sip:+1;isub=2@h.example", CW_OK, "sip:+1;isub=2@h.example" },
    { "user-escape-kept", "sip:a%20b@h.example", CW_OK, "sip:a%20b@h.example" },
    { "user-utf8-escaped",
      "sip:b\xc3\xb3"
      "b@h.example",
      CW_OK, "sip:b%C3%B3b@h.example" },
    { "last-dot", "sip:a@h.example.", CW_OK, "sip:a@h.example." },
    { "underscore", "sip:a@my_host", CW_OK, "sip:a@my_host" },

    { "empty", "", CW_E_PARAMS, NULL },
    { "no-scheme", "bob@example.com", CW_E_PARAMS, NULL },
    { "sips", "SIPS:bob@example.com", CW_OK, "sips:bob@example.com" },
    { "sips-udp", "sips:bob@example.com;transport=udp", CW_E_PARAMS, NULL },
    { "tls", "sip:bob@example.com;transport=TLS", CW_OK, "sip:bob@example.com;transport=tls" },
    { "tel", "tel:+331234", CW_E_PARAMS, NULL },
    { "http", "http://example.com/", CW_E_PARAMS, NULL },
    { "no-host", "sip:", CW_E_PARAMS, NULL },
    { "empty-user", "sip:@h.example", CW_E_PARAMS, NULL },
    { "two-at", "sip:a@b@h.example", CW_E_PARAMS, NULL },
    { "headers", "sip:a@h.example?Route=%3Csip:evil%3E", CW_E_PARAMS, NULL },
    { "headers-in-user", "sip:h.example?Route=x@h", CW_E_PARAMS, NULL },
    { "password", "sip:a:secret@h.example", CW_E_PARAMS, NULL },
    { "maddr", "sip:a@h.example;maddr=10.0.0.1", CW_E_PARAMS, NULL },
    { "blank", "sip:a b@h.example", CW_E_PARAMS, NULL },
    { "angle", "sip:a>@h.example", CW_E_PARAMS, NULL },
    { "quote", "sip:a\"@h.example", CW_E_PARAMS, NULL },
    { "host-blank", "sip:a@h example", CW_E_PARAMS, NULL },
    { "host-angle", "sip:a@h.example>", CW_E_PARAMS, NULL },
    { "host-comma", "sip:a@h,b", CW_E_PARAMS, NULL },
    { "host-two-dots", "sip:a@h..example", CW_E_PARAMS, NULL },
    { "host-dash", "sip:a@-h.example", CW_E_PARAMS, NULL },
    { "host-all-numbers", "sip:a@1.2.3", CW_E_PARAMS, NULL },
    { "host-hex-number", "sip:a@0x7f.1", CW_E_PARAMS, NULL },
    { "host-too-big", "sip:a@256.1.1.1", CW_E_PARAMS, NULL },
    { "port-0", "sip:a@h.example:0", CW_E_PARAMS, NULL },
    { "port-65536", "sip:a@h.example:65536", CW_E_PARAMS, NULL },
    { "port-empty", "sip:a@h.example:", CW_E_PARAMS, NULL },
    { "port-sign", "sip:a@h.example:+5", CW_E_PARAMS, NULL },
    { "ipv6-open", "sip:a@[::1", CW_E_PARAMS, NULL },
    { "ipv6-zone", "sip:a@[fe80::1%25eth0]", CW_E_PARAMS, NULL },
    { "ipv6-tail", "sip:a@[::1]x", CW_E_PARAMS, NULL },
    { "escape-cut", "sip:a%2@h.example", CW_E_PARAMS, NULL },
    { "escape-not-hex", "sip:a%zz@h.example", CW_E_PARAMS, NULL },
    { "bad-utf8", "sip:a\xff@h.example", CW_E_PARAMS, NULL },

    { "crlf", "sip:a@h.example\r\nX: y", CW_E_UNSAFE, NULL },
    { "lf", "sip:a\n@h.example", CW_E_UNSAFE, NULL },
    { "del", "sip:a\x7f@h.example", CW_E_UNSAFE, NULL },
    { "escaped-cr", "sip:a%0d%0aX@h.example", CW_E_UNSAFE, NULL },
    { "escaped-nul", "sip:a%00@h.example", CW_E_UNSAFE, NULL },
};

static void test_uri(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_autofree char *exact = g_strdup(uris[i].uri);
        g_autofree char *got = NULL, *again = NULL;
        cw_err err = cw_sip_uri_check(exact, &got);

        if (err != uris[i].want)
            g_error("%s: %s, not %s", uris[i].name, cw_err_name(err), cw_err_name(uris[i].want));
        g_assert_cmpstr(got, ==, uris[i].canonical);
        if (!err) { /* canonical text is stable */
            g_assert_cmpint(cw_sip_uri_check(got, &again), ==, CW_OK);
            g_assert_cmpstr(again, ==, got);
        }
    }
}

static void test_uri_length(void)
{
    g_autofree char *user = g_strnfill(CW_SIP_URI_MAX, 'a');
    g_autofree char *uri = g_strdup_printf("sip:%s@h.example", user);
    g_autofree char *got = NULL;

    g_assert_cmpint(cw_sip_uri_check(uri, &got), ==, CW_E_PARAMS);
}

static void test_host(void)
{
    cw_sip_host host;

    g_assert_cmpint(cw_sip_uri_host("sip:a@h.example:5070;lr;transport=tcp?x=y", &host), ==, CW_OK);
    g_assert_cmpstr(host.name, ==, "h.example");
    g_assert_cmpuint(host.port, ==, 5070);
    g_assert_true(host.has_transport && host.transport == CW_SIP_TCP && !host.numeric);
    g_assert_cmpint(cw_sip_uri_host("sip:[::1];lr", &host), ==, CW_OK);
    g_assert_true(host.numeric && host.ipv6);
    g_assert_cmpint(cw_sip_uri_host("sips:a@h.example;transport=tcp", &host), ==, CW_OK);
    g_assert_true(host.secure && host.transport == CW_SIP_TLS);
    g_assert_cmpint(cw_sip_uri_host("sips:a@h.example;transport=ws", &host), ==, CW_OK);
    g_assert_true(host.secure && host.transport == CW_SIP_WSS);
    g_assert_cmpint(cw_sip_uri_host("sips:a@h.example;transport=sctp", &host), ==,
                    CW_E_UNSUPPORTED);
    g_assert_cmpint(cw_sip_uri_host("sip:a@h.example;maddr=1.2.3.4", &host), ==, CW_E_UNSUPPORTED);
    g_assert_true(cw_sip_uri_is_loose("sip:p.example;transport=udp;lr"));
    g_assert_true(cw_sip_uri_is_loose("sip:p.example;lr=on"));
    g_assert_false(cw_sip_uri_is_loose("sip:lr;lr@p.example;lrx"));
}

static const struct {
    const char *name, *plain, *quoted;
} displays[] = {
    { "plain", "Bob", "\"Bob\"" },
    { "quote", "Bob \"B\" O\\o", "\"Bob \\\"B\\\" O\\\\o\"" },
    { "utf8", "Zo\xc3\xab", "\"Zo\xc3\xab\"" },
    { "brackets", "<sip:x@y>;tag=1", "\"<sip:x@y>;tag=1\"" },
    { "cr", "a\rb", NULL },
    { "lf", "a\nX-Y: z", NULL },
    { "del", "a\x7f", NULL },
    { "bad-utf8", "a\xc3", NULL },
};

static void test_display(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(displays); i++) {
        g_autofree char *quoted = cw_sip_display_quote(displays[i].plain);
        g_autofree char *back = cw_sip_display_decode(quoted);

        g_assert_cmpstr(quoted, ==, displays[i].quoted);
        if (quoted)
            g_assert_cmpstr(back, ==, displays[i].plain);
    }
    g_autofree char *token = cw_sip_display_decode("Bob Tok ");
    g_autofree char *none = cw_sip_display_decode(NULL);
    g_autofree char *bad = cw_sip_display_decode("\"a\x01\"");
    g_assert_cmpstr(token, ==, "Bob Tok");
    g_assert_cmpstr(none, ==, "");
    g_assert_cmpstr(bad, ==, "");
}

static void test_user(void)
{
    g_autofree char *escaped = cw_sip_user_escape("a b;c@d%\r\n:?\xc3\xb3");
    g_autofree char *back = cw_sip_user_unescape("+33%201", 7);
    g_autofree char *half = cw_sip_user_unescape("a%4", 3);

    g_assert_cmpstr(escaped, ==, "a%20b%3Bc%40d%25%0D%0A%3A%3F%C3%B3");
    g_assert_cmpstr(back, ==, "+33 1");
    g_assert_cmpstr(half, ==, "a%4");
    g_assert_null(cw_sip_user_unescape("a%0d", 4));
    g_assert_null(cw_sip_user_unescape("a%00", 4));
    g_assert_null(cw_sip_user_unescape("%ff", 3));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/uri/table", test_uri);
    g_test_add_func("/sip/uri/length", test_uri_length);
    g_test_add_func("/sip/uri/host", test_host);
    g_test_add_func("/sip/uri/display", test_display);
    g_test_add_func("/sip/uri/user", test_user);
    return g_test_run();
}
