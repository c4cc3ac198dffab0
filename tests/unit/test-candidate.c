/* Lines of candidates: what browsers write, and what nobody should. */
#include "webrtc/candidate.h"

#include <glib.h>
#include <string.h>

/* An exact-size copy: one byte too far is seen. */
static cw_err parse(const char *text, cw_candidate *ret, char **ufrag)
{
    size_t len = strlen(text), ufrag_len;
    g_autofree char *copy = g_memdup2(text, MAX(len, 1));
    const char *at;
    cw_err err = cw_candidate_parse(copy, len, ret, &at, &ufrag_len);

    *ufrag = err ? NULL : g_strndup(at, ufrag_len);
    return err;
}

static const struct {
    const char *name, *text, *addr, *base, *ufrag;
    cw_candidate_type type;
    cw_candidate_way way;
    unsigned component;
    uint32_t priority;
} good[] = {
    { "chromium-srflx",
      "candidate:842163049 1 udp 1677729535 192.0.2.1 54400 typ srflx raddr 10.0.0.1 rport 50000 "
      "generation 0 ufrag EsAw network-id 1 network-cost 999",
      "192.0.2.1:54400", "10.0.0.1:50000", "EsAw", CW_CANDIDATE_SRFLX, CW_WAY_UDP, 1, 1677729535 },
    { "firefox-host", "candidate:0 1 UDP 2122252543 2001:db8::1 54400 typ host",
      "[2001:db8::1]:54400", NULL, "", CW_CANDIDATE_HOST, CW_WAY_UDP, 1, 2122252543 },
    { "mdns", "candidate:0 1 UDP 2122252543 0b7e2f6e-12_3.local 54400 typ host", NULL, NULL, "",
      CW_CANDIDATE_HOST, CW_WAY_UDP, 1, 2122252543 },
    { "tcp-active", "a=candidate:2 1 TCP 2105524479 192.0.2.1 9 typ host tcptype active",
      "192.0.2.1:9", NULL, "", CW_CANDIDATE_HOST, CW_WAY_TCP_ACTIVE, 1, 2105524479 },
    { "tcp-passive", "candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype PASSIVE", "192.0.2.1:9",
      NULL, "", CW_CANDIDATE_HOST, CW_WAY_TCP_PASSIVE, 1, 1 },
    { "tcp-untold", "candidate:2 1 tcp 1 192.0.2.1 9 typ host", "192.0.2.1:9", NULL, "",
      CW_CANDIDATE_HOST, CW_WAY_OTHER, 1, 1 },
    { "relay", "candidate:4 256 udp 4294967295 198.51.100.7 0 typ relay raddr :: rport 0",
      "198.51.100.7:0", "[::]:0", "", CW_CANDIDATE_RELAY, CW_WAY_UDP, 256, 4294967295 },
    { "unknown-transport", "candidate:4 1 dccp 0 192.0.2.1 1 typ host", "192.0.2.1:1", NULL, "",
      CW_CANDIDATE_HOST, CW_WAY_OTHER, 1, 0 },
    { "unknown-type", "candidate:4 1 udp 0 192.0.2.1 1 typ teleported", "192.0.2.1:1", NULL, "",
      CW_CANDIDATE_OTHER, CW_WAY_UDP, 1, 0 },
    { "odd-extension", "candidate:4 1 udp 0 192.0.2.1 1 typ host ufrag", "192.0.2.1:1", NULL, "",
      CW_CANDIDATE_HOST, CW_WAY_UDP, 1, 0 },
    { "blanks", "candidate:4  1 udp 0   192.0.2.1 1 typ host ", "192.0.2.1:1", NULL, "",
      CW_CANDIDATE_HOST, CW_WAY_UDP, 1, 0 },
};

static void assert_addr(const cw_addr *got, const char *want)
{
    char text[CW_ADDR_STR];

    if (want)
        g_assert_cmpstr(cw_addr_print(got, text), ==, want);
    else
        g_assert_cmpint(cw_addr_family(got), ==, AF_UNSPEC);
}

static void test_good(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *ufrag = NULL;
    cw_candidate got;

    g_assert_cmpint(parse(good[i].text, &got, &ufrag), ==, CW_OK);
    assert_addr(&got.addr, good[i].addr);
    assert_addr(&got.base, good[i].base);
    g_assert_cmpstr(ufrag, ==, good[i].ufrag);
    g_assert_cmpint(got.type, ==, good[i].type);
    g_assert_cmpint(got.way, ==, good[i].way);
    g_assert_cmpuint(got.component, ==, good[i].component);
    g_assert_cmpuint(got.priority, ==, good[i].priority);
}

static void test_bad(void)
{
    static const char *const bad[] = {
        "",
        "a=",
        "candidate:",
        "candidate: 1 udp 1 192.0.2.1 1 typ host",
        "candidates:1 1 udp 1 192.0.2.1 1 typ host",
        "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host",
        "candidate:1 0 udp 1 192.0.2.1 1 typ host",
        "candidate:1 257 udp 1 192.0.2.1 1 typ host",
        "candidate:1 -1 udp 1 192.0.2.1 1 typ host",
        "candidate:1 1 udp 4294967296 192.0.2.1 1 typ host",
        "candidate:1 1 udp 99999999999999999999 192.0.2.1 1 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 1 a,b 1 typ host",
        "candidate:1 1 udp 1 192.0.2.1 1 tpy host",
        "candidate:1 1 udp 1 192.0.2.1 1 typ",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host raddr a,b rport 1",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host raddr 192.0.2.1 rport x",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=x",
        "candidate:1 1 udp 1 192.0.2.1\t1 typ host",
    };
    g_autofree char *words = g_strnfill(CW_CANDIDATE_TEXT, 'a'), *ufrag = NULL;
    g_autofree char *long_line = g_strnfill(CW_CANDIDATE_TEXT + 1, ' ');
    cw_candidate got = { .component = 7 };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(parse(bad[i], &got, &ufrag), ==, CW_E_SYNTAX);
    for (unsigned i = 1; i < CW_CANDIDATE_TEXT; i += 2)
        words[i] = ' ';
    memcpy(words, "candidate:1 1 udp 1 192.0.2.1 1 typ host ", 41);
    g_assert_cmpint(parse(words, &got, &ufrag), ==, CW_E_SYNTAX);
    g_assert_cmpint(parse(long_line, &got, &ufrag), ==, CW_E_TOO_LARGE);
    g_assert_cmpuint(got.component, ==, 7); /* left as it was */
}

static void test_print(void)
{
    static const char *const lines[] = {
        "candidate:1 1 udp 2130706431 192.0.2.9 7000 typ host",
        "candidate:7 1 udp 1694498815 2001:db8::9 7000 typ srflx raddr :: rport 0",
        "candidate:7 1 tcp 1015021823 192.0.2.9 7000 typ host tcptype passive",
        "candidate:8 1 udp 16777215 192.0.2.9 7000 typ relay raddr 0.0.0.0 rport 0",
    };
    char text[CW_CANDIDATE_PRINT];

    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *ufrag = NULL;
        cw_candidate got;

        g_assert_cmpint(parse(lines[i], &got, &ufrag), ==, CW_OK);
        g_assert_cmpstr(cw_candidate_print(&got, text), ==, lines[i]);
    }
    g_assert_cmpuint(cw_candidate_priority(CW_CANDIDATE_HOST, 65535), ==, 2130706431);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *path = g_strdup_printf("/candidate/%s", good[i].name);

        g_test_add_data_func(path, GINT_TO_POINTER(i), test_good);
    }
    g_test_add_func("/candidate/bad", test_bad);
    g_test_add_func("/candidate/print", test_print);
    return g_test_run();
}
