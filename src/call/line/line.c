#include "call/line/line.h"

#include "base/log.h"
#include "call/line/place.h"
#include "sip/register.h"

#include <string.h>

struct cw_lines {
    cw_calls *calls;
    cw_sip *sip;
    size_t place_n;
    cw_place *places;
    GHashTable *by_user; /* cw_line.user to cw_line, owned */
};

struct cw_line {
    cw_lines *lines;
    cw_place *place;
    unsigned number; /* of the pool; 0: none */
    char *user;
    cw_sip_reg *reg;
    char *claimed;   /* SHA-256 of the claim it is by; NULL: by configuration */
    cw_timer *grace; /* until the binding is taken back; NULL: somebody is there */
};

/* ── Whose account ── */

static CW_ON_LOOP cw_place *place_of(const cw_lines *lines, const char *user)
{
    for (size_t i = 0; i < lines->place_n; i++)
        if (cw_place_has(&lines->places[i], user))
            return &lines->places[i];
    return NULL;
}

static void on_changed(void *arg);
static const cw_sip_reg_ops reg_ops = { .changed = on_changed };

/* ── By a token's claim ── */

static CW_ON_LOOP cw_place *place_of_claim(const cw_lines *lines, const char *user,
                                           const cw_sip_claim *claim)
{
    for (size_t i = 0; i < lines->place_n; i++)
        if (cw_place_lets(&lines->places[i], user, claim))
            return &lines->places[i];
    return NULL;
}

/* To know the same again; no secret is kept for that. */
static char *digest_of(const cw_sip_claim *claim)
{
    return claim ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)claim,
                                               sizeof *claim)
                 : NULL;
}

cw_err cw_lines_judge(const cw_lines *lines, const cw_identity *who)
{
    if (!who->sip || place_of_claim(lines, who->user, who->sip))
        return CW_OK;
    cw_log(CW_LOG_WARN, CW_MOD_CALL, "registration.not-allowed", "user", who->user, "registrar",
           who->sip->registrar, "account", who->sip->account, "identity", who->sip->identity, NULL);
    return CW_E_FORBIDDEN;
}

/* ── Life ── */

static void line_free(void *data)
{
    cw_line *line = data;

    cw_assert_on_loop();
    cw_sip_reg_leave(line->reg);
    cw_place_return(line->place, line->number);
    cw_timer_free(line->grace);
    g_free(line->claimed);
    g_free(line->user);
    g_free(line);
}

static CW_ON_LOOP void begin(cw_lines *lines, cw_place *p, const char *user,
                             const cw_sip_claim *claim)
{
    cw_line *line = g_new0(cw_line, 1);
    cw_err err;

    line->lines = lines;
    line->place = p;
    line->user = g_strdup(user);
    line->claimed = digest_of(claim);
    err = claim ? cw_place_enroll_claim(p, user, claim, &reg_ops, line, &line->reg)
                : cw_place_lend(p, &line->number);
    if (!err && !claim)
        err = cw_place_enroll(p, user, line->number, &reg_ops, line, &line->reg);
    if (err) {
        cw_log(CW_LOG_ERROR, CW_MOD_CALL, "registration.unusable", "user", user, "error",
               cw_err_kind(err), NULL);
        line_free(line);
        return;
    }
    g_hash_table_insert(lines->by_user, line->user, line);
}

/* The user's line, unless a claim wants another one: that ends it. */
static CW_ON_LOOP cw_line *line_for(cw_lines *lines, const char *user, const cw_sip_claim *claim)
{
    cw_line *line = g_hash_table_lookup(lines->by_user, user);
    g_autofree char *digest = digest_of(claim);

    if (line && claim && g_strcmp0(line->claimed, digest)) {
        g_hash_table_remove(lines->by_user, user);
        line = NULL;
    }
    return line;
}

void cw_lines_came(cw_lines *lines, const char *user, const cw_sip_claim *claim)
{
    cw_line *line = line_for(lines, user, claim);
    cw_place *p;
    cw_sip_reg_info info;

    if (!line) {
        p = claim ? place_of_claim(lines, user, claim) : place_of(lines, user);
        if (p && p->where)
            begin(lines, p, user, claim);
        return;
    }
    g_clear_pointer(&line->grace, cw_timer_free);
    cw_sip_reg_info_of(line->reg, &info);
    if (info.status == CW_SIP_REG_REFUSED) /* perhaps it was put right meanwhile */
        cw_sip_reg_again(line->reg);
}

static void on_grace(void *arg)
{
    cw_line *line = arg;

    cw_assert_on_loop();
    g_hash_table_remove(line->lines->by_user, line->user);
}

void cw_lines_went(cw_lines *lines, const char *user, unsigned others)
{
    cw_line *line = g_hash_table_lookup(lines->by_user, user);

    if (!line || others > 0 || line->grace)
        return;
    line->grace = cw_timer_new(lines->calls->loop, on_grace, line);
    cw_timer_start(line->grace, (uint64_t)line->place->conf->grace_s * 1000);
}

/* ── What it says ── */

static const char *state_name(cw_sip_reg_status status)
{
    switch (status) {
    case CW_SIP_REG_TRYING:
        return "registering";
    case CW_SIP_REG_ON:
        return "registered";
    default:
        return "failed";
    }
}

static json_t *strings(const char *const *list)
{
    json_t *all = json_array();

    for (; list && *list; list++)
        json_array_append_new(all, json_string(*list));
    return all;
}

json_t *cw_lines_state(const cw_lines *lines, const char *user)
{
    const cw_line *line = g_hash_table_lookup(lines->by_user, user);
    cw_sip_reg_info info;
    json_t *state;

    if (!line)
        return json_pack("{s:s}", "state", "none");
    cw_sip_reg_info_of(line->reg, &info);
    state = json_pack("{s:s s:s}", "state", state_name(info.status), "identity", info.identity);
    if (info.status == CW_SIP_REG_ON) {
        json_object_set_new(state, "expires_s", json_integer(info.expires_s));
        return state;
    }
    if (info.status == CW_SIP_REG_TRYING)
        return state;
    json_object_set_new(state, "reason", json_string(cw_err_kind(info.err)));
    if (info.sip_status)
        json_object_set_new(state, "status", json_integer(info.sip_status));
    json_object_set_new(state, "again", json_boolean(info.status == CW_SIP_REG_FAILED));
    return state;
}

/* The network took the registration away: what goes by it is not ours any more (3GPP
 * TS 24.229 5.1.1.7). */
static CW_ON_LOOP void end_calls(const cw_line *line)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, line->lines->calls->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        cw_call *call = value;

        if (g_strcmp0(call->line_user, line->user) == 0)
            cw_call_end(call, &(cw_cause){ .err = CW_E_DEREGISTERED });
    }
}

static void on_changed(void *arg)
{
    const cw_line *line = arg;
    const cw_user *user;
    cw_sip_reg_info info;

    cw_assert_on_loop();
    cw_sip_reg_info_of(line->reg, &info);
    if (info.err == CW_E_DEREGISTERED)
        end_calls(line);
    user = cw_calls_user(line->lines->calls, line->user);
    for (guint i = 0; user && i < user->clients->len; i++)
        cw_client_notify(user->clients->pdata[i], "session.registration",
                         cw_lines_state(line->lines, line->user));
}

static CW_ON_LOOP json_t *line_json(const cw_line *line)
{
    const cw_user *user = cw_calls_user(line->lines->calls, line->user);
    uint64_t now = cw_now_ms();
    cw_sip_reg_info info;
    json_t *one;

    cw_sip_reg_info_of(line->reg, &info);
    one = json_pack("{s:s s:s s:s s:s s:s s:i s:I s:I}", "user", line->user, "registrar",
                    line->place->conf->name, "state", state_name(info.status), "identity",
                    info.identity, "contact", info.contact, "sessions",
                    user ? (int)user->clients->len : 0, "requests", (json_int_t)info.requests,
                    "accepted", (json_int_t)info.accepted);
    if (info.status == CW_SIP_REG_ON)
        json_object_set_new(
            one, "expires_ms",
            json_integer(info.until_ms > now ? (json_int_t)(info.until_ms - now) : 0));
    if (info.retry_ms > now)
        json_object_set_new(one, "retry_ms", json_integer((json_int_t)(info.retry_ms - now)));
    if (info.err)
        json_object_set_new(
            one, "last_error",
            json_pack("{s:s s:i}", "kind", cw_err_kind(info.err), "sip", info.sip_status));
    return one;
}

/* One of them alone has room for more. */
static CW_ON_LOOP json_t *whole_line_json(const cw_line *line)
{
    json_t *one = line_json(line);
    cw_sip_target target = { 0 };
    cw_sip_reg_info info;

    cw_sip_reg_info_of(line->reg, &info);
    cw_sip_reg_target(line->reg, &target);
    json_object_set_new(one, "expires_s", json_integer(info.expires_s));
    json_object_set_new(one, "associated", strings(info.associated));
    json_object_set_new(one, "route", strings(target.route));
    if (info.gruu)
        json_object_set_new(one, "gruu", json_string(info.gruu));
    if (info.temp_gruu)
        json_object_set_new(one, "temp_gruu", json_string(info.temp_gruu));
    return one;
}

json_t *cw_lines_json(const cw_lines *lines, const char *user)
{
    const cw_line *line = user ? g_hash_table_lookup(lines->by_user, user) : NULL;
    GHashTableIter iter;
    void *value;
    json_t *all;

    if (user)
        return line ? whole_line_json(line) : NULL;
    all = json_array();
    g_hash_table_iter_init(&iter, lines->by_user);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        json_array_append_new(all, line_json(value));
    return all;
}

/* ── Calls in ── */

bool cw_lines_trusted(const cw_lines *lines, const cw_addr *source)
{
    for (size_t i = 0; i < lines->place_n; i++)
        if (cw_place_may_call(&lines->places[i], source))
            return true;
    return false;
}

const cw_line *cw_lines_called(const cw_lines *lines, const char *ruri_user)
{
    return lines->sip ? cw_sip_reg_find(lines->sip, ruri_user) : NULL;
}

const char *cw_line_user(const cw_line *line)
{
    return line->user;
}

char *cw_line_identity(const cw_line *line)
{
    cw_sip_reg_info info;
    cw_sip_target target = { 0 };
    cw_number number;

    cw_sip_reg_info_of(line->reg, &info);
    cw_sip_reg_target(line->reg, &target);
    return cw_number_read(target.from_user, &number) ? g_strdup_printf("tel:%s", number.text)
                                                     : g_strdup(info.identity);
}

/* ── Calls out ── */

static bool is_registered(const cw_line *line) CW_ON_LOOP
{
    cw_sip_reg_info info;

    cw_sip_reg_info_of(line->reg, &info);
    return info.status == CW_SIP_REG_ON;
}

/* Is the line for this call? Of numbers the longest prefix decides, then the line before a trunk.
 */
static CW_ON_LOOP bool is_for(const cw_line *line, const cw_route *route)
{
    const struct cw_conf_registrar *conf = line->place->conf;
    int ours;

    if (!route->number)
        return route->kind == CW_ROUTE_SIP && route->ruri &&
               cw_place_takes(line->place, route->ruri);
    ours = cw_route_prefix(conf->prefixes, route->number);
    return ours >= 0 &&
           (!route->trunk || ours >= cw_route_prefix(route->trunk->prefixes, route->number));
}

/* A number as the far side takes it: an IMS core a tel: URI (3GPP TS 24.229 5.1.2A.1.2, RFC 3966).
 */
static CW_ON_LOOP char *ruri_of(const cw_line *line, const char *number)
{
    const struct cw_conf_registrar *conf = line->place->conf;

    if (!cw_place_is_ims(line->place))
        return g_strdup_printf("sip:%s@%s", number, conf->domain);
    return *number == '+' ? g_strdup_printf("tel:%s", number)
                          : g_strdup_printf("tel:%s;phone-context=%s", number, conf->domain);
}

cw_err cw_lines_lead(cw_lines *lines, const char *user, cw_route *route, cw_err err,
                     char why[static 128])
{
    cw_line *line = g_hash_table_lookup(lines->by_user, user);
    const struct cw_conf_registrar *conf;

    if (!line || (err && !route->number) || !is_for(line, route))
        return err;
    conf = line->place->conf;
    if (!is_registered(line)) {
        if (!err && route->trunk)
            return err;
        g_snprintf(why, 128, "you are not registered at %.80s now", conf->domain);
        return CW_E_UNAVAILABLE;
    }
    if (route->number) {
        g_free(route->ruri);
        route->ruri = ruri_of(line, route->number);
    }
    route->kind = CW_ROUTE_SIP;
    route->trunk = line->place->manner;
    route->line = line;
    return CW_OK;
}

const struct cw_conf_trunk *cw_line_manner(const cw_line *line)
{
    return line->place->manner;
}

void cw_line_target(const cw_line *line, cw_sip_target *target)
{
    cw_sip_reg_target(line->reg, target);
}

/* ── Made ── */

cw_lines *cw_lines_new(cw_calls *calls)
{
    cw_lines *lines = g_new0(cw_lines, 1);

    lines->calls = calls;
    lines->place_n = calls->conf->registrar_n;
    lines->places = g_new0(cw_place, lines->place_n);
    lines->by_user = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, line_free);
    for (size_t i = 0; i < lines->place_n; i++)
        cw_place_init(&lines->places[i], calls->conf, i);
    return lines;
}

void cw_lines_use(cw_lines *lines, cw_sip *sip)
{
    lines->sip = sip;
    for (size_t i = 0; sip && i < lines->place_n; i++)
        cw_place_use(&lines->places[i], sip);
}

void cw_lines_free(cw_lines *lines)
{
    if (!lines)
        return;
    g_hash_table_destroy(lines->by_user);
    for (size_t i = 0; i < lines->place_n; i++)
        cw_place_clear(&lines->places[i]);
    g_free(lines->places);
    g_free(lines);
}

/* ── Checked ── */

cw_err cw_lines_check(const cw_conf *conf, char why[static 128])
{
    cw_err err = CW_OK;

    for (size_t i = 0; !err && i < conf->registrar_n; i++)
        err = cw_place_check(conf, i, why);
    return err;
}
