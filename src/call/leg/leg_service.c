/* leg_service.c - echo and tone: callees inside the gateway. They answer at once. */
#include "call/priv.h"
#include "call/leg/streams.h"

#include <string.h>

#define TONE_HZ 1000

typedef cw_err make_ep(cw_plane *plane, unsigned worker, cw_ep **ret);

static cw_err make_tone(cw_plane *plane, unsigned worker, cw_ep **ret)
{
    cw_assert_on_loop();
    return cw_ep_tone_new(plane, worker, TONE_HZ, ret);
}

static const struct service {
    const char *name;
    make_ep *make;
    bool video; /* takes pictures too */
} services[] = {
    { "echo", cw_ep_echo_new, true },
    { "tone", make_tone, false },
};

typedef struct leg_service {
    cw_leg leg;
    const struct service *service;
    cw_plane *plane;
    cw_ep *ep[CW_DESC_STREAMS_MAX];
} leg_service;

static CW_ON_LOOP cw_err open_streams(leg_service *s)
{
    for (unsigned i = 0; i < s->leg.desc->stream_n; i++) {
        cw_stream *stream = &s->leg.desc->stream[i];
        cw_err err;

        if (stream->kind == CW_VIDEO && !s->service->video)
            stream->refused = true;
        if (stream->refused || s->ep[i])
            continue;
        err = s->service->make(s->plane, s->leg.worker, &s->ep[i]);
        if (err)
            return err;
        cw_ep_formats(s->ep[i], stream, stream);
    }
    return cw_leg_stream(&s->leg, CW_AUDIO) < 0 ? CW_E_NO_CODEC : CW_OK;
}

static CW_ON_LOOP cw_err op_offer(cw_leg *leg, const cw_media_desc *desc, const cw_party *from)
{
    leg_service *s = (leg_service *)leg;
    g_autofree cw_media_desc *own = g_new(cw_media_desc, 1);
    cw_err err;

    cw_desc_offer(desc, &leg->policy.codec, own);
    cw_desc_number(own);
    cw_leg_set_desc(leg, own);
    err = open_streams(s);
    if (!err)
        cw_leg_tell(leg, CW_LEG_ANSWERED);
    return err;
}

static void op_ring(cw_leg *leg, int status, const cw_media_desc *foretold) {}

static cw_err op_answer(cw_leg *leg, const cw_media_desc *answer, int early)
{
    return CW_E_UNSUPPORTED; /* a service never calls */
}

/* Video that came is echoed; what went leaves an endpoint that waits. */
static CW_ON_LOOP cw_err op_update(cw_leg *leg, const cw_media_desc *desc)
{
    leg_service *s = (leg_service *)leg;
    g_autofree cw_media_desc *wish = g_new(cw_media_desc, 1);
    cw_err err;

    cw_streams_wish(leg->desc, &leg->policy.codec, desc, wish);
    cw_desc_keep(&leg->desc, wish);
    for (unsigned i = 0; i < leg->desc->stream_n; i++)
        leg->desc->stream[i].dir = cw_dir_reverse(leg->desc->stream[i].dir);
    err = open_streams(s);
    cw_leg_tell(leg, CW_LEG_CHANGED);
    return err;
}

static void op_hold(cw_leg *leg, bool on) {}

static CW_ON_LOOP cw_err op_dtmf(cw_leg *leg, char digit, unsigned duration_ms, bool passed)
{
    cw_leg_note(leg, "CALL", "digit");
    return CW_OK;
}

static void op_info(cw_leg *leg, const json_t *muted) {}

static CW_ON_LOOP void let_go(leg_service *s)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        cw_ep_free(g_steal_pointer(&s->ep[i]));
}

static CW_ON_LOOP void op_end(cw_leg *leg, const cw_cause *cause, cw_by by)
{
    let_go((leg_service *)leg);
}

static cw_ep *op_endpoint(cw_leg *leg, unsigned stream)
{
    return ((leg_service *)leg)->ep[stream];
}

static void op_describe(cw_leg *leg, json_t *into) {}

static CW_ON_LOOP void op_free(cw_leg *leg)
{
    let_go((leg_service *)leg);
    g_free(leg);
}

static const cw_leg_ops ops = {
    .kind = "service",
    .offer = op_offer,
    .ring = op_ring,
    .answer = op_answer,
    .update = op_update,
    .hold = op_hold,
    .dtmf = op_dtmf,
    .info = op_info,
    .end = op_end,
    .endpoint = op_endpoint,
    .describe = op_describe,
    .free = op_free,
};

cw_err cw_leg_service_new(cw_plane *plane, unsigned worker, const char *name, cw_leg **ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        leg_service *s;

        if (strcmp(services[i].name, name))
            continue;
        s = g_new0(leg_service, 1);
        cw_leg_init(&s->leg, &ops, name);
        s->leg.worker = worker;
        s->leg.policy = cw_policy_service();
        s->service = &services[i];
        s->plane = plane;
        *ret = &s->leg;
        return CW_OK;
    }
    return CW_E_NOT_FOUND;
}
