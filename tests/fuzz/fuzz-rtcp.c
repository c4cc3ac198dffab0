/* fuzz-rtcp.c - RTCP through the translation: what comes out must be a compound, and again
 * translate to no more than itself. */
#include "media/rtcp.h"

#include "media/rtp.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* SSRCs the corpus uses */
static const cw_rtcp_map map = { .a_media = 0xa1,
                                 .a_gets = 0xa2,
                                 .b_media = 0xb1,
                                 .b_gets = 0xb2,
                                 .ts_add = 1000,
                                 .a_newest = 70000,
                                 .b_newest = 100,
                                 .cname = "0123456789abcdef" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t caps[] = { 1500, 64, 8, 0 };

    if (size > CW_RTP_MAX)
        return 0;
    (void)!cw_rtcp_check(data, size);
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        uint8_t *out = malloc(caps[i] + !caps[i]);
        size_t len = cw_rtcp_translate(data, size, &map, out, caps[i]);

        assert(len <= caps[i] && len % 4 == 0);
        assert(len == 0 || cw_rtcp_check(out, len) == CW_OK);
        assert(len == 0 || out[1] == 200 || out[1] == 201);
        free(out);
    }
    return 0;
}
