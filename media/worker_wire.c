/* worker_wire.c - a worker's packets that come by a wire (wire.h), beside its sockets. */
#include "base/stats.h"
#include "media/transport.h"

#include <sys/socket.h>

#define BATCHES 16 /* a round; then the sockets get their turn */

static cw_addr local_of(int fd)
{
    cw_addr addr = { 0 };
    socklen_t len = sizeof addr;

    (void)getsockname(fd, &addr.sa, &len);
    return addr;
}

void cw_worker_serve(cw_worker *worker, int fd, uint64_t tagged)
{
    cw_addr local = local_of(fd);

    cw_addrtab_put(&worker->by_local, &local, (void *)(uintptr_t)tagged);
    cw_wire_serve(cw_io_wire(worker->io), fd, &local);
}

void cw_worker_unserve(cw_worker *worker, int fd, uint64_t tagged)
{
    cw_addr local = local_of(fd);

    cw_addrtab_remove(&worker->by_local, &local, (void *)(uintptr_t)tagged);
    cw_wire_unserve(cw_io_wire(worker->io), fd);
}

static void *of_tagged(uint64_t tagged)
{
    return (void *)(uintptr_t)(tagged & ~(uint64_t)CW_TAG_MASK);
}

/* Whose they are is found for all first, so that memory is there when needed. The program in the
 * kernel compared the address itself. */
static void look_up(cw_worker *worker, unsigned n, uint64_t owner[]) CW_ON_MEDIA
{
    for (unsigned i = 0; i < n; i++) {
        const cw_frame *frame = cw_io_frame(worker->io, i);

        owner[i] = (uintptr_t)cw_addrtab_get(&worker->by_local, &frame->to);
        if (owner[i] && (owner[i] & CW_TAG_MASK) == CW_TAG_RTP)
            cw_ep_prefetch(of_tagged(owner[i]));
        else if (owner[i])
            cw_transport_expect(worker, &frame->from);
    }
}

/* Who sends for the one two further on. */
static void look_ahead(uint64_t owner) CW_ON_MEDIA
{
    const cw_ep *ep = of_tagged(owner);

    if (ep && (owner & CW_TAG_MASK) == CW_TAG_RTP && ep->out)
        cw_ep_prefetch(ep->out);
}

static void dispatch(cw_worker *worker, uint64_t owner, unsigned i) CW_ON_MEDIA
{
    void *of = of_tagged(owner);
    cw_pkt pkt;

    if (!of) /* its port closed meanwhile */
        return;
    cw_io_wired(worker->io, i, &pkt);
    if ((owner & CW_TAG_MASK) == CW_TAG_RTP)
        cw_flow_rtp_take(worker, of, &pkt);
    else if ((owner & CW_TAG_MASK) == CW_TAG_RTCP)
        cw_flow_rtcp_take(worker, of, &pkt);
    else
        cw_transport_take(worker, of, &pkt);
}

void cw_worker_read_wire(cw_worker *worker)
{
    uint64_t owner[CW_WIRE_BATCH + 2];
    unsigned n = CW_WIRE_BATCH;

    cw_wire_hear(cw_io_wire(worker->io), worker->now_us);
    for (unsigned batch = 0; n == CW_WIRE_BATCH && batch < BATCHES; batch++) {
        n = cw_io_rx_wire(worker->io);
        if (n > 0)
            cw_stat_add(CW_STAT_packets_xdp, n);
        look_up(worker, n, owner);
        owner[n] = owner[n + 1] = 0;
        for (unsigned i = 0; i < n; i++) {
            look_ahead(owner[i + 2]);
            dispatch(worker, owner[i], i);
        }
    }
}
