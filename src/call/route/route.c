#include "call/route/route.h"

#include "base/json.h"
#include "user/user.h"

#include <glib.h>
#include <string.h>

int cw_route_prefix(char *const *prefixes, const char *number)
{
    int best = -1;

    for (char *const *p = prefixes; p && *p; p++) {
        size_t len = strlen(*p);

        if (len > 0 && (*p)[len - 1] == '*')
            len--;
        if (strncmp(*p, number, len) == 0)
            best = MAX(best, (int)len);
    }
    return best;
}

const struct cw_conf_trunk *cw_route_trunk(const cw_conf *conf, const char *number)
{
    const struct cw_conf_trunk *found = NULL;
    int best = -1;

    for (size_t i = 0; i < conf->trunk_n; i++) {
        int len = cw_route_prefix(conf->trunk[i].prefixes, number);

        if (len > best && conf->trunk[i].address) {
            best = len;
            found = &conf->trunk[i];
        }
    }
    return found;
}

cw_err cw_route_by(const cw_conf *conf, const struct cw_conf_trunk *trunk, const char *number,
                   const char *params, char **ret)
{
    char written[CW_NUMBER_STR];
    cw_err err = cw_number_write(conf, trunk, number, written, NULL);

    if (!err)
        *ret = cw_number_ruri(trunk, written, params);
    return err;
}

/* Whose way of writing numbers is tried on a number, before a member is chosen. */
static const struct cw_conf_trunk *first_member(const cw_conf *conf,
                                                const struct cw_conf_group *group)
{
    size_t len = group->members && *group->members ? strcspn(group->members[0], "/") : 0;

    for (size_t i = 0; i < conf->trunk_n; i++)
        if (conf->trunk[i].name && strlen(conf->trunk[i].name) == len &&
            strncmp(conf->trunk[i].name, group->members[0], len) == 0)
            return &conf->trunk[i];
    return NULL;
}

/* The group of the longest prefix, when no trunk's is longer. */
static const struct cw_conf_group *find_group(const cw_conf *conf, const char *number,
                                              const struct cw_conf_trunk *trunk)
{
    const struct cw_conf_group *found = NULL;
    int best = trunk ? cw_route_prefix(trunk->prefixes, number) - 1 : -1;

    for (size_t i = 0; i < conf->group_n; i++) {
        int len = cw_route_prefix(conf->group[i].prefixes, number);

        if (len > best) {
            best = len;
            found = &conf->group[i];
        }
    }
    return found;
}

/* By a trunk, written as that wants it. */
static cw_err by_trunk(const cw_conf *conf, const char *number, const char *params, cw_route *ret)
{
    cw_err err = cw_route_by(conf, ret->trunk, number, params, &ret->ruri);

    if (err)
        return err;
    ret->kind = CW_ROUTE_SIP;
    ret->transport = CW_SIP_UDP;
    ret->any_transport = cw_sip_transport_parse(ret->trunk->transport,
                                                strlen(ret->trunk->transport), &ret->transport);
    return CW_OK;
}

static cw_err to_number(const cw_conf *conf, const cw_writer *writer, const cw_number *number,
                        cw_route *ret, char why[static 128])
{
    char meant[CW_NUMBER_STR];

    g_strlcpy(meant, number->text, sizeof meant);
    if (writer && cw_number_mean(conf, writer, number, meant, NULL)) {
        g_snprintf(why, 128, "this number means nothing here");
        return CW_E_NO_ROUTE;
    }
    ret->target = g_strdup_printf("tel:%s", meant);
    ret->number = g_strdup(meant);
    ret->params = g_strdup(number->params);
    ret->trunk = cw_route_trunk(conf, meant);
    ret->group = find_group(conf, meant, ret->trunk);
    if (ret->group)
        ret->trunk = first_member(conf, ret->group);
    if (!ret->trunk || by_trunk(conf, meant, number->params, ret)) {
        g_snprintf(why, 128, "no trunk for this number");
        return CW_E_NO_ROUTE;
    }
    return CW_OK;
}

/* Behind "tel:", or as people write one. */
static cw_err to_tel(const cw_conf *conf, const cw_writer *writer, const char *text, bool uri,
                     cw_route *ret, char why[static 128])
{
    cw_number number;

    if (!(uri && cw_number_read_uri(text, &number)) && !cw_number_read(text, &number)) {
        g_snprintf(why, 128, "not a telephone number");
        return CW_E_NO_ROUTE;
    }
    return to_number(conf, writer, &number, ret, why);
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
    ret->any_transport = cw_sip_uri_transport(uri, &ret->transport) != CW_OK;
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

cw_err cw_route_find(const cw_conf *conf, const cw_writer *writer, const char *to, cw_route *ret,
                     char why[static 128])
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
        return to_tel(conf, writer, rest, true, ret, why);
    if (after(to, "sip"))
        return to_uri(to, ret, why);
    if (to[0] && (g_ascii_isdigit(to[0]) || strchr("+(*#", to[0])))
        return to_tel(conf, writer, to, false, ret, why);
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

/* A number as it is meant. Names stay as they are, also names like 10.5, unless a row says that
 * they are numbers. */
static void normalize(const cw_conf *conf, const cw_writer *writer, const char *user, GString *ret)
{
    const struct cw_conf_number *row;
    char meant[CW_NUMBER_STR];
    cw_number number;

    g_string_assign(ret, user);
    if (cw_number_read(user, &number) && !cw_number_mean(conf, writer, &number, meant, &row) &&
        (row || user[0] == '+' || strchr(user, ';')))
        g_string_assign(ret, meant);
}

cw_err cw_route_inbound(const cw_conf *conf, const cw_writer *writer, const char *ruri_user,
                        cw_route *ret)
{
    g_autoptr(GString) user = g_string_new(NULL);
    char why[128];

    memset(ret, 0, sizeof *ret);
    normalize(conf, writer, ruri_user, user);
    for (size_t i = 0; i < conf->inbound_n; i++) {
        const struct cw_conf_inbound *rule = &conf->inbound[i];
        g_autofree char *to = NULL;

        if (!rule->to || !fits(rule->match, user->str))
            continue;
        to = fill_in(rule->to, user->str);
        return to && cw_route_find(conf, NULL, to, ret, why) == CW_OK ? CW_OK : CW_E_NOT_FOUND;
    }
    return CW_E_NOT_FOUND;
}

void cw_route_clear(cw_route *route)
{
    g_free(route->target);
    g_free(route->name);
    g_free(route->number);
    g_free(route->params);
    g_free(route->ruri);
    memset(route, 0, sizeof *route);
}
