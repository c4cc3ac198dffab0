/* flow_listen.c - keys in the sound of an endpoint whose far side presses them so (CW_DTMF_TONES).
 * What is transcoded is listened to on the way, the rest by a listener of its own. */
#include "base/stats.h"
#include "media/flow.h"
#include "media/transcode.h"

#define ECHO_US 1000000 /* how long after its end a tone of ours may come back */

void cw_flow_listening_end(cw_worker *worker, cw_ep *ep)
{
    cw_trans *ear = ep->ear;

    if (!ear)
        return;
    ep->ear = NULL;
    g_ptr_array_remove_fast(worker->trans, ear);
    cw_trans_free(ear);
}

void cw_flow_listening(cw_worker *worker, cw_ep *ep)
{
    const cw_stream *rx = ep->rx_formats;

    ep->listening =
        ep->kind == CW_EP_RTP && ep->dtmf_mode == CW_DTMF_TONES && rx && rx->kind == CW_AUDIO;
    if (ep->ear && (!ep->listening || !cw_trans_same_rx(ep->ear, rx)))
        cw_flow_listening_end(worker, ep);
    if (ep->trans && ep->trans->listens != ep->listening)
        cw_flow_transcoding_end(worker, ep);
}

static cw_trans *begin(cw_worker *worker, cw_ep *ep) CW_ON_MEDIA
{
    cw_trans *ear =
        cw_trans_new(worker->pool, worker, worker->index, ep->rx_formats, NULL, 0, true);

    if (!ear)
        return NULL;
    ear->from = ep;
    g_ptr_array_add(worker->trans, ear);
    ep->ear = ear;
    return ear;
}

static bool can_hear(const cw_ep *ep, unsigned pt) CW_ON_MEDIA
{
    const cw_format *format = cw_format_by_pt(ep->rx_formats, pt);

    return format && (cw_codec_can(format) || cw_codec_is_noise(format));
}

void cw_flow_listen(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt, const cw_rtp *rtp)
{
    cw_trans_in in = {
        .at_us = worker->now_us, .ts = rtp->ts, .ssrc = rtp->ssrc, .seq = rtp->seq, .pt = rtp->pt
    };
    cw_trans *ear;

    if (ep->map[rtp->pt] == CW_PT_TRANSCODE || !can_hear(ep, rtp->pt))
        return;
    ear = ep->ear ? ep->ear : begin(worker, ep);
    if (!ear || rtp->payload_len > CW_JITTER_PAYLOAD ||
        !cw_trans_put(ear, &in, pkt->slot->data + rtp->payload_at, rtp->payload_len))
        cw_stat_add(CW_STAT_transcode_dropped, 1);
}

static bool takes_events(const cw_ep *out) CW_ON_MEDIA
{
    return out->kind == CW_EP_RTP && out->dtmf_mode == CW_DTMF_EVENTS && cw_flow_event_format(out);
}

bool cw_flow_hushes(const cw_ep *ep)
{
    return ep->listening && ep->out && takes_events(ep->out);
}

/* The sound is passed on: a person, or an end that takes keys so or has no other way, has got it.
 * Where keys are not the plane's (CW_DTMF_NONE) they are for the loop to send. */
static bool heard_beyond(const cw_ep *ep) CW_ON_MEDIA
{
    const cw_ep *out = ep->out;

    return out && out->dir & CW_SENDONLY && out->dtmf_mode != CW_DTMF_NONE && !takes_events(out);
}

void cw_flow_key_heard(cw_worker *worker, cw_ep *ep, char key, unsigned ms)
{
    if (key == ep->tone_key && worker->now_us < ep->tone_us + ECHO_US)
        return;
    cw_flow_tell_digit(worker, ep, key, ms, heard_beyond(ep));
}
