/* test-rtp.c - the RTP header and its extensions */
#include "media/rtp/rtp.h"

#include <glib.h>
#include <string.h>

#define HEAD(v, pt) (v), (pt), 0, 1, 0, 0, 0, 2, 0xde, 0xad, 0xbe, 0xef

static const struct {
    const char *name;
    uint8_t data[40];
    size_t len;
    cw_err want;
    unsigned payload_at, payload_len, padding;
} cases[] = {
    { "empty", { 0 }, 0, CW_E_SHORT },
    { "header-cut", { HEAD(0x80, 0) }, 11, CW_E_SHORT },
    { "version-1", { HEAD(0x40, 0) }, 12, CW_E_VERSION },
    { "bare", { HEAD(0x80, 8) }, 12, CW_OK, 12, 0, 0 },
    { "payload", { HEAD(0x80, 8), 1, 2, 3 }, 15, CW_OK, 12, 3, 0 },
    { "csrc", { HEAD(0x81, 8), 9, 9, 9, 9, 1 }, 17, CW_OK, 16, 1, 0 },
    { "csrc-cut", { HEAD(0x82, 8), 9, 9, 9, 9, 1 }, 17, CW_E_SHORT },
    { "ext-head-cut", { HEAD(0x90, 8), 0xbe, 0xde, 0 }, 15, CW_E_SHORT },
    { "ext-cut", { HEAD(0x90, 8), 0xbe, 0xde, 0, 1, 1, 2, 3 }, 19, CW_E_SHORT },
    { "ext-huge", { HEAD(0x90, 8), 0xbe, 0xde, 0xff, 0xff, 1, 2, 3 }, 19, CW_E_SHORT },
    { "ext", { HEAD(0x90, 8), 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0, 5 }, 21, CW_OK, 20, 1, 0 },
    { "padding", { HEAD(0xa0, 8), 1, 2, 0, 2 }, 16, CW_OK, 12, 2, 2 },
    { "padding-only", { HEAD(0xa0, 8), 0, 0, 0, 4 }, 16, CW_OK, 12, 0, 4 },
    { "padding-zero", { HEAD(0xa0, 8), 1, 2, 0, 0 }, 16, CW_E_SHORT },
    { "padding-too-long", { HEAD(0xa0, 8), 1, 2, 0, 5 }, 16, CW_E_SHORT },
    { "padding-no-payload", { HEAD(0xa0, 8) }, 12, CW_E_SHORT },
};

static void test_parse(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree uint8_t *data = g_memdup2(cases[i].data, cases[i].len);
        cw_rtp rtp = { .pt = 99 };

        g_test_message("%s", cases[i].name);
        g_assert_cmpint(cw_rtp_parse(data, cases[i].len, &rtp), ==, cases[i].want);
        if (cases[i].want) {
            g_assert_cmpuint(rtp.pt, ==, 99);
            continue;
        }
        g_assert_cmpuint(rtp.pt, ==, 8);
        g_assert_cmpuint(rtp.seq, ==, 1);
        g_assert_cmpuint(rtp.ts, ==, 2);
        g_assert_cmpuint(rtp.ssrc, ==, 0xdeadbeef);
        g_assert_cmpuint(rtp.payload_at, ==, cases[i].payload_at);
        g_assert_cmpuint(rtp.payload_len, ==, cases[i].payload_len);
        g_assert_cmpuint(rtp.padding, ==, cases[i].padding);
    }
}

static void test_oversize(void)
{
    g_autofree uint8_t *data = g_malloc0(CW_RTP_MAX + 1);
    cw_rtp rtp;

    data[0] = 0x80;
    g_assert_cmpint(cw_rtp_parse(data, CW_RTP_MAX, &rtp), ==, CW_OK);
    g_assert_cmpint(cw_rtp_parse(data, CW_RTP_MAX + 1, &rtp), ==, CW_E_TOO_LARGE);
}

static const struct {
    const char *name;
    uint16_t profile;
    uint8_t ext[12];
    unsigned words, id;
    const char *want; /* NULL: not found */
} exts[] = {
    { "one", 0xbede, { 0x10, 'a', 0x32, 'x', 'y', 'z', 0, 0 }, 2, 3, "xyz" },
    { "first", 0xbede, { 0x10, 'a', 0x32, 'x', 'y', 'z', 0, 0 }, 2, 1, "a" },
    { "absent", 0xbede, { 0x10, 'a', 0x32, 'x', 'y', 'z', 0, 0 }, 2, 4, NULL },
    { "after-padding", 0xbede, { 0, 0, 0x20, 'm' }, 1, 2, "m" },
    { "stop", 0xbede, { 0xf0, 0, 0x20, 'm' }, 1, 2, NULL },
    { "cut", 0xbede, { 0x2f, 'a', 'b', 'c' }, 1, 2, NULL },
    { "id-15", 0xbede, { 0xf0, 'a', 0, 0 }, 1, 15, NULL },
    { "two-byte", 0x1000, { 0, 20, 2, 'h', 'i', 0, 0, 0 }, 2, 20, "hi" },
    { "two-byte-app", 0x100f, { 20, 0, 21, 1, 'q', 0, 0, 0 }, 2, 21, "q" },
    { "two-byte-empty", 0x1000, { 20, 0, 0, 0 }, 1, 20, "" },
    { "two-byte-cut", 0x1000, { 20, 3, 'a', 'b' }, 1, 20, NULL },
    { "other-profile", 0x1234, { 0x10, 'a', 0, 0 }, 1, 1, NULL },
};

static void test_ext(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(exts); i++) {
        size_t len = 16 + exts[i].words * 4, found_len = 0;
        g_autofree uint8_t *data = g_malloc0(len);
        const uint8_t *found;
        cw_rtp rtp;

        g_test_message("%s", exts[i].name);
        data[0] = 0x90;
        cw_put16(data + 12, exts[i].profile);
        cw_put16(data + 14, (uint16_t)exts[i].words);
        memcpy(data + 16, exts[i].ext, exts[i].words * 4);
        g_assert_cmpint(cw_rtp_parse(data, len, &rtp), ==, CW_OK);
        found = cw_rtp_ext(data, &rtp, exts[i].id, &found_len);
        g_assert_cmpint(found != NULL, ==, exts[i].want != NULL);
        if (found)
            g_assert_cmpmem(found, found_len, exts[i].want, strlen(exts[i].want));
    }
}

static void test_rewrite(void)
{
    uint8_t data[] = { HEAD(0xb1, 8), 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0, 5, 6, 0, 2 };
    cw_rtp rtp, out;
    size_t start;

    g_assert_cmpint(cw_rtp_parse(data, sizeof data, &rtp), ==, CW_OK);
    rtp.pt = 101;
    rtp.marker = true;
    rtp.seq = 0xfffe;
    rtp.ts = 0x89abcdef;
    rtp.ssrc = 0x01020304;
    start = cw_rtp_rewrite(data, &rtp);
    g_assert_cmpuint(start, ==, 12);
    g_assert_cmpint(cw_rtp_parse(data + start, sizeof data - start, &out), ==, CW_OK);
    g_assert_cmpuint(out.pt, ==, 101);
    g_assert_true(out.marker);
    g_assert_cmpuint(out.seq, ==, 0xfffe);
    g_assert_cmpuint(out.ts, ==, 0x89abcdef);
    g_assert_cmpuint(out.ssrc, ==, 0x01020304);
    g_assert_cmpuint(out.payload_at, ==, 12);
    g_assert_cmpuint(out.payload_len, ==, 2);
    g_assert_cmpuint(out.padding, ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/parse", test_parse);
    g_test_add_func("/rtp/oversize", test_oversize);
    g_test_add_func("/rtp/ext", test_ext);
    g_test_add_func("/rtp/rewrite", test_rewrite);
    return g_test_run();
}
