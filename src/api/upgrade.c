#include "api/http.h"

#include "base/log.h"
#include "base/stats.h"

#include <libwebsockets.h>
#include <string.h>

static bool names(const char *list, const char *protocol)
{
    g_auto(GStrv) name = g_strsplit(list, ",", 32);

    for (unsigned i = 0; name[i]; i++)
        if (!strcmp(g_strstrip(name[i]), protocol))
            return true;
    return false;
}

/* Of what is spoken here, what the client asks for: its path has to be that one's, too. */
static bool is_path_of(const cw_conn *conn, const char *path, const char *list)
{
    if (!strcmp(path, CW_PROTO_PATH))
        return true;
    return conn->api->web->sip && names(list, CW_SIPWS_NAME) && !names(list, CW_PROTO_NAME) &&
           !strcmp(path, CW_SIPWS_PATH);
}

static bool origin_ok(const cw_conn *conn, struct lws *wsi) CW_ON_LOOP
{
    cw_origin rule = { conn->api->web->origins, conn->tls, conn->local };
    char origin_buf[256], host_buf[256];
    const char *origin = cw_http_header(wsi, WSI_TOKEN_ORIGIN, origin_buf, sizeof origin_buf);
    const char *host = cw_http_header(wsi, WSI_TOKEN_HOST, host_buf, sizeof host_buf);

    return origin && host && cw_origin_ok(&rule, *origin ? origin : NULL, host);
}

/* libwebsockets completes the transaction itself. */
static int reply(struct lws *wsi, unsigned status, const char *text) CW_ON_LOOP
{
    unsigned char buf[LWS_PRE + 1024];
    unsigned char *start = buf + LWS_PRE, *p = start, *end = buf + sizeof buf - 1;
    size_t len = strlen(text);

    if (lws_add_http_common_headers(wsi, status, "text/plain; charset=utf-8", len, &p, end) ||
        lws_add_http_header_by_name(wsi, (const unsigned char *)"x-content-type-options:",
                                    (const unsigned char *)"nosniff", 7, &p, end) ||
        lws_finalize_http_header(wsi, &p, end) || len > (size_t)(end - p))
        return -1;
    memcpy(p, text, len);
    return lws_write(wsi, start, (size_t)(p - start) + len, LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 1;
}

static int refuse(const cw_conn *conn, struct lws *wsi, unsigned status,
                  const char *text) CW_ON_LOOP
{
    cw_log(CW_LOG_INFO, CW_MOD_API, "ws.refused", "address", conn->address, "status",
           cw_fmt("%u", status), "why", text, NULL);
    cw_stat_inc(CW_STAT_api_refused);
    return reply(wsi, status, text);
}

int cw_ws_upgrade(cw_conn *conn, struct lws *wsi)
{
    char buf[256], list_buf[256];
    const char *value = cw_http_header(wsi, WSI_TOKEN_UPGRADE, buf, sizeof buf), *list;

    if (!value || g_ascii_strcasecmp(value, "websocket"))
        return -1;
    if (conn->redirect)
        return refuse(conn, wsi, 426, "this address only leads to https:");
    value = cw_http_header(wsi, WSI_TOKEN_GET_URI, buf, sizeof buf);
    list = cw_http_header(wsi, WSI_TOKEN_PROTOCOL, list_buf, sizeof list_buf);
    if (!value || !is_path_of(conn, value, list ?: ""))
        return refuse(conn, wsi, HTTP_STATUS_NOT_FOUND, "no WebSocket here");
    value = cw_http_header(wsi, WSI_TOKEN_VERSION, buf, sizeof buf);
    if (!value || strcmp(value, "13"))
        return refuse(conn, wsi, HTTP_STATUS_BAD_REQUEST, "Sec-WebSocket-Version is not 13");
    if (!list ||
        !(names(list, CW_PROTO_NAME) || (conn->api->web->sip && names(list, CW_SIPWS_NAME))))
        return refuse(conn, wsi, HTTP_STATUS_BAD_REQUEST, "the subprotocol is " CW_PROTO_NAME);
    if (!origin_ok(conn, wsi))
        return refuse(conn, wsi, HTTP_STATUS_FORBIDDEN, "this origin may not connect");
    if ((long)conn->api->websockets >= conn->api->web->connections_max || conn->api->closing)
        return refuse(conn, wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, "full");
    return 0;
}
