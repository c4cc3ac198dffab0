/* forward.h - by whom a call was forwarded before it came here: Diversion (RFC 5806) and
 * History-Info (RFC 7044, causes RFC 4458). Pure functions. Home of src/call only. */
#ifndef CW_CALL_FORWARD_H
#define CW_CALL_FORWARD_H

#include "call/route/number.h"

#include <glib.h>

#define CW_FORWARDS_MAX 16 /* that are remembered */

/* One who forwarded it. Strings are its own; NULL: unknown. */
typedef struct cw_forward {
    char *uri, *number, *name;
    char *reason;     /* as Diversion has it: "user-busy", "no-answer", "unconditional", … */
    unsigned counter; /* how often, at least 1 */
    bool withheld;    /* wants not to be shown */
} cw_forward;

/* Who did, the last first; what both say is taken from Diversion. Never NULL; g_ptr_array_unref. */
GPtrArray *cw_forwards_read(const cw_conf *conf, const cw_writer *writer, const char *diversion,
                            const char *history);
GPtrArray *cw_forwards_new(void);

/* One more, the last. `number` may be NULL. */
void cw_forwards_add(GPtrArray *forwards, const char *uri, const char *number, const char *reason);

unsigned cw_forwards_count(const GPtrArray *forwards); /* how often altogether */
json_t *cw_forwards_json(const GPtrArray *forwards);   /* for browsers */

/* Header lines for a trunk (NULL: another peer) that the call goes on to, to `ruri`; numbers as it
 * wants them, of `domain`; those who withhold themselves only if `tells`. g_strfreev. */
char **cw_forwards_lines(const GPtrArray *forwards, const cw_conf *conf,
                         const struct cw_conf_trunk *trunk, const char *domain, const char *ruri);

#endif
