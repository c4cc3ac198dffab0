/* join.c - both legs' endpoints, stream by stream. */
#include "call/bridge.h"
#include "call/transfer/transfer.h"

#include "base/log.h"

static bool held(const cw_leg *leg)
{
    return leg->held && leg->ops->holds_both_ways;
}

static bool has_video(const cw_leg *leg, unsigned stream)
{
    return stream < leg->desc->stream_n && leg->desc->stream[stream].kind == CW_VIDEO;
}

static const cw_format *codec_of(const cw_leg *leg, unsigned i)
{
    const cw_stream *stream = i < leg->desc->stream_n ? &leg->desc->stream[i] : NULL;
    int codec = stream && !stream->refused ? cw_stream_codec(stream) : -1;

    return codec < 0 ? NULL : &stream->format[codec];
}

/* "opus/48000 - PCMA/8000 transcoded; VP8/90000": a row when that changes. */
static CW_ON_LOOP void trace_codecs(cw_call *call, const cw_leg *one, const cw_leg *two)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        const cw_format *a = codec_of(one, i), *b = codec_of(two, i);

        if (!a || !b)
            continue;
        g_string_append_printf(text, "%s%s/%u", text->len ? "; " : "", a->name, a->clock_hz);
        if (cw_legs_transcode(one, two, i))
            g_string_append_printf(text, " - %s/%u transcoded", b->name, b->clock_hz);
    }
    if (g_strcmp0(call->codecs, text->str) == 0)
        return;
    g_free(call->codecs);
    call->codecs = g_strdup(text->str);
    cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "CALL",
                    cw_fmt("codecs: %s", call->codecs));
}

static CW_ON_LOOP void part_leg(cw_leg *leg)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        cw_ep *ep = leg->ended ? NULL : leg->ops->endpoint(leg, i);

        if (ep)
            cw_ep_part(ep);
    }
}

static CW_ON_LOOP void join_eps(cw_call *call, const cw_leg *one, cw_ep *a, const cw_leg *two,
                                cw_ep *b, unsigned i)
{
    cw_err err = CW_OK;

    if (one->worker == two->worker)
        cw_ep_join(a, b);
    else
        err = cw_bridge_join(&call->bridge, call->calls->plane, one, a, two, b, i);
    if (err)
        cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "CALL",
                        cw_fmt("stream %u is not joined: %s", i, cw_err_text(err)));
    if (!err && has_video(one, i)) {
        cw_ep_keyframe(a);
        cw_ep_keyframe(b);
    }
}

static CW_ON_LOOP void join_legs(cw_call *call, cw_leg *one, cw_leg *two)
{
    bool silent = held(one) || held(two);
    cw_ep *ear = cw_music_ear(call);

    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        cw_ep *a = one->ops->endpoint(one, i);
        cw_ep *b = two->ops->endpoint(two, i);

        if (one->worker == two->worker || silent || !a || !b)
            cw_bridge_part(call->bridge, i);
        if (ear && (a == ear || b == ear)) {
            if (a && b)
                cw_ep_part(a == ear ? b : a);
            cw_ep_join(ear, call->music);
            continue;
        }
        if (a && (silent || !b))
            cw_ep_part(a);
        if (b && (silent || !a))
            cw_ep_part(b);
        if (a && b && !silent)
            join_eps(call, one, a, two, b, i);
    }
}

void cw_call_join(cw_call *call)
{
    cw_leg *one, *two;

    if (!cw_call_pair(call, &one, &two))
        return;
    if (call->state == CW_CALL_MOVING && call->transfer && !call->transfer->elsewhere)
        part_leg(call->transfer->by);
    if (!two) {
        part_leg(one);
        return;
    }
    trace_codecs(call, one, two);
    join_legs(call, one, two);
    cw_call_watch(call);
}

/* A last row a leg: what passed in its first stream. */
static CW_ON_LOOP void trace_leg(cw_leg *leg)
{
    cw_ep_stats stats;
    cw_ep *ep;

    if (!leg || leg->ended)
        return;
    ep = leg->ops->endpoint(leg, 0);
    if (!ep)
        return;
    cw_ep_get_stats(ep, &stats);
    cw_leg_note(leg, "RTP",
                cw_fmt("%llu packets in, %llu out, %llu lost, jitter %.1f ms",
                       (unsigned long long)stats.rx_packets, (unsigned long long)stats.tx_packets,
                       (unsigned long long)stats.rx_lost, stats.rx_jitter_ms));
}

void cw_call_trace_media(cw_call *call)
{
    trace_leg(call->a);
    trace_leg(call->winner);
}
