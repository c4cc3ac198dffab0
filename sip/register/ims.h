/* ims.h - what a user's requests say besides where an IMS core is behind the registrar: as a UE at
 * its P-CSCF (Gm), or as an eP-CSCF of it (Mw, 3GPP TS 24.371).
 *
 * Loop thread. Header lines are "Name: value".
 */
#ifndef CW_SIP_REGISTER_IMS_H
#define CW_SIP_REGISTER_IMS_H

#include "sip/register/register_priv.h"

struct cw_sip_ims {
    cw_sip_access access;
    char *visited;  /* P-Visited-Network-ID, Mw */
    char *network;  /* P-Access-Network-Info; NULL: none */
    GStrv services; /* ICSIs (RFC 6050); NULL: none */
    bool vouched;   /* Mw: we authenticated the user ourselves (TS 33.203 annex U) */
};

/* NULL: no IMS core there. */
cw_sip_ims *cw_sip_ims_new(const cw_sip_registrar_conf *conf) CW_ON_LOOP;
void cw_sip_ims_free(cw_sip_ims *ims) CW_ON_LOOP; /* NULL is fine */

/* Of a REGISTER (TS 24.229 5.1.1.2, 5.2.2; RFC 7315). `authorized`: it answers a challenge already.
 */
void cw_sip_ims_register(const cw_sip_reg *reg, bool authorized, GStrvBuilder *lines) CW_ON_LOOP;
/* Feature tags of the Contact (RFC 3840); g_free. Any thread. */
char *cw_sip_ims_contact(const cw_sip_ims *ims);

/* Of a request that makes a dialog or stands alone, and of every one but ACK and CANCEL. NULL:
 * nothing. g_strfreev. */
GStrv cw_sip_ims_initial(const cw_sip_reg *reg) CW_ON_LOOP;
GStrv cw_sip_ims_every(const cw_sip_reg *reg) CW_ON_LOOP;

/* --- regevent.c --- */

/* Subscribe to the registration's state, unless it is so already, or no IMS core is there. */
void cw_sip_reg_watch(cw_sip_reg *reg) CW_ON_LOOP;
void cw_sip_reg_unwatch(cw_sip_reg *reg) CW_ON_LOOP;

#endif
