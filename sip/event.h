/* event.h - subscriptions, ours and a peer's (RFC 6665). The packages' own documents are not read.
 *
 * Loop thread. A subscription is one dialog's; a SUBSCRIBE that forks makes several.
 */
#ifndef CW_SIP_EVENT_H
#define CW_SIP_EVENT_H

#include "sip/sip.h"

typedef enum cw_sip_sub_state {
    CW_SUB_PENDING, /* not decided yet whether it may */
    CW_SUB_ACTIVE,
    CW_SUB_TERMINATED,
} cw_sip_sub_state;

/* A NOTIFY. The strings live until the callback returns. */
typedef struct cw_sip_notice {
    cw_sip_sub_state state;
    const char *reason;      /* of the end: "noresource", "timeout" …; NULL: none given */
    int retry_after_s;       /* of the end; -1: none given */
    const char *type, *body; /* body NULL: none */
    size_t len;
    const cw_sip_message *message;
} cw_sip_notice;

typedef struct cw_sip_sub_ops {
    /* Ours: state came; already answered 200. */
    void (*notified)(void *arg, cw_sip_sub *sub, const cw_sip_notice *notice);
    /* Ours: our request forked, and this is another dialog of it, with the same ops and `arg`, to
     * be freed by you. NULL or false: it is refused. */
    bool (*forked)(void *arg, cw_sip_sub *sub);
    /* The peer's: it was renewed and answered; send the state again. */
    void (*refreshed)(void *arg, cw_sip_sub *sub);
    /* The peer's: it knows of the last state (CW_OK), or cannot be told. */
    void (*ended)(void *arg, cw_sip_sub *sub, const cw_sip_end *end);
} cw_sip_sub_ops;

/* ── Ours ── */

typedef struct cw_sip_sub_conf {
    const cw_sip_target *target;
    const char *event;  /* "reg" */
    const char *id;     /* NULL: none */
    const char *accept; /* media types; NULL: the package's own */
    unsigned expires_s; /* asked for */
} cw_sip_sub_conf;

/* Subscribes, refreshes before the end, and tells `ended` when that is over, never before this
 * returns. Credentials are the target's. Errors as cw_sip_call_new; CW_E_PARAMS: no event. */
CW_NODISCARD cw_err cw_sip_sub_new(cw_sip *sip, const cw_sip_sub_conf *conf,
                                   const cw_sip_sub_ops *ops, void *arg,
                                   cw_sip_sub **ret) CW_ON_LOOP;

/* ── A peer's: cw_sip_ops.subscribe ── */

const char *cw_sip_sub_event(const cw_sip_sub *sub) CW_ON_LOOP;
const char *cw_sip_sub_id(const cw_sip_sub *sub) CW_ON_LOOP; /* NULL: none */
/* A 200 goes out at once; a state must follow (RFC 6665 4.2.1.2): cw_sip_sub_notify. */
void cw_sip_sub_accept(cw_sip_sub *sub, const cw_sip_sub_ops *ops, void *arg) CW_ON_LOOP;
/* `reason` of the end only; body NULL: none. CW_E_STATE: it is over or not accepted. Of states that
 * wait for the one before only the last CW_SIP_NOTICES_MAX go out. */
#define CW_SIP_NOTICES_MAX 8
CW_NODISCARD cw_err cw_sip_sub_notify(cw_sip_sub *sub, cw_sip_sub_state state, const char *reason,
                                      const char *type, const char *body, size_t len) CW_ON_LOOP;

/* ── Both ── */

/* Let go: ours is cancelled with Expires 0, a peer's gets its last NOTIFY, "deactivated". Nothing
 * is told any more. NULL is fine. */
void cw_sip_sub_free(cw_sip_sub *sub) CW_ON_LOOP;
json_t *cw_sip_sub_json(const cw_sip_sub *sub) CW_ON_LOOP; /* state, dialog, event, seconds left */

#endif
