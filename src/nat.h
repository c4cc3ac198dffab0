/* nat.h - the options of the browsers' side as webrtc takes them. Any thread. */
#ifndef CW_NAT_H
#define CW_NAT_H

#include "base/conf.h"
#include "webrtc/peer.h"

/* `plane` has its browser_listen already; full ICE takes the addresses over and leaves none there.
 *
 * CW_E_CONF  *why says which option; g_free it
 */
CW_NODISCARD cw_err cw_gateway_webrtc(const cw_conf *conf, cw_plane_conf *plane,
                                      cw_webrtc_conf *ret, char **why);

#endif
