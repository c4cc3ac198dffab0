/* picture.h - the keyframe request of old video phones: INFO with application/media_control+xml
 * (RFC 5168). Pure, any thread.
 */
#ifndef CW_CALL_PICTURE_H
#define CW_CALL_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#define CW_PICTURE_TYPE "application/media_control+xml"
extern const char cw_picture_update[]; /* the body that asks for a keyframe */

/* Does a body of this type ask for one? GLib's reader of a subset of XML does it: it knows no DTD,
 * no external entity and none that expands, and stops at the first fault; what lies deeper or is
 * longer than such a request ever is, is none. */
bool cw_picture_is_update(const char *type, const char *body, size_t len);

#endif
