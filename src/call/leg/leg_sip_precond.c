/* leg_sip_precond.c - preconditions of a SIP leg's streams (RFC 3312): our segment is always there;
 * a caller whose own is not yet waits in an early dialog, and nobody is alerted until it says so.
 */
#include "call/leg/leg_sip.h"

void cw_leg_sip_precond_offer(leg_sip *s)
{
    for (unsigned i = 0; s->leg.policy.preconditions && i < s->own->stream_n; i++)
        cw_precond_offer(&s->precond[i]);
}

void cw_leg_sip_precond_answer(leg_sip *s)
{
    for (unsigned i = 0; s->leg.policy.preconditions && i < CW_DESC_STREAMS_MAX; i++)
        cw_precond_answer(&cw_leg_sip_place(s, i)->precond, &s->precond[i]);
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

        cw_precond_answer(&cw_leg_sip_place(s, i)->precond, &ours);
        if (is_live(s, i) && !cw_precond_met(&ours))
            return false;
    }
    return true;
}

cw_err cw_leg_sip_precond_judge(cw_leg *leg, bool *wait)
{
    leg_sip *s = (leg_sip *)leg;

    *wait = false;
    if (!leg->policy.preconditions)
        return CW_OK;
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        if (is_live(s, i) && cw_precond_lost(&cw_leg_sip_place(s, i)->precond))
            return CW_E_PRECONDITION;
    *wait = s->reliable && !are_met(s);
    return CW_OK;
}

cw_err cw_leg_sip_precond_wait(cw_leg *leg, const cw_media_desc *foretold)
{
    cw_leg_note(leg, "SIP", "waits for the caller's network");
    return cw_leg_sip_answer_early((leg_sip *)leg, foretold) ? CW_OK : CW_E_NO_CODEC;
}

void cw_leg_sip_precond_look(leg_sip *s)
{
    cw_call *call = s->leg.arg;

    if (call->waiting && are_met(s))
        cw_call_go_on(call);
}
