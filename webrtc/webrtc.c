#include "webrtc/peer_priv.h"

#include "webrtc/ice.h"

#include <glib.h>

static unsigned or_default(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

static CW_ON_LOOP cw_err agents_new(cw_loop *loop, const cw_webrtc_conf *conf, cw_agents **ret)
{
    cw_agents_conf agents = conf->full_conf;

    agents.public4 = conf->public4;
    agents.public6 = conf->public6;
    return cw_agents_new(loop, &agents, ret);
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

    if (!err && conf->full)
        err = agents_new(loop, conf, &webrtc->agents);
    if (err) {
        cw_webrtc_free(webrtc);
        return err;
    }
    webrtc->loop = loop;
    webrtc->conf = *conf;
    webrtc->conf.candidates_max = or_default(conf->candidates_max, 64);
    webrtc->conf.consent_timeout_ms = or_default(conf->consent_timeout_ms, 30000);
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
    if (webrtc->dtls)
        cw_dtls_server_free(webrtc->dtls);
    cw_agents_free(webrtc->agents); /* behind the handshakes, which send by them */
    g_free(webrtc);
}
