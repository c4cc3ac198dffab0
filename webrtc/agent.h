/* agent.h - full ICE by libnice (RFC 8445, RFC 8838, RFC 8656): agents in threads of their own.
 *
 * The loop says what shall be, the agent's thread does it in order, and what comes of it is told on
 * the loop. Packets go by the carrier: in to the worker as cw_transport_input(), out by send(), or
 * straight from the worker by the pair's own socket when that is UDP without a relay.
 */
#ifndef CW_WEBRTC_AGENT_H
#define CW_WEBRTC_AGENT_H

#include "base/loop.h"
#include "media/plane.h"
#include "webrtc/candidate.h"

#define CW_AGENT_ADDRS 8
#define CW_TURN_MAX    8 /* libnice takes no more */

/* libnice gives consent up after this much silence, RFC 7675 5.1 after 30 s at most. */
#define CW_AGENT_CONSENT_MS 10000

typedef struct cw_agents cw_agents; /* the threads */
typedef struct cw_agent cw_agent;   /* one peer's */

typedef enum cw_relay_way { CW_RELAY_UDP, CW_RELAY_TCP, CW_RELAY_TLS } cw_relay_way;

/* Strings are borrowed for ever. */
typedef struct cw_ice_server {
    const char *host; /* address or name; NULL: none */
    uint16_t port;
    cw_relay_way way;
    const char *username, *password;
    const char *ca; /* TLS: PEM file of authorities; NULL: the machine's */
} cw_ice_server;

typedef struct cw_agents_conf {
    unsigned threads;
    cw_ice_server stun;
    unsigned turn_n;
    cw_ice_server turn[CW_TURN_MAX];
    bool tcp;                    /* ICE-TCP (RFC 6544), passive */
    uint16_t port_min, port_max; /* of our sockets; 0: any */
    unsigned addr_n;
    cw_addr addr[CW_AGENT_ADDRS]; /* the machine's, for host candidates */
    cw_addr public4, public6;     /* what stands in their place (1:1 NAT); AF_UNSPEC: nothing */
} cw_agents_conf;

typedef enum cw_agent_what {
    CW_AGENT_CANDIDATE, /* local[0] is one of ours */
    CW_AGENT_GATHERED,  /* no more of ours */
    CW_AGENT_SELECTED,  /* a pair, or another: `local` and `remote` */
    CW_AGENT_SILENT,    /* the pair's far side has not consented for CW_AGENT_CONSENT_MS */
} cw_agent_what;

typedef struct cw_agent_event {
    cw_agent_what what;
    cw_candidate local, remote;
} cw_agent_event;

typedef void cw_agent_fn(void *arg, const cw_agent_event *event);

/* CW_E_INTERNAL when the kernel refuses threads or descriptors. */
CW_NODISCARD cw_err cw_agents_new(cw_loop *loop, const cw_agents_conf *conf,
                                  cw_agents **ret) CW_ON_LOOP;
/* After the agents; waits up to a second for relays to be given back. NULL is fine. */
void cw_agents_free(cw_agents *agents) CW_ON_LOOP;

/* `fn` runs on the loop, not after cw_agent_free. Nothing happens before cw_agent_start. */
cw_agent *cw_agent_new(cw_agents *agents, bool controlling, cw_agent_fn *fn, void *arg) CW_ON_LOOP;
/* Gather candidates; ufrag and pwd are ours. */
void cw_agent_start(cw_agent *agent, cw_transport *transport, const char *ufrag,
                    const char *pwd) CW_ON_LOOP;
/* The far side's, from now on; again after a restart. */
void cw_agent_remote(cw_agent *agent, const char *ufrag, const char *pwd) CW_ON_LOOP;
void cw_agent_add(cw_agent *agent, const cw_candidate *candidate) CW_ON_LOOP; /* one of theirs */
void cw_agent_end(cw_agent *agent) CW_ON_LOOP; /* no more of theirs */
/* New credentials of ours: checks begin anew, media goes on (RFC 8445 9). */
void cw_agent_restart(cw_agent *agent, const char *ufrag, const char *pwd) CW_ON_LOOP;
void cw_agent_free(cw_agent *agent) CW_ON_LOOP; /* no further events; NULL is fine */

/* One that holds the agent until its release(). Any thread that has the agent. */
cw_carrier cw_agent_carrier(cw_agent *agent);

/* Is it of use to check towards? UDP or TCP, of component 1, and an address a peer may have: a
 * name, a group or, unless we are there ourselves, the machine itself is not. Pure. */
bool cw_agent_wants(const cw_agents *agents, const cw_candidate *candidate);

#endif
