/* transfer_party.c - who is at the other end, as somebody else is told. */
#include "call/transfer/transfer.h"

#include <string.h>

void cw_party_free(cw_party *party)
{
    if (party)
        cw_party_clear(party);
    g_free(party);
}

void cw_party_of_target(const char *target, cw_party *ret)
{
    *ret = (cw_party){ .uri = g_strdup(target) };
    if (g_str_has_prefix(target, "user:"))
        ret->user = g_strdup(target + 5);
    else if (g_str_has_prefix(target, "tel:"))
        ret->number = g_strdup(target + 4);
}

void cw_party_of_leg(const cw_call *call, const cw_leg *leg, cw_party *ret)
{
    *ret = (cw_party){ 0 };
    if (leg == call->a)
        cw_party_copy(ret, &call->from);
    else if (leg->party.uri)
        cw_party_copy(ret, &leg->party);
    else
        cw_party_of_target(call->to, ret);
}
