/* envelope.h - what a message on a WebSocket must have changed before Sofia reads it, and after it
 * wrote it (RFC 7118 5.1).
 *
 * Pure functions over the caller's bytes: any thread.
 */
#ifndef CW_SIP_ENVELOPE_H
#define CW_SIP_ENVELOPE_H

#include "base/err.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct cw_sip_envelope {
    size_t via_at, via_len; /* the transport's word in the first Via */
    size_t body_at;         /* behind the empty line */
    bool has_length;        /* there is a Content-Length */
} cw_sip_envelope;

/* Look at the header. CW_E_SYNTAX: it does not end, has no Via, or that is not SIP/2.0/word. */
CW_NODISCARD cw_err cw_sip_envelope_read(const char *data, size_t len, cw_sip_envelope *ret);
/* The message with another transport in its Via, and a Content-Length, appended to `out`. */
void cw_sip_envelope_write(const char *data, size_t len, const cw_sip_envelope *envelope,
                           const char *transport, GByteArray *out); /* pure */

#endif
