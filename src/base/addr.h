/* addr.h - an IP address with a port, IPv4 or IPv6. Plain data, any thread. */
#ifndef CW_BASE_ADDR_H
#define CW_BASE_ADDR_H

#include "base/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* All zero is "no address" (family AF_UNSPEC). 28 bytes, unlike sockaddr_storage's 128. */
typedef union cw_addr {
    struct sockaddr sa;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
} cw_addr;

#define CW_ADDR_STR 56 /* "[ffff:…]:65535" with its NUL */

/* Parse "192.0.2.1:5060", "[2001:db8::1]:5060", or without port (then `port` is taken). No names.
 *
 * CW_E_SYNTAX  neither of them
 */
CW_NODISCARD cw_err cw_addr_parse(const char *text, uint16_t port, cw_addr *ret);

/* An address from a bare IP ("192.0.2.1", "2001:db8::1", "[2001:db8::1]") and a port. */
CW_NODISCARD cw_err cw_addr_from_ip(const char *ip, size_t len, uint16_t port, cw_addr *ret);

const char *cw_addr_print(const cw_addr *addr, char buf[static CW_ADDR_STR]);    /* with port */
const char *cw_addr_print_ip(const cw_addr *addr, char buf[static CW_ADDR_STR]); /* "2001:db8::1" */

bool cw_addr_eq(const cw_addr *a, const cw_addr *b);    /* address and port */
bool cw_addr_eq_ip(const cw_addr *a, const cw_addr *b); /* address only */
socklen_t cw_addr_len(const cw_addr *addr);
int cw_addr_family(const cw_addr *addr); /* AF_INET, AF_INET6, AF_UNSPEC */
uint16_t cw_addr_port(const cw_addr *addr);
void cw_addr_set_port(cw_addr *addr, uint16_t port);
bool cw_addr_is_any(const cw_addr *addr);      /* 0.0.0.0 or :: */
bool cw_addr_is_loopback(const cw_addr *addr); /* 127/8 or ::1 */

/* The machine's own first non-loopback address of `family`, as the routing table would choose it.
 *
 * CW_E_NETWORK  it has none
 */
CW_NODISCARD cw_err cw_addr_own(int family, cw_addr *ret);

#endif
