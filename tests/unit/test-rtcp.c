/* test-rtcp.c - RTCP from side A as side B gets it */
#include "media/rtcp.h"

#include "media/rtp.h"

#include <glib.h>
#include <string.h>

enum { A_MEDIA = 0xa1, A_GETS = 0xa2, B_MEDIA = 0xb1, B_GETS = 0xb2 };

static const cw_rtcp_map map = { .a_media = A_MEDIA,
                                 .a_gets = A_GETS,
                                 .b_media = B_MEDIA,
                                 .b_gets = B_GETS,
                                 .ts_add = 1000,
                                 .a_newest = 70000,
                                 .b_newest = 100,
                                 .packets = 33,
                                 .octets = 44,
                                 .cname = "0123456789abcdef" };

#define W(x)                           0, 0, 0, (x)
#define HEAD(count, type, words, ssrc) 0x80 | (count), (type), 0, (words), W(ssrc)
#define INFO                           1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x10, 0, W(9), W(10) /* of an SR */
#define BLOCK(ssrc)                    W(ssrc), 12, 0, 0, 3, 0, 1, 0x11, 0x66, W(7), 9, 9, 9, 9, W(5) /* seq 69990 */
#define SDES                                                                                       \
    0x81, 202, 0, 6, W(B_GETS), 1, 16, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', \
        'c', 'd', 'e', 'f', 0, 0
#define BLOCK_B W(B_MEDIA), 12, 0, 0, 3, W(90), W(7), 9, 9, 9, 9, W(5) /* ten behind here too */

static const struct {
    const char *name;
    uint8_t in[120];
    size_t in_len;
    uint8_t want[160];
    size_t want_len;
} cases[] = {
    { "sr",
      { HEAD(0, 200, 6, A_MEDIA), INFO },
      28,
      { HEAD(0, 200, 6, B_GETS), 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x13, 0xe8, W(33), W(44), SDES },
      56 },
    { "sr-block",
      { HEAD(1, 200, 12, A_MEDIA), INFO, BLOCK(A_GETS) },
      52,
      { HEAD(1, 200, 12, B_GETS), 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x13, 0xe8, W(33), W(44), BLOCK_B,
        SDES },
      80 },
    { "sr-of-another-keeps-its-block",
      { HEAD(1, 200, 12, 0x55), INFO, BLOCK(A_GETS) },
      52,
      { HEAD(1, 201, 7, B_GETS), BLOCK_B, SDES },
      60 },
    { "rr-of-two",
      { HEAD(2, 201, 13, 1), BLOCK(0x77), BLOCK(A_GETS) },
      56,
      { HEAD(1, 201, 7, B_GETS), BLOCK_B, SDES },
      60 },
    { "rr-of-others", { HEAD(1, 201, 7, 1), BLOCK(0x77) }, 32, { 0 }, 0 },
    { "rr-empty", { HEAD(0, 201, 1, A_MEDIA) }, 8, { 0 }, 0 },
    { "count-lies", { HEAD(3, 201, 7, 1), BLOCK(A_GETS) }, 32, { 0 }, 0 },
    { "bye", { HEAD(1, 203, 1, A_MEDIA) }, 8, { 0 }, 0 },
    { "app", { HEAD(1, 204, 2, A_MEDIA), 'n', 'a', 'm', 'e' }, 12, { 0 }, 0 },
    { "xr", { HEAD(0, 207, 1, A_MEDIA) }, 8, { 0 }, 0 },
    { "transport-cc", { HEAD(15, 205, 2, 1), W(A_GETS) }, 12, { 0 }, 0 },
    { "pli",
      { HEAD(1, 206, 2, 1), W(A_GETS) },
      12,
      { HEAD(0, 201, 1, B_GETS), SDES, HEAD(1, 206, 2, B_GETS), W(B_MEDIA) },
      48 },
    { "pli-of-another", { HEAD(1, 206, 2, 1), W(0x77) }, 12, { 0 }, 0 },
    { "pli-padded",
      { 0xa1, 206, 0, 3, W(1), W(A_GETS), W(4) },
      16,
      { HEAD(0, 201, 1, B_GETS), SDES, HEAD(1, 206, 2, B_GETS), W(B_MEDIA) },
      48 },
    { "fir",
      { HEAD(4, 206, 6, 1), W(0), W(0x77), W(1), W(A_GETS), 5, 0, 0, 0 },
      28,
      { HEAD(0, 201, 1, B_GETS), SDES, HEAD(4, 206, 4, B_GETS), W(0), W(B_MEDIA), 5, 0, 0, 0 },
      56 },
    { "nack",
      { HEAD(1, 205, 3, 1), W(A_GETS), 0x11, 0x66, 0x80, 1 },
      16,
      { HEAD(0, 201, 1, B_GETS), SDES, HEAD(1, 205, 3, B_GETS), W(B_MEDIA), 0, 90, 0x80, 1 },
      52 },
    { "remb",
      { HEAD(15, 206, 6, 1), W(0), 'R', 'E', 'M', 'B', 2, 1, 2, 3, W(0x77), W(A_GETS) },
      28,
      { HEAD(0, 201, 1, B_GETS), SDES, HEAD(15, 206, 5, B_GETS), W(0), 'R', 'E', 'M', 'B', 1, 1, 2,
        3, W(B_MEDIA) },
      60 },
    { "remb-count-lies",
      { HEAD(15, 206, 5, 1), W(0), 'R', 'E', 'M', 'B', 9, 1, 2, 3, W(A_GETS) },
      24,
      { 0 },
      0 },
    { "report-then-rubbish",
      { HEAD(1, 201, 7, 1), BLOCK(A_GETS), 1, 2, 3, 4 },
      36,
      { HEAD(1, 201, 7, B_GETS), BLOCK_B, SDES },
      60 },
};

static void test_translate(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree uint8_t *in = g_memdup2(cases[i].in, cases[i].in_len);
        uint8_t out[200];
        size_t len = cw_rtcp_translate(in, cases[i].in_len, &map, out, sizeof out);

        g_test_message("%s", cases[i].name);
        g_assert_cmpmem(out, len, cases[i].want, cases[i].want_len);
        if (len)
            g_assert_cmpint(cw_rtcp_check(out, len), ==, CW_OK);
    }
}

/* However little room: never beyond it, never half a packet. */
static void test_room(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (size_t cap = 0; cap < cases[i].want_len; cap++) {
            g_autofree uint8_t *out = g_malloc(cap + !cap);
            size_t len = cw_rtcp_translate(cases[i].in, cases[i].in_len, &map, out, cap);

            g_assert_cmpuint(len, <=, cap);
            if (len)
                g_assert_cmpint(cw_rtcp_check(out, len), ==, CW_OK);
        }
    }
}

static void test_nothing_known(void)
{
    static const uint8_t sr[] = { HEAD(1, 200, 12, A_MEDIA), INFO, BLOCK(A_GETS) };
    cw_rtcp_map none = map;
    uint8_t out[200];

    none.a_media = none.b_media = 0;
    g_assert_cmpuint(cw_rtcp_translate(sr, sizeof sr, &none, out, sizeof out), ==, 0);
}

static const struct {
    const char *name;
    uint8_t data[20];
    size_t len;
    cw_err want;
} checks[] = {
    { "empty", { 0 }, 0, CW_E_SHORT },
    { "head-cut", { 0x80, 201, 0 }, 3, CW_E_SHORT },
    { "version", { 0x40, 201, 0, 1, W(1) }, 8, CW_E_VERSION },
    { "length-lies", { 0x80, 201, 0, 2, W(1) }, 8, CW_E_SHORT },
    { "second-cut", { 0x80, 201, 0, 1, W(1), 0x80, 201, 0, 1 }, 12, CW_E_SHORT },
    { "padding-inside", { 0xa0, 201, 0, 1, W(4), 0x80, 201, 0, 0 }, 12, CW_E_SHORT },
    { "padding-too-long", { 0xa0, 201, 0, 1, W(8) }, 8, CW_E_SHORT },
    { "ok", { 0x80, 201, 0, 1, W(1) }, 8, CW_OK },
};

static void test_check(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        g_autofree uint8_t *data = g_memdup2(checks[i].data, checks[i].len);

        g_test_message("%s", checks[i].name);
        g_assert_cmpint(cw_rtcp_check(data, checks[i].len), ==, checks[i].want);
    }
}

static void test_pli(void)
{
    static const uint8_t want[] = { HEAD(0, 201, 1, B_GETS), SDES, HEAD(1, 206, 2, B_GETS),
                                    W(B_MEDIA) };
    uint8_t out[100];
    size_t len = cw_rtcp_pli(B_GETS, B_MEDIA, map.cname, out, sizeof out);

    g_assert_cmpmem(out, len, want, sizeof want);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtcp/check", test_check);
    g_test_add_func("/rtcp/translate", test_translate);
    g_test_add_func("/rtcp/room", test_room);
    g_test_add_func("/rtcp/nothing-known", test_nothing_known);
    g_test_add_func("/rtcp/pli", test_pli);
    return g_test_run();
}
