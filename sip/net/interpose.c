#include "sip/net/interpose.h"

#include "base/stats.h"

#include <sofia-sip/msg.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/su_addrinfo.h>
#include <sofia-sip/sresolv.h>
#include <sofia-sip/tport.h>
#include <sofia-resolv/sres.h>

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>

static atomic_uint lookups, binds;

/* In place of libsofia's: the system's resolver may only read numbers. */
int su_getaddrinfo(char const *node, char const *service, su_addrinfo_t const *hints,
                   su_addrinfo_t **res)
{
    struct addrinfo numeric = { 0 };
    int rc;

    if (hints) {
        numeric.ai_flags = hints->ai_flags;
        numeric.ai_family = hints->ai_family;
        numeric.ai_socktype = hints->ai_socktype;
        numeric.ai_protocol = hints->ai_protocol;
    }
    numeric.ai_flags |= AI_NUMERICHOST;
    rc = getaddrinfo(node, service, &numeric, res);
    atomic_fetch_add(rc ? &lookups : &binds, 1);
    return rc;
}

/* In place of libsofia's: no question ever leaves, the transaction fails at once. */
sres_query_t *sres_query(sres_resolver_t *res, sres_answer_f *callback, sres_context_t *context,
                         uint16_t type, char const *domain)
{
    atomic_fetch_add(&lookups, 1);
    errno = ENETDOWN;
    return NULL;
}

sres_query_t *sres_query_sockaddr(sres_resolver_t *res, sres_answer_f *callback,
                                  sres_context_t *context, uint16_t type,
                                  struct sockaddr const *addr)
{
    atomic_fetch_add(&lookups, 1);
    errno = ENETDOWN;
    return NULL;
}

sres_query_t *sres_search(sres_resolver_t *res, sres_answer_f *callback, sres_context_t *context,
                          uint16_t type, char const *domain)
{
    atomic_fetch_add(&lookups, 1);
    errno = ENETDOWN;
    return NULL;
}

int sres_blocking_query(sres_resolver_t *res, uint16_t type, char const *domain, int ignore_cache,
                        sres_record_t ***return_records)
{
    atomic_fetch_add(&lookups, 1);
    errno = ENETDOWN;
    return -1;
}

int sres_blocking_search(sres_resolver_t *res, uint16_t type, char const *name, int ignore_cache,
                         sres_record_t ***return_records)
{
    atomic_fetch_add(&lookups, 1);
    errno = ENETDOWN;
    return -1;
}

/* In place of libsofia's, which answers STUN on the SIP port to anybody, and writes a line on
 * standard error about each. No header of its declares it. */
int tport_recv_stun_dgram(tport_t const *tp, msg_t **msg, su_sockaddr_t *from, socklen_t len);
int tport_recv_stun_dgram(tport_t const *tp, msg_t **msg, su_sockaddr_t *from, socklen_t len)
{
    cw_stat_inc(CW_STAT_sip_refused);
    msg_destroy(*msg);
    *msg = NULL;
    return 0;
}

static bool is_ours(const char *name, const void *ours)
{
    return dlsym(RTLD_DEFAULT, name) == ours;
}

bool cw_sip_interposed(void)
{
    return is_ours("su_getaddrinfo", (const void *)su_getaddrinfo) &&
           is_ours("tport_recv_stun_dgram", (const void *)tport_recv_stun_dgram) &&
           is_ours("sres_query", (const void *)sres_query) &&
           is_ours("sres_query_sockaddr", (const void *)sres_query_sockaddr) &&
           is_ours("sres_search", (const void *)sres_search) &&
           is_ours("sres_blocking_query", (const void *)sres_blocking_query) &&
           is_ours("sres_blocking_search", (const void *)sres_blocking_search);
}

unsigned cw_sip_interposed_lookups(void)
{
    return atomic_load(&lookups);
}

unsigned cw_sip_interposed_binds(void)
{
    return atomic_load(&binds);
}
