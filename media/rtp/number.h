/* number.h - sequence numbers and timestamps of one stream, as received and as sent.
 *
 * Received: RFC 3550 A.1 (is it in order), A.3 (loss), A.8 (jitter). Sent: one SSRC whose numbers
 * stay continuous however often the stream that feeds it changes, and never go to two packets:
 * with SRTP that would use a key stream twice. Pure, any thread, no division but at a change.
 */
#ifndef CW_MEDIA_NUMBER_H
#define CW_MEDIA_NUMBER_H

#include "media/rtp/rtp.h"

typedef struct cw_rx {
    bool begun;
    uint8_t pt; /* last */
    uint32_t ssrc;
    uint32_t newest;     /* extended sequence number */
    uint32_t base;       /* first one of this SSRC */
    uint32_t received;   /* since then */
    uint32_t odd;        /* where the sequence would go on if it really jumped; 1 << 16: nowhere */
    int64_t lost_before; /* with earlier SSRCs */
    uint32_t ts;
    uint32_t jitter16; /* ticks * 16 */
    uint64_t at_us;
    uint32_t tick_mul; /* ticks a microsecond, 0.32 fixed point */
    uint32_t gaps;     /* runs of missing numbers, whatever their length */
    int32_t lag;       /* ticks behind the usual way through the network, which is learned */
    uint32_t late;     /* ticks of lag that no playout buffer waits for */
} cw_rx;

typedef enum cw_rx_verdict {
    CW_RX_DROP,    /* far off: the sequence may have jumped, the next packet tells */
    CW_RX_NEXT,    /* newer than all before */
    CW_RX_LATE,    /* reordered, or a repeat */
    CW_RX_RESTART, /* the first of a new sequence */
} cw_rx_verdict;

cw_rx_verdict cw_rx_count(cw_rx *rx, const cw_rtp *rtp);
/* For packets of CW_RX_NEXT that carry sound or picture. True: so late that the far side's listener
 * cannot have heard it (RFC 3611 4.7.1, discarded). */
bool cw_rx_time(cw_rx *rx, const cw_rtp *rtp, uint64_t now_us);
void cw_rx_clock(cw_rx *rx, uint32_t clock_hz); /* of the payload type that follows */
int64_t cw_rx_lost(const cw_rx *rx);
uint32_t cw_tick_mul(uint32_t clock_hz);

typedef struct cw_tx {
    bool begun;
    bool resync;  /* what comes next does not continue what went before */
    bool repeats; /* late and repeated packets pass (video, for NACK) */
    uint16_t seq_add, in_base;
    uint32_t ts_add, in_ssrc;
    uint32_t ssrc;
    uint32_t newest; /* extended sequence number sent */
    uint64_t sent;   /* bit n: newest - n was sent */
    uint32_t ts;     /* of newest */
    uint64_t at_us;  /* when that time was first sent */
    uint32_t clock_hz;
} cw_tx;

void cw_tx_init(cw_tx *tx); /* random SSRC and start */
/* Renumber a packet of the joined stream in *rtp. False: it must not be sent. */
bool cw_tx_place(cw_tx *tx, cw_rtp *rtp, uint64_t now_us);
/* Number a packet of our own between theirs: the next sequence number, rtp->ts as given. */
void cw_tx_insert(cw_tx *tx, cw_rtp *rtp, uint64_t now_us);
/* The timestamp of now: what newest had, and the time since. */
uint32_t cw_tx_now(const cw_tx *tx, uint64_t now_us);

#endif
