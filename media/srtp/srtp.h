/* srtp.h - SRTP and SRTCP of one association (RFC 3711, 6188, 7714) on OpenSSL's ciphers.
 *
 * An object belongs to the thread that uses it. Contents change in place; the buffer must have
 * CW_SRTP_TRAILER bytes of room behind the packet. After an error the packet is spoilt and the
 * object as it was.
 */
#ifndef CW_MEDIA_SRTP_H
#define CW_MEDIA_SRTP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_SRTP_TRAILER 148
#define CW_SRTP_KEY_MAX 46 /* AES-256 key and 14-byte salt */
#define CW_SRTP_MKI_MAX 4  /* of 128 allowed: numbers, not names, are met */

typedef enum cw_srtp_suite {
    CW_SRTP_NONE,
    CW_SRTP_AES128_CM_SHA1_80,
    CW_SRTP_AES128_CM_SHA1_32,
    CW_SRTP_AEAD_AES_128_GCM,
    CW_SRTP_AEAD_AES_256_GCM,
    CW_SRTP_AES256_CM_SHA1_80, /* RFC 6188; SDES only */
    CW_SRTP_AES256_CM_SHA1_32,
    CW_SRTP_SUITES,
} cw_srtp_suite;

typedef struct cw_srtp_keys {
    cw_srtp_suite suite;
    uint8_t tx[CW_SRTP_KEY_MAX], rx[CW_SRTP_KEY_MAX]; /* master key, then master salt */
    uint8_t rx_mki_len, rx_mki[CW_SRTP_MKI_MAX]; /* may mark what comes (RFC 3711 3.1); 0: none */
} cw_srtp_keys;

typedef struct cw_srtp cw_srtp;

CW_NODISCARD cw_err cw_srtp_init(void); /* once, before any thread: finds OpenSSL's ciphers */
const char *cw_srtp_suite_name(cw_srtp_suite suite); /* IANA name */
size_t cw_srtp_key_len(cw_srtp_suite suite);         /* key and salt together */

CW_NODISCARD cw_err cw_srtp_new(const cw_srtp_keys *keys, cw_srtp **ret);
void cw_srtp_free(cw_srtp *srtp); /* NULL is fine */
/* Go on where `old` is in the directions whose keys did not change: rollover counters and replay
 * windows are a key's. `old`, of the same suite, is then good for nothing but cw_srtp_free there.
 */
void cw_srtp_inherit(cw_srtp *srtp, cw_srtp *old, bool tx, bool rx);
/* Number SRTCP on from where `old` is, of other keys: so none is used twice with one key when the
 * keys come back later (a fork of a call that is heard again). */
void cw_srtp_follow(cw_srtp *srtp, const cw_srtp *old);

/* Ask for the memory that protecting (`tx`) or unprotecting a packet needs; what that memory points
 * to, once it is there. */
void cw_srtp_expect(const cw_srtp *srtp, bool tx);
void cw_srtp_expect_more(const cw_srtp *srtp, bool tx);

/* In place; *len is updated. CW_E_INTEGRITY, CW_E_REPLAY, CW_E_SHORT. */
CW_NODISCARD cw_err cw_srtp_protect(cw_srtp *srtp, uint8_t *pkt, size_t *len);
CW_NODISCARD cw_err cw_srtp_unprotect(cw_srtp *srtp, uint8_t *pkt, size_t *len);
CW_NODISCARD cw_err cw_srtp_protect_rtcp(cw_srtp *srtp, uint8_t *pkt, size_t *len);
CW_NODISCARD cw_err cw_srtp_unprotect_rtcp(cw_srtp *srtp, uint8_t *pkt, size_t *len);

#endif
