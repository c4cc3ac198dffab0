/* call.h - one INVITE usage inside sip/: state, dialogs, transactions. Loop thread. */
#ifndef CW_SIP_CALL_H
#define CW_SIP_CALL_H

#include "sip/priv.h"
#include "sip/dialog/timer.h"

typedef enum cw_sip_state {
    SIP_NEW,
    SIP_CALLING,
    SIP_PROCEEDING,
    SIP_CANCELLING,
    SIP_OFFERED,
    SIP_PLEDGED,
    SIP_ACCEPTED,
    SIP_DOOMED,
    SIP_UP,
    SIP_CLOSING,
    SIP_DONE,
} cw_sip_state;

typedef enum cw_sip_event {
    SIP_EV_DIAL,
    SIP_EV_PROVISIONAL,
    SIP_EV_ANSWERED,
    SIP_EV_REFUSED,
    SIP_EV_TIMER,
    SIP_EV_HANGUP,
    SIP_EV_INVITED,
    SIP_EV_RING,
    SIP_EV_ACCEPT,
    SIP_EV_ACCEPT_LATER,
    SIP_EV_NO_PRACK,
    SIP_EV_TOO_SHORT,
    SIP_EV_EXPIRED,
    SIP_EV_REDIRECTED,
    SIP_EV_RESTORED,
    SIP_EV_ABANDONED,
    SIP_EV_RANG_OUT,
    SIP_EV_CANCEL,
    SIP_EV_BYE,
    SIP_EV_ACK,
    SIP_EV_NO_ACK,
    SIP_EV_LOST,
    SIP_EV_CLOSED,
} cw_sip_event;

/* What an event carries; unused fields are zero. */
typedef struct cw_sip_note {
    int status;       /* of a response */
    const sip_t *sip; /* of a message; NULL: ours or none */
    cw_err err;       /* why */
    const char *sdp;
    size_t len;
} cw_sip_note;

/* One dialog of the call: its offers and answers (RFC 3264 4, RFC 3261 14, RFC 3311 5), and as
 * client its reliable responses (RFC 3262 4). */
typedef struct cw_sip_exchange {
    cw_sip_call *call;     /* borrowed */
    cw_sip_dialog *dialog; /* reference */
    bool agreed;           /* the first offer was answered, reliably */

    /* What holds now: our SDP; theirs as a digest; whose was the last offer. */
    char *ours; /* NULL: none */
    char *theirs;
    bool they_offered;

    /* Our offer. */
    cw_sip_send *send; /* re-INVITE or UPDATE */
    cw_timer *retry;   /* after a 491 or 500 (RFC 3261 14.1) */
    char *offer;       /* for the retry */
    size_t offer_len;
    bool by_update, refreshes; /* `offer` is what holds anyway (RFC 4028 7.4) */
    char *queued;              /* offered meanwhile; NULL: nothing */
    unsigned tries;
    uint32_t acked_cseq; /* our last re-INVITE that got a 2xx */

    /* Their offer. */
    nta_incoming_t
        *irq;          /* re-INVITE, UPDATE or PRACK; a re-INVITE with our 2xx waits for its ACK */
    bool irq_answered; /* 2xx sent */
    bool irq_offered;  /* it had an offer */
    char *irq_sdp;     /* digest of that */
    char *answer;      /* our 2xx to it, repeated until the ACK */
    cw_timer *repeat;
    uint64_t repeat_until, repeat_ms;

    /* Their offer in an answer to an INVITE of ours that had none. */
    char *rack;        /* PRACK owes the answer: its RAck; NULL: none */
    uint32_t ack_cseq; /* ACK owes it: its CSeq; 0: none */
    char *ack_answer;  /* what that ACK said, said again with it; NULL: nothing */

    uint32_t rseq, rseq_cseq; /* last reliable response taken, of which INVITE; 0: none */
} cw_sip_exchange;

typedef struct cw_sip_reliable cw_sip_reliable; /* reliable.c */

/* Which provisional responses of ours are reliable. */
typedef enum cw_sip_rel { CW_REL_NEVER, CW_REL_SDP, CW_REL_ALL } cw_sip_rel;

struct cw_sip_call {
    cw_sip *sip;
    const cw_sip_call_ops *ops; /* NULL: nobody is told any more */
    void *arg;
    cw_sip_state state;
    bool freed;     /* the owner has let go */
    bool listed;    /* in sip->calls, which then holds a reference */
    bool offerless; /* the INVITE had no offer: the ACK brings the answer */
    cw_err hangup;  /* why we end it */
    cw_sip_why why; /* and more of that, if has_why */
    bool has_why;
    bool preconditions;    /* RFC 3312 is known to us here */
    char *explanation;     /* SDP of a refusal; NULL: none */
    GStrv identity;        /* lines of our next re-INVITE; NULL: none */
    GStrv say;             /* see cw_sip_call_headers; NULL: nothing */
    cw_sip_dialog *dialog; /* as client: what the INVITE was built from, then the winner's */
    GPtrArray *forks;      /* cw_sip_dialog: early dialogs and 2xx of losers */
    unsigned forks_n;      /* numbers given out */
    cw_sip_account *account;
    cw_timer *timer, *deadline, *linger;
    cw_sip_session session;
    GPtrArray *exchanges; /* cw_sip_exchange, by dialog; made when first needed */

    /* client */
    cw_sip_send *invite;
    bool cancelled; /* CANCEL is out */
    uint32_t invite_cseq;
    unsigned redirects; /* followed */
    char *invite_auth[3];
    char *offer; /* until DIAL */
    size_t offer_len;
    GStrv headers;

    /* server */
    msg_t *invite_msg; /* the INVITE until somebody takes it: no transaction yet (RFC 3261 8.2.7) */
    nta_incoming_t *irq;
    cw_addr source;
    int said; /* last provisional status */
    char *said_sdp;
    char *answer;       /* our 2xx's body, repeated until the ACK */
    uint64_t repeat_ms; /* next interval */
    uint32_t remote_invite_cseq;
    cw_sip_rel rel;            /* by its INVITE and our policy */
    cw_sip_reliable *reliable; /* NULL: none was sent */
};

/* --- call.c --- */

cw_sip_call *cw_sip_call_make(cw_sip *sip) CW_ON_LOOP;
cw_sip_call *cw_sip_call_ref(cw_sip_call *call) CW_ON_LOOP;
void cw_sip_call_unref(cw_sip_call *call) CW_ON_LOOP;
cw_sip *cw_sip_call_stack(const cw_sip_call *call) CW_ON_LOOP;
cw_sip_account *cw_sip_call_account(const cw_sip_call *call) CW_ON_LOOP;
void cw_sip_call_list(cw_sip_call *call) CW_ON_LOOP;

void cw_sip_call_run(cw_sip_call *call, cw_sip_event event, const cw_sip_note *note) CW_ON_LOOP;
void cw_sip_call_tell_end(cw_sip_call *call, const cw_sip_end *end) CW_ON_LOOP;

/* The same for an end of our own making; status 0: none. */
void cw_sip_call_tell_local(cw_sip_call *call, cw_err err, int status) CW_ON_LOOP;
void cw_sip_call_arm(cw_sip_call *call, uint64_t in_ms) CW_ON_LOOP; /* then the event TIMER */
/* Then RANG_OUT or, once answered, NO_ACK. */
void cw_sip_call_arm_deadline(cw_sip_call *call, uint64_t in_ms) CW_ON_LOOP;

/* A line of the timeline. status 0: the request `name`; else the response to it. */
void cw_sip_call_trace(cw_sip_call *call, bool out, int status, const char *phrase,
                       const char *name) CW_ON_LOOP;

/* The Reason header fields (RFC 3326) of an end of ours by `err`; g_strfreev. */
GStrv cw_sip_call_reasons(const cw_sip_call *call, cw_err err) CW_ON_LOOP;

/* Its dialog with this remote tag, also an early or a lost one; NULL: none. */
cw_sip_dialog *cw_sip_call_dialog(const cw_sip_call *call, const char *remote_tag) CW_ON_LOOP;

/* A body of type application/sdp. False: no body. Pure. */
bool cw_sip_sdp_of(const sip_t *sip, const char **sdp, size_t *len);

/* --- actions of the table: invite_uac.c and invite_uas.c --- */

typedef void cw_sip_action(cw_sip_call *call, const cw_sip_note *note);
#define MOVE(from, event, to, action)                                                              \
    void cw_sip_do_##action(cw_sip_call *call, const cw_sip_note *note) CW_ON_LOOP;
#include "sip/dialog/invite.fsm"
#undef MOVE

/* A 2xx to our INVITE that no transaction waits for: again, or from another fork. */
void cw_sip_uac_stray_answer(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP;

/* An INVITE that passed the gate; takes the message over. A refusal at once keeps nothing of it. */
void cw_sip_uas_invite(cw_sip *sip, msg_t *msg, const sip_t *message,
                       const cw_sip_peer *peer) CW_ON_LOOP;
void cw_sip_uas_taken(cw_sip_call *call) CW_ON_LOOP; /* somebody did: 100, and a transaction */

/* 2xx, or a provisional with or without a body, to a request of this dialog. */
void cw_sip_uas_reply(cw_sip_call *call, nta_incoming_t *irq, int status,
                      const char *sdp) CW_ON_LOOP;
/* The same with header lines besides, joined by CRLF; NULL: none. */
void cw_sip_uas_reply_with(cw_sip_call *call, nta_incoming_t *irq, int status, const char *sdp,
                           const char *lines) CW_ON_LOOP;
/* The ACK of our INVITE, with our answer when that was owed. */
void cw_sip_uac_ack(cw_sip_exchange *x, uint32_t cseq, const char *sdp) CW_ON_LOOP;
void cw_sip_uac_ack_owed(cw_sip_call *call) CW_ON_LOOP; /* without an answer: it is over */
void cw_sip_uas_on_ack(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP;

/* --- exchange.c --- */

cw_sip_exchange *cw_sip_exchange_of(cw_sip_call *call, cw_sip_dialog *dialog) CW_ON_LOOP;
/* By the number the call layer knows it by, see cw_sip_call_reoffer; NULL: none. */
cw_sip_exchange *cw_sip_exchange_at(cw_sip_call *call, unsigned fork) CW_ON_LOOP;
void cw_sip_exchange_ours(cw_sip_exchange *x, const char *sdp) CW_ON_LOOP; /* is what holds now */
void cw_sip_exchange_theirs(cw_sip_exchange *x, const char *sdp, size_t len) CW_ON_LOOP;
char *cw_sip_exchange_digest(const char *sdp, size_t len) CW_ON_LOOP; /* NULL of NULL */
bool cw_sip_exchange_pending(const cw_sip_call *call) CW_ON_LOOP;     /* any, of any dialog */
/* What happened to one dialog, or to all, needs nothing more. */
void cw_sip_exchange_clear(cw_sip_exchange *x) CW_ON_LOOP;
void cw_sip_exchanges_clear(cw_sip_call *call) CW_ON_LOOP;
void cw_sip_exchange_free(void *exchange) CW_ON_LOOP;

/* --- modify.c: their offers --- */

/* Takes the transaction over and answers it, now or later. */
void cw_sip_modify_request(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                           const sip_t *sip) CW_ON_LOOP;
/* Their offer of whatever kind, known to be in order: up with it. */
void cw_sip_modify_offer(cw_sip_exchange *x, nta_incoming_t *irq, const sip_t *sip) CW_ON_LOOP;
void cw_sip_modify_refuse(cw_sip_call *call, nta_incoming_t *irq, int status) CW_ON_LOOP;
bool cw_sip_modify_ack(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP; /* it was a re-INVITE's */
void cw_sip_modify_forget(cw_sip_exchange *x) CW_ON_LOOP; /* their request; it ends by itself */

/* --- reoffer.c: ours --- */

void cw_sip_reoffer_stray_answer(cw_sip_call *call, cw_sip_dialog *dialog,
                                 const sip_t *sip) CW_ON_LOOP;
/* True when this answer says that the dialog is gone (RFC 3261 12.2.1.2); the call knows then. */
bool cw_sip_reoffer_is_lost(cw_sip_call *call, int status, cw_err err, const sip_t *sip) CW_ON_LOOP;

/* Offer what holds, as a session refresh; false: not now. */
CW_NODISCARD bool cw_sip_reoffer_same(cw_sip_exchange *x) CW_ON_LOOP;

/* --- prack.c: reliable responses to an INVITE of ours (RFC 3262 4) --- */

typedef enum cw_sip_prack {
    CW_PRACK_PLAIN,  /* not reliable */
    CW_PRACK_TAKEN,  /* reliable, PRACK is out, or waits for our answer */
    CW_PRACK_IGNORE, /* seen before, or one before it is missing */
} cw_sip_prack;
cw_sip_prack cw_sip_prack_take(cw_sip_exchange *x, const sip_t *sip, bool offerless) CW_ON_LOOP;
void cw_sip_prack_answer(cw_sip_exchange *x, const char *sdp, size_t len) CW_ON_LOOP;

/* --- redirect.c --- */

GStrv cw_sip_redirect_contacts(const sip_t *sip) CW_ON_LOOP; /* of a 3xx, best first */
/* True: the dialog's target is now a place that the 3xx names, sip.redirect_hosts allows and the
 * call's owner too; if that said no, call->hangup is why. */
bool cw_sip_redirect_take(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP;

/* --- reliable.c: reliable responses of ours (RFC 3262 3) --- */

/* 420 and 421 with what is missing, g_free *extra; 0: go on. */
int cw_sip_reliable_check(const cw_sip *sip, const sip_t *message, char **extra) CW_ON_LOOP;
void cw_sip_reliable_invited(cw_sip_call *call, const sip_t *message) CW_ON_LOOP;
/* A provisional response; false: it is not to be reliable, send it as always. */
bool cw_sip_reliable_say(cw_sip_call *call, int status, const char *sdp) CW_ON_LOOP;
bool cw_sip_reliable_holds(const cw_sip_call *call) CW_ON_LOOP; /* no 2xx before a PRACK */
bool cw_sip_reliable_owed(const cw_sip_call *call) CW_ON_LOOP;  /* a PRACK may still come */
bool cw_sip_reliable_said_sdp(const cw_sip_call *call) CW_ON_LOOP;
void cw_sip_reliable_final(cw_sip_call *call) CW_ON_LOOP;  /* a final response goes out */
void cw_sip_reliable_settle(cw_sip_call *call) CW_ON_LOOP; /* an offer in a PRACK was answered */
void cw_sip_reliable_prack(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                           const sip_t *sip) CW_ON_LOOP;
void cw_sip_reliable_free(cw_sip_reliable *reliable) CW_ON_LOOP;

#endif
