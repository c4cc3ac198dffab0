#include "call/route/permit.h"

#include "base/log.h"
#include "base/stats.h"
#include "call/transfer/transfer.h"

#include <string.h>

/* Calls that share a bound spend each other's time: looked at again this often at least. */
#define LOOK_MS UINT64_C(10000)

/* Told apart from a name by its colon, which no user has. */
static char *spender(const cw_asker *asker)
{
    if (asker->identity)
        return g_strdup(asker->identity->user);
    return g_strdup_printf("trunk:%s", asker->trunk ?: "");
}

/* ── Kept for later ── */

static void copy_scopes(cw_grant *grant)
{
    for (unsigned i = 0; i < grant->n; i++)
        grant->scope[i] = g_strdup(grant->scope[i]);
}

cw_asker *cw_asker_keep(const cw_conf *conf, const cw_asker *asker)
{
    cw_asker *kept;

    if (!asker || !conf->sip.redirect_hosts || !conf->sip.redirect_hosts[0])
        return NULL;
    kept = g_memdup2(asker, sizeof *asker);
    if (asker->identity) {
        cw_identity *identity = g_memdup2(asker->identity, sizeof *identity);

        identity->number_n = 0;
        identity->sip = NULL;
        copy_scopes(&identity->grant);
        kept->identity = identity;
    }
    if (asker->grant) {
        cw_call_grant *grant = g_memdup2(asker->grant, sizeof *grant);

        grant->from.n = 0;
        copy_scopes(&grant->to);
        kept->grant = grant;
    }
    return kept;
}

void cw_asker_free(cw_asker *asker)
{
    if (!asker)
        return;
    if (asker->identity)
        cw_identity_clear((cw_identity *)asker->identity);
    if (asker->grant)
        cw_call_grant_clear((cw_call_grant *)asker->grant);
    g_free((void *)asker->identity);
    g_free((void *)asker->grant);
    g_free(asker);
}

/* ── May it? ── */

static bool needs_grant(const cw_conf *conf, const cw_asker *asker, const char *target)
{
    return asker->identity && !asker->grant && strcmp(conf->auth.call_grant, "required") == 0 &&
           (g_str_has_prefix(target, "tel:") || g_str_has_prefix(target, "sip:") ||
            g_str_has_prefix(target, "sips:"));
}

cw_err cw_permit_target(const cw_conf *conf, const cw_asker *asker, const char *target,
                        char why[static 128])
{
    if (!asker->identity)
        return CW_OK;
    if (needs_grant(conf, asker, target)) {
        g_snprintf(why, 128, "%.80s needs a token for the call (grant)", target);
        return CW_E_FORBIDDEN;
    }
    if (asker->grant || cw_grant_allows(&asker->identity->grant, "call", target))
        return CW_OK;
    g_snprintf(why, 128, "%.100s is not in your scopes", target);
    return CW_E_FORBIDDEN;
}

/* A ticket, in place of the one that is there: cw_ticket_move. */
static CW_ON_LOOP cw_err take(cw_call *call, const cw_asker *asker, const cw_route *route,
                              cw_ticket **ret, char why[static 128])
{
    g_autofree char *user = spender(asker);
    const cw_spend spend = { .user = user,
                             .trunk = route->trunk ? route->trunk->name : NULL,
                             .target = route->target,
                             .limits = asker->identity ? &asker->identity->limits : NULL,
                             .grant = asker->grant };
    uint64_t retry_ms;
    cw_err err = cw_ticket_move(call->calls->quotas, ret, &spend, cw_now_ms(), &retry_ms, why);

    if (!err)
        return CW_OK;
    if (retry_ms)
        g_snprintf(why + strlen(why), 128 - strlen(why), "; again in %u s",
                   (unsigned)((retry_ms + 999) / 1000));
    cw_stat_inc(CW_STAT_calls_not_permitted);
    cw_log(CW_LOG_WARN, CW_MOD_CALL, "call.not-permitted", "user", user, "to", route->target, "why",
           why, NULL);
    return err;
}

cw_err cw_permit_call(cw_call *call, const cw_asker *asker, const cw_route *route,
                      char why[static 128])
{
    return take(call, asker, route, &call->ticket, why);
}

static void give_back(void *ticket)
{
    cw_assert_on_loop();
    cw_ticket_return(ticket, cw_now_ms());
}

static CW_ON_LOOP void keep(cw_call *call, cw_ticket *ticket)
{
    if (!call->tickets)
        call->tickets = g_ptr_array_new_with_free_func(give_back);
    if (ticket)
        g_ptr_array_add(call->tickets, ticket);
}

cw_err cw_permit_transfer(cw_call *call, const cw_asker *asker, const cw_route *route,
                          char why[static 128])
{
    cw_ticket *ticket = NULL;
    cw_err err = take(call, asker, route, &ticket, why);

    if (!err)
        keep(call, ticket);
    return err;
}

/* What pays for `leg`; NULL: nothing. */
static CW_ON_LOOP cw_ticket **ticket_of(cw_call *call, const cw_leg *leg)
{
    bool moves = cw_transfer_calls(call, leg) && call->transfer->spends;

    return !moves ? &call->ticket
                  : (cw_ticket **)&g_ptr_array_index(call->tickets, call->tickets->len - 1);
}

cw_err cw_permit_redirect(cw_call *call, const cw_leg *leg, const cw_asker *asker,
                          const cw_route *route, char why[static 128])
{
    cw_err err = cw_permit_target(call->calls->conf, asker, route->target, why);

    return err ? err : take(call, asker, route, ticket_of(call, leg), why);
}

void cw_permit_returned(cw_call *call)
{
    if (call->tickets && call->tickets->len)
        g_ptr_array_remove_index(call->tickets, call->tickets->len - 1);
}

void cw_permit_merge(cw_call *to, cw_call *from)
{
    keep(to, g_steal_pointer(&from->ticket));
    while (from->tickets && from->tickets->len)
        keep(to, g_ptr_array_steal_index(from->tickets, from->tickets->len - 1));
}

/* The least that one of them has. */
static CW_ON_LOOP uint64_t time_left(cw_call *call, char why[static 128])
{
    uint64_t now = cw_now_ms(), least = UINT64_MAX;

    if (call->ticket)
        least = cw_ticket_left(call->ticket, now, why);
    for (guint i = 0; call->tickets && least > 0 && i < call->tickets->len; i++)
        least = MIN(least, cw_ticket_left(g_ptr_array_index(call->tickets, i), now, why));
    return least;
}

/* Another call may have spent what was left, or ended and left more. */
static void look(void *arg)
{
    static const cw_cause over = { .err = CW_E_QUOTA, .gateway = true };
    cw_call *call = arg;
    char why[128] = "", id[CW_ID_STR];
    uint64_t left;

    cw_assert_on_loop();
    left = time_left(call, why);
    if (left == UINT64_MAX)
        return;
    if (left > 0) {
        cw_timer_start(call->limit_timer, MIN(left, LOOK_MS));
        return;
    }
    cw_stat_inc(CW_STAT_calls_cut);
    cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "CALL", why);
    cw_log(CW_LOG_WARN, CW_MOD_CALL, "call.cut", "call", cw_id_print(call->id, id), "why", why,
           NULL);
    cw_call_end(call, &over);
}

void cw_permit_answered(cw_call *call)
{
    char why[128];
    uint64_t left;

    if (call->ticket)
        cw_ticket_answered(call->ticket, cw_now_ms());
    for (guint i = 0; call->tickets && i < call->tickets->len; i++)
        cw_ticket_answered(g_ptr_array_index(call->tickets, i), cw_now_ms());
    left = time_left(call, why);
    if (left == UINT64_MAX)
        return;
    if (!call->limit_timer)
        call->limit_timer = cw_timer_new(call->calls->loop, look, call);
    cw_timer_start(call->limit_timer, MIN(left, LOOK_MS));
}

void cw_permit_ended(cw_call *call)
{
    cw_ticket_return(g_steal_pointer(&call->ticket), cw_now_ms());
    g_clear_pointer(&call->tickets, g_ptr_array_unref);
    g_clear_pointer(&call->limit_timer, cw_timer_free);
}
