/* interpose.h - Sofia must never resolve a name: its resolver loops for ever on some answers and
 * its getaddrinfo() stops the loop. Definitions in interpose.c take the place of the library's.
 */
#ifndef CW_SIP_INTERPOSE_H
#define CW_SIP_INTERPOSE_H

#include <stdbool.h>

/* True when the dynamic linker gives Sofia our functions. False in a program linked so that it does
 * not (-Bsymbolic, a static libsofia-sip-ua): then the stack refuses to start. */
bool cw_sip_interposed(void);

/* Calls that reached us since the start, from any thread: for tests. */
unsigned cw_sip_interposed_lookups(void); /* names Sofia wanted resolved, each refused */
unsigned cw_sip_interposed_binds(void);   /* numeric addresses it parsed */

#endif
