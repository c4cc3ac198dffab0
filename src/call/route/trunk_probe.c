/* trunk_probe.c - is a trunk there? OPTIONS now and then (RFC 3261 11), and what administrators
 * say. */
#include "call/route/trunk.h"

#include "base/log.h"

#include <string.h>

static const char *const states[] = { "unknown", "up", "down" };

const char *cw_trunk_state_name(const cw_trunk *t)
{
    return t->draining ? "draining" : states[t->state];
}

static void change(cw_trunk *t, cw_trunk_state state, const char *why) CW_ON_LOOP
{
    if (t->state == state)
        return;
    cw_log(state == TRUNK_DOWN ? CW_LOG_WARN : CW_LOG_INFO, CW_MOD_CALL, "trunk.state", "trunk",
           t->conf->name, "was", states[t->state], "is", states[state], "why", why, NULL);
    t->state = state;
    t->state_ms = cw_now_ms();
}

/* Whatever it answers, it is there; but 503 says that it takes no calls (RFC 3261 21.5.4). */
static void on_result(void *arg, const cw_sip_result *result)
{
    cw_trunk *t = arg;
    bool well = result->status > 0 && result->status != 503;
    char why[64];

    cw_assert_on_loop();
    t->probe = NULL;
    t->well = well ? t->well + 1 : 0;
    t->ill = well ? 0 : t->ill + 1;
    if (result->status)
        g_snprintf(why, sizeof why, "OPTIONS: %d", result->status);
    else
        g_snprintf(why, sizeof why, "OPTIONS: %s", cw_err_kind(result->err));
    if (well && (t->state == TRUNK_UNKNOWN || t->well >= (unsigned)t->conf->probe_up))
        change(t, TRUNK_UP, why);
    else if (!well && t->ill >= (unsigned)t->conf->probe_down)
        change(t, TRUNK_DOWN, why);
    cw_timer_start(t->probe_timer, (uint64_t)t->conf->probe_interval_s * 1000);
}

static void ask(void *arg)
{
    cw_trunk *t = arg;
    g_autofree char *ruri = g_strdup_printf("sip:%s", t->conf->address);
    cw_sip_target target = { .ruri = ruri, .from_user = "" };
    cw_sip_query_conf conf = { .method = "OPTIONS",
                               .target = &target,
                               .timeout_ms = (unsigned)t->conf->probe_timeout_ms };
    cw_err err;

    cw_assert_on_loop();
    cw_trunk_target(t->conf, &target);
    err = cw_sip_query_new(t->trunks->sip, &conf, on_result, t, &t->probe);
    if (err)
        on_result(t, &(cw_sip_result){ .err = err });
}

void cw_trunks_probe(cw_trunks *trunks)
{
    for (size_t i = 0; i < trunks->n; i++) {
        cw_trunk *t = &trunks->all[i];

        if (t->conf->probe_interval_s == 0 || !t->conf->address || t->probe_timer)
            continue;
        t->probe_timer = cw_timer_new(trunks->loop, ask, t);
        cw_timer_start(t->probe_timer, 0);
    }
}

/* ── For administrators ── */

static cw_trunk *by_name(cw_trunks *trunks, const char *name)
{
    for (size_t i = 0; i < trunks->n; i++)
        if (g_strcmp0(trunks->all[i].conf->name, name) == 0)
            return &trunks->all[i];
    return NULL;
}

static json_t *prefixes_json(const struct cw_conf_trunk *conf)
{
    json_t *all = json_array();

    for (char **p = conf->prefixes; p && *p; p++)
        json_array_append_new(all, json_string(*p));
    return all;
}

static json_t *trunk_json(const cw_trunk *t) CW_ON_LOOP
{
    uint64_t now = cw_now_ms();
    json_t *one = json_pack("{s:s s:s* s:s s:s s:o s:i s:I s:I s:I s:I}", "name",
                            t->conf->name ?: t->conf->address ?: "", "address", t->conf->address,
                            "transport", t->conf->transport, "state", cw_trunk_state_name(t),
                            "prefixes", prefixes_json(t->conf), "calls", (int)t->now, "started",
                            (json_int_t)t->started, "answered", (json_int_t)t->answered, "failed",
                            (json_int_t)t->failed, "skipped", (json_int_t)t->skipped);

    if (t->state_ms)
        json_object_set_new(one, "state_ms", json_integer((json_int_t)(now - t->state_ms)));
    if (t->held_until_ms > now)
        json_object_set_new(one, "held_ms", json_integer((json_int_t)(t->held_until_ms - now)));
    if (t->last_ms)
        json_object_set_new(one, "last_error",
                            json_pack("{s:s s:i s:I}", "kind", cw_err_kind(t->last_err), "sip",
                                      t->last_status, "ago_ms", (json_int_t)(now - t->last_ms)));
    return one;
}

json_t *cw_trunks_list(const cw_trunks *trunks)
{
    json_t *all = json_array();

    for (size_t i = 0; i < trunks->n; i++)
        json_array_append_new(all, trunk_json(&trunks->all[i]));
    return all;
}

json_t *cw_trunks_json(const cw_calls *calls)
{
    return cw_trunks_list(calls->trunks);
}

json_t *cw_trunk_json(const cw_calls *calls, const char *name)
{
    const cw_trunk *t = by_name(calls->trunks, name);
    json_t *one = t ? trunk_json(t) : NULL, *addresses = one ? json_array() : NULL;
    char text[CW_ADDR_STR];

    for (unsigned i = 0; t && i < t->addr_n; i++)
        json_array_append_new(addresses, json_string(cw_addr_print_ip(&t->addr[i], text)));
    if (one)
        json_object_set_new(one, "addresses", addresses);
    if (one && t->conf->calls_max)
        json_object_set_new(one, "calls_max", json_integer(t->conf->calls_max));
    if (one && t->conf->calls_per_s)
        json_object_set_new(one, "calls_per_s", json_integer(t->conf->calls_per_s));
    return one;
}

cw_err cw_trunk_drain(cw_calls *calls, const char *name, bool drain)
{
    cw_trunk *t = by_name(calls->trunks, name);

    if (!t)
        return CW_E_NOT_FOUND;
    if (t->draining != drain)
        cw_log(CW_LOG_INFO, CW_MOD_CALL, drain ? "trunk.drain" : "trunk.enable", "trunk", name,
               "calls", cw_fmt("%u", t->now), NULL);
    t->draining = drain;
    return CW_OK;
}
