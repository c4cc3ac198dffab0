/* leg.h - one side of a call: a browser, a SIP dialog, a service. Loop thread.
 *
 * The call tells a leg what to do through cw_leg_ops; a leg tells the call what happened with
 * cw_leg_emit(). Between them travel media descriptions, never SDP. Home of src/call only.
 */
#ifndef CW_CALL_LEG_H
#define CW_CALL_LEG_H

#include "base/json.h"
#include "base/timeline.h"
#include "call/party/party.h"
#include "call/route/policy.h"
#include "media/sdp/desc.h"
#include "media/plane.h"

typedef struct cw_leg cw_leg;

/* Why something ended. */
typedef struct cw_cause {
    cw_err err;      /* CW_OK: an ordinary hang-up */
    bool gateway;    /* our decision, nobody's wish */
    int status;      /* SIP final status, 0: none */
    char phrase[96]; /* that goes with it */
    int q850;        /* 0: none */
} cw_cause;

/* Who a leg learns that it came from. */
typedef enum cw_by { CW_BY_YOU, CW_BY_PEER, CW_BY_GATEWAY } cw_by;

typedef enum cw_leg_what {
    CW_LEG_RINGING,   /* the far side alerts or is being tried; `status` is 101-199 */
    CW_LEG_EARLY,     /* leg->desc is what it answers with before the answer */
    CW_LEG_ANSWERED,  /* leg->desc is its answer */
    CW_LEG_DESCRIBED, /* leg->desc or the endpoints changed: join again */
    CW_LEG_CHANGED,   /* a stream came or went, or video flows otherwise: the other leg must know */
    CW_LEG_HELD,      /* `on`: the far side holds, or no longer */
    CW_LEG_DTMF,      /* `digit`, `duration_ms`, `passed` */
    CW_LEG_INFO,      /* `info`: {"audio": bool, "video": bool}, borrowed */
    CW_LEG_QUIET,     /* `stream` fell silent, is heard again, or is dead; see `quiet` */
    CW_LEG_NAMED,     /* leg->party is another now */
    CW_LEG_REPORTED, /* what it was asked by `refer`: `status` 100-199, then a final one; `cause` */
    CW_LEG_RELEASED, /* it knows that it was transferred, and may be ended; `cause` */
    CW_LEG_REDIRECTED, /* `redirect`: may it be called elsewhere? Answered there, at once */
    CW_LEG_ENDED,      /* `cause`; the last */
} cw_leg_what;

typedef struct cw_leg_event {
    cw_leg_what what;
    int status;
    bool on;
    bool passed; /* the other side's endpoint has sent it on already */
    bool all;    /* CW_LEG_ENDED: a person's no, for every leg that rings with this one */
    char digit;
    unsigned duration_ms;
    unsigned stream;
    cw_ep_event quiet; /* CW_EP_SILENT, CW_EP_HEARD, CW_EP_DEAD */
    json_t *info;
    struct cw_redirect *redirect; /* permit.h */
    cw_cause cause;
} cw_leg_event;

/* How it goes with who is called in a leg's place. */
typedef enum cw_moving {
    CW_MOVING_TRYING,
    CW_MOVING_RINGING,
    CW_MOVING_DONE,
    CW_MOVING_FAILED
} cw_moving;

struct cw_sip_refer_to;

typedef struct cw_leg_ops {
    const char *kind;     /* "browser", "sip", "service" */
    bool holds_both_ways; /* while its far side holds, it neither hears nor is heard */
    /* Call the far side. Whatever comes of it is told by events. */
    cw_err (*offer)(cw_leg *leg, const cw_media_desc *desc, const cw_party *from);
    /* To the caller's leg: the callee alerts. `foretold`: its far side is to hear us, which needs
     * an answer, by what the callee may say; NULL: it need not. */
    void (*ring)(cw_leg *leg, int status, const cw_media_desc *foretold);
    /* To the caller's leg: what the callee answered. `early` is the SIP status that brought it
     * before the call is answered, 0: it is the answer. One that follows an early one changes
     * nothing of what the far side was told about media. */
    cw_err (*answer)(cw_leg *leg, const cw_media_desc *answer, int early);
    /* The other side's streams are now this: tell the far side, if it makes a difference to it. */
    cw_err (*update)(cw_leg *leg, const cw_media_desc *desc);
    /* The other side holds, or no longer. */
    void (*hold)(cw_leg *leg, bool on);
    cw_err (*dtmf)(cw_leg *leg, char digit, unsigned duration_ms, bool passed);
    void (*info)(cw_leg *leg, const json_t *muted);
    /* Tell the far side's program something about the call's media: a notification of proto.def
     * without `call`. NULL: the far side has no program. */
    void (*tell)(cw_leg *leg, const char *method, const json_t *params);
    /* The other side is somebody else now, and its far side may be told so. NULL: it is not. */
    void (*named)(cw_leg *leg, const cw_party *party);
    /* To who transfers: how it goes. `status` of SIP, 0: none; `cause` of a failure. True, when
     * done: CW_LEG_RELEASED follows. NULL: nobody there asks for it. */
    bool (*moved)(cw_leg *leg, cw_moving state, int status, const cw_cause *cause);
    /* Ask the far side to call somebody else by itself; CW_LEG_REPORTED follows. NULL: it cannot.
     * CW_E_UNSUPPORTED: by its configuration it may not. */
    cw_err (*refer)(cw_leg *leg, const struct cw_sip_refer_to *to);
    /* End it towards the far side and let go of media and sockets. No event follows. */
    void (*end)(cw_leg *leg, const cw_cause *cause, cw_by by);
    /* Its far side has lost its connection, and may come back. NULL: no such thing. */
    bool (*away)(cw_leg *leg);
    cw_ep *(*endpoint)(cw_leg *leg, unsigned stream); /* NULL: none */
    void (*describe)(cw_leg *leg, json_t *into);
    void (*free)(cw_leg *leg);
} cw_leg_ops;

typedef void cw_leg_fn(void *arg, cw_leg *leg, const cw_leg_event *event);

/* What every leg begins with. */
struct cw_leg {
    const cw_leg_ops *ops;
    cw_leg_fn *fn;
    void *arg;
    cw_timeline *line; /* borrowed from the call, which outlives its legs */
    cw_lane lane;
    unsigned worker;
    char name[128];         /* for people: "alice", "sip:bob@example.com", "echo" */
    cw_leg_policy policy;   /* set before anything is described */
    const char *via;        /* SIP: the trunk's name; lives as long as the configuration */
    const char *hold_music; /* SIP: its trunk's file; NULL: the gateway's */
    bool wants_ringback;    /* the tone of ringing, from us */
    bool screen_told;       /* the other side knows that this one's video is a screen's */

    /* What the far side described last; once answered, what of it was agreed. Directions of sound
     * are CW_SENDRECV: holding is told by events, so that one side's hold never shows in the
     * other's SDP; those of video are the far side's. No stream: nothing described yet. */
    cw_media_desc *desc;         /* cw_desc_dup */
    cw_media_desc *const *local; /* what we told it; NULL: with the same payload types as `desc` */
    bool held;                   /* by its far side */
    bool holds_silently;         /* which sends nothing meanwhile */
    bool over;                   /* CW_LEG_ENDED was told: the far side needs no word */
    bool ended;                  /* `end` was called */
    unsigned digits;             /* keys that came from it */

    cw_party party; /* its far side; uri NULL: as it was called */
    /* What else its far side said last: "peer", "headers" of proto.def; NULL: nothing. */
    json_t *about;
    char **say;          /* header lines its program wants the other far side told; NULL: none */
    char *const *takes;  /* patterns of those its own far side may be told; NULL: none */
    const cw_leg *other; /* whose news it is given: what that said goes with them; NULL: nobody's */
    struct cw_leg_quality *quality; /* quality.h; NULL: not sampled yet */
};

void cw_leg_init(cw_leg *leg, const cw_leg_ops *ops, const char *name) CW_ON_LOOP;
void cw_leg_free(cw_leg *leg) CW_ON_LOOP; /* NULL is fine */

void cw_leg_emit(cw_leg *leg, const cw_leg_event *event) CW_ON_LOOP;
void cw_leg_tell(cw_leg *leg, cw_leg_what what) CW_ON_LOOP; /* one without parameters */
void cw_leg_fail(cw_leg *leg, cw_err err) CW_ON_LOOP;       /* CW_LEG_ENDED, the gateway's doing */
void cw_leg_end(cw_leg *leg, const cw_cause *cause, cw_by by) CW_ON_LOOP; /* once; later: nothing */

/* A row in the call's timeline at this leg's side. `out`: from the gateway to the far side. */
void cw_leg_trace(cw_leg *leg, bool out, const char *proto, const char *text) CW_ON_LOOP;
void cw_leg_note(cw_leg *leg, const char *proto, const char *text) CW_ON_LOOP; /* an event */

/* Take over what a far side described, sound's directions taken out, under the leg's policy. */
void cw_leg_set_desc(cw_leg *leg, const cw_media_desc *desc) CW_ON_LOOP;
/* What came of what it described: the formats of `agreed`. */
void cw_leg_agree(cw_leg *leg, const cw_media_desc *said, const cw_media_desc *agreed) CW_ON_LOOP;

/* The first stream of `kind` that is not refused, -1: none. */
int cw_leg_stream(const cw_leg *leg, cw_media_kind kind) CW_ON_LOOP;

/* {"kind", "name", "held", "streams": [{"kind", "codecs", "transcoded", endpoint's numbers}], …}.
 * `other` is the leg it is joined with, NULL: none. */
json_t *cw_leg_json(cw_leg *leg, const cw_leg *other) CW_ON_LOOP;

/* Is stream `i` of these two decoded and encoded again? */
bool cw_legs_transcode(const cw_leg *a, const cw_leg *b, unsigned i) CW_ON_LOOP;

/* What the gateway can carry between any two legs: what a caller is taken to describe who makes no
 * offer. Pure. */
void cw_leg_default_desc(const cw_leg_policy *policy, cw_media_desc *ret);

#endif
