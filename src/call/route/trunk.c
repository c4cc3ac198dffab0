/* trunk.c - the ways to the telephone network: who is trusted, what came of calls. */
#include "call/route/net.h"
#include "call/route/trunk.h"

#include "base/log.h"

#include <string.h>

static void add_peer(cw_trunks *trunks, const char *text)
{
    cw_net net;

    if (strcmp(text, "*") == 0) {
        trunks->any = true;
        return;
    }
    if (cw_net_parse(text, &net)) {
        cw_log(CW_LOG_ERROR, CW_MOD_CALL, "peer.unusable", "peer", text, NULL);
        return;
    }
    g_array_append_val(trunks->peers, net);
}

static void add_trunk(cw_trunk *t, const struct cw_conf_trunk *conf)
{
    t->conf = conf;
    if (conf->address && cw_addr_parse(conf->address, 0, &t->addr[0]) == CW_OK)
        t->addr_n = 1;
    else
        t->is_name = conf->address != NULL;
}

/* ── Trunks' names ── */

static cw_sip_transport transport_of(const struct cw_conf_trunk *conf)
{
    cw_sip_transport transport;

    return cw_sip_transport_parse(conf->transport, strlen(conf->transport), &transport) ? CW_SIP_UDP
                                                                                        : transport;
}

/* What the name meant before stays good while it cannot be asked. */
static void on_found(void *arg, cw_err err, const cw_addr *addrs, unsigned n)
{
    cw_trunk *t = arg;

    cw_assert_on_loop();
    cw_sip_lookup_free(g_steal_pointer(&t->lookup));
    if (err) {
        cw_log(CW_LOG_WARN, CW_MOD_CALL, "trunk.unknown", "address", t->conf->address, "error",
               cw_err_kind(err), NULL);
        return;
    }
    t->addr_n = MIN(n, ADDRS_MAX);
    memcpy(t->addr, addrs, t->addr_n * sizeof *addrs);
}

static void look_up(void *arg)
{
    cw_trunks *trunks = arg;

    cw_assert_on_loop();
    for (size_t i = 0; i < trunks->n; i++) {
        cw_trunk *t = &trunks->all[i];

        if (t->is_name && !t->lookup &&
            cw_sip_lookup_new(trunks->sip, t->conf->address, transport_of(t->conf),
                              strcmp(t->conf->transport, "auto") == 0, on_found, t, &t->lookup))
            cw_log(CW_LOG_ERROR, CW_MOD_CALL, "trunk.unusable", "address", t->conf->address, NULL);
    }
    cw_timer_start(trunks->refresh, (uint64_t)trunks->conf->sip.dns_refresh_s * 1000);
}

void cw_trunks_use(cw_trunks *trunks, cw_sip *sip)
{
    trunks->sip = sip;
    if (trunks->refresh)
        look_up(trunks);
    cw_trunks_probe(trunks);
}

/* ── Made ── */

cw_trunks *cw_trunks_new(cw_loop *loop, const cw_conf *conf)
{
    cw_trunks *trunks = g_new0(cw_trunks, 1);
    bool names = false;

    trunks->loop = loop;
    trunks->conf = conf;
    trunks->n = conf->trunk_n;
    trunks->all = g_new0(cw_trunk, trunks->n);
    trunks->peers = g_array_new(FALSE, FALSE, sizeof(cw_net));
    for (size_t i = 0; i < trunks->n; i++) {
        add_trunk(&trunks->all[i], &conf->trunk[i]);
        trunks->all[i].trunks = trunks;
        trunks->all[i].tokens = (double)conf->trunk[i].calls_per_s;
        names |= trunks->all[i].is_name;
    }
    for (char **p = conf->sip.peers; p && *p; p++)
        add_peer(trunks, *p);
    if (names)
        trunks->refresh = cw_timer_new(loop, look_up, trunks);
    return trunks;
}

static void trunk_stop(cw_trunk *t) CW_ON_LOOP
{
    cw_sip_lookup_free(t->lookup);
    cw_timer_free(t->probe_timer);
    cw_sip_query_free(t->probe);
}

void cw_trunks_free(cw_trunks *trunks)
{
    if (!trunks)
        return;
    for (size_t i = 0; i < trunks->n; i++)
        trunk_stop(&trunks->all[i]);
    cw_timer_free(trunks->refresh);
    g_array_unref(trunks->peers);
    g_free(trunks->all);
    g_free(trunks);
}

/* ── The way to one ── */

void cw_trunk_target(const struct cw_conf_trunk *trunk, cw_sip_target *target)
{
    target->transport = CW_SIP_UDP;
    target->any_transport = cw_sip_transport_parse(trunk->transport, strlen(trunk->transport),
                                                   &target->transport) != CW_OK;
    target->tls.certificate = trunk->tls_certificate;
    target->tls.key = trunk->tls_key;
    target->tls.authorities = trunk->tls_authorities;
    target->tls.name = trunk->tls_names ? trunk->tls_names[0] : NULL;
    target->from_user = trunk->from_user ?: target->from_user;
    target->from_domain = trunk->from_domain;
    target->next_hop = trunk->address;
    target->credentials = (cw_sip_credentials){ .username = trunk->username,
                                                .password = trunk->password,
                                                .realm = trunk->realm };
}

/* ── Who may call in ── */

static bool has_address(const cw_trunk *t, const cw_addr *source)
{
    for (unsigned i = 0; i < t->addr_n; i++) {
        cw_net one = { .addr = t->addr[i],
                       .bits = cw_addr_family(&t->addr[i]) == AF_INET6 ? 128 : 32 };

        if (cw_net_has(&one, source))
            return true;
    }
    return false;
}

static bool is_one_of(const char *host, char *const *names)
{
    for (; host && names && *names; names++)
        if (g_ascii_strcasecmp(host, *names) == 0)
            return true;
    return false;
}

/* The host of "host:port" is in the certificate. */
static bool has_host(const char *const *names, const char *address)
{
    size_t len = *address == '[' ? strcspn(++address, "]") : strcspn(address, ":");

    for (; *names; names++)
        if (strlen(*names) == len && g_ascii_strncasecmp(*names, address, len) == 0)
            return true;
    return false;
}

static bool has_name(const struct cw_conf_trunk *conf, const char *const *names)
{
    if (conf->tls_names && *conf->tls_names) {
        for (; *names; names++)
            if (is_one_of(*names, conf->tls_names))
                return true;
        return false;
    }
    return conf->address && has_host(names, conf->address);
}

/* 0: no. One with a user name is known by that. A TLS trunk is known by its certificate, wherever
 * it calls from; one that shows none by its address. Nothing else than TLS comes from it. */
static int how_sure(const cw_trunk *t, const cw_sip_peer *peer)
{
    const char *login = t->conf->in_username;

    if (login && (!peer->login || strcmp(login, peer->login)))
        return 0;
    if (transport_of(t->conf) == CW_SIP_TLS) {
        if (peer->transport != CW_SIP_TLS)
            return 0;
        if (peer->names)
            return has_name(t->conf, peer->names) ? 8 : 0;
    }
    return login ? 16 : has_address(t, &peer->addr) ? 4 : 0;
}

/* It could be this trunk, that has to prove it; so it is no other peer. */
static bool is_to_prove(const cw_trunk *t, const cw_sip_peer *peer)
{
    return t->conf->in_username && !peer->login && has_address(t, &peer->addr);
}

const struct cw_conf_trunk *cw_trunks_of(const cw_trunks *trunks, const cw_sip_invite *invite)
{
    const struct cw_conf_trunk *found = NULL;
    int best = 0;

    for (size_t i = 0; i < trunks->n; i++) {
        const struct cw_conf_trunk *conf = trunks->all[i].conf;
        int sure = how_sure(&trunks->all[i], invite->peer);

        if (sure && is_one_of(invite->from_host, conf->domains))
            sure += 2;
        else if (sure && is_one_of(invite->ruri_host, conf->domains))
            sure += 1;
        if (sure > best) {
            best = sure;
            found = conf;
        }
    }
    return found;
}

bool cw_trunks_trusted(const cw_trunks *trunks, const cw_sip_peer *peer)
{
    bool doubtful = false;

    for (size_t i = 0; i < trunks->n; i++) {
        if (how_sure(&trunks->all[i], peer))
            return true;
        doubtful |= is_to_prove(&trunks->all[i], peer);
    }
    if (doubtful)
        return false;
    if (trunks->any)
        return true;
    for (guint i = 0; i < trunks->peers->len; i++)
        if (cw_net_has(&g_array_index(trunks->peers, cw_net, i), &peer->addr))
            return true;
    return false;
}
