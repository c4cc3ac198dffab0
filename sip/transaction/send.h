/* send.h - a request on its way, between the files of it: send.c has its life, send_hop.c where it
 * goes, send_out.c one hop and what comes back, send_stray.c what is given up. Loop thread. */
#ifndef CW_SIP_TRANSACTION_SEND_H
#define CW_SIP_TRANSACTION_SEND_H

#include "sip/dialog/call.h"

/* --- send.c --- */

void cw_sip_send_finish(cw_sip_send *send, int status, const sip_t *sip) CW_ON_LOOP; /* frees it */
/* Tell of a failure from the loop: not before whatever started it has returned. */
void cw_sip_send_fail(cw_sip_send *send, cw_err err) CW_ON_LOOP;
msg_t *cw_sip_send_build(cw_sip_send *send, sip_method_t method, const char *name, const char *ruri,
                         const char *route) CW_ON_LOOP;
void cw_sip_add_lines(msg_t *msg, sip_t *message, const char *const *lines) CW_ON_LOOP;

/* --- send_hop.c --- */

/* Find out where it goes, and send it. True: it was sent, or could not be. */
bool cw_sip_send_route(cw_sip_send *send) CW_ON_LOOP;
/* True: it goes on, somewhere else. The hop that failed counts as bad for some time. */
bool cw_sip_send_next(cw_sip_send *send, cw_err why, uint64_t bad_ms) CW_ON_LOOP;
void cw_sip_send_wait(cw_sip_send *send) CW_ON_LOOP; /* how long this hop has for a first answer */
const cw_addr *cw_sip_send_addr(const cw_sip_send *send) CW_ON_LOOP;
cw_sip_way cw_sip_send_way(const cw_sip_send *send) CW_ON_LOOP;
uint64_t cw_sip_send_bad_hop_ms(const cw_sip_send *send) CW_ON_LOOP;

/* --- send_out.c --- */

void cw_sip_send_transmit(cw_sip_send *send) CW_ON_LOOP; /* a hop is chosen: out it goes */
/* "sip:192.0.2.1:5060;transport=udp": what NTA gets instead of names. */
char *cw_sip_send_url(const cw_sip_send *send) CW_ON_LOOP;
/* The name of the listener that it goes by; NULL: none. */
const char *cw_sip_send_ident(const cw_sip_send *send) CW_ON_LOOP;
CW_NODISCARD cw_err cw_sip_send_connection(cw_sip_send *send, tport_t **ret) CW_ON_LOOP;

/* --- send_stray.c --- */

cw_sip_send *cw_sip_send_stray(cw_sip_send *send) CW_ON_LOOP; /* takes its transaction over */

#endif
