/* subscribe.h - a subscription inside sip/: state, dialog, transactions. Loop thread. */
#ifndef CW_SIP_SUBSCRIBE_H
#define CW_SIP_SUBSCRIBE_H

#include "sip/dialog/call.h"
#include "sip/event.h"

typedef enum cw_sub_state {
    SUB_NEW,
    SUB_ASKING,
    SUB_EARLY,
    SUB_WAITING,
    SUB_LIVE,
    SUB_REFRESHING,
    SUB_LEAVING,
    SUB_ENDING,
    SUB_OFFERED,
    SUB_SERVING,
    SUB_CLOSING,
    SUB_DONE,
} cw_sub_state;

typedef enum cw_sub_event {
    SUB_EV_ASK,
    SUB_EV_FORKED,
    SUB_EV_ACCEPTED,
    SUB_EV_NOTIFIED,
    SUB_EV_FINISHED,
    SUB_EV_REFUSED,
    SUB_EV_LOST,
    SUB_EV_TIMER,
    SUB_EV_EXPIRED,
    SUB_EV_STOP,
    SUB_EV_ASKED,
    SUB_EV_ACCEPT,
    SUB_EV_NOTIFY,
    SUB_EV_FINISH,
    SUB_EV_RENEWED,
    SUB_EV_LEFT,
    SUB_EV_SENT,
} cw_sub_event;

/* A NOTIFY that waits for the one before it. */
typedef struct cw_sub_notice {
    cw_sip_sub_state state;
    char *reason, *type, *body; /* g_free; NULL: none */
    size_t len;
} cw_sub_notice;

typedef struct cw_sub_note {
    int status;
    const sip_t *sip; /* NULL: ours or none */
    cw_err err;
    nta_incoming_t *irq;         /* RENEWED, LEFT: to be answered */
    const cw_sip_notice *notice; /* NOTIFIED, FINISHED */
    unsigned expires_s;          /* of a NOTIFY; UINT_MAX: not said */
    cw_sub_notice *out;          /* NOTIFY, FINISH: taken over */
} cw_sub_note;

struct cw_sip_sub {
    cw_sip *sip;
    const cw_sip_sub_ops *ops; /* NULL: nobody is told any more */
    void *arg;
    cw_sub_state state;
    bool freed;    /* the owner has let go */
    bool listed;   /* in sip->subs, which then holds a reference */
    bool notifier; /* the peer's */
    bool once;     /* by REFER: not refreshed */
    cw_sip_dialog *dialog;
    cw_sip_account *account; /* NULL: none */
    cw_sip_call *call;       /* by a REFER in its dialog: its timeline; NULL: none */
    char *event, *id;
    char *local_tag;      /* the key in sip->subs */
    unsigned expires_s;   /* asked for, or granted */
    uint64_t expires_ms;  /* monotonic; 0: never */
    GStrv headers;        /* of our request */
    cw_sip_send *request; /* SUBSCRIBE or REFER in flight */
    cw_sip_send *notice;  /* NOTIFY in flight */
    bool notice_last;     /* and it is the last */
    GQueue due;           /* of cw_sub_notice */
    nta_incoming_t *irq;  /* theirs, until answered */
    int accept_with;      /* 200, or 202 of a REFER */
    cw_timer *timer, *expiry;
};

typedef void cw_sub_action(cw_sip_sub *sub, const cw_sub_note *note);
#define MOVE(from, event, to, action)                                                              \
    void cw_sub_do_##action(cw_sip_sub *sub, const cw_sub_note *note) CW_ON_LOOP;
#include "sip/event/subscribe.fsm"
#undef MOVE

/* --- subscribe.c --- */

cw_sip_sub *cw_sub_make(cw_sip *sip, cw_sip_dialog *dialog, const char *event,
                        const char *id) CW_ON_LOOP; /* takes the dialog; its owner has one ref */
cw_sip_sub *cw_sub_ref(cw_sip_sub *sub) CW_ON_LOOP;
void cw_sub_unref(cw_sip_sub *sub) CW_ON_LOOP;
void cw_sub_list(cw_sip_sub *sub) CW_ON_LOOP;
void cw_sub_run(cw_sip_sub *sub, cw_sub_event event, const cw_sub_note *note) CW_ON_LOOP;
void cw_sub_tell_end(cw_sip_sub *sub, const cw_sip_end *end) CW_ON_LOOP; /* once */
void cw_sub_expire_in(cw_sip_sub *sub, unsigned s) CW_ON_LOOP;
void cw_sub_notice_free(cw_sub_notice *notice); /* any thread; NULL is fine */

/* --- subscriber.c, notifier.c: requests of the far side. They take `irq` over. --- */

void cw_sub_take_notify(cw_sip_sub *sub, nta_incoming_t *irq, const sip_t *sip) CW_ON_LOOP;
void cw_sub_take_subscribe(cw_sip_sub *sub, nta_incoming_t *irq, const sip_t *sip) CW_ON_LOOP;
void cw_sub_refuse(cw_sip_sub *sub, int status, const char *extra) CW_ON_LOOP;
/* The dialog of a NOTIFY, one more to the `n` there are of this request; NULL: not wanted. */
cw_sip_sub *cw_sub_fork(cw_sip_sub *first, unsigned n, const sip_t *sip) CW_ON_LOOP;

#endif
