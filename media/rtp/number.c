#include "media/rtp/number.h"

#include "base/ident.h"

enum { DROPOUT_MAX = 3000, MISORDER_MAX = 100, NOWHERE = 1 << 16 }; /* RFC 3550 A.1 */

#define WINDOW  64  /* packets a late one may be behind */
#define LATE_MS 120 /* what an adaptive playout buffer waits at most, above its usual delay */
#define LEARN   6   /* packets until a new delay is the usual one, as a power of two */

static void begin(cw_rx *rx, const cw_rtp *rtp)
{
    rx->lost_before = rx->begun ? cw_rx_lost(rx) : 0;
    rx->begun = true;
    rx->ssrc = rtp->ssrc;
    rx->newest = rx->base = rtp->seq;
    rx->received = 1;
    rx->odd = NOWHERE;
    rx->at_us = 0;
    rx->lag = 0;
}

cw_rx_verdict cw_rx_count(cw_rx *rx, const cw_rtp *rtp)
{
    uint16_t ahead = (uint16_t)(rtp->seq - rx->newest);

    if (!rx->begun || rtp->ssrc != rx->ssrc) {
        begin(rx, rtp);
        return CW_RX_RESTART;
    }
    if (ahead >= 1 && ahead < DROPOUT_MAX) {
        rx->newest += ahead;
        rx->received++;
        rx->gaps += ahead > 1;
        return CW_RX_NEXT;
    }
    if (ahead == 0 || ahead > 0xffff - MISORDER_MAX) {
        rx->received++;
        return CW_RX_LATE;
    }
    if (rtp->seq == rx->odd) {
        begin(rx, rtp);
        return CW_RX_RESTART;
    }
    rx->odd = (uint16_t)(rtp->seq + 1);
    return CW_RX_DROP;
}

/* The way through the network that took least is lag 0; a longer one becomes the usual one. */
static bool is_late(cw_rx *rx, int64_t d)
{
    int32_t lag = rx->lag + (int32_t)d;

    if (lag < 0)
        lag = 0;
    rx->lag = lag - (lag >> LEARN);
    return (uint32_t)lag > rx->late;
}

bool cw_rx_time(cw_rx *rx, const cw_rtp *rtp, uint64_t now_us)
{
    uint64_t since_us = now_us - rx->at_us;
    bool late = false;
    int64_t d;

    if (rx->at_us && since_us < UINT32_MAX) {
        d = (int64_t)(since_us * rx->tick_mul >> 32) - (int32_t)(rtp->ts - rx->ts);
        if (d < 1 << 20 && d > -(1 << 20)) { /* ten seconds: the timestamps jumped */
            rx->jitter16 += (uint32_t)(d < 0 ? -d : d) - ((rx->jitter16 + 8) >> 4);
            late = is_late(rx, d);
        }
    }
    rx->ts = rtp->ts;
    rx->at_us = now_us;
    return late;
}

void cw_rx_clock(cw_rx *rx, uint32_t clock_hz)
{
    rx->tick_mul = cw_tick_mul(clock_hz);
    rx->late = clock_hz ? clock_hz / 1000 * LATE_MS : UINT32_MAX;
    rx->lag = 0;
}

int64_t cw_rx_lost(const cw_rx *rx)
{
    return rx->lost_before + (int64_t)(rx->newest - rx->base) + 1 - rx->received;
}

uint32_t cw_tick_mul(uint32_t clock_hz)
{
    return clock_hz >= 1000000 ? UINT32_MAX : (uint32_t)(((uint64_t)clock_hz << 32) / 1000000);
}

void cw_tx_init(cw_tx *tx)
{
    uint32_t r[3];

    cw_random(r, sizeof r);
    *tx = (cw_tx){ .ssrc = r[0] ? r[0] : 1,
                   .newest = r[1] & 0x7fff, /* far from the wrap: RFC 3711 3.3.1 */
                   .ts = r[2],
                   .clock_hz = 8000 };
}

uint32_t cw_tx_now(const cw_tx *tx, uint64_t now_us)
{
    uint64_t since_us = now_us - tx->at_us;
    uint64_t frame = tx->repeats ? 1 : tx->clock_hz / 50; /* no two audio frames share their time */
    uint64_t ticks;

    if (!tx->begun)
        return tx->ts;
    ticks = since_us < UINT32_MAX ? since_us * tx->clock_hz / 1000000 : 0;
    return tx->ts + (uint32_t)(ticks > frame ? ticks : frame);
}

static void resync(cw_tx *tx, cw_rtp *rtp, uint64_t now_us)
{
    tx->ts_add = cw_tx_now(tx, now_us) - rtp->ts;
    tx->seq_add = (uint16_t)(tx->newest + 1 - rtp->seq);
    tx->in_base = rtp->seq;
    tx->in_ssrc = rtp->ssrc;
    tx->resync = false;
    tx->begun = true;
    if (!tx->repeats)
        rtp->marker = true; /* audio: a talkspurt begins (RFC 3551 4.1) */
}

static void advance(cw_tx *tx, unsigned by, uint32_t ts, uint64_t now_us)
{
    tx->newest += by;
    tx->sent = by < WINDOW ? tx->sent << by | 1 : 1;
    if (ts != tx->ts || !tx->at_us)
        tx->at_us = now_us; /* of several packets with one time (an event, a picture) the first */
    tx->ts = ts;
}

/* Numbers from before the last change of stream belong to what was sent then. */
static bool is_before_base(cw_tx *tx, uint16_t seq)
{
    uint16_t since = (uint16_t)(seq - tx->in_base);

    if (since > 0x4000 && since < 0x8000)
        tx->in_base = (uint16_t)(seq - 0x2000); /* follows, so that it never seems ahead */
    return since >= 0x8000;
}

bool cw_tx_place(cw_tx *tx, cw_rtp *rtp, uint64_t now_us)
{
    uint16_t ahead;

    if (!tx->begun || tx->resync || rtp->ssrc != tx->in_ssrc)
        resync(tx, rtp, now_us);
    if (is_before_base(tx, rtp->seq))
        return false;
    rtp->seq = (uint16_t)(rtp->seq + tx->seq_add);
    rtp->ts += tx->ts_add;
    rtp->ssrc = tx->ssrc;

    ahead = (uint16_t)(rtp->seq - tx->newest);
    if (ahead >= 1 && ahead < 0x8000) {
        advance(tx, ahead, rtp->ts, now_us);
        return true;
    }
    if (tx->repeats)
        return true;
    ahead = (uint16_t)-ahead;
    if (ahead >= WINDOW || tx->sent >> ahead & 1)
        return false;
    tx->sent |= UINT64_C(1) << ahead;
    return true;
}

void cw_tx_insert(cw_tx *tx, cw_rtp *rtp, uint64_t now_us)
{
    rtp->seq = (uint16_t)(tx->newest + 1);
    rtp->ssrc = tx->ssrc;
    tx->begun = true;
    advance(tx, 1, rtp->ts, now_us);
}
