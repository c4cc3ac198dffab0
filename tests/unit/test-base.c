/* test-base.c - loop, configuration, JSON limits, ids, addresses, log. */
#include "base/addr.h"
#include "base/conf.h"
#include "base/heap.h"
#include "base/ident.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/stats.h"
#include "base/timeline.h"

#include <glib.h>
#include <sofia-sip/su_time.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ── Loop ───────────────────────────────────────────────────────────────────────────────────────
 */

typedef struct rig {
    cw_loop *loop;
    cw_timer *timer;
    cw_watch *watch;
    unsigned ran;
    uint64_t at_ms;
    char order[8];
} rig;

static void on_timer(void *arg)
{
    rig *r = arg;

    cw_assert_on_loop();
    r->ran++;
    r->at_ms = cw_now_ms();
    cw_loop_quit(r->loop);
}

/* Sofia's clock is ours: its own would have microseconds, and would follow steps of the wall clock.
 */
static void test_sofia_clock(void)
{
    cw_loop *loop;
    su_time_t first, now;

    cw_assert_on_loop();
    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    first = su_now();
    for (unsigned i = 0; i < 20; i++) {
        uint64_t start = cw_now_us();

        while (cw_now_us() < start + 150)
            ;
        now = su_now();
        g_assert_cmpuint(now.tv_usec % 1000, ==, 0);
    }
    g_assert_cmpint(su_duration(now, first), >=, 2);
    cw_loop_free(loop);
}

static void test_timer(void)
{
    rig r = { 0 };
    uint64_t start = cw_now_ms();

    g_assert_cmpint(cw_loop_new(&r.loop), ==, CW_OK);
    cw_assert_on_loop();
    r.timer = cw_timer_new(r.loop, on_timer, &r);
    cw_timer_start(r.timer, 20);
    g_assert_cmpuint(cw_loop_timers(r.loop), ==, 1);
    cw_loop_run(r.loop);
    g_assert_cmpuint(r.ran, ==, 1);
    g_assert_cmpuint(r.at_ms - start, >=, 19);
    g_assert_false(cw_timer_active(r.timer));
    g_assert_cmpuint(cw_loop_timers(r.loop), ==, 0);

    cw_timer_start(r.timer, 1);
    cw_timer_free(r.timer); /* armed: must neither run nor leak */
    r.timer = cw_timer_new(r.loop, on_timer, &r);
    cw_timer_start(r.timer, 5);
    cw_loop_run(r.loop);
    g_assert_cmpuint(r.ran, ==, 2);
    cw_timer_free(r.timer);
    cw_loop_free(r.loop);
}

static void add_letter(void *arg)
{
    rig *r = arg;

    cw_assert_on_loop();
    r->order[r->ran] = (char)('a' + r->ran);
    if (++r->ran == 3)
        cw_loop_quit(r->loop);
}

static gpointer post_three(gpointer arg)
{
    rig *r = arg;

    for (int i = 0; i < 3; i++)
        cw_loop_post(r->loop, add_letter, r);
    return NULL;
}

static void test_post(void)
{
    rig r = { 0 };
    GThread *thread;

    g_assert_cmpint(cw_loop_new(&r.loop), ==, CW_OK);
    cw_assert_on_loop();
    thread = g_thread_new("post", post_three, &r);
    cw_loop_run(r.loop);
    g_thread_join(thread);
    g_assert_cmpstr(r.order, ==, "abc");

    r.ran = 0;
    cw_loop_post(r.loop, add_letter, &r); /* never stepped: freeing the loop runs it */
    cw_loop_free(r.loop);
    g_assert_cmpuint(r.ran, ==, 1);
}

static void on_pipe(void *arg, unsigned events)
{
    rig *r = arg;

    cw_assert_on_loop();
    g_assert_cmpuint(events, ==, CW_READABLE);
    r->ran++;
    cw_watch_free(r->watch);
    cw_loop_quit(r->loop);
}

static void test_watch(void)
{
    rig r = { 0 };
    int fds[2];

    g_assert_cmpint(pipe(fds), ==, 0);
    g_assert_cmpint(cw_loop_new(&r.loop), ==, CW_OK);
    cw_assert_on_loop();
    r.watch = cw_watch_new(r.loop, fds[0], on_pipe, &r);
    cw_watch_set(r.watch, CW_READABLE);
    g_assert_cmpint((int)write(fds[1], "x", 1), ==, 1);
    cw_loop_run(r.loop);
    g_assert_cmpuint(r.ran, ==, 1);
    cw_loop_free(r.loop);
    close(fds[0]);
    close(fds[1]);
}

/* ── Configuration ──────────────────────────────────────────────────────────────────────────────
 */

static const struct {
    const char *name, *text, *why; /* why NULL: is fine */
} conf_cases[] = {
    { "empty", "", NULL },
    { "all-types",
      "log: { level = \"debug\"; };\nauth: { guests = true; };\n"
      "web: { listen = ( \"127.0.0.1:1\", \"[::1]:2\" ); message_max_bytes = 2048; };\n"
      "trunk = ( { name = \"t\"; address = \"192.0.2.1\"; } );",
      NULL },
    { "unknown-section", "\nlogg: { };",
      "x.conf:2: unknown section \"logg\"; did you mean \"log\"?" },
    { "unknown-option", "log: {\n  lvel = \"info\"; };",
      "x.conf:2: unknown option \"lvel\"; did you mean \"level\"?" },
    { "unlike-anything", "log: { qqqqqqqqqq = 1; };", "x.conf:1: unknown option \"qqqqqqqqqq\"" },
    { "wrong-type", "auth: { guests = \"yes\"; };", "x.conf:1: guests must be true or false" },
    { "too-small", "web: { rate_per_s = 0; };",
      "x.conf:1: rate_per_s must be from 1 to 100000, not 0" },
    { "group-for-records", "trunk: { };",
      "x.conf:1: trunk must be a list of records: trunk = ( { … }, … );" },
    { "record-fault", "trunk = (\n {\n nam = \"t\"; } );",
      "x.conf:3: unknown option \"nam\"; did you mean \"name\"?" },
    { "record-no-group", "trunk = ( 1 );", "x.conf:1: trunk: item 1 must be { … }" },
    { "list-of-numbers", "web: { listen = ( 1 ); };", "x.conf:1: listen: item 1 is not text" },
    { "two-faults", "log: { a9 = 1;\n b99999 = 2; };",
      "x.conf:1: unknown option \"a9\"\nx.conf:2: unknown option \"b99999\"" },
    { "syntax", "log: {\n", "x.conf:2: syntax error" },
    { "no-secret-file", "key = ( { secret = \"file:/nonexistent\"; } );",
      "x.conf:1: secret: cannot read \"/nonexistent\"" },
};

static void test_conf(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(conf_cases); i++) {
        char *why = NULL;
        cw_conf *conf = NULL;
        cw_err err = cw_conf_load("x.conf", conf_cases[i].text, &conf, &why);

        g_test_message("%s", conf_cases[i].name);
        g_assert_cmpstr(why, ==, conf_cases[i].why);
        g_assert_cmpint(err, ==, conf_cases[i].why ? CW_E_CONF : CW_OK);
        cw_conf_free(conf);
        g_free(why);
    }
}

static void test_conf_values(void)
{
    char *why = NULL;
    cw_conf *conf;

    g_assert_cmpint(cw_conf_load("x.conf", conf_cases[1].text, &conf, &why), ==, CW_OK);
    g_assert_cmpstr(conf->log.level, ==, "debug");
    g_assert_true(conf->auth.guests);
    g_assert_cmpstr(conf->web.listen[1], ==, "[::1]:2");
    g_assert_null(conf->web.listen[2]);
    g_assert_cmpint(conf->web.message_max_bytes, ==, 2048);
    g_assert_cmpint(conf->web.rate_per_s, ==, 50);
    g_assert_cmpuint(conf->trunk_n, ==, 1);
    g_assert_cmpstr(conf->trunk[0].address, ==, "192.0.2.1");
    g_assert_cmpstr(conf->trunk[0].transport, ==, "udp");
    cw_conf_free(conf);
}

/* What is printed can be read again and means the same; secrets do not show. */
static void test_conf_print(void)
{
    char *text = NULL, *again = NULL, *why = NULL;
    size_t len = 0;
    cw_conf *conf;
    FILE *out;

    g_assert_cmpint(cw_conf_load("x.conf", "key = ( { secret = \"hunter2\"; } );", &conf, &why), ==,
                    CW_OK);
    out = open_memstream(&text, &len);
    cw_conf_print(conf, out);
    fclose(out);
    cw_conf_free(conf);
    g_assert_null(strstr(text, "hunter2"));

    g_assert_cmpint(cw_conf_load("printed", text, &conf, &why), ==, CW_OK);
    out = open_memstream(&again, &len);
    cw_conf_print(conf, out);
    fclose(out);
    cw_conf_free(conf);
    g_assert_cmpstr(text, ==, again);
    free(text);
    free(again);

    out = open_memstream(&text, &len);
    cw_conf_print_sample(out);
    fclose(out);
    g_assert_cmpint(cw_conf_load("sample", text, &conf, &why), ==, CW_OK);
    cw_conf_free(conf);
    free(text);
}

/* ── JSON, ids, addresses, errors ───────────────────────────────────────────────────────────────
 */

#define DEEP8 "[[[[[[[["
#define SHUT8 "]]]]]]]]"

static const struct {
    const char *name, *text;
    cw_err want;
} json_cases[] = {
    { "object", "{\"a\":1}", CW_OK },
    { "depth-16", DEEP8 DEEP8 SHUT8 SHUT8, CW_OK },
    { "depth-17", DEEP8 DEEP8 "[" SHUT8 SHUT8 "]", CW_E_TOO_DEEP },
    { "brackets-in-text", "\"" DEEP8 DEEP8 DEEP8 "\\\"" DEEP8 "\"", CW_E_PARSE },
    { "brackets-in-value", "[\"" DEEP8 DEEP8 DEEP8 "\\\"" DEEP8 "\"]", CW_OK },
    { "duplicate", "{\"a\":1,\"a\":2}", CW_E_PARSE },
    { "nul-escape", "{\"a\":\"\\u0000\"}", CW_E_PARSE },
    { "bad-utf8", "{\"a\":\"\xff\"}", CW_E_PARSE },
    { "cut", "{\"a\":", CW_E_PARSE },
    { "trailing", "{} {}", CW_E_PARSE },
    { "empty", "", CW_E_PARSE },
};

static void test_json(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(json_cases); i++) {
        size_t len = strlen(json_cases[i].text);
        char *exact = g_memdup2(json_cases[i].text, len);
        json_t *value = NULL;
        char why[128] = "";

        g_test_message("%s", json_cases[i].name);
        g_assert_cmpint(cw_json_parse(exact ? exact : "", len, &value, why), ==,
                        json_cases[i].want);
        g_assert_true(json_cases[i].want == CW_OK || why[0]);
        json_decref(value);
        g_free(exact);
    }
}

static void test_ident(void)
{
    char buf[CW_ID_STR], text[33];

    for (int i = 0; i < 1000; i++) {
        cw_id id = cw_id_new();

        g_assert_cmpuint(cw_id_parse(cw_id_print(id, buf)), ==, id);
    }
    g_assert_cmpuint(cw_id_parse(cw_id_print(UINT64_MAX, buf)), ==, UINT64_MAX);
    g_assert_cmpuint(cw_id_parse("short"), ==, 0);
    g_assert_cmpuint(cw_id_parse("zzzzzzzzzzzzz"), ==, 0); /* more than 64 bits */
    g_assert_cmpuint(cw_id_parse("0000000000u00"), ==, 0);
    g_assert_cmpuint(strlen(cw_random_text(text, 32)), ==, 32);
}

static const struct {
    const char *text, *want; /* want NULL: CW_E_SYNTAX */
} addr_cases[] = {
    { "192.0.2.1", "192.0.2.1:99" },
    { "192.0.2.1:5060", "192.0.2.1:5060" },
    { "[2001:db8::1]:5060", "[2001:db8::1]:5060" },
    { "[2001:db8::1]", "[2001:db8::1]:99" },
    { "2001:db8::1", "[2001:db8::1]:99" },
    { "192.0.2.1:", NULL },
    { "192.0.2.1:65536", NULL },
    { "192.0.2.1:-1", NULL },
    { "192.0.2.256", NULL },
    { "[2001:db8::1", NULL },
    { "[2001:db8::1]x", NULL },
    { "example.org", NULL },
    { "", NULL },
};

static void test_addr(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(addr_cases); i++) {
        char buf[CW_ADDR_STR];
        cw_addr addr;
        cw_err err = cw_addr_parse(addr_cases[i].text, 99, &addr);

        g_test_message("%s", addr_cases[i].text);
        g_assert_cmpint(err, ==, addr_cases[i].want ? CW_OK : CW_E_SYNTAX);
        if (!err)
            g_assert_cmpstr(cw_addr_print(&addr, buf), ==, addr_cases[i].want);
    }
}

static void test_err(void)
{
    for (int i = 0; i < CW_ERR_COUNT; i++) {
        g_assert_nonnull(cw_err_kind((cw_err)i));
        g_assert_true(i == CW_OK || (cw_err_sip((cw_err)i) >= 400 && cw_err_json((cw_err)i) < 0));
    }
    g_assert_cmpint(cw_err_from_sip(486), ==, CW_E_BUSY);
    g_assert_cmpint(cw_err_from_sip(202), ==, CW_OK);
    g_assert_cmpint(cw_err_from_sip(599), ==, CW_E_SIP_FAILED);
}

static void test_timeline(void)
{
    cw_timeline *line;
    json_t *all;

    cw_role_take(&cw_role_loop);
    cw_assert_on_loop();
    line = cw_timeline_new(7);
    for (int i = 0; i < CW_TIMELINE_ROWS + 3; i++)
        cw_timeline_add(line, CW_LANE_A, CW_LANE_GATEWAY, "JSON", cw_fmt("row %d", i));
    all = cw_timeline_json(line);
    g_assert_cmpint((int)json_integer_value(json_object_get(all, "lost")), ==, 3);
    g_assert_cmpuint(json_array_size(json_object_get(all, "rows")), ==, CW_TIMELINE_ROWS);
    g_assert_cmpstr(
        json_string_value(json_object_get(json_array_get(json_object_get(all, "rows"), 0), "text")),
        ==, "row 3");
    json_decref(all);
    cw_timeline_free(line);
    cw_timeline_add(NULL, CW_LANE_A, CW_LANE_A, "ICE", "nothing");
}

/* What a call logs is one line whatever a peer put into it. */
static void test_log_injection(void)
{
    if (g_test_subprocess()) {
        cw_log(CW_LOG_INFO, CW_MOD_API, "x", "from", "a\nb event=forged \"q\" \\ \x7f", "none",
               NULL, NULL);
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*event=x from=\"a\\x0ab event=forged \\\"q\\\" \\\\ \\x7f\"\n");
}

/* A client tells errors by code or kind; only the inner ones share a code. */
static void test_err_codes(void)
{
    static const struct {
        int code;
        const char *kind;
    } all[] = {
#define CW_ERR(name, sip, code, kind, text) { code, kind },
#include "base/err.def"
#undef CW_ERR
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        for (unsigned k = 0; k < i; k++) {
            g_assert_cmpstr(all[i].kind, !=, all[k].kind);
            g_assert_true(all[i].code != all[k].code || all[i].code == -32603);
        }
}

/* Trimmed once after a fall, not again before the next burst. */
static void test_heap(void)
{
    uint64_t peak = 0, mb = UINT64_C(1) << 20;

    g_assert_false(cw_heap_fell(&peak, 20 * mb));
    g_assert_false(cw_heap_fell(&peak, 100 * mb));
    g_assert_false(cw_heap_fell(&peak, 90 * mb));
    g_assert_true(cw_heap_fell(&peak, 84 * mb));
    g_assert_false(cw_heap_fell(&peak, 70 * mb));
    g_assert_true(cw_heap_fell(&peak, 20 * mb));
    g_assert_false(cw_heap_fell(&peak, 20 * mb));
    g_assert_false(cw_heap_fell(&peak, 30 * mb));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cw_role_take(&cw_role_loop);
    g_test_add_func("/loop/timer", test_timer);
    g_test_add_func("/loop/sofia-clock", test_sofia_clock);
    g_test_add_func("/loop/post", test_post);
    g_test_add_func("/loop/watch", test_watch);
    g_test_add_func("/conf/cases", test_conf);
    g_test_add_func("/conf/values", test_conf_values);
    g_test_add_func("/conf/print", test_conf_print);
    g_test_add_func("/json", test_json);
    g_test_add_func("/ident", test_ident);
    g_test_add_func("/addr", test_addr);
    g_test_add_func("/err", test_err);
    g_test_add_func("/timeline", test_timeline);
    g_test_add_func("/heap", test_heap);
    g_test_add_func("/err/codes", test_err_codes);
    g_test_add_func("/log/injection", test_log_injection);
    return g_test_run();
}
