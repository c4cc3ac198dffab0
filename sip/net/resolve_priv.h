/* resolve_priv.h - between resolver.c and resolve.c. Loop thread. */
#ifndef CW_SIP_RESOLVE_PRIV_H
#define CW_SIP_RESOLVE_PRIV_H

#include "sip/net/resolve.h"

#include <ares.h>
#include <glib.h>

#define SRV_MAX   8 /* servers of one name */
#define WAYS_MAX  3 /* transports */
#define CHAIN_MAX 3 /* NAPTR records that lead to others, one after the other */

struct cw_resolver {
    cw_loop *loop;
    ares_channel channel;
    cw_resolver_conf conf;
    GHashTable *watches; /* fd -> cw_watch */
    GHashTable *kept;    /* "tls * example.com" -> kept_answer */
    cw_timer *tick;      /* c-ares' own retries */
    GQueue asked;        /* cw_resolve, open */
};

typedef struct kept_answer {
    uint64_t until_ms, stale_ms; /* good until; better than nothing until */
    unsigned n;                  /* 0: there is nothing */
    cw_sip_hop hops[CW_RESOLVE_MAX];
} kept_answer;

/* A server, and what its name stands for. */
typedef struct target {
    cw_srv srv;
    unsigned n;
    cw_addr addrs[4];
} target;

/* One transport of the host: its SRV name, its servers. */
typedef struct way {
    cw_sip_transport transport;
    char name[256];
    bool direct; /* `name` is a host, not an SRV record's */
    target targets[SRV_MAX];
    unsigned n;
} way;

/* What c-ares holds while a question of ours is open. */
typedef struct asking {
    cw_resolve *resolve;
    unsigned way, target; /* NONE: NAPTR */
} asking;

struct cw_resolve {
    cw_resolver *resolver;
    GList link;        /* in resolver->asked while open */
    cw_resolve_fn *fn; /* NULL: told or cancelled */
    void *arg;
    cw_timer *timer;    /* the deadline; at once for what needs no question */
    unsigned questions; /* c-ares still holds us */
    char name[256];
    uint16_t port; /* 0: not given */
    cw_sip_transport transport;
    bool any, secure;
    unsigned chained; /* NAPTR questions that led to another */
    char *key;        /* under which the answer is kept; NULL: it is not */
    unsigned ttl_s;   /* of the answer so far */
    way ways[WAYS_MAX];
    unsigned n;
    cw_err err;
    cw_sip_hop hops[CW_RESOLVE_MAX];
    unsigned hops_n;
};

/* c-ares wants to be called again when its next retry is due. */
void cw_resolver_arm(cw_resolver *resolver) CW_ON_LOOP;

/* c-ares may still hold it: then it goes with the last answer. */
void cw_resolve_close(cw_resolve *resolve) CW_ON_LOOP;

#endif
