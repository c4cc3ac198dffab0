/* fmtp.h - read "key=value; key=value" (RFC 8866 6.15). Pure, any thread. */
#ifndef CW_CODEC_FMTP_H
#define CW_CODEC_FMTP_H

#include <stdbool.h>
#include <stddef.h>

/* The value of `key` (caseless), without the blanks around it, NULL: not there. */
const char *cw_fmtp_get(const char *fmtp, const char *key, size_t *len);
/* As a number, `missing` if it is not there or none up to 999999. */
unsigned cw_fmtp_number(const char *fmtp, const char *key, unsigned missing);
bool cw_fmtp_has(const char *fmtp, const char *key);

#endif
