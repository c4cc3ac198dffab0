/* digest.h - SHA-256, by OpenSSL: GLib's takes ten times as long. Any thread. */
#ifndef CW_SIP_DIGEST_H
#define CW_SIP_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define CW_DIGEST 32 /* bytes */

void cw_digest(const void *data, size_t len, uint8_t ret[static CW_DIGEST]);

#endif
