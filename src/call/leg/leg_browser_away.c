/* leg_browser_away.c - a browser that is gone for a while: its connection, its media or both; and
 * what it is told of the call when it is back. */
#include "call/leg/leg_browser.h"

#include "base/stats.h"

/* A browser that hangs up closes its media and says so on another connection: which of them is here
 * first is chance. */
#define GOODBYE_MS 1000

static leg_browser *self(cw_leg *leg)
{
    return (leg_browser *)leg;
}

/* ── Its media ── */

/* It ends the call only when its client is there and does nothing about it. */
static void on_goodbye(void *arg)
{
    leg_browser *b = arg;
    bool here;

    cw_assert_on_loop();
    if (!b->lost)
        return;
    here = !b->client || cw_client_here(b->client, b->lost_ms);
    if (here && cw_now_ms() - b->lost_ms >= b->patience_ms)
        cw_leg_fail(&b->leg, b->lost);
    else
        cw_timer_start(b->goodbye, GOODBYE_MS);
}

void cw_leg_browser_media_lost(leg_browser *b, cw_err err)
{
    cw_client *client = b->client;

    if (!client || (err != CW_E_MEDIA_LOST && cw_client_here(client, 0))) {
        cw_leg_fail(&b->leg, err);
        return;
    }
    if (!b->lost) {
        b->lost_ms = cw_now_ms();
        b->patience_ms = GOODBYE_MS;
    }
    b->lost = err;
    if (client->ops.probe)
        client->ops.probe(client->arg);
    if (!b->goodbye)
        b->goodbye = cw_timer_new(client->calls->loop, on_goodbye, b);
    cw_timer_start(b->goodbye, GOODBYE_MS);
}

void cw_leg_browser_media_back(leg_browser *b)
{
    b->lost = CW_OK;
    if (b->goodbye)
        cw_timer_stop(b->goodbye);
}

/* ── Its client ── */

void cw_leg_browser_away(cw_leg *leg)
{
    cw_leg_note(leg, "JSON", "connection lost");
}

/* It has as long to see to its media as for an answer to an offer. */
void cw_leg_browser_back(cw_leg *leg)
{
    leg_browser *b = self(leg);

    cw_leg_note(leg, "JSON", "session.resume");
    b->lost_ms = cw_now_ms();
    b->patience_ms = (uint64_t)b->client->calls->conf->web.answer_timeout_ms;
}

bool cw_leg_browser_op_away(cw_leg *leg)
{
    leg_browser *b = self(leg);

    return b->client && !cw_client_here(b->client, 0);
}

void cw_leg_browser_orphan(cw_leg *leg, cw_err why)
{
    leg_browser *b = self(leg);

    b->client = NULL;
    cw_leg_note(leg, "JSON", "session gone");
    cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_ENDED,
                                      .cause = { .err = why, .gateway = why != CW_OK } });
}

/* ── The state of things ── */

static CW_ON_LOOP const char *state_name(const leg_browser *b, const cw_call *call)
{
    if (b->answered)
        return "active";
    if (b->called)
        return "ringing";
    switch (call->state) {
    case CW_CALL_EARLY:
        return "early";
    case CW_CALL_RINGING:
        return "ringing";
    default:
        return "trying";
    }
}

static CW_ON_LOOP json_t *peer_json(cw_call *call, const cw_leg *leg)
{
    const cw_leg *other = cw_call_other(call, leg);
    cw_party party;
    json_t *ret;

    if (other)
        cw_party_of_leg(call, other, &party);
    else
        cw_party_of_target(call->to, &party);
    ret = cw_party_json(&party);
    cw_party_clear(&party);
    return ret;
}

static json_t *muted_json(const json_t *muted)
{
    return json_pack("{s:b s:b}", "audio", json_is_true(json_object_get(muted, "audio")), "video",
                     json_is_true(json_object_get(muted, "video")));
}

json_t *cw_leg_browser_state(cw_leg *leg)
{
    leg_browser *b = self(leg);
    cw_call *call = cw_leg_browser_call(leg);
    uint64_t since_ms = call->answered_ms ? call->answered_ms : call->created_ms;
    char id[CW_ID_STR];
    json_t *row = cw_leg_browser_held(b);

    json_object_update_new(
        row, json_pack("{s:s s:s s:s s:s s:o s:o s:b s:I}", "call", b->name, "id",
                       cw_id_print(b->id, id), "direction", b->called ? "incoming" : "outgoing",
                       "state", state_name(b, call), "muted", muted_json(b->muted), "peer",
                       peer_json(call, leg), "video", cw_leg_stream(leg, CW_VIDEO) >= 0, "since_ms",
                       (json_int_t)(cw_now_ms() - since_ms)));
    return row;
}

void cw_leg_browser_tell_ringing(cw_leg *leg)
{
    leg_browser *b = self(leg);

    if (b->called && !b->answered && b->incoming)
        cw_leg_browser_tell(b, "call.incoming", json_deep_copy(b->incoming), "again");
}
