#include "call/line/line.h"

#include "base/log.h"
#include "call/line/account.h"
#include "sip/register.h"

#include <string.h>

/* A record of the configuration. */
typedef struct place {
    const struct cw_conf_registrar *conf;
    GHashTable *accounts;    /* user to cw_account; NULL: none */
    cw_sip_registrar *where; /* NULL: no stack yet */
} place;

struct cw_lines {
    cw_calls *calls;
    cw_sip *sip;
    size_t place_n;
    place *places;
    GHashTable *by_user; /* cw_line.user to cw_line, owned */
};

struct cw_line {
    cw_lines *lines;
    const place *place;
    char *user;
    cw_sip_reg *reg;
    cw_timer *grace; /* until the binding is taken back; NULL: somebody is there */
};

/* ── Whose account ── */

static bool fits(const char *pattern, const char *user)
{
    size_t len = strlen(pattern);

    if (len > 0 && pattern[len - 1] == '*')
        return strncmp(pattern, user, len - 1) == 0;
    return strcmp(pattern, user) == 0;
}

static const cw_account *account_of(const place *p, const char *user)
{
    return p->accounts ? g_hash_table_lookup(p->accounts, user) : NULL;
}

static const place *place_of(const cw_lines *lines, const char *user)
{
    for (size_t i = 0; i < lines->place_n; i++) {
        const place *p = &lines->places[i];

        if (account_of(p, user))
            return p;
        for (char **pattern = p->conf->users; pattern && *pattern; pattern++)
            if (fits(*pattern, user))
                return p;
    }
    return NULL;
}

/* `text` with the user's name in place of "$"; g_free it. */
static char *fill_in(const char *text, const char *user)
{
    const char *at = strchr(text, '$');

    return at ? g_strdup_printf("%.*s%s%s", (int)(at - text), text, user, at + 1) : g_strdup(text);
}

/* Challenges are answered for this realm only. */
static char *realm_of(const struct cw_conf_registrar *conf)
{
    return conf->realm ? g_strdup(conf->realm)
                       : g_strndup(conf->domain, strcspn(conf->domain, ":"));
}

static void on_changed(void *arg);
static const cw_sip_reg_ops reg_ops = { .changed = on_changed };

static CW_ON_LOOP cw_err enroll(cw_line *line, const cw_sip_reg_conf *who)
{
    return cw_sip_reg_new(line->place->where, who, &reg_ops, line, &line->reg);
}

static CW_ON_LOOP cw_err enroll_account(cw_line *line, const cw_account *account)
{
    g_autofree char *realm = realm_of(line->place->conf);
    bool digest = account->password || account->ha1_md5 || account->ha1_sha256 || account->aka_k;
    cw_sip_reg_conf who = { .name = line->user, .user = account->identity };

    if (digest)
        who.credentials = (cw_sip_credentials){ .username = account->username,
                                                .password = account->password,
                                                .realm = account->realm ?: realm,
                                                .ha1_md5 = account->ha1_md5,
                                                .ha1_sha256 = account->ha1_sha256,
                                                .aka_k = account->aka_k,
                                                .aka_op = account->aka_op,
                                                .aka_opc = account->aka_opc };
    return enroll(line, &who);
}

static CW_ON_LOOP cw_err enroll_template(cw_line *line)
{
    const struct cw_conf_registrar *conf = line->place->conf;
    g_autofree char *realm = realm_of(conf), *identity = fill_in(conf->identity, line->user);
    g_autofree char *username = fill_in(conf->username, line->user);
    cw_sip_reg_conf who = { .name = line->user, .user = identity };

    if (conf->password)
        who.credentials = (cw_sip_credentials){ .username = username,
                                                .password = conf->password,
                                                .realm = realm };
    return enroll(line, &who);
}

/* ── Life ── */

static void line_free(void *data)
{
    cw_line *line = data;

    cw_assert_on_loop();
    cw_sip_reg_leave(line->reg);
    cw_timer_free(line->grace);
    g_free(line->user);
    g_free(line);
}

static CW_ON_LOOP void begin(cw_lines *lines, const place *p, const char *user)
{
    const cw_account *account = account_of(p, user);
    cw_line *line = g_new0(cw_line, 1);
    cw_err err;

    line->lines = lines;
    line->place = p;
    line->user = g_strdup(user);
    err = account ? enroll_account(line, account) : enroll_template(line);
    if (err) {
        cw_log(CW_LOG_ERROR, CW_MOD_CALL, "registration.unusable", "user", user, "error",
               cw_err_kind(err), NULL);
        line_free(line);
        return;
    }
    g_hash_table_insert(lines->by_user, line->user, line);
}

void cw_lines_came(cw_lines *lines, const char *user)
{
    cw_line *line = g_hash_table_lookup(lines->by_user, user);
    const place *p = line ? NULL : place_of(lines, user);
    cw_sip_reg_info info;

    if (p && p->where)
        begin(lines, p, user);
    if (!line)
        return;
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

static void on_changed(void *arg)
{
    const cw_line *line = arg;
    const cw_user *user;

    cw_assert_on_loop();
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
        if (lines->places[i].where && cw_sip_registrar_is(lines->places[i].where, source))
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

static bool takes_host(const struct cw_conf_registrar *conf, const char *ruri)
{
    const char *at = strchr(ruri, '@');
    g_autofree char *host = at ? g_strndup(at + 1, strcspn(at + 1, ";?")) : NULL;

    if (!host)
        return false;
    if (g_ascii_strcasecmp(host, conf->domain) == 0)
        return true;
    for (char **h = conf->hosts; h && *h; h++)
        if (strcmp(*h, "*") == 0 || g_ascii_strcasecmp(*h, host) == 0)
            return true;
    return false;
}

/* Is the line for this call? Of numbers the longest prefix decides, then the line before a trunk.
 */
static bool is_for(const cw_line *line, const cw_route *route)
{
    const struct cw_conf_registrar *conf = line->place->conf;
    int ours;

    if (!route->number)
        return route->kind == CW_ROUTE_SIP && route->ruri && takes_host(conf, route->ruri);
    ours = cw_route_prefix(conf->prefixes, route->number);
    return ours >= 0 &&
           (!route->trunk || ours >= cw_route_prefix(route->trunk->prefixes, route->number));
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
        route->ruri = g_strdup_printf("sip:%s@%s", route->number, conf->domain);
    }
    route->kind = CW_ROUTE_SIP;
    route->trunk = NULL;
    route->line = line;
    return CW_OK;
}

void cw_line_target(const cw_line *line, cw_sip_target *target)
{
    cw_sip_reg_target(line->reg, target);
}

/* ── Made ── */

static cw_sip_transport transport_of(const struct cw_conf_registrar *conf)
{
    cw_sip_transport transport = CW_SIP_UDP;

    return cw_sip_transport_parse(conf->transport, strlen(conf->transport), &transport) ? CW_SIP_UDP
                                                                                        : transport;
}

static cw_sip_registrar_conf sip_conf(const struct cw_conf_registrar *conf)
{
    return (cw_sip_registrar_conf){
        .domain = conf->domain,
        .proxy = conf->proxy,
        .transport = transport_of(conf),
        .expires_s = (unsigned)conf->expires_s,
        .retry_s = (unsigned)conf->retry_s,
        .retry_max_s = (unsigned)conf->retry_max_s,
        .outbound = conf->outbound,
        .gruu = conf->gruu,
    };
}

cw_lines *cw_lines_new(cw_calls *calls)
{
    cw_lines *lines = g_new0(cw_lines, 1);
    char why[128];

    lines->calls = calls;
    lines->place_n = calls->conf->registrar_n;
    lines->places = g_new0(place, lines->place_n);
    lines->by_user = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, line_free);
    for (size_t i = 0; i < lines->place_n; i++) {
        place *p = &lines->places[i];

        p->conf = &calls->conf->registrar[i];
        if (p->conf->accounts && cw_accounts_load(p->conf->accounts, &p->accounts, why))
            cw_log(CW_LOG_ERROR, CW_MOD_CALL, "registrar.unusable", "registrar", p->conf->name,
                   "why", why, NULL);
    }
    return lines;
}

void cw_lines_use(cw_lines *lines, cw_sip *sip)
{
    lines->sip = sip;
    for (size_t i = 0; sip && i < lines->place_n; i++) {
        place *p = &lines->places[i];
        cw_sip_registrar_conf conf = sip_conf(p->conf);

        if (cw_sip_registrar_new(sip, &conf, &p->where)) {
            cw_log(CW_LOG_ERROR, CW_MOD_CALL, "registrar.unusable", "registrar", p->conf->name,
                   NULL);
            continue;
        }
        cw_sip_registrar_look(p->where);
    }
}

void cw_lines_free(cw_lines *lines)
{
    if (!lines)
        return;
    g_hash_table_destroy(lines->by_user);
    for (size_t i = 0; i < lines->place_n; i++) {
        cw_sip_registrar_free(lines->places[i].where);
        g_clear_pointer(&lines->places[i].accounts, g_hash_table_destroy);
    }
    g_free(lines->places);
    g_free(lines);
}

/* ── Checked ── */

#define WHY(why, ...) (g_snprintf(why, 128, __VA_ARGS__), CW_E_CONF)

static cw_err check_place(const cw_conf *conf, size_t i, char why[static 128])
{
    const struct cw_conf_registrar *r = &conf->registrar[i];
    GHashTable *accounts = NULL;
    char said[128] = "";
    cw_sip_transport ignored;

    if (!r->name || !*r->name)
        return WHY(why, "registrar %zu: name is missing", i + 1);
    if (!r->domain || !*r->domain)
        return WHY(why, "registrar \"%.40s\": domain is missing", r->name);
    if (cw_sip_transport_parse(r->transport, strlen(r->transport), &ignored))
        return WHY(why, "registrar \"%.40s\": transport must be udp, tcp or tls", r->name);
    if (!r->accounts && (!r->users || !*r->users))
        return WHY(why, "registrar \"%.40s\": neither accounts nor users", r->name);
    if (r->retry_max_s < r->retry_s)
        return WHY(why, "registrar \"%.40s\": retry_max_s is below retry_s", r->name);
    for (size_t other = 0; other < i; other++)
        if (strcmp(conf->registrar[other].name, r->name) == 0)
            return WHY(why, "registrar \"%.40s\": two of this name", r->name);
    if (!r->accounts)
        return CW_OK;
    if (cw_accounts_load(r->accounts, &accounts, said))
        return WHY(why, "registrar \"%.20s\": accounts: %.80s", r->name, said);
    g_hash_table_destroy(accounts);
    return CW_OK;
}

cw_err cw_lines_check(const cw_conf *conf, char why[static 128])
{
    cw_err err = CW_OK;

    for (size_t i = 0; !err && i < conf->registrar_n; i++)
        err = check_place(conf, i, why);
    return err;
}
