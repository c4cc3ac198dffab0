/* test-rtcp.c - RTCP read and written, to the byte */
#include "media/rtp/rtcp.h"

#include "media/rtp/rtp.h"
#include "media/rtp/twcc.h"

#include <glib.h>
#include <string.h>

enum { OWN = 0xb2, MEDIA = 0xa1 };

#define W(x)                           0, 0, 0, (x)
#define HEAD(count, type, words, ssrc) 0x80 | (count), (type), 0, (words), W(ssrc)
#define INFO                           1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x10, 0, W(9), W(10) /* of an SR */
#define BLOCK(ssrc)                    W(ssrc), 12, 0xff, 0xff, 0xfe, 0, 1, 0x11, 0x66, W(7), 9, 9, 9, 9, W(5)
#define SDES                                                                                       \
    0x81, 202, 0, 6, W(OWN), 1, 16, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b',    \
        'c', 'd', 'e', 'f', 0, 0

/* ── Reading ── */
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

/* What a compound says, in words. */
static char *words_of(const uint8_t *data, size_t len)
{
    GString *text = g_string_new(NULL);
    const uint8_t *at = data;
    cw_rtcp_sender sender;
    cw_rtcp_block block;
    cw_rtcp_item item;
    uint16_t seq[8];
    uint64_t bps;
    uint8_t nr;
    size_t n;

    while (cw_rtcp_next(&at, data + len, &item)) {
        if (cw_rtcp_read_sender(&item, &sender))
            g_string_append_printf(text, "sr(%x %" G_GINT64_MODIFIER "x %u %u %u)",
                                   cw_rtcp_from(&item), sender.ntp, sender.ts, sender.packets,
                                   sender.octets);
        if (cw_rtcp_read_block(&item, OWN, &block))
            g_string_append_printf(text, "block(%u %d %u %u %x %u)", block.fraction, block.lost,
                                   block.newest, block.jitter, block.lsr, block.dlsr);
        if (cw_rtcp_is_pli(&item, OWN))
            g_string_append(text, "pli");
        if (cw_rtcp_is_fir(&item, OWN, &nr))
            g_string_append_printf(text, "fir(%u)", nr);
        if (cw_rtcp_read_remb(&item, OWN, &bps))
            g_string_append_printf(text, "remb(%" G_GUINT64_FORMAT ")", bps);
        n = cw_rtcp_read_nack(&item, OWN, seq, G_N_ELEMENTS(seq));
        for (size_t i = 0; i < n; i++)
            g_string_append_printf(text, "%s%u", i ? "," : "nack:", seq[i]);
    }
    return g_string_free(text, FALSE);
}

static const struct {
    const char *name;
    uint8_t data[120];
    size_t len;
    const char *want;
} reads[] = {
    { "sr", { HEAD(0, 200, 6, MEDIA), INFO }, 28, "sr(a1 102030405060708 4096 9 10)" },
    { "sr-block",
      { HEAD(1, 200, 12, MEDIA), INFO, BLOCK(OWN) },
      52,
      "sr(a1 102030405060708 4096 9 10)block(12 -2 69990 7 9090909 5)" },
    { "sr-cut", { HEAD(0, 200, 5, MEDIA), INFO }, 24, "" },
    { "rr-of-two",
      { HEAD(2, 201, 13, 1), BLOCK(0x77), BLOCK(OWN) },
      56,
      "block(12 -2 69990 7 9090909 5)" },
    { "rr-of-others", { HEAD(1, 201, 7, 1), BLOCK(0x77) }, 32, "" },
    { "count-lies", { HEAD(3, 201, 7, 1), BLOCK(OWN) }, 32, "" },
    { "bye", { HEAD(1, 203, 1, MEDIA) }, 8, "" },
    { "app", { HEAD(1, 204, 2, MEDIA), 'n', 'a', 'm', 'e' }, 12, "" },
    { "xr", { HEAD(0, 207, 1, MEDIA) }, 8, "" },
    { "transport-cc", { HEAD(15, 205, 2, 1), W(OWN) }, 12, "" },
    { "pli-alone", { HEAD(1, 206, 2, 1), W(OWN) }, 12, "pli" }, /* RFC 5506 */
    { "pli-of-another", { HEAD(1, 206, 2, 1), W(0x77) }, 12, "" },
    { "pli-cut", { HEAD(1, 206, 1, 1) }, 8, "" },
    { "pli-padded", { 0xa1, 206, 0, 3, W(1), W(OWN), W(4) }, 16, "pli" },
    { "fir", { HEAD(4, 206, 6, 1), W(0), W(0x77), W(1), W(OWN), 5, 0, 0, 0 }, 28, "fir(5)" },
    { "fir-cut", { HEAD(4, 206, 3, 1), W(0), W(OWN) }, 16, "" },
    { "nack", { HEAD(1, 205, 3, 1), W(OWN), 0xff, 0xff, 0x80, 1 }, 16, "nack:65535,0,15" },
    { "nack-of-two", { HEAD(1, 205, 4, 1), W(OWN), 0, 5, 0, 0, 0, 9, 0, 0 }, 20, "nack:5,9" },
    { "nack-more-than-asked-for",
      { HEAD(1, 205, 3, 1), W(OWN), 0, 1, 0xff, 0xff },
      16,
      "nack:1,2,3,4,5,6,7,8" },
    { "remb",
      { HEAD(15, 206, 6, 1), W(0), 'R', 'E', 'M', 'B', 2, 0x06, 0x49, 0xf0, W(0x77), W(OWN) },
      28,
      "remb(300000)" }, /* exponent 1, mantissa 150000 */
    { "remb-huge",
      { HEAD(15, 206, 5, 1), W(0), 'R', 'E', 'M', 'B', 1, 0xff, 0xff, 0xff, W(OWN) },
      24,
      "remb(18446744073709551615)" },
    { "remb-count-lies",
      { HEAD(15, 206, 5, 1), W(0), 'R', 'E', 'M', 'B', 9, 1, 2, 3, W(OWN) },
      24,
      "" },
    { "pli-then-rubbish", { HEAD(1, 206, 2, 1), W(OWN), 1, 2, 3, 4 }, 16, "pli" },
};

static void test_read(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reads); i++) {
        g_autofree uint8_t *data = g_memdup2(reads[i].data, reads[i].len);
        g_autofree char *words = words_of(data, reads[i].len);

        g_test_message("%s", reads[i].name);
        g_assert_cmpstr(words, ==, reads[i].want);
    }
}

/* ── Writing ── */
static const cw_rtcp_sender sender = {
    .ntp = 0x102030405060708, .ts = 0x1000, .packets = 9, .octets = 10
};
static const cw_rtcp_block block = { .ssrc = MEDIA,
                                     .fraction = 12,
                                     .lost = -2,
                                     .newest = 69990,
                                     .jitter = 7,
                                     .lsr = 0x9090909,
                                     .dlsr = 5 };

typedef void write_fn(cw_rtcp_out *out);

static void write_sr(cw_rtcp_out *out)
{
    cw_rtcp_put_report(out, &sender, &block);
    cw_rtcp_put_cname(out, "0123456789abcdef");
}

static void write_rr(cw_rtcp_out *out)
{
    cw_rtcp_put_report(out, NULL, NULL);
}

static void write_pictures(cw_rtcp_out *out)
{
    cw_rtcp_put_pli(out, MEDIA);
    cw_rtcp_put_fir(out, MEDIA, 7);
}

static void write_nack(cw_rtcp_out *out)
{
    static const uint16_t seq[] = { 65530, 65531, 10, 11, 30, 100 };

    cw_rtcp_put_nack(out, MEDIA, seq, G_N_ELEMENTS(seq));
}

static void write_remb(cw_rtcp_out *out)
{
    cw_rtcp_put_remb(out, MEDIA, 300000);
}

static const struct {
    const char *name;
    write_fn *write;
    uint8_t want[120];
    size_t len;
} writes[] = {
    { "sr", write_sr, { HEAD(1, 200, 12, OWN), INFO, BLOCK(MEDIA), SDES }, 80 },
    { "rr", write_rr, { HEAD(0, 201, 1, OWN) }, 8 },
    { "pli-fir",
      write_pictures,
      { HEAD(1, 206, 2, OWN), W(MEDIA), HEAD(4, 206, 4, OWN), W(0), W(MEDIA), 7, 0, 0, 0 },
      32 },
    { "nack",
      write_nack,
      { HEAD(1, 205, 6, OWN), W(MEDIA), 0xff, 0xfa, 0x80, 1, 0, 11, 0, 0, 0, 30, 0, 0, 0, 100, 0,
        0 },
      28 },
    { "remb",
      write_remb,
      { HEAD(15, 206, 5, OWN), W(0), 'R', 'E', 'M', 'B', 1, 0x06, 0x49, 0xf0, W(MEDIA) },
      24 },
};

/* However little room: never beyond it, never half a packet. */
static void test_write(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(writes); i++) {
        g_test_message("%s", writes[i].name);
        for (size_t cap = 0; cap <= writes[i].len; cap++) {
            g_autofree uint8_t *data = g_malloc(cap + !cap);
            cw_rtcp_out out = { .data = data, .cap = cap, .own = OWN };

            writes[i].write(&out);
            if (cap == writes[i].len)
                g_assert_cmpmem(data, out.len, writes[i].want, writes[i].len);
            else if (out.len)
                g_assert_cmpint(cw_rtcp_check(data, out.len), ==, CW_OK);
        }
    }
}

/* ── Transport-wide feedback ── */
#define REF_US UINT64_C(6400000) /* 100 units of 64 ms */

static size_t feedback(cw_twcc *twcc, uint8_t *data, size_t cap)
{
    cw_rtcp_out out = { .data = data, .cap = cap, .own = OWN };

    cw_twcc_put(twcc, &out, REF_US);
    return out.len;
}

/* Two bits each: came at once, lost, after 1 ms, back by 1 ms (a large delta), after 2 ms. */
static void test_twcc_vector(void)
{
    static const uint8_t want[] = { HEAD(15, 205, 6, OWN),
                                    W(MEDIA),
                                    0xff,
                                    0xfe,
                                    0,
                                    5,
                                    0,
                                    0,
                                    100,
                                    0,
                                    0xd1,
                                    0x90,
                                    0,
                                    4,
                                    0xff,
                                    0xfc,
                                    8,
                                    0 };
    g_autofree cw_twcc *twcc = g_new0(cw_twcc, 1);
    uint8_t data[256];
    size_t len;

    cw_twcc_got(twcc, 0xfffe, MEDIA, REF_US);
    cw_twcc_got(twcc, 0, MEDIA, REF_US + 1000);
    cw_twcc_got(twcc, 1, MEDIA, REF_US);
    cw_twcc_got(twcc, 2, MEDIA, REF_US + 2000);
    len = feedback(twcc, data, sizeof data);
    g_assert_cmpmem(data, len, want, sizeof want);
    g_assert_cmpuint(feedback(twcc, data, sizeof data), ==, 0); /* nothing new */
}

/* Ten that came as one run, twenty lost as another, then one. The second feedback goes on behind
 * the first, its reference 64 ms later, its count one more. */
static void test_twcc_runs(void)
{
    static const uint8_t want[] = { HEAD(15, 205, 9, OWN),
                                    W(MEDIA),
                                    0,
                                    0,
                                    0,
                                    31,
                                    0,
                                    0,
                                    100,
                                    0,
                                    0x20,
                                    10,
                                    0x00,
                                    20,
                                    0x20,
                                    1,
                                    4,
                                    4,
                                    4,
                                    4,
                                    4,
                                    4,
                                    4,
                                    4,
                                    4,
                                    4,
                                    4,
                                    0,
                                    0,
                                    0 };
    static const uint8_t next[] = {
        HEAD(15, 205, 5, OWN), W(MEDIA), 0, 31, 0, 1, 0, 0, 101, 1, 0x20, 1, 0, 0
    };
    g_autofree cw_twcc *twcc = g_new0(cw_twcc, 1);
    uint8_t data[256];
    size_t len;

    for (unsigned i = 0; i < 10; i++)
        cw_twcc_got(twcc, (uint16_t)i, MEDIA, REF_US + (i + 1) * 1000);
    cw_twcc_got(twcc, 30, MEDIA, REF_US + 11000);
    len = feedback(twcc, data, sizeof data);
    g_assert_cmpmem(data, len, want, sizeof want);
    cw_twcc_got(twcc, 31, MEDIA, REF_US + 64000);
    len = feedback(twcc, data, sizeof data);
    g_assert_cmpmem(data, len, next, sizeof next);
}

/* What a delta cannot say begins a packet of its own; whatever comes, packets stay well formed. */
static unsigned get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

/* What is kept of each number: when it came first, and nothing of the one a window before. */
static void test_twcc_memory(void)
{
    g_autofree cw_twcc *twcc = g_new0(cw_twcc, 1), *once = g_new0(cw_twcc, 1);
    uint8_t data[1500], other[1500];
    size_t len;

    cw_twcc_got(once, 1, MEDIA, REF_US);
    len = feedback(once, other, sizeof other);
    cw_twcc_got(twcc, 1, MEDIA, REF_US);
    cw_twcc_got(twcc, 1, MEDIA, REF_US + 5000);
    g_assert_cmpuint(feedback(twcc, data, sizeof data), ==, len);
    g_assert_cmpmem(data, len, other, len);

    cw_twcc_got(twcc, 3, MEDIA, REF_US + 6000);
    g_assert_cmpuint(feedback(twcc, data, sizeof data), >, 0);
    cw_twcc_got(twcc, 2, MEDIA, REF_US + 7000); /* told as lost: told again */
    g_assert_cmpuint(feedback(twcc, data, sizeof data), >, 0);
    g_assert_cmpuint(get16(data + 12), ==, 2);
    g_assert_cmpuint(get16(data + 14), ==, 2);

    for (unsigned i = 4; i <= 600; i++) {
        cw_twcc_got(twcc, (uint16_t)i, MEDIA, REF_US + 8000 + i);
        if (i % 50 == 0)
            feedback(twcc, data, sizeof data);
    }
    cw_twcc_got(twcc, 700, MEDIA, REF_US + 9000); /* 601 to 699 have the places of 89 to 187 */
    len = feedback(twcc, data, sizeof data);
    g_assert_cmpuint(get16(data + 12), ==, 601);
    g_assert_cmpuint(get16(data + 14), ==, 100);
    g_assert_cmpuint(len, <=, 28);

    cw_twcc_got(twcc, 30000, MEDIA, REF_US + 10000); /* another sequence */
    g_assert_cmpuint(feedback(twcc, data, sizeof data), >, 0);
    g_assert_cmpuint(get16(data + 12), ==, 30000);
    g_assert_cmpuint(get16(data + 14), ==, 1);
}

static void test_twcc_wild(void)
{
    g_autofree cw_twcc *twcc = g_new0(cw_twcc, 1);
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    uint64_t now_us = REF_US;
    uint16_t seq = 0;

    cw_twcc_got(twcc, 1, MEDIA, now_us);
    cw_twcc_got(twcc, 2, MEDIA, now_us + 20000000);
    for (unsigned round = 0; round < 2000; round++) {
        g_autofree uint8_t *data = g_malloc(1500);
        size_t len = feedback(twcc, data, 1500);
        const uint8_t *at = data;
        cw_rtcp_item item;

        if (round == 0)
            g_assert_cmpuint(len, ==, 2 * 24);
        while (cw_rtcp_next(&at, data + len, &item))
            g_assert_cmpuint(item.count, ==, 15);
        g_assert_true(at == data + len);
        for (unsigned i = g_rand_int_range(rand, 0, 40); i > 0; i--) {
            seq = (uint16_t)(seq + g_rand_int_range(rand, -3, round % 50 ? 8 : 3000));
            now_us += (uint64_t)g_rand_int_range(rand, 0, round % 100 ? 3000 : 9000000);
            cw_twcc_got(twcc, seq, MEDIA, now_us);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtcp/check", test_check);
    g_test_add_func("/rtcp/read", test_read);
    g_test_add_func("/rtcp/write", test_write);
    g_test_add_func("/rtcp/twcc-vector", test_twcc_vector);
    g_test_add_func("/rtcp/twcc-runs", test_twcc_runs);
    g_test_add_func("/rtcp/twcc-memory", test_twcc_memory);
    g_test_add_func("/rtcp/twcc-wild", test_twcc_wild);
    return g_test_run();
}
