/* resample.h - from one sample rate to another. Any thread, one at a time for each. */
#ifndef CW_CODEC_RESAMPLE_H
#define CW_CODEC_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct cw_resampler cw_resampler;

/* NULL: the library is out of memory. */
cw_resampler *cw_resampler_new(unsigned from_hz, unsigned to_hz);
void cw_resampler_free(cw_resampler *resampler); /* NULL is fine */
/* Returns samples in `ret`, which has room for `cap`. */
size_t cw_resample(cw_resampler *resampler, const int16_t *pcm, size_t n, int16_t *ret, size_t cap);

#endif
