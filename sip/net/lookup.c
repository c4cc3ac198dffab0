/* lookup.c - the stack's resolver for those above it. */
#include "sip/priv.h"

#include <string.h>

struct cw_sip_lookup {
    cw_resolve *resolve;
    cw_sip_lookup_fn *fn;
    void *arg;
};

static void on_resolved(void *arg, cw_err err, const cw_sip_hop *hops, unsigned n)
{
    cw_sip_lookup *lookup = arg;
    cw_addr addrs[CW_RESOLVE_MAX];

    cw_assert_on_loop();
    lookup->resolve = NULL;
    for (unsigned i = 0; i < n; i++)
        addrs[i] = hops[i].addr;
    lookup->fn(lookup->arg, err, addrs, n);
}

cw_err cw_sip_lookup_new(cw_sip *sip, const char *host, cw_sip_transport transport, bool any,
                         cw_sip_lookup_fn *fn, void *arg, cw_sip_lookup **ret)
{
    cw_sip_lookup *lookup;
    cw_sip_host parsed;
    cw_err err = cw_sip_host_parse(host, strlen(host), &parsed);

    if (err)
        return err;
    lookup = g_new0(cw_sip_lookup, 1);
    lookup->fn = fn;
    lookup->arg = arg;
    lookup->resolve = cw_resolve_start(sip->resolver, &parsed, transport, any, on_resolved, lookup);
    *ret = lookup;
    return CW_OK;
}

void cw_sip_lookup_free(cw_sip_lookup *lookup)
{
    if (!lookup)
        return;
    cw_resolve_cancel(lookup->resolve);
    g_free(lookup);
}
