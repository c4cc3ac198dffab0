/* early.h - what a far side says of media before the answer: P-Early-Media (RFC 5009). Pure. Home
 * of src/call only. */
#ifndef CW_CALL_EARLY_H
#define CW_CALL_EARLY_H

#include "media/sdp/desc.h"

/* The directions of the first `n` media sections in *ret, as the sender means them. With fewer than
 * sections the last holds for the rest (RFC 5009 8). False: the value gives none ("supported",
 * "gated", words not known); *ret is left as it was. */
bool cw_early_media_read(const char *value, cw_dir *ret, unsigned n);

#endif
