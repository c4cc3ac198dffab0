/* err.h - the closed list of errors (err.def) and what the outside is told about each.
 *
 * Any thread. A function that can fail returns a cw_err; the one that decides what to do logs it.
 */
#ifndef CW_BASE_ERR_H
#define CW_BASE_ERR_H

#define CW_NODISCARD __attribute__((warn_unused_result))

typedef enum cw_err {
    CW_OK,
#define CW_ERR(name, sip, code, kind, text) CW_E_##name,
#include "base/err.def"
#undef CW_ERR
    CW_ERR_COUNT,
} cw_err;

const char *cw_err_name(cw_err err); /* "NO_CODEC" */
const char *cw_err_kind(cw_err err); /* "no-codec": the word in JSON */
const char *cw_err_text(cw_err err); /* for people */
int cw_err_sip(cw_err err);          /* SIP status, 0 for CW_OK */
int cw_err_json(cw_err err);         /* JSON-RPC code, 0 for CW_OK */

/* The error that best describes a SIP final status (RFC 3261 21): 486 is CW_E_BUSY, any 2xx CW_OK.
 */
cw_err cw_err_from_sip(int status);

#endif
