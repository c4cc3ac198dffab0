/* dialog.h - our SIP dialogs (RFC 3261 12): plain data, printable.
 *
 * Loop thread. Shared between a call and its requests in flight: g_rc_box.
 */
#ifndef CW_SIP_DIALOG_H
#define CW_SIP_DIALOG_H

#include "base/addr.h"
#include "sip/sip.h"

#include <glib.h>
#include <sofia-sip/sip.h>

#define CW_SIP_ROUTE_MAX 16 /* Record-Route entries of a peer that are kept; more is refused */

typedef struct cw_tls_profile cw_tls_profile; /* tls.h */

typedef struct cw_sip_dialog {
    char *call_id, *local_tag;
    char *remote_tag;     /* NULL: no response with a tag yet; "": an RFC 2543 peer */
    char *local, *remote; /* name-addr of From and To as we send them, without tag */
    char *local_user;     /* escaped, for Contact */
    char *target;         /* remote target: the next Request-URI */
    char *gruu;           /* URI that stands in Contact for all our addresses; NULL: none */
    char *contact;        /* ours, name-addr; NULL until the first hop is known */
    GPtrArray *route;     /* URIs in the order we use them */
    char *outbound;       /* next hop until a Contact is known: "sip:host:port"; NULL: target's */
    uint32_t local_cseq, remote_cseq;
    bool has_remote_cseq;
    bool caller;        /* the Call-ID is ours: matters for RFC 3261 14.1's back-off */
    bool confirmed;     /* a 2xx was sent or received */
    bool allows_update; /* the peer's Allow names UPDATE */
    bool follows_from;  /* its Supported names from-change (RFC 4916) */
    unsigned fork;
    unsigned hops_used;         /* of CW_SIP_HOPS_MAX, as our requests say in Max-Forwards */
    cw_sip_transport transport; /* when no URI says another */
    bool secure;                /* the request that made it was for a sips: URI */
    bool any_transport;         /* while no URI says one, NAPTR and SRV do */
    bool hurried;               /* somebody else can take the call */
    GStrv every;                /* lines of each request but ACK and CANCEL; NULL: none */
    cw_addr flow;               /* TCP, TLS: the peer's connection to us; AF_UNSPEC: none */
    uint64_t web;               /* with a client by WebSocket: its connection now; 0: not so */
    char *web_user;             /* whose that is, and whoever comes for it; NULL: not so */
    char *web_instance;         /* which of their ends (RFC 5626 4.1); NULL: not said */
    cw_tls_profile *tls;        /* our side of TLS; of the stack's. NULL: sip.tls_* */
    char *tls_name; /* whom the peer's certificate must speak for; NULL: the URI's host */
    char *hop_for;  /* the URI that hop was resolved from */
    cw_sip_transport hop_transport;
    cw_addr hop;
} cw_sip_dialog;

cw_sip_dialog *cw_sip_dialog_new(void);
cw_sip_dialog *cw_sip_dialog_copy(const cw_sip_dialog *dialog); /* for another fork */
cw_sip_dialog *cw_sip_dialog_ref(cw_sip_dialog *dialog);
void cw_sip_dialog_unref(cw_sip_dialog *dialog); /* NULL is fine */

/* A 101-299 response to the request that makes the dialog: tag, route set, target (12.1.2).
 * CW_E_UNSUPPORTED: more than CW_SIP_ROUTE_MAX routes. */
CW_NODISCARD cw_err cw_sip_dialog_take_response(cw_sip_dialog *dialog, const sip_t *sip);

/* An INVITE that makes a dialog of ours as server (12.1.1). local_tag is chosen here.
 * CW_E_PARAMS: no usable Contact; CW_E_UNSUPPORTED: too many routes. */
CW_NODISCARD cw_err cw_sip_dialog_take_invite(cw_sip_dialog *dialog, const sip_t *sip);

/* A NOTIFY that came before the response to our request and makes the dialog (RFC 6665 4.4.1).
 * CW_E_PARAMS: no usable Contact; CW_E_UNSUPPORTED: too many routes. */
CW_NODISCARD cw_err cw_sip_dialog_take_notify(cw_sip_dialog *dialog, const sip_t *sip);

/* Target refresh (12.2.1.2, 12.2.2): a Contact in a re-INVITE, UPDATE or a 2xx to one. */
void cw_sip_dialog_refresh(cw_sip_dialog *dialog, const sip_t *sip);

/* Order of the peer's requests. CW_E_STATE: older than one we saw: 500 (12.2.2). */
CW_NODISCARD cw_err cw_sip_dialog_take_cseq(cw_sip_dialog *dialog, uint32_t cseq);

/* Request-URI and Route header value for the next request (12.2.1.1); *route NULL: none. Returns
 * the URI it goes to, which lives in the dialog. */
const char *cw_sip_dialog_next(const cw_sip_dialog *dialog, char **ruri, char **route);

/* All that a request in it needs, as text that _parse reads again: a confirmed dialog's. */
json_t *cw_sip_dialog_print(const cw_sip_dialog *dialog); /* pure */
/* Pure. CW_E_SYNTAX: not one, or not fit to be sent. */
CW_NODISCARD cw_err cw_sip_dialog_parse(const json_t *from, cw_sip_dialog **ret);

json_t *cw_sip_dialog_json(const cw_sip_dialog *dialog);

#endif
