#include "media/io/frame.h"

#include "media/rtp/rtp.h"

#include <string.h>

#define ETHER    14
#define IP4      20 /* RFC 791 3.1, without options */
#define IP6      40 /* RFC 8200 3 */
#define UDP      8  /* RFC 768 */
#define TYPE_IP4 0x0800
#define TYPE_IP6 0x86dd
#define DF       0x4000 /* RFC 791 3.1; an atomic datagram needs no identification (RFC 6864 4.1) */
#define HOPS     64

/* ── In ── */
static cw_err parse_udp(const uint8_t *at, size_t len, cw_frame *ret)
{
    size_t udp_len;

    if (len < UDP)
        return CW_E_SHORT;
    udp_len = cw_get16(at + 4);
    if (udp_len < UDP || udp_len > len)
        return CW_E_SHORT;
    cw_addr_set_port(&ret->from, cw_get16(at));
    cw_addr_set_port(&ret->to, cw_get16(at + 2));
    ret->data = at + UDP;
    ret->len = udp_len - UDP;
    return CW_OK;
}

static cw_err parse_ip4(const uint8_t *at, size_t len, cw_frame *ret)
{
    size_t total;

    if (len < IP4)
        return CW_E_SHORT;
    total = cw_get16(at + 2);
    if (at[0] != 0x45 || at[9] != IPPROTO_UDP || cw_get16(at + 6) & 0x3fff) /* a fragment */
        return CW_E_UNSUPPORTED;
    if (total < IP4 || total > len)
        return CW_E_SHORT;
    ret->from.sa.sa_family = ret->to.sa.sa_family = AF_INET;
    memcpy(&ret->from.in4.sin_addr, at + 12, 4);
    memcpy(&ret->to.in4.sin_addr, at + 16, 4);
    return parse_udp(at + IP4, total - IP4, ret);
}

static cw_err parse_ip6(const uint8_t *at, size_t len, cw_frame *ret)
{
    size_t total;

    if (len < IP6)
        return CW_E_SHORT;
    total = cw_get16(at + 4);
    if (at[0] >> 4 != 6 || at[6] != IPPROTO_UDP)
        return CW_E_UNSUPPORTED;
    if (total > len - IP6)
        return CW_E_SHORT;
    ret->from.sa.sa_family = ret->to.sa.sa_family = AF_INET6;
    memcpy(&ret->from.in6.sin6_addr, at + 8, 16);
    memcpy(&ret->to.in6.sin6_addr, at + 24, 16);
    return parse_udp(at + IP6, total, ret);
}

cw_err cw_frame_parse(const uint8_t *frame, size_t len, cw_frame *ret)
{
    unsigned type;

    if (len < ETHER)
        return CW_E_SHORT;
    memset(ret, 0, sizeof *ret);
    type = cw_get16(frame + 12);
    if (type == TYPE_IP4)
        return parse_ip4(frame + ETHER, len - ETHER, ret);
    return type == TYPE_IP6 ? parse_ip6(frame + ETHER, len - ETHER, ret) : CW_E_UNSUPPORTED;
}

/* ── Out ── */
/* RFC 1071, 64 bits at a time; the order of bytes does not matter to the sum. */
static uint64_t add(uint64_t sum, const uint8_t *data, size_t len)
{
    uint64_t word;

    for (; len >= 8; data += 8, len -= 8) {
        memcpy(&word, data, 8);
        sum += word;
        sum += sum < word;
    }
    word = 0;
    memcpy(&word, data, len);
    sum += word;
    return sum + (sum < word);
}

static void put_checksum(uint8_t *at, uint64_t sum, bool never_zero)
{
    uint16_t folded;

    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    folded = (uint16_t)~sum;
    if (never_zero && folded == 0) /* zero says that there is none */
        folded = 0xffff;
    memcpy(at, &folded, 2);
}

/* `pseudo`: the sum of what RFC 768 and RFC 8200 8.1 put before the datagram. */
static void print_udp(uint8_t *at, uint64_t pseudo, const cw_addr *from, const cw_addr *to,
                      const uint8_t *data, size_t len)
{
    cw_put16(at, cw_addr_port(from));
    cw_put16(at + 2, cw_addr_port(to));
    cw_put16(at + 4, (uint16_t)(len + UDP));
    cw_put16(at + 6, 0);
    memcpy(at + UDP, data, len);
    put_checksum(at + 6, add(pseudo, at, len + UDP), true);
}

static size_t print_ip4(uint8_t *at, const cw_addr *from, const cw_addr *to, const uint8_t *data,
                        size_t len)
{
    uint8_t more[4] = { 0, IPPROTO_UDP };

    memset(at, 0, IP4);
    at[0] = 0x45;
    cw_put16(at + 2, (uint16_t)(IP4 + UDP + len));
    cw_put16(at + 6, DF);
    at[8] = HOPS;
    at[9] = IPPROTO_UDP;
    memcpy(at + 12, &from->in4.sin_addr, 4);
    memcpy(at + 16, &to->in4.sin_addr, 4);
    put_checksum(at + 10, add(0, at, IP4), false);
    cw_put16(more + 2, (uint16_t)(UDP + len));
    print_udp(at + IP4, add(add(0, more, 4), at + 12, 8), from, to, data, len);
    return IP4 + UDP + len;
}

static size_t print_ip6(uint8_t *at, const cw_addr *from, const cw_addr *to, const uint8_t *data,
                        size_t len)
{
    uint8_t more[4] = { 0, IPPROTO_UDP };

    memset(at, 0, IP6);
    at[0] = 0x60;
    cw_put16(at + 4, (uint16_t)(UDP + len));
    at[6] = IPPROTO_UDP;
    at[7] = HOPS;
    memcpy(at + 8, &from->in6.sin6_addr, 16);
    memcpy(at + 24, &to->in6.sin6_addr, 16);
    cw_put16(more + 2, (uint16_t)(UDP + len));
    print_udp(at + IP6, add(add(0, more, 4), at + 8, 32), from, to, data, len);
    return IP6 + UDP + len;
}

size_t cw_frame_print(uint8_t *ret, const cw_link *link, const cw_addr *from, const cw_addr *to,
                      const uint8_t *data, size_t len)
{
    memcpy(ret, link->to, CW_MAC_LEN);
    memcpy(ret + CW_MAC_LEN, link->from, CW_MAC_LEN);
    if (to->sa.sa_family == AF_INET6) {
        cw_put16(ret + 12, TYPE_IP6);
        return ETHER + print_ip6(ret + ETHER, from, to, data, len);
    }
    cw_put16(ret + 12, TYPE_IP4);
    return ETHER + print_ip4(ret + ETHER, from, to, data, len);
}
