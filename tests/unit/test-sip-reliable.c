/* test-sip-reliable.c - reliable provisional responses (RFC 3262) and UPDATE before the answer
 * (RFC 3311), against a peer made of a socket and text. */
#include "sip-raw.h"

#define CALLEE_ALLOW "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\r\n"

/* --- as client --- */

static char *reliable(const raw *p, const char *user, unsigned rseq)
{
    g_autofree char *contact = raw_contact(p, user);

    return g_strdup_printf("%sRequire: 100rel\r\nRSeq: %u\r\n" CALLEE_ALLOW, contact, rseq);
}

static void reply_reliably(raw *p, const char *invite, const char *status, const char *fork,
                           unsigned rseq, const char *sdp)
{
    g_autofree char *extra = reliable(p, fork, rseq);

    raw_reply(p, invite, status, fork, extra, sdp);
}

/* The PRACK of this fork for this RSeq; not answered. */
static char *expect_prack(raw *p, const char *invite, const char *fork, unsigned rseq)
{
    g_autofree char *start = g_strdup_printf("PRACK sip:%s@", fork), *cseq = NULL, *rack = NULL,
                    *want = NULL;
    char *prack = raw_expect(p, start);

    cseq = raw_header(invite, "CSeq");
    rack = raw_header(prack, "RAck");
    want = g_strdup_printf("%u %s", rseq, cseq);
    g_assert_cmpstr(rack, ==, want);
    return prack;
}

static void expect_and_take_prack(raw *p, const char *invite, const char *fork, unsigned rseq)
{
    g_autofree char *prack = expect_prack(p, invite, fork, rseq);

    raw_reply(p, prack, "200 OK", NULL, NULL, NULL);
}

static void end_with_bye(rig *r, raw *p)
{
    g_autofree char *bye = NULL;

    cw_assert_on_loop();
    cw_sip_call_end(r->a.call, CW_OK);
    bye = raw_expect(p, "BYE ");
    raw_reply(p, bye, "200 OK", NULL, NULL, NULL);
    raw_done(r, p);
}

/* Each response once and in order, each fork by itself. */
static void test_order(void)
{
    g_autofree char *invite = NULL, *contact = NULL, *ack = NULL, *supported = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    invite = raw_expect(&p, "INVITE ");
    supported = raw_header(invite, "Supported");
    g_assert_nonnull(strstr(supported, "100rel"));
    reply_reliably(&p, invite, "183 Session Progress", "x", 100, ANSWER);
    expect_and_take_prack(&p, invite, "x", 100);
    reply_reliably(&p, invite, "183 Session Progress", "x", 100, ANSWER); /* again */
    reply_reliably(&p, invite, "180 Ringing", "x", 102, NULL);            /* 101 is missing */
    raw_silence(&p, "PRACK", 150);
    reply_reliably(&p, invite, "181 Forwarded", "x", 101, NULL);
    expect_and_take_prack(&p, invite, "x", 101);
    reply_reliably(&p, invite, "180 Ringing", "x", 102, NULL);
    expect_and_take_prack(&p, invite, "x", 102);
    reply_reliably(&p, invite, "183 Session Progress", "y", 7, ANSWER);
    expect_and_take_prack(&p, invite, "y", 7);
    reply_reliably(&p, invite, "180 Ringing", "x", 101, NULL); /* old */
    raw_silence(&p, "PRACK", 100);
    raw_reply(&p, invite, "200 OK", "x", contact, NULL);
    ack = raw_expect(&p, "ACK sip:x@");
    WAIT(&r, SAW(r.a, "answered"));
    g_assert_cmpstr(r.a.log->str, ==,
                    "progress 183/0 reliable sdp, progress 181/0 reliable, progress 180/0 "
                    "reliable, progress 183/1 reliable sdp, answered/0");
    end_with_bye(&r, &p);
}

/* SDP in the 200 after an answer in a reliable 18x: the same says nothing, another is ignored and
 * asked about. */
static void test_answered_again(void)
{
    for (unsigned other = 0; other < 2; other++) {
        g_autofree char *invite = NULL, *contact = NULL, *ack = NULL, *again = NULL, *second = NULL;
        rig r;
        raw p;

        raw_call_out(&r, &p, NULL, NULL);
        cw_assert_on_loop();
        contact = raw_contact(&p, "x");
        invite = raw_expect(&p, "INVITE ");
        reply_reliably(&p, invite, "183 Session Progress", "x", 1, ANSWER);
        expect_and_take_prack(&p, invite, "x", 1);
        raw_reply(&p, invite, "200 OK", "x", contact, other ? REOFFER : ANSWER);
        ack = raw_expect(&p, "ACK sip:x@");
        WAIT(&r, SAW(r.a, "answered"));
        g_assert_true(SAW(r.a, "answered/0 sdp") == !other);
        if (other) {
            again = raw_expect(&p, "INVITE sip:x@");
            g_assert_true(g_str_has_suffix(again, OFFER));
            raw_reply(&p, again, "200 OK", NULL, contact, REOFFER);
            second = raw_expect(&p, "ACK sip:x@");
            WAIT(&r, SAW(r.a, "reanswered 200"));
            g_assert_cmpstr(r.a.sdp, ==, REOFFER);
        } else {
            raw_silence(&p, "INVITE", 100);
        }
        end_with_bye(&r, &p);
    }
}

/* RSeq 0, no tag, no Require: not reliable, or not to be looked at. */
static void test_not_reliable(void)
{
    g_autofree char *invite = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "180 Ringing", "x", "RSeq: 1\r\n", NULL);
    raw_reply(&p, invite, "183 Progress", "x", "Require: 100rel\r\nRSeq: 0\r\n", NULL);
    raw_reply(&p, invite, "183 Progress", NULL, "Require: 100rel\r\nRSeq: 1\r\n", NULL);
    raw_reply(&p, invite, "100 Trying", NULL, "Require: 100rel\r\nRSeq: 1\r\n", NULL);
    raw_silence(&p, "PRACK", 150);
    g_assert_true(g_str_has_prefix(r.a.log->str, "progress 180/0"));
    g_assert_false(SAW(r.a, "reliable"));
    raw_reply(&p, invite, "486 Busy", "x", NULL, NULL);
    WAIT(&r, SAW(r.a, "ended busy 486"));
    raw_done(&r, &p);
}

/* The answer to the INVITE is faster than that to the PRACK; its SDP is old by then. */
static void test_answer_overtakes(void)
{
    g_autofree char *invite = NULL, *prack = NULL, *contact = NULL, *ack = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    invite = raw_expect(&p, "INVITE ");
    reply_reliably(&p, invite, "183 Session Progress", "x", 1, ANSWER);
    prack = expect_prack(&p, invite, "x", 1);
    raw_reply(&p, invite, "200 OK", "x", contact, OFFER);
    ack = raw_expect(&p, "ACK sip:x@");
    g_assert_true(SAW(r.a, "answered/0"));
    g_assert_false(SAW(r.a, "answered/0 sdp"));
    raw_reply(&p, prack, "200 OK", NULL, NULL, NULL);
    raw_silence(&p, "PRACK", 150);
    end_with_bye(&r, &p);
}

/* How an INVITE ends whose PRACK nobody has answered yet, and what that gets then. */
static const struct {
    const char *name;
    const char *final; /* to the INVITE; NULL: we hang up */
    const char *prack; /* NULL: none ever */
    const char *loser; /* 200 from another fork */
} crossings[] = {
    { "refused", "486 Busy", "200 OK", NULL },    { "refused-481", "486 Busy", "481 Gone", NULL },
    { "refused-silent", "486 Busy", NULL, NULL }, { "cancel", NULL, "200 OK", NULL },
    { "cancel-silent", NULL, NULL, NULL },        { "fork-lost", NULL, "481 Gone", "y" },
    { "fork-lost-silent", NULL, NULL, "y" },
};

static void test_crossing(gconstpointer arg)
{
    g_autofree char *invite = NULL, *prack = NULL, *cancel = NULL, *contact = NULL, *ack = NULL,
                    *bye = NULL;
    unsigned i = GPOINTER_TO_UINT(arg);
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    contact = raw_contact(&p, "y");
    invite = raw_expect(&p, "INVITE ");
    reply_reliably(&p, invite, "183 Session Progress", "x", 1, ANSWER);
    prack = expect_prack(&p, invite, "x", 1);
    if (crossings[i].final) {
        raw_reply(&p, invite, crossings[i].final, "x", NULL, NULL);
        WAIT(&r, SAW(r.a, "ended"));
    } else if (crossings[i].loser) {
        raw_reply(&p, invite, "200 OK", "y", contact, ANSWER);
        ack = raw_expect(&p, "ACK sip:y@");
    } else {
        cw_sip_call_end(r.a.call, CW_OK);
        cancel = raw_expect(&p, "CANCEL ");
        reply_reliably(&p, invite, "180 Ringing", "x", 2, NULL);
        expect_and_take_prack(&p, invite, "x", 2); /* crosses the CANCEL */
        raw_reply(&p, cancel, "200 OK", "x", NULL, NULL);
        raw_reply(&p, invite, "487 Gone", "x", NULL, NULL);
        ack = raw_expect(&p, "ACK ");
    }
    if (crossings[i].prack)
        raw_reply(&p, prack, crossings[i].prack, NULL, NULL, NULL);
    cw_sip_call_end(r.a.call, CW_OK);
    if (crossings[i].loser) {
        bye = raw_expect(&p, "BYE sip:y@");
        raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    }
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    raw_silence(&p, "BYE", 1300); /* 64*T1 */
    raw_done(&r, &p);
}

/* A re-INVITE's reliable response is acknowledged as well. */
static void test_reinvite(void)
{
    g_autofree char *invite = NULL, *ack = NULL, *again = NULL, *contact = NULL, *last = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "200 OK", "x", contact, ANSWER);
    ack = raw_expect(&p, "ACK ");
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    again = raw_expect(&p, "INVITE ");
    reply_reliably(&p, again, "183 Session Progress", NULL, 55, NULL);
    last = raw_expect(&p, "PRACK ");
    raw_reply(&p, last, "200 OK", NULL, NULL, NULL);
    raw_reply(&p, again, "200 OK", NULL, contact, ANSWER);
    WAIT(&r, SAW(r.a, "reanswered 200 sdp"));
    end_with_bye(&r, &p);
}

/* --- without an offer in our INVITE --- */

static void call_without_offer(rig *r, raw *p)
{
    g_autofree char *ruri = NULL;
    cw_sip_target target = { .from_user = "alice" };

    rig_start(r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(p, r, &r->a);
    r->a.reanswer_later = true;
    target.ruri = ruri = g_strdup_printf("sip:raw@127.0.0.1:%u", p->port);
    g_assert_cmpint(cw_sip_call_new(r->a.sip, &target, NULL, 0, &rig_call_ops, &r->a, &r->a.call),
                    ==, CW_OK);
}

static void test_offer_in_18x(void)
{
    g_autofree char *invite = NULL, *prack = NULL, *contact = NULL, *ack = NULL;
    rig r;
    raw p;

    call_without_offer(&r, &p);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    invite = raw_expect(&p, "INVITE ");
    g_assert_null(strstr(invite, "Content-Type"));
    reply_reliably(&p, invite, "183 Session Progress", "x", 1, OFFER);
    WAIT(&r, SAW(r.a, "progress 183/0 reliable sdp offer"));
    reply_reliably(&p, invite, "183 Session Progress", "x", 1, OFFER);
    raw_silence(&p, "PRACK", 100); /* it waits for our answer */
    g_assert_cmpint(cw_sip_call_reanswer(r.a.call, 1, ANSWER, strlen(ANSWER)), ==, CW_E_STATE);
    g_assert_cmpint(cw_sip_call_reanswer(r.a.call, 0, ANSWER, strlen(ANSWER)), ==, CW_OK);
    prack = expect_prack(&p, invite, "x", 1);
    g_assert_true(g_str_has_suffix(prack, ANSWER));
    raw_reply(&p, prack, "200 OK", NULL, NULL, NULL);
    raw_reply(&p, invite, "200 OK", "x", contact, NULL);
    ack = raw_expect(&p, "ACK ");
    g_assert_null(strstr(ack, "m=audio"));
    WAIT(&r, SAW(r.a, "answered/0"));
    end_with_bye(&r, &p);
}

/* The ACK waits for our answer, and says it again whenever the 2xx comes again. */
static void test_offer_in_2xx(void)
{
    g_autofree char *invite = NULL, *contact = NULL, *ack = NULL, *again = NULL;
    rig r;
    raw p;

    call_without_offer(&r, &p);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "200 OK", "x", contact, OFFER);
    raw_reply(&p, invite, "200 OK", "x", contact, OFFER);
    raw_silence(&p, "ACK", 100);
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_E_STATE);
    g_assert_cmpint(cw_sip_call_reanswer(r.a.call, 0, ANSWER, strlen(ANSWER)), ==, CW_OK);
    ack = raw_expect(&p, "ACK ");
    g_assert_true(g_str_has_suffix(ack, ANSWER));
    raw_reply(&p, invite, "200 OK", "x", contact, OFFER);
    again = raw_expect(&p, "ACK ");
    g_assert_true(g_str_has_suffix(again, ANSWER));
    end_with_bye(&r, &p);
}

/* Hung up before we answered their offer: the ACK goes out first. */
static void test_offer_in_2xx_unanswered(void)
{
    g_autofree char *invite = NULL, *contact = NULL, *ack = NULL;
    rig r;
    raw p;

    call_without_offer(&r, &p);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "200 OK", "x", contact, OFFER);
    WAIT(&r, SAW(r.a, "answered/0 sdp offer"));
    cw_sip_call_end(r.a.call, CW_OK);
    ack = raw_expect(&p, "ACK ");
    g_assert_null(strstr(ack, "m=audio"));
    end_with_bye(&r, &p);
}

/* --- UPDATE before the answer, as client --- */

/* Fork x (its tag: "raw", as raw_ask has it) agreed reliably. The call's tag at our side in *tag.
 */
static char *agree_early(rig *r, raw *p, char **tag, char **call_id)
{
    g_autofree char *from = NULL, *extra = NULL;
    char *invite;

    raw_call_out(r, p, NULL, NULL);
    cw_assert_on_loop();
    invite = raw_expect(p, "INVITE ");
    from = raw_header(invite, "From");
    *tag = g_strdup(strstr(from, "tag=") + 4);
    *call_id = raw_header(invite, "Call-ID");
    raw_reply(p, invite, "180 Ringing", "other", NULL, NULL);
    extra = reliable(p, "x", 1);
    raw_reply(p, invite, "183 Session Progress", "raw", extra, ANSWER);
    expect_and_take_prack(p, invite, "x", 1);
    return invite;
}

static void test_update_from_fork(void)
{
    g_autofree char *invite = NULL, *tag = NULL, *id = NULL, *ok = NULL, *busy = NULL,
                    *after = NULL, *glare = NULL, *update = NULL, *plain = NULL, *contact = NULL,
                    *ack = NULL;
    rig r;
    raw p;

    invite = agree_early(&r, &p, &tag, &id);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    raw_ask(&p, &(ask){ "UPDATE", .to_tag = tag, .call_id = id, .cseq = 1, .branch = 1 });
    plain = raw_expect(&p, "SIP/2.0 200");
    r.a.reanswer_later = true;
    raw_ask(&p, &(ask){ "UPDATE", tag, .body = REOFFER, .call_id = id, .cseq = 2, .branch = 2 });
    WAIT(&r, SAW(r.a, "reoffered/1 sdp"));
    raw_ask(&p, &(ask){ "UPDATE", tag, .body = REOFFER, .call_id = id, .cseq = 3, .branch = 3 });
    busy = raw_expect(&p, "SIP/2.0 500");
    after = raw_header(busy, "Retry-After");
    g_assert_nonnull(after);
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 1, OFFER, strlen(OFFER)), ==, CW_E_STATE);
    g_assert_cmpint(cw_sip_call_reanswer(r.a.call, 1, ANSWER, strlen(ANSWER)), ==, CW_OK);
    ok = raw_expect(&p, "SIP/2.0 200");
    g_assert_true(g_str_has_suffix(ok, ANSWER));
    /* Ours: only where the fork agreed; theirs is in the way of it. */
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 0, OFFER, strlen(OFFER)), ==, CW_E_STATE);
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 1, OFFER, strlen(OFFER)), ==, CW_OK);
    update = raw_expect(&p, "UPDATE sip:raw@");
    raw_ask(&p, &(ask){ "UPDATE", tag, .body = REOFFER, .call_id = id, .cseq = 4, .branch = 4 });
    glare = raw_expect(&p, "SIP/2.0 491");
    raw_reply(&p, update, "200 OK", NULL, NULL, ANSWER);
    WAIT(&r, SAW(r.a, "reanswered/1 200 sdp"));
    raw_reply(&p, invite, "200 OK", "raw", contact, NULL);
    ack = raw_expect(&p, "ACK sip:x@");
    end_with_bye(&r, &p);
}

/* What an early UPDATE of ours can come to. */
static const struct {
    const char *name, *status, *extra, *body;
    const char *want; /* in the log; NULL: it is asked again */
    unsigned min_ms, max_ms;
} updates[] = {
    { "refused", "488 No", NULL, NULL, "reanswered/1 488", 0, 500 },
    { "gone", "481 No", NULL, NULL, "reanswered/1 481", 0, 500 },
    { "504", "504 Ask", NULL, NULL, "reanswered/1 504", 0, 500 },
    { "491", "491 Pending", NULL, NULL, NULL, 2050, 4200 }, /* the Call-ID is ours */
    { "500", "500 Later", "Retry-After: 1\r\n", NULL, NULL, 950, 1500 },
    { "500-never", "500 Later", NULL, NULL, "reanswered/1 500", 0, 500 },
    { "500-late", "500 Later", "Retry-After: 600\r\n", NULL, "reanswered/1 500", 0, 500 },
};

static void test_update_answered(gconstpointer arg)
{
    g_autofree char *invite = NULL, *tag = NULL, *id = NULL, *update = NULL, *again = NULL;
    unsigned i = GPOINTER_TO_UINT(arg);
    uint64_t start;
    rig r;
    raw p;

    invite = agree_early(&r, &p, &tag, &id);
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_reoffer(r.a.call, 1, REOFFER, strlen(REOFFER)), ==, CW_OK);
    update = raw_expect(&p, "UPDATE ");
    start = cw_now_ms();
    raw_reply(&p, update, updates[i].status, NULL, updates[i].extra, updates[i].body);
    if (updates[i].want) {
        WAIT(&r, SAW(r.a, updates[i].want));
    } else {
        while (!again)
            again = raw_get(&p, 5000);
        g_assert_true(g_str_has_prefix(again, "UPDATE "));
        raw_reply(&p, again, "200 OK", NULL, NULL, ANSWER);
        WAIT(&r, SAW(r.a, "reanswered/1 200 sdp"));
    }
    g_assert_cmpuint(cw_now_ms() - start, >=, updates[i].min_ms);
    g_assert_cmpuint(cw_now_ms() - start, <=, updates[i].max_ms);
    g_assert_false(SAW(r.a, "ended")); /* the INVITE goes on */
    raw_reply(&p, invite, "486 Busy", "raw", NULL, NULL);
    WAIT(&r, SAW(r.a, "ended busy 486"));
    raw_done(&r, &p);
}

/* --- as server --- */

static void ring_in(rig *r, raw *p, const char *conf, const char *extra, const char *body)
{
    rig_start(r, "127.0.0.1", NULL, conf);
    cw_assert_on_loop();
    raw_open(p, r, &r->b);
    r->b.mute = true;
    raw_ask(p, &(ask){ .method = "INVITE", .body = body, .extra = extra });
    WAIT(r, SAW(r->b, "invite"));
}

static void respond(rig *r, int status, const char *sdp)
{
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_respond(r->b.call, status, sdp, sdp ? strlen(sdp) : 0), ==, CW_OK);
}

static unsigned rseq_of(const char *response)
{
    g_autofree char *rseq = raw_header(response, "RSeq"),
                    *require = raw_header(response, "Require");

    g_assert_nonnull(rseq);
    g_assert_cmpstr(require, ==, "100rel");
    return (unsigned)atoi(rseq);
}

/* PRACK as the cseq-th request of the dialog. */
static void ask_prack(raw *p, const char *tag, unsigned rseq, unsigned cseq, const char *body)
{
    g_autofree char *rack = g_strdup_printf("RAck: %u 1 INVITE\r\n", rseq);

    raw_ask(p, &(ask){ "PRACK", tag, rack, body, .cseq = cseq, .branch = cseq });
}

/* SDP in a reliable 183, a 180 behind it, the 200 held until the PRACK. */
static void test_serve(void)
{
    g_autofree char *first = NULL, *again = NULL, *stray = NULL, *ok = NULL, *next = NULL,
                    *tag = NULL, *gone = NULL, *answer = NULL, *prack_ok = NULL;
    unsigned rseq;
    rig r;
    raw p;

    ring_in(&r, &p, NULL, "Require: 100rel\r\n", OFFER);
    cw_assert_on_loop();
    respond(&r, 183, ANSWER);
    respond(&r, 180, NULL);
    first = raw_expect(&p, "SIP/2.0 183");
    rseq = rseq_of(first);
    tag = raw_to_tag(first);
    g_assert_true(g_str_has_suffix(first, ANSWER));
    again = raw_expect(&p, "SIP/2.0 183");
    g_assert_cmpuint(rseq_of(again), ==, rseq);
    ask_prack(&p, tag, rseq + 1, 2, NULL);
    stray = raw_expect(&p, "SIP/2.0 481");
    raw_silence(&p, "SIP/2.0 180", 100);
    ask_prack(&p, tag, rseq, 3, NULL);
    ok = raw_expect(&p, "SIP/2.0 200");
    next = raw_expect(&p, "SIP/2.0 180");
    g_assert_cmpuint(rseq_of(next), ==, rseq + 1);
    g_assert_null(strstr(next, "m=audio"));
    g_assert_true(SAW(r.b, "acknowledged 183"));
    ask_prack(&p, tag, rseq, 4, NULL); /* that one again: nobody waits for it */
    gone = raw_expect(&p, "SIP/2.0 481");
    respond(&r, 200, ANSWER); /* no SDP waits for its PRACK: at once */
    answer = raw_expect(&p, "SIP/2.0 200");
    g_assert_null(strstr(answer, "m=audio")); /* it was agreed on */
    raw_silence(&p, "SIP/2.0 180", 300);      /* not repeated any more, 3 */
    ask_prack(&p, tag, rseq + 1, 5, NULL);    /* but still acknowledged */
    prack_ok = raw_expect(&p, "SIP/2.0 200");
    while (!strstr(prack_ok, "PRACK")) {
        g_free(prack_ok);
        prack_ok = raw_expect(&p, "SIP/2.0 200");
    }
    raw_ask(&p, &(ask){ "ACK", tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

static void test_answer_waits(void)
{
    g_autofree char *first = NULL, *tag = NULL, *ok = NULL, *answer = NULL, *cseq = NULL;
    rig r;
    raw p;

    ring_in(&r, &p, NULL, "Supported: timer, 100rel\r\n", OFFER);
    cw_assert_on_loop();
    respond(&r, 183, ANSWER);
    respond(&r, 200, ANSWER);
    g_assert_cmpint(cw_sip_call_respond(r.b.call, 200, NULL, 0), ==, CW_E_STATE);
    first = raw_expect(&p, "SIP/2.0 183");
    tag = raw_to_tag(first);
    raw_silence(&p, "SIP/2.0 200", 250);
    ask_prack(&p, tag, rseq_of(first), 2, NULL);
    ok = raw_expect(&p, "SIP/2.0 200");
    cseq = raw_header(ok, "CSeq");
    g_assert_cmpstr(cseq, ==, "2 PRACK");
    answer = raw_expect(&p, "SIP/2.0 200");
    g_assert_nonnull(strstr(answer, "CSeq: 1 INVITE"));
    raw_ask(&p, &(ask){ "ACK", tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

/* Nobody acknowledges: repeated with doubling intervals, 5xx after 64*T1. */
static void test_never_acknowledged(void)
{
    g_autofree char *final = NULL;
    unsigned n = 0;
    uint64_t start;
    rig r;
    raw p;

    ring_in(&r, &p, NULL, "Require: 100rel\r\n", OFFER);
    cw_assert_on_loop();
    start = cw_now_ms();
    respond(&r, 183, ANSWER);
    respond(&r, 200, ANSWER);
    while (!final) {
        g_autofree char *got = raw_get(&p, 3000);

        g_assert_nonnull(got);
        n += g_str_has_prefix(got, "SIP/2.0 183");
        if (g_str_has_prefix(got, "SIP/2.0 504"))
            final = g_steal_pointer(&got);
    }
    g_assert_cmpuint(cw_now_ms() - start, >=, 1000);
    g_assert_cmpuint(n, >=, 4); /* at 0, 100, 300, 700 ms */
    g_assert_cmpuint(n, <=, 5);
    WAIT(&r, SAW(r.b, "ended timeout 504"));
    raw_done(&r, &p);
}

/* An INVITE without an offer: ours in the 183, the answer in its PRACK. */
static void test_serve_offer(void)
{
    g_autofree char *first = NULL, *tag = NULL, *bad = NULL, *ok = NULL, *answer = NULL;
    rig r;
    raw p;

    ring_in(&r, &p, NULL, "Supported: 100rel\r\n", NULL);
    cw_assert_on_loop();
    respond(&r, 183, OFFER);
    first = raw_expect(&p, "SIP/2.0 183");
    tag = raw_to_tag(first);
    g_assert_true(g_str_has_suffix(first, OFFER));
    ask_prack(&p, tag, rseq_of(first), 2, NULL); /* the answer is missing */
    bad = raw_expect(&p, "SIP/2.0 400");
    ask_prack(&p, tag, rseq_of(first), 3, ANSWER);
    ok = raw_expect(&p, "SIP/2.0 200");
    WAIT(&r, SAW(r.b, "acknowledged 183, reanswered/0 200 sdp"));
    g_assert_cmpstr(r.b.sdp, ==, ANSWER);
    respond(&r, 200, OFFER);
    answer = raw_expect(&p, "SIP/2.0 200");
    g_assert_null(strstr(answer, "m=audio"));
    raw_ask(&p, &(ask){ "ACK", tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    g_assert_false(SAW(r.b, "confirmed sdp"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

/* PRACK brings another offer: its 200 the answer, and the 2xx to the INVITE waits for that. */
static void test_serve_prack_offer(void)
{
    g_autofree char *first = NULL, *tag = NULL, *ok = NULL, *cseq = NULL, *answer = NULL;
    rig r;
    raw p;

    ring_in(&r, &p, NULL, "Supported: 100rel\r\n", OFFER);
    cw_assert_on_loop();
    r.b.reanswer_later = true;
    respond(&r, 183, ANSWER);
    first = raw_expect(&p, "SIP/2.0 183");
    tag = raw_to_tag(first);
    ask_prack(&p, tag, rseq_of(first), 2, REOFFER);
    WAIT(&r, SAW(r.b, "acknowledged 183, reoffered/0 sdp"));
    respond(&r, 200, ANSWER);
    raw_silence(&p, "SIP/2.0 200", 150);
    g_assert_cmpint(cw_sip_call_reanswer(r.b.call, 0, ANSWER, strlen(ANSWER)), ==, CW_OK);
    ok = raw_expect(&p, "SIP/2.0 200");
    cseq = raw_header(ok, "CSeq");
    g_assert_cmpstr(cseq, ==, "2 PRACK");
    g_assert_true(g_str_has_suffix(ok, ANSWER));
    answer = raw_expect(&p, "SIP/2.0 200");
    g_assert_nonnull(strstr(answer, "CSeq: 1 INVITE"));
    raw_ask(&p, &(ask){ "ACK", tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

/* How a call ends whose 183 nobody has acknowledged, and that a PRACK still comes. */
static const char *const ends[] = { "CANCEL", "BYE", "hangup", "pledged-CANCEL", "pledged-hangup" };

static void test_serve_ended(gconstpointer arg)
{
    g_autofree char *first = NULL, *tag = NULL, *final = NULL, *ok = NULL, *prack = NULL;
    const char *how = arg;
    bool pledged = g_str_has_prefix(how, "pledged");
    bool by_us = g_str_has_suffix(how, "hangup"), cancel = g_str_has_suffix(how, "CANCEL");
    rig r;
    raw p;

    ring_in(&r, &p, NULL, "Supported: 100rel\r\n", OFFER);
    cw_assert_on_loop();
    respond(&r, 183, ANSWER);
    if (pledged)
        respond(&r, 200, ANSWER);
    first = raw_expect(&p, "SIP/2.0 183");
    tag = raw_to_tag(first);
    if (by_us)
        cw_sip_call_end(r.b.call, CW_E_BUSY);
    else
        raw_ask(&p, &(ask){ cancel ? "CANCEL" : "BYE", cancel ? NULL : tag, .cseq = cancel ? 1 : 2,
                            .branch = cancel ? 0 : 2 });
    if (!by_us)
        ok = raw_expect(&p, "SIP/2.0 200");
    final = raw_expect(&p, by_us ? "SIP/2.0 486" : "SIP/2.0 487");
    raw_ask(&p, &(ask){ "ACK" });
    ask_prack(&p, tag, rseq_of(first), 5, NULL); /* RFC 3262 3: be ready for it */
    prack = raw_expect(&p, "SIP/2.0 200");
    g_assert_nonnull(strstr(prack, "5 PRACK"));
    raw_silence(&p, "SIP/2.0 183", 300);
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    WAIT(&r, cw_stat_get(CW_STAT_sip_calls) == 0);
    raw_done(&r, &p);
}

/* The caller's UPDATE: not before it has our answer, then each by itself. */
static void test_serve_update(void)
{
    g_autofree char *first = NULL, *tag = NULL, *early = NULL, *ok = NULL, *answer = NULL,
                    *ours = NULL, *glare = NULL;
    rig r;
    raw p;

    ring_in(&r, &p, NULL, "Supported: 100rel\r\nAllow: UPDATE, INVITE\r\n", OFFER);
    cw_assert_on_loop();
    respond(&r, 183, ANSWER);
    first = raw_expect(&p, "SIP/2.0 183");
    g_assert_nonnull(strstr(first, "UPDATE"));
    tag = raw_to_tag(first);
    raw_ask(&p, &(ask){ "UPDATE", tag, .body = REOFFER, .cseq = 2, .branch = 2 });
    early = raw_expect(&p, "SIP/2.0 500");
    g_assert_cmpint(cw_sip_call_reoffer(r.b.call, 0, REOFFER, strlen(REOFFER)), ==, CW_E_STATE);
    ask_prack(&p, tag, rseq_of(first), 3, NULL);
    ok = raw_expect(&p, "SIP/2.0 200");
    raw_ask(&p, &(ask){ "UPDATE", tag, .body = REOFFER, .cseq = 4, .branch = 4 });
    answer = raw_expect(&p, "SIP/2.0 200");
    g_assert_true(g_str_has_suffix(answer, ANSWER));
    g_assert_true(SAW(r.b, "reoffered/0 sdp"));
    g_assert_cmpint(cw_sip_call_reoffer(r.b.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    ours = raw_expect(&p, "UPDATE ");
    raw_ask(&p, &(ask){ "UPDATE", tag, .body = REOFFER, .cseq = 5, .branch = 5 });
    glare = raw_expect(&p, "SIP/2.0 491");
    raw_reply(&p, ours, "200 OK", NULL, NULL, ANSWER);
    WAIT(&r, SAW(r.b, "reanswered/0 200 sdp"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

/* What an INVITE's wishes and sip.reliable come to. */
static const struct {
    const char *name, *conf, *extra, *body;
    const char *want;  /* start of what we say first */
    const char *holds; /* in it; NULL: no matter */
    bool reliable;     /* 183 with SDP */
    bool bare;         /* 180 without */
} policies[] = {
    { "plain", NULL, NULL, OFFER, "SIP/2.0 1", NULL, false, false },
    { "supported", NULL, "Supported: 100rel\r\n", OFFER, "SIP/2.0 1", NULL, true, false },
    { "required", NULL, "Require: 100rel\r\n", OFFER, "SIP/2.0 1", NULL, true, true },
    { "only-required", "reliable = \"required\"", "Supported: 100rel\r\n", OFFER, "SIP/2.0 1", NULL,
      false, false },
    { "only-required-2", "reliable = \"required\"", "Require: 100rel\r\n", OFFER, "SIP/2.0 1", NULL,
      true, true },
    { "off", "reliable = \"off\"", "Supported: 100rel\r\n", OFFER, "SIP/2.0 1", NULL, false,
      false },
    { "off-required", "reliable = \"off\"", "Require: 100rel\r\n", OFFER, "SIP/2.0 420",
      "Unsupported: 100rel\r\n", false, false },
    { "always", "reliable = \"always\"", "Supported: 100rel\r\n", OFFER, "SIP/2.0 1", NULL, true,
      true },
    { "always-not", "reliable = \"always\"", NULL, OFFER, "SIP/2.0 421", "Require: 100rel\r\n",
      false, false },
};

static void test_policy(gconstpointer arg)
{
    unsigned i = GPOINTER_TO_UINT(arg);
    g_autofree char *bare = NULL, *first = NULL, *tag = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, policies[i].conf);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    r.b.mute = true;
    raw_ask(&p, &(ask){ "INVITE", .extra = policies[i].extra, .body = policies[i].body });
    first = raw_expect(&p, policies[i].want);
    if (policies[i].holds)
        g_assert_nonnull(strstr(first, policies[i].holds));
    if (g_str_has_prefix(first, "SIP/2.0 100")) {
        WAIT(&r, SAW(r.b, "invite"));
        respond(&r, 180, NULL);
        bare = raw_expect(&p, "SIP/2.0 180");
        g_assert_cmpint(strstr(bare, "RSeq: ") != NULL, ==, policies[i].bare);
        tag = raw_to_tag(bare);
        if (policies[i].bare)
            ask_prack(&p, tag, rseq_of(bare), 2, NULL);
        respond(&r, 183, ANSWER);
        g_free(first);
        first = raw_expect(&p, "SIP/2.0 183");
        g_assert_cmpint(strstr(first, "RSeq: ") != NULL, ==, policies[i].reliable);
    }
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
    g_test_add_func("/sip/reliable/order", test_order);
    g_test_add_func("/sip/reliable/answered-again", test_answered_again);
    g_test_add_func("/sip/reliable/not-reliable", test_not_reliable);
    g_test_add_func("/sip/reliable/answer-overtakes", test_answer_overtakes);
    for (unsigned i = 0; i < G_N_ELEMENTS(crossings); i++)
        add("/sip/reliable/crossing", crossings[i].name, i, test_crossing);
    g_test_add_func("/sip/reliable/reinvite", test_reinvite);
    g_test_add_func("/sip/reliable/offer-in-18x", test_offer_in_18x);
    g_test_add_func("/sip/reliable/offer-in-2xx", test_offer_in_2xx);
    g_test_add_func("/sip/reliable/offer-in-2xx-unanswered", test_offer_in_2xx_unanswered);
    g_test_add_func("/sip/reliable/update-from-fork", test_update_from_fork);
    for (unsigned i = 0; i < G_N_ELEMENTS(updates); i++)
        add("/sip/reliable/update", updates[i].name, i, test_update_answered);
    g_test_add_func("/sip/reliable/serve", test_serve);
    g_test_add_func("/sip/reliable/answer-waits", test_answer_waits);
    g_test_add_func("/sip/reliable/never-acknowledged", test_never_acknowledged);
    g_test_add_func("/sip/reliable/serve-offer", test_serve_offer);
    g_test_add_func("/sip/reliable/serve-prack-offer", test_serve_prack_offer);
    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_strdup_printf("/sip/reliable/ended/%s", ends[i]);

        g_test_add_data_func(path, ends[i], test_serve_ended);
    }
    g_test_add_func("/sip/reliable/serve-update", test_serve_update);
    for (unsigned i = 0; i < G_N_ELEMENTS(policies); i++)
        add("/sip/reliable/policy", policies[i].name, i, test_policy);
    return g_test_run();
}
