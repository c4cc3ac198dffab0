/* Streams kept once for all who have them alike. */
#include "media/shared.h"

#include <glib.h>

static cw_stream *stream_of(unsigned n, const char *name)
{
    cw_stream *stream = g_new0(cw_stream, 1);

    stream->format_n = n;
    for (unsigned i = 0; i < n; i++) {
        g_strlcpy(stream->format[i].name, name, sizeof stream->format[i].name);
        stream->format[i].pt = (uint8_t)(96 + i);
    }
    return stream;
}

static void test_alike(void)
{
    g_autofree cw_stream *opus = stream_of(2, "opus"), *again = stream_of(2, "opus");
    g_autofree cw_stream *longer = stream_of(3, "opus"), *other = stream_of(2, "PCMA");
    cw_shared *shared = cw_shared_new();
    const cw_stream *a, *b, *c, *d;
    g_autofree cw_stream *exact = NULL;

    cw_assert_on_loop();
    a = cw_shared_get(shared, opus);
    exact = g_memdup2(again, offsetof(cw_stream, format[2])); /* as it is kept */
    b = cw_shared_get(shared, exact);
    c = cw_shared_get(shared, longer);
    d = cw_shared_get(shared, other);
    g_assert_true(a == b && a != opus);
    g_assert_true(c != a && d != a && d != c);
    g_assert_cmpuint(cw_shared_n(shared), ==, 3);
    opus->format[1].pt = 8; /* the kept one is a copy */
    g_assert_cmpuint(a->format[1].pt, ==, 97);
    g_assert_cmpuint(c->format_n, ==, 3);
    cw_shared_put(a);
    cw_shared_put(b);
    cw_shared_put(c);
    cw_shared_put(d);
    cw_shared_put(NULL);
    cw_shared_free(shared);
}

/* Who makes up formats for each call holds no more than the calls that are. */
static void test_many(void)
{
    cw_shared *shared = cw_shared_new();
    const cw_stream *first = NULL, *kept;
    unsigned most = 0;

    cw_assert_on_loop();
    for (unsigned i = 0; i < 20000; i++) {
        g_autofree cw_stream *stream = stream_of(1, "opus");

        stream->bandwidth_kbps = i;
        kept = cw_shared_get(shared, stream);
        if (i == 0)
            first = kept;
        else
            cw_shared_put(kept);
        most = MAX(most, cw_shared_n(shared));
    }
    g_assert_cmpuint(most, <, 200);
    g_assert_cmpuint(first->bandwidth_kbps, ==, 0);
    cw_shared_put(first);
    cw_shared_free(shared);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cw_role_take(&cw_role_loop);
    g_test_add_func("/shared/alike", test_alike);
    g_test_add_func("/shared/many", test_many);
    return g_test_run();
}
