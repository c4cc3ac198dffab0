/* send_hop.c - where a request goes, one hop after the other (RFC 3263 4.3). */
#include "sip/transaction/send.h"

#include "base/log.h"
#include "sip/net/stream.h"

#define MOVED_MS 1000 /* for TCP, where UDP was meant */

const cw_addr *cw_sip_send_addr(const cw_sip_send *send)
{
    return &send->hops[send->at].addr;
}

cw_sip_way cw_sip_send_way(const cw_sip_send *send)
{
    const cw_sip_dialog *dialog = send->dialog;

    return (cw_sip_way){ .transport = send->transport,
                         .addr = *cw_sip_send_addr(send),
                         .name = send->transport != CW_SIP_TLS ? NULL
                                 : dialog->tls_name            ? dialog->tls_name
                                                               : send->host };
}

uint64_t cw_sip_send_bad_hop_ms(const cw_sip_send *send)
{
    return (uint64_t)send->sip->conf->sip.bad_hop_s * 1000;
}

/* Is there another hop, as far as we know? */
static bool has_more(const cw_sip_send *send)
{
    return send->at + 1 < send->hops_n || (!send->complete && send->named);
}

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
        cw_sip_send_wait(send);
        return;
    }
    if (cw_sip_send_next(send, CW_E_TIMEOUT, cw_sip_send_bad_hop_ms(send)))
        return;
    if (send->method == sip_method_invite)
        cw_sip_send_stray(send);
    send->err = CW_E_TIMEOUT;
    cw_sip_send_finish(send, 0, NULL);
}

void cw_sip_send_wait(cw_sip_send *send)
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

bool cw_sip_send_next(cw_sip_send *send, cw_err why, uint64_t bad_ms)
{
    cw_sip_way way = cw_sip_send_way(send);

    cw_sip_hop_failed(send->sip->hops, &way, why, bad_ms);
    if (send->stray || send->last || send->method == sip_method_ack)
        return false;
    if (send->moved) { /* no TCP there: the same by UDP after all */
        send->stays = true;
        give_up_hop(send);
        cw_sip_send_transmit(send);
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
        cw_sip_send_transmit(send);
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
    cw_sip_send_transmit(send);
    if (send->method == sip_method_ack && !send->later)
        cw_sip_send_free(send);
}

/* A client by WebSocket: by its connection, or not at all. */
static void go_by_web(cw_sip_send *send) CW_ON_LOOP
{
    const cw_sip_web *web = cw_sip_web_for(send->sip, send->dialog);

    if (!web) {
        cw_sip_send_fail(send, CW_E_NETWORK);
        return;
    }
    send->hops[0] = (cw_sip_hop){ CW_SIP_WS, *cw_sip_web_alias(web) };
    send->hops_n = 1;
    send->complete = true;
    cw_sip_send_transmit(send);
}

bool cw_sip_send_route(cw_sip_send *send)
{
    cw_sip_dialog *dialog = send->dialog;
    g_autofree char *ruri = NULL, *header = NULL;
    const char *next = cw_sip_dialog_next(dialog, &ruri, &header);
    cw_sip_hop *hop = &send->hops[0];
    cw_sip_host host;
    cw_err err = next ? cw_sip_uri_host(next, &host) : CW_E_PARAMS;

    if (dialog->web_user) {
        go_by_web(send);
        return true;
    }
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
    cw_sip_send_transmit(send);
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
        if (!cw_sip_send_next(send, why == CW_E_TLS ? why : CW_E_NETWORK,
                              cw_sip_send_bad_hop_ms(send)))
            cw_sip_send_fail(send, why == CW_E_TLS ? why : CW_E_NETWORK);
    }
}
