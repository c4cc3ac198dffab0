#include "sip/net/hops.h"

#define HOPS_MAX 1024

struct cw_sip_hops {
    GHashTable *bad; /* "tls 192.0.2.1:5061 example.com" -> bad_hop */
};

typedef struct bad_hop {
    cw_err why;
    uint64_t until_ms;
} bad_hop;

cw_sip_hops *cw_sip_hops_new(void)
{
    cw_sip_hops *hops = g_new0(cw_sip_hops, 1);

    hops->bad = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return hops;
}

void cw_sip_hops_free(cw_sip_hops *hops)
{
    if (!hops)
        return;
    g_hash_table_unref(hops->bad);
    g_free(hops);
}

static char *key_of(const cw_sip_way *way)
{
    char addr[CW_ADDR_STR];

    return g_strdup_printf("%s %s %s", cw_sip_transport_name(way->transport),
                           cw_addr_print(&way->addr, addr), way->name ? way->name : "");
}

static gboolean is_over(void *key, void *value, void *now)
{
    return ((bad_hop *)value)->until_ms <= *(uint64_t *)now;
}

void cw_sip_hop_failed(cw_sip_hops *hops, const cw_sip_way *way, cw_err why, uint64_t for_ms)
{
    uint64_t now = cw_now_ms();
    bad_hop *bad;

    if (for_ms == 0)
        return;
    if (g_hash_table_size(hops->bad) >= HOPS_MAX)
        g_hash_table_foreach_remove(hops->bad, is_over, &now);
    if (g_hash_table_size(hops->bad) >= HOPS_MAX)
        return;
    bad = g_new0(bad_hop, 1);
    bad->why = why;
    bad->until_ms = now + for_ms;
    g_hash_table_replace(hops->bad, key_of(way), bad);
}

void cw_sip_hop_works(cw_sip_hops *hops, const cw_sip_way *way)
{
    g_autofree char *key = NULL;

    if (g_hash_table_size(hops->bad) == 0)
        return;
    key = key_of(way);
    g_hash_table_remove(hops->bad, key);
}

cw_err cw_sip_hop_fault(const cw_sip_hops *hops, const cw_sip_way *way)
{
    g_autofree char *key = NULL;
    const bad_hop *bad;

    if (g_hash_table_size(hops->bad) == 0)
        return CW_OK;
    key = key_of(way);
    bad = g_hash_table_lookup(hops->bad, key);
    return bad && bad->until_ms > cw_now_ms() ? bad->why : CW_OK;
}

unsigned cw_sip_hops_bad(const cw_sip_hops *hops)
{
    uint64_t now = cw_now_ms();

    g_hash_table_foreach_remove(hops->bad, is_over, &now);
    return g_hash_table_size(hops->bad);
}
