/* floor.c - what the kernel alone takes: the gateway's sockets, its batches, its pauses and its
 * ways in and out (media/io), and between them nothing but the table that says where a packet goes.
 * No RTP is read, nothing is encrypted, counted or renumbered: no gateway with such sockets can
 * take less.
 *
 *   floor ADDRESS PORT-MIN PORT-MAX GATHER-US INTERFACE|-
 *
 * Commands on stdin, a line each; those that ask are answered on stdout:
 *   open shared|own     a call, numbered from 0: its near and far port. A shared near port is one
 * for all calls, who is told by where from a packet comes ends N NEAR FAR     where call N sends,
 * addr:port
 */
#include "base/role.h"
#include "media/io/addrtab.h"
#include "media/io/io.h"
#include "media/io/port.h"
#include "media/worker.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS  256
#define BATCHES 16

/* What comes to a port, or on the shared one from an address, leaves by `fd` to `to`. */
typedef struct way {
    int in; /* to be read; -1: the shared port */
    int out;
    bool at_once;  /* leaves by a connected socket */
    cw_addr local; /* of `in` */
    cw_addr to;
} way;

typedef struct call {
    way near, far; /* what comes from there */
    int rtcp[2];
} call;

static cw_io *io;
static cw_ports *ports;
static int poller, shared_fd = -1;
static cw_addr shared_at, self;
static cw_addrtab by_from, by_local;
static GPtrArray *calls;
static unsigned packets;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int fd, void *of)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = of };

    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
        fail("epoll_ctl");
}

static void serve(int fd, const cw_addr *local, way *w) CW_ON_MEDIA
{
    if (!cw_io_wire(io))
        return;
    cw_addrtab_put(&by_local, local, w);
    cw_wire_serve(cw_io_wire(io), fd, local);
}

/* ── Packets ── */
static void pass(const way *w, cw_pkt *pkt) CW_ON_MEDIA
{
    packets++;
    if (w->at_once)
        cw_io_send(io, w->out, pkt, cw_io_wire(io) ? &w->to : NULL);
    else
        cw_io_queue(io, w->out, pkt, &w->to);
    cw_io_done(io, pkt);
}

static void read_shared(void) CW_ON_MEDIA
{
    unsigned n = CW_IO_BATCH;
    cw_pkt pkt;

    for (unsigned batch = 0; n == CW_IO_BATCH && batch < BATCHES; batch++) {
        n = cw_io_rx_batch(io, shared_fd);
        for (unsigned i = 0; i < n; i++) {
            const way *w = cw_addrtab_get(&by_from, cw_io_from(io, i));

            cw_io_got(io, i, &pkt);
            if (w)
                pass(w, &pkt);
            cw_io_done(io, &pkt);
        }
    }
}

static void read_wire(void) CW_ON_MEDIA
{
    unsigned n = CW_WIRE_BATCH;
    cw_pkt pkt;

    cw_wire_hear(cw_io_wire(io), cw_now_us());
    for (unsigned batch = 0; n == CW_WIRE_BATCH && batch < BATCHES; batch++) {
        n = cw_io_rx_wire(io);
        for (unsigned i = 0; i < n; i++) {
            const cw_frame *frame = cw_io_frame(io, i);
            const way *w = cw_addrtab_get(&by_local, &frame->to);

            if (w && w->in < 0)
                w = cw_addrtab_get(&by_from, &frame->from);
            cw_io_wired(io, i, &pkt);
            if (w)
                pass(w, &pkt);
            cw_io_done(io, &pkt);
        }
    }
}

static void read_one(const way *w) CW_ON_MEDIA
{
    cw_pkt pkt;

    if (cw_io_rx_one(io, w->in, &pkt))
        pass(w, &pkt);
}

/* ── Commands ── */
static way shared_way = { .in = -1 };

static void open_shared(void) CW_ON_MEDIA
{
    socklen_t len = sizeof shared_at;
    int bytes = 4 << 20;

    shared_at = self;
    shared_fd = socket(self.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    (void)setsockopt(shared_fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    if (bind(shared_fd, &self.sa, cw_addr_len(&self)) ||
        getsockname(shared_fd, &shared_at.sa, &len))
        fail("bind");
    watch(shared_fd, &shared_way);
    serve(shared_fd, &shared_at, &shared_way);
}

static void open_port(way *in, way *out, int *rtcp) CW_ON_MEDIA
{
    cw_port_pair pair;

    cw_assert_on_loop();
    if (cw_port_open(ports, &pair))
        fail("ports");
    in->in = out->out = pair.rtp;
    in->local = pair.addr;
    out->at_once = true;
    *rtcp = pair.rtcp; /* open, as a gateway's would be; nothing comes */
    watch(pair.rtp, in);
    serve(pair.rtp, &pair.addr, in);
}

static void open_call(const char *near) CW_ON_MEDIA
{
    call *c = g_new0(call, 1);

    g_ptr_array_add(calls, c);
    open_port(&c->far, &c->near, &c->rtcp[1]);
    if (!g_str_has_prefix(near, "shared")) {
        open_port(&c->near, &c->far, &c->rtcp[0]);
    } else {
        if (shared_fd < 0)
            open_shared();
        c->near.in = -1;
        c->near.local = shared_at;
        c->far.out = shared_fd;
    }
    printf("%u %u\n", cw_addr_port(&c->near.local), cw_addr_port(&c->far.local));
    fflush(stdout);
}

static void set_ends(unsigned n, const char *near, const char *far) CW_ON_MEDIA
{
    call *c = n < calls->len ? g_ptr_array_index(calls, n) : NULL;

    if (!c || cw_addr_parse(near, 0, &c->far.to) || cw_addr_parse(far, 0, &c->near.to))
        fail("ends");
    cw_io_connect(io, c->near.out, &c->near.to);
    if (c->near.in < 0)
        cw_addrtab_put(&by_from, &c->far.to, &c->near);
    else
        cw_io_connect(io, c->far.out, &c->far.to);
}

static void command(void) CW_ON_MEDIA
{
    char line[256], near[64], far[64];
    unsigned n;

    if (!fgets(line, sizeof line, stdin))
        exit(0);
    if (sscanf(line, "open %63s", near) == 1)
        open_call(near);
    else if (sscanf(line, "ends %u %63s %63s", &n, near, far) == 3)
        set_ends(n, near, far);
}

/* ── ── */
static void round_of(cw_gather *gather) CW_ON_MEDIA
{
    struct epoll_event event[EVENTS];
    struct timespec pause = { 0 };
    int n = epoll_wait(poller, event, EVENTS, -1);
    bool commands = false;

    packets = 0;
    for (int i = 0; i < n; i++) {
        if (event[i].data.ptr == &shared_way)
            read_shared();
        else if (event[i].data.ptr == stdin)
            commands = true;
        else if (event[i].data.ptr)
            read_one(event[i].data.ptr);
    }
    if (cw_io_wire(io))
        read_wire();
    cw_io_tx_batch(io);
    if (commands)
        command();
    pause.tv_nsec = (long)cw_gather_next(gather, packets, cw_now_us()) * 1000;
    if (pause.tv_nsec)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static cw_wire *open_wire(const char *interface)
{
    cw_xdp *xdp;
    cw_wire *wire;
    char why[128] = "";
    const int *fd;
    unsigned n;

    cw_assert_on_loop();
    if (cw_xdp_open(interface, 1, &xdp, why) || cw_wire_new(xdp, 0, &wire, why)) {
        fprintf(stderr, "floor: %s\n", why);
        exit(1);
    }
    n = cw_wire_fds(wire, &fd);
    for (unsigned i = 0; i < n; i++)
        watch(fd[i], NULL);
    return wire;
}

int main(int argc, char **argv)
{
    cw_gather gather;

    if (argc != 6 || cw_addr_parse(argv[1], 0, &self))
        return 2;
    cw_role_take(&cw_role_loop);
    cw_role_take(&cw_role_media);
    cw_assert_on_media();
    cw_assert_on_loop();
    setvbuf(stdin, NULL, _IONBF, 0);
    prctl(PR_SET_TIMERSLACK, 1);
    poller = epoll_create1(0);
    io = cw_io_new(strcmp(argv[5], "-") ? open_wire(argv[5]) : NULL);
    ports = cw_ports_new(&self, (uint16_t)atoi(argv[2]), (uint16_t)atoi(argv[3]));
    cw_addrtab_init(&by_from);
    cw_addrtab_init(&by_local);
    calls = g_ptr_array_new();
    cw_gather_init(&gather, (unsigned)atoi(argv[4]));
    watch(STDIN_FILENO, stdin);
    for (;;)
        round_of(&gather);
}
