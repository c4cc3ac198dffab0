/* ident.h - ids and secrets from the kernel's random source. Any thread. */
#ifndef CW_BASE_IDENT_H
#define CW_BASE_IDENT_H

#include <stddef.h>
#include <stdint.h>

/* Names an object without keeping it alive: 64 random bits, never 0. */
typedef uint64_t cw_id;

#define CW_ID_STR 14 /* 13 characters and NUL */

cw_id cw_id_new(void);
const char *cw_id_print(cw_id id, char buf[static CW_ID_STR]); /* 13 of 0-9a-z without i l o u */
cw_id cw_id_parse(const char *text);                           /* 0: not an id */

void cw_random(void *buf, size_t len);

/* `len` random characters of [A-Za-z0-9] and a NUL into buf (len + 1 bytes): 5.95 bits each. Legal
 * as ICE ufrag and pwd (RFC 8839 5.4), SIP token, JSON string and file name. */
char *cw_random_text(char *buf, size_t len);

#endif
