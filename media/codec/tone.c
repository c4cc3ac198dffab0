#include "media/codec/tone.h"

#include "media/codec/codec.h"

#include <glib.h>
#include <string.h>

#define FRAME_MAX (48 * CW_TONE_MS)

/* A frame of a cadence, once it was made; in `bytes`. */
typedef struct kept {
    uint32_t at;
    uint16_t len;
    bool made;
} kept;

typedef struct tone {
    cw_format format;
    cw_sound *sound;
    uint64_t tick; /* last asked for */
    uint64_t next; /* frames made, of a sound that goes on for all */
    cw_encoder *encoder;
    size_t len;
    uint8_t frame[CW_PAYLOAD_MAX];
    unsigned kept_n; /* frames of the cadence; 0: it has none */
    kept *kept;
    GByteArray *bytes;
} tone;

struct cw_tones {
    GPtrArray *tone;
};

static void tone_free(void *arg)
{
    tone *t = arg;

    cw_encoder_free(t->encoder);
    cw_sound_unref(t->sound);
    g_free(t->kept);
    g_byte_array_unref(t->bytes);
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

static void encode(tone *t, uint64_t frame)
{
    size_t n = cw_encoder_samples(t->encoder);
    int16_t pcm[FRAME_MAX];

    cw_sound_read(t->sound, cw_encoder_rate(t->encoder), frame * n, pcm, n);
    t->len = cw_encode(t->encoder, pcm, t->frame);
}

static tone *tone_new(const cw_format *format, cw_sound *sound)
{
    const cw_encoder_conf conf = { .ptime_ms = CW_TONE_MS };
    unsigned rate_hz = cw_codec_rate(format);
    cw_encoder *encoder = cw_encoder_new(format, rate_hz ? rate_hz : cw_sound_rate(sound), &conf);
    tone *t;

    if (!encoder)
        return NULL;
    t = g_new0(tone, 1);
    t->format = *format;
    t->sound = cw_sound_ref(sound);
    t->tick = UINT64_MAX;
    t->encoder = encoder;
    t->kept_n = cw_sound_cadence_ms(sound) / CW_TONE_MS;
    t->kept = g_new0(kept, t->kept_n);
    t->bytes = g_byte_array_new();
    return t;
}

/* Payload types differ from listener to listener. */
static bool sounds_as(const tone *t, const cw_format *format, const cw_sound *sound)
{
    return cw_sound_same(t->sound, sound) && t->format.clock_hz == format->clock_hz &&
           strcmp(t->format.name, format->name) == 0 && strcmp(t->format.fmtp, format->fmtp) == 0;
}

static tone *find(cw_tones *tones, const cw_format *format, const cw_sound *sound)
{
    for (guint i = 0; i < tones->tone->len; i++)
        if (sounds_as(g_ptr_array_index(tones->tone, i), format, sound))
            return g_ptr_array_index(tones->tone, i);
    return NULL;
}

/* Each listener is somewhere else in it; those who come later are given what the first one heard.
 */
static const uint8_t *cadence_frame(tone *t, uint64_t at, size_t *len)
{
    unsigned i = (unsigned)(at % t->kept_n);

    if (!t->kept[i].made) {
        encode(t, i);
        t->kept[i] = (kept){ .at = t->bytes->len, .len = (uint16_t)t->len, .made = true };
        g_byte_array_append(t->bytes, t->frame, (guint)t->len);
    }
    *len = t->kept[i].len;
    return *len ? t->bytes->data + t->kept[i].at : t->frame;
}

const uint8_t *cw_tones_frame(cw_tones *tones, const cw_format *format, cw_sound *sound,
                              uint64_t at, uint64_t tick, size_t *len)
{
    tone *found = find(tones, format, sound);
    bool again;

    if (!found) {
        found = tone_new(format, sound);
        if (!found)
            return NULL;
        g_ptr_array_add(tones->tone, found);
    }
    again = found->tick == tick;
    found->tick = tick;
    if (found->kept_n > 0)
        return cadence_frame(found, at, len);
    if (!again)
        encode(found, found->next++);
    *len = found->len;
    return found->frame;
}

void cw_tones_trim(cw_tones *tones, uint64_t tick)
{
    for (guint i = tones->tone->len; i-- > 0;) {
        const tone *t = g_ptr_array_index(tones->tone, i);

        if (t->tick != tick)
            g_ptr_array_remove_index_fast(tones->tone, i);
    }
}
