/* play.c - endpoints that play a sound: to the end they are joined with, as its only source; or to
 * one that they fill, while nobody else is heard there (ringing, RFC 3960 3.2). */
#include "media/flow.h"

static const cw_format *format_for(const cw_ep *out) CW_ON_MEDIA
{
    int i = out->tx_formats ? cw_stream_codec(out->tx_formats) : -1;

    return i >= 0 && out->tx_formats->format[i].pt < 128 ? &out->tx_formats->format[i] : NULL;
}

/* The next frame; time goes on where nothing need be sent. NULL: nothing is, now. */
static const uint8_t *next_frame(cw_worker *worker, cw_ep_player *player, const cw_format *format,
                                 uint32_t *ts, size_t *len) CW_ON_MEDIA
{
    const uint8_t *frame =
        cw_tones_frame(worker->tones, format, player->sound, player->at, worker->tick, len);

    if (!frame)
        return NULL;
    *ts = player->ts;
    player->at++;
    player->ts += format->clock_hz / (1000 / CW_TONE_MS);
    return *len > 0 ? frame : NULL;
}

static void blank(cw_worker *worker, cw_pkt *pkt, const uint8_t *frame, size_t len) CW_ON_MEDIA
{
    cw_io_blank(worker->io, pkt);
    memcpy(pkt->slot->data + CW_RTP_HEADER, frame, len);
    pkt->len = CW_RTP_HEADER + len;
}

/* Its stream goes through the joined end like any other's, so numbers and gates are that end's. */
static void play_to(cw_worker *worker, cw_ep *ep, cw_ep *out) CW_ON_MEDIA
{
    const cw_format *format = format_for(out);
    const uint8_t *frame;
    cw_rtp rtp = { .ssrc = ep->tx.ssrc, .payload_at = CW_RTP_HEADER };
    size_t len;
    cw_pkt pkt;

    frame = format ? next_frame(worker, &ep->player, format, &rtp.ts, &len) : NULL;
    if (!frame)
        return;
    rtp.pt = format->pt;
    rtp.seq = ep->player.seq++;
    rtp.payload_len = (uint16_t)len;
    blank(worker, &pkt, frame, len);
    cw_flow_tx(worker, out, &pkt, &rtp);
    cw_io_done(worker->io, &pkt);
}

/* ── Where nobody is heard ── */

static bool is_heard(const cw_worker *worker, cw_ep *target, uint64_t after_us) CW_ON_MEDIA
{
    const cw_ep *source = cw_flow_source(target);

    return source && source->rx.at_us && worker->now_us - source->rx.at_us < after_us &&
           source->dir & CW_RECVONLY;
}

/* It begins anew each time; what comes after it does not continue it. */
static void fill(cw_worker *worker, cw_ep *ep, cw_ep *target) CW_ON_MEDIA
{
    const cw_format *format = format_for(target);
    cw_ep_player *player = &ep->player;
    const uint8_t *frame;
    cw_rtp rtp = { .payload_at = CW_RTP_HEADER };
    size_t len;
    cw_pkt pkt;

    if (!format || target->dtmf_busy || !(target->dir & CW_SENDONLY) ||
        is_heard(worker, target, player->after_us)) {
        player->playing = false;
        return;
    }
    if (!player->playing) {
        player->playing = rtp.marker = true;
        player->at = 0;
        player->ts = cw_tx_now(&target->tx, worker->now_us);
    }
    frame = next_frame(worker, player, format, &rtp.ts, &len);
    if (!frame)
        return;
    rtp.pt = format->pt;
    rtp.payload_len = (uint16_t)len;
    blank(worker, &pkt, frame, len);
    cw_flow_insert(worker, target, &pkt, &rtp);
    cw_io_done(worker->io, &pkt);
    target->tx.resync = true;
}

void cw_flow_play(cw_worker *worker, cw_ep *ep)
{
    if (ep->out)
        play_to(worker, ep, ep->out);
    else if (ep->player.fills)
        fill(worker, ep, ep->player.fills);
}

void cw_flow_fill_end(cw_worker *worker, cw_ep *ep)
{
    cw_ep *player = ep->kind == CW_EP_TONE ? ep : ep->filler;

    if (!player || !player->player.fills)
        return;
    player->player.fills->filler = NULL;
    player->player.fills = NULL;
    player->player.playing = false;
    cw_flow_ticking(worker, player);
}

void cw_flow_fill(cw_worker *worker, cw_ep *player, cw_ep *target, unsigned after_ms)
{
    cw_flow_fill_end(worker, player);
    if (!target)
        return;
    cw_flow_fill_end(worker, target);
    target->filler = player;
    player->player.fills = target;
    player->player.after_us = (uint64_t)after_ms * 1000;
    cw_flow_ticking(worker, player);
}
