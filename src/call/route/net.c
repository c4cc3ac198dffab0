#include "call/route/net.h"

#include <glib.h>
#include <string.h>

cw_err cw_net_parse(const char *text, cw_net *ret)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    unsigned max;
    cw_net net;
    cw_err err = cw_addr_from_ip(text, len, 0, &net.addr);

    if (err)
        return err;
    max = cw_addr_family(&net.addr) == AF_INET6 ? 128 : 32;
    net.bits = max;
    if (slash) {
        guint64 bits;

        if (!g_ascii_string_to_unsigned(slash + 1, 10, 0, max, &bits, NULL))
            return CW_E_SYNTAX;
        net.bits = (unsigned)bits;
    }
    if (max == 128 && IN6_IS_ADDR_V4MAPPED(&net.addr.in6.sin6_addr)) {
        if (net.bits < 96)
            return CW_E_SYNTAX;
        net.bits -= 96; /* cw_net_has() looks at the last four bytes only */
    }
    *ret = net;
    return CW_OK;
}

/* The address's bytes, 4 or 16. */
static const uint8_t *bytes_of(const cw_addr *addr, size_t *len)
{
    if (cw_addr_family(addr) == AF_INET6) {
        const uint8_t *b = addr->in6.sin6_addr.s6_addr;

        if (IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr)) {
            *len = 4;
            return b + 12;
        }
        *len = 16;
        return b;
    }
    *len = cw_addr_family(addr) == AF_INET ? 4 : 0;
    return (const uint8_t *)&addr->in4.sin_addr;
}

bool cw_net_has(const cw_net *net, const cw_addr *addr)
{
    size_t net_len, len;
    const uint8_t *a = bytes_of(&net->addr, &net_len);
    const uint8_t *b = bytes_of(addr, &len);
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    if (len == 0 || len != net_len || memcmp(a, b, whole))
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}
