/* fuzz-picture.c - a SIP peer's INFO body that may ask for a keyframe */
#include "call/leg/picture.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)cw_picture_is_update(CW_PICTURE_TYPE, (const char *)data, size);
    return 0;
}
