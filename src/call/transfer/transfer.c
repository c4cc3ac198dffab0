/* transfer.c - what the moves of a transfer do (call.fsm). How one begins is in transfer_begin.c.
 */
#include "call/route/enum.h"
#include "call/route/permit.h"
#include "call/transfer/transfer.h"

#include "base/log.h"
#include "base/stats.h"

#include <string.h>

static CW_ON_LOOP void note(cw_call *call, const char *text)
{
    cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "CALL", text);
}

void cw_transfer_free(cw_transfer *transfer)
{
    if (!transfer)
        return;
    cw_asking_free(transfer->asking);
    g_ptr_array_free(transfer->to, TRUE);
    cw_party_free(transfer->party);
    g_free(transfer->target);
    g_free(transfer);
}

/* ── Whose event is it? ── */

bool cw_transfer_calls(const cw_call *call, const cw_leg *leg)
{
    return call->transfer && g_ptr_array_find(call->transfer->to, leg, NULL);
}

static bool others_ring(const cw_transfer *t, const cw_leg *leg)
{
    for (guint i = 0; i < t->to->len; i++) {
        const cw_leg *other = g_ptr_array_index(t->to, i);

        if (other != leg && !other->ended)
            return true;
    }
    return false;
}

static cw_call_event of_target(const cw_transfer *t, const cw_leg *leg, const cw_leg_event *event)
{
    switch (event->what) {
    case CW_LEG_RINGING:
        return CW_CALL_T_RINGS;
    case CW_LEG_EARLY:
        return CW_CALL_T_HEARD;
    case CW_LEG_ANSWERED:
        return CW_CALL_T_ANSWERED;
    case CW_LEG_ENDED:
        return !event->all && others_ring(t, leg) ? CW_CALL_T_LEFT : CW_CALL_T_ENDED;
    default:
        return CW_CALL_EVENTS;
    }
}

/* The far side of who stays reports on its own call. */
static cw_call_event of_report(const cw_leg_event *event)
{
    if (event->status < 200)
        return CW_CALL_T_RINGS;
    return event->status < 300 ? CW_CALL_T_MOVED : CW_CALL_T_ENDED;
}

cw_call_event cw_transfer_event(const cw_call *call, const cw_leg *leg, const cw_leg_event *event)
{
    const cw_transfer *t = call->transfer;

    if (event->what == CW_LEG_REPORTED)
        return of_report(event);
    if (event->what == CW_LEG_RELEASED)
        return CW_CALL_GONE;
    if (cw_transfer_calls(call, leg))
        return of_target(t, leg, event);
    if (event->what != CW_LEG_ENDED)
        return CW_CALL_EVENTS;
    if (t && leg == t->by)
        return CW_CALL_BY_ENDED;
    if (call->answered_ms && leg != call->a && leg != call->winner)
        return CW_CALL_GONE;
    return CW_CALL_EVENTS;
}

bool cw_call_pair(const cw_call *call, cw_leg **a, cw_leg **b)
{
    const cw_transfer *t = call->state == CW_CALL_MOVING ? call->transfer : NULL;

    *a = t && !t->elsewhere ? t->stays : call->a;
    *b = t && !t->elsewhere ? t->heard : call->winner;
    return call->winner != NULL;
}

/* ── On the way ── */

static CW_ON_LOOP void tell_by(cw_call *call, cw_moving state, const cw_leg_event *event)
{
    cw_leg *by = call->transfer->by;

    if (by->ops->moved)
        (void)!by->ops->moved(by, state, event ? event->status : 0, event ? &event->cause : NULL);
}

CW_ON_LOOP void cw_call_start_transfer(cw_call *call, const cw_happening *h)
{
    const cw_transfer *t = call->transfer;
    char id[CW_ID_STR];

    cw_timer_start(call->ring_timer, (uint64_t)call->calls->conf->sip.ring_timeout_ms);
    cw_stat_inc(CW_STAT_transfers);
    note(call, cw_fmt("%s transfers %s to %s", t->by->name, t->stays->name, t->target));
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "call.transfer", "call", cw_id_print(call->id, id), "by",
           t->by->name, "to", t->target, NULL);
    tell_by(call, CW_MOVING_TRYING, NULL);
    if (!t->elsewhere)
        cw_call_join(call);
}

CW_ON_LOOP void cw_call_tell_moving(cw_call *call, const cw_happening *h)
{
    if (h->detail.status >= 180)
        tell_by(call, CW_MOVING_RINGING, &h->detail);
    if (h->detail.status == 180 && !call->transfer->elsewhere)
        cw_ringback_play_to(call, call->transfer->stays);
}

CW_ON_LOOP void cw_call_hear_target(cw_call *call, const cw_happening *h)
{
    call->transfer->heard = h->leg;
    tell_by(call, CW_MOVING_RINGING, &h->detail);
    cw_call_join(call);
}

/* Who transfers hangs up: it goes on without. */
CW_ON_LOOP void cw_call_let_go(cw_call *call, const cw_happening *h)
{
    call->transfer->gone = true;
    note(call, cw_fmt("%s leaves", h->leg->name));
    cw_leg_end(h->leg, &h->detail.cause, h->detail.cause.gateway ? CW_BY_GATEWAY : CW_BY_YOU);
}

/* ── The swap ── */

static CW_ON_LOOP void end_targets(cw_transfer *t, const cw_leg *but, const cw_cause *cause)
{
    for (guint i = 0; i < t->to->len; i++) {
        cw_leg *leg = g_ptr_array_index(t->to, i);

        if (leg != but)
            cw_leg_end(leg, cause, CW_BY_GATEWAY);
    }
}

/* `leg`, one of call->b, is what `old` was. */
static CW_ON_LOOP void put_in_place(cw_call *call, cw_leg *old, cw_leg *leg)
{
    leg->lane = old->lane;
    if (old == call->winner) {
        call->winner = leg;
        return;
    }
    g_ptr_array_remove_fast(call->b, leg);
    g_ptr_array_add(call->b, old);
    call->a = leg;
}

/* For people, records and the next transfer: who is who now. */
static void rename_side(cw_call *call, const cw_leg *leg, const cw_party *party, const char *target)
{
    if (leg != call->a) {
        g_free(call->to);
        call->to = g_strdup(target);
        g_clear_pointer(&call->asked, g_free);
        return;
    }
    cw_party_clear(&call->from);
    cw_party_copy(&call->from, party);
}

static CW_ON_LOOP void tell_peer(cw_leg *leg, const cw_leg *other, const cw_party *peer)
{
    g_autoptr(json_t) params = json_pack("{s:o}", "peer", cw_party_json(peer));

    if (leg->ops->tell)
        leg->ops->tell(leg, "call.info", params);
    if (leg->ops->named) /* what was heard of it is better than whom we asked for */
        leg->ops->named(leg, other->party.uri ? &other->party : peer);
}

/* Both know the other's streams, and who holds; `was_held`: by who left. */
static CW_ON_LOOP void settle_pair(cw_call *call, cw_leg *stays, cw_leg *leg, bool was_held)
{
    stays->other = leg;
    leg->other = stays;
    cw_music_end(call);
    if (was_held != leg->held)
        stays->ops->hold(stays, leg->held);
    if (stays->held)
        leg->ops->hold(leg, true);
    if (stays->ops->update(stays, leg->desc) || leg->ops->update(leg, stays->desc))
        note(call, "streams stay as they are");
    cw_call_join(call);
}

static const cw_cause transferred = { .err = CW_E_TRANSFERRED, .gateway = true };

/* Its far side learns that it is no longer in the call; a SIP one is let go when it knows. */
static CW_ON_LOOP void release(cw_leg *by, int status)
{
    bool later = by->ops->moved && by->ops->moved(by, CW_MOVING_DONE, status, NULL);

    if (!later)
        cw_leg_end(by, &transferred, CW_BY_GATEWAY);
}

static CW_ON_LOOP void log_swap(cw_call *call, const cw_leg *leg)
{
    char id[CW_ID_STR];

    cw_stat_inc(CW_STAT_transfers_done);
    note(call, cw_fmt("transferred to %s", leg->name));
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "call.transferred", "call", cw_id_print(call->id, id), "to",
           leg->name, NULL);
}

CW_ON_LOOP void cw_call_swap_leg(cw_call *call, const cw_happening *h)
{
    static const cw_cause elsewhere = { .err = CW_E_ANSWERED_ELSEWHERE, .gateway = true };
    cw_transfer *t = call->transfer;
    cw_leg *by = t->by, *leg = h->leg, *stays = t->stays;
    bool was_held = by->held;

    cw_timer_stop(call->ring_timer);
    cw_ringback_end(call);
    end_targets(t, leg, &elsewhere);
    put_in_place(call, by, leg);
    rename_side(call, leg, t->party, t->target);
    call->transfer = NULL;
    cw_permit_answered(call);
    log_swap(call, leg);
    release(by, 200);
    tell_peer(stays, leg, t->party);
    settle_pair(call, stays, leg, was_held);
    cw_transfer_free(t);
}

/* It did not come to be: both talk to each other again. Without the one it is over. */
CW_ON_LOOP void cw_call_return_call(cw_call *call, const cw_happening *h)
{
    cw_transfer *t = call->transfer;
    cw_cause cause = h->detail.cause;
    cw_leg_event event = { .what = CW_LEG_ENDED, .status = h->detail.status };

    if (!cause.err)
        cause.err = CW_E_UNAVAILABLE;
    cause.gateway = true;
    event.cause = cause;
    cw_timer_stop(call->ring_timer);
    cw_ringback_end(call);
    note(call, cw_fmt("transfer failed: %s", cw_err_text(cause.err)));
    tell_by(call, CW_MOVING_FAILED, &event);
    end_targets(t, NULL, &cause);
    if (t->spends)
        cw_permit_returned(call);
    call->transfer = NULL;
    if (t->gone)
        cw_call_post(call, CW_CALL_ENDED, NULL, &event);
    else
        cw_call_join(call);
    cw_transfer_free(t);
}

/* Who stays called by itself and was answered: nobody is left here. */
CW_ON_LOOP void cw_call_finish_moved(cw_call *call, const cw_happening *h)
{
    cw_happening end = { .event = h->event, .detail = { .cause = transferred } };
    cw_leg_event done = { .status = 200 };

    cw_stat_inc(CW_STAT_transfers_done);
    tell_by(call, CW_MOVING_DONE, &done);
    cw_call_finish(call, &end);
}

/* ── Somebody comes in a leg's place ── */

CW_ON_LOOP void cw_call_replace_leg(cw_call *call, const cw_happening *h)
{
    cw_leg *leg = h->leg, *old = call->replaced;
    cw_leg *stays = cw_call_other(call, old);
    cw_party party = { 0 };
    bool was_held = old->held;

    call->replaced = NULL;
    cw_party_of_target(leg->name, &party);
    put_in_place(call, old, leg);
    rename_side(call, leg, &party, leg->name);
    log_swap(call, leg);
    cw_leg_end(old, &transferred, CW_BY_GATEWAY);
    tell_peer(stays, leg, &party);
    settle_pair(call, stays, leg, was_held);
    cw_party_clear(&party);
}

/* Another device of the same user: the other side sees the same party, and no other streams. */
CW_ON_LOOP void cw_call_pull_leg(cw_call *call, const cw_happening *h)
{
    static const cw_cause pulled = { .err = CW_E_PULLED };
    cw_leg *leg = h->leg, *old = call->replaced;
    cw_leg *stays = cw_call_other(call, old);
    char id[CW_ID_STR];

    call->replaced = NULL;
    put_in_place(call, old, leg);
    cw_stat_inc(CW_STAT_calls_pulled);
    note(call, cw_fmt("pulled by another device of %s", leg->name));
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "call.pulled", "call", cw_id_print(call->id, id), "by",
           leg->name, NULL);
    cw_leg_end(old, &pulled, CW_BY_YOU);
    settle_pair(call, stays, leg, leg->held);
}

/* The same while it rings: it is the answer. */
CW_ON_LOOP void cw_call_pick_up(cw_call *call, const cw_happening *h)
{
    call->replaced = NULL;
    cw_call_give_answer(call, h);
}

/* ── Two calls become one ── */

/* The other call's far side is in call->b already. */
CW_ON_LOOP void cw_call_take_over(cw_call *call, const cw_happening *h)
{
    cw_party party;

    cw_party_of_leg(call, call->transfer->stays, &party);
    tell_peer(h->leg, call->transfer->stays, &party);
    cw_party_clear(&party);
    cw_call_swap_leg(call, h);
}

CW_ON_LOOP void cw_call_give_away(cw_call *call, const cw_happening *h)
{
    cw_happening end = { .event = h->event, .detail = { .cause = transferred } };

    cw_call_finish(call, &end);
}
