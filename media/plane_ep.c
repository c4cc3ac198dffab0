/* plane_ep.c - endpoints as the loop sees them: events and orders. */
#include "media/order.h"
#include "media/video.h"

#include "media/codec/codec.h"

#include "base/log.h"

#include <string.h>

/* ── Events ── */
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

        tell_ep(ep, CW_EP_DTMF,
                &(cw_ep_info){
                    .digit = digit->digit, .duration_ms = digit->ms, .passed = digit->passed });
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
    if (bits & CW_NOTE_KEYFRAME)
        tell_ep(ep, CW_EP_KEYFRAME_WANTED, &(cw_ep_info){ 0 });
    if (bits & CW_NOTE_OTHER)
        tell_ep(
            ep, CW_EP_OTHER,
            &(cw_ep_info){ .other = atomic_load_explicit(&ep->other_heard, memory_order_relaxed) });
    if (bits & CW_NOTE_FREED)
        ep_gone(ep);
}

/* ── Orders ── */
static void do_ep_add(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    if (o->ep->kind == CW_EP_RTP)
        cw_worker_watch(worker, o->ep);
    if (o->ep->transport)
        cw_transport_attach(o->ep->transport, o->ep);
    cw_report_begin(worker, o->ep);
    g_free(o);
}

static void do_ep_remove(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;
    cw_ep *ep = o->ep;

    cw_assert_on_media();
    cw_flow_part(worker, ep);
    cw_flow_fill_end(worker, ep);
    cw_flow_listening_end(worker, ep);
    cw_worker_tick(worker, ep, false);
    cw_flow_keys_clear(ep);
    cw_report_end(ep);
    cw_video_free(g_steal_pointer(&ep->of_video));
    if (ep->transport)
        cw_transport_detach(ep->transport, ep);
    if (ep->kind == CW_EP_RTP) {
        cw_worker_unwatch(worker, ep);
        cw_flow_dtls(worker, ep, NULL);
        cw_seal_clear(&ep->seal);
        cw_port_close(&(cw_port_pair){ .rtp = ep->fd, .rtcp = ep->rtcp_fd });
    }
    cw_shared_put(ep->rx_formats);
    cw_shared_put(ep->tx_formats);
    g_free(ep->others);
    cw_sound_unref(ep->player.sound);
    cw_notes_raise(worker->notes, &ep->note, CW_NOTE_FREED);
    g_free(o);
}

static void do_ep_formats(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_formats(worker, o->ep, o->rx, o->tx);
    g_free(o);
}

static void do_ep_direction(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    o->ep->dir = (uint8_t)o->dir;
    g_free(o);
}

static void do_ep_remote(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_remote(worker, o->ep, &o->rtp, &o->rtcp, o->mux, o->latch);
    g_free(o);
}

static void do_ep_secure(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_secure(worker, o->ep, &o->seal);
    g_free(o);
}

static void do_ep_dtls(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_dtls(worker, o->ep, o->dtls);
    g_free(o);
}

static void do_ep_join(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_join(worker, o->ep, o->other);
    g_free(o);
}

static void do_ep_part(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_part(worker, o->ep);
    g_free(o);
}

static void do_ep_keyframe(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_keyframe(worker, o->ep);
    g_free(o);
}

static void do_ep_dtmf_mode(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_dtmf_mode(worker, o->ep, o->dtmf_mode);
    g_free(o);
}

static void do_ep_keyframe_asked(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_keyframe_asked(worker, o->ep);
    g_free(o);
}

static void do_ep_feedback(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_video_set(worker, o->ep, o->video, o->twcc, &o->feedback);
    g_free(o);
}

static void do_ep_dtmf(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_digit(worker, o->ep, o->event, o->ms);
    g_free(o);
}

/* ── What the loop calls ── */
cw_ep *cw_ep_alloc(cw_plane *plane, unsigned worker, cw_ep_kind kind, cw_ep_fn *fn, void *arg)
{
    cw_ep *ep = g_aligned_alloc0(1, sizeof *ep, alignof(cw_ep));

    ep->kind = kind;
    ep->plane = plane;
    ep->worker = worker;
    ep->fn = fn;
    ep->arg = arg;
    ep->note.fn = on_ep;
    ep->expects = true;
    cw_flow_init(ep);
    plane->load[worker]++;
    return ep;
}

void cw_ep_give(cw_ep *ep, cw_order *o)
{
    o->ep = ep;
    cw_order_give(ep->plane, ep->worker, o);
}

cw_err cw_ep_browser_new(cw_transport *transport, const char *mid, unsigned mid_ext, cw_ep_fn *fn,
                         void *arg, cw_ep **ret)
{
    cw_ep *ep;

    if (transport->eps == CW_TRANSPORT_EPS)
        return CW_E_OVERLOAD;
    if (mid && strlen(mid) > CW_MID_MAX)
        return CW_E_TOO_LARGE;
    ep = cw_ep_alloc(transport->plane, transport->worker, CW_EP_BROWSER, fn, arg);
    cw_flow_attach(ep, transport);
    ep->loop_transport = transport;
    transport->eps++;
    g_strlcpy(ep->mid, mid ? mid : "", sizeof ep->mid);
    ep->mid_ext = mid_ext;
    cw_ep_give(ep, cw_order_new(do_ep_add));
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
    ep = cw_ep_alloc(plane, worker, CW_EP_RTP, fn, arg);
    ep->local = pair.addr;
    cw_flow_open(ep, &pair);
    cw_ep_give(ep, cw_order_new(do_ep_add));
    *ret = ep;
    return CW_OK;
}

const cw_addr *cw_ep_rtp_local(const cw_ep *ep)
{
    return &ep->local;
}

void cw_ep_rtp_remote(cw_ep *ep, const cw_addr *rtp, const cw_addr *rtcp, bool rtcp_mux,
                      cw_latch_mode latch)
{
    cw_order *o = cw_order_new(do_ep_remote);

    o->rtp = *rtp;
    o->rtcp = rtcp ? *rtcp : (cw_addr){ 0 };
    o->mux = rtcp_mux;
    o->latch = latch;
    cw_ep_give(ep, o);
}

/* ── Protection ── */
static void keys_free(cw_srtp_keys *keys)
{
    if (!keys)
        return;
    explicit_bzero(keys, sizeof *keys);
    g_free(keys);
}

static bool same_keys(const cw_srtp_keys *a, const cw_srtp_keys *b)
{
    size_t len = cw_srtp_key_len(a->suite);

    return a->suite == b->suite && !memcmp(a->tx, b->tx, len) && !memcmp(a->rx, b->rx, len) &&
           a->rx_mki_len == b->rx_mki_len && !memcmp(a->rx_mki, b->rx_mki, a->rx_mki_len);
}

void cw_ep_rtp_secure(cw_ep *ep, const cw_srtp_keys *keys)
{
    cw_seal_new seal = { 0 };
    cw_order *o;
    cw_err err = CW_OK;

    if (keys ? ep->keys && same_keys(ep->keys, keys) : !ep->keys)
        return;
    if (keys)
        err = cw_seal_make(keys, ep->keys, &seal);
    if (err) {
        cw_log(CW_LOG_ERROR, CW_MOD_MEDIA, "media.keys", "error", cw_err_text(err), "suite",
               cw_srtp_suite_name(keys->suite), NULL);
        return;
    }
    keys_free(ep->keys);
    ep->keys = keys ? g_memdup2(keys, sizeof *keys) : NULL;
    o = cw_order_new(do_ep_secure);
    o->seal = seal;
    cw_ep_give(ep, o);
}

void cw_ep_rtp_dtls(cw_ep *ep, void *dtls)
{
    cw_order *o = cw_order_new(do_ep_dtls);

    o->dtls = dtls;
    cw_ep_give(ep, o);
}

cw_err cw_ep_echo_new(cw_plane *plane, unsigned worker, cw_ep **ret)
{
    if (worker >= plane->worker_n)
        return CW_E_INTERNAL;
    *ret = cw_ep_alloc(plane, worker, CW_EP_ECHO, NULL, NULL);
    return CW_OK;
}

static bool has_dtmf(const cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt < 128 && cw_format_is_dtmf(&stream->format[i]))
            return true;
    return false;
}

/* Codecs whose silence is no packet: comfort noise (RFC 3389), or discontinuous transmission. */
static bool may_pause(const cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (!g_ascii_strcasecmp(stream->format[i].name, "CN") ||
            strstr(stream->format[i].fmtp, "usedtx=1") ||
            strstr(stream->format[i].fmtp, "annexb=yes"))
            return true;
    return false;
}

static uint32_t clock_of(const cw_stream *stream)
{
    int i = cw_stream_codec(stream);

    return i >= 0 ? stream->format[i].clock_hz : 0;
}

/* The codec it sends with first is one we encode. */
static bool has_sound(const cw_stream *stream)
{
    int i = cw_stream_codec(stream);

    return i >= 0 && stream->format[i].pt < 128 && cw_codec_can(&stream->format[i]);
}

void cw_ep_formats(cw_ep *ep, const cw_stream *rx, const cw_stream *tx)
{
    cw_order *o = cw_order_new(do_ep_formats);

    o->rx = cw_shared_get(ep->plane->formats, rx);
    o->tx = cw_shared_get(ep->plane->formats, tx);
    ep->watch.pauses = may_pause(rx);
    ep->tx_clock_hz = clock_of(tx);
    ep->events_agreed = has_dtmf(tx);
    ep->tones_agreed = has_sound(tx);
    cw_ep_give(ep, o);
}

void cw_ep_direction(cw_ep *ep, cw_dir dir)
{
    cw_order *o = cw_order_new(do_ep_direction);

    o->dir = dir;
    ep->expects = dir & CW_RECVONLY;
    cw_ep_give(ep, o);
}

uint32_t cw_ep_ssrc(const cw_ep *ep)
{
    return ep->ssrc;
}

void cw_ep_join(cw_ep *a, cw_ep *b)
{
    cw_order *o = cw_order_new(do_ep_join);

    g_assert(a->plane == b->plane && a->worker == b->worker);
    o->other = b;
    cw_ep_give(a, o);
}

void cw_ep_part(cw_ep *ep)
{
    cw_ep_give(ep, cw_order_new(do_ep_part));
}

void cw_ep_dtmf_mode(cw_ep *ep, cw_dtmf_mode mode)
{
    cw_order *o = cw_order_new(do_ep_dtmf_mode);

    ep->mode = mode;
    o->dtmf_mode = mode;
    cw_ep_give(ep, o);
}

static bool can_send_digits(const cw_ep *ep) CW_ON_LOOP
{
    return ep->mode == CW_DTMF_EVENTS ? ep->events_agreed
                                      : ep->mode == CW_DTMF_TONES && ep->tones_agreed;
}

cw_err cw_ep_dtmf(cw_ep *ep, char digit, unsigned duration_ms)
{
    int event = cw_dtmf_event(digit);
    cw_order *o;

    if (event < 0)
        return CW_E_PARAMS;
    if (!can_send_digits(ep))
        return CW_E_NO_CODEC;
    if (atomic_load(&ep->dtmf_waiting) >= CW_DTMF_QUEUE)
        return CW_E_RATE;
    atomic_fetch_add(&ep->dtmf_waiting, 1);
    o = cw_order_new(do_ep_dtmf);
    o->event = (unsigned)event;
    o->ms = duration_ms;
    cw_ep_give(ep, o);
    return CW_OK;
}

void cw_ep_keyframe(cw_ep *ep)
{
    cw_ep_give(ep, cw_order_new(do_ep_keyframe));
}

void cw_ep_keyframe_asked(cw_ep *ep)
{
    cw_ep_give(ep, cw_order_new(do_ep_keyframe_asked));
}

void cw_ep_feedback(cw_ep *ep, const cw_ep_feedback_conf *conf)
{
    bool keeps = conf->feedback & CW_FB_NACK;
    cw_order *o = cw_order_new(do_ep_feedback);

    if (conf->video)
        o->video = cw_video_new(keeps ? ep->plane->conf.resend_bytes : 0);
    if (conf->video && conf->feedback & CW_FB_TWCC)
        o->twcc = g_new0(struct cw_twcc, 1);
    o->feedback = *conf;
    cw_ep_give(ep, o);
}

uint32_t cw_ep_rtx_ssrc(const cw_ep *ep)
{
    return ep->rtx_ssrc;
}

void cw_ep_free(cw_ep *ep)
{
    if (!ep)
        return;
    ep->freed = true;
    keys_free(g_steal_pointer(&ep->keys));
    cw_quiet_forget(ep);
    if (ep->loop_transport)
        ep->loop_transport->eps--;
    cw_ep_give(ep, cw_order_new(do_ep_remove));
}
