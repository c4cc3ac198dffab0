#include "webrtc/peer_priv.h"

#include "webrtc/ice.h"

#include <glib.h>

static unsigned or_default(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

cw_err cw_webrtc_new(cw_loop *loop, const cw_webrtc_conf *conf, cw_plane_hooks *hooks,
                     cw_webrtc **ret)
{
    cw_dtls_conf dtls = {
        .threads = conf->dtls_threads,
        .timeout_ms = conf->connect_timeout_ms,
        .linger_ms = or_default(conf->dtls_linger_ms, 8000),
        .datagrams_max = or_default(conf->dtls_datagrams_max, 300),
        .bytes_max = or_default(conf->dtls_bytes_max, 131072),
        .queue_max = or_default(conf->dtls_queue_max, 4096),
    };
    cw_webrtc *webrtc = g_new0(cw_webrtc, 1);
    cw_err err = cw_dtls_server_new(loop, &dtls, &webrtc->dtls);

    if (err) {
        g_free(webrtc);
        return err;
    }
    webrtc->loop = loop;
    webrtc->conf = *conf;
    hooks->stun = cw_ice_answer;
    hooks->stun_ufrag = cw_ice_ufrag;
    hooks->dtls = cw_dtls_input;
    hooks->dtls_open = cw_dtls_open;
    hooks->dtls_release = cw_dtls_release;
    *ret = webrtc;
    return CW_OK;
}

void cw_webrtc_use(cw_webrtc *webrtc, cw_plane *plane)
{
    webrtc->plane = plane;
}

cw_dtls_server *cw_webrtc_dtls(cw_webrtc *webrtc)
{
    return webrtc->dtls;
}

void cw_webrtc_free(cw_webrtc *webrtc)
{
    if (!webrtc)
        return;
    cw_dtls_server_free(webrtc->dtls);
    g_free(webrtc);
}
