/* test-wire.c - AF_XDP between two network namespaces made here: what comes by the wire, what
 * leaves by it, and what takes the kernel's way. Skipped where no namespace can be made. */
#include "media/io/wire.h"

#include "plane-rig.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>

/* The near end is ours, with the wire on x0; the far end has x1. */
static int near_ns = -1, far_ns = -1;

static void enter(int ns)
{
    g_assert_cmpint(setns(ns, CLONE_NEWNET), ==, 0);
}

static int new_ns(void)
{
    return unshare(CLONE_NEWNET) ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void run(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void run(const char *format, ...)
{
    g_autofree char *command = NULL;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    g_test_message("%s", command);
    g_assert_cmpint(system(command), ==, 0);
}

static bool make_world(void)
{
    near_ns = new_ns();
    if (near_ns < 0)
        return false;
    run("ip link set lo up && ip link add x0 type veth peer name x1");
    far_ns = new_ns();
    enter(near_ns);
    run("ip link set x1 netns /proc/%d/fd/%d", (int)getpid(), far_ns);
    run("ip addr add 10.98.0.1/24 dev x0 && ip addr add fd98::1/64 dev x0 nodad");
    run("ip link set x0 up && ip route add 10.97.0.0/24 via 10.98.0.2");
    enter(far_ns);
    run("ip addr add 10.98.0.2/24 dev x1 && ip addr add fd98::2/64 dev x1 nodad");
    run("ip link set x1 up && ip addr add 10.97.0.1/24 dev x1");
    enter(near_ns);
    return true;
}

static int far_socket(const char *ip, cw_addr *ret)
{
    int fd;

    enter(far_ns);
    fd = open_socket(ip, ret);
    enter(near_ns);
    return fd;
}

/* ── A wire ── */
typedef struct end {
    cw_xdp *xdp;
    cw_wire *wire;
    int near, far; /* sockets */
    cw_addr near_addr, far_addr;
    uint64_t now_us;
} end;

static bool end_open(end *e, const char *near, const char *far) CW_ON_LOOP CW_ON_MEDIA
{
    char why[128] = "";
    cw_err err = cw_xdp_open("x0", 1, &e->xdp, why);

    if (err == CW_E_UNSUPPORTED) {
        g_test_skip(why);
        return false;
    }
    g_test_message("%s", why);
    g_assert_cmpint(err, ==, CW_OK);
    g_assert_cmpint(cw_wire_new(e->xdp, 0, &e->wire, why), ==, CW_OK);
    e->near = open_socket(near, &e->near_addr);
    e->far = far_socket(far, &e->far_addr);
    e->now_us = cw_now_us();
    cw_wire_serve(e->wire, e->near, &e->near_addr);
    return true;
}

static void end_close(end *e) CW_ON_LOOP CW_ON_MEDIA
{
    cw_wire_unserve(e->wire, e->near);
    close(e->near);
    close(e->far);
    cw_wire_free(e->wire);
    cw_xdp_close(e->xdp);
}

static void far_sends(const end *e, const void *data, size_t len)
{
    g_assert_cmpint(sendto(e->far, data, len, 0, &e->near_addr.sa, cw_addr_len(&e->near_addr)), ==,
                    (int)len);
}

/* Whether a datagram leaves by the wire; if not it is sent by the socket, as the worker does. */
static bool sends(end *e, const cw_addr *to, const void *data, size_t len) CW_ON_MEDIA
{
    cw_wire_hear(e->wire, e->now_us += 20000);
    if (cw_wire_tx(e->wire, e->near, to, data, len)) {
        cw_wire_flush(e->wire);
        return true;
    }
    (void)!sendto(e->near, data, len, 0, &to->sa, cw_addr_len(to));
    return false;
}

static void far_hears(const end *e, const void *data, size_t len)
{
    uint8_t got[2048];
    cw_addr from = { 0 };
    socklen_t from_len = sizeof from;

    g_assert_true(readable(e->far, WAIT_MS));
    g_assert_cmpmem(got, (size_t)recvfrom(e->far, got, sizeof got, 0, &from.sa, &from_len), data,
                    len);
    g_assert_true(cw_addr_eq(&from, &e->near_addr));
}

/* The kernel finds the neighbour for the first datagrams; then the wire knows it. */
static void warm_up(end *e) CW_ON_MEDIA
{
    bool sent = false;

    for (unsigned i = 0; i < 200 && !sent; i++) {
        sent = sends(e, &e->far_addr, "warm", 4);
        far_hears(e, "warm", 4);
    }
    g_assert_true(sent);
}

/* ── Tests ── */
static const char *const pairs[][2] = { { "10.98.0.1", "10.98.0.2" }, { "fd98::1", "fd98::2" } };

static void test_rx(gconstpointer data)
{
    const char *const *ip = data;
    cw_frame got[CW_WIRE_BATCH];
    const int *fd;
    end e = { 0 };
    cw_addr other_addr;
    int other;

    cw_assert_on_loop();
    cw_assert_on_media();
    if (!end_open(&e, ip[0], ip[1]))
        return;
    g_assert_cmpuint(cw_wire_fds(e.wire, &fd), ==, 1);
    far_sends(&e, "hello", 5);
    g_assert_true(readable(fd[0], WAIT_MS));
    g_assert_cmpuint(cw_wire_rx(e.wire, got), ==, 1);
    g_assert_cmpmem(got[0].data, got[0].len, "hello", 5);
    g_assert_true(cw_addr_eq(&got[0].from, &e.far_addr));
    g_assert_true(cw_addr_eq(&got[0].to, &e.near_addr));
    g_assert_false(readable(e.near, 0));

    /* more than all frames there are */
    for (unsigned i = 0; i < 100; i++) {
        unsigned n = 0;

        for (unsigned k = 0; k < 50; k++)
            far_sends(&e, "again", 5);
        while (n < 50 && readable(fd[0], WAIT_MS))
            n += cw_wire_rx(e.wire, got);
        g_assert_cmpuint(n, ==, 50);
    }

    other = open_socket(ip[0], &other_addr); /* a port that is not served */
    g_assert_cmpint(sendto(e.far, "x", 1, 0, &other_addr.sa, cw_addr_len(&other_addr)), ==, 1);
    g_assert_true(readable(other, WAIT_MS));
    close(other);

    cw_wire_unserve(e.wire, e.near);
    far_sends(&e, "bye", 3);
    g_assert_true(readable(e.near, WAIT_MS));
    end_close(&e);
}

static void test_tx(gconstpointer data)
{
    const char *const *ip = data;
    uint8_t bytes[1400];
    end e = { 0 };

    cw_assert_on_loop();
    cw_assert_on_media();
    if (!end_open(&e, ip[0], ip[1]))
        return;
    warm_up(&e);
    for (size_t len = 0; len < sizeof bytes; len += 7) { /* the far kernel checks the checksum */
        bool fits = len <= 1200;

        memset(bytes, (int)len, sizeof bytes);
        g_assert_true(sends(&e, &e.far_addr, bytes, len) || !fits);
        if (len > 1280)
            g_assert_false(sends(&e, &e.far_addr, bytes, len));
        far_hears(&e, bytes, len);
        if (len > 1280)
            far_hears(&e, bytes, len);
        if (e.now_us % 1000000 >
            900000) /* the one packet a second for the kernel is tested below */
            e.now_us -= 800000;
    }
    end_close(&e);
}

static void test_burst(void)
{
    end e = { 0 };

    cw_assert_on_loop();
    cw_assert_on_media();
    if (!end_open(&e, pairs[0][0], pairs[0][1]))
        return;
    warm_up(&e);
    for (uint32_t i = 0; i < 5000; i++) { /* more than all frames there are */
        g_assert_true(cw_wire_tx(e.wire, e.near, &e.far_addr, (uint8_t *)&i, sizeof i));
        if (i % 100 != 99)
            continue;
        cw_wire_flush(e.wire);
        for (uint32_t k = i - 99; k <= i; k++)
            far_hears(&e, &k, sizeof k);
    }
    end_close(&e);
}

/* One datagram a second goes by the socket, so that the kernel keeps the neighbour. */
static void test_nudge(void)
{
    unsigned by_socket = 0;
    end e = { 0 };

    cw_assert_on_loop();
    cw_assert_on_media();
    if (!end_open(&e, pairs[0][0], pairs[0][1]))
        return;
    warm_up(&e);
    for (unsigned i = 0; i < 250; i++) { /* 20 ms each */
        by_socket += !sends(&e, &e.far_addr, "x", 1);
        far_hears(&e, "x", 1);
    }
    g_assert_cmpuint(by_socket, >=, 4);
    g_assert_cmpuint(by_socket, <=, 6);
    end_close(&e);
}

/* Waits until what leaves does, or does not, leave by the wire. */
static void until_sends(end *e, const cw_addr *to, bool want) CW_ON_MEDIA
{
    uint64_t until = cw_now_ms() + WAIT_MS;

    while (sends(e, to, "x", 1) != want && cw_now_ms() < until)
        let_pass(1);
    g_assert_cmpint(sends(e, to, "x", 1) || sends(e, to, "x", 1), ==, want);
}

static void test_changes(void)
{
    cw_addr behind = addr_of("10.97.0.1:4000"), nowhere = addr_of("10.96.0.1:4000"),
            own = addr_of("10.98.0.1:4000");
    end e = { 0 };

    cw_assert_on_loop();
    cw_assert_on_media();
    if (!end_open(&e, pairs[0][0], pairs[0][1]))
        return;
    until_sends(&e, &e.far_addr, true);
    until_sends(&e, &behind, true); /* by a gateway */
    g_assert_false(sends(&e, &nowhere, "x", 1));
    g_assert_false(sends(&e, &own, "x", 1)); /* this machine itself: not on the wire */

    run("ip route add 10.96.0.0/24 via 10.98.0.2");
    until_sends(&e, &nowhere, true);
    run("ip route replace 10.96.0.0/24 dev lo");
    until_sends(&e, &nowhere, false);

    run("ip link set x0 down"); /* its routes and neighbours go */
    until_sends(&e, &e.far_addr, false);
    run("ip link set x0 up");
    until_sends(&e, &e.far_addr, true);
    end_close(&e);
    run("ip addr add fd98::1/64 dev x0 nodad && ip route add 10.97.0.0/24 via 10.98.0.2");
    run("ip route del 10.96.0.0/24");
}

static void test_refused(void)
{
    char why[128] = "";
    cw_xdp *xdp = NULL, *second = NULL;
    cw_err err;

    cw_assert_on_loop();
    err = cw_xdp_open("x0", 1, &xdp, why);
    if (err == CW_E_UNSUPPORTED) {
        g_test_skip(why);
        return;
    }
    g_assert_cmpint(err, ==, CW_OK);
    g_assert_cmpint(cw_xdp_open("x0", 1, &second, why), ==, CW_E_IO); /* somebody is there */
    g_assert_true(g_str_has_prefix(why, "XDP on x0: attach: "));
    cw_xdp_close(xdp);
    g_assert_cmpint(cw_xdp_open("x0", 1, &xdp, why), ==, CW_OK); /* and now gone */
    cw_xdp_close(xdp);
    g_assert_cmpint(cw_xdp_open("lo", 1, &xdp, why), ==, CW_E_IO);
    g_assert_true(g_str_has_prefix(why, "XDP on lo: not an Ethernet"));
    g_assert_cmpint(cw_xdp_open("none0", 1, &xdp, why), ==, CW_E_IO);
    g_assert_true(g_str_has_prefix(why, "XDP on none0: "));
}

/* ── A plane on it ── */
static void side_open_far(rig *r, side *s, const cw_stream *formats) CW_ON_LOOP
{
    s->fd = far_socket("10.98.0.2", &s->addr);
    s->rtcp_fd = far_socket("10.98.0.2", &s->rtcp_addr);
    g_assert_cmpint(cw_ep_rtp_new(r->plane, 0, AF_INET, on_ep, s, &s->ep), ==, CW_OK);
    cw_ep_formats(s->ep, formats, formats);
    cw_ep_rtp_remote(s->ep, &s->addr, &s->rtcp_addr, false, false);
}

static void test_plane(void)
{
    cw_plane_conf conf = { .workers = 1,
                           .browser_listen_n = 1,
                           .browser_listen = { addr_of("10.98.0.1:0") },
                           .rtp_listen4 = addr_of("10.98.0.1:0"),
                           .rtp_port_min = PORT_MIN,
                           .rtp_port_max = PORT_MAX,
                           .gather_us = 250,
                           .xdp_interface = "x0",
                           .consent_timeout_ms = 30000 };
    cw_stream formats = audio("PCMA", 8000, 8, 0, 0);
    int64_t before = cw_stat_get(CW_STAT_packets_xdp);
    uint8_t data[200], payload[160] = { 0 };
    rtp_stream st = { .ssrc = 7, .pt = 8, .seq = 100 };
    side a = { 0 }, b = { 0 };
    cw_xdp *xdp;
    char why[128];
    rig r;

    cw_assert_on_loop();
    if (cw_xdp_open("x0", 1, &xdp, why) == CW_E_UNSUPPORTED) {
        g_test_skip(why);
        return;
    }
    cw_xdp_close(xdp);
    rig_open_as(&r, &conf);
    side_open_far(&r, &a, &formats);
    side_open_far(&r, &b, &formats);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    for (unsigned i = 0; i < 200; i++, st.seq++, st.ts += 160) {
        size_t len = rtp_make(data, &st, false, payload, sizeof payload);
        const cw_addr *to = cw_ep_rtp_local(a.ep);

        g_assert_cmpint(sendto(a.fd, data, len, 0, &to->sa, cw_addr_len(to)), ==, (int)len);
        g_assert_true(readable(b.fd, WAIT_MS));
        g_assert_cmpint(recv(b.fd, data, sizeof data, 0), ==, (int)len);
    }
    g_assert_cmpint(cw_stat_get(CW_STAT_packets_xdp) - before, ==, 200);
    cw_ep_free(a.ep);
    cw_ep_free(b.ep);
    settle(&r);
    rig_close(&r);
    close(a.fd);
    close(a.rtcp_fd);
    close(b.fd);
    close(b.rtcp_fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!make_world()) {
        g_print("1..0 # SKIP no network namespace of our own\n");
        return 0;
    }
    cw_role_take(&cw_role_loop);
    cw_role_take(&cw_role_media);
    g_test_add_data_func("/wire/rx/ip4", pairs[0], test_rx);
    g_test_add_data_func("/wire/rx/ip6", pairs[1], test_rx);
    g_test_add_data_func("/wire/tx/ip4", pairs[0], test_tx);
    g_test_add_data_func("/wire/tx/ip6", pairs[1], test_tx);
    g_test_add_func("/wire/tx/burst", test_burst);
    g_test_add_func("/wire/tx/nudge", test_nudge);
    g_test_add_func("/wire/changes", test_changes);
    g_test_add_func("/wire/refused", test_refused);
    g_test_add_func("/wire/plane", test_plane);
    return g_test_run();
}
