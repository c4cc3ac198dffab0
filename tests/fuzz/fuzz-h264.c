/* fuzz-h264.c - two sides' H.264 parameters, a line each: what is answered is what was offered, and
 * asks for no more. */
#include "media/sdp/h264.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[2 * CW_FMTP_MAX + 2], got[CW_FMTP_MAX + 1], *answer;
    int match;

    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    answer = strchr(text, '\n');
    if (!answer || memchr(data, 0, size))
        return 0;
    *answer++ = 0;
    if (strlen(text) > CW_FMTP_MAX || strlen(answer) > CW_FMTP_MAX)
        return 0;
    match = cw_h264_match(text, answer);
    assert(match == cw_h264_match(answer, text) && match >= 0 && match <= 2);
    cw_h264_answer(text, answer, got);
    assert(strlen(got) <= CW_FMTP_MAX);
    assert(match == 0 || cw_h264_match(text, got) == 2);
    return 0;
}
