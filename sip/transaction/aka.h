/* aka.h - IMS AKA as a client of digest (RFC 3310, RFC 4169; 3GPP TS 33.203 6.1): a challenge
 * carries RAND and AUTN, the answer's password comes of the keys that a user shares with the
 * network.
 *
 * Belongs to one account; loop thread with it.
 */
#ifndef CW_SIP_AKA_H
#define CW_SIP_AKA_H

#include "sip/text/milenage.h"

#include <stddef.h>

/* The keys, as hex in configuration; and the highest sequence number taken. */
typedef struct cw_sip_aka {
    uint8_t k[16], opc[16];
    uint8_t sqn[CW_AKA_SQN_LEN]; /* big-endian; 0: none yet */
} cw_sip_aka;

#define CW_AKA_AUTS_LEN 20 /* base64 of 14 bytes */

/* What goes into the answer to one challenge. */
typedef struct cw_sip_aka_answer {
    uint8_t password[CW_AKAV2_PASSWORD_LEN]; /* binary for AKAv1 */
    size_t len;
    char auts[CW_AKA_AUTS_LEN +
              1]; /* not "": the sequence number is an old one; the password is empty then (3.4) */
} cw_sip_aka_answer;

/* "k" and one of "op", "opc", each 32 hex digits; NULL: not given. CW_E_PARAMS: not that. */
CW_NODISCARD cw_err cw_sip_aka_read(const char *k, const char *op, const char *opc,
                                    cw_sip_aka *ret);

/* Answer the nonce of a challenge of AKAv1 or AKAv2 (`version`). What it takes of the network moves
 * `aka->sqn`.
 *
 * CW_E_PARSE  no RAND and AUTN in it
 * CW_E_AUTH   the network does not have our key (33.203 6.1.1: such a one gets no answer)
 */
CW_NODISCARD cw_err cw_sip_aka_take(cw_sip_aka *aka, unsigned version, const char *nonce,
                                    cw_sip_aka_answer *ret);

#endif
