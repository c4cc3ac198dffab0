#include "call/route/enum.h"

#include "sip/address.h"
#include "sip/enum.h"
#include "sip/header.h"

#include <string.h>

/* What is done when the answer is there. */
struct cw_asking {
    cw_enum *question; /* NULL: it was answered */
    const struct cw_conf_enum_tree *tree;
    char *number, *params, *from_user;
    char **headers;
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

void cw_call_forget_enum(cw_call *call)
{
    struct cw_asking *a = g_steal_pointer(&call->asking);

    if (!a)
        return;
    cw_enum_cancel(a->question);
    g_free(a->number);
    g_free(a->params);
    g_free(a->from_user);
    g_strfreev(a->headers);
    g_free(a);
}

static CW_ON_LOOP cw_err go(cw_call *call, const cw_route *route, const char *from_user,
                            char *const *headers, const cw_client *except)
{
    const cw_reach reach = { .route = route,
                             .from = &call->from,
                             .from_user = from_user,
                             .headers = headers,
                             .except = except };
    cw_err err = cw_calls_reach(call->calls, call, &reach);

    return err ? err : cw_call_dial(call);
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
static CW_ON_LOOP cw_err by_uri(cw_call *call, const struct cw_asking *a, const char *uri)
{
    char why[128];
    cw_route route;
    cw_err err = cw_route_find(call->calls->conf, NULL, uri, &route, why);

    if (!err && !is_welcome(a->tree, uri))
        err = CW_E_NO_ROUTE;
    if (!err) {
        cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "ENUM", uri);
        err = go(call, &route, a->from_user, a->headers, NULL);
    }
    cw_route_clear(&route);
    return err;
}

static CW_ON_LOOP cw_err by_trunk(cw_call *call, const struct cw_asking *a)
{
    g_autofree char *to = g_strdup_printf("tel:%s%s", a->number, a->params);
    char why[128];
    cw_route route;
    cw_err err = cw_route_find(call->calls->conf, NULL, to, &route, why);

    if (!err)
        err = go(call, &route, a->from_user, a->headers, NULL);
    cw_route_clear(&route);
    return err;
}

static void on_answer(void *arg, const char *uri)
{
    cw_call *call = arg;
    struct cw_asking *a = call->asking;
    cw_err err = CW_E_NO_ROUTE;

    cw_assert_on_loop();
    a->question = NULL;
    if (uri)
        err = by_uri(call, a, uri);
    if (err)
        err = by_trunk(call, a);
    cw_call_forget_enum(call);
    if (err)
        cw_call_refuse(call, err);
}

cw_err cw_call_go(cw_call *call, const cw_route *route, const char *from_user, char *const *headers,
                  const cw_client *except)
{
    const struct cw_conf_enum_tree *tree = tree_for(call->calls->conf, route);
    struct cw_asking *a;
    cw_err err;

    if (!tree)
        return go(call, route, from_user, headers, except);
    a = g_new0(struct cw_asking, 1);
    a->tree = tree;
    a->number = g_strdup(route->number);
    a->params = g_strdup(route->params);
    a->from_user = g_strdup(from_user);
    a->headers = g_strdupv((char **)headers);
    call->asking = a;
    err = cw_enum_ask(call->calls->sip,
                      &(cw_enum_tree){ .suffix = tree->suffix,
                                       .timeout_ms = (unsigned)tree->timeout_ms,
                                       .cache_s = (unsigned)tree->cache_s },
                      a->number, on_answer, call, &a->question);
    if (!err)
        return CW_OK;
    cw_call_forget_enum(call);
    return go(call, route, from_user, headers, except); /* no number DNS could know */
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
