/* others.c - an RTP port of a forked call: several far sides may send to it, one is heard. Who
 * shall be it next is told to the loop, which knows what they have described. */
#include "media/others.h"

#include "media/flow.h"

#define SILENT_US 400000 /* without a packet: twenty of the usual length */

static bool is_silent(const cw_worker *worker, const cw_ep *ep) CW_ON_MEDIA
{
    return !(ep->dir & CW_RECVONLY) || !ep->rx.at_us || worker->now_us - ep->rx.at_us > SILENT_US;
}

/* The one told to be there; else one whose NAT would explain the address. */
static const cw_ep_other *find(const cw_ep *ep, const cw_addr *from) CW_ON_MEDIA
{
    const cw_others *others = ep->others;

    for (unsigned i = 0; i < others->n; i++)
        if (cw_addr_eq(from, &others->at[i].rtp))
            return &others->at[i];
    for (unsigned i = 0; i < others->n; i++)
        if (ep->latch.mode != CW_LATCH_STRICT && cw_latch_explains(&others->at[i].rtp, from))
            return &others->at[i];
    return NULL;
}

bool cw_flow_is_other(cw_worker *worker, cw_ep *ep, const cw_addr *from)
{
    const cw_ep_other *other;

    if (cw_addr_same(from, &ep->latch.source) || cw_addr_eq(from, &ep->latch.told))
        return false;
    other = find(ep, from);
    if (!other)
        return false;
    if (!ep->others->told && (other->eager || is_silent(worker, ep))) {
        ep->others->told = true;
        atomic_store_explicit(&ep->other_heard, other->id, memory_order_relaxed);
        cw_notes_raise(worker->notes, &ep->note, CW_NOTE_OTHER);
    }
    return true;
}

void cw_flow_others(cw_worker *worker, cw_ep *ep, cw_others *others)
{
    g_free(ep->others);
    ep->others = others;
    ep->forked = others;
    if (others && ep->connected) /* a connected socket hears nobody else */
        ep->connected = !cw_io_connect(worker->io, ep->fd, NULL);
}
