/* transcode_sound.c - one direction: from payloads as they come to payloads by the clock. */
#include "media/transcode.h"

#include "media/codec/plc.h"

#define HURRY_US      15000          /* later than needed by more: play faster */
#define EASE_US       -10000         /* too early by more: slower */
#define FAR_US        80000          /* so much that every packet is stretched */
#define STRETCH_EVERY 3              /* packets */
#define PIECE_MAX_MS  10             /* that a stretch adds */
#define PULLS_MAX     100            /* in a step */
#define UNIT(rate)    ((rate) / 400) /* samples of 2.5 ms: what decoders make up is a multiple */

/* ── Formats ── */
static const cw_format *format_of(const cw_trans *trans, unsigned pt)
{
    for (unsigned i = 0; i < trans->rx->format_n; i++)
        if (trans->rx->format[i].pt == pt)
            return &trans->rx->format[i];
    return NULL;
}

static bool encoder_for(cw_trans *trans, unsigned rate_hz) CW_ON_CODEC
{
    cw_encoder_conf conf = { .ptime_ms = trans->ptime_ms,
                             .opus_complexity = trans->conf.opus_complexity };
    unsigned ms;

    if (trans->encoder && cw_encoder_rate(trans->encoder) == rate_hz)
        return true;
    cw_encoder_free(trans->encoder);
    trans->encoder = cw_encoder_new(&trans->tx, rate_hz, &conf);
    if (!trans->encoder)
        return false;
    ms = (unsigned)(cw_encoder_samples(trans->encoder) * 1000 / rate_hz);
    trans->step_ms = ms % 20 ? 10 : 20;
    trans->pcm_cap = rate_hz / 1000 * (CW_CODEC_MS_MAX + ms + 2 * PIECE_MAX_MS);
    trans->pcm = g_renew(int16_t, trans->pcm, trans->pcm_cap);
    trans->pcm_n = trans->due = 0;
    return true;
}

/* Opus takes the rate of the other side, so that only pairs without it are resampled. */
static void choose_rates(const cw_trans *trans, const cw_format *rx, unsigned *in, unsigned *out)
{
    *in = cw_codec_rate(rx);
    *out = cw_codec_rate(&trans->tx);
    if (!*in)
        *in = *out ? *out : 48000;
    if (!*out)
        *out = *in;
}

static bool decoder_for(cw_trans *trans, unsigned pt) CW_ON_CODEC
{
    const cw_format *format = format_of(trans, pt);
    unsigned in, out;

    if (trans->decoder && pt == trans->pt)
        return true;
    if (!format || !cw_codec_can(format))
        return false;
    choose_rates(trans, format, &in, &out);
    cw_decoder_free(trans->decoder);
    cw_resampler_free(trans->resampler);
    trans->resampler = NULL;
    trans->decoder = cw_decoder_new(format, in);
    if (!trans->decoder || !encoder_for(trans, out))
        return false;
    if (in != out)
        trans->resampler = cw_resampler_new(in, out);
    trans->pt = (uint8_t)pt;
    return in == out || trans->resampler;
}

/* ── In ── */
static void take_one(cw_trans *trans, const cw_trans_in *in, const uint8_t *payload,
                     uint16_t len) CW_ON_CODEC
{
    const cw_format *format = format_of(trans, in->pt);
    cw_jitter_packet packet = {
        .seq = in->seq, .ts = in->ts, .pt = in->pt, .len = len, .data = payload
    };

    if (!format)
        return;
    if (!cw_codec_is_noise(format) && format->clock_hz != trans->clock_hz) {
        trans->clock_hz = format->clock_hz;
        cw_jitter_clock(trans->jitter, trans->clock_hz);
    } else if (in->ssrc != trans->in_ssrc) {
        cw_jitter_reset(trans->jitter);
    }
    trans->in_ssrc = in->ssrc;
    trans->heard_us = MAX(trans->heard_us, in->at_us);
    (void)cw_jitter_put(trans->jitter, &packet, in->at_us);
}

static void take_all(cw_trans *trans) CW_ON_CODEC
{
    uint8_t payload[CW_JITTER_PAYLOAD];
    cw_trans_in in;
    uint16_t len;

    while (cw_ring_take(&trans->in, &in, sizeof in, payload, &len))
        take_one(trans, &in, payload, len);
}

/* ── Sound ── */
/* Microseconds until what is decoded next will be heard, from when this step is. */
static int64_t ahead_us(const cw_trans *trans) CW_ON_CODEC
{
    unsigned rate = cw_encoder_rate(trans->encoder);
    size_t before = trans->due - trans->step_ms * rate / 1000;

    return ((int64_t)trans->pcm_n - (int64_t)before) * 1000000 / rate;
}

static size_t stretch(cw_trans *trans, int16_t *pcm, size_t n, uint64_t now_us) CW_ON_CODEC
{
    int64_t excess = cw_jitter_excess_us(trans->jitter, now_us);
    unsigned rate = cw_decoder_rate(trans->decoder);
    size_t made = n;

    if (trans->stretch_wait > 0)
        trans->stretch_wait--;
    if (trans->stretch_wait > 0 && excess < FAR_US)
        return n;
    if (excess > HURRY_US)
        made = cw_stretch_less(pcm, n, rate);
    else if (excess < EASE_US)
        made = cw_stretch_more(pcm, n, CW_CODEC_PCM_MAX, rate);
    if (made != n)
        trans->stretch_wait = STRETCH_EVERY;
    return made;
}

static void keep(cw_trans *trans, const int16_t *pcm, size_t n) CW_ON_CODEC
{
    size_t room = trans->pcm_cap - trans->pcm_n;

    if (trans->resampler) {
        trans->pcm_n += cw_resample(trans->resampler, pcm, n, trans->pcm + trans->pcm_n, room);
        return;
    }
    n = MIN(n, room);
    memcpy(trans->pcm + trans->pcm_n, pcm, n * sizeof *pcm);
    trans->pcm_n += n;
}

/* A packet's sound; one that is malformed leaves a gap, which is filled next. */
static void play(cw_trans *trans, const cw_jitter_packet *packet, uint64_t now_us) CW_ON_CODEC
{
    const cw_format *format = format_of(trans, packet->pt);
    int16_t pcm[CW_CODEC_PCM_MAX];
    size_t n = 0;

    if (format && cw_codec_is_noise(format) && trans->decoder) {
        cw_decode_noise(trans->decoder, packet->data, packet->len);
        cw_jitter_played(trans->jitter, 0, true);
        return;
    }
    if (decoder_for(trans, packet->pt))
        n = cw_decode(trans->decoder, packet->data, packet->len, pcm);
    if (n == 0) {
        cw_jitter_played(trans->jitter, 0, false);
        return;
    }
    cw_jitter_played(trans->jitter,
                     (uint32_t)((uint64_t)n * trans->clock_hz / cw_decoder_rate(trans->decoder)),
                     cw_decoder_quiet(trans->decoder));
    atomic_store_explicit(&trans->asked, (uint8_t)cw_decoder_asked(trans->decoder),
                          memory_order_relaxed);
    n = stretch(trans, pcm, n, now_us);
    keep(trans, pcm, n);
}

static void fill(cw_trans *trans, const cw_jitter_packet *next, uint32_t ticks) CW_ON_CODEC
{
    unsigned rate = cw_decoder_rate(trans->decoder), unit = UNIT(rate);
    size_t n = (size_t)((uint64_t)ticks * rate / trans->clock_hz);
    int16_t pcm[CW_CODEC_PCM_MAX];
    bool same = next->data && next->pt == trans->pt;

    n = MAX((n + unit - 1) / unit, 1) * unit;
    cw_decode_nothing(trans->decoder, same ? next->data : NULL, same ? next->len : 0, pcm, n);
    keep(trans, pcm, n);
}

/* A little more sound. False: there is none, and none is to be made up. */
static bool pull(cw_trans *trans, uint64_t now_us) CW_ON_CODEC
{
    uint64_t heard_us = now_us;
    uint32_t ticks = trans->clock_hz / 1000 * trans->step_ms;
    cw_jitter_packet packet;
    cw_jitter_step step;

    if (trans->encoder)
        heard_us += (uint64_t)ahead_us(trans);
    step = cw_jitter_next(trans->jitter, heard_us, &ticks, &packet);
    if (step == CW_JITTER_WAIT)
        return false;
    if (step == CW_JITTER_PLAY)
        play(trans, &packet, heard_us);
    else if (trans->decoder && trans->encoder)
        fill(trans, &packet, ticks);
    else
        return false;
    return true;
}

/* ── Out ── */
static void send_frame(cw_trans *trans) CW_ON_CODEC
{
    size_t size = cw_encoder_samples(trans->encoder);
    cw_trans_out out = { .ts = trans->ts, .fresh = !trans->flowing };
    uint8_t payload[CW_PAYLOAD_MAX];
    size_t len = 0;

    if (trans->listens)
        cw_trans_hear(trans, trans->pcm, size);
    if (trans->hushes && cw_keytone_suspected(&trans->detector))
        memset(trans->pcm, 0, size * sizeof *trans->pcm);
    if (!trans->mute)
        len = cw_encode(trans->encoder, trans->pcm, payload);
    trans->ts += cw_encoder_ticks(trans->encoder);
    if (len > 0 && cw_ring_put(&trans->out, &out, sizeof out, payload, (uint16_t)len))
        trans->flowing = true;
    trans->pcm_n -= size;
    trans->due -= MIN(size, trans->due);
    memmove(trans->pcm, trans->pcm + size, trans->pcm_n * sizeof *trans->pcm);
}

static void obey(cw_trans *trans) CW_ON_CODEC
{
    uint8_t cmr = atomic_load_explicit(&trans->cmr, memory_order_relaxed);

    if (cmr != CW_CMR_NONE)
        cw_encoder_ask(trans->encoder, cmr);
    cw_encoder_loss(trans->encoder, atomic_load_explicit(&trans->loss, memory_order_relaxed));
}

static void tell(cw_trans *trans, uint64_t now_us) CW_ON_CODEC
{
    cw_jitter_count count;

    cw_jitter_get_count(trans->jitter, now_us, &count);
    atomic_store_explicit(&trans->count.concealed_ms,
                          (uint32_t)(count.concealed * 1000 / trans->clock_hz),
                          memory_order_relaxed);
    atomic_store_explicit(&trans->count.discarded, count.discarded, memory_order_relaxed);
    atomic_store_explicit(&trans->count.delay_ms, count.delay_ms, memory_order_relaxed);
}

static bool is_over(const cw_trans *trans, uint64_t now_us) CW_ON_CODEC
{
    bool quiet = trans->decoder && cw_decoder_quiet(trans->decoder);
    uint64_t patience_us = (quiet ? CW_TRANS_PAUSE_MS : CW_TRANS_FADE_MS) * UINT64_C(1000);

    return now_us > trans->heard_us + patience_us;
}

static void rest(cw_trans *trans) CW_ON_CODEC
{
    if (trans->listens)
        cw_trans_hear_end(trans);
    cw_jitter_reset(trans->jitter);
    trans->pcm_n = trans->due = 0;
    trans->flowing = false;
}

/* Made before it is known what comes: a step is of the shortest length then. */
void cw_trans_begin(cw_trans *trans)
{
    const cw_trans_conf *conf = &trans->conf;

    trans->step_ms = 2 * CW_TRANS_TICK_MS;
    trans->clock_hz = 8000;
    trans->pt = CW_PT_NONE;
    cw_keytone_detector_init(&trans->detector);
    trans->jitter = cw_jitter_new(trans->clock_hz, conf->jitter_min_ms, conf->jitter_max_ms);
}

/* Sound for one more step. What is malformed costs a turn and gives none: they are counted. */
static bool pull_step(cw_trans *trans, uint64_t now_us) CW_ON_CODEC
{
    bool known = trans->encoder;
    unsigned turns = PULLS_MAX;

    if (!known && !pull(trans, now_us))
        return false;
    if (!trans->encoder)
        return false;
    trans->due += trans->step_ms * cw_encoder_rate(trans->encoder) / 1000;
    while (trans->pcm_n < trans->due)
        if (turns-- == 0 || !pull(trans, now_us))
            return false;
    return true;
}

bool cw_trans_step(cw_trans *trans, uint64_t now_us)
{
    size_t size;

    take_all(trans);
    if (is_over(trans, now_us)) {
        rest(trans);
        return false;
    }
    if (!pull_step(trans, now_us))
        trans->due = trans->pcm_n;
    if (!trans->encoder)
        return true;
    obey(trans);
    size = cw_encoder_samples(trans->encoder);
    while (trans->pcm_n >= size && trans->due >= size)
        send_frame(trans);
    tell(trans, now_us);
    return true;
}

void cw_trans_end(cw_trans *trans)
{
    cw_jitter_free(trans->jitter);
    cw_decoder_free(trans->decoder);
    cw_resampler_free(trans->resampler);
    cw_resampler_free(trans->ear);
    cw_encoder_free(trans->encoder);
    g_free(trans->pcm);
}
