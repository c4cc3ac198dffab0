/* leg_sip.h - what leg_sip.c and leg_sip_media.c share. Loop thread. */
#ifndef CW_CALL_LEG_SIP_H
#define CW_CALL_LEG_SIP_H

#include "call/priv.h"
#include "media/sdp/sdp.h"
#include "sip/digest.h"
#include "sip/refer.h"
#include "webrtc/dtls.h"
#include "webrtc/peer.h"

typedef enum cw_keying { LOCK_NONE, LOCK_SDES, LOCK_DTLS } cw_keying;

/* How one stream is protected. */
typedef struct cw_lock {
    bool agreed; /* offer and answer were exchanged */
    cw_keying keying, noted;
    cw_secure *ours; /* what our SDP says, without room for lines it has not; NULL: nothing */
    cw_crypto mine, theirs; /* LOCK_SDES: the lines agreed on */
    cw_fingerprint print;   /* LOCK_DTLS: theirs */
    bool client;            /* we say hello */
    bool renew;             /* an association is to be made */
    bool secured;           /* and is there */
    unsigned handshake_ms;
    const char *cipher; /* static; NULL: none */
    cw_dtls *dtls;      /* NULL: none yet */
    struct leg_sip *leg;
    unsigned stream;
    bool on_port;       /* it has `dtls` */
    cw_srtp_keys *keys; /* LOCK_DTLS, secured: what came of it; owned */
} cw_lock;

/* An early dialog of our INVITE (RFC 3261 12): what it said of its media. */
typedef struct cw_fork {
    unsigned id;                      /* as in cw_sip_response */
    char *sdp;                        /* the last; NULL: none yet */
    cw_addr rtp[CW_DESC_STREAMS_MAX]; /* in it */
    cw_dir may[CW_DESC_STREAMS_MAX];  /* of its early media, seen from us */
    bool was_heard;
    cw_lock *lock[CW_DESC_STREAMS_MAX]; /* owned, while it is not heard */
} cw_fork;

typedef struct leg_sip {
    cw_leg leg;
    cw_calls *calls;
    const struct cw_conf_trunk *trunk;      /* called through; NULL: none */
    const struct cw_conf_trunk *from_trunk; /* that called; NULL: none */
    cw_sip_target target;                   /* its texts are copies */
    struct {
        bool told, account;
        cw_party from;
        char *user;
        char **headers;         /* of the caller's program; NULL: none */
        GPtrArray *forwards;    /* of cw_forward; NULL: none */
        char **identities;      /* as in cw_call */
        char *source;           /* as in cw_call */
        struct cw_asker *asker; /* see cw_asker_keep */
    } caller;                   /* cw_leg_sip_introduce */
    struct {
        const struct cw_conf_group *group; /* NULL: one trunk, or none */
        uint64_t tried;                    /* cw_trunks_bit */
        char *number, *params;             /* as the route says */
        cw_media_desc *asked;              /* what the other leg described */
    } members;
    cw_sip_lookup *lookup; /* of the next hop's family; NULL: not asked */
    cw_sip_call *sip;      /* NULL: not yet */
    int family;

    /* Offer and answer. */
    cw_media_desc *own;    /* what we said last, payload types of ours; cw_desc_dup */
    cw_media_desc *remote; /* what the far side said last, with its directions; cw_desc_dup */
    unsigned place_n;
    cw_rtp_place *place;                      /* see cw_leg_sip_place */
    cw_ep *ep[CW_DESC_STREAMS_MAX];           /* by stream; NULL: refused */
    cw_lock *lock[CW_DESC_STREAMS_MAX];       /* NULL: nothing said yet */
    cw_lock *first_lock[CW_DESC_STREAMS_MAX]; /* as offered, once `lock` is that of a fork */
    cw_dir gate[CW_DESC_STREAMS_MAX]; /* what may pass, seen from us; all of it once answered */
    cw_precond precond[CW_DESC_STREAMS_MAX]; /* ours */
    cw_timer *lock_timer;                    /* until DTLS is done; NULL: never needed */
    bool mux[CW_DESC_STREAMS_MAX];           /* we said that RTCP shares the port */
    uint64_t session_id;
    unsigned version;
    bool written; /* our SDP was, and this is its SHA-256, to know when it changes */
    uint8_t sent[CW_DIGEST];
    unsigned fork;          /* that `remote` is of */
    GPtrArray *forks;       /* of cw_fork, newest last; NULL: none had SDP or permissions */
    cw_fork *heard;         /* in `forks`; NULL: none yet */
    uint64_t heard_packets; /* received before it was */
    bool late;              /* our INVITE has no offer */
    bool described;         /* `remote` is there */
    bool awaits_ack;        /* our offer is in a 200, the answer comes with the ACK */
    bool reoffering;        /* our re-INVITE is on its way */
    bool streams_due;       /* the other leg's streams may have changed: `own` is to follow */
    bool streams_new;       /* `own` changed: the far side must be told */
    bool streams_asked;     /* our re-INVITE does that */
    bool hold_told;         /* as the far side knows it; compare other_holds */

    bool reliable;        /* being called: 18x with SDP are (RFC 3262) */
    bool permits;         /* being called: it knows P-Early-Media */
    bool given, answered; /* being called: SDP sent, 200 sent */
    int said;             /* being called: the last provisional status sent without SDP; 0: none */
    bool up;              /* answered and confirmed either way */
    bool other_holds;     /* the other leg's far side holds */
    cw_sip_referral *referral; /* the far side transfers; NULL: never did */
    cw_sip_refer *refer;       /* it was asked to; NULL: not now */
    bool releasing;            /* ended when it knows that it did */
    bool counted;              /* in the trunk's numbers */
    struct {
        bool on;           /* the far side came by WebSocket (leg_sip_web.c) */
        cw_client *client; /* NULL: its connection is gone */
        char name[CW_ID_STR];
        cw_peer *peer;      /* in place of ports; NULL: not yet, or let go of */
        bool answers;       /* `own` is to answer their offer */
        char *sdp;          /* ours, as said last */
        cw_timer *patience; /* until it is back, or says good-bye */
    } web;
    char *from_uri; /* of their first request in the call, NULL: none yet */
    enum {
        KEYS_NONE,
        KEYS_BY_INFO,
        KEYS_BY_SOUND
    } keys; /* how the first came: the only way then */
} leg_sip;

extern const cw_sip_call_ops cw_leg_sip_events;

/* ── Calling out (leg_sip_out.c) ── */
void cw_leg_sip_set_target(leg_sip *s, const cw_sip_target *target,
                           const struct cw_conf_trunk *trunk) CW_ON_LOOP;
void cw_leg_sip_clear_target(leg_sip *s) CW_ON_LOOP;
/* The INVITE failed: another member of the group takes it. False: none, or too late for that. */
bool cw_leg_sip_next_trunk(leg_sip *s, const cw_sip_end *end) CW_ON_LOOP;
void cw_leg_sip_stop_looking(leg_sip *s) CW_ON_LOOP;
/* `own` from what the other leg described. CW_E_NO_CODEC: no sound is left */
CW_NODISCARD cw_err cw_leg_sip_make_offer(leg_sip *s, const cw_media_desc *desc) CW_ON_LOOP;
void cw_leg_sip_offer_feedback(leg_sip *s) CW_ON_LOOP; /* what RTCP of `own` we offer */
CW_NODISCARD cw_err cw_leg_sip_call_out(cw_leg *leg, const cw_media_desc *desc,
                                        const cw_party *from) CW_ON_LOOP;

/* A 3xx: may the call go there? (leg_sip_redirect.c) What cw_permit_redirect says, CW_E_NO_ROUTE:
 * not by this trunk, and what its limits say. */
CW_NODISCARD cw_err cw_leg_sip_redirected(leg_sip *s, const char *uri) CW_ON_LOOP;

/* ── What messages say besides (leg_sip_said.c) ── */
/* Before the INVITE: From and header fields of `target` for `trunk`, whichever it is by now. */
void cw_leg_sip_tell_caller(leg_sip *s) CW_ON_LOOP;
void cw_leg_sip_forget_caller(leg_sip *s) CW_ON_LOOP;
/* A response to our INVITE, or what ended the call: leg.party and leg.about. */
void cw_leg_sip_heard(leg_sip *s, const cw_sip_message *message) CW_ON_LOOP;
/* The INVITE of a caller: whom later requests are compared with. */
void cw_leg_sip_calls(leg_sip *s, const cw_sip_message *message) CW_ON_LOOP;
void cw_leg_sip_identified(leg_sip *s, const cw_sip_message *message) CW_ON_LOOP;
/* Before a message of ours to a caller, or before the end: who answers, header fields of browsers.
 */
void cw_leg_sip_say(leg_sip *s) CW_ON_LOOP;
/* The other side is somebody else now: as its trunk's `connected` says. */
void cw_leg_sip_named(cw_leg *leg, const cw_party *party) CW_ON_LOOP;
void cw_leg_sip_hang_up(leg_sip *s, const cw_cause *cause) CW_ON_LOOP;

/* ── Transfer (leg_sip_refer.c) ── */

CW_NODISCARD cw_err cw_leg_sip_referred(leg_sip *s, const cw_sip_referred *referred,
                                        cw_sip_referral *referral) CW_ON_LOOP;
bool cw_leg_sip_moved(cw_leg *leg, cw_moving state, int status, const cw_cause *cause) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_sip_refer(cw_leg *leg, const cw_sip_refer_to *to) CW_ON_LOOP;
/* How somebody else takes our place with its far side; clear *ret in any case. CW_E_UNSUPPORTED: no
 * SIP leg; CW_E_STATE */
CW_NODISCARD cw_err cw_leg_sip_refer_to(const cw_leg *leg, cw_sip_refer_to *ret) CW_ON_LOOP;
void cw_leg_sip_end_refer(leg_sip *s) CW_ON_LOOP;

/* ── By WebSocket (leg_sip_web.c) ── */

void cw_leg_sip_use_web(leg_sip *s, cw_client *client, cw_id call) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_sip_web_open(leg_sip *s) CW_ON_LOOP;
void cw_leg_sip_web_close(leg_sip *s) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_sip_web_read(leg_sip *s, bool offer, const char *sdp, size_t len,
                                        cw_media_desc *ret) CW_ON_LOOP;
char *cw_leg_sip_web_write(leg_sip *s) CW_ON_LOOP;                  /* `own` as SDP; g_free it */
void cw_leg_sip_web_undo(leg_sip *s) CW_ON_LOOP;                    /* our offer was not answered */
cw_ep *cw_leg_sip_ep(const leg_sip *s, unsigned stream) CW_ON_LOOP; /* of whichever leg */

/* ── Keys (leg_sip_keys.c) ── */
bool cw_stream_takes_events(const cw_stream *stream); /* pure */
/* From the sound or as events; from INFO. */
void cw_leg_sip_key_heard(leg_sip *s, char digit, unsigned duration_ms, bool passed) CW_ON_LOOP;
void cw_leg_sip_info(leg_sip *s, const char *type, const char *body, size_t len) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_sip_dtmf(cw_leg *leg, char digit, unsigned duration_ms,
                                    bool passed) CW_ON_LOOP;

/* ── Before the answer (leg_sip_early.c) ── */

void cw_leg_sip_progress(leg_sip *s, const cw_sip_response *response) CW_ON_LOOP;
/* Being called: an answer in 183. False: one was given, or it is not possible. */
bool cw_leg_sip_answer_early(leg_sip *s, const cw_media_desc *foretold) CW_ON_LOOP;
/* The same, so that our ringing is heard. False: not possible. */
bool cw_leg_sip_ring_aloud(leg_sip *s, const cw_media_desc *foretold) CW_ON_LOOP;
/* Both, of one whose INVITE had no offer (leg_sip_late.c). */
void cw_leg_sip_late_progress(leg_sip *s, const cw_sip_response *response) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_sip_late_choose(leg_sip *s, const cw_sip_response *response) CW_ON_LOOP;
/* The 2xx: its fork is the far side. CW_E_BAD_SDP, CW_E_NO_CODEC */
CW_NODISCARD cw_err cw_leg_sip_choose(leg_sip *s, const cw_sip_response *response) CW_ON_LOOP;
/* An offer came in this early dialog: it is what the leg is about. */
void cw_leg_sip_turn_to(leg_sip *s, unsigned fork) CW_ON_LOOP;

/* An early dialog has offered this, and been answered: its answer to the INVITE may come without.
 */
void cw_leg_sip_fork_says(leg_sip *s, unsigned fork, const char *sdp, size_t len) CW_ON_LOOP;
void cw_leg_sip_other_heard(leg_sip *s, unsigned fork) CW_ON_LOOP; /* CW_EP_OTHER */
void cw_leg_sip_forget_forks(leg_sip *s) CW_ON_LOOP;
json_t *cw_leg_sip_forks_json(const leg_sip *s) CW_ON_LOOP; /* NULL: none */

/* ── Preconditions (leg_sip_precond.c) ── */

void cw_leg_sip_precond_offer(leg_sip *s) CW_ON_LOOP;    /* of `own` */
void cw_leg_sip_precond_answer(leg_sip *s) CW_ON_LOOP;   /* to what the places say */
void cw_leg_sip_precond_answered(leg_sip *s) CW_ON_LOOP; /* by what the places say */
void cw_leg_sip_precond_look(leg_sip *s) CW_ON_LOOP;     /* after an offer: may it go on? */
/* A callee answered: CW_E_PRECONDITION: not what was required of it. */
CW_NODISCARD cw_err cw_leg_sip_precond_kept(const leg_sip *s) CW_ON_LOOP;

/* ── Ports (leg_sip_ports.c) ── */

/* Where a stream's packets are wanted, and what the far side said of protection; all zero when it
 * said nothing. Of its lines, no more than there are may be read or copied. */
const cw_rtp_place *cw_leg_sip_place(const leg_sip *s, unsigned stream); /* pure */

/* RTP ports for the streams of `own` that have none. CW_E_NO_PORT */
CW_NODISCARD cw_err cw_leg_sip_open(leg_sip *s) CW_ON_LOOP;
void cw_leg_sip_close(leg_sip *s) CW_ON_LOOP;
void cw_leg_sip_picture_asked(leg_sip *s) CW_ON_LOOP; /* the far side asks for a keyframe by INFO */
void cw_leg_sip_drop_refused(leg_sip *s) CW_ON_LOOP;  /* ports of streams the far side refused */
void cw_leg_sip_close_stream(leg_sip *s, unsigned i) CW_ON_LOOP;
/* What the endpoints of all streams shall do, by `own`, `remote` and `place`. */
void cw_leg_sip_set_endpoints(leg_sip *s) CW_ON_LOOP;

/* ── Offers and answers (leg_sip_media.c) ── */

void cw_leg_sip_drop_places(leg_sip *s) CW_ON_LOOP;
/* `own` as SDP, directions by who holds; a new version when it differs from the last. g_free it. */
char *cw_leg_sip_write(leg_sip *s) CW_ON_LOOP;

/* The first offer of a caller; leg.desc is what of it we can carry. CW_E_NO_CODEC, CW_E_BAD_SDP */
CW_NODISCARD cw_err cw_leg_sip_take_offer(leg_sip *s, const char *sdp, size_t len) CW_ON_LOOP;
/* Our answer to it, by what the other leg's far side answered; leg.desc is what was agreed then. */
CW_NODISCARD cw_err cw_leg_sip_give_answer(leg_sip *s, const cw_media_desc *answer) CW_ON_LOOP;
/* An answer to our offer `own`. CW_E_NO_CODEC, CW_E_BAD_SDP: nothing changed */
CW_NODISCARD cw_err cw_leg_sip_take_answer(leg_sip *s, const char *sdp, size_t len) CW_ON_LOOP;

/* ── Protection (leg_sip_secure.c) ── */

const cw_lock *cw_leg_sip_lock_of(const leg_sip *s, unsigned stream);   /* pure; never NULL */
void cw_lock_set_ours(cw_lock *lock, const cw_secure *ours) CW_ON_LOOP; /* a copy */
void cw_lock_drop_ours(cw_lock *lock) CW_ON_LOOP;
/* Before an offer of ours is written: what its streams say. */
void cw_leg_sip_lock_offer(leg_sip *s) CW_ON_LOOP;
/* Their offer: refuse the streams that are not protected as they must. CW_E_NOT_SECURE: so no sound
 * is left */
CW_NODISCARD cw_err cw_leg_sip_lock_check(const leg_sip *s, cw_media_desc *desc,
                                          const cw_rtp_place *place) CW_ON_LOOP;
void cw_leg_sip_lock_answer(leg_sip *s) CW_ON_LOOP; /* our answer to what `place` says */
/* Their answer. CW_E_NOT_SECURE: none to what we said */
CW_NODISCARD cw_err cw_leg_sip_lock_judge(const leg_sip *s, const cw_media_desc *desc,
                                          const cw_rtp_place *place) CW_ON_LOOP;
void cw_leg_sip_lock_answered(leg_sip *s) CW_ON_LOOP; /* it is in `place` now */
/* Keys and associations to the stream's port, before it learns where to send. */
void cw_leg_sip_lock_apply(leg_sip *s, unsigned stream) CW_ON_LOOP;
void cw_leg_sip_lock_drop(leg_sip *s, unsigned stream) CW_ON_LOOP; /* with its port */
/* Those of another fork: what we offered, nothing agreed yet. */
void cw_leg_sip_locks_copy(cw_lock *const *offered, cw_lock **ret) CW_ON_LOOP;
void cw_leg_sip_locks_clear(cw_lock **locks) CW_ON_LOOP;
/* The ports' become those of `to`, which it gives away, and go to `from`; they take effect with
 * cw_leg_sip_lock_apply. */
void cw_leg_sip_locks_swap(leg_sip *s, cw_lock **from, cw_lock **to) CW_ON_LOOP;
void cw_leg_sip_lock_say(const leg_sip *s, unsigned stream, cw_rtp_place *place) CW_ON_LOOP;
json_t *cw_leg_sip_lock_json(const leg_sip *s) CW_ON_LOOP; /* by stream that is not refused */

void cw_leg_sip_reoffered(leg_sip *s, const cw_sip_offer *offer) CW_ON_LOOP;
void cw_leg_sip_reanswered(leg_sip *s, const cw_sip_response *response) CW_ON_LOOP;
CW_NODISCARD cw_err cw_leg_sip_update(leg_sip *s, const cw_media_desc *desc) CW_ON_LOOP;
/* Send a re-INVITE if the far side does not know yet who holds or which streams there are, and it
 * is possible now. */
void cw_leg_sip_settle(leg_sip *s) CW_ON_LOOP;
/* CW_LEG_HELD when that changed. `offered`: by an offer of theirs. */
void cw_leg_sip_tell_held(leg_sip *s, bool offered) CW_ON_LOOP;

#endif
