/* fuzz-payload.c - payloads of a peer to the codecs that decode them: byte 0 picks the codec, then
 * records of a length and a payload; an empty one is a packet lost. */
#include "media/codec/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const cw_format formats[] = {
    { "PCMA", 8000, 1, 8, "" },
    { "G722", 8000, 1, 9, "" },
    { "opus", 48000, 2, 111, "useinbandfec=1" },
    { "AMR", 8000, 1, 96, "octet-align=1" },
    { "AMR", 8000, 1, 96, "" },
    { "AMR-WB", 16000, 1, 97, "octet-align=1" },
    { "AMR-WB", 16000, 1, 97, "" },
};

static int16_t pcm[CW_CODEC_PCM_MAX];

static void decode(cw_decoder *decoder, const uint8_t *data, size_t len, bool noise)
{
    size_t ten_ms = cw_decoder_rate(decoder) / 100;
    uint8_t *payload;

    if (len == 0) {
        cw_decode_nothing(decoder, NULL, 0, pcm, 2 * ten_ms);
        return;
    }
    payload = malloc(len);
    memcpy(payload, data, len);
    if (noise)
        cw_decode_noise(decoder, payload, len);
    else if (cw_decode(decoder, payload, len, pcm) > CW_CODEC_PCM_MAX)
        abort();
    cw_decode_nothing(decoder, payload, len, pcm, ten_ms);
    free(payload);
    if (cw_decoder_asked(decoder) > CW_CMR_NONE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const cw_format *format;
    cw_decoder *decoder;
    unsigned rate;

    if (size < 2)
        return 0;
    format = &formats[data[0] % (sizeof formats / sizeof *formats)];
    rate = cw_codec_rate(format);
    decoder = cw_decoder_new(format, rate ? rate : 16000);
    if (!decoder)
        abort();
    data++;
    size--;
    for (unsigned i = 0; size > 0 && i < 8; i++) { /* more find nothing new, slowly */
        size_t len = data[0] & 0x7f;

        if (len > size - 1)
            len = size - 1;
        decode(decoder, data + 1, len, data[0] & 0x80);
        data += 1 + len;
        size -= 1 + len;
    }
    cw_decoder_free(decoder);
    return 0;
}
