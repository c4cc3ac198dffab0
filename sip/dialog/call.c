/* The object, its state runner, and the public calls. Actions are in invite_uac.c, invite_uas.c. */
#include "sip/dialog/call.h"
#include "sip/header.h"

#include "base/ident.h"
#include "base/json.h"
#include "base/log.h"

#include <string.h>

/* --- the table --- */

static const struct {
    cw_sip_state from;
    cw_sip_event event;
    cw_sip_state to;
    cw_sip_action *action;
} table[] = {
#define MOVE(from, event, to, action) { SIP_##from, SIP_EV_##event, SIP_##to, cw_sip_do_##action },
#include "sip/dialog/invite.fsm"
#undef MOVE
};

static const char *const state_names[] = {
    [SIP_NEW] = "new",
    [SIP_CALLING] = "calling",
    [SIP_PROCEEDING] = "proceeding",
    [SIP_CANCELLING] = "cancelling",
    [SIP_OFFERED] = "offered",
    [SIP_PLEDGED] = "pledged",
    [SIP_ACCEPTED] = "accepted",
    [SIP_DOOMED] = "doomed",
    [SIP_UP] = "up",
    [SIP_CLOSING] = "closing",
    [SIP_DONE] = "done",
};

static void unlist(void *arg)
{
    cw_sip_call *call = arg;

    cw_assert_on_loop();
    g_clear_pointer(&call->linger, cw_timer_free);
    if (!call->listed)
        return;
    call->listed = false;
    g_hash_table_remove(call->sip->calls, call->dialog->local_tag);
}

/* It is over. A client's stays known for 64*T1: other forks may still answer (13.2.2.4). So does a
 * server's with a reliable response that was not acknowledged (RFC 3262 3). */
static void settle(cw_sip_call *call) CW_ON_LOOP
{
    bool lingers = !call->linger && ((call->invite_cseq > 0 && call->dialog->confirmed) ||
                                     cw_sip_reliable_owed(call));

    cw_timer_stop(call->timer);
    cw_timer_stop(call->deadline);
    cw_sip_timer_stop(call);
    cw_sip_exchanges_clear(call);
    if (call->irq) {
        nta_incoming_destroy(call->irq);
        call->irq = NULL;
    }
    cw_stat_dec(CW_STAT_sip_calls);
    if (lingers) {
        call->linger = cw_timer_new(call->sip->loop, unlist, call);
        cw_timer_start(call->linger, (uint64_t)call->sip->conf->sip.t1x64_ms);
    } else {
        unlist(call);
    }
}

static bool awaits_ack(cw_sip_state state)
{
    return state == SIP_ACCEPTED || state == SIP_DOOMED;
}

void cw_sip_call_run(cw_sip_call *call, cw_sip_event event, const cw_sip_note *note)
{
    static const cw_sip_note empty;

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].from != call->state || table[i].event != event)
            continue;
        cw_sip_call_ref(call);
        call->sip->unacked += awaits_ack(table[i].to);
        call->sip->unacked -= awaits_ack(call->state);
        call->state = table[i].to;
        table[i].action(call, note ? note : &empty);
        /* An action may run the table again: only whoever arrives settles. */
        if (table[i].to == SIP_DONE && table[i].from != SIP_DONE)
            settle(call);
        cw_sip_call_unref(call);
        return;
    }
    cw_stat_inc(CW_STAT_sip_events_dropped);
}

/* --- the object --- */

static void on_timer(void *arg)
{
    cw_assert_on_loop();
    cw_sip_call_run(arg, SIP_EV_TIMER, NULL);
}

static void on_deadline(void *arg)
{
    cw_sip_call *call = arg;

    cw_assert_on_loop();
    cw_sip_call_run(call,
                    call->state == SIP_OFFERED || call->state == SIP_PLEDGED ? SIP_EV_RANG_OUT
                                                                             : SIP_EV_NO_ACK,
                    NULL);
}

cw_sip_call *cw_sip_call_make(cw_sip *sip)
{
    cw_sip_call *call = g_rc_box_new0(cw_sip_call);

    call->sip = sip;
    call->preconditions = strcmp(sip->conf->sip.preconditions, "off") != 0;
    call->timer = cw_timer_new(sip->loop, on_timer, call);
    call->deadline = cw_timer_new(sip->loop, on_deadline, call);
    call->dialog = cw_sip_dialog_new();
    call->forks = g_ptr_array_new_with_free_func((GDestroyNotify)cw_sip_dialog_unref);
    call->exchanges = g_ptr_array_new_with_free_func(cw_sip_exchange_free);
    cw_stat_inc(CW_STAT_sip_calls);
    return call;
}

cw_sip_call *cw_sip_call_ref(cw_sip_call *call)
{
    return g_rc_box_acquire(call);
}

static void call_clear(void *data)
{
    cw_sip_call *call = data;

    cw_assert_on_loop();
    cw_timer_free(call->timer);
    cw_timer_free(call->deadline);
    cw_timer_free(call->linger);
    cw_sip_timer_clear(call);
    g_ptr_array_unref(call->exchanges);
    cw_sip_reliable_free(call->reliable);
    cw_sip_account_unref(call->account);
    cw_sip_dialog_unref(call->dialog);
    g_ptr_array_unref(call->forks);
    g_free(call->invite_auth[0]);
    g_free(call->invite_auth[1]);
    if (call->invite_msg)
        nta_msg_discard(call->sip->agent, call->invite_msg);
    g_free(call->offer);
    g_free(call->said_sdp);
    g_free(call->explanation);
    g_strfreev(call->identity);
    g_free(call->answer);
    g_strfreev(call->headers);
    g_strfreev(call->say);
}

void cw_sip_call_unref(cw_sip_call *call)
{
    if (call)
        g_rc_box_release_full(call, call_clear);
}

cw_sip *cw_sip_call_stack(const cw_sip_call *call)
{
    return call->sip;
}

cw_sip_account *cw_sip_call_account(const cw_sip_call *call)
{
    return call->account;
}

void cw_sip_call_list(cw_sip_call *call)
{
    call->listed = true;
    g_hash_table_insert(call->sip->calls, g_strdup(call->dialog->local_tag), cw_sip_call_ref(call));
}

cw_sip_dialog *cw_sip_call_dialog(const cw_sip_call *call, const char *remote_tag)
{
    const char *tag = remote_tag ? remote_tag : "";

    if (call->dialog->remote_tag && strcmp(call->dialog->remote_tag, tag) == 0)
        return call->dialog;
    for (unsigned i = 0; i < call->forks->len; i++) {
        cw_sip_dialog *fork = call->forks->pdata[i];

        if (fork->remote_tag && strcmp(fork->remote_tag, tag) == 0)
            return fork;
    }
    return NULL;
}

bool cw_sip_sdp_of(const sip_t *sip, const char **sdp, size_t *len)
{
    const sip_payload_t *body = sip ? sip->sip_payload : NULL;

    *sdp = NULL;
    *len = 0;
    if (!body || !body->pl_data || body->pl_len == 0 || !sip->sip_content_type ||
        g_ascii_strcasecmp(sip->sip_content_type->c_type, "application/sdp") != 0)
        return false;
    *sdp = body->pl_data;
    *len = body->pl_len;
    return true;
}

void cw_sip_call_tell_end(cw_sip_call *call, const cw_sip_end *end)
{
    const cw_sip_call_ops *ops = call->ops;

    call->ops = NULL;
    if (ops && ops->ended)
        ops->ended(call->arg, end);
}

void cw_sip_call_tell_local(cw_sip_call *call, cw_err err, int status)
{
    cw_sip_end end = { .err = err, .status = status };

    g_strlcpy(end.phrase, status ? cw_sip_phrase(status) : cw_err_text(err), sizeof end.phrase);
    cw_sip_call_tell_end(call, &end);
}

void cw_sip_call_arm(cw_sip_call *call, uint64_t in_ms)
{
    cw_timer_start(call->timer, in_ms);
}

void cw_sip_call_arm_deadline(cw_sip_call *call, uint64_t in_ms)
{
    cw_timer_start(call->deadline, in_ms);
}

void cw_sip_call_trace(cw_sip_call *call, bool out, int status, const char *phrase,
                       const char *name)
{
    char text[96];

    if (!call || !call->ops || !call->ops->trace)
        return;
    if (status == 0)
        g_strlcpy(text, name, sizeof text);
    else if (phrase && cw_text_is_safe(phrase, strlen(phrase)) && g_utf8_validate(phrase, -1, NULL))
        g_snprintf(text, sizeof text, "%d %.40s", status, phrase);
    else
        g_snprintf(text, sizeof text, "%d", status);
    if (!g_utf8_validate(text, -1, NULL))
        g_snprintf(text, sizeof text, "%d", status);
    call->ops->trace(call->arg, out, text);
}

/* --- the public calls --- */

cw_err cw_sip_call_new(cw_sip *sip, const cw_sip_target *target, const char *sdp, size_t len,
                       const cw_sip_call_ops *ops, void *arg, cw_sip_call **ret)
{
    cw_sip_call *call;
    cw_err err;

    if (len > CW_SIP_BODY_MAX)
        return CW_E_TOO_LARGE;
    call = cw_sip_call_make(sip);
    err = cw_sip_dialog_aim(sip, call->dialog, target);
    if (err) {
        cw_stat_dec(CW_STAT_sip_calls);
        cw_sip_call_unref(call);
        return err;
    }
    call->ops = ops;
    call->arg = arg;
    call->session.wish_s = target->session_s;
    call->preconditions = target->preconditions;
    call->account = cw_sip_account_new(&target->credentials);
    call->offer = g_strndup(sdp ? sdp : "", sdp ? len : 0);
    call->offer_len = sdp ? len : 0;
    call->headers = cw_sip_target_headers(target);
    cw_sip_call_list(call);
    cw_sip_call_run(call, SIP_EV_DIAL, NULL);
    *ret = call;
    return CW_OK;
}

void cw_sip_call_accept(cw_sip_call *call, const cw_sip_call_ops *ops, void *arg)
{
    call->ops = ops;
    call->arg = arg;
    cw_sip_uas_taken(call);
}

cw_err cw_sip_call_respond(cw_sip_call *call, int status, const char *sdp, size_t len)
{
    g_autofree char *body = sdp && len ? g_strndup(sdp, len) : NULL;
    cw_sip_note note = { .status = status, .sdp = body, .len = body ? strlen(body) : 0 };

    if (call->state != SIP_OFFERED || status <= 100 || status >= 300)
        return CW_E_STATE;
    if (status < 200)
        cw_sip_call_run(call, SIP_EV_RING, &note);
    else
        cw_sip_call_run(call, cw_sip_reliable_holds(call) ? SIP_EV_ACCEPT_LATER : SIP_EV_ACCEPT,
                        &note);
    return CW_OK;
}

cw_err cw_sip_call_headers(cw_sip_call *call, const char *const *lines)
{
    for (const char *const *line = lines; line && *line; line++)
        if (!cw_sip_header_line_ok(*line))
            return CW_E_UNSAFE;
    g_strfreev(call->say);
    call->say = g_strdupv((char **)lines);
    return CW_OK;
}

void cw_sip_call_explain(cw_sip_call *call, const char *sdp)
{
    g_free(call->explanation);
    call->explanation = g_strdup(sdp);
}

void cw_sip_call_preconditions(cw_sip_call *call, bool known)
{
    call->preconditions = known;
}

void cw_sip_call_end_as(cw_sip_call *call, const cw_sip_why *why)
{
    call->why = *why;
    call->has_why = true;
    cw_sip_call_end(call, why->err);
}

void cw_sip_call_end(cw_sip_call *call, cw_err why)
{
    cw_sip_note note = { .err = why };

    if (call->state != SIP_DONE && call->state != SIP_CLOSING && call->state != SIP_CANCELLING &&
        call->state != SIP_DOOMED) {
        call->hangup = why;
        cw_sip_call_run(call, SIP_EV_HANGUP, &note);
    }
    call->ops = NULL; /* the BYE itself was still traced */
}

void cw_sip_call_free(cw_sip_call *call)
{
    if (!call || call->freed)
        return;
    call->freed = true;
    cw_sip_call_end(call, CW_OK);
    cw_sip_call_unref(call);
}

json_t *cw_sip_call_json(const cw_sip_call *call)
{
    json_t *forks = json_array();
    char source[CW_ADDR_STR] = "";

    for (unsigned i = 0; i < call->forks->len; i++)
        json_array_append_new(forks, cw_sip_dialog_json(call->forks->pdata[i]));
    if (cw_addr_family(&call->source) != AF_UNSPEC)
        cw_addr_print(&call->source, source);
    return json_pack("{s:s s:b s:s s:b s:o s:o}", "state", state_names[call->state], "caller",
                     call->dialog->caller, "source", source, "offer_pending",
                     cw_sip_exchange_pending(call), "dialog", cw_sip_dialog_json(call->dialog),
                     "forks", forks);
}
