/* test-plane.c - a real plane between loopback sockets that play the far sides. */
#include "media/plane.h"

#include "base/stats.h"
#include "media/dtmf.h"
#include "media/rtcp.h"
#include "media/rtp.h"

#include <dirent.h>
#include <glib.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_MIN 34000
#define PORT_MAX 34199
#define WAIT_MS  3000

/* ── The rig ────────────────────────────────────────────────────────────────────────────────────
 */
typedef struct rig {
    cw_loop *loop;
    cw_plane *plane;
} rig;

/* A far side: an RTP socket and the endpoint that faces it. */
typedef struct side {
    int fd, rtcp_fd;
    cw_addr addr, rtcp_addr;
    cw_ep *ep;
    unsigned first, latched, digits;
    char digit[32];
    unsigned duration_ms;
    cw_addr from;
} side;

static cw_addr addr_of(const char *text)
{
    cw_addr addr;

    g_assert_cmpint(cw_addr_parse(text, 0, &addr), ==, CW_OK);
    return addr;
}

static void rig_open(rig *r)
{
    cw_plane_conf conf = { .workers = 2,
                           .browser_listen_n = 1,
                           .browser_listen = { addr_of("127.0.0.1:0") },
                           .rtp_listen4 = addr_of("127.0.0.1:0"),
                           .rtp_listen6 = addr_of("[::1]:0"),
                           .rtp_port_min = PORT_MIN,
                           .rtp_port_max = PORT_MAX,
                           .gather_us = 250,
                           .consent_timeout_ms = 30000 };
    char why[128] = "";

    g_assert_cmpint(cw_loop_new(&r->loop), ==, CW_OK);
    g_assert_cmpint(cw_plane_new(r->loop, &conf, &r->plane, why), ==, CW_OK);
}

static void rig_close(rig *r)
{
    cw_plane_free(r->plane);
    cw_loop_free(r->loop);
    g_assert_cmpint(cw_stat_get(CW_STAT_rtp_ports), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_transports), ==, 0);
}

static bool readable(int fd, int ms)
{
    struct pollfd p = { fd, POLLIN, 0 };

    return poll(&p, 1, ms) == 1;
}

/* Run the loop until *what is `n` or time is over. */
static void await(rig *r, const unsigned *what, unsigned n)
{
    uint64_t end = cw_now_ms() + WAIT_MS;

    while (*what < n && cw_now_ms() < end)
        cw_loop_step(r->loop, 20);
    g_assert_cmpuint(*what, ==, n);
}

/* All orders given so far have been worked on: a free is seen to be done by its port. */
static void settle(rig *r)
{
    cw_ep *marker;
    int64_t ports;
    uint64_t end = cw_now_ms() + WAIT_MS;

    for (unsigned i = 0; i < cw_plane_workers(r->plane); i++) {
        ports = cw_stat_get(CW_STAT_rtp_ports);
        g_assert_cmpint(cw_ep_rtp_new(r->plane, i, AF_INET, NULL, NULL, &marker), ==, CW_OK);
        cw_ep_free(marker);
        while (cw_stat_get(CW_STAT_rtp_ports) != ports && cw_now_ms() < end)
            cw_loop_step(r->loop, 5);
    }
}

static void on_ep(void *arg, cw_ep_event event, const cw_ep_info *info)
{
    side *s = arg;

    cw_assert_on_loop();
    switch (event) {
    case CW_EP_FIRST_PACKET:
        s->first++;
        s->from = info->from;
        break;
    case CW_EP_LATCHED:
        s->latched++;
        s->from = info->from;
        break;
    case CW_EP_DTMF:
        g_assert_cmpuint(s->digits, <, sizeof s->digit - 1);
        s->digit[s->digits++] = info->digit;
        s->duration_ms = info->duration_ms;
        break;
    }
}

static int open_socket(const char *ip, cw_addr *ret)
{
    cw_addr addr = addr_of(ip);
    socklen_t len = sizeof *ret;
    int fd = socket(addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, &addr.sa, cw_addr_len(&addr)), ==, 0);
    memset(ret, 0, sizeof *ret);
    g_assert_cmpint(getsockname(fd, &ret->sa, &len), ==, 0);
    return fd;
}

static void format_add(cw_stream *stream, const char *name, uint32_t clock_hz, unsigned pt)
{
    cw_format *format = &stream->format[stream->format_n++];

    g_strlcpy(format->name, name, sizeof format->name);
    format->clock_hz = clock_hz;
    format->channels = 1;
    format->pt = (uint8_t)pt;
}

static cw_stream audio(const char *name, uint32_t clock_hz, unsigned pt, unsigned dtmf_pt,
                       uint32_t dtmf_hz)
{
    cw_stream stream = { .kind = CW_AUDIO, .dir = CW_SENDRECV };

    format_add(&stream, name, clock_hz, pt);
    if (dtmf_pt)
        format_add(&stream, "telephone-event", dtmf_hz, dtmf_pt);
    return stream;
}

static void side_open(rig *r, side *s, int family, const cw_stream *formats, bool latch)
{
    const char *ip = family == AF_INET6 ? "[::1]:0" : "127.0.0.1:0";

    memset(s, 0, sizeof *s);
    s->fd = open_socket(ip, &s->addr);
    s->rtcp_fd = open_socket(ip, &s->rtcp_addr);
    g_assert_cmpint(cw_ep_rtp_new(r->plane, 0, family, on_ep, s, &s->ep), ==, CW_OK);
    cw_ep_formats(s->ep, formats, formats);
    cw_ep_rtp_remote(s->ep, &s->addr, &s->rtcp_addr, false, latch);
}

static void side_close(side *s)
{
    cw_ep_free(s->ep);
    close(s->fd);
    close(s->rtcp_fd);
}

typedef struct stream {
    uint32_t ssrc, ts;
    uint16_t seq;
    uint8_t pt;
} stream;

static size_t rtp_make(uint8_t *data, const stream *st, bool marker, const void *payload,
                       size_t len)
{
    data[0] = 0x80;
    data[1] = (uint8_t)(st->pt | (marker ? 0x80 : 0));
    cw_put16(data + 2, st->seq);
    cw_put32(data + 4, st->ts);
    cw_put32(data + 8, st->ssrc);
    memcpy(data + 12, payload, len);
    return len + 12;
}

static void send_to(int fd, const void *data, size_t len, const cw_addr *to)
{
    g_assert_cmpint(sendto(fd, data, len, 0, &to->sa, cw_addr_len(to)), ==, (ssize_t)len);
}

/* One 20 ms packet of 160 ticks whose payload says its number. */
static void send_next(int fd, stream *st, const cw_addr *to)
{
    uint8_t data[64], payload[8] = { 0 };

    cw_put16(payload, st->seq);
    send_to(fd, data, rtp_make(data, st, false, payload, sizeof payload), to);
    st->seq++;
    st->ts += 160;
}

static bool receive(int fd, cw_rtp *rtp, uint8_t *data, size_t cap)
{
    ssize_t n;

    if (!readable(fd, WAIT_MS))
        return false;
    n = recv(fd, data, cap, 0);
    return n > 0 && cw_rtp_parse(data, (size_t)n, rtp) == CW_OK;
}

G_GNUC_UNUSED static void expect_nothing(int fd)
{
    g_assert_false(readable(fd, 50));
}

/* ── Tests ──────────────────────────────────────────────────────────────────────────────────────
 */
static void relay(int family_a, int family_b)
{
    cw_stream fa = audio("PCMA", 8000, 8, 101, 8000), fb = audio("PCMA", 8000, 97, 99, 8000);
    stream st = { .ssrc = 0x1111, .ts = 1000, .seq = 65530, .pt = 8 };
    cw_ep_stats stats;
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
        static uint16_t seq;
        static uint32_t ts;

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
    g_assert_cmpuint(stats.rx_ssrc, ==, 0x1111);
    g_assert_cmpuint(stats.rx_pt, ==, 8);
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(cw_srtp_init(), ==, CW_OK);
    g_test_add_func("/plane/relay", test_relay);
    g_test_add_func("/plane/relay-ipv6", test_relay_ipv6);
    return g_test_run();
}
