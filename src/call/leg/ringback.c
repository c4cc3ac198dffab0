/* ringback.c - the tone of ringing that the gateway plays to a caller, wherever nobody else is
 * heard (RFC 3960 3.2). To hear it the caller's offer is answered before the callee has said
 * anything, by what the callee may agree to; what it then takes otherwise is translated. */
#include "call/priv.h"

#include "base/log.h"

#include <string.h>

#define SILENT_MS 1000 /* of early media, until the tone is played in its place */

/* ── What a callee will say, by what it said last time ── */

void cw_ringback_open(cw_calls *calls)
{
    const char *tone = calls->conf->media.ringback;

    if (tone && strcmp(tone, "off"))
        (void)!cw_sound_ringback(tone, &calls->ringback);
    calls->last_codec = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
}

void cw_ringback_close(cw_calls *calls)
{
    g_clear_pointer(&calls->ringback, cw_sound_unref);
    g_clear_pointer(&calls->last_codec, g_hash_table_unref);
}

/* A trunk's, of which there are as many as are configured. */
static CW_ON_LOOP void learn(cw_calls *calls, const cw_leg *leg)
{
    int i = cw_leg_stream(leg, CW_AUDIO);
    int codec = i >= 0 ? cw_stream_codec(&leg->desc->stream[i]) : -1;
    cw_format *last;

    if (!leg->via || codec < 0)
        return;
    last = g_hash_table_lookup(calls->last_codec, leg->via);
    if (!last) {
        last = g_new(cw_format, 1);
        g_hash_table_insert(calls->last_codec, (char *)leg->via, last);
    }
    *last = leg->desc->stream[i].format[codec];
}

/* Codecs of the caller's that the callee may take as they are. */
static unsigned in_common(const cw_stream *caller, const cw_stream *callee)
{
    unsigned n = 0;

    for (unsigned i = 0; i < caller->format_n; i++)
        n += !cw_format_is_helper(&caller->format[i]) &&
             cw_stream_find(callee, &caller->format[i]) != NULL;
    return n;
}

/* The caller sends what stands first. False: which codec the callee will take is anybody's guess; a
 * wrong one would be translated for as long as the call lasts, and a tone is not worth that. */
static CW_ON_LOOP bool prefer_known(const cw_call *call, const cw_leg *b, const cw_stream *caller,
                                    cw_stream *stream)
{
    const cw_format *last = b->via ? g_hash_table_lookup(call->calls->last_codec, b->via) : NULL;
    const cw_format *found = last ? cw_stream_find(stream, last) : NULL;
    cw_format first;

    if (!found)
        return in_common(caller, stream) <= 1;
    first = *found;
    memmove(&stream->format[1], &stream->format[0],
            (size_t)(found - stream->format) * sizeof first);
    stream->format[0] = first;
    return true;
}

bool cw_call_foretell(const cw_call *call, const cw_leg *b, bool guess, cw_media_desc *ret)
{
    g_autofree cw_media_desc *offer = g_new(cw_media_desc, 1);

    if (call->a->desc->stream_n == 0 || cw_leg_stream(call->a, CW_VIDEO) >= 0 ||
        call->a->policy.codec.transcode == CW_TRANSCODE_FORBID ||
        b->policy.codec.transcode == CW_TRANSCODE_FORBID)
        return false;
    cw_call_offer(call, offer);
    cw_desc_offer(offer, &b->policy.codec, ret);
    for (unsigned i = 0; i < ret->stream_n; i++)
        if (ret->stream[i].kind == CW_AUDIO && !ret->stream[i].refused &&
            !prefer_known(call, b, &offer->stream[i], &ret->stream[i]) && !guess)
            return false;
    return cw_desc_has_sound(ret);
}

/* ── Playing ── */

void cw_ringback_play_to(cw_call *call, cw_leg *leg)
{
    int i = cw_leg_stream(leg, CW_AUDIO);
    cw_ep *ep = i >= 0 ? leg->ops->endpoint(leg, (unsigned)i) : NULL;

    if (call->player || !ep || !call->calls->ringback ||
        cw_ep_player_new(call->calls->plane, leg->worker, call->calls->ringback, &call->player))
        return;
    cw_ep_fill(call->player, ep, SILENT_MS);
    cw_timeline_add(call->line, CW_LANE_GATEWAY, leg->lane, "RTP",
                    "ringing, while nobody is heard");
}

void cw_ringback_play(cw_call *call)
{
    if (call->a->wants_ringback)
        cw_ringback_play_to(call, call->a);
}

bool cw_ringback_begin(cw_call *call, cw_leg *b, int status)
{
    g_autofree cw_media_desc *foretold = NULL;

    if (!call->calls->ringback || !call->a->wants_ringback || call->player)
        return false;
    if (!call->winner) {
        foretold = g_new(cw_media_desc, 1);
        if (!cw_call_foretell(call, b, false, foretold))
            return false;
    }
    call->a->ops->ring(call->a, status, foretold);
    cw_ringback_play(call);
    return true;
}

void cw_ringback_end(cw_call *call)
{
    cw_ep_free(g_steal_pointer(&call->player));
}

void cw_ringback_answered(cw_call *call)
{
    cw_ringback_end(call);
    learn(call->calls, call->winner);
}
