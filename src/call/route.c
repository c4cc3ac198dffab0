#include "call/route.h"

#include "base/json.h"
#include "user/user.h"

#include <glib.h>
#include <string.h>

bool cw_number_parse(const char *text, char ret[static CW_NUMBER_MAX + 2])
{
    size_t n = 0, digits = 0;

    for (; *text; text++) {
        if (g_ascii_isdigit(*text))
            digits++;
        else if (*text == '+' && n == 0)
            ;
        else if (strchr("-.() ", *text))
            continue;
        else
            return false;
        if (digits > CW_NUMBER_MAX)
            return false;
        ret[n++] = *text;
    }
    ret[n] = 0;
    return digits > 0;
}

/* The length of the longest prefix of `trunk` that fits, -1: none. */
static int prefix_len(const struct cw_conf_trunk *trunk, const char *number)
{
    int best = -1;

    for (char **p = trunk->prefixes; p && *p; p++) {
        size_t len = strlen(*p);

        if (len > 0 && (*p)[len - 1] == '*')
            len--;
        if (strncmp(*p, number, len) == 0)
            best = MAX(best, (int)len);
    }
    return best;
}

static const struct cw_conf_trunk *find_trunk(const cw_conf *conf, const char *number)
{
    const struct cw_conf_trunk *found = NULL;
    int best = -1;

    for (size_t i = 0; i < conf->trunk_n; i++) {
        int len = prefix_len(&conf->trunk[i], number);

        if (len > best && conf->trunk[i].address) {
            best = len;
            found = &conf->trunk[i];
        }
    }
    return found;
}

static cw_err to_number(const cw_conf *conf, const char *text, cw_route *ret, char why[static 128])
{
    char number[CW_NUMBER_MAX + 2];
    const struct cw_conf_trunk *trunk;

    if (!cw_number_parse(text, number)) {
        g_snprintf(why, 128, "not a telephone number");
        return CW_E_NO_ROUTE;
    }
    ret->target = g_strdup_printf("tel:%s", number);
    trunk = find_trunk(conf, number);
    if (!trunk) {
        g_snprintf(why, 128, "no trunk for this number");
        return CW_E_NO_ROUTE;
    }
    ret->kind = CW_ROUTE_SIP;
    ret->ruri = g_strdup_printf("sip:%s@%s", number, trunk->address);
    ret->trunk = trunk;
    ret->transport = g_ascii_strcasecmp(trunk->transport, "tcp") ? CW_SIP_UDP : CW_SIP_TCP;
    return CW_OK;
}

static bool has_param(const char *params, const char *param)
{
    g_auto(GStrv) all = g_strsplit(params, ";", -1);

    for (char **p = all; *p; p++)
        if (g_ascii_strcasecmp(*p, param) == 0)
            return true;
    return false;
}

static cw_err to_uri(const char *text, cw_route *ret, char why[static 128])
{
    g_autofree char *uri = NULL;
    const char *params;
    cw_err err = cw_sip_uri_check(text, &uri);

    if (err) {
        g_snprintf(why, 128, "not a SIP URI we can call");
        return err == CW_E_UNSAFE ? err : CW_E_NO_ROUTE;
    }
    params = strchr(uri, '@') ? strchr(strchr(uri, '@'), ';') : NULL;
    if (!strchr(uri, '@')) {
        g_snprintf(why, 128, "the SIP URI names nobody");
        return CW_E_NO_ROUTE;
    }
    ret->kind = CW_ROUTE_SIP;
    ret->target = params ? g_strndup(uri, (gsize)(params - uri)) : g_strdup(uri);
    ret->transport = params && has_param(params, "transport=tcp") ? CW_SIP_TCP : CW_SIP_UDP;
    ret->ruri = g_steal_pointer(&uri);
    return CW_OK;
}

static cw_err to_user(const char *name, cw_route *ret, char why[static 128])
{
    if (!cw_user_name_ok(name, strlen(name))) {
        g_snprintf(why, 128, "not a user name");
        return CW_E_NO_ROUTE;
    }
    ret->kind = CW_ROUTE_USER;
    ret->name = g_strdup(name);
    ret->target = g_strdup_printf("user:%s", name);
    return CW_OK;
}

static cw_err to_service(const char *name, cw_route *ret, char why[static 128])
{
    static const char *const services[] = { "echo", "tone" };

    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        if (strcmp(name, services[i]))
            continue;
        ret->kind = CW_ROUTE_SERVICE;
        ret->name = g_strdup(name);
        ret->target = g_strdup_printf("service:%s", name);
        return CW_OK;
    }
    g_snprintf(why, 128, "no such service");
    return CW_E_NO_ROUTE;
}

/* The part after "scheme:", caseless, NULL when `text` has another scheme. */
static const char *after(const char *text, const char *scheme)
{
    size_t len = strlen(scheme);

    return g_ascii_strncasecmp(text, scheme, len) == 0 && text[len] == ':' ? text + len + 1 : NULL;
}

cw_err cw_route_find(const cw_conf *conf, const char *to, cw_route *ret, char why[static 128])
{
    const char *rest;

    memset(ret, 0, sizeof *ret);
    why[0] = 0;
    if (strlen(to) > CW_TARGET_MAX) {
        g_snprintf(why, 128, "longer than %d bytes", CW_TARGET_MAX);
        return CW_E_NO_ROUTE;
    }
    if (!cw_text_is_safe(to, strlen(to)))
        return CW_E_UNSAFE;
    if ((rest = after(to, "service")))
        return to_service(rest, ret, why);
    if ((rest = after(to, "user")))
        return to_user(rest, ret, why);
    if ((rest = after(to, "tel")))
        return to_number(conf, rest, ret, why);
    if (after(to, "sip"))
        return to_uri(to, ret, why);
    if (g_ascii_isdigit(to[0]) || to[0] == '+' || to[0] == '(')
        return to_number(conf, to, ret, why);
    return to_service(to, ret, why);
}

static bool fits(const char *match, const char *user)
{
    size_t len = match ? strlen(match) : 0;

    if (len == 0)
        return false;
    if (match[len - 1] == '*')
        return strncmp(match, user, len - 1) == 0;
    return strcmp(match, user) == 0;
}

/* What may stand in a SIP URI without escaping, and names nobody else's host. */
static bool stands_in_uri(const char *user)
{
    for (; *user; user++)
        if (!g_ascii_isalnum(*user) && !strchr("+-._*", *user))
            return false;
    return true;
}

/* A rule's `to` with the dialled user part in place of "$"; NULL: it cannot stand there. g_free. */
static char *fill_in(const char *to, const char *user)
{
    const char *place = strchr(to, '$');

    if (!place)
        return g_strdup(to);
    if (after(to, "sip") && !stands_in_uri(user))
        return NULL;
    return g_strdup_printf("%.*s%s%s", (int)(place - to), to, user, place + 1);
}

cw_err cw_route_inbound(const cw_conf *conf, const char *ruri_user, cw_route *ret)
{
    char why[128];

    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < conf->inbound_n; i++) {
        const struct cw_conf_inbound *rule = &conf->inbound[i];
        g_autofree char *to = NULL;

        if (!rule->to || !fits(rule->match, ruri_user))
            continue;
        to = fill_in(rule->to, ruri_user);
        return to && cw_route_find(conf, to, ret, why) == CW_OK ? CW_OK : CW_E_NOT_FOUND;
    }
    return CW_E_NOT_FOUND;
}

void cw_route_clear(cw_route *route)
{
    g_free(route->target);
    g_free(route->name);
    g_free(route->ruri);
    memset(route, 0, sizeof *route);
}
