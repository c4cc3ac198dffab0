/* send_out.c - a request goes out by the hop that was chosen, and its answer comes back. */
#include "sip/transaction/send.h"

#include "sip/net/stream.h"

#define RETRY_AFTER_MAX 300 /* seconds that a hop may keep us away */

/* True when the request is on its way again with credentials. */
static bool retry_with_credentials(cw_sip_send *send, int status, const sip_t *sip) CW_ON_LOOP
{
    bool proxy = status == 407, stale = false;
    cw_sip_account *account = send->account;

    if (!account || !cw_sip_account_is_home(account, cw_sip_send_addr(send)) ||
        send->tries[proxy] >= 2 || cw_sip_take_challenge(account, sip, proxy, &stale) ||
        (send->tries[proxy] == 1 && !stale))
        return false;
    send->tries[proxy]++;
    nta_outgoing_destroy(send->orq);
    send->orq = NULL;
    send->provisional = false;
    send->cseq = ++send->dialog->local_cseq;
    cw_sip_send_transmit(send);
    return true;
}

/* NTA's own 408 or 503: nobody answered. */
static void on_silence(cw_sip_send *send, int status) CW_ON_LOOP
{
    cw_sip_way way = cw_sip_send_way(send);
    cw_err err = status == 408 ? CW_E_TIMEOUT : CW_E_NETWORK;

    if (err == CW_E_NETWORK && cw_sip_hop_fault(send->sip->hops, &way) == CW_E_TLS)
        err = CW_E_TLS;
    if (!send->provisional && cw_sip_send_next(send, err, cw_sip_send_bad_hop_ms(send)))
        return;
    send->err = err;
    cw_sip_send_finish(send, 0, NULL);
}

static uint64_t retry_after_ms(const cw_sip_send *send, const sip_t *sip) CW_ON_LOOP
{
    unsigned long s = sip->sip_retry_after ? sip->sip_retry_after->af_delta : 0;

    return s ? MIN(s, RETRY_AFTER_MAX) * 1000 : cw_sip_send_bad_hop_ms(send);
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
        cw_sip_send_next(send, CW_E_OVERLOAD, retry_after_ms(send, sip)))
        return 0;
    way = cw_sip_send_way(send);
    if (status != 503)
        cw_sip_hop_works(send->sip->hops, &way);
    cw_sip_send_finish(send, status, sip);
    return 0;
}

/* --- out --- */

char *cw_sip_send_url(const cw_sip_send *send)
{
    char printed[CW_ADDR_STR];

    return g_strdup_printf("sip:%s;transport=%s", cw_addr_print(cw_sip_send_addr(send), printed),
                           send->dialog->web_user ? "tcp" /* to Sofia */
                                                  : cw_sip_transport_name(send->transport));
}

static void take_credentials(cw_sip_send *send, const char *ruri) CW_ON_LOOP
{
    cw_sip_account *account = send->account;

    if (!account || send->method == sip_method_ack)
        return;
    for (unsigned i = 0; i < 2; i++) {
        g_clear_pointer(&send->auth[i], g_free);
        if (cw_sip_account_is_home(account, cw_sip_send_addr(send)))
            send->auth[i] = cw_sip_account_answer(account, i, send->name, ruri);
    }
}

const char *cw_sip_send_ident(const cw_sip_send *send)
{
    const cw_sip_listener *listener;
    cw_addr local;

    if (send->dialog->web_user)
        return CW_SIP_WEB_IDENT;
    listener = cw_sip_listener_for(send->sip, send->transport, cw_sip_send_addr(send), &local);
    return listener ? listener->ident : NULL;
}

cw_err cw_sip_send_connection(cw_sip_send *send, tport_t **ret)
{
    const cw_sip_dialog *dialog = send->dialog;
    cw_sip_way way = cw_sip_send_way(send);
    const cw_sip_web *web;

    if (dialog->web_user) {
        web = cw_sip_web_find(send->sip, dialog->web);
        *ret = web ? cw_sip_web_tport(web) : NULL;
        return *ret ? CW_OK : CW_E_NETWORK;
    }
    return cw_sip_stream_reach(send->sip, &way, dialog->tls,
                               cw_addr_family(&dialog->flow) ? &dialog->flow : NULL, ret);
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
    cw_sip_way tcp = { .transport = CW_SIP_TCP, .addr = *cw_sip_send_addr(send) };
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
    dialog->contact = dialog->gruu
                          ? g_strdup_printf("<%s>", dialog->gruu)
                          : cw_sip_contact_for(send->sip, send->transport, cw_sip_send_addr(send),
                                               dialog->local_user, dialog->secure);
    take_credentials(send, ruri);
    msg = dialog->contact ? cw_sip_send_build(send, send->method, send->name, ruri, route) : NULL;
    if (!msg)
        cw_sip_send_fail(send, dialog->contact ? CW_E_PARAMS : CW_E_NETWORK);
    return msg;
}

void cw_sip_send_transmit(cw_sip_send *send)
{
    bool ack = send->method == sip_method_ack;
    g_autofree char *url = NULL;
    const char *ident;
    tport_t *tp = NULL;
    msg_t *msg;

    send->transport = send->hops[send->at].transport;
    send->provisional = false;
    send->dialog->hop = *cw_sip_send_addr(send);
    msg = message_for(send);
    if (!msg)
        return;
    choose_transport(send, msg);
    url = cw_sip_send_url(send);
    ident = cw_sip_send_ident(send);
    cw_stat_inc(CW_STAT_sip_requests_out);
    cw_sip_call_trace(send->call, true, 0, NULL, send->name);
    if (ident && cw_sip_send_connection(send, &tp) == CW_OK)
        send->orq = nta_outgoing_mcreate(
            send->sip->agent, ack ? NULL : on_response, ack ? NULL : send, (url_string_t *)url, msg,
            NTATAG_STATELESS(ack), TPTAG_IDENT(ident), TAG_IF(tp, NTATAG_TPORT(tp)), TAG_END());
    send->tp = tp;
    if (!send->orq) {
        msg_destroy(msg);
        if (!cw_sip_send_next(send, CW_E_NETWORK, cw_sip_send_bad_hop_ms(send)))
            cw_sip_send_fail(send, CW_E_NETWORK);
    } else if (ack) {
        send->orq = NULL; /* stateless: gone already */
    } else {
        cw_sip_send_wait(send);
    }
}
