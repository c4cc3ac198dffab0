/* net.c - sockets read and written in batches; many endpoints may share one, each with a loopback
 * address of its own (the gateway sees as many browsers as there are addresses). */
#include "webpeer.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 64

typedef union control {
    struct cmsghdr head;
    uint8_t room[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct timespec))];
} control;

/* Datagrams in arrays as recvmmsg and sendmmsg want them. */
typedef struct batch {
    struct mmsghdr msg[BATCH];
    struct iovec iov[BATCH];
    cw_addr addr[BATCH];
    control ctl[BATCH];
    uint8_t data[BATCH][WP_PACKET_MAX];
} batch;

static batch *rx, *tx;
static unsigned tx_first, tx_n; /* not yet sent: first .. n-1, all of tx_fd */
static int tx_fd = -1;
static int epoll_fd;
static wp_packet_fn *packet_fn;
static uint32_t shared_net = 0x7f400000u; /* 127.64.0.0 */
static wp_ep *shared[WP_SHARED_MAX + 1];
static unsigned shared_next = 1;
static wp_sock *shared_sock[4]; /* WebRTC, RTP, RTCP */
static unsigned shared_sock_n;

static batch *batch_new(void)
{
    batch *b = g_new0(batch, 1);

    for (unsigned i = 0; i < BATCH; i++) {
        b->iov[i] = (struct iovec){ b->data[i], WP_PACKET_MAX };
        b->msg[i].msg_hdr =
            (struct msghdr){ .msg_name = &b->addr[i], .msg_iov = &b->iov[i], .msg_iovlen = 1 };
    }
    return b;
}

void wp_net_init(int epoll, wp_packet_fn *fn, const cw_addr *net)
{
    if (net)
        shared_net = ntohl(net->in4.sin_addr.s_addr) & ~(uint32_t)WP_SHARED_MAX;
    epoll_fd = epoll;
    packet_fn = fn;
    rx = batch_new();
    tx = batch_new();
}

wp_sock *wp_sock_open(const cw_addr *local, wp_ep *owner, bool rtcp)
{
    int fd = socket(cw_addr_family(local), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    wp_sock *sock = g_new0(wp_sock, 1);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = sock };
    socklen_t len = sizeof sock->local;
    int on = 1, bytes = owner ? 1 << 18 : 1 << 24;

    *sock = (wp_sock){ .fd = fd, .owner = owner, .rtcp = rtcp };
    if (fd < 0 || bind(fd, &local->sa, cw_addr_len(local)) ||
        getsockname(fd, &sock->local.sa, &len) || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
        wp_sock_close(sock);
        return NULL;
    }
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (!owner)
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    return sock;
}

void wp_sock_close(wp_sock *sock)
{
    if (!sock)
        return;
    wp_tx_flush();
    if (sock->fd >= 0)
        close(sock->fd);
    g_free(sock);
}

/* ── In ── */

static wp_ep *ep_of(const wp_sock *sock, struct msghdr *msg, uint64_t *at_ns)
{
    wp_ep *ep = sock->owner;

    *at_ns = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec ts;

            memcpy(&ts, CMSG_DATA(c), sizeof ts);
            *at_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO && !sock->owner) {
            struct in_pktinfo info;
            uint32_t ip;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            ip = ntohl(info.ipi_addr.s_addr);
            if ((ip & ~(uint32_t)WP_SHARED_MAX) == shared_net)
                ep = shared[ip & WP_SHARED_MAX];
        }
    }
    return ep;
}

static void hand_over(wp_sock *sock, unsigned i)
{
    uint64_t at_ns;
    wp_ep *ep = ep_of(sock, &rx->msg[i].msg_hdr, &at_ns);

    if (ep)
        packet_fn(ep, sock, rx->data[i], rx->msg[i].msg_len, &rx->addr[i], at_ns);
}

void wp_sock_read(wp_sock *sock)
{
    int n;

    do {
        for (unsigned i = 0; i < BATCH; i++) {
            struct msghdr *msg = &rx->msg[i].msg_hdr;

            msg->msg_namelen = sizeof rx->addr[i];
            msg->msg_control = &rx->ctl[i];
            msg->msg_controllen = sizeof rx->ctl[i];
            rx->iov[i].iov_len = WP_PACKET_MAX - CW_SRTP_TRAILER;
        }
        n = recvmmsg(sock->fd, rx->msg, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            hand_over(sock, (unsigned)i);
    } while (n == BATCH);
}

/* ── Out ── */

void wp_tx_flush(void)
{
    while (tx_first < tx_n) {
        int n = sendmmsg(tx_fd, tx->msg + tx_first, tx_n - tx_first, MSG_DONTWAIT);

        tx_first += n > 0 ? (unsigned)n : 1; /* a packet that cannot leave is a lost one */
    }
    tx_first = tx_n = 0;
}

uint8_t *wp_tx_buffer(void)
{
    if (tx_n == BATCH)
        wp_tx_flush();
    return tx->data[tx_n];
}

static void set_source(struct msghdr *msg, control *ctl, unsigned index)
{
    struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(shared_net + index) };

    msg->msg_control = ctl;
    msg->msg_controllen = CMSG_SPACE(sizeof info);
    ctl->head.cmsg_level = IPPROTO_IP;
    ctl->head.cmsg_type = IP_PKTINFO;
    ctl->head.cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(&ctl->head), &info, sizeof info);
}

void wp_tx_commit(wp_ep *ep, wp_sock *sock, size_t len, const cw_addr *to)
{
    struct msghdr *msg = &tx->msg[tx_n].msg_hdr;

    if (sock->fd != tx_fd && tx_first < tx_n) {
        unsigned n = tx_n;

        wp_tx_flush(); /* starts again at 0, but this packet lies at n */
        memcpy(tx->data[0], tx->data[n], len);
        msg = &tx->msg[0].msg_hdr;
    }
    tx_fd = sock->fd;
    tx->iov[tx_n].iov_len = len;
    tx->addr[tx_n] = *to;
    msg->msg_namelen = cw_addr_len(to);
    msg->msg_control = NULL;
    msg->msg_controllen = 0;
    if (ep->shared)
        set_source(msg, &tx->ctl[tx_n], ep->shared);
    tx_n++;
}

void wp_send(wp_ep *ep, wp_sock *sock, const void *data, size_t len, const cw_addr *to)
{
    if (len > WP_PACKET_MAX)
        return;
    memcpy(wp_tx_buffer(), data, len);
    wp_tx_commit(ep, sock, len, to);
    wp_tx_flush();
}

/* ── Shared ── */

/* While packets flow by the clock, shared sockets are read by the clock too: the gateway is then
 * not made to pay for waking this process, which in life is another machine. */
void wp_shared_poll(bool on)
{
    static bool polled;

    if (on != polled) {
        for (unsigned i = 0; i < shared_sock_n; i++) {
            struct epoll_event event = { .events = on ? 0 : EPOLLIN, .data.ptr = shared_sock[i] };

            epoll_ctl(epoll_fd, EPOLL_CTL_MOD, shared_sock[i]->fd, &event);
        }
    }
    polled = on;
    for (unsigned i = 0; on && i < shared_sock_n; i++)
        wp_sock_read(shared_sock[i]);
}

void wp_shared_sock(wp_sock *sock)
{
    if (sock && shared_sock_n < G_N_ELEMENTS(shared_sock))
        shared_sock[shared_sock_n++] = sock;
}

bool wp_shared_add(wp_ep *ep)
{
    for (unsigned tried = 0; tried < WP_SHARED_MAX; tried++) {
        unsigned index = shared_next;

        shared_next = shared_next % WP_SHARED_MAX + 1;
        if (shared[index])
            continue;
        shared[index] = ep;
        ep->shared = index;
        ep->local = ep->sock->local;
        ep->local.in4.sin_addr.s_addr = htonl(shared_net + index);
        return true;
    }
    return false;
}

void wp_shared_remove(wp_ep *ep)
{
    if (ep->shared)
        shared[ep->shared] = NULL;
    ep->shared = 0;
}
