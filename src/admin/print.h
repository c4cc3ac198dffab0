/* print.h - replies of the gateway as text. Home of causewayctl. */
#ifndef CW_ADMIN_PRINT_H
#define CW_ADMIN_PRINT_H

#include "admin/table.h"

#include <stdio.h>

void cw_ctl_print(cw_ctl cmd, const json_t *result, FILE *out);

/* Text from elsewhere on a terminal: control characters become dots. g_free it. */
char *cw_ctl_clean(const char *text);

/* Rows under a head, columns as wide as needed; `cell` strings are g_free'd by cw_rows_print. */
typedef struct cw_rows {
    unsigned columns;
    GPtrArray *cells;
} cw_rows;

void cw_rows_init(cw_rows *rows, const char *const *head); /* NULL-ended */
void cw_rows_add(cw_rows *rows, const char *text);         /* copied; NULL: "-" */
void cw_rows_print(cw_rows *rows, FILE *out);              /* and frees them */

void cw_ladder_print(const json_t *ladder, FILE *out);

#endif
