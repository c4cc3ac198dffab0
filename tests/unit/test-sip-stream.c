/* test-sip-stream.c - TCP and TLS connections: where messages end, who is there, what is cut off.
 */
#include "sip-certs.h"
#include "sip-rig.h"

#include "sip/net/frame.h"
#include "sip/net/tls.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- framing --- */

#define HEAD "OPTIONS sip:a SIP/2.0\r\n"

static const struct {
    const char *name, *bytes;
    cw_err err;
    cw_sip_frame_what what;
    size_t used; /* 0 with MESSAGE: all */
} frames[] = {
    { "empty", "", CW_OK, CW_SIP_FRAME_MORE, 0 },
    { "start", "OPT", CW_OK, CW_SIP_FRAME_MORE, 0 },
    { "no-length", HEAD "\r\n", CW_OK, CW_SIP_FRAME_MESSAGE, 0 },
    { "body", HEAD "Content-Length: 3\r\n\r\nabc", CW_OK, CW_SIP_FRAME_MESSAGE, 0 },
    { "body-short", HEAD "Content-Length: 3\r\n\r\nab", CW_OK, CW_SIP_FRAME_MORE, 0 },
    { "body-long", HEAD "l:1\r\n\r\nab", CW_OK, CW_SIP_FRAME_MESSAGE, 31 },
    { "compact", HEAD "L \t: 3\r\n\r\nabc", CW_OK, CW_SIP_FRAME_MESSAGE, 0 },
    { "folded", HEAD "content-length:\r\n\t3\r\n\r\nabc", CW_OK, CW_SIP_FRAME_MESSAGE, 0 },
    { "folded-name", HEAD "X: y\r\n Content-Length: 9\r\n\r\n", CW_OK, CW_SIP_FRAME_MESSAGE, 0 },
    { "twice-same", HEAD "l: 1\r\nContent-Length: 1\r\n\r\na", CW_OK, CW_SIP_FRAME_MESSAGE, 0 },
    { "twice", HEAD "l: 1\r\nContent-Length: 2\r\n\r\nab", CW_E_SYNTAX, 0, 0 },
    { "negative", HEAD "l: -1\r\n\r\n", CW_E_SYNTAX, 0, 0 },
    { "no-number", HEAD "l:\r\n\r\n", CW_E_SYNTAX, 0, 0 },
    { "two-numbers", HEAD "l: 1 2\r\n\r\n", CW_E_SYNTAX, 0, 0 },
    { "2-gigabytes", HEAD "l: 2147483648\r\n\r\n", CW_E_TOO_LARGE, 0, 0 },
    { "2-to-the-64", HEAD "l: 18446744073709551616\r\n\r\n", CW_E_TOO_LARGE, 0, 0 },
    { "too-long", HEAD "l: 480\r\n\r\n", CW_E_TOO_LARGE, 0, 0 },
    { "ping", "\r\n\r\n", CW_OK, CW_SIP_FRAME_PING, 4 },
    { "pong", "\r\nOPTIONS", CW_OK, CW_SIP_FRAME_BLANK, 2 },
    { "half-ping", "\r\n\r", CW_OK, CW_SIP_FRAME_MORE, 0 },
    { "cr", "\r", CW_OK, CW_SIP_FRAME_MORE, 0 },
    { "cr-x", "\rx", CW_E_SYNTAX, 0, 0 },
    { "lf", "\n", CW_E_SYNTAX, 0, 0 },
    { "blank", " INVITE", CW_E_SYNTAX, 0, 0 },
    { "tls-hello", "\x16\x03\x01\x02", CW_E_SYNTAX, 0, 0 },
};

static void test_frames(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(frames); i++) {
        size_t len = strlen(frames[i].bytes), used = 99;
        g_autofree char *copy = g_memdup2(frames[i].bytes, len ? len : 1);
        cw_sip_frame frame = { 0 };
        cw_sip_frame_what what;
        cw_err err = cw_sip_frame_next(&frame, copy, len, 500, &what, &used);

        if (err != frames[i].err)
            g_error("%s: %s, not %s", frames[i].name, cw_err_name(err), cw_err_name(frames[i].err));
        if (err)
            continue;
        if (what != frames[i].what)
            g_error("%s: %d, not %d", frames[i].name, what, frames[i].what);
        g_assert_cmpuint(used, ==,
                         what == CW_SIP_FRAME_MESSAGE && !frames[i].used ? len : frames[i].used);
    }
}

static void test_endless_header(void)
{
    g_autofree char *header = g_strnfill(501, 'a');
    cw_sip_frame frame = { 0 };
    cw_sip_frame_what what;
    size_t used;

    g_assert_cmpint(cw_sip_frame_next(&frame, header, 500, 500, &what, &used), ==, CW_OK);
    g_assert_cmpint(cw_sip_frame_next(&frame, header, 501, 500, &what, &used), ==, CW_E_TOO_LARGE);
}

static void test_names(void)
{
    const char *const names[] = { "sip.example.com", "*.example.net", NULL };

    g_assert_true(cw_tls_name_fits(names, "SIP.example.com", false));
    g_assert_false(cw_tls_name_fits(names, "example.com", false));
    g_assert_false(cw_tls_name_fits(names, "a.example.net", false)); /* RFC 5922 7.2 */
    g_assert_true(cw_tls_name_fits(names, "a.example.net", true));
    g_assert_false(cw_tls_name_fits(names, "a.b.example.net", true));
    g_assert_false(cw_tls_name_fits(NULL, "a", true));
}

/* --- a peer made of a socket --- */

static int dial(rig *r, const char *transport)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    g_autofree char *text = NULL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cw_assert_on_loop();
    text = side_address(&r->b, transport);
    addr.sin_port = htons((uint16_t)atoi(strchr(text, ':') + 1));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof addr), ==, 0);
    return fd;
}

/* What comes within a while, as long as `enough` is not in it. Ends with "<closed>". */
static char *hear(rig *r, int fd, const char *enough, unsigned ms)
{
    GString *text = g_string_new(NULL);
    uint64_t until = cw_now_ms() + ms;
    char buf[4096];

    cw_assert_on_loop();
    while (cw_now_ms() < until && !strstr(text->str, enough)) {
        ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);

        if (n > 0)
            g_string_append_len(text, buf, n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            g_string_append(text, "<closed>");
        else
            cw_loop_step(r->loop, 5);
    }
    return g_string_free(text, FALSE);
}

static char *options(unsigned n, const char *body)
{
    return g_strdup_printf("OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK%u"
                           ";rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b>\r\nCall-ID: %u\r\n"
                           "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: %zu\r\n\r\n%s",
                           n, n, strlen(body), body);
}

#define QUICK                                                                                      \
    "tcp_silent_timeout_ms = 300; tcp_message_timeout_ms = 300; message_max_bytes = 8192;"         \
    "connections_per_address = 4"

static void test_two_in_one(void)
{
    g_autofree char *one = options(1, ""), *two = options(2, "");
    g_autofree char *both = g_strconcat(one, "\r\n\r\n", two, NULL), *heard = NULL;
    rig r;
    int fd;

    rig_start(&r, "127.0.0.1", NULL, QUICK);
    cw_assert_on_loop();
    fd = dial(&r, "tcp");
    g_assert_cmpint(send(fd, both, strlen(both), 0), ==, (int)strlen(both));
    heard = hear(&r, fd, "Call-ID: 2", 3000);
    g_assert_nonnull(strstr(heard, "Call-ID: 1"));
    g_assert_nonnull(strstr(heard, "received=") ? NULL : heard); /* it is where it says */
    g_assert_true(g_str_has_prefix(heard, "\r\nSIP/2.0 200") || strstr(heard, "\r\n\r\n\r\nSIP"));
    close(fd);
    WAIT(&r, cw_stat_get(CW_STAT_sip_connections) == 0);
    rig_stop(&r);
}

static void test_byte_by_byte(void)
{
    g_autofree char *one = options(3, ""), *heard = NULL;
    rig r;
    int fd;

    rig_start(&r, "127.0.0.1", NULL, "tcp_silent_timeout_ms = 9000");
    cw_assert_on_loop();
    fd = dial(&r, "tcp");
    for (const char *at = one; *at; at++) {
        send(fd, at, 1, 0);
        cw_loop_step(r.loop, 0);
    }
    heard = hear(&r, fd, "Call-ID: 3", 3000);
    g_assert_nonnull(strstr(heard, "SIP/2.0 200"));
    close(fd);
    rig_stop(&r);
}

/* What a stream begins with, and what comes back before it is closed. */
static const struct {
    const char *name, *bytes;
    unsigned copies;
} abuses[] = {
    { "silent", "", 1 },
    { "pings-only", "\r\n\r\n", 3 },
    { "partial", "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/TCP", 1 },
    { "body-never-comes", HEAD "Content-Length: 100\r\n\r\nabc", 1 },
    { "2-gigabytes", HEAD "Content-Length: 2147483647\r\n\r\nabc", 1 },
    { "endless-header", "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
      500 },
    { "endless-line", "Xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 500 },
    { "tls-hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 1 },
    { "http", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 1 },
};

static void test_abuse(const void *arg)
{
    unsigned i = GPOINTER_TO_UINT(arg);
    g_autofree char *heard = NULL;
    rig r;
    int fd;

    rig_start(&r, "127.0.0.1", NULL, QUICK);
    cw_assert_on_loop();
    fd = dial(&r, "tcp");
    for (unsigned n = 0; n < abuses[i].copies; n++)
        send(fd, abuses[i].bytes, strlen(abuses[i].bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
    heard = hear(&r, fd, "<closed>", 2000);
    g_assert_nonnull(strstr(heard, "<closed>"));
    if (strcmp(abuses[i].name, "pings-only") == 0)
        g_assert_true(g_str_has_prefix(heard, "\r\n\r\n\r\n<"));
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_connections), ==, 0);
    close(fd);
    rig_stop(&r);
}

static void test_too_many(void)
{
    g_autofree char *heard = NULL;
    int fd[5];
    rig r;

    rig_start(&r, "127.0.0.1", NULL, QUICK);
    cw_assert_on_loop();
    for (unsigned i = 0; i < 5; i++)
        fd[i] = dial(&r, "tcp");
    heard = hear(&r, fd[4], "<closed>", 200);
    g_assert_nonnull(strstr(heard, "<closed>"));
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_connections), ==, 4);
    for (unsigned i = 0; i < 5; i++)
        close(fd[i]);
    WAIT(&r, cw_stat_get(CW_STAT_sip_connections) == 0);
    rig_stop(&r);
}

/* --- TLS between two stacks --- */

typedef struct tls_way {
    const char *name;
    const char *alternatives; /* of the callee's certificate */
    int days;
    bool other_authority;
    const char *domain; /* that the caller wants to reach */
    const char *caller; /* alternatives of the caller's certificate; NULL: none */
    const char *extra;  /* of the callee's configuration */
    const char *want;   /* in the caller's log */
    const char *names;  /* what the callee learns of the caller's certificate */
} tls_way;

static const tls_way tls_ways[] = {
    { "dns", "DNS:b.test", 30, .domain = "b.test", .want = "answered" },
    { "uri", "URI:sip:b.test, DNS:x.test", 30, .domain = "b.test", .want = "answered" },
    { "uri-beats-dns", "URI:sip:x.test, DNS:b.test", 30, .domain = "b.test", .want = "ended tls" },
    { "uri-of-a-user", "URI:sip:u@b.test", 30, .domain = "b.test", .want = "ended tls" },
    { "ip", "IP:127.0.0.1", 30, .domain = NULL, .want = "answered" },
    { "wrong-name", "DNS:x.test", 30, .domain = "b.test", .want = "ended tls" },
    { "wildcard", "DNS:*.test", 30, .domain = "b.test", .want = "ended tls" },
    { "expired", "DNS:b.test", -1, .domain = "b.test", .want = "ended tls" },
    { "other-authority", "DNS:b.test", 30, true, .domain = "b.test", .want = "ended tls" },
    { "mutual", "DNS:b.test", 30, .domain = "b.test", .caller = "DNS:a.test, DNS:A2.test",
      .extra = "tls_clients = \"require\"", .want = "answered", .names = "a.test,a2.test" },
    { "none-shown", "DNS:b.test", 30, .domain = "b.test", .extra = "tls_clients = \"require\"",
      .want = "ended tls" },
    { "none-wanted", "DNS:b.test", 30, .domain = "b.test", .caller = "DNS:a.test",
      .extra = "tls_clients = \"none\"", .want = "answered" },
};

static void tls_start(rig *r, const tls_way *way, const certs *ours, const certs *theirs)
{
    g_autofree char *certificate =
        certs_write(way->other_authority ? theirs : ours, "b", way->alternatives, way->days);
    g_autofree char *caller = way->caller ? certs_write(ours, "a", way->caller, 30) : NULL;
    g_autofree char *a = g_strdup_printf("tls_authorities = \"%s\"; %s%s%s}; "
                                         "trunk = ( { name = \"b\"; transport = \"tls\"; "
                                         "address = \"b.test\"; } ); records: { ",
                                         ours->authority, caller ? "tls_certificate = \"" : "",
                                         caller ? caller : "", caller ? "\";" : "");
    g_autofree char *b =
        g_strdup_printf("tls_authorities = \"%s\"; tls_certificate = \"%s\"; %s", ours->authority,
                        certificate, way->extra ? way->extra : "");

    g_assert_cmpint(cw_loop_new(&r->loop), ==, CW_OK);
    side_start(&r->a, r, "a", "127.0.0.1", a);
    side_start_on(&r->b, r, "b", "\"udp:127.0.0.1:0\", \"tls:127.0.0.1:0\"", b);
}

static cw_err tls_call(rig *r, const char *domain)
{
    g_autofree char *to = NULL, *ruri = NULL;

    cw_assert_on_loop();
    to = side_address(&r->b, "tls");
    ruri = g_strdup_printf("sip:bob@%s", to);
    cw_sip_target target = { .ruri = ruri,
                             .from_user = "alice",
                             .transport = CW_SIP_TLS,
                             .next_hop = to,
                             .tls.name = domain };

    return cw_sip_call_new(r->a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r->a,
                           &r->a.call);
}

static void hang_up(rig *r)
{
    cw_assert_on_loop();
    cw_sip_call_free(g_steal_pointer(&r->a.call));
    WAIT(r, !r->b.call || SAW(r->b, "ended"));
    cw_sip_call_free(g_steal_pointer(&r->b.call));
    g_string_truncate(r->a.log, 0);
    g_string_truncate(r->b.log, 0);
}

static void test_tls(const void *arg)
{
    const tls_way *way = arg;
    certs ours, theirs;
    rig r;

    certs_open(&ours);
    certs_open(&theirs);
    tls_start(&r, way, &ours, &theirs);
    cw_assert_on_loop();
    g_assert_cmpint(tls_call(&r, way->domain), ==, CW_OK);
    WAIT(&r, SAW(r.a, way->want));
    if (SAW(r.a, "answered")) {
        WAIT(&r, SAW(r.b, "confirmed"));
        g_assert_nonnull(strstr(r.b.contact, ";transport=tls"));
        g_assert_cmpstr(r.b.names, ==, way->names);
    }
    hang_up(&r);
    rig_stop(&r);
    certs_close(&ours);
    certs_close(&theirs);
}

/* Calls share a connection, also those back; a certificate changes without ending it. */
static void test_reuse_and_reload(void)
{
    static const tls_way way = { "", "DNS:b.test", 30, .domain = "b.test" };
    g_autofree char *renewed = NULL;
    char why[128] = "";
    certs ours;
    rig r;

    certs_open(&ours);
    tls_start(&r, &way, &ours, &ours);
    cw_assert_on_loop();
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmpint(tls_call(&r, "b.test"), ==, CW_OK);
        WAIT(&r, SAW(r.b, "confirmed"));
        if (i == 2) {
            renewed = certs_write(&ours, "b", "DNS:other.test", 30);
            g_assert_cmpint(cw_sip_tls_reload(r.b.sip, why), ==, CW_OK);
        }
        if (i == 3) { /* from the callee: the caller's connection carries it */
            cw_sip_call_end(r.b.call, CW_OK);
            WAIT(&r, SAW(r.a, "ended ok"));
            cw_sip_call_free(g_steal_pointer(&r.b.call));
        }
        hang_up(&r);
        g_assert_cmpint(cw_stat_get(CW_STAT_sip_connections), ==, 2);
    }
    /* Another name at the same address is another peer, and has the new certificate. */
    g_assert_cmpint(tls_call(&r, "other.test"), ==, CW_OK);
    WAIT(&r, SAW(r.b, "confirmed"));
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_connections), ==, 4);
    hang_up(&r);
    g_assert_true(g_file_set_contents(renewed, "nonsense", -1, NULL));
    g_assert_cmpint(cw_sip_tls_reload(r.b.sip, why), ==, CW_E_CONF);
    g_assert_nonnull(strstr(why, "b.pem"));
    g_assert_cmpint(tls_call(&r, "other.test"), ==, CW_OK);
    WAIT(&r, SAW(r.b, "confirmed"));
    hang_up(&r);
    rig_stop(&r);
    certs_close(&ours);
}

/* A client that says nothing, or no TLS, to a TLS port. */
static void test_no_handshake(void)
{
    static const tls_way way = { "", "DNS:b.test", 30, .extra = "tls_handshake_timeout_ms = 500" };
    g_autofree char *one = options(1, ""), *silence = NULL, *plain = NULL;
    certs ours;
    rig r;
    int fd[2];

    certs_open(&ours);
    tls_start(&r, &way, &ours, &ours);
    cw_assert_on_loop();
    fd[0] = dial(&r, "tls");
    fd[1] = dial(&r, "tls");
    send(fd[1], one, strlen(one), 0);
    plain = hear(&r, fd[1], "<closed>", 3000);
    silence = hear(&r, fd[0], "<closed>", 3000);
    g_assert_null(strstr(plain, "SIP/2.0"));
    g_assert_nonnull(strstr(plain, "<closed>"));
    g_assert_cmpstr(silence, ==, "<closed>");
    close(fd[0]);
    close(fd[1]);
    rig_stop(&r);
    certs_close(&ours);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/stream/frames", test_frames);
    g_test_add_func("/sip/stream/endless-header", test_endless_header);
    g_test_add_func("/sip/stream/names", test_names);
    g_test_add_func("/sip/stream/two-in-one", test_two_in_one);
    g_test_add_func("/sip/stream/byte-by-byte", test_byte_by_byte);
    for (unsigned i = 0; i < G_N_ELEMENTS(abuses); i++) {
        g_autofree char *path = g_strdup_printf("/sip/stream/abuse/%s", abuses[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_abuse);
    }
    g_test_add_func("/sip/stream/too-many", test_too_many);
    for (unsigned i = 0; i < G_N_ELEMENTS(tls_ways); i++) {
        g_autofree char *path = g_strdup_printf("/sip/tls/%s", tls_ways[i].name);

        g_test_add_data_func(path, &tls_ways[i], test_tls);
    }
    g_test_add_func("/sip/tls/reuse-and-reload", test_reuse_and_reload);
    g_test_add_func("/sip/tls/no-handshake", test_no_handshake);
    return g_test_run();
}
