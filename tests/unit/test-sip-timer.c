/* test-sip-timer.c - session timers (RFC 4028): who refreshes, what that looks like, and the end of
 * a call that nobody refreshes. Against a peer made of a socket and text. */
#include "sip-raw.h"

#define CONF "session_min_s = 2; session_expires_s = 3"

static void expect_header(const char *msg, const char *name, const char *want)
{
    g_autofree char *value = raw_header(msg, name);

    g_assert_cmpstr(value, ==, want);
}

static void hang_up(rig *r, raw *p)
{
    g_autofree char *bye = NULL;

    cw_assert_on_loop();
    cw_sip_call_end(r->a.call, CW_OK);
    bye = raw_expect(p, "BYE ");
    raw_reply(p, bye, "200 OK", NULL, NULL, NULL);
    raw_done(r, p);
}

/* --- as client --- */

static void test_too_short(void)
{
    static const char *const says[] = { "2000", "3000", "4000" };
    g_autofree char *first = NULL, *last = NULL;
    unsigned cseq;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    first = raw_expect(&p, "INVITE ");
    expect_header(first, "Session-Expires", "1800");
    expect_header(first, "Min-SE", NULL);
    cseq = (unsigned)atoi(strstr(first, "CSeq: ") + 6);
    last = g_steal_pointer(&first);
    for (unsigned i = 0; i < G_N_ELEMENTS(says); i++) {
        g_autofree char *min = g_strdup_printf("Min-SE: %s\r\n", says[i]);

        raw_reply(&p, last, "422 Session Interval Too Small", "x", min, NULL);
        g_free(last);
        last = raw_expect(&p, "INVITE ");
        expect_header(last, "Session-Expires", says[i]);
        expect_header(last, "Min-SE", says[i]);
        g_assert_true(g_str_has_suffix(last, OFFER));
        g_assert_cmpint(atoi(strstr(last, "CSeq: ") + 6), ==, cseq + i + 1);
    }
    raw_reply(&p, last, "422 Session Interval Too Small", "x", "Min-SE: 5000\r\n", NULL);
    WAIT(&r, SAW(r.a, "ended sip-failed 422"));
    raw_silence(&p, "INVITE", 100);
    raw_done(&r, &p);
}

/* 422 that names nothing, or too much: no. */
static void test_too_short_for_what(void)
{
    static const char *const says[] = { NULL, "Min-SE: 90000\r\n", "Min-SE: x\r\n" };

    for (unsigned i = 0; i < G_N_ELEMENTS(says); i++) {
        g_autofree char *first = NULL;
        rig r;
        raw p;

        raw_call_out(&r, &p, NULL, NULL);
        cw_assert_on_loop();
        first = raw_expect(&p, "INVITE ");
        raw_reply(&p, first, "422 Session Interval Too Small", "x", says[i], NULL);
        WAIT(&r, SAW(r.a, "ended"));
        raw_done(&r, &p);
    }
}

/* The call is up with this in the 200. */
static void call_up(rig *r, raw *p, const char *extra)
{
    g_autofree char *invite = NULL, *ack = NULL, *contact = NULL, *all = NULL;

    raw_call_out(r, p, NULL, CONF);
    cw_assert_on_loop();
    contact = raw_contact(p, "x");
    all = g_strconcat(contact, extra, NULL);
    invite = raw_expect(p, "INVITE ");
    raw_reply(p, invite, "200 OK", "x", all, ANSWER);
    ack = raw_expect(p, "ACK ");
    g_assert_cmpstr(r->a.log->str, ==, "answered/0 sdp");
}

#define WE   "Require: timer\r\nSession-Expires: 2;refresher=uac\r\n"
#define THEY "Session-Expires: 2;refresher=uas\r\n"

/* At half time, and again; nobody is told. */
static void test_by_update(void)
{
    uint64_t start;
    rig r;
    raw p;

    call_up(&r, &p, "Allow: INVITE, UPDATE\r\n" WE);
    cw_assert_on_loop();
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *update = NULL;

        start = cw_now_ms();
        update = raw_expect(&p, "UPDATE ");
        g_assert_cmpuint(cw_now_ms() - start, >=, 900);
        expect_header(update, "Session-Expires", "2;refresher=uac");
        expect_header(update, "Content-Length", "0");
        raw_reply(&p, update, "200 OK", NULL, WE, NULL);
    }
    g_assert_cmpstr(r.a.log->str, ==, "answered/0 sdp");
    hang_up(&r, &p);
}

/* Without UPDATE: the same description again. What is offered meanwhile waits. */
static void test_by_reinvite(void)
{
    g_autofree char *again = NULL, *ack = NULL, *ours = NULL, *contact = NULL, *second = NULL;
    rig r;
    raw p;

    call_up(&r, &p, WE);
    cw_assert_on_loop();
    contact = g_strconcat(WE, "Contact: <sip:x@127.0.0.1>\r\n", NULL);
    again = raw_expect(&p, "INVITE ");
    g_assert_true(g_str_has_suffix(again, OFFER));
    expect_header(again, "Session-Expires", "2;refresher=uac");
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_E_STATE);
    raw_reply(&p, again, "200 OK", NULL, WE, ANSWER);
    ack = raw_expect(&p, "ACK ");
    g_assert_cmpstr(r.a.log->str, ==, "answered/0 sdp");
    ours = raw_expect(&p, "INVITE ");
    g_assert_true(g_str_has_suffix(ours, REOFFER));
    raw_reply(&p, ours, "200 OK", NULL, WE, ANSWER);
    WAIT(&r, SAW(r.a, "reanswered 200 sdp"));
    second = raw_expect(&p, "INVITE "); /* refreshes with what holds now */
    g_assert_true(g_str_has_suffix(second, REOFFER));
    raw_reply(&p, second, "200 OK", NULL, WE, OFFER); /* an answer that changes something */
    WAIT(&r, SAW(r.a, "reanswered 200 sdp, reanswered 200 sdp"));
    hang_up(&r, &p);
}

/* What a refresh can be answered with. */
static const struct {
    const char *name, *status, *extra;
    const char *next; /* what we send then */
    const char *log;  /* NULL: nothing more */
} refusals[] = {
    { "gone", "481 Gone", NULL, "BYE ", "ended no-call 481" },
    { "no-update", "405 No", NULL, "INVITE ", NULL },
    { "longer", "422 Short", "Min-SE: 3\r\n", "UPDATE ", NULL },
    { "busy", "488 No", NULL, "BYE ", "ended network 408" },
};

static void test_refused(gconstpointer arg)
{
    g_autofree char *update = NULL, *next = NULL;
    unsigned i = GPOINTER_TO_UINT(arg);
    rig r;
    raw p;

    call_up(&r, &p, "Allow: UPDATE\r\n" WE);
    cw_assert_on_loop();
    update = raw_expect(&p, "UPDATE ");
    raw_reply(&p, update, refusals[i].status, NULL, refusals[i].extra, NULL);
    next = raw_expect(&p, refusals[i].next);
    raw_reply(&p, next, "200 OK", NULL, NULL, g_str_has_prefix(next, "INVITE ") ? ANSWER : NULL);
    if (refusals[i].extra)
        expect_header(next, "Min-SE", "3");
    if (refusals[i].log)
        WAIT(&r, SAW(r.a, refusals[i].log));
    else
        hang_up(&r, &p);
    if (refusals[i].log)
        raw_done(&r, &p);
}

/* They were to refresh. */
static void test_expires(void)
{
    g_autofree char *bye = NULL;
    uint64_t start;
    rig r;
    raw p;

    call_up(&r, &p, THEY);
    cw_assert_on_loop();
    start = cw_now_ms();
    bye = raw_expect(&p, "BYE ");
    g_assert_cmpuint(cw_now_ms() - start, >=, 1200); /* a third before the end */
    g_assert_cmpuint(cw_now_ms() - start, <=, 1800);
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    WAIT(&r, SAW(r.a, "ended network 408"));
    raw_done(&r, &p);
}

/* The far side knows nothing of it: no timer. */
static void test_none(void)
{
    rig r;
    raw p;

    call_up(&r, &p, "");
    cw_assert_on_loop();
    raw_silence(&p, "", 2200);
    hang_up(&r, &p);
}

/* Not with this target. */
static void test_off_for_target(void)
{
    g_autofree char *ruri = NULL, *invite = NULL, *supported = NULL;
    cw_sip_target target = { .from_user = "alice", .session_s = -1 };
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.a);
    target.ruri = ruri = g_strdup_printf("sip:raw@127.0.0.1:%u", p.port);
    g_assert_cmpint(
        cw_sip_call_new(r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r.a, &r.a.call), ==,
        CW_OK);
    invite = raw_expect(&p, "INVITE ");
    expect_header(invite, "Session-Expires", NULL);
    supported = raw_header(invite, "Supported");
    g_assert_null(strstr(supported, "timer"));
    raw_reply(&p, invite, "486 Busy", "x", NULL, NULL);
    WAIT(&r, SAW(r.a, "ended"));
    raw_done(&r, &p);
}

/* --- as server --- */

static const struct {
    const char *name, *conf, *extra;
    const char *status;  /* start of the final answer */
    const char *expires; /* Session-Expires in it; NULL: none */
    bool required;       /* Require: timer in it */
    const char *min;     /* Min-SE in it; NULL: no matter */
} asks[] = {
    { "nothing", CONF, "", "SIP/2.0 200", NULL, false, NULL },
    { "supported", CONF, "Supported: timer\r\n", "SIP/2.0 200", "3;refresher=uac", true, NULL },
    { "wished", CONF, "Supported: timer\r\nSession-Expires: 2\r\n", "SIP/2.0 200",
      "2;refresher=uac", true, NULL },
    { "longer", CONF, "Supported: timer\r\nSession-Expires: 200\r\n", "SIP/2.0 200",
      "3;refresher=uac", true, NULL },
    { "min", CONF, "Supported: timer\r\nSession-Expires: 200\r\nMin-SE: 100\r\n", "SIP/2.0 200",
      "100;refresher=uac", true, NULL },
    { "uas", CONF, "Supported: timer\r\nSession-Expires: 3;refresher=uas\r\n", "SIP/2.0 200",
      "3;refresher=uas", false, NULL },
    { "uac", CONF, "k: timer\r\nx: 3;refresher=uac\r\n", "SIP/2.0 200", "3;refresher=uac", true,
      NULL },
    { "proxy", CONF, "Session-Expires: 3\r\n", "SIP/2.0 200", "3;refresher=uas", false, NULL },
    { "proxy-short", CONF, "Session-Expires: 1\r\n", "SIP/2.0 200", NULL, false, NULL },
    { "short", CONF, "Supported: timer\r\nSession-Expires: 1\r\n", "SIP/2.0 422", NULL, false,
      "2" },
    { "short-90", NULL, "Supported: timer\r\nSession-Expires: 89\r\n", "SIP/2.0 422", NULL, false,
      "90" },
    { "off", "session_expires_s = 0", "Supported: timer\r\nSession-Expires: 90\r\n", "SIP/2.0 200",
      NULL, false, NULL },
    { "off-required", "session_expires_s = 0", "Require: timer\r\nSession-Expires: 90\r\n",
      "SIP/2.0 200", "90;refresher=uac", true, NULL },
};

static void test_asked(gconstpointer arg)
{
    unsigned i = GPOINTER_TO_UINT(arg);
    g_autofree char *got = NULL, *require = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, asks[i].conf);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    raw_ask(&p, &(ask){ "INVITE", .body = OFFER, .extra = asks[i].extra });
    got = raw_expect(&p, asks[i].status);
    expect_header(got, "Session-Expires", asks[i].expires);
    require = raw_header(got, "Require");
    g_assert_cmpstr(require, ==, asks[i].required ? "timer" : NULL);
    if (asks[i].min)
        expect_header(got, "Min-SE", asks[i].min);
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

/* They refresh: by UPDATE, by the same description again; then not any more. */
static void test_they_refresh(void)
{
    g_autofree char *ok = NULL, *tag = NULL, *first = NULL, *second = NULL, *third = NULL,
                    *bye = NULL;
    uint64_t start;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, CONF);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    raw_ask(&p, &(ask){ "INVITE", .body = OFFER,
                        .extra = "Supported: timer\r\nSession-Expires: 3\r\n" });
    ok = raw_expect(&p, "SIP/2.0 200");
    tag = raw_to_tag(ok);
    raw_ask(&p, &(ask){ "ACK", tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    raw_silence(&p, "BYE", 1500);
    raw_ask(&p, &(ask){ "UPDATE", tag, .cseq = 2, .branch = 2,
                        .extra = "Supported: timer\r\nSession-Expires: 3;refresher=uac\r\n" });
    first = raw_expect(&p, "SIP/2.0 200");
    expect_header(first, "Session-Expires", "3;refresher=uac");
    raw_silence(&p, "BYE", 1500);
    raw_ask(&p, &(ask){ "INVITE", tag, .cseq = 3, .branch = 3, .body = OFFER,
                        .extra = "Supported: timer\r\nSession-Expires: 3;refresher=uac\r\n" });
    second = raw_expect(&p, "SIP/2.0 200");
    g_assert_true(g_str_has_suffix(second, ANSWER));
    raw_ask(&p, &(ask){ "ACK", tag, .cseq = 3, .branch = 4 });
    start = cw_now_ms();
    raw_ask(&p, &(ask){ "UPDATE", tag, .cseq = 4, .branch = 5,
                        .extra = "Supported: timer\r\nSession-Expires: 1\r\n" });
    third = raw_expect(&p, "SIP/2.0 422");
    g_assert_cmpstr(r.b.log->str, ==, "invite sdp, confirmed");
    bye = raw_expect(&p, "BYE ");
    g_assert_cmpuint(cw_now_ms() - start, >=, 1800);
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    WAIT(&r, SAW(r.b, "ended network 408"));
    raw_done(&r, &p);
}

/* The caller's answer to our offer, offered by it: the call layer answers, told that it is the
 * same. */
static void test_unchanged(void)
{
    g_autofree char *ok = NULL, *tag = NULL, *ours = NULL, *again = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, CONF);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    raw_ask(&p, &(ask){ "INVITE", .body = OFFER });
    ok = raw_expect(&p, "SIP/2.0 200");
    tag = raw_to_tag(ok);
    raw_ask(&p, &(ask){ "ACK", tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    g_assert_cmpint(cw_sip_call_reoffer(r.b.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    ours = raw_expect(&p, "INVITE ");
    raw_reply(&p, ours, "200 OK", NULL, NULL, OFFER);
    WAIT(&r, SAW(r.b, "reanswered 200 sdp"));
    raw_ask(&p, &(ask){ "INVITE", tag, .cseq = 3, .branch = 3, .body = OFFER });
    again = raw_expect(&p, "SIP/2.0 200");
    g_assert_true(SAW(r.b, "reoffered sdp unchanged"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

static void add(const char *path, const char *name, unsigned i, GTestDataFunc fn)
{
    g_autofree char *full = g_strdup_printf("%s/%s", path, name);

    g_test_add_data_func(full, GUINT_TO_POINTER(i), fn);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/timer/too-short", test_too_short);
    g_test_add_func("/sip/timer/too-short-for-what", test_too_short_for_what);
    g_test_add_func("/sip/timer/by-update", test_by_update);
    g_test_add_func("/sip/timer/by-reinvite", test_by_reinvite);
    for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++)
        add("/sip/timer/refused", refusals[i].name, i, test_refused);
    g_test_add_func("/sip/timer/expires", test_expires);
    g_test_add_func("/sip/timer/none", test_none);
    g_test_add_func("/sip/timer/off-for-target", test_off_for_target);
    for (unsigned i = 0; i < G_N_ELEMENTS(asks); i++)
        add("/sip/timer/asked", asks[i].name, i, test_asked);
    g_test_add_func("/sip/timer/they-refresh", test_they_refresh);
    g_test_add_func("/sip/timer/unchanged", test_unchanged);
    return g_test_run();
}
