/* web_call.c - calls from and to users who come by SIP over WebSocket: as a JSON client's, under
 * the same scopes, quotas and number rules. */
#include "call/party/caller.h"
#include "call/party/header.h"
#include "call/route/enum.h"
#include "call/route/manner.h"
#include "call/route/permit.h"
#include "call/web/web.h"

#include "base/log.h"
#include "sip/address.h"
#include "sip/refer.h"

#include <string.h>

/* ── Where to ── */

/* What the user part of an address of ours stands for, as JSON clients write it: a service, a user,
 * a number; g_free it. */
static CW_ON_LOOP char *target_of(const cw_calls *calls, const char *user)
{
    g_autofree char *service = g_strdup_printf("service:%s", user);
    char why[128];
    cw_number number;
    cw_route route;
    cw_err err = cw_route_find(calls->conf, NULL, service, &route, why);

    cw_route_clear(&route);
    if (!err)
        return g_steal_pointer(&service);
    if (!cw_calls_user(calls, user) && cw_number_read(user, &number))
        return g_strdup(user);
    return g_strdup_printf("user:%s", user);
}

cw_err cw_web_route(const cw_client *client, const cw_asker *asker, const char *uri, cw_route *ret,
                    char why[static 128])
{
    const cw_calls *calls = client->calls;
    g_autofree char *user = NULL, *target = NULL;

    if (g_ascii_strncasecmp(uri, "tel:", 4) == 0 || !cw_sip_web_is_home(calls->sip, uri))
        return cw_client_route(client, asker, uri, ret, why);
    *ret = (cw_route){ 0 };
    user = cw_sip_uri_user(uri);
    if (!user || !*user)
        return CW_E_NOT_FOUND;
    target = target_of(calls, user);
    return cw_client_route(client, asker, target, ret, why);
}

/* ── From one ── */

typedef struct starting {
    const cw_sip_invite *invite;
    cw_client *client;
    cw_asker asker;
    cw_route route;
    cw_party from;
    json_t *about; /* what else the callee is told; NULL: nothing */
    char **headers;
} starting;

static void starting_clear(starting *s)
{
    cw_route_clear(&s->route);
    cw_party_clear(&s->from);
    json_decref(s->about);
    g_strfreev(s->headers);
}

/* The number it would like to call from (RFC 3325 9.2); NULL: the first. g_free it. */
static char *preferred(const cw_sip_message *message) CW_ON_LOOP
{
    g_autofree char *value = cw_sip_message_header(message, "P-Preferred-Identity", 0);
    const char *at = value;
    cw_sip_address address;
    cw_number number;
    char *found = NULL;

    while (at && !found && cw_sip_address_next(&at, &address)) {
        if (cw_number_read(address.user, &number))
            found = g_strdup(address.user);
        cw_sip_address_clear(&address);
    }
    return found;
}

static CW_ON_LOOP cw_err settle_caller(starting *s, char why[static 128])
{
    const cw_conf *conf = s->client->calls->conf;
    g_autofree char *privacy = cw_message_all(s->invite->message, "Privacy");
    g_autofree char *number = preferred(s->invite->message);
    bool anonymous = cw_privacy_withholds(privacy);
    cw_err err =
        cw_caller_of_user(conf, &s->client->identity, NULL, number, anonymous, &s->from, why);

    if (!err && anonymous && s->route.kind == CW_ROUTE_USER) {
        const struct cw_conf_identity *callee = cw_manner_user(conf, s->route.name);

        err = callee && callee->reject_anonymous ? CW_E_ANONYMOUS : CW_OK;
    }
    return err;
}

static CW_ON_LOOP void read_headers(starting *s)
{
    const cw_conf *conf = s->client->calls->conf;
    json_t *shown = cw_headers_shown(s->invite->message, cw_manner_headers_in(conf, NULL));

    s->headers = cw_headers_pass(shown, cw_manner_headers_out(conf, s->route.trunk));
    if (shown)
        s->about = json_pack("{s:o}", "headers", shown);
}

static CW_ON_LOOP cw_err settle(starting *s, char why[static 128])
{
    g_autofree char *tel =
        *s->invite->ruri_host ? NULL : g_strdup_printf("tel:%s", s->invite->ruri_user);
    cw_err err = cw_web_route(s->client, &s->asker, tel ?: s->invite->ruri, &s->route, why);

    if (!err)
        err = settle_caller(s, why);
    if (!err)
        read_headers(s);
    return err;
}

static CW_ON_LOOP cw_err build(starting *s, cw_call *call, cw_leg **ret)
{
    const cw_sip_web *meant = cw_sip_web_of_gruu(s->client->calls->sip, s->invite->gruu);
    cw_reach reach = { .route = &s->route,
                       .from_user = cw_client_from_user(s->client),
                       .headers = s->headers,
                       .except = s->client,
                       .only = meant ? cw_sip_web_id(meant) : 0,
                       .asker = &s->asker };
    cw_err err = cw_leg_sip_incoming_web(s->client, call->id, call->worker, s->invite, ret);

    if (err)
        return err;
    cw_call_set_a(call, *ret);
    call->hops_used = s->invite->hops_used + 1;
    call->about = g_steal_pointer(&s->about);
    call->from = s->from;
    s->from = (cw_party){ 0 };
    cw_party_copy(&(*ret)->party, &call->from);
    reach.from = &call->from;
    return cw_call_go(call, &reach);
}

static CW_ON_LOOP cw_err start(starting *s, cw_sip_call *sip, char why[static 128])
{
    cw_call *call = cw_call_new(s->client->calls, s->route.target);
    cw_leg *leg = NULL;
    cw_err err = cw_permit_call(call, &s->asker, &s->route, why);

    cw_client_stay_together(s->client, call);
    if (!err)
        err = build(s, call, &leg);
    if (err)
        cw_call_abandon(call, err);
    else
        cw_leg_sip_accept(leg, sip);
    return err;
}

cw_err cw_web_invite(cw_calls *calls, const cw_sip_invite *invite, cw_sip_call *sip)
{
    starting s = { .invite = invite, .client = cw_sip_web_owner(invite->peer->web) };
    cw_sip_call *replaced;
    char why[128] = "";
    cw_err err = cw_sip_replaced(calls->sip, invite->message, &replaced);

    if (err || replaced) /* its own dialogs it joins by REFER */
        return err ? err : CW_E_FORBIDDEN;
    if (cw_client_full(s.client) || cw_calls_full(calls))
        return CW_E_OVERLOAD;
    s.asker.identity = &s.client->identity;
    err = settle(&s, why);
    if (!err)
        err = start(&s, sip, why);
    if (err)
        cw_log(CW_LOG_INFO, CW_MOD_CALL, "web.call-refused", "user", s.client->identity.user,
               "error", cw_err_kind(err), "why", *why ? why : NULL, NULL);
    starting_clear(&s);
    return err;
}

/* ── To one ── */

cw_leg *cw_web_callee(cw_call *call, cw_client *client, const cw_reach *reach)
{
    g_autofree char *uri = cw_sip_uri_of(client->identity.user, cw_sip_domain(client->calls->sip));
    const cw_sip_target target = { .ruri = uri,
                                   .from_user = reach->from_user,
                                   .hops_used = call->hops_used,
                                   .referred_by = reach->referred_by,
                                   .web = client->web };
    cw_leg *leg;

    if (!cw_sip_web_registered(client->arg))
        return NULL;
    leg = cw_leg_sip_new_web(client, call->id, call->worker, &target);
    cw_leg_sip_introduce(leg, call, reach);
    return leg;
}
