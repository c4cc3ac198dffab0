#include "media/codec/noise.h"

#include <math.h>
#include <string.h>

void cw_noise_set(cw_noise *noise, const uint8_t *payload, size_t len)
{
    float gain = 1;

    if (len == 0)
        return;
    noise->order = len - 1 > CW_NOISE_ORDER_MAX ? CW_NOISE_ORDER_MAX : (unsigned)(len - 1);
    for (unsigned i = 0; i < noise->order; i++) {
        noise->k[i] = ((float)payload[1 + i] - 127) / 128; /* RFC 3389 3.2; below 1 either way */
        if (noise->k[i] >= 1)
            noise->k[i] = 127.0f / 128;
        gain *= 1 - noise->k[i] * noise->k[i];
    }
    /* The filter makes it louder by 1 / gain in power. */
    noise->amplitude = 32767 * exp10f(-(float)(payload[0] & 0x7f) / 20) * sqrtf(gain);
    memset(noise->b, 0, sizeof noise->b);
    if (!noise->seed)
        noise->seed = 1;
}

/* Evenly spread with a root mean square of 1. */
static float draw(cw_noise *noise)
{
    noise->seed = noise->seed * 1664525 + 1013904223;
    return (float)(int32_t)noise->seed * (1.7320508f / 2147483648.0f);
}

void cw_noise_make(cw_noise *noise, int16_t *pcm, size_t n)
{
    for (size_t at = 0; at < n; at++) {
        float f = noise->amplitude * draw(noise);

        for (unsigned i = noise->order; i-- > 0;) { /* an all-pole lattice */
            f -= noise->k[i] * noise->b[i];
            noise->b[i + 1] = noise->b[i] + noise->k[i] * f;
        }
        noise->b[0] = f;
        pcm[at] = (int16_t)(f > 32767 ? 32767 : f < -32768 ? -32768 : f);
    }
}
