/* g711.h - A-law and mu-law of one 16-bit sample (ITU-T G.711). Pure, any thread. */
#ifndef CW_CODEC_G711_H
#define CW_CODEC_G711_H

#include <stdint.h>

uint8_t cw_alaw(int16_t pcm);
uint8_t cw_ulaw(int16_t pcm);
int16_t cw_alaw_pcm(uint8_t code);
int16_t cw_ulaw_pcm(uint8_t code);

#endif
