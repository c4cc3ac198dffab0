/* path.h - the next hop's link address for what leaves by a wire (wire.h): asked of the kernel once
 * and kept true by its notifications (rtnetlink).
 *
 * The kernel stays the one who resolves: what has no answer yet goes by the socket, which makes it
 * look for one, and so does one packet a second, which makes it keep looking.
 */
#ifndef CW_MEDIA_PATH_H
#define CW_MEDIA_PATH_H

#include "base/role.h"
#include "media/io/frame.h"

typedef struct cw_paths cw_paths;

/* Of the interface `index`; `own` is its link address. NULL: the kernel gives no rtnetlink socket.
 * Any thread. */
cw_paths *cw_paths_new(unsigned index, const uint8_t own[CW_MAC_LEN]);
void cw_paths_free(cw_paths *paths); /* any thread, when none uses it */

/* NULL: send it by the socket, this time. */
const cw_link *cw_paths_find(cw_paths *paths, const cw_addr *from, const cw_addr *to,
                             uint64_t now_us) CW_ON_MEDIA;
/* Between batches: hear what changed. */
void cw_paths_hear(cw_paths *paths, uint64_t now_us) CW_ON_MEDIA;

#endif
