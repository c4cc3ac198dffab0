#include "media/io/io.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* Every slot a batch can hold: being read into, queued, and one in work. */
#define SLOTS (3 * CW_IO_BATCH)

struct cw_io {
    cw_slot *slot; /* SLOTS of them */
    cw_slot *spare[SLOTS];
    unsigned spare_n;

    struct mmsghdr rx[CW_IO_BATCH];
    struct iovec rx_iov[CW_IO_BATCH];
    cw_addr rx_from[CW_IO_BATCH];
    cw_addr one_from;
    cw_wire *wire; /* NULL: none */
    cw_frame frame[CW_WIRE_BATCH];

    struct mmsghdr tx[CW_IO_BATCH];
    struct iovec tx_iov[CW_IO_BATCH];
    cw_slot *tx_slot[CW_IO_BATCH];
    int tx_fd[CW_IO_BATCH];
    unsigned tx_n;
    unsigned sent, failed;
};

static void set_rx(cw_io *io, unsigned i)
{
    io->rx_iov[i] = (struct iovec){ io->spare[--io->spare_n]->data, CW_IO_READ };
    io->rx[i].msg_hdr = (struct msghdr){ .msg_name = &io->rx_from[i],
                                         .msg_namelen = sizeof io->rx_from[i],
                                         .msg_iov = &io->rx_iov[i],
                                         .msg_iovlen = 1 };
}

cw_io *cw_io_new(cw_wire *wire)
{
    cw_io *io = g_new0(cw_io, 1);

    io->wire = wire;
    io->slot = g_aligned_alloc0(SLOTS, sizeof *io->slot, alignof(cw_slot));
    for (unsigned i = 0; i < SLOTS; i++)
        io->spare[io->spare_n++] = &io->slot[i];
    for (unsigned i = 0; i < CW_IO_BATCH; i++) {
        set_rx(io, i);
        io->tx[i].msg_hdr = (struct msghdr){ .msg_iov = &io->tx_iov[i], .msg_iovlen = 1 };
    }
    return io;
}

void cw_io_free(cw_io *io)
{
    if (!io)
        return;
    cw_wire_free(io->wire);
    g_aligned_free(io->slot);
    g_free(io);
}

cw_wire *cw_io_wire(const cw_io *io)
{
    return io->wire;
}

/* ── In ── */
unsigned cw_io_rx_batch(cw_io *io, int fd)
{
    int n;

    do
        n = recvmmsg(fd, io->rx, CW_IO_BATCH, MSG_DONTWAIT, NULL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? 0 : (unsigned)n;
}

const cw_addr *cw_io_from(const cw_io *io, unsigned i)
{
    return &io->rx_from[i];
}

/* The slot leaves its place in the batch, which gets another: queued packets may stay in theirs. */
void cw_io_got(cw_io *io, unsigned i, cw_pkt *ret)
{
    *ret = (cw_pkt){ (cw_slot *)io->rx_iov[i].iov_base, 0, io->rx[i].msg_len, &io->rx_from[i] };
    if (io->spare_n == 0)
        cw_io_tx_batch(io);
    io->rx_iov[i].iov_base = io->spare[--io->spare_n]->data;
    io->rx[i].msg_hdr.msg_namelen = sizeof io->rx_from[i];
}

bool cw_io_rx_one(cw_io *io, int fd, cw_pkt *ret)
{
    socklen_t from_len = sizeof io->one_from;
    ssize_t n;

    cw_io_blank(io, ret);
    do
        n = recvfrom(fd, ret->slot->data, CW_IO_READ, MSG_DONTWAIT, &io->one_from.sa, &from_len);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        cw_io_done(io, ret);
        return false;
    }
    ret->len = (size_t)n;
    ret->from = &io->one_from;
    return true;
}

unsigned cw_io_rx_wire(cw_io *io)
{
    return cw_wire_rx(io->wire, io->frame);
}

const cw_frame *cw_io_frame(const cw_io *io, unsigned i)
{
    return &io->frame[i];
}

/* What is longer than asked of a socket is cut as there. */
void cw_io_wired(cw_io *io, unsigned i, cw_pkt *ret)
{
    const cw_frame *frame = &io->frame[i];

    cw_io_blank(io, ret);
    ret->len = MIN(frame->len, CW_IO_READ);
    ret->from = &frame->from;
    memcpy(ret->slot->data, frame->data, ret->len);
}

void cw_io_done(cw_io *io, cw_pkt *pkt)
{
    if (pkt->slot)
        io->spare[io->spare_n++] = pkt->slot;
    pkt->slot = NULL;
}

void cw_io_blank(cw_io *io, cw_pkt *ret)
{
    if (io->spare_n == 0)
        cw_io_tx_batch(io);
    *ret = (cw_pkt){ .slot = io->spare[--io->spare_n] };
}

/* ── Out ── */
static bool by_wire(cw_io *io, int fd, const cw_pkt *pkt, const cw_addr *to) CW_ON_MEDIA
{
    if (G_LIKELY(!io->wire) || !to ||
        !cw_wire_tx(io->wire, fd, to, pkt->slot->data + pkt->at, pkt->len))
        return false;
    io->sent++;
    return true;
}

void cw_io_send(cw_io *io, int fd, const cw_pkt *pkt, const cw_addr *to)
{
    socklen_t to_len = to ? cw_addr_len(to) : 0;
    unsigned tries = 2; /* a connected socket first tells of an ICMP error to an earlier packet */
    ssize_t n;

    if (by_wire(io, fd, pkt, to))
        return;
    do
        n = sendto(fd, pkt->slot->data + pkt->at, pkt->len, MSG_DONTWAIT | MSG_NOSIGNAL,
                   to ? &to->sa : NULL, to_len);
    while (n < 0 && (errno == EINTR || (errno == ECONNREFUSED && --tries > 0)));
    if (n < 0)
        io->failed++;
    else
        io->sent++;
}

bool cw_io_connect(cw_io *io, int fd, const cw_addr *to)
{
    static const cw_addr none; /* AF_UNSPEC: undo; the port stays bound */

    return !io->wire &&
           connect(fd, to ? &to->sa : &none.sa, to ? cw_addr_len(to) : sizeof none.sa) == 0;
}

void cw_io_queue(cw_io *io, int fd, cw_pkt *pkt, const cw_addr *to)
{
    unsigned i;

    if (by_wire(io, fd, pkt, to))
        return;
    if (io->tx_n == CW_IO_BATCH)
        cw_io_tx_batch(io);
    i = io->tx_n++;
    io->tx_iov[i] = (struct iovec){ pkt->slot->data + pkt->at, pkt->len };
    io->tx[i].msg_hdr.msg_name = (void *)(uintptr_t)to;
    io->tx[i].msg_hdr.msg_namelen = to->sa.sa_family == AF_INET ? sizeof to->in4 : sizeof to->in6;
    io->tx_fd[i] = fd;
    io->tx_slot[i] = pkt->slot;
    pkt->slot = NULL;
}

/* Those from `at` on that leave by the same socket; returns how many are dealt with. */
static unsigned send_run(cw_io *io, unsigned at)
{
    unsigned end = at + 1;
    int n;

    while (end < io->tx_n && io->tx_fd[end] == io->tx_fd[at])
        end++;
    n = sendmmsg(io->tx_fd[at], io->tx + at, end - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
        io->sent += (unsigned)n;
        return (unsigned)n;
    }
    if (errno == EINTR)
        return 0;
    io->failed++; /* the first was refused (no route, buffer full): the others get their try */
    return 1;
}

void cw_io_tx_batch(cw_io *io)
{
    if (io->wire)
        cw_wire_flush(io->wire);
    for (unsigned at = 0; at < io->tx_n;)
        at += send_run(io, at);
    for (unsigned i = 0; i < io->tx_n; i++)
        io->spare[io->spare_n++] = io->tx_slot[i];
    io->tx_n = 0;
}

void cw_io_count(cw_io *io, unsigned *sent, unsigned *failed)
{
    *sent = io->sent;
    *failed = io->failed;
    io->sent = io->failed = 0;
}
