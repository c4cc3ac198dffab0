/* web.h - users who come by SIP over WebSocket (sip/web.h): to calls they are clients like those of
 * JSON, whose legs are SIP dialogs with a browser's media. Loop thread. Home of src/call only. */
#ifndef CW_CALL_WEB_H
#define CW_CALL_WEB_H

#include "call/priv.h"
#include "sip/web.h"

/* sip's callbacks (cw_sip_ops) */
bool cw_web_secret(void *arg, const char *user, const char *realm, bool sha256,
                   char ret[static CW_SIP_HA1_MAX]) CW_ON_LOOP;
cw_err cw_web_login(void *arg, cw_sip_web *web, const char *user, const char *token,
                    size_t len) CW_ON_LOOP;
void cw_web_gone(void *arg, cw_sip_web *web) CW_ON_LOOP;

#endif
