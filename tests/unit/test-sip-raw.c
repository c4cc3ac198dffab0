/* test-sip-raw.c - a stack against a peer made of a socket and text: forks, crossings, lost ACKs,
 * challenges, and what is malformed. */
#include "sip-raw.h"

#include <poll.h>

/* --- as client --- */

static void test_forks(void)
{
    g_autofree char *invite = NULL, *ack_x = NULL, *ack_y = NULL, *bye = NULL, *again = NULL,
                    *last = NULL, *late = NULL, *x = NULL, *y = NULL, *z = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    x = raw_contact(&p, "x");
    y = raw_contact(&p, "y");
    z = raw_contact(&p, "z");
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "183 Session Progress", "x", x, ANSWER);
    raw_reply(&p, invite, "180 Ringing", "y", y, NULL);
    raw_reply(&p, invite, "180 Ringing", "x", x, NULL);
    WAIT(&r, SAW(r.a, "progress 183/0 sdp, progress 180/1, progress 180/0"));
    raw_reply(&p, invite, "200 OK", "y", y, ANSWER);
    ack_y = raw_expect(&p, "ACK sip:y@");
    g_assert_true(SAW(r.a, "answered/1 sdp"));
    raw_reply(&p, invite, "200 OK", "x", x, ANSWER); /* the loser answers too */
    ack_x = raw_expect(&p, "ACK sip:x@");
    bye = raw_expect(&p, "BYE sip:x@");
    g_assert_nonnull(strstr(bye, ";tag=x\r\n"));
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    raw_reply(&p, invite, "200 OK", "y", y, ANSWER); /* our ACK was lost */
    again = raw_expect(&p, "ACK sip:y@");
    raw_silence(&p, "BYE", 100);
    cw_sip_call_end(r.a.call, CW_OK);
    last = raw_expect(&p, "BYE sip:y@");
    raw_reply(&p, last, "200 OK", NULL, NULL, NULL);
    raw_reply(&p, invite, "200 OK", "z", z, ANSWER); /* when all is over, yet another */
    late = raw_expect(&p, "BYE sip:z@");
    raw_reply(&p, late, "200 OK", NULL, NULL, NULL);
    raw_done(&r, &p);
}

static void test_cancel_crosses_200(void)
{
    g_autofree char *invite = NULL, *cancel = NULL, *ack = NULL, *bye = NULL, *contact = NULL,
                    *via = NULL, *cancel_via = NULL, *to = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    invite = raw_expect(&p, "INVITE ");
    cw_sip_call_end(r.a.call, CW_OK);
    raw_silence(&p, "CANCEL", 150); /* not before a provisional response */
    raw_reply(&p, invite, "180 Ringing", "x", contact, NULL);
    cancel = raw_expect(&p, "CANCEL ");
    via = raw_header(invite, "Via");
    cancel_via = raw_header(cancel, "Via");
    to = raw_header(cancel, "To");
    g_assert_cmpstr(via, ==, cancel_via);
    g_assert_null(strstr(to, "tag="));
    raw_reply(&p, cancel, "200 OK", "x", NULL, NULL);
    raw_reply(&p, invite, "200 OK", "x", contact, ANSWER);
    ack = raw_expect(&p, "ACK sip:x@");
    bye = raw_expect(&p, "BYE sip:x@");
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    g_assert_cmpstr(r.a.log->str, ==, "");
    raw_done(&r, &p);
}

static void test_redirect_not_followed(void)
{
    g_autofree char *invite = NULL, *ack = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "302 Moved", "x", "Contact: <sip:evil@127.0.0.1:9>\r\n", NULL);
    ack = raw_expect(&p, "ACK ");
    WAIT(&r, SAW(r.a, "ended sip-failed 302 peer"));
    raw_silence(&p, "INVITE", 100);
    raw_done(&r, &p);
}

static void test_reason_kept(void)
{
    g_autofree char *invite = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite,
              "480 Gone\x01"
              "fishing",
              "x", "Reason: SIP;cause=1, Q.850;cause=20;text=\"x\"\r\n", NULL);
    WAIT(&r, SAW(r.a, "ended unavailable 480 peer"));
    g_assert_cmpint(r.a.end.q850, ==, 20);
    g_assert_true(g_str_is_ascii(r.a.end.phrase) && !strchr(r.a.end.phrase, 1));
    raw_done(&r, &p);
}

static const cw_sip_credentials secret = { "user", "pass", "carrier" };
#define MD5(realm, nonce)                                                                          \
    "Proxy-Authenticate: Digest realm=\"" realm "\", nonce=\"" nonce "\", algorithm=MD5, "         \
    "qop=\"auth\"\r\n"
#define SHA(realm, nonce)                                                                          \
    "Proxy-Authenticate: Digest realm=\"" realm "\", nonce=\"" nonce "\", algorithm=SHA-256, "     \
    "qop=\"auth\"\r\n"

static void test_challenge(void)
{
    g_autofree char *first = NULL, *second = NULL, *ack = NULL, *bye = NULL, *line = NULL,
                    *c1 = NULL, *c2 = NULL, *contact = NULL, *ack_line = NULL, *bye_line = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, &secret, NULL);
    cw_assert_on_loop();
    contact = raw_contact(&p, "x");
    first = raw_expect(&p, "INVITE ");
    g_assert_null(strstr(first, "Authorization"));
    raw_reply(&p, first, "407 Who", "x", MD5("carrier", "n1") SHA("carrier", "n2"), NULL);
    second = raw_expect(&p, "INVITE ");
    line = raw_header(second, "Proxy-Authorization");
    g_assert_nonnull(strstr(line, "nonce=\"n2\""));
    g_assert_nonnull(strstr(line, "algorithm=SHA-256"));
    c1 = raw_header(first, "CSeq");
    c2 = raw_header(second, "CSeq");
    g_assert_cmpint(atoi(c2), ==, atoi(c1) + 1);
    raw_reply(&p, second, "200 OK", "x", contact, ANSWER);
    ack = raw_expect(&p, "ACK ");
    ack_line = raw_header(ack, "Proxy-Authorization");
    g_assert_cmpstr(ack_line, ==, line); /* RFC 3261 22.1 */
    cw_sip_call_end(r.a.call, CW_OK);
    bye = raw_expect(&p, "BYE ");
    bye_line = raw_header(bye, "Proxy-Authorization");
    g_assert_nonnull(strstr(bye_line, "nc=00000002"));
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    raw_done(&r, &p);
}

static void test_challenge_wrong_password(void)
{
    g_autofree char *first = NULL, *second = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, &secret, NULL);
    cw_assert_on_loop();
    first = raw_expect(&p, "INVITE ");
    raw_reply(&p, first, "407 Who", "x", MD5("carrier", "n1"), NULL);
    second = raw_expect(&p, "INVITE ");
    raw_reply(&p, second, "407 Who", "x", MD5("carrier", "n3"), NULL);
    WAIT(&r, SAW(r.a, "ended auth 407 peer"));
    raw_silence(&p, "INVITE", 100);
    raw_done(&r, &p);
}

static void test_challenge_stale(void)
{
    g_autofree char *first = NULL, *second = NULL, *third = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, &secret, NULL);
    cw_assert_on_loop();
    first = raw_expect(&p, "INVITE ");
    raw_reply(&p, first, "407 Who", "x", MD5("carrier", "n1"), NULL);
    second = raw_expect(&p, "INVITE ");
    raw_reply(&p, second, "407 Who", "x",
              "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"n2\", stale=TRUE\r\n", NULL);
    third = raw_expect(&p, "INVITE ");
    g_assert_nonnull(strstr(third, "nonce=\"n2\""));
    raw_reply(&p, third, "486 Busy", "x", NULL, NULL);
    WAIT(&r, SAW(r.a, "ended busy 486 peer"));
    raw_done(&r, &p);
}

/* The INVITE with credentials has no provisional response of its own yet: CANCEL waits again. */
static void test_challenge_then_cancel(void)
{
    g_autofree char *first = NULL, *second = NULL, *cancel = NULL, *c2 = NULL, *c3 = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, &secret, NULL);
    cw_assert_on_loop();
    first = raw_expect(&p, "INVITE ");
    raw_reply(&p, first, "100 Trying", NULL, NULL, NULL);
    raw_reply(&p, first, "407 Who", "x", MD5("carrier", "n1"), NULL);
    second = raw_expect(&p, "INVITE ");
    cw_sip_call_end(r.a.call, CW_OK);
    raw_silence(&p, "CANCEL", 100);
    raw_reply(&p, second, "100 Trying", NULL, NULL, NULL);
    cancel = raw_expect(&p, "CANCEL ");
    c2 = raw_header(second, "CSeq");
    c3 = raw_header(cancel, "CSeq");
    g_assert_cmpint(atoi(c2), ==, atoi(c3));
    raw_reply(&p, cancel, "200 OK", "x", NULL, NULL);
    raw_reply(&p, second, "487 Cancelled", "x", NULL, NULL);
    WAIT(&r, cw_stat_get(CW_STAT_sip_calls) == 0);
    raw_done(&r, &p);
}

/* A challenge with another realm is an attempt to harvest our digest. */
static void test_challenge_other_realm(void)
{
    g_autofree char *first = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, &secret, NULL);
    cw_assert_on_loop();
    first = raw_expect(&p, "INVITE ");
    raw_reply(&p, first, "407 Who", "x", MD5("evil", "n1"), NULL);
    WAIT(&r, SAW(r.a, "ended auth 407 peer"));
    raw_silence(&p, "INVITE", 100);
    raw_done(&r, &p);
}

/* Record-Route without lr: the strict router's URI becomes the Request-URI (12.2.1.1). Its order is
 * reversed; host names in it and in Contact are resolved before Sofia sees the request. */
static void test_routes(void)
{
    g_autofree char *invite = NULL, *ack = NULL, *lines = NULL, *bye = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    invite = raw_expect(&p, "INVITE ");
    lines = g_strdup_printf("Record-Route: <sip:far.example;lr>\r\n"
                            "Record-Route: <sip:near@localhost:%u>\r\n"
                            "Contact: <sip:x@host.example>\r\n",
                            p.port);
    raw_reply(&p, invite, "200 OK", "x", lines, ANSWER);
    ack = raw_expect(&p, "ACK sip:near@localhost:");
    g_assert_nonnull(strstr(ack, "\r\nRoute: <sip:far.example;lr>\r\n"
                                 "Route: <sip:x@host.example>\r\n"));
    cw_sip_call_end(r.a.call, CW_OK);
    bye = raw_expect(&p, "BYE sip:near@localhost:");
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    raw_done(&r, &p);
}

/* A Contact whose name nobody resolves: the call ends by itself, nothing spins. */
static void test_contact_without_address(void)
{
    g_autofree char *invite = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, "dns_timeout_ms = 200; dns_servers = (\"127.0.0.1:9\")");
    cw_assert_on_loop();
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "200 OK", "x", "Contact: <sip:x@host.example>\r\n", ANSWER);
    WAIT(&r, SAW(r.a, "answered"));
    cw_sip_call_free(g_steal_pointer(&r.a.call));
    WAIT(&r, cw_stat_get(CW_STAT_sip_calls) == 0);
    raw_done(&r, &p);
}

static void answer_out(rig *r, raw *p)
{
    g_autofree char *invite = NULL, *contact = NULL, *ack = NULL;

    raw_call_out(r, p, NULL, NULL);
    cw_assert_on_loop();
    invite = raw_expect(p, "INVITE ");
    contact = raw_contact(p, "x");
    raw_reply(p, invite, "200 OK", "x", contact, ANSWER);
    ack = raw_expect(p, "ACK ");
    WAIT(r, SAW(r->a, "answered"));
}

static void test_dialog_lost(void)
{
    g_autofree char *info = NULL, *bye = NULL;
    rig r;
    raw p;

    answer_out(&r, &p);
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_info(r.a.call, "text/plain", "x", 1), ==, CW_OK);
    info = raw_expect(&p, "INFO ");
    raw_reply(&p, info, "481 Gone", NULL, NULL, NULL);
    WAIT(&r, SAW(r.a, "ended no-call 481 peer"));
    bye = raw_expect(&p, "BYE ");
    raw_reply(&p, bye, "481 Gone", NULL, NULL, NULL);
    raw_done(&r, &p);
}

/* --- as server --- */

static void answer_in(rig *r, raw *p, char **tag)
{
    g_autofree char *ok = NULL;

    rig_start(r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(p, r, &r->b);
    raw_ask(p, &(ask){ .method = "INVITE", .body = OFFER });
    ok = raw_expect(p, "SIP/2.0 200");
    *tag = raw_to_tag(ok);
    raw_ask(p, &(ask){ .method = "ACK", .to_tag = *tag });
    WAIT(r, SAW(r->b, "confirmed"));
}

static void test_no_ack(void)
{
    g_autofree char *bye = NULL;
    unsigned answers = 0;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    raw_ask(&p, &(ask){ .method = "INVITE", .body = OFFER });
    while (!bye) {
        g_autofree char *got = raw_get(&p, 3000);

        g_assert_nonnull(got);
        answers += g_str_has_prefix(got, "SIP/2.0 200");
        if (g_str_has_prefix(got, "BYE "))
            bye = g_steal_pointer(&got);
    }
    g_assert_cmpuint(answers, >=, 4); /* 0, 100, 300, 700 ms; given up at 1000 */
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    WAIT(&r, SAW(r.b, "ended timeout 408"));
    raw_done(&r, &p);
}

static void test_cancel_in(void)
{
    g_autofree char *ringing = NULL, *final = NULL, *ok = NULL, *tag = NULL, *final_tag = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    r.b.ring_only = true;
    raw_ask(&p, &(ask){ .method = "INVITE", .body = OFFER });
    ringing = raw_expect(&p, "SIP/2.0 180");
    raw_ask(&p,
            &(ask){ .method = "CANCEL", .extra = "Reason: SIP;cause=200;text=\"elsewhere\"\r\n" });
    ok = raw_expect(&p, "SIP/2.0 200");
    final = raw_expect(&p, "SIP/2.0 487");
    tag = raw_to_tag(ringing);
    final_tag = raw_to_tag(final);
    g_assert_cmpstr(tag, ==, final_tag);
    WAIT(&r, SAW(r.b, "ended answered-elsewhere 487 peer"));
    raw_done(&r, &p);
}

static void test_bye_early(void)
{
    g_autofree char *ringing = NULL, *ok = NULL, *final = NULL, *tag = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    r.b.ring_only = true;
    raw_ask(&p, &(ask){ .method = "INVITE", .body = OFFER });
    ringing = raw_expect(&p, "SIP/2.0 180");
    tag = raw_to_tag(ringing);
    raw_ask(&p, &(ask){ .method = "BYE", .to_tag = tag, .cseq = 2 });
    ok = raw_expect(&p, "SIP/2.0 200");
    final = raw_expect(&p, "SIP/2.0 487");
    WAIT(&r, SAW(r.b, "ended cancelled 487 peer"));
    raw_done(&r, &p);
}

static void test_merged(void)
{
    g_autofree char *ringing = NULL, *merged = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    r.b.ring_only = true;
    raw_ask(&p, &(ask){ .method = "INVITE", .body = OFFER });
    ringing = raw_expect(&p, "SIP/2.0 180");
    raw_ask(&p, &(ask){ .method = "INVITE", .body = OFFER, .branch = 7 });
    merged = raw_expect(&p, "SIP/2.0 482");
    raw_done(&r, &p);
}

static const struct {
    const char *name;
    ask ask;
    const char *want, *holds;
} in_dialog[] = {
    { "update-plain", { .method = "UPDATE", .cseq = 2 }, "SIP/2.0 200", "Contact: " },
    { "update-offer",
      { .method = "UPDATE", .cseq = 3, .body = REOFFER },
      "SIP/2.0 200",
      "m=audio 5000" },
    { "info", { .method = "INFO", .cseq = 4, .body = "x", .type = "a/b" }, "SIP/2.0 200", NULL },
    { "old-cseq", { .method = "INFO", .cseq = 3 }, "SIP/2.0 500", NULL },
    { "options", { .method = "OPTIONS", .cseq = 5 }, "SIP/2.0 200", "Allow: " },
    { "message", { .method = "MESSAGE", .cseq = 6 }, "SIP/2.0 405", "Allow: " },
    { "refer",
      { .method = "REFER", .cseq = 7, .extra = "Refer-To: <sip:x@y>\r\n" },
      "SIP/2.0 403",
      NULL },
    { "unknown", { .method = "DANCE", .cseq = 8 }, "SIP/2.0 501", NULL },
    { "prack",
      { .method = "PRACK", .cseq = 9, .extra = "RAck: 1 1 INVITE\r\n" },
      "SIP/2.0 481",
      NULL },
    { "require",
      { .method = "INVITE", .cseq = 10, .body = OFFER, .extra = "Require: 100rel, x\r\n" },
      "SIP/2.0 420",
      "Unsupported: x\r\n" },
    { "not-sdp",
      { .method = "INVITE", .cseq = 11, .body = "x", .type = "text/plain" },
      "SIP/2.0 415",
      "Accept: application/sdp" },
};

static void test_in_dialog(void)
{
    g_autofree char *tag = NULL;
    rig r;
    raw p;

    answer_in(&r, &p, &tag);
    cw_assert_on_loop();
    for (unsigned i = 0; i < G_N_ELEMENTS(in_dialog); i++) {
        g_autofree char *got = NULL;
        ask a = in_dialog[i].ask;

        a.to_tag = tag;
        raw_ask(&p, &a);
        got = raw_expect(&p, "SIP/2.0 ");
        if (!g_str_has_prefix(got, in_dialog[i].want) ||
            (in_dialog[i].holds && !strstr(got, in_dialog[i].holds)))
            g_error("%s: %s", in_dialog[i].name, got);
    }
    g_assert_true(SAW(r.b, "reoffered sdp, info a/b x"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

/* A second re-INVITE before the first is answered; a CANCEL of a re-INVITE. */
static void test_overlap(void)
{
    g_autofree char *tag = NULL, *busy = NULL, *after = NULL, *ok = NULL, *final = NULL;
    rig r;
    raw p;

    answer_in(&r, &p, &tag);
    cw_assert_on_loop();
    r.b.reanswer_later = true;
    raw_ask(&p, &(ask){ .method = "INVITE", .to_tag = tag, .cseq = 2, .body = REOFFER });
    WAIT(&r, SAW(r.b, "reoffered"));
    raw_ask(&p, &(ask){ .method = "INVITE", .to_tag = tag, .cseq = 3, .body = REOFFER });
    busy = raw_expect(&p, "SIP/2.0 500");
    after = raw_header(busy, "Retry-After");
    g_assert_nonnull(after);
    g_assert_cmpint(cw_sip_call_reoffer(r.b.call, 0, REOFFER, strlen(REOFFER)), ==, CW_E_STATE);
    raw_ask(&p, &(ask){ .method = "CANCEL", .to_tag = tag, .cseq = 2 });
    ok = raw_expect(&p, "SIP/2.0 200");
    final = raw_expect(&p, "SIP/2.0 487");
    g_assert_cmpint(cw_sip_call_reanswer(r.b.call, 0, ANSWER, strlen(ANSWER)), ==, CW_E_STATE);
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

/* Our offer is out when theirs comes: 491; and their 491 makes us wait, then ask again. */
static void test_glare_in(void)
{
    g_autofree char *tag = NULL, *ours = NULL, *pending = NULL, *again = NULL, *ack = NULL,
                    *contact = NULL;
    rig r;
    raw p;

    answer_in(&r, &p, &tag);
    cw_assert_on_loop();
    contact = raw_contact(&p, "moved");
    g_assert_cmpint(cw_sip_call_reoffer(r.b.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    ours = raw_expect(&p, "INVITE sip:raw@");
    raw_ask(&p, &(ask){ .method = "INVITE", .to_tag = tag, .cseq = 2, .body = REOFFER });
    pending = raw_expect(&p, "SIP/2.0 491");
    raw_reply(&p, ours, "491 Pending", NULL, NULL, NULL);
    again = raw_expect(&p, "INVITE sip:raw@");
    g_assert_false(SAW(r.b, "reanswered"));
    raw_reply(&p, again, "200 OK", NULL, contact, ANSWER);
    ack = raw_expect(&p, "ACK sip:moved@"); /* the target was refreshed */
    WAIT(&r, SAW(r.b, "reanswered 200 sdp"));
    cw_sip_call_free(g_steal_pointer(&r.b.call));
    raw_done(&r, &p);
}

/* re-INVITE whose 200 gets no ACK: the dialog is given up (14.2). */
static void test_reinvite_no_ack(void)
{
    g_autofree char *tag = NULL, *bye = NULL;
    rig r;
    raw p;

    answer_in(&r, &p, &tag);
    cw_assert_on_loop();
    raw_ask(&p, &(ask){ .method = "INVITE", .to_tag = tag, .cseq = 2, .body = REOFFER });
    bye = raw_expect(&p, "BYE ");
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    WAIT(&r, SAW(r.b, "ended timeout 408"));
    raw_done(&r, &p);
}

static const struct {
    const char *name;
    ask ask;
    const char *want, *holds;
} outside[] = {
    { "options", { .method = "OPTIONS" }, "SIP/2.0 200", "Allow: INVITE" },
    { "options-accept", { .method = "OPTIONS" }, "SIP/2.0 200", "Accept: application/sdp" },
    { "bye", { .method = "BYE" }, "SIP/2.0 481", NULL },
    { "bye-tag", { .method = "BYE", .to_tag = "x" }, "SIP/2.0 481", NULL },
    { "invite-tag", { .method = "INVITE", .to_tag = "x", .body = OFFER }, "SIP/2.0 481", NULL },
    { "cancel", { .method = "CANCEL" }, "SIP/2.0 481", NULL },
    { "prack", { .method = "PRACK", .extra = "RAck: 1 1 INVITE\r\n" }, "SIP/2.0 481", NULL },
    { "message", { .method = "MESSAGE" }, "SIP/2.0 405", "Allow: INVITE" },
    { "register", { .method = "REGISTER" }, "SIP/2.0 405", "Allow: INVITE" },
    { "subscribe", { .method = "SUBSCRIBE", .extra = "Event: x\r\n" }, "SIP/2.0 489", NULL },
    { "unknown", { .method = "DANCE" }, "SIP/2.0 501", NULL },
    { "require",
      { .method = "INVITE", .body = OFFER, .extra = "Require: 100rel, x\r\n" },
      "SIP/2.0 420",
      "Unsupported: x\r\n" },
    { "not-sdp",
      { .method = "INVITE", .body = "x", .type = "multipart/mixed;boundary=a" },
      "SIP/2.0 415",
      "Accept: application/sdp" },
    { "zipped",
      { .method = "INVITE", .body = OFFER, .extra = "Content-Encoding: gzip\r\n" },
      "SIP/2.0 415",
      "Accept-Encoding: identity" },
    { "no-contact",
      { .method = "INVITE", .body = OFFER, .no_contact = true },
      "SIP/2.0 400",
      NULL },
    { "contact-not-sip",
      { .method = "INVITE",
        .body = OFFER,
        .no_contact = true,
        .extra = "Contact: <mailto:a@b>\r\n" },
      "SIP/2.0 400",
      NULL },
    { "sips", { .method = "INVITE", .body = OFFER, .ruri = "sips:bob@b" }, "SIP/2.0 416", NULL },
    { "crlf-in-user",
      { .method = "INVITE", .body = OFFER, .from = "<sip:a%0d%0ab@c>" },
      "SIP/2.0 400",
      NULL },
    { "crlf-in-ruri",
      { .method = "INVITE", .body = OFFER, .ruri = "sip:a%0ab@c" },
      "SIP/2.0 400",
      NULL },
};

static void test_outside(void)
{
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    for (unsigned i = 0; i < G_N_ELEMENTS(outside); i++) {
        g_autofree char *got = NULL, *id = g_strdup_printf("outside%u", i);
        ask a = outside[i].ask;

        a.call_id = id;
        a.branch = i;
        raw_ask(&p, &a);
        got = raw_expect(&p, "SIP/2.0 ");
        if (g_str_has_prefix(got, "SIP/2.0 100")) {
            g_free(got);
            got = raw_expect(&p, "SIP/2.0 ");
        }
        if (!g_str_has_prefix(got, outside[i].want) ||
            (outside[i].holds && !strstr(got, outside[i].holds)))
            g_error("%s: %s", outside[i].name, got);
    }
    g_assert_cmpstr(r.b.log->str, ==, "");
    raw_done(&r, &p);
}

/* 150 calls; how many got an answer of this status. */
static unsigned flood_of(raw *p, const char *method, const char *status, char **after)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 150; i++) {
        g_autofree char *got = NULL, *id = g_strdup_printf("load%u", i);

        raw_ask(p, &(ask){ .method = method,
                           .body = strcmp(method, "INVITE") == 0 ? OFFER : NULL,
                           .call_id = id,
                           .branch = i });
        do {
            g_free(got);
            got = raw_expect(p, "SIP/2.0 ");
        } while (!strstr(got, id) || g_str_has_prefix(got, "SIP/2.0 1"));
        n += g_str_has_prefix(got + strlen("SIP/2.0 "), status);
        if (!*after)
            *after = raw_header(got, "Retry-After");
    }
    return n;
}

static unsigned flood(raw *p, const char *status, char **after)
{
    return flood_of(p, "INVITE", status, after);
}

/* Above sip.transactions_max nobody is taken: 503 with Retry-After. OPTIONS are answered. */
static void test_overload(void)
{
    g_autofree char *after = NULL, *got = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, "transactions_max = 100");
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    r.b.let_go = true;
    g_assert_cmpuint(flood(&p, "503", &after), ==, 50);
    g_assert_cmpstr(after, ==, "5");
    raw_ask(&p, &(ask){ .method = "OPTIONS", .call_id = "alive" });
    got = raw_expect(&p, "SIP/2.0 200");
    raw_done(&r, &p);
}

/* Who is refused at once leaves nothing behind (RFC 3261 8.2.7): no such flood fills the table. */
static void test_refusals_keep_nothing(void)
{
    g_autofree char *after = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, "transactions_max = 100");
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    r.b.answer_with = CW_E_BUSY;
    g_assert_cmpuint(flood(&p, "486", &after), ==, 150);
    r.b.takes_requests = true;
    r.b.refuse_request = CW_E_FORBIDDEN;
    g_assert_cmpuint(flood_of(&p, "MESSAGE", "403", &after), ==, 150);
    g_assert_null(after);
    raw_done(&r, &p);
}

/* Calls that are answered and never acknowledged are bounded by themselves. */
static void test_unacked(void)
{
    g_autofree char *after = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, "unacked_max = 20");
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    r.b.forget = true;
    g_assert_cmpuint(flood(&p, "503", &after), ==, 130);
    g_assert_cmpstr(after, ==, "5");
    raw_done(&r, &p);
}

/* --- rubbish --- */

#define HEAD "INVITE sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKm\r\n"
#define REST "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: m\r\nCSeq: 1 INVITE\r\n"

static const struct {
    const char *name, *text;
} rubbish[] = {
    { "empty-line", "\r\n\r\n" },
    { "one-byte", "x" },
    { "no-headers", "INVITE sip:bob@b SIP/2.0\r\n\r\n" },
    { "only-via", HEAD "\r\n" },
    { "no-cseq", HEAD "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: m\r\n\r\n" },
    { "cseq-other-method",
      HEAD "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: m\r\nCSeq: 1 BYE\r\n\r\n" },
    { "cseq-huge", HEAD
      "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: m\r\nCSeq: 99999999999 INVITE\r\n\r\n" },
    { "version", "INVITE sip:bob@b SIP/7.0\r\n" REST "\r\n" },
    { "via-other-transport-by-name", "OPTIONS sip:bob@b SIP/2.0\r\nVia: SIP/2.0/TCP "
                                     "host.invalid;branch=z9hG4bKm\r\nFrom: x\r\n\r\n" },
    { "via-tls-by-name",
      "INVITE sip:bob@b SIP/2.0\r\nVia: SIP/2.0/TLS host.invalid;branch=z9hG4bKm\r\n" REST "\r\n" },
    { "length-too-big", HEAD REST "Content-Length: 2147483647\r\n\r\nx" },
    { "length-negative", HEAD REST "Content-Length: -1\r\n\r\nx" },
    { "bad-ruri",
      "INVITE %%% SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKm\r\n" REST "\r\n" },
    { "reg-name", "INVITE sip:[::1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9\r\n" REST "\r\n" },
    { "header-open", HEAD REST "Contact: <sip:a@b\r\n\r\n" },
    { "header-quote", HEAD REST "Contact: \"a <sip:a@b>\r\n\r\n" },
    { "stray-200",
      "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKm\r\n" REST "\r\n" },
    { "response-no-via", "SIP/2.0 200 OK\r\n" REST "\r\n" },
    { "status-999", "SIP/2.0 999 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9\r\n" REST "\r\n" },
    { "ack-alone",
      "ACK sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKm\r\n"
      "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: m\r\nCSeq: 1 ACK\r\n\r\n" },
    { "sdp-that-loops", HEAD REST "Contact: <sip:a@b>\r\nContent-Type: application/sdp\r\n"
                                  "Content-Length: 13\r\n\r\nv=0\r\nm=x 9 Y /" },
    { "stun-like", "\x01\x01\x01\x01!\x12\xa4"
                   "B0123456789ab" },
};

static void test_rubbish(void)
{
    g_autofree char *big = g_strnfill(60000, 'A');
    rig r;
    raw p, ping;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    raw_open(&ping, &r, &r.b);
    r.b.answer_with = CW_E_BUSY;
    for (unsigned i = 0; i <= G_N_ELEMENTS(rubbish); i++) {
        bool last = i == G_N_ELEMENTS(rubbish);
        g_autofree char *id = g_strdup_printf("ping%u", i), *pong = NULL;
        uint64_t start;

        if (last)
            raw_send(&p, big, 60000);
        else
            raw_send(&p, rubbish[i].text, strlen(rubbish[i].text));
        start = cw_now_ms();
        raw_ask(&ping, &(ask){ .method = "OPTIONS", .call_id = id, .branch = i });
        pong = raw_expect(&ping, "SIP/2.0 200");
        if (!strstr(pong, id) || cw_now_ms() - start > 300)
            g_error("%s: %s", last ? "big" : rubbish[i].name, pong);
    }
    close(ping.fd);
    raw_done(&r, &p);
}

/* --- over TCP --- */

static int tcp_open(rig *r, const side *s)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_autofree char *there = NULL;

    cw_assert_on_loop();
    there = side_address(s, "tcp");
    addr.sin_port = htons((uint16_t)atoi(strchr(there, ':') + 1));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof addr), ==, 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Everything that comes until `text` is in it, or the end of the connection; NULL: neither. */
static char *tcp_read(rig *r, int fd, const char *text)
{
    g_autoptr(GString) all = g_string_new(NULL);
    uint64_t until = cw_now_ms() + 3000;
    char buf[4096];

    cw_assert_on_loop();
    while (cw_now_ms() < until) {
        ssize_t n = recv(fd, buf, sizeof buf, 0);

        if (n > 0)
            g_string_append_len(all, buf, n);
        if ((text && strstr(all->str, text)) || n == 0)
            return g_string_free(g_steal_pointer(&all), FALSE);
        cw_loop_step(r->loop, 5);
    }
    return NULL;
}

#define TCP_OPTIONS(id)                                                                            \
    "OPTIONS sip:b@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK" id "\r\n"             \
    "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: " id "\r\nCSeq: 1 OPTIONS\r\n"             \
    "Content-Length: 0\r\n\r\n"

static void test_tcp(void)
{
    g_autofree char *both = NULL, *split = NULL, *end = NULL, *alive = NULL;
    g_autofree char *big = g_strnfill(200000, 'A');
    const char *half = TCP_OPTIONS("three");
    rig r;
    int fd, other;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    fd = tcp_open(&r, &r.b);
    send(fd, TCP_OPTIONS("one") TCP_OPTIONS("two"), strlen(TCP_OPTIONS("one") TCP_OPTIONS("two")),
         0);
    both = tcp_read(&r, fd, "Call-ID: two");
    g_assert_nonnull(strstr(both, "Call-ID: one"));
    for (const char *c = half; *c; c++) { /* one byte at a time */
        send(fd, c, 1, 0);
        cw_loop_step(r.loop, 0);
    }
    split = tcp_read(&r, fd, "Call-ID: three");
    g_assert_nonnull(split);

    other = tcp_open(&r, &r.b);
    send(other, "OPTIONS sip:b@b SIP/2.0\r\nX: ", 29, MSG_NOSIGNAL);
    for (unsigned i = 0; i < 20; i++) { /* a header without end */
        send(other, big, 200000, MSG_NOSIGNAL);
        cw_loop_step(r.loop, 5);
    }
    end = tcp_read(&r, other, NULL);
    g_assert_nonnull(end); /* cut off */
    send(fd, TCP_OPTIONS("four"), strlen(TCP_OPTIONS("four")), 0);
    alive = tcp_read(&r, fd, "Call-ID: four");
    g_assert_nonnull(alive);
    close(fd);
    close(other);
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } tests[] = {
        { "forks", test_forks },
        { "cancel-crosses-200", test_cancel_crosses_200 },
        { "redirect-not-followed", test_redirect_not_followed },
        { "reason-kept", test_reason_kept },
        { "challenge", test_challenge },
        { "challenge-wrong-password", test_challenge_wrong_password },
        { "challenge-stale", test_challenge_stale },
        { "challenge-then-cancel", test_challenge_then_cancel },
        { "challenge-other-realm", test_challenge_other_realm },
        { "routes", test_routes },
        { "contact-without-address", test_contact_without_address },
        { "dialog-lost", test_dialog_lost },
        { "no-ack", test_no_ack },
        { "cancel-in", test_cancel_in },
        { "bye-early", test_bye_early },
        { "merged", test_merged },
        { "in-dialog", test_in_dialog },
        { "overlap", test_overlap },
        { "glare-in", test_glare_in },
        { "reinvite-no-ack", test_reinvite_no_ack },
        { "outside", test_outside },
        { "overload", test_overload },
        { "refusals-keep-nothing", test_refusals_keep_nothing },
        { "unacked", test_unacked },
        { "rubbish", test_rubbish },
        { "tcp", test_tcp },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/sip/raw/%s", tests[i].name);

        g_test_add_func(path, tests[i].fn);
    }
    return g_test_run();
}
