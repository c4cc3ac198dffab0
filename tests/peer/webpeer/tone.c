/* tone.c - G.711 (ITU-T G.711) and sines in it. */
#include "webpeer.h"

#include <math.h>

#define AMPLITUDE 7200 /* -10 dBm0: 3.14 dBm0 is full scale (G.711 table 5) */

int16_t wp_alaw(uint8_t code)
{
    int value, segment;

    code ^= 0x55;
    segment = (code & 0x70) >> 4;
    value = ((code & 0x0f) << 4) + 8;
    if (segment)
        value = (value + 0x100) << (segment - 1);
    return (int16_t)(code & 0x80 ? value : -value);
}

int16_t wp_ulaw(uint8_t code)
{
    int value;

    code = (uint8_t)~code;
    value = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
    return (int16_t)(code & 0x80 ? -value : value);
}

/* The code whose value is nearest: slow, exact, done once for each tone. */
static uint8_t encode(bool alaw, int value)
{
    unsigned best = 0;
    int error = 1 << 20;

    for (unsigned code = 0; code < 256; code++) {
        int e = abs((alaw ? wp_alaw((uint8_t)code) : wp_ulaw((uint8_t)code)) - value);

        if (e < error) {
            error = e;
            best = code;
        }
    }
    return (uint8_t)best;
}

const uint8_t *wp_tone(bool alaw, unsigned hz)
{
    static GHashTable *made;
    gpointer key = GUINT_TO_POINTER(hz * 2 + alaw + 1);
    uint8_t *tone;

    if (!made)
        made = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    tone = g_hash_table_lookup(made, key);
    if (tone)
        return tone;
    tone = g_malloc(8000);
    for (unsigned i = 0; i < 8000; i++)
        tone[i] = encode(alaw, (int)lrint(AMPLITUDE * sin(2 * G_PI * hz * i / 8000)));
    g_hash_table_insert(made, key, tone);
    return tone;
}
