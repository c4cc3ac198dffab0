#include "media/video.h"

#include "base/stats.h"
#include "media/transport.h"

#define QUIET_US     300000 /* another SSRC of a bundle counts when the first is silent this long */
#define TWCC_US      60000
#define RTT_US       100000 /* until it is known */
#define RTT_MIN_US   20000
#define ASK_MAX      64 /* numbers in one NACK */
#define QUEUE_US     400000
#define REMB_RATE_US 500000 /* over which the rate that flows is measured */
#define KBPS_MIN     50
#define KBPS_START   300 /* a sender begins with about this: less needs proof */
#define LOSS_HIGH    26  /* of 256: 10 % */
#define LOSS_LOW     5   /* 2 % */

cw_video *cw_video_new(size_t resend_bytes)
{
    cw_video *video = g_new0(cw_video, 1);

    video->resend = cw_resend_new(resend_bytes);
    memset(video->rx_rtx, CW_PT_NONE, sizeof video->rx_rtx);
    memset(video->tx_rtx, CW_PT_NONE, sizeof video->tx_rtx);
    return video;
}

void cw_video_free(cw_video *video)
{
    if (!video)
        return;
    cw_resend_free(video->resend);
    g_free(video);
}

void cw_video_formats(cw_ep *ep)
{
    cw_video *video = ep->of_video;

    memset(video->rx_rtx, CW_PT_NONE, sizeof video->rx_rtx);
    memset(video->tx_rtx, CW_PT_NONE, sizeof video->tx_rtx);
    for (unsigned i = 0; ep->rx_formats && i < ep->rx_formats->format_n; i++) {
        const cw_format *format = &ep->rx_formats->format[i];

        if (format->pt < 128 && format->rtx_pt && format->rtx_pt < 128)
            video->rx_rtx[format->rtx_pt] = format->pt;
    }
    for (unsigned i = 0; ep->tx_formats && i < ep->tx_formats->format_n; i++) {
        const cw_format *format = &ep->tx_formats->format[i];

        if (format->pt < 128 && format->rtx_pt)
            video->tx_rtx[format->pt] = format->rtx_pt;
    }
}

void cw_video_set(cw_worker *worker, cw_ep *ep, cw_video *video, cw_twcc *twcc,
                  const cw_ep_feedback_conf *conf)
{
    ep->silent = conf->silent;
    if (ep->of_video && video && !ep->of_video->resend)
        ep->of_video->resend = g_steal_pointer(&video->resend);
    if (ep->of_video || !conf->video)
        cw_video_free(video);
    else
        ep->of_video = video;
    if (ep->of_video) {
        ep->of_video->conf = *conf;
        ep->of_video->rtx_ssrc = ep->rtx_ssrc;
        cw_video_formats(ep);
    }
    if (!ep->transport || ep->transport->twcc || !(conf->feedback & CW_FB_TWCC))
        g_free(twcc);
    else
        ep->transport->twcc = twcc;
}

bool cw_video_knows(const cw_ep *ep, unsigned pt)
{
    return ep->of_video && ep->of_video->rx_rtx[pt] != CW_PT_NONE;
}

static bool agreed(const cw_ep *ep, cw_feedback bit) CW_ON_MEDIA
{
    return ep->of_video && ep->of_video->conf.feedback & bit && !ep->silent;
}

/* ── Feedback of ours ── */
static void begin(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtcp_out *out) CW_ON_MEDIA
{
    cw_io_blank(worker->io, pkt);
    *out = (cw_rtcp_out){ .data = pkt->slot->data, .cap = CW_RTP_MAX, .own = ep->tx.ssrc };
    if (agreed(ep, CW_FB_RSIZE))
        return;
    cw_rtcp_put_report(out, NULL, NULL);
    cw_rtcp_put_cname(out, worker->cname);
}

static void finish(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, const cw_rtcp_out *out) CW_ON_MEDIA
{
    pkt->len = out->len;
    if (pkt->len > 0)
        cw_flow_send(worker, ep, pkt, true);
    cw_io_done(worker->io, pkt);
}

static void send_picture_request(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    cw_rtcp_out out;
    cw_pkt pkt;

    begin(worker, ep, &pkt, &out);
    if (agreed(ep, CW_FB_PLI))
        cw_rtcp_put_pli(&out, ep->rx.ssrc);
    else
        cw_rtcp_put_fir(&out, ep->rx.ssrc, ++ep->of_video->fir_nr);
    finish(worker, ep, &pkt, &out);
}

static void ask_keyframe(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    ep->of_video->keyframe_us = worker->now_us;
    ep->of_video->keyframe_wanted = false;
    cw_stat_inc(CW_STAT_keyframes_asked);
    if (agreed(ep, CW_FB_PLI) || agreed(ep, CW_FB_FIR))
        send_picture_request(worker, ep);
    else
        cw_notes_raise(worker->notes, &ep->note, CW_NOTE_KEYFRAME);
}

void cw_flow_keyframe(cw_worker *worker, cw_ep *ep)
{
    cw_video *video = ep->of_video;

    if (!video || !ep->rx.begun || !(ep->dir & CW_RECVONLY))
        return;
    if (video->keyframe_us &&
        worker->now_us - video->keyframe_us < worker->conf->keyframe_ms * UINT64_C(1000)) {
        video->keyframe_wanted = true;
        cw_flow_ticking(worker, ep);
        return;
    }
    ask_keyframe(worker, ep);
}

static void send_nack(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    uint32_t rtt_us = CW_CELL_GET(ep->count.rtt_us);
    uint16_t seq[ASK_MAX];
    cw_rtcp_out out;
    cw_pkt pkt;
    size_t n = cw_nack_ask(&ep->of_video->nack, worker->now_us,
                           rtt_us ? MAX(rtt_us, RTT_MIN_US) : RTT_US, seq, ASK_MAX);

    if (n == 0)
        return;
    begin(worker, ep, &pkt, &out);
    cw_rtcp_put_nack(&out, ep->rx.ssrc, seq, n);
    finish(worker, ep, &pkt, &out);
}

static void send_twcc(cw_worker *worker, cw_ep *ep, cw_twcc *twcc) CW_ON_MEDIA
{
    cw_rtcp_out out;
    cw_pkt pkt;

    begin(worker, ep, &pkt, &out);
    cw_twcc_put(twcc, &out, worker->now_us);
    finish(worker, ep, &pkt, &out);
}

/* ── How much its far side may send ── */
static unsigned lower(unsigned a, unsigned b)
{
    return a && b ? MIN(a, b) : a | b;
}

static unsigned limit_kbps(const cw_worker *worker, const cw_ep *ep) CW_ON_MEDIA
{
    const cw_video *to = ep->out ? ep->out->of_video : NULL;
    unsigned kbps = worker->conf->video_kbps;

    if (to) {
        kbps = lower(kbps, to->conf.kbps_max);
        kbps = lower(kbps, to->remb_kbps);
        kbps = lower(kbps, to->loss_kbps);
    }
    return kbps ? MAX(kbps, KBPS_MIN) : 0;
}

void cw_video_report(cw_worker *worker, cw_ep *ep, cw_rtcp_out *out)
{
    unsigned kbps = limit_kbps(worker, ep);

    if (!agreed(ep, CW_FB_REMB) || !ep->rx.begun || !kbps)
        return;
    ep->of_video->told_kbps = kbps;
    cw_rtcp_put_remb(out, ep->rx.ssrc, (uint64_t)kbps * 1000);
}

/* Less is told at once, more with the next report. */
static void limit_changed(cw_worker *worker, cw_ep *source) CW_ON_MEDIA
{
    cw_rtcp_out out;
    cw_pkt pkt;

    if (!source || !agreed(source, CW_FB_REMB) || !source->of_video->told_kbps ||
        limit_kbps(worker, source) >= source->of_video->told_kbps)
        return;
    begin(worker, source, &pkt, &out);
    cw_video_report(worker, source, &out);
    finish(worker, source, &pkt, &out);
}

/* A far side that sends no estimate of its own: less when it loses a tenth, slowly more when it
 * loses nothing, by what was really sent. */
void cw_video_lost(cw_worker *worker, cw_ep *ep, unsigned fraction)
{
    cw_video *video = ep->of_video;
    uint64_t bytes = CW_CELL_GET(ep->count.tx_bytes), since_us = worker->now_us - video->rate_us;
    uint64_t kbps = since_us ? (bytes - video->rate_bytes) * 8000 / since_us : 0;

    if (agreed(ep, CW_FB_REMB) || since_us < 200000)
        return;
    if (video->rate_us && fraction > LOSS_HIGH && kbps > 0)
        video->loss_kbps = (unsigned)MAX(kbps * (512 - fraction) / 512, KBPS_MIN);
    else if (fraction < LOSS_LOW && video->loss_kbps)
        video->loss_kbps += video->loss_kbps / 12 + 1;
    if (video->loss_kbps > 4 * kbps + 1000)
        video->loss_kbps = 0; /* it stopped being what limits */
    video->rate_us = worker->now_us;
    video->rate_bytes = bytes;
    limit_changed(worker, cw_flow_source(ep));
}

/* Does it lose packets, or do they queue? */
static bool is_congested(cw_ep *ep) CW_ON_MEDIA
{
    cw_video *video = ep->of_video;
    uint32_t rtt_us = CW_CELL_GET(ep->count.rtt_us);

    if (rtt_us && (!video->rtt_min_us || rtt_us < video->rtt_min_us))
        video->rtt_min_us = rtt_us;
    return CW_CELL_GET(ep->count.remote_lost) > LOSS_LOW || rtt_us > video->rtt_min_us + QUEUE_US;
}

/* Browsers estimate from when packets of pictures come, and mistake their own load for a queue:
 * what flows now, and half as much again, is too much only when loss or round trips say so too;
 * then it falls by a quarter at a time. */
static void take_remb(cw_worker *worker, cw_ep *ep, unsigned kbps) CW_ON_MEDIA
{
    cw_video *video = ep->of_video;
    uint64_t since_us = worker->now_us - video->remb_us;
    unsigned flows;

    if (since_us >= REMB_RATE_US) {
        uint64_t bytes = CW_CELL_GET(ep->count.tx_bytes);

        video->remb_rate_kbps = (unsigned)((bytes - video->remb_bytes) * 8000 / since_us);
        video->remb_us = worker->now_us;
        video->remb_bytes = bytes;
    }
    flows = video->remb_rate_kbps;
    video->remb_kbps =
        is_congested(ep) ? MAX(kbps, flows - flows / 4) : MAX(kbps, MAX(flows * 3 / 2, KBPS_START));
    limit_changed(worker, cw_flow_source(ep));
}

/* ── In ── */
static void forward(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp) CW_ON_MEDIA
{
    rtp->pt = ep->map[rtp->pt];
    if (ep->out && rtp->pt != CW_PT_NONE && ep->dir & CW_RECVONLY)
        cw_flow_tx(worker, ep->out, pkt, rtp);
}

/* RFC 4588 4: the original number before the payload. One without payload only probes the path. */
static void take_rtx(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp) CW_ON_MEDIA
{
    if (rtp->payload_len < 2 || !ep->rx.begun)
        return;
    rtp->seq = cw_get16(pkt->slot->data + rtp->payload_at);
    rtp->payload_at += 2;
    rtp->payload_len -= 2;
    rtp->ssrc = ep->rx.ssrc;
    rtp->pt = ep->of_video->rx_rtx[rtp->pt];
    if (cw_nack_got(&ep->of_video->nack, rtp->seq, worker->now_us))
        forward(worker, ep, pkt, rtp);
}

static void note_arrival(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt,
                         const cw_rtp *rtp) CW_ON_MEDIA
{
    size_t len;
    const uint8_t *at = cw_rtp_ext(pkt->slot->data, rtp, ep->of_video->conf.twcc_ext, &len);

    if (at && len == 2)
        cw_twcc_got(ep->transport->twcc, cw_get16(at), ep->rx.begun ? ep->rx.ssrc : rtp->ssrc,
                    worker->now_us);
}

/* Of a sender's layers one is relayed: the first, as long as it comes. */
static bool is_other_layer(const cw_worker *worker, const cw_ep *ep, const cw_rtp *rtp) CW_ON_MEDIA
{
    return ep->kind == CW_EP_BROWSER && ep->rx.begun && rtp->ssrc != ep->rx.ssrc &&
           worker->now_us - ep->of_video->heard_us < QUIET_US;
}

static bool take_known(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp) CW_ON_MEDIA
{
    cw_video *video = ep->of_video;

    if (is_other_layer(worker, ep, rtp)) {
        cw_flow_drop(worker, ep);
        return false;
    }
    if (rtp->ssrc != ep->rx.ssrc)
        cw_nack_reset(&video->nack);
    video->heard_us = worker->now_us;
    if (!agreed(ep, CW_FB_NACK) || !cw_nack_got(&video->nack, rtp->seq, worker->now_us))
        return true;
    /* Asked for and sent again under its own number, which may be far behind by now. */
    ep->rx.received++;
    CW_CELL_ADD(ep->count.rx_packets, 1);
    CW_CELL_ADD(ep->count.rx_bytes, rtp->payload_len);
    CW_CELL_SET(ep->count.rx_lost, cw_rx_lost(&ep->rx));
    forward(worker, ep, pkt, rtp);
    return false;
}

bool cw_video_rx(cw_worker *worker, cw_ep *ep, cw_pkt *pkt, cw_rtp *rtp)
{
    if (!ep->of_video)
        return true;
    if (ep->of_video->conf.twcc_ext && ep->transport && ep->transport->twcc)
        note_arrival(worker, ep, pkt, rtp);
    if (!ep->ticking)
        cw_flow_ticking(worker, ep);
    if (cw_pt_in(ep->rx_known, rtp->pt) && ep->dir & CW_RECVONLY)
        return take_known(worker, ep, pkt, rtp);
    if (ep->of_video->rx_rtx[rtp->pt] == CW_PT_NONE)
        return true;
    take_rtx(worker, ep, pkt, rtp);
    return false;
}

/* ── Out ── */
void cw_video_tx(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt, uint16_t seq)
{
    if (agreed(ep, CW_FB_NACK) && ep->of_video->resend)
        cw_resend_put(ep->of_video->resend, seq, pkt->slot->data + pkt->at, pkt->len,
                      worker->now_us);
}

static bool may_resend(const cw_worker *worker, cw_video *video) CW_ON_MEDIA
{
    if (worker->now_us - video->resent_us >= 1000000) {
        video->resent_us = worker->now_us;
        video->resent_n = 0;
    }
    return video->resent_n++ < worker->conf->resend_per_s;
}

/* Packets kept have a bare header: we wrote it. */
static void write_rtx(cw_video *video, uint8_t *to, const uint8_t *from, size_t len, uint8_t pt)
{
    memcpy(to, from, CW_RTP_HEADER);
    to[1] = (uint8_t)((from[1] & 0x80) | pt);
    cw_put16(to + 2, ++video->rtx_seq);
    cw_put32(to + 8, video->rtx_ssrc);
    memcpy(to + CW_RTP_HEADER, from + 2, 2);
    memcpy(to + CW_RTP_HEADER + 2, from + CW_RTP_HEADER, len - CW_RTP_HEADER);
}

static void resend(cw_worker *worker, cw_ep *ep, uint16_t seq) CW_ON_MEDIA
{
    cw_video *video = ep->of_video;
    uint32_t rtt_us = CW_CELL_GET(ep->count.rtt_us);
    size_t len;
    const uint8_t *data =
        cw_resend_get(video->resend, seq, worker->now_us, worker->conf->resend_ms * UINT64_C(1000),
                      MAX(rtt_us / 2, RTT_MIN_US / 2), &len);
    uint8_t pt;
    cw_pkt pkt;

    if (!data || !may_resend(worker, video))
        return;
    pt = video->tx_rtx[data[1] & 127];
    cw_io_blank(worker->io, &pkt);
    if (pt == CW_PT_NONE)
        memcpy(pkt.slot->data, data, len);
    else
        write_rtx(video, pkt.slot->data, data, len, pt);
    pkt.len = pt == CW_PT_NONE ? len : len + 2;
    cw_stat_inc(CW_STAT_packets_resent);
    cw_flow_send(worker, ep, &pkt, false);
    cw_io_done(worker->io, &pkt);
}

void cw_video_feedback(cw_worker *worker, cw_ep *ep, const cw_rtcp_item *item)
{
    uint16_t seq[CW_RTCP_NACK_MAX];
    uint64_t bps;
    size_t n;

    if (agreed(ep, CW_FB_NACK) && ep->of_video->resend && ep->dir & CW_SENDONLY) {
        n = cw_rtcp_read_nack(item, ep->tx.ssrc, seq, CW_RTCP_NACK_MAX);
        for (size_t i = 0; i < n; i++)
            resend(worker, ep, seq[i]);
    }
    if (agreed(ep, CW_FB_REMB) && cw_rtcp_read_remb(item, ep->tx.ssrc, &bps))
        take_remb(worker, ep, (unsigned)MIN(bps / 1000 + 1, 10000000));
}

/* ── By the clock ── */
bool cw_video_ticks(const cw_worker *worker, const cw_ep *ep)
{
    const cw_video *video = ep->of_video;
    const cw_twcc *twcc = ep->transport ? ep->transport->twcc : NULL;

    return video && (worker->now_us - video->heard_us < QUIET_US || video->nack.n > 0 ||
                     video->keyframe_wanted || (twcc && twcc->fresh));
}

void cw_video_tick(cw_worker *worker, cw_ep *ep)
{
    cw_video *video = ep->of_video;
    cw_twcc *twcc = ep->transport ? ep->transport->twcc : NULL;

    if (agreed(ep, CW_FB_NACK) && video->nack.n > 0)
        send_nack(worker, ep);
    if (video->nack.given_up || video->keyframe_wanted) {
        video->nack.given_up = false;
        video->keyframe_wanted = false;
        cw_flow_keyframe(worker, ep);
    }
    if (twcc && twcc->fresh && agreed(ep, CW_FB_TWCC) && worker->now_us - twcc->sent_us >= TWCC_US)
        send_twcc(worker, ep, twcc);
    cw_flow_ticking(worker, ep);
}
