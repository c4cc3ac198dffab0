/* Sessions that outlive their links: the ring, tokens, waiting and its end; messages between users.
 */
#include "api/link.h"
#include "base/stats.h"
#include "tests/unit/fake-call.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define OPEN "{\"guest\":\"anna\"}"

static cw_loop *loop;
static cw_conf *conf;
static cw_tokens *tokens;
static cw_session_env env;

/* One end of a link. */
typedef struct end {
    cw_link *link;
    GQueue sent; /* of json_t: replies and notifications */
    int code;    /* close code, 0: open */
    unsigned pings;
} end;

static void take(end *e, const char *text, size_t len)
{
    json_t *message;
    char why[128];

    g_assert_cmpint(e->code, ==, 0);
    g_assert_cmpint(cw_json_parse(text, len, &message, why), ==, CW_OK);
    g_queue_push_tail(&e->sent, message);
}

static void on_reply(void *arg, char *text, size_t len)
{
    take(arg, text, len);
    free(text);
}

static void on_notify(void *arg, int64_t seq, const char *text, size_t len)
{
    take(arg, text, len);
}

static void on_close(void *arg, cw_close code, const char *reason)
{
    end *e = arg;

    g_assert_cmpint(e->code, ==, 0); /* once */
    e->code = (int)code;
}

static void on_ping(void *arg)
{
    ((end *)arg)->pings++;
}

static const cw_link_ops ops = { "test", on_reply, on_notify, on_close, on_ping };

static void start(const char *web)
{
    g_autofree char *text =
        g_strdup_printf("auth: { guests = true; };\nweb: { %s };\n", web ? web : "");
    g_autofree char *why = NULL;

    cw_assert_on_loop();
    g_assert_cmpint(cw_conf_load("test", text, &conf, &why), ==, CW_OK);
    g_assert_cmpint(cw_tokens_new(conf, &tokens, &why), ==, CW_OK);
    env = (cw_session_env){ loop, conf, tokens, NULL, cw_sessions_new(), cw_im_new(conf, NULL) };
}

static void stop(void)
{
    cw_assert_on_loop();
    cw_sessions_free(env.sessions);
    cw_im_free(env.im);
    cw_tokens_free(tokens);
    cw_conf_free(conf);
    g_assert_cmpuint(fake_call_clients, ==, 0);
    g_assert_cmpuint(cw_loop_timers(loop), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions_away), ==, 0);
}

static void end_open(end *e)
{
    cw_assert_on_loop();
    memset(e, 0, sizeof *e);
    g_queue_init(&e->sent);
    e->link = cw_link_new(&env, "192.0.2.1:5", &ops, e);
}

static void drop(gpointer message)
{
    json_decref(message);
}

/* The connection breaks. */
static void end_cut(end *e)
{
    cw_assert_on_loop();
    cw_link_free(g_steal_pointer(&e->link));
    g_queue_clear_full(&e->sent, drop);
}

static json_t *ask(end *e, const char *method, const char *params)
{
    g_autofree char *text = g_strdup_printf(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
    json_t *reply;

    cw_assert_on_loop();
    cw_link_receive(e->link, text, strlen(text));
    reply = g_queue_pop_head(&e->sent);
    g_assert_nonnull(reply);
    return reply;
}

static const char *kind_of(const json_t *reply)
{
    return json_string_value(
        json_object_get(json_object_get(json_object_get(reply, "error"), "data"), "kind"));
}

/* What resumes it: of session.open's reply or session.resume's. */
typedef struct ticket {
    char session[32], token[64];
} ticket;

static void read_ticket(const json_t *reply, ticket *ret)
{
    const json_t *result = json_object_get(reply, "result");
    const char *token =
        json_string_value(json_object_get(json_object_get(result, "resume"), "token"));

    g_assert_nonnull(token);
    g_assert_cmpuint(strlen(token), >=, 22); /* 128 bits */
    g_strlcpy(ret->token, token, sizeof ret->token);
    g_strlcpy(ret->session, json_string_value(json_object_get(result, "session")),
              sizeof ret->session);
}

static void log_in(end *e, ticket *ret)
{
    g_autoptr(json_t) reply = NULL;

    end_open(e);
    reply = ask(e, "session.open", OPEN);
    read_ticket(reply, ret);
}

/* last_seq negative: left out. */
static json_t *resume(end *e, const ticket *t, int last_seq)
{
    g_autofree char *last =
        last_seq < 0 ? g_strdup("") : g_strdup_printf(",\"last_seq\":%d", last_seq);
    g_autofree char *params =
        g_strdup_printf("{\"session\":\"%s\",\"token\":\"%s\"%s}", t->session, t->token, last);

    return ask(e, "session.resume", params);
}

static void notify(const char *name)
{
    fake_call_notify("call.info", json_pack("{ss}", "call", name));
}

static void expect_seq(end *e, int seq, const char *name)
{
    g_autoptr(json_t) message = g_queue_pop_head(&e->sent);
    const json_t *params = json_object_get(message, "params");

    g_assert_nonnull(message);
    g_assert_cmpint(json_integer_value(json_object_get(params, "seq")), ==, seq);
    g_assert_cmpstr(json_string_value(json_object_get(params, "call")), ==, name);
}

static json_int_t number(const json_t *reply, const char *name)
{
    const json_t *value = json_object_get(json_object_get(reply, "result"), name);

    return value ? json_integer_value(value) : -1;
}

/* ── The ring ───────────────────────────────────────────────────────────────────────────────────
 */

static void test_ring(void)
{
    cw_ring ring;
    const GList *at;

    cw_ring_init(&ring);
    g_assert_true(cw_ring_reaches(&ring, 0));
    for (int i = 1; i <= 10; i++)
        cw_ring_push(&ring, i, "message", 7);
    g_assert_true(cw_ring_reaches(&ring, 0));
    cw_ring_ack(&ring, 3);
    g_assert_false(cw_ring_reaches(&ring, 2)); /* it has 3 */
    g_assert_true(cw_ring_reaches(&ring, 3));
    cw_ring_bound(&ring, 5, 100000);
    g_assert_cmpuint(ring.entries.length, ==, 5);
    g_assert_false(cw_ring_reaches(&ring, 4));
    g_assert_true(cw_ring_reaches(&ring, 5));
    at = cw_ring_after(&ring, 7);
    g_assert_cmpint(((const cw_ring_entry *)at->data)->seq, ==, 8);
    g_assert_cmpstr(((const cw_ring_entry *)at->data)->text, ==, "message");
    g_assert_null(cw_ring_after(&ring, 10));
    cw_ring_bound(&ring, 5, 1); /* the newest stays */
    g_assert_cmpuint(ring.entries.length, ==, 1);
    g_assert_true(cw_ring_reaches(&ring, 9));
    cw_ring_ack(&ring, 10);
    g_assert_cmpuint(ring.bytes, ==, 0);
    g_assert_false(cw_ring_reaches(&ring, 9));
    cw_ring_clear(&ring);
}

/* ── Resuming ───────────────────────────────────────────────────────────────────────────────────
 */

static void test_whole(void)
{
    g_autoptr(json_t) reply = NULL;
    cw_fault fault = { 0 };
    ticket t;
    end e;

    start(NULL);
    log_in(&e, &t);
    notify("a");
    notify("b");
    expect_seq(&e, 1, "a");
    end_cut(&e);
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions_away), ==, 1);
    g_assert_cmpstr(fake_call_last, ==, "away");
    notify("c");
    end_open(&e);
    reply = resume(&e, &t, 1);
    g_assert_cmpint(cw_proto_check(cw_proto_requests[CW_REQ_session_resume].result,
                                   json_object_get(reply, "result"), "", &fault),
                    ==, CW_OK);
    g_assert_cmpint(number(reply, "from"), ==, 1);
    g_assert_cmpint(number(reply, "seq"), ==, 1);
    g_assert_null(json_object_get(json_object_get(reply, "result"), "reset"));
    expect_seq(&e, 2, "b");
    expect_seq(&e, 3, "c");
    notify("d");
    expect_seq(&e, 4, "d");
    g_assert_cmpstr(fake_call_last, ==, "back");
    end_cut(&e);
    stop();
}

/* Each is the state, not what was missed. */
static void test_reset(void)
{
    static const struct {
        const char *web;
        int ack, last_seq;
    } cases[] = {
        { "", 0, -1 },                    /* it knows nothing */
        { "", 0, 9 },                     /* it knows what was never said */
        { "", 3, 2 },                     /* it had said that it has more */
        { "resume_messages = 4;", 0, 1 }, /* too many were missed */
        { "resume_bytes = 1024;", 0, 0 }, /* they were too long */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *ack = g_strdup_printf("{\"ack\":%d}", cases[i].ack);
        g_autoptr(json_t) reply = NULL;
        ticket t;
        end e;

        start(cases[i].web);
        log_in(&e, &t);
        for (int k = 0; k < 8; k++)
            notify(k % 2 ? "a"
                         : "a-name-that-is-very-long-so-that-few-of-them-fit-in-one-kilobyte");
        g_queue_clear_full(&e.sent, drop);
        json_decref(ask(&e, "ping", ack));
        end_cut(&e);
        end_open(&e);
        reply = resume(&e, &t, cases[i].last_seq);
        g_assert_true(json_is_true(json_object_get(json_object_get(reply, "result"), "reset")));
        g_assert_nonnull(json_object_get(json_object_get(reply, "result"), "state"));
        g_assert_cmpint(number(reply, "seq"), ==, 8);
        g_assert_cmpint(number(reply, "from"), ==, -1);
        g_assert_cmpuint(e.sent.length, ==, 0);
        notify("b");
        expect_seq(&e, 9, "b");
        end_cut(&e);
        stop();
    }
}

static void test_token(void)
{
    ticket first, second, third;
    g_autoptr(json_t) a = NULL, b = NULL, c = NULL, d = NULL, again = NULL;
    end e;

    start(NULL);
    log_in(&e, &first);
    end_cut(&e);
    end_open(&e);
    a = resume(&e, &first, 0);
    read_ticket(a, &second);
    g_assert_cmpstr(first.token, !=, second.token);
    end_cut(&e); /* and its client never heard that */
    end_open(&e);
    b = resume(&e, &first, 0);
    read_ticket(b, &third);
    json_decref(ask(&e, "ping", "{}")); /* it heard this */
    end_cut(&e);
    end_open(&e);
    c = resume(&e, &first, 0);
    g_assert_cmpstr(kind_of(c), ==, "session-gone");
    g_assert_cmpint(e.code, ==, 0);
    again = ask(&e, "session.open", OPEN); /* that is welcome */
    g_assert_nonnull(json_object_get(again, "result"));
    end_cut(&e);
    end_open(&e);
    json_decref(resume(&e, &second, 0)); /* overtaken by the third */
    d = resume(&e, &first, 0);
    g_assert_cmpstr(kind_of(d), ==, "session-gone");
    g_assert_cmpint(e.code, ==, 4401); /* twice is enough */
    end_cut(&e);
    end_open(&e);
    json_decref(resume(&e, &third, 0));
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions_away), ==, 1); /* that of `again` */
    end_cut(&e);
    stop();
}

static void test_take_over(void)
{
    g_autoptr(json_t) reply = NULL;
    ticket t;
    end old, new;

    start(NULL);
    log_in(&old, &t);
    end_open(&new);
    reply = resume(&new, &t, 0);
    g_assert_cmpint(old.code, ==, 4409);
    notify("a");
    expect_seq(&new, 1, "a");
    end_cut(&old); /* does it no harm */
    notify("b");
    expect_seq(&new, 2, "b");
    end_cut(&new);
    stop();
}

/* ── Waiting ────────────────────────────────────────────────────────────────────────────────────
 */

static void wait_for(const char *last)
{
    uint64_t until = cw_now_ms() + 3000;

    cw_assert_on_loop();
    while (strcmp(fake_call_last, last) && cw_now_ms() < until)
        cw_loop_step(loop, 10);
    g_assert_cmpstr(fake_call_last, ==, last);
}

static void test_expiry(void)
{
    g_autoptr(json_t) reply = NULL;
    ticket t;
    end e;

    start("resume_ms = 50; resume_call_ms = 200;");
    log_in(&e, &t);
    fake_call_notify("call.incoming", json_pack("{ss}", "call", "c"));
    end_cut(&e);
    {
        uint64_t from = cw_now_ms();

        wait_for("lost network");
        g_assert_cmpuint(cw_now_ms() - from, >=, 190); /* it had a call */
    }
    g_assert_cmpuint(fake_call_clients, ==, 0);
    end_open(&e);
    reply = resume(&e, &t, 0);
    g_assert_cmpstr(kind_of(reply), ==, "session-gone");
    end_cut(&e);
    stop();
}

/* These end with their link. */
static void test_not_resumable(void)
{
    static const struct {
        const char *web, *params;
    } cases[] = {
        { "resume_ms = 0;", OPEN },
        { "", "{\"guest\":\"anna\",\"resume\":false}" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(json_t) reply = NULL;
        const json_t *told;
        end e;

        start(cases[i].web);
        end_open(&e);
        reply = ask(&e, "session.open", cases[i].params);
        told = json_object_get(json_object_get(reply, "result"), "resume");
        g_assert_null(json_object_get(told, "token"));
        g_assert_cmpint(json_integer_value(json_object_get(told, "ttl_ms")), ==, 0);
        notify("a");
        expect_seq(&e, 1, "a");
        end_cut(&e);
        g_assert_cmpuint(fake_call_clients, ==, 0);
        stop();
    }
}

static void test_left(void)
{
    ticket t;
    end e;

    start(NULL);
    log_in(&e, &t);
    cw_assert_on_loop();
    cw_link_leave(e.link); /* as a WebSocket closed with 1000 */
    g_assert_cmpuint(fake_call_clients, ==, 0);
    end_cut(&e);
    stop();
}

/* Of too many that wait, the oldest without a call goes; of a user's, one for a new device. */
static void test_bounds(void)
{
    ticket t[4];
    end e;

    start("away_max = 2;");
    for (unsigned i = 0; i < 3; i++) {
        log_in(&e, &t[i]);
        if (i == 0)
            fake_call_notify("call.incoming", json_pack("{ss}", "call", "c"));
        end_cut(&e);
    }
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions_away), ==, 2);
    end_open(&e);
    {
        g_autoptr(json_t) gone = resume(&e, &t[1], 0), there = resume(&e, &t[0], -1);

        g_assert_cmpstr(kind_of(gone), ==, "session-gone");
        g_assert_nonnull(json_object_get(there, "result"));
    }
    end_cut(&e);
    end_open(&e);
    fake_call_answer = CW_E_OVERLOAD; /* the first time it is asked */
    json_decref(ask(&e, "session.open", OPEN));
    g_assert_cmpint(e.link->state, ==, CW_LINK_OPEN);
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions_away), ==, 1);
    end_cut(&e);
    stop();
}

static void test_silence(void)
{
    uint64_t until = cw_now_ms() + 4000;
    ticket t;
    end e;

    start("ping_interval_ms = 1000; ping_timeout_ms = 1000;");
    cw_assert_on_loop();
    log_in(&e, &t);
    while (!e.pings && cw_now_ms() < until)
        cw_loop_step(loop, 10);
    g_assert_cmpuint(e.pings, ==, 1);
    cw_link_heard(e.link); /* the pong */
    while (!e.code && cw_now_ms() < until)
        cw_loop_step(loop, 10);
    g_assert_cmpint(e.code, ==, 4408);
    g_assert_cmpuint(e.pings, ==, 2);
    g_assert_cmpuint(e.sent.length, ==, 0); /* no session.closing */
    g_assert_cmpint(cw_stat_get(CW_STAT_sessions_away), ==, 1);
    end_cut(&e);
    stop();
}

/* ── Messages ───────────────────────────────────────────────────────────────────────────────────
 */

static unsigned delivered;

static unsigned on_deliver(void *arg, const char *to, const cw_im_message *message, int64_t ts_ms)
{
    g_assert_cmpstr(message->from, ==, "anna");
    g_assert_cmpint(ts_ms, >, 0);
    delivered++;
    return !strcmp(to, arg);
}

static const cw_im_ops im_ops = { .deliver = on_deliver };

static void test_messages(void)
{
    static char sip_user[] = "nobody";
    static const struct {
        const char *method, *params, *kind, *status;
    } cases[] = {
        { "im.send", "{\"to\":\"user:bob\",\"id\":\"1\",\"body\":\"hi\"}", NULL, "delivered" },
        { "im.send", "{\"to\":\"user:away\",\"body\":\"hi\"}", NULL, "queued" },
        { "im.send", "{\"to\":\"user:nobody\",\"body\":\"hi\"}", NULL,
          "delivered" }, /* by the door */
        { "im.send", "{\"to\":\"user:forbidden\",\"body\":\"hi\"}", "forbidden", NULL },
        { "im.send", "{\"to\":\"bob\",\"body\":\"hi\"}", "bad-params", NULL },
        { "im.send", "{\"to\":\"user:bob\",\"type\":\"text/html\",\"body\":\"hi\"}", "bad-params",
          NULL },
        { "data.send", "{\"to\":\"user:bob\",\"id\":\"1\",\"body\":{\"a\":[null]}}", NULL,
          "delivered" },
        { "data.send", "{\"to\":\"call:c\",\"body\":null}", NULL, "delivered" },
    };
    ticket t;
    end e;

    start(NULL);
    cw_assert_on_loop();
    cw_im_also(env.im, &im_ops, sip_user);
    log_in(&e, &t);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(json_t) reply = ask(&e, cases[i].method, cases[i].params);
        const json_t *result = json_object_get(reply, "result");

        g_assert_cmpstr(kind_of(reply), ==, cases[i].kind);
        g_assert_cmpstr(json_string_value(json_object_get(result, "status")), ==, cases[i].status);
    }
    g_assert_cmpuint(delivered, ==, 4);
    end_cut(&e);
    stop();
}

static void test_once(void)
{
    static const char one[] = "{\"to\":\"user:bob\",\"id\":\"m1\",\"body\":\"hi\"}";
    int64_t before = cw_stat_get(CW_STAT_messages_repeated);
    g_autoptr(json_t) first = NULL, second = NULL, third = NULL, other = NULL;
    ticket t;
    end e;

    start(NULL);
    log_in(&e, &t);
    fake_call_answer = CW_E_INTERNAL; /* nobody took it: it was never sent */
    first = ask(&e, "im.send", one);
    g_assert_cmpstr(kind_of(first), ==, "unavailable");
    second = ask(&e, "im.send", one);
    g_strlcpy(fake_call_last, "none", sizeof fake_call_last);
    third = ask(&e, "im.send", one);
    g_assert_true(json_equal(json_object_get(second, "result"), json_object_get(third, "result")));
    g_assert_cmpstr(fake_call_last, ==, "none");
    g_assert_cmpint(cw_stat_get(CW_STAT_messages_repeated) - before, ==, 1);
    other = ask(&e, "data.send", "{\"to\":\"user:bob\",\"id\":\"m1\",\"body\":1}");
    g_assert_cmpstr(fake_call_last, !=, "none"); /* another kind */
    end_cut(&e);
    stop();
}

static void test_message_rate(void)
{
    g_autoptr(json_t) reply = NULL;
    ticket t;
    end e;

    start("messages_per_s = 1; message_burst = 2;");
    log_in(&e, &t);
    for (unsigned i = 0; i < 3; i++) {
        json_decref(reply);
        reply = ask(&e, "im.send", "{\"to\":\"user:bob\",\"body\":\"hi\"}");
    }
    g_assert_cmpstr(kind_of(reply), ==, "rate");
    g_assert_cmpint(
        json_integer_value(json_object_get(json_object_get(json_object_get(reply, "error"), "data"),
                                           "retry_after_ms")),
        >, 0);
    json_decref(ask(&e, "ping", "{}")); /* the rest goes on */
    end_cut(&e);
    stop();
}

int main(int argc, char **argv)
{
    int status;

    cw_role_take(&cw_role_loop);
    cw_assert_on_loop();
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    g_test_add_func("/resume/ring", test_ring);
    g_test_add_func("/resume/whole", test_whole);
    g_test_add_func("/resume/reset", test_reset);
    g_test_add_func("/resume/token", test_token);
    g_test_add_func("/resume/take-over", test_take_over);
    g_test_add_func("/resume/expiry", test_expiry);
    g_test_add_func("/resume/not-resumable", test_not_resumable);
    g_test_add_func("/resume/left", test_left);
    g_test_add_func("/resume/bounds", test_bounds);
    g_test_add_func("/resume/silence", test_silence);
    g_test_add_func("/messages/cases", test_messages);
    g_test_add_func("/messages/once", test_once);
    g_test_add_func("/messages/rate", test_message_rate);
    status = g_test_run();
    cw_loop_free(loop);
    return status;
}
