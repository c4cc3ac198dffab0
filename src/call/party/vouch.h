/* vouch.h - callers' numbers that somebody vouches for (STIR/SHAKEN), in and out. Loop thread. Home
 * of src/call only. */
#ifndef CW_CALL_VOUCH_H
#define CW_CALL_VOUCH_H

#include "call/priv.h"
#include "user/shaken.h"

/* CW_E_CONF; `why` names the option. Pure but for the files it reads. */
CW_NODISCARD cw_err cw_vouch_check(const cw_conf *conf, char why[static 128]);

void cw_vouch_open(cw_calls *calls) CW_ON_LOOP;
void cw_vouch_close(cw_calls *calls) CW_ON_LOOP; /* after the calls */

/* The values of Identity fields; NULL: none. g_strfreev. */
char **cw_vouch_identities(const cw_sip_message *message) CW_ON_LOOP;

/* What `trunk` says of its own check: the verstat parameter of who calls. NULL: nothing, or it is
 * not believed. */
json_t *cw_vouch_verstat(const cw_conf *conf, const struct cw_conf_trunk *trunk,
                         const cw_sip_message *message) CW_ON_LOOP;

/* Does this verdict end a call from `trunk`? Pure. */
cw_err cw_vouch_judge(const struct cw_conf_trunk *trunk, const cw_verdict *verdict);

/* How a call that goes on when the verdict is there goes on. */
typedef struct cw_vouch_call {
    const struct cw_conf_trunk *trunk; /* it came from */
    char *const *identities;           /* may be NULL */
    const char *to;                    /* number that was dialled, as it is meant; NULL: none */
} cw_vouch_call;
typedef cw_err cw_vouch_fn(cw_call *call, void *arg);

/* Look for who vouches for call->from and note it in call->about, then `go` on: at once, or when
 * a certificate is there. `arg` is freed by `drop`, in any case. An error is the call's; one that
 * comes later ends it. */
CW_NODISCARD cw_err cw_vouch_for(cw_call *call, const cw_vouch_call *what, cw_vouch_fn *go,
                                 void *arg, GDestroyNotify drop) CW_ON_LOOP;
void cw_vouch_cancel(cw_call *call) CW_ON_LOOP; /* no `go` follows */

/* Lines of an INVITE to `trunk`: Identity and Date. `number` is who is called; `identities` what
 * the call came with, NULL: nothing; `source` the trunk it came from, NULL: none.
 */
typedef struct cw_vouch_out {
    const struct cw_conf_trunk *trunk;
    const cw_party *from;
    const char *number, *source;
    char *const *identities;
} cw_vouch_out;
void cw_vouch_lines(const cw_calls *calls, const cw_vouch_out *out, GStrvBuilder *into) CW_ON_LOOP;

#endif
