/* fuzz-dtmf.c - telephone-events as they come: records of timestamp, time and payload, to the one
 * who watches digits end, and to the one who sends them on in another clock. */
#include "media/rtp/dtmf.h"

#include <stdlib.h>
#include <string.h>

#define HEAD 4 /* steps of timestamp and of time, length, what else happens */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is seen goes on in another clock: well formed, and it comes to an end. */
static void follow(cw_dtmf_follow *follow, const cw_dtmf_see *see, unsigned clocks, uint32_t ts)
{
    static const uint32_t hz[] = { 8000, 8000, 16000, 48000 };
    uint8_t payload[CW_DTMF_LEN];
    uint32_t ts_after;
    unsigned packets = 0;
    bool again;

    if (see->nth != 0 && see->open && follow->nth != see->nth && !cw_dtmf_follows(follow))
        cw_dtmf_begin(follow, see, ts);
    do {
        if (!cw_dtmf_go_on(follow, see, hz[clocks & 3], hz[clocks >> 2 & 3], payload, &ts_after,
                           &again))
            break;
        if (payload[1] & 0x40 || ++packets > 1000000)
            abort(); /* the reserved bit; it never ends */
    } while (again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cw_dtmf_see see = { 0 };
    cw_dtmf_follow following = { 0 };
    uint64_t now_us = 1;
    uint32_t ts = 0, ticks;
    uint8_t event;

    while (size >= HEAD) {
        size_t len = data[2] % 8;
        uint8_t *payload;

        ts += (uint32_t)(int8_t)data[0] * 80u;
        now_us += (uint64_t)data[1] * 4000;
        if (len > size - HEAD)
            len = size - HEAD;
        payload = malloc(len + !len);
        memcpy(payload, data + HEAD, len);
        if (data[3] & 1)
            (void)cw_dtmf_overdue(&see, now_us, &event, &ticks);
        if (cw_dtmf_seen(&see, payload, len, ts, now_us, &event, &ticks) && event > 16)
            abort(); /* neither digit nor flash */
        follow(&following, &see, data[3] >> 1, ts);
        free(payload);
        data += HEAD + len;
        size -= HEAD + len;
    }
    return 0;
}
