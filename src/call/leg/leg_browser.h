/* leg_browser.h - what leg_browser.c and leg_browser_media.c share. Loop thread. */
#ifndef CW_CALL_LEG_BROWSER_H
#define CW_CALL_LEG_BROWSER_H

#include "call/priv.h"

typedef struct leg_browser {
    cw_leg leg;
    cw_webrtc *webrtc;
    cw_client *client; /* NULL: gone */
    char name[65];     /* the client's for the call */
    cw_id id;          /* the call's */
    cw_peer *peer;     /* NULL: not yet, or let go of */
    bool called;       /* it is the callee */
    bool given;        /* its offer was answered */
    bool answered;
    bool remote_held; /* the other side holds */

    /* Offers of ours in the call. */
    cw_timer *timer; /* until the browser answers it; NULL: none was ever made */
    bool offering;   /* one is out */
    bool due;        /* the other leg's streams may have changed meanwhile */
    struct {
        bool live;
        cw_dir dir;
    } told[CW_DESC_STREAMS_MAX]; /* by our last SDP */

    /* Its media is lost: looked at again and again until it is there, or that ends the call. */
    cw_timer *goodbye;    /* NULL: never was */
    cw_err lost;          /* why; CW_OK: it is not */
    uint64_t lost_ms;     /* when, or when its client came back */
    uint64_t patience_ms; /* how long its client has from then, if it is there */
    json_t *incoming;     /* what it was called with, until it answers; NULL: not so */
    json_t *muted;        /* what it said last; NULL: nothing */
    bool screen;          /* the video it sends, or is about to, is a screen's */
    json_t *report;       /* what it measured last, as in call.report; NULL: nothing */
    uint64_t report_ms;
} leg_browser;

/* Send a notification about this call; `what` says in the timeline what it brings, NULL: nothing.
 * params is handed over. */
void cw_leg_browser_tell(leg_browser *b, const char *method, json_t *params,
                         const char *what) CW_ON_LOOP;
json_t *cw_leg_browser_held(const leg_browser *b) CW_ON_LOOP; /* {"held": {"local", "remote"}} */
void cw_leg_browser_tell_held(leg_browser *b) CW_ON_LOOP;

/* ── Away (leg_browser_away.c) ── */

/* Its media is lost, for good as far as that goes. */
void cw_leg_browser_media_lost(leg_browser *b, cw_err err) CW_ON_LOOP;
void cw_leg_browser_media_back(leg_browser *b) CW_ON_LOOP;
bool cw_leg_browser_op_away(cw_leg *leg) CW_ON_LOOP;

/* ── Offers and answers (leg_browser_media.c) ── */

CW_NODISCARD cw_err cw_leg_browser_make_peer(leg_browser *b) CW_ON_LOOP;
void cw_leg_browser_note_told(leg_browser *b, const cw_media_desc *ours) CW_ON_LOOP;
/* Our answer to its offer, which is in leg.desc. */
CW_NODISCARD cw_err cw_leg_browser_answer_offer(leg_browser *b, const cw_media_desc *answer,
                                                char **sdp) CW_ON_LOOP;
cw_err cw_leg_browser_op_update(cw_leg *leg, const cw_media_desc *desc) CW_ON_LOOP;

#endif
