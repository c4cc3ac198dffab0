/* What an agent's thread does with libnice.
 *
 * libnice emits its signals in whichever thread unlocks the agent next, a worker's that sends among
 * them: so their handlers only tell the loop, or ask the agent's thread to look.
 */
#include "webrtc/agent_priv.h"

#include "base/log.h"

#include <fcntl.h>
#include <string.h>

#define NAMES_US 60000000 /* how long an address looked up is taken as it is */

/* ── Conversions ── */

static bool to_addr(const NiceAddress *from, cw_addr *ret)
{
    struct sockaddr_storage all = { 0 };

    memset(ret, 0, sizeof *ret);
    if (!nice_address_is_valid(from))
        return false;
    nice_address_copy_to_sockaddr(from, (struct sockaddr *)&all);
    memcpy(ret, &all, all.ss_family == AF_INET6 ? sizeof ret->in6 : sizeof ret->in4);
    return true;
}

static cw_candidate_way to_way(NiceCandidateTransport transport)
{
    switch (transport) {
    case NICE_CANDIDATE_TRANSPORT_UDP:
        return CW_WAY_UDP;
    case NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE:
        return CW_WAY_TCP_ACTIVE;
    case NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE:
        return CW_WAY_TCP_PASSIVE;
    default:
        return CW_WAY_OTHER;
    }
}

static cw_candidate_type to_type(NiceCandidateType type)
{
    static const cw_candidate_type types[] = {
        [NICE_CANDIDATE_TYPE_HOST] = CW_CANDIDATE_HOST,
        [NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE] = CW_CANDIDATE_SRFLX,
        [NICE_CANDIDATE_TYPE_PEER_REFLEXIVE] = CW_CANDIDATE_PRFLX,
        [NICE_CANDIDATE_TYPE_RELAYED] = CW_CANDIDATE_RELAY,
    };

    return types[type];
}

static NiceCandidateType from_type(unsigned type)
{
    static const NiceCandidateType types[] = {
        [CW_CANDIDATE_HOST] = NICE_CANDIDATE_TYPE_HOST,
        [CW_CANDIDATE_SRFLX] = NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE,
        [CW_CANDIDATE_PRFLX] = NICE_CANDIDATE_TYPE_PEER_REFLEXIVE,
        [CW_CANDIDATE_RELAY] = NICE_CANDIDATE_TYPE_RELAYED,
    };

    return types[type];
}

static void to_candidate(const NiceCandidate *from, cw_candidate *ret)
{
    *ret = (cw_candidate){ .component = (uint16_t)from->component_id,
                           .type = (uint8_t)to_type(from->type),
                           .way = (uint8_t)to_way(from->transport),
                           .priority = from->priority };
    g_strlcpy(ret->foundation, from->foundation, sizeof ret->foundation);
    to_addr(&from->addr, &ret->addr);
}

/* 1:1 NAT: the world sees our host candidates there. */
static void make_public(const cw_agents_conf *conf, cw_candidate *candidate)
{
    const cw_addr *public =
        cw_addr_family(&candidate->addr) == AF_INET6 ? &conf->public6 : &conf->public4;
    uint16_t port = cw_addr_port(&candidate->addr);

    if (candidate->type != CW_CANDIDATE_HOST || cw_addr_family(public) == AF_UNSPEC)
        return;
    candidate->addr = *public;
    cw_addr_set_port(&candidate->addr, port);
}

/* RFC 8839 5.1 wants a base; what is behind a NAT need not be told (RFC 8828 5.2). */
static void hide_base(cw_candidate *candidate)
{
    if (candidate->type == CW_CANDIDATE_HOST)
        return;
    candidate->base.sa.sa_family = candidate->addr.sa.sa_family;
}

/* ── Signals; any thread ── */

static void on_candidate(NiceAgent *nice, NiceCandidate *candidate, gpointer arg)
{
    cw_agent *agent = arg;
    cw_agent_event event = { .what = CW_AGENT_CANDIDATE };

    to_candidate(candidate, &event.local);
    if (event.local.way != CW_WAY_UDP && event.local.way != CW_WAY_TCP_PASSIVE)
        return; /* a browser waits for no connection */
    make_public(&agent->agents->conf, &event.local);
    hide_base(&event.local);
    cw_agent_tell(agent, &event);
}

static void on_gathered(NiceAgent *nice, guint stream, gpointer arg)
{
    cw_agent_tell(arg, &(cw_agent_event){ .what = CW_AGENT_GATHERED });
}

static void on_pair(NiceAgent *nice, guint stream, guint component, NiceCandidate *local,
                    NiceCandidate *remote, gpointer arg)
{
    cw_agent_give(arg, AGENT_LOOK, NULL, NULL, NULL);
}

static void on_state(NiceAgent *nice, guint stream, guint component, guint state, gpointer arg)
{
    if (state == NICE_COMPONENT_STATE_READY)
        cw_agent_give(arg, AGENT_LOOK, NULL, NULL, NULL);
    else if (state == NICE_COMPONENT_STATE_FAILED)
        cw_agent_give(arg, AGENT_SILENCE, NULL, NULL, NULL);
}

static void on_packet(NiceAgent *nice, guint stream, guint component, guint len, gchar *data,
                      gpointer arg)
{
    cw_agent *agent = arg;

    cw_assert_on_ice();
    if (!agent->closed)
        cw_transport_input(agent->transport, (const uint8_t *)data, len);
}

/* ── Servers' names ── */

static void take_address(cw_lookup *lookup, GInetAddress *address)
{
    char **to =
        g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 ? &lookup->ip6 : &lookup->ip4;

    if (!*to)
        *to = g_inet_address_to_string(address);
}

typedef struct asking {
    cw_ice_thread *thread; /* counts it among the living, so waits for it */
    cw_lookup *lookup;
} asking;

/* A name that is not found now leaves the address that was known. */
static void on_name(GObject *source, GAsyncResult *result, gpointer arg)
{
    g_autofree asking *ask = arg;
    cw_lookup *lookup = ask->lookup;
    cw_agents *agents = ask->thread->agents;
    GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, NULL);

    cw_assert_on_ice();
    ask->thread->live--;
    if (!found) {
        if (!g_cancellable_is_cancelled(agents->end))
            cw_log(CW_LOG_WARN, CW_MOD_MEDIA, "ice.name", "host", lookup->server->host, "error",
                   "not found", NULL);
        return;
    }
    pthread_mutex_lock(&agents->names_lock);
    g_clear_pointer(&lookup->ip4, g_free);
    g_clear_pointer(&lookup->ip6, g_free);
    for (GList *i = found; i; i = i->next)
        take_address(lookup, i->data);
    pthread_mutex_unlock(&agents->names_lock);
    g_resolver_free_addresses(found);
}

static bool is_due(cw_agents *agents, cw_lookup *lookup)
{
    uint64_t now = cw_now_us();
    bool due;

    pthread_mutex_lock(&agents->names_lock);
    due = !lookup->asked_us || now - lookup->asked_us > NAMES_US;
    if (due)
        lookup->asked_us = now;
    pthread_mutex_unlock(&agents->names_lock);
    return due;
}

static void ask(cw_ice_thread *thread, cw_lookup *lookup) CW_ON_ICE
{
    GResolver *resolver;
    asking *about;

    if (!lookup->server || !lookup->server->host || !is_due(thread->agents, lookup))
        return;
    resolver = g_resolver_get_default();
    about = g_new(asking, 1);
    *about = (asking){ thread, lookup };
    thread->live++;
    g_resolver_lookup_by_name_async(resolver, lookup->server->host, thread->agents->end, on_name,
                                    about);
    g_object_unref(resolver);
}

void cw_names_refresh(cw_ice_thread *thread)
{
    cw_agents *agents = thread->agents;

    ask(thread, &agents->stun);
    for (unsigned i = 0; i < agents->conf.turn_n; i++)
        ask(thread, &agents->turn[i]);
}

static char *name_get(cw_agents *agents, const cw_lookup *of, int family)
{
    char *ret;

    pthread_mutex_lock(&agents->names_lock);
    ret = g_strdup(family == AF_INET6 ? of->ip6 : of->ip4);
    pthread_mutex_unlock(&agents->names_lock);
    return ret;
}

/* ── An agent is made ── */

static void add_addresses(cw_agent *agent, NiceAgent *nice)
{
    const cw_agents_conf *conf = &agent->agents->conf;
    NiceAddress addr;

    for (unsigned i = 0; i < conf->addr_n; i++) {
        nice_address_init(&addr);
        nice_address_set_from_sockaddr(&addr, &conf->addr[i].sa);
        nice_address_set_port(&addr, 0);
        nice_agent_add_local_address(nice, &addr);
    }
}

/* libnice takes one STUN server, and a name that is not found keeps it gathering for ever. */
static void set_stun(cw_agent *agent, NiceAgent *nice)
{
    cw_agents *agents = agent->agents;
    g_autofree char *ip = NULL;

    if (!agents->conf.stun.host)
        return;
    ip = name_get(agents, &agents->stun, AF_INET);
    if (!ip)
        ip = name_get(agents, &agents->stun, AF_INET6);
    if (ip)
        g_object_set(nice, "stun-server", ip, "stun-server-port", (guint)agents->conf.stun.port,
                     NULL);
}

static void add_relay(cw_agent *agent, NiceAgent *nice, guint stream, const cw_lookup *lookup,
                      int family)
{
    const cw_ice_server *server = lookup->server;
    g_autofree char *ip = name_get(agent->agents, lookup, family);

    if (ip)
        nice_agent_set_relay_info(
            nice, stream, 1, ip, server->port, server->username, server->password,
            server->way == CW_RELAY_UDP ? NICE_RELAY_TYPE_TURN_UDP : NICE_RELAY_TYPE_TURN_TCP);
}

static void add_relays(cw_agent *agent, NiceAgent *nice, guint stream)
{
    cw_agents *agents = agent->agents;

    for (unsigned i = 0; i < agents->conf.turn_n; i++) {
        const cw_tunnel *tunnel = &agents->tunnel[i];

        if (tunnel->listener) {
            nice_agent_set_relay_info(nice, stream, 1, tunnel->ip, tunnel->port,
                                      tunnel->server->username, tunnel->server->password,
                                      NICE_RELAY_TYPE_TURN_TCP);
            continue;
        }
        add_relay(agent, nice, stream, &agents->turn[i], AF_INET);
        add_relay(agent, nice, stream, &agents->turn[i], AF_INET6);
    }
}

static void connect_signals(cw_agent *agent, NiceAgent *nice)
{
    g_signal_connect(nice, "new-candidate-full", G_CALLBACK(on_candidate), agent);
    g_signal_connect(nice, "candidate-gathering-done", G_CALLBACK(on_gathered), agent);
    g_signal_connect(nice, "new-selected-pair-full", G_CALLBACK(on_pair), agent);
    g_signal_connect(nice, "component-state-changed", G_CALLBACK(on_state), agent);
}

/* upnp would look for routers on every network, each time. */
static NiceAgent *make(cw_agent *agent)
{
    NiceAgent *nice =
        nice_agent_new_full(agent->thread->context, NICE_COMPATIBILITY_RFC5245,
                            NICE_AGENT_OPTION_REGULAR_NOMINATION | NICE_AGENT_OPTION_ICE_TRICKLE |
                                NICE_AGENT_OPTION_CONSENT_FRESHNESS);

    g_object_set(nice, "upnp", FALSE, "ice-udp", TRUE, "ice-tcp", (gboolean)agent->agents->conf.tcp,
                 "controlling-mode", (gboolean)agent->controlling, NULL);
    return nice;
}

static void start(cw_agent *agent, const cw_agent_order *order) CW_ON_ICE
{
    const cw_agents_conf *conf = &agent->agents->conf;
    NiceAgent *nice = make(agent);
    guint stream;

    agent->thread->live++;
    cw_names_refresh(agent->thread);
    add_addresses(agent, nice);
    set_stun(agent, nice);
    connect_signals(agent, nice);
    stream = nice_agent_add_stream(nice, 1);
    nice_agent_set_local_credentials(nice, stream, order->ufrag, order->pwd);
    if (conf->port_min)
        nice_agent_set_port_range(nice, stream, 1, conf->port_min, conf->port_max);
    add_relays(agent, nice, stream);
    nice_agent_attach_recv(nice, stream, 1, agent->thread->context, on_packet, agent);
    atomic_store(&agent->stream, stream);
    atomic_store_explicit(&agent->nice, nice, memory_order_release);
    if (!nice_agent_gather_candidates(nice, stream)) {
        cw_log(CW_LOG_WARN, CW_MOD_MEDIA, "ice.gather", "error", "no socket could be opened", NULL);
        on_gathered(nice, stream, agent);
    }
}

/* ── What the far side says ── */

static void add_remote(NiceAgent *nice, guint stream, const cw_candidate *candidate)
{
    NiceCandidate *c = nice_candidate_new(from_type(candidate->type));
    GSList list = { .data = c };

    c->stream_id = stream;
    c->component_id = 1;
    c->transport = candidate->way == CW_WAY_UDP ? NICE_CANDIDATE_TRANSPORT_UDP
                                                : NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE;
    c->priority = candidate->priority;
    g_strlcpy(c->foundation, candidate->foundation, sizeof c->foundation);
    nice_address_set_from_sockaddr(&c->addr, &candidate->addr.sa);
    nice_agent_set_remote_candidates(nice, stream, 1, &list);
    nice_candidate_free(c);
}

/* ── The pair ── */

/* A worker may use the pair's socket itself, but for relays and TCP, which frame what they carry.
 */
static void set_way(cw_agent *agent, NiceAgent *nice, guint stream, const cw_addr *to) CW_ON_ICE
{
    GSocket *socket = nice_agent_get_selected_socket(nice, stream, 1);
    int fd = socket ? fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0) : -1;

    cw_transport_way(agent->transport, fd, to);
    g_clear_object(&socket);
}

static void look(cw_agent *agent, NiceAgent *nice, guint stream) CW_ON_ICE
{
    cw_agent_event event = { .what = CW_AGENT_SELECTED };
    NiceCandidate *local, *remote;

    if (!nice_agent_get_selected_pair(nice, stream, 1, &local, &remote))
        return;
    to_candidate(local, &event.local);
    to_candidate(remote, &event.remote);
    set_way(agent, nice, stream, &event.remote.addr);
    cw_agent_tell(agent, &event);
}

/* Before a pair it means only that more candidates are needed. Nothing may be sent any more. */
static void silence(cw_agent *agent, NiceAgent *nice, guint stream) CW_ON_ICE
{
    static const cw_addr nowhere;
    NiceCandidate *local, *remote;

    if (nice_agent_get_component_state(nice, stream, 1) != NICE_COMPONENT_STATE_FAILED ||
        !nice_agent_get_selected_pair(nice, stream, 1, &local, &remote))
        return;
    cw_transport_way(agent->transport, -1, &nowhere); /* libnice refuses to send, so */
    cw_agent_tell(agent, &(cw_agent_event){ .what = CW_AGENT_SILENT });
}

/* ── The end ── */

static void close_agent(cw_agent *agent, NiceAgent *nice, guint stream) CW_ON_ICE
{
    agent->closed = true;
    if (nice)
        nice_agent_remove_stream(nice, stream);
    cw_transport_closed(agent->transport);
}

static void on_closed(GObject *nice, GAsyncResult *result, gpointer arg)
{
    cw_ice_thread *thread = arg;

    cw_assert_on_ice();
    thread->live--;
    g_object_unref(nice);
}

/* Its relays are given back first. */
static void destroy(cw_agent *agent, NiceAgent *nice) CW_ON_ICE
{
    if (!nice)
        return;
    atomic_store(&agent->nice, NULL);
    g_signal_handlers_disconnect_by_data(nice, agent);
    nice_agent_close_async(nice, on_closed, agent->thread);
}

void cw_agent_do(const cw_agent_order *order)
{
    cw_agent *agent = order->agent;
    NiceAgent *nice = atomic_load(&agent->nice);
    guint stream = atomic_load(&agent->stream);

    if (order->op == AGENT_DESTROY) {
        destroy(agent, nice);
        return;
    }
    if (agent->closed || (!nice && order->op != AGENT_START && order->op != AGENT_CLOSE))
        return;
    switch (order->op) {
    case AGENT_START:
        start(agent, order);
        break;
    case AGENT_REMOTE:
        nice_agent_set_remote_credentials(nice, stream, order->ufrag, order->pwd);
        break;
    case AGENT_ADD:
        add_remote(nice, stream, &order->candidate);
        break;
    case AGENT_END:
        nice_agent_peer_candidate_gathering_done(nice, stream);
        break;
    case AGENT_RESTART:
        nice_agent_restart_stream(nice, stream);
        nice_agent_set_local_credentials(nice, stream, order->ufrag, order->pwd);
        break;
    case AGENT_LOOK:
        look(agent, nice, stream);
        break;
    case AGENT_SILENCE:
        silence(agent, nice, stream);
        break;
    case AGENT_CLOSE:
        close_agent(agent, nice, stream);
        break;
    case AGENT_DESTROY:
        break;
    }
}
