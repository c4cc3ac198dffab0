/* refer.h - transfer as SIP has it: REFER and what it reports (RFC 3515, 4488, 3892), Replaces
 * (RFC 3891), Target-Dialog (RFC 4538).
 *
 * The parsers are pure functions: any thread. The rest is the loop's.
 */
#ifndef CW_SIP_REFER_H
#define CW_SIP_REFER_H

#include "sip/sip.h"

/* The dialog another request is about, in the words of the one who receives that request. */
typedef struct cw_sip_replaces {
    char *call_id;
    char *to_tag;    /* its own */
    char *from_tag;  /* of its far side */
    bool early_only; /* not if it was answered (RFC 3891 3) */
} cw_sip_replaces;

/* A Replaces or Target-Dialog header field (there local-tag is the sender's: the from tag).
 *
 * CW_E_PARSE  not one; *ret is left as it was
 */
CW_NODISCARD cw_err cw_sip_replaces_parse(const char *text, cw_sip_replaces *ret);
CW_NODISCARD cw_err cw_sip_target_dialog_parse(const char *text, cw_sip_replaces *ret);
char *cw_sip_replaces_print(const cw_sip_replaces *replaces); /* g_free */
void cw_sip_replaces_clear(cw_sip_replaces *replaces);
cw_sip_replaces *cw_sip_replaces_dup(const cw_sip_replaces *replaces);
void cw_sip_replaces_free(cw_sip_replaces *replaces); /* NULL is fine */

/* The user part of a sip: URI, unescaped; NULL: none, or unsafe. g_free. */
char *cw_sip_uri_user(const char *uri);

/* Where a REFER leads. */
typedef struct cw_sip_refer_to {
    char *uri;                /* sip: or tel:, without header fields and method */
    cw_sip_replaces replaces; /* call_id NULL: none */
} cw_sip_refer_to;

/* A Refer-To header field. Header fields in its URI other than Replaces are not for us to send.
 *
 * CW_E_PARSE        not one
 * CW_E_UNSUPPORTED  a scheme that is neither sip nor tel, or another method than INVITE
 */
CW_NODISCARD cw_err cw_sip_refer_to_parse(const char *text, cw_sip_refer_to *ret);
char *cw_sip_refer_to_print(const cw_sip_refer_to *to); /* "<sip:…?Replaces=…>"; g_free */
void cw_sip_refer_to_clear(cw_sip_refer_to *to);

/* The status line a message/sipfrag begins with (RFC 3420). CW_E_PARSE: none; *status and phrase
 * are left as they were. */
CW_NODISCARD cw_err cw_sip_frag_parse(const char *body, size_t len, int *status,
                                      char phrase[static 96]);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(cw_sip_replaces, cw_sip_replaces_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(cw_sip_refer_to, cw_sip_refer_to_clear)

/* ── Our far side is to call somebody else ── */

typedef struct cw_sip_refer cw_sip_refer; /* one REFER of ours, until its last report */

typedef struct cw_sip_refer_conf {
    const cw_sip_refer_to *to;
    const char *referred_by; /* URI; NULL: not said */
    bool silent;             /* ask for no reports (RFC 4488) */
} cw_sip_refer_conf;

/* How it goes: 100-199, then one final status, with `last`. 202 and the like are no news. Where
 * nothing else can be known (the far side reports nothing), `last` comes with 202. err is not CW_OK
 * when no status came. The REFER is gone after `last`. */
typedef void cw_sip_refer_fn(void *arg, cw_err err, int status, const char *phrase, bool last);

/* CW_E_STATE  the call is not up */
CW_NODISCARD cw_err cw_sip_refer_new(cw_sip_call *call, const cw_sip_refer_conf *conf,
                                     cw_sip_refer_fn *fn, void *arg, cw_sip_refer **ret) CW_ON_LOOP;
void cw_sip_refer_free(cw_sip_refer *refer) CW_ON_LOOP; /* no call follows; NULL is fine */

/* ── We are to call somebody else: cw_sip_call_ops.refer ── */

typedef struct cw_sip_referred {
    cw_sip_refer_to to;
    char *referred_by;             /* URI, as the far side says; NULL: not said */
    cw_addr source;                /* where it came from; AF_UNSPEC: in a call we made */
    const cw_sip_message *message; /* as long as the callback */
} cw_sip_referred;

/* It was accepted: tell what becomes of it. A status of 200 or more is the last; so is _free, which
 * says 503 when there was none. `told` is called when the far side knows of the last, or cannot be
 * told, not before this returns, and not after _free; NULL is fine. */
void cw_sip_referral_tell(cw_sip_referral *referral, int status, const char *phrase,
                          void (*told)(void *arg), void *arg) CW_ON_LOOP;
void cw_sip_referral_free(cw_sip_referral *referral) CW_ON_LOOP; /* NULL is fine */

/* ── Replaces ── */

/* The call of ours that an INVITE asks to replace; *ret NULL: it asks for none.
 *
 * CW_E_NO_CALL   no such dialog, or one that we are being called by (481)
 * CW_E_BUSY      it was answered, and was to be replaced before only (486)
 * CW_E_DECLINED  it is over (603)
 * CW_E_PARAMS    not one Replaces header (400)
 */
CW_NODISCARD cw_err cw_sip_replaced(cw_sip *sip, const cw_sip_message *message,
                                    cw_sip_call **ret) CW_ON_LOOP;
/* The call whose dialog this is, from a Refer-To that leads to us; NULL: none. */
cw_sip_call *cw_sip_find_replaced(cw_sip *sip, const cw_sip_replaces *replaces) CW_ON_LOOP;
/* How its far side is asked to let somebody else take our place. CW_E_STATE: no dialog yet */
CW_NODISCARD cw_err cw_sip_call_replaces(const cw_sip_call *call, cw_sip_replaces *ret) CW_ON_LOOP;
/* Its remote target; g_free. Where somebody else reaches the far side. */
char *cw_sip_call_target(const cw_sip_call *call) CW_ON_LOOP;
/* What was given as `arg` with `ops`; NULL: it has others, or nobody is told any more. */
void *cw_sip_call_owner(const cw_sip_call *call, const cw_sip_call_ops *ops) CW_ON_LOOP;

#endif
