/* monitor.c - how the media of calls does, sampled by one timer and told to those concerned. */
#include "call/report/quality.h"
#include "call/priv.h"

#include "base/log.h"
#include "base/stats.h"

static const char *const kinds[] = { [CW_AUDIO] = "audio", [CW_VIDEO] = "video" };

/* Both sides learn of `leg`: it is "you" to its own far side. */
static CW_ON_LOOP void tell_both(cw_call *call, const cw_leg *leg, const char *method,
                                 json_t *params)
{
    cw_leg *const sides[] = { call->a, call->winner };

    for (unsigned i = 0; i < G_N_ELEMENTS(sides); i++) {
        if (!sides[i] || sides[i]->ended || !sides[i]->ops->tell)
            continue;
        json_object_set_new(params, "leg", json_string(sides[i] == leg ? "you" : "peer"));
        sides[i]->ops->tell(sides[i], method, params);
    }
    json_decref(params);
}

/* ── Rating ── */

static CW_ON_LOOP void note_rating(cw_leg *leg)
{
    const cw_stream_quality *q = cw_leg_stream_quality(leg, (unsigned)cw_leg_stream(leg, CW_AUDIO));
    const cw_way *way = q->sent.known ? &q->sent : &q->heard;

    cw_leg_note(leg, "RTP",
                cw_fmt("quality %s: MOS %.1f, loss %.1f %%, jitter %.0f ms",
                       cw_rating_name(leg->quality->rating), way->mos, way->loss * 100,
                       way->jitter_ms));
}

static CW_ON_LOOP void count_window(const cw_leg *leg)
{
    static const cw_stat stats[] = { [CW_RATING_GOOD] = CW_STAT_quality_good,
                                     [CW_RATING_FAIR] = CW_STAT_quality_fair,
                                     [CW_RATING_POOR] = CW_STAT_quality_poor };

    if (leg->quality && leg->quality->rating)
        cw_stat_inc(stats[leg->quality->rating]);
}

static CW_ON_LOOP void sample_leg(cw_call *call, cw_leg *leg)
{
    bool changed = cw_leg_sample(leg);

    count_window(leg);
    if (!changed)
        return;
    note_rating(leg);
    tell_both(call, leg, "call.quality", cw_leg_quality_json(leg));
}

void cw_call_sample(cw_call *call)
{
    if (!call->winner)
        return;
    sample_leg(call, call->a);
    sample_leg(call, call->winner);
}

static void on_timer(void *arg)
{
    cw_calls *calls = arg;
    GHashTableIter i;
    gpointer call;

    cw_assert_on_loop();
    g_hash_table_iter_init(&i, calls->by_id);
    while (g_hash_table_iter_next(&i, NULL, &call))
        cw_call_sample(call);
    if (g_hash_table_size(calls->by_id) > 0)
        cw_monitor_wake(calls);
}

void cw_monitor_open(cw_calls *calls)
{
    calls->monitor = cw_timer_new(calls->loop, on_timer, calls);
}

void cw_monitor_wake(cw_calls *calls)
{
    const uint64_t interval_ms = (uint64_t)calls->conf->media.quality_interval_ms;

    if (interval_ms > 0 && !cw_timer_active(calls->monitor))
        cw_timer_start(calls->monitor, interval_ms);
}

/* ── Silence ── */

static CW_ON_LOOP void watch_leg(const cw_conf *conf, cw_leg *leg, bool on)
{
    unsigned silent_ms = on ? (unsigned)conf->media.silence_ms : 0;
    unsigned dead_ms = on ? (unsigned)conf->media.timeout_s * 1000 : 0;

    for (unsigned i = 0; i < leg->desc->stream_n; i++) {
        cw_ep *ep = leg->desc->stream[i].kind == CW_AUDIO ? leg->ops->endpoint(leg, i) : NULL;

        if (ep)
            cw_ep_watch(ep, silent_ms, dead_ms);
    }
}

void cw_call_watch(cw_call *call)
{
    const cw_conf *conf = call->calls->conf;
    bool on;

    if (call->state != CW_CALL_UP || !call->winner)
        return;
    on = !call->a->held && !call->winner->held;
    watch_leg(conf, call->a, on);
    watch_leg(conf, call->winner, on);
}

bool cw_leg_is_alive(cw_leg *leg)
{
    for (unsigned i = 0; i < leg->desc->stream_n; i++) {
        const cw_ep *ep = leg->desc->stream[i].kind == CW_AUDIO ? leg->ops->endpoint(leg, i) : NULL;
        cw_ep_stats stats;

        if (!ep)
            continue;
        cw_ep_get_stats(ep, &stats);
        if (stats.alive)
            return true;
    }
    return false;
}

void cw_call_tell_quiet(cw_call *call, cw_leg *leg, unsigned stream, bool silent)
{
    cw_stream_quality *q = cw_leg_stream_quality(leg, stream);
    cw_media_kind kind;

    if (stream >= leg->desc->stream_n)
        return;
    kind = leg->desc->stream[stream].kind;
    if (silent)
        cw_stat_inc(CW_STAT_media_silences);
    if (q) {
        q->silences += silent;
        q->silent = silent;
    }
    cw_leg_note(leg, "RTP", cw_fmt("%s %s", kinds[kind], silent ? "silent" : "flowing again"));
    tell_both(call, leg, "call.media",
              json_pack("{s:s s:s}", "kind", kinds[kind], "state", silent ? "silent" : "flowing"));
}
