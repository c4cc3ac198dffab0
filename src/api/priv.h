/* priv.h - the parts of src/api: api.c owns them, ws.c speaks with libwebsockets. Loop thread. */
#ifndef CW_API_PRIV_H
#define CW_API_PRIV_H

#include "api/api.h"
#include "api/guard.h"
#include "api/link.h"
#include "base/addr.h"

struct lws;
struct lws_context;
struct lws_vhost;
typedef struct cw_listener cw_listener;
struct cw_http;

/* A TCP connection: HTTP first, perhaps a WebSocket later. Lives as long as its struct lws. */
typedef struct cw_conn {
    cw_api *api;
    struct lws *wsi;
    int fd;
    bool local;    /* it came to a loopback address */
    bool tls;      /* by TLS */
    bool redirect; /* only to be sent to https: */
    char address[CW_ADDR_STR];
    cw_addr peer;
    cw_guard guard;
    struct cw_http *http; /* NULL once it is a WebSocket */

    /* The WebSocket's part. */
    cw_link *link;    /* NULL: it speaks SIP */
    cw_sip_web *sip;  /* NULL: it speaks JSON */
    cw_bucket bucket; /* rate of SIP messages */
    cw_bucket texts;  /* of those to others */
    bool ping_due;
    GByteArray *in; /* the message so far; NULL: nothing of one */
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

    GHashTable *polls; /* by key to cw_poll (poll.c), owned */
    GHashTable *files; /* path to what www.c keeps of it */
    size_t files_bytes;
    struct ssl_ctx_st *tls_ctx; /* libwebsockets', for new connections; NULL: no TLS */
};

/* ── ws.c ───────────────────────────────────────────────────────────────────────────────────────
 */
CW_NODISCARD cw_err cw_ws_start(cw_api *api, char why[static 128]) CW_ON_LOOP;
void cw_ws_stop(cw_api *api) CW_ON_LOOP; /* returns when libwebsockets is gone */
/* Take over an accepted socket. */
void cw_ws_adopt(cw_api *api, int fd, const cw_addr *peer, const cw_listener *by) CW_ON_LOOP;
/* Close it without a word; from anywhere, also from a callback of this very connection. */
void cw_ws_kill(cw_conn *conn) CW_ON_LOOP;

/* One message, text if it is that. Nothing once it is told to close. */
void cw_ws_send(cw_conn *conn, const char *text, size_t len) CW_ON_LOOP;
void cw_ws_close(cw_conn *conn, int code, const char *why) CW_ON_LOOP;

/* ── sipws.c ────────────────────────────────────────────────────────────────────────────────────
 */
#define CW_SIPWS_NAME "sip" /* the subprotocol */
#define CW_SIPWS_PATH "/sip"

void cw_sipws_start(const cw_api *api) CW_ON_LOOP;
bool cw_sipws_open(cw_conn *conn) CW_ON_LOOP; /* false: not now */
void cw_sipws_close(cw_conn *conn) CW_ON_LOOP;
void cw_sipws_receive(cw_conn *conn, const char *text, size_t len) CW_ON_LOOP;

/* ── upgrade.c ──────────────────────────────────────────────────────────────────────────────────
 */
/* The request to become a WebSocket (RFC 6455 4.2.1): 0 yes, 1 answered with an error, -1 hang up.
 * The string libwebsockets passes along may be freed already: the header is read anew. */
int cw_ws_upgrade(cw_conn *conn, struct lws *wsi) CW_ON_LOOP;

/* ── listen.c ───────────────────────────────────────────────────────────────────────────────────
 */
typedef enum cw_listen_kind { CW_LISTEN_SERVE, CW_LISTEN_REDIRECT } cw_listen_kind;

CW_NODISCARD cw_err cw_listen_open(cw_api *api, const char *where, cw_listen_kind kind,
                                   char why[static 128]) CW_ON_LOOP;
void cw_listen_close(cw_listener *listener) CW_ON_LOOP;
void cw_listen_resume(cw_api *api) CW_ON_LOOP; /* a connection has ended */
unsigned cw_listen_port(const cw_listener *listener) CW_ON_LOOP;
bool cw_listen_is_local(const cw_listener *listener) CW_ON_LOOP; /* a loopback address */
cw_listen_kind cw_listen_kind_of(const cw_listener *listener) CW_ON_LOOP;

/* ── cert.c ─────────────────────────────────────────────────────────────────────────────────────
 */
void cw_cert_use(cw_api *api, struct ssl_ctx_st *ctx) CW_ON_LOOP; /* libwebsockets made it */

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
/* Answer with a file of web.root. */
void cw_www_serve(struct cw_http *http, struct lws *wsi) CW_ON_LOOP;
/* The file for a path of a URL, below root; NULL: none. g_free it. */
char *cw_www_path(const char *root, const char *path) CW_ON_LOOP;

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
