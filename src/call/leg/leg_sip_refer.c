/* leg_sip_refer.c - transfer on the SIP side: the far side's REFER, ours, and INVITEs that take a
 * leg's place. */
#include "call/leg/leg_sip.h"
#include "call/route/permit.h"
#include "call/transfer/transfer.h"
#include "call/web/web.h"

#include "base/log.h"
#include "user/user.h"

#include <string.h>

/* ── May it? ── */

static bool may_refer(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    return trunk ? trunk->refer : conf->sip.refer;
}

static const struct cw_conf_trunk *trunk_of(const leg_sip *s)
{
    return s->trunk ?: s->from_trunk;
}

/* Beyond what it may call anyway: like a token's scopes, without "call:". */
static bool is_listed(char *const *patterns, const char *target)
{
    for (; patterns && *patterns; patterns++) {
        g_autofree char *scope = g_strdup_printf("call:%s", *patterns);
        cw_grant one = { .n = 1, .scope = { scope } };

        if (cw_grant_allows(&one, "call", target))
            return true;
    }
    return false;
}

/* ── Where does it lead? ── */

/* A target of ours: what an INVITE from there would reach. Another: only what is listed. */
static CW_ON_LOOP cw_err find_route(const leg_sip *s, const cw_asker *asker, const char *uri,
                                    cw_route *ret)
{
    const struct cw_conf_trunk *trunk = trunk_of(s);
    const cw_conf *conf = s->calls->conf;
    const cw_writer writer = { .trunk = trunk };
    char why[128];
    cw_err err;

    *ret = (cw_route){ 0 };
    if (s->web.on) /* a user: where they may call, they may transfer */
        return s->web.client ? cw_web_route(s->web.client, asker, uri, ret, why) : CW_E_FORBIDDEN;
    if (cw_sip_is_us(s->calls->sip, uri)) {
        g_autofree char *user = cw_sip_uri_user(uri);

        return user ? cw_route_inbound(conf, &writer, user, ret) : CW_E_NOT_FOUND;
    }
    err = cw_route_find(conf, &writer, uri, ret, why);
    if (err)
        return err == CW_E_UNSAFE ? err : CW_E_NO_ROUTE;
    return is_listed(trunk ? trunk->refer_targets : conf->sip.refer_targets, ret->target)
               ? CW_OK
               : CW_E_FORBIDDEN;
}

/* ── Its REFER ── */

/* Both calls are ours: the far sides of both stay with each other. */
static CW_ON_LOOP cw_err join_own(leg_sip *s, cw_sip_call *also)
{
    leg_sip *second = cw_sip_call_owner(also, &cw_leg_sip_events);

    if (!second || second == s)
        return CW_E_NO_CALL;
    if (second->web.client != s->web.client) /* no call of somebody else's, nor by a guess */
        return CW_E_FORBIDDEN;
    return cw_call_join_calls(s->leg.arg, &s->leg, second->leg.arg, &second->leg);
}

static CW_ON_LOOP cw_err call_target(leg_sip *s, const cw_sip_referred *referred)
{
    bool replaces = referred->to.replaces.call_id != NULL;
    const struct cw_conf_trunk *trunk = trunk_of(s);
    const cw_asker asker = { .trunk = trunk ? trunk->name : NULL,
                             .identity = s->web.client ? &s->web.client->identity : NULL };
    cw_transfer_wish wish = { .asker = &asker,
                              .replaces = replaces ? &referred->to.replaces : NULL,
                              .referred_by = referred->referred_by };
    char why[128] = "";
    cw_route route;
    cw_err err = find_route(s, &asker, referred->to.uri, &route);

    wish.route = &route;
    if (!err && replaces && route.kind != CW_ROUTE_SIP)
        err = CW_E_NO_CALL; /* here is no such dialog */
    if (!err)
        err = cw_call_transfer(s->leg.arg, &s->leg, &wish, why);
    cw_route_clear(&route);
    return err;
}

cw_err cw_leg_sip_referred(leg_sip *s, const cw_sip_referred *referred, cw_sip_referral *referral)
{
    cw_sip_call *also = NULL;
    cw_err err;

    if (!s->web.on && !may_refer(s->calls->conf, trunk_of(s)))
        return CW_E_FORBIDDEN;
    if (referred->to.replaces.call_id)
        also = cw_sip_find_replaced(s->calls->sip, &referred->to.replaces);
    /* Whatever comes of it at once is told to the new one. */
    cw_sip_referral_free(g_steal_pointer(&s->referral));
    s->referral = referral;
    err = also ? join_own(s, also) : call_target(s, referred);
    if (err) {
        cw_leg_note(&s->leg, "SIP", cw_fmt("REFER refused: %s", cw_err_text(err)));
        s->referral = NULL;
    }
    return err;
}

static void on_told(void *arg)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    if (s->releasing)
        cw_leg_emit(&s->leg,
                    &(cw_leg_event){ .what = CW_LEG_RELEASED,
                                     .cause = { .err = CW_E_TRANSFERRED, .gateway = true } });
}

static int status_of(cw_moving state, int status, const cw_cause *cause)
{
    switch (state) {
    case CW_MOVING_TRYING:
        return 100;
    case CW_MOVING_RINGING:
        return status >= 180 && status < 200 ? status : 180;
    case CW_MOVING_DONE:
        return 200;
    case CW_MOVING_FAILED:
        break;
    }
    if (cause && cause->status >= 300)
        return cause->status;
    return cause && cause->err ? cw_err_sip(cause->err) : 503;
}

bool cw_leg_sip_moved(cw_leg *leg, cw_moving state, int status, const cw_cause *cause)
{
    leg_sip *s = (leg_sip *)leg;

    if (!s->referral || state == CW_MOVING_TRYING) /* 100 went out with the 202 */
        return false;
    s->releasing = state == CW_MOVING_DONE && !leg->ended;
    cw_sip_referral_tell(s->referral, status_of(state, status, cause),
                         cause && cause->status >= 300 ? cause->phrase : NULL, on_told, s);
    return s->releasing;
}

/* ── Ours ── */

static void on_report(void *arg, cw_err err, int status, const char *phrase, bool last)
{
    leg_sip *s = arg;
    cw_leg_event event = { .what = CW_LEG_REPORTED, .status = err && !status ? 503 : status };

    cw_assert_on_loop();
    if (last)
        s->refer = NULL;
    if (status >= 300 || err) {
        event.cause.err = err ? err : cw_err_from_sip(status);
        event.cause.status = status >= 300 ? status : 0;
        g_strlcpy(event.cause.phrase, phrase ? phrase : "", sizeof event.cause.phrase);
    }
    cw_leg_emit(&s->leg, &event);
}

cw_err cw_leg_sip_refer(cw_leg *leg, const cw_sip_refer_to *to)
{
    leg_sip *s = (leg_sip *)leg;
    cw_sip_refer_conf conf = { .to = to };
    const struct cw_conf_trunk *trunk = trunk_of(s);

    if (!(trunk ? trunk->refer_out : s->calls->conf->sip.refer_out))
        return CW_E_UNSUPPORTED;
    if (!s->sip || s->refer)
        return CW_E_STATE;
    return cw_sip_refer_new(s->sip, &conf, on_report, s, &s->refer);
}

cw_err cw_leg_sip_refer_to(const cw_leg *leg, cw_sip_refer_to *ret)
{
    const leg_sip *s = (const leg_sip *)leg;
    cw_err err;

    if (strcmp(leg->ops->kind, "sip") != 0 || !s->sip)
        return CW_E_UNSUPPORTED;
    err = cw_sip_call_replaces(s->sip, &ret->replaces);
    if (!err)
        ret->uri = cw_sip_call_target(s->sip);
    return err;
}

void cw_leg_sip_end_refer(leg_sip *s)
{
    cw_sip_refer_free(g_steal_pointer(&s->refer));
}

/* ── INVITE with Replaces ── */

static CW_ON_LOOP cw_err replace(cw_calls *calls, const cw_sip_invite *invite, leg_sip *old,
                                 cw_sip_call *sip)
{
    cw_call *call = old->leg.arg;
    cw_leg *leg;
    cw_err err = cw_leg_sip_incoming(calls, old->leg.worker, invite, &leg);

    if (err)
        return err;
    cw_leg_sip_accept(leg, sip);
    cw_leg_trace(&old->leg, false, "SIP", "INVITE with Replaces");
    err = cw_call_replace(call, &old->leg, leg);
    if (err) {
        ((leg_sip *)leg)->sip = NULL; /* the stack answers, and keeps it */
        cw_sip_call_accept(sip, NULL, NULL);
        cw_leg_free(leg);
    }
    return err;
}

cw_err cw_leg_sip_replace(cw_calls *calls, const cw_sip_invite *invite, cw_sip_call *sip,
                          bool *taken)
{
    const struct cw_conf_trunk *trunk = cw_calls_manner_of(calls, invite);
    cw_sip_call *which;
    leg_sip *old;
    cw_err err = cw_sip_replaced(calls->sip, invite->message, &which);

    *taken = err || which;
    if (!*taken)
        return CW_OK;
    if (!may_refer(calls->conf, trunk))
        return CW_E_FORBIDDEN;
    if (err)
        return err;
    old = cw_sip_call_owner(which, &cw_leg_sip_events);
    return old ? replace(calls, invite, old, sip) : CW_E_DECLINED;
}
