/* inbound.c - calls from the telephone network: who may, to whom. */
#include "call/line.h"
#include "call/priv.h"

#include "base/log.h"

#include <string.h>

bool cw_calls_trusted(void *arg, const cw_sip_peer *peer)
{
    const cw_calls *calls = arg;

    cw_assert_on_loop();
    return cw_trunks_trusted(calls->trunks, peer) || cw_lines_trusted(calls->lines, &peer->addr);
}

static char *utf8_or_null(const char *text)
{
    return text && *text ? g_utf8_make_valid(text, -1) : NULL;
}

/* What `writer` means by a user part; NULL: no number. g_free it. */
static char *meant_by(const cw_conf *conf, const cw_writer *writer, const char *user)
{
    char meant[CW_NUMBER_STR];
    cw_number number;

    if (!user || !cw_number_read(user, &number) ||
        cw_number_mean(conf, writer, &number, meant, NULL))
        return NULL;
    return g_strdup(meant);
}

static void take_party(const cw_conf *conf, const cw_writer *writer, const cw_sip_invite *invite,
                       cw_party *ret)
{
    ret->uri = utf8_or_null(invite->from_uri) ?: g_strdup("sip:anonymous@anonymous.invalid");
    ret->display = utf8_or_null(invite->from_display);
    ret->number = meant_by(conf, writer, invite->from_user);
}

/* Behind a number, which of one's numbers was dialled is worth knowing. */
static char *asked_for(const cw_conf *conf, const cw_writer *writer, const char *ruri_user)
{
    g_autofree char *number = meant_by(conf, writer, ruri_user);

    return number ? g_strdup_printf("tel:%s", number) : NULL;
}

static CW_ON_LOOP cw_err build(cw_calls *calls, const cw_sip_invite *invite,
                               const cw_writer *writer, const cw_route *route, cw_call *call,
                               cw_leg **ret)
{
    cw_leg *leg;
    cw_err err = cw_leg_sip_incoming(calls, call->worker, invite, &leg);

    if (err)
        return err;
    cw_call_set_a(call, leg);
    take_party(calls->conf, writer, invite, &call->from);
    err = cw_calls_reach(calls, call, route, invite->from_user, NULL, NULL);
    if (err)
        return err;
    *ret = leg;
    return cw_call_dial(call);
}

/* Whose Contact it is, or by the rules. */
static CW_ON_LOOP cw_err find_callee(const cw_calls *calls, const cw_writer *writer,
                                     const cw_sip_invite *invite, cw_route *route, char **asked)
{
    const cw_line *line = cw_lines_called(calls->lines, invite->ruri_user);

    if (!line) {
        *asked = asked_for(calls->conf, writer, invite->ruri_user);
        return cw_route_inbound(calls->conf, writer, invite->ruri_user, route);
    }
    *route = (cw_route){ .kind = CW_ROUTE_USER };
    route->name = g_strdup(cw_line_user(line));
    route->target = g_strdup_printf("user:%s", route->name);
    *asked = cw_line_identity(line);
    return CW_OK;
}

cw_err cw_calls_invite(void *arg, const cw_sip_invite *invite, cw_sip_call *sip)
{
    cw_calls *calls = arg;
    const cw_writer writer = { .trunk = cw_trunks_of(calls->trunks, invite) };
    cw_route route;
    cw_call *call;
    cw_leg *leg = NULL;
    g_autofree char *asked = NULL;
    cw_err err;

    cw_assert_on_loop();
    if (cw_calls_full(calls))
        return CW_E_OVERLOAD;
    err = find_callee(calls, &writer, invite, &route, &asked);
    if (!err && route.kind == CW_ROUTE_SIP && invite->hops_used >= CW_SIP_HOPS_MAX)
        err = CW_E_HOPS;
    if (err) {
        cw_route_clear(&route);
        return err;
    }
    call = cw_call_new(calls, route.target);
    call->hops_used = invite->hops_used + 1;
    call->asked = g_steal_pointer(&asked);
    err = build(calls, invite, &writer, &route, call, &leg);
    cw_route_clear(&route);
    if (err) {
        cw_call_abandon(call, err);
        return err;
    }
    cw_leg_sip_accept(leg, sip);
    return CW_OK;
}
