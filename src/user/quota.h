/* quota.h - what callers may spend: bounds of tokens and of configuration, counted over all of a
 * user's sessions.
 *
 * Loop thread; takes the time as an argument. A call takes a ticket before anything is sent, tells
 * it of the answer, asks it how long it may go on, and returns it.
 */
#ifndef CW_USER_QUOTA_H
#define CW_USER_QUOTA_H

#include "base/json.h"
#include "user/user.h"

typedef struct cw_quotas cw_quotas;
typedef struct cw_ticket cw_ticket;

/* Who calls whom. */
typedef struct cw_spend {
    const char *user;   /* a user's name, or "trunk:NAME" of a call that comes from there */
    const char *trunk;  /* that it leaves by; NULL: none */
    const char *target; /* canonical, after normalisation: "tel:+33612345678" */
    const cw_call_limits *limits; /* of the log-in; NULL: none */
    const cw_call_grant *grant;   /* of this call; NULL: none */
} cw_spend;

cw_quotas *cw_quotas_new(const cw_conf *conf); /* conf must outlive it */
void cw_quotas_free(cw_quotas *quotas);        /* after every ticket; NULL is fine */

/* Rows of `quota` and `rate` that cannot work. CW_E_CONF; pure. */
CW_NODISCARD cw_err cw_quotas_check(const cw_conf *conf, char why[static 128]);

/* Every bound that fits, or none at all.
 *
 * CW_E_FORBIDDEN  this destination may not be called
 * CW_E_QUOTA      a bound is reached; *retry_ms is when it is worth trying again, 0: not known
 * CW_E_OVERLOAD   more callers than limits.callers_max
 */
CW_NODISCARD cw_err cw_ticket_take(cw_quotas *quotas, const cw_spend *spend, uint64_t now_ms,
                                   cw_ticket **ret, uint64_t *retry_ms, char why[static 128]);
/* The same in place of a ticket of a call that is not answered and goes elsewhere: what that counts
 * does not stand in the new one's way. On error *ticket stays; NULL is fine. */
CW_NODISCARD cw_err cw_ticket_move(cw_quotas *quotas, cw_ticket **ticket, const cw_spend *spend,
                                   uint64_t now_ms, uint64_t *retry_ms, char why[static 128]);
void cw_ticket_answered(cw_ticket *ticket, uint64_t now_ms);
/* Milliseconds an answered call may go on, as far as is known now: ask again then. UINT64_MAX: for
 * ever; 0: no more, `why` says by which bound. */
uint64_t cw_ticket_left(const cw_ticket *ticket, uint64_t now_ms, char why[static 128]);
void cw_ticket_return(cw_ticket *ticket, uint64_t now_ms); /* NULL is fine */
const char *cw_ticket_cost(const cw_ticket *ticket); /* its cost class; "": none, NULL is fine */

/* Rows with the callers that use them now: [{"name", "refused", "callers": [{…}]}]. */
json_t *cw_quotas_json(const cw_quotas *quotas, uint64_t now_ms);

#endif
