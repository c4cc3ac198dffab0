/* address.h - who a header field names: name-addr and addr-spec with parameters (RFC 3261 20.10,
 * 25.1), in lists, as From, P-Asserted-Identity, Diversion or History-Info hold them.
 *
 * Pure functions, any thread. What they give is valid UTF-8 without control characters.
 */
#ifndef CW_SIP_ADDRESS_H
#define CW_SIP_ADDRESS_H

#include "base/err.h"

#include <stdbool.h>

typedef struct cw_sip_address {
    char *display; /* without quotes; "": none */
    char *uri;     /* "sip:user@host:port", "tel:+331234": without parameters and headers */
    char *user;    /* unescaped, with parameters of its own (";phone-context=…"); "": none */
    char *host;    /* lower case; "" of a tel: URI */
    char *inside;  /* the URI's own parameters, ";user=phone"; "": none */
    char *headers; /* the URI's headers, unescaped later: "Privacy=history"; "": none */
    char *params;  /* behind it: ";reason=user-busy"; "": none */
    bool tel;
} cw_sip_address;

/* The next of a list at *at, which moves on; one that cannot be read is passed over. False: no
 * more. Clear it each time. */
bool cw_sip_address_next(const char **at, cw_sip_address *ret);
void cw_sip_address_clear(cw_sip_address *address); /* one of zeroes is fine */

/* "sip:user@host" of an unescaped user part; g_free it. */
char *cw_sip_uri_of(const char *user, const char *host);

/* The value of a parameter in ";name=value;…"; a quoted one without its quotes; "" of one without a
 * value. NULL: there is none. g_free it. */
char *cw_sip_param(const char *params, const char *name);

/* The value of "name=value&…", unescaped. NULL: none, or unsafe. g_free it. */
char *cw_sip_uri_header(const char *headers, const char *name);

#endif
