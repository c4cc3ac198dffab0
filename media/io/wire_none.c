/* wire_none.c - built without libxdp, or clang for the program in the kernel: sockets only. */
#include "media/io/wire.h"

#include <glib.h>
#include <stdio.h>

cw_err cw_xdp_open(const char *interface, unsigned workers, cw_xdp **ret, char why[static 128])
{
    snprintf(why, 128, "XDP on %s: built without libxdp", interface);
    return CW_E_UNSUPPORTED;
}

void cw_xdp_close(cw_xdp *xdp) {}

/* None is ever open, so nothing below is called with one. */
const char *cw_xdp_mode(const cw_xdp *xdp)
{
    return "none";
}

cw_err cw_wire_new(cw_xdp *xdp, unsigned worker, cw_wire **ret, char why[static 128])
{
    return CW_E_UNSUPPORTED;
}

void cw_wire_free(cw_wire *wire) {}

unsigned cw_wire_fds(const cw_wire *wire, const int **ret)
{
    return 0;
}

void cw_wire_serve(cw_wire *wire, int fd, const cw_addr *local) {}

void cw_wire_unserve(cw_wire *wire, int fd) {}

unsigned cw_wire_rx(cw_wire *wire, cw_frame ret[static CW_WIRE_BATCH])
{
    return 0;
}

bool cw_wire_tx(cw_wire *wire, int fd, const cw_addr *to, const uint8_t *data, size_t len)
{
    return false;
}

void cw_wire_flush(cw_wire *wire) {}

void cw_wire_hear(cw_wire *wire, uint64_t now_us) {}
