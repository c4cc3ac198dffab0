/* codec_ops.h - what each codec gives codec.c. Any thread, one at a time for each object. */
#ifndef CW_CODEC_OPS_H
#define CW_CODEC_OPS_H

#include "media/codec/codec.h"
#include "media/codec/fmtp.h"
#include "media/codec/noise.h"

/* First member of each codec's own. */
struct cw_decoder {
    const struct cw_codec *codec;
    unsigned rate_hz;
    bool quiet;
    uint8_t asked;
    size_t made; /* samples made up since the last payload */
    bool noisy;  /* comfort noise was received, and no sound since */
    cw_noise noise;
};

struct cw_encoder {
    const struct cw_codec *codec;
    unsigned rate_hz, clock_hz;
    unsigned ptime_ms;
};

typedef struct cw_codec {
    const char *name;
    uint32_t clock_hz;
    unsigned rate_hz;                     /* 0: opus */
    unsigned frame_ms;                    /* packets are multiples of it */
    unsigned packet_ms;                   /* longest packet we make */
    bool (*can)(const cw_format *format); /* NULL: whatever its parameters */
    cw_decoder *(*decoder_new)(const cw_format *format, unsigned rate_hz);
    void (*decoder_free)(cw_decoder *decoder);
    size_t (*decode)(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm);
    void (*nothing)(cw_decoder *decoder, const uint8_t *next, size_t len, int16_t *pcm, size_t n);
    cw_encoder *(*encoder_new)(const cw_format *format, unsigned rate_hz, unsigned ptime_ms,
                               const cw_encoder_conf *conf);
    void (*encoder_free)(cw_encoder *encoder);
    size_t (*encode)(cw_encoder *encoder, const int16_t *pcm, size_t n, uint8_t *ret);
    void (*ask)(cw_encoder *encoder, unsigned cmr);      /* NULL: cannot */
    void (*loss)(cw_encoder *encoder, unsigned percent); /* NULL: cannot */
} cw_codec;

extern const cw_codec cw_codec_pcma, cw_codec_pcmu, cw_codec_g722, cw_codec_opus, cw_codec_amr,
    cw_codec_amr_wb, cw_codec_g729;

#endif
