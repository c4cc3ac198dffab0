/* record.c - a line of JSON about each call that ended: what a bill or a complaint is looked up by.
 *
 * Written with one write() by the loop, as log lines are. */
#include "call/priv.h"
#include "call/report/quality.h"

#include "base/log.h"
#include "base/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ── The file ── */

static CW_ON_LOOP bool open_file(cw_calls *calls)
{
    const char *path = calls->conf->records.file;

    calls->record_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    calls->record_torn = false;
    if (calls->record_fd >= 0)
        return true;
    cw_log(CW_LOG_ERROR, CW_MOD_CALL, "records.open", "file", path, "error", g_strerror(errno),
           NULL);
    return false;
}

void cw_record_open(cw_calls *calls)
{
    calls->record_fd = -1;
    if (calls->conf->records.file)
        calls->record_failed = !open_file(calls);
}

void cw_record_close(cw_calls *calls)
{
    if (calls->record_fd >= 0)
        close(calls->record_fd);
    calls->record_fd = -1;
}

cw_err cw_calls_reopen(cw_calls *calls)
{
    if (!calls->conf->records.file)
        return CW_E_STATE;
    cw_record_close(calls);
    return open_file(calls) ? CW_OK : CW_E_IO;
}

/* A line that did not fit is ended before the next one begins. Told once, until it works again. */
static CW_ON_LOOP void append(cw_calls *calls, GString *line)
{
    bool failed = true;
    ssize_t n = -1;

    if (calls->record_torn)
        g_string_prepend_c(line, '\n');
    if (calls->record_fd >= 0 || open_file(calls)) {
        n = write(calls->record_fd, line->str, line->len);
        failed = n != (ssize_t)line->len;
        calls->record_torn = failed && (n > 0 || calls->record_torn);
    }
    cw_stat_inc(failed ? CW_STAT_records_failed : CW_STAT_records_written);
    if (failed && !calls->record_failed)
        cw_log(CW_LOG_ERROR, CW_MOD_CALL, "records.write", "file", calls->conf->records.file,
               "error", n < 0 ? g_strerror(errno) : "no room", NULL);
    calls->record_failed = failed;
}

/* ── The line ── */

static json_t *time_json(uint64_t at_ms)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    gint64 ago_us = (gint64)(cw_now_ms() - at_ms) * 1000;
    g_autoptr(GDateTime) at = g_date_time_add(now, -ago_us);
    g_autofree char *text = at ? g_date_time_format(at, "%Y-%m-%dT%H:%M:%S") : NULL;

    if (!at)
        return NULL;
    return json_sprintf("%s.%03dZ", text, g_date_time_get_microsecond(at) / 1000);
}

static json_t *real_or_null(double value)
{
    return value > 0 ? json_real((double)(int64_t)(value * 1000 + 0.5) / 1000) : NULL;
}

static void add_way(json_t *into, const cw_way_sum *sum)
{
    if (!sum->n)
        return;
    json_object_set_new(into, "jitter_ms", real_or_null(sum->jitter_sum / sum->n) ?: json_real(0));
    json_object_set_new(into, "jitter_max_ms", real_or_null(sum->jitter_max) ?: json_real(0));
    if (!sum->mos_n)
        return;
    json_object_set_new(into, "mos", real_or_null(sum->mos_sum / sum->mos_n));
    json_object_set_new(into, "mos_min", real_or_null(sum->mos_min));
}

static const char *codec_or_null(const char *name)
{
    return name[0] ? name : NULL;
}

static json_t *stream_json(const cw_stream *stream, const cw_stream_quality *q)
{
    const cw_ep_stats *t = &q->total;
    json_t *in = json_pack("{s:s* s:I s:I s:I s:I s:I}", "codec", codec_or_null(q->rx_codec),
                           "packets", (json_int_t)t->rx_packets, "bytes", (json_int_t)t->rx_bytes,
                           "lost", (json_int_t)t->rx_lost, "discarded", (json_int_t)t->rx_discarded,
                           "dropped", (json_int_t)t->rx_dropped);
    json_t *out = json_pack("{s:s* s:I s:I}", "codec", codec_or_null(q->tx_codec), "packets",
                            (json_int_t)t->tx_packets, "bytes", (json_int_t)t->tx_bytes);

    add_way(in, &q->sent_sum);
    add_way(out, &q->heard_sum);
    return json_pack("{s:s s:s s:o s:o s:o* s:o* s:i}", "kind",
                     stream->kind == CW_VIDEO ? "video" : "audio", "srtp",
                     q->last.suite == CW_SRTP_NONE ? "none" : cw_srtp_suite_name(q->last.suite),
                     "in", in, "out", out, "rtt_ms", real_or_null(q->rtt_ms), "rtt_max_ms",
                     real_or_null(q->rtt_max_ms), "silences", (int)q->silences);
}

static CW_ON_LOOP json_t *streams_json(const cw_leg *leg)
{
    json_t *all = json_array();

    for (unsigned i = 0; i < leg->desc->stream_n; i++) {
        const cw_stream_quality *q = cw_leg_stream_quality(leg, i);

        if (q && q->samples)
            json_array_append_new(all, stream_json(&leg->desc->stream[i], q));
    }
    return all;
}

/* Of what describes a leg to people, the names others know it by. */
static void add_names(cw_leg *leg, json_t *into)
{
    static const char *const names[] = { "session", "user", "trunk", "report" };
    g_autoptr(json_t) all = json_object();
    json_t *id;

    leg->ops->describe(leg, all);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (json_object_get(all, names[i]))
            json_object_set(into, names[i], json_object_get(all, names[i]));
    id = json_object_get(json_object_get(json_object_get(all, "dialog"), "dialog"), "call_id");
    if (id)
        json_object_set(into, "sip_call_id", id);
}

static CW_ON_LOOP json_t *leg_json(cw_leg *leg)
{
    json_t *all = json_pack("{s:s s:s s:i s:o}", "kind", leg->ops->kind, "name", leg->name,
                            "digits", (int)leg->digits, "streams", streams_json(leg));

    if (leg->quality && leg->quality->rating)
        json_object_set_new(all, "quality", json_string(cw_rating_name(leg->quality->rating)));
    add_names(leg, all);
    return all;
}

static json_t *cause_json(const cw_call *call, const cw_leg *by)
{
    const cw_cause *cause = &call->cause;

    return json_pack("{s:s s:s s:o* s:s* s:o*}", "reason",
                     cause->err ? cw_err_kind(cause->err) : "hangup", "by",
                     !by             ? "gateway"
                     : by == call->a ? "a"
                                     : "b",
                     "sip", cause->status ? json_integer(cause->status) : NULL, "phrase",
                     cause->status && cause->phrase[0] ? cause->phrase : NULL, "q850",
                     cause->q850 ? json_integer(cause->q850) : NULL);
}

/* What came from one side left for the other as something else. */
static CW_ON_LOOP bool transcoded(const cw_leg *a, const cw_leg *b)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        const cw_stream_quality *x = cw_leg_stream_quality(a, i), *y = cw_leg_stream_quality(b, i);

        if (!x || !y)
            break;
        if ((x->rx_codec[0] && y->tx_codec[0] && g_ascii_strcasecmp(x->rx_codec, y->tx_codec)) ||
            (y->rx_codec[0] && x->tx_codec[0] && g_ascii_strcasecmp(y->rx_codec, x->tx_codec)))
            return true;
    }
    return false;
}

static CW_ON_LOOP json_t *call_json(const cw_call *call, const cw_leg *by)
{
    cw_leg *b = call->winner ?: (call->b->len ? g_ptr_array_index(call->b, 0) : NULL);
    uint64_t now = cw_now_ms();
    char id[CW_ID_STR];

    return json_pack(
        "{s:s s:o* s:o* s:o* s:I s:I s:{s:s* s:s* s:s* s:s*} s:s s:s* s:o s:b s:O* s:o s:o*}", "id",
        cw_id_print(call->id, id), "start", time_json(call->created_ms), "answer",
        call->answered_ms ? time_json(call->answered_ms) : NULL, "end", time_json(now), "ring_ms",
        (json_int_t)((call->answered_ms ?: now) - call->created_ms), "talk_ms",
        (json_int_t)(call->answered_ms ? now - call->answered_ms : 0), "from", "uri",
        call->from.uri, "number", call->from.number, "user", call->from.user, "display",
        call->from.display, "to", call->to, "asked", call->asked, "cause", cause_json(call, by),
        "transcoded", b && transcoded(call->a, b), "verified",
        json_object_get(call->about, "verified"), "a", leg_json(call->a), "b",
        b ? leg_json(b) : NULL);
}

void cw_record_write(cw_call *call, const cw_leg *by)
{
    g_autoptr(GString) line = NULL;
    g_autoptr(json_t) all = NULL;
    char *text;

    cw_call_sample(call);
    if (!call->calls->conf->records.file)
        return;
    all = call_json(call, by);
    text = cw_json_print(all);
    line = g_string_new(text);
    free(text);
    g_string_append_c(line, '\n');
    append(call->calls, line);
}
