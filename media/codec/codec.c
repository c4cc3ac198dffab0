#include "media/codec/codec.h"

#include "media/codec/codec_ops.h"

#include "config.h"

#include <glib.h>
#include <string.h>

#define FADE_FROM_MS 200
#define FADE_TO_MS   400

static const cw_codec *const codecs[] = {
    &cw_codec_pcma,   &cw_codec_pcmu, &cw_codec_g722, &cw_codec_opus,
#ifdef CW_HAVE_AMR
    &cw_codec_amr,
#endif
#ifdef CW_HAVE_AMR_WB
    &cw_codec_amr_wb,
#endif
#ifdef CW_HAVE_G729
    &cw_codec_g729,
#endif
};

static const cw_codec *find(const cw_format *format)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        const cw_codec *codec = codecs[i];

        if (format->clock_hz != codec->clock_hz || g_ascii_strcasecmp(format->name, codec->name))
            continue;
        if (format->channels > 1 && codec != &cw_codec_opus)
            return NULL;
        return codec->can && !codec->can(format) ? NULL : codec;
    }
    return NULL;
}

bool cw_codec_can(const cw_format *format)
{
    return find(format) != NULL;
}

bool cw_codec_same_payload(const cw_format *a, const cw_format *b)
{
    static const char *const keys[] = { "octet-align", "crc", "robust-sorting", "interleaving" };

    if (g_ascii_strcasecmp(a->name, "AMR") && g_ascii_strcasecmp(a->name, "AMR-WB"))
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if (cw_fmtp_number(a->fmtp, keys[i], 0) != cw_fmtp_number(b->fmtp, keys[i], 0))
            return false;
    return true;
}

bool cw_codec_is_noise(const cw_format *format)
{
    return g_ascii_strcasecmp(format->name, "CN") == 0;
}

unsigned cw_codec_rate(const cw_format *format)
{
    const cw_codec *codec = find(format);

    return codec ? codec->rate_hz : 0;
}

static bool rate_fits(const cw_codec *codec, unsigned rate_hz)
{
    if (codec->rate_hz)
        return rate_hz == codec->rate_hz;
    return rate_hz == 8000 || rate_hz == 16000 || rate_hz == 48000;
}

/* ── Decoding ── */
cw_decoder *cw_decoder_new(const cw_format *format, unsigned rate_hz)
{
    const cw_codec *codec = find(format);
    cw_decoder *decoder;

    if (!codec || !rate_fits(codec, rate_hz))
        return NULL;
    decoder = codec->decoder_new(format, rate_hz);
    if (!decoder)
        return NULL;
    decoder->codec = codec;
    decoder->rate_hz = rate_hz;
    decoder->asked = CW_CMR_NONE;
    return decoder;
}

void cw_decoder_free(cw_decoder *decoder)
{
    if (decoder)
        decoder->codec->decoder_free(decoder);
}

unsigned cw_decoder_rate(const cw_decoder *decoder)
{
    return decoder->rate_hz;
}

size_t cw_decode(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm)
{
    size_t n = len > 0 ? decoder->codec->decode(decoder, payload, len, pcm) : 0;

    if (n > 0) {
        decoder->noisy = false;
        decoder->made = 0;
    }
    return n;
}

void cw_decode_noise(cw_decoder *decoder, const uint8_t *payload, size_t len)
{
    if (len == 0)
        return;
    cw_noise_set(&decoder->noise, payload, len);
    decoder->noisy = true;
    decoder->quiet = true;
}

/* Some decoders never fall silent: a tone becomes noise that stays. */
static void fade(const cw_decoder *decoder, int16_t *pcm, size_t n)
{
    size_t from = decoder->rate_hz / 1000 * FADE_FROM_MS, to = decoder->rate_hz / 1000 * FADE_TO_MS;

    for (size_t i = 0; i < n; i++) {
        size_t at = decoder->made + i;

        if (at > from)
            pcm[i] = at >= to ? 0 : (int16_t)(pcm[i] * (int)(to - at) / (int)(to - from));
    }
}

void cw_decode_nothing(cw_decoder *decoder, const uint8_t *next, size_t len, int16_t *pcm, size_t n)
{
    if (decoder->noisy) {
        cw_noise_make(&decoder->noise, pcm, n);
        return;
    }
    decoder->codec->nothing(decoder, next, len, pcm, n);
    if (decoder->quiet)
        return;
    fade(decoder, pcm, n);
    decoder->made += n;
}

bool cw_decoder_quiet(const cw_decoder *decoder)
{
    return decoder->quiet;
}

unsigned cw_decoder_asked(const cw_decoder *decoder)
{
    return decoder->asked;
}

/* ── Encoding ── */
static unsigned ptime_of(const cw_codec *codec, unsigned wanted_ms)
{
    unsigned ms = wanted_ms ? wanted_ms : 20;

    ms = ms / codec->frame_ms * codec->frame_ms;
    ms = CLAMP(ms, codec->frame_ms, codec->packet_ms);
    return codec == &cw_codec_opus && (ms == 30 || ms == 50) ? ms - 10 : ms;
}

cw_encoder *cw_encoder_new(const cw_format *format, unsigned rate_hz, const cw_encoder_conf *conf)
{
    const cw_codec *codec = find(format);
    cw_encoder *encoder;
    unsigned ptime_ms;

    if (!codec || !rate_fits(codec, rate_hz))
        return NULL;
    ptime_ms = ptime_of(codec, conf->ptime_ms);
    encoder = codec->encoder_new(format, rate_hz, ptime_ms, conf);
    if (!encoder)
        return NULL;
    encoder->codec = codec;
    encoder->rate_hz = rate_hz;
    encoder->clock_hz = codec->clock_hz;
    encoder->ptime_ms = ptime_ms;
    return encoder;
}

void cw_encoder_free(cw_encoder *encoder)
{
    if (encoder)
        encoder->codec->encoder_free(encoder);
}

unsigned cw_encoder_rate(const cw_encoder *encoder)
{
    return encoder->rate_hz;
}

size_t cw_encoder_samples(const cw_encoder *encoder)
{
    return encoder->rate_hz / 1000 * encoder->ptime_ms;
}

unsigned cw_encoder_ticks(const cw_encoder *encoder)
{
    return encoder->clock_hz / 1000 * encoder->ptime_ms;
}

size_t cw_encode(cw_encoder *encoder, const int16_t *pcm, uint8_t *ret)
{
    return encoder->codec->encode(encoder, pcm, cw_encoder_samples(encoder), ret);
}

void cw_encoder_ask(cw_encoder *encoder, unsigned cmr)
{
    if (encoder->codec->ask)
        encoder->codec->ask(encoder, cmr);
}

void cw_encoder_loss(cw_encoder *encoder, unsigned percent)
{
    if (encoder->codec->loss)
        encoder->codec->loss(encoder, MIN(percent, 100));
}
