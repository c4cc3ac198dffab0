#include "media/flow.h"

#include "media/transport.h"

#define VIDEO_BURST 16 /* datagrams of one socket a round: a frame comes as several */

void cw_flow_drop(cw_worker *worker, cw_ep *ep)
{
    CW_CELL_ADD(ep->count.rx_dropped, 1);
    worker->dropped++;
}

static void hear(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt) CW_ON_MEDIA
{
    ep->heard = true;
    cw_addr_cell_set(&ep->count.remote, pkt->from);
    cw_notes_raise(worker->notes, &ep->note, CW_NOTE_FIRST);
}

/* ── Digits seen ── */
/* The ring is for the loop to empty; more digits than it holds before it looked are nobody's. */
static void tell_digit(cw_worker *worker, cw_ep *ep, unsigned event, uint32_t ticks,
                       uint32_t clock_hz)
{
    unsigned end = CW_CELL_GET(ep->digit_end);
    unsigned begin = atomic_load_explicit(&ep->digit_begin, memory_order_acquire);

    if (end - begin == CW_DIGITS_SEEN)
        return;
    ep->digit[end % CW_DIGITS_SEEN] =
        (cw_digit){ cw_dtmf_digit(event),
                    (unsigned)((uint64_t)ticks * 1000 / (clock_hz ? clock_hz : 8000)) };
    atomic_store_explicit(&ep->digit_end, end + 1, memory_order_release);
    cw_notes_raise(worker->notes, &ep->note, CW_NOTE_DIGIT);
}

static uint32_t event_clock(const cw_ep *ep) CW_ON_MEDIA
{
    for (unsigned i = 0; ep->rx_formats && i < ep->rx_formats->format_n; i++)
        if (cw_format_is_dtmf(&ep->rx_formats->format[i]))
            return ep->rx_formats->format[i].clock_hz;
    return 8000;
}

static void see_event(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt,
                      const cw_rtp *rtp) CW_ON_MEDIA
{
    uint32_t ticks;
    uint8_t event;

    bool ended = cw_dtmf_seen(&ep->dtmf_see, pkt->slot->data + rtp->payload_at, rtp->payload_len,
                              rtp->ts, worker->now_us, &event, &ticks);

    ep->dtmf_open = ep->dtmf_see.open;
    if (ended)
        tell_digit(worker, ep, event, ticks, cw_format_clock(ep->rx_formats, rtp->pt));
}

static void see_silence(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    uint32_t ticks;
    uint8_t event;

    if (cw_dtmf_overdue(&ep->dtmf_see, worker->now_us, &event, &ticks))
        tell_digit(worker, ep, event, ticks, event_clock(ep));
    ep->dtmf_open = ep->dtmf_see.open;
}

/* ── In ── */
static void new_format(cw_ep *ep, unsigned pt) CW_ON_MEDIA
{
    uint32_t clock_hz = cw_format_clock(ep->rx_formats, pt);

    ep->rx.pt = (uint8_t)pt;
    ep->rx.tick_mul = cw_tick_mul(clock_hz);
    CW_CELL_SET(ep->count.rx_pt, (uint8_t)pt);
    CW_CELL_SET(ep->count.rx_clock_hz, clock_hz);
}

static void restart(cw_ep *ep, const cw_rtp *rtp) CW_ON_MEDIA
{
    CW_CELL_SET(ep->count.rx_ssrc, rtp->ssrc);
    ep->dtmf_see = (cw_dtmf_see){ 0 };
    ep->dtmf_open = false;
    if (ep->out)
        ep->out->tx.resync = true;
}

static cw_rx_verdict count_rx(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt,
                              const cw_rtp *rtp) CW_ON_MEDIA
{
    cw_rx_verdict verdict = cw_rx_count(&ep->rx, rtp);

    if (verdict == CW_RX_DROP)
        return verdict;
    if (verdict == CW_RX_RESTART)
        restart(ep, rtp);
    CW_CELL_ADD(ep->count.rx_packets, 1);
    CW_CELL_ADD(ep->count.rx_bytes, rtp->payload_len);
    CW_CELL_SET(ep->count.rx_lost, cw_rx_lost(&ep->rx));

    if (cw_pt_in(ep->rx_dtmf, rtp->pt)) {
        see_event(worker, ep, pkt, rtp);
        return verdict;
    }
    if (ep->dtmf_open)
        see_silence(worker, ep);
    if (rtp->pt != ep->rx.pt || verdict == CW_RX_RESTART)
        new_format(ep, rtp->pt);
    if (verdict != CW_RX_LATE) {
        cw_rx_time(&ep->rx, rtp, worker->now_us);
        CW_CELL_SET(ep->count.rx_jitter16, ep->rx.jitter16);
    }
    return verdict;
}

/* Its number is given to the next one, so that the far side sees no loss. */
static void skip(cw_worker *worker, cw_ep *ep, cw_rx_verdict verdict) CW_ON_MEDIA
{
    cw_flow_drop(worker, ep);
    if (verdict == CW_RX_NEXT)
        ep->out->tx.seq_add--;
}

void cw_flow_rx(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp)
{
    unsigned pt = rtp->pt;
    cw_ep *out = ep->out;
    cw_rx_verdict verdict;

    if (!cw_pt_in(ep->rx_known, pt)) {
        cw_flow_drop(worker, ep);
        return;
    }
    if (!(ep->dir & CW_RECVONLY)) {
        if (out)
            out->tx.resync = true;
        return;
    }
    if (!ep->heard)
        hear(worker, ep, pkt);
    verdict = count_rx(worker, ep, pkt, rtp);
    if (verdict == CW_RX_DROP) {
        cw_flow_drop(worker, ep);
        return;
    }
    if (!out)
        return;
    rtp->pt = ep->map[pt];
    if (rtp->pt == CW_PT_NONE) {
        skip(worker, ep, verdict);
        return;
    }
    if (cw_pt_in(ep->rx_dtmf, pt) && rtp->payload_len >= CW_DTMF_LEN)
        cw_dtmf_scale(pkt->slot->data + rtp->payload_at, cw_format_clock(ep->rx_formats, pt),
                      cw_format_clock(out->tx_formats, rtp->pt));
    cw_flow_tx(worker, out, pkt, rtp);
}

/* ── Out ── */
static void send_pkt(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, bool rtcp) CW_ON_MEDIA
{
    bool apart = rtcp && !ep->muxed;
    const cw_addr *to;

    if (ep->kind == CW_EP_BROWSER) {
        if (ep->transport)
            cw_transport_send(worker, ep->transport, pkt, rtcp);
        return;
    }
    to = apart ? &ep->rtcp_to : &ep->latch.to;
    if (cw_addr_family(to) == AF_UNSPEC || ep->fd < 0)
        return;
    cw_io_send(worker->io, apart ? ep->rtcp_fd : ep->fd, pkt, ep->connected && !apart ? NULL : to);
    worker->out++;
}

static void send_rtp(cw_worker *worker, cw_ep *out, cw_pkt *pkt, const cw_rtp *rtp) CW_ON_MEDIA
{
    size_t start = cw_rtp_rewrite(pkt->slot->data, rtp);

    pkt->at = start;
    pkt->len -= start;
    CW_CELL_ADD(out->count.tx_packets, 1);
    CW_CELL_ADD(out->count.tx_bytes, rtp->payload_len);
    CW_CELL_SET(out->count.tx_pt, rtp->pt);
    send_pkt(worker, out, pkt, false);
}

void cw_flow_tx(cw_worker *worker, cw_ep *out, cw_pkt *pkt, cw_rtp *rtp)
{
    if (!(out->dir & CW_SENDONLY) || out->dtmf_busy) {
        out->tx.resync = true;
        return;
    }
    if (cw_tx_place(&out->tx, rtp, worker->now_us))
        send_rtp(worker, out, pkt, rtp);
}

void cw_flow_insert(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp)
{
    cw_tx_insert(&ep->tx, rtp, worker->now_us);
    send_rtp(worker, ep, pkt, rtp);
}

/* ── RTCP ── */
/* The newest of B's numbers that A was sent, from the newest of ours and their difference. */
static uint32_t newest_of_source(const cw_ep *a, const cw_ep *b) CW_ON_MEDIA
{
    uint16_t seq = (uint16_t)(a->tx.newest - a->tx.seq_add);

    return b->rx.newest + (uint32_t)(int16_t)(seq - (uint16_t)b->rx.newest);
}

void cw_flow_rtcp(cw_worker *worker, cw_ep *ep, const uint8_t *data, size_t len)
{
    cw_ep *b = ep->out;
    cw_rtcp_map map;
    cw_pkt pkt;

    if (!b || cw_rtcp_check(data, len))
        return;
    map = (cw_rtcp_map){ .a_media = ep->rx.begun ? ep->rx.ssrc : 0,
                         .a_gets = ep->tx.ssrc,
                         .b_media = b->rx.begun ? b->rx.ssrc : 0,
                         .b_gets = b->tx.ssrc,
                         .ts_add = b->tx.ts_add,
                         .a_newest = ep->tx.newest,
                         .b_newest = newest_of_source(ep, b),
                         .packets = (uint32_t)CW_CELL_GET(b->count.tx_packets),
                         .octets = (uint32_t)CW_CELL_GET(b->count.tx_bytes) };
    memcpy(map.cname, worker->cname, sizeof map.cname);
    cw_io_blank(worker->io, &pkt);
    pkt.len = cw_rtcp_translate(data, len, &map, pkt.slot->data, CW_RTP_MAX);
    if (pkt.len > 0)
        send_pkt(worker, b, &pkt, true);
    cw_io_done(worker->io, &pkt);
}

void cw_flow_keyframe(cw_worker *worker, cw_ep *ep)
{
    cw_pkt pkt;

    if (!ep->rx.begun)
        return;
    cw_io_blank(worker->io, &pkt);
    pkt.len = cw_rtcp_pli(ep->tx.ssrc, ep->rx.ssrc, worker->cname, pkt.slot->data, CW_RTP_MAX);
    send_pkt(worker, ep, &pkt, true);
    cw_io_done(worker->io, &pkt);
}

/* ── An RTP port's door ── */
/* RTCP counts when it comes from where SDP said or from the host that the media comes from. */
static bool rtcp_let_in(cw_ep *ep, const cw_addr *from) CW_ON_MEDIA
{
    if (ep->muxed && cw_addr_same(from, &ep->latch.source))
        return true;
    if (cw_addr_same(from, &ep->rtcp_told) || cw_addr_same(from, &ep->rtcp_to))
        return true;
    if (!ep->latch.explained || !cw_addr_eq_ip(from, &ep->latch.source))
        return false;
    ep->rtcp_to = *from; /* the NAT's port for RTCP */
    return true;
}

static void take_rtcp(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt) CW_ON_MEDIA
{
    worker->in++;
    if (pkt->len <= CW_RTP_MAX && rtcp_let_in(ep, pkt->from))
        cw_flow_rtcp(worker, ep, pkt->slot->data, pkt->len);
    else
        cw_flow_drop(worker, ep);
}

static void latched(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    cw_addr_cell_set(&ep->count.remote, &ep->latch.source);
    if (ep->latch.explained) {
        ep->rtcp_to = ep->latch.source;
        cw_addr_set_port(&ep->rtcp_to, (uint16_t)(cw_addr_port(&ep->latch.source) + 1));
    }
    cw_notes_raise(worker->notes, &ep->note, CW_NOTE_LATCHED);
}

static void take_rtp(cw_worker *worker, cw_ep *ep, cw_pkt *pkt) CW_ON_MEDIA
{
    cw_latch_verdict verdict;
    cw_rtp rtp;

    worker->in++;
    if (cw_rtp_parse(pkt->slot->data, pkt->len, &rtp)) {
        cw_flow_drop(worker, ep);
        return;
    }
    verdict = cw_latch_check(&ep->latch, pkt->from, rtp.ssrc, rtp.seq, worker->now_us);
    if (verdict == CW_LATCH_REFUSE) {
        cw_flow_drop(worker, ep);
        return;
    }
    if (verdict == CW_LATCH_CHOSE)
        latched(worker, ep);
    if (!ep->connected && cw_addr_same(&ep->latch.source, &ep->latch.to))
        ep->connected = cw_io_connect(ep->fd, &ep->latch.to);
    cw_flow_rx(worker, ep, pkt, &rtp);
}

void cw_flow_rtp_ready(cw_worker *worker, cw_ep *ep)
{
    unsigned left = ep->video ? VIDEO_BURST : 1;
    cw_pkt pkt;

    while (left-- > 0 && cw_io_rx_one(worker->io, ep->fd, &pkt)) {
        if (ep->muxed && cw_is_rtcp(pkt.slot->data, pkt.len))
            take_rtcp(worker, ep, &pkt);
        else
            take_rtp(worker, ep, &pkt);
        cw_io_done(worker->io, &pkt);
    }
}

void cw_flow_rtcp_ready(cw_worker *worker, cw_ep *ep)
{
    cw_pkt pkt;

    if (!cw_io_rx_one(worker->io, ep->rtcp_fd, &pkt))
        return;
    take_rtcp(worker, ep, &pkt);
    cw_io_done(worker->io, &pkt);
}
