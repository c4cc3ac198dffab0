/* report.h - an endpoint's own sender and receiver reports, and what it learns from its far side's
 * (RFC 3550 6.4). Pure, any thread.
 */
#ifndef CW_MEDIA_REPORT_H
#define CW_MEDIA_REPORT_H

#include "media/rtp/number.h"
#include "media/rtp/rtcp.h"

#define CW_REPORTS_SENT 4 /* of ours that a report block may still refer to */

typedef struct cw_report {
    /* The far side's last SR */
    uint64_t sr_us; /* when it came, 0: none */
    uint32_t sr_ssrc;
    cw_rtcp_sender sr;
    /* What was received when we reported last */
    uint32_t ssrc, base, expected, received;
    /* Our SRs: their times as blocks repeat them, and when they left */
    struct {
        uint32_t lsr;
        uint64_t at_us;
    } sent[CW_REPORTS_SENT];
    unsigned sent_n;
    uint64_t tx_packets; /* sent when we reported last */
} cw_report;

uint64_t cw_ntp_of_us(uint64_t us); /* 32.32 seconds */

/* An SR of `ssrc` came. True: the first of it. */
bool cw_report_heard(cw_report *report, uint32_t ssrc, const cw_rtcp_sender *sr, uint64_t now_us);
/* About what was received since the last time. False: nothing was. */
bool cw_report_block(cw_report *report, const cw_rx *rx, uint64_t now_us, cw_rtcp_block *ret);
/* Microseconds since the SR that `block` refers to left, without the time the far side kept it; 0:
 * it refers to none of ours. */
uint32_t cw_report_rtt(const cw_report *report, const cw_rtcp_block *block, uint64_t now_us);
void cw_report_sent(cw_report *report, const cw_rtcp_sender *sr, uint64_t now_us);

/* What instant a stream of ours stands at. While it carries on a source whose SR is known, that SR
 * shifted to now: pictures and sound of one source then keep the relation their source gave them.
 * Transcoded sound takes the source's clock too, with timestamps of its own. A source that sends no
 * SR: by our clock, `ntp` now. */
void cw_report_instant(const cw_report *source, const cw_tx *tx, uint64_t now_us, uint64_t ntp,
                       cw_rtcp_sender *ret);

/* RFC 3550 6.3.1: 0.5 to 1.5 of the interval, over e - 3/2. */
uint64_t cw_report_wait_us(unsigned interval_ms, uint32_t random);

#endif
