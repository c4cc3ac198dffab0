/* main.c - the loop: commands from stdin, packets, the clock. */
#include "webpeer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define HOUSEKEEPING_MS 50

static GString *input;

static uint64_t clock_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t wp_now_ms(void)
{
    return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t wp_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

/* RFC 7983 7 */
static void on_packet(wp_ep *ep, wp_sock *sock, uint8_t *data, size_t len, const cw_addr *from,
                      uint64_t at_ns)
{
    if (len < 2)
        return;
    if (data[0] >= 128 && data[0] <= 191)
        wp_flow_packet(ep, sock, data, len, at_ns);
    else if (ep->web && data[0] <= 3)
        wp_ice_packet(ep, data, len, from);
    else if (ep->web && data[0] >= 20 && data[0] <= 63)
        wp_dtls_packet(ep, data, len);
}

static void tick_one(wp_ep *ep, void *arg)
{
    if (!ep->web)
        return;
    wp_ice_tick(ep, *(uint64_t *)arg);
    wp_dtls_tick(ep);
}

/* False: no more commands. */
static bool read_input(void)
{
    char part[65536];
    ssize_t n = read(STDIN_FILENO, part, sizeof part);
    char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return false;
    g_string_append_len(input, part, n);
    while ((end = memchr(input->str, '\n', input->len))) {
        size_t len = (size_t)(end - input->str);
        bool more = wp_command(input->str, len);

        g_string_erase(input, 0, (gssize)len + 1);
        if (!more)
            return false;
    }
    return true;
}

static void run(int epoll)
{
    struct epoll_event events[64];
    uint64_t next_house = 0;

    for (;;) {
        struct timespec busy = { .tv_nsec = WP_TICK_US * 1000 };
        struct timespec idle = { .tv_nsec = HOUSEKEEPING_MS * 1000000 };
        int n = epoll_pwait2(epoll, events, 64, wp_flow_any() ? &busy : &idle, NULL);
        uint64_t now;

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                wp_sock_read(events[i].data.ptr);
            else if (!read_input())
                return;
            if (!events[i].data.ptr) /* a command may have closed sockets of later events */
                break;
        }
        wp_shared_poll(wp_flow_any());
        now = clock_ns(CLOCK_MONOTONIC) / 1000;
        if (wp_flow_any())
            wp_flow_run(now);
        if (now / 1000 >= next_house) {
            uint64_t now_ms = now / 1000;

            wp_for_each(tick_one, &now_ms);
            next_house = now_ms + HOUSEKEEPING_MS;
        }
    }
}

int main(int argc, char **argv)
{
    const char *suites =
        argc > 1 ? argv[1] : "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN };
    const char *net = g_getenv("WEBPEER_NET");
    cw_addr base = { 0 };

    if (net && (cw_addr_parse(net, 0, &base) || cw_addr_family(&base) != AF_INET)) {
        fprintf(stderr, "webpeer: WEBPEER_NET is no IPv4 address\n");
        return 2;
    }
    if (cw_srtp_init() || !wp_dtls_init(suites) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event)) {
        fprintf(stderr, "usage: webpeer [SRTP-PROFILE[:SRTP-PROFILE...]] <commands\n");
        return 2;
    }
    prctl(PR_SET_TIMERSLACK, 1); /* nanoseconds: ticks on time */
    input = g_string_new(NULL);
    wp_net_init(epoll, on_packet, net ? &base : NULL);
    wp_command_init();
    run(epoll);
    g_string_free(input, TRUE);
    return 0;
}
