/* DTLS against OpenSSL's own client over UDP on loopback: keys, fingerprints, losses, floods, ends.
 * The test's thread is loop and worker at once; the DTLS thread is the real one. */
#include "webrtc/dtls.h"

#include "base/ident.h"
#include "base/stats.h"
#include "dtls-client.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000

typedef struct rig rig;

/* Returns true to lose a datagram. */
typedef bool drop_fn(rig *r, bool to_client, const uint8_t *data, size_t len);

struct rig {
    cw_loop *loop;
    cw_dtls_server *server;
    cw_dtls *dtls;
    bool released;

    int gate, wire; /* the worker's socket, the browser's */
    cw_watch *gate_watch, *wire_watch;
    cw_timer *timer; /* the client's retransmissions */
    cw_addr gate_addr;

    dtls_client client;
    drop_fn *drop;
    unsigned dropped, sent;

    unsigned events;
    cw_err err;
    cw_srtp_keys keys;
    char cipher[64];
};

static const cw_dtls_conf defaults = { .timeout_ms = 5000,
                                       .linger_ms = 5000,
                                       .datagrams_max = 200,
                                       .bytes_max = 65536,
                                       .queue_max = 512 };

/* ── The browser ────────────────────────────────────────────────────────────────────────────────
 */

static void on_client_send(void *arg, const uint8_t *data, size_t len)
{
    rig *r = arg;

    if (r->drop && r->drop(r, false, data, len))
        r->dropped++;
    else
        send(r->wire, data, len, 0);
    r->sent++;
}

static void on_client_timer(void *arg)
{
    rig *r = arg;

    cw_assert_on_loop();
    dtls_client_timer(&r->client);
    cw_timer_start(r->timer, 10);
}

static void on_wire(void *arg, unsigned events)
{
    rig *r = arg;
    uint8_t buf[2048];
    ssize_t n;

    while ((n = recv(r->wire, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
        if (r->drop && r->drop(r, true, buf, (size_t)n)) {
            r->dropped++;
            continue;
        }
        dtls_client_feed(&r->client, buf, (size_t)n);
    }
}

/* ── The gateway ────────────────────────────────────────────────────────────────────────────────
 */

static void on_gate(void *arg, unsigned events)
{
    rig *r = arg;
    uint8_t buf[4096];
    cw_addr from;
    socklen_t from_len = sizeof from;
    ssize_t n;

    while ((n = recvfrom(r->gate, buf, sizeof buf, MSG_DONTWAIT, &from.sa, &from_len)) > 0) {
        uint8_t *exact = g_memdup2(buf, (size_t)n); /* must be copied before the hook returns */

        if (!r->released)
            cw_dtls_input(r->dtls, exact, (size_t)n, &from, r->gate);
        memset(exact, 0xee, (size_t)n);
        g_free(exact);
        from_len = sizeof from;
    }
}

static void on_event(void *arg, const cw_dtls_event *event)
{
    rig *r = arg;

    cw_assert_on_loop();
    g_assert_true((event->err == CW_OK) == (event->keys != NULL));
    r->events++;
    r->err = event->err;
    if (event->keys)
        r->keys = *event->keys;
    g_strlcpy(r->cipher, event->cipher ? event->cipher : "", sizeof r->cipher);
}

static int udp(cw_addr *addr)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(cw_addr_parse("127.0.0.1:0", 0, addr), ==, CW_OK);
    g_assert_cmpint(bind(fd, &addr->sa, sizeof addr->in4), ==, 0);
    g_assert_cmpint(getsockname(fd, &addr->sa, &len), ==, 0);
    return fd;
}

static void rig_init(rig *r, const cw_dtls_conf *conf)
{
    cw_addr wire_addr;

    memset(r, 0, sizeof *r);
    g_assert_cmpint(cw_loop_new(&r->loop), ==, CW_OK);
    cw_assert_on_loop();
    g_assert_cmpint(cw_dtls_server_new(r->loop, conf ? conf : &defaults, &r->server), ==, CW_OK);
    r->gate = udp(&r->gate_addr);
    r->wire = udp(&wire_addr);
    g_assert_cmpint(connect(r->wire, &r->gate_addr.sa, sizeof r->gate_addr.in4), ==, 0);
    r->gate_watch = cw_watch_new(r->loop, r->gate, on_gate, r);
    cw_watch_set(r->gate_watch, CW_READABLE);
    r->wire_watch = cw_watch_new(r->loop, r->wire, on_wire, r);
    cw_watch_set(r->wire_watch, CW_READABLE);
    r->timer = cw_timer_new(r->loop, on_client_timer, r);
    cw_timer_start(r->timer, 10);
    r->dtls = cw_dtls_new(r->server, on_event, r);
    r->client.send = on_client_send;
    r->client.arg = r;
}

static void rig_clear(rig *r)
{
    cw_assert_on_loop();
    cw_dtls_free(r->dtls);
    if (!r->released)
        cw_dtls_release(r->dtls);
    cw_dtls_server_free(r->server);
    dtls_client_clear(&r->client);
    cw_timer_free(r->timer);
    cw_watch_free(r->gate_watch);
    cw_watch_free(r->wire_watch);
    close(r->gate);
    close(r->wire);
    cw_loop_free(r->loop);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
}

#define RUN_UNTIL(r, condition)                                                                    \
    do {                                                                                           \
        uint64_t end_ms = cw_now_ms() + WAIT_MS;                                                   \
        cw_assert_on_loop();                                                                       \
        while (!(condition)) {                                                                     \
            g_assert_cmpuint(cw_now_ms(), <, end_ms);                                              \
            cw_loop_step((r)->loop, 20);                                                           \
        }                                                                                          \
    } while (0)

/* For what must not happen. */
static void run_for(rig *r, unsigned ms)
{
    uint64_t end_ms = cw_now_ms() + ms;

    cw_assert_on_loop();
    while (cw_now_ms() < end_ms)
        cw_loop_step(r->loop, 10);
}

static void expect(rig *r, const char *hash)
{
    cw_fingerprint print = dtls_client_print(r->client.cert, hash);

    cw_assert_on_loop();
    cw_dtls_expect(r->dtls, &print);
}

static const dtls_client_conf chromium = {
    .profiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM"
};

static void connect_both(rig *r, const dtls_client_conf *b)
{
    dtls_client_start(&r->client, b);
    expect(r, "sha-256");
    dtls_client_run(&r->client);
    RUN_UNTIL(r, r->events && dtls_client_done(&r->client));
    g_assert_cmpint(r->err, ==, CW_OK);
}

/* The client's exporter must give the same keys the other way round. */
static void assert_same_keys(rig *r)
{
    cw_srtp_keys theirs = dtls_client_keys(&r->client);
    size_t len = cw_srtp_key_len(theirs.suite);

    g_assert_cmpint(r->keys.suite, ==, theirs.suite);
    g_assert_cmpmem(r->keys.rx, len, theirs.tx, len);
    g_assert_cmpmem(r->keys.tx, len, theirs.rx, len);
}

/* ── Handshakes ─────────────────────────────────────────────────────────────────────────────────
 */

static const struct good {
    const char *name;
    dtls_client_conf browser;
    cw_srtp_suite suite;
    const char *cipher;
} goods[] = {
    { "gcm-first",
      { .profiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM" },
      CW_SRTP_AEAD_AES_128_GCM,
      NULL },
    { "cm-80",
      { .profiles = "SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80" },
      CW_SRTP_AES128_CM_SHA1_80,
      NULL },
    { "gcm-256", { .profiles = "SRTP_AEAD_AES_256_GCM" }, CW_SRTP_AEAD_AES_256_GCM, NULL },
    { "rsa-client",
      { .profiles = "SRTP_AEAD_AES_128_GCM", .rsa = true },
      CW_SRTP_AEAD_AES_128_GCM,
      NULL },
    { "aes-128",
      { .profiles = "SRTP_AEAD_AES_128_GCM",
        .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384" },
      CW_SRTP_AEAD_AES_128_GCM,
      "ECDHE-ECDSA-AES128-GCM-SHA256" },
    { "aes-256",
      { .profiles = "SRTP_AEAD_AES_128_GCM",
        .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384",
        .groups = "P-256" },
      CW_SRTP_AEAD_AES_128_GCM,
      "ECDHE-ECDSA-AES256-GCM-SHA384" },
    { "hello-in-fragments",
      { .profiles = "SRTP_AEAD_AES_128_GCM", .mtu = 228, .alpn = 1900 },
      CW_SRTP_AEAD_AES_128_GCM,
      NULL },
};

static void test_good(gconstpointer data)
{
    const struct good *row = data;
    rig r;

    rig_init(&r, NULL);
    connect_both(&r, &row->browser);
    g_assert_cmpuint(r.events, ==, 1);
    g_assert_cmpint(r.keys.suite, ==, row->suite);
    assert_same_keys(&r);
    if (row->cipher)
        g_assert_cmpstr(r.cipher, ==, row->cipher);
    if (row->browser.alpn)
        g_assert_cmpuint(r.sent, >=, 13);
    rig_clear(&r);
}

static void test_our_certificate(void)
{
    rig r;
    X509 *ours;
    cw_fingerprint want;
    const cw_fingerprint *said;

    rig_init(&r, NULL);
    connect_both(&r, &chromium);
    ours = SSL_get1_peer_certificate(r.client.ssl);
    want = dtls_client_print(ours, "sha-256");
    said = cw_dtls_server_fingerprint(r.server);
    g_assert_cmpstr(said->hash, ==, "sha-256");
    g_assert_cmpmem(said->value, said->len, want.value, want.len);
    g_assert_cmpint(EVP_PKEY_get_bits(X509_get0_pubkey(ours)), ==, 256);
    g_assert_cmpint(SSL_version(r.client.ssl), ==, DTLS1_2_VERSION);
    X509_free(ours);
    rig_clear(&r);
}

static void test_hashes(void)
{
    static const char *const hashes[] = { "sha-256", "SHA-384", "sha-512" };

    for (unsigned i = 0; i < G_N_ELEMENTS(hashes); i++) {
        rig r;
        cw_fingerprint print;

        rig_init(&r, NULL);
        dtls_client_start(&r.client, &chromium);
        print = dtls_client_print(r.client.cert, hashes[i]);
        cw_assert_on_loop();
        cw_dtls_expect(r.dtls, &print);
        dtls_client_run(&r.client);
        RUN_UNTIL(&r, r.events);
        g_assert_cmpint(r.err, ==, CW_OK);
        rig_clear(&r);
    }
}

/* ── Refused ────────────────────────────────────────────────────────────────────────────────────
 */

static const struct bad {
    const char *name;
    dtls_client_conf browser;
    const char *hash; /* of the fingerprint announced */
    bool flip;        /* one bit of it is wrong */
    cw_err want;
} bads[] = {
    { "fingerprint", { .profiles = "SRTP_AEAD_AES_128_GCM" }, "sha-256", true, CW_E_FINGERPRINT },
    { "fingerprint-512",
      { .profiles = "SRTP_AEAD_AES_128_GCM" },
      "sha-512",
      true,
      CW_E_FINGERPRINT },
    { "sha-1", { .profiles = "SRTP_AEAD_AES_128_GCM" }, "sha-1", false, CW_E_FINGERPRINT },
    { "md5", { .profiles = "SRTP_AEAD_AES_128_GCM" }, "md5", false, CW_E_FINGERPRINT },
    { "no-certificate",
      { .profiles = "SRTP_AEAD_AES_128_GCM", .nameless = true },
      "sha-256",
      false,
      CW_E_DTLS },
    { "no-use-srtp", { .profiles = NULL }, "sha-256", false, CW_E_DTLS },
    { "unknown-profile", { .profiles = "SRTP_AES128_CM_SHA1_32" }, "sha-256", false, CW_E_DTLS },
    { "cipher-without-aead",
      { .profiles = "SRTP_AEAD_AES_128_GCM", .ciphers = "ECDHE-ECDSA-AES128-SHA" },
      "sha-256",
      false,
      CW_E_DTLS },
};

static void test_bad(gconstpointer data)
{
    const struct bad *row = data;
    int64_t failed = cw_stat_get(CW_STAT_dtls_failed);
    cw_fingerprint print;
    rig r;

    rig_init(&r, NULL);
    dtls_client_start(&r.client, &row->browser);
    print = dtls_client_print(r.client.cert, row->hash);
    print.value[print.len - 1] ^= row->flip;
    cw_assert_on_loop();
    cw_dtls_expect(r.dtls, &print);
    dtls_client_run(&r.client);
    RUN_UNTIL(&r, r.events);
    g_assert_cmpint(r.err, ==, row->want);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_failed), ==, failed + 1);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
    run_for(&r, 100); /* nothing more is said, whatever the client goes on sending */
    g_assert_cmpuint(r.events, ==, 1);
    rig_clear(&r);
}

/* ── The fingerprint comes late ─────────────────────────────────────────────────────────────────
 */

static void test_late(void)
{
    rig r;

    rig_init(&r, NULL);
    dtls_client_start(&r.client, &chromium);
    dtls_client_run(&r.client);
    RUN_UNTIL(&r, dtls_client_done(&r.client));
    run_for(&r, 50);
    g_assert_cmpuint(r.events, ==, 0);
    expect(&r, "sha-256");
    RUN_UNTIL(&r, r.events);
    g_assert_cmpint(r.err, ==, CW_OK);
    assert_same_keys(&r);
    rig_clear(&r);
}

/* Later still than the last flight can be repeated. */
static void test_very_late(void)
{
    cw_dtls_conf conf = defaults;
    rig r;

    conf.linger_ms = 50;
    rig_init(&r, &conf);
    dtls_client_start(&r.client, &chromium);
    dtls_client_run(&r.client);
    RUN_UNTIL(&r, dtls_client_done(&r.client));
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0); /* the SSL is gone already */
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_lingering) == 0);
    g_assert_cmpuint(r.events, ==, 0);
    expect(&r, "sha-256");
    RUN_UNTIL(&r, r.events);
    g_assert_cmpint(r.err, ==, CW_OK);
    assert_same_keys(&r);
    rig_clear(&r);
}

static void test_late_and_wrong(void)
{
    rig r;
    cw_fingerprint print;

    rig_init(&r, NULL);
    dtls_client_start(&r.client, &chromium);
    dtls_client_run(&r.client);
    RUN_UNTIL(&r, dtls_client_done(&r.client));
    print = dtls_client_print(r.client.cert, "sha-256");
    print.value[0] ^= 1;
    cw_assert_on_loop();
    cw_dtls_expect(r.dtls, &print);
    RUN_UNTIL(&r, r.events);
    g_assert_cmpint(r.err, ==, CW_E_FINGERPRINT);
    RUN_UNTIL(&r, r.client.closed); /* and it is told */
    rig_clear(&r);
}

static void test_never(void)
{
    rig r;

    rig_init(&r, NULL);
    dtls_client_start(&r.client, &chromium);
    dtls_client_run(&r.client);
    RUN_UNTIL(&r, dtls_client_done(&r.client));
    g_assert_cmpuint(r.events, ==, 0);
    rig_clear(&r); /* frees what waited */
}

/* RFC 8842 4: another certificate, another association, on the same transport. */
static void test_restart(void)
{
    rig r;
    cw_srtp_keys first;

    rig_init(&r, NULL);
    connect_both(&r, &chromium);
    first = r.keys;
    expect(&r, "sha-256"); /* the same again changes nothing */
    dtls_client_stop(&r.client);
    dtls_client_start(&r.client, &chromium);
    expect(&r, "sha-256");
    dtls_client_run(&r.client);
    RUN_UNTIL(&r, r.events == 2);
    g_assert_cmpint(r.err, ==, CW_OK);
    RUN_UNTIL(&r, dtls_client_done(&r.client));
    assert_same_keys(&r);
    g_assert_true(memcmp(first.rx, r.keys.rx, 28) != 0);
    rig_clear(&r);
}

/* ── Losses ─────────────────────────────────────────────────────────────────────────────────────
 */

static bool drop_last_flight(rig *r, bool to_client, const uint8_t *data, size_t len)
{
    return to_client && data[0] == 20 && r->dropped < 2; /* ChangeCipherSpec and what follows */
}

static void test_last_flight_lost(void)
{
    rig r;

    rig_init(&r, NULL);
    r.drop = drop_last_flight;
    connect_both(&r, &chromium);
    g_assert_cmpuint(r.dropped, ==, 2);
    assert_same_keys(&r);
    g_assert_cmpuint(r.events, ==, 1);
    rig_clear(&r);
}

/* What the client sent once, sent again by somebody else: it has the numbers it had. */
static GPtrArray *heard; /* of GBytes */
static unsigned back;

static bool keep_sent(rig *r, bool to_client, const uint8_t *data, size_t len)
{
    back += to_client;
    if (!to_client)
        g_ptr_array_add(heard, g_bytes_new(data, len));
    return false;
}

static void test_flight_replayed(void)
{
    rig r;

    heard = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    rig_init(&r, NULL);
    r.drop = keep_sent;
    connect_both(&r, &chromium);
    back = 0;
    for (unsigned i = 0, n = heard->len; i < n; i++) {
        gsize len;
        const void *data = g_bytes_get_data(heard->pdata[i], &len);

        g_assert_cmpint(send(r.wire, data, len, 0), ==, (ssize_t)len);
    }
    run_for(&r, 50);
    g_assert_cmpuint(back, ==, 0);
    g_assert_cmpuint(r.events, ==, 1);
    rig_clear(&r);
    g_ptr_array_unref(heard);
}

static bool drop_first_of_each(rig *r, bool to_client, const uint8_t *data, size_t len)
{
    static unsigned seen[2];

    if (!r->dropped && !r->sent)
        seen[0] = seen[1] = 0;
    return seen[to_client]++ % 3 == 0;
}

static void test_every_third_lost(void)
{
    rig r;

    rig_init(&r, NULL);
    r.drop = drop_first_of_each;
    connect_both(&r, &chromium);
    g_assert_cmpuint(r.dropped, >=, 2);
    assert_same_keys(&r);
    rig_clear(&r);
}

/* Our flight is sent again by our own timer, with no word from the client. */
static unsigned hellos_back;

static bool drop_all_to_client(rig *r, bool to_client, const uint8_t *data, size_t len)
{
    hellos_back += to_client;
    return to_client || r->sent > 0;
}

static void test_own_retransmission(void)
{
    rig r;
    unsigned flight;

    rig_init(&r, NULL);
    hellos_back = 0;
    r.drop = drop_all_to_client;
    dtls_client_start(&r.client, &chromium);
    dtls_client_run(&r.client);
    RUN_UNTIL(&r, hellos_back > 0);
    flight = hellos_back;
    RUN_UNTIL(&r, hellos_back >= 3 * flight);
    rig_clear(&r);
}

/* ── Floods ─────────────────────────────────────────────────────────────────────────────────────
 */

static void throw(rig * r, const uint8_t *data, size_t len)
{
    g_assert_cmpint(send(r->wire, data, len, 0), ==, (ssize_t)len);
}

static void garbage(rig *r, unsigned n)
{
    uint8_t buf[200];

    for (unsigned i = 0; i < n; i++) {
        cw_random(buf, sizeof buf);
        switch (i % 5) {
        case 0: /* as it is */
            break;
        case 1: /* a sealed record of rubbish */
            memcpy(buf, "\x16\xfe\xfd\0\1\0\0\0\0\0\0\0\xbb", 13);
            break;
        case 2: /* application data */
            memcpy(buf, "\x17\xfe\xfd\0\1\0\0\0\0\0\0\0\xbb", 13);
            break;
        case 3: /* a record longer than its datagram */
            memcpy(buf, "\x16\xfe\xfd\0\0\0\0\0\0\0\0\xff\xff", 13);
            break;
        default: /* a forged good-bye */
            memcpy(buf, "\x15\xfe\xfd\0\1\0\0\0\0\0\0\0\x1a", 13);
            break;
        }
        throw(r, buf, i % 5 == 4 ? 39 : sizeof buf);
        if (i % 32 == 0)
            run_for(r, 1);
    }
}

static void test_garbage(void)
{
    cw_dtls_conf conf = defaults;
    rig r;

    conf.linger_ms = 300;
    rig_init(&r, &conf);
    dtls_client_start(&r.client, &chromium);
    garbage(&r, 500); /* before */
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
    expect(&r, "sha-256");
    dtls_client_run(&r.client);
    garbage(&r, 60); /* meanwhile */
    RUN_UNTIL(&r, r.events && dtls_client_done(&r.client));
    g_assert_cmpint(r.err, ==, CW_OK);
    garbage(&r, 1000); /* while we linger */
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_lingering) == 0);
    garbage(&r, 500); /* and afterwards */
    run_for(&r, 50);
    g_assert_cmpuint(r.events, ==, 1);
    SSL_shutdown(r.client.ssl);
    RUN_UNTIL(&r, r.events == 2);
    g_assert_cmpint(r.err, ==, CW_E_MEDIA_LOST);
    rig_clear(&r);
}

/* Keep the first ClientHello the client writes, and lose everything. */
static uint8_t hello[1500];
static size_t hello_len;

static bool keep_hello(rig *r, bool to_client, const uint8_t *data, size_t len)
{
    if (!to_client && !hello_len)
        memcpy(hello, data, hello_len = len);
    return true;
}

static void hello_make(rig *r)
{
    hello_len = 0;
    r->drop = keep_hello;
    dtls_client_start(&r->client, &chromium);
    dtls_client_run(&r->client);
    g_assert_cmpuint(hello_len, >, 60);
    dtls_client_stop(&r->client);
    r->drop = NULL;
}

static void test_timeout(void)
{
    cw_dtls_conf conf = defaults;
    uint64_t start_ms;
    rig r;

    conf.timeout_ms = 300;
    rig_init(&r, &conf);
    hello_make(&r);
    start_ms = cw_now_ms();
    throw(&r, hello, hello_len);
    RUN_UNTIL(&r, r.events);
    g_assert_cmpint(r.err, ==, CW_E_TIMEOUT);
    g_assert_cmpuint(cw_now_ms() - start_ms, >=, 290);
    g_assert_cmpuint(cw_now_ms() - start_ms, <, 3000);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
    rig_clear(&r);
}

static void test_too_many_datagrams(void)
{
    cw_dtls_conf conf = defaults;
    rig r;

    conf.datagrams_max = 20;
    rig_init(&r, &conf);
    hello_make(&r);
    for (unsigned i = 0; i < 30; i++)
        throw(&r, hello, hello_len);
    RUN_UNTIL(&r, r.events);
    g_assert_cmpint(r.err, ==, CW_E_DTLS);
    rig_clear(&r);
}

static void test_too_many_bytes(void)
{
    cw_dtls_conf conf = defaults;
    rig r;

    rig_init(&r, &conf);
    hello_make(&r);
    cw_assert_on_loop();
    cw_dtls_free(r.dtls);
    cw_dtls_release(r.dtls);
    cw_dtls_server_free(r.server);
    conf.bytes_max = (unsigned)hello_len * 3;
    g_assert_cmpint(cw_dtls_server_new(r.loop, &conf, &r.server), ==, CW_OK);
    r.dtls = cw_dtls_new(r.server, on_event, &r);
    for (unsigned i = 0; i < 5; i++)
        throw(&r, hello, hello_len);
    RUN_UNTIL(&r, r.events);
    g_assert_cmpint(r.err, ==, CW_E_DTLS);
    rig_clear(&r);
}

/* A fragment of a message of 16 MB: nothing is set aside for it. */
static void test_huge_message(void)
{
    static const uint8_t record[13 + 12 + 20] = { 22, 0xfe, 0xfd, 0,    0, 0, 0, 0, 0, 0, 0, 0, 32,
                                                  1,  0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 20 };
    rig r;

    rig_init(&r, NULL);
    throw(&r, record, sizeof record);
    run_for(&r, 50);
    g_assert_cmpuint(r.events, <=, 1);
    if (r.events)
        g_assert_cmpint(r.err, ==, CW_E_DTLS);
    rig_clear(&r);
}

/* More than the queue holds is dropped and counted; what the loop says is not. */
static void test_queue_full(void)
{
    cw_dtls_conf conf = defaults;
    int64_t dropped = cw_stat_get(CW_STAT_dtls_dropped);
    rig r;

    conf.queue_max = 0;
    rig_init(&r, &conf);
    hello_make(&r);
    throw(&r, hello, hello_len);
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_dropped) > dropped);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
    rig_clear(&r);
}

/* ── Ends ───────────────────────────────────────────────────────────────────────────────────────
 */

static void test_close_while_lingering(void)
{
    rig r;

    rig_init(&r, NULL);
    connect_both(&r, &chromium);
    SSL_shutdown(r.client.ssl);
    RUN_UNTIL(&r, r.events == 2);
    g_assert_cmpint(r.err, ==, CW_E_MEDIA_LOST);
    rig_clear(&r);
}

/* When nothing can be repeated any more, with either record cipher. */
static void test_close_when_settled(gconstpointer data)
{
    dtls_client_conf b = { .profiles = "SRTP_AEAD_AES_128_GCM", .ciphers = data };
    cw_dtls_conf conf = defaults;
    rig r;

    conf.linger_ms = 30;
    rig_init(&r, &conf);
    connect_both(&r, &b);
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_lingering) == 0);
    g_assert_cmpuint(r.events, ==, 1);
    SSL_shutdown(r.client.ssl);
    RUN_UNTIL(&r, r.events == 2);
    g_assert_cmpint(r.err, ==, CW_E_MEDIA_LOST);
    rig_clear(&r);
}

/* We go: the browser hears it, and no event comes after cw_dtls_free. */
static void test_we_close(void)
{
    rig r;

    rig_init(&r, NULL);
    connect_both(&r, &chromium);
    cw_assert_on_loop();
    cw_dtls_free(r.dtls);
    RUN_UNTIL(&r, r.client.closed);
    g_assert_cmpuint(r.events, ==, 1);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
    cw_dtls_release(r.dtls);
    r.dtls = cw_dtls_new(r.server, on_event, &r); /* for rig_clear */
    rig_clear(&r);
}

/* The thread ends in the middle of a handshake; the worker lets go afterwards. */
static void test_stop_midway(void)
{
    rig r;
    cw_dtls *dtls;

    rig_init(&r, NULL);
    hello_make(&r);
    throw(&r, hello, hello_len);
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_open) == 1);
    cw_assert_on_loop();
    dtls = r.dtls;
    cw_dtls_server_free(r.server);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
    cw_dtls_input(dtls, hello, hello_len, &r.gate_addr, r.gate);
    cw_dtls_free(dtls);
    cw_dtls_input(dtls, hello, hello_len, &r.gate_addr, r.gate);
    cw_dtls_release(dtls);
    g_assert_cmpint(cw_dtls_server_new(r.loop, &defaults, &r.server), ==, CW_OK);
    r.dtls = cw_dtls_new(r.server, on_event, &r);
    rig_clear(&r);
}

/* Many associations, fed by several threads, freed at any moment. */
typedef struct herd {
    cw_dtls *dtls[64];
    cw_addr to;
    int fd;
} herd;

static void *herd_worker(void *arg)
{
    herd *h = arg;

    for (unsigned round = 0; round < 6; round++)
        for (unsigned i = 0; i < 64; i++)
            cw_dtls_input(h->dtls[i], hello, hello_len, &h->to, h->fd);
    for (unsigned i = 0; i < 64; i++)
        cw_dtls_release(h->dtls[i]);
    return NULL;
}

static void test_herd(void)
{
    enum { WORKERS = 3 };
    cw_dtls_conf conf = defaults;
    pthread_t threads[WORKERS];
    herd herds[WORKERS];
    rig r;

    conf.timeout_ms = 200;
    conf.queue_max = 300;
    rig_init(&r, &conf);
    hello_make(&r);
    cw_assert_on_loop();
    for (unsigned w = 0; w < WORKERS; w++) {
        herds[w].to = r.gate_addr;
        herds[w].fd = r.wire;
        for (unsigned i = 0; i < 64; i++)
            herds[w].dtls[i] = cw_dtls_new(r.server, on_event, &r);
        g_assert_cmpint(pthread_create(&threads[w], NULL, herd_worker, &herds[w]), ==, 0);
    }
    r.released = true; /* what comes back to the gate is nobody's */
    for (unsigned i = 0; i < 64; i++)
        for (unsigned w = 0; w < WORKERS; w++) {
            cw_dtls_free(herds[w].dtls[i]);
            if (i % 8 == 0)
                cw_loop_step(r.loop, 1);
        }
    for (unsigned w = 0; w < WORKERS; w++)
        pthread_join(threads[w], NULL);
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_open) == 0);
    r.released = false;
    rig_clear(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(goods); i++) {
        g_autofree char *name = g_strdup_printf("/dtls/good/%s", goods[i].name);

        g_test_add_data_func(name, &goods[i], test_good);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bads); i++) {
        g_autofree char *name = g_strdup_printf("/dtls/refused/%s", bads[i].name);

        g_test_add_data_func(name, &bads[i], test_bad);
    }
    g_test_add_func("/dtls/our-certificate", test_our_certificate);
    g_test_add_func("/dtls/hashes", test_hashes);
    g_test_add_func("/dtls/fingerprint/late", test_late);
    g_test_add_func("/dtls/fingerprint/very-late", test_very_late);
    g_test_add_func("/dtls/fingerprint/late-and-wrong", test_late_and_wrong);
    g_test_add_func("/dtls/fingerprint/never", test_never);
    g_test_add_func("/dtls/restart", test_restart);
    g_test_add_func("/dtls/lost/last-flight", test_last_flight_lost);
    g_test_add_func("/dtls/lost/replayed", test_flight_replayed);
    g_test_add_func("/dtls/lost/every-third", test_every_third_lost);
    g_test_add_func("/dtls/lost/all-to-client", test_own_retransmission);
    g_test_add_func("/dtls/flood/garbage", test_garbage);
    g_test_add_func("/dtls/flood/silence", test_timeout);
    g_test_add_func("/dtls/flood/datagrams", test_too_many_datagrams);
    g_test_add_func("/dtls/flood/bytes", test_too_many_bytes);
    g_test_add_func("/dtls/flood/huge-message", test_huge_message);
    g_test_add_func("/dtls/flood/queue-full", test_queue_full);
    g_test_add_func("/dtls/close/lingering", test_close_while_lingering);
    g_test_add_data_func("/dtls/close/settled-128", "ECDHE-ECDSA-AES128-GCM-SHA256",
                         test_close_when_settled);
    g_test_add_data_func("/dtls/close/settled-256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                         test_close_when_settled);
    g_test_add_func("/dtls/close/ours", test_we_close);
    g_test_add_func("/dtls/stop-midway", test_stop_midway);
    g_test_add_func("/dtls/herd", test_herd);
    return g_test_run();
}
