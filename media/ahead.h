/* ahead.h - memory asked for while earlier packets of the batch are worked on: at thousands of
 * streams hardly anything a packet needs is in the cache, and each line found there saves what some
 * hundred instructions take.
 *
 * What packet n+3 needs is asked for when packet n is begun, in steps, since one line says where
 * the next is. A wrong guess costs nothing but time.
 */
#ifndef CW_MEDIA_AHEAD_H
#define CW_MEDIA_AHEAD_H

#include "media/transport.h"

#define CW_AHEAD 3

/* A packet for the RTP port of `ep` is `left` packets away. */
static inline void cw_ahead_rtp(const cw_ep *ep, unsigned left) CW_ON_MEDIA
{
    const cw_transport *transport = left < 2 && ep->out ? ep->out->transport : NULL;

    if (left == 3) {
        cw_ep_expect_rx(ep);
    } else if (left == 2) {
        if (ep->out)
            cw_ep_expect_tx(ep->out);
    } else if (transport && left == 1) {
        __builtin_prefetch(transport);
        __builtin_prefetch(&transport->addr);
    } else if (transport && transport->seal.srtp) {
        cw_srtp_expect(transport->seal.srtp, true);
    }
}

/* A packet of the browser behind `transport` is `left` packets away. */
static inline void cw_ahead_browser(const cw_transport *transport, unsigned left) CW_ON_MEDIA
{
    const cw_ep *ep = transport->ssrc_n > 0 ? transport->by_ssrc[0].ep : NULL;

    if (left == 2 && transport->seal.srtp)
        cw_srtp_expect(transport->seal.srtp, false);
    if (left == 2 && ep)
        cw_ep_expect_rx(ep);
    if (left == 1 && transport->seal.srtp)
        cw_srtp_expect_more(transport->seal.srtp, false);
    if (left == 1 && ep && ep->out)
        cw_ep_expect_tx(ep->out);
}

static inline void cw_ahead_transport(const cw_transport *transport) CW_ON_MEDIA
{
    __builtin_prefetch(transport, 1);
    __builtin_prefetch(&transport->addr, 1);
    __builtin_prefetch(&transport->by_ssrc);
}

#endif
