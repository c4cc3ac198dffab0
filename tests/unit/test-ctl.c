/* causewayctl's commands: from words to a request and back to text; the socket. */
#include "admin/print.h"
#include "admin/table.h"

#include <string.h>

static const struct {
    const char *name, *line;
    cw_err found, params;
    cw_ctl cmd;
    const char *json;
} lines[] = {
    { "status", "status", CW_OK, CW_OK, CW_CTL_status, "{}" },
    { "call-show", "call show abc", CW_OK, CW_OK, CW_CTL_call_show, "{\"id\":\"abc\"}" },
    { "call-show-no-id", "call show", CW_OK, CW_E_PARAMS, CW_CTL_call_show, NULL },
    { "call-show-two", "call show a b", CW_OK, CW_E_PARAMS, CW_CTL_call_show, NULL },
    { "calls-is-not-call", "calls", CW_OK, CW_OK, CW_CTL_calls, "{}" },
    { "level-all", "log level debug", CW_OK, CW_OK, CW_CTL_log_level, "{\"level\":\"debug\"}" },
    { "level-one", "log level sip warn", CW_OK, CW_OK, CW_CTL_log_level,
      "{\"level\":\"warn\",\"module\":\"sip\"}" },
    { "level-show", "log level", CW_OK, CW_OK, CW_CTL_log_level, "{}" },
    { "level-three", "log level a b c", CW_OK, CW_E_PARAMS, CW_CTL_log_level, NULL },
    { "config-check", "config check f", CW_OK, CW_OK, CW_CTL_config_check, "{\"file\":\"f\"}" },
    { "half", "call", CW_E_METHOD, CW_OK, CW_CTL_COUNT, NULL },
    { "unknown", "reboot", CW_E_METHOD, CW_OK, CW_CTL_COUNT, NULL },
    { "no-utf8", "call show \xff", CW_OK, CW_E_PARAMS, CW_CTL_call_show, NULL },
};

static void parse_line(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_auto(GStrv) words = g_strsplit(lines[i].line, " ", -1);
    int argc = (int)g_strv_length(words), used;
    g_autoptr(json_t) params = NULL;
    char why[128];
    char *text;
    cw_ctl cmd;

    g_assert_cmpint(cw_ctl_find(argc, words, &cmd, &used, why), ==, lines[i].found);
    if (lines[i].found) {
        g_assert_cmpstr(why, !=, "");
        return;
    }
    g_assert_cmpint(cmd, ==, lines[i].cmd);
    g_assert_cmpint(cw_ctl_params(cmd, argc - used, words + used, &params, why), ==,
                    lines[i].params);
    if (lines[i].params) {
        g_assert_true(g_str_has_prefix(why, "usage: "));
        return;
    }
    text = json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS);
    g_assert_cmpstr(text, ==, lines[i].json);
    free(text);
}

static void methods(void)
{
    cw_ctl cmd;

    for (int i = 0; i < CW_CTL_COUNT; i++) {
        g_autofree char *method = cw_ctl_method((cw_ctl)i);
        bool local = cw_ctl_get((cw_ctl)i)->local;

        g_assert_cmpint(cw_ctl_find_method(method, &cmd), ==, local ? CW_E_METHOD : CW_OK);
        if (!local)
            g_assert_cmpint(cmd, ==, i);
    }
    g_assert_cmpint(cw_ctl_find_method("call show", &cmd), ==, CW_E_METHOD);
    g_assert_cmpint(cw_ctl_find_method("", &cmd), ==, CW_E_METHOD);
}

/* What a command prints of a reply. */
static char *printed(cw_ctl cmd, const char *json)
{
    g_autoptr(json_t) value = json_loads(json, JSON_DECODE_ANY, NULL);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    g_assert_nonnull(value);
    cw_ctl_print(cmd, value, out);
    fclose(out);
    return text;
}

/* A reply without any member a printer looks for must not end causewayctl. */
static void print_empty(void)
{
    static const char *const replies[] = { "{}", "[]", "[{}]", "{\"rows\":[{}],\"streams\":[{}]}" };

    for (int i = 0; i < CW_CTL_COUNT; i++)
        for (size_t k = 0; k < G_N_ELEMENTS(replies); k++)
            if (!cw_ctl_get((cw_ctl)i)->local)
                free(printed((cw_ctl)i, replies[k]));
}

static void print_calls(void)
{
    char *text = printed(CW_CTL_calls, "[{\"id\":\"4hs7w9dk2p6rt\",\"state\":\"up\",\"a_kind\":"
                                       "\"browser\",\"a\":\"alice\",\"to\":\"service:echo\","
                                       "\"age_ms\":61000,\"talk_ms\":3661000}]");

    g_assert_cmpstr(text, ==,
                    "ID             STATE  FROM           TO            AGE   TALK\n"
                    "4hs7w9dk2p6rt  up     browser alice  service:echo  1:01  1:01:01\n");
    free(text);
}

static void print_hostile(void)
{
    char *text = printed(CW_CTL_calls, "[{\"id\":\"x\",\"a\":\"\\u001b[2Jevil\\nline\"}]");

    g_assert_null(strchr(text, 0x1b));
    g_assert_nonnull(strstr(text, ".[2Jevil.line"));
    free(text);
}

static void print_ladder(void)
{
    char *text = printed(
        CW_CTL_call_ladder,
        "{\"a\":{\"kind\":\"browser\",\"name\":\"alice\"},\"b\":{\"kind\":\"sip\",\"name\":\"bob\"}"
        ","
        "\"rows\":[{\"ms\":0,\"from\":\"a\",\"to\":\"gateway\",\"proto\":\"JSON\",\"text\":"
        "\"call.start\"},{\"ms\":2,\"from\":\"gateway\",\"to\":\"b\",\"proto\":\"SIP\",\"text\":"
        "\"INVITE\"},{\"ms\":9,\"from\":\"b\",\"to\":\"gateway\",\"proto\":\"SIP\",\"text\":\"180 "
        "Ringing\"},{\"ms\":12,\"from\":\"a\",\"to\":\"a\",\"proto\":\"ICE\",\"text\":"
        "\"connected\"}]}");

    g_assert_cmpstr(text, ==,
                    "      ms  browser alice                          causeway                     "
                    "          sip "
                    "bob\n"
                    "       0  │── JSON call.start ──────────────────▶│                            "
                    "          │\n"
                    "       2  │                                      │── SIP INVITE "
                    "───────────────────────▶│\n"
                    "       9  │                                      │◀─ SIP 180 Ringing "
                    "───────────────────│\n"
                    "      12  ● ICE connected                        │                            "
                    "          │\n");
    free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *path = g_strdup_printf("/ctl/line/%s", lines[i].name);

        g_test_add_data_func(path, GINT_TO_POINTER(i), parse_line);
    }
    g_test_add_func("/ctl/methods", methods);
    g_test_add_func("/ctl/print-empty", print_empty);
    g_test_add_func("/ctl/print-calls", print_calls);
    g_test_add_func("/ctl/print-hostile", print_hostile);
    g_test_add_func("/ctl/print-ladder", print_ladder);
    return g_test_run();
}
