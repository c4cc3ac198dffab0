/* leg_browser.c - a browser: JSON notifications of its session, media by a peer. */
#include "call/priv.h"
#include "call/streams.h"

#include "base/log.h"
#include "base/stats.h"

#include <string.h>

typedef struct leg_browser {
    cw_leg leg;
    cw_webrtc *webrtc;
    cw_client *client; /* NULL: gone */
    char name[65];     /* the client's for the call */
    cw_id id;          /* the call's */
    cw_peer *peer;     /* NULL: not yet, or let go of */
    bool called;       /* it is the callee */
    bool given;        /* its offer was answered */
    bool answered;
    bool remote_held; /* the other side holds */

    /* Offers of ours in the call. */
    cw_timer *timer; /* until the browser answers it; NULL: none was ever made */
    bool offering;   /* one is out */
    bool due;        /* the other leg's streams may have changed meanwhile */
    struct {
        bool live;
        cw_dir dir;
    } told[CW_DESC_STREAMS_MAX]; /* by our last SDP */

    json_t *muted;  /* what it said last; NULL: nothing */
    json_t *report; /* what it measured last, as in call.report; NULL: nothing */
    uint64_t report_ms;
} leg_browser;

static leg_browser *self(cw_leg *leg)
{
    return (leg_browser *)leg;
}

/* Send a notification about this call; `what` says in the timeline what it brings. */
static CW_ON_LOOP void tell(leg_browser *b, const char *method, json_t *params, const char *what)
{
    if (!b->client) {
        json_decref(params);
        return;
    }
    json_object_set_new(params, "call", json_string(b->name));
    cw_leg_trace(&b->leg, true, "JSON", what ? cw_fmt("%s %s", method, what) : method);
    cw_client_notify(b->client, method, params);
}

/* ── The peer's events ── */

static void on_ice(void *arg, const cw_addr *remote)
{
    leg_browser *b = arg;
    char text[CW_ADDR_STR];

    cw_assert_on_loop();
    cw_leg_note(&b->leg, "ICE", cw_fmt("connected to %s", cw_addr_print(remote, text)));
}

static void on_connected(void *arg, cw_srtp_suite suite)
{
    leg_browser *b = arg;

    cw_assert_on_loop();
    cw_leg_note(&b->leg, "DTLS", cw_fmt("done, %s", cw_srtp_suite_name(suite)));
}

static void on_failed(void *arg, cw_err err)
{
    leg_browser *b = arg;

    cw_assert_on_loop();
    cw_leg_note(&b->leg, err == CW_E_DTLS || err == CW_E_FINGERPRINT ? "DTLS" : "ICE",
                cw_err_text(err));
    cw_leg_fail(&b->leg, err);
}

static void on_dtmf(void *arg, unsigned stream, char digit, unsigned duration_ms, bool passed)
{
    leg_browser *b = arg;

    cw_assert_on_loop();
    cw_leg_note(&b->leg, "RTP", cw_fmt("digit %c", digit));
    cw_leg_emit(&b->leg, &(cw_leg_event){ .what = CW_LEG_DTMF,
                                          .digit = digit,
                                          .duration_ms = duration_ms,
                                          .passed = passed });
}

static void on_flowing(void *arg, unsigned stream)
{
    leg_browser *b = arg;

    cw_assert_on_loop();
    cw_leg_note(&b->leg, "RTP", cw_fmt("first packet of stream %u", stream));
}

static void on_quiet(void *arg, unsigned stream, cw_ep_event event)
{
    leg_browser *b = arg;

    cw_assert_on_loop();
    cw_leg_emit(&b->leg, &(cw_leg_event){ .what = CW_LEG_QUIET, .stream = stream, .quiet = event });
}

static void on_candidate(void *arg, const char *candidate, const char *mid)
{
    leg_browser *b = arg;
    json_t *params = json_pack("{s:s?}", "candidate", candidate);

    cw_assert_on_loop();
    if (*mid)
        json_object_set_new(params, "mid", json_string(mid));
    tell(b, "call.candidate", params, candidate ? NULL : "end");
}

static const cw_peer_ops peer_ops = {
    .ice = on_ice,
    .connected = on_connected,
    .failed = on_failed,
    .dtmf = on_dtmf,
    .flowing = on_flowing,
    .quiet = on_quiet,
    .candidate = on_candidate,
};

static CW_ON_LOOP cw_err make_peer(leg_browser *b)
{
    return cw_peer_new(b->webrtc, b->leg.worker, &peer_ops, b, &b->peer);
}

/* ── What the call asks ── */

static json_t *party_json(const cw_party *from)
{
    return json_pack("{s:s s:s* s:s* s:s*}", "uri", from->uri, "display", from->display, "number",
                     from->number, "user", from->user);
}

static void note_told(leg_browser *b, const cw_media_desc *ours)
{
    for (unsigned i = 0; i < ours->stream_n; i++) {
        b->told[i].live = !ours->stream[i].refused;
        b->told[i].dir = ours->stream[i].dir;
    }
}

static CW_ON_LOOP cw_err op_offer(cw_leg *leg, const cw_media_desc *desc, const cw_party *from)
{
    leg_browser *b = self(leg);
    const cw_call *call = cw_leg_browser_call(leg);
    g_autofree cw_media_desc *offer = g_new(cw_media_desc, 1);
    g_autofree char *sdp = NULL;
    char id[CW_ID_STR];
    cw_err err;

    b->called = true;
    cw_desc_offer(desc, &leg->policy.codec, offer);
    cw_desc_trim(offer, 0);
    cw_desc_number(offer);
    if (offer->stream_n == 0)
        return CW_E_NO_CODEC;
    err = make_peer(b);
    if (!err)
        err = cw_peer_offer(b->peer, offer, &sdp);
    if (err)
        return err;
    note_told(b, offer);
    tell(b, "call.incoming",
         json_pack("{s:s s:o s:s s:s}", "id", cw_id_print(b->id, id), "from", party_json(from),
                   "to", call->asked ?: call->to, "sdp", sdp),
         NULL);
    cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_RINGING, .status = 180 });
    return CW_OK;
}

static CW_ON_LOOP void op_ring(cw_leg *leg, int status)
{
    const char *state = status == 180 ? "ringing" : "trying";

    tell(self(leg), "call.progress", json_pack("{s:s s:i}", "state", state, "status", status),
         state);
}

static CW_ON_LOOP cw_err answer_offer(leg_browser *b, const cw_media_desc *answer, char **sdp)
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
    note_told(b, desc);
    return CW_OK;
}

static CW_ON_LOOP cw_err op_answer(cw_leg *leg, const cw_media_desc *answer, int early)
{
    leg_browser *b = self(leg);
    g_autofree char *sdp = NULL;
    json_t *params;
    cw_err err;

    if (!b->given) {
        err = answer_offer(b, answer, &sdp);
        if (err)
            return err;
    }
    params = json_pack("{s:s*}", "sdp", sdp);
    if (early) {
        json_object_set_new(params, "state", json_string("early"));
        json_object_set_new(params, "status", json_integer(early));
        tell(b, "call.progress", params, "early");
    } else {
        b->answered = true;
        tell(b, "call.answer", params, NULL);
    }
    return CW_OK;
}

static json_t *held_json(const leg_browser *b)
{
    return json_pack("{s:{s:b s:b}}", "held", "local", b->leg.held, "remote", b->remote_held);
}

/* ── Our offers in the call: video of the other side ── */

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

static CW_ON_LOOP cw_err op_update(cw_leg *leg, const cw_media_desc *desc)
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
    note_told(b, wish);
    if (!b->timer)
        b->timer = cw_timer_new(b->client->calls->loop, on_unanswered, b);
    cw_timer_start(b->timer, (uint64_t)b->client->calls->conf->web.answer_timeout_ms);
    params = held_json(b);
    json_object_set_new(params, "sdp", json_string(sdp));
    tell(b, "call.update", params, "offer");
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
        return op_update(leg, other->desc);
    return CW_OK;
}

static CW_ON_LOOP void tell_held(leg_browser *b)
{
    tell(b, "call.update", held_json(b),
         cw_fmt("held%s%s%s", b->leg.held ? " local" : "", b->remote_held ? " remote" : "",
                b->leg.held || b->remote_held ? "" : ": no"));
}

static CW_ON_LOOP void op_hold(cw_leg *leg, bool on)
{
    self(leg)->remote_held = on;
    tell_held(self(leg));
}

static CW_ON_LOOP cw_err op_dtmf(cw_leg *leg, char digit, unsigned duration_ms, bool passed)
{
    char text[2] = { digit, 0 };

    tell(self(leg), "call.info",
         json_pack("{s:{s:s s:i}}", "dtmf", "digit", text, "duration_ms", (int)duration_ms),
         "dtmf");
    return CW_OK;
}

static CW_ON_LOOP void op_info(cw_leg *leg, const json_t *muted)
{
    tell(self(leg), "call.info", json_pack("{s:O}", "muted", (json_t *)muted), "muted");
}

static CW_ON_LOOP void op_tell(cw_leg *leg, const char *method, const json_t *params)
{
    tell(self(leg), method, json_deep_copy(params), NULL);
}

static const char *by_word(cw_by by)
{
    return by == CW_BY_YOU ? "you" : by == CW_BY_PEER ? "peer" : "gateway";
}

static json_t *end_json(const cw_cause *cause, cw_by by)
{
    const char *reason = cause->err ? cw_err_kind(cause->err) : "hangup";
    json_t *params = json_pack("{s:s s:s}", "reason", reason, "by", by_word(by));

    if (cause->err)
        json_object_set_new(params, "text", json_string(cw_err_text(cause->err)));
    if (cause->status)
        json_object_set_new(
            params, "sip",
            json_pack("{s:i s:s}", "status", cause->status, "reason", cause->phrase));
    if (cause->q850)
        json_object_set_new(params, "q850", json_integer(cause->q850));
    return params;
}

static CW_ON_LOOP void forget(leg_browser *b)
{
    cw_peer_free(g_steal_pointer(&b->peer));
    g_clear_pointer(&b->timer, cw_timer_free);
    if (b->client)
        g_hash_table_remove(b->client->legs, b->name);
    b->client = NULL;
}

static CW_ON_LOOP void op_end(cw_leg *leg, const cw_cause *cause, cw_by by)
{
    leg_browser *b = self(leg);

    tell(b, "call.end", end_json(cause, by), cause->err ? cw_err_kind(cause->err) : NULL);
    forget(b);
}

static CW_ON_LOOP cw_ep *op_endpoint(cw_leg *leg, unsigned stream)
{
    return self(leg)->peer ? cw_peer_ep(self(leg)->peer, stream) : NULL;
}

static json_t *report_json(const leg_browser *b)
{
    json_t *report = json_copy(b->report);

    json_object_set_new(report, "age_ms", json_integer((json_int_t)(cw_now_ms() - b->report_ms)));
    return report;
}

static CW_ON_LOOP void op_describe(cw_leg *leg, json_t *into)
{
    leg_browser *b = self(leg);
    char session[CW_ID_STR];

    if (b->client) {
        json_object_set_new(into, "session", json_string(cw_id_print(b->client->session, session)));
        json_object_set_new(into, "user", json_string(b->client->identity.user));
    }
    json_object_set_new(into, "name_at_client", json_string(b->name));
    if (b->muted)
        json_object_set(into, "muted", b->muted);
    if (b->report)
        json_object_set_new(into, "report", report_json(b));
    if (b->peer)
        json_object_set_new(into, "transport", cw_peer_json(b->peer));
}

static CW_ON_LOOP void op_free(cw_leg *leg)
{
    leg_browser *b = self(leg);

    forget(b);
    json_decref(b->muted);
    json_decref(b->report);
    g_free(b);
}

static const cw_leg_ops ops = {
    .kind = "browser",
    .holds_both_ways = true,
    .offer = op_offer,
    .ring = op_ring,
    .answer = op_answer,
    .update = op_update,
    .hold = op_hold,
    .dtmf = op_dtmf,
    .info = op_info,
    .tell = op_tell,
    .end = op_end,
    .endpoint = op_endpoint,
    .describe = op_describe,
    .free = op_free,
};

/* ── What the client asks ── */

cw_err cw_leg_browser_new(cw_client *client, const char *call, cw_id id, unsigned worker,
                          cw_leg **ret)
{
    leg_browser *b;

    if (g_hash_table_contains(client->legs, call))
        return CW_E_EXISTS;
    b = g_new0(leg_browser, 1);
    cw_leg_init(&b->leg, &ops, client->identity.user);
    b->leg.worker = worker;
    b->leg.policy = cw_policy_browser(client->calls->conf);
    b->webrtc = client->calls->webrtc;
    b->client = client;
    b->id = id;
    g_strlcpy(b->name, call, sizeof b->name);
    g_hash_table_insert(client->legs, b->name, b);
    *ret = &b->leg;
    return CW_OK;
}

cw_err cw_leg_browser_offered(cw_leg *leg, const char *sdp, size_t len, char why[static 128])
{
    leg_browser *b = self(leg);
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    cw_err err = make_peer(b);

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
    cw_streams_foresee(other, desc, foreseen);
    cw_leg_set_desc(leg, desc);
    err = answer_offer(b, foreseen, answer);
    if (err) {
        cw_desc_keep(&leg->desc, before);
        return err;
    }
    cw_leg_tell(leg, cw_streams_changed(before, leg->desc) ? CW_LEG_CHANGED : CW_LEG_DESCRIBED);
    return CW_OK;
}

cw_err cw_leg_browser_candidate(cw_leg *leg, const char *candidate, char why[static 128])
{
    return self(leg)->peer ? cw_peer_candidate(self(leg)->peer, candidate, why) : CW_OK;
}

cw_err cw_leg_browser_hold(cw_leg *leg, bool on)
{
    leg_browser *b = self(leg);

    if (cw_leg_browser_call(leg)->state != CW_CALL_UP)
        return CW_E_STATE;
    if (leg->held == on)
        return CW_OK;
    leg->held = on;
    tell_held(b);
    cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_HELD, .on = on });
    return CW_OK;
}

void cw_leg_browser_muted(cw_leg *leg, json_t *muted)
{
    leg_browser *b = self(leg);

    if (!muted)
        return;
    json_decref(b->muted);
    b->muted = json_incref(muted);
    cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_INFO, .info = muted });
}

cw_err cw_leg_browser_report(cw_leg *leg, const json_t *report)
{
    leg_browser *b = self(leg);
    uint64_t now = cw_now_ms();

    if (b->report && b->client &&
        now - b->report_ms < (uint64_t)b->client->calls->conf->limits.report_interval_ms)
        return CW_E_RATE;
    json_decref(b->report);
    b->report = json_deep_copy(report); /* flat and bounded: checked against proto.def */
    json_object_del(b->report, "call");
    b->report_ms = now;
    cw_stat_inc(CW_STAT_quality_reports);
    return CW_OK;
}

void cw_leg_browser_orphan(cw_leg *leg)
{
    leg_browser *b = self(leg);

    b->client = NULL;
    cw_leg_note(leg, "JSON", "session gone");
    cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_ENDED });
}

cw_call *cw_leg_browser_call(const cw_leg *leg)
{
    return leg->arg;
}
