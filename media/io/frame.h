/* frame.h - UDP over IPv4 or IPv6 over Ethernet, byte by byte: what the kernel does for sockets,
 * and nobody does for a wire (wire.h).
 *
 * Pure functions over the caller's bytes: any thread, no allocation, no logging.
 */
#ifndef CW_MEDIA_FRAME_H
#define CW_MEDIA_FRAME_H

#include "base/addr.h"

#define CW_MAC_LEN   6
#define CW_FRAME_MAX 62 /* bytes of the three headers together, with IPv6 */

/* A received datagram; `data` points into the frame. */
typedef struct cw_frame {
    cw_addr from, to;
    const uint8_t *data;
    size_t len;
} cw_frame;

/* Headers without options, fragments or VLAN tags only: the others take the kernel's way. The
 * checksum is not looked at: the network card did, or the sender is on this machine and left it to
 * the card that never came.
 *
 * CW_E_SHORT        the frame ends inside what it announces
 * CW_E_UNSUPPORTED  something else than plain UDP
 */
CW_NODISCARD cw_err cw_frame_parse(const uint8_t *frame, size_t len, cw_frame *ret);

typedef struct cw_link {
    uint8_t to[CW_MAC_LEN], from[CW_MAC_LEN];
} cw_link;

/* Write a datagram of `len` bytes at `data` with its headers to `ret`, which has room for
 * CW_FRAME_MAX more; returns the frame's length. `from` and `to` are of one family. */
size_t cw_frame_print(uint8_t *ret, const cw_link *link, const cw_addr *from, const cw_addr *to,
                      const uint8_t *data, size_t len);

#endif
