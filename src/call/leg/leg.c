#include "call/leg/leg.h"

#include <string.h>

void cw_leg_init(cw_leg *leg, const cw_leg_ops *ops, const char *name)
{
    static const cw_media_desc nothing;

    leg->ops = ops;
    leg->desc = cw_desc_dup(&nothing);
    g_strlcpy(leg->name, name, sizeof leg->name);
}

void cw_leg_free(cw_leg *leg)
{
    if (!leg)
        return;
    g_clear_pointer(&leg->quality, g_free);
    g_clear_pointer(&leg->desc, g_free);
    g_clear_pointer(&leg->about, json_decref);
    g_clear_pointer(&leg->say, g_strfreev);
    cw_party_clear(&leg->party);
    leg->ops->free(leg);
}

void cw_leg_emit(cw_leg *leg, const cw_leg_event *event)
{
    if (leg->ended || !leg->fn)
        return;
    leg->fn(leg->arg, leg, event);
}

void cw_leg_tell(cw_leg *leg, cw_leg_what what)
{
    cw_leg_emit(leg, &(cw_leg_event){ .what = what });
}

void cw_leg_fail(cw_leg *leg, cw_err err)
{
    cw_leg_emit(leg,
                &(cw_leg_event){ .what = CW_LEG_ENDED, .cause = { .err = err, .gateway = true } });
}

void cw_leg_end(cw_leg *leg, const cw_cause *cause, cw_by by)
{
    if (leg->ended)
        return;
    leg->ended = true;
    leg->ops->end(leg, cause, by);
}

void cw_leg_trace(cw_leg *leg, bool out, const char *proto, const char *text)
{
    cw_timeline_add(leg->line, out ? CW_LANE_GATEWAY : leg->lane, out ? leg->lane : CW_LANE_GATEWAY,
                    proto, text);
}

void cw_leg_note(cw_leg *leg, const char *proto, const char *text)
{
    cw_timeline_add(leg->line, leg->lane, leg->lane, proto, text);
}

void cw_leg_set_desc(cw_leg *leg, const cw_media_desc *desc)
{
    cw_desc_keep(&leg->desc, desc);
    leg->desc->transcode = leg->policy.codec.transcode;
    for (unsigned i = 0; i < leg->desc->stream_n; i++)
        if (leg->desc->stream[i].kind == CW_AUDIO)
            leg->desc->stream[i].dir = CW_SENDRECV;
}

void cw_leg_agree(cw_leg *leg, const cw_media_desc *said, const cw_media_desc *agreed)
{
    cw_leg_set_desc(leg, agreed);
    for (unsigned i = 0; i < leg->desc->stream_n && i < said->stream_n; i++)
        if (leg->desc->stream[i].kind == CW_VIDEO) {
            leg->desc->stream[i].dir = said->stream[i].dir;
            leg->desc->stream[i].slides = said->stream[i].slides;
        }
}

int cw_leg_stream(const cw_leg *leg, cw_media_kind kind)
{
    for (unsigned i = 0; i < leg->desc->stream_n; i++)
        if (leg->desc->stream[i].kind == kind && !leg->desc->stream[i].refused)
            return (int)i;
    return -1;
}

bool cw_legs_transcode(const cw_leg *a, const cw_leg *b, unsigned i)
{
    return i < a->desc->stream_n && i < b->desc->stream_n &&
           (cw_stream_transcodes(&a->desc->stream[i], &b->desc->stream[i]) ||
            cw_stream_transcodes(&b->desc->stream[i], &a->desc->stream[i]));
}

void cw_leg_default_desc(const cw_leg_policy *policy, cw_media_desc *ret)
{
    /* Dynamic numbers as browsers choose them; static ones from RFC 3551 6. */
    static const cw_format formats[] = {
        { "opus", 48000, 2, 111, "minptime=10;useinbandfec=1" },
        { "G722", 8000, 1, 9, "" },
        { "PCMA", 8000, 1, 8, "" },
        { "PCMU", 8000, 1, 0, "" },
        { "telephone-event", 48000, 1, 110, "0-15" },
        { "telephone-event", 8000, 1, 101, "0-15" },
    };

    memset(ret, 0, sizeof *ret);
    ret->stream_n = 1;
    ret->transcode = policy->codec.transcode;
    ret->stream[0] =
        (cw_stream){ .kind = CW_AUDIO, .dir = CW_SENDRECV, .format_n = G_N_ELEMENTS(formats) };
    memcpy(ret->stream[0].format, formats, sizeof formats);
}
