/* leg_sip_redirect.c - a 3xx to our INVITE: whoever answers so does not say where our callers may
 * call (RFC 3261 8.1.3.4). */
#include "call/leg/leg_sip.h"
#include "call/route/permit.h"

#include "base/log.h"

#include <string.h>

/* A number goes by the trunk that the call goes by, or not at all. */
static CW_ON_LOOP bool is_of_trunk(const leg_sip *s, const cw_route *route)
{
    return route->trunk == s->trunk || (route->group && route->group == s->members.group);
}

static CW_ON_LOOP cw_err number_route(const leg_sip *s, const char *number, cw_route *ret,
                                      char why[static 128])
{
    g_autofree char *to = g_strdup_printf("tel:%s", number);
    cw_err err = cw_route_find(s->calls->conf, NULL, to, ret, why);

    if (!s->trunk) /* a registration's number: no trunk has to take it */
        return ret->target ? CW_OK : err;
    if (!err && !is_of_trunk(s, ret)) {
        g_snprintf(why, 128, "%.60s is not a number for this trunk", to);
        err = CW_E_NO_ROUTE;
    }
    return err;
}

/* As this trunk, or the user's registrar, writes numbers; what that does not put into E.164 is what
 * the caller would have dialled. */
static CW_ON_LOOP cw_err mean(const leg_sip *s, const cw_number *number,
                              char ret[static CW_NUMBER_STR])
{
    const cw_asker *asker = s->caller.asker;
    const cw_writer trunk = { .trunk = s->trunk };
    cw_err err = cw_number_mean(s->calls->conf, &trunk, number, ret, NULL);

    if (!err && ret[0] != '+' && asker && asker->identity) {
        const cw_writer user = { .user = asker->identity->user };

        err = cw_number_mean(s->calls->conf, &user, number, ret, NULL);
    }
    return err;
}

/* A number, else the address as a user would call it. What only looks like a number is neither. */
static CW_ON_LOOP cw_err read_target(const leg_sip *s, const char *uri, cw_route *ret,
                                     char why[static 128])
{
    bool dials = s->trunk || s->caller.account;
    g_autofree char *user = cw_sip_uri_user(uri);
    char meant[CW_NUMBER_STR];
    cw_number number;
    cw_err err;

    if (!dials || !user || !(g_ascii_isdigit(user[0]) || strchr("+*#", user[0])))
        err = cw_route_find(s->calls->conf, NULL, uri, ret, why);
    else if (!cw_number_read(user, &number) || mean(s, &number, meant))
        err = CW_E_NO_ROUTE;
    else
        err = number_route(s, meant, ret, why);
    ret->trunk = s->trunk; /* whose quotas count it */
    return err;
}

cw_err cw_leg_sip_redirected(leg_sip *s, const char *uri)
{
    static const cw_asker nobody = { 0 };
    cw_route route = { 0 };
    cw_redirect redirect = { .asker = s->caller.asker ?: &nobody, .route = &route };
    cw_err err = read_target(s, uri, &route, redirect.why);

    if (!err) {
        cw_leg_emit(&s->leg, &(cw_leg_event){ .what = CW_LEG_REDIRECTED, .redirect = &redirect });
        err = redirect.err;
    }
    if (!err)
        err = cw_trunks_again(s->calls->trunks, s->trunk);
    if (err)
        cw_leg_note(
            &s->leg, "SIP",
            cw_fmt("not redirected: %s", redirect.why[0] ? redirect.why : cw_err_text(err)));
    else
        cw_leg_note(&s->leg, "SIP", cw_fmt("redirected to %s", route.target));
    cw_route_clear(&route);
    return err;
}
