/* peer_priv.h - inside webrtc/webrtc.c and webrtc/peer*.c. */
#ifndef CW_WEBRTC_PEER_PRIV_H
#define CW_WEBRTC_PEER_PRIV_H

#include "webrtc/dtls.h"
#include "webrtc/jsep.h"
#include "webrtc/peer.h"

#define CW_PEER_UFRAG 8  /* characters, 47 bits; RFC 8445 5.3 asks for 24 */
#define CW_PEER_PWD   24 /* 142 bits; it asks for 128 */
#define CW_PEER_CNAME 16

struct cw_webrtc {
    cw_loop *loop;
    cw_webrtc_conf conf;
    cw_dtls_server *dtls;
    cw_plane *plane;   /* NULL until cw_webrtc_use */
    cw_agents *agents; /* NULL: ICE-lite */
};

typedef enum cw_peer_state { PEER_NEW, PEER_CONNECTING, PEER_CONNECTED, PEER_FAILED } cw_peer_state;

typedef struct cw_peer_stream {
    cw_peer *peer;
    cw_ep *ep; /* NULL: refused */
    cw_media_kind kind;
    cw_dir dir; /* as agreed, ours */
    char mid[CW_MID_MAX + 1];
} cw_peer_stream;

/* A browser's candidate that is ahead of its description. */
typedef struct cw_peer_early {
    cw_candidate candidate;
    char ufrag[CW_ICE_UFRAG_MAX + 1]; /* "" when it does not say */
} cw_peer_early;

/* What full ICE adds. */
typedef struct cw_peer_full {
    cw_agent *agent;
    unsigned local_n;
    cw_candidate local[CW_CANDIDATES_MAX]; /* ours so far */
    bool gathered;                         /* they are all */
    bool described;                        /* the browser has our SDP: further ones are told */
    GQueue early;                          /* of cw_peer_early */
    bool early_end;                        /* and that was all */
    cw_timer *silent;                      /* from the agent's word to the call's end */
    bool selected;
    cw_candidate pair_local, pair_remote;
} cw_peer_full;

struct cw_peer {
    cw_webrtc *webrtc;
    unsigned worker;
    const cw_peer_ops *ops;
    void *arg;

    cw_peer_state state;
    cw_timer *timer; /* until connected */
    cw_dtls *dtls;
    cw_transport *transport; /* NULL until the first SDP of ours, or theirs when ICE is full */
    cw_peer_full *full;      /* NULL: ICE-lite */
    bool we_offer;           /* the first offer is ours */
    char ufrag[CW_PEER_UFRAG + 1], pwd[CW_PEER_PWD + 1];

    unsigned stream_n;
    cw_peer_stream stream[CW_DESC_STREAMS_MAX];
    uint8_t mid_ext, twcc_ext;

    /* Our SDP's constants */
    uint64_t session_id;
    unsigned version;
    char cname[CW_PEER_CNAME + 1];

    cw_jsep *theirs;      /* the browser's offer that waits for our answer */
    cw_media_desc *ours;  /* our offer that waits for the browser's */
    char *remote_ufrag;   /* of the last offer or answer taken; NULL: none */
    unsigned candidate_n; /* told by the browser under it */
    cw_fingerprint remote_print;

    /* For people */
    uint64_t created_ms;
    unsigned bound_ms, secure_ms, flowing_ms; /* after creation; 0: not yet */
    unsigned bound_n, restart_n;
    cw_addr remote;
    cw_srtp_suite suite;
    const char *cipher;
    unsigned handshake_ms;
};

void cw_peer_start_timer(cw_peer *peer) CW_ON_LOOP; /* unless connected or running */
void cw_peer_fail(cw_peer *peer, cw_err err) CW_ON_LOOP;
void cw_peer_lost(cw_peer *peer) CW_ON_LOOP; /* consent is gone */
/* A cw_transport_fn, which asserts the loop itself; any thread may name it. */
void cw_peer_on_transport(void *arg, cw_transport_event event, const cw_addr *remote);
void cw_peer_is_bound(cw_peer *peer, const cw_addr *remote) CW_ON_LOOP;
/* The transport and what it needs, once. */
CW_NODISCARD cw_err cw_peer_open(cw_peer *peer) CW_ON_LOOP;
/* A stream's endpoint, made or freed as `refused` says. */
CW_NODISCARD cw_err cw_peer_set_stream(cw_peer *peer, unsigned i, bool refused) CW_ON_LOOP;

/* peer_ice.c */
CW_NODISCARD cw_err cw_peer_open_transport(cw_peer *peer) CW_ON_LOOP;
void cw_peer_close_ice(cw_peer *peer) CW_ON_LOOP; /* with the transport */
/* Ours into our SDP, which the browser is to have now. */
void cw_peer_candidates(cw_peer *peer, cw_jsep *local) CW_ON_LOOP;
void cw_peer_new_credentials(cw_peer *peer) CW_ON_LOOP;
/* The browser's transport, of the description just taken. */
void cw_peer_remote_ice(cw_peer *peer, const cw_jsep *remote) CW_ON_LOOP;
json_t *cw_peer_ice_json(const cw_peer *peer) CW_ON_LOOP;

#endif
