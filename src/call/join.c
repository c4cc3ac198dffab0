/* join.c - both legs' endpoints, stream by stream. */
#include "call/priv.h"

#include "base/log.h"

static bool held(const cw_leg *leg)
{
    return leg->held && leg->ops->holds_both_ways;
}

static bool has_video(const cw_call *call, unsigned stream)
{
    return stream < call->a->desc->stream_n && call->a->desc->stream[stream].kind == CW_VIDEO;
}

static const cw_format *codec_of(const cw_leg *leg, unsigned i)
{
    const cw_stream *stream = i < leg->desc->stream_n ? &leg->desc->stream[i] : NULL;
    int codec = stream && !stream->refused ? cw_stream_codec(stream) : -1;

    return codec < 0 ? NULL : &stream->format[codec];
}

/* "opus/48000 - PCMA/8000 transcoded; VP8/90000": a row when that changes. */
static CW_ON_LOOP void trace_codecs(cw_call *call)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        const cw_format *a = codec_of(call->a, i), *b = codec_of(call->winner, i);

        if (!a || !b)
            continue;
        g_string_append_printf(text, "%s%s/%u", text->len ? "; " : "", a->name, a->clock_hz);
        if (cw_legs_transcode(call->a, call->winner, i))
            g_string_append_printf(text, " - %s/%u transcoded", b->name, b->clock_hz);
    }
    if (g_strcmp0(call->codecs, text->str) == 0)
        return;
    g_free(call->codecs);
    call->codecs = g_strdup(text->str);
    cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "CALL",
                    cw_fmt("codecs: %s", call->codecs));
}

void cw_call_join(cw_call *call)
{
    bool silent;
    cw_ep *ear;

    if (!call->winner)
        return;
    trace_codecs(call);
    silent = held(call->a) || held(call->winner);
    ear = cw_music_ear(call);
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        cw_ep *a = call->a->ops->endpoint(call->a, i);
        cw_ep *b = call->winner->ops->endpoint(call->winner, i);

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
        if (!a || !b || silent)
            continue;
        cw_ep_join(a, b);
        if (has_video(call, i)) {
            cw_ep_keyframe(a);
            cw_ep_keyframe(b);
        }
    }
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
