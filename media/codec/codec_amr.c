/* codec_amr.c - AMR and AMR-WB. Both libraries speak the frames of RFC 4867 5.3. */
#include "config.h"

#include "media/codec/amr_payload.h"
#include "media/codec/codec_ops.h"

#include <glib.h>
#include <string.h>
#ifdef CW_HAVE_AMR
#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>
#endif
#ifdef CW_HAVE_AMR_WB
#include <opencore-amrwb/dec_if.h>
#include <vo-amrwbenc/enc_if.h>
#endif

#define FRAME_MS     20
#define PACKET_MS    60
#define NARROW_START 7 /* 12.2 kbit/s */
#define WIDE_START   2 /* 12.65 kbit/s, the best that IMS networks grant as a rule (TS 26.114) */
#define SID_NARROW   8
#define SID_WIDE     9

#if defined CW_HAVE_AMR || defined CW_HAVE_AMR_WB
typedef struct amr_in {
    cw_decoder base;
    cw_amr_conf conf;
    void *state;
} amr_in;

typedef struct amr_out {
    cw_encoder base;
    cw_amr_conf conf;
    void *state;
    unsigned mode, wanted, since; /* frames since the last change */
} amr_out;

static bool can(const cw_format *format)
{
    cw_amr_conf conf;

    return cw_amr_conf_parse(format, &conf);
}

/* ── Decoding ── */
static void speak(amr_in *d, const cw_amr_frame *frame, int16_t *pcm)
{
    unsigned lost = d->conf.wide ? CW_AMR_LOST : CW_AMR_NO_DATA;
    unsigned type = frame && frame->good ? frame->type : lost;
    uint8_t stored[1 + CW_AMR_DATA_MAX] = { (uint8_t)(type << 3 | 4) };

    if (frame && frame->good)
        memcpy(stored + 1, frame->data, sizeof frame->data);
#ifdef CW_HAVE_AMR_WB
    if (d->conf.wide)
        D_IF_decode(d->state, stored, pcm, 0);
#endif
#ifdef CW_HAVE_AMR
    if (!d->conf.wide)
        Decoder_Interface_Decode(d->state, stored, pcm, 0);
#endif
}

static size_t frame_samples(const amr_in *d)
{
    return d->conf.wide ? 16 * FRAME_MS : 8 * FRAME_MS;
}

static size_t decode(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm)
{
    amr_in *d = (amr_in *)decoder;
    cw_amr_frame frame[CW_AMR_FRAMES_MAX];
    unsigned cmr, n = cw_amr_unpack(&d->conf, payload, len, &cmr, frame);
    unsigned sid = d->conf.wide ? SID_WIDE : SID_NARROW;

    for (unsigned i = 0; i < n; i++)
        speak(d, &frame[i], pcm + i * frame_samples(d));
    if (n > 0) {
        unsigned last = frame[n - 1].type;

        decoder->asked = (uint8_t)cmr;
        decoder->quiet = last == sid || (last == CW_AMR_NO_DATA && decoder->quiet);
    }
    return n * frame_samples(d);
}

/* The library conceals a frame at a time. */
static void nothing(cw_decoder *decoder, const uint8_t *next, size_t len, int16_t *pcm, size_t n)
{
    static const cw_amr_frame no_data = { .type = CW_AMR_NO_DATA, .good = true };
    amr_in *d = (amr_in *)decoder;
    int16_t made[16 * FRAME_MS];
    size_t size = frame_samples(d);

    for (size_t at = 0; at < n; at += size) {
        speak(d, decoder->quiet ? &no_data : NULL, made);
        memcpy(pcm + at, made, MIN(size, n - at) * sizeof *pcm);
    }
}

static cw_decoder *decoder_new(const cw_format *format, void *state)
{
    amr_in *d;

    if (!state)
        return NULL;
    d = g_new0(amr_in, 1);
    (void)cw_amr_conf_parse(format, &d->conf);
    d->state = state;
    return &d->base;
}

/* ── Encoding ── */
static size_t encode_frame(amr_out *e, const int16_t *pcm, cw_amr_frame *ret)
{
    uint8_t stored[1 + CW_AMR_DATA_MAX + 3];
    int len = 0;

#ifdef CW_HAVE_AMR_WB
    if (e->conf.wide)
        len = E_IF_encode(e->state, (int)e->mode, pcm, stored, 0);
#endif
#ifdef CW_HAVE_AMR
    if (!e->conf.wide)
        len = Encoder_Interface_Encode(e->state, (enum Mode)e->mode, pcm, stored, 0);
#endif
    if (len < 1 || (size_t)len > 1 + sizeof ret->data)
        return 0;
    ret->type = stored[0] >> 3 & 15;
    ret->good = true;
    memcpy(ret->data, stored + 1, (size_t)len - 1);
    return (size_t)len;
}

static void change_mode(amr_out *e)
{
    if (++e->since < e->conf.period || e->mode == e->wanted)
        return;
    e->mode = cw_amr_step(&e->conf, e->mode, e->wanted);
    e->since = 0;
}

static size_t encode(cw_encoder *encoder, const int16_t *pcm, size_t n, uint8_t *ret)
{
    amr_out *e = (amr_out *)encoder;
    cw_amr_frame frame[PACKET_MS / FRAME_MS];
    size_t size = e->conf.wide ? 16 * FRAME_MS : 8 * FRAME_MS;
    unsigned count = 0;

    for (size_t at = 0; at + size <= n; at += size, count++) {
        change_mode(e);
        if (!encode_frame(e, pcm + at, &frame[count]))
            frame[count] = (cw_amr_frame){ .type = CW_AMR_NO_DATA, .good = true };
    }
    return cw_amr_pack(&e->conf, CW_CMR_NONE, frame, count, ret);
}

static void ask(cw_encoder *encoder, unsigned cmr)
{
    amr_out *e = (amr_out *)encoder;

    if (cw_amr_bits(e->conf.wide, cmr) > 0 && cmr < (e->conf.wide ? SID_WIDE : SID_NARROW))
        e->wanted = cmr;
}

static cw_encoder *encoder_new(const cw_format *format, void *state)
{
    amr_out *e;

    if (!state)
        return NULL;
    e = g_new0(amr_out, 1);
    (void)cw_amr_conf_parse(format, &e->conf);
    e->state = state;
    e->wanted = e->conf.wide ? WIDE_START : NARROW_START;
    e->mode = cw_amr_step(&(cw_amr_conf){ .modes = e->conf.modes }, 0, e->wanted);
    return &e->base;
}

#define AMR                                                                                        \
    .frame_ms = FRAME_MS, .packet_ms = PACKET_MS, .can = can, .decode = decode,                    \
    .nothing = nothing, .encode = encode, .ask = ask
#endif

#ifdef CW_HAVE_AMR
static cw_decoder *narrow_decoder_new(const cw_format *format, unsigned rate_hz)
{
    return decoder_new(format, Decoder_Interface_init());
}

static void narrow_decoder_free(cw_decoder *decoder)
{
    Decoder_Interface_exit(((amr_in *)decoder)->state);
    g_free(decoder);
}

static cw_encoder *narrow_encoder_new(const cw_format *format, unsigned rate_hz, unsigned ptime_ms,
                                      const cw_encoder_conf *conf)
{
    return encoder_new(format, Encoder_Interface_init(0));
}

static void narrow_encoder_free(cw_encoder *encoder)
{
    Encoder_Interface_exit(((amr_out *)encoder)->state);
    g_free(encoder);
}

const cw_codec cw_codec_amr = { .name = "AMR",
                                .clock_hz = 8000,
                                .rate_hz = 8000,
                                AMR,
                                .decoder_new = narrow_decoder_new,
                                .decoder_free = narrow_decoder_free,
                                .encoder_new = narrow_encoder_new,
                                .encoder_free = narrow_encoder_free };
#endif

#ifdef CW_HAVE_AMR_WB
static cw_decoder *wide_decoder_new(const cw_format *format, unsigned rate_hz)
{
    return decoder_new(format, D_IF_init());
}

static void wide_decoder_free(cw_decoder *decoder)
{
    D_IF_exit(((amr_in *)decoder)->state);
    g_free(decoder);
}

static cw_encoder *wide_encoder_new(const cw_format *format, unsigned rate_hz, unsigned ptime_ms,
                                    const cw_encoder_conf *conf)
{
    return encoder_new(format, E_IF_init());
}

static void wide_encoder_free(cw_encoder *encoder)
{
    E_IF_exit(((amr_out *)encoder)->state);
    g_free(encoder);
}

const cw_codec cw_codec_amr_wb = { .name = "AMR-WB",
                                   .clock_hz = 16000,
                                   .rate_hz = 16000,
                                   AMR,
                                   .decoder_new = wide_decoder_new,
                                   .decoder_free = wide_decoder_free,
                                   .encoder_new = wide_encoder_new,
                                   .encoder_free = wide_encoder_free };
#endif
