#include "media/worker.h"

#include "base/ident.h"
#include "base/stats.h"
#include "media/ahead.h"
#include "media/carried.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX   256
#define RCVBUF_BYTES (4 << 20)
#define TICK_US      (CW_TONE_MS * 1000)
#define NTP_EPOCH    UINT64_C(2208988800) /* seconds from 1900 to 1970 */
#define TICK_LATE_US 100000               /* later than this the missed ticks are let go */

/* ── Sockets ── */
static uint64_t tagged(const void *of, unsigned tag)
{
    return (uintptr_t)of | tag;
}

static bool watch(cw_worker *worker, int fd, const void *of, unsigned tag)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = tagged(of, tag) };

    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* A failure shows as silence and as such in the counters; the kernel's limit on watches is far. */
void cw_worker_watch(cw_worker *worker, cw_ep *ep)
{
    (void)watch(worker, ep->fd, ep, CW_TAG_RTP);
    (void)watch(worker, ep->rtcp_fd, ep, CW_TAG_RTCP);
    if (!cw_io_wire(worker->io))
        return;
    cw_worker_serve(worker, ep->fd, tagged(ep, CW_TAG_RTP));
    cw_worker_serve(worker, ep->rtcp_fd, tagged(ep, CW_TAG_RTCP));
}

void cw_worker_unwatch(cw_worker *worker, cw_ep *ep)
{
    if (cw_io_wire(worker->io)) {
        cw_worker_unserve(worker, ep->fd, tagged(ep, CW_TAG_RTP));
        cw_worker_unserve(worker, ep->rtcp_fd, tagged(ep, CW_TAG_RTCP));
    }
    (void)epoll_ctl(worker->epoll, EPOLL_CTL_DEL, ep->fd, NULL);
    (void)epoll_ctl(worker->epoll, EPOLL_CTL_DEL, ep->rtcp_fd, NULL);
}

/* What the whole worker shares: its browser ports, and the wire itself. */
static void watch_wire(cw_worker *worker) CW_ON_MEDIA
{
    const int *fd;
    unsigned n;

    if (!cw_io_wire(worker->io))
        return;
    n = cw_wire_fds(cw_io_wire(worker->io), &fd);
    for (unsigned i = 0; i < n; i++)
        (void)watch(worker, fd[i], NULL, CW_TAG_WIRE);
    for (unsigned i = 0; i < worker->browser_n; i++)
        cw_worker_serve(worker, worker->browser[i].fd, tagged(&worker->browser[i], CW_TAG_BROWSER));
}

static void want_buffer(int fd, int force, int plain)
{
    int bytes = RCVBUF_BYTES;

    if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof bytes))
        (void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
}

static bool open_browser_port(cw_browser_port *port, const cw_addr *first, unsigned index)
{
    socklen_t len = sizeof port->addr;
    int only = 1;

    port->addr = *first;
    if (cw_addr_port(first))
        cw_addr_set_port(&port->addr, (uint16_t)(cw_addr_port(first) + index));
    port->fd = socket(first->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (port->fd < 0)
        return false;
    if (first->sa.sa_family == AF_INET6)
        (void)setsockopt(port->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    want_buffer(port->fd, SO_RCVBUFFORCE, SO_RCVBUF);
    want_buffer(port->fd, SO_SNDBUFFORCE, SO_SNDBUF);
    return bind(port->fd, &port->addr.sa, cw_addr_len(&port->addr)) == 0 &&
           getsockname(port->fd, &port->addr.sa, &len) == 0;
}

/* ── The thread ── */
static void dispatch(cw_worker *worker, uint64_t data) CW_ON_MEDIA
{
    void *of = (void *)(uintptr_t)(data & ~(uint64_t)CW_TAG_MASK);

    switch (data & CW_TAG_MASK) {
    case CW_TAG_RTP:
        cw_flow_rtp_ready(worker, of);
        break;
    case CW_TAG_RTCP:
        cw_flow_rtcp_ready(worker, of);
        break;
    case CW_TAG_BROWSER:
        cw_transport_ready(worker, of);
        break;
    default:
        break; /* mail is read after the packets, the wire each round */
    }
}

static void run_mail(cw_worker *worker) CW_ON_MEDIA
{
    cw_mail *mail = cw_box_take(&worker->box);

    while (mail) {
        cw_mail *next = mail->next;

        mail->run(worker, mail);
        mail = next;
    }
}

void cw_worker_tick(cw_worker *worker, cw_ep *ep, bool on)
{
    if (on == ep->ticking)
        return;
    ep->ticking = on;
    if (!on) {
        g_ptr_array_remove_fast(worker->ticking, ep);
        return;
    }
    if (worker->ticking->len == 0)
        worker->tick_us = worker->now_us;
    g_ptr_array_add(worker->ticking, ep);
}

static void run_ticks(cw_worker *worker) CW_ON_MEDIA
{
    if (worker->ticking->len == 0 || worker->now_us < worker->tick_us)
        return;
    worker->tick++;
    for (guint i = worker->ticking->len; i-- > 0;) /* one may leave the list */
        cw_flow_tick(worker, g_ptr_array_index(worker->ticking, i));
    cw_tones_trim(worker->tones, worker->ticking->len ? worker->tick : worker->tick + 1);
    worker->tick_us += TICK_US;
    if (worker->now_us > worker->tick_us + TICK_LATE_US)
        worker->tick_us = worker->now_us + TICK_US;
}

static void run_timers(cw_worker *worker) CW_ON_MEDIA
{
    run_ticks(worker);
    if (worker->consent_us && worker->now_us >= worker->consent_us)
        worker->consent_us = cw_transport_consent(worker);
    if (worker->report_us && worker->now_us >= worker->report_us)
        cw_report_run(worker);
}

/* Milliseconds epoll may wait, -1: nothing is due ever. */
static int next_timer(const cw_worker *worker) CW_ON_MEDIA
{
    uint64_t at = worker->consent_us, now = cw_now_us();

    if (worker->report_us && (!at || worker->report_us < at))
        at = worker->report_us;
    if (worker->ticking->len > 0 && (!at || worker->tick_us < at))
        at = worker->tick_us;
    if (!at)
        return -1;
    return at <= now ? 0 : (int)MIN((at - now + 999) / 1000, 60000);
}

static void tell_counts(cw_worker *worker) CW_ON_MEDIA
{
    if (worker->in)
        cw_stat_add(CW_STAT_packets_in, worker->in);
    if (worker->out)
        cw_stat_add(CW_STAT_packets_out, worker->out);
    if (worker->dropped)
        cw_stat_add(CW_STAT_packets_dropped, worker->dropped);
    if (worker->unsealed)
        cw_stat_add(CW_STAT_srtp_refused, worker->unsealed);
    worker->in = worker->out = worker->dropped = worker->unsealed = 0;
}

static void gather(cw_worker *worker, unsigned packets) CW_ON_MEDIA
{
    unsigned us = cw_gather_next(&worker->gather, packets, worker->now_us);
    struct timespec pause = { 0, (long)us * 1000 };

    if (us > 0)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static void look_ahead(const struct epoll_event *event, unsigned n) CW_ON_MEDIA
{
    for (unsigned left = 0; left <= CW_AHEAD && left < n; left++)
        if ((event[left].data.u64 & CW_TAG_MASK) == CW_TAG_RTP)
            cw_ahead_rtp((const cw_ep *)(uintptr_t)event[left].data.u64, left);
}

static void round_of(cw_worker *worker) CW_ON_MEDIA
{
    struct epoll_event event[EVENTS_MAX];
    bool timed = worker->ticking->len > 0 || worker->consent_us || worker->report_us;
    int timer = timed ? next_timer(worker) : -1;
    int n = epoll_wait(worker->epoll, event, EVENTS_MAX, timer);
    bool mail = false;
    unsigned packets;

    worker->now_us = cw_now_us();
    for (int i = 0; i < n; i++) {
        look_ahead(event + i, (unsigned)(n - i));
        mail = mail || (event[i].data.u64 & CW_TAG_MASK) == CW_TAG_BOX;
        dispatch(worker, event[i].data.u64);
    }
    if (cw_io_wire(worker->io))
        cw_worker_read_wire(worker);
    run_timers(worker);
    cw_io_tx_batch(worker->io);
    packets = worker->in;
    tell_counts(worker);
    if (mail)
        run_mail(worker); /* after the events: it may free what they point to */
    cw_io_tx_batch(worker->io);
    tell_counts(worker);
    gather(worker, packets);
}

static void *run(void *arg)
{
    cw_worker *worker = arg;
    sigset_t all;

    cw_role_take(&cw_role_media);
    cw_assert_on_media();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_TIMERSLACK, 1); /* ns: the pause of gather() is as long as said */
    watch_wire(worker);
    while (!worker->stop)
        round_of(worker);
    return NULL;
}

/* ── Made and ended by the loop ── */
static void stop(cw_worker *worker, cw_mail *mail)
{
    cw_assert_on_media();
    worker->stop = true;
    g_free(mail);
}

static void close_all(cw_worker *worker)
{
    for (unsigned i = 0; i < worker->browser_n; i++)
        if (worker->browser[i].fd >= 0)
            close(worker->browser[i].fd);
    if (worker->epoll >= 0)
        close(worker->epoll);
    cw_box_close(&worker->box);
}

static bool open_all(cw_worker *worker, char why[static 128])
{
    const cw_plane_conf *conf = worker->conf;
    char text[CW_ADDR_STR];

    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!cw_box_open(&worker->box) || worker->epoll < 0 ||
        !watch(worker, worker->box.fd, NULL, CW_TAG_BOX)) {
        snprintf(why, 128, "media worker %u: %s", worker->index, g_strerror(errno));
        return false;
    }
    for (unsigned i = 0; i < conf->browser_listen_n; i++) {
        cw_browser_port *port = &worker->browser[i];

        worker->browser_n = i + 1;
        if (!open_browser_port(port, &conf->browser_listen[i], worker->index) ||
            !watch(worker, port->fd, port, CW_TAG_BROWSER)) {
            snprintf(why, 128, "UDP %s: %s", cw_addr_print(&port->addr, text), g_strerror(errno));
            return false;
        }
    }
    return true;
}

/* Before the thread is there and after it is gone, its tables are the loop's. */
static void make_tables(cw_worker *worker, cw_wire *wire) CW_TSA(no_thread_safety_analysis)
{
    struct timespec wall;

    worker->io = cw_io_new(wire);
    cw_addrtab_init(&worker->by_local);
    cw_addrtab_init(&worker->by_addr);
    worker->by_ufrag = g_hash_table_new(g_str_hash, g_str_equal);
    worker->transports = g_ptr_array_new();
    worker->ticking = g_ptr_array_new();
    worker->trans = g_ptr_array_new();
    worker->tones = cw_tones_new();
    worker->now_us = cw_now_us();
    cw_gather_init(&worker->gather, worker->conf->gather_us);
    cw_random(&worker->dice, sizeof worker->dice);
    clock_gettime(CLOCK_REALTIME, &wall);
    worker->ntp_add = ((uint64_t)wall.tv_sec + NTP_EPOCH) << 32;
    worker->ntp_add += cw_ntp_of_us((uint64_t)wall.tv_nsec / 1000) - cw_ntp_of_us(worker->now_us);
}

static void free_tables(cw_worker *worker) CW_TSA(no_thread_safety_analysis)
{
    cw_io_free(worker->io);
    cw_addrtab_clear(&worker->by_local);
    cw_addrtab_clear(&worker->by_addr);
    g_hash_table_unref(worker->by_ufrag);
    g_ptr_array_unref(worker->transports);
    g_ptr_array_unref(worker->ticking);
    g_ptr_array_unref(worker->trans);
    cw_tones_free(worker->tones);
}

cw_err cw_worker_new(cw_loop *loop, const cw_plane_conf *conf, struct cw_trans_pool *pool,
                     unsigned index, cw_xdp *xdp, cw_worker **ret, char why[static 128])
{
    cw_worker *worker = g_aligned_alloc0(1, sizeof *worker, alignof(cw_worker));
    cw_wire *wire = NULL;
    char text[CW_RTCP_CNAME + 1], name[16];

    worker->conf = conf;
    worker->pool = pool;
    worker->index = index;
    worker->box.fd = -1;
    if (!open_all(worker, why) || (xdp && cw_wire_new(xdp, index, &wire, why))) {
        close_all(worker);
        g_aligned_free(worker);
        return CW_E_IO;
    }
    memcpy(worker->cname, cw_random_text(text, CW_RTCP_CNAME), CW_RTCP_CNAME);
    worker->notes = cw_notes_new(loop);
    make_tables(worker, wire);
    snprintf(name, sizeof name, "cw-media-%u", index);
    worker->thread = g_thread_new(name, run, worker);
    *ret = worker;
    return CW_OK;
}

void cw_worker_send(cw_worker *worker, cw_mail *mail)
{
    cw_box_put(&worker->box, mail);
}

void cw_worker_leave(cw_worker *worker, cw_mail *mail)
{
    cw_box_leave(&worker->box, mail);
}

void cw_worker_wake(cw_worker *worker)
{
    cw_box_wake(&worker->box);
}

void cw_worker_free(cw_worker *worker)
{
    cw_mail *mail = g_new0(cw_mail, 1);

    mail->run = stop;
    cw_worker_send(worker, mail);
    g_thread_join(worker->thread);
    cw_notes_free(worker->notes);
    free_tables(worker);
    cw_inlet_free(worker->inlet);
    close_all(worker);
    g_aligned_free(worker);
}
