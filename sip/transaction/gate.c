/* Where every request arrives that is no retransmission: who may, what is legal, whose is it.
 *
 * Refusals are stateless: they keep nothing, so that a flood costs what its answers cost.
 */
#include "sip/dialog/call.h"
#include "sip/dialog/timer.h"

#include "base/log.h"
#include "sip/net/stream.h"
#include "sip/transaction/login.h"
#include "sip/web.h"

#include "sip/text/uri.h"

#include <string.h>

#define LOGINS_MAX 8 /* Authorization fields that are looked at */

static void refuse(cw_sip *sip, msg_t *msg, int status, const char *extra) CW_ON_LOOP
{
    cw_stat_inc(CW_STAT_sip_refused);
    nta_msg_treply(sip->agent, msg, status, cw_sip_phrase(status),
                   SIPTAG_SERVER_STR(sip->user_agent), TAG_IF(extra, SIPTAG_HEADER_STR(extra)),
                   TAG_END());
}

size_t cw_sip_server_transactions(const cw_sip *sip)
{
    usize_t used = 0;

    nta_agent_get_stats(sip->agent, NTATAG_S_IRQ_HASH_USED_REF(used), TAG_END());
    return used;
}

void cw_sip_count_bad(cw_sip *sip)
{
    usize_t bad = 0;

    nta_agent_get_stats(sip->agent, NTATAG_S_BAD_MESSAGE_REF(bad), TAG_END());
    cw_stat_add(CW_STAT_sip_refused, (int64_t)(bad - sip->bad_seen));
    sip->bad_seen = (unsigned)bad;
}

bool cw_sip_source_of(msg_t *msg, cw_addr *ret)
{
    const su_sockaddr_t *su = msg_addr(msg);

    memset(ret, 0, sizeof *ret);
    if (su->su_family == AF_INET)
        ret->in4 = su->su_sin;
    else if (su->su_family == AF_INET6)
        ret->in6 = su->su_sin6;
    else
        return false;
    return true;
}

/* Into sip->peer. */
static bool find_peer(cw_sip *sip, msg_t *msg) CW_ON_LOOP
{
    const tport_t *tp = tport_delivered_by(nta_agent_tports(sip->agent), msg);
    const cw_sip_stream *stream = cw_sip_stream_of(sip, tp);
    cw_sip_peer *peer = &sip->peer;

    *peer = (cw_sip_peer){ .transport = stream ? stream->transport : CW_SIP_UDP,
                           .names = stream ? (const char *const *)stream->names : NULL,
                           .web = stream ? NULL : cw_sip_web_of(sip, tp) };
    if (!peer->web)
        return cw_sip_source_of(msg, &peer->addr);
    peer->transport = CW_SIP_WS;
    peer->addr = *cw_sip_web_peer(peer->web);
    return true;
}

/* --- strangers --- */

static bool is_welcome(const cw_sip *sip) CW_ON_LOOP
{
    return !sip->ops->trusted || sip->ops->trusted(sip->arg, &sip->peer);
}

/* What an Authorization field for us says of the peer; CW_E_NOT_FOUND: there is none. */
static cw_err read_login(cw_sip *sip, const sip_t *message) CW_ON_LOOP
{
    const msg_auth_t *header = message->sip_authorization;
    const char *method = message->sip_request->rq_method_name;
    char uri[CW_SIP_URI_MAX + 1];
    issize_t len = url_e(uri, sizeof uri, message->sip_request->rq_url);
    cw_err err = CW_E_NOT_FOUND;

    if (len < 0 || (size_t)len >= sizeof uri)
        return CW_E_NOT_FOUND;
    for (unsigned n = 0; err == CW_E_NOT_FOUND && header && n < LOGINS_MAX; n++) {
        if (g_ascii_strcasecmp(header->au_scheme, "Digest") == 0)
            err = cw_sip_logins_judge(sip->logins, (const char *const *)header->au_params, method,
                                      uri, cw_now_ms(), &sip->peer.login);
        header = header->au_next;
    }
    return err;
}

/* May a stranger come in? Otherwise they were refused: with 401, while we may ask. */
static bool admit_stranger(cw_sip *sip, msg_t *msg, const sip_t *message) CW_ON_LOOP
{
    sip_method_t method = message->sip_request->rq_method;
    bool asks = sip->logins && method != sip_method_cancel; /* RFC 3261 22.1 */
    g_autofree char *lines = NULL;
    cw_err err = CW_E_NOT_FOUND;

    if (asks)
        err = read_login(sip, message);
    if ((!err || err == CW_E_NOT_FOUND) && is_welcome(sip))
        return true;
    if (err == CW_E_AUTH)
        cw_stat_inc(CW_STAT_sip_logins_failed);
    if (asks)
        lines = cw_sip_logins_ask(sip->logins, err == CW_E_EXPIRED, cw_now_ms());
    refuse(sip, msg, lines ? 401 : 403, lines);
    return false;
}

/* Whoever knows a dialog's tags belongs to it, wherever the request comes from; but for dialogs of
 * who came by WebSocket. */
static bool admit(cw_sip *sip, msg_t *msg, const sip_t *message, const cw_sip_dialog *dialog,
                  bool known) CW_ON_LOOP
{
    if (!known)
        return admit_stranger(sip, msg, message);
    if (!dialog || !dialog->web_user)
        return true;
    refuse(sip, msg, 403, NULL);
    return false;
}

static cw_sip_call *find_call(const cw_sip *sip, const char *local_tag, const char *call_id)
{
    cw_sip_call *call = local_tag ? g_hash_table_lookup(sip->calls, local_tag) : NULL;

    return call && g_strcmp0(call->dialog->call_id, call_id) == 0 ? call : NULL;
}

/* --- what a body may be --- */

/* 0, or the status that refuses the body, with a header that says what we would take. */
static int body_status(const sip_t *message, const char **extra)
{
    const sip_payload_t *body = message->sip_payload;
    const sip_content_encoding_t *coding = message->sip_content_encoding;

    *extra = NULL;
    if (!body || body->pl_len == 0)
        return 0;
    if (body->pl_len > CW_SIP_BODY_MAX)
        return 413;
    if (coding && coding->k_items && *coding->k_items &&
        g_ascii_strcasecmp(*coding->k_items, "identity") != 0) {
        *extra = "Accept-Encoding: identity";
        return 415;
    }
    if (!message->sip_content_type ||
        g_ascii_strcasecmp(message->sip_content_type->c_type, "application/sdp") != 0) {
        *extra = "Accept: application/sdp";
        return 415;
    }
    return 0;
}

/* --- inside a dialog --- */

static void reply_plain(cw_sip *sip, nta_incoming_t *irq, int status, const char *extra) CW_ON_LOOP
{
    nta_incoming_treply(irq, status, cw_sip_phrase(status), SIPTAG_SERVER_STR(sip->user_agent),
                        TAG_IF(extra, SIPTAG_HEADER_STR(extra)), TAG_END());
}

static void refuse_in_dialog(cw_sip_call *call, nta_incoming_t *irq, int status,
                             const char *extra) CW_ON_LOOP
{
    cw_stat_inc(CW_STAT_sip_refused);
    reply_plain(call->sip, irq, status, extra);
    cw_sip_call_trace(call, true, status, cw_sip_phrase(status), NULL);
    nta_incoming_destroy(irq);
}

static void in_dialog_info(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                           const sip_t *message) CW_ON_LOOP
{
    const sip_payload_t *body = message->sip_payload;
    const char *type = message->sip_content_type ? message->sip_content_type->c_type : "";
    g_autofree char *package = cw_sip_message_header(cw_sip_message_of(message), "Info-Package", 0);

    if (package) { /* we have told of none (RFC 6086 4.2.2) */
        refuse_in_dialog(call, irq, 469, "Recv-Info:");
        return;
    }
    cw_sip_uas_reply(call, irq, 200, NULL);
    nta_incoming_destroy(irq);
    if (call->ops && call->ops->info && body && body->pl_len <= CW_SIP_BODY_MAX)
        call->ops->info(call->arg, type, body->pl_data, body->pl_len);
}

static void in_dialog_bye(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                          const sip_t *message) CW_ON_LOOP
{
    cw_sip_note note = { .sip = message };

    reply_plain(call->sip, irq, 200, NULL);
    nta_incoming_destroy(irq);
    cw_sip_call_trace(call, true, 200, "OK", NULL);
    if (dialog == call->dialog)
        cw_sip_call_run(call, SIP_EV_BYE, &note);
}

/* INVITE, UPDATE and PRACK: the checks of a first INVITE apply again. */
static void in_dialog_offer(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                            const sip_t *message) CW_ON_LOOP
{
    g_autofree char *unsupported = cw_sip_unsupported_line(call->sip, message), *shortest = NULL;
    const char *extra;
    int status = body_status(message, &extra);

    if (!status && message->sip_request->rq_method != sip_method_prack)
        status = cw_sip_timer_check(call->sip, message, &shortest);
    if (shortest)
        extra = shortest;
    if (unsupported) {
        status = 420;
        extra = unsupported;
    }
    if (status) {
        cw_stat_inc(CW_STAT_sip_refused);
        reply_plain(call->sip, irq, status, extra);
        nta_incoming_destroy(irq);
        return;
    }
    if (message->sip_request->rq_method == sip_method_prack)
        cw_sip_reliable_prack(call, dialog, irq, message);
    else
        cw_sip_modify_request(call, dialog, irq, message);
}

static void in_dialog_options(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                              const sip_t *message) CW_ON_LOOP
{
    cw_sip_uas_reply(call, irq, 200, NULL);
    nta_incoming_destroy(irq);
}

static void in_dialog_refer(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                            const sip_t *message) CW_ON_LOOP
{
    g_autofree char *unsupported = cw_sip_unsupported_line(call->sip, message);

    if (!unsupported) {
        cw_sip_take_refer(call, dialog, irq, message);
        return;
    }
    reply_plain(call->sip, irq, 420, unsupported);
    nta_incoming_destroy(irq);
}

static void in_dialog_request(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                              const sip_t *message) CW_ON_LOOP
{
    cw_sip_take_call_request(call, irq, message);
}

/* Of no subscription in this dialog. */
static void in_dialog_event(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                            const sip_t *message) CW_ON_LOOP
{
    bool notify = message->sip_request->rq_method == sip_method_notify;

    refuse_in_dialog(call, irq, notify ? 481 : 489, NULL);
}

/* Each takes the transaction over: answers it, now or later, and destroys it. */
static const struct {
    sip_method_t method;
    void (*take)(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                 const sip_t *message);
} inside[] = {
    { sip_method_invite, in_dialog_offer }, { sip_method_update, in_dialog_offer },
    { sip_method_prack, in_dialog_offer },  { sip_method_bye, in_dialog_bye },
    { sip_method_info, in_dialog_info },    { sip_method_options, in_dialog_options },
    { sip_method_refer, in_dialog_refer },  { sip_method_message, in_dialog_request },
    { sip_method_notify, in_dialog_event }, { sip_method_subscribe, in_dialog_event },
};

static void in_dialog(cw_sip_call *call, cw_sip_dialog *dialog, msg_t *msg,
                      sip_t *message) CW_ON_LOOP
{
    cw_sip *sip = call->sip;
    sip_method_t method = message->sip_request->rq_method;
    msg_t *kept = msg_ref_create(msg); /* `message` outlives the transaction's end */
    nta_incoming_t *irq = nta_incoming_create(sip->agent, NULL, msg, message, TAG_END());
    unsigned i = 0;

    if (!irq) {
        msg_destroy(kept);
        return;
    }
    cw_sip_call_ref(call);
    cw_sip_call_trace(call, false, 0, NULL, message->sip_request->rq_method_name);
    while (i < G_N_ELEMENTS(inside) && inside[i].method != method)
        i++;
    if (cw_sip_dialog_take_cseq(dialog, message->sip_cseq->cs_seq)) {
        refuse_in_dialog(call, irq, 500, NULL);
    } else if (i < G_N_ELEMENTS(inside)) {
        inside[i].take(call, dialog, irq, message);
    } else {
        refuse_in_dialog(call, irq, method != sip_method_unknown ? 405 : 501,
                         "Allow: " CW_SIP_ALLOW);
    }
    cw_sip_call_unref(call);
    msg_destroy(kept);
}

/* --- outside --- */

static void new_invite(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source) CW_ON_LOOP
{
    const char *extra;
    g_autofree char *shortest = NULL;
    int status = body_status(message, &extra);

    if (!message->sip_contact)
        status = 400;
    else if (sip->unacked >= (unsigned)sip->conf->sip.unacked_max)
        status = 503;
    if (!status)
        status = cw_sip_timer_check(sip, message, &shortest);
    if (status) {
        refuse(sip, msg, status, status == 503 ? "Retry-After: 5" : shortest ? shortest : extra);
        return;
    }
    cw_sip_uas_invite(sip, msg, message, &sip->peer);
}

static void answer_options(cw_sip *sip, msg_t *msg, sip_t *message,
                           const cw_addr *source) CW_ON_LOOP
{
    g_autofree char *supported = cw_sip_supported_line(sip, NULL);

    nta_msg_treply(sip->agent, msg, SIP_200_OK, SIPTAG_ALLOW_STR(CW_SIP_ALLOW),
                   SIPTAG_ACCEPT_STR("application/sdp"),
                   SIPTAG_HEADER_STR("Accept-Encoding: identity"), SIPTAG_HEADER_STR(supported),
                   SIPTAG_SERVER_STR(sip->user_agent), TAG_END());
}

static void new_subscribe(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source) CW_ON_LOOP
{
    cw_sub_new_subscribe(sip, msg, message, source, sip->peer.transport);
}

static void outer_refer(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source) CW_ON_LOOP
{
    cw_sip_take_outer_refer(sip, msg, message, source, sip->peer.transport);
}

static bool scheme_is_ours(const cw_sip *sip, const sip_t *message)
{
    enum url_type_e scheme = (enum url_type_e)message->sip_request->rq_url->url_type;

    return scheme == url_sip || scheme == url_tel ||
           (scheme == url_sips && (sip->peer.transport == CW_SIP_TLS || sip->peer.web));
}

static void new_register(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source) CW_ON_LOOP
{
    if (sip->peer.web)
        cw_sip_web_register(sip->peer.web, msg, message);
    else
        refuse(sip, msg, 405, "Allow: " CW_SIP_ALLOW);
}

static void no_such_dialog(cw_sip *sip, msg_t *msg, sip_t *message,
                           const cw_addr *source) CW_ON_LOOP
{
    refuse(sip, msg, 481, NULL);
}

/* Each answers the message, or makes a transaction of it. */
static const struct {
    sip_method_t method;
    void (*take)(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source);
} outside[] = {
    { sip_method_invite, new_invite },           { sip_method_options, answer_options },
    { sip_method_bye, no_such_dialog },          { sip_method_cancel, no_such_dialog },
    { sip_method_prack, no_such_dialog },        { sip_method_info, no_such_dialog },
    { sip_method_update, no_such_dialog },       { sip_method_notify, no_such_dialog },
    { sip_method_subscribe, new_subscribe },     { sip_method_refer, outer_refer },
    { sip_method_message, cw_sip_take_request }, { sip_method_publish, cw_sip_take_request },
    { sip_method_register, new_register },
};

static void out_of_dialog(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source) CW_ON_LOOP
{
    sip_method_t method = message->sip_request->rq_method;
    g_autofree char *missing = NULL;
    int status = 0;

    if (!scheme_is_ours(sip, message)) {
        refuse(sip, msg, 416, NULL);
        return;
    }
    if (method != sip_method_cancel) /* RFC 3261 8.2.2.3 */
        status = cw_sip_reliable_check(sip, message, &missing);
    if (status) {
        refuse(sip, msg, status, missing);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(outside); i++)
        if (outside[i].method == method) {
            outside[i].take(sip, msg, message, source);
            return;
        }
    refuse(sip, msg, method != sip_method_unknown ? 405 : 501, "Allow: " CW_SIP_ALLOW);
}

static void on_request(cw_sip *sip, msg_t *msg, sip_t *message) CW_ON_LOOP
{
    sip_method_t method = message->sip_request->rq_method;
    cw_sip_call *call = find_call(sip, message->sip_to->a_tag, message->sip_call_id->i_id);
    cw_sip_dialog *dialog = call ? cw_sip_call_dialog(call, message->sip_from->a_tag) : NULL;
    size_t limit = (size_t)sip->conf->sip.transactions_max;
    bool events = cw_sub_knows(sip, message), known = dialog || events;

    cw_stat_inc(CW_STAT_sip_requests_in);
    if (method == sip_method_ack) { /* never answered */
        if (dialog)
            cw_sip_uas_on_ack(call, message);
        nta_msg_discard(sip->agent, msg);
        return;
    }
    if (!find_peer(sip, msg)) {
        refuse(sip, msg, 403, NULL);
        return;
    }
    if (!(sip->peer.web ? cw_sip_web_admits(sip->peer.web, msg, message, call, dialog)
                        : admit(sip, msg, message, dialog, known)))
        return;
    if (method != sip_method_options && /* its answer keeps nothing */
        cw_sip_server_transactions(sip) >= (known ? 2 * limit : limit))
        refuse(sip, msg, 503, "Retry-After: 5");
    else if (events)
        cw_sub_on_request(sip, msg, message);
    else if (dialog && method != sip_method_cancel)
        in_dialog(call, dialog, msg, message);
    else if (message->sip_to->a_tag)
        refuse(sip, msg, 481, NULL);
    else
        out_of_dialog(sip, msg, message, &sip->peer.addr);
}

int cw_sip_on_message(cw_sip *sip, nta_agent_t *agent, msg_t *msg, sip_t *message)
{
    cw_assert_on_loop();
    cw_sip_count_bad(sip);
    if (message->sip_request) {
        on_request(sip, msg, message);
        return 0;
    }
    /* A response no transaction waits for: a 2xx again, or of another fork. */
    if (message->sip_cseq->cs_method == sip_method_invite &&
        message->sip_status->st_status >= 200 && message->sip_status->st_status < 300) {
        cw_sip_call *call = find_call(sip, message->sip_from->a_tag, message->sip_call_id->i_id);

        if (call)
            cw_sip_uac_stray_answer(call, message);
    }
    nta_msg_discard(agent, msg);
    return 0;
}
