/* ws.c - libwebsockets: HTTP, the WebSocket handshake, messages in and out.
 *
 * Every callback belongs to the loop thread: libwebsockets runs on the loop's libuv. A cw_conn is
 * made before its socket is handed over and freed with its struct lws.
 */
#include "api/poll.h"

#include "base/log.h"
#include "base/stats.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
    RX_BYTES = 4096,   /* of HTTP, at once */
    FRAME_BYTES = 512, /* handed over at once; each WebSocket holds a buffer of it */
    KEEPALIVE_S = 5,   /* an idle HTTP connection */
    CLOSE_BYTES = 125, /* of a close frame (RFC 6455 5.5) */
    CLOSE_MS = 2000,   /* for the client to answer a close frame */
    STOP_ROUNDS = 200, /* of STOP_ROUND_MS: patience with clients when going down */
    STOP_ROUND_US = 5000,
};

typedef struct cw_frame {
    size_t len;
    bool binary;
    unsigned char data[]; /* LWS_PRE bytes for libwebsockets, then the text */
} cw_frame;

/* ── Out ────────────────────────────────────────────────────────────────────────────────────────
 */

/* What it takes, so that many small messages count as well. */
static size_t cost(const cw_frame *frame)
{
    return sizeof *frame + LWS_PRE + frame->len + sizeof(GList);
}

static void clear_out(cw_conn *conn)
{
    g_queue_clear_full(&conn->out, g_free);
    conn->out_bytes = 0;
}

/* libwebsockets looks at its timeouts after an event of its own only: give it one. */
static void kick(cw_api *api)
{
    lws_cancel_service(api->lws);
}

void cw_ws_kill(cw_conn *conn)
{
    lws_set_timeout(conn->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
    kick(conn->api);
}

/* At once, without a word: whoever does not read cannot be told. */
static void cut(cw_conn *conn, const char *why) CW_ON_LOOP
{
    cw_log(CW_LOG_WARN, CW_MOD_API, "ws.cut", "address", conn->address, "why", why, NULL);
    cw_stat_inc(CW_STAT_api_dropped);
    clear_out(conn);
    conn->close_code = CW_CLOSE_OVERLOAD;
    conn->close_why = why;
    cw_timer_stop(conn->stall);
    cw_ws_kill(conn);
}

static void on_stall(void *arg)
{
    cw_conn *conn = arg;

    cw_assert_on_loop();
    if (conn->close_sent)
        cw_ws_kill(conn);
    else
        cut(conn, "does not read");
}

static void queue(cw_conn *conn, const char *text, size_t len, bool binary) CW_ON_LOOP
{
    cw_frame *frame;

    if (conn->close_code)
        return;
    frame = g_malloc(sizeof *frame + LWS_PRE + len);
    frame->len = len;
    frame->binary = binary;
    memcpy(frame->data + LWS_PRE, text, len);
    g_queue_push_tail(&conn->out, frame);
    conn->out_bytes += cost(frame);
    if ((long)conn->out_bytes > conn->api->web->queue_max_bytes) {
        cut(conn, "queue is full");
        return;
    }
    if (!cw_timer_active(conn->stall))
        cw_timer_start(conn->stall, (uint64_t)conn->api->web->stall_timeout_ms);
    lws_callback_on_writable(conn->wsi);
}

static void on_reply(void *arg, char *text, size_t len)
{
    cw_assert_on_loop();
    queue(arg, text, len, false);
    free(text);
}

static void on_notify(void *arg, int64_t seq, const char *text, size_t len)
{
    cw_assert_on_loop();
    queue(arg, text, len, false);
}

static void on_ping(void *arg)
{
    cw_conn *conn = arg;

    cw_assert_on_loop();
    conn->ping_due = true;
    lws_callback_on_writable(conn->wsi);
}

void cw_ws_send(cw_conn *conn, const char *text, size_t len)
{
    queue(conn, text, len, !g_utf8_validate(text, (gssize)len, NULL));
}

static void close_later(cw_conn *conn, int code, const char *why) CW_ON_LOOP
{
    if (conn->close_code)
        return;
    conn->close_code = code;
    conn->close_why = why;
    lws_callback_on_writable(conn->wsi);
}

void cw_ws_close(cw_conn *conn, int code, const char *why)
{
    close_later(conn, code, why);
}

static void on_close(void *arg, cw_close code, const char *reason)
{
    cw_assert_on_loop();
    close_later(arg, (int)code, reason);
}

static const cw_link_ops link_ops = {
    .kind = "ws", .reply = on_reply, .notify = on_notify, .close = on_close, .ping = on_ping
};

/* The close frame (RFC 6455 5.5.1). Debian's libwebsockets is built to close twice on libuv, and
 * the second time loses the frame it was asked for by lws_close_reason(): it is written here. Then
 * the client has a moment to answer. */
static int write_close(cw_conn *conn, struct lws *wsi) CW_ON_LOOP
{
    unsigned char buf[LWS_PRE + 2 + CLOSE_BYTES], *p = buf + LWS_PRE;
    size_t len;

    if (!conn->close_code || conn->close_sent)
        return 0;
    len = MIN(strlen(conn->close_why), CLOSE_BYTES - 2);
    conn->close_sent = true;
    *p++ = 0x88; /* FIN, close */
    *p++ = (unsigned char)(2 + len);
    *p++ = (unsigned char)(conn->close_code >> 8);
    *p++ = (unsigned char)conn->close_code;
    memcpy(p, conn->close_why, len);
    cw_timer_start(conn->stall, CLOSE_MS);
    return lws_write(wsi, buf + LWS_PRE, 4 + len, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

/* libwebsockets keeps an empty pong to itself. */
static int write_ping(cw_conn *conn, struct lws *wsi) CW_ON_LOOP
{
    unsigned char buf[LWS_PRE + 1] = { 0 };

    conn->ping_due = false;
    lws_callback_on_writable(wsi);
    return lws_write(wsi, buf + LWS_PRE, 1, LWS_WRITE_PING) < 0 ? -1 : 0;
}

/* The socket takes data again: one message, or the close frame behind the last one. What it takes
 * only in part libwebsockets keeps, and comes back here when that has gone. */
static int write_next(cw_conn *conn, struct lws *wsi) CW_ON_LOOP
{
    cw_frame *frame;
    int n;

    if (conn->ping_due && !conn->close_code)
        return write_ping(conn, wsi);
    frame = g_queue_pop_head(&conn->out);
    if (!frame) {
        if (!conn->close_sent)
            cw_timer_stop(conn->stall);
        return write_close(conn, wsi);
    }
    n = lws_write(wsi, frame->data + LWS_PRE, frame->len,
                  frame->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    conn->out_bytes -= cost(frame);
    g_free(frame);
    if (n < 0)
        return -1;
    cw_timer_start(conn->stall, (uint64_t)conn->api->web->stall_timeout_ms);
    lws_callback_on_writable(wsi);
    return 0;
}

/* ── In ─────────────────────────────────────────────────────────────────────────────────────────
 */

static void protocol_fault(cw_conn *conn, int code, const char *why) CW_ON_LOOP
{
    cw_log(CW_LOG_INFO, CW_MOD_API, "ws.fault", "address", conn->address, "code",
           cw_fmt("%d", code), "why", why, NULL);
    cw_stat_inc(CW_STAT_api_dropped);
    clear_out(conn);
    close_later(conn, code, why);
}

void cw_ws_guarded(cw_conn *conn)
{
    protocol_fault(conn, conn->guard.code, conn->guard.why);
}

static void receive(cw_conn *conn, const char *text, size_t len) CW_ON_LOOP
{
    if (conn->sip)
        cw_sipws_receive(conn, text, len);
    else
        cw_link_receive(conn->link, text, len);
}

static int on_receive(cw_conn *conn, struct lws *wsi, const void *data, size_t len) CW_ON_LOOP
{
    g_autoptr(GByteArray) message = NULL;
    bool whole;

    if (conn->close_code)
        return 0;
    if (lws_frame_is_binary(wsi) && !conn->sip) { /* SIP may be either (RFC 7118 5.1) */
        protocol_fault(conn, CW_CLOSE_BINARY, "text only");
        return 0;
    }
    whole = !lws_remaining_packet_payload(wsi) && lws_is_final_fragment(wsi);
    if (whole && !conn->in) {
        receive(conn, data, len);
        return 0;
    }
    /* The guard saw to it that this stays below web.message_max_bytes. */
    if (!conn->in)
        conn->in = g_byte_array_new();
    g_byte_array_append(conn->in, data, (guint)len);
    if (!whole)
        return 0;
    message = g_steal_pointer(&conn->in);
    receive(conn, (const char *)message->data, message->len);
    return 0;
}

/* ── Life of a connection ───────────────────────────────────────────────────────────────────────
 */

static int on_established(cw_conn *conn, struct lws *wsi) CW_ON_LOOP
{
    g_clear_pointer(&conn->http, cw_http_free);
    conn->stall = cw_timer_new(conn->api->env.loop, on_stall, conn);
    if (strcmp(lws_get_protocol(wsi)->name, CW_SIPWS_NAME) != 0)
        conn->link = cw_link_new(&conn->api->env, conn->address, &link_ops, conn);
    else if (!cw_sipws_open(conn))
        close_later(conn, CW_CLOSE_OVERLOAD, "not now");
    conn->api->websockets++;
    cw_stat_inc(CW_STAT_connections);
    if (!cw_guard_begin(&conn->guard, (uint64_t)conn->api->web->message_max_bytes,
                        (unsigned)conn->api->web->frames_max)) {
        conn->guard.code = CW_CLOSE_PROTOCOL;
        protocol_fault(conn, CW_CLOSE_PROTOCOL, "frames before the handshake was answered");
    }
    return 0;
}

static void on_closed(cw_conn *conn) CW_ON_LOOP
{
    if (!conn->stall) /* it is none, or none any more */
        return;
    g_clear_pointer(&conn->stall, cw_timer_free);
    cw_link_free(g_steal_pointer(&conn->link));
    cw_sipws_close(conn);
    clear_out(conn);
    g_clear_pointer(&conn->in, g_byte_array_unref);
    conn->api->websockets--;
    cw_stat_dec(CW_STAT_connections);
}

/* Its close frame (RFC 6455 5.5.1): whoever closes with 1000 is done, the others may come back. */
static int on_peer_close(cw_conn *conn, const uint8_t *payload, size_t len) CW_ON_LOOP
{
    if (conn->link && len >= 2 && (payload[0] << 8 | payload[1]) == CW_CLOSE_NORMAL)
        cw_link_leave(conn->link);
    return conn->close_sent ? -1 : 0;
}

static void free_conn(cw_conn *conn) CW_ON_LOOP
{
    cw_api *api = conn->api;

    on_closed(conn);
    cw_http_free(conn->http);
    cw_tap_set(conn->fd, NULL);
    g_hash_table_remove(api->conns, conn);
    g_free(conn);
    if (!api->closing)
        cw_listen_resume(api);
}

void cw_ws_adopt(cw_api *api, int fd, const cw_addr *peer, const cw_listener *by)
{
    cw_conn *conn = g_new0(cw_conn, 1);
    bool redirect = cw_listen_kind_of(by) == CW_LISTEN_REDIRECT;
    lws_adopt_desc_t desc = {
        .vh = api->vhost,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | (redirect ? 0 : LWS_ADOPT_ALLOW_SSL),
        .fd.sockfd = fd,
        .opaque = conn,
    };

    conn->api = api;
    conn->fd = fd;
    conn->local = cw_listen_is_local(by);
    conn->redirect = redirect;
    conn->tls = api->tls && !redirect;
    conn->http = cw_http_new(conn);
    conn->peer = *peer;
    cw_addr_print(peer, conn->address);
    g_queue_init(&conn->out);
    g_hash_table_add(api->conns, conn);
    cw_tap_set(fd, conn);
    api->adopting = conn;
    /* On failure the socket is closed and conn freed with its struct lws, if it came to that. */
    if (!lws_adopt_descriptor_vhost_via_info(&desc) && api->adopting)
        free_conn(conn);
    api->adopting = NULL;
    kick(api);
}

/* The first callback of a struct lws: whoever is adopting has one now. */
static void on_create(cw_api *api, struct lws *wsi)
{
    if (!api->adopting)
        return;
    api->adopting->wsi = wsi;
    api->adopting = NULL;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    cw_conn *conn = lws_get_opaque_user_data(wsi);

    cw_assert_on_loop();
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS)
        cw_cert_use(lws_context_user(lws_get_context(wsi)), user);
    if (reason == LWS_CALLBACK_WSI_CREATE)
        on_create(lws_context_user(lws_get_context(wsi)), wsi);
    if (!conn)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return cw_http_begin(conn->http, wsi, in);
    case LWS_CALLBACK_HTTP_BODY:
        return cw_http_body(conn->http, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return cw_http_body_done(conn->http);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return conn->http ? cw_http_writable(conn->http, wsi) : 0;
    case LWS_CALLBACK_RAW_SKT_BIND_PROTOCOL: /* a CONNECT request makes a tunnel of it: not here */
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
        cw_ws_kill(conn);
        return -1;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return cw_ws_upgrade(conn, wsi);
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(conn, wsi);
    case LWS_CALLBACK_RECEIVE:
        return on_receive(conn, wsi, in, len);
    case LWS_CALLBACK_RECEIVE_PONG:
        if (conn->link)
            cw_link_heard(conn->link);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return on_peer_close(conn, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return write_next(conn, wsi);
    case LWS_CALLBACK_CLOSED:
        on_closed(conn);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        free_conn(conn);
        return 0;
    default:
        return 0;
    }
}

/* ── Start and stop ─────────────────────────────────────────────────────────────────────────────
 */

/* A WebSocket without a subprotocol would be given to the first: that is not ours, and refused. */
#define PROTOCOL(text, bytes)                                                                      \
    {                                                                                              \
        .name = text, .callback = on_event, .rx_buffer_size = bytes                                \
    }
static const struct lws_protocols protocols[] = {
    PROTOCOL("http", RX_BYTES),
    PROTOCOL(CW_PROTO_NAME, FRAME_BYTES),
    PROTOCOL(CW_SIPWS_NAME, FRAME_BYTES),
    { 0 },
};
static const struct lws_protocols without_sip[] = {
    PROTOCOL("http", RX_BYTES),
    PROTOCOL(CW_PROTO_NAME, FRAME_BYTES),
    { 0 },
};
#undef PROTOCOL

/* Peers cause most of what libwebsockets says: it is of use to developers only. */
static void on_log(int level, const char *line)
{
    g_autofree char *text = g_strchomp(g_strdup(line));

    cw_log(CW_LOG_DEBUG, CW_MOD_API, "lws", "level", level == LLL_ERR ? "error" : "warn", "text",
           text, NULL);
}

static void count_handle(uv_handle_t *handle, void *arg)
{
    ++*(unsigned *)arg;
}

static unsigned handles(const cw_api *api) CW_ON_LOOP
{
    unsigned n = 0;

    uv_walk(cw_loop_uv(api->env.loop), count_handle, &n);
    return n;
}

/* Whether a client is there, link.c asks. libwebsockets' own watch is off: it sorts each connection
 * anew into one list of them all, at each frame. */
static const lws_retry_bo_t no_watch;

static void describe(const cw_api *api, struct lws_context_creation_info *info)
{
    info->port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info->protocols = api->web->sip ? protocols : without_sip;
    info->user = (void *)api;
    info->server_string = "causeway";
    info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                    LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info->timeout_secs = (unsigned)((api->web->header_timeout_ms + 999) / 1000);
    info->timeout_secs_ah_idle = info->timeout_secs;
    info->keepalive_timeout = KEEPALIVE_S;
    info->retry_and_idle_policy = &no_watch;
    info->gid = (gid_t)-1;
    info->uid = (uid_t)-1;
    if (!api->tls)
        return;
    info->options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info->ssl_cert_filepath = api->web->tls_certificate;
    info->ssl_private_key_filepath = api->web->tls_key;
    info->alpn = "http/1.1";
    info->ssl_options_set = (long)SSL_OP_NO_RENEGOTIATION;
}

cw_err cw_ws_start(cw_api *api, char why[static 128])
{
    void *loops[] = { cw_loop_uv(api->env.loop) };
    struct lws_context_creation_info info = { 0 };
    unsigned before = handles(api);

    lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
    if (!cw_tap_works()) {
        g_snprintf(why, 128, "libwebsockets' reads cannot be watched in this build");
        return CW_E_IO;
    }
    describe(api, &info);
    info.foreign_loops = loops;
    api->lws = lws_create_context(&info);
    if (!api->lws || handles(api) == before) {
        g_snprintf(why, 128, "libwebsockets has no libuv: is libwebsockets-evlib-uv installed?");
        return CW_E_IO;
    }
    info.foreign_loops = NULL;
    api->vhost = lws_create_vhost(api->lws, &info);
    if (!api->vhost) {
        g_snprintf(why, 128, "web.tls_certificate or web.tls_key cannot be used");
        return CW_E_IO;
    }
    return CW_OK;
}

/* Let libuv do what it has to: its handles close in a later round. */
static void pump(cw_api *api, unsigned rounds, bool until_empty) CW_ON_LOOP
{
    for (unsigned i = 0; i < rounds; i++) {
        if (until_empty && !g_hash_table_size(api->conns))
            return;
        uv_run(cw_loop_uv(api->env.loop), UV_RUN_NOWAIT);
        if (until_empty)
            g_usleep(STOP_ROUND_US);
    }
}

static void say_goodbye(cw_api *api) CW_ON_LOOP
{
    GHashTableIter iter;
    gpointer key;

    cw_polls_shutdown(api);
    g_hash_table_iter_init(&iter, api->conns);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        cw_conn *conn = key;

        if (conn->link)
            cw_link_shutdown(conn->link);
        else if (conn->sip)
            cw_sip_web_shutdown(conn->sip);
        else if (conn->http && conn->http->head)
            conn->http->last = true;
        else
            cw_ws_kill(conn);
    }
}

void cw_ws_stop(cw_api *api)
{
    api->closing = true;
    if (!api->lws)
        return;
    say_goodbye(api);
    pump(api, STOP_ROUNDS, true);
    /* On a foreign loop the first call closes connections and handles, the second frees. */
    lws_context_destroy(api->lws);
    pump(api, 8, false);
    lws_context_destroy(api->lws);
    pump(api, 2, false);
    api->lws = NULL;
}
