/* keypad.h - a key pressed, as told by SIP INFO. Pure. Home of src/call only. */
#ifndef CW_CALL_KEYPAD_H
#define CW_CALL_KEYPAD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* "application/dtmf-relay" ("Signal=5\r\nDuration=160") or "application/dtmf" ("5").
 *
 * CW_E_SYNTAX  neither
 */
CW_NODISCARD cw_err cw_keypad_parse(const char *type, const char *body, size_t len, char *digit,
                                    unsigned *duration_ms);

#define CW_KEYPAD_BODY_MAX 48

/* The other way; `plain`: "application/dtmf". Returns the length. */
size_t cw_keypad_print(bool plain, char digit, unsigned duration_ms,
                       char ret[static CW_KEYPAD_BODY_MAX]);

#endif
