/* leg_sip_keys.c - keys of a SIP end: telephone-events or tones of its endpoint, INFO of its
 * dialog, each as the policy says, and each key once. */
#include "call/leg/keypad.h"
#include "call/leg/leg_sip.h"

#include "base/log.h"

bool cw_stream_takes_events(const cw_stream *stream)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (cw_format_is_dtmf(&stream->format[i]))
            return true;
    return false;
}

static bool events_agreed(const leg_sip *s) CW_ON_LOOP
{
    int i = cw_leg_stream(&s->leg, CW_AUDIO);

    return i >= 0 && i < (int)s->remote->stream_n && cw_stream_takes_events(&s->remote->stream[i]);
}

/* ── In ── */

static CW_ON_LOOP void press(leg_sip *s, char digit, unsigned duration_ms, bool passed)
{
    cw_leg_emit(&s->leg, &(cw_leg_event){ .what = CW_LEG_DTMF,
                                          .digit = digit,
                                          .duration_ms = duration_ms,
                                          .passed = passed });
}

void cw_leg_sip_key_heard(leg_sip *s, char digit, unsigned duration_ms, bool passed)
{
    cw_leg_note(&s->leg, "RTP", cw_fmt("digit %c", digit));
    if (s->keys == KEYS_BY_INFO && !passed)
        return;
    s->keys = KEYS_BY_SOUND;
    press(s, digit, duration_ms, passed);
}

/* A far side may send INFO for what is also heard. */
static bool takes_info(const leg_sip *s) CW_ON_LOOP
{
    if (s->web.on) /* JsSIP sends either, as it is told; never both */
        return s->keys != KEYS_BY_SOUND;
    switch (s->leg.policy.keys) {
    case CW_KEYS_AUTO:
        return !events_agreed(s) && s->keys != KEYS_BY_SOUND;
    case CW_KEYS_INFO:
    case CW_KEYS_INFO_RELAY:
        return true;
    case CW_KEYS_RFC4733:
    case CW_KEYS_INBAND:
        break;
    }
    return false;
}

void cw_leg_sip_info(leg_sip *s, const char *type, const char *body, size_t len)
{
    unsigned duration_ms;
    char digit;

    if (cw_keypad_parse(type, body, len, &digit, &duration_ms))
        return;
    if (!takes_info(s)) {
        cw_leg_note(&s->leg, "SIP", cw_fmt("digit %c by INFO: not how they travel here", digit));
        return;
    }
    s->keys = KEYS_BY_INFO;
    press(s, digit, duration_ms, false);
}

/* ── Out ── */

static CW_ON_LOOP cw_err send_info(leg_sip *s, char digit, unsigned duration_ms)
{
    bool plain = s->leg.policy.keys == CW_KEYS_INFO;
    char body[CW_KEYPAD_BODY_MAX];
    size_t len = cw_keypad_print(plain, digit, duration_ms, body);

    return cw_sip_call_info(s->sip, plain ? "application/dtmf" : "application/dtmf-relay", body,
                            len);
}

cw_err cw_leg_sip_dtmf(cw_leg *leg, char digit, unsigned duration_ms, bool passed)
{
    leg_sip *s = (leg_sip *)leg;
    int i = cw_leg_stream(leg, CW_AUDIO);
    cw_keys keys = leg->policy.keys;

    if (i < 0 || !cw_leg_sip_ep(s, (unsigned)i) || !s->sip)
        return CW_E_NO_CODEC;
    if (s->web.on) /* pages hear of no telephone-events */
        return send_info(s, digit, duration_ms);
    if (passed)
        return CW_OK;
    if (keys == CW_KEYS_INFO || keys == CW_KEYS_INFO_RELAY ||
        (keys == CW_KEYS_AUTO && !events_agreed(s)))
        return send_info(s, digit, duration_ms);
    return cw_ep_dtmf(s->ep[i], digit, duration_ms);
}
