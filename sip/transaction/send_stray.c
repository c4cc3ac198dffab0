/* send_stray.c - requests that nobody waits for any more: cancelled, or left to themselves. */
#include "sip/transaction/send.h"

#include <string.h>

void cw_sip_send_cancel(cw_sip_send *send, const char *const *reasons)
{
    g_autofree char *ruri = NULL, *route_header = NULL, *url = NULL;
    nta_outgoing_t *orq;
    const char *ident;
    tport_t *tp;
    msg_t *msg;

    if (!send->orq)
        return;
    url = cw_sip_send_url(send);
    cw_sip_dialog_next(send->dialog, &ruri, &route_header);
    ident = cw_sip_send_ident(send);
    msg = ident && !cw_sip_send_connection(send, &tp)
              ? cw_sip_send_build(send, SIP_METHOD_CANCEL, ruri, route_header)
              : NULL;
    if (!msg)
        return;
    cw_sip_add_lines(msg, sip_object(msg), reasons);
    cw_stat_inc(CW_STAT_sip_requests_out);
    cw_sip_call_trace(send->call, true, 0, NULL, "CANCEL");
    /* The INVITE's branch, so that the server finds it (9.1). */
    orq = nta_outgoing_mcreate(send->sip->agent, NULL, NULL, (url_string_t *)url, msg,
                               NTATAG_BRANCH_KEY(nta_outgoing_branch(send->orq)),
                               TPTAG_IDENT(ident), TAG_IF(tp, NTATAG_TPORT(tp)), TAG_END());
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
