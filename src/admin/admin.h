/* admin.h - the UNIX socket that causewayctl speaks to: JSON-RPC, one object a line. Loop thread.
 * Commands, their arguments, help and exit codes are rows of ctl.def. */
#ifndef CW_ADMIN_ADMIN_H
#define CW_ADMIN_ADMIN_H

#include "base/conf.h"
#include "base/loop.h"
#include "call/call.h"

typedef struct cw_admin cw_admin;

typedef struct cw_admin_parts {
    const cw_conf *conf;
    const char *conf_path; /* NULL: built in */
    cw_calls *calls;
    json_t *(*sessions)(void *arg); /* the sessions now */
    void *sessions_arg;
    json_t *(*certificate)(void *arg);                     /* browsers'; NULL: no TLS */
    cw_err (*reload_tls)(void *arg, char why[static 128]); /* CW_E_STATE: no TLS */
    void *web;                                             /* their arg */
    cw_sip *sip;
    cw_plane *plane;
} cw_admin_parts;

/* CW_E_IO the socket cannot be made; `why` says why. A socket left by a dead gateway is replaced, a
 * live one is not. */
CW_NODISCARD cw_err cw_admin_new(cw_loop *loop, const cw_admin_parts *parts, cw_admin **ret,
                                 char why[static 128]) CW_ON_LOOP;
void cw_admin_free(cw_admin *admin) CW_ON_LOOP; /* removes the socket */

#endif
