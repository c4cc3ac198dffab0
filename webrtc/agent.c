/* Threads of the agents, their queues, and the objects' lives. */
#include "webrtc/agent_priv.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define END_MS 1000 /* for relays to be given back at the end */

/* ── References ── */

static void agents_unref(cw_agents *agents) CW_TSA(no_thread_safety_analysis)
{
    if (atomic_fetch_sub(&agents->refs, 1) != 1)
        return;
    for (unsigned i = 0; i < agents->thread_n; i++) {
        cw_ice_thread *thread = &agents->thread[i];

        g_main_context_unref(thread->context);
        if (thread->wake >= 0)
            close(thread->wake);
        pthread_mutex_destroy(&thread->lock);
    }
    g_free(agents->stun.ip4);
    g_free(agents->stun.ip6);
    for (unsigned i = 0; i < CW_TURN_MAX; i++) {
        g_free(agents->turn[i].ip4);
        g_free(agents->turn[i].ip6);
        cw_tunnel_clear(&agents->tunnel[i]);
    }
    pthread_mutex_destroy(&agents->names_lock);
    g_object_unref(agents->end);
    g_free(agents->thread);
    g_free(agents);
}

cw_agent *cw_agent_ref(cw_agent *agent)
{
    atomic_fetch_add(&agent->refs, 1);
    return agent;
}

static void order_free(cw_agent_order *order)
{
    if (order->op != AGENT_DESTROY)
        cw_agent_unref(order->agent);
    g_free(order->ufrag);
    g_free(order->pwd);
    g_free(order);
}

/* False: the thread has ended. */
static bool enqueue(cw_ice_thread *thread, cw_agent_order *order)
{
    bool was_empty, ok;

    pthread_mutex_lock(&thread->lock);
    was_empty = !thread->first;
    ok = !thread->stopped;
    if (ok) {
        *thread->last = order;
        thread->last = &order->next;
    }
    pthread_mutex_unlock(&thread->lock);
    if (ok && was_empty)
        eventfd_write(thread->wake, 1);
    return ok;
}

static cw_agent_order *order_new(cw_agent *agent, cw_agent_op op)
{
    cw_agent_order *order = g_new0(cw_agent_order, 1);

    order->op = op;
    order->agent = agent;
    return order;
}

void cw_agent_give(cw_agent *agent, cw_agent_op op, const char *ufrag, const char *pwd,
                   const cw_candidate *candidate)
{
    cw_agent_order *order = order_new(cw_agent_ref(agent), op);

    order->ufrag = g_strdup(ufrag);
    order->pwd = g_strdup(pwd);
    if (candidate)
        order->candidate = *candidate;
    if (!enqueue(agent->thread, order))
        order_free(order);
}

static void agent_release(cw_agent *agent)
{
    cw_agents *agents = agent->agents;
    NiceAgent *nice = atomic_load(&agent->nice);

    if (nice) /* its thread has ended before it */
        g_object_unref(nice);
    g_free(agent);
    agents_unref(agents);
}

void cw_agent_unref(cw_agent *agent)
{
    cw_agent_order *order;

    if (atomic_fetch_sub(&agent->refs, 1) != 1)
        return;
    order = order_new(agent, AGENT_DESTROY);
    if (enqueue(agent->thread, order))
        return;
    order_free(order);
    agent_release(agent);
}

/* ── To the loop ── */

typedef struct note {
    cw_agent *agent; /* a reference */
    cw_agent_event event;
} note;

static void on_note(void *arg)
{
    note *n = arg;

    cw_assert_on_loop();
    if (n->agent->fn)
        n->agent->fn(n->agent->arg, &n->event);
    cw_agent_unref(n->agent);
    g_free(n);
}

void cw_agent_tell(cw_agent *agent, const cw_agent_event *event)
{
    note *n = g_new0(note, 1);

    n->agent = cw_agent_ref(agent);
    n->event = *event;
    cw_loop_post(agent->agents->loop, on_note, n);
}

/* ── A thread ── */

static cw_agent_order *take_all(cw_ice_thread *thread, bool *stop)
{
    cw_agent_order *first;

    pthread_mutex_lock(&thread->lock);
    first = thread->first;
    thread->first = NULL;
    thread->last = &thread->first;
    *stop = thread->stop;
    pthread_mutex_unlock(&thread->lock);
    return first;
}

static bool run_orders(cw_ice_thread *thread) CW_ON_ICE
{
    cw_agent_order *order, *next;
    bool stop;

    for (order = take_all(thread, &stop); order; order = next) {
        cw_agent *agent = order->agent;
        bool last = order->op == AGENT_DESTROY;

        next = order->next;
        cw_agent_do(order);
        order_free(order);
        if (last)
            agent_release(agent);
    }
    return !stop;
}

static gboolean on_wake(gint fd, GIOCondition condition, gpointer arg)
{
    eventfd_t count;

    eventfd_read(fd, &count);
    return G_SOURCE_CONTINUE;
}

static gboolean on_end(gpointer arg)
{
    *(bool *)arg = true;
    return G_SOURCE_REMOVE;
}

static GSource *attach(GSource *source, GMainContext *context, GSourceFunc fn, gpointer arg)
{
    g_source_set_callback(source, fn, arg, NULL);
    g_source_attach(source, context);
    return source;
}

/* What is queued is done, and NiceAgents have a while to say good-bye to their relays. */
static void wind_up(cw_ice_thread *thread) CW_ON_ICE
{
    bool over = false;
    GSource *timer = attach(g_timeout_source_new(END_MS), thread->context, on_end, &over);

    while (thread->live > 0 && !over) {
        g_main_context_iteration(thread->context, TRUE);
        run_orders(thread);
    }
    g_source_destroy(timer);
    g_source_unref(timer);
    pthread_mutex_lock(&thread->lock);
    thread->stopped = true;
    pthread_mutex_unlock(&thread->lock);
    run_orders(thread);
}

/* What the first thread does for all. */
static void begin(cw_ice_thread *thread) CW_ON_ICE
{
    cw_names_refresh(thread);
    for (unsigned i = 0; i < CW_TURN_MAX; i++)
        if (thread->agents->tunnel[i].listener)
            cw_tunnel_run(&thread->agents->tunnel[i], thread);
}

static void *thread_main(void *arg)
{
    cw_ice_thread *thread = arg;
    GSource *wake = g_unix_fd_source_new(thread->wake, G_IO_IN);
    sigset_t all;

    pthread_setname_np(pthread_self(), "cw-ice");
    cw_role_take(&cw_role_ice);
    cw_assert_on_ice();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    g_main_context_push_thread_default(thread->context);
    attach(wake, thread->context, G_SOURCE_FUNC(on_wake), NULL);
    if (thread == thread->agents->thread)
        begin(thread);
    while (run_orders(thread))
        g_main_context_iteration(thread->context, TRUE);
    wind_up(thread);
    g_source_destroy(wake);
    g_source_unref(wake);
    g_main_context_pop_thread_default(thread->context);
    cw_role_drop(&cw_role_ice);
    return NULL;
}

/* ── The loop's side ── */

static bool thread_start(cw_agents *agents, cw_ice_thread *thread) CW_ON_LOOP
{
    thread->agents = agents;
    thread->context = g_main_context_new();
    thread->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread->last = &thread->first;
    pthread_mutex_init(&thread->lock, NULL);
    thread->running =
        thread->wake >= 0 && !pthread_create(&thread->thread, NULL, thread_main, thread);
    return thread->running;
}

static bool add_relays(cw_agents *agents) CW_ON_LOOP
{
    int family = agents->conf.addr_n ? cw_addr_family(&agents->conf.addr[0]) : AF_INET;

    for (unsigned i = 0; i < agents->conf.turn_n; i++) {
        const cw_ice_server *server = &agents->conf.turn[i];

        if (server->way != CW_RELAY_TLS)
            agents->turn[i].server = server;
        else if (!cw_tunnel_open(&agents->tunnel[i], server, family))
            return false;
    }
    return true;
}

cw_err cw_agents_new(cw_loop *loop, const cw_agents_conf *conf, cw_agents **ret)
{
    cw_agents *agents = g_new0(cw_agents, 1);
    unsigned n = MAX(conf->threads, 1);

    atomic_init(&agents->refs, 1);
    agents->loop = loop;
    agents->conf = *conf;
    agents->end = g_cancellable_new();
    pthread_mutex_init(&agents->names_lock, NULL);
    agents->stun.server = &agents->conf.stun;
    agents->thread = g_new0(cw_ice_thread, n);
    if (!add_relays(agents)) {
        cw_agents_free(agents);
        return CW_E_INTERNAL;
    }
    for (unsigned i = 0; i < n; i++) {
        agents->thread_n = i + 1;
        if (!thread_start(agents, &agents->thread[i])) {
            cw_agents_free(agents);
            return CW_E_INTERNAL;
        }
    }
    *ret = agents;
    return CW_OK;
}

void cw_agents_free(cw_agents *agents)
{
    if (!agents)
        return;
    g_cancellable_cancel(agents->end);
    for (unsigned i = 0; i < agents->thread_n; i++) {
        cw_ice_thread *thread = &agents->thread[i];

        if (!thread->running)
            continue;
        pthread_mutex_lock(&thread->lock);
        thread->stop = true;
        pthread_mutex_unlock(&thread->lock);
        eventfd_write(thread->wake, 1);
    }
    for (unsigned i = 0; i < agents->thread_n; i++)
        if (agents->thread[i].running)
            pthread_join(agents->thread[i].thread, NULL);
    agents_unref(agents);
}

/* ── An agent ── */

static cw_agent *agent_alloc(cw_agents *agents, cw_ice_thread *thread)
{
    cw_agent *agent = g_new0(cw_agent, 1);

    atomic_init(&agent->refs, 1);
    atomic_fetch_add(&agents->refs, 1);
    agent->agents = agents;
    agent->thread = thread;
    return agent;
}

cw_agent *cw_agent_new(cw_agents *agents, bool controlling, cw_agent_fn *fn, void *arg)
{
    cw_agent *agent = agent_alloc(agents, &agents->thread[agents->next++ % agents->thread_n]);

    agent->controlling = controlling;
    agent->fn = fn;
    agent->arg = arg;
    return agent;
}

void cw_agent_start(cw_agent *agent, cw_transport *transport, const char *ufrag, const char *pwd)
{
    agent->transport = transport;
    agent->started = true;
    cw_agent_give(agent, AGENT_START, ufrag, pwd, NULL);
}

void cw_agent_remote(cw_agent *agent, const char *ufrag, const char *pwd)
{
    cw_agent_give(agent, AGENT_REMOTE, ufrag, pwd, NULL);
}

void cw_agent_add(cw_agent *agent, const cw_candidate *candidate)
{
    cw_agent_give(agent, AGENT_ADD, NULL, NULL, candidate);
}

void cw_agent_end(cw_agent *agent)
{
    cw_agent_give(agent, AGENT_END, NULL, NULL, NULL);
}

void cw_agent_restart(cw_agent *agent, const char *ufrag, const char *pwd)
{
    cw_agent_give(agent, AGENT_RESTART, ufrag, pwd, NULL);
}

void cw_agent_free(cw_agent *agent)
{
    if (!agent)
        return;
    agent->fn = NULL;
    cw_agent_unref(agent);
}

/* ── The carrier ── */

/* libnice locks the agent for it: the worker waits while the agent's thread has it, which is as
 * long as a check takes to be read. */
static bool carry(void *arg, const uint8_t *data, size_t len)
{
    cw_agent *agent = arg;
    NiceAgent *nice = atomic_load_explicit(&agent->nice, memory_order_acquire);

    return nice && nice_agent_send(nice, atomic_load_explicit(&agent->stream, memory_order_relaxed),
                                   1, (guint)len, (const gchar *)data) == (gint)len;
}

static void carry_close(void *arg)
{
    cw_agent_give(arg, AGENT_CLOSE, NULL, NULL, NULL);
}

static void carry_release(void *arg)
{
    cw_agent_unref(arg);
}

cw_carrier cw_agent_carrier(cw_agent *agent)
{
    return (cw_carrier){ cw_agent_ref(agent), carry, carry_close, carry_release };
}

/* ── What peers offer ── */

static bool is_group(const cw_addr *addr)
{
    const uint8_t *v4 = (const uint8_t *)&addr->in4.sin_addr;

    return cw_addr_family(addr) == AF_INET ? v4[0] >= 224 || v4[0] == 0
                                           : IN6_IS_ADDR_MULTICAST(&addr->in6.sin6_addr) ||
                                                 IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr) ||
                                                 IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr);
}

static bool we_are_there(const cw_agents *agents)
{
    for (unsigned i = 0; i < agents->conf.addr_n; i++)
        if (cw_addr_is_loopback(&agents->conf.addr[i]))
            return true;
    return false;
}

bool cw_agent_wants(const cw_agents *agents, const cw_candidate *candidate)
{
    const cw_addr *addr = &candidate->addr;

    if (candidate->component != 1 || candidate->type == CW_CANDIDATE_OTHER ||
        (candidate->way != CW_WAY_UDP && candidate->way != CW_WAY_TCP_ACTIVE) ||
        cw_addr_family(addr) == AF_UNSPEC || cw_addr_port(addr) == 0)
        return false;
    return !cw_addr_is_any(addr) && !is_group(addr) &&
           (!cw_addr_is_loopback(addr) || we_are_there(agents));
}
