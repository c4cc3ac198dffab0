/* music.c - what a held party hears: a recording, where one is configured; nothing, else. */
#include "call/priv.h"

#include "base/log.h"

static void add(GHashTable *music, const char *path)
{
    cw_sound *sound;

    if (path && *path && !g_hash_table_contains(music, path) &&
        cw_sound_file(path, &sound) == CW_OK)
        g_hash_table_insert(music, (char *)path, sound);
}

void cw_music_open(cw_calls *calls)
{
    const cw_conf *conf = calls->conf;

    calls->music =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)cw_sound_unref);
    add(calls->music, conf->media.hold_music);
    for (size_t i = 0; i < conf->trunk_n; i++)
        add(calls->music, conf->trunk[i].hold_music);
}

void cw_music_close(cw_calls *calls)
{
    g_clear_pointer(&calls->music, g_hash_table_unref);
}

/* A trunk's own, even when that is "": none. */
static CW_ON_LOOP const char *music_for(const cw_calls *calls, const cw_leg *leg)
{
    if (leg->hold_music)
        return leg->hold_music;
    if (leg->ops->holds_both_ways && !calls->conf->media.hold_music_browsers)
        return NULL;
    return calls->conf->media.hold_music;
}

/* NULL: nobody is to hear any. */
static CW_ON_LOOP cw_leg *listener(const cw_call *call)
{
    cw_leg *a = call->a, *b = call->winner;

    if (call->state != CW_CALL_UP || a->held == b->held)
        return NULL;
    if (a->held)
        return a->ops->holds_both_ways || a->holds_silently ? b : NULL;
    return b->ops->holds_both_ways || b->holds_silently ? a : NULL;
}

static CW_ON_LOOP cw_ep *ear(cw_leg *leg)
{
    int i = cw_leg_stream(leg, CW_AUDIO);

    return i >= 0 ? leg->ops->endpoint(leg, (unsigned)i) : NULL;
}

cw_ep *cw_music_ear(cw_call *call)
{
    cw_leg *leg = call->calls->music ? listener(call) : NULL;
    const char *path = leg ? music_for(call->calls, leg) : NULL;
    cw_sound *sound = path ? g_hash_table_lookup(call->calls->music, path) : NULL;
    cw_ep *ep = sound ? ear(leg) : NULL;

    if (!ep || call->music_of != sound)
        cw_music_end(call);
    if (!ep || call->music)
        return call->music ? ep : NULL;
    if (cw_ep_player_new(call->calls->plane, leg->worker, sound, &call->music))
        return NULL;
    call->music_of = sound;
    cw_timeline_add(call->line, CW_LANE_GATEWAY, leg->lane, "RTP", "music on hold");
    return ep;
}

void cw_music_end(cw_call *call)
{
    cw_ep_free(g_steal_pointer(&call->music));
    call->music_of = NULL;
}
