#include "plane-rig.h"

cw_addr addr_of(const char *text)
{
    cw_addr addr;

    g_assert_cmpint(cw_addr_parse(text, 0, &addr), ==, CW_OK);
    return addr;
}

void rig_open_as(rig *r, const cw_plane_conf *conf)
{
    char why[128] = "";

    cw_role_take(&cw_role_loop);
    cw_assert_on_loop();
    g_assert_cmpint(cw_loop_new(&r->loop), ==, CW_OK);
    g_assert_cmpint(cw_plane_new(r->loop, conf, &r->plane, why), ==, CW_OK);
}

void rig_open(rig *r)
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

    rig_open_as(r, &conf);
}

void rig_close(rig *r)
{
    cw_plane_free(r->plane);
    cw_loop_free(r->loop);
    g_assert_cmpint(cw_stat_get(CW_STAT_rtp_ports), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_transports), ==, 0);
}

void let_pass(int ms)
{
    poll(NULL, 0, ms);
}

bool readable(int fd, int ms)
{
    struct pollfd p = { fd, POLLIN, 0 };

    return poll(&p, 1, ms) == 1;
}

void await(rig *r, const unsigned *what, unsigned n)
{
    uint64_t end = cw_now_ms() + WAIT_MS;

    while (*what < n && cw_now_ms() < end)
        cw_loop_step(r->loop, 20);
    g_assert_cmpuint(*what, ==, n);
}

void settle(rig *r)
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

void on_ep(void *arg, cw_ep_event event, const cw_ep_info *info)
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
        s->passed = info->passed;
        break;
    case CW_EP_SILENT:
        s->silent++;
        break;
    case CW_EP_HEARD:
        s->heard++;
        break;
    case CW_EP_DEAD:
        s->dead++;
        break;
    case CW_EP_KEYFRAME_WANTED:
        s->keyframes++;
        break;
    case CW_EP_OTHER:
        s->others++;
        s->other = info->other;
        break;
    }
}

int open_socket(const char *ip, cw_addr *ret)
{
    cw_addr addr = addr_of(ip);
    socklen_t len = sizeof *ret;
    int fd = socket(addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, &addr.sa, cw_addr_len(&addr)), ==, 0);
    memset(ret, 0, sizeof *ret);
    g_assert_cmpint(getsockname(fd, &ret->sa, &len), ==, 0);
    return fd;
}

void format_add(cw_stream *stream, const char *name, uint32_t clock_hz, unsigned pt)
{
    cw_format *format = &stream->format[stream->format_n++];

    g_strlcpy(format->name, name, sizeof format->name);
    format->clock_hz = clock_hz;
    format->channels = 1;
    format->pt = (uint8_t)pt;
}

cw_stream audio(const char *name, uint32_t clock_hz, unsigned pt, unsigned dtmf_pt,
                uint32_t dtmf_hz)
{
    cw_stream stream = { .kind = CW_AUDIO, .dir = CW_SENDRECV };

    format_add(&stream, name, clock_hz, pt);
    if (dtmf_pt)
        format_add(&stream, "telephone-event", dtmf_hz, dtmf_pt);
    return stream;
}

void side_open(rig *r, side *s, int family, const cw_stream *formats, bool latch)
{
    const char *ip = family == AF_INET6 ? "[::1]:0" : "127.0.0.1:0";

    memset(s, 0, sizeof *s);
    s->fd = open_socket(ip, &s->addr);
    s->rtcp_fd = open_socket(ip, &s->rtcp_addr);
    g_assert_cmpint(cw_ep_rtp_new(r->plane, 0, family, on_ep, s, &s->ep), ==, CW_OK);
    cw_ep_formats(s->ep, formats, formats);
    cw_ep_rtp_remote(s->ep, &s->addr, &s->rtcp_addr, false, latch);
}

void side_close(side *s)
{
    cw_ep_free(s->ep);
    close(s->fd);
    close(s->rtcp_fd);
}

size_t rtp_make(uint8_t *data, const rtp_stream *st, bool marker, const void *payload, size_t len)
{
    data[0] = 0x80;
    data[1] = (uint8_t)(st->pt | (marker ? 0x80 : 0));
    cw_put16(data + 2, st->seq);
    cw_put32(data + 4, st->ts);
    cw_put32(data + 8, st->ssrc);
    memcpy(data + 12, payload, len);
    return len + 12;
}

void send_to(int fd, const void *data, size_t len, const cw_addr *to)
{
    g_assert_cmpint(sendto(fd, data, len, 0, &to->sa, cw_addr_len(to)), ==, (ssize_t)len);
}

void send_next(int fd, rtp_stream *st, const cw_addr *to)
{
    uint8_t data[64], payload[8] = { 0 };

    cw_put16(payload, st->seq);
    send_to(fd, data, rtp_make(data, st, false, payload, sizeof payload), to);
    st->seq++;
    st->ts += 160;
}

bool receive(int fd, cw_rtp *rtp, uint8_t *data, size_t cap)
{
    ssize_t n;

    if (!readable(fd, WAIT_MS))
        return false;
    n = recv(fd, data, cap, 0);
    return n > 0 && cw_rtp_parse(data, (size_t)n, rtp) == CW_OK;
}

void expect_nothing(int fd)
{
    g_assert_false(readable(fd, 50));
}
