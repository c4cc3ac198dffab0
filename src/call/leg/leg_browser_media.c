/* leg_browser_media.c - what a browser and we describe to each other: the first offer and answer,
 * its offers in the call, and ours when the other side's video comes or goes. */
#include "call/leg/leg_browser.h"
#include "call/leg/streams.h"

#include "base/stats.h"

static leg_browser *self(cw_leg *leg)
{
    return (leg_browser *)leg;
}

void cw_leg_browser_note_told(leg_browser *b, const cw_media_desc *ours)
{
    for (unsigned i = 0; i < ours->stream_n; i++) {
        b->told[i].live = !ours->stream[i].refused;
        b->told[i].dir = ours->stream[i].dir;
    }
}

cw_err cw_leg_browser_answer_offer(leg_browser *b, const cw_media_desc *answer, char **sdp)
{
    g_autofree cw_media_desc *desc = g_new(cw_media_desc, 1), *said = NULL;
    cw_err err = cw_desc_answer(b->leg.desc, &b->leg.policy.codec, answer, desc);

    if (err)
        return err;
    err = cw_peer_answer(b->peer, desc, sdp);
    if (err)
        return err;
    b->given = true;
    said = cw_desc_dup(b->leg.desc);
    cw_leg_agree(&b->leg, said, desc);
    cw_leg_browser_note_told(b, desc);
    return CW_OK;
}

/* ── Ours, in the call: video of the other side ── */

static CW_ON_LOOP bool must_tell(const leg_browser *b, const cw_media_desc *wish)
{
    g_autofree cw_media_desc *told = cw_desc_dup(b->leg.desc);

    for (unsigned i = 0; i < told->stream_n; i++) {
        told->stream[i].refused = !b->told[i].live;
        told->stream[i].dir = b->told[i].dir;
    }
    return cw_streams_must_tell(told, b->leg.desc, wish);
}

/* It does not answer: without video, then. */
static void on_unanswered(void *arg)
{
    leg_browser *b = arg;

    cw_assert_on_loop();
    cw_leg_note(&b->leg, "JSON", "our offer was not answered");
    b->offering = b->due = false;
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        if (i < b->leg.desc->stream_n && b->leg.desc->stream[i].kind == CW_AUDIO)
            continue;
        if (i < b->leg.desc->stream_n)
            b->leg.desc->stream[i].refused = true;
        b->told[i].live = false;
    }
    cw_peer_undo(b->peer, b->leg.desc);
    cw_leg_tell(&b->leg, CW_LEG_CHANGED);
}

cw_err cw_leg_browser_op_update(cw_leg *leg, const cw_media_desc *desc)
{
    leg_browser *b = self(leg);
    g_autofree cw_media_desc *wish = g_new(cw_media_desc, 1);
    g_autofree char *sdp = NULL;
    json_t *params;
    cw_err err;

    if (!b->peer || !b->client)
        return CW_E_STATE;
    b->due = b->offering;
    if (b->offering)
        return CW_OK;
    cw_streams_wish(leg->desc, &leg->policy.codec, desc, wish);
    if (!must_tell(b, wish))
        return CW_OK;
    err = cw_peer_offer(b->peer, wish, &sdp);
    if (err)
        return err;
    b->offering = true;
    cw_leg_browser_note_told(b, wish);
    if (!b->timer)
        b->timer = cw_timer_new(b->client->calls->loop, on_unanswered, b);
    cw_timer_start(b->timer, (uint64_t)b->client->calls->conf->web.answer_timeout_ms);
    params = cw_leg_browser_held(b);
    json_object_set_new(params, "sdp", json_string(sdp));
    cw_leg_browser_tell(b, "call.update", params, "offer");
    return CW_OK;
}

/* ── A screen in the place of the camera ── */

static CW_ON_LOOP void mark_screen(const leg_browser *b, cw_media_desc *desc)
{
    for (unsigned i = 0; i < desc->stream_n; i++)
        desc->stream[i].slides = b->screen && desc->stream[i].kind == CW_VIDEO;
}

cw_err cw_leg_browser_screen(cw_leg *leg, bool on)
{
    leg_browser *b = self(leg);
    cw_leg *other = cw_call_other(cw_leg_browser_call(leg), leg);

    if (on && other && other->policy.no_screen)
        return CW_E_FORBIDDEN;
    if (b->screen == on)
        return CW_OK;
    b->screen = on;
    cw_leg_note(leg, "JSON", on ? "shares a screen" : "shares no screen any more");
    mark_screen(b, leg->desc);
    if (cw_streams_send(leg->desc, false))
        cw_leg_tell(leg, CW_LEG_CHANGED);
    return CW_OK;
}

/* leg.desc, of what we offered. */
static CW_ON_LOOP void take_answer(leg_browser *b, cw_media_desc *desc)
{
    for (unsigned i = 0; i < desc->stream_n; i++) {
        const cw_media_desc *before = b->leg.desc;
        bool was = i < before->stream_n && !before->stream[i].refused;

        desc->stream[i].dir = cw_dir_wanted(desc->stream[i].dir, b->told[i].dir,
                                            was ? before->stream[i].dir : CW_INACTIVE);
        b->told[i].live &= !desc->stream[i].refused;
    }
    mark_screen(b, desc);
    cw_leg_set_desc(&b->leg, desc);
}

/* The browser's answer to one of them. */
static CW_ON_LOOP cw_err reanswered(leg_browser *b, const char *sdp, size_t len,
                                    char why[static 128])
{
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    cw_leg *leg = &b->leg, *other;
    cw_err err = cw_peer_answered(b->peer, sdp, len, desc, why);

    if (err)
        return err;
    b->offering = false;
    cw_timer_stop(b->timer);
    take_answer(b, desc);
    cw_leg_tell(leg, CW_LEG_CHANGED);
    other = cw_call_other(cw_leg_browser_call(leg), leg);
    if (b->due && other && !leg->ended)
        return cw_leg_browser_op_update(leg, other->desc);
    return CW_OK;
}

/* ── The browser's ── */

cw_err cw_leg_browser_offered(cw_leg *leg, const char *sdp, size_t len, char why[static 128])
{
    leg_browser *b = self(leg);
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    cw_err err = cw_leg_browser_make_peer(b);

    if (!err)
        err = cw_peer_offered(b->peer, sdp, len, desc, why);
    if (err)
        return err;
    cw_leg_set_desc(leg, desc);
    if (cw_leg_stream(leg, CW_AUDIO) >= 0)
        return CW_OK;
    g_snprintf(why, 128, "no audio stream that we can carry");
    return CW_E_NO_CODEC;
}

cw_err cw_leg_browser_answered(cw_leg *leg, const char *sdp, size_t len, char why[static 128])
{
    leg_browser *b = self(leg);
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    cw_err err;

    if (b->offering)
        return reanswered(b, sdp, len, why);
    if (!b->called || b->answered)
        return CW_E_STATE;
    err = cw_peer_answered(b->peer, sdp, len, desc, why);
    if (err)
        return err;
    take_answer(b, desc);
    if (cw_leg_stream(leg, CW_AUDIO) < 0) {
        g_snprintf(why, 128, "the answer takes no audio stream");
        return CW_E_NO_CODEC;
    }
    b->answered = true;
    g_clear_pointer(&b->incoming, json_decref);
    cw_leg_tell(leg, CW_LEG_ANSWERED);
    return CW_OK;
}

cw_err cw_leg_browser_update(cw_leg *leg, const cw_leg *other, const char *sdp, size_t len,
                             char **answer, char why[static 128])
{
    leg_browser *b = self(leg);
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    g_autofree cw_media_desc *foreseen = g_new(cw_media_desc, 1);
    g_autofree cw_media_desc *before = cw_desc_dup(leg->desc);
    cw_err err;

    if (!b->answered && !b->given)
        return CW_E_STATE;
    err = cw_peer_offered(b->peer, sdp, len, desc, why);
    if (err)
        return err;
    b->screen = b->screen && cw_streams_send(desc, false);
    mark_screen(b, desc);
    cw_streams_foresee(other, desc, foreseen);
    cw_leg_set_desc(leg, desc);
    err = cw_leg_browser_answer_offer(b, foreseen, answer);
    if (err) {
        cw_desc_keep(&leg->desc, before);
        return err;
    }
    cw_leg_tell(leg, cw_streams_changed(before, leg->desc) ? CW_LEG_CHANGED : CW_LEG_DESCRIBED);
    return CW_OK;
}

/* ── Another RTCPeerConnection ── */

/* The streams of the call keep their places: the other leg knows them by those. */
static cw_err same_places(const cw_media_desc *before, const cw_media_desc *now,
                          char why[static 128])
{
    for (unsigned i = 0; i < before->stream_n && i < now->stream_n; i++)
        if (!before->stream[i].refused && before->stream[i].kind != now->stream[i].kind) {
            g_strlcpy(why, "media sections in another order than the call's", 128);
            return CW_E_NOT_ACCEPTABLE;
        }
    return CW_OK;
}

/* Its offer, in a peer of its own. */
static CW_ON_LOOP cw_err take_new(leg_browser *b, const cw_media_desc *before, const char *sdp,
                                  size_t len, char why[static 128])
{
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    cw_err err = cw_leg_browser_make_peer(b);

    if (!err)
        err = cw_peer_offered(b->peer, sdp, len, desc, why);
    if (!err)
        err = same_places(before, desc, why);
    if (err)
        return err;
    cw_leg_set_desc(&b->leg, desc);
    if (cw_leg_stream(&b->leg, CW_AUDIO) >= 0)
        return CW_OK;
    g_strlcpy(why, "no audio stream that we can carry", 128);
    return CW_E_NO_CODEC;
}

/* As far as the other leg is there, an answer. */
static CW_ON_LOOP cw_err answer_new(leg_browser *b, const cw_leg *other, char **answer)
{
    g_autofree cw_media_desc *foreseen = NULL;

    *answer = NULL;
    if (!other)
        return CW_OK;
    foreseen = g_new(cw_media_desc, 1);
    cw_streams_foresee(other, b->leg.desc, foreseen);
    return cw_leg_browser_answer_offer(b, foreseen, answer);
}

/* Nothing of the old one is waited for. */
static CW_ON_LOOP void drop_old(leg_browser *b, cw_peer *old)
{
    cw_peer_free(old);
    b->offering = b->due = false;
    b->screen = false; /* what was shared went with the page */
    if (b->timer)
        cw_timer_stop(b->timer);
    cw_leg_browser_media_back(b);
}

static CW_ON_LOOP void tell_restarted(leg_browser *b, const cw_media_desc *before)
{
    cw_call *call = cw_leg_browser_call(&b->leg);
    bool changed = call->state == CW_CALL_UP && cw_streams_changed(before, b->leg.desc);

    if (call->player) { /* it fills an endpoint that is no more */
        cw_ringback_end(call);
        cw_ringback_play(call);
    }
    cw_leg_tell(&b->leg, changed ? CW_LEG_CHANGED : CW_LEG_DESCRIBED);
}

cw_err cw_leg_browser_restart(cw_leg *leg, const cw_leg *other, const char *sdp, size_t len,
                              char **answer, char why[static 128])
{
    leg_browser *b = self(leg);
    g_autofree cw_media_desc *before = cw_desc_dup(leg->desc);
    bool described = b->given || b->answered;
    cw_peer *old = b->peer;
    cw_err err;

    if (!old || (b->called && !b->answered))
        return CW_E_STATE;
    b->peer = NULL;
    err = take_new(b, before, sdp, len, why);
    if (!err)
        err = answer_new(b, described ? other : NULL, answer);
    if (err) {
        cw_peer_free(b->peer);
        b->peer = old;
        cw_desc_keep(&leg->desc, before);
        return err;
    }
    drop_old(b, old);
    cw_stat_inc(CW_STAT_calls_restarted);
    if (described)
        tell_restarted(b, before);
    return CW_OK;
}

cw_err cw_leg_browser_pull(cw_leg *leg, const cw_leg *old, const cw_leg *other, const char *sdp,
                           size_t len, char **answer, char why[static 128])
{
    leg_browser *b = self(leg);
    const leg_browser *from = (const leg_browser *)old;
    cw_err err = take_new(b, old->desc, sdp, len, why);

    if (!err)
        err = answer_new(b, other, answer);
    b->called = from->called;
    b->answered = true;
    leg->held = old->held;
    b->remote_held = from->remote_held;
    return err;
}

cw_err cw_leg_browser_candidate(cw_leg *leg, const char *candidate, char why[static 128])
{
    return self(leg)->peer ? cw_peer_candidate(self(leg)->peer, candidate, why) : CW_OK;
}
