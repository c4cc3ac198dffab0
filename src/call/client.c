/* client.c - what a logged-in session asks of its calls. */
#include "call/priv.h"

#include "base/stats.h"
#include "call/party/caller.h"
#include "call/route/enum.h"
#include "call/party/header.h"
#include "call/line/line.h"
#include "call/push/push.h"
#include "call/route/manner.h"
#include "call/route/permit.h"

#include <string.h>

/* ── The session ── */

static CW_ON_LOOP cw_client *client_alloc(cw_calls *calls, cw_id session,
                                          const cw_identity *identity, const cw_client_ops *ops,
                                          void *arg)
{
    cw_client *client = g_new0(cw_client, 1);

    client->calls = calls;
    client->session = session;
    client->ops = *ops;
    client->arg = arg;
    client->legs = g_hash_table_new(g_str_hash, g_str_equal);
    cw_client_identify(client, identity);
    return client;
}

void cw_client_identify(cw_client *client, const cw_identity *identity)
{
    cw_identity_clear(&client->identity);
    client->identity = *identity;
    client->identity.sip = NULL; /* the line has it */
    for (unsigned i = 0; i < identity->grant.n; i++)
        client->identity.grant.scope[i] = g_strdup(identity->grant.scope[i]);
    for (unsigned i = 0; i < identity->number_n; i++)
        client->identity.number[i] = g_strdup(identity->number[i]);
}

cw_err cw_client_new(cw_calls *calls, cw_id session, const cw_identity *identity,
                     const cw_client_ops *ops, void *arg, cw_client **ret)
{
    const cw_user *known = cw_calls_user(calls, identity->user);

    if (calls->closing ||
        (known && known->clients->len >= (guint)calls->conf->limits.sessions_per_user))
        return CW_E_OVERLOAD;
    if (cw_lines_judge(calls->lines, identity))
        return CW_E_AUTH;
    *ret = client_alloc(calls, session, identity, ops, arg);
    g_ptr_array_add(cw_calls_user_add(calls, identity->user)->clients, *ret);
    cw_lines_came(calls->lines, identity->user, identity->sip);
    cw_push_came(calls->push, identity->user);
    return CW_OK;
}

void cw_client_free(cw_client *client)
{
    cw_user *user;

    if (!client)
        return;
    user = cw_calls_user(client->calls, client->identity.user);
    g_ptr_array_remove(user->clients, client);
    cw_lines_went(client->calls->lines, user->name, user->clients->len);
    cw_calls_user_left(client->calls, user);

    g_autoptr(GList) legs = g_hash_table_get_values(client->legs);

    for (GList *i = legs; i; i = i->next) {
        if (client->web)
            cw_leg_sip_web_lost(i->data);
        else
            cw_leg_browser_orphan(i->data, client->lost);
    }
    g_hash_table_unref(client->legs);
    cw_identity_clear(&client->identity);
    json_decref(client->about);
    g_free(client);
}

json_t *cw_client_registration(const cw_client *client)
{
    return cw_lines_state(client->calls->lines, client->identity.user);
}

cw_err cw_client_push_register(cw_client *client, const json_t *registration)
{
    return cw_push_register(client->calls->push, client->identity.user, registration);
}

cw_err cw_client_push_unregister(cw_client *client, const char *endpoint)
{
    return cw_push_unregister(client->calls->push, client->identity.user, endpoint);
}

void cw_client_notify(cw_client *client, const char *method, json_t *params)
{
    client->ops.notify(client->arg, method, params);
}

bool cw_client_full(const cw_client *client)
{
    return g_hash_table_size(client->legs) >= (guint)client->calls->conf->limits.calls_per_session;
}

/* ── Starting ── */

static bool call_name_ok(const char *name)
{
    size_t len = strlen(name);

    for (const char *c = name; *c; c++)
        if (!g_ascii_isalnum(*c) && *c != '_' && *c != '-')
            return false;
    return len >= 1 && len <= 64;
}

/* What of a call is settled before it is made. */
typedef struct starting {
    const cw_start *start;
    cw_asker asker;
    cw_route route;
    cw_party from;
    char **headers; /* lines the callee's trunk takes; NULL: none */
} starting;

static void starting_clear(starting *s)
{
    cw_route_clear(&s->route);
    cw_party_clear(&s->from);
    g_strfreev(s->headers);
}

const char *cw_client_from_user(const cw_client *client)
{
    cw_number number;

    return client->identity.guest && cw_number_read(client->identity.user, &number)
               ? "unknown"
               : client->identity.user;
}

static CW_ON_LOOP cw_err build(cw_client *client, cw_call *call, starting *s, char why[static 128])
{
    cw_reach reach = { .route = &s->route,
                       .from_user = cw_client_from_user(client),
                       .headers = s->headers,
                       .except = client,
                       .asker = &s->asker };
    cw_leg *leg;
    cw_err err = cw_leg_browser_new(client, s->start->call, call->id, call->worker, &leg);

    if (err)
        return err;
    cw_call_set_a(call, leg);
    call->from = s->from;
    s->from = (cw_party){ 0 };
    reach.from = &call->from;
    cw_leg_trace(leg, false, "JSON", "call.start");
    err = cw_leg_browser_offered(leg, s->start->sdp, s->start->sdp_len, why);
    if (!err)
        err = cw_call_go(call, &reach);
    return err;
}

void cw_client_stay_together(const cw_client *client, cw_call *call)
{
    GHashTableIter i;
    gpointer leg;

    g_hash_table_iter_init(&i, client->legs);
    if (g_hash_table_iter_next(&i, NULL, &leg))
        call->worker = ((const cw_leg *)leg)->worker;
}

static CW_ON_LOOP cw_err start(cw_client *client, starting *s, json_t **result,
                               char why[static 128])
{
    char id[CW_ID_STR];
    cw_call *call = cw_call_new(client->calls, s->route.target);
    cw_err err = cw_permit_call(call, &s->asker, &s->route, why);

    cw_client_stay_together(client, call);
    if (!err)
        err = build(client, call, s, why);
    if (err) {
        cw_call_abandon(call, err);
        return err;
    }
    *result = json_pack("{s:s s:s}", "call", s->start->call, "id", cw_id_print(call->id, id));
    return CW_OK;
}

cw_err cw_client_route(const cw_client *client, const cw_asker *asker, const char *to,
                       cw_route *ret, char why[static 128])
{
    const cw_writer writer = { .user = client->identity.user };
    const cw_conf *conf = client->calls->conf;
    cw_err err = cw_route_find(conf, &writer, to, ret, why);

    err = cw_lines_lead(client->calls->lines, client->identity.user, ret, err, why);
    if (ret->target) {
        cw_err allowed = cw_permit_target(conf, asker, ret->target, why);

        err = allowed ? allowed : err;
    }
    return err;
}

/* Where to, may it, from which number, with which header fields. */
static CW_ON_LOOP cw_err settle(const cw_client *client, starting *s, char why[static 128])
{
    const cw_conf *conf = client->calls->conf;
    cw_err err = cw_client_route(client, &s->asker, s->start->to, &s->route, why);

    if (!err)
        err = cw_headers_check(s->start->headers, cw_manner_headers_out(conf, s->route.trunk),
                               &s->headers, why);
    if (!err)
        err = cw_caller_of_user(conf, &client->identity, s->start->grant, s->start->from,
                                s->start->anonymous, &s->from, why);
    if (!err && s->start->anonymous && s->route.kind == CW_ROUTE_USER) {
        const struct cw_conf_identity *callee = cw_manner_user(conf, s->route.name);

        err = callee && callee->reject_anonymous ? CW_E_ANONYMOUS : CW_OK;
    }
    return err;
}

cw_err cw_client_start(cw_client *client, const cw_start *params, json_t **result,
                       char why[static 128])
{
    starting s = { .start = params,
                   .asker = { .identity = &client->identity, .grant = params->grant } };
    cw_err err;

    why[0] = 0;
    if (!call_name_ok(params->call))
        return CW_E_PARAMS;
    if (g_hash_table_contains(client->legs, params->call))
        return CW_E_EXISTS;
    if (cw_client_full(client) || cw_calls_full(client->calls))
        return CW_E_OVERLOAD;
    err = settle(client, &s, why);
    if (!err)
        err = start(client, &s, result, why);
    starting_clear(&s);
    return err;
}

void cw_client_no_ringback(cw_client *client, const char *call)
{
    cw_leg *leg = g_hash_table_lookup(client->legs, call);

    if (leg)
        cw_leg_browser_no_ringback(leg);
}

/* ── In a call ── */

CW_ON_LOOP cw_leg *cw_client_leg(const cw_client *client, const char *call, const char *method)
{
    cw_leg *leg = g_hash_table_lookup(client->legs, call);

    if (leg)
        cw_leg_trace(leg, false, "JSON", method);
    return leg;
}

/* The leg that a header field of this one's browser would go to; NULL: none yet. */
static CW_ON_LOOP const cw_leg *told(const cw_leg *leg)
{
    cw_call *call = cw_leg_browser_call(leg);
    const cw_leg *other = cw_call_other(call, leg);

    return other || call->b->len != 1 ? other : g_ptr_array_index(call->b, 0);
}

/* Keep the lines for the leg's next news. */
static CW_ON_LOOP cw_err say(cw_leg *leg, const json_t *headers, char why[static 128])
{
    const cw_leg *other = told(leg);
    char **lines = NULL;
    cw_err err = cw_headers_check(headers, other ? other->takes : NULL, &lines, why);

    if (err)
        return err;
    g_strfreev(leg->say);
    leg->say = lines;
    return CW_OK;
}

cw_err cw_client_answer(cw_client *client, const char *call, const char *sdp, size_t sdp_len,
                        const json_t *headers, char why[static 128])
{
    cw_leg *leg = cw_client_leg(client, call, "call.answer");
    cw_err err;

    why[0] = 0;
    if (!leg)
        return CW_E_NO_CALL;
    err = say(leg, headers, why);
    return err ? err : cw_leg_browser_answered(leg, sdp, sdp_len, why);
}

cw_err cw_client_candidate(cw_client *client, const char *call, const char *candidate,
                           char why[static 128])
{
    cw_leg *leg = g_hash_table_lookup(client->legs, call);

    why[0] = 0;
    return leg ? cw_leg_browser_candidate(leg, candidate, why) : CW_E_NO_CALL;
}

cw_err cw_client_update(cw_client *client, const char *call, const char *sdp, size_t sdp_len,
                        json_t **result, char why[static 128])
{
    cw_leg *leg = cw_client_leg(client, call, "call.update");
    g_autofree char *answer = NULL;
    const cw_leg *other;
    cw_err err;

    why[0] = 0;
    if (!leg)
        return CW_E_NO_CALL;
    other = cw_call_other(cw_leg_browser_call(leg), leg);
    if (!other)
        return CW_E_STATE;
    err = cw_leg_browser_update(leg, other, sdp, sdp_len, &answer, why);
    if (err)
        return err;
    *result = json_pack("{s:s}", "sdp", answer);
    return CW_OK;
}

cw_err cw_client_hold(cw_client *client, const char *call, bool hold)
{
    cw_leg *leg = cw_client_leg(client, call, hold ? "call.hold" : "call.resume");

    return leg ? cw_leg_browser_hold(leg, hold) : CW_E_NO_CALL;
}

static bool is_key(char c)
{
    return g_ascii_isdigit(c) || c == '*' || c == '#' || (c >= 'A' && c <= 'D');
}

static CW_ON_LOOP bool in_call(const cw_leg *leg)
{
    cw_call_state state = cw_leg_browser_call(leg)->state;

    return state == CW_CALL_EARLY || state == CW_CALL_UP;
}

cw_err cw_client_dtmf(cw_client *client, const char *call, const char *digits, unsigned duration_ms,
                      char why[static 128])
{
    cw_leg *leg = cw_client_leg(client, call, "call.dtmf");
    size_t len = strlen(digits);

    why[0] = 0;
    if (!leg)
        return CW_E_NO_CALL;
    if (!in_call(leg))
        return CW_E_STATE;
    if (len < 1 || len > 32)
        return CW_E_PARAMS;
    for (const char *c = digits; *c; c++)
        if (!is_key(*c)) {
            g_snprintf(why, 128, "not a key: %c", g_ascii_isprint(*c) ? *c : '?');
            return CW_E_PARAMS;
        }
    for (const char *c = digits; *c; c++)
        cw_leg_emit(leg, &(cw_leg_event){ .what = CW_LEG_DTMF,
                                          .digit = *c,
                                          .duration_ms = duration_ms ? duration_ms : 100 });
    return CW_OK;
}

cw_err cw_client_info(cw_client *client, const char *call, const json_t *info)
{
    cw_leg *leg = cw_client_leg(client, call, "call.info");
    json_t *muted = json_object_get(info, "muted"), *screen = json_object_get(info, "screen");
    cw_err err;

    if (!leg)
        return CW_E_NO_CALL;
    if (!in_call(leg))
        return CW_E_STATE;
    err = screen ? cw_leg_browser_screen(leg, json_is_true(screen)) : CW_OK;
    if (err)
        return err;
    cw_leg_browser_muted(leg, muted);
    return CW_OK;
}

cw_err cw_client_report(cw_client *client, const char *call, const json_t *report)
{
    cw_leg *leg = g_hash_table_lookup(client->legs, call);

    return leg ? cw_leg_browser_report(leg, report) : CW_E_NO_CALL;
}

static CW_ON_LOOP cw_err end_leg(cw_leg *leg, cw_err err, const cw_ending *ending,
                                 char why[static 128])
{
    cw_leg_event event = { .what = CW_LEG_ENDED, .all = err != CW_OK, .cause = { .err = err } };
    cw_err bad = say(leg, ending->headers, why);

    if (bad)
        return bad;
    event.cause.q850 = ending->q850;
    if (ending->text)
        g_strlcpy(event.cause.phrase, ending->text, sizeof event.cause.phrase);
    if (!g_utf8_validate(event.cause.phrase, -1, NULL)) /* cut inside a character */
        event.cause.phrase[0] = '\0';
    cw_leg_emit(leg, &event);
    return CW_OK;
}

/* It is being called and has not answered. */
static CW_ON_LOOP bool rings(const cw_leg *leg)
{
    const cw_call *call = cw_leg_browser_call(leg);

    return call->a != leg && call->state != CW_CALL_UP;
}

cw_err cw_client_end(cw_client *client, const char *call, const cw_ending *ending,
                     char why[static 128])
{
    cw_leg *leg = cw_client_leg(client, call, "call.end");

    why[0] = 0;
    if (!leg)
        return CW_E_NO_CALL;
    return end_leg(leg, rings(leg) ? CW_E_DECLINED : CW_OK, ending, why);
}

cw_err cw_client_reject(cw_client *client, const char *call, cw_err reason, const cw_ending *ending,
                        char why[static 128])
{
    cw_leg *leg = cw_client_leg(client, call, "call.reject");

    why[0] = 0;
    if (!leg)
        return CW_E_NO_CALL;
    if (!rings(leg))
        return CW_E_STATE;
    return end_leg(leg, reason, ending, why);
}
