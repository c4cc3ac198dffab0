/* twcc.h - when packets with transport-wide numbers arrived, as their sender is told
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1). Pure, any thread, bounded.
 */
#ifndef CW_MEDIA_TWCC_H
#define CW_MEDIA_TWCC_H

#include "media/rtp/rtcp.h"

#define CW_TWCC_WINDOW 512 /* numbers remembered, a power of two */

typedef struct cw_twcc {
    bool begun, fresh;              /* fresh: something came since the last feedback */
    uint8_t count;                  /* feedback packets sent */
    uint32_t media;                 /* SSRC of a stream that is counted */
    uint64_t base, newest;          /* unwrapped: first to tell about, last that came */
    uint64_t sent_us;               /* the last feedback */
    uint64_t at_us[CW_TWCC_WINDOW]; /* 0: did not come */
} cw_twcc;

void cw_twcc_got(cw_twcc *twcc, uint16_t seq, uint32_t media, uint64_t now_us);
/* Everything new as one feedback packet; nothing when nothing is. */
void cw_twcc_put(cw_twcc *twcc, cw_rtcp_out *out, uint64_t now_us);

#endif
