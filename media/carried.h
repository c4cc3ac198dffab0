/* carried.h - a transport whose packets come and go by somebody else's sockets (full ICE): what
 * other threads hand in for a worker, in a ring of fixed size. No lock, nothing allocated a packet.
 */
#ifndef CW_MEDIA_CARRIED_H
#define CW_MEDIA_CARRIED_H

#include "media/transport.h"

#define CW_INLET_SLOTS 1024 /* datagrams of all threads that wait for a worker */

typedef struct cw_inlet cw_inlet;

cw_inlet *cw_inlet_new(cw_worker *worker); /* any thread */
void cw_inlet_free(cw_inlet *inlet);       /* any thread, when none uses it; NULL is fine */

/* Take in all that waits. */
void cw_carried_drain(cw_worker *worker) CW_ON_MEDIA;
/* Send by this descriptor, a copy that is the transport's now, to this address; -1: by its carrier.
 */
void cw_carried_way(cw_worker *worker, cw_transport *transport, int fd,
                    const cw_addr *to) CW_ON_MEDIA;
/* Before cw_transport_remove(). */
void cw_carried_remove(cw_worker *worker, cw_transport *transport) CW_ON_MEDIA;

#endif
