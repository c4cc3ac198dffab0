#include "media/carried.h"

#include "base/stats.h"

#include <unistd.h>

/* A bounded queue of many writers and one reader (Vyukov): a slot's turn says whose it is. */
typedef struct cw_inlet_slot {
    _Atomic size_t turn;
    cw_transport *transport;
    size_t len;
    uint8_t data[CW_IO_READ];
} cw_inlet_slot;

struct cw_inlet {
    cw_mail mail; /* first: lies here, so that waking the worker allocates nothing */
    cw_worker *worker;
    alignas(64) _Atomic bool mailed;
    alignas(64) _Atomic size_t head;
    alignas(64) size_t tail CW_OF_MEDIA;
    cw_inlet_slot slot[CW_INLET_SLOTS];
};

static void on_mail(cw_worker *worker, cw_mail *mail)
{
    cw_assert_on_media();
    cw_carried_drain(worker);
}

cw_inlet *cw_inlet_new(cw_worker *worker)
{
    cw_inlet *inlet = g_aligned_alloc0(1, sizeof *inlet, alignof(cw_inlet));

    inlet->mail.run = on_mail;
    inlet->worker = worker;
    for (size_t i = 0; i < CW_INLET_SLOTS; i++)
        atomic_init(&inlet->slot[i].turn, i);
    return inlet;
}

void cw_inlet_free(cw_inlet *inlet)
{
    g_aligned_free(inlet);
}

/* NULL: full. */
static cw_inlet_slot *claim(cw_inlet *inlet, size_t *at)
{
    *at = atomic_load_explicit(&inlet->head, memory_order_relaxed);
    for (;;) {
        cw_inlet_slot *slot = &inlet->slot[*at % CW_INLET_SLOTS];
        size_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);

        if (turn == *at) {
            if (atomic_compare_exchange_weak_explicit(&inlet->head, at, *at + 1,
                                                      memory_order_relaxed, memory_order_relaxed))
                return slot;
        } else if ((ptrdiff_t)(turn - *at) < 0) {
            return NULL;
        } else {
            *at = atomic_load_explicit(&inlet->head, memory_order_relaxed);
        }
    }
}

bool cw_transport_input(cw_transport *transport, const uint8_t *data, size_t len)
{
    cw_inlet *inlet = transport->inlet;
    cw_inlet_slot *slot;
    size_t at;

    if (len == 0 || len > CW_IO_READ)
        return false;
    slot = claim(inlet, &at);
    if (!slot) {
        cw_stat_inc(CW_STAT_ice_dropped);
        return false;
    }
    slot->transport = transport;
    slot->len = len;
    memcpy(slot->data, data, len);
    atomic_store_explicit(&slot->turn, at + 1, memory_order_release);
    if (!atomic_exchange_explicit(&inlet->mailed, true, memory_order_acq_rel))
        cw_worker_send(inlet->worker, &inlet->mail);
    return true;
}

static bool take_one(cw_worker *worker, cw_inlet *inlet) CW_ON_MEDIA
{
    cw_inlet_slot *slot = &inlet->slot[inlet->tail % CW_INLET_SLOTS];
    cw_transport *transport;
    cw_pkt pkt;

    if (atomic_load_explicit(&slot->turn, memory_order_acquire) != inlet->tail + 1)
        return false;
    transport = slot->transport;
    cw_io_blank(worker->io, &pkt);
    memcpy(pkt.slot->data, slot->data, slot->len);
    pkt.len = slot->len;
    atomic_store_explicit(&slot->turn, inlet->tail + CW_INLET_SLOTS, memory_order_release);
    inlet->tail++;
    cw_transport_take_carried(worker, transport, &pkt);
    cw_io_done(worker->io, &pkt);
    return true;
}

/* A writer that finds `mailed` set has published before we look; the others mail again. */
void cw_carried_drain(cw_worker *worker)
{
    cw_inlet *inlet = worker->inlet;

    atomic_exchange_explicit(&inlet->mailed, false, memory_order_acq_rel);
    while (take_one(worker, inlet))
        ;
}

/* What is queued for the old descriptor leaves before it is closed. */
static void close_way(cw_worker *worker, cw_transport *transport) CW_ON_MEDIA
{
    if (transport->addr_n == 0)
        return;
    cw_io_tx_batch(worker->io);
    close(transport->addr[0].fd);
    transport->addr_n = 0;
}

void cw_carried_way(cw_worker *worker, cw_transport *transport, int fd, const cw_addr *to)
{
    close_way(worker, transport);
    if (fd < 0)
        return;
    transport->addr[0].fd = fd;
    transport->addr[0].addr = *to;
    transport->addr_n = 1;
}

void cw_carried_remove(cw_worker *worker, cw_transport *transport)
{
    cw_carried_drain(worker); /* nothing of its may stay behind */
    close_way(worker, transport);
}
