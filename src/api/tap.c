/* tap.c - libwebsockets' reads, seen by the guard of their connection.
 *
 * libwebsockets reads with recv(), or SSL_read() under TLS. Both are defined here too; a definition
 * in the program goes before a library's, so that libwebsockets calls these. They do what the
 * originals do; only bytes of a WebSocket client, read on the loop thread, pass its guard. A guard
 * that found a fault swallows everything: the read goes on until it would block.
 */
#include "api/priv.h"

#include <dlfcn.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#undef recv

static __thread GPtrArray *by_fd; /* cw_conn or NULL; this thread's, so others find nothing */

void cw_tap_set(int fd, cw_conn *conn)
{
    if (fd < 0)
        return;
    if (!by_fd)
        by_fd = g_ptr_array_new();
    if ((guint)fd >= by_fd->len)
        g_ptr_array_set_size(by_fd, fd + 64);
    by_fd->pdata[fd] = conn;
}

static cw_conn *conn_of(int fd)
{
    return by_fd && fd >= 0 && (guint)fd < by_fd->len ? by_fd->pdata[fd] : NULL;
}

/* Of the n bytes read for conn, how many go on. */
static size_t pass(cw_conn *conn, const void *buf, size_t n)
{
    cw_assert_on_loop();
    if (conn->guard.code)
        return 0;
    n = cw_guard_pass(&conn->guard, buf, n);
    if (conn->guard.code)
        cw_ws_guarded(conn);
    return n;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    for (;;) {
        ssize_t n = recvfrom(fd, buf, len, flags, NULL, NULL);
        cw_conn *conn = n > 0 && !(flags & MSG_PEEK) ? conn_of(fd) : NULL;

        if (!conn)
            return n;
        n = (ssize_t)pass(conn, buf, (size_t)n);
        if (n > 0)
            return n;
    }
}

int SSL_read(SSL *ssl, void *buf, int len)
{
    for (;;) {
        size_t n = 0;
        int ok = SSL_read_ex(ssl, buf, len < 0 ? 0 : (size_t)len, &n);
        cw_conn *conn = ok > 0 ? conn_of(SSL_get_fd(ssl)) : NULL;

        if (ok <= 0)
            return ok;
        if (conn)
            n = pass(conn, buf, n);
        if (n > 0)
            return (int)n;
    }
}

bool cw_tap_works(void)
{
    return dlsym(RTLD_DEFAULT, "recv") == (void *)recv &&
           dlsym(RTLD_DEFAULT, "SSL_read") == (void *)SSL_read;
}
