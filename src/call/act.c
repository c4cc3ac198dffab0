#include "call/act.h"

#include "call/leg/streams.h"
#include "call/route/permit.h"

#include "base/log.h"
#include "base/stats.h"

#include <string.h>

static CW_ON_LOOP void note(cw_call *call, const char *text)
{
    cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "CALL", text);
}

static CW_ON_LOOP void fail(cw_call *call, cw_leg *leg, cw_err err)
{
    cw_leg_event event = { .what = CW_LEG_ENDED, .cause = { .err = err, .gateway = true } };

    cw_call_post(call, CW_CALL_ENDED, leg, &event);
}

/* ── Before the answer ── */

CW_ON_LOOP void cw_call_start_ringing(cw_call *call, const cw_happening *h)
{
    char id[CW_ID_STR];

    cw_timer_start(call->ring_timer, (uint64_t)call->calls->conf->sip.ring_timeout_ms);
    note(call, cw_fmt("to %s", call->to));
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "call.start", "call", cw_id_print(call->id, id), "from",
           call->from.uri, "to", call->to, "legs", cw_fmt("%u", call->b->len), NULL);
}

CW_ON_LOOP void cw_call_tell_ringing(cw_call *call, const cw_happening *h)
{
    call->a->other = h->leg;
    if (h->detail.status != 180 || !cw_ringback_begin(call, h->leg, h->detail.status))
        call->a->ops->ring(call->a, h->detail.status, NULL);
}

CW_ON_LOOP void cw_call_give_early(cw_call *call, const cw_happening *h)
{
    cw_err err;

    call->winner = h->leg;
    call->a->other = h->leg;
    err = call->a->ops->answer(call->a, h->leg->desc, h->detail.status ?: 183);
    if (err)
        fail(call, h->leg, err);
    else
        cw_call_hear_other(call, h);
}

/* It alerts too: until it speaks, that is heard. */
CW_ON_LOOP void cw_call_hear_other(cw_call *call, const cw_happening *h)
{
    if (h->detail.status == 180)
        cw_ringback_play(call);
    cw_call_join(call);
}

/* ── The answer ── */

static CW_ON_LOOP void end_losers(cw_call *call)
{
    static const cw_cause elsewhere = { .err = CW_E_ANSWERED_ELSEWHERE, .gateway = true };

    for (guint i = 0; i < call->b->len; i++) {
        cw_leg *b = g_ptr_array_index(call->b, i);

        if (b != call->winner)
            cw_leg_end(b, &elsewhere, CW_BY_GATEWAY);
    }
}

CW_ON_LOOP void cw_call_give_answer(cw_call *call, const cw_happening *h)
{
    char id[CW_ID_STR];
    cw_err err;

    cw_timer_stop(call->ring_timer);
    call->winner = h->leg;
    call->a->other = h->leg;
    end_losers(call);
    err = call->a->ops->answer(call->a, h->leg->desc, 0);
    if (err) {
        fail(call, h->leg, err);
        return;
    }
    cw_ringback_answered(call);
    call->answered_ms = cw_now_ms();
    cw_stat_inc(CW_STAT_calls_answered);
    cw_permit_answered(call);
    note(call, "answered");
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "call.answer", "call", cw_id_print(call->id, id), "by",
           h->leg->name, "after_ms", cw_fmt("%u", (unsigned)(call->answered_ms - call->created_ms)),
           NULL);
    cw_call_join(call);
}

CW_ON_LOOP void cw_call_drop_leg(cw_call *call, const cw_happening *h)
{
    cw_leg_end(h->leg, &h->detail.cause, h->detail.cause.gateway ? CW_BY_GATEWAY : CW_BY_YOU);
}

/* ── In the call ── */

CW_ON_LOOP void cw_call_join_media(cw_call *call, const cw_happening *h)
{
    cw_call_join(call);
}

static CW_ON_LOOP void tell_screen(cw_leg *leg, cw_leg *other)
{
    bool screen = cw_streams_send(leg->desc, true);
    g_autoptr(json_t) params = json_pack("{s:b}", "screen", screen);

    if (screen == leg->screen_told)
        return;
    leg->screen_told = screen;
    if (other->ops->tell)
        other->ops->tell(other, "call.info", params);
}

CW_ON_LOOP void cw_call_pass_streams(cw_call *call, const cw_happening *h)
{
    cw_leg *other = cw_call_other(call, h->leg);
    cw_err err;

    err = other->ops->update(other, h->leg->desc);
    if (err)
        note(call, cw_fmt("the %s leg keeps its streams: %s", other->ops->kind, cw_err_text(err)));
    tell_screen(h->leg, other);
    cw_call_join(call);
}

CW_ON_LOOP void cw_call_pass_hold(cw_call *call, const cw_happening *h)
{
    cw_leg *other = cw_call_other(call, h->leg);

    note(call, cw_fmt("%s by %s", h->detail.on ? "held" : "resumed", h->leg->name));
    other->ops->hold(other, h->detail.on);
    cw_call_join(call);
}

CW_ON_LOOP void cw_call_pass_key(cw_call *call, const cw_happening *h)
{
    cw_leg *other = cw_call_other(call, h->leg);
    cw_err err;

    h->leg->digits++;
    if (!other)
        return;
    err = other->ops->dtmf(other, h->detail.digit, h->detail.duration_ms, h->detail.passed);
    if (err)
        note(call, cw_fmt("digit %c not passed on: %s", h->detail.digit, cw_err_text(err)));
}

CW_ON_LOOP void cw_call_pass_muted(cw_call *call, const cw_happening *h)
{
    cw_leg *other = cw_call_other(call, h->leg);

    if (other)
        other->ops->info(other, h->detail.info);
}

CW_ON_LOOP void cw_call_pass_name(cw_call *call, const cw_happening *h)
{
    cw_leg *other = cw_call_other(call, h->leg);
    g_autoptr(json_t) params = json_pack("{s:o}", "peer", cw_party_json(&h->leg->party));

    note(call, cw_fmt("%s is %s now", h->leg->name, h->leg->party.uri ?: "somebody"));
    if (other && other->ops->tell)
        other->ops->tell(other, "call.info", params);
    if (other && other->ops->named)
        other->ops->named(other, &h->leg->party);
}

/* One leg is dead: does that end the call? */
static CW_ON_LOOP bool ends_call(cw_call *call)
{
    if (!strcmp(call->calls->conf->media.timeout_when, "any"))
        return true;
    return !cw_leg_is_alive(call->a) && !(call->winner && cw_leg_is_alive(call->winner));
}

CW_ON_LOOP void cw_call_judge_quiet(cw_call *call, const cw_happening *h)
{
    const cw_leg_event *e = &h->detail;

    if (e->quiet != CW_EP_DEAD) {
        cw_call_tell_quiet(call, h->leg, e->stream, e->quiet == CW_EP_SILENT);
        return;
    }
    cw_leg_note(h->leg, "RTP", cw_fmt("nothing at all from stream %u", e->stream));
    if ((h->leg->ops->away && h->leg->ops->away(h->leg)) || !ends_call(call))
        return;
    cw_stat_inc(CW_STAT_media_timeouts);
    fail(call, h->leg, CW_E_MEDIA_LOST);
}

/* ── The end ── */

/* A caller that gives up before the answer cancelled; a callee gone before it did not answer. */
static cw_cause settle_cause(const cw_call *call, const cw_happening *h)
{
    cw_cause cause = h->detail.cause;

    if (cause.err == CW_OK && !call->answered_ms)
        cause.err = h->event == CW_CALL_A_ENDED ? CW_E_CANCELLED : CW_E_UNAVAILABLE;
    return cause;
}

static cw_by told_by(const cw_cause *cause, const cw_leg *said, const cw_leg *told)
{
    if (cause->gateway)
        return CW_BY_GATEWAY;
    return said == told ? CW_BY_YOU : CW_BY_PEER;
}

static CW_ON_LOOP void log_end(cw_call *call)
{
    char id[CW_ID_STR];
    uint64_t now = cw_now_ms();

    note(call, cw_fmt("ended: %s", call->cause.err ? cw_err_kind(call->cause.err) : "hangup"));
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "call.end", "call", cw_id_print(call->id, id), "reason",
           call->cause.err ? cw_err_kind(call->cause.err) : "hangup", "sip",
           call->cause.status ? cw_fmt("%d", call->cause.status) : NULL, "talk_ms",
           call->answered_ms ? cw_fmt("%u", (unsigned)(now - call->answered_ms)) : NULL, NULL);
}

CW_ON_LOOP void cw_call_finish(cw_call *call, const cw_happening *h)
{
    call->cause = settle_cause(call, h);
    cw_timer_stop(call->ring_timer);
    cw_ringback_end(call);
    cw_music_end(call);
    cw_permit_ended(call);
    if (!call->answered_ms)
        cw_stat_inc(CW_STAT_calls_failed);
    cw_call_trace_media(call);
    cw_record_write(call, call->cause.gateway ? NULL : h->leg);
    call->a->other = h->leg && h->leg != call->a ? h->leg : call->winner;
    cw_leg_end(call->a, &call->cause, told_by(&call->cause, h->leg, call->a));
    for (guint i = 0; i < call->b->len; i++) {
        cw_leg *b = g_ptr_array_index(call->b, i);

        b->other = call->a;
        cw_leg_end(b, &call->cause, told_by(&call->cause, h->leg, b));
    }
    log_end(call);
    cw_ladder_keep(call->calls, call);
    cw_calls_bury(call->calls, call);
}
