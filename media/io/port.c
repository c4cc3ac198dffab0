#include "media/io/port.h"

#include "base/ident.h"
#include "base/stats.h"

#include <errno.h>
#include <glib.h>
#include <unistd.h>

#define RCVBUF_BYTES                                                                               \
    65536 /* the kernel doubles it: some seconds of audio, a few frames of video                   \
           */

struct cw_ports {
    cw_addr listen;
    unsigned first; /* even */
    unsigned pairs, taken_n;
    uint8_t *taken; /* a byte each pair */
};

cw_ports *cw_ports_new(const cw_addr *listen, uint16_t first, uint16_t last)
{
    cw_ports *ports = g_new0(cw_ports, 1);

    ports->listen = *listen;
    ports->first = (first + 1u) & ~1u;
    ports->pairs = last > ports->first ? (last - ports->first + 1u) / 2 : 0;
    ports->taken = g_new0(uint8_t, ports->pairs);
    return ports;
}

void cw_ports_free(cw_ports *ports)
{
    if (!ports)
        return;
    g_free(ports->taken);
    g_free(ports);
}

static int open_udp(const cw_addr *addr)
{
    int fd = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int only = 1, bytes = RCVBUF_BYTES, err;

    if (fd < 0)
        return -1;
    if (addr->sa.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (bind(fd, &addr->sa, cw_addr_len(addr)) == 0)
        return fd;
    err = errno;
    close(fd);
    errno = err;
    return -1;
}

static bool open_pair(const cw_addr *listen, unsigned port, cw_port_pair *ret)
{
    cw_port_pair pair = { -1, -1, *listen };
    cw_addr rtcp = *listen;
    int err;

    cw_addr_set_port(&pair.addr, (uint16_t)port);
    cw_addr_set_port(&rtcp, (uint16_t)(port + 1));
    pair.rtp = open_udp(&pair.addr);
    if (pair.rtp >= 0)
        pair.rtcp = open_udp(&rtcp);
    if (pair.rtcp >= 0) {
        *ret = pair;
        return true;
    }
    err = errno;
    cw_port_close(&pair);
    errno = err;
    return false;
}

static bool is_exhausted(int err)
{
    return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

cw_err cw_port_open(cw_ports *ports, cw_port_pair *ret)
{
    uint32_t start;

    if (ports->taken_n >= ports->pairs)
        return CW_E_NO_PORT;
    cw_random(&start, sizeof start);
    start %= ports->pairs;
    for (unsigned i = 0; i < ports->pairs; i++) {
        unsigned at = (start + i) % ports->pairs;

        if (ports->taken[at])
            continue;
        if (open_pair(&ports->listen, ports->first + at * 2, ret)) {
            ports->taken[at] = 1;
            ports->taken_n++;
            cw_stat_add(CW_STAT_rtp_ports, 2);
            return CW_OK;
        }
        if (is_exhausted(errno))
            return CW_E_OVERLOAD;
        if (errno != EADDRINUSE && errno != EACCES)
            return CW_E_IO; /* it will be the same with every port */
    }
    return CW_E_NO_PORT;
}

void cw_port_release(cw_ports *ports, const cw_addr *addr)
{
    unsigned at = (cw_addr_port(addr) - ports->first) / 2;

    g_assert(at < ports->pairs && ports->taken[at]);
    ports->taken[at] = 0;
    ports->taken_n--;
    cw_stat_add(CW_STAT_rtp_ports, -2);
}

void cw_port_close(cw_port_pair *pair)
{
    if (pair->rtp >= 0)
        close(pair->rtp);
    if (pair->rtcp >= 0)
        close(pair->rtcp);
    pair->rtp = pair->rtcp = -1;
}
