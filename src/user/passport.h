/* passport.h - SHAKEN PASSporTs (RFC 8225, 8588) as a SIP Identity header field holds them
 * (RFC 8224 4). Pure functions, any thread. Home of src/user only. */
#ifndef CW_USER_PASSPORT_H
#define CW_USER_PASSPORT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct _cjose_jwk_int;

#define CW_IDENTITY_MAX 4096 /* bytes of an Identity value */
#define CW_DESTS_MAX    16   /* numbers called, in one PASSporT */
#define CW_TN_STR       34   /* a number in one: digits, * and # only (RFC 8224 8.3), with NUL */
#define CW_ORIGID_STR   65

/* What one says. */
typedef struct cw_passport {
    char attest; /* 'A', 'B' or 'C' */
    char orig[CW_TN_STR];
    unsigned dest_n;
    char dest[CW_DESTS_MAX][CW_TN_STR];
    int64_t iat; /* seconds since 1970 */
    char origid[CW_ORIGID_STR];
    char *x5u;   /* URL of the certificate */
    char *token; /* the JWS as it came; NULL: one to be signed */
} cw_passport;

void cw_passport_clear(cw_passport *passport); /* one of zeroes is fine */

/* An Identity value. Nothing of it is proven yet.
 *
 * CW_E_UNSUPPORTED   another kind of PASSporT (ppt)
 * CW_E_BAD_IDENTITY  not one by the rules: `why` says what
 */
CW_NODISCARD cw_err cw_passport_read(const char *value, size_t len, cw_passport *ret,
                                     char why[static 128]);

/* The call it must be about. */
typedef struct cw_passport_call {
    const char *from, *to; /* as in cw_passport; NULL: there is no number */
    int64_t now;           /* seconds since 1970 */
    int64_t max_age_s;     /* either way */
} cw_passport_call;

/* CW_E_STALE; CW_E_BAD_IDENTITY: of another call */
CW_NODISCARD cw_err cw_passport_fits(const cw_passport *passport, const cw_passport_call *call,
                                     char why[static 128]);
/* CW_E_BAD_IDENTITY: the signature is not of this public key */
CW_NODISCARD cw_err cw_passport_signed_by(const cw_passport *passport,
                                          const struct _cjose_jwk_int *key);

/* The whole Identity value; NULL: it cannot be signed. g_free it. */
char *cw_passport_sign(const cw_passport *passport, const struct _cjose_jwk_int *key);

/* "+33 1.23" as PASSporTs write it: "33123". False: no number. */
bool cw_passport_number(const char *text, char ret[static CW_TN_STR]);

#endif
