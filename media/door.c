/* door.c - an RTP port's door: who is let in (latch.h), what is RTP and what RTCP. */
#include "media/flow.h"

#include "base/stats.h"

#define VIDEO_BURST 16 /* datagrams of one socket a round: a frame comes as several */

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

/* Before anything is learned from a packet. False: dropped, counted. */
static bool unseal(cw_worker *worker, cw_ep *ep, bool rtcp, cw_pkt *pkt) CW_ON_MEDIA
{
    if (ep->seal.srtp && pkt->len <= CW_RTP_MAX &&
        !cw_seal_open(&ep->seal, rtcp, pkt->slot->data, &pkt->len))
        return true;
    cw_flow_unsealed(worker, ep);
    return false;
}

static void drop(cw_worker *worker, cw_ep *ep, cw_stat why) CW_ON_MEDIA
{
    cw_stat_inc(why);
    cw_flow_drop(worker, ep);
}

static void take_rtcp(cw_worker *worker, cw_ep *ep, cw_pkt *pkt) CW_ON_MEDIA
{
    worker->in++;
    if (pkt->len > CW_RTP_MAX) {
        drop(worker, ep, CW_STAT_packets_malformed);
        return;
    }
    if (ep->guarded && !unseal(worker, ep, true, pkt))
        return;
    if (rtcp_let_in(ep, pkt->from))
        cw_flow_rtcp(worker, ep, pkt->slot->data, pkt->len);
    else
        drop(worker, ep, CW_STAT_packets_stray);
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
    if (__builtin_expect(ep->forked, 0) && cw_flow_is_other(worker, ep, pkt->from)) {
        cw_flow_drop(worker, ep);
        return;
    }
    if (ep->guarded && !unseal(worker, ep, false, pkt))
        return;
    if (cw_rtp_parse(pkt->slot->data, pkt->len, &rtp)) {
        drop(worker, ep, CW_STAT_packets_malformed);
        return;
    }
    verdict = cw_latch_check(&ep->latch, pkt->from, rtp.ssrc, rtp.seq, worker->now_us);
    if (verdict == CW_LATCH_REFUSE) {
        drop(worker, ep, CW_STAT_packets_stray);
        return;
    }
    if (verdict == CW_LATCH_CHOSE)
        latched(worker, ep);
    if (!ep->connected && !ep->forked && cw_addr_same(&ep->latch.source, &ep->latch.to))
        ep->connected = cw_io_connect(worker->io, ep->fd, &ep->latch.to);
    cw_flow_rx(worker, ep, pkt, &rtp);
}

/* RFC 7983 7 */
static bool is_dtls(const cw_pkt *pkt)
{
    return pkt->len > 0 && pkt->slot->data[0] >= 20 && pkt->slot->data[0] <= 63;
}

static void take_dtls(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt) CW_ON_MEDIA
{
    if (cw_latch_allows(&ep->latch, pkt->from) && worker->conf->hooks.dtls)
        worker->conf->hooks.dtls(ep->dtls, pkt->slot->data, pkt->len, pkt->from, ep->fd);
    else
        drop(worker, ep, CW_STAT_dtls_stray);
}

void cw_flow_rtp_take(cw_worker *worker, cw_ep *ep, cw_pkt *pkt)
{
    if (ep->dtls && is_dtls(pkt))
        take_dtls(worker, ep, pkt);
    else if (ep->muxed && cw_is_rtcp(pkt->slot->data, pkt->len))
        take_rtcp(worker, ep, pkt);
    else
        take_rtp(worker, ep, pkt);
    cw_io_done(worker->io, pkt);
}

void cw_flow_rtcp_take(cw_worker *worker, cw_ep *ep, cw_pkt *pkt)
{
    take_rtcp(worker, ep, pkt);
    cw_io_done(worker->io, pkt);
}

void cw_flow_rtp_ready(cw_worker *worker, cw_ep *ep)
{
    unsigned left = ep->video ? VIDEO_BURST : 1;
    cw_pkt pkt;

    while (left-- > 0 && cw_io_rx_one(worker->io, ep->fd, &pkt))
        cw_flow_rtp_take(worker, ep, &pkt);
}

void cw_flow_rtcp_ready(cw_worker *worker, cw_ep *ep)
{
    cw_pkt pkt;

    if (cw_io_rx_one(worker->io, ep->rtcp_fd, &pkt))
        cw_flow_rtcp_take(worker, ep, &pkt);
}
