#include "admin/table.h"

#include <string.h>

static const cw_ctl_row rows[] = {
#define CW_CTL(name, words, args, help)       [CW_CTL_##name] = { words, args, help, false },
#define CW_CTL_LOCAL(name, words, args, help) [CW_CTL_##name] = { words, args, help, true },
#define CW_CTL_EXIT(name, code, help)
#include "admin/ctl.def"
#undef CW_CTL
#undef CW_CTL_LOCAL
#undef CW_CTL_EXIT
};

static const struct {
    int code;
    const char *help;
} exits[] = {
#define CW_CTL(name, words, args, help)
#define CW_CTL_LOCAL(name, words, args, help)
#define CW_CTL_EXIT(name, code, help) { code, help },
#include "admin/ctl.def"
#undef CW_CTL
#undef CW_CTL_LOCAL
#undef CW_CTL_EXIT
};

const cw_ctl_row *cw_ctl_get(cw_ctl cmd)
{
    return &rows[cmd];
}

/* How many of argv's first words are the row's; 0: not this one. */
static int match(const cw_ctl_row *row, int argc, char *const *argv)
{
    g_auto(GStrv) words = g_strsplit(row->words, " ", -1);
    int n = (int)g_strv_length(words);

    if (n > argc)
        return 0;
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], argv[i]))
            return 0;
    return n;
}

static void suggest(const char *word, char why[static 128])
{
    g_autoptr(GString) near = g_string_new(NULL);
    size_t len = strlen(word);

    for (int i = 0; i < CW_CTL_COUNT; i++)
        if (len > 0 && strncmp(rows[i].words, word, len) == 0)
            g_string_append_printf(near, "%s\"%s\"", near->len ? ", " : "", rows[i].words);
    if (near->len)
        g_snprintf(why, 128, "did you mean %.100s?", near->str);
    else
        g_snprintf(why, 128, "no command \"%.60s\"", word);
}

cw_err cw_ctl_find(int argc, char *const *argv, cw_ctl *ret, int *used, char why[static 128])
{
    int best = 0;

    why[0] = 0;
    for (int i = 0; i < CW_CTL_COUNT; i++) {
        int n = match(&rows[i], argc, argv);

        if (n <= best)
            continue;
        best = n;
        *ret = (cw_ctl)i;
    }
    *used = best;
    if (best)
        return CW_OK;
    suggest(argc > 0 ? argv[0] : "", why);
    return CW_E_METHOD;
}

char *cw_ctl_method(cw_ctl cmd)
{
    return g_strdelimit(g_strdup(rows[cmd].words), " ", '.');
}

cw_err cw_ctl_find_method(const char *method, cw_ctl *ret)
{
    for (int i = 0; i < CW_CTL_COUNT; i++) {
        g_autofree char *name = cw_ctl_method((cw_ctl)i);

        if (rows[i].local || strcmp(name, method))
            continue;
        *ret = (cw_ctl)i;
        return CW_OK;
    }
    return CW_E_METHOD;
}

static void usage(const cw_ctl_row *row, char why[static 128])
{
    g_snprintf(why, 128, "usage: causewayctl %s%s%s", row->words, row->args[0] ? " " : "",
               row->args);
}

/* "[MODULE]" to "module". */
static char *arg_name(const char *spec)
{
    g_autofree char *name = g_strdup(spec[0] == '[' ? spec + 1 : spec);

    g_strdelimit(name, "]", 0);
    return g_ascii_strdown(name, -1);
}

/* Which arguments are given: those that must be, and as many others, from the right, as there are
 * words: "log level debug" leaves the module out. */
static void choose(char *const *specs, int n, int argc, bool *given)
{
    int spare = argc;

    for (int i = 0; i < n; i++) {
        given[i] = specs[i][0] != '[';
        spare -= given[i];
    }
    for (int i = n - 1; i >= 0 && spare > 0; i--)
        if (!given[i]) {
            given[i] = true;
            spare--;
        }
}

cw_err cw_ctl_params(cw_ctl cmd, int argc, char *const *argv, json_t **ret, char why[static 128])
{
    const cw_ctl_row *row = &rows[cmd];
    g_auto(GStrv) specs = g_strsplit(row->args, " ", -1);
    int n = (int)g_strv_length(specs), at = 0, must = 0;
    g_autoptr(json_t) params = json_object();
    bool given[8];

    g_assert(n <= (int)G_N_ELEMENTS(given));
    usage(row, why);
    for (int i = 0; i < n; i++)
        must += specs[i][0] != '[';
    if (argc < must || argc > n)
        return CW_E_PARAMS;
    choose(specs, n, argc, given);
    for (int i = 0; i < n; i++) {
        g_autofree char *name = arg_name(specs[i]);

        if (given[i] && json_object_set_new(params, name, json_string(argv[at++])))
            return CW_E_PARAMS;
    }
    *ret = g_steal_pointer(&params);
    why[0] = 0;
    return CW_OK;
}

void cw_ctl_print_help(FILE *out)
{
    fprintf(out, "Commands:\n");
    for (int i = 0; i < CW_CTL_COUNT; i++) {
        g_autofree char *left =
            g_strdup_printf("%s%s%s", rows[i].words, rows[i].args[0] ? " " : "", rows[i].args);

        fprintf(out, "  %-28s %s\n", left, rows[i].help);
    }
    fprintf(out, "\nExit codes:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(exits); i++)
        fprintf(out, "  %d  %s\n", exits[i].code, exits[i].help);
}

void cw_ctl_print_docs(FILE *out)
{
    fputs("<!-- Generated from src/admin/ctl.def by `make docs`; edit that. -->\n"
          "# causewayctl\n\n"
          "`causewayctl [-j] [-s SOCKET] COMMAND` asks a running gateway, over the UNIX socket of "
          "the option\n`admin.socket`. `-j` prints the answer as JSON. Without `-s` it tries "
          "`$CAUSEWAY_SOCKET`, then the\nsocket of an installed gateway, then that of "
          "`causeway --demo`.\n\n"
          "| Command | What it does |\n|---|---|\n",
          out);
    for (int i = 0; i < CW_CTL_COUNT; i++)
        fprintf(out, "| `%s%s%s` | %s |\n", rows[i].words, rows[i].args[0] ? " " : "", rows[i].args,
                rows[i].help);
    fputs("\n| Exit code | Meaning |\n|---|---|\n", out);
    for (size_t i = 0; i < G_N_ELEMENTS(exits); i++)
        fprintf(out, "| %d | %s |\n", exits[i].code, exits[i].help);
    fputs("\n## The socket\n\n"
          "JSON-RPC 2.0, one object a line, in both directions. A method is the command's words "
          "joined by dots,\na parameter an argument's name in small letters:\n\n"
          "```json\n"
          "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"call.show\", \"params\": {\"id\": "
          "\"4hs7w9dk2p6rt\"}}\n"
          "```\n",
          out);
}
