/* plane_transport.c - a browser's 5-tuple as the loop sees it. */
#include "media/carried.h"
#include "media/order.h"

#include "base/log.h"
#include "base/stats.h"

static void tell_transport(cw_transport *transport, unsigned bit, unsigned bits,
                           cw_transport_event event) CW_ON_LOOP
{
    cw_addr remote;

    if (!(bits & bit) || transport->freed || !transport->fn)
        return;
    cw_addr_cell_get(&transport->remote, &remote);
    transport->fn(transport->arg, event, &remote);
}

static void on_transport(cw_note *note, unsigned bits)
{
    cw_transport *transport = (cw_transport *)((char *)note - offsetof(cw_transport, note));

    cw_assert_on_loop();
    tell_transport(transport, CW_NOTE_LOST, bits, CW_TRANSPORT_LOST);
    tell_transport(transport, CW_NOTE_BOUND, bits, CW_TRANSPORT_BOUND);
    tell_transport(transport, CW_NOTE_FLOWING, bits, CW_TRANSPORT_FLOWING);
    if (bits & CW_NOTE_GONE) {
        cw_stat_dec(CW_STAT_transports);
        g_aligned_free(transport);
    }
}

static void do_transport_add(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_transport_add(worker, o->transport, o->ice);
    g_free(o);
}

static void do_transport_renew(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_transport_renew(worker, o->transport, o->ice);
    g_free(o);
}

static void do_transport_key(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_transport_key(worker, o->transport, &o->seal);
    g_free(o);
}

static void do_carried_way(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    cw_carried_way(worker, o->transport, o->fd, &o->rtp);
    g_free(o);
}

static void do_transport_remove(cw_worker *worker, cw_mail *mail)
{
    cw_order *o = (cw_order *)mail;

    cw_assert_on_media();
    if (o->transport->carried)
        cw_carried_remove(worker, o->transport);
    cw_transport_remove(worker, o->transport);
    g_free(o);
}

static void give_transport(cw_transport *transport, cw_order *o) CW_ON_LOOP
{
    o->transport = transport;
    cw_order_give(transport->plane, transport->worker, o);
}

/* The same of any thread: the worker is woken at once. */
static void send_transport(cw_transport *transport, cw_order *o)
{
    o->transport = transport;
    cw_worker_send(transport->plane->worker[transport->worker], &o->mail);
}

static cw_transport *transport_alloc(cw_plane *plane, unsigned worker, void *dtls,
                                     cw_transport_fn *fn, void *arg) CW_ON_LOOP
{
    cw_transport *transport = g_aligned_alloc0(1, sizeof *transport, alignof(cw_transport));

    transport->plane = plane;
    transport->worker = worker;
    transport->dtls = dtls;
    transport->fn = fn;
    transport->arg = arg;
    transport->note.fn = on_transport;
    cw_stat_inc(CW_STAT_transports);
    return transport;
}

cw_err cw_transport_new(cw_plane *plane, unsigned worker, const char *ufrag, const char *pwd,
                        void *dtls, cw_transport_fn *fn, void *arg, cw_transport **ret)
{
    cw_order *o;

    if (worker >= plane->worker_n)
        return CW_E_INTERNAL;
    *ret = transport_alloc(plane, worker, dtls, fn, arg);
    o = cw_order_new(do_transport_add);
    o->ice = (cw_ice){ g_strdup(ufrag), g_strdup(pwd) };
    give_transport(*ret, o);
    return CW_OK;
}

cw_err cw_transport_carried(cw_plane *plane, unsigned worker, const cw_carrier *carrier, void *dtls,
                            cw_transport_fn *fn, void *arg, cw_transport **ret)
{
    cw_worker *of;

    if (worker >= plane->worker_n)
        return CW_E_INTERNAL;
    of = plane->worker[worker];
    if (!of->inlet)
        of->inlet = cw_inlet_new(of);
    *ret = transport_alloc(plane, worker, dtls, fn, arg);
    (*ret)->carried = true;
    (*ret)->carrier = *carrier;
    (*ret)->inlet = of->inlet;
    return CW_OK;
}

void cw_transport_way(cw_transport *transport, int fd, const cw_addr *to)
{
    cw_order *o = cw_order_new(do_carried_way);

    o->fd = fd;
    if (fd >= 0)
        o->rtp = *to;
    send_transport(transport, o);
}

void cw_transport_pair(cw_transport *transport, const cw_addr *local, const cw_addr *remote)
{
    transport->local = *local;
    transport->far = *remote;
}

void cw_transport_restart(cw_transport *transport, const char *ufrag, const char *pwd)
{
    cw_order *o = cw_order_new(do_transport_renew);

    o->ice = (cw_ice){ g_strdup(ufrag), g_strdup(pwd) };
    give_transport(transport, o);
}

void cw_transport_secure(cw_transport *transport, const cw_srtp_keys *keys)
{
    cw_seal_new seal;
    cw_order *o;
    cw_err err = cw_seal_make(keys, NULL, &seal);

    if (err) {
        cw_log(CW_LOG_ERROR, CW_MOD_MEDIA, "media.keys", "error", cw_err_text(err), "suite",
               cw_srtp_suite_name(keys->suite), NULL);
        return;
    }
    o = cw_order_new(do_transport_key);
    o->seal = seal;
    give_transport(transport, o);
}

void cw_transport_free(cw_transport *transport)
{
    if (!transport)
        return;
    transport->freed = true;
    if (transport->carried)
        transport->carrier.close(transport->carrier.arg);
    else
        give_transport(transport, cw_order_new(do_transport_remove));
}

void cw_transport_closed(cw_transport *transport)
{
    send_transport(transport, cw_order_new(do_transport_remove));
}
