/* test-sip-resolve.c - names through a DNS server of our own that misbehaves; and that Sofia's
 * resolver is out of reach. */
#include "base/loop.h"
#include "sip/net/interpose.h"
#include "sip/priv.h"
#include "sip/net/resolve.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 600

typedef enum fault {
    GOOD,
    NXDOMAIN,
    SERVFAIL,
    REFUSED,
    EMPTY,
    SILENT,
    GARBAGE,
    SELF,
    LATE_SRV
} fault;

typedef struct dns {
    cw_loop *loop;
    cw_watch *watch;
    int fd;
    fault fault;
    unsigned asked, srv_asked;
    char servers[64];
} dns;

static const unsigned char a_record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7 };
/* A name made of a pointer to itself: readers without a bound never come back. */
static const unsigned char self_record[] = { 0xc0, 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7 };
static const unsigned char srv_record[] = {
    0xc0, 12,  0,   33, 0,    1,    0,   0,   0,   9,   0,   18,
    0,    10,  0,   5,  0x13, 0xd8, /* prio, weight, 5080 */
    2,    's', '1', 7,  'e',  'x',  'a', 'm', 'p', 'l', 'e', 0
};

/* Build the answer in place over the question; its new length, 0: say nothing. */
static size_t answer(dns *server, unsigned char *msg, size_t len)
{
    const unsigned char *record = a_record;
    size_t record_len = sizeof a_record, end = 12;
    unsigned type;

    while (end < len && msg[end])
        end += msg[end] + 1u;
    type = msg[end + 2];
    end += 5;
    msg[2] = 0x81;
    msg[3] = 0x80;
    memset(msg + 8, 0, 4); /* no additional records */
    msg[7] = 0;
    server->srv_asked += type == 33;
    if (server->fault == SILENT)
        return 0;
    if (server->fault == GARBAGE) {
        memset(msg + 2, 0xc1, 200);
        return 202;
    }
    if (server->fault == NXDOMAIN || server->fault == SERVFAIL || server->fault == REFUSED) {
        msg[3] |= server->fault == NXDOMAIN ? 3 : server->fault == SERVFAIL ? 2 : 5;
        return end;
    }
    if (server->fault == EMPTY || type == 28 || (type == 33 && server->fault == GOOD))
        return end; /* no AAAA, no SRV */
    if (server->fault == SELF) {
        record = self_record;
        msg[end + 1] = (unsigned char)end; /* points at itself */
    } else if (type == 33) {
        record = srv_record;
        record_len = sizeof srv_record;
    }
    memcpy(msg + end, record, record_len);
    if (server->fault == SELF)
        msg[end + 1] = (unsigned char)end;
    if (record == srv_record)
        msg[end + 11] = (unsigned char)(sizeof srv_record - 12);
    msg[7] = 1;
    return end + record_len;
}

static void on_question(void *arg, unsigned events)
{
    dns *server = arg;
    unsigned char msg[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(server->fd, msg, 300, 0, (struct sockaddr *)&from, &from_len);
    size_t n;

    if (len < 17)
        return;
    server->asked++;
    n = answer(server, msg, (size_t)len);
    if (n)
        sendto(server->fd, msg, n, 0, (struct sockaddr *)&from, from_len);
}

static void dns_start(dns *server, cw_loop *loop, fault what)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof addr;

    cw_assert_on_loop();
    *server = (dns){ .loop = loop, .fault = what };
    server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(server->fd, (struct sockaddr *)&addr, len), ==, 0);
    getsockname(server->fd, (struct sockaddr *)&addr, &len);
    g_snprintf(server->servers, sizeof server->servers, "127.0.0.1:%u", ntohs(addr.sin_port));
    server->watch = cw_watch_new(loop, server->fd, on_question, server);
    cw_watch_set(server->watch, CW_READABLE);
}

static void dns_stop(dns *server)
{
    cw_assert_on_loop();
    cw_watch_free(server->watch);
    close(server->fd);
}

typedef struct result {
    bool done;
    cw_err err;
    cw_sip_hop hops[CW_RESOLVE_MAX];
    unsigned n;
} result;

static void on_result(void *arg, cw_err err, const cw_sip_hop *hops, unsigned n)
{
    result *r = arg;

    r->done = true;
    r->err = err;
    r->n = n;
    if (n)
        memcpy(r->hops, hops, n * sizeof *hops);
}

static cw_err resolver_new(cw_loop *loop, const dns *server, cw_resolver **ret)
{
    const cw_resolver_conf conf = { .timeout_ms = TIMEOUT_MS,
                                    .servers = server->servers,
                                    .keep_max_s = 60,
                                    .deny_s = 5,
                                    .transports = 7 };

    cw_assert_on_loop();
    return cw_resolver_new(loop, &conf, ret);
}

typedef struct beat {
    cw_timer *timer;
    uint64_t last_ms, worst_ms;
} beat;

static void on_beat(void *arg)
{
    beat *b = arg;
    uint64_t now = cw_now_ms();

    cw_assert_on_loop();
    b->worst_ms = MAX(b->worst_ms, now - b->last_ms);
    b->last_ms = now;
    cw_timer_start(b->timer, 5);
}

static const struct {
    const char *name;
    fault fault;
    const char *host;
    cw_err want;
    const char *address;
} cases[] = {
    { "numeric", SILENT, "192.0.2.9:5099", CW_OK, "192.0.2.9:5099" },
    { "numeric-6", SILENT, "[2001:db8::9]", CW_OK, "[2001:db8::9]:5060" },
    { "a", GOOD, "host.example", CW_OK, "192.0.2.7:5060" },
    { "a-with-port", GOOD, "host.example:5070", CW_OK, "192.0.2.7:5070" },
    { "srv", LATE_SRV, "host.example", CW_OK, "192.0.2.7:5080" },
    { "nxdomain", NXDOMAIN, "host.example", CW_E_DNS, NULL },
    { "servfail", SERVFAIL, "host.example", CW_E_DNS, NULL },
    { "refused", REFUSED, "host.example", CW_E_DNS, NULL },
    { "empty", EMPTY, "host.example", CW_E_DNS, NULL },
    { "silent", SILENT, "host.example", CW_E_DNS, NULL },
    { "garbage", GARBAGE, "host.example", CW_E_DNS, NULL },
    { "pointer-to-itself", SELF, "host.example", CW_E_DNS, NULL },
};

static void test_case(const void *arg)
{
    const typeof(cases[0]) *c = arg;
    cw_loop *loop;
    cw_resolver *resolver;
    dns server;
    result r = { 0 };
    beat b = { 0 };
    cw_sip_host host;
    uint64_t start;
    char text[CW_ADDR_STR];

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    dns_start(&server, loop, c->fault);
    g_assert_cmpint(resolver_new(loop, &server, &resolver), ==, CW_OK);
    g_assert_cmpint(cw_sip_host_parse(c->host, strlen(c->host), &host), ==, CW_OK);
    b.timer = cw_timer_new(loop, on_beat, &b);
    b.last_ms = start = cw_now_ms();
    cw_timer_start(b.timer, 5);
    cw_resolve_start(resolver, &host, CW_SIP_UDP, false, on_result, &r);
    g_assert_false(r.done);
    while (!r.done)
        cw_loop_step(loop, 50);
    g_assert_cmpint(r.err, ==, c->want);
    if (c->address)
        g_assert_cmpstr(cw_addr_print(&r.hops[0].addr, text), ==, c->address);
    if (host.numeric)
        g_assert_cmpuint(server.asked, ==, 0);
    g_assert_cmpuint(cw_now_ms() - start, <, TIMEOUT_MS + 200);
    g_assert_cmpuint(b.worst_ms, <, 100);
    g_assert_cmpuint(cw_resolver_pending(resolver), ==, 0);
    cw_timer_free(b.timer);
    cw_resolver_free(resolver);
    dns_stop(&server);
    cw_loop_free(loop);
}

static void test_cancel(void)
{
    cw_loop *loop;
    cw_resolver *resolver;
    dns server;
    result r = { 0 };
    cw_sip_host host;
    cw_resolve *first;

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    dns_start(&server, loop, SILENT);
    g_assert_cmpint(resolver_new(loop, &server, &resolver), ==, CW_OK);
    g_assert_cmpint(cw_sip_host_parse("h.example", 9, &host), ==, CW_OK);
    first = cw_resolve_start(resolver, &host, CW_SIP_TCP, false, on_result, &r);
    cw_resolve_start(resolver, &host, CW_SIP_TCP, false, on_result,
                     &r); /* dropped with the resolver */
    while (server.asked == 0)
        cw_loop_step(loop, 50);
    cw_resolve_cancel(first);
    g_assert_cmpuint(cw_resolver_pending(resolver), ==, 1);
    cw_resolver_free(resolver);
    g_assert_false(r.done);
    dns_stop(&server);
    cw_loop_free(loop);
}

/* --- what DNS messages say --- */

/* Of equal priority the one of weight 3 comes first three times in four; a later priority never. */
static void test_weights(void)
{
    unsigned first = 0;
    cw_loop *loop;

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    for (unsigned i = 0; i < 2000; i++) {
        cw_srv all[] = { { "late", 1, 20, 500 }, { "light", 1, 10, 1 }, { "heavy", 1, 10, 3 } };

        cw_srv_order(all, G_N_ELEMENTS(all));
        g_assert_cmpstr(all[2].name, ==, "late");
        first += strcmp(all[0].name, "heavy") == 0;
    }
    g_assert_cmpuint(first, >, 1100);
    g_assert_cmpuint(first, <, 1700);
    cw_loop_free(loop);
}

static void test_naptr(void)
{
    /* One question, six answers: x. NAPTR. */
    static const unsigned char answer[] =
        "\0\1\x81\x80\0\1\0\6\0\0\0\0"
        "\1x\0\0\x23\0\1"
        "\xc0\x0c\0\x23\0\1\0\0\0\x3c\0\x13\0\x14\0\1\1S\7SIP+D2U\0\1u\xc0\x0c"
        "\xc0\x0c\0\x23\0\1\0\0\0\x1e\0\x14\0\x0a\0\2\1s\x08SIPS+D2T\0\1t\xc0\x0c"
        "\xc0\x0c\0\x23\0\1\0\0\0\x5a\0\x13\0\x0a\0\1\1S\7E2U+sip\0\1\x65\xc0\x0c"
        "\xc0\x0c\0\x23\0\1\0\0\0\x5a\0\x13\0\x1e\0\1\1A\7SIP+D2T\0\1\x61\xc0\x0c"
        "\xc0\x0c\0\x23\0\1\0\0\0\x5a\0\x0b\0\x28\0\1\0\0\0\1\x6e\xc0\x0c"
        "\xc0\x0c\0\x23\0\1\0\0\0\x5a\0\x13\0\1\0\1\1u\7SIP+D2U\0\1\x75\xc0\x0c";
    g_autofree unsigned char *copy = g_memdup2(answer, sizeof answer - 1);
    unsigned ttl_s = 3600, n;
    cw_naptr found[8];
    cw_loop *loop;

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    n = cw_naptr_read(copy, sizeof answer - 1, found, G_N_ELEMENTS(found), &ttl_s);
    g_assert_cmpuint(n, ==, 4); /* E2U is not SIP's, and URIs are not for us */
    g_assert_cmpint(found[0].transport, ==, CW_SIP_TLS);
    g_assert_true(found[0].secure);
    g_assert_cmpstr(found[1].name, ==, "u.x");
    g_assert_cmpint(found[1].next, ==, CW_NAPTR_SRV);
    g_assert_cmpstr(found[2].name, ==, "a.x");
    g_assert_cmpint(found[2].next, ==, CW_NAPTR_HOST);
    g_assert_cmpint(found[2].transport, ==, CW_SIP_TCP);
    g_assert_cmpstr(found[3].name, ==, "n.x");
    g_assert_cmpint(found[3].next, ==, CW_NAPTR_NAPTR);
    g_assert_cmpuint(ttl_s, ==, 30);
    cw_loop_free(loop);
}

/* Asked once as long as the answer is good; what was there serves while nobody answers. */
static void test_kept(void)
{
    cw_loop *loop;
    cw_resolver *resolver;
    dns server;
    cw_sip_host host;

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    dns_start(&server, loop, GOOD);
    g_assert_cmpint(resolver_new(loop, &server, &resolver), ==, CW_OK);
    g_assert_cmpint(cw_sip_host_parse("h.example", 9, &host), ==, CW_OK);
    for (unsigned i = 0, asked = 0; i < 3; i++) {
        result r = { 0 };

        cw_resolve_start(resolver, &host, CW_SIP_UDP, false, on_result, &r);
        while (!r.done)
            cw_loop_step(loop, 50);
        g_assert_cmpint(r.err, ==, CW_OK);
        if (i == 0)
            asked = server.asked;
        g_assert_cmpuint(server.asked, ==, asked);
        server.fault = SILENT;
    }
    cw_resolver_free(resolver);
    dns_stop(&server);
    cw_loop_free(loop);
}

/* --- Sofia's own resolver --- */

static void test_interposed(void)
{
    g_assert_true(cw_sip_interposed());
}

static int on_sofia_answer(cw_sip_send *magic, nta_outgoing_t *orq, sip_t const *sip)
{
    *(int *)(void *)magic = nta_outgoing_status(orq);
    return 0;
}

/* A request to a name, straight into Sofia: our functions are asked, nothing is resolved. */
static void test_sofia_cannot_resolve(void)
{
    cw_loop *loop;
    nta_agent_t *agent;
    nta_outgoing_t *orq;
    msg_t *msg;
    unsigned before = cw_sip_interposed_lookups();
    int status = 0;
    uint64_t start = cw_now_ms();

    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    cw_assert_on_loop();
    agent = nta_agent_create(cw_loop_su(loop), (url_string_t *)"sip:127.0.0.1:0;transport=udp",
                             NULL, NULL, TAG_END());
    g_assert_nonnull(agent);
    msg = nta_msg_create(agent, 0);
    sip_add_tl(msg, sip_object(msg),
               SIPTAG_REQUEST(sip_request_create(msg_home(msg), SIP_METHOD_OPTIONS,
                                                 (url_string_t *)"sip:localhost", NULL)),
               SIPTAG_FROM_STR("<sip:a@b>;tag=1"), SIPTAG_TO_STR("<sip:c@d>"),
               SIPTAG_CALL_ID_STR("x"), SIPTAG_CSEQ_STR("1 OPTIONS"), TAG_END());
    orq = nta_outgoing_mcreate(agent, on_sofia_answer, (cw_sip_send *)(void *)&status, NULL, msg,
                               TAG_END());
    while (orq && status == 0)
        cw_loop_step(loop, 50);
    g_assert_cmpint(status, ==, 503);
    g_assert_cmpuint(cw_now_ms() - start, <, 500);
    g_assert_cmpuint(cw_sip_interposed_lookups(), >, before);
    nta_outgoing_destroy(orq);
    nta_agent_destroy(agent);
    cw_loop_free(loop);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/sip/resolve/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/sip/resolve/cancel", test_cancel);
    g_test_add_func("/sip/resolve/weights", test_weights);
    g_test_add_func("/sip/resolve/naptr", test_naptr);
    g_test_add_func("/sip/resolve/kept", test_kept);
    g_test_add_func("/sip/interpose/linked", test_interposed);
    g_test_add_func("/sip/interpose/sofia", test_sofia_cannot_resolve);
    return g_test_run();
}
