#include "media/plane.h"

#include "base/ident.h"
#include "base/log.h"
#include "base/stats.h"
#include "media/transport.h"

#include <sched.h>

#define WORKERS_MAX 256

struct cw_plane {
    cw_plane_conf conf;
    cw_loop *loop;
    cw_ports *ports4, *ports6; /* NULL: family not served */
    unsigned worker_n;
    cw_worker *worker[WORKERS_MAX];
    unsigned load[WORKERS_MAX]; /* endpoints */
};

/* What a message to a worker carries; each kind uses its part. */
typedef struct order {
    cw_mail mail; /* first */
    cw_transport *transport;
    cw_ep *ep, *other;
    cw_ice ice;
    cw_srtp *srtp;
    cw_srtp_suite suite;
    cw_stream *rx, *tx;
    cw_addr rtp, rtcp;
    bool mux, latch;
    cw_dir dir;
    unsigned event, ms;
} order;

static order *order_new(void (*run)(cw_worker *worker, cw_mail *mail))
{
    order *o = g_new0(order, 1);

    o->mail.run = run;
    return o;
}

static void give(cw_plane *plane, unsigned worker, order *o)
{
    cw_worker_send(plane->worker[worker], &o->mail);
}

/* ── The plane ── */
static unsigned cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

static cw_ports *open_ports(const cw_addr *listen, const cw_plane_conf *conf) CW_ON_LOOP
{
    if (cw_addr_family(listen) == AF_UNSPEC)
        return NULL;
    return cw_ports_new(listen, conf->rtp_port_min, conf->rtp_port_max);
}

cw_err cw_plane_new(cw_loop *loop, const cw_plane_conf *conf, cw_plane **ret, char why[static 128])
{
    cw_plane *plane = g_new0(cw_plane, 1);
    unsigned n = MIN(conf->workers ? conf->workers : cores(), WORKERS_MAX);
    cw_err err;

    plane->conf = *conf;
    plane->loop = loop;
    plane->ports4 = open_ports(&conf->rtp_listen4, conf);
    plane->ports6 = open_ports(&conf->rtp_listen6, conf);
    for (unsigned i = 0; i < n; i++) {
        err = cw_worker_new(loop, &plane->conf, i, &plane->worker[i], why);
        if (err) {
            cw_plane_free(plane);
            return err;
        }
        plane->worker_n++;
    }
    *ret = plane;
    return CW_OK;
}

void cw_plane_free(cw_plane *plane)
{
    if (!plane)
        return;
    for (unsigned i = 0; i < plane->worker_n; i++)
        cw_worker_free(plane->worker[i]);
    cw_ports_free(plane->ports4);
    cw_ports_free(plane->ports6);
    g_free(plane);
}

unsigned cw_plane_workers(const cw_plane *plane)
{
    return plane->worker_n;
}

bool cw_plane_has_rtp(const cw_plane *plane, int family)
{
    return (family == AF_INET6 ? plane->ports6 : plane->ports4) != NULL;
}

unsigned cw_plane_pick(cw_plane *plane)
{
    unsigned best = 0;

    for (unsigned i = 1; i < plane->worker_n; i++)
        if (plane->load[i] < plane->load[best])
            best = i;
    return best;
}

unsigned cw_plane_candidates(const cw_plane *plane, unsigned worker, cw_addr *ret, unsigned cap)
{
    const cw_worker *of = plane->worker[worker];
    unsigned n = MIN(of->browser_n, cap);

    for (unsigned i = 0; i < n; i++)
        ret[i] = of->browser[i].addr;
    return n;
}

/* ── Transports ── */
static void tell_transport(cw_transport *transport, unsigned bit, unsigned bits,
                           cw_transport_event event) CW_ON_LOOP
{
    cw_addr remote;

    if (!(bits & bit) || transport->freed || !transport->fn)
        return;
    cw_addr_cell_get(&transport->remote, &remote);
    transport->fn(transport->arg, event, &remote);
}

static void on_transport(cw_note *note, unsigned bits)
{
    cw_transport *transport = (cw_transport *)((char *)note - offsetof(cw_transport, note));

    cw_assert_on_loop();
    tell_transport(transport, CW_NOTE_BOUND, bits, CW_TRANSPORT_BOUND);
    tell_transport(transport, CW_NOTE_FLOWING, bits, CW_TRANSPORT_FLOWING);
    tell_transport(transport, CW_NOTE_LOST, bits, CW_TRANSPORT_LOST);
    if (bits & CW_NOTE_GONE) {
        cw_stat_dec(CW_STAT_transports);
        g_aligned_free(transport);
    }
}

static void do_transport_add(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_transport_add(worker, o->transport, o->ice);
    g_free(o);
}

static void do_transport_renew(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_transport_renew(worker, o->transport, o->ice);
    g_free(o);
}

static void do_transport_key(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_transport_key(worker, o->transport, o->srtp, o->suite);
    g_free(o);
}

static void do_transport_remove(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_transport_remove(worker, o->transport);
    g_free(o);
}

static void give_transport(cw_transport *transport, order *o)
{
    o->transport = transport;
    give(transport->plane, transport->worker, o);
}

cw_err cw_transport_new(cw_plane *plane, unsigned worker, const char *ufrag, const char *pwd,
                        void *dtls, cw_transport_fn *fn, void *arg, cw_transport **ret)
{
    cw_transport *transport;
    order *o;

    if (worker >= plane->worker_n)
        return CW_E_INTERNAL;
    transport = g_aligned_alloc0(1, sizeof *transport, alignof(cw_transport));
    transport->plane = plane;
    transport->worker = worker;
    transport->dtls = dtls;
    transport->fn = fn;
    transport->arg = arg;
    transport->note.fn = on_transport;
    o = order_new(do_transport_add);
    o->ice = (cw_ice){ g_strdup(ufrag), g_strdup(pwd) };
    give_transport(transport, o);
    cw_stat_inc(CW_STAT_transports);
    *ret = transport;
    return CW_OK;
}

void cw_transport_restart(cw_transport *transport, const char *ufrag, const char *pwd)
{
    order *o = order_new(do_transport_renew);

    o->ice = (cw_ice){ g_strdup(ufrag), g_strdup(pwd) };
    give_transport(transport, o);
}

void cw_transport_secure(cw_transport *transport, const cw_srtp_keys *keys)
{
    cw_srtp *srtp;
    order *o;
    cw_err err = cw_srtp_new(keys, &srtp);

    if (err) {
        cw_log(CW_LOG_ERROR, CW_MOD_MEDIA, "media.keys", "error", cw_err_text(err), "suite",
               cw_srtp_suite_name(keys->suite), NULL);
        return;
    }
    o = order_new(do_transport_key);
    o->srtp = srtp;
    o->suite = keys->suite;
    give_transport(transport, o);
}

void cw_transport_free(cw_transport *transport)
{
    if (!transport)
        return;
    transport->freed = true;
    give_transport(transport, order_new(do_transport_remove));
}

/* ── Endpoints: events ── */
static void tell_ep(cw_ep *ep, cw_ep_event event, const cw_ep_info *info) CW_ON_LOOP
{
    if (!ep->freed && ep->fn)
        ep->fn(ep->arg, event, info);
}

static void tell_from(cw_ep *ep, cw_ep_event event) CW_ON_LOOP
{
    cw_ep_info info = { 0 };

    cw_addr_cell_get(&ep->count.remote, &info.from);
    tell_ep(ep, event, &info);
}

static void tell_digits(cw_ep *ep) CW_ON_LOOP
{
    unsigned begin = CW_CELL_GET(ep->digit_begin);
    unsigned end = atomic_load_explicit(&ep->digit_end, memory_order_acquire);

    for (; begin != end; begin++) {
        const cw_digit *digit = &ep->digit[begin % CW_DIGITS_SEEN];

        tell_ep(ep, CW_EP_DTMF, &(cw_ep_info){ .digit = digit->digit, .duration_ms = digit->ms });
    }
    atomic_store_explicit(&ep->digit_begin, begin, memory_order_release);
}

static void ep_gone(cw_ep *ep) CW_ON_LOOP
{
    cw_plane *plane = ep->plane;

    plane->load[ep->worker]--;
    if (ep->kind == CW_EP_RTP)
        cw_port_release(ep->local.sa.sa_family == AF_INET6 ? plane->ports6 : plane->ports4,
                        &ep->local);
    g_aligned_free(ep);
}

static void on_ep(cw_note *note, unsigned bits)
{
    cw_ep *ep = (cw_ep *)((char *)note - offsetof(cw_ep, note));

    cw_assert_on_loop();
    if (bits & CW_NOTE_FIRST)
        tell_from(ep, CW_EP_FIRST_PACKET);
    if (bits & CW_NOTE_LATCHED)
        tell_from(ep, CW_EP_LATCHED);
    if (bits & CW_NOTE_DIGIT)
        tell_digits(ep);
    if (bits & CW_NOTE_FREED)
        ep_gone(ep);
}

/* ── Endpoints: orders ── */
static void do_ep_add(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    if (o->ep->kind == CW_EP_RTP)
        cw_worker_watch(worker, o->ep);
    if (o->ep->transport)
        cw_transport_attach(o->ep->transport, o->ep);
    g_free(o);
}

static void do_ep_remove(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;
    cw_ep *ep = o->ep;

    cw_assert_on_media();
    cw_flow_part(worker, ep);
    cw_worker_tick(worker, ep, false);
    if (ep->transport)
        cw_transport_detach(ep->transport, ep);
    if (ep->kind == CW_EP_RTP) {
        cw_worker_unwatch(worker, ep);
        cw_port_close(&(cw_port_pair){ .rtp = ep->fd, .rtcp = ep->rtcp_fd });
    }
    g_free(ep->rx_formats);
    g_free(ep->tx_formats);
    cw_notes_raise(worker->notes, &ep->note, CW_NOTE_FREED);
    g_free(o);
}

static void do_ep_formats(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_flow_formats(worker, o->ep, o->rx, o->tx);
    g_free(o);
}

static void do_ep_direction(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    o->ep->dir = (uint8_t)o->dir;
    g_free(o);
}

static void do_ep_remote(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_flow_remote(worker, o->ep, &o->rtp, &o->rtcp, o->mux, o->latch);
    g_free(o);
}

static void do_ep_join(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_flow_join(worker, o->ep, o->other);
    g_free(o);
}

static void do_ep_part(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_flow_part(worker, o->ep);
    g_free(o);
}

static void do_ep_keyframe(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_flow_keyframe(worker, o->ep);
    g_free(o);
}

static void do_ep_dtmf(cw_worker *worker, cw_mail *mail)
{
    order *o = (order *)mail;

    cw_assert_on_media();
    cw_flow_digit(worker, o->ep, o->event, o->ms);
    g_free(o);
}

/* ── Endpoints: what the loop calls ── */
static cw_ep *ep_alloc(cw_plane *plane, unsigned worker, cw_ep_kind kind, cw_ep_fn *fn,
                       void *arg) CW_ON_LOOP
{
    cw_ep *ep = g_aligned_alloc0(1, sizeof *ep, alignof(cw_ep));

    ep->kind = kind;
    ep->plane = plane;
    ep->worker = worker;
    ep->fn = fn;
    ep->arg = arg;
    ep->note.fn = on_ep;
    cw_flow_init(ep);
    plane->load[worker]++;
    return ep;
}

static void give_ep(cw_ep *ep, order *o)
{
    o->ep = ep;
    give(ep->plane, ep->worker, o);
}

cw_err cw_ep_browser_new(cw_transport *transport, const char *mid, unsigned mid_ext, cw_ep_fn *fn,
                         void *arg, cw_ep **ret)
{
    cw_ep *ep;

    if (transport->eps == CW_TRANSPORT_EPS)
        return CW_E_OVERLOAD;
    if (mid && strlen(mid) > CW_MID_MAX)
        return CW_E_TOO_LARGE;
    ep = ep_alloc(transport->plane, transport->worker, CW_EP_BROWSER, fn, arg);
    cw_flow_attach(ep, transport);
    ep->loop_transport = transport;
    transport->eps++;
    g_strlcpy(ep->mid, mid ? mid : "", sizeof ep->mid);
    ep->mid_ext = mid_ext;
    give_ep(ep, order_new(do_ep_add));
    *ret = ep;
    return CW_OK;
}

cw_err cw_ep_rtp_new(cw_plane *plane, unsigned worker, int family, cw_ep_fn *fn, void *arg,
                     cw_ep **ret)
{
    cw_ports *ports = family == AF_INET6 ? plane->ports6 : plane->ports4;
    cw_port_pair pair;
    cw_ep *ep;
    cw_err err;

    if (!ports || worker >= plane->worker_n)
        return CW_E_NO_PORT;
    err = cw_port_open(ports, &pair);
    if (err)
        return err;
    ep = ep_alloc(plane, worker, CW_EP_RTP, fn, arg);
    ep->local = pair.addr;
    cw_flow_open(ep, &pair);
    give_ep(ep, order_new(do_ep_add));
    *ret = ep;
    return CW_OK;
}

const cw_addr *cw_ep_rtp_local(const cw_ep *ep)
{
    return &ep->local;
}

void cw_ep_rtp_remote(cw_ep *ep, const cw_addr *rtp, const cw_addr *rtcp, bool rtcp_mux, bool latch)
{
    order *o = order_new(do_ep_remote);

    o->rtp = *rtp;
    o->rtcp = rtcp ? *rtcp : (cw_addr){ 0 };
    o->mux = rtcp_mux;
    o->latch = latch;
    give_ep(ep, o);
}

cw_err cw_ep_echo_new(cw_plane *plane, unsigned worker, cw_ep **ret)
{
    if (worker >= plane->worker_n)
        return CW_E_INTERNAL;
    *ret = ep_alloc(plane, worker, CW_EP_ECHO, NULL, NULL);
    return CW_OK;
}

cw_err cw_ep_tone_new(cw_plane *plane, unsigned worker, unsigned hz, cw_ep **ret)
{
    if (worker >= plane->worker_n)
        return CW_E_INTERNAL;
    *ret = ep_alloc(plane, worker, CW_EP_TONE, NULL, NULL);
    cw_flow_tune(*ret, hz);
    return CW_OK;
}

/* The formats not used take no room: a stream's array is large. */
static cw_stream *copy_formats(const cw_stream *stream)
{
    return g_memdup2(stream, offsetof(cw_stream, format) + stream->format_n * sizeof(cw_format));
}

static bool has_dtmf(const cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt < 128 && cw_format_is_dtmf(&stream->format[i]))
            return true;
    return false;
}

void cw_ep_formats(cw_ep *ep, const cw_stream *rx, const cw_stream *tx)
{
    order *o = order_new(do_ep_formats);

    o->rx = copy_formats(rx);
    o->tx = copy_formats(tx);
    ep->dtmf_agreed = has_dtmf(tx);
    give_ep(ep, o);
}

void cw_ep_direction(cw_ep *ep, cw_dir dir)
{
    order *o = order_new(do_ep_direction);

    o->dir = dir;
    give_ep(ep, o);
}

uint32_t cw_ep_ssrc(const cw_ep *ep)
{
    return ep->ssrc;
}

void cw_ep_join(cw_ep *a, cw_ep *b)
{
    order *o = order_new(do_ep_join);

    g_assert(a->plane == b->plane && a->worker == b->worker);
    o->other = b;
    give_ep(a, o);
}

void cw_ep_part(cw_ep *ep)
{
    give_ep(ep, order_new(do_ep_part));
}

cw_err cw_ep_dtmf(cw_ep *ep, char digit, unsigned duration_ms)
{
    int event = cw_dtmf_event(digit);
    order *o;

    if (event < 0)
        return CW_E_PARAMS;
    if (!ep->dtmf_agreed)
        return CW_E_NO_CODEC;
    if (atomic_load(&ep->dtmf_waiting) >= CW_DTMF_QUEUE)
        return CW_E_RATE;
    atomic_fetch_add(&ep->dtmf_waiting, 1);
    o = order_new(do_ep_dtmf);
    o->event = (unsigned)event;
    o->ms = duration_ms;
    give_ep(ep, o);
    return CW_OK;
}

void cw_ep_keyframe(cw_ep *ep)
{
    give_ep(ep, order_new(do_ep_keyframe));
}

static void browser_stats(const cw_ep *ep, cw_ep_stats *ret) CW_ON_LOOP
{
    const cw_transport *transport = ep->loop_transport;
    const cw_worker *worker = ep->plane->worker[ep->worker];
    unsigned at = CW_CELL_GET(transport->browser);

    if (at < worker->browser_n)
        ret->local = worker->browser[at].addr;
    cw_addr_cell_get(&transport->remote, &ret->remote);
    ret->suite = CW_CELL_GET(transport->suite);
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
                          .rx_ssrc = CW_CELL_GET(count->rx_ssrc),
                          .rx_pt = CW_CELL_GET(count->rx_pt),
                          .tx_pt = CW_CELL_GET(count->tx_pt) };
    if (clock_hz)
        ret->rx_jitter_ms = CW_CELL_GET(count->rx_jitter16) / 16.0 * 1000 / clock_hz;
    if (ep->kind == CW_EP_BROWSER) {
        browser_stats(ep, ret);
        return;
    }
    ret->local = ep->local;
    cw_addr_cell_get(&count->remote, &ret->remote);
}

void cw_ep_free(cw_ep *ep)
{
    if (!ep)
        return;
    ep->freed = true;
    if (ep->loop_transport)
        ep->loop_transport->eps--;
    give_ep(ep, order_new(do_ep_remove));
}
