/* register_priv.h - what the files of registrations share. Loop thread. */
#ifndef CW_SIP_REGISTER_PRIV_H
#define CW_SIP_REGISTER_PRIV_H

#include "sip/priv.h"
#include "sip/register.h"

#define CW_SIP_TOKEN_LEN 20 /* characters of a Contact's user part */

typedef struct cw_sip_ims cw_sip_ims;

typedef enum cw_sip_reg_state {
    REG_NEW,
    REG_TRYING,
    REG_BOUND,
    REG_REFRESHING,
    REG_HELD,
    REG_WAITING,
    REG_REFUSED,
    REG_LEAVING,
    REG_DONE,
} cw_sip_reg_state;

typedef enum cw_sip_reg_event {
    REG_EV_START,
    REG_EV_ACCEPTED,
    REG_EV_AGAIN,
    REG_EV_FAILED,
    REG_EV_REFUSED,
    REG_EV_TIMER,
    REG_EV_LAPSED,
    REG_EV_LEAVE,
    REG_EV_EXPELLED,
    REG_EV_RENEW,
    REG_EV_PROBATION,
} cw_sip_reg_event;

/* What a 200 to REGISTER says of our binding. */
typedef struct cw_sip_binding {
    unsigned expires_s;
    GStrv route;      /* Service-Route; NULL: none */
    GStrv associated; /* NULL: none */
    char *gruu, *temp_gruu;
} cw_sip_binding;

/* Own Contact by URI (RFC 3261 19.1.4) or by instance, among others'. `own` is
 * "sip:token@host:port", `instance` "urn:uuid:…". Replaces what *ret has.
 *
 * CW_E_NOT_FOUND    there are Contacts, none of them ours with time left
 * CW_E_UNSUPPORTED  a Service-Route we cannot use; *ret is as before
 */
CW_NODISCARD cw_err cw_sip_binding_take(cw_sip_binding *ret, const sip_t *sip, const char *own,
                                        const char *instance, unsigned asked_s) CW_ON_LOOP;
void cw_sip_binding_clear(cw_sip_binding *binding); /* pure */

struct cw_sip_registrar {
    cw_sip *sip;
    char *domain, *proxy;
    cw_sip_transport transport;
    unsigned expires_s, retry_s, retry_max_s;
    bool outbound, gruu;
    char *realm;
    cw_sip_ims *ims;              /* ims.h; NULL: no IMS core */
    cw_addr addr[CW_RESOLVE_MAX]; /* usable ones */
    unsigned addr_n, at;          /* at: the one in use */
    uint64_t found_ms;            /* monotonic; 0: never */
    cw_sip_lookup *lookup;
    GQueue waiting; /* of cw_sip_reg: for an address */
    /* Of the address in use. */
    char *url, *contact; /* "sip:192.0.2.9:5060;transport=udp"; "192.0.2.1:5060" */
    char ident[8];       /* the listener that reaches it */
};

/* Is there an address to send to? If not, `reg` is sent on or failed when that is known. */
bool cw_sip_registrar_ready(cw_sip_registrar *registrar, cw_sip_reg *reg) CW_ON_LOOP;
void cw_sip_registrar_forget(cw_sip_registrar *registrar, cw_sip_reg *reg) CW_ON_LOOP;
/* Address `at` did not answer: true when there is another. */
bool cw_sip_registrar_next(cw_sip_registrar *registrar, unsigned at) CW_ON_LOOP;

/* ";transport=tcp", or nothing for UDP; for URIs. Pure. */
const char *cw_sip_registrar_param(const cw_sip_registrar *registrar);

struct cw_sip_reg {
    cw_sip_registrar *registrar;
    const cw_sip_reg_ops *ops; /* NULL: nobody is told */
    void *arg;
    cw_sip_account *account; /* NULL: none */
    cw_timer *timer;
    nta_outgoing_t *orq;
    GList link;                             /* in registrar->waiting */
    bool waits;                             /* it is */
    bool no_regid;                          /* the first hop does not do outbound (RFC 5626 6) */
    uint8_t state, answered, longer, moves; /* moves: addresses given up in this attempt */
    uint8_t at;                             /* address the last REGISTER went to */
    unsigned failures;                      /* in a row */
    uint32_t cseq;
    unsigned asked_s;
    unsigned requests, accepted;
    uint64_t until_ms, retry_ms;
    unsigned retry_after_s; /* of the response; 0: none */
    cw_err err;
    int status;
    bool news;  /* the last 200 granted something else than the one before */
    char *aor;  /* "sip:user@domain" */
    char *user; /* of From, unescaped */
    char *host; /* of From; NULL: the domain */
    char *private_identity;
    GStrv initial, every; /* as last told to cw_sip_reg_target */
    cw_sip_sub *watch;    /* regevent.c; NULL: none */
    uint8_t uuid[16];
    char token[CW_SIP_TOKEN_LEN + 1];
    char call_id[CW_SIP_TOKEN_LEN + 1];
    cw_sip_binding binding;
};

void cw_sip_reg_run(cw_sip_reg *reg, cw_sip_reg_event event) CW_ON_LOOP;
void cw_sip_reg_free(cw_sip_reg *reg) CW_ON_LOOP;
/* From follows the identity that the registrar gave. */
void cw_sip_reg_take_identity(cw_sip_reg *reg) CW_ON_LOOP;
void cw_sip_reg_take_route(cw_sip_reg *reg) CW_ON_LOOP; /* the proxy before what was named */
char *cw_sip_reg_instance(const cw_sip_reg *reg);       /* pure; "urn:uuid:…" */

/* Send a REGISTER for `asked_s`, now or once there is an address. What comes of it is an event,
 * also a failure at once, but never before this returns. */
void cw_sip_reg_transmit(cw_sip_reg *reg) CW_ON_LOOP;

#define MOVE(from, event, to, action) void cw_sip_reg_do_##action(cw_sip_reg *reg) CW_ON_LOOP;
#include "sip/register/register.fsm"
#undef MOVE

#endif
