/* fuzz-sip-stream.c - where messages end in a stream, however it is cut. The first byte says how.
 */
#include "sip/net/frame.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The end of each item as `step` bytes more come at a time; how many were found, -1: an error. */
static int cut(const uint8_t *data, size_t size, size_t step, size_t ends[64])
{
    cw_sip_frame frame = { 0 };
    cw_sip_frame_what what;
    size_t at = 0, have = 0, used;
    int n = 0;

    while (have < size && n < 64) {
        size_t len;
        char *copy;
        cw_err err;

        have = have + step < size ? have + step : size;
        do {
            len = have - at;
            copy = malloc(len ? len : 1);
            assert(copy);
            memcpy(copy, data + at, len);
            err = cw_sip_frame_next(&frame, copy, len, MAX, &what, &used);
            free(copy);
            if (err)
                return -1;
            assert(used <= len && (used > 0) == (what != CW_SIP_FRAME_MORE));
            at += used;
            if (used && what == CW_SIP_FRAME_MESSAGE)
                ends[n++] = at;
        } while (used && n < 64);
        assert(have - at <= MAX + step);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t ends[2][64] = { 0 };
    int whole, pieces;

    if (size < 1)
        return 0;
    whole = cut(data + 1, size - 1, size, ends[0]);
    pieces = cut(data + 1, size - 1, 1 + data[0] % 32, ends[1]);
    if (whole >= 0 && pieces >= 0)
        assert(whole == pieces && memcmp(ends[0], ends[1], sizeof ends[0]) == 0);
    return 0;
}
