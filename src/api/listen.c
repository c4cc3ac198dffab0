#include "api/priv.h"

#include "base/log.h"
#include "base/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 512,
    BURST = 64,         /* connections taken per round of the loop */
    HTTP_ROOM = 64,     /* sockets above web.connections_max, so that "full" can be said by HTTP */
    SEND_BYTES = 65536, /* the kernel would keep megabytes for a client that does not read */
    RETRY_MS = 100,     /* after accept() failed for want of descriptors */
    RESERVE_MAX = 256,  /* descriptors kept for calls, registrations, the admin socket */
};

struct cw_listener {
    cw_api *api;
    int fd;
    cw_listen_kind kind;
    bool local;
    bool full;    /* not accepting until a connection ends, or for RETRY_MS */
    bool starved; /* said already that descriptors are short */
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
static void starve(cw_listener *l, const char *why) CW_ON_LOOP
{
    if (!l->starved)
        cw_log(CW_LOG_ERROR, CW_MOD_API, "accept.failed", "error", why, NULL);
    l->starved = true;
    cw_stat_inc(CW_STAT_accepts_failed);
    pause_accept(l);
    cw_timer_start(l->retry, RETRY_MS);
}

/* Is it one of the last descriptors? The lowest free one is always taken. */
static bool is_reserved(int fd)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return false;
    return (rlim_t)fd >= limit.rlim_cur - MIN((rlim_t)RESERVE_MAX, limit.rlim_cur / 4);
}

/* One connection; false: there is none, or it could not be had. */
static bool take(cw_listener *l) CW_ON_LOOP
{
    cw_addr peer = { 0 };
    socklen_t len = sizeof peer;
    int on = 1, unsent = SEND_BYTES;
    int fd = accept4(l->fd, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            starve(l, g_strerror(errno));
        return false;
    }
    if (is_reserved(fd)) {
        close(fd);
        starve(l, "the last descriptors are kept for calls");
        return false;
    }
    l->starved = false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &unsent, sizeof unsent);
    cw_ws_adopt(l->api, fd, &peer, l);
    return true;
}

static void on_readable(void *arg, unsigned events)
{
    cw_listener *l = arg;
    bool more = true;

    cw_assert_on_loop();
    for (unsigned i = 0; more && i < BURST; i++) {
        more = has_room(l->api) && take(l);
        if (!has_room(l->api))
            pause_accept(l);
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

/* ── What is asked for ── */

/* "causeway.conf:7: web.listen: …" */
G_GNUC_PRINTF(4, 5)
static cw_err wrong(const cw_conf *conf, const char *option, char why[static 128],
                    const char *format, ...)
{
    char place[64];
    va_list ap;
    size_t n;

    cw_conf_place(conf, cw_conf_line(conf, option), place);
    n = (size_t)g_snprintf(why, 128, "%s: %s: ", place, option);
    va_start(ap, format);
    g_vsnprintf(why + MIN(n, 127), 128 - MIN(n, 127), format, ap);
    va_end(ap);
    return CW_E_CONF;
}

static cw_err check_list(const cw_conf *conf, const char *option, char **list, bool tls,
                         char why[static 128])
{
    cw_addr addr;

    for (char **where = list; where && *where; where++) {
        if (cw_addr_parse(*where, 0, &addr))
            return wrong(conf, option, why, "\"%.40s\" is not address:port", *where);
        if (!tls && !conf->web.plain && !cw_addr_is_loopback(&addr))
            return wrong(conf, option, why, "%.24s needs TLS, or web.plain", *where);
    }
    return CW_OK;
}

cw_err cw_api_check(const cw_conf *conf, char why[static 128])
{
    const struct cw_conf_web *web = &conf->web;
    bool tls = web->tls_certificate != NULL;
    cw_err err = check_list(conf, "web.listen", web->listen, tls, why);

    if (!err && tls != (web->tls_key != NULL))
        err = wrong(conf, tls ? "web.tls_certificate" : "web.tls_key", why,
                    "tls_certificate and tls_key belong together");
    if (!err && !tls && web->redirect_listen && *web->redirect_listen)
        err = wrong(conf, "web.redirect_listen", why, "leads to https:, which needs TLS");
    return err ? err : check_list(conf, "web.redirect_listen", web->redirect_listen, true, why);
}

cw_err cw_listen_open(cw_api *api, const char *where, cw_listen_kind kind, char why[static 128])
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
    l->kind = kind;
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

bool cw_listen_is_local(const cw_listener *l)
{
    return l->local;
}

cw_listen_kind cw_listen_kind_of(const cw_listener *l)
{
    return l->kind;
}
