/* caller.h - from which number a user may call, and how a trunk is told who calls.
 *
 * Pure functions. Home of src/call only.
 */
#ifndef CW_CALL_CALLER_H
#define CW_CALL_CALLER_H

#include "call/party/party.h"
#include "user/user.h"

/* `who` as a caller: number and all. `from` is the number asked for, NULL: the first. With
 * a grant that names numbers (NULL: none), these are the ones that may be shown.
 *
 * CW_E_FORBIDDEN  not one of the user's own
 */
CW_NODISCARD cw_err cw_caller_of_user(const cw_conf *conf, const cw_identity *who,
                                      const cw_call_grant *grant, const char *from, bool anonymous,
                                      cw_party *ret, char why[static 128]);

/* What an INVITE says of its caller. */
typedef struct cw_caller {
    char *user, *domain, *display; /* of From; domain NULL: ours; display NULL: none */
    char **headers;                /* P-Asserted-Identity and such, Privacy; may be empty */
} cw_caller;

/* `party` as `trunk` (NULL: another peer) is told; `user` is the user part of From for one without
 * a number, `domain` ours. */
void cw_caller_tell(const cw_conf *conf, const struct cw_conf_trunk *trunk, const char *domain,
                    const cw_party *party, const char *user, cw_caller *ret);
void cw_caller_clear(cw_caller *caller);

/* Header lines that tell a peer who answers its call (RFC 3325 5); NULL: nothing. g_strfreev. */
char **cw_caller_lines_of_callee(const cw_conf *conf, const struct cw_conf_trunk *trunk,
                                 const char *domain, const cw_party *party);

#endif
