/* login.h - digest authentication as a server (RFC 3261 22, RFC 7616, RFC 8760): trunks that are
 * known by a user name instead of an address. Loop thread.
 *
 * A nonce says itself when it was made and that it is ours; only of those that somebody answered
 * rightly is anything kept.
 */
#ifndef CW_SIP_LOGIN_H
#define CW_SIP_LOGIN_H

#include "base/conf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct cw_sip_logins cw_sip_logins;

/* Records that cannot work. CW_E_CONF; pure. */
CW_NODISCARD cw_err cw_sip_logins_check(const cw_conf *conf, char why[static 128]);

/* `domain` is the realm where none is configured. NULL: no trunk has a user name. `conf` must
 * outlive it. */
cw_sip_logins *cw_sip_logins_new(const cw_conf *conf, const char *domain);
void cw_sip_logins_free(cw_sip_logins *logins); /* NULL is fine */

/* The "name=value" texts of an Authorization field, NULL-ended, for `method` of `uri` as the
 * request has it.
 *
 * CW_OK           *user is the trunk's in_username, the configuration's
 * CW_E_NOT_FOUND  of another realm: not for us
 * CW_E_EXPIRED    right, but the nonce is too old, or was answered with this count before: ask
 *                 anew, and say so (stale)
 * CW_E_AUTH       wrong
 */
CW_NODISCARD cw_err cw_sip_logins_judge(cw_sip_logins *logins, const char *const *params,
                                        const char *method, const char *uri, uint64_t now_ms,
                                        const char **user);

/* The WWW-Authenticate lines of a 401, joined by CRLF; g_free. NULL: more than
 * sip.challenges_per_s. */
char *cw_sip_logins_ask(cw_sip_logins *logins, bool stale, uint64_t now_ms);

#endif
