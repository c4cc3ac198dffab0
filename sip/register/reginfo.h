/* reginfo.h - what a NOTIFY of the event "reg" says of one registration (RFC 3680 5, 3GPP
 * TS 24.229 5.1.1.3). Pure; any thread. */
#ifndef CW_SIP_REGINFO_H
#define CW_SIP_REGINFO_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum cw_reginfo_what {
    CW_REGINFO_NOTHING,   /* no news of ours, or it goes on */
    CW_REGINFO_REJECTED,  /* the network ended it, for good as far as it says */
    CW_REGINFO_RENEW,     /* ended, to be made anew: deactivated, expired */
    CW_REGINFO_PROBATION, /* ended, to be made anew after `wait_s` */
    CW_REGINFO_SHORTENED, /* to be refreshed within `wait_s` */
} cw_reginfo_what;

typedef struct cw_reginfo {
    cw_reginfo_what what;
    unsigned wait_s; /* 0: not said */
} cw_reginfo;

/* The registration of `aor` in it, and the binding there whose Contact has the user part `user`.
 * What ends without a word of why (Kamailio tells no contact then) is taken for rejected.
 *
 * CW_E_SYNTAX, CW_E_UNSUPPORTED, CW_E_TOO_LARGE, CW_E_TOO_DEEP  as cw_xml_read, or it is no reginfo
 */
CW_NODISCARD cw_err cw_reginfo_parse(const char *body, size_t len, const char *aor,
                                     const char *user, cw_reginfo *ret);

#endif
