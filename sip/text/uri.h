/* uri.h - SIP URIs, display names and header lines as text (RFC 3261 19.1, 20, 25.1).
 *
 * Pure functions: any thread, no logging. Everything returned is g_free'd by the caller. What they
 * let through holds no CR, LF, NUL or other control byte, neither plain nor escaped.
 */
#ifndef CW_SIP_URI_H
#define CW_SIP_URI_H

#include "base/err.h"
#include "sip/sip.h"

#include <stdbool.h>
#include <stdint.h>

#define CW_SIP_URI_MAX 512

/* The parts of a URI that decide where a request goes. */
typedef struct cw_sip_host {
    char name[256]; /* lower case; an IPv6 address without brackets */
    uint16_t port;  /* 0: not given */
    bool numeric;   /* an IP address */
    bool ipv6;
    bool secure; /* sips: */
    bool has_transport;
    bool phone;                 /* user=phone (RFC 3261 19.1.1) */
    cw_sip_transport transport; /* valid with has_transport; sips: implies TLS */
} cw_sip_host;

/* Its port, or the transport's own. */
uint16_t cw_sip_port_of(const cw_sip_host *host, cw_sip_transport transport);

/* "host", "host:port", "192.0.2.1:5060", "[2001:db8::1]:5060". CW_E_PARAMS: not one of them. */
CW_NODISCARD cw_err cw_sip_host_parse(const char *text, size_t len, cw_sip_host *ret);

/* The host of any sip: or sips: URI, also a peer's: parameters other than transport, maddr and
 * headers are skipped. CW_E_UNSUPPORTED: tel:, maddr, an unknown transport, or sips: over UDP. */
CW_NODISCARD cw_err cw_sip_uri_host(const char *uri, cw_sip_host *ret);

/* "tel:+331234;ext=5", what of RFC 3966 a Request-URI may hold. CW_E_UNSAFE, CW_E_PARAMS */
CW_NODISCARD cw_err cw_sip_tel_check(const char *uri);

bool cw_sip_uri_is_loose(const char *uri); /* has the lr parameter */

char *cw_sip_user_escape(const char *user);               /* UTF-8 in, RFC 3261 `user` out */
char *cw_sip_user_unescape(const char *user, size_t len); /* NULL: control byte or bad UTF-8 */

char *cw_sip_display_quote(const char *name);    /* with quotes; NULL: control byte or bad UTF-8 */
char *cw_sip_display_decode(const char *quoted); /* never NULL; unsafe names become "" */

#endif
