#include "media/rtp/nack.h"

#include <string.h>

enum { DROPOUT_MAX = 3000 }; /* RFC 3550 A.1: further ahead it is another sequence */

void cw_nack_reset(cw_nack *nack)
{
    nack->begun = false;
    nack->n = 0;
}

static void take_off(cw_nack *nack, unsigned i, unsigned n)
{
    memmove(&nack->gap[i], &nack->gap[i + n], (nack->n - i - n) * sizeof nack->gap[0]);
    nack->n -= n;
}

static bool found(cw_nack *nack, uint16_t seq)
{
    for (unsigned i = nack->n; i-- > 0;) {
        if (nack->gap[i].seq != seq)
            continue;
        take_off(nack, i, 1);
        return true;
    }
    return false;
}

static void miss(cw_nack *nack, unsigned n, uint64_t now_us)
{
    if (n > CW_NACK_MISSING - nack->n) { /* too much to repair */
        nack->n = 0;
        nack->given_up = true;
        return;
    }
    for (unsigned i = 1; i <= n; i++)
        nack->gap[nack->n++] =
            (cw_nack_gap){ .seq = (uint16_t)(nack->newest + i), .since_us = now_us };
}

bool cw_nack_got(cw_nack *nack, uint16_t seq, uint64_t now_us)
{
    uint16_t ahead = (uint16_t)(seq - nack->newest);

    if (!nack->begun || (ahead >= DROPOUT_MAX && ahead <= 0xffff - DROPOUT_MAX)) {
        nack->begun = true;
        nack->n = 0;
        nack->newest = seq;
        return false;
    }
    if (ahead == 0 || ahead >= DROPOUT_MAX)
        return found(nack, seq);
    if (ahead > 1)
        miss(nack, ahead - 1u, now_us);
    nack->newest = seq;
    return false;
}

size_t cw_nack_ask(cw_nack *nack, uint64_t now_us, uint64_t rtt_us, uint16_t *ret, size_t cap)
{
    size_t n = 0;

    for (unsigned i = 0; i < nack->n;) {
        cw_nack_gap *gap = &nack->gap[i];

        if (gap->tries == CW_NACK_TRIES || now_us - gap->since_us >= CW_NACK_AGE_US) {
            nack->given_up = true;
            take_off(nack, i, 1);
            continue;
        }
        i++;
        if (n == cap || (gap->tries > 0 && now_us - gap->asked_us < rtt_us))
            continue;
        gap->tries++;
        gap->asked_us = now_us;
        ret[n++] = gap->seq;
    }
    return n;
}
