#include "api/priv.h"

#include <string.h>

/* "localhost:8080", "127.0.0.1", "[::1]:8080". */
static bool host_is_local(const char *host)
{
    cw_addr addr;

    if (!g_ascii_strncasecmp(host, "localhost", 9) && (host[9] == ':' || !host[9]))
        return true;
    return cw_addr_parse(host, 80, &addr) == CW_OK && cw_addr_is_loopback(&addr);
}

/* Our own pages have the origin of the address they were asked from. A name that merely points at
 * this machine's loopback address is somebody else's page (DNS rebinding). */
static bool is_ours(const cw_origin *rule, const char *origin, const char *host)
{
    g_autofree char *own = g_strconcat(rule->tls ? "https://" : "http://", host, NULL);

    if (rule->local && !host_is_local(host))
        return false;
    return !g_ascii_strcasecmp(origin, own);
}

bool cw_origin_ok(const cw_origin *rule, const char *origin, const char *host)
{
    if (!origin)
        return true; /* only browsers send it, and they always do */
    if (!rule->allowed || !rule->allowed[0])
        return is_ours(rule, origin, host);
    for (char **one = rule->allowed; *one; one++)
        if (!strcmp(*one, "*") || !strcmp(*one, origin))
            return true;
    return false;
}
