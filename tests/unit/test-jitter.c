/* test-jitter.c - packets as bad networks deliver them, and what is heard of them */
#include "media/codec/jitter.h"

#include <glib.h>
#include <string.h>

#define HZ   8000
#define STEP 160 /* ticks of 20 ms */
#define MS   1000

typedef struct rig {
    cw_jitter *jitter;
    uint64_t now_us;
    char heard[4096]; /* a letter a step: P played, L lost, E empty, Q quiet, W wait */
    unsigned n;
    uint16_t next_seq; /* to be played */
    unsigned gaps;     /* sequence numbers not played */
    bool begun;
} rig;

static void rig_open(rig *r, unsigned min_ms, unsigned max_ms)
{
    *r = (rig){ .jitter = cw_jitter_new(HZ, min_ms, max_ms), .now_us = 5000 * MS };
}

static bool put_ts(rig *r, uint16_t seq, uint32_t ts, uint64_t at_us)
{
    uint8_t data[2] = { (uint8_t)(seq >> 8), (uint8_t)seq };
    g_autofree uint8_t *exact = g_memdup2(data, 2);

    return cw_jitter_put(
        r->jitter, &(cw_jitter_packet){ .seq = seq, .ts = ts, .pt = 8, .len = 2, .data = exact },
        at_us);
}

static bool put(rig *r, uint16_t seq, uint64_t at_us)
{
    return put_ts(r, seq, (uint32_t)seq * STEP, at_us);
}

static char tick(rig *r)
{
    static const char letters[] = "WPLEQ";
    cw_jitter_packet packet;
    uint32_t ticks = STEP;
    cw_jitter_step step = cw_jitter_next(r->jitter, r->now_us, &ticks, &packet);

    if (step == CW_JITTER_PLAY) {
        g_assert_cmpuint(packet.len, ==, 2);
        g_assert_cmpuint(packet.data[0] << 8 | packet.data[1], ==, packet.seq);
        if (r->begun)
            g_assert_cmpint((int16_t)(packet.seq - r->next_seq), >=, 0); /* never backwards */
        r->gaps += r->begun ? (uint16_t)(packet.seq - r->next_seq) : 0;
        r->begun = true;
        r->next_seq = (uint16_t)(packet.seq + 1);
        cw_jitter_played(r->jitter, STEP, false);
    }
    g_assert_cmpuint(r->n, <, sizeof r->heard - 1);
    r->heard[r->n++] = letters[step];
    r->now_us += 20 * MS;
    return letters[step];
}

static unsigned count_of(const rig *r, char letter, unsigned from)
{
    unsigned n = 0;

    for (unsigned i = from; i < r->n; i++)
        n += r->heard[i] == letter;
    return n;
}

static cw_jitter_count count(const rig *r)
{
    cw_jitter_count c;

    cw_jitter_get_count(r->jitter, r->now_us, &c);
    return c;
}

/* Steps of 20 ms, one packet in each, delayed by what `delay` says. Those that come in the same
 * step come in order of time. */
static void run(rig *r, unsigned packets, uint16_t first, int (*delay)(unsigned i))
{
    uint64_t begin_us = r->now_us;
    g_autofree uint64_t *at = g_new(uint64_t, packets);
    g_autofree bool *done = g_new0(bool, packets);

    for (unsigned i = 0; i < packets; i++) {
        int ms = delay ? delay(i) : 0;

        at[i] = begin_us + i * 20 * MS + (uint64_t)(ms < 0 ? 0 : ms) * MS;
        done[i] = ms < 0; /* lost */
    }
    while (r->now_us < begin_us + (packets + 20) * 20 * MS) {
        for (uint64_t us = r->now_us - 20 * MS + 1000; us <= r->now_us; us += MS)
            for (unsigned i = 0; i < packets; i++)
                if (!done[i] && at[i] <= us) {
                    done[i] = true;
                    put(r, (uint16_t)(first + i), at[i]);
                }
        tick(r);
        if (r->begun && r->next_seq == (uint16_t)(first + packets))
            break;
    }
}

static void test_even(void)
{
    rig r;

    rig_open(&r, 20, 200);
    run(&r, 500, 1, NULL);
    g_assert_cmpuint(count_of(&r, 'P', 0), ==, 500);
    g_assert_cmpuint(count_of(&r, 'L', 0) + count_of(&r, 'E', 0), ==, 0);
    g_assert_cmpuint(count(&r).target_ms, ==, 20); /* as small as it may be */
    g_assert_cmpuint(count(&r).discarded, ==, 0);
    cw_jitter_free(r.jitter);
}

/* Numbers and times wrap in the middle. */
static void test_wrap(void)
{
    rig r;

    rig_open(&r, 20, 200);
    for (unsigned i = 0; i < 200; i++) {
        put_ts(&r, (uint16_t)(65500 + i), 0xfffff000u + i * STEP, r.now_us);
        tick(&r);
    }
    g_assert_cmpuint(r.gaps, ==, 0);
    g_assert_cmpuint(count_of(&r, 'P', 0), >, 195);
    g_assert_cmpuint(count_of(&r, 'L', 0) + count_of(&r, 'E', 0), ==, 0);
    cw_jitter_free(r.jitter);
}

static int swapped(unsigned i)
{
    return i % 10 == 3 ? 25 : 0; /* comes after the next one */
}

static void test_reorder(void)
{
    rig r;

    rig_open(&r, 40, 200);
    run(&r, 500, 100, swapped);
    g_assert_cmpuint(r.gaps, ==, 0);
    g_assert_cmpuint(count_of(&r, 'P', 0), ==, 500);
    cw_jitter_free(r.jitter);
}

static int lossy(unsigned i)
{
    return i % 20 == 7 ? -1 : 0;
}

static void test_loss(void)
{
    rig r;

    rig_open(&r, 20, 200);
    run(&r, 500, 1, lossy);
    g_assert_cmpuint(count_of(&r, 'P', 0), ==, 475);
    g_assert_cmpuint(r.gaps, ==, 25);
    g_assert_cmpuint(count_of(&r, 'L', 0) + count_of(&r, 'E', 0), ==, 25);
    g_assert_cmpuint(count(&r).concealed, ==, 25 * STEP);
    cw_jitter_free(r.jitter);
}

/* The packet after a gap is shown with it: a copy of the lost one may be inside. */
static void test_next_shown(void)
{
    cw_jitter_packet packet;
    uint32_t ticks = STEP;
    rig r;

    rig_open(&r, 20, 200);
    put(&r, 1, r.now_us);
    put(&r, 4, r.now_us);
    r.now_us += 60 * MS;
    g_assert_cmpint(tick(&r), ==, 'P');
    g_assert_cmpint(cw_jitter_next(r.jitter, r.now_us, &ticks, &packet), ==, CW_JITTER_LOST);
    g_assert_null(packet.data);
    g_assert_cmpint(cw_jitter_next(r.jitter, r.now_us, &ticks, &packet), ==, CW_JITTER_LOST);
    g_assert_cmpuint(packet.seq, ==, 4);
    g_assert_cmpuint(ticks, ==, STEP);
    cw_jitter_free(r.jitter);
}

static int jittery(unsigned i)
{
    return (int)((i * 7919 + i / 3 * 104729) % 71);
}

/* Up to 70 ms of jitter: after it was seen, nothing is too late any more. */
static void test_jitter(void)
{
    rig r;
    unsigned from;

    rig_open(&r, 20, 200);
    run(&r, 1000, 1, jittery);
    from = r.n / 2;
    g_test_message("target %u ms, empty %u, discarded %u", count(&r).target_ms,
                   count_of(&r, 'E', from), count(&r).discarded);
    g_assert_cmpuint(count(&r).target_ms, >=, 65);
    g_assert_cmpuint(count(&r).target_ms, <=, 80);
    g_assert_cmpuint(count_of(&r, 'E', from) + count_of(&r, 'L', from), <, 20);
    g_assert_cmpuint(count(&r).discarded, <, 30);
    cw_jitter_free(r.jitter);
}

/* Five packets at once every 100 ms. */
static int bursty(unsigned i)
{
    return (int)(80 - i % 5 * 20);
}

static void test_burst(void)
{
    rig r;

    rig_open(&r, 20, 200);
    run(&r, 1000, 1, bursty);
    g_test_message("target %u ms", count(&r).target_ms);
    g_assert_cmpuint(count_of(&r, 'E', r.n / 2) + count_of(&r, 'L', r.n / 2), <, 10);
    g_assert_cmpuint(count(&r).target_ms, >=, 80);
    cw_jitter_free(r.jitter);
}

/* However bad it is, nobody waits longer than said. */
static int dreadful(unsigned i)
{
    return (int)((i * 7919) % 900);
}

static void test_max(void)
{
    rig r;

    rig_open(&r, 20, 100);
    run(&r, 500, 1, dreadful);
    g_assert_cmpuint(count(&r).target_ms, ==, 100);
    g_assert_cmpuint(count(&r).discarded, >, 100);
    cw_jitter_free(r.jitter);
}

/* The way becomes 400 ms longer: silence for that time, and a little more, no longer. */
static int longer(unsigned i)
{
    return i < 200 ? 0 : 400;
}

static void test_longer_way(void)
{
    rig r;

    rig_open(&r, 20, 100);
    run(&r, 400, 1, longer);
    g_test_message("gaps %u", r.gaps);
    g_assert_cmpuint(r.gaps, <, 30);
    g_assert_cmpuint(count_of(&r, 'P', r.n - 100), >, 90);
    cw_jitter_free(r.jitter);
}

/* A sender whose clock is 500 ppm fast or slow: the delay stays what it should be, by the excess
 * that is told. */
static void drift(double ppm)
{
    double at = 0;
    uint16_t seq = 1;
    int64_t excess;
    rig r;

    rig_open(&r, 20, 200);
    for (unsigned i = 0; i < 3000; i++) {
        while (at <= i * 20.0) {
            put(&r, seq++, 5000 * MS + (uint64_t)(at * MS));
            at += 20 * (1 - ppm / 1e6);
        }
        excess = cw_jitter_excess_us(r.jitter, r.now_us);
        if (excess > 30 * MS) { /* as stretching would */
            cw_jitter_packet packet;
            uint32_t ticks = STEP;

            (void)cw_jitter_next(r.jitter, r.now_us, &ticks, &packet);
            cw_jitter_played(r.jitter, STEP, false);
            r.next_seq++;
        }
        tick(&r);
    }
    g_test_message("%g ppm: delay %u ms, empty %u", ppm, count(&r).delay_ms,
                   count_of(&r, 'E', 100));
    g_assert_cmpuint(count(&r).delay_ms, <, 75);
    g_assert_cmpuint(count_of(&r, 'E', 100), <, 6);
    cw_jitter_free(r.jitter);
}

static void test_drift(void)
{
    drift(500);
    drift(-500);
}

/* A pause of the sender is no loss, and what follows waits as long as it should. */
static void test_pause(void)
{
    uint32_t ts = 0;
    uint16_t seq = 1;
    rig r;

    rig_open(&r, 20, 200);
    for (unsigned i = 0; i < 200; i++) {
        bool talk = i % 50 < 25;

        if (talk || i % 50 == 35)
            put_ts(&r, seq++, ts, r.now_us);
        ts += STEP;
        tick(&r);
    }
    g_test_message("%s", r.heard);
    g_assert_cmpuint(r.gaps, ==, 0);
    g_assert_cmpuint(count_of(&r, 'L', 0), ==, 0);
    g_assert_cmpuint(count(&r).discarded, ==, 0);
    cw_jitter_free(r.jitter);
}

static void test_repeat(void)
{
    rig r;

    rig_open(&r, 20, 200);
    for (uint16_t i = 0; i < 50; i++) {
        g_assert_true(put(&r, i, r.now_us));
        g_assert_false(put(&r, i, r.now_us));
        tick(&r);
    }
    g_assert_cmpuint(count(&r).discarded, ==, 50);
    g_assert_cmpuint(r.gaps, ==, 0);
    cw_jitter_free(r.jitter);
}

/* Another stream begins without a word. */
static void test_jump(void)
{
    rig r;

    rig_open(&r, 20, 200);
    run(&r, 50, 1, NULL);
    r.begun = false;
    for (unsigned i = 0; i < 50; i++) {
        put_ts(&r, (uint16_t)(40000 + i), 0x80000000u + i * STEP, r.now_us);
        tick(&r);
    }
    g_assert_cmpuint(count_of(&r, 'P', r.n - 45), ==, 45);
    cw_jitter_free(r.jitter);
}

/* Nobody plays for a second: the oldest go, the newest are heard soon. */
static void test_stall(void)
{
    rig r;

    rig_open(&r, 20, 100);
    run(&r, 50, 1, NULL);
    for (unsigned i = 0; i < 50; i++)
        put(&r, (uint16_t)(51 + i), r.now_us + i * 20 * MS);
    r.now_us += 1000 * MS;
    tick(&r);
    g_test_message("delay %u ms", count(&r).delay_ms);
    g_assert_cmpuint(count(&r).delay_ms, <=, 320);
    cw_jitter_free(r.jitter);
}

/* Times that run ahead of the clock, as no microphone's do: what follows is heard all the same. */
static void test_hasty(void)
{
    uint16_t seq = 1;
    uint32_t ts = 0;
    rig r;

    rig_open(&r, 20, 200);
    for (unsigned i = 0; i < 200; i++) {
        put_ts(&r, seq++, ts, r.now_us + i * 500);
        ts += (i * 7919) % 500;
    }
    r.now_us += 100 * MS;
    r.begun = false;
    for (unsigned i = 0; i < 100; i++) {
        put_ts(&r, seq++, ts, r.now_us);
        ts += STEP;
        tick(&r);
    }
    g_assert_cmpuint(count_of(&r, 'P', 50), >=, 45);
    cw_jitter_free(r.jitter);
}

static void test_refused(void)
{
    uint8_t data[CW_JITTER_PAYLOAD + 1] = { 0 };
    cw_jitter_packet packet = { .seq = 1, .data = data };
    rig r;

    rig_open(&r, 20, 100);
    g_assert_false(cw_jitter_put(r.jitter, &packet, r.now_us));
    packet.len = CW_JITTER_PAYLOAD + 1;
    g_assert_false(cw_jitter_put(r.jitter, &packet, r.now_us));
    packet.len = CW_JITTER_PAYLOAD;
    g_assert_true(cw_jitter_put(r.jitter, &packet, r.now_us));
    for (unsigned i = 0; i < 1000; i++) { /* more than there is room for */
        packet.seq++;
        packet.ts += STEP;
        cw_jitter_put(r.jitter, &packet, r.now_us);
    }
    cw_jitter_free(r.jitter);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jitter/even", test_even);
    g_test_add_func("/jitter/wrap", test_wrap);
    g_test_add_func("/jitter/reorder", test_reorder);
    g_test_add_func("/jitter/loss", test_loss);
    g_test_add_func("/jitter/next-shown", test_next_shown);
    g_test_add_func("/jitter/jitter", test_jitter);
    g_test_add_func("/jitter/burst", test_burst);
    g_test_add_func("/jitter/max", test_max);
    g_test_add_func("/jitter/longer-way", test_longer_way);
    g_test_add_func("/jitter/drift", test_drift);
    g_test_add_func("/jitter/pause", test_pause);
    g_test_add_func("/jitter/repeat", test_repeat);
    g_test_add_func("/jitter/jump", test_jump);
    g_test_add_func("/jitter/stall", test_stall);
    g_test_add_func("/jitter/hasty", test_hasty);
    g_test_add_func("/jitter/refused", test_refused);
    return g_test_run();
}
