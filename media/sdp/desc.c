/* desc.c - payload types, directions. What a format is: fmtp.c; offers and answers: negotiate.c. */
#include "media/sdp/desc.h"

#include <glib.h>
#include <string.h>

static bool is_named(const cw_format *format, const char *name)
{
    return g_ascii_strcasecmp(format->name, name) == 0;
}

/* ── Copies ── */

static size_t stream_size(const cw_stream *stream)
{
    return offsetof(cw_stream, format) + stream->format_n * sizeof stream->format[0];
}

void cw_stream_copy(cw_stream *to, const cw_stream *from)
{
    memcpy(to, from, stream_size(from));
}

void cw_desc_copy(cw_media_desc *to, const cw_media_desc *from)
{
    to->stream_n = from->stream_n;
    to->transcode = from->transcode;
    for (unsigned i = 0; i < from->stream_n; i++)
        cw_stream_copy(&to->stream[i], &from->stream[i]);
}

cw_media_desc *cw_desc_dup(const cw_media_desc *desc)
{
    size_t size = offsetof(cw_media_desc, stream);
    cw_media_desc *copy;

    if (desc->stream_n > 0)
        size = offsetof(cw_media_desc, stream[desc->stream_n - 1]) +
               stream_size(&desc->stream[desc->stream_n - 1]);
    copy = g_malloc(size);
    cw_desc_copy(copy, desc);
    return copy;
}

void cw_desc_keep(cw_media_desc **kept, const cw_media_desc *desc)
{
    cw_media_desc *copy = cw_desc_dup(desc); /* `desc` may be *kept */

    g_free(*kept);
    *kept = copy;
}

/* ── Formats ── */

cw_dir cw_dir_reverse(cw_dir dir)
{
    return (cw_dir)(((dir & 1) << 1) | ((dir & 2) >> 1));
}

int cw_stream_codec(const cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (!cw_format_is_helper(&stream->format[i]))
            return (int)i;
    return -1;
}

bool cw_desc_has_sound(const cw_media_desc *desc)
{
    for (unsigned i = 0; i < desc->stream_n; i++)
        if (desc->stream[i].kind == CW_AUDIO && !desc->stream[i].refused)
            return true;
    return false;
}

/* ── Numbers ── */

/* RFC 3551 table 4 */
static uint8_t static_pt(const cw_format *format)
{
    if (format->clock_hz != 8000 || format->channels != 1)
        return CW_PT_NONE;
    if (is_named(format, "PCMU"))
        return 0;
    if (is_named(format, "PCMA"))
        return 8;
    if (is_named(format, "G722"))
        return 9;
    if (cw_format_is_cn(format))
        return 13;
    if (is_named(format, "G729"))
        return 18;
    return CW_PT_NONE;
}

static void mark_used(const cw_media_desc *desc, bool used[static 128])
{
    for (unsigned s = 0; s < desc->stream_n; s++)
        for (unsigned i = 0; i < desc->stream[s].format_n; i++) {
            const cw_format *format = &desc->stream[s].format[i];

            if (format->pt < 128)
                used[format->pt] = true;
            if (format->rtx_pt)
                used[format->rtx_pt] = true;
        }
}

/* 64-95 would be taken for RTCP (RFC 5761 4). */
static uint8_t free_pt(bool used[static 128])
{
    for (unsigned pt = 96; pt != 64; pt = pt == 127 ? 35 : pt + 1) {
        if (used[pt])
            continue;
        used[pt] = true;
        return (uint8_t)pt;
    }
    return CW_PT_NONE;
}

/* One numbering for all streams: a bundle shares it (RFC 8843 9.1). */
void cw_desc_number(cw_media_desc *desc)
{
    bool used[128] = { false };

    mark_used(desc, used);
    for (unsigned s = 0; s < desc->stream_n; s++) {
        cw_stream *stream = &desc->stream[s];

        for (unsigned i = 0; i < stream->format_n; i++) {
            cw_format *format = &stream->format[i];

            if (format->pt < 128)
                continue;
            format->pt = static_pt(format);
            if (format->pt == CW_PT_NONE)
                format->pt = free_pt(used);
        }
    }
}

static void add_rtx(cw_stream *stream, bool used[static 128])
{
    for (unsigned i = 0; i < stream->format_n; i++) {
        cw_format *format = &stream->format[i];
        uint8_t pt = format->pt < 128 && !format->rtx_pt ? free_pt(used) : CW_PT_NONE;

        if (pt != CW_PT_NONE)
            format->rtx_pt = pt;
    }
}

void cw_desc_offer_feedback(cw_media_desc *desc, unsigned feedback, uint8_t twcc_ext)
{
    bool used[128] = { false };

    mark_used(desc, used);
    for (unsigned s = 0; s < desc->stream_n; s++) {
        cw_stream *stream = &desc->stream[s];

        if (stream->kind != CW_VIDEO || stream->refused)
            continue;
        stream->feedback = (uint8_t)feedback;
        stream->twcc_ext = twcc_ext;
        if (feedback & CW_FB_TWCC)
            add_rtx(stream, used);
    }
}

void cw_desc_trim(cw_media_desc *desc, unsigned keep)
{
    while (desc->stream_n > keep && desc->stream[desc->stream_n - 1].refused)
        desc->stream_n--;
}

static bool passes(const cw_format *format)
{
    return !cw_format_is_helper(format) || cw_format_is_dtmf(format) || cw_format_is_cn(format);
}

void cw_stream_map(const cw_stream *from, const cw_stream *to, uint8_t map[static 128])
{
    memset(map, CW_PT_NONE, 128);
    for (unsigned i = 0; i < from->format_n; i++) {
        const cw_format *format = &from->format[i];
        const cw_format *found;

        if (format->pt >= 128 || !passes(format))
            continue;
        found = cw_stream_find(to, format);
        if (found && found->pt < 128)
            map[format->pt] = found->pt;
    }
}
