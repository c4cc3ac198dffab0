/* web.h - users who come by SIP over WebSocket (sip/web.h): to calls they are clients like those of
 * JSON, whose legs are SIP dialogs with a browser's media. Loop thread. Home of src/call only. */
#ifndef CW_CALL_WEB_H
#define CW_CALL_WEB_H

#include "call/priv.h"
#include "sip/web.h"

/* A call from one (web_call.c), as cw_calls_invite. */
cw_err cw_web_invite(cw_calls *calls, const cw_sip_invite *invite, cw_sip_call *sip) CW_ON_LOOP;
/* The leg to one; NULL: it is not registered, or another instance is meant (RFC 5627). */
cw_leg *cw_web_callee(cw_call *call, cw_client *client, const cw_reach *reach) CW_ON_LOOP;
/* Where a URI of one leads, if they may call there; as cw_client_route. */
CW_NODISCARD cw_err cw_web_route(const cw_client *client, const struct cw_asker *asker,
                                 const char *uri, cw_route *ret, char why[static 128]) CW_ON_LOOP;

/* A text for one, as im.message of proto.def. */
void cw_web_text(cw_client *client, const json_t *message) CW_ON_LOOP;

/* sip's callbacks (cw_sip_ops) */
cw_err cw_web_request(void *arg, const cw_sip_inquiry *inquiry, cw_sip_reply *reply) CW_ON_LOOP;
bool cw_web_secret(void *arg, const char *user, const char *realm, bool sha256,
                   char ret[static CW_SIP_HA1_MAX]) CW_ON_LOOP;
cw_err cw_web_login(void *arg, cw_sip_web *web, const char *user, const char *token,
                    size_t len) CW_ON_LOOP;
void cw_web_gone(void *arg, cw_sip_web *web) CW_ON_LOOP;

#endif
