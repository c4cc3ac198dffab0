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
    cw_plane *plane; /* NULL until cw_webrtc_use */
};

typedef enum cw_peer_state { PEER_NEW, PEER_CONNECTING, PEER_CONNECTED, PEER_FAILED } cw_peer_state;

typedef struct cw_peer_stream {
    cw_peer *peer;
    cw_ep *ep; /* NULL: refused */
    cw_media_kind kind;
    cw_dir dir; /* as agreed, ours */
    char mid[CW_MID_MAX + 1];
} cw_peer_stream;

struct cw_peer {
    cw_webrtc *webrtc;
    unsigned worker;
    const cw_peer_ops *ops;
    void *arg;

    cw_peer_state state;
    cw_timer *timer; /* until connected */
    cw_dtls *dtls;
    cw_transport *transport; /* NULL until the first SDP of ours */
    char ufrag[CW_PEER_UFRAG + 1], pwd[CW_PEER_PWD + 1];

    unsigned stream_n;
    cw_peer_stream stream[CW_DESC_STREAMS_MAX];
    uint8_t mid_ext;

    /* Our SDP's constants */
    uint64_t session_id;
    unsigned version;
    char cname[CW_PEER_CNAME + 1];

    cw_jsep *theirs;     /* the browser's offer that waits for our answer */
    cw_media_desc *ours; /* our offer that waits for the browser's */
    char *remote_ufrag;  /* of the last offer or answer taken; NULL: none */
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
/* The transport and what it needs, once. */
CW_NODISCARD cw_err cw_peer_open(cw_peer *peer) CW_ON_LOOP;
/* A stream's endpoint, made or freed as `refused` says. */
CW_NODISCARD cw_err cw_peer_set_stream(cw_peer *peer, unsigned i, bool refused) CW_ON_LOOP;

#endif
