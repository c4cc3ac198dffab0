/* resend.h - what was sent last, for those who ask for it again (RFC 4585 6.2.1, RFC 4588).
 *
 * A ring of bytes of a size chosen when it is made: the oldest packets give way. One thread at a
 * time, no allocation but in _new.
 */
#ifndef CW_MEDIA_RESEND_H
#define CW_MEDIA_RESEND_H

#include <stddef.h>
#include <stdint.h>

typedef struct cw_resend cw_resend;

cw_resend *cw_resend_new(size_t bytes); /* NULL for 0 bytes. Any thread */
void cw_resend_free(cw_resend *resend); /* NULL is fine */

void cw_resend_put(cw_resend *resend, uint16_t seq, const uint8_t *data, size_t len,
                   uint64_t now_us);
/* A packet sent at most `age_us` ago and not asked for within `apart_us`. NULL: none such. */
const uint8_t *cw_resend_get(cw_resend *resend, uint16_t seq, uint64_t now_us, uint64_t age_us,
                             uint64_t apart_us, size_t *len);

#endif
