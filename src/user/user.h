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
#define CW_COST_MAX    32 /* bytes of the name of a cost class */
#define CW_NUMBERS_MAX 16 /* telephone numbers of one's own */

/* A scope is "action:pattern", a final * matching any rest: "call:tel:+33*", "call:service:*".
 * "call:*" allows every destination. */
typedef struct cw_grant {
    unsigned n;
    char *scope[CW_SCOPES_MAX]; /* g_free */
} cw_grant;

/* What a token's claim "call" bounds; 0 and "": nothing. */
typedef struct cw_call_limits {
    unsigned at_once; /* calls of this token's bearer, in all of their sessions */
    unsigned seconds; /* of each call, from its answer */
    char
        cost[CW_COST_MAX + 1]; /* the only cost class (see `rate` of conf.def) that may be called */
} cw_call_limits;

#define CW_SIP_CLAIM_MAX 128 /* bytes of each text */

/* Claim "sip": as whom the user is to be registered. */
typedef struct cw_sip_claim {
    char registrar[CW_SIP_CLAIM_MAX + 1]; /* record of the configuration; "": any that lets it */
    char account[CW_SIP_CLAIM_MAX + 1];   /* a line of its accounts; "": the rest says it */
    char identity[CW_SIP_CLAIM_MAX + 1];  /* user part of the address; "": the user's name */
    char username[CW_SIP_CLAIM_MAX + 1];  /* of digest; "": `identity` */
    char ha1_md5[33], ha1_sha256[65];     /* in hex; "": none */
} cw_sip_claim;

typedef struct cw_identity {
    char user[CW_USER_MAX + 1];
    char display[CW_DISPLAY_MAX + 1]; /* claim "name"; may be "" */
    int64_t expires;                  /* seconds since 1970, 0: never */
    cw_grant grant;
    cw_call_limits limits;
    unsigned number_n;
    char
        *number[CW_NUMBERS_MAX]; /* claim "numbers", as written; a * at the end: any rest; g_free */
    cw_sip_claim *sip;           /* holds secrets: wiped by cw_identity_clear; NULL: none */
    bool guest;                  /* the name is anybody's choice */
} cw_identity;

/* A token for calls: where to, for how long, how often. Whoever signs log-ins signs these. */
typedef struct cw_call_grant {
    char id[CW_USER_MAX + 1]; /* claim "jti" */
    int64_t expires;
    cw_grant to;   /* claim "call"."to": targets, a final * matching any rest; n 0: any */
    cw_grant from; /* claim "call"."from": numbers that may be shown; n 0: the user's own */
    cw_call_limits limits;
    unsigned uses; /* calls it may begin in all; 0: any */
} cw_call_grant;

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

/* Verify a token for calls: header "typ" call+jwt (RFC 8725 3.11), so that neither kind serves as
 * the other; sub must be `user`. Errors as above, and CW_E_FORBIDDEN: it is another user's. */
CW_NODISCARD cw_err cw_call_grant_verify(const cw_tokens *tokens, const char *token, size_t len,
                                         int64_t now, const char *user, cw_call_grant *ret,
                                         char why[static 128]);
void cw_call_grant_clear(cw_call_grant *grant);

/* A guest's identity under the configured guest_scope. CW_E_AUTH guests are not let in, CW_E_PARAMS
 * the name is no user name. */
CW_NODISCARD cw_err cw_guest(const cw_conf *conf, const char *name, cw_identity *ret);

#define CW_HA1_STR 65 /* hex digits of SHA-256 and a NUL */

/* H(A1) of an account of the configuration (RFC 7616 3.4.2), in hex, by MD5 or SHA-256. False:
 * there is no such account, or it does not say that hash. */
bool cw_password_ha1(const cw_conf *conf, const char *user, const char *realm, bool sha256,
                     char ret[static CW_HA1_STR]);
/* Who has proven that password. CW_E_AUTH: there is no such account. */
CW_NODISCARD cw_err cw_password_identity(const cw_conf *conf, const char *user, cw_identity *ret);
/* Accounts that cannot work. CW_E_CONF; pure. */
CW_NODISCARD cw_err cw_passwords_check(const cw_conf *conf, char why[static 128]);

bool cw_user_name_ok(const char *name, size_t len);
bool cw_grant_allows(const cw_grant *grant, const char *action, const char *target);
bool cw_pattern_matches(const char *pattern, const char *text); /* a final * matches any rest */
void cw_identity_clear(cw_identity *identity);

#endif
