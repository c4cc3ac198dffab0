/* Numbers in DNS: the name that is asked, and what is made of the rules of an answer. */
#include "sip/enum.h"

#include <glib.h>
#include <string.h>

static const struct {
    const char *name, *number, *suffix, *want;
} domains[] = {
    { "rfc-6116", "+442079460148", "e164.arpa", "8.4.1.0.6.4.9.7.0.2.4.4.e164.arpa" },
    { "private", "+1", "enum.example.", "1.enum.example." },
    { "no-plus", "442079460148", "e164.arpa", NULL },
    { "too-long", "+1234567890123456", "e164.arpa", NULL },
    { "keys", "+33*1", "e164.arpa", NULL },
    { "no-digits", "+", "e164.arpa", NULL },
    { "no-suffix", "+1", "", NULL },
};

static void make_domain(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    char got[CW_ENUM_NAME_MAX];

    g_assert_cmpint(cw_enum_domain(domains[i].number, domains[i].suffix, got), ==,
                    domains[i].want ? CW_OK : CW_E_PARAMS);
    if (domains[i].want)
        g_assert_cmpstr(got, ==, domains[i].want);
}

#define NUMBER "+33123456789"
static const struct {
    const char *name, *rule;
    cw_err want;
    const char *uri;
} rules[] = {
    { "all", "!^.*$!sip:info@example.com!", CW_OK, "sip:info@example.com" },
    { "part", "!^\\+33(.*)$!sip:0\\1@example.com!", CW_OK, "sip:0123456789@example.com" },
    { "two-parts", "!^\\+(..)(.*)$!sip:\\2.\\1@h.example!", CW_OK, "sip:123456789.33@h.example" },
    { "flag-i", "!^.*$!SIP:A@h.example!i", CW_OK, "sip:A@h.example" },
    { "other-delimiter", "/^.*$/sip:a@h.example;transport=tcp/", CW_OK,
      "sip:a@h.example;transport=tcp" },
    { "escaped-delimiter", "!^.*$!sip:a\\!b@h.example!", CW_OK, "sip:a!b@h.example" },
    { "no-match", "!^\\+44(.*)$!sip:\\1@h!", CW_E_NOT_FOUND, NULL },
    { "group-not-there", "!^(x)?.*$!sip:a\\1\\9@h.example!", CW_OK, "sip:a@h.example" },
    { "back-reference", "!^\\+(3)\\1(.*)$!sip:\\2@h!", CW_E_SYNTAX, NULL },
    { "counted", "!^(.{1,100}){1,100}$!sip:a@h!", CW_E_SYNTAX, NULL },
    { "ten-groups", "!((((((((((.*))))))))))!sip:a@h!", CW_E_SYNTAX, NULL },
    { "repeated-twice", "!^.**$!sip:a@h!", CW_E_SYNTAX, NULL },
    { "repeated-group", "!^(3+)+$!sip:a@h!", CW_E_SYNTAX, NULL },
    { "repeated-nothing", "!*33!sip:a@h!", CW_E_SYNTAX, NULL },
    { "optional-group", "!^(\\+33)?([0-9]+)$!sip:\\2@h.example!", CW_OK,
      "sip:123456789@h.example" },
    { "brackets", "!^[+*?()]([]0-9^-]*)$!sip:\\1@h.example!", CW_OK, "sip:33123456789@h.example" },
    { "brackets-not-closed", "!^[+*!sip:a@h!", CW_E_SYNTAX, NULL },
    { "open-group", "!^(.*$!sip:\\1@h!", CW_E_SYNTAX, NULL },
    { "other-scheme", "!^.*$!http://h.example/!", CW_E_SYNTAX, NULL },
    { "tel", "!^.*$!tel:\\0!", CW_E_SYNTAX, NULL },
    { "headers", "!^.*$!sip:a@h.example?Route=%3Csip:evil%3E!", CW_E_SYNTAX, NULL },
    { "crlf", "!^.*$!sip:a@h\r\nVia: x!", CW_E_SYNTAX, NULL },
    { "escaped-crlf", "!^.*$!sip:a%0d%0a@h.example!", CW_E_SYNTAX, NULL },
    { "unknown-flag", "!^.*$!sip:a@h!x", CW_E_SYNTAX, NULL },
    { "not-closed", "!^.*$!sip:a@h", CW_E_SYNTAX, NULL },
    { "only-pattern", "!^.*$!", CW_E_SYNTAX, NULL },
    { "empty", "", CW_E_SYNTAX, NULL },
    { "letter-delimiter", "a.*asip:b@ha", CW_E_SYNTAX, NULL },
    { "backslash-at-the-end", "!^.*$!sip:a@h\\", CW_E_SYNTAX, NULL },
};

static void apply_rule(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *exact = g_strdup(rules[i].rule), *got = NULL;

    g_assert_cmpint(cw_enum_apply(exact, NUMBER, &got), ==, rules[i].want);
    g_assert_cmpstr(got, ==, rules[i].uri);
}

static void bound_rule(void)
{
    g_autofree char *dots = g_strnfill(129, '.'), *long_part = g_strnfill(250, 'a');
    g_autofree char *pattern = g_strdup_printf("!%s!sip:a@h!", dots), *got = NULL;
    g_autofree char *rule = g_strdup_printf("!^.*$!sip:%s@h!", long_part);
    gint64 start = g_get_monotonic_time();

    g_assert_cmpint(cw_enum_apply(pattern, NUMBER, &got), ==, CW_E_SYNTAX);
    g_assert_cmpint(cw_enum_apply(rule, NUMBER, &got), ==, CW_E_SYNTAX);
    /* What is slow to compile, or for backtracking to match. */
    g_assert_cmpint(cw_enum_apply("!^((([0-9+]*)*)*)*x$!sip:a@h!", NUMBER, &got), ==, CW_E_SYNTAX);
    g_assert_cmpint(cw_enum_apply("!^++++++++++++++++++++++++++++++3$!sip:a@h!", NUMBER, &got), ==,
                    CW_E_SYNTAX);
    g_assert_cmpint(
        cw_enum_apply("!^.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*x$!sip:a@h!", NUMBER, &got), ==,
        CW_E_NOT_FOUND);
    g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC);
}

/* Answers a server of ours never gave. */
static void read_nonsense(void)
{
    static const unsigned char bytes[] = { 0x12, 0x34, 0x81, 0x80, 0, 0, 0xff, 0xff, 0, 0, 0, 0 };

    for (size_t len = 0; len <= sizeof bytes; len++) {
        g_autofree unsigned char *exact = g_memdup2(bytes, MAX(len, 1));

        g_assert_null(cw_enum_choose(exact, (int)len, NUMBER));
    }
}

#define ADD(table, path, fn)                                                                       \
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {                                             \
        g_autofree char *name = g_strdup_printf(path "/%s", table[i].name);                        \
        g_test_add_data_func(name, GSIZE_TO_POINTER(i), fn);                                       \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(domains, "/enum/domain", make_domain)
    ADD(rules, "/enum/rule", apply_rule)
    g_test_add_func("/enum/bounds", bound_rule);
    g_test_add_func("/enum/nonsense", read_nonsense);
    return g_test_run();
}
