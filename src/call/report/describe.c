/* describe.c - calls and legs as JSON, for causewayctl. */
#include "call/priv.h"
#include "call/report/quality.h"

#include <string.h>

/* "PCMA/8000", by the payload type a packet carried; NULL: none yet. */
static const char *codec_name(const cw_media_desc *desc, unsigned stream, uint8_t pt,
                              char buf[static 48])
{
    const cw_stream *s = stream < desc->stream_n ? &desc->stream[stream] : NULL;

    for (unsigned i = 0; s && i < s->format_n; i++) {
        if (s->format[i].pt != pt)
            continue;
        g_snprintf(buf, 48, "%s/%u", s->format[i].name, s->format[i].clock_hz);
        return buf;
    }
    return NULL;
}

static const char *addr_or_null(const cw_addr *addr, char buf[static CW_ADDR_STR])
{
    return cw_addr_family(addr) == AF_UNSPEC ? NULL : cw_addr_print(addr, buf);
}

static CW_ON_LOOP json_t *ep_json(const cw_leg *leg, unsigned stream, const cw_ep *ep)
{
    bool is_sound = leg->desc->stream[stream].kind == CW_AUDIO;
    char local[CW_ADDR_STR], remote[CW_ADDR_STR], rx[48], tx[48];
    cw_ep_stats st;

    cw_ep_get_stats(ep, &st);
    return json_pack(
        "{s:s* s:s* s:s* s:s* s:s s:I s:I s:I s:I s:I s:I s:I s:f s:o* s:o*}", "rx_codec",
        st.rx_packets ? codec_name(leg->local ? *leg->local : leg->desc, stream, st.rx_pt, rx)
                      : NULL,
        "tx_codec", st.tx_packets ? codec_name(leg->desc, stream, st.tx_pt, tx) : NULL, "local",
        addr_or_null(&st.local, local), "remote", addr_or_null(&st.remote, remote), "srtp",
        st.suite == CW_SRTP_NONE ? "none" : cw_srtp_suite_name(st.suite), "rx_packets",
        (json_int_t)st.rx_packets, "tx_packets", (json_int_t)st.tx_packets, "rx_bytes",
        (json_int_t)st.rx_bytes, "tx_bytes", (json_int_t)st.tx_bytes, "rx_lost",
        (json_int_t)st.rx_lost, "rx_discarded", (json_int_t)st.rx_discarded, "rx_dropped",
        (json_int_t)st.rx_dropped, "rx_jitter_ms", st.rx_jitter_ms, "mos",
        is_sound && st.mos > 0 ? json_real(st.mos) : NULL, "rtt_ms",
        st.rtt_ms > 0 ? json_real(st.rtt_ms) : NULL);
}

/* What the jitter buffer of its transcoder does. */
static void transcoder_json(const cw_ep *ep, json_t *one) CW_ON_LOOP
{
    cw_ep_stats st;

    cw_ep_get_stats(ep, &st);
    if (!st.rx_transcoded)
        return;
    json_object_set_new(one, "rx_concealed_ms", json_real(st.rx_concealed_ms));
    json_object_set_new(one, "rx_delay_ms", json_real(st.rx_delay_ms));
}

/* The codecs agreed on, best first. */
static json_t *codecs_json(const cw_stream *stream)
{
    json_t *all = json_array();

    for (unsigned i = 0; i < stream->format_n; i++)
        json_array_append_new(
            all, json_sprintf("%s/%u", stream->format[i].name, stream->format[i].clock_hz));
    return all;
}

static CW_ON_LOOP json_t *stream_json(cw_leg *leg, unsigned i, const cw_leg *other)
{
    const cw_stream *stream = &leg->desc->stream[i];
    cw_ep *ep = leg->ended ? NULL : leg->ops->endpoint(leg, i);
    json_t *one = ep ? ep_json(leg, i, ep) : json_object();

    json_object_set_new(one, "kind", json_string(stream->kind == CW_VIDEO ? "video" : "audio"));
    json_object_set_new(one, "codecs", codecs_json(stream));
    if (ep)
        transcoder_json(ep, one);
    if (other)
        json_object_set_new(one, "transcoded", json_boolean(cw_legs_transcode(leg, other, i)));
    cw_stream_quality_json(leg, i, one);
    return one;
}

json_t *cw_leg_json(cw_leg *leg, const cw_leg *other)
{
    json_t *all = json_pack("{s:s s:s s:b s:b}", "kind", leg->ops->kind, "name", leg->name, "held",
                            leg->held, "ended", leg->ended);
    json_t *streams = json_array();

    for (unsigned i = 0; i < leg->desc->stream_n; i++)
        if (!leg->desc->stream[i].refused)
            json_array_append_new(streams, stream_json(leg, i, other));
    json_object_set_new(all, "streams", streams);
    if (leg->quality && leg->quality->rating)
        json_object_set_new(all, "quality", json_string(cw_rating_name(leg->quality->rating)));
    leg->ops->describe(leg, all);
    return all;
}

static json_t *line_json(const cw_call *call)
{
    const cw_leg *b = call->winner ?: (call->b->len ? g_ptr_array_index(call->b, 0) : NULL);
    uint64_t now = cw_now_ms();
    char id[CW_ID_STR];

    return json_pack("{s:s s:s s:s s:s s:s s:s s:s* s:I s:I}", "id", cw_id_print(call->id, id),
                     "state", cw_call_state_name(call->state), "a_kind",
                     call->a ? call->a->ops->kind : "", "a", call->a ? call->a->name : "", "to",
                     call->to, "b_kind", b ? b->ops->kind : "", "b", b ? b->name : NULL, "age_ms",
                     (json_int_t)(now - call->created_ms), "talk_ms",
                     (json_int_t)(call->answered_ms ? now - call->answered_ms : 0));
}

json_t *cw_calls_json(const cw_calls *calls)
{
    json_t *all = json_array();
    GHashTableIter i;
    gpointer call;

    g_hash_table_iter_init(&i, calls->by_id);
    while (g_hash_table_iter_next(&i, NULL, &call))
        json_array_append_new(all, line_json(call));
    return all;
}

json_t *cw_call_json(const cw_calls *calls, cw_id id)
{
    const cw_call *call = cw_calls_find(calls, id);
    json_t *all, *b;

    if (!call)
        return NULL;
    all = line_json(call);
    b = json_array();
    for (guint i = 0; i < call->b->len; i++)
        json_array_append_new(
            b, cw_leg_json(g_ptr_array_index(call->b, i),
                           g_ptr_array_index(call->b, i) == call->winner ? call->a : NULL));
    if (json_object_get(call->about, "verified"))
        json_object_set(all, "verified", json_object_get(call->about, "verified"));
    json_object_set_new(all, "worker", json_integer(call->worker));
    json_object_set_new(all, "leg_a", cw_leg_json(call->a, call->winner));
    json_object_set_new(all, "legs_b", b);
    return all;
}
