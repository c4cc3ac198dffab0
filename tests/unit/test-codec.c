/* test-codec.c - each codec there and back, lost packets, and what malformed payloads do */
#include "sound.h"

#include "media/codec/codec.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define LEVEL -13.0 /* dBov */

static cw_format format_of(const char *name, uint32_t clock_hz, const char *fmtp)
{
    cw_format format = { .clock_hz = clock_hz, .channels = strcmp(name, "opus") ? 1 : 2 };

    g_strlcpy(format.name, name, sizeof format.name);
    g_strlcpy(format.fmtp, fmtp, sizeof format.fmtp);
    return format;
}

static const struct row {
    const char *what, *name;
    uint32_t clock_hz;
    unsigned rate_hz;
    const char *fmtp;
    double rest; /* dB of what is no tone, with the codec's own noise */
    double loss; /* dB of level that its own concealment may cost a tone */
} rows[] = {
    { "pcma", "PCMA", 8000, 8000, "", -28, 5 },
    { "pcmu", "PCMU", 8000, 8000, "", -28, 5 },
    { "g722", "G722", 8000, 16000, "", -28, 5 },
    { "opus-8", "opus", 48000, 8000, "", -15, 5 },
    { "opus-16", "opus", 48000, 16000, "useinbandfec=1", -15, 5 },
    { "opus-48", "opus", 48000, 48000, "useinbandfec=1;usedtx=1", -15, 5 },
    { "amr-be", "AMR", 8000, 8000, "", -10, 5 },
    { "amr-oa", "AMR", 8000, 8000, "octet-align=1", -10, 5 },
    { "amr-wb-be", "AMR-WB", 16000, 16000, "", -10, 5 },
    { "amr-wb-oa", "AMR-WB", 16000, 16000, "octet-align=1; mode-set=0,1,2", -10, 5 },
    { "g729", "G729", 8000, 8000, "annexb=no", -8, 20 },
};

static bool is_built(const struct row *row)
{
    cw_format format = format_of(row->name, row->clock_hz, row->fmtp);

    return cw_codec_can(&format);
}

/* A payload in a heap block of its very size. */
static size_t decode(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm)
{
    g_autofree uint8_t *exact = g_memdup2(payload, len);

    return cw_decode(decoder, exact, len, pcm);
}

static void there_and_back(const struct row *row, unsigned ptime_ms, double hz)
{
    enum { SECONDS = 2, SKIP_MS = 200 };
    cw_format format = format_of(row->name, row->clock_hz, row->fmtp);
    cw_encoder_conf conf = { .ptime_ms = ptime_ms, .opus_complexity = 5 };
    cw_encoder *encoder = cw_encoder_new(&format, row->rate_hz, &conf);
    cw_decoder *decoder = cw_decoder_new(&format, row->rate_hz);
    size_t size = cw_encoder_samples(encoder), all = SECONDS * row->rate_hz, n = 0;
    g_autofree int16_t *heard = g_new0(int16_t, all + CW_CODEC_PCM_MAX);
    size_t skip = row->rate_hz / 1000 * SKIP_MS;
    double level;

    g_assert_cmpuint(cw_encoder_ticks(encoder), ==, size * row->clock_hz / row->rate_hz);
    for (size_t at = 0; at + size <= all; at += size) {
        g_autofree int16_t *pcm = g_new(int16_t, size);
        g_autofree int16_t *back = g_new(int16_t, CW_CODEC_PCM_MAX);
        uint8_t payload[CW_PAYLOAD_MAX];
        size_t len, made;

        sound_sine(pcm, size, row->rate_hz, hz, LEVEL, at);
        len = cw_encode(encoder, pcm, payload);
        g_assert_cmpuint(len, >, 0);
        made = decode(decoder, payload, len, back);
        g_assert_cmpuint(made, ==, size);
        memcpy(heard + n, back, made * sizeof *back);
        n += made;
    }
    level = sound_level(heard + skip, n - skip);
    g_test_message("%s %u ms %g Hz: %.1f Hz, %.1f dB, rest %.1f dB", row->what, ptime_ms, hz,
                   sound_pitch(heard + skip, n - skip, row->rate_hz, hz), level - LEVEL,
                   sound_rest(heard + skip, n - skip, row->rate_hz, hz));
    g_assert_cmpfloat(fabs(sound_pitch(heard + skip, n - skip, row->rate_hz, hz) - hz), <=,
                      hz * 0.01);
    g_assert_cmpfloat(fabs(level - LEVEL), <, 3);
    g_assert_cmpfloat(sound_rest(heard + skip, n - skip, row->rate_hz, hz), <, row->rest);
    cw_encoder_free(encoder);
    cw_decoder_free(decoder);
}

static void test_round(gconstpointer arg)
{
    static const unsigned ptimes[] = { 20, 40, 60 };
    const struct row *row = arg;

    if (!is_built(row)) {
        g_test_skip("not built in");
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(ptimes); i++)
        there_and_back(row, ptimes[i], 440);
    there_and_back(row, 20, 1000);
}

/* One packet in ten is lost, and a tone goes on: neither silence nor a click louder than it. */
static void test_loss(gconstpointer arg)
{
    enum { PACKETS = 100 };
    const struct row *row = arg;
    cw_format format = format_of(row->name, row->clock_hz, row->fmtp);
    cw_encoder_conf conf = { .opus_complexity = 5 };
    cw_encoder *encoder;
    cw_decoder *decoder;
    g_autofree int16_t *heard = NULL;
    size_t size, n = 0;
    double level, rest;

    if (!is_built(row)) {
        g_test_skip("not built in");
        return;
    }
    encoder = cw_encoder_new(&format, row->rate_hz, &conf);
    decoder = cw_decoder_new(&format, row->rate_hz);
    size = cw_encoder_samples(encoder);
    heard = g_new0(int16_t, PACKETS * size + CW_CODEC_PCM_MAX);
    for (unsigned i = 0; i < PACKETS; i++) {
        g_autofree int16_t *pcm = g_new(int16_t, size);
        uint8_t payload[CW_PAYLOAD_MAX];
        size_t len;

        sound_sine(pcm, size, row->rate_hz, 440, LEVEL, i * size);
        len = cw_encode(encoder, pcm, payload);
        if (i % 10 == 9)
            cw_decode_nothing(decoder, NULL, 0, heard + n, size);
        else
            g_assert_cmpuint(decode(decoder, payload, len, heard + n), ==, size);
        n += size;
    }
    level = sound_level(heard + 10 * size, n - 10 * size);
    rest = sound_rest(heard + 10 * size, n - 10 * size, row->rate_hz, 440);
    g_test_message("%s: level %.1f dB, rest %.1f dB", row->what, level - LEVEL, rest);
    g_assert_cmpfloat(fabs(level - LEVEL), <, row->loss);
    g_assert_cmpfloat(rest, <, row->loss);
    cw_encoder_free(encoder);
    cw_decoder_free(decoder);
}

/* Long after the last packet nothing is heard any more. */
static void test_fade(gconstpointer arg)
{
    const struct row *row = arg;
    cw_format format = format_of(row->name, row->clock_hz, row->fmtp);
    cw_encoder_conf conf = { .opus_complexity = 5 };
    int16_t pcm[960];
    cw_encoder *encoder;
    cw_decoder *decoder;
    size_t size;

    if (!is_built(row)) {
        g_test_skip("not built in");
        return;
    }
    encoder = cw_encoder_new(&format, row->rate_hz, &conf);
    decoder = cw_decoder_new(&format, row->rate_hz);
    size = cw_encoder_samples(encoder);
    for (unsigned i = 0; i < 20; i++) {
        g_autofree int16_t *back = g_new(int16_t, CW_CODEC_PCM_MAX);
        uint8_t payload[CW_PAYLOAD_MAX];

        sound_sine(pcm, size, row->rate_hz, 440, LEVEL, i * size);
        g_assert_cmpuint(decode(decoder, payload, cw_encode(encoder, pcm, payload), back), ==,
                         size);
    }
    for (unsigned i = 0; i < 50; i++)
        cw_decode_nothing(decoder, NULL, 0, pcm, size);
    g_assert_cmpfloat(sound_level(pcm, size), <, -45);
    cw_encoder_free(encoder);
    cw_decoder_free(decoder);
}

/* Random bytes of every length: no crash, and never more sound than there is room for. */
static void test_noise(gconstpointer arg)
{
    const struct row *row = arg;
    cw_format format = format_of(row->name, row->clock_hz, row->fmtp);
    cw_decoder *decoder;
    g_autofree int16_t *pcm = g_new(int16_t, CW_CODEC_PCM_MAX);

    if (!is_built(row)) {
        g_test_skip("not built in");
        return;
    }
    decoder = cw_decoder_new(&format, row->rate_hz);
    for (unsigned i = 0; i < 3000; i++) {
        size_t len = (size_t)g_test_rand_int_range(0, i % 10 ? 80 : 1500);
        g_autofree uint8_t *payload = g_malloc(len + !len);

        for (size_t k = 0; k < len; k++)
            payload[k] = (uint8_t)g_test_rand_int();
        g_assert_cmpuint(cw_decode(decoder, payload, len, pcm), <=,
                         row->rate_hz / 1000 * CW_CODEC_MS_MAX);
        cw_decode_nothing(decoder, len ? payload : NULL, len, pcm, row->rate_hz / 50);
    }
    cw_decoder_free(decoder);
}

static void test_can(void)
{
    static const struct {
        const char *name;
        uint32_t clock_hz;
        unsigned channels;
        const char *fmtp;
        bool want;
    } cases[] = {
        { "pcmu", 8000, 1, "", true },
        { "PCMA", 16000, 1, "", false },
        { "PCMA", 8000, 2, "", false },
        { "opus", 48000, 2, "", true },
        { "OPUS", 48000, 2, "stereo=1", true },
        { "opus", 8000, 1, "", false },
        { "G722", 8000, 1, "", true },
        { "G722", 16000, 1, "", false },
        { "telephone-event", 8000, 1, "", false },
        { "CN", 8000, 1, "", false },
        { "VP8", 90000, 1, "", false },
        { "AMR", 8000, 1, "crc=1;octet-align=1", false },
        { "AMR", 8000, 1, "octet-align=1;interleaving=4", false },
        { "AMR-WB", 16000, 1, "robust-sorting=1;octet-align=1", false },
        { "AMR-WB", 8000, 1, "", false },
        { "EVS", 16000, 1, "", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        cw_format format = format_of(cases[i].name, cases[i].clock_hz, cases[i].fmtp);

        format.channels = (uint8_t)cases[i].channels;
        g_assert_cmpint(cw_codec_can(&format), ==, cases[i].want);
    }
}

/* What an opus packet lost is found in the next one when its encoder was told of the loss. */
static void test_fec(void)
{
    cw_format format = format_of("opus", 48000, "useinbandfec=1");
    cw_encoder_conf conf = { .opus_complexity = 5 };
    cw_encoder *encoder = cw_encoder_new(&format, 16000, &conf);
    cw_decoder *with = cw_decoder_new(&format, 16000), *without = cw_decoder_new(&format, 16000);
    uint8_t payload[2][CW_PAYLOAD_MAX];
    int16_t pcm[320], a[CW_CODEC_PCM_MAX], b[CW_CODEC_PCM_MAX];
    size_t len[2] = { 0 };

    cw_encoder_loss(encoder, 20);
    for (unsigned i = 0; i < 51; i++) {
        /* the tone changes in the packet that is lost: only a copy can tell */
        sound_sine(pcm, 320, 16000, i < 49 ? 300 : 700, LEVEL, i * 320);
        memcpy(payload[0], payload[1], len[1]);
        len[0] = len[1];
        len[1] = cw_encode(encoder, pcm, payload[1]);
        if (i < 49) {
            g_assert_cmpuint(decode(with, payload[1], len[1], a), ==, 320);
            g_assert_cmpuint(decode(without, payload[1], len[1], b), ==, 320);
        }
    }
    cw_decode_nothing(with, payload[1], len[1], a, 320);
    cw_decode_nothing(without, NULL, 0, b, 320);
    g_test_message("with %.1f dB, without %.1f dB", sound_level_at(a + 100, 220, 16000, 700),
                   sound_level_at(b + 100, 220, 16000, 700));
    g_assert_cmpfloat(sound_level_at(a + 100, 220, 16000, 700), >, LEVEL - 6);
    g_assert_cmpfloat(sound_level_at(b + 100, 220, 16000, 700), <, LEVEL - 8);
    cw_encoder_free(encoder);
    cw_decoder_free(with);
    cw_decoder_free(without);
}

static void test_comfort(void)
{
    static const uint8_t levels[] = { 30, 50, 70 };
    static const uint8_t shaped[] = { 40, 127 - 100, 127 + 30 };
    cw_format format = format_of("PCMA", 8000, "");
    cw_decoder *decoder = cw_decoder_new(&format, 8000);
    int16_t pcm[4000];

    for (size_t i = 0; i < sizeof levels; i++) {
        cw_decode_noise(decoder, levels + i, 1);
        g_assert_true(cw_decoder_quiet(decoder));
        cw_decode_nothing(decoder, NULL, 0, pcm, 4000);
        /* RFC 3389 counts from a full-scale square, 3 dB above a sine */
        g_assert_cmpfloat(fabs(sound_level(pcm, 4000) - 3.01 + levels[i]), <, 1.5);
    }
    cw_decode_noise(decoder, shaped, sizeof shaped);
    cw_decode_nothing(decoder, NULL, 0, pcm, 4000);
    g_assert_cmpfloat(fabs(sound_level(pcm, 4000) - 3.01 + 40), <, 3);
    g_assert_cmpfloat(sound_level_at(pcm, 4000, 8000, 500), >,
                      sound_level_at(pcm, 4000, 8000, 3500));
    cw_decode_noise(decoder, NULL, 0);
    cw_decoder_free(decoder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct {
            const char *what;
            void (*test)(gconstpointer arg);
        } each[] = { { "round", test_round },
                     { "loss", test_loss },
                     { "fade", test_fade },
                     { "noise", test_noise } };

        for (size_t k = 0; k < G_N_ELEMENTS(each); k++) {
            g_autofree char *path = g_strdup_printf("/codec/%s/%s", each[k].what, rows[i].what);

            g_test_add_data_func(path, &rows[i], each[k].test);
        }
    }
    g_test_add_func("/codec/can", test_can);
    g_test_add_func("/codec/fec", test_fec);
    g_test_add_func("/codec/comfort", test_comfort);
    return g_test_run();
}
