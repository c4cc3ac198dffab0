/* test-plane-carried.c - a transport by somebody else's sockets: packets in from a thread of
 * theirs, out by their function or straight by a descriptor, and the end while packets come.
 */
#include "plane-rig.h"

#include <fcntl.h>
#include <pthread.h>

typedef struct far_end {
    rig r;
    side s, seen;
    cw_ep *ep;
    cw_transport *transport;
    cw_srtp *srtp;
    int out[2]; /* a pipe of datagrams: what send() was given */
    unsigned flowing;
    atomic_bool closing;
    atomic_uint released, refused;
    pthread_t thread;
} far_end;

static _Atomic unsigned dtls_seen, dtls_released;

static void hook_dtls(void *dtls, const uint8_t *data, size_t len, const cw_addr *from, int fd)
{
    g_assert_cmpint(fd, ==, -1);
    g_assert_cmpint(cw_addr_family(from), ==, AF_UNSPEC);
    dtls_seen++;
}

static void hook_release(void *dtls)
{
    dtls_released++;
}

static bool carry(void *arg, const uint8_t *data, size_t len)
{
    far_end *f = arg;

    return send(f->out[1], data, len, MSG_DONTWAIT) == (ssize_t)len;
}

static void carry_close(void *arg)
{
    far_end *f = arg;

    if (f->thread)
        f->closing = true; /* its thread says the last word */
    else
        cw_transport_closed(f->transport);
}

static void carry_release(void *arg)
{
    far_end *f = arg;

    f->released++;
}

static void on_transport(void *arg, cw_transport_event event, const cw_addr *remote)
{
    far_end *f = arg;

    g_assert_cmpint(event, ==, CW_TRANSPORT_FLOWING);
    f->flowing++;
}

static void key(far_end *f) CW_ON_LOOP
{
    cw_srtp_keys ours = { .suite = CW_SRTP_AEAD_AES_128_GCM }, theirs;

    memset(ours.tx, 1, sizeof ours.tx);
    memset(ours.rx, 2, sizeof ours.rx);
    theirs = ours;
    memcpy(theirs.tx, ours.rx, sizeof ours.rx);
    memcpy(theirs.rx, ours.tx, sizeof ours.tx);
    cw_transport_secure(f->transport, &ours);
    g_assert_cmpint(cw_srtp_new(&theirs, &f->srtp), ==, CW_OK);
}

static void far_open(far_end *f) CW_TSA(assert_capability(cw_role_loop))
{
    cw_plane_conf conf = {
        .workers = 1,
        .rtp_listen4 = addr_of("127.0.0.1:0"),
        .rtp_port_min = PORT_MIN,
        .rtp_port_max = PORT_MAX,
        .consent_timeout_ms = 100, /* not the plane's concern here */
        .hooks = { .dtls = hook_dtls, .dtls_release = hook_release },
    };
    cw_carrier carrier = { f, carry, carry_close, carry_release };
    cw_stream ours = audio("PCMA", 8000, 8, 101, 8000);

    memset(f, 0, sizeof *f);
    dtls_seen = dtls_released = 0;
    rig_open_as(&f->r, &conf);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_DGRAM, 0, f->out), ==, 0);
    side_open(&f->r, &f->s, AF_INET, &ours, false);
    g_assert_cmpint(
        cw_transport_carried(f->r.plane, 0, &carrier, f, on_transport, f, &f->transport), ==,
        CW_OK);
    g_assert_cmpint(cw_ep_browser_new(f->transport, NULL, 0, on_ep, &f->seen, &f->ep), ==, CW_OK);
    cw_ep_formats(f->ep, &ours, &ours);
    cw_ep_join(f->ep, f->s.ep);
    key(f);
    settle(&f->r);
}

static void far_close(far_end *f) CW_ON_LOOP
{
    cw_ep_free(f->ep);
    side_close(&f->s);
    cw_transport_free(f->transport);
    for (unsigned i = 0; i < 2000 && cw_stat_get(CW_STAT_transports) > 0; i++)
        cw_loop_step(f->r.loop, 5);
    g_assert_cmpint(cw_stat_get(CW_STAT_transports), ==, 0);
    if (f->thread)
        pthread_join(f->thread, NULL);
    rig_close(&f->r);
    cw_srtp_free(f->srtp);
    close(f->out[0]);
    close(f->out[1]);
    g_assert_cmpuint(f->released, ==, 1);
    g_assert_cmpuint(dtls_released, ==, 1);
}

static void input(far_end *f, rtp_stream *st)
{
    uint8_t data[256 + CW_SRTP_TRAILER];
    size_t len = rtp_make(data, st, false, "payload!", 8);

    st->seq++;
    st->ts += 160;
    g_assert_cmpint(cw_srtp_protect(f->srtp, data, &len), ==, CW_OK);
    g_assert_true(cw_transport_input(f->transport, data, len));
}

static void expect_srtp(far_end *f, int fd)
{
    uint8_t data[512];
    cw_rtp rtp;
    ssize_t n;
    size_t len;

    g_assert_true(readable(fd, WAIT_MS));
    n = recv(fd, data, sizeof data, 0);
    g_assert_cmpint(n, >, 0);
    len = (size_t)n;
    g_assert_cmpint(cw_srtp_unprotect(f->srtp, data, &len), ==, CW_OK);
    g_assert_cmpint(cw_rtp_parse(data, len, &rtp), ==, CW_OK);
    g_assert_cmpuint(rtp.pt, ==, 8);
}

static void test_both_ways(void)
{
    rtp_stream st = { .ssrc = 0x77, .seq = 10, .pt = 8 }, back = { .ssrc = 0x88, .pt = 8 };
    cw_addr local, remote;
    cw_ep_stats stats;
    uint8_t data[512];
    cw_rtp rtp;
    far_end f;

    far_open(&f);
    for (unsigned i = 0; i < 5; i++) {
        input(&f, &st);
        g_assert_true(receive(f.s.fd, &rtp, data, sizeof data));
        send_next(f.s.fd, &back, cw_ep_rtp_local(f.s.ep));
        expect_srtp(&f, f.out[0]);
    }
    await(&f.r, &f.flowing, 1);
    await(&f.r, &f.seen.first, 1);
    local = addr_of("192.0.2.1:7");
    remote = addr_of("[2001:db8::1]:9");
    cw_transport_pair(f.transport, &local, &remote);
    cw_ep_get_stats(f.ep, &stats);
    g_assert_true(cw_addr_eq(&stats.local, &local));
    g_assert_true(cw_addr_eq(&stats.remote, &remote));
    g_assert_cmpuint(stats.rx_packets, ==, 5);
    far_close(&f);
}

static void test_kinds(void)
{
    uint8_t large[1600] = { 0x80 }, data[512];
    rtp_stream st = { .ssrc = 0x77, .seq = 10, .pt = 8 };
    cw_rtp rtp;
    far_end f;

    far_open(&f);
    g_assert_false(cw_transport_input(f.transport, large, 0));
    g_assert_false(cw_transport_input(f.transport, large, sizeof large));
    g_assert_true(cw_transport_input(f.transport, large, 1500)); /* too long for SRTP */
    g_assert_true(cw_transport_input(f.transport, (const uint8_t *)"\x80", 1));
    g_assert_true(cw_transport_input(f.transport, (const uint8_t *)"\0\1\0\0 stun", 9));
    g_assert_true(cw_transport_input(f.transport, (const uint8_t *)"\xff", 1));
    g_assert_true(cw_transport_input(f.transport, (const uint8_t *)"\x16\xfe\xfd", 3));
    input(&f, &st);
    g_assert_true(receive(f.s.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(dtls_seen, ==, 1);
    far_close(&f);
}

/* Straight by a descriptor, and back. */
static void test_way(void)
{
    rtp_stream back = { .ssrc = 0x88, .pt = 8 };
    cw_addr here, there;
    int from, to;
    far_end f;

    far_open(&f);
    from = open_socket("127.0.0.1:0", &here);
    to = open_socket("127.0.0.1:0", &there);
    for (unsigned i = 0; i < 3; i++) {
        cw_transport_way(f.transport, fcntl(from, F_DUPFD_CLOEXEC, 0), &there);
        settle(&f.r);
        send_next(f.s.fd, &back, cw_ep_rtp_local(f.s.ep));
        expect_srtp(&f, to);
        g_assert_false(readable(f.out[0], 0));
        cw_transport_way(f.transport, -1, NULL);
        settle(&f.r);
        send_next(f.s.fd, &back, cw_ep_rtp_local(f.s.ep));
        expect_srtp(&f, f.out[0]);
    }
    let_pass(150); /* consent is the carrier's */
    settle(&f.r);
    cw_transport_way(f.transport, fcntl(from, F_DUPFD_CLOEXEC, 0), &there);
    far_close(&f);
    close(from);
    close(to);
}

/* More than the worker can take in: what has no room is refused, nothing else suffers. */
static void *flood(void *arg)
{
    static const uint8_t junk[200] = { 0x80, 8 };
    far_end *f = arg;

    while (!f->closing)
        if (!cw_transport_input(f->transport, junk, sizeof junk))
            f->refused++;
    cw_transport_closed(f->transport);
    return NULL;
}

static void test_flood(void)
{
    rtp_stream back = { .ssrc = 0x88, .pt = 8 };
    far_end f;

    far_open(&f);
    g_assert_cmpint(pthread_create(&f.thread, NULL, flood, &f), ==, 0);
    for (unsigned i = 0; i < 10; i++) {
        send_next(f.s.fd, &back, cw_ep_rtp_local(f.s.ep));
        expect_srtp(&f, f.out[0]);
    }
    while (!f.refused)
        let_pass(1);
    far_close(&f);
}

/* The end, at any moment of a flood. */
static void test_end(void)
{
    for (unsigned i = 0; i < 30; i++) {
        far_end f;

        far_open(&f);
        g_assert_cmpint(pthread_create(&f.thread, NULL, flood, &f), ==, 0);
        far_close(&f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (cw_srtp_init())
        return 99;
    g_test_add_func("/carried/both-ways", test_both_ways);
    g_test_add_func("/carried/kinds", test_kinds);
    g_test_add_func("/carried/way", test_way);
    g_test_add_func("/carried/flood", test_flood);
    g_test_add_func("/carried/end", test_end);
    return g_test_run();
}
