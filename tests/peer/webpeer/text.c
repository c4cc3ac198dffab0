/* text.c - offers and answers as text: written whole, read line by line for what is needed. */
#include "webpeer.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *map;
    uint8_t web_pt, rtp_pt;
    const char *fmtp;
    bool rare; /* only when asked for by name */
} codecs[] = {
    { "opus", "opus/48000/2", 111, 96, "minptime=10;useinbandfec=1" },
    { "G722", "G722/8000", 9, 9, NULL },
    { "PCMU", "PCMU/8000", 0, 0, NULL },
    { "PCMA", "PCMA/8000", 8, 8, NULL },
    { "AMR-WB", "AMR-WB/16000", 97, 97, "octet-align=1", true },
};

static bool wanted(char *const *names, size_t i)
{
    for (char *const *n = names; n && *n; n++)
        if (!g_ascii_strcasecmp(*n, codecs[i].name))
            return true;
    return !names && !codecs[i].rare;
}

/* The number the far side gave this codec, or ours. In an answer only what it offered counts. */
static int pt_for(const wp_ep *ep, size_t i)
{
    const wp_format *theirs = wp_format_find(ep, codecs[i].name, 0);

    if (theirs)
        return theirs->pt;
    if (ep->format_n)
        return -1;
    return ep->web ? codecs[i].web_pt : codecs[i].rtp_pt;
}

static int dtmf_pt(const wp_ep *ep, unsigned clock_hz)
{
    const wp_format *theirs = wp_format_find(ep, "telephone-event", clock_hz);

    if (theirs)
        return theirs->pt;
    if (ep->format_n || (!ep->web && clock_hz != 8000))
        return -1;
    return !ep->web ? 101 : clock_hz == 8000 ? 126 : 110;
}

static void add_type(GString *line, GString *maps, int pt, const char *map, const char *fmtp)
{
    if (pt < 0)
        return;
    g_string_append_printf(line, " %d", pt);
    g_string_append_printf(maps, "a=rtpmap:%d %s\r\n", pt, map);
    if (fmtp)
        g_string_append_printf(maps, "a=fmtp:%d %s\r\n", pt, fmtp);
}

static void audio_section(const wp_ep *ep, char *const *names, const char *proto, GString *out)
{
    g_autoptr(GString) line = g_string_new(NULL), maps = g_string_new(NULL);
    bool wide = false, narrow = false;

    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        if (!wanted(names, i) || pt_for(ep, i) < 0)
            continue;
        add_type(line, maps, pt_for(ep, i), codecs[i].map, codecs[i].fmtp);
        *(i == 0 ? &wide : &narrow) = true;
    }
    if (wide)
        add_type(line, maps, dtmf_pt(ep, 48000), "telephone-event/48000", NULL);
    if (narrow || !ep->web)
        add_type(line, maps, dtmf_pt(ep, 8000), "telephone-event/8000", "0-16");
    g_string_append_printf(out, "m=audio %u %s%s\r\n%s", cw_addr_port(&ep->local), proto, line->str,
                           maps->str);
}

static void transport_lines(const wp_ep *ep, bool offer, GString *out)
{
    char ip[CW_ADDR_STR];

    g_string_append_printf(
        out,
        "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\na=fingerprint:sha-256 %s\r\n"
        "a=setup:%s\r\na=rtcp-mux\r\n"
        "a=candidate:1 1 udp 2130706431 %s %u typ host\r\na=end-of-candidates\r\n",
        ep->ufrag, ep->pwd, wp_dtls_fingerprint(), offer && !ep->active ? "actpass" : "active",
        cw_addr_print_ip(&ep->local, ip), cw_addr_port(&ep->local));
}

static void head(const wp_ep *ep, GString *out)
{
    const char *family = cw_addr_family(&ep->local) == AF_INET6 ? "IP6" : "IP4";
    char ip[CW_ADDR_STR];

    cw_addr_print_ip(&ep->local, ip);
    g_string_append_printf(out,
                           "v=0\r\no=- %" G_GUINT64_FORMAT " 1 IN %s %s\r\ns=-\r\n"
                           "c=IN %s %s\r\nt=0 0\r\n",
                           ep->session_id >> 2, family, ip, family, ip);
}

char *wp_sdp_web(wp_ep *ep, bool offer, char *const *names, bool video)
{
    GString *out = g_string_new(NULL);
    const char *mid = ep->mid[0] ? ep->mid : "0";

    head(ep, out);
    g_string_append_printf(out, "a=group:BUNDLE %s%s\r\n", mid, video ? " 1" : "");
    audio_section(ep, names, "UDP/TLS/RTP/SAVPF", out);
    g_string_append_printf(out, "a=mid:%s\r\na=sendrecv\r\n", mid);
    if (offer || ep->mid_ext)
        g_string_append_printf(out, "a=extmap:%u urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
                               ep->mid_ext ? ep->mid_ext : 4);
    g_string_append_printf(out, "a=ssrc:%u cname:webpeer\r\n", ep->flow.ssrc);
    transport_lines(ep, offer, out);
    if (video) {
        g_string_append_printf(out,
                               "m=video %u UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
                               "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=mid:1\r\n"
                               "a=sendrecv\r\n",
                               cw_addr_port(&ep->local));
        transport_lines(ep, offer, out);
    }
    return g_string_free(out, FALSE);
}

char *wp_sdp_rtp(wp_ep *ep, char *const *names)
{
    GString *out = g_string_new(NULL);

    head(ep, out);
    audio_section(ep, names, "RTP/AVP", out);
    g_string_append(out, "a=ptime:20\r\na=sendrecv\r\n");
    return g_string_free(out, FALSE);
}

/* ── Reading ── */

const wp_format *wp_format_find(const wp_ep *ep, const char *name, unsigned clock_hz)
{
    for (unsigned i = 0; i < ep->format_n; i++)
        if (!g_ascii_strcasecmp(ep->format[i].name, name) &&
            (!clock_hz || ep->format[i].clock_hz == clock_hz))
            return &ep->format[i];
    return NULL;
}

static void copy(char *to, size_t cap, const char *from)
{
    g_strlcpy(to, from, cap);
}

/* a=rtpmap:111 opus/48000/2 replaces what the "m=" line's number stood for. */
static void read_rtpmap(wp_ep *ep, const char *value)
{
    char *end;
    unsigned pt = (unsigned)strtoul(value, &end, 10);
    const char *slash = strchr(end, '/');

    for (unsigned i = 0; slash && *end == ' ' && i < ep->format_n; i++) {
        wp_format *format = &ep->format[i];

        if (format->pt != pt)
            continue;
        copy(format->name, MIN(sizeof format->name, (size_t)(slash - end)), end + 1);
        format->clock_hz = (unsigned)strtoul(slash + 1, NULL, 10);
    }
}

static void read_types(wp_ep *ep, char **words)
{
    ep->format_n = 0;
    for (char **word = words; *word && ep->format_n < WP_FORMATS_MAX; word++) {
        wp_format *format = &ep->format[ep->format_n++];

        *format = (wp_format){ .pt = (uint8_t)atoi(*word), .clock_hz = 8000 };
        for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++)
            if (codecs[i].rtp_pt == format->pt && format->pt < 96)
                copy(format->name, sizeof format->name, codecs[i].name);
    }
}

/* "1 1 udp 2130706431 192.0.2.1 7000 typ host": the first of our family is good enough. */
static void read_candidate(wp_ep *ep, const char *value)
{
    g_auto(GStrv) word = g_strsplit(value, " ", 7);
    cw_addr addr;

    if (cw_addr_family(&ep->remote) != AF_UNSPEC || g_strv_length(word) < 7 ||
        strcmp(word[1], "1") || g_ascii_strcasecmp(word[2], "udp") ||
        cw_addr_from_ip(word[4], strlen(word[4]), (uint16_t)atoi(word[5]), &addr) ||
        cw_addr_family(&addr) != cw_addr_family(&ep->local))
        return;
    ep->remote = addr;
}

static void read_fingerprint(wp_ep *ep, const char *value)
{
    if (g_ascii_strncasecmp(value, "sha-256 ", 8))
        return;
    value += 8;
    for (unsigned i = 0; i < 32 && g_ascii_isxdigit(value[0]) && g_ascii_isxdigit(value[1]); i++) {
        ep->fingerprint[i] =
            (uint8_t)(g_ascii_xdigit_value(value[0]) << 4 | g_ascii_xdigit_value(value[1]));
        value += value[2] ? 3 : 2;
    }
}

static void read_attribute(wp_ep *ep, const char *name, const char *value)
{
    if (!strcmp(name, "rtpmap"))
        read_rtpmap(ep, value);
    else if (!strcmp(name, "candidate") && ep->web)
        read_candidate(ep, value);
    else if (!strcmp(name, "fingerprint"))
        read_fingerprint(ep, value);
    else if (!strcmp(name, "ice-ufrag"))
        copy(ep->remote_ufrag, sizeof ep->remote_ufrag, value);
    else if (!strcmp(name, "ice-pwd"))
        copy(ep->remote_pwd, sizeof ep->remote_pwd, value);
    else if (!strcmp(name, "mid"))
        copy(ep->mid, sizeof ep->mid, value);
    else if (!strcmp(name, "rtcp-mux"))
        ep->rtcp_mux = true;
    else if (!strcmp(name, "extmap") && g_str_has_suffix(value, "hdrext:sdes:mid"))
        ep->mid_ext = (unsigned)atoi(value);
}

/* Session and the first audio section; the others do not matter to us. */
typedef struct place {
    char ip[64];
    unsigned port, rtcp_port;
    bool audio, other;
} place;

static void read_line(wp_ep *ep, place *at, char *line)
{
    g_auto(GStrv) word = g_strsplit(line + 2, " ", 0);
    unsigned n = g_strv_length(word);
    char *colon;

    if (line[0] == 'm') {
        at->other = at->audio || strcmp(word[0], "audio") != 0;
        if (at->other || n < 4)
            return;
        at->audio = true;
        at->port = (unsigned)atoi(word[1]);
        read_types(ep, word + 3);
    } else if (at->other) {
        return;
    } else if (line[0] == 'c' && n == 3) {
        copy(at->ip, sizeof at->ip, word[2]);
    } else if (line[0] == 'a') {
        colon = strchr(line, ':');
        if (colon)
            *colon = 0;
        if (!strcmp(line + 2, "rtcp") && colon)
            at->rtcp_port = (unsigned)atoi(colon + 1);
        read_attribute(ep, line + 2, colon ? colon + 1 : "");
    }
}

static void set_rtp_remote(wp_ep *ep, const place *at)
{
    if (cw_addr_from_ip(at->ip, strlen(at->ip), (uint16_t)at->port, &ep->remote))
        return;
    ep->remote_rtcp = ep->remote;
    if (!ep->rtcp_mux)
        cw_addr_set_port(&ep->remote_rtcp,
                         (uint16_t)(at->rtcp_port ? at->rtcp_port : at->port + 1));
}

const char *wp_sdp_read(wp_ep *ep, const char *sdp)
{
    g_auto(GStrv) lines = g_strsplit(sdp, "\n", 0);
    place at = { 0 };

    ep->remote = (cw_addr){ 0 };
    ep->rtcp_mux = ep->web;
    for (char **line = lines; *line; line++) {
        g_strchomp(*line);
        if (strlen(*line) > 2)
            read_line(ep, &at, *line);
    }
    if (!at.audio)
        return "no audio section";
    if (!at.port)
        return "audio refused";
    if (!ep->web)
        set_rtp_remote(ep, &at);
    else if (!ep->remote_ufrag[0] || !ep->remote_pwd[0])
        return "no ICE credentials";
    if (cw_addr_family(&ep->remote) == AF_UNSPEC)
        return "no address to send to";
    return NULL;
}
