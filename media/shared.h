/* shared.h - streams that many endpoints have alike, kept once: most calls of a gateway agree on
 * the same formats, and each endpoint needs a copy of its own and of its far side's.
 *
 * The loop hands them out, whoever has one reads it, any thread lets go of it; only the loop frees.
 */
#ifndef CW_MEDIA_SHARED_H
#define CW_MEDIA_SHARED_H

#include "base/role.h"
#include "media/sdp/desc.h"

typedef struct cw_shared cw_shared;

cw_shared *cw_shared_new(void);
void cw_shared_free(cw_shared *shared) CW_ON_LOOP; /* after all were let go; NULL is fine */
/* As the stream is now, without the formats it has no use for; not to be changed. */
const cw_stream *cw_shared_get(cw_shared *shared, const cw_stream *stream) CW_ON_LOOP;
void cw_shared_put(const cw_stream *stream);              /* NULL is fine */
unsigned cw_shared_n(const cw_shared *shared) CW_ON_LOOP; /* kept, those let go included */

#endif
