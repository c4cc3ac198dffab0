/* INVITE as server: RFC 3261 13.3, 9.2, 15.1.2. The actions of invite.fsm. */
#include "sip/dialog/call.h"

#include "base/json.h"
#include "base/log.h"
#include "sip/text/uri.h"
#include "sip/web.h"

#include <string.h>

#define T2_MS         4000  /* RFC 3261 17.1.2.2 */
#define SAY_AGAIN_MS  60000 /* 13.3.1.1: a provisional every minute */
#define RING_GRACE_MS 10000 /* above sip.ring_timeout_ms, which the call's own timer has */

void cw_sip_uas_reply_with(cw_sip_call *call, nta_incoming_t *irq, int status, const char *sdp,
                           const char *lines)
{
    const char *contact = status < 300 ? call->dialog->contact : NULL;
    g_autofree char *supported = status < 300 ? cw_sip_supported_line(call->sip, call) : NULL;
    g_autofree char *more = irq == call->irq && call->say ? g_strjoinv("\r\n", call->say) : NULL;

    nta_incoming_treply(
        irq, status, cw_sip_phrase(status), SIPTAG_CONTACT_STR(contact),
        TAG_IF(more, SIPTAG_HEADER_STR(more)), TAG_IF(supported, SIPTAG_ALLOW_STR(CW_SIP_ALLOW)),
        TAG_IF(supported, SIPTAG_HEADER_STR(supported)), TAG_IF(lines, SIPTAG_HEADER_STR(lines)),
        SIPTAG_SERVER_STR(call->sip->user_agent),
        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
        TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
    cw_sip_call_trace(call, true, status, cw_sip_phrase(status), NULL);
}

void cw_sip_uas_reply(cw_sip_call *call, nta_incoming_t *irq, int status, const char *sdp)
{
    cw_sip_uas_reply_with(call, irq, status, sdp, NULL);
}

static void reply_final(cw_sip_call *call, int status, cw_err why) CW_ON_LOOP
{
    g_auto(GStrv) reasons = cw_sip_call_reasons(call, why);
    g_autofree char *reason = g_strjoinv("\r\n", reasons);
    g_autofree char *more = call->say ? g_strjoinv("\r\n", call->say) : NULL;
    const char *needs = why == CW_E_EXTENSION ? "precondition" : NULL;
    const char *lacks = why == CW_E_BAD_EXTENSION ? "precondition" : NULL;
    const char *sdp = call->explanation;

    cw_sip_reliable_final(call);
    if (call->invite_msg)
        nta_msg_treply(
            call->sip->agent, g_steal_pointer(&call->invite_msg), status,
            cw_sip_refusal(status, why), SIPTAG_HEADER_STR(reason),
            TAG_IF(more, SIPTAG_HEADER_STR(more)), SIPTAG_SERVER_STR(call->sip->user_agent),
            TAG_IF(needs, SIPTAG_REQUIRE_STR(needs)), TAG_IF(lacks, SIPTAG_UNSUPPORTED_STR(lacks)),
            TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
            TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)),
            TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("5")), TAG_END());
    else
        nta_incoming_treply(
            call->irq, status, cw_sip_refusal(status, why), SIPTAG_HEADER_STR(reason),
            TAG_IF(more, SIPTAG_HEADER_STR(more)), SIPTAG_SERVER_STR(call->sip->user_agent),
            TAG_IF(needs, SIPTAG_REQUIRE_STR(needs)), TAG_IF(lacks, SIPTAG_UNSUPPORTED_STR(lacks)),
            TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
            TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)),
            TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("5")), TAG_END());
    cw_sip_call_trace(call, true, status, cw_sip_refusal(status, why), NULL);
}

void cw_sip_do_refuse(cw_sip_call *call, const cw_sip_note *note)
{
    int status = call->has_why && call->why.err == note->err && call->why.refusal
                     ? call->why.refusal
                     : cw_err_sip(note->err);

    if (status == 401) /* we ask no challenge */
        status = 403;
    reply_final(call, status >= 300 ? status : 480, note->err);
}

void cw_sip_do_refuse_cancelled(cw_sip_call *call, const cw_sip_note *note)
{
    cw_sip_end end = { .err = CW_E_CANCELLED,
                       .status = 487,
                       .by_peer = true,
                       .message = cw_sip_message_of(note->sip) };

    end.q850 = cw_sip_q850_of(note->sip);
    if (cw_sip_elsewhere(note->sip))
        end.err = CW_E_ANSWERED_ELSEWHERE;
    g_strlcpy(end.phrase, cw_sip_phrase(487), sizeof end.phrase);
    end.reason = cw_sip_reason_of(note->sip, end.phrase);
    reply_final(call, 487, CW_E_CANCELLED);
    cw_sip_call_tell_end(call, &end);
}

void cw_sip_do_refuse_rang_out(cw_sip_call *call, const cw_sip_note *note)
{
    reply_final(call, 480, CW_E_TIMEOUT);
    cw_sip_call_tell_local(call, CW_E_TIMEOUT, 480);
}

void cw_sip_do_refuse_no_prack(cw_sip_call *call, const cw_sip_note *note)
{
    reply_final(call, 504, CW_E_TIMEOUT);
    cw_sip_call_tell_local(call, CW_E_TIMEOUT, 504);
}

/* SDP that was agreed on reliably, or is about to be, is not said again (RFC 3261 13.2.1). */
static const char *still_to_say(const cw_sip_call *call, const char *sdp) CW_ON_LOOP
{
    return cw_sip_reliable_said_sdp(call) ? NULL : sdp;
}

void cw_sip_do_send_provisional(cw_sip_call *call, const cw_sip_note *note)
{
    const char *sdp = still_to_say(call, note->sdp);
    bool reliable = cw_sip_reliable_say(call, note->status, sdp);

    call->said = note->status;
    g_free(call->said_sdp);
    call->said_sdp = reliable ? NULL : g_strdup(sdp);
    if (!reliable)
        cw_sip_uas_reply(call, call->irq, call->said, call->said_sdp);
    cw_sip_call_arm(call, SAY_AGAIN_MS);
}

void cw_sip_do_repeat_provisional(cw_sip_call *call, const cw_sip_note *note)
{
    if (!cw_sip_reliable_say(call, call->said, still_to_say(call, call->said_sdp)))
        cw_sip_uas_reply(call, call->irq, call->said, call->said_sdp);
    cw_sip_call_arm(call, SAY_AGAIN_MS);
}

void cw_sip_do_keep_answer(cw_sip_call *call, const cw_sip_note *note) {}

void cw_sip_do_send_answer(cw_sip_call *call, const cw_sip_note *note)
{
    const struct cw_conf_sip *conf = &call->sip->conf->sip;
    cw_sip_exchange *x = cw_sip_exchange_of(call, call->dialog);
    g_autofree char *timer = NULL;

    cw_sip_reliable_final(call);
    call->dialog->confirmed = true;
    call->said = note->status;
    call->answer = g_strdup(still_to_say(call, note->sdp));
    if (call->answer)
        cw_sip_exchange_ours(x, call->answer);
    x->agreed = x->agreed || !call->offerless;
    call->repeat_ms = (uint64_t)conf->t1_ms;
    timer = cw_sip_timer_agree(call);
    cw_sip_uas_reply_with(call, call->irq, call->said, call->answer, timer);
    cw_sip_call_arm(call, call->repeat_ms);
    cw_sip_call_arm_deadline(call, (uint64_t)conf->t1x64_ms);
}

void cw_sip_do_repeat_answer(cw_sip_call *call, const cw_sip_note *note)
{
    g_autofree char *timer = cw_sip_timer_agreed(call);

    call->repeat_ms = MIN(call->repeat_ms * 2, T2_MS);
    cw_sip_uas_reply_with(call, call->irq, call->said, call->answer, timer);
    cw_sip_call_arm(call, call->repeat_ms);
}

void cw_sip_do_take_ack(cw_sip_call *call, const cw_sip_note *note)
{
    const cw_sip_call_ops *ops = call->ops;
    cw_sip_exchange *x = cw_sip_exchange_of(call, call->dialog);
    const char *sdp = NULL;
    size_t len = 0;

    cw_timer_stop(call->timer);
    cw_timer_stop(call->deadline);
    nta_incoming_destroy(call->irq);
    call->irq = NULL;
    if (call->offerless && !x->agreed) {
        cw_sip_sdp_of(note->sip, &sdp, &len);
        cw_sip_exchange_theirs(x, sdp, len);
        x->agreed = true;
    }
    if (ops && ops->confirmed)
        ops->confirmed(call->arg, sdp, len);
}

void cw_sip_do_tell_no_ack(cw_sip_call *call, const cw_sip_note *note)
{
    call->hangup = CW_E_TIMEOUT;
    cw_sip_do_send_bye(call, note);
    cw_sip_call_tell_local(call, CW_E_TIMEOUT, 408);
}

void cw_sip_do_take_bye(cw_sip_call *call, const cw_sip_note *note)
{
    cw_sip_end end = { .by_peer = true,
                       .q850 = cw_sip_q850_of(note->sip),
                       .message = cw_sip_message_of(note->sip) };

    end.reason = cw_sip_reason_of(note->sip, end.phrase);
    cw_sip_call_tell_end(call, &end);
}

/* --- the INVITE itself --- */

static int on_cancel(cw_sip_call *call, nta_incoming_t *irq, sip_t const *sip)
{
    cw_sip_note note = { .sip = sip };

    cw_assert_on_loop();
    if (sip && sip->sip_request && sip->sip_request->rq_method == sip_method_cancel) {
        cw_sip_call_trace(call, false, 0, NULL, "CANCEL");
        cw_sip_call_run(call, SIP_EV_CANCEL, &note);
    }
    return 0;
}

void cw_sip_uas_on_ack(cw_sip_call *call, const sip_t *sip)
{
    cw_sip_note note = { .sip = sip };

    if (cw_sip_modify_ack(call, sip))
        return;
    if (sip->sip_cseq->cs_seq == call->remote_invite_cseq &&
        (call->state == SIP_ACCEPTED || call->state == SIP_DOOMED)) {
        cw_sip_call_trace(call, false, 0, NULL, "ACK");
        cw_sip_call_run(call, SIP_EV_ACK, &note);
    }
}

static unsigned hops_used(const sip_t *message)
{
    const sip_max_forwards_t *left = message->sip_max_forwards;

    return left && left->mf_count < CW_SIP_HOPS_MAX ? CW_SIP_HOPS_MAX - (unsigned)left->mf_count
                                                    : 0;
}

/* NULL: it has no such parameter (RFC 5627 3.1). */
static char *gruu_of(const url_t *ruri, const char *text)
{
    char gr[256];

    if (!text || !ruri->url_params || url_param(ruri->url_params, "gr", gr, sizeof gr) <= 1)
        return NULL;
    return cw_sip_is_plain(gr) ? g_strdup_printf("%s;gr=%s", text, gr) : NULL;
}

static cw_err offer_upwards(cw_sip_call *call, const sip_t *message) CW_ON_LOOP
{
    cw_sip *sip = call->sip;
    cw_sip_exchange *x = cw_sip_exchange_of(call, call->dialog);
    const url_t *ruri = message->sip_request->rq_url;
    g_autofree char *ruri_user = cw_sip_url_user(ruri);
    g_autofree char *ruri_text = ruri->url_type == url_tel ? NULL : cw_sip_url_text(ruri);
    g_autofree char *gruu = gruu_of(ruri, ruri_text);
    g_autofree char *from_user = cw_sip_url_user(message->sip_from->a_url);
    g_autofree char *display = cw_sip_display_decode(message->sip_from->a_display);
    g_autofree char *from_uri = cw_sip_url_text(message->sip_from->a_url);
    g_autofree char *to_uri = cw_sip_url_text(message->sip_to->a_url);
    const char *from_host = message->sip_from->a_url->url_host;
    cw_sip_invite invite = {
        .peer = &sip->peer,
        .source = call->source,
        .ruri_user = ruri_user,
        .ruri = ruri_text ?: "",
        .gruu = gruu,
        .ruri_host = ruri->url_type == url_tel || !ruri->url_host ? "" : ruri->url_host,
        .from_user = from_user,
        .from_host = from_host ? from_host : "",
        .from_display = display,
        .from_uri = from_uri,
        .to_uri = to_uri,
        .call_id = message->sip_call_id->i_id,
        .hops_used = hops_used(message),
        .message = cw_sip_message_of(message),
    };

    if (!ruri_user || !from_user || !cw_sip_is_plain(invite.ruri_host) ||
        !cw_sip_is_plain(ruri_text) || !cw_sip_is_plain(from_host) || !cw_sip_is_plain(from_uri) ||
        !cw_sip_is_plain(to_uri) || !cw_sip_is_plain(invite.call_id))
        return CW_E_UNSAFE;
    call->offerless = !cw_sip_sdp_of(message, &invite.sdp, &invite.sdp_len);
    cw_sip_reliable_invited(call, message);
    cw_sip_timer_asked(call, message);
    invite.reliable = call->rel != CW_REL_NEVER;
    invite.preconditions = cw_sip_offers_option(message, "precondition");
    invite.demands = cw_sip_requires_option(message, "precondition");
    x->they_offered = !call->offerless;
    cw_sip_exchange_theirs(x, invite.sdp, invite.sdp_len);
    return sip->ops->invite ? sip->ops->invite(sip->arg, &invite, call) : CW_E_UNAVAILABLE;
}

void cw_sip_uas_taken(cw_sip_call *call)
{
    if (!call->invite_msg)
        return;
    call->irq = nta_incoming_create(call->sip->agent, NULL, g_steal_pointer(&call->invite_msg),
                                    NULL, TAG_END());
    nta_incoming_tag(call->irq, call->dialog->local_tag);
    nta_incoming_bind(call->irq, on_cancel, call);
    nta_incoming_treply(call->irq, SIP_100_TRYING, TAG_END());
}

void cw_sip_uas_invite(cw_sip *sip, msg_t *msg, const sip_t *message, const cw_sip_peer *peer)
{
    cw_sip_call *call = cw_sip_call_make(sip);
    cw_err err = cw_sip_dialog_take_invite(call->dialog, message);

    call->invite_msg = msg;
    call->source = peer->addr;
    call->remote_invite_cseq = message->sip_cseq->cs_seq;
    call->dialog->transport = peer->transport;
    if (peer->web) {
        cw_sip_web_mark(peer->web, call->dialog);
    } else if (peer->transport != CW_SIP_UDP) {
        call->dialog->flow = peer->addr;
    }
    call->dialog->gruu = g_strdup(cw_sip_reg_gruu(sip, call->dialog->local_user));
    call->dialog->every = cw_sip_reg_every(sip, call->dialog->local_user);
    call->dialog->contact =
        call->dialog->gruu ? g_strdup_printf("<%s>", call->dialog->gruu)
                           : cw_sip_contact_for(sip, peer->transport, &peer->addr,
                                                call->dialog->local_user, call->dialog->secure);
    cw_sip_call_list(call);
    cw_sip_call_run(call, SIP_EV_INVITED, NULL);
    cw_sip_call_arm_deadline(call, (uint64_t)sip->conf->sip.ring_timeout_ms + RING_GRACE_MS);
    cw_sip_call_ref(call); /* whoever takes it may let go of it before returning */
    if (!err)
        err = offer_upwards(call, message);
    if (!err && !call->ops && !call->freed && call->state == SIP_OFFERED)
        err = CW_E_INTERNAL;
    if (err) { /* otherwise the taker has the first reference */
        cw_log(CW_LOG_INFO, CW_MOD_SIP, "sip.refused", "call_id", call->dialog->call_id, "why",
               cw_err_kind(err), NULL);
        cw_stat_inc(CW_STAT_sip_refused);
        cw_sip_call_end(call, err);
        cw_sip_call_free(call);
    }
    cw_sip_call_unref(call);
}
