/* leg_sip_ports.c - the SIP leg's RTP endpoints: their ports, what they say, what they shall do. */
#include "call/leg/leg_sip.h"

#include "base/log.h"
#include "call/leg/picture.h"

#include <string.h>

static unsigned stream_of(const leg_sip *s, const cw_ep *ep)
{
    unsigned i = 0;

    while (i + 1 < CW_DESC_STREAMS_MAX && s->ep[i] != ep)
        i++;
    return i;
}

static void on_ep(void *arg, cw_ep_event event, const cw_ep_info *info)
{
    leg_sip *s = arg;
    char text[CW_ADDR_STR];

    cw_assert_on_loop();
    switch (event) {
    case CW_EP_FIRST_PACKET:
        cw_leg_note(&s->leg, "RTP",
                    cw_fmt("first packet from %s", cw_addr_print(&info->from, text)));
        break;
    case CW_EP_LATCHED:
        cw_leg_note(&s->leg, "RTP", cw_fmt("latched to %s", cw_addr_print(&info->from, text)));
        break;
    case CW_EP_DTMF:
        cw_leg_sip_key_heard(s, info->digit, info->duration_ms, info->passed);
        break;
    case CW_EP_SILENT:
    case CW_EP_HEARD:
    case CW_EP_DEAD:
        cw_leg_emit(&s->leg, &(cw_leg_event){ .what = CW_LEG_QUIET,
                                              .stream = stream_of(s, info->ep),
                                              .quiet = event });
        break;
    case CW_EP_OTHER:
        cw_leg_sip_other_heard(s, info->other);
        break;
    case CW_EP_KEYFRAME_WANTED:
        if (s->sip && s->up)
            (void)!cw_sip_call_info(s->sip, CW_PICTURE_TYPE, cw_picture_update,
                                    strlen(cw_picture_update));
        break;
    }
}

void cw_leg_sip_picture_asked(leg_sip *s)
{
    int i = cw_leg_stream(&s->leg, CW_VIDEO);

    if (i >= 0 && s->ep[i])
        cw_ep_keyframe_asked(s->ep[i]);
}

const cw_rtp_place *cw_leg_sip_place(const leg_sip *s, unsigned stream)
{
    static const cw_rtp_place none;

    return stream < s->place_n ? &s->place[stream] : &none;
}

/* Answering, the family of the offer; offering, what we think the far side has. */
static int family_of(const leg_sip *s, unsigned stream)
{
    int family = cw_addr_family(&cw_leg_sip_place(s, stream)->rtp);

    return family != AF_UNSPEC ? family : s->family;
}

cw_err cw_leg_sip_open(leg_sip *s)
{
    if (s->web.on)
        return cw_leg_sip_web_open(s);
    for (unsigned i = 0; i < s->own->stream_n; i++) {
        cw_err err;

        if (s->own->stream[i].refused || s->ep[i])
            continue;
        err = cw_ep_rtp_new(s->calls->plane, s->leg.worker, family_of(s, i), on_ep, s, &s->ep[i]);
        if (err)
            return err;
    }
    return CW_OK;
}

void cw_leg_sip_close_stream(leg_sip *s, unsigned i)
{
    if (!s->ep[i])
        return;
    cw_ep_free(g_steal_pointer(&s->ep[i]));
    cw_leg_sip_lock_drop(s, i);
}

void cw_leg_sip_close(leg_sip *s)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        cw_leg_sip_close_stream(s, i);
}

void cw_leg_sip_drop_refused(leg_sip *s)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        if (i >= s->remote->stream_n || s->remote->stream[i].refused)
            cw_leg_sip_close_stream(s, i);
}

static cw_dtmf_mode dtmf_mode(const leg_sip *s, const cw_stream *remote)
{
    switch (s->leg.policy.keys) {
    case CW_KEYS_AUTO:
        return cw_stream_takes_events(remote) ? CW_DTMF_EVENTS : CW_DTMF_NONE;
    case CW_KEYS_RFC4733:
        return CW_DTMF_EVENTS;
    case CW_KEYS_INBAND:
        return CW_DTMF_TONES;
    case CW_KEYS_INFO:
    case CW_KEYS_INFO_RELAY:
        break;
    }
    return CW_DTMF_NONE;
}

/* Keyframes are asked for by INFO where nothing else was agreed on. */
static CW_ON_LOOP void agree_feedback(leg_sip *s, unsigned i)
{
    const cw_stream *own = &s->own->stream[i], *remote = &s->remote->stream[i];
    cw_ep_feedback_conf conf = { .video = own->kind == CW_VIDEO,
                                 .silent = remote->no_rtcp,
                                 .feedback = own->feedback & remote->feedback,
                                 .kbps_max = remote->bandwidth_kbps };

    cw_ep_feedback(s->ep[i], &conf);
}

/* RTCP shares the port when both said so (RFC 5761 5.1.1): we do when the far side's offer did. */
static CW_ON_LOOP void set_remote(leg_sip *s, unsigned i)
{
    const cw_rtp_place *place = cw_leg_sip_place(s, i);
    bool mux = place->rtcp_mux && s->mux[i];
    cw_addr rtcp = place->rtcp;

    if (place->rtcp_mux && !mux)
        cw_addr_set_port(&rtcp, (uint16_t)(cw_addr_port(&place->rtp) + 1));
    cw_ep_rtp_remote(s->ep[i], &place->rtp, &rtcp, mux, s->leg.policy.latch);
}

void cw_leg_sip_set_endpoints(leg_sip *s)
{
    for (unsigned i = 0; i < s->remote->stream_n && i < s->own->stream_n; i++) {
        const cw_stream *remote = &s->remote->stream[i];
        const cw_rtp_place *place = cw_leg_sip_place(s, i);

        if (!s->ep[i])
            continue;
        if (remote->refused) {
            cw_ep_direction(s->ep[i], CW_INACTIVE);
            continue;
        }
        cw_ep_formats(s->ep[i], &s->own->stream[i], remote);
        if (remote->kind == CW_AUDIO)
            cw_ep_dtmf_mode(s->ep[i], dtmf_mode(s, remote));
        cw_leg_sip_lock_apply(s, i);
        agree_feedback(s, i);
        if (!place->on_hold && cw_addr_family(&place->rtp) != AF_UNSPEC)
            set_remote(s, i);
        cw_ep_direction(s->ep[i], cw_dir_reverse(remote->dir) & s->gate[i]);
    }
}
