#include "sip/net/resolve_priv.h"

#include <arpa/inet.h>
#include <ares.h>
#include <glib.h>
#include <string.h>

#define PENDING_MAX 512 /* questions at once */
#define KEPT_MAX    1024
#define NONE        UINT_MAX

enum { TYPE_SRV = 33, TYPE_NAPTR = 35 };

void cw_resolve_close(cw_resolve *resolve)
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
    cw_resolve_close(resolve);
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
        cw_resolve_close(resolve);
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
    cw_resolve_close(resolve);
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
    g_strlcpy(to->targets[0].srv.name, to->direct ? to->name : resolve->name,
              sizeof to->targets[0].srv.name);
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
        cw_resolve_close(resolve);
}

static void ask_srv(cw_resolve *resolve) CW_ON_LOOP
{
    unsigned n = resolve->n;

    resolve->questions++;
    for (unsigned w = 0; w < n; w++)
        if (resolve->ways[w].direct)
            ask_host(resolve, w);
        else
            ares_query(resolve->resolver->channel, resolve->ways[w].name, 1 /* IN */, TYPE_SRV,
                       got_srv, ask(resolve, w, NONE));
    resolve->questions--;
    if (resolve->fn)
        srv_done(resolve);
    else
        cw_resolve_close(resolve);
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

static void got_naptr(void *arg, int status, int timeouts, unsigned char *answer, int len);

static void ask_naptr(cw_resolve *resolve, const char *name) CW_ON_LOOP
{
    ares_query(resolve->resolver->channel, name, 1 /* IN */, TYPE_NAPTR, got_naptr,
               ask(resolve, NONE, NONE));
}

/* The ways of those that end here, best first. NULL, or the first that leads to another domain. */
static const cw_naptr *plan_naptr(cw_resolve *resolve, const cw_naptr *found, unsigned n)
{
    const cw_naptr *onward = NULL;

    for (unsigned i = 0; i < n && resolve->n < WAYS_MAX; i++) {
        way *w;

        if (found[i].next == CW_NAPTR_NAPTR) {
            onward = onward ?: &found[i];
            continue;
        }
        if (!is_ours(resolve, found[i].transport) || (resolve->secure && !found[i].secure))
            continue;
        w = add_way(resolve, found[i].transport);
        w->direct = found[i].next == CW_NAPTR_HOST;
        g_strlcpy(w->name, found[i].name, sizeof w->name);
    }
    return onward;
}

static void got_naptr(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
    const cw_naptr *onward;
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
    onward = plan_naptr(resolve, found, n);
    if (onward && resolve->n == 0) { /* none ends here */
        if (resolve->chained++ < CHAIN_MAX) {
            ask_naptr(resolve, onward->name);
            return;
        }
        n = 0;
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
        ask_naptr(resolve, resolve->name);
    } else {
        plan_srv(resolve, resolve->transport);
        ask_srv(resolve);
    }
    cw_resolver_arm(resolver);
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
