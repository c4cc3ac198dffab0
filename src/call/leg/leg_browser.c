/* leg_browser.c - a browser: JSON notifications of its session, media by a peer. Its offers and
 * answers are in leg_browser_media.c. */
#include "call/leg/leg_browser.h"

#include "base/log.h"
#include "base/stats.h"
#include "call/party/caller.h"

#include <string.h>

static leg_browser *self(cw_leg *leg)
{
    return (leg_browser *)leg;
}

void cw_leg_browser_tell(leg_browser *b, const char *method, json_t *params, const char *what)
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
    cw_leg_browser_media_back(b);
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
    cw_leg_browser_media_lost(b, err);
}

static void on_lost(void *arg)
{
    leg_browser *b = arg;

    cw_assert_on_loop();
    cw_leg_note(&b->leg, "ICE", "consent is gone");
    cw_leg_browser_media_lost(b, CW_E_MEDIA_LOST);
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
    cw_leg_browser_tell(b, "call.candidate", params, candidate ? NULL : "end");
}

static const cw_peer_ops peer_ops = {
    .ice = on_ice,
    .connected = on_connected,
    .failed = on_failed,
    .lost = on_lost,
    .dtmf = on_dtmf,
    .flowing = on_flowing,
    .quiet = on_quiet,
    .candidate = on_candidate,
};

cw_err cw_leg_browser_make_peer(leg_browser *b)
{
    return cw_peer_new(b->webrtc, b->leg.worker, &peer_ops, b, &b->peer);
}

/* ── What the call asks ── */

/* Whatever the other leg's far side said besides. */
static void add_about(const cw_leg *leg, json_t *params)
{
    if (leg->other && leg->other->about)
        json_object_update(params, leg->other->about);
}

/* RFC 7874 3, and G.722: sound in something else, which cannot be translated either, need not be
 * rung for. With web.codecs it is known what its users' browsers have. */
static bool has_sound_for_browsers(const cw_media_desc *offer, const cw_codec_policy *policy)
{
    static const char *const all[] = { "opus", "PCMU", "PCMA", "G722" };

    if (policy->codecs && *policy->codecs)
        return cw_desc_has_sound(offer);
    for (unsigned i = 0; i < offer->stream_n; i++)
        for (unsigned k = 0; k < offer->stream[i].format_n; k++)
            for (size_t n = 0; n < G_N_ELEMENTS(all); n++)
                if (!g_ascii_strcasecmp(offer->stream[i].format[k].name, all[n]))
                    return true;
    return false;
}

static CW_ON_LOOP cw_err op_offer(cw_leg *leg, const cw_media_desc *desc, const cw_party *from)
{
    leg_browser *b = self(leg);
    const cw_call *call = cw_leg_browser_call(leg);
    g_autofree cw_media_desc *offer = g_new(cw_media_desc, 1);
    g_autofree char *sdp = NULL;
    char id[CW_ID_STR];
    json_t *params;
    cw_err err;

    b->called = true;
    cw_desc_offer(desc, &leg->policy.codec, offer);
    cw_desc_trim(offer, 0);
    cw_desc_number(offer);
    if (!has_sound_for_browsers(offer, &leg->policy.codec))
        return CW_E_NO_CODEC;
    err = cw_leg_browser_make_peer(b);
    if (!err)
        err = cw_peer_offer(b->peer, offer, &sdp);
    if (err)
        return err;
    cw_leg_browser_note_told(b, offer);
    params = json_pack("{s:s s:o s:s s:s}", "id", cw_id_print(b->id, id), "from",
                       cw_party_json(from), "to", cw_call_asked(call, leg), "sdp", sdp);
    if (call->about && !call->transfer)
        json_object_update(params, call->about);
    b->incoming = json_deep_copy(params);
    cw_leg_browser_tell(b, "call.incoming", params, NULL);
    cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_RINGING, .status = 180 });
    return CW_OK;
}

static CW_ON_LOOP void op_ring(cw_leg *leg, int status, const cw_media_desc *foretold)
{
    const char *state = status == 180 ? "ringing" : "trying";
    leg_browser *b = self(leg);
    g_autofree char *sdp = NULL;
    json_t *params;

    if (foretold && !b->given)
        (void)!cw_leg_browser_answer_offer(b, foretold, &sdp); /* none: it hears no tone */
    params = json_pack("{s:s s:i s:s*}", "state", state, "status", status, "sdp", sdp);
    add_about(leg, params);
    cw_leg_browser_tell(b, "call.progress", params, state);
}

static CW_ON_LOOP cw_err op_answer(cw_leg *leg, const cw_media_desc *answer, int early)
{
    leg_browser *b = self(leg);
    g_autofree char *sdp = NULL;
    json_t *params;
    cw_err err;

    if (!b->given) {
        err = cw_leg_browser_answer_offer(b, answer, &sdp);
        if (err)
            return err;
    }
    params = json_pack("{s:s*}", "sdp", sdp);
    add_about(leg, params);
    if (early) {
        json_object_set_new(params, "state", json_string("early"));
        json_object_set_new(params, "status", json_integer(early));
        cw_leg_browser_tell(b, "call.progress", params, "early");
    } else {
        b->answered = true;
        cw_leg_browser_tell(b, "call.answer", params, NULL);
    }
    return CW_OK;
}

json_t *cw_leg_browser_held(const leg_browser *b)
{
    return json_pack("{s:{s:b s:b}}", "held", "local", b->leg.held, "remote", b->remote_held);
}

void cw_leg_browser_tell_held(leg_browser *b)
{
    cw_leg_browser_tell(b, "call.update", cw_leg_browser_held(b),
                        cw_fmt("held%s%s%s", b->leg.held ? " local" : "",
                               b->remote_held ? " remote" : "",
                               b->leg.held || b->remote_held ? "" : ": no"));
}

static CW_ON_LOOP void op_hold(cw_leg *leg, bool on)
{
    self(leg)->remote_held = on;
    cw_leg_browser_tell_held(self(leg));
}

static CW_ON_LOOP cw_err op_dtmf(cw_leg *leg, char digit, unsigned duration_ms, bool passed)
{
    char text[2] = { digit, 0 };

    cw_leg_browser_tell(
        self(leg), "call.info",
        json_pack("{s:{s:s s:i}}", "dtmf", "digit", text, "duration_ms", (int)duration_ms), "dtmf");
    return CW_OK;
}

static CW_ON_LOOP void op_info(cw_leg *leg, const json_t *muted)
{
    cw_leg_browser_tell(self(leg), "call.info", json_pack("{s:O}", "muted", (json_t *)muted),
                        "muted");
}

static CW_ON_LOOP void op_tell(cw_leg *leg, const char *method, const json_t *params)
{
    cw_leg_browser_tell(self(leg), method, json_deep_copy(params), NULL);
}

static CW_ON_LOOP bool op_moved(cw_leg *leg, cw_moving state, int status, const cw_cause *cause)
{
    static const char *const words[] = { "trying", "ringing", "done", "failed" };
    json_t *params = json_pack("{s:s}", "state", words[state]);

    if (cause && cause->err) {
        json_object_set_new(params, "reason", json_string(cw_err_kind(cause->err)));
        json_object_set_new(params, "text", json_string(cw_err_text(cause->err)));
    }
    if (cause && cause->status)
        json_object_set_new(
            params, "sip",
            json_pack("{s:i s:s}", "status", cause->status, "reason", cause->phrase));
    cw_leg_browser_tell(self(leg), "call.transfer", params, words[state]);
    return false;
}

static const char *by_word(cw_by by)
{
    return by == CW_BY_YOU ? "you" : by == CW_BY_PEER ? "peer" : "gateway";
}

static json_t *end_json(const cw_cause *cause, cw_by by)
{
    const char *reason = cause->err ? cw_err_kind(cause->err) : "hangup";
    json_t *params = json_pack("{s:s s:s}", "reason", reason, "by", by_word(by));

    if (cause->err || (cause->phrase[0] && !cause->status))
        json_object_set_new(params, "text",
                            json_string(cause->phrase[0] && !cause->status
                                            ? cause->phrase
                                            : cw_err_text(cause->err)));
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
    g_clear_pointer(&b->goodbye, cw_timer_free);
    if (b->client)
        g_hash_table_remove(b->client->legs, b->name);
    b->client = NULL;
}

static CW_ON_LOOP void op_end(cw_leg *leg, const cw_cause *cause, cw_by by)
{
    leg_browser *b = self(leg);

    json_t *params = end_json(cause, by);
    const json_t *headers = leg->other ? json_object_get(leg->other->about, "headers") : NULL;

    if (headers && by == CW_BY_PEER)
        json_object_set(params, "headers", (json_t *)headers);
    cw_leg_browser_tell(b, "call.end", params, cause->err ? cw_err_kind(cause->err) : NULL);
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
    json_decref(b->incoming);
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
    .update = cw_leg_browser_op_update,
    .hold = op_hold,
    .dtmf = op_dtmf,
    .info = op_info,
    .tell = op_tell,
    .moved = op_moved,
    .end = op_end,
    .away = cw_leg_browser_op_away,
    .endpoint = op_endpoint,
    .describe = op_describe,
    .free = op_free,
};

/* ── What the client asks ── */

cw_err cw_leg_browser_new(cw_client *client, const char *call, cw_id id, unsigned worker,
                          cw_leg **ret)
{
    leg_browser *b;
    char why[128];

    if (g_hash_table_contains(client->legs, call))
        return CW_E_EXISTS;
    b = g_new0(leg_browser, 1);
    cw_leg_init(&b->leg, &ops, client->identity.user);
    if (cw_caller_of_user(client->calls->conf, &client->identity, NULL, NULL, false, &b->leg.party,
                          why))
        cw_party_clear(&b->leg.party);
    b->leg.worker = worker;
    b->leg.wants_ringback = true;
    b->leg.policy = cw_policy_browser(client->calls->conf);
    b->webrtc = client->calls->webrtc;
    b->client = client;
    b->id = id;
    g_strlcpy(b->name, call, sizeof b->name);
    g_hash_table_insert(client->legs, b->name, b);
    *ret = &b->leg;
    return CW_OK;
}

cw_err cw_leg_browser_hold(cw_leg *leg, bool on)
{
    leg_browser *b = self(leg);

    if (cw_leg_browser_call(leg)->state != CW_CALL_UP)
        return CW_E_STATE;
    if (leg->held == on)
        return CW_OK;
    leg->held = on;
    cw_leg_browser_tell_held(b);
    cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_HELD, .on = on });
    return CW_OK;
}

void cw_leg_browser_no_ringback(cw_leg *leg)
{
    leg->wants_ringback = false;
}

void cw_leg_browser_muted(cw_leg *leg, json_t *muted)
{
    leg_browser *b = self(leg);

    if (!muted)
        return;
    if (!b->muted)
        b->muted = json_object();
    json_object_update(b->muted, muted);
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

cw_client *cw_leg_browser_client(const cw_leg *leg)
{
    return leg->ops == &ops ? ((const leg_browser *)leg)->client : NULL;
}

cw_call *cw_leg_browser_call(const cw_leg *leg)
{
    return leg->arg;
}
