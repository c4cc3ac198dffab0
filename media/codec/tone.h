/* tone.h - sine waves, encoded once for all who hear the same one. One thread's. */
#ifndef CW_MEDIA_TONE_H
#define CW_MEDIA_TONE_H

#include "media/codec/format.h"

#include <stddef.h>

#define CW_TONE_MS 20

typedef struct cw_tones cw_tones;

cw_tones *cw_tones_new(void);
void cw_tones_free(cw_tones *tones);

/* The frame of `hz` for tick number `tick`; all who ask in one tick for the same sound in the same
 * format get the same. NULL: not a codec of ours (cw_codec_can). The bytes stay until the next
 * call. */
const uint8_t *cw_tones_frame(cw_tones *tones, const cw_format *format, unsigned hz, uint64_t tick,
                              size_t *len);
/* Let go of those not asked for in `tick`. */
void cw_tones_trim(cw_tones *tones, uint64_t tick);

#endif
