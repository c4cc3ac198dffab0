/* dtmf.h - telephone events (RFC 4733): the four-byte payload, sending digits, seeing them end.
 *
 * Pure state machines, any one thread.
 */
#ifndef CW_MEDIA_DTMF_H
#define CW_MEDIA_DTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_DTMF_LEN       4
#define CW_DTMF_QUEUE     32
#define CW_DTMF_STEP_MS   20 /* between packets */
#define CW_DTMF_MS_MIN    40 /* ITU-T Q.24: shorter ones may not be heard */
#define CW_DTMF_MS_MAX    6000
#define CW_DTMF_GAP_STEPS 3 /* silence between digits, after the last of the three end packets */

int cw_dtmf_event(char digit);      /* 0..15, -1: not a digit. 0-9 * # A-D, caseless */
char cw_dtmf_digit(unsigned event); /* 0: not a digit */

/* ── Sending ── */
typedef struct cw_dtmf_send {
    struct {
        uint8_t event;
        uint16_t ms;
    } queue[CW_DTMF_QUEUE];
    unsigned head, n; /* the one being sent stays in the queue until its gap is over */
    unsigned steps;   /* of the event done */
    unsigned ends;    /* end packets sent */
    unsigned gap;     /* steps of silence left */
    uint32_t before;  /* ticks of the event's earlier segments (RFC 4733 2.5.1.3) */
    uint32_t ts; /* of the event, the caller's: the packet's is ts + before of before the step */
} cw_dtmf_send;

typedef enum cw_dtmf_step {
    CW_DTMF_IDLE,  /* nothing to send any more */
    CW_DTMF_GAP,   /* nothing now */
    CW_DTMF_FIRST, /* the first packet of an event: marker, and a new timestamp */
    CW_DTMF_NEXT,
} cw_dtmf_step;

/* False: the queue is full. `ms` is brought within the limits above. */
bool cw_dtmf_push(cw_dtmf_send *send, unsigned event, unsigned ms);
/* Take the next digit out, not to be sent as an event. False: there is none. */
bool cw_dtmf_pop(cw_dtmf_send *send, uint8_t *event, unsigned *ms);
/* Every CW_DTMF_STEP_MS: what to send now, and how far behind the event's timestamp the packet's
 * lies. *ended: this step was the last of a digit. */
cw_dtmf_step cw_dtmf_next(cw_dtmf_send *send, uint32_t clock_hz, uint8_t payload[CW_DTMF_LEN],
                          uint32_t *ts_after, bool *ended);

/* ── Seeing ── */
typedef struct cw_dtmf_see {
    bool begun, open; /* open: its end was not seen yet */
    uint8_t event, volume;
    unsigned nth;        /* events begun so far, segments of one counted once */
    uint16_t duration;   /* ticks, of this segment */
    uint32_t ts, before; /* ticks of earlier segments (RFC 4733 2.5.1.3) */
    uint64_t at_us;
} cw_dtmf_see;

/* One telephone-event packet, of digits and flash (RFC 4733 3.2). True: an event ended, *event and
 * *ticks tell which. */
bool cw_dtmf_seen(cw_dtmf_see *see, const uint8_t *payload, size_t len, uint32_t ts,
                  uint64_t now_us, uint8_t *event, uint32_t *ticks);
/* Sound came. True: it is long after a digit whose end packets were all lost. */
bool cw_dtmf_overdue(cw_dtmf_see *see, uint64_t now_us, uint8_t *event, uint32_t *ticks);

/* ── Following: an event seen at one end as packets of the other ── */

typedef struct cw_dtmf_follow {
    unsigned nth;  /* of cw_dtmf_see, the event followed; 0: none yet */
    unsigned ends; /* end packets sent; 3: done */
    uint8_t event, volume;
    uint32_t ticks;  /* told so far, of the other clock */
    uint32_t before; /* of them in earlier segments */
    uint32_t ts;     /* of the event, the caller's: the packet's is ts + *ts_after */
} cw_dtmf_follow;

/* Is an event under way, or are end packets still to be sent? */
static inline bool cw_dtmf_follows(const cw_dtmf_follow *follow)
{
    return follow->nth != 0 && follow->ends < 3;
}

void cw_dtmf_begin(cw_dtmf_follow *follow, const cw_dtmf_see *see, uint32_t ts);
/* The packet to send now, one after each of theirs; `see` whose event is over, or another's, or
 * NULL: an end packet. The clocks are what durations are counted in. False: nothing is left to
 * send; true again at once: a segment ended, and the packet of the next is to go out too. */
bool cw_dtmf_go_on(cw_dtmf_follow *follow, const cw_dtmf_see *see, uint32_t from_hz, uint32_t to_hz,
                   uint8_t payload[CW_DTMF_LEN], uint32_t *ts_after, bool *again);

#endif
