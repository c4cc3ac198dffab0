/* enum.h - calls whose number is asked for in DNS (records `enum_tree`) before they are made. Loop
 * thread. Home of src/call only. */
#ifndef CW_CALL_ENUM_H
#define CW_CALL_ENUM_H

#include "call/priv.h"

typedef struct cw_asking cw_asking; /* DNS is being asked */

/* Who asks. */
typedef struct cw_asking_ops {
    /* Reach somebody this way. Where DNS led, and that fails, once more by the trunk. */
    cw_err (*go)(void *arg, const cw_reach *reach);
    void (*failed)(void *arg, cw_err err); /* the last of them did, later */
} cw_asking_ops;

/* Go: now, and what that returns is returned, or for a number that a tree is asked for, when that
 * has answered or its time is over: *ret is there until then. What `reach` has is copied. */
CW_NODISCARD cw_err cw_enum_lead(cw_calls *calls, cw_timeline *line, const cw_reach *reach,
                                 const cw_asking_ops *ops, void *arg, cw_asking **ret) CW_ON_LOOP;
void cw_asking_free(cw_asking *asking) CW_ON_LOOP; /* nothing follows; NULL is fine */

/* Reach the callee and dial, so. Errors of later end the call. */
CW_NODISCARD cw_err cw_call_go(cw_call *call, const cw_reach *reach) CW_ON_LOOP;

/* Records that cannot work. CW_E_CONF. Pure. */
CW_NODISCARD cw_err cw_enums_check(const cw_conf *conf, char why[static 128]);

#endif
