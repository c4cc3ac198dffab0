/* test-transcode.c - endpoints without a codec in common, over a real plane */
#include "plane-rig.h"
#include "sound.h"

#include "media/codec/codec.h"
#include "media/rtp/dtmf.h"

#include <math.h>

#define LEVEL -13.0 /* dBov */
#define HZ    440.0

static void open_rig(rig *r)
{
    cw_plane_conf conf = { .workers = 2,
                           .browser_listen_n = 1,
                           .browser_listen = { addr_of("127.0.0.1:0") },
                           .rtp_listen4 = addr_of("127.0.0.1:0"),
                           .rtp_port_min = PORT_MIN,
                           .rtp_port_max = PORT_MAX,
                           .transcode_threads = 2,
                           .opus_complexity = 5,
                           .jitter_min_ms = 20,
                           .jitter_max_ms = 200,
                           .consent_timeout_ms = 30000 };

    rig_open_as(r, &conf);
}

static unsigned threads_named(const char *name)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
    const char *id;
    unsigned n = 0;

    while ((id = g_dir_read_name(dir))) {
        g_autofree char *path = g_strdup_printf("/proc/self/task/%s/comm", id);
        g_autofree char *comm = NULL;

        n += g_file_get_contents(path, &comm, NULL, NULL) && g_str_has_prefix(comm, name);
    }
    return n;
}

/* ── A far side that speaks a codec ── */
typedef struct voice {
    side side;
    cw_format format;
    cw_encoder *encoder;
    cw_decoder *decoder;
    rtp_stream st;
    uint64_t at; /* samples spoken */
    int16_t *heard;
    size_t heard_n, heard_cap;
    unsigned packets, gaps, markers, events;
    uint16_t seq;
    uint32_t ts, event_ts;
    unsigned lose; /* every how many-th packet is not sent; 0: none is */
} voice;

static cw_stream stream_of(const char *name, uint32_t clock_hz, const char *fmtp, unsigned ptime_ms)
{
    cw_stream stream = { .kind = CW_AUDIO, .dir = CW_SENDRECV, .ptime_ms = (uint16_t)ptime_ms };

    format_add(&stream, name, clock_hz, 96);
    if (!strcmp(name, "opus"))
        stream.format[0].channels = 2;
    g_strlcpy(stream.format[0].fmtp, fmtp, sizeof stream.format[0].fmtp);
    format_add(&stream, "telephone-event", clock_hz == 48000 ? 48000 : 8000, 101);
    return stream;
}

static void voice_open(rig *r, voice *v, const cw_stream *stream) CW_ON_LOOP
{
    cw_encoder_conf conf = { .ptime_ms = stream->ptime_ms, .opus_complexity = 5 };
    unsigned rate_hz;

    memset(v, 0, sizeof *v);
    side_open(r, &v->side, AF_INET, stream, false);
    v->format = stream->format[0];
    rate_hz = cw_codec_rate(&v->format);
    rate_hz = rate_hz ? rate_hz : 16000;
    v->encoder = cw_encoder_new(&v->format, rate_hz, &conf);
    v->decoder = cw_decoder_new(&v->format, rate_hz);
    g_assert_nonnull(v->encoder);
    v->st =
        (rtp_stream){ .ssrc = g_test_rand_int() | 1u, .seq = 65500, .ts = 0xffffff00, .pt = 96 };
    v->heard_cap = rate_hz * 20;
    v->heard = g_new0(int16_t, v->heard_cap + CW_CODEC_PCM_MAX);
}

static void voice_close(voice *v) CW_ON_LOOP
{
    side_close(&v->side);
    cw_encoder_free(v->encoder);
    cw_decoder_free(v->decoder);
    g_free(v->heard);
}

static void speak(voice *v)
{
    size_t size = cw_encoder_samples(v->encoder), len;
    g_autofree int16_t *pcm = g_new(int16_t, size);
    uint8_t payload[CW_PAYLOAD_MAX], data[CW_PAYLOAD_MAX + 12];

    sound_sine(pcm, size, cw_encoder_rate(v->encoder), HZ, LEVEL, v->at);
    len = cw_encode(v->encoder, pcm, payload);
    if (!v->lose || v->st.seq % v->lose)
        send_to(v->side.fd, data, rtp_make(data, &v->st, false, payload, len),
                cw_ep_rtp_local(v->side.ep));
    v->at += size;
    v->st.seq++;
    v->st.ts += cw_encoder_ticks(v->encoder);
}

static void note_packet(voice *v, const cw_rtp *rtp)
{
    if (v->packets++ && rtp->seq != (uint16_t)(v->seq + 1))
        v->gaps++;
    v->markers += rtp->marker;
    v->seq = rtp->seq;
    g_assert_cmpuint(rtp->ssrc, ==, cw_ep_ssrc(v->side.ep));
}

static void listen_once(voice *v)
{
    uint8_t data[1600];

    while (readable(v->side.fd, 0)) {
        ssize_t n = recv(v->side.fd, data, sizeof data, 0);
        g_autofree uint8_t *payload = NULL;
        cw_rtp rtp;

        g_assert_cmpint(cw_rtp_parse(data, (size_t)n, &rtp), ==, CW_OK);
        note_packet(v, &rtp);
        if (rtp.pt == 101) {
            v->events++;
            v->event_ts = rtp.ts;
            continue;
        }
        g_assert_cmpuint(rtp.pt, ==, 96);
        g_assert_true(v->packets == 1 || (int32_t)(rtp.ts - v->ts) > 0);
        v->ts = rtp.ts;
        payload = g_memdup2(data + rtp.payload_at, rtp.payload_len);
        if (v->heard_n < v->heard_cap)
            v->heard_n += cw_decode(v->decoder, payload, rtp.payload_len, v->heard + v->heard_n);
    }
}

/* Both talk for `ms`, each by its own packet time, as the clock goes. */
static void talk(rig *r, voice *a, voice *b, unsigned ms) CW_ON_LOOP
{
    unsigned a_ms = (unsigned)(cw_encoder_samples(a->encoder) * 1000 / cw_encoder_rate(a->encoder));
    unsigned b_ms = (unsigned)(cw_encoder_samples(b->encoder) * 1000 / cw_encoder_rate(b->encoder));
    uint64_t begin_us = cw_now_us();

    for (unsigned at = 0; at < ms; at += 10) {
        while (cw_now_us() < begin_us + at * 1000)
            let_pass(1);
        if (at % a_ms == 0)
            speak(a);
        if (at % b_ms == 0)
            speak(b);
        listen_once(a);
        listen_once(b);
        cw_loop_step(r->loop, 0);
    }
}

static double level_of(const voice *v, double seconds)
{
    unsigned rate = cw_decoder_rate(v->decoder);
    size_t n = MIN((size_t)(seconds * rate), v->heard_n);

    return sound_level(v->heard + v->heard_n - n, n);
}

/* Where the machine was too busy for the clock of this test, sound is missing, and was made up. */
static bool is_disturbed(const char *name, const voice *from) CW_ON_LOOP
{
    cw_ep_stats stats;

    cw_ep_get_stats(from->side.ep, &stats);
    if (from->lose || stats.rx_concealed_ms == 0)
        return false;
    g_test_message("%s: %u ms made up, delay %u ms", name, stats.rx_concealed_ms,
                   stats.rx_delay_ms);
    return true;
}

/* The tone of `from`, in the last part of what was heard. */
static void check_tone(const char *name, const voice *from, const voice *v, double rest) CW_ON_LOOP
{
    unsigned rate = cw_decoder_rate(v->decoder);
    size_t n = MIN(rate * 3 / 4, v->heard_n / 2);
    const int16_t *pcm = v->heard + v->heard_n - n;

    g_test_message("%s: %u packets, %.1f Hz, %.1f dB, rest %.1f dB", name, v->packets,
                   sound_pitch(pcm, n, rate, HZ), sound_level(pcm, n) - LEVEL,
                   sound_rest(pcm, n, rate, HZ));
    g_assert_cmpfloat(fabs(sound_pitch(pcm, n, rate, HZ) - HZ), <=, HZ * 0.01);
    if (is_disturbed(name, from))
        return;
    g_assert_cmpfloat(fabs(sound_level(pcm, n) - LEVEL), <, 3);
    g_assert_cmpfloat(sound_rest(pcm, n, rate, HZ), <, rest);
}

static const struct codec {
    const char *name;
    uint32_t clock_hz;
    const char *fmtp;
    unsigned ptime_ms;
} pcma = { "PCMA", 8000, "", 20 }, pcma10 = { "PCMA", 8000, "", 10 },
  pcma60 = { "PCMA", 8000, "", 60 }, pcmu = { "PCMU", 8000, "", 30 },
  g722 = { "G722", 8000, "", 20 }, opus = { "opus", 48000, "useinbandfec=1", 20 },
  opus60 = { "opus", 48000, "", 60 }, amr = { "AMR", 8000, "octet-align=1", 20 },
  amr40 = { "AMR", 8000, "", 40 }, amr_wb = { "AMR-WB", 16000, "mode-set=0,1,2", 20 },
  amr_wb_oa = { "AMR-WB", 16000, "octet-align=1", 20 }, g729 = { "G729", 8000, "annexb=no", 20 };

static const struct pair {
    const char *name;
    const struct codec *a, *b;
    bool tandem; /* both codecs are of the kind that does not keep a wave */
} pairs[] = {
    { "opus-pcma", &opus, &pcma, false },
    { "opus-pcmu", &opus, &pcmu, false },
    { "opus-g722", &opus, &g722, false },
    { "opus-amr", &opus, &amr, true },
    { "opus-amr_wb", &opus, &amr_wb, true },
    { "opus60-pcma10", &opus60, &pcma10, false },
    { "opus-g729", &opus, &g729, true },
    { "pcma-pcmu", &pcma, &pcmu, false },
    { "pcma60-g722", &pcma60, &g722, false },
    { "pcma-amr40", &pcma, &amr40, false },
    { "pcma-amr_wb", &pcma, &amr_wb, false },
    { "g722-amr", &g722, &amr, false },
    { "g722-amr_wb", &g722, &amr_wb, false },
    { "amr-amr_wb", &amr, &amr_wb, true },
    { "amr_wb-amr_wb", &amr_wb, &amr_wb_oa, true },
    { "pcmu-g729", &pcmu, &g729, false },
};

static cw_stream stream_of_codec(const struct codec *c)
{
    return stream_of(c->name, c->clock_hz, c->fmtp, c->ptime_ms);
}

static bool is_built(const struct codec *c)
{
    cw_stream stream = stream_of_codec(c);

    return cw_codec_can(&stream.format[0]);
}

static void test_pair(gconstpointer arg)
{
    const struct pair *p = arg;
    cw_stream fa = stream_of_codec(p->a), fb = stream_of_codec(p->b);
    double rest = p->tandem ? -8 : -14;
    cw_ep_stats stats;
    voice a, b;
    rig r;

    if (!is_built(p->a) || !is_built(p->b)) {
        g_test_skip("not built in");
        return;
    }
    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    talk(&r, &a, &b, 1200);
    check_tone("to a", &b, &a, rest);
    check_tone("to b", &a, &b, rest);
    g_assert_cmpuint(a.gaps + b.gaps, ==, 0);
    g_assert_cmpuint(a.markers, ==, 1); /* one talkspurt, without a break */
    cw_ep_get_stats(a.side.ep, &stats);
    g_assert_true(stats.rx_transcoded);
    g_assert_cmpuint(stats.rx_pt, ==, 96);
    g_assert_cmpint(cw_stat_get(CW_STAT_transcodings), ==, 2);
    voice_close(&a);
    voice_close(&b);
    rig_close(&r);
    g_assert_cmpint(cw_stat_get(CW_STAT_transcodings), ==, 0);
}

/* One in twenty is lost on the way in: the tone goes on, and every packet goes out. */
static void test_loss(void)
{
    cw_stream fa = stream_of_codec(&opus), fb = stream_of_codec(&pcma);
    cw_ep_stats stats;
    voice a, b;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    a.lose = b.lose = 20;
    cw_encoder_loss(a.encoder, 10);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    talk(&r, &a, &b, 3000);
    check_tone("opus with FEC to pcma", &a, &b, -3);
    check_tone("pcma to opus", &b, &a, -6);
    g_assert_cmpuint(a.gaps + b.gaps, ==, 0);
    g_assert_cmpuint(b.packets, >, 140);
    cw_ep_get_stats(a.side.ep, &stats);
    g_test_message("concealed %u ms, discarded %u, delay %u ms", stats.rx_concealed_ms,
                   stats.rx_discarded, stats.rx_delay_ms);
    g_assert_cmpuint(stats.rx_concealed_ms, >=, 100);
    voice_close(&a);
    voice_close(&b);
    rig_close(&r);
}

/* No thread before there is work, none that runs when there is none, none left behind. */
static void test_threads(void)
{
    cw_stream fa = stream_of_codec(&opus), fb = stream_of_codec(&pcma);
    voice a, b;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    g_assert_cmpuint(threads_named("cw-codec"), ==, 0);
    talk(&r, &a, &b, 300);
    g_assert_cmpuint(threads_named("cw-codec"), ==, 2);
    voice_close(&a);
    voice_close(&b);
    rig_close(&r);
    g_assert_cmpuint(threads_named("cw-codec"), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_transcodings), ==, 0);
}

/* The same codec on both sides is not touched. */
static void test_common(void)
{
    cw_stream fa = stream_of_codec(&opus), fb = stream_of_codec(&pcma);
    cw_ep_stats stats;
    voice a, b;
    rig r;

    format_add(&fa, "PCMA", 8000, 8);
    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    a.st.pt = 8;
    for (unsigned i = 0; i < 10; i++) {
        uint8_t data[256];
        cw_rtp rtp;

        send_next(a.side.fd, &a.st, cw_ep_rtp_local(a.side.ep));
        g_assert_true(receive(b.side.fd, &rtp, data, sizeof data));
        g_assert_cmpuint(rtp.pt, ==, 96);
        g_assert_cmpuint(rtp.payload_len, ==, 8); /* as it came */
    }
    cw_ep_get_stats(a.side.ep, &stats);
    g_assert_false(stats.rx_transcoded);
    g_assert_cmpint(cw_stat_get(CW_STAT_transcodings), ==, 0);
    voice_close(&a);
    voice_close(&b);
    rig_close(&r);
}

/* A re-offer that changes nothing is not heard; one that changes the codec is obeyed. */
static void test_change(void)
{
    cw_stream fa = stream_of_codec(&opus), fb = stream_of_codec(&pcma);
    cw_stream fu = stream_of_codec(&pcmu);
    voice a, b;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    talk(&r, &a, &b, 500);
    cw_ep_formats(b.side.ep, &fb, &fb);
    talk(&r, &a, &b, 900);
    check_tone("unchanged", &a, &b, -8);
    g_assert_cmpuint(b.markers, ==, 1);
    fu.ptime_ms = 20;
    cw_ep_formats(b.side.ep, &fu, &fu);
    settle(&r);
    listen_once(&b);
    cw_encoder_free(b.encoder);
    cw_decoder_free(b.decoder);
    b.encoder = cw_encoder_new(&fu.format[0], 8000, &(cw_encoder_conf){ .ptime_ms = 20 });
    b.decoder = cw_decoder_new(&fu.format[0], 8000);
    talk(&r, &a, &b, 1500);
    check_tone("to pcmu", &a, &b, -8);
    check_tone("from pcmu", &b, &a, -8);
    g_assert_cmpuint(a.gaps + b.gaps, ==, 0);
    voice_close(&a);
    voice_close(&b);
    rig_close(&r);
}

/* Another source on the same leg: the far side hears one stream. */
static void test_source(void)
{
    cw_stream fa = stream_of_codec(&opus), fb = stream_of_codec(&pcma);
    voice a, b;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    talk(&r, &a, &b, 400);
    a.st.ssrc++;
    a.st.seq = 7;
    a.st.ts = 99;
    talk(&r, &a, &b, 1200);
    check_tone("after", &a, &b, -8);
    g_assert_cmpuint(b.gaps, ==, 0);
    voice_close(&a);
    voice_close(&b);
    rig_close(&r);
}

/* Silence on one side: what is made up fades, then nothing goes out; sound again is heard again. */
static void test_silence(void)
{
    cw_stream fa = stream_of_codec(&opus), fb = stream_of_codec(&pcma);
    uint64_t end_us;
    unsigned n;
    voice a, b;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    talk(&r, &a, &b, 500);
    end_us = cw_now_us() + 1300000;
    while (cw_now_us() < end_us) {
        let_pass(10);
        listen_once(&b);
    }
    n = b.packets;
    g_assert_cmpfloat(level_of(&b, 0.1), <, -50);
    let_pass(100);
    listen_once(&b);
    g_assert_cmpuint(b.packets, ==, n);
    talk(&r, &a, &b, 1000);
    check_tone("again", &a, &b, -8);
    g_assert_cmpuint(b.gaps, ==, 0);
    g_assert_cmpuint(b.markers, ==, 2);
    voice_close(&a);
    voice_close(&b);
    rig_close(&r);
}

static void send_event(voice *v, unsigned duration, bool marker, bool end)
{
    uint8_t payload[4] = { 5, (uint8_t)(end ? 0x8a : 0x0a) }, data[64];
    rtp_stream st = v->st;

    cw_put16(payload + 2, (uint16_t)duration);
    st.pt = 101;
    send_to(v->side.fd, data, rtp_make(data, &st, marker, payload, 4), cw_ep_rtp_local(v->side.ep));
    v->st.seq++;
}

/* A digit between transcoded sound: all its packets have one time, the numbers go on. */
static void test_digit(void)
{
    cw_stream fa = stream_of_codec(&opus), fb = stream_of_codec(&pcma);
    unsigned events = 0;
    uint32_t ts = 0;
    voice a, b;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    cw_ep_join(a.side.ep, b.side.ep);
    settle(&r);
    talk(&r, &a, &b, 600);
    for (unsigned i = 1; i <= 7; i++) {
        send_event(&a, 960 * MIN(i, 5), i == 1, i >= 5);
        g_assert_true(readable(b.side.fd, WAIT_MS));
        for (unsigned k = 0; k < 20 && b.events == events; k++) {
            let_pass(1);
            listen_once(&b);
        }
        g_assert_cmpuint(b.events, ==, events + 1);
        g_assert_true(events == 0 || b.event_ts == ts);
        ts = b.event_ts;
        events = b.events;
    }
    a.st.ts += 960 * 5;
    await(&r, &a.side.digits, 1);
    g_assert_cmpint(a.side.digit[0], ==, '5');
    g_assert_cmpuint(a.side.duration_ms, ==, 100);
    talk(&r, &a, &b, 1000);
    g_assert_cmpuint(b.gaps, ==, 0);
    check_tone("after", &a, &b, -8);
    voice_close(&a);
    voice_close(&b);
    rig_close(&r);
}

/* A source of random bytes where sound should be, then sound: nothing breaks. */
static void test_garbage(void)
{
    static const struct codec *const codecs[] = { &opus, &amr, &amr_wb, &g722 };

    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        cw_stream fa = stream_of_codec(codecs[i]), fb = stream_of_codec(&pcma);
        voice a, b;
        rig r;

        if (!is_built(codecs[i]))
            continue;
        open_rig(&r);
        cw_assert_on_loop();
        voice_open(&r, &a, &fa);
        voice_open(&r, &b, &fb);
        cw_ep_join(a.side.ep, b.side.ep);
        settle(&r);
        for (unsigned k = 0; k < 300; k++) {
            uint8_t data[1600], payload[1400];
            size_t len = (size_t)g_test_rand_int_range(0, k % 8 ? 100 : 1400);

            for (size_t m = 0; m < len; m++)
                payload[m] = (uint8_t)g_test_rand_int();
            send_to(a.side.fd, data, rtp_make(data, &a.st, false, payload, len),
                    cw_ep_rtp_local(a.side.ep));
            a.st.seq++;
            a.st.ts += (uint32_t)g_test_rand_int_range(0, 2000);
            if (k % 16 == 0)
                let_pass(5);
        }
        let_pass(300);
        listen_once(&b);
        b.markers = b.gaps = 0;
        talk(&r, &a, &b, 2500);
        check_tone(codecs[i]->name, &a, &b, -8);
        voice_close(&a);
        voice_close(&b);
        rig_close(&r);
    }
}

/* Calls that come and go while others talk. */
static void test_churn(void)
{
    cw_stream fa = stream_of_codec(&opus), fb = stream_of_codec(&pcma), fc = stream_of_codec(&g722);
    voice a, b, c;
    rig r;

    open_rig(&r);
    cw_assert_on_loop();
    voice_open(&r, &a, &fa);
    voice_open(&r, &b, &fb);
    voice_open(&r, &c, &fc);
    for (unsigned i = 0; i < 30; i++) {
        voice *to = i % 2 ? &b : &c;

        cw_ep_join(a.side.ep, to->side.ep);
        talk(&r, &a, to, 60);
        if (i % 3 == 0)
            cw_ep_part(a.side.ep);
        if (i % 5 == 0)
            cw_ep_direction(a.side.ep, i % 2 ? CW_SENDONLY : CW_SENDRECV);
    }
    g_assert_cmpuint(a.gaps + b.gaps + c.gaps, ==, 0);
    voice_close(&a);
    voice_close(&b);
    voice_close(&c);
    rig_close(&r);
    g_assert_cmpint(cw_stat_get(CW_STAT_transcodings), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *path = g_strdup_printf("/transcode/pair/%s", pairs[i].name);

        g_test_add_data_func(path, &pairs[i], test_pair);
    }
    g_test_add_func("/transcode/loss", test_loss);
    g_test_add_func("/transcode/threads", test_threads);
    g_test_add_func("/transcode/common", test_common);
    g_test_add_func("/transcode/change", test_change);
    g_test_add_func("/transcode/source", test_source);
    g_test_add_func("/transcode/silence", test_silence);
    g_test_add_func("/transcode/digit", test_digit);
    g_test_add_func("/transcode/garbage", test_garbage);
    g_test_add_func("/transcode/churn", test_churn);
    return g_test_run();
}
