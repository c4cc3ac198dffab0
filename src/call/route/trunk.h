/* trunk.h - what the files trunk*.c share. Loop thread. */
#ifndef CW_CALL_TRUNK_H
#define CW_CALL_TRUNK_H

#include "call/priv.h"
#include "sip/request.h"

#define ADDRS_MAX 8 /* of one trunk */

typedef enum cw_trunk_state { TRUNK_UNKNOWN, TRUNK_UP, TRUNK_DOWN } cw_trunk_state;

typedef struct cw_trunk {
    struct cw_trunks *trunks;
    const struct cw_conf_trunk *conf;
    cw_addr addr[ADDRS_MAX]; /* calls may come from them */
    unsigned addr_n;
    bool is_name; /* `addr` is what its name meant last */
    cw_sip_lookup *lookup;

    cw_trunk_state state;   /* by OPTIONS; UNKNOWN: not asked, or not yet */
    bool draining;          /* no new calls, by an administrator */
    uint64_t state_ms;      /* since when; 0: from the start */
    uint64_t held_until_ms; /* it said so in Retry-After; 0: not */
    cw_timer *probe_timer;
    cw_sip_query *probe;
    unsigned well, ill; /* answers and silences in a row */

    double tokens; /* calls it may start now, of calls_per_s */
    uint64_t tokens_ms;

    unsigned now;
    uint64_t started, answered, failed, skipped;
    cw_err last_err; /* of the last call that failed */
    int last_status;
    uint64_t last_ms; /* monotonic; 0: never */
} cw_trunk;

struct cw_trunks {
    cw_loop *loop;
    const cw_conf *conf;
    cw_sip *sip;
    cw_timer *refresh; /* NULL: every trunk is written as an address */
    size_t n;
    cw_trunk *all;
    bool any;      /* sip.peers has "*" */
    GArray *peers; /* of cw_net */
};

void cw_trunks_probe(cw_trunks *trunks) CW_ON_LOOP; /* begin to ask, where that is wanted */

const char *cw_trunk_state_name(const cw_trunk *t); /* "up" */

/* A member of a group: "name", "name/priority", "name/priority/weight". */
typedef struct cw_member {
    const struct cw_conf_trunk *trunk;
    unsigned priority, weight; /* as in SRV: lower first; more often */
} cw_member;

/* CW_E_CONF: no trunk of this name, or no such number. Pure. */
CW_NODISCARD cw_err cw_member_parse(const cw_conf *conf, const char *text, cw_member *ret);

#endif
