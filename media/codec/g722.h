/* g722.h - G.722 at 64 kbit/s (ITU-T G.722 3 and 4; names of blocks and variables are its). Plain
 * data, any thread. */
#ifndef CW_CODEC_G722_H
#define CW_CODEC_G722_H

#include <stddef.h>
#include <stdint.h>

typedef struct cw_g722_band {
    int s, sp, sz, r[3], a[3], ap[3], p[3], d[7], b[7], bp[7], nb, det;
} cw_g722_band;

/* An encoder's or a decoder's. */
typedef struct cw_g722 {
    int x[24]; /* of the quadrature mirror filter */
    cw_g722_band low, high;
} cw_g722;

void cw_g722_init(cw_g722 *g);
/* 2 * n samples at 16 kHz to n bytes. */
void cw_g722_encode(cw_g722 *g, const int16_t *pcm, size_t n, uint8_t *ret);
/* n bytes to 2 * n samples. */
void cw_g722_decode(cw_g722 *g, const uint8_t *data, size_t n, int16_t *ret);

#endif
