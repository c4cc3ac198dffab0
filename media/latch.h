/* latch.h - whose packets an RTP port takes, and where it sends (RFC 7362; attacks: "RTP bleed").
 *
 * The address the peer's SDP told always counts, from its first packet on. Another source is
 * learned only where the mode lets it, and then for good:
 *
 *   a NAT explains it (same address and another port, or the address told is private and far from
 *   the source): after CW_LATCH_PACKETS steady packets; we send there too
 *   nothing explains it: after CW_LATCH_SLOW_MS of steady packets and none from the address told;
 *   we go on sending to the address told, and it takes over when it speaks
 *
 * Until then at most CW_LATCH_PACKETS packets of others are taken. Pure, any thread.
 */
#ifndef CW_MEDIA_LATCH_H
#define CW_MEDIA_LATCH_H

#include "base/addr.h"

#include <string.h>

#define CW_LATCH_PACKETS 5
#define CW_LATCH_SLOW_MS 3000

typedef enum cw_latch_mode {
    CW_LATCH_STRICT, /* nobody but the address told */
    CW_LATCH_AUTO,   /* both kinds of others, as above */
    CW_LATCH_NAT,    /* only the first kind */
    CW_LATCH_OFF, /* every source, at any time; we send to the address told. For closed networks */
} cw_latch_mode;

typedef struct cw_latch {
    cw_addr source; /* the one accepted, AF_UNSPEC: none yet */
    cw_addr to;     /* where to send, AF_UNSPEC: nowhere */
    cw_addr told;   /* by SDP */
    cw_latch_mode mode;
    bool explained; /* the source is behind a NAT, not an asymmetric sender */

    cw_addr candidate;
    uint64_t first_us, last_us; /* of the candidate's packets */
    uint32_t ssrc;
    uint16_t seq;
    unsigned steady; /* packets in order */
    unsigned taken;  /* packets of any candidate let through */
} cw_latch;

typedef enum cw_latch_verdict { CW_LATCH_REFUSE, CW_LATCH_TAKE, CW_LATCH_CHOSE } cw_latch_verdict;

/* What SDP says now. Saying the same again keeps what was learned. */
void cw_latch_tell(cw_latch *latch, const cw_addr *told, cw_latch_mode mode);

/* Told to be at `told`, could it be seen at `from` through a NAT? */
bool cw_latch_explains(const cw_addr *told, const cw_addr *from);
bool cw_addr_is_private(const cw_addr *addr); /* RFC 1918, 6598, 4193, link-local */
/* May DTLS come from there? From the address told, or from behind the NAT that would explain it;
 * once a source is chosen, from that only. */
bool cw_latch_allows(const cw_latch *latch, const cw_addr *from);

/* CW_LATCH_CHOSE: take it, and the source is now one that SDP did not tell. */
cw_latch_verdict cw_latch_slow(cw_latch *latch, const cw_addr *from, uint32_t ssrc, uint16_t seq,
                               uint64_t now_us);

/* Same address and port; both are as the kernel filled them in or zero otherwise. */
static inline bool cw_addr_same(const cw_addr *a, const cw_addr *b)
{
    if (a->sa.sa_family == AF_INET)
        return memcmp(a, b, 8) == 0; /* family, port, address */
    return cw_addr_eq(a, b);
}

static inline cw_latch_verdict cw_latch_check(cw_latch *latch, const cw_addr *from, uint32_t ssrc,
                                              uint16_t seq, uint64_t now_us)
{
    if (cw_addr_same(from, &latch->source))
        return CW_LATCH_TAKE;
    return cw_latch_slow(latch, from, ssrc, seq, now_us);
}

#endif
