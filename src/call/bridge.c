/* bridge.c - two legs whose endpoints live on different workers: calls that became one. Between the
 * workers their packets go by a pair of RTP ports of ours. */
#include "call/bridge.h"

#include "base/log.h"

#include <string.h>

struct cw_bridge {
    cw_ep *near[CW_DESC_STREAMS_MAX], *far[CW_DESC_STREAMS_MAX]; /* NULL: this stream needs none */
};

static void on_ep(void *arg, cw_ep_event event, const cw_ep_info *info) {}

static CW_ON_LOOP void drop(cw_bridge *bridge, unsigned i)
{
    cw_ep_free(g_steal_pointer(&bridge->near[i]));
    cw_ep_free(g_steal_pointer(&bridge->far[i]));
}

void cw_bridge_free(cw_bridge *bridge)
{
    for (unsigned i = 0; bridge && i < CW_DESC_STREAMS_MAX; i++)
        drop(bridge, i);
    g_free(bridge);
}

void cw_bridge_part(cw_bridge *bridge, unsigned stream)
{
    if (bridge)
        drop(bridge, stream);
}

/* What the one leg has goes across as it is; keys are told by the loop, not by packets. */
static void strip(const cw_stream *from, cw_stream *ret)
{
    cw_stream_copy(ret, from);
    ret->format_n = 0;
    for (unsigned i = 0; i < from->format_n; i++)
        if (g_ascii_strcasecmp(from->format[i].name, "telephone-event") != 0)
            ret->format[ret->format_n++] = from->format[i];
}

static CW_ON_LOOP void set_up(cw_ep *ep, const cw_ep *other, const cw_stream *stream)
{
    cw_addr rtp = *cw_ep_rtp_local(other), rtcp = rtp;
    cw_ep_feedback_conf feedback = { .video = stream->kind == CW_VIDEO,
                                     .feedback = stream->kind == CW_VIDEO ? CW_FB_SIP : 0 };

    cw_addr_set_port(&rtcp, (uint16_t)(cw_addr_port(&rtp) + 1));
    cw_ep_formats(ep, stream, stream);
    cw_ep_dtmf_mode(ep, CW_DTMF_NONE);
    cw_ep_feedback(ep, &feedback);
    cw_ep_rtp_remote(ep, &rtp, &rtcp, false, CW_LATCH_STRICT);
    cw_ep_direction(ep, CW_SENDRECV);
}

static CW_ON_LOOP cw_err open_pair(cw_plane *plane, unsigned near, unsigned far, cw_bridge *bridge,
                                   unsigned i)
{
    int family = cw_plane_has_rtp(plane, AF_INET) ? AF_INET : AF_INET6;
    cw_err err = cw_ep_rtp_new(plane, near, family, on_ep, bridge, &bridge->near[i]);

    if (!err)
        err = cw_ep_rtp_new(plane, far, family, on_ep, bridge, &bridge->far[i]);
    if (err)
        drop(bridge, i);
    return err;
}

cw_err cw_bridge_join(cw_bridge **at, cw_plane *plane, const cw_leg *one, cw_ep *a,
                      const cw_leg *two, cw_ep *b, unsigned i)
{
    g_autofree cw_stream *stream = g_new0(cw_stream, 1);
    cw_err err;

    if (!*at)
        *at = g_new0(cw_bridge, 1);
    drop(*at, i); /* one of an earlier pair may be on other workers */
    err = open_pair(plane, one->worker, two->worker, *at, i);
    if (err)
        return err;
    strip(&one->desc->stream[i], stream);
    set_up((*at)->near[i], (*at)->far[i], stream);
    set_up((*at)->far[i], (*at)->near[i], stream);
    cw_ep_join(a, (*at)->near[i]);
    cw_ep_join((*at)->far[i], b);
    return CW_OK;
}
