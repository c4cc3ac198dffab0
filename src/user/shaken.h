/* shaken.h - who vouches for the number that calls: STIR/SHAKEN (RFC 8224, 8588, ATIS-1000074).
 *
 * Loop thread. Reads, checks and makes the Identity header field; fetches and keeps the
 * certificates behind it.
 */
#ifndef CW_USER_SHAKEN_H
#define CW_USER_SHAKEN_H

#include "base/conf.h"
#include "base/json.h"
#include "base/loop.h"
#include "fetch/fetch.h"

typedef struct cw_shaken cw_shaken;

/* `may` (with arg): addresses certificates may be fetched from besides public ones, see fetch.h.
 * CW_E_CONF a file of the section `shaken` cannot be used: `why` says which. */
CW_NODISCARD cw_err cw_shaken_new(cw_loop *loop, const cw_conf *conf,
                                  bool (*may)(void *arg, const cw_addr *addr), void *arg,
                                  cw_shaken **ret, char why[static 128]) CW_ON_LOOP;
void cw_shaken_free(cw_shaken *shaken) CW_ON_LOOP; /* NULL is fine */
/* What cw_shaken_new would refuse. Pure but for the files it reads. CW_E_CONF */
CW_NODISCARD cw_err cw_shaken_check_conf(const cw_conf *conf, char why[static 128]);

/* ── Calls that come in ── */

typedef struct cw_verdict {
    /* CW_OK: somebody we trust vouches for the number. CW_E_NO_IDENTITY: nobody says anything;
     * CW_E_IDENTITY_INFO, CW_E_CREDENTIAL, CW_E_BAD_IDENTITY, CW_E_STALE (RFC 8224 6.2.2). */
    cw_err err;
    char attest; /* 'A': the number is the caller's; 'B': the caller is known; 'C'; 0: not said */
    char number[34]; /* that is vouched for, digits; "": none */
    char origid[65];
} cw_verdict;

/* {"status": "passed", "failed" or "none", "attest", "number"}. `number` false: withheld.
 * Pure. */
json_t *cw_verdict_json(const cw_verdict *verdict, bool number);

/* Numbers as they are meant; NULL: none. */
typedef struct cw_shaken_call {
    char *const *identities; /* Identity values, NULL-ended; may be NULL */
    const char *from, *to;
} cw_shaken_call;

typedef struct cw_shaken_wait cw_shaken_wait;
typedef void cw_shaken_fn(void *arg, const cw_verdict *verdict);

/* The verdict in *ret and NULL; or, when a certificate is to be fetched first, what is waited for:
 * `fn` is called once, after shaken.wait_ms at most, and it is gone then. */
cw_shaken_wait *cw_shaken_verify(cw_shaken *shaken, const cw_shaken_call *call, cw_shaken_fn *fn,
                                 void *arg, cw_verdict *ret) CW_ON_LOOP;
void cw_shaken_cancel(cw_shaken_wait *wait) CW_ON_LOOP; /* NULL is fine; not from within fn */

/* ── Calls that go out ── */

/* An Identity value that vouches for `from` calling `to`, both in E.164; NULL: there is no key, or
 * they are not. `source`: where the call came from, for origid; NULL: from a user of ours. */
char *cw_shaken_sign(const cw_shaken *shaken, char attest, const char *from, const char *to,
                     const char *source, int64_t now) CW_ON_LOOP;

/* Is this Identity value about these two, whoever signed it? Pure. */
bool cw_shaken_is_about(const char *identity, const char *from, const char *to);

#endif
