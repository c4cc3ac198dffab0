/* shaken_cert.h - certificates that vouch for callers (RFC 8226, ATIS-1000080). Pure functions
 * but for files, any thread. Home of src/user only. */
#ifndef CW_USER_SHAKEN_CERT_H
#define CW_USER_SHAKEN_CERT_H

#include "base/err.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct _cjose_jwk_int;
struct x509_store_st;

typedef struct cw_shaken_cert {
    struct _cjose_jwk_int *key; /* public */
    int64_t until;              /* seconds since 1970: when the first of its chain expires */
    bool any_number;            /* it is a provider's, or the numbers were not asked for */
    GArray *numbers;            /* of ranges it may vouch for otherwise */
} cw_shaken_cert;

typedef struct cw_cert_rules {
    struct x509_store_st *authorities;
    int64_t now;       /* seconds since 1970 */
    bool tn_auth_list; /* it must say for whom it may vouch (RFC 8226 9) */
} cw_cert_rules;

/* A PEM chain, its own certificate first. CW_E_CREDENTIAL: `why` says what is wrong. */
CW_NODISCARD cw_err cw_shaken_cert_read(const char *pem, size_t len, const cw_cert_rules *rules,
                                        cw_shaken_cert **ret, char why[static 128]);
void cw_shaken_cert_free(cw_shaken_cert *cert); /* NULL is fine */

/* May it vouch for this number, written as in PASSporTs? */
bool cw_shaken_cert_covers(const cw_shaken_cert *cert, const char *number);

/* Files. CW_E_CONF: `why` says what is wrong; X509_STORE_free, cjose_jwk_release. */
CW_NODISCARD cw_err cw_shaken_authorities(const char *path, struct x509_store_st **ret,
                                          char why[static 128]);
CW_NODISCARD cw_err cw_shaken_key(const char *path, struct _cjose_jwk_int **ret,
                                  char why[static 128]);

#endif
