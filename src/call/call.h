/* call.h - calls: two legs that never see each other's SDP, joined by a table of states.
 *
 * Loop thread. A leg is anything that can end a call: a browser, a SIP dialog, a service.
 * This header is what the folders above use; legs meet in leg.h.
 */
#ifndef CW_CALL_CALL_H
#define CW_CALL_CALL_H

#include "base/conf.h"
#include "base/ident.h"
#include "base/json.h"
#include "base/loop.h"
#include "media/plane.h"
#include "sip/sip.h"
#include "sip/web.h"
#include "user/user.h"
#include "webrtc/peer.h"

typedef struct cw_calls cw_calls;   /* every call, client and trunk of the gateway */
typedef struct cw_client cw_client; /* one logged-in session, as calls see it */

/* Register the SIP callbacks with cw_calls_sip_ops(), then make the parts, then hand them over. */
cw_calls *cw_calls_new(cw_loop *loop, const cw_conf *conf) CW_ON_LOOP;
/* Trunks, inbound rules and peers that cannot work. CW_E_CONF; `why` names the option. Pure. */
CW_NODISCARD cw_err cw_calls_check(const cw_conf *conf, char why[static 128]);
void cw_calls_sip_ops(cw_calls *calls, cw_sip_ops *ret) CW_ON_LOOP;
void cw_calls_use(cw_calls *calls, cw_sip *sip, cw_webrtc *webrtc, cw_plane *plane) CW_ON_LOOP;
void cw_calls_free(cw_calls *calls) CW_ON_LOOP; /* ends what is left */
/* Who signs log-ins, for those that come by SIP (RFC 8898); before any does. */
void cw_calls_tokens(cw_calls *calls, const cw_tokens *tokens) CW_ON_LOOP;
/* A WebSocket of a SIP client, as cw_sip_web_new. CW_E_UNAVAILABLE: not now */
CW_NODISCARD cw_err cw_calls_web(cw_calls *calls, const cw_addr *peer, bool secure,
                                 const cw_sip_web_ops *ops, void *arg, cw_sip_web **ret) CW_ON_LOOP;
/* What does a text of a user who comes by one of them; unless it is called, they are refused. */
typedef struct cw_web_said {
    const char *from, *display; /* who is logged in there */
    const char *to;             /* a user, whom the sender may write to */
    const char *id;             /* the same when it comes again */
    const char *body;
} cw_web_said;
typedef cw_err cw_web_said_fn(void *arg /* of cw_calls_web */, const cw_web_said *said);
void cw_calls_web_said(cw_calls *calls, cw_web_said_fn *fn) CW_ON_LOOP;
/* Those that are logged in by them, to a list of sessions as cw_api_sessions has it. */
void cw_calls_add_web_sessions(const cw_calls *calls, json_t *list) CW_ON_LOOP;

/* ── Clients ────────────────────────────────────────────────────────────────────────────────────
 */
typedef struct cw_client_ops {
    /* Send a notification of proto.def; params is handed over. Must not free the client. */
    void (*notify)(void *arg, const char *method, json_t *params);
    /* Does it take such notifications now? NULL: all, always. */
    bool (*takes)(void *arg, const char *method);
    /* Has it been heard of since `since_ms`, on a connection that is still open? NULL: always. */
    bool (*here)(void *arg, uint64_t since_ms);
    /* Ask for a sign of life, if there is a connection. NULL: it cannot. */
    void (*probe)(void *arg);
} cw_client_ops;

/* CW_E_OVERLOAD the user has too many sessions. `identity` is copied. */
CW_NODISCARD cw_err cw_client_new(cw_calls *calls, cw_id session, const cw_identity *identity,
                                  const cw_client_ops *ops, void *arg, cw_client **ret) CW_ON_LOOP;
/* The session is gone: its calls end. NULL is fine. */
void cw_client_free(cw_client *client) CW_ON_LOOP;
/* Before that: why they end, as the other sides are told; unless it is called: it hung up. */
void cw_client_lost(cw_client *client, cw_err why) CW_ON_LOOP;

/* Its connection is lost, it may come back: calls stay as they are, even without its media. Then it
 * is back. */
void cw_client_away(cw_client *client) CW_ON_LOOP;
void cw_client_back(cw_client *client) CW_ON_LOOP;
/* Its calls: a list of call_state of proto.def. */
json_t *cw_client_calls(const cw_client *client) CW_ON_LOOP;
/* Those of the user's other sessions, as session.calls has them; a guest has none. */
json_t *cw_client_elsewhere(const cw_client *client) CW_ON_LOOP;
/* Its program, client_info of proto.def, for the user's other sessions. */
void cw_client_introduce(cw_client *client, json_t *about /* NULL: not told */) CW_ON_LOOP;
/* May its user do that? See cw_grant_allows. */
bool cw_client_allows(const cw_client *client, const char *action, const char *target) CW_ON_LOOP;
/* Tell every session of a user that takes it; `params` is copied. Returns how many are there, *away
 * how many may come back to it. */
unsigned cw_calls_tell(cw_calls *calls, const char *user, const char *method, const json_t *params,
                       unsigned *away) CW_ON_LOOP;
/* Tell the program at the other side of a call; *away: it gets it if it comes back.
 *
 * CW_E_NO_CALL, CW_E_STATE nobody is there yet, CW_E_UNSUPPORTED there is no program
 */
CW_NODISCARD cw_err cw_client_tell_other(cw_client *client, const char *call, const char *method,
                                         const json_t *params, bool *away) CW_ON_LOOP;
/* Tell it again of those that it was called for and has not answered. */
void cw_client_tell_ringing(cw_client *client) CW_ON_LOOP;

/* How the user is registered: the object `registration` of proto.def. */
json_t *cw_client_registration(const cw_client *client) CW_ON_LOOP;

/* The client's side of a call. `call` is the client's own name for it, 1-64 of [A-Za-z0-9_-].
 * `why` explains an error further and is safe to show. A result is {"call": …, "id": …} or as
 * docs/PROTOCOL.md says. Where a function returns CW_OK, errors that come later are told by the
 * call.end notification. */
typedef struct cw_start {
    const char *call, *to, *sdp;
    size_t sdp_len;
    const json_t *headers;      /* NULL: none */
    const char *from;           /* one of the user's own numbers; NULL: the first */
    const cw_call_grant *grant; /* a token for this call; NULL: none */
    bool anonymous;             /* the callee is not to see who calls */
} cw_start;
CW_NODISCARD cw_err cw_client_start(cw_client *client, const cw_start *start, json_t **result,
                                    char why[static 128]) CW_ON_LOOP;
CW_NODISCARD cw_err cw_client_answer(cw_client *client, const char *call, const char *sdp,
                                     size_t sdp_len, const json_t *headers /* NULL: none */,
                                     char why[static 128]) CW_ON_LOOP;
CW_NODISCARD cw_err cw_client_candidate(cw_client *client, const char *call,
                                        const char *candidate /* NULL: end */,
                                        char why[static 128]) CW_ON_LOOP;
/* The browser offers anew (ICE restart, tracks); the answer is in the result as "sdp". */
CW_NODISCARD cw_err cw_client_update(cw_client *client, const char *call, const char *sdp,
                                     size_t sdp_len, json_t **result,
                                     char why[static 128]) CW_ON_LOOP;
/* The same, of a new RTCPeerConnection: a page that was reloaded. Without "sdp" the answer comes
 * with the call's. */
CW_NODISCARD cw_err cw_client_restart(cw_client *client, const char *call, const char *sdp,
                                      size_t sdp_len, json_t **result,
                                      char why[static 128]) CW_ON_LOOP;
/* Take the call `id` over from another session of the user, under the name `call`. */
CW_NODISCARD cw_err cw_client_pull(cw_client *client, const char *id, const char *call,
                                   const char *sdp, size_t sdp_len, json_t **result,
                                   char why[static 128]) CW_ON_LOOP;
CW_NODISCARD cw_err cw_client_hold(cw_client *client, const char *call, bool hold) CW_ON_LOOP;
/* Transfer it to `to`, or its far side to that of `other`, another call of the session; one of both
 * is NULL. `grant` is of the call to `to`; NULL: none. How it goes is told by call.transfer. */
CW_NODISCARD cw_err cw_client_transfer(cw_client *client, const char *call, const char *to,
                                       const char *other, const cw_call_grant *grant,
                                       char why[static 128]) CW_ON_LOOP;
CW_NODISCARD cw_err cw_client_dtmf(cw_client *client, const char *call, const char *digits,
                                   unsigned duration_ms, char why[static 128]) CW_ON_LOOP;
/* Right after cw_client_start: the page makes the tone of ringing itself. */
void cw_client_no_ringback(cw_client *client, const char *call) CW_ON_LOOP;
/* Tell the other side {"muted": {"audio": …, "video": …}, "screen": …}; kept for `call show`.
 * CW_E_FORBIDDEN: the other side is sent no screens. */
CW_NODISCARD cw_err cw_client_info(cw_client *client, const char *call,
                                   const json_t *info) CW_ON_LOOP;
/* What the browser measured (call.report of proto.def), kept for people. CW_E_RATE: too soon after
 * the last. */
CW_NODISCARD cw_err cw_client_report(cw_client *client, const char *call,
                                     const json_t *report) CW_ON_LOOP;
/* What an end says besides (RFC 3326). */
typedef struct cw_ending {
    int q850;              /* 0: what goes with it anyway */
    const char *text;      /* NULL: none */
    const json_t *headers; /* NULL: none */
} cw_ending;
CW_NODISCARD cw_err cw_client_end(cw_client *client, const char *call, const cw_ending *ending,
                                  char why[static 128]) CW_ON_LOOP;
/* reason: CW_E_BUSY, CW_E_DECLINED, CW_E_UNAVAILABLE */
CW_NODISCARD cw_err cw_client_reject(cw_client *client, const char *call, cw_err reason,
                                     const cw_ending *ending, char why[static 128]) CW_ON_LOOP;

/* Where pushes to the user go (push_registration of proto.def), while not connected. CW_E_OVERLOAD;
 * CW_E_UNSUPPORTED: no push.url. */
CW_NODISCARD cw_err cw_client_push_register(cw_client *client,
                                            const json_t *registration) CW_ON_LOOP;
/* No longer there. CW_E_NOT_FOUND */
CW_NODISCARD cw_err cw_client_push_unregister(cw_client *client, const char *endpoint) CW_ON_LOOP;

/* ── For admin ──────────────────────────────────────────────────────────────────────────────────
 */
json_t *cw_calls_json(const cw_calls *calls) CW_ON_LOOP;              /* list, a line each */
json_t *cw_call_json(const cw_calls *calls, cw_id call) CW_ON_LOOP;   /* both legs; NULL: none */
json_t *cw_call_ladder(const cw_calls *calls, cw_id call) CW_ON_LOOP; /* also after the end */
json_t *cw_calls_quotas(const cw_calls *calls) CW_ON_LOOP;            /* as quota.h has it */
json_t *cw_trunks_json(const cw_calls *calls) CW_ON_LOOP;
json_t *cw_trunk_json(const cw_calls *calls, const char *name) CW_ON_LOOP; /* NULL: none */
/* No new calls for it; or as before. CW_E_NOT_FOUND */
CW_NODISCARD cw_err cw_trunk_drain(cw_calls *calls, const char *name, bool drain) CW_ON_LOOP;
/* Users' registrations, a line each, or the one of `user`; NULL: has none. */
json_t *cw_registrations_json(const cw_calls *calls, const char *user) CW_ON_LOOP;
/* Users with push registrations: [{user, registrations, kinds, waiting}], or only `user`. */
json_t *cw_pushes_json(const cw_calls *calls, const char *user) CW_ON_LOOP;
/* What becomes of a number that `from` dials ("user:NAME", "trunk:NAME", "peer"; NULL: any user).
 * CW_E_PARAMS no number, or no such trunk */
CW_NODISCARD cw_err cw_calls_number(const cw_calls *calls, const char *number, const char *from,
                                    json_t **ret, char why[static 128]) CW_ON_LOOP;
/* Open the file of call records anew: it was moved away. CW_E_STATE: none is configured; CW_E_IO */
CW_NODISCARD cw_err cw_calls_reopen(cw_calls *calls) CW_ON_LOOP;
CW_NODISCARD cw_err cw_call_hangup(cw_calls *calls, cw_id call) CW_ON_LOOP;

#endif
