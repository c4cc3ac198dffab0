/* hops.h - next hops that did not work lately. Loop thread.
 *
 * Bounded; a hop that is not known is as good as any.
 */
#ifndef CW_SIP_HOPS_H
#define CW_SIP_HOPS_H

#include "base/addr.h"
#include "base/loop.h"
#include "sip/sip.h"

#include <glib.h>

typedef struct cw_sip_hops cw_sip_hops;

/* A way to a peer. `name`: whom its certificate must speak for; NULL: TLS is not used. */
typedef struct cw_sip_way {
    cw_sip_transport transport;
    cw_addr addr;
    const char *name;
} cw_sip_way;

cw_sip_hops *cw_sip_hops_new(void) CW_ON_LOOP;
void cw_sip_hops_free(cw_sip_hops *hops) CW_ON_LOOP; /* NULL is fine */

void cw_sip_hop_failed(cw_sip_hops *hops, const cw_sip_way *way, cw_err why,
                       uint64_t for_ms) CW_ON_LOOP;
void cw_sip_hop_works(cw_sip_hops *hops, const cw_sip_way *way) CW_ON_LOOP;
/* CW_OK: it is not known to be bad; else why it failed. */
cw_err cw_sip_hop_fault(const cw_sip_hops *hops, const cw_sip_way *way) CW_ON_LOOP;
unsigned cw_sip_hops_bad(const cw_sip_hops *hops) CW_ON_LOOP; /* how many */

#endif
