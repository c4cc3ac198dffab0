/* test-frame.c - UDP, IP and Ethernet by hand: what is let in, and what is sent */
#include "media/io/frame.h"

#include <glib.h>
#include <string.h>

#define ETHER4 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x00
#define ETHER6 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x86, 0xdd
#define ADDRS4 192, 0, 2, 1, 198, 51, 100, 2
#define ADDRS6                                                                                     \
    0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0,  \
        0, 0, 0, 0, 0, 2
/* total length, fragment field, protocol */
#define IP4(total, frag, proto) 0x45, 0, 0, (total), 0, 0, (frag), 0, 64, (proto), 0, 0, ADDRS4
#define IP6(len, next)          0x60, 0, 0, 0, 0, (len), (next), 64, ADDRS6
#define UDP(len)                0x13, 0x88, 0x1b, 0x58, 0, (len), 0, 0

static const struct {
    const char *name;
    uint8_t data[80];
    size_t len;
    cw_err want;
    size_t payload;
} cases[] = {
    { "empty", { 0 }, 0, CW_E_SHORT },
    { "ether-cut", { ETHER4 }, 13, CW_E_SHORT },
    { "arp", { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 6, 1 }, 60, CW_E_UNSUPPORTED },
    { "vlan", { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x81, 0 }, 60, CW_E_UNSUPPORTED },
    { "ip4", { ETHER4, IP4(31, 0, 17), UDP(11), 7, 7, 7 }, 45, CW_OK, 3 },
    { "ip4-dont-fragment", { ETHER4, IP4(31, 0x40, 17), UDP(11), 7, 7, 7 }, 45, CW_OK, 3 },
    { "ip4-ether-padding", { ETHER4, IP4(31, 0, 17), UDP(11), 7, 7, 7 }, 60, CW_OK, 3 },
    { "ip4-no-payload", { ETHER4, IP4(28, 0, 17), UDP(8) }, 42, CW_OK, 0 },
    { "ip4-cut", { ETHER4, IP4(31, 0, 17) }, 33, CW_E_SHORT },
    { "ip4-total-long", { ETHER4, IP4(32, 0, 17), UDP(11), 7, 7, 7 }, 45, CW_E_SHORT },
    { "ip4-total-short", { ETHER4, IP4(19, 0, 17), UDP(11), 7, 7, 7 }, 45, CW_E_SHORT },
    { "ip4-options",
      { ETHER4, 0x46, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, ADDRS4 },
      60,
      CW_E_UNSUPPORTED },
    { "ip4-first-fragment", { ETHER4, IP4(31, 0x20, 17), UDP(11), 7, 7, 7 }, 45, CW_E_UNSUPPORTED },
    { "ip4-later-fragment", { ETHER4, IP4(31, 1, 17), UDP(11), 7, 7, 7 }, 45, CW_E_UNSUPPORTED },
    { "ip4-tcp", { ETHER4, IP4(31, 0, 6), UDP(11), 7, 7, 7 }, 45, CW_E_UNSUPPORTED },
    { "udp-cut", { ETHER4, IP4(27, 0, 17), UDP(8) }, 41, CW_E_SHORT },
    { "udp-long", { ETHER4, IP4(31, 0, 17), UDP(12), 7, 7, 7 }, 45, CW_E_SHORT },
    { "udp-short", { ETHER4, IP4(31, 0, 17), UDP(7), 7, 7, 7 }, 45, CW_E_SHORT },
    { "ip6", { ETHER6, IP6(11, 17), UDP(11), 7, 7, 7 }, 65, CW_OK, 3 },
    { "ip6-cut", { ETHER6, IP6(11, 17) }, 53, CW_E_SHORT },
    { "ip6-long", { ETHER6, IP6(12, 17), UDP(11), 7, 7, 7 }, 65, CW_E_SHORT },
    { "ip6-extension", { ETHER6, IP6(11, 0), UDP(11), 7, 7, 7 }, 65, CW_E_UNSUPPORTED },
    { "ip6-version", { ETHER6, 0x40 }, 60, CW_E_UNSUPPORTED },
};

static void test_parse(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree uint8_t *data = g_memdup2(cases[i].data, cases[i].len);
        cw_frame frame;

        g_test_message("%s", cases[i].name);
        g_assert_cmpint(cw_frame_parse(data, cases[i].len, &frame), ==, cases[i].want);
        if (cases[i].want)
            continue;
        g_assert_cmpuint(frame.len, ==, cases[i].payload);
        g_assert_cmpuint(cw_addr_port(&frame.from), ==, 5000);
        g_assert_cmpuint(cw_addr_port(&frame.to), ==, 7000);
        for (size_t k = 0; k < frame.len; k++)
            g_assert_cmpuint(frame.data[k], ==, 7);
    }
}

/* RFC 1071 as it is written, a word at a time. */
static uint16_t plain_sum(uint32_t sum, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void check_printed(const char *from_text, const char *to_text, size_t head, size_t addrs_at)
{
    static const cw_link link = { .to = { 1, 1, 1, 1, 1, 1 }, .from = { 2, 2, 2, 2, 2, 2 } };
    uint8_t data[300];
    cw_addr from, to;

    g_assert_cmpint(cw_addr_parse(from_text, 0, &from), ==, CW_OK);
    g_assert_cmpint(cw_addr_parse(to_text, 0, &to), ==, CW_OK);
    for (size_t len = 0; len < sizeof data; len++) {
        g_autofree uint8_t *ret = g_malloc(len + head);
        size_t ip_len = head - 14 - 8, addrs_len = ip_len + 14 - addrs_at;
        cw_frame frame;

        memset(data, (int)(len * 37), len);
        g_assert_cmpuint(cw_frame_print(ret, &link, &from, &to, data, len), ==, len + head);
        g_assert_cmpint(cw_frame_parse(ret, len + head, &frame), ==, CW_OK);
        g_assert_true(cw_addr_eq(&frame.from, &from));
        g_assert_true(cw_addr_eq(&frame.to, &to));
        g_assert_cmpmem(frame.data, frame.len, data, len);
        g_assert_cmpmem(ret, 12, &link, 12);
        if (ip_len == 20)
            g_assert_cmpuint(plain_sum(0, ret + 14, 20), ==, 0xffff);
        /* the pseudo header: addresses, protocol, length */
        g_assert_cmpuint(plain_sum(plain_sum(17 + (uint32_t)len + 8, ret + addrs_at, addrs_len),
                                   ret + 14 + ip_len, len + 8),
                         ==, 0xffff);
    }
}

static void test_print(void)
{
    check_printed("192.0.2.1:5000", "198.51.100.2:7001", 42, 26);
    check_printed("[2001:db8::1]:5000", "[2001:db8::ffff:2]:65535", 62, 22);
}

/* A sum of zero is sent as its other form: zero says that there is none (RFC 768). */
static void test_no_zero(void)
{
    cw_addr from, to;
    uint8_t ret[64], data[2];
    cw_link link = { 0 };
    unsigned zeros = 0;

    g_assert_cmpint(cw_addr_parse("192.0.2.1:5000", 0, &from), ==, CW_OK);
    g_assert_cmpint(cw_addr_parse("192.0.2.2:7000", 0, &to), ==, CW_OK);
    for (unsigned i = 0; i < 65536; i++) {
        data[0] = (uint8_t)(i >> 8);
        data[1] = (uint8_t)i;
        cw_frame_print(ret, &link, &from, &to, data, 2);
        g_assert_false(ret[40] == 0 && ret[41] == 0);
        zeros += ret[40] == 0xff && ret[41] == 0xff;
    }
    g_assert_cmpuint(zeros, >=, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame/parse", test_parse);
    g_test_add_func("/frame/print", test_print);
    g_test_add_func("/frame/no-zero", test_no_zero);
    return g_test_run();
}
