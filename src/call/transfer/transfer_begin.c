/* transfer_begin.c - how a transfer begins: somebody is called, referred to, or there already. */
#include "call/transfer/transfer.h"

#include "call/route/enum.h"
#include "call/route/permit.h"

#include <string.h>

static CW_ON_LOOP bool is_up(const cw_call *call, const cw_leg *by)
{
    return call->state == CW_CALL_UP && !call->transfer && !call->running && call->winner &&
           (by == call->a || by == call->winner);
}

static CW_ON_LOOP cw_transfer *make(cw_call *call, cw_leg *by, const char *target)
{
    cw_transfer *t = g_new0(cw_transfer, 1);

    t->by = by;
    t->stays = cw_call_other(call, by);
    t->to = g_ptr_array_new();
    t->party = g_new0(cw_party, 1);
    t->target = g_strdup(target);
    cw_party_of_target(target, t->party);
    return t;
}

/* ── Somebody is called ── */

static CW_ON_LOOP void describe_offer(const cw_leg *stays, cw_media_desc *ret)
{
    cw_desc_filter(stays->desc, &stays->policy.codec, ret);
}

/* CW_OK when one of them took it on. */
static CW_ON_LOOP cw_err dial(cw_transfer *t, const cw_party *from)
{
    g_autofree cw_media_desc *offer = g_new(cw_media_desc, 1);
    cw_err err = CW_E_UNAVAILABLE, last = CW_E_UNAVAILABLE;

    describe_offer(t->stays, offer);
    for (guint i = 0; i < t->to->len; i++) {
        cw_leg *leg = g_ptr_array_index(t->to, i);
        cw_err e = leg->ops->offer(leg, offer, from);

        if (e) {
            leg->ended = true; /* it never began */
            last = e;
        } else {
            err = CW_OK;
        }
    }
    return err ? last : CW_OK;
}

/* The legs reached are those behind the first `before` of call->b. */
static CW_ON_LOOP void collect(cw_call *call, guint before)
{
    for (guint i = before; i < call->b->len; i++) {
        cw_leg *leg = g_ptr_array_index(call->b, i);

        leg->lane = call->transfer->by->lane;
        g_ptr_array_add(call->transfer->to, leg);
    }
}

static CW_ON_LOOP void undo(cw_call *call, guint before)
{
    while (call->b->len > before)
        cw_leg_free(g_ptr_array_remove_index(call->b, call->b->len - 1));
    g_clear_pointer(&call->transfer, cw_transfer_free);
    call->held_back = false;
}

/* What the legs say at once waits until the call is in its next state. */
static cw_err reach_target(void *arg, const cw_reach *reach)
{
    cw_call *call = arg;
    guint before = call->b->len;
    cw_err err;

    cw_assert_on_loop();
    call->held_back = true;
    err = cw_calls_reach(call->calls, call, reach);
    if (!err) {
        collect(call, before);
        err = dial(call->transfer, reach->from);
    }
    if (err)
        g_ptr_array_set_size(call->transfer->to, 0);
    while (err && call->b->len > before)
        cw_leg_free(g_ptr_array_remove_index(call->b, call->b->len - 1));
    cw_timer_start(call->later, 0);
    return err;
}

static void no_target(void *arg, cw_err err)
{
    cw_assert_on_loop();
    cw_call_post(arg, CW_CALL_T_ENDED, NULL,
                 &(cw_leg_event){ .what = CW_LEG_ENDED, .cause = { .err = err, .gateway = true } });
}

cw_err cw_call_transfer(cw_call *call, cw_leg *by, const cw_transfer_wish *wish,
                        char why[static 128])
{
    static const cw_asking_ops ops = { .go = reach_target, .failed = no_target };
    guint before = call->b->len;
    cw_party from = { 0 };
    cw_reach reach = { .route = wish->route,
                       .from = &from,
                       .except = wish->except,
                       .replaces = wish->replaces,
                       .referred_by = wish->referred_by,
                       .asker = wish->asker };
    cw_err err;

    if (!is_up(call, by))
        return CW_E_STATE;
    err = cw_permit_transfer(call, wish->asker, wish->route, why);
    if (err)
        return err;
    call->transfer = make(call, by, wish->route->target);
    call->held_back = true;
    cw_party_of_leg(call, call->transfer->stays, &from);
    reach.from_user = from.number ?: from.user ?: "anonymous";
    err = cw_enum_lead(call->calls, call->line, &reach, &ops, call, &call->transfer->asking);
    cw_party_clear(&from);
    if (err) {
        cw_permit_returned(call);
        undo(call, before);
        return err;
    }
    call->transfer->spends = true;
    cw_call_post_first(call, CW_CALL_TRANSFER);
    return CW_OK;
}

/* ── The far side is to call by itself ── */

cw_err cw_call_refer(cw_call *call, cw_leg *by, const cw_sip_refer_to *to)
{
    cw_leg *stays = cw_call_other(call, by);
    cw_err err;

    if (!is_up(call, by))
        return CW_E_STATE;
    if (!stays->ops->refer)
        return CW_E_UNSUPPORTED;
    call->transfer = make(call, by, to->uri);
    call->transfer->elsewhere = true;
    call->held_back = true;
    err = stays->ops->refer(stays, to);
    if (err) {
        undo(call, call->b->len);
        return err;
    }
    cw_call_post_first(call, CW_CALL_TRANSFER);
    return CW_OK;
}

/* ── Two calls ── */

/* Take `leg` out of the call, which keeps `keep` as its caller. */
static CW_ON_LOOP void take_out(cw_call *call, cw_leg *leg, cw_leg *keep)
{
    if (leg == call->a) {
        g_ptr_array_remove_fast(call->b, keep);
        call->a = keep;
    } else {
        g_ptr_array_remove_fast(call->b, leg);
    }
    if (call->winner == leg || call->winner == keep)
        call->winner = NULL;
}

static CW_ON_LOOP void bring(cw_call *call, cw_leg *leg)
{
    cw_call_add_b(call, leg);
    leg->lane = call->transfer->by->lane;
    g_ptr_array_add(call->transfer->to, leg);
}

/* It was answered: the swap comes at once. */
static CW_ON_LOOP void bring_answered(cw_call *call, cw_call *other, cw_leg *also)
{
    cw_leg *leg = cw_call_other(other, also);
    cw_transfer *t = call->transfer;

    cw_party_clear(t->party);
    cw_party_of_leg(other, leg, t->party);
    g_free(t->target);
    t->target = g_strdup(leg == other->a ? t->party->uri : other->to);
    take_out(other, leg, also);
    cw_permit_merge(call, other);
    bring(call, leg);
    cw_call_post(call, CW_CALL_JOINED, leg, NULL);
    cw_call_post(other, CW_CALL_GIVEN, NULL, NULL);
}

/* It still rings: as if it had been called from here. */
static CW_ON_LOOP void bring_ringing(cw_call *call, cw_call *other)
{
    cw_leg *heard = other->state == CW_CALL_EARLY ? other->winner : NULL;

    for (guint i = other->b->len; i > 0; i--) {
        cw_leg *leg = g_ptr_array_index(other->b, i - 1);

        if (leg->ended)
            continue;
        g_ptr_array_remove_index_fast(other->b, i - 1);
        bring(call, leg);
    }
    other->winner = NULL;
    cw_permit_merge(call, other);
    call->transfer->spends = true;
    cw_call_post(call, CW_CALL_TRANSFER, NULL, NULL);
    if (heard)
        cw_call_post(call, CW_CALL_T_HEARD, heard, &(cw_leg_event){ .status = 183 });
    else if (other->state == CW_CALL_RINGING)
        cw_call_post(call, CW_CALL_T_RINGS, NULL, &(cw_leg_event){ .status = 180 });
    cw_call_post(other, CW_CALL_GIVEN, NULL, NULL);
}

static CW_ON_LOOP bool rings_out(const cw_call *call, const cw_leg *also)
{
    return also == call->a && !call->running && !call->held_back &&
           (call->state == CW_CALL_DIALLING || call->state == CW_CALL_RINGING ||
            call->state == CW_CALL_EARLY);
}

cw_err cw_call_join_calls(cw_call *call, cw_leg *by, cw_call *other, cw_leg *also)
{
    bool ringing = rings_out(other, also);

    if (call == other || !is_up(call, by) || (!ringing && !is_up(other, also)))
        return CW_E_STATE;
    call->transfer = make(call, by, other->to);
    if (ringing)
        bring_ringing(call, other);
    else
        bring_answered(call, other, also);
    return CW_OK;
}

/* ── In the place of a leg ── */

cw_err cw_call_replace(cw_call *call, cw_leg *old, cw_leg *leg)
{
    bool up = call->state == CW_CALL_UP && !call->transfer;
    cw_leg *stays = call->winner ? cw_call_other(call, old) : call->a;
    cw_err err;

    if (call->running || call->held_back || old->ended || old == stays ||
        (!up && (call->state == CW_CALL_NEW || call->state >= CW_CALL_UP)))
        return CW_E_STATE;
    cw_call_add_b(call, leg);
    leg->lane = old->lane;
    err = leg->ops->answer(leg, stays->desc, 0);
    if (err) {
        g_ptr_array_remove_index(call->b, call->b->len - 1);
        return err;
    }
    call->replaced = old;
    cw_call_post(call, CW_CALL_REPLACED, leg, NULL);
    return CW_OK;
}

cw_err cw_call_pull(cw_call *call, cw_leg *old, cw_leg *leg)
{
    if (!is_up(call, old) || call->held_back || old->ended)
        return CW_E_STATE;
    cw_call_add_b(call, leg);
    leg->lane = old->lane;
    call->replaced = old;
    cw_call_post(call, CW_CALL_PULLED, leg, NULL);
    return CW_OK;
}
