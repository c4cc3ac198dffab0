/* trunk_pick.c - which trunk takes a call: members of a group, their order, state and limits. */
#include "call/route/trunk.h"

#include "base/ident.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static cw_trunk *find(const cw_trunks *trunks, const struct cw_conf_trunk *conf)
{
    return conf ? &trunks->all[conf - trunks->conf->trunk] : NULL;
}

/* ── Members ── */

static cw_err read_number(const char *text, unsigned max, unsigned *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (!g_ascii_isdigit(*text) || *end || n > max)
        return CW_E_CONF;
    *ret = (unsigned)n;
    return CW_OK;
}

cw_err cw_member_parse(const cw_conf *conf, const char *text, cw_member *ret)
{
    g_auto(GStrv) part = g_strsplit(text, "/", 4);
    unsigned n = g_strv_length(part);
    cw_err err = n < 1 || n > 3 ? CW_E_CONF : CW_OK;

    *ret = (cw_member){ .priority = 1, .weight = 1 };
    if (!err && n > 1)
        err = read_number(part[1], 65535, &ret->priority);
    if (!err && n > 2)
        err = read_number(part[2], 65535, &ret->weight);
    for (size_t i = 0; !err && i < conf->trunk_n && !ret->trunk; i++)
        if (g_strcmp0(conf->trunk[i].name, part[0]) == 0)
            ret->trunk = &conf->trunk[i];
    return err || !ret->trunk ? CW_E_CONF : CW_OK;
}

/* ── Limits ── */

/* A bucket of calls_per_s tokens, filled as time passes. */
static void fill_bucket(cw_trunk *t) CW_ON_LOOP
{
    uint64_t now = cw_now_ms();
    double most = (double)t->conf->calls_per_s;

    t->tokens = MIN(most, t->tokens + most * (double)(now - t->tokens_ms) / 1000);
    t->tokens_ms = now;
}

/* CW_OK: it may take a call now; else why not. */
static cw_err may_call(cw_trunk *t) CW_ON_LOOP
{
    if (t->draining)
        return CW_E_UNAVAILABLE;
    if (t->conf->calls_max && t->now >= (unsigned)t->conf->calls_max)
        return CW_E_OVERLOAD;
    if (t->held_until_ms > cw_now_ms())
        return CW_E_OVERLOAD;
    if (t->conf->calls_per_s == 0)
        return CW_OK;
    fill_bucket(t);
    return t->tokens >= 1 ? CW_OK : CW_E_RATE;
}

static void log_skip(cw_trunk *t, cw_err err) CW_ON_LOOP
{
    t->skipped++;
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "trunk.skipped", "trunk", t->conf->name, "why",
           t->draining              ? "draining"
           : t->state == TRUNK_DOWN ? "down"
                                    : cw_err_kind(err),
           NULL);
}

/* ── The choice ── */

/* The first by priority; among equals one by weight. NULL: none. */
static const cw_member *draw(const cw_member *all, unsigned n)
{
    unsigned best = UINT_MAX, sum = 0;
    uint32_t random;

    for (unsigned i = 0; i < n; i++)
        best = MIN(best, all[i].priority);
    for (unsigned i = 0; i < n; i++)
        sum += all[i].priority == best ? all[i].weight : 0;
    cw_random(&random, sizeof random);
    random %= sum + 1;
    for (unsigned i = 0; i < n; i++) {
        if (all[i].priority != best)
            continue;
        if (random <= all[i].weight)
            return &all[i];
        random -= all[i].weight;
    }
    return NULL;
}

static const struct cw_conf_trunk *pick_one(cw_trunks *trunks, const struct cw_conf_trunk *conf,
                                            cw_err *err) CW_ON_LOOP
{
    cw_trunk *t = find(trunks, conf);

    *err = may_call(t);
    if (!*err)
        return conf;
    log_skip(t, *err);
    return NULL;
}

const struct cw_conf_trunk *cw_trunks_pick(cw_trunks *trunks, const struct cw_conf_group *group,
                                           const struct cw_conf_trunk *alone, uint64_t tried,
                                           bool *more, cw_err *err)
{
    cw_member able[CW_TRUNKS_MAX];
    const cw_member *chosen;
    unsigned n = 0;

    *more = false;
    if (!group)
        return pick_one(trunks, alone, err);
    *err = CW_E_NETWORK;
    for (char **text = group->members; *text && n < CW_TRUNKS_MAX; text++) {
        cw_trunk *t;
        cw_err why;

        if (cw_member_parse(trunks->conf, *text, &able[n]))
            continue; /* checked at start-up */
        t = find(trunks, able[n].trunk);
        if (tried & cw_trunks_bit(trunks->conf, t->conf))
            continue;
        why = t->state == TRUNK_DOWN ? CW_E_NETWORK : may_call(t);
        if (why) {
            log_skip(t, why);
            *err = why;
        } else {
            n++;
        }
    }
    chosen = draw(able, n);
    *more = n > 1;
    return chosen ? chosen->trunk : NULL;
}

uint64_t cw_trunks_bit(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    size_t at = (size_t)(trunk - conf->trunk);

    return at < CW_TRUNKS_MAX ? UINT64_C(1) << at : 0;
}

/* ── What came of calls ── */

void cw_trunks_started(cw_trunks *trunks, const struct cw_conf_trunk *conf)
{
    cw_trunk *t = find(trunks, conf);

    if (!t)
        return;
    t->now++;
    t->started++;
    t->tokens = MAX(0, t->tokens - 1);
}

cw_err cw_trunks_again(cw_trunks *trunks, const struct cw_conf_trunk *conf)
{
    cw_trunk *t = find(trunks, conf);
    cw_err err;

    if (!t)
        return CW_OK;
    t->now--;
    err = may_call(t);
    t->now++;
    if (err)
        log_skip(t, err);
    else
        t->tokens = MAX(0, t->tokens - 1);
    return err;
}

void cw_trunks_answered(cw_trunks *trunks, const struct cw_conf_trunk *conf)
{
    cw_trunk *t = find(trunks, conf);

    if (t)
        t->answered++;
}

/* Not the trunk's failures: nobody wanted the call any more, or the callee did not. */
static bool blames_trunk(cw_err err)
{
    return err && err != CW_E_CANCELLED && err != CW_E_BUSY && err != CW_E_DECLINED;
}

void cw_trunks_ended(cw_trunks *trunks, const struct cw_conf_trunk *conf, const cw_cause *cause)
{
    cw_trunk *t = find(trunks, conf);

    if (!t)
        return;
    t->now--;
    if (!blames_trunk(cause->err))
        return;
    t->failed++;
    t->last_err = cause->err;
    t->last_status = cause->status;
    t->last_ms = cw_now_ms();
}

void cw_trunks_hold(cw_trunks *trunks, const struct cw_conf_trunk *conf, unsigned for_s)
{
    cw_trunk *t = find(trunks, conf);
    unsigned most = (unsigned)trunks->conf->sip.retry_after_max_s;

    if (!t || for_s == 0)
        return;
    t->held_until_ms = cw_now_ms() + 1000 * (uint64_t)MIN(for_s, most);
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "trunk.held", "trunk", conf->name, "seconds",
           cw_fmt("%u", MIN(for_s, most)), NULL);
}

bool cw_group_fails_over(const struct cw_conf_group *group, cw_err err, int status)
{
    if (status < 300)
        return err == CW_E_NETWORK || err == CW_E_TIMEOUT || err == CW_E_DNS || err == CW_E_TLS;
    for (char **code = group->codes; *code; code++)
        if (atoi(*code) == status)
            return true;
    return false;
}
