/* sound.h - what tests ask of sound: which frequency, how loud, how clean. */
#ifndef CW_TEST_SOUND_H
#define CW_TEST_SOUND_H

#include <stddef.h>
#include <stdint.h>

/* `n` samples of a sine, from sample number `at` on; `dbov`: 0 is a full-scale sine. */
void sound_sine(int16_t *pcm, size_t n, unsigned rate_hz, double hz, double dbov, uint64_t at);
double sound_level(const int16_t *pcm, size_t n);                                 /* dBov */
double sound_level_at(const int16_t *pcm, size_t n, unsigned rate_hz, double hz); /* dBov */
/* The loudest frequency within 5 % of `hz`. */
double sound_pitch(const int16_t *pcm, size_t n, unsigned rate_hz, double hz);
/* What is left, in dB below the sine, once the best-fitting sine of `hz` is taken out of each 20
 * ms: the loudest 5 ms of it. A click shows here. */
double sound_rest(const int16_t *pcm, size_t n, unsigned rate_hz, double hz);

/* A codec's noise is much the same all the time; a click stands out from it. Returns how many
 * pieces of 2.5 ms do, by `out_db` and above -40 dB to the sine; *noise: the median of all, *peak:
 * the loudest. */
unsigned sound_clicks(const int16_t *pcm, size_t n, unsigned rate_hz, double hz, double out_db,
                      double *noise, double *peak);

#endif
