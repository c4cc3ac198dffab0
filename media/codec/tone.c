#include "media/codec/tone.h"

#include "media/codec/codec.h"

#include <glib.h>
#include <math.h>
#include <string.h>

/* -10 dBm0: a full-scale sine is +3.14 dBm0 (ITU-T G.711, A-law). */
#define AMPLITUDE (32767 * 0.22029)
#define RATE_MAX  48000
#define FRAME_MAX (RATE_MAX / 1000 * CW_TONE_MS)

typedef struct tone {
    cw_format format;
    unsigned hz;
    uint64_t tick; /* of `frame` */
    double phase;  /* turns */
    cw_encoder *encoder;
    size_t len;
    uint8_t frame[CW_PAYLOAD_MAX];
} tone;

struct cw_tones {
    GPtrArray *tone;
};

static void tone_free(void *arg)
{
    tone *t = arg;

    cw_encoder_free(t->encoder);
    g_free(t);
}

cw_tones *cw_tones_new(void)
{
    cw_tones *tones = g_new0(cw_tones, 1);

    tones->tone = g_ptr_array_new_with_free_func(tone_free);
    return tones;
}

void cw_tones_free(cw_tones *tones)
{
    if (!tones)
        return;
    g_ptr_array_unref(tones->tone);
    g_free(tones);
}

static void encode(tone *t)
{
    double turn = (double)t->hz / cw_encoder_rate(t->encoder);
    int16_t pcm[FRAME_MAX];

    for (size_t i = 0; i < cw_encoder_samples(t->encoder); i++) {
        pcm[i] = (int16_t)lrint(AMPLITUDE * sin(2 * G_PI * t->phase));
        t->phase += turn;
        t->phase -= floor(t->phase);
    }
    t->len = cw_encode(t->encoder, pcm, t->frame);
}

static tone *tone_new(const cw_format *format, unsigned hz)
{
    const cw_encoder_conf conf = { .ptime_ms = CW_TONE_MS };
    unsigned rate_hz = cw_codec_rate(format);
    cw_encoder *encoder = cw_encoder_new(format, rate_hz ? rate_hz : RATE_MAX, &conf);
    tone *t;

    if (!encoder)
        return NULL;
    t = g_new0(tone, 1);
    t->format = *format;
    t->hz = hz;
    t->tick = UINT64_MAX;
    t->encoder = encoder;
    return t;
}

/* Payload types differ from listener to listener. */
static bool sounds_as(const tone *t, const cw_format *format, unsigned hz)
{
    return t->hz == hz && t->format.clock_hz == format->clock_hz &&
           strcmp(t->format.name, format->name) == 0 && strcmp(t->format.fmtp, format->fmtp) == 0;
}

static tone *find(cw_tones *tones, const cw_format *format, unsigned hz)
{
    for (guint i = 0; i < tones->tone->len; i++)
        if (sounds_as(g_ptr_array_index(tones->tone, i), format, hz))
            return g_ptr_array_index(tones->tone, i);
    return NULL;
}

const uint8_t *cw_tones_frame(cw_tones *tones, const cw_format *format, unsigned hz, uint64_t tick,
                              size_t *len)
{
    tone *found = find(tones, format, hz);

    if (!found) {
        found = tone_new(format, hz);
        if (!found)
            return NULL;
        g_ptr_array_add(tones->tone, found);
    }
    if (found->tick != tick) {
        encode(found);
        found->tick = tick;
    }
    *len = found->len;
    return found->len ? found->frame : NULL;
}

void cw_tones_trim(cw_tones *tones, uint64_t tick)
{
    for (guint i = tones->tone->len; i-- > 0;) {
        const tone *t = g_ptr_array_index(tones->tone, i);

        if (t->tick != tick)
            g_ptr_array_remove_index_fast(tones->tone, i);
    }
}
