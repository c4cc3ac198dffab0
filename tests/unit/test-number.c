/* test-number.c - sequence numbers, timestamps, loss and jitter of a stream */
#include "media/rtp/number.h"

#include <glib.h>
#include <string.h>

#define MS 1000u

static cw_rtp packet(uint32_t ssrc, unsigned seq, uint32_t ts)
{
    return (cw_rtp){ .ssrc = ssrc, .seq = (uint16_t)seq, .ts = ts };
}

/* Sequence numbers received, ended by -1; verdicts as letters. */
static const struct {
    const char *name;
    int seq[12];
    const char *want;
    int lost;
} cases[] = {
    { "in-order", { 1, 2, 3, -1 }, "RNN", 0 },
    { "wraps", { 65534, 65535, 0, 1, -1 }, "RNNN", 0 },
    { "two-lost", { 10, 13, 14, -1 }, "RNN", 2 },
    { "reordered", { 10, 12, 11, 13, -1 }, "RNLN", 0 },
    { "repeated", { 10, 10, 11, -1 }, "RLN", -1 },
    { "one-far-off", { 10, 11, 30000, 12, -1 }, "RNDN", 0 },
    { "jumps", { 10, 11, 30000, 30001, 30002, -1 }, "RNDRN", 0 },
    { "jumps-back", { 30000, 30001, 10, 11, 12, -1 }, "RNDRN", 0 },
    { "loss-before-a-jump-counts", { 10, 12, 30000, 30001, -1 }, "RNDR", 1 },
};

static void test_count(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char got[16] = "";
        cw_rx rx = { 0 };

        g_test_message("%s", cases[i].name);
        for (unsigned k = 0; cases[i].seq[k] >= 0; k++) {
            cw_rtp rtp = packet(7, (unsigned)cases[i].seq[k], 0);

            got[k] = "DNLR"[cw_rx_count(&rx, &rtp)];
        }
        g_assert_cmpstr(got, ==, cases[i].want);
        g_assert_cmpint(cw_rx_lost(&rx), ==, cases[i].lost);
    }
}

/* RFC 3550 A.8 by hand: D of 0, 5 ms, 5 ms, … converges to 5 ms. */
static void test_jitter(void)
{
    cw_rx rx = { .tick_mul = cw_tick_mul(8000), .late = UINT32_MAX };
    uint64_t now_us = 1000000;

    for (unsigned i = 0; i < 400; i++) {
        cw_rtp rtp = packet(7, i, i * 160);

        cw_rx_time(&rx, &rtp, now_us + (i & 1 ? 5 * MS : 0));
        now_us += 20 * MS;
    }
    g_assert_cmpuint(rx.jitter16 / 16, >=, 38);
    g_assert_cmpuint(rx.jitter16 / 16, <=, 41); /* 40 ticks */

    rx = (cw_rx){ .tick_mul = cw_tick_mul(48000) };
    for (unsigned i = 0; i < 100; i++) {
        cw_rtp rtp = packet(7, i, i * 960);

        cw_rx_time(&rx, &rtp, now_us += 20 * MS);
    }
    g_assert_cmpuint(rx.jitter16 / 16, <=, 1);
}

typedef struct sent {
    bool ok;
    uint16_t seq;
    uint32_t ts;
    bool marker;
} sent;

static sent place(cw_tx *tx, uint32_t ssrc, unsigned seq, uint32_t ts, uint64_t now_us)
{
    cw_rtp rtp = packet(ssrc, seq, ts);
    bool ok = cw_tx_place(tx, &rtp, now_us);

    g_assert_true(!ok || rtp.ssrc == tx->ssrc);
    return (sent){ ok, rtp.seq, rtp.ts, rtp.marker };
}

static void test_change_of_source(void)
{
    uint64_t now_us = 5000 * MS;
    sent a, b;
    cw_tx tx;

    cw_tx_init(&tx);
    a = place(&tx, 1, 500, 1000, now_us);
    g_assert_true(a.ok && a.marker);
    g_assert_cmpuint(a.seq, <=, 0x8000);
    b = place(&tx, 1, 501, 1160, now_us += 20 * MS);
    g_assert_cmpuint(b.seq, ==, (uint16_t)(a.seq + 1));
    g_assert_cmpuint(b.ts, ==, a.ts + 160);
    g_assert_false(b.marker);

    /* Another stream 100 ms later: the next number, 100 ms on. */
    a = place(&tx, 2, 9, 777777, now_us += 100 * MS);
    g_assert_cmpuint(a.seq, ==, (uint16_t)(b.seq + 1));
    g_assert_cmpuint(a.ts, ==, b.ts + 800);
    g_assert_true(a.marker);

    /* At once: no two frames with one time. */
    b = place(&tx, 3, 9, 777777, now_us);
    g_assert_cmpuint(b.seq, ==, (uint16_t)(a.seq + 1));
    g_assert_cmpuint(b.ts, ==, a.ts + 160);

    /* The same stream, after a pause in which it was not sent on. */
    tx.resync = true;
    a = place(&tx, 3, 109, 777777 + 16000, now_us += 2000 * MS);
    g_assert_cmpuint(a.seq, ==, (uint16_t)(b.seq + 1));
    g_assert_cmpuint(a.ts, ==, b.ts + 16000);
}

/* No number goes to two packets, whatever comes in. */
static void test_never_twice(void)
{
    static uint8_t used[65536];
    uint32_t seed = 12345;
    unsigned sent_n = 0;
    cw_tx tx;

    memset(used, 0, sizeof used);
    cw_tx_init(&tx);
    for (unsigned i = 0; i < 50000; i++) {
        unsigned seq;
        sent s;

        seed = seed * 1664525 + 1013904223;
        seq = i + (seed >> 16) % 80; /* reordered and repeated */
        if (i % 1000 == 999)
            tx.resync = true;
        s = place(&tx, 1 + i / 7000, seq, i * 160, i * 1000);
        if (!s.ok)
            continue;
        g_assert_false(used[s.seq]);
        used[s.seq] = 1;
        sent_n++;
        used[(uint16_t)(s.seq + 0x8000)] = 0; /* a cycle later it is another number */
    }
    g_assert_cmpuint(sent_n, >, 20000);
}

static void test_late(void)
{
    sent a, b;
    cw_tx tx;

    cw_tx_init(&tx);
    a = place(&tx, 1, 100, 0, 1);
    g_assert_true(place(&tx, 1, 102, 320, 2).ok);
    b = place(&tx, 1, 101, 160, 3);
    g_assert_true(b.ok);
    g_assert_cmpuint(b.seq, ==, (uint16_t)(a.seq + 1));
    g_assert_cmpuint(b.ts, ==, a.ts + 160);
    g_assert_false(place(&tx, 1, 101, 160, 4).ok);
    g_assert_false(place(&tx, 1, 99, 0, 5).ok); /* from before we began */
    g_assert_true(place(&tx, 1, 300, 0, 6).ok);
    g_assert_false(place(&tx, 1, 200, 0, 7).ok); /* too old to know */

    tx.repeats = true;
    g_assert_true(place(&tx, 1, 300, 0, 8).ok);
    g_assert_true(place(&tx, 1, 200, 0, 9).ok);
    g_assert_false(place(&tx, 1, 99, 0, 10).ok);
}

/* More than 2^15 packets of one stream: what was "before it began" moves along. */
static void test_long_stream(void)
{
    cw_tx tx;

    cw_tx_init(&tx);
    for (unsigned i = 0; i < 200000; i++)
        g_assert_true(place(&tx, 1, i, i * 160, i).ok);
    g_assert_cmpuint(tx.newest >> 16, >=, 3);
}

static void test_insert(void)
{
    uint64_t now_us = 5000 * MS;
    cw_rtp event = { 0 };
    sent a, b;
    cw_tx tx;

    cw_tx_init(&tx);
    a = place(&tx, 1, 100, 0, now_us);
    event.ts = cw_tx_now(&tx, now_us += 20 * MS);
    g_assert_cmpuint(event.ts, ==, a.ts + 160);
    for (unsigned i = 0; i < 5; i++) {
        cw_tx_insert(&tx, &event, now_us + i * 20 * MS);
        g_assert_cmpuint(event.seq, ==, (uint16_t)(a.seq + 1 + i));
    }
    tx.resync = true;
    b = place(&tx, 1, 106, 960, now_us + 100 * MS);
    g_assert_cmpuint(b.seq, ==, (uint16_t)(a.seq + 6));
    g_assert_cmpuint(b.ts, ==, event.ts + 800); /* from the event's beginning */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/number/count", test_count);
    g_test_add_func("/number/jitter", test_jitter);
    g_test_add_func("/number/change-of-source", test_change_of_source);
    g_test_add_func("/number/never-twice", test_never_twice);
    g_test_add_func("/number/late", test_late);
    g_test_add_func("/number/long-stream", test_long_stream);
    g_test_add_func("/number/insert", test_insert);
    return g_test_run();
}
