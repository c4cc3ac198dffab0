/* guard.c - what strangers' URLs may lead to. */
#include "fetch/fetch.h"

#include <curl/curl.h>
#include <glib.h>
#include <string.h>

#define URL_MAX 1024

/* ── Addresses that are not public (IANA's registries of special purpose addresses, RFC 6890) ── */

typedef struct block {
    uint32_t net;
    unsigned bits;
} block;

static const block special[] = {
    { 0x00000000, 8 },  /* this network */
    { 0x0a000000, 8 },  /* private */
    { 0x64400000, 10 }, /* carriers' NAT */
    { 0x7f000000, 8 },  /* loopback */
    { 0xa9fe0000, 16 }, /* link-local */
    { 0xac100000, 12 }, /* private */
    { 0xc0000000, 24 }, /* protocols */
    { 0xc0000200, 24 }, /* documentation */
    { 0xc0586300, 24 }, /* 6to4 relays */
    { 0xc0a80000, 16 }, /* private */
    { 0xc6120000, 15 }, /* benchmarks */
    { 0xc6336400, 24 }, /* documentation */
    { 0xcb007100, 24 }, /* documentation */
    { 0xe0000000, 3 },  /* groups, reserved, broadcast */
};

static bool is_public_v4(uint32_t addr)
{
    for (size_t i = 0; i < G_N_ELEMENTS(special); i++)
        if ((addr ^ special[i].net) >> (32 - special[i].bits) == 0)
            return false;
    return true;
}

/* Of 2000::/3, without protocols and tunnels (2001::/23, 2002::/16) and documentation. */
static bool is_public_v6(const uint8_t *b)
{
    if ((b[0] & 0xe0) != 0x20)
        return false;
    if (b[0] == 0x20 && b[1] == 0x01)
        return !(b[2] < 0x02) && !(b[2] == 0x0d && b[3] == 0xb8);
    return !(b[0] == 0x20 && b[1] == 0x02) && !(b[0] == 0x3f && b[1] == 0xff);
}

static uint32_t word_of(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

bool cw_fetch_is_public(const cw_addr *addr)
{
    if (cw_addr_family(addr) == AF_INET)
        return is_public_v4(ntohl(addr->in4.sin_addr.s_addr));
    if (cw_addr_family(addr) != AF_INET6)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr))
        return is_public_v4(word_of(addr->in6.sin6_addr.s6_addr + 12));
    return is_public_v6(addr->in6.sin6_addr.s6_addr);
}

/* ── URLs ── */

static bool is_listed(char *const *hosts, const char *host)
{
    if (!hosts || !*hosts)
        return true;
    for (; *hosts; hosts++)
        if ((*hosts)[0] == '*' && (*hosts)[1] == '.' ? g_str_has_suffix(host, *hosts + 1)
                                                     : g_ascii_strcasecmp(host, *hosts) == 0)
            return true;
    return false;
}

static char *part_of(CURLU *url, CURLUPart what)
{
    g_autofree char *copy = NULL;
    char *text = NULL;

    if (curl_url_get(url, what, &text, 0) == CURLUE_OK)
        copy = g_strdup(text);
    curl_free(text);
    return g_steal_pointer(&copy);
}

static bool is_plain(const char *url)
{
    for (; *url; url++)
        if (*url <= 0x20 || *url >= 0x7f || strchr("\\\"<>^`{|}", *url))
            return false;
    return true;
}

bool cw_fetch_url_ok(const cw_fetch_rules *rules, const char *url)
{
    CURLU *parsed = strlen(url) <= URL_MAX && is_plain(url) ? curl_url() : NULL;
    bool good =
        parsed && curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK;
    g_autofree char *scheme = good ? part_of(parsed, CURLUPART_SCHEME) : NULL;
    g_autofree char *host = good ? part_of(parsed, CURLUPART_HOST) : NULL;
    g_autofree char *lower = host ? g_ascii_strdown(host, -1) : NULL;

    good = (g_strcmp0(scheme, "https") == 0 || (rules->plain && g_strcmp0(scheme, "http") == 0)) &&
           lower && *lower && is_listed(rules->hosts, lower);
    curl_url_cleanup(parsed);
    return good;
}
