/* call.c - a call's life: made, dialled, run by its table, freed. What a move does is in act.c. */
#include "call/route/enum.h"
#include "call/route/permit.h"

#include "base/log.h"
#include "base/stats.h"
#include "call/act.h"
#include "call/bridge.h"
#include "call/transfer/transfer.h"
#include "call/party/vouch.h"
#include "call/push/push.h"

#include <string.h>

static const char *const state_names[] = { "new", "dialling", "ringing", "early",
                                           "up",  "moving",   "done" };

static const struct {
    bool known;
    cw_call_state to;
    cw_call_action *action;
} moves[CW_CALL_STATES][CW_CALL_EVENTS] = {
#define MOVE(from, event, to, action)                                                              \
    [CW_CALL_##from][CW_CALL_##event] = { true, CW_CALL_##to, cw_call_##action },
#include "call/call.fsm"
#undef MOVE
};

const char *cw_call_state_name(cw_call_state state)
{
    return state_names[state];
}

bool cw_call_knows(cw_call_state from, cw_call_event event, cw_call_state *to)
{
    *to = moves[from][event].known ? moves[from][event].to : from;
    return moves[from][event].known;
}

/* ── The runner ── */

static void happening_free(cw_happening *h)
{
    json_decref(h->detail.info);
    g_free(h);
}

static void step(cw_call *call, const cw_happening *h)
{
    if (!moves[call->state][h->event].known) {
        cw_stat_inc(CW_STAT_call_events_dropped);
        return;
    }
    cw_call_action *action = moves[call->state][h->event].action;

    call->state = moves[call->state][h->event].to;
    action(call, h);
}

static void run(cw_call *call)
{
    cw_happening *h;

    call->running = true;
    while ((h = g_queue_pop_head(&call->queue))) {
        step(call, h);
        happening_free(h);
    }
    call->running = false;
}

void cw_call_post(cw_call *call, cw_call_event event, cw_leg *leg, const cw_leg_event *detail)
{
    cw_happening *h = g_new0(cw_happening, 1);

    h->event = event;
    h->leg = leg;
    if (detail) {
        h->detail = *detail;
        json_incref(h->detail.info);
    }
    g_queue_push_tail(&call->queue, h);
    if (!call->running && !call->held_back)
        run(call);
}

void cw_call_post_first(cw_call *call, cw_call_event event)
{
    cw_happening *h = g_new0(cw_happening, 1);

    h->event = event;
    g_queue_push_head(&call->queue, h);
    cw_timer_start(call->later, 0);
}

/* ── Waiting for the caller's network ── */

static CW_ON_LOOP void never_called(cw_call *call)
{
    call->waiting = call->to_promise = call->to_dial = call->held_back = false;
    cw_timer_stop(call->later);
    for (guint i = 0; i < call->b->len; i++)
        ((cw_leg *)g_ptr_array_index(call->b, i))->ended = true;
}

static CW_ON_LOOP void dial_late(cw_call *call)
{
    cw_err err;

    call->to_dial = false;
    err = cw_call_dial(call);
    if (!err)
        return;
    never_called(call);
    cw_call_end(call, &(cw_cause){ .err = err, .gateway = true });
}

static CW_ON_LOOP void go_on_or_not(cw_call *call)
{
    if (cw_leg_sip_precond_must(call->a))
        cw_call_end(call, &(cw_cause){ .err = CW_E_PRECONDITION, .gateway = true });
    else
        cw_call_go_on(call);
}

/* In its early dialog the caller can say when it is ready. When we cannot guess what to answer
 * there, its network has to be ready in time. */
static CW_ON_LOOP void promise(cw_call *call)
{
    g_autofree cw_media_desc *foretold = g_new(cw_media_desc, 1);

    call->to_promise = false;
    if (call->b->len == 0 ||
        !cw_call_foretell(call, g_ptr_array_index(call->b, 0), true, foretold) ||
        cw_leg_sip_precond_wait(call->a, foretold))
        go_on_or_not(call);
}

void cw_call_go_on(cw_call *call)
{
    call->waiting = false;
    call->to_dial = true;
    cw_timer_start(call->later, 0);
}

static void on_later(void *arg)
{
    cw_call *call = arg;

    cw_assert_on_loop();
    if (call->to_promise || call->to_dial) {
        if (call->to_promise)
            promise(call);
        else
            dial_late(call);
        return;
    }
    call->held_back = false;
    run(call);
}

static void on_ring_timeout(void *arg)
{
    static const cw_leg_event timeout = { .cause = { .err = CW_E_TIMEOUT, .gateway = true } };

    cw_assert_on_loop();
    cw_call_post(arg, CW_CALL_TIMED_OUT, NULL, &timeout);
}

/* ── What legs say ── */

static bool others_ring(const cw_call *call, const cw_leg *leg)
{
    for (guint i = 0; i < call->b->len; i++) {
        const cw_leg *b = g_ptr_array_index(call->b, i);

        if (b != leg && !b->ended)
            return true;
    }
    return false;
}

static cw_call_event how_ended(const cw_call *call, const cw_leg *leg, const cw_leg_event *event)
{
    if (leg == call->a)
        return CW_CALL_A_ENDED;
    if (leg != call->winner && !event->all && others_ring(call, leg))
        return CW_CALL_LEFT;
    return CW_CALL_B_ENDED;
}

static void on_leg(void *arg, cw_leg *leg, const cw_leg_event *event)
{
    static const cw_call_event events[] = {
        [CW_LEG_RINGING] = CW_CALL_RINGS,     [CW_LEG_EARLY] = CW_CALL_HEARD,
        [CW_LEG_ANSWERED] = CW_CALL_ANSWERED, [CW_LEG_DESCRIBED] = CW_CALL_MEDIA,
        [CW_LEG_CHANGED] = CW_CALL_STREAMS,   [CW_LEG_HELD] = CW_CALL_HELD,
        [CW_LEG_DTMF] = CW_CALL_KEY,          [CW_LEG_INFO] = CW_CALL_MUTED,
        [CW_LEG_QUIET] = CW_CALL_QUIET,       [CW_LEG_NAMED] = CW_CALL_NAMED,
    };
    cw_call *call = arg;
    cw_call_event special;

    cw_assert_on_loop();
    if (event->what == CW_LEG_REDIRECTED) {
        cw_redirect *r = event->redirect;

        r->err = cw_permit_redirect(call, leg, r->asker, r->route, r->why);
        return;
    }
    leg->over |= event->what == CW_LEG_ENDED;
    special = cw_transfer_event(call, leg, event);
    if (special != CW_CALL_EVENTS) {
        cw_call_post(call, special, leg, event);
        return;
    }
    if (event->what != CW_LEG_ENDED) {
        cw_call_post(call, events[event->what], leg, event);
        return;
    }
    leg->over = true;
    if (call->waiting || call->to_dial)
        never_called(call);
    cw_call_post(call, how_ended(call, leg, event), leg, event);
}

/* ── Life ── */

cw_call *cw_call_new(cw_calls *calls, const char *to)
{
    cw_call *call = g_new0(cw_call, 1);

    call->calls = calls;
    call->id = cw_id_new();
    call->to = g_strdup(to);
    call->b = g_ptr_array_new();
    call->line = cw_timeline_new(call->id);
    call->created_ms = cw_now_ms();
    call->worker = calls->plane ? cw_plane_pick(calls->plane) : 0;
    call->held_back = true;
    call->later = cw_timer_new(calls->loop, on_later, call);
    call->ring_timer = cw_timer_new(calls->loop, on_ring_timeout, call);
    g_queue_init(&call->queue);
    g_hash_table_insert(calls->by_id, &call->id, call);
    cw_stat_inc(CW_STAT_calls);
    cw_stat_inc(CW_STAT_calls_started);
    cw_monitor_wake(calls);
    return call;
}

void cw_call_free(cw_call *call)
{
    if (!call)
        return;
    cw_vouch_cancel(call);
    cw_push_cancel(call);
    g_queue_clear_full(&call->queue, (GDestroyNotify)happening_free);
    cw_timer_free(call->later);
    cw_timer_free(call->ring_timer);
    cw_ringback_end(call);
    cw_music_end(call);
    cw_permit_ended(call);
    cw_transfer_free(call->transfer);
    cw_bridge_free(call->bridge);
    cw_leg_free(call->a);
    for (guint i = 0; i < call->b->len; i++)
        cw_leg_free(g_ptr_array_index(call->b, i));
    g_ptr_array_free(call->b, TRUE);
    cw_timeline_free(call->line);
    cw_asking_free(call->asking);
    cw_party_clear(&call->from);
    g_clear_pointer(&call->forwards, g_ptr_array_unref);
    json_decref(call->about);
    g_strfreev(call->identities);
    g_free(call->source);
    g_free(call->line_user);
    g_free(call->to);
    g_free(call->asked);
    g_free(call->codecs);
    g_free(call);
    cw_stat_dec(CW_STAT_calls);
}

static void adopt(cw_call *call, cw_leg *leg, cw_lane lane)
{
    leg->fn = on_leg;
    leg->arg = call;
    leg->line = call->line;
    leg->lane = lane;
}

void cw_call_set_a(cw_call *call, cw_leg *leg)
{
    adopt(call, leg, CW_LANE_A);
    call->a = leg;
}

void cw_call_add_b(cw_call *call, cw_leg *leg)
{
    adopt(call, leg, CW_LANE_B);
    g_ptr_array_add(call->b, leg);
}

void cw_call_offer(const cw_call *call, cw_media_desc *ret)
{
    if (call->a->desc->stream_n > 0)
        cw_desc_filter(call->a->desc, &call->a->policy.codec, ret);
    else
        cw_leg_default_desc(&call->a->policy, ret);
}

cw_err cw_call_dial(cw_call *call)
{
    g_autofree cw_media_desc *offer = g_new(cw_media_desc, 1);
    cw_err err = CW_E_UNAVAILABLE;
    bool any = false;

    if (call->waiting) {
        call->to_promise = true;
        cw_timer_start(call->later, 0);
        return CW_OK;
    }
    cw_call_offer(call, offer);
    for (guint i = 0; i < call->b->len; i++) {
        cw_leg *b = g_ptr_array_index(call->b, i);
        cw_err e = b->ops->offer(b, offer, &call->from);

        if (e) {
            b->ended = true; /* it never began */
            err = e;
        } else {
            any = true;
        }
    }
    if (!any)
        return err;
    /* What the legs said while they were offered the call is in the queue: this comes before. */
    cw_call_post_first(call, CW_CALL_DIALLED);
    return CW_OK;
}

void cw_call_end(cw_call *call, const cw_cause *cause)
{
    cw_leg_event event = { .what = CW_LEG_ENDED, .cause = *cause };

    if (call->waiting || call->to_dial)
        never_called(call);
    if (call->held_back && call->calls->closing) {
        call->held_back = false;
        run(call);
    }
    cw_call_post(call, CW_CALL_ENDED, NULL, &event);
}

void cw_call_refuse(cw_call *call, cw_err err)
{
    const cw_cause cause = { .err = err, .gateway = true };

    call->held_back = false;
    cw_call_end(call, &cause);
}

void cw_call_abandon(cw_call *call, cw_err err)
{
    char id[CW_ID_STR];

    cw_log(CW_LOG_INFO, CW_MOD_CALL, "call.refused", "call", cw_id_print(call->id, id), "to",
           call->to, "error", cw_err_kind(err), NULL);
    cw_stat_inc(CW_STAT_calls_failed);
    call->state = CW_CALL_DONE;
    g_hash_table_remove(call->calls->by_id, &call->id);
    cw_call_free(call);
}

cw_leg *cw_call_other(cw_call *call, const cw_leg *leg)
{
    if (cw_transfer_calls(call, leg))
        return call->transfer->stays;
    return leg == call->a ? call->winner : call->a;
}

const char *cw_call_asked(const cw_call *call, const cw_leg *leg)
{
    return call->transfer ? call->transfer->target : call->asked ?: call->to;
}
