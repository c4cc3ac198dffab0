/* permit.h - may this call be made, and for how long: scopes, tokens, quotas. Home of src/call
 * only. */
#ifndef CW_CALL_PERMIT_H
#define CW_CALL_PERMIT_H

#include "call/priv.h"
#include "call/route/route.h"
#include "user/quota.h"

/* Who asks for a call. */
typedef struct cw_asker {
    const cw_identity *identity; /* a user; NULL: the telephone network */
    const char *trunk;           /* that the call comes from; NULL: a user's, or another peer's */
    const cw_call_grant *grant;  /* a token for this call; NULL: none */
} cw_asker;

/* A callee's answer sends the call elsewhere: by whose leave, where to, and whether it may. */
typedef struct cw_redirect {
    const cw_asker *asker;
    const cw_route *route;
    cw_err err;
    char why[128]; /* it may not */
} cw_redirect;

/* What of it an answer that sends the call elsewhere is judged by, as a copy; NULL: no answer may
 * (sip.redirect_hosts), or of NULL. */
cw_asker *cw_asker_keep(const cw_conf *conf, const cw_asker *asker); /* pure */
void cw_asker_free(cw_asker *asker); /* of cw_asker_keep; NULL is fine; pure */

/* May `target` be called at all? A grant decides in place of the scopes. Pure.
 *
 * CW_E_FORBIDDEN  no; `why` says why not
 */
CW_NODISCARD cw_err cw_permit_target(const cw_conf *conf, const cw_asker *asker, const char *target,
                                     char why[static 128]);

/* Take the call's ticket, which is returned when it ends. CW_E_FORBIDDEN, CW_E_QUOTA,
 * CW_E_OVERLOAD: as in quota.h; `why` says until when. */
CW_NODISCARD cw_err cw_permit_call(cw_call *call, const cw_asker *asker, const cw_route *route,
                                   char why[static 128]) CW_ON_LOOP;

/* The same for whom it is transferred to, besides; of a transfer that failed it is returned. */
CW_NODISCARD cw_err cw_permit_transfer(cw_call *call, const cw_asker *asker, const cw_route *route,
                                       char why[static 128]) CW_ON_LOOP;
/* May `leg`, of a callee, be called by `route` instead? Its ticket is for that then. Errors as of
 * both above. */
CW_NODISCARD cw_err cw_permit_redirect(cw_call *call, const cw_leg *leg, const cw_asker *asker,
                                       const cw_route *route, char why[static 128]) CW_ON_LOOP;
void cw_permit_returned(cw_call *call) CW_ON_LOOP;
/* A leg of `from`, which ends, goes on in `to`: so does what it spends. */
void cw_permit_merge(cw_call *to, cw_call *from) CW_ON_LOOP;

void cw_permit_answered(cw_call *call) CW_ON_LOOP; /* from now on it spends, and is ended in time */
void cw_permit_ended(cw_call *call) CW_ON_LOOP;    /* it spends no more; may be called twice */

#endif
