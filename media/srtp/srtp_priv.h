/* srtp_priv.h - an association's state: keys by direction, and what was seen of each SSRC. */
#ifndef CW_MEDIA_SRTP_PRIV_H
#define CW_MEDIA_SRTP_PRIV_H

#include "media/srtp/srtp.h"
#include "media/srtp/srtp_evp.h"

#include <stdalign.h>

#define CW_SRTP_SSRCS_MAX 32  /* kept a direction; the one longest unused makes room */
#define CW_SRTP_WINDOW    128 /* packets of disorder forgiven; RFC 3711 3.3.2 asks for 64 */

__extension__ typedef unsigned __int128 cw_srtp_seen; /* bit n: newest - n was */

/* One SSRC in one direction. All zero before its first packet. */
typedef struct cw_srtp_stream {
    uint8_t ssrc[4];      /* as on the wire */
    uint32_t used;        /* the way's clock then */
    uint64_t newest;      /* index: rollover counter and sequence number, 48 bits */
    uint64_t rtcp_newest; /* index, 31 bits */
    cw_srtp_seen seen, rtcp_seen;
} cw_srtp_stream;

typedef struct cw_srtp_way {
    alignas(64) cw_srtp_crypt rtp;
    bool gcm;
    uint8_t rtp_tag, rtcp_tag; /* bytes */
    uint8_t n, room, last;
    bool seals;
    uint8_t key_len;
    uint32_t clock;         /* counts packets, to tell the longest unused */
    cw_srtp_stream *stream; /* `room` of them, `n` in use */
    cw_srtp_crypt rtcp;     /* its cipher is lent for each packet, see srtp_evp.h */
    uint8_t rtcp_key[32];
} cw_srtp_way;

struct cw_srtp {
    cw_srtp_way tx, rx;
};

/* What is known of the SSRC, or `fresh`, emptied: an SSRC is kept only after its first good packet.
 */
cw_srtp_stream *cw_srtp_find(cw_srtp_way *way, const uint8_t *ssrc, cw_srtp_stream *fresh);
/* A good packet passed. */
void cw_srtp_keep(cw_srtp_way *way, const cw_srtp_stream *stream);

/* True: never seen, and not too old to tell. */
static inline bool cw_srtp_is_new(uint64_t index, uint64_t newest, cw_srtp_seen seen)
{
    return index > newest || (newest - index < CW_SRTP_WINDOW && !(seen >> (newest - index) & 1));
}

static inline void cw_srtp_mark(uint64_t index, uint64_t *newest, cw_srtp_seen *seen)
{
    uint64_t ahead = index - *newest;

    if (index <= *newest) {
        *seen |= (cw_srtp_seen)1 << (*newest - index);
        return;
    }
    *newest = index;
    *seen = ahead < CW_SRTP_WINDOW ? *seen << ahead | 1 : 1;
}

#endif
