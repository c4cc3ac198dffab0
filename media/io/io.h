/* io.h - datagrams in and out of a worker, in batches, from a fixed pool. One worker's, no lock.
 *
 * The rest of the packet path sees slots and these functions only, so that another way to the wire
 * than sockets can be put here.
 */
#ifndef CW_MEDIA_IO_H
#define CW_MEDIA_IO_H

#include "base/addr.h"
#include "base/role.h"
#include "media/io/wire.h"

#include <stdalign.h>

#define CW_IO_BATCH 64
#define CW_IO_READ                                                                                 \
    1536 /* bytes asked for: what is longer than CW_RTP_MAX shows, and is dropped                  \
          */

typedef struct cw_slot {
    alignas(64) uint8_t data[2048]; /* CW_IO_READ and room for SRTP's trailer */
} cw_slot;

/* A datagram. Whoever keeps the slot (cw_io_send may) sets `slot` to NULL. */
typedef struct cw_pkt {
    cw_slot *slot;
    size_t at, len; /* in slot->data */
    const cw_addr *from;
} cw_pkt;

typedef struct cw_io cw_io;

cw_io *cw_io_new(cw_wire *wire);      /* any thread; NULL: sockets only. Takes the wire */
void cw_io_free(cw_io *io);           /* any thread, when none uses it */
cw_wire *cw_io_wire(const cw_io *io); /* NULL: sockets only. Any thread */

/* Up to CW_IO_BATCH datagrams of a socket that serves many peers. Packet i is got by cw_io_got(),
 * in order, once; all of them before the next call. */
unsigned cw_io_rx_batch(cw_io *io, int fd) CW_ON_MEDIA;
const cw_addr *cw_io_from(const cw_io *io, unsigned i) CW_ON_MEDIA; /* before it is got */
void cw_io_got(cw_io *io, unsigned i, cw_pkt *ret) CW_ON_MEDIA;
/* One datagram of a socket that serves one peer. False: none there. */
bool cw_io_rx_one(cw_io *io, int fd, cw_pkt *ret) CW_ON_MEDIA;
/* Done with a received packet, sent or not. */
void cw_io_done(cw_io *io, cw_pkt *pkt) CW_ON_MEDIA;

/* Up to CW_WIRE_BATCH datagrams that came by the wire; packet i is copied out by cw_io_wired(). */
unsigned cw_io_rx_wire(cw_io *io) CW_ON_MEDIA;
const cw_frame *cw_io_frame(const cw_io *io, unsigned i) CW_ON_MEDIA;
void cw_io_wired(cw_io *io, unsigned i, cw_pkt *ret) CW_ON_MEDIA;

/* An empty packet to write into. */
void cw_io_blank(cw_io *io, cw_pkt *ret) CW_ON_MEDIA;

/* Have a socket serve one peer only: the kernel drops what others send, and need not look the way
 * up for each packet. `to` NULL: undo. False: it is not, as when a wire looks the way up. */
bool cw_io_connect(cw_io *io, int fd, const cw_addr *to) CW_ON_MEDIA;

/* Send now, from a socket that serves one peer; `to` NULL: the one it is connected to. */
void cw_io_send(cw_io *io, int fd, const cw_pkt *pkt, const cw_addr *to) CW_ON_MEDIA;
/* Send with the next cw_io_tx_batch(); takes the slot. `to` must stay until then. */
void cw_io_queue(cw_io *io, int fd, cw_pkt *pkt, const cw_addr *to) CW_ON_MEDIA;
void cw_io_tx_batch(cw_io *io) CW_ON_MEDIA;

/* Datagrams out since the last call, and those the kernel refused. */
void cw_io_count(cw_io *io, unsigned *sent, unsigned *failed) CW_ON_MEDIA;

#endif
