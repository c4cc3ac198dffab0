/* milenage.h - the Milenage functions of a USIM (3GPP TS 35.206), and the password of AKAv2-MD5
 * (RFC 4169).
 *
 * Pure functions: any thread, no allocation that outlives them.
 */
#ifndef CW_SIP_MILENAGE_H
#define CW_SIP_MILENAGE_H

#include "base/err.h"

#include <stdint.h>

#define CW_AKA_RES_LEN 8
#define CW_AKA_SQN_LEN 6

/* What f1 to f5 make of a challenge. */
typedef struct cw_milenage {
    uint8_t mac_a[8], mac_s[8]; /* f1: the network's proof; f1*: ours when we resynchronise */
    uint8_t res[CW_AKA_RES_LEN], ck[16], ik[16], ak[6];
    uint8_t ak_s[6]; /* f5* */
} cw_milenage;

/* OPc of the operator's OP (4.1). */
CW_NODISCARD cw_err cw_milenage_opc(const uint8_t k[static 16], const uint8_t op[static 16],
                                    uint8_t opc[static 16]);

/* f2 to f5 and f5* of RAND; the MACs are left alone. CW_E_INTERNAL: no AES. */
CW_NODISCARD cw_err cw_milenage_rand(const uint8_t k[static 16], const uint8_t opc[static 16],
                                     const uint8_t rand[static 16], cw_milenage *ret);
/* f1 and f1*. */
CW_NODISCARD cw_err cw_milenage_mac(const uint8_t k[static 16], const uint8_t opc[static 16],
                                    const uint8_t rand[static 16],
                                    const uint8_t sqn[static CW_AKA_SQN_LEN],
                                    const uint8_t amf[static 2], cw_milenage *ret);

#define CW_AKAV2_PASSWORD_LEN 24
/* base64 of PRF(RES || IK || CK, "http-digest-akav2-password"), ended with NUL (RFC 4169 3). */
void cw_akav2_password(const cw_milenage *m, char ret[static CW_AKAV2_PASSWORD_LEN + 1]);

#endif
