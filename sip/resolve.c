#include "sip/resolve.h"

#include "base/ident.h"

#include <arpa/inet.h>
#include <ares.h>
#include <glib.h>
#include <string.h>

#define SIP_PORT    5060
#define SRV_MAX     8   /* records looked at */
#define TRY_MS      500 /* c-ares' first wait for a server; it doubles */
#define PENDING_MAX 512 /* questions at once */

struct cw_resolver {
    cw_loop *loop;
    ares_channel channel;
    unsigned timeout_ms;
    GHashTable *watches; /* fd -> cw_watch */
    cw_timer *tick;      /* c-ares' own retries */
    GQueue asked;        /* cw_resolve, open */
};

typedef struct target {
    char name[256];
    uint16_t port, priority, weight;
} target;

struct cw_resolve {
    cw_resolver *resolver;
    GList link;        /* in resolver->asked while open */
    cw_resolve_fn *fn; /* NULL: told or cancelled */
    void *arg;
    cw_timer *timer;    /* the deadline; at once for what needs no question */
    unsigned questions; /* c-ares still holds us */
    char name[256];
    cw_sip_transport transport;
    target targets[SRV_MAX];
    unsigned targets_n, next;
    cw_err err;
    cw_addr addrs[CW_RESOLVE_MAX];
    unsigned n;
};

static void ask_next(cw_resolve *resolve) CW_ON_LOOP;

static void tick(void *arg) CW_ON_LOOP;

/* c-ares wants to be called again when its next retry is due. */
static void arm(cw_resolver *resolver) CW_ON_LOOP
{
    struct timeval tv, *next;

    next = ares_timeout(resolver->channel, NULL, &tv);
    if (!next)
        cw_timer_stop(resolver->tick);
    else
        cw_timer_start(resolver->tick,
                       (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 + 1);
}

static void tick(void *arg)
{
    cw_resolver *resolver = arg;

    cw_assert_on_loop();
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(resolver);
}

typedef struct socket_watch {
    cw_resolver *resolver;
    int fd;
    cw_watch *watch;
} socket_watch;

static void socket_ready(void *arg, unsigned events)
{
    socket_watch *sock = arg;
    cw_resolver *resolver = sock->resolver;
    int fd = sock->fd;

    cw_assert_on_loop();
    ares_process_fd(resolver->channel, events & CW_READABLE ? fd : ARES_SOCKET_BAD,
                    events & CW_WRITABLE ? fd : ARES_SOCKET_BAD);
    arm(resolver);
}

static void watch_free(void *data)
{
    socket_watch *sock = data;

    cw_assert_on_loop();
    cw_watch_free(sock->watch);
    g_free(sock);
}

static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    cw_resolver *resolver = arg;
    socket_watch *sock = g_hash_table_lookup(resolver->watches, GINT_TO_POINTER(fd));

    cw_assert_on_loop();
    if (!readable && !writable) {
        g_hash_table_remove(resolver->watches, GINT_TO_POINTER(fd));
        return;
    }
    if (!sock) {
        sock = g_new0(socket_watch, 1);
        sock->resolver = resolver;
        sock->fd = fd;
        sock->watch = cw_watch_new(resolver->loop, fd, socket_ready, sock);
        g_hash_table_insert(resolver->watches, GINT_TO_POINTER(fd), sock);
    }
    cw_watch_set(sock->watch,
                 (readable ? (unsigned)CW_READABLE : 0) | (writable ? (unsigned)CW_WRITABLE : 0));
}

cw_err cw_resolver_new(cw_loop *loop, unsigned timeout_ms, const char *servers, cw_resolver **ret)
{
    cw_resolver *resolver = g_new0(cw_resolver, 1);
    struct ares_options options = {
        .timeout = (int)MIN(timeout_ms, TRY_MS),
        .tries = 4,
        .sock_state_cb = socket_state,
        .sock_state_cb_data = resolver,
    };

    resolver->loop = loop;
    resolver->timeout_ms = timeout_ms;
    g_queue_init(&resolver->asked);
    resolver->watches = g_hash_table_new_full(NULL, NULL, NULL, watch_free);
    resolver->tick = cw_timer_new(loop, tick, resolver);
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
        ares_init_options(&resolver->channel, &options,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) !=
            ARES_SUCCESS) {
        resolver->channel = NULL;
        cw_resolver_free(resolver);
        return CW_E_IO;
    }
    if (servers && *servers &&
        ares_set_servers_ports_csv(resolver->channel, servers) != ARES_SUCCESS) {
        cw_resolver_free(resolver);
        return CW_E_IO;
    }
    *ret = resolver;
    return CW_OK;
}

/* c-ares may still hold it: then it goes with the last answer. */
static void resolve_close(cw_resolve *resolve) CW_ON_LOOP
{
    cw_resolver *resolver = resolve->resolver;

    if (resolve->timer) {
        g_queue_unlink(&resolver->asked, &resolve->link);
        cw_timer_free(resolve->timer);
        resolve->timer = NULL;
    }
    resolve->fn = NULL;
    if (resolve->questions == 0)
        g_free(resolve);
}

void cw_resolver_free(cw_resolver *resolver)
{
    if (!resolver)
        return;
    while (resolver->asked.head)
        resolve_close(resolver->asked.head->data);
    if (resolver->channel) {
        ares_destroy(resolver->channel); /* answers every open question with ARES_EDESTRUCTION */
        ares_library_cleanup();
    }
    g_hash_table_destroy(resolver->watches);
    cw_timer_free(resolver->tick);
    g_free(resolver);
}

unsigned cw_resolver_pending(const cw_resolver *resolver)
{
    return g_queue_get_length((GQueue *)&resolver->asked);
}

static void tell(cw_resolve *resolve) CW_ON_LOOP
{
    cw_resolve_fn *fn = resolve->fn;

    if (!fn)
        return;
    resolve->questions++; /* keeps it during the call */
    resolve->fn = NULL;
    fn(resolve->arg, resolve->n ? CW_OK : CW_E_DNS, resolve->addrs, resolve->n);
    resolve->questions--;
    resolve_close(resolve);
}

static void deadline(void *arg)
{
    cw_assert_on_loop();
    tell(arg);
}

void cw_resolve_cancel(cw_resolve *resolve)
{
    if (resolve && resolve->fn)
        resolve_close(resolve);
}

static void add_address(cw_resolve *resolve, const struct sockaddr *sa, uint16_t port)
{
    cw_addr addr = { 0 };

    if (resolve->n >= CW_RESOLVE_MAX)
        return;
    if (sa->sa_family == AF_INET)
        memcpy(&addr.in4, sa, sizeof addr.in4);
    else if (sa->sa_family == AF_INET6)
        memcpy(&addr.in6, sa, sizeof addr.in6);
    else
        return;
    cw_addr_set_port(&addr, port);
    resolve->addrs[resolve->n++] = addr;
}

static void got_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    cw_resolve *resolve = arg;
    const target *at = &resolve->targets[resolve->next - 1];

    cw_assert_on_loop();
    resolve->questions--;
    if (resolve->fn && status == ARES_SUCCESS)
        for (struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next)
            add_address(resolve, node->ai_addr, at->port);
    if (info)
        ares_freeaddrinfo(info);
    if (!resolve->fn)
        resolve_close(resolve);
    else if (resolve->n > 0)
        tell(resolve);
    else
        ask_next(resolve);
}

static void ask_next(cw_resolve *resolve)
{
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT };

    if (resolve->next >= resolve->targets_n) {
        tell(resolve);
        return;
    }
    resolve->questions++;
    ares_getaddrinfo(resolve->resolver->channel, resolve->targets[resolve->next++].name, NULL,
                     &hints, got_addresses, resolve);
}

/* RFC 2782: lowest priority first; among equals the heavier more often. */
static int by_priority(const void *a, const void *b)
{
    const target *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->weight > y->weight ? -1 : x->weight < y->weight;
}

static void read_srv(cw_resolve *resolve, const unsigned char *answer, int len)
{
    struct ares_srv_reply *replies = NULL;

    if (ares_parse_srv_reply(answer, len, &replies) != ARES_SUCCESS)
        return;
    for (struct ares_srv_reply *srv = replies; srv && resolve->targets_n < SRV_MAX;
         srv = srv->next) {
        target *to = &resolve->targets[resolve->targets_n];
        uint16_t draw;

        if (!srv->host || !*srv->host || !srv->port ||
            g_strlcpy(to->name, srv->host, sizeof to->name) >= sizeof to->name)
            continue;
        cw_random(&draw, sizeof draw);
        to->port = srv->port;
        to->priority = srv->priority;
        to->weight = (uint16_t)(draw % (srv->weight + 1u));
        resolve->targets_n++;
    }
    ares_free_data(replies);
    qsort(resolve->targets, resolve->targets_n, sizeof resolve->targets[0], by_priority);
}

static void got_srv(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
    cw_resolve *resolve = arg;

    cw_assert_on_loop();
    resolve->questions--;
    if (!resolve->fn) {
        resolve_close(resolve);
        return;
    }
    if (status == ARES_SUCCESS)
        read_srv(resolve, answer, len);
    if (resolve->targets_n == 0) {
        g_strlcpy(resolve->targets[0].name, resolve->name, sizeof resolve->targets[0].name);
        resolve->targets[0].port = SIP_PORT;
        resolve->targets_n = 1;
    }
    ask_next(resolve);
}

/* The question starts from the loop, so that its answer never comes before we returned. */
static void begin(void *arg)
{
    cw_resolve *resolve = arg;
    g_autofree char *srv = NULL;
    cw_resolver *resolver = resolve->resolver;

    cw_assert_on_loop();
    if (resolve->n > 0 || resolve->err) {
        tell(resolve);
        return;
    }
    cw_timer_free(resolve->timer);
    resolve->timer = cw_timer_new(resolver->loop, deadline, resolve);
    cw_timer_start(resolve->timer, resolver->timeout_ms);
    if (resolve->targets_n > 0) {
        ask_next(resolve);
    } else {
        srv = g_strdup_printf("_sip._%s.%s", resolve->transport == CW_SIP_TCP ? "tcp" : "udp",
                              resolve->name);
        resolve->questions++;
        ares_query(resolver->channel, srv, 1 /* IN */, 33 /* SRV */, got_srv, resolve);
    }
    arm(resolver);
}

cw_resolve *cw_resolve_start(cw_resolver *resolver, const cw_sip_host *host,
                             cw_sip_transport transport, cw_resolve_fn *fn, void *arg)
{
    cw_resolve *resolve = g_new0(cw_resolve, 1);

    resolve->resolver = resolver;
    resolve->fn = fn;
    resolve->arg = arg;
    resolve->transport = transport;
    g_strlcpy(resolve->name, host->name, sizeof resolve->name);
    if (host->numeric) {
        if (cw_addr_from_ip(host->name, strlen(host->name), host->port ? host->port : SIP_PORT,
                            &resolve->addrs[0]))
            resolve->err = CW_E_DNS;
        else
            resolve->n = 1;
    } else if (g_queue_get_length(&resolver->asked) >= PENDING_MAX) {
        resolve->err = CW_E_DNS;
    } else if (host->port) {
        g_strlcpy(resolve->targets[0].name, host->name, sizeof resolve->targets[0].name);
        resolve->targets[0].port = host->port;
        resolve->targets_n = 1;
    }
    resolve->link.data = resolve;
    g_queue_push_tail_link(&resolver->asked, &resolve->link);
    resolve->timer = cw_timer_new(resolver->loop, begin, resolve);
    cw_timer_start(resolve->timer, 0);
    return resolve;
}
