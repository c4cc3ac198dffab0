/* resolver.c - c-ares on the loop: its sockets, its retries, questions of any type. */
#include "sip/net/resolve_priv.h"

#include <arpa/inet.h>
#include <ares.h>
#include <glib.h>
#include <string.h>

#define TRY_MS 500 /* c-ares' first wait for a server; it doubles */

static void tick(void *arg) CW_ON_LOOP;

void cw_resolver_arm(cw_resolver *resolver)
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
    cw_resolver_arm(resolver);
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
    cw_resolver_arm(resolver);
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

void cw_resolver_free(cw_resolver *resolver)
{
    if (!resolver)
        return;
    while (resolver->asked.head)
        cw_resolve_close(resolver->asked.head->data);
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
    cw_resolver_arm(resolver);
}
