/* jitter.h - packets in as the network delivers them, out as they are to be played.
 *
 * How long packets wait follows what was observed: nearly all of them (97 of 100) arrive in time.
 * It changes where nobody hears it: in pauses, while a gap is being filled, else by the caller, who
 * stretches the sound by what cw_jitter_excess_us() says. Bounded: 64 packets of 1500 bytes.
 *
 * Any thread, one at a time for each; time is given in, microseconds of one clock that only grows.
 */
#ifndef CW_CODEC_JITTER_H
#define CW_CODEC_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_JITTER_SLOTS   64
#define CW_JITTER_PAYLOAD 1500

typedef struct cw_jitter cw_jitter;

typedef struct cw_jitter_packet {
    uint16_t seq;
    uint32_t ts;
    uint8_t pt;
    uint16_t len;
    const uint8_t *data; /* of the buffer; until the next call that changes it */
} cw_jitter_packet;

typedef enum cw_jitter_step {
    CW_JITTER_WAIT,  /* nothing is to be heard yet */
    CW_JITTER_PLAY,  /* *ret, and then cw_jitter_played() */
    CW_JITTER_LOST,  /* fill `ticks`; ret->data is the packet after the gap, if that ends here */
    CW_JITTER_EMPTY, /* fill `ticks`: what should be heard has not come, and may still */
    CW_JITTER_QUIET, /* fill `ticks`: the sender pauses */
} cw_jitter_step;

typedef struct cw_jitter_count {
    uint64_t concealed; /* ticks of LOST and EMPTY */
    unsigned discarded; /* packets that came too late, twice, or did not fit */
    unsigned delay_ms;  /* how long packets wait now */
    unsigned target_ms; /* and should */
} cw_jitter_count;

cw_jitter *cw_jitter_new(uint32_t clock_hz, unsigned min_ms, unsigned max_ms);
void cw_jitter_free(cw_jitter *jitter); /* NULL is fine */
/* Forget the packets, keep what was learnt of the network. */
void cw_jitter_reset(cw_jitter *jitter);
void cw_jitter_clock(cw_jitter *jitter, uint32_t clock_hz); /* another codec's: resets */

/* A packet came. Copied; false: discarded. */
bool cw_jitter_put(cw_jitter *jitter, const cw_jitter_packet *packet, uint64_t now_us);
/* What is to be heard at `now_us`, `*ticks` of it at most wanted; *ticks says how much to fill. */
cw_jitter_step cw_jitter_next(cw_jitter *jitter, uint64_t now_us, uint32_t *ticks,
                              cw_jitter_packet *ret);
/* The packet of PLAY lasted `ticks`; `quiet`: it said that a pause follows. */
void cw_jitter_played(cw_jitter *jitter, uint32_t ticks, bool quiet);
/* How much later than needed the sound heard at `now_us` is; below 0: too early for safety. */
int64_t cw_jitter_excess_us(const cw_jitter *jitter, uint64_t now_us);
void cw_jitter_get_count(const cw_jitter *jitter, uint64_t now_us, cw_jitter_count *ret);

#endif
