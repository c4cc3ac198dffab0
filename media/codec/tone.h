/* tone.h - sine waves, encoded once for all who hear the same one. One thread's. */
#ifndef CW_MEDIA_TONE_H
#define CW_MEDIA_TONE_H

#include "media/codec/format.h"

#include <stddef.h>

#define CW_TONE_MS 20

typedef enum cw_tone_codec {
    CW_TONE_NONE,
    CW_TONE_PCMA,
    CW_TONE_PCMU,
    CW_TONE_G722,
    CW_TONE_OPUS,
} cw_tone_codec;

typedef struct cw_tones cw_tones;

cw_tones *cw_tones_new(void);
void cw_tones_free(cw_tones *tones);

cw_tone_codec cw_tone_codec_of(const cw_format *format); /* CW_TONE_NONE: cannot */

/* The frame of `hz` for tick number `tick`; all who ask in one tick get the same. NULL: the encoder
 * could not be made. The bytes stay until the next call. */
const uint8_t *cw_tones_frame(cw_tones *tones, cw_tone_codec codec, unsigned hz, uint64_t tick,
                              size_t *len);
/* Let go of those not asked for in `tick`. */
void cw_tones_trim(cw_tones *tones, uint64_t tick);

/* G.711 (ITU-T) of one 16-bit sample */
uint8_t cw_alaw(int16_t pcm);
uint8_t cw_ulaw(int16_t pcm);

#endif
