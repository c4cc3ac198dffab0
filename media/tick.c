/* tick.c - what endpoints send by the clock: tones and digits, every 20 ms. */
#include "media/flow.h"

_Static_assert(CW_DTMF_STEP_MS == CW_TONE_MS, "one clock drives both");

void cw_flow_ticking(cw_worker *worker, cw_ep *ep)
{
    cw_worker_tick(worker, ep, (ep->kind == CW_EP_TONE && ep->out) || ep->dtmf_busy);
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

/* ── Digits ── */
/* The telephone-event of the codec's clock, else the first. */
static const cw_format *event_format(const cw_ep *ep) CW_ON_MEDIA
{
    const cw_format *found = NULL;

    for (unsigned i = 0; ep->tx_formats && i < ep->tx_formats->format_n; i++) {
        const cw_format *format = &ep->tx_formats->format[i];

        if (format->pt < 128 && cw_format_is_dtmf(format) &&
            (!found || format->clock_hz == ep->tx.clock_hz))
            found = format;
    }
    return found;
}

static void end_digits(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    ep->dtmf_busy = false;
    ep->tx.resync = true;
    cw_flow_ticking(worker, ep);
}

static void send_event(cw_worker *worker, cw_ep *ep, const uint8_t payload[static CW_DTMF_LEN],
                       unsigned pt, bool first) CW_ON_MEDIA
{
    cw_pkt pkt;
    cw_rtp rtp;

    if (first)
        ep->dtmf.ts = cw_tx_now(&ep->tx, worker->now_us);
    rtp = (cw_rtp){ .pt = (uint8_t)pt,
                    .marker = first,
                    .ts = ep->dtmf.ts,
                    .payload_at = CW_RTP_HEADER,
                    .payload_len = CW_DTMF_LEN };
    cw_io_blank(worker->io, &pkt);
    memcpy(pkt.slot->data + CW_RTP_HEADER, payload, CW_DTMF_LEN);
    pkt.len = CW_RTP_HEADER + CW_DTMF_LEN;
    cw_flow_insert(worker, ep, &pkt, &rtp);
    cw_io_done(worker->io, &pkt);
}

static void send_digit(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    const cw_format *format = event_format(ep);
    uint8_t payload[CW_DTMF_LEN];
    cw_dtmf_step step;
    bool ended;

    step = cw_dtmf_next(&ep->dtmf, format ? format->clock_hz : 8000, payload, &ended);
    if (ended)
        atomic_fetch_sub(&ep->dtmf_waiting, 1);
    if (step == CW_DTMF_IDLE)
        end_digits(worker, ep);
    else if (step != CW_DTMF_GAP && format && ep->dir & CW_SENDONLY)
        send_event(worker, ep, payload, format->pt, step == CW_DTMF_FIRST);
}

void cw_flow_tick(cw_worker *worker, cw_ep *ep)
{
    if (ep->kind == CW_EP_TONE && ep->out)
        send_tone(worker, ep, ep->out);
    if (ep->dtmf_busy)
        send_digit(worker, ep);
}
