/* net.h - a network in CIDR notation. Pure. Home of src/call only. */
#ifndef CW_CALL_NET_H
#define CW_CALL_NET_H

#include "base/addr.h"

typedef struct cw_net {
    cw_addr addr;
    unsigned bits; /* of the prefix: 0..32, 0..128 */
} cw_net;

/* "192.0.2.0/24", "2001:db8::/32"; without "/": that address only. CW_E_SYNTAX */
CW_NODISCARD cw_err cw_net_parse(const char *text, cw_net *ret);

/* IPv4 written as IPv6 (::ffff:192.0.2.1) is IPv4. */
bool cw_net_has(const cw_net *net, const cw_addr *addr);

#endif
