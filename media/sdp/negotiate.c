/* negotiate.c - what one leg describes becomes the other's offer, and its answer comes back. */
#include "media/sdp/negotiate.h"

#include "media/codec/codec.h"

#include <glib.h>
#include <string.h>

/* What we can translate, best first, as we offer it where the caller has it not. Both layouts of
 * AMR, since a far side may know one only (RFC 4867 8.3.1). */
static const cw_format translated[] = {
    { "opus", 48000, 2, CW_PT_NONE, "minptime=10;useinbandfec=1" },
    { "G722", 8000, 1, CW_PT_NONE, "" },
    { "PCMA", 8000, 1, CW_PT_NONE, "" },
    { "PCMU", 8000, 1, CW_PT_NONE, "" },
    { "AMR-WB", 16000, 1, CW_PT_NONE, "mode-change-capability=2;max-red=0" },
    { "AMR-WB", 16000, 1, CW_PT_NONE, "mode-change-capability=2;max-red=0;octet-align=1" },
    { "AMR", 8000, 1, CW_PT_NONE, "mode-change-capability=2;max-red=0" },
    { "AMR", 8000, 1, CW_PT_NONE, "mode-change-capability=2;max-red=0;octet-align=1" },
    { "G729", 8000, 1, CW_PT_NONE, "annexb=no" },
};

const cw_codec_policy cw_codec_any = { .events = true };

static bool is_named(const cw_format *format, const char *name)
{
    return g_ascii_strcasecmp(format->name, name) == 0;
}

/* ── Streams ── */

static void stream_add(cw_stream *stream, const cw_format *format)
{
    if (stream->format_n < CW_DESC_FORMATS_MAX)
        stream->format[stream->format_n++] = *format;
}

static bool stream_has(const cw_stream *stream, const cw_format *format)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt == format->pt && format->pt != CW_PT_NONE)
            return true;
        else if (format->pt == CW_PT_NONE && cw_format_same(&stream->format[i], format))
            return true;
    return false;
}

/* The format of `stream` that is `format`: of several (H264 profiles) the one that agrees best. */
const cw_format *cw_stream_find(const cw_stream *stream, const cw_format *format)
{
    const cw_format *found = NULL;
    int best = 0;

    for (unsigned i = 0; i < stream->format_n; i++) {
        int how = cw_format_match(&stream->format[i], format);

        if (how > best) {
            found = &stream->format[i];
            best = how;
        }
    }
    return found;
}

static const cw_format *find_translated(const cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (cw_codec_can(&stream->format[i]))
            return &stream->format[i];
    return NULL;
}

static bool has_clock(const cw_stream *stream, uint32_t clock_hz)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].clock_hz == clock_hz && !cw_format_is_helper(&stream->format[i]))
            return true;
    return false;
}

/* Comfort noise of the codecs' clock rate (RFC 3389 5): audio without its clock has none. */
static void take_noise(const cw_stream *from, cw_stream *to)
{
    for (unsigned i = 0; i < from->format_n; i++)
        if (cw_format_is_cn(&from->format[i]) && has_clock(to, from->format[i].clock_hz))
            stream_add(to, &from->format[i]);
}

/* ── Filter ── */

static bool is_listed(const cw_codec_policy *policy)
{
    return policy->codecs && policy->codecs[0];
}

static void take_named(const cw_stream *from, const char *name, cw_stream *to)
{
    for (unsigned i = 0; i < from->format_n; i++)
        if (is_named(&from->format[i], name) && cw_codec_carried(name, from->kind))
            stream_add(to, &from->format[i]);
}

/* What the policy allows of `from`: in its order if it lists any. */
static void take_codecs(const cw_stream *from, const cw_codec_policy *policy, cw_stream *to)
{
    if (is_listed(policy)) {
        for (char *const *name = policy->codecs; *name; name++)
            take_named(from, *name, to);
        return;
    }
    for (unsigned i = 0; i < from->format_n; i++)
        if (cw_codec_carried(from->format[i].name, from->kind))
            stream_add(to, &from->format[i]);
}

/* Events at the codecs' clock rates; Firefox has Opus with events at 8000 only: then those. */
static void take_dtmf(const cw_stream *from, cw_stream *to)
{
    unsigned codec_n = to->format_n;

    for (int any = 0; any <= 1 && to->format_n == codec_n; any++)
        for (unsigned i = 0; i < from->format_n; i++)
            if (cw_format_is_dtmf(&from->format[i]) &&
                (any || has_clock(to, from->format[i].clock_hz)))
                stream_add(to, &from->format[i]);
}

static cw_stream stream_like(const cw_stream *stream)
{
    return (cw_stream){
        .kind = stream->kind,
        .refused = stream->refused,
        .slides = stream->slides,
        .dir = stream->dir,
        .ptime_ms = stream->ptime_ms,
        .maxptime_ms = stream->maxptime_ms,
        .bandwidth_kbps = stream->kind == CW_VIDEO ? stream->bandwidth_kbps : 0,
    };
}

static void stream_filter(const cw_stream *offer, const cw_codec_policy *policy, cw_stream *ret)
{
    *ret = stream_like(offer);
    if (ret->refused)
        return;
    take_codecs(offer, policy, ret);
    if (!ret->format_n)
        ret->refused = true;
    if (ret->refused || ret->kind != CW_AUDIO)
        return;
    take_noise(offer, ret);
    if (policy->events)
        take_dtmf(offer, ret);
}

/* Retransmissions are a matter of each leg. */
static void drop_rtx(cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        stream->format[i].rtx_pt = 0;
}

void cw_desc_filter(const cw_media_desc *offer, const cw_codec_policy *policy, cw_media_desc *ret)
{
    ret->stream_n = offer->stream_n;
    ret->transcode = policy->transcode;
    for (unsigned i = 0; i < offer->stream_n; i++) {
        stream_filter(&offer->stream[i], policy, &ret->stream[i]);
        drop_rtx(&ret->stream[i]);
    }
}

/* ── Offer ── */

static void add_translated(const char *name, cw_stream *to)
{
    for (size_t i = 0; i < G_N_ELEMENTS(translated); i++)
        if ((!name || is_named(&translated[i], name)) && cw_codec_can(&translated[i]) &&
            !stream_has(to, &translated[i]))
            stream_add(to, &translated[i]);
}

static void add_what_we_translate(const cw_codec_policy *policy, cw_stream *to)
{
    if (!is_listed(policy))
        add_translated(NULL, to);
    for (char *const *name = policy->codecs; is_listed(policy) && *name; name++)
        add_translated(*name, to);
}

/* The policy's order whichever the caller has: its own formats keep their numbers. */
static void prefer_codecs(const cw_stream *from, const cw_codec_policy *policy, cw_stream *to)
{
    for (char *const *name = policy->codecs; *name; name++) {
        unsigned before = to->format_n;

        take_named(from, *name, to);
        if (to->format_n == before)
            add_translated(*name, to);
    }
}

static void offer_codecs(const cw_stream *from, cw_transcode caller, const cw_codec_policy *policy,
                         cw_stream *to)
{
    bool may = from->kind == CW_AUDIO && caller != CW_TRANSCODE_FORBID &&
               policy->transcode != CW_TRANSCODE_FORBID && find_translated(from);

    if (may && policy->transcode == CW_TRANSCODE_PREFER && is_listed(policy)) {
        prefer_codecs(from, policy, to);
        return;
    }
    take_codecs(from, policy, to);
    drop_rtx(to);
    if (may)
        add_what_we_translate(policy, to);
}

static void offer_events(const cw_stream *from, cw_stream *to)
{
    static const uint32_t clocks[] = { 48000, 16000, 8000 };

    for (size_t c = 0; c < G_N_ELEMENTS(clocks); c++) {
        cw_format event = { "telephone-event", clocks[c], 1, CW_PT_NONE, "0-16" };
        const cw_format *theirs = cw_stream_find(from, &event);

        if (clocks[c] == 8000 || has_clock(to, clocks[c]))
            stream_add(to, theirs ?: &event);
    }
}

static void stream_offer(const cw_stream *from, cw_transcode caller, const cw_codec_policy *policy,
                         cw_stream *ret)
{
    *ret = stream_like(from);
    if (ret->refused)
        return;
    offer_codecs(from, caller, policy, ret);
    if (!ret->format_n)
        ret->refused = true;
    if (ret->refused || ret->kind != CW_AUDIO)
        return;
    take_noise(from, ret);
    if (policy->events)
        offer_events(from, ret);
}

void cw_desc_offer(const cw_media_desc *from, const cw_codec_policy *policy, cw_media_desc *ret)
{
    ret->stream_n = from->stream_n;
    ret->transcode = policy->transcode;
    for (unsigned i = 0; i < from->stream_n; i++)
        stream_offer(&from->stream[i], from->transcode, policy, &ret->stream[i]);
}

/* ── Answer ── */

static void answer_formats(const cw_stream *offer, const cw_stream *answer, cw_stream *ret)
{
    for (unsigned i = 0; i < answer->format_n; i++) {
        const cw_format *theirs = &answer->format[i];
        const cw_format *ours = cw_stream_find(offer, theirs);

        if (cw_format_is_dtmf(theirs) || !ours || stream_has(ret, ours))
            continue;
        stream_add(ret, ours);
        cw_fmtp_answer(ours, theirs, ret->format[ret->format_n - 1].fmtp);
    }
}

/* One codec, so that there is no question what has to be translated. */
static void answer_translated(const cw_stream *offer, cw_stream *ret)
{
    const cw_format *ours = find_translated(offer);

    ret->format_n = 0;
    stream_add(ret, ours);
    if (is_named(ours, "opus")) /* what we declare of ourselves (RFC 7587 7) */
        g_strlcpy(ret->format[0].fmtp, "minptime=10;useinbandfec=1", CW_FMTP_MAX + 1);
}

/* `offer` is what the policy lets in, `ret` has what both have in common. */
static bool shall_translate(const cw_stream *offer, cw_transcode ours, const cw_stream *answer,
                            cw_transcode theirs, const cw_stream *ret)
{
    int picked = cw_stream_codec(answer);
    const cw_format *first = find_translated(offer);

    if (offer->kind != CW_AUDIO || ours == CW_TRANSCODE_FORBID || theirs == CW_TRANSCODE_FORBID ||
        picked < 0 || !first || !find_translated(answer))
        return false;
    if (cw_stream_codec(ret) < 0)
        return true;
    if (ours == CW_TRANSCODE_PREFER && !cw_stream_find(ret, first))
        return true;
    return theirs == CW_TRANSCODE_PREFER && !cw_stream_find(offer, &answer->format[picked]);
}

static void stream_refuse(const cw_stream *offer, cw_stream *ret)
{
    ret->refused = true;
    ret->dir = CW_INACTIVE;
    ret->format_n = MIN(offer->format_n, 1); /* an "m=" line names one at least */
    if (ret->format_n > 0)
        ret->format[0] = offer->format[0];
    memcpy(ret->section, offer->section, sizeof ret->section);
}

/* Both are open and of one kind. */
static void answer_open(const cw_stream *offer, const cw_codec_policy *policy,
                        const cw_stream *answer, cw_transcode theirs, cw_stream *ret)
{
    g_autofree cw_stream *allowed = g_new(cw_stream, 1);

    stream_filter(offer, policy, allowed);
    ret->dir = answer->dir & cw_dir_reverse(offer->dir);
    ret->bandwidth_kbps = offer->kind == CW_VIDEO ? answer->bandwidth_kbps : 0;
    ret->slides = answer->slides;
    ret->avpf = offer->avpf;
    ret->no_rtcp = offer->no_rtcp;
    ret->feedback = offer->feedback;
    ret->twcc_ext = offer->twcc_ext;
    answer_formats(allowed, answer, ret);
    if (shall_translate(allowed, policy->transcode, answer, theirs, ret)) {
        answer_translated(allowed, ret);
        ret->ptime_ms = offer->ptime_ms;
        ret->maxptime_ms = offer->maxptime_ms;
    } else {
        ret->ptime_ms = answer->ptime_ms;
        ret->maxptime_ms = answer->maxptime_ms;
    }
    if (offer->kind == CW_AUDIO && policy->events && cw_stream_codec(ret) >= 0)
        take_dtmf(offer, ret);
}

static void stream_answer(const cw_stream *offer, const cw_codec_policy *policy,
                          const cw_stream *answer, cw_transcode theirs, cw_stream *ret)
{
    *ret = (cw_stream){ .kind = offer->kind };
    if (!offer->refused && answer && !answer->refused && answer->kind == offer->kind)
        answer_open(offer, policy, answer, theirs, ret);
    if (cw_stream_codec(ret) < 0)
        stream_refuse(offer, ret);
}

cw_err cw_desc_answer(const cw_media_desc *offer, const cw_codec_policy *policy,
                      const cw_media_desc *answer, cw_media_desc *ret)
{
    bool sound = false;

    ret->stream_n = offer->stream_n;
    ret->transcode = policy->transcode;
    for (unsigned i = 0; i < offer->stream_n; i++) {
        stream_answer(&offer->stream[i], policy, i < answer->stream_n ? &answer->stream[i] : NULL,
                      answer->transcode, &ret->stream[i]);
        sound |= ret->stream[i].kind == CW_AUDIO && !ret->stream[i].refused;
    }
    return sound ? CW_OK : CW_E_NO_CODEC;
}

bool cw_stream_transcodes(const cw_stream *from, const cw_stream *to)
{
    int first = cw_stream_codec(from);

    return first >= 0 && !from->refused && !to->refused && cw_stream_codec(to) >= 0 &&
           !cw_stream_find(to, &from->format[first]);
}
