/* test-sip-refer.c - Refer-To, Replaces, Target-Dialog and sipfrag as text. */
#include "sip/refer.h"

#include <string.h>

static char *copy(const char *text)
{
    return g_strdup(text); /* exact size: asan sees one byte too far */
}

static void test_refer_to(void)
{
    static const struct {
        const char *text;
        cw_err want;
        const char *uri, *call_id, *to_tag, *from_tag;
    } cases[] = {
        { "<sip:bob@host>", CW_OK, "sip:bob@host", NULL, NULL, NULL },
        { "sip:bob@host;x=y", CW_OK, "sip:bob@host", NULL, NULL, NULL },
        { "\"B \\\"<x>\" <sip:bob@host;user=phone>;a=b", CW_OK, "sip:bob@host;user=phone", NULL,
          NULL, NULL },
        { "<tel:+33123>", CW_OK, "tel:+33123", NULL, NULL, NULL },
        { "<sip:b@h;method=INVITE;transport=tcp>", CW_OK, "sip:b@h;transport=tcp", NULL, NULL,
          NULL },
        { "<sip:b@h;method=invite>", CW_OK, "sip:b@h", NULL, NULL, NULL },
        { "<sip:b@h?Replaces=id%40x%3Bto-tag%3Dt%3Bfrom-tag%3Df>", CW_OK, "sip:b@h", "id@x", "t",
          "f" },
        { "<sip:b@h?X=1&replaces=i%3Bfrom-tag%3Df%3Bto-tag%3Dt&Y=2>", CW_OK, "sip:b@h", "i", "t",
          "f" },
        { "<sip:b@h;method=MESSAGE>", CW_E_UNSUPPORTED, NULL, NULL, NULL, NULL },
        { "<http://h/>", CW_E_UNSUPPORTED, NULL, NULL, NULL, NULL },
        { "<sips:b@h>", CW_E_UNSUPPORTED, NULL, NULL, NULL, NULL },
        { "<file:/etc/passwd>", CW_E_UNSUPPORTED, NULL, NULL, NULL, NULL },
        { "<>", CW_E_UNSUPPORTED, NULL, NULL, NULL, NULL },
        { "<sip:>", CW_E_PARSE, NULL, NULL, NULL, NULL },
        { "<sip:b@h", CW_E_PARSE, NULL, NULL, NULL, NULL },
        { "\"never", CW_E_PARSE, NULL, NULL, NULL, NULL },
        { "sip:b@h?Replaces=x", CW_E_PARSE, NULL, NULL, NULL, NULL },
        { "<sip:b@h?Replaces=x>", CW_E_PARSE, NULL, NULL, NULL, NULL },
        { "<sip:b@h?Replaces=i%3Bto-tag%3Dt%3Bfrom-tag%3Df&Replaces=i%3Bto-tag%3Dt%3Bfrom-tag%3Df>",
          CW_E_PARSE, NULL, NULL, NULL, NULL },
        { "<sip:b@h?Replaces=i%0d%0aVia:x%3Bto-tag%3Dt%3Bfrom-tag%3Df>", CW_E_PARSE, NULL, NULL,
          NULL, NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = copy(cases[i].text);
        g_auto(cw_sip_refer_to) got = { 0 };

        if (cw_sip_refer_to_parse(text, &got) != cases[i].want)
            g_error("%u: %s", i, text);
        g_assert_cmpstr(got.uri, ==, cases[i].uri);
        g_assert_cmpstr(got.replaces.call_id, ==, cases[i].call_id);
        g_assert_cmpstr(got.replaces.to_tag, ==, cases[i].to_tag);
        g_assert_cmpstr(got.replaces.from_tag, ==, cases[i].from_tag);
    }
}

/* What we write we read. */
static void test_round(void)
{
    cw_sip_refer_to to = { .uri = (char *)"sip:b@h;transport=tcp",
                           .replaces = { (char *)"i;d@x", (char *)"t", (char *)"f", true } };
    g_auto(cw_sip_refer_to) got = { 0 };
    g_autofree char *text = NULL;

    to.replaces.call_id = (char *)"i%d@x<>";
    text = cw_sip_refer_to_print(&to);
    g_assert_null(strpbrk(text + 1, " \"<"));
    g_assert_cmpint(cw_sip_refer_to_parse(text, &got), ==, CW_OK);
    g_assert_cmpstr(got.uri, ==, to.uri);
    g_assert_cmpstr(got.replaces.call_id, ==, to.replaces.call_id);
    g_assert_true(got.replaces.early_only);
}

static void test_replaces(void)
{
    static const struct {
        const char *text;
        cw_err want;
        bool early;
    } cases[] = {
        { "a@b;to-tag=t;from-tag=f", CW_OK, false },
        { "a@b ; from-tag=f ;x=y; To-Tag=t;early-only", CW_OK, true },
        { "a@b;to-tag=t", CW_E_PARSE, false },
        { "a@b;to-tag=t;from-tag=f;to-tag=u", CW_E_PARSE, false },
        { ";to-tag=t;from-tag=f", CW_E_PARSE, false },
        { "a b;to-tag=t;from-tag=f", CW_E_PARSE, false },
        { "a@b;to-tag=;from-tag=f", CW_E_PARSE, false },
        { "a@b;to-tag=t>;from-tag=f", CW_E_PARSE, false },
        { "", CW_E_PARSE, false },
    };
    g_auto(cw_sip_replaces) target = { 0 };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = copy(cases[i].text);
        g_auto(cw_sip_replaces) got = { 0 };

        if (cw_sip_replaces_parse(text, &got) != cases[i].want)
            g_error("%u: %s", i, text);
        g_assert_true(got.early_only == cases[i].early);
        if (cases[i].want == CW_OK)
            g_assert_cmpstr(got.from_tag, ==, "f");
    }
    g_assert_cmpint(cw_sip_target_dialog_parse("i;local-tag=l;remote-tag=r", &target), ==, CW_OK);
    g_assert_cmpstr(target.to_tag, ==, "r"); /* the receiver's own */
    g_assert_cmpstr(target.from_tag, ==, "l");
}

static void test_frag(void)
{
    static const struct {
        const char *body;
        int status;
        const char *phrase;
    } cases[] = {
        { "SIP/2.0 200 OK\r\n", 200, "OK" },
        { "SIP/2.0 180 Ringing", 180, "Ringing" },
        { "SIP/2.0 486 Busy Here\r\nVia: x\r\n\r\n", 486, "Busy Here" },
        { "SIP/2.0 603\r\n", 603, "" },
        { "SIP/2.0 200 \x01\r\n", 200, "" },
        { "SIP/2.0 20", 0, NULL },
        { "SIP/2.0 2000 OK", 0, NULL },
        { "SIP/2.0 700 OK", 0, NULL },
        { "SIP/1.0 200 OK", 0, NULL },
        { "INVITE sip:x SIP/2.0", 0, NULL },
        { "", 0, NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t len = strlen(cases[i].body);
        g_autofree char *body = g_memdup2(cases[i].body, len ?: 1);
        char phrase[96] = "";
        int status = 0;
        cw_err err = cw_sip_frag_parse(body, len, &status, phrase);

        g_assert_cmpint(err, ==, cases[i].status ? CW_OK : CW_E_PARSE);
        g_assert_cmpint(status, ==, cases[i].status);
        g_assert_cmpstr(phrase, ==, cases[i].phrase ? cases[i].phrase : "");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/refer/refer-to", test_refer_to);
    g_test_add_func("/refer/round", test_round);
    g_test_add_func("/refer/replaces", test_replaces);
    g_test_add_func("/refer/frag", test_frag);
    return g_test_run();
}
