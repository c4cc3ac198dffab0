/* negotiate.h - what desc.h's files share. Pure, any thread. */
#ifndef CW_MEDIA_NEGOTIATE_H
#define CW_MEDIA_NEGOTIATE_H

#include "media/sdp/desc.h"

/* The packet path passes it on in a stream of `kind`. */
bool cw_codec_carried(const char *name, cw_media_kind kind);

/* How well two formats agree: 0 not at all, see cw_format_same; the more the better. */
int cw_format_match(const cw_format *a, const cw_format *b);

#endif
