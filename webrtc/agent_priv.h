/* agent_priv.h - inside webrtc/agent*.c. */
#ifndef CW_WEBRTC_AGENT_PRIV_H
#define CW_WEBRTC_AGENT_PRIV_H

#include "webrtc/agent.h"

#include <glib.h>
#include <nice/agent.h>
#include <pthread.h>
#include <stdatomic.h>

typedef enum cw_agent_op {
    AGENT_START,
    AGENT_REMOTE,
    AGENT_ADD,
    AGENT_END,
    AGENT_RESTART,
    AGENT_LOOK,    /* which pair is selected? */
    AGENT_SILENCE, /* libnice gave it up */
    AGENT_CLOSE,
    AGENT_DESTROY, /* the last reference is gone; the order has none */
} cw_agent_op;

typedef struct cw_agent_order {
    struct cw_agent_order *next;
    cw_agent_op op;
    cw_agent *agent; /* a reference, but see AGENT_DESTROY */
    char *ufrag, *pwd;
    cw_candidate candidate;
} cw_agent_order;

typedef struct cw_ice_thread {
    cw_agents *agents;
    pthread_t thread;
    bool running CW_OF_LOOP;
    GMainContext *context;
    int wake; /* eventfd */

    pthread_mutex_t lock;
    cw_agent_order *first, **last;
    bool stop, stopped;

    unsigned live CW_OF_ICE; /* NiceAgents and questions for names not yet gone */
} cw_ice_thread;

/* A server's addresses as last looked up. */
typedef struct cw_lookup {
    const cw_ice_server *server;
    char *ip4, *ip6;   /* NULL: none; under agents->names_lock */
    uint64_t asked_us; /* 0: never */
} cw_lookup;

/* The way to a relay that wants TLS. */
typedef struct cw_tunnel {
    const cw_ice_server *server;
    GSocketListener *listener; /* NULL: none */
    GTlsDatabase *authorities; /* NULL: the machine's */
    char *ip;
    guint16 port; /* where libnice thinks the relay is */
    cw_ice_thread *thread CW_OF_ICE;
} cw_tunnel;

struct cw_agents {
    atomic_uint refs; /* the loop's and each agent's */
    cw_loop *loop;
    cw_agents_conf conf;
    unsigned thread_n, next CW_OF_LOOP;
    cw_ice_thread *thread;

    GCancellable *end;
    pthread_mutex_t names_lock;
    cw_lookup stun, turn[CW_TURN_MAX];
    cw_tunnel tunnel[CW_TURN_MAX];
};

struct cw_agent {
    atomic_uint refs;
    cw_agents *agents; /* a reference */
    cw_ice_thread *thread;
    bool controlling;
    cw_transport *transport;   /* set by cw_agent_start */
    _Atomic(NiceAgent *) nice; /* NULL: not yet; then until AGENT_DESTROY */
    atomic_uint stream;

    cw_agent_fn *fn CW_OF_LOOP; /* NULL after cw_agent_free */
    void *arg CW_OF_LOOP;
    bool started CW_OF_LOOP;

    bool closed CW_OF_ICE;
};

cw_agent *cw_agent_ref(cw_agent *agent); /* any thread */
void cw_agent_unref(cw_agent *agent);    /* any thread */
/* Have the thread do it. Any thread. */
void cw_agent_give(cw_agent *agent, cw_agent_op op, const char *ufrag, const char *pwd,
                   const cw_candidate *candidate);
/* Tell the loop. Any thread. */
void cw_agent_tell(cw_agent *agent, const cw_agent_event *event);

/* agent_nice.c */
void cw_agent_do(const cw_agent_order *order) CW_ON_ICE;
/* Look names up that were not for a while. */
void cw_names_refresh(cw_ice_thread *thread) CW_ON_ICE;

/* agent_tls.c. False when it cannot be; a log line says why. Any thread. */
bool cw_tunnel_open(cw_tunnel *tunnel, const cw_ice_server *server, int family);
void cw_tunnel_clear(cw_tunnel *tunnel); /* any thread */
void cw_tunnel_run(cw_tunnel *tunnel, cw_ice_thread *thread) CW_ON_ICE;

#endif
