/* http.h - one HTTP/1.1 transaction after the other on a connection.
 *
 * libwebsockets reads heads and bodies; what is answered, and by when, is decided here. Every
 * answer is whole before its first byte leaves, so it has a length and costs a slow reader only
 * what its body weighs (files are shared). Loop thread.
 */
#ifndef CW_API_HTTP_H
#define CW_API_HTTP_H

#include "api/priv.h"

typedef enum cw_http_method {
    CW_HTTP_GET,
    CW_HTTP_HEAD,
    CW_HTTP_POST,
    CW_HTTP_DELETE,
    CW_HTTP_OPTIONS,
    CW_HTTP_OTHER,
} cw_http_method;

/* Whose page asks, by its Origin (RFC 6454). */
typedef enum cw_http_from {
    CW_HTTP_FROM_NOBODY,  /* no Origin: our own page, or no browser */
    CW_HTTP_FROM_OURS,    /* it is served here */
    CW_HTTP_FROM_LISTED,  /* web.origins has it: CORS */
    CW_HTTP_FROM_FOREIGN, /* may not */
} cw_http_from;

#define CW_HTTP_PATH_MAX 256

typedef struct cw_http {
    cw_conn *conn;
    cw_timer *deadline; /* of a head, a body, of the client's taking the answer */
    bool dead;          /* it ran out */

    /* The request. */
    cw_http_method method;
    char path[CW_HTTP_PATH_MAX + 1]; /* decoded, without the query */
    char origin[256];
    cw_http_from from;
    GByteArray *in; /* its body; NULL: none is awaited */
    size_t in_max;

    /* The answer; head NULL: not yet. */
    bool held; /* cw_http_hold() */
    GString *head;
    GBytes *body;
    size_t sent; /* of head, then body */
    bool last;   /* the connection closes after it */

    /* Long-polling's (poll.c). */
    struct cw_poll *poll; /* waits here for something to tell; NULL: none */
    bool rpc;             /* its body is for the link `by`; else it opens a session */
    uint8_t by[32];
} cw_http;

cw_http *cw_http_new(cw_conn *conn) CW_ON_LOOP;
void cw_http_free(cw_http *http) CW_ON_LOOP; /* NULL is fine */

/* What libwebsockets' callbacks return. */
int cw_http_begin(cw_http *http, struct lws *wsi, const char *path) CW_ON_LOOP;
int cw_http_body(cw_http *http, const void *data, size_t len) CW_ON_LOOP;
int cw_http_body_done(cw_http *http) CW_ON_LOOP;
int cw_http_writable(cw_http *http, struct lws *wsi) CW_ON_LOOP;

/* A header of the request being served; "" when there is none, NULL when it is longer than any we
 * take. `token` is one of enum lws_token_indexes. */
const char *cw_http_header(struct lws *wsi, int token, char *buf, int size) CW_ON_LOOP;

typedef struct cw_http_answer {
    unsigned status;
    const char *type;    /* NULL: no body */
    GBytes *body;        /* borrowed */
    const char *headers; /* more lines, each with CR LF; NULL: none */
    bool last;           /* close the connection after it */
} cw_http_answer;

/* Answer now or later, also outside of callbacks; once a request. */
void cw_http_answer_with(cw_http *http, const cw_http_answer *answer) CW_ON_LOOP;
/* The same with a text; for paths of the protocol a JSON-RPC error (retry_ms 0: none). */
void cw_http_say(cw_http *http, unsigned status, const char *text) CW_ON_LOOP;
void cw_http_fail(cw_http *http, unsigned status, cw_err err, const char *text,
                  unsigned retry_ms) CW_ON_LOOP;
void cw_http_json(cw_http *http, unsigned status, char *text, const char *headers) CW_ON_LOOP;

/* While a request waits for its answer nothing more is read from its connection. */
void cw_http_hold(cw_http *http) CW_ON_LOOP;
/* Has the client gone, as far as TCP knows? */
bool cw_http_gone(const cw_http *http) CW_ON_LOOP;

#endif
