/* setup.c - an endpoint's formats and joins, as its worker applies them. */
#include "media/flow.h"
#include "media/shared.h"
#include "media/transport.h"
#include "media/video.h"

const cw_format *cw_format_by_pt(const cw_stream *stream, unsigned pt)
{
    for (unsigned i = 0; stream && i < stream->format_n; i++)
        if (stream->format[i].pt == pt)
            return &stream->format[i];
    return NULL;
}

uint32_t cw_format_clock(const cw_stream *stream, unsigned pt)
{
    const cw_format *format = cw_format_by_pt(stream, pt);

    return format ? format->clock_hz : 0;
}

static uint32_t codec_clock(const cw_stream *stream)
{
    int i = cw_stream_codec(stream);

    return i >= 0 && stream->format[i].clock_hz ? stream->format[i].clock_hz : 8000;
}

static void remap_formats(cw_ep *ep) CW_ON_MEDIA
{
    cw_stream_map(ep->rx_formats, ep->out->tx_formats, ep->map);
    for (unsigned i = 0; i < ep->rx_formats->format_n; i++) /* followed, not passed on */
        if (ep->rx_formats->format[i].pt < 128 && cw_format_is_dtmf(&ep->rx_formats->format[i]))
            ep->map[ep->rx_formats->format[i].pt] = CW_PT_NONE;
}

static void remap(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    memset(ep->map, CW_PT_NONE, sizeof ep->map);
    if (ep->out && ep->rx_formats && ep->out->tx_formats)
        remap_formats(ep);
    cw_flow_transcoding(worker, ep);
    ep->pt = CW_PT_NONE;
}

static void know_payload_types(cw_ep *ep) CW_ON_MEDIA
{
    memset(ep->rx_known, 0, sizeof ep->rx_known);
    memset(ep->rx_dtmf, 0, sizeof ep->rx_dtmf);
    for (unsigned i = 0; ep->rx_formats && i < ep->rx_formats->format_n; i++) {
        const cw_format *format = &ep->rx_formats->format[i];
        uint64_t bit = UINT64_C(1) << (format->pt & 63);

        if (format->pt >= 128)
            continue;
        ep->rx_known[format->pt >> 6] |= bit;
        if (cw_format_is_dtmf(format))
            ep->rx_dtmf[format->pt >> 6] |= bit;
    }
    if (ep->rx.pt < 128 && cw_pt_in(ep->rx_dtmf, ep->rx.pt))
        ep->rx.pt = CW_PT_NONE; /* it was a codec's */
}

void cw_flow_formats(cw_worker *worker, cw_ep *ep, const cw_stream *rx, const cw_stream *tx)
{
    cw_shared_put(ep->rx_formats);
    cw_shared_put(ep->tx_formats);
    ep->rx_formats = rx;
    ep->tx_formats = tx;
    ep->video = rx->kind == CW_VIDEO;
    ep->tx.repeats = ep->video;
    ep->tx.clock_hz = codec_clock(tx);
    cw_rx_clock(&ep->rx, cw_format_clock(rx, ep->rx.pt));
    know_payload_types(ep);
    cw_flow_listening(worker, ep);
    remap(worker, ep);
    if (ep->peer && ep->peer->out == ep)
        remap(worker, ep->peer);
    if (ep->of_video)
        cw_video_formats(ep);
    if (ep->transport)
        cw_transport_forget(ep->transport);
}

/* What `from` receives goes out by `to`; an echo's goes back. */
static void direct(cw_worker *worker, cw_ep *from, cw_ep *to) CW_ON_MEDIA
{
    from->out = to->kind == CW_EP_ECHO ? from : to->kind == CW_EP_TONE ? NULL : to;
    if (from->kind == CW_EP_ECHO)
        from->out = NULL;
    if (from->out)
        from->out->tx.resync = true;
    remap(worker, from);
}

void cw_flow_join(cw_worker *worker, cw_ep *a, cw_ep *b)
{
    if (a->peer == b || a == b)
        return;
    cw_flow_part(worker, a);
    cw_flow_part(worker, b);
    a->peer = b;
    b->peer = a;
    direct(worker, a, b);
    direct(worker, b, a);
    cw_flow_ticking(worker, a);
    cw_flow_ticking(worker, b);
}

void cw_flow_part(cw_worker *worker, cw_ep *ep)
{
    cw_ep *peer = ep->peer;

    if (!peer)
        return;
    cw_flow_transcoding_end(worker, ep);
    cw_flow_transcoding_end(worker, peer);
    ep->peer = ep->out = NULL;
    peer->peer = peer->out = NULL;
    cw_flow_ticking(worker, ep);
    cw_flow_ticking(worker, peer);
}

static void open_dtls(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    if (ep->dtls && worker->conf->hooks.dtls_open)
        worker->conf->hooks.dtls_open(ep->dtls, &ep->latch.to, ep->fd);
}

void cw_flow_remote(cw_worker *worker, cw_ep *ep, const cw_addr *rtp, const cw_addr *rtcp, bool mux,
                    cw_latch_mode latch)
{
    bool moved = !cw_addr_eq(rtp, &ep->latch.told);

    cw_latch_tell(&ep->latch, rtp, latch);
    if (moved)
        open_dtls(worker, ep);
    if (ep->connected && !cw_addr_same(&ep->latch.source, &ep->latch.to))
        ep->connected = !cw_io_connect(worker->io, ep->fd, NULL);
    ep->muxed = mux;
    if (!cw_addr_eq(rtcp, &ep->rtcp_told))
        ep->rtcp_told = ep->rtcp_to = *rtcp;
    if (!ep->heard)
        cw_addr_cell_set(&ep->count.remote, rtp);
}

void cw_flow_secure(cw_worker *worker, cw_ep *ep, const cw_seal_new *with)
{
    cw_seal_set(&ep->seal, with);
    CW_CELL_SET(ep->suite, (unsigned)with->suite);
    ep->guarded = with->srtp || ep->dtls;
}

void cw_flow_dtls(cw_worker *worker, cw_ep *ep, void *dtls)
{
    if (ep->dtls && worker->conf->hooks.dtls_release)
        worker->conf->hooks.dtls_release(ep->dtls);
    ep->dtls = dtls;
    ep->guarded = ep->seal.srtp || dtls;
    open_dtls(worker, ep);
}

void cw_flow_digit(cw_worker *worker, cw_ep *ep, unsigned event, unsigned ms)
{
    if (!cw_dtmf_push(&ep->dtmf, event, ms)) {
        atomic_fetch_sub(&ep->dtmf_waiting, 1);
        return;
    }
    ep->dtmf_busy = true;
    cw_flow_ticking(worker, ep);
}

void cw_flow_dtmf_mode(cw_worker *worker, cw_ep *ep, cw_dtmf_mode mode)
{
    if (ep->dtmf_mode == mode)
        return;
    ep->dtmf_mode = (uint8_t)mode;
    cw_flow_listening(worker, ep);
    remap(worker, ep);
    if (ep->peer && ep->peer->out == ep)
        remap(worker, ep->peer);
}

/* ── Before the worker knows of it ── */
void cw_flow_init(cw_ep *ep)
{
    cw_tx_init(&ep->tx);
    ep->ssrc = ep->tx.ssrc;
    ep->dtmf_see.nth = ep->ssrc;          /* so that no two endpoints count the same event */
    ep->rtx_ssrc = ep->ssrc ^ 0x5a5a5a5a; /* as random, and another */
    ep->dir = CW_SENDRECV;
    ep->fd = ep->rtcp_fd = -1;
    ep->pt = CW_PT_NONE;
    memset(ep->map, CW_PT_NONE, sizeof ep->map);
}

void cw_flow_attach(cw_ep *ep, cw_transport *transport)
{
    ep->transport = transport;
}

void cw_flow_open(cw_ep *ep, const cw_port_pair *pair)
{
    ep->fd = pair->rtp;
    ep->rtcp_fd = pair->rtcp;
}

void cw_flow_tune(cw_ep *ep, cw_sound *sound)
{
    ep->player.sound = sound;
}
