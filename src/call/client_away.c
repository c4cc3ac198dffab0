/* client_away.c - a session whose connection is lost, and what it is told when it is back. */
#include "call/priv.h"

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
