/* INVITE as client: RFC 3261 13.2, 9.1, 14.1. The actions of invite.fsm. */
#include "sip/dialog/call.h"

#include "base/log.h"

#include <string.h>

#define FORKS_MAX 16 /* early dialogs of one INVITE that are told apart */

static void on_invite(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_sip_note note = { .status = status, .sip = sip, .err = send->err };

    cw_assert_on_loop();
    call->invite_cseq = send->cseq;
    if (status > 0 && status < 200) {
        cw_sip_call_run(call, SIP_EV_PROVISIONAL, &note);
        return;
    }
    call->invite = NULL; /* it ends with this answer */
    for (unsigned i = 0; i < 2; i++) {
        g_free(call->invite_auth[i]);
        call->invite_auth[i] = g_strdup(send->auth[i]);
    }
    if (status >= 200 && status < 300)
        cw_sip_call_run(call, SIP_EV_ANSWERED, &note);
    else if (status == 422 && call->state != SIP_CANCELLING && cw_sip_timer_longer(call, sip))
        cw_sip_call_run(call, SIP_EV_TOO_SHORT, &note);
    else if (status / 100 == 3 && call->state != SIP_CANCELLING && cw_sip_redirect_take(call, sip))
        cw_sip_call_run(call, SIP_EV_REDIRECTED, &note);
    else
        cw_sip_call_run(call, SIP_EV_REFUSED, &note);
}

void cw_sip_do_nothing(cw_sip_call *call, const cw_sip_note *note) {}

static GStrv with_timer(cw_sip_call *call) CW_ON_LOOP
{
    g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
    g_autofree char *timer = cw_sip_timer_line(call);

    for (unsigned i = 0; call->headers && call->headers[i]; i++)
        g_strv_builder_add(lines, call->headers[i]);
    if (timer)
        g_strv_builder_add(lines, timer);
    return g_strv_builder_end(lines);
}

void cw_sip_do_dial(cw_sip_call *call, const cw_sip_note *note)
{
    const struct cw_conf_sip *conf = &call->sip->conf->sip;
    g_auto(GStrv) headers = with_timer(call);
    cw_sip_request request = {
        .method = sip_method_invite,
        .name = "INVITE",
        .type = "application/sdp",
        .body = call->offer,
        .len = call->offer_len,
        .headers = (const char *const *)headers,
    };

    call->invite = cw_sip_send_start(call, call->dialog, &request, on_invite);
    call->invite_cseq = call->invite->cseq;
    cw_sip_call_arm(call, (uint64_t)conf->ring_timeout_ms); /* silence of hops: the send's */
}

void cw_sip_do_dial_again(cw_sip_call *call, const cw_sip_note *note)
{
    cw_sip_exchanges_clear(call); /* its early dialogs are over */
    g_ptr_array_set_size(call->forks, 0);
    call->said = 0;
    cw_sip_do_dial(call, note);
}

/* The dialog of a response's To tag, made when it is new; NULL: too many. */
static cw_sip_dialog *fork_for(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP
{
    cw_sip_dialog *fork = cw_sip_call_dialog(call, sip->sip_to->a_tag);

    if (fork)
        return fork;
    if (call->forks->len >= FORKS_MAX)
        return NULL;
    fork = cw_sip_dialog_copy(call->dialog);
    fork->fork = call->forks_n++;
    fork->confirmed = false;
    fork->has_remote_cseq = false;
    g_ptr_array_add(call->forks, fork);
    return fork;
}

static cw_sip_response response_of(const cw_sip_note *note, const cw_sip_dialog *fork) CW_ON_LOOP
{
    cw_sip_response response = {
        .status = note->status,
        .phrase = note->sip->sip_status->st_phrase,
        .fork = fork ? fork->fork : 0,
        .early = note->status < 200,
        .message = cw_sip_message_of(note->sip),
    };

    cw_sip_sdp_of(note->sip, &response.sdp, &response.len);
    return response;
}

/* SDP in a reliable response: the answer to our offer, or an offer when ours had none. */
static void take_reliable(cw_sip_exchange *x, cw_sip_response *response) CW_ON_LOOP
{
    response->reliable = true;
    response->offers = x->rack != NULL;
    if (!response->sdp || x->agreed)
        return;
    cw_sip_exchange_theirs(x, response->sdp, response->len);
    if (response->offers)
        return;
    x->agreed = true;
    cw_sip_exchange_ours(x, x->call->offer);
}

void cw_sip_do_tell_progress(cw_sip_call *call, const cw_sip_note *note)
{
    const cw_sip_call_ops *ops = call->ops;
    cw_sip_dialog *fork = NULL;
    cw_sip_prack prack = CW_PRACK_PLAIN;
    cw_sip_response response;

    if (call->said == 0) {
        call->said = note->status;
        cw_sip_call_arm(call, (uint64_t)call->sip->conf->sip.ring_timeout_ms);
    }
    if (note->status == 100)
        return;
    if (note->sip->sip_to->a_tag) {
        fork = fork_for(call, note->sip);
        if (!fork || cw_sip_dialog_take_response(fork, note->sip))
            return;
        prack = cw_sip_prack_take(cw_sip_exchange_of(call, fork), note->sip, call->offer_len == 0);
    }
    if (prack == CW_PRACK_IGNORE)
        return;
    response = response_of(note, fork);
    if (prack == CW_PRACK_TAKEN)
        take_reliable(cw_sip_exchange_of(call, fork), &response);
    if (ops && ops->progress)
        ops->progress(call->arg, &response);
}

void cw_sip_uac_ack(cw_sip_exchange *x, uint32_t cseq, const char *sdp)
{
    cw_sip_call *call = x->call;
    char *answer = g_strdup(sdp);
    cw_sip_request request = {
        .method = sip_method_ack,
        .name = "ACK",
        .cseq = cseq,
        .type = "application/sdp",
        .body = answer,
        .len = answer ? strlen(answer) : 0,
        .auth = cseq == call->invite_cseq ? (const char *const *)call->invite_auth : NULL,
    };

    x->ack_cseq = 0;
    g_free(x->ack_answer);
    x->ack_answer = answer;
    (void)cw_sip_send_start(call, x->dialog, &request, NULL);
}

void cw_sip_uac_ack_owed(cw_sip_call *call)
{
    for (unsigned i = 0; i < call->exchanges->len; i++) {
        cw_sip_exchange *x = call->exchanges->pdata[i];

        if (x->ack_cseq)
            cw_sip_uac_ack(x, x->ack_cseq, NULL);
    }
}

/* The dialog a 2xx makes; its route set and target are those of the 2xx (13.2.2.4). */
static cw_sip_dialog *confirm_fork(cw_sip_call *call, const sip_t *sip, cw_err *err) CW_ON_LOOP
{
    cw_sip_dialog *fork = fork_for(call, sip);

    if (!fork) /* more forks than we keep: the last one's place */
        fork = call->forks->pdata[call->forks->len - 1];
    *err = cw_sip_dialog_take_response(fork, sip);
    fork->confirmed = true;
    return fork;
}

/* The others' offers are of no use now. */
static void drop_losers(cw_sip_call *call) CW_ON_LOOP
{
    for (unsigned i = 0; i < call->exchanges->len; i++) {
        cw_sip_exchange *x = call->exchanges->pdata[i];

        if (x->dialog != call->dialog)
            cw_sip_exchange_clear(x);
    }
}

/* The winner leaves the forks and becomes the call's dialog. */
static cw_err take_winner(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP
{
    cw_err err;
    cw_sip_dialog *fork = confirm_fork(call, sip, &err);

    cw_sip_dialog_ref(fork);
    g_ptr_array_remove(call->forks, fork);
    cw_sip_dialog_unref(call->dialog);
    call->dialog = fork;
    drop_losers(call);
    cw_timer_stop(call->timer);
    return err;
}

/* ACK, unless it waits for our answer to their offer. What was agreed on before the 2xx holds
 * (RFC 3261 13.2.1, RFC 6337 3.1). False: it says something else there. */
static bool acknowledge(cw_sip_call *call, cw_sip_response *response) CW_ON_LOOP
{
    cw_sip_exchange *x = cw_sip_exchange_of(call, call->dialog);
    g_autofree char *digest = cw_sip_exchange_digest(response->sdp, response->len);

    bool differs = x->agreed && response->sdp && g_strcmp0(digest, x->theirs) != 0;

    if (differs)
        response->sdp = NULL;
    response->offers = call->offer_len == 0 && !x->agreed && response->sdp;
    if (!x->agreed)
        cw_sip_exchange_theirs(x, response->sdp, response->len);
    if (response->offers) {
        x->ack_cseq = call->invite_cseq;
        return true;
    }
    if (!x->agreed && response->sdp)
        cw_sip_exchange_ours(x, call->offer);
    x->agreed = x->agreed || response->sdp;
    cw_sip_uac_ack(x, call->invite_cseq, NULL);
    return !differs;
}

void cw_sip_do_take_answer(cw_sip_call *call, const cw_sip_note *note)
{
    const cw_sip_call_ops *ops = call->ops;
    cw_err err = take_winner(call, note->sip);
    cw_sip_response response = response_of(note, call->dialog);
    bool agrees = acknowledge(call, &response);

    if (err) { /* a route set we could not follow */
        cw_sip_call_tell_local(call, CW_E_SIP_FAILED, 0);
        call->hangup = CW_E_SIP_FAILED;
        cw_sip_call_run(call, SIP_EV_HANGUP, NULL);
        return;
    }
    cw_sip_timer_answered(call, note->sip);
    if (ops && ops->answered)
        ops->answered(call->arg, &response);
    if (!agrees && call->state == SIP_UP) /* an offer that it can answer so, if it means it */
        (void)!cw_sip_reoffer_same(cw_sip_exchange_of(call, call->dialog));
}

void cw_sip_do_tell_refused(cw_sip_call *call, const cw_sip_note *note)
{
    cw_sip_end end = { 0 };
    g_auto(GStrv) contacts = NULL;

    if (!note->sip) {
        bool silent = note->err == CW_E_TIMEOUT;

        cw_sip_call_tell_local(call, silent ? CW_E_NETWORK : note->err, silent ? 408 : 0);
        return;
    }
    cw_sip_end_of(&end, note->status, note->sip);
    if (call->hangup) /* a 3xx to where this call may not go */
        end.err = call->hangup;
    if (note->status < 400)
        contacts = cw_sip_redirect_contacts(note->sip);
    end.contacts = (const char *const *)contacts;
    cw_sip_call_tell_end(call, &end);
}

void cw_sip_do_wait_to_cancel(cw_sip_call *call, const cw_sip_note *note)
{
    cw_sip_call_arm(call, (uint64_t)call->sip->conf->sip.t1x64_ms);
    if (call->invite)
        call->invite->last = true;
    if (!call->invite || !call->invite->orq) /* still asking for an address: nothing is out */
        cw_sip_call_run(call, SIP_EV_TIMER, NULL);
}

/* A reliable response that crosses our CANCEL wants its PRACK still. */
static void acknowledge_late(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP
{
    cw_sip_dialog *fork = sip->sip_to->a_tag ? fork_for(call, sip) : NULL;

    if (fork && sip->sip_status->st_status > 100 && !cw_sip_dialog_take_response(fork, sip))
        (void)cw_sip_prack_take(cw_sip_exchange_of(call, fork), sip, false);
}

void cw_sip_do_send_cancel(cw_sip_call *call, const cw_sip_note *note)
{
    g_auto(GStrv) reasons = NULL;

    if (note->sip)
        acknowledge_late(call, note->sip);
    if (call->cancelled || !call->invite)
        return;
    cw_sip_call_arm(call, (uint64_t)call->sip->conf->sip.t1x64_ms);
    if (!call->invite->provisional) /* credentials were asked for: the next INVITE is out */
        return;
    call->cancelled = true;
    reasons = cw_sip_call_reasons(call, call->hangup);
    cw_sip_send_cancel(call->invite, (const char *const *)reasons);
}

void cw_sip_do_tell_no_answer(cw_sip_call *call, const cw_sip_note *note)
{
    call->hangup = CW_E_NETWORK;
    cw_sip_call_tell_local(call, CW_E_NETWORK, 408);
    cw_sip_do_wait_to_cancel(call, note);
}

void cw_sip_do_tell_rang_out(cw_sip_call *call, const cw_sip_note *note)
{
    call->hangup = CW_E_TIMEOUT;
    cw_sip_call_tell_local(call, CW_E_TIMEOUT, 408);
    cw_sip_do_send_cancel(call, note);
}

void cw_sip_do_drop_invite(cw_sip_call *call, const cw_sip_note *note)
{
    cw_sip_send_free(g_steal_pointer(&call->invite));
}

void cw_sip_do_ack_and_bye(cw_sip_call *call, const cw_sip_note *note)
{
    if (take_winner(call, note->sip))
        cw_log(CW_LOG_DEBUG, CW_MOD_SIP, "sip.route", "call_id", call->dialog->call_id, NULL);
    cw_sip_uac_ack(cw_sip_exchange_of(call, call->dialog), call->invite_cseq, NULL);
    cw_sip_do_send_bye(call, note);
}

static void on_bye(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_assert_on_loop();
    if (status == 0 || status >= 200)
        cw_sip_call_run(call, SIP_EV_CLOSED, NULL);
}

static void bye(cw_sip_call *call, cw_sip_dialog *dialog, cw_err why, cw_sip_send_fn *fn) CW_ON_LOOP
{
    g_auto(GStrv) headers = cw_sip_call_reasons(call, why);
    cw_sip_request request = { .method = sip_method_bye, .name = "BYE" };

    if (call->say && dialog == call->dialog) {
        g_autoptr(GStrvBuilder) all = g_strv_builder_new();

        g_strv_builder_addv(all, (const char **)headers);
        g_strv_builder_addv(all, (const char **)call->say);
        g_strfreev(headers);
        headers = g_strv_builder_end(all);
    }
    request.headers = (const char *const *)headers;

    (void)cw_sip_send_start(call, dialog, &request, fn);
}

cw_err cw_sip_call_drop(cw_sip_call *call, unsigned fork)
{
    cw_sip_exchange *x = cw_sip_exchange_at(call, fork);

    if (call->state != SIP_PROCEEDING || !x || x->dialog->confirmed)
        return CW_E_STATE;
    cw_sip_exchange_clear(x);
    bye(call, x->dialog, CW_OK, NULL);
    return CW_OK;
}

void cw_sip_do_send_bye(cw_sip_call *call, const cw_sip_note *note)
{
    cw_timer_stop(call->timer);
    cw_timer_stop(call->deadline);
    cw_sip_timer_stop(call);
    cw_sip_uac_ack_owed(call);
    cw_sip_exchanges_clear(call);
    bye(call, call->dialog, call->hangup, on_bye);
}

void cw_sip_do_tell_lost(cw_sip_call *call, const cw_sip_note *note)
{
    cw_sip_end end = { .err = CW_E_NO_CALL, .status = note->status, .by_peer = note->status > 0 };

    if (note->status)
        cw_sip_end_of(&end, note->status, note->sip);
    else
        g_strlcpy(end.phrase, cw_err_text(CW_E_NETWORK), sizeof end.phrase);
    if (!note->status)
        end.err = CW_E_NETWORK;
    call->hangup = end.err;
    cw_sip_call_tell_end(call, &end);
}

/* Nobody refreshed the session in time. (The BYE first: who is told lets go of the timeline.) */
void cw_sip_do_tell_expired(cw_sip_call *call, const cw_sip_note *note)
{
    call->hangup = CW_E_NETWORK;
    cw_sip_do_send_bye(call, note);
    cw_sip_call_tell_local(call, CW_E_NETWORK, 408);
}

void cw_sip_do_tell_lost_and_bye(cw_sip_call *call, const cw_sip_note *note)
{
    cw_sip_do_tell_lost(call, note);
    cw_sip_do_send_bye(call, note);
}

void cw_sip_uac_stray_answer(cw_sip_call *call, const sip_t *sip)
{
    uint32_t cseq = sip->sip_cseq->cs_seq;
    cw_sip_dialog *dialog = cw_sip_call_dialog(call, sip->sip_to->a_tag);
    cw_err err;

    if (!call->dialog->caller || cseq != call->invite_cseq || call->state == SIP_NEW) {
        if (dialog)
            cw_sip_reoffer_stray_answer(call, dialog, sip);
        return;
    }
    cw_sip_call_trace(call, false, sip->sip_status->st_status, sip->sip_status->st_phrase, NULL);
    if (dialog && dialog->confirmed) { /* our ACK was lost, or waits for our answer */
        cw_sip_exchange *x = cw_sip_exchange_of(call, dialog);

        if (x->ack_cseq == 0)
            cw_sip_uac_ack(x, cseq, x->ack_answer);
        return;
    }
    if (!dialog && call->forks->len >= FORKS_MAX)
        return;
    dialog = confirm_fork(call, sip, &err);
    cw_sip_uac_ack(cw_sip_exchange_of(call, dialog), cseq, NULL);
    bye(call, dialog, CW_E_ANSWERED_ELSEWHERE, NULL);
}
