#include "api/link.h"

#include "base/log.h"
#include "base/stats.h"

#include <stdlib.h>
#include <string.h>

/* Resuming in vain this often closes the connection: the session is gone, or somebody guesses. */
enum { RESUME_TRIES = 2 };

typedef cw_err first_fn(cw_link *link, const json_t *params, json_t **result, cw_fault *fault);
typedef cw_err open_fn(cw_session *session, const json_t *params, json_t **result, cw_fault *fault);

static const struct {
    first_fn *first;
    open_fn *open;
} handlers[CW_REQ_COUNT] = {
#define CW_REQUEST(id, method, params, result, when, errors, help) [CW_REQ_##id] = CW_DO_##when(id),
#define CW_DO_FIRST(id)                                                                            \
    {                                                                                              \
        .first = cw_do_##id                                                                        \
    }
#define CW_DO_OPEN(id)                                                                             \
    {                                                                                              \
        .open = cw_do_##id                                                                         \
    }
#include "api/proto.def"
#undef CW_REQUEST
#undef CW_DO_FIRST
#undef CW_DO_OPEN
};

/* ── Out ────────────────────────────────────────────────────────────────────────────────────────
 */

static void reply(cw_link *link, json_t *message) CW_ON_LOOP
{
    char *text = cw_json_print(message);

    json_decref(message);
    if (text)
        link->ops->reply(link->arg, text, strlen(text));
}

/* The errors of parsers inside the gateway are nobody else's business. */
static cw_err outward(cw_err err)
{
    return cw_err_json(err) == cw_err_json(CW_E_INTERNAL) ? CW_E_INTERNAL : err;
}

static void reply_error(cw_link *link, const json_t *id, cw_err err,
                        const cw_fault *fault) CW_ON_LOOP
{
    json_t *data;

    err = outward(err);
    cw_stat_inc(CW_STAT_api_refused);
    data = json_pack("{ss}", "kind", cw_err_kind(err));
    if (*fault->path)
        json_object_set_new(data, "path", json_string(fault->path));
    if (fault->retry_ms)
        json_object_set_new(data, "retry_after_ms", json_integer(fault->retry_ms));
    reply(link, json_pack("{ss sO? s{si ss so}}", "jsonrpc", "2.0", "id", id, "error", "code",
                          cw_err_json(err), "message",
                          *fault->text ? fault->text : cw_err_text(err), "data", data));
}

static void reply_result(cw_link *link, const json_t *id, json_t *result) CW_ON_LOOP
{
    reply(link, json_pack("{ss sO so}", "jsonrpc", "2.0", "id", id, "result",
                          result ? result : json_object()));
}

/* ── The end ────────────────────────────────────────────────────────────────────────────────────
 */

static cw_session *part(cw_link *link) CW_ON_LOOP
{
    cw_session *s = g_steal_pointer(&link->session);

    if (s)
        s->link = NULL;
    return s;
}

void cw_link_close(cw_link *link, cw_close code, const char *reason)
{
    cw_session *s;

    if (link->state == CW_LINK_CLOSING)
        return;
    link->state = CW_LINK_CLOSING;
    cw_timer_stop(link->timer);
    s = part(link);
    if (s)
        cw_session_end(s, CW_OK);
    link->ops->close(link->arg, code, reason);
}

static void log_drop(const cw_link *link, cw_err why) CW_ON_LOOP
{
    char id[CW_ID_STR];
    const cw_session *s = link->session;

    cw_stat_inc(CW_STAT_api_dropped);
    cw_log(CW_LOG_INFO, CW_MOD_API, "session.drop", "session", s ? cw_id_print(s->id, id) : NULL,
           "user", s ? s->user : NULL, "address", link->address, "reason", cw_err_kind(why), NULL);
}

/* Say why, then close. */
static void dismiss(cw_link *link, cw_close code, cw_err why) CW_ON_LOOP
{
    log_drop(link, why);
    if (link->session)
        cw_session_notify(link->session, "session.closing",
                          json_pack("{ss}", "reason", cw_err_kind(why)));
    cw_link_close(link, code, cw_err_kind(why));
}

/* ── Time ───────────────────────────────────────────────────────────────────────────────────────
 */

/* Nothing was heard for long: whoever is there may come back by another way. */
static void cut_silent(cw_link *link) CW_ON_LOOP
{
    cw_session *s = link->session;

    if (!cw_session_grace_ms(s)) {
        dismiss(link, CW_CLOSE_IDLE, CW_E_TIMEOUT);
        return;
    }
    log_drop(link, CW_E_TIMEOUT);
    cw_session_lose(part(link));
    cw_link_close(link, CW_CLOSE_IDLE, cw_err_kind(CW_E_TIMEOUT));
}

/* Clients ping by themselves; who is late is asked. */
static void watch(cw_link *link) CW_ON_LOOP
{
    const struct cw_conf_web *web = &link->env->conf->web;
    uint64_t limit = (uint64_t)web->ping_timeout_ms, silence = cw_now_ms() - link->heard_ms;
    uint64_t ask = MIN((uint64_t)web->ping_interval_ms * 4 / 3, limit / 2);

    if (silence >= limit) {
        cut_silent(link);
        return;
    }
    if (silence >= ask && !link->pinged && link->ops->ping) {
        link->pinged = true;
        link->ops->ping(link->arg);
    }
    cw_timer_start(link->timer, silence >= ask ? limit - silence : ask - silence);
}

static void on_timer(void *arg)
{
    cw_link *link = arg;

    cw_assert_on_loop();
    if (link->state == CW_LINK_NEW)
        dismiss(link, CW_CLOSE_IDLE, CW_E_TIMEOUT);
    else
        watch(link);
}

void cw_link_heard(cw_link *link)
{
    link->heard_ms = cw_now_ms();
    link->pinged = false;
    if (link->session)
        cw_session_heard(link->session, false);
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

static cw_err out_of_order(const cw_link *link, const cw_proto_request *row, cw_fault *fault)
{
    if ((row->when == CW_WHEN_FIRST) == (link->state == CW_LINK_NEW))
        return CW_OK;
    g_strlcpy(fault->text,
              row->when == CW_WHEN_FIRST ? "this session is open already"
                                         : "session.open or session.resume comes first",
              sizeof fault->text);
    return CW_E_STATE;
}

static cw_err serve(cw_link *link, const request *r, json_t **result, cw_fault *fault) CW_ON_LOOP
{
    const cw_proto_request *row;
    cw_request which = cw_proto_find(r->method);
    cw_err err;

    if (which == CW_REQ_COUNT)
        return CW_E_METHOD;
    row = &cw_proto_requests[which];
    err = out_of_order(link, row, fault);
    if (!err)
        err = cw_proto_check(row->params, r->params, "params", fault);
    if (err)
        return err;
    return row->when == CW_WHEN_FIRST
               ? handlers[which].first(link, r->params, result, fault)
               : handlers[which].open(link->session, r->params, result, fault);
}

/* What some outcomes mean for the connection. */
static void follow_up(cw_link *link, const char *method, cw_err err) CW_ON_LOOP
{
    if (err == CW_OK && !strcmp(method, cw_proto_requests[CW_REQ_session_close].method))
        cw_link_close(link, CW_CLOSE_NORMAL, "session.close");
    else if (link->state == CW_LINK_NEW &&
             (err == CW_E_AUTH || err == CW_E_EXPIRED ||
              (err == CW_E_SESSION_GONE && ++link->failed >= RESUME_TRIES)))
        dismiss(link, CW_CLOSE_AUTH, err);
}

static void handle(cw_link *link, const json_t *message) CW_ON_LOOP
{
    request r = { 0 };
    cw_fault fault = { 0 };
    json_t *result = NULL;
    cw_err err = read_envelope(message, &r, &fault);

    if (err) {
        reply_error(link, r.id, err, &fault);
        return;
    }
    link->serving = true;
    err = serve(link, &r, &result, &fault);
    if (!err && r.id)
        reply_result(link, r.id, g_steal_pointer(&result));
    else if (r.id)
        reply_error(link, r.id, err, &fault);
    else if (err)
        cw_stat_inc(CW_STAT_api_refused);
    link->serving = false;
    json_decref(result);
    if (link->session)
        cw_session_flush(link->session);
    follow_up(link, r.method, err);
}

/* Over the rate. The id is looked for in small messages only: reading costs what the limit saves.
 */
static void refuse_rate(cw_link *link, const char *text, size_t len, unsigned wait_ms) CW_ON_LOOP
{
    g_autoptr(json_t) message = NULL;
    cw_fault fault = { 0 };
    request r = { 0 };
    char why[128];

    if (++link->refused > 2 * link->env->conf->web.rate_burst) {
        dismiss(link, CW_CLOSE_RATE, CW_E_RATE);
        return;
    }
    if (len <= 1024 && cw_json_parse(text, len, &message, why) == CW_OK &&
        read_envelope(message, &r, &fault) == CW_OK && !r.id) {
        cw_stat_inc(CW_STAT_api_refused);
        return;
    }
    memset(&fault, 0, sizeof fault);
    fault.retry_ms = wait_ms;
    reply_error(link, r.id, CW_E_RATE, &fault);
}

void cw_link_receive(cw_link *link, const char *text, size_t len)
{
    const struct cw_conf_web *web = &link->env->conf->web;
    g_autoptr(json_t) message = NULL;
    cw_fault fault = { 0 };
    unsigned wait_ms;
    cw_err err;

    if (link->state == CW_LINK_CLOSING)
        return;
    cw_link_heard(link);
    wait_ms = cw_bucket_take(&link->bucket, web->rate_per_s, web->rate_burst, link->heard_ms);
    if (wait_ms) {
        refuse_rate(link, text, len, wait_ms);
        return;
    }
    link->refused = 0;
    if (link->session)
        cw_session_heard(link->session, true);
    err = cw_json_parse(text, len, &message, fault.text);
    if (err)
        reply_error(link, NULL, err, &fault);
    else
        handle(link, message);
}

/* ── Life ───────────────────────────────────────────────────────────────────────────────────────
 */

cw_link *cw_link_new(const cw_session_env *env, const char *address, const cw_link_ops *ops,
                     void *arg)
{
    cw_link *link = g_new0(cw_link, 1);

    link->env = env;
    link->ops = ops;
    link->arg = arg;
    link->heard_ms = cw_now_ms();
    g_strlcpy(link->address, address, sizeof link->address);
    cw_bucket_init(&link->bucket, env->conf->web.rate_burst, link->heard_ms);
    link->timer = cw_timer_new(env->loop, on_timer, link);
    cw_timer_start(link->timer, (uint64_t)env->conf->web.open_timeout_ms);
    return link;
}

void cw_link_take(cw_link *link, cw_session *s)
{
    link->session = s;
    link->state = CW_LINK_OPEN;
    s->link = link;
    g_strlcpy(s->address, link->address, sizeof s->address);
    cw_timer_start(link->timer, 0); /* sets itself right */
}

void cw_link_leave(cw_link *link)
{
    cw_session *s = part(link);

    link->state = CW_LINK_CLOSING;
    cw_timer_stop(link->timer);
    if (s)
        cw_session_end(s, CW_OK);
}

void cw_link_free(cw_link *link)
{
    cw_session *s;

    if (!link)
        return;
    s = part(link);
    if (s)
        cw_session_lose(s);
    cw_timer_free(link->timer);
    g_free(link);
}

void cw_link_shutdown(cw_link *link)
{
    if (link->session)
        cw_session_notify(link->session, "session.closing",
                          json_pack("{ss}", "reason", "shutdown"));
    cw_link_close(link, CW_CLOSE_GOING_AWAY, "shutdown");
}
