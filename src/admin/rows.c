/* rows.c - tables of text. */
#include "admin/print.h"

#include <string.h>

char *cw_ctl_clean(const char *text)
{
    char *clean = g_utf8_make_valid(text, -1);

    for (char *c = clean; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '.';
    return clean;
}

void cw_rows_init(cw_rows *rows, const char *const *head)
{
    rows->cells = g_ptr_array_new_with_free_func(g_free);
    rows->columns = 0;
    for (; *head; head++) {
        rows->columns++;
        cw_rows_add(rows, *head);
    }
}

void cw_rows_add(cw_rows *rows, const char *text)
{
    g_ptr_array_add(rows->cells, text && *text ? cw_ctl_clean(text) : g_strdup("-"));
}

static void print_cell(const char *text, glong width, bool last, FILE *out)
{
    glong n = g_utf8_strlen(text, -1);

    fputs(text, out);
    for (; !last && n < width + 2; n++)
        fputc(' ', out);
}

void cw_rows_print(cw_rows *rows, FILE *out)
{
    g_autofree glong *width = g_new0(glong, rows->columns);

    for (guint i = 0; i < rows->cells->len; i++) {
        glong n = g_utf8_strlen(g_ptr_array_index(rows->cells, i), -1);

        width[i % rows->columns] = MAX(width[i % rows->columns], n);
    }
    for (guint i = 0; i < rows->cells->len; i++) {
        bool last = i % rows->columns == rows->columns - 1;

        print_cell(g_ptr_array_index(rows->cells, i), width[i % rows->columns], last, out);
        if (last)
            fputc('\n', out);
    }
    g_ptr_array_unref(rows->cells);
}
