/* test-plane-quiet.c - far sides that are not heard: told once, and when they are heard again */
#include "plane-rig.h"

#define SILENT_MS 600
#define DEAD_MS   1500

static const uint8_t rr[] = { 0x80, 201, 0, 1, 0, 0, 0, 7 };

typedef struct scene {
    rig r;
    side a, b;
    rtp_stream st;
} scene;

static void open_scene(scene *s, const char *helper) CW_TSA(assert_capability(cw_role_loop))
{
    cw_stream f = audio("PCMA", 8000, 8, 0, 0);

    if (helper)
        format_add(&f, helper, 8000, 13);
    s->st = (rtp_stream){ .ssrc = 1, .seq = 1, .pt = 8 };
    rig_open(&s->r);
    side_open(&s->r, &s->a, AF_INET, &f, false);
    side_open(&s->r, &s->b, AF_INET, &f, false);
    cw_ep_join(s->a.ep, s->b.ep);
    settle(&s->r);
    cw_ep_watch(s->a.ep, SILENT_MS, DEAD_MS);
}

static void close_scene(scene *s) CW_ON_LOOP
{
    side_close(&s->a);
    side_close(&s->b);
    g_assert_cmpuint(cw_loop_timers(s->r.loop), ==, 0);
    rig_close(&s->r);
}

static void speak(scene *s)
{
    send_next(s->a.fd, &s->st, cw_ep_rtp_local(s->a.ep));
}

static cw_addr rtcp_of(const scene *s)
{
    cw_addr addr = *cw_ep_rtp_local(s->a.ep);

    cw_addr_set_port(&addr, (uint16_t)(cw_addr_port(&addr) + 1));
    return addr;
}

/* Turn the loop for so long, doing `what` every 100 ms. */
static void pass(scene *s, unsigned ms, void (*what)(scene *)) CW_ON_LOOP
{
    uint64_t end = cw_now_ms() + ms, next = 0;

    while (cw_now_ms() < end) {
        if (what && cw_now_ms() >= next) {
            next = cw_now_ms() + 100;
            what(s);
        }
        cw_loop_step(s->r.loop, 20);
    }
}

static void report(scene *s)
{
    cw_addr to = rtcp_of(s);

    send_to(s->a.rtcp_fd, rr, sizeof rr, &to);
}

static void test_never_heard(void)
{
    cw_ep_stats stats;
    scene s;

    open_scene(&s, NULL);
    await(&s.r, &s.a.silent, 1);
    cw_ep_get_stats(s.a.ep, &stats);
    g_assert_true(stats.silent);
    g_assert_true(stats.alive);
    await(&s.r, &s.a.dead, 1);
    cw_ep_get_stats(s.a.ep, &stats);
    g_assert_false(stats.alive);
    g_assert_cmpuint(s.a.silent, ==, 1);
    g_assert_cmpuint(s.b.silent, ==, 0); /* not watched */
    speak(&s);
    await(&s.r, &s.a.heard, 1);
    cw_ep_get_stats(s.a.ep, &stats);
    g_assert_true(stats.alive);
    g_assert_false(stats.silent);
    await(&s.r, &s.a.silent, 2); /* stops again */
    close_scene(&s);
}

static void test_speaking(void)
{
    scene s;

    open_scene(&s, NULL);
    pass(&s, DEAD_MS + 1000, speak);
    g_assert_cmpuint(s.a.silent + s.a.dead + s.a.heard, ==, 0);
    close_scene(&s);
}

/* RTCP alone is life, but nothing to hear. */
static void test_reports_only(void)
{
    scene s;

    open_scene(&s, NULL);
    speak(&s);
    pass(&s, DEAD_MS + 1000, report);
    g_assert_cmpuint(s.a.silent, ==, 1);
    g_assert_cmpuint(s.a.dead, ==, 0);
    close_scene(&s);
}

/* With comfort noise a pause is no fault, as long as there are reports. */
static void test_pauses(void)
{
    scene s;

    open_scene(&s, "CN");
    speak(&s);
    pass(&s, DEAD_MS + 1000, report);
    g_assert_cmpuint(s.a.silent + s.a.dead, ==, 0);
    await(&s.r, &s.a.silent, 1);
    await(&s.r, &s.a.dead, 1);
    close_scene(&s);
}

/* Who is not to send is not missed; from the moment it is to, time counts anew. */
static void test_held(void)
{
    scene s;

    open_scene(&s, NULL);
    cw_ep_direction(s.a.ep, CW_SENDONLY);
    pass(&s, DEAD_MS + 700, NULL);
    g_assert_cmpuint(s.a.silent + s.a.dead, ==, 0);
    cw_ep_direction(s.a.ep, CW_SENDRECV);
    await(&s.r, &s.a.silent, 1);
    cw_ep_watch(s.a.ep, 0, 0);
    pass(&s, DEAD_MS + 700, NULL);
    g_assert_cmpuint(s.a.dead, ==, 0);
    g_assert_cmpuint(cw_loop_timers(s.r.loop), ==, 0);
    cw_ep_watch(s.a.ep, SILENT_MS, 0); /* what was silent before it was held is heard after */
    speak(&s);
    await(&s.r, &s.a.heard, 1);
    close_scene(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quiet/never-heard", test_never_heard);
    g_test_add_func("/quiet/speaking", test_speaking);
    g_test_add_func("/quiet/reports-only", test_reports_only);
    g_test_add_func("/quiet/pauses", test_pauses);
    g_test_add_func("/quiet/held", test_held);
    return g_test_run();
}
