/* leg_sip_late.c - a callee that makes the offer itself (trunk.late_offer): our INVITE has none,
 * our answer goes into the PRACK of its reliable 18x or the ACK of its 200 (RFC 3261 13.2.1,
 * RFC 3262 5). Of several early dialogs the one that described itself last is the leg's. */
#include "call/leg/leg_sip.h"

#include <string.h>

static CW_ON_LOOP void set_gate(leg_sip *s)
{
    cw_dir dir = s->up || s->leg.policy.early == CW_EARLY_ANY ? CW_SENDRECV : CW_INACTIVE;

    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        s->gate[i] = dir;
}

/* By what the other leg described at first. */
static CW_ON_LOOP cw_err answer(leg_sip *s, const cw_sip_response *response)
{
    g_autofree char *sdp = NULL;
    cw_err err = cw_leg_sip_take_offer(s, response->sdp, response->len);

    set_gate(s);
    if (!err)
        err = cw_leg_sip_give_answer(s, s->members.asked);
    if (err)
        return err;
    s->fork = response->fork;
    sdp = cw_leg_sip_write(s);
    return cw_sip_call_reanswer(s->sip, response->fork, sdp, strlen(sdp));
}

void cw_leg_sip_late_progress(leg_sip *s, const cw_sip_response *response)
{
    cw_err err = response->offers ? answer(s, response) : CW_OK;
    bool heard = s->described && s->fork == response->fork && s->leg.policy.early == CW_EARLY_ANY;

    if (err)
        cw_leg_fail(&s->leg, err);
    else
        cw_leg_emit(&s->leg, &(cw_leg_event){ .what = heard ? CW_LEG_EARLY : CW_LEG_RINGING,
                                              .status = response->status });
}

cw_err cw_leg_sip_late_choose(leg_sip *s, const cw_sip_response *response)
{
    cw_err err = CW_OK;

    s->up = true;
    if (response->offers)
        err = answer(s, response);
    else if (!s->described || s->fork != response->fork)
        err = CW_E_BAD_SDP;
    if (err) {
        s->up = false;
        return err;
    }
    set_gate(s);
    cw_leg_sip_set_endpoints(s);
    return CW_OK;
}
