/* line.h - users' lines: the registrations that come and go with their log-ins.
 *
 * Loop thread. A user of a `registrar` record has one line, shared by all of their sessions. It
 * outlives the last of them by grace_s. Home of src/call only.
 */
#ifndef CW_CALL_LINE_H
#define CW_CALL_LINE_H

#include "call/priv.h"

typedef struct cw_line cw_line;

/* Registrars that cannot work. CW_E_CONF; reads the files of accounts. Pure otherwise. */
CW_NODISCARD cw_err cw_lines_check(const cw_conf *conf, char why[static 128]);

cw_lines *cw_lines_new(cw_calls *calls) CW_ON_LOOP;
void cw_lines_use(cw_lines *lines, cw_sip *sip) CW_ON_LOOP;
void cw_lines_free(cw_lines *lines) CW_ON_LOOP; /* takes the bindings back; before the stack */

/* May this log-in have the line its token claims? CW_E_FORBIDDEN: by no record; logged. */
CW_NODISCARD cw_err cw_lines_judge(const cw_lines *lines, const cw_identity *who) CW_ON_LOOP;
/* A session of the user came, or went and left `others` behind. `claim`, which was judged: NULL:
 * none. Another claim than before makes another line. */
void cw_lines_came(cw_lines *lines, const char *user, const cw_sip_claim *claim) CW_ON_LOOP;
void cw_lines_went(cw_lines *lines, const char *user, unsigned others) CW_ON_LOOP;

bool cw_lines_trusted(const cw_lines *lines, const cw_addr *source) CW_ON_LOOP; /* a registrar */

/* The line whose Contact was called; NULL: none. */
const cw_line *cw_lines_called(const cw_lines *lines, const char *ruri_user) CW_ON_LOOP;
const char *cw_line_user(const cw_line *line) CW_ON_LOOP;
char *cw_line_identity(const cw_line *line) CW_ON_LOOP; /* "tel:+33…", "sip:anna@…"; g_free it */

/* Lead a user's call to a number or SIP URI, as cw_route_find left it with `err`, by their line, if
 * that is for it. Returns what `err` is then.
 *
 * CW_E_UNAVAILABLE  it should, but is not registered, and there is no other way
 */
cw_err cw_lines_lead(cw_lines *lines, const char *user, cw_route *route, cw_err err,
                     char why[static 128]) CW_ON_LOOP;
/* Whose options hold for its calls; NULL: those of `sip`. */
const struct cw_conf_trunk *cw_line_manner(const cw_line *line) CW_ON_LOOP;
/* Route, From, Contact and credentials; texts live until the line changes. */
void cw_line_target(const cw_line *line, cw_sip_target *target) CW_ON_LOOP;

/* The object `registration` of proto.def. */
json_t *cw_lines_state(const cw_lines *lines, const char *user) CW_ON_LOOP;
/* For people; `user` NULL: all, a line each. NULL: no such line. */
json_t *cw_lines_json(const cw_lines *lines, const char *user) CW_ON_LOOP;

#endif
