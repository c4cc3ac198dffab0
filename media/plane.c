#include "media/plane.h"

#include "base/log.h"
#include "media/order.h"

#include <sched.h>

cw_order *cw_order_new(void (*run)(cw_worker *worker, cw_mail *mail))
{
    cw_order *order = g_new0(cw_order, 1);

    order->mail.run = run;
    return order;
}

void cw_order_give(cw_plane *plane, unsigned worker, cw_order *order)
{
    cw_worker_leave(plane->worker[worker], &order->mail);
    plane->orders[worker] = true;
    cw_flush_want(plane->flush);
}

/* A call's orders come several at a time: one wakes the worker for all. */
static void wake_workers(void *arg)
{
    cw_plane *plane = arg;

    cw_assert_on_loop();
    for (unsigned i = 0; i < plane->worker_n; i++) {
        if (plane->orders[i])
            cw_worker_wake(plane->worker[i]);
        plane->orders[i] = false;
    }
}

static unsigned cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

static cw_ports *open_ports(const cw_addr *listen, const cw_plane_conf *conf) CW_ON_LOOP
{
    if (cw_addr_family(listen) == AF_UNSPEC)
        return NULL;
    return cw_ports_new(listen, conf->rtp_port_min, conf->rtp_port_max);
}

cw_err cw_plane_new(cw_loop *loop, const cw_plane_conf *conf, cw_plane **ret, char why[static 128])
{
    cw_plane *plane = g_new0(cw_plane, 1);
    unsigned n = MIN(conf->workers ? conf->workers : cores(), CW_WORKERS_MAX);
    cw_err err;

    plane->conf = *conf;
    plane->loop = loop;
    plane->flush = cw_flush_new(loop, wake_workers, plane);
    plane->formats = cw_shared_new();
    cw_quiet_open(plane);
    plane->ports4 = open_ports(&conf->rtp_listen4, conf);
    plane->ports6 = open_ports(&conf->rtp_listen6, conf);
    plane->pool = cw_trans_pool_new(&(cw_trans_conf){ .threads = conf->transcode_threads,
                                                      .opus_complexity = conf->opus_complexity,
                                                      .jitter_min_ms = conf->jitter_min_ms,
                                                      .jitter_max_ms = conf->jitter_max_ms },
                                    n);
    err = conf->xdp_interface ? cw_xdp_open(conf->xdp_interface, n, &plane->xdp, why) : CW_OK;
    if (err) {
        cw_plane_free(plane);
        return err;
    }
    if (plane->xdp)
        cw_log(CW_LOG_INFO, CW_MOD_MEDIA, "media.xdp", "interface", conf->xdp_interface, "mode",
               cw_xdp_mode(plane->xdp), NULL);
    for (unsigned i = 0; i < n; i++) {
        err = cw_worker_new(loop, &plane->conf, plane->pool, i, plane->xdp, &plane->worker[i], why);
        if (err) {
            cw_plane_free(plane);
            return err;
        }
        plane->worker_n++;
    }
    *ret = plane;
    return CW_OK;
}

void cw_plane_free(cw_plane *plane)
{
    if (!plane)
        return;
    cw_trans_pool_stop(plane->pool);
    for (unsigned i = 0; i < plane->worker_n; i++)
        cw_worker_free(plane->worker[i]);
    cw_trans_pool_free(plane->pool);
    cw_quiet_close(plane);
    cw_xdp_close(plane->xdp);
    cw_ports_free(plane->ports4);
    cw_ports_free(plane->ports6);
    cw_shared_free(plane->formats);
    cw_flush_free(plane->flush);
    g_free(plane);
}

unsigned cw_plane_workers(const cw_plane *plane)
{
    return plane->worker_n;
}

bool cw_plane_has_rtp(const cw_plane *plane, int family)
{
    return (family == AF_INET6 ? plane->ports6 : plane->ports4) != NULL;
}

unsigned cw_plane_pick(cw_plane *plane)
{
    unsigned best = 0;

    for (unsigned i = 1; i < plane->worker_n; i++)
        if (plane->load[i] < plane->load[best])
            best = i;
    return best;
}

unsigned cw_plane_candidates(const cw_plane *plane, unsigned worker, cw_addr *ret, unsigned cap)
{
    const cw_worker *of = plane->worker[worker];
    unsigned n = MIN(of->browser_n, cap);

    for (unsigned i = 0; i < n; i++)
        ret[i] = of->browser[i].addr;
    return n;
}
