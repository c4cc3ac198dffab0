/* request.h - single requests, ours and a peer's: MESSAGE, OPTIONS, PUBLISH and the like (RFC 3261
 * 8.1, 8.2; RFC 3428).
 *
 * Loop thread. They make no dialog: INVITE is in sip.h, SUBSCRIBE in event.h, REFER in refer.h.
 */
#ifndef CW_SIP_REQUEST_H
#define CW_SIP_REQUEST_H

#include "sip/sip.h"

/* ── Ours ── */

typedef struct cw_sip_query cw_sip_query; /* until its final answer */

typedef struct cw_sip_query_conf {
    const char *method;          /* "MESSAGE" */
    const cw_sip_target *target; /* request URI, From, way, credentials, header fields */
    const char *to;              /* URI in To, as cw_sip_uri_check has it; NULL: the request URI */
    const char *type, *body;     /* body NULL: none */
    size_t len;
    unsigned timeout_ms; /* when it is given up; 0: 64*T1 after it left */
} cw_sip_query_conf;

typedef struct cw_sip_result {
    cw_err err; /* CW_OK: 2xx */
    int status; /* 0: no answer */
    char phrase[96];
    const char *type, *body; /* body NULL: none */
    size_t len;
    const cw_sip_message *message; /* NULL: no answer */
} cw_sip_result;

/* Called once, never before cw_sip_query_new returns. The query is gone when it returns. Challenges
 * were answered with the target's credentials; redirections are not followed. */
typedef void cw_sip_result_fn(void *arg, const cw_sip_result *result);

/* CW_E_UNSUPPORTED  a method that makes or ends a dialog; CW_E_TOO_LARGE; as cw_sip_call_new */
CW_NODISCARD cw_err cw_sip_query_new(cw_sip *sip, const cw_sip_query_conf *conf,
                                     cw_sip_result_fn *fn, void *arg,
                                     cw_sip_query **ret) CW_ON_LOOP;
void cw_sip_query_free(cw_sip_query *query) CW_ON_LOOP; /* no call follows; NULL is fine */

/* In an answered call, in its dialog: MESSAGE, OPTIONS, INFO. Goes to no fork but the winner's.
 * `result` may be NULL. CW_E_STATE: not answered, or over. */
CW_NODISCARD cw_err cw_sip_call_query(cw_sip_call *call, const char *method, const char *type,
                                      const char *body, size_t len, cw_sip_result_fn *fn,
                                      void *arg) CW_ON_LOOP;

/* ── A peer's: cw_sip_ops.request, cw_sip_call_ops.request ── */

/* The strings live until the callback returns. */
struct cw_sip_inquiry {
    const char *method;
    cw_addr source; /* in a call: family AF_UNSPEC, whoever knows its tags is in it */
    const char *ruri_user, *ruri_host;
    const char *from_user, *from_host, *from_display, *from_uri, *to_uri;
    const char *type, *body; /* body NULL: none */
    size_t len;
    const cw_sip_message *message;
    cw_sip_web *web; /* who logged in there sends it (web.h); NULL: no WebSocket, or in a call */
};

/* Answer it, now or later: 200-699. `headers` and `type` may be NULL. It is gone then. One that is
 * never answered gets 500 after 64*T1. */
void cw_sip_reply_send(cw_sip_reply *reply, int status, const char *const *headers,
                       const char *type, const char *body, size_t len) CW_ON_LOOP;

#endif
