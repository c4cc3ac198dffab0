/* wire.h - AF_XDP: datagrams of our ports taken from the network card before the kernel's network
 * stack, and sent past it. An extra beside the sockets, which stay open: what the wire cannot carry
 * (a fragment, a neighbour not known yet, another interface) takes the kernel's way.
 *
 *   xdp   of an interface: the program in the kernel and its tables; the plane's
 *   wire  a worker's rings: those of each queue of the interface whose number is the worker's,
 *         modulo the number of workers
 */
#ifndef CW_MEDIA_WIRE_H
#define CW_MEDIA_WIRE_H

#include "base/role.h"
#include "media/io/frame.h"

#include <stdbool.h>

#define CW_WIRE_BATCH 64

typedef struct cw_xdp cw_xdp;
typedef struct cw_wire cw_wire;

/* CW_E_UNSUPPORTED  built without it
 * CW_E_IO           `why` says what the kernel refused
 */
CW_NODISCARD cw_err cw_xdp_open(const char *interface, unsigned workers, cw_xdp **ret,
                                char why[static 128]) CW_ON_LOOP;
void cw_xdp_close(cw_xdp *xdp) CW_ON_LOOP;  /* after its wires; NULL is fine */
const char *cw_xdp_mode(const cw_xdp *xdp); /* "native" or "generic". Any thread */

/* Before the worker's thread starts, and after it ended. *ret stays NULL when no queue is its. */
CW_NODISCARD cw_err cw_wire_new(cw_xdp *xdp, unsigned worker, cw_wire **ret,
                                char why[static 128]) CW_ON_LOOP;
void cw_wire_free(cw_wire *wire); /* any thread, when none uses it */
/* Descriptors that poll as readable when frames wait. Any thread. */
unsigned cw_wire_fds(const cw_wire *wire, const int **ret);

/* What comes to `local` comes by the wire, and what leaves by the socket `fd` may. */
void cw_wire_serve(cw_wire *wire, int fd, const cw_addr *local) CW_ON_MEDIA;
void cw_wire_unserve(cw_wire *wire, int fd) CW_ON_MEDIA;

/* Up to CW_WIRE_BATCH datagrams, good until the next call. */
unsigned cw_wire_rx(cw_wire *wire, cw_frame ret[static CW_WIRE_BATCH]) CW_ON_MEDIA;
/* False: send it by the socket. */
bool cw_wire_tx(cw_wire *wire, int fd, const cw_addr *to, const uint8_t *data,
                size_t len) CW_ON_MEDIA;
void cw_wire_flush(cw_wire *wire) CW_ON_MEDIA; /* what cw_wire_tx() took leaves now */
void cw_wire_hear(cw_wire *wire, uint64_t now_us) CW_ON_MEDIA; /* once a round: what changed */

#endif
