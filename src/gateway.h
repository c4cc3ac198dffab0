/* gateway.h - every part of the gateway, built from a configuration. Tests build one in-process.
 * Loop thread. */
#ifndef CW_GATEWAY_H
#define CW_GATEWAY_H

#include "base/conf.h"
#include "base/loop.h"

typedef struct cw_gateway cw_gateway;

/* Any thread, which becomes the loop thread. `conf` must outlive it; `conf_path` (NULL: built in)
 * is for people.
 *
 * On an error *why says what cannot be had; g_free it.
 */
CW_NODISCARD cw_err cw_gateway_new(const cw_conf *conf, const char *conf_path, cw_gateway **ret,
                                   char **why);
void cw_gateway_free(cw_gateway *gateway) CW_ON_LOOP; /* ends every call; NULL is fine */
cw_loop *cw_gateway_loop(cw_gateway *gateway) CW_ON_LOOP;

/* Open the files anew that were moved away. CW_E_STATE: there are none; CW_E_IO, which is logged.
 */
CW_NODISCARD cw_err cw_gateway_reopen(cw_gateway *gateway) CW_ON_LOOP;

/* What a configuration asks for that only shows when it is used: addresses, keys. As
 * cw_gateway_new() would fail, but without opening anything.
 * Any thread. */
CW_NODISCARD cw_err cw_gateway_check(const cw_conf *conf, char **why);

#endif
