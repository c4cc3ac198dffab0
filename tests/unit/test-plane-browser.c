/* test-plane-browser.c - a browser's side of the plane: checks, keys, SRTP, mobility, bundling.
 *
 * STUN and DTLS are webrtc's; hooks of the test stand in for them. A "check" is a 20-byte header
 * whose byte 4 says whether its integrity holds, a USERNAME attribute, and perhaps USE-CANDIDATE.
 */
#include "plane-rig.h"

/* ── Hooks ── */
static _Atomic unsigned dtls_seen, dtls_released;

static cw_err hook_ufrag(const uint8_t *data, size_t len, char *ret, size_t cap)
{
    size_t n = len >= 24 ? cw_get16(data + 22) : 0;

    if (n == 0 || 24 + n > len || n >= cap)
        return CW_E_SYNTAX;
    memcpy(ret, data + 24, n);
    ret[n] = 0;
    return CW_OK;
}

static size_t hook_stun(const char *ufrag, const char *pwd, const uint8_t *data, size_t len,
                        const cw_addr *from, uint8_t *reply, size_t cap, bool *valid)
{
    cw_assert_on_media();
    g_assert_cmpuint(cap, >=, 20);
    *valid = data[4] == 1 && g_str_has_prefix(pwd, "pwd-of-") && g_str_equal(pwd + 7, ufrag);
    memset(reply, 0, 20);
    reply[0] = 1;
    reply[1] = *valid ? 1 : 0x11;
    return 20;
}

static void hook_dtls(void *dtls, const uint8_t *data, size_t len, const cw_addr *from, int fd)
{
    g_assert_true(dtls == &dtls_seen);
    dtls_seen++;
    g_assert_cmpint(sendto(fd, "D", 1, 0, &from->sa, cw_addr_len(from)), ==, 1);
}

static void hook_release(void *dtls)
{
    g_assert_true(dtls == &dtls_seen);
    dtls_released++;
}

/* ── A browser ── */
typedef struct browser {
    int fd;
    cw_addr addr, gateway;
    cw_transport *transport;
    cw_srtp *srtp;
    unsigned bound, lost, flowing;
    cw_addr remote;
} browser;

static void on_transport(void *arg, cw_transport_event event, const cw_addr *remote)
{
    browser *b = arg;

    cw_assert_on_loop();
    b->remote = *remote;
    b->bound += event == CW_TRANSPORT_BOUND;
    b->lost += event == CW_TRANSPORT_LOST;
    b->flowing += event == CW_TRANSPORT_FLOWING;
}

static void browser_rig(rig *r, unsigned consent_timeout_ms) CW_TSA(assert_capability(cw_role_loop))
{
    cw_plane_conf conf = {
        .workers = 2,
        .browser_listen_n = 2,
        .browser_listen = { addr_of("127.0.0.1:0"), addr_of("[::1]:0") },
        .rtp_listen4 = addr_of("127.0.0.1:0"),
        .rtp_port_min = PORT_MIN,
        .rtp_port_max = PORT_MAX,
        .gather_us = 250,
        .consent_timeout_ms = consent_timeout_ms,
        .hooks = { hook_stun, hook_ufrag, hook_dtls, hook_release },
    };

    dtls_seen = dtls_released = 0;
    rig_open_as(r, &conf);
}

static void browser_open(rig *r, browser *b, const char *ufrag) CW_ON_LOOP
{
    g_autofree char *pwd = g_strdup_printf("pwd-of-%s", ufrag);

    memset(b, 0, sizeof *b);
    b->fd = open_socket("127.0.0.1:0", &b->addr);
    g_assert_cmpuint(cw_plane_candidates(r->plane, 0, &b->gateway, 1), ==, 1);
    g_assert_cmpint(
        cw_transport_new(r->plane, 0, ufrag, pwd, &dtls_seen, on_transport, b, &b->transport), ==,
        CW_OK);
    settle(r);
}

static void browser_close(browser *b) CW_ON_LOOP
{
    cw_transport_free(b->transport);
    cw_srtp_free(b->srtp);
    close(b->fd);
}

static void key_with(browser *b, cw_srtp_suite suite, int tx, int rx) CW_ON_LOOP
{
    cw_srtp_keys ours = { .suite = suite }, theirs;

    memset(ours.tx, tx, sizeof ours.tx);
    memset(ours.rx, rx, sizeof ours.rx);
    theirs = ours;
    memcpy(theirs.tx, ours.rx, sizeof ours.rx);
    memcpy(theirs.rx, ours.tx, sizeof ours.tx);
    cw_transport_secure(b->transport, &ours);
    cw_srtp_free(b->srtp);
    g_assert_cmpint(cw_srtp_new(&theirs, &b->srtp), ==, CW_OK);
}

static void key(browser *b) CW_ON_LOOP
{
    key_with(b, CW_SRTP_AEAD_AES_128_GCM, 1, 2);
}

/* Returns the answer's class byte, 0: none came, as is to be when `known` is false. */
static unsigned check_as(int fd, const cw_addr *to, const char *ufrag, bool good, bool nominate,
                         bool known)
{
    size_t n = strlen(ufrag), len = 24 + ((n + 3) & ~(size_t)3);
    uint8_t data[64] = { 0, 1 }, reply[64];

    data[4] = good;
    data[21] = 6;
    cw_put16(data + 22, (uint16_t)n);
    memcpy(data + 24, ufrag, n);
    if (nominate) {
        data[len + 1] = 0x25;
        len += 4;
    }
    send_to(fd, data, len, to);
    if (!readable(fd, known ? WAIT_MS : 50))
        return 0;
    g_assert_cmpint(recv(fd, reply, sizeof reply, 0), ==, 20);
    return reply[1];
}

static unsigned check(int fd, const cw_addr *to, const char *ufrag, bool good, bool nominate)
{
    return check_as(fd, to, ufrag, good, nominate, true);
}

static void bind_browser(rig *r, browser *b, const char *ufrag) CW_ON_LOOP
{
    g_assert_cmpuint(check(b->fd, &b->gateway, ufrag, true, true), ==, 1);
    await(r, &b->bound, 1);
    g_assert_true(cw_addr_eq(&b->remote, &b->addr));
}

static void send_srtp(browser *b, int fd, rtp_stream *st, const uint8_t *ext, size_t ext_len)
{
    uint8_t data[256 + CW_SRTP_TRAILER];
    size_t len = rtp_make(data, st, false, "payload!", 8);

    if (ext_len) {
        data[0] |= 0x10;
        memcpy(data + 12, ext, ext_len);
        memcpy(data + 12 + ext_len, "payload!", 8);
        len += ext_len;
    }
    st->seq++;
    st->ts += 960;
    g_assert_cmpint(cw_srtp_protect(b->srtp, data, &len), ==, CW_OK);
    send_to(fd, data, len, &b->gateway);
}

static bool receive_srtp(browser *b, cw_rtp *rtp, uint8_t *data, size_t cap)
{
    ssize_t n;
    size_t len;

    if (!readable(b->fd, WAIT_MS))
        return false;
    n = recv(b->fd, data, cap, 0);
    len = (size_t)n;
    return n > 0 && cw_srtp_unprotect(b->srtp, data, &len) == CW_OK &&
           cw_rtp_parse(data, len, rtp) == CW_OK;
}

typedef struct call {
    rig r;
    browser b;
    side s, seen; /* `seen` takes the browser endpoint's events */
    cw_ep *ep;
    cw_stream fb, fs;
} call;

/* A browser and an RTP peer, joined; bound and keyed if so wished. */
static void call_open(call *c, bool bound, bool keyed) CW_TSA(assert_capability(cw_role_loop))
{
    memset(c, 0, sizeof *c);
    browser_rig(&c->r, 30000);
    browser_open(&c->r, &c->b, "ufrag");
    c->fb = audio("opus", 48000, 111, 110, 48000);
    c->fs = audio("opus", 48000, 96, 101, 48000);
    side_open(&c->r, &c->s, AF_INET, &c->fs, false);
    g_assert_cmpint(cw_ep_browser_new(c->b.transport, "0", 4, on_ep, &c->seen, &c->ep), ==, CW_OK);
    cw_ep_formats(c->ep, &c->fb, &c->fb);
    cw_ep_join(c->ep, c->s.ep);
    if (bound)
        bind_browser(&c->r, &c->b, "ufrag");
    if (keyed)
        key(&c->b);
    settle(&c->r);
}

static void call_close(call *c) CW_ON_LOOP
{
    cw_ep_free(c->ep);
    side_close(&c->s);
    browser_close(&c->b);
    rig_close(&c->r);
    g_assert_cmpuint(dtls_released, ==, 1);
}

/* ── Tests ── */
static void test_both_ways(void)
{
    rtp_stream st = { .ssrc = 0x77, .seq = 10, .pt = 111 }, back = { .ssrc = 0x88, .pt = 96 };
    cw_ep_stats stats;
    cw_rtp rtp;
    call c;

    call_open(&c, true, true);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t data[512];

        send_srtp(&c.b, c.b.fd, &st, NULL, 0);
        g_assert_true(receive(c.s.fd, &rtp, data, sizeof data));
        g_assert_cmpuint(rtp.pt, ==, 96);
        g_assert_cmpuint(rtp.ssrc, ==, cw_ep_ssrc(c.s.ep));
        g_assert_cmpmem(data + rtp.payload_at, rtp.payload_len, "payload!", 8);

        send_next(c.s.fd, &back, cw_ep_rtp_local(c.s.ep));
        g_assert_true(receive_srtp(&c.b, &rtp, data, sizeof data));
        g_assert_cmpuint(rtp.pt, ==, 111);
        g_assert_cmpuint(rtp.ssrc, ==, cw_ep_ssrc(c.ep));
    }
    await(&c.r, &c.b.flowing, 1);
    await(&c.r, &c.seen.first, 1);
    cw_ep_get_stats(c.ep, &stats);
    g_assert_cmpuint(stats.rx_packets, ==, 20);
    g_assert_cmpuint(stats.tx_packets, ==, 20);
    g_assert_cmpuint(stats.rx_dropped, ==, 0);
    g_assert_cmpint(stats.suite, ==, CW_SRTP_AEAD_AES_128_GCM);
    g_assert_true(cw_addr_eq(&stats.remote, &c.b.addr));
    g_assert_true(cw_addr_eq(&stats.local, &c.b.gateway));
    call_close(&c);
}

/* A DTLS restart: new keys and suite. What the browser sealed before still comes through, and the
 * other side sees one stream. */
static void test_rekey(void)
{
    rtp_stream st = { .ssrc = 0x77, .seq = 65530, .pt = 111 }, back = { .ssrc = 0x88, .pt = 96 };
    uint8_t data[512];
    uint16_t seq = 0;
    browser old;
    cw_rtp rtp;
    call c;

    call_open(&c, true, true);
    for (unsigned i = 0; i < 140; i++) {
        if (i == 20) {
            old = c.b;
            c.b.srtp = NULL;
            key_with(&c.b, CW_SRTP_AES128_CM_SHA1_80, 3, 4);
            settle(&c.r);
        }
        send_srtp(i >= 20 && i < 30 && i % 2 ? &old : &c.b, c.b.fd, &st, NULL, 0);
        g_assert_true(receive(c.s.fd, &rtp, data, sizeof data));
        if (i)
            g_assert_cmpuint(rtp.seq, ==, (uint16_t)(seq + 1));
        seq = rtp.seq;
        send_next(c.s.fd, &back, cw_ep_rtp_local(c.s.ep));
        g_assert_true(receive_srtp(&c.b, &rtp, data, sizeof data));
    }
    send_srtp(&old, c.b.fd, &st, NULL, 0); /* their time is over */
    expect_nothing(c.s.fd);
    cw_srtp_free(old.srtp);
    call_close(&c);
}

/* Doors: address before keys before integrity before replay. */
static void test_doors(void)
{
    rtp_stream st = { .ssrc = 0x77, .seq = 10, .pt = 111 }, back = { .ssrc = 0x88, .pt = 96 };
    uint8_t data[512], good[512];
    cw_ep_stats stats;
    cw_addr addr;
    size_t len;
    int evil;
    cw_rtp rtp;
    call c;

    call_open(&c, false, false);
    evil = open_socket("127.0.0.1:0", &addr);
    send_next(c.s.fd, &back, cw_ep_rtp_local(c.s.ep));      /* nowhere to send to yet */
    send_to(c.b.fd, "\x16\xfe\xfd hello", 9, &c.b.gateway); /* DTLS, but no check passed */
    g_assert_cmpuint(check(evil, &c.b.gateway, "ufrag", false, true), ==, 0x11);
    g_assert_cmpuint(check_as(evil, &c.b.gateway, "other", true, true, false), ==, 0);
    send_to(evil, "\x16\xfe\xfd hello", 9, &c.b.gateway);
    settle(&c.r);
    g_assert_cmpuint(dtls_seen, ==, 0);
    g_assert_cmpuint(c.b.bound, ==, 0);

    bind_browser(&c.r, &c.b, "ufrag");
    send_to(c.b.fd, "\x16\xfe\xfd hello", 9, &c.b.gateway);
    g_assert_true(readable(c.b.fd, WAIT_MS));
    g_assert_cmpint(recv(c.b.fd, data, sizeof data, 0), ==, 1);
    send_to(evil, "\x16\xfe\xfd hello", 9, &c.b.gateway);
    g_assert_cmpuint(dtls_seen, ==, 1);
    send_next(c.s.fd, &back, cw_ep_rtp_local(c.s.ep));
    expect_nothing(c.b.fd); /* no keys: nothing goes out in clear */

    len = rtp_make(data, &st, false, "payload!", 8); /* nor comes in */
    send_to(c.b.fd, data, len, &c.b.gateway);
    key(&c.b);
    settle(&c.r);
    send_to(c.b.fd, data, len, &c.b.gateway);
    send_to(c.b.fd,
            "\x80\xcb\x00\x01"
            "abcd",
            8, &c.b.gateway);            /* BYE in clear */
    send_srtp(&c.b, evil, &st, NULL, 0); /* good, from elsewhere */
    expect_nothing(c.s.fd);

    len = rtp_make(good, &st, false, "payload!", 8);
    g_assert_cmpint(cw_srtp_protect(c.b.srtp, good, &len), ==, CW_OK);
    for (unsigned i = 0; i < 5; i++) /* replayed */
        send_to(c.b.fd, good, len, &c.b.gateway);
    good[20] ^= 1;
    send_to(c.b.fd, good, len, &c.b.gateway);
    g_assert_true(receive(c.s.fd, &rtp, data, sizeof data));
    expect_nothing(c.s.fd);
    cw_ep_get_stats(c.ep, &stats);
    g_assert_cmpuint(stats.rx_packets, ==, 1);
    g_assert_cmpuint(stats.rx_dropped, ==, 8);
    g_assert_cmpuint(dtls_seen, ==, 1);
    close(evil);
    call_close(&c);
}

/* The browser changes networks: told by USE-CANDIDATE, or by media from a checked address. */
static void test_mobility(void)
{
    rtp_stream st = { .ssrc = 0x77, .seq = 10, .pt = 111 }, back = { .ssrc = 0x88, .pt = 96 };
    uint8_t data[512];
    int fd[6];
    cw_addr addr[6];
    cw_rtp rtp;
    call c;

    call_open(&c, true, true);
    for (unsigned i = 0; i < G_N_ELEMENTS(fd); i++) { /* more than are kept */
        int was = c.b.fd;

        fd[i] = open_socket("127.0.0.1:0", &addr[i]);
        g_assert_cmpuint(check(fd[i], &c.b.gateway, "ufrag", true, i & 1), ==, 1);
        if (!(i & 1)) {
            send_next(c.s.fd, &back, cw_ep_rtp_local(c.s.ep));
            g_assert_true(receive_srtp(&c.b, &rtp, data, sizeof data)); /* still the old one */
            send_srtp(&c.b, fd[i], &st, NULL, 0);
            g_assert_true(receive(c.s.fd, &rtp, data, sizeof data));
        }
        await(&c.r, &c.b.bound, i + 2);
        g_assert_true(cw_addr_eq(&c.b.remote, &addr[i]));
        c.b.fd = fd[i];
        send_next(c.s.fd, &back, cw_ep_rtp_local(c.s.ep));
        g_assert_true(receive_srtp(&c.b, &rtp, data, sizeof data));
        g_assert_false(readable(was, 0));
        close(was);
    }
    call_close(&c);
}

/* From one family to the other, as a telephone does between two networks. */
static void test_mobility_to_ipv6(void)
{
    rtp_stream st = { .ssrc = 0x77, .seq = 10, .pt = 111 }, back = { .ssrc = 0x88, .pt = 96 };
    cw_addr gateway[2], addr;
    cw_ep_stats stats;
    uint8_t data[512];
    int v4, v6;
    cw_rtp rtp;
    call c;

    call_open(&c, true, true);
    g_assert_cmpuint(cw_plane_candidates(c.r.plane, 0, gateway, 2), ==, 2);
    v4 = c.b.fd;
    v6 = open_socket("[::1]:0", &addr);
    g_assert_cmpuint(check(v6, &gateway[1], "ufrag", true, false), ==, 1); /* not nominated yet */
    send_srtp(&c.b, v4, &st, NULL, 0);
    g_assert_true(receive(c.s.fd, &rtp, data, sizeof data));
    send_next(c.s.fd, &back, cw_ep_rtp_local(c.s.ep));
    g_assert_true(receive_srtp(&c.b, &rtp, data, sizeof data));
    g_assert_cmpuint(check(v6, &gateway[1], "ufrag", true, true), ==, 1);
    await(&c.r, &c.b.bound, 2);
    g_assert_true(cw_addr_eq(&c.b.remote, &addr));
    send_srtp(&c.b, v4, &st, NULL, 0); /* what was under way by the old one */
    g_assert_true(receive(c.s.fd, &rtp, data, sizeof data));
    c.b.gateway = gateway[1];
    send_srtp(&c.b, v6, &st, NULL, 0);
    g_assert_true(receive(c.s.fd, &rtp, data, sizeof data));
    c.b.fd = v6;
    send_next(c.s.fd, &back, cw_ep_rtp_local(c.s.ep));
    g_assert_true(receive_srtp(&c.b, &rtp, data, sizeof data));
    settle(&c.r);
    cw_ep_get_stats(c.ep, &stats);
    g_assert_true(cw_addr_eq(&stats.remote, &addr));
    g_assert_true(cw_addr_eq(&stats.local, &gateway[1]));
    g_assert_false(readable(v4, 0));
    close(v4);
    call_close(&c);
}

/* New credentials: the old ones hold until the new ones are used. */
static void test_ice_restart(void)
{
    call c;

    call_open(&c, true, true);
    cw_transport_restart(c.b.transport, "fresh", "pwd-of-fresh");
    settle(&c.r);
    g_assert_cmpuint(check(c.b.fd, &c.b.gateway, "ufrag", true, false), ==, 1);
    g_assert_cmpuint(check(c.b.fd, &c.b.gateway, "fresh", true, false), ==, 1);
    g_assert_cmpuint(check_as(c.b.fd, &c.b.gateway, "ufrag", true, false, false), ==, 0);
    g_assert_cmpuint(check(c.b.fd, &c.b.gateway, "fresh", true, false), ==, 1);
    call_close(&c);
}

static void test_consent(void)
{
    uint64_t begin_ms;
    browser b;
    rig r;

    browser_rig(&r, 300);
    browser_open(&r, &b, "ufrag");
    bind_browser(&r, &b, "ufrag");
    begin_ms = cw_now_ms();
    for (unsigned i = 0; i < 3; i++) {
        let_pass(150);
        g_assert_cmpuint(check(b.fd, &b.gateway, "ufrag", true, false), ==, 1);
    }
    cw_loop_step(r.loop, 0);
    g_assert_cmpuint(b.lost, ==, 0);
    await(&r, &b.lost, 1);
    g_assert_cmpuint(cw_now_ms() - begin_ms, >=, 700);
    g_assert_cmpuint(b.bound, ==, 1);
    browser_close(&b);
    rig_close(&r);
}

/* Two streams on one transport: told apart by MID, else by payload type; an SSRC once known stays.
 */
static void test_bundle(void)
{
    static const uint8_t mid1[] = { 0xbe, 0xde, 0, 1, 0x40, '1', 0, 0 };
    static const uint8_t mid0[] = { 0xbe, 0xde, 0, 1, 0x40, '0', 0, 0 };
    cw_stream video = { .kind = CW_VIDEO, .dir = CW_SENDRECV };
    rtp_stream a = { .ssrc = 1, .pt = 111 }, v = { .ssrc = 2, .pt = 102 };
    rtp_stream clash = { .ssrc = 3, .pt = 111 };
    cw_ep_stats stats;
    uint8_t data[512];
    cw_rtp rtp;
    cw_ep *ep;
    side s;
    call c;

    call_open(&c, true, true);
    format_add(&video, "VP8", 90000, 102);
    format_add(&video, "H264", 90000, 111); /* the audio's number, on purpose */
    side_open(&c.r, &s, AF_INET, &video, false);
    g_assert_cmpint(cw_ep_browser_new(c.b.transport, "1", 4, on_ep, &c.seen, &ep), ==, CW_OK);
    cw_ep_formats(ep, &video, &video);
    cw_ep_join(ep, s.ep);
    settle(&c.r);

    send_srtp(&c.b, c.b.fd, &a, mid0, sizeof mid0);
    g_assert_true(receive(c.s.fd, &rtp, data, sizeof data));
    send_srtp(&c.b, c.b.fd, &v, NULL, 0); /* by payload type */
    g_assert_true(receive(s.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.pt, ==, 102);
    g_assert_false(rtp.marker); /* means end of picture there: not ours to set */
    send_srtp(&c.b, c.b.fd, &clash, mid1, sizeof mid1);
    g_assert_true(receive(s.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.pt, ==, 111);
    send_srtp(&c.b, c.b.fd, &clash, NULL, 0); /* MID is in the first packets only */
    g_assert_true(receive(s.fd, &rtp, data, sizeof data));
    cw_ep_get_stats(c.ep, &stats);
    g_assert_cmpuint(stats.rx_packets, ==, 1);
    cw_ep_free(ep);
    side_close(&s);
    call_close(&c);
}

/* Of two layers one is relayed; when which packets came is told the browser, losses too. */
static void test_pictures(void)
{
    cw_stream video = { .kind = CW_VIDEO, .dir = CW_SENDRECV };
    cw_ep_feedback_conf conf = { .video = true,
                                 .feedback = CW_FB_TWCC | CW_FB_RSIZE,
                                 .twcc_ext = 3 };
    rtp_stream layer = { .ssrc = 2, .pt = 102 }, other = { .ssrc = 3, .pt = 102 };
    uint8_t ext[] = { 0xbe, 0xde, 0, 1, 0x31, 0, 0, 0 }, data[512];
    ssize_t n;
    size_t len;
    cw_rtp rtp;
    cw_ep *ep;
    side s;
    call c;

    call_open(&c, true, true);
    format_add(&video, "VP8", 90000, 102);
    side_open(&c.r, &s, AF_INET, &video, false);
    g_assert_cmpint(cw_ep_browser_new(c.b.transport, "1", 4, on_ep, &c.seen, &ep), ==, CW_OK);
    cw_ep_formats(ep, &video, &video);
    cw_ep_feedback(ep, &conf);
    cw_ep_join(ep, s.ep);
    settle(&c.r);
    for (ext[6] = 1; ext[6] < 6; ext[6]++) {
        if (ext[6] == 3)
            continue;
        send_srtp(&c.b, c.b.fd, ext[6] == 5 ? &other : &layer, ext, sizeof ext);
        if (ext[6] != 5)
            g_assert_true(receive(s.fd, &rtp, data, sizeof data));
    }
    expect_nothing(s.fd);
    g_assert_true(readable(c.b.fd, WAIT_MS));
    n = recv(c.b.fd, data, sizeof data, 0);
    g_assert_cmpint(n, >, 0);
    len = (size_t)n;
    g_assert_cmpint(cw_srtp_unprotect_rtcp(c.b.srtp, data, &len), ==, CW_OK);
    g_assert_cmpuint(data[0] & 31, ==, 15);
    g_assert_cmpuint(data[1], ==, 205);
    g_assert_cmpuint(cw_get32(data + 8), ==, 2);
    g_assert_cmpuint(cw_get16(data + 12), ==, 1); /* from the first on */
    cw_ep_free(ep);
    side_close(&s);
    call_close(&c);
}

/* Echo over SRTP, in bursts larger than a batch. */
static void test_burst(void)
{
    rtp_stream st = { .ssrc = 0x77, .seq = 10, .pt = 111 };
    cw_ep *echo;
    cw_rtp rtp;
    call c;

    call_open(&c, true, true);
    g_assert_cmpint(cw_ep_echo_new(c.r.plane, 0, &echo), ==, CW_OK);
    cw_ep_join(c.ep, echo);
    settle(&c.r);
    for (unsigned round = 0; round < 3; round++) {
        uint16_t seq = 0;

        for (unsigned i = 0; i < 150; i++)
            send_srtp(&c.b, c.b.fd, &st, NULL, 0);
        for (unsigned i = 0; i < 150; i++) {
            uint8_t data[512];

            g_assert_true(receive_srtp(&c.b, &rtp, data, sizeof data));
            g_assert_cmpmem(data + rtp.payload_at, rtp.payload_len, "payload!", 8);
            if (i > 0)
                g_assert_cmpuint(rtp.seq, ==, (uint16_t)(seq + 1));
            seq = rtp.seq;
        }
    }
    cw_ep_free(echo);
    call_close(&c);
}

static void never(void *arg, cw_transport_event event, const cw_addr *remote)
{
    g_assert_not_reached();
}

static void test_no_event_after_free(void)
{
    cw_transport *transport;
    cw_addr addr, gateway;
    int fd;
    rig r;

    browser_rig(&r, 30000);
    fd = open_socket("127.0.0.1:0", &addr);
    cw_plane_candidates(r.plane, 1, &gateway, 1);
    g_assert_cmpint(
        cw_transport_new(r.plane, 1, "ufrag", "pwd-of-ufrag", &dtls_seen, never, NULL, &transport),
        ==, CW_OK);
    settle(&r);
    g_assert_cmpuint(check(fd, &gateway, "ufrag", true, true), ==, 1);
    cw_transport_free(transport);
    settle(&r);
    g_assert_cmpuint(check_as(fd, &gateway, "ufrag", true, true, false), ==, 0);
    close(fd);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(cw_srtp_init(), ==, CW_OK);
    g_test_add_func("/browser/both-ways", test_both_ways);
    g_test_add_func("/browser/rekey", test_rekey);
    g_test_add_func("/browser/doors", test_doors);
    g_test_add_func("/browser/mobility", test_mobility);
    g_test_add_func("/browser/mobility-to-ipv6", test_mobility_to_ipv6);
    g_test_add_func("/browser/ice-restart", test_ice_restart);
    g_test_add_func("/browser/consent", test_consent);
    g_test_add_func("/browser/bundle", test_bundle);
    g_test_add_func("/browser/pictures", test_pictures);
    g_test_add_func("/browser/burst", test_burst);
    g_test_add_func("/browser/no-event-after-free", test_no_event_after_free);
    return g_test_run();
}
