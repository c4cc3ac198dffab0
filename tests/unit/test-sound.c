/* test-sound.c - sounds that are played: tones of countries, recordings, encoded once for all */
#include "sound.h"

#include "media/codec/g711.h"
#include "media/codec/tone.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* ── Tones ── */

static const struct {
    const char *text;
    cw_err want;
    unsigned cadence_ms;
    double hz; /* the first */
} tones[] = {
    { "425 1000/4000", CW_OK, 5000, 425 },
    { "440+480 2000/4000", CW_OK, 6000, 440 },
    { "400+450 400/200/400/2000", CW_OK, 3000, 400 },
    { "de", CW_OK, 5000, 425 },
    { "US", CW_OK, 6000, 440 },
    { "fr", CW_OK, 5000, 440 },
    { "", CW_E_SYNTAX, 0, 0 },
    { "425", CW_E_SYNTAX, 0, 0 },
    { "425 ", CW_E_SYNTAX, 0, 0 },
    { "425 1000", CW_E_SYNTAX, 0, 0 }, /* never silent */
    { "425 1000/4000/", CW_E_SYNTAX, 0, 0 },
    { "425 1000/4000/100", CW_E_SYNTAX, 0, 0 }, /* ends with sound */
    { "425 1000/4000 x", CW_E_SYNTAX, 0, 0 },
    { "425+ 1000/4000", CW_E_SYNTAX, 0, 0 },
    { "1+2+3+4+5 100/100", CW_E_SYNTAX, 0, 0 },
    { "100+200+300+400+500 100/100", CW_E_SYNTAX, 0, 0 },
    { "4000 100/100", CW_E_SYNTAX, 0, 0 }, /* more than a telephone carries */
    { "425 0/100", CW_E_SYNTAX, 0, 0 },
    { "425 99999999999999999999/100", CW_E_SYNTAX, 0, 0 },
    { "425 10000/10001", CW_E_SYNTAX, 0, 0 },
    { "zz", CW_E_SYNTAX, 0, 0 },
};

static void test_ringback(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(tones); i++) {
        cw_sound *sound = NULL;
        int16_t pcm[4000];

        g_test_message("\"%s\"", tones[i].text);
        g_assert_cmpint(cw_sound_ringback(tones[i].text, &sound), ==, tones[i].want);
        if (tones[i].want)
            continue;
        g_assert_cmpuint(cw_sound_cadence_ms(sound), ==, tones[i].cadence_ms);
        cw_sound_read(sound, 8000, 100, pcm, 2400);
        g_assert_cmpfloat(fabs(sound_pitch(pcm, 2400, 8000, tones[i].hz) - tones[i].hz), <, 5);
        g_assert_cmpfloat(fabs(sound_level(pcm, 2400) - (-13 - 3.14)), <, 1.5);
        cw_sound_unref(sound);
    }
}

static void test_cadence(void)
{
    cw_sound *sound;
    int16_t pcm[800];

    g_assert_cmpint(cw_sound_ringback("400+450 400/200/400/2000", &sound), ==, CW_OK);
    for (unsigned ms = 0; ms < 9000; ms += 100) {
        unsigned in = ms % 3000;
        bool on = in < 400 || (in >= 600 && in < 1000);

        cw_sound_read(sound, 8000, ms * 8, pcm, 800);
        g_assert_true((sound_level(pcm, 800) > -30) == on);
    }
    cw_sound_unref(sound);
}

/* ── Recordings ── */

static void put(GByteArray *to, uint32_t value, unsigned bytes)
{
    for (; bytes-- > 0; value >>= 8)
        g_byte_array_append(to, &(uint8_t){ (uint8_t)value }, 1);
}

static void chunk(GByteArray *to, const char *name, uint32_t len)
{
    g_byte_array_append(to, (const uint8_t *)name, 4);
    put(to, len, 4);
}

static GByteArray *wav(unsigned tag, unsigned channels, unsigned rate, unsigned bits, unsigned n)
{
    GByteArray *to = g_byte_array_new();

    chunk(to, "RIFF", 36 + n * channels * 2);
    g_byte_array_append(to, (const uint8_t *)"WAVE", 4);
    chunk(to, "fmt ", 16);
    put(to, tag, 2);
    put(to, channels, 2);
    put(to, rate, 4);
    put(to, rate * channels * 2, 4);
    put(to, channels * 2, 2);
    put(to, bits, 2);
    chunk(to, "LIST", 3); /* odd: a byte of padding follows */
    put(to, 0, 4);
    chunk(to, "data", n * channels * 2);
    for (unsigned i = 0; i < n; i++)
        for (unsigned c = 0; c < channels; c++)
            put(to, (uint32_t)(c ? 0 : lrint(20000 * sin(2 * G_PI * 440 * i / rate))), 2);
    return to;
}

static cw_err read_exact(const GByteArray *file, size_t len, int16_t **pcm, size_t *n,
                         unsigned *rate)
{
    g_autofree uint8_t *data = g_memdup2(file->data, len); /* exact, for the sanitizer */

    *pcm = g_new(int16_t, len / 2 + 1);
    return cw_wav_read(data, len, *pcm, n, rate);
}

static const struct {
    const char *name;
    unsigned tag, channels, rate, bits;
    cw_err want;
} wavs[] = {
    { "mono", 1, 1, 8000, 16, CW_OK },
    { "stereo", 1, 2, 48000, 16, CW_OK },
    { "extensible", 0xfffe, 1, 44100, 16, CW_OK },
    { "alaw", 6, 1, 8000, 16, CW_E_UNSUPPORTED },
    { "eight-bits", 1, 1, 8000, 8, CW_E_UNSUPPORTED },
    { "no-channel", 1, 0, 8000, 16, CW_E_UNSUPPORTED },
    { "three-channels", 1, 3, 8000, 16, CW_E_UNSUPPORTED },
    { "too-slow", 1, 1, 4000, 16, CW_E_UNSUPPORTED },
    { "too-fast", 1, 1, 96000, 16, CW_E_UNSUPPORTED },
};

static void test_wav(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(wavs); i++) {
        g_autoptr(GByteArray) file =
            wav(wavs[i].tag, wavs[i].channels, wavs[i].rate, wavs[i].bits, 1000);
        g_autofree int16_t *pcm = NULL;
        unsigned rate;
        size_t n;

        g_test_message("%s", wavs[i].name);
        g_assert_cmpint(read_exact(file, file->len, &pcm, &n, &rate), ==, wavs[i].want);
        if (wavs[i].want)
            continue;
        g_assert_cmpuint(n, ==, 1000);
        g_assert_cmpuint(rate, ==, wavs[i].rate);
        g_assert_cmpint(abs(pcm[3] - (int)lrint(20000 / (double)wavs[i].channels *
                                                sin(2 * G_PI * 440 * 3 / rate))),
                        <=, 1);
    }
}

/* Cut anywhere it is refused, or what is there is read. */
static void test_wav_cut(void)
{
    g_autoptr(GByteArray) file = wav(1, 1, 8000, 16, 20);

    for (size_t len = 0; len <= file->len; len++) {
        g_autofree int16_t *pcm = NULL;
        unsigned rate;
        size_t n = 0;
        cw_err err = read_exact(file, len, &pcm, &n, &rate);

        g_assert_true(err != CW_OK || n == (len - (file->len - 40)) / 2);
    }
}

static void test_wav_lies(void)
{
    g_autoptr(GByteArray) file = wav(1, 1, 8000, 16, 20);

    for (size_t at = 0; at < 64; at++)
        for (unsigned value = 0; value < 256; value += 51) {
            g_autofree int16_t *pcm = NULL;
            uint8_t was = file->data[at];
            unsigned rate;
            size_t n = 0;

            file->data[at] = (uint8_t)value;
            if (!read_exact(file, file->len, &pcm, &n, &rate))
                g_assert_cmpuint(n, <=, file->len / 2);
            file->data[at] = was;
        }
}

static void test_file(void)
{
    g_autofree char *path = NULL;
    g_autoptr(GByteArray) file = wav(1, 1, 44100, 16, 44100);
    int fd = g_file_open_tmp("sound-XXXXXX.wav", &path, NULL);
    int16_t pcm[1600];
    cw_sound *sound;

    g_assert_cmpint(write(fd, file->data, file->len), ==, file->len);
    close(fd);
    g_assert_cmpint(cw_sound_file(path, &sound), ==, CW_OK);
    g_assert_cmpuint(cw_sound_cadence_ms(sound), ==, 0);
    cw_sound_read(sound, 8000, 0, pcm, 1600);
    g_assert_cmpfloat(fabs(sound_pitch(pcm, 1600, 8000, 440) - 440), <, 5);
    cw_sound_read(sound, 16000, 16000 - 800, pcm, 1600); /* over its end: 440 whole turns */
    g_assert_cmpfloat(fabs(sound_pitch(pcm, 1600, 16000, 440) - 440), <, 5);
    g_assert_cmpfloat(sound_level(pcm, 1600), >, -8);
    cw_sound_unref(sound);
    g_unlink(path);
    g_assert_cmpint(cw_sound_file(path, &sound), ==, CW_E_IO);
    g_assert_cmpint(cw_sound_file("/dev/zero", &sound), ==, CW_E_IO);
}

/* ── Encoded once for all ── */

static const cw_format pcma = { .name = "PCMA", .clock_hz = 8000, .channels = 1, .pt = 8 };

static void test_frames(void)
{
    cw_tones *all = cw_tones_new();
    const uint8_t *a, *b;
    cw_sound *tone, *same, *ring;
    uint8_t first[160];
    size_t len;

    tone = cw_sound_sine(1000);
    same = cw_sound_sine(1000);
    a = cw_tones_frame(all, &pcma, tone, 0, 1, &len);
    memcpy(first, a, sizeof first);
    b = cw_tones_frame(all, &pcma, same, 7, 1, &len);
    g_assert_true(a == b); /* one encoder, wherever they are */
    g_assert_cmpmem(first, 160, b, len);

    g_assert_cmpint(cw_sound_ringback("425 100/100", &ring), ==, CW_OK);
    a = cw_tones_frame(all, &pcma, ring, 0, 2, &len);
    memcpy(first, a, sizeof first);
    for (unsigned i = 1; i < 5; i++)
        (void)cw_tones_frame(all, &pcma, ring, i, 2 + i, &len);
    b = cw_tones_frame(all, &pcma, ring, 0, 7, &len); /* one who comes later hears its beginning */
    g_assert_cmpmem(first, 160, b, len);
    b = cw_tones_frame(all, &pcma, ring, 7, 7, &len);
    g_assert_cmpint(abs(cw_alaw_pcm(b[80])), <, 20); /* silence */
    b = cw_tones_frame(all, &pcma, ring, 10, 7, &len);
    g_assert_cmpmem(first, 160, b, len); /* and again */
    cw_tones_trim(all, 8);
    cw_sound_unref(tone);
    cw_sound_unref(same);
    cw_sound_unref(ring);
    cw_tones_free(all);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sound/ringback", test_ringback);
    g_test_add_func("/sound/cadence", test_cadence);
    g_test_add_func("/sound/wav", test_wav);
    g_test_add_func("/sound/wav-cut", test_wav_cut);
    g_test_add_func("/sound/wav-lies", test_wav_lies);
    g_test_add_func("/sound/file", test_file);
    g_test_add_func("/sound/frames", test_frames);
    return g_test_run();
}
