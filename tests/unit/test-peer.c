/* A peer against a browser made of parts: its SDP, its checks, its DTLS client and its SRTP, over
 * UDP on loopback through the real plane. */
#include "webrtc/peer.h"

#include "base/ident.h"
#include "base/stats.h"
#include "dtls-client.h"
#include "stun-msg.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000

typedef struct rig {
    cw_loop *loop;
    cw_webrtc *webrtc;
    cw_plane *plane;
    cw_peer *peer;
    cw_ep *echo;
    char why[128];

    /* What the peer told */
    unsigned ice_n, connected_n, failed_n, flowing_n, dtmf_n;
    cw_err failed;
    cw_srtp_suite suite;
    unsigned flowing_stream;
    char digit;
    bool free_on_failed, free_on_connected;

    /* The browser */
    int fd;
    cw_watch *watch;
    cw_timer *timer;
    dtls_client dtls;
    cw_srtp *srtp;
    char ufrag[9], pwd[25];              /* its own */
    char their_ufrag[64], their_pwd[64]; /* as our SDP says */
    uint32_t their_ssrc;
    unsigned good_n, refused_n; /* answers to its checks */
    uint8_t got[1500];          /* the last packet, plain */
    size_t got_len;
    unsigned got_n;
} rig;

#define RUN_UNTIL(r, condition)                                                                    \
    do {                                                                                           \
        uint64_t end_ms = cw_now_ms() + WAIT_MS;                                                   \
        cw_assert_on_loop();                                                                       \
        while (!(condition)) {                                                                     \
            g_assert_cmpuint(cw_now_ms(), <, end_ms);                                              \
            cw_loop_step((r)->loop, 20);                                                           \
        }                                                                                          \
    } while (0)

static void run_for(rig *r, unsigned ms)
{
    uint64_t end_ms = cw_now_ms() + ms;

    cw_assert_on_loop();
    while (cw_now_ms() < end_ms)
        cw_loop_step(r->loop, 10);
}

/* ── What the peer tells ────────────────────────────────────────────────────────────────────────
 */

static void on_ice(void *arg, const cw_addr *remote)
{
    rig *r = arg;

    g_assert_true(cw_addr_is_loopback(remote));
    r->ice_n++;
}

static void free_peer(rig *r)
{
    cw_assert_on_loop();
    cw_peer_free(g_steal_pointer(&r->peer));
}

static void on_connected(void *arg, cw_srtp_suite suite)
{
    rig *r = arg;

    r->connected_n++;
    r->suite = suite;
    if (r->free_on_connected)
        free_peer(r);
}

static void on_failed(void *arg, cw_err err)
{
    rig *r = arg;

    r->failed_n++;
    r->failed = err;
    if (r->free_on_failed)
        free_peer(r);
}

static void on_dtmf(void *arg, unsigned stream, char digit, unsigned duration_ms, bool passed)
{
    rig *r = arg;

    r->dtmf_n++;
    r->digit = digit;
}

static void on_flowing(void *arg, unsigned stream)
{
    rig *r = arg;

    r->flowing_n++;
    r->flowing_stream = stream;
}

static const cw_peer_ops ops = {
    .ice = on_ice,
    .connected = on_connected,
    .failed = on_failed,
    .dtmf = on_dtmf,
    .flowing = on_flowing,
};

/* ── The browser ────────────────────────────────────────────────────────────────────────────────
 */

static void got_rtp(rig *r, const uint8_t *data, size_t len)
{
    memcpy(r->got, data, len);
    r->got_len = len;
    if (!r->srtp || (data[1] & 0x7f) == 72 || data[1] >= 200) /* RTCP */
        return;
    if (cw_srtp_unprotect(r->srtp, r->got, &r->got_len) == CW_OK)
        r->got_n++;
}

static void on_wire(void *arg, unsigned events)
{
    rig *r = arg;
    uint8_t buf[2048];
    ssize_t n;

    while ((n = recv(r->fd, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
        if (buf[0] >= 128)
            got_rtp(r, buf, (size_t)n);
        else if (buf[0] >= 20)
            dtls_client_feed(&r->dtls, buf, (size_t)n);
        else if (get16(buf) == 0x0101)
            r->good_n++;
        else
            r->refused_n++;
    }
}

static void on_tick(void *arg)
{
    rig *r = arg;

    cw_assert_on_loop();
    dtls_client_timer(&r->dtls);
    cw_timer_start(r->timer, 10);
}

static void wire_send(void *arg, const uint8_t *data, size_t len)
{
    rig *r = arg;

    g_assert_cmpint(send(r->fd, data, len, 0), ==, (ssize_t)len);
}

static void browser_init(rig *r)
{
    cw_addr gate;
    cw_addr any = { .in4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };

    cw_assert_on_loop();
    g_assert_cmpuint(cw_plane_candidates(r->plane, 0, &gate, 1), ==, 1);
    r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(r->fd, &any.sa, sizeof any.in4), ==, 0);
    g_assert_cmpint(connect(r->fd, &gate.sa, sizeof gate.in4), ==, 0);
    r->watch = cw_watch_new(r->loop, r->fd, on_wire, r);
    cw_watch_set(r->watch, CW_READABLE);
    r->timer = cw_timer_new(r->loop, on_tick, r);
    cw_timer_start(r->timer, 10);
    r->dtls.send = wire_send;
    r->dtls.arg = r;
    dtls_client_start(&r->dtls, &(dtls_client_conf){ .profiles = "SRTP_AEAD_AES_128_GCM" });
    cw_random_text(r->ufrag, 8);
    cw_random_text(r->pwd, 24);
}

/* The rest of the first line that starts with `key`. */
static void line_of(const char *sdp, const char *key, char *ret, size_t cap)
{
    const char *at = strstr(sdp, key);

    g_assert_nonnull(at);
    at += strlen(key);
    g_strlcpy(ret, at, MIN(cap, strcspn(at, "\r ") + 1));
}

static void read_sdp(rig *r, const char *sdp)
{
    char ssrc[16];

    line_of(sdp, "a=ice-ufrag:", r->their_ufrag, sizeof r->their_ufrag);
    line_of(sdp, "a=ice-pwd:", r->their_pwd, sizeof r->their_pwd);
    line_of(sdp, "a=ssrc:", ssrc, sizeof ssrc);
    r->their_ssrc = (uint32_t)g_ascii_strtoull(ssrc, NULL, 10);
    g_assert_nonnull(strstr(sdp, "a=ice-lite\r\n"));
    g_assert_nonnull(strstr(sdp, "a=rtcp-mux\r\n"));
    g_assert_nonnull(strstr(sdp, "a=fingerprint:sha-256 "));
}

typedef struct sdp_opts {
    const char *setup;
    bool video, wrong_print, video_refused;
    const char *dir;
} sdp_opts;

static void section(rig *r, GString *out, const sdp_opts *o, const char *mid, bool refused)
{
    cw_fingerprint print = dtls_client_print(r->dtls.cert, "sha-256");

    g_string_append_printf(out, "c=IN IP4 0.0.0.0\r\na=mid:%s\r\n", mid);
    if (refused)
        return;
    print.value[3] ^= o->wrong_print;
    g_string_append_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 ",
                           r->ufrag, r->pwd);
    for (size_t i = 0; i < print.len; i++)
        g_string_append_printf(out, i ? ":%02X" : "%02X", print.value[i]);
    g_string_append_printf(out,
                           "\r\na=setup:%s\r\na=rtcp-mux\r\na=%s\r\n"
                           "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
                           o->setup ? o->setup : "actpass", o->dir ? o->dir : "sendrecv");
}

static char *browser_sdp(rig *r, const sdp_opts *o)
{
    GString *out = g_string_new("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    bool both = o->video && !o->video_refused;

    g_string_append_printf(out, "a=group:BUNDLE 0%s\r\n", both ? " 1" : "");
    g_string_append(out, "m=audio 9 UDP/TLS/RTP/SAVPF 111 8 110\r\n");
    section(r, out, o, "0", false);
    g_string_append(out, "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
                         "a=rtpmap:8 PCMA/8000\r\na=rtpmap:110 telephone-event/48000\r\n");
    if (o->video) {
        g_string_append_printf(out, "m=video %d UDP/TLS/RTP/SAVPF 96\r\n", both ? 9 : 0);
        section(r, out, o, "1", !both);
        g_string_append(out, "a=rtpmap:96 VP8/90000\r\n");
    }
    return g_string_free(out, FALSE);
}

/* As browsers do, again until answered: the worker may know of the transport a moment later. */
static void check(rig *r)
{
    g_autofree char *username = g_strdup_printf("%s:%s", r->their_ufrag, r->ufrag);
    unsigned before = r->good_n;
    stun_msg m;

    for (unsigned i = 0; i < 200 && r->good_n == before; i++) {
        stun_check(&m, username, r->their_pwd);
        wire_send(r, m.data, m.len);
        run_for(r, 10);
    }
    g_assert_cmpuint(r->good_n, >, before);
}

static void handshake(rig *r)
{
    dtls_client_run(&r->dtls);
    RUN_UNTIL(r, dtls_client_done(&r->dtls));
}

static void key_srtp(rig *r)
{
    cw_srtp_keys keys = dtls_client_keys(&r->dtls);

    cw_srtp_free(r->srtp);
    g_assert_cmpint(cw_srtp_new(&keys, &r->srtp), ==, CW_OK);
}

static void send_rtp(rig *r, uint8_t pt, const char *mid, uint16_t seq, uint8_t ts,
                     const void *payload, size_t len)
{
    uint8_t pkt[1500] = { 0x90, pt, (uint8_t)(seq >> 8), (uint8_t)seq };
    size_t n = 24;

    memcpy(pkt + 4, (uint8_t[]){ 0, 0, ts, 0 }, 4);
    memcpy(pkt + 8, (uint8_t[]){ 7, 7, 7, pt }, 4);
    memcpy(pkt + 12, (uint8_t[]){ 0xbe, 0xde, 0, 2 }, 4);
    pkt[16] = 4 << 4 | 0; /* the MID, one byte */
    pkt[17] = (uint8_t)mid[0];
    memcpy(pkt + n, payload, len);
    n += len;
    g_assert_cmpint(cw_srtp_protect(r->srtp, pkt, &n), ==, CW_OK);
    wire_send(r, pkt, n);
}

/* ── The gateway ────────────────────────────────────────────────────────────────────────────────
 */

typedef struct rig_opts {
    unsigned connect_ms, consent_ms;
    const char *public_address;
} rig_opts;

static void rig_init(rig *r, const rig_opts *opts)
{
    cw_webrtc_conf conf = { .connect_timeout_ms =
                                opts && opts->connect_ms ? opts->connect_ms : 8000 };
    cw_plane_conf plane = { .workers = 1,
                            .browser_listen_n = 1,
                            .consent_timeout_ms =
                                opts && opts->consent_ms ? opts->consent_ms : 30000 };

    memset(r, 0, sizeof *r);
    g_assert_cmpint(cw_loop_new(&r->loop), ==, CW_OK);
    cw_assert_on_loop();
    if (opts && opts->public_address)
        g_assert_cmpint(cw_addr_parse(opts->public_address, 0, &conf.public4), ==, CW_OK);
    g_assert_cmpint(cw_addr_parse("127.0.0.1", 0, &plane.browser_listen[0]), ==, CW_OK);
    g_assert_cmpint(cw_webrtc_new(r->loop, &conf, &plane.hooks, &r->webrtc), ==, CW_OK);
    g_assert_cmpint(cw_plane_new(r->loop, &plane, &r->plane, r->why), ==, CW_OK);
    cw_webrtc_use(r->webrtc, r->plane);
    g_assert_cmpint(cw_peer_new(r->webrtc, 0, &ops, r, &r->peer), ==, CW_OK);
    browser_init(r);
}

static void rig_clear(rig *r)
{
    cw_assert_on_loop();
    cw_ep_free(r->echo);
    cw_peer_free(r->peer);
    RUN_UNTIL(r, cw_stat_get(CW_STAT_transports) == 0);
    RUN_UNTIL(r, cw_stat_get(CW_STAT_dtls_open) == 0);
    cw_webrtc_free(r->webrtc);
    cw_plane_free(r->plane);
    cw_srtp_free(r->srtp);
    dtls_client_clear(&r->dtls);
    cw_timer_free(r->timer);
    cw_watch_free(r->watch);
    close(r->fd);
    cw_loop_free(r->loop);
}

/* Offer, answer as an echo service would. */
static char *exchange(rig *r, const sdp_opts *o)
{
    g_autofree cw_media_desc *offer = g_new0(cw_media_desc, 1), *kept = g_new0(cw_media_desc, 1);
    g_autofree cw_media_desc *answer = g_new0(cw_media_desc, 1);
    g_autofree char *sdp = browser_sdp(r, o);
    char *ours = NULL;

    cw_assert_on_loop();
    g_assert_cmpint(cw_peer_offered(r->peer, sdp, strlen(sdp), offer, r->why), ==, CW_OK);
    cw_desc_filter(offer, &cw_codec_any, kept);
    for (unsigned i = 0; i < kept->stream_n; i++)
        kept->stream[i].dir = cw_dir_reverse(kept->stream[i].dir);
    g_assert_cmpint(cw_desc_answer(offer, &cw_codec_any, kept, answer), ==, CW_OK);
    g_assert_cmpint(cw_peer_answer(r->peer, answer, &ours), ==, CW_OK);
    read_sdp(r, ours);
    return ours;
}

static void connect_up(rig *r, const sdp_opts *o)
{
    g_free(exchange(r, o));
    check(r);
    handshake(r);
    RUN_UNTIL(r, r->connected_n);
    key_srtp(r);
}

static void join_echo(rig *r)
{
    cw_assert_on_loop();
    g_assert_cmpint(cw_ep_echo_new(r->plane, 0, &r->echo), ==, CW_OK);
    g_assert_nonnull(cw_peer_ep(r->peer, 0));
    cw_ep_join(cw_peer_ep(r->peer, 0), r->echo);
}

static const sdp_opts plain;

/* Send until it comes back: the worker takes its keys a moment after us. */
static void assert_echo(rig *r, uint16_t seq, const char *payload)
{
    unsigned before = r->got_n;
    size_t len = strlen(payload);

    for (unsigned i = 0; i < 500 && r->got_n == before; i++) {
        send_rtp(r, 111, "0", (uint16_t)(seq + i), (uint8_t)i, payload, len);
        run_for(r, 10);
    }
    g_assert_cmpuint(r->got_n, >, before);
    g_assert_cmpuint(r->got[1] & 0x7f, ==, 111);
    g_assert_cmpuint(r->got_len, >=, 12 + len);
    g_assert_cmpmem(r->got + r->got_len - len, len, payload, len);
    g_assert_cmpuint((uint32_t)r->got[8] << 24 | (uint32_t)r->got[9] << 16 |
                         (uint32_t)r->got[10] << 8 | r->got[11],
                     ==, r->their_ssrc);
}

/* ── The browser offers ─────────────────────────────────────────────────────────────────────────
 */

static void test_echo(void)
{
    rig r;
    json_t *json;

    rig_init(&r, NULL);
    connect_up(&r, &plain);
    g_assert_cmpuint(r.ice_n, ==, 1);
    g_assert_cmpint(r.suite, ==, CW_SRTP_AEAD_AES_128_GCM);
    join_echo(&r);
    assert_echo(&r, 100, "hello");
    RUN_UNTIL(&r, r.flowing_n);
    g_assert_cmpuint(r.flowing_stream, ==, 0);

    cw_assert_on_loop();
    json = cw_peer_json(r.peer);
    g_assert_nonnull(json);
    g_assert_cmpstr(json_string_value(json_object_get(json, "state")), ==, "connected");
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(json, "dtls"), "srtp")), ==,
                    "SRTP_AEAD_AES_128_GCM");
    g_assert_nonnull(json_object_get(json_object_get(json, "ice"), "remote"));
    g_assert_nonnull(json_object_get(json_object_get(json, "ice"), "local"));
    json_decref(json);
    g_assert_cmpuint(r.failed_n, ==, 0);
    rig_clear(&r);
}

/* RFC 4733: one event, its end said three times. */
static void test_dtmf(void)
{
    rig r;

    rig_init(&r, NULL);
    connect_up(&r, &plain);
    join_echo(&r);
    assert_echo(&r, 100, "hello");
    for (unsigned i = 0; i < 3; i++)
        send_rtp(&r, 110, "0", (uint16_t)(2000 + i), 9, "\x05\x8a\x12\xc0",
                 4); /* end, 4800 ticks */
    RUN_UNTIL(&r, r.dtmf_n);
    g_assert_cmpint(r.digit, ==, '5');
    run_for(&r, 20);
    g_assert_cmpuint(r.dtmf_n, ==, 1);
    rig_clear(&r);
}

static void test_two_streams(void)
{
    sdp_opts both = { .video = true };
    rig r;
    g_autofree char *again = NULL;

    rig_init(&r, NULL);
    connect_up(&r, &both);
    cw_assert_on_loop();
    g_assert_nonnull(cw_peer_ep(r.peer, 1));
    for (uint16_t seq = 1; seq < 500 && !r.flowing_n; seq++) {
        send_rtp(&r, 96, "1", seq, (uint8_t)seq, "\x10\x00", 2);
        run_for(&r, 10);
    }
    g_assert_cmpuint(r.flowing_stream, ==, 1);
    /* the picture is given up: its endpoint goes, its section stays */
    both.video_refused = true;
    again = exchange(&r, &both);
    cw_assert_on_loop();
    g_assert_null(cw_peer_ep(r.peer, 1));
    g_assert_nonnull(cw_peer_ep(r.peer, 0));
    g_assert_nonnull(strstr(again, "m=video 0 "));
    rig_clear(&r);
}

static void test_again(void)
{
    char ufrag[64];
    rig r;
    g_autofree char *first = NULL, *second = NULL;

    rig_init(&r, NULL);
    first = exchange(&r, &plain);
    check(&r);
    handshake(&r);
    RUN_UNTIL(&r, r.connected_n);
    key_srtp(&r);
    join_echo(&r);
    assert_echo(&r, 100, "before");
    g_strlcpy(ufrag, r.their_ufrag, sizeof ufrag);
    second = exchange(&r, &(sdp_opts){ .dir = "sendonly" });
    g_assert_cmpstr(ufrag, ==, r.their_ufrag);
    g_assert_nonnull(strstr(first, " 0 IN IP4 "));
    g_assert_nonnull(strstr(second, " 1 IN IP4 ")); /* o= version, RFC 3264 8 */
    g_assert_nonnull(strstr(second, "a=recvonly\r\n"));
    g_assert_cmpuint(r.connected_n, ==, 1);
    rig_clear(&r);
}

/* RFC 8445 9: new credentials, same DTLS, the media goes on. */
static void test_ice_restart(void)
{
    char ufrag[64], pwd[64];
    unsigned refused;
    stun_msg m;
    rig r;

    rig_init(&r, NULL);
    connect_up(&r, &plain);
    join_echo(&r);
    assert_echo(&r, 100, "before");
    g_strlcpy(ufrag, r.their_ufrag, sizeof ufrag);
    g_strlcpy(pwd, r.their_pwd, sizeof pwd);
    cw_random_text(r.ufrag, 8);
    cw_random_text(r.pwd, 24);
    g_free(exchange(&r, &plain));
    g_assert_cmpstr(ufrag, !=, r.their_ufrag);
    g_assert_cmpstr(pwd, !=, r.their_pwd);
    check(&r);
    assert_echo(&r, 1000, "after");
    g_assert_cmpuint(r.connected_n, ==, 1);
    g_assert_cmpuint(r.failed_n, ==, 0);
    /* new name with the old password */
    refused = r.refused_n;
    stun_check(&m, (g_strlcat(r.their_ufrag, ":x", sizeof r.their_ufrag), r.their_ufrag), pwd);
    wire_send(&r, m.data, m.len);
    RUN_UNTIL(&r, r.refused_n > refused);
    rig_clear(&r);
}

/* RFC 8842 4: another certificate is another association, on the same path. The keys before serve
 * until it is there. */
static void test_dtls_restart(void)
{
    rig r;

    rig_init(&r, NULL);
    connect_up(&r, &plain);
    join_echo(&r);
    assert_echo(&r, 100, "before");
    dtls_client_stop(&r.dtls);
    dtls_client_start(&r.dtls, &(dtls_client_conf){ .profiles = "SRTP_AES128_CM_SHA1_80" });
    g_free(exchange(&r, &plain));
    assert_echo(&r, 200, "meanwhile");
    handshake(&r);
    RUN_UNTIL(&r, r.connected_n == 2);
    key_srtp(&r);
    assert_echo(&r, 300, "after");
    g_assert_cmpuint(r.failed_n, ==, 0);
    rig_clear(&r);
}

/* ── Failures ───────────────────────────────────────────────────────────────────────────────────
 */

static void test_fingerprint(void)
{
    rig r;

    rig_init(&r, NULL);
    g_free(exchange(&r, &(sdp_opts){ .wrong_print = true }));
    join_echo(&r);
    check(&r);
    handshake(&r);
    RUN_UNTIL(&r, r.failed_n);
    g_assert_cmpint(r.failed, ==, CW_E_FINGERPRINT);
    key_srtp(&r);
    for (uint16_t seq = 0; seq < 10; seq++)
        send_rtp(&r, 111, "0", seq, (uint8_t)seq, "secret", 6);
    run_for(&r, 50);
    g_assert_cmpuint(r.got_n, ==, 0);
    g_assert_cmpuint(r.flowing_n, ==, 0);
    g_assert_cmpuint(r.connected_n, ==, 0);
    g_assert_cmpuint(r.failed_n, ==, 1);
    rig_clear(&r);
}

static void test_no_check(void)
{
    rig r;

    rig_init(&r, &(rig_opts){ .connect_ms = 100 });
    r.free_on_failed = true;
    g_free(exchange(&r, &plain));
    dtls_client_run(&r.dtls); /* a hello from an address that passed no check gets nothing */
    RUN_UNTIL(&r, r.failed_n);
    g_assert_cmpint(r.failed, ==, CW_E_ICE);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
    rig_clear(&r);
}

static void test_no_handshake(void)
{
    rig r;

    rig_init(&r, &(rig_opts){ .connect_ms = 200 });
    g_free(exchange(&r, &plain));
    check(&r);
    dtls_client_run(&r.dtls); /* begins, and is never heard of again */
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_open) == 1);
    dtls_client_stop(&r.dtls);
    RUN_UNTIL(&r, r.failed_n);
    g_assert_cmpint(r.failed, ==, CW_E_TIMEOUT);
    g_assert_cmpuint(r.ice_n, ==, 1);
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_open) == 0); /* DTLS' own time-out */
    run_for(&r, 20);
    g_assert_cmpuint(r.failed_n, ==, 1);
    rig_clear(&r);
}

static void test_consent_lost(void)
{
    rig r;

    rig_init(&r, &(rig_opts){ .consent_ms = 300 });
    connect_up(&r, &plain);
    RUN_UNTIL(&r, r.failed_n);
    g_assert_cmpint(r.failed, ==, CW_E_MEDIA_LOST);
    rig_clear(&r);
}

static void test_browser_closes(void)
{
    rig r;

    rig_init(&r, NULL);
    connect_up(&r, &plain);
    r.free_on_failed = true;
    SSL_shutdown(r.dtls.ssl);
    RUN_UNTIL(&r, r.failed_n);
    g_assert_cmpint(r.failed, ==, CW_E_MEDIA_LOST);
    rig_clear(&r);
}

static void test_free_when_connected(void)
{
    rig r;

    rig_init(&r, NULL);
    r.free_on_connected = true;
    g_free(exchange(&r, &plain));
    check(&r);
    handshake(&r);
    RUN_UNTIL(&r, r.connected_n);
    g_assert_null(r.peer);
    RUN_UNTIL(&r, r.dtls.closed); /* it is told */
    rig_clear(&r);
}

/* ── We offer ───────────────────────────────────────────────────────────────────────────────────
 */

static char *offer(rig *r)
{
    cw_media_desc desc = {
        .stream_n = 1,
        .stream = { { .kind = CW_AUDIO,
                      .dir = CW_SENDRECV,
                      .format_n = 2,
                      .format = { { .name = "opus", .clock_hz = 48000, .channels = 2, .pt = 111 },
                                  { .name = "telephone-event",
                                    .clock_hz = 48000,
                                    .channels = 1,
                                    .pt = 110 } } } }
    };
    char *sdp = NULL;

    cw_assert_on_loop();
    g_assert_cmpint(cw_peer_offer(r->peer, &desc, &sdp), ==, CW_OK);
    read_sdp(r, sdp);
    return sdp;
}

/* Chromium starts ICE and DTLS as soon as it has an answer of its own, which may reach us later. */
static void test_we_offer(void)
{
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    g_autofree char *ours = NULL, *theirs = NULL;
    rig r;

    rig_init(&r, NULL);
    ours = offer(&r);
    g_assert_nonnull(strstr(ours, "a=setup:actpass\r\n"));
    g_assert_nonnull(strstr(ours, "a=mid:0\r\n"));
    g_assert_nonnull(strstr(ours, "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"));
    check(&r);
    handshake(&r);
    run_for(&r, 50);
    g_assert_cmpuint(r.connected_n, ==, 0);
    theirs = browser_sdp(&r, &(sdp_opts){ .setup = "active" });
    cw_assert_on_loop();
    g_assert_cmpint(cw_peer_answered(r.peer, theirs, strlen(theirs), desc, r.why), ==, CW_OK);
    g_assert_cmpuint(desc->stream_n, ==, 1);
    RUN_UNTIL(&r, r.connected_n);
    key_srtp(&r);
    join_echo(&r);
    assert_echo(&r, 100, "hello");
    rig_clear(&r);
}

/* ── What is refused ────────────────────────────────────────────────────────────────────────────
 */

static void test_states(void)
{
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    g_autofree char *good = NULL, *out = NULL;
    rig r;

    rig_init(&r, NULL);
    good = browser_sdp(&r, &(sdp_opts){ .setup = "active" });
    cw_assert_on_loop();
    g_assert_cmpint(cw_peer_answer(r.peer, desc, &out), ==, CW_E_STATE);
    g_assert_cmpint(cw_peer_answered(r.peer, good, strlen(good), desc, r.why), ==, CW_E_STATE);
    g_assert_cmpint(cw_peer_offered(r.peer, "v=0", 3, desc, r.why), ==, CW_E_BAD_SDP);
    g_assert_cmpstr(r.why, !=, "");
    g_assert_cmpint(cw_peer_offered(r.peer, good, strlen(good), desc, r.why), ==, CW_OK);
    g_assert_cmpint(cw_peer_offer(r.peer, desc, &out), ==, CW_E_STATE); /* theirs is out */
    g_assert_null(cw_peer_ep(r.peer, 0));
    g_assert_null(cw_peer_ep(r.peer, 99));
    rig_clear(&r); /* an offer never answered */
}

static void test_bad_answers(void)
{
    static const struct {
        const char *name;
        sdp_opts opts;
    } rows[] = {
        { "actpass", { .setup = "actpass" } },
        { "passive", { .setup = "passive" } },
        { "one more section", { .setup = "active", .video = true } },
    };
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    g_autofree char *ours = NULL, *good = NULL;
    rig r;

    rig_init(&r, NULL);
    ours = offer(&r);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *bad = browser_sdp(&r, &rows[i].opts);

        cw_assert_on_loop();
        g_assert_cmpint(cw_peer_answered(r.peer, bad, strlen(bad), desc, r.why), ==, CW_E_BAD_SDP);
        g_assert_cmpstr(r.why, !=, "");
    }
    good = browser_sdp(&r, &(sdp_opts){ .setup = "active" });
    cw_assert_on_loop();
    g_assert_cmpint(cw_peer_offered(r.peer, good, strlen(good), desc, r.why), ==, CW_E_STATE);
    g_assert_cmpint(cw_peer_answered(r.peer, good, strlen(good), desc, r.why), ==, CW_OK);
    rig_clear(&r);
}

static void test_bad_offers(void)
{
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    g_autofree char *passive = NULL, *fewer = NULL;
    rig r;

    rig_init(&r, NULL);
    passive = browser_sdp(&r, &(sdp_opts){ .setup = "passive" });
    cw_assert_on_loop();
    g_assert_cmpint(cw_peer_offered(r.peer, passive, strlen(passive), desc, r.why), ==,
                    CW_E_UNSUPPORTED);
    g_free(exchange(&r, &(sdp_opts){ .video = true }));
    fewer = browser_sdp(&r, &plain);
    g_assert_cmpint(cw_peer_offered(r.peer, fewer, strlen(fewer), desc, r.why), ==, CW_E_BAD_SDP);
    rig_clear(&r);
}

static void test_candidates(void)
{
    static const struct {
        const char *text;
        cw_err want;
    } rows[] = {
        { NULL, CW_OK },
        { "", CW_OK },
        { "candidate:842163049 1 udp 1677729535 192.0.2.1 54400 typ srflx raddr 0.0.0.0 rport 0 "
          "generation 0 ufrag EsAw network-cost 999",
          CW_OK },
        { "candidate:1 1 UDP 2122252543 0b7e2f6e-1.local 54400 typ host", CW_OK },
        { "candidate:2 1 TCP 2105524479 192.0.2.1 9 typ host tcptype active", CW_OK },
        { "a=candidate:0 2 UDP 2122252543 2001:db8::1 1 typ host", CW_OK },
        { "candidate:", CW_E_PARAMS },
        { "candidate:1 1 udp", CW_E_PARAMS },
        { "candidate:1 0 udp 1 192.0.2.1 1 typ host", CW_E_PARAMS },
        { "candidate:1 1 udp 99999999999 192.0.2.1 1 typ host", CW_E_PARAMS },
        { "candidate:1 1 udp 1 192.0.2.1 65536 typ host", CW_E_PARAMS },
        { "candidate:1 1 udp 1 192.0.2.1 1 tpy host", CW_E_PARAMS },
        { "rubbish", CW_E_PARAMS },
    };
    g_autofree char *endless = g_strnfill(4000, ' ');
    rig r;

    rig_init(&r, NULL);
    cw_assert_on_loop();
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(cw_peer_candidate(r.peer, rows[i].text, r.why), ==, rows[i].want);
    memcpy(endless, "candidate:", 10);
    g_assert_cmpint(cw_peer_candidate(r.peer, endless, r.why), ==, CW_E_PARAMS);
    rig_clear(&r);
}

static void test_public_address(void)
{
    g_autofree char *want = NULL, *sdp = NULL;
    cw_addr own;
    rig r;

    rig_init(&r, &(rig_opts){ .public_address = "203.0.113.9" });
    sdp = exchange(&r, &plain);
    g_assert_cmpuint(cw_plane_candidates(r.plane, 0, &own, 1), ==, 1);
    want = g_strdup_printf(" 203.0.113.9 %u typ host\r\n", cw_addr_port(&own));
    g_assert_nonnull(strstr(sdp, want));
    g_assert_null(strstr(sdp, "127.0.0.1"));
    rig_clear(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (cw_srtp_init())
        return 99;
    g_test_add_func("/peer/echo", test_echo);
    g_test_add_func("/peer/dtmf", test_dtmf);
    g_test_add_func("/peer/two-streams", test_two_streams);
    g_test_add_func("/peer/again", test_again);
    g_test_add_func("/peer/ice-restart", test_ice_restart);
    g_test_add_func("/peer/dtls-restart", test_dtls_restart);
    g_test_add_func("/peer/failed/fingerprint", test_fingerprint);
    g_test_add_func("/peer/failed/no-check", test_no_check);
    g_test_add_func("/peer/failed/no-handshake", test_no_handshake);
    g_test_add_func("/peer/failed/consent", test_consent_lost);
    g_test_add_func("/peer/failed/browser-closes", test_browser_closes);
    g_test_add_func("/peer/free-when-connected", test_free_when_connected);
    g_test_add_func("/peer/we-offer", test_we_offer);
    g_test_add_func("/peer/refused/states", test_states);
    g_test_add_func("/peer/refused/answers", test_bad_answers);
    g_test_add_func("/peer/refused/offers", test_bad_offers);
    g_test_add_func("/peer/candidates", test_candidates);
    g_test_add_func("/peer/public-address", test_public_address);
    return g_test_run();
}
