/* test-plane-keys.c - keys pressed as tones in the sound, over a real plane */
#include "plane-rig.h"
#include "sound.h"

#include "media/codec/codec.h"
#include "media/codec/keytone.h"

#define PTIME_MS 20
#define LATE_US  100000 /* made up for, as a phone does by its clock */

static void open_rig(rig *r) CW_TSA(assert_capability(cw_role_loop))
{
    cw_plane_conf conf = { .workers = 1,
                           .browser_listen_n = 1,
                           .browser_listen = { addr_of("127.0.0.1:0") },
                           .rtp_listen4 = addr_of("127.0.0.1:0"),
                           .rtp_port_min = PORT_MIN,
                           .rtp_port_max = PORT_MAX,
                           .transcode_threads = 1,
                           .jitter_min_ms = 20,
                           .jitter_max_ms = 200,
                           .consent_timeout_ms = 30000 };

    rig_open_as(r, &conf);
}

/* ── A far side that presses keys and talks ── */
typedef struct keypad {
    side side;
    cw_encoder *encoder;
    rtp_stream st;
    uint64_t at;      /* samples of talk */
    uint64_t next_us; /* when the next packet is due */
} keypad;

static void keypad_open(rig *r, keypad *k, const cw_stream *stream, cw_dtmf_mode mode) CW_ON_LOOP
{
    const cw_format *format = &stream->format[0];
    const cw_encoder_conf conf = { .ptime_ms = PTIME_MS };
    unsigned rate_hz = cw_codec_rate(format) ? cw_codec_rate(format) : 48000;

    memset(k, 0, sizeof *k);
    side_open(r, &k->side, AF_INET, stream, false);
    cw_ep_dtmf_mode(k->side.ep, mode);
    k->encoder = cw_encoder_new(format, rate_hz, &conf);
    g_assert_nonnull(k->encoder);
    k->st = (rtp_stream){ .ssrc = 77, .seq = 65530, .ts = 0xffffff00, .pt = format->pt };
}

static void keypad_close(keypad *k) CW_ON_LOOP
{
    side_close(&k->side);
    cw_encoder_free(k->encoder);
}

static void send_sound(rig *r, keypad *k, const int16_t *pcm) CW_ON_LOOP
{
    uint8_t payload[CW_PAYLOAD_MAX], data[CW_PAYLOAD_MAX + 12];
    size_t len = cw_encode(k->encoder, pcm, payload);

    if (len > 0)
        send_to(k->side.fd, data, rtp_make(data, &k->st, false, payload, len),
                cw_ep_rtp_local(k->side.ep));
    k->st.seq++;
    k->st.ts += cw_encoder_ticks(k->encoder);
    cw_loop_step(r->loop, 0);
    k->next_us = MAX(k->next_us, cw_now_us() - LATE_US) + PTIME_MS * 1000;
    while (cw_now_us() < k->next_us)
        let_pass(1);
}

static void press(rig *r, keypad *k, char digit, unsigned ms) CW_ON_LOOP
{
    size_t size = cw_encoder_samples(k->encoder);
    g_autofree int16_t *pcm = g_new(int16_t, size);
    cw_keytone_generator generator;

    g_assert_true(cw_keytone_generator_init(&generator, digit, cw_encoder_rate(k->encoder)));
    for (unsigned t = 0; t < ms; t += PTIME_MS) {
        cw_keytone_make(&generator, pcm, size, t + PTIME_MS >= ms);
        send_sound(r, k, pcm);
    }
}

/* `hz` 0: silence */
static void talk(rig *r, keypad *k, double hz, unsigned ms) CW_ON_LOOP
{
    size_t size = cw_encoder_samples(k->encoder);
    g_autofree int16_t *pcm = g_new0(int16_t, size);

    for (unsigned t = 0; t < ms; t += PTIME_MS, k->at += size) {
        if (hz > 0)
            sound_sine(pcm, size, cw_encoder_rate(k->encoder), hz + t % 300, -13, k->at);
        send_sound(r, k, pcm);
    }
}

static cw_stream plain(const char *name, uint32_t clock_hz)
{
    cw_stream stream = audio(name, clock_hz, 96, 0, 0);

    if (!strcmp(name, "opus"))
        stream.format[0].channels = 2;
    return stream;
}

static void close_both(rig *r, keypad *a, keypad *b) CW_ON_LOOP
{
    keypad_close(a);
    keypad_close(b);
    rig_close(r);
    g_assert_cmpint(cw_stat_get(CW_STAT_listeners), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_transcodings), ==, 0);
}

typedef struct pair {
    const char *name, *other;
    uint32_t clock_hz, other_hz;
    cw_dtmf_mode mode; /* of the other */
    bool passed;
} pair;

static const pair same = { "PCMA", "PCMA", 8000, 8000, CW_DTMF_TONES, true };
static const pair events = { "PCMA", "PCMA", 8000, 8000, CW_DTMF_EVENTS, true };
static const pair none = { "PCMA", "PCMA", 8000, 8000, CW_DTMF_NONE, false };
static const pair mapped = { "PCMA", "PCMU", 8000, 8000, CW_DTMF_TONES, true };
static const pair narrow = { "PCMA", "opus", 8000, 48000, CW_DTMF_TONES, true };
static const pair wide = { "G722", "opus", 8000, 48000, CW_DTMF_TONES, true };

/* Every key once, of the right length, whether it passes or is transcoded. */
static void test_pair(gconstpointer arg)
{
    const pair *p = arg;
    cw_stream fa = plain(p->name, p->clock_hz), fb = plain(p->other, p->other_hz);
    bool passes = !strcmp(p->name, p->other);
    const char *keys = "17*#";
    keypad a, b;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    keypad_open(&r, &a, &fa, CW_DTMF_TONES);
    keypad_open(&r, &b, &fb, p->mode);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    talk(&r, &a, 300, 100);
    for (const char *key = keys; *key; key++) {
        press(&r, &a, *key, 120);
        talk(&r, &a, 0, 200);
        await(&r, &a.side.digits, (unsigned)(key - keys) + 1);
        g_assert_cmpuint(a.side.duration_ms, >=,
                         50); /* blocks of 12.75; a loaded machine loses some */
        g_assert_cmpuint(a.side.duration_ms, <=, 150);
        g_assert_true(a.side.passed == p->passed);
    }
    g_assert_cmpstr(a.side.digit, ==, keys);
    g_assert_cmpuint(b.side.digits, ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_listeners), ==, passes);
    g_assert_cmpint(cw_stat_get(CW_STAT_transcodings), ==, !passes);
    close_both(&r, &a, &b);
}

/* An end that is joined to none is heard too, and one whose packets stop while the key is down. */
static void test_cut(void)
{
    cw_stream f = plain("PCMA", 8000);
    keypad a;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    keypad_open(&r, &a, &f, CW_DTMF_TONES);
    talk(&r, &a, 0, 60);
    press(&r, &a, '8', 200);
    await(&r, &a.side.digits, 1);
    g_assert_cmpint(a.side.digit[0], ==, '8');
    g_assert_false(a.side.passed);
    keypad_close(&a);
    rig_close(&r);
    g_assert_cmpint(cw_stat_get(CW_STAT_listeners), ==, 0);
}

/* Talk is no key, and what other ways were agreed on for is not listened to at all. */
static void test_nothing(void)
{
    cw_stream f = plain("PCMA", 8000);
    keypad a, b;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    keypad_open(&r, &a, &f, CW_DTMF_TONES);
    keypad_open(&r, &b, &f, CW_DTMF_EVENTS);
    cw_ep_join(a.side.ep, b.side.ep);
    talk(&r, &a, 700, 1000);
    press(&r, &b, '5', 200);
    talk(&r, &b, 0, 200);
    settle(&r);
    g_assert_cmpuint(a.side.digits + b.side.digits, ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_listeners), ==, 1);
    cw_ep_dtmf_mode(a.side.ep, CW_DTMF_NONE);
    settle(&r);
    press(&r, &a, '5', 200);
    talk(&r, &a, 0, 200);
    settle(&r);
    g_assert_cmpuint(a.side.digits, ==, 0);
    close_both(&r, &a, &b);
}

/* Keys in the sound (A-law, payload type 96) that came to `fd`. */
static unsigned keys_at(int fd)
{
    cw_stream stream = plain("PCMA", 8000);
    cw_decoder *decoder = cw_decoder_new(&stream.format[0], 8000);
    cw_keytone_detector detector;
    uint8_t data[2048];
    unsigned keys = 0, packets = 0;
    cw_rtp rtp;

    cw_keytone_detector_init(&detector);
    while (readable(fd, 100) && receive(fd, &rtp, data, sizeof data)) {
        int16_t pcm[CW_CODEC_PCM_MAX];
        const int16_t *at = pcm;
        size_t n = cw_decode(decoder, data + rtp.payload_at, rtp.payload_len, pcm);
        unsigned ms;
        char digit;

        g_assert_cmpuint(rtp.pt, ==, 96);
        packets++;
        while (cw_keytone_hear(&detector, &at, &n, &digit, &ms))
            keys++;
    }
    g_assert_cmpuint(packets, >, 20);
    cw_decoder_free(decoder);
    return keys;
}

/* Where the key goes on as an event it is no sound any more; where it does not, it is left there.
 */
static void test_hush(void)
{
    cw_stream fa = plain("PCMA", 8000), fb = audio("PCMA", 8000, 96, 101, 8000);
    keypad a, b;
    rig r;

    open_rig(&r);
    keypad_open(&r, &a, &fa, CW_DTMF_TONES);
    keypad_open(&r, &b, &fb, CW_DTMF_EVENTS);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    for (unsigned i = 0; i < 4; i++) {
        cw_ep_dtmf_mode(b.side.ep, i % 2 ? CW_DTMF_TONES : CW_DTMF_EVENTS);
        talk(&r, &a, 300, 200 + 7 * i);
        press(&r, &a, '5', 200);
        talk(&r, &a, 0, 300);
        await(&r, &a.side.digits, i + 1);
        g_assert_true(a.side.passed == i % 2);
        g_assert_cmpuint(keys_at(b.side.fd), ==, i % 2 ? 2 : 0); /* began and ended */
    }
    close_both(&r, &a, &b);
}

/* What we send as a tone and an echo brings back was not pressed over there. */
static void test_echo(void)
{
    cw_stream f = plain("PCMA", 8000);
    keypad a;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    keypad_open(&r, &a, &f, CW_DTMF_TONES);
    settle(&r);
    g_assert_cmpint(cw_ep_dtmf(a.side.ep, '3', 100), ==, CW_OK);
    press(&r, &a, '3', 100);
    talk(&r, &a, 0, 100);
    press(&r, &a, '4', 100);
    talk(&r, &a, 0, 200);
    await(&r, &a.side.digits, 1);
    g_assert_cmpstr(a.side.digit, ==, "4");
    keypad_close(&a);
    rig_close(&r);
}

/* Joined, parted, changed and freed while a key is down. */
static void test_churn(void)
{
    cw_stream fa = plain("PCMA", 8000), fb = plain("PCMU", 8000), fc = plain("PCMA", 8000);
    keypad a, b, c;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    keypad_open(&r, &b, &fb, CW_DTMF_TONES);
    keypad_open(&r, &c, &fc, CW_DTMF_TONES);
    for (unsigned i = 0; i < 12; i++) {
        keypad_open(&r, &a, &fa, CW_DTMF_TONES);
        cw_ep_join(a.side.ep, i % 2 ? b.side.ep : c.side.ep);
        press(&r, &a, '9', 60);
        if (i % 3 == 0)
            cw_ep_part(a.side.ep);
        if (i % 4 == 1)
            cw_ep_dtmf_mode(a.side.ep, CW_DTMF_EVENTS);
        if (i % 4 == 2)
            cw_ep_formats(a.side.ep, &fb, &fb);
        press(&r, &a, '9', 40);
        keypad_close(&a);
    }
    close_both(&r, &b, &c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/keys/same", &same, test_pair);
    g_test_add_data_func("/keys/events", &events, test_pair);
    g_test_add_data_func("/keys/none", &none, test_pair);
    g_test_add_data_func("/keys/mapped", &mapped, test_pair);
    g_test_add_data_func("/keys/narrow", &narrow, test_pair);
    g_test_add_data_func("/keys/wide", &wide, test_pair);
    g_test_add_func("/keys/cut", test_cut);
    g_test_add_func("/keys/nothing", test_nothing);
    g_test_add_func("/keys/hush", test_hush);
    g_test_add_func("/keys/echo", test_echo);
    g_test_add_func("/keys/churn", test_churn);
    return g_test_run();
}
