#include "media/codec/g711.h"

/* The chord of a magnitude: 0 below 32, then one more each doubling. */
static int segment_of(int magnitude)
{
    int segment = 27 - __builtin_clz((unsigned)magnitude | 1);

    return segment > 0 ? segment : 0;
}

uint8_t cw_alaw(int16_t pcm)
{
    int size = pcm >= 0 ? pcm >> 3 : ~pcm >> 3; /* 12 bits */
    int segment = segment_of(size);
    int step = segment < 1 ? size >> 1 & 15 : size >> segment & 15;

    return (uint8_t)((segment << 4 | step) ^ (pcm >= 0 ? 0xd5 : 0x55));
}

uint8_t cw_ulaw(int16_t pcm)
{
    int size = (pcm >= 0 ? pcm >> 2 : ~pcm >> 2) + 33; /* 14 bits */
    int segment, step;

    if (size > 8191)
        size = 8191;
    segment = segment_of(size >> 1);
    step = size >> (segment + 1) & 15;
    return (uint8_t)(~((pcm >= 0 ? 0 : 0x80) | segment << 4 | step));
}

int16_t cw_alaw_pcm(uint8_t code)
{
    int size, chord;

    code ^= 0x55;
    size = (code & 15) << 4;
    chord = code >> 4 & 7;
    size += chord ? 0x108 : 8;
    if (chord > 1)
        size <<= chord - 1;
    return (int16_t)(code & 0x80 ? size : -size);
}

int16_t cw_ulaw_pcm(uint8_t code)
{
    int size;

    code = (uint8_t)~code;
    size = (((code & 15) << 3) + 0x84) << (code >> 4 & 7);
    return (int16_t)(code & 0x80 ? 0x84 - size : size - 0x84);
}
