#include "call/push/push_priv.h"

#include "base/stats.h"

#include <string.h>

#define LIST_MAX 1000

/* ── The hook ── */

/* It is the administrator's own, wherever it is. */
static bool may_be_asked(void *arg, const cw_addr *addr)
{
    return true;
}

cw_err cw_push_check(const cw_conf *conf, char why[static 128])
{
    const cw_fetch_rules rules = { .plain = true };
    char place[64];

    if (!conf->push.url || cw_fetch_url_ok(&rules, conf->push.url))
        return CW_OK;
    g_snprintf(why, 128, "%s: push.url: must be an http: or https: URL",
               cw_conf_place(conf, cw_conf_line(conf, "push.url"), place));
    return CW_E_CONF;
}

static void queue_free(gpointer arg)
{
    g_queue_free_full(arg, (GDestroyNotify)json_decref);
}

cw_push *cw_push_new(cw_calls *calls)
{
    cw_push *push = g_new0(cw_push, 1);
    const struct cw_conf_push *conf = &calls->conf->push;

    push->calls = calls;
    push->conf = conf;
    push->by_user = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, queue_free);
    push->waiting =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_queue_free);
    push->asked = g_hash_table_new_full(NULL, NULL, cw_push_asked_free, NULL);
    push->rules = (cw_fetch_rules){ .authorities = conf->authorities,
                                    .timeout_ms = (unsigned)conf->timeout_ms,
                                    .bytes_max = 65536,
                                    .waiting_max = (unsigned)conf->requests_max,
                                    .plain = true,
                                    .may = may_be_asked };
    push->hook = conf->url ? cw_fetch_new(calls->loop, &push->rules) : NULL;
    return push;
}

void cw_push_free(cw_push *push)
{
    if (!push)
        return;
    cw_fetch_free(push->hook);
    cw_stat_add(CW_STAT_push_registrations, -(int64_t)push->registered);
    g_hash_table_unref(push->asked);
    g_hash_table_unref(push->by_user);
    g_hash_table_unref(push->waiting);
    g_free(push);
}

/* ── Registrations ── */

const GQueue *cw_push_of(const cw_push *push, const char *user)
{
    return g_hash_table_lookup(push->by_user, user);
}

static const char *endpoint_of(const json_t *registration)
{
    return json_string_value(json_object_get(registration, "endpoint"));
}

static GList *find(const GQueue *of, const char *endpoint)
{
    for (GList *i = of ? of->head : NULL; i; i = i->next)
        if (!g_strcmp0(endpoint_of(i->data), endpoint))
            return i;
    return NULL;
}

static void take_out(cw_push *push, const char *user, GList *link) CW_ON_LOOP
{
    GQueue *of = g_hash_table_lookup(push->by_user, user);

    json_decref(link->data);
    g_queue_delete_link(of, link);
    push->registered--;
    cw_stat_dec(CW_STAT_push_registrations);
    if (!of->length)
        g_hash_table_remove(push->by_user, user);
}

cw_err cw_push_register(cw_push *push, const char *user, const json_t *registration)
{
    GQueue *of = g_hash_table_lookup(push->by_user, user);
    GList *gives_way = find(of, endpoint_of(registration));

    if (!push->hook)
        return CW_E_UNSUPPORTED;
    if (!gives_way && of && of->length >= (guint)push->conf->per_user_max)
        gives_way = of->head;
    if (!gives_way && push->registered >= (unsigned)push->conf->registrations_max)
        return CW_E_OVERLOAD;
    if (gives_way)
        take_out(push, user, gives_way);
    of = g_hash_table_lookup(push->by_user, user);
    if (!of) {
        of = g_queue_new();
        g_hash_table_insert(push->by_user, g_strdup(user), of);
    }
    g_queue_push_tail(of, json_incref((json_t *)registration));
    push->registered++;
    cw_stat_inc(CW_STAT_push_registrations);
    return CW_OK;
}

cw_err cw_push_unregister(cw_push *push, const char *user, const char *endpoint)
{
    GList *link = find(cw_push_of(push, user), endpoint);

    if (!link)
        return CW_E_NOT_FOUND;
    take_out(push, user, link);
    return CW_OK;
}

void cw_push_forget(cw_push *push, const char *user, const json_t *endpoints)
{
    size_t i;
    json_t *one;

    json_array_foreach((json_t *)endpoints, i, one)
    {
        GList *link = find(cw_push_of(push, user), json_string_value(one));

        if (link && json_is_string(one))
            take_out(push, user, link);
    }
}

/* ── For people ── */

unsigned cw_push_count(const cw_push *push)
{
    return push->registered;
}

static json_t *kinds_of(const GQueue *of)
{
    json_t *kinds = json_array();

    for (const GList *i = of ? of->head : NULL; i; i = i->next)
        json_array_append(kinds, json_object_get(i->data, "kind"));
    return kinds;
}

static json_t *row(const cw_push *push, const char *user) CW_ON_LOOP
{
    const GQueue *of = cw_push_of(push, user), *wait = g_hash_table_lookup(push->waiting, user);

    return json_pack("{s:s s:i s:o s:i}", "user", user, "registrations", of ? (int)of->length : 0,
                     "kinds", kinds_of(of), "waiting", wait ? (int)wait->length : 0);
}

json_t *cw_push_list(const cw_push *push, const char *user)
{
    json_t *all = json_array();
    GHashTableIter iter;
    gpointer name;

    if (user) {
        json_array_append_new(all, row(push, user));
        return all;
    }
    g_hash_table_iter_init(&iter, push->by_user);
    while (json_array_size(all) < LIST_MAX && g_hash_table_iter_next(&iter, &name, NULL))
        json_array_append_new(all, row(push, name));
    return all;
}
