/* codec.h - voice codecs on 16-bit mono PCM.
 *
 * cw_codec_can() and what reads a format: pure, any thread. A decoder or encoder: any thread, one
 * at a time. Payloads come from peers: what is malformed is refused, nothing is believed.
 *
 *   PCMA, PCMU  ITU-T G.711, RFC 3551         opus     RFC 6716, 7587
 *   G722        ITU-T G.722 at 64 kbit/s      AMR, AMR-WB  3GPP TS 26.071, 26.171; RFC 4867
 *   G729        ITU-T G.729 annex A and B; when built with it
 */
#ifndef CW_CODEC_CODEC_H
#define CW_CODEC_CODEC_H

#include "media/codec/format.h"

#include <stdbool.h>
#include <stddef.h>

#define CW_CODEC_MS_MAX  120 /* of sound in one packet; longer ones are refused (RFC 6716 3.2.5) */
#define CW_CODEC_PCM_MAX (48 * CW_CODEC_MS_MAX)
#define CW_PAYLOAD_MAX   1275 /* bytes an encoder gives at most */
#define CW_CMR_NONE      15   /* RFC 4867 4.3.1: no mode is asked for */

/* Can be decoded and encoded here, with the parameters it names. */
bool cw_codec_can(const cw_format *format);
/* A payload of the one is one of the other, the names and clocks being the same (AMR has two). */
bool cw_codec_same_payload(const cw_format *a, const cw_format *b);
/* RFC 3389 comfort noise, which any decoder takes beside its own payloads. */
bool cw_codec_is_noise(const cw_format *format);
/* Samples a second of its sound; 0: several, and the other side of a conversion may choose (opus).
 * What cw_codec_can() says no to is 0 too. */
unsigned cw_codec_rate(const cw_format *format);

/* ── Decoding ── */
typedef struct cw_decoder cw_decoder;

/* `rate_hz`: 8000, 16000 or 48000 for opus, else what cw_codec_rate() says. NULL: not a codec of
 * ours, or its library is out of memory. */
cw_decoder *cw_decoder_new(const cw_format *format, unsigned rate_hz);
void cw_decoder_free(cw_decoder *decoder); /* NULL is fine */
unsigned cw_decoder_rate(const cw_decoder *decoder);

/* Sound of one payload into `pcm`, which has room for CW_CODEC_PCM_MAX. Returns samples, 0: it is
 * malformed and changed nothing that is heard. */
size_t cw_decode(cw_decoder *decoder, const uint8_t *payload, size_t len, int16_t *pcm);
/* One comfort noise payload: changes what cw_decode_nothing() makes up. */
void cw_decode_noise(cw_decoder *decoder, const uint8_t *payload, size_t len);
/* Fill `n` samples (a multiple of 10 ms) whose packet never came. `next`: the payload after it, if
 * there already and if what was lost ended where it begins; NULL if not. Opus finds a copy in it.
 */
void cw_decode_nothing(cw_decoder *decoder, const uint8_t *next, size_t len, int16_t *pcm,
                       size_t n);
/* The last payload said that silence follows (SID, opus DTX, comfort noise): no packet is no loss.
 */
bool cw_decoder_quiet(const cw_decoder *decoder);
/* The mode the last payload asked our encoder towards its sender for, CW_CMR_NONE: none. */
unsigned cw_decoder_asked(const cw_decoder *decoder);

/* ── Encoding ── */
typedef struct cw_encoder cw_encoder;

typedef struct cw_encoder_conf {
    unsigned ptime_ms;        /* wanted; made a length the codec has. 0: 20 */
    unsigned opus_complexity; /* 0..10 */
} cw_encoder_conf;

/* `format` with the parameters of the one who will receive. `rate_hz` as for a decoder. */
cw_encoder *cw_encoder_new(const cw_format *format, unsigned rate_hz, const cw_encoder_conf *conf);
void cw_encoder_free(cw_encoder *encoder); /* NULL is fine */
unsigned cw_encoder_rate(const cw_encoder *encoder);
size_t cw_encoder_samples(const cw_encoder *encoder); /* one packet's */
unsigned cw_encoder_ticks(const cw_encoder *encoder); /* the same of the RTP clock */
/* One packet's samples to `ret`, which has room for CW_PAYLOAD_MAX. Returns bytes; 0: nothing need
 * be sent for this time. */
size_t cw_encode(cw_encoder *encoder, const int16_t *pcm, uint8_t *ret);
/* The receiver asks for a mode (cw_decoder_asked of what it sends); loses `percent` of packets. */
void cw_encoder_ask(cw_encoder *encoder, unsigned cmr);
void cw_encoder_loss(cw_encoder *encoder, unsigned percent);

#endif
