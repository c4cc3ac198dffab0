/* bridge.h - endpoints on different workers, joined by RTP ports of ours. Loop thread. Home of
 * src/call only. */
#ifndef CW_CALL_BRIDGE_H
#define CW_CALL_BRIDGE_H

#include "call/leg/leg.h"

typedef struct cw_bridge cw_bridge; /* of all streams of a call */

/* Stream `i` of two legs; *at NULL: made. CW_E_NO_PORT */
CW_NODISCARD cw_err cw_bridge_join(cw_bridge **at, cw_plane *plane, const cw_leg *one, cw_ep *a,
                                   const cw_leg *two, cw_ep *b, unsigned i) CW_ON_LOOP;
void cw_bridge_part(cw_bridge *bridge, unsigned stream) CW_ON_LOOP; /* NULL is fine */
void cw_bridge_free(cw_bridge *bridge) CW_ON_LOOP;                  /* NULL is fine */

#endif
