/* transfer.h - one side of a call leaves it and another takes its place; two calls become one.
 * Loop thread. Home of src/call only. */
#ifndef CW_CALL_TRANSFER_H
#define CW_CALL_TRANSFER_H

#include "call/act.h"
#include "call/priv.h"
#include "sip/refer.h"

/* One under way: the call is CW_CALL_MOVING. */
struct cw_transfer {
    cw_leg *by; /* leaves; it may have left already */
    cw_leg *stays;
    GPtrArray *to;            /* of cw_leg, in call->b: called to take its place */
    cw_leg *heard;            /* of `to`, before it answers; NULL: none */
    cw_party *party;          /* who `to` are, for who stays */
    char *target;             /* canonical, of `to` */
    bool spends;              /* it took a ticket, the call's last (permit.h) */
    bool gone;                /* `by` has left */
    struct cw_asking *asking; /* where `to` is (enum.h); NULL: that is known */
    bool elsewhere;           /* `stays` calls by itself, by REFER: `to` is empty */
};

/* Whom to call in the place of a leg. */
typedef struct cw_transfer_wish {
    const cw_route *route;
    const struct cw_asker *asker;
    const cw_client *except; /* is not rung; NULL: nobody */
    const cw_sip_replaces *replaces;
    const char *referred_by; /* URI, for SIP; NULL: nobody */
} cw_transfer_wish;

/* Call `wish` to take the place of `by`, which is told by its op `moved`, not before the next turn.
 *
 * CW_E_STATE     the call is not up, or it is being transferred
 * CW_E_OVERLOAD and what calling may fail with
 */
CW_NODISCARD cw_err cw_call_transfer(cw_call *call, cw_leg *by, const cw_transfer_wish *wish,
                                     char why[static 128]) CW_ON_LOOP;

/* The far side of `by` and that of `also`, a leg of `other`, stay with each other in `call`;
 * `other` ends, both are told. The latter may still be ringing.
 *
 * CW_E_STATE  one of them is in no state for it
 */
CW_NODISCARD cw_err cw_call_join_calls(cw_call *call, cw_leg *by, cw_call *other,
                                       cw_leg *also) CW_ON_LOOP;

/* Ask the far side of the leg that is not `by` to do it itself. CW_E_STATE; CW_E_UNSUPPORTED: it
 * cannot, or may not. */
CW_NODISCARD cw_err cw_call_refer(cw_call *call, cw_leg *by, const cw_sip_refer_to *to) CW_ON_LOOP;

/* `leg` came in to take the place of `old` (RFC 3891); it is the call's on CW_OK, and was answered.
 */
CW_NODISCARD cw_err cw_call_replace(cw_call *call, cw_leg *old, cw_leg *leg) CW_ON_LOOP;

/* `leg` is another device of `old`'s user, and described: it takes its place. CW_E_STATE */
CW_NODISCARD cw_err cw_call_pull(cw_call *call, cw_leg *old, cw_leg *leg) CW_ON_LOOP;

/* ── For call.c ── */

bool cw_transfer_calls(const cw_call *call, const cw_leg *leg) CW_ON_LOOP; /* it is of `to` */
/* What becomes of an event of a leg; CW_CALL_EVENTS: nothing special. */
cw_call_event cw_transfer_event(const cw_call *call, const cw_leg *leg,
                                const cw_leg_event *event) CW_ON_LOOP;
void cw_transfer_free(struct cw_transfer *transfer) CW_ON_LOOP; /* NULL is fine */
/* Both who hear each other now; *b NULL: nobody hears *a. False: not yet. */
bool cw_call_pair(const cw_call *call, cw_leg **a, cw_leg **b) CW_ON_LOOP;

#endif
