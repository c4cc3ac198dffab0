/* certificate.h - a certificate of ours, for people. Pure. */
#ifndef CW_SIP_CERTIFICATE_H
#define CW_SIP_CERTIFICATE_H

#include "base/json.h"

struct x509_st;

/* {subject, names, issuer, serial, sha256, from, to, days}; from, to: as OpenSSL prints times;
 * days: until it ends. NULL for NULL. */
json_t *cw_certificate_json(const struct x509_st *certificate);

#endif
