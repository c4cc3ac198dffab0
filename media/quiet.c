/* quiet.c - far sides that should be heard and are not. One timer for all of them, which looks at
 * their counters; packets cost nothing more. */
#include "media/order.h"

#define LOOK_MS 500

static void tell(cw_ep *ep, cw_ep_event event) CW_ON_LOOP
{
    cw_ep_info info = { .ep = ep };

    if (ep->fn)
        ep->fn(ep->arg, event, &info);
}

static void begin(cw_ep *ep, uint64_t now_ms) CW_ON_LOOP
{
    cw_ep_watching *w = &ep->watch;

    w->packets = CW_CELL_GET(ep->count.rx_packets);
    w->signs = CW_CELL_GET(ep->count.rx_rtcp);
    w->heard_ms = w->alive_ms = now_ms;
}

/* What came since the last look. True: media did. */
static bool listen_to(cw_ep *ep, uint64_t now_ms) CW_ON_LOOP
{
    cw_ep_watching *w = &ep->watch;
    uint64_t packets = CW_CELL_GET(ep->count.rx_packets);
    uint64_t signs = CW_CELL_GET(ep->count.rx_rtcp);
    bool media = packets != w->packets, sign = signs != w->signs;

    w->packets = packets;
    w->signs = signs;
    if (media || sign)
        w->alive_ms = now_ms;
    if (media || (sign && w->pauses && packets > 0))
        w->heard_ms = now_ms;
    if (media || sign)
        w->dead = false;
    return media;
}

/* An event may end the call, and with it free any endpoint: one event a look at an endpoint, last.
 */
static void look_at(cw_ep *ep, uint64_t now_ms) CW_ON_LOOP
{
    cw_ep_watching *w = &ep->watch;
    bool media = listen_to(ep, now_ms);

    if (!ep->expects) {
        begin(ep, now_ms);
    } else if (media && w->silent) {
        w->silent = false;
        tell(ep, CW_EP_HEARD);
    } else if (!w->silent && w->silent_ms && now_ms - w->heard_ms >= w->silent_ms) {
        w->silent = true;
        tell(ep, CW_EP_SILENT);
    } else if (!w->dead && w->dead_ms && now_ms - w->alive_ms >= w->dead_ms) {
        w->dead = true;
        tell(ep, CW_EP_DEAD);
    }
}

static void on_timer(void *arg)
{
    cw_plane *plane = arg;
    uint64_t now_ms = cw_now_ms();

    cw_assert_on_loop();
    for (guint i = plane->watched->len; i-- > 0;)
        if (i < plane->watched->len)
            look_at(g_ptr_array_index(plane->watched, i), now_ms);
    if (plane->watched->len)
        cw_timer_start(plane->watch_timer, LOOK_MS);
}

void cw_quiet_open(cw_plane *plane)
{
    plane->watched = g_ptr_array_new();
    plane->watch_timer = cw_timer_new(plane->loop, on_timer, plane);
}

void cw_quiet_close(cw_plane *plane)
{
    g_ptr_array_unref(plane->watched);
    cw_timer_free(plane->watch_timer);
}

void cw_quiet_forget(cw_ep *ep)
{
    GPtrArray *all = ep->plane->watched;
    cw_ep_watching *w = &ep->watch;

    if (!w->on)
        return;
    w->on = w->dead = false; /* silent stays: when watched again, it may be told to be heard */
    g_ptr_array_remove_index_fast(all, w->at);
    if (w->at < all->len)
        ((cw_ep *)g_ptr_array_index(all, w->at))->watch.at = w->at;
    if (all->len == 0)
        cw_timer_stop(ep->plane->watch_timer);
}

void cw_ep_watch(cw_ep *ep, unsigned silent_ms, unsigned dead_ms)
{
    GPtrArray *all = ep->plane->watched;
    cw_ep_watching *w = &ep->watch;

    if (ep->freed || (ep->kind != CW_EP_RTP && ep->kind != CW_EP_BROWSER))
        return;
    w->silent_ms = silent_ms;
    w->dead_ms = dead_ms;
    if (!silent_ms && !dead_ms) {
        cw_quiet_forget(ep);
        return;
    }
    if (w->on)
        return;
    w->on = true;
    w->at = all->len;
    g_ptr_array_add(all, ep);
    begin(ep, cw_now_ms());
    if (!cw_timer_active(ep->plane->watch_timer))
        cw_timer_start(ep->plane->watch_timer, LOOK_MS);
}
