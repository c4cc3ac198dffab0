/* h264.h - what two sides of an H.264 stream have in common (RFC 6184 8.1, 8.2.2).
 *
 * Parameters as a=fmtp has them. Pure functions, any thread.
 */
#ifndef CW_MEDIA_H264_H
#define CW_MEDIA_H264_H

#include "media/codec/format.h"

/* How well payloads for one suit the other: 0 not, 1 they differ in constraints only, of which one
 * side's the other keeps too (Baseline and Constrained Baseline), 2 the same profile. The
 * packetization mode must be the same in any case; levels are not compared. */
int cw_h264_match(const char *fmtp_a, const char *fmtp_b);

/* The parameters that answer `offer` when the far end behind us answered `answer`: the offer's
 * profile and packetization mode; the answer's level where both sides allow asymmetry, else the
 * lower of the two; what else the answer said. */
void cw_h264_answer(const char *offer, const char *answer, char ret[static CW_FMTP_MAX + 1]);

#endif
