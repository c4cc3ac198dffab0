/* ladder_print.c - a call's timeline as a ladder:
 *
 *       ms  browser alice                causeway                 sip +33123456789
 *        0  │── JSON call.start ────────────▶│                              │
 *        3  │                                │── SIP INVITE ───────────────▶│
 */
#include "admin/print.h"

#include <string.h>

#define GAP 38 /* columns between two lanes */

static void put(GString *line, const char *text, glong width)
{
    g_string_append(line, text);
    for (glong n = g_utf8_strlen(text, -1); n < width; n++)
        g_string_append_c(line, ' ');
}

static void rule(GString *line, glong n)
{
    while (n-- > 0)
        g_string_append(line, "─");
}

/* The text of an arrow, cut to leave room for its ends. */
static char *label(const json_t *row, glong room)
{
    g_autofree char *whole =
        g_strdup_printf("%s %s", json_string_value(json_object_get(row, "proto")) ?: "",
                        json_string_value(json_object_get(row, "text")) ?: "");
    g_autofree char *clean = cw_ctl_clean(whole);

    return g_utf8_strlen(clean, -1) <= room ? g_steal_pointer(&clean)
                                            : g_utf8_substring(clean, 0, room);
}

static void arrow(GString *line, const json_t *row, bool right)
{
    g_autofree char *text = label(row, GAP - 6);
    glong n = g_utf8_strlen(text, -1);

    g_string_append(line, right ? "── " : "◀─ ");
    g_string_append(line, text);
    g_string_append_c(line, ' ');
    rule(line, GAP - 5 - n);
    g_string_append(line, right ? "▶" : "─");
}

static int lane_of(const json_t *row, const char *key)
{
    const char *name = json_string_value(json_object_get(row, key)) ?: "";

    return strcmp(name, "a") == 0 ? 0 : strcmp(name, "b") == 0 ? 2 : 1;
}

static void print_row(const json_t *row, FILE *out)
{
    g_autoptr(GString) line = g_string_new(NULL);
    int from = lane_of(row, "from"), to = lane_of(row, "to");

    g_string_append_printf(line, "%8d  ", (int)json_integer_value(json_object_get(row, "ms")));
    for (int lane = 0; lane < 3; lane++) {
        g_string_append(line, from == to && from == lane ? "●" : "│");
        if (from == to && from == lane) {
            g_autofree char *text = label(row, 72);

            g_string_append_c(line, ' ');
            put(line, text, lane < 2 ? GAP - 1 : 0);
            if (lane < 2 && g_utf8_strlen(text, -1) >= GAP - 1)
                break; /* longer than the lane: the rest of the row gives way */
        } else if (lane < 2 && from != to && MIN(from, to) == lane) {
            arrow(line, row, to > from);
        } else if (lane < 2) {
            put(line, "", GAP);
        }
    }
    fprintf(out, "%s\n", g_strchomp(line->str));
}

static char *title(const json_t *ladder, const char *side)
{
    const json_t *leg = json_object_get(ladder, side);
    g_autofree char *text =
        g_strdup_printf("%s %s", json_string_value(json_object_get(leg, "kind")) ?: "",
                        json_string_value(json_object_get(leg, "name")) ?: "");
    g_autofree char *clean = cw_ctl_clean(text);

    return g_utf8_substring(clean, 0, MIN(g_utf8_strlen(clean, -1), GAP - 2));
}

void cw_ladder_print(const json_t *ladder, FILE *out)
{
    g_autoptr(GString) head = g_string_new("      ms  ");
    g_autofree char *a = title(ladder, "a");
    g_autofree char *b = title(ladder, "b");
    json_int_t lost = json_integer_value(json_object_get(ladder, "lost"));
    size_t i;
    json_t *row;

    put(head, a, GAP + 1);
    put(head, "causeway", GAP + 1);
    g_string_append(head, b);
    fprintf(out, "%s\n", head->str);
    if (lost)
        fprintf(out, "          (the first %d rows were dropped)\n", (int)lost);
    json_array_foreach(json_object_get(ladder, "rows"), i, row) print_row(row, out);
}
