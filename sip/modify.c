/* Requests inside an established dialog that change it: re-INVITE and UPDATE both ways (RFC 3261
 * 14, RFC 3311), and INFO out (RFC 6086's legacy use). */
#include "sip/call.h"

#include "base/ident.h"
#include "base/log.h"

#include <string.h>

#define T2_MS      4000
#define GLARES_MAX 5 /* 491s to one re-INVITE before it is given up */

/* --- theirs --- */

static void refuse(cw_sip_call *call, nta_incoming_t *irq, int status) CW_ON_LOOP
{
    g_autofree char *after = g_strdup_printf("%u", g_random_int_range(0, 11)); /* 14.2 */

    nta_incoming_treply(irq, status, cw_sip_phrase(status),
                        SIPTAG_SERVER_STR(call->sip->user_agent),
                        TAG_IF(status == 500, SIPTAG_RETRY_AFTER_STR(after)), TAG_END());
    cw_sip_call_trace(call, true, status, cw_sip_phrase(status), NULL);
    nta_incoming_destroy(irq);
}

/* Forget the peer's request; its transaction ends by itself. */
static void forget_request(cw_sip_call *call) CW_ON_LOOP
{
    cw_sip_modify *modify = &call->modify;

    g_clear_pointer(&modify->repeat, cw_timer_free);
    g_clear_pointer(&modify->answer, g_free);
    if (modify->irq) {
        if (!modify->irq_answered)
            nta_incoming_treply(modify->irq, SIP_487_REQUEST_TERMINATED, TAG_END());
        nta_incoming_destroy(modify->irq);
    }
    modify->irq = NULL;
    modify->irq_answered = false;
}

void cw_sip_modify_clear(cw_sip_call *call)
{
    cw_sip_modify *modify = &call->modify;

    forget_request(call);
    g_clear_pointer(&modify->retry, cw_timer_free);
    g_clear_pointer(&modify->offer, g_free);
    if (modify->send) {
        modify->acked_cseq = modify->send->cseq; /* a 2xx that still comes is ACKed */
        cw_sip_send_free(g_steal_pointer(&modify->send));
    }
}

static int on_cancel(cw_sip_call *call, nta_incoming_t *irq, sip_t const *sip)
{
    cw_assert_on_loop();
    if (irq == call->modify.irq && !call->modify.irq_answered && sip && sip->sip_request &&
        sip->sip_request->rq_method == sip_method_cancel) {
        cw_sip_call_trace(call, false, 0, NULL, "CANCEL");
        forget_request(call);
    }
    return 0;
}

/* Why an offer cannot be taken now: 0, 491 or 500 (RFC 3261 14.2, RFC 3311 5.2). */
static int busy_status(const cw_sip_call *call)
{
    if (call->modify.send || call->state == SIP_CALLING || call->state == SIP_PROCEEDING)
        return 491;
    if (call->modify.irq || call->state != SIP_UP)
        return 500;
    return 0;
}

void cw_sip_modify_request(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                           const sip_t *sip)
{
    bool update = sip->sip_request->rq_method == sip_method_update;
    int busy = busy_status(call);
    cw_sip_offer offer;
    const char *sdp;
    size_t len;

    cw_sip_sdp_of(sip, &sdp, &len);
    if (call->state == SIP_CLOSING || call->state == SIP_DONE || call->state == SIP_CANCELLING) {
        refuse(call, irq, 481);
        return;
    }
    if (update && !sdp) { /* only a target refresh */
        cw_sip_dialog_refresh(dialog, sip);
        cw_sip_uas_reply(call, irq, 200, NULL);
        nta_incoming_destroy(irq);
        return;
    }
    if (busy || !call->ops || !call->ops->reoffered) {
        refuse(call, irq, busy ? busy : 488);
        return;
    }
    cw_sip_dialog_refresh(dialog, sip);
    call->modify.irq = irq;
    call->modify.irq_offered = sdp != NULL;
    call->modify.irq_answered = false;
    nta_incoming_bind(irq, on_cancel, call);
    offer = (cw_sip_offer){ .fork = dialog->fork,
                            .early = !dialog->confirmed,
                            .sdp = sdp,
                            .len = len,
                            .message = cw_sip_message_of(sip) };
    call->ops->reoffered(call->arg, &offer);
}

static void repeat_answer(void *arg)
{
    cw_sip_call *call = arg;
    cw_sip_modify *modify = &call->modify;

    cw_assert_on_loop();
    if (cw_now_ms() >= modify->repeat_until) {
        cw_sip_call_run(call, SIP_EV_NO_ACK, NULL);
        return;
    }
    cw_sip_uas_reply(call, modify->irq, 200, modify->answer);
    modify->repeat_ms = MIN(modify->repeat_ms * 2, T2_MS);
    cw_timer_start(modify->repeat, modify->repeat_ms);
}

cw_err cw_sip_call_reanswer(cw_sip_call *call, unsigned fork, const char *sdp, size_t len)
{
    cw_sip_modify *modify = &call->modify;
    const struct cw_conf_sip *conf = &call->sip->conf->sip;

    if (!modify->irq || modify->irq_answered)
        return CW_E_STATE;
    modify->answer = g_strndup(sdp, len);
    modify->irq_answered = true;
    cw_sip_uas_reply(call, modify->irq, 200, modify->answer);
    if (nta_incoming_method(modify->irq) != sip_method_invite) {
        forget_request(call);
        return CW_OK;
    }
    modify->repeat_ms = (uint64_t)conf->t1_ms;
    modify->repeat_until = cw_now_ms() + (uint64_t)conf->t1x64_ms;
    modify->repeat = cw_timer_new(call->sip->loop, repeat_answer, call);
    cw_timer_start(modify->repeat, modify->repeat_ms);
    return CW_OK;
}

cw_err cw_sip_call_rerefuse(cw_sip_call *call, unsigned fork, int status)
{
    nta_incoming_t *irq = call->modify.irq;

    if (!irq || call->modify.irq_answered || status < 300 || status > 699)
        return CW_E_STATE;
    call->modify.irq = NULL;
    refuse(call, irq, status);
    return CW_OK;
}

bool cw_sip_modify_ack(cw_sip_call *call, const sip_t *sip)
{
    cw_sip_modify *modify = &call->modify;
    const cw_sip_call_ops *ops = call->ops;
    const char *sdp;
    size_t len;

    if (!modify->irq || !modify->irq_answered ||
        nta_incoming_cseq(modify->irq) != sip->sip_cseq->cs_seq)
        return false;
    cw_sip_call_trace(call, false, 0, NULL, "ACK");
    cw_sip_sdp_of(sip, &sdp, &len);
    forget_request(call);
    if (!modify->irq_offered && ops && ops->confirmed)
        ops->confirmed(call->arg, sdp, len);
    return true;
}

/* --- ours --- */

static void send_reinvite(cw_sip_call *call) CW_ON_LOOP;

static void on_retry(void *arg)
{
    cw_sip_call *call = arg;

    cw_assert_on_loop();
    if (call->modify.irq) { /* their offer goes first */
        cw_timer_start(call->modify.retry, 500);
        return;
    }
    g_clear_pointer(&call->modify.retry, cw_timer_free);
    send_reinvite(call);
}

/* 14.1: the owner of the Call-ID waits 2.1-4 s, the other 0-2 s, in steps of 10 ms. */
static void back_off(cw_sip_call *call) CW_ON_LOOP
{
    uint16_t draw;

    cw_random(&draw, sizeof draw);
    call->modify.retry = cw_timer_new(call->sip->loop, on_retry, call);
    cw_timer_start(call->modify.retry,
                   call->dialog->caller ? 2100 + draw % 191u * 10 : draw % 201u * 10);
}

static void ack_reinvite(cw_sip_call *call, uint32_t cseq) CW_ON_LOOP
{
    cw_sip_request ack = { .method = sip_method_ack, .name = "ACK", .cseq = cseq };

    (void)cw_sip_send_start(call, call->dialog, &ack, NULL);
}

/* True when this answer says that the dialog is gone (RFC 3261 12.2.1.2). */
static bool is_lost(cw_sip_call *call, int status, cw_err err, const sip_t *sip) CW_ON_LOOP
{
    cw_sip_note note = { .status = status, .sip = sip, .err = err };

    if (status != 481 && status != 408 && !(status == 0 && err == CW_E_TIMEOUT))
        return false;
    cw_sip_call_run(call, SIP_EV_LOST, &note);
    return true;
}

static void on_reinvite(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_sip_modify *modify = &call->modify;
    const cw_sip_call_ops *ops = call->ops;
    cw_sip_response response;

    cw_assert_on_loop();
    if (status > 0 && status < 200)
        return;
    modify->send = NULL;
    if (status >= 200 && status < 300) {
        cw_sip_dialog_refresh(call->dialog, sip);
        modify->acked_cseq = send->cseq;
        ack_reinvite(call, send->cseq);
    } else if (status == 491 && ++modify->glares < GLARES_MAX) {
        back_off(call);
        return;
    } else if (is_lost(call, status, send->err, sip)) {
        return;
    }
    g_clear_pointer(&modify->offer, g_free);
    response = (cw_sip_response){ .status = status,
                                  .phrase = sip ? sip->sip_status->st_phrase : "",
                                  .fork = send->dialog->fork,
                                  .message = cw_sip_message_of(sip) };
    cw_sip_sdp_of(sip, &response.sdp, &response.len);
    if (ops && ops->reanswered)
        ops->reanswered(call->arg, &response);
}

static void send_reinvite(cw_sip_call *call)
{
    cw_sip_modify *modify = &call->modify;
    cw_sip_request request = {
        .method = sip_method_invite,
        .name = "INVITE",
        .type = "application/sdp",
        .body = modify->offer,
        .len = modify->offer_len,
    };

    modify->send = cw_sip_send_start(call, call->dialog, &request, on_reinvite);
}

cw_err cw_sip_call_reoffer(cw_sip_call *call, unsigned fork, const char *sdp, size_t len)
{
    cw_sip_modify *modify = &call->modify;

    if (call->state != SIP_UP || modify->send || modify->retry || modify->irq)
        return CW_E_STATE;
    if (len > CW_SIP_BODY_MAX)
        return CW_E_TOO_LARGE;
    modify->offer = g_strndup(sdp ? sdp : "", sdp ? len : 0);
    modify->offer_len = sdp ? len : 0;
    modify->glares = 0;
    send_reinvite(call);
    return CW_OK;
}

void cw_sip_modify_stray_answer(cw_sip_call *call, const sip_t *sip)
{
    if (sip->sip_cseq->cs_seq == call->modify.acked_cseq)
        ack_reinvite(call, call->modify.acked_cseq);
}

static void on_info(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_assert_on_loop();
    if (status == 0 || status >= 300)
        (void)is_lost(call, status, send->err, sip);
}

cw_err cw_sip_call_info(cw_sip_call *call, const char *type, const char *body, size_t len)
{
    cw_sip_request request = {
        .method = sip_method_info, .name = "INFO", .type = type, .body = body, .len = len
    };

    if (call->state != SIP_UP)
        return CW_E_STATE;
    if (len > CW_SIP_BODY_MAX)
        return CW_E_TOO_LARGE;
    (void)cw_sip_send_start(call, call->dialog, &request, on_info);
    return CW_OK;
}
