/* leg_sip_web.c - a SIP leg whose far side came by WebSocket: its dialog is like any other, its
 * media a browser's, as of leg_browser.c. Its SDP is the peer's, whole: candidates are all in it.
 */
#include "call/leg/leg_sip.h"

#include "base/log.h"

#include <string.h>

#define GOODBYE_MS 1000 /* for the BYE of one that closed its media */

/* ── The peer's events ── */

static void on_ice(void *arg, const cw_addr *remote)
{
    leg_sip *s = arg;
    char text[CW_ADDR_STR];

    cw_assert_on_loop();
    cw_leg_note(&s->leg, "ICE", cw_fmt("connected to %s", cw_addr_print(remote, text)));
}

static void on_connected(void *arg, cw_srtp_suite suite)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_note(&s->leg, "DTLS", cw_fmt("done, %s", cw_srtp_suite_name(suite)));
}

static void on_gone(void *arg)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_fail(&s->leg, CW_E_MEDIA_LOST);
}

static void on_failed(void *arg, cw_err err)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_note(&s->leg, err == CW_E_DTLS || err == CW_E_FINGERPRINT ? "DTLS" : "ICE",
                cw_err_text(err));
    if (err != CW_E_MEDIA_LOST)
        cw_leg_fail(&s->leg, err);
    else if (!cw_timer_active(s->web.patience))
        cw_timer_start(s->web.patience, GOODBYE_MS);
}

static void on_dtmf(void *arg, unsigned stream, char digit, unsigned duration_ms, bool passed)
{
    cw_assert_on_loop();
    cw_leg_sip_key_heard(arg, digit, duration_ms, passed);
}

static void on_flowing(void *arg, unsigned stream)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_note(&s->leg, "RTP", cw_fmt("first packet of stream %u", stream));
}

static void on_quiet(void *arg, unsigned stream, cw_ep_event event)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_emit(&s->leg, &(cw_leg_event){ .what = CW_LEG_QUIET, .stream = stream, .quiet = event });
}

/* Nothing is trickled to it: what full ICE finds later is found by its own checks. */
static void on_candidate(void *arg, const char *candidate, const char *mid) {}

static const cw_peer_ops peer_ops = {
    .ice = on_ice,
    .connected = on_connected,
    .failed = on_failed,
    .dtmf = on_dtmf,
    .flowing = on_flowing,
    .quiet = on_quiet,
    .candidate = on_candidate,
};

/* ── Life ── */

void cw_leg_sip_use_web(leg_sip *s, cw_client *client, cw_id call)
{
    s->web.on = true;
    s->web.client = client;
    s->web.patience = cw_timer_new(s->calls->loop, on_gone, s);
    s->leg.policy = cw_policy_browser(s->calls->conf);
    s->leg.wants_ringback = false; /* it makes its own tone, at a 180 */
    cw_id_print(call, s->web.name);
    g_hash_table_insert(client->legs, s->web.name, s);
}

cw_err cw_leg_sip_web_open(leg_sip *s)
{
    return s->web.peer ? CW_OK
                       : cw_peer_new(s->calls->webrtc, s->leg.worker, &peer_ops, s, &s->web.peer);
}

void cw_leg_sip_web_close(leg_sip *s)
{
    cw_peer_free(g_steal_pointer(&s->web.peer));
    g_clear_pointer(&s->web.patience, cw_timer_free);
    g_clear_pointer(&s->web.sdp, g_free);
    if (s->web.client)
        g_hash_table_remove(s->web.client->legs, s->web.name);
    s->web.client = NULL;
}

/* Its user may come back by another connection: the dialog is theirs (sip/web). */
void cw_leg_sip_web_lost(cw_leg *leg)
{
    leg_sip *s = (leg_sip *)leg;

    s->web.client = NULL;
    cw_leg_note(leg, "SIP", "WebSocket gone");
    if (s->up)
        cw_timer_start(s->web.patience, (uint64_t)s->calls->conf->web.resume_call_ms);
    else
        cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_ENDED });
}

void cw_leg_sip_web_back(cw_leg *leg, cw_client *client)
{
    leg_sip *s = (leg_sip *)leg;

    if (s->web.client || leg->ended || g_hash_table_contains(client->legs, s->web.name))
        return;
    s->web.client = client;
    g_hash_table_insert(client->legs, s->web.name, s);
    cw_leg_note(leg, "SIP", "back by another WebSocket");
    cw_timer_stop(s->web.patience);
}

/* ── What is said ── */

cw_err cw_leg_sip_web_read(leg_sip *s, bool offer, const char *sdp, size_t len, cw_media_desc *ret)
{
    char why[128] = "";
    cw_err err = cw_leg_sip_web_open(s);

    if (!err && offer)
        err = cw_peer_offered(s->web.peer, sdp, len, ret, why);
    else if (!err)
        err = cw_peer_answered(s->web.peer, sdp, len, ret, why);
    if (err)
        cw_leg_note(&s->leg, "SDP", *why ? why : cw_err_text(err));
    return err;
}

/* Whatever cannot be said anew stays as it was said. */
char *cw_leg_sip_web_write(leg_sip *s)
{
    g_autofree cw_media_desc *desc = cw_desc_dup(s->own);
    char *sdp = NULL;
    cw_err err;

    for (unsigned i = 0; i < desc->stream_n && s->other_holds; i++)
        desc->stream[i].dir &= CW_SENDONLY;
    err = s->web.answers ? cw_peer_answer(s->web.peer, desc, &sdp)
                         : cw_peer_offer(s->web.peer, desc, &sdp);
    s->web.answers = false;
    s->hold_told = s->other_holds;
    if (err)
        return g_strdup(s->web.sdp ?: "");
    g_free(s->web.sdp);
    s->web.sdp = g_strdup(sdp);
    return sdp;
}

void cw_leg_sip_web_undo(leg_sip *s)
{
    if (s->web.peer)
        cw_peer_undo(s->web.peer, s->leg.desc);
}

cw_ep *cw_leg_sip_ep(const leg_sip *s, unsigned stream)
{
    if (!s->web.on)
        return s->ep[stream];
    return s->web.peer ? cw_peer_ep(s->web.peer, stream) : NULL;
}
