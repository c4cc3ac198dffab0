/* keytone.h - the two-tone sounds of telephone keys (ITU-T Q.23), heard and made.
 *
 * Plain data and arithmetic: any thread, one at a time for each.
 */
#ifndef CW_CODEC_KEYTONE_H
#define CW_CODEC_KEYTONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_KEYTONE_RATE_HZ 8000 /* of the sound the detector takes */
#define CW_KEYTONE_BLOCK   102  /* samples looked at together: 12.75 ms */

/* ── Hearing ── */
typedef struct cw_keytone_detector {
    float s1[8], s2[8]; /* a resonator for each frequency (Goertzel) */
    float energy;
    unsigned filled; /* samples of this block */
    char last;       /* what the block before held, 0: no key */
    char now;        /* the key that is down, 0: none */
    unsigned hits;   /* blocks of `now` or, before it is sure, of `last` */
    unsigned misses; /* blocks since without it */
} cw_keytone_detector;

typedef enum cw_keytone_event {
    CW_KEYTONE_NOTHING, /* all samples are heard */
    CW_KEYTONE_BEGAN,   /* 25 to 38 ms after it did */
    CW_KEYTONE_ENDED,
} cw_keytone_event;

void cw_keytone_detector_init(cw_keytone_detector *detector);
/* Hear *n samples at *pcm up to the next event; both are moved on, so call it until it says
 * NOTHING.
 *
 * *digit  BEGAN and ENDED: which of 0-9 * # A-D
 * *ms     ENDED: how long, to 13 ms
 *
 * Heard: 40 ms or longer, 40 ms apart, -28 to 0 dBm0 a tone, 1.5 % off, high tone up to 4 dB above
 * and 8 dB below the low one (ITU-T Q.24), with less than a third of the power in anything else. */
cw_keytone_event cw_keytone_hear(cw_keytone_detector *detector, const int16_t **pcm, size_t *n,
                                 char *digit, unsigned *ms);
/* A key is down, or one more block would tell: sound with it should not be passed on. */
bool cw_keytone_suspected(const cw_keytone_detector *detector);

/* ── Making ── */
typedef struct cw_keytone_generator {
    double low, high;           /* phase, turns */
    double low_step, high_step; /* turns a sample */
    unsigned ramp;              /* samples over which it comes and goes: no click */
    uint64_t made;              /* samples */
} cw_keytone_generator;

/* False: `digit` is none. Low tone at -10 dBm0, high tone at -8 dBm0. */
bool cw_keytone_generator_init(cw_keytone_generator *generator, char digit, unsigned rate_hz);
/* The next `n` samples; with `last` they end softly. */
void cw_keytone_make(cw_keytone_generator *generator, int16_t *pcm, size_t n, bool last);

#endif
