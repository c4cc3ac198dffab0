#include "api/session.h"

#include "base/log.h"
#include "base/stats.h"

#include <stdlib.h>
#include <string.h>

typedef cw_err do_fn(cw_session *session, const json_t *params, json_t **result, cw_fault *fault);

static do_fn *const handlers[CW_REQ_COUNT] = {
#define CW_REQUEST(id, method, params, result, when, errors, help) [CW_REQ_##id] = cw_do_##id,
#include "api/proto.def"
#undef CW_REQUEST
};

/* ── Out ────────────────────────────────────────────────────────────────────────────────────────
 */

static void send_json(cw_session *s, json_t *message) CW_ON_LOOP
{
    char *text = cw_json_print(message);

    json_decref(message);
    if (text)
        s->ops->send(s->arg, text, strlen(text));
}

/* The errors of parsers inside the gateway are nobody else's business. */
static cw_err outward(cw_err err)
{
    return cw_err_json(err) == cw_err_json(CW_E_INTERNAL) ? CW_E_INTERNAL : err;
}

static void reply_error(cw_session *s, const json_t *id, cw_err err, const cw_fault *fault,
                        unsigned retry_ms) CW_ON_LOOP
{
    json_t *data;

    err = outward(err);
    cw_stat_inc(CW_STAT_api_refused);
    data = json_pack("{ss}", "kind", cw_err_kind(err));
    if (*fault->path)
        json_object_set_new(data, "path", json_string(fault->path));
    if (retry_ms)
        json_object_set_new(data, "retry_after_ms", json_integer(retry_ms));
    send_json(s, json_pack("{ss sO? s{si ss so}}", "jsonrpc", "2.0", "id", id, "error", "code",
                           cw_err_json(err), "message",
                           *fault->text ? fault->text : cw_err_text(err), "data", data));
}

static void reply_result(cw_session *s, const json_t *id, json_t *result) CW_ON_LOOP
{
    send_json(s, json_pack("{ss sO so}", "jsonrpc", "2.0", "id", id, "result",
                           result ? result : json_object()));
}

static void flush_waiting(cw_session *s) CW_ON_LOOP
{
    for (guint i = 0; i < s->waiting->len; i++)
        send_json(s, s->waiting->pdata[i]);
    g_ptr_array_set_size(s->waiting, 0);
}

void cw_session_notify(cw_session *s, const char *method, json_t *params)
{
    json_t *message;

    if (s->state == CW_SESSION_CLOSING) {
        json_decref(params);
        return;
    }
    json_object_set_new(params, "seq", json_integer(++s->seq));
    message = json_pack("{ss ss so}", "jsonrpc", "2.0", "method", method, "params", params);
    if (s->serving)
        g_ptr_array_add(s->waiting, message);
    else
        send_json(s, message);
}

static void begin_close(cw_session *s, cw_close code, const char *reason) CW_ON_LOOP
{
    if (s->state == CW_SESSION_CLOSING)
        return;
    s->state = CW_SESSION_CLOSING;
    cw_timer_stop(s->timer);
    if (s->client) {
        cw_client_free(s->client);
        s->client = NULL;
        cw_stat_dec(CW_STAT_sessions);
    }
    s->ops->close(s->arg, code, reason);
}

/* Say why, then close. */
static void dismiss(cw_session *s, cw_close code, cw_err why) CW_ON_LOOP
{
    char id[CW_ID_STR];

    cw_stat_inc(CW_STAT_api_dropped);
    cw_log(CW_LOG_INFO, CW_MOD_API, "session.drop", "session", cw_id_print(s->id, id), "user",
           *s->user ? s->user : NULL, "address", s->address, "reason", cw_err_kind(why), NULL);
    if (s->state == CW_SESSION_OPEN)
        cw_session_notify(s, "session.closing", json_pack("{ss}", "reason", cw_err_kind(why)));
    begin_close(s, code, cw_err_kind(why));
}

/* ── Time ───────────────────────────────────────────────────────────────────────────────────────
 */

static void on_timer(void *arg)
{
    cw_session *s = arg;
    uint64_t silence, limit = (uint64_t)s->env->conf->web.ping_timeout_ms;

    cw_assert_on_loop();
    if (s->state == CW_SESSION_NEW) {
        dismiss(s, CW_CLOSE_IDLE, CW_E_TIMEOUT);
        return;
    }
    silence = cw_now_ms() - s->heard_ms;
    if (silence >= limit)
        dismiss(s, CW_CLOSE_IDLE, CW_E_TIMEOUT);
    else
        cw_timer_start(s->timer, limit - silence);
}

/* ── In ─────────────────────────────────────────────────────────────────────────────────────────
 */

typedef struct request {
    const json_t *id;     /* borrowed; NULL: no reply is wanted */
    const json_t *params; /* borrowed; may be NULL */
    const char *method;
} request;

static cw_err envelope_fault(cw_fault *fault, const char *path, const char *text)
{
    g_strlcpy(fault->path, path, sizeof fault->path);
    g_strlcpy(fault->text, text, sizeof fault->text);
    return CW_E_REQUEST;
}

static bool id_ok(const json_t *id)
{
    return json_is_integer(id) ||
           (json_is_string(id) && json_string_length(id) <= CW_PROTO_ID_MAX &&
            cw_text_is_safe(json_string_value(id), json_string_length(id)));
}

static cw_err unknown_member(const json_t *message, cw_fault *fault)
{
    static const char *const known[] = { "jsonrpc", "id", "method", "params", NULL };
    const char *name;
    json_t *member;

    json_object_foreach(
        (json_t *)message, name,
        member) if (!g_strv_contains(known,
                                     name)) return envelope_fault(fault, "",
                                                                  "a message holds jsonrpc, id, "
                                                                  "method and params only");
    return CW_OK;
}

/* JSON-RPC 2.0 section 4. *ret's id is set as soon as it is known to be good. */
static cw_err read_envelope(const json_t *message, request *ret, cw_fault *fault)
{
    const json_t *version, *id, *method;

    if (!json_is_object(message))
        return envelope_fault(fault, "", "must be one JSON object; there are no batches");
    id = json_object_get(message, "id");
    if (id && !id_ok(id))
        return envelope_fault(fault, "id", "must be an integer or a string of up to 64 bytes");
    ret->id = id;
    version = json_object_get(message, "jsonrpc");
    if (!json_is_string(version) || strcmp(json_string_value(version), "2.0"))
        return envelope_fault(fault, "jsonrpc", "must be \"2.0\"");
    method = json_object_get(message, "method");
    if (!json_is_string(method))
        return envelope_fault(fault, "method", "must be a string");
    ret->method = json_string_value(method);
    ret->params = json_object_get(message, "params");
    return unknown_member(message, fault);
}

static cw_err serve(cw_session *s, const request *r, json_t **result, cw_fault *fault) CW_ON_LOOP
{
    const cw_proto_request *row;
    cw_request which = cw_proto_find(r->method);
    cw_err err;

    if (which == CW_REQ_COUNT)
        return CW_E_METHOD;
    row = &cw_proto_requests[which];
    if ((row->when == CW_WHEN_FIRST) != (s->state == CW_SESSION_NEW)) {
        g_strlcpy(fault->text,
                  row->when == CW_WHEN_FIRST ? "this session is open already"
                                             : "session.open comes first",
                  sizeof fault->text);
        return CW_E_STATE;
    }
    err = cw_proto_check(row->params, r->params, "params", fault);
    return err ? err : handlers[which](s, r->params, result, fault);
}

/* What some outcomes mean for the connection. */
static void follow_up(cw_session *s, const char *method, cw_err err) CW_ON_LOOP
{
    if (err == CW_OK && !strcmp(method, cw_proto_requests[CW_REQ_session_close].method))
        begin_close(s, CW_CLOSE_NORMAL, "session.close");
    else if (s->state == CW_SESSION_NEW && (err == CW_E_AUTH || err == CW_E_EXPIRED))
        dismiss(s, CW_CLOSE_AUTH, err);
}

static void handle(cw_session *s, const json_t *message) CW_ON_LOOP
{
    request r = { 0 };
    cw_fault fault = { 0 };
    json_t *result = NULL;
    cw_err err = read_envelope(message, &r, &fault);

    if (err) {
        reply_error(s, r.id, err, &fault, 0);
        return;
    }
    s->serving = true;
    err = serve(s, &r, &result, &fault);
    s->serving = false;
    if (!err && r.id)
        reply_result(s, r.id, g_steal_pointer(&result));
    else if (r.id)
        reply_error(s, r.id, err, &fault, 0);
    else if (err)
        cw_stat_inc(CW_STAT_api_refused);
    json_decref(result);
    flush_waiting(s);
    follow_up(s, r.method, err);
}

/* Over the rate. The id is looked for in small messages only: reading costs what the limit saves.
 */
static void refuse_rate(cw_session *s, const char *text, size_t len, unsigned wait_ms) CW_ON_LOOP
{
    g_autoptr(json_t) message = NULL;
    cw_fault fault = { 0 };
    request r = { 0 };
    char why[128];

    if (++s->refused > 2 * s->env->conf->web.rate_burst) {
        dismiss(s, CW_CLOSE_RATE, CW_E_RATE);
        return;
    }
    if (len <= 1024 && cw_json_parse(text, len, &message, why) == CW_OK &&
        read_envelope(message, &r, &fault) == CW_OK && !r.id) {
        cw_stat_inc(CW_STAT_api_refused);
        return;
    }
    memset(&fault, 0, sizeof fault);
    reply_error(s, r.id, CW_E_RATE, &fault, wait_ms);
}

void cw_session_receive(cw_session *s, const char *text, size_t len)
{
    g_autoptr(json_t) message = NULL;
    cw_fault fault = { 0 };
    unsigned wait_ms;
    cw_err err;

    if (s->state == CW_SESSION_CLOSING)
        return;
    s->heard_ms = cw_now_ms();
    wait_ms = cw_bucket_take(&s->bucket, s->env->conf->web.rate_per_s, s->env->conf->web.rate_burst,
                             s->heard_ms);
    if (wait_ms) {
        refuse_rate(s, text, len, wait_ms);
        return;
    }
    s->refused = 0;
    err = cw_json_parse(text, len, &message, fault.text);
    if (err)
        reply_error(s, NULL, err, &fault, 0);
    else
        handle(s, message);
}

/* ── Life ───────────────────────────────────────────────────────────────────────────────────────
 */

cw_session *cw_session_new(const cw_session_env *env, const char *address,
                           const cw_session_ops *ops, void *arg)
{
    cw_session *s = g_new0(cw_session, 1);

    s->env = env;
    s->ops = ops;
    s->arg = arg;
    s->id = cw_id_new();
    s->heard_ms = cw_now_ms();
    g_strlcpy(s->address, address, sizeof s->address);
    cw_bucket_init(&s->bucket, env->conf->web.rate_burst, s->heard_ms);
    s->calls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    s->waiting = g_ptr_array_new();
    s->timer = cw_timer_new(env->loop, on_timer, s);
    cw_timer_start(s->timer, (uint64_t)env->conf->web.open_timeout_ms);
    return s;
}

void cw_session_free(cw_session *s)
{
    if (!s)
        return;
    s->state = CW_SESSION_CLOSING;
    if (s->client) {
        cw_client_free(s->client);
        cw_stat_dec(CW_STAT_sessions);
    }
    for (guint i = 0; i < s->waiting->len; i++)
        json_decref(s->waiting->pdata[i]);
    g_ptr_array_unref(s->waiting);
    g_hash_table_unref(s->calls);
    json_decref(s->about);
    cw_timer_free(s->timer);
    g_free(s);
}

void cw_session_shutdown(cw_session *s)
{
    if (s->state == CW_SESSION_OPEN)
        cw_session_notify(s, "session.closing", json_pack("{ss}", "reason", "shutdown"));
    begin_close(s, CW_CLOSE_GOING_AWAY, "shutdown");
}

json_t *cw_session_json(const cw_session *s)
{
    char id[CW_ID_STR];

    if (s->state != CW_SESSION_OPEN)
        return NULL;
    return json_pack("{ss ss ss sO* sI sI}", "id", cw_id_print(s->id, id), "user", s->user,
                     "address", s->address, "client", s->about, "since_ms",
                     (json_int_t)(cw_now_ms() - s->since_ms), "calls",
                     (json_int_t)g_hash_table_size(s->calls));
}
