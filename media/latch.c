#include "media/latch.h"

#define SLOW_PACKETS 50 /* of CW_LATCH_SLOW_MS at any usual packet time */
#define STALE_US     500000
#define STEP_MAX     100 /* sequence numbers a steady source may skip (RFC 3550 A.1 MAX_MISORDER) */

static bool is_private4(uint32_t ip)
{
    return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 /* RFC 1918 */
           || ip >> 22 == 0x64400000 >> 22 /* RFC 6598 */ || ip >> 16 == 0xa9fe /* RFC 3927 */;
}

bool cw_addr_is_private(const cw_addr *addr)
{
    if (addr->sa.sa_family == AF_INET)
        return is_private4(ntohl(addr->in4.sin_addr.s_addr));
    return (addr->in6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc /* RFC 4193 */ ||
           IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr);
}

/* On one link there is no NAT in between: the first 24 or 64 bits agree. */
static bool is_near(const cw_addr *a, const cw_addr *b)
{
    if (a->sa.sa_family == AF_INET)
        return memcmp(&a->in4.sin_addr, &b->in4.sin_addr, 3) == 0;
    return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 8) == 0;
}

bool cw_latch_explains(const cw_addr *told, const cw_addr *from)
{
    if (told->sa.sa_family != from->sa.sa_family || cw_addr_is_any(told))
        return false;
    if (cw_addr_eq_ip(told, from))
        return !cw_addr_is_loopback(told);
    return cw_addr_is_private(told) && !is_near(told, from);
}

void cw_latch_tell(cw_latch *latch, const cw_addr *told, cw_latch_mode mode)
{
    bool same = cw_addr_family(told) != AF_UNSPEC && cw_addr_eq(told, &latch->told);

    if (!same || mode != latch->mode)
        *latch = (cw_latch){ .told = *told, .to = *told, .mode = mode };
}

static bool is_steady(cw_latch *latch, const cw_addr *from, uint32_t ssrc, uint16_t seq)
{
    uint16_t step = (uint16_t)(seq - latch->seq);

    return cw_addr_same(from, &latch->candidate) && ssrc == latch->ssrc && step >= 1 &&
           step <= STEP_MAX;
}

static bool is_fresh(const cw_latch *latch, uint64_t now_us)
{
    return cw_addr_family(&latch->candidate) != AF_UNSPEC && now_us - latch->last_us < STALE_US;
}

static cw_latch_verdict choose(cw_latch *latch, const cw_addr *from, bool explained)
{
    latch->source = *from;
    latch->explained = explained;
    if (explained)
        latch->to = *from;
    return CW_LATCH_CHOSE;
}

static cw_latch_verdict consider(cw_latch *latch, const cw_addr *from, uint64_t now_us)
{
    if (cw_latch_explains(&latch->told, from)) {
        if (latch->steady >= CW_LATCH_PACKETS)
            return choose(latch, from, true);
        return latch->taken++ < CW_LATCH_PACKETS - 1 ? CW_LATCH_TAKE : CW_LATCH_REFUSE;
    }
    if (latch->mode == CW_LATCH_AUTO && latch->steady >= SLOW_PACKETS &&
        now_us - latch->first_us >= (uint64_t)CW_LATCH_SLOW_MS * 1000)
        return choose(latch, from, false);
    return CW_LATCH_REFUSE;
}

cw_latch_verdict cw_latch_slow(cw_latch *latch, const cw_addr *from, uint32_t ssrc, uint16_t seq,
                               uint64_t now_us)
{
    bool chosen = cw_addr_family(&latch->source) != AF_UNSPEC;

    if (cw_addr_family(&latch->told) == AF_UNSPEC)
        return CW_LATCH_REFUSE;
    if (latch->mode == CW_LATCH_OFF)
        return CW_LATCH_TAKE; /* no source is chosen: the socket stays open to all */
    if (cw_addr_eq(from, &latch->told) && !(chosen && latch->explained)) {
        latch->source = *from;
        return CW_LATCH_TAKE;
    }
    if (latch->mode == CW_LATCH_STRICT || chosen)
        return CW_LATCH_REFUSE;

    if (is_steady(latch, from, ssrc, seq)) {
        latch->steady++;
    } else if (is_fresh(latch, now_us) && !cw_addr_same(from, &latch->candidate)) {
        return CW_LATCH_REFUSE; /* one candidate at a time */
    } else {
        latch->candidate = *from;
        latch->first_us = now_us;
        latch->ssrc = ssrc;
        latch->steady = 1;
    }
    latch->seq = seq;
    latch->last_us = now_us;
    return consider(latch, from, now_us);
}

bool cw_latch_allows(const cw_latch *latch, const cw_addr *from)
{
    if (cw_addr_family(&latch->told) == AF_UNSPEC)
        return false;
    if (latch->mode == CW_LATCH_OFF)
        return true;
    if (cw_addr_family(&latch->source) != AF_UNSPEC && latch->explained)
        return cw_addr_same(from, &latch->source);
    return cw_addr_eq(from, &latch->told) ||
           (latch->mode != CW_LATCH_STRICT && cw_latch_explains(&latch->told, from));
}
