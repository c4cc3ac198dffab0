/* manner.h - how a trunk, or SIP peers that are none, deal with who calls and what may be said: the
 * options both have. Pure functions over the configuration. Home of src/call only. */
#ifndef CW_CALL_MANNER_H
#define CW_CALL_MANNER_H

#include "base/conf.h"

/* `trunk` NULL: another SIP peer. */
bool cw_manner_trusts(const cw_conf *conf, const struct cw_conf_trunk *trunk); /* what it asserts */
bool cw_manner_tells(const cw_conf *conf,
                     const struct cw_conf_trunk *trunk); /* it is told what we know */
char *const *cw_manner_headers_in(const cw_conf *conf, const struct cw_conf_trunk *trunk);
char *const *cw_manner_headers_out(const cw_conf *conf, const struct cw_conf_trunk *trunk);
char *const *cw_manner_forwarded(const cw_conf *conf, const struct cw_conf_trunk *trunk);
bool cw_manner_wants_names(const cw_conf *conf,
                           const struct cw_conf_trunk *trunk); /* refuses anonymous callers */

/* The record of a user, the first that fits; NULL: none. */
const struct cw_conf_identity *cw_manner_user(const cw_conf *conf, const char *user);

/* What of these options cannot work. CW_E_CONF; `why` says which, with file and line. */
CW_NODISCARD cw_err cw_manner_check(const cw_conf *conf, char why[static 128]);

#endif
