/* Single requests, RFC 3261 8.1 and 8.2: sent, and handed up with something to answer by. */
#include "sip/event/subscribe.h"

#include "base/json.h"
#include "base/log.h"
#include "sip/text/uri.h"

#include <string.h>

/* --- ours --- */

struct cw_sip_query {
    cw_sip *sip;
    GList link; /* in sip->queries */
    cw_sip_result_fn *fn;
    void *arg;
    cw_sip_call *call; /* reference; NULL: of no call */
    cw_sip_send *send; /* NULL: its answer is being told */
    cw_timer *timer;   /* NULL: 64*T1 is enough */
};

static void query_close(cw_sip_query *query) CW_ON_LOOP
{
    cw_sip_send_free(query->send);
    cw_timer_free(query->timer);
    g_queue_unlink(&query->sip->queries, &query->link);
    cw_sip_call_unref(query->call);
    g_free(query);
}

void cw_sip_query_free(cw_sip_query *query)
{
    if (query)
        query_close(query);
}

static void query_end(cw_sip_query *query, const cw_sip_result *result) CW_ON_LOOP
{
    if (query->fn)
        query->fn(query->arg, result);
    query_close(query);
}

static void on_answer(void *arg, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_sip_query *query = arg;
    cw_sip_result result = { .err = send->err ? send->err : CW_E_NETWORK };
    cw_sip_end end = { 0 };

    cw_assert_on_loop();
    if (status > 0 && status < 200)
        return;
    query->send = NULL;
    if (sip) {
        const sip_payload_t *body = sip->sip_payload;

        cw_sip_call_trace(query->call, false, status, sip->sip_status->st_phrase, NULL);
        cw_sip_end_of(&end, status, sip);
        result.err = status < 300 ? CW_OK : end.err;
        result.status = status;
        g_strlcpy(result.phrase, end.phrase, sizeof result.phrase);
        result.message = end.message;
        if (body && body->pl_data && body->pl_len <= CW_SIP_BODY_MAX && sip->sip_content_type) {
            result.type = sip->sip_content_type->c_type;
            result.body = body->pl_data;
            result.len = body->pl_len;
        }
    }
    query_end(query, &result);
}

static void on_late(void *arg)
{
    static const cw_sip_result late = { .err = CW_E_TIMEOUT };

    cw_assert_on_loop();
    query_end(arg, &late);
}

/* Those that are single: neither a dialog nor a transaction of another hangs on them. */
static bool is_single(const char *name, sip_method_t *ret)
{
    *ret = sip_method_code(name);
    switch (*ret) {
    case sip_method_message:
    case sip_method_options:
    case sip_method_publish:
    case sip_method_info:
    case sip_method_notify: /* without subscription: message waiting, as many phones take it */
        return true;
    default:
        return false;
    }
}

static cw_sip_query *query_make(cw_sip *sip, cw_sip_result_fn *fn, void *arg) CW_ON_LOOP
{
    cw_sip_query *query = g_new0(cw_sip_query, 1);

    query->sip = sip;
    query->fn = fn;
    query->arg = arg;
    query->link.data = query;
    g_queue_push_tail_link(&sip->queries, &query->link);
    return query;
}

cw_err cw_sip_query_new(cw_sip *sip, const cw_sip_query_conf *conf, cw_sip_result_fn *fn, void *arg,
                        cw_sip_query **ret)
{
    cw_sip_request request = {
        .name = conf->method, .type = conf->type, .body = conf->body, .len = conf->len
    };
    cw_sip_account *account;
    g_auto(GStrv) headers = NULL;
    g_autofree char *to = NULL;
    cw_sip_dialog *dialog;
    cw_err err = CW_OK;

    if (!is_single(conf->method, &request.method))
        return CW_E_UNSUPPORTED;
    if (conf->len > CW_SIP_BODY_MAX)
        return CW_E_TOO_LARGE;
    if (conf->to)
        err = cw_sip_uri_check(conf->to, &to);
    if (err)
        return err;
    dialog = cw_sip_dialog_new();
    err = cw_sip_dialog_aim(sip, dialog, conf->target);
    if (!err) {
        if (to) {
            g_free(dialog->remote);
            dialog->remote = g_strdup_printf("<%s>", to);
        }
        headers = cw_sip_target_headers(conf->target);
        request.headers = (const char *const *)headers;
        *ret = query_make(sip, fn, arg);
        account = cw_sip_account_new(&conf->target->credentials);
        (*ret)->send = cw_sip_send_alone(sip, account, dialog, &request, on_answer, *ret);
        cw_sip_account_unref(account);
        if (conf->timeout_ms) {
            (*ret)->timer = cw_timer_new(sip->loop, on_late, *ret);
            cw_timer_start((*ret)->timer, conf->timeout_ms);
        }
    }
    cw_sip_dialog_unref(dialog);
    return err;
}

cw_err cw_sip_call_query(cw_sip_call *call, const char *method, const char *type, const char *body,
                         size_t len, cw_sip_result_fn *fn, void *arg)
{
    cw_sip_request request = { .name = method, .type = type, .body = body, .len = len };
    cw_sip_query *query;

    if (!is_single(method, &request.method))
        return CW_E_UNSUPPORTED;
    if (call->state != SIP_UP)
        return CW_E_STATE;
    if (len > CW_SIP_BODY_MAX)
        return CW_E_TOO_LARGE;
    query = query_make(call->sip, fn, arg);
    query->call = cw_sip_call_ref(call);
    cw_sip_call_trace(call, true, 0, NULL, method);
    query->send =
        cw_sip_send_alone(call->sip, call->account, call->dialog, &request, on_answer, query);
    return CW_OK;
}

/* --- a peer's --- */

struct cw_sip_reply {
    cw_sip *sip;
    GList link; /* in sip->replies */
    msg_t *msg; /* until it is known that it is not refused at once: no transaction yet */
    bool *sent; /* tells whoever asked that the reply is gone; NULL: nobody asks any more */
    nta_incoming_t *irq; /* NULL: not yet */
    cw_sip_call *call;   /* reference; NULL: of no call */
    cw_timer *timer;
};

static void reply_close(cw_sip_reply *reply) CW_ON_LOOP
{
    nta_incoming_destroy(reply->irq);
    if (reply->msg)
        nta_msg_discard(reply->sip->agent, reply->msg);
    if (reply->sent)
        *reply->sent = true;
    cw_timer_free(reply->timer);
    g_queue_unlink(&reply->sip->replies, &reply->link);
    cw_sip_call_unref(reply->call);
    g_free(reply);
}

static void add_lines(msg_t *msg, sip_t *sip, const char *const *lines)
{
    for (; lines && *lines; lines++)
        sip_add_tl(msg, sip, SIPTAG_HEADER_STR(*lines), TAG_END());
}

static void answer(cw_sip_reply *reply, int status, const char *const *headers, const char *type,
                   const char *body, size_t len) CW_ON_LOOP
{
    g_autofree char *text = body ? g_strndup(body, len) : NULL;
    msg_t *msg = nta_incoming_create_response(reply->irq, status, cw_sip_phrase(status));
    sip_t *sip = msg ? sip_object(msg) : NULL;

    if (sip) {
        sip_add_tl(msg, sip, SIPTAG_SERVER_STR(reply->sip->user_agent),
                   TAG_IF(status == 405 || status == 501, SIPTAG_ALLOW_STR(CW_SIP_ALLOW)),
                   TAG_IF(text, SIPTAG_CONTENT_TYPE_STR(type)),
                   TAG_IF(text, SIPTAG_PAYLOAD_STR(text)), TAG_END());
        add_lines(msg, sip, headers);
        nta_incoming_mreply(reply->irq, msg);
    }
    cw_sip_call_trace(reply->call, true, status, cw_sip_phrase(status), NULL);
    reply_close(reply);
}

/* From now on a retransmission gets the same answer. */
static void reply_open(cw_sip_reply *reply) CW_ON_LOOP
{
    reply->irq =
        nta_incoming_create(reply->sip->agent, NULL, g_steal_pointer(&reply->msg), NULL, TAG_END());
}

/* A refusal at once keeps nothing: a retransmission is refused again (RFC 3261 8.2.7). */
static void refuse_stateless(cw_sip_reply *reply, int status, const char *const *headers) CW_ON_LOOP
{
    g_autofree char *more = headers ? g_strjoinv("\r\n", (char **)headers) : NULL;

    nta_msg_treply(reply->sip->agent, g_steal_pointer(&reply->msg), status, cw_sip_phrase(status),
                   SIPTAG_SERVER_STR(reply->sip->user_agent),
                   TAG_IF(status == 405 || status == 501, SIPTAG_ALLOW_STR(CW_SIP_ALLOW)),
                   TAG_IF(more && *more, SIPTAG_HEADER_STR(more)), TAG_END());
    reply_close(reply);
}

void cw_sip_reply_send(cw_sip_reply *reply, int status, const char *const *headers,
                       const char *type, const char *body, size_t len)
{
    if (reply->msg && status >= 300 && !body) {
        refuse_stateless(reply, status, headers);
        return;
    }
    if (reply->msg)
        reply_open(reply);
    answer(reply, status, headers, type, body, len);
}

static void on_unanswered(void *arg)
{
    cw_assert_on_loop();
    cw_sip_reply_send(arg, 500, NULL, NULL, NULL, 0);
}

void cw_sip_requests_close(cw_sip *sip)
{
    while (sip->queries.head)
        query_close(sip->queries.head->data);
    while (sip->replies.head)
        reply_close(sip->replies.head->data);
}

static cw_sip_reply *reply_make(cw_sip *sip, nta_incoming_t *irq) CW_ON_LOOP
{
    cw_sip_reply *reply = g_new0(cw_sip_reply, 1);

    reply->sip = sip;
    reply->irq = irq;
    reply->link.data = reply;
    reply->timer = cw_timer_new(sip->loop, on_unanswered, reply);
    cw_timer_start(reply->timer, (uint64_t)sip->conf->sip.t1x64_ms);
    g_queue_push_tail_link(&sip->replies, &reply->link);
    return reply;
}

static void refuse(cw_sip_reply *reply, cw_err err) CW_ON_LOOP
{
    int status = err == CW_E_UNSUPPORTED ? 405 : cw_err_sip(err);

    cw_stat_inc(CW_STAT_sip_refused);
    cw_sip_reply_send(reply, status == 401 ? 403 : status, NULL, NULL, NULL, 0);
}

/* What an inquiry's strings are kept in. */
typedef struct texts {
    char *ruri_user, *from_user, *from_display, *from_uri, *to_uri;
} texts;

static void texts_clear(texts *t)
{
    g_free(t->ruri_user);
    g_free(t->from_user);
    g_free(t->from_display);
    g_free(t->from_uri);
    g_free(t->to_uri);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(texts, texts_clear)

static cw_err read_inquiry(const sip_t *message, const cw_addr *source, texts *t,
                           cw_sip_inquiry *ret)
{
    const url_t *ruri = message->sip_request->rq_url;
    const sip_payload_t *body = message->sip_payload;

    t->ruri_user = cw_sip_url_user(ruri);
    t->from_user = cw_sip_url_user(message->sip_from->a_url);
    t->from_display = cw_sip_display_decode(message->sip_from->a_display);
    t->from_uri = cw_sip_url_text(message->sip_from->a_url);
    t->to_uri = cw_sip_url_text(message->sip_to->a_url);
    *ret = (cw_sip_inquiry){
        .method = message->sip_request->rq_method_name,
        .ruri_user = t->ruri_user,
        .ruri_host = ruri->url_type == url_tel || !ruri->url_host ? "" : ruri->url_host,
        .from_user = t->from_user,
        .from_host = message->sip_from->a_url->url_host ? message->sip_from->a_url->url_host : "",
        .from_display = t->from_display,
        .from_uri = t->from_uri,
        .to_uri = t->to_uri,
        .message = cw_sip_message_of(message),
    };
    if (source)
        ret->source = *source;
    if (body && body->pl_data && body->pl_len > CW_SIP_BODY_MAX)
        return CW_E_TOO_LARGE;
    if (body && body->pl_data && body->pl_len && message->sip_content_type) {
        ret->type = message->sip_content_type->c_type;
        ret->body = body->pl_data;
        ret->len = body->pl_len;
    }
    return t->ruri_user && t->from_user && cw_sip_is_plain(ret->ruri_host) &&
                   cw_sip_is_plain(ret->from_host) && cw_sip_is_plain(t->from_uri) &&
                   cw_sip_is_plain(t->to_uri) && cw_sip_is_plain(ret->type)
               ? CW_OK
               : CW_E_UNSAFE;
}

cw_err cw_sip_hand_up(cw_sip *sip, const sip_t *message, const cw_addr *source, cw_sip_sub *sub)
{
    g_auto(texts) kept = { 0 };
    cw_sip_inquiry inquiry;
    cw_err err = read_inquiry(message, source, &kept, &inquiry);

    return err ? err : sip->ops->subscribe(sip->arg, &inquiry, sub);
}

void cw_sip_take_request(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source)
{
    cw_sip_reply *reply = reply_make(sip, NULL);
    g_auto(texts) kept = { 0 };
    cw_sip_inquiry inquiry;
    bool sent = false;
    cw_err err;

    reply->msg = msg;
    reply->sent = &sent;
    err = read_inquiry(message, source, &kept, &inquiry);
    inquiry.web = sip->peer.web;
    if (!err)
        err = sip->ops->request ? sip->ops->request(sip->arg, &inquiry, reply) : CW_E_UNSUPPORTED;
    if (sent)
        return;
    reply->sent = NULL;
    if (err)
        refuse(reply, err);
    else
        reply_open(reply);
}

void cw_sip_take_call_request(cw_sip_call *call, nta_incoming_t *irq, const sip_t *message)
{
    cw_sip_reply *reply = reply_make(call->sip, irq);
    const cw_sip_call_ops *ops = call->ops;
    g_auto(texts) kept = { 0 };
    cw_sip_inquiry inquiry;
    cw_err err = read_inquiry(message, NULL, &kept, &inquiry);

    reply->call = cw_sip_call_ref(call);
    if (!err)
        err = ops && ops->request ? ops->request(call->arg, &inquiry, reply) : CW_E_UNSUPPORTED;
    if (err)
        refuse(reply, err);
}
