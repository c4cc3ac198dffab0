/* session.h - one browser: its requests in, replies and notifications out.
 *
 * Knows nothing of WebSocket; a transport gives it messages and takes what it sends. Loop thread.
 */
#ifndef CW_API_SESSION_H
#define CW_API_SESSION_H

#include "api/bucket.h"
#include "api/proto.h"
#include "base/conf.h"
#include "base/ident.h"
#include "base/loop.h"
#include "call/call.h"
#include "user/user.h"

typedef struct cw_session cw_session;

/* What sessions need of the gateway. Outlives them. */
typedef struct cw_session_env {
    cw_loop *loop;
    const cw_conf *conf;
    const cw_tokens *tokens;
    cw_calls *calls;
} cw_session_env;

/* The transport. Neither function frees the session. */
typedef struct cw_session_ops {
    /* One message; `text` is handed over, to be freed with free(). */
    void (*send)(void *arg, char *text, size_t len);
    /* Close with a WebSocket code once everything sent has left. Called once. */
    void (*close)(void *arg, cw_close code, const char *reason);
} cw_session_ops;

cw_session *cw_session_new(const cw_session_env *env, const char *address,
                           const cw_session_ops *ops, void *arg) CW_ON_LOOP;

/* The connection is gone: calls end. NULL is fine. Not inside an ops function. */
void cw_session_free(cw_session *session) CW_ON_LOOP;

/* One whole message of the client. */
void cw_session_receive(cw_session *session, const char *text, size_t len) CW_ON_LOOP;

/* The gateway goes down: say so, then close with 1001. */
void cw_session_shutdown(cw_session *session) CW_ON_LOOP;

/* {id, user, address, client, since_ms, calls}; since_ms: how long it is open. NULL: not logged in.
 */
json_t *cw_session_json(const cw_session *session) CW_ON_LOOP;

/* ── For do_*.c ─────────────────────────────────────────────────────────────────────────────────
 */
typedef enum cw_session_state {
    CW_SESSION_NEW,     /* waits for session.open */
    CW_SESSION_OPEN,    /* logged in */
    CW_SESSION_CLOSING, /* nothing more is read */
} cw_session_state;

struct cw_session {
    const cw_session_env *env;
    const cw_session_ops *ops;
    void *arg;
    cw_id id;
    cw_session_state state;
    char address[64];
    uint64_t since_ms; /* when it was opened */
    uint64_t heard_ms; /* last message */
    cw_timer *timer;   /* session.open, then silence */
    cw_bucket bucket;  /* rate of messages */
    long refused;      /* messages over the rate, in a row */
    int64_t seq;       /* of the last notification */
    cw_client *client; /* NULL until open */
    char user[CW_USER_MAX + 1];
    json_t *about;      /* client_info, or NULL */
    GHashTable *calls;  /* set of the names of calls, for counting */
    bool serving;       /* a request is being served: its reply goes first */
    GPtrArray *waiting; /* notifications that wait for that reply */
};

/* Serve a request whose params are already checked. `fault` is empty; text in it is shown. */
#define CW_REQUEST(id, method, params, result, when, errors, help)                                 \
    CW_NODISCARD cw_err cw_do_##id(cw_session *session, const json_t *params_, json_t **result_,   \
                                   cw_fault *fault) CW_ON_LOOP;
#include "api/proto.def"
#undef CW_REQUEST

/* Send a notification; params is handed over. */
void cw_session_notify(cw_session *session, const char *method, json_t *params) CW_ON_LOOP;

#endif
