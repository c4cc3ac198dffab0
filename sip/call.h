/* call.h - one INVITE usage inside sip/: state, dialogs, transactions. Loop thread. */
#ifndef CW_SIP_CALL_H
#define CW_SIP_CALL_H

#include "sip/priv.h"

typedef enum cw_sip_state {
    SIP_NEW,
    SIP_CALLING,
    SIP_PROCEEDING,
    SIP_CANCELLING,
    SIP_OFFERED,
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

/* Who offers and who owes an answer after the call is up (RFC 3264 4, RFC 3261 14). */
typedef struct cw_sip_modify {
    cw_sip_send *send; /* our re-INVITE */
    cw_timer *retry;   /* after a 491 (RFC 3261 14.1) */
    char *offer;       /* of ours, for the retry */
    size_t offer_len;
    unsigned glares;
    uint32_t acked_cseq; /* our last re-INVITE that got a 2xx */
    nta_incoming_t *irq; /* the peer's re-INVITE or UPDATE; after our 2xx it waits for its ACK */
    bool irq_answered;   /* 2xx sent */
    bool irq_offered;    /* it had an offer */
    char *answer;        /* our 2xx to it, repeated until the ACK */
    cw_timer *repeat;
    uint64_t repeat_until, repeat_ms;
} cw_sip_modify;

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
    GStrv say;             /* see cw_sip_call_headers; NULL: nothing */
    cw_sip_dialog *dialog; /* as client: what the INVITE was built from, then the winner's */
    GPtrArray *forks;      /* cw_sip_dialog: early dialogs and 2xx of losers */
    unsigned forks_n;      /* numbers given out */
    cw_sip_account *account;
    cw_timer *timer, *deadline, *linger;
    cw_sip_modify modify;

    /* client */
    cw_sip_send *invite;
    bool cancelled; /* CANCEL is out */
    uint32_t invite_cseq;
    char *invite_auth[3];
    char *offer; /* until DIAL */
    size_t offer_len;
    GStrv headers;

    /* server */
    nta_incoming_t *irq;
    cw_addr source;
    int said; /* last provisional status */
    char *said_sdp;
    char *answer;       /* our 2xx's body, repeated until the ACK */
    uint64_t repeat_ms; /* next interval */
    uint32_t remote_invite_cseq;
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
#include "sip/invite.fsm"
#undef MOVE

/* A 2xx to our INVITE that no transaction waits for: again, or from another fork. */
void cw_sip_uac_stray_answer(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP;

/* An INVITE that passed the gate; takes the transaction over. */
void cw_sip_uas_invite(cw_sip *sip, nta_incoming_t *irq, const sip_t *message,
                       const cw_addr *source, cw_sip_transport transport) CW_ON_LOOP;

/* 2xx, or a provisional with or without a body, to an INVITE or UPDATE. */
void cw_sip_uas_reply(cw_sip_call *call, nta_incoming_t *irq, int status,
                      const char *sdp) CW_ON_LOOP;
void cw_sip_uas_on_ack(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP;

/* --- modify.c: requests inside an established dialog --- */

/* Takes the transaction over and answers it, now or later. */
void cw_sip_modify_request(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                           const sip_t *sip) CW_ON_LOOP;
bool cw_sip_modify_ack(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP; /* it was a re-INVITE's */
void cw_sip_modify_clear(cw_sip_call *call) CW_ON_LOOP;
void cw_sip_modify_stray_answer(cw_sip_call *call, const sip_t *sip) CW_ON_LOOP;

#endif
