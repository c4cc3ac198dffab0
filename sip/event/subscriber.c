/* Subscriptions of ours: RFC 6665 4.1. The actions of subscribe.fsm, and NOTIFY. */
#include "sip/event/subscribe.h"

#include "base/log.h"

#include <string.h>

#define FORKS_MAX 8 /* dialogs of one SUBSCRIBE */

void cw_sub_do_nothing(cw_sip_sub *sub, const cw_sub_note *note) {}

/* --- requests --- */

static void on_answer(void *arg, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_sip_sub *sub = arg;
    cw_sub_note note = { .status = status, .sip = sip, .err = send->err };
    g_autofree char *refused = NULL;

    cw_assert_on_loop();
    if (status > 0 && status < 200)
        return;
    sub->request = NULL;
    cw_sip_call_trace(sub->call, false, status, sip ? sip->sip_status->st_phrase : NULL, NULL);
    if (sub->once) {
        g_free(sub->id);
        sub->id = g_strdup_printf("%u", send->cseq);
        refused = cw_sip_message_header(cw_sip_message_of(sip), "Refer-Sub", 0);
    }
    if (status >= 200 && status < 300)
        cw_sub_run(sub,
                   refused && g_ascii_strncasecmp(refused, "false", 5) == 0 ? SUB_EV_FINISHED
                                                                            : SUB_EV_ACCEPTED,
                   &note);
    else
        cw_sub_run(sub,
                   status == 481 && sub->state >= SUB_REFRESHING ? SUB_EV_LOST : SUB_EV_REFUSED,
                   &note);
}

static void ask(cw_sip_sub *sub, unsigned expires_s) CW_ON_LOOP
{
    g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
    g_autofree char *expires = g_strdup_printf("Expires: %u", expires_s);
    g_auto(GStrv) headers = NULL;
    cw_sip_request request = { .method = sip_method_subscribe, .name = "SUBSCRIBE" };

    if (sub->once)
        request = (cw_sip_request){ .method = sip_method_refer, .name = "REFER" };
    else
        g_strv_builder_add(lines, expires);
    g_strv_builder_addv(lines, (const char **)sub->headers);
    headers = g_strv_builder_end(lines);
    request.headers = (const char *const *)headers;
    cw_sip_send_free(g_steal_pointer(&sub->request));
    cw_sip_call_trace(sub->call, true, 0, NULL, request.name);
    sub->request = cw_sip_send_alone(sub->sip, sub->account, sub->dialog, &request, on_answer, sub);
}

static uint64_t longest_ms(const cw_sip_sub *sub) CW_ON_LOOP
{
    const struct cw_conf_sip *conf = &sub->sip->conf->sip;

    return (uint64_t)conf->t1x64_ms + (uint64_t)conf->dns_timeout_ms;
}

void cw_sub_do_send_request(cw_sip_sub *sub, const cw_sub_note *note)
{
    ask(sub, sub->expires_s);
    if (sub->state == SUB_ASKING)
        cw_timer_start(sub->timer, longest_ms(sub));
}

void cw_sub_do_wait_for_answer(cw_sip_sub *sub, const cw_sub_note *note)
{
    cw_timer_start(sub->timer, longest_ms(sub));
}

void cw_sub_do_send_last_request(cw_sip_sub *sub, const cw_sub_note *note)
{
    cw_timer_stop(sub->expiry);
    if (sub->once || !sub->dialog->remote_tag) { /* a REFER cannot be taken back */
        cw_sub_run(sub, SUB_EV_LOST, NULL);
        return;
    }
    ask(sub, 0);
    cw_timer_start(sub->timer, longest_ms(sub));
}

/* --- answers --- */

/* Renewed when nine tenths of it are over. */
static void arm_refresh(cw_sip_sub *sub, unsigned expires_s) CW_ON_LOOP
{
    if (expires_s == 0)
        return;
    cw_sub_expire_in(sub, expires_s);
    if (sub->once)
        cw_timer_stop(sub->timer);
    else
        cw_timer_start(sub->timer, expires_s * 900ull);
}

void cw_sub_do_take_accepted(cw_sip_sub *sub, const cw_sub_note *note)
{
    const sip_expires_t *expires = note->sip->sip_expires;
    unsigned granted = expires ? (unsigned)MIN(expires->ex_delta, INT32_MAX) : sub->expires_s;

    if (!sub->dialog->remote_tag && cw_sip_dialog_take_response(sub->dialog, note->sip)) {
        cw_sip_end end = { .err = CW_E_SIP_FAILED };

        cw_sub_tell_end(sub, &end);
        cw_sub_run(sub, SUB_EV_STOP, NULL);
        return;
    }
    cw_sip_dialog_refresh(sub->dialog, note->sip);
    sub->dialog->confirmed = true;
    if (!sub->once)
        sub->expires_s = granted;
    if (sub->state == SUB_WAITING)
        cw_timer_start(sub->timer, longest_ms(sub));
    else
        arm_refresh(sub, granted);
}

static void tell(cw_sip_sub *sub, const cw_sub_note *note) CW_ON_LOOP
{
    if (sub->ops && sub->ops->notified && note->notice)
        sub->ops->notified(sub->arg, sub, note->notice);
}

void cw_sub_do_tell_notice(cw_sip_sub *sub, const cw_sub_note *note)
{
    if (note->expires_s != UINT_MAX && sub->state == SUB_LIVE)
        arm_refresh(sub, note->expires_s);
    tell(sub, note);
}

void cw_sub_do_take_first(cw_sip_sub *sub, const cw_sub_note *note)
{
    arm_refresh(sub, note->expires_s != UINT_MAX ? note->expires_s : sub->expires_s);
    tell(sub, note);
}

/* --- the end --- */

void cw_sub_do_tell_finished(cw_sip_sub *sub, const cw_sub_note *note)
{
    cw_sip_end end = { .by_peer = true, .status = note->notice ? 0 : note->status };

    tell(sub, note);
    cw_sub_tell_end(sub, &end);
}

void cw_sub_do_tell_refused(cw_sip_sub *sub, const cw_sub_note *note)
{
    cw_sip_end end = { .err = note->err ? note->err : CW_E_NETWORK };

    if (note->sip)
        cw_sip_end_of(&end, note->status, note->sip);
    cw_sub_tell_end(sub, &end);
}

static void tell_late(cw_sip_sub *sub) CW_ON_LOOP
{
    cw_sip_end end = { .err = CW_E_TIMEOUT };

    cw_sub_tell_end(sub, &end);
}

void cw_sub_do_tell_silent(cw_sip_sub *sub, const cw_sub_note *note)
{
    tell_late(sub);
}

void cw_sub_do_tell_expired(cw_sip_sub *sub, const cw_sub_note *note)
{
    tell_late(sub);
}

void cw_sub_do_wait_for_expiry(cw_sip_sub *sub, const cw_sub_note *note) {}

/* --- NOTIFY --- */

static cw_sip_sub_state state_of(const sip_subscription_state_t *said)
{
    if (g_ascii_strcasecmp(said->ss_substate, "terminated") == 0)
        return CW_SUB_TERMINATED;
    return g_ascii_strcasecmp(said->ss_substate, "pending") == 0 ? CW_SUB_PENDING : CW_SUB_ACTIVE;
}

/* A number of seconds as text; `none` when there is none. */
static unsigned seconds(const char *text, unsigned none)
{
    uint64_t value;

    if (!text || !g_ascii_string_to_unsigned(text, 10, 0, INT32_MAX, &value, NULL))
        return none;
    return (unsigned)value;
}

static const char *safe_or_null(const char *text)
{
    return text && cw_text_is_safe(text, strlen(text)) && g_utf8_validate(text, -1, NULL) ? text
                                                                                          : NULL;
}

void cw_sub_take_notify(cw_sip_sub *sub, nta_incoming_t *irq, const sip_t *sip)
{
    const sip_subscription_state_t *said = sip->sip_subscription_state;
    const sip_payload_t *body = sip->sip_payload;
    cw_sip_notice notice = { .message = cw_sip_message_of(sip) };
    cw_sub_note note = { .sip = sip, .notice = &notice, .expires_s = UINT_MAX };

    if (!said || !said->ss_substate || (body && body->pl_len > CW_SIP_BODY_MAX)) {
        nta_incoming_treply(irq, said ? 413 : 400, cw_sip_phrase(said ? 413 : 400),
                            SIPTAG_SERVER_STR(sub->sip->user_agent), TAG_END());
        nta_incoming_destroy(irq);
        return;
    }
    cw_sip_dialog_refresh(sub->dialog, sip);
    nta_incoming_treply(irq, SIP_200_OK, SIPTAG_SERVER_STR(sub->sip->user_agent), TAG_END());
    nta_incoming_destroy(irq);
    cw_sip_call_trace(sub->call, true, 200, "OK", NULL);
    notice.state = state_of(said);
    notice.reason = safe_or_null(said->ss_reason);
    notice.retry_after_s = (int)seconds(said->ss_retry_after, UINT_MAX);
    note.expires_s = seconds(said->ss_expires, UINT_MAX);
    if (body && body->pl_data && sip->sip_content_type) {
        notice.type = sip->sip_content_type->c_type;
        notice.body = body->pl_data;
        notice.len = body->pl_len;
    }
    cw_sub_run(sub, notice.state == CW_SUB_TERMINATED ? SUB_EV_FINISHED : SUB_EV_NOTIFIED, &note);
}

/* Another dialog of `first`'s request. NULL: its owner wants none. */
cw_sip_sub *cw_sub_fork(cw_sip_sub *first, unsigned n, const sip_t *sip)
{
    cw_sip_sub *sub;

    if (n >= FORKS_MAX || !first->ops || !first->ops->forked || first->state >= SUB_LEAVING)
        return NULL;
    sub = cw_sub_make(first->sip, cw_sip_dialog_copy(first->dialog), first->event, first->id);
    sub->ops = first->ops;
    sub->arg = first->arg;
    sub->account = cw_sip_account_ref(first->account);
    sub->expires_s = first->expires_s;
    sub->headers = g_strdupv(first->headers);
    sub->dialog->confirmed = true;
    cw_sub_list(sub);
    cw_sub_run(sub, SUB_EV_FORKED, NULL);
    if (cw_sip_dialog_take_notify(sub->dialog, sip) == CW_OK && sub->ops->forked(sub->arg, sub))
        return sub;
    sub->once = true; /* nobody was asked: nothing to take back */
    cw_sip_sub_free(sub);
    return NULL;
}
