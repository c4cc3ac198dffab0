#include "call/route/enum.h"

#include "call/push/push.h"
#include "call/route/permit.h"
#include "sip/address.h"
#include "sip/enum.h"
#include "sip/header.h"
#include "sip/refer.h"

#include <string.h>

struct cw_asking {
    cw_calls *calls;
    cw_timeline *line; /* borrowed from the call */
    const cw_asking_ops *ops;
    void *arg;
    cw_asking **place; /* its owner's; NULL there from when it has answered */
    cw_enum *question; /* NULL: it was answered */
    const struct cw_conf_enum_tree *tree;
    char *number, *params;
    cw_party from;
    cw_reach reach; /* all of it copies; no `route` */
};

static bool fits(const char *match, const char *number)
{
    size_t len = strlen(match);

    if (len > 0 && match[len - 1] == '*')
        return strncmp(match, number, len - 1) == 0;
    return strcmp(match, number) == 0;
}

static const struct cw_conf_enum_tree *tree_for(const cw_conf *conf, const cw_route *route)
{
    if (route->kind != CW_ROUTE_SIP || !route->trunk || !route->number || route->number[0] != '+')
        return NULL;
    for (size_t i = 0; i < conf->enum_tree_n; i++)
        if (fits(conf->enum_tree[i].match, route->number))
            return &conf->enum_tree[i];
    return NULL;
}

void cw_asking_free(cw_asking *a)
{
    if (!a)
        return;
    cw_enum_cancel(a->question);
    g_free(a->number);
    g_free(a->params);
    cw_party_clear(&a->from);
    g_free((char *)a->reach.from_user);
    g_strfreev((char **)a->reach.headers);
    cw_sip_replaces_free((cw_sip_replaces *)a->reach.replaces);
    g_free((char *)a->reach.referred_by);
    cw_asker_free((cw_asker *)a->reach.asker);
    g_free(a);
}

static CW_ON_LOOP cw_asking *asking_new(cw_calls *calls, const cw_reach *reach,
                                        const struct cw_conf_enum_tree *tree)
{
    cw_asking *a = g_new0(cw_asking, 1);

    a->calls = calls;
    a->tree = tree;
    a->number = g_strdup(reach->route->number);
    a->params = g_strdup(reach->route->params);
    cw_party_copy(&a->from, reach->from);
    a->reach.from = &a->from;
    a->reach.from_user = g_strdup(reach->from_user);
    a->reach.headers = g_strdupv((char **)reach->headers);
    a->reach.replaces = reach->replaces ? cw_sip_replaces_dup(reach->replaces) : NULL;
    a->reach.referred_by = g_strdup(reach->referred_by);
    a->reach.asker = cw_asker_keep(calls->conf, reach->asker);
    return a;
}

static CW_ON_LOOP cw_err go(cw_asking *a, const cw_route *route)
{
    a->reach.route = route;
    return a->ops->go(a->arg, &a->reach);
}

/* The host of a URI, without its port, is one of those the tree may lead to. */
static bool is_welcome(const struct cw_conf_enum_tree *tree, const char *uri)
{
    const char *at = strchr(uri, '@');
    const char *host = at ? at + 1 : strchr(uri, ':') + 1;
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":;?");
    g_autofree char *name = g_strndup(host, len);

    for (char **p = tree->hosts; p && *p; p++) {
        const char *tail = **p == '*' ? *p + 1 : NULL;

        if (tail ? g_str_has_suffix(name, tail) : g_ascii_strcasecmp(name, *p) == 0)
            return true;
    }
    return false;
}

/* Straight to the URI; what the call is called by stays the number. */
static CW_ON_LOOP cw_err by_uri(cw_asking *a, const char *uri)
{
    char why[128];
    cw_route route;
    cw_err err = cw_route_find(a->calls->conf, NULL, uri, &route, why);

    if (!err && !is_welcome(a->tree, uri))
        err = CW_E_NO_ROUTE;
    if (!err) {
        cw_timeline_add(a->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "ENUM", uri);
        err = go(a, &route);
    }
    cw_route_clear(&route);
    return err;
}

static CW_ON_LOOP cw_err by_trunk(cw_asking *a)
{
    g_autofree char *to = g_strdup_printf("tel:%s%s", a->number, a->params);
    char why[128];
    cw_route route;
    cw_err err = cw_route_find(a->calls->conf, NULL, to, &route, why);

    if (!err)
        err = go(a, &route);
    cw_route_clear(&route);
    return err;
}

static void on_answer(void *arg, const char *uri)
{
    cw_asking *a = arg;
    cw_err err = CW_E_NO_ROUTE;

    cw_assert_on_loop();
    a->question = NULL;
    *a->place = NULL;
    if (uri)
        err = by_uri(a, uri);
    if (err)
        err = by_trunk(a);
    if (err)
        a->ops->failed(a->arg, err);
    cw_asking_free(a);
}

cw_err cw_enum_lead(cw_calls *calls, cw_timeline *line, const cw_reach *reach,
                    const cw_asking_ops *ops, void *arg, cw_asking **ret)
{
    const struct cw_conf_enum_tree *tree = tree_for(calls->conf, reach->route);
    cw_asking *a = tree ? asking_new(calls, reach, tree) : NULL;
    cw_err err;

    *ret = NULL;
    if (!a)
        return ops->go(arg, reach);
    a->line = line;
    a->ops = ops;
    a->arg = arg;
    a->place = ret;
    err = cw_enum_ask(calls->sip,
                      &(cw_enum_tree){ .suffix = tree->suffix,
                                       .timeout_ms = (unsigned)tree->timeout_ms,
                                       .cache_s = (unsigned)tree->cache_s },
                      a->number, on_answer, a, &a->question);
    if (!err) {
        *ret = a;
        return CW_OK;
    }
    cw_asking_free(a);
    return ops->go(arg, reach); /* no number DNS could know */
}

/* ── A call ── */

static cw_err reach_and_dial(void *arg, const cw_reach *reach)
{
    cw_call *call = arg;
    cw_err err;

    cw_assert_on_loop();
    if (reach->route->kind == CW_ROUTE_USER &&
        cw_push_can_wake(call->calls->push, reach->route->name) &&
        cw_push_wake(call, reach->route->name) == CW_OK)
        return CW_OK;
    err = cw_calls_reach(call->calls, call, reach);
    return err ? err : cw_call_dial(call);
}

static void refuse(void *arg, cw_err err)
{
    cw_assert_on_loop();
    cw_call_refuse(arg, err);
}

cw_err cw_call_go(cw_call *call, const cw_reach *reach)
{
    static const cw_asking_ops ops = { .go = reach_and_dial, .failed = refuse };

    return cw_enum_lead(call->calls, call->line, reach, &ops, call, &call->asking);
}

cw_err cw_enums_check(const cw_conf *conf, char why[static 128])
{
    char name[CW_ENUM_NAME_MAX], place[64];

    for (size_t i = 0; i < conf->enum_tree_n; i++) {
        const struct cw_conf_enum_tree *tree = &conf->enum_tree[i];
        const char *fault = NULL;

        if (!tree->match || tree->match[0] != '+')
            fault = "match must begin with +";
        else if (strspn(tree->suffix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789.-_") != strlen(tree->suffix) ||
                 cw_enum_domain("+123456789012345", tree->suffix, name))
            fault = "suffix is no domain";
        if (!fault)
            continue;
        g_snprintf(why, 128, "%s: enum_tree: %s", cw_conf_place(conf, tree->line, place), fault);
        return CW_E_CONF;
    }
    return CW_OK;
}
