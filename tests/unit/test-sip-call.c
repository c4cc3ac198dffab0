/* test-sip-call.c - two stacks calling each other over loopback. */
#include "sip-rig.h"

typedef struct way {
    const char *name, *ip, *transport;
} way;

static const way ways[] = {
    { "udp4", "127.0.0.1", "udp" },
    { "tcp4", "127.0.0.1", "tcp" },
    { "udp6", "[::1]", "udp" },
    { "tcp6", "[::1]", "tcp" },
};

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
    rig_stop(r);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_calls), ==, 0);
}

static void test_call(const void *arg)
{
    rig r;

    up(&r, arg);
    cw_assert_on_loop();
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
    cw_assert_on_loop();
    cw_sip_call_end(r.b.call, CW_E_MEDIA_LOST);
    WAIT(&r, SAW(r.a, "ended"));
    g_assert_cmpstr(r.a.log->str, ==, "progress 180/0, answered/0 sdp, ended ok 0 peer");
    g_assert_cmpint(r.a.end.q850, ==, 31);
    down(&r);
}

static void test_cancel(const void *arg)
{
    const way *w = arg;
    rig r;

    rig_start(&r, w->ip, NULL, NULL);
    cw_assert_on_loop();
    r.b.ring_only = true;
    g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
    WAIT(&r, SAW(r.a, "progress 180"));
    cw_sip_call_end(r.a.call, CW_E_ANSWERED_ELSEWHERE);
    WAIT(&r, SAW(r.b, "ended"));
    g_assert_cmpstr(r.b.log->str, ==, "invite sdp, ended answered-elsewhere 487 peer");
    g_assert_cmpint(r.b.end.q850, ==, 26);
    down(&r);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_calls), ==, 0);
}

/* Hung up before any answer came: CANCEL waits for a provisional response. */
static void test_cancel_at_once(const void *arg)
{
    const way *w = arg;
    rig r;

    rig_start(&r, w->ip, NULL, NULL);
    cw_assert_on_loop();
    r.b.ring_only = true;
    g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
    cw_sip_call_end(r.a.call, CW_OK);
    WAIT(&r, SAW(r.b, "ended"));
    g_assert_cmpstr(r.b.log->str, ==, "invite sdp, ended cancelled 487 peer");
    g_assert_cmpstr(r.a.log->str, ==, "");
    down(&r);
}

static const struct {
    cw_err why;
    const char *log;
} refusals[] = {
    { CW_E_BUSY, "ended busy 486 peer" },
    { CW_E_DECLINED, "ended declined 603 peer" },
    { CW_E_NOT_FOUND, "ended not-found 404 peer" },
    { CW_E_UNAVAILABLE, "ended unavailable 480 peer" },
    { CW_E_NO_CODEC, "ended no-codec 488 peer" },
    { CW_E_OVERLOAD, "ended network 503 peer" },
    { CW_E_INTERNAL, "ended sip-failed 500 peer" },
};

static void test_refuse(const void *arg)
{
    const way *w = arg;

    for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++) {
        rig r;

        rig_start(&r, w->ip, NULL, NULL);
        cw_assert_on_loop();
        r.b.answer_with = refusals[i].why;
        g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
        WAIT(&r, SAW(r.a, "ended"));
        g_assert_cmpstr(r.a.log->str, ==, refusals[i].log);
        g_assert_cmpint(r.a.end.q850, !=, 0);
        rig_stop(&r);
        g_assert_cmpint(cw_stat_get(CW_STAT_sip_calls), ==, 0);
    }
}

static void test_refuse_while_ringing(const void *arg)
{
    const way *w = arg;
    rig r;

    rig_start(&r, w->ip, NULL, NULL);
    cw_assert_on_loop();
    r.b.ring_only = true;
    g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
    WAIT(&r, SAW(r.a, "progress 180"));
    cw_sip_call_end(r.b.call, CW_E_BUSY);
    WAIT(&r, SAW(r.a, "ended"));
    g_assert_cmpstr(r.a.log->str, ==, "progress 180/0, ended busy 486 peer");
    g_assert_cmpint(r.a.end.q850, ==, 17);
    down(&r);
}

static void test_rings_out(void)
{
    rig r;

    rig_start(&r, "127.0.0.1", "ring_timeout_ms = 1000", NULL);
    cw_assert_on_loop();
    r.b.ring_only = true;
    g_assert_cmpint(rig_call(&r, "udp", OFFER), ==, CW_OK);
    WAIT(&r, SAW(r.a, "ended"));
    g_assert_cmpstr(r.a.log->str, ==, "progress 180/0, ended timeout 408");
    WAIT(&r, SAW(r.b, "ended"));
    g_assert_cmpint(r.b.end.q850, ==, 19);
    down(&r);
}

static void test_late_offer(void)
{
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    g_assert_cmpint(rig_call(&r, "udp", NULL), ==, CW_OK);
    WAIT(&r, SAW(r.b, "confirmed"));
    g_assert_cmpstr(r.b.log->str, ==, "invite, confirmed sdp");
    g_assert_cmpstr(r.b.sdp, ==, ANSWER);
    g_assert_cmpstr(r.a.log->str, ==, "progress 180/0, answered/0 sdp offer");
    cw_sip_call_end(r.a.call, CW_OK);
    WAIT(&r, SAW(r.b, "ended"));
    down(&r);
}

static void test_reoffer(const void *arg)
{
    rig r;

    up(&r, arg);
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_E_STATE);
    WAIT(&r, SAW(r.a, "reanswered 200 sdp") &&
                 strstr(r.b.trace->str, "> 200 OK, < ACK, < INVITE, > 200 OK, < ACK"));
    g_assert_cmpint(cw_sip_call_reoffer(r.b.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    WAIT(&r, SAW(r.b, "reanswered 200 sdp") && strstr(r.a.trace->str, "< ACK"));
    r.b.reanswer_later = true;
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    WAIT(&r, SAW(r.b, "reanswered 200 sdp, reoffered sdp"));
    g_assert_cmpint(cw_sip_call_rerefuse(r.b.call, 0, 488), ==, CW_OK);
    g_assert_cmpint(cw_sip_call_rerefuse(r.b.call, 0, 488), ==, CW_E_STATE);
    WAIT(&r, SAW(r.a, "reanswered 488"));
    cw_sip_call_end(r.b.call, CW_OK);
    WAIT(&r, SAW(r.a, "ended ok 0 peer"));
    down(&r);
}

/* Both offer at once: both get 491, back off differently, and both get through (14.1). */
static void test_glare(const void *arg)
{
    rig r;

    up(&r, arg);
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    g_assert_cmpint(cw_sip_call_reoffer(r.b.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    WAIT(&r, SAW(r.a, "reanswered") && SAW(r.b, "reanswered"));
    g_assert_nonnull(strstr(r.a.trace->str, "491"));
    g_assert_nonnull(strstr(r.b.trace->str, "491"));
    g_assert_true(SAW(r.a, "reanswered 200 sdp") && SAW(r.b, "reanswered 200 sdp"));
    cw_sip_call_end(r.b.call, CW_OK);
    WAIT(&r, SAW(r.a, "ended ok 0 peer"));
    down(&r);
}

static void test_info(const void *arg)
{
    rig r;

    up(&r, arg);
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_info(r.a.call, "application/dtmf-relay", "Signal=5", 8), ==, CW_OK);
    WAIT(&r, SAW(r.b, "info application/dtmf-relay Signal=5"));
    cw_sip_call_end(r.a.call, CW_OK);
    WAIT(&r, SAW(r.b, "ended"));
    down(&r);
}

/* Freed while the BYE is out, while ringing, and right after the start. */
static void test_free(const void *arg)
{
    const way *w = arg;
    rig r;

    up(&r, w);
    cw_assert_on_loop();
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    WAIT(&r, SAW(r.b, "ended"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    g_string_truncate(r.b.log, 0);

    r.b.ring_only = true;
    g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
    WAIT(&r, SAW(r.b, "invite"));
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    WAIT(&r, SAW(r.b, "ended"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));

    g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    down(&r);
}

static void test_let_go(const void *arg)
{
    const way *w = arg;
    rig r;

    rig_start(&r, w->ip, NULL, NULL);
    cw_assert_on_loop();
    r.b.let_go = true;
    g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
    WAIT(&r, SAW(r.a, "ended declined 603 peer"));
    down(&r);
}

static void test_untrusted(const void *arg)
{
    const way *w = arg;
    rig r;

    rig_start(&r, w->ip, NULL, NULL);
    cw_assert_on_loop();
    r.b.untrusting = true;
    g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
    WAIT(&r, SAW(r.a, "ended"));
    g_assert_cmpstr(r.a.log->str, ==, "ended forbidden 403 peer");
    g_assert_cmpstr(r.b.log->str, ==, "");
    down(&r);
}

/* Nobody listens there. */
static void test_nobody(void)
{
    cw_sip_target target = { .ruri = "sip:x@127.0.0.1:9", .from_user = "a" };
    rig r;

    rig_start(&r, "127.0.0.1", "invite_timeout_ms = 500", NULL);
    cw_assert_on_loop();
    g_assert_cmpint(
        cw_sip_call_new(r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r.a, &r.a.call), ==,
        CW_OK);
    WAIT(&r, SAW(r.a, "ended"));
    g_assert_cmpint(r.a.end.err, ==, CW_E_NETWORK);
    cw_sip_call_free(g_steal_pointer(&r.a.call));

    target.transport = CW_SIP_TCP; /* refused at once */
    g_string_truncate(r.a.log, 0);
    g_assert_cmpint(
        cw_sip_call_new(r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r.a, &r.a.call), ==,
        CW_OK);
    WAIT(&r, SAW(r.a, "ended"));
    g_assert_cmpint(r.a.end.err, ==, CW_E_NETWORK);
    cw_sip_call_free(g_steal_pointer(&r.a.call));

    target.ruri = "sip:x@0.0.0.0"; /* the wildcard is no destination */
    g_string_truncate(r.a.log, 0);
    g_assert_cmpint(
        cw_sip_call_new(r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r.a, &r.a.call), ==,
        CW_OK);
    g_assert_cmpstr(r.a.log->str, ==, "");
    WAIT(&r, SAW(r.a, "ended network 0"));
    down(&r);
}

/* No DNS answers: the deadline ends the call. */
static void test_no_name(void)
{
    cw_sip_target target = { .ruri = "sip:x@host.example", .from_user = "a" };
    uint64_t start = cw_now_ms();
    rig r;

    rig_start(&r, "127.0.0.1", "dns_timeout_ms = 300; dns_servers = (\"127.0.0.1:9\")", NULL);
    cw_assert_on_loop();
    g_assert_cmpint(
        cw_sip_call_new(r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r.a, &r.a.call), ==,
        CW_OK);
    WAIT(&r, SAW(r.a, "ended"));
    g_assert_cmpstr(r.a.log->str, ==, "ended dns 0");
    g_assert_cmpuint(cw_now_ms() - start, <, 1500);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_dns_failed), >, 0);
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    /* Given up while the question is open. */
    g_assert_cmpint(
        cw_sip_call_new(r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r.a, &r.a.call), ==,
        CW_OK);
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    down(&r);
}

static void test_bad_target(void)
{
    static const char *const smuggled[] = { "X-A: b\r\nVia: c", NULL };
    static const char *const owned[] = { "Route: <sip:x>", NULL };
    static const struct {
        cw_sip_target target;
        cw_err want;
    } bad[] = {
        { { .ruri = "sip:x@h\r\n", .from_user = "a" }, CW_E_UNSAFE },
        { { .ruri = "sip:x@h?a=b", .from_user = "a" }, CW_E_PARAMS },
        { { .ruri = "sip:x@h", .from_user = "a\nb" }, CW_E_UNSAFE },
        { { .ruri = "sip:x@h", .from_user = "a", .from_display = "a\rb" }, CW_E_UNSAFE },
        { { .ruri = "sip:x@h", .from_user = "a", .from_domain = "a>b" }, CW_E_PARAMS },
        { { .ruri = "sip:x@h", .from_user = "a", .next_hop = "h;lr" }, CW_E_PARAMS },
        { { .ruri = "sip:x@h", .from_user = "a", .headers = smuggled }, CW_E_UNSAFE },
        { { .ruri = "sip:x@h", .from_user = "a", .headers = owned }, CW_E_UNSAFE },
    };
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        cw_sip_call *call = NULL;

        g_assert_cmpint(cw_sip_call_new(r.a.sip, &bad[i].target, OFFER, strlen(OFFER),
                                        &rig_call_ops, &r.a, &call),
                        ==, bad[i].want);
        g_assert_null(call);
    }
    down(&r);
}

static void test_bad_listen(void)
{
    static const char *const bad[] = { "udp:192.0.2.1:5060", "sctp:127.0.0.1:5060", "udp:x", "" };
    cw_loop *loop;

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup_printf("sip: { listen = (\"%s\"); };", bad[i]);
        cw_conf *conf = NULL;
        char *why = NULL, said[128] = "";
        cw_sip *sip = NULL;

        g_assert_cmpint(cw_conf_load("test", text, &conf, &why), ==, CW_OK);
        g_assert_cmpint(cw_sip_new(loop, conf, &rig_ops, NULL, &sip, said), !=, CW_OK);
        g_assert_cmpstr(said, !=, "");
        cw_conf_free(conf);
    }
    cw_loop_free(loop);
}

/* One of the ways a call can go, by number. */
static void one_of_many(rig *r, unsigned i)
{
    cw_assert_on_loop();
    g_string_truncate(r->a.log, 0);
    g_string_truncate(r->b.log, 0);
    r->b.ring_only = i % 5 == 1;
    r->b.answer_with = i % 5 == 2 ? CW_E_BUSY : CW_OK;
    g_assert_cmpint(rig_call(r, i % 2 ? "udp" : "tcp", OFFER), ==, CW_OK);
    if (r->b.answer_with) {
        WAIT(r, SAW(r->a, "ended"));
    } else if (r->b.ring_only) {
        WAIT(r, SAW(r->b, "invite"));
        cw_sip_call_end(r->a.call, CW_OK);
        WAIT(r, SAW(r->b, "ended"));
    } else {
        WAIT(r, SAW(r->b, "confirmed"));
        if (i % 5 == 3) {
            g_assert_cmpint(cw_sip_call_reoffer(r->a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
            WAIT(r, SAW(r->a, "reanswered"));
            g_assert_cmpint(cw_sip_call_info(r->a.call, "text/plain", "x", 1), ==, CW_OK);
            WAIT(r, SAW(r->b, "info"));
        }
        cw_sip_call_free(g_steal_pointer(&r->a.call));
        WAIT(r, SAW(r->b, "ended"));
    }
    cw_sip_call_free(g_steal_pointer(&r->a.call));
    cw_sip_call_free(g_steal_pointer(&r->b.call));
}

/* Two hundred calls leave nothing behind. Every server transaction is gone when its timer J or I
 * (5 s) has run: one that was not destroyed, an ACK's say, would stay for ever. */
static void test_many(void)
{
    unsigned timers;
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    timers = cw_loop_timers(r.loop);
    for (unsigned i = 0; i < 200; i++)
        one_of_many(&r, i);
    g_assert_cmpint(side_count(&r.b, "server"), >=, 100);
    WAIT(&r, side_count(&r.a, "server") == 0 && side_count(&r.b, "server") == 0);
    /* NTA keeps a client's INVITE for Timer D, 32 s; nothing of ours is left after 64*T1. */
    WAIT(&r, cw_loop_timers(r.loop) == timers + cw_stat_get(CW_STAT_sip_connections));
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_connections), ==, 2); /* one, seen from both sides */
    down(&r);
}

static const struct {
    const char *name;
    void (*fn)(const void *way);
} each_way[] = {
    { "call", test_call },       { "callee-hangs-up", test_callee_hangs_up },
    { "cancel", test_cancel },   { "cancel-at-once", test_cancel_at_once },
    { "refuse", test_refuse },   { "refuse-while-ringing", test_refuse_while_ringing },
    { "reoffer", test_reoffer }, { "glare", test_glare },
    { "info", test_info },       { "free", test_free },
    { "let-go", test_let_go },   { "untrusted", test_untrusted },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned k = 0; k < G_N_ELEMENTS(each_way); k++) {
        /* glare waits for seconds: twice is enough */
        for (unsigned i = 0; i < (each_way[k].fn == test_glare ? 2 : G_N_ELEMENTS(ways)); i++) {
            g_autofree char *path = g_strdup_printf("/sip/%s/%s", each_way[k].name, ways[i].name);

            g_test_add_data_func(path, &ways[i], each_way[k].fn);
        }
    }
    g_test_add_func("/sip/rings-out", test_rings_out);
    g_test_add_func("/sip/late-offer", test_late_offer);
    g_test_add_func("/sip/nobody", test_nobody);
    g_test_add_func("/sip/no-name", test_no_name);
    g_test_add_func("/sip/bad-target", test_bad_target);
    g_test_add_func("/sip/bad-listen", test_bad_listen);
    g_test_add_func("/sip/many", test_many);
    return g_test_run();
}
