#include "gateway.h"

#include "admin/admin.h"
#include "api/api.h"
#include "base/heap.h"
#include "base/log.h"
#include "call/call.h"
#include "media/plane.h"
#include "media/srtp/srtp.h"
#include "nat.h"
#include "sip/sip.h"
#include "svc/im.h"
#include "user/user.h"
#include "webrtc/peer.h"

#include <glib.h>
#include <string.h>

struct cw_gateway {
    const cw_conf *conf;
    cw_loop *loop;
    cw_heap *heap;
    cw_tokens *tokens;
    cw_webrtc *webrtc;
    cw_plane *plane;
    cw_calls *calls;
    cw_sip_ops sip_ops; /* borrowed by sip */
    cw_sip *sip;
    cw_im *im;
    cw_api *api;
    cw_admin *admin;
};

/* ── Configuration to what the parts take ── */

/* "own" is the machine's address as its routes choose it; a machine without one is no error. */
static cw_err add_listen(const char *text, uint16_t port, cw_plane_conf *ret, char **why)
{
    cw_addr addr;

    if (strcmp(text, "own") == 0) {
        if (cw_addr_own(AF_INET, &addr))
            return CW_OK;
        cw_addr_set_port(&addr, port);
    } else if (cw_addr_parse(text, port, &addr)) {
        *why = g_strdup_printf("media.browser_listen: \"%s\" is no address", text);
        return CW_E_CONF;
    }
    if (ret->browser_listen_n == G_N_ELEMENTS(ret->browser_listen)) {
        *why = g_strdup_printf("media.browser_listen: more than %zu addresses",
                               G_N_ELEMENTS(ret->browser_listen));
        return CW_E_CONF;
    }
    for (unsigned i = 0; i < ret->browser_listen_n; i++)
        if (cw_addr_eq(&ret->browser_listen[i], &addr))
            return CW_OK;
    ret->browser_listen[ret->browser_listen_n++] = addr;
    return CW_OK;
}

static cw_err add_rtp(const char *text, cw_plane_conf *ret, char **why)
{
    cw_addr addr, *to;

    if (strcmp(text, "own") == 0) {
        if (cw_addr_own(AF_INET, &addr))
            return CW_OK;
    } else if (cw_addr_parse(text, 0, &addr)) {
        *why = g_strdup_printf("media.rtp_listen: \"%s\" is no address", text);
        return CW_E_CONF;
    }
    to = cw_addr_family(&addr) == AF_INET6 ? &ret->rtp_listen6 : &ret->rtp_listen4;
    if (cw_addr_family(to) != AF_UNSPEC) {
        *why = g_strdup_printf("media.rtp_listen: \"%s\" is the second of its family", text);
        return CW_E_CONF;
    }
    *to = addr;
    return CW_OK;
}

static cw_err plane_conf(const cw_conf *conf, cw_plane_conf *ret, char **why)
{
    cw_err err = CW_OK;

    ret->workers = (unsigned)conf->media.workers;
    ret->rtp_port_min = (uint16_t)conf->media.rtp_port_min;
    ret->rtp_port_max = (uint16_t)conf->media.rtp_port_max;
    ret->gather_us = (unsigned)conf->media.gather_us;
    ret->xdp_interface = conf->media.xdp_interface;
    ret->transcode_threads = (unsigned)conf->media.transcode_threads;
    ret->opus_complexity = (unsigned)conf->media.opus_complexity;
    ret->jitter_min_ms = (unsigned)conf->media.jitter_min_ms;
    ret->jitter_max_ms = (unsigned)conf->media.jitter_max_ms;
    ret->rtcp_interval_ms = (unsigned)conf->media.rtcp_interval_ms;
    ret->resend_bytes = (size_t)conf->media.resend_bytes;
    ret->resend_ms = (unsigned)conf->media.resend_ms;
    ret->resend_per_s = (unsigned)conf->media.resend_per_s;
    ret->keyframe_ms = (unsigned)conf->media.keyframe_interval_ms;
    ret->video_kbps = (unsigned)conf->media.video_kbps;
    ret->consent_timeout_ms = (unsigned)conf->media.consent_timeout_ms;
    for (char **i = conf->media.browser_listen; !err && i && *i; i++)
        err = add_listen(*i, (uint16_t)conf->media.browser_port, ret, why);
    for (char **i = conf->media.rtp_listen; !err && i && *i; i++)
        err = add_rtp(*i, ret, why);
    if (!err && ret->rtp_port_max <= ret->rtp_port_min) {
        *why = g_strdup("media.rtp_port_max is not above media.rtp_port_min");
        return CW_E_CONF;
    }
    return err;
}

static cw_err set_log(const cw_conf *conf, char **why)
{
    if (cw_log_set_level(NULL, conf->log.level)) {
        *why = g_strdup_printf("log.level: \"%s\" is no level", conf->log.level);
        return CW_E_CONF;
    }
    if (cw_log_set_format(conf->log.format)) {
        *why = g_strdup_printf("log.format: \"%s\" is no format", conf->log.format);
        return CW_E_CONF;
    }
    return CW_OK;
}

/* What each part would find only when it is used. */
static cw_err check_parts(const cw_conf *conf, char **why)
{
    char text[128] = "";
    cw_err err = cw_api_check(conf, text);

    if (!err)
        err = cw_sip_check(conf, text);
    if (!err)
        err = cw_passwords_check(conf, text);
    if (!err)
        err = cw_calls_check(conf, text);
    if (err)
        *why = g_strdup(text);
    return err;
}

cw_err cw_gateway_check(const cw_conf *conf, char **why)
{
    cw_plane_conf plane = { 0 };
    cw_webrtc_conf webrtc = { 0 };
    cw_tokens *tokens = NULL;
    cw_err err = set_log(conf, why);

    if (!err)
        err = plane_conf(conf, &plane, why);
    if (!err)
        err = cw_gateway_webrtc(conf, &plane, &webrtc, why);
    if (!err)
        err = check_parts(conf, why);
    if (!err)
        err = cw_tokens_new(conf, &tokens, why);
    cw_tokens_free(tokens);
    return err;
}

/* ── The parts, from below to above ── */

/* Once a process; tests build several gateways, one after the other. */
static cw_err init_srtp(void)
{
    static bool done;
    cw_err err = done ? CW_OK : cw_srtp_init();

    done = err == CW_OK;
    return err;
}

static CW_ON_LOOP cw_err make_media(cw_gateway *g, char **why)
{
    cw_plane_conf plane = { 0 };
    cw_webrtc_conf webrtc = { 0 };
    char text[128] = "";
    cw_err err = init_srtp();

    if (!err)
        err = plane_conf(g->conf, &plane, why);
    if (!err)
        err = cw_gateway_webrtc(g->conf, &plane, &webrtc, why);
    if (!err)
        err = cw_webrtc_new(g->loop, &webrtc, &plane.hooks, &g->webrtc);
    if (err)
        return err;
    err = cw_plane_new(g->loop, &plane, &g->plane, text);
    if (err)
        *why = g_strdup(text);
    else
        cw_webrtc_use(g->webrtc, g->plane);
    return err;
}

static CW_ON_LOOP cw_err make_calls(cw_gateway *g, char **why)
{
    char text[128] = "";
    cw_err err;

    g->calls = cw_calls_new(g->loop, g->conf);
    cw_calls_tokens(g->calls, g->tokens);
    cw_calls_sip_ops(g->calls, &g->sip_ops);
    err = cw_sip_new(g->loop, g->conf, &g->sip_ops, g->calls, &g->sip, text);
    if (err)
        *why = g_strdup(text);
    else
        cw_calls_use(g->calls, g->sip, g->webrtc, g->plane);
    return err;
}

static json_t *list_sessions(void *arg)
{
    const cw_gateway *g = arg;
    json_t *list;

    cw_assert_on_loop();
    list = cw_api_sessions(g->api);
    cw_calls_add_web_sessions(g->calls, list);
    return list;
}

static json_t *web_certificate(void *arg)
{
    cw_assert_on_loop();
    return cw_api_tls_json(arg);
}

static cw_err reload_web_tls(void *arg, char why[static 128])
{
    cw_assert_on_loop();
    return cw_api_tls_reload(arg, why);
}

static CW_ON_LOOP cw_err make_doors(cw_gateway *g, const char *conf_path, char **why)
{
    cw_admin_parts parts = {
        .conf = g->conf, .conf_path = conf_path, .calls = g->calls, .sip = g->sip, .plane = g->plane
    };
    char text[128] = "";
    cw_err err;

    g->im = cw_im_new(g->conf, g->calls);
    err = cw_api_new(g->loop, g->conf, g->tokens, g->calls, g->im, &g->api, text);

    if (!err) {
        parts.sessions = list_sessions;
        parts.certificate = web_certificate;
        parts.reload_tls = reload_web_tls;
        parts.web = g->api;
        parts.sessions_arg = g;
        err = cw_admin_new(g->loop, &parts, &g->admin, text);
    }
    if (err)
        *why = g_strdup(text);
    return err;
}

cw_err cw_gateway_new(const cw_conf *conf, const char *conf_path, cw_gateway **ret, char **why)
{
    cw_gateway *g = g_new0(cw_gateway, 1);
    cw_err err;

    *why = NULL;
    g->conf = conf;
    err = set_log(conf, why);
    if (!err)
        err = check_parts(conf, why);
    if (!err)
        err = cw_loop_new(&g->loop);
    if (err) {
        g_free(g);
        return err;
    }
    cw_assert_on_loop();
    g->heap = cw_heap_new(g->loop);
    err = cw_tokens_new(conf, &g->tokens, why);
    if (!err)
        err = make_media(g, why);
    if (!err)
        err = make_calls(g, why);
    if (!err)
        err = make_doors(g, conf_path, why);
    if (err) {
        if (!*why)
            *why = g_strdup(cw_err_text(err));
        cw_gateway_free(g);
        return err;
    }
    *ret = g;
    return CW_OK;
}

void cw_gateway_free(cw_gateway *g)
{
    if (!g)
        return;
    cw_admin_free(g->admin);
    cw_api_free(g->api);
    cw_im_free(g->im);
    cw_calls_free(g->calls);
    cw_sip_free(g->sip);
    cw_webrtc_free(g->webrtc);
    cw_plane_free(g->plane);
    cw_tokens_free(g->tokens);
    cw_heap_free(g->heap);
    cw_loop_free(g->loop);
    g_free(g);
}

cw_err cw_gateway_reopen(cw_gateway *gateway)
{
    return cw_calls_reopen(gateway->calls);
}

cw_loop *cw_gateway_loop(cw_gateway *gateway)
{
    return gateway->loop;
}
