/* enum.h - telephone numbers in DNS (ENUM, RFC 6116): where a number can be called besides a trunk.
 *
 * What is asked of the stack is of the loop; functions without a role are pure, any thread.
 */
#ifndef CW_SIP_ENUM_H
#define CW_SIP_ENUM_H

#include "sip/sip.h"

#define CW_ENUM_NAME_MAX 256

typedef struct cw_enum cw_enum; /* one question */

typedef struct cw_enum_tree {
    const char *suffix; /* "e164.arpa" */
    unsigned timeout_ms;
    unsigned cache_s; /* how long an answer is good, also none; 0: not kept */
} cw_enum_tree;

/* A sip: or sips: URI, NULL: none, or no answer in time. Never called before cw_enum_ask returns,
 * once, not after cw_enum_cancel; the question is gone when it returns. */
typedef void cw_enum_fn(void *arg, const char *uri);

/* CW_E_PARAMS  `number` is not E.164, or the name would be too long */
CW_NODISCARD cw_err cw_enum_ask(cw_sip *sip, const cw_enum_tree *tree, const char *number,
                                cw_enum_fn *fn, void *arg, cw_enum **ret) CW_ON_LOOP;
void cw_enum_cancel(cw_enum *asked) CW_ON_LOOP; /* NULL is fine */

/* "+331" is "1.3.3.e164.arpa" (RFC 6116 3.2). CW_E_PARAMS as above. */
CW_NODISCARD cw_err cw_enum_domain(const char *number, const char *suffix,
                                   char ret[static CW_ENUM_NAME_MAX]);

/* What a rule "!pattern!replacement!flags" (RFC 3402 3.2) makes of a number; g_free it.
 *
 * CW_E_NOT_FOUND  the pattern does not fit
 * CW_E_SYNTAX     no such rule, one of those we do not run, or no SIP URI came of it
 */
CW_NODISCARD cw_err cw_enum_apply(const char *rule, const char *number, char **ret);

/* The best of a DNS answer for `number`: E2U+sip, terminal, by order and preference. NULL: none. */
char *cw_enum_choose(const unsigned char *answer, int len, const char *number);

/* --- for the stack --- */
typedef struct cw_enum_cache cw_enum_cache;
void cw_enum_cache_free(cw_enum_cache *cache) CW_ON_LOOP; /* NULL is fine */

#endif
