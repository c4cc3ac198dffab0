/* poll.h - the protocol by HTTPS long-polling, for networks that let no WebSocket through.
 *
 * POST /v1/session opens or resumes a session, POST /v1/rpc brings a message, GET /v1/poll fetches
 * notifications and waits for them, DELETE /v1/session ends it. What a WebSocket is to its session,
 * a link with a secret of its own is here (link.h). Loop thread.
 */
#ifndef CW_API_POLL_H
#define CW_API_POLL_H

#include "api/http.h"

/* The head of a request below /v1/, and its whole body where it has one: answers it, or keeps it
 * until there is something to tell. */
void cw_poll_begin(cw_http *http, struct lws *wsi) CW_ON_LOOP;
void cw_poll_body(cw_http *http) CW_ON_LOOP;
/* The request was answered, or its connection is gone. */
void cw_poll_left(cw_http *http) CW_ON_LOOP;

void cw_polls_new(cw_api *api) CW_ON_LOOP;
void cw_polls_shutdown(cw_api *api) CW_ON_LOOP; /* tell their clients */
void cw_polls_free(cw_api *api) CW_ON_LOOP;

#endif
