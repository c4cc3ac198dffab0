/* worker_wire.c - a worker's packets that come by a wire (wire.h), beside its sockets. */
#include "base/stats.h"
#include "media/ahead.h"

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

/* A frame of the batch. */
typedef struct coming {
    uint64_t owner;       /* tagged, as epoll's data; 0: nobody */
    cw_transport *likely; /* browser port: what its source's address says */
} coming;

/* Whose they are is found for all first. The program in the kernel compared the address itself. */
static void look_up(cw_worker *worker, unsigned n, coming in[]) CW_ON_MEDIA
{
    for (unsigned i = 0; i < n; i++) {
        const cw_frame *frame = cw_io_frame(worker->io, i);

        in[i].owner = (uintptr_t)cw_addrtab_get(&worker->by_local, &frame->to);
        in[i].likely = NULL;
        if ((in[i].owner & CW_TAG_MASK) == CW_TAG_BROWSER)
            in[i].likely = cw_addrtab_get(&worker->by_addr, &frame->from);
        if (in[i].likely)
            cw_ahead_transport(in[i].likely);
    }
    memset(in + n, 0, (CW_AHEAD + 1) * sizeof *in);
}

static void look_ahead(const coming in[]) CW_ON_MEDIA
{
    for (unsigned left = 0; left <= CW_AHEAD; left++) {
        if (in[left].likely)
            cw_ahead_browser(in[left].likely, left);
        else if (in[left].owner && (in[left].owner & CW_TAG_MASK) == CW_TAG_RTP)
            cw_ahead_rtp(of_tagged(in[left].owner), left);
    }
}

static void dispatch(cw_worker *worker, const coming *in, unsigned i) CW_ON_MEDIA
{
    void *of = of_tagged(in->owner);
    cw_pkt pkt;

    if (!of) /* its port closed meanwhile */
        return;
    cw_io_wired(worker->io, i, &pkt);
    if ((in->owner & CW_TAG_MASK) == CW_TAG_RTP)
        cw_flow_rtp_take(worker, of, &pkt);
    else if ((in->owner & CW_TAG_MASK) == CW_TAG_RTCP)
        cw_flow_rtcp_take(worker, of, &pkt);
    else
        cw_transport_take(worker, of, in->likely, &pkt);
}

void cw_worker_read_wire(cw_worker *worker)
{
    coming in[CW_WIRE_BATCH + CW_AHEAD + 1];
    unsigned n = CW_WIRE_BATCH;

    cw_wire_hear(cw_io_wire(worker->io), worker->now_us);
    for (unsigned batch = 0; n == CW_WIRE_BATCH && batch < BATCHES; batch++) {
        n = cw_io_rx_wire(worker->io);
        if (n > 0)
            cw_stat_add(CW_STAT_packets_xdp, n);
        look_up(worker, n, in);
        for (unsigned i = 0; i < n; i++) {
            look_ahead(in + i);
            dispatch(worker, &in[i], i);
        }
    }
}
