/* transport.h - a browser's 5-tuple on its worker: STUN, DTLS and SRTP told apart (RFC 7983) and
 * let in by address (the browser port is shared by all).
 */
#ifndef CW_MEDIA_TRANSPORT_H
#define CW_MEDIA_TRANSPORT_H

#include "media/flow.h"
#include "media/srtp/seal.h"

#define CW_TRANSPORT_EPS   8
#define CW_TRANSPORT_ADDRS 4 /* that passed a check: the one selected, and where it may move to */
#define CW_TRANSPORT_SSRCS 16

enum { CW_NOTE_BOUND = 1, CW_NOTE_FLOWING = 2, CW_NOTE_LOST = 4, CW_NOTE_GONE = 8 };

typedef struct cw_ice {
    char *ufrag, *pwd; /* NULL: none */
} cw_ice;

typedef struct cw_transport_addr {
    uint64_t used_us; /* any packet */
    cw_addr addr;
    int fd;
} cw_transport_addr;

struct cw_transport {
    /* ── Each packet ── */
    alignas(64) cw_seal seal CW_OF_MEDIA;
    uint8_t addr_n CW_OF_MEDIA, selected CW_OF_MEDIA, ssrc_n CW_OF_MEDIA, ssrc_next CW_OF_MEDIA;
    bool flowing CW_OF_MEDIA, lost CW_OF_MEDIA;
    bool carried;                                           /* packets come and go by `carrier` */
    cw_transport_addr addr[CW_TRANSPORT_ADDRS] CW_OF_MEDIA; /* the first in the first line */
    struct {
        uint32_t ssrc;
        cw_ep *ep;
    } by_ssrc[CW_TRANSPORT_SSRCS] CW_OF_MEDIA;

    /* ── Now and then ── */
    struct cw_twcc *twcc CW_OF_MEDIA; /* owned; NULL: nobody agreed to it */
    unsigned ep_n CW_OF_MEDIA;
    cw_ep *ep[CW_TRANSPORT_EPS] CW_OF_MEDIA;
    cw_ice ice[2] CW_OF_MEDIA;     /* newest; and the one before until the newest is used */
    uint64_t valid_us CW_OF_MEDIA; /* last check that held */
    void *dtls;
    cw_carrier carrier;
    struct cw_inlet *inlet; /* its worker's, if carried */

    /* ── Between the threads ── */
    cw_note note;
    cw_addr_cell remote;
    _Atomic unsigned suite;   /* cw_srtp_suite */
    _Atomic unsigned browser; /* index of the port it is reached by */

    /* ── The loop's ── */
    cw_plane *plane;
    unsigned worker;
    unsigned eps CW_OF_LOOP;
    bool freed CW_OF_LOOP;
    cw_addr local CW_OF_LOOP, far CW_OF_LOOP; /* of a carried one, for people */
    cw_transport_fn *fn CW_OF_LOOP;
    void *arg CW_OF_LOOP;
};

/* Datagrams wait on a browser port. Returns how many were read. */
unsigned cw_transport_ready(cw_worker *worker, const cw_browser_port *port) CW_ON_MEDIA;
/* A datagram that came to the port, by whatever way; `likely` is what worker->by_addr has for its
 * source. Takes the slot. */
void cw_transport_take(cw_worker *worker, const cw_browser_port *port, cw_transport *likely,
                       cw_pkt *pkt) CW_ON_MEDIA;
/* A datagram of a carried one's far side. */
void cw_transport_take_carried(cw_worker *worker, cw_transport *transport, cw_pkt *pkt) CW_ON_MEDIA;
/* Send a packet of its, encrypted, to the address selected. Takes the slot if it does. */
void cw_transport_send(cw_worker *worker, cw_transport *transport, cw_pkt *pkt,
                       bool rtcp) CW_ON_MEDIA;
/* Tell those that fell silent; returns when to look again, 0: never. */
uint64_t cw_transport_consent(cw_worker *worker) CW_ON_MEDIA;

void cw_transport_add(cw_worker *worker, cw_transport *transport, cw_ice ice) CW_ON_MEDIA;
void cw_transport_renew(cw_worker *worker, cw_transport *transport, cw_ice ice) CW_ON_MEDIA;
void cw_transport_key(cw_worker *worker, cw_transport *transport,
                      const cw_seal_new *with) CW_ON_MEDIA;
void cw_transport_remove(cw_worker *worker, cw_transport *transport) CW_ON_MEDIA;
void cw_transport_attach(cw_transport *transport, cw_ep *ep) CW_ON_MEDIA;
void cw_transport_detach(cw_transport *transport, cw_ep *ep) CW_ON_MEDIA;
/* Forget which stream is whose: formats changed. */
void cw_transport_forget(cw_transport *transport) CW_ON_MEDIA;

#endif
