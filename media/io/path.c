#include "media/io/path.h"

#include "media/io/addrtab.h"

#include <errno.h>
#include <glib.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>
#include <string.h>
#include <unistd.h>

#define HEAR_US    20000   /* how often notifications are read */
#define NUDGE_US   1000000 /* a packet of each neighbour goes by the socket */
#define ASKED_MAX  8       /* questions to the kernel in HEAR_US: each takes some 10 us */
#define PATHS_MAX  65536   /* then all are forgotten: a change of that many addresses is rare */
#define ANSWER_MAX 8192
#define USABLE     (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

/* The next hop of some paths. */
typedef struct neighbour {
    cw_addr hop; /* port 0 */
    bool usable;
    cw_link link;
    uint64_t nudge_us;
} neighbour;

typedef struct path {
    cw_addr to;    /* port 0 */
    unsigned age;  /* cw_paths.age when it was asked for */
    neighbour *by; /* NULL: not by this interface */
} path;

struct cw_paths {
    unsigned index;
    uint8_t own[CW_MAC_LEN];
    int ask, news; /* rtnetlink sockets */
    unsigned age;  /* counts changes of routes */
    unsigned asked;
    uint64_t hear_us;
    cw_addrtab by_to, by_hop;
    GPtrArray *path, *neighbour; /* own them */
};

/* ── rtnetlink ── */
static int open_socket(unsigned groups)
{
    struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = groups };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at)) {
        close(fd);
        return -1;
    }
    return fd;
}

static const void *ip_of(const cw_addr *addr, size_t *len)
{
    bool six = addr->sa.sa_family == AF_INET6;

    *len = six ? sizeof addr->in6.sin6_addr : sizeof addr->in4.sin_addr;
    return six ? (const void *)&addr->in6.sin6_addr : (const void *)&addr->in4.sin_addr;
}

static cw_addr addr_of(int family, const struct rtattr *attr)
{
    cw_addr addr = { .sa.sa_family = (sa_family_t)family };
    size_t len;
    void *ip = (void *)(uintptr_t)ip_of(&addr, &len);

    if (RTA_PAYLOAD(attr) < len)
        return (cw_addr){ 0 };
    memcpy(ip, RTA_DATA(attr), len);
    return addr;
}

static void put_addr(struct nlmsghdr *msg, unsigned short type, const cw_addr *addr)
{
    struct rtattr *attr = (struct rtattr *)((char *)msg + NLMSG_ALIGN(msg->nlmsg_len));
    size_t len;
    const void *ip = ip_of(addr, &len);

    attr->rta_type = type;
    attr->rta_len = (unsigned short)RTA_LENGTH(len);
    memcpy(RTA_DATA(attr), ip, len);
    msg->nlmsg_len = (uint32_t)(NLMSG_ALIGN(msg->nlmsg_len) + RTA_SPACE(len));
}

/* The answer is there when send() returns. */
static const struct nlmsghdr *ask(cw_paths *paths, struct nlmsghdr *msg, void *buf,
                                  unsigned short want)
{
    const struct nlmsghdr *answer = buf;
    ssize_t n;

    paths->asked++;
    msg->nlmsg_flags = NLM_F_REQUEST;
    if (send(paths->ask, msg, msg->nlmsg_len, MSG_NOSIGNAL) < 0)
        return NULL;
    n = recv(paths->ask, buf, ANSWER_MAX, MSG_DONTWAIT);
    if (n < 0 || !NLMSG_OK(answer, (size_t)n) || answer->nlmsg_type != want)
        return NULL;
    return answer;
}

/* ── Neighbours ── */
static void take_neighbour(cw_paths *paths, const struct nlmsghdr *msg)
{
    const struct ndmsg *nd = NLMSG_DATA(msg);
    const struct rtattr *attr = (const void *)((const char *)nd + NLMSG_ALIGN(sizeof *nd));
    size_t left = msg->nlmsg_len - NLMSG_LENGTH(sizeof *nd);
    const uint8_t *mac = NULL;
    neighbour *found = NULL;
    cw_addr hop = { 0 };

    if (msg->nlmsg_len < NLMSG_LENGTH(sizeof *nd) || (unsigned)nd->ndm_ifindex != paths->index ||
        (nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6))
        return;
    for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
        if (attr->rta_type == NDA_DST)
            hop = addr_of(nd->ndm_family, attr);
        else if (attr->rta_type == NDA_LLADDR && RTA_PAYLOAD(attr) == CW_MAC_LEN)
            mac = RTA_DATA(attr);
    }
    if (cw_addr_family(&hop) != AF_UNSPEC)
        found = cw_addrtab_get(&paths->by_hop, &hop);
    if (!found || !cw_addr_eq(&found->hop, &hop))
        return;
    found->usable = msg->nlmsg_type == RTM_NEWNEIGH && mac && nd->ndm_state & USABLE;
    if (found->usable)
        memcpy(found->link.to, mac, CW_MAC_LEN);
}

static void ask_neighbour(cw_paths *paths, const cw_addr *hop)
{
    struct {
        struct nlmsghdr msg;
        struct ndmsg nd;
        char room[64];
    } q = { .msg = { .nlmsg_len = NLMSG_LENGTH(sizeof q.nd), .nlmsg_type = RTM_GETNEIGH },
            .nd = { .ndm_family = (uint8_t)hop->sa.sa_family, .ndm_ifindex = (int)paths->index } };
    alignas(8) char buf[ANSWER_MAX];
    const struct nlmsghdr *answer;

    put_addr(&q.msg, NDA_DST, hop);
    answer = ask(paths, &q.msg, buf, RTM_NEWNEIGH);
    if (answer)
        take_neighbour(paths, answer);
}

static neighbour *get_neighbour(cw_paths *paths, const cw_addr *hop)
{
    neighbour *by = cw_addrtab_get(&paths->by_hop, hop);

    if (by && cw_addr_eq(&by->hop, hop))
        return by;
    by = g_new0(neighbour, 1);
    by->hop = *hop;
    memcpy(by->link.from, paths->own, CW_MAC_LEN);
    g_ptr_array_add(paths->neighbour, by);
    cw_addrtab_put(&paths->by_hop, hop, by);
    ask_neighbour(paths, hop);
    return by;
}

/* ── Routes ── */
/* Where the kernel would send it: the next hop, AF_UNSPEC when not by this interface. */
static cw_addr next_hop(const cw_paths *paths, const struct nlmsghdr *msg, const cw_addr *to)
{
    const struct rtmsg *rt = NLMSG_DATA(msg);
    const struct rtattr *attr = RTM_RTA(rt);
    size_t left = msg->nlmsg_len - NLMSG_LENGTH(sizeof *rt);
    cw_addr hop = *to;
    unsigned index = 0;

    if (rt->rtm_type != RTN_UNICAST)
        return (cw_addr){ 0 };
    for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
        if (attr->rta_type == RTA_OIF && RTA_PAYLOAD(attr) >= sizeof index)
            memcpy(&index, RTA_DATA(attr), sizeof index);
        else if (attr->rta_type == RTA_GATEWAY)
            hop = addr_of(rt->rtm_family, attr);
        else if (attr->rta_type == RTA_VIA || attr->rta_type == RTA_ENCAP)
            return (cw_addr){ 0 }; /* a next hop of the other family, a tunnel: the kernel's way */
    }
    return index == paths->index ? hop : (cw_addr){ 0 };
}

static void ask_route(cw_paths *paths, path *of, const cw_addr *from)
{
    size_t len;
    struct {
        struct nlmsghdr msg;
        struct rtmsg rt;
        char room[64];
    } q = { .msg = { .nlmsg_len = NLMSG_LENGTH(sizeof q.rt), .nlmsg_type = RTM_GETROUTE } };
    alignas(8) char buf[ANSWER_MAX];
    const struct nlmsghdr *answer;
    cw_addr hop = { 0 };

    ip_of(&of->to, &len);
    q.rt = (struct rtmsg){ .rtm_family = (uint8_t)of->to.sa.sa_family,
                           .rtm_dst_len = (uint8_t)(len * 8),
                           .rtm_src_len = (uint8_t)(len * 8) };
    put_addr(&q.msg, RTA_DST, &of->to);
    put_addr(&q.msg, RTA_SRC, from);
    answer = ask(paths, &q.msg, buf, RTM_NEWROUTE);
    if (answer)
        hop = next_hop(paths, answer, &of->to);
    of->age = paths->age;
    of->by = cw_addr_family(&hop) == AF_UNSPEC ? NULL : get_neighbour(paths, &hop);
}

static void forget(cw_paths *paths)
{
    cw_addrtab_clear(&paths->by_to);
    cw_addrtab_clear(&paths->by_hop);
    cw_addrtab_init(&paths->by_to);
    cw_addrtab_init(&paths->by_hop);
    g_ptr_array_set_size(paths->path, 0);
    g_ptr_array_set_size(paths->neighbour, 0);
}

static cw_addr without_port(const cw_addr *addr)
{
    cw_addr ret = { .sa.sa_family = addr->sa.sa_family };

    if (addr->sa.sa_family == AF_INET6)
        ret.in6.sin6_addr = addr->in6.sin6_addr;
    else
        ret.in4.sin_addr = addr->in4.sin_addr;
    return ret;
}

static path *get_path(cw_paths *paths, const cw_addr *from, const cw_addr *to)
{
    path *of = cw_addrtab_get(&paths->by_to, to);
    bool known = of && cw_addr_eq(&of->to, to);

    if (known && of->age == paths->age)
        return of;
    if (paths->asked >= ASKED_MAX)
        return NULL;
    if (!known) {
        if (paths->path->len >= PATHS_MAX)
            forget(paths);
        of = g_new0(path, 1);
        of->to = *to;
        g_ptr_array_add(paths->path, of);
        cw_addrtab_put(&paths->by_to, to, of);
    }
    ask_route(paths, of, from);
    return of;
}

const cw_link *cw_paths_find(cw_paths *paths, const cw_addr *from, const cw_addr *to,
                             uint64_t now_us)
{
    cw_addr key = without_port(to);
    path *of = get_path(paths, from, &key);
    neighbour *by = of ? of->by : NULL;

    if (!by || !by->usable)
        return NULL;
    if (now_us >= by->nudge_us) {
        by->nudge_us = now_us + NUDGE_US;
        return NULL;
    }
    return &by->link;
}

/* ── Changes ── */
static void take_news(cw_paths *paths, const struct nlmsghdr *msg)
{
    switch (msg->nlmsg_type) {
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        take_neighbour(paths, msg);
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
    case RTM_NEWLINK:
    case RTM_DELLINK:
    case RTM_NEWADDR:
    case RTM_DELADDR:
        paths->age++;
        break;
    default:
        break;
    }
}

void cw_paths_hear(cw_paths *paths, uint64_t now_us)
{
    alignas(8) char buf[ANSWER_MAX];
    ssize_t n;

    if (now_us < paths->hear_us)
        return;
    paths->hear_us = now_us + HEAR_US;
    paths->asked = 0;
    while ((n = recv(paths->news, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
        const struct nlmsghdr *msg = (const void *)buf;

        for (size_t left = (size_t)n; NLMSG_OK(msg, left); msg = NLMSG_NEXT(msg, left))
            take_news(paths, msg);
    }
    if (n < 0 && errno == ENOBUFS) /* there was more than was kept for us */
        forget(paths);
}

cw_paths *cw_paths_new(unsigned index, const uint8_t own[CW_MAC_LEN])
{
    cw_paths *paths = g_new0(cw_paths, 1);

    paths->index = index;
    memcpy(paths->own, own, CW_MAC_LEN);
    paths->ask = open_socket(0);
    paths->news = open_socket(RTMGRP_NEIGH | RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
                              RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
    cw_addrtab_init(&paths->by_to);
    cw_addrtab_init(&paths->by_hop);
    paths->path = g_ptr_array_new_with_free_func(g_free);
    paths->neighbour = g_ptr_array_new_with_free_func(g_free);
    if (paths->ask >= 0 && paths->news >= 0)
        return paths;
    cw_paths_free(paths);
    return NULL;
}

void cw_paths_free(cw_paths *paths)
{
    if (!paths)
        return;
    if (paths->ask >= 0)
        close(paths->ask);
    if (paths->news >= 0)
        close(paths->news);
    cw_addrtab_clear(&paths->by_to);
    cw_addrtab_clear(&paths->by_hop);
    g_ptr_array_unref(paths->path);
    g_ptr_array_unref(paths->neighbour);
    g_free(paths);
}
