/* tick.c - what endpoints send by the clock: sounds and digits, every 20 ms. */
#include "media/flow.h"
#include "media/video.h"

_Static_assert(CW_DTMF_STEP_MS == CW_TONE_MS, "one clock drives both");

void cw_flow_ticking(cw_worker *worker, cw_ep *ep)
{
    cw_worker_tick(worker, ep,
                   (ep->kind == CW_EP_TONE && (ep->out || ep->player.fills)) || ep->dtmf_busy ||
                       cw_video_ticks(worker, ep));
}

void cw_flow_tick(cw_worker *worker, cw_ep *ep)
{
    if (ep->kind == CW_EP_TONE)
        cw_flow_play(worker, ep);
    if (ep->dtmf_busy && !cw_flow_follow(worker, ep))
        cw_flow_keys(worker, ep);
    if (ep->of_video)
        cw_video_tick(worker, ep);
}
