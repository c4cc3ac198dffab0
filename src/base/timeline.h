/* timeline.h - what happened to a call, in order, with monotonic milliseconds.
 *
 * One bounded ring a call (oldest rows go first, a mark says so), kept for a while after the call's
 * end for `causewayctl call ladder`. Loop thread.
 */
#ifndef CW_BASE_TIMELINE_H
#define CW_BASE_TIMELINE_H

#include "base/ident.h"
#include "base/json.h"
#include "base/role.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct cw_timeline cw_timeline;

/* Who said something to whom. The ladder draws browser | causeway | sip. */
typedef enum cw_lane { CW_LANE_A, CW_LANE_GATEWAY, CW_LANE_B } cw_lane;

#define CW_TIMELINE_ROWS 128

cw_timeline *cw_timeline_new(cw_id call) CW_ON_LOOP;
void cw_timeline_free(cw_timeline *line) CW_ON_LOOP; /* NULL is fine */

/* `from` and `to` equal: an event at that lane (ICE connected, DTLS done). `proto` is "JSON",
 * "SIP", "ICE", "DTLS", "RTP", "CALL"; `text` is copied and cut at 95 bytes. `line` NULL does
 * nothing. */
void cw_timeline_add(cw_timeline *line, cw_lane from, cw_lane to, const char *proto,
                     const char *text) CW_ON_LOOP;

json_t *cw_timeline_json(const cw_timeline *line) CW_ON_LOOP; /* {call, start_ms, lost, rows:[…]} */

#endif
