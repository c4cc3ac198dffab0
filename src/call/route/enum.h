/* enum.h - calls whose number is asked for in DNS (records `enum_tree`) before they are made. Loop
 * thread. Home of src/call only. */
#ifndef CW_CALL_ENUM_H
#define CW_CALL_ENUM_H

#include "call/priv.h"

/* Reach the callee and dial: now, or for a number that a tree is asked for, when that has answered
 * or its time is over. Errors of later end the call. The strings are copied. */
CW_NODISCARD cw_err cw_call_go(cw_call *call, const cw_route *route, const char *from_user,
                               char *const *headers, const cw_client *except) CW_ON_LOOP;
void cw_call_forget_enum(cw_call *call) CW_ON_LOOP; /* with the call */

/* Records that cannot work. CW_E_CONF. Pure. */
CW_NODISCARD cw_err cw_enums_check(const cw_conf *conf, char why[static 128]);

#endif
