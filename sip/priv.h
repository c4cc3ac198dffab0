/* priv.h - what the files of sip/ share. Sofia's types end here. */
#ifndef CW_SIP_PRIV_H
#define CW_SIP_PRIV_H

#include "base/conf.h"
#include "base/stats.h"
#include "sip/transaction/auth.h"
#include "sip/dialog/dialog.h"
#include "sip/refer.h"
#include "sip/request.h"
#include "sip/net/hops.h"
#include "sip/net/resolve.h"
#include "sip/sip.h"

#define NTA_AGENT_MAGIC_T    struct cw_sip
#define NTA_OUTGOING_MAGIC_T struct cw_sip_send
#define NTA_INCOMING_MAGIC_T struct cw_sip_call
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>

#define CW_SIP_ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"

typedef struct cw_tls cw_tls; /* tls.h */

typedef struct cw_sip_send cw_sip_send;

/* A bound socket. */
typedef struct cw_sip_listener {
    cw_sip_transport transport;
    cw_addr addr; /* as bound, with the real port */
    char ident[8];
} cw_sip_listener;

struct cw_sip {
    cw_loop *loop;
    const cw_conf *conf;
    const cw_sip_ops *ops;
    void *arg;
    nta_agent_t *agent;
    cw_resolver *resolver;
    struct cw_enum_cache *enums;  /* enum.c; NULL: none kept yet */
    GPtrArray *listeners;         /* cw_sip_listener */
    struct cw_sip_routes *routes; /* transport.c */
    GHashTable *calls;            /* local tag -> cw_sip_call; each holds a reference */
    GHashTable *regs;             /* user part of Contact -> struct cw_sip_reg, borrowed */
    GHashTable *subs;             /* local tag -> GPtrArray of cw_sip_sub, each a reference */
    unsigned subs_n;              /* those that are not over */
    GQueue sends;                 /* cw_sip_send in flight */
    GQueue queries;               /* cw_sip_query */
    GQueue replies;               /* cw_sip_reply */
    cw_tls *tls;
    struct cw_sip_logins *logins; /* transaction/login.h; NULL: nobody is asked */
    cw_sip_hops *hops;
    cw_sip_peer peer;                 /* who sent the message being handled */
    GQueue streams;                   /* cw_sip_stream */
    GHashTable *streams_by_tp;        /* tport_t -> cw_sip_stream */
    GHashTable *stream_counts;        /* IP -> unsigned: inbound connections of an address */
    GQueue webs;                      /* cw_sip_web */
    GHashTable *webs_by_id;           /* &id -> cw_sip_web */
    GHashTable *webs_by_tp;           /* tport_t -> cw_sip_web */
    struct cw_sip_socket *web_socket; /* whose connections they are to Sofia */
    uint32_t webs_made;
    char *domain, *user_agent;
    unsigned unacked;  /* calls we answered that wait for their ACK */
    unsigned bad_seen; /* malformed messages already added to the counter */
};

/* --- transport.c: listeners, and which of them reaches a peer --- */

typedef struct cw_sip_routes cw_sip_routes;

cw_sip_routes *cw_sip_routes_new(void); /* pure; g_free it */

CW_NODISCARD cw_err cw_sip_listen(cw_sip *sip, const char *text, char why[static 128]) CW_ON_LOOP;

/* The listener for a peer and the address it sees us at. NULL: none of that family and transport.
 */
const cw_sip_listener *cw_sip_listener_for(const cw_sip *sip, cw_sip_transport transport,
                                           const cw_addr *peer, cw_addr *local) CW_ON_LOOP;

/* "<sip:user@192.0.2.1:5060;transport=tcp>" for that peer, `secure`: "<sips:…>"; NULL as above.
 * `user` is escaped. */
char *cw_sip_contact_for(const cw_sip *sip, cw_sip_transport transport, const cw_addr *peer,
                         const char *user, bool secure) CW_ON_LOOP;
json_t *cw_sip_listeners_json(const cw_sip *sip) CW_ON_LOOP;

/* --- sip/web: clients that came by WebSocket --- */

#define CW_SIP_WEB_IDENT "web" /* of what they are to Sofia */

/* What they are to Sofia; once. */
CW_NODISCARD cw_err cw_sip_web_listen(cw_sip *sip, char why[static 128]) CW_ON_LOOP;
cw_sip_web *cw_sip_web_find(const cw_sip *sip, uint64_t id) CW_ON_LOOP;     /* NULL: gone */
cw_sip_web *cw_sip_web_of(const cw_sip *sip, const tport_t *tp) CW_ON_LOOP; /* NULL: none's */
tport_t *cw_sip_web_tport(const cw_sip_web *web) CW_ON_LOOP;                /* NULL: it closes */
const cw_addr *cw_sip_web_alias(const cw_sip_web *web) CW_ON_LOOP; /* its address to Sofia */
bool cw_sip_web_is_alias(const cw_addr *addr);                     /* pure */
const char *cw_sip_web_contact(const cw_sip *sip, uint64_t id) CW_ON_LOOP; /* NULL: not there */
/* May it send this? Otherwise it was answered. `call`, `dialog`: that it is in; NULL: none. */
bool cw_sip_web_admits(cw_sip_web *web, msg_t *msg, const sip_t *message, cw_sip_call *call,
                       cw_sip_dialog *dialog) CW_ON_LOOP;
/* Its client's connection: the one it has, or the one that this end of theirs registered by since.
 * NULL: none. */
cw_sip_web *cw_sip_web_for(const cw_sip *sip, cw_sip_dialog *dialog) CW_ON_LOOP;
void cw_sip_web_mark(const cw_sip_web *web, cw_sip_dialog *dialog) CW_ON_LOOP; /* it is its */
bool cw_sip_web_is_user(const cw_sip_web *web, const url_t *url) CW_ON_LOOP;   /* their address */
void cw_sip_web_register(cw_sip_web *web, msg_t *msg, const sip_t *message) CW_ON_LOOP;

/* --- gate.c: every request that no transaction of ours was waiting for --- */

int cw_sip_on_message(cw_sip *sip, nta_agent_t *agent, msg_t *msg, sip_t *message) CW_ON_LOOP;
bool cw_sip_source_of(msg_t *msg, cw_addr *ret) CW_ON_LOOP; /* who sent it; false: no address */
size_t cw_sip_server_transactions(const cw_sip *sip) CW_ON_LOOP;
void cw_sip_count_bad(cw_sip *sip) CW_ON_LOOP;

/* --- target.c --- */

/* A new dialog's ids, parties and way from `target`; errors as cw_sip_call_new. */
CW_NODISCARD cw_err cw_sip_dialog_aim(const cw_sip *sip, cw_sip_dialog *dialog,
                                      const cw_sip_target *target) CW_ON_LOOP;
GStrv cw_sip_target_headers(const cw_sip_target *target); /* of the request alone; pure */
/* "\"Name\" <sip:user@domain>"; `domain` NULL: ours, `display` NULL: none. NULL: unsafe. g_free. */
char *cw_sip_name_addr(const cw_sip *sip, const char *user, const char *domain,
                       const char *display) CW_ON_LOOP;

/* --- send.c: a request in a dialog --- */

/* `status` 0: it never left, or no answer came; the reason is `err` of the send. Provisional
 * responses too; after the final one the send is gone. */
typedef void cw_sip_send_fn(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip);
/* The same for a request of no call. */
typedef void cw_sip_alone_fn(void *arg, cw_sip_send *send, int status, const sip_t *sip);

typedef struct cw_sip_request {
    sip_method_t method;
    const char *name;
    uint32_t cseq;    /* ACK: of the INVITE; 0: the next one */
    const char *type; /* Content-Type; NULL: no body */
    const char *body;
    size_t len;
    const char *const *headers; /* "Name: value", NULL-ended; may be NULL */
    const char *const *auth;    /* ACK: the INVITE's two credential lines; may be NULL */
} cw_sip_request;

struct cw_sip_send {
    cw_sip *sip;
    GList link;
    cw_sip_call *call;       /* reference; NULL: no call's */
    cw_sip_account *account; /* reference; NULL: no credentials */
    cw_sip_dialog *dialog;   /* reference */
    cw_sip_send_fn *fn;      /* NULL: nobody listens */
    cw_sip_alone_fn *alone;  /* instead of fn, with arg; NULL: nobody listens */
    void *arg;
    sip_method_t method;
    const char *name;
    uint32_t cseq;
    char *type, *body;
    size_t len;
    GStrv headers;
    char *auth[2];
    unsigned tries[2]; /* credentials sent for WWW- and Proxy-Authenticate */
    nta_outgoing_t *orq;
    cw_resolve *resolve;
    cw_timer *later; /* reports a failure that happened before cw_sip_send_start returned */
    char host[256];  /* of the URI it goes by */
    bool named;      /* which is a name, not an address */
    bool complete;   /* `hops` is all there is */
    cw_sip_hop hops[CW_RESOLVE_MAX];
    unsigned hops_n, at;        /* at: where it went */
    cw_sip_transport transport; /* by which; a large one may go by TCP (RFC 3261 18.1.1) */
    bool last;                  /* nobody wants it any more: no other hop is tried */
    bool moved, stays;          /* that is so; it is not any more */
    const tport_t *tp;          /* of the connection it went by, to compare; NULL: UDP */
    cw_timer *patience;         /* for the first answer; NULL: NTA's is enough */
    bool stray;                 /* given up: whatever comes is ended */
    bool provisional;           /* one has come: CANCEL is allowed (RFC 3261 9.1) */
    cw_err err;
};

/* Resolve the next hop when it is a name, then send. NULL for an ACK that went out at once. */
cw_sip_send *cw_sip_send_start(cw_sip_call *call, cw_sip_dialog *dialog,
                               const cw_sip_request *request, cw_sip_send_fn *fn) CW_ON_LOOP;
/* The same of no call: in a dialog of its own, or to make one, or of none. `account` may be NULL.
 */
cw_sip_send *cw_sip_send_alone(cw_sip *sip, cw_sip_account *account, cw_sip_dialog *dialog,
                               const cw_sip_request *request, cw_sip_alone_fn *fn,
                               void *arg) CW_ON_LOOP;
/* A connection ended. What went by it and got no answer yet has failed (RFC 3261 17.1.4); one that
 * has a provisional response may get its final one by another connection. */
void cw_sip_sends_lost(cw_sip *sip, const tport_t *tp, cw_err why) CW_ON_LOOP;
/* CANCEL an INVITE; `reasons` as cw_sip_call_reasons gives them, NULL: none. */
void cw_sip_send_cancel(cw_sip_send *send, const char *const *reasons) CW_ON_LOOP;
void cw_sip_send_free(cw_sip_send *send) CW_ON_LOOP; /* no call follows; NULL is fine */

/* --- challenge.c --- */

/* Remember the strongest challenge of a 401 (or 407) that the account may answer. CW_E_AUTH: none,
 * or answered already. */
CW_NODISCARD cw_err cw_sip_take_challenge(cw_sip_account *account, const sip_t *sip, bool proxy,
                                          bool *stale) CW_ON_LOOP;

/* --- option.c: option tags (RFC 3261 19.2) --- */

/* "Supported: a, b"; call NULL: of none. */
char *cw_sip_supported_line(const cw_sip *sip, const cw_sip_call *call) CW_ON_LOOP;
/* "Unsupported: a, b": what a request requires and we have not (8.2.2.3); NULL: none. */
char *cw_sip_unsupported_line(const cw_sip *sip, const sip_t *message) CW_ON_LOOP;
bool cw_sip_offers_option(const sip_t *message, const char *tag);   /* pure; or requires it */
bool cw_sip_requires_option(const sip_t *message, const char *tag); /* pure */

/* --- register.c --- */

/* The GRUU of the registration with this user part in its Contact; NULL: none. */
const char *cw_sip_reg_gruu(const cw_sip *sip, const char *contact_user) CW_ON_LOOP;
/* What its requests in dialogs say each time (cw_sip_target.every); NULL: nothing. g_strfreev. */
char **cw_sip_reg_every(const cw_sip *sip, const char *contact_user) CW_ON_LOOP;

/* CW_E_CONF: an option about dialogs that is none of its words. Pure. */
CW_NODISCARD cw_err cw_sip_dialog_check(const cw_conf *conf, char why[static 128]);

/* --- message.c --- */

/* What the layers above see of it; NULL of NULL. */
const cw_sip_message *cw_sip_message_of(const sip_t *sip); /* pure */

/* Of a peer's URL, without its parameters and header fields; g_free. Pure. */
char *cw_sip_url_text(const url_t *url); /* pure */
char *cw_sip_url_user(const url_t *url); /* pure; unescaped user, or number; NULL: unsafe */
bool cw_sip_is_plain(const char *text);  /* pure; safe to show; NULL is */

/* --- request.c, refer.c, event.c: what gate.c hands on. Those with `msg` make the transaction,
 * those with `irq` take it over. --- */

void cw_sip_take_request(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source) CW_ON_LOOP;
void cw_sip_take_call_request(cw_sip_call *call, nta_incoming_t *irq,
                              const sip_t *message) CW_ON_LOOP;
void cw_sip_requests_close(cw_sip *sip) CW_ON_LOOP; /* with the stack */
/* A SUBSCRIBE, to cw_sip_ops.subscribe. */
CW_NODISCARD cw_err cw_sip_hand_up(cw_sip *sip, const sip_t *message, const cw_addr *source,
                                   cw_sip_sub *sub) CW_ON_LOOP;
void cw_sip_take_refer(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                       const sip_t *message) CW_ON_LOOP;
void cw_sip_take_outer_refer(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source,
                             cw_sip_transport transport) CW_ON_LOOP;
/* Is it of a subscription, or of one that is over but whose dialog has others? */
bool cw_sub_knows(const cw_sip *sip, const sip_t *message) CW_ON_LOOP;
void cw_sub_on_request(cw_sip *sip, msg_t *msg, sip_t *message) CW_ON_LOOP;
void cw_sub_new_subscribe(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source,
                          cw_sip_transport transport) CW_ON_LOOP;
void cw_sip_subs_close(cw_sip *sip) CW_ON_LOOP; /* with the stack */

/* --- reason.c: causes; pure --- */

int cw_sip_q850_of(const sip_t *sip);    /* pure; Reason: Q.850;cause=, 0: none */
bool cw_sip_elsewhere(const sip_t *sip); /* pure; Reason: SIP;cause=200 (RFC 3326 2) */
/* pure; the status of Reason: SIP;cause= and its text, which is safe; 0: none, `text` unchanged */
int cw_sip_reason_of(const sip_t *sip, char text[static 96]);
const char *cw_sip_phrase(int status);                             /* pure */
const char *cw_sip_refusal(int status, cw_err why);                /* the phrase; pure */
void cw_sip_end_of(cw_sip_end *end, int status, const sip_t *sip); /* pure; of a final response */

#endif
