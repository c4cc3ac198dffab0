/* flow_rtcp.c - RTCP of an endpoint: in, translated, out. */
#include "media/flow.h"

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

    CW_CELL_ADD(ep->count.rx_rtcp, 1);
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
        cw_flow_send(worker, b, &pkt, true);
    cw_io_done(worker->io, &pkt);
}

void cw_flow_keyframe(cw_worker *worker, cw_ep *ep)
{
    cw_pkt pkt;

    if (!ep->rx.begun)
        return;
    cw_io_blank(worker->io, &pkt);
    pkt.len = cw_rtcp_pli(ep->tx.ssrc, ep->rx.ssrc, worker->cname, pkt.slot->data, CW_RTP_MAX);
    cw_flow_send(worker, ep, &pkt, true);
    cw_io_done(worker->io, &pkt);
}
