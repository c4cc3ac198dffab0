/* fuzz-rtcp.c - a far side's RTCP: each reader stays within the bytes and its own bounds, and what
 * is read and written again reads the same. */
#include "media/rtp/rtcp.h"

#include "media/rtp/rtp.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OWN = 0xa2 }; /* SSRC the corpus uses */

static void check_nack(const cw_rtcp_item *item)
{
    uint16_t seq[40], again[sizeof seq / sizeof *seq];
    uint8_t buf[1500];
    cw_rtcp_out out = { .data = buf, .cap = sizeof buf, .own = 1 };
    const uint8_t *at = buf;
    cw_rtcp_item copy;
    size_t n = cw_rtcp_read_nack(item, OWN, seq, sizeof seq / sizeof *seq);

    assert(n <= sizeof seq / sizeof *seq);
    cw_rtcp_put_nack(&out, OWN, seq, n);
    assert(cw_rtcp_next(&at, buf + out.len, &copy) == (n > 0));
    if (n > 0)
        assert(cw_rtcp_read_nack(&copy, OWN, again, sizeof again / sizeof *again) > 0 &&
               again[0] == seq[0]);
}

static void check_report(const cw_rtcp_item *item)
{
    uint8_t buf[100];
    cw_rtcp_out out = { .data = buf, .cap = sizeof buf, .own = 1 };
    const uint8_t *at = buf;
    cw_rtcp_sender sender;
    cw_rtcp_block block, again;
    cw_rtcp_item copy;
    bool sends = cw_rtcp_read_sender(item, &sender);

    if (!cw_rtcp_read_block(item, OWN, &block))
        return;
    assert(block.lost >= -0x800000 && block.lost <= 0x7fffff);
    cw_rtcp_put_report(&out, sends ? &sender : NULL, &block);
    assert(cw_rtcp_next(&at, buf + out.len, &copy));
    assert(cw_rtcp_read_block(&copy, OWN, &again));
    assert(again.fraction == block.fraction && again.lost == block.lost &&
           again.newest == block.newest && again.lsr == block.lsr && again.dlsr == block.dlsr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    cw_rtcp_item item;
    uint64_t bps;
    uint8_t nr;

    if (size > CW_RTP_MAX)
        return 0;
    (void)!cw_rtcp_check(data, size);
    while (cw_rtcp_next(&at, data + size, &item)) {
        assert(item.data >= data && item.len >= 4 && item.data + item.len <= data + size);
        (void)cw_rtcp_from(&item);
        (void)cw_rtcp_is_pli(&item, OWN);
        (void)cw_rtcp_is_fir(&item, OWN, &nr);
        (void)cw_rtcp_read_remb(&item, OWN, &bps);
        check_nack(&item);
        check_report(&item);
    }
    return 0;
}
