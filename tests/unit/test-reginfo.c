/* What a NOTIFY of "reg" means for one registration, and XML that must not be read. */
#include "sip/register/reginfo.h"

#include <glib.h>
#include <string.h>

#define INFO(registration)                                                                         \
    "<?xml version=\"1.0\"?>\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"3\" "    \
    "state=\"partial\">\n" registration "</reginfo>"
#define OURS(state, contacts)                                                                      \
    "<registration aor=\"sip:alice@ims.test\" id=\"a\" state=\"" state "\">" contacts              \
    "</registration>"
#define CONTACT(user, state, event)                                                                \
    "<contact id=\"c\" state=\"" state "\" event=\"" event "\"><uri>sip:" user                     \
    "@192.0.2.1:5060</uri></contact>"

static const struct {
    const char *name, *body;
    cw_err err;
    cw_reginfo want;
} rows[] = {
    { "active",
      INFO(OURS("active", CONTACT("tok", "active", "registered"))),
      CW_OK,
      { CW_REGINFO_NOTHING, 0 } },
    { "no-contact", INFO(OURS("terminated", "")), CW_OK, { CW_REGINFO_REJECTED, 0 } },
    { "rejected",
      INFO(OURS("terminated", CONTACT("tok", "terminated", "rejected"))),
      CW_OK,
      { CW_REGINFO_REJECTED, 0 } },
    { "deactivated",
      INFO(OURS("terminated", CONTACT("tok", "terminated", "deactivated"))),
      CW_OK,
      { CW_REGINFO_RENEW, 0 } },
    { "expired",
      INFO(OURS("active", CONTACT("tok", "terminated", "expired"))),
      CW_OK,
      { CW_REGINFO_RENEW, 0 } },
    { "probation",
      INFO(OURS("terminated",
                "<contact id=\"c\" state=\"terminated\" event=\"probation\" retry-after=\"90\">"
                "<uri>sip:tok@192.0.2.1</uri></contact>")),
      CW_OK,
      { CW_REGINFO_PROBATION, 90 } },
    { "shortened",
      INFO(OURS("active", "<contact id=\"c\" state=\"active\" event=\"shortened\" expires=\"60\">"
                          "<uri>sip:tok@192.0.2.1</uri></contact>")),
      CW_OK,
      { CW_REGINFO_SHORTENED, 60 } },
    { "we-left",
      INFO(OURS("terminated", CONTACT("tok", "terminated", "unregistered"))),
      CW_OK,
      { CW_REGINFO_NOTHING, 0 } },
    { "other-device",
      INFO(OURS("active", CONTACT("other", "terminated", "rejected"))),
      CW_OK,
      { CW_REGINFO_NOTHING, 0 } },
    { "longer-token",
      INFO(OURS("active", CONTACT("token", "terminated", "rejected"))),
      CW_OK,
      { CW_REGINFO_NOTHING, 0 } },
    { "other-user",
      INFO("<registration aor=\"sip:bob@ims.test\" state=\"terminated\"/>"),
      CW_OK,
      { CW_REGINFO_NOTHING, 0 } },
    { "huge-wait",
      INFO(OURS(
          "terminated",
          "<contact state=\"terminated\" event=\"probation\" retry-after=\"99999999999999999999\">"
          "<uri>sip:tok@192.0.2.1</uri></contact>")),
      CW_OK,
      { CW_REGINFO_PROBATION, 86400 } },
    { "other-document", "<presence/>", CW_E_SYNTAX, { 0 } },
    { "empty", "", CW_E_SYNTAX, { 0 } },
    { "cut", "<reginfo><registration", CW_E_SYNTAX, { 0 } },
    { "not-xml", "hello", CW_E_SYNTAX, { 0 } },
    { "not-utf8", "<reginfo a=\"\xff\"/>", CW_E_SYNTAX, { 0 } },
    { "dtd",
      "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><reginfo>&x;</reginfo>",
      CW_E_UNSUPPORTED,
      { 0 } },
    { "bomb",
      "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><reginfo>&b;</reginfo>",
      CW_E_UNSUPPORTED,
      { 0 } },
    { "utf7-dtd",
      "<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADwAIQ-DOCTYPE r+AD4-<reginfo/>",
      CW_E_SYNTAX,
      { 0 } },
};

/* In a block of just its size, for asan. */
static cw_err parse(const char *body, size_t len, cw_reginfo *ret)
{
    g_autofree char *exact = len ? g_memdup2(body, len) : g_strdup("");

    return cw_reginfo_parse(exact, len, "sip:alice@ims.test", "tok", ret);
}

static void test_rows(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        cw_reginfo info = { 0 };

        g_test_message("%s", rows[i].name);
        g_assert_cmpint(parse(rows[i].body, strlen(rows[i].body), &info), ==, rows[i].err);
        g_assert_cmpint(info.what, ==, rows[i].want.what);
        g_assert_cmpuint(info.wait_s, ==, rows[i].want.wait_s);
    }
}

static void test_bounds(void)
{
    g_autoptr(GString) deep = g_string_new(NULL), large = g_string_new("<reginfo>");
    cw_reginfo info;

    for (unsigned i = 0; i < 200; i++)
        g_string_append(deep, "<reginfo>");
    for (unsigned i = 0; i < 200; i++)
        g_string_append(deep, "</reginfo>");
    g_assert_cmpint(parse(deep->str, deep->len, &info), ==, CW_E_TOO_DEEP);
    while (large->len < 65536)
        g_string_append(large, "<registration/>");
    g_string_append(large, "</reginfo>");
    g_assert_cmpint(parse(large->str, large->len, &info), ==, CW_E_TOO_LARGE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reginfo/rows", test_rows);
    g_test_add_func("/reginfo/bounds", test_bounds);
    return g_test_run();
}
