/* tone.h - sounds encoded once for all who hear them. One thread's. */
#ifndef CW_MEDIA_TONE_H
#define CW_MEDIA_TONE_H

#include "media/codec/format.h"
#include "media/codec/sound.h"

#include <stddef.h>

#define CW_TONE_MS 20

typedef struct cw_tones cw_tones;

cw_tones *cw_tones_new(void);
void cw_tones_free(cw_tones *tones);

/* The frame of `sound` for tick number `tick`; all who ask in one tick for the same sound in the
 * same format get the same. Of a sound with a cadence it is the one at `at`, in frames since the
 * listener's first. *len 0: nothing need be sent for this time. NULL: not a codec of ours
 * (cw_codec_can). The bytes stay until the next call. */
const uint8_t *cw_tones_frame(cw_tones *tones, const cw_format *format, cw_sound *sound,
                              uint64_t at, uint64_t tick, size_t *len);
/* Let go of those not asked for in `tick`. */
void cw_tones_trim(cw_tones *tones, uint64_t tick);

#endif
