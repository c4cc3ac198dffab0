/* peer.h - one browser's PeerConnection as the gateway's end: ICE, DTLS-SRTP, streams.
 *
 * Loop thread. Text in, neutral descriptions out; endpoints for the call to join.
 */
#ifndef CW_WEBRTC_PEER_H
#define CW_WEBRTC_PEER_H

#include "media/sdp/desc.h"
#include "media/plane.h"
#include "webrtc/agent.h"
#include "base/json.h"

typedef struct cw_webrtc cw_webrtc; /* certificate, DTLS threads, plane */
typedef struct cw_peer cw_peer;

typedef struct cw_webrtc_conf {
    /* What the world sees of us (1:1 NAT); AF_UNSPEC: candidates are the ports' own addresses */
    cw_addr public4, public6;
    unsigned connect_timeout_ms; /* ICE and DTLS together */
    unsigned dtls_threads;       /* 0: one for two cores */
    unsigned consent_timeout_ms; /* as the plane's */
    bool full;                   /* full ICE, by agents in `full_conf.threads` threads */
    cw_agents_conf full_conf;    /* without its public addresses */
    /* 0: a default */
    unsigned dtls_linger_ms;                     /* how long our last flight can be repeated */
    unsigned dtls_datagrams_max, dtls_bytes_max; /* of one browser's handshake */
    unsigned dtls_queue_max; /* datagrams of all browsers waiting for the thread */
    unsigned candidates_max; /* of a browser, until an ICE restart */
} cw_webrtc_conf;

/* Fills `hooks` for cw_plane_new; needs no plane yet. */
CW_NODISCARD cw_err cw_webrtc_new(cw_loop *loop, const cw_webrtc_conf *conf, cw_plane_hooks *hooks,
                                  cw_webrtc **ret) CW_ON_LOOP;
struct cw_dtls_server *cw_webrtc_dtls(cw_webrtc *webrtc) CW_ON_LOOP; /* see dtls.h */
void cw_webrtc_use(cw_webrtc *webrtc, cw_plane *plane) CW_ON_LOOP;
void cw_webrtc_free(cw_webrtc *webrtc) CW_ON_LOOP; /* after its peers, before the plane's end */

typedef struct cw_peer_ops {
    void (*ice)(void *arg, const cw_addr *remote);     /* first check, and each change of address */
    void (*connected)(void *arg, cw_srtp_suite suite); /* DTLS done, fingerprint right */
    /* CW_E_ICE or CW_E_TIMEOUT no connection in time, CW_E_DTLS, CW_E_FINGERPRINT, CW_E_MEDIA_LOST
     * consent gone or DTLS closed by the browser. Once; the peer is dead, free it. */
    void (*failed)(void *arg, cw_err err);
    /* Consent is gone (RFC 7675), nothing is sent; a check of the browser, as after an ICE restart,
     * brings it back: `ice`. NULL: it is a failure. */
    void (*lost)(void *arg);
    /* `passed`: the joined endpoint sent it to its far side. */
    void (*dtmf)(void *arg, unsigned stream, char digit, unsigned duration_ms, bool passed);
    void (*flowing)(void *arg, unsigned stream); /* first packet of a stream */
    /* CW_EP_SILENT, CW_EP_HEARD, CW_EP_DEAD of a stream that is watched (cw_ep_watch) */
    void (*quiet)(void *arg, unsigned stream, cw_ep_event event);
    /* Full ICE: one more candidate than our last SDP had, for the section of `mid`; NULL: that was
     * all (RFC 8838). */
    void (*candidate)(void *arg, const char *candidate, const char *mid);
} cw_peer_ops;

CW_NODISCARD cw_err cw_peer_new(cw_webrtc *webrtc, unsigned worker, const cw_peer_ops *ops,
                                void *arg, cw_peer **ret) CW_ON_LOOP;
void cw_peer_free(cw_peer *peer) CW_ON_LOOP; /* NULL is fine; allowed inside an op */

/* The browser offers: the same again with changed content renegotiates (new ufrag: ICE restart).
 * `why` explains CW_E_BAD_SDP and CW_E_UNSUPPORTED. A second offer replaces one not answered yet;
 * CW_E_STATE while an offer of ours is out. */
CW_NODISCARD cw_err cw_peer_offered(cw_peer *peer, const char *sdp, size_t len, cw_media_desc *ret,
                                    char why[static 128]) CW_ON_LOOP;
/* Answer the offer with `desc` (as from cw_desc_answer). *sdp: g_free it. */
CW_NODISCARD cw_err cw_peer_answer(cw_peer *peer, const cw_media_desc *desc, char **sdp) CW_ON_LOOP;

/* We offer; then the browser's answer. */
CW_NODISCARD cw_err cw_peer_offer(cw_peer *peer, const cw_media_desc *desc, char **sdp) CW_ON_LOOP;
CW_NODISCARD cw_err cw_peer_answered(cw_peer *peer, const char *sdp, size_t len, cw_media_desc *ret,
                                     char why[static 128]) CW_ON_LOOP;

/* Our offer is not answered: take it back. Streams that are refused in `desc` are let go of. */
void cw_peer_undo(cw_peer *peer, const cw_media_desc *desc) CW_ON_LOOP;

/* A trickled candidate: "" and NULL end them. ICE-lite needs none, full ICE those it can check; the
 * others (mDNS names among them) are fine too, for the browser's own checks show where it is.
 *
 * CW_E_PARAMS    it is no candidate; `why` says so
 * CW_E_OVERLOAD  more than candidates_max
 */
CW_NODISCARD cw_err cw_peer_candidate(cw_peer *peer, const char *candidate,
                                      char why[static 128]) CW_ON_LOOP;

/* Our next offer asks for new ICE credentials, ours being new (RFC 8839 4.4.1.1.1). */
void cw_peer_restart(cw_peer *peer) CW_ON_LOOP;

cw_ep *cw_peer_ep(cw_peer *peer, unsigned stream) CW_ON_LOOP; /* NULL: refused stream */
json_t *cw_peer_json(const cw_peer *peer) CW_ON_LOOP; /* ICE pair, DTLS suite, for `call show` */

#endif
