/* mos.h - what a listener would think of a stream: the E-model (ITU-T G.107), simplified.
 *
 * Everything but packet loss, delay and codec is at the model's default. Wideband codecs are put on
 * the narrowband scale, where none is better than G.711. Pure functions, any thread.
 */
#ifndef CW_MEDIA_MOS_H
#define CW_MEDIA_MOS_H

#include <stdint.h>

typedef enum cw_mos_codec {
    CW_MOS_OTHER, /* video, or not known */
    CW_MOS_G711,
    CW_MOS_G722,
    CW_MOS_OPUS,
    CW_MOS_G729,
    CW_MOS_GSM,
    CW_MOS_AMR,
    CW_MOS_AMR_WB,
    CW_MOS_CODECS,
} cw_mos_codec;

cw_mos_codec cw_mos_codec_of(const char *name); /* as SDP has it */

typedef struct cw_mos_in {
    unsigned codec;   /* cw_mos_codec */
    double loss;      /* 0..1, what came too late included */
    double burst;     /* packets lost at a time, on average; 1 or less: singly */
    double rtt_ms;    /* to this end; 0: not known */
    double jitter_ms; /* what the listener's playout buffer has to make good */
} cw_mos_in;

double cw_mos(const cw_mos_in *in);   /* 1..4.5 */
double cw_mos_r(const cw_mos_in *in); /* the rating factor R, 0..93.2 */

#endif
