/* inbound.c - calls from the telephone network: who may, to whom. */
#include "call/line/line.h"
#include "call/priv.h"

#include "base/log.h"
#include "call/route/enum.h"
#include "call/party/forward.h"
#include "call/party/header.h"
#include "call/route/manner.h"
#include "call/route/permit.h"
#include "call/party/vouch.h"
#include "call/web/web.h"
#include "sip/address.h"

#include <string.h>

bool cw_calls_trusted(void *arg, const cw_sip_peer *peer)
{
    const cw_calls *calls = arg;

    cw_assert_on_loop();
    return cw_trunks_trusted(calls->trunks, peer) || cw_lines_trusted(calls->lines, &peer->addr);
}

const struct cw_conf_trunk *cw_calls_manner_of(const cw_calls *calls, const cw_sip_invite *invite)
{
    const cw_line *line = cw_lines_called(calls->lines, invite->ruri_user);
    const struct cw_conf_trunk *manner = line ? cw_line_manner(line) : NULL;

    return manner ?: cw_trunks_of(calls->trunks, invite);
}

/* What they call us by. */
typedef struct arrival {
    const cw_sip_invite *invite;
    cw_writer writer;
    cw_route route;
    cw_party from;
    char *asked, *line_user;
    GPtrArray *forwards;
} arrival;

static void arrival_clear(arrival *a)
{
    cw_route_clear(&a->route);
    cw_party_clear(&a->from);
    g_free(a->asked);
    g_free(a->line_user);
    g_clear_pointer(&a->forwards, g_ptr_array_unref);
}

/* Behind a number, which of one's numbers was dialled is worth knowing. */
static char *asked_for(const cw_conf *conf, const arrival *a)
{
    g_autofree char *number = cw_party_number(conf, &a->writer, a->invite->ruri_user);

    return number ? g_strdup_printf("tel:%s", number) : NULL;
}

static bool wants_names(const cw_conf *conf, const arrival *a)
{
    const struct cw_conf_identity *callee =
        a->route.kind == CW_ROUTE_USER ? cw_manner_user(conf, a->route.name) : NULL;

    return (callee && callee->reject_anonymous) || cw_manner_wants_names(conf, a->writer.trunk);
}

static CW_ON_LOOP void read_forwards(const cw_calls *calls, arrival *a)
{
    const cw_sip_message *message = a->invite->message;
    g_autofree char *diversion = cw_message_all(message, "Diversion");
    g_autofree char *history = cw_message_all(message, "History-Info");

    a->forwards = cw_forwards_read(calls->conf, &a->writer, diversion, history);
}

/* It goes on to SIP: we forward it, to whom it had reached. */
static CW_ON_LOOP cw_err forward(const cw_calls *calls, arrival *a)
{
    g_autofree char *number = cw_party_number(calls->conf, &a->writer, a->invite->ruri_user);
    g_autofree char *uri = cw_sip_uri_of(a->invite->ruri_user, cw_sip_domain(calls->sip));

    if (a->invite->hops_used >= CW_SIP_HOPS_MAX ||
        cw_forwards_count(a->forwards) >= (unsigned)calls->conf->sip.forwards_max)
        return CW_E_HOPS;
    cw_forwards_add(a->forwards, uri, number, "unconditional");
    return CW_OK;
}

/* Which of the user's identities was called, as a trusted network says (RFC 7315 4.2). g_free it.
 */
static CW_ON_LOOP char *called_party(const cw_calls *calls, const arrival *a)
{
    g_autofree char *text = cw_sip_message_header(a->invite->message, "P-Called-Party-ID", 0);
    const char *at = text;
    cw_sip_address address = { 0 };
    char *uri = NULL;

    if (text && cw_manner_trusts(calls->conf, a->writer.trunk) &&
        cw_sip_address_next(&at, &address)) {
        g_autofree char *number = cw_party_number(calls->conf, &a->writer, address.user);

        uri = number ? g_strdup_printf("tel:%s", number) : g_steal_pointer(&address.uri);
    }
    cw_sip_address_clear(&address);
    return uri;
}

/* Whose Contact it is, or by the rules. */
static CW_ON_LOOP cw_err find_callee(const cw_calls *calls, arrival *a)
{
    const cw_line *line = cw_lines_called(calls->lines, a->invite->ruri_user);

    if (!line) {
        a->asked = asked_for(calls->conf, a);
        return cw_route_inbound(calls->conf, &a->writer, a->invite->ruri_user, &a->route);
    }
    a->route.kind = CW_ROUTE_USER;
    a->route.name = g_strdup(cw_line_user(line));
    a->line_user = g_strdup(a->route.name);
    a->route.target = g_strdup_printf("user:%s", a->route.name);
    a->asked = called_party(calls, a) ?: cw_line_identity(line);
    return CW_OK;
}

/* Who calls whom, and may they? */
static CW_ON_LOOP cw_err judge(const cw_calls *calls, arrival *a)
{
    cw_err err = find_callee(calls, a);

    if (err)
        return err;
    cw_party_of_invite(calls->conf, &a->writer, a->invite, &a->from);
    if (a->from.withheld && wants_names(calls->conf, a))
        return CW_E_ANONYMOUS;
    read_forwards(calls, a);
    return a->route.kind == CW_ROUTE_SIP ? forward(calls, a) : CW_OK;
}

/* The rest of call.incoming; NULL: nothing. */
static CW_ON_LOOP json_t *about(const cw_conf *conf, const arrival *a)
{
    json_t *all = json_object();
    json_t *headers =
        cw_headers_shown(a->invite->message, cw_manner_headers_in(conf, a->writer.trunk));

    cw_headers_about(a->invite->message, all);
    if (a->forwards->len)
        json_object_set_new(all, "forwarded", cw_forwards_json(a->forwards));
    if (headers)
        json_object_set_new(all, "headers", headers);
    if (json_object_size(all))
        return all;
    json_decref(all);
    return NULL;
}

/* What is left to do once it is known who vouches for the caller. */
typedef struct onward {
    cw_route route;
    char *from_user, **headers;
    const struct cw_conf_trunk *trunk; /* that the call comes from; NULL: none */
} onward;

static void onward_free(void *data)
{
    onward *o = data;

    cw_route_clear(&o->route);
    g_free(o->from_user);
    g_strfreev(o->headers);
    g_free(o);
}

static CW_ON_LOOP cw_err go_on(cw_call *call, void *arg)
{
    const onward *o = arg;
    const cw_asker asker = { .trunk = o->trunk ? o->trunk->name : NULL };

    return cw_call_go(call, &(cw_reach){ .route = &o->route,
                                         .from = &call->from,
                                         .from_user = o->from_user,
                                         .headers = o->headers,
                                         .asker = &asker });
}

/* What the INVITE says of who vouches for its caller. */
static CW_ON_LOOP void read_vouching(const cw_calls *calls, const arrival *a, cw_call *call)
{
    json_t *told = cw_vouch_verstat(calls->conf, a->writer.trunk, a->invite->message);

    call->identities = cw_vouch_identities(a->invite->message);
    call->source = g_strdup(a->writer.trunk ? a->writer.trunk->name : "peer");
    if (!told)
        return;
    if (!call->about)
        call->about = json_object();
    json_object_set_new(call->about, "verified", told);
}

/* Tell the callee, perhaps later. */
static CW_ON_LOOP cw_err pass(cw_calls *calls, arrival *a, cw_call *call)
{
    g_autofree char *to = cw_party_number(calls->conf, &a->writer, a->invite->ruri_user);
    const cw_vouch_call what = { .trunk = a->writer.trunk,
                                 .identities = call->identities,
                                 .to = to };
    onward *o = g_new0(onward, 1);

    o->from_user = g_strdup(a->invite->from_user);
    o->headers = cw_headers_pass(json_object_get(call->about, "headers"),
                                 cw_manner_headers_out(calls->conf, a->route.trunk));
    o->trunk = a->writer.trunk;
    o->route = a->route;
    a->route = (cw_route){ 0 };
    return cw_vouch_for(call, &what, go_on, o, onward_free);
}

static CW_ON_LOOP cw_err build(cw_calls *calls, arrival *a, cw_call *call, cw_sip_call *sip,
                               cw_leg **ret)
{
    cw_leg *leg;
    cw_err err = cw_leg_sip_incoming(calls, call->worker, a->invite, &leg);

    if (err)
        return err;
    cw_call_set_a(call, leg);
    cw_leg_trace(leg, false, "SIP", "INVITE");
    call->hops_used = a->invite->hops_used + 1;
    call->line_user = g_steal_pointer(&a->line_user);
    call->asked = g_steal_pointer(&a->asked);
    call->about = about(calls->conf, a);
    call->forwards = g_steal_pointer(&a->forwards);
    call->from = a->from;
    a->from = (cw_party){ 0 };
    cw_party_copy(&leg->party, &call->from);
    read_vouching(calls, a, call);
    *ret = leg;
    err = cw_leg_sip_precond_judge(leg, a->invite, sip, &call->waiting);
    return err ? err : pass(calls, a, call);
}

/* Toll fraud by way of a trunk: what goes out again is counted. */
static CW_ON_LOOP cw_err permit(cw_call *call, const arrival *a)
{
    const cw_asker asker = { .trunk = a->writer.trunk ? a->writer.trunk->name : NULL };
    char why[128] = "";

    return a->route.kind == CW_ROUTE_SIP ? cw_permit_call(call, &asker, &a->route, why) : CW_OK;
}

cw_err cw_calls_invite(void *arg, const cw_sip_invite *invite, cw_sip_call *sip)
{
    cw_calls *calls = arg;
    arrival a = { .invite = invite, .writer = { .trunk = cw_calls_manner_of(calls, invite) } };
    cw_call *call;
    cw_leg *leg = NULL;
    bool taken;
    cw_err err;

    cw_assert_on_loop();
    if (invite->peer->web)
        return cw_web_invite(calls, invite, sip);
    err = cw_leg_sip_replace(calls, invite, sip, &taken);
    if (taken)
        return err;
    if (cw_calls_full(calls))
        return CW_E_OVERLOAD;
    err = judge(calls, &a);
    if (err) {
        arrival_clear(&a);
        return err;
    }
    call = cw_call_new(calls, a.route.target);
    err = permit(call, &a);
    if (!err)
        err = build(calls, &a, call, sip, &leg);
    arrival_clear(&a);
    if (err) {
        cw_call_abandon(call, err);
        return err;
    }
    cw_leg_sip_accept(leg, sip);
    return CW_OK;
}
