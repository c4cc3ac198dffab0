/* quota.c - accounts of callers: one for each row of `quota` and each token that bounds a call. */
#include "user/quota.h"

#include <glib.h>
#include <string.h>

#define MINUTE_MS  UINT64_C(60000)
#define DAY_MS     UINT64_C(86400000)
#define BOUNDS_MAX 64 /* rows of `quota`, and two tokens */

/* Of an account; 0: none. */
typedef struct bound {
    const char *name; /* "fraud", "log-in", "grant" */
    unsigned at_once, per_minute, uses;
    uint64_t call_ms, day_ms, day_cost; /* cost: units a minute, times milliseconds */
} bound;

typedef struct account {
    char *key, *caller;
    bound bound;
    unsigned active; /* tickets */
    unsigned used;   /* tickets ever: of `bound.uses` */
    double tokens;   /* calls that may begin now: a bucket of `per_minute` */
    uint64_t tokens_at;
    uint64_t day_at; /* the 24 hours began; 0: nothing was spent */
    uint64_t spent_ms, spent_cost;
    unsigned talking; /* answered tickets; what they spend is reckoned from: */
    uint64_t talking_since, cost_each, cost_since; /* sums, over them, of since, cost, cost*since */
    uint64_t forget_at; /* a grant's: when its token is no more; 0: when its day is over */
    GList idle;         /* in quotas->idle while active is 0 */
} account;

struct cw_quotas {
    const cw_conf *conf;
    GHashTable *accounts; /* key to account, owned */
    GQueue idle;          /* of account, oldest first */
    uint64_t *refused;    /* by row */
};

struct cw_ticket {
    cw_quotas *quotas;
    const cw_ticket *before; /* that it takes the place of, while it is looked at; NULL: none */
    unsigned n;
    account *account[BOUNDS_MAX];
    uint64_t answered_at; /* 0: not yet */
    uint64_t cost;        /* a minute's */
    char class[CW_COST_MAX + 1];
};

/* ── Accounts ── */

static void account_free(void *data)
{
    account *a = data;

    g_free(a->key);
    g_free(a->caller);
    g_free(a);
}

/* What its answered calls have spent since they were answered, or the day began. */
static uint64_t running_ms(const account *a, uint64_t now)
{
    return a->talking * now - a->talking_since;
}

static uint64_t running_cost(const account *a, uint64_t now)
{
    return a->cost_each * now - a->cost_since;
}

static void roll_day(account *a, uint64_t now)
{
    if (a->day_at && now - a->day_at < DAY_MS)
        return;
    a->day_at = now;
    a->spent_ms = a->spent_cost = 0;
    a->talking_since = a->talking * now;
    a->cost_since = a->cost_each * now;
}

static void refill(account *a, uint64_t now)
{
    double more = (double)(now - a->tokens_at) * a->bound.per_minute / (double)MINUTE_MS;

    a->tokens = MIN(a->tokens + more, (double)a->bound.per_minute);
    a->tokens_at = now;
}

/* Nothing would be forgotten with it that bounds a call. */
static bool is_spent(const account *a, uint64_t now)
{
    return now >= a->forget_at && now - a->tokens_at >= MINUTE_MS &&
           (a->spent_ms == 0 || now - a->day_at >= DAY_MS);
}

static bool make_room(cw_quotas *quotas, uint64_t now)
{
    GList *next, *at = quotas->idle.head;

    if (g_hash_table_size(quotas->accounts) < (guint)quotas->conf->limits.callers_max)
        return true;
    for (unsigned i = 0; at && i < 64; i++, at = next) {
        account *a = at->data;

        next = at->next;
        if (is_spent(a, now)) {
            g_queue_unlink(&quotas->idle, at);
            g_hash_table_remove(quotas->accounts, a->key);
            return true;
        }
    }
    return false;
}

static account *account_for(cw_quotas *quotas, const bound *b, const char *caller, uint64_t now)
{
    g_autofree char *key = g_strdup_printf("%s\n%s", b->name, caller);
    account *a = g_hash_table_lookup(quotas->accounts, key);

    if (a) {
        a->bound = *b;
        return a;
    }
    if (!make_room(quotas, now))
        return NULL;
    a = g_new0(account, 1);
    a->key = g_steal_pointer(&key);
    a->caller = g_strdup(caller);
    a->bound = *b;
    a->tokens = b->per_minute;
    a->tokens_at = now;
    a->idle.data = a;
    g_hash_table_insert(quotas->accounts, a->key, a);
    g_queue_push_tail_link(&quotas->idle, &a->idle);
    return a;
}

/* ── May a call begin? ── */

#define WHY(why, ...) g_snprintf(why, 128, __VA_ARGS__)

/* What of an account is another ticket's, that will be given back: 0 or 1. */
static unsigned counts_in(const cw_ticket *ticket, const account *a)
{
    for (unsigned i = 0; ticket && i < ticket->n; i++)
        if (ticket->account[i] == a)
            return 1;
    return 0;
}

static cw_err fits(account *a, const cw_ticket *ticket, uint64_t now, uint64_t *retry_ms,
                   char why[static 128])
{
    const unsigned own = counts_in(ticket->before, a);
    const uint64_t cost = ticket->cost;
    const bound *b = &a->bound;

    roll_day(a, now);
    refill(a, now);
    *retry_ms = 0;
    if (b->uses && a->used - own >= b->uses) {
        WHY(why, "%.40s: it was for %u calls", b->name, b->uses);
    } else if (b->at_once && a->active - own >= b->at_once) {
        WHY(why, "%.40s: %u calls at once, no more", b->name, b->at_once);
    } else if (b->per_minute && a->tokens + own < 1) {
        *retry_ms = (uint64_t)((1 - a->tokens) * (double)MINUTE_MS / b->per_minute) + 1;
        WHY(why, "%.40s: %u calls a minute, no more", b->name, b->per_minute);
    } else if (b->day_ms && a->spent_ms + running_ms(a, now) >= b->day_ms) {
        *retry_ms = a->day_at + DAY_MS - now;
        WHY(why, "%.40s: its time for today is used up", b->name);
    } else if (b->day_cost && cost && a->spent_cost + running_cost(a, now) >= b->day_cost) {
        *retry_ms = a->day_at + DAY_MS - now;
        WHY(why, "%.40s: its money for today is used up", b->name);
    } else {
        return CW_OK;
    }
    return CW_E_QUOTA;
}

/* ── What a call is, in the rows' eyes ── */

static bool in_list(char *const *list, const char *text)
{
    for (; list && *list; list++)
        if (cw_pattern_matches(*list, text))
            return true;
    return false;
}

static bool row_fits(const struct cw_conf_quota *row, const cw_spend *spend)
{
    return in_list(row->users, spend->user) && in_list(row->trunks, spend->trunk ?: "") &&
           in_list(row->to, spend->target);
}

/* The rate of a number, by the longest prefix; NULL: none. */
static const struct cw_conf_rate *rate_of(const cw_conf *conf, const char *target)
{
    const struct cw_conf_rate *best = NULL;

    if (!g_str_has_prefix(target, "tel:"))
        return NULL;
    for (size_t i = 0; i < conf->rate_n; i++) {
        const struct cw_conf_rate *rate = &conf->rate[i];

        if (g_str_has_prefix(target + strlen("tel:"), rate->prefix) &&
            (!best || strlen(rate->prefix) > strlen(best->prefix)))
            best = rate;
    }
    return best;
}

static bool costs(const char *target)
{
    return g_str_has_prefix(target, "tel:") || g_str_has_prefix(target, "sip:") ||
           g_str_has_prefix(target, "sips:");
}

static cw_err check_class(const cw_call_limits *limits, const cw_spend *spend, const char *class,
                          char why[static 128])
{
    if (!limits || !limits->cost[0] || !costs(spend->target) || !strcmp(limits->cost, class))
        return CW_OK;
    WHY(why, "the token is for calls of class \"%s\"", limits->cost);
    return CW_E_FORBIDDEN;
}

static cw_err check_grant(const cw_call_grant *grant, const cw_spend *spend, char why[static 128])
{
    if (!grant || grant->to.n == 0 || in_list(grant->to.scope, spend->target))
        return CW_OK;
    WHY(why, "%.80s is not what the grant is for", spend->target);
    return CW_E_FORBIDDEN;
}

static bound row_bound(const struct cw_conf_quota *row)
{
    return (bound){ .name = row->name,
                    .at_once = (unsigned)row->calls_at_once,
                    .per_minute = (unsigned)row->calls_per_minute,
                    .call_ms = (uint64_t)row->seconds_per_call * 1000,
                    .day_ms = (uint64_t)row->minutes_per_day * MINUTE_MS,
                    .day_cost = (uint64_t)row->cost_per_day * MINUTE_MS };
}

static cw_err add(cw_ticket *ticket, const bound *b, const char *caller, uint64_t now,
                  uint64_t *retry_ms, char why[static 128])
{
    account *a = account_for(ticket->quotas, b, caller, now);

    if (!a) {
        WHY(why, "too many callers");
        return CW_E_OVERLOAD;
    }
    ticket->account[ticket->n++] = a;
    return fits(a, ticket, now, retry_ms, why);
}

static cw_err add_rows(cw_ticket *ticket, const cw_spend *spend, uint64_t now, uint64_t *retry_ms,
                       char why[static 128])
{
    const cw_conf *conf = ticket->quotas->conf;
    cw_err err = CW_OK;

    for (size_t i = 0; !err && i < conf->quota_n; i++) {
        const struct cw_conf_quota *row = &conf->quota[i];
        bound b = row_bound(row);

        if (!row_fits(row, spend))
            continue;
        if (row->deny) {
            WHY(why, "%.40s: %.60s may not be called", row->name, spend->target);
            err = CW_E_FORBIDDEN;
        } else {
            err = add(ticket, &b, strcmp(row->per, "all") ? spend->user : "*", now, retry_ms, why);
        }
        if (err)
            ticket->quotas->refused[i]++;
    }
    return err;
}

static bound limits_bound(const char *name, const cw_call_limits *limits)
{
    return (bound){ .name = name,
                    .at_once = limits->at_once,
                    .call_ms = (uint64_t)limits->seconds * 1000 };
}

static cw_err add_tokens(cw_ticket *ticket, const cw_spend *spend, uint64_t now, uint64_t *retry_ms,
                         char why[static 128])
{
    const cw_call_grant *grant = spend->grant;
    cw_err err = check_class(spend->limits, spend, ticket->class, why);

    if (!err && spend->limits && (spend->limits->at_once || spend->limits->seconds)) {
        bound b = limits_bound("log-in", spend->limits);

        err = add(ticket, &b, spend->user, now, retry_ms, why);
    }
    if (err || !grant)
        return err;
    err = check_grant(grant, spend, why);
    if (!err)
        err = check_class(&grant->limits, spend, ticket->class, why);
    if (!err) {
        bound b = limits_bound("grant", &grant->limits);
        g_autofree char *caller = g_strdup_printf("%s %s", spend->user, grant->id);

        b.uses = grant->uses;
        err = add(ticket, &b, caller, now, retry_ms, why);
    }
    return err;
}

/* ── A ticket ── */

static void book(cw_ticket *ticket, const cw_spend *spend, uint64_t now)
{
    for (unsigned i = 0; i < ticket->n; i++) {
        account *a = ticket->account[i];

        if (a->active++ == 0)
            g_queue_unlink(&ticket->quotas->idle, &a->idle);
        a->used++;
        if (a->bound.per_minute)
            a->tokens -= 1;
        /* A grant's wall-clock end is not known to this clock: a day is the most it is kept. */
        if (spend->grant && !strcmp(a->bound.name, "grant"))
            a->forget_at = now + DAY_MS;
    }
}

static cw_err take(cw_quotas *quotas, const cw_ticket *before, const cw_spend *spend,
                   uint64_t now_ms, cw_ticket **ret, uint64_t *retry_ms, char why[static 128])
{
    const struct cw_conf_rate *rate = rate_of(quotas->conf, spend->target);
    cw_ticket *ticket = g_new0(cw_ticket, 1);
    cw_err err;

    *retry_ms = 0;
    ticket->quotas = quotas;
    ticket->before = before;
    ticket->cost = rate ? (uint64_t)rate->cost : 0;
    g_strlcpy(ticket->class, rate && rate->class ? rate->class : "", sizeof ticket->class);
    err = add_tokens(ticket, spend, now_ms, retry_ms, why);
    if (!err)
        err = add_rows(ticket, spend, now_ms, retry_ms, why);
    if (err) {
        g_free(ticket);
        return err;
    }
    ticket->before = NULL;
    book(ticket, spend, now_ms);
    *ret = ticket;
    return CW_OK;
}

cw_err cw_ticket_take(cw_quotas *quotas, const cw_spend *spend, uint64_t now_ms, cw_ticket **ret,
                      uint64_t *retry_ms, char why[static 128])
{
    return take(quotas, NULL, spend, now_ms, ret, retry_ms, why);
}

/* As if it had never begun. */
static void unbook(cw_ticket *ticket)
{
    for (unsigned i = 0; i < ticket->n; i++) {
        account *a = ticket->account[i];

        a->used--;
        if (a->bound.per_minute)
            a->tokens += 1;
    }
}

cw_err cw_ticket_move(cw_quotas *quotas, cw_ticket **ticket, const cw_spend *spend, uint64_t now_ms,
                      uint64_t *retry_ms, char why[static 128])
{
    cw_ticket *old = *ticket;
    cw_err err = take(quotas, old, spend, now_ms, ticket, retry_ms, why);

    if (err || !old)
        return err;
    unbook(old);
    cw_ticket_return(old, now_ms);
    return CW_OK;
}

void cw_ticket_answered(cw_ticket *ticket, uint64_t now_ms)
{
    ticket->answered_at = now_ms;
    for (unsigned i = 0; i < ticket->n; i++) {
        account *a = ticket->account[i];

        roll_day(a, now_ms);
        a->talking++;
        a->talking_since += now_ms;
        a->cost_each += ticket->cost;
        a->cost_since += ticket->cost * now_ms;
    }
}

static uint64_t share(uint64_t limit, uint64_t spent, uint64_t each)
{
    return spent >= limit ? 0 : (limit - spent + each - 1) / each;
}

static uint64_t left_of(const cw_ticket *ticket, const account *a, uint64_t now)
{
    const bound *b = &a->bound;
    uint64_t left = UINT64_MAX;

    if (b->call_ms)
        left = share(b->call_ms, now - ticket->answered_at, 1);
    if (b->day_ms)
        left = MIN(left, share(b->day_ms, a->spent_ms + running_ms(a, now), a->talking));
    if (b->day_cost && ticket->cost)
        left = MIN(left, share(b->day_cost, a->spent_cost + running_cost(a, now), a->cost_each));
    return left;
}

uint64_t cw_ticket_left(const cw_ticket *ticket, uint64_t now_ms, char why[static 128])
{
    uint64_t left = UINT64_MAX;

    for (unsigned i = 0; ticket->answered_at && i < ticket->n; i++) {
        account *a = ticket->account[i];
        uint64_t its;

        roll_day(a, now_ms);
        its = left_of(ticket, a, now_ms);
        if (its < left)
            WHY(why, "%.40s: the time for this call is over", a->bound.name);
        left = MIN(left, its);
    }
    return left;
}

static void pay(cw_ticket *ticket, account *a, uint64_t now)
{
    uint64_t since;

    roll_day(a, now);
    since = MAX(ticket->answered_at, a->day_at);
    a->talking--;
    a->talking_since -= since;
    a->cost_each -= ticket->cost;
    a->cost_since -= ticket->cost * since;
    a->spent_ms += now - since;
    a->spent_cost += ticket->cost * (now - since);
}

void cw_ticket_return(cw_ticket *ticket, uint64_t now_ms)
{
    if (!ticket)
        return;
    for (unsigned i = 0; i < ticket->n; i++) {
        account *a = ticket->account[i];

        if (ticket->answered_at)
            pay(ticket, a, now_ms);
        if (--a->active == 0)
            g_queue_push_tail_link(&ticket->quotas->idle, &a->idle);
    }
    g_free(ticket);
}

const char *cw_ticket_cost(const cw_ticket *ticket)
{
    return ticket ? ticket->class : "";
}

/* ── All of them ── */

cw_quotas *cw_quotas_new(const cw_conf *conf)
{
    cw_quotas *quotas = g_new0(cw_quotas, 1);

    quotas->conf = conf;
    quotas->accounts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, account_free);
    g_queue_init(&quotas->idle);
    quotas->refused = g_new0(uint64_t, conf->quota_n + 1);
    return quotas;
}

void cw_quotas_free(cw_quotas *quotas)
{
    if (!quotas)
        return;
    g_hash_table_unref(quotas->accounts);
    g_free(quotas->refused);
    g_free(quotas);
}

static cw_err check_row(const cw_conf *conf, size_t i, char why[static 128])
{
    const struct cw_conf_quota *row = &conf->quota[i];
    char place[64];

    cw_conf_place(conf, row->line, place);
    if (!row->name || !*row->name) {
        WHY(why, "%s: quota: name is missing", place);
    } else if (!strcmp(row->name, "log-in") || !strcmp(row->name, "grant")) {
        WHY(why, "%s: quota: the name \"%s\" is taken", place, row->name);
    } else if (strcmp(row->per, "user") && strcmp(row->per, "all")) {
        WHY(why, "%s: quota \"%.30s\": per must be user or all", place, row->name);
    } else {
        for (size_t other = 0; other < i; other++)
            if (!strcmp(conf->quota[other].name, row->name)) {
                WHY(why, "%s: quota \"%.30s\": two of this name", place, row->name);
                return CW_E_CONF;
            }
        return CW_OK;
    }
    return CW_E_CONF;
}

cw_err cw_quotas_check(const cw_conf *conf, char why[static 128])
{
    char place[64];

    if (conf->quota_n > BOUNDS_MAX - 2) {
        WHY(why, "more than %d rows of quota", BOUNDS_MAX - 2);
        return CW_E_CONF;
    }
    for (size_t i = 0; i < conf->quota_n; i++)
        if (check_row(conf, i, why))
            return CW_E_CONF;
    for (size_t i = 0; i < conf->rate_n; i++) {
        const struct cw_conf_rate *rate = &conf->rate[i];

        cw_conf_place(conf, rate->line, place);
        if (!rate->prefix || rate->prefix[0] != '+' ||
            rate->prefix[1 + strspn(rate->prefix + 1, "0123456789")]) {
            WHY(why, "%s: rate: prefix must be + and digits", place);
            return CW_E_CONF;
        }
        if (rate->class && strlen(rate->class) > CW_COST_MAX) {
            WHY(why, "%s: rate: class is longer than %d", place, CW_COST_MAX);
            return CW_E_CONF;
        }
    }
    return CW_OK;
}

static json_t *account_json(const account *a, uint64_t now)
{
    bool today = a->day_at && now - a->day_at < DAY_MS;
    uint64_t ms = today ? a->spent_ms + running_ms(a, now) : 0;
    uint64_t cost = today ? a->spent_cost + running_cost(a, now) : 0;

    return json_pack("{s:s s:s s:i s:i s:I s:f}", "quota", a->bound.name, "caller", a->caller,
                     "calls", (int)a->active, "calls_ever", (int)a->used, "seconds_today",
                     (json_int_t)(ms / 1000), "cost_today", (double)cost / (double)MINUTE_MS);
}

json_t *cw_quotas_json(const cw_quotas *quotas, uint64_t now_ms)
{
    const cw_conf *conf = quotas->conf;
    json_t *rows = json_array(), *callers = json_array();
    GHashTableIter iter;
    void *a;

    for (size_t i = 0; i < conf->quota_n; i++)
        json_array_append_new(rows, json_pack("{s:s s:I}", "quota", conf->quota[i].name, "refused",
                                              (json_int_t)quotas->refused[i]));
    g_hash_table_iter_init(&iter, quotas->accounts);
    while (g_hash_table_iter_next(&iter, NULL, &a))
        json_array_append_new(callers, account_json(a, now_ms));
    return json_pack("{s:o s:o}", "quotas", rows, "callers", callers);
}
