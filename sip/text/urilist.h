/* urilist.h - "Display" <uri>;param, <uri>, …: what Sofia has no parser for, such as
 * P-Associated-URI (RFC 7315 4.1) and P-Asserted-Identity (RFC 3325 9.1). Pure. */
#ifndef CW_SIP_URILIST_H
#define CW_SIP_URILIST_H

#include <glib.h>

/* Append the sip: and tel: URIs in angle brackets to `to` (g_free'd by it), until it has `max`.
 * Other schemes, and URIs with quotes, blanks or control characters, are passed over. */
void cw_sip_uri_list(const char *text, unsigned max, GPtrArray *to);

#endif
