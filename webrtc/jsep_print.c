/* Our offer or answer to a browser: one bundle (RFC 9429 5.2, 5.3; RFC 8839, RFC 8840). */
#include "webrtc/jsep.h"

#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

typedef struct writer {
    const cw_jsep *local;
    bool is_offer;
    GString *out;
    int tagged; /* the first live stream carries the candidates */
} writer;

void cw_jsep_mirror(const cw_jsep *offer, cw_jsep *local)
{
    memcpy(local->mid, offer->mid, sizeof local->mid);
    local->mid_ext = offer->mid_ext;
}

/* "" when an answer's section has none. */
static const char *mid_of(const writer *w, unsigned i, char buf[static 12])
{
    if (w->local->mid[i][0] || !w->is_offer)
        return w->local->mid[i];
    g_snprintf(buf, 12, "%u", i);
    return buf;
}

static int first_live(const cw_media_desc *desc)
{
    for (unsigned i = 0; i < desc->stream_n; i++)
        if (!desc->stream[i].refused)
            return (int)i;
    return -1;
}

/* What stands in c= and m= (RFC 8839 4.2.1.2); AF_UNSPEC: nothing yet, candidates will trickle. */
static const cw_addr *default_addr(const cw_jsep *local)
{
    static const cw_addr none;

    for (unsigned i = 0; i < local->candidate_n; i++)
        if (local->candidate[i].way == CW_WAY_UDP)
            return &local->candidate[i].addr;
    return &none;
}

static void print_session(const writer *w)
{
    const cw_jsep *local = w->local;
    const cw_addr *at = default_addr(local);
    bool v6 = cw_addr_family(at) == AF_INET6;
    char ip[CW_ADDR_STR], mid[12];
    GString *group = g_string_new(NULL);

    g_string_append_printf(w->out, "v=0\r\no=causeway %" G_GUINT64_FORMAT " %u IN %s %s\r\n",
                           local->session_id, local->version, v6 ? "IP6" : "IP4",
                           cw_addr_family(at) ? cw_addr_print_ip(at, ip) : "127.0.0.1");
    g_string_append(w->out, "s=-\r\nt=0 0\r\n");
    for (unsigned i = 0; i < local->desc.stream_n; i++)
        if (!local->desc.stream[i].refused && mid_of(w, i, mid)[0])
            g_string_append_printf(group, " %s", mid_of(w, i, mid));
    if (group->len)
        g_string_append_printf(w->out, "a=group:BUNDLE%s\r\n", group->str);
    g_string_append(w->out, local->full_ice ? "a=ice-options:trickle\r\n" : "a=ice-lite\r\n");
    g_string_free(group, TRUE);
}

static void print_fingerprint(const writer *w)
{
    const cw_fingerprint *print = &w->local->fingerprint;

    if (!print->len)
        return;
    cw_fingerprint_print(w->out, print);
}

static void print_candidates(const writer *w)
{
    const cw_jsep *local = w->local;
    char text[CW_CANDIDATE_PRINT];

    for (unsigned i = 0; i < local->candidate_n; i++)
        g_string_append_printf(w->out, "a=%s\r\n", cw_candidate_print(&local->candidate[i], text));
    if (local->complete)
        g_string_append(w->out, "a=end-of-candidates\r\n");
}

static void print_transport(const writer *w, unsigned i)
{
    const cw_jsep *local = w->local;

    g_string_append_printf(w->out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", local->ufrag, local->pwd);
    print_fingerprint(w);
    g_string_append_printf(w->out, "a=setup:%s\r\na=rtcp-mux\r\n",
                           w->is_offer ? "actpass" : "passive");
    if ((int)i == w->tagged)
        print_candidates(w);
}

static bool has_rtx(const cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt < 128 && stream->format[i].rtx_pt)
            return true;
    return false;
}

/* The browser makes one MediaStream of what has one stream id (RFC 8830). */
static void print_source(const writer *w, unsigned i)
{
    const cw_jsep *local = w->local;
    const char *cname = local->cname[0] ? local->cname : "causeway";
    bool rtx = has_rtx(&local->desc.stream[i]);

    if (local->desc.stream[i].dir & CW_SENDONLY)
        g_string_append_printf(w->out, "a=msid:%s %s-%u\r\n", cname, cname, i);
    if (!local->ssrc[i])
        return;
    /* RFC 5576 4.2, RFC 4588 8.2; Chromium takes the first SSRC for the stream's. */
    if (rtx)
        g_string_append_printf(w->out, "a=ssrc-group:FID %u %u\r\n", local->ssrc[i],
                               local->rtx_ssrc[i]);
    g_string_append_printf(w->out, "a=ssrc:%u cname:%s\r\n", local->ssrc[i], cname);
    if (rtx)
        g_string_append_printf(w->out, "a=ssrc:%u cname:%s\r\n", local->rtx_ssrc[i], cname);
}

static void print_section(const writer *w, unsigned i)
{
    static const cw_addr none;
    const cw_jsep *local = w->local;
    const cw_stream *stream = &local->desc.stream[i];
    const cw_addr *at = default_addr(local);
    unsigned port = cw_addr_port(at); /* 0 would refuse the section */
    char buf[12];
    const char *mid = mid_of(w, i, buf);

    cw_sdp_print_stream(w->out, stream, "UDP/TLS/RTP/SAVPF", port ? port : 9, at);
    if (stream->refused)
        cw_sdp_print_connection(w->out, &none);
    if (mid[0])
        g_string_append_printf(w->out, "a=mid:%s\r\n", mid);
    if (stream->refused) {
        g_string_append(w->out, "a=inactive\r\n");
        return;
    }
    print_transport(w, i);
    if (local->mid_ext && mid[0])
        g_string_append_printf(w->out, "a=extmap:%u urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
                               local->mid_ext);
    print_source(w, i);
}

char *cw_jsep_print(const cw_jsep *local, bool is_offer)
{
    writer w = {
        .local = local,
        .is_offer = is_offer,
        .out = g_string_sized_new(2048),
        .tagged = first_live(&local->desc),
    };

    print_session(&w);
    for (unsigned i = 0; i < local->desc.stream_n; i++)
        print_section(&w, i);
    return g_string_free(w.out, FALSE);
}
