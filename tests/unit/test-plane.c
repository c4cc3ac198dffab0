/* test-plane.c - packets between RTP endpoints, and what keeps them in or out */
#include "plane-rig.h"

#include "media/worker.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static cw_stream pcma(unsigned pt)
{
    return audio("PCMA", 8000, pt, 0, 0);
}

/* ── Relay ── */
static void relay(int family_a, int family_b)
{
    cw_stream fa = pcma(8), fb = pcma(97);
    rtp_stream st = { .ssrc = 0x1111, .ts = 1000, .seq = 65530, .pt = 8 };
    cw_ep_stats stats;
    uint16_t seq = 0;
    uint32_t ts = 0;
    rig r;
    side a, b;

    rig_open(&r);
    side_open(&r, &a, family_a, &fa, false);
    side_open(&r, &b, family_b, &fb, false);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t data[256];
        cw_rtp rtp;

        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
        g_assert_true(receive(b.fd, &rtp, data, sizeof data));
        g_assert_cmpuint(rtp.pt, ==, 97);
        g_assert_cmpuint(rtp.ssrc, ==, cw_ep_ssrc(b.ep));
        g_assert_cmpuint(rtp.payload_len, ==, 8);
        g_assert_cmpuint(cw_get16(data + rtp.payload_at), ==, (uint16_t)(st.seq - 1));
        if (i > 0) {
            g_assert_cmpuint(rtp.seq, ==, (uint16_t)(seq + 1));
            g_assert_cmpuint(rtp.ts, ==, ts + 160);
        }
        seq = rtp.seq;
        ts = rtp.ts;
    }
    await(&r, &a.first, 1);
    g_assert_true(cw_addr_eq(&a.from, &a.addr));
    cw_ep_get_stats(a.ep, &stats);
    g_assert_cmpuint(stats.rx_packets, ==, 20);
    g_assert_cmpuint(stats.rx_bytes, ==, 160);
    g_assert_cmpuint(stats.rx_lost, ==, 0);
    g_assert_cmpuint(stats.rx_dropped, ==, 0);
    g_assert_cmpuint(stats.rx_ssrc, ==, 0x1111);
    g_assert_cmpuint(stats.rx_pt, ==, 8);
    g_assert_true(cw_addr_eq(&stats.remote, &a.addr));
    g_assert_true(cw_addr_eq(&stats.local, cw_ep_rtp_local(a.ep)));
    cw_ep_get_stats(b.ep, &stats);
    g_assert_cmpuint(stats.tx_packets, ==, 20);
    g_assert_cmpuint(stats.tx_pt, ==, 97);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

static void test_relay(void)
{
    relay(AF_INET, AF_INET);
}

static void test_relay_ipv6(void)
{
    relay(AF_INET6, AF_INET);
}

/* CSRCs and header extensions stay behind, padding goes along. */
static void test_bare_header(void)
{
    static const uint8_t in[] = { 0xb1, 8,    0,    1, 0, 0,    0,   9, 0, 0,   0,   7,   1, 2, 3,
                                  4,    0xbe, 0xde, 0, 1, 0x10, 'x', 0, 0, 'p', 'a', 'y', 0, 2 };
    cw_stream f = pcma(8);
    uint8_t data[256];
    cw_rtp rtp;
    rig r;
    side a, b;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    side_open(&r, &b, AF_INET, &f, false);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    send_to(a.fd, in, sizeof in, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.payload_at, ==, CW_RTP_HEADER);
    g_assert_cmpuint(rtp.padding, ==, 2);
    g_assert_cmpmem(data + rtp.payload_at, rtp.payload_len, "pay", 3);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

/* Whoever feeds it: one SSRC, numbers without gap, time that only grows. */
static void test_change_of_source(void)
{
    cw_stream f = pcma(8);
    rtp_stream st[2] = { { .ssrc = 1, .ts = 5000, .seq = 100, .pt = 8 },
                         { .ssrc = 2, .ts = 0x90000000, .seq = 50000, .pt = 8 } };
    uint16_t seq = 0;
    uint32_t ts = 0;
    rig r;
    side a[2], c;

    rig_open(&r);
    side_open(&r, &a[0], AF_INET, &f, false);
    side_open(&r, &a[1], AF_INET, &f, false);
    side_open(&r, &c, AF_INET, &f, false);
    for (unsigned turn = 0; turn < 4; turn++) {
        unsigned who = turn & 1;

        cw_ep_join(a[who].ep, c.ep);
        settle(&r);
        send_next(a[!who].fd, &st[!who], cw_ep_rtp_local(a[!who].ep)); /* not joined: unheard */
        for (unsigned i = 0; i < 5; i++) {
            uint8_t data[256];
            cw_rtp rtp;

            send_next(a[who].fd, &st[who], cw_ep_rtp_local(a[who].ep));
            g_assert_true(receive(c.fd, &rtp, data, sizeof data));
            g_assert_cmpuint(rtp.ssrc, ==, cw_ep_ssrc(c.ep));
            g_assert_cmpint(rtp.marker, ==, i == 0);
            if (turn || i) {
                g_assert_cmpuint(rtp.seq, ==, (uint16_t)(seq + 1));
                g_assert_cmpint((int32_t)(rtp.ts - ts), >=, 160);
                g_assert_cmpint((int32_t)(rtp.ts - ts), <, 8000);
            }
            seq = rtp.seq;
            ts = rtp.ts;
        }
    }
    cw_ep_part(c.ep);
    settle(&r);
    send_next(a[1].fd, &st[1], cw_ep_rtp_local(a[1].ep));
    expect_nothing(c.fd);
    side_close(&a[0]);
    side_close(&a[1]);
    side_close(&c);
    rig_close(&r);
}

/* Payload types nobody agreed on go nowhere, and leave no gap. */
static void test_no_mapping(void)
{
    cw_stream fa = pcma(8), fb = pcma(8);
    rtp_stream st = { .ssrc = 1, .seq = 1 };
    static const uint8_t pts[] = { 8, 8, 13, 3, 8, 8 };
    cw_ep_stats stats;
    uint16_t seq = 0;
    unsigned n = 0;
    rig r;
    side a, b;

    format_add(&fa, "GSM", 8000, 3); /* known here, not there; 13 is known to none */
    rig_open(&r);
    side_open(&r, &a, AF_INET, &fa, false);
    side_open(&r, &b, AF_INET, &fb, false);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    for (unsigned i = 0; i < G_N_ELEMENTS(pts); i++) {
        uint8_t data[256];
        cw_rtp rtp;

        st.pt = pts[i];
        if (st.pt == 13)
            st.seq--; /* its number is the next one's: refused at the door */
        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
        if (pts[i] != 8)
            continue;
        g_assert_true(receive(b.fd, &rtp, data, sizeof data));
        if (n++ > 0)
            g_assert_cmpuint(rtp.seq, ==, (uint16_t)(seq + 1));
        seq = rtp.seq;
    }
    cw_ep_get_stats(a.ep, &stats);
    g_assert_cmpuint(stats.rx_dropped, ==, 2);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

/* ── Doors ── */
static void test_injection(void)
{
    cw_stream f = pcma(8);
    rtp_stream st = { .ssrc = 1, .seq = 1, .pt = 8 }, evil = { .ssrc = 2, .seq = 1, .pt = 8 };
    cw_addr evil_addr;
    cw_ep_stats stats;
    uint8_t data[256];
    cw_rtp rtp;
    int evil_fd;
    rig r;
    side a, b;

    rig_open(&r);
    evil_fd = open_socket("127.0.0.1:0", &evil_addr);
    side_open(&r, &a, AF_INET, &f, true);
    side_open(&r, &b, AF_INET, &f, true);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    for (unsigned i = 0; i < 100; i++) /* before the peer speaks */
        send_next(evil_fd, &evil, cw_ep_rtp_local(a.ep));
    send_next(b.fd, &st, cw_ep_rtp_local(b.ep)); /* what a is to hear goes to a only */
    g_assert_true(receive(a.fd, &rtp, data, sizeof data));
    send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(cw_get16(data + rtp.payload_at), ==, (uint16_t)(st.seq - 1));
    for (unsigned i = 0; i < 100; i++) /* and after */
        send_next(evil_fd, &evil, cw_ep_rtp_local(a.ep));
    send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(cw_get16(data + rtp.payload_at), ==, (uint16_t)(st.seq - 1));
    expect_nothing(b.fd);
    expect_nothing(evil_fd);
    settle(&r);
    g_assert_cmpuint(a.latched, ==, 0);
    cw_ep_get_stats(a.ep, &stats);
    g_assert_cmpuint(stats.rx_packets, ==, 2);
    g_assert_cmpuint(stats.rx_dropped, ==, 100); /* the kernel dropped those after */
    close(evil_fd);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

/* SDP told a private address, packets come through a NAT: learned from five, for good. */
static void test_latch(void)
{
    cw_stream f = pcma(8);
    rtp_stream st = { .ssrc = 1, .seq = 1, .pt = 8 }, evil = { .ssrc = 2, .seq = 1, .pt = 8 };
    cw_addr told = addr_of("192.168.77.1:9"), evil_addr;
    uint8_t data[256];
    cw_rtp rtp;
    int evil_fd;
    rig r;
    side a, b;

    rig_open(&r);
    evil_fd = open_socket("127.0.0.1:0", &evil_addr);
    side_open(&r, &a, AF_INET, &f, true);
    side_open(&r, &b, AF_INET, &f, true);
    cw_ep_rtp_remote(a.ep, &told, &told, false, true);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    for (unsigned i = 0; i < 5; i++) {
        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
        g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    }
    await(&r, &a.latched, 1);
    g_assert_true(cw_addr_eq(&a.from, &a.addr));
    for (unsigned i = 0; i < 100; i++)
        send_next(evil_fd, &evil, cw_ep_rtp_local(a.ep));
    settle(&r);
    expect_nothing(b.fd);
    send_next(b.fd, &st, cw_ep_rtp_local(b.ep));
    g_assert_true(receive(a.fd, &rtp, data, sizeof data));
    expect_nothing(evil_fd);
    cw_ep_rtp_remote(a.ep, &told, &told, false, true); /* a re-offer changes nothing */
    settle(&r);
    send_next(b.fd, &st, cw_ep_rtp_local(b.ep));
    g_assert_true(receive(a.fd, &rtp, data, sizeof data));
    close(evil_fd);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

/* A re-offer moves the peer: out to the new address at once, in from it only. Its old port is gone,
 * which ICMP says; that costs no packet. */
static void test_peer_moves(void)
{
    cw_stream f = pcma(8);
    rtp_stream st = { .ssrc = 1, .seq = 1, .pt = 8 }, back = { .ssrc = 2, .seq = 1, .pt = 8 };
    cw_ep_stats stats;
    uint8_t data[256];
    cw_addr addr;
    cw_rtp rtp;
    int fd;
    rig r;
    side a, b;

    rig_open(&r);
    fd = open_socket("127.0.0.1:0", &addr);
    side_open(&r, &a, AF_INET, &f, false);
    side_open(&r, &b, AF_INET, &f, false);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    send_next(b.fd, &back, cw_ep_rtp_local(b.ep));
    g_assert_true(receive(a.fd, &rtp, data, sizeof data));

    close(b.fd);
    for (unsigned i = 0; i < 5; i++)
        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
    cw_ep_rtp_remote(b.ep, &addr, NULL, false, false);
    settle(&r);
    b.fd = fd;
    for (unsigned i = 0; i < 3; i++) {
        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
        g_assert_true(receive(b.fd, &rtp, data, sizeof data));
        send_next(b.fd, &back, cw_ep_rtp_local(b.ep));
        g_assert_true(receive(a.fd, &rtp, data, sizeof data));
    }
    cw_ep_get_stats(b.ep, &stats);
    /* Up to five went to a closed port, where the kernel may refuse some. */
    g_assert_cmpuint(stats.tx_packets, >=, 4);
    g_assert_cmpuint(stats.tx_packets, <=, 9);
    g_assert_cmpuint(stats.rx_packets, ==, 4);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

static void test_hostile(void)
{
    static const struct {
        size_t len;
        uint8_t head[16];
    } bad[] = {
        { 0, { 0 } },
        { 1, { 0x80 } },
        { 11, { 0x80, 8 } },
        { 12, { 0x40, 8 } },
        { 12, { 0x8f, 8 } },
        { 16, { 0x90, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0xff, 0xff } },
        { 1501, { 0x80, 8 } },
        { 9000, { 0x80, 8 } },
        { 13, { 0xa0, 8 } },
    };
    cw_stream f = pcma(8);
    rtp_stream st = { .ssrc = 1, .seq = 1, .pt = 8 };
    cw_ep_stats stats;
    uint8_t data[256];
    cw_rtp rtp;
    rig r;
    side a, b;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    side_open(&r, &b, AF_INET, &f, false);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree uint8_t *packet = g_malloc0(bad[i].len + 16);

        memcpy(packet, bad[i].head, 16);
        send_to(a.fd, packet, bad[i].len, cw_ep_rtp_local(a.ep));
    }
    send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.payload_len, ==, 8);
    expect_nothing(b.fd);
    cw_ep_get_stats(a.ep, &stats);
    g_assert_cmpuint(stats.rx_dropped, ==, G_N_ELEMENTS(bad));
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

/* a's direction as a sees it, and which way packets pass then */
static void test_direction(void)
{
    static const struct {
        cw_dir dir;
        bool from_a, to_a;
    } cases[] = { { CW_SENDRECV, true, true },
                  { CW_SENDONLY, false, true },
                  { CW_RECVONLY, true, false },
                  { CW_INACTIVE, false, false },
                  { CW_SENDRECV, true, true } };
    cw_stream f = pcma(8);
    rtp_stream st = { .ssrc = 1, .seq = 1, .pt = 8 }, back = { .ssrc = 2, .seq = 1, .pt = 8 };
    uint16_t seq = 0;
    rig r;
    side a, b;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    side_open(&r, &b, AF_INET, &f, false);
    cw_ep_join(a.ep, b.ep);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t data[256];
        cw_rtp rtp;

        cw_ep_direction(a.ep, cases[i].dir);
        settle(&r);
        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
        send_next(b.fd, &back, cw_ep_rtp_local(b.ep));
        if (cases[i].from_a) {
            g_assert_true(receive(b.fd, &rtp, data, sizeof data));
            if (i > 0)
                g_assert_cmpuint(rtp.seq, ==, (uint16_t)(seq + 1)); /* a pause is no loss */
            seq = rtp.seq;
        } else {
            expect_nothing(b.fd);
        }
        if (cases[i].to_a)
            g_assert_true(receive(a.fd, &rtp, data, sizeof data));
        else
            expect_nothing(a.fd);
    }
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

/* ── Counts ── */
static void await_received(rig *r, const cw_ep *ep, unsigned n, cw_ep_stats *stats) CW_ON_LOOP
{
    uint64_t end = cw_now_ms() + WAIT_MS;

    do {
        cw_loop_step(r->loop, 1);
        cw_ep_get_stats(ep, stats);
    } while (stats->rx_packets < n && cw_now_ms() < end);
    g_assert_cmpuint(stats->rx_packets, ==, n);
}

static void test_loss(void)
{
    cw_stream f = pcma(8);
    rtp_stream st = { .ssrc = 1, .seq = 65000, .pt = 8 };
    cw_ep_stats stats;
    rig r;
    side a;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    settle(&r);
    for (unsigned i = 0; i < 1000; i++) {
        if (i % 10 == 5) {
            st.seq++;
            st.ts += 160;
        }
        send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
        if (i % 50 == 49) /* no more than the socket holds */
            await_received(&r, a.ep, i + 1, &stats);
    }
    g_assert_cmpuint(stats.rx_lost, ==, 100);
    side_close(&a);
    rig_close(&r);
}

/* ── Nothing stays ── */
static unsigned entries(const char *dir)
{
    DIR *list = opendir(dir);
    unsigned n = 0;

    while (readdir(list))
        n++;
    closedir(list);
    return n;
}

static void never(void *arg, cw_ep_event event, const cw_ep_info *info)
{
    g_assert_not_reached();
}

/* Freed while its first packet's event is on the way, joined, and with a digit going out. */
static void test_teardown(void)
{
    cw_stream f = audio("PCMA", 8000, 8, 101, 8000);
    unsigned fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    rig r;

    for (unsigned round = 0; round < 3; round++) {
        cw_ep *ep[40], *echo, *tone;
        cw_addr addr;
        int fd = open_socket("127.0.0.1:0", &addr);
        rtp_stream st = { .ssrc = 1, .pt = 8 };

        rig_open(&r);
        for (unsigned i = 0; i < G_N_ELEMENTS(ep); i++) {
            g_assert_cmpint(cw_ep_rtp_new(r.plane, i % 2, AF_INET, never, NULL, &ep[i]), ==, CW_OK);
            cw_ep_formats(ep[i], &f, &f);
            cw_ep_rtp_remote(ep[i], &addr, NULL, false, true);
            if (i >= 2)
                cw_ep_join(ep[i], ep[i - 2]);
        }
        g_assert_cmpint(cw_ep_echo_new(r.plane, 0, &echo), ==, CW_OK);
        g_assert_cmpint(cw_ep_tone_new(r.plane, 1, 1000, &tone), ==, CW_OK);
        cw_ep_join(ep[0], echo);
        cw_ep_join(ep[1], tone);
        for (unsigned i = 0; i < G_N_ELEMENTS(ep); i++) {
            send_next(fd, &st, cw_ep_rtp_local(ep[i]));
            g_assert_cmpint(cw_ep_dtmf(ep[i], '1', 100), ==, CW_OK);
        }
        while (cw_stat_get(CW_STAT_packets_in) == 0)
            g_thread_yield();
        for (unsigned i = 0; i < G_N_ELEMENTS(ep); i++)
            cw_ep_free(ep[i]);
        cw_ep_free(echo);
        cw_ep_free(tone);
        if (round == 1)
            settle(&r); /* else the plane goes with all of this under way */
        rig_close(&r);
        close(fd);
    }
    g_assert_cmpuint(entries("/proc/self/fd"), ==, fds);
    g_assert_cmpuint(entries("/proc/self/task"), ==, threads);
}

static void test_ports_run_out(void)
{
    GPtrArray *eps = g_ptr_array_new();
    cw_ep *ep;
    cw_err err;
    rig r;

    rig_open(&r);
    while ((err = cw_ep_rtp_new(r.plane, 0, AF_INET, NULL, NULL, &ep)) == CW_OK)
        g_ptr_array_add(eps, ep);
    g_assert_cmpint(err, ==, CW_E_NO_PORT);
    g_assert_cmpuint(eps->len, <=, (PORT_MAX - PORT_MIN + 1) / 2);
    g_assert_cmpuint(eps->len, >, 0);
    for (guint i = 0; i < eps->len; i++)
        cw_ep_free(g_ptr_array_index(eps, i));
    while (cw_stat_get(CW_STAT_rtp_ports) > 0)
        cw_loop_step(r.loop, 10);
    g_assert_cmpint(cw_ep_rtp_new(r.plane, 0, AF_INET, NULL, NULL, &ep), ==, CW_OK);
    cw_ep_free(ep);
    g_ptr_array_unref(eps);
    rig_close(&r);
}

/* ── Idle ── */
static unsigned long switches(void)
{
    unsigned long sum = 0;
    DIR *list = opendir("/proc/self/task");
    struct dirent *entry;

    while ((entry = readdir(list))) {
        g_autofree char *path = g_strdup_printf("/proc/self/task/%s/status", entry->d_name);
        g_autofree char *comm = g_strdup_printf("/proc/self/task/%s/comm", entry->d_name);
        g_autofree char *text = NULL, *name = NULL;
        const char *at;

        if (!g_file_get_contents(comm, &name, NULL, NULL) || !g_str_has_prefix(name, "cw-media") ||
            !g_file_get_contents(path, &text, NULL, NULL))
            continue;
        at = strstr(text, "\nvoluntary_ctxt_switches:");
        g_assert_nonnull(at);
        sum += strtoul(at + strlen("\nvoluntary_ctxt_switches:"), NULL, 10);
    }
    closedir(list);
    return sum;
}

/* Endpoints joined, media off: the workers sleep. */
static void test_idle(void)
{
    cw_stream f = pcma(8);
    rtp_stream st = { .ssrc = 1, .pt = 8 };
    unsigned long before;
    uint8_t data[256];
    cw_rtp rtp;
    rig r;
    side a, b;

    rig_open(&r);
    side_open(&r, &a, AF_INET, &f, false);
    side_open(&r, &b, AF_INET, &f, false);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    send_next(a.fd, &st, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    let_pass(20); /* whatever follows a packet has followed */
    before = switches();
    g_assert_cmpuint(before, >, 0);
    let_pass(300);
    g_assert_cmpuint(switches() - before, ==, 0);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

/* The pause after a batch, by packets a second: none when it would catch none, never too long. */
static void test_gather(void)
{
    static const struct {
        unsigned rate, max_us, low, high;
    } cases[] = {
        { 100, 250, 0, 0 },       { 4000, 250, 0, 0 },      { 10000, 250, 250, 250 },
        { 50000, 250, 250, 250 }, { 50000, 500, 500, 500 }, { 400000, 250, 32, 128 },
        { 50000, 0, 0, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t now_us = 1000000;
        unsigned us;
        cw_gather g;

        cw_gather_init(&g, cases[i].max_us);
        for (unsigned ms = 0; ms < 100; ms++) {
            (void)cw_gather_next(&g, MAX(cases[i].rate / 1000, ms % 10 == 0), now_us);
            now_us += 1000;
        }
        us = cw_gather_next(&g, 1, now_us);
        g_assert_cmpuint(us, >=, cases[i].low);
        g_assert_cmpuint(us, <=, cases[i].high);
        g_assert_cmpuint(cw_gather_next(&g, 0, now_us), ==, 0);
        g_assert_cmpuint(cw_gather_next(&g, 64, now_us), ==, 0);
    }
}

static void test_port_in_use(void)
{
    cw_addr held;
    int fd = open_socket("127.0.0.1:0", &held);
    cw_plane_conf conf = { .workers = 1, .browser_listen_n = 1, .browser_listen = { held } };
    char why[128] = "", port[16];
    cw_plane *plane;
    cw_loop *loop;

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    g_assert_cmpint(cw_plane_new(loop, &conf, &plane, why), ==, CW_E_IO);
    snprintf(port, sizeof port, ":%u", cw_addr_port(&held));
    g_assert_nonnull(strstr(why, port));
    cw_loop_free(loop);
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(cw_srtp_init(), ==, CW_OK);
    g_test_add_func("/plane/relay", test_relay);
    g_test_add_func("/plane/relay-ipv6", test_relay_ipv6);
    g_test_add_func("/plane/bare-header", test_bare_header);
    g_test_add_func("/plane/change-of-source", test_change_of_source);
    g_test_add_func("/plane/no-mapping", test_no_mapping);
    g_test_add_func("/plane/injection", test_injection);
    g_test_add_func("/plane/latch", test_latch);
    g_test_add_func("/plane/peer-moves", test_peer_moves);
    g_test_add_func("/plane/hostile", test_hostile);
    g_test_add_func("/plane/direction", test_direction);
    g_test_add_func("/plane/loss", test_loss);
    g_test_add_func("/plane/teardown", test_teardown);
    g_test_add_func("/plane/ports-run-out", test_ports_run_out);
    g_test_add_func("/plane/idle", test_idle);
    g_test_add_func("/plane/gather", test_gather);
    g_test_add_func("/plane/port-in-use", test_port_in_use);
    return g_test_run();
}
