/* timer.h - session timers (RFC 4028): who refreshes a call, when, and what ends it when nobody
 * does. Loop thread.
 */
#ifndef CW_SIP_TIMER_H
#define CW_SIP_TIMER_H

#include "sip/priv.h"

typedef enum cw_sip_timer_state {
    TIMER_OFF,
    TIMER_OURS,
    TIMER_THEIRS,
    TIMER_ASKING
} cw_sip_timer_state;

typedef struct cw_sip_session {
    cw_sip_timer_state state;
    int wish_s;         /* of the call's target: 0: sip.session_expires_s, less: none wanted */
    unsigned min_s;     /* what others refused less than (Min-SE); 0: nobody has */
    unsigned expires_s; /* agreed; 0: none */
    bool ours;          /* we refresh */
    unsigned tries;     /* 422s to one request */

    /* What their last request said. */
    bool asked, asked_required; /* they know of timers; and insist */
    unsigned asked_s, asked_min_s;
    enum { REFRESHER_ANY, REFRESHER_UAC, REFRESHER_UAS } asked_refresher;

    cw_timer *due, *expiry; /* NULL: never needed */
} cw_sip_session;

bool cw_sip_timer_wanted(const cw_sip_call *call) CW_ON_LOOP;

/* Session-Expires and Min-SE of a request of ours, joined by CRLF; NULL: none. g_free. */
char *cw_sip_timer_line(const cw_sip_call *call) CW_ON_LOOP;
/* The same of our 2xx to their request; from then on it holds. */
char *cw_sip_timer_agree(cw_sip_call *call) CW_ON_LOOP;
char *cw_sip_timer_agreed(const cw_sip_call *call) CW_ON_LOOP; /* again, nothing changes */

/* Their INVITE, re-INVITE or UPDATE. 422: what it wants is too short, "Min-SE: n" in *extra. */
int cw_sip_timer_check(const cw_sip *sip, const sip_t *message, char **extra) CW_ON_LOOP;
void cw_sip_timer_asked(cw_sip_call *call, const sip_t *message) CW_ON_LOOP;

/* A 2xx to a request of ours that was to agree on it. */
void cw_sip_timer_answered(cw_sip_call *call, const sip_t *message) CW_ON_LOOP;
/* 422 to one: true: ask again, with what it wants. */
bool cw_sip_timer_longer(cw_sip_call *call, const sip_t *message) CW_ON_LOOP;
/* What became of a refresh by re-INVITE. */
void cw_sip_timer_failed(cw_sip_call *call) CW_ON_LOOP;

/* As it was in another life: `expires_s` from now. */
void cw_sip_timer_restore(cw_sip_call *call, unsigned expires_s, bool ours) CW_ON_LOOP;
void cw_sip_timer_stop(cw_sip_call *call) CW_ON_LOOP;
void cw_sip_timer_clear(cw_sip_call *call) CW_ON_LOOP;

#endif
