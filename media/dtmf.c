#include "media/dtmf.h"

#include "media/rtp.h"

#include <ctype.h>
#include <string.h>

#define VOLUME     10 /* -dBm0 (RFC 4733 2.3.3) */
#define END        0x80
#define OVERDUE_US 100000 /* five packets late */

static const char digits[] = "0123456789*#ABCD"; /* RFC 4733 3.2 */

int cw_dtmf_event(char digit)
{
    const char *at = digit ? strchr(digits, toupper((unsigned char)digit)) : NULL;

    return at ? (int)(at - digits) : -1;
}

char cw_dtmf_digit(unsigned event)
{
    return event < 16 ? digits[event] : 0;
}

bool cw_dtmf_push(cw_dtmf_send *send, unsigned event, unsigned ms)
{
    unsigned at = (send->head + send->n) % CW_DTMF_QUEUE;

    if (send->n == CW_DTMF_QUEUE)
        return false;
    if (ms < CW_DTMF_MS_MIN)
        ms = CW_DTMF_MS_MIN;
    if (ms > CW_DTMF_MS_MAX)
        ms = CW_DTMF_MS_MAX;
    send->queue[at].event = (uint8_t)event;
    send->queue[at].ms = (uint16_t)ms;
    send->n++;
    return true;
}

static void pop(cw_dtmf_send *send)
{
    send->head = (send->head + 1) % CW_DTMF_QUEUE;
    send->n--;
    send->steps = send->ends = 0;
}

/* The duration field ends at 65535: longer ones than it can say are cut. */
static uint32_t ticks_of(unsigned ms, uint32_t clock_hz)
{
    uint64_t ticks = (uint64_t)ms * clock_hz / 1000;

    return ticks > UINT16_MAX ? UINT16_MAX : (uint32_t)ticks;
}

cw_dtmf_step cw_dtmf_next(cw_dtmf_send *send, uint32_t clock_hz, uint8_t payload[CW_DTMF_LEN],
                          bool *ended)
{
    uint32_t total, done;
    bool first, end;

    *ended = false;
    if (send->gap > 0) {
        send->gap--;
        return CW_DTMF_GAP;
    }
    if (send->n == 0)
        return CW_DTMF_IDLE;

    total = ticks_of(send->queue[send->head].ms, clock_hz);
    first = send->steps++ == 0;
    done = ticks_of(send->steps * CW_DTMF_STEP_MS, clock_hz);
    end = done >= total;
    payload[0] = send->queue[send->head].event;
    payload[1] = end ? END | VOLUME : VOLUME;
    cw_put16(payload + 2, (uint16_t)(end ? total : done));
    if (end && ++send->ends == 3) {
        pop(send);
        send->gap = CW_DTMF_GAP_STEPS;
        *ended = true;
    }
    return first ? CW_DTMF_FIRST : CW_DTMF_NEXT;
}

static bool finish(cw_dtmf_see *see, uint8_t *event, uint32_t *ticks)
{
    see->open = false;
    *event = see->event;
    *ticks = see->before + see->duration;
    return true;
}

bool cw_dtmf_seen(cw_dtmf_see *see, const uint8_t *payload, size_t len, uint32_t ts,
                  uint64_t now_us, uint8_t *event, uint32_t *ticks)
{
    bool told = false, same;
    uint16_t duration;

    if (len < CW_DTMF_LEN || payload[0] > 15)
        return false;
    if (see->begun && (int32_t)(ts - see->ts) < 0)
        return false; /* of an event already over */
    duration = cw_get16(payload + 2);
    same = see->begun && ts == see->ts;
    if (same && !see->open)
        return false; /* a repeat of the end */

    if (!same) {
        bool goes_on = see->open && payload[0] == see->event && ts - see->ts == see->duration;
        uint32_t before = goes_on ? see->before + see->duration : 0;

        if (see->open && !goes_on)
            told = finish(see, event, ticks);
        *see = (cw_dtmf_see){
            .begun = true, .open = true, .event = payload[0], .ts = ts, .before = before
        };
    }
    see->at_us = now_us;
    if (duration > see->duration)
        see->duration = duration;
    if (payload[1] & END && !told)
        return finish(see, event, ticks);
    return told; /* with an end at once the repeats of this end tell the new one */
}

bool cw_dtmf_overdue(cw_dtmf_see *see, uint64_t now_us, uint8_t *event, uint32_t *ticks)
{
    return see->open && now_us - see->at_us > OVERDUE_US && finish(see, event, ticks);
}

void cw_dtmf_scale(uint8_t payload[CW_DTMF_LEN], uint32_t from_hz, uint32_t to_hz)
{
    uint64_t ticks = (uint64_t)cw_get16(payload + 2) * to_hz / (from_hz ? from_hz : 1);

    cw_put16(payload + 2, ticks > UINT16_MAX ? UINT16_MAX : (uint16_t)ticks);
}
