/* flow.c - RTP out by schedule, RTP in to the meter. */
#include "webpeer.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC      0x57503031u /* what a stamped payload begins with */
#define STAMP_LEN  12
#define SLOTS      (1000000 / WP_TICK_US) /* of one second */
#define SR_EVERY   250                    /* packets: 5 s at 50 a second */
#define MID_FIRST  25                     /* packets that carry the MID extension (RFC 8843 9.2) */
#define DTMF_END_N 3                      /* RFC 4733 2.5.1.4 */

/* One second, a slot a tick; an endpoint with 50 packets a second stands in every 80th. */
static GPtrArray *slots[SLOTS];
static unsigned flows;
static uint64_t next_tick; /* not yet run, in ticks of the monotonic clock */

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* ── Out ── */

static size_t header(wp_ep *ep, uint8_t *p, uint8_t pt, bool marker, uint32_t ts)
{
    wp_flow *flow = &ep->flow;
    size_t mid_len = strlen(ep->mid), len = 12;

    p[0] = 0x80;
    p[1] = (uint8_t)(pt | (marker ? 0x80 : 0));
    put16(p + 2, flow->seq++);
    put32(p + 4, ts);
    put32(p + 8, flow->ssrc);
    if (ep->web && ep->mid_ext && mid_len && mid_len <= 16 && ep->meter.sent < MID_FIRST) {
        size_t words = (1 + mid_len + 3) / 4;

        p[0] |= 0x10;
        memset(p + 12, 0, 4 + words * 4);
        put16(p + 12, 0xbede);
        put16(p + 14, (unsigned)words);
        p[16] = (uint8_t)(ep->mid_ext << 4 | (mid_len - 1));
        memcpy(p + 17, ep->mid, mid_len);
        len += 4 + words * 4;
    }
    return len;
}

static void leave(wp_ep *ep, uint8_t *p, size_t len, bool rtcp)
{
    bool beside = rtcp && ep->rtcp_sock && !ep->rtcp_mux;

    if (ep->web &&
        (rtcp ? cw_srtp_protect_rtcp(ep->srtp, p, &len) : cw_srtp_protect(ep->srtp, p, &len)))
        return;
    if (ep->flow.last && !rtcp) {
        memcpy(ep->flow.last, p, len);
        ep->flow.last_len = len;
    }
    wp_tx_commit(ep, beside ? ep->rtcp_sock : ep->sock, len,
                 beside ? &ep->remote_rtcp : &ep->remote);
    *(rtcp ? &ep->meter.sent_rtcp : &ep->meter.sent) += 1;
}

static size_t put_frame(uint8_t *p, GBytes *frame)
{
    size_t len;
    const void *data = g_bytes_get_data(frame, &len);

    memcpy(p, data, len);
    return len;
}

static size_t payload(wp_ep *ep, uint8_t *p)
{
    wp_flow *flow = &ep->flow;
    uint64_t now = wp_wall_ns();
    const uint8_t *tone;
    unsigned first;

    switch (flow->codec) {
    case WP_PCMA:
    case WP_PCMU:
        tone = wp_tone(flow->codec == WP_PCMA, flow->tone_hz);
        first = MIN(flow->bytes, 8000 - flow->tone_at);
        memcpy(p, tone + flow->tone_at, first);
        memcpy(p + first, tone, flow->bytes - first);
        flow->tone_at = (flow->tone_at + flow->bytes) % 8000;
        break;
    case WP_FRAMES:
        flow->frame_at = (flow->frame_at + 1) % flow->frames->len;
        return put_frame(p, flow->frames->pdata[flow->frame_at]);
    default:
        memset(p + STAMP_LEN, 0x55, flow->bytes - STAMP_LEN);
        put32(p, MAGIC);
        put32(p + 4, (uint32_t)(now >> 32));
        put32(p + 8, (uint32_t)now);
    }
    return flow->bytes;
}

/* SR and SDES (RFC 3550 6.4.1, 6.5) */
static void send_report(wp_ep *ep)
{
    wp_flow *flow = &ep->flow;
    uint8_t *p = wp_tx_buffer();
    uint64_t now = wp_wall_ns();

    put32(p, 0x80c80006);
    put32(p + 4, flow->ssrc);
    put32(p + 8, (uint32_t)(now / 1000000000u + 2208988800u));
    put32(p + 12, (uint32_t)(((now % 1000000000u) << 32) / 1000000000u));
    put32(p + 16, flow->ts);
    put32(p + 20, (uint32_t)ep->meter.sent);
    put32(p + 24, flow->octets);
    put32(p + 28, 0x81ca0004);
    put32(p + 32, flow->ssrc);
    memcpy(p + 36, "\1\7webpeer\0\0\0", 12);
    leave(ep, p, 48, true);
}

static const char digits[] = "0123456789*#ABCD";

static void send_dtmf(wp_ep *ep)
{
    wp_flow *flow = &ep->flow;
    uint8_t *p = wp_tx_buffer();
    bool end = flow->dtmf_left <= DTMF_END_N;
    bool first = flow->dtmf_duration == 0;
    size_t at;

    if (flow->dtmf_left > DTMF_END_N - 1)
        flow->dtmf_duration += flow->dtmf_clock_hz / flow->pps;
    at = header(ep, p, flow->dtmf_pt, first, flow->dtmf_ts);
    p[at] = (uint8_t)(strchr(digits, flow->digit) - digits);
    p[at + 1] = (uint8_t)(end ? 0x80 | 10 : 10);
    put16(p + at + 2, flow->dtmf_duration);
    leave(ep, p, at + 4, false);
    flow->dtmf_left--;
}

static void send_one(wp_ep *ep)
{
    wp_flow *flow = &ep->flow;
    uint8_t *p;
    size_t at, len;

    if (ep->web && ep->state != WP_CONNECTED)
        return;
    if (flow->dtmf_left) {
        send_dtmf(ep);
    } else {
        p = wp_tx_buffer();
        at = header(ep, p, flow->pt, ep->meter.sent == 0, flow->ts);
        len = payload(ep, p + at);
        flow->octets += (uint32_t)len;
        leave(ep, p, at + len, false);
    }
    flow->ts += flow->ts_step;
    if (ep->meter.sent % SR_EVERY == SR_EVERY / 2)
        send_report(ep);
}

void wp_flow_run(uint64_t now_us)
{
    uint64_t now = now_us / WP_TICK_US;

    if (now + 1 == next_tick)
        return;
    if (now - next_tick > SLOTS / 10) /* far behind, or the first time: do not make up for it */
        next_tick = now;
    for (; next_tick <= now; next_tick++) {
        GPtrArray *slot = slots[next_tick % SLOTS];

        for (unsigned i = 0; slot && i < slot->len; i++)
            send_one(slot->pdata[i]);
    }
    wp_tx_flush();
}

bool wp_flow_any(void)
{
    return flows > 0;
}

static void schedule(wp_ep *ep, bool on)
{
    unsigned period = SLOTS / ep->flow.pps;

    for (unsigned i = ep->flow.slot; i < SLOTS; i += period) {
        if (!slots[i])
            slots[i] = g_ptr_array_new();
        if (on)
            g_ptr_array_add(slots[i], ep);
        else
            g_ptr_array_remove(slots[i], ep);
    }
    flows += on ? 1 : -1u;
}

/* The emptiest of the first period. */
static unsigned best_slot(unsigned pps)
{
    unsigned best = 0, least = G_MAXUINT;

    for (unsigned i = 0; i < SLOTS / pps; i++) {
        unsigned n = slots[i] ? slots[i]->len : 0;

        if (n < least) {
            least = n;
            best = i;
        }
    }
    return best;
}

static void find_dtmf(wp_ep *ep, unsigned clock_hz)
{
    const wp_format *format = wp_format_find(ep, "telephone-event", clock_hz);

    if (!format)
        format = wp_format_find(ep, "telephone-event", 0);
    ep->flow.dtmf_pt = format ? format->pt : 0xff;
    ep->flow.dtmf_clock_hz = format ? format->clock_hz : 8000;
}

/* NULL, or why not. */
static const char *start(wp_ep *ep, const char *name, wp_codec codec, unsigned pps, unsigned bytes)
{
    wp_flow *flow = &ep->flow;
    const wp_format *format = wp_format_find(ep, name, 0);

    if (!format)
        return "the far side has no such codec";
    if (!pps || SLOTS % pps)
        return "pps out of range";
    flow->codec = codec;
    flow->pt = format->pt;
    flow->pps = pps;
    flow->bytes = bytes;
    flow->ts_step = format->clock_hz / pps;
    find_dtmf(ep, format->clock_hz);
    flow->slot = best_slot(pps);
    flow->on = true;
    schedule(ep, true);
    return NULL;
}

const char *wp_flow_start(wp_ep *ep, const char *codec, unsigned pps, unsigned bytes, unsigned hz)
{
    bool stamped = g_str_has_suffix(codec, "-bytes");
    g_autofree char *name = stamped ? g_strndup(codec, strlen(codec) - 6) : g_strdup(codec);
    wp_codec kind = stamped                             ? WP_BYTES
                    : !g_ascii_strcasecmp(name, "PCMA") ? WP_PCMA
                    : !g_ascii_strcasecmp(name, "PCMU") ? WP_PCMU
                                                        : WP_BYTES;

    if (!pps || bytes > 1200 || bytes < STAMP_LEN || !hz)
        return "pps, bytes or tone_hz out of range";
    wp_flow_stop(ep);
    ep->flow.tone_hz = hz;
    return start(ep, name, kind, pps, kind == WP_BYTES ? bytes : 8000 / pps);
}

const char *wp_flow_frames(wp_ep *ep, const char *codec, unsigned pps, GPtrArray *frames)
{
    wp_flow_stop(ep);
    ep->flow.frames = g_ptr_array_ref(frames);
    ep->flow.frame_at = 0;
    return start(ep, codec, WP_FRAMES, pps, 0);
}

void wp_flow_stop(wp_ep *ep)
{
    if (ep->flow.on)
        schedule(ep, false);
    ep->flow.on = false;
    g_clear_pointer(&ep->flow.frames, g_ptr_array_unref);
}

const char *wp_flow_dtmf(wp_ep *ep, char digit, unsigned duration_ms)
{
    wp_flow *flow = &ep->flow;

    if (!flow->on)
        return "not sending";
    if (flow->dtmf_pt == 0xff)
        return "the far side has no telephone-event";
    if (!digit || !strchr(digits, digit) || flow->dtmf_left)
        return "no such digit, or one is being sent";
    flow->digit = digit;
    flow->dtmf_duration = 0;
    flow->dtmf_ts = flow->ts;
    flow->dtmf_left = MAX(duration_ms * flow->pps / 1000, 1) + DTMF_END_N - 1;
    return NULL;
}

const char *wp_flow_again(wp_ep *ep, unsigned count, bool forge)
{
    wp_flow *flow = &ep->flow;
    uint8_t packet[WP_PACKET_MAX];

    if (!flow->last) {
        flow->last = g_malloc0(WP_PACKET_MAX);
        return NULL;
    }
    if (!flow->last_len)
        return "nothing was sent yet";
    memcpy(packet, flow->last, flow->last_len);
    for (unsigned i = 0; i < count; i++) {
        if (forge) {
            put16(packet + 2, flow->seq + i);
            packet[flow->last_len - 1] ^= 0x5a;
        }
        wp_send(ep, ep->sock, packet, flow->last_len, &ep->remote);
    }
    return NULL;
}

/* ── In ── */

static void heard_dtmf(wp_ep *ep, const uint8_t *data, size_t len, uint32_t ts)
{
    char digit[2] = { 0 };

    if (len < 4 || !(data[1] & 0x80) || data[0] > 15 || (ep->rx_any && ep->rx_dtmf_ts == ts))
        return;
    ep->rx_dtmf_ts = ts;
    digit[0] = digits[data[0]];
    wp_event(ep, "dtmf", "info",
             json_pack("{s:s, s:i}", "digit", digit, "duration", data[2] << 8 | data[3]));
}

/* What our own SDP calls this number; the far side sends with ours, which answers theirs. */
static const char *name_of(const wp_ep *ep, uint8_t pt)
{
    for (unsigned i = 0; i < ep->format_n; i++)
        if (ep->format[i].pt == pt)
            return ep->format[i].name;
    return "";
}

static void heard(wp_ep *ep, const uint8_t *data, size_t len, uint8_t pt, uint64_t at_ns)
{
    if (len >= STAMP_LEN && get32(data) == MAGIC) {
        uint64_t sent = (uint64_t)get32(data + 4) << 32 | get32(data + 8);

        if (at_ns > sent)
            wp_meter_latency(&ep->meter, at_ns - sent);
    } else if (pt == 0 || pt == 8) {
        wp_meter_samples(&ep->meter, data, len);
    }
}

static void rtp_in(wp_ep *ep, const uint8_t *data, size_t len, uint64_t at_ns)
{
    size_t at = 12 + 4u * (data[0] & 15);
    uint32_t ts = get32(data + 4);

    if (data[0] & 0x10 && len >= at + 4)
        at += 4 + 4u * (size_t)(data[at + 2] << 8 | data[at + 3]);
    if (len < at)
        return;
    ep->meter.bytes += len;
    wp_meter_packet(&ep->meter, (uint16_t)(data[2] << 8 | data[3]), get32(data + 8), data[1] & 127);
    if (!strcmp(name_of(ep, data[1] & 127), "telephone-event"))
        heard_dtmf(ep, data + at, len - at, ts);
    else
        heard(ep, data + at, len - at, data[1] & 127, at_ns);
    if (!ep->rx_any)
        wp_event(ep, "first_packet", NULL, NULL);
    ep->rx_any = true;
    ep->rx_ts = ts;
}

void wp_flow_packet(wp_ep *ep, wp_sock *sock, uint8_t *data, size_t len, uint64_t at_ns)
{
    bool rtcp = sock->rtcp || (data[1] >= 192 && data[1] <= 223); /* RFC 5761 4 */
    cw_err err = CW_OK;

    if (ep->web && !ep->srtp)
        return;
    if (ep->web)
        err = rtcp ? cw_srtp_unprotect_rtcp(ep->srtp, data, &len)
                   : cw_srtp_unprotect(ep->srtp, data, &len);
    if (err || len < (rtcp ? 8u : 12u))
        ep->meter.bad++;
    else if (rtcp)
        ep->meter.received_rtcp++;
    else
        rtp_in(ep, data, len, at_ns);
}
