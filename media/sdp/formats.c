/* formats.c - formats: what they are, when two are the same, what their parameters say. */
#include "media/sdp/negotiate.h"

#include "media/codec/fmtp.h"
#include "media/sdp/h264.h"

#include <glib.h>
#include <string.h>

/* What the packet path can pass on, best first (RFC 3551, 4733, 4867, 7587; 6184, 7741, 9628). */
static const struct {
    const char *name;
    cw_media_kind kind;
} carried[] = {
    { "opus", CW_AUDIO }, { "G722", CW_AUDIO },   { "PCMA", CW_AUDIO }, { "PCMU", CW_AUDIO },
    { "G729", CW_AUDIO }, { "AMR-WB", CW_AUDIO }, { "AMR", CW_AUDIO },  { "VP8", CW_VIDEO },
    { "VP9", CW_VIDEO },  { "H264", CW_VIDEO },   { "AV1", CW_VIDEO },
};

static bool is_named(const cw_format *format, const char *name)
{
    return g_ascii_strcasecmp(format->name, name) == 0;
}

bool cw_codec_carried(const char *name, cw_media_kind kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(carried); i++)
        if (carried[i].kind == kind && !g_ascii_strcasecmp(carried[i].name, name))
            return true;
    return false;
}

bool cw_codec_known(const char *name)
{
    return cw_codec_carried(name, CW_AUDIO) || cw_codec_carried(name, CW_VIDEO);
}

bool cw_format_is_dtmf(const cw_format *format)
{
    return is_named(format, "telephone-event");
}

bool cw_format_is_cn(const cw_format *format)
{
    return is_named(format, "CN");
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

/* ── AMR and AMR-WB (RFC 4867 8.1, 8.2) ── */

static bool is_amr(const cw_format *format)
{
    return is_named(format, "AMR") || is_named(format, "AMR-WB");
}

/* A bit a mode; every one when no set is named. */
static unsigned mode_set(const cw_format *format)
{
    size_t len;
    const char *value = cw_fmtp_get(format->fmtp, "mode-set", &len);
    unsigned set = 0;

    for (size_t i = 0; value && i < len; i++)
        if (g_ascii_isdigit(value[i]))
            set |= 1u << (value[i] - '0');
    return value ? set : ~0u;
}

static bool is_on(const cw_format *format, const char *key)
{
    size_t len;
    const char *value = cw_fmtp_get(format->fmtp, key, &len);

    return value && len && !(len == 1 && *value == '0');
}

/* How payloads are laid out: parameters of which both ends must say the same. */
static bool same_layout(const cw_format *a, const cw_format *b)
{
    static const char *const keys[] = { "octet-align", "crc", "robust-sorting", "interleaving" };

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if (is_on(a, keys[i]) != is_on(b, keys[i]))
            return false;
    return true;
}

/* ── Pictures ── */

/* A parameter that must be the same on both sides, 0 where it is not said. */
static bool same_number(const cw_format *a, const cw_format *b, const char *key)
{
    return cw_fmtp_number(a->fmtp, key, 0) == cw_fmtp_number(b->fmtp, key, 0);
}

static int match_params(const cw_format *a, const cw_format *b)
{
    if (is_amr(a))
        return same_layout(a, b) && mode_set(a) & mode_set(b);
    if (is_named(a, "H264"))
        return cw_h264_match(a->fmtp, b->fmtp);
    if (is_named(a, "VP9")) /* RFC 9628 6 */
        return same_number(a, b, "profile-id");
    if (is_named(a, "AV1"))
        return same_number(a, b, "profile");
    return 1;
}

int cw_format_match(const cw_format *a, const cw_format *b)
{
    if (!is_named(a, b->name) || a->clock_hz != b->clock_hz || a->channels != b->channels)
        return 0;
    return strcmp(a->fmtp, b->fmtp) ? match_params(a, b) : 3;
}

bool cw_format_same(const cw_format *a, const cw_format *b)
{
    return cw_format_match(a, b) > 0;
}

/* ── Answering ── */

/* RFC 7261 3.3: without silence descriptors as soon as one side wants none. */
static bool refuses_annexb(const cw_format *format)
{
    size_t len;
    const char *value = cw_fmtp_get(format->fmtp, "annexb", &len);

    return value && len == 2 && !g_ascii_strncasecmp(value, "no", 2);
}

void cw_fmtp_answer(const cw_format *offer, const cw_format *answer,
                    char ret[static CW_FMTP_MAX + 1])
{
    const char *said = answer->fmtp;

    if (is_named(offer, "H264")) {
        cw_h264_answer(offer->fmtp, answer->fmtp, ret);
        return;
    }
    if (is_named(offer, "G729"))
        said = refuses_annexb(offer) || refuses_annexb(answer) ? "annexb=no" : offer->fmtp;
    else if (is_amr(offer) && !cw_fmtp_has(said, "mode-set") &&
             cw_fmtp_has(offer->fmtp, "mode-set"))
        said = offer->fmtp; /* the set is part of the agreement: it holds both ways */
    else if (!said[0] && !is_named(offer, "opus"))
        said = offer->fmtp;
    g_strlcpy(ret, said, CW_FMTP_MAX + 1); /* Opus: what each end declares of itself (RFC 7587 7) */
}
