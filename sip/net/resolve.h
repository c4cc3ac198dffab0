/* resolve.h - where a request goes (RFC 3263 4): NAPTR, SRV, addresses, by c-ares, with a deadline.
 *
 * Loop thread. No call blocks: sockets are watched on the loop. Answers are kept as long as they
 * say, within bounds; names that are not found for some seconds.
 */
#ifndef CW_SIP_RESOLVE_H
#define CW_SIP_RESOLVE_H

#include "base/addr.h"
#include "base/loop.h"
#include "sip/text/uri.h"

typedef struct cw_resolver cw_resolver;
typedef struct cw_resolve cw_resolve; /* one question */

#define CW_RESOLVE_MAX 12 /* hops given to the asker */

typedef struct cw_sip_hop {
    cw_sip_transport transport;
    cw_addr addr;
} cw_sip_hop;

typedef struct cw_resolver_conf {
    unsigned timeout_ms;
    const char *servers; /* "192.0.2.1:53,192.0.2.2"; NULL: the system's */
    unsigned keep_max_s; /* longest that an answer is kept; 0: none is */
    unsigned deny_s;     /* how long it is remembered that there is nothing */
    unsigned transports; /* bits 1 << cw_sip_transport: those we have */
} cw_resolver_conf;

/* CW_E_IO: c-ares would not start. */
CW_NODISCARD cw_err cw_resolver_new(cw_loop *loop, const cw_resolver_conf *conf,
                                    cw_resolver **ret) CW_ON_LOOP;
/* Questions that are open are dropped without a call. */
void cw_resolver_free(cw_resolver *resolver) CW_ON_LOOP;

/* CW_OK with n >= 1 hops, in the order to try them; or CW_E_DNS. Never called before
 * cw_resolve_start returns, and not later than timeout_ms after. The question is gone when it
 * returns. */
typedef void cw_resolve_fn(void *arg, cw_err err, const cw_sip_hop *hops, unsigned n);

/* Ask for `host`. A host with a port or an address is not looked up as SRV. `any`: the transport
 * may be another, as NAPTR or SRV say; then `transport` is that of a host without either. */
cw_resolve *cw_resolve_start(cw_resolver *resolver, const cw_sip_host *host,
                             cw_sip_transport transport, bool any, cw_resolve_fn *fn,
                             void *arg) CW_ON_LOOP;
void cw_resolve_cancel(cw_resolve *resolve) CW_ON_LOOP; /* NULL is fine */

unsigned cw_resolver_pending(const cw_resolver *resolver) CW_ON_LOOP;

/* --- resolve_answer.c: what DNS messages say; pure --- */

typedef struct cw_srv {
    char name[256];
    uint16_t port, priority, weight;
} cw_srv;

/* By its flags (RFC 3403 6.2, RFC 3404 4.3). "u" leads to URIs and is none of ours. */
typedef enum cw_naptr_next {
    CW_NAPTR_SRV,   /* "s" */
    CW_NAPTR_HOST,  /* "a": addresses of the name */
    CW_NAPTR_NAPTR, /* "": another domain */
} cw_naptr_next;

typedef struct cw_naptr {
    char name[256]; /* to ask for `next` */
    cw_naptr_next next;
    cw_sip_transport transport; /* not of CW_NAPTR_NAPTR */
    bool secure;                /* SIPS+…; not of CW_NAPTR_NAPTR */
    unsigned order, preference;
} cw_naptr;

/* Into `ret`, in the order of RFC 2782, drawn anew each time; how many. *ttl_s is lowered. */
unsigned cw_srv_read(const unsigned char *answer, int len, cw_srv *ret, unsigned max,
                     unsigned *ttl_s) CW_ON_LOOP;
/* Only those of SIP, best first. */
unsigned cw_naptr_read(const unsigned char *answer, int len, cw_naptr *ret, unsigned max,
                       unsigned *ttl_s) CW_ON_LOOP;
void cw_srv_order(cw_srv *all, unsigned n) CW_ON_LOOP;

/* --- any --- */

/* A question of any type. `fn` gets the answer as it came, NULL: none; exactly once, perhaps before
 * this returns, and at the latest from cw_resolver_free. */
typedef void cw_resolver_answer_fn(void *arg, const unsigned char *answer, int len);
void cw_resolver_query(cw_resolver *resolver, const char *name, int type, cw_resolver_answer_fn *fn,
                       void *arg) CW_ON_LOOP;

#endif
