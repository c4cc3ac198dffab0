/* client_transfer.c - a session transfers one of its calls: to somebody, or to its other call. */
#include "call/leg/leg_sip.h"
#include "call/route/permit.h"
#include "call/transfer/transfer.h"

#include <string.h>

static CW_ON_LOOP cw_leg *find(const cw_client *client, const char *call)
{
    cw_leg *leg = g_hash_table_lookup(client->legs, call);

    if (leg)
        cw_leg_trace(leg, false, "JSON", "call.transfer");
    return leg;
}

/* As its far side would be asked to: only a SIP one can be, and only if it is of the same trunk. */
static CW_ON_LOOP cw_err refer_blind(cw_call *call, cw_leg *leg, const cw_route *route)
{
    cw_sip_refer_to to = { .uri = route->ruri };

    return route->ruri ? cw_call_refer(call, leg, &to) : CW_E_UNSUPPORTED;
}

static CW_ON_LOOP cw_err transfer_to(cw_client *client, cw_leg *leg, const char *to,
                                     const cw_call_grant *grant, char why[static 128])
{
    cw_call *call = cw_leg_browser_call(leg);
    const cw_asker asker = { .identity = &client->identity, .grant = grant };
    cw_transfer_wish wish = { .except = client, .asker = &asker };
    cw_route route;
    cw_err err;

    if (call->state != CW_CALL_UP)
        return CW_E_STATE;
    err = cw_client_route(client, &asker, to, &route, why);
    if (!err) {
        /* Elsewhere nobody holds what a token bounds. */
        err = grant ? CW_E_UNSUPPORTED : refer_blind(call, leg, &route);
        wish.route = &route;
        if (err == CW_E_UNSUPPORTED)
            err = cw_call_transfer(call, leg, &wish, why);
    }
    cw_route_clear(&route);
    return err;
}

static CW_ON_LOOP cw_err refer_attended(cw_call *call, cw_leg *leg, cw_call *other, cw_leg *also)
{
    g_auto(cw_sip_refer_to) to = { 0 };
    cw_leg *far = other->state == CW_CALL_UP ? cw_call_other(other, also) : NULL;
    cw_err err = far ? cw_leg_sip_refer_to(far, &to) : CW_E_UNSUPPORTED;

    return err ? CW_E_UNSUPPORTED : cw_call_refer(call, leg, &to);
}

static CW_ON_LOOP cw_err transfer_call(cw_client *client, cw_leg *leg, const char *name)
{
    cw_leg *also = find(client, name);
    cw_call *call = cw_leg_browser_call(leg), *other;
    cw_err err;

    if (!also)
        return CW_E_NO_CALL;
    other = cw_leg_browser_call(also);
    if (call->state != CW_CALL_UP || call == other)
        return CW_E_STATE;
    err = refer_attended(call, leg, other, also);
    return err == CW_E_UNSUPPORTED ? cw_call_join_calls(call, leg, other, also) : err;
}

cw_err cw_client_transfer(cw_client *client, const char *call, const char *to, const char *other,
                          const cw_call_grant *grant, char why[static 128])
{
    cw_leg *leg = find(client, call);

    why[0] = 0;
    if (!leg)
        return CW_E_NO_CALL;
    if (!to == !other)
        return CW_E_PARAMS;
    return to ? transfer_to(client, leg, to, grant, why) : transfer_call(client, leg, other);
}
