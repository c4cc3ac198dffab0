/* tick.c - what endpoints send by the clock: tones and digits, every 20 ms. */
#include "media/flow.h"
#include "media/video.h"

_Static_assert(CW_DTMF_STEP_MS == CW_TONE_MS, "one clock drives both");

void cw_flow_ticking(cw_worker *worker, cw_ep *ep)
{
    cw_worker_tick(worker, ep,
                   (ep->kind == CW_EP_TONE && ep->out) || ep->dtmf_busy ||
                       cw_video_ticks(worker, ep));
}

/* ── Tone ── */
/* Its stream goes through the joined end like any other's, so numbers and gates are that end's. */
static void send_tone(cw_worker *worker, cw_ep *tone, cw_ep *out) CW_ON_MEDIA
{
    int i = out->tx_formats ? cw_stream_codec(out->tx_formats) : -1;
    const cw_format *format = i >= 0 ? &out->tx_formats->format[i] : NULL;
    const uint8_t *frame;
    size_t len;
    cw_pkt pkt;
    cw_rtp rtp;

    if (!format || format->pt > 127)
        return;
    frame = cw_tones_frame(worker->tones, format, tone->tone.hz, worker->tick, &len);
    if (!frame)
        return;
    rtp = (cw_rtp){ .pt = format->pt,
                    .seq = tone->tone.seq++,
                    .ts = tone->tone.ts,
                    .ssrc = tone->tx.ssrc,
                    .payload_at = CW_RTP_HEADER,
                    .payload_len = (uint16_t)len };
    tone->tone.ts += format->clock_hz / (1000 / CW_TONE_MS);
    cw_io_blank(worker->io, &pkt);
    memcpy(pkt.slot->data + CW_RTP_HEADER, frame, len);
    pkt.len = CW_RTP_HEADER + len;
    cw_flow_tx(worker, out, &pkt, &rtp);
    cw_io_done(worker->io, &pkt);
}

void cw_flow_tick(cw_worker *worker, cw_ep *ep)
{
    if (ep->kind == CW_EP_TONE && ep->out)
        send_tone(worker, ep, ep->out);
    if (ep->dtmf_busy && !cw_flow_follow(worker, ep))
        cw_flow_keys(worker, ep);
    if (ep->of_video)
        cw_video_tick(worker, ep);
}
