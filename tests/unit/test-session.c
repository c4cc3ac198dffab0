/* Link and session without a WebSocket: states, order, what each request does and answers. */
#include "api/link.h"
#include "base/stats.h"
#include "tests/unit/fake-call.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static cw_loop *loop;

typedef struct rig {
    cw_conf *conf;
    cw_tokens *tokens;
    cw_session_env env;
    cw_link *link;
    GQueue sent; /* of json_t */
    int code;    /* close code, 0: open */
} rig;

static void on_notify(void *arg, int64_t seq, const char *text, size_t len)
{
    rig *r = arg;
    json_t *message;
    char why[128];

    g_assert_cmpint(r->code, ==, 0); /* nothing after a close */
    g_assert_cmpint(cw_json_parse(text, len, &message, why), ==, CW_OK);
    g_queue_push_tail(&r->sent, message);
}

static void on_reply(void *arg, char *text, size_t len)
{
    on_notify(arg, 0, text, len);
    free(text);
}

static void on_close(void *arg, cw_close code, const char *reason)
{
    rig *r = arg;

    g_assert_cmpint(r->code, ==, 0); /* once */
    g_assert_nonnull(reason);
    r->code = (int)code;
}

static const cw_link_ops ops = { "test", on_reply, on_notify, on_close, NULL };

static void rig_open(rig *r, const char *web)
{
    g_autofree char *text =
        g_strdup_printf("auth: { guests = true; };\nweb: { %s };\n", web ? web : "");
    g_autofree char *why = NULL;

    cw_assert_on_loop();
    memset(r, 0, sizeof *r);
    g_assert_cmpint(cw_conf_load("test", text, &r->conf, &why), ==, CW_OK);
    g_assert_cmpint(cw_tokens_new(r->conf, &r->tokens, &why), ==, CW_OK);
    r->env = (cw_session_env){ loop, r->conf,           r->tokens,
                               NULL, cw_sessions_new(), cw_im_new(r->conf, NULL) };
    g_queue_init(&r->sent);
    r->link = cw_link_new(&r->env, "192.0.2.1:5", &ops, r);
}

static void drop(gpointer message)
{
    json_decref(message);
}

static void rig_close(rig *r)
{
    cw_assert_on_loop();
    cw_link_free(r->link);
    cw_sessions_free(r->env.sessions);
    cw_im_free(r->env.im);
    g_queue_clear_full(&r->sent, drop);
    cw_tokens_free(r->tokens);
    cw_conf_free(r->conf);
    g_assert_cmpuint(fake_call_clients, ==, 0);
    g_assert_cmpuint(cw_loop_timers(loop), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions), ==, 0);
}

static void say(rig *r, const char *text)
{
    g_autofree char *exact = g_memdup2(text, strlen(text) + !*text);

    cw_assert_on_loop();
    cw_link_receive(r->link, exact, strlen(text));
}

static json_t *heard(rig *r)
{
    json_t *message = g_queue_pop_head(&r->sent);

    g_assert_nonnull(message);
    return message;
}

/* One request and its reply. */
static json_t *ask(rig *r, const char *method, const char *params)
{
    g_autofree char *text = g_strdup_printf(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);

    say(r, text);
    return heard(r);
}

static void log_in(rig *r)
{
    g_autoptr(json_t) reply =
        ask(r, "session.open", "{\"guest\":\"anna\",\"client\":{\"os\":\"x\"}}");

    g_assert_nonnull(json_object_get(reply, "result"));
}

static const char *kind_of(const json_t *reply)
{
    return json_string_value(
        json_object_get(json_object_get(json_object_get(reply, "error"), "data"), "kind"));
}

/* ── Each request ───────────────────────────────────────────────────────────────────────────────
 */

static const struct {
    cw_request which;
    const char *params, *asked; /* asked: of the call layer */
} requests[] = {
    { CW_REQ_ping, "{}", "new anna" },
    { CW_REQ_call_start,
      "{\"call\":\"c\",\"to\":\"echo\",\"sdp\":\"v=0\\r\\n\",\"headers\":{\"X-A\":\"b\"}}",
      "start c echo 5 1" },
    { CW_REQ_call_start, "{\"call\":\"c\",\"to\":\"echo\",\"sdp\":\"v=0\\r\\n\"}",
      "start c echo 5 0" },
    { CW_REQ_call_answer, "{\"call\":\"c\",\"sdp\":\"v=0\\n\"}", "answer c 4" },
    { CW_REQ_call_candidate, "{\"call\":\"c\",\"candidate\":\"candidate:1\",\"mid\":\"0\"}",
      "candidate c candidate:1" },
    { CW_REQ_call_candidate, "{\"call\":\"c\",\"candidate\":null}", "candidate c NULL" },
    { CW_REQ_call_candidate, "{\"call\":\"c\",\"candidate\":\"\"}", "candidate c NULL" },
    { CW_REQ_call_update, "{\"call\":\"c\",\"sdp\":\"v=0\"}", "update c 3" },
    { CW_REQ_call_update, "{\"call\":\"c\",\"sdp\":\"v=0\",\"restart\":true}", "restart c 3" },
    { CW_REQ_call_update, "{\"call\":\"c\",\"sdp\":\"v=0\",\"restart\":false}", "update c 3" },
    { CW_REQ_call_pull, "{\"id\":\"4hs7w9dk2p6rt\",\"call\":\"c\",\"sdp\":\"v=0\"}",
      "pull 4hs7w9dk2p6rt c 3" },
    { CW_REQ_session_calls, "{}", "new anna" },
    { CW_REQ_ping, "{\"ack\":3}", "new anna" },
    { CW_REQ_call_hold, "{\"call\":\"c\"}", "hold c" },
    { CW_REQ_call_resume, "{\"call\":\"c\"}", "resume c" },
    { CW_REQ_call_dtmf, "{\"call\":\"c\",\"digits\":\"12#\"}", "dtmf c 12# 100" },
    { CW_REQ_call_dtmf, "{\"call\":\"c\",\"digits\":\"A\",\"duration_ms\":250}", "dtmf c A 250" },
    { CW_REQ_call_transfer, "{\"call\":\"c\",\"to\":\"echo\"}", "transfer c echo -" },
    { CW_REQ_call_transfer, "{\"call\":\"c\",\"other\":\"d\"}", "transfer c - d" },
    { CW_REQ_call_info, "{\"call\":\"c\",\"muted\":{\"audio\":true}}", "info c audio=1" },
    { CW_REQ_call_info, "{\"call\":\"c\"}", "info c audio=0" },
    { CW_REQ_call_report, "{\"call\":\"c\",\"audio\":{\"lost\":3},\"rtt_ms\":7}", "report c 3" },
    { CW_REQ_call_end, "{\"call\":\"c\"}", "end c" },
    { CW_REQ_call_reject, "{\"call\":\"c\"}", "reject c declined" },
    { CW_REQ_call_reject, "{\"call\":\"c\",\"reason\":\"busy\"}", "reject c busy" },
    { CW_REQ_call_reject, "{\"call\":\"c\",\"reason\":\"unavailable\"}", "reject c unavailable" },
    { CW_REQ_push_register, "{\"kind\":\"web\",\"endpoint\":\"e\",\"keys\":{\"auth\":\"a\"}}",
      "push e" },
    { CW_REQ_push_unregister, "{\"endpoint\":\"e\"}", "no push e" },
    { CW_REQ_im_send, "{\"to\":\"user:bob\",\"id\":\"m1\",\"body\":\"hi\\n\"}", NULL },
    { CW_REQ_data_send, "{\"to\":\"user:bob\",\"id\":\"m1\",\"event\":\"e\",\"body\":[1,null]}",
      "tell bob data.message {\"from\":{\"uri\":\"user:anna\",\"user\":\"anna\"},\"id\":\"m1\","
      "\"event\":\"e\",\"body\":[1,null]}" },
    { CW_REQ_data_send, "{\"to\":\"call:c\",\"id\":\"m1\",\"body\":\"x\"}",
      "tell-other c data.message {\"from\":{\"uri\":\"user:anna\",\"user\":\"anna\"},\"id\":"
      "\"m1\",\"body\":\"x\"}" },
    { CW_REQ_session_close, "{}", NULL },
};

/* Results are what the table says they are; before the log-in nothing reaches the call layer. */
static void test_requests(void)
{
    bool seen[CW_REQ_COUNT] = { [CW_REQ_session_open] = true, [CW_REQ_session_resume] = true };

    for (unsigned i = 0; i < G_N_ELEMENTS(requests); i++) {
        const cw_proto_request *row = &cw_proto_requests[requests[i].which];
        g_autoptr(json_t) early = NULL, reply = NULL;
        cw_fault fault = { 0 };
        rig r;

        rig_open(&r, NULL);
        early = ask(&r, row->method, requests[i].params);
        g_assert_cmpstr(kind_of(early), ==, "state");
        log_in(&r);
        reply = ask(&r, row->method, requests[i].params);
        g_assert_cmpint(cw_proto_check(row->result, json_object_get(reply, "result"), "", &fault),
                        ==, CW_OK);
        g_assert_nonnull(json_object_get(reply, "result"));
        if (requests[i].asked)
            g_assert_cmpstr(fake_call_last, ==, requests[i].asked);
        seen[requests[i].which] = true;
        rig_close(&r);
    }
    for (unsigned i = 0; i < CW_REQ_COUNT; i++)
        g_assert_true(seen[i]);
}

static void test_open_result(void)
{
    g_autoptr(json_t) reply = NULL, sessions = NULL;
    const json_t *one;
    cw_fault fault = { 0 };
    rig r;

    cw_assert_on_loop();
    rig_open(&r, NULL);
    reply = ask(&r, "session.open", "{\"guest\":\"anna\",\"client\":{\"browser\":\"Firefox\"}}");
    if (cw_proto_check(cw_proto_requests[CW_REQ_session_open].result,
                       json_object_get(reply, "result"), "", &fault))
        g_error("%s %s", fault.path, fault.text);
    sessions = cw_sessions_json(r.env.sessions);
    one = json_array_get(sessions, 0);
    g_assert_cmpstr(json_string_value(json_object_get(one, "user")), ==, "anna");
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(one, "client"), "browser")),
                    ==, "Firefox");
    g_assert_cmpstr(json_string_value(json_object_get(one, "link")), ==, "test");
    rig_close(&r);
}

static void test_refused(void)
{
    static const struct {
        const char *params;
        cw_err answer;
        const char *kind;
        int code;
    } cases[] = {
        { "{\"token\":\"a.b.c\"}", CW_OK, "auth", 4401 },
        { "{\"guest\":\"@\"}", CW_OK, "bad-params", 0 },
        { "{}", CW_OK, "bad-params", 0 },
        { "{\"guest\":\"anna\"}", CW_E_OVERLOAD, "overload", 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(json_t) reply = NULL;
        rig r;

        rig_open(&r, NULL);
        fake_call_answer = cases[i].answer;
        reply = ask(&r, "session.open", cases[i].params);
        fake_call_answer = CW_OK;
        g_assert_cmpstr(kind_of(reply), ==, cases[i].kind);
        g_assert_cmpint(r.code, ==, cases[i].code);
        if (!r.code)
            log_in(&r); /* another try is welcome */
        rig_close(&r);
    }
}

static void test_guests_closed(void)
{
    g_autoptr(json_t) reply = NULL;
    rig r;

    rig_open(&r, NULL);
    r.conf->auth.guests = false;
    reply = ask(&r, "session.open", "{\"guest\":\"anna\"}");
    g_assert_cmpstr(kind_of(reply), ==, "auth");
    g_assert_cmpint(r.code, ==, 4401);
    say(&r, "{}"); /* nothing is heard any more */
    g_assert_cmpuint(r.sent.length, ==, 0);
    rig_close(&r);
}

/* The reply comes first, then what happened while it was worked out. */
static void test_order(void)
{
    g_autoptr(json_t) reply = NULL, progress = NULL;
    rig r;

    rig_open(&r, NULL);
    log_in(&r);
    reply = ask(&r, "call.start", "{\"call\":\"n1\",\"to\":\"echo\",\"sdp\":\"v=0\"}");
    g_assert_nonnull(json_object_get(reply, "result"));
    progress = heard(&r);
    g_assert_cmpstr(json_string_value(json_object_get(progress, "method")), ==, "call.progress");
    rig_close(&r);
}

static void test_seq(void)
{
    rig r;

    rig_open(&r, NULL);
    log_in(&r);
    for (int i = 1; i <= 5; i++) {
        g_autoptr(json_t) message = NULL;

        fake_call_notify("call.answer", json_pack("{ss}", "call", "c"));
        message = heard(&r);
        g_assert_null(json_object_get(message, "id"));
        g_assert_cmpint(
            json_integer_value(json_object_get(json_object_get(message, "params"), "seq")), ==, i);
    }
    rig_close(&r);
}

static json_int_t calls_of(const rig *r) CW_ON_LOOP
{
    g_autoptr(json_t) all = cw_sessions_json(r->env.sessions);

    return json_integer_value(json_object_get(json_array_get(all, 0), "calls"));
}

static void test_call_count(void)
{
    static const char start[] = "{\"call\":\"c\",\"to\":\"echo\",\"sdp\":\"v=0\"}";
    rig r;

    cw_assert_on_loop();
    rig_open(&r, NULL);
    log_in(&r);
    json_decref(ask(&r, "call.start", start));
    fake_call_notify("call.incoming", json_pack("{ss}", "call", "i"));
    g_assert_cmpint(calls_of(&r), ==, 2);
    fake_call_answer = CW_E_EXISTS; /* the name is taken: that call goes on */
    json_decref(heard(&r));
    {
        g_autoptr(json_t) reply = ask(&r, "call.start", start);

        g_assert_cmpstr(kind_of(reply), ==, "exists");
        g_assert_cmpstr(
            json_string_value(json_object_get(json_object_get(reply, "error"), "message")), ==,
            "the fake says no");
    }
    g_assert_cmpint(calls_of(&r), ==, 2);
    fake_call_notify("call.end", json_pack("{ss}", "call", "c"));
    g_assert_cmpint(calls_of(&r), ==, 1);
    rig_close(&r);
}

/* Errors of parsers inside are "internal" outside. */
static void test_inner_error(void)
{
    g_autoptr(json_t) reply = NULL;
    rig r;

    rig_open(&r, NULL);
    log_in(&r);
    fake_call_answer = CW_E_INTEGRITY;
    reply = ask(&r, "call.end", "{\"call\":\"c\"}");
    g_assert_cmpstr(kind_of(reply), ==, "internal");
    rig_close(&r);
}

static void test_no_id(void)
{
    rig r;

    rig_open(&r, NULL);
    log_in(&r);
    say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}");
    say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"nonsense\"}");
    say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"call.end\",\"params\":{\"call\":1}}");
    g_assert_cmpuint(r.sent.length, ==, 0);
    say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"session.close\"}");
    g_assert_cmpuint(r.sent.length, ==, 0);
    g_assert_cmpint(r.code, ==, 1000);
    rig_close(&r);
}

static void test_shutdown(void)
{
    g_autoptr(json_t) message = NULL;
    rig r;

    cw_assert_on_loop();
    rig_open(&r, NULL);
    log_in(&r);
    cw_link_shutdown(r.link);
    message = heard(&r);
    g_assert_cmpstr(json_string_value(json_object_get(message, "method")), ==, "session.closing");
    g_assert_cmpint(r.code, ==, 1001);
    cw_link_shutdown(r.link); /* again: nothing */
    rig_close(&r);
}

static void test_rate(void)
{
    unsigned good = 0, refused = 0;
    rig r;

    rig_open(&r, "rate_per_s = 1; rate_burst = 10;");
    log_in(&r);
    for (unsigned i = 0; i < 15; i++) {
        g_autoptr(json_t) reply = ask(&r, "ping", "{}");
        const json_t *data = json_object_get(json_object_get(reply, "error"), "data");

        g_assert_cmpint(json_integer_value(json_object_get(reply, "id")), ==, 1);
        if (!data) {
            good++;
            continue;
        }
        g_assert_cmpstr(kind_of(reply), ==, "rate");
        g_assert_cmpint(json_integer_value(json_object_get(data, "retry_after_ms")), >, 0);
        refused++;
    }
    g_assert_cmpuint(good, ==, 9);
    g_assert_cmpuint(refused, ==, 6);
    for (unsigned i = 0; i < 30; i++) {
        say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}");
        g_queue_clear_full(&r.sent, drop);
    }
    g_assert_cmpint(r.code, ==, 4429);
    rig_close(&r);
}

static int wait_closed(rig *r)
{
    uint64_t end = cw_now_ms() + 3000;

    cw_assert_on_loop();
    while (!r->code && cw_now_ms() < end)
        cw_loop_step(loop, 10);
    return r->code;
}

static void test_open_timeout(void)
{
    rig r;

    rig_open(&r, "open_timeout_ms = 100;");
    say(&r, "{}"); /* talking is not logging in */
    g_assert_cmpint(wait_closed(&r), ==, 4408);
    rig_close(&r);
}

static void test_ping_timeout(void)
{
    uint64_t start = cw_now_ms();
    rig r;

    cw_assert_on_loop();
    rig_open(&r, "ping_timeout_ms = 1000; resume_ms = 0;");
    log_in(&r);
    while (cw_now_ms() < start + 500)
        cw_loop_step(loop, 10);
    json_decref(ask(&r, "ping", "{}"));
    g_assert_cmpint(wait_closed(&r), ==, 4408);
    g_assert_cmpuint(cw_now_ms() - start, >=, 1450);
    g_assert_cmpstr(json_string_value(json_object_get(g_queue_peek_tail(&r.sent), "method")), ==,
                    "session.closing");
    rig_close(&r);
}

int main(int argc, char **argv)
{
    int status;

    cw_role_take(&cw_role_loop);
    cw_assert_on_loop();
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    g_test_add_func("/session/requests", test_requests);
    g_test_add_func("/session/open-result", test_open_result);
    g_test_add_func("/session/refused", test_refused);
    g_test_add_func("/session/guests-closed", test_guests_closed);
    g_test_add_func("/session/order", test_order);
    g_test_add_func("/session/seq", test_seq);
    g_test_add_func("/session/call-count", test_call_count);
    g_test_add_func("/session/inner-error", test_inner_error);
    g_test_add_func("/session/no-id", test_no_id);
    g_test_add_func("/session/shutdown", test_shutdown);
    g_test_add_func("/session/rate", test_rate);
    g_test_add_func("/session/open-timeout", test_open_timeout);
    g_test_add_func("/session/ping-timeout", test_ping_timeout);
    status = g_test_run();
    cw_loop_free(loop);
    return status;
}
