/* sipws.c - the WebSocket subprotocol "sip" (RFC 7118): one SIP message to a WebSocket message, to
 * and from sip/web.h, under the same bounds as JSON. */
#include "api/priv.h"

#include "base/log.h"
#include "base/stats.h"

#include <string.h>

static void on_send(void *arg, const char *text, size_t len)
{
    cw_assert_on_loop();
    cw_ws_send(arg, text, len);
}

static void on_close(void *arg, cw_err err, const char *why)
{
    int code = err == CW_OK           ? CW_CLOSE_GOING_AWAY
               : err == CW_E_AUTH     ? CW_CLOSE_AUTH
               : err == CW_E_OVERLOAD ? CW_CLOSE_OVERLOAD
                                      : CW_CLOSE_PROTOCOL;

    cw_assert_on_loop();
    if (err)
        cw_stat_inc(CW_STAT_api_dropped);
    cw_ws_close(arg, code, why);
}

static const cw_sip_web_ops ops = { .send = on_send, .close = on_close };

/* Its texts cost others' attention as those of JSON do. */
static cw_err on_said(void *arg, const cw_web_said *said)
{
    cw_conn *conn = arg;
    const struct cw_conf_web *web = conn->api->web;
    const cw_im_message message = { .from = said->from,
                                    .display = said->display,
                                    .id = said->id,
                                    .is_text = true,
                                    .type = "text/plain",
                                    .body = said->body };
    cw_im_receipt ignored;

    cw_assert_on_loop();
    return cw_bucket_take(&conn->texts, web->messages_per_s, web->message_burst, cw_now_ms())
               ? CW_E_RATE
               : cw_im_send(conn->api->env.im, said->to, &message, &ignored);
}

void cw_sipws_start(const cw_api *api)
{
    cw_calls_web_said(api->env.calls, on_said);
}

bool cw_sipws_open(cw_conn *conn)
{
    cw_api *api = conn->api;

    cw_bucket_init(&conn->texts, api->web->message_burst, cw_now_ms());
    cw_bucket_init(&conn->bucket, api->web->rate_burst, cw_now_ms());
    return cw_calls_web(api->env.calls, &conn->peer, conn->tls, &ops, conn, &conn->sip) == CW_OK;
}

void cw_sipws_close(cw_conn *conn)
{
    cw_sip_web_free(g_steal_pointer(&conn->sip));
}

void cw_sipws_receive(cw_conn *conn, const char *text, size_t len)
{
    const struct cw_conf_web *web = conn->api->web;

    if (!cw_bucket_take(&conn->bucket, web->rate_per_s, web->rate_burst, cw_now_ms())) {
        cw_sip_web_receive(conn->sip, text, len);
        return;
    }
    cw_log(CW_LOG_WARN, CW_MOD_API, "ws.rate", "address", conn->address, NULL);
    cw_stat_inc(CW_STAT_api_dropped);
    cw_ws_close(conn, CW_CLOSE_RATE, "too many messages");
}
