/* ice.h - the ICE-lite side of connectivity checks (RFC 8445, RFC 8489): answer, never ask.
 *
 * Any thread: each keeps a STUN agent of its own. Made to be the hooks `stun` and `stun_ufrag` of
 * media/plane.h.
 */
#ifndef CW_WEBRTC_ICE_H
#define CW_WEBRTC_ICE_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_ICE_REPLY_MAX 768 /* room every answer fits in */

/* Our ufrag in a Binding request: what stands before ':' in USERNAME. `ret` gets a NUL.
 *
 * CW_E_SYNTAX  no Binding request, or without such a USERNAME
 */
CW_NODISCARD cw_err cw_ice_ufrag(const uint8_t *data, size_t len, char *ret, size_t cap);

/* Answer a Binding request for the transport with `ufrag` and `pwd`; returns the length of the
 * answer in `reply`, 0 for none or when `cap` is less than CW_ICE_REPLY_MAX. *valid: FINGERPRINT,
 * USERNAME and MESSAGE-INTEGRITY are right and the sender takes itself for controlling. An error
 * answer is never longer than the request. */
size_t cw_ice_answer(const char *ufrag, const char *pwd, const uint8_t *data, size_t len,
                     const cw_addr *from, uint8_t *reply, size_t cap, bool *valid);

#endif
