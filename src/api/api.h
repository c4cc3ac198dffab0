/* api.h - browsers: JSON-RPC over WebSocket, and the pages this gateway serves. Loop thread. */
#ifndef CW_API_API_H
#define CW_API_API_H

#include "base/conf.h"
#include "base/json.h"
#include "base/loop.h"
#include "call/call.h"
#include "svc/im.h"
#include "user/user.h"

typedef struct cw_api cw_api;

/* CW_E_IO a listener cannot be opened; `why` says which. The others must outlive it. */
CW_NODISCARD cw_err cw_api_new(cw_loop *loop, const cw_conf *conf, const cw_tokens *tokens,
                               cw_calls *calls, cw_im *im, cw_api **ret,
                               char why[static 128]) CW_ON_LOOP;
/* Listeners that cannot work. CW_E_CONF; `why` names the option. Pure. */
CW_NODISCARD cw_err cw_api_check(const cw_conf *conf, char why[static 128]);
void cw_api_free(cw_api *api) CW_ON_LOOP; /* closes every session */

/* [{id, user, address, link, client, since_ms, calls, away_ms}]; since_ms: how long it is open,
 * away_ms: how long without a connection */
json_t *cw_api_sessions(const cw_api *api) CW_ON_LOOP;

/* Read web.tls_certificate and web.tls_key again, for new connections; the others stay as they are.
 * CW_E_STATE: no TLS here; CW_E_CONF: nothing has changed, `why` says what is wrong. */
CW_NODISCARD cw_err cw_api_tls_reload(cw_api *api, char why[static 128]) CW_ON_LOOP;
json_t *cw_api_tls_json(const cw_api *api) CW_ON_LOOP; /* the certificate in use; NULL: none */

unsigned cw_api_port(const cw_api *api) CW_ON_LOOP; /* of the first listener: it may ask for 0 */

#endif
