#include "base/timeline.h"

#include "base/loop.h"

#include <glib.h>
#include <string.h>
#include <time.h>

#define PROTO_MAX 5
#define TEXT_MAX  95
#define STEP      256 /* bytes the room grows by */

/* A row's head; `proto_len` and `text_len` bytes follow, none of them NUL. */
typedef struct row {
    uint32_t at_ms; /* since start_ms */
    uint8_t from, to, proto_len, text_len;
} row;

struct cw_timeline {
    cw_id call;
    uint64_t start_ms;  /* monotonic */
    int64_t start_wall; /* seconds since 1970, for people */
    unsigned added;     /* rows ever; the last CW_TIMELINE_ROWS are kept */
    size_t len, room;   /* bytes */
    uint8_t *rows;      /* packed, oldest first */
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

static row row_at(const cw_timeline *line, size_t at)
{
    row r;

    memcpy(&r, line->rows + at, sizeof r);
    return r;
}

static size_t row_size(const row *r)
{
    return sizeof *r + r->proto_len + r->text_len;
}

static void drop_oldest(cw_timeline *line)
{
    row first = row_at(line, 0);
    size_t size = row_size(&first);

    line->len -= size;
    memmove(line->rows, line->rows + size, line->len);
}

static void put(cw_timeline *line, const void *data, size_t len)
{
    memcpy(line->rows + line->len, data, len);
    line->len += len;
}

void cw_timeline_add(cw_timeline *line, cw_lane from, cw_lane to, const char *proto,
                     const char *text)
{
    row r = { .from = (uint8_t)from, .to = (uint8_t)to };

    if (!line)
        return;
    r.at_ms = (uint32_t)(cw_now_ms() - line->start_ms);
    r.proto_len = (uint8_t)strnlen(proto, PROTO_MAX);
    r.text_len = (uint8_t)strnlen(text, TEXT_MAX);
    if (line->added++ >= CW_TIMELINE_ROWS)
        drop_oldest(line);
    if (line->len + row_size(&r) > line->room) {
        line->room = (line->len + row_size(&r) + STEP - 1) / STEP * STEP;
        line->rows = g_realloc(line->rows, line->room);
    }
    put(line, &r, sizeof r);
    put(line, proto, r.proto_len);
    put(line, text, r.text_len);
}

static json_t *row_json(const row *r, const char *words)
{
    static const char *const lanes[] = { "a", "gateway", "b" };
    char *text = g_utf8_make_valid(words + r->proto_len, r->text_len);
    json_t *one = json_pack("{s:i s:s s:s s:s% s:s}", "ms", (int)r->at_ms, "from", lanes[r->from],
                            "to", lanes[r->to], "proto", words, (size_t)r->proto_len, "text", text);

    g_free(text);
    return one;
}

json_t *cw_timeline_json(const cw_timeline *line)
{
    unsigned lost = line->added > CW_TIMELINE_ROWS ? line->added - CW_TIMELINE_ROWS : 0;
    json_t *rows = json_array();
    char id[CW_ID_STR];

    for (size_t at = 0; at < line->len;) {
        row r = row_at(line, at);

        json_array_append_new(rows, row_json(&r, (const char *)line->rows + at + sizeof r));
        at += row_size(&r);
    }
    return json_pack("{s:s s:I s:i s:o}", "call", cw_id_print(line->call, id), "start",
                     (json_int_t)line->start_wall, "lost", (int)lost, "rows", rows);
}
