/* What strangers' URLs may lead to: addresses, hosts, schemes; and a fetch that is given up. */
#include "base/stats.h"
#include "fetch/fetch.h"

#include <glib.h>
#include <sched.h>
#include <string.h>

static bool is_public(const char *text)
{
    cw_addr addr;

    g_assert_cmpint(cw_addr_from_ip(text, strlen(text), 443, &addr), ==, CW_OK);
    return cw_fetch_is_public(&addr);
}

static void test_addresses(void)
{
    static const char *const good[] = { "8.8.8.8",        "1.1.1.1",         "9.255.255.255",
                                        "11.0.0.0",       "172.15.255.255",  "172.32.0.0",
                                        "100.63.255.255", "100.128.0.0",     "192.167.255.255",
                                        "198.17.255.255", "198.20.0.0",      "223.255.255.255",
                                        "2a00::1",        "2606:4700::1111", "2001:4860::8888",
                                        "::ffff:8.8.8.8" };
    static const char *const bad[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.1.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "fe80::1",
        "fc00::1",
        "fd00::1",
        "ff02::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "4000::1",
    };
    const cw_addr none = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(is_public(good[i]) || (g_test_message("%s", good[i]), false));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(is_public(bad[i]) && (g_test_message("%s", bad[i]), true));
    g_assert_false(cw_fetch_is_public(&none));
}

static void test_urls(void)
{
    static const char *const good[] = { "https://cert.example.org/a.pem",
                                        "HTTPS://CERT.example.org:8443/a?b=c",
                                        "https://x.carrier.example/" };
    static const char *const bad[] = { "",
                                       "http://cert.example.org/a.pem",
                                       "ftp://cert.example.org/a.pem",
                                       "file:///etc/passwd",
                                       "cert.example.org/a.pem",
                                       "https:///a.pem",
                                       "https://u@cert.example.org/",
                                       "https://u:p@cert.example.org/",
                                       "https://cert.example.org@evil.example/",
                                       "https://evil.example/cert.example.org",
                                       "https://xcert.example.org/",
                                       "https://carrier.example/",
                                       "https://xcarrier.example/",
                                       "https://cert.example.org/a b",
                                       "https://cert.example.org/\r\nX: y",
                                       "https://cert.example.org\\@evil.example/" };
    char *hosts[] = { "cert.example.org", "*.carrier.example", NULL };
    const cw_fetch_rules listed = { .hosts = hosts }, any = { 0 };
    g_autofree char *path = g_strnfill(2000, 'a');
    g_autofree char *too_long = g_strconcat("https://cert.example.org/", path, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(cw_fetch_url_ok(&listed, good[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(cw_fetch_url_ok(&listed, bad[i]));
    g_assert_true(cw_fetch_url_ok(&any, "https://anywhere.example/"));
    g_assert_false(cw_fetch_url_ok(&any, "https://u@anywhere.example/"));
    g_assert_false(cw_fetch_url_ok(&any, too_long));
}

typedef struct answer {
    unsigned n;
    cw_err err;
} answer;

static void on_answer(void *arg, cw_err err, const char *body, size_t len)
{
    answer *a = arg;

    a->n++;
    a->err = err;
}

/* 127.0.0.1 is refused before anything is sent, whatever listens there. */
static void test_refused(void)
{
    const cw_fetch_rules rules = { .timeout_ms = 2000, .bytes_max = 1000, .waiting_max = 2 };
    answer a = { 0 }, b = { 0 };
    cw_fetch *fetch;
    cw_loop *loop;

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    fetch = cw_fetch_new(loop, &rules);
    g_assert_cmpint(cw_fetch_get(fetch, "https://127.0.0.1:8443/", on_answer, &a), ==, CW_OK);
    g_assert_cmpint(cw_fetch_get(fetch, "https://[::1]:8443/", on_answer, &b), ==, CW_OK);
    g_assert_cmpint(cw_fetch_get(fetch, "https://127.0.0.1/", on_answer, &a), ==, CW_E_OVERLOAD);
    g_assert_cmpint(cw_fetch_get(fetch, "http://127.0.0.1/", on_answer, &a), ==, CW_E_FORBIDDEN);
    while (!a.n || !b.n)
        cw_loop_step(loop, 100);
    g_assert_cmpint(a.err, ==, CW_E_FORBIDDEN);
    g_assert_cmpint(b.err, ==, CW_E_FORBIDDEN);
    g_assert_cmpint(cw_stat_get(CW_STAT_fetches_refused), ==, 3);
    cw_fetch_free(fetch);
    cw_loop_free(loop);
}

/* Freed with some not begun, some on their way, some answered: no answer follows. */
static void test_given_up(void)
{
    const cw_fetch_rules rules = { .timeout_ms = 2000, .bytes_max = 1000, .waiting_max = 50 };
    answer a = { 0 };

    for (unsigned i = 0; i < 50; i++) {
        cw_fetch *fetch;
        cw_loop *loop;

        g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
        cw_assert_on_loop();
        fetch = cw_fetch_new(loop, &rules);
        for (unsigned k = 0; k < 5; k++)
            g_assert_cmpint(cw_fetch_get(fetch, "https://127.0.0.1:8443/", on_answer, &a), ==,
                            CW_OK);
        for (unsigned k = 0; k < i * 20; k++)
            sched_yield(); /* the thread gets a little further each time */
        cw_fetch_free(fetch);
        cw_loop_free(loop);
    }
    g_assert_cmpuint(a.n, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fetch/addresses", test_addresses);
    g_test_add_func("/fetch/urls", test_urls);
    g_test_add_func("/fetch/refused", test_refused);
    g_test_add_func("/fetch/given-up", test_given_up);
    return g_test_run();
}
