/* What callers may spend: rows of `quota` and tokens that bound calls, by a clock of the test's. */
#include "base/json.h"
#include "user/quota.h"

#include <glib.h>
#include <string.h>

#define MINUTE UINT64_C(60000)
#define DAY    UINT64_C(86400000)

typedef struct rig {
    cw_conf *conf;
    cw_quotas *quotas;
    uint64_t now, retry_ms;
    char why[128];
} rig;

static rig open_rig(const char *text)
{
    g_autofree char *why = NULL;
    rig r = { .now = 5000 };

    g_assert_cmpint(cw_conf_load("test", text, &r.conf, &why), ==, CW_OK);
    g_assert_cmpint(cw_quotas_check(r.conf, r.why), ==, CW_OK);
    r.quotas = cw_quotas_new(r.conf);
    return r;
}

static void close_rig(rig *r)
{
    cw_quotas_free(r->quotas);
    cw_conf_free(r->conf);
}

static cw_err take(rig *r, const cw_spend *spend, cw_ticket **ret)
{
    return cw_ticket_take(r->quotas, spend, r->now, ret, &r->retry_ms, r->why);
}

static cw_spend call_of(const char *user, const char *target)
{
    return (cw_spend){ .user = user, .trunk = "carrier", .target = target };
}

static cw_ticket *must(rig *r, const cw_spend *spend)
{
    cw_ticket *ticket = NULL;

    g_assert_cmpint(take(r, spend, &ticket), ==, CW_OK);
    return ticket;
}

static void refused(rig *r, const cw_spend *spend, cw_err err, const char *why)
{
    cw_ticket *ticket = NULL;

    g_assert_cmpint(take(r, spend, &ticket), ==, err);
    g_assert_nonnull(strstr(r->why, why));
    g_assert_null(ticket);
}

static void test_no_rows(void)
{
    rig r = open_rig("");
    cw_spend anna = call_of("anna", "tel:+331");
    cw_ticket *ticket = must(&r, &anna);

    cw_ticket_answered(ticket, r.now);
    g_assert_cmpuint(cw_ticket_left(ticket, r.now + DAY, r.why), ==, UINT64_MAX);
    g_assert_cmpstr(cw_ticket_cost(ticket), ==, "");
    cw_ticket_return(ticket, r.now);
    cw_ticket_return(NULL, r.now);
    close_rig(&r);
}

static void test_deny(void)
{
    rig r = open_rig(
        "quota = ( { name = \"premium\"; to = ( \"tel:+1900*\", \"tel:+882*\" ); deny = true; },"
        "          { name = \"desk\"; users = ( \"desk-*\" ); to = ( \"sip:*\" ); deny = true; },"
        "          { name = \"transit\"; users = ( \"trunk:*\" ); trunks = ( \"gold\" ); deny = "
        "true; } );");
    cw_spend spend = call_of("anna", "tel:+19005550001");

    refused(&r, &spend, CW_E_FORBIDDEN, "premium: tel:+19005550001");
    spend.target = "tel:+882123";
    refused(&r, &spend, CW_E_FORBIDDEN, "premium");
    spend.target = "tel:+1901";
    cw_ticket_return(must(&r, &spend), r.now);
    spend = call_of("desk-4", "sip:x@y");
    refused(&r, &spend, CW_E_FORBIDDEN, "desk");
    spend.user = "desktop";
    cw_ticket_return(must(&r, &spend), r.now);
    spend = call_of("trunk:in", "tel:+331");
    cw_ticket_return(must(&r, &spend), r.now);
    spend.trunk = "gold";
    refused(&r, &spend, CW_E_FORBIDDEN, "transit");
    close_rig(&r);
}

/* All sessions of a user together; another user has their own. */
static void test_at_once(void)
{
    rig r = open_rig("quota = ( { name = \"each\"; calls_at_once = 2; },"
                     "          { name = \"all\"; per = \"all\"; calls_at_once = 3; } );");
    cw_spend anna = call_of("anna", "tel:+331"), ben = call_of("ben", "tel:+331");
    cw_ticket *a1 = must(&r, &anna), *a2 = must(&r, &anna), *b1;

    refused(&r, &anna, CW_E_QUOTA, "each: 2 calls at once");
    b1 = must(&r, &ben);
    refused(&r, &ben, CW_E_QUOTA, "all: 3 calls at once");
    cw_ticket_return(a1, r.now);
    cw_ticket_return(must(&r, &ben), r.now);
    a1 = must(&r, &anna);
    cw_ticket_return(a1, r.now);
    cw_ticket_return(a2, r.now);
    cw_ticket_return(b1, r.now);
    close_rig(&r);
}

/* A refusal by one row spends nothing of another. */
static void test_per_minute(void)
{
    rig r = open_rig("quota = ( { name = \"fast\"; calls_per_minute = 3; },"
                     "          { name = \"one\"; calls_at_once = 1; } );");
    cw_spend anna = call_of("anna", "tel:+331");
    cw_ticket *held;

    for (unsigned i = 0; i < 2; i++)
        cw_ticket_return(must(&r, &anna), r.now);
    held = must(&r, &anna);
    refused(&r, &anna, CW_E_QUOTA, "fast: 3 calls a minute");
    g_assert_cmpuint(r.retry_ms, >, 19000);
    g_assert_cmpuint(r.retry_ms, <=, 20001);
    r.now += 20001;
    refused(&r, &anna, CW_E_QUOTA, "one: 1 calls at once");
    cw_ticket_return(held, r.now);
    cw_ticket_return(must(&r, &anna), r.now); /* the refusal took no call of the minute */
    refused(&r, &anna, CW_E_QUOTA, "fast");
    r.now += 10 * MINUTE; /* no more than a minute's is saved up */
    for (unsigned i = 0; i < 3; i++)
        cw_ticket_return(must(&r, &anna), r.now);
    refused(&r, &anna, CW_E_QUOTA, "fast");
    close_rig(&r);
}

/* A call that goes elsewhere: its own place is not in its way, what it did not use it has again,
 * and one that may not keeps what it has. */
static void test_moved(void)
{
    rig r = open_rig("quota = ( { name = \"premium\"; to = ( \"tel:+1900*\" ); deny = true; },"
                     "          { name = \"far\"; to = ( \"tel:+49*\" ); calls_at_once = 1; },"
                     "          { name = \"each\"; calls_at_once = 1; calls_per_minute = 2; } );");
    cw_call_grant grant = { .id = "g", .uses = 1 };
    cw_spend near = call_of("anna", "tel:+331"), far = call_of("anna", "tel:+49"),
             premium = call_of("anna", "tel:+1900"), ben = call_of("ben", "tel:+49");
    cw_ticket *ticket, *kept, *none = NULL;

    near.grant = far.grant = premium.grant = &grant;
    kept = ticket = must(&r, &near);
    g_assert_cmpint(cw_ticket_move(r.quotas, &ticket, &premium, r.now, &r.retry_ms, r.why), ==,
                    CW_E_FORBIDDEN);
    g_assert_true(ticket == kept);
    g_assert_cmpint(cw_ticket_move(r.quotas, &ticket, &far, r.now, &r.retry_ms, r.why), ==, CW_OK);
    refused(&r, &near, CW_E_QUOTA, "grant: it was for 1 calls");
    cw_ticket_return(ticket, r.now);
    near.grant = far.grant = NULL;
    ticket = must(&r, &near); /* the second of this minute */
    refused(&r, &near, CW_E_QUOTA, "each: 1 calls at once");
    g_assert_cmpint(cw_ticket_move(r.quotas, &none, &ben, r.now, &r.retry_ms, r.why), ==, CW_OK);
    cw_ticket_return(ticket, r.now);
    refused(&r, &near, CW_E_QUOTA, "each: 2 calls a minute");
    cw_ticket_return(none, r.now);
    close_rig(&r);
}

static void test_call_length(void)
{
    rig r = open_rig("quota = ( { name = \"short\"; seconds_per_call = 60; } );");
    cw_spend anna = call_of("anna", "tel:+331");
    cw_ticket *ticket = must(&r, &anna);

    g_assert_cmpuint(cw_ticket_left(ticket, r.now + 90000, r.why), ==, UINT64_MAX); /* it rings */
    r.now += 90000;
    cw_ticket_answered(ticket, r.now);
    g_assert_cmpuint(cw_ticket_left(ticket, r.now, r.why), ==, 60000);
    g_assert_cmpuint(cw_ticket_left(ticket, r.now + 59999, r.why), ==, 1);
    g_assert_cmpuint(cw_ticket_left(ticket, r.now + 60000, r.why), ==, 0);
    g_assert_nonnull(strstr(r.why, "short"));
    cw_ticket_return(ticket, r.now + 60000);
    close_rig(&r);
}

/* Calls that run share what is left of the day; the next day brings all of it back. */
static void test_day(void)
{
    rig r = open_rig("quota = ( { name = \"day\"; minutes_per_day = 10; } );");
    cw_spend anna = call_of("anna", "tel:+331");
    cw_ticket *one = must(&r, &anna), *two;

    cw_ticket_answered(one, r.now);
    g_assert_cmpuint(cw_ticket_left(one, r.now, r.why), ==, 10 * MINUTE);
    r.now += 2 * MINUTE;
    two = must(&r, &anna);
    cw_ticket_answered(two, r.now);
    g_assert_cmpuint(cw_ticket_left(one, r.now, r.why), ==, 4 * MINUTE);
    g_assert_cmpuint(cw_ticket_left(two, r.now, r.why), ==, 4 * MINUTE);
    r.now += MINUTE;
    cw_ticket_return(one, r.now);
    g_assert_cmpuint(cw_ticket_left(two, r.now, r.why), ==, 6 * MINUTE);
    r.now += 6 * MINUTE;
    g_assert_cmpuint(cw_ticket_left(two, r.now, r.why), ==, 0);
    cw_ticket_return(two, r.now);
    refused(&r, &anna, CW_E_QUOTA, "day: its time for today");
    g_assert_cmpuint(r.retry_ms, ==, DAY - 9 * MINUTE);
    r.now += r.retry_ms;
    cw_ticket_return(must(&r, &anna), r.now);
    close_rig(&r);
}

/* A call over the end of the day pays each day's part to that day. */
static void test_midnight(void)
{
    rig r = open_rig("quota = ( { name = \"day\"; minutes_per_day = 1000; } );");
    cw_spend anna = call_of("anna", "tel:+331");
    cw_ticket *ticket = must(&r, &anna);
    g_autoptr(json_t) seen = NULL;

    cw_ticket_return(must(&r, &anna), r.now); /* the day begins */
    r.now += DAY - 30 * MINUTE;
    cw_ticket_answered(ticket, r.now);
    r.now += 40 * MINUTE;
    g_assert_cmpuint(cw_ticket_left(ticket, r.now, r.why), ==, 1000 * MINUTE);
    r.now += 5 * MINUTE;
    cw_ticket_return(ticket, r.now);
    seen = cw_quotas_json(r.quotas, r.now);
    g_assert_cmpint(json_integer_value(json_object_get(
                        json_array_get(json_object_get(seen, "callers"), 0), "seconds_today")),
                    ==, 5 * 60);
    close_rig(&r);
}

static void test_cost(void)
{
    rig r = open_rig("quota = ( { name = \"money\"; cost_per_day = 100; } );"
                     "rate = ( { prefix = \"+33\"; cost = 2; class = \"land\"; },"
                     "         { prefix = \"+336\"; cost = 10; class = \"mobile\"; } );");
    cw_spend land = call_of("anna", "tel:+331"), mobile = call_of("anna", "tel:+336123"),
             free = call_of("anna", "tel:+491"), web = call_of("anna", "user:ben");
    cw_ticket *a = must(&r, &land), *b = must(&r, &mobile);

    g_assert_cmpstr(cw_ticket_cost(a), ==, "land");
    g_assert_cmpstr(cw_ticket_cost(b), ==, "mobile");
    cw_ticket_answered(a, r.now);
    g_assert_cmpuint(cw_ticket_left(a, r.now, r.why), ==, 50 * MINUTE);
    cw_ticket_answered(b, r.now);
    g_assert_cmpuint(cw_ticket_left(b, r.now, r.why), ==, 500000); /* 100 / 12 of a minute */
    r.now += 5 * MINUTE;
    cw_ticket_return(b, r.now);
    g_assert_cmpuint(cw_ticket_left(a, r.now, r.why), ==, 20 * MINUTE);
    r.now += 20 * MINUTE;
    g_assert_cmpuint(cw_ticket_left(a, r.now, r.why), ==, 0);
    cw_ticket_return(a, r.now);
    refused(&r, &land, CW_E_QUOTA, "money: its money");
    cw_ticket_return(must(&r, &free), r.now);
    cw_ticket_return(must(&r, &web), r.now);
    close_rig(&r);
}

static void test_tokens(void)
{
    rig r = open_rig("rate = ( { prefix = \"+33\"; class = \"land\"; }, { prefix = \"+336\"; class "
                     "= \"mobile\"; } );");
    cw_call_limits login = { .at_once = 2, .cost = "land" };
    cw_call_grant grant = { .id = "g1", .uses = 2, .limits = { .at_once = 1, .seconds = 30 } };
    cw_spend spend = call_of("anna", "tel:+331");
    cw_ticket *a, *b;

    spend.limits = &login;
    a = must(&r, &spend);
    b = must(&r, &spend);
    refused(&r, &spend, CW_E_QUOTA, "log-in: 2 calls at once");
    cw_ticket_return(a, r.now);
    spend.target = "tel:+336";
    refused(&r, &spend, CW_E_FORBIDDEN, "class \"land\"");
    spend.target = "user:ben"; /* costs nothing */
    cw_ticket_return(must(&r, &spend), r.now);
    cw_ticket_return(b, r.now);

    grant.to.scope[0] = (char *)"tel:+331*";
    grant.to.n = 1;
    spend.target = "tel:+3312";
    spend.grant = &grant;
    a = must(&r, &spend);
    refused(&r, &spend, CW_E_QUOTA, "grant: 1 calls at once");
    cw_ticket_answered(a, r.now);
    g_assert_cmpuint(cw_ticket_left(a, r.now, r.why), ==, 30000);
    cw_ticket_return(a, r.now);
    spend.target = "tel:+3322";
    refused(&r, &spend, CW_E_FORBIDDEN, "not what the grant is for");
    spend.target = "tel:+3312";
    cw_ticket_return(must(&r, &spend), r.now);
    refused(&r, &spend, CW_E_QUOTA, "grant: it was for 2 calls");
    close_rig(&r);
}

/* Who is forgotten to make room has nothing left that bounds them. */
static void test_room(void)
{
    rig r = open_rig("limits: { callers_max = 16; };"
                     "quota = ( { name = \"day\"; minutes_per_day = 10; } );");
    cw_spend spend = call_of("x", "tel:+331");
    cw_ticket *ticket;

    for (unsigned i = 0; i < 16; i++) {
        g_autofree char *name = g_strdup_printf("u%u", i);

        spend.user = name;
        ticket = must(&r, &spend);
        cw_ticket_answered(ticket, r.now);
        cw_ticket_return(ticket, r.now + (i == 3 ? 0 : 1000)); /* u3 spent nothing */
    }
    spend.user = "late";
    refused(&r, &spend, CW_E_OVERLOAD, "too many callers");
    r.now += 2 * MINUTE;
    cw_ticket_return(must(&r, &spend), r.now);
    spend.user = "later";
    refused(&r, &spend, CW_E_OVERLOAD, "too many callers");
    r.now += DAY;
    cw_ticket_return(must(&r, &spend), r.now);
    close_rig(&r);
}

static void test_check(void)
{
    static const char *const bad[] = {
        "quota = ( { calls_at_once = 1; } );",
        "quota = ( { name = \"grant\"; } );",
        "quota = ( { name = \"a\"; per = \"day\"; } );",
        "quota = ( { name = \"a\"; }, { name = \"a\"; } );",
        "rate = ( { prefix = \"33\"; } );",
        "rate = ( { prefix = \"+3x\"; } );",
        "rate = ( { prefix = \"+33\"; class = \"123456789012345678901234567890123\"; } );",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = NULL;
        char why[128];
        cw_conf *conf;

        g_assert_cmpint(cw_conf_load("test", bad[i], &conf, &text), ==, CW_OK);
        g_assert_cmpint(cw_quotas_check(conf, why), ==, CW_E_CONF);
        g_assert_true(g_str_has_prefix(why, "test:1: "));
        cw_conf_free(conf);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quota/no-rows", test_no_rows);
    g_test_add_func("/quota/deny", test_deny);
    g_test_add_func("/quota/at-once", test_at_once);
    g_test_add_func("/quota/per-minute", test_per_minute);
    g_test_add_func("/quota/moved", test_moved);
    g_test_add_func("/quota/call-length", test_call_length);
    g_test_add_func("/quota/day", test_day);
    g_test_add_func("/quota/midnight", test_midnight);
    g_test_add_func("/quota/cost", test_cost);
    g_test_add_func("/quota/tokens", test_tokens);
    g_test_add_func("/quota/room", test_room);
    g_test_add_func("/quota/check", test_check);
    return g_test_run();
}
