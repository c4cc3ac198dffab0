/* route.h - where a call goes: targets of clients, numbers from the telephone network.
 *
 * Pure functions over the configuration. Home of src/call only.
 */
#ifndef CW_CALL_ROUTE_H
#define CW_CALL_ROUTE_H

#include "base/conf.h"
#include "base/err.h"
#include "call/route/number.h"
#include "sip/sip.h"

#define CW_TARGET_MAX 256 /* bytes of a target */

typedef enum cw_route_kind { CW_ROUTE_SERVICE, CW_ROUTE_USER, CW_ROUTE_SIP } cw_route_kind;

typedef struct cw_route {
    cw_route_kind kind;
    char *target; /* canonical: "service:echo", "user:bob", "tel:+331234", "sip:bob@host" */
    char *name;   /* of the service or user */
    char *number; /* what the target says behind "tel:"; NULL: no number */
    char *params; /* of the number, see cw_number; NULL: no number */
    char *ruri;   /* SIP */
    const struct cw_line *line;        /* SIP by this user's registration; NULL: not so */
    const struct cw_conf_trunk *trunk; /* SIP through it; NULL: straight to the URI's host */
    const struct cw_conf_group *group; /* whose members may take it; `trunk` is one. NULL: none */
    cw_sip_transport transport;
    bool any_transport; /* or as DNS says */
} cw_route;

/* What `writer` asked for: a user's target, or one of the configuration (NULL), whose numbers mean
 * what they say.
 *
 * CW_E_NO_ROUTE  nothing we know how to reach; `why` says what is wrong with it. A number no trunk
 *                takes has its target set: whether it may be called comes first
 * CW_E_UNSAFE    control characters
 */
CW_NODISCARD cw_err cw_route_find(const cw_conf *conf, const cw_writer *writer, const char *to,
                                  cw_route *ret, char why[static 128]);

/* What the user part of an incoming request URI stands for: a user, a service, a number for a
 * trunk, a SIP URI. A number is what `writer`, a trunk or a peer, means by it.
 *
 * CW_E_NOT_FOUND  no row of `inbound` fits
 */
CW_NODISCARD cw_err cw_route_inbound(const cw_conf *conf, const cw_writer *writer,
                                     const char *ruri_user, cw_route *ret);

/* A number's request URI by this trunk. CW_E_NO_ROUTE; *ret is g_free'd. */
CW_NODISCARD cw_err cw_route_by(const cw_conf *conf, const struct cw_conf_trunk *trunk,
                                const char *number, const char *params, char **ret);

void cw_route_clear(cw_route *route);

/* The length of the longest prefix that fits ("*": 0), -1: none. */
int cw_route_prefix(char *const *prefixes, const char *number);

/* The trunk for a number, by the longest prefix; NULL: none. */
const struct cw_conf_trunk *cw_route_trunk(const cw_conf *conf, const char *number);

#endif
