/* sound.h - what is played by the clock: tones with or without a cadence, recordings, in a loop.
 *
 * Never changed once made, counted. Any thread.
 */
#ifndef CW_CODEC_SOUND_H
#define CW_CODEC_SOUND_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_SOUND_HZ_MAX      4            /* sines at once */
#define CW_SOUND_STEPS_MAX   8            /* of a cadence, sound and silence in turn */
#define CW_SOUND_CADENCE_MAX 20000        /* ms, of all steps */
#define CW_SOUND_FILE_MAX    (128l << 20) /* bytes */

typedef struct cw_sound cw_sound;

cw_sound *cw_sound_sine(unsigned hz); /* at -10 dBm0, for ever */
/* "425 1000/4000", "440+480 2000/4000", "400+450 400/200/400/2000": hertz, then milliseconds of
 * sound and silence in turn; or a country of the table, "de" (ITU-T E.180). At -13 dBm0 for all its
 * sines.
 *
 * CW_E_SYNTAX  neither
 */
CW_NODISCARD cw_err cw_sound_ringback(const char *text, cw_sound **ret);
/* A recording: WAV, 16-bit PCM.
 *
 * CW_E_IO       it cannot be read
 * CW_E_SYNTAX, CW_E_UNSUPPORTED, CW_E_TOO_LARGE  it is not such a file
 */
CW_NODISCARD cw_err cw_sound_file(const char *path, cw_sound **ret);
cw_sound *cw_sound_ref(cw_sound *sound);
void cw_sound_unref(cw_sound *sound); /* NULL is fine */

/* Sounds the same from the beginning. */
bool cw_sound_same(const cw_sound *a, const cw_sound *b);
/* Its length in ms when each listener hears it from the beginning; 0: it goes on for all of them,
 * wherever it is. */
unsigned cw_sound_cadence_ms(const cw_sound *sound);
/* Samples a second that it is best read at for a codec of any rate. */
unsigned cw_sound_rate(const cw_sound *sound);
/* `n` samples from sample number `at` on. `rate_hz` is a codec's. */
void cw_sound_read(const cw_sound *sound, unsigned rate_hz, uint64_t at, int16_t *pcm, size_t n);

/* The samples of a WAV file, its channels mixed into one. `*pcm` has room for `len` / 2.
 *
 * CW_E_SHORT, CW_E_SYNTAX  not a WAV file, or cut
 * CW_E_UNSUPPORTED         not 16-bit PCM of 8000 to 48000 Hz, one or two channels
 */
CW_NODISCARD cw_err cw_wav_read(const uint8_t *data, size_t len, int16_t *pcm, size_t *n,
                                unsigned *rate_hz);

#endif
