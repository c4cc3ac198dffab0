#include "media/rtp/dtmf.h"

#include "media/rtp/rtp.h"

#include <ctype.h>
#include <string.h>

#define VOLUME     10 /* -dBm0 (RFC 4733 2.3.3) */
#define END        0x80
#define OVERDUE_US 100000 /* five packets late */
#define EVENT_MAX  16     /* flash */

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

static void drop_first(cw_dtmf_send *send)
{
    send->head = (send->head + 1) % CW_DTMF_QUEUE;
    send->n--;
    send->steps = send->ends = 0;
    send->before = 0;
}

bool cw_dtmf_pop(cw_dtmf_send *send, uint8_t *event, unsigned *ms)
{
    if (send->n == 0)
        return false;
    *event = send->queue[send->head].event;
    *ms = send->queue[send->head].ms;
    drop_first(send);
    return true;
}

static uint32_t ticks_of(unsigned ms, uint32_t clock_hz)
{
    return (uint32_t)((uint64_t)ms * clock_hz / 1000);
}

static void put(uint8_t payload[CW_DTMF_LEN], uint8_t event, uint8_t volume, bool end,
                uint32_t ticks)
{
    payload[0] = event;
    payload[1] = (uint8_t)(end ? END | volume : volume);
    cw_put16(payload + 2, (uint16_t)ticks);
}

/* RFC 4733 2.5.1.3: `ticks` of an event so far, `*before` of them in earlier segments. True: the
 * segment is full, and the packet says so; the next belongs to a new one. */
static bool segment(uint32_t ticks, uint32_t *before, uint32_t *duration, uint32_t *ts_after)
{
    *ts_after = *before;
    *duration = ticks - *before;
    if (*duration <= UINT16_MAX)
        return false;
    *duration = UINT16_MAX;
    *before += UINT16_MAX;
    return true;
}

cw_dtmf_step cw_dtmf_next(cw_dtmf_send *send, uint32_t clock_hz, uint8_t payload[CW_DTMF_LEN],
                          uint32_t *ts_after, bool *ended)
{
    uint32_t total, done, duration;
    bool first, end;

    *ended = false;
    *ts_after = 0;
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
    if (segment(end ? total : done, &send->before, &duration, ts_after))
        end = false;
    put(payload, send->queue[send->head].event, VOLUME, end, duration);
    if (end && ++send->ends == 3) {
        drop_first(send);
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

/* The next segment begins where this one ended, whether or not its last packet came. */
static bool follows_on(const cw_dtmf_see *see, uint32_t after)
{
    return after == see->duration || after == UINT16_MAX;
}

bool cw_dtmf_seen(cw_dtmf_see *see, const uint8_t *payload, size_t len, uint32_t ts,
                  uint64_t now_us, uint8_t *event, uint32_t *ticks)
{
    bool told = false, same;
    uint16_t duration;

    if (len < CW_DTMF_LEN || payload[0] > EVENT_MAX)
        return false;
    if (see->begun && (int32_t)(ts - see->ts) < 0)
        return false; /* of an event already over */
    duration = cw_get16(payload + 2);
    same = see->begun && ts == see->ts;
    if (same && !see->open)
        return false; /* a repeat of the end */

    if (!same) {
        bool goes_on = see->open && payload[0] == see->event && follows_on(see, ts - see->ts);
        uint32_t before = goes_on ? see->before + (ts - see->ts) : 0;
        unsigned nth = goes_on ? see->nth : see->nth + 1;

        if (see->open && !goes_on)
            told = finish(see, event, ticks);
        *see = (cw_dtmf_see){ .begun = true,
                              .open = true,
                              .event = payload[0],
                              .volume = payload[1] & 0x3f,
                              .nth = nth ? nth : 1,
                              .ts = ts,
                              .before = before };
    }
    see->at_us = now_us;
    if (duration > see->duration)
        see->duration = duration;
    if (payload[1] & END && !told) /* else the repeats of this end will tell */
        return finish(see, event, ticks);
    return told;
}

bool cw_dtmf_overdue(cw_dtmf_see *see, uint64_t now_us, uint8_t *event, uint32_t *ticks)
{
    return see->open && now_us - see->at_us > OVERDUE_US && finish(see, event, ticks);
}

/* ── Following ── */

void cw_dtmf_begin(cw_dtmf_follow *follow, const cw_dtmf_see *see, uint32_t ts)
{
    *follow =
        (cw_dtmf_follow){ .nth = see->nth, .event = see->event, .volume = see->volume, .ts = ts };
}

static uint32_t scale(uint32_t ticks, uint32_t from_hz, uint32_t to_hz)
{
    uint64_t scaled = (uint64_t)ticks * to_hz / (from_hz ? from_hz : 1);

    return scaled > UINT32_MAX ? UINT32_MAX : (uint32_t)scaled;
}

bool cw_dtmf_go_on(cw_dtmf_follow *follow, const cw_dtmf_see *see, uint32_t from_hz, uint32_t to_hz,
                   uint8_t payload[CW_DTMF_LEN], uint32_t *ts_after, bool *again)
{
    bool same = see && see->nth == follow->nth;
    bool end = !same || !see->open;
    uint32_t duration;

    *again = false;
    if (!cw_dtmf_follows(follow))
        return false;
    if (same && follow->ends == 0) {
        uint32_t now = scale(see->before + see->duration, from_hz, to_hz);

        if (now > follow->ticks)
            follow->ticks = now;
    }
    *again = segment(follow->ticks, &follow->before, &duration, ts_after);
    end &= !*again;
    follow->ends += end;
    put(payload, follow->event, follow->volume, end, duration);
    return true;
}
