/* quality.h - how a leg's media does: by its own packets, by its far side's RTCP, by its browser.
 *
 * One timer samples the counters of every call (media.quality_interval_ms). What lies between two
 * samples is a window; the windows together are the call. Loop thread. Home of src/call only.
 */
#ifndef CW_CALL_QUALITY_H
#define CW_CALL_QUALITY_H

#include "call/leg/leg.h"

typedef enum cw_rating { CW_RATING_NONE, CW_RATING_GOOD, CW_RATING_FAIR, CW_RATING_POOR } cw_rating;

/* One direction of a stream over a window. */
typedef struct cw_way {
    bool known;
    double mos;  /* 0: pictures, or nothing came */
    double loss; /* 0..1, what came too late included */
    double jitter_ms;
} cw_way;

/* One direction over the call. */
typedef struct cw_way_sum {
    unsigned n; /* windows */
    double mos_sum, mos_min;
    unsigned mos_n;
    double jitter_sum, jitter_max;
} cw_way_sum;

typedef struct cw_stream_quality {
    unsigned samples;
    cw_ep_stats last;  /* as sampled last */
    cw_ep_stats total; /* packets and bytes only, over every endpoint the stream had */
    char rx_codec[32], tx_codec[32]; /* "PCMA/8000", last in use; "": none yet */
    cw_way sent;                     /* what we receive of the far side */
    cw_way heard;                    /* what it receives of us, by its RTCP */
    cw_way_sum sent_sum, heard_sum;
    double rtt_ms, rtt_max_ms; /* 0: not known */
    unsigned silences;
    bool silent;
} cw_stream_quality;

/* A leg's; made by its first sample. */
struct cw_leg_quality {
    cw_rating rating;                     /* of its sound */
    unsigned windows[CW_RATING_POOR + 1]; /* by rating */
    unsigned stream_n;                    /* those it had when it was sampled */
    cw_stream_quality stream[];
};

const char *cw_rating_name(cw_rating rating); /* "good"; "" for none */

/* The rating that follows `now` when the worse direction is at `mos`: what was said last keeps a
 * margin. Pure. */
cw_rating cw_rating_next(cw_rating now, double mos);

/* One direction's window from two readings of an endpoint. Pure. */
void cw_way_between(const cw_ep_stats *before, const cw_ep_stats *now, unsigned codec,
                    double rtt_ms, cw_way *ret);

/* NULL: it was never sampled. Valid until the next sample. */
cw_stream_quality *cw_leg_stream_quality(const cw_leg *leg, unsigned stream) CW_ON_LOOP;

/* Sample a leg's streams. True: its rating changed. */
bool cw_leg_sample(cw_leg *leg) CW_ON_LOOP;
/* {"rating", "rtt_ms", "sent", "heard"} of its first sound stream; NULL: nothing known. */
json_t *cw_leg_quality_json(const cw_leg *leg) CW_ON_LOOP;
/* Add what is known of stream `i` to its description. */
void cw_stream_quality_json(const cw_leg *leg, unsigned i, json_t *into) CW_ON_LOOP;

#endif
