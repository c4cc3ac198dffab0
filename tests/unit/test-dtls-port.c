/* DTLS on RTP ports (RFC 5763): both roles, ours against ours, races for the first hello. The
 * test's thread is loop and worker at once. */
#include "webrtc/dtls.h"

#include "base/stats.h"
#include "dtls-client.h"

#include <glib.h>
#include <dirent.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000

typedef struct end {
    cw_dtls *dtls;
    int fd;
    cw_watch *watch;
    cw_addr addr;
    unsigned events;
    cw_err err;
    cw_srtp_keys keys;
} end;

typedef struct rig {
    cw_loop *loop;
    cw_dtls_server *server;
    end a, b; /* b says hello */
} rig;

static void on_event(void *arg, const cw_dtls_event *event)
{
    end *e = arg;

    cw_assert_on_loop();
    e->events++;
    e->err = event->err;
    if (event->keys)
        e->keys = *event->keys;
}

static void on_readable(void *arg, unsigned events)
{
    end *e = arg;
    uint8_t buf[4096];
    cw_addr from;
    socklen_t from_len = sizeof from;
    ssize_t n;

    while ((n = recvfrom(e->fd, buf, sizeof buf, MSG_DONTWAIT, &from.sa, &from_len)) > 0) {
        cw_dtls_input(e->dtls, buf, (size_t)n, &from, e->fd);
        from_len = sizeof from;
    }
}

static int udp(cw_addr *addr)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(cw_addr_parse("127.0.0.1:0", 0, addr), ==, CW_OK);
    g_assert_cmpint(bind(fd, &addr->sa, sizeof addr->in4), ==, 0);
    g_assert_cmpint(getsockname(fd, &addr->sa, &len), ==, 0);
    return fd;
}

static void end_init(rig *r, end *e) CW_ON_LOOP
{
    e->fd = udp(&e->addr);
    e->dtls = cw_dtls_new(r->server, on_event, e);
    e->watch = cw_watch_new(r->loop, e->fd, on_readable, e);
    cw_watch_set(e->watch, CW_READABLE);
}

static void end_clear(end *e) CW_ON_LOOP
{
    cw_watch_free(e->watch);
    cw_dtls_free(e->dtls);
    cw_dtls_release(e->dtls);
    close(e->fd);
}

static void rig_init(rig *r, unsigned linger_ms) CW_TSA(assert_capability(cw_role_loop))
{
    cw_dtls_conf conf = { .threads = 2,
                          .timeout_ms = 5000,
                          .linger_ms = linger_ms,
                          .datagrams_max = 200,
                          .bytes_max = 65536,
                          .queue_max = 512 };

    memset(r, 0, sizeof *r);
    g_assert_cmpint(cw_loop_new(&r->loop), ==, CW_OK);
    cw_assert_on_loop();
    g_assert_cmpint(cw_dtls_server_new(r->loop, &conf, &r->server), ==, CW_OK);
    end_init(r, &r->a);
    end_init(r, &r->b);
    cw_dtls_set_client(r->b.dtls);
}

static void rig_clear(rig *r) CW_ON_LOOP
{
    end_clear(&r->a);
    end_clear(&r->b);
    cw_dtls_server_free(r->server);
    cw_loop_free(r->loop);
    g_assert_cmpint(cw_stat_get(CW_STAT_dtls_open), ==, 0);
}

#define RUN_UNTIL(r, condition)                                                                    \
    do {                                                                                           \
        uint64_t end_ms = cw_now_ms() + WAIT_MS;                                                   \
        while (!(condition)) {                                                                     \
            g_assert_cmpuint(cw_now_ms(), <, end_ms);                                              \
            cw_loop_step((r)->loop, 20);                                                           \
        }                                                                                          \
    } while (0)

static unsigned files_open(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void expect_each_other(rig *r) CW_ON_LOOP
{
    cw_dtls_expect(r->a.dtls, cw_dtls_server_fingerprint(r->server));
    cw_dtls_expect(r->b.dtls, cw_dtls_server_fingerprint(r->server));
}

static void assert_keys(const rig *r)
{
    size_t len = cw_srtp_key_len(r->a.keys.suite);

    g_assert_cmpint(r->a.err, ==, CW_OK);
    g_assert_cmpint(r->b.err, ==, CW_OK);
    g_assert_cmpint(r->a.keys.suite, ==, CW_SRTP_AEAD_AES_128_GCM);
    g_assert_cmpint(r->b.keys.suite, ==, r->a.keys.suite);
    g_assert_cmpmem(r->a.keys.rx, len, r->b.keys.tx, len);
    g_assert_cmpmem(r->a.keys.tx, len, r->b.keys.rx, len);
}

static void connect_both(rig *r) CW_ON_LOOP
{
    expect_each_other(r);
    cw_dtls_open(r->a.dtls, &r->b.addr, r->a.fd);
    cw_dtls_open(r->b.dtls, &r->a.addr, r->b.fd);
    RUN_UNTIL(r, r->a.events && r->b.events);
    assert_keys(r);
}

static void test_both_roles(void)
{
    rig r;

    rig_init(&r, 5000);
    connect_both(&r);
    rig_clear(&r);
}

/* The address comes with a later answer; then the client begins. */
static void test_address_later(void)
{
    cw_addr none = { 0 };
    rig r;

    rig_init(&r, 5000);
    expect_each_other(&r);
    cw_dtls_open(r.a.dtls, &r.b.addr, r.a.fd);
    cw_dtls_open(r.b.dtls, &none, r.b.fd);
    cw_loop_step(r.loop, 20);
    g_assert_cmpuint(r.b.events, ==, 0);
    cw_dtls_open(r.b.dtls, &r.a.addr, r.b.fd);
    RUN_UNTIL(&r, r.a.events && r.b.events);
    assert_keys(&r);
    rig_clear(&r);
}

/* When all is over no descriptor is kept, and either role still hears a good-bye. */
static void test_settled(gconstpointer data)
{
    bool client_leaves = GPOINTER_TO_INT(data);
    unsigned files;
    end *stays, *goes;
    rig r;

    rig_init(&r, 30);
    files = files_open();
    connect_both(&r);
    stays = client_leaves ? &r.a : &r.b;
    goes = client_leaves ? &r.b : &r.a;
    RUN_UNTIL(&r, cw_stat_get(CW_STAT_dtls_open) == 0);
    RUN_UNTIL(&r, files_open() == files);
    g_assert_cmpuint(goes->events + stays->events, ==, 2);
    rig_clear(&r);

    rig_init(&r, 5000);
    connect_both(&r);
    stays = client_leaves ? &r.a : &r.b;
    goes = client_leaves ? &r.b : &r.a;
    cw_dtls_free(goes->dtls); /* says close_notify */
    RUN_UNTIL(&r, stays->events == 2);
    g_assert_cmpint(stays->err, ==, CW_E_MEDIA_LOST);
    cw_dtls_release(goes->dtls);
    goes->dtls = cw_dtls_new(r.server, on_event, goes);
    rig_clear(&r);
}

/* Whoever finds another certificate than announced ends it, and has no keys. */
static void test_wrong_fingerprint(gconstpointer data)
{
    bool client_finds = GPOINTER_TO_INT(data);
    cw_fingerprint wrong;
    end *finds;
    rig r;

    rig_init(&r, 5000);
    finds = client_finds ? &r.b : &r.a;
    wrong = *cw_dtls_server_fingerprint(r.server);
    wrong.value[5] ^= 1;
    expect_each_other(&r);
    cw_dtls_expect(finds->dtls, &wrong);
    cw_dtls_open(r.a.dtls, &r.b.addr, r.a.fd);
    cw_dtls_open(r.b.dtls, &r.a.addr, r.b.fd);
    RUN_UNTIL(&r, finds->events > 0);
    g_assert_cmpint(finds->err, ==, CW_E_FINGERPRINT);
    g_assert_cmpint(finds->keys.suite, ==, CW_SRTP_NONE);
    rig_clear(&r);
}

/* ── Races ── */

typedef struct forger {
    rig *r;
    int fd;
    uint8_t hello[2048];
    size_t len;
} forger;

static void keep_hello(void *arg, const uint8_t *data, size_t len)
{
    forger *f = arg;

    if (f->len == 0)
        memcpy(f->hello, data, f->len = len);
}

/* A hello of somebody else's OpenSSL. */
static void forge(forger *f)
{
    dtls_client client = { .send = keep_hello, .arg = f };
    const dtls_client_conf conf = { .profiles = "SRTP_AEAD_AES_128_GCM" };

    f->len = 0;
    dtls_client_start(&client, &conf);
    dtls_client_run(&client);
    dtls_client_clear(&client);
    g_assert_cmpuint(f->len, >, 0);
}

/* Forged hellos, with the far side's own address, before and during the true handshake: one of its
 * retransmissions gets through. */
static void test_race(void)
{
    rig r;

    for (unsigned round = 0; round < 20; round++) {
        forger f = { 0 };

        rig_init(&r, 5000);
        expect_each_other(&r);
        forge(&f);
        cw_dtls_open(r.a.dtls, &r.b.addr, r.a.fd);
        cw_dtls_input(r.a.dtls, f.hello, f.len, &r.b.addr, r.a.fd);
        cw_dtls_open(r.b.dtls, &r.a.addr, r.b.fd);
        for (unsigned i = 0; i < round; i++)
            cw_loop_step(r.loop, 1);
        forge(&f);
        cw_dtls_input(r.a.dtls, f.hello, f.len, &r.b.addr, r.a.fd);
        RUN_UNTIL(&r, r.a.events && r.b.events);
        assert_keys(&r);
        rig_clear(&r);
    }
}

/* Who cannot receive at the address it claims costs us one small datagram, not our certificate. */
static void test_no_amplification(void)
{
    uint8_t buf[2048];
    forger f = { 0 };
    ssize_t n;
    rig r;

    rig_init(&r, 5000);
    cw_watch_set(r.b.watch, 0);
    forge(&f);
    cw_dtls_open(r.a.dtls, &r.b.addr, r.a.fd);
    cw_dtls_input(r.a.dtls, f.hello, f.len, &r.b.addr, r.a.fd);
    g_assert_cmpint(poll(&(struct pollfd){ .fd = r.b.fd, .events = POLLIN }, 1, WAIT_MS), ==, 1);
    n = recv(r.b.fd, buf, sizeof buf, 0);
    g_assert_cmpint(n, >, 0);
    g_assert_cmpint(n, <, 100);
    g_assert_cmpuint(buf[13], ==, 3); /* HelloVerifyRequest, RFC 6347 4.3.2 */
    rig_clear(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dtls-port/both-roles", test_both_roles);
    g_test_add_func("/dtls-port/address-later", test_address_later);
    g_test_add_data_func("/dtls-port/settled/server-hears", GINT_TO_POINTER(true), test_settled);
    g_test_add_data_func("/dtls-port/settled/client-hears", GINT_TO_POINTER(false), test_settled);
    g_test_add_data_func("/dtls-port/fingerprint/client", GINT_TO_POINTER(true),
                         test_wrong_fingerprint);
    g_test_add_data_func("/dtls-port/fingerprint/server", GINT_TO_POINTER(false),
                         test_wrong_fingerprint);
    g_test_add_func("/dtls-port/race", test_race);
    g_test_add_func("/dtls-port/no-amplification", test_no_amplification);
    return g_test_run();
}
