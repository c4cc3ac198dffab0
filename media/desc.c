#include "media/desc.h"

#include <glib.h>
#include <string.h>

/* What the packet path can pass on, best first (RFC 3551, 7587, 4733; 7741, 6184, 9628). */
static const struct {
    const char *name;
    cw_media_kind kind;
} carried[] = {
    { "opus", CW_AUDIO }, { "G722", CW_AUDIO }, { "PCMA", CW_AUDIO }, { "PCMU", CW_AUDIO },
    { "VP8", CW_VIDEO },  { "VP9", CW_VIDEO },  { "H264", CW_VIDEO }, { "AV1", CW_VIDEO },
};

static bool is_named(const cw_format *format, const char *name)
{
    return g_ascii_strcasecmp(format->name, name) == 0;
}

/* The value of `key` in "a=1;b=2", "" when it has none or is not there. */
static const char *fmtp_value(const char *fmtp, const char *key, size_t *len)
{
    size_t key_len = strlen(key);

    *len = 0;
    while (*fmtp) {
        size_t n;

        fmtp += strspn(fmtp, "; \t");
        n = strcspn(fmtp, ";");
        if (n > key_len && fmtp[key_len] == '=' && !g_ascii_strncasecmp(fmtp, key, key_len)) {
            *len = n - key_len - 1;
            return fmtp + key_len + 1;
        }
        fmtp += n;
    }
    return fmtp;
}

/* RFC 6184 8.1: 0 when not said. */
static char packetization_mode(const cw_format *format)
{
    size_t len;
    const char *value = fmtp_value(format->fmtp, "packetization-mode", &len);

    return len ? value[0] : '0';
}

bool cw_format_same(const cw_format *a, const cw_format *b)
{
    if (!is_named(a, b->name) || a->clock_hz != b->clock_hz || a->channels != b->channels)
        return false;
    return !is_named(a, "H264") || packetization_mode(a) == packetization_mode(b);
}

bool cw_format_is_dtmf(const cw_format *format)
{
    return is_named(format, "telephone-event");
}

bool cw_format_is_helper(const cw_format *format)
{
    static const char *const names[] = { "telephone-event", "CN",        "red", "rtx",
                                         "ulpfec",          "flexfec-03" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (is_named(format, names[i]))
            return true;
    return false;
}

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

/* The format of `stream` that is `format`: of several (H264 profiles) rather one with the same
 * fmtp. */
static const cw_format *stream_find(const cw_stream *stream, const cw_format *format)
{
    const cw_format *found = NULL;

    for (unsigned i = 0; i < stream->format_n; i++) {
        const cw_format *candidate = &stream->format[i];

        if (!cw_format_same(candidate, format))
            continue;
        if (!strcmp(candidate->fmtp, format->fmtp))
            return candidate;
        if (!found)
            found = candidate;
    }
    return found;
}

static void stream_add(cw_stream *stream, const cw_format *format)
{
    if (stream->format_n < CW_DESC_FORMATS_MAX)
        stream->format[stream->format_n++] = *format;
}

/* ── Filter ── */

static void take_named(const cw_stream *from, const char *name, cw_stream *to)
{
    for (unsigned i = 0; i < from->format_n; i++)
        if (is_named(&from->format[i], name))
            stream_add(to, &from->format[i]);
}

static bool can_carry(const char *name, cw_media_kind kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(carried); i++)
        if (carried[i].kind == kind && !g_ascii_strcasecmp(carried[i].name, name))
            return true;
    return false;
}

/* Without `allow` the offer's own order stays. */
static void take_codecs(const cw_stream *from, char *const *allow, cw_stream *to)
{
    if (allow) {
        for (; *allow; allow++)
            if (can_carry(*allow, from->kind))
                take_named(from, *allow, to);
        return;
    }
    for (unsigned i = 0; i < from->format_n; i++)
        if (can_carry(from->format[i].name, from->kind))
            stream_add(to, &from->format[i]);
}

static bool has_clock(const cw_stream *stream, uint32_t clock_hz)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].clock_hz == clock_hz && !cw_format_is_dtmf(&stream->format[i]))
            return true;
    return false;
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

static void stream_filter(const cw_stream *offer, char *const *allow, cw_stream *ret)
{
    *ret = (cw_stream){
        .kind = offer->kind,
        .refused = offer->refused,
        .dir = offer->dir,
        .ptime_ms = offer->ptime_ms,
    };
    if (ret->refused)
        return;
    take_codecs(offer, allow, ret);
    if (!ret->format_n)
        ret->refused = true;
    else if (ret->kind == CW_AUDIO)
        take_dtmf(offer, ret);
}

void cw_desc_filter(const cw_media_desc *offer, char *const *allow, cw_media_desc *ret)
{
    ret->stream_n = offer->stream_n;
    for (unsigned i = 0; i < offer->stream_n; i++)
        stream_filter(&offer->stream[i], allow, &ret->stream[i]);
}

/* ── Answer ── */

static bool has_pt(const cw_stream *stream, uint8_t pt)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt == pt)
            return true;
    return false;
}

static void answer_formats(const cw_stream *offer, const cw_stream *answer, cw_stream *ret)
{
    for (unsigned i = 0; i < answer->format_n; i++) {
        const cw_format *theirs = &answer->format[i];
        const cw_format *ours = stream_find(offer, theirs);

        if (!ours || has_pt(ret, ours->pt))
            continue;
        stream_add(ret, ours);
        if (theirs->fmtp[0])
            memcpy(ret->format[ret->format_n - 1].fmtp, theirs->fmtp, sizeof theirs->fmtp);
    }
}

static void stream_refuse(const cw_stream *offer, cw_stream *ret)
{
    ret->refused = true;
    ret->dir = CW_INACTIVE;
    ret->format_n = MIN(offer->format_n, 1); /* an "m=" line names one at least */
    ret->format[0] = offer->format[0];
    memcpy(ret->section, offer->section, sizeof ret->section);
}

static void stream_answer(const cw_stream *offer, const cw_stream *answer, cw_stream *ret)
{
    *ret = (cw_stream){ .kind = offer->kind };
    if (!offer->refused && answer && !answer->refused && answer->kind == offer->kind) {
        ret->dir = answer->dir & cw_dir_reverse(offer->dir);
        ret->ptime_ms = answer->ptime_ms;
        answer_formats(offer, answer, ret);
    }
    if (cw_stream_codec(ret) < 0)
        stream_refuse(offer, ret);
}

cw_err cw_desc_answer(const cw_media_desc *offer, const cw_media_desc *answer, cw_media_desc *ret)
{
    bool sound = false;

    ret->stream_n = offer->stream_n;
    for (unsigned i = 0; i < offer->stream_n; i++) {
        stream_answer(&offer->stream[i], i < answer->stream_n ? &answer->stream[i] : NULL,
                      &ret->stream[i]);
        sound |= ret->stream[i].kind == CW_AUDIO && !ret->stream[i].refused;
    }
    return sound ? CW_OK : CW_E_NO_CODEC;
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
    return CW_PT_NONE;
}

static void mark_used(const cw_media_desc *desc, bool used[static 128])
{
    for (unsigned s = 0; s < desc->stream_n; s++)
        for (unsigned i = 0; i < desc->stream[s].format_n; i++)
            if (desc->stream[s].format[i].pt < 128)
                used[desc->stream[s].format[i].pt] = true;
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

void cw_desc_trim(cw_media_desc *desc, unsigned keep)
{
    while (desc->stream_n > keep && desc->stream[desc->stream_n - 1].refused)
        desc->stream_n--;
}

void cw_stream_map(const cw_stream *from, const cw_stream *to, uint8_t map[static 128])
{
    memset(map, CW_PT_NONE, 128);
    for (unsigned i = 0; i < from->format_n; i++) {
        const cw_format *format = &from->format[i];
        const cw_format *found;

        if (format->pt >= 128 || (cw_format_is_helper(format) && !cw_format_is_dtmf(format)))
            continue;
        found = stream_find(to, format);
        if (found && found->pt < 128)
            map[format->pt] = found->pt;
    }
}
