/* plug.h - our own TCP and TLS in place of Sofia-SIP's: a transport type registered with it.
 *
 * Loop thread. Sofia believes in a listening socket and in connections; it gets, for each, one end
 * of a UNIX socket pair that carries whole messages only, under the real peer's name. What is on
 * the wire is stream.h's. Sofia declares this interface in a header that is not installed, so that
 * start-up compares what it finds with what we were built for.
 */
#ifndef CW_SIP_PLUG_H
#define CW_SIP_PLUG_H

#include "sip/priv.h"

typedef struct tport_primary tport_primary_t; /* Sofia's */

/* One bound address. */
typedef struct cw_sip_socket {
    cw_sip *sip;
    cw_sip_transport transport;
    tport_primary_t *primary;
    cw_addr addr; /* as bound */
    int fd;       /* -1: nobody connects there */
    cw_watch *watch;
    cw_timer *rest; /* until descriptors are free again */
} cw_sip_socket;

/* Register the types, once a process. CW_E_INTERNAL: Sofia is not the one we know. */
CW_NODISCARD cw_err cw_sip_plug(char why[static 128]) CW_ON_LOOP;
/* From here on what nta_agent_add_tport binds is of this stack. NULL: of none. */
void cw_sip_plug_for(cw_sip *sip) CW_ON_LOOP;
/* The next is of WebSockets: nothing is opened for it, its connections are made by others. */
void cw_sip_plug_web(cw_sip *sip) CW_ON_LOOP;
void cw_sip_unplug(cw_sip *sip) CW_ON_LOOP; /* closes its sockets; after its agent is gone */

/* The socket of that transport and family, best the one bound to `local`; NULL: none. */
cw_sip_socket *cw_sip_socket_for(const cw_sip *sip, cw_sip_transport transport,
                                 const cw_addr *local) CW_ON_LOOP;

/* Make Sofia's connection to `peer`, and our end of it, *fd, not blocking. NULL: not possible. */
tport_t *cw_sip_plug_connect(cw_sip_socket *socket, const cw_addr *peer, int *fd) CW_ON_LOOP;

#endif
