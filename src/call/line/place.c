#include "call/line/place.h"

#include "base/log.h"
#include "call/route/net.h"

#include <string.h>

/* ── Whose account ── */

static bool fits(const char *pattern, const char *user)
{
    size_t len = strlen(pattern);

    if (len > 0 && pattern[len - 1] == '*')
        return strncmp(pattern, user, len - 1) == 0;
    return strcmp(pattern, user) == 0;
}

static const cw_account *account_of(const cw_place *p, const char *user)
{
    return p->accounts ? g_hash_table_lookup(p->accounts, user) : NULL;
}

bool cw_place_has(const cw_place *p, const char *user)
{
    if (account_of(p, user))
        return true;
    for (char **pattern = p->conf->users; pattern && *pattern; pattern++)
        if (fits(*pattern, user))
            return true;
    return false;
}

cw_err cw_place_lend(cw_place *p, unsigned *ret)
{
    *ret = 0;
    for (guint i = 0; p->lent && i < p->lent->len && !*ret; i++)
        if (!g_array_index(p->lent, bool, i)) {
            g_array_index(p->lent, bool, i) = true;
            *ret = i + 1;
        }
    return p->lent && !*ret ? CW_E_OVERLOAD : CW_OK;
}

void cw_place_return(cw_place *p, unsigned number)
{
    if (number)
        g_array_index(p->lent, bool, number - 1) = false;
}

/* ── Registered ── */

/* `text` with what stands for "$" in its place; g_free it. */
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

static CW_ON_LOOP cw_err enroll_account(const cw_place *p, const char *user,
                                        const cw_account *account, const cw_sip_reg_ops *ops,
                                        void *arg, cw_sip_reg **ret)
{
    g_autofree char *realm = realm_of(p->conf);
    bool digest = account->password || account->ha1_md5 || account->ha1_sha256 || account->aka_k;
    cw_sip_reg_conf who = { .name = user,
                            .user = account->identity,
                            .private_identity = account->username };

    if (digest)
        who.credentials = (cw_sip_credentials){ .username = account->username,
                                                .password = account->password,
                                                .realm = account->realm ?: realm,
                                                .ha1_md5 = account->ha1_md5,
                                                .ha1_sha256 = account->ha1_sha256,
                                                .aka_k = account->aka_k,
                                                .aka_op = account->aka_op,
                                                .aka_opc = account->aka_opc };
    return cw_sip_reg_new(p->where, &who, ops, arg, ret);
}

static CW_ON_LOOP cw_err enroll_template(const cw_place *p, const char *user, unsigned number,
                                         const cw_sip_reg_ops *ops, void *arg, cw_sip_reg **ret)
{
    const struct cw_conf_registrar *conf = p->conf;
    g_autofree char *drawn = g_strdup_printf("%04u", number);
    const char *stands = p->lent ? drawn : user;
    g_autofree char *realm = realm_of(conf), *identity = fill_in(conf->identity, stands);
    g_autofree char *username = fill_in(conf->username, stands);
    cw_sip_reg_conf who = { .name = stands, .user = identity, .private_identity = username };

    if (conf->password)
        who.credentials = (cw_sip_credentials){ .username = username,
                                                .password = conf->password,
                                                .realm = realm };
    return cw_sip_reg_new(p->where, &who, ops, arg, ret);
}

cw_err cw_place_enroll(const cw_place *p, const char *user, unsigned number,
                       const cw_sip_reg_ops *ops, void *arg, cw_sip_reg **ret)
{
    const cw_account *account = account_of(p, user);

    return account ? enroll_account(p, user, account, ops, arg, ret)
                   : enroll_template(p, user, number, ops, arg, ret);
}

/* ── By a token's claim ── */

/* NULL: a line of the accounts that there is not. */
static const char *claimed_identity(const cw_place *p, const char *user, const cw_sip_claim *claim)
{
    const cw_account *account = *claim->account ? account_of(p, claim->account) : NULL;

    if (*claim->account)
        return account ? account->identity : NULL;
    return *claim->identity ? claim->identity : user;
}

bool cw_place_lets(const cw_place *p, const char *user, const cw_sip_claim *claim)
{
    const char *identity = claimed_identity(p, user, claim);

    if (!identity || (*claim->registrar && strcmp(claim->registrar, p->conf->name)))
        return false;
    for (char **pattern = p->conf->tokens; pattern && *pattern; pattern++) {
        g_autofree char *full = fill_in(*pattern, user);

        if (fits(full, identity))
            return true;
    }
    return false;
}

cw_err cw_place_enroll_claim(const cw_place *p, const char *user, const cw_sip_claim *claim,
                             const cw_sip_reg_ops *ops, void *arg, cw_sip_reg **ret)
{
    g_autofree char *realm = realm_of(p->conf);
    const char *identity = claimed_identity(p, user, claim);
    const char *username = *claim->username ? claim->username : identity;
    cw_sip_reg_conf who = { .name = user, .user = identity, .private_identity = username };

    if (*claim->account)
        return enroll_account(p, user, account_of(p, claim->account), ops, arg, ret);
    if (*claim->ha1_md5 || *claim->ha1_sha256)
        who.credentials = (cw_sip_credentials){
            .username = username,
            .realm = realm,
            .ha1_md5 = *claim->ha1_md5 ? claim->ha1_md5 : NULL,
            .ha1_sha256 = *claim->ha1_sha256 ? claim->ha1_sha256 : NULL,
        };
    return cw_sip_reg_new(p->where, &who, ops, arg, ret);
}

/* ── Whose calls ── */

bool cw_place_may_call(const cw_place *p, const cw_addr *source)
{
    if (p->where && cw_sip_registrar_is(p->where, source))
        return true;
    for (guint i = 0; i < p->core->len; i++)
        if (cw_net_has(&g_array_index(p->core, cw_net, i), source))
            return true;
    return false;
}

static cw_sip_access access_of(const struct cw_conf_registrar *conf)
{
    return strcmp(conf->access, "gm") == 0   ? CW_SIP_ACCESS_GM
           : strcmp(conf->access, "mw") == 0 ? CW_SIP_ACCESS_MW
                                             : CW_SIP_ACCESS_NONE;
}

bool cw_place_is_ims(const cw_place *p)
{
    return access_of(p->conf) != CW_SIP_ACCESS_NONE;
}

bool cw_place_takes(const cw_place *p, const char *ruri)
{
    const char *at = strchr(ruri, '@');
    g_autofree char *host = at ? g_strndup(at + 1, strcspn(at + 1, ";?")) : NULL;

    if (!host)
        return false;
    if (g_ascii_strcasecmp(host, p->conf->domain) == 0)
        return true;
    for (char **h = p->conf->hosts; h && *h; h++)
        if (strcmp(*h, "*") == 0 || g_ascii_strcasecmp(*h, host) == 0)
            return true;
    return false;
}

/* ── Made ── */

static cw_sip_transport transport_of(const struct cw_conf_registrar *conf)
{
    cw_sip_transport transport = CW_SIP_UDP;

    return cw_sip_transport_parse(conf->transport, strlen(conf->transport), &transport) ? CW_SIP_UDP
                                                                                        : transport;
}

static const struct cw_conf_trunk *trunk_named(const cw_conf *conf, const char *name)
{
    for (size_t i = 0; name && i < conf->trunk_n; i++)
        if (strcmp(conf->trunk[i].name, name) == 0)
            return &conf->trunk[i];
    return NULL;
}

void cw_place_init(cw_place *p, const cw_conf *conf, size_t i)
{
    char why[128];

    p->conf = &conf->registrar[i];
    p->manner = trunk_named(conf, p->conf->trunk);
    p->core = g_array_new(FALSE, FALSE, sizeof(cw_net));
    for (char **text = p->conf->core; text && *text; text++) {
        cw_net net;

        if (cw_net_parse(*text, &net) == CW_OK)
            g_array_append_val(p->core, net);
    }
    if (p->conf->pool > 0) {
        p->lent = g_array_new(FALSE, TRUE, sizeof(bool));
        g_array_set_size(p->lent, (guint)p->conf->pool);
    }
    if (p->conf->accounts && cw_accounts_load(p->conf->accounts, &p->accounts, why))
        cw_log(CW_LOG_ERROR, CW_MOD_CALL, "registrar.unusable", "registrar", p->conf->name, "why",
               why, NULL);
}

void cw_place_use(cw_place *p, cw_sip *sip)
{
    const struct cw_conf_registrar *conf = p->conf;
    const cw_sip_registrar_conf how = {
        .domain = conf->domain,
        .proxy = conf->proxy,
        .transport = transport_of(conf),
        .expires_s = (unsigned)conf->expires_s,
        .retry_s = (unsigned)conf->retry_s,
        .retry_max_s = (unsigned)conf->retry_max_s,
        .outbound = conf->outbound,
        .gruu = conf->gruu,
        .realm = conf->realm,
        .ims = { .access = access_of(conf),
                 .visited = conf->visited_network,
                 .network = conf->access_network,
                 .services = (const char *const *)conf->services,
                 .vouched = conf->vouched },
    };

    if (cw_sip_registrar_new(sip, &how, &p->where)) {
        cw_log(CW_LOG_ERROR, CW_MOD_CALL, "registrar.unusable", "registrar", conf->name, NULL);
        return;
    }
    cw_sip_registrar_look(p->where);
}

void cw_place_clear(cw_place *p)
{
    cw_sip_registrar_free(p->where);
    g_clear_pointer(&p->accounts, g_hash_table_destroy);
    g_clear_pointer(&p->core, g_array_unref);
    g_clear_pointer(&p->lent, g_array_unref);
}

/* ── Checked ── */

#define WHY(why, ...) (g_snprintf(why, 128, __VA_ARGS__), CW_E_CONF)

static cw_err check_core(const struct cw_conf_registrar *r, char why[static 128])
{
    cw_net net;

    for (char **text = r->core; text && *text; text++)
        if (cw_net_parse(*text, &net))
            return WHY(why, "registrar \"%.40s\": core: no address or network: %.40s", r->name,
                       *text);
    return CW_OK;
}

static cw_err check_ims(const cw_conf *conf, const struct cw_conf_registrar *r,
                        char why[static 128])
{
    static const char *const words[] = { "sip", "gm", "mw", NULL };

    if (!g_strv_contains(words, r->access))
        return WHY(why, "registrar \"%.40s\": access must be sip, gm or mw", r->name);
    if (r->vouched && access_of(r) != CW_SIP_ACCESS_MW)
        return WHY(why, "registrar \"%.40s\": vouched is for access mw", r->name);
    if (r->vouched && r->password)
        return WHY(why, "registrar \"%.40s\": vouched and a password", r->name);
    if (access_of(r) != CW_SIP_ACCESS_NONE && !r->proxy)
        return WHY(why, "registrar \"%.40s\": proxy is missing: the %s", r->name,
                   access_of(r) == CW_SIP_ACCESS_MW ? "I-CSCF" : "P-CSCF");
    if (r->trunk && !trunk_named(conf, r->trunk))
        return WHY(why, "registrar \"%.40s\": no trunk \"%.40s\"", r->name, r->trunk);
    if (r->pool && !strchr(r->identity, '$'))
        return WHY(why, "registrar \"%.40s\": pool, and no $ in identity", r->name);
    return check_core(r, why);
}

static cw_err check_accounts(const struct cw_conf_registrar *r, char why[static 128])
{
    GHashTable *accounts = NULL;
    char said[128] = "";

    if (!r->accounts)
        return CW_OK;
    if (cw_accounts_load(r->accounts, &accounts, said))
        return WHY(why, "registrar \"%.20s\": accounts: %.80s", r->name, said);
    g_hash_table_destroy(accounts);
    return CW_OK;
}

cw_err cw_place_check(const cw_conf *conf, size_t i, char why[static 128])
{
    const struct cw_conf_registrar *r = &conf->registrar[i];
    cw_sip_transport ignored;
    cw_err err;

    if (!r->name || !*r->name)
        return WHY(why, "registrar %zu: name is missing", i + 1);
    if (!r->domain || !*r->domain)
        return WHY(why, "registrar \"%.40s\": domain is missing", r->name);
    if (cw_sip_transport_parse(r->transport, strlen(r->transport), &ignored))
        return WHY(why, "registrar \"%.40s\": transport must be udp, tcp or tls", r->name);
    if (!r->accounts && (!r->users || !*r->users) && (!r->tokens || !*r->tokens))
        return WHY(why, "registrar \"%.40s\": neither accounts, users nor tokens", r->name);
    if (r->retry_max_s < r->retry_s)
        return WHY(why, "registrar \"%.40s\": retry_max_s is below retry_s", r->name);
    for (size_t other = 0; other < i; other++)
        if (strcmp(conf->registrar[other].name, r->name) == 0)
            return WHY(why, "registrar \"%.40s\": two of this name", r->name);
    err = check_ims(conf, r, why);
    return err ? err : check_accounts(r, why);
}
