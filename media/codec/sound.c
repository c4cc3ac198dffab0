#include "media/codec/sound.h"

#include "media/codec/resample.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A full-scale sine is +3.14 dBm0 (ITU-T G.711, A-law). */
#define SINE_LEVEL  (32767 * 0.22029) /* -10 dBm0 */
#define TONE_LEVEL  (32767 * 0.15596) /* -13 dBm0, of all its sines together */
#define SINE_RATE   48000
#define FILE_RATE   16000
#define NARROW_RATE 8000
#define RAMP_MS     5 /* a tone begins and ends without a click */

struct cw_sound {
    /* A tone */
    unsigned hz[CW_SOUND_HZ_MAX], hz_n;
    unsigned step_ms[CW_SOUND_STEPS_MAX], step_n; /* 0: for ever */
    unsigned cadence_ms;
    double level; /* of each sine */
    /* A recording, at both rates */
    int16_t *wide, *narrow;
    size_t wide_n, narrow_n;
};

/* ── Made ── */

static void sound_clear(void *arg)
{
    cw_sound *sound = arg;

    g_free(sound->wide);
    g_free(sound->narrow);
}

cw_sound *cw_sound_ref(cw_sound *sound)
{
    return g_atomic_rc_box_acquire(sound);
}

void cw_sound_unref(cw_sound *sound)
{
    if (sound)
        g_atomic_rc_box_release_full(sound, sound_clear);
}

cw_sound *cw_sound_sine(unsigned hz)
{
    cw_sound *sound = g_atomic_rc_box_new0(cw_sound);

    sound->hz[sound->hz_n++] = hz;
    sound->level = SINE_LEVEL;
    return sound;
}

/* ITU-T E.180 supplement 2. Modulated tones are given by their carrier. */
static const struct {
    const char *country, *tone;
} countries[] = {
    { "at", "420 1000/5000" },
    { "au", "400+450 400/200/400/2000" },
    { "be", "425 1000/3000" },
    { "br", "425 1000/4000" },
    { "ca", "440+480 2000/4000" },
    { "ch", "425 1000/4000" },
    { "cn", "450 1000/4000" },
    { "cz", "425 1000/4000" },
    { "de", "425 1000/4000" },
    { "dk", "425 1000/4000" },
    { "es", "425 1500/3000" },
    { "fi", "425 1000/4000" },
    { "fr", "440 1500/3500" },
    { "gb", "400+450 400/200/400/2000" },
    { "ie", "400+450 400/200/400/2000" },
    { "in", "400 400/200/400/2000" },
    { "it", "425 1000/4000" },
    { "jp", "400 1000/2000" },
    { "mx", "425 1000/4000" },
    { "nl", "425 1000/4000" },
    { "no", "425 1000/4000" },
    { "nz", "400+450 400/200/400/2000" },
    { "pl", "425 1000/4000" },
    { "pt", "425 1000/5000" },
    { "ru", "425 800/3200" },
    { "se", "425 1000/5000" },
    { "us", "440+480 2000/4000" },
    { "za", "400+450 400/200/400/2000" },
};

/* A number of `min` to `max`, and what follows it. */
static bool take(const char **text, unsigned min, unsigned max, unsigned *ret)
{
    unsigned value = 0;
    const char *s = *text;

    for (; g_ascii_isdigit(*s) && value <= max; s++)
        value = value * 10 + (unsigned)(*s - '0');
    if (s == *text || value < min || value > max)
        return false;
    *text = s;
    *ret = value;
    return true;
}

static bool parse(const char *text, cw_sound *sound)
{
    do {
        if (sound->hz_n == CW_SOUND_HZ_MAX || !take(&text, 50, 3400, &sound->hz[sound->hz_n]))
            return false;
        sound->hz_n++;
    } while (*text++ == '+');
    if (text[-1] != ' ')
        return false;
    do {
        unsigned *ms = &sound->step_ms[sound->step_n];

        if (sound->step_n == CW_SOUND_STEPS_MAX || !take(&text, 20, CW_SOUND_CADENCE_MAX, ms))
            return false;
        sound->step_n++;
        sound->cadence_ms += *ms;
    } while (*text++ == '/');
    return !text[-1] && sound->step_n % 2 == 0 && sound->cadence_ms <= CW_SOUND_CADENCE_MAX;
}

cw_err cw_sound_ringback(const char *text, cw_sound **ret)
{
    cw_sound *sound = g_atomic_rc_box_new0(cw_sound);

    for (size_t i = 0; i < G_N_ELEMENTS(countries); i++)
        if (!g_ascii_strcasecmp(countries[i].country, text))
            text = countries[i].tone;
    if (!parse(text, sound)) {
        cw_sound_unref(sound);
        return CW_E_SYNTAX;
    }
    sound->level = TONE_LEVEL / sqrt(sound->hz_n);
    *ret = sound;
    return CW_OK;
}

/* ── Recordings ── */

static cw_err at_rate(const int16_t *pcm, size_t n, unsigned from, unsigned to, int16_t **ret,
                      size_t *ret_n)
{
    size_t cap = (size_t)((uint64_t)n * to / from) + to;
    cw_resampler *resampler = cw_resampler_new(from, to);

    if (!resampler)
        return CW_E_INTERNAL;
    *ret = g_new(int16_t, cap);
    *ret_n = cw_resample(resampler, pcm, n, *ret, cap);
    cw_resampler_free(resampler);
    return *ret_n > 0 ? CW_OK : CW_E_SHORT;
}

static cw_err read_file(const char *path, uint8_t **data, size_t *len)
{
    struct stat st;

    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return CW_E_IO;
    if (st.st_size > CW_SOUND_FILE_MAX)
        return CW_E_TOO_LARGE;
    return g_file_get_contents(path, (char **)data, len, NULL) ? CW_OK : CW_E_IO;
}

cw_err cw_sound_file(const char *path, cw_sound **ret)
{
    g_autofree int16_t *pcm = NULL;
    g_autofree uint8_t *data = NULL;
    cw_sound *sound;
    size_t len, n;
    unsigned rate;
    cw_err err = read_file(path, &data, &len);

    if (err)
        return err;
    pcm = g_new(int16_t, len / 2 + 1);
    err = cw_wav_read(data, len, pcm, &n, &rate);
    if (err)
        return err;
    sound = g_atomic_rc_box_new0(cw_sound);
    err = at_rate(pcm, n, rate, FILE_RATE, &sound->wide, &sound->wide_n);
    if (!err)
        err = at_rate(pcm, n, rate, NARROW_RATE, &sound->narrow, &sound->narrow_n);
    if (err)
        cw_sound_unref(sound);
    else
        *ret = sound;
    return err;
}

/* ── Read ── */

bool cw_sound_same(const cw_sound *a, const cw_sound *b)
{
    return a == b || (!a->wide && !b->wide && a->hz_n == b->hz_n && a->step_n == b->step_n &&
                      !memcmp(a->hz, b->hz, sizeof a->hz) &&
                      !memcmp(a->step_ms, b->step_ms, sizeof a->step_ms) && a->level == b->level);
}

unsigned cw_sound_cadence_ms(const cw_sound *sound)
{
    return sound->cadence_ms;
}

unsigned cw_sound_rate(const cw_sound *sound)
{
    return sound->wide ? FILE_RATE : SINE_RATE;
}

static void read_recording(const int16_t *from, size_t size, uint64_t at, int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pcm[i] = from[(at + i) % size];
}

/* 0..1, of the sample that far into the cadence. */
static double loudness(const cw_sound *sound, unsigned rate_hz, uint64_t at)
{
    double ms, left;
    unsigned i = 0;

    if (sound->step_n == 0)
        return 1;
    ms = (double)(at % ((uint64_t)sound->cadence_ms * rate_hz / 1000)) * 1000 / rate_hz;
    for (; i + 1 < sound->step_n && ms >= sound->step_ms[i]; i++)
        ms -= sound->step_ms[i];
    if (i % 2)
        return 0;
    left = sound->step_ms[i] - ms;
    return MIN(1, MIN(ms, left) / RAMP_MS);
}

static void read_tone(const cw_sound *sound, unsigned rate_hz, uint64_t at, int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++, at++) {
        double level = sound->level * loudness(sound, rate_hz, at), sum = 0;

        for (unsigned j = 0; level > 0 && j < sound->hz_n; j++)
            sum += sin(2 * G_PI * (double)(at * sound->hz[j] % rate_hz) / rate_hz);
        pcm[i] = (int16_t)lrint(level * sum);
    }
}

void cw_sound_read(const cw_sound *sound, unsigned rate_hz, uint64_t at, int16_t *pcm, size_t n)
{
    if (!sound->wide)
        read_tone(sound, rate_hz, at, pcm, n);
    else if (rate_hz == FILE_RATE)
        read_recording(sound->wide, sound->wide_n, at, pcm, n);
    else if (rate_hz == NARROW_RATE)
        read_recording(sound->narrow, sound->narrow_n, at, pcm, n);
    else
        memset(pcm, 0, n * sizeof *pcm);
}
