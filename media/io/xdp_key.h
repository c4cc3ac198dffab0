/* xdp_key.h - what the program in the kernel and the one that loads it agree on. */
#ifndef CW_MEDIA_XDP_KEY_H
#define CW_MEDIA_XDP_KEY_H

#include <linux/types.h>

#define CW_XDP_PORTS_MAX  131072
#define CW_XDP_QUEUES_MAX 64

/* An address of ours, in network order; an IPv4 address is the last word, the others zero. */
typedef struct cw_xdp_key {
    __u32 addr[4];
    __u16 port;
    __u16 zero;
} cw_xdp_key;

#endif
