/* streams.h - video that comes and goes while a call is up: what one leg's far side changed, and
 * whether the other's must be told. Pure. Home of src/call only. */
#ifndef CW_CALL_STREAMS_H
#define CW_CALL_STREAMS_H

#include "call/leg/leg.h"

/* Did a far side add or remove a stream, or change a video stream's direction or content? */
bool cw_streams_changed(const cw_media_desc *before, const cw_media_desc *after);

bool cw_streams_send(const cw_media_desc *desc, bool slides); /* video; a screen's */

/* What the far side of a leg, which offered `offer`, is answered before the other leg's is asked:
 * what `other` has; video that `other` has not is there but inactive, if the other policy lets it.
 */
void cw_streams_foresee(const cw_leg *other, const cw_media_desc *offer, cw_media_desc *ret);

/* What the far side under `policy` should be told: `far` is what it described, `other` what the
 * other leg's far side did. Formats and payload types are the far side's own, where it has named
 * any. */
void cw_streams_wish(const cw_media_desc *far, const cw_codec_policy *policy,
                     const cw_media_desc *other, cw_media_desc *ret);

/* Which way a far side wants video, that was `told` what is possible and `said` what of it it
 * takes: about the rest it said nothing, and wants what it wanted `before`. */
cw_dir cw_dir_wanted(cw_dir said, cw_dir told, cw_dir before);

/* Is that worth an offer, when it was `told` that? Not, when it wants none of the
 * difference. */
bool cw_streams_must_tell(const cw_media_desc *told, const cw_media_desc *far,
                          const cw_media_desc *wish);

#endif
