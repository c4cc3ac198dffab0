/* test-port.c - RTP port pairs */
#include "media/io/port.h"

#include "base/stats.h"

#include <dirent.h>
#include <glib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FIRST 34301 /* odd: pairs begin at the even port behind it */
#define LAST  34312
#define PAIRS 5 /* 34302..34311 */

static cw_addr listen_on(const char *text) CW_TSA(assert_capability(cw_role_loop))
{
    cw_addr addr;

    cw_assert_on_loop();
    g_assert_cmpint(cw_addr_parse(text, 0, &addr), ==, CW_OK);
    return addr;
}

static unsigned fds(void)
{
    DIR *list = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(list))
        n++;
    closedir(list);
    return n;
}

static void test_pairs(void)
{
    static const char *const ips[] = { "127.0.0.1", "::1" };

    for (size_t k = 0; k < G_N_ELEMENTS(ips); k++) {
        cw_addr ip = listen_on(ips[k]);
        cw_ports *ports = cw_ports_new(&ip, FIRST, LAST);
        cw_port_pair pair[PAIRS], more;
        unsigned before = fds(), seen = 0;

        for (unsigned i = 0; i < PAIRS; i++) {
            g_assert_cmpint(cw_port_open(ports, &pair[i]), ==, CW_OK);
            g_assert_cmpuint(cw_addr_port(&pair[i].addr) % 2, ==, 0);
            g_assert_cmpuint(cw_addr_port(&pair[i].addr), >, FIRST);
            g_assert_cmpuint(cw_addr_port(&pair[i].addr), <, LAST);
            seen |= 1u << (cw_addr_port(&pair[i].addr) - FIRST) / 2;
        }
        g_assert_cmpuint(seen, ==, (1u << PAIRS) - 1);
        g_assert_cmpint(cw_stat_get(CW_STAT_rtp_ports), ==, 2 * PAIRS);
        g_assert_cmpint(cw_port_open(ports, &more), ==, CW_E_NO_PORT);

        cw_port_close(&pair[2]);
        cw_port_release(ports, &pair[2].addr);
        g_assert_cmpint(cw_port_open(ports, &more), ==, CW_OK);
        g_assert_true(cw_addr_eq(&more.addr, &pair[2].addr));
        pair[2] = more;
        for (unsigned i = 0; i < PAIRS; i++) {
            cw_port_close(&pair[i]);
            cw_port_release(ports, &pair[i].addr);
        }
        g_assert_cmpint(cw_stat_get(CW_STAT_rtp_ports), ==, 0);
        g_assert_cmpuint(fds(), ==, before);
        cw_ports_free(ports);
    }
}

/* Others hold an RTP port of one pair and the RTCP port of another. */
static void test_taken_by_others(void)
{
    cw_addr ip = listen_on("127.0.0.1"), held = ip;
    cw_ports *ports = cw_ports_new(&ip, FIRST, LAST);
    cw_port_pair pair[PAIRS], more;
    unsigned before = fds(), n = 0;
    int fd[2];

    for (unsigned i = 0; i < 2; i++) {
        cw_addr_set_port(&held, (uint16_t)(FIRST + 1 + i * 3));
        fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
        g_assert_cmpint(bind(fd[i], &held.sa, cw_addr_len(&held)), ==, 0);
    }
    while (n < PAIRS - 2)
        g_assert_cmpint(cw_port_open(ports, &pair[n++]), ==, CW_OK);
    g_assert_cmpint(cw_port_open(ports, &more), ==, CW_E_NO_PORT);
    while (n-- > 0) {
        cw_port_close(&pair[n]);
        cw_port_release(ports, &pair[n].addr);
    }
    close(fd[0]);
    close(fd[1]);
    g_assert_cmpuint(fds(), ==, before);
    cw_ports_free(ports);
}

static void test_no_descriptors(void)
{
    cw_addr ip = listen_on("127.0.0.1");
    cw_ports *ports = cw_ports_new(&ip, FIRST, LAST);
    struct rlimit was, low;
    cw_port_pair pair;
    int last = dup(0);

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &was), ==, 0);
    low = was;
    low.rlim_cur = (rlim_t)last + 1; /* one is free once `last` is closed: RTP fits, RTCP not */
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
    close(last);
    g_assert_cmpint(cw_port_open(ports, &pair), ==, CW_E_OVERLOAD);
    last = dup(0);
    g_assert_cmpint(last, >=, 0); /* what was opened is closed again */
    close(last);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &was), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_rtp_ports), ==, 0);
    cw_ports_free(ports);
}

static void test_odd_ranges(void)
{
    static const struct {
        uint16_t first, last;
        cw_err want;
    } ranges[] = {
        { 34320, 34320, CW_E_NO_PORT }, { 34321, 34322, CW_E_NO_PORT },
        { 34330, 34329, CW_E_NO_PORT }, { 34320, 34321, CW_OK },
        { 65534, 65535, CW_OK },        { 65535, 65535, CW_E_NO_PORT },
    };
    cw_addr ip = listen_on("127.0.0.1");

    for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
        cw_ports *ports = cw_ports_new(&ip, ranges[i].first, ranges[i].last);
        cw_port_pair pair;
        cw_err err = cw_port_open(ports, &pair);

        g_assert_cmpint(err, ==, ranges[i].want);
        if (!err) {
            cw_port_close(&pair);
            cw_port_release(ports, &pair.addr);
        }
        cw_ports_free(ports);
    }
}

static void test_not_ours(void)
{
    cw_addr ip = listen_on("192.0.2.1"); /* RFC 5737: nobody's */
    cw_ports *ports = cw_ports_new(&ip, FIRST, LAST);
    cw_port_pair pair;

    g_assert_cmpint(cw_port_open(ports, &pair), ==, CW_E_IO);
    cw_ports_free(ports);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cw_role_take(&cw_role_loop);
    g_test_add_func("/port/pairs", test_pairs);
    g_test_add_func("/port/taken-by-others", test_taken_by_others);
    g_test_add_func("/port/no-descriptors", test_no_descriptors);
    g_test_add_func("/port/odd-ranges", test_odd_ranges);
    g_test_add_func("/port/not-ours", test_not_ours);
    return g_test_run();
}
