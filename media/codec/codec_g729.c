/* codec_g729.c - G.729 annex A, with annex B's silence (RFC 3551 4.5.6, RFC 4856 2.1.9). */
#include "config.h"

#ifdef CW_HAVE_G729
#include "media/codec/codec_ops.h"

#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <glib.h>

#define SAMPLES    80 /* 10 ms */
#define BYTES      10
#define SID_BYTES  2
#define FRAMES_MAX (CW_CODEC_MS_MAX / 10)

typedef struct g729_in {
    cw_decoder base;
    bcg729DecoderChannelContextStruct *state;
} g729_in;

typedef struct g729_out {
    cw_encoder base;
    bcg729EncoderChannelContextStruct *state;
} g729_out;

static cw_decoder *decoder_new(const cw_format *format, unsigned rate_hz)
{
    g729_in *d = g_new0(g729_in, 1);

    d->state = initBcg729DecoderChannel();
    return &d->base;
}

static void decoder_free(cw_decoder *decoder)
{
    closeBcg729DecoderChannel(((g729_in *)decoder)->state);
    g_free(decoder);
}

static size_t decode(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm)
{
    g729_in *d = (g729_in *)decoder;
    size_t n = len / BYTES, rest = len % BYTES;

    if ((rest != 0 && rest != SID_BYTES) || n + (rest != 0) > FRAMES_MAX)
        return 0;
    for (size_t i = 0; i < n; i++)
        bcg729Decoder(d->state, payload + i * BYTES, BYTES, 0, 0, 0, pcm + i * SAMPLES);
    if (rest)
        bcg729Decoder(d->state, payload + n * BYTES, SID_BYTES, 0, 1, 0, pcm + n * SAMPLES);
    decoder->quiet = rest != 0;
    return (n + (rest != 0)) * SAMPLES;
}

static void nothing(cw_decoder *decoder, const uint8_t *next, size_t len, int16_t *pcm, size_t n)
{
    g729_in *d = (g729_in *)decoder;

    for (size_t at = 0; at < n; at += SAMPLES)
        bcg729Decoder(d->state, NULL, 0, !decoder->quiet, 0, 0, pcm + at);
}

static cw_encoder *encoder_new(const cw_format *format, unsigned rate_hz, unsigned ptime_ms,
                               const cw_encoder_conf *conf)
{
    g729_out *e = g_new0(g729_out, 1);

    e->state = initBcg729EncoderChannel(0); /* without silence: annexb=no is always understood */
    return &e->base;
}

static void encoder_free(cw_encoder *encoder)
{
    closeBcg729EncoderChannel(((g729_out *)encoder)->state);
    g_free(encoder);
}

static size_t encode(cw_encoder *encoder, const int16_t *pcm, size_t n, uint8_t *ret)
{
    g729_out *e = (g729_out *)encoder;
    size_t len = 0;

    for (size_t at = 0; at + SAMPLES <= n; at += SAMPLES) {
        uint8_t some;

        bcg729Encoder(e->state, pcm + at, ret + len, &some);
        len += some;
    }
    return len;
}

const cw_codec cw_codec_g729 = { .name = "G729",
                                 .clock_hz = 8000,
                                 .rate_hz = 8000,
                                 .frame_ms = 10,
                                 .packet_ms = 60,
                                 .decoder_new = decoder_new,
                                 .decoder_free = decoder_free,
                                 .decode = decode,
                                 .nothing = nothing,
                                 .encoder_new = encoder_new,
                                 .encoder_free = encoder_free,
                                 .encode = encode };
#else
typedef int cw_no_g729; /* a file must not be empty */
#endif
