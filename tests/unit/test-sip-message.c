/* test-sip-message.c - a received message as the layers above see it, and the route a request of
 * theirs is given. */
#include "sip-raw.h"

/* By name, in either form, folded, more than one, not fit to show. */
static void see_headers(void *arg, const cw_sip_response *response)
{
    static const struct {
        const char *name, *value;
        unsigned nth;
    } want[] = {
        { "Diversion", "<sip:a@b.example>;reason=user-busy", 0 },
        { "diversion", "<sip:c@b.example>", 1 },
        { "Diversion", NULL, 2 },
        { "Subject", "one two", 0 },
        { "Supported", "100rel, timer", 0 },
        { "X-Broken", NULL, 0 },
        { "Call-Info", NULL, 0 },
    };
    side *s = arg;

    cw_assert_on_loop();
    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        g_autofree char *got = cw_sip_message_header(response->message, want[i].name, want[i].nth);

        g_assert_cmpstr(got, ==, want[i].value);
    }
    rig_say(s, "headers seen");
}

static void test_headers(void)
{
    static cw_sip_call_ops ops;
    g_autofree char *invite = NULL, *contact = NULL, *extra = NULL, *ruri = NULL, *cancel = NULL;
    rig r;
    raw p;

    ops = rig_call_ops;
    ops.progress = see_headers;
    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.a);
    ruri = g_strdup_printf("sip:raw@127.0.0.1:%u", p.port);
    g_assert_cmpint(cw_sip_call_new(r.a.sip, &(cw_sip_target){ .from_user = "alice", .ruri = ruri },
                                    OFFER, strlen(OFFER), &ops, &r.a, &r.a.call),
                    ==, CW_OK);
    invite = raw_expect(&p, "INVITE ");
    contact = raw_contact(&p, "x");
    extra = g_strconcat(contact,
                        "Diversion: <sip:a@b.example>;reason=user-busy\r\n"
                        "DIVERSION: <sip:c@b.example>\r\ns: one\r\n  two\r\nk: 100rel, timer\r\n"
                        "X-Broken: \xff\xfe\r\n",
                        NULL);
    raw_reply(&p, invite, "180 Ringing", "x", extra, NULL);
    WAIT(&r, SAW(r.a, "headers seen"));
    cw_sip_call_end(r.a.call, CW_OK);
    cancel = raw_expect(&p, "CANCEL ");
    raw_reply(&p, cancel, "200 OK", "x", NULL, NULL);
    raw_reply(&p, invite, "487 Request Terminated", "x", NULL, NULL);
    raw_done(&r, &p);
}

/* RFC 3261 8.1.1.1: the first hop of a preloaded route gets the INVITE, the header says the rest.
 */
static void test_preloaded_route(void)
{
    g_autofree char *first = NULL, *invite = NULL;
    const char *uris[3] = { NULL, "sip:scscf.example;lr", NULL };
    cw_sip_target target = { .from_user = "alice", .ruri = "sip:bob@home.example", .route = uris };
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    raw_open(&p, &r, &r.a);
    uris[0] = first = g_strdup_printf("sip:127.0.0.1:%u;lr", p.port);
    g_assert_cmpint(
        cw_sip_call_new(r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r.a, &r.a.call), ==,
        CW_OK);
    invite = raw_expect(&p, "INVITE sip:bob@home.example ");
    g_assert_true(strstr(invite, "Route: <sip:127.0.0.1:"));
    g_assert_true(strstr(invite, "<sip:scscf.example;lr>"));
    raw_reply(&p, invite, "486 Busy Here", "x", NULL, NULL);
    WAIT(&r, SAW(r.a, "ended busy 486 peer"));
    raw_done(&r, &p);
}

/* What would start a new header line, or is no address, is refused before anything is sent. */
static void test_route_refused(void)
{
    static const char *const bad[] = { "sip:a.example\r\nX: 1", "sip:a>,<sip:b", "http://a", "" };
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *uris[] = { bad[i], NULL };
        cw_sip_target target = { .from_user = "a", .ruri = "sip:b@127.0.0.1", .route = uris };

        g_assert_cmpint(
            cw_sip_call_new(r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r.a, &r.a.call),
            ==, CW_E_PARAMS);
    }
    rig_stop(&r);
}

/* Why a leg ends, and what else a layer above wants said, reaches the far side; both ways. */
static void see_said(void *arg, const cw_sip_response *response)
{
    g_autofree char *info = NULL, *asserted = NULL;

    cw_assert_on_loop();
    info = cw_sip_message_header(response->message, "X-Info", 0);
    asserted = cw_sip_message_header(response->message, "P-Asserted-Identity", 0);
    rig_say(arg, "%d %s %s", response->status, info ? info : "-", asserted ? asserted : "-");
}

static void test_said(void)
{
    static const char *const ring[] = { "X-Info: one", "P-Asserted-Identity: <tel:+1>", NULL };
    static const char *const answer[] = { "X-Info: two", NULL };
    static const char *const bad[] = { "X-Info: two", "Via: SIP/2.0/UDP evil", NULL };
    static const char *const worse[] = { "X-Info: a\r\nVia: b", NULL };
    static cw_sip_call_ops ops;
    cw_sip_why why = { .q850 = 17, .status = 486, .text = "Busy \"there\"" };
    rig r;

    ops = rig_call_ops;
    ops.progress = ops.answered = see_said;
    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    r.b.ring_only = true;
    g_assert_cmpint(rig_call(&r, "udp", OFFER), ==, CW_OK);
    cw_sip_call_accept(r.a.call, &ops, &r.a); /* who is told, from now on */
    WAIT(&r, r.b.call != NULL);
    g_assert_cmpint(cw_sip_call_headers(r.b.call, bad), ==, CW_E_UNSAFE);
    g_assert_cmpint(cw_sip_call_headers(r.b.call, worse), ==, CW_E_UNSAFE);
    g_assert_cmpint(cw_sip_call_headers(r.b.call, ring), ==, CW_OK);
    g_assert_cmpint(cw_sip_call_respond(r.b.call, 183, NULL, 0), ==, CW_OK);
    WAIT(&r, SAW(r.a, "183 one <tel:+1>"));
    g_assert_cmpint(cw_sip_call_headers(r.b.call, answer), ==, CW_OK);
    g_assert_cmpint(cw_sip_call_respond(r.b.call, 200, ANSWER, strlen(ANSWER)), ==, CW_OK);
    WAIT(&r, SAW(r.a, "200 two -"));
    WAIT(&r, SAW(r.b, "confirmed"));
    cw_sip_call_end_as(r.a.call, &why);
    WAIT(&r, SAW(r.b, "ended"));
    g_assert_cmpint(r.b.end.q850, ==, 17);
    g_assert_cmpint(r.b.end.reason, ==, 486);
    g_assert_cmpstr(r.b.end.phrase, ==, "Busy \"there\"");
    rig_stop(&r);
}

static void test_reasons_of_a_refusal(void)
{
    cw_sip_why why = { .err = CW_E_NOT_FOUND, .q850 = 28, .status = 484 };
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    r.b.ring_only = true;
    g_assert_cmpint(rig_call(&r, "udp", OFFER), ==, CW_OK);
    WAIT(&r, SAW(r.a, "progress 180"));
    cw_sip_call_end_as(r.b.call, &why);
    WAIT(&r, SAW(r.a, "ended not-found 404 peer"));
    g_assert_cmpint(r.a.end.q850, ==, 28);
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/message/headers", test_headers);
    g_test_add_func("/sip/message/said", test_said);
    g_test_add_func("/sip/message/reasons", test_reasons_of_a_refusal);
    g_test_add_func("/sip/message/preloaded-route", test_preloaded_route);
    g_test_add_func("/sip/message/route-refused", test_route_refused);
    return g_test_run();
}
