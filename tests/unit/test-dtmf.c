/* test-dtmf.c - telephone events out and in */
#include "media/rtp/dtmf.h"

#include <glib.h>
#include <string.h>

static void test_digits(void)
{
    for (unsigned i = 0; i < 16; i++)
        g_assert_cmpint(cw_dtmf_event(cw_dtmf_digit(i)), ==, (int)i);
    g_assert_cmpint(cw_dtmf_event('d'), ==, 15);
    g_assert_cmpint(cw_dtmf_event('E'), ==, -1);
    g_assert_cmpint(cw_dtmf_event(0), ==, -1);
    g_assert_cmpint(cw_dtmf_digit(16), ==, 0);
}

/* `hz` in, packets: how many, and the duration of the last */
static const struct {
    const char *name;
    unsigned ms;
    uint32_t hz;
    unsigned packets, ticks;
} sends[] = {
    { "100ms-8000", 100, 8000, 7, 800 },     { "100ms-48000", 100, 48000, 7, 4800 },
    { "too-short", 1, 8000, 4, 320 },        { "between-steps", 90, 8000, 7, 720 },
    { "too-long", 60000, 8000, 302, 48000 }, { "in-segments", 6000, 48000, 302, 288000 },
};

static void test_send(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sends); i++) {
        cw_dtmf_send send = { 0 };
        unsigned packets = 0, ends = 0, gaps = 0, last = 0;
        uint32_t after = 0, segment = 0;
        uint8_t p[CW_DTMF_LEN];
        cw_dtmf_step step;
        bool ended, was_ended = false;

        g_test_message("%s", sends[i].name);
        g_assert_true(cw_dtmf_push(&send, 5, sends[i].ms));
        while ((step = cw_dtmf_next(&send, sends[i].hz, p, &after, &ended)) != CW_DTMF_IDLE) {
            if (step == CW_DTMF_GAP) {
                gaps++;
                continue;
            }
            g_assert_cmpint(step == CW_DTMF_FIRST, ==, packets == 0);
            g_assert_cmpuint(p[0], ==, 5);
            g_assert_cmpuint(p[1] & 0x3f, ==, 10);
            if (after != segment) /* the one before said that it is full (RFC 4733 2.5.1.3) */
                g_assert_cmpuint(last, ==, after);
            segment = after;
            g_assert_cmpuint(after + (p[2] << 8 | p[3]), >=, last);
            last = after + (p[2] << 8 | p[3]);
            packets++;
            ends += p[1] >> 7;
            g_assert_false(was_ended);
            was_ended = ended;
        }
        g_assert_true(was_ended);
        g_assert_cmpuint(packets, ==, sends[i].packets);
        g_assert_cmpuint(last, ==, sends[i].ticks);
        g_assert_cmpuint(ends, ==, 3);
        g_assert_cmpuint(gaps, ==, CW_DTMF_GAP_STEPS);
    }
}

static void test_queue(void)
{
    cw_dtmf_send send = { 0 };
    char got[CW_DTMF_QUEUE + 1] = "";
    uint8_t p[CW_DTMF_LEN];
    cw_dtmf_step step;
    unsigned n = 0;
    uint32_t after;
    bool ended;

    for (unsigned i = 0; i < CW_DTMF_QUEUE; i++)
        g_assert_true(cw_dtmf_push(&send, i % 16, 40));
    g_assert_false(cw_dtmf_push(&send, 1, 40));
    while ((step = cw_dtmf_next(&send, 8000, p, &after, &ended)) != CW_DTMF_IDLE)
        if (step == CW_DTMF_FIRST)
            got[n++] = cw_dtmf_digit(p[0]);
    g_assert_cmpstr(got, ==, "0123456789*#ABCD0123456789*#ABCD");
}

/* Packets "event end duration ts", and what was told: "digit:ticks" */
static const struct {
    const char *name;
    struct {
        uint8_t event, end;
        uint16_t duration;
        uint32_t ts;
    } in[8];
    const char *want;
} sees[] = {
    { "one", { { 5, 0, 160, 9 }, { 5, 0, 320, 9 }, { 5, 1, 480, 9 } }, "5:480 " },
    { "end-thrice",
      { { 5, 0, 160, 9 }, { 5, 1, 480, 9 }, { 5, 1, 480, 9 }, { 5, 1, 480, 9 } },
      "5:480 " },
    { "end-only", { { 11, 1, 480, 9 } }, "#:480 " },
    { "same-digit-twice",
      { { 1, 1, 480, 9 }, { 1, 0, 160, 999 }, { 1, 1, 480, 999 } },
      "1:480 1:480 " },
    { "ends-lost",
      { { 1, 0, 160, 9 }, { 1, 0, 320, 9 }, { 2, 0, 160, 999 }, { 2, 1, 480, 999 } },
      "1:320 2:480 " },
    { "late-repeat",
      { { 1, 1, 480, 9 }, { 2, 0, 160, 999 }, { 1, 1, 480, 9 }, { 2, 1, 320, 999 } },
      "1:480 2:320 " },
    { "ts-wraps", { { 1, 1, 480, 0xfffffff0 }, { 2, 1, 320, 0x10 } }, "1:480 2:320 " },
    { "segments",
      { { 3, 0, 65535, 9 }, { 3, 0, 160, 9 + 65535 }, { 3, 1, 480, 9 + 65535 } },
      "3:66015 " },
    { "segment-whose-last-was-lost",
      { { 3, 0, 65000, 9 }, { 3, 0, 160, 9 + 65535 }, { 3, 1, 480, 9 + 65535 } },
      "3:66015 " },
    { "flash-is-no-digit", { { 16, 1, 480, 9 } }, "" },
    { "no-such-event", { { 17, 1, 480, 9 } }, "" },
};

static void test_see(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sees); i++) {
        g_autoptr(GString) got = g_string_new("");
        cw_dtmf_see see = { 0 };

        g_test_message("%s", sees[i].name);
        for (size_t k = 0; k < G_N_ELEMENTS(sees[i].in) && sees[i].in[k].duration; k++) {
            uint8_t p[] = { sees[i].in[k].event, sees[i].in[k].end ? 0x8a : 10,
                            sees[i].in[k].duration >> 8, sees[i].in[k].duration & 255 };
            uint32_t ticks;
            uint8_t event;

            if (cw_dtmf_seen(&see, p, sizeof p, sees[i].in[k].ts, k * 20000, &event, &ticks) &&
                cw_dtmf_digit(event))
                g_string_append_printf(got, "%c:%u ", cw_dtmf_digit(event), ticks);
        }
        g_assert_cmpstr(got->str, ==, sees[i].want);
    }
}

static void test_short(void)
{
    cw_dtmf_see see = { 0 };
    g_autofree uint8_t *p = g_malloc0(3);
    uint32_t ticks;
    uint8_t event;

    g_assert_false(cw_dtmf_seen(&see, p, 3, 1, 0, &event, &ticks));
}

static void test_overdue(void)
{
    static const uint8_t p[] = { 7, 10, 0, 160 };
    cw_dtmf_see see = { 0 };
    uint32_t ticks;
    uint8_t event;

    g_assert_false(cw_dtmf_seen(&see, p, sizeof p, 1, 1000, &event, &ticks));
    g_assert_false(cw_dtmf_overdue(&see, 50000, &event, &ticks));
    g_assert_true(cw_dtmf_overdue(&see, 150000, &event, &ticks));
    g_assert_cmpuint(event, ==, 7);
    g_assert_cmpuint(ticks, ==, 160);
    g_assert_false(cw_dtmf_overdue(&see, 250000, &event, &ticks));
}

/* What an end sends that follows packets "event end duration ts": "duration@ts" and ! for an end.
 * Afterwards their clock stops, and ours sends what is left. */
static const struct {
    const char *name;
    uint32_t from_hz, to_hz;
    struct {
        uint8_t event, end;
        uint16_t duration;
        uint32_t ts;
    } in[6];
    const char *want;
} follows[] = {
    { "same-clock",
      8000,
      8000,
      { { 5, 0, 160, 9 }, { 5, 0, 320, 9 }, { 5, 1, 480, 9 } },
      "160@0 320@0 480!@0 480!@0 480!@0 " },
    { "to-48000",
      8000,
      48000,
      { { 5, 0, 160, 9 }, { 5, 1, 480, 9 } },
      "960@0 2880!@0 2880!@0 2880!@0 " },
    { "from-48000",
      48000,
      8000,
      { { 5, 0, 960, 9 }, { 5, 1, 4801, 9 } },
      "160@0 800!@0 800!@0 800!@0 " },
    { "end-lost",
      8000,
      8000,
      { { 5, 0, 160, 9 }, { 5, 0, 320, 9 } },
      "160@0 320@0 320!@0 320!@0 320!@0 " },
    { "out-of-order",
      8000,
      8000,
      { { 5, 0, 320, 9 }, { 5, 0, 160, 9 }, { 5, 1, 480, 9 } },
      "320@0 320@0 480!@0 480!@0 480!@0 " },
    { "segment-to-48000",
      8000,
      48000,
      { { 5, 0, 10880, 9 }, { 5, 0, 11040, 9 }, { 5, 1, 11200, 9 } },
      "65280@0 65535@0 705@65535 1665!@65535 1665!@65535 1665!@65535 " },
    { "end-in-a-new-segment",
      8000,
      48000,
      { { 5, 0, 10880, 9 }, { 5, 1, 11200, 9 } },
      "65280@0 65535@0 1665!@65535 1665!@65535 1665!@65535 " },
    { "segments-from-48000",
      48000,
      8000,
      { { 5, 0, 65535, 9 }, { 5, 0, 960, 9 + 65535 }, { 5, 1, 1920, 9 + 65535 } },
      "10922@0 11082@0 11242!@0 11242!@0 11242!@0 " },
};

static void follow_on(cw_dtmf_follow *f, const cw_dtmf_see *see, uint32_t from_hz, uint32_t to_hz,
                      GString *got)
{
    uint8_t p[CW_DTMF_LEN];
    uint32_t after;
    bool again = true;

    while (again && cw_dtmf_go_on(f, see, from_hz, to_hz, p, &after, &again)) {
        g_assert_cmpuint(p[0], ==, 5);
        g_assert_cmpuint(p[1] & 0x3f, ==, 10);
        g_string_append_printf(got, "%u%s@%u ", p[2] << 8 | p[3], p[1] & 0x80 ? "!" : "", after);
    }
}

static void test_follow(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(follows); i++) {
        g_autoptr(GString) got = g_string_new("");
        cw_dtmf_see see = { 0 };
        cw_dtmf_follow f = { 0 };

        g_test_message("%s", follows[i].name);
        for (size_t k = 0; k < G_N_ELEMENTS(follows[i].in) && follows[i].in[k].duration; k++) {
            uint8_t p[] = { follows[i].in[k].event, follows[i].in[k].end ? 0x8a : 10,
                            follows[i].in[k].duration >> 8, follows[i].in[k].duration & 255 };
            unsigned nth = see.nth;
            uint32_t ticks;
            uint8_t event;

            (void)cw_dtmf_seen(&see, p, sizeof p, follows[i].in[k].ts, k * 20000, &event, &ticks);
            if (see.nth != nth)
                cw_dtmf_begin(&f, &see, 0);
            follow_on(&f, &see, follows[i].from_hz, follows[i].to_hz, got);
        }
        g_assert_true(cw_dtmf_follows(&f));
        while (cw_dtmf_follows(&f))
            follow_on(&f, NULL, 0, follows[i].to_hz, got);
        g_assert_cmpstr(got->str, ==, follows[i].want);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dtmf/digits", test_digits);
    g_test_add_func("/dtmf/send", test_send);
    g_test_add_func("/dtmf/queue", test_queue);
    g_test_add_func("/dtmf/see", test_see);
    g_test_add_func("/dtmf/short", test_short);
    g_test_add_func("/dtmf/overdue", test_overdue);
    g_test_add_func("/dtmf/follow", test_follow);
    return g_test_run();
}
