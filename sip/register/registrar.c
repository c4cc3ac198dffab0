/* registrar.c - where users are registered: its addresses, and ours as it sees us.
 *
 * One for thousands of users: names are resolved and routes looked up once for all of them.
 */
#include "sip/register/ims.h"

#include "base/log.h"
#include "sip/text/uri.h"

#include <string.h>

static bool is_fresh(const cw_sip_registrar *r)
{
    uint64_t age_ms = (uint64_t)r->sip->conf->sip.dns_refresh_s * 1000;

    return r->found_ms && cw_now_ms() - r->found_ms < age_ms;
}

/* What is sent to it, and by which of our sockets. False: none of ours reaches it. */
static bool use(cw_sip_registrar *r, unsigned at) CW_ON_LOOP
{
    const cw_sip_listener *listener;
    char text[CW_ADDR_STR];
    cw_addr local;

    listener = cw_sip_listener_for(r->sip, r->transport, &r->addr[at], &local);
    if (!listener)
        return false;
    g_free(r->url);
    g_free(r->contact);
    r->url = g_strdup_printf("sip:%s;transport=%s", cw_addr_print(&r->addr[at], text),
                             cw_sip_transport_name(r->transport));
    r->contact = g_strdup(cw_addr_print(&local, text));
    g_strlcpy(r->ident, listener->ident, sizeof r->ident);
    r->at = at;
    return true;
}

static bool is_usable(const cw_sip_registrar *r, const cw_addr *addr) CW_ON_LOOP
{
    cw_addr local;

    return !cw_addr_is_any(addr) && cw_sip_listener_for(r->sip, r->transport, addr, &local);
}

/* New addresses; the one in use stays so while it is among them. */
static bool take(cw_sip_registrar *r, const cw_addr *addrs, unsigned n) CW_ON_LOOP
{
    cw_addr before = r->addr[r->at];
    bool had = r->addr_n > 0;
    unsigned at = 0, kept = 0;

    for (unsigned i = 0; i < n && kept < G_N_ELEMENTS(r->addr); i++) {
        if (!is_usable(r, &addrs[i]))
            continue;
        if (had && cw_addr_eq(&addrs[i], &before))
            at = kept;
        r->addr[kept++] = addrs[i];
    }
    if (kept == 0)
        return false;
    r->addr_n = kept;
    r->found_ms = cw_now_ms();
    return use(r, at);
}

static void serve_waiting(cw_sip_registrar *r, cw_err err) CW_ON_LOOP
{
    GQueue waiting = r->waiting;

    g_queue_init(&r->waiting);
    for (GList *link; (link = g_queue_pop_head_link(&waiting));) {
        cw_sip_reg *reg = link->data;

        reg->waits = false;
        if (!err) {
            cw_sip_reg_transmit(reg);
            continue;
        }
        reg->err = err;
        cw_sip_reg_run(reg, REG_EV_FAILED);
    }
}

static void on_found(void *arg, cw_err err, const cw_addr *addrs, unsigned n)
{
    cw_sip_registrar *r = arg;

    cw_assert_on_loop();
    cw_sip_lookup_free(g_steal_pointer(&r->lookup));
    if (!err && !take(r, addrs, n))
        err = CW_E_NETWORK;
    if (err)
        cw_log(CW_LOG_WARN, CW_MOD_SIP, "registrar.unknown", "domain", r->domain, "error",
               cw_err_kind(err), NULL);
    serve_waiting(r, r->addr_n ? CW_OK : err); /* old addresses are better than none */
}

void cw_sip_registrar_look(cw_sip_registrar *r)
{
    const char *host = r->proxy ? r->proxy : r->domain;
    cw_addr addr;

    if (r->lookup || is_fresh(r))
        return;
    if (cw_addr_parse(host, 5060, &addr) == CW_OK)
        (void)take(r, &addr, 1);
    else if (cw_sip_lookup_new(r->sip, host, r->transport, false, on_found, r, &r->lookup))
        r->lookup = NULL; /* checked when it was made */
}

bool cw_sip_registrar_ready(cw_sip_registrar *r, cw_sip_reg *reg)
{
    cw_sip_registrar_look(r);
    if (r->addr_n > 0)
        return true;
    if (r->lookup) {
        reg->waits = true;
        reg->link.data = reg;
        g_queue_push_tail_link(&r->waiting, &reg->link);
    }
    return false;
}

void cw_sip_registrar_forget(cw_sip_registrar *r, cw_sip_reg *reg)
{
    if (!reg->waits)
        return;
    g_queue_unlink(&r->waiting, &reg->link);
    reg->waits = false;
}

bool cw_sip_registrar_next(cw_sip_registrar *r, unsigned at)
{
    if (r->addr_n < 2)
        return false;
    return r->at != at || use(r, (at + 1) % r->addr_n);
}

const char *cw_sip_registrar_param(const cw_sip_registrar *r)
{
    switch (r->transport) {
    case CW_SIP_TCP:
        return ";transport=tcp";
    case CW_SIP_TLS:
        return ";transport=tls";
    default:
        return "";
    }
}

bool cw_sip_registrar_is(const cw_sip_registrar *r, const cw_addr *source)
{
    for (unsigned i = 0; i < r->addr_n; i++)
        if (cw_addr_eq_ip(&r->addr[i], source))
            return true;
    return false;
}

cw_err cw_sip_registrar_new(cw_sip *sip, const cw_sip_registrar_conf *conf, cw_sip_registrar **ret)
{
    cw_sip_registrar *r;
    cw_sip_host host;

    if (cw_sip_host_parse(conf->domain, strlen(conf->domain), &host) ||
        (conf->proxy && cw_sip_host_parse(conf->proxy, strlen(conf->proxy), &host)))
        return CW_E_PARAMS;
    r = g_new0(cw_sip_registrar, 1);
    r->sip = sip;
    r->domain = g_strdup(conf->domain);
    r->proxy = g_strdup(conf->proxy);
    r->transport = conf->transport;
    r->expires_s = conf->expires_s;
    r->retry_s = conf->retry_s;
    r->retry_max_s = conf->retry_max_s;
    r->outbound = conf->outbound;
    r->gruu = conf->gruu;
    r->realm =
        conf->realm ? g_strdup(conf->realm) : g_strndup(conf->domain, strcspn(conf->domain, ":"));
    r->ims = cw_sip_ims_new(conf);
    g_queue_init(&r->waiting);
    *ret = r;
    return CW_OK;
}

static void drop_regs(cw_sip_registrar *r) CW_ON_LOOP
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, r->sip->regs);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        cw_sip_reg *reg = value;

        if (reg->registrar != r)
            continue;
        g_hash_table_iter_steal(&iter);
        cw_sip_reg_free(reg);
    }
}

void cw_sip_registrar_free(cw_sip_registrar *r)
{
    if (!r)
        return;
    drop_regs(r);
    cw_sip_lookup_free(r->lookup);
    g_free(r->domain);
    g_free(r->proxy);
    g_free(r->url);
    g_free(r->contact);
    g_free(r->realm);
    cw_sip_ims_free(r->ims);
    g_free(r);
}
