/* test-sip-call.c - two stacks calling each other over loopback. */
#include "sip-rig.h"

static const struct {
    const char *name, *ip, *transport;
} ways[] = {
    { "udp4", "127.0.0.1", "udp" },
    { "tcp4", "127.0.0.1", "tcp" },
    { "udp6", "[::1]", "udp" },
    { "tcp6", "[::1]", "tcp" },
};

typedef struct way {
    const char *name, *ip, *transport;
} way;

static void up(rig *r, const way *w)
{
    rig_start(r, w->ip, NULL, NULL);
    cw_assert_on_loop();
    g_assert_cmpint(rig_call(r, w->transport, OFFER), ==, CW_OK);
    WAIT(r, SAW(r->a, "answered") && SAW(r->b, "confirmed"));
}

static void down(rig *r)
{
    cw_assert_on_loop();
    WAIT(r, side_count(&r->a, "server") == 0 && side_count(&r->b, "server") == 0);
    rig_stop(r);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_calls), ==, 0);
}

static void test_call(const void *arg)
{
    rig r;

    up(&r, arg);
    g_assert_cmpstr(r.a.log->str, ==, "progress 180/0, answered/0 sdp");
    g_assert_cmpstr(r.b.log->str, ==, "invite sdp, confirmed");
    g_assert_cmpstr(r.a.sdp, ==, ANSWER);
    g_assert_cmpstr(r.b.display, ==, "Alice \"A\" Ann");
    g_assert_cmpstr(r.b.from_user, ==, "alice");
    g_assert_cmpstr(r.b.ruri_user, ==, "bob");
    cw_sip_call_end(r.a.call, CW_OK);
    WAIT(&r, SAW(r.b, "ended"));
    g_assert_cmpstr(r.b.log->str, ==, "invite sdp, confirmed, ended ok 0 peer");
    g_assert_cmpint(r.b.end.q850, ==, 16);
    g_assert_cmpstr(r.b.trace->str, ==, "> 180 Ringing, > 200 OK, < ACK, < BYE, > 200 OK");
    down(&r);
}

static void test_callee_hangs_up(const void *arg)
{
    rig r;

    up(&r, arg);
    cw_sip_call_end(r.b.call, CW_E_MEDIA_LOST);
    WAIT(&r, SAW(r.a, "ended"));
    g_assert_cmpstr(r.a.log->str, ==, "progress 180/0, answered/0 sdp, ended ok 0 peer");
    g_assert_cmpint(r.a.end.q850, ==, 31);
    down(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_autofree char *call = g_strdup_printf("/sip/call/%s", ways[i].name);
        g_autofree char *callee = g_strdup_printf("/sip/callee-hangs-up/%s", ways[i].name);

        g_test_add_data_func(call, &ways[i], test_call);
        g_test_add_data_func(callee, &ways[i], test_callee_hangs_up);
    }
    return g_test_run();
}
