/* test-latch.c - whose packets an RTP port takes */
#include "media/latch.h"

#include "media/io/addrtab.h"

#include <glib.h>

static cw_addr addr_of(const char *text)
{
    cw_addr addr;

    g_assert_cmpint(cw_addr_parse(text, 0, &addr), ==, CW_OK);
    return addr;
}

/* `n` packets 20 ms apart from each source in turn; how many were taken, who was chosen and where
 * we send after each. */
typedef struct step {
    const char *from;
    unsigned n, taken;
    const char *source, *to; /* NULL: none */
} step;

#define SLOW (CW_LATCH_SLOW_MS / 20)

static const struct {
    const char *name, *told;
    cw_latch_mode mode;
    step steps[5];
} cases[] = {
    { "told",
      "192.0.2.1:4000",
      CW_LATCH_AUTO,
      { { "192.0.2.1:4000", 3, 3, "192.0.2.1:4000", "192.0.2.1:4000" } } },
    { "nothing-told", "", CW_LATCH_AUTO, { { "192.0.2.1:4000", 9, 0, NULL, NULL } } },
    { "strict",
      "192.168.1.5:4000",
      CW_LATCH_STRICT,
      { { "192.0.2.7:5000", 500, 0, NULL, "192.168.1.5:4000" },
        { "192.168.1.5:4000", 2, 2, "192.168.1.5:4000", "192.168.1.5:4000" } } },
    { "behind-nat",
      "192.168.1.5:4000",
      CW_LATCH_AUTO,
      { { "192.0.2.7:5000", 20, 20, "192.0.2.7:5000", "192.0.2.7:5000" },
        { "198.51.100.1:1", 300, 0, "192.0.2.7:5000", "192.0.2.7:5000" },
        { "192.168.1.5:4000", 9, 0, "192.0.2.7:5000", "192.0.2.7:5000" } } },
    { "nat-changes-port",
      "192.0.2.1:4000",
      CW_LATCH_AUTO,
      { { "192.0.2.1:4001", 20, 20, "192.0.2.1:4001", "192.0.2.1:4001" } } },
    { "told-wins-within-the-first",
      "10.0.0.5:4000",
      CW_LATCH_AUTO,
      { { "192.0.2.7:5000", 4, 4, NULL, "10.0.0.5:4000" },
        { "10.0.0.5:4000", 5, 5, "10.0.0.5:4000", "10.0.0.5:4000" },
        { "192.0.2.7:5000", 300, 0, "10.0.0.5:4000", "10.0.0.5:4000" } } },
    { "injection-after",
      "192.0.2.1:4000",
      CW_LATCH_AUTO,
      { { "192.0.2.1:4000", 1, 1, "192.0.2.1:4000", "192.0.2.1:4000" },
        { "192.0.2.1:4002", 500, 0, "192.0.2.1:4000", "192.0.2.1:4000" },
        { "198.51.100.1:9", 500, 0, "192.0.2.1:4000", "192.0.2.1:4000" } } },
    { "injection-before-the-peer-speaks",
      "192.0.2.1:4000",
      CW_LATCH_AUTO,
      { { "198.51.100.1:9", 100, 0, NULL, "192.0.2.1:4000" },
        { "192.0.2.1:4000", 5, 5, "192.0.2.1:4000", "192.0.2.1:4000" } } },
    { "loopback-has-no-nat",
      "127.0.0.1:4000",
      CW_LATCH_AUTO,
      { { "127.0.0.1:4002", 100, 0, NULL, "127.0.0.1:4000" },
        { "127.0.0.2:4000", 20, 0, NULL, "127.0.0.1:4000" } } },
    { "one-link-has-no-nat",
      "10.1.2.3:4000",
      CW_LATCH_AUTO,
      { { "10.1.2.66:4000", 100, 0, NULL, "10.1.2.3:4000" } } },
    { "asymmetric-sender-in-the-end",
      "192.0.2.1:4000",
      CW_LATCH_AUTO,
      { { "198.51.100.1:9", SLOW, 0, NULL, "192.0.2.1:4000" },
        { "198.51.100.1:9", 5, 5, "198.51.100.1:9", "192.0.2.1:4000" },
        { "192.0.2.1:4000", 2, 2, "192.0.2.1:4000", "192.0.2.1:4000" },
        { "198.51.100.1:9", 5, 0, "192.0.2.1:4000", "192.0.2.1:4000" } } },
    { "two-strangers-share-the-allowance",
      "10.0.0.5:4000",
      CW_LATCH_AUTO,
      { { "192.0.2.7:5000", 4, 4, NULL, "10.0.0.5:4000" },
        { "198.51.100.1:9", 20, 0, NULL, "10.0.0.5:4000" } } },
    { "nat-mode-learns-what-a-nat-explains",
      "192.168.1.5:4000",
      CW_LATCH_NAT,
      { { "192.0.2.7:5000", 20, 20, "192.0.2.7:5000", "192.0.2.7:5000" } } },
    { "nat-mode-has-no-asymmetric-senders",
      "192.0.2.1:4000",
      CW_LATCH_NAT,
      { { "198.51.100.1:9", SLOW + 100, 0, NULL, "192.0.2.1:4000" } } },
    { "off-takes-everybody",
      "192.0.2.1:4000",
      CW_LATCH_OFF,
      { { "198.51.100.1:9", 3, 3, NULL, "192.0.2.1:4000" },
        { "192.0.2.1:4000", 3, 3, NULL, "192.0.2.1:4000" },
        { "198.51.100.1:9", 3, 3, NULL, "192.0.2.1:4000" } } },
    { "ipv6",
      "[2001:db8::1]:4000",
      CW_LATCH_AUTO,
      { { "[2001:db8::2]:4000", 20, 0, NULL, "[2001:db8::1]:4000" },
        { "[2001:db8::1]:4000", 2, 2, "[2001:db8::1]:4000", "[2001:db8::1]:4000" } } },
    { "ipv6-ula-behind-nat",
      "[fd00::1]:4000",
      CW_LATCH_AUTO,
      { { "[2001:db8::2]:4000", 20, 20, "[2001:db8::2]:4000", "[2001:db8::2]:4000" } } },
};

static void assert_addr(const cw_addr *got, const char *want)
{
    char text[CW_ADDR_STR];

    if (!want) {
        g_assert_cmpint(cw_addr_family(got), ==, AF_UNSPEC);
        return;
    }
    g_assert_cmpint(cw_addr_family(got), !=, AF_UNSPEC);
    g_assert_cmpstr(cw_addr_print(got, text), ==, want);
}

static void test_cases(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        cw_addr told = { 0 };
        cw_latch latch = { 0 };
        uint64_t now_us = 1000000;
        uint16_t seq = 65500;

        g_test_message("%s", cases[i].name);
        if (cases[i].told[0])
            told = addr_of(cases[i].told);
        cw_latch_tell(&latch, &told, cases[i].mode);
        for (const step *s = cases[i].steps; s->from; s++) {
            cw_addr from = addr_of(s->from);
            unsigned taken = 0;

            for (unsigned n = 0; n < s->n; n++, now_us += 20000)
                taken += cw_latch_check(&latch, &from, 7, seq++, now_us) != CW_LATCH_REFUSE;
            g_assert_cmpuint(taken, ==, s->taken);
            assert_addr(&latch.source, s->source);
            assert_addr(&latch.to, s->to);
        }
    }
}

/* A re-offer that says the same keeps what was learned; a new address begins anew. */
static void test_tell_again(void)
{
    cw_addr told = addr_of("192.168.1.5:4000"), from = addr_of("192.0.2.7:5000");
    cw_addr other = addr_of("192.168.1.5:4100");
    cw_latch latch = { 0 };

    cw_latch_tell(&latch, &told, CW_LATCH_AUTO);
    for (unsigned i = 0; i < CW_LATCH_PACKETS; i++)
        g_assert_cmpint(cw_latch_check(&latch, &from, 7, (uint16_t)i, i * 20000), ==,
                        i + 1 < CW_LATCH_PACKETS ? CW_LATCH_TAKE : CW_LATCH_CHOSE);
    cw_latch_tell(&latch, &told, CW_LATCH_AUTO);
    assert_addr(&latch.source, "192.0.2.7:5000");
    cw_latch_tell(&latch, &other, CW_LATCH_AUTO);
    assert_addr(&latch.source, NULL);
    assert_addr(&latch.to, "192.168.1.5:4100");
}

/* Numbers out of order are no steady source. */
static void test_unsteady(void)
{
    cw_addr told = addr_of("192.168.1.5:4000"), from = addr_of("192.0.2.7:5000");
    cw_latch latch = { 0 };
    unsigned taken = 0;

    cw_latch_tell(&latch, &told, CW_LATCH_AUTO);
    for (unsigned i = 0; i < 100; i++)
        taken += cw_latch_check(&latch, &from, i, 9, i * 20000) != CW_LATCH_REFUSE;
    g_assert_cmpuint(taken, <=, CW_LATCH_PACKETS);
    assert_addr(&latch.source, NULL);
}

/* The table against a plain list, through growth and removal. */
static void test_table(void)
{
    enum { N = 3000 };
    cw_addrtab tab;
    int value[4];

    cw_addrtab_init(&tab);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < N; i++) {
            cw_addr addr = addr_of(i & 1 ? "[2001:db8::1]" : "192.0.2.1");

            cw_addr_set_port(&addr, (uint16_t)i);
            g_assert_null(cw_addrtab_get(&tab, &addr));
            cw_addrtab_put(&tab, &addr, &value[i % 4]);
        }
        for (unsigned i = 0; i < N; i += 3) {
            cw_addr addr = addr_of(i & 1 ? "[2001:db8::1]" : "192.0.2.1");

            cw_addr_set_port(&addr, (uint16_t)i);
            cw_addrtab_remove(&tab, &addr, &value[(i + 1) % 4]); /* not the value there */
            g_assert_true(cw_addrtab_get(&tab, &addr) == &value[i % 4]);
            cw_addrtab_remove(&tab, &addr, &value[i % 4]);
        }
        for (unsigned i = 0; i < N; i++) {
            cw_addr addr = addr_of(i & 1 ? "[2001:db8::1]" : "192.0.2.1");

            cw_addr_set_port(&addr, (uint16_t)i);
            g_assert_true(cw_addrtab_get(&tab, &addr) == (i % 3 ? &value[i % 4] : NULL));
            cw_addrtab_remove(&tab, &addr, &value[i % 4]);
        }
        g_assert_cmpuint(tab.n, ==, 0);
    }
    cw_addrtab_clear(&tab);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/latch/cases", test_cases);
    g_test_add_func("/latch/tell-again", test_tell_again);
    g_test_add_func("/latch/unsteady", test_unsteady);
    g_test_add_func("/addrtab", test_table);
    return g_test_run();
}
