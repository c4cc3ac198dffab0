/* header.h - header fields that clients set and are shown. Home of src/call only. */
#ifndef CW_CALL_HEADER_H
#define CW_CALL_HEADER_H

#include "base/json.h"
#include "sip/sip.h"

#define CW_HEADERS_MAX 16 /* that a client may set at once */

/* {"X-Name": "value"} as "X-Name: value" lines, NULL-ended; g_strfreev. NULL for none. `allowed`
 * are patterns of names, NULL: none may be set. Pure.
 *
 * CW_E_UNSAFE  a control character; CW_E_TOO_LARGE, CW_E_PARAMS anything else; `why` says where
 */
CW_NODISCARD cw_err cw_headers_check(const json_t *headers, char *const *allowed, char ***ret,
                                     char why[static 128]);

/* Those of `lines` that `allowed` lets through; g_strfreev. Pure. */
char **cw_headers_allowed(char *const *lines, char *const *allowed);

/* What of a caller's fields, as cw_headers_shown gives them, goes on with its call; g_strfreev.
 * Pure.
 */
char **cw_headers_pass(const json_t *shown, char *const *allowed);

/* {"X-Name": "value, value"}: the fields of a message whose names fit; NULL: none. */
json_t *cw_headers_shown(const cw_sip_message *message, char *const *shown) CW_ON_LOOP;

/* What else an INVITE says of the call: {"subject", "priority", "alert": [uri, …], "info": [{"uri",
 * "purpose"}, …]} into `into`. Only shown: nothing of it is fetched or done. */
void cw_headers_about(const cw_sip_message *message, json_t *into) CW_ON_LOOP;

/* The URIs of a list as Call-Info and Alert-Info have it; with their purpose if `purposes`. Pure.
 */
json_t *cw_uris_json(const char *list, bool purposes);

#endif
