/* noise.h - comfort noise from the description of RFC 3389. Plain data, any thread. */
#ifndef CW_CODEC_NOISE_H
#define CW_CODEC_NOISE_H

#include <stddef.h>
#include <stdint.h>

#define CW_NOISE_ORDER_MAX 12 /* coefficients taken; further ones shape too little to matter */

typedef struct cw_noise {
    float amplitude; /* root mean square */
    unsigned order;
    float k[CW_NOISE_ORDER_MAX]; /* reflection coefficients */
    float b[CW_NOISE_ORDER_MAX + 1];
    uint32_t seed;
} cw_noise;

/* The payload: level in -dBov, then coefficients (RFC 3389 3). Empty: nothing is changed. */
void cw_noise_set(cw_noise *noise, const uint8_t *payload, size_t len);
void cw_noise_make(cw_noise *noise, int16_t *pcm, size_t n);

#endif
