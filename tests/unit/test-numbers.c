/* What people dial and trunks send, what it means, and what a trunk is sent: a row a rule. */
#include "call/route/number.h"
#include "call/route/route.h"

#include <glib.h>
#include <string.h>

static const char conf_text[] =
    "trunk = ( { name = \"carrier\"; address = \"192.0.2.1:5070\"; prefixes = ( \"+\" ); },\n"
    "  { name = \"phone\"; address = \"192.0.2.2\"; prefixes = ( \"+49\" ); number_form = "
    "\"phone\"; },\n"
    "  { name = \"tel\"; address = \"192.0.2.3:5070\"; prefixes = ( \"+44\", \"*\", \"#\" );\n"
    "    number_form = \"tel\"; },\n"
    "  { name = \"ims\"; address = \"[2001:db8::1]:5060\"; prefixes = ( \"8\" ); number_form = "
    "\"tel\";\n"
    "    phone_context = \"ims.example\"; } );\n"
    "number = (\n"
    "  { from = \"user:paris-*\"; match = \"ZXXX\"; prepend = \"+3314567\"; },\n"
    "  { from = \"user\"; match = \"X*\"; phone_context = \"office.example\"; prepend = \"8\";\n"
    "    context = \"national\"; },\n"
    "  { from = \"user\"; match = \"00Z*\"; strip = 2; prepend = \"+\"; },\n"
    "  { from = \"user\"; match = \"0ZX*\"; digits_min = 10; digits_max = 10; strip = 1;\n"
    "    prepend = \"+33\"; },\n"
    "  { from = \"user\"; match = \"1NN\"; context = \"service\"; },\n"
    "  { from = \"user\"; match = \"1*\"; digits_max = 4; context = \"short\"; },\n"
    "  { from = \"user\"; match = \"9*\"; prepend = \"+\"; },\n"
    "  { from = \"trunk:carrier\"; match = \"33*\"; prepend = \"+\"; },\n"
    "  { from = \"trunk:carrier\"; match = \"0*\"; strip = 1; prepend = \"+33\"; },\n"
    "  { from = \"peer\"; match = \"7*\"; strip = 1; context = \"short\"; },\n"
    "  { match = \"+\"; },\n"
    "  { to = \"trunk:carrier\"; match = \"+33*\"; strip = 3; prepend = \"0\"; context = "
    "\"national\"; },\n"
    "  { to = \"trunk:carrier\"; match = \"+*\"; strip = 1; prepend = \"00\"; } );\n";

static cw_conf *load(const char *text)
{
    g_autofree char *why = NULL;
    cw_conf *conf = NULL;

    if (cw_conf_load("test.conf", text, &conf, &why))
        g_error("%s", why);
    return conf;
}

/* ── As written ── */

static const struct {
    const char *name, *text, *want, *context, *params;
    bool uri;
} written[] = {
    { "plain", "0123", "0123", "", "", false },
    { "separators", "+33 (1) 23-45.67", "+331234567", "", "", false },
    { "keys", "*21*0123#", "*21*0123#", "", "", false },
    { "key-in-front", "#31#0123", "#31#0123", "", "", false },
    { "only-keys", "*#", NULL, "", "", false },
    { "plus-inside", "33+33", NULL, "", "", false },
    { "two-plus", "++33", NULL, "", "", false },
    { "letters", "+33abc", NULL, "", "", false },
    { "empty", "", NULL, "", "", false },
    { "separators-only", "-.()", NULL, "", "", false },
    { "fullwidth-digit", "+33\xef\xbc\x91", NULL, "", "", false },
    { "thirty-two", "12345678901234567890123456789012", "12345678901234567890123456789012", "", "",
      false },
    { "thirty-three", "123456789012345678901234567890123", NULL, "", "", false },
    { "separators-do-not-count", "1-2-3-4-5-6-7-8-9-0-1-2-3-4-5-6-7-8-9-0-1-2-3-4-5-6-7-8-9-0-1-2",
      "12345678901234567890123456789012", "", "", false },
    { "context", "1234;phone-context=Office.Example", "1234", "office.example", "", false },
    { "context-number", "1234;phone-context=+33-1", "1234", "+33-1", "", false },
    { "context-of-global", "+331234;phone-context=x.example", NULL, "", "", false },
    { "context-twice", "1;phone-context=a;phone-context=b", NULL, "", "", false },
    { "context-empty", "1234;phone-context=", NULL, "", "", false },
    { "context-evil", "1234;phone-context=a@b", NULL, "", "", false },
    { "isub", "+331234;isub=12", "+331234", "", ";isub=12", false },
    { "ext-and-postd", "+331234;ext=12;postd=1p2w#;x=y", "+331234", "", ";ext=12;postd=1p2w#",
      false },
    { "isub-evil", "+331234;isub=1%0d", NULL, "", "", false },
    { "ext-empty", "+331234;ext=", NULL, "", "", false },
    { "unknown-param", "+331234;verstat=TN-Validation-Passed", "+331234", "", "", false },
    { "uri-escaped-plus", "%2B33%2d123", NULL, "", "", true },
    { "uri-escaped-hash", "*31%23%2B33", NULL, "", "", true },
    { "uri-hash", "%2A31%23", "*31#", "", "", true },
    { "uri-plus", "%2B331234", "+331234", "", "", true },
    { "uri-cut", "123%2", NULL, "", "", true },
    { "uri-control", "123%0d%0a", NULL, "", "", true },
    { "uri-nul", "123%00", NULL, "", "", true },
    { "uri-twice", "%252B33", NULL, "", "", true },
};

static void read_number(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *exact = g_strdup(written[i].text);
    cw_number number;
    bool ok = written[i].uri ? cw_number_read_uri(exact, &number) : cw_number_read(exact, &number);

    g_assert_cmpint(ok, ==, written[i].want != NULL);
    if (!ok)
        return;
    g_assert_cmpstr(number.text, ==, written[i].want);
    g_assert_cmpstr(number.context, ==, written[i].context);
    g_assert_cmpstr(number.params, ==, written[i].params);
}

/* ── As meant ── */

static const struct {
    const char *name, *who, *text, *want;
    int row; /* from 1; 0: none */
} meant[] = {
    { "international-by-00", "user:anna", "0044 20 1234", "+44201234", 3 },
    { "national", "user:anna", "01 23 45 67 89", "+33123456789", 4 },
    { "national-short-by-one", "user:anna", "012345678", "012345678", 0 },
    { "national-long-by-one", "user:anna", "01234567890", "01234567890", 0 },
    { "service", "user:anna", "155", "155", 5 },
    { "service-not-n", "user:anna", "112", "112", 6 },
    { "first-match-wins", "user:paris-bob", "2345", "+33145672345", 1 },
    { "not-this-user", "user:lyon-bob", "2345", "2345", 0 },
    { "context-known", "user:anna", "12;phone-context=OFFICE.example", "812", 2 },
    { "context-before-other-rows", "user:paris-bob", "1234;phone-context=office.example", "81234",
      2 },
    { "context-that-row-wants", "user:anna", "12", "12", 6 },
    { "context-unknown", "user:anna", "12;phone-context=evil.example", NULL, 0 },
    { "context-unknown-of-a-trunk", "trunk:carrier", "12;phone-context=x.example", "12", 0 },
    { "more-than-e164", "user:anna", "9123456789012345", NULL, 7 },
    { "as-e164-allows", "user:anna", "912345678901234", "+912345678901234", 7 },
    { "global-stays", "user:anna", "+1 555 0100", "+15550100", 0 },
    { "keys-stay", "user:anna", "*21#", "*21#", 0 },
    { "trunk-without-plus", "trunk:carrier", "33123", "+33123", 8 },
    { "trunk-national", "trunk:carrier", "0123", "+33123", 9 },
    { "another-trunk", "trunk:phone", "33123", "33123", 0 },
    { "peer", "peer", "712", "12", 10 },
    { "user-is-no-peer", "user:anna", "712", "712", 0 },
};

static const struct cw_conf_trunk *trunk_of(const cw_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->trunk_n; i++)
        if (strcmp(conf->trunk[i].name, name) == 0)
            return &conf->trunk[i];
    return NULL;
}

static cw_writer writer_of(const cw_conf *conf, const char *who)
{
    cw_writer writer = { 0 };

    if (g_str_has_prefix(who, "user:"))
        writer.user = who + 5;
    else if (g_str_has_prefix(who, "trunk:"))
        writer.trunk = trunk_of(conf, who + 6);
    return writer;
}

static void mean_number(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    cw_conf *conf = load(conf_text);
    const cw_writer writer = writer_of(conf, meant[i].who);
    const struct cw_conf_number *row;
    char got[CW_NUMBER_STR];
    cw_number number;

    g_assert_true(cw_number_read(meant[i].text, &number));
    g_assert_cmpint(cw_number_mean(conf, &writer, &number, got, &row), ==,
                    meant[i].want ? CW_OK : CW_E_NO_ROUTE);
    if (meant[i].want)
        g_assert_cmpstr(got, ==, meant[i].want);
    g_assert_cmpint(row ? row - conf->number + 1 : 0, ==, meant[i].row);
    cw_conf_free(conf);
}

/* ── To a trunk ── */

static const struct {
    const char *name, *to, *ruri;
} ways[] = {
    { "national-to-the-carrier", "01 23 45 67 89", "sip:0123456789@192.0.2.1:5070" },
    { "international-by-00", "+1 555 0100", "sip:0015550100@192.0.2.1:5070" },
    { "user-phone", "+49 30 1234", "sip:+49301234@192.0.2.2;user=phone" },
    { "user-phone-params", "tel:+49301234;isub=7;ext=3",
      "sip:+49301234;isub=7;ext=3@192.0.2.2;user=phone" },
    { "tel", "+44 20 1234", "tel:+44201234" },
    { "tel-params", "tel:+44201234;postd=1%23;ext=3", "tel:+44201234;postd=1%23;ext=3" },
    { "tel-context-of-the-host", "*21#", "tel:*21%23;phone-context=192.0.2.3" },
    { "tel-context", "tel:12;phone-context=office.example", "tel:812;phone-context=ims.example" },
};

static void write_number(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    cw_conf *conf = load(conf_text);
    const cw_writer anna = { .user = "anna" };
    char why[128];
    cw_route route;

    g_assert_cmpint(cw_route_find(conf, &anna, ways[i].to, &route, why), ==, CW_OK);
    g_assert_cmpstr(route.ruri, ==, ways[i].ruri);
    cw_route_clear(&route);
    cw_conf_free(conf);
}

/* Scopes see what is meant, not what was written. */
static void target_is_what_is_meant(void)
{
    cw_conf *conf = load(conf_text);
    const cw_writer anna = { .user = "anna" };
    static const char *const same[] = { "0123456789", "tel:01-23-45-67-89", "+33 123456789",
                                        "0033123456789", "tel:%2B33123456789;isub=1" };
    char why[128];
    cw_route route;

    for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
        g_assert_cmpint(cw_route_find(conf, &anna, same[i], &route, why), ==, CW_OK);
        g_assert_cmpstr(route.target, ==, "tel:+33123456789");
        cw_route_clear(&route);
    }
    cw_conf_free(conf);
}

/* inbound rules match what a trunk's number means. */
static void inbound_is_what_is_meant(void)
{
    g_autofree char *text = g_strconcat(
        conf_text,
        "inbound = ( { match = \"+33123\"; to = \"user:anna\"; },\n"
        "{ match = \"10.5\"; to = \"user:$\"; }, { match = \"12\"; to = \"user:bert\"; } );",
        NULL);
    cw_conf *conf = load(text);
    static const struct {
        const char *who, *user, *target;
    } rows[] = { { "trunk:carrier", "0123", "user:anna" },
                 { "trunk:carrier", "33-123", "user:anna" },
                 { "trunk:carrier", "+33123;npdi", "user:anna" },
                 { "trunk:phone", "0123", NULL },
                 { "peer", "712", "user:bert" },
                 { "peer", "10.5", "user:10.5" } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const cw_writer writer = writer_of(conf, rows[i].who);
        cw_route route;

        g_assert_cmpint(cw_route_inbound(conf, &writer, rows[i].user, &route), ==,
                        rows[i].target ? CW_OK : CW_E_NOT_FOUND);
        g_assert_cmpstr(route.target, ==, rows[i].target);
        cw_route_clear(&route);
    }
    cw_conf_free(conf);
}

/* ── Rows that cannot work ── */

static const struct {
    const char *name, *row, *want;
} bad[] = {
    { "no-match", "prepend = \"+\";", "match is missing" },
    { "both-ways", "from = \"user\"; to = \"*\"; match = \"*\";", "from and to" },
    { "from-nobody", "from = \"anna\"; match = \"*\";", "from is no" },
    { "from-unknown-trunk", "from = \"trunk:x\"; match = \"*\";", "from is no" },
    { "to-user", "to = \"user\"; match = \"*\";", "to is neither" },
    { "match-letters", "match = \"abc\";", "match holds" },
    { "match-plus-inside", "match = \"0+\"; strip = 2; prepend = \"+\";", "+ inside" },
    { "prepend-letters", "match = \"0*\"; prepend = \"a\";", "prepend holds" },
    { "prepend-plus-inside", "match = \"0*\"; prepend = \"0+\";", "prepend holds" },
    { "prepend-before-plus", "match = \"+33*\"; prepend = \"00\"; context = \"short\";",
      "strip it" },
    { "context", "match = \"0*\"; context = \"local\";", "context is none" },
    { "lengths", "match = \"0*\"; digits_min = 5; digits_max = 4;", "above" },
    { "no-e164", "match = \"0*\"; strip = 1;", "no number with a +" },
    { "phone-context-out", "to = \"*\"; match = \"0*\"; phone_context = \"a\";", "rows with from" },
};

static void refuse_row(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *text =
        g_strdup_printf("number = (\n { match = \"+*\"; },\n { %s }\n);\n", bad[i].row);
    cw_conf *conf = load(text);
    char why[128] = "";

    g_assert_cmpint(cw_numbers_check(conf, why), ==, CW_E_CONF);
    g_assert_true(g_str_has_prefix(why, "test.conf:3: number: "));
    if (!strstr(why, bad[i].want))
        g_error("%s", why);
    cw_conf_free(conf);
}

static void take_rows(void)
{
    cw_conf *conf = load(conf_text);
    char why[128] = "";

    g_assert_cmpint(cw_numbers_check(conf, why), ==, CW_OK);
    cw_conf_free(conf);
}

/* ── For people ── */

static void test_for_people(void)
{
    cw_conf *conf = load(conf_text);
    g_autoptr(json_t) national = NULL, inbound = NULL, none = NULL;
    json_t *ignored = NULL;
    char why[128];

    g_assert_cmpint(cw_number_test(conf, "0123456789", NULL, &national, why), ==, CW_OK);
    g_assert_cmpstr(json_string_value(json_object_get(national, "number")), ==, "+33123456789");
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(national, "row"), "at")), ==,
                    "test.conf:12");
    g_assert_cmpstr(json_string_value(json_object_get(national, "trunk")), ==, "carrier");
    g_assert_cmpstr(json_string_value(json_object_get(national, "written")), ==, "0123456789");
    g_assert_cmpint(cw_number_test(conf, "33123", "carrier", &inbound, why), ==, CW_OK);
    g_assert_cmpstr(json_string_value(json_object_get(inbound, "number")), ==, "+33123");
    g_assert_cmpint(cw_number_test(conf, "9123456789012345", "anna", &none, why), ==, CW_OK);
    g_assert_true(json_is_null(json_object_get(none, "number")));
    g_assert_cmpint(cw_number_test(conf, "bob", NULL, &ignored, why), ==, CW_E_PARAMS);
    g_assert_cmpint(cw_number_test(conf, "1", "trunk:x", &ignored, why), ==, CW_E_PARAMS);
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
    ADD(written, "/number/written", read_number)
    ADD(meant, "/number/meant", mean_number)
    ADD(ways, "/number/to-a-trunk", write_number)
    ADD(bad, "/number/bad-row", refuse_row)
    g_test_add_func("/number/good-rows", take_rows);
    g_test_add_func("/number/target", target_is_what_is_meant);
    g_test_add_func("/number/inbound", inbound_is_what_is_meant);
    g_test_add_func("/number/for-people", test_for_people);
    return g_test_run();
}
