/* test-purity.c - what transcoding adds to sound that the codecs alone do not. One direction is
 * driven by a clock of this test, so that nothing depends on the machine. */
#include "media/transcode.h"
#include "sound.h"

#include <math.h>
#include <string.h>

#define HZ       440.0
#define LEVEL    -13.0 /* dBov */
#define PACKET   20    /* ms */
#define SKIP_MS  300   /* encoders begin, the buffer finds its length */
#define NOISE_DB 2.0   /* more than the codecs' own, at most */
#define OUT_DB   12.0  /* that a click is above its own noise, or above what the codecs do alone */

static const struct codec {
    const char *name;
    uint32_t clock_hz;
    const char *fmtp;
} pcma = { "PCMA", 8000, "" }, pcmu = { "PCMU", 8000, "" }, g722 = { "G722", 8000, "" },
  opus = { "opus", 48000, "" }, amr = { "AMR", 8000, "octet-align=1" },
  amr_wb = { "AMR-WB", 16000, "octet-align=1" };

static const struct pair {
    const char *name;
    const struct codec *from, *to;
} pairs[] = {
    { "opus-pcma", &opus, &pcma },     { "pcma-opus", &pcma, &opus },
    { "opus-pcmu", &opus, &pcmu },     { "pcmu-opus", &pcmu, &opus },
    { "opus-g722", &opus, &g722 },     { "g722-opus", &g722, &opus },
    { "opus-amr", &opus, &amr },       { "amr-opus", &amr, &opus },
    { "opus-amr_wb", &opus, &amr_wb }, { "amr_wb-opus", &amr_wb, &opus },
    { "pcma-pcmu", &pcma, &pcmu },     { "pcma-g722", &pcma, &g722 },
    { "g722-pcma", &g722, &pcma },     { "pcma-amr", &pcma, &amr },
    { "amr-pcma", &amr, &pcma },       { "pcma-amr_wb", &pcma, &amr_wb },
    { "amr_wb-pcma", &amr_wb, &pcma }, { "amr-amr_wb", &amr, &amr_wb },
    { "amr_wb-amr", &amr_wb, &amr },   { "g722-amr_wb", &g722, &amr_wb },
};

static cw_format format_of(const struct codec *codec)
{
    cw_format format = { .pt = 96, .clock_hz = codec->clock_hz, .channels = 1 };

    g_strlcpy(format.name, codec->name, sizeof format.name);
    g_strlcpy(format.fmtp, codec->fmtp, sizeof format.fmtp);
    if (codec == &opus)
        format.channels = 2;
    return format;
}

/* The rate at which opus meets the other one. */
static unsigned rate_of(const cw_format *format, const cw_format *other)
{
    unsigned rate = cw_codec_rate(format);

    return rate ? rate : cw_codec_rate(other);
}

/* ── Who speaks ── */
typedef struct speaker {
    cw_encoder *encoder;
    uint64_t at;
} speaker;

static void speaker_open(speaker *s, const cw_format *format, unsigned rate_hz)
{
    cw_encoder_conf conf = { .ptime_ms = PACKET, .opus_complexity = 5 };

    *s = (speaker){ .encoder = cw_encoder_new(format, rate_hz, &conf) };
    g_assert_nonnull(s->encoder);
}

static size_t speak(speaker *s, uint8_t *payload)
{
    size_t n = cw_encoder_samples(s->encoder);
    g_autofree int16_t *pcm = g_new(int16_t, n);

    sound_sine(pcm, n, cw_encoder_rate(s->encoder), HZ, LEVEL, s->at);
    s->at += n;
    return cw_encode(s->encoder, pcm, payload);
}

/* ── Who hears ── */
typedef struct ear {
    cw_decoder *decoder;
    unsigned rate_hz;
    int16_t *pcm;
    size_t n, cap;
} ear;

static void ear_open(ear *e, const cw_format *format, unsigned rate_hz, unsigned ms)
{
    *e = (ear){ .decoder = cw_decoder_new(format, rate_hz),
                .rate_hz = rate_hz,
                .cap = (size_t)ms * (rate_hz / 1000) };
    e->pcm = g_new(int16_t, e->cap + CW_CODEC_PCM_MAX);
    g_assert_nonnull(e->decoder);
}

static void ear_close(ear *e)
{
    cw_decoder_free(e->decoder);
    g_free(e->pcm);
}

static void hear(ear *e, const uint8_t *payload, size_t len)
{
    if (e->n < e->cap)
        e->n += cw_decode(e->decoder, payload, len, e->pcm + e->n);
}

typedef struct judged {
    double noise, peak, hz, db;
    unsigned clicks;
} judged;

static judged judge(const ear *e, double out_db)
{
    size_t skip = SKIP_MS * (e->rate_hz / 1000), n = e->n - skip;
    judged j;

    g_assert_cmpuint(e->n, >, 2 * e->rate_hz);
    j.clicks = sound_clicks(e->pcm + skip, n, e->rate_hz, HZ, out_db, &j.noise, &j.peak);
    j.hz = sound_pitch(e->pcm + skip, MIN(n, e->rate_hz), e->rate_hz, HZ);
    j.db = sound_level(e->pcm + skip, n) - LEVEL;
    return j;
}

/* ── The codecs alone, one after the other ── */
static judged chain(const struct pair *p, unsigned ms)
{
    cw_format from = format_of(p->from), to = format_of(p->to);
    unsigned in = rate_of(&from, &to), out = rate_of(&to, &from);
    cw_decoder *decoder = cw_decoder_new(&from, in);
    cw_resampler *resampler = in == out ? NULL : cw_resampler_new(in, out);
    int16_t pcm[2 * CW_CODEC_PCM_MAX];
    size_t n = 0, size;
    speaker a, b;
    judged j;
    ear e;

    speaker_open(&a, &from, in);
    speaker_open(&b, &to, out);
    ear_open(&e, &to, out, ms);
    size = cw_encoder_samples(b.encoder);
    for (unsigned at = 0; at < ms; at += PACKET) {
        uint8_t payload[CW_PAYLOAD_MAX];
        int16_t some[CW_CODEC_PCM_MAX];
        size_t got = cw_decode(decoder, payload, speak(&a, payload), some);

        if (resampler)
            got = cw_resample(resampler, some, got, pcm + n, G_N_ELEMENTS(pcm) - n);
        else
            memcpy(pcm + n, some, got * sizeof *pcm);
        for (n += got; n >= size; n -= size) {
            hear(&e, payload, cw_encode(b.encoder, pcm, payload));
            memmove(pcm, pcm + size, (n - size) * sizeof *pcm);
        }
    }
    j = judge(&e, OUT_DB);
    ear_close(&e);
    cw_encoder_free(a.encoder);
    cw_encoder_free(b.encoder);
    cw_decoder_free(decoder);
    cw_resampler_free(resampler);
    return j;
}

/* ── What the gateway makes of them ── */
typedef struct line {
    unsigned ms;
    int ppm;            /* the speaker's clock is faster by */
    unsigned jitter_ms; /* packets are later by up to */
} line;

static cw_trans *trans_open(const cw_format *from, const cw_format *to) CW_ON_CODEC
{
    cw_trans *t = g_aligned_alloc0(1, sizeof *t, alignof(cw_trans));

    t->conf = (cw_trans_conf){ .opus_complexity = 5, .jitter_min_ms = 20, .jitter_max_ms = 200 };
    t->rx = g_new0(cw_stream, 1);
    t->rx->format_n = 1;
    t->rx->format[0] = *from;
    t->tx = *to;
    t->ptime_ms = PACKET;
    t->in = (cw_ring){ .data = g_malloc(CW_TRANS_RING), .size = CW_TRANS_RING };
    t->out = (cw_ring){ .data = g_malloc(CW_TRANS_RING), .size = CW_TRANS_RING };
    atomic_init(&t->asked, CW_CMR_NONE);
    atomic_init(&t->cmr, CW_CMR_NONE);
    cw_trans_begin(t);
    return t;
}

static void trans_close(cw_trans *t) CW_ON_CODEC
{
    cw_trans_end(t);
    g_free(t->in.data);
    g_free(t->out.data);
    g_free(t->rx);
    g_aligned_free(t);
}

static void hear_all(cw_trans *t, ear *e)
{
    uint8_t payload[CW_JITTER_PAYLOAD];
    cw_trans_out out;
    uint16_t len;

    while (cw_ring_take(&t->out, &out, sizeof out, payload, &len))
        hear(e, payload, len);
}

static judged drive(const struct pair *p, const line *l, double out_db, unsigned *concealed_ms)
{
    cw_format from = format_of(p->from), to = format_of(p->to);
    unsigned in = rate_of(&from, &to), out = rate_of(&to, &from);
    uint64_t due_us = 0, arrives_us = 0;
    cw_trans_in head = { .seq = 65000, .ts = 0xfffff000, .ssrc = 7, .pt = 96 };
    cw_trans *t;
    speaker a;
    judged j;
    ear e;

    cw_assert_on_codec();
    t = trans_open(&from, &to);
    speaker_open(&a, &from, in);
    ear_open(&e, &to, out, l->ms);
    for (uint64_t now_us = 10000000, end_us = now_us + l->ms * 1000; now_us < end_us;
         now_us += CW_TRANS_TICK_MS * 1000) {
        due_us = due_us ? due_us : now_us - 3000;
        arrives_us = arrives_us ? arrives_us : due_us;
        while (arrives_us <= now_us) {
            uint8_t payload[CW_PAYLOAD_MAX];
            size_t len = speak(&a, payload);

            head.at_us = arrives_us;
            g_assert_true(cw_ring_put(&t->in, &head, sizeof head, payload, (uint16_t)len));
            head.seq++;
            head.ts += cw_encoder_ticks(a.encoder);
            due_us += (uint64_t)(PACKET * 1000 - PACKET * l->ppm / 1000);
            arrives_us = MAX(arrives_us, due_us + (l->jitter_ms ? (uint64_t)g_test_rand_int_range(
                                                                      0, (int)l->jitter_ms * 1000)
                                                                : 0));
        }
        if (now_us / (CW_TRANS_TICK_MS * 1000) % (t->step_ms / CW_TRANS_TICK_MS) == 0)
            (void)cw_trans_step(t, now_us);
        hear_all(t, &e);
    }
    *concealed_ms = t->count.concealed_ms;
    j = judge(&e, out_db);
    ear_close(&e);
    cw_encoder_free(a.encoder);
    trans_close(t);
    return j;
}

static bool is_built(const struct codec *codec)
{
    cw_format format = format_of(codec);

    return cw_codec_can(&format);
}

static void check(const struct pair *p, const line *l)
{
    unsigned concealed_ms;
    judged alone, ours;

    if (!is_built(p->from) || !is_built(p->to)) {
        g_test_skip("not built in");
        return;
    }
    alone = chain(p, 4000);
    ours = drive(p, l, MAX(OUT_DB, alone.peak - alone.noise + 3), &concealed_ms);
    g_test_message("%s: codecs alone %.1f dB, at most %.1f dB; transcoded %.1f dB, at "
                   "most %.1f dB, %u clicks, %.1f Hz, %.1f dB, %u ms made up",
                   p->name, alone.noise, alone.peak, ours.noise, ours.peak, ours.clicks, ours.hz,
                   ours.db, concealed_ms);

    g_assert_cmpuint(concealed_ms, ==, 0);
    g_assert_cmpuint(ours.clicks, ==, 0);
    g_assert_cmpfloat(ours.noise, <, alone.noise + NOISE_DB);
    g_assert_cmpfloat(fabs(ours.hz - HZ), <=, HZ * 0.01);
    g_assert_cmpfloat(fabs(ours.db), <, 3);
}

static void test_clean(gconstpointer arg)
{
    check(arg, &(line){ .ms = 8000 });
}

/* Clocks of telephones differ, by 100 in a million at most; the buffer's length follows by and by.
 */
static void test_drift(gconstpointer arg)
{
    check(arg, &(line){ .ms = 30000, .ppm = 100 });
    check(arg, &(line){ .ms = 30000, .ppm = -100 });
}

static void test_fast(gconstpointer arg)
{
    check(arg, &(line){ .ms = 30000, .ppm = 1500 });
    check(arg, &(line){ .ms = 30000, .ppm = -1500 });
}

static void test_jitter(gconstpointer arg)
{
    check(arg, &(line){ .ms = 15000, .jitter_ms = 15 });
}

/* The measure itself: a sample off by -30 dB is one, noise is none. */
static void test_measure(void)
{
    g_autofree int16_t *pcm = g_new(int16_t, 16000);
    double noise, peak;

    sound_sine(pcm, 16000, 8000, HZ, LEVEL, 0);
    for (unsigned i = 0; i < 16000; i++)
        pcm[i] = (int16_t)(pcm[i] + g_test_rand_int_range(-100, 101));
    g_assert_cmpuint(sound_clicks(pcm, 16000, 8000, HZ, OUT_DB, &noise, &peak), ==, 0);
    g_assert_cmpfloat(fabs(noise - (20 * log10(100 * sqrt(2.0 / 3) / 32768) - LEVEL)), <, 1);
    pcm[9000] = (int16_t)(pcm[9000] + 2000);
    g_assert_cmpuint(sound_clicks(pcm, 16000, 8000, HZ, OUT_DB, &noise, &peak), >=, 1);
    sound_sine(pcm, 16000, 8000, HZ, LEVEL, 0);
    memmove(pcm + 9000, pcm + 9007, 6000 * sizeof *pcm);
    g_assert_cmpuint(sound_clicks(pcm, 15000, 8000, HZ, OUT_DB, &noise, &peak), >=, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cw_role_take(&cw_role_codec);
    g_test_add_func("/purity/measure", test_measure);
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *path = g_strdup_printf("/purity/clean/%s", pairs[i].name);

        g_test_add_data_func(path, &pairs[i], test_clean);
    }
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *drift = g_strdup_printf("/purity/drift/%s", pairs[i].name);
        g_autofree char *fast = g_strdup_printf("/purity/fast/%s", pairs[i].name);
        g_autofree char *jitter = g_strdup_printf("/purity/jitter/%s", pairs[i].name);

        g_test_add_data_func(drift, &pairs[i], test_drift);
        g_test_add_data_func(fast, &pairs[i], test_fast);
        g_test_add_data_func(jitter, &pairs[i], test_jitter);
    }
    return g_test_run();
}
