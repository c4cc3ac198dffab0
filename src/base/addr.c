#include "base/addr.h"

#include <arpa/inet.h>
#include <glib.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

cw_err cw_addr_from_ip(const char *ip, size_t len, uint16_t port, cw_addr *ret)
{
    char text[INET6_ADDRSTRLEN];
    cw_addr addr = { 0 };

    if (len >= 2 && ip[0] == '[' && ip[len - 1] == ']') {
        ip++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof text || memchr(ip, 0, len))
        return CW_E_SYNTAX;
    memcpy(text, ip, len);
    text[len] = 0;

    if (inet_pton(AF_INET, text, &addr.in4.sin_addr) == 1) {
        addr.sa.sa_family = AF_INET;
        addr.in4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, text, &addr.in6.sin6_addr) == 1) {
        addr.sa.sa_family = AF_INET6;
        addr.in6.sin6_port = htons(port);
    } else {
        return CW_E_SYNTAX;
    }
    *ret = addr;
    return CW_OK;
}

static bool parse_port(const char *text, uint16_t *ret)
{
    guint64 port;

    if (!g_ascii_string_to_unsigned(text, 10, 0, 65535, &port, NULL))
        return false;
    *ret = (uint16_t)port;
    return true;
}

cw_err cw_addr_parse(const char *text, uint16_t port, cw_addr *ret)
{
    const char *end = text + strlen(text);
    const char *colon = strrchr(text, ':');

    if (text[0] == '[') {
        const char *close = strchr(text, ']');

        if (!close || (close[1] && close[1] != ':'))
            return CW_E_SYNTAX;
        if (close[1] && !parse_port(close + 2, &port))
            return CW_E_SYNTAX;
        end = close + 1;
    } else if (colon && strchr(text, ':') == colon) {
        if (!parse_port(colon + 1, &port))
            return CW_E_SYNTAX;
        end = colon;
    }
    return cw_addr_from_ip(text, (size_t)(end - text), port, ret);
}

const char *cw_addr_print_ip(const cw_addr *addr, char buf[static CW_ADDR_STR])
{
    const void *ip = addr->sa.sa_family == AF_INET6 ? (const void *)&addr->in6.sin6_addr
                                                    : (const void *)&addr->in4.sin_addr;

    if (addr->sa.sa_family == AF_UNSPEC || !inet_ntop(addr->sa.sa_family, ip, buf, CW_ADDR_STR))
        g_strlcpy(buf, "-", CW_ADDR_STR);
    return buf;
}

const char *cw_addr_print(const cw_addr *addr, char buf[static CW_ADDR_STR])
{
    char ip[CW_ADDR_STR];

    cw_addr_print_ip(addr, ip);
    g_snprintf(buf, CW_ADDR_STR, addr->sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
               cw_addr_port(addr));
    return buf;
}

bool cw_addr_eq_ip(const cw_addr *a, const cw_addr *b)
{
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    if (a->sa.sa_family == AF_INET)
        return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
    return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof a->in6.sin6_addr) == 0;
}

bool cw_addr_eq(const cw_addr *a, const cw_addr *b)
{
    return cw_addr_eq_ip(a, b) && cw_addr_port(a) == cw_addr_port(b);
}

socklen_t cw_addr_len(const cw_addr *addr)
{
    return addr->sa.sa_family == AF_INET6 ? sizeof addr->in6 : sizeof addr->in4;
}

int cw_addr_family(const cw_addr *addr)
{
    return addr->sa.sa_family;
}

uint16_t cw_addr_port(const cw_addr *addr)
{
    return ntohs(addr->sa.sa_family == AF_INET6 ? addr->in6.sin6_port : addr->in4.sin_port);
}

void cw_addr_set_port(cw_addr *addr, uint16_t port)
{
    if (addr->sa.sa_family == AF_INET6)
        addr->in6.sin6_port = htons(port);
    else
        addr->in4.sin_port = htons(port);
}

bool cw_addr_is_any(const cw_addr *addr)
{
    static const struct in6_addr any6 = IN6ADDR_ANY_INIT;

    if (addr->sa.sa_family == AF_INET6)
        return memcmp(&addr->in6.sin6_addr, &any6, sizeof any6) == 0;
    return addr->in4.sin_addr.s_addr == INADDR_ANY;
}

bool cw_addr_is_loopback(const cw_addr *addr)
{
    if (addr->sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
    return ntohl(addr->in4.sin_addr.s_addr) >> 24 == 127;
}

cw_err cw_addr_own(int family, cw_addr *ret)
{
    struct ifaddrs *list;
    cw_err err = CW_E_NETWORK;

    if (getifaddrs(&list))
        return CW_E_NETWORK;
    for (struct ifaddrs *i = list; i && err; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP) ||
            (i->ifa_flags & IFF_LOOPBACK))
            continue;
        if (family == AF_INET6 &&
            IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr))
            continue;
        memset(ret, 0, sizeof *ret);
        memcpy(ret, i->ifa_addr,
               family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
        cw_addr_set_port(ret, 0);
        err = CW_OK;
    }
    freeifaddrs(list);
    return err;
}
