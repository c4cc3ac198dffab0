/* check.c - what the options of calls must be for a call to be possible. */
#include "call/route/enum.h"
#include "call/line/line.h"
#include "call/route/manner.h"
#include "call/route/net.h"
#include "call/route/policy.h"
#include "call/priv.h"
#include "call/push/push.h"
#include "call/route/route.h"
#include "call/party/vouch.h"
#include "call/route/trunk.h"
#include "user/quota.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WHY(why, ...) (g_snprintf(why, 128, __VA_ARGS__), CW_E_CONF)

static cw_err check_trunk(const cw_conf *conf, size_t i, char why[static 128])
{
    const struct cw_conf_trunk *trunk = &conf->trunk[i];
    cw_sip_transport transport;

    if (!trunk->name || !*trunk->name)
        return WHY(why, "trunk %zu: name is missing", i + 1);
    if ((!trunk->address || !*trunk->address) && !trunk->in_username)
        return WHY(why, "trunk \"%.40s\": address is missing", trunk->name);
    if (strcmp(trunk->transport, "auto") &&
        cw_sip_transport_parse(trunk->transport, strlen(trunk->transport), &transport))
        return WHY(why, "trunk \"%.40s\": transport must be udp, tcp, tls or auto", trunk->name);
    if (trunk->password && !trunk->username)
        return WHY(why, "trunk \"%.40s\": password without username", trunk->name);
    for (size_t other = 0; other < i; other++)
        if (strcmp(conf->trunk[other].name, trunk->name) == 0)
            return WHY(why, "trunk \"%.40s\": two of this name", trunk->name);
    return CW_OK;
}

static cw_err check_group(const cw_conf *conf, size_t i, char why[static 128])
{
    const struct cw_conf_group *group = &conf->group[i];
    cw_member ignored;

    if (!group->name || !*group->name)
        return WHY(why, "group %zu: name is missing", i + 1);
    if (!group->members || !*group->members)
        return WHY(why, "group \"%.40s\": members is empty", group->name);
    if (conf->trunk_n > CW_TRUNKS_MAX)
        return WHY(why, "more than %d trunks, with groups", CW_TRUNKS_MAX);
    for (char **member = group->members; *member; member++)
        if (cw_member_parse(conf, *member, &ignored) || !ignored.trunk->address)
            return WHY(why, "group \"%.40s\": member \"%.40s\" is not TRUNK/PRIORITY/WEIGHT",
                       group->name, *member);
    for (char **code = group->codes; code && *code; code++)
        if (strlen(*code) != 3 || strspn(*code, "0123456789") != 3 || **code < '3')
            return WHY(why, "group \"%.40s\": \"%.10s\" is no status of a refusal", group->name,
                       *code);
    return CW_OK;
}

static cw_err check_inbound(const cw_conf *conf, size_t i, char why[static 128])
{
    const struct cw_conf_inbound *rule = &conf->inbound[i];
    g_autofree char *rest = NULL;
    const cw_writer peer = { 0 };
    cw_conf one = *conf;
    cw_route route;
    cw_err err;

    if (!rule->match || !*rule->match)
        return WHY(why, "inbound %zu: match is missing", i + 1);
    if (!rule->to)
        return WHY(why, "inbound \"%.40s\": to is missing", rule->match);
    if (strcmp(rule->to, "user:$") == 0)
        return CW_OK;
    /* Ask the router itself: a name or number that the rule fits, with this rule alone. */
    rest = g_strdup(rule->match);
    if (rest[strlen(rest) - 1] == '*')
        rest[strlen(rest) - 1] = '1';
    one.inbound = &conf->inbound[i];
    one.inbound_n = 1;
    one.number_n = 0; /* `match` is of what a number means already */
    err = cw_route_inbound(&one, &peer, rest, &route);
    cw_route_clear(&route);
    return err ? WHY(why, "inbound \"%.40s\": \"%.40s\" leads nowhere", rule->match, rule->to)
               : CW_OK;
}

/* What opening the file would need, without making it. */
static cw_err check_records(const char *file, char why[static 128])
{
    g_autofree char *dir = file ? g_path_get_dirname(file) : NULL;

    if (!file || access(file, W_OK) == 0 || (access(file, F_OK) && access(dir, W_OK | X_OK) == 0))
        return CW_OK;
    return WHY(why, "records.file: %.70s: %s", file, g_strerror(errno));
}

static cw_err check_ringback(const char *tone, char why[static 128])
{
    cw_sound *sound;

    if (!tone || !strcmp(tone, "off"))
        return CW_OK;
    if (cw_sound_ringback(tone, &sound))
        return WHY(why, "media.ringback: \"%.60s\" is no tone", tone);
    cw_sound_unref(sound);
    return CW_OK;
}

static cw_err check_music(const char *where, const char *path, char why[static 128])
{
    cw_sound *sound;
    cw_err err;

    if (!path || !*path)
        return CW_OK;
    err = cw_sound_file(path, &sound);
    if (err)
        return WHY(why, "%s: hold_music: %.60s: %s", where, path,
                   err == CW_E_IO ? "cannot be read" : "not a WAV file of 16-bit PCM");
    cw_sound_unref(sound);
    return CW_OK;
}

cw_err cw_calls_check(const cw_conf *conf, char why[static 128])
{
    cw_err err = cw_policy_check(conf, why);
    cw_net ignored;

    if (!err)
        err = cw_numbers_check(conf, why);
    if (!err)
        err = cw_manner_check(conf, why);
    if (!err)
        err = cw_quotas_check(conf, why);
    if (!err && strcmp(conf->auth.call_grant, "optional") &&
        strcmp(conf->auth.call_grant, "required"))
        err = WHY(why, "auth.call_grant must be optional or required");
    if (!err)
        err = cw_enums_check(conf, why);
    for (size_t i = 0; !err && i < conf->trunk_n; i++)
        err = check_trunk(conf, i, why);
    if (!err)
        err = cw_lines_check(conf, why);
    for (size_t i = 0; !err && i < conf->group_n; i++)
        err = check_group(conf, i, why);
    if (!err)
        err = cw_vouch_check(conf, why);
    if (!err)
        err = cw_push_check(conf, why);
    for (size_t i = 0; !err && i < conf->inbound_n; i++)
        err = check_inbound(conf, i, why);
    for (char **peer = conf->sip.peers; !err && peer && *peer; peer++)
        if (strcmp(*peer, "*") && cw_net_parse(*peer, &ignored))
            err = WHY(why, "sip.peers: \"%.60s\" is no address or network", *peer);
    if (!err && strcmp(conf->media.timeout_when, "all") && strcmp(conf->media.timeout_when, "any"))
        err = WHY(why, "media.timeout_when must be all or any");
    if (!err)
        err = check_music("media", conf->media.hold_music, why);
    for (size_t i = 0; !err && i < conf->trunk_n; i++)
        err = check_music("trunk", conf->trunk[i].hold_music, why);
    if (!err)
        err = check_ringback(conf->media.ringback, why);
    if (!err)
        err = check_records(conf->records.file, why);
    return err;
}
