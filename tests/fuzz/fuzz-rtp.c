/* fuzz-rtp.c - the RTP header: byte 0 picks the extension id looked for, the rest is the packet. */
#include "media/rtp/rtp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;
    const uint8_t *ext;
    size_t ext_len = 0;
    cw_rtp rtp, again;

    if (size < 1 || cw_rtp_parse(data + 1, size - 1, &rtp))
        return 0;
    size--;
    assert((size_t)rtp.payload_at + rtp.payload_len + rtp.padding == size);
    ext = cw_rtp_ext(data + 1, &rtp, data[0], &ext_len);
    assert(!ext || (size_t)(ext - (data + 1)) + ext_len <= rtp.payload_at);

    copy = malloc(size);
    assert(copy);
    memcpy(copy, data + 1, size);
    rtp.seq++;
    size_t start = cw_rtp_rewrite(copy, &rtp);
    assert(cw_rtp_parse(copy + start, size - start, &again) == CW_OK);
    assert(again.seq == rtp.seq && again.ssrc == rtp.ssrc && again.payload_len == rtp.payload_len);
    free(copy);
    return 0;
}
