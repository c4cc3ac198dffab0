/* web.h - SIP over WebSocket (RFC 7118): clients that log in and register here, each reached by its
 * own connection only (RFC 5626).
 *
 * Loop thread. Whoever speaks WebSocket opens one of these for each connection and passes whole
 * messages both ways. A connection is one user's: who that is is proven by a digest (RFC 7616, RFC
 * 8760) or a token (RFC 8898) before anything else is taken from it.
 */
#ifndef CW_SIP_WEB_H
#define CW_SIP_WEB_H

#include "base/addr.h"
#include "base/ident.h"
#include "base/json.h"
#include "sip/sip.h"

/* The transport. Neither function frees the connection. */
typedef struct cw_sip_web_ops {
    void (*send)(void *arg, const char *text, size_t len); /* one message, or a keep-alive */
    /* Close it. CW_OK: we go down, CW_E_SYNTAX: not SIP over WebSocket, CW_E_AUTH: not logged in,
     * CW_E_OVERLOAD. `why` is static text. Once; nothing is sent after it. */
    void (*close)(void *arg, cw_err err, const char *why);
} cw_sip_web_ops;

/* `secure`: the WebSocket is one over TLS. CW_E_OVERLOAD: no descriptors. */
CW_NODISCARD cw_err cw_sip_web_new(cw_sip *sip, const cw_addr *peer, bool secure,
                                   const cw_sip_web_ops *ops, void *arg,
                                   cw_sip_web **ret) CW_ON_LOOP;
/* The connection is gone; its user with it. Not inside an ops function. NULL is fine. */
void cw_sip_web_free(cw_sip_web *web) CW_ON_LOOP;

/* One WebSocket message. */
void cw_sip_web_receive(cw_sip_web *web, const char *data, size_t len) CW_ON_LOOP;
void cw_sip_web_shutdown(cw_sip_web *web) CW_ON_LOOP; /* the gateway goes down */

/* From cw_sip_ops.web_login: it is this user's now, for so long; `expires`: seconds since 1970, 0:
 * for ever. `owner` is the caller's. */
void cw_sip_web_admit(cw_sip_web *web, const char *user, int64_t expires, void *owner) CW_ON_LOOP;

cw_id cw_sip_web_id(const cw_sip_web *web) CW_ON_LOOP;
const char *cw_sip_web_user(const cw_sip_web *web) CW_ON_LOOP;  /* NULL: nobody's yet */
void *cw_sip_web_owner(const cw_sip_web *web) CW_ON_LOOP;       /* NULL: nobody's yet */
void *cw_sip_web_arg(const cw_sip_web *web) CW_ON_LOOP;         /* the transport's */
const char *cw_sip_web_agent(const cw_sip_web *web) CW_ON_LOOP; /* User-Agent; "": not said */
uint64_t cw_sip_web_since_ms(const cw_sip_web *web) CW_ON_LOOP; /* when it was opened */
const cw_addr *cw_sip_web_peer(const cw_sip_web *web) CW_ON_LOOP;
/* Is it registered: would a call to it ring? */
bool cw_sip_web_registered(const cw_sip_web *web) CW_ON_LOOP;
/* An address of ours, as users of this gateway have it? */
bool cw_sip_web_is_home(const cw_sip *sip, const char *uri) CW_ON_LOOP;
/* A GRUU of ours (RFC 5627): whose connection? NULL: none such now, or of NULL. */
const cw_sip_web *cw_sip_web_of_gruu(const cw_sip *sip, const char *uri) CW_ON_LOOP;

/* [{user, contact, instance, reg_id, gruu, expires_ms, address, agent}]; `user` NULL: all. */
json_t *cw_sip_webs_json(const cw_sip *sip, const char *user) CW_ON_LOOP;

#endif
