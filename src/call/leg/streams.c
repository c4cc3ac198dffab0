#include "call/leg/streams.h"

#include <glib.h>

static const cw_stream *live(const cw_media_desc *desc, unsigned i)
{
    return i < desc->stream_n && !desc->stream[i].refused ? &desc->stream[i] : NULL;
}

bool cw_streams_changed(const cw_media_desc *before, const cw_media_desc *after)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        const cw_stream *a = live(before, i), *b = live(after, i);

        if (!a != !b || (a && a->kind != b->kind))
            return true;
        if (a && a->kind == CW_VIDEO && (a->dir != b->dir || a->slides != b->slides))
            return true;
    }
    return false;
}

bool cw_streams_send(const cw_media_desc *desc, bool slides)
{
    for (unsigned i = 0; i < desc->stream_n; i++) {
        const cw_stream *stream = live(desc, i);

        if (stream && stream->kind == CW_VIDEO && stream->dir & CW_SENDONLY &&
            (stream->slides || !slides))
            return true;
    }
    return false;
}

/* One stream of `from` as it is offered under `policy`, at its place in *ret. */
static void offer_one(const cw_media_desc *from, unsigned i, const cw_codec_policy *policy,
                      cw_media_desc *ret)
{
    g_autofree cw_media_desc *one = g_new0(cw_media_desc, 1);
    g_autofree cw_media_desc *offer = g_new0(cw_media_desc, 1);

    one->stream_n = 1;
    one->transcode = from->transcode;
    cw_stream_copy(&one->stream[0], &from->stream[i]);
    cw_desc_offer(one, policy, offer);
    ret->stream[i] = offer->stream[0];
}

void cw_streams_foresee(const cw_leg *other, const cw_media_desc *offer, cw_media_desc *ret)
{
    cw_desc_copy(ret, other->desc);
    for (unsigned i = 0; i < offer->stream_n; i++) {
        const cw_stream *theirs = live(offer, i);

        if (i >= ret->stream_n)
            ret->stream[i] = (cw_stream){ .kind = offer->stream[i].kind, .refused = true };
        if (!theirs || theirs->kind != CW_VIDEO || !ret->stream[i].refused)
            continue;
        offer_one(offer, i, &other->policy.codec, ret);
        ret->stream[i].dir = CW_INACTIVE;
    }
    ret->stream_n = MAX(ret->stream_n, offer->stream_n);
}

/* The formats of `far` in the order of `other`: a payload type once told stays what it is. */
static void keep_formats(const cw_stream *far, const cw_stream *other, cw_stream *ret)
{
    ret->format_n = 0;
    for (unsigned i = 0; i < other->format_n; i++) {
        const cw_format *known = cw_stream_find(far, &other->format[i]);

        if (known)
            ret->format[ret->format_n++] = *known;
    }
}

static void new_formats(cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        stream->format[i].pt = CW_PT_NONE;
}

static void wish_video(const cw_media_desc *far, unsigned i, const cw_codec_policy *policy,
                       const cw_media_desc *other, cw_media_desc *ret)
{
    const cw_stream *theirs = live(far, i), *wanted = live(other, i);

    if (!wanted || wanted->kind != CW_VIDEO) {
        ret->stream[i].refused = true;
        return;
    }
    offer_one(other, i, policy, ret);
    if (theirs)
        keep_formats(theirs, wanted, &ret->stream[i]);
    else
        new_formats(&ret->stream[i]);
    ret->stream[i].dir = wanted->dir;
    ret->stream[i].slides = wanted->slides;
    ret->stream[i].refused |= ret->stream[i].format_n == 0;
}

void cw_streams_wish(const cw_media_desc *far, const cw_codec_policy *policy,
                     const cw_media_desc *other, cw_media_desc *ret)
{
    cw_desc_copy(ret, far);
    for (unsigned i = 0; i < other->stream_n; i++) {
        if (i >= ret->stream_n) {
            ret->stream[i] = (cw_stream){ .kind = other->stream[i].kind, .refused = true };
            ret->stream_n = i + 1;
        }
        if (ret->stream[i].kind == CW_VIDEO || ret->stream[i].refused)
            wish_video(far, i, policy, other, ret);
    }
    for (unsigned i = other->stream_n; i < ret->stream_n; i++)
        if (ret->stream[i].kind == CW_VIDEO)
            ret->stream[i].refused = true;
    cw_desc_number(ret);
}

cw_dir cw_dir_wanted(cw_dir said, cw_dir told, cw_dir before)
{
    return said | (before & ~cw_dir_reverse(told));
}

bool cw_streams_must_tell(const cw_media_desc *told, const cw_media_desc *far,
                          const cw_media_desc *wish)
{
    for (unsigned i = 0; i < wish->stream_n; i++) {
        const cw_stream *now = live(told, i), *want = live(wish, i), *theirs = live(far, i);
        cw_dir wants, differs;

        if (wish->stream[i].kind != CW_VIDEO)
            continue;
        if (!now != !want)
            return true;
        if (!want)
            continue;
        wants = theirs ? cw_dir_reverse(theirs->dir) : CW_INACTIVE;
        differs = (want->dir ^ now->dir) & wants;
        if (differs || cw_stream_transcodes(want, now))
            return true;
    }
    return false;
}
