/* flow.h - an endpoint on its worker: packets in, renumbered, out by the joined one.
 *
 * struct cw_ep is made and freed by the loop (plane.c); in between each side keeps to its part.
 */
#ifndef CW_MEDIA_FLOW_H
#define CW_MEDIA_FLOW_H

#include "media/cell.h"
#include "media/rtp/dtmf.h"
#include "media/latch.h"
#include "media/rtp/number.h"
#include "media/io/port.h"
#include "media/rtp/report.h"
#include "media/srtp/seal.h"
#include "media/transcode.h"
#include "media/worker.h"

#include <stddef.h>

#define CW_MID_MAX     32 /* bytes without NUL */
#define CW_DIGITS_SEEN 16

typedef enum cw_ep_kind { CW_EP_BROWSER, CW_EP_RTP, CW_EP_ECHO, CW_EP_TONE } cw_ep_kind;

enum {
    CW_NOTE_FIRST = 1,
    CW_NOTE_LATCHED = 2,
    CW_NOTE_DIGIT = 4,
    CW_NOTE_FREED = 8,
    CW_NOTE_KEYFRAME = 16,
    CW_NOTE_OTHER = 32
};

/* Written by the worker, read by the loop (cell.h). */
typedef struct cw_ep_count {
    _Atomic uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* bytes of payload */
    _Atomic uint64_t rx_dropped;
    _Atomic int64_t rx_lost;
    _Atomic uint32_t rx_jitter16, rx_clock_hz, rx_ssrc;
    _Atomic uint8_t rx_pt, tx_pt;
    _Atomic uint8_t rx_codec; /* cw_mos_codec of rx_pt */
    _Atomic bool transcoded;
    _Atomic uint32_t concealed_ms, delay_ms; /* transcoded: what its jitter buffer does */
    cw_addr_cell remote;

    /* ── When something is amiss, or RTCP came ── */
    _Atomic uint32_t rx_gaps, rx_discarded;
    _Atomic uint32_t rx_rtcp; /* compounds that passed the door */
    /* The far side's view, by its reports (RFC 3550 6.4.1). 0: not told */
    _Atomic uint32_t rtt_us, remote_jitter; /* ticks of what we send */
    _Atomic uint32_t remote_lost;           /* fraction lost of 256, in its last report */
    _Atomic uint32_t remote_reports;
} cw_ep_count;

typedef struct cw_digit {
    char digit;
    bool passed;
    unsigned ms;
} cw_digit;

/* Whether the far side is heard (quiet.c). */
typedef struct cw_ep_watching {
    bool on, silent, dead;
    bool pauses;                 /* it may send nothing while its speaker is silent */
    unsigned silent_ms, dead_ms; /* 0: never */
    guint at;                    /* in plane->watched */
    uint64_t packets, heard_ms;  /* RTP: the count when last looked at, and when it last grew */
    uint64_t signs, alive_ms;    /* the same with RTCP */
} cw_ep_watching;

/* What plays a sound: its own stream to the joined end, or what `fills` hears while there is
 * nothing else (play.c). */
typedef struct cw_ep_player {
    cw_sound *sound; /* owned */
    uint64_t at;     /* frames since it began */
    uint16_t seq;
    uint32_t ts;
    cw_ep *fills; /* borrowed; NULL: none */
    uint64_t after_us;
    bool playing; /* to `fills` */
} cw_ep_player;

struct cw_ep {
    /* ── Each packet: a cache line each, see cw_ep_expect_rx ── */
    alignas(64) cw_ep *out CW_OF_MEDIA;      /* sends what this one receives; NULL: nobody */
    cw_transport *transport CW_OF_MEDIA;     /* CW_EP_BROWSER; borrowed: outlives its endpoints */
    int fd CW_OF_MEDIA, rtcp_fd CW_OF_MEDIA; /* CW_EP_RTP; -1: closed */
    uint8_t kind;                            /* cw_ep_kind */
    uint8_t dir CW_OF_MEDIA;                 /* cw_dir */
    bool guarded CW_OF_MEDIA;                /* CW_EP_RTP: nothing plain passes, see `seal` */
    bool heard CW_OF_MEDIA, video CW_OF_MEDIA, muxed CW_OF_MEDIA, ticking CW_OF_MEDIA;
    bool listening CW_OF_MEDIA;                        /* for keys in the sound (flow_listen.c) */
    bool dtmf_busy CW_OF_MEDIA, dtmf_open CW_OF_MEDIA; /* sending digits; one is being seen */
    bool connected CW_OF_MEDIA;                        /* the RTP socket, to latch.to */
    bool forked CW_OF_MEDIA;                           /* there are `others`: it is open to them */
    uint8_t pt CW_OF_MEDIA, pt_out CW_OF_MEDIA; /* the last of `map` used; CW_PT_NONE: none */
    uint64_t rx_known[2] CW_OF_MEDIA;           /* payload types of our description, a bit each */
    alignas(64) cw_tx tx CW_OF_MEDIA;
    alignas(64) cw_rx rx CW_OF_MEDIA;
    alignas(64) cw_ep_count count;
    alignas(64) cw_latch latch CW_OF_MEDIA;

    /* ── When the payload type changes ── */
    uint8_t map[128] CW_OF_MEDIA;    /* payload types of this one to those of `out` */
    uint64_t rx_dtmf[2] CW_OF_MEDIA; /* payload types of telephone-event */

    cw_seal seal CW_OF_MEDIA; /* CW_EP_RTP, guarded */

    struct cw_video *of_video CW_OF_MEDIA; /* owned; NULL: sound, or RTCP was not agreed on */

    /* ── Now and then ── */
    void *dtls CW_OF_MEDIA;      /* CW_EP_RTP; a reference, see cw_plane_hooks; NULL: none */
    cw_ep *peer CW_OF_MEDIA;     /* the one joined */
    cw_trans *trans CW_OF_MEDIA; /* of what it receives; NULL: nothing had to be transcoded yet */
    cw_trans *ear CW_OF_MEDIA;   /* listens to what is not transcoded; NULL: nothing was yet */
    bool silent CW_OF_MEDIA;     /* no RTCP leaves */
    cw_report report CW_OF_MEDIA;
    uint64_t report_us CW_OF_MEDIA; /* when the next one is due */
    uint64_t moved CW_OF_MEDIA;     /* packets in and out when it was due last */
    unsigned still CW_OF_MEDIA;     /* how often there were no more by then */
    /* Its place in the worker's wheel; report_link NULL: in none. */
    cw_ep *report_next CW_OF_MEDIA, **report_link CW_OF_MEDIA;
    cw_addr rtcp_told CW_OF_MEDIA, rtcp_to CW_OF_MEDIA;
    const cw_stream *rx_formats CW_OF_MEDIA, *tx_formats CW_OF_MEDIA; /* shared.h; NULL: not yet */
    cw_dtmf_send dtmf CW_OF_MEDIA;
    cw_dtmf_see dtmf_see CW_OF_MEDIA;
    cw_dtmf_follow follow CW_OF_MEDIA;        /* of the joined one's dtmf_see */
    struct cw_key_tone *key_tone CW_OF_MEDIA; /* NULL: none is being made */
    uint8_t dtmf_mode CW_OF_MEDIA;            /* cw_dtmf_mode */
    char tone_key CW_OF_MEDIA;                /* the last it sent as a tone; 0: none */
    uint64_t tone_us CW_OF_MEDIA;             /* and when */
    cw_ep_player player CW_OF_MEDIA;
    cw_ep *filler CW_OF_MEDIA;            /* whose `fills` it is; NULL: none */
    struct cw_others *others CW_OF_MEDIA; /* CW_EP_RTP; owned; NULL: none, see `forked` */
    char mid[CW_MID_MAX + 1];
    unsigned mid_ext;

    /* ── Between the threads ── */
    cw_note note;
    cw_digit digit[CW_DIGITS_SEEN]; /* a ring: the worker writes at digit_end */
    _Atomic unsigned digit_begin, digit_end;
    _Atomic unsigned dtmf_waiting; /* digits given to cw_ep_dtmf and not yet sent */
    _Atomic unsigned other_heard;  /* id; with CW_NOTE_OTHER */

    /* ── The loop's ── */
    cw_plane *plane;
    unsigned worker;
    uint32_t ssrc, rtx_ssrc;
    cw_addr local;                 /* CW_EP_RTP */
    _Atomic unsigned suite;        /* cw_srtp_suite */
    cw_srtp_keys *keys CW_OF_LOOP; /* in use; NULL: none */
    cw_transport *loop_transport CW_OF_LOOP;
    bool freed CW_OF_LOOP;
    cw_ep_watching watch CW_OF_LOOP;
    bool expects CW_OF_LOOP; /* its far side is to send */
    uint32_t tx_clock_hz CW_OF_LOOP;
    bool events_agreed CW_OF_LOOP, tones_agreed CW_OF_LOOP;
    cw_dtmf_mode mode CW_OF_LOOP;
    cw_ep_fn *fn CW_OF_LOOP;
    void *arg CW_OF_LOOP;
};

/* A media packet that passed the transport's or the port's door; *rtp is of its bytes, which change
 * when it is sent on. */
void cw_flow_rx(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp) CW_ON_MEDIA;
/* A compound that passed the door. */
void cw_flow_rtcp(cw_worker *worker, cw_ep *ep, const uint8_t *data, size_t len) CW_ON_MEDIA;
void cw_flow_keyframe_asked(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA; /* by its far side */
cw_ep *cw_flow_source(cw_ep *ep) CW_ON_MEDIA; /* whose packets it sends; NULL: nobody's */

/* The worker's wheel of reports (flow_rtcp.c): from the endpoint's begin to its end. */
void cw_report_begin(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;
void cw_report_end(cw_ep *ep) CW_ON_MEDIA;
void cw_report_at(cw_worker *worker, cw_ep *ep, uint64_t at_us) CW_ON_MEDIA;
void cw_flow_drop(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;     /* count one refused */
void cw_flow_unsealed(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA; /* one that is no good SRTP */
/* A packet of `out`'s source: renumber and send. */
void cw_flow_tx(cw_worker *worker, cw_ep *out, cw_pkt *pkt, cw_rtp *rtp) CW_ON_MEDIA;
/* A packet of its own, rtp->ts as given. */
void cw_flow_insert(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp) CW_ON_MEDIA;

/* To the endpoint's far side, whatever its kind. */
void cw_flow_send(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, bool rtcp) CW_ON_MEDIA;

/* flow_trans.c: a packet whose codec `out` cannot send. */
void cw_flow_transcode(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt, const cw_rtp *rtp,
                       unsigned pt) CW_ON_MEDIA;

/* flow_listen.c: a packet of an end that is listened to; a key was heard in one. */
void cw_flow_listen(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt, const cw_rtp *rtp) CW_ON_MEDIA;
/* Its keys reach `out`'s far side as events, and are to be taken out of the sound: each once. */
bool cw_flow_hushes(const cw_ep *ep) CW_ON_MEDIA;
void cw_flow_key_heard(cw_worker *worker, cw_ep *ep, char key, unsigned ms) CW_ON_MEDIA;

/* flow_digit.c: a telephone-event came, told to the loop and followed by the joined end; something
 * else came while one was open; a tick of an end that follows, false: it has nothing to send. */
void cw_flow_see_event(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt,
                       const cw_rtp *rtp) CW_ON_MEDIA;
void cw_flow_see_silence(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;
bool cw_flow_follow(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;
void cw_flow_tell_digit(cw_worker *worker, cw_ep *ep, char digit, unsigned ms,
                        bool passed) CW_ON_MEDIA;

/* flow_key.c: the digits waiting in ep->dtmf, as events or as tones. */
void cw_flow_keys(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;
void cw_flow_keys_clear(cw_ep *ep) CW_ON_MEDIA;
/* The telephone-event it sends: of its codec's clock, else the first; NULL: none. */
const cw_format *cw_flow_event_format(const cw_ep *ep) CW_ON_MEDIA;
void cw_flow_event(cw_worker *worker, cw_ep *ep, const uint8_t payload[static CW_DTMF_LEN],
                   const cw_format *format, uint32_t ts, bool first) CW_ON_MEDIA;
/* Nothing of its own is to be sent any more: the joined end's sound goes on. */
void cw_flow_quiet(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;

/* door.c */
void cw_flow_rtp_ready(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;
void cw_flow_rtcp_ready(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;
/* A datagram that came to the port, by whatever way. Takes the slot. */
void cw_flow_rtp_take(cw_worker *worker, cw_ep *ep, cw_pkt *pkt) CW_ON_MEDIA;
void cw_flow_rtcp_take(cw_worker *worker, cw_ep *ep, cw_pkt *pkt) CW_ON_MEDIA;
void cw_flow_tick(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA; /* tick.c: sounds and digits */

/* play.c: a tick of a player that is joined, or fills. */
void cw_flow_play(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;
void cw_flow_fill(cw_worker *worker, cw_ep *player, cw_ep *target, unsigned after_ms) CW_ON_MEDIA;
void cw_flow_fill_end(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA; /* either of the two goes */

/* others.c: takes them; NULL: none. Is `from` one of them, and not to be let in (yet)? */
void cw_flow_others(cw_worker *worker, cw_ep *ep, struct cw_others *others) CW_ON_MEDIA;
bool cw_flow_is_other(cw_worker *worker, cw_ep *ep, const cw_addr *from) CW_ON_MEDIA;

/* What the loop asked for (setup.c). */
/* Takes both (shared.h). */
void cw_flow_formats(cw_worker *worker, cw_ep *ep, const cw_stream *rx,
                     const cw_stream *tx) CW_ON_MEDIA;
void cw_flow_join(cw_worker *worker, cw_ep *a, cw_ep *b) CW_ON_MEDIA;
void cw_flow_part(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;
void cw_flow_remote(cw_worker *worker, cw_ep *ep, const cw_addr *rtp, const cw_addr *rtcp, bool mux,
                    cw_latch_mode latch) CW_ON_MEDIA;
void cw_flow_secure(cw_worker *worker, cw_ep *ep, const cw_seal_new *with) CW_ON_MEDIA;
void cw_flow_dtls(cw_worker *worker, cw_ep *ep, void *dtls) CW_ON_MEDIA; /* takes it */
void cw_flow_keyframe(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA;         /* video.c */
void cw_flow_dtmf_mode(cw_worker *worker, cw_ep *ep, cw_dtmf_mode mode) CW_ON_MEDIA;
void cw_flow_digit(cw_worker *worker, cw_ep *ep, unsigned event, unsigned ms) CW_ON_MEDIA;
void cw_flow_ticking(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA; /* arm the clock if it needs it */
const cw_format *cw_format_by_pt(const cw_stream *stream, unsigned pt); /* Pure. NULL: none */
/* Pure. 0: not there */
uint32_t cw_format_clock(const cw_stream *stream, unsigned pt);

/* The worker's part, set by the loop before the worker knows of the endpoint. */
#define CW_UNSHARED CW_TSA(no_thread_safety_analysis)
void cw_flow_init(cw_ep *ep) CW_UNSHARED;                            /* any thread */
void cw_flow_attach(cw_ep *ep, cw_transport *transport) CW_UNSHARED; /* any thread */
void cw_flow_open(cw_ep *ep, const cw_port_pair *pair) CW_UNSHARED;  /* any thread */
void cw_flow_tune(cw_ep *ep, cw_sound *sound) CW_UNSHARED;           /* any thread; takes it */

/* What one packet touches of the endpoint it comes to, and of the one it leaves by. */
_Static_assert(offsetof(struct cw_ep, tx) == 64 && offsetof(struct cw_ep, rx) == 128 &&
                   offsetof(struct cw_ep, count) == 192,
               "a cache line each");

static inline void cw_ep_expect_rx(const cw_ep *ep)
{
    __builtin_prefetch(ep);
    __builtin_prefetch((const char *)ep + 128, 1);
    __builtin_prefetch((const char *)ep + 192, 1);
    __builtin_prefetch(&ep->latch);
}

static inline void cw_ep_expect_tx(const cw_ep *ep)
{
    __builtin_prefetch(ep);
    __builtin_prefetch((const char *)ep + 64, 1);
    __builtin_prefetch((const char *)ep + 192, 1);
    __builtin_prefetch(&ep->latch);
}

static inline bool cw_pt_in(const uint64_t set[2], unsigned pt)
{
    return set[pt >> 6] >> (pt & 63) & 1;
}

#endif
