/* frame.h - where SIP messages begin and end in a stream (RFC 3261 18.3; keep-alives RFC 5626
 * 3.5.1).
 *
 * Pure functions over the caller's bytes: any thread, no allocation.
 */
#ifndef CW_SIP_FRAME_H
#define CW_SIP_FRAME_H

#include "base/err.h"

#include <stddef.h>

typedef enum cw_sip_frame_what {
    CW_SIP_FRAME_MORE,    /* not whole yet */
    CW_SIP_FRAME_PING,    /* CR LF CR LF between messages */
    CW_SIP_FRAME_BLANK,   /* a single CR LF between messages: a pong, or nothing */
    CW_SIP_FRAME_MESSAGE, /* `len` bytes */
} cw_sip_frame_what;

/* What was seen of the item that is not whole yet. All zero at first. */
typedef struct cw_sip_frame {
    size_t seen; /* bytes without the end of the header */
    size_t len;  /* of the whole message; 0: its header has not ended */
} cw_sip_frame;

/* Look at the `len` bytes at `data`, which begin where the last item ended. *used is the length of
 * the item; 0 with CW_SIP_FRAME_MORE. A message holds at most `max` bytes.
 *
 * CW_E_SYNTAX     no start line, or a Content-Length that is none, or two that differ
 * CW_E_TOO_LARGE  it is, or says that it will be
 */
CW_NODISCARD cw_err cw_sip_frame_next(cw_sip_frame *frame, const char *data, size_t len, size_t max,
                                      cw_sip_frame_what *what, size_t *used);

#endif
