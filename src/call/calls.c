/* calls.c - every call, client and trunk of the gateway. */
#include "call/line/line.h"
#include "call/priv.h"
#include "call/party/vouch.h"
#include "call/push/push.h"
#include "call/web/web.h"
#include "user/quota.h"

#include "base/stats.h"

#include <string.h>

static void user_free(void *data)
{
    cw_user *user = data;

    g_ptr_array_free(user->clients, TRUE);
    g_free(user->name);
    g_free(user);
}

static void reap(void *arg)
{
    cw_calls *calls = arg;
    cw_call *call;

    cw_assert_on_loop();
    while ((call = g_queue_pop_head(&calls->dead)))
        cw_call_free(call);
}

cw_calls *cw_calls_new(cw_loop *loop, const cw_conf *conf)
{
    cw_calls *calls = g_new0(cw_calls, 1);

    calls->loop = loop;
    calls->conf = conf;
    calls->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    calls->users = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, user_free);
    calls->reaper = cw_timer_new(loop, reap, calls);
    calls->trunks = cw_trunks_new(loop, conf);
    calls->quotas = cw_quotas_new(conf);
    calls->lines = cw_lines_new(calls);
    calls->push = cw_push_new(calls);
    g_queue_init(&calls->dead);
    g_queue_init(&calls->ladders);
    cw_vouch_open(calls);
    cw_ringback_open(calls);
    cw_music_open(calls);
    cw_monitor_open(calls);
    cw_record_open(calls);
    return calls;
}

void cw_calls_sip_ops(cw_calls *calls, cw_sip_ops *ret)
{
    *ret = (cw_sip_ops){ .invite = cw_calls_invite,
                         .trusted = cw_calls_trusted,
                         .request = cw_web_request,
                         .secret = cw_web_secret,
                         .web_login = cw_web_login,
                         .web_gone = cw_web_gone };
}

void cw_calls_use(cw_calls *calls, cw_sip *sip, cw_webrtc *webrtc, cw_plane *plane)
{
    calls->sip = sip;
    calls->webrtc = webrtc;
    calls->plane = plane;
    cw_trunks_use(calls->trunks, sip);
    cw_lines_use(calls->lines, sip);
}

static CW_ON_LOOP void end_all(cw_calls *calls)
{
    static const cw_cause closing = { .err = CW_E_UNAVAILABLE, .gateway = true };
    g_autoptr(GList) all = g_hash_table_get_values(calls->by_id);

    for (GList *i = all; i; i = i->next)
        cw_call_end(i->data, &closing);
}

void cw_calls_free(cw_calls *calls)
{
    if (!calls)
        return;
    calls->closing = true;
    end_all(calls);
    reap(calls);
    g_assert(g_hash_table_size(calls->by_id) == 0);
    cw_ladder_clear(calls);
    cw_timer_free(calls->reaper);
    cw_timer_free(calls->monitor);
    cw_record_close(calls);
    cw_lines_free(calls->lines);
    cw_push_free(calls->push);
    cw_ringback_close(calls);
    cw_vouch_close(calls);
    cw_music_close(calls);
    cw_trunks_free(calls->trunks);
    cw_quotas_free(calls->quotas);
    g_hash_table_unref(calls->by_id);
    g_hash_table_unref(calls->users);
    g_free(calls);
}

void cw_calls_bury(cw_calls *calls, cw_call *call)
{
    g_hash_table_remove(calls->by_id, &call->id);
    g_queue_push_tail(&calls->dead, call);
    cw_timer_start(calls->reaper, 0);
}

bool cw_calls_full(const cw_calls *calls)
{
    return calls->closing ||
           g_hash_table_size(calls->by_id) >= (guint)calls->conf->limits.calls_max;
}

cw_call *cw_calls_find(const cw_calls *calls, cw_id id)
{
    return g_hash_table_lookup(calls->by_id, &id);
}

cw_err cw_call_hangup(cw_calls *calls, cw_id id)
{
    static const cw_cause by_admin = { .gateway = true };
    cw_call *call = cw_calls_find(calls, id);

    if (!call)
        return CW_E_NO_CALL;
    cw_call_end(call, &by_admin);
    return CW_OK;
}

cw_err cw_calls_number(const cw_calls *calls, const char *number, const char *from, json_t **ret,
                       char why[static 128])
{
    return cw_number_test(calls->conf, number, from, ret, why);
}

json_t *cw_pushes_json(const cw_calls *calls, const char *user)
{
    return cw_push_list(calls->push, user);
}

json_t *cw_registrations_json(const cw_calls *calls, const char *user)
{
    json_t *lines = cw_lines_json(calls->lines, user);
    g_autoptr(json_t) webs = calls->sip ? cw_sip_webs_json(calls->sip, user) : json_array();

    if (!user || (!lines && json_array_size(webs)))
        lines = lines ?: json_object();
    if (json_is_array(lines))
        json_array_extend(lines, webs);
    else if (lines && json_array_size(webs))
        json_object_set(lines, "web", webs);
    return lines;
}

/* ── Users ── */

cw_user *cw_calls_user(const cw_calls *calls, const char *name)
{
    return g_hash_table_lookup(calls->users, name);
}

cw_user *cw_calls_user_add(cw_calls *calls, const char *name)
{
    cw_user *user = cw_calls_user(calls, name);

    if (user)
        return user;
    user = g_new0(cw_user, 1);
    user->name = g_strdup(name);
    user->clients = g_ptr_array_new();
    g_hash_table_insert(calls->users, user->name, user);
    return user;
}

void cw_calls_user_left(cw_calls *calls, cw_user *user)
{
    const guint max = (guint)calls->conf->limits.users_known_max;

    if (user->clients->len == 0 && g_hash_table_size(calls->users) > max)
        g_hash_table_remove(calls->users, user->name);
}

/* ── Reaching the callee ── */

/* One of the user's, by whichever protocol. */
static CW_ON_LOOP void ring_client(cw_call *call, cw_client *client, const cw_reach *reach)
{
    char id[CW_ID_STR];
    cw_leg *leg;

    if (client->web)
        leg = cw_web_callee(call, client, reach);
    else if (cw_leg_browser_new(client, cw_id_print(call->id, id), call->id, call->worker, &leg))
        leg = NULL;
    if (leg)
        cw_call_add_b(call, leg);
}

static CW_ON_LOOP cw_err reach_user(cw_calls *calls, cw_call *call, const cw_reach *reach)
{
    const cw_user *user = cw_calls_user(calls, reach->route->name);
    guint before = call->b->len;

    if (!user)
        return CW_E_NOT_FOUND;
    for (guint i = 0; i < user->clients->len; i++) {
        cw_client *client = g_ptr_array_index(user->clients, i);

        if (client != reach->except && (!reach->only || client->session == reach->only) &&
            !cw_client_full(client))
            ring_client(call, client, reach);
    }
    return call->b->len > before ? CW_OK : CW_E_UNAVAILABLE;
}

static CW_ON_LOOP cw_err reach_service(cw_calls *calls, cw_call *call, const char *name)
{
    cw_leg *leg;
    cw_err err = cw_leg_service_new(calls->plane, call->worker, name, &leg);

    if (err)
        return err;
    cw_call_add_b(call, leg);
    return CW_OK;
}

static CW_ON_LOOP cw_err reach_trunk(cw_calls *calls, cw_call *call, const cw_reach *reach,
                                     cw_sip_target *target)
{
    const cw_route *route = reach->route;
    bool more;
    cw_err err;
    const struct cw_conf_trunk *trunk =
        cw_trunks_pick(calls->trunks, route->group, route->trunk, 0, &more, &err);
    g_autofree char *ruri = NULL;
    cw_leg *leg;

    if (!trunk)
        return err;
    err = cw_route_by(calls->conf, trunk, route->number, route->params, &ruri);
    if (err)
        return err;
    target->ruri = ruri;
    target->hurried = more;
    leg = cw_leg_sip_new(calls, call->worker, target, trunk);
    cw_leg_sip_introduce(leg, call, reach);
    cw_leg_sip_by(leg, trunk, route);
    cw_call_add_b(call, leg);
    return CW_OK;
}

static CW_ON_LOOP cw_err reach_sip(cw_calls *calls, cw_call *call, const cw_reach *reach)
{
    const cw_route *route = reach->route;
    const struct cw_conf_trunk *trunk = route->trunk;
    cw_sip_target target = { .ruri = route->ruri,
                             .from_user = reach->from_user,
                             .transport = route->transport,
                             .any_transport = route->any_transport,
                             .hops_used = call->hops_used,
                             .replaces = reach->replaces,
                             .referred_by = reach->referred_by };
    cw_leg *leg;

    if (route->line) {
        cw_line_target(route->line, &target);
        g_free(call->line_user);
        call->line_user = g_strdup(cw_line_user(route->line));
    } else if (trunk)
        return reach_trunk(calls, call, reach, &target);
    leg = cw_leg_sip_new(calls, call->worker, &target, trunk);
    cw_leg_sip_introduce(leg, call, reach);
    cw_call_add_b(call, leg);
    return CW_OK;
}

cw_err cw_calls_reach(cw_calls *calls, cw_call *call, const cw_reach *reach)
{
    switch (reach->route->kind) {
    case CW_ROUTE_USER:
        return reach_user(calls, call, reach);
    case CW_ROUTE_SERVICE:
        return reach_service(calls, call, reach->route->name);
    case CW_ROUTE_SIP:
        return reach_sip(calls, call, reach);
    }
    return CW_E_NO_ROUTE;
}

json_t *cw_calls_quotas(const cw_calls *calls)
{
    return cw_quotas_json(calls->quotas, cw_now_ms());
}
