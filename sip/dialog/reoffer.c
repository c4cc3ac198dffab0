/* Offers of ours after the first: re-INVITE and UPDATE (RFC 3261 14.1, RFC 3311 5.1), and INFO out
 * (RFC 6086's legacy use). */
#include "sip/dialog/call.h"

#include "base/ident.h"
#include "base/log.h"

#include <string.h>

#define TRIES_MAX      5  /* of one offer, when each is answered with 491 or 500 */
#define RETRY_AFTER_S  10 /* a longer one is taken for a refusal (RFC 3311 5.2 says 0-10) */
#define THEIRS_WAIT_MS 500
#define ACK_WAIT_MS    50

static void send_offer(cw_sip_exchange *x) CW_ON_LOOP;

/* Is there nothing open in this dialog that an offer would have to wait for? */
static bool is_free(const cw_sip_exchange *x)
{
    return !x->send && !x->irq && !x->rack && !x->ack_cseq;
}

/* Their re-INVITE with an offer, and our 200: it is settled but for an ACK, of which nobody hears.
 */
static bool awaits_ack(const cw_sip_exchange *x)
{
    return x->irq && x->irq_answered && x->irq_offered;
}

/* RFC 3311 5.1: the first offer was answered reliably, and we know of it. */
static bool may_update_early(const cw_sip_exchange *x)
{
    const cw_sip_call *call = x->call;

    return (call->state == SIP_PROCEEDING || call->state == SIP_OFFERED) && !x->dialog->confirmed &&
           x->agreed && x->dialog->allows_update;
}

static void on_retry(void *arg)
{
    cw_sip_exchange *x = arg;

    cw_assert_on_loop();
    if (!is_free(x)) { /* their offer goes first */
        cw_timer_start(x->retry, awaits_ack(x) ? ACK_WAIT_MS : THEIRS_WAIT_MS);
        return;
    }
    g_clear_pointer(&x->retry, cw_timer_free);
    send_offer(x);
}

static void try_again(cw_sip_exchange *x, uint64_t in_ms) CW_ON_LOOP
{
    x->retry = cw_timer_new(x->call->sip->loop, on_retry, x);
    cw_timer_start(x->retry, in_ms);
}

/* 14.1: the owner of the Call-ID waits 2.1-4 s, the other 0-2 s, in steps of 10 ms. */
static uint64_t back_off_ms(const cw_sip_exchange *x)
{
    uint16_t draw;

    cw_random(&draw, sizeof draw);
    return x->dialog->caller ? 2100 + draw % 191u * 10 : draw % 201u * 10;
}

/* True when the offer will be made again. */
static bool is_postponed(cw_sip_exchange *x, int status, const sip_t *sip) CW_ON_LOOP
{
    const sip_retry_after_t *after = sip ? sip->sip_retry_after : NULL;

    if (status == 422 && cw_sip_timer_longer(x->call, sip)) {
        try_again(x, 0);
        return true;
    }
    if ((status != 491 && !(status == 500 && after && after->af_delta <= RETRY_AFTER_S)) ||
        ++x->tries >= TRIES_MAX)
        return false;
    try_again(x, status == 491 ? back_off_ms(x) : 1000 * (uint64_t)after->af_delta);
    return true;
}

bool cw_sip_reoffer_is_lost(cw_sip_call *call, int status, cw_err err, const sip_t *sip)
{
    cw_sip_note note = { .status = status, .sip = sip, .err = err };

    if (status != 481 && status != 408 && !(status == 0 && err == CW_E_TIMEOUT))
        return false;
    cw_sip_call_run(call, SIP_EV_LOST, &note);
    return true;
}

static void take_2xx(cw_sip_exchange *x, const cw_sip_send *send, const sip_t *sip,
                     cw_sip_response *response) CW_ON_LOOP
{
    cw_sip_dialog_refresh(x->dialog, sip);
    cw_sip_exchange_theirs(x, response->sdp, response->len);
    if (x->offer_len > 0) {
        x->agreed = true;
        x->they_offered = false;
        cw_sip_exchange_ours(x, x->offer);
    }
    if (x->dialog->confirmed)
        cw_sip_timer_answered(x->call, sip);
    if (send->method != sip_method_invite)
        return;
    x->acked_cseq = send->cseq;
    g_clear_pointer(&x->ack_answer, g_free);
    response->offers = x->offer_len == 0 && response->sdp;
    if (response->offers) /* the ACK brings our answer */
        x->ack_cseq = send->cseq;
    else
        cw_sip_uac_ack(x, send->cseq, NULL);
}

/* What was to be offered while a refresh was out. */
static void send_queued(cw_sip_exchange *x) CW_ON_LOOP
{
    x->offer = g_steal_pointer(&x->queued);
    x->offer_len = strlen(x->offer);
    x->tries = 0;
    send_offer(x);
}

static void on_answer(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_sip_exchange *x;
    const cw_sip_call_ops *ops = call->ops;
    cw_sip_response response = { .status = status,
                                 .phrase = sip ? sip->sip_status->st_phrase : "",
                                 .fork = send->dialog->fork,
                                 .early = !send->dialog->confirmed,
                                 .message = cw_sip_message_of(sip) };

    g_autofree char *before = NULL;
    bool refreshes;

    cw_assert_on_loop();
    x = cw_sip_exchange_of(call, send->dialog);
    before = g_strdup(x->theirs);
    refreshes = x->refreshes;
    if (status > 0 && status < 200) {
        if (send->method == sip_method_invite) /* 100rel is there for them, too */
            (void)cw_sip_prack_take(x, sip, false);
        return;
    }
    x->send = NULL;
    cw_sip_sdp_of(sip, &response.sdp, &response.len);
    if (status >= 200 && status < 300)
        take_2xx(x, send, sip, &response);
    else if (is_postponed(x, status, sip))
        return;
    else if (!response.early && cw_sip_reoffer_is_lost(call, status, send->err, sip))
        return;
    g_clear_pointer(&x->offer, g_free);
    x->refreshes = false;
    if (refreshes && status >= 300)
        cw_sip_timer_failed(call);
    if (x->queued)
        send_queued(x);
    if (refreshes && (status >= 300 || g_strcmp0(before, x->theirs) == 0))
        return; /* nothing changed, nobody needs to know */
    if (ops && ops->reanswered)
        ops->reanswered(call->arg, &response);
}

static void send_offer(cw_sip_exchange *x)
{
    g_autofree char *timer = x->dialog->confirmed ? cw_sip_timer_line(x->call) : NULL;
    g_auto(GStrv) identity = g_steal_pointer(&x->call->identity);
    g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
    g_auto(GStrv) headers = NULL;
    cw_sip_request request = {
        .method = x->by_update ? sip_method_update : sip_method_invite,
        .name = x->by_update ? "UPDATE" : "INVITE",
        .type = "application/sdp",
        .body = x->offer,
        .len = x->offer_len,
    };

    if (timer)
        g_strv_builder_add(lines, timer);
    if (identity)
        g_strv_builder_addv(lines, (const char **)identity);
    headers = g_strv_builder_end(lines);
    request.headers = (const char *const *)headers;
    x->send = cw_sip_send_start(x->call, x->dialog, &request, on_answer);
}

cw_err cw_sip_call_reoffer(cw_sip_call *call, unsigned fork, const char *sdp, size_t len)
{
    cw_sip_exchange *x = cw_sip_exchange_at(call, fork);
    bool update = call->state != SIP_UP;

    if (len > CW_SIP_BODY_MAX)
        return CW_E_TOO_LARGE;
    if (x && x->refreshes && sdp && !x->queued) {
        x->queued = g_strndup(sdp, len);
        return CW_OK;
    }
    if (!x || x->retry || (update && (!may_update_early(x) || !sdp)))
        return CW_E_STATE;
    if (!is_free(x) && !awaits_ack(x))
        return CW_E_STATE;
    if (!update && sdp && x->dialog->allows_update)
        update = strcmp(call->sip->conf->sip.reoffer_by, "update") == 0;
    g_free(x->offer);
    x->offer = g_strndup(sdp ? sdp : "", sdp ? len : 0);
    x->offer_len = sdp ? len : 0;
    x->by_update = update;
    x->tries = 0;
    if (awaits_ack(x))
        try_again(x, ACK_WAIT_MS);
    else
        send_offer(x);
    return CW_OK;
}

bool cw_sip_reoffer_same(cw_sip_exchange *x)
{
    if (!is_free(x) || x->retry || !x->ours)
        return false;
    g_free(x->offer);
    x->offer = g_strdup(x->ours);
    x->offer_len = strlen(x->offer);
    x->by_update = false;
    x->refreshes = true;
    x->tries = 0;
    send_offer(x);
    return true;
}

void cw_sip_reoffer_stray_answer(cw_sip_call *call, cw_sip_dialog *dialog, const sip_t *sip)
{
    cw_sip_exchange *x = cw_sip_exchange_of(call, dialog);

    if (sip->sip_cseq->cs_seq == x->acked_cseq && x->ack_cseq == 0)
        cw_sip_uac_ack(x, x->acked_cseq, x->ack_answer);
}

static void on_info(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_assert_on_loop();
    if (status == 0 || status >= 300)
        (void)cw_sip_reoffer_is_lost(call, status, send->err, sip);
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
