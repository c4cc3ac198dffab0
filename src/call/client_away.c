/* client_away.c - a session whose connection is lost, and how it goes on when it is back: by
 * another connection, a page that was reloaded, or another device. */
#include "call/push/push.h"
#include "call/transfer/transfer.h"

#include <string.h>

void cw_client_lost(cw_client *client, cw_err why)
{
    client->lost = why;
}

static CW_ON_LOOP void each_leg(cw_client *client, void (*fn)(cw_leg *leg))
{
    g_autoptr(GList) legs = g_hash_table_get_values(client->legs);

    for (GList *i = legs; i; i = i->next)
        fn(i->data);
}

void cw_client_away(cw_client *client)
{
    each_leg(client, cw_leg_browser_away);
}

void cw_client_back(cw_client *client)
{
    each_leg(client, cw_leg_browser_back);
    cw_push_came(client->calls->push, client->identity.user);
}

void cw_client_tell_ringing(cw_client *client)
{
    each_leg(client, cw_leg_browser_tell_ringing);
}

bool cw_client_here(const cw_client *client, uint64_t since_ms)
{
    return !client->ops.here || client->ops.here(client->arg, since_ms);
}

json_t *cw_client_calls(const cw_client *client)
{
    json_t *all = json_array();
    GHashTableIter i;
    gpointer leg;

    g_hash_table_iter_init(&i, client->legs);
    while (g_hash_table_iter_next(&i, NULL, &leg))
        json_array_append_new(all, cw_leg_browser_state(leg));
    return all;
}

void cw_client_introduce(cw_client *client, json_t *about)
{
    json_decref(client->about);
    client->about = json_incref(about);
}

/* ── Another RTCPeerConnection ── */

cw_err cw_client_restart(cw_client *client, const char *call, const char *sdp, size_t sdp_len,
                         json_t **result, char why[static 128])
{
    cw_leg *leg = cw_client_leg(client, call, "call.update restart");
    g_autofree char *answer = NULL;
    cw_err err;

    why[0] = 0;
    if (!leg)
        return CW_E_NO_CALL;
    err = cw_leg_browser_restart(leg, cw_call_other(cw_leg_browser_call(leg), leg), sdp, sdp_len,
                                 &answer, why);
    if (!err)
        *result = json_pack("{s:s*}", "sdp", answer);
    return err;
}

/* ── Another device ── */

/* A guest's name is anybody's choice. */
static CW_ON_LOOP bool is_mine(const cw_client *client, const cw_leg *leg)
{
    const cw_client *other = leg && !leg->ended ? cw_leg_browser_client(leg) : NULL;

    return other && other != client && !other->identity.guest && !client->identity.guest &&
           !strcmp(other->identity.user, client->identity.user);
}

json_t *cw_client_elsewhere(const cw_client *client)
{
    const cw_user *user = cw_calls_user(client->calls, client->identity.user);
    json_t *all = json_array();
    char id[CW_ID_STR];

    for (guint i = 0; user && i < user->clients->len; i++) {
        const cw_client *other = g_ptr_array_index(user->clients, i);
        GHashTableIter at;
        gpointer leg;

        g_hash_table_iter_init(&at, other->legs);
        while (g_hash_table_iter_next(&at, NULL, &leg)) {
            json_t *row;

            if (!is_mine(client, leg))
                continue;
            row = cw_leg_browser_state(leg);
            json_object_set_new(row, "session", json_string(cw_id_print(other->session, id)));
            if (other->about)
                json_object_set(row, "device", other->about);
            json_array_append_new(all, row);
        }
    }
    return all;
}

/* A leg for it, described, in the place of `old`. */
static CW_ON_LOOP cw_err take_place(cw_client *client, cw_call *call, cw_leg *old, const char *name,
                                    const char *sdp, size_t sdp_len, char **answer,
                                    char why[static 128])
{
    const cw_leg *other = cw_call_other(call, old);
    cw_leg *leg;
    cw_err err = cw_leg_browser_new(client, name, call->id, old->worker, &leg);

    if (err)
        return err;
    err = cw_leg_browser_pull(leg, old, other, sdp, sdp_len, answer, why);
    if (!err)
        err = cw_call_pull(call, old, leg);
    if (err) {
        cw_leg_free(leg);
        return err;
    }
    cw_leg_trace(leg, false, "JSON", "call.pull");
    return CW_OK;
}

cw_err cw_client_pull(cw_client *client, const char *id, const char *name, const char *sdp,
                      size_t sdp_len, json_t **result, char why[static 128])
{
    cw_call *call = cw_calls_find(client->calls, cw_id_parse(id));
    g_autofree char *answer = NULL;
    cw_leg *old = NULL;
    cw_err err;

    why[0] = 0;
    if (client->identity.guest)
        return CW_E_FORBIDDEN;
    if (call && is_mine(client, call->a))
        old = call->a;
    else if (call && is_mine(client, call->winner))
        old = call->winner;
    if (!old)
        return CW_E_NO_CALL;
    if (call->state != CW_CALL_UP)
        return CW_E_STATE;
    if (cw_client_full(client))
        return CW_E_OVERLOAD;
    err = take_place(client, call, old, name, sdp, sdp_len, &answer, why);
    if (!err)
        *result = json_pack("{s:s}", "sdp", answer);
    return err;
}

/* ── Words ── */

bool cw_client_allows(const cw_client *client, const char *action, const char *target)
{
    return cw_grant_allows(&client->identity.grant, action, target);
}

unsigned cw_calls_tell(cw_calls *calls, const char *name, const char *method, const json_t *params,
                       unsigned *away)
{
    const cw_user *user = cw_calls_user(calls, name);
    unsigned here = 0;

    *away = 0;
    for (guint i = 0; user && i < user->clients->len; i++) {
        cw_client *client = g_ptr_array_index(user->clients, i);

        if (client->ops.takes && !client->ops.takes(client->arg, method))
            continue;
        if (cw_client_here(client, 0))
            here++;
        else
            ++*away;
        cw_client_notify(client, method, json_deep_copy(params));
    }
    return here;
}

cw_err cw_client_tell_other(cw_client *client, const char *call, const char *method,
                            const json_t *params, bool *away)
{
    cw_leg *leg = cw_client_leg(client, call, "data.send"), *other;

    if (!leg)
        return CW_E_NO_CALL;
    other = cw_call_other(cw_leg_browser_call(leg), leg);
    if (!other || other->ended)
        return CW_E_STATE;
    if (!other->ops->tell)
        return CW_E_UNSUPPORTED;
    *away = other->ops->away && other->ops->away(other);
    other->ops->tell(other, method, params);
    return CW_OK;
}
