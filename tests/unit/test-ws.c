/* The real listener on a free port, spoken to by plain sockets. */
#include "api/api.h"
#include "base/log.h"
#include "base/stats.h"
#include "tests/unit/fake-call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static cw_loop *loop;
static cw_conf *conf;
static cw_tokens *tokens;
static cw_api *api;
static unsigned port;

enum { WAIT_MS = 5000 };

/* ── A client ───────────────────────────────────────────────────────────────────────────────────
 */

typedef struct client {
    int fd;
    GByteArray *in; /* not yet taken */
    bool gone;      /* the gateway closed */
} client;

/* rcvbuf: bytes the kernel keeps for a client that does not read; 0: as usual. */
static void client_open_with(client *c, int rcvbuf)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (rcvbuf) /* before connecting: the window on offer cannot be taken back */
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
    g_assert_cmpint(connect(c->fd, (struct sockaddr *)&to, sizeof to), ==, 0);
    c->in = g_byte_array_new();
    c->gone = false;
}

static void client_open(client *c)
{
    client_open_with(c, 0);
}

static void client_close(client *c)
{
    close(c->fd);
    g_byte_array_unref(c->in);
}

/* What has come, without waiting. */
static void client_pull(client *c)
{
    uint8_t buf[65536];
    ssize_t n;

    while ((n = recvfrom(c->fd, buf, sizeof buf, MSG_DONTWAIT, NULL, NULL)) > 0)
        g_byte_array_append(c->in, buf, (guint)n);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        c->gone = true;
}

static void client_send(client *c, const void *data, size_t len)
{
    const uint8_t *p = data;

    cw_assert_on_loop();
    while (len > 0) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN) {
            return; /* the gateway closed: the test looks at that */
        }
        cw_loop_step(loop, 1);
        client_pull(c);
    }
}

static bool client_until(client *c, const char *needle, unsigned ms)
{
    uint64_t end = cw_now_ms() + ms;

    cw_assert_on_loop();
    for (;;) {
        client_pull(c);
        if (needle && c->in->len && memmem(c->in->data, c->in->len, needle, strlen(needle)))
            return true;
        if (c->gone || cw_now_ms() >= end)
            return false;
        cw_loop_step(loop, 5);
    }
}

static char *client_text(client *c)
{
    return c->in->len ? g_strndup((char *)c->in->data, c->in->len) : g_strdup("");
}

/* ── WebSocket ──────────────────────────────────────────────────────────────────────────────────
 */

static const char key[] = "dGhlIHNhbXBsZSBub25jZQ=="; /* RFC 6455 1.3 */

static void ask_upgrade(client *c, const char *path, const char *more)
{
    g_autofree char *request =
        g_strdup_printf("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n%s\r\n",
                        path, port, key, more);

    client_send(c, request, strlen(request));
}

#define V13   "Sec-WebSocket-Version: 13\r\n"
#define PROTO "Sec-WebSocket-Protocol: causeway.v1\r\n"

static void ws_open_with(client *c, int rcvbuf)
{
    client_open_with(c, rcvbuf);
    ask_upgrade(c, "/v1/ws", V13 PROTO);
    g_assert_true(client_until(c, "\r\n\r\n", WAIT_MS));
    g_assert_nonnull(g_strstr_len((char *)c->in->data, c->in->len, "101 Switching"));
    g_assert_nonnull(g_strstr_len((char *)c->in->data, c->in->len, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    g_byte_array_set_size(c->in, 0);
}

static void ws_open(client *c)
{
    ws_open_with(c, 0);
}

static GByteArray *frame(unsigned first, bool masked, const void *payload, size_t len)
{
    static const uint8_t mask[4] = { 0x12, 0x34, 0x56, 0x78 };
    GByteArray *f = g_byte_array_new();
    uint8_t head[10] = { (uint8_t)first };
    unsigned n = len < 126 ? 2 : len < 65536 ? 4 : 10;

    head[1] = (uint8_t)((masked ? 0x80 : 0) | (n == 2 ? len : n == 4 ? 126 : 127));
    for (unsigned i = 2; i < n; i++)
        head[i] = (uint8_t)(len >> (8 * (n - 1 - i)));
    g_byte_array_append(f, head, n);
    if (masked)
        g_byte_array_append(f, mask, 4);
    for (size_t i = 0; i < len; i++) {
        uint8_t b = ((const uint8_t *)payload)[i] ^ (masked ? mask[i & 3] : 0);

        g_byte_array_append(f, &b, 1);
    }
    return f;
}

static void ws_send(client *c, unsigned first, const void *payload, size_t len)
{
    g_autoptr(GByteArray) f = frame(first, true, payload, len);

    client_send(c, f->data, f->len);
}

static void ws_text(client *c, const char *text)
{
    ws_send(c, 0x81, text, strlen(text));
}

/* Take the next frame: its opcode, or -1 when none came; a NUL is put behind the payload. */
static int ws_next(client *c, GByteArray *payload, unsigned ms)
{
    uint64_t end = cw_now_ms() + ms;

    cw_assert_on_loop();
    for (;;) {
        const uint8_t *d = c->in->data;
        size_t n = 2, len = c->in->len >= 2 ? d[1] & 0x7f : 0;

        if (len == 126 && c->in->len >= 4) {
            len = (size_t)d[2] << 8 | d[3];
            n = 4;
        } else if (len == 127 && c->in->len >= 10) {
            len = (size_t)d[6] << 24 | (size_t)d[7] << 16 | (size_t)d[8] << 8 | d[9];
            n = 10;
        }
        if (c->in->len >= 2 && (len < 126 || n > 2) && c->in->len >= n + len) {
            int op = d[0] & 0xf;

            g_assert_cmpuint(d[1] & 0x80, ==, 0); /* a server does not mask */
            g_byte_array_set_size(payload, 0);
            g_byte_array_append(payload, d + n, (guint)len);
            g_byte_array_append(payload, (const uint8_t *)"", 1);
            g_byte_array_remove_range(c->in, 0, (guint)(n + len));
            return op;
        }
        if (c->gone || cw_now_ms() >= end)
            return -1;
        cw_loop_step(loop, 5);
        client_pull(c);
    }
}

/* The next message. */
static json_t *ws_json(client *c)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    char why[128];
    json_t *json;

    g_assert_cmpint(ws_next(c, payload, WAIT_MS), ==, 1);
    g_assert_cmpint(cw_json_parse((char *)payload->data, payload->len - 1, &json, why), ==, CW_OK);
    return json;
}

/* The close code, messages before it skipped; 0: the connection ended without, -1: still open. */
static int ws_close_code(client *c, unsigned ms)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    int op;

    while ((op = ws_next(c, payload, ms)) >= 0)
        if (op == 8)
            return payload->len > 2 ? payload->data[0] << 8 | payload->data[1] : 1005;
    return c->gone ? 0 : -1;
}

static const char *kind_of(const json_t *message)
{
    return json_string_value(
        json_object_get(json_object_get(json_object_get(message, "error"), "data"), "kind"));
}

static const char *path_of(const json_t *message)
{
    return json_string_value(
        json_object_get(json_object_get(json_object_get(message, "error"), "data"), "path"));
}

static void log_in(client *c)
{
    g_autoptr(json_t) reply = NULL;

    ws_text(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.open\",\"params\":{\"guest\":"
               "\"anna\"}}");
    reply = ws_json(c);
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(reply, "result"), "user")),
                    ==, "anna");
}

/* Whatever the test did, nothing of it is left. */
static void assert_clean(void)
{
    uint64_t end = cw_now_ms() + WAIT_MS;

    cw_assert_on_loop();
    while ((cw_stat_get(CW_STAT_connections) || fake_call_clients) && cw_now_ms() < end)
        cw_loop_step(loop, 5);
    g_assert_cmpint(cw_stat_get(CW_STAT_connections), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions), ==, 0);
    g_assert_cmpuint(fake_call_clients, ==, 0);
}

/* ── Tests ──────────────────────────────────────────────────────────────────────────────────────
 */

static void test_exchange(void)
{
    g_autoptr(json_t) reply = NULL, closing = NULL, list = NULL;
    client c;

    cw_assert_on_loop();
    ws_open(&c);
    log_in(&c);
    list = cw_api_sessions(api);
    g_assert_cmpuint(json_array_size(list), ==, 1);
    ws_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"ping\"}");
    reply = ws_json(&c);
    g_assert_nonnull(json_object_get(json_object_get(reply, "result"), "now_ms"));
    g_assert_cmpstr(json_string_value(json_object_get(reply, "id")), ==, "x");
    ws_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"session.close\"}");
    closing = ws_json(&c);
    g_assert_nonnull(json_object_get(closing, "result"));
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, 1000);
    client_close(&c);
    assert_clean();
}

static void test_fragments(void)
{
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
    g_autoptr(json_t) reply = NULL;
    client c;

    ws_open(&c);
    log_in(&c);
    ws_send(&c, 0x01, text, 1);
    ws_send(&c, 0x89, "hi", 2); /* a ping in between */
    for (size_t i = 1; i + 1 < strlen(text); i++)
        ws_send(&c, 0x00, text + i, 1);
    ws_send(&c, 0x00, "", 0);
    ws_send(&c, 0x80, text + strlen(text) - 1, 1);
    {
        g_autoptr(GByteArray) pong = g_byte_array_new();

        g_assert_cmpint(ws_next(&c, pong, WAIT_MS), ==, 0xa);
        g_assert_cmpstr((char *)pong->data, ==, "hi");
    }
    reply = ws_json(&c);
    g_assert_cmpint(json_integer_value(json_object_get(reply, "id")), ==, 7);
    client_close(&c);
    assert_clean();
}

/* Frames, what of them is sent, and the close code they earn. */
static const struct {
    const char *name;
    uint8_t bytes[24];
    size_t len;
    int want;
} frames[] = {
    { "unmasked-text", { 0x81, 2, '{', '}' }, 4, 1002 },
    { "unmasked-ping", { 0x89, 0 }, 2, 1002 },
    { "unmasked-close", { 0x88, 2, 3, 0xe8 }, 4, 1002 },
    { "unmasked-16-bit", { 0x81, 126, 0, 200 }, 4, 1002 },
    { "rsv1", { 0xc1, 0x82, 0, 0, 0, 0, '{', '}' }, 8, 1002 },
    { "rsv2", { 0xa1, 0x82, 0, 0, 0, 0, '{', '}' }, 8, 1002 },
    { "rsv3", { 0x91, 0x82, 0, 0, 0, 0, '{', '}' }, 8, 1002 },
    { "opcode-3", { 0x83, 0x80, 0, 0, 0, 0 }, 6, 1002 },
    { "opcode-b", { 0x8b, 0x80, 0, 0, 0, 0 }, 6, 1002 },
    { "continuation-first", { 0x80, 0x81, 0, 0, 0, 0, 'x' }, 7, 1002 },
    { "text-inside-text", { 0x01, 0x81, 0, 0, 0, 0, '{', 0x81, 0x81, 0, 0, 0, 0, '}' }, 14, 1002 },
    { "ping-in-fragments", { 0x09, 0x80, 0, 0, 0, 0 }, 6, 1002 },
    { "ping-too-long", { 0x89, 0xfe, 0, 126, 0, 0, 0, 0 }, 8, 1002 },
    { "63-bit", { 0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0 }, 14, 1009 },
    { "64-bit", { 0x81, 0xff, 0xff, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0 }, 14, 1009 },
    { "one-too-many", { 0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0 }, 14, 1009 },
    { "binary", { 0x82, 0x82, 0, 0, 0, 0, '{', '}' }, 8, 1003 },
    { "binary-empty", { 0x82, 0x80, 0, 0, 0, 0 }, 6, 1003 },
    { "utf8-bad-byte", { 0x81, 0x82, 0, 0, 0, 0, 0xff, '}' }, 8, 1007 },
    { "utf8-cut", { 0x81, 0x81, 0, 0, 0, 0, 0xc3 }, 7, 1007 },
    { "utf8-overlong", { 0x81, 0x82, 0, 0, 0, 0, 0xc0, 0x80 }, 8, 1007 },
    { "utf8-surrogate", { 0x81, 0x83, 0, 0, 0, 0, 0xed, 0xa0, 0x80 }, 9, 1007 },
    { "close-is-echoed", { 0x88, 0x82, 0, 0, 0, 0, 3, 0xe9 }, 8, 1001 },
};

static void test_frame(gconstpointer data)
{
    size_t i = GPOINTER_TO_SIZE(data);
    client c;

    ws_open(&c);
    client_send(&c, frames[i].bytes, frames[i].len);
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, frames[i].want);
    client_close(&c);
    assert_clean();
}

/* The same, a byte at a time: the guard and libwebsockets see headers in pieces. */
static void test_frame_bytes(gconstpointer data)
{
    size_t i = GPOINTER_TO_SIZE(data);
    client c;

    cw_assert_on_loop();
    ws_open(&c);
    for (size_t at = 0; at < frames[i].len; at++) {
        client_send(&c, frames[i].bytes + at, 1);
        cw_loop_step(loop, 0);
    }
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, frames[i].want);
    client_close(&c);
    assert_clean();
}

static void test_early_frame(void)
{
    g_autofree char *more = g_strdup_printf(V13 PROTO "\r\n%s", "\x81\x80");
    client c;

    client_open(&c);
    ask_upgrade(&c, "/v1/ws", more);
    g_assert_false(client_until(&c, "now_ms", 1500));
    g_assert_true(client_until(&c, "\x03\xea", 1) || c.gone); /* 1002 */
    client_close(&c);
    assert_clean();
}

static void test_fragment_flood(void)
{
    client c;

    ws_open(&c);
    ws_send(&c, 0x01, "{", 1);
    for (unsigned i = 0; i < 2000; i++)
        ws_send(&c, 0x00, "", 0);
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, 1002);
    client_close(&c);
    assert_clean();
}

static void test_ping_flood(void)
{
    client c;

    ws_open(&c);
    for (unsigned i = 0; i < 2000; i++)
        ws_send(&c, 0x89, "", 0);
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, 1002);
    client_close(&c);
    assert_clean();
}

/* Fragments that are small each and too large together. */
static void test_oversize_fragments(void)
{
    g_autofree char *part = g_strnfill(20000, ' ');
    client c;

    ws_open(&c);
    ws_send(&c, 0x01, part, 20000);
    for (unsigned i = 0; i < 4; i++)
        ws_send(&c, 0x00, part, 20000);
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, 1009);
    client_close(&c);
    assert_clean();
}

static void test_largest(void)
{
    static const char ping[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    g_autofree char *spaces = g_strnfill(65536 - strlen(ping), ' ');
    g_autofree char *text = g_strconcat(ping, spaces, NULL);
    g_autoptr(json_t) reply = NULL;
    client c;

    g_assert_cmpuint(strlen(text), ==, 65536);
    ws_open(&c);
    ws_text(&c, text);
    reply = ws_json(&c);
    g_assert_cmpstr(kind_of(reply), ==, "state"); /* read, and not logged in */
    client_close(&c);
    assert_clean();
}

/* Messages and what they are answered with. */
static const struct {
    const char *name, *text, *kind, *path;
} messages[] = {
    { "not-json", "hello", "parse", NULL },
    { "empty", "", "parse", NULL },
    { "batch", "[]", "bad-request", NULL },
    { "no-version", "{\"id\":1,\"method\":\"ping\"}", "bad-request", "jsonrpc" },
    { "id-null", "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", "bad-request", "id" },
    { "id-object", "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", "bad-request", "id" },
    { "method-number", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}", "bad-request", "method" },
    { "unknown-member", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"x\":1}", "bad-request",
      NULL },
    { "unknown-method", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call.teleport\"}",
      "unknown-method", NULL },
    { "duplicate-key", "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", "parse",
      NULL },
    { "deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "too-deep", NULL },
    { "nul", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u0000b\"}", "parse", NULL },
    { "second-open",
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.open\",\"params\":{\"guest\":\"bob\"}}",
      "state", NULL },
    { "crlf-in-target",
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call.start\",\"params\":{\"call\":\"c\",\"to\":"
      "\"sip:a@b\\r\\nX: y\",\"sdp\":\"v=0\"}}",
      "unsafe-text", "params.to" },
    { "lf-in-header-value",
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call.start\",\"params\":{\"call\":\"c\",\"to\":"
      "\"echo\",\"sdp\":\"v=0\",\"headers\":{\"X-A\":\"b\\nVia: c\"}}}",
      "unsafe-text", "params.headers.X-A" },
    { "cr-in-header-name",
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call.start\",\"params\":{\"call\":\"c\",\"to\":"
      "\"echo\",\"sdp\":\"v=0\",\"headers\":{\"X-A\\r\":\"b\"}}}",
      "unsafe-text", "params.headers.X-A?" },
    { "header-not-x",
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call.start\",\"params\":{\"call\":\"c\",\"to\":"
      "\"echo\",\"sdp\":\"v=0\",\"headers\":{\"X:A\":\"b\"}}}",
      "bad-params", "params.headers.X:A" },
};

static void test_messages(void)
{
    client c;

    ws_open(&c);
    log_in(&c);
    for (unsigned i = 0; i < G_N_ELEMENTS(messages); i++) {
        g_autoptr(json_t) reply = NULL;

        g_test_message("%s", messages[i].name);
        ws_text(&c, messages[i].text);
        reply = ws_json(&c);
        g_assert_cmpstr(kind_of(reply), ==, messages[i].kind);
        g_assert_cmpstr(path_of(reply), ==, messages[i].path);
    }
    client_close(&c);
    assert_clean();
}

/* A client that asks and asks and never reads is not read from any more, then cut; another one is
 * served meanwhile, and what is kept for the first stays small. */
static void test_slow_reader(void)
{
    static const char ping[] =
        "{\"jsonrpc\":\"2.0\",\"id\":\"0123456789012345678901234567890123456789\",\"method\":"
        "\"ping\"}";
    client slow, other;
    g_autoptr(GByteArray) f = frame(0x81, true, ping, strlen(ping));
    uint64_t end;
    unsigned sent = 0;

    cw_assert_on_loop();
    ws_open(&other);
    log_in(&other);
    ws_open_with(&slow, 4096);
    log_in(&slow);
    end = cw_now_ms() + 10000;
    while (cw_stat_get(CW_STAT_connections) == 2 && cw_now_ms() < end) {
        if (send(slow.fd, f->data, f->len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)f->len)
            sent++;
        cw_loop_step(loop, 0);
    }
    g_test_message("%u requests before it was cut", sent);
    g_assert_cmpint(cw_stat_get(CW_STAT_connections), ==, 1);
    {
        g_autoptr(json_t) reply = NULL;

        ws_text(&other, ping);
        reply = ws_json(&other);
        g_assert_nonnull(json_object_get(reply, "result"));
    }
    client_close(&slow);
    client_close(&other);
    assert_clean();
}

static void test_queue_full(void)
{
    g_autofree char *big = g_strnfill(60000, 'x');
    client c;

    ws_open(&c);
    log_in(&c);
    for (unsigned i = 0; i < 200 && fake_call_clients; i++)
        fake_call_notify("call.incoming",
                         json_pack("{ss ss}", "call", cw_fmt("i%u", i), "sdp", big));
    assert_clean(); /* cut, though the client never sent a thing */
    client_close(&c);
}

static void test_wrong_token(void)
{
    g_autoptr(json_t) reply = NULL;
    client c;

    ws_open(&c);
    ws_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.open\",\"params\":{\"token\":"
                "\"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwiZXhwIjo5OTk5OTk5OTk5fQ.\"}}");
    reply = ws_json(&c);
    g_assert_cmpstr(kind_of(reply), ==, "auth");
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, 4401);
    client_close(&c);
    assert_clean();
}

static void test_no_open(void)
{
    client c;

    ws_open(&c);
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, 4408);
    client_close(&c);
    assert_clean();
}

static void test_silence(void)
{
    client c;

    ws_open(&c);
    log_in(&c);
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, 4408);
    client_close(&c);
    assert_clean();
}

static void test_rate(void)
{
    client c;

    ws_open(&c);
    log_in(&c);
    for (unsigned i = 0; i < 2000 && !c.gone; i++)
        ws_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
    g_assert_cmpint(ws_close_code(&c, WAIT_MS), ==, 4429);
    client_close(&c);
    assert_clean();
}

/* Handshakes, and what they are answered with. %u in an Origin is our port. */
static const struct {
    const char *name, *path, *more;
    const char *want;
} handshakes[] = {
    { "good-origin", "/v1/ws", V13 PROTO "Origin: http://127.0.0.1:%u\r\n", "101" },
    { "two-protocols", "/v1/ws", V13 "Sec-WebSocket-Protocol: x, causeway.v1\r\n", "101" },
    { "no-extension", "/v1/ws",
      V13 PROTO "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", "101" },
    { "other-origin", "/v1/ws", V13 PROTO "Origin: http://evil.example\r\n", "403" },
    { "origin-null", "/v1/ws", V13 PROTO "Origin: null\r\n", "403" },
    { "origin-other-port", "/v1/ws", V13 PROTO "Origin: http://127.0.0.1:1\r\n", "403" },
    { "origin-other-scheme", "/v1/ws", V13 PROTO "Origin: https://127.0.0.1:%u\r\n", "403" },
    { "origin-prefix", "/v1/ws", V13 PROTO "Origin: http://127.0.0.1:%u.evil.example\r\n", "403" },
    { "origin-userinfo", "/v1/ws", V13 PROTO "Origin: http://127.0.0.1:%u@evil.example\r\n",
      "403" },
    { "no-protocol", "/v1/ws", V13, "400" },
    { "other-protocol", "/v1/ws", V13 "Sec-WebSocket-Protocol: chat\r\n", "400" },
    { "internal-protocol", "/v1/ws", V13 "Sec-WebSocket-Protocol: http\r\n", "400" },
    { "old-version", "/v1/ws", "Sec-WebSocket-Version: 8\r\n" PROTO, "400" },
    { "no-version", "/v1/ws", PROTO, "400" },
    { "other-path", "/", V13 PROTO, "404" },
};

static void test_handshakes(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(handshakes); i++) {
        g_auto(GStrv) part = g_strsplit(handshakes[i].more, "%u", 2);
        g_autofree char *more =
            part[1] ? g_strdup_printf("%s%u%s", part[0], port, part[1]) : g_strdup(part[0]);
        g_autofree char *got = NULL;
        client c;

        client_open(&c);
        ask_upgrade(&c, handshakes[i].path, more);
        client_until(&c, "\r\n\r\n", WAIT_MS);
        got = client_text(&c);
        g_test_message("%s: %.40s", handshakes[i].name, got);
        g_assert_cmpuint(strlen(got), >, 12);
        g_assert_true(g_str_has_prefix(got + 9, handshakes[i].want));
        g_assert_null(strstr(got, "xtensions"));
        client_close(&c);
    }
    assert_clean();
}

static void ask(client *c, const char *request)
{
    client_send(c, request, strlen(request));
}

/* h2 by upgrade, h2 by prior knowledge, other upgrades, and a proxy's request: all refused. */
static void test_other_protocols(void)
{
    static const char *const requests[] = {
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
         "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tea\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "NONSENSE\r\n\r\n",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *got = NULL;
        client c;

        client_open(&c);
        ask(&c, requests[i]);
        g_assert_false(client_until(&c, " 101 ", 2000));
        g_assert_true(c.gone);
        got = client_text(&c);
        g_test_message("%u: %.60s%s", i, got, c.gone ? " (closed)" : "");
        g_assert_null(strstr(got, " 200 "));
        client_close(&c);
    }
    assert_clean();
}

static void test_full(void)
{
    g_autofree char *got = NULL;
    client c[4];

    for (unsigned i = 0; i < 3; i++)
        ws_open(&c[i]);
    client_open(&c[3]);
    ask_upgrade(&c[3], "/v1/ws", V13 PROTO);
    g_assert_true(client_until(&c[3], "\r\n\r\n", WAIT_MS));
    got = client_text(&c[3]);
    g_assert_true(g_str_has_prefix(got + 9, "503"));
    for (unsigned i = 0; i < 4; i++)
        client_close(&c[i]);
    assert_clean();
}

/* A head that never ends is cut, though a byte comes now and then. */
static void test_slowloris(void)
{
    uint64_t start = cw_now_ms();
    client c;

    client_open(&c);
    ask(&c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ");
    while (!c.gone && cw_now_ms() < start + 6000) {
        client_until(&c, NULL, 100);
        send(c.fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    g_assert_true(c.gone);
    client_close(&c);
}

static const struct {
    const char *name, *request, *status, *holds, *holds_not;
} pages[] = {
    { "index", "GET / HTTP/1.1\r\nHost: h:1\r\n\r\n", "200", "content-type: text/html", NULL },
    { "csp", "GET / HTTP/1.1\r\nHost: h:1\r\n\r\n", "200", "connect-src 'self' ws://h:1;", NULL },
    { "csp-host-injection", "GET / HTTP/1.1\r\nHost: h;script-src *\r\n\r\n", "200",
      "connect-src 'self';", "script-src *" },
    { "nosniff", "GET /a.js HTTP/1.1\r\nHost: h\r\n\r\n", "200", "x-content-type-options: nosniff",
      NULL },
    { "frame-ancestors", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "200", "frame-ancestors 'none'",
      NULL },
    { "js", "GET /a.js HTTP/1.1\r\nHost: h\r\n\r\n", "200", "content-type: text/javascript", NULL },
    { "query", "GET /a.js?v=1 HTTP/1.1\r\nHost: h\r\n\r\n", "200", "export", NULL },
    { "folder", "GET /sub/b.css HTTP/1.1\r\nHost: h\r\n\r\n", "200", "text/css", NULL },
    { "head", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "200", "content-length: 5", "<p>hi" },
    { "healthz", "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", "200", "ok\n", NULL },
    { "post", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "405", NULL, NULL },
    { "options", "OPTIONS / HTTP/1.1\r\nHost: h\r\n\r\n", "405", NULL, NULL },
    { "none", "GET /none HTTP/1.1\r\nHost: h\r\n\r\n", "404", NULL, NULL },
    { "folder-itself", "GET /sub HTTP/1.1\r\nHost: h\r\n\r\n", "404", NULL, NULL },
    { "hidden", "GET /.secret HTTP/1.1\r\nHost: h\r\n\r\n", "404", NULL, "hidden" },
    { "up", "GET /../outside HTTP/1.1\r\nHost: h\r\n\r\n", NULL, NULL, "secret" },
    { "up-deeper", "GET /sub/../../outside HTTP/1.1\r\nHost: h\r\n\r\n", NULL, NULL, "secret" },
    { "up-encoded", "GET /%2e%2e/outside HTTP/1.1\r\nHost: h\r\n\r\n", NULL, NULL, "secret" },
    { "up-encoded-slash", "GET /..%2foutside HTTP/1.1\r\nHost: h\r\n\r\n", NULL, NULL, "secret" },
    { "up-twice-encoded", "GET /%252e%252e/outside HTTP/1.1\r\nHost: h\r\n\r\n", NULL, NULL,
      "secret" },
    { "up-backslash", "GET /..\\outside HTTP/1.1\r\nHost: h\r\n\r\n", NULL, NULL, "secret" },
    { "nul", "GET /a.js%00.html HTTP/1.1\r\nHost: h\r\n\r\n", NULL, NULL, "text/html" },
    { "websocket-address", "GET /v1/ws HTTP/1.1\r\nHost: h\r\n\r\n", "426", NULL, NULL },
};

static void test_pages(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
        g_autofree char *got = NULL;
        client c;

        client_open(&c);
        ask(&c, pages[i].request);
        client_until(&c, "\r\n\r\n", WAIT_MS);
        client_until(&c, "\377", 30); /* the body, if there is one */
        got = client_text(&c);
        g_test_message("%s: %s", pages[i].name, got);
        if (pages[i].status)
            g_assert_true(strlen(got) > 9 && g_str_has_prefix(got + 9, pages[i].status));
        if (pages[i].holds)
            g_assert_nonnull(strstr(got, pages[i].holds));
        if (pages[i].holds_not)
            g_assert_null(strstr(got, pages[i].holds_not));
        client_close(&c);
    }
}

/* ── Set up ─────────────────────────────────────────────────────────────────────────────────────
 */

static char *dir;

static void put_file(const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *parent = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void start(const char *more)
{
    g_autofree char *text = g_strdup_printf("web: { listen = ( \"127.0.0.1:0\" ); resume_ms = 0; "
                                            "root = \"%s/www\"; connections_max = 3; %s };\n"
                                            "auth: { guests = true; };\n",
                                            dir, more);
    g_autofree char *wrong = NULL;
    char why[128] = "";

    cw_assert_on_loop();
    g_assert_cmpint(cw_conf_load("test", text, &conf, &wrong), ==, CW_OK);
    g_assert_cmpint(cw_tokens_new(conf, &tokens, &wrong), ==, CW_OK);
    g_assert_cmpint(cw_api_new(loop, conf, tokens, NULL, NULL, &api, why), ==, CW_OK);
    port = cw_api_port(api);
}

static void stop(void)
{
    unsigned timers;

    cw_assert_on_loop();
    cw_api_free(api);
    timers = cw_loop_timers(loop);
    g_assert_cmpuint(timers, ==, 0);
    cw_tokens_free(tokens);
    cw_conf_free(conf);
}

/* Each test with a gateway of its own: stopping is tested as often as starting. */
typedef struct setting {
    void (*test)(void);
    const char *conf;
} setting;

static void run(gconstpointer data)
{
    const setting *s = data;

    start(s->conf);
    s->test();
    stop();
}

static void run_frame(gconstpointer data)
{
    start("");
    test_frame(data);
    test_frame_bytes(data);
    stop();
}

static void test_stop_with_clients(void)
{
    client c[3];

    cw_assert_on_loop();
    for (unsigned i = 0; i < 2; i++) {
        ws_open(&c[i]);
        log_in(&c[i]);
    }
    client_open(&c[2]); /* half a request */
    ask(&c[2], "GET / HT");
    cw_loop_step(loop, 10);
    cw_api_free(api);
    api = NULL;
    g_assert_true(client_until(&c[0], "session.closing", 100));
    g_assert_cmpuint(fake_call_clients, ==, 0);
    for (unsigned i = 0; i < 3; i++)
        client_close(&c[i]);
}

#define ADD(name, fn, conf)                                                                        \
    static const setting name##_setting = { fn, conf };                                            \
    g_test_add_data_func("/ws/" #name, &name##_setting, run)

static void remove_files(void)
{
    static const char *const names[] = { "www/index.html", "www/a.js", "www/sub/b.css", "www/sub",
                                         "www/.secret",    "www",      "outside",       "" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_free(dir);
}

int main(int argc, char **argv)
{
    int status;

    cw_role_take(&cw_role_loop);
    cw_assert_on_loop();
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    g_assert_cmpint(cw_log_set_level(NULL, "error"), ==, CW_OK);
    dir = g_dir_make_tmp(NULL, NULL);
    put_file("www/index.html", "<p>hi");
    put_file("www/a.js", "export {}");
    put_file("www/sub/b.css", "p{}");
    put_file("www/.secret", "hidden");
    put_file("outside", "secret");

    ADD(exchange, test_exchange, "");
    ADD(fragments, test_fragments, "");
    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        g_autofree char *name = g_strconcat("/ws/frame/", frames[i].name, NULL);

        g_test_add_data_func(name, GSIZE_TO_POINTER(i), run_frame);
    }
    ADD(early_frame, test_early_frame, "");
    ADD(fragment_flood, test_fragment_flood, "");
    ADD(ping_flood, test_ping_flood, "");
    ADD(oversize_fragments, test_oversize_fragments, "");
    ADD(largest, test_largest, "");
    ADD(messages, test_messages, "");
    ADD(slow_reader, test_slow_reader,
        "stall_timeout_ms = 300; rate_per_s = 100000; rate_burst = 100000;");
    ADD(queue_full, test_queue_full, "");
    ADD(wrong_token, test_wrong_token, "");
    ADD(no_open, test_no_open, "open_timeout_ms = 100;");
    ADD(silence, test_silence, "ping_interval_ms = 1000; ping_timeout_ms = 1000;");
    ADD(rate, test_rate, "rate_per_s = 10; rate_burst = 20;");
    ADD(handshakes, test_handshakes, "");
    ADD(other_protocols, test_other_protocols, "");
    ADD(full, test_full, "");
    ADD(slowloris, test_slowloris, "header_timeout_ms = 1000;");
    ADD(pages, test_pages, "");
    ADD(stop_with_clients, test_stop_with_clients, "");
    status = g_test_run();
    cw_loop_free(loop);
    remove_files();
    return status;
}
