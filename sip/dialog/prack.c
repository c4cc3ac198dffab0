/* Reliable provisional responses to an INVITE of ours: RFC 3262 4 and 5, each fork by itself.
 *
 * A PRACK is a request like any other: what becomes of its fork, of the INVITE or of the call
 * meanwhile is nothing to it, and its answer to nobody.
 */
#include "sip/dialog/call.h"

#include <string.h>

static void send_prack(cw_sip_exchange *x, const char *rack, const char *sdp, size_t len) CW_ON_LOOP
{
    const char *const headers[] = { rack, NULL };
    cw_sip_request request = {
        .method = sip_method_prack,
        .name = "PRACK",
        .type = "application/sdp",
        .body = sdp,
        .len = len,
        .headers = headers,
    };

    (void)cw_sip_send_start(x->call, x->dialog, &request, NULL);
}

static bool is_next(const cw_sip_exchange *x, const sip_t *sip)
{
    uint32_t rseq = sip->sip_rseq->rs_response;

    if (x->rseq == 0 || x->rseq_cseq != sip->sip_cseq->cs_seq)
        return rseq > 0;
    return rseq == x->rseq + 1;
}

cw_sip_prack cw_sip_prack_take(cw_sip_exchange *x, const sip_t *sip, bool offerless)
{
    g_autofree char *rack = NULL;
    const char *sdp;
    size_t len;

    if (!sip->sip_rseq || !cw_sip_requires_option(sip, "100rel") ||
        sip->sip_status->st_status == 100)
        return CW_PRACK_PLAIN;
    if (!sip->sip_to->a_tag || !is_next(x, sip))
        return CW_PRACK_IGNORE;
    x->rseq = sip->sip_rseq->rs_response;
    x->rseq_cseq = sip->sip_cseq->cs_seq;
    rack = g_strdup_printf("RAck: %u %u INVITE", x->rseq, x->rseq_cseq);
    cw_sip_sdp_of(sip, &sdp, &len);
    if (sdp && offerless && !x->agreed && !x->rack)
        x->rack = g_steal_pointer(&rack); /* with our answer to their offer */
    else
        send_prack(x, rack, NULL, 0);
    return CW_PRACK_TAKEN;
}

void cw_sip_prack_answer(cw_sip_exchange *x, const char *sdp, size_t len)
{
    g_autofree char *rack = g_steal_pointer(&x->rack);

    send_prack(x, rack, sdp, len);
}
