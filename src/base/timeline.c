#include "base/timeline.h"

#include "base/loop.h"

#include <glib.h>
#include <time.h>

typedef struct row {
    uint32_t at_ms; /* since start_ms */
    uint8_t from, to;
    char proto[6];
    char text[96];
} row;

struct cw_timeline {
    cw_id call;
    uint64_t start_ms;  /* monotonic */
    int64_t start_wall; /* seconds since 1970, for people */
    unsigned added;     /* rows ever; the ring holds the last CW_TIMELINE_ROWS */
    unsigned room;      /* rows allocated */
    row *rows;
};

cw_timeline *cw_timeline_new(cw_id call)
{
    cw_timeline *line = g_new0(cw_timeline, 1);

    line->call = call;
    line->start_ms = cw_now_ms();
    line->start_wall = (int64_t)time(NULL);
    return line;
}

void cw_timeline_free(cw_timeline *line)
{
    if (!line)
        return;
    g_free(line->rows);
    g_free(line);
}

void cw_timeline_add(cw_timeline *line, cw_lane from, cw_lane to, const char *proto,
                     const char *text)
{
    row *at;

    if (!line)
        return;
    if (line->added >= line->room && line->room < CW_TIMELINE_ROWS) {
        line->room = MIN(line->room ? line->room * 2 : 16, CW_TIMELINE_ROWS);
        line->rows = g_renew(row, line->rows, line->room);
    }
    at = &line->rows[line->added++ % line->room];
    at->at_ms = (uint32_t)(cw_now_ms() - line->start_ms);
    at->from = (uint8_t)from;
    at->to = (uint8_t)to;
    g_strlcpy(at->proto, proto, sizeof at->proto);
    g_strlcpy(at->text, text, sizeof at->text);
}

json_t *cw_timeline_json(const cw_timeline *line)
{
    static const char *const lanes[] = { "a", "gateway", "b" };
    unsigned first = line->added > line->room ? line->added - line->room : 0;
    json_t *rows = json_array();
    char id[CW_ID_STR];

    for (unsigned i = first; i < line->added; i++) {
        const row *at = &line->rows[i % line->room];
        char *text = g_utf8_make_valid(at->text, -1);

        json_array_append_new(rows, json_pack("{s:i s:s s:s s:s s:s}", "ms", (int)at->at_ms, "from",
                                              lanes[at->from], "to", lanes[at->to], "proto",
                                              at->proto, "text", text));
        g_free(text);
    }
    return json_pack("{s:s s:I s:i s:o}", "call", cw_id_print(line->call, id), "start",
                     (json_int_t)line->start_wall, "lost", (int)first, "rows", rows);
}
