/* worker.h - one packet thread: its sockets, what it serves, its clock.
 *
 * The loop makes and ends it; in between only the thread touches what is CW_OF_MEDIA.
 */
#ifndef CW_MEDIA_WORKER_H
#define CW_MEDIA_WORKER_H

#include "media/io/addrtab.h"
#include "media/io/io.h"
#include "media/mail.h"
#include "media/plane.h"
#include "media/rtp/rtcp.h"
#include "media/codec/tone.h"

#include <glib.h>

#define CW_REPORT_STEPS   64
#define CW_REPORT_STEP_US 100000

typedef struct cw_worker cw_worker;

typedef struct cw_browser_port {
    alignas(64) int fd; /* aligned: epoll's data tags the pointer, see worker.c */
    cw_addr addr;
} cw_browser_port;

/* How long to collect packets after a batch; see gather.c. */
typedef struct cw_gather {
    unsigned max_us;
    unsigned packets; /* since `since_us` */
    uint64_t since_us;
    unsigned wait_us; /* 0: it does not pay */
} cw_gather;

struct cw_worker {
    cw_box box;
    cw_notes *notes;
    const cw_plane_conf *conf;
    unsigned index;
    GThread *thread;
    char cname[CW_RTCP_CNAME];
    unsigned browser_n;
    cw_browser_port browser[CW_DESC_STREAMS_MAX];

    int epoll;
    struct cw_inlet *inlet; /* NULL until a transport is carried; the loop makes it */
    bool stop CW_OF_MEDIA;
    uint64_t now_us CW_OF_MEDIA; /* read once a batch */
    cw_io *io CW_OF_MEDIA;
    cw_addrtab by_local
        CW_OF_MEDIA; /* by the address a datagram came to: epoll's data; see wire.h */
    cw_addrtab by_addr CW_OF_MEDIA; /* of cw_transport: addresses that passed a check */
    GHashTable *by_ufrag CW_OF_MEDIA;
    GPtrArray *transports CW_OF_MEDIA;
    struct cw_trans_pool *pool;
    GPtrArray *trans CW_OF_MEDIA;   /* of cw_trans: what it gave to the pool */
    GPtrArray *ticking CW_OF_MEDIA; /* of cw_ep: those that send by the clock */
    cw_tones *tones CW_OF_MEDIA;
    uint64_t tick CW_OF_MEDIA;       /* number */
    uint64_t tick_us CW_OF_MEDIA;    /* of the next tick, when `ticking` is not empty */
    uint64_t consent_us CW_OF_MEDIA; /* of the next look, 0: none is bound */
    struct cw_ep *report[CW_REPORT_STEPS] CW_OF_MEDIA; /* who reports in which step, lists */
    uint64_t report_us CW_OF_MEDIA; /* of the first step that somebody waits in, 0: nobody */
    uint64_t ntp_add;               /* to now_us as 32.32 seconds: wall-clock time (RFC 3550 4) */
    uint32_t dice CW_OF_MEDIA;
    cw_gather gather CW_OF_MEDIA;
    unsigned in CW_OF_MEDIA, out CW_OF_MEDIA, dropped CW_OF_MEDIA; /* since last told cw_stats */
    unsigned unsealed CW_OF_MEDIA;                                 /* the same, among the dropped */
};

/* What epoll hands back: a 64-byte aligned pointer and one of these. */
enum { CW_TAG_RTP, CW_TAG_RTCP, CW_TAG_BROWSER, CW_TAG_BOX, CW_TAG_WIRE, CW_TAG_MASK = 63 };

/* CW_E_IO: `why` says what the kernel refused. `conf` and `pool` must outlive it. `xdp` NULL:
 * sockets only. */
CW_NODISCARD cw_err cw_worker_new(cw_loop *loop, const cw_plane_conf *conf,
                                  struct cw_trans_pool *pool, unsigned index, cw_xdp *xdp,
                                  cw_worker **ret, char why[static 128]) CW_ON_LOOP;
/* After its mail so far is done the thread ends and is joined; notes still raised are run. */
void cw_worker_free(cw_worker *worker) CW_ON_LOOP;
void cw_worker_send(cw_worker *worker, cw_mail *mail);  /* takes it; any thread */
void cw_worker_leave(cw_worker *worker, cw_mail *mail); /* the same, unwoken; any thread */
void cw_worker_wake(cw_worker *worker);                 /* any thread */

/* Have the endpoint's sockets read, or not any more. */
struct cw_ep;
void cw_worker_watch(cw_worker *worker, struct cw_ep *ep) CW_ON_MEDIA;
void cw_worker_unwatch(cw_worker *worker, struct cw_ep *ep) CW_ON_MEDIA;
/* Call cw_flow_tick() every 20 ms for it, or not any more. */
void cw_worker_tick(cw_worker *worker, struct cw_ep *ep, bool on) CW_ON_MEDIA;

/* worker_wire.c: what comes to the socket's address by the wire is what epoll's data says. */
void cw_worker_serve(cw_worker *worker, int fd, uint64_t tagged) CW_ON_MEDIA;
void cw_worker_unserve(cw_worker *worker, int fd, uint64_t tagged) CW_ON_MEDIA;
void cw_worker_read_wire(cw_worker *worker) CW_ON_MEDIA;
/* Spreads what the clock does; nothing secret may come of it. */
static inline uint32_t cw_worker_dice(cw_worker *worker) CW_ON_MEDIA
{
    return worker->dice = worker->dice * 1664525 + 1013904223;
}

void cw_report_run(cw_worker *worker) CW_ON_MEDIA; /* flow_rtcp.c: those whose step has come */

/* gather.c: pure, any thread */
void cw_gather_init(cw_gather *gather, unsigned max_us);
/* After a batch of `packets`: microseconds to sleep before the next. Pure. */
unsigned cw_gather_next(cw_gather *gather, unsigned packets, uint64_t now_us);

#endif
