/* plane_play.c - endpoints that play sounds, and the other far sides of one, as the loop sees them.
 */
#include "media/order.h"
#include "media/others.h"

#include <string.h>

/* ── Players ── */

cw_err cw_ep_player_new(cw_plane *plane, unsigned worker, cw_sound *sound, cw_ep **ret)
{
    if (worker >= plane->worker_n)
        return CW_E_INTERNAL;
    *ret = cw_ep_alloc(plane, worker, CW_EP_TONE, NULL, NULL);
    cw_flow_tune(*ret, cw_sound_ref(sound));
    return CW_OK;
}

cw_err cw_ep_tone_new(cw_plane *plane, unsigned worker, unsigned hz, cw_ep **ret)
{
    cw_sound *sound = cw_sound_sine(hz);
    cw_err err = cw_ep_player_new(plane, worker, sound, ret);

    cw_sound_unref(sound);
    return err;
}

static void do_fill(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_fill(worker, o->ep, o->other, o->ms);
    g_free(o);
}

void cw_ep_fill(cw_ep *player, cw_ep *target, unsigned after_ms)
{
    cw_order *o = cw_order_new(do_fill);

    o->other = target;
    o->ms = after_ms;
    cw_ep_give(player, o);
}

/* ── Others ── */

static void do_others(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_flow_others(worker, o->ep, o->others);
    g_free(o);
}

void cw_ep_rtp_others(cw_ep *ep, const cw_ep_other *other, unsigned n)
{
    cw_order *o = cw_order_new(do_others);

    n = MIN(n, CW_EP_OTHERS_MAX);
    if (n > 0) {
        o->others = g_new0(cw_others, 1);
        o->others->n = n;
        memcpy(o->others->at, other, n * sizeof *other);
    }
    cw_ep_give(ep, o);
}
