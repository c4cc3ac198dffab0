/* Life of a peer, and what its parts report. */
#include "webrtc/peer_priv.h"

#include "base/ident.h"

#include <glib.h>
#include <string.h>

/* At least 1: 0 says "not yet". */
static unsigned age_ms(const cw_peer *peer)
{
    return (unsigned)MAX(cw_now_ms() - peer->created_ms, 1);
}

/* ── Events; each ends with the op, which may free the peer ─────────────────────────────────────
 */

void cw_peer_fail(cw_peer *peer, cw_err err)
{
    if (peer->state == PEER_FAILED)
        return;
    peer->state = PEER_FAILED;
    cw_timer_stop(peer->timer);
    peer->ops->failed(peer->arg, err);
}

void cw_peer_lost(cw_peer *peer)
{
    if (peer->ops->lost && peer->state == PEER_CONNECTED)
        peer->ops->lost(peer->arg);
    else
        cw_peer_fail(peer, CW_E_MEDIA_LOST);
}

static void on_timer(void *arg)
{
    cw_peer *peer = arg;

    cw_assert_on_loop();
    cw_peer_fail(peer, peer->bound_n ? CW_E_TIMEOUT : CW_E_ICE);
}

static void on_secure(cw_peer *peer, const cw_dtls_event *event) CW_ON_LOOP
{
    peer->suite = event->keys->suite;
    peer->cipher = event->cipher;
    peer->handshake_ms = event->handshake_ms;
    peer->secure_ms = age_ms(peer);
    peer->state = PEER_CONNECTED;
    cw_timer_stop(peer->timer);
    cw_transport_secure(peer->transport, event->keys);
    peer->ops->connected(peer->arg, peer->suite);
}

static void on_dtls(void *arg, const cw_dtls_event *event)
{
    cw_peer *peer = arg;

    cw_assert_on_loop();
    if (event->err)
        cw_peer_fail(peer, event->err);
    else if (peer->state != PEER_FAILED)
        on_secure(peer, event);
}

void cw_peer_is_bound(cw_peer *peer, const cw_addr *remote)
{
    if (!peer->bound_n++)
        peer->bound_ms = age_ms(peer);
    peer->remote = *remote;
    peer->ops->ice(peer->arg, remote);
}

void cw_peer_on_transport(void *arg, cw_transport_event event, const cw_addr *remote)
{
    cw_peer *peer = arg;

    cw_assert_on_loop();
    if (peer->state == PEER_FAILED)
        return;
    switch (event) {
    case CW_TRANSPORT_BOUND:
        cw_peer_is_bound(peer, remote);
        break;
    case CW_TRANSPORT_LOST:
        cw_peer_lost(peer);
        break;
    case CW_TRANSPORT_FLOWING:
        peer->flowing_ms = age_ms(peer);
        break;
    }
}

static void on_ep(void *arg, cw_ep_event event, const cw_ep_info *info)
{
    cw_peer_stream *stream = arg;
    cw_peer *peer = stream->peer;
    unsigned i = (unsigned)(stream - peer->stream);

    cw_assert_on_loop();
    if (peer->state == PEER_FAILED)
        return;
    if (event == CW_EP_FIRST_PACKET)
        peer->ops->flowing(peer->arg, i);
    else if (event == CW_EP_DTMF)
        peer->ops->dtmf(peer->arg, i, info->digit, info->duration_ms, info->passed);
    else if (event == CW_EP_SILENT || event == CW_EP_HEARD || event == CW_EP_DEAD)
        peer->ops->quiet(peer->arg, i, event);
}

/* ── Life ───────────────────────────────────────────────────────────────────────────────────────
 */

cw_err cw_peer_new(cw_webrtc *webrtc, unsigned worker, const cw_peer_ops *ops, void *arg,
                   cw_peer **ret)
{
    cw_peer *peer;

    if (!webrtc->plane || worker >= cw_plane_workers(webrtc->plane))
        return CW_E_INTERNAL;
    peer = g_new0(cw_peer, 1);
    peer->webrtc = webrtc;
    peer->worker = worker;
    peer->ops = ops;
    peer->arg = arg;
    peer->timer = cw_timer_new(webrtc->loop, on_timer, peer);
    peer->created_ms = cw_now_ms();
    peer->session_id = cw_id_new() >> 1; /* RFC 9429 5.2.1: 63 bits */
    cw_random_text(peer->cname, CW_PEER_CNAME);
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        peer->stream[i].peer = peer;
    *ret = peer;
    return CW_OK;
}

void cw_peer_free(cw_peer *peer)
{
    if (!peer)
        return;
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        cw_ep_free(peer->stream[i].ep);
    cw_transport_free(peer->transport);
    cw_peer_close_ice(peer);
    cw_dtls_free(peer->dtls);
    cw_timer_free(peer->timer);
    g_free(peer->theirs);
    g_free(peer->ours);
    g_free(peer->remote_ufrag);
    g_free(peer);
}

void cw_peer_start_timer(cw_peer *peer)
{
    if (peer->state == PEER_NEW)
        peer->state = PEER_CONNECTING;
    if (peer->state == PEER_CONNECTING && !cw_timer_active(peer->timer))
        cw_timer_start(peer->timer, peer->webrtc->conf.connect_timeout_ms);
}

cw_err cw_peer_open(cw_peer *peer)
{
    cw_err err;

    if (peer->transport)
        return CW_OK;
    cw_random_text(peer->ufrag, CW_PEER_UFRAG);
    cw_random_text(peer->pwd, CW_PEER_PWD);
    peer->dtls = cw_dtls_new(peer->webrtc->dtls, on_dtls, peer);
    err = cw_peer_open_transport(peer);
    if (err) {
        cw_dtls_release(peer->dtls); /* no worker ever had it */
        cw_dtls_free(g_steal_pointer(&peer->dtls));
    }
    return err;
}

cw_err cw_peer_set_stream(cw_peer *peer, unsigned i, bool refused)
{
    cw_peer_stream *stream = &peer->stream[i];

    peer->stream_n = MAX(peer->stream_n, i + 1);
    if (refused) {
        cw_ep_free(g_steal_pointer(&stream->ep));
        return CW_OK;
    }
    if (stream->ep)
        return CW_OK;
    return cw_ep_browser_new(peer->transport, stream->mid, peer->mid_ext, on_ep, stream,
                             &stream->ep);
}

cw_ep *cw_peer_ep(cw_peer *peer, unsigned stream)
{
    return stream < peer->stream_n ? peer->stream[stream].ep : NULL;
}

/* ── For people ─────────────────────────────────────────────────────────────────────────────────
 */

static json_t *ms_or_null(unsigned ms)
{
    return ms ? json_integer(ms) : NULL;
}

static json_t *dtls_json(const cw_peer *peer)
{
    bool done = peer->suite != CW_SRTP_NONE;

    return json_pack("{s:s* s:s* s:s* s:o* s:o*}", "srtp",
                     done ? cw_srtp_suite_name(peer->suite) : NULL, "cipher", peer->cipher,
                     "fingerprint", peer->remote_print.len ? peer->remote_print.hash : NULL,
                     "handshake_ms", done ? json_integer(peer->handshake_ms) : NULL, "done_ms",
                     ms_or_null(peer->secure_ms));
}

static json_t *streams_json(const cw_peer *peer)
{
    static const char *const dirs[] = { "inactive", "sendonly", "recvonly", "sendrecv" };
    json_t *all = json_array();

    for (unsigned i = 0; i < peer->stream_n; i++) {
        const cw_peer_stream *stream = &peer->stream[i];

        json_array_append_new(all, json_pack("{s:s s:s s:s}", "kind",
                                             stream->kind == CW_VIDEO ? "video" : "audio", "mid",
                                             stream->mid, "direction",
                                             stream->ep ? dirs[stream->dir] : "refused"));
    }
    return all;
}

json_t *cw_peer_json(const cw_peer *peer)
{
    static const char *const states[] = {
        [PEER_NEW] = "new",
        [PEER_CONNECTING] = "connecting",
        [PEER_CONNECTED] = "connected",
        [PEER_FAILED] = "failed",
    };

    return json_pack("{s:s s:i s:o s:o s:o* s:o}", "state", states[peer->state], "worker",
                     (int)peer->worker, "ice", cw_peer_ice_json(peer), "dtls", dtls_json(peer),
                     "flowing_ms", ms_or_null(peer->flowing_ms), "streams", streams_json(peer));
}
