/* plane_stats.c - what the loop knows of an endpoint's packets. */
#include "media/order.h"
#include "media/rtp/mos.h"

static void browser_stats(const cw_ep *ep, cw_ep_stats *ret) CW_ON_LOOP
{
    const cw_transport *transport = ep->loop_transport;
    const cw_worker *worker = ep->plane->worker[ep->worker];
    unsigned at = CW_CELL_GET(transport->browser);

    if (transport->carried) {
        ret->local = transport->local;
        ret->remote = transport->far;
    } else {
        if (at < worker->browser_n)
            ret->local = worker->browser[at].addr;
        cw_addr_cell_get(&transport->remote, &ret->remote);
    }
    ret->suite = CW_CELL_GET(transport->suite);
}

/* Of all packets so far; the call layer tells it of the last seconds too. */
static void rate(const cw_ep *ep, cw_ep_stats *st) CW_ON_LOOP
{
    uint64_t missed = st->rx_lost + st->rx_discarded, all = st->rx_packets + st->rx_lost;

    if (st->rx_packets)
        st->mos = cw_mos(&(cw_mos_in){ .codec = CW_CELL_GET(ep->count.rx_codec),
                                       .loss = MIN(1, (double)missed / (double)all),
                                       .burst = st->rx_gaps ? (double)st->rx_lost / st->rx_gaps : 1,
                                       .rtt_ms = st->rtt_ms,
                                       .jitter_ms = st->rx_jitter_ms });
}

static void remote_view(const cw_ep *ep, cw_ep_stats *st) CW_ON_LOOP
{
    const cw_ep_count *count = &ep->count;

    st->rtt_ms = CW_CELL_GET(count->rtt_us) / 1000.0;
    st->remote_reports = CW_CELL_GET(count->remote_reports);
    st->remote_lost = CW_CELL_GET(count->remote_lost) / 256.0;
    if (ep->tx_clock_hz)
        st->remote_jitter_ms = CW_CELL_GET(count->remote_jitter) * 1000.0 / ep->tx_clock_hz;
}

void cw_ep_get_stats(const cw_ep *ep, cw_ep_stats *ret)
{
    const cw_ep_count *count = &ep->count;
    uint32_t clock_hz = CW_CELL_GET(count->rx_clock_hz);
    int64_t lost = CW_CELL_GET(count->rx_lost);

    *ret = (cw_ep_stats){ .rx_packets = CW_CELL_GET(count->rx_packets),
                          .rx_bytes = CW_CELL_GET(count->rx_bytes),
                          .tx_packets = CW_CELL_GET(count->tx_packets),
                          .tx_bytes = CW_CELL_GET(count->tx_bytes),
                          .rx_lost = lost > 0 ? (uint64_t)lost : 0,
                          .rx_dropped = CW_CELL_GET(count->rx_dropped),
                          .rx_gaps = CW_CELL_GET(count->rx_gaps),
                          .silent = ep->watch.silent,
                          .alive = ep->watch.on && ep->expects && !ep->watch.dead,
                          .rx_transcoded = CW_CELL_GET(count->transcoded),
                          .rx_concealed_ms = CW_CELL_GET(count->concealed_ms),
                          .rx_discarded = CW_CELL_GET(count->rx_discarded),
                          .rx_delay_ms = CW_CELL_GET(count->delay_ms),
                          .rx_ssrc = CW_CELL_GET(count->rx_ssrc),
                          .rx_pt = CW_CELL_GET(count->rx_pt),
                          .tx_pt = CW_CELL_GET(count->tx_pt) };
    if (clock_hz)
        ret->rx_jitter_ms = CW_CELL_GET(count->rx_jitter16) / 16.0 * 1000 / clock_hz;
    remote_view(ep, ret);
    rate(ep, ret);
    if (ep->kind == CW_EP_BROWSER) {
        browser_stats(ep, ret);
        return;
    }
    ret->local = ep->local;
    ret->suite = CW_CELL_GET(ep->suite);
    cw_addr_cell_get(&count->remote, &ret->remote);
}
