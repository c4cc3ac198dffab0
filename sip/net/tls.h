/* tls.h - TLS for SIP connections: contexts, who a certificate speaks for (RFC 5922).
 *
 * Loop thread. Sofia's own TLS is not used: it blocks in a handshake, leaks, checks no names, says
 * none (SNI), and has one certificate for all.
 */
#ifndef CW_SIP_TLS_H
#define CW_SIP_TLS_H

#include "base/conf.h"
#include "base/json.h"
#include "base/role.h"

#include <glib.h>
#include <openssl/ssl.h>

typedef struct cw_tls cw_tls;

/* Our side of connections of one kind: which certificate, which authorities. Interned: the same
 * three give the same one, which lives as long as its cw_tls. */
typedef struct cw_tls_profile cw_tls_profile;

/* CW_E_CONF: a file of sip.tls_* or of a trunk cannot be used; `why` says which. */
CW_NODISCARD cw_err cw_tls_new(const cw_conf *conf, cw_tls **ret, char why[static 128]) CW_ON_LOOP;
void cw_tls_free(cw_tls *tls) CW_ON_LOOP; /* NULL is fine */
/* Read every file again. On error everything stays as it was. Connections keep what they have. */
CW_NODISCARD cw_err cw_tls_reload(cw_tls *tls, char why[static 128]) CW_ON_LOOP;

/* NULL parts: those of sip.tls_*. NULL: a file cannot be used; logged. */
cw_tls_profile *cw_tls_profile_get(cw_tls *tls, const char *certificate, const char *key,
                                   const char *authorities) CW_ON_LOOP;

/* One connection, over `fd`, which stays the caller's. NULL: OpenSSL has no memory, or we have no
 * certificate to be a server with. `domain`: for SNI, when it is a name. */
SSL *cw_tls_accept(cw_tls *tls, int fd) CW_ON_LOOP;
SSL *cw_tls_connect(cw_tls_profile *profile, int fd, const char *domain) CW_ON_LOOP;

/* Whom the far side's certificate speaks for: hosts of SIP URIs, else DNS names and addresses, else
 * its common name (RFC 5922 7.1). Lower case; NULL: it showed none. g_strfreev. */
GStrv cw_tls_names(const SSL *ssl) CW_ON_LOOP;
/* RFC 5922 7.2: equal, without wildcards unless `wildcards` (then of the first label). Pure. */
bool cw_tls_name_fits(const char *const *names, const char *domain, bool wildcards);
/* Why a handshake failed, by the certificate's check or OpenSSL's queue, which is emptied. */
void cw_tls_why(const SSL *ssl, char why[static 128]) CW_ON_LOOP;
/* [{for, file, …}]: certificates shown by listeners ("sip") and to trunks ("trunk"). */
json_t *cw_tls_json(const cw_tls *tls) CW_ON_LOOP;
/* Days until our certificate ends; of sip.tls_certificate. */
bool cw_tls_ends_in(const cw_tls *tls, int *days) CW_ON_LOOP;

#endif
