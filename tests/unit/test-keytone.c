/* test-keytone.c - the tones of telephone keys, made and heard */
#include "sound.h"

#include "media/codec/keytone.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define KEYS "0123456789*#ABCD"

typedef struct heard {
    char digits[64];
    unsigned begun, ended, ms[64];
} heard;

static void hear(cw_keytone_detector *detector, const int16_t *pcm, size_t n, heard *h)
{
    cw_keytone_event event;
    unsigned ms;
    char digit;

    while ((event = cw_keytone_hear(detector, &pcm, &n, &digit, &ms))) {
        g_assert_cmpuint(h->begun, <, sizeof h->digits - 1);
        if (event == CW_KEYTONE_BEGAN) {
            h->digits[h->begun++] = digit;
        } else {
            h->ms[h->ended++] = ms;
            g_assert_cmpint(h->digits[h->ended - 1], ==, digit);
        }
    }
    g_assert_cmpuint(n, ==, 0);
}

static void hear_silence(cw_keytone_detector *detector, unsigned ms, heard *h)
{
    g_autofree int16_t *pcm = g_new0(int16_t, ms * 8);

    hear(detector, pcm, ms * 8, h);
}

/* All keys, `on` ms each and `off` apart, in pieces of 20 ms. */
static void test_all(gconstpointer arg)
{
    unsigned on = *(const unsigned *)arg, off = on < 100 ? 40 : 60;
    cw_keytone_detector detector;
    heard h = { 0 };

    cw_keytone_detector_init(&detector);
    for (const char *key = KEYS; *key; key++) {
        cw_keytone_generator generator;

        g_assert_true(cw_keytone_generator_init(&generator, *key, 8000));
        for (unsigned ms = 0; ms < on; ms += 20) {
            int16_t pcm[160];

            cw_keytone_make(&generator, pcm, 160, ms + 20 >= on);
            hear(&detector, pcm, 160, &h);
        }
        hear_silence(&detector, off, &h);
    }
    g_assert_cmpstr(h.digits, ==, KEYS);
    g_assert_cmpuint(h.ended, ==, strlen(KEYS));
    for (unsigned i = 0; i < h.ended; i++)
        g_assert_cmpfloat(fabs((double)h.ms[i] - on), <=, 26);
}

static void two_tones(int16_t *pcm, size_t n, double low, double low_db, double high,
                      double high_db)
{
    g_autofree int16_t *other = g_new(int16_t, n);

    sound_sine(pcm, n, 8000, low, low_db, 0);
    sound_sine(other, n, 8000, high, high_db, 0);
    for (size_t i = 0; i < n; i++)
        pcm[i] = (int16_t)(pcm[i] + other[i]);
}

/* ITU-T Q.24 */
static void test_limits(void)
{
    static const struct {
        const char *name;
        double low, low_db, high, high_db;
        unsigned want;
    } cases[] = {
        { "plain", 770, -12, 1336, -12, 1 },
        { "1.5 % off", 770 * 1.015, -12, 1336 * 0.985, -12, 1 },
        { "3.5 % off", 770 * 1.035, -12, 1336, -12, 0 },
        { "3.5 % low", 770, -12, 1336 * 0.965, -12, 0 },
        { "faint", 770, -30, 1336, -30, 1 },
        { "too faint", 770, -40, 1336, -40, 0 },
        { "high 4 dB louder", 770, -12, 1336, -8, 1 },
        { "high 8 dB louder", 770, -16, 1336, -8, 0 },
        { "low 8 dB louder", 770, -8, 1336, -16, 1 },
        { "low 12 dB louder", 770, -8, 1336, -20, 0 },
        { "one tone", 770, -8, 1336, -80, 0 },
        { "two of a group", 770, -8, 852, -8, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        cw_keytone_detector detector;
        heard h = { 0 };
        int16_t pcm[800];

        cw_keytone_detector_init(&detector);
        two_tones(pcm, 800, cases[i].low, cases[i].low_db, cases[i].high, cases[i].high_db);
        hear(&detector, pcm, 800, &h);
        hear_silence(&detector, 100, &h);
        g_test_message("%s: %u", cases[i].name, h.begun);
        g_assert_cmpuint(h.begun, ==, cases[i].want);
        g_assert_cmpuint(h.ended, ==, cases[i].want);
    }
}

/* Something like a voice: gliding harmonics, and noise. Ten minutes of it press no key. */
static void test_talk_off(void)
{
    cw_keytone_detector detector;
    heard h = { 0 };
    double phase = 0, pitch = 120;
    float smooth = 0;

    cw_keytone_detector_init(&detector);
    for (unsigned frame = 0; frame < 10 * 60 * 50; frame++) {
        double toward = 90 + 250 * g_test_rand_double();
        int16_t pcm[160];

        for (unsigned i = 0; i < 160; i++) {
            double x = 0;

            pitch += (toward - pitch) / 4000;
            phase += pitch / 8000;
            phase -= floor(phase);
            for (int k = 1; k <= 12; k++)
                x += sin(2 * G_PI * phase * k + k * k) * (1 + (frame / 5 * k) % 7) / k;
            smooth += 0.5f * ((float)g_test_rand_double_range(-1, 1) - smooth);
            pcm[i] = (int16_t)(800 * x + 1500 * smooth);
        }
        hear(&detector, pcm, 160, &h);
    }
    g_assert_cmpuint(h.begun, ==, 0);
}

/* A gap of 10 ms is no end; another key is. */
static void test_gap(void)
{
    cw_keytone_detector detector;
    heard h = { 0 };
    int16_t pcm[800];

    cw_keytone_detector_init(&detector);
    two_tones(pcm, 800, 697, -12, 1209, -12);
    hear(&detector, pcm, 800, &h);
    hear_silence(&detector, 10, &h);
    hear(&detector, pcm, 800, &h);
    two_tones(pcm, 800, 697, -12, 1336, -12);
    hear(&detector, pcm, 800, &h);
    hear_silence(&detector, 60, &h);
    g_assert_cmpstr(h.digits, ==, "12");
    g_assert_cmpuint(h.ms[0], >, 180);
}

static void test_generator(void)
{
    cw_keytone_generator generator;
    int16_t pcm[1600];

    g_assert_false(cw_keytone_generator_init(&generator, 'x', 8000));
    g_assert_false(cw_keytone_generator_init(&generator, 0, 8000));
    g_assert_true(cw_keytone_generator_init(&generator, 'd', 16000));
    cw_keytone_make(&generator, pcm, 1600, false);
    g_assert_cmpfloat(fabs(sound_level_at(pcm + 100, 1500, 16000, 941) + 13.14), <, 0.3);
    g_assert_cmpfloat(fabs(sound_level_at(pcm + 100, 1500, 16000, 1633) + 11.14), <, 0.3);
}

int main(int argc, char **argv)
{
    static const unsigned on[] = { 40, 100, 200 };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/keytone/all/40", &on[0], test_all);
    g_test_add_data_func("/keytone/all/100", &on[1], test_all);
    g_test_add_data_func("/keytone/all/200", &on[2], test_all);
    g_test_add_func("/keytone/limits", test_limits);
    g_test_add_func("/keytone/talk-off", test_talk_off);
    g_test_add_func("/keytone/gap", test_gap);
    g_test_add_func("/keytone/generator", test_generator);
    return g_test_run();
}
