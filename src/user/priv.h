/* priv.h - between the files of src/user. */
#ifndef CW_USER_PRIV_H
#define CW_USER_PRIV_H

#include "base/json.h"
#include "user/user.h"

#define CW_SCOPE_BYTES 256

/* Add the scopes in `text`, separated by blanks. CW_E_AUTH: too many, too long, or not text. */
CW_NODISCARD cw_err cw_grant_parse(const char *text, cw_grant *ret);

void cw_grant_clear(cw_grant *grant);

typedef struct cw_key {
    char *id;        /* kid; NULL: for tokens without one */
    char *algorithm; /* "HS256", "ES256", "RS256" */
    char *material;  /* the secret, or the PEM text of the public key */
    size_t len;
} cw_key;

struct cw_tokens {
    const cw_conf *conf;
    GPtrArray *keys; /* of cw_key */
};

/* Claims of a token whose signature is good. */
CW_NODISCARD cw_err cw_claims_read(const struct cw_conf_auth *auth, const json_t *claims,
                                   int64_t now, cw_identity *ret, char why[static 128]);

CW_NODISCARD cw_err cw_claims_read_grant(const struct cw_conf_auth *auth, const json_t *claims,
                                         int64_t now, const char *user, cw_call_grant *ret,
                                         char why[static 128]);

#endif
