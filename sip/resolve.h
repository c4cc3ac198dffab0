/* resolve.h - names to addresses by c-ares, with a deadline (RFC 3263 4, without NAPTR).
 *
 * Loop thread. No call blocks: sockets are watched on the loop.
 */
#ifndef CW_SIP_RESOLVE_H
#define CW_SIP_RESOLVE_H

#include "base/addr.h"
#include "base/loop.h"
#include "sip/uri.h"

typedef struct cw_resolver cw_resolver;
typedef struct cw_resolve cw_resolve; /* one question */

#define CW_RESOLVE_MAX 8 /* addresses given to the asker */

/* `servers`: "192.0.2.1:53,192.0.2.2" or NULL for the system's. CW_E_IO: c-ares would not start. */
CW_NODISCARD cw_err cw_resolver_new(cw_loop *loop, unsigned timeout_ms, const char *servers,
                                    cw_resolver **ret) CW_ON_LOOP;
/* Questions that are open are dropped without a call. */
void cw_resolver_free(cw_resolver *resolver) CW_ON_LOOP;

/* CW_OK with n >= 1 addresses, best first; or CW_E_DNS. Never called before cw_resolve_start
 * returns, and not later than timeout_ms after. The question is gone when it returns. */
typedef void cw_resolve_fn(void *arg, cw_err err, const cw_addr *addrs, unsigned n);

/* Ask for `host`. A host with a port or an address is not looked up as SRV. */
cw_resolve *cw_resolve_start(cw_resolver *resolver, const cw_sip_host *host,
                             cw_sip_transport transport, cw_resolve_fn *fn, void *arg) CW_ON_LOOP;
void cw_resolve_cancel(cw_resolve *resolve) CW_ON_LOOP; /* NULL is fine */

unsigned cw_resolver_pending(const cw_resolver *resolver) CW_ON_LOOP;

#endif
