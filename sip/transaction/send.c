/* A request, in a dialog or not: next hop, message, credentials, answer. */
#include "sip/transaction/send.h"

#include <string.h>

/* Take it off the stack's list and let go of what it holds. */
static void send_close(cw_sip_send *send) CW_ON_LOOP
{
    if (send->orq)
        nta_outgoing_destroy(send->orq);
    cw_resolve_cancel(send->resolve);
    cw_timer_free(send->later);
    cw_timer_free(send->patience);
    g_queue_unlink(&send->sip->sends, &send->link);
    g_strfreev(send->headers);
    g_free(send->auth[0]);
    g_free(send->auth[1]);
    g_free(send->type);
    g_free(send->body);
    cw_sip_dialog_unref(send->dialog);
    cw_sip_account_unref(send->account);
    cw_sip_call_unref(send->call);
    g_free(send);
}

void cw_sip_send_free(cw_sip_send *send)
{
    if (send)
        send_close(send);
}

void cw_sip_send_finish(cw_sip_send *send, int status, const sip_t *sip)
{
    if (send->fn)
        send->fn(send->call, send, status, sip);
    else if (send->alone)
        send->alone(send->arg, send, status, sip);
    send_close(send);
}

static void report_failure(void *arg)
{
    cw_assert_on_loop();
    cw_sip_send_finish(arg, 0, NULL);
}

/* Nothing is reported before the call that started it has returned. */
void cw_sip_send_fail(cw_sip_send *send, cw_err err)
{
    send->err = err;
    if (send->later)
        return;
    send->later = cw_timer_new(send->sip->loop, report_failure, send);
    cw_timer_start(send->later, 0);
}

/* --- the message --- */

static char *name_addr(const char *addr, const char *tag)
{
    return tag && *tag ? g_strdup_printf("%s;tag=%s", addr, tag) : g_strdup(addr);
}

void cw_sip_add_lines(msg_t *msg, sip_t *message, const char *const *lines)
{
    for (; lines && *lines; lines++)
        sip_add_tl(msg, message, SIPTAG_HEADER_STR(*lines), TAG_END());
}

static bool has_contact(sip_method_t method)
{
    return method == sip_method_invite || method == sip_method_update ||
           method == sip_method_subscribe || method == sip_method_notify ||
           method == sip_method_refer;
}

msg_t *cw_sip_send_build(cw_sip_send *send, sip_method_t method, const char *name, const char *ruri,
                         const char *route)
{
    const cw_sip_dialog *dialog = send->dialog;
    msg_t *msg = nta_msg_create(send->sip->agent, 0);
    sip_t *message = sip_object(msg);
    g_autofree char *from = name_addr(dialog->local, dialog->local_tag);
    g_autofree char *to = name_addr(dialog->remote, dialog->remote_tag);
    g_autofree char *cseq = g_strdup_printf("%u %s", send->cseq, name);
    g_autofree char *hops = g_strdup_printf("%u", CW_SIP_HOPS_MAX - dialog->hops_used);
    const char *const auth[] = { send->auth[0] ? send->auth[0] : send->auth[1],
                                 send->auth[0] ? send->auth[1] : NULL, NULL };
    bool whole = method != sip_method_cancel; /* CANCEL: RFC 3261 9.1, nothing of its own */
    sip_request_t *request =
        sip_request_create(msg_home(msg), method, name, (url_string_t const *)ruri, NULL);

    if (!request ||
        sip_add_tl(msg, message, SIPTAG_REQUEST(request), SIPTAG_FROM_STR(from), SIPTAG_TO_STR(to),
                   SIPTAG_CALL_ID_STR(dialog->call_id), SIPTAG_CSEQ_STR(cseq),
                   SIPTAG_MAX_FORWARDS_STR(hops), TAG_IF(route, SIPTAG_ROUTE_STR(route)),
                   TAG_IF(has_contact(method), SIPTAG_CONTACT_STR(dialog->contact)),
                   TAG_IF(has_contact(method), SIPTAG_ALLOW_STR(CW_SIP_ALLOW)),
                   SIPTAG_USER_AGENT_STR(send->sip->user_agent), TAG_END()) < 0) {
        msg_destroy(msg);
        return NULL;
    }
    if (has_contact(method)) {
        g_autofree char *supported = cw_sip_supported_line(send->sip, send->call);

        sip_add_tl(msg, message, SIPTAG_HEADER_STR(supported), TAG_END());
    }
    if (method == sip_method_invite && !dialog->remote_tag &&
        strcmp(send->sip->conf->sip.reliable, "always") == 0)
        sip_add_tl(msg, message, SIPTAG_REQUIRE_STR("100rel"), TAG_END());
    if (whole) {
        cw_sip_add_lines(msg, message, auth);
        if (method != sip_method_ack)
            cw_sip_add_lines(msg, message, (const char *const *)dialog->every);
        cw_sip_add_lines(msg, message, (const char *const *)send->headers);
    }
    if (whole && send->body)
        sip_add_tl(msg, message, SIPTAG_CONTENT_TYPE_STR(send->type),
                   SIPTAG_PAYLOAD_STR(send->body), TAG_END());
    return msg;
}

/* --- made --- */

static cw_sip_send *make(cw_sip *sip, cw_sip_account *account, cw_sip_dialog *dialog,
                         const cw_sip_request *request) CW_ON_LOOP
{
    cw_sip_send *send = g_new0(cw_sip_send, 1);

    send->sip = sip;
    send->account = cw_sip_account_ref(account);
    send->dialog = cw_sip_dialog_ref(dialog);
    send->method = request->method;
    send->name = request->name;
    send->cseq = request->cseq ? request->cseq : ++dialog->local_cseq;
    send->type = g_strdup(request->type);
    send->body = request->body && request->len ? g_strndup(request->body, request->len) : NULL;
    send->len = request->len;
    send->headers = g_strdupv((char **)request->headers);
    for (unsigned i = 0; request->auth && i < 2; i++)
        send->auth[i] = g_strdup(request->auth[i]);
    send->link.data = send;
    g_queue_push_tail_link(&sip->sends, &send->link);
    return send;
}

cw_sip_send *cw_sip_send_start(cw_sip_call *call, cw_sip_dialog *dialog,
                               const cw_sip_request *request, cw_sip_send_fn *fn)
{
    cw_sip_send *send = make(cw_sip_call_stack(call), cw_sip_call_account(call), dialog, request);

    send->call = cw_sip_call_ref(call);
    send->fn = fn;
    if (!cw_sip_send_route(send))
        return send;
    if (request->method != sip_method_ack || send->later)
        return send;
    send_close(send);
    return NULL;
}

cw_sip_send *cw_sip_send_alone(cw_sip *sip, cw_sip_account *account, cw_sip_dialog *dialog,
                               const cw_sip_request *request, cw_sip_alone_fn *fn, void *arg)
{
    cw_sip_send *send = make(sip, account, dialog, request);

    send->alone = fn;
    send->arg = arg;
    (void)cw_sip_send_route(send);
    return send;
}
