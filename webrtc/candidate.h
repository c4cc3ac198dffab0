/* candidate.h - ICE candidates as SDP and trickle write them (RFC 8839 5.1, RFC 6544 4.5).
 *
 * Pure functions, any thread, no allocation.
 */
#ifndef CW_WEBRTC_CANDIDATE_H
#define CW_WEBRTC_CANDIDATE_H

#include "base/addr.h"

#define CW_CANDIDATE_TEXT  1024 /* characters of the longest that is read */
#define CW_CANDIDATE_PRINT 256  /* room for one of ours with its NUL */

typedef enum cw_candidate_type {
    CW_CANDIDATE_HOST,
    CW_CANDIDATE_SRFLX,
    CW_CANDIDATE_PRFLX,
    CW_CANDIDATE_RELAY,
    CW_CANDIDATE_OTHER, /* a type of tomorrow */
} cw_candidate_type;

typedef enum cw_candidate_way {
    CW_WAY_UDP,
    CW_WAY_TCP_ACTIVE,
    CW_WAY_TCP_PASSIVE,
    CW_WAY_OTHER, /* simultaneous-open, or no transport we know */
} cw_candidate_way;

typedef struct cw_candidate {
    char foundation[33];
    uint16_t component; /* 1..256 */
    uint8_t type;       /* cw_candidate_type */
    uint8_t way;        /* cw_candidate_way */
    uint32_t priority;
    cw_addr addr; /* AF_UNSPEC: a name, such as of mDNS */
    cw_addr base; /* raddr and rport; AF_UNSPEC: not said */
} cw_candidate;

/* Read "candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host …", with or without "a=". The words
 * behind the type are pairs of a name and a value; unknown ones are passed over. *ufrag points at
 * the value of "ufrag" within `text`, with its length in *ufrag_len (0: not said); both may be
 * NULL.
 *
 * CW_E_SYNTAX     it is no candidate
 * CW_E_TOO_LARGE  longer than CW_CANDIDATE_TEXT
 */
CW_NODISCARD cw_err cw_candidate_parse(const char *text, size_t len, cw_candidate *ret,
                                       const char **ufrag, size_t *ufrag_len);

/* "candidate:…", for an address that is known. */
const char *cw_candidate_print(const cw_candidate *candidate, char ret[static CW_CANDIDATE_PRINT]);

const char *cw_candidate_type_text(unsigned type); /* "host", "srflx" … */
const char *cw_candidate_way_text(unsigned way);   /* "udp", "tcp" */

/* RFC 8445 5.1.2.1, component 1; `local` is the local preference. */
uint32_t cw_candidate_priority(cw_candidate_type type, uint16_t local);

#endif
