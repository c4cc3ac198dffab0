/* plc.h - sound made up from the sound before: for packets that never came, and to play a little
 * faster or slower, all by whole periods of the wave so that no click is heard. Any thread, one at
 * a time for each. Rates up to 16 kHz for cw_plc, up to 48 kHz for cw_stretch.
 */
#ifndef CW_CODEC_PLC_H
#define CW_CODEC_PLC_H

#include <stddef.h>
#include <stdint.h>

#define CW_PLC_PAST  (16 * 40) /* samples: 40 ms */
#define CW_PLC_CYCLE (16 * 15)

typedef struct cw_plc {
    unsigned rate_hz;
    int16_t past[CW_PLC_PAST];   /* newest last; the end of it holds 40 ms of the rate */
    int16_t cycle[CW_PLC_CYCLE]; /* what is repeated */
    unsigned lag;                /* its length */
    unsigned at;                 /* in the cycle */
    unsigned made;               /* samples since the last real one; 0: no gap */
    float step;                  /* between the last real sample and the cycle's first */
} cw_plc;

void cw_plc_init(cw_plc *plc, unsigned rate_hz);
/* `n` real samples; the first ones after a gap are blended with what was made up. */
void cw_plc_heard(cw_plc *plc, int16_t *pcm, size_t n);
/* Make up `n` samples; they fade out within 100 ms. */
void cw_plc_fill(cw_plc *plc, int16_t *pcm, size_t n);

/* Take a piece of 2.5 to 10 ms out, or put one in (`cap` samples fit). Returns the new length: `n`
 * if no piece is alike enough to its neighbour, or `n` is below 20 ms. */
size_t cw_stretch_less(int16_t *pcm, size_t n, unsigned rate_hz);
size_t cw_stretch_more(int16_t *pcm, size_t n, size_t cap, unsigned rate_hz);

#endif
