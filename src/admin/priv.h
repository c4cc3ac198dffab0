/* priv.h - what the files of src/admin share. Loop thread. */
#ifndef CW_ADMIN_PRIV_H
#define CW_ADMIN_PRIV_H

#include "admin/admin.h"
#include "admin/table.h"

#include <glib.h>

struct cw_admin {
    cw_loop *loop;
    cw_admin_parts parts;
    uint64_t start_ms; /* monotonic */
    char *path;
    int fd;
    cw_watch *watch;
    GPtrArray *clients; /* of cw_admin_client, owned */
};

/* Run a command. On error *ret is left alone and `why` may say more. */
CW_NODISCARD cw_err cw_admin_do(cw_admin *admin, cw_ctl cmd, const json_t *params, json_t **ret,
                                char why[static 128]) CW_ON_LOOP;

/* The reply to one request line; NULL for a notification. */
json_t *cw_admin_reply(cw_admin *admin, const char *line, size_t len) CW_ON_LOOP;

#endif
