/* leg_sip.c - a SIP dialog: our own SDP to it, an RTP port pair a stream. The offers and answers
 * after the first are in leg_sip_media.c, calling out is in leg_sip_out.c. */
#include "call/leg/leg_sip.h"

#include "base/stats.h"
#include "call/route/manner.h"
#include "call/leg/picture.h"

#include <string.h>

/* ── The stack's events ── */

static void on_progress(void *arg, const cw_sip_response *response)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_sip_heard(s, response->message);
    if (s->web.on) /* its early media would need another association */
        cw_leg_emit(&s->leg, &(cw_leg_event){ .what = CW_LEG_RINGING, .status = response->status });
    else
        cw_leg_sip_progress(s, response);
}

static void on_answered(void *arg, const cw_sip_response *response)
{
    leg_sip *s = arg;
    cw_err err;

    cw_assert_on_loop();
    cw_leg_sip_heard(s, response->message);
    err = cw_leg_sip_choose(s, response);
    if (!err)
        err = cw_leg_sip_precond_kept(s);
    if (err) {
        cw_leg_fail(&s->leg, err);
        return;
    }
    cw_leg_sip_drop_refused(s);
    cw_trunks_answered(s->calls->trunks, s->trunk);
    cw_leg_tell(&s->leg, CW_LEG_ANSWERED);
    cw_leg_sip_tell_held(s, false);
}

static void on_confirmed(void *arg, const char *sdp, size_t len)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    s->up = true;
    if (s->awaits_ack) {
        cw_err err = sdp ? cw_leg_sip_take_answer(s, sdp, len) : CW_E_BAD_SDP;

        s->awaits_ack = false;
        if (err) {
            cw_leg_fail(&s->leg, err);
            return;
        }
        cw_leg_tell(&s->leg, CW_LEG_DESCRIBED);
    }
    cw_leg_sip_tell_held(s, false);
    cw_leg_sip_settle(s);
}

static void on_identified(void *arg, const cw_sip_message *message)
{
    cw_assert_on_loop();
    cw_leg_sip_identified(arg, message);
}

static void on_reoffered(void *arg, const cw_sip_offer *offer)
{
    cw_assert_on_loop();
    cw_leg_sip_reoffered(arg, offer);
}

static void on_reanswered(void *arg, const cw_sip_response *response)
{
    cw_assert_on_loop();
    cw_leg_sip_reanswered(arg, response);
}

static void on_info(void *arg, const char *type, const char *body, size_t len)
{
    cw_assert_on_loop();
    if (cw_picture_is_update(type, body, len))
        cw_leg_sip_picture_asked(arg);
    else
        cw_leg_sip_info(arg, type, body, len);
}

static cw_err on_refer(void *arg, const cw_sip_referred *referred, cw_sip_referral *referral)
{
    cw_assert_on_loop();
    return cw_leg_sip_referred(arg, referred, referral);
}

static cw_err on_redirected(void *arg, const char *uri)
{
    cw_assert_on_loop();
    return cw_leg_sip_redirected(arg, uri);
}

static void on_back(void *arg, cw_sip_web *web)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_sip_web_back(&s->leg, cw_sip_web_owner(web));
}

static void on_ended(void *arg, const cw_sip_end *end)
{
    leg_sip *s = arg;
    cw_leg_event event = { .what = CW_LEG_ENDED };

    cw_assert_on_loop();
    if (cw_leg_sip_next_trunk(s, end))
        return;
    event.cause.err = end->err;
    event.cause.gateway = end->err != CW_OK && !end->by_peer;
    event.cause.status = end->status >= 300 ? end->status : 0;
    event.cause.q850 = end->q850;
    if (end->reason >= 300)
        event.cause.status = end->reason;
    if (end->status == 420 && s->target.demands)
        event.cause.err = CW_E_PRECONDITION;
    cw_leg_sip_heard(s, end->message);
    g_autofree char *phrase = g_utf8_make_valid(end->phrase, -1);

    g_strlcpy(event.cause.phrase, phrase, sizeof event.cause.phrase);
    cw_leg_emit(&s->leg, &event);
}

static void on_trace(void *arg, bool out, const char *what)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_trace(&s->leg, out, "SIP", what);
}

const cw_sip_call_ops cw_leg_sip_events = {
    .progress = on_progress,
    .answered = on_answered,
    .confirmed = on_confirmed,
    .identified = on_identified,
    .reoffered = on_reoffered,
    .reanswered = on_reanswered,
    .info = on_info,
    .refer = on_refer,
    .redirected = on_redirected,
    .back = on_back,
    .ended = on_ended,
    .trace = on_trace,
};

/* ── Being called ── */

/* 181 and 182 are no ringing: they are passed on as they are. 199 is of one fork (RFC 6228). */
static bool is_news(const leg_sip *s, int status)
{
    return !s->answered && status >= 180 && status <= 183 && status != s->said &&
           !(status == 183 && s->given);
}

static CW_ON_LOOP void op_ring(cw_leg *leg, int status, const cw_media_desc *foretold)
{
    leg_sip *s = (leg_sip *)leg;

    cw_leg_sip_say(s);
    if (foretold && cw_leg_sip_ring_aloud(s, foretold))
        return;
    if (is_news(s, status) && cw_sip_call_respond(s->sip, status, NULL, 0) == CW_OK)
        s->said = status;
}

/* The INVITE had no offer: ours goes into the 200, the answer comes in the ACK. */
static CW_ON_LOOP cw_err offer_late(leg_sip *s, const cw_media_desc *callee)
{
    cw_err err = cw_leg_sip_make_offer(s, callee);

    if (err)
        return err;
    s->awaits_ack = true;
    return cw_leg_sip_open(s);
}

static CW_ON_LOOP cw_err op_answer(cw_leg *leg, const cw_media_desc *answer, int early)
{
    leg_sip *s = (leg_sip *)leg;
    g_autofree char *sdp = NULL;
    cw_err err = CW_OK;

    if (early && !s->described) /* early media towards such a caller would need 100rel */
        return CW_OK;
    if (!s->described)
        err = offer_late(s, answer);
    else if (!s->given)
        err = cw_leg_sip_give_answer(s, answer);
    if (err)
        return err;
    s->given = true;
    s->answered = !early;
    sdp = cw_leg_sip_write(s);
    cw_leg_sip_say(s);
    return cw_sip_call_respond(s->sip, early ?: 200, sdp, strlen(sdp));
}

/* ── In the call ── */

static CW_ON_LOOP void op_hold(cw_leg *leg, bool on)
{
    leg_sip *s = (leg_sip *)leg;

    s->other_holds = on;
    cw_leg_sip_settle(s);
}

static CW_ON_LOOP cw_err op_update(cw_leg *leg, const cw_media_desc *desc)
{
    return cw_leg_sip_update((leg_sip *)leg, desc);
}

static void op_info(cw_leg *leg, const json_t *muted) {}

static CW_ON_LOOP void op_end(cw_leg *leg, const cw_cause *cause, cw_by by)
{
    leg_sip *s = (leg_sip *)leg;

    cw_leg_sip_stop_looking(s);
    cw_leg_sip_end_refer(s);
    if (s->sip && !leg->over)
        cw_leg_sip_hang_up(s, cause);
    if (s->counted)
        cw_trunks_ended(s->calls->trunks, s->trunk, cause);
    s->counted = false;
    cw_leg_sip_close(s);
    cw_leg_sip_web_close(s);
}

static CW_ON_LOOP cw_ep *op_endpoint(cw_leg *leg, unsigned stream)
{
    const leg_sip *s = (const leg_sip *)leg;

    if (stream >= s->remote->stream_n || s->remote->stream[stream].refused)
        return NULL;
    return cw_leg_sip_ep(s, stream);
}

static CW_ON_LOOP void op_describe(cw_leg *leg, json_t *into)
{
    const leg_sip *s = (const leg_sip *)leg;

    const struct cw_conf_trunk *trunk = s->trunk ?: s->from_trunk;

    if (trunk)
        json_object_set_new(into, "trunk", json_string(trunk->name ?: trunk->address));
    if (s->web.client)
        json_object_set_new(into, "user", json_string(s->web.client->identity.user));
    if (s->web.peer)
        json_object_set_new(into, "transport", cw_peer_json(s->web.peer));
    if (s->described && !s->web.on)
        json_object_set_new(into, "protection", cw_leg_sip_lock_json(s));
    if (s->forks)
        json_object_set_new(into, "forks", cw_leg_sip_forks_json(s));
    if (s->sip)
        json_object_set_new(into, "dialog", cw_sip_call_json(s->sip));
}

static CW_ON_LOOP void op_free(cw_leg *leg)
{
    leg_sip *s = (leg_sip *)leg;

    if (s->counted)
        cw_trunks_ended(s->calls->trunks, s->trunk, &(cw_cause){ 0 });
    cw_leg_sip_close(s);
    cw_leg_sip_web_close(s);
    cw_leg_sip_end_refer(s);
    cw_sip_referral_free(s->referral);
    cw_sip_call_free(s->sip);
    cw_leg_sip_stop_looking(s);
    cw_leg_sip_clear_target(s);
    cw_leg_sip_forget_forks(s);
    cw_timer_free(s->lock_timer);
    cw_leg_sip_drop_places(s);
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        cw_leg_sip_lock_drop(s, i);
    g_free(s->from_uri);
    g_free(s->own);
    g_free(s->remote);
    g_free(s);
}

static const cw_leg_ops ops = {
    .kind = "sip",
    .offer = cw_leg_sip_call_out,
    .ring = op_ring,
    .answer = op_answer,
    .update = op_update,
    .hold = op_hold,
    .dtmf = cw_leg_sip_dtmf,
    .info = op_info,
    .named = cw_leg_sip_named,
    .moved = cw_leg_sip_moved,
    .refer = cw_leg_sip_refer,
    .end = op_end,
    .endpoint = op_endpoint,
    .describe = op_describe,
    .free = op_free,
};

/* ── Made ── */

static CW_ON_LOOP leg_sip *make(cw_calls *calls, unsigned worker, const char *name,
                                const struct cw_conf_trunk *trunk)
{
    leg_sip *s = g_new0(leg_sip, 1);
    g_autofree char *text = g_utf8_make_valid(name, -1);

    cw_leg_init(&s->leg, &ops, text);
    s->leg.worker = worker;
    s->own = cw_desc_dup(s->leg.desc);
    s->remote = cw_desc_dup(s->leg.desc);
    s->leg.local = &s->own;
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        s->gate[i] = CW_SENDRECV;
    s->calls = calls;
    cw_random(&s->session_id, sizeof s->session_id);
    s->leg.policy = cw_policy_sip(calls->conf, trunk);
    s->leg.takes = cw_manner_headers_out(calls->conf, trunk);
    s->leg.hold_music = trunk ? trunk->hold_music : NULL;
    s->session_id >>= 1; /* fits what peers keep in a signed 64-bit number */
    s->version = 1;
    return s;
}

cw_leg *cw_leg_sip_new_web(cw_client *client, cw_id call, unsigned worker,
                           const cw_sip_target *target)
{
    leg_sip *s = make(client->calls, worker, client->identity.user, NULL);

    cw_leg_sip_set_target(s, target, NULL);
    cw_leg_sip_use_web(s, client, call);
    return &s->leg;
}

cw_leg *cw_leg_sip_new(cw_calls *calls, unsigned worker, const cw_sip_target *target,
                       const struct cw_conf_trunk *trunk)
{
    leg_sip *s = make(calls, worker, target->ruri, trunk);

    s->leg.via = trunk ? trunk->name : NULL;
    cw_leg_sip_set_target(s, target, trunk);
    return &s->leg;
}

cw_err cw_leg_sip_incoming(cw_calls *calls, unsigned worker, const cw_sip_invite *invite,
                           cw_leg **ret)
{
    const struct cw_conf_trunk *trunk = cw_calls_manner_of(calls, invite);
    leg_sip *s = make(calls, worker, invite->from_uri, trunk);
    g_autofree char *early = cw_sip_message_header(invite->message, "P-Early-Media", 0);
    cw_err err = CW_OK;

    s->permits = early != NULL;
    s->reliable = invite->reliable;
    s->from_trunk = trunk;
    s->leg.wants_ringback = trunk ? trunk->ringback : calls->conf->sip.ringback;
    cw_leg_sip_calls(s, invite->message);
    s->family = cw_addr_family(&invite->source);
    if (invite->sdp)
        err = cw_leg_sip_take_offer(s, invite->sdp, invite->sdp_len);
    if (err) {
        cw_leg_free(&s->leg);
        return err;
    }
    *ret = &s->leg;
    return CW_OK;
}

cw_err cw_leg_sip_incoming_web(cw_client *client, cw_id call, unsigned worker,
                               const cw_sip_invite *invite, cw_leg **ret)
{
    leg_sip *s = make(client->calls, worker, client->identity.user, NULL);
    cw_err err = CW_OK;

    cw_leg_sip_use_web(s, client, call);
    s->reliable = invite->reliable;
    cw_leg_sip_calls(s, invite->message);
    if (invite->sdp)
        err = cw_leg_sip_take_offer(s, invite->sdp, invite->sdp_len);
    if (err) {
        cw_leg_free(&s->leg);
        return err;
    }
    *ret = &s->leg;
    return CW_OK;
}

void cw_leg_sip_accept(cw_leg *leg, cw_sip_call *sip)
{
    leg_sip *s = (leg_sip *)leg;

    s->sip = sip;
    cw_sip_call_session(sip, s->from_trunk ? s->from_trunk->session_expires_s : 0);
    cw_sip_call_accept(sip, &cw_leg_sip_events, s);
}
