/* port.h - RTP ports: pairs of an even port for RTP and the odd one behind it for RTCP
 * (RFC 3550 11). Loop thread; the descriptors may be used, and closed, by a worker.
 */
#ifndef CW_MEDIA_PORT_H
#define CW_MEDIA_PORT_H

#include "base/addr.h"
#include "base/role.h"

typedef struct cw_ports cw_ports;

typedef struct cw_port_pair {
    int rtp, rtcp; /* descriptors, non-blocking; -1: closed */
    cw_addr addr;  /* of RTP */
} cw_port_pair;

/* Pairs on `listen` (its port does not count) with both numbers within first..last. */
cw_ports *cw_ports_new(const cw_addr *listen, uint16_t first, uint16_t last) CW_ON_LOOP;
void cw_ports_free(cw_ports *ports) CW_ON_LOOP; /* NULL is fine */

/* Open a pair chosen at random. Ports that others hold are passed over.
 *
 * CW_E_NO_PORT   every pair is taken
 * CW_E_OVERLOAD  the process is out of descriptors or memory
 * CW_E_IO        the address is not ours
 */
CW_NODISCARD cw_err cw_port_open(cw_ports *ports, cw_port_pair *ret) CW_ON_LOOP;
/* The descriptors are closed: the numbers may be used again. */
void cw_port_release(cw_ports *ports, const cw_addr *addr) CW_ON_LOOP;

void cw_port_close(cw_port_pair *pair); /* the descriptors; any thread */

#endif
