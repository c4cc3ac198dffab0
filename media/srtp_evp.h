/* srtp_evp.h - OpenSSL's AES and SHA-1 as libsrtp cipher and auth types.
 *
 * Debian builds libsrtp on NSS, whose cost a packet grows with the number of sessions. These keep
 * one OpenSSL context a key, keyed once, and the two HMAC pad states hashed beforehand.
 */
#ifndef CW_MEDIA_SRTP_EVP_H
#define CW_MEDIA_SRTP_EVP_H

#include <srtp2/auth.h>
#include <srtp2/cipher.h>

/* AES counter mode and GCM, 128 and 256 bits; libsrtp's ids are in each type. */
#define CW_SRTP_CIPHERS 4
extern const srtp_cipher_type_t *const cw_srtp_ciphers[CW_SRTP_CIPHERS];
extern const srtp_auth_type_t cw_srtp_hmac_sha1;

#endif
