/* register.h - registrations on behalf of users (RFC 3261 10; Service-Route RFC 3608, Path RFC
 * 3327, instances and back-off RFC 5626, GRUU RFC 5627).
 *
 * Loop thread. All users share the stack's sockets; a user costs a timer and some text. Requests to
 * a user's Contact are told apart by its user part.
 */
#ifndef CW_SIP_REGISTER_H
#define CW_SIP_REGISTER_H

#include "sip/sip.h"

typedef struct cw_sip_registrar cw_sip_registrar; /* where some users are registered */
typedef struct cw_sip_reg cw_sip_reg;             /* one user's registration */

/* What is behind a registrar: a proxy as any, an IMS core's P-CSCF for us as a UE (Gm, 3GPP
 * TS 24.229), or the core itself, whose eP-CSCF we are (Mw, TS 24.371). */
typedef enum cw_sip_access { CW_SIP_ACCESS_NONE, CW_SIP_ACCESS_GM, CW_SIP_ACCESS_MW } cw_sip_access;

typedef struct cw_sip_registrar_conf {
    const char *domain; /* host[:port]: of the users, and the request URI */
    const char *proxy;  /* next hop, host[:port]; NULL: the domain */
    cw_sip_transport transport;
    unsigned expires_s;            /* asked for; what the registrar grants counts */
    unsigned retry_s, retry_max_s; /* base and longest of the back-off (RFC 5626 4.5) */
    bool outbound;                 /* reg-id in the Contact (RFC 5626 4.2) */
    bool gruu;                     /* ask for one, and use it */
    const char *realm;             /* of the users' private identities; NULL: the domain */
    struct {
        cw_sip_access access;
        const char *visited;         /* Mw: P-Visited-Network-ID; NULL: the domain */
        const char *network;         /* P-Access-Network-Info; NULL: none */
        const char *const *services; /* ICSIs, NULL-ended; may be NULL */
        bool vouched; /* Mw: users are authenticated by us, the core asks for nothing */
    } ims;
} cw_sip_registrar_conf;

/* Strings are copied. CW_E_PARAMS: domain or proxy is no host. */
CW_NODISCARD cw_err cw_sip_registrar_new(cw_sip *sip, const cw_sip_registrar_conf *conf,
                                         cw_sip_registrar **ret) CW_ON_LOOP;
/* Its registrations are gone or leave (those are dropped); before the stack. NULL is fine. */
void cw_sip_registrar_free(cw_sip_registrar *registrar) CW_ON_LOOP;
/* Is this one of its addresses, as found last? */
bool cw_sip_registrar_is(const cw_sip_registrar *registrar, const cw_addr *source) CW_ON_LOOP;
void cw_sip_registrar_look(cw_sip_registrar *registrar) CW_ON_LOOP; /* find its addresses now */

typedef enum cw_sip_reg_status {
    CW_SIP_REG_TRYING,  /* nothing is known yet, or again */
    CW_SIP_REG_ON,      /* bound at the registrar */
    CW_SIP_REG_FAILED,  /* not bound; it is tried again by itself */
    CW_SIP_REG_REFUSED, /* not bound, and will not be without cw_sip_reg_again */
} cw_sip_reg_status;

/* How it is now. Texts live until the next change. */
typedef struct cw_sip_reg_info {
    cw_sip_reg_status status;
    const char *identity;          /* URI: the first P-Associated-URI, else "sip:user@domain" */
    const char *const *associated; /* P-Associated-URI (RFC 7315 4.1), NULL-ended; may be NULL */
    const char *gruu, *temp_gruu;  /* NULL: none */
    const char *contact;           /* user part of the Contact */
    unsigned expires_s;            /* granted; 0: not bound */
    uint64_t until_ms;             /* monotonic: when the binding ends */
    uint64_t retry_ms;             /* monotonic: when it is tried again; 0: not planned */
    cw_err err;                    /* of the last try; CW_OK: it worked */
    int sip_status;                /* that ended the last try; 0: none */
    unsigned requests, accepted;   /* REGISTERs sent, 200s that bound */
} cw_sip_reg_info;

typedef struct cw_sip_reg_ops {
    /* Status, identity or expiry became another. Never within a call of this header's. */
    void (*changed)(void *arg);
} cw_sip_reg_ops;

typedef struct cw_sip_reg_conf {
    const char *name; /* ours for the user; with the identity, it makes instance and Contact */
    const char *user; /* of the address of record, unescaped */
    const char
        *private_identity; /* IMPI, with an IMS core; NULL: credentials.username, or user@domain */
    cw_sip_credentials credentials; /* username NULL: none */
} cw_sip_reg_conf;

/* Register, and stay registered. Strings are copied.
 *
 * CW_E_EXISTS  the same name has this identity here already
 */
CW_NODISCARD cw_err cw_sip_reg_new(cw_sip_registrar *registrar, const cw_sip_reg_conf *conf,
                                   const cw_sip_reg_ops *ops, void *arg,
                                   cw_sip_reg **ret) CW_ON_LOOP;
/* Try now, when it was refused or waits. */
void cw_sip_reg_again(cw_sip_reg *reg) CW_ON_LOOP;
/* Take the binding back (Expires: 0). Nobody is told any more; it frees itself. NULL is fine. */
void cw_sip_reg_leave(cw_sip_reg *reg) CW_ON_LOOP;

void cw_sip_reg_info_of(const cw_sip_reg *reg, cw_sip_reg_info *ret) CW_ON_LOOP;

/* The registration whose Contact has this user part: its `arg`. NULL: none. O(1). */
void *cw_sip_reg_find(const cw_sip *sip, const char *contact_user) CW_ON_LOOP;

/* Fill in what a request of this user goes out with: From, route, next hop, Contact, credentials,
 * and what an IMS core is told. The texts live until the registration changes, or this is called
 * for it again. */
void cw_sip_reg_target(cw_sip_reg *reg, cw_sip_target *target) CW_ON_LOOP;

#endif
