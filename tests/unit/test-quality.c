/* test-quality.c - the E-model, ratings with their margin, windows between two readings */
#include "call/report/quality.h"
#include "media/rtp/mos.h"
#include "media/rtp/number.h"

#include <glib.h>
#include <math.h>

/* R by hand from G.107: 93.2 - Idd - Ie-eff. */
static const struct {
    const char *name;
    cw_mos_in in;
    double r;
} ratings[] = {
    { "clean", { CW_MOS_G711, 0, 1, 0, 0 }, 93.2 },
    { "codec", { CW_MOS_G729, 0, 1, 0, 0 }, 82.2 },
    { "loss-5", { CW_MOS_G711, .05, 1, 0, 0 }, 93.2 - 95 * 5 / 30.1 },
    { "loss-5-g729", { CW_MOS_G729, .05, 1, 0, 0 }, 93.2 - 11 - 84 * 5 / 24.0 },
    { "loss-all", { CW_MOS_G711, 1, 1, 0, 0 }, 93.2 - 95 * 100 / 125.1 },
    /* bursts of 4 where chance makes 1.0526: BurstR 3.8 */
    { "bursts", { CW_MOS_G711, .05, 4, 0, 0 }, 93.2 - 95 * 5 / (5 / 3.8 + 25.1) },
    /* 20 + 20 + 160: X is 1, Idd 25 (2^(1/6) - 3 (1 + 3^-6)^(1/6) + 2) */
    { "delay-200", { CW_MOS_G711, 0, 1, 320, 0 }, 93.2 - 3.044 },
    { "delay-300", { CW_MOS_G711, 0, 1, 520, 0 }, 93.2 - 14.76 },
    { "jitter-is-delay", { CW_MOS_G711, 0, 1, 0, 90 }, 93.2 - 3.044 },
    { "unknown-codec", { 99, 0, 1, 0, 0 }, 93.2 },
};

static void test_model(void)
{
    double last = 5;

    for (size_t i = 0; i < G_N_ELEMENTS(ratings); i++) {
        g_test_message("%s", ratings[i].name);
        g_assert_cmpfloat_with_epsilon(cw_mos_r(&ratings[i].in), ratings[i].r, 0.05);
    }
    g_assert_cmpfloat_with_epsilon(cw_mos(&ratings[0].in), 4.41, 0.01); /* annex B, table B.1 */
    for (double loss = 0; loss <= 1; loss += 0.01) {
        double mos = cw_mos(&(cw_mos_in){ CW_MOS_OPUS, loss, 1, 900, 300 });

        g_assert_cmpfloat(mos, <=, last);
        g_assert_cmpfloat(mos, >=, 1);
        last = mos;
    }
}

static void test_names(void)
{
    g_assert_cmpint(cw_mos_codec_of("OPUS"), ==, CW_MOS_OPUS);
    g_assert_cmpint(cw_mos_codec_of("PCMU"), ==, CW_MOS_G711);
    g_assert_cmpint(cw_mos_codec_of("AMR-WB"), ==, CW_MOS_AMR_WB);
    g_assert_cmpint(cw_mos_codec_of("H264"), ==, CW_MOS_OTHER);
}

/* Worse at once, better only with a margin. */
static void test_rating(void)
{
    static const struct {
        cw_rating now;
        double mos;
        cw_rating next;
    } rows[] = {
        { CW_RATING_NONE, 4.4, CW_RATING_GOOD },  { CW_RATING_NONE, 3.6, CW_RATING_GOOD },
        { CW_RATING_NONE, 1.0, CW_RATING_POOR },  { CW_RATING_GOOD, 3.59, CW_RATING_FAIR },
        { CW_RATING_GOOD, 3.0, CW_RATING_POOR },  { CW_RATING_FAIR, 3.7, CW_RATING_FAIR },
        { CW_RATING_FAIR, 3.81, CW_RATING_GOOD }, { CW_RATING_POOR, 3.2, CW_RATING_POOR },
        { CW_RATING_POOR, 3.31, CW_RATING_FAIR }, { CW_RATING_POOR, 3.7, CW_RATING_FAIR },
        { CW_RATING_POOR, 4.4, CW_RATING_GOOD },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(cw_rating_next(rows[i].now, rows[i].mos), ==, rows[i].next);
}

static void test_window(void)
{
    cw_ep_stats before = { .rx_packets = 1000, .rx_lost = 10, .rx_gaps = 10, .rx_discarded = 5 };
    cw_ep_stats now = before;
    cw_way way;

    cw_way_between(&before, &now, CW_MOS_G711, 0, &way);
    g_assert_false(way.known); /* nothing came */
    now.rx_packets += 90;
    now.rx_lost += 10;
    now.rx_gaps += 2;
    now.rx_discarded += 5;
    cw_way_between(&before, &now, CW_MOS_G711, 0, &way);
    g_assert_true(way.known);
    g_assert_cmpfloat_with_epsilon(way.loss, 0.15, 1e-9);
    g_assert_cmpfloat_with_epsilon(way.mos, cw_mos(&(cw_mos_in){ CW_MOS_G711, 0.15, 5, 0, 0 }),
                                   1e-9);
    now.rx_lost = 8; /* what was late came */
    cw_way_between(&before, &now, CW_MOS_G711, 0, &way);
    g_assert_cmpfloat_with_epsilon(way.loss, 5.0 / 90, 1e-9);
    now = (cw_ep_stats){ .rx_packets = 50, .rx_lost = 50, .rx_gaps = 1 }; /* another endpoint */
    cw_way_between(&before, &now, CW_MOS_OTHER, 0, &way);
    g_assert_cmpfloat_with_epsilon(way.loss, 0.5, 1e-9);
    g_assert_cmpfloat(way.mos, ==, 0);
}

/* Packets that come some time after their turn, in order: heard when the buffer has learned to
 * wait. */
static unsigned late_of(const int delay_ms[], unsigned n)
{
    uint64_t at_us = 0;
    cw_rx rx = { 0 };
    unsigned late = 0;

    cw_rx_clock(&rx, 8000);
    for (unsigned i = 0; i < n; i++) {
        cw_rtp rtp = { .ts = i * 160 };

        at_us = MAX(at_us, 1000000 + i * 20000 + (unsigned)delay_ms[i] * 1000);
        late += cw_rx_time(&rx, &rtp, at_us);
    }
    return late;
}

static void test_late(void)
{
    int delay[600] = { 0 };

    g_assert_cmpuint(late_of(delay, 600), ==, 0);
    for (unsigned i = 0; i < 600; i++)
        delay[i] = i % 5 ? 0 : 60;
    g_assert_cmpuint(late_of(delay, 600), ==, 0); /* jitter, but nobody misses anything */
    for (unsigned i = 0; i < 600; i++)
        delay[i] = i % 100 == 50 ? 300 : 0;
    g_assert_cmpuint(late_of(delay, 600), >=, 30); /* and those stuck behind each */
    g_assert_cmpuint(late_of(delay, 600), <=, 60);
    for (unsigned i = 0; i < 600; i++)
        delay[i] = i < 300 ? 0 : 200;
    g_assert_cmpuint(late_of(delay, 600), >, 10); /* a longer way: learned */
    g_assert_cmpuint(late_of(delay, 600), <, 60);
    for (unsigned i = 0; i < 600; i++)
        delay[i] = (int)i / 10; /* a clock that is 0.5 % slow */
    g_assert_cmpuint(late_of(delay, 600), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quality/model", test_model);
    g_test_add_func("/quality/names", test_names);
    g_test_add_func("/quality/rating", test_rating);
    g_test_add_func("/quality/window", test_window);
    g_test_add_func("/quality/late", test_late);
    return g_test_run();
}
