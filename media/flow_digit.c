/* flow_digit.c - telephone-events that come in (RFC 4733): told to the loop when they end, and
 * followed by the joined end in packets of its own, so that its durations, end packets and segments
 * are right whatever this one's clock is and whatever was lost. */
#include "media/flow.h"

/* The ring is for the loop to empty; more digits than it holds before it looked are nobody's. */
void cw_flow_tell_digit(cw_worker *worker, cw_ep *ep, char digit, unsigned ms, bool passed)
{
    unsigned end = CW_CELL_GET(ep->digit_end);
    unsigned begin = atomic_load_explicit(&ep->digit_begin, memory_order_acquire);

    if (end - begin == CW_DIGITS_SEEN)
        return;
    ep->digit[end % CW_DIGITS_SEEN] = (cw_digit){ digit, passed, ms };
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

/* Event number `nth` of what this one sees was over after `ticks`. */
static void tell_event(cw_worker *worker, cw_ep *ep, unsigned nth, unsigned event, uint32_t ticks,
                       uint32_t clock_hz) CW_ON_MEDIA
{
    char digit = cw_dtmf_digit(event);

    if (digit)
        cw_flow_tell_digit(worker, ep, digit,
                           (unsigned)((uint64_t)ticks * 1000 / (clock_hz ? clock_hz : 8000)),
                           ep->out && ep->out->follow.nth == nth);
}

/* ── Following ── */

/* A packet as far as `see` knows, NULL: an end; more while segments end. */
static void go_on(cw_worker *worker, cw_ep *out, const cw_dtmf_see *see, uint32_t from_hz,
                  bool first) CW_ON_MEDIA
{
    const cw_format *format = cw_flow_event_format(out);
    uint8_t payload[CW_DTMF_LEN];
    uint32_t ts_after;
    bool again = true;

    while (
        again && format &&
        cw_dtmf_go_on(&out->follow, see, from_hz, format->clock_hz, payload, &ts_after, &again)) {
        cw_flow_event(worker, out, payload, format, out->follow.ts + ts_after, first);
        first = false;
    }
}

static void begin(cw_worker *worker, cw_ep *out, const cw_dtmf_see *see) CW_ON_MEDIA
{
    if (cw_dtmf_follows(&out->follow) && out->follow.ends == 0)
        go_on(worker, out, NULL, 0, false); /* its end was lost */
    cw_dtmf_begin(&out->follow, see, cw_tx_now(&out->tx, worker->now_us));
    out->dtmf_busy = true;
    cw_flow_ticking(worker, out);
}

static bool can_follow(const cw_ep *out) CW_ON_MEDIA
{
    return out->dtmf_mode == CW_DTMF_EVENTS && out->dir & CW_SENDONLY && out->dtmf.n == 0 &&
           out->dtmf.gap == 0 && cw_flow_event_format(out);
}

/* From its first packet on, or not at all: then the loop sends what it is told. */
static void follow(cw_worker *worker, cw_ep *out, const cw_dtmf_see *see, uint32_t from_hz,
                   bool first) CW_ON_MEDIA
{
    if (first ? !can_follow(out) : see->nth != out->follow.nth)
        return;
    if (first)
        begin(worker, out, see);
    if (out->follow.ends == 0) /* the clock sends the other two */
        go_on(worker, out, see, from_hz, first);
}

bool cw_flow_follow(cw_worker *worker, cw_ep *ep)
{
    cw_ep *from = ep->out == ep ? ep : ep->peer; /* an echo */

    if (!cw_dtmf_follows(&ep->follow))
        return false;
    if (from && from->dtmf_open)
        cw_flow_see_silence(worker, from);
    if (ep->follow.ends > 0 || !from || !from->dtmf_open || from->dtmf_see.nth != ep->follow.nth)
        go_on(worker, ep, NULL, 0, false);
    if (!cw_dtmf_follows(&ep->follow))
        cw_flow_quiet(worker, ep);
    return true;
}

/* ── Seeing ── */

void cw_flow_see_event(cw_worker *worker, cw_ep *ep, const cw_pkt *pkt, const cw_rtp *rtp)
{
    uint32_t clock_hz = cw_format_clock(ep->rx_formats, rtp->pt), ticks;
    unsigned nth = ep->dtmf_see.nth;
    uint8_t event;
    bool ended, new;

    if (ep->dtmf_mode != CW_DTMF_EVENTS)
        return;
    ended = cw_dtmf_seen(&ep->dtmf_see, pkt->slot->data + rtp->payload_at, rtp->payload_len,
                         rtp->ts, worker->now_us, &event, &ticks);
    new = nth != ep->dtmf_see.nth;
    ep->dtmf_open = ep->dtmf_see.open;
    if (ended && new && ep->dtmf_see.open) { /* the one before: its end was lost */
        tell_event(worker, ep, nth, event, ticks, clock_hz);
        ended = false;
    }
    if (ep->out && ep->dtmf_see.begun)
        follow(worker, ep->out, &ep->dtmf_see, clock_hz, new);
    if (ended)
        tell_event(worker, ep, ep->dtmf_see.nth, event, ticks, clock_hz);
}

void cw_flow_see_silence(cw_worker *worker, cw_ep *ep)
{
    uint32_t ticks;
    uint8_t event;

    if (cw_dtmf_overdue(&ep->dtmf_see, worker->now_us, &event, &ticks))
        tell_event(worker, ep, ep->dtmf_see.nth, event, ticks, event_clock(ep));
    ep->dtmf_open = ep->dtmf_see.open;
}
