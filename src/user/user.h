/* user.h - who logged in, how that was proven, and what they may do. Loop thread. */
#ifndef CW_USER_USER_H
#define CW_USER_USER_H

#include "base/conf.h"
#include "base/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_USER_MAX    64 /* bytes of a user name: [A-Za-z0-9._-] and, inside, '@' and '+' */
#define CW_DISPLAY_MAX 96
#define CW_TOKEN_MAX   4096
#define CW_SCOPES_MAX  32

/* A scope is "action:pattern", a final * matching any rest: "call:tel:+33*", "call:service:*".
 * "call:*" allows every destination. */
typedef struct cw_grant {
    unsigned n;
    char *scope[CW_SCOPES_MAX]; /* g_free */
} cw_grant;

typedef struct cw_identity {
    char user[CW_USER_MAX + 1];
    char display[CW_DISPLAY_MAX + 1]; /* claim "name"; may be "" */
    int64_t expires;                  /* seconds since 1970, 0: never */
    cw_grant grant;
} cw_identity;

typedef struct cw_tokens cw_tokens; /* the configured keys */

/* CW_E_CONF a key cannot be used (unreadable, wrong kind for its algorithm, secret too short); *why
 * says which; g_free it. */
CW_NODISCARD cw_err cw_tokens_new(const cw_conf *conf, cw_tokens **ret, char **why);
void cw_tokens_free(cw_tokens *tokens); /* NULL is fine */

/* Verify a JWT (RFC 7519, 8725): the key's own algorithm only, exp required, nbf, aud and iss as
 * configured, `sub` a user name.
 *
 * CW_E_AUTH     not a token of ours; `why` is for the log, never for the client
 * CW_E_EXPIRED  genuine but too old
 */
CW_NODISCARD cw_err cw_token_verify(const cw_tokens *tokens, const char *token, size_t len,
                                    int64_t now, cw_identity *ret, char why[static 128]);

/* A guest's identity under the configured guest_scope. CW_E_AUTH guests are not let in, CW_E_PARAMS
 * the name is no user name. */
CW_NODISCARD cw_err cw_guest(const cw_conf *conf, const char *name, cw_identity *ret);

bool cw_user_name_ok(const char *name, size_t len);
bool cw_grant_allows(const cw_grant *grant, const char *action, const char *target);
void cw_identity_clear(cw_identity *identity);

#endif
