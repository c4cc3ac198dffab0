/* test-report.c - an endpoint's reports: what they say of loss, time and round trips */
#include "media/rtp/report.h"

#include <glib.h>
#include <string.h>

#define MS UINT64_C(1000)

static void receive(cw_rx *rx, uint32_t ssrc, unsigned from, unsigned to, unsigned every)
{
    for (unsigned seq = from; seq < to; seq++)
        if (!every || seq % every)
            cw_rx_count(rx, &(cw_rtp){ .ssrc = ssrc, .seq = (uint16_t)seq });
}

/* RFC 3550 A.3: the fraction since the last report, the sum of all. */
static void test_loss(void)
{
    cw_report report = { 0 };
    cw_rtcp_block block;
    cw_rx rx = { 0 };

    g_assert_false(cw_report_block(&report, &rx, 1, &block));
    receive(&rx, 7, 65500, 65600, 0);
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpuint(block.ssrc, ==, 7);
    g_assert_cmpuint(block.fraction, ==, 0);
    g_assert_cmpuint(block.newest, ==, 65599);
    g_assert_false(cw_report_block(&report, &rx, 1, &block)); /* nothing came since */
    receive(&rx, 7, 65600, 65702, 4); /* every fourth is lost; the last one came */
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpint(block.lost, ==, 26);
    g_assert_cmpuint(block.fraction, ==, 26 * 256 / 102);
    receive(&rx, 7, 65702, 65800, 0);
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpuint(block.fraction, ==, 0);
    g_assert_cmpint(block.lost, ==, 26);
    receive(&rx, 8, 10, 20, 0); /* another source begins at none */
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpuint(block.ssrc, ==, 8);
    g_assert_cmpint(block.lost, ==, 0);
    g_assert_cmpuint(block.newest, ==, 19);
}

/* Repeats make more come than was sent: no loss, and never a negative fraction. */
static void test_repeats(void)
{
    cw_report report = { 0 };
    cw_rtcp_block block;
    cw_rx rx = { 0 };

    receive(&rx, 7, 0, 10, 0);
    receive(&rx, 7, 5, 10, 0);
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpuint(block.fraction, ==, 0);
    g_assert_cmpint(block.lost, ==, -5);
}

/* The ends of what a block can say, and the units of jitter (RFC 3550 6.4.1, A.8). */
static void test_extremes(void)
{
    cw_report report = { 0 };
    cw_rtcp_block block;
    cw_rx rx = { .begun = true, .ssrc = 7, .base = 100, .newest = 199, .received = 100 };

    rx.jitter16 = 16 * 50 + 15;
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpuint(block.jitter, ==, 50);
    rx.newest += 0x900000; /* of which none came */
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpuint(block.fraction, ==, 255);
    g_assert_cmpint(block.lost, ==, 0x7fffff);
    rx.received += 0x1200000; /* repeats */
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpint(block.lost, ==, -0x800000);
    /* The same source begins again, with one of four lost. */
    rx = (cw_rx){ .begun = true, .ssrc = 7, .base = 5000, .newest = 5399, .received = 300 };
    g_assert_true(cw_report_block(&report, &rx, 1, &block));
    g_assert_cmpuint(block.fraction, ==, 64);
    g_assert_cmpint(block.lost, ==, 100);
}

/* RFC 3550 6.4.1 figure 2, in our words: 1/65536 s are 15 us. */
static void test_round_trip(void)
{
    cw_report ours = { 0 }, theirs = { 0 };
    cw_rtcp_sender sr = { .ntp = UINT64_C(0xb44db70520000000) };
    cw_rtcp_block block = { 0 };
    cw_rx rx = { 0 };

    cw_report_sent(&ours, &sr, 1000 * MS);
    g_assert_true(cw_report_heard(&theirs, 7, &sr, 5000 * MS)); /* their clock is another */
    g_assert_false(cw_report_heard(&theirs, 7, &sr, 5000 * MS));
    receive(&rx, 7, 0, 10, 0);
    g_assert_true(cw_report_block(&theirs, &rx, 5000 * MS + 5250 * MS, &block));
    g_assert_cmphex(block.lsr, ==, 0xb7052000);
    g_assert_cmphex(block.dlsr, ==, 0x00054000);
    g_assert_cmpuint(cw_report_rtt(&ours, &block, 1000 * MS + 5250 * MS + 6125 * MS), ==, 6125000);
    g_assert_cmpuint(cw_report_rtt(&ours, &block, 1000 * MS + 5250 * MS), ==,
                     1); /* none, but known */
    block.lsr++;
    g_assert_cmpuint(cw_report_rtt(&ours, &block, 9000 * MS), ==, 0); /* not of ours */
    block.lsr = 0;
    g_assert_cmpuint(cw_report_rtt(&ours, &block, 9000 * MS), ==, 0);
}

/* An SR of another SSRC says nothing about this one's delay. */
static void test_other_sender(void)
{
    cw_report report = { 0 };
    cw_rtcp_block block;
    cw_rx rx = { 0 };

    cw_report_heard(&report, 99, &(cw_rtcp_sender){ .ntp = 1 }, 1000);
    receive(&rx, 7, 0, 2, 0);
    g_assert_true(cw_report_block(&report, &rx, 2000, &block));
    g_assert_cmpuint(block.lsr, ==, 0);
    g_assert_cmpuint(block.dlsr, ==, 0);
}

/* Sound and pictures of one source, told at different times and sent on with other timestamps, stay
 * where their source said: that is what a browser moves its lips by. */
static void test_lip_sync(void)
{
    cw_report sound = { 0 }, picture = { 0 };
    cw_rtcp_sender a = { .ntp = UINT64_C(100) << 32, .ts = 48000 };
    cw_rtcp_sender v = { .ntp = (UINT64_C(103) << 32) + (UINT64_C(1) << 31), .ts = 90000 };
    cw_tx tx_a = { .begun = true, .in_ssrc = 1, .ts_add = 1000, .clock_hz = 48000 };
    cw_tx tx_v = { .begun = true, .in_ssrc = 2, .ts_add = 77, .clock_hz = 90000 };
    cw_rtcp_sender out_a, out_v;
    double at_a, at_v;

    cw_report_heard(&sound, 1, &a, 10000 * MS);
    cw_report_heard(&picture, 2, &v, 13900 * MS); /* 400 ms late on its way */
    cw_report_instant(&sound, &tx_a, 14000 * MS, 5, &out_a);
    cw_report_instant(&picture, &tx_v, 14700 * MS, 5, &out_v);
    g_assert_cmpuint(out_a.ts, ==, 48000 + 1000 + 4 * 48000);
    g_assert_cmpuint(out_v.ts, ==, 90000 + 77 + 72000);
    /* The instant at which the source's clock stood at each stream's first timestamp */
    at_a = (double)out_a.ntp / 4294967296.0 - (out_a.ts - 1000 - 48000) / 48000.0;
    at_v = (double)out_v.ntp / 4294967296.0 - (out_v.ts - 77 - 90000) / 90000.0;
    g_assert_cmpfloat_with_epsilon(at_a, 100.0, 1e-6);
    g_assert_cmpfloat_with_epsilon(at_v, 103.5, 1e-6);
}

/* Nothing known of the source: our own clock. It was transcoded, or changed just now: its clock,
 * and timestamps as they were sent. */
static void test_own_numbers(void)
{
    cw_report sound = { 0 };
    cw_tx tx = {
        .begun = true, .in_ssrc = 1, .ts = 500, .at_us = 1000 * MS, .ts_add = 9, .clock_hz = 8000
    };
    cw_rtcp_sender out;

    cw_report_instant(NULL, &tx, 1100 * MS, 42, &out);
    g_assert_cmpuint(out.ntp, ==, 42);
    g_assert_cmpuint(out.ts, ==, 500 + 800);
    cw_report_instant(&sound, &tx, 1100 * MS, 42, &out);
    g_assert_cmpuint(out.ntp, ==, 42);
    cw_report_heard(&sound, 2, &(cw_rtcp_sender){ .ntp = 7, .ts = 90000 }, 1100 * MS);
    cw_report_instant(&sound, &tx, 1100 * MS, 42, &out);
    g_assert_cmpuint(out.ntp, ==, 7);
    g_assert_cmpuint(out.ts, ==, 500 + 800);
    cw_report_heard(&sound, 1, &(cw_rtcp_sender){ .ntp = 7, .ts = 90000 }, 1100 * MS);
    cw_report_instant(&sound, &tx, 1100 * MS, 42, &out);
    g_assert_cmpuint(out.ts, ==, 90009);
    tx.resync = true;
    cw_report_instant(&sound, &tx, 1100 * MS, 42, &out);
    g_assert_cmpuint(out.ts, ==, 500 + 800);
}

static void test_wait(void)
{
    uint64_t least = cw_report_wait_us(5000, 0), most = cw_report_wait_us(5000, UINT32_MAX);

    g_assert_cmpuint(least, ==, 2052073); /* 2.5 s and 7.5 s over 1.21828 */
    g_assert_cmpuint(most, >, 6140000);
    g_assert_cmpuint(most, <, 6156220);
    g_assert_cmphex(cw_ntp_of_us(UINT64_C(1234567890500000)), ==,
                    UINT64_C(1234567890) << 32 | UINT64_C(1) << 31);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report/loss", test_loss);
    g_test_add_func("/report/repeats", test_repeats);
    g_test_add_func("/report/extremes", test_extremes);
    g_test_add_func("/report/round-trip", test_round_trip);
    g_test_add_func("/report/other-sender", test_other_sender);
    g_test_add_func("/report/lip-sync", test_lip_sync);
    g_test_add_func("/report/own-numbers", test_own_numbers);
    g_test_add_func("/report/wait", test_wait);
    return g_test_run();
}
