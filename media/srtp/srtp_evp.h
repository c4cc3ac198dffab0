/* srtp_evp.h - the ciphers of SRTP on OpenSSL: AES counter mode with HMAC-SHA1 (RFC 3711 4) and
 * AES-GCM (RFC 7714), keyed once, so that a packet costs no key schedule; RTCP pays for one.
 *
 * An object belongs to one direction of one association, and to the thread that uses it.
 */
#ifndef CW_MEDIA_SRTP_EVP_H
#define CW_MEDIA_SRTP_EVP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_SRTP_IV      16
#define CW_SRTP_MAC     20 /* bytes of HMAC-SHA1 before they are cut */
#define CW_SRTP_GCM_TAG 16

typedef struct cw_srtp_crypt {
    struct evp_cipher_ctx_st *aes;
    uint8_t salt[CW_SRTP_IV];    /* 14 bytes, with GCM 12, then zeros */
    uint32_t inner[5], outer[5]; /* HMAC-SHA1 after its pad blocks; not with GCM */
} cw_srtp_crypt;

CW_NODISCARD cw_err cw_srtp_evp_init(void); /* once, before any thread */

/* Session keys of `key_len` (16 or 32) and, with GCM, 12 bytes of salt, else 14. `auth` are 20
 * bytes for HMAC-SHA1, NULL with GCM. `seals`: this is the sending direction. */
CW_NODISCARD cw_err cw_srtp_crypt_init(cw_srtp_crypt *crypt, const uint8_t *key, size_t key_len,
                                       const uint8_t *salt, const uint8_t *auth, bool seals);
void cw_srtp_crypt_clear(cw_srtp_crypt *crypt);

/* For what is used now and then, without the kilobyte that a keyed cipher takes: all but the
 * cipher, which is the thread's and is lent, keyed, until the next use of any. */
void cw_srtp_crypt_part(cw_srtp_crypt *crypt, const uint8_t *salt, const uint8_t *auth);
CW_NODISCARD cw_err cw_srtp_crypt_lend(cw_srtp_crypt *crypt, const uint8_t *key, size_t key_len,
                                       bool gcm, bool seals);

/* `len` bytes of session key for `label` from a master key and its 14-byte salt (RFC 3711 4.3.3,
 * key derivation rate 0; RFC 6188 for 32 bytes of key). */
CW_NODISCARD cw_err cw_srtp_derive(const uint8_t *master, size_t key_len, const uint8_t salt[14],
                                   uint8_t label, uint8_t *ret, size_t len);

/* Encrypt or decrypt in place. */
CW_NODISCARD cw_err cw_srtp_ctr(cw_srtp_crypt *crypt, const uint8_t iv[CW_SRTP_IV], uint8_t *data,
                                size_t len);
void cw_srtp_mac(const cw_srtp_crypt *crypt, const uint8_t *data, size_t len, const uint8_t *more,
                 size_t more_len, uint8_t ret[CW_SRTP_MAC]);

/* GCM in place; the tag of CW_SRTP_GCM_TAG bytes stands behind `len` bytes of data. `more` is
 * authenticated after `aad`. CW_E_INTEGRITY when opening. */
CW_NODISCARD cw_err cw_srtp_gcm(cw_srtp_crypt *crypt, const uint8_t iv[12], const uint8_t *aad,
                                size_t aad_len, const uint8_t *more, size_t more_len, uint8_t *data,
                                size_t len, bool seals);

#endif
