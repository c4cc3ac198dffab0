/* register.c - the registration: its table, its timer, the public calls. */
#include "sip/register/ims.h"

#include "base/ident.h"
#include "base/log.h"
#include "sip/text/uri.h"

#include <string.h>

#define REFRESH_MIN_MS 500u /* however little the registrar grants */

/* --- the table --- */

typedef void action(cw_sip_reg *reg);

static const struct {
    cw_sip_reg_state from;
    cw_sip_reg_event event;
    cw_sip_reg_state to;
    action *action;
} table[] = {
#define MOVE(from, event, to, action)                                                              \
    { REG_##from, REG_EV_##event, REG_##to, cw_sip_reg_do_##action },
#include "sip/register/register.fsm"
#undef MOVE
};

void cw_sip_reg_run(cw_sip_reg *reg, cw_sip_reg_event event)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].from != reg->state || table[i].event != event)
            continue;
        reg->state = table[i].to;
        table[i].action(reg);
        if (table[i].to == REG_DONE) {
            g_hash_table_steal(reg->registrar->sip->regs, reg->token);
            cw_sip_reg_free(reg);
        }
        return;
    }
    cw_stat_inc(CW_STAT_sip_events_dropped);
}

/* --- time --- */

static unsigned random_below(unsigned n)
{
    uint32_t value;

    cw_random(&value, sizeof value);
    return n ? value % n : 0;
}

static void on_timer(void *arg)
{
    cw_sip_reg *reg = arg;

    cw_assert_on_loop();
    if (reg->state == REG_HELD && cw_now_ms() >= reg->until_ms)
        cw_sip_reg_run(reg, REG_EV_LAPSED);
    else if (reg->state == REG_TRYING || reg->state == REG_REFRESHING || reg->state == REG_LEAVING)
        cw_sip_reg_run(reg, REG_EV_FAILED); /* it could not be sent */
    else
        cw_sip_reg_run(reg, REG_EV_TIMER);
}

/* In time to be tried again, spread so that those who began together do not go on together. */
static uint64_t refresh_ms(unsigned expires_s)
{
    /* 3GPP TS 24.229 5.1.1.4: half of up to 1200 s, else 600 s before. */
    unsigned ms = expires_s <= 1200 ? expires_s * 500 : (expires_s - 600) * 1000;

    return MAX(ms - random_below(ms / 10), REFRESH_MIN_MS);
}

/* RFC 5626 4.5, or what Retry-After says (RFC 3261 20.33). */
static uint64_t back_off_ms(const cw_sip_reg *reg)
{
    const cw_sip_registrar *r = reg->registrar;
    uint64_t wait_ms = (uint64_t)r->retry_s * 1000;

    if (reg->retry_after_s)
        return (uint64_t)reg->retry_after_s * 1000 + random_below(reg->retry_after_s * 100);
    wait_ms = MIN(wait_ms << MIN(reg->failures, 20), (uint64_t)r->retry_max_s * 1000);
    return wait_ms - random_below((unsigned)wait_ms / 2);
}

static void plan_retry(cw_sip_reg *reg) CW_ON_LOOP
{
    uint64_t wait_ms;

    reg->failures++;
    wait_ms = back_off_ms(reg);
    reg->retry_ms = cw_now_ms() + wait_ms;
    cw_timer_start(reg->timer, wait_ms);
}

/* --- telling --- */

static cw_sip_reg_status status_of(const cw_sip_reg *reg)
{
    switch (reg->state) {
    case REG_BOUND:
    case REG_REFRESHING:
    case REG_HELD:
        return CW_SIP_REG_ON;
    case REG_REFUSED:
        return CW_SIP_REG_REFUSED;
    default:
        return reg->failures ? CW_SIP_REG_FAILED : CW_SIP_REG_TRYING;
    }
}

static void tell(cw_sip_reg *reg) CW_ON_LOOP
{
    if (reg->ops)
        reg->ops->changed(reg->arg);
}

static void unlisted(cw_sip_reg *reg) CW_ON_LOOP
{
    if (reg->binding.expires_s)
        cw_stat_dec(CW_STAT_registrations);
    cw_sip_binding_clear(&reg->binding);
    reg->until_ms = 0;
}

/* --- actions --- */

void cw_sip_reg_do_nothing(cw_sip_reg *reg) {}

void cw_sip_reg_do_attempt(cw_sip_reg *reg)
{
    cw_timer_stop(reg->timer);
    reg->retry_ms = 0;
    reg->answered = reg->longer = reg->moves = 0;
    reg->asked_s = reg->registrar->expires_s;
    cw_sip_reg_transmit(reg);
}

void cw_sip_reg_do_send(cw_sip_reg *reg)
{
    cw_sip_reg_transmit(reg);
}

void cw_sip_reg_do_bind(cw_sip_reg *reg)
{
    uint64_t expires_ms = (uint64_t)reg->binding.expires_s * 1000;
    bool first = reg->until_ms == 0;

    reg->failures = 0;
    reg->accepted++;
    reg->until_ms = cw_now_ms() + expires_ms;
    cw_timer_start(reg->timer, refresh_ms(reg->binding.expires_s));
    if (first)
        cw_stat_inc(CW_STAT_registrations);
    if (first || reg->news)
        tell(reg);
    reg->news = false;
    cw_sip_reg_watch(reg);
}

/* The first sip: URI among the identities, else the address of record. */
void cw_sip_reg_take_identity(cw_sip_reg *reg)
{
    const char *uri = reg->aor;
    const char *at;
    cw_sip_host host;

    for (GStrv i = reg->binding.associated; i && *i && uri == reg->aor; i++)
        if (g_ascii_strncasecmp(*i, "sip:", 4) == 0 && strchr(*i, '@'))
            uri = *i;
    g_clear_pointer(&reg->user, g_free);
    g_clear_pointer(&reg->host, g_free);
    at = strchr(uri, '@');
    reg->user = cw_sip_user_unescape(uri + 4, (size_t)(at - uri - 4)) ?: g_strdup("");
    if (uri != reg->aor && cw_sip_uri_host(uri, &host) == CW_OK)
        reg->host = g_strndup(at + 1, strcspn(at + 1, ";?"));
}

static void note_failure(const cw_sip_reg *reg) CW_ON_LOOP
{
    g_autofree char *status = g_strdup_printf("%d", reg->status);

    cw_stat_inc(CW_STAT_registrations_failed);
    cw_log(CW_LOG_INFO, CW_MOD_SIP, "registration.failed", "identity", reg->aor, "error",
           cw_err_kind(reg->err), "status", status, NULL);
}

void cw_sip_reg_do_back_off(cw_sip_reg *reg)
{
    bool first = reg->failures == 0;

    plan_retry(reg);
    note_failure(reg);
    if (first)
        tell(reg);
}

void cw_sip_reg_do_hold(cw_sip_reg *reg)
{
    uint64_t now = cw_now_ms();

    plan_retry(reg);
    note_failure(reg);
    if (reg->until_ms < reg->retry_ms)
        cw_timer_start(reg->timer, reg->until_ms > now ? reg->until_ms - now : 0);
}

void cw_sip_reg_do_lapse(cw_sip_reg *reg)
{
    uint64_t now = cw_now_ms();

    unlisted(reg);
    cw_timer_start(reg->timer, reg->retry_ms > now ? reg->retry_ms - now : 0);
    tell(reg);
}

void cw_sip_reg_do_give_up(cw_sip_reg *reg)
{
    cw_timer_stop(reg->timer);
    unlisted(reg);
    note_failure(reg);
    tell(reg);
}

/* What was under way is of a binding that is no more. */
static void forget_binding(cw_sip_reg *reg) CW_ON_LOOP
{
    cw_timer_stop(reg->timer);
    cw_sip_registrar_forget(reg->registrar, reg);
    if (reg->orq)
        nta_outgoing_destroy(g_steal_pointer(&reg->orq));
    unlisted(reg);
}

void cw_sip_reg_do_expel(cw_sip_reg *reg)
{
    forget_binding(reg);
    reg->err = CW_E_DEREGISTERED;
    reg->status = 0;
    note_failure(reg);
    tell(reg);
}

void cw_sip_reg_do_renew(cw_sip_reg *reg)
{
    forget_binding(reg);
    tell(reg);
    cw_sip_reg_do_attempt(reg);
}

void cw_sip_reg_do_pause(cw_sip_reg *reg)
{
    forget_binding(reg);
    reg->err = CW_E_DEREGISTERED;
    reg->status = 0;
    plan_retry(reg);
    note_failure(reg);
    tell(reg);
}

/* A REGISTER still under way is forgotten: this one has the higher CSeq. */
void cw_sip_reg_do_unbind(cw_sip_reg *reg)
{
    bool sent = reg->requests > 0;

    forget_binding(reg);
    cw_sip_reg_unwatch(reg);
    reg->answered = reg->longer = reg->moves = 0;
    reg->asked_s = 0;
    if (sent)
        cw_sip_reg_transmit(reg);
    else
        cw_sip_reg_run(reg, REG_EV_FAILED); /* frees it */
}

/* --- the object --- */

/* Stays the same over restarts, so that the registrar knows a binding again (RFC 5626 4.1): a
 * name-based UUID (RFC 4122 4.3). */
static void name_it(cw_sip_reg *reg, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
    const cw_sip_registrar *r = reg->registrar;
    const char *const parts[] = { "registration:", name, "\n", reg->aor, "\n", r->sip->domain };
    uint8_t digest[20];
    gsize len = sizeof digest;

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        g_checksum_update(sum, (const guchar *)parts[i], -1);
    g_checksum_get_digest(sum, digest, &len);
    g_checksum_free(sum);
    memcpy(reg->uuid, digest, sizeof reg->uuid);
    reg->uuid[6] = (reg->uuid[6] & 0x0f) | 0x50;
    reg->uuid[8] = (reg->uuid[8] & 0x3f) | 0x80;
    for (unsigned i = 0; i < CW_SIP_TOKEN_LEN; i++)
        reg->token[i] = letters[digest[i] & 31];
}

char *cw_sip_reg_instance(const cw_sip_reg *reg)
{
    const uint8_t *u = reg->uuid;

    return g_strdup_printf("urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                           "%02x%02x%02x%02x%02x%02x",
                           u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
                           u[12], u[13], u[14], u[15]);
}

static cw_sip_reg *reg_alloc(cw_sip_registrar *r, const cw_sip_reg_conf *conf) CW_ON_LOOP
{
    cw_sip_reg *reg = g_new0(cw_sip_reg, 1);
    g_autofree char *user = cw_sip_user_escape(conf->user);

    reg->registrar = r;
    reg->aor = g_strdup_printf("sip:%s@%s", user, r->domain);
    reg->account = cw_sip_account_new(&conf->credentials);
    reg->private_identity = conf->private_identity       ? g_strdup(conf->private_identity)
                            : conf->credentials.username ? g_strdup(conf->credentials.username)
                                                         : g_strdup(reg->aor + strlen("sip:"));
    cw_sip_reg_take_identity(reg);
    name_it(reg, conf->name);
    cw_random_text(reg->call_id, sizeof reg->call_id - 1);
    cw_random(&reg->cseq, sizeof reg->cseq);
    reg->cseq &= 0xffff;
    return reg;
}

void cw_sip_reg_free(cw_sip_reg *reg)
{
    cw_sip_registrar_forget(reg->registrar, reg);
    cw_sip_reg_unwatch(reg);
    if (reg->orq)
        nta_outgoing_destroy(reg->orq);
    unlisted(reg);
    cw_timer_free(reg->timer);
    cw_sip_account_unref(reg->account);
    g_free(reg->aor);
    g_free(reg->user);
    g_free(reg->host);
    g_free(reg->private_identity);
    g_strfreev(reg->initial);
    g_strfreev(reg->every);
    g_free(reg);
}

/* The same user is back while the binding is still being taken back: the same Call-ID goes on, so
 * that the registrar sees which REGISTER is the later one (RFC 3261 10.3 step 7). */
static cw_sip_reg *revive(cw_sip_reg *reg, cw_sip_reg *with) CW_ON_LOOP
{
    cw_sip_account *account = reg->account;

    if (reg->orq)
        nta_outgoing_destroy(g_steal_pointer(&reg->orq));
    cw_sip_registrar_forget(reg->registrar, reg);
    reg->account = with->account;
    with->account = account;
    cw_sip_reg_free(with);
    reg->failures = 0;
    return reg;
}

cw_err cw_sip_reg_new(cw_sip_registrar *r, const cw_sip_reg_conf *conf, const cw_sip_reg_ops *ops,
                      void *arg, cw_sip_reg **ret)
{
    cw_sip_reg *reg = reg_alloc(r, conf);
    cw_sip_reg *old = g_hash_table_lookup(r->sip->regs, reg->token);

    if (old && old->state != REG_LEAVING) {
        cw_sip_reg_free(reg);
        return CW_E_EXISTS;
    }
    if (old) {
        reg = revive(old, reg);
    } else {
        reg->timer = cw_timer_new(r->sip->loop, on_timer, reg);
        g_hash_table_insert(r->sip->regs, reg->token, reg);
    }
    reg->ops = ops;
    reg->arg = arg;
    cw_sip_reg_run(reg, REG_EV_START);
    *ret = reg;
    return CW_OK;
}

void cw_sip_reg_again(cw_sip_reg *reg)
{
    if (reg->state != REG_REFUSED && reg->state != REG_WAITING && reg->state != REG_HELD)
        return;
    reg->failures = 0;
    cw_sip_reg_run(reg, REG_EV_START);
}

void cw_sip_reg_leave(cw_sip_reg *reg)
{
    if (!reg)
        return;
    reg->ops = NULL;
    cw_sip_reg_run(reg, REG_EV_LEAVE);
}

/* --- looking --- */

void *cw_sip_reg_find(const cw_sip *sip, const char *contact_user)
{
    const cw_sip_reg *reg = g_hash_table_lookup(sip->regs, contact_user);

    return reg && reg->ops ? reg->arg : NULL;
}

const char *cw_sip_reg_gruu(const cw_sip *sip, const char *contact_user)
{
    const cw_sip_reg *reg = g_hash_table_lookup(sip->regs, contact_user);

    return reg && reg->registrar->gruu ? reg->binding.gruu : NULL;
}

char **cw_sip_reg_every(const cw_sip *sip, const char *contact_user)
{
    const cw_sip_reg *reg = g_hash_table_lookup(sip->regs, contact_user);

    return reg ? cw_sip_ims_every(reg) : NULL;
}

void cw_sip_reg_info_of(const cw_sip_reg *reg, cw_sip_reg_info *ret)
{
    const cw_sip_binding *binding = &reg->binding;

    *ret = (cw_sip_reg_info){
        .status = status_of(reg),
        .identity = binding->associated ? binding->associated[0] : reg->aor,
        .associated = (const char *const *)binding->associated,
        .gruu = binding->gruu,
        .temp_gruu = binding->temp_gruu,
        .contact = reg->token,
        .expires_s = binding->expires_s,
        .until_ms = reg->until_ms,
        .retry_ms = reg->retry_ms,
        .err = reg->err,
        .sip_status = reg->status,
        .requests = reg->requests,
        .accepted = reg->accepted,
    };
}

/* With an outbound proxy its own URI goes before what the registrar named (RFC 3608 6.1, 3GPP
 * TS 24.229 5.1.2A.1), unless that begins with it. */
static bool begins_with_proxy(const cw_sip_registrar *r, const char *first)
{
    cw_sip_host proxy, host;

    return cw_sip_host_parse(r->proxy, strlen(r->proxy), &proxy) || cw_sip_uri_host(first, &host) ||
           (strcmp(proxy.name, host.name) == 0 && (proxy.port ?: 5060) == (host.port ?: 5060));
}

static GStrv route_of(const cw_sip_registrar *r, GStrv named)
{
    GPtrArray *all = g_ptr_array_new();

    bool straight = r->ims && r->ims->access == CW_SIP_ACCESS_MW; /* to the S-CSCF (TS 24.371) */

    if (r->proxy && !straight && !begins_with_proxy(r, named[0]))
        g_ptr_array_add(all, g_strdup_printf("sip:%s;lr%s", r->proxy, cw_sip_registrar_param(r)));
    for (; *named; named++)
        g_ptr_array_add(all, g_strdup(*named));
    g_ptr_array_add(all, NULL);
    return (GStrv)g_ptr_array_free(all, FALSE);
}

void cw_sip_reg_take_route(cw_sip_reg *reg)
{
    GStrv named = reg->binding.route;

    if (!named)
        return;
    reg->binding.route = route_of(reg->registrar, named);
    g_strfreev(named);
}

static void tell_ims(cw_sip_reg *reg, cw_sip_target *target) CW_ON_LOOP
{
    g_strfreev(reg->initial);
    g_strfreev(reg->every);
    reg->initial = cw_sip_ims_initial(reg);
    reg->every = cw_sip_ims_every(reg);
    target->initial = (const char *const *)reg->initial;
    target->every = (const char *const *)reg->every;
    if (reg->registrar->ims->access == CW_SIP_ACCESS_MW && reg->binding.route)
        target->next_hop = NULL; /* where the Service-Route begins */
}

void cw_sip_reg_target(cw_sip_reg *reg, cw_sip_target *target)
{
    const cw_sip_registrar *r = reg->registrar;
    const cw_sip_account *account = reg->account;

    target->from_user = reg->user;
    target->from_domain = reg->host ?: r->domain;
    target->next_hop = r->proxy ?: r->domain;
    target->transport = r->transport;
    target->route = (const char *const *)reg->binding.route;
    target->contact_user = reg->token;
    target->gruu = r->gruu ? reg->binding.gruu : NULL;
    if (r->ims)
        tell_ims(reg, target);
    if (!account || account->aka) /* AKA is of REGISTER only (3GPP TS 33.203 6.1) */
        return;
    target->credentials = (cw_sip_credentials){
        .username = account->username,
        .password = account->password,
        .realm = account->realm,
        .ha1_md5 = *account->ha1[0] ? account->ha1[0] : NULL,
        .ha1_sha256 = *account->ha1[1] ? account->ha1[1] : NULL,
    };
}
