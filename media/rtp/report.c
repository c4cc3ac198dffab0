#include "media/rtp/report.h"

#define RTT_MAX_US 60000000

uint64_t cw_ntp_of_us(uint64_t us)
{
    return us / 1000000 << 32 | (us % 1000000 << 32) / 1000000;
}

static uint32_t ticks_of_us(uint64_t us, uint32_t clock_hz)
{
    return us < UINT32_MAX ? (uint32_t)(us * clock_hz / 1000000) : 0;
}

bool cw_report_heard(cw_report *report, uint32_t ssrc, const cw_rtcp_sender *sr, uint64_t now_us)
{
    bool first = report->sr_us == 0 || ssrc != report->sr_ssrc;

    report->sr_us = now_us;
    report->sr_ssrc = ssrc;
    report->sr = *sr;
    return first;
}

static int32_t clamp24(int64_t lost)
{
    return lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : (int32_t)lost;
}

/* RFC 3550 A.3 */
static uint8_t fraction(const cw_report *report, uint32_t expected, uint32_t received)
{
    uint32_t interval = expected - report->expected;
    int64_t lost = (int64_t)interval - (int32_t)(received - report->received);

    if (interval == 0 || lost <= 0)
        return 0;
    return lost >= interval ? 255 : (uint8_t)(lost * 256 / interval);
}

bool cw_report_block(cw_report *report, const cw_rx *rx, uint64_t now_us, cw_rtcp_block *ret)
{
    uint32_t expected = rx->newest - rx->base + 1;

    if (!rx->begun)
        return false;
    if (rx->ssrc != report->ssrc || rx->base != report->base) {
        report->ssrc = rx->ssrc;
        report->base = rx->base;
        report->expected = report->received = 0;
    }
    if (expected == report->expected && rx->received == report->received)
        return false;
    *ret = (cw_rtcp_block){ .ssrc = rx->ssrc,
                            .fraction = fraction(report, expected, rx->received),
                            .lost = clamp24((int64_t)expected - rx->received),
                            .newest = rx->newest,
                            .jitter = rx->jitter16 >> 4 };
    if (report->sr_us && report->sr_ssrc == rx->ssrc) {
        ret->lsr = (uint32_t)(report->sr.ntp >> 16);
        ret->dlsr = (uint32_t)(cw_ntp_of_us(now_us - report->sr_us) >> 16);
    }
    report->expected = expected;
    report->received = rx->received;
    return true;
}

uint32_t cw_report_rtt(const cw_report *report, const cw_rtcp_block *block, uint64_t now_us)
{
    for (unsigned i = 0; i < CW_REPORTS_SENT && block->lsr; i++) {
        uint64_t took_us = now_us - report->sent[i].at_us;
        uint64_t kept_us = (uint64_t)block->dlsr * 1000000 >> 16;

        if (report->sent[i].lsr != block->lsr || took_us > RTT_MAX_US)
            continue;
        return took_us > kept_us ? (uint32_t)(took_us - kept_us) : 1;
    }
    return 0;
}

void cw_report_sent(cw_report *report, const cw_rtcp_sender *sr, uint64_t now_us)
{
    unsigned i = report->sent_n++ % CW_REPORTS_SENT;

    report->sent[i].lsr = (uint32_t)(sr->ntp >> 16);
    report->sent[i].at_us = now_us;
}

void cw_report_instant(const cw_report *source, const cw_tx *tx, uint64_t now_us, uint64_t ntp,
                       cw_rtcp_sender *ret)
{
    uint64_t since_us = source && source->sr_us ? now_us - source->sr_us : 0;

    ret->ntp = ntp;
    ret->ts = tx->ts + (tx->at_us ? ticks_of_us(now_us - tx->at_us, tx->clock_hz) : 0);
    if (!source || !source->sr_us)
        return;
    ret->ntp = source->sr.ntp + cw_ntp_of_us(since_us);
    if (source->sr_ssrc == tx->in_ssrc && !tx->resync)
        ret->ts = source->sr.ts + tx->ts_add + ticks_of_us(since_us, tx->clock_hz);
}

uint64_t cw_report_wait_us(unsigned interval_ms, uint32_t random)
{
    uint64_t of_1024 = 512 + (random >> 22);

    return (uint64_t)interval_ms * 1000 * of_1024 / 1024 * 100000 / 121828;
}
