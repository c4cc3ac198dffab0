/* admin.c - the UNIX socket: one request a line in, one reply a line out. */
#include "admin/priv.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct cw_admin_client {
    cw_admin *admin;
    int fd;
    cw_watch *watch;
    cw_timer *idle;
    GString *in;  /* the line being received */
    GString *out; /* what the socket did not take yet */
} cw_admin_client;

/* ── One client ── */

static CW_ON_LOOP void client_free(void *data)
{
    cw_admin_client *client = data;

    cw_watch_free(client->watch);
    cw_timer_free(client->idle);
    close(client->fd);
    g_string_free(client->in, TRUE);
    g_string_free(client->out, TRUE);
    g_free(client);
}

static CW_ON_LOOP void drop(cw_admin_client *client)
{
    g_ptr_array_remove_fast(client->admin->clients, client);
}

/* False: the client is gone. */
static CW_ON_LOOP bool flush(cw_admin_client *client)
{
    const cw_conf *conf = client->admin->parts.conf;

    while (client->out->len > 0) {
        ssize_t n = send(client->fd, client->out->str, client->out->len, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n < 0)
            return false;
        g_string_erase(client->out, 0, n);
    }
    cw_watch_set(client->watch, CW_READABLE | (client->out->len ? CW_WRITABLE : 0));
    return client->out->len <= (gsize)conf->admin.queue_max_bytes;
}

static CW_ON_LOOP void answer(cw_admin_client *client, const char *line, size_t len)
{
    g_autoptr(json_t) reply = cw_admin_reply(client->admin, line, len);
    char *text;

    if (!reply)
        return;
    text = cw_json_print(reply);
    g_string_append(client->out, text);
    g_string_append_c(client->out, '\n');
    free(text);
}

static CW_ON_LOOP void take_lines(cw_admin_client *client)
{
    const gsize max = (gsize)client->admin->parts.conf->admin.queue_max_bytes;
    char *end;

    while (client->out->len <= max && (end = memchr(client->in->str, '\n', client->in->len))) {
        size_t len = (size_t)(end - client->in->str);

        if (len > 0)
            answer(client, client->in->str, len);
        g_string_erase(client->in, 0, (gssize)len + 1);
    }
}

/* False: the client is gone, or wrote a line without end. */
static CW_ON_LOOP bool receive(cw_admin_client *client)
{
    const cw_conf *conf = client->admin->parts.conf;
    char buf[4096];
    ssize_t n = recv(client->fd, buf, sizeof buf, 0);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    cw_timer_start(client->idle, (uint64_t)conf->admin.idle_timeout_ms);
    g_string_append_len(client->in, buf, n);
    take_lines(client);
    return client->in->len <= (gsize)conf->admin.request_max_bytes;
}

static void on_client(void *arg, unsigned events)
{
    cw_admin_client *client = arg;

    cw_assert_on_loop();
    if ((events & CW_READABLE) && !receive(client)) {
        drop(client);
        return;
    }
    if (!flush(client))
        drop(client);
}

static void on_idle(void *arg)
{
    cw_assert_on_loop();
    drop(arg);
}

static void on_connection(void *arg, unsigned events)
{
    cw_admin *admin = arg;
    cw_admin_client *client;
    int fd;

    cw_assert_on_loop();
    fd = accept4(admin->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (admin->clients->len >= (guint)admin->parts.conf->admin.clients_max) {
        close(fd);
        return;
    }
    client = g_new0(cw_admin_client, 1);
    client->admin = admin;
    client->fd = fd;
    client->in = g_string_new(NULL);
    client->out = g_string_new(NULL);
    client->idle = cw_timer_new(admin->loop, on_idle, client);
    client->watch = cw_watch_new(admin->loop, fd, on_client, client);
    cw_watch_set(client->watch, CW_READABLE);
    cw_timer_start(client->idle, (uint64_t)admin->parts.conf->admin.idle_timeout_ms);
    g_ptr_array_add(admin->clients, client);
}

/* ── The socket ── */

static cw_err address(const char *path, struct sockaddr_un *ret, char why[static 128])
{
    memset(ret, 0, sizeof *ret);
    ret->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof ret->sun_path) {
        g_snprintf(why, 128, "admin.socket: the path is longer than %zu bytes",
                   sizeof ret->sun_path - 1);
        return CW_E_IO;
    }
    g_strlcpy(ret->sun_path, path, sizeof ret->sun_path);
    return CW_OK;
}

/* A socket nobody listens on was left by a gateway that died. */
static cw_err clear_way(const struct sockaddr_un *addr, char why[static 128])
{
    struct stat st;
    int fd, failed;

    if (lstat(addr->sun_path, &st))
        return CW_OK;
    if (!S_ISSOCK(st.st_mode)) {
        g_snprintf(why, 128, "%.90s is there and is no socket", addr->sun_path);
        return CW_E_IO;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    failed = connect(fd, (const struct sockaddr *)addr, sizeof *addr) ? errno : 0;
    close(fd);
    if (failed == ECONNREFUSED && unlink(addr->sun_path) == 0)
        return CW_OK;
    g_snprintf(why, 128, "%.80s: a gateway is running", addr->sun_path);
    return CW_E_IO;
}

static cw_err open_socket(cw_admin *admin, char why[static 128])
{
    struct sockaddr_un addr;
    cw_err err = address(admin->path, &addr, why);

    if (!err)
        err = clear_way(&addr, why);
    if (err)
        return err;
    admin->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode is set before anybody can connect: listen() comes last. */
    if (admin->fd < 0 || bind(admin->fd, (struct sockaddr *)&addr, sizeof addr) ||
        chmod(addr.sun_path, 0660) || listen(admin->fd, 16)) {
        g_snprintf(why, 128, "%.80s: %s", admin->path, g_strerror(errno));
        return CW_E_IO;
    }
    return CW_OK;
}

cw_err cw_admin_new(cw_loop *loop, const cw_admin_parts *parts, cw_admin **ret,
                    char why[static 128])
{
    cw_admin *admin = g_new0(cw_admin, 1);
    cw_err err;

    admin->loop = loop;
    admin->parts = *parts;
    admin->start_ms = cw_now_ms();
    admin->fd = -1;
    admin->path = g_strdup(parts->conf->admin.socket);
    admin->clients = g_ptr_array_new_with_free_func(client_free);
    err = open_socket(admin, why);
    if (err) {
        g_clear_pointer(&admin->path, g_free); /* not ours to remove */
        cw_admin_free(admin);
        return err;
    }
    admin->watch = cw_watch_new(loop, admin->fd, on_connection, admin);
    cw_watch_set(admin->watch, CW_READABLE);
    *ret = admin;
    return CW_OK;
}

void cw_admin_free(cw_admin *admin)
{
    if (!admin)
        return;
    g_ptr_array_unref(admin->clients);
    if (admin->watch)
        cw_watch_free(admin->watch);
    if (admin->fd >= 0)
        close(admin->fd);
    if (admin->path)
        unlink(admin->path);
    g_free(admin->path);
    g_free(admin);
}
