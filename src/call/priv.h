/* priv.h - what the files of src/call share: the call, its container, clients, ways to reach a leg.
 * Loop thread. */
#ifndef CW_CALL_PRIV_H
#define CW_CALL_PRIV_H

#include "call/call.h"
#include "call/party/forward.h"
#include "call/leg/leg.h"
#include "call/route/route.h"

#include <glib.h>

typedef struct cw_call cw_call;

/* ── The call ── */

typedef enum cw_call_state {
    CW_CALL_NEW, /* the caller's leg is there, the callee's not */
    CW_CALL_DIALLING,
    CW_CALL_RINGING,
    CW_CALL_EARLY, /* the callee is heard before it answers */
    CW_CALL_UP,
    CW_CALL_MOVING, /* up, while somebody is called in the place of one side */
    CW_CALL_DONE,   /* everything was let go; freed on the next turn of the loop */
    CW_CALL_STATES,
} cw_call_state;

typedef enum cw_call_event {
    CW_CALL_DIALLED,   /* the callee's legs were offered the call */
    CW_CALL_RINGS,     /* one of them alerts */
    CW_CALL_HEARD,     /* early media */
    CW_CALL_ANSWERED,  /* one of them took it */
    CW_CALL_MEDIA,     /* a leg's endpoints or formats changed */
    CW_CALL_STREAMS,   /* a leg's set of streams changed */
    CW_CALL_HELD,      /* a leg's far side holds or resumes */
    CW_CALL_KEY,       /* DTMF from a leg */
    CW_CALL_MUTED,     /* mute information from a leg */
    CW_CALL_NAMED,     /* a leg's far side is somebody else now */
    CW_CALL_QUIET,     /* a leg's far side is not heard, or heard again */
    CW_CALL_LEFT,      /* one of several ringing legs ended */
    CW_CALL_A_ENDED,   /* the caller's leg ended */
    CW_CALL_B_ENDED,   /* the callee's last leg ended */
    CW_CALL_TIMED_OUT, /* it rang too long */
    CW_CALL_ENDED,     /* the gateway ends it */
    /* A transfer (transfer.h): T_ is of who is called in the place of who transfers. */
    CW_CALL_TRANSFER,
    CW_CALL_T_RINGS,
    CW_CALL_T_HEARD,
    CW_CALL_T_ANSWERED,
    CW_CALL_T_MOVED,  /* who stays called by itself, and was answered */
    CW_CALL_T_LEFT,   /* one of several */
    CW_CALL_T_ENDED,  /* the last */
    CW_CALL_BY_ENDED, /* who transfers left */
    CW_CALL_REPLACED, /* a leg came in another's place */
    CW_CALL_PULLED,   /* another device of the same user did */
    CW_CALL_JOINED,   /* another call's far side came over */
    CW_CALL_GIVEN,    /* to another call, the far side of who transfers */
    CW_CALL_GONE,     /* a leg that was transferred, or replaced, ended */
    CW_CALL_EVENTS,
} cw_call_event;

/* One leg a session of the user called, at most limits.sessions_per_user. */
typedef struct cw_transfer cw_transfer;

struct cw_call {
    cw_calls *calls;
    cw_id id;
    cw_call_state state;
    cw_leg *a;
    GPtrArray *b;    /* of cw_leg, owned; several while ringing */
    cw_leg *winner;  /* the one of b that gives media: early, then answered; NULL: none yet */
    unsigned worker; /* of the plane: everything of the call lives there */
    cw_party from;
    GPtrArray *forwards; /* of cw_forward, the last first; NULL: it was not forwarded */
    json_t *about;       /* what else the callee is told: members of call.incoming; NULL: nothing */
    struct cw_asking *asking; /* enum.c; NULL: DNS is not asked */
    char **identities;        /* Identity values it came with; NULL: none */
    char *line_user;          /* by whose registration it is; NULL: by none */
    char *source;           /* where it came from, when not from a user of ours: the trunk's name */
    struct cw_vouch *vouch; /* what its callee waits for (vouch.h); NULL: nothing */
    struct cw_wake *wake;   /* its callee is being woken (push.h); NULL: no */
    char *to;               /* canonical target, for people and scopes */
    char *asked;            /* whom the caller asked for, as the callee is told; NULL: `to` */
    unsigned hops_used;     /* before the callee's SIP leg, see cw_sip_target */
    cw_timeline *line;
    uint64_t created_ms, answered_ms; /* monotonic; 0: not yet */
    cw_timer *ring_timer;
    cw_ep *player;            /* of the tone of ringing; NULL: none (ringback.c) */
    cw_ep *music;             /* on hold; NULL: none (music.c) */
    cw_sound *music_of;       /* borrowed */
    cw_transfer *transfer;    /* under way (transfer.h); NULL: none */
    struct cw_bridge *bridge; /* between workers (bridge.h); NULL: not needed */
    cw_leg *replaced;         /* by the leg of CW_CALL_REPLACED or PULLED, until that has run */
    cw_cause cause;           /* why it ended */
    char *codecs;             /* as its timeline has them last; NULL: not yet */
    GPtrArray *tickets;       /* of cw_ticket, owned: of transfers; NULL: none */
    struct cw_ticket *ticket; /* permit.h; NULL: not yet, or returned */
    cw_timer *limit_timer;    /* NULL: nothing bounds its length */

    /* The runner: events wait while an action runs, and while the call is being built. */
    GQueue queue;
    bool running, held_back;
    bool waiting; /* for the caller's network: dialling only answers it, in an early dialog */
    bool to_promise, to_dial;
    cw_timer *later;
};

cw_call *cw_call_new(cw_calls *calls, const char *to) CW_ON_LOOP;
void cw_call_free(cw_call *call) CW_ON_LOOP; /* the container's, when it is done; NULL is fine */

/* Hand a leg over: the caller's, then each of the callee's. */
void cw_call_set_a(cw_call *call, cw_leg *leg) CW_ON_LOOP;
void cw_call_add_b(cw_call *call, cw_leg *leg) CW_ON_LOOP;

/* Of a call whose events are held back: this one, then those that wait, not before the next turn.
 */
void cw_call_post_first(cw_call *call, cw_call_event event) CW_ON_LOOP;
/* Whom `leg` is told that it was called for: canonical target. */
const char *cw_call_asked(const cw_call *call, const cw_leg *leg) CW_ON_LOOP;
/* Who is at the other end of a leg, for another; for cw_party_clear. */
void cw_party_of_leg(const cw_call *call, const cw_leg *leg, cw_party *ret) CW_ON_LOOP;
void cw_party_of_target(const char *target, cw_party *ret); /* pure; "tel:+331", "user:bob" */
void cw_party_free(cw_party *party);                        /* pure; NULL is fine */

/* Offer the call to the legs added. CW_OK when one took it on; then events follow, not before the
 * next turn of the loop. */
CW_NODISCARD cw_err cw_call_dial(cw_call *call) CW_ON_LOOP;

void cw_call_end(cw_call *call, const cw_cause *cause) CW_ON_LOOP; /* the gateway's decision */
/* Its callee could not be reached after all. */
void cw_call_refuse(cw_call *call, cw_err err) CW_ON_LOOP;
/* Undo one that was never dialled: nobody is told anything but the legs, by their `end`. */
void cw_call_abandon(cw_call *call, cw_err err) CW_ON_LOOP;

const char *cw_call_state_name(cw_call_state state);

/* What the table moves to, `from` itself when it has no such row; for tests and docs.
 * Pure. */
bool cw_call_knows(cw_call_state from, cw_call_event event, cw_call_state *to);

/* What the callee is offered: what the caller described, or all we can when it waits for our offer
 * (an INVITE without SDP). */
void cw_call_offer(const cw_call *call, cw_media_desc *ret) CW_ON_LOOP;

/* ringback.c: what `b` may answer with. False: there is too much to guess, or without `guess` any.
 */
bool cw_call_foretell(const cw_call *call, const cw_leg *b, bool guess,
                      cw_media_desc *ret) CW_ON_LOOP;
void cw_call_go_on(cw_call *call) CW_ON_LOOP; /* one that is `waiting` */

/* ringback.c: `b` alerts. Tells the caller so, lets it hear that; false: it was not told, as it
 * hears nothing of it. */
bool cw_ringback_begin(cw_call *call, cw_leg *b, int status) CW_ON_LOOP;
/* To whoever is in the call, while somebody is called in the other's place. */
void cw_ringback_play_to(cw_call *call, cw_leg *leg) CW_ON_LOOP;
void cw_ringback_play(cw_call *call) CW_ON_LOOP; /* only that; it was told */
void cw_ringback_end(cw_call *call) CW_ON_LOOP;
void cw_ringback_answered(cw_call *call) CW_ON_LOOP; /* by call->winner */
void cw_ringback_open(cw_calls *calls) CW_ON_LOOP;
void cw_ringback_close(cw_calls *calls) CW_ON_LOOP;

/* music.c: whose player is call->music then, the endpoint of who is held and hears it; NULL: none.
 */
cw_ep *cw_music_ear(cw_call *call) CW_ON_LOOP;
void cw_music_end(cw_call *call) CW_ON_LOOP;
void cw_music_open(cw_calls *calls) CW_ON_LOOP;
void cw_music_close(cw_calls *calls) CW_ON_LOOP;

/* Join what both sides describe, stream by stream; part everything while a browser holds. */
void cw_call_join(cw_call *call) CW_ON_LOOP;
/* monitor.c: tell when a far side that should be sending is not heard, as long as nobody holds. */
void cw_call_watch(cw_call *call) CW_ON_LOOP;
void cw_call_sample(cw_call *call) CW_ON_LOOP; /* and tell whose rating changed */
/* Tell both sides that `leg` fell silent, or is heard again. */
void cw_call_tell_quiet(cw_call *call, cw_leg *leg, unsigned stream, bool silent) CW_ON_LOOP;
bool cw_leg_is_alive(cw_leg *leg) CW_ON_LOOP; /* its far side is to send, and shows signs of life */
void cw_monitor_open(cw_calls *calls) CW_ON_LOOP;
void cw_monitor_wake(cw_calls *calls) CW_ON_LOOP; /* there is a call to sample */

/* record.c: the line about a call that ends, while its legs still have their media. */
void cw_record_open(cw_calls *calls) CW_ON_LOOP;
void cw_record_close(cw_calls *calls) CW_ON_LOOP;
void cw_record_write(cw_call *call, const cw_leg *by /* NULL: the gateway */) CW_ON_LOOP;

void cw_call_trace_media(cw_call *call) CW_ON_LOOP;                 /* last rows: what passed */
cw_leg *cw_call_other(cw_call *call, const cw_leg *leg) CW_ON_LOOP; /* NULL: none yet */

/* ── The container ── */

typedef struct cw_user {
    char *name;
    GPtrArray *clients; /* of cw_client, borrowed; empty: known but not logged in */
} cw_user;

struct cw_calls {
    cw_loop *loop;
    const cw_conf *conf;
    cw_sip *sip;
    cw_webrtc *webrtc;
    cw_plane *plane;
    struct cw_shaken *shaken; /* NULL: its files cannot be read */
    struct cw_trunks *trunks;
    struct cw_quotas *quotas;
    struct cw_lines *lines;
    struct cw_push *push;
    const cw_tokens *tokens; /* NULL: none is taken */
    cw_web_said_fn *web_said;
    GHashTable *music;      /* file to cw_sound, on hold */
    cw_sound *ringback;     /* NULL: off */
    GHashTable *last_codec; /* trunk's name to the cw_format it answered with last */
    GHashTable *by_id;      /* &call->id to cw_call, owned */
    GHashTable *users;      /* name to cw_user, owned */
    GQueue dead;            /* of cw_call, done */
    cw_timer *reaper;       /* armed while `dead` has any */
    GQueue ladders;         /* of ended calls, oldest first */
    cw_timer *monitor;      /* runs while there are calls */
    int record_fd;          /* -1: none is kept, or it cannot be opened */
    bool record_torn;       /* the last line is not whole */
    bool record_failed;
    bool closing;
};

void cw_calls_bury(cw_calls *calls, cw_call *call) CW_ON_LOOP; /* free it on the next turn */
bool cw_calls_full(const cw_calls *calls) CW_ON_LOOP;

cw_call *cw_calls_find(const cw_calls *calls, cw_id id) CW_ON_LOOP; /* NULL: none */

cw_user *cw_calls_user(const cw_calls *calls, const char *name) CW_ON_LOOP; /* NULL: never seen */
cw_user *cw_calls_user_add(cw_calls *calls, const char *name) CW_ON_LOOP;
void cw_calls_user_left(cw_calls *calls, cw_user *user) CW_ON_LOOP; /* forget it if we must */

/* Whom to call, and as whom. */
typedef struct cw_reach {
    const cw_route *route;
    const cw_party *from;
    const char *from_user;                  /* of a SIP INVITE, unless the trunk has one */
    char *const *headers;                   /* of it; NULL: none */
    const cw_client *except;                /* is not rung; NULL: nobody */
    cw_id only;                             /* of the user's sessions, this one; 0: any */
    const struct cw_sip_replaces *replaces; /* see cw_sip_target */
    const char *referred_by;
    const struct cw_asker *asker; /* by whose leave (permit.h) */
} cw_reach;

/* Find the target's legs and add them to `call`.
 *
 * CW_E_NOT_FOUND  a user never seen; CW_E_UNAVAILABLE one that is not logged in
 */
CW_NODISCARD cw_err cw_calls_reach(cw_calls *calls, cw_call *call,
                                   const cw_reach *reach) CW_ON_LOOP;

/* sip's callbacks (inbound.c) */
cw_err cw_calls_invite(void *arg, const cw_sip_invite *invite, cw_sip_call *call) CW_ON_LOOP;
bool cw_calls_trusted(void *arg, const cw_sip_peer *peer) CW_ON_LOOP;

/* ── Ladders of ended calls ── */

void cw_ladder_keep(cw_calls *calls, cw_call *call) CW_ON_LOOP; /* takes call->line */
void cw_ladder_clear(cw_calls *calls) CW_ON_LOOP;

/* ── Clients and their legs ── */

struct cw_client {
    cw_calls *calls;
    cw_id session;
    cw_identity identity; /* its scopes are copies */
    cw_client_ops ops;
    void *arg;
    GHashTable *legs; /* client's name of a call (the leg's) to cw_leg, borrowed */
    cw_err lost;      /* why its calls end with it */
    json_t *about;    /* client_info of proto.def; NULL: not told */
    cw_id web;        /* it came by SIP over WebSocket: its connection, cw_sip_web. 0: JSON */
};

/* Heard of since then, and reachable? */
bool cw_client_here(const cw_client *client, uint64_t since_ms) CW_ON_LOOP;

/* The same user with another token: what it may. `identity` is copied. */
void cw_client_identify(cw_client *client, const cw_identity *identity) CW_ON_LOOP;
/* The user part of From for one who has no number. A guest's name must not pass for one. */
const char *cw_client_from_user(const cw_client *client) CW_ON_LOOP;
/* Two calls of a session may become one: then it is better if one worker has both. */
void cw_client_stay_together(const cw_client *client, cw_call *call) CW_ON_LOOP;
void cw_client_notify(cw_client *client, const char *method, json_t *params) CW_ON_LOOP;
/* Where a target of a client leads, if it may call there; errors as cw_route_find and
 * CW_E_FORBIDDEN. To be cleared in any case. */
struct cw_asker;
CW_NODISCARD cw_err cw_client_route(const cw_client *client, const struct cw_asker *asker,
                                    const char *to, cw_route *ret, char why[static 128]) CW_ON_LOOP;
/* The leg of its call by that name, with a row in the timeline; NULL: none. */
cw_leg *cw_client_leg(const cw_client *client, const char *call, const char *method) CW_ON_LOOP;
bool cw_client_full(const cw_client *client) CW_ON_LOOP; /* limits.calls_per_session reached */

/* A browser's leg. `call` is the client's name for the call; CW_E_EXISTS when it has one by it. */
CW_NODISCARD cw_err cw_leg_browser_new(cw_client *client, const char *call, cw_id id,
                                       unsigned worker, cw_leg **ret) CW_ON_LOOP;
/* The caller's offer, the callee's answer, either's offer anew. */
CW_NODISCARD cw_err cw_leg_browser_offered(cw_leg *leg, const char *sdp, size_t len,
                                           char why[static 128]) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_browser_answered(cw_leg *leg, const char *sdp, size_t len,
                                            char why[static 128]) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_browser_update(cw_leg *leg, const cw_leg *other, const char *sdp,
                                          size_t len, char **answer,
                                          char why[static 128]) CW_ON_LOOP;
/* An offer of a new RTCPeerConnection, which takes the place of the one before; *answer NULL: it
 * comes by call.progress or call.answer, as nobody has answered. `other` NULL: the same. */
CW_NODISCARD cw_err cw_leg_browser_restart(cw_leg *leg, const cw_leg *other /* NULL: none */,
                                           const char *sdp, size_t len, char **answer,
                                           char why[static 128]) CW_ON_LOOP;
/* The same on another device of the user: `leg` is to be what `old` is. */
CW_NODISCARD cw_err cw_leg_browser_pull(cw_leg *leg, const cw_leg *old, const cw_leg *other,
                                        const char *sdp, size_t len, char **answer,
                                        char why[static 128]) CW_ON_LOOP;
cw_client *cw_leg_browser_client(const cw_leg *leg) CW_ON_LOOP; /* NULL: no browser, or gone */
CW_NODISCARD cw_err cw_leg_browser_candidate(cw_leg *leg, const char *candidate,
                                             char why[static 128]) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_browser_hold(cw_leg *leg, bool on) CW_ON_LOOP;
void cw_leg_browser_no_ringback(cw_leg *leg) CW_ON_LOOP; /* its page makes the tone itself */
void cw_leg_browser_muted(cw_leg *leg, json_t *muted) CW_ON_LOOP; /* as in call.info */
/* Its video is a screen's from now on. CW_E_FORBIDDEN: the other side is sent none. */
CW_NODISCARD cw_err cw_leg_browser_screen(cw_leg *leg, bool on) CW_ON_LOOP;
/* What its browser measured, as in call.report. CW_E_RATE */
CW_NODISCARD cw_err cw_leg_browser_report(cw_leg *leg, const json_t *report) CW_ON_LOOP;
/* Its client goes for good; the leg ends. */
void cw_leg_browser_orphan(cw_leg *leg, cw_err why) CW_ON_LOOP;
void cw_leg_browser_away(cw_leg *leg) CW_ON_LOOP; /* its client is, and may come back */
void cw_leg_browser_back(cw_leg *leg) CW_ON_LOOP;
json_t *cw_leg_browser_state(cw_leg *leg) CW_ON_LOOP;     /* call_state of proto.def */
void cw_leg_browser_tell_ringing(cw_leg *leg) CW_ON_LOOP; /* unless it was answered */
cw_call *cw_leg_browser_call(const cw_leg *leg) CW_ON_LOOP;

/* ── SIP and service legs ── */

/* Out. The strings of `target` are copied but the trunk's. */
cw_leg *cw_leg_sip_new(cw_calls *calls, unsigned worker, const cw_sip_target *target,
                       const struct cw_conf_trunk *trunk) CW_ON_LOOP;
/* Who calls: told to each trunk the leg is sent by, when it is, as that may know it. `user` is
 * From's for who has no number, `headers` are lines of the caller's program (NULL: none);
 * `account`: From is the target's, unless the caller withholds himself. */
void cw_leg_sip_introduce(cw_leg *leg, const cw_call *call, const cw_reach *reach) CW_ON_LOOP;
/* It goes by this trunk, and on to the next of the route's group if that fails. */
void cw_leg_sip_by(cw_leg *leg, const struct cw_conf_trunk *trunk,
                   const cw_route *route) CW_ON_LOOP;
/* In: `sip` is accepted by cw_leg_sip_accept, after everything else worked. */
CW_NODISCARD cw_err cw_leg_sip_incoming(cw_calls *calls, unsigned worker,
                                        const cw_sip_invite *invite, cw_leg **ret) CW_ON_LOOP;
/* To and from a client by WebSocket: a browser's media. */
cw_leg *cw_leg_sip_new_web(cw_client *client, cw_id call, unsigned worker,
                           const cw_sip_target *target) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_sip_incoming_web(cw_client *client, cw_id call, unsigned worker,
                                            const cw_sip_invite *invite, cw_leg **ret) CW_ON_LOOP;
/* Its connection is gone, for now; it came back by another. */
void cw_leg_sip_web_lost(cw_leg *leg) CW_ON_LOOP;
void cw_leg_sip_web_back(cw_leg *leg, cw_client *client) CW_ON_LOOP;
/* Its preconditions: `wait` until they are met? CW_E_PRECONDITION: they never will be;
 * CW_E_EXTENSION, CW_E_BAD_EXTENSION: it knows none, or wants us to. */
CW_NODISCARD cw_err cw_leg_sip_precond_judge(cw_leg *leg, const cw_sip_invite *invite,
                                             cw_sip_call *sip, bool *wait) CW_ON_LOOP;
bool cw_leg_sip_precond_must(cw_leg *leg) CW_ON_LOOP; /* no call before they are met */
/* Once accepted: an answer of what it may be, that it can go on negotiating. */
CW_NODISCARD cw_err cw_leg_sip_precond_wait(cw_leg *leg, const cw_media_desc *foretold) CW_ON_LOOP;
void cw_leg_sip_accept(cw_leg *leg, cw_sip_call *sip) CW_ON_LOOP;
/* An INVITE that is to take a leg's place; *taken: it is one, and what is returned its answer. */
CW_NODISCARD cw_err cw_leg_sip_replace(cw_calls *calls, const cw_sip_invite *invite,
                                       cw_sip_call *sip, bool *taken) CW_ON_LOOP;

/* CW_E_NOT_FOUND no service by this name */
CW_NODISCARD cw_err cw_leg_service_new(cw_plane *plane, unsigned worker, const char *name,
                                       cw_leg **ret) CW_ON_LOOP;

typedef struct cw_lines cw_lines; /* line.h */

/* ── Trunks ── */

typedef struct cw_trunks cw_trunks;

cw_trunks *cw_trunks_new(cw_loop *loop, const cw_conf *conf) CW_ON_LOOP;
void cw_trunks_use(cw_trunks *trunks, cw_sip *sip) CW_ON_LOOP; /* names can be looked up now */
void cw_trunks_free(cw_trunks *trunks) CW_ON_LOOP; /* NULL is fine; before the SIP stack */
/* The trunk that calls: by its certificate or its address; of several at one address by
 * trunk.domains. NULL: none. */
/* Whose options hold for a call that comes in: the trunk of the line it calls, or that it comes
 * from. NULL: none. */
const struct cw_conf_trunk *cw_calls_manner_of(const cw_calls *calls,
                                               const cw_sip_invite *invite) CW_ON_LOOP;
const struct cw_conf_trunk *cw_trunks_of(const cw_trunks *trunks,
                                         const cw_sip_invite *invite) CW_ON_LOOP;
bool cw_trunks_trusted(const cw_trunks *trunks, const cw_sip_peer *peer) CW_ON_LOOP;
#define CW_TRUNKS_MAX 64 /* that a group's members can be of */

/* What a trunk's configuration says of the way to it: transport, TLS, next hop, credentials. The
 * strings are the configuration's. */
void cw_trunk_target(const struct cw_conf_trunk *trunk, cw_sip_target *target) CW_ON_LOOP;

/* The trunk for a call: the best member of `group` that is not in `tried`, or `alone`. NULL: none;
 * *err says why. *more: another one could follow. */
const struct cw_conf_trunk *cw_trunks_pick(cw_trunks *trunks, const struct cw_conf_group *group,
                                           const struct cw_conf_trunk *alone, uint64_t tried,
                                           bool *more, cw_err *err) CW_ON_LOOP;
uint64_t cw_trunks_bit(const cw_conf *conf,
                       const struct cw_conf_trunk *trunk); /* pure; for `tried` */
/* No calls for it, by its Retry-After; 0 does nothing. */
void cw_trunks_hold(cw_trunks *trunks, const struct cw_conf_trunk *trunk,
                    unsigned for_s) CW_ON_LOOP;
/* Is this end of a call a reason to try the next member? Pure. */
bool cw_group_fails_over(const struct cw_conf_group *group, cw_err err, int status);

/* A call through it started; it was answered; it ended. `trunk` NULL does nothing. */
void cw_trunks_started(cw_trunks *trunks, const struct cw_conf_trunk *trunk) CW_ON_LOOP;
/* One that is not answered takes a new start: by its limits? CW_E_UNAVAILABLE, CW_E_OVERLOAD,
 * CW_E_RATE: no. `trunk` NULL: yes. */
CW_NODISCARD cw_err cw_trunks_again(cw_trunks *trunks,
                                    const struct cw_conf_trunk *trunk) CW_ON_LOOP;
void cw_trunks_answered(cw_trunks *trunks, const struct cw_conf_trunk *trunk) CW_ON_LOOP;
void cw_trunks_ended(cw_trunks *trunks, const struct cw_conf_trunk *trunk,
                     const cw_cause *cause) CW_ON_LOOP;
json_t *cw_trunks_list(const cw_trunks *trunks) CW_ON_LOOP;

#endif
