/* push.h - users who are reached by a push service while they are not connected.
 *
 * Their devices register where pushes go; a call for such a user is told to an HTTP hook, which
 * sends the push (docs/PUSH.md), and waits until the user logs in. Loop thread. Home of src/call
 * only.
 */
#ifndef CW_CALL_PUSH_H
#define CW_CALL_PUSH_H

#include "call/priv.h"

typedef struct cw_push cw_push;

/* A hook that cannot work. CW_E_CONF; pure. */
CW_NODISCARD cw_err cw_push_check(const cw_conf *conf, char why[static 128]);

cw_push *cw_push_new(cw_calls *calls) CW_ON_LOOP;
void cw_push_free(cw_push *push) CW_ON_LOOP; /* NULL is fine */

/* A session of the user came, or has its link again. */
void cw_push_came(cw_push *push, const char *user) CW_ON_LOOP;

/* None of the user's sessions has a connection, and the hook can be asked. */
bool cw_push_can_wake(const cw_push *push, const char *user) CW_ON_LOOP;
/* Then: the call waits, and calls the user when they are there. CW_E_OVERLOAD: it does not. */
CW_NODISCARD cw_err cw_push_wake(cw_call *call, const char *user) CW_ON_LOOP;
void cw_push_cancel(cw_call *call) CW_ON_LOOP; /* it waits no longer */

/* Remember where a user's pushes go; one by this endpoint is replaced, of too many the oldest goes.
 * CW_E_OVERLOAD: too many in all. CW_E_UNSUPPORTED: there is no hook. */
CW_NODISCARD cw_err cw_push_register(cw_push *push, const char *user,
                                     const json_t *registration) CW_ON_LOOP;
/* CW_E_NOT_FOUND */
CW_NODISCARD cw_err cw_push_unregister(cw_push *push, const char *user,
                                       const char *endpoint) CW_ON_LOOP;

unsigned cw_push_count(const cw_push *push) CW_ON_LOOP;
/* [{user, registrations, kinds, waiting}], those of `user` or at most a thousand. */
json_t *cw_push_list(const cw_push *push, const char *user) CW_ON_LOOP;

#endif
