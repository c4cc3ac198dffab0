/* conf.h - the configuration (conf.def) from a libconfig file.
 *
 * Unknown keys, wrong types and values out of range are errors with file and line. Loaded once,
 * then read-only: any thread.
 */
#ifndef CW_BASE_CONF_H
#define CW_BASE_CONF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* conf->web.listen (NULL-ended list), conf->sip.t1_ms, conf->trunk[i].name, conf->trunk_n, … */
#define CW_CONF_C_BOOL         bool
#define CW_CONF_C_INT          long
#define CW_CONF_C_STR          char *
#define CW_CONF_C_SECRET       char *
#define CW_CONF_C_LIST         char **
#define CW_SECTION(name, help) struct cw_conf_##name {
#define CW_RECORDS(name, help)                                                                     \
    struct cw_conf_##name {                                                                        \
        unsigned line; /* where it begins */
#define CW_OPT(section, name, type, def, min, max, help) CW_CONF_C_##type name;
#define CW_END(name)                                                                               \
    }                                                                                              \
    name;
#define CW_RECORDS_END(name)                                                                       \
    }                                                                                              \
    *name;                                                                                         \
    size_t name##_n;
typedef struct cw_conf {
#include "base/conf.def"
    char *path;  /* as cw_conf_load was told; NULL: defaults */
    void *lines; /* "section.option" to line, of what is in the file; NULL: nothing is */
} cw_conf;
#undef CW_SECTION
#undef CW_RECORDS
#undef CW_OPT
#undef CW_END
#undef CW_RECORDS_END

/* Read `path`, or `text` when it is not NULL (then `path` is only its name in messages). On
 * CW_E_CONF *why says "file:line: what is wrong" for every fault found, a line each; g_free it. */
CW_NODISCARD cw_err cw_conf_load(const char *path, const char *text, cw_conf **ret, char **why);

/* Where a section's option is set, like "web.listen"; 0: it is not. */
unsigned cw_conf_line(const cw_conf *conf, const char *name);

/* "causeway.conf:12", for messages about a record that cannot work; a long path's end. */
const char *cw_conf_place(const cw_conf *conf, unsigned line, char ret[static 64]);

/* Defaults only. */
cw_conf *cw_conf_defaults(void);
void cw_conf_free(cw_conf *conf); /* NULL is fine */

/* Effective values, in the file's own syntax; secrets as "***". */
void cw_conf_print(const cw_conf *conf, FILE *out);

/* The commented sample file: every option with help, range and default. */
void cw_conf_print_sample(FILE *out);

/* The options as a Markdown table. */
void cw_conf_print_docs(FILE *out);

#endif
