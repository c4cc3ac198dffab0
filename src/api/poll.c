#include "api/poll.h"

#include <libwebsockets.h>
#include <string.h>

void cw_poll_begin(cw_http *h, struct lws *wsi)
{
    h->last = h->method == CW_HTTP_POST;
    if (h->from == CW_HTTP_FROM_FOREIGN)
        cw_http_fail(h, 403, CW_E_FORBIDDEN, "this origin may not connect", 0);
    else if (!strcmp(h->path, CW_PROTO_PATH))
        cw_http_fail(h, 426, CW_E_REQUEST, "this address speaks WebSocket", 0);
    else
        cw_http_fail(h, 404, CW_E_METHOD, NULL, 0);
}

void cw_poll_body(cw_http *h) {}

void cw_poll_left(cw_http *h) {}
