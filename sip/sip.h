/* sip.h - SIP as the calls see it: a stack on the loop, INVITE usages, targets.
 *
 * Loop thread. Sofia-SIP's NTA gives parsing, transports and transactions; dialogs are ours
 * (RFC 3261 12, 13). Bodies pass through as bytes: SDP is read by media/sdp/sdp.h only. Sofia never
 * resolves a name: resolve.h does, with a deadline, and Sofia gets addresses.
 */
#ifndef CW_SIP_SIP_H
#define CW_SIP_SIP_H

#include "base/addr.h"
#include "base/conf.h"
#include "base/loop.h"
#include "base/json.h"

typedef struct cw_sip cw_sip;
typedef struct cw_sip_call cw_sip_call; /* one INVITE usage: its early dialogs, then its dialog */

#define CW_SIP_BODY_MAX   65536
#define CW_SIP_HEADER_MAX 2048 /* bytes of a header field's value that are shown */
#define CW_SIP_HOPS_MAX   70   /* that a request starts with (RFC 3261 8.1.1.6) */
#define CW_SIP_HA1_MAX    65   /* hex digits of SHA-256 and a NUL */

typedef struct cw_sip_web cw_sip_web; /* a client that came by WebSocket: web.h */

/* The last two are of clients that came by WebSocket only (RFC 7118): nobody is called by them. */
typedef enum cw_sip_transport {
    CW_SIP_UDP,
    CW_SIP_TCP,
    CW_SIP_TLS,
    CW_SIP_WS,
    CW_SIP_WSS
} cw_sip_transport;

const char *cw_sip_transport_name(cw_sip_transport transport); /* "udp", "tcp", "tls", …; pure */
/* One that a peer can be called by, any case. CW_E_PARAMS: none of them. Pure. */
CW_NODISCARD cw_err cw_sip_transport_parse(const char *name, size_t len, cw_sip_transport *ret);

/* Who sent a message. */
typedef struct cw_sip_peer {
    cw_addr addr;
    cw_sip_transport transport;
    /* Whom its certificate speaks for (RFC 5922 7.1), lower case, checked; NULL: showed none. */
    const char *const *names;
    const char *login; /* as whom it has proven itself: a trunk's in_username; NULL: not */
    cw_sip_web *web;   /* who logged in there sends it; NULL: no WebSocket */
} cw_sip_peer;

/* A message that came in, as far as the layers above look at it. Lives until the callback that
 * brought it returns. */
typedef struct cw_sip_message cw_sip_message;

/* The value of the nth header field (0, 1, …) of this name; the name in its long form, any case.
 * Valid UTF-8 without control characters, folded lines joined; g_free. NULL: no such field, or it
 * is longer than CW_SIP_HEADER_MAX or no such text. `message` NULL: NULL. */
char *cw_sip_message_header(const cw_sip_message *message, const char *name,
                            unsigned nth) CW_ON_LOOP;

/* Every field of it, in order: names in their long form where they have one, values as above; what
 * is not fit to show is left out. */
typedef void cw_sip_field_fn(void *arg, const char *name, const char *value);
void cw_sip_message_each(const cw_sip_message *message, cw_sip_field_fn *fn, void *arg) CW_ON_LOOP;

/* Requests of a peer that are handed up, each with what its answer is given to. */
typedef struct cw_sip_inquiry cw_sip_inquiry;   /* request.h */
typedef struct cw_sip_reply cw_sip_reply;       /* request.h */
typedef struct cw_sip_referred cw_sip_referred; /* refer.h */
typedef struct cw_sip_referral cw_sip_referral; /* refer.h */
typedef struct cw_sip_sub cw_sip_sub;           /* event.h */

/* Why a call ended, or why a request was refused. */
typedef struct cw_sip_end {
    cw_err err;      /* CW_OK: an ordinary BYE */
    int status;      /* final SIP status, 0: none (BYE, time-out of ours) */
    char phrase[96]; /* of the status line; safe text */
    int q850;        /* Reason: Q.850;cause= (RFC 3326), 0: none */
    int reason;      /* Reason: SIP;cause= of a BYE or CANCEL, 0: none; `phrase` is its text then */
    bool by_peer;
    unsigned retry_after_s; /* Retry-After of a refusal (RFC 3261 20.33), 0: none */
    /* 3xx: where it points, best first, as cw_sip_uri_check gives them; NULL-ended. NULL: no 3xx.
     * Nothing was called there: only sip.redirect_hosts are, by the stack. */
    const char *const *contacts;
    const cw_sip_message *message; /* that ended it; NULL: none */
} cw_sip_end;

/* A new INVITE came in. The strings live until the callback returns. */
typedef struct cw_sip_invite {
    const cw_sip_peer *peer;
    cw_addr source;        /* the peer's address */
    const char *ruri_user; /* "+33123456789", "alice"; may be "" */
    const char *ruri_host;
    const char *ruri; /* whole, without parameters; "": a tel: URI */
    const char *gruu; /* the same with its `gr` (RFC 5627); NULL: it has none */
    const char *from_user, *from_host, *from_display; /* display without quotes; may be "" */
    const char *from_uri, *to_uri, *call_id;
    const char *sdp; /* NULL: no offer in the INVITE */
    size_t sdp_len;
    unsigned hops_used;          /* of CW_SIP_HOPS_MAX, by its Max-Forwards */
    bool preconditions, demands; /* it knows RFC 3312; it requires that of us */
    bool reliable; /* 18x with SDP will be reliable (RFC 3262): it can, and sip.reliable lets it */
    const cw_sip_message *message;
} cw_sip_invite;

/* A response to an offer of ours: to the INVITE, 101-299; to a later one, any final. */
typedef struct cw_sip_response {
    int status; /* 0: none came */
    const char *phrase;
    unsigned fork; /* tells early dialogs apart: 0, 1, … */
    bool early;    /* the call is not answered */
    bool reliable; /* a provisional one that was acknowledged (RFC 3262): its SDP holds */
    /* Our INVITE had no offer: `sdp` is theirs, to be answered with cw_sip_call_reanswer. PRACK, or
     * the ACK of the 2xx, waits for it. */
    bool offers;
    const char *sdp; /* NULL: none */
    size_t len;
    const cw_sip_message *message;
} cw_sip_response;

/* An offer of theirs after the first: in a re-INVITE, an UPDATE or a PRACK. */
typedef struct cw_sip_offer {
    unsigned fork;   /* as in cw_sip_response; being called: 0 */
    bool early;      /* the call is not answered */
    bool unchanged;  /* the very SDP it had before: a session refresh (RFC 4028) */
    const char *sdp; /* NULL: a re-INVITE without one, ours goes into its answer */
    size_t len;
    const cw_sip_message *message;
} cw_sip_offer;

/* Told about one call. `end` is the last; the call object stays until cw_sip_call_free. */
typedef struct cw_sip_call_ops {
    void (*progress)(void *arg, const cw_sip_response *response); /* 101-199 */
    /* 2xx of the fork that won; ACK was sent. Others that answer later are ACKed and ended. */
    void (*answered)(void *arg, const cw_sip_response *response);
    /* ACK for our 2xx. sdp: the answer when the INVITE had no offer. Comes again for a re-INVITE
     * without offer, with its answer; not for other re-INVITEs. */
    void (*confirmed)(void *arg, const char *sdp, size_t len);
    /* A re-INVITE or UPDATE, of whatever it brings: it says who they are now (RFC 4916). */
    void (*identified)(void *arg, const cw_sip_message *message);
    /* Answer now or later with cw_sip_call_reanswer or cw_sip_call_rerefuse. */
    void (*reoffered)(void *arg, const cw_sip_offer *offer);
    /* Final response to cw_sip_call_reoffer; or 200 with the answer to an offer of ours that was in
     * a reliable 18x, as the PRACK brings it. */
    void (*reanswered)(void *arg, const cw_sip_response *response);
    /* INFO; already answered 200. type is the Content-Type. */
    void (*info)(void *arg, const char *type, const char *body, size_t len);
    /* REFER: the far side wants us to call somebody in its place. CW_OK takes the referral, a
     * 202 was sent then; otherwise that error's status goes out. NULL: 403. */
    cw_err (*refer)(void *arg, const cw_sip_referred *referred, cw_sip_referral *referral);
    /* MESSAGE and others that change nothing, in the dialog. CW_OK takes the reply; otherwise that
     * error's status goes out. NULL: 405. */
    cw_err (*request)(void *arg, const cw_sip_inquiry *inquiry, cw_sip_reply *reply);
    /* A reliable provisional response of ours with this status was acknowledged (RFC 3262). Before
     * `reoffered` or `reanswered`, when the PRACK brings an offer or answer. */
    void (*acknowledged)(void *arg, int status);
    /* A 3xx to our INVITE names `uri`, at one of sip.redirect_hosts. CW_OK: it is called; otherwise
     * that is how the call ends, unless another place that the 3xx names may be. NULL: none is. */
    cw_err (*redirected)(void *arg, const char *uri);
    /* The far side came by a WebSocket, lost it, and is back by this one. NULL: nobody cares. */
    void (*back)(void *arg, cw_sip_web *web);
    void (*ended)(void *arg, const cw_sip_end *end);
    /* Every message of the call, for the timeline: "INVITE", "180 Ringing". */
    void (*trace)(void *arg, bool out, const char *what);
} cw_sip_call_ops;

typedef struct cw_sip_ops {
    /* Decide on a new INVITE: take it with cw_sip_call_accept (CW_OK), or return why not; the stack
     * answers with that error's SIP status. 100 was sent. */
    cw_err (*invite)(void *arg, const cw_sip_invite *invite, cw_sip_call *call);
    /* A request of no dialog: MESSAGE, PUBLISH and others that no row here is for; OPTIONS too,
     * which NULL or CW_E_UNSUPPORTED leaves to the stack. CW_OK takes the reply; otherwise that
     * error's status goes out. NULL: 405. */
    cw_err (*request)(void *arg, const cw_sip_inquiry *inquiry, cw_sip_reply *reply);
    /* SUBSCRIBE: take it with cw_sip_sub_accept (CW_OK), or return why not. NULL or
     * CW_E_UNSUPPORTED: 489, no such event. */
    cw_err (*subscribe)(void *arg, const cw_sip_inquiry *inquiry, cw_sip_sub *sub);
    /* May this peer call us at all? Otherwise 403, counted, before anything else; or 401, where
     * trunks have an in_username. Clients that came by WebSocket are asked who they are instead. */
    bool (*trusted)(void *arg, const cw_sip_peer *peer);

    /* Clients by WebSocket (web.h). H(A1) of a user for a realm, in hex (RFC 7616 3.4.2), by MD5 or
     * SHA-256; false: there is no such user, or no such hash. NULL: nobody has a password. */
    bool (*secret)(void *arg, const char *user, const char *realm, bool sha256,
                   char ret[static CW_SIP_HA1_MAX]);
    /* `user` has proven their password; or, user NULL, somebody shows a token. CW_OK: it was passed
     * to cw_sip_web_admit. Again whenever it is proven anew. CW_E_AUTH, CW_E_EXPIRED: no; CW_E_
     * FORBIDDEN: it is another user's connection; CW_E_OVERLOAD */
    cw_err (*web_login)(void *arg, cw_sip_web *web, const char *user, const char *token,
                        size_t len);
    void (*web_gone)(void *arg, cw_sip_web *web); /* of those that were admitted: the last */
} cw_sip_ops;

/* CW_E_IO an address cannot be bound; `why` says which. `conf` and `ops` must outlive it. */
CW_NODISCARD cw_err cw_sip_new(cw_loop *loop, const cw_conf *conf, const cw_sip_ops *ops, void *arg,
                               cw_sip **ret, char why[static 128]) CW_ON_LOOP;
/* What cw_sip_new would refuse in the configuration, without opening anything. CW_E_CONF; pure. */
CW_NODISCARD cw_err cw_sip_check(const cw_conf *conf, char why[static 128]);
void cw_sip_free(cw_sip *sip) CW_ON_LOOP;
/* Read certificates, keys and authorities again; connections keep theirs. On error all is as
 * before, and `why` says what is wrong. */
CW_NODISCARD cw_err cw_sip_tls_reload(cw_sip *sip, char why[static 128]) CW_ON_LOOP;
/* The certificates we show, each once: {for, …} as certificate.h has it. */
json_t *cw_sip_tls_json(const cw_sip *sip) CW_ON_LOOP;
json_t *cw_sip_connections_json(const cw_sip *sip) CW_ON_LOOP; /* TCP and TLS; 200 of them */
const char *cw_sip_domain(const cw_sip *sip) CW_ON_LOOP;       /* host[:port] for From */
/* The host of this sip: URI is one of ours, or it names none. */
bool cw_sip_is_us(const cw_sip *sip, const char *uri) CW_ON_LOOP;
json_t *cw_sip_json(const cw_sip *sip) CW_ON_LOOP; /* listeners, transactions, dialogs now */

/* The addresses of "host[:port]", as a call to it would find them; `any`: with any_transport. `fn`
 * is called once, not before this returns, within sip.dns_timeout_ms, and not after _free; it may
 * free the lookup.
 *
 * CW_E_PARAMS  not a host
 */
typedef struct cw_sip_lookup cw_sip_lookup;
typedef void cw_sip_lookup_fn(void *arg, cw_err err, const cw_addr *addrs, unsigned n);
CW_NODISCARD cw_err cw_sip_lookup_new(cw_sip *sip, const char *host, cw_sip_transport transport,
                                      bool any, cw_sip_lookup_fn *fn, void *arg,
                                      cw_sip_lookup **ret) CW_ON_LOOP;
void cw_sip_lookup_free(cw_sip_lookup *lookup) CW_ON_LOOP; /* NULL is fine; before the stack */

typedef struct cw_sip_credentials {
    const char *username, *password, *realm; /* realm NULL: any */
    /* In place of a password: H(username:realm:password) in hex (RFC 7616 3.4.2), for the
     * algorithms it is known for; with a realm. */
    const char *ha1_md5, *ha1_sha256;
    /* In place of both, for AKAv1-MD5 and AKAv2-MD5 (RFC 3310, RFC 4169): 32 hex digits each, K and
     * one of OP and OPc (3GPP TS 35.206). K NULL: none. Of registrations only. */
    const char *aka_k, *aka_op, *aka_opc;
} cw_sip_credentials;

/* CW_E_PARAMS: what is given of aka_* is not as above. Pure. */
CW_NODISCARD cw_err cw_sip_credentials_check(const cw_sip_credentials *credentials);

typedef struct cw_sip_target {
    /* "sip:+331234@carrier.example", checked by cw_sip_uri_check; or, with a next hop or route, a
     * tel: URI. */
    const char *ruri;
    const char *from_user;    /* unescaped */
    const char *from_domain;  /* NULL: ours */
    const char *from_display; /* NULL: none */
    const char *next_hop;     /* host[:port] or [v6]:port; NULL: the request URI's host */
    cw_sip_transport transport;
    struct {
        const char *certificate, *key, *authorities; /* files; NULL: those of sip.tls_* */
        const char *name; /* whom the far certificate must speak for; NULL: the next hop's host */
    } tls;
    bool any_transport; /* NAPTR and SRV may say another (RFC 3263 4.1) */
    bool hurried;       /* another target follows: the last hop, too, has but sip.try_timeout_ms */
    cw_sip_credentials credentials; /* username NULL: none */
    const char *const *headers;     /* "X-Name: value", NULL-ended; may be NULL; checked */
    /* URIs the INVITE is sent by (RFC 3261 8.1.1.1, RFC 3608), NULL-ended; may be NULL. The first
     * is the next hop. Of configuration or of a registrar, each with `lr`. */
    const char *const *route;
    /* Lines of a registration's (register.h), before `headers`: of the request that makes the
     * dialog, and of every one but ACK and CANCEL. NULL-ended; may be NULL. */
    const char *const *initial, *const *every;
    const char *contact_user; /* user part of our Contact; NULL: from_user */
    const char *gruu;         /* our Contact, when the registrar gave one (RFC 5627); NULL: none */
    bool preconditions;       /* RFC 3312 is known, `sdp` may speak of it */
    bool demands;             /* and has to be known */
    int session_s;            /* session timer (RFC 4028): 0: sip.session_expires_s; less: none */
    unsigned hops_used;       /* of CW_SIP_HOPS_MAX, when it carries on a call that came in */
    const struct cw_sip_replaces *replaces; /* whose place it takes (refer.h); NULL: nobody's */
    const char *referred_by;                /* URI of who wished for it (RFC 3892); NULL: nobody */
    /* The client there, in place of everything that says where it goes: `ruri` is whom it is for,
     * then, as To says. 0: no WebSocket. */
    uint64_t web;
} cw_sip_target;

/* A URI from a client or from configuration: sip: or sips: with no headers part, no control bytes,
 * a sane host. The canonical text goes into *ret (g_free). Any thread.
 *
 * CW_E_UNSAFE  control characters; CW_E_PARAMS  not a sip URI, or one with headers (`?…`)
 */
CW_NODISCARD cw_err cw_sip_uri_check(const char *uri, char **ret);

/* The transport a checked URI says. CW_E_NOT_FOUND: none, *ret is UDP. Pure. */
CW_NODISCARD cw_err cw_sip_uri_transport(const char *uri, cw_sip_transport *ret);

/* Call out. Resolves, sends the INVITE with `sdp` as offer. `ended` reports every failure, also of
 * resolving, never before this returns. Strings are copied. */
CW_NODISCARD cw_err cw_sip_call_new(cw_sip *sip, const cw_sip_target *target, const char *sdp,
                                    size_t len, const cw_sip_call_ops *ops, void *arg,
                                    cw_sip_call **ret) CW_ON_LOOP;

/* Take a call offered by cw_sip_ops.invite. */
void cw_sip_call_accept(cw_sip_call *call, const cw_sip_call_ops *ops, void *arg) CW_ON_LOOP;
/* What goes with a refusal of it, SDP (RFC 3312 8); NULL: nothing. */
void cw_sip_call_explain(cw_sip_call *call, const char *sdp) CW_ON_LOOP;
/* As cw_sip_target.preconditions; from within cw_sip_ops.invite. */
void cw_sip_call_preconditions(cw_sip_call *call, bool known) CW_ON_LOOP;
/* Its session timer, as cw_sip_target.session_s; from within cw_sip_ops.invite. */
void cw_sip_call_session(cw_sip_call *call, int expires_s) CW_ON_LOOP;
/* 101-199, or 200 with our answer (or offer, when the INVITE had none). CW_E_STATE when answered.
 * A reliable 101-199 is repeated until its PRACK; what is said meanwhile goes out after that, also
 * a 200. SDP that went out reliably is left out of what follows: cw_sip_call_reoffer changes it. An
 * INVITE without an offer: only a reliable one may carry ours. */
CW_NODISCARD cw_err cw_sip_call_respond(cw_sip_call *call, int status, const char *sdp,
                                        size_t len) CW_ON_LOOP;

/* What our next messages about the call say besides: its responses, also when they are repeated,
 * its BYE. "Name: value", NULL-ended; NULL: nothing any more. CW_E_UNSAFE: a line that is none of
 * ours to set (header.h). */
CW_NODISCARD cw_err cw_sip_call_headers(cw_sip_call *call, const char *const *lines) CW_ON_LOOP;

/* Later offers. `fork`: as in cw_sip_response while the call is not answered, then of no matter;
 * being called: 0.
 *
 * CW_E_STATE  another offer is pending (either way), or none may be made yet. 491 from the peer is
 *             retried by the stack (RFC 3261 14.1)
 */
CW_NODISCARD cw_err cw_sip_call_reoffer(cw_sip_call *call, unsigned fork, const char *sdp,
                                        size_t len) CW_ON_LOOP;
CW_NODISCARD cw_err cw_sip_call_reanswer(cw_sip_call *call, unsigned fork, const char *sdp,
                                         size_t len) CW_ON_LOOP;
CW_NODISCARD cw_err cw_sip_call_rerefuse(cw_sip_call *call, unsigned fork, int status) CW_ON_LOOP;

/* Who is at our end now (RFC 4916), told by an UPDATE, or by a re-INVITE of what holds where the
 * far side has no UPDATE. `from` is for one that knows that From may change; NULL: it stays.
 * `lines`: as cw_sip_call_headers.
 *
 * CW_E_STATE  the call is not up; CW_E_NOT_FOUND  there is nothing to say to this one
 */
typedef struct cw_sip_name {
    const char *user, *domain, *display; /* as in cw_sip_target.from_* */
} cw_sip_name;
CW_NODISCARD cw_err cw_sip_call_identify(cw_sip_call *call, const cw_sip_name *from,
                                         const char *const *lines) CW_ON_LOOP;

/* Calling: end one early dialog with a BYE (RFC 3261 15), the others go on ringing. CW_E_STATE:
 * none such. A 2xx that it still sends is taken like any. */
CW_NODISCARD cw_err cw_sip_call_drop(cw_sip_call *call, unsigned fork) CW_ON_LOOP;

/* INFO with a body (DTMF relay for peers without telephone-event). */
CW_NODISCARD cw_err cw_sip_call_info(cw_sip_call *call, const char *type, const char *body,
                                     size_t len) CW_ON_LOOP;

/* End it, whatever its state: CANCEL, a final response with `why`'s status, or BYE with a Reason
 * header. No `ended` follows. Transactions finish by themselves after cw_sip_call_free. */
void cw_sip_call_end(cw_sip_call *call, cw_err why) CW_ON_LOOP;

/* The same, saying more in Reason header fields (RFC 3326). */
typedef struct cw_sip_why {
    cw_err err;    /* CW_OK: an ordinary hang-up */
    int q850;      /* 0: what goes with err */
    int status;    /* what another leg's far side refused with, or gave as SIP;cause=; 0: none */
    int refusal;   /* of an INVITE: that status, to refuse with in place of err's; 0: err's */
    char text[96]; /* that goes with it; "": none */
} cw_sip_why;
void cw_sip_call_end_as(cw_sip_call *call, const cw_sip_why *why) CW_ON_LOOP;
void cw_sip_call_free(cw_sip_call *call) CW_ON_LOOP; /* ends it first when it has not; NULL fine */

/* An answered call as text (JSON: dialog, session timer, our SDP), to go on with it in another
 * stack; NULL: not answered, or not yet. g_free. No credentials are in it. */
char *cw_sip_call_print(const cw_sip_call *call) CW_ON_LOOP;
/* Go on with such a call, as after `confirmed`. `like`: credentials, TLS and session timer; may be
 * NULL. The stack should listen where the other did: the far side calls us there.
 *
 * CW_E_PARSE, CW_E_SYNTAX  not what was printed; CW_E_EXISTS  it is here already
 */
CW_NODISCARD cw_err cw_sip_call_restore(cw_sip *sip, const char *text, size_t len,
                                        const cw_sip_target *like, const cw_sip_call_ops *ops,
                                        void *arg, cw_sip_call **ret) CW_ON_LOOP;
/* In place of cw_sip_call_free: it goes on elsewhere, the far side is told nothing. */
void cw_sip_call_abandon(cw_sip_call *call) CW_ON_LOOP;

json_t *cw_sip_call_json(const cw_sip_call *call) CW_ON_LOOP; /* dialog ids, CSeq, route, state */

#endif
