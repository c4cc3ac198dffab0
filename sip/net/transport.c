#include "sip/net/plug.h"
#include "sip/transaction/login.h"

#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static cw_err parse_listen(const char *text, cw_sip_listener *ret)
{
    const char *colon = strchr(text, ':');

    if (!colon || cw_sip_transport_parse(text, (size_t)(colon - text), &ret->transport))
        return CW_E_SYNTAX;
    return cw_addr_parse(colon + 1, ret->transport == CW_SIP_TLS ? 5061 : 5060, &ret->addr);
}

static cw_err parse_or_say(const char *text, cw_sip_listener *ret, char why[static 128])
{
    if (parse_listen(text, ret) == CW_OK)
        return CW_OK;
    g_snprintf(why, 128, "sip.listen: \"%.60s\" is not transport:address:port", text);
    return CW_E_CONF;
}

cw_err cw_sip_check(const cw_conf *conf, char why[static 128])
{
    char *const *text = conf->sip.listen;
    cw_sip_listener ignored;
    cw_err err = CW_OK;

    if (!text || !*text) {
        g_strlcpy(why, "sip.listen is empty", 128);
        return CW_E_CONF;
    }
    for (; !err && *text; text++) {
        err = parse_or_say(*text, &ignored, why);
        if (!err && ignored.transport == CW_SIP_TLS &&
            !(conf->sip.tls_certificate && *conf->sip.tls_certificate)) {
            g_snprintf(why, 128, "sip.listen: \"%.60s\" wants sip.tls_certificate", *text);
            err = CW_E_CONF;
        }
    }
    if (!err)
        err = cw_sip_logins_check(conf, why);
    return err ? err : cw_sip_dialog_check(conf, why);
}

static tport_t *find_primary(const cw_sip *sip, const char *ident)
{
    tport_t *tp = tport_primaries(nta_agent_tports(sip->agent));

    for (; tp; tp = tport_next(tp))
        if (g_strcmp0(tport_name(tp)->tpn_ident, ident) == 0)
            return tp;
    return NULL;
}

cw_err cw_sip_listen(cw_sip *sip, const char *text, char why[static 128])
{
    g_autofree cw_sip_listener *listener = g_new0(cw_sip_listener, 1);
    g_autofree char *url = NULL;
    char printed[CW_ADDR_STR];
    tport_t *tp;
    int err;

    if (parse_or_say(text, listener, why))
        return CW_E_CONF;
    g_snprintf(listener->ident, sizeof listener->ident, "l%u", sip->listeners->len);
    url = g_strdup_printf("%s:%s;transport=%s", listener->transport == CW_SIP_TLS ? "sips" : "sip",
                          cw_addr_print(&listener->addr, printed),
                          cw_sip_transport_name(listener->transport));
    cw_sip_plug_for(sip);
    /* How long a connection may be silent is stream.c's. */
    err = nta_agent_add_tport(sip->agent, (url_string_t *)url, TPTAG_IDENT(listener->ident),
                              TPTAG_TIMEOUT(UINT_MAX), TPTAG_IDLE(UINT_MAX), TPTAG_REUSE(1),
                              TAG_END());
    cw_sip_plug_for(NULL);
    if (err < 0) {
        g_snprintf(why, 128, "cannot listen on %.60s: %s", text, g_strerror(errno));
        return CW_E_IO;
    }
    tp = find_primary(sip, listener->ident);
    if (tp && tport_name(tp)->tpn_port)
        cw_addr_set_port(&listener->addr, (uint16_t)atoi(tport_name(tp)->tpn_port));
    g_ptr_array_add(sip->listeners, g_steal_pointer(&listener));
    return CW_OK;
}

/* ── Routes ── */

/* Which address the routing table sends from costs four calls of the kernel to ask, and one request
 * asks several times. What was answered lately is believed for a while. */
#define ROUTES   16
#define FRESH_MS 1000

struct cw_sip_routes {
    unsigned next; /* to be overwritten */
    struct {
        cw_addr peer, local;
        uint64_t until_ms;
    } row[ROUTES];
};

/* Without sending anything. */
static cw_err ask_route(const cw_addr *peer, cw_addr *local)
{
    socklen_t len = sizeof *local;
    int fd = socket(cw_addr_family(peer), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cw_err err = CW_E_NETWORK;

    if (fd < 0)
        return CW_E_IO;
    memset(local, 0, sizeof *local);
    if (connect(fd, &peer->sa, cw_addr_len(peer)) == 0 && getsockname(fd, &local->sa, &len) == 0)
        err = CW_OK;
    close(fd);
    return err;
}

static cw_err route_to(cw_sip_routes *routes, const cw_addr *peer, cw_addr *local)
{
    uint64_t now = cw_now_ms();
    cw_err err;

    for (unsigned i = 0; i < ROUTES; i++)
        if (routes->row[i].until_ms > now && cw_addr_eq_ip(&routes->row[i].peer, peer)) {
            *local = routes->row[i].local;
            return CW_OK;
        }
    err = ask_route(peer, local);
    if (err || (cw_addr_family(peer) == AF_INET6 && peer->in6.sin6_scope_id))
        return err;
    routes->row[routes->next].peer = *peer;
    routes->row[routes->next].local = *local;
    routes->row[routes->next].until_ms = now + FRESH_MS;
    routes->next = (routes->next + 1) % ROUTES;
    return CW_OK;
}

cw_sip_routes *cw_sip_routes_new(void)
{
    return g_new0(cw_sip_routes, 1);
}

const cw_sip_listener *cw_sip_listener_for(const cw_sip *sip, cw_sip_transport transport,
                                           const cw_addr *peer, cw_addr *local)
{
    const cw_sip_listener *found = NULL;
    cw_addr own;

    if (route_to(sip->routes, peer, &own))
        return NULL;
    for (unsigned i = 0; i < sip->listeners->len; i++) {
        const cw_sip_listener *listener = sip->listeners->pdata[i];

        if (listener->transport != transport ||
            cw_addr_family(&listener->addr) != cw_addr_family(peer))
            continue;
        if (cw_addr_eq_ip(&listener->addr, &own)) {
            found = listener;
            break;
        }
        if (!found || (cw_addr_is_any(&listener->addr) && !cw_addr_is_any(&found->addr)))
            found = listener;
    }
    if (!found)
        return NULL;
    *local = cw_addr_is_any(&found->addr) ? own : found->addr;
    cw_addr_set_port(local, cw_addr_port(&found->addr));
    return found;
}

char *cw_sip_contact_for(const cw_sip *sip, cw_sip_transport transport, const cw_addr *peer,
                         const char *user, bool secure)
{
    cw_addr local;
    char printed[CW_ADDR_STR];

    if (transport >= CW_SIP_WS) /* they have one connection, whatever is said here */
        return g_strdup_printf("<sip:%s%s%s;transport=ws>", user, *user ? "@" : "", sip->domain);
    if (!cw_sip_listener_for(sip, transport, peer, &local))
        return NULL;
    return g_strdup_printf(
        "<%s:%s%s%s%s%s>", secure ? "sips" : "sip", user, *user ? "@" : "",
        cw_addr_print(&local, printed), transport == CW_SIP_UDP || secure ? "" : ";transport=",
        transport == CW_SIP_UDP || secure ? "" : cw_sip_transport_name(transport));
}

json_t *cw_sip_listeners_json(const cw_sip *sip)
{
    json_t *list = json_array();
    char printed[CW_ADDR_STR];

    for (unsigned i = 0; i < sip->listeners->len; i++) {
        const cw_sip_listener *listener = sip->listeners->pdata[i];

        json_array_append_new(list, json_pack("{s:s s:s}", "transport",
                                              cw_sip_transport_name(listener->transport), "address",
                                              cw_addr_print(&listener->addr, printed)));
    }
    return list;
}
