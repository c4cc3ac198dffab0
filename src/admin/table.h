/* table.h - ctl.def as data: found by words, arguments to parameters, printed as help. Any thread.
 * Home of src/admin only. */
#ifndef CW_ADMIN_TABLE_H
#define CW_ADMIN_TABLE_H

#include "base/json.h"

#include <stdio.h>

typedef enum cw_ctl {
#define CW_CTL(name, words, args, help)       CW_CTL_##name,
#define CW_CTL_LOCAL(name, words, args, help) CW_CTL_##name,
#define CW_CTL_EXIT(name, code, help)
#include "admin/ctl.def"
#undef CW_CTL
#undef CW_CTL_LOCAL
#undef CW_CTL_EXIT
    CW_CTL_COUNT,
} cw_ctl;

enum {
#define CW_CTL(name, words, args, help)
#define CW_CTL_LOCAL(name, words, args, help)
#define CW_CTL_EXIT(name, code, help) CW_EXIT_##name = code,
#include "admin/ctl.def"
#undef CW_CTL
#undef CW_CTL_LOCAL
#undef CW_CTL_EXIT
};

typedef struct cw_ctl_row {
    const char *words, *args, *help;
    bool local;
} cw_ctl_row;

const cw_ctl_row *cw_ctl_get(cw_ctl cmd);

/* The command that `argv` begins with; *used words of it are the command's.
 *
 * CW_E_METHOD  none; `why` says which come near
 */
CW_NODISCARD cw_err cw_ctl_find(int argc, char *const *argv, cw_ctl *ret, int *used,
                                char why[static 128]);

/* The command of a JSON-RPC method; CW_E_METHOD, also for local ones. */
CW_NODISCARD cw_err cw_ctl_find_method(const char *method, cw_ctl *ret);
char *cw_ctl_method(cw_ctl cmd); /* "call.show"; g_free it */

/* Arguments as the request's parameters.
 *
 * CW_E_PARAMS  too few, too many, or no UTF-8; `why` is the usage
 */
CW_NODISCARD cw_err cw_ctl_params(cw_ctl cmd, int argc, char *const *argv, json_t **ret,
                                  char why[static 128]);

void cw_ctl_print_help(FILE *out); /* the commands and exit codes */
void cw_ctl_print_docs(FILE *out); /* the same as Markdown: docs/CTL.md */

#endif
