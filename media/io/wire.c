#include "media/io/path.h"
#include "media/io/wire_priv.h"
#include "media/io/xdp_key.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#define RX_FRAMES  2048 /* of each queue: 20 ms of 100,000 packets a second */
#define TX_FRAMES  1024
#define FRAMES     (RX_FRAMES + TX_FRAMES)
#define FRAME_LEN  2048
#define AREA_LEN   ((size_t)FRAMES * FRAME_LEN)
#define KICK       32   /* frames the kernel sends for one call */
#define TRIES      64   /* calls before what is left waits for the next round */
#define IP_MAX     1280 /* larger may not fit the path (RFC 8200 5), which the kernel knows */
#define ETHER      14
#define BUSY_US    2000
#define BUSY_TRIES 100

/* A queue's rings, and the memory the frames are in. */
typedef struct queue {
    struct xsk_umem *umem;
    struct xsk_socket *socket;
    struct xsk_ring_cons rx, done;
    struct xsk_ring_prod tx, fill;
    uint8_t *area;
    unsigned held; /* received frames still read */
    uint64_t frame[CW_WIRE_BATCH];
} queue;

struct cw_wire {
    cw_xdp *xdp;
    uint32_t worker;
    cw_paths *paths;
    unsigned queue_n;
    queue *queue[CW_XDP_QUEUES_MAX]; /* sends by the first */
    int fd[CW_XDP_QUEUES_MAX];
    unsigned next; /* queue to read */
    uint64_t now_us;
    uint64_t spare[TX_FRAMES];
    unsigned spare_n, unsent;
    cw_addr *local; /* by descriptor; AF_UNSPEC: not served */
    unsigned local_n;
};

/* ── Rings ── */
static void queue_free(queue *q)
{
    if (q->socket)
        xsk_socket__delete(q->socket);
    if (q->umem)
        (void)xsk_umem__delete(q->umem);
    if (q->area)
        munmap(q->area, AREA_LEN);
    g_free(q);
}

static int make_umem(queue *q)
{
    struct xsk_umem_config conf = { .fill_size = RX_FRAMES,
                                    .comp_size = TX_FRAMES,
                                    .frame_size = FRAME_LEN };

    q->area = mmap(NULL, AREA_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (q->area == MAP_FAILED) {
        q->area = NULL;
        return ENOMEM;
    }
    return -xsk_umem__create(&q->umem, q->area, AREA_LEN, &q->fill, &q->done, &conf);
}

/* The kernel lets go of a queue some milliseconds after the socket before was closed. */
static int make_socket(queue *q, const cw_xdp *xdp, unsigned number)
{
    struct xsk_socket_config conf = { .rx_size = RX_FRAMES,
                                      .tx_size = TX_FRAMES,
                                      .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
                                      .bind_flags = XDP_USE_NEED_WAKEUP };
    int err = EBUSY;

    for (unsigned i = 0; i < BUSY_TRIES && err == EBUSY; i++) {
        if (i > 0)
            g_usleep(BUSY_US);
        err =
            -xsk_socket__create(&q->socket, xdp->interface, number, q->umem, &q->rx, &q->tx, &conf);
    }
    return err ? err : -xsk_socket__update_xskmap(q->socket, xdp->sockets);
}

static void fill_all(queue *q)
{
    uint32_t at = 0;

    (void)xsk_ring_prod__reserve(&q->fill, RX_FRAMES, &at);
    for (unsigned i = 0; i < RX_FRAMES; i++)
        *xsk_ring_prod__fill_addr(&q->fill, at + i) = (uint64_t)i * FRAME_LEN;
    xsk_ring_prod__submit(&q->fill, RX_FRAMES);
}

static cw_err add_queue(cw_wire *wire, unsigned number, char why[static 128])
{
    queue *q = wire->queue[wire->queue_n++] = g_new0(queue, 1);
    int err = make_umem(q);

    if (!err)
        err = make_socket(q, wire->xdp, number);
    if (err) {
        snprintf(why, 128, "XDP on %s: queue %u: %s%s", wire->xdp->interface, number,
                 g_strerror(err),
                 err == ENOBUFS || err == ENOMEM ? " (may be more locked memory is needed)" : "");
        return CW_E_IO;
    }
    fill_all(q);
    wire->fd[wire->queue_n - 1] = xsk_socket__fd(q->socket);
    return CW_OK;
}

cw_err cw_wire_new(cw_xdp *xdp, unsigned worker, cw_wire **ret, char why[static 128])
{
    cw_wire *wire;
    cw_err err = CW_OK;

    *ret = NULL;
    if (worker >= xdp->queues)
        return CW_OK;
    wire = g_new0(cw_wire, 1);
    wire->xdp = xdp;
    wire->worker = worker;
    wire->paths = cw_paths_new(xdp->index, xdp->own);
    if (!wire->paths) {
        snprintf(why, 128, "XDP on %s: rtnetlink: %s", xdp->interface, g_strerror(errno));
        err = CW_E_IO;
    }
    for (unsigned i = worker; !err && i < xdp->queues; i += xdp->workers)
        err = add_queue(wire, i, why);
    if (err) {
        cw_wire_free(wire);
        return err;
    }
    for (unsigned i = 0; i < TX_FRAMES; i++)
        wire->spare[wire->spare_n++] = (uint64_t)(RX_FRAMES + i) * FRAME_LEN;
    *ret = wire;
    return CW_OK;
}

void cw_wire_free(cw_wire *wire)
{
    if (!wire)
        return;
    for (unsigned i = 0; i < wire->queue_n; i++)
        queue_free(wire->queue[i]);
    cw_paths_free(wire->paths);
    g_free(wire->local);
    g_free(wire);
}

unsigned cw_wire_fds(const cw_wire *wire, const int **ret)
{
    *ret = wire->fd;
    return wire->queue_n;
}

/* ── Ports ── */
static cw_xdp_key key_of(const cw_addr *local)
{
    cw_xdp_key key = { .port = htons(cw_addr_port(local)) };

    if (local->sa.sa_family == AF_INET6)
        memcpy(key.addr, &local->in6.sin6_addr, sizeof key.addr);
    else
        key.addr[3] = local->in4.sin_addr.s_addr;
    return key;
}

void cw_wire_serve(cw_wire *wire, int fd, const cw_addr *local)
{
    cw_xdp_key key = key_of(local);
    unsigned n = wire->local_n;

    if (fd < 0 || cw_addr_is_any(local) ||
        bpf_map_update_elem(wire->xdp->ports, &key, &wire->worker, BPF_ANY))
        return; /* the kernel's way is open */
    if ((unsigned)fd >= n) {
        wire->local_n = MAX((unsigned)fd + 1, n * 2);
        wire->local = g_renew(cw_addr, wire->local, wire->local_n);
        memset(wire->local + n, 0, (wire->local_n - n) * sizeof *wire->local);
    }
    wire->local[fd] = *local;
}

static const cw_addr *local_of(const cw_wire *wire, int fd)
{
    if ((unsigned)fd >= wire->local_n || cw_addr_family(&wire->local[fd]) == AF_UNSPEC)
        return NULL;
    return &wire->local[fd];
}

void cw_wire_unserve(cw_wire *wire, int fd)
{
    const cw_addr *local = local_of(wire, fd);
    cw_xdp_key key;

    if (!local)
        return;
    key = key_of(local);
    (void)bpf_map_delete_elem(wire->xdp->ports, &key);
    wire->local[fd] = (cw_addr){ 0 };
}

/* ── In ── */
/* The frames handed out last time go back to the kernel. */
static void give_back(queue *q)
{
    uint32_t at;

    if (q->held == 0 || xsk_ring_prod__reserve(&q->fill, q->held, &at) != q->held)
        return;
    for (unsigned i = 0; i < q->held; i++)
        *xsk_ring_prod__fill_addr(&q->fill, at + i) = q->frame[i];
    xsk_ring_prod__submit(&q->fill, q->held);
    q->held = 0;
    if (xsk_ring_prod__needs_wakeup(&q->fill))
        (void)recvfrom(xsk_socket__fd(q->socket), NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

static unsigned take(queue *q, cw_frame ret[static CW_WIRE_BATCH])
{
    uint32_t at, n = xsk_ring_cons__peek(&q->rx, CW_WIRE_BATCH, &at);
    unsigned good = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&q->rx, at + i);

        q->frame[i] = desc->addr;
        if (!cw_frame_parse(q->area + desc->addr, desc->len, &ret[good]))
            good++;
    }
    q->held = n;
    if (n > 0)
        xsk_ring_cons__release(&q->rx, n);
    return good;
}

unsigned cw_wire_rx(cw_wire *wire, cw_frame ret[static CW_WIRE_BATCH])
{
    for (unsigned i = 0; i < wire->queue_n; i++) {
        queue *q = wire->queue[wire->next];
        unsigned n;

        wire->next = (wire->next + 1) % wire->queue_n;
        give_back(q);
        n = take(q, ret);
        if (n > 0)
            return n;
    }
    return 0;
}

/* ── Out ── */
static void reclaim(cw_wire *wire)
{
    queue *q = wire->queue[0];
    uint32_t at, n = xsk_ring_cons__peek(&q->done, TX_FRAMES, &at);

    for (uint32_t i = 0; i < n; i++)
        wire->spare[wire->spare_n++] = *xsk_ring_cons__comp_addr(&q->done, at + i);
    if (n > 0)
        xsk_ring_cons__release(&q->done, n);
}

/* Frames the kernel has not taken yet. */
static uint32_t waiting(const queue *q)
{
    return q->tx.cached_prod - __atomic_load_n(q->tx.consumer, __ATOMIC_ACQUIRE);
}

void cw_wire_flush(cw_wire *wire)
{
    queue *q = wire->queue[0];

    for (unsigned i = 0; wire->unsent > 0 && i < TRIES; i++) {
        if (xsk_ring_prod__needs_wakeup(&q->tx))
            (void)sendto(xsk_socket__fd(q->socket), NULL, 0, MSG_DONTWAIT, NULL, 0);
        if (waiting(q) == 0)
            wire->unsent = 0;
    }
}

static bool get_spare(cw_wire *wire, uint64_t *ret)
{
    if (wire->spare_n == 0)
        reclaim(wire);
    if (wire->spare_n == 0)
        return false;
    *ret = wire->spare[--wire->spare_n];
    return true;
}

bool cw_wire_tx(cw_wire *wire, int fd, const cw_addr *to, const uint8_t *data, size_t len)
{
    const cw_addr *local = local_of(wire, fd);
    queue *q = wire->queue[0];
    const cw_link *link;
    struct xdp_desc *desc;
    uint64_t frame;
    uint32_t at;

    if (!local || len > IP_MAX + ETHER - CW_FRAME_MAX || local->sa.sa_family != to->sa.sa_family)
        return false;
    link = cw_paths_find(wire->paths, local, to, wire->now_us);
    if (!link || !get_spare(wire, &frame))
        return false;
    if (xsk_ring_prod__reserve(&q->tx, 1, &at) != 1) {
        wire->spare[wire->spare_n++] = frame;
        return false;
    }
    desc = xsk_ring_prod__tx_desc(&q->tx, at);
    desc->addr = frame;
    desc->len = (uint32_t)cw_frame_print(q->area + frame, link, local, to, data, len);
    desc->options = 0;
    xsk_ring_prod__submit(&q->tx, 1);
    if (++wire->unsent >= KICK)
        cw_wire_flush(wire);
    return true;
}

void cw_wire_hear(cw_wire *wire, uint64_t now_us)
{
    wire->now_us = now_us;
    cw_paths_hear(wire->paths, now_us);
}
