/* leg_sip_precond.c - preconditions of a SIP leg's streams (RFC 3312): our segment is always there;
 * a caller whose own is not yet waits in an early dialog, and nobody is alerted until it says so.
 */
#include "call/leg/leg_sip.h"

static bool are_demanded(const leg_sip *s)
{
    return s->leg.policy.preconditions == CW_PRECONDS_REQUIRE;
}

static CW_ON_LOOP void answer_one(const leg_sip *s, unsigned i, cw_precond *ret)
{
    cw_precond_answer(&cw_leg_sip_place(s, i)->precond, ret);
    if (are_demanded(s) && !s->up)
        cw_precond_demand(ret);
}

void cw_leg_sip_precond_offer(leg_sip *s)
{
    const cw_preconds how = s->leg.policy.preconditions;

    s->target.preconditions = how != CW_PRECONDS_OFF;
    s->target.demands = are_demanded(s);
    for (unsigned i = 0; how && i < s->own->stream_n; i++) {
        cw_precond_offer(&s->precond[i]);
        if (are_demanded(s))
            cw_precond_demand(&s->precond[i]);
    }
}

void cw_leg_sip_precond_answer(leg_sip *s)
{
    for (unsigned i = 0; s->leg.policy.preconditions && i < CW_DESC_STREAMS_MAX; i++)
        answer_one(s, i, &s->precond[i]);
}

void cw_leg_sip_precond_answered(leg_sip *s)
{
    for (unsigned i = 0; s->leg.policy.preconditions && i < CW_DESC_STREAMS_MAX; i++)
        cw_precond_take(&s->precond[i], &cw_leg_sip_place(s, i)->precond);
}

static CW_ON_LOOP bool is_live(const leg_sip *s, unsigned i)
{
    return i < s->remote->stream_n && !s->remote->stream[i].refused;
}

/* As our answer would have it, when none was given yet. */
static CW_ON_LOOP bool are_met(const leg_sip *s)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        cw_precond ours;

        answer_one(s, i, &ours);
        if (is_live(s, i) && !cw_precond_met(&ours))
            return false;
    }
    return true;
}

static CW_ON_LOOP bool are_lost(const leg_sip *s)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        if (is_live(s, i) && cw_precond_lost(&cw_leg_sip_place(s, i)->precond))
            return true;
    return false;
}

/* ── Being called ── */

/* What failed, in the 580: their offer with it, without ports. */
static CW_ON_LOOP cw_err lose(const leg_sip *s, cw_sip_call *sip)
{
    g_autofree cw_rtp_place *place = g_new0(cw_rtp_place, CW_DESC_STREAMS_MAX);
    g_autofree char *sdp = NULL;

    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        if (is_live(s, i))
            cw_precond_refuse(&cw_leg_sip_place(s, i)->precond, are_demanded(s), &place[i].precond);
    sdp = cw_sdp_write_rtp(s->remote, place, s->session_id, s->version);
    cw_sip_call_explain(sip, sdp);
    return CW_E_PRECONDITION;
}

cw_err cw_leg_sip_precond_judge(cw_leg *leg, const cw_sip_invite *invite, cw_sip_call *sip,
                                bool *wait)
{
    leg_sip *s = (leg_sip *)leg;

    *wait = false;
    cw_sip_call_preconditions(sip, leg->policy.preconditions != CW_PRECONDS_OFF);
    if (!leg->policy.preconditions)
        return invite->demands ? CW_E_BAD_EXTENSION : CW_OK;
    if (are_demanded(s) && !invite->preconditions)
        return CW_E_EXTENSION;
    if (are_lost(s))
        return lose(s, sip);
    *wait = s->reliable && !are_met(s);
    /* Without reliable responses there is no early dialog to wait in. */
    return are_demanded(s) && !*wait && !are_met(s) ? lose(s, sip) : CW_OK;
}

cw_err cw_leg_sip_precond_wait(cw_leg *leg, const cw_media_desc *foretold)
{
    cw_leg_note(leg, "SIP", "waits for the caller's network");
    return cw_leg_sip_answer_early((leg_sip *)leg, foretold) ? CW_OK : CW_E_NO_CODEC;
}

bool cw_leg_sip_precond_must(cw_leg *leg)
{
    leg_sip *s = (leg_sip *)leg;

    if (!are_demanded(s))
        return false;
    (void)lose(s, s->sip);
    return true;
}

void cw_leg_sip_precond_look(leg_sip *s)
{
    cw_call *call = s->leg.arg;

    if (!call->waiting)
        return;
    if (are_lost(s))
        cw_call_end(call, &(cw_cause){ .err = lose(s, s->sip), .gateway = true });
    else if (are_met(s))
        cw_call_go_on(call);
}

/* ── Calling ── */

cw_err cw_leg_sip_precond_kept(const leg_sip *s)
{
    if (!are_demanded(s))
        return CW_OK;
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        if (is_live(s, i) && !cw_leg_sip_place(s, i)->precond.used)
            return CW_E_PRECONDITION; /* it answered as if nothing had been required */
    return are_lost(s) ? CW_E_PRECONDITION : CW_OK;
}
