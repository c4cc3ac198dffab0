#include "media/ahead.h"

#include "base/stats.h"
#include "media/video.h"

#include <glib.h>

#define UFRAG_MAX     256     /* characters (RFC 8839 5.4) */
#define QUIET_US      1000000 /* an address silent this long gives way to another that is checked */
#define BATCHES       16      /* a round; then the other sockets get their turn */
#define STUN_HEADER   20
#define USE_CANDIDATE 0x0025 /* RFC 8445 16.1 */

/* ── Addresses ── */
/* Is it one that `from` passed a check for? *at is its place there. */
static cw_transport *verify(cw_transport *transport, const cw_addr *from, unsigned *at) CW_ON_MEDIA
{
    for (unsigned i = 0; transport && i < transport->addr_n; i++) {
        if (cw_addr_same(from, &transport->addr[i].addr)) {
            *at = i;
            return transport;
        }
    }
    return NULL;
}

static cw_transport *find(cw_worker *worker, const cw_addr *from, unsigned *at) CW_ON_MEDIA
{
    return verify(cw_addrtab_get(&worker->by_addr, from), from, at);
}

static void select_addr(cw_worker *worker, cw_transport *transport, unsigned at) CW_ON_MEDIA
{
    transport->selected = at;
    for (unsigned i = 0; i < worker->browser_n; i++)
        if (worker->browser[i].fd == transport->addr[at].fd)
            CW_CELL_SET(transport->browser, i);
    cw_addr_cell_set(&transport->remote, &transport->addr[at].addr);
    cw_notes_raise(worker->notes, &transport->note, CW_NOTE_BOUND);
}

/* A place for one more: a free one, or that of the one not selected that is longest silent. */
static unsigned make_place(cw_worker *worker, cw_transport *transport) CW_ON_MEDIA
{
    unsigned oldest = transport->selected == 0 ? 1 : 0;

    if (transport->addr_n < CW_TRANSPORT_ADDRS)
        return transport->addr_n++;
    for (unsigned i = 0; i < CW_TRANSPORT_ADDRS; i++)
        if (i != transport->selected &&
            transport->addr[i].used_us < transport->addr[oldest].used_us)
            oldest = i;
    cw_addrtab_remove(&worker->by_addr, &transport->addr[oldest].addr, transport);
    return oldest;
}

static unsigned add_addr(cw_worker *worker, cw_transport *transport, const cw_addr *from,
                         int fd) CW_ON_MEDIA
{
    cw_transport_addr *addr;
    unsigned at = 0;

    if (find(worker, from, &at) == transport) {
        addr = &transport->addr[at];
    } else {
        at = make_place(worker, transport);
        addr = &transport->addr[at];
        memset(&addr->addr, 0, sizeof addr->addr);
        memcpy(&addr->addr, from, cw_addr_len(from));
        cw_addrtab_put(&worker->by_addr, from, transport);
    }
    addr->fd = fd;
    addr->used_us = worker->now_us;
    return at;
}

/* ── STUN ── */
static bool nominates(const uint8_t *data, size_t len)
{
    size_t at = STUN_HEADER;

    while (at + 4 <= len) {
        if (cw_get16(data + at) == USE_CANDIDATE)
            return true;
        at += 4 + ((cw_get16(data + at + 2) + 3u) & ~3u);
    }
    return false;
}

/* The credentials a restart replaced end with the first check that uses the new ones. */
static void drop_old_ice(cw_worker *worker, cw_transport *transport) CW_ON_MEDIA
{
    cw_ice *old = &transport->ice[1];

    if (!old->ufrag)
        return;
    g_hash_table_remove(worker->by_ufrag, old->ufrag);
    g_free(old->ufrag);
    g_free(old->pwd);
    *old = (cw_ice){ 0 };
}

/* One check proves an address. The browser says which of them it uses by USE-CANDIDATE, by sending
 * media from it, or by going silent on the other. */
static void checked(cw_worker *worker, cw_transport *transport, const cw_pkt *pkt,
                    int fd) CW_ON_MEDIA
{
    bool first = transport->addr_n == 0;
    uint64_t silent_us = first ? 0 : worker->now_us - transport->addr[transport->selected].used_us;
    unsigned at = add_addr(worker, transport, pkt->from, fd);

    bool back = transport->lost;

    transport->valid_us = worker->now_us;
    transport->lost = false;
    if (!worker->consent_us)
        worker->consent_us = worker->now_us + worker->conf->consent_timeout_ms * UINT64_C(1000);
    if (first || back ||
        (at != transport->selected &&
         (silent_us > QUIET_US || nominates(pkt->slot->data, pkt->len))))
        select_addr(worker, transport, at);
}

static void take_stun(cw_worker *worker, const cw_browser_port *port, const cw_pkt *pkt) CW_ON_MEDIA
{
    const cw_plane_hooks *hooks = &worker->conf->hooks;
    cw_transport *transport;
    const cw_ice *ice;
    char ufrag[UFRAG_MAX + 1];
    bool valid = false;
    cw_pkt reply;

    if (!hooks->stun || hooks->stun_ufrag(pkt->slot->data, pkt->len, ufrag, sizeof ufrag)) {
        cw_stat_inc(CW_STAT_ice_refused);
        return;
    }
    transport = g_hash_table_lookup(worker->by_ufrag, ufrag);
    if (!transport) {
        cw_stat_inc(CW_STAT_ice_refused);
        return;
    }
    ice = &transport->ice[g_str_equal(ufrag, transport->ice[0].ufrag) ? 0 : 1];
    cw_io_blank(worker->io, &reply);
    reply.len = hooks->stun(ice->ufrag, ice->pwd, pkt->slot->data, pkt->len, pkt->from,
                            reply.slot->data, sizeof reply.slot->data, &valid);
    if (reply.len > 0)
        cw_io_send(worker->io, port->fd, &reply, pkt->from);
    cw_io_done(worker->io, &reply);
    if (!valid) {
        cw_stat_inc(CW_STAT_ice_refused);
        return;
    }
    if (ice == &transport->ice[0])
        drop_old_ice(worker, transport);
    checked(worker, transport, pkt, port->fd);
}

uint64_t cw_transport_consent(cw_worker *worker)
{
    uint64_t timeout_us = worker->conf->consent_timeout_ms * UINT64_C(1000), next = 0;

    for (guint i = 0; i < worker->transports->len; i++) {
        cw_transport *transport = g_ptr_array_index(worker->transports, i);
        uint64_t at = transport->valid_us + timeout_us;

        if (transport->addr_n == 0 || transport->lost)
            continue;
        if (at <= worker->now_us) {
            transport->lost = true;
            cw_notes_raise(worker->notes, &transport->note, CW_NOTE_LOST);
        } else if (!next || at < next) {
            next = at;
        }
    }
    return next;
}

/* ── SRTP ── */
static cw_ep *by_mid(const cw_transport *transport, const uint8_t *data,
                     const cw_rtp *rtp) CW_ON_MEDIA
{
    for (unsigned i = 0; i < transport->ep_n; i++) {
        cw_ep *ep = transport->ep[i];
        const uint8_t *mid;
        size_t len;

        if (!ep->mid_ext)
            continue;
        mid = cw_rtp_ext(data, rtp, ep->mid_ext, &len);
        if (mid && len == strlen(ep->mid) && memcmp(mid, ep->mid, len) == 0)
            return ep;
    }
    return NULL;
}

/* RFC 8843 9.2: by MID, else by a payload type that only one stream has, here the first. */
static cw_ep *learn_ssrc(cw_transport *transport, const uint8_t *data,
                         const cw_rtp *rtp) CW_ON_MEDIA
{
    cw_ep *ep = by_mid(transport, data, rtp);
    unsigned at;

    for (unsigned i = 0; i < transport->ep_n && !ep; i++)
        if (cw_pt_in(transport->ep[i]->rx_known, rtp->pt) ||
            cw_video_knows(transport->ep[i], rtp->pt))
            ep = transport->ep[i];
    if (!ep)
        return NULL;
    if (transport->ssrc_n < CW_TRANSPORT_SSRCS)
        at = transport->ssrc_n++;
    else
        at = transport->ssrc_next++ % CW_TRANSPORT_SSRCS;
    transport->by_ssrc[at].ssrc = rtp->ssrc;
    transport->by_ssrc[at].ep = ep;
    return ep;
}

static cw_ep *find_ep(cw_transport *transport, const uint8_t *data, const cw_rtp *rtp) CW_ON_MEDIA
{
    for (unsigned i = 0; i < transport->ssrc_n; i++)
        if (transport->by_ssrc[i].ssrc == rtp->ssrc)
            return transport->by_ssrc[i].ep;
    return learn_ssrc(transport, data, rtp);
}

static bool take_rtp(cw_worker *worker, cw_transport *transport, cw_pkt *pkt) CW_ON_MEDIA
{
    cw_rtp rtp;
    cw_ep *ep;

    if (cw_seal_open(&transport->seal, false, pkt->slot->data, &pkt->len) ||
        cw_rtp_parse(pkt->slot->data, pkt->len, &rtp))
        return false;
    ep = find_ep(transport, pkt->slot->data, &rtp);
    if (ep)
        cw_flow_rx(worker, ep, pkt, &rtp);
    else
        worker->dropped++;
    return true;
}

static bool take_rtcp(cw_worker *worker, cw_transport *transport, cw_pkt *pkt) CW_ON_MEDIA
{
    if (cw_seal_open(&transport->seal, true, pkt->slot->data, &pkt->len))
        return false;
    for (unsigned i = 0; i < transport->ep_n; i++)
        cw_flow_rtcp(worker, transport->ep[i], pkt->slot->data, pkt->len);
    return true;
}

/* Who failed integrity was let in by address only: all of its streams show it. */
static void refuse(cw_worker *worker, cw_transport *transport) CW_ON_MEDIA
{
    worker->dropped++;
    for (unsigned i = 0; transport && i < transport->ep_n; i++)
        CW_CELL_ADD(transport->ep[i]->count.rx_dropped, 1);
}

/* False: dropped and counted, unread. */
static bool may_be_srtp(cw_worker *worker, cw_transport *transport, const cw_pkt *pkt) CW_ON_MEDIA
{
    if (transport->seal.srtp && pkt->len <= CW_RTP_MAX)
        return true;
    if (transport->seal.srtp)
        cw_stat_inc(CW_STAT_packets_malformed);
    else
        worker->unsealed++;
    refuse(worker, transport);
    return false;
}

/* From somebody the door let in. False: integrity failed. */
static bool accept_srtp(cw_worker *worker, cw_transport *transport, cw_pkt *pkt) CW_ON_MEDIA
{
    bool ok = cw_is_rtcp(pkt->slot->data, pkt->len) ? take_rtcp(worker, transport, pkt)
                                                    : take_rtp(worker, transport, pkt);

    if (!ok) {
        worker->unsealed++;
        refuse(worker, transport);
    } else if (!transport->flowing) {
        transport->flowing = true;
        cw_notes_raise(worker->notes, &transport->note, CW_NOTE_FLOWING);
    }
    return ok;
}

static void take_srtp(cw_worker *worker, cw_transport *likely, cw_pkt *pkt) CW_ON_MEDIA
{
    unsigned at = 0;
    /* A check earlier in the batch may have proved the address only now. */
    cw_transport *transport =
        likely ? verify(likely, pkt->from, &at) : find(worker, pkt->from, &at);

    worker->in++;
    if (!transport) {
        cw_stat_inc(CW_STAT_packets_stray);
        worker->dropped++;
        return;
    }
    if (!may_be_srtp(worker, transport, pkt) || !accept_srtp(worker, transport, pkt))
        return;
    transport->addr[at].used_us = worker->now_us;
    if (at != transport->selected)
        select_addr(worker, transport, at);
}

void cw_transport_send(cw_worker *worker, cw_transport *transport, cw_pkt *pkt, bool rtcp)
{
    const cw_transport_addr *to = &transport->addr[transport->selected];
    uint8_t *data = pkt->slot->data + pkt->at;

    if (!transport->seal.srtp || transport->lost || (transport->addr_n == 0 && !transport->carried))
        return;
    if (cw_seal_close(&transport->seal, rtcp, data, &pkt->len))
        return;
    worker->out++;
    if (transport->addr_n > 0)
        cw_io_queue(worker->io, to->fd, pkt, &to->addr);
    else if (!transport->carrier.send(transport->carrier.arg, data, pkt->len))
        cw_stat_inc(CW_STAT_ice_dropped);
}

/* ── The browser port ── */
static void take_dtls(cw_worker *worker, const cw_browser_port *port, const cw_pkt *pkt) CW_ON_MEDIA
{
    unsigned at = 0;
    cw_transport *transport = find(worker, pkt->from, &at);

    if (!transport || !worker->conf->hooks.dtls) {
        cw_stat_inc(CW_STAT_dtls_stray);
        return;
    }
    transport->addr[at].used_us = worker->now_us;
    worker->conf->hooks.dtls(transport->dtls, pkt->slot->data, pkt->len, pkt->from, port->fd);
}

static void drop_odd(cw_worker *worker) CW_ON_MEDIA
{
    cw_stat_inc(CW_STAT_packets_malformed);
    worker->dropped++;
}

static void take(cw_worker *worker, const cw_browser_port *port, cw_transport *likely,
                 cw_pkt *pkt) CW_ON_MEDIA
{
    unsigned first = pkt->slot->data[0]; /* RFC 7983 7 */

    if (first >= 128 && first <= 191 && pkt->len >= 2)
        take_srtp(worker, likely, pkt);
    else if (first <= 3 && pkt->len >= STUN_HEADER)
        take_stun(worker, port, pkt);
    else if (first >= 20 && first <= 63 && pkt->len > 0)
        take_dtls(worker, port, pkt);
    else
        drop_odd(worker);
}

void cw_transport_take_carried(cw_worker *worker, cw_transport *transport, cw_pkt *pkt)
{
    static const cw_addr unknown;
    unsigned first = pkt->slot->data[0]; /* RFC 7983 7; checks are the carrier's */

    pkt->from = &unknown;
    if (first >= 128 && first <= 191 && pkt->len >= 2) {
        worker->in++;
        if (may_be_srtp(worker, transport, pkt))
            accept_srtp(worker, transport, pkt);
    } else if (first >= 20 && first <= 63 && worker->conf->hooks.dtls) {
        worker->conf->hooks.dtls(transport->dtls, pkt->slot->data, pkt->len, pkt->from, -1);
    } else {
        drop_odd(worker);
    }
}

/* Which transports a batch is for: found for all first, so that memory is there when needed. */
static void look_up(cw_worker *worker, unsigned n, cw_transport *likely[]) CW_ON_MEDIA
{
    for (unsigned i = 0; i < n; i++) {
        likely[i] = cw_addrtab_get(&worker->by_addr, cw_io_from(worker->io, i));
        if (likely[i])
            cw_ahead_transport(likely[i]);
    }
}

static void look_ahead(cw_transport *const likely[]) CW_ON_MEDIA
{
    for (unsigned left = 1; left < CW_AHEAD; left++)
        if (likely[left])
            cw_ahead_browser(likely[left], left);
}

void cw_transport_take(cw_worker *worker, const cw_browser_port *port, cw_transport *likely,
                       cw_pkt *pkt)
{
    take(worker, port, likely, pkt);
    cw_io_done(worker->io, pkt);
}

static void take_batch(cw_worker *worker, const cw_browser_port *port, unsigned n) CW_ON_MEDIA
{
    cw_transport *likely[CW_IO_BATCH + CW_AHEAD];
    cw_pkt pkt;

    look_up(worker, n, likely);
    memset(likely + n, 0, CW_AHEAD * sizeof *likely);
    for (unsigned i = 0; i < n; i++) {
        look_ahead(likely + i);
        cw_io_got(worker->io, i, &pkt);
        cw_transport_take(worker, port, likely[i], &pkt);
    }
}

unsigned cw_transport_ready(cw_worker *worker, const cw_browser_port *port)
{
    unsigned total = 0, n;

    for (unsigned batch = 0; batch < BATCHES; batch++) {
        n = cw_io_rx_batch(worker->io, port->fd);
        take_batch(worker, port, n);
        total += n;
        if (n < CW_IO_BATCH)
            break;
    }
    return total;
}

/* ── What the loop asked for ── */
void cw_transport_add(cw_worker *worker, cw_transport *transport, cw_ice ice)
{
    transport->ice[0] = ice;
    g_hash_table_replace(worker->by_ufrag, ice.ufrag, transport);
    g_ptr_array_add(worker->transports, transport);
}

void cw_transport_renew(cw_worker *worker, cw_transport *transport, cw_ice ice)
{
    drop_old_ice(worker, transport);
    transport->ice[1] = transport->ice[0];
    transport->ice[0] = ice;
    g_hash_table_replace(worker->by_ufrag, ice.ufrag, transport);
}

void cw_transport_key(cw_worker *worker, cw_transport *transport, const cw_seal_new *with)
{
    cw_seal_set(&transport->seal, with);
    CW_CELL_SET(transport->suite, (unsigned)with->suite);
}

static void forget_ice(cw_worker *worker, cw_transport *transport) CW_ON_MEDIA
{
    drop_old_ice(worker, transport);
    g_hash_table_remove(worker->by_ufrag, transport->ice[0].ufrag);
    g_free(transport->ice[0].ufrag);
    g_free(transport->ice[0].pwd);
    for (unsigned i = 0; i < transport->addr_n; i++)
        cw_addrtab_remove(&worker->by_addr, &transport->addr[i].addr, transport);
    g_ptr_array_remove_fast(worker->transports, transport);
}

void cw_transport_remove(cw_worker *worker, cw_transport *transport)
{
    while (transport->ep_n > 0)
        cw_transport_detach(transport, transport->ep[0]);
    if (!transport->carried)
        forget_ice(worker, transport);
    cw_seal_clear(&transport->seal);
    g_free(g_steal_pointer(&transport->twcc));
    if (worker->conf->hooks.dtls_release)
        worker->conf->hooks.dtls_release(transport->dtls);
    if (transport->carried)
        transport->carrier.release(transport->carrier.arg);
    cw_notes_raise(worker->notes, &transport->note, CW_NOTE_GONE);
}

void cw_transport_attach(cw_transport *transport, cw_ep *ep)
{
    transport->ep[transport->ep_n++] = ep;
}

void cw_transport_detach(cw_transport *transport, cw_ep *ep)
{
    for (unsigned i = 0; i < transport->ep_n; i++) {
        if (transport->ep[i] == ep) {
            transport->ep[i] = transport->ep[--transport->ep_n];
            break;
        }
    }
    ep->transport = NULL;
    cw_transport_forget(transport);
}

void cw_transport_forget(cw_transport *transport)
{
    transport->ssrc_n = transport->ssrc_next = 0;
}
