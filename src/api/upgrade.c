#include "api/priv.h"

#include "base/log.h"
#include "base/stats.h"

#include <libwebsockets.h>
#include <string.h>

/* A header's value; "" when there is none, NULL when it is longer than any we take. */
static const char *header(struct lws *wsi, enum lws_token_indexes token, char *buf, int size)
{
    int n = lws_hdr_total_length(wsi, token);

    *buf = '\0';
    if (n <= 0)
        return buf;
    return n < size && lws_hdr_copy(wsi, buf, size, token) == n ? buf : NULL;
}

static bool names_protocol(const char *list)
{
    g_auto(GStrv) name = g_strsplit(list, ",", 32);

    for (unsigned i = 0; name[i]; i++)
        if (!strcmp(g_strstrip(name[i]), CW_PROTO_NAME))
            return true;
    return false;
}

static bool origin_ok(const cw_conn *conn, struct lws *wsi)
{
    cw_origin rule = { conn->api->web->origins, conn->api->tls, conn->local };
    char origin_buf[256], host_buf[256];
    const char *origin = header(wsi, WSI_TOKEN_ORIGIN, origin_buf, sizeof origin_buf);
    const char *host = header(wsi, WSI_TOKEN_HOST, host_buf, sizeof host_buf);

    return origin && host && cw_origin_ok(&rule, *origin ? origin : NULL, host);
}

static int refuse(const cw_conn *conn, struct lws *wsi, unsigned status,
                  const char *text) CW_ON_LOOP
{
    cw_log(CW_LOG_INFO, CW_MOD_API, "ws.refused", "address", conn->address, "status",
           cw_fmt("%u", status), "why", text, NULL);
    cw_stat_inc(CW_STAT_api_refused);
    /* libwebsockets completes the transaction itself when it gets 1 */
    return cw_www_reply(wsi, status, text) ? -1 : 1;
}

int cw_ws_upgrade(cw_conn *conn, struct lws *wsi)
{
    char buf[256];
    const char *value = header(wsi, WSI_TOKEN_UPGRADE, buf, sizeof buf);

    if (!value || g_ascii_strcasecmp(value, "websocket"))
        return -1;
    value = header(wsi, WSI_TOKEN_GET_URI, buf, sizeof buf);
    if (!value || strcmp(value, CW_PROTO_PATH))
        return refuse(conn, wsi, HTTP_STATUS_NOT_FOUND, "no WebSocket here");
    value = header(wsi, WSI_TOKEN_VERSION, buf, sizeof buf);
    if (!value || strcmp(value, "13"))
        return refuse(conn, wsi, HTTP_STATUS_BAD_REQUEST, "Sec-WebSocket-Version is not 13");
    value = header(wsi, WSI_TOKEN_PROTOCOL, buf, sizeof buf);
    if (!value || !names_protocol(value))
        return refuse(conn, wsi, HTTP_STATUS_BAD_REQUEST, "the subprotocol is " CW_PROTO_NAME);
    if (!origin_ok(conn, wsi))
        return refuse(conn, wsi, HTTP_STATUS_FORBIDDEN, "this origin may not connect");
    if ((long)conn->api->websockets >= conn->api->web->connections_max || conn->api->closing)
        return refuse(conn, wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, "full");
    return 0;
}
