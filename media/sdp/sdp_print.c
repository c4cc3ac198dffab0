#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

static const char *dir_name(cw_dir dir)
{
    static const char *const names[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

    return names[dir & 3];
}

void cw_sdp_print_connection(GString *out, const cw_addr *at)
{
    char ip[CW_ADDR_STR];

    if (cw_addr_family(at) == AF_UNSPEC)
        g_string_append(out, "c=IN IP4 0.0.0.0\r\n");
    else
        g_string_append_printf(out, "c=IN %s %s\r\n",
                               cw_addr_family(at) == AF_INET6 ? "IP6" : "IP4",
                               cw_addr_print_ip(at, ip));
}

static void print_refused(GString *out, const cw_stream *stream, const char *proto)
{
    uint8_t pt = stream->format_n ? stream->format[0].pt : 0;

    if (stream->section[0])
        g_string_append_printf(out, "m=%s\r\n", stream->section);
    else
        g_string_append_printf(out, "m=%s 0 %s %u\r\n",
                               stream->kind == CW_VIDEO ? "video" : "audio", proto,
                               pt < 128 ? pt : 0);
}

/* RFC 4733 2.4.1: digits and flash, whatever the other side asked for. */
static const char *fmtp_of(const cw_format *format)
{
    return cw_format_is_dtmf(format) ? "0-16" : format->fmtp;
}

static void print_format(GString *out, const cw_format *format)
{
    const char *fmtp = fmtp_of(format);

    g_string_append_printf(out, "a=rtpmap:%u %s/%u", format->pt, format->name, format->clock_hz);
    if (format->channels > 1)
        g_string_append_printf(out, "/%u", format->channels);
    g_string_append(out, "\r\n");
    if (fmtp[0])
        g_string_append_printf(out, "a=fmtp:%u %s\r\n", format->pt, fmtp);
}

static void print_line(GString *out, const cw_stream *stream, const char *proto, uint16_t port)
{
    g_string_append_printf(out, "m=%s %u %s", stream->kind == CW_VIDEO ? "video" : "audio", port,
                           proto);
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt < 128)
            g_string_append_printf(out, " %u", stream->format[i].pt);
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt < 128 && stream->format[i].rtx_pt)
            g_string_append_printf(out, " %u", stream->format[i].rtx_pt);
    g_string_append(out, "\r\n");
}

void cw_sdp_print_stream(GString *out, const cw_stream *stream, const char *proto, uint16_t port,
                         const cw_addr *at)
{
    if (stream->refused) {
        print_refused(out, stream, proto);
        return;
    }
    print_line(out, stream, proto, port);
    if (at)
        cw_sdp_print_connection(out, at);
    cw_sdp_print_bandwidth(out, stream);
    g_string_append_printf(out, "a=%s\r\n", dir_name(stream->dir));
    if (stream->slides)
        g_string_append(out, "a=content:slides\r\n");
    if (stream->ptime_ms)
        g_string_append_printf(out, "a=ptime:%u\r\n", stream->ptime_ms);
    if (stream->maxptime_ms)
        g_string_append_printf(out, "a=maxptime:%u\r\n", stream->maxptime_ms);
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt < 128)
            print_format(out, &stream->format[i]);
    cw_sdp_print_feedback(out, stream);
}
