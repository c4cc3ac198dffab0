/* What a client may send, one message a line: envelope, check, dispatch to calls that are none. */
#include "api/link.h"
#include "base/log.h"
#include "tests/unit/fake-call.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cw_session_env env;
static bool closed;

static void on_notify(void *arg, int64_t seq, const char *text, size_t len)
{
    g_assert_false(closed);
    g_assert_true(g_utf8_validate(text, (gssize)len, NULL));
}

static void on_reply(void *arg, char *text, size_t len)
{
    on_notify(arg, 0, text, len);
    free(text);
}

static void on_close(void *arg, cw_close code, const char *reason)
{
    g_assert_false(closed);
    closed = true;
}

static const cw_link_ops ops = { "fuzz", on_reply, on_notify, on_close, NULL };

static void set_up(void)
{
    static const char text[] = "auth: { guests = true; };\n"
                               "web: { rate_per_s = 100000; rate_burst = 100000; };\n";
    g_autofree char *why = NULL;
    cw_conf *conf;
    cw_tokens *tokens;

    g_assert_cmpint(cw_log_set_level(NULL, "error"), ==, CW_OK);
    g_assert_cmpint(cw_loop_new(&env.loop), ==, CW_OK);
    g_assert_cmpint(cw_conf_load("fuzz", text, &conf, &why), ==, CW_OK);
    g_assert_cmpint(cw_tokens_new(conf, &tokens, &why), ==, CW_OK);
    env.conf = conf;
    env.tokens = tokens;
    cw_assert_on_loop();
    env.im = cw_im_new(conf, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char open[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"session.open\","
                               "\"params\":{\"guest\":\"fuzz\"}}";
    cw_link *link;

    if (!env.loop)
        set_up();
    cw_assert_on_loop();
    closed = false;
    env.sessions = cw_sessions_new();
    link = cw_link_new(&env, "[2001:db8::1]:1", &ops, NULL);
    if (size > 0 && data[0] != '-') /* a first "-": not logged in */
        cw_link_receive(link, open, strlen(open));
    for (const uint8_t *end = data + size; data < end;) {
        const uint8_t *line = memchr(data, '\n', (size_t)(end - data));
        size_t len = (size_t)((line ? line : end) - data);
        g_autofree char *exact = g_memdup2(data, len);

        cw_link_receive(link, exact ? exact : "", len);
        data += len + (line != NULL);
    }
    cw_link_free(link);
    cw_sessions_free(env.sessions);
    g_assert_cmpuint(fake_call_clients, ==, 0);
    cw_loop_step(env.loop, 0); /* libuv frees its handles in the next round */
    return 0;
}
