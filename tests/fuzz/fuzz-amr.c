/* fuzz-amr.c - payloads of AMR and AMR-WB: byte 0 picks the form, the rest is the payload. What
 * was read is written again and read back. */
#include "media/codec/amr_payload.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cw_amr_frame frame[CW_AMR_FRAMES_MAX], again[CW_AMR_FRAMES_MAX];
    uint8_t packed[2 + CW_AMR_FRAMES_MAX * 61];
    unsigned n, cmr = 0, cmr_again = 0;
    uint8_t *payload;
    cw_amr_conf conf;
    size_t len;

    if (size < 1)
        return 0;
    conf = (cw_amr_conf){ .wide = data[0] & 1, .aligned = data[0] & 2, .modes = 0xffff };
    payload = malloc(size);
    memcpy(payload, data + 1, size - 1);
    n = cw_amr_unpack(&conf, payload, size - 1, &cmr, frame);
    free(payload);
    if (n > CW_AMR_FRAMES_MAX || cmr > 15)
        abort();
    if (n == 0)
        return 0;
    for (unsigned i = 0; i < n; i++)
        if (cw_amr_bits(conf.wide, frame[i].type) < 0)
            abort();
    len = cw_amr_pack(&conf, cmr, frame, n, packed);
    if (len > sizeof packed || cw_amr_unpack(&conf, packed, len, &cmr_again, again) != n ||
        cmr_again != cmr)
        abort();
    for (unsigned i = 0; i < n; i++)
        if (again[i].type != frame[i].type || again[i].good != frame[i].good)
            abort();
    return 0;
}
