#include "api/poll.h"

#include "api/link.h"
#include "base/stats.h"

#include <libwebsockets.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHECK_MS = 1000,     /* how often a waiting client is looked after */
    BATCH_BYTES = 65536, /* of one answer, the last message whole: the rest waits for the next */
    SECRET_LEN = 32,
};

typedef struct cw_poll {
    uint8_t key[SHA256_DIGEST_LENGTH]; /* of `secret` */
    cw_api *api;
    cw_link *link;
    char secret[SECRET_LEN + 1];
    char *reply;      /* to the message being received */
    cw_http *waiting; /* a GET; NULL: none */
    int64_t after;    /* what it has */
    uint64_t until_ms;
    cw_timer *timer;
    bool closed; /* it is freed on the next turn of the loop */
} cw_poll;

/* ── By secret ──────────────────────────────────────────────────────────────────────────────────
 */

static void key_of(const char *secret, uint8_t ret[static SHA256_DIGEST_LENGTH])
{
    SHA256((const unsigned char *)secret, strlen(secret), ret);
}

static guint key_hash(gconstpointer key)
{
    guint hash;

    memcpy(&hash, key, sizeof hash);
    return hash;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    return !memcmp(a, b, SHA256_DIGEST_LENGTH);
}

/* RFC 6750 2.1 */
static cw_poll *find(cw_http *h, struct lws *wsi) CW_ON_LOOP
{
    char buf[128];
    const char *text = cw_http_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, buf, sizeof buf);
    cw_poll *poll;

    if (!text || g_ascii_strncasecmp(text, "Bearer ", 7))
        return NULL;
    key_of(text + 7, h->by);
    poll = g_hash_table_lookup(h->conn->api->polls, h->by);
    return poll && !poll->closed ? poll : NULL;
}

/* ── The transport of a link ────────────────────────────────────────────────────────────────────
 */

static void let_go(cw_poll *poll) CW_ON_LOOP
{
    if (poll->waiting)
        poll->waiting->poll = NULL;
    poll->waiting = NULL;
    cw_timer_stop(poll->timer);
}

static void poll_free(gpointer arg)
{
    cw_poll *poll = arg;

    cw_assert_on_loop();
    let_go(poll);
    cw_link_free(poll->link);
    cw_timer_free(poll->timer);
    free(poll->reply);
    cw_stat_dec(CW_STAT_polls);
    g_free(poll);
}

/* Nothing to tell. */
static void answer_empty(cw_poll *poll) CW_ON_LOOP
{
    cw_http *h = poll->waiting;

    let_go(poll);
    if (h)
        cw_http_json(h, 204, NULL, NULL);
}

/* The notifications after `after`, as one list. */
static void answer(cw_poll *poll) CW_ON_LOOP
{
    const GList *at = cw_ring_after(&poll->link->session->ring, poll->after);
    GString *text = g_string_new("[");
    cw_http *h = poll->waiting;

    for (; at && text->len < BATCH_BYTES; at = at->next) {
        const cw_ring_entry *entry = at->data;

        if (text->len > 1)
            g_string_append_c(text, ',');
        g_string_append_len(text, entry->text, (gssize)entry->len);
    }
    g_string_append_c(text, ']');
    let_go(poll);
    cw_http_json(h, 200, g_string_free(text, FALSE), NULL);
}

static void on_reply(void *arg, char *text, size_t len)
{
    cw_poll *poll = arg;

    cw_assert_on_loop();
    free(poll->reply);
    poll->reply = text;
}

static void on_notify(void *arg, int64_t seq, const char *text, size_t len)
{
    cw_poll *poll = arg;

    cw_assert_on_loop();
    if (poll->waiting && seq > poll->after)
        answer(poll);
}

static void on_close(void *arg, cw_close code, const char *reason)
{
    cw_poll *poll = arg;
    cw_http *h = poll->waiting;

    cw_assert_on_loop();
    if (code == CW_CLOSE_REPLACED || !h) {
        answer_empty(poll);
    } else {
        let_go(poll);
        cw_http_fail(h, 401, CW_E_SESSION_GONE, NULL, 0);
    }
    poll->closed = true;
    cw_timer_start(poll->timer, 0);
}

static const cw_link_ops link_ops = {
    .kind = "poll", .fetches = true, .reply = on_reply, .notify = on_notify, .close = on_close
};

/* While a client waits: is it still there, has it waited long enough? */
static void on_timer(void *arg)
{
    cw_poll *poll = arg;
    cw_api *api = poll->api;
    uint64_t now = cw_now_ms();

    cw_assert_on_loop();
    if (poll->closed) {
        g_hash_table_remove(api->polls, poll->key);
    } else if (poll->waiting && cw_http_gone(poll->waiting)) {
        cw_conn *conn = poll->waiting->conn;

        let_go(poll);
        cw_ws_kill(conn);
    } else if (poll->waiting && now >= poll->until_ms) {
        answer_empty(poll);
    } else if (poll->waiting) {
        cw_timer_start(poll->timer, MIN(CHECK_MS, poll->until_ms - now));
    }
}

static cw_poll *poll_new(cw_http *h) CW_ON_LOOP
{
    cw_poll *poll = g_new0(cw_poll, 1);
    cw_api *api = h->conn->api;

    poll->api = api;
    cw_random_text(poll->secret, SECRET_LEN);
    key_of(poll->secret, poll->key);
    poll->link = cw_link_new(&api->env, h->conn->address, &link_ops, poll);
    poll->link->secret = poll->secret;
    poll->timer = cw_timer_new(api->env.loop, on_timer, poll);
    cw_stat_inc(CW_STAT_polls);
    g_hash_table_insert(api->polls, poll->key, poll);
    return poll;
}

/* ── Requests ───────────────────────────────────────────────────────────────────────────────────
 */

/* What a refused log-in is in HTTP; its JSON-RPC error says it exactly. */
static unsigned status_of(const char *reply, unsigned *retry_ms)
{
    g_autoptr(json_t) message = NULL;
    const json_t *error, *data;
    const char *kind;
    char why[128];

    if (!reply || cw_json_parse(reply, strlen(reply), &message, why))
        return 400;
    error = json_object_get(message, "error");
    data = json_object_get(error, "data");
    kind = json_string_value(json_object_get(data, "kind"));
    *retry_ms = (unsigned)json_integer_value(json_object_get(data, "retry_after_ms"));
    if (!g_strcmp0(kind, cw_err_kind(CW_E_AUTH)) || !g_strcmp0(kind, cw_err_kind(CW_E_EXPIRED)) ||
        !g_strcmp0(kind, cw_err_kind(CW_E_SESSION_GONE)))
        return 401;
    if (!g_strcmp0(kind, cw_err_kind(CW_E_RATE)))
        return 429;
    return !g_strcmp0(kind, cw_err_kind(CW_E_OVERLOAD)) ? 503 : 400;
}

static char *retry_header(unsigned retry_ms)
{
    return retry_ms ? g_strdup_printf("retry-after: %u\r\n", (retry_ms + 999) / 1000) : NULL;
}

static void open_session(cw_http *h) CW_ON_LOOP
{
    cw_api *api = h->conn->api;
    cw_poll *poll;
    unsigned status = 200, retry_ms = 0;
    g_autofree char *more = NULL;

    if (api->closing ||
        (long)(api->websockets + g_hash_table_size(api->polls)) >= api->web->connections_max) {
        cw_http_fail(h, 503, CW_E_OVERLOAD, NULL, 1000);
        return;
    }
    poll = poll_new(h);
    cw_link_receive(poll->link, (const char *)h->in->data, h->in->len);
    if (poll->closed || !poll->link->session) {
        status = status_of(poll->reply, &retry_ms);
        h->last = true; /* as a WebSocket would be closed */
        more = retry_header(retry_ms);
    }
    cw_http_json(h, status, g_steal_pointer(&poll->reply), more);
    if (status != 200)
        g_hash_table_remove(api->polls, poll->key);
}

static void serve_message(cw_http *h, cw_poll *poll) CW_ON_LOOP
{
    unsigned retry_ms = 0;
    g_autofree char *more = NULL;
    char *reply;

    cw_link_receive(poll->link, (const char *)h->in->data, h->in->len);
    reply = g_steal_pointer(&poll->reply);
    if (poll->link->refused && reply)
        status_of(reply, &retry_ms);
    more = retry_header(retry_ms);
    cw_http_json(h, retry_ms ? 429 : reply ? 200 : 204, reply, more);
}

/* GET /v1/poll?after=SEQ */
static bool read_after(struct lws *wsi, int64_t *ret) CW_ON_LOOP
{
    char buf[32];
    const char *text = lws_get_urlarg_by_name(wsi, "after=", buf, sizeof buf);
    guint64 seq;

    if (!text || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &seq, NULL))
        return false;
    *ret = (int64_t)seq;
    return true;
}

static void wait_for_news(cw_http *h, cw_poll *poll) CW_ON_LOOP
{
    const struct cw_conf_web *web = poll->api->web;
    uint64_t hold_ms = (uint64_t)MIN(web->poll_hold_ms, web->ping_timeout_ms / 2);

    cw_http_hold(h);
    poll->until_ms = cw_now_ms() + hold_ms;
    cw_timer_start(poll->timer, MIN(CHECK_MS, hold_ms));
}

static void fetch(cw_http *h, struct lws *wsi, cw_poll *poll) CW_ON_LOOP
{
    const struct cw_conf_web *web = poll->api->web;
    cw_link *link = poll->link;
    cw_session *s = link->session;
    unsigned wait_ms = cw_bucket_take(&link->bucket, web->rate_per_s, web->rate_burst, cw_now_ms());
    int64_t after;

    answer_empty(poll); /* an older one */
    if (wait_ms) {
        cw_http_fail(h, 429, CW_E_RATE, NULL, wait_ms);
        return;
    }
    if (!read_after(wsi, &after)) {
        cw_http_fail(h, 400, CW_E_PARAMS, "after: the last notification's number, or 0", 0);
        return;
    }
    cw_link_heard(link);
    if (!cw_ring_reaches(&s->ring, after)) { /* too slow: it can resume, and be told the state */
        cw_stat_inc(CW_STAT_api_dropped);
        cw_http_fail(h, 401, CW_E_SESSION_GONE, "fetched too late", 0);
        g_hash_table_remove(poll->api->polls, poll->key);
        return;
    }
    cw_session_ack(s, after);
    poll->after = MIN(after, s->seq);
    poll->waiting = h;
    h->poll = poll;
    if (cw_ring_after(&s->ring, poll->after))
        answer(poll);
    else
        wait_for_news(h, poll);
}

static void leave(cw_http *h, cw_poll *poll) CW_ON_LOOP
{
    answer_empty(poll);
    cw_link_leave(poll->link);
    g_hash_table_remove(poll->api->polls, poll->key);
    cw_http_json(h, 204, NULL, NULL);
}

/* What a page of another origin may send (Fetch, "CORS protocol"). */
static void preflight(cw_http *h) CW_ON_LOOP
{
    cw_http_json(h, 204, NULL,
                 "access-control-allow-methods: GET, POST, DELETE\r\n"
                 "access-control-allow-headers: authorization, content-type\r\n"
                 "access-control-max-age: 600\r\n");
}

static const char rpc_path[] = "/v1/rpc", session_path[] = "/v1/session", poll_path[] = "/v1/poll";

static bool is(const cw_http *h, cw_http_method method, const char *path)
{
    return h->method == method && !strcmp(h->path, path);
}

/* What has no body. */
static void serve_plain(cw_http *h, struct lws *wsi) CW_ON_LOOP
{
    bool known =
        !strcmp(h->path, rpc_path) || !strcmp(h->path, session_path) || !strcmp(h->path, poll_path);
    cw_poll *poll = known ? find(h, wsi) : NULL;

    if (h->method == CW_HTTP_OPTIONS)
        preflight(h);
    else if (!known && !strcmp(h->path, CW_PROTO_PATH))
        cw_http_fail(h, 426, CW_E_REQUEST, "this address speaks WebSocket", 0);
    else if (!known)
        cw_http_fail(h, 404, CW_E_METHOD, NULL, 0);
    else if (!is(h, CW_HTTP_GET, poll_path) && !is(h, CW_HTTP_DELETE, session_path))
        cw_http_fail(h, 405, CW_E_METHOD, NULL, 0);
    else if (!poll)
        cw_http_fail(h, 401, CW_E_SESSION_GONE, NULL, 0);
    else if (h->method == CW_HTTP_GET)
        fetch(h, wsi, poll);
    else
        leave(h, poll);
}

void cw_poll_begin(cw_http *h, struct lws *wsi)
{
    bool session = is(h, CW_HTTP_POST, session_path), rpc = is(h, CW_HTTP_POST, rpc_path);

    if (h->from == CW_HTTP_FROM_FOREIGN) {
        h->last = true;
        cw_http_fail(h, 403, CW_E_FORBIDDEN, "this origin may not connect", 0);
        return;
    }
    if (!session && !rpc) {
        h->last = h->method == CW_HTTP_POST;
        serve_plain(h, wsi);
        return;
    }
    h->rpc = rpc;
    if (rpc && !find(h, wsi)) {
        h->last = true;
        cw_http_fail(h, 401, CW_E_SESSION_GONE, NULL, 0);
        return;
    }
    h->in = g_byte_array_new();
}

void cw_poll_body(cw_http *h)
{
    cw_poll *poll = h->rpc ? g_hash_table_lookup(h->conn->api->polls, h->by) : NULL;

    if (!h->rpc)
        open_session(h);
    else if (poll && !poll->closed)
        serve_message(h, poll);
    else
        cw_http_fail(h, 401, CW_E_SESSION_GONE, NULL, 0);
}

/* ── Life ───────────────────────────────────────────────────────────────────────────────────────
 */

void cw_poll_left(cw_http *h)
{
    if (h->poll)
        let_go(h->poll);
}

void cw_polls_new(cw_api *api)
{
    api->polls = g_hash_table_new_full(key_hash, key_equal, NULL, poll_free);
}

void cw_polls_shutdown(cw_api *api)
{
    GHashTableIter iter;
    gpointer poll;

    g_hash_table_iter_init(&iter, api->polls);
    while (g_hash_table_iter_next(&iter, NULL, &poll))
        cw_link_shutdown(((cw_poll *)poll)->link);
}

void cw_polls_free(cw_api *api)
{
    g_clear_pointer(&api->polls, g_hash_table_unref);
}
