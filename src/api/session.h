/* session.h - who is logged in: user, calls, and the notifications they are told.
 *
 * A session is reached by a link (link.h), which may be lost: then it waits for session.resume on
 * another one, some time long (web.resume_ms, web.resume_call_ms). Loop thread.
 */
#ifndef CW_API_SESSION_H
#define CW_API_SESSION_H

#include "api/bucket.h"
#include "api/proto.h"
#include "api/ring.h"
#include "base/conf.h"
#include "base/ident.h"
#include "base/loop.h"
#include "call/call.h"
#include "svc/im.h"
#include "user/user.h"

typedef struct cw_session cw_session;
typedef struct cw_link cw_link;
typedef struct cw_sessions cw_sessions;

/* What sessions and links need of the gateway. Outlives them. */
typedef struct cw_session_env {
    cw_loop *loop;
    const cw_conf *conf;
    const cw_tokens *tokens;
    cw_calls *calls;
    cw_sessions *sessions;
    cw_im *im;
} cw_session_env;

/* Every session, by id. */
cw_sessions *cw_sessions_new(void) CW_ON_LOOP;
void cw_sessions_free(cw_sessions *sessions) CW_ON_LOOP; /* ends those that wait; NULL is fine */

/* [{id, user, address, link, client, since_ms, calls, away_ms}]; since_ms: how long it is open;
 * away_ms: how long without a link. */
json_t *cw_sessions_json(const cw_sessions *sessions) CW_ON_LOOP;

/* ── For link.c and do_*.c ──────────────────────────────────────────────────────────────────────
 */
#define CW_RESUME_TOKEN 32 /* characters of it: 190 bits */
#define CW_RESUME_HASH  32

struct cw_session {
    const cw_session_env *env;
    cw_id id;
    cw_link *link;     /* NULL: lost, it waits */
    uint64_t since_ms; /* when it was opened */
    uint64_t heard_ms; /* last sign of life */
    uint64_t away_ms;  /* when its link was lost */
    cw_client *client;
    char user[CW_USER_MAX + 1], display[CW_DISPLAY_MAX + 1], address[64];
    bool guest;
    json_t *about;     /* client_info, or NULL */
    GHashTable *calls; /* set of the names of calls, for counting */

    int64_t seq, sent; /* of the last notification; of the last that its link was given */
    cw_ring ring;
    cw_bucket messages; /* im.send, data.send; last_ms 0: none yet */

    bool resumable;
    cw_timer *timer; /* while it waits; NULL: it never did */
    GList *waiting;  /* its place among those that wait; NULL: it does not */
    /* SHA-256 of what resumes it, and of the one before until the client shows that it has the new
     * one: the reply that brings it may be lost with its link. */
    uint8_t token[CW_RESUME_HASH], old_token[CW_RESUME_HASH];
    bool old_counts;
};

/* A session of `identity` for `link`. CW_E_OVERLOAD: the user has too many. */
CW_NODISCARD cw_err cw_session_new(cw_link *link, const cw_identity *identity,
                                   json_t *about /* NULL: none */, bool resumable,
                                   cw_session **ret) CW_ON_LOOP;
/* Its calls end, because of `why` (CW_OK: the client left); its link is told nothing. */
void cw_session_end(cw_session *session, cw_err why) CW_ON_LOOP;
/* Its link is gone: it waits, or ends. */
void cw_session_lose(cw_session *session) CW_ON_LOOP;

/* Send a notification; params is handed over. */
void cw_session_notify(cw_session *session, const char *method, json_t *params) CW_ON_LOOP;
/* Give the link what it was not given yet. */
void cw_session_flush(cw_session *session) CW_ON_LOOP;
/* The client has all notifications up to `seq`. */
void cw_session_ack(cw_session *session, int64_t seq) CW_ON_LOOP;
/* A message of the client, or another sign of life, on its link. */
void cw_session_heard(cw_session *session, bool message) CW_ON_LOOP;

/* The next token into `ret`; the one before counts until the client says something. */
void cw_session_next_token(cw_session *session, char ret[static CW_RESUME_TOKEN + 1]) CW_ON_LOOP;
/* The session that `token` resumes, NULL: none. */
cw_session *cw_session_find(const cw_sessions *sessions, const char *id,
                            const char *token) CW_ON_LOOP;
/* Give it to `link`, whose client has all up to `last_seq` (negative: nothing). What follows is to
 * be flushed. True if every notification since is still there; else the client needs the state. */
bool cw_session_resume(cw_session *session, cw_link *link, int64_t last_seq) CW_ON_LOOP;
/* How long it will wait, should its link be lost now; 0: not at all. */
long cw_session_grace_ms(const cw_session *session) CW_ON_LOOP;

#endif
