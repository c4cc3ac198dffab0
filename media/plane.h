/* plane.h - the packet path as the signalling sees it: transports, endpoints, joins.
 *
 *   transport  a browser's one 5-tuple: ICE-lite, DTLS-SRTP, several bundled streams
 *   endpoint   one stream's end: on a transport, on an RTP port pair, or a source inside (echo,
 * tone) join       two endpoints whose packets go to each other
 *
 * Everything of a call lives on one worker, chosen with cw_plane_pick(). All functions run on the
 * loop and return at once; the worker does the work when it reads its messages, in order. Events
 * come back on the loop, never from inside a call made here, and never after _free.
 *
 * Each endpoint sends with an SSRC, sequence numbers and timestamps of its own, continuous whatever
 * is joined to it: the far side never notices a fork, a transfer or a re-offer on the other leg.
 */
#ifndef CW_MEDIA_PLANE_H
#define CW_MEDIA_PLANE_H

#include "base/addr.h"
#include "base/loop.h"
#include "media/sdp/desc.h"
#include "media/latch.h"
#include "media/codec/sound.h"
#include "media/srtp/srtp.h"

typedef struct cw_plane cw_plane;
typedef struct cw_transport cw_transport;
typedef struct cw_ep cw_ep;

/* What webrtc does on the media thread for the browser port. */
typedef struct cw_plane_hooks {
    /* Answer a STUN Binding request that named `transport`'s ufrag. Fills `reply` and returns its
     * length, 0 for none. *valid: integrity held; only then is `from` bound to the transport.
     * `pwd` is the transport's own password. */
    size_t (*stun)(const char *ufrag, const char *pwd, const uint8_t *data, size_t len,
                   const cw_addr *from, uint8_t *reply, size_t cap, bool *valid);
    /* Our ufrag named by a Binding request (the part of USERNAME before ':'), into `ret` with a
     * NUL. CW_E_SYNTAX if it is no such request. */
    cw_err (*stun_ufrag)(const uint8_t *data, size_t len, char *ret, size_t cap);
    /* A DTLS datagram from the address bound to the transport. Must copy and return. `dtls` is
     * what cw_transport_new was given. Answers go to `from` by sendto(fd). */
    void (*dtls)(void *dtls, const uint8_t *data, size_t len, const cw_addr *from, int fd);
    /* The worker has let go of the transport or port: no further dtls() call for it. Any thread. */
    void (*dtls_release)(void *dtls);
    /* An RTP port got `dtls` (cw_ep_rtp_dtls): `fd` is its socket, `to` its far side (AF_UNSPEC:
     * not known). Comes again when the far side moves. Keeps a duplicate of `fd` if it wants to
     * send. */
    void (*dtls_open)(void *dtls, const cw_addr *to, int fd);
} cw_plane_hooks;

typedef struct cw_plane_conf {
    unsigned workers; /* 0: one a core */
    unsigned browser_listen_n;
    cw_addr browser_listen[CW_DESC_STREAMS_MAX]; /* port: that of worker 0 */
    cw_addr rtp_listen4, rtp_listen6;            /* AF_UNSPEC: family not served */
    uint16_t rtp_port_min, rtp_port_max;
    unsigned gather_us;
    const char *xdp_interface; /* NULL: sockets only (wire.h) */
    unsigned consent_timeout_ms;
    unsigned transcode_threads; /* 0: one less than cores, at least one */
    unsigned opus_complexity;   /* 0..10, of transcoded sound */
    unsigned jitter_min_ms, jitter_max_ms;
    unsigned rtcp_interval_ms; /* between two reports, on average; 0: none by themselves */
    size_t resend_bytes;       /* sent video kept for each endpoint; 0: none */
    unsigned resend_ms;        /* for how long it is of use */
    unsigned resend_per_s;     /* packets an endpoint's far side may ask for again */
    unsigned keyframe_ms;      /* between two requests for a keyframe */
    unsigned video_kbps;       /* what a sender is told to send at most; 0: what the others say */
    cw_plane_hooks hooks;
} cw_plane_conf;

/* CW_E_IO a browser port cannot be bound; `why` says which and why. */
CW_NODISCARD cw_err cw_plane_new(cw_loop *loop, const cw_plane_conf *conf, cw_plane **ret,
                                 char why[static 128]) CW_ON_LOOP;
void cw_plane_free(cw_plane *plane) CW_ON_LOOP;   /* stops and joins the workers */
unsigned cw_plane_workers(const cw_plane *plane); /* any thread */
/* RTP ports of it are configured. Any thread. */
bool cw_plane_has_rtp(const cw_plane *plane, int family);
unsigned cw_plane_pick(cw_plane *plane) CW_ON_LOOP; /* the least loaded worker's index */

/* The browser-side addresses of `worker`, for candidates; returns how many. Any thread. */
unsigned cw_plane_candidates(const cw_plane *plane, unsigned worker, cw_addr *ret, unsigned cap);

/* ── Transports ─────────────────────────────────────────────────────────────────────────────────
 */
typedef enum cw_transport_event {
    CW_TRANSPORT_BOUND, /* first valid check; again after each change of address, and when lost */
    CW_TRANSPORT_LOST,  /* no valid check for consent_timeout_ms: nothing is sent until there is */
    CW_TRANSPORT_FLOWING, /* first SRTP packet that passed integrity */
} cw_transport_event;

typedef void cw_transport_fn(void *arg, cw_transport_event event, const cw_addr *remote);

/* Somebody else's sockets, for a far side that is not reached by the browser port (full ICE). */
typedef struct cw_carrier {
    void *arg;
    /* Send one datagram, which is not kept; false: lost. The worker and the DTLS thread. */
    bool (*send)(void *arg, const uint8_t *data, size_t len);
    /* On the loop, once, by cw_transport_free: input shall end; cw_transport_closed() ends it. */
    void (*close)(void *arg);
    /* No send() comes from the worker any more. Its thread. */
    void (*release)(void *arg);
} cw_carrier;

CW_NODISCARD cw_err cw_transport_new(cw_plane *plane, unsigned worker, const char *ufrag,
                                     const char *pwd, void *dtls, cw_transport_fn *fn, void *arg,
                                     cw_transport **ret) CW_ON_LOOP;
/* New ICE credentials (restart, RFC 8445 9); the old ones and the bound address stay valid until
 * the first check with the new ones. */
void cw_transport_restart(cw_transport *transport, const char *ufrag, const char *pwd) CW_ON_LOOP;
/* The keys DTLS agreed on: media may flow. Again after a DTLS restart. */
void cw_transport_secure(cw_transport *transport, const cw_srtp_keys *keys) CW_ON_LOOP;
void cw_transport_free(cw_transport *transport) CW_ON_LOOP; /* after its endpoints; NULL is fine */

/* One that is carried. It has no ICE of its own: of the events only CW_TRANSPORT_FLOWING comes, and
 * hooks.dtls() gets no address and -1. */
CW_NODISCARD cw_err cw_transport_carried(cw_plane *plane, unsigned worker,
                                         const cw_carrier *carrier, void *dtls, cw_transport_fn *fn,
                                         void *arg, cw_transport **ret) CW_ON_LOOP;
/* A datagram came that the carrier let in; false: no room, dropped and counted. Any thread, for one
 * transport always the same. */
bool cw_transport_input(cw_transport *transport, const uint8_t *data, size_t len);
/* The last word of the thread that calls cw_transport_input(), after close(). Any thread. */
void cw_transport_closed(cw_transport *transport);
/* Packets may go straight to `to` by this descriptor, which is taken over; -1: by send() again.
 * Before cw_transport_closed(). Any thread. */
void cw_transport_way(cw_transport *transport, int fd, const cw_addr *to);
/* What cw_ep_get_stats() shows. */
void cw_transport_pair(cw_transport *transport, const cw_addr *local,
                       const cw_addr *remote) CW_ON_LOOP;

/* ── Endpoints ──────────────────────────────────────────────────────────────────────────────────
 */
typedef enum cw_ep_event {
    CW_EP_FIRST_PACKET, /* the first media packet accepted from the far side */
    CW_EP_LATCHED,      /* RTP: the peer's packets come from elsewhere than its SDP said */
    CW_EP_DTMF,         /* a key was let go; see cw_ep_info */
    CW_EP_SILENT,       /* cw_ep_watch: no media for so long */
    CW_EP_HEARD,        /* there is again, or at last */
    CW_EP_DEAD,         /* neither media nor RTCP for so long; CW_EP_HEARD may still follow */
    /* A keyframe is wanted of its far side, which agreed to no RTCP that says so. */
    CW_EP_KEYFRAME_WANTED,
    CW_EP_OTHER, /* cw_ep_rtp_others: one of them is to be heard now, see `other` */
} cw_ep_event;

typedef struct cw_ep_info {
    char digit;           /* CW_EP_DTMF: 0-9 * # A-D */
    unsigned duration_ms; /* CW_EP_DTMF */
    bool passed;          /* CW_EP_DTMF: the joined end's far side got it, and looks for it there */
    cw_addr from;         /* CW_EP_FIRST_PACKET, CW_EP_LATCHED */
    const cw_ep *ep;      /* CW_EP_SILENT, CW_EP_HEARD, CW_EP_DEAD: whose */
    unsigned other;       /* CW_EP_OTHER: its id */
} cw_ep_info;

typedef void cw_ep_fn(void *arg, cw_ep_event event, const cw_ep_info *info);

/* A stream on a transport, told from its siblings by `mid` (may be NULL; RFC 8843, header extension
 * id `mid_ext`, 0: not negotiated) or else by payload type. */
CW_NODISCARD cw_err cw_ep_browser_new(cw_transport *transport, const char *mid, unsigned mid_ext,
                                      cw_ep_fn *fn, void *arg, cw_ep **ret) CW_ON_LOOP;

/* An RTP/RTCP port pair of `family`; its addresses are there on return.
 *
 * CW_E_NO_PORT  every pair is taken
 */
CW_NODISCARD cw_err cw_ep_rtp_new(cw_plane *plane, unsigned worker, int family, cw_ep_fn *fn,
                                  void *arg, cw_ep **ret) CW_ON_LOOP;
const cw_addr *cw_ep_rtp_local(const cw_ep *ep); /* RTP; RTCP is port + 1. Any thread */
/* Where to send, and whose packets to take besides (latch.h). */
void cw_ep_rtp_remote(cw_ep *ep, const cw_addr *rtp, const cw_addr *rtcp, bool rtcp_mux,
                      cw_latch_mode latch) CW_ON_LOOP;

/* Branches of a forked call all send to the one port they were offered. */
#define CW_EP_OTHERS_MAX 15
typedef struct cw_ep_other {
    unsigned id;
    cw_addr rtp; /* as its SDP told */
    bool
        eager; /* its first packet is enough; else the far side must have been silent for a while */
} cw_ep_other;
/* These may send besides the far side, in place of those before; at most CW_EP_OTHERS_MAX. Their
 * packets are dropped, but CW_EP_OTHER tells, once for each call of this, when one of them is to be
 * heard: then cw_ep_rtp_remote() makes it the far side. */
void cw_ep_rtp_others(cw_ep *ep, const cw_ep_other *other, unsigned n) CW_ON_LOOP;

/* SRTP and SRTCP with these keys from now on, both ways; what comes otherwise is dropped. Keys of a
 * direction that are the same as before keep their counters. NULL: plain RTP, as at first. */
void cw_ep_rtp_secure(cw_ep *ep, const cw_srtp_keys *keys) CW_ON_LOOP;
/* DTLS from where cw_ep_rtp_remote said, or from behind its NAT, goes to hooks.dtls with `dtls`; no
 * plain RTP passes any more. Keys come by cw_ep_rtp_secure; until then those before stay. The port
 * gives `dtls` back by hooks.dtls_release. NULL: no DTLS. */
void cw_ep_rtp_dtls(cw_ep *ep, void *dtls) CW_ON_LOOP;

/* Sends everything it is sent back to its sender. */
CW_NODISCARD cw_err cw_ep_echo_new(cw_plane *plane, unsigned worker, cw_ep **ret) CW_ON_LOOP;
/* Sends a 1 kHz sine at -10 dBm0, 20 ms packets, in the joined endpoint's codec (Opus, G.722, PCMA,
 * PCMU). */
CW_NODISCARD cw_err cw_ep_tone_new(cw_plane *plane, unsigned worker, unsigned hz,
                                   cw_ep **ret) CW_ON_LOOP;

/* Plays a sound to the joined endpoint, in its codec, 20 ms packets. */
CW_NODISCARD cw_err cw_ep_player_new(cw_plane *plane, unsigned worker, cw_sound *sound,
                                     cw_ep **ret) CW_ON_LOOP;
/* Let a player that is not joined be heard at `target` whenever nobody else was for `after_ms`, or
 * nobody is joined to it. NULL: not any more. Either may be freed first. */
void cw_ep_fill(cw_ep *player, cw_ep *target, unsigned after_ms) CW_ON_LOOP;

/* What this end receives with (payload types of our description) and sends with (of the peer's).
 * Must be set before media passes; may be changed any time. */
void cw_ep_formats(cw_ep *ep, const cw_stream *rx, const cw_stream *tx) CW_ON_LOOP;
/* Gate by direction as this end sees it: CW_SENDONLY sends to its far side and drops what comes. */
void cw_ep_direction(cw_ep *ep, cw_dir dir) CW_ON_LOOP;
uint32_t cw_ep_ssrc(const cw_ep *ep); /* what it sends with. Any thread */

/* Both on one worker. What the one receives in a codec the other cannot send is transcoded, if both
 * have codecs of cw_codec_can() (media/codec/codec.h). Joining an endpoint that is joined parts it
 * first. */
void cw_ep_join(cw_ep *a, cw_ep *b) CW_ON_LOOP;
void cw_ep_part(cw_ep *ep) CW_ON_LOOP;

/* How digits travel between an endpoint and its far side. */
typedef enum cw_dtmf_mode {
    CW_DTMF_EVENTS, /* telephone-events (RFC 4733), where agreed; as at first */
    CW_DTMF_TONES,  /* tones in the sound, made and heard (RTP ends); taken out of what goes to a
                     * joined RTP end that agreed to events, for which it is always transcoded */
    CW_DTMF_NONE,   /* neither seen nor sent */
} cw_dtmf_mode;
void cw_ep_dtmf_mode(cw_ep *ep, cw_dtmf_mode mode) CW_ON_LOOP;

/* Send a digit to the far side (queued behind those before it); what the joined end sends meanwhile
 * is held back. CW_E_NO_CODEC when telephone-event was not agreed, or tones cannot be made in the
 * codec that was, or the mode sends none. */
CW_NODISCARD cw_err cw_ep_dtmf(cw_ep *ep, char digit, unsigned duration_ms) CW_ON_LOOP;

/* What RTCP its far side agreed to. Reports need no agreement. */
typedef struct cw_ep_feedback_conf {
    bool video;
    bool silent;       /* not one RTCP packet (RFC 3556) */
    unsigned feedback; /* set of cw_feedback, as both sides have it */
    uint8_t twcc_ext;  /* id of the transport-wide number in what it sends; with CW_FB_TWCC */
    unsigned kbps_max; /* of what it receives; 0: it did not say */
} cw_ep_feedback_conf;

/* May be changed any time; retransmission formats are those of cw_ep_formats(). */
void cw_ep_feedback(cw_ep *ep, const cw_ep_feedback_conf *conf) CW_ON_LOOP;
uint32_t cw_ep_rtx_ssrc(const cw_ep *ep); /* what it repeats packets with (RFC 4588). Any thread */

/* Ask for a keyframe from this endpoint's far side: by RTCP, else CW_EP_KEYFRAME_WANTED. */
void cw_ep_keyframe(cw_ep *ep) CW_ON_LOOP;
/* Its far side asked for a keyframe by other means than RTCP: ask whoever is joined to it. */
void cw_ep_keyframe_asked(cw_ep *ep) CW_ON_LOOP;

/* Tell when the far side that should be sending is not heard: CW_EP_SILENT after `silent_ms`,
 * CW_EP_DEAD after `dead_ms`; 0: not. From now on, and until it is called with two zeros; the same
 * values again change nothing. RTCP is a sign of life; where codecs may pause (comfort noise, DTX)
 * it also keeps a far side that was heard once from being called silent. Held and send-only ends
 * are left alone. */
void cw_ep_watch(cw_ep *ep, unsigned silent_ms, unsigned dead_ms) CW_ON_LOOP;

typedef struct cw_ep_stats {
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t rx_lost;         /* by sequence numbers, RFC 3550 A.3 */
    uint64_t rx_dropped;      /* refused: source, integrity, replay, no mapping */
    double rx_jitter_ms;      /* RFC 3550 A.8 */
    uint32_t rx_gaps;         /* runs of lost packets, whatever their length */
    uint32_t rx_discarded;    /* came too late to be heard */
    bool rx_transcoded;       /* what it receives is; then also: */
    unsigned rx_concealed_ms; /* made up */
    unsigned rx_delay_ms;     /* in its jitter buffer */
    double mos;               /* of what is received, 1..4.5 (mos.h); 0: nothing yet */
    double rtt_ms;            /* by RTCP; 0: not known */
    /* What the far side says of what we send, in its last report. */
    uint32_t remote_reports; /* 0: it says nothing */
    double remote_lost;      /* 0..1 */
    double remote_jitter_ms;
    bool silent; /* see cw_ep_watch */
    bool alive;  /* watched, to send, and not dead */
    uint32_t rx_ssrc;
    uint8_t rx_pt, tx_pt; /* last */
    cw_addr local, remote;
    cw_srtp_suite suite;
} cw_ep_stats;

/* A recent copy (at most 1 s old while packets flow). */
void cw_ep_get_stats(const cw_ep *ep, cw_ep_stats *ret) CW_ON_LOOP;

void cw_ep_free(cw_ep *ep) CW_ON_LOOP; /* parts it first; NULL is fine */

#endif
