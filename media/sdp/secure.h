/* secure.h - how SDP says that media is protected: SDES (RFC 4568; suites of RFC 6188 and 7714) and
 * DTLS-SRTP (RFC 5763, RFC 8122), in a profile that demands it or in one that does not (RFC 8643).
 *
 * Pure functions, any thread; text and sizes are a peer's, nothing is allocated from them.
 */
#ifndef CW_MEDIA_SECURE_H
#define CW_MEDIA_SECURE_H

#include "media/srtp/srtp.h"

#define CW_CRYPTO_MAX      8  /* a=crypto lines of a section looked at */
#define CW_FINGERPRINT_MAX 64 /* bytes of the longest hash, SHA-512 */

typedef enum cw_setup { CW_SETUP_ACTPASS, CW_SETUP_ACTIVE, CW_SETUP_PASSIVE } cw_setup;

typedef struct cw_fingerprint {
    char hash[12]; /* "sha-256" */
    size_t len;    /* 0: none */
    uint8_t value[CW_FINGERPRINT_MAX];
} cw_fingerprint;

/* The "m=" line's; each also with feedback (RTP/AVPF …). */
typedef enum cw_rtp_profile {
    CW_PROFILE_AVP,      /* RTP/AVP: protected or not */
    CW_PROFILE_SAVP,     /* RTP/SAVP */
    CW_PROFILE_TLS_SAVP, /* UDP/TLS/RTP/SAVP (RFC 5764 8) */
} cw_rtp_profile;

/* One a=crypto line. */
typedef struct cw_crypto {
    uint32_t tag;
    cw_srtp_suite suite;
    uint8_t key[CW_SRTP_KEY_MAX]; /* of who wrote it: what that side sends with */
    uint8_t mki_len, mki[CW_SRTP_MKI_MAX];
} cw_crypto;

/* What one section says. */
typedef struct cw_secure {
    cw_rtp_profile profile;
    bool feedback;    /* …F (RFC 4585) */
    bool crypto_said; /* there were a=crypto lines, usable or not */
    bool setup_said;
    cw_setup setup;
    cw_fingerprint fingerprint;
    unsigned crypto_n;
    cw_crypto crypto[CW_CRYPTO_MAX]; /* those we can use, as ordered there */
} cw_secure;

/* "1 AES_CM_128_HMAC_SHA1_80 inline:…", what follows "a=crypto:".
 *
 * CW_E_SYNTAX       not a crypto line
 * CW_E_UNSUPPORTED  a suite, a parameter or several keys that we do not speak: it cannot be used
 *
 * On error *ret is left as it was. A mandatory parameter not understood makes a line unusable
 * (RFC 4568 6.3); lifetime is the sender's to keep. */
CW_NODISCARD cw_err cw_crypto_parse(const char *text, size_t len, cw_crypto *ret);
cw_srtp_suite cw_crypto_suite(const char *name, size_t len); /* CW_SRTP_NONE: none of ours */
const char *cw_crypto_suite_name(cw_srtp_suite suite);       /* "AES_CM_128_HMAC_SHA1_80" */
bool cw_crypto_same(const cw_crypto *a, const cw_crypto *b); /* suite and key */

/* "sha-256 AB:CD:…"; SHA-1 and MD5 are not enough (RFC 8827 6.5). */
bool cw_fingerprint_parse(const char *text, size_t len, cw_fingerprint *ret);
bool cw_fingerprint_same(const cw_fingerprint *a, const cw_fingerprint *b);

/* Append lines. */
struct _GString;
void cw_crypto_print(struct _GString *out, const cw_crypto *crypto);
void cw_fingerprint_print(struct _GString *out, const cw_fingerprint *print);
void cw_secure_print(struct _GString *out, const cw_secure *secure); /* all of it but the profile */
const char *cw_secure_proto(cw_rtp_profile profile, bool feedback);
bool cw_secure_proto_parse(const char *text, size_t len, cw_secure *ret); /* false: none of ours */

#endif
