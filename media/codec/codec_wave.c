/* codec_wave.c - G.711 and G.722: each byte says a little, lost ones are made up from the wave. */
#include "media/codec/codec_ops.h"
#include "media/codec/g711.h"
#include "media/codec/g722.h"
#include "media/codec/plc.h"

#include <glib.h>

#define BYTES_MS  8 /* a millisecond of each */
#define BYTES_MAX ((size_t)(BYTES_MS * CW_CODEC_MS_MAX))

typedef struct wave_decoder {
    cw_decoder base;
    cw_plc plc;
    cw_g722 g722;
} wave_decoder;

typedef struct wave_encoder {
    cw_encoder base;
    cw_g722 g722;
} wave_encoder;

static cw_decoder *decoder_new(const cw_format *format, unsigned rate_hz)
{
    wave_decoder *d = g_new0(wave_decoder, 1);

    cw_plc_init(&d->plc, rate_hz);
    cw_g722_init(&d->g722);
    return &d->base;
}

static void decoder_free(cw_decoder *decoder)
{
    g_free(decoder);
}

static size_t heard(cw_decoder *decoder, int16_t *pcm, size_t n)
{
    wave_decoder *d = (wave_decoder *)decoder;

    cw_plc_heard(&d->plc, pcm, n);
    decoder->quiet = false;
    return n;
}

static size_t decode_alaw(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm)
{
    if (len > BYTES_MAX)
        return 0;
    for (size_t i = 0; i < len; i++)
        pcm[i] = cw_alaw_pcm(payload[i]);
    return heard(decoder, pcm, len);
}

static size_t decode_ulaw(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm)
{
    if (len > BYTES_MAX)
        return 0;
    for (size_t i = 0; i < len; i++)
        pcm[i] = cw_ulaw_pcm(payload[i]);
    return heard(decoder, pcm, len);
}

static size_t decode_g722(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm)
{
    if (len > BYTES_MAX)
        return 0;
    cw_g722_decode(&((wave_decoder *)decoder)->g722, payload, len, pcm);
    return heard(decoder, pcm, 2 * len);
}

static void nothing(cw_decoder *decoder, const uint8_t *next, size_t len, int16_t *pcm, size_t n)
{
    cw_plc_fill(&((wave_decoder *)decoder)->plc, pcm, n);
}

static cw_encoder *encoder_new(const cw_format *format, unsigned rate_hz, unsigned ptime_ms,
                               const cw_encoder_conf *conf)
{
    wave_encoder *e = g_new0(wave_encoder, 1);

    cw_g722_init(&e->g722);
    return &e->base;
}

static void encoder_free(cw_encoder *encoder)
{
    g_free(encoder);
}

static size_t encode_alaw(cw_encoder *encoder, const int16_t *pcm, size_t n, uint8_t *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = cw_alaw(pcm[i]);
    return n;
}

static size_t encode_ulaw(cw_encoder *encoder, const int16_t *pcm, size_t n, uint8_t *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = cw_ulaw(pcm[i]);
    return n;
}

static size_t encode_g722(cw_encoder *encoder, const int16_t *pcm, size_t n, uint8_t *ret)
{
    cw_g722_encode(&((wave_encoder *)encoder)->g722, pcm, n / 2, ret);
    return n / 2;
}

#define WAVE(rate, decoding, encoding)                                                             \
    .clock_hz = 8000, .rate_hz = rate, .frame_ms = 10, .packet_ms = 60,                            \
    .decoder_new = decoder_new, .decoder_free = decoder_free, .decode = decoding,                  \
    .nothing = nothing, .encoder_new = encoder_new, .encoder_free = encoder_free,                  \
    .encode = encoding

const cw_codec cw_codec_pcma = { .name = "PCMA", WAVE(8000, decode_alaw, encode_alaw) };
const cw_codec cw_codec_pcmu = { .name = "PCMU", WAVE(8000, decode_ulaw, encode_ulaw) };
const cw_codec cw_codec_g722 = { .name = "G722", WAVE(16000, decode_g722, encode_g722) };
