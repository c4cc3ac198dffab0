#include "sip/net/plug.h"

#include "base/log.h"
#include "sip/net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REST_MS 200 /* without accepting, when there is no descriptor left */

/* Sofia-SIP 1.12.11's transport type (tport/tport_internal.h). */
typedef struct tport_type {
    char const *name;
    enum tport_via via;
    size_t primary_size;
    int (*init_primary)(tport_primary_t *pri, tp_name_t name[1], su_addrinfo_t *ai,
                        tagi_t const *tags, char const **culprit);
    void (*deinit_primary)(tport_primary_t *pri);
    int (*wakeup_primary)(tport_primary_t *pri, int events);
    tport_t *(*connect)(tport_primary_t *pri, su_addrinfo_t *ai, tp_name_t const *name);
    size_t secondary_size;
    int (*init_secondary)(tport_t *tp, int socket, int accepted, char const **reason);
    void (*deinit_secondary)(tport_t *tp);
    void (*shutdown)(tport_t *tp, int how);
    int (*set_events)(tport_t const *tp);
    int (*wakeup)(tport_t *tp, int events);
    int (*receive)(tport_t *tp);
    ssize_t (*send)(tport_t const *tp, msg_t *msg, msg_iovec_t iov[], size_t n);
    void (*deliver)(tport_t *tp, msg_t *msg, su_time_t now);
    int (*prepare)(tport_t *tp, msg_t *msg, tp_name_t const *name, void *compartment, unsigned mtu);
    int (*keepalive)(tport_t *tp, su_addrinfo_t const *ai, tagi_t const *tags);
    int (*stun)(tport_t const *tp, void *msg, size_t len, void *addr, socklen_t addr_len);
    int (*next_timer)(tport_t *tp, su_time_t *target, char const **why);
    void (*timer)(tport_t *tp, su_time_t now);
} tport_type;

extern const tport_type tport_tcp_vtable;
int tport_register_type(tport_type const *type);
int tport_accept(tport_primary_t *pri, int events);
int tport_tcp_init_primary(tport_primary_t *pri, tp_name_t name[1], su_addrinfo_t *ai,
                           tagi_t const *tags, char const **culprit);
int tport_tcp_init_client(tport_primary_t *pri, tp_name_t name[1], su_addrinfo_t *ai,
                          tagi_t const *tags, char const **culprit);
int tport_tcp_init_secondary(tport_t *tp, int socket, int accepted, char const **reason);
int tport_recv_stream(tport_t *tp);
ssize_t tport_send_stream(tport_t const *tp, msg_t *msg, msg_iovec_t iov[], size_t n);
int tport_tcp_next_timer(tport_t *tp, su_time_t *target, char const **why);
void tport_tcp_timer(tport_t *tp, su_time_t now);
tport_t *tport_base_connect(tport_primary_t *pri, su_addrinfo_t *ai, su_addrinfo_t *real,
                            tp_name_t const *name);

/* Of the process, on the loop: Sofia's registry is the process's, too. */
static tport_type types[2];
static GHashTable *sockets CW_OF_LOOP; /* primary -> cw_sip_socket */
static cw_sip *binding CW_OF_LOOP;
static bool for_web CW_OF_LOOP; /* what is bound is for WebSockets */
static int spare = -1;          /* a TCP socket that never goes anywhere */

/* --- Sofia's calls --- */

static void on_acceptable(void *arg, unsigned events)
{
    cw_sip_socket *socket = arg;
    cw_addr peer;

    cw_assert_on_loop();
    for (unsigned i = 0; i < 64; i++) {
        socklen_t len = sizeof peer;
        int fd;

        memset(&peer, 0, sizeof peer);
        fd = accept4(socket->fd, &peer.sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            cw_sip_stream_accept(socket, fd, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            cw_watch_set(socket->watch, 0);
            cw_timer_start(socket->rest, REST_MS);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

static void on_rested(void *arg)
{
    cw_sip_socket *socket = arg;

    cw_assert_on_loop();
    cw_watch_set(socket->watch, CW_READABLE);
}

static int open_socket(su_addrinfo_t *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    socklen_t len = ai->ai_addrlen;
    int one = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, ai->ai_addr, len) || listen(fd, SOMAXCONN) ||
        getsockname(fd, ai->ai_addr, &len)) { /* the real port, for Sofia's name of it */
        int why = errno;

        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static cw_sip_socket *socket_new(tport_primary_t *pri, cw_sip_transport transport,
                                 const su_addrinfo_t *ai, int fd) CW_ON_LOOP
{
    cw_sip_socket *socket = g_new0(cw_sip_socket, 1);

    socket->sip = binding;
    socket->transport = transport;
    socket->primary = pri;
    socket->fd = fd;
    memcpy(&socket->addr, ai->ai_addr, MIN(sizeof socket->addr, ai->ai_addrlen));
    if (fd < 0)
        return socket;
    socket->rest = cw_timer_new(binding->loop, on_rested, socket);
    socket->watch = cw_watch_new(binding->loop, fd, on_acceptable, socket);
    cw_watch_set(socket->watch, CW_READABLE);
    return socket;
}

static int init_primary(tport_primary_t *pri, su_addrinfo_t *ai, tagi_t const *tags,
                        cw_sip_transport transport, char const **culprit)
{
    int fd = -1;

    cw_assert_on_loop();
    if (binding && !for_web)
        fd = open_socket(ai);
    if (fd < 0 && !for_web)
        return *culprit = "listen", -1;
    g_hash_table_insert(sockets, pri, socket_new(pri, for_web ? CW_SIP_WS : transport, ai, fd));
    return tport_tcp_init_client(pri, NULL, ai, tags, culprit);
}

static int init_tcp(tport_primary_t *pri, tp_name_t name[1], su_addrinfo_t *ai, tagi_t const *tags,
                    char const **culprit)
{
    return init_primary(pri, ai, tags, CW_SIP_TCP, culprit);
}

static int init_tls(tport_primary_t *pri, tp_name_t name[1], su_addrinfo_t *ai, tagi_t const *tags,
                    char const **culprit)
{
    return init_primary(pri, ai, tags, CW_SIP_TLS, culprit);
}

/* Sofia itself wants to connect: to answer a request whose connection is gone (RFC 3261 18.2.2).
 * Not by TLS: nobody could say whose certificate to expect. */
static tport_t *on_connect(tport_primary_t *pri, su_addrinfo_t *ai, tp_name_t const *name)
{
    cw_sip_socket *socket;
    cw_addr peer = { 0 };

    cw_assert_on_loop();
    socket = g_hash_table_lookup(sockets, pri);
    if (socket && socket->transport == CW_SIP_TCP && ai->ai_addrlen <= sizeof peer) {
        memcpy(&peer, ai->ai_addr, ai->ai_addrlen);
        if (!cw_sip_web_is_alias(&peer))
            return cw_sip_stream_connect(socket, &peer, NULL, NULL);
    }
    errno = ECONNREFUSED;
    return NULL;
}

/* What Sofia's does is for TCP sockets; ours is none. */
static int init_secondary(tport_t *tp, int socket, int accepted, char const **reason)
{
    return tport_tcp_init_secondary(tp, spare, accepted, reason);
}

/* --- registered --- */

static bool is_known(const tport_type *type)
{
    return type->name && strcmp(type->name, "tcp") == 0 && type->via == tport_type_local &&
           type->primary_size > type->secondary_size && type->secondary_size > 256 &&
           type->secondary_size < 4096 && type->init_primary == tport_tcp_init_primary &&
           type->wakeup_primary == tport_accept && !type->connect &&
           type->init_secondary == tport_tcp_init_secondary && type->receive == tport_recv_stream &&
           type->send == tport_send_stream && type->next_timer == tport_tcp_next_timer &&
           type->timer == tport_tcp_timer;
}

static void fill_type(tport_type *type, const char *name,
                      int (*init)(tport_primary_t *, tp_name_t[1], su_addrinfo_t *, tagi_t const *,
                                  char const **))
{
    *type = tport_tcp_vtable;
    type->name = name;
    type->init_primary = init;
    type->wakeup_primary = NULL;
    type->connect = on_connect;
    type->init_secondary = init_secondary;
}

cw_err cw_sip_plug(char why[static 128])
{
    if (sockets)
        return CW_OK;
    spare = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (spare < 0) {
        g_snprintf(why, 128, "no socket: %s", g_strerror(errno));
        return CW_E_IO;
    }
    fill_type(&types[0], "tcp", init_tcp);
    fill_type(&types[1], "tls", init_tls);
    if (!is_known(&tport_tcp_vtable) || tport_register_type(&types[0]) ||
        tport_register_type(&types[1])) {
        g_strlcpy(why, "this Sofia-SIP has other transports than 1.12.11", 128);
        return CW_E_INTERNAL;
    }
    sockets = g_hash_table_new(NULL, NULL);
    return CW_OK;
}

void cw_sip_plug_for(cw_sip *sip)
{
    binding = sip;
    for_web = false;
}

void cw_sip_plug_web(cw_sip *sip)
{
    binding = sip;
    for_web = true;
}

static gboolean close_of(void *primary, void *value, void *sip)
{
    cw_sip_socket *socket = value;

    cw_assert_on_loop();
    if (socket->sip != sip)
        return FALSE;
    if (socket->fd >= 0) {
        cw_watch_free(socket->watch);
        close(socket->fd);
    }
    cw_timer_free(socket->rest);
    g_free(socket);
    return TRUE;
}

void cw_sip_unplug(cw_sip *sip)
{
    if (sockets)
        g_hash_table_foreach_remove(sockets, close_of, sip);
}

cw_sip_socket *cw_sip_socket_for(const cw_sip *sip, cw_sip_transport transport,
                                 const cw_addr *local)
{
    cw_sip_socket *found = NULL, *socket;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, sockets);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&socket)) {
        if (socket->sip != sip || socket->transport != transport ||
            cw_addr_family(&socket->addr) != cw_addr_family(local))
            continue;
        if (cw_addr_eq_ip(&socket->addr, local))
            return socket;
        found = socket;
    }
    return found;
}

/* --- connections --- */

/* A socket that Sofia can connect to, in the abstract namespace, for a moment. */
static int rendezvous(struct sockaddr_un *addr, socklen_t *len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *len = sizeof *addr;
    memset(addr, 0, sizeof *addr);
    addr->sun_family = AF_UNIX;
    if (fd >= 0 && !bind(fd, (struct sockaddr *)addr, sizeof(sa_family_t)) && !listen(fd, 8) &&
        !getsockname(fd, (struct sockaddr *)addr, len))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Whoever else found it is turned away. */
static int take_own(int fd)
{
    for (;;) {
        struct ucred who = { 0 };
        socklen_t len = sizeof who;
        int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (one < 0)
            return -1;
        if (getsockopt(one, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid == getpid())
            return one;
        close(one);
    }
}

tport_t *cw_sip_plug_connect(cw_sip_socket *socket, const cw_addr *peer, int *fd)
{
    struct sockaddr_un addr;
    su_addrinfo_t here = { .ai_family = AF_UNIX, .ai_socktype = SOCK_STREAM };
    su_addrinfo_t there = { .ai_family = cw_addr_family(peer),
                            .ai_socktype = SOCK_STREAM,
                            .ai_protocol = IPPROTO_TCP };
    cw_addr copy = *peer;
    tp_name_t name = { .tpn_proto = types[socket->transport == CW_SIP_TLS].name };
    tport_t *tp;
    int door = rendezvous(&addr, &here.ai_addrlen);

    if (door < 0)
        return NULL;
    here.ai_addr = (struct sockaddr *)&addr;
    there.ai_addr = &copy.sa;
    there.ai_addrlen = cw_addr_len(peer);
    tp = tport_base_connect(socket->primary, &here, &there, &name);
    *fd = tp ? take_own(door) : -1;
    close(door);
    if (tp && *fd < 0)
        tport_shutdown(tp, 2);
    return *fd < 0 ? NULL : tp;
}
