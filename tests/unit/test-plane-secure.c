/* test-plane-secure.c - SRTP on RTP ports: nothing plain in or out, keys that change, DTLS' way,
 * and what strangers may not do. */
#include "plane-rig.h"

#include "media/rtp/rtcp.h"

#include "base/ident.h"

#define DATA 2048

/* ── A far side with SRTP ── */

typedef struct guard {
    side s;
    cw_srtp_keys keys; /* ours */
    cw_srtp *far;
    rtp_stream st;
} guard;

static cw_srtp_keys keys_new(cw_srtp_suite suite)
{
    cw_srtp_keys keys = { .suite = suite };

    cw_random(keys.tx, sizeof keys.tx);
    cw_random(keys.rx, sizeof keys.rx);
    return keys;
}

static cw_srtp *far_of(const cw_srtp_keys *keys)
{
    cw_srtp_keys other = { .suite = keys->suite };
    cw_srtp *srtp = NULL;

    memcpy(other.tx, keys->rx, sizeof other.tx);
    memcpy(other.rx, keys->tx, sizeof other.rx);
    g_assert_cmpint(cw_srtp_new(&other, &srtp), ==, CW_OK);
    return srtp;
}

static cw_stream pcma(void)
{
    return audio("PCMA", 8000, 8, 0, 0);
}

static void guard_open(rig *r, guard *g, cw_srtp_suite suite) CW_ON_LOOP
{
    cw_stream f = pcma();

    side_open(r, &g->s, AF_INET, &f, false);
    g->keys = keys_new(suite);
    g->far = far_of(&g->keys);
    g->st = (rtp_stream){ .ssrc = 0x2222, .ts = 1, .seq = 65000, .pt = 8 };
    cw_ep_rtp_secure(g->s.ep, &g->keys);
}

static void guard_close(guard *g) CW_ON_LOOP
{
    cw_srtp_free(g->far);
    side_close(&g->s);
}

static size_t next_sealed(guard *g, cw_srtp *far, uint8_t *data)
{
    uint8_t payload[160] = { (uint8_t)(g->st.seq >> 8), (uint8_t)g->st.seq };
    size_t len = rtp_make(data, &g->st, false, payload, sizeof payload);

    g->st.seq++;
    g->st.ts += 160;
    g_assert_cmpint(cw_srtp_protect(far, data, &len), ==, CW_OK);
    return len;
}

static void send_sealed(guard *g, cw_srtp *far)
{
    uint8_t data[DATA];
    size_t len = next_sealed(g, far, data);

    send_to(g->s.fd, data, len, cw_ep_rtp_local(g->s.ep));
}

static void comes_plain(int fd, const guard *g)
{
    uint8_t data[DATA];
    cw_rtp rtp;

    g_assert_true(receive(fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.payload_len, ==, 160);
    g_assert_cmpuint(cw_get16(data + rtp.payload_at), ==, (uint16_t)(g->st.seq - 1));
}

static ssize_t comes(int fd, uint8_t data[static DATA])
{
    return readable(fd, WAIT_MS) ? recv(fd, data, DATA, 0) : -1;
}

static void comes_sealed(guard *g, cw_srtp *far)
{
    uint8_t data[DATA];
    ssize_t n = comes(g->s.fd, data);
    size_t len = (size_t)n;

    g_assert_cmpint(n, >, 12 + 8);
    g_assert_cmpint(cw_srtp_unprotect(far, data, &len), ==, CW_OK);
}

static uint64_t dropped(const side *s) CW_ON_LOOP
{
    cw_ep_stats stats;

    cw_ep_get_stats(s->ep, &stats);
    return stats.rx_dropped;
}

/* ── Keys ── */

static void test_relay(gconstpointer data)
{
    cw_srtp_suite suite = GPOINTER_TO_UINT(data);
    rtp_stream plain = { .ssrc = 0x1111, .ts = 1000, .seq = 1, .pt = 8 };
    cw_stream f = pcma();
    cw_ep_stats stats;
    guard g;
    side a;
    rig r;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    guard_open(&r, &g, suite);
    cw_ep_join(a.ep, g.s.ep);
    settle(&r);
    for (unsigned i = 0; i < 20; i++) {
        send_next(a.fd, &plain, cw_ep_rtp_local(a.ep));
        comes_sealed(&g, g.far);
    }
    for (unsigned i = 0; i < 700; i++) { /* over the wrap of the sequence number */
        send_sealed(&g, g.far);
        comes_plain(a.fd, &g);
    }
    cw_ep_get_stats(g.s.ep, &stats);
    g_assert_cmpint(stats.suite, ==, suite);
    g_assert_cmpuint(stats.rx_dropped, ==, 0);
    cw_ep_get_stats(a.ep, &stats);
    g_assert_cmpint(stats.suite, ==, CW_SRTP_NONE);
    side_close(&a);
    guard_close(&g);
    rig_close(&r);
}

/* The same keys again change nothing: counters stay, which matters after the first wrap. Other
 * keys: what is under way with the old ones still passes. None: plain again. */
static void test_rekey(void)
{
    cw_stream f = pcma();
    cw_srtp_keys second = keys_new(CW_SRTP_AEAD_AES_256_GCM);
    cw_srtp *far = far_of(&second);
    guard g;
    side a;
    rig r;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    guard_open(&r, &g, CW_SRTP_AES128_CM_SHA1_80);
    cw_ep_join(a.ep, g.s.ep);
    settle(&r);
    for (unsigned i = 0; i < 600; i++) {
        send_sealed(&g, g.far);
        comes_plain(a.fd, &g);
    }
    cw_ep_rtp_secure(g.s.ep, &g.keys);
    settle(&r);
    send_sealed(&g, g.far);
    comes_plain(a.fd, &g);

    cw_ep_rtp_secure(g.s.ep, &second);
    settle(&r);
    send_sealed(&g, g.far);
    comes_plain(a.fd, &g);
    send_sealed(&g, far);
    comes_plain(a.fd, &g);
    send_sealed(&g, g.far);
    comes_plain(a.fd, &g);

    cw_ep_rtp_secure(g.s.ep, NULL);
    settle(&r);
    send_next(g.s.fd, &g.st, cw_ep_rtp_local(g.s.ep));
    g_assert_true(readable(a.fd, WAIT_MS));
    cw_srtp_free(far);
    side_close(&a);
    guard_close(&g);
    rig_close(&r);
}

/* ── Strangers ── */

static void test_nothing_plain(void)
{
    int64_t refused = cw_stat_get(CW_STAT_srtp_refused);
    rtp_stream plain = { .ssrc = 9, .ts = 1, .seq = 1, .pt = 8 };
    uint8_t bye[] = { 0x81, 203, 0, 1, 0, 0, 0x22, 0x22 }, sealed[DATA];
    cw_addr rtcp;
    cw_stream f = pcma();
    size_t len;
    guard g;
    side a;
    rig r;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    guard_open(&r, &g, CW_SRTP_AEAD_AES_128_GCM);
    cw_ep_join(a.ep, g.s.ep);
    settle(&r);
    for (unsigned i = 0; i < 10; i++)
        send_next(g.s.fd, &plain, cw_ep_rtp_local(g.s.ep));
    rtcp = *cw_ep_rtp_local(g.s.ep);
    cw_addr_set_port(&rtcp, (uint16_t)(cw_addr_port(&rtcp) + 1));
    for (unsigned i = 0; i < 10; i++)
        send_to(g.s.rtcp_fd, bye, sizeof bye, &rtcp);

    len = next_sealed(&g, g.far, sealed);
    for (unsigned i = 0; i < 21; i++) /* one, and twenty replays */
        send_to(g.s.fd, sealed, len, cw_ep_rtp_local(g.s.ep));
    comes_plain(a.fd, &g);
    for (uint64_t end = cw_now_ms() + WAIT_MS; dropped(&g.s) < 40 && cw_now_ms() < end;)
        cw_loop_step(r.loop, 10);
    expect_nothing(a.fd);
    g_assert_cmpuint(dropped(&g.s), ==, 40);
    settle(&r);
    g_assert_cmpint(cw_stat_get(CW_STAT_srtp_refused) - refused, ==, 40);
    side_close(&a);
    guard_close(&g);
    rig_close(&r);
}

/* Each packet cut short, and each bit of its header and tag turned. */
static void test_rubbish(void)
{
    cw_stream f = pcma();
    uint8_t sealed[DATA];
    size_t len;
    guard g;
    side a;
    rig r;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    guard_open(&r, &g, CW_SRTP_AES128_CM_SHA1_32);
    cw_ep_join(a.ep, g.s.ep);
    settle(&r);
    len = next_sealed(&g, g.far, sealed);
    for (size_t i = 0; i < len; i++)
        send_to(g.s.fd, sealed, i, cw_ep_rtp_local(g.s.ep));
    for (size_t bit = 0; bit < len * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        send_to(g.s.fd, sealed, len, cw_ep_rtp_local(g.s.ep));
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (bit % 64 == 0)
            settle(&r); /* the socket holds only so many */
    }
    settle(&r);
    send_to(g.s.fd, sealed, len, cw_ep_rtp_local(g.s.ep));
    comes_plain(a.fd, &g); /* the true one, and nothing before it */
    expect_nothing(a.fd);
    side_close(&a);
    guard_close(&g);
    rig_close(&r);
}

/* Thousands of forgeries in between: every true packet passes. */
static void test_flood(void)
{
    cw_stream f = pcma();
    uint8_t bad[DATA];
    size_t len;
    guard g;
    side a;
    rig r;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    guard_open(&r, &g, CW_SRTP_AES128_CM_SHA1_80);
    cw_ep_join(a.ep, g.s.ep);
    settle(&r);
    for (unsigned i = 0; i < 50; i++) {
        for (unsigned k = 0; k < 100; k++) {
            g.st.seq += 100;
            len = next_sealed(&g, g.far, bad);
            g.st.seq -= 101;
            bad[len - 1] ^= 1;
            send_to(g.s.fd, bad, len, cw_ep_rtp_local(g.s.ep));
        }
        send_sealed(&g, g.far);
        comes_plain(a.fd, &g);
    }
    side_close(&a);
    guard_close(&g);
    rig_close(&r);
}

/* Whose packets count is learned from authentic ones only. */
static void test_latch(void)
{
    rtp_stream plain = { .ssrc = 9, .ts = 1, .seq = 1, .pt = 8 };
    cw_stream f = pcma();
    cw_addr stranger, none = { 0 };
    guard g;
    side a;
    rig r;
    int fd;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    guard_open(&r, &g, CW_SRTP_AES128_CM_SHA1_80);
    cw_ep_rtp_remote(g.s.ep, &g.s.addr, &none, false, CW_LATCH_OFF);
    cw_ep_join(a.ep, g.s.ep);
    settle(&r);
    fd = open_socket("127.0.0.1:0", &stranger);
    for (unsigned i = 0; i < 20; i++)
        send_next(fd, &plain, cw_ep_rtp_local(g.s.ep));
    settle(&r);
    cw_loop_step(r.loop, 20);
    g_assert_cmpuint(g.s.first, ==, 0);
    send_sealed(&g, g.far);
    comes_plain(a.fd, &g);
    await(&r, &g.s.first, 1);
    g_assert_true(cw_addr_eq(&g.s.from, &g.s.addr));
    close(fd);
    side_close(&a);
    guard_close(&g);
    rig_close(&r);
}

/* ── RTCP ── */

/* A keyframe request leaves as SRTCP. */
static void test_rtcp(void)
{
    cw_stream f = { .kind = CW_VIDEO, .dir = CW_SENDRECV };
    uint8_t data[DATA];
    ssize_t n;
    size_t len;
    guard g;
    rig r;

    format_add(&f, "VP8", 90000, 97);
    rig_open(&r);
    side_open(&r, &g.s, AF_INET, &f, false);
    g.keys = keys_new(CW_SRTP_AES128_CM_SHA1_32);
    g.far = far_of(&g.keys);
    g.st = (rtp_stream){ .ssrc = 0x2222, .ts = 1, .seq = 10, .pt = 97 };
    cw_ep_rtp_secure(g.s.ep, &g.keys);
    cw_ep_feedback(g.s.ep, &(cw_ep_feedback_conf){ .video = true, .feedback = CW_FB_PLI });
    send_sealed(&g, g.far);
    await(&r, &g.s.first, 1);
    cw_ep_keyframe(g.s.ep);
    n = comes(g.s.rtcp_fd, data);
    g_assert_cmpint(n, >, 8 + 14);
    len = (size_t)n;
    g_assert_cmpint(cw_srtp_unprotect_rtcp(g.far, data, &len), ==, CW_OK);
    g_assert_cmpint(cw_rtcp_check(data, len), ==, CW_OK);
    guard_close(&g);
    rig_close(&r);
}

/* ── DTLS ── */

static _Atomic unsigned dtls_seen, dtls_opened, dtls_released;
static cw_addr dtls_to;
static char dtls_object;

static void hook_dtls(void *dtls, const uint8_t *data, size_t len, const cw_addr *from, int fd)
{
    g_assert_true(dtls == &dtls_object);
    dtls_seen++;
}

static void hook_open(void *dtls, const cw_addr *to, int fd)
{
    g_assert_true(dtls == &dtls_object);
    g_assert_cmpint(fd, >=, 0);
    dtls_to = *to;
    dtls_opened++;
}

static void hook_release(void *dtls)
{
    g_assert_true(dtls == &dtls_object);
    dtls_released++;
}

static void until_seen(rig *r, const _Atomic unsigned *what, unsigned n) CW_ON_LOOP
{
    uint64_t end = cw_now_ms() + WAIT_MS;

    while (*what < n && cw_now_ms() < end)
        cw_loop_step(r->loop, 5);
    g_assert_cmpuint(*what, ==, n);
}

static void test_dtls(void)
{
    cw_plane_conf conf = {
        .workers = 1,
        .rtp_listen4 = addr_of("127.0.0.1:0"),
        .rtp_port_min = PORT_MIN,
        .rtp_port_max = PORT_MAX,
        .hooks = { .dtls = hook_dtls, .dtls_open = hook_open, .dtls_release = hook_release }
    };
    static const uint8_t hello[] = { 22, 254, 253, 0 };
    rtp_stream plain = { .ssrc = 9, .ts = 1, .seq = 1, .pt = 8 };
    cw_stream f = pcma();
    cw_addr stranger;
    guard g;
    side a;
    rig r;
    int fd;

    rig_open_as(&r, &conf);
    side_open(&r, &a, AF_INET, &f, false);
    side_open(&r, &g.s, AF_INET, &f, false);
    cw_ep_join(a.ep, g.s.ep);
    cw_ep_rtp_dtls(g.s.ep, &dtls_object);
    until_seen(&r, &dtls_opened, 1);
    g_assert_true(cw_addr_eq(&dtls_to, &g.s.addr));

    /* no keys yet: nothing passes, either way; only the far side may speak DTLS */
    fd = open_socket("127.0.0.1:0", &stranger);
    send_to(fd, hello, sizeof hello, cw_ep_rtp_local(g.s.ep));
    send_next(g.s.fd, &plain, cw_ep_rtp_local(g.s.ep));
    send_next(a.fd, &plain, cw_ep_rtp_local(a.ep));
    send_to(g.s.fd, hello, sizeof hello, cw_ep_rtp_local(g.s.ep));
    until_seen(&r, &dtls_seen, 1);
    settle(&r);
    expect_nothing(a.fd);
    expect_nothing(g.s.fd);

    g.keys = keys_new(CW_SRTP_AEAD_AES_128_GCM);
    g.far = far_of(&g.keys);
    g.st = (rtp_stream){ .ssrc = 0x2222, .ts = 1, .seq = 10, .pt = 8 };
    cw_ep_rtp_secure(g.s.ep, &g.keys);
    settle(&r);
    send_sealed(&g, g.far);
    comes_plain(a.fd, &g);
    send_next(a.fd, &plain, cw_ep_rtp_local(a.ep));
    comes_sealed(&g, g.far);
    send_to(g.s.fd, hello, sizeof hello, cw_ep_rtp_local(g.s.ep));
    until_seen(&r, &dtls_seen, 2);

    /* Another association: the keys stay until its own come. */
    cw_ep_rtp_dtls(g.s.ep, &dtls_object);
    until_seen(&r, &dtls_released, 1);
    send_sealed(&g, g.far);
    comes_plain(a.fd, &g);
    close(fd);
    side_close(&a);
    guard_close(&g);
    until_seen(&r, &dtls_released, 2);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (cw_srtp_init())
        return 99;
    for (unsigned suite = CW_SRTP_NONE + 1; suite < CW_SRTP_SUITES; suite++) {
        g_autofree char *name =
            g_strdup_printf("/plane-secure/relay/%s", cw_srtp_suite_name(suite));

        g_test_add_data_func(name, GUINT_TO_POINTER(suite), test_relay);
    }
    g_test_add_func("/plane-secure/rekey", test_rekey);
    g_test_add_func("/plane-secure/nothing-plain", test_nothing_plain);
    g_test_add_func("/plane-secure/rubbish", test_rubbish);
    g_test_add_func("/plane-secure/flood", test_flood);
    g_test_add_func("/plane-secure/latch", test_latch);
    g_test_add_func("/plane-secure/rtcp", test_rtcp);
    g_test_add_func("/plane-secure/dtls", test_dtls);
    return g_test_run();
}
