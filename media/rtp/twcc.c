#include "media/rtp/twcc.h"

#include "media/rtp/rtp.h"

#include <string.h>

#define MASK       (CW_TWCC_WINDOW - 1)
#define DELTA_US   250   /* 3.1.5 */
#define REF_US     64000 /* 3.1: the reference time's unit */
#define RUN_MAX    8191  /* 13 bits */
#define RUN_PAYS   8     /* one more than a vector chunk holds */
#define VECTOR     7
#define STATUS_MAX CW_TWCC_WINDOW

enum { LOST, SMALL, LARGE }; /* 3.1.1 */

void cw_twcc_got(cw_twcc *twcc, uint16_t seq, uint32_t media, uint64_t now_us)
{
    int16_t step = (int16_t)(uint16_t)(seq - (uint16_t)twcc->newest);
    uint64_t at = twcc->newest + (uint64_t)(int64_t)step;

    twcc->media = media;
    if (!twcc->begun || step > CW_TWCC_WINDOW / 2 || step < -CW_TWCC_WINDOW / 2) {
        uint8_t count = twcc->count;
        uint64_t sent_us = twcc->sent_us;

        *twcc = (cw_twcc){ .begun = true, .media = media, .count = count, .sent_us = sent_us };
        at = twcc->base = twcc->newest = UINT64_C(0x10000) + seq;
    }
    while (twcc->newest < at)
        twcc->at_us[++twcc->newest & MASK] = 0;
    if (twcc->newest >= twcc->base + CW_TWCC_WINDOW / 2) /* the base may be one ahead */
        twcc->base = twcc->newest - CW_TWCC_WINDOW / 2 + 1;
    if (at < twcc->base) {
        if (twcc->newest - at >= CW_TWCC_WINDOW / 2)
            return;
        twcc->base = at; /* told as lost already: it is told again */
    }
    if (!twcc->at_us[at & MASK])
        twcc->at_us[at & MASK] = now_us;
    twcc->fresh = true;
}

/* ── Writing ── */

/* Units of DELTA_US since the reference; what a packet's delta may be decides its symbol. */
typedef struct plan {
    unsigned n;                 /* packets told about */
    uint8_t symbol[STATUS_MAX]; /* of each */
    int16_t delta[STATUS_MAX];
    size_t chunks, deltas; /* bytes */
    uint32_t ref;
} plan;

static void plan_one(plan *p, uint64_t at_us, int64_t *last)
{
    int64_t delta = at_us ? (int64_t)(at_us / DELTA_US) - *last : 0;

    p->symbol[p->n] = !at_us ? LOST : delta >= 0 && delta <= 255 ? SMALL : LARGE;
    p->delta[p->n] = (int16_t)delta;
    p->deltas += p->symbol[p->n];
    p->n++;
    *last += delta;
}

static bool fits(uint64_t at_us, int64_t last)
{
    int64_t delta = (int64_t)(at_us / DELTA_US) - last;

    return !at_us || (delta >= INT16_MIN && delta <= INT16_MAX);
}

/* From the base up to the newest, or as far as one reference time reaches: the first that came at
 * least. */
static void make_plan(const cw_twcc *twcc, plan *p)
{
    uint64_t first = twcc->base;
    int64_t last;

    *p = (plan){ 0 };
    while (first < twcc->newest && !twcc->at_us[first & MASK])
        first++;
    p->ref = (uint32_t)(twcc->at_us[first & MASK] / REF_US);
    last = (int64_t)p->ref * (REF_US / DELTA_US);
    for (uint64_t i = twcc->base; i <= twcc->newest && p->n < STATUS_MAX; i++) {
        if (!fits(twcc->at_us[i & MASK], last))
            break;
        plan_one(p, twcc->at_us[i & MASK], &last);
    }
}

static unsigned run_of(const plan *p, unsigned at)
{
    unsigned n = 1;

    while (at + n < p->n && n < RUN_MAX && p->symbol[at + n] == p->symbol[at])
        n++;
    return n;
}

/* One chunk for what begins at *at: a run (3.1.3), or two bits each (3.1.4). */
static uint16_t chunk(const plan *p, unsigned *at)
{
    unsigned run = run_of(p, *at);
    uint16_t ret = 0xc000;

    if (run >= RUN_PAYS || *at + run == p->n) {
        ret = (uint16_t)(p->symbol[*at] << 13 | run);
        *at += run;
        return ret;
    }
    for (unsigned i = 0; i < VECTOR && *at < p->n; i++, ++*at)
        ret |= (uint16_t)(p->symbol[*at] << (12 - 2 * i));
    return ret;
}

static void put_deltas(const plan *p, uint8_t *at)
{
    for (unsigned i = 0; i < p->n; i++) {
        if (p->symbol[i] == SMALL) {
            *at++ = (uint8_t)p->delta[i];
        } else if (p->symbol[i] == LARGE) {
            cw_put16(at, (uint16_t)p->delta[i]);
            at += 2;
        }
    }
}

static void put_plan(cw_twcc *twcc, plan *p, cw_rtcp_out *out)
{
    size_t len;
    uint8_t *at;

    for (unsigned i = 0; i < p->n; p->chunks += 2)
        (void)chunk(p, &i);
    len = (12 + p->chunks + p->deltas + 3) & ~(size_t)3;
    at = cw_rtcp_put(out, CW_RTCP_RTPFB, CW_RTPFB_TWCC, len);
    if (!at)
        return;
    memset(at + 12, 0, len - 12);
    cw_put32(at, twcc->media);
    cw_put16(at + 4, (uint16_t)twcc->base);
    cw_put16(at + 6, (uint16_t)p->n);
    cw_put32(at + 8, p->ref << 8 | twcc->count++);
    at += 12;
    for (unsigned i = 0; i < p->n; at += 2)
        cw_put16(at, chunk(p, &i));
    put_deltas(p, at);
}

void cw_twcc_put(cw_twcc *twcc, cw_rtcp_out *out, uint64_t now_us)
{
    plan p;

    while (twcc->fresh) {
        make_plan(twcc, &p);
        put_plan(twcc, &p, out);
        twcc->base += p.n;
        twcc->fresh = twcc->base <= twcc->newest;
    }
    twcc->sent_us = now_us;
}
