#include "media/codec/tone.h"

#include "media/codec/g722.h"

#include <glib.h>
#include <math.h>
#include <opus.h>

/* -10 dBm0: a full-scale sine is +3.14 dBm0 (ITU-T G.711, A-law). */
#define AMPLITUDE  (32767 * 0.22029)
#define RATE_MAX   48000
#define FRAME_MAX  (RATE_MAX / 1000 * CW_TONE_MS)
#define OPUS_BPS   32000
#define OPUS_BYTES 400

typedef struct tone {
    cw_tone_codec codec;
    unsigned hz;
    uint64_t tick; /* of `frame` */
    double phase;  /* turns */
    cw_g722 g722;
    OpusEncoder *opus;
    size_t len;
    uint8_t frame[OPUS_BYTES];
} tone;

struct cw_tones {
    GPtrArray *tone;
};

static void tone_free(void *arg)
{
    tone *t = arg;

    if (t->opus)
        opus_encoder_destroy(t->opus);
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

cw_tone_codec cw_tone_codec_of(const cw_format *format)
{
    static const struct {
        const char *name;
        uint32_t clock_hz;
        cw_tone_codec codec;
    } known[] = { { "PCMA", 8000, CW_TONE_PCMA },
                  { "PCMU", 8000, CW_TONE_PCMU },
                  { "G722", 8000, CW_TONE_G722 },
                  { "opus", 48000, CW_TONE_OPUS } };

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_ascii_strcasecmp(format->name, known[i].name) == 0 &&
            format->clock_hz == known[i].clock_hz)
            return known[i].codec;
    return CW_TONE_NONE;
}

/* The chord of a magnitude: 0 below 32, then one more each doubling. */
static int segment_of(int magnitude)
{
    int segment = 0;

    while (segment < 7 && magnitude >> (segment + 5) > 0)
        segment++;
    return segment;
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
    int size = MIN((pcm >= 0 ? pcm >> 2 : ~pcm >> 2) + 33, 8191); /* 14 bits */
    int segment = segment_of(size >> 1);
    int step = size >> (segment + 1) & 15;

    return (uint8_t)(~((pcm >= 0 ? 0 : 0x80) | segment << 4 | step));
}

static void sine(tone *t, unsigned rate, int16_t *pcm, size_t n)
{
    double turn = (double)t->hz / rate;

    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)lrint(AMPLITUDE * sin(2 * G_PI * t->phase));
        t->phase += turn;
        t->phase -= floor(t->phase);
    }
}

static void encode(tone *t)
{
    int16_t pcm[FRAME_MAX];
    int n;

    switch (t->codec) {
    case CW_TONE_PCMA:
    case CW_TONE_PCMU:
        t->len = 8 * CW_TONE_MS;
        sine(t, 8000, pcm, t->len);
        for (size_t i = 0; i < t->len; i++)
            t->frame[i] = t->codec == CW_TONE_PCMA ? cw_alaw(pcm[i]) : cw_ulaw(pcm[i]);
        break;
    case CW_TONE_G722:
        t->len = 8 * CW_TONE_MS;
        sine(t, 16000, pcm, 2 * t->len);
        cw_g722_encode(&t->g722, pcm, t->len, t->frame);
        break;
    case CW_TONE_OPUS:
        sine(t, 48000, pcm, FRAME_MAX);
        n = opus_encode(t->opus, pcm, FRAME_MAX, t->frame, OPUS_BYTES);
        t->len = n > 0 ? (size_t)n : 0;
        break;
    case CW_TONE_NONE:
        break;
    }
}

static tone *tone_new(cw_tone_codec codec, unsigned hz)
{
    tone *t = g_new0(tone, 1);
    int err;

    t->codec = codec;
    t->hz = hz;
    t->tick = UINT64_MAX;
    cw_g722_init(&t->g722);
    if (codec == CW_TONE_OPUS) {
        t->opus = opus_encoder_create(RATE_MAX, 1, OPUS_APPLICATION_AUDIO, &err);
        if (!t->opus) {
            g_free(t);
            return NULL;
        }
        opus_encoder_ctl(t->opus, OPUS_SET_BITRATE(OPUS_BPS));
        opus_encoder_ctl(t->opus, OPUS_SET_COMPLEXITY(0));
    }
    return t;
}

const uint8_t *cw_tones_frame(cw_tones *tones, cw_tone_codec codec, unsigned hz, uint64_t tick,
                              size_t *len)
{
    tone *found = NULL;

    for (guint i = 0; i < tones->tone->len && !found; i++) {
        tone *t = g_ptr_array_index(tones->tone, i);

        if (t->codec == codec && t->hz == hz)
            found = t;
    }
    if (!found) {
        found = tone_new(codec, hz);
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
