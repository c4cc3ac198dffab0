/* flow_digit.c - digits that pass as telephone-events (RFC 4733), told to the loop. */
#include "media/flow.h"

/* The ring is for the loop to empty; more digits than it holds before it looked are nobody's. */
static void tell_digit(cw_worker *worker, cw_ep *ep, unsigned event, uint32_t ticks,
                       uint32_t clock_hz)
{
    unsigned end = CW_CELL_GET(ep->digit_end);
    unsigned begin = atomic_load_explicit(&ep->digit_begin, memory_order_acquire);

    if (end - begin == CW_DIGITS_SEEN)
        return;
    ep->digit[end % CW_DIGITS_SEEN] =
        (cw_digit){ cw_dtmf_digit(event),
                    (unsigned)((uint64_t)ticks * 1000 / (clock_hz ? clock_hz : 8000)) };
    atomic_store_explicit(&ep->digit_end, end + 1, memory_order_release);
    cw_notes_raise(worker->notes, &ep->note, CW_NOTE_DIGIT);
}

static uint32_t event_clock(const cw_ep *ep) CW_ON_MEDIA
{
    for (unsigned i = 0; ep->rx_formats && i < ep->rx_formats->format_n; i++)
        if (cw_format_is_dtmf(&ep->rx_formats->format[i]))
            return ep->rx_formats->format[i].clock_hz;
    return 8000;
}

void cw_flow_see_event(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt, const cw_rtp *rtp)
{
    uint32_t ticks;
    uint8_t event;

    bool ended = cw_dtmf_seen(&ep->dtmf_see, pkt->slot->data + rtp->payload_at, rtp->payload_len,
                              rtp->ts, worker->now_us, &event, &ticks);

    ep->dtmf_open = ep->dtmf_see.open;
    if (ended)
        tell_digit(worker, ep, event, ticks, cw_format_clock(ep->rx_formats, rtp->pt));
}

void cw_flow_see_silence(cw_worker *worker, cw_ep *ep)
{
    uint32_t ticks;
    uint8_t event;

    if (cw_dtmf_overdue(&ep->dtmf_see, worker->now_us, &event, &ticks))
        tell_digit(worker, ep, event, ticks, event_clock(ep));
    ep->dtmf_open = ep->dtmf_see.open;
}
