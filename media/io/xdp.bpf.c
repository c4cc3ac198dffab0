/* xdp.bpf.c - in the kernel, before its network stack: which frames go to a media worker's socket.
 * Everything else, and everything out of the ordinary, takes the usual way. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "media/io/xdp_key.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, CW_XDP_PORTS_MAX);
    __type(key, cw_xdp_key);
    __type(value, __u32); /* the worker it belongs to */
} ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, CW_XDP_QUEUES_MAX);
    __type(key, __u32); /* queue */
    __type(value, __u32);
} sockets SEC(".maps");

const volatile __u32 workers = 1; /* queue n is read by worker n modulo this */

SEC("xdp") int to_worker(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethhdr *ether = data;
    cw_xdp_key key = {};
    struct udphdr *udp;
    __u32 *worker;

    if ((void *)(ether + 1) > end)
        return XDP_PASS;
    if (ether->h_proto == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = (void *)(ether + 1);

        if ((void *)(ip + 1) > end || ip->ihl != 5 || ip->protocol != IPPROTO_UDP ||
            ip->frag_off & bpf_htons(0x3fff))
            return XDP_PASS;
        key.addr[3] = ip->daddr;
        udp = (void *)(ip + 1);
    } else if (ether->h_proto == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip = (void *)(ether + 1);

        if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_UDP)
            return XDP_PASS;
        __builtin_memcpy(key.addr, &ip->daddr, sizeof key.addr);
        udp = (void *)(ip + 1);
    } else {
        return XDP_PASS;
    }
    if ((void *)(udp + 1) > end)
        return XDP_PASS;
    key.port = udp->dest;
    worker = bpf_map_lookup_elem(&ports, &key);
    if (!worker || *worker != ctx->rx_queue_index % workers)
        return XDP_PASS;
    return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

char terms[] SEC("license") = "LGPL-2.1-or-later"; /* the helpers used ask for no other */
