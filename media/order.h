/* order.h - what the loop asks of a worker, and the plane both belong to. */
#ifndef CW_MEDIA_ORDER_H
#define CW_MEDIA_ORDER_H

#include "media/io/port.h"
#include "media/shared.h"
#include "media/transport.h"

#define CW_WORKERS_MAX 256

struct cw_plane {
    cw_plane_conf conf;
    cw_loop *loop;
    cw_xdp *xdp;               /* NULL: sockets only */
    cw_ports *ports4, *ports6; /* NULL: family not served */
    struct cw_trans_pool *pool;
    cw_shared *formats; /* of all endpoints */
    unsigned worker_n;
    cw_worker *worker[CW_WORKERS_MAX];
    unsigned load[CW_WORKERS_MAX]; /* endpoints */
    bool orders[CW_WORKERS_MAX];   /* given, and the worker not woken */
    cw_flush *flush;
    GPtrArray *watched;    /* of cw_ep, borrowed */
    cw_timer *watch_timer; /* runs while any is */
};

/* quiet.c */
void cw_quiet_open(cw_plane *plane) CW_ON_LOOP;
void cw_quiet_close(cw_plane *plane) CW_ON_LOOP;
void cw_quiet_forget(cw_ep *ep) CW_ON_LOOP; /* watched or not */

/* What a message to a worker carries; each kind uses its part. */
typedef struct cw_order {
    cw_mail mail; /* first */
    cw_transport *transport;
    cw_ep *ep, *other;
    cw_ice ice;
    cw_seal_new seal;
    void *dtls;
    const cw_stream *rx, *tx; /* shared.h */
    cw_addr rtp, rtcp;
    bool mux;
    cw_latch_mode latch;
    int fd;
    cw_dir dir;
    unsigned event, ms;
    cw_dtmf_mode dtmf_mode;
    struct cw_video *video;
    struct cw_twcc *twcc;
    cw_ep_feedback_conf feedback;
    struct cw_others *others;
} cw_order;

/* plane_ep.c */
cw_ep *cw_ep_alloc(cw_plane *plane, unsigned worker, cw_ep_kind kind, cw_ep_fn *fn,
                   void *arg) CW_ON_LOOP;
void cw_ep_give(cw_ep *ep, cw_order *order) CW_ON_LOOP; /* takes it */

/* `run` frees it. Any thread. */
cw_order *cw_order_new(void (*run)(cw_worker *worker, cw_mail *mail));

/* Takes it; the worker is woken before the loop waits. */
void cw_order_give(cw_plane *plane, unsigned worker, cw_order *order) CW_ON_LOOP;

#endif
