/* fuzz-frame.c - an Ethernet frame as the network card gave it. */
#include "media/io/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const cw_link link;
    cw_frame frame, again;
    uint8_t *copy;
    size_t len;

    if (cw_frame_parse(data, size, &frame))
        return 0;
    assert(frame.data >= data && frame.data + frame.len <= data + size);
    copy = malloc(frame.len + CW_FRAME_MAX);
    assert(copy);
    len = cw_frame_print(copy, &link, &frame.from, &frame.to, frame.data, frame.len);
    assert(len <= frame.len + CW_FRAME_MAX);
    assert(cw_frame_parse(copy, len, &again) == CW_OK);
    assert(cw_addr_eq(&again.from, &frame.from) && cw_addr_eq(&again.to, &frame.to));
    assert(again.len == frame.len && memcmp(again.data, frame.data, frame.len) == 0);
    free(copy);
    return 0;
}
