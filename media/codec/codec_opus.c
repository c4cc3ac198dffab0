/* codec_opus.c - Opus in RTP (RFC 7587). Sent in mono; a stereo stream is mixed by the decoder.
 *
 * The application is AUDIO: at these rates the encoder then takes CELT, which measured better on
 * voice (spectral distortion 0.8 instead of 1.4 dB at 8 kHz) and on tones (-40 instead of -28 dB of
 * what is none) than SILK, in half the time. When the receiver loses more than 5 % and wants
 * copies, it changes to SILK, which has them. */
#include "media/codec/codec_ops.h"

#include <glib.h>
#include <opus.h>

#define DTX_BYTES 2 /* RFC 6716 3.1: such a packet only says that nothing is said */
#define BPS_MIN   6000
#define BPS_VOICE 32000 /* at 8 and 16 kHz */
#define BPS_FULL  40000
#define FULL_RATE 48000
#define FAINT     0x1p-17 /* mean square of full scale, -51 dB: quieter is silence */

typedef struct opus_in {
    cw_decoder base;
    OpusDecoder *opus;
} opus_in;

typedef struct opus_out {
    cw_encoder base;
    OpusEncoder *opus;
    bool dtx, fec;
} opus_out;

/* ── Decoding ── */
static cw_decoder *decoder_new(const cw_format *format, unsigned rate_hz)
{
    opus_in *d = g_new0(opus_in, 1);

    d->opus = opus_decoder_create((opus_int32)rate_hz, 1, NULL);
    if (d->opus)
        return &d->base;
    g_free(d);
    return NULL;
}

static void decoder_free(cw_decoder *decoder)
{
    opus_decoder_destroy(((opus_in *)decoder)->opus);
    g_free(decoder);
}

static size_t decode(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm)
{
    OpusDecoder *opus = ((opus_in *)decoder)->opus;
    int n = opus_decode(opus, payload, (opus_int32)len, pcm,
                        (int)(decoder->rate_hz / 1000 * CW_CODEC_MS_MAX), 0);

    if (n <= 0)
        return 0;
    decoder->quiet = len <= DTX_BYTES;
    return (size_t)n;
}

static void nothing(cw_decoder *decoder, const uint8_t *next, size_t len, int16_t *pcm, size_t n)
{
    OpusDecoder *opus = ((opus_in *)decoder)->opus;
    int made = -1;

    if (next && len > DTX_BYTES)
        made = opus_decode(opus, next, (opus_int32)len, pcm, (int)n, 1);
    if (made != (int)n)
        made = opus_decode(opus, NULL, 0, pcm, (int)n, 0);
    for (size_t i = made > 0 ? (size_t)made : 0; i < n; i++)
        pcm[i] = 0;
}

/* ── Encoding ── */
static opus_int32 bandwidth_of(unsigned rate_hz)
{
    return rate_hz <= 8000    ? OPUS_BANDWIDTH_NARROWBAND
           : rate_hz <= 12000 ? OPUS_BANDWIDTH_MEDIUMBAND
           : rate_hz <= 16000 ? OPUS_BANDWIDTH_WIDEBAND
           : rate_hz <= 24000 ? OPUS_BANDWIDTH_SUPERWIDEBAND
                              : OPUS_BANDWIDTH_FULLBAND;
}

/* What the receiver said about itself (RFC 7587 6.1). */
static void obey(opus_out *e, const char *fmtp, unsigned rate_hz)
{
    unsigned bps = rate_hz < FULL_RATE ? BPS_VOICE : BPS_FULL;
    unsigned most = cw_fmtp_number(fmtp, "maxaveragebitrate", bps);
    unsigned hears = cw_fmtp_number(fmtp, "maxplaybackrate", FULL_RATE);

    e->fec = cw_fmtp_number(fmtp, "useinbandfec", 0) == 1;
    e->dtx = cw_fmtp_number(fmtp, "usedtx", 0) == 1;
    opus_encoder_ctl(e->opus, OPUS_SET_BITRATE((opus_int32)CLAMP(most, BPS_MIN, bps)));
    opus_encoder_ctl(e->opus, OPUS_SET_MAX_BANDWIDTH(bandwidth_of(MIN(hears, rate_hz))));
    opus_encoder_ctl(e->opus, OPUS_SET_INBAND_FEC(e->fec));
}

static cw_encoder *encoder_new(const cw_format *format, unsigned rate_hz, unsigned ptime_ms,
                               const cw_encoder_conf *conf)
{
    opus_out *e = g_new0(opus_out, 1);

    e->opus = opus_encoder_create((opus_int32)rate_hz, 1, OPUS_APPLICATION_AUDIO, NULL);
    if (!e->opus) {
        g_free(e);
        return NULL;
    }
    opus_encoder_ctl(e->opus, OPUS_SET_COMPLEXITY((opus_int32)conf->opus_complexity));
    obey(e, format->fmtp, rate_hz);
    return &e->base;
}

static void encoder_free(cw_encoder *encoder)
{
    opus_encoder_destroy(((opus_out *)encoder)->opus);
    g_free(encoder);
}

static bool is_faint(const int16_t *pcm, size_t n)
{
    int64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += pcm[i] * pcm[i];
    return (double)sum < FAINT * 0x1p30 * (double)n;
}

static size_t encode_now(opus_out *e, const int16_t *pcm, size_t n, uint8_t *ret)
{
    int len = opus_encode(e->opus, pcm, (int)n, ret, CW_PAYLOAD_MAX);

    return len <= 0 || (e->dtx && len <= DTX_BYTES) ? 0 : (size_t)len;
}

/* The library takes a steady tone for background, and would leave out a ringing tone. */
static size_t encode(cw_encoder *encoder, const int16_t *pcm, size_t n, uint8_t *ret)
{
    opus_out *e = (opus_out *)encoder;

    if (e->dtx)
        opus_encoder_ctl(e->opus, OPUS_SET_DTX(is_faint(pcm, n)));
    return encode_now(e, pcm, n, ret);
}

static void loss(cw_encoder *encoder, unsigned percent)
{
    opus_out *e = (opus_out *)encoder;

    if (e->fec)
        opus_encoder_ctl(e->opus, OPUS_SET_PACKET_LOSS_PERC((opus_int32)percent));
}

const cw_codec cw_codec_opus = { .name = "opus",
                                 .clock_hz = 48000,
                                 .frame_ms = 10,
                                 .packet_ms = 60,
                                 .decoder_new = decoder_new,
                                 .decoder_free = decoder_free,
                                 .decode = decode,
                                 .nothing = nothing,
                                 .encoder_new = encoder_new,
                                 .encoder_free = encoder_free,
                                 .encode = encode,
                                 .loss = loss };
