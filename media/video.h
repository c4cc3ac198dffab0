/* video.h - what an endpoint of pictures needs beyond relaying: packets asked for again and given
 * again, keyframes, congestion feedback. Made by the loop, then its worker's; sound has none of it.
 */
#ifndef CW_MEDIA_VIDEO_H
#define CW_MEDIA_VIDEO_H

#include "media/rtp/nack.h"
#include "media/plane.h"
#include "media/rtp/resend.h"
#include "media/rtp/rtp.h"
#include "media/rtp/twcc.h"
#include "media/worker.h"

typedef struct cw_video {
    cw_ep_feedback_conf conf;
    uint8_t rx_rtx[128]; /* which format a retransmission's is for, CW_PT_NONE: it is none */
    uint8_t tx_rtx[128]; /* and with which to resend, CW_PT_NONE: plainly */
    uint64_t heard_us;   /* the last packet of the stream being received */

    /* Received */
    cw_nack nack;
    uint64_t keyframe_us; /* asked for last */
    bool keyframe_wanted; /* to be asked for again when that is long enough ago */
    uint8_t fir_nr;
    uint64_t told_kbps; /* by the last REMB */

    /* Sent */
    cw_resend *resend; /* NULL: nothing is kept */
    uint32_t rtx_ssrc;
    uint16_t rtx_seq;
    uint64_t resent_us; /* begin of the second that resent_n counts in */
    unsigned resent_n;
    bool fir_known;
    uint8_t fir_seen; /* number of the last FIR obeyed */
    /* What its far side can take, 0: not said */
    unsigned remb_kbps;           /* by its REMB, see take_remb() */
    uint64_t remb_us, remb_bytes; /* when the rate was measured, and what was sent until then */
    unsigned remb_rate_kbps;
    uint32_t rtt_min_us;          /* the shortest round trip, 0: not known */
    unsigned loss_kbps;           /* by what it lost */
    uint64_t rate_us, rate_bytes; /* when it last reported loss, and what was sent until then */
} cw_video;

cw_video *cw_video_new(size_t resend_bytes); /* any thread */
void cw_video_free(cw_video *video);         /* any thread; NULL is fine */

struct cw_ep;

/* cw_ep_feedback's order: takes `video` and `twcc`. */
void cw_video_set(cw_worker *worker, struct cw_ep *ep, cw_video *video, cw_twcc *twcc,
                  const cw_ep_feedback_conf *conf) CW_ON_MEDIA;
void cw_video_formats(struct cw_ep *ep) CW_ON_MEDIA; /* the endpoint's formats changed */
bool cw_video_knows(const struct cw_ep *ep, unsigned pt) CW_ON_MEDIA; /* a retransmission's type? */

/* A packet came. False: it is dealt with; else it goes on as any other does. */
bool cw_video_rx(cw_worker *worker, struct cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp) CW_ON_MEDIA;
/* A packet of number `seq` is about to leave. */
void cw_video_tx(cw_worker *worker, struct cw_ep *ep, const cw_pkt *pkt, uint16_t seq) CW_ON_MEDIA;
/* Feedback came. */
void cw_video_feedback(cw_worker *worker, struct cw_ep *ep, const cw_rtcp_item *item) CW_ON_MEDIA;
/* Its far side lost this of what we sent, in 256ths. */
void cw_video_lost(cw_worker *worker, struct cw_ep *ep, unsigned fraction) CW_ON_MEDIA;
/* REMB, for a report that is being written. */
void cw_video_report(cw_worker *worker, struct cw_ep *ep, cw_rtcp_out *out) CW_ON_MEDIA;
bool cw_video_ticks(const cw_worker *worker, const struct cw_ep *ep) CW_ON_MEDIA;
void cw_video_tick(cw_worker *worker, struct cw_ep *ep) CW_ON_MEDIA;

#endif
