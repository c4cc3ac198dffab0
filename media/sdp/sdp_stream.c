/* One media section as formats and direction (RFC 8866 6, RFC 3551 6). */
#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

/* What rtpmap and fmtp say of each payload type. */
typedef struct pt_table {
    cw_span rtpmap[128], fmtp[128];
} pt_table;

/* RFC 3551 tables 4 and 5: those still met without rtpmap. */
static const struct {
    uint8_t pt;
    const char *rtpmap;
} static_types[] = {
    { 0, "PCMU/8000" },  { 8, "PCMA/8000" },   { 9, "G722/8000" },   { 13, "CN/8000" },
    { 18, "G729/8000" }, { 31, "H261/90000" }, { 34, "H263/90000" },
};

/* Leading digits, at most `max`; what follows stays in `text`. */
static bool take_number(cw_span *text, unsigned max, unsigned *ret)
{
    unsigned value = 0;
    size_t n = 0;

    while (n < text->len && n < 9 && g_ascii_isdigit(text->s[n]))
        value = value * 10 + (unsigned)(text->s[n++] - '0');
    *ret = value;
    if (!n)
        return false;
    text->s += n;
    text->len -= n;
    return value <= max;
}

static void skip_blanks(cw_span *text)
{
    while (text->len && (text->s[0] == ' ' || text->s[0] == '\t')) {
        text->s++;
        text->len--;
    }
}

static bool take_char(cw_span *text, char c)
{
    if (!text->len || text->s[0] != c)
        return false;
    text->s++;
    text->len--;
    return true;
}

/* RFC 8866 9: token-char */
static bool is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("!#$%&'*+-.^_`{|}~", c));
}

/* ── Direction and packet time ── */

static bool find_dir(const cw_sdp_attr *attr, unsigned n, cw_dir *ret)
{
    static const struct {
        const char *name;
        cw_dir dir;
    } names[] = {
        { "sendrecv", CW_SENDRECV },
        { "sendonly", CW_SENDONLY },
        { "recvonly", CW_RECVONLY },
        { "inactive", CW_INACTIVE },
    };

    for (unsigned i = 0; i < n; i++)
        for (size_t k = 0; k < G_N_ELEMENTS(names); k++)
            if (cw_span_is(attr[i].name, names[k].name)) {
                *ret = names[k].dir;
                return true;
            }
    return false;
}

/* a=ptime, a=maxptime (RFC 8866 6.4, 6.5); 0: not there */
static uint16_t find_ms(const cw_sdp_media *media, const char *name)
{
    const cw_sdp_attr *attr = cw_sdp_attr_find(media->attr, media->attr_n, name);
    cw_span value = attr ? attr->value : (cw_span){ NULL, 0 };
    unsigned ms;

    skip_blanks(&value);
    return take_number(&value, 1000, &ms) ? (uint16_t)ms : 0;
}

/* ── Formats ── */

static void table_fill(const cw_sdp_media *media, pt_table *table)
{
    for (size_t i = 0; i < G_N_ELEMENTS(static_types); i++)
        table->rtpmap[static_types[i].pt] =
            (cw_span){ static_types[i].rtpmap, strlen(static_types[i].rtpmap) };

    for (unsigned i = 0; i < media->attr_n; i++) {
        bool is_map = cw_span_is(media->attr[i].name, "rtpmap");
        cw_span value = media->attr[i].value;
        unsigned pt;

        if (!is_map && !cw_span_is(media->attr[i].name, "fmtp"))
            continue;
        skip_blanks(&value);
        if (!take_number(&value, 127, &pt))
            continue;
        skip_blanks(&value);
        *(is_map ? &table->rtpmap[pt] : &table->fmtp[pt]) = value;
    }
}

/* opus/48000/2 */
static bool read_rtpmap(cw_span map, cw_format *ret)
{
    unsigned clock, channels = 1;
    size_t n = 0;

    while (n < map.len && is_token_char(map.s[n]))
        n++;
    if (!n || n >= sizeof ret->name)
        return false;
    memcpy(ret->name, map.s, n);
    ret->name[n] = 0;
    map.s += n;
    map.len -= n;
    if (!take_char(&map, '/') || !take_number(&map, 999999999, &clock) || !clock)
        return false;
    if (take_char(&map, '/') && (!take_number(&map, 255, &channels) || !channels))
        return false;
    ret->clock_hz = clock;
    ret->channels = (uint8_t)channels;
    return true;
}

static bool is_text(cw_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((text.s[i] < 0x20 && text.s[i] != '\t') || text.s[i] == 0x7f)
            return false; /* char is signed: not ASCII either */
    return true;
}

/* RFC 7587 6.1: parameters we pass on, and what they may be. */
static const struct {
    const char *name;
    unsigned min, max;
} opus_params[] = {
    { "maxplaybackrate", 8000, 48000 },
    { "sprop-maxcapturerate", 8000, 48000 },
    { "maxptime", 3, 120 },
    { "ptime", 3, 120 },
    { "minptime", 3, 120 },
    { "maxaveragebitrate", 6000, 510000 },
    { "stereo", 0, 1 },
    { "sprop-stereo", 0, 1 },
    { "cbr", 0, 1 },
    { "useinbandfec", 0, 1 },
    { "usedtx", 0, 1 },
};

static bool read_opus_param(cw_span param, size_t *index, unsigned *value)
{
    size_t name_len = 0;

    while (name_len < param.len && param.s[name_len] != '=')
        name_len++;
    for (size_t i = 0; i < G_N_ELEMENTS(opus_params); i++) {
        cw_span rest = { param.s + name_len, param.len - name_len };

        if (!cw_span_is((cw_span){ param.s, name_len }, opus_params[i].name))
            continue;
        *index = i;
        return take_char(&rest, '=') && take_number(&rest, opus_params[i].max, value) &&
               *value >= opus_params[i].min;
    }
    return false;
}

static cw_span take_param(cw_span *fmtp)
{
    cw_span param = { fmtp->s, 0 };

    while (param.len < fmtp->len && param.s[param.len] != ';')
        param.len++;
    fmtp->s += param.len;
    fmtp->len -= param.len;
    take_char(fmtp, ';');
    skip_blanks(&param);
    return param;
}

static void opus_fmtp(cw_span fmtp, char ret[static CW_FMTP_MAX + 1])
{
    bool seen[G_N_ELEMENTS(opus_params)] = { false };

    ret[0] = 0;
    while (fmtp.len) {
        cw_span param = take_param(&fmtp);
        char text[48];
        size_t i;
        unsigned value;

        if (!read_opus_param(param, &i, &value) || seen[i])
            continue;
        seen[i] = true;
        g_snprintf(text, sizeof text, "%s%s=%u", ret[0] ? ";" : "", opus_params[i].name, value);
        if (strlen(ret) + strlen(text) <= CW_FMTP_MAX)
            g_strlcat(ret, text, CW_FMTP_MAX + 1);
    }
}

static bool read_fmtp(cw_span fmtp, cw_format *ret)
{
    if (!g_ascii_strcasecmp(ret->name, "opus")) {
        opus_fmtp(fmtp, ret->fmtp);
        return true;
    }
    if (fmtp.len > CW_FMTP_MAX || !is_text(fmtp))
        return false;
    memcpy(ret->fmtp, fmtp.s ? fmtp.s : "", fmtp.len);
    ret->fmtp[fmtp.len] = 0;
    return true;
}

static cw_err read_formats(const cw_sdp_media *media, cw_stream *ret)
{
    pt_table table = { 0 };
    bool seen[128] = { false };

    table_fill(media, &table);
    for (unsigned i = 0; i < media->fmt_n; i++) {
        cw_format format = { 0 };
        cw_span text = media->fmt[i];
        unsigned pt;

        if (!take_number(&text, 127, &pt) || text.len)
            return CW_E_BAD_SDP;
        format.pt = (uint8_t)pt;
        if (seen[pt] || ret->format_n == CW_DESC_FORMATS_MAX ||
            !read_rtpmap(table.rtpmap[pt], &format) || !read_fmtp(table.fmtp[pt], &format))
            continue;
        seen[pt] = true;
        if (!cw_format_is_helper(&format) || cw_format_is_dtmf(&format) || cw_format_is_cn(&format))
            ret->format[ret->format_n++] = format;
    }
    return CW_OK;
}

/* ── Sections we cannot use ── */

static bool is_printable(cw_span word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.s[i] <= 0x20 || word.s[i] == 0x7f)
            return false;
    return word.len > 0;
}

/* "kind 0 proto fmt…", as many formats as fit; nothing when not even one does. */
static void keep_section(const cw_sdp_media *media, char ret[static CW_SECTION_MAX + 1])
{
    size_t len = media->kind.len + media->proto.len + 4; /* " 0 " and the blank before fmt */
    unsigned kept = 0;

    ret[0] = 0;
    if (!media->fmt_n || !is_printable(media->kind) || !is_printable(media->proto) ||
        len + media->fmt[0].len > CW_SECTION_MAX)
        return;
    g_snprintf(ret, CW_SECTION_MAX + 1, "%.*s 0 %.*s", (int)media->kind.len, media->kind.s,
               (int)media->proto.len, media->proto.s);
    for (len = strlen(ret); kept < media->fmt_n; kept++) {
        cw_span fmt = media->fmt[kept];

        if (!is_printable(fmt) || len + 1 + fmt.len > CW_SECTION_MAX)
            break;
        ret[len++] = ' ';
        memcpy(ret + len, fmt.s, fmt.len);
        len += fmt.len;
        ret[len] = 0;
    }
    if (!kept)
        ret[0] = 0;
}

static bool is_rtp(cw_span proto)
{
    static const char *const names[] = { "RTP/AVP",           "RTP/AVPF",  "UDP/TLS/RTP/SAVP",
                                         "UDP/TLS/RTP/SAVPF", "RTP/SAVPF", "TCP/TLS/RTP/SAVPF",
                                         "RTP/SAVP" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (cw_span_is(proto, names[i]))
            return true;
    return false;
}

/* "slides" among the words of a=content (RFC 4796 5). */
static bool is_slides(const cw_sdp_media *media)
{
    const cw_sdp_attr *attr = cw_sdp_attr_find(media->attr, media->attr_n, "content");
    cw_span rest = attr ? attr->value : (cw_span){ 0 };

    while (rest.len) {
        const char *comma = memchr(rest.s, ',', rest.len);
        cw_span word = { rest.s, comma ? (size_t)(comma - rest.s) : rest.len };

        if (cw_span_is(word, "slides"))
            return true;
        rest = comma ? (cw_span){ comma + 1, rest.len - word.len - 1 } : (cw_span){ 0 };
    }
    return false;
}

cw_err cw_sdp_stream(const cw_sdp *sdp, const cw_sdp_media *media, cw_stream *ret)
{
    bool video = cw_span_is(media->kind, "video");

    *ret = (cw_stream){ .kind = video ? CW_VIDEO : CW_AUDIO, .refused = !media->port };
    if ((!video && !cw_span_is(media->kind, "audio")) || !is_rtp(media->proto)) {
        ret->refused = true;
        keep_section(media, ret->section);
        return CW_OK;
    }
    ret->dir = CW_SENDRECV;
    if (!find_dir(media->attr, media->attr_n, &ret->dir))
        find_dir(sdp->attr, sdp->attr_n, &ret->dir);
    ret->ptime_ms = find_ms(media, "ptime");
    ret->maxptime_ms = find_ms(media, "maxptime");
    ret->slides = video && is_slides(media);
    if (read_formats(media, ret))
        return CW_E_BAD_SDP;
    cw_sdp_read_feedback(media, ret);
    return CW_OK;
}

void cw_sdp_stream_refuse(const cw_sdp_media *media, cw_stream *ret)
{
    *ret = (cw_stream){ .kind = cw_span_is(media->kind, "video") ? CW_VIDEO : CW_AUDIO,
                        .refused = true };
    keep_section(media, ret->section);
}
