/* Offers of theirs after the first: re-INVITE, UPDATE and PRACK (RFC 3261 14.2, RFC 3311 5.2,
 * RFC 3262 5). Ours are in reoffer.c. */
#include "sip/dialog/call.h"

#include "base/ident.h"
#include "base/log.h"

#include <string.h>

#define T2_MS 4000

void cw_sip_modify_refuse(cw_sip_call *call, nta_incoming_t *irq, int status)
{
    g_autofree char *after = g_strdup_printf("%u", g_random_int_range(0, 11)); /* 14.2 */

    nta_incoming_treply(irq, status, cw_sip_phrase(status),
                        SIPTAG_SERVER_STR(call->sip->user_agent),
                        TAG_IF(status == 500, SIPTAG_RETRY_AFTER_STR(after)), TAG_END());
    cw_sip_call_trace(call, true, status, cw_sip_phrase(status), NULL);
    nta_incoming_destroy(irq);
}

void cw_sip_modify_forget(cw_sip_exchange *x)
{
    g_clear_pointer(&x->repeat, cw_timer_free);
    g_clear_pointer(&x->answer, g_free);
    g_clear_pointer(&x->irq_sdp, g_free);
    if (x->irq) {
        if (!x->irq_answered)
            nta_incoming_treply(x->irq, SIP_487_REQUEST_TERMINATED, TAG_END());
        nta_incoming_destroy(x->irq);
    }
    x->irq = NULL;
    x->irq_answered = false;
}

static cw_sip_exchange *exchange_with(const cw_sip_call *call, const nta_incoming_t *irq)
{
    for (unsigned i = 0; i < call->exchanges->len; i++) {
        cw_sip_exchange *x = call->exchanges->pdata[i];

        if (x->irq == irq)
            return x;
    }
    return NULL;
}

static int on_cancel(cw_sip_call *call, nta_incoming_t *irq, sip_t const *sip)
{
    cw_sip_exchange *x = exchange_with(call, irq);

    cw_assert_on_loop();
    if (x && !x->irq_answered && sip && sip->sip_request &&
        sip->sip_request->rq_method == sip_method_cancel) {
        cw_sip_call_trace(call, false, 0, NULL, "CANCEL");
        cw_sip_modify_forget(x);
    }
    return 0;
}

/* Is the call where this dialog may change? */
static bool is_early(const cw_sip_exchange *x)
{
    cw_sip_state state = x->call->state;

    return !x->dialog->confirmed &&
           (state == SIP_PROCEEDING || state == SIP_OFFERED || state == SIP_PLEDGED);
}

/* Why an offer cannot be taken now: 0; 491, an offer of ours is open; 500, one of theirs is
 * (RFC 3261 14.2, RFC 3311 5.2). */
static int busy_status(const cw_sip_exchange *x, bool update)
{
    const cw_sip_call *call = x->call;
    bool ours_first = call->dialog->caller ? call->offer_len > 0 : call->offerless;

    if (x->send)
        return 491;
    if (x->irq || x->rack || x->ack_cseq)
        return 500;
    if (call->state == SIP_UP)
        return 0;
    if (!update || !is_early(x))
        return call->state == SIP_CALLING || call->state == SIP_PROCEEDING ? 491 : 500;
    return x->agreed ? 0 : ours_first ? 491 : 500;
}

/* The SDP that holds already, as answer to which ours was made: a session refresh. */
static bool is_same_again(const cw_sip_exchange *x, const char *digest)
{
    return x->call->state == SIP_UP && x->agreed && digest && g_strcmp0(digest, x->theirs) == 0;
}

static void repeat_answer(void *arg)
{
    cw_sip_exchange *x = arg;
    g_autofree char *timer = NULL;

    cw_assert_on_loop();
    if (cw_now_ms() >= x->repeat_until) {
        cw_sip_call_run(x->call, SIP_EV_NO_ACK, NULL);
        return;
    }
    timer = cw_sip_timer_agreed(x->call);
    cw_sip_uas_reply_with(x->call, x->irq, 200, x->answer, timer);
    x->repeat_ms = MIN(x->repeat_ms * 2, T2_MS);
    cw_timer_start(x->repeat, x->repeat_ms);
}

static void await_ack(cw_sip_exchange *x) CW_ON_LOOP
{
    const struct cw_conf_sip *conf = &x->call->sip->conf->sip;

    x->repeat_ms = (uint64_t)conf->t1_ms;
    x->repeat_until = cw_now_ms() + (uint64_t)conf->t1x64_ms;
    x->repeat = cw_timer_new(x->call->sip->loop, repeat_answer, x);
    cw_timer_start(x->repeat, x->repeat_ms);
}

/* 2xx to their offer. */
static void give_answer(cw_sip_exchange *x, const char *sdp, size_t len) CW_ON_LOOP
{
    cw_sip_call *call = x->call;
    sip_method_t method = nta_incoming_method(x->irq);
    g_autofree char *timer = NULL;

    x->answer = g_strndup(sdp, len);
    x->irq_answered = true;
    x->they_offered = x->irq_offered;
    cw_sip_exchange_ours(x, x->answer);
    if (x->irq_sdp) {
        g_free(x->theirs);
        x->theirs = g_steal_pointer(&x->irq_sdp);
    }
    timer = x->dialog->confirmed && method != sip_method_prack ? cw_sip_timer_agree(call) : NULL;
    cw_sip_uas_reply_with(call, x->irq, 200, x->answer, timer);
    if (method == sip_method_invite) {
        await_ack(x);
        return;
    }
    cw_sip_modify_forget(x);
    if (method == sip_method_prack)
        cw_sip_reliable_settle(call);
}

void cw_sip_modify_offer(cw_sip_exchange *x, nta_incoming_t *irq, const sip_t *sip)
{
    cw_sip_call *call = x->call;
    cw_sip_offer offer = { .fork = x->dialog->fork,
                           .early = !x->dialog->confirmed,
                           .message = cw_sip_message_of(sip) };

    cw_sip_sdp_of(sip, &offer.sdp, &offer.len);
    x->irq = irq;
    x->irq_offered = offer.sdp != NULL;
    x->irq_answered = false;
    x->irq_sdp = cw_sip_exchange_digest(offer.sdp, offer.len);
    nta_incoming_bind(irq, on_cancel, call);
    offer.unchanged = is_same_again(x, x->irq_sdp);
    if (offer.unchanged && x->they_offered && x->ours) {
        g_autofree char *again = g_strdup(x->ours);

        give_answer(x, again, strlen(again));
        return;
    }
    call->ops->reoffered(call->arg, &offer);
}

void cw_sip_modify_request(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                           const sip_t *sip)
{
    bool update = sip->sip_request->rq_method == sip_method_update;
    cw_sip_exchange *x = cw_sip_exchange_of(call, dialog);
    int busy = busy_status(x, update);
    const char *sdp;
    size_t len;

    cw_sip_sdp_of(sip, &sdp, &len);
    if (call->state == SIP_CLOSING || call->state == SIP_DONE || call->state == SIP_CANCELLING ||
        (dialog != call->dialog && call->dialog->confirmed)) {
        cw_sip_modify_refuse(call, irq, 481);
        return;
    }
    if (call->ops && call->ops->identified)
        call->ops->identified(call->arg, cw_sip_message_of(sip));
    if (dialog->confirmed)
        cw_sip_timer_asked(call, sip);
    if (update && !sdp) { /* only a refresh of target and session */
        g_autofree char *timer = dialog->confirmed ? cw_sip_timer_agree(call) : NULL;

        cw_sip_dialog_refresh(dialog, sip);
        cw_sip_uas_reply_with(call, irq, 200, NULL, timer);
        nta_incoming_destroy(irq);
        return;
    }
    if (busy || !call->ops || !call->ops->reoffered) {
        cw_sip_modify_refuse(call, irq, busy ? busy : 488);
        return;
    }
    cw_sip_dialog_refresh(dialog, sip);
    cw_sip_modify_offer(x, irq, sip);
}

/* --- our answer --- */

/* Answer to the first offer of theirs, that came in an answer to an INVITE without one. */
static cw_err answer_first(cw_sip_exchange *x, const char *sdp, size_t len) CW_ON_LOOP
{
    g_autofree char *body = g_strndup(sdp, len);

    x->agreed = true;
    x->they_offered = true;
    cw_sip_exchange_ours(x, body);
    if (x->rack)
        cw_sip_prack_answer(x, body, len);
    else
        cw_sip_uac_ack(x, x->ack_cseq, body);
    return CW_OK;
}

cw_err cw_sip_call_reanswer(cw_sip_call *call, unsigned fork, const char *sdp, size_t len)
{
    cw_sip_exchange *x = cw_sip_exchange_at(call, fork);

    if (x && (x->rack || x->ack_cseq))
        return answer_first(x, sdp, len);
    if (!x || !x->irq || x->irq_answered)
        return CW_E_STATE;
    give_answer(x, sdp, len);
    return CW_OK;
}

cw_err cw_sip_call_rerefuse(cw_sip_call *call, unsigned fork, int status)
{
    cw_sip_exchange *x = cw_sip_exchange_at(call, fork);
    nta_incoming_t *irq = x ? x->irq : NULL;
    bool prack;

    if (!irq || x->irq_answered || status < 300 || status > 699)
        return CW_E_STATE;
    prack = nta_incoming_method(irq) == sip_method_prack;
    x->irq = NULL;
    g_clear_pointer(&x->irq_sdp, g_free);
    cw_sip_modify_refuse(call, irq, status);
    if (prack)
        cw_sip_reliable_settle(call);
    return CW_OK;
}

bool cw_sip_modify_ack(cw_sip_call *call, const sip_t *sip)
{
    cw_sip_exchange *x = cw_sip_exchange_of(call, call->dialog);
    const cw_sip_call_ops *ops = call->ops;
    const char *sdp;
    size_t len;

    if (!x->irq || !x->irq_answered || nta_incoming_method(x->irq) != sip_method_invite ||
        nta_incoming_cseq(x->irq) != sip->sip_cseq->cs_seq)
        return false;
    cw_sip_call_trace(call, false, 0, NULL, "ACK");
    cw_sip_sdp_of(sip, &sdp, &len);
    cw_sip_modify_forget(x);
    if (!x->irq_offered) {
        cw_sip_exchange_theirs(x, sdp, len);
        if (ops && ops->confirmed)
            ops->confirmed(call->arg, sdp, len);
    }
    return true;
}
