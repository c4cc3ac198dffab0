/* rtp.h - read and rewrite the RTP header (RFC 3550 5.1; extensions RFC 8285).
 *
 * Pure functions over the caller's bytes: any thread, no allocation, no logging.
 */
#ifndef CW_MEDIA_RTP_H
#define CW_MEDIA_RTP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_RTP_HEADER 12   /* bytes without CSRCs and extension */
#define CW_RTP_MAX    1500 /* longer datagrams are refused unread */

/* A view of one packet. Offsets count from the start of the datagram it was parsed from. */
typedef struct cw_rtp {
    uint8_t pt; /* payload type, 0..127 */
    bool marker;
    uint16_t seq;  /* wraps */
    uint32_t ts;   /* ticks of the codec's clock */
    uint32_t ssrc; /* host order */
    uint16_t ext_profile;
    uint16_t ext_at, ext_len; /* elements of the header extension, without its 4-byte head */
    uint16_t payload_at;
    uint16_t payload_len; /* padding taken off */
    uint16_t padding;     /* bytes behind the payload, their count included */
} cw_rtp;

/* Parse the `len` bytes at `data`.
 *
 * CW_E_SHORT      the datagram ends inside a field it announces
 * CW_E_VERSION    V is not 2
 * CW_E_TOO_LARGE  more than CW_RTP_MAX bytes
 *
 * On error *ret is left as it was.
 */
CW_NODISCARD cw_err cw_rtp_parse(const uint8_t *data, size_t len, cw_rtp *ret);

/* The value of header extension element `id` (1..255) of one- or two-byte form (RFC 8285 4.2, 4.3).
 * NULL: not there. *ret_len may be 0 in the two-byte form. */
const uint8_t *cw_rtp_ext(const uint8_t *data, const cw_rtp *rtp, unsigned id, size_t *ret_len);

/* Put a bare header (no CSRC, no extension) right before the payload of the packet
 * parsed into *rtp, from the values in *rtp. The packet then starts at `data` plus the offset
 * returned and ends where it did; padding stays, and stays flagged. */
size_t cw_rtp_rewrite(uint8_t *data, const cw_rtp *rtp);

/* Which of RTP and RTCP shares a port (RFC 5761 4): packet types 192..223 are RTCP. */
static inline bool cw_is_rtcp(const uint8_t *data, size_t len)
{
    return len >= 2 && data[1] >= 192 && data[1] <= 223;
}

static inline uint16_t cw_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t cw_get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void cw_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void cw_put32(uint8_t *at, uint32_t value)
{
    cw_put16(at, (uint16_t)(value >> 16));
    cw_put16(at + 2, (uint16_t)value);
}

#endif
