/* flow_key.c - digits an endpoint was given to send: as telephone-events (RFC 4733), or as tones in
 * the sound where the far side takes no events. A step every CW_DTMF_STEP_MS. */
#include "media/flow.h"

#include "media/codec/codec.h"
#include "media/codec/keytone.h"

typedef struct cw_key_tone {
    cw_encoder *encoder;
    cw_keytone_generator sound;
    uint8_t pt;
    uint32_t ts;    /* of the next packet */
    unsigned tones; /* packets of the key still to come */
    unsigned gap;   /* of silence after it */
    bool first;
} cw_key_tone;

/* ── What both need ── */

const cw_format *cw_flow_event_format(const cw_ep *ep)
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

void cw_flow_quiet(cw_worker *worker, cw_ep *ep)
{
    if (ep->dtmf.n > 0 || ep->dtmf.gap > 0 || ep->key_tone)
        return;
    ep->dtmf_busy = false;
    ep->tx.resync = true;
    cw_flow_ticking(worker, ep);
}

static void insert(cw_worker *worker, cw_ep *ep, const uint8_t *payload, size_t len,
                   cw_rtp rtp) CW_ON_MEDIA
{
    cw_pkt pkt;

    rtp.payload_at = CW_RTP_HEADER;
    rtp.payload_len = (uint16_t)len;
    cw_io_blank(worker->io, &pkt);
    memcpy(pkt.slot->data + CW_RTP_HEADER, payload, len);
    pkt.len = CW_RTP_HEADER + len;
    cw_flow_insert(worker, ep, &pkt, &rtp);
    cw_io_done(worker->io, &pkt);
}

/* ── Events ── */

void cw_flow_event(cw_worker *worker, cw_ep *ep, const uint8_t payload[static CW_DTMF_LEN],
                   const cw_format *format, uint32_t ts, bool first)
{
    if (ep->dir & CW_SENDONLY)
        insert(worker, ep, payload, CW_DTMF_LEN,
               (cw_rtp){ .pt = format->pt, .marker = first, .ts = ts });
}

static void send_event(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    const cw_format *format = cw_flow_event_format(ep);
    uint8_t payload[CW_DTMF_LEN];
    uint32_t ts_after;
    cw_dtmf_step step;
    bool ended;

    step = cw_dtmf_next(&ep->dtmf, format ? format->clock_hz : 8000, payload, &ts_after, &ended);
    if (ended)
        atomic_fetch_sub(&ep->dtmf_waiting, 1);
    if (step == CW_DTMF_FIRST)
        ep->dtmf.ts = cw_tx_now(&ep->tx, worker->now_us);
    if (step == CW_DTMF_IDLE)
        cw_flow_quiet(worker, ep);
    else if (step != CW_DTMF_GAP && format)
        cw_flow_event(worker, ep, payload, format, ep->dtmf.ts + ts_after, step == CW_DTMF_FIRST);
}

/* ── Tones ── */

static const cw_format *sound_format(const cw_ep *ep) CW_ON_MEDIA
{
    int i = ep->tx_formats ? cw_stream_codec(ep->tx_formats) : -1;
    const cw_format *format = i >= 0 ? &ep->tx_formats->format[i] : NULL;

    return format && format->pt < 128 && cw_codec_can(format) ? format : NULL;
}

static cw_key_tone *begin_tone(cw_worker *worker, cw_ep *ep, const cw_format *format, char digit,
                               unsigned ms) CW_ON_MEDIA
{
    unsigned rate_hz = cw_codec_rate(format) ? cw_codec_rate(format) : 8000;
    const cw_encoder_conf conf = { .ptime_ms = CW_DTMF_STEP_MS };
    cw_key_tone *key = g_new0(cw_key_tone, 1); /* a key, not a packet */

    key->encoder = cw_encoder_new(format, rate_hz, &conf);
    if (!key->encoder || !cw_keytone_generator_init(&key->sound, digit, rate_hz) ||
        cw_encoder_samples(key->encoder) != rate_hz / 1000 * CW_DTMF_STEP_MS) {
        cw_encoder_free(key->encoder);
        g_free(key);
        return NULL;
    }
    key->pt = format->pt;
    key->first = true;
    key->ts = cw_tx_now(&ep->tx, worker->now_us);
    key->tones = (ms + CW_DTMF_STEP_MS - 1) / CW_DTMF_STEP_MS;
    key->gap = CW_DTMF_GAP_STEPS;
    return key;
}

void cw_flow_keys_clear(cw_ep *ep)
{
    if (!ep->key_tone)
        return;
    cw_encoder_free(ep->key_tone->encoder);
    g_free(ep->key_tone);
    ep->key_tone = NULL;
}

static void step_tone(cw_worker *worker, cw_ep *ep, cw_key_tone *key) CW_ON_MEDIA
{
    int16_t pcm[48 * CW_DTMF_STEP_MS] = { 0 };
    uint8_t payload[CW_PAYLOAD_MAX];
    size_t len;

    if (key->tones > 0)
        ep->tone_us = worker->now_us;
    if (key->tones > 0)
        cw_keytone_make(&key->sound, pcm, cw_encoder_samples(key->encoder), key->tones == 1);
    len = cw_encode(key->encoder, pcm, payload);
    if (len > 0 && ep->dir & CW_SENDONLY)
        insert(worker, ep, payload, len,
               (cw_rtp){ .pt = key->pt, .marker = key->first, .ts = key->ts });
    key->first = false;
    key->ts += cw_encoder_ticks(key->encoder);
    if (key->tones > 0)
        key->tones--;
    else
        key->gap--;
}

static void send_tone(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    const cw_format *format = sound_format(ep);
    uint8_t event;
    unsigned ms;

    if (ep->key_tone && ep->key_tone->tones == 0 && ep->key_tone->gap == 0)
        cw_flow_keys_clear(ep);
    if (!ep->key_tone && cw_dtmf_pop(&ep->dtmf, &event, &ms)) {
        atomic_fetch_sub(&ep->dtmf_waiting, 1);
        if (format)
            ep->key_tone = begin_tone(worker, ep, format, cw_dtmf_digit(event), ms);
        ep->tone_key = ep->key_tone ? cw_dtmf_digit(event) : 0;
    }
    if (ep->key_tone)
        step_tone(worker, ep, ep->key_tone);
    else
        cw_flow_quiet(worker, ep);
}

void cw_flow_keys(cw_worker *worker, cw_ep *ep)
{
    if (ep->key_tone || ep->dtmf_mode == CW_DTMF_TONES)
        send_tone(worker, ep);
    else
        send_event(worker, ep);
}
