/* Where a request goes, one hop after the other (RFC 3263 4.3), and what comes back. */
#include "sip/dialog/call.h"

#include "base/log.h"
#include "sip/net/stream.h"

#include <string.h>

#define MOVED_MS        1000 /* for TCP, where UDP was meant */
#define RETRY_AFTER_MAX 300  /* seconds that a hop may keep us away */

static void transmit(cw_sip_send *send) CW_ON_LOOP;
static bool try_next(cw_sip_send *send, cw_err why, uint64_t bad_ms) CW_ON_LOOP;
static int on_stray(cw_sip_send *send, nta_outgoing_t *orq, sip_t const *sip);

static const cw_addr *addr_of(const cw_sip_send *send)
{
    return &send->hops[send->at].addr;
}

static cw_sip_way way_of(const cw_sip_send *send)
{
    const cw_sip_dialog *dialog = send->dialog;

    return (cw_sip_way){ .transport = send->transport,
                         .addr = *addr_of(send),
                         .name = send->transport != CW_SIP_TLS ? NULL
                                 : dialog->tls_name            ? dialog->tls_name
                                                               : send->host };
}

static uint64_t bad_hop_ms(const cw_sip_send *send) CW_ON_LOOP
{
    return (uint64_t)send->sip->conf->sip.bad_hop_s * 1000;
}

/* --- answers --- */

/* True when the request is on its way again with credentials. */
static bool retry_with_credentials(cw_sip_send *send, int status, const sip_t *sip) CW_ON_LOOP
{
    bool proxy = status == 407, stale = false;
    cw_sip_account *account = send->account;

    if (!account || !cw_sip_account_is_home(account, addr_of(send)) || send->tries[proxy] >= 2 ||
        cw_sip_take_challenge(account, sip, proxy, &stale) || (send->tries[proxy] == 1 && !stale))
        return false;
    send->tries[proxy]++;
    nta_outgoing_destroy(send->orq);
    send->orq = NULL;
    send->provisional = false;
    send->cseq = ++send->dialog->local_cseq;
    transmit(send);
    return true;
}

/* NTA's own 408 or 503: nobody answered. */
static void on_silence(cw_sip_send *send, int status) CW_ON_LOOP
{
    cw_sip_way way = way_of(send);
    cw_err err = status == 408 ? CW_E_TIMEOUT : CW_E_NETWORK;

    if (err == CW_E_NETWORK && cw_sip_hop_fault(send->sip->hops, &way) == CW_E_TLS)
        err = CW_E_TLS;
    if (!send->provisional && try_next(send, err, bad_hop_ms(send)))
        return;
    send->err = err;
    cw_sip_send_finish(send, 0, NULL);
}

static uint64_t retry_after_ms(const cw_sip_send *send, const sip_t *sip) CW_ON_LOOP
{
    unsigned long s = sip->sip_retry_after ? sip->sip_retry_after->af_delta : 0;

    return s ? MIN(s, RETRY_AFTER_MAX) * 1000 : bad_hop_ms(send);
}

static void on_provisional(cw_sip_send *send, int status, const sip_t *sip) CW_ON_LOOP
{
    send->provisional = true;
    if (send->patience)
        cw_timer_stop(send->patience);
    if (send->fn)
        send->fn(send->call, send, status, sip);
    else if (send->alone)
        send->alone(send->arg, send, status, sip);
}

static int on_response(cw_sip_send *send, nta_outgoing_t *orq, sip_t const *sip)
{
    int status = nta_outgoing_status(orq);
    cw_sip_way way;

    cw_assert_on_loop();
    if (!sip || nta_sip_is_internal(sip)) {
        on_silence(send, status);
        return 0;
    }
    cw_sip_call_trace(send->call, false, status, sip->sip_status->st_phrase, send->name);
    if (status < 200) {
        on_provisional(send, status, sip);
        return 0;
    }
    if ((status == 401 || status == 407) && retry_with_credentials(send, status, sip))
        return 0;
    if (status == 503 && !send->provisional &&
        try_next(send, CW_E_OVERLOAD, retry_after_ms(send, sip)))
        return 0;
    way = way_of(send);
    if (status != 503)
        cw_sip_hop_works(send->sip->hops, &way);
    cw_sip_send_finish(send, status, sip);
    return 0;
}

/* --- on the way --- */

/* "sip:192.0.2.1:5060;transport=udp": what NTA gets instead of names. */
static char *hop_url(const cw_sip_send *send)
{
    char printed[CW_ADDR_STR];

    return g_strdup_printf("sip:%s;transport=%s", cw_addr_print(addr_of(send), printed),
                           cw_sip_transport_name(send->transport));
}

static void take_credentials(cw_sip_send *send, const char *ruri) CW_ON_LOOP
{
    cw_sip_account *account = send->account;

    if (!account || send->method == sip_method_ack)
        return;
    for (unsigned i = 0; i < 2; i++) {
        g_clear_pointer(&send->auth[i], g_free);
        if (cw_sip_account_is_home(account, addr_of(send)))
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

/* Is there another hop, as far as we know? */
static bool has_more(const cw_sip_send *send)
{
    return send->at + 1 < send->hops_n || (!send->complete && send->named);
}

static void wait_for_answer(cw_sip_send *send) CW_ON_LOOP;

static bool has_connection(const cw_sip_send *send) CW_ON_LOOP
{
    const cw_sip_stream *stream = send->tp ? cw_sip_stream_of(send->sip, send->tp) : NULL;

    return stream && stream->state == STREAM_UP;
}

static void on_impatient(void *arg)
{
    cw_sip_send *send = arg;

    cw_assert_on_loop();
    if (send->moved && has_connection(send)) { /* there is TCP: no reason to repeat it by UDP */
        send->moved = false;
        wait_for_answer(send);
        return;
    }
    if (try_next(send, CW_E_TIMEOUT, bad_hop_ms(send)))
        return;
    if (send->method == sip_method_invite)
        cw_sip_send_stray(send);
    send->err = CW_E_TIMEOUT;
    cw_sip_send_finish(send, 0, NULL);
}

/* How long this hop has for a first answer. */
static void wait_for_answer(cw_sip_send *send)
{
    const struct cw_conf_sip *conf = &send->sip->conf->sip;
    bool hurry = has_more(send) || send->dialog->hurried;

    if (!send->patience)
        send->patience = cw_timer_new(send->sip->loop, on_impatient, send);
    if (send->moved)
        cw_timer_start(send->patience, MIN(MOVED_MS, (uint64_t)conf->try_timeout_ms));
    else if (hurry)
        cw_timer_start(send->patience, (uint64_t)conf->try_timeout_ms);
    else if (send->method == sip_method_invite && !send->dialog->confirmed)
        cw_timer_start(send->patience, (uint64_t)conf->invite_timeout_ms);
    else
        cw_timer_stop(send->patience);
}

#define VIA_LEN 120 /* that NTA puts in front */

static size_t size_of(msg_t *msg)
{
    su_home_t home[1] = { SU_HOME_INIT(home) };
    size_t len = 0;

    su_home_init(home);
    if (!msg_as_string(home, msg, NULL, 0, &len))
        len = 0;
    su_home_deinit(home);
    return len + VIA_LEN;
}

/* A large request meant for UDP goes by TCP, if the peer is not known to refuse it. */
static void choose_transport(cw_sip_send *send, msg_t *msg) CW_ON_LOOP
{
    cw_sip_way tcp = { .transport = CW_SIP_TCP, .addr = *addr_of(send) };
    cw_addr local;

    send->moved = false;
    if (send->transport != CW_SIP_UDP || send->stays || send->method == sip_method_ack ||
        size_of(msg) <= (size_t)send->sip->conf->sip.udp_mtu_bytes ||
        cw_sip_hop_fault(send->sip->hops, &tcp) ||
        !cw_sip_listener_for(send->sip, CW_SIP_TCP, &tcp.addr, &local))
        return;
    send->moved = true;
    send->transport = CW_SIP_TCP;
}

/* NULL: it failed, and that will be told. */
static msg_t *message_for(cw_sip_send *send) CW_ON_LOOP
{
    cw_sip_dialog *dialog = send->dialog;
    g_autofree char *ruri = NULL, *route = NULL;
    msg_t *msg;

    cw_sip_dialog_next(dialog, &ruri, &route);
    g_free(dialog->contact);
    dialog->contact = dialog->gruu ? g_strdup_printf("<%s>", dialog->gruu)
                                   : cw_sip_contact_for(send->sip, send->transport, addr_of(send),
                                                        dialog->local_user, dialog->secure);
    take_credentials(send, ruri);
    msg = dialog->contact ? cw_sip_send_build(send, send->method, send->name, ruri, route) : NULL;
    if (!msg)
        cw_sip_send_fail(send, dialog->contact ? CW_E_PARAMS : CW_E_NETWORK);
    return msg;
}

/* A hop is chosen: out it goes. */
static void transmit(cw_sip_send *send)
{
    bool ack = send->method == sip_method_ack;
    const cw_sip_listener *listener;
    g_autofree char *url = NULL;
    cw_addr local;
    tport_t *tp = NULL;
    msg_t *msg;

    send->transport = send->hops[send->at].transport;
    send->provisional = false;
    send->dialog->hop = *addr_of(send);
    msg = message_for(send);
    if (!msg)
        return;
    choose_transport(send, msg);
    url = hop_url(send);
    listener = cw_sip_listener_for(send->sip, send->transport, addr_of(send), &local);
    cw_stat_inc(CW_STAT_sip_requests_out);
    cw_sip_call_trace(send->call, true, 0, NULL, send->name);
    if (listener && connection(send, &tp) == CW_OK)
        send->orq = nta_outgoing_mcreate(send->sip->agent, ack ? NULL : on_response,
                                         ack ? NULL : send, (url_string_t *)url, msg,
                                         NTATAG_STATELESS(ack), TPTAG_IDENT(listener->ident),
                                         TAG_IF(tp, NTATAG_TPORT(tp)), TAG_END());
    send->tp = tp;
    if (!send->orq) {
        msg_destroy(msg);
        if (!try_next(send, CW_E_NETWORK, bad_hop_ms(send)))
            cw_sip_send_fail(send, CW_E_NETWORK);
    } else if (ack) {
        send->orq = NULL; /* stateless: gone already */
    } else {
        wait_for_answer(send);
    }
}

/* --- the next one --- */

static void on_resolved(void *arg, cw_err err, const cw_sip_hop *hops, unsigned n);

static void look_up(cw_sip_send *send) CW_ON_LOOP
{
    const cw_sip_dialog *dialog = send->dialog;
    g_autofree char *ruri = NULL, *header = NULL;
    cw_sip_host host;

    if (cw_sip_uri_host(cw_sip_dialog_next(dialog, &ruri, &header), &host)) {
        cw_sip_send_fail(send, CW_E_PARAMS);
        return;
    }
    send->complete = true;
    send->resolve = cw_resolve_start(
        send->sip->resolver, &host, host.has_transport ? host.transport : dialog->transport,
        dialog->any_transport && !host.has_transport, on_resolved, send);
}

/* What is under way is left to itself; an INVITE that is answered after all is ended. */
static void give_up_hop(cw_sip_send *send) CW_ON_LOOP
{
    if (send->orq && send->method == sip_method_invite)
        cw_sip_send_stray(send);
    else if (send->orq)
        nta_outgoing_destroy(g_steal_pointer(&send->orq));
    if (send->patience)
        cw_timer_stop(send->patience);
}

/* True: it goes on, somewhere else. The hop that failed counts as bad for some time. */
static bool try_next(cw_sip_send *send, cw_err why, uint64_t bad_ms)
{
    cw_sip_way way = way_of(send);

    cw_sip_hop_failed(send->sip->hops, &way, why, bad_ms);
    if (send->stray || send->last || send->method == sip_method_ack)
        return false;
    if (send->moved) { /* no TCP there: the same by UDP after all */
        send->stays = true;
        give_up_hop(send);
        transmit(send);
        return true;
    }
    if (!has_more(send))
        return false;
    cw_log(CW_LOG_INFO, CW_MOD_SIP, "sip.next-hop", "host", send->host, "after", cw_err_kind(why),
           NULL);
    cw_stat_inc(CW_STAT_sip_failovers);
    give_up_hop(send);
    if (send->at + 1 < send->hops_n) {
        send->at++;
        transmit(send);
    } else {
        send->err = why;
        look_up(send);
    }
    return true;
}

static bool is_usable_hop(const cw_addr *addr)
{
    if (cw_addr_family(addr) == AF_INET)
        return !cw_addr_is_any(addr) && !IN_MULTICAST(ntohl(addr->in4.sin_addr.s_addr)) &&
               addr->in4.sin_addr.s_addr != INADDR_BROADCAST;
    return !cw_addr_is_any(addr) && !IN6_IS_ADDR_MULTICAST(&addr->in6.sin6_addr);
}

/* It has been there already, by this hop. */
static bool was_tried(const cw_sip_hop *tried, unsigned n, const cw_sip_hop *hop)
{
    for (unsigned i = 0; i < n; i++)
        if (tried[i].transport == hop->transport && cw_addr_eq(&tried[i].addr, &hop->addr))
            return true;
    return false;
}

/* Where we were configured to send it, not where a peer told us to. */
static void add_home(cw_sip_send *send, const cw_addr *addr) CW_ON_LOOP
{
    if (send->account && !send->dialog->remote_tag)
        cw_sip_account_add_home(send->account, addr);
}

/* New hops behind those tried: good ones first, each in its order. */
static void add_hops(cw_sip_send *send, const cw_sip_hop *hops, unsigned n, bool bad) CW_ON_LOOP
{
    cw_addr local;

    for (unsigned i = 0; i < n && send->hops_n < CW_RESOLVE_MAX; i++) {
        cw_sip_way way = { .transport = hops[i].transport,
                           .addr = hops[i].addr,
                           .name = hops[i].transport == CW_SIP_TLS
                                       ? send->dialog->tls_name ?: send->host
                                       : NULL };

        if ((cw_sip_hop_fault(send->sip->hops, &way) != CW_OK) == bad &&
            is_usable_hop(&hops[i].addr) && !was_tried(send->hops, send->hops_n, &hops[i]) &&
            cw_sip_listener_for(send->sip, hops[i].transport, &hops[i].addr, &local)) {
            send->hops[send->hops_n++] = hops[i];
            add_home(send, &hops[i].addr);
        }
    }
}

static void remember_hop(cw_sip_send *send) CW_ON_LOOP
{
    cw_sip_dialog *dialog = send->dialog;
    g_autofree char *ruri = NULL, *route = NULL;

    g_free(dialog->hop_for);
    dialog->hop_for = g_strdup(cw_sip_dialog_next(dialog, &ruri, &route));
    dialog->hop_transport = send->hops[send->at].transport;
}

static void on_resolved(void *arg, cw_err err, const cw_sip_hop *hops, unsigned n)
{
    cw_sip_send *send = arg;
    unsigned tried = send->hops_n;

    cw_assert_on_loop();
    send->resolve = NULL;
    add_hops(send, hops, err ? 0 : n, false);
    add_hops(send, hops, err ? 0 : n, true);
    if (send->hops_n == tried) {
        if (err)
            cw_stat_inc(CW_STAT_sip_dns_failed);
        cw_sip_send_fail(send, tried ? send->err : err ? err : CW_E_NETWORK);
        return;
    }
    send->at = tried;
    remember_hop(send);
    transmit(send);
    if (send->method == sip_method_ack && !send->later)
        cw_sip_send_free(send);
}

bool cw_sip_send_route(cw_sip_send *send)
{
    cw_sip_dialog *dialog = send->dialog;
    g_autofree char *ruri = NULL, *header = NULL;
    const char *next = cw_sip_dialog_next(dialog, &ruri, &header);
    cw_sip_hop *hop = &send->hops[0];
    cw_sip_host host;
    cw_err err = next ? cw_sip_uri_host(next, &host) : CW_E_PARAMS;

    if (err) {
        cw_sip_send_fail(send, err);
        return true;
    }
    send->named = !host.numeric;
    g_strlcpy(send->host, host.name, sizeof send->host);
    hop->transport = host.has_transport ? host.transport : dialog->transport;
    if (g_strcmp0(next, dialog->hop_for) == 0) {
        *hop = (cw_sip_hop){ dialog->hop_transport, dialog->hop };
    } else if (!host.numeric ||
               cw_addr_from_ip(host.name, strlen(host.name), cw_sip_port_of(&host, hop->transport),
                               &hop->addr)) {
        look_up(send);
        return false;
    }
    if (!is_usable_hop(&hop->addr)) {
        cw_sip_send_fail(send, CW_E_NETWORK);
        return true;
    }
    send->hops_n = 1;
    add_home(send, &hop->addr);
    send->complete = host.numeric;
    remember_hop(send);
    transmit(send);
    return true;
}

void cw_sip_sends_lost(cw_sip *sip, const tport_t *tp, cw_err why)
{
    for (GList *at = sip->sends.head, *next; at; at = next) {
        cw_sip_send *send = at->data;

        next = at->next;
        if (send->tp != tp || !send->orq || send->provisional || send->stray)
            continue;
        nta_outgoing_destroy(g_steal_pointer(&send->orq));
        send->tp = NULL;
        if (!try_next(send, why == CW_E_TLS ? why : CW_E_NETWORK, bad_hop_ms(send)))
            cw_sip_send_fail(send, why == CW_E_TLS ? why : CW_E_NETWORK);
    }
}

/* --- given up --- */

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
    listener = cw_sip_listener_for(send->sip, send->transport, addr_of(send), &local);
    msg = listener && !connection(send, &tp)
              ? cw_sip_send_build(send, SIP_METHOD_CANCEL, ruri, route_header)
              : NULL;
    if (!msg)
        return;
    cw_sip_add_lines(msg, sip_object(msg), reasons);
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

/* An INVITE that went elsewhere since. Its hop may still wake up: what rings is cancelled; a 2xx
 * comes to the gate, and is acknowledged and ended there. */
static int on_stray(cw_sip_send *send, nta_outgoing_t *orq, sip_t const *sip)
{
    int status = nta_outgoing_status(orq);

    cw_assert_on_loop();
    if (sip && !nta_sip_is_internal(sip) && status < 200) {
        if (!send->provisional)
            cw_sip_send_cancel(send, NULL);
        send->provisional = true;
        return 0;
    }
    if (status >= 200 && status < 300 && send->call)
        cw_sip_uac_stray_answer(send->call, sip);
    cw_sip_send_free(send);
    return 0;
}

cw_sip_send *cw_sip_send_stray(cw_sip_send *send)
{
    cw_sip_send *stray;

    if (!send->orq)
        return NULL;
    stray = g_new0(cw_sip_send, 1);
    stray->sip = send->sip;
    stray->call = send->call ? cw_sip_call_ref(send->call) : NULL;
    stray->dialog = cw_sip_dialog_copy(send->dialog);
    stray->method = send->method;
    stray->name = send->name;
    stray->cseq = send->cseq;
    stray->hops[0] = send->hops[send->at];
    stray->hops_n = 1;
    stray->transport = send->transport;
    stray->tp = send->tp;
    memcpy(stray->host, send->host, sizeof stray->host);
    stray->stray = true;
    stray->orq = g_steal_pointer(&send->orq);
    nta_outgoing_bind(stray->orq, on_stray, stray);
    stray->link.data = stray;
    g_queue_push_tail_link(&stray->sip->sends, &stray->link);
    return stray;
}
