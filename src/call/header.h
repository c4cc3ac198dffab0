/* header.h - header fields a client wants in its INVITE. Pure functions. Home of src/call only. */
#ifndef CW_CALL_HEADER_H
#define CW_CALL_HEADER_H

#include "base/json.h"

#define CW_HEADERS_MAX      16
#define CW_HEADER_NAME_MAX  64
#define CW_HEADER_VALUE_MAX 256

/* {"X-Name": "value"} as "X-Name: value" lines, NULL-ended; g_strfreev. NULL for none. Only names
 * that begin with X- pass: every other field means something to SIP.
 *
 * CW_E_UNSAFE  a control character; CW_E_PARAMS anything else; `why` says where
 */
CW_NODISCARD cw_err cw_headers_check(const json_t *headers, char ***ret, char why[static 128]);

#endif
