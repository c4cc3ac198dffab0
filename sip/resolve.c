#include "sip/resolve.h"

#include <arpa/inet.h>
#include <ares.h>
#include <glib.h>
#include <string.h>

#define TRY_MS      500 /* c-ares' first wait for a server; it doubles */
#define PENDING_MAX 512 /* questions at once */
#define KEPT_MAX    1024
#define SRV_MAX     8 /* servers of one name */
#define WAYS_MAX    3 /* transports */
#define NONE        UINT_MAX

enum { TYPE_SRV = 33, TYPE_NAPTR = 35 };

struct cw_resolver {
    cw_loop *loop;
    ares_channel channel;
    cw_resolver_conf conf;
    GHashTable *watches; /* fd -> cw_watch */
    GHashTable *kept;    /* "tls * example.com" -> kept_answer */
    cw_timer *tick;      /* c-ares' own retries */
    GQueue asked;        /* cw_resolve, open */
};

typedef struct kept_answer {
    uint64_t until_ms, stale_ms; /* good until; better than nothing until */
    unsigned n;                  /* 0: there is nothing */
    cw_sip_hop hops[CW_RESOLVE_MAX];
} kept_answer;

/* A server, and what its name stands for. */
typedef struct target {
    cw_srv srv;
    unsigned n;
    cw_addr addrs[4];
} target;

/* One transport of the host: its SRV name, its servers. */
typedef struct way {
    cw_sip_transport transport;
    char name[256];
    target targets[SRV_MAX];
    unsigned n;
} way;

/* What c-ares holds while a question of ours is open. */
typedef struct asking {
    cw_resolve *resolve;
    unsigned way, target; /* NONE: NAPTR */
} asking;

struct cw_resolve {
    cw_resolver *resolver;
    GList link;        /* in resolver->asked while open */
    cw_resolve_fn *fn; /* NULL: told or cancelled */
    void *arg;
    cw_timer *timer;    /* the deadline; at once for what needs no question */
    unsigned questions; /* c-ares still holds us */
    char name[256];
    uint16_t port; /* 0: not given */
    cw_sip_transport transport;
    bool any, secure;
    char *key;      /* under which the answer is kept; NULL: it is not */
    unsigned ttl_s; /* of the answer so far */
    way ways[WAYS_MAX];
    unsigned n;
    cw_err err;
    cw_sip_hop hops[CW_RESOLVE_MAX];
    unsigned hops_n;
};

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

cw_err cw_resolver_new(cw_loop *loop, const cw_resolver_conf *conf, cw_resolver **ret)
{
    cw_resolver *resolver = g_new0(cw_resolver, 1);
    struct ares_options options = {
        .timeout = (int)MIN(conf->timeout_ms, TRY_MS),
        .tries = 4,
        .sock_state_cb = socket_state,
        .sock_state_cb_data = resolver,
    };

    resolver->loop = loop;
    resolver->conf = *conf;
    g_queue_init(&resolver->asked);
    resolver->watches = g_hash_table_new_full(NULL, NULL, NULL, watch_free);
    resolver->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    resolver->tick = cw_timer_new(loop, tick, resolver);
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
        ares_init_options(&resolver->channel, &options,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) !=
            ARES_SUCCESS) {
        resolver->channel = NULL;
        cw_resolver_free(resolver);
        return CW_E_IO;
    }
    if (conf->servers && *conf->servers &&
        ares_set_servers_ports_csv(resolver->channel, conf->servers) != ARES_SUCCESS) {
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
    if (resolve->questions > 0)
        return;
    g_free(resolve->key);
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
    g_hash_table_destroy(resolver->kept);
    cw_timer_free(resolver->tick);
    g_free(resolver);
}

unsigned cw_resolver_pending(const cw_resolver *resolver)
{
    return g_queue_get_length((GQueue *)&resolver->asked);
}

/* --- answers that are kept --- */

static gboolean is_stale(void *key, void *value, void *now)
{
    return ((kept_answer *)value)->stale_ms <= *(uint64_t *)now;
}

static const kept_answer *find_kept(const cw_resolve *resolve, bool stale) CW_ON_LOOP
{
    const kept_answer *kept =
        resolve->key ? g_hash_table_lookup(resolve->resolver->kept, resolve->key) : NULL;

    return kept && cw_now_ms() < (stale ? kept->stale_ms : kept->until_ms) ? kept : NULL;
}

/* An answer that is good no longer still serves while there is no other (RFC 8767). */
static void keep(cw_resolve *resolve) CW_ON_LOOP
{
    cw_resolver *resolver = resolve->resolver;
    uint64_t now = cw_now_ms(), most = resolver->conf.keep_max_s;
    kept_answer *kept;

    if (!resolve->key || most == 0)
        return;
    if (g_hash_table_size(resolver->kept) >= KEPT_MAX)
        g_hash_table_foreach_remove(resolver->kept, is_stale, &now);
    if (g_hash_table_size(resolver->kept) >= KEPT_MAX)
        return;
    kept = g_new0(kept_answer, 1);
    kept->until_ms =
        now + 1000 * (resolve->hops_n ? MIN(most, resolve->ttl_s) : resolver->conf.deny_s);
    kept->stale_ms = resolve->hops_n ? kept->until_ms + 1000 * most : kept->until_ms;
    kept->n = resolve->hops_n;
    memcpy(kept->hops, resolve->hops, sizeof kept->hops);
    g_hash_table_replace(resolver->kept, g_strdup(resolve->key), kept);
}

/* --- told --- */

static void tell(cw_resolve *resolve) CW_ON_LOOP
{
    cw_resolve_fn *fn = resolve->fn;

    if (!fn)
        return;
    resolve->questions++; /* keeps it during the call */
    resolve->fn = NULL;
    fn(resolve->arg, resolve->hops_n ? CW_OK : CW_E_DNS, resolve->hops, resolve->hops_n);
    resolve->questions--;
    resolve_close(resolve);
}

static void take_hop(cw_resolve *resolve, cw_sip_transport transport, const cw_addr *addr)
{
    if (resolve->hops_n < CW_RESOLVE_MAX)
        resolve->hops[resolve->hops_n++] = (cw_sip_hop){ transport, *addr };
}

static void gather(cw_resolve *resolve)
{
    for (unsigned w = 0; w < resolve->n; w++)
        for (unsigned t = 0; t < resolve->ways[w].n; t++)
            for (unsigned i = 0; i < resolve->ways[w].targets[t].n; i++)
                take_hop(resolve, resolve->ways[w].transport,
                         &resolve->ways[w].targets[t].addrs[i]);
}

/* Every question is answered, or it is too late for those that are not. */
static void conclude(cw_resolve *resolve, bool late) CW_ON_LOOP
{
    const kept_answer *kept;

    gather(resolve);
    if (resolve->hops_n > 0 || !late) {
        kept = resolve->hops_n == 0 ? find_kept(resolve, true) : NULL;
        if (!kept)
            keep(resolve);
    } else {
        kept = find_kept(resolve, true);
    }
    if (kept) {
        resolve->hops_n = kept->n;
        memcpy(resolve->hops, kept->hops, sizeof resolve->hops);
    }
    tell(resolve);
}

static void deadline(void *arg)
{
    cw_assert_on_loop();
    conclude(arg, true);
}

void cw_resolve_cancel(cw_resolve *resolve)
{
    if (resolve && resolve->fn)
        resolve_close(resolve);
}

/* --- asking --- */

static asking *ask(cw_resolve *resolve, unsigned w, unsigned t)
{
    asking *a = g_new0(asking, 1);

    a->resolve = resolve;
    a->way = w;
    a->target = t;
    resolve->questions++;
    return a;
}

/* NULL: nobody waits for it any more. */
static cw_resolve *answered(asking *a) CW_ON_LOOP
{
    cw_resolve *resolve = a->resolve;

    resolve->questions--;
    if (resolve->fn)
        return resolve;
    resolve_close(resolve);
    return NULL;
}

static void settle(cw_resolve *resolve) CW_ON_LOOP
{
    if (resolve->questions == 0)
        conclude(resolve, false);
}

static void add_address(target *t, const struct ares_addrinfo_node *node)
{
    cw_addr *addr = &t->addrs[t->n];

    if (t->n >= G_N_ELEMENTS(t->addrs))
        return;
    memset(addr, 0, sizeof *addr);
    if (node->ai_family == AF_INET)
        memcpy(&addr->in4, node->ai_addr, sizeof addr->in4);
    else if (node->ai_family == AF_INET6)
        memcpy(&addr->in6, node->ai_addr, sizeof addr->in6);
    else
        return;
    cw_addr_set_port(addr, t->srv.port);
    t->n++;
}

static void got_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    g_autofree asking *a = arg;
    cw_resolve *resolve;

    cw_assert_on_loop();
    resolve = answered(a);
    for (struct ares_addrinfo_node *node = resolve && info ? info->nodes : NULL; node;
         node = node->ai_next) {
        add_address(&resolve->ways[a->way].targets[a->target], node);
        resolve->ttl_s = MIN(resolve->ttl_s, (unsigned)MAX(node->ai_ttl, 0));
    }
    if (info)
        ares_freeaddrinfo(info);
    if (resolve)
        settle(resolve);
}

static void ask_addresses(cw_resolve *resolve, unsigned w, unsigned t) CW_ON_LOOP
{
    static const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
                                                      .ai_flags = ARES_AI_NOSORT };

    ares_getaddrinfo(resolve->resolver->channel, resolve->ways[w].targets[t].srv.name, NULL, &hints,
                     got_addresses, ask(resolve, w, t));
}

static way *add_way(cw_resolve *resolve, cw_sip_transport transport)
{
    way *w = &resolve->ways[resolve->n++];

    w->transport = transport;
    return w;
}

/* The host itself is the server. */
static void ask_host(cw_resolve *resolve, unsigned w) CW_ON_LOOP
{
    way *to = &resolve->ways[w];

    to->n = 1;
    g_strlcpy(to->targets[0].srv.name, resolve->name, sizeof to->targets[0].srv.name);
    to->targets[0].srv.port = resolve->port                 ? resolve->port
                              : to->transport == CW_SIP_TLS ? 5061
                                                            : 5060;
    ask_addresses(resolve, w, 0);
}

static bool has_servers(const cw_resolve *resolve)
{
    for (unsigned w = 0; w < resolve->n; w++)
        if (resolve->ways[w].n > 0)
            return true;
    return false;
}

/* Only when no transport has an SRV record is the host asked for itself (RFC 3263 4.2). */
static void srv_done(cw_resolve *resolve) CW_ON_LOOP
{
    if (resolve->questions == 0 && !has_servers(resolve)) {
        resolve->n = 0;
        add_way(resolve, resolve->transport);
        resolve->questions++; /* it may be answered at once */
        ask_host(resolve, 0);
        resolve->questions--;
    }
    settle(resolve);
}

static void got_srv(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
    g_autofree asking *a = arg;
    cw_srv found[SRV_MAX];
    cw_resolve *resolve;

    cw_assert_on_loop();
    resolve = answered(a);
    if (!resolve)
        return;
    if (status == ARES_SUCCESS) {
        way *w = &resolve->ways[a->way];
        unsigned n = cw_srv_read(answer, len, found, SRV_MAX, &resolve->ttl_s);

        for (w->n = 0; w->n < n; w->n++)
            w->targets[w->n].srv = found[w->n];
        resolve->questions++; /* answers may come at once */
        for (unsigned t = 0; t < n; t++)
            ask_addresses(resolve, a->way, t);
        resolve->questions--;
    }
    if (resolve->fn)
        srv_done(resolve);
    else
        resolve_close(resolve);
}

static void ask_srv(cw_resolve *resolve) CW_ON_LOOP
{
    unsigned n = resolve->n;

    resolve->questions++;
    for (unsigned w = 0; w < n; w++)
        ares_query(resolve->resolver->channel, resolve->ways[w].name, 1 /* IN */, TYPE_SRV, got_srv,
                   ask(resolve, w, NONE));
    resolve->questions--;
    if (resolve->fn)
        srv_done(resolve);
    else
        resolve_close(resolve);
}

static bool is_ours(const cw_resolve *resolve, cw_sip_transport transport)
{
    return resolve->resolver->conf.transports & (1u << transport);
}

/* The name of RFC 3263 4.1: "_sips._tcp" is TLS. */
static void plan_srv(cw_resolve *resolve, cw_sip_transport transport)
{
    static const char *const services[] = { "_sip._udp", "_sip._tcp", "_sips._tcp" };
    way *w = add_way(resolve, transport);

    g_snprintf(w->name, sizeof w->name, "%s.%s", services[transport], resolve->name);
}

static void got_naptr(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
    g_autofree asking *a = arg;
    cw_naptr found[8];
    cw_resolve *resolve;
    unsigned n = 0;

    cw_assert_on_loop();
    resolve = answered(a);
    if (!resolve)
        return;
    if (status == ARES_SUCCESS)
        n = cw_naptr_read(answer, len, found, G_N_ELEMENTS(found), &resolve->ttl_s);
    for (unsigned i = 0; i < n && resolve->n < WAYS_MAX; i++) {
        if (!is_ours(resolve, found[i].transport) || (resolve->secure && !found[i].secure))
            continue;
        g_strlcpy(add_way(resolve, found[i].transport)->name, found[i].name,
                  sizeof resolve->ways[0].name);
    }
    for (cw_sip_transport t = CW_SIP_UDP; n == 0 && t <= CW_SIP_TLS; t++)
        if (is_ours(resolve, t) && (t == CW_SIP_TLS || !resolve->secure))
            plan_srv(resolve, t);
    ask_srv(resolve);
}

/* The question starts from the loop, so that its answer never comes before we returned. */
static void begin(void *arg)
{
    cw_resolve *resolve = arg;
    cw_resolver *resolver = resolve->resolver;
    const kept_answer *kept;

    cw_assert_on_loop();
    kept = resolve->hops_n == 0 && !resolve->err ? find_kept(resolve, false) : NULL;
    if (kept) {
        resolve->hops_n = kept->n;
        memcpy(resolve->hops, kept->hops, sizeof resolve->hops);
    }
    if (kept || resolve->hops_n > 0 || resolve->err) {
        tell(resolve);
        return;
    }
    cw_timer_free(resolve->timer);
    resolve->timer = cw_timer_new(resolver->loop, deadline, resolve);
    cw_timer_start(resolve->timer, resolver->conf.timeout_ms);
    if (resolve->port) {
        add_way(resolve, resolve->transport);
        ask_host(resolve, 0);
    } else if (resolve->any) {
        ares_query(resolver->channel, resolve->name, 1 /* IN */, TYPE_NAPTR, got_naptr,
                   ask(resolve, NONE, NONE));
    } else {
        plan_srv(resolve, resolve->transport);
        ask_srv(resolve);
    }
    arm(resolver);
}

cw_resolve *cw_resolve_start(cw_resolver *resolver, const cw_sip_host *host,
                             cw_sip_transport transport, bool any, cw_resolve_fn *fn, void *arg)
{
    cw_resolve *resolve = g_new0(cw_resolve, 1);
    uint16_t port = cw_sip_port_of(host, transport);
    cw_addr addr;

    resolve->resolver = resolver;
    resolve->fn = fn;
    resolve->arg = arg;
    resolve->transport = transport;
    resolve->any = any && !host->port;
    resolve->secure = host->secure;
    resolve->port = host->port;
    resolve->ttl_s = resolver->conf.keep_max_s;
    g_strlcpy(resolve->name, host->name, sizeof resolve->name);
    if (host->numeric) {
        if (cw_addr_from_ip(host->name, strlen(host->name), port, &addr))
            resolve->err = CW_E_DNS;
        else
            take_hop(resolve, transport, &addr);
    } else {
        resolve->key = g_strdup_printf("%s%s%s %s:%u", cw_sip_transport_name(transport),
                                       resolve->any ? " any" : "", host->secure ? " sips" : "",
                                       host->name, host->port);
        if (g_queue_get_length(&resolver->asked) >= PENDING_MAX)
            resolve->err = CW_E_DNS;
    }
    resolve->link.data = resolve;
    g_queue_push_tail_link(&resolver->asked, &resolve->link);
    resolve->timer = cw_timer_new(resolver->loop, begin, resolve);
    cw_timer_start(resolve->timer, 0);
    return resolve;
}

/* --- questions of any type --- */

typedef struct question {
    cw_resolver_answer_fn *fn;
    void *arg;
} question;

static void got_any(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
    g_autofree question *q = arg;

    cw_assert_on_loop();
    q->fn(q->arg, status == ARES_SUCCESS ? answer : NULL, status == ARES_SUCCESS ? len : 0);
}

void cw_resolver_query(cw_resolver *resolver, const char *name, int type, cw_resolver_answer_fn *fn,
                       void *arg)
{
    question *q = g_new(question, 1);

    *q = (question){ fn, arg };
    ares_query(resolver->channel, name, 1 /* IN */, type, got_any, q);
    arm(resolver);
}
