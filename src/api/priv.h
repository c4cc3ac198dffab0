/* priv.h - the parts of src/api: api.c owns them, ws.c speaks with libwebsockets. Loop thread. */
#ifndef CW_API_PRIV_H
#define CW_API_PRIV_H

#include "api/api.h"
#include "api/guard.h"
#include "api/session.h"
#include "base/addr.h"

struct lws;
struct lws_context;
struct lws_vhost;
typedef struct cw_listener cw_listener;

/* A TCP connection: HTTP first, perhaps a WebSocket later. Lives as long as its struct lws. */
typedef struct cw_conn {
    cw_api *api;
    struct lws *wsi;
    int fd;
    bool local; /* it came to a loopback address */
    char address[CW_ADDR_STR];
    cw_guard guard;

    /* The WebSocket's part. */
    cw_session *session;
    GByteArray *in; /* the message so far */
    GQueue out;     /* of cw_frame, oldest first */
    size_t out_bytes;
    cw_timer *stall; /* runs while something is queued */
    int close_code;  /* 0, or close with it when `out` is empty */
    bool close_sent;
    const char *close_why; /* static text */
} cw_conn;

struct cw_api {
    cw_session_env env;
    const struct cw_conf_web *web;
    char *root; /* of static files, absolute */
    bool tls;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    GPtrArray *listeners; /* of cw_listener */
    GHashTable *conns;    /* set of cw_conn */
    cw_conn *adopting;    /* while libwebsockets takes over its socket */
    unsigned websockets;  /* of conns */
    bool closing;         /* cw_api_free() is under way */
};

/* ── ws.c ───────────────────────────────────────────────────────────────────────────────────────
 */
CW_NODISCARD cw_err cw_ws_start(cw_api *api, char why[static 128]) CW_ON_LOOP;
void cw_ws_stop(cw_api *api) CW_ON_LOOP; /* returns when libwebsockets is gone */
/* Take over an accepted socket. */
void cw_ws_adopt(cw_api *api, int fd, const cw_addr *peer, bool local) CW_ON_LOOP;

/* ── upgrade.c ──────────────────────────────────────────────────────────────────────────────────
 */
/* The request to become a WebSocket (RFC 6455 4.2.1): 0 yes, 1 answered with an error, -1 hang up.
 * The string libwebsockets passes along may be freed already: the header is read anew. */
int cw_ws_upgrade(cw_conn *conn, struct lws *wsi) CW_ON_LOOP;

/* ── listen.c ───────────────────────────────────────────────────────────────────────────────────
 */
CW_NODISCARD cw_err cw_listen_open(cw_api *api, const char *where, char why[static 128]) CW_ON_LOOP;
void cw_listen_close(cw_listener *listener) CW_ON_LOOP;
void cw_listen_resume(cw_api *api) CW_ON_LOOP; /* a connection has ended */
unsigned cw_listen_port(const cw_listener *listener) CW_ON_LOOP;

/* ── tap.c ──────────────────────────────────────────────────────────────────────────────────────
 */
/* Let conn's guard see what libwebsockets reads; NULL: no more. */
void cw_tap_set(int fd, cw_conn *conn) CW_ON_LOOP;
/* False when the program's own recv() and SSL_read() are not the ones libwebsockets calls. */
bool cw_tap_works(void) CW_ON_LOOP;
/* A guard found a fault (ws.c). */
void cw_ws_guarded(cw_conn *conn) CW_ON_LOOP;

/* ── www.c ──────────────────────────────────────────────────────────────────────────────────────
 */
/* Answer a GET or HEAD; -1: close the connection, else what a libwebsockets callback returns. */
int cw_www_serve(cw_conn *conn, struct lws *wsi, const char *path) CW_ON_LOOP;
/* A short answer; the transaction is not completed. 0, or -1: close the connection. */
int cw_www_reply(struct lws *wsi, unsigned status, const char *text) CW_ON_LOOP;
/* The file for a path of a URL, below root; NULL: none. g_free it. */
char *cw_www_file(const char *root, const char *path) CW_ON_LOOP;

/* ── origin.c ───────────────────────────────────────────────────────────────────────────────────
 */
typedef struct cw_origin {
    char **allowed; /* web.origins; empty list: our own pages */
    bool tls;       /* we speak it */
    bool local;     /* the connection came to a loopback address */
} cw_origin;

/* May a page of `origin` (NULL: not a browser) connect to `host`, the Host header? Pure. */
bool cw_origin_ok(const cw_origin *rule, const char *origin, const char *host);

#endif
