/* link.h - one connection of a client: its requests in, replies and notifications out.
 *
 * Knows nothing of WebSocket or HTTP; a transport gives it messages and takes what it sends. The
 * session it opened or resumed may outlive it (session.h). Loop thread.
 */
#ifndef CW_API_LINK_H
#define CW_API_LINK_H

#include "api/bucket.h"
#include "api/session.h"

/* The transport. None of its functions frees the link. */
typedef struct cw_link_ops {
    const char *kind; /* for people: "ws", "poll" */
    /* The reply to the message that cw_link_receive() was called with, before that returns; to be
     * freed with free(). */
    void (*reply)(void *arg, char *text, size_t len);
    /* The notification `seq`, whole; the session's text, to be copied. A transport whose client
     * fetches them takes it as a hint: they are in the session's ring. */
    void (*notify)(void *arg, int64_t seq, const char *text, size_t len);
    /* Close with a WebSocket code once everything sent has left. Called once; nothing follows. */
    void (*close)(void *arg, cw_close code, const char *reason);
    /* Ask for a sign of life, told by cw_link_heard(). NULL: it cannot. */
    void (*ping)(void *arg);
    bool fetches; /* its client comes for notifications: they are kept until it acknowledges */
} cw_link_ops;

cw_link *cw_link_new(const cw_session_env *env, const char *address, const cw_link_ops *ops,
                     void *arg) CW_ON_LOOP;

/* The connection is gone. Its session waits to be resumed, if it may. NULL is fine. Not inside an
 * ops function. */
void cw_link_free(cw_link *link) CW_ON_LOOP;
/* The client said good-bye in the transport's own way: its session will not wait. */
void cw_link_leave(cw_link *link) CW_ON_LOOP;

/* One whole message of the client. */
void cw_link_receive(cw_link *link, const char *text, size_t len) CW_ON_LOOP;
/* A sign of life that is no message. */
void cw_link_heard(cw_link *link) CW_ON_LOOP;

/* The gateway goes down: say so, then close with 1001. */
void cw_link_shutdown(cw_link *link) CW_ON_LOOP;

/* ── For session.c and do_*.c ───────────────────────────────────────────────────────────────────
 */
typedef enum cw_link_state {
    CW_LINK_NEW,     /* waits for session.open or session.resume */
    CW_LINK_OPEN,    /* has a session */
    CW_LINK_CLOSING, /* nothing more is read or sent */
} cw_link_state;

struct cw_link {
    const cw_session_env *env;
    const cw_link_ops *ops;
    void *arg;
    cw_link_state state;
    cw_session *session; /* NULL unless open */
    char address[64];
    uint64_t heard_ms;  /* last message or sign of life */
    bool pinged;        /* since then */
    cw_timer *timer;    /* for the first request, then silence */
    cw_bucket bucket;   /* rate of messages */
    long refused;       /* messages over the rate, in a row */
    unsigned failed;    /* sessions it tried to resume in vain */
    bool serving;       /* a request is being served: its reply goes before notifications */
    const char *secret; /* what its client proves with that it is this link's; NULL: nothing. Of
                         * the transport; told in the result of session.open. */
};

/* Serve a request whose params are already checked. `fault` is empty; text in it is shown. */
#define CW_REQUEST(id, method, params, result, when, errors, help) CW_DO_##when(id)
#define CW_DO_FIRST(id)                                                                            \
    CW_NODISCARD cw_err cw_do_##id(cw_link *link, const json_t *params_, json_t **result_,         \
                                   cw_fault *fault) CW_ON_LOOP;
#define CW_DO_OPEN(id)                                                                             \
    CW_NODISCARD cw_err cw_do_##id(cw_session *session, const json_t *params_, json_t **result_,   \
                                   cw_fault *fault) CW_ON_LOOP;
#include "api/proto.def"
#undef CW_REQUEST
#undef CW_DO_FIRST
#undef CW_DO_OPEN

/* Close it; its session, if it still has one, ends. */
void cw_link_close(cw_link *link, cw_close code, const char *reason) CW_ON_LOOP;
/* It has this session now. */
void cw_link_take(cw_link *link, cw_session *session) CW_ON_LOOP;

#endif
