#include "api/priv.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 512,
    BURST = 64,         /* connections taken per round of the loop */
    HTTP_ROOM = 64,     /* sockets above web.connections_max, so that "full" can be said by HTTP */
    SEND_BYTES = 65536, /* the kernel would keep megabytes for a client that does not read */
    RETRY_MS = 100,     /* after accept() failed for want of descriptors */
};

struct cw_listener {
    cw_api *api;
    int fd;
    bool local;
    bool full; /* not accepting until a connection ends */
    cw_watch *watch;
    cw_timer *retry;
};

static void resume(cw_listener *l) CW_ON_LOOP
{
    l->full = false;
    cw_watch_set(l->watch, CW_READABLE);
}

static void pause_accept(cw_listener *l) CW_ON_LOOP
{
    l->full = true;
    cw_watch_set(l->watch, 0);
}

static void on_retry(void *arg)
{
    cw_assert_on_loop();
    resume(arg);
}

void cw_listen_resume(cw_api *api)
{
    for (guint i = 0; i < api->listeners->len; i++) {
        cw_listener *l = api->listeners->pdata[i];

        if (l->full && !cw_timer_active(l->retry))
            resume(l);
    }
}

static bool has_room(const cw_api *api)
{
    return (long)g_hash_table_size(api->conns) < api->web->connections_max + HTTP_ROOM;
}

/* Without a descriptor accept() would fail again at once, for ever: wait a little instead. */
static void accept_failed(cw_listener *l) CW_ON_LOOP
{
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        cw_log(CW_LOG_ERROR, CW_MOD_API, "accept.failed", "error", g_strerror(errno), NULL);
        pause_accept(l);
        cw_timer_start(l->retry, RETRY_MS);
    }
}

static void on_readable(void *arg, unsigned events)
{
    cw_listener *l = arg;

    cw_assert_on_loop();
    for (unsigned i = 0; i < BURST; i++) {
        cw_addr peer = { 0 };
        socklen_t len = sizeof peer;
        int fd, on = 1, unsent = SEND_BYTES;

        if (!has_room(l->api)) {
            pause_accept(l);
            return;
        }
        fd = accept4(l->fd, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            accept_failed(l);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &unsent, sizeof unsent);
        cw_ws_adopt(l->api, fd, &peer, l->local);
    }
}

static int open_socket(const cw_addr *addr)
{
    int on = 1, fd = socket(cw_addr_family(addr), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (cw_addr_family(addr) == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &addr->sa, cw_addr_len(addr)) || listen(fd, BACKLOG)) {
        close(fd);
        return -1;
    }
    return fd;
}

cw_err cw_api_check(const cw_conf *conf, char why[static 128])
{
    cw_addr ignored;

    for (char **where = conf->web.listen; where && *where; where++) {
        if (cw_addr_parse(*where, 0, &ignored) == CW_OK)
            continue;
        g_snprintf(why, 128, "web.listen: \"%.60s\" is not address:port", *where);
        return CW_E_CONF;
    }
    if (!conf->web.tls_certificate != !conf->web.tls_key) {
        g_strlcpy(why, "web: tls_certificate and tls_key belong together", 128);
        return CW_E_CONF;
    }
    return CW_OK;
}

cw_err cw_listen_open(cw_api *api, const char *where, char why[static 128])
{
    cw_listener *l;
    cw_addr addr;
    int fd;

    if (cw_addr_parse(where, 0, &addr)) {
        g_snprintf(why, 128, "web.listen: \"%s\" is not address:port", where);
        return CW_E_IO;
    }
    fd = open_socket(&addr);
    if (fd < 0) {
        g_snprintf(why, 128, "web.listen: %s: %s", where, g_strerror(errno));
        return CW_E_IO;
    }
    l = g_new0(cw_listener, 1);
    l->api = api;
    l->fd = fd;
    l->local = cw_addr_is_loopback(&addr);
    l->watch = cw_watch_new(api->env.loop, fd, on_readable, l);
    l->retry = cw_timer_new(api->env.loop, on_retry, l);
    resume(l);
    g_ptr_array_add(api->listeners, l);
    return CW_OK;
}

void cw_listen_close(cw_listener *l)
{
    cw_timer_free(l->retry);
    cw_watch_free(l->watch);
    close(l->fd);
    g_free(l);
}

unsigned cw_listen_port(const cw_listener *l)
{
    cw_addr addr = { 0 };
    socklen_t len = sizeof addr;

    getsockname(l->fd, &addr.sa, &len);
    return cw_addr_port(&addr);
}
