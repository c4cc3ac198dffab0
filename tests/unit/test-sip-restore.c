/* test-sip-restore.c - answered calls that go on in another stack, as text; 3xx; a fork that is
 * dropped. */
#include "sip-raw.h"

typedef struct way {
    const char *name, *transport;
    bool callee;    /* who restarts: whom a calls, not a */
    bool peer_ends; /* who hangs up then */
} way;

static const way ways[] = {
    { "caller", "udp", false, false },     { "caller-ended", "udp", false, true },
    { "callee", "udp", true, false },      { "callee-ended", "udp", true, true },
    { "caller-tcp", "tcp", false, false }, { "callee-tcp", "tcp", true, false },
};

/* The same addresses, another stack: nothing of the first is left but `text`. */
static void restart(side *s, const char *text)
{
    g_autofree char *udp = side_address(s, "udp"), *tcp = side_address(s, "tcp");
    g_autofree char *conf = g_strdup_printf(
        "sip: { listen = (\"udp:%s\", \"tcp:%s\"); t1x64_ms = 1000; t1_ms = 100; };", udp, tcp);
    char *why = NULL, said[128] = "";

    cw_assert_on_loop();
    cw_sip_call_abandon(g_steal_pointer(&s->call));
    cw_sip_free(s->sip);
    cw_conf_free(s->conf);
    for (unsigned i = 0; i < 10; i++) /* the other end sees its connection end */
        cw_loop_step(s->rig->loop, 5);
    if (cw_conf_load("test", conf, &s->conf, &why))
        g_error("%s", why);
    if (cw_sip_new(s->rig->loop, s->conf, &rig_ops, s, &s->sip, said))
        g_error("%s", said);
    g_assert_cmpint(
        cw_sip_call_restore(s->sip, text, strlen(text), NULL, &rig_call_ops, s, &s->call), ==,
        CW_OK);
}

static void test_goes_on(gconstpointer arg)
{
    const way *w = arg;
    g_autofree char *text = NULL, *again = NULL;
    cw_sip_call *twin = NULL;
    side *gone, *stays;
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    gone = w->callee ? &r.b : &r.a;
    stays = w->callee ? &r.a : &r.b;
    g_assert_cmpint(rig_call(&r, w->transport, OFFER), ==, CW_OK);
    g_assert_null(cw_sip_call_print(r.a.call));
    WAIT(&r, SAW(r.b, "confirmed"));
    text = cw_sip_call_print(gone->call);
    g_assert_nonnull(text);
    g_assert_cmpint(
        cw_sip_call_restore(gone->sip, text, strlen(text), NULL, &rig_call_ops, gone, &twin), ==,
        CW_E_EXISTS);
    restart(gone, text);
    again = cw_sip_call_print(gone->call);
    g_assert_nonnull(strstr(again, "v=0"));
    g_assert_cmpint(cw_sip_call_reoffer(stays->call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    WAIT(&r, SAW(*stays, "reanswered 200 sdp") && SAW(*gone, "reoffered sdp"));
    WAIT(&r, strstr(gone->trace->str, "< ACK"));
    g_assert_cmpint(cw_sip_call_reoffer(gone->call, 0, OFFER, strlen(OFFER)), ==, CW_OK);
    WAIT(&r, SAW(*gone, "reanswered 200 sdp") && SAW(*stays, "reoffered sdp"));
    g_assert_cmpint(cw_sip_call_info(gone->call, "a/b", "x", 1), ==, CW_OK);
    WAIT(&r, SAW(*stays, "info a/b x"));
    cw_sip_call_end(w->peer_ends ? stays->call : gone->call, CW_OK);
    WAIT(&r, SAW(w->peer_ends ? *gone : *stays, "ended ok 0 peer"));
    rig_stop(&r);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_calls), ==, 0);
}

/* Its session timer goes on, too: nobody refreshes, the restored end hangs up. */
static void test_timer_goes_on(void)
{
    g_autofree char *text = NULL, *ok = NULL, *tag = NULL, *bye = NULL;
    rig r;
    raw p;

    rig_start(&r, "127.0.0.1", NULL, "session_min_s = 2; session_expires_s = 2");
    cw_assert_on_loop();
    raw_open(&p, &r, &r.b);
    raw_ask(&p, &(ask){ "INVITE", .body = OFFER, .extra = "Supported: timer\r\n" });
    ok = raw_expect(&p, "SIP/2.0 200");
    tag = raw_to_tag(ok);
    raw_ask(&p, &(ask){ "ACK", tag });
    WAIT(&r, SAW(r.b, "confirmed"));
    text = cw_sip_call_print(r.b.call);
    restart(&r.b, text);
    bye = raw_expect(&p, "BYE sip:raw@");
    g_assert_nonnull(strstr(bye, "To: <sip:raw@127.0.0.1>;tag=raw"));
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    WAIT(&r, SAW(r.b, "ended network 408"));
    raw_done(&r, &p);
}

#define DIALOG(more)                                                                               \
    "{\"dialog\":{\"call_id\":\"c\",\"local_tag\":\"l\",\"remote_tag\":\"r\",\"local\":\"<sip:a@"  \
    "h>\",\"remote\":\"<sip:b@h>\",\"target\":\"sip:b@192.0.2.1\",\"route\":[],\"local_cseq\":1,"  \
    "\"remote_cseq\":1,\"hops_used\":0,\"transport\":\"udp\"" more

static const struct {
    const char *name, *text;
    cw_err want;
} texts[] = {
    { "good", DIALOG("},\"session_expires\":0,\"session_min\":0}"), CW_OK },
    { "not-json", "{", CW_E_PARSE },
    { "not-object", "[]", CW_E_SYNTAX },
    { "no-dialog", "{}", CW_E_SYNTAX },
    { "no-session", DIALOG("}}"), CW_E_SYNTAX },
    { "expires-too-high", DIALOG("},\"session_expires\":90000,\"session_min\":0}"), CW_E_SYNTAX },
    { "contact-smuggled",
      DIALOG(",\"contact\":\"<sip:a@h>, <sip:c@h>\"},\"session_expires\":0,\"session_min\":0}"),
      CW_E_SYNTAX },
    { "tag-smuggled", DIALOG(",\"local_user\":\"a>;x\"},\"session_expires\":0,\"session_min\":0}"),
      CW_E_SYNTAX },
    { "sdp-is-none", DIALOG("},\"session_expires\":0,\"session_min\":0,\"sdp\":\"hello\"}"),
      CW_E_SYNTAX },
    { "digest-is-none", DIALOG("},\"session_expires\":0,\"session_min\":0,\"their_sdp\":\"00\"}"),
      CW_E_SYNTAX },
    { "negative", DIALOG("},\"session_expires\":-1,\"session_min\":0}"), CW_E_SYNTAX },
};

static void test_texts(void)
{
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        cw_sip_call *call = NULL;
        cw_err err = cw_sip_call_restore(r.a.sip, texts[i].text, strlen(texts[i].text), NULL,
                                         &rig_call_ops, &r.a, &call);

        if (err != texts[i].want)
            g_error("%s: %s", texts[i].name, cw_err_kind(err));
        cw_sip_call_abandon(call);
    }
    rig_stop(&r);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_calls), ==, 0);
}

/* --- 3xx --- */

static const struct {
    const char *name, *conf, *contacts;
    const char *next;   /* where we call then; NULL: nowhere */
    const char *told;   /* contacts handed up, joined */
    const char *refuse; /* the call's owner: places with this in their URI */
} redirects[] = {
    { "refused", NULL, "Contact: <sip:u@127.0.0.1:PORT>\r\n", NULL, "sip:u@127.0.0.1:PORT" },
    { "other-host", "redirect_hosts = (\"other.example\")", "Contact: <sip:u@127.0.0.1:PORT>\r\n",
      NULL, "sip:u@127.0.0.1:PORT" },
    { "allowed", "redirect_hosts = (\"127.0.0.1\")", "Contact: <sip:u@127.0.0.1:PORT>\r\n",
      "INVITE sip:u@127.0.0.1", NULL },
    { "best", "redirect_hosts = (\"127.0.0.1\")",
      "Contact: <sip:x@evil.example>, <sip:v@127.0.0.1:PORT>;q=0.2, "
      "<sip:w@127.0.0.1:PORT>;q=0.7\r\n",
      "INVITE sip:w@127.0.0.1", NULL },
    { "owner-says-no", "redirect_hosts = (\"127.0.0.1\")", "Contact: <sip:u@127.0.0.1:PORT>\r\n",
      NULL, "sip:u@127.0.0.1:PORT", "sip:u@" },
    { "owner-takes-another", "redirect_hosts = (\"127.0.0.1\")",
      "Contact: <sip:v@127.0.0.1:PORT>;q=0.2, <sip:w@127.0.0.1:PORT>;q=0.7\r\n",
      "INVITE sip:v@127.0.0.1", NULL, "sip:w@" },
    { "unfit", NULL, "Contact: <tel:123>, <sip:a@h?Route=%3Csip:x%3E>, <mailto:a@b>\r\n", NULL,
      "" },
};

static char *with_port(const char *text, uint16_t port)
{
    g_auto(GStrv) parts = g_strsplit(text, "PORT", -1);

    return g_strjoinv(cw_fmt("%u", port), parts);
}

static void test_redirect(gconstpointer arg)
{
    unsigned i = GPOINTER_TO_UINT(arg);
    g_autofree char *invite = NULL, *next = NULL, *contacts = NULL, *told = NULL, *id = NULL,
                    *same = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, redirects[i].conf);
    cw_assert_on_loop();
    r.a.refuse_redirect = redirects[i].refuse;
    contacts = with_port(redirects[i].contacts, p.port);
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "302 Moved", "x", contacts, NULL);
    if (redirects[i].next) {
        next = raw_expect(&p, redirects[i].next);
        id = raw_header(invite, "Call-ID");
        same = raw_header(next, "Call-ID");
        g_assert_cmpstr(id, ==, same);
        g_assert_true(g_str_has_suffix(next, OFFER));
        raw_reply(&p, next, "302 Moved", "x", "Contact: <sip:z@elsewhere.example>\r\n", NULL);
    }
    if (redirects[i].refuse && !redirects[i].next)
        WAIT(&r, SAW(r.a, "ended quota 302"));
    else
        WAIT(&r, SAW(r.a, "ended sip-failed 302"));
    if (redirects[i].told) {
        told = with_port(redirects[i].told, p.port);
        g_assert_cmpstr(r.a.contacts, ==, told);
    }
    raw_silence(&p, "INVITE", 100);
    raw_done(&r, &p);
}

/* One that leads back and forth ends after three. */
static void test_redirect_loop(void)
{
    static const char *const users[] = { "u", "v", "u", "v" };
    g_autofree char *invite = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, "redirect_hosts = (\"127.0.0.1\")");
    cw_assert_on_loop();
    invite = raw_expect(&p, "INVITE ");
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *contact = raw_contact(&p, users[i]);

        raw_reply(&p, invite, "301 Moved", "x", contact, NULL);
        g_clear_pointer(&invite, g_free);
        if (i < 3)
            invite = raw_expect(&p, "INVITE ");
    }
    WAIT(&r, SAW(r.a, "ended sip-failed 301"));
    raw_done(&r, &p);
}

/* Statuses that tell when to come again. */
static void test_retry_after(void)
{
    static const struct {
        const char *status, *extra;
        unsigned want;
    } rows[] = {
        { "503 Full", "Retry-After: 30\r\n", 30 },
        { "500 Broken", "Retry-After: 5 (soon);duration=9\r\n", 5 },
        { "486 Busy", "Retry-After: 999999\r\n", 86400 },
        { "503 Full", NULL, 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *invite = NULL;
        rig r;
        raw p;

        raw_call_out(&r, &p, NULL, NULL);
        cw_assert_on_loop();
        invite = raw_expect(&p, "INVITE ");
        raw_reply(&p, invite, rows[i].status, "x", rows[i].extra, NULL);
        WAIT(&r, SAW(r.a, "ended"));
        g_assert_cmpuint(r.a.end.retry_after_s, ==, rows[i].want);
        raw_done(&r, &p);
    }
}

/* One fork is told to stop, the other answers. */
static void test_drop(void)
{
    g_autofree char *invite = NULL, *bye = NULL, *ack = NULL, *last = NULL, *x = NULL, *y = NULL;
    rig r;
    raw p;

    raw_call_out(&r, &p, NULL, NULL);
    cw_assert_on_loop();
    x = raw_contact(&p, "x");
    y = raw_contact(&p, "y");
    invite = raw_expect(&p, "INVITE ");
    raw_reply(&p, invite, "180 Ringing", "x", x, NULL);
    raw_reply(&p, invite, "180 Ringing", "y", y, NULL);
    WAIT(&r, SAW(r.a, "progress 180/1"));
    g_assert_cmpint(cw_sip_call_drop(r.a.call, 7), ==, CW_E_STATE);
    g_assert_cmpint(cw_sip_call_drop(r.a.call, 0), ==, CW_OK);
    bye = raw_expect(&p, "BYE sip:x@");
    raw_reply(&p, bye, "200 OK", NULL, NULL, NULL);
    raw_reply(&p, invite, "200 OK", "y", y, ANSWER);
    ack = raw_expect(&p, "ACK sip:y@");
    g_assert_true(SAW(r.a, "answered/1 sdp"));
    g_assert_cmpint(cw_sip_call_drop(r.a.call, 0), ==, CW_E_STATE);
    cw_sip_call_end(r.a.call, CW_OK);
    last = raw_expect(&p, "BYE sip:y@");
    raw_reply(&p, last, "200 OK", NULL, NULL, NULL);
    raw_done(&r, &p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_autofree char *path = g_strdup_printf("/sip/restore/%s", ways[i].name);

        g_test_add_data_func(path, &ways[i], test_goes_on);
    }
    g_test_add_func("/sip/restore/timer", test_timer_goes_on);
    g_test_add_func("/sip/restore/texts", test_texts);
    for (unsigned i = 0; i < G_N_ELEMENTS(redirects); i++) {
        g_autofree char *path = g_strdup_printf("/sip/redirect/%s", redirects[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_redirect);
    }
    g_test_add_func("/sip/redirect/loop", test_redirect_loop);
    g_test_add_func("/sip/retry-after", test_retry_after);
    g_test_add_func("/sip/drop", test_drop);
    return g_test_run();
}
