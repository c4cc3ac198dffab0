#include "media/flow.h"

#include "media/rtp/mos.h"
#include "media/transport.h"
#include "media/video.h"

void cw_flow_drop(cw_worker *worker, cw_ep *ep)
{
    CW_CELL_ADD(ep->count.rx_dropped, 1);
    worker->dropped++;
}

void cw_flow_unsealed(cw_worker *worker, cw_ep *ep)
{
    worker->unsealed++;
    cw_flow_drop(worker, ep);
}

static void hear(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt) CW_ON_MEDIA
{
    ep->heard = true;
    cw_addr_cell_set(&ep->count.remote, pkt->from);
    cw_notes_raise(worker->notes, &ep->note, CW_NOTE_FIRST);
}

/* ── In ── */
static void new_format(cw_ep *ep, unsigned pt) CW_ON_MEDIA
{
    const cw_format *format = cw_format_by_pt(ep->rx_formats, pt);
    uint32_t clock_hz = format ? format->clock_hz : 0;

    ep->rx.pt = (uint8_t)pt;
    cw_rx_clock(&ep->rx, clock_hz);
    CW_CELL_SET(ep->count.rx_codec, (uint8_t)(format ? cw_mos_codec_of(format->name) : 0));
    CW_CELL_SET(ep->count.rx_pt, (uint8_t)pt);
    CW_CELL_SET(ep->count.rx_clock_hz, clock_hz);
}

static void restart(cw_ep *ep, const cw_rtp *rtp) CW_ON_MEDIA
{
    CW_CELL_SET(ep->count.rx_ssrc, rtp->ssrc);
    ep->dtmf_see = (cw_dtmf_see){ .nth = ep->dtmf_see.nth };
    ep->dtmf_open = false;
    if (ep->out)
        ep->out->tx.resync = true;
}

static void lost(cw_ep *ep) CW_ON_MEDIA
{
    CW_CELL_SET(ep->count.rx_lost, cw_rx_lost(&ep->rx));
    CW_CELL_SET(ep->count.rx_gaps, ep->rx.gaps);
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
    if (cw_rx_lost(&ep->rx) != CW_CELL_GET(ep->count.rx_lost))
        lost(ep);

    if (rtp->pt != ep->rx.pt && cw_pt_in(ep->rx_dtmf, rtp->pt)) {
        cw_flow_see_event(worker, ep, pkt, rtp);
        return verdict;
    }
    if (ep->dtmf_open)
        cw_flow_see_silence(worker, ep);
    if (rtp->pt != ep->rx.pt || verdict == CW_RX_RESTART)
        new_format(ep, rtp->pt);
    if (verdict != CW_RX_LATE) {
        if (cw_rx_time(&ep->rx, rtp, worker->now_us))
            CW_CELL_ADD(ep->count.rx_discarded, 1);
        CW_CELL_SET(ep->count.rx_jitter16, ep->rx.jitter16);
    }
    return verdict;
}

/* Its number is given to the next one, so that the far side sees no loss. Events are followed. */
static void skip(cw_worker *worker, cw_ep *ep, unsigned pt, cw_rx_verdict verdict) CW_ON_MEDIA
{
    if (!cw_pt_in(ep->rx_dtmf, pt))
        cw_flow_drop(worker, ep);
    if (verdict == CW_RX_NEXT && !ep->trans) /* what is transcoded has numbers of its own */
        ep->out->tx.seq_add--;
}

static uint8_t map_pt(cw_ep *ep, unsigned pt) CW_ON_MEDIA
{
    ep->pt = (uint8_t)pt;
    ep->pt_out = ep->map[pt];
    return ep->pt_out;
}

void cw_flow_rx(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp)
{
    unsigned pt = rtp->pt;
    cw_ep *out = ep->out;
    cw_rx_verdict verdict;

    if (__builtin_expect(ep->video, 0) && !cw_video_rx(worker, ep, pkt, rtp))
        return;
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
    if (__builtin_expect(ep->listening, 0))
        cw_flow_listen(worker, ep, pkt, rtp);
    if (!out)
        return;
    rtp->pt = pt == ep->pt ? ep->pt_out : map_pt(ep, pt);
    if (rtp->pt >= CW_PT_TRANSCODE) {
        if (rtp->pt == CW_PT_TRANSCODE)
            cw_flow_transcode(worker, ep, pkt, rtp, pt);
        else
            skip(worker, ep, pt, verdict);
        return;
    }
    cw_flow_tx(worker, out, pkt, rtp);
}

/* ── Out ── */
static bool seal(cw_ep *ep, cw_pkt *pkt, bool rtcp) CW_ON_MEDIA
{
    return ep->seal.srtp && !cw_seal_close(&ep->seal, rtcp, pkt->slot->data + pkt->at, &pkt->len);
}

void cw_flow_send(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, bool rtcp)
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
    if (ep->guarded && !seal(ep, pkt, rtcp))
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
    if (__builtin_expect(out->video, 0))
        cw_video_tx(worker, out, pkt, rtp->seq);
    cw_flow_send(worker, out, pkt, false);
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
