/* wire_priv.h - what a wire needs of its interface. */
#ifndef CW_MEDIA_WIRE_PRIV_H
#define CW_MEDIA_WIRE_PRIV_H

#include "media/io/wire.h"

#include <net/if.h>

struct cw_xdp {
    char interface[IF_NAMESIZE];
    unsigned index, queues, workers;
    bool native;
    uint8_t own[CW_MAC_LEN];
    struct bpf_object *object;
    int ports, sockets; /* tables of the program */
    int link;           /* the program is attached as long as it is open */
};

#endif
