/* rtcp.h - carry RTCP from one side of a call to the other (RFC 3550 6, RFC 4585 6, RFC 5104 4.3).
 *
 * Each side knows only the SSRC and numbering we send it, so reports and feedback are rewritten to
 * what they mean on the other side. What is not understood does not pass. Pure functions, any
 * thread, no allocation.
 */
#ifndef CW_MEDIA_RTCP_H
#define CW_MEDIA_RTCP_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define CW_RTCP_CNAME 16 /* characters, no NUL */

/* Side A sent the RTCP, side B gets it. */
typedef struct cw_rtcp_map {
    uint32_t a_media; /* A's media, the sender of its SR; 0: none seen */
    uint32_t a_gets;  /* what we send A with: its reports are about this */
    uint32_t b_media; /* B's media, which A gets through us; 0: none seen, reports are dropped */
    uint32_t b_gets;  /* what we send B with */
    uint32_t ts_add;  /* to A's RTP timestamps, to make them ours towards B */
    uint32_t a_newest, b_newest; /* extended sequence numbers: last sent to A, and which of B's
                                    that was */
    uint32_t packets, octets;    /* sent to B so far, for its SR */
    char cname[CW_RTCP_CNAME];
} cw_rtcp_map;

/* Each packet of a compound in turn: its V and length hold.
 *
 * CW_E_SHORT, CW_E_VERSION
 */
CW_NODISCARD cw_err cw_rtcp_check(const uint8_t *data, size_t len);

/* What of the compound at `data` concerns this pair, as a compound for B in `out` (at most `cap`
 * bytes). Returns its length, 0: nothing to send. SR, RR, PLI, FIR, NACK and REMB pass; SDES is
 * written anew; BYE, APP, XR and unknown ones are left out. `out` must not overlap `data`. */
size_t cw_rtcp_translate(const uint8_t *data, size_t len, const cw_rtcp_map *map, uint8_t *out,
                         size_t cap);

/* A Picture Loss Indication for `media` as a compound of its own. */
size_t cw_rtcp_pli(uint32_t own, uint32_t media, const char cname[static CW_RTCP_CNAME],
                   uint8_t *out, size_t cap);

#endif
