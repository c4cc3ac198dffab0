#include "nat.h"

#include <glib.h>
#include <string.h>

#define STUN_PORT     3478 /* RFC 8489 18.6, RFC 8656 */
#define TLS_PORT      5349

#define WHY(why, ...) (*(why) = g_strdup_printf(__VA_ARGS__), CW_E_CONF)

static cw_err read_public(const cw_conf *conf, cw_webrtc_conf *ret, char **why)
{
    for (char **text = conf->media.public_address; text && *text; text++) {
        cw_addr addr, *to;

        if (cw_addr_parse(*text, 0, &addr))
            return WHY(why, "media.public_address: \"%s\" is no address", *text);
        to = cw_addr_family(&addr) == AF_INET6 ? &ret->public6 : &ret->public4;
        if (cw_addr_family(to) != AF_UNSPEC)
            return WHY(why, "media.public_address: \"%s\" is the second of its family", *text);
        *to = addr;
    }
    return CW_OK;
}

/* "host", "host:port", "[v6]:port"; `host` is a copy that lives as long as the program. */
static bool read_host(const char *text, uint16_t port, cw_ice_server *ret)
{
    char ip[CW_ADDR_STR];
    const char *colon = strrchr(text, ':');
    cw_addr addr;
    guint64 number = port;

    if (cw_addr_parse(text, port, &addr) == CW_OK) {
        ret->host = g_intern_string(cw_addr_print_ip(&addr, ip));
        ret->port = cw_addr_port(&addr);
        return ret->port != 0;
    }
    if (colon && !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &number, NULL))
        return false;
    if (!*text || text == colon || strcspn(text, " /[]") != strlen(text))
        return false;
    if (colon) {
        g_autofree char *host = g_strndup(text, (gsize)(colon - text));

        ret->host = g_intern_string(host);
    } else {
        ret->host = g_intern_string(text);
    }
    ret->port = (uint16_t)number;
    return !strchr(ret->host, ':');
}

static cw_err read_turn(const struct cw_conf_turn *turn, cw_ice_server *ret, char **why)
{
    static const char *const ways[] = { "udp", "tcp", "tls" };
    unsigned way = 0;

    while (way < G_N_ELEMENTS(ways) && strcmp(turn->transport, ways[way]) != 0)
        way++;
    if (way == G_N_ELEMENTS(ways))
        return WHY(why, "turn \"%s\": transport must be udp, tcp or tls", turn->address ?: "");
    ret->way = (cw_relay_way)way;
    if (!turn->address ||
        !read_host(turn->address, way == CW_RELAY_TLS ? TLS_PORT : STUN_PORT, ret))
        return WHY(why, "turn: \"%s\" is no host[:port]", turn->address ?: "");
    if (!turn->username || !turn->password)
        return WHY(why, "turn \"%s\": username and password must be there", turn->address);
    ret->username = turn->username;
    ret->password = turn->password;
    ret->ca = turn->tls_authorities;
    return CW_OK;
}

static cw_err read_servers(const cw_conf *conf, cw_agents_conf *ret, char **why)
{
    cw_err err = CW_OK;

    if (conf->webrtc.stun && !read_host(conf->webrtc.stun, STUN_PORT, &ret->stun))
        return WHY(why, "webrtc.stun: \"%s\" is no host[:port]", conf->webrtc.stun);
    for (size_t i = 0; !err && i < conf->turn_n; i++) {
        cw_ice_server server = { 0 };

        err = read_turn(&conf->turn[i], &server, why);
        if (err || !conf->turn[i].gateway)
            continue;
        if (ret->turn_n == CW_TURN_MAX)
            return WHY(why, "turn: more than %d servers", CW_TURN_MAX);
        ret->turn[ret->turn_n++] = server;
    }
    return err;
}

static void take_addresses(cw_plane_conf *plane, cw_agents_conf *ret)
{
    for (unsigned i = 0; i < plane->browser_listen_n && ret->addr_n < CW_AGENT_ADDRS; i++) {
        cw_addr addr = plane->browser_listen[i], own;

        if (cw_addr_is_any(&addr) && cw_addr_own(cw_addr_family(&addr), &own) == CW_OK)
            addr = own;
        ret->addr[ret->addr_n++] = addr;
    }
    plane->browser_listen_n = 0;
}

static cw_err read_full(const cw_conf *conf, cw_plane_conf *plane, cw_agents_conf *ret, char **why)
{
    ret->threads = (unsigned)conf->webrtc.ice_threads;
    ret->tcp = conf->webrtc.tcp;
    ret->port_min = (uint16_t)conf->webrtc.port_min;
    ret->port_max = (uint16_t)conf->webrtc.port_max;
    if (ret->port_max < ret->port_min || (ret->port_max && !ret->port_min))
        return WHY(why, "webrtc.port_max is below webrtc.port_min");
    take_addresses(plane, ret);
    if (ret->addr_n == 0)
        return WHY(why, "media.browser_listen: full ICE needs an address");
    return CW_OK;
}

cw_err cw_gateway_webrtc(const cw_conf *conf, cw_plane_conf *plane, cw_webrtc_conf *ret, char **why)
{
    cw_err err;

    ret->connect_timeout_ms = (unsigned)conf->media.ice_timeout_ms;
    ret->consent_timeout_ms = (unsigned)conf->media.consent_timeout_ms;
    ret->candidates_max = (unsigned)conf->webrtc.candidates_max;
    ret->dtls_threads = (unsigned)conf->media.dtls_threads;
    ret->dtls_linger_ms = (unsigned)conf->media.dtls_linger_ms;
    ret->dtls_datagrams_max = (unsigned)conf->media.dtls_datagrams_max;
    ret->dtls_bytes_max = (unsigned)conf->media.dtls_bytes_max;
    ret->dtls_queue_max = (unsigned)conf->media.dtls_queue_max;
    ret->full = strcmp(conf->webrtc.ice, "full") == 0;
    if (!ret->full && strcmp(conf->webrtc.ice, "lite"))
        return WHY(why, "webrtc.ice: \"%s\" is neither lite nor full", conf->webrtc.ice);
    err = read_public(conf, ret, why);
    if (!err)
        err = read_servers(conf, &ret->full_conf, why);
    if (!err && ret->full)
        err = read_full(conf, plane, &ret->full_conf, why);
    return err;
}
