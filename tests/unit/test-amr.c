/* test-amr.c - the payloads of RFC 4867 */
#include "media/codec/amr_payload.h"

#include <glib.h>
#include <string.h>

static cw_amr_conf conf_of(uint32_t clock_hz, const char *fmtp)
{
    cw_format format = { .clock_hz = clock_hz, .channels = 1 };
    cw_amr_conf conf;

    g_strlcpy(format.fmtp, fmtp, sizeof format.fmtp);
    g_assert_true(cw_amr_conf_parse(&format, &conf));
    return conf;
}

static unsigned unpack(const cw_amr_conf *conf, const uint8_t *payload, size_t len, unsigned *cmr,
                       cw_amr_frame *frame)
{
    g_autofree uint8_t *exact = g_memdup2(payload, len);

    return cw_amr_unpack(conf, len ? exact : payload, len, cmr, frame);
}

/* RFC 4867 4.3.5.1: one frame of AMR 7.4, no mode asked for, two bits of padding. */
static void test_single(void)
{
    cw_amr_conf conf = conf_of(8000, "");
    cw_amr_frame frame[CW_AMR_FRAMES_MAX];
    uint8_t payload[20], back[64];
    unsigned cmr = 99;

    memset(payload, 0xff, sizeof payload);
    payload[0] = 0xf2; /* 1111 0 010 */
    payload[1] = 0x7f; /* 0 1 d(0)… */
    payload[19] = 0xfc;
    g_assert_cmpuint(unpack(&conf, payload, 20, &cmr, frame), ==, 1);
    g_assert_cmpuint(cmr, ==, 15);
    g_assert_cmpuint(frame[0].type, ==, 4);
    g_assert_true(frame[0].good);
    g_assert_cmpuint(frame[0].data[0], ==, 0xff);
    g_assert_cmpuint(frame[0].data[18], ==, 0xf0); /* 148 bits */
    g_assert_cmpuint(cw_amr_pack(&conf, 15, frame, 1, back), ==, 20);
    g_assert_cmpmem(back, 20, payload, 20);
}

/* 4.3.5.2: AMR-WB 6.6, SID, NO_DATA, 8.85; mode 8 is asked for. */
static void test_several(void)
{
    cw_amr_conf conf = conf_of(16000, "");
    cw_amr_frame frame[CW_AMR_FRAMES_MAX];
    /* 1000 | 1 0000 1 | 1 1001 1 | 1 1111 1 | 0 0001 1 | speech */
    uint8_t payload[48] = { 0x88, 0x73, 0xfc, 0x3a }, back[64];
    unsigned cmr = 99;

    memset(payload + 4, 0xa5, 44);
    payload[47] &= 0x80; /* 377 bits */
    g_assert_cmpuint(unpack(&conf, payload, 48, &cmr, frame), ==, 4);
    g_assert_cmpuint(cmr, ==, 8);
    g_assert_cmpuint(frame[0].type, ==, 0);
    g_assert_cmpuint(frame[1].type, ==, 9);
    g_assert_cmpuint(frame[2].type, ==, 15);
    g_assert_cmpuint(frame[3].type, ==, 1);
    g_assert_cmpuint(cw_amr_pack(&conf, 8, frame, 4, back), ==, 48);
    g_assert_cmpmem(back, 48, payload, 48);
}

/* 4.4.5.1: octet-aligned, two frames of AMR 5.15, mode 6 is asked for. */
static void test_aligned(void)
{
    cw_amr_conf conf = conf_of(8000, "octet-align=1");
    cw_amr_frame frame[CW_AMR_FRAMES_MAX];
    uint8_t payload[29] = { 0x60, 0x8c, 0x0c }, back[64];
    unsigned cmr = 99;

    for (unsigned i = 3; i < 29; i++)
        payload[i] = (uint8_t)(i * 37);
    payload[15] &= 0xfe; /* 103 bits and one of padding */
    payload[28] &= 0xfe;
    g_assert_cmpuint(unpack(&conf, payload, 29, &cmr, frame), ==, 2);
    g_assert_cmpuint(cmr, ==, 6);
    g_assert_cmpuint(frame[1].type, ==, 1);
    g_assert_cmpmem(frame[0].data, 13, payload + 3, 13);
    g_assert_cmpmem(frame[1].data, 13, payload + 16, 13);
    g_assert_cmpuint(cw_amr_pack(&conf, 6, frame, 2, back), ==, 29);
    g_assert_cmpmem(back, 29, payload, 29);
}

static void test_malformed(void)
{
    static const struct {
        const char *name, *fmtp;
        uint32_t clock_hz;
        uint8_t data[12];
        size_t len;
    } cases[] = {
        { "empty", "", 8000, { 0 }, 0 },
        { "no contents", "", 8000, { 0xf0 }, 1 },
        { "speech cut", "", 8000, { 0xf2, 0x7f, 0xff }, 3 },
        { "one byte too many", "", 8000, { 0xf4, 0x40, 0, 0, 0, 0, 0, 0 }, 8 },
        { "contents without end",
          "octet-align=1",
          8000,
          { 0xf0, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0x7c },
          12 },
        { "contents cut", "octet-align=1", 8000, { 0xf0, 0xfc }, 2 },
        { "no such frame", "octet-align=1", 8000, { 0xf0, 0x5c }, 2 },
        { "no such wide frame", "octet-align=1", 16000, { 0xf0, 0x54 }, 2 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        cw_amr_conf conf = conf_of(cases[i].clock_hz, cases[i].fmtp);
        cw_amr_frame frame[CW_AMR_FRAMES_MAX];
        unsigned cmr = 99;

        g_test_message("%s", cases[i].name);
        g_assert_cmpuint(unpack(&conf, cases[i].data, cases[i].len, &cmr, frame), ==, 0);
        g_assert_cmpuint(cmr, ==, 99);
    }
}

static void test_modes(void)
{
    static const struct {
        const char *fmtp;
        uint32_t clock_hz;
        unsigned now, wanted, want;
    } cases[] = {
        { "", 8000, 7, 2, 2 },
        { "mode-set=0,2,4,7", 8000, 7, 3, 2 },
        { "mode-set=2,4", 8000, 4, 1, 2 },
        { "mode-set=0,2,4,7;mode-change-neighbor=1", 8000, 7, 0, 4 },
        { "mode-set=0,2,4,7; mode-change-neighbor=1", 8000, 0, 7, 2 },
        { "mode-set=0,1,2", 16000, 2, 8, 2 },
        { "mode-set=9", 8000, 7, 5, 5 },
        { "mode-set=\"", 8000, 7, 5, 5 },
    };
    cw_amr_conf conf = conf_of(8000, "mode-change-period=2;mode-change-capability=2");

    g_assert_cmpuint(conf.period, ==, 2);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        conf = conf_of(cases[i].clock_hz, cases[i].fmtp);
        g_assert_cmpuint(cw_amr_step(&conf, cases[i].now, cases[i].wanted), ==, cases[i].want);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amr/single", test_single);
    g_test_add_func("/amr/several", test_several);
    g_test_add_func("/amr/aligned", test_aligned);
    g_test_add_func("/amr/malformed", test_malformed);
    g_test_add_func("/amr/modes", test_modes);
    return g_test_run();
}
