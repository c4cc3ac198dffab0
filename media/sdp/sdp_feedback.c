/* sdp_feedback.c - what a section says about RTCP: rtcp-fb (RFC 4585 4.2, RFC 5104 7.1), reduced
 * size (RFC 5506 5), retransmission formats (RFC 4588 8.6), the header extension that
 * transport-wide feedback counts by. */
#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

#define TWCC_URI "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

static const struct {
    const char *text;
    cw_feedback bit;
} known[] = {
    { "goog-remb", CW_FB_REMB }, { "transport-cc", CW_FB_TWCC }, { "ccm fir", CW_FB_FIR },
    { "nack", CW_FB_NACK },      { "nack pli", CW_FB_PLI },
};

static unsigned number_at(cw_span text, size_t *used)
{
    unsigned value = 0;

    for (*used = 0; *used < text.len && *used < 4 && g_ascii_isdigit(text.s[*used]); ++*used)
        value = value * 10 + (unsigned)(text.s[*used] - '0');
    return value;
}

/* The rest behind the first blank; empty: none. */
static cw_span behind_blank(cw_span text)
{
    const char *blank = text.len ? memchr(text.s, ' ', text.len) : NULL;

    if (!blank)
        return (cw_span){ NULL, 0 };
    return (cw_span){ blank + 1, text.len - (size_t)(blank + 1 - text.s) };
}

/* "96 nack pli" or "* ccm fir"; which payload types is of no interest: our formats share one set.
 */
static void read_rtcp_fb(cw_span value, cw_stream *ret)
{
    cw_span what = behind_blank(value);

    for (size_t k = 0; k < G_N_ELEMENTS(known); k++)
        if (cw_span_is(what, known[k].text))
            ret->feedback |= known[k].bit;
}

/* "4 urn:…" or "4/sendrecv urn:…" (RFC 8285 5). One-byte ids only. */
static void read_extmap(cw_span value, cw_stream *ret)
{
    size_t used;
    unsigned id = number_at(value, &used);

    if (cw_span_is(behind_blank(value), TWCC_URI) && id >= 1 && id <= 14)
        ret->twcc_ext = (uint8_t)id;
}

static bool has_pt(const cw_stream *stream, unsigned pt)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt == pt)
            return true;
    return false;
}

static const cw_sdp_attr *find_numbered(const cw_sdp_media *media, const char *name, unsigned pt)
{
    size_t used;

    for (unsigned i = 0; i < media->attr_n; i++) {
        const cw_sdp_attr *attr = &media->attr[i];

        if (cw_span_is(attr->name, name) && attr->value.s && number_at(attr->value, &used) == pt &&
            used)
            return attr;
    }
    return NULL;
}

/* "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96" */
static void read_rtx(const cw_sdp_media *media, cw_span map, cw_stream *ret)
{
    size_t used;
    unsigned pt = number_at(map, &used), apt;
    const cw_sdp_attr *fmtp = find_numbered(media, "fmtp", pt);
    cw_span value = fmtp ? behind_blank(fmtp->value) : (cw_span){ NULL, 0 };

    if (!used || pt > 127 || has_pt(ret, pt) || !cw_span_is(behind_blank(map), "rtx/90000") ||
        value.len < 5 || g_ascii_strncasecmp(value.s, "apt=", 4))
        return;
    apt = number_at((cw_span){ value.s + 4, value.len - 4 }, &used);
    for (unsigned i = 0; used && i < ret->format_n; i++)
        if (ret->format[i].pt == apt && !ret->format[i].rtx_pt)
            ret->format[i].rtx_pt = (uint8_t)pt;
}

void cw_sdp_read_feedback(const cw_sdp_media *media, cw_stream *ret)
{
    ret->no_rtcp = media->no_rs && media->no_rr;
    ret->bandwidth_kbps = media->bandwidth_kbps;
    ret->avpf = media->proto.len && media->proto.s[media->proto.len - 1] == 'F';
    if (ret->kind != CW_VIDEO)
        return;
    for (unsigned i = 0; i < media->attr_n; i++) {
        const cw_sdp_attr *attr = &media->attr[i];

        if (cw_span_is(attr->name, "rtcp-rsize"))
            ret->feedback |= CW_FB_RSIZE;
        else if (!attr->value.len)
            continue;
        else if (cw_span_is(attr->name, "rtcp-fb"))
            read_rtcp_fb(attr->value, ret);
        else if (cw_span_is(attr->name, "extmap"))
            read_extmap(attr->value, ret);
        else if (cw_span_is(attr->name, "rtpmap"))
            read_rtx(media, attr->value, ret);
    }
    if (!ret->twcc_ext)
        ret->feedback &= (uint8_t)~CW_FB_TWCC;
}

/* ── Writing ── */

/* RFC 8866 5.8, RFC 3890 6.2: browsers of one kind read AS, of the other TIAS. */
void cw_sdp_print_bandwidth(GString *out, const cw_stream *stream)
{
    if (stream->bandwidth_kbps)
        g_string_append_printf(out, "b=AS:%u\r\nb=TIAS:%" G_GUINT64_FORMAT "\r\n",
                               stream->bandwidth_kbps, (guint64)stream->bandwidth_kbps * 1000);
    if (stream->no_rtcp)
        g_string_append(out, "b=RS:0\r\nb=RR:0\r\n");
}

static void print_rtcp_fb(GString *out, const cw_stream *stream, unsigned pt)
{
    for (size_t k = 0; k < G_N_ELEMENTS(known); k++)
        if (stream->feedback & known[k].bit)
            g_string_append_printf(out, "a=rtcp-fb:%u %s\r\n", pt, known[k].text);
}

void cw_sdp_print_feedback(GString *out, const cw_stream *stream)
{
    if (stream->feedback & CW_FB_RSIZE)
        g_string_append(out, "a=rtcp-rsize\r\n");
    if (stream->feedback & CW_FB_TWCC)
        g_string_append_printf(out, "a=extmap:%u " TWCC_URI "\r\n", stream->twcc_ext);
    for (unsigned i = 0; i < stream->format_n; i++) {
        const cw_format *format = &stream->format[i];

        if (format->pt >= 128)
            continue;
        print_rtcp_fb(out, stream, format->pt);
        if (format->rtx_pt)
            g_string_append_printf(out, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n",
                                   format->rtx_pt, format->rtx_pt, format->pt);
    }
}
