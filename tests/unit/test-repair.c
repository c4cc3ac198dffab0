/* test-repair.c - what is missing and when it is asked for; what was sent and can be sent again */
#include "media/rtp/nack.h"
#include "media/rtp/resend.h"

#include <glib.h>
#include <string.h>

#define MS UINT64_C(1000)

static char *asked(cw_nack *nack, uint64_t now_us, uint64_t rtt_us)
{
    GString *text = g_string_new(NULL);
    uint16_t seq[CW_NACK_MISSING];
    size_t n = cw_nack_ask(nack, now_us, rtt_us, seq, G_N_ELEMENTS(seq));

    for (size_t i = 0; i < n; i++)
        g_string_append_printf(text, i ? " %u" : "%u", seq[i]);
    return g_string_free(text, FALSE);
}

#define expect_asked(nack, now_us, want)                                                           \
    do {                                                                                           \
        g_autofree char *got = asked(nack, now_us, 50 * MS);                                       \
        g_assert_cmpstr(got, ==, want);                                                            \
    } while (0)

static void test_once_a_round_trip(void)
{
    g_autofree cw_nack *nack = g_new0(cw_nack, 1);

    cw_nack_got(nack, 65534, 1 * MS);
    cw_nack_got(nack, 2, 2 * MS); /* over the wrap */
    expect_asked(nack, 3 * MS, "65535 0 1");
    expect_asked(nack, 40 * MS, "");
    g_assert_true(cw_nack_got(nack, 0, 41 * MS));
    g_assert_false(cw_nack_got(nack, 0, 41 * MS)); /* a second copy */
    cw_nack_got(nack, 4, 50 * MS);
    expect_asked(nack, 53 * MS, "65535 1 3");
    g_assert_true(cw_nack_got(nack, 65535, 54 * MS));
    g_assert_true(cw_nack_got(nack, 1, 54 * MS));
    g_assert_true(cw_nack_got(nack, 3, 54 * MS));
    expect_asked(nack, 200 * MS, "");
    g_assert_false(nack->given_up);
}

static void test_gives_up(void)
{
    g_autofree cw_nack *nack = g_new0(cw_nack, 1);
    uint64_t now = 1 * MS;

    cw_nack_got(nack, 10, now);
    cw_nack_got(nack, 12, now);
    for (unsigned i = 0; i < CW_NACK_TRIES; i++, now += 50 * MS)
        expect_asked(nack, now, "11");
    expect_asked(nack, now, "");
    g_assert_true(nack->given_up);

    nack->given_up = false;
    cw_nack_got(nack, 14, now);
    expect_asked(nack, now + CW_NACK_AGE_US, ""); /* too old to be of use */
    g_assert_true(nack->given_up);
}

/* RFC 3550 A.1: numbers far off are another sequence, of which nothing is missing yet. */
static void test_jump(void)
{
    g_autofree cw_nack *nack = g_new0(cw_nack, 1);

    cw_nack_got(nack, 1, 1 * MS);
    cw_nack_got(nack, 3, 1 * MS);
    cw_nack_got(nack, 30000, 2 * MS);
    expect_asked(nack, 3 * MS, "");
    cw_nack_got(nack, 30002, 4 * MS);
    expect_asked(nack, 5 * MS, "30001");
    g_assert_false(nack->given_up);
}

static void test_bounds(void)
{
    g_autofree cw_nack *nack = g_new0(cw_nack, 1);
    uint16_t seq[4];

    cw_nack_got(nack, 0, 1);
    cw_nack_got(nack, CW_NACK_MISSING + 1, 1); /* just as many */
    g_assert_false(nack->given_up);
    g_assert_cmpuint(cw_nack_ask(nack, 1, 1, seq, 4), ==, 4);
    cw_nack_got(nack, CW_NACK_MISSING + 3, 1);
    g_assert_true(nack->given_up);
    g_assert_cmpuint(nack->n, ==, 0);
    nack->given_up = false;
    cw_nack_got(nack, 30000, 1); /* another sequence: nothing is missing */
    expect_asked(nack, 2, "");
    cw_nack_reset(nack);
    cw_nack_got(nack, 30010, 1);
    expect_asked(nack, 2, "");
    g_assert_false(nack->given_up);
}

/* ── What was sent ── */
static void put(cw_resend *resend, uint16_t seq, size_t len, uint64_t now_us)
{
    g_autofree uint8_t *data = g_malloc(len);

    memset(data, seq, len);
    cw_resend_put(resend, seq, data, len, now_us);
}

static bool get(cw_resend *resend, uint16_t seq, uint64_t now_us)
{
    size_t len;
    const uint8_t *data = cw_resend_get(resend, seq, now_us, 1000 * MS, 20 * MS, &len);

    for (size_t i = 0; data && i < len; i++)
        g_assert_cmpuint(data[i], ==, seq & 0xff);
    return data;
}

static void test_resend(void)
{
    cw_resend *resend = cw_resend_new(3000);

    g_assert_false(get(resend, 0, 1 * MS));
    put(resend, 65535, 1000, 1 * MS);
    put(resend, 0, 1000, 2 * MS);
    g_assert_true(get(resend, 65535, 3 * MS));
    g_assert_false(get(resend, 65535, 4 * MS)); /* just sent again */
    g_assert_true(get(resend, 65535, 30 * MS));
    g_assert_true(get(resend, 0, 30 * MS));
    g_assert_false(get(resend, 0, 1003 * MS)); /* too old */
    put(resend, 1, 1200, 40 * MS); /* does not fit behind: over the first, and it is whole */
    g_assert_false(get(resend, 65535, 60 * MS));
    g_assert_true(get(resend, 1, 60 * MS));
    g_assert_false(get(resend, 1025, 90 * MS)); /* another one of the same place */
    put(resend, 2, 3001, 60 * MS);              /* larger than all of it */
    g_assert_false(get(resend, 2, 90 * MS));
    cw_resend_free(resend);
    g_assert_null(cw_resend_new(0));
    cw_resend_free(NULL);
}

/* Whatever is put in: what comes out is whole and the newest are there. */
static void test_resend_wild(void)
{
    cw_resend *resend = cw_resend_new(20000);
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    uint16_t seq = 60000;

    for (uint64_t i = 1; i < 20000; i++) {
        put(resend, ++seq, (size_t)g_rand_int_range(rand, 12, 1500), i * 50 * MS);
        for (unsigned back = 0; back < 3; back++)
            g_assert_true(i <= back || get(resend, (uint16_t)(seq - back), i * 50 * MS));
        get(resend, (uint16_t)(seq - g_rand_int_range(rand, 0, 3000)), i * 50 * MS);
    }
    cw_resend_free(resend);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nack/once-a-round-trip", test_once_a_round_trip);
    g_test_add_func("/nack/gives-up", test_gives_up);
    g_test_add_func("/nack/jump", test_jump);
    g_test_add_func("/nack/bounds", test_bounds);
    g_test_add_func("/resend/ring", test_resend);
    g_test_add_func("/resend/wild", test_resend_wild);
    return g_test_run();
}
