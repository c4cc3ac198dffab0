/* flow_rtcp.c - an endpoint as a party to RTCP: what its far side reports and asks for, and our own
 * reports, by one wheel a worker. RTCP never ends anything: who can forge a BYE could end calls. */
#include "media/flow.h"
#include "media/transport.h"
#include "media/video.h"

#include "base/ident.h"

#define FIRST_MS 1000 /* before the first report at most (RFC 3550 6.2: in unicast 0 would do) */
#define VIDEO_MS 1000 /* between two of a stream of pictures (RFC 4585 3.4) */
#define SOON_US  20000
#define STILL    4 /* intervals between two reports of who neither sends nor hears anything */
/* Whose turn comes in the same step wake the worker once. */
#define TURN_US     1000000
#define TURN_MIN_MS 4000 /* shorter intervals are kept to the step */

/* ── In ── */
cw_ep *cw_flow_source(cw_ep *ep)
{
    if (ep->peer && ep->peer->out == ep)
        return ep->peer;
    return ep->out == ep ? ep : NULL;
}

static void take_block(cw_worker *worker, cw_ep *ep, const cw_rtcp_block *block) CW_ON_MEDIA
{
    uint32_t rtt_us = cw_report_rtt(&ep->report, block, worker->now_us);

    if (rtt_us)
        CW_CELL_SET(ep->count.rtt_us, rtt_us);
    CW_CELL_SET(ep->count.remote_lost, block->fraction);
    CW_CELL_SET(ep->count.remote_jitter, block->jitter);
    CW_CELL_ADD(ep->count.remote_reports, 1);
    if (ep->of_video)
        cw_video_lost(worker, ep, block->fraction);
}

static void take_report(cw_worker *worker, cw_ep *ep, const cw_rtcp_item *item) CW_ON_MEDIA
{
    cw_rtcp_sender sender;
    cw_rtcp_block block;

    if (ep->rx.begun && cw_rtcp_from(item) == ep->rx.ssrc && cw_rtcp_read_sender(item, &sender) &&
        cw_report_heard(&ep->report, ep->rx.ssrc, &sender, worker->now_us) && ep->out)
        cw_report_at(worker, ep->out, worker->now_us + SOON_US); /* lips and voice meet at once */
    if (cw_rtcp_read_block(item, ep->tx.ssrc, &block))
        take_block(worker, ep, &block);
}

/* A FIR with a number seen before is the same request again (RFC 5104 4.3.1.2). */
static bool is_repeated(cw_video *video, uint8_t nr)
{
    bool same = video && video->fir_known && video->fir_seen == nr;

    if (video) {
        video->fir_known = true;
        video->fir_seen = nr;
    }
    return same;
}

void cw_flow_keyframe_asked(cw_worker *worker, cw_ep *ep)
{
    cw_ep *source = cw_flow_source(ep);

    if (source)
        cw_flow_keyframe(worker, source);
}

static void take_item(cw_worker *worker, cw_ep *ep, const cw_rtcp_item *item) CW_ON_MEDIA
{
    uint8_t nr;

    if (item->type == CW_RTCP_SR || item->type == CW_RTCP_RR)
        take_report(worker, ep, item);
    else if (cw_rtcp_is_pli(item, ep->tx.ssrc) ||
             (cw_rtcp_is_fir(item, ep->tx.ssrc, &nr) && !is_repeated(ep->of_video, nr)))
        cw_flow_keyframe_asked(worker, ep);
    else if (ep->of_video)
        cw_video_feedback(worker, ep, item);
}

void cw_flow_rtcp(cw_worker *worker, cw_ep *ep, const uint8_t *data, size_t len)
{
    const uint8_t *at = data;
    cw_rtcp_item item;

    CW_CELL_ADD(ep->count.rx_rtcp, 1);
    if (cw_rtcp_check(data, len)) {
        cw_flow_drop(worker, ep);
        return;
    }
    while (cw_rtcp_next(&at, data + len, &item))
        take_item(worker, ep, &item);
}

/* ── Our reports ── */
static bool can_report(const cw_ep *ep) CW_ON_MEDIA
{
    if (ep->silent)
        return false;
    return ep->kind != CW_EP_BROWSER || (ep->transport && ep->transport->seal.srtp);
}

/* Did it send since the last report? Then what it sent, and when that was. */
static bool sender_of(cw_worker *worker, cw_ep *ep, cw_rtcp_sender *ret) CW_ON_MEDIA
{
    cw_ep *source = cw_flow_source(ep);
    uint64_t packets = CW_CELL_GET(ep->count.tx_packets);

    if (packets == ep->report.tx_packets)
        return false;
    ep->report.tx_packets = packets;
    ret->packets = (uint32_t)packets;
    ret->octets = (uint32_t)CW_CELL_GET(ep->count.tx_bytes);
    cw_report_instant(source && !source->trans ? &source->report : NULL, &ep->tx, worker->now_us,
                      worker->ntp_add + cw_ntp_of_us(worker->now_us), ret);
    cw_report_sent(&ep->report, ret, worker->now_us);
    return true;
}

static void send_report(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    cw_rtcp_out out;
    cw_rtcp_sender sender;
    cw_rtcp_block block;
    bool sends, receives;
    cw_pkt pkt;

    if (!can_report(ep))
        return;
    sends = sender_of(worker, ep, &sender);
    receives = cw_report_block(&ep->report, &ep->rx, worker->now_us, &block);
    cw_io_blank(worker->io, &pkt);
    out = (cw_rtcp_out){ .data = pkt.slot->data, .cap = CW_RTP_MAX, .own = ep->tx.ssrc };
    cw_rtcp_put_report(&out, sends ? &sender : NULL, receives ? &block : NULL);
    cw_rtcp_put_cname(&out, worker->cname);
    if (ep->of_video)
        cw_video_report(worker, ep, &out);
    pkt.len = out.len;
    cw_flow_send(worker, ep, &pkt, true);
    cw_io_done(worker->io, &pkt);
}

/* ── The wheel: who reports when, in steps of 100 ms ── */
static uint64_t step_of(uint64_t us)
{
    return us / CW_REPORT_STEP_US;
}

static void unlink_report(cw_ep *ep) CW_ON_MEDIA
{
    if (!ep->report_link)
        return;
    *ep->report_link = ep->report_next;
    if (ep->report_next)
        ep->report_next->report_link = ep->report_link;
    ep->report_link = NULL;
}

/* What is further away than the wheel goes round waits there for the next round. */
static void link_report(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    uint64_t now = step_of(worker->now_us), step = step_of(ep->report_us) + 1;
    cw_ep **head;

    step = CLAMP(step, now + 1, now + CW_REPORT_STEPS - 1);
    head = &worker->report[step % CW_REPORT_STEPS];
    ep->report_next = *head;
    if (*head)
        (*head)->report_link = &ep->report_next;
    *head = ep;
    ep->report_link = head;
    if (!worker->report_us || step * CW_REPORT_STEP_US < worker->report_us)
        worker->report_us = step * CW_REPORT_STEP_US;
}

void cw_report_at(cw_worker *worker, cw_ep *ep, uint64_t at_us)
{
    if (!ep->report_link)
        return;
    unlink_report(ep);
    ep->still = 0;
    ep->report_us = at_us;
    link_report(worker, ep);
}

void cw_report_begin(cw_worker *worker, cw_ep *ep)
{
    unsigned ms = worker->conf->rtcp_interval_ms;

    if (!ms || (ep->kind != CW_EP_BROWSER && ep->kind != CW_EP_RTP))
        return;
    ep->report_us = worker->now_us + cw_report_wait_us(MIN(ms, FIRST_MS), cw_worker_dice(worker));
    link_report(worker, ep);
}

void cw_report_end(cw_ep *ep)
{
    unlink_report(ep);
}

/* Nothing moved since the last time, and what there was to say of it is said: one in STILL reports
 * is enough to be known as alive, for far sides wait five intervals (RFC 3550 6.3.5). */
static bool may_rest(cw_ep *ep) CW_ON_MEDIA
{
    uint64_t moved = CW_CELL_GET(ep->count.rx_packets) + CW_CELL_GET(ep->count.tx_packets);

    if (moved != ep->moved)
        ep->still = 0;
    ep->moved = moved;
    return ep->still++ % STILL != 0;
}

static void report_and_wait(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    unsigned ms = worker->conf->rtcp_interval_ms;

    if (ep->report_us <= worker->now_us) {
        bool rests = may_rest(ep);

        if (ep->video)
            ms = MIN(ms, VIDEO_MS);
        ep->report_us = worker->now_us + (rests ? (uint64_t)ms * 1000
                                                : cw_report_wait_us(ms, cw_worker_dice(worker)));
        if (ep->still > 1 && ms >= TURN_MIN_MS)
            ep->report_us -= ep->report_us % TURN_US;
        if (!rests)
            send_report(worker, ep);
    }
    link_report(worker, ep);
}

/* The first step that somebody waits for, 0: nobody does. */
static uint64_t next_step(const cw_worker *worker) CW_ON_MEDIA
{
    uint64_t now = step_of(worker->now_us);

    for (uint64_t step = now + 1; step < now + CW_REPORT_STEPS; step++)
        if (worker->report[step % CW_REPORT_STEPS])
            return step;
    return 0;
}

void cw_report_run(cw_worker *worker)
{
    uint64_t now = step_of(worker->now_us), first = step_of(worker->report_us);

    if (now - first >= CW_REPORT_STEPS)
        first = now - CW_REPORT_STEPS + 1;
    for (uint64_t step = first; step <= now; step++) {
        cw_ep *ep = worker->report[step % CW_REPORT_STEPS], *next;

        worker->report[step % CW_REPORT_STEPS] = NULL;
        for (; ep; ep = next) {
            next = ep->report_next;
            ep->report_link = NULL;
            report_and_wait(worker, ep);
        }
    }
    worker->report_us = next_step(worker) * CW_REPORT_STEP_US;
}
