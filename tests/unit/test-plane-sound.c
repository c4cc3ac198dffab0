/* test-plane-sound.c - tones, echo and digits over a real plane */
#include "plane-rig.h"

#include "media/rtp/dtmf.h"
#include "media/codec/g722.h"
#include "media/codec/tone.h"

#include <math.h>
#include <opus.h>

/* ── Tones ── */
static int16_t alaw_decode(uint8_t code)
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

static int16_t ulaw_decode(uint8_t code)
{
    int size;

    code = (uint8_t)~code;
    size = (((code & 15) << 3) + 0x84) << (code >> 4 & 7);
    return (int16_t)(code & 0x80 ? 0x84 - size : size - 0x84);
}

/* The energy at `hz` in dB relative to a full-scale sine (Goertzel). */
static double level_at(const int16_t *pcm, size_t n, unsigned rate, double hz)
{
    double w = 2 * G_PI * hz / rate, s1 = 0, s2 = 0;

    for (size_t i = 0; i < n; i++) {
        double s = pcm[i] + 2 * cos(w) * s1 - s2;

        s2 = s1;
        s1 = s;
    }
    return 10 * log10((s1 * s1 + s2 * s2 - 2 * cos(w) * s1 * s2) / n / n * 4 / (32768.0 * 32768));
}

static double level_of(const int16_t *pcm, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    return 10 * log10(sum / n * 2 / (32768.0 * 32768));
}

/* The loudest of the frequencies around `hz`, in steps of 1 Hz. */
static double loudest(const int16_t *pcm, size_t n, unsigned rate, double hz)
{
    double best = 0, level = -1000;

    for (double f = hz - 100; f <= hz + 100; f++) {
        double l = level_at(pcm, n, rate, f);

        if (l > level) {
            level = l;
            best = f;
        }
    }
    return best;
}

static void check_tone(const int16_t *pcm, size_t n, unsigned rate, double hz)
{
    double want = -10 - 3.14; /* dBm0 to full scale (ITU-T G.711) */

    g_assert_cmpfloat(fabs(loudest(pcm, n, rate, hz) - hz), <, 20);
    g_assert_cmpfloat(fabs(level_of(pcm, n) - want), <, 1);
    g_assert_cmpfloat(level_at(pcm, n, rate, hz), >, want - 1); /* and hardly anything else */
}

/* PCMA, PCMU and Opus are decoded; returns samples. */
static size_t decode(const char *codec, OpusDecoder *opus, const uint8_t *data, size_t len,
                     int16_t *pcm)
{
    if (opus)
        return (size_t)opus_decode(opus, data, (opus_int32)len, pcm, 5760, 0);
    for (size_t i = 0; i < len; i++)
        pcm[i] = g_str_equal(codec, "PCMA") ? alaw_decode(data[i]) : ulaw_decode(data[i]);
    return len;
}

static void tone(const char *codec, uint32_t clock_hz, unsigned hz)
{
    enum { FRAMES = 50, SKIP = 10 };
    cw_stream f = audio(codec, clock_hz, 111, 0, 0);
    g_autofree int16_t *pcm = g_new0(int16_t, 48 * 20 * FRAMES + 5760);
    OpusDecoder *opus = g_str_equal(codec, "opus") ? opus_decoder_create(48000, 1, NULL) : NULL;
    uint64_t begin_us = 0, took_us;
    uint16_t seq = 0;
    uint32_t ts = 0;
    size_t n = 0;
    cw_ep *ep;
    rig r;
    side a;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    g_assert_cmpint(cw_ep_tone_new(r.plane, 0, hz, &ep), ==, CW_OK);
    cw_ep_join(ep, a.ep);
    for (unsigned i = 0; i < FRAMES; i++) {
        uint8_t data[1500];
        cw_rtp rtp;

        g_assert_true(receive(a.fd, &rtp, data, sizeof data));
        g_assert_cmpuint(rtp.ssrc, ==, cw_ep_ssrc(a.ep));
        g_assert_cmpuint(rtp.pt, ==, 111);
        if (i > 0) {
            g_assert_cmpuint(rtp.seq, ==, (uint16_t)(seq + 1));
            g_assert_cmpuint(rtp.ts, ==, ts + clock_hz / 50);
        } else {
            begin_us = cw_now_us();
        }
        seq = rtp.seq;
        ts = rtp.ts;
        n += decode(codec, opus, data + rtp.payload_at, rtp.payload_len, pcm + n);
    }
    took_us = cw_now_us() - begin_us;
    g_assert_cmpuint(took_us, >, (FRAMES - 3) * 20000);
    if (!g_str_equal(codec, "G722")) {
        size_t frame = n / FRAMES;

        check_tone(pcm + SKIP * frame, (FRAMES - SKIP) * frame, clock_hz, hz);
    }
    cw_ep_part(a.ep);
    settle(&r);
    while (readable(a.fd, 0))
        g_assert_cmpint(recv(a.fd, pcm, 1500, 0), >, 0);
    g_assert_false(readable(a.fd, 100)); /* parted, it is silent */
    if (opus)
        opus_decoder_destroy(opus);
    cw_ep_free(ep);
    side_close(&a);
    rig_close(&r);
}

static void test_tone_pcma(void)
{
    tone("PCMA", 8000, 1000);
}

static void test_tone_pcmu(void)
{
    tone("PCMU", 8000, 1000);
}

static void test_tone_opus(void)
{
    tone("opus", 48000, 1000);
}

static void test_tone_g722(void)
{
    tone("G722", 8000, 1000);
}

/* 1004 Hz does not fit a frame: its phase must go on. */
static void test_tone_odd(void)
{
    tone("PCMA", 8000, 1004);
}

/* What a G.722 decoder would hear of the lower band is what the encoder's predictor follows
 * (ITU-T G.722 3.5): the sine, at its level. */
static void test_g722(void)
{
    static const double hz[] = { 300, 1000, 3000 };

    for (size_t k = 0; k < G_N_ELEMENTS(hz); k++) {
        int16_t low[4000];
        cw_g722 g;

        cw_g722_init(&g);
        for (size_t i = 0; i < G_N_ELEMENTS(low); i++) {
            int16_t pcm[2];
            uint8_t byte;

            for (size_t s = 0; s < 2; s++)
                pcm[s] = (int16_t)(7218 * sin(2 * G_PI * hz[k] * (2 * i + s) / 16000));
            cw_g722_encode(&g, pcm, 1, &byte);
            low[i] = (int16_t)(g.low.r[1] * 2); /* 15-bit inside */
        }
        check_tone(low + 800, 3200, 8000, hz[k]);
    }
}

/* ── Echo ── */
static void test_echo(void)
{
    cw_stream rx = audio("PCMA", 8000, 8, 101, 8000), tx = audio("PCMA", 8000, 97, 99, 8000);
    rtp_stream st = { .ssrc = 1, .seq = 5, .pt = 8 };
    cw_ep *echo;
    rig r;
    side a;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &rx, false);
    cw_ep_formats(a.ep, &rx, &tx);
    g_assert_cmpint(cw_ep_echo_new(r.plane, 0, &echo), ==, CW_OK);
    cw_ep_join(a.ep, echo);
    settle(&r);
    for (unsigned i = 0; i < 10; i++) {
        uint8_t data[256];
        cw_rtp rtp;

        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
        g_assert_true(receive(a.fd, &rtp, data, sizeof data));
        g_assert_cmpuint(rtp.ssrc, ==, cw_ep_ssrc(a.ep));
        g_assert_cmpuint(rtp.pt, ==, 97);
        g_assert_cmpuint(cw_get16(data + rtp.payload_at), ==, (uint16_t)(st.seq - 1));
    }
    cw_ep_free(echo);
    settle(&r);
    send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
    expect_nothing(a.fd);
    side_close(&a);
    rig_close(&r);
}

/* ── Digits out ── */
typedef struct heard {
    char digits[8];
    unsigned n, packets, ends, audio, gaps, last_duration;
    uint16_t seq;
    uint32_t ts, event_ts;
} heard;

static void hear(heard *h, const uint8_t *data, const cw_rtp *rtp)
{
    const uint8_t *p = data + rtp->payload_at;

    if (h->packets++ && rtp->seq != (uint16_t)(h->seq + 1))
        h->gaps++;
    h->seq = rtp->seq;
    if (rtp->pt != 99) {
        h->audio++;
        g_assert_true(h->packets == 1 || (int32_t)(rtp->ts - h->ts) > 0);
        h->ts = rtp->ts;
        return;
    }
    g_assert_cmpuint(rtp->payload_len, ==, CW_DTMF_LEN);
    if (rtp->marker) {
        g_assert_true(h->n == 0 || rtp->ts != h->event_ts);
        h->digits[h->n++] = cw_dtmf_digit(p[0]);
        h->event_ts = rtp->ts;
        h->ends = 0;
    }
    g_assert_cmpuint(rtp->ts, ==, h->event_ts); /* all of one event say when it began */
    h->ends += p[1] >> 7;
    h->last_duration = cw_get16(p + 2);
    h->ts = rtp->ts;
}

/* Two digits while sound flows: nothing lost, nothing between, time goes on. */
static void dtmf_out(uint32_t event_hz)
{
    cw_stream fa = audio("PCMA", 8000, 8, 0, 0), fb = audio("PCMA", 8000, 97, 99, event_hz);
    rtp_stream st = { .ssrc = 1, .seq = 5, .pt = 8 };
    unsigned after = 0;
    heard h = { 0 };
    rig r;
    side a, b;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &fa, false);
    side_open(&r, &b, AF_INET, &fb, false);
    cw_ep_join(a.ep, b.ep);
    g_assert_cmpint(cw_ep_dtmf(a.ep, '1', 100), ==, CW_E_NO_CODEC);
    g_assert_cmpint(cw_ep_dtmf(b.ep, 'x', 100), ==, CW_E_PARAMS);
    settle(&r);
    for (unsigned i = 0; i < 100 && after < 5; i++) {
        uint8_t data[256];
        cw_rtp rtp;

        if (i == 5) {
            g_assert_cmpint(cw_ep_dtmf(b.ep, '7', 100), ==, CW_OK);
            g_assert_cmpint(cw_ep_dtmf(b.ep, '#', 60), ==, CW_OK);
        }
        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
        while (readable(b.fd, 10) && receive(b.fd, &rtp, data, sizeof data)) {
            hear(&h, data, &rtp);
            after += h.n == 2 && h.ends == 3 && rtp.pt == 97;
        }
        let_pass(10);
    }
    g_assert_cmpstr(h.digits, ==, "7#");
    g_assert_cmpuint(h.gaps, ==, 0);
    g_assert_cmpuint(h.ends, ==, 3);
    g_assert_cmpuint(h.last_duration, ==, 60 * event_hz / 1000);
    g_assert_cmpuint(after, ==, 5);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

static void test_dtmf_out(void)
{
    dtmf_out(8000);
}

static void test_dtmf_out_48000(void)
{
    dtmf_out(48000);
}

static void test_dtmf_queue_full(void)
{
    cw_stream f = audio("PCMA", 8000, 8, 101, 8000);
    rig r;
    side a;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    for (unsigned i = 0; i < CW_DTMF_QUEUE; i++)
        g_assert_cmpint(cw_ep_dtmf(a.ep, '1', 6000), ==, CW_OK);
    g_assert_cmpint(cw_ep_dtmf(a.ep, '1', 6000), ==, CW_E_RATE);
    side_close(&a);
    rig_close(&r);
}

/* ── Digits in ── */
static void send_event(side *s, rtp_stream *st, unsigned event, bool end, unsigned duration,
                       bool marker)
{
    uint8_t data[64],
        p[] = { (uint8_t)event, end ? 0x8a : 10, (uint8_t)(duration >> 8), (uint8_t)duration };

    send_to(s->fd, data, rtp_make(data, st, marker, p, sizeof p), cw_ep_rtp_local(s->ep));
    st->seq++;
}

/* Seen once though the end comes thrice, and passed on in the other side's clock. */
static void dtmf_in(uint32_t from_hz, uint32_t to_hz)
{
    cw_stream fa = audio("PCMA", 8000, 8, 101, from_hz), fb = audio("PCMA", 8000, 97, 99, to_hz);
    rtp_stream st = { .ssrc = 1, .seq = 5, .pt = 101 };
    unsigned step = from_hz / 50;
    rig r;
    side a, b;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &fa, false);
    side_open(&r, &b, AF_INET, &fb, false);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    for (unsigned digit = 0; digit < 3; digit++) {
        for (unsigned i = 1; i <= 7; i++) {
            unsigned duration = MIN(i, 5) * step;
            uint8_t data[256];
            cw_rtp rtp;

            send_event(&a, &st, digit + 1, i >= 5, duration, i == 1);
            g_assert_true(receive(b.fd, &rtp, data, sizeof data));
            g_assert_cmpuint(rtp.pt, ==, 99);
            g_assert_cmpuint(cw_get16(data + rtp.payload_at + 2), ==, MIN(i, 5) * to_hz / 50);
        }
        st.ts += 8000;
    }
    await(&r, &a.digits, 3);
    g_assert_cmpstr(a.digit, ==, "123");
    g_assert_cmpuint(a.duration_ms, ==, 100);
    settle(&r);
    g_assert_cmpuint(a.digits, ==, 3);
    g_assert_cmpuint(b.digits, ==, 0);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

static void test_dtmf_in(void)
{
    dtmf_in(8000, 8000);
}

static void test_dtmf_in_clocks(void)
{
    dtmf_in(48000, 8000);
    dtmf_in(8000, 48000);
}

/* A flood of digits costs the loop no memory and the endpoint nothing. */
static void test_dtmf_flood(void)
{
    cw_stream f = audio("PCMA", 8000, 8, 101, 8000);
    rtp_stream st = { .ssrc = 1, .seq = 5, .pt = 101 };
    cw_ep_stats stats;
    rig r;
    side a;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    settle(&r);
    for (unsigned i = 0; i < 100; i++) {
        send_event(&a, &st, 5, true, 800, true);
        st.ts += 800;
    }
    do /* without the loop looking */
        cw_ep_get_stats(a.ep, &stats);
    while (stats.rx_packets < 100);
    settle(&r);
    g_assert_cmpuint(a.digits, >=, 16);
    g_assert_cmpuint(a.digits, <=, 20);
    side_close(&a);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(cw_srtp_init(), ==, CW_OK);
    g_test_add_func("/sound/tone-pcma", test_tone_pcma);
    g_test_add_func("/sound/tone-pcmu", test_tone_pcmu);
    g_test_add_func("/sound/tone-opus", test_tone_opus);
    g_test_add_func("/sound/tone-g722", test_tone_g722);
    g_test_add_func("/sound/tone-odd", test_tone_odd);
    g_test_add_func("/sound/g722", test_g722);
    g_test_add_func("/sound/echo", test_echo);
    g_test_add_func("/sound/dtmf-out", test_dtmf_out);
    g_test_add_func("/sound/dtmf-out-48000", test_dtmf_out_48000);
    g_test_add_func("/sound/dtmf-queue-full", test_dtmf_queue_full);
    g_test_add_func("/sound/dtmf-in", test_dtmf_in);
    g_test_add_func("/sound/dtmf-in-clocks", test_dtmf_in_clocks);
    g_test_add_func("/sound/dtmf-flood", test_dtmf_flood);
    return g_test_run();
}
