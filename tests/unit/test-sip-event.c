/* test-sip-event.c - single requests, subscriptions and REFER, between two stacks and against a
 * peer made of text. */
#include "sip-raw.h"

/* --- what comes back --- */

static void on_result(void *arg, const cw_sip_result *result)
{
    side *s = arg;

    rig_say(s, "result %s %d%s%s", cw_err_kind(result->err), result->status,
            result->body ? " " : "", result->body ? result->type : "");
}

static void ask_b(rig *r, const char *method, const char *body, cw_sip_query **ret)
{
    g_autofree char *to = NULL, *ruri = NULL;
    cw_sip_target target = { .from_user = "alice" };
    cw_sip_query_conf conf = { .method = method, .target = &target, .type = "text/plain" };

    cw_assert_on_loop();
    r->b.takes_requests = true;
    to = side_address(&r->b, "udp");
    ruri = g_strdup_printf("sip:bob@%s", to);
    target.ruri = ruri;
    conf.body = body;
    conf.len = body ? strlen(body) : 0;
    g_assert_cmpint(cw_sip_query_new(r->a.sip, &conf, on_result, &r->a, ret), ==, CW_OK);
}

static void test_message(void)
{
    static const char *const lines[] = { "X-Seen: yes", NULL };
    cw_sip_query *query;
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    ask_b(&r, "MESSAGE", "hello", &query);
    WAIT(&r, r.b.reply);
    g_assert_cmpstr(r.b.log->str, ==, "MESSAGE text/plain hello");
    g_assert_false(SAW(r.a, "result"));
    cw_sip_reply_send(g_steal_pointer(&r.b.reply), 200, lines, "text/plain", "ok", 2);
    WAIT(&r, SAW(r.a, "result"));
    g_assert_cmpstr(r.a.log->str, ==, "result ok 200 text/plain");
    rig_stop(&r);
}

static void test_message_refused(void)
{
    int64_t refused;
    cw_sip_query *query;
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    r.b.refuse_request = CW_E_NOT_FOUND;
    ask_b(&r, "MESSAGE", "hello", &query);
    WAIT(&r, SAW(r.a, "result not-found 404"));
    r.b.refuse_request = CW_E_UNSUPPORTED;
    ask_b(&r, "PUBLISH", "x", &query);
    WAIT(&r, SAW(r.a, " 405"));
    refused = cw_stat_get(CW_STAT_sip_refused);
    r.b.untrusting = true; /* whoever is not known gets no 200 */
    g_string_truncate(r.b.log, 0);
    ask_b(&r, "MESSAGE", "spam", &query);
    WAIT(&r, SAW(r.a, "result forbidden 403"));
    g_assert_cmpstr(r.b.log->str, ==, "");
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_refused), ==, refused + 1);
    rig_stop(&r);
}

/* Nobody answers: the caller's deadline. One that is taken back is not heard of. */
static void test_late(void)
{
    cw_sip_query *query;
    g_autofree char *got = NULL;
    cw_sip_target target = { .from_user = "alice" };
    cw_sip_query_conf conf = { .method = "OPTIONS", .target = &target, .timeout_ms = 60 };
    g_autofree char *ruri = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.a);
    ruri = g_strdup_printf("sip:x@127.0.0.1:%u", p.port);
    target.ruri = ruri;
    g_assert_cmpint(cw_sip_query_new(r.a.sip, &conf, on_result, &r.a, &query), ==, CW_OK);
    got = raw_expect(&p, "OPTIONS ");
    WAIT(&r, SAW(r.a, "result timeout 0"));
    g_string_truncate(r.a.log, 0);
    g_assert_cmpint(cw_sip_query_new(r.a.sip, &conf, on_result, &r.a, &query), ==, CW_OK);
    cw_sip_query_free(query);
    conf.method = "INVITE";
    g_assert_cmpint(cw_sip_query_new(r.a.sip, &conf, on_result, &r.a, &query), ==,
                    CW_E_UNSUPPORTED);
    raw_silence(&p, "x", 150);
    g_assert_cmpstr(r.a.log->str, ==, "");
    raw_done(&r, &p);
}

static void test_digest(void)
{
    g_autofree char *first = NULL, *second = NULL, *auth = NULL, *ruri = NULL;
    cw_sip_target target = { .from_user = "alice", .credentials = { "u", "p", NULL } };
    cw_sip_query_conf conf = { .method = "MESSAGE", .target = &target, .type = "text/plain" };
    cw_sip_query *query;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.a);
    ruri = g_strdup_printf("sip:x@127.0.0.1:%u", p.port);
    target.ruri = ruri;
    conf.body = "hi";
    conf.len = 2;
    g_assert_cmpint(cw_sip_query_new(r.a.sip, &conf, on_result, &r.a, &query), ==, CW_OK);
    first = raw_expect(&p, "MESSAGE ");
    raw_reply(&p, first, "401 Unauthorized", "x",
              "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\n",
              NULL);
    second = raw_expect(&p, "MESSAGE ");
    auth = raw_header(second, "Authorization");
    g_assert_nonnull(auth);
    g_assert_nonnull(strstr(auth, "username=\"u\""));
    g_assert_true(g_str_has_suffix(second, "\r\n\r\nhi"));
    raw_reply(&p, second, "200 OK", "x", NULL, NULL);
    WAIT(&r, SAW(r.a, "result ok 200"));
    raw_done(&r, &p);
}

/* --- in a call --- */

static void up(rig *r)
{
    cw_assert_on_loop();
    rig_start(r, "127.0.0.1", NULL, NULL);
    r->b.takes_requests = true;
    g_assert_cmpint(rig_call(r, "udp", OFFER), ==, CW_OK);
    WAIT(r, SAW(r->b, "confirmed"));
    g_string_truncate(r->a.log, 0);
    g_string_truncate(r->b.log, 0);
}

static void test_message_in_call(void)
{
    rig r;

    up(&r);
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_query(r.a.call, "MESSAGE", "text/plain", "hey", 3, on_result, &r.a),
                    ==, CW_OK);
    WAIT(&r, r.b.reply);
    g_assert_cmpstr(r.b.log->str, ==, "MESSAGE text/plain hey");
    cw_sip_reply_send(g_steal_pointer(&r.b.reply), 200, NULL, NULL, NULL, 0);
    WAIT(&r, SAW(r.a, "result ok 200"));
    g_assert_cmpint(cw_sip_call_query(r.b.call, "OPTIONS", NULL, NULL, 0, on_result, &r.b), ==,
                    CW_OK);
    WAIT(&r, SAW(r.b, "result ok 200"));
    rig_stop(&r);
}

/* --- subscriptions --- */

static void on_notified(void *arg, cw_sip_sub *sub, const cw_sip_notice *notice)
{
    static const char *const names[] = { "pending", "active", "terminated" };

    rig_say(arg, "notified %s %s %.*s", names[notice->state], notice->reason ? notice->reason : "-",
            (int)notice->len, notice->body ? notice->body : "");
}

static bool on_forked(void *arg, cw_sip_sub *sub)
{
    side *s = arg;

    rig_say(s, "forked");
    if (s->sub)
        return false;
    s->sub = sub;
    return true;
}

static void on_refreshed(void *arg, cw_sip_sub *sub)
{
    rig_say(arg, "refreshed");
}

static void on_sub_ended(void *arg, cw_sip_sub *sub, const cw_sip_end *end)
{
    rig_say(arg, "over %s %d", cw_err_kind(end->err), end->status);
}

static const cw_sip_sub_ops sub_ops = {
    .notified = on_notified, .forked = on_forked, .refreshed = on_refreshed, .ended = on_sub_ended
};

static cw_sip_sub *subscribe(rig *r, const char *to, unsigned expires_s)
{
    g_autofree char *ruri = g_strdup_printf("sip:bob@%s", to);
    cw_sip_target target = { .from_user = "alice", .ruri = ruri };
    cw_sip_sub_conf conf = { .target = &target, .event = "reg", .expires_s = expires_s };
    cw_sip_sub *sub;

    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_sub_new(r->a.sip, &conf, &sub_ops, &r->a, &sub), ==, CW_OK);
    return sub;
}

/* Subscribed, told twice, renewed, given up. */
static void test_subscribe(void)
{
    g_autofree char *to = NULL;
    cw_sip_sub *sub;
    json_t *seen;
    rig r;

    rig_start(&r, "127.0.0.1", NULL, "subscription_min_s = 1;");
    cw_assert_on_loop();
    r.b.takes_requests = true;
    to = side_address(&r.b, "udp");
    sub = subscribe(&r, to, 2);
    WAIT(&r, r.b.sub);
    cw_sip_sub_accept(r.b.sub, &sub_ops, &r.b);
    g_assert_cmpint(cw_sip_sub_notify(r.b.sub, CW_SUB_ACTIVE, NULL, "text/plain", "one", 3), ==,
                    CW_OK);
    WAIT(&r, SAW(r.a, "notified active - one"));
    seen = cw_sip_sub_json(sub);
    g_assert_cmpstr(json_string_value(json_object_get(seen, "event")), ==, "reg");
    json_decref(seen);
    g_assert_cmpint(cw_sip_sub_notify(r.b.sub, CW_SUB_PENDING, NULL, "text/plain", "two", 3), ==,
                    CW_OK);
    g_assert_cmpint(cw_sip_sub_notify(r.b.sub, CW_SUB_ACTIVE, NULL, "text/plain", "three", 5), ==,
                    CW_OK);
    WAIT(&r, SAW(r.a, "notified pending - two, notified active - three"));
    WAIT(&r, SAW(r.b, "refreshed")); /* after 1.8 s */
    cw_sip_sub_free(sub);
    WAIT(&r, SAW(r.b, "over ok"));
    cw_sip_sub_free(r.b.sub);
    WAIT(&r, cw_stat_get(CW_STAT_sip_subscriptions) == 0);
    rig_stop(&r);
}

static void test_subscribe_ends(void)
{
    g_autofree char *to = NULL;
    cw_sip_sub *sub;
    rig r;

    rig_start(&r, "127.0.0.1", NULL, "subscription_min_s = 5;");
    cw_assert_on_loop();
    r.b.takes_requests = true;
    to = side_address(&r.b, "udp");
    sub = subscribe(&r, to, 2); /* too brief */
    WAIT(&r, SAW(r.a, "over sip-failed 423"));
    cw_sip_sub_free(sub);
    r.b.refuse_request = CW_E_FORBIDDEN;
    sub = subscribe(&r, to, 60);
    WAIT(&r, SAW(r.a, "over forbidden 403"));
    cw_sip_sub_free(sub);
    r.b.refuse_request = CW_OK;
    sub = subscribe(&r, to, 60);
    WAIT(&r, r.b.sub);
    cw_sip_sub_accept(r.b.sub, &sub_ops, &r.b);
    g_assert_cmpint(
        cw_sip_sub_notify(r.b.sub, CW_SUB_TERMINATED, "noresource", "text/plain", "bye", 3), ==,
        CW_OK);
    g_assert_cmpint(cw_sip_sub_notify(r.b.sub, CW_SUB_ACTIVE, NULL, NULL, NULL, 0), ==, CW_E_STATE);
    WAIT(&r, SAW(r.a, "notified terminated noresource bye, over ok"));
    WAIT(&r, SAW(r.b, "over ok"));
    cw_sip_sub_free(sub);
    cw_sip_sub_free(g_steal_pointer(&r.b.sub));
    r.b.untrusting = true;
    g_string_truncate(r.a.log, 0);
    sub = subscribe(&r, to, 60);
    WAIT(&r, SAW(r.a, "over forbidden 403"));
    cw_sip_sub_free(sub);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_subscriptions), ==, 0);
    rig_stop(&r);
}

static char *event_lines(const raw *p, const char *event, const char *state)
{
    return g_strdup_printf("Event: %s\r\nSubscription-State: %s\r\n", event, state);
}

static void notify(raw *p, const char *request, const char *from_tag, unsigned cseq,
                   const char *event, const char *state, const char *body)
{
    g_autofree char *from = raw_header(request, "From"), *id = raw_header(request, "Call-ID"),
                    *extra = event_lines(p, event, state), *text = NULL;
    static unsigned branch;

    text = g_strdup_printf(
        "NOTIFY sip:alice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKn%u\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:bob@b>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\n"
        "CSeq: %u NOTIFY\r\nContact: <sip:raw@127.0.0.1:%u>\r\n%sContent-Type: text/plain\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        p->port, branch++, from_tag, from, id, cseq, p->port, extra, strlen(body), body);
    raw_send(p, text, strlen(text));
}

/* NOTIFY before the 200; a second dialog; 481 for what is none; the end by the peer. */
static void test_notify_first(void)
{
    g_autofree char *to = NULL, *sent = NULL, *a1 = NULL, *a2 = NULL, *a3 = NULL, *a4 = NULL,
                    *a5 = NULL, *a6 = NULL, *left = NULL, *route = NULL;
    cw_sip_sub *sub;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.a);
    to = g_strdup_printf("127.0.0.1:%u", p.port);
    sub = subscribe(&r, to, 60);
    sent = raw_expect(&p, "SUBSCRIBE ");
    notify(&p, sent, "x", 7, "reg", "active;expires=60", "early");
    a1 = raw_expect(&p, "SIP/2.0 200");
    WAIT(&r, SAW(r.a, "notified active - early"));
    raw_reply(&p, sent, "200 OK", "x", "Expires: 60\r\n", NULL);
    notify(&p, sent, "y", 1, "reg", "pending", "fork"); /* another branch */
    a2 = raw_expect(&p, "SIP/2.0 200");
    WAIT(&r, SAW(r.a, "forked, notified pending - fork"));
    notify(&p, sent, "z", 1, "reg", "active", "third"); /* not wanted */
    a3 = raw_expect(&p, "SIP/2.0 481");
    notify(&p, sent, "x", 8, "presence", "active", "other"); /* of no subscription */
    a4 = raw_expect(&p, "SIP/2.0 481");
    notify(&p, sent, "x", 6, "reg", "active", "old"); /* CSeq went back */
    a5 = raw_expect(&p, "SIP/2.0 500");
    notify(&p, sent, "y", 2, "reg", "terminated;reason=rejected", "no");
    a6 = raw_expect(&p, "SIP/2.0 200");
    WAIT(&r, SAW(r.a, "notified terminated rejected no, over ok"));
    cw_sip_sub_free(g_steal_pointer(&r.a.sub));
    cw_sip_sub_free(sub);
    left = raw_expect(&p, "SUBSCRIBE ");
    route = raw_header(left, "Expires");
    g_assert_cmpstr(route, ==, "0");
    g_assert_nonnull(strstr(left, ";tag=x\r\n"));
    raw_reply(&p, left, "481 Gone", NULL, NULL, NULL);
    WAIT(&r, cw_stat_get(CW_STAT_sip_subscriptions) == 0);
    raw_done(&r, &p);
}

/* Who asks for what is not there, without an event, or is unknown. */
static void test_bad_subscribe(void)
{
    static const struct {
        const char *extra, *want;
        bool no_contact, untrusted;
    } bad[] = {
        { "Event: reg\r\nExpires: 5\r\n", "SIP/2.0 423", false, false },
        { "Expires: 60\r\n", "SIP/2.0 489", false, false },
        { "Event: reg\r\n", "SIP/2.0 400", true, false },
        { "Event: reg\r\n", "SIP/2.0 403", false, true },
    };
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *id = g_strdup_printf("s%u", i), *got = NULL;
        ask a = { .method = "SUBSCRIBE", .extra = bad[i].extra, .call_id = id, .branch = i };

        a.no_contact = bad[i].no_contact;
        r.b.untrusting = bad[i].untrusted;
        raw_ask(&p, &a);
        got = raw_expect(&p, "SIP/2.0");
        if (!g_str_has_prefix(got, bad[i].want))
            g_error("%u: %s", i, got);
    }
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_subscriptions), ==, 0);
    raw_done(&r, &p);
}

/* --- REFER --- */

static void on_report(void *arg, cw_err err, int status, const char *phrase, bool last)
{
    rig_say(arg, "report %s %d %s%s", cw_err_kind(err), status, phrase, last ? " last" : "");
}

static void refer(rig *r, const cw_sip_refer_to *to, bool silent, cw_sip_refer **ret)
{
    cw_sip_refer_conf conf = { .to = to, .referred_by = "sip:alice@a", .silent = silent };

    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_refer_new(r->a.call, &conf, on_report, &r->a, ret), ==, CW_OK);
}

static void on_told(void *arg)
{
    rig_say(arg, "told");
}

static void test_refer(void)
{
    cw_sip_refer_to to = { .uri = (char *)"sip:carol@c" };
    cw_sip_refer *one;
    rig r;

    up(&r);
    cw_assert_on_loop();
    refer(&r, &to, false, &one);
    WAIT(&r, SAW(r.a, "report ok 100 Trying"));
    g_assert_cmpstr(r.b.log->str, ==, "refer sip:carol@c");
    cw_sip_referral_tell(r.b.referral, 180, NULL, NULL, NULL);
    WAIT(&r, SAW(r.a, "report ok 180 Ringing"));
    cw_sip_referral_tell(r.b.referral, 200, "Fine", on_told, &r.b);
    WAIT(&r, SAW(r.a, "report ok 200 Fine last"));
    WAIT(&r, SAW(r.b, "told"));
    cw_sip_referral_free(g_steal_pointer(&r.b.referral));
    g_assert_nonnull(strstr(r.b.trace->str, "< REFER, > 202 Accepted, > NOTIFY 100"));
    /* Refused, and one nobody finishes. */
    r.b.refuse_request = CW_E_FORBIDDEN;
    refer(&r, &to, false, &one);
    WAIT(&r, SAW(r.a, "report forbidden 403 Forbidden last"));
    r.b.refuse_request = CW_OK;
    refer(&r, &to, false, &one);
    WAIT(&r, r.b.referral);
    cw_sip_referral_free(g_steal_pointer(&r.b.referral));
    WAIT(&r, SAW(r.a, "report ok 503 Service Unavailable last"));
    WAIT(&r, cw_stat_get(CW_STAT_sip_subscriptions) == 0);
    rig_stop(&r);
}

/* Without reports (RFC 4488), and reports after the call is over. */
static void test_refer_silent(void)
{
    cw_sip_refer_to to = { .uri = (char *)"tel:+331" };
    cw_sip_refer *one;
    rig r;

    up(&r);
    cw_assert_on_loop();
    refer(&r, &to, true, &one);
    WAIT(&r, SAW(r.a, "report ok 202 Accepted last"));
    g_assert_null(strstr(r.b.trace->str, "NOTIFY"));
    cw_sip_referral_tell(r.b.referral, 200, NULL, on_told, &r.b);
    WAIT(&r, SAW(r.b, "told"));
    cw_sip_referral_free(g_steal_pointer(&r.b.referral));
    refer(&r, &to, false, &one);
    WAIT(&r, r.b.referral);
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    WAIT(&r, SAW(r.b, "ended"));
    cw_sip_referral_tell(r.b.referral, 486, NULL, on_told, &r.b);
    WAIT(&r, SAW(r.a, "report ok 486 Busy Here last"));
    cw_sip_referral_free(g_steal_pointer(&r.b.referral));
    WAIT(&r, cw_stat_get(CW_STAT_sip_subscriptions) == 0);
    rig_stop(&r);
}

static void test_bad_refer(void)
{
    static const struct {
        const char *extra, *want;
    } bad[] = {
        { "", "SIP/2.0 400" },
        { "Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n", "SIP/2.0 400" },
        { "Refer-To: <http://127.0.0.1/x>\r\n", "SIP/2.0 416" },
        { "Refer-To: <sips:a@b>\r\n", "SIP/2.0 416" },
        { "Refer-To: <sip:a@b;method=BYE>\r\n", "SIP/2.0 416" },
        { "Refer-To: <sip:a@b?Replaces=x>\r\n", "SIP/2.0 400" },
        { "Refer-To: <sip:a@b>\r\nRequire: gruu\r\n", "SIP/2.0 420" },
    };
    g_autofree char *ok = NULL, *tag = NULL, *bye = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    r.b.takes_requests = true;
    raw_open(&p, &r, &r.b);
    raw_ask(&p, &(ask){ .method = "INVITE", .body = OFFER });
    ok = raw_expect(&p, "SIP/2.0 200");
    tag = raw_to_tag(ok);
    raw_ask(&p, &(ask){ .method = "ACK", .to_tag = tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *got = NULL;

        raw_ask(&p,
                &(ask){ .method = "REFER", .to_tag = tag, .extra = bad[i].extra, .cseq = 2 + i });
        got = raw_expect(&p, "SIP/2.0");
        if (!g_str_has_prefix(got, bad[i].want))
            g_error("%u: %s", i, got);
    }
    g_assert_null(strstr(r.b.log->str, "refer"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    bye = raw_expect(&p, "BYE ");
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    raw_done(&r, &p);
}

/* Outside the dialog but about it (RFC 4538); about none. */
static void test_target_dialog(void)
{
    g_autofree char *ok = NULL, *tag = NULL, *extra = NULL, *got = NULL, *told = NULL, *no = NULL,
                    *bye = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    r.b.takes_requests = true;
    raw_open(&p, &r, &r.b);
    raw_ask(&p, &(ask){ .method = "INVITE", .body = OFFER });
    ok = raw_expect(&p, "SIP/2.0 200");
    tag = raw_to_tag(ok);
    raw_ask(&p, &(ask){ .method = "ACK", .to_tag = tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    raw_ask(&p, &(ask){ .method = "REFER",
                        .call_id = "other",
                        .branch = 1,
                        .extra = "Refer-To: <sip:a@b>\r\nTarget-Dialog: no;local-tag=x;"
                                 "remote-tag=y\r\n" });
    no = raw_expect(&p, "SIP/2.0 403");
    extra = g_strdup_printf(
        "Refer-To: <sip:a@b>\r\nTarget-Dialog: call1;local-tag=raw;remote-tag=%s\r\n", tag);
    raw_ask(&p, &(ask){ .method = "REFER", .call_id = "third", .branch = 2, .extra = extra });
    got = raw_expect(&p, "SIP/2.0 202");
    told = raw_expect(&p, "NOTIFY ");
    g_assert_nonnull(strstr(told, "Call-ID: third\r\n"));
    g_assert_true(g_str_has_suffix(told, "\r\n\r\nSIP/2.0 100 Trying\r\n"));
    raw_reply(&p, told, "200 OK", NULL, NULL, NULL);
    cw_sip_referral_free(g_steal_pointer(&r.b.referral));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    bye = raw_expect(&p, "BYE ");
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    raw_done(&r, &p);
}

/* The report comes before the 202, with the REFER's CSeq as its id. */
static void test_report_first(void)
{
    g_autofree char *invite = NULL, *ack = NULL, *contact = NULL, *asked = NULL, *cseq = NULL,
                    *event = NULL, *ok = NULL, *last = NULL, *wrong = NULL, *bye = NULL;
    cw_sip_refer_to to = { .uri = (char *)"sip:carol@c" };
    cw_sip_refer *one;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "200 OK", "x", contact, ANSWER);
    ack = raw_expect(&p, "ACK ");
    refer(&r, &to, false, &one);
    asked = raw_expect(&p, "REFER ");
    cseq = raw_header(asked, "CSeq");
    event = g_strdup_printf("refer;id=%u", (unsigned)atoi(cseq));
    notify(&p, asked, "x", 1, "refer;id=1", "active", "SIP/2.0 100 Trying\r\n");
    wrong = raw_expect(&p, "SIP/2.0 481");
    notify(&p, asked, "x", 2, event, "active;expires=60", "SIP/2.0 180 Ringing\r\n");
    ok = raw_expect(&p, "SIP/2.0 200");
    g_assert_true(SAW(r.a, "report ok 180 Ringing"));
    raw_reply(&p, asked, "202 Accepted", NULL, contact, NULL);
    notify(&p, asked, "x", 3, event, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n");
    last = raw_expect(&p, "SIP/2.0 200");
    WAIT(&r, SAW(r.a, "report ok 200 OK last"));
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    bye = raw_expect(&p, "BYE ");
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    raw_done(&r, &p);
}

/* --- Replaces --- */

static cw_err replaced_by(rig *r, const char *value, cw_sip_call **ret)
{
    g_auto(cw_sip_replaces) replaces = { 0 };

    cw_assert_on_loop();
    *ret = NULL;
    if (cw_sip_replaces_parse(value, &replaces))
        return CW_E_PARSE;
    *ret = cw_sip_find_replaced(r->b.sip, &replaces);
    return *ret ? CW_OK : CW_E_NO_CALL;
}

static void test_replaces(void)
{
    g_auto(cw_sip_replaces) seen = { 0 };
    g_autofree char *value = NULL, *wrong = NULL;
    cw_sip_call *found;
    rig r;

    up(&r);
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_replaces(r.a.call, &seen), ==, CW_OK); /* in b's words */
    value = cw_sip_replaces_print(&seen);
    g_assert_cmpint(replaced_by(&r, value, &found), ==, CW_OK);
    g_assert_true(found == r.b.call);
    wrong = g_strdup_printf("%sx", value);
    g_assert_cmpint(replaced_by(&r, wrong, &found), ==, CW_E_NO_CALL);
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/request/message", test_message);
    g_test_add_func("/request/refused", test_message_refused);
    g_test_add_func("/request/late", test_late);
    g_test_add_func("/request/digest", test_digest);
    g_test_add_func("/request/in-call", test_message_in_call);
    g_test_add_func("/event/subscribe", test_subscribe);
    g_test_add_func("/event/ends", test_subscribe_ends);
    g_test_add_func("/event/notify-first", test_notify_first);
    g_test_add_func("/event/bad-subscribe", test_bad_subscribe);
    g_test_add_func("/refer/refer", test_refer);
    g_test_add_func("/refer/silent", test_refer_silent);
    g_test_add_func("/refer/bad", test_bad_refer);
    g_test_add_func("/refer/target-dialog", test_target_dialog);
    g_test_add_func("/refer/report-first", test_report_first);
    g_test_add_func("/refer/replaces", test_replaces);
    return g_test_run();
}
