/* fuzz-dtmf.c - telephone-events as they come: records of timestamp, time and payload, to the one
 * who watches digits end, and their durations to another clock. */
#include "media/dtmf.h"

#include <stdlib.h>
#include <string.h>

#define HEAD 4 /* steps of timestamp and of time, length, what else happens */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scale(const uint8_t *payload, unsigned clocks)
{
    static const uint32_t hz[] = { 0, 8000, 16000, 48000 };
    uint8_t copy[CW_DTMF_LEN];

    memcpy(copy, payload, sizeof copy);
    cw_dtmf_scale(copy, hz[clocks & 3], hz[clocks >> 2 & 3]);
    if (copy[0] != payload[0] || copy[1] != payload[1])
        abort(); /* only the duration changes */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cw_dtmf_see see = { 0 };
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
        if (cw_dtmf_seen(&see, payload, len, ts, now_us, &event, &ticks) && event > 15)
            abort(); /* no digit */
        if (len >= CW_DTMF_LEN)
            scale(payload, data[3] >> 1);
        free(payload);
        data += HEAD + len;
        size -= HEAD + len;
    }
    return 0;
}
