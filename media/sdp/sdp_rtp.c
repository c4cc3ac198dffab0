/* SDP of the SIP side: RTP without ICE (RFC 3264, 3605, 5761). */
#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

static cw_addr addr_of(cw_span ip, uint16_t port)
{
    cw_addr addr = { 0 };

    if (ip.s && cw_addr_from_ip(ip.s, ip.len, port, &addr))
        addr = (cw_addr){ 0 }; /* a name: the first packets will tell (latching) */
    return addr;
}

/* a=rtcp:53020 or a=rtcp:53020 IN IP4 192.0.2.1 (RFC 3605 2.1) */
static bool read_rtcp(const cw_sdp_media *media, const cw_addr *rtp, cw_addr *ret)
{
    const cw_sdp_attr *attr = cw_sdp_attr_find(media->attr, media->attr_n, "rtcp");
    char text[80];
    g_auto(GStrv) words = NULL;
    guint64 port;

    if (!attr || !attr->value.s || attr->value.len >= sizeof text)
        return false;
    memcpy(text, attr->value.s, attr->value.len);
    text[attr->value.len] = 0;
    words = g_strsplit_set(g_strstrip(text), " \t", 5);
    if (!words[0] || !g_ascii_string_to_unsigned(words[0], 10, 1, 65535, &port, NULL))
        return false;
    *ret = *rtp;
    if (g_strv_length(words) == 4)
        *ret = addr_of((cw_span){ words[3], strlen(words[3]) }, 0);
    if (cw_addr_family(ret) == AF_UNSPEC)
        return false;
    cw_addr_set_port(ret, (uint16_t)port);
    return true;
}

static void read_place(const cw_sdp_media *media, cw_rtp_place *ret)
{
    cw_addr rtp = addr_of(media->connection, media->port);

    if (cw_addr_family(&rtp) == AF_UNSPEC)
        return;
    ret->on_hold = cw_addr_is_any(&rtp);
    if (ret->on_hold)
        return;
    ret->rtp = ret->rtcp = rtp;
    ret->rtcp_mux = cw_sdp_attr_find(media->attr, media->attr_n, "rtcp-mux") != NULL;
    if (ret->rtcp_mux || read_rtcp(media, &rtp, &ret->rtcp))
        return;
    if (media->port == 65535)
        ret->rtcp = (cw_addr){ 0 };
    else
        cw_addr_set_port(&ret->rtcp, media->port + 1);
}

/* ── Protection ── */

static void read_crypto(const cw_sdp_media *media, cw_secure *ret)
{
    for (unsigned i = 0; i < media->attr_n; i++) {
        const cw_sdp_attr *attr = &media->attr[i];

        if (!cw_span_is(attr->name, "crypto"))
            continue;
        ret->crypto_said = true;
        if (attr->value.s && ret->crypto_n < CW_CRYPTO_MAX &&
            !cw_crypto_parse(attr->value.s, attr->value.len, &ret->crypto[ret->crypto_n]))
            ret->crypto_n++;
    }
}

/* Of several fingerprints all are of one certificate (RFC 8122 5): the first that is good enough.
 */
static bool read_fingerprint(const cw_sdp_attr *attr, unsigned n, cw_fingerprint *ret)
{
    for (unsigned i = 0; i < n; i++)
        if (cw_span_is(attr[i].name, "fingerprint") && attr[i].value.s &&
            cw_fingerprint_parse(attr[i].value.s, attr[i].value.len, ret))
            return true;
    return false;
}

/* "holdconn" (RFC 4145 4) means no association: as if there was no fingerprint. */
static void read_setup(const cw_sdp *sdp, const cw_sdp_media *media, cw_secure *ret)
{
    const cw_sdp_attr *attr = cw_sdp_attr_find(media->attr, media->attr_n, "setup");

    if (!attr)
        attr = cw_sdp_attr_find(sdp->attr, sdp->attr_n, "setup");
    ret->setup_said = attr != NULL;
    if (!attr || cw_span_is(attr->value, "active"))
        ret->setup = CW_SETUP_ACTIVE;
    else if (cw_span_is(attr->value, "passive"))
        ret->setup = CW_SETUP_PASSIVE;
    else if (cw_span_is(attr->value, "actpass"))
        ret->setup = CW_SETUP_ACTPASS;
    else
        ret->fingerprint = (cw_fingerprint){ 0 };
}

static void read_secure(const cw_sdp *sdp, const cw_sdp_media *media, cw_secure *ret)
{
    read_crypto(media, ret);
    if (read_fingerprint(media->attr, media->attr_n, &ret->fingerprint) ||
        read_fingerprint(sdp->attr, sdp->attr_n, &ret->fingerprint))
        read_setup(sdp, media, ret);
}

static cw_err read_section(const cw_sdp *sdp, const cw_sdp_media *media, cw_stream *stream,
                           cw_rtp_place *place)
{
    *place = (cw_rtp_place){ 0 };
    if (!cw_secure_proto_parse(media->proto.s, media->proto.len, &place->secure)) {
        cw_sdp_stream_refuse(media, stream);
        return CW_OK;
    }
    if (cw_sdp_stream(sdp, media, stream))
        return CW_E_BAD_SDP;
    if (stream->refused)
        return CW_OK;
    read_place(media, place);
    cw_precond_read(media->attr, media->attr_n, &place->precond);
    read_secure(sdp, media, &place->secure);
    if (place->on_hold)
        stream->dir &= CW_SENDONLY;
    return CW_OK;
}

/* The line of the nth "m=", for the message about it. */
static unsigned line_of(const char *text, const char *at)
{
    unsigned line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

cw_err cw_sdp_read_rtp(const char *text, size_t len, cw_media_desc *desc,
                       cw_rtp_place place[static CW_DESC_STREAMS_MAX], unsigned *line)
{
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);
    cw_err err = cw_sdp_parse(text, len, sdp, line);

    desc->stream_n = 0;
    if (err)
        return err;
    if (sdp->media_n > CW_DESC_STREAMS_MAX)
        return CW_E_TOO_LARGE;
    for (unsigned i = 0; i < sdp->media_n && !err; i++) {
        err = read_section(sdp, &sdp->media[i], &desc->stream[i], &place[i]);
        if (err && line)
            *line = line_of(text, sdp->media[i].kind.s);
    }
    if (!err)
        desc->stream_n = sdp->media_n;
    return err;
}

/* ── Writing ── */

/* The session's address: that of the first stream that has one. */
static const cw_addr *session_addr(const cw_media_desc *desc, const cw_rtp_place *place)
{
    static const cw_addr none;

    for (unsigned i = 0; i < desc->stream_n; i++)
        if (!desc->stream[i].refused && cw_addr_family(&place[i].rtp) != AF_UNSPEC)
            return &place[i].rtp;
    return &none;
}

/* RFC 3605: said only when it is not the next port at the same address. */
static void print_rtcp(GString *out, const cw_rtp_place *place)
{
    char ip[CW_ADDR_STR];

    if (place->rtcp_mux) {
        g_string_append(out, "a=rtcp-mux\r\n");
        return;
    }
    if (cw_addr_family(&place->rtcp) == AF_UNSPEC)
        return;
    if (!cw_addr_eq_ip(&place->rtcp, &place->rtp))
        g_string_append_printf(out, "a=rtcp:%u IN %s %s\r\n", cw_addr_port(&place->rtcp),
                               cw_addr_family(&place->rtcp) == AF_INET6 ? "IP6" : "IP4",
                               cw_addr_print_ip(&place->rtcp, ip));
    else if (cw_addr_port(&place->rtcp) != cw_addr_port(&place->rtp) + 1)
        g_string_append_printf(out, "a=rtcp:%u\r\n", cw_addr_port(&place->rtcp));
}

char *cw_sdp_write_rtp(const cw_media_desc *desc,
                       const cw_rtp_place place[static CW_DESC_STREAMS_MAX], uint64_t session_id,
                       unsigned version)
{
    const cw_addr *at = session_addr(desc, place);
    bool has_addr = cw_addr_family(at) != AF_UNSPEC;
    char ip[CW_ADDR_STR];
    GString *out = g_string_sized_new(512);

    g_string_append_printf(out, "v=0\r\no=causeway %" G_GUINT64_FORMAT " %u IN %s %s\r\ns=-\r\n",
                           session_id, version, cw_addr_family(at) == AF_INET6 ? "IP6" : "IP4",
                           has_addr ? cw_addr_print_ip(at, ip) : "0.0.0.0");
    cw_sdp_print_connection(out, at);
    g_string_append(out, "t=0 0\r\n");
    for (unsigned i = 0; i < desc->stream_n; i++) {
        bool own = cw_addr_family(&place[i].rtp) != AF_UNSPEC && !cw_addr_eq_ip(&place[i].rtp, at);
        const cw_secure *secure = &place[i].secure;

        cw_sdp_print_stream(
            out, &desc->stream[i],
            cw_secure_proto(secure->profile, secure->feedback || desc->stream[i].avpf),
            cw_addr_port(&place[i].rtp), own ? &place[i].rtp : NULL);
        if (desc->stream[i].refused)
            continue;
        print_rtcp(out, &place[i]);
        cw_secure_print(out, secure);
        cw_precond_print(out, &place[i].precond);
    }
    return g_string_free(out, FALSE);
}
