#include "api/http.h"

#include "api/poll.h"
#include "base/log.h"
#include "base/stats.h"

#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { CHUNK_BYTES = 16384 };

static const struct {
    enum lws_token_indexes token;
    cw_http_method method;
} methods[] = {
    { WSI_TOKEN_GET_URI, CW_HTTP_GET },         { WSI_TOKEN_HEAD_URI, CW_HTTP_HEAD },
    { WSI_TOKEN_POST_URI, CW_HTTP_POST },       { WSI_TOKEN_DELETE_URI, CW_HTTP_DELETE },
    { WSI_TOKEN_OPTIONS_URI, CW_HTTP_OPTIONS },
};

static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    { 200, "OK" },
    { 204, "No Content" },
    { 304, "Not Modified" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 426, "Upgrade Required" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
};

static const char *phrase_of(unsigned status)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Error";
}

/* ── Life ───────────────────────────────────────────────────────────────────────────────────────
 */

static uint64_t head_ms(const cw_http *h)
{
    return (uint64_t)h->conn->api->web->header_timeout_ms;
}

static void on_deadline(void *arg)
{
    cw_http *h = arg;

    cw_assert_on_loop();
    h->dead = true;
    cw_log(CW_LOG_INFO, CW_MOD_API, "http.cut", "address", h->conn->address, "why",
           h->head ? "does not read" : "too slow", NULL);
    cw_stat_inc(CW_STAT_api_dropped);
    cw_ws_kill(h->conn);
}

cw_http *cw_http_new(cw_conn *conn)
{
    cw_http *h = g_new0(cw_http, 1);

    h->conn = conn;
    h->deadline = cw_timer_new(conn->api->env.loop, on_deadline, h);
    cw_timer_start(h->deadline, head_ms(h));
    return h;
}

/* What belongs to one transaction. */
static void clear(cw_http *h) CW_ON_LOOP
{
    cw_poll_left(h);
    g_clear_pointer(&h->in, g_byte_array_unref);
    g_clear_pointer(&h->body, g_bytes_unref);
    if (h->head)
        g_string_free(h->head, TRUE);
    h->head = NULL;
    h->sent = 0;
}

void cw_http_free(cw_http *h)
{
    if (!h)
        return;
    clear(h);
    cw_timer_free(h->deadline);
    g_free(h);
}

/* ── Out ────────────────────────────────────────────────────────────────────────────────────────
 */

static void add_common(cw_http *h, GString *head) CW_ON_LOOP
{
    const struct cw_conf_web *web = h->conn->api->web;
    time_t now = time(NULL);
    struct tm tm;
    char date[40];

    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    g_string_append_printf(head,
                           "date: %s\r\nserver: causeway\r\n"
                           "x-content-type-options: nosniff\r\n"
                           "referrer-policy: no-referrer\r\n"
                           "vary: origin\r\n",
                           date);
    if (h->conn->tls && web->hsts_s)
        g_string_append_printf(head, "strict-transport-security: max-age=%ld\r\n", web->hsts_s);
    if (h->from == CW_HTTP_FROM_LISTED)
        g_string_append_printf(head,
                               "access-control-allow-origin: %s\r\n"
                               "access-control-expose-headers: retry-after\r\n",
                               h->origin);
}

void cw_http_answer_with(cw_http *h, const cw_http_answer *answer)
{
    size_t len = answer->body ? g_bytes_get_size(answer->body) : 0;

    if (h->head)
        return;
    h->last = h->last || answer->last;
    h->head = g_string_sized_new(512);
    g_string_printf(h->head, "HTTP/1.1 %u %s\r\n", answer->status, phrase_of(answer->status));
    if (answer->type)
        g_string_append_printf(h->head, "content-type: %s\r\n", answer->type);
    if (answer->status != 204 && answer->status != 304)
        g_string_append_printf(h->head, "content-length: %zu\r\n", len);
    g_string_append_printf(h->head, "connection: %s\r\n", h->last ? "close" : "keep-alive");
    add_common(h, h->head);
    if (answer->headers)
        g_string_append(h->head, answer->headers);
    g_string_append(h->head, "\r\n");
    if (len && h->method != CW_HTTP_HEAD)
        h->body = g_bytes_ref(answer->body);
    cw_timer_start(h->deadline, (uint64_t)h->conn->api->web->stall_timeout_ms);
    if (h->held)
        lws_rx_flow_control(h->conn->wsi, 1);
    h->held = false;
    lws_callback_on_writable(h->conn->wsi);
}

void cw_http_say(cw_http *h, unsigned status, const char *text)
{
    g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));

    cw_http_answer_with(
        h, &(cw_http_answer){ .status = status,
                              .type = "text/plain; charset=utf-8",
                              .body = body,
                              .headers = status == 405 ? "allow: GET, HEAD\r\n" : NULL });
}

void cw_http_json(cw_http *h, unsigned status, char *text, const char *headers)
{
    g_autoptr(GBytes) body =
        text ? g_bytes_new_with_free_func(text, strlen(text), free, text) : NULL;
    g_autofree char *all =
        g_strconcat("cache-control: no-store\r\n"
                    "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n",
                    headers, NULL);

    cw_http_answer_with(h, &(cw_http_answer){ .status = status,
                                              .type = text ? "application/json" : NULL,
                                              .body = body,
                                              .headers = all });
}

void cw_http_fail(cw_http *h, unsigned status, cw_err err, const char *text, unsigned retry_ms)
{
    g_autofree char *more = NULL;
    json_t *data = json_pack("{ss}", "kind", cw_err_kind(err));
    json_t *message;

    if (retry_ms) {
        json_object_set_new(data, "retry_after_ms", json_integer(retry_ms));
        more = g_strdup_printf("retry-after: %u\r\n", (retry_ms + 999) / 1000);
    } else if (status == 405) {
        more = g_strdup("allow: GET, POST, DELETE, OPTIONS\r\n");
    } else if (status == 401) {
        more = g_strdup("www-authenticate: Bearer\r\n");
    }
    message = json_pack("{ss s{si ss so}}", "jsonrpc", "2.0", "error", "code", cw_err_json(err),
                        "message", text ? text : cw_err_text(err), "data", data);
    cw_stat_inc(CW_STAT_api_refused);
    cw_http_json(h, status, cw_json_print(message), more);
    json_decref(message);
}

/* Up to CHUNK_BYTES of what is left into `to`. */
static size_t next_chunk(cw_http *h, unsigned char *to)
{
    size_t head_left = h->sent < h->head->len ? h->head->len - h->sent : 0;
    size_t n = MIN(head_left, CHUNK_BYTES), len = 0, at;
    const char *data = h->body ? g_bytes_get_data(h->body, &len) : NULL;

    memcpy(to, h->head->str + MIN(h->sent, h->head->len), n);
    at = h->sent + n - h->head->len; /* in the body, once the head is through */
    if (n == head_left && data && at < len) {
        size_t more = MIN(len - at, CHUNK_BYTES - n);

        memcpy(to + n, data + at, more);
        n += more;
    }
    h->sent += n;
    return n;
}

/* All has left: the next request, or the end. */
static int complete(cw_http *h, struct lws *wsi) CW_ON_LOOP
{
    bool last = h->last;

    clear(h);
    cw_timer_start(h->deadline, head_ms(h));
    return last || lws_http_transaction_completed(wsi) ? -1 : 0;
}

int cw_http_writable(cw_http *h, struct lws *wsi)
{
    unsigned char buf[LWS_PRE + CHUNK_BYTES];
    size_t n;

    if (!h->head)
        return 0;
    n = next_chunk(h, buf + LWS_PRE);
    if (!n)
        return complete(h, wsi);
    if (lws_write(wsi, buf + LWS_PRE, n, LWS_WRITE_HTTP_HEADERS) < 0)
        return -1;
    cw_timer_start(h->deadline, (uint64_t)h->conn->api->web->stall_timeout_ms);
    lws_callback_on_writable(wsi);
    return 0;
}

/* ── In ─────────────────────────────────────────────────────────────────────────────────────────
 */

const char *cw_http_header(struct lws *wsi, int token, char *buf, int size)
{
    int n = lws_hdr_total_length(wsi, (enum lws_token_indexes)token);

    *buf = '\0';
    if (n <= 0)
        return buf;
    return n < size && lws_hdr_copy(wsi, buf, size, (enum lws_token_indexes)token) == n ? buf
                                                                                        : NULL;
}

static cw_http_method method_of(struct lws *wsi)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(methods); i++)
        if (lws_hdr_total_length(wsi, methods[i].token))
            return methods[i].method;
    return CW_HTTP_OTHER;
}

static cw_http_from from_of(cw_http *h, struct lws *wsi) CW_ON_LOOP
{
    const cw_conn *conn = h->conn;
    cw_origin rule = { conn->api->web->origins, conn->tls, conn->local };
    char host_buf[256];
    const char *origin = cw_http_header(wsi, WSI_TOKEN_ORIGIN, h->origin, sizeof h->origin);
    const char *host = cw_http_header(wsi, WSI_TOKEN_HOST, host_buf, sizeof host_buf);

    if (!origin || !host)
        return CW_HTTP_FROM_FOREIGN;
    if (!*origin)
        return CW_HTTP_FROM_NOBODY;
    if (!cw_text_is_safe(origin, strlen(origin)) || !cw_origin_ok(&rule, origin, host))
        return CW_HTTP_FROM_FOREIGN;
    return rule.allowed && rule.allowed[0] ? CW_HTTP_FROM_LISTED : CW_HTTP_FROM_OURS;
}

/* The length of the request's body; only POST has one. CW_E_TOO_LARGE above the limit;
 * CW_E_REQUEST: it does not say, or not so that any two readers would agree (RFC 9112 6.3). */
static cw_err body_len(const cw_http *h, struct lws *wsi, size_t *ret) CW_ON_LOOP
{
    bool post = h->method == CW_HTTP_POST;
    char buf[24];
    const char *text = cw_http_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, buf, sizeof buf);
    guint64 len;

    *ret = 0;
    if (!text || lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return CW_E_REQUEST;
    if (!*text)
        return post ? CW_E_REQUEST : CW_OK;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &len, NULL) || (len && !post))
        return CW_E_REQUEST;
    if (len > (guint64)h->conn->api->web->message_max_bytes)
        return CW_E_TOO_LARGE;
    *ret = (size_t)len;
    return CW_OK;
}

/* Every answer to a body that is not read closes: what follows cannot be told from it. */
static void refuse_body(cw_http *h, cw_err err) CW_ON_LOOP
{
    h->last = true;
    if (err == CW_E_TOO_LARGE)
        cw_http_fail(h, 413, err, NULL, 0);
    else
        cw_http_fail(h, 400, CW_E_REQUEST, "Content-Length is missing or wrong", 0);
}

/* "host" of "host:80", "[::1]" of "[::1]:80"; 0: neither. */
static size_t host_len(const char *host)
{
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

    return len <= strlen(host) && cw_proto_chars_ok("A-Za-z0-9.:[]-", host, strlen(host)) ? len : 0;
}

/* "?a=b&c=d", or nothing where some of it needs escapes, which libwebsockets took away. */
static char *query_of(struct lws *wsi) CW_ON_LOOP
{
    GString *query = g_string_new(NULL);
    char part[256];

    for (int i = 0; lws_hdr_copy_fragment(wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, i) > 0;
         i++) {
        if (!cw_proto_chars_ok("A-Za-z0-9._~=-", part, strlen(part))) {
            g_string_truncate(query, 0);
            break;
        }
        g_string_append_printf(query, "%c%s", query->len ? '&' : '?', part);
    }
    return g_string_free(query, FALSE);
}

/* https: of the first listener, by the name the client used. */
static void redirect(cw_http *h, struct lws *wsi) CW_ON_LOOP
{
    char host_buf[256];
    const char *host = cw_http_header(wsi, WSI_TOKEN_HOST, host_buf, sizeof host_buf);
    unsigned port = cw_api_port(h->conn->api);
    g_autofree char *headers = NULL;
    size_t len = host ? host_len(host) : 0;
    g_autofree char *query = query_of(wsi);

    h->last = true;
    if (!len || !cw_proto_chars_ok("A-Za-z0-9._~/-", h->path, strlen(h->path))) {
        cw_http_say(h, 400, "no such host or path\n");
        return;
    }
    headers = g_strdup_printf("location: https://%.*s%s%s%s\r\n", (int)len, host,
                              port == 443 ? "" : cw_fmt(":%u", port), h->path, query);
    cw_http_answer_with(h, &(cw_http_answer){ .status = 308, .headers = headers });
}

/* The head is there. */
static void serve(cw_http *h, struct lws *wsi) CW_ON_LOOP
{
    if (h->conn->redirect) {
        redirect(h, wsi);
    } else if (g_str_has_prefix(h->path, "/v1/")) {
        cw_poll_begin(h, wsi);
    } else {
        h->last = h->method == CW_HTTP_POST; /* nobody reads its body */
        cw_www_serve(h, wsi);
    }
}

int cw_http_begin(cw_http *h, struct lws *wsi, const char *path)
{
    size_t len = 0;
    cw_err err;

    clear(h);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* ours are stricter */
    cw_timer_start(h->deadline, head_ms(h));
    h->last = false;
    h->method = method_of(wsi);
    h->from = from_of(h, wsi);
    if (g_strlcpy(h->path, path, sizeof h->path) >= sizeof h->path) {
        h->last = true;
        cw_http_say(h, 414, "path too long\n");
        return 0;
    }
    err = body_len(h, wsi, &len);
    h->in_max = len;
    if (err)
        refuse_body(h, err);
    else
        serve(h, wsi);
    return 0;
}

int cw_http_body(cw_http *h, const void *data, size_t len)
{
    if (h->in && len <= h->in_max - h->in->len)
        g_byte_array_append(h->in, data, (guint)len);
    return 0;
}

int cw_http_body_done(cw_http *h)
{
    if (!h->in || h->head)
        return 0;
    cw_poll_body(h);
    return 0;
}

/* ── Waiting ────────────────────────────────────────────────────────────────────────────────────
 */

/* libwebsockets would neither read what comes meanwhile nor stop looking at it. */
void cw_http_hold(cw_http *h)
{
    h->held = true;
    cw_timer_stop(h->deadline);
    lws_rx_flow_control(h->conn->wsi, 0);
}

bool cw_http_gone(const cw_http *h)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;

    return getsockopt(h->conn->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           (info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_CLOSE);
}
