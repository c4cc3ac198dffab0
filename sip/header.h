/* header.h - header fields that others than the stack set: which may be, and how they become lines.
 *
 * Pure functions, any thread. Every line that a browser, the configuration or a layer above brings
 * goes through cw_sip_header_make or cw_sip_header_line_ok.
 */
#ifndef CW_SIP_HEADER_H
#define CW_SIP_HEADER_H

#include "base/err.h"

#include <stdbool.h>

#define CW_SIP_NAME_MAX  64   /* bytes of a header field's name */
#define CW_SIP_VALUE_MAX 1024 /* and of the value of one that is set */

/* Who may set a header field of this name. */
typedef enum cw_sip_setter {
    CW_SIP_BY_STACK, /* it steers messages, dialogs or bodies; or it is no name at all */
    CW_SIP_BY_CALLS, /* it says who calls, why or how: by rules of ours, never a browser's choice */
    CW_SIP_BY_ANYBODY /* whom the configuration lets */
} cw_sip_setter;

/* Names are letters, digits and "-", beginning with a letter, in their long form: whatever else a
 * peer could take for another name has no setter but the stack. */
cw_sip_setter cw_sip_header_setter(const char *name);

/* "Name: value" into *line (g_free).
 *
 * CW_E_PARAMS     a name that `who` may not set
 * CW_E_UNSAFE     a control character, line separator or bad UTF-8 in either
 * CW_E_TOO_LARGE
 */
CW_NODISCARD cw_err cw_sip_header_make(cw_sip_setter who, const char *name, const char *value,
                                       char **line);

/* A whole line of a layer above: what cw_sip_header_make would have made for CW_SIP_BY_CALLS. */
bool cw_sip_header_line_ok(const char *line);

/* Does one of the patterns, names with perhaps a * at the end, fit this name? Caseless; NULL: none.
 */
bool cw_sip_header_listed(char *const *patterns, const char *name);

#endif
