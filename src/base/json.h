/* json.h - jansson with the limits a peer needs.
 *
 * A json_t belongs to the thread that made it. jansson is reached through this header only.
 */
#ifndef CW_BASE_JSON_H
#define CW_BASE_JSON_H

#include "base/err.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define CW_JSON_DEPTH 16 /* deeper than any message of ours needs */

/* Parse a peer's text.
 *
 * CW_E_PARSE     not JSON, bad UTF-8, duplicate key, NUL inside a string
 * CW_E_TOO_DEEP  nested deeper than CW_JSON_DEPTH (checked before jansson sees it)
 *
 * On error `why` (may be NULL) says what and where.
 */
CW_NODISCARD cw_err cw_json_parse(const char *text, size_t len, json_t **ret, char why[static 128]);

/* True if `text` holds no CR, LF, NUL or other C0/DEL control byte: safe in a SIP or SDP line. */
bool cw_text_is_safe(const char *text, size_t len);

/* Compact text, to be freed with free(). */
char *cw_json_print(const json_t *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

#endif
