/* A request, in a dialog or not: next hop, message, credentials, answer. */
#include "sip/call.h"

#include "base/log.h"
#include "sip/stream.h"

#include <string.h>

static void transmit(cw_sip_send *send) CW_ON_LOOP;

/* Take it off the stack's list and let go of what it holds. */
static void send_close(cw_sip_send *send) CW_ON_LOOP
{
    if (send->orq)
        nta_outgoing_destroy(send->orq);
    cw_resolve_cancel(send->resolve);
    cw_timer_free(send->later);
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

static void finish(cw_sip_send *send, int status, const sip_t *sip) CW_ON_LOOP
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
    finish(arg, 0, NULL);
}

/* Nothing is reported before the call that started it has returned. */
static void fail(cw_sip_send *send, cw_err err) CW_ON_LOOP
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

static void add_extra(msg_t *msg, sip_t *message, const char *const *lines)
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

static msg_t *build(cw_sip_send *send, sip_method_t method, const char *name, const char *ruri,
                    const char *route) CW_ON_LOOP
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
        add_extra(msg, message, auth);
        add_extra(msg, message, (const char *const *)send->headers);
    }
    if (whole && send->body)
        sip_add_tl(msg, message, SIPTAG_CONTENT_TYPE_STR(send->type),
                   SIPTAG_PAYLOAD_STR(send->body), TAG_END());
    return msg;
}

static cw_sip_way way_of(const cw_sip_send *send) CW_ON_LOOP
{
    const cw_sip_dialog *dialog = send->dialog;

    return (cw_sip_way){ .transport = send->transport,
                         .addr = dialog->hop,
                         .name = send->transport != CW_SIP_TLS ? NULL
                                 : dialog->tls_name            ? dialog->tls_name
                                                               : send->host };
}

/* --- answers --- */

/* True when the request is on its way again with credentials. */
static bool retry_with_credentials(cw_sip_send *send, int status, const sip_t *sip) CW_ON_LOOP
{
    bool proxy = status == 407, stale = false;
    cw_sip_account *account = send->account;

    if (!account || send->tries[proxy] >= 2 || cw_sip_take_challenge(account, sip, proxy, &stale) ||
        (send->tries[proxy] == 1 && !stale))
        return false;
    send->tries[proxy]++;
    nta_outgoing_destroy(send->orq);
    send->orq = NULL;
    send->provisional = false;
    send->cseq = ++send->dialog->local_cseq;
    transmit(send);
    return true;
}

static int on_response(cw_sip_send *send, nta_outgoing_t *orq, sip_t const *sip)
{
    int status = nta_outgoing_status(orq);
    bool internal = !sip || nta_sip_is_internal(sip);

    cw_assert_on_loop();
    if (internal) { /* NTA's own 408 or 503: nobody answered */
        cw_sip_way way = way_of(send);
        bool tls = cw_sip_hop_fault(send->sip->hops, &way) == CW_E_TLS;

        send->err = status == 408 ? CW_E_TIMEOUT : tls ? CW_E_TLS : CW_E_NETWORK;
        finish(send, 0, NULL);
        return 0;
    }
    cw_sip_call_trace(send->call, false, status, sip->sip_status->st_phrase, send->name);
    if (status < 200) {
        send->provisional = true;
        if (send->fn)
            send->fn(send->call, send, status, sip);
        else if (send->alone)
            send->alone(send->arg, send, status, sip);
        return 0;
    }
    if ((status == 401 || status == 407) && retry_with_credentials(send, status, sip))
        return 0;
    finish(send, status, sip);
    return 0;
}

/* --- on the way --- */

/* "sip:192.0.2.1:5060;transport=udp": what NTA gets instead of names. */
static char *hop_url(const cw_sip_send *send)
{
    char printed[CW_ADDR_STR];

    return g_strdup_printf("sip:%s;transport=%s", cw_addr_print(&send->dialog->hop, printed),
                           cw_sip_transport_name(send->transport));
}

static void take_credentials(cw_sip_send *send, const char *ruri) CW_ON_LOOP
{
    cw_sip_account *account = send->account;

    if (!account || send->method == sip_method_ack)
        return;
    for (unsigned i = 0; i < 2; i++) {
        g_free(send->auth[i]);
        send->auth[i] = cw_sip_account_answer(account, i, send->name, ruri);
    }
}

static cw_err connection(cw_sip_send *send, tport_t **ret) CW_ON_LOOP
{
    const cw_sip_dialog *dialog = send->dialog;
    cw_sip_way way = way_of(send);

    return cw_sip_stream_reach(send->sip, &way, dialog->tls,
                               cw_addr_family(&dialog->flow) ? &dialog->flow : NULL, ret);
}

/* The hop is known: out it goes. */
static void transmit(cw_sip_send *send)
{
    cw_sip_dialog *dialog = send->dialog;
    g_autofree char *ruri = NULL, *route = NULL, *url = hop_url(send);
    bool ack = send->method == sip_method_ack;
    const cw_sip_listener *listener;
    cw_addr local;
    tport_t *tp;
    msg_t *msg;

    cw_sip_dialog_next(dialog, &ruri, &route);
    listener = cw_sip_listener_for(send->sip, send->transport, &dialog->hop, &local);
    if (!listener || connection(send, &tp)) {
        fail(send, CW_E_NETWORK);
        return;
    }
    g_free(dialog->contact);
    dialog->contact = dialog->gruu ? g_strdup_printf("<%s>", dialog->gruu)
                                   : cw_sip_contact_for(send->sip, send->transport, &dialog->hop,
                                                        dialog->local_user, dialog->secure);
    take_credentials(send, ruri);
    msg = build(send, send->method, send->name, ruri, route);
    if (!msg) {
        fail(send, CW_E_PARAMS);
        return;
    }
    cw_stat_inc(CW_STAT_sip_requests_out);
    cw_sip_call_trace(send->call, true, 0, NULL, send->name);
    send->orq =
        nta_outgoing_mcreate(send->sip->agent, ack ? NULL : on_response, ack ? NULL : send,
                             (url_string_t *)url, msg, NTATAG_STATELESS(ack),
                             TPTAG_IDENT(listener->ident), TAG_IF(tp, NTATAG_TPORT(tp)), TAG_END());
    if (!send->orq) {
        msg_destroy(msg);
        fail(send, CW_E_NETWORK);
    } else if (ack) {
        send->orq = NULL; /* stateless: gone already */
    }
    send->tp = tp;
}

static bool is_usable_hop(const cw_addr *addr)
{
    if (cw_addr_family(addr) == AF_INET)
        return !cw_addr_is_any(addr) && !IN_MULTICAST(ntohl(addr->in4.sin_addr.s_addr)) &&
               addr->in4.sin_addr.s_addr != INADDR_BROADCAST;
    return !cw_addr_is_any(addr) && !IN6_IS_ADDR_MULTICAST(&addr->in6.sin6_addr);
}

static void on_resolved(void *arg, cw_err err, const cw_addr *addrs, unsigned n)
{
    cw_sip_send *send = arg;
    cw_sip_dialog *dialog = send->dialog;
    g_autofree char *ruri = NULL, *route = NULL;
    cw_addr local;
    bool ack = send->method == sip_method_ack;

    cw_assert_on_loop();
    send->resolve = NULL;
    for (unsigned i = 0; !err && i < n; i++) {
        if (!is_usable_hop(&addrs[i]) ||
            !cw_sip_listener_for(send->sip, send->transport, &addrs[i], &local))
            continue;
        dialog->hop = addrs[i];
        g_free(dialog->hop_for);
        dialog->hop_for = g_strdup(cw_sip_dialog_next(dialog, &ruri, &route));
        transmit(send);
        if (ack && !send->later)
            send_close(send);
        return;
    }
    if (err)
        cw_stat_inc(CW_STAT_sip_dns_failed);
    fail(send, err ? err : CW_E_NETWORK);
}

/* Find out where it goes. True when that is known at once. */
static bool route(cw_sip_send *send) CW_ON_LOOP
{
    cw_sip_dialog *dialog = send->dialog;
    g_autofree char *ruri = NULL, *header = NULL;
    const char *next = cw_sip_dialog_next(dialog, &ruri, &header);
    cw_sip_host host;
    cw_err err = next ? cw_sip_uri_host(next, &host) : CW_E_PARAMS;

    if (err) {
        fail(send, err);
        return false;
    }
    send->transport = host.has_transport ? host.transport : dialog->transport;
    g_strlcpy(send->host, host.name, sizeof send->host);
    if (g_strcmp0(next, dialog->hop_for) == 0)
        return true;
    if (host.numeric &&
        cw_addr_from_ip(host.name, strlen(host.name), cw_sip_port_of(&host, send->transport),
                        &dialog->hop) == CW_OK) {
        if (!is_usable_hop(&dialog->hop)) {
            fail(send, CW_E_NETWORK);
            return false;
        }
        g_free(dialog->hop_for);
        dialog->hop_for = g_strdup(next);
        return true;
    }
    send->resolve =
        cw_resolve_start(send->sip->resolver, &host, send->transport, on_resolved, send);
    return false;
}

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
    if (!route(send))
        return send;
    transmit(send);
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
    if (route(send))
        transmit(send);
    return send;
}

void cw_sip_sends_lost(cw_sip *sip, const tport_t *tp, cw_err why)
{
    for (GList *at = sip->sends.head; at; at = at->next) {
        cw_sip_send *send = at->data;

        if (send->tp != tp || !send->orq || send->provisional)
            continue;
        nta_outgoing_destroy(g_steal_pointer(&send->orq));
        fail(send, why == CW_E_TLS ? why : CW_E_NETWORK);
    }
}

void cw_sip_send_cancel(cw_sip_send *send, const char *const *reasons)
{
    g_autofree char *ruri = NULL, *route_header = NULL, *url = NULL;
    const cw_sip_listener *listener;
    nta_outgoing_t *orq;
    cw_addr local;
    tport_t *tp;
    msg_t *msg;

    if (!send->orq)
        return;
    url = hop_url(send);
    cw_sip_dialog_next(send->dialog, &ruri, &route_header);
    listener = cw_sip_listener_for(send->sip, send->transport, &send->dialog->hop, &local);
    msg = listener && !connection(send, &tp) ? build(send, SIP_METHOD_CANCEL, ruri, route_header)
                                             : NULL;
    if (!msg)
        return;
    add_extra(msg, sip_object(msg), reasons);
    cw_stat_inc(CW_STAT_sip_requests_out);
    cw_sip_call_trace(send->call, true, 0, NULL, "CANCEL");
    /* The INVITE's branch, so that the server finds it (9.1). */
    orq =
        nta_outgoing_mcreate(send->sip->agent, NULL, NULL, (url_string_t *)url, msg,
                             NTATAG_BRANCH_KEY(nta_outgoing_branch(send->orq)),
                             TPTAG_IDENT(listener->ident), TAG_IF(tp, NTATAG_TPORT(tp)), TAG_END());
    if (!orq)
        msg_destroy(msg);
}
