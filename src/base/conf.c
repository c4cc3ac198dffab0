#include "base/conf.h"

#include <glib.h>
#include <libconfig.h>
#include <string.h>

typedef enum kind { BOOL, INT, STR, SECRET, LIST } kind;
static const char *const type_names[] = { "true or false", "a number", "text", "text",
                                          "a list of texts" };

typedef struct option {
    const char *name;
    kind type;
    const char *def;
    long min, max;
    const char *help;
    size_t offset; /* of the field in its section's struct */
} option;

typedef struct section {
    const char *name, *help;
    bool records;
    size_t offset;            /* in cw_conf: of the struct, or of the pointer to the records */
    size_t offset_n;          /* in cw_conf: of the number of records */
    size_t size;              /* of the struct */
    unsigned first, option_n; /* in options[] */
} section;

static const option options[] = {
#define CW_SECTION(name, help)
#define CW_RECORDS(name, help)
#define CW_END(name)
#define CW_RECORDS_END(name)
#define CW_OPT(sec, name, type, def, min, max, help)                                               \
    { #name, type, def, min, max, help, offsetof(struct cw_conf_##sec, name) },
#include "base/conf.def"
#undef CW_OPT
#undef CW_SECTION
#undef CW_RECORDS
};

enum {
/* Numbers the options, so that a section knows its first and its last. */
#define CW_SECTION(name, help)                       FIRST_##name, BEFORE_##name = FIRST_##name - 1,
#define CW_RECORDS(name, help)                       FIRST_##name, BEFORE_##name = FIRST_##name - 1,
#define CW_OPT(sec, name, type, def, min, max, help) INDEX_##sec##_##name,
#undef CW_END
#undef CW_RECORDS_END
#define CW_END(name)         END_##name, AFTER_##name = END_##name - 1,
#define CW_RECORDS_END(name) END_##name, AFTER_##name = END_##name - 1,
#include "base/conf.def"
#undef CW_SECTION
#undef CW_RECORDS
#undef CW_OPT
#undef CW_END
#undef CW_RECORDS_END
};

static const section sections[] = {
#define CW_OPT(sec, name, type, def, min, max, help)
#define CW_END(name)
#define CW_RECORDS_END(name)
#define CW_SECTION(sec, help)                                                                      \
    { #sec,        help,                                                                           \
      false,       offsetof(cw_conf, sec),                                                         \
      0,           sizeof(struct cw_conf_##sec),                                                   \
      FIRST_##sec, END_##sec - FIRST_##sec },
#define CW_RECORDS(sec, help)                                                                      \
    { #sec,                                                                                        \
      help,                                                                                        \
      true,                                                                                        \
      offsetof(cw_conf, sec),                                                                      \
      offsetof(cw_conf, sec##_n),                                                                  \
      sizeof(struct cw_conf_##sec),                                                                \
      FIRST_##sec,                                                                                 \
      END_##sec - FIRST_##sec },
#include "base/conf.def"
#undef CW_SECTION
#undef CW_RECORDS
#undef CW_OPT
#undef CW_END
#undef CW_RECORDS_END
};

/* ── Fields ─────────────────────────────────────────────────────────────────────────────────────
 */

static void *field(void *base, const option *opt)
{
    return (char *)base + opt->offset;
}

static char **split_words(const char *words)
{
    return words && *words ? g_strsplit(words, " ", -1) : g_new0(char *, 1);
}

static void set_default(void *base, const option *opt)
{
    switch (opt->type) {
    case BOOL:
        *(bool *)field(base, opt) = strcmp(opt->def, "true") == 0;
        break;
    case INT:
        *(long *)field(base, opt) = strtol(opt->def, NULL, 10);
        break;
    case STR:
    case SECRET:
        *(char **)field(base, opt) = g_strdup(opt->def);
        break;
    case LIST:
        *(char ***)field(base, opt) = split_words(opt->def);
        break;
    }
}

static void clear_field(void *base, const option *opt)
{
    if (opt->type == STR || opt->type == SECRET)
        g_clear_pointer((char **)field(base, opt), g_free);
    else if (opt->type == LIST)
        g_clear_pointer((char ***)field(base, opt), g_strfreev);
}

static void for_options(const section *sec, void *base, void (*fn)(void *base, const option *opt))
{
    for (unsigned i = 0; i < sec->option_n; i++)
        fn(base, &options[sec->first + i]);
}

static size_t *record_n(const cw_conf *conf, const section *sec)
{
    return (size_t *)(void *)((char *)conf + sec->offset_n);
}

/* The struct of a section, or of the i-th record. */
static void *section_base(const cw_conf *conf, const section *sec, size_t i)
{
    char *at = (char *)conf + sec->offset;

    return sec->records ? *(char **)(void *)at + i * sec->size : at;
}

cw_conf *cw_conf_defaults(void)
{
    cw_conf *conf = g_new0(cw_conf, 1);

    for (size_t s = 0; s < G_N_ELEMENTS(sections); s++)
        if (!sections[s].records)
            for_options(&sections[s], section_base(conf, &sections[s], 0), set_default);
    return conf;
}

void cw_conf_free(cw_conf *conf)
{
    if (!conf)
        return;
    for (size_t s = 0; s < G_N_ELEMENTS(sections); s++) {
        const section *sec = &sections[s];
        size_t n = sec->records ? *record_n(conf, sec) : 1;

        for (size_t i = 0; i < n; i++)
            for_options(sec, section_base(conf, sec, i), clear_field);
        if (sec->records)
            g_free(section_base(conf, sec, 0));
    }
    if (conf->lines)
        g_hash_table_unref(conf->lines);
    g_free(conf->path);
    g_free(conf);
}

unsigned cw_conf_line(const cw_conf *conf, const char *name)
{
    return conf->lines ? GPOINTER_TO_UINT(g_hash_table_lookup(conf->lines, name)) : 0;
}

const char *cw_conf_place(const cw_conf *conf, unsigned line, char ret[static 64])
{
    const char *path = conf->path ? conf->path : "configuration";
    size_t len = strlen(path), max = 48;

    g_snprintf(ret, 64, "%s%s:%u", len > max ? "…" : "", path + (len > max ? len - max : 0), line);
    return ret;
}

/* ── Reading ────────────────────────────────────────────────────────────────────────────────────
 */

typedef struct reader {
    const char *path;
    GString *faults;
} reader;

G_GNUC_PRINTF(3, 4)
static void fault(reader *r, const config_setting_t *at, const char *format, ...)
{
    va_list ap;

    g_string_append_printf(r->faults, "%s:%u: ", r->path, config_setting_source_line(at));
    va_start(ap, format);
    g_string_append_vprintf(r->faults, format, ap);
    va_end(ap);
    g_string_append_c(r->faults, '\n');
}

/* How many letters must be changed, added or left out to make `b` of `a`. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64], len = (unsigned)strlen(b);

    if (len >= G_N_ELEMENTS(row))
        return UINT_MAX;
    for (unsigned i = 0; i <= len; i++)
        row[i] = i;
    for (; *a; a++) {
        unsigned diagonal = row[0]++;

        for (unsigned i = 1; i <= len; i++) {
            unsigned above = row[i];

            row[i] = MIN(MIN(above, row[i - 1]) + 1, diagonal + (*a != b[i - 1]));
            diagonal = above;
        }
    }
    return row[len];
}

typedef struct guess {
    const char *name;
    unsigned distance;
} guess;

static void consider(guess *best, const char *wrong, const char *name)
{
    unsigned d = distance(wrong, name);

    if (d < best->distance)
        *best = (guess){ name, d };
}

static void unknown(reader *r, const config_setting_t *at, const char *what, const guess *best)
{
    if (best->name)
        fault(r, at, "unknown %s \"%s\"; did you mean \"%s\"?", what, config_setting_name(at),
              best->name);
    else
        fault(r, at, "unknown %s \"%s\"", what, config_setting_name(at));
}

/* "file:/path" stands for the first line of that file, so that secrets can live elsewhere. */
static char *read_secret(reader *r, const config_setting_t *at, const char *text)
{
    char *content, *end;

    if (!g_str_has_prefix(text, "file:"))
        return g_strdup(text);
    if (!g_file_get_contents(text + 5, &content, NULL, NULL)) {
        fault(r, at, "%s: cannot read \"%s\"", config_setting_name(at), text + 5);
        return NULL;
    }
    end = strpbrk(content, "\r\n");
    if (end)
        *end = 0;
    return content;
}

static char **read_list(reader *r, const config_setting_t *set, const option *opt)
{
    int n = config_setting_length(set);
    char **list = g_new0(char *, (size_t)n + 1);

    for (int i = 0; i < n; i++) {
        const char *text = config_setting_get_string_elem(set, i);

        if (!text)
            fault(r, set, "%s: item %d is not text", opt->name, i + 1);
        list[i] = g_strdup(text ? text : "");
    }
    return list;
}

static bool type_fits(const config_setting_t *set, kind want)
{
    switch (config_setting_type(set)) {
    case CONFIG_TYPE_BOOL:
        return want == BOOL;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return want == INT;
    case CONFIG_TYPE_STRING:
        return want == STR || want == SECRET;
    case CONFIG_TYPE_LIST:
    case CONFIG_TYPE_ARRAY:
        return want == LIST;
    default:
        return false;
    }
}

static void read_option(reader *r, const config_setting_t *set, const option *opt, void *base)
{
    long long number;

    if (!type_fits(set, opt->type)) {
        fault(r, set, "%s must be %s", opt->name, type_names[opt->type]);
        return;
    }
    clear_field(base, opt);
    switch (opt->type) {
    case BOOL:
        *(bool *)field(base, opt) = config_setting_get_bool(set);
        break;
    case INT:
        number = config_setting_get_int64(set);
        if (number < opt->min || number > opt->max)
            fault(r, set, "%s must be from %ld to %ld, not %lld", opt->name, opt->min, opt->max,
                  number);
        *(long *)field(base, opt) = (long)number;
        break;
    case STR:
        *(char **)field(base, opt) = g_strdup(config_setting_get_string(set));
        break;
    case SECRET:
        *(char **)field(base, opt) = read_secret(r, set, config_setting_get_string(set));
        break;
    case LIST:
        *(char ***)field(base, opt) = read_list(r, set, opt);
        break;
    }
}

static void read_group(reader *r, const config_setting_t *group, const section *sec, void *base)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *set = config_setting_get_elem(group, (unsigned)i);
        const option *opt = NULL;
        guess best = { NULL, 4 };

        for (unsigned o = 0; o < sec->option_n && !opt; o++) {
            const option *candidate = &options[sec->first + o];

            if (strcmp(candidate->name, config_setting_name(set)) == 0)
                opt = candidate;
            else
                consider(&best, config_setting_name(set), candidate->name);
        }
        if (opt)
            read_option(r, set, opt, base);
        else
            unknown(r, set, "option", &best);
    }
}

static void read_records(reader *r, const config_setting_t *list, const section *sec, cw_conf *conf)
{
    size_t n = (size_t)config_setting_length(list);

    *(void **)(void *)((char *)conf + sec->offset) = g_malloc0_n(n, sec->size);
    *record_n(conf, sec) = n;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);

        for_options(sec, section_base(conf, sec, i), set_default);
        *(unsigned *)section_base(conf, sec, i) = config_setting_source_line(group);
        if (config_setting_is_group(group))
            read_group(r, group, sec, section_base(conf, sec, i));
        else
            fault(r, group, "%s: item %zu must be { … }", sec->name, i + 1);
    }
}

/* Where each option of a section stands. */
static void note_lines(cw_conf *conf, const config_setting_t *group)
{
    if (!conf->lines)
        conf->lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *set = config_setting_get_elem(group, (unsigned)i);

        g_hash_table_insert(
            conf->lines,
            g_strdup_printf("%s.%s", config_setting_name(group), config_setting_name(set)),
            GUINT_TO_POINTER(config_setting_source_line(set)));
    }
}

static void read_root(reader *r, const config_setting_t *root, cw_conf *conf)
{
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *set = config_setting_get_elem(root, (unsigned)i);
        const section *sec = NULL;
        guess best = { NULL, 4 };

        for (size_t s = 0; s < G_N_ELEMENTS(sections) && !sec; s++) {
            if (strcmp(sections[s].name, config_setting_name(set)) == 0)
                sec = &sections[s];
            else
                consider(&best, config_setting_name(set), sections[s].name);
        }
        if (!sec)
            unknown(r, set, "section", &best);
        else if (sec->records && config_setting_is_list(set))
            read_records(r, set, sec, conf);
        else if (!sec->records && config_setting_is_group(set)) {
            read_group(r, set, sec, section_base(conf, sec, 0));
            note_lines(conf, set);
        } else
            fault(r, set,
                  sec->records ? "%s must be a list of records: %s = ( { … }, … );"
                               : "%s must be a group: %s: { … };",
                  sec->name, sec->name);
    }
}

cw_err cw_conf_load(const char *path, const char *text, cw_conf **ret, char **why)
{
    reader r = { path, g_string_new(NULL) };
    cw_conf *conf = cw_conf_defaults();
    config_t file;

    conf->path = g_strdup(path);
    config_init(&file);
    if (text ? config_read_string(&file, text) : config_read_file(&file, path))
        read_root(&r, config_root_setting(&file), conf);
    else if (config_error_type(&file) == CONFIG_ERR_FILE_IO)
        g_string_append_printf(r.faults, "%s: cannot read this file\n", path);
    else
        g_string_append_printf(r.faults, "%s:%d: %s\n", path, config_error_line(&file),
                               config_error_text(&file));
    config_destroy(&file);

    if (r.faults->len > 0) {
        g_string_truncate(r.faults, r.faults->len - 1);
        *why = g_string_free(r.faults, FALSE);
        cw_conf_free(conf);
        return CW_E_CONF;
    }
    g_string_free(r.faults, TRUE);
    *ret = conf;
    return CW_OK;
}

/* ── Printing ───────────────────────────────────────────────────────────────────────────────────
 */

static void print_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_list(FILE *out, char *const *list)
{
    fputc('(', out);
    for (; *list; list++) {
        fputc(' ', out);
        print_text(out, *list);
        if (list[1])
            fputc(',', out);
    }
    fputs(" )", out);
}

static void print_option(FILE *out, const char *indent, void *base, const option *opt)
{
    const char *text;

    if ((opt->type == STR || opt->type == SECRET) && !*(char **)field(base, opt)) {
        fprintf(out, "%s# %s is not set\n", indent, opt->name);
        return;
    }
    fprintf(out, "%s%s = ", indent, opt->name);
    switch (opt->type) {
    case BOOL:
        fputs(*(bool *)field(base, opt) ? "true" : "false", out);
        break;
    case INT:
        fprintf(out, "%ld", *(long *)field(base, opt));
        break;
    case STR:
    case SECRET:
        text = opt->type == SECRET ? "***" : *(char **)field(base, opt);
        print_text(out, text);
        break;
    case LIST:
        print_list(out, *(char ***)field(base, opt));
        break;
    }
    fputs(";\n", out);
}

void cw_conf_print(const cw_conf *conf, FILE *out)
{
    for (size_t s = 0; s < G_N_ELEMENTS(sections); s++) {
        const section *sec = &sections[s];
        size_t n = sec->records ? *record_n(conf, sec) : 1;

        fprintf(out, sec->records ? "%s = (\n" : "%s: {\n", sec->name);
        for (size_t i = 0; i < n; i++) {
            if (sec->records)
                fputs("    {\n", out);
            for (unsigned o = 0; o < sec->option_n; o++)
                print_option(out, sec->records ? "        " : "    ", section_base(conf, sec, i),
                             &options[sec->first + o]);
            if (sec->records)
                fputs(i + 1 < n ? "    },\n" : "    }\n", out);
        }
        fputs(sec->records ? ");\n" : "};\n", out);
    }
}

static void print_range(FILE *out, const option *opt)
{
    if (opt->type == INT)
        fprintf(out, " (%ld to %ld)", opt->min, opt->max);
}

void cw_conf_print_sample(FILE *out)
{
    fputs("# Configuration of causeway. Every option is here with its default; what is left out\n"
          "# has it too. Check a file with: causeway -t -c FILE\n",
          out);
    for (size_t s = 0; s < G_N_ELEMENTS(sections); s++) {
        const section *sec = &sections[s];
        const char *indent = sec->records ? "#     " : "    ";
        void *base = g_malloc0(sec->size);

        for_options(sec, base, set_default);
        fprintf(out, "\n# %s\n%s", sec->help, sec->records ? "#" : "");
        fprintf(out, sec->records ? "%s = (\n#   {\n" : "%s: {\n", sec->name);
        for (unsigned o = 0; o < sec->option_n; o++) {
            const option *opt = &options[sec->first + o];

            fprintf(out, "%s# %s", indent, opt->help);
            print_range(out, opt);
            fputc('\n', out);
            print_option(out, indent, base, opt);
        }
        fputs(sec->records ? "#   }\n# );\n" : "};\n", out);
        for_options(sec, base, clear_field);
        g_free(base);
    }
}

void cw_conf_print_docs(FILE *out)
{
    static const char *const words[] = { "bool", "number", "text", "secret", "list" };

    fputs(
        "<!-- Generated from src/base/conf.def by `make docs`; edit that. -->\n# Options\n\n"
        "What the configuration file may hold, with its defaults; `causeway --print-sample` prints "
        "the same as a file,\n`causeway -t -c FILE` checks one.\n",
        out);
    for (size_t s = 0; s < G_N_ELEMENTS(sections); s++) {
        const section *sec = &sections[s];

        fprintf(
            out,
            "\n## %s\n\n%s: `%s`.\n\n| option | type | default | meaning |\n|---|---|---|---|\n",
            sec->name, sec->help,
            sec->records ? "a list of records, NAME = ( { … }, … );" : "NAME: { … };");
        for (unsigned o = 0; o < sec->option_n; o++) {
            const option *opt = &options[sec->first + o];

            fprintf(out, "| `%s` | %s", opt->name, words[opt->type]);
            print_range(out, opt);
            fprintf(out, " | %s%s%s | %s |\n", opt->def && *opt->def ? "`" : "",
                    opt->def ? opt->def : "", opt->def && *opt->def ? "`" : "", opt->help);
        }
    }
}
