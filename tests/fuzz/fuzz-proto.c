/* What a client may send, one message a line: envelope, check, dispatch to calls that are none. */
#include "api/session.h"
#include "base/log.h"
#include "tests/unit/fake-call.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cw_session_env env;
static bool closed;

static void on_send(void *arg, char *text, size_t len)
{
    g_assert_false(closed);
    g_assert_true(g_utf8_validate(text, (gssize)len, NULL));
    free(text);
}

static void on_close(void *arg, cw_close code, const char *reason)
{
    g_assert_false(closed);
    closed = true;
}

static const cw_session_ops ops = { on_send, on_close };

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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char open[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"session.open\","
                               "\"params\":{\"guest\":\"fuzz\"}}";
    cw_session *session;

    if (!env.loop)
        set_up();
    cw_assert_on_loop();
    closed = false;
    session = cw_session_new(&env, "[2001:db8::1]:1", &ops, NULL);
    if (size > 0 && data[0] != '-') /* a first "-": not logged in */
        cw_session_receive(session, open, strlen(open));
    for (const uint8_t *end = data + size; data < end;) {
        const uint8_t *line = memchr(data, '\n', (size_t)(end - data));
        size_t len = (size_t)((line ? line : end) - data);
        g_autofree char *exact = g_memdup2(data, len);

        cw_session_receive(session, exact ? exact : "", len);
        data += len + (line != NULL);
    }
    cw_session_free(session);
    g_assert_cmpuint(fake_call_clients, ==, 0);
    cw_loop_step(env.loop, 0); /* libuv frees its handles in the next round */
    return 0;
}
