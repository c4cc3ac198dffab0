/* Subscriptions of peers: RFC 6665 4.2. The actions of subscribe.fsm, and SUBSCRIBE. */
#include "sip/event/subscribe.h"

#include "base/log.h"

#include <string.h>

#define EXPIRES_S                                                                                  \
    3600 /* when the peer does not say (RFC 6665 4.2.1.1 leaves it to the package)                 \
          */

/* --- NOTIFY --- */

static void pump(cw_sip_sub *sub) CW_ON_LOOP;

static void on_notified(void *arg, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_sip_sub *sub = arg;
    cw_sub_note note = { .status = status, .sip = sip, .err = send->err };

    cw_assert_on_loop();
    if (status > 0 && status < 200)
        return;
    sub->notice = NULL;
    cw_sip_call_trace(sub->call, false, status, sip ? sip->sip_status->st_phrase : NULL, NULL);
    if (status == 0 || status == 481 || status == 489)
        cw_sub_run(sub, SUB_EV_LOST, &note);
    else if (sub->notice_last)
        cw_sub_run(sub, SUB_EV_SENT, &note);
    else
        pump(sub);
}

static char *state_line(const cw_sip_sub *sub, const cw_sub_notice *out)
{
    uint64_t now = cw_now_ms();
    unsigned left = sub->expires_ms > now ? (unsigned)((sub->expires_ms - now + 999) / 1000) : 0;

    if (out->state == CW_SUB_TERMINATED)
        return g_strdup_printf("Subscription-State: terminated;reason=%s",
                               out->reason ? out->reason : "noresource");
    return g_strdup_printf("Subscription-State: %s;expires=%u",
                           out->state == CW_SUB_PENDING ? "pending" : "active", left);
}

/* What the timeline says of it: "NOTIFY 180". */
static void trace(const cw_sip_sub *sub, const cw_sub_notice *out) CW_ON_LOOP
{
    char text[32] = "NOTIFY", phrase[96];
    int status;

    if (out->body && cw_sip_frag_parse(out->body, out->len, &status, phrase) == CW_OK)
        g_snprintf(text, sizeof text, "NOTIFY %d", status);
    cw_sip_call_trace(sub->call, true, 0, NULL, text);
}

/* One at a time, so that the order is kept. */
static void pump(cw_sip_sub *sub)
{
    cw_sub_notice *out = sub->notice ? NULL : g_queue_pop_head(&sub->due);
    g_autofree char *event = NULL, *state = NULL;
    const char *headers[3];
    cw_sip_request request = { .method = sip_method_notify, .name = "NOTIFY" };

    if (!out)
        return;
    event =
        g_strdup_printf("Event: %s%s%s", sub->event, sub->id ? ";id=" : "", sub->id ? sub->id : "");
    state = state_line(sub, out);
    headers[0] = event;
    headers[1] = state;
    headers[2] = NULL;
    request.headers = headers;
    request.type = out->type;
    request.body = out->body;
    request.len = out->len;
    sub->notice_last = out->state == CW_SUB_TERMINATED;
    trace(sub, out);
    sub->notice =
        cw_sip_send_alone(sub->sip, sub->account, sub->dialog, &request, on_notified, sub);
    cw_sub_notice_free(out);
}

static void push(cw_sip_sub *sub, cw_sub_notice *out) CW_ON_LOOP
{
    while (sub->due.length >= CW_SIP_NOTICES_MAX)
        cw_sub_notice_free(g_queue_pop_head(&sub->due));
    g_queue_push_tail(&sub->due, out);
    pump(sub);
}

static void push_end(cw_sip_sub *sub, const char *reason) CW_ON_LOOP
{
    cw_sub_notice *out = g_new0(cw_sub_notice, 1);

    out->state = CW_SUB_TERMINATED;
    out->reason = g_strdup(reason);
    push(sub, out);
}

void cw_sub_do_send_notice(cw_sip_sub *sub, const cw_sub_note *note)
{
    push(sub, note->out);
    if (sub->expires_s == 0 && sub->state == SUB_SERVING) /* it only asked once: 4.4.3 */
        cw_sub_expire_in(sub, 0);
}

void cw_sub_do_send_timed_out(cw_sip_sub *sub, const cw_sub_note *note)
{
    push_end(sub, "timeout");
}

void cw_sub_do_send_deactivated(cw_sip_sub *sub, const cw_sub_note *note)
{
    push_end(sub, "deactivated");
}

void cw_sub_do_tell_told(cw_sip_sub *sub, const cw_sub_note *note)
{
    cw_sip_end end = { .err = CW_OK };

    cw_sub_tell_end(sub, &end);
}

void cw_sub_do_tell_lost(cw_sip_sub *sub, const cw_sub_note *note)
{
    cw_sip_end end = { .err = note->err ? note->err : CW_E_NO_CALL };

    if (note->sip)
        cw_sip_end_of(&end, note->status, note->sip);
    cw_sub_tell_end(sub, &end);
}

/* --- SUBSCRIBE --- */

static void reply(cw_sip_sub *sub, nta_incoming_t *irq, int status, const char *extra) CW_ON_LOOP
{
    bool ok = status < 300;
    g_autofree char *expires = g_strdup_printf("%u", sub->expires_s);

    nta_incoming_treply(irq, status, cw_sip_phrase(status),
                        TAG_IF(ok, SIPTAG_CONTACT_STR(sub->dialog->contact)),
                        TAG_IF(ok && !sub->once, SIPTAG_EXPIRES_STR(expires)),
                        SIPTAG_SERVER_STR(sub->sip->user_agent),
                        TAG_IF(extra, SIPTAG_HEADER_STR(extra)), TAG_END());
    cw_sip_call_trace(sub->call, true, status, cw_sip_phrase(status), NULL);
    nta_incoming_destroy(irq);
}

void cw_sub_refuse(cw_sip_sub *sub, int status, const char *extra)
{
    reply(sub, g_steal_pointer(&sub->irq), status, extra);
}

void cw_sub_do_send_accept(cw_sip_sub *sub, const cw_sub_note *note)
{
    sub->dialog->confirmed = true;
    if (!sub->listed)
        cw_sub_list(sub);
    reply(sub, g_steal_pointer(&sub->irq), sub->accept_with, NULL);
    if (sub->expires_s)
        cw_sub_expire_in(sub, sub->expires_s);
}

void cw_sub_do_take_renewal(cw_sip_sub *sub, const cw_sub_note *note)
{
    sub->expires_s = note->expires_s;
    reply(sub, note->irq, 200, NULL);
    cw_sub_expire_in(sub, sub->expires_s);
    if (sub->ops && sub->ops->refreshed)
        sub->ops->refreshed(sub->arg, sub);
}

void cw_sub_do_take_leave(cw_sip_sub *sub, const cw_sub_note *note)
{
    sub->expires_s = 0;
    cw_timer_stop(sub->expiry);
    reply(sub, note->irq, 200, NULL);
    push_end(sub, "timeout");
}

/* What is granted, or 0 with `too_brief` set (423). */
static unsigned grant(const cw_sip *sip, const sip_t *message, bool *too_brief)
{
    const struct cw_conf_sip *conf = &sip->conf->sip;
    const sip_expires_t *said = message->sip_expires;
    unsigned long asked = said ? said->ex_delta : EXPIRES_S;

    *too_brief = asked > 0 && asked < (unsigned long)conf->subscription_min_s;
    return (unsigned)MIN(asked, (unsigned long)conf->subscription_max_s);
}

static char *min_expires_line(const cw_sip *sip)
{
    return g_strdup_printf("Min-Expires: %u", (unsigned)sip->conf->sip.subscription_min_s);
}

/* Within a subscription: renewed, or given up. */
void cw_sub_take_subscribe(cw_sip_sub *sub, nta_incoming_t *irq, const sip_t *sip)
{
    cw_sub_note note = { .sip = sip, .irq = irq };
    bool too_brief;

    note.expires_s = grant(sub->sip, sip, &too_brief);
    if (too_brief || sub->once || sub->state != SUB_SERVING) {
        g_autofree char *line = too_brief ? min_expires_line(sub->sip) : NULL;

        reply(sub, irq, sub->state != SUB_SERVING ? 481 : sub->once ? 403 : 423, line);
        return;
    }
    cw_sip_dialog_refresh(sub->dialog, sip);
    cw_sub_run(sub, note.expires_s ? SUB_EV_RENEWED : SUB_EV_LEFT, &note);
}

/* Why a new one cannot be; 0: it can. *extra is freed by the caller. */
static int refusal(const cw_sip *sip, const sip_t *message, char **extra)
{
    bool too_brief;

    if (!message->sip_event || !message->sip_event->o_type || !sip->ops->subscribe)
        return 489;
    if (!message->sip_contact)
        return 400;
    if (sip->subs_n >= (unsigned)sip->conf->sip.subscriptions_max)
        return 503;
    (void)grant(sip, message, &too_brief);
    if (too_brief)
        *extra = min_expires_line(sip);
    return too_brief ? 423 : 0;
}

static cw_sip_sub *make_offered(cw_sip *sip, nta_incoming_t *irq, const sip_t *message,
                                const cw_addr *source, cw_sip_transport transport) CW_ON_LOOP
{
    cw_sip_dialog *dialog = cw_sip_dialog_new();
    cw_sip_sub *sub;
    bool ignored;

    if (cw_sip_dialog_take_invite(dialog, message)) {
        cw_sip_dialog_unref(dialog);
        return NULL;
    }
    dialog->transport = transport;
    if (transport != CW_SIP_UDP)
        dialog->flow = *source;
    dialog->contact =
        cw_sip_contact_for(sip, transport, source, dialog->local_user, dialog->secure);
    nta_incoming_tag(irq, dialog->local_tag);
    sub = cw_sub_make(sip, dialog, message->sip_event->o_type, message->sip_event->o_id);
    sub->notifier = true;
    sub->irq = irq;
    sub->expires_s = grant(sip, message, &ignored);
    cw_sub_run(sub, SUB_EV_ASKED, NULL);
    return sub;
}

void cw_sub_new_subscribe(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source,
                          cw_sip_transport transport)
{
    g_autofree char *extra = NULL;
    int status = refusal(sip, message, &extra);
    nta_incoming_t *irq = nta_incoming_create(sip->agent, NULL, msg, message, TAG_END());
    cw_sip_sub *sub;
    cw_err err;

    if (!irq)
        return;
    sub = status ? NULL : make_offered(sip, irq, message, source, transport);
    if (!sub) {
        cw_stat_inc(CW_STAT_sip_refused);
        status = status ? status : 400;
        nta_incoming_treply(irq, status, cw_sip_phrase(status), SIPTAG_SERVER_STR(sip->user_agent),
                            TAG_IF(extra, SIPTAG_HEADER_STR(extra)), TAG_END());
        nta_incoming_destroy(irq);
        return;
    }
    err = cw_sip_hand_up(sip, message, source, sub);
    if (err) {
        status = err == CW_E_UNSUPPORTED ? 489 : cw_err_sip(err); /* no such event */
        cw_stat_inc(CW_STAT_sip_refused);
        cw_sub_refuse(sub, status == 401 ? 403 : status, NULL);
        cw_sip_sub_free(sub);
    }
}
