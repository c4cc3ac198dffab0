/* wav.c - RIFF files as everybody writes them: "fmt ", then "data". */
#include "media/codec/sound.h"

#include <string.h>

#define FORMAT_PCM        1
#define FORMAT_EXTENSIBLE 0xfffe

static uint32_t le(const uint8_t *data, unsigned bytes)
{
    uint32_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | data[bytes];
    return value;
}

/* The body of a chunk after the RIFF header; NULL: not there, or it does not fit in the file. */
static const uint8_t *find(const uint8_t *data, size_t len, const char *name, size_t *size)
{
    for (size_t at = 12; len - at >= 8; at += 8 + *size + (*size & 1)) {
        *size = le(data + at + 4, 4);
        if (*size > len - at - 8 && !memcmp(data + at, "data", 4))
            *size = len - at - 8; /* of a file that was still being written */
        if (*size > len - at - 8)
            return NULL;
        if (!memcmp(data + at, name, 4))
            return data + at + 8;
        if (len - at - 8 < *size + (*size & 1))
            return NULL;
    }
    return NULL;
}

cw_err cw_wav_read(const uint8_t *data, size_t len, int16_t *pcm, size_t *n, unsigned *rate_hz)
{
    const uint8_t *format, *body;
    unsigned channels, tag;
    size_t size;

    if (len < 12 || memcmp(data, "RIFF", 4) || memcmp(data + 8, "WAVE", 4))
        return CW_E_SYNTAX;
    format = find(data, len, "fmt ", &size);
    if (!format || size < 16)
        return CW_E_SHORT;
    tag = le(format, 2);
    channels = le(format + 2, 2);
    *rate_hz = le(format + 4, 4);
    if ((tag != FORMAT_PCM && tag != FORMAT_EXTENSIBLE) || le(format + 14, 2) != 16 ||
        channels < 1 || channels > 2 || *rate_hz < 8000 || *rate_hz > 48000)
        return CW_E_UNSUPPORTED;
    body = find(data, len, "data", &size);
    if (!body)
        return CW_E_SHORT;
    *n = size / (2 * channels);
    for (size_t i = 0; i < *n; i++, body += (size_t)2 * channels)
        pcm[i] = channels == 1 ? (int16_t)le(body, 2)
                               : (int16_t)(((int16_t)le(body, 2) + (int16_t)le(body + 2, 2)) / 2);
    return CW_OK;
}
