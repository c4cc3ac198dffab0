/* flow_trans.c - transcoding as the worker sees it: what goes to the pool, what comes back. */
#include "base/stats.h"
#include "media/flow.h"
#include "media/transcode.h"

/* ── What is to be transcoded ── */
/* The codec its far side gets: the first of theirs that we can make. */
static const cw_format *target_of(const cw_ep *out) CW_ON_MEDIA
{
    for (unsigned i = 0; i < out->tx_formats->format_n; i++) {
        const cw_format *format = &out->tx_formats->format[i];

        if (format->pt < 128 && cw_codec_can(format))
            return format;
    }
    return NULL;
}

static const cw_format *format_of(const cw_stream *stream, unsigned pt)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt == pt)
            return &stream->format[i];
    return NULL;
}

/* A payload of the one may be sent as one of the other: some codecs are packed in two ways. */
static bool passes(cw_ep *ep, const cw_format *format) CW_ON_MEDIA
{
    unsigned pt = ep->map[format->pt];

    return pt != CW_PT_NONE && cw_codec_same_payload(format, format_of(ep->out->tx_formats, pt));
}

static bool mark(cw_ep *ep) CW_ON_MEDIA
{
    const cw_stream *rx = ep->rx_formats;
    bool hush = cw_flow_hushes(ep), any = false;

    for (unsigned i = 0; i < rx->format_n; i++) {
        const cw_format *format = &rx->format[i];

        if (format->pt < 128 && cw_codec_can(format) && (hush || !passes(ep, format))) {
            ep->map[format->pt] = CW_PT_TRANSCODE;
            any = true;
        }
    }
    for (unsigned i = 0; any && i < rx->format_n; i++)
        if (rx->format[i].pt < 128 && cw_codec_is_noise(&rx->format[i]))
            ep->map[rx->format[i].pt] = CW_PT_TRANSCODE;
    return any;
}

bool cw_trans_same_format(const cw_format *a, const cw_format *b)
{
    return a->pt == b->pt && a->clock_hz == b->clock_hz && a->channels == b->channels &&
           !strcmp(a->name, b->name) && !strcmp(a->fmtp, b->fmtp);
}

bool cw_trans_same_rx(const cw_trans *trans, const cw_stream *rx)
{
    if (trans->rx->format_n != rx->format_n)
        return false;
    for (unsigned i = 0; i < rx->format_n; i++)
        if (!cw_trans_same_format(&trans->rx->format[i], &rx->format[i]))
            return false;
    return true;
}

/* A re-offer that changes nothing must not be heard. */
static bool still_fits(const cw_trans *trans, const cw_ep *ep, const cw_format *target) CW_ON_MEDIA
{
    return trans->to == ep->out && trans->listens == ep->listening &&
           trans->hushes == cw_flow_hushes(ep) &&
           trans->ptime_ms == ep->out->tx_formats->ptime_ms &&
           cw_trans_same_format(&trans->tx, target) && cw_trans_same_rx(trans, ep->rx_formats);
}

void cw_flow_transcoding_end(cw_worker *worker, cw_ep *ep)
{
    cw_trans *trans = ep->trans;

    if (!trans)
        return;
    ep->trans = NULL;
    CW_CELL_SET(ep->count.transcoded, false);
    g_ptr_array_remove_fast(worker->trans, trans);
    cw_trans_free(trans);
}

void cw_flow_transcoding(cw_worker *worker, cw_ep *ep)
{
    const cw_format *target = NULL;

    if (ep->out && ep->rx_formats && ep->out->tx_formats && ep->rx_formats->kind == CW_AUDIO)
        target = target_of(ep->out);
    if (!target || !mark(ep) || (ep->trans && !still_fits(ep->trans, ep, target)))
        cw_flow_transcoding_end(worker, ep);
}

/* ── To the pool ── */
static cw_trans *begin(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    const cw_format *target = target_of(ep->out);
    cw_trans *trans;

    if (!target)
        return NULL;
    trans = cw_trans_new(worker->pool, worker, worker->index, ep->rx_formats, target,
                         ep->out->tx_formats->ptime_ms, ep->listening);
    if (!trans)
        return NULL;
    trans->hushes = cw_flow_hushes(ep);
    trans->from = ep;
    trans->to = ep->out;
    trans->ssrc = ep->tx.ssrc;
    g_ptr_array_add(worker->trans, trans);
    ep->trans = trans;
    CW_CELL_SET(ep->count.transcoded, true);
    return trans;
}

void cw_flow_transcode(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt, const cw_rtp *rtp,
                       unsigned pt)
{
    cw_trans *trans = ep->trans ? ep->trans : begin(worker, ep);
    cw_trans_in in = { .at_us = worker->now_us,
                       .ts = rtp->ts,
                       .ssrc = rtp->ssrc,
                       .seq = rtp->seq,
                       .pt = (uint8_t)pt };

    if (!trans || rtp->payload_len > CW_JITTER_PAYLOAD ||
        !cw_trans_put(trans, &in, pkt->slot->data + rtp->payload_at, rtp->payload_len)) {
        cw_stat_add(CW_STAT_transcode_dropped, 1);
        cw_flow_drop(worker, ep);
    }
}

/* ── And back ── */
static void send_one(cw_worker *worker, cw_trans *trans, const cw_trans_out *head, cw_pkt *pkt,
                     uint16_t len) CW_ON_MEDIA
{
    cw_rtp rtp = { .pt = trans->tx.pt,
                   .ts = head->ts,
                   .ssrc = trans->ssrc,
                   .payload_at = CW_RTP_HEADER,
                   .payload_len = len };

    if (head->fresh)
        trans->to->tx.resync = true;
    rtp.seq = trans->seq++;
    pkt->len = CW_RTP_HEADER + len;
    cw_flow_tx(worker, trans->to, pkt, &rtp);
}

static void send_all(cw_worker *worker, cw_trans *trans) CW_ON_MEDIA
{
    bool more = true;

    while (more) {
        cw_trans_out head;
        uint16_t len;
        cw_pkt pkt;

        cw_io_blank(worker->io, &pkt);
        more = cw_ring_take(&trans->out, &head, sizeof head, pkt.slot->data + CW_RTP_HEADER, &len);
        if (more && head.key)
            cw_flow_key_heard(worker, trans->from, head.key, head.key_ms);
        else if (more)
            send_one(worker, trans, &head, &pkt, len);
        cw_io_done(worker->io, &pkt);
    }
}

static void tell(cw_trans *trans) CW_ON_MEDIA
{
    cw_ep_count *count = &trans->from->count;
    cw_trans *back = trans->to->trans;

    CW_CELL_SET(count->concealed_ms, CW_CELL_GET(trans->count.concealed_ms));
    CW_CELL_SET(count->delay_ms, CW_CELL_GET(trans->count.delay_ms));
    CW_CELL_SET(trans->loss,
                (uint8_t)(CW_CELL_GET(trans->to->count.remote_lost) * 100 / 256)); /* of 256 */
    if (back)
        CW_CELL_SET(back->cmr, CW_CELL_GET(trans->asked));
}

void cw_flow_transcoded(cw_worker *worker)
{
    for (guint i = 0; i < worker->trans->len; i++) {
        cw_trans *trans = g_ptr_array_index(worker->trans, i);

        if (cw_ring_empty(&trans->out))
            continue;
        send_all(worker, trans);
        if (trans->to)
            tell(trans);
    }
}
