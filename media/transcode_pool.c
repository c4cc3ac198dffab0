/* transcode_pool.c - the threads that transcode, and their clock. */
#include "base/log.h"
#include "base/loop.h"
#include "base/stats.h"
#include "media/cell.h"
#include "media/transcode.h"
#include "media/worker.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#define TICK_US   (CW_TRANS_TICK_MS * 1000)
#define LATE_US   60000              /* behind by more: those ticks are given up */
#define WAKE_US   2000               /* what is ready waits no longer for the rest of the batch */
#define PHASES    2                  /* those with 20 ms steps take turns */
#define COMPLAIN  UINT64_C(60000000) /* us between log lines */

#define LISTEN_MS 120 /* a listener is in no hurry: late packets must not cut a key in two */

/* What a listener hears in: of the detector's rate, and made by nobody. */
static const cw_format heard_as = { "PCMU", CW_KEYTONE_RATE_HZ, 1, 0, "" };

/* What a worker is woken with. */
typedef struct wake {
    cw_mail mail; /* first */
    _Atomic bool pending;
    cw_worker *worker CW_OF_CODEC; /* NULL: nothing for it yet */
} wake;

struct cw_trans_thread {
    cw_trans_pool *pool;
    unsigned index;
    GThread *thread; /* under pool->lock */
    cw_box box;
    _Atomic unsigned load; /* directions given to it */
    wake *wake;            /* for each worker */
    GPtrArray *active CW_OF_CODEC;
    uint64_t tick CW_OF_CODEC, tick_us CW_OF_CODEC, complained_us CW_OF_CODEC;
    unsigned phase[PHASES] CW_OF_CODEC;
    bool stop CW_OF_CODEC;
};

struct cw_trans_pool {
    cw_trans_conf conf;
    unsigned workers, n;
    GMutex lock; /* only when a direction is made, and at the end */
    bool stopped;
    cw_trans_thread thread[CW_TRANS_THREADS_MAX];
};

/* ── The worker is told ── */
static void on_wake(cw_worker *worker, cw_mail *mail)
{
    wake *w = (wake *)mail;

    cw_assert_on_media();
    atomic_exchange_explicit(&w->pending, false, memory_order_acq_rel);
    cw_flow_transcoded(worker);
}

static void wake_workers(cw_trans_thread *thread) CW_ON_CODEC
{
    for (unsigned i = 0; i < thread->pool->workers; i++) {
        wake *w = &thread->wake[i];
        cw_worker *worker = w->worker;

        if (!worker)
            continue;
        w->worker = NULL;
        if (!atomic_exchange_explicit(&w->pending, true, memory_order_acq_rel))
            cw_worker_send(worker, &w->mail);
    }
}

/* ── Directions come, sleep and go ── */
static cw_trans *of_wake(cw_mail *mail)
{
    return (cw_trans *)((char *)mail - offsetof(cw_trans, wake));
}

static void activate(cw_trans_thread *thread, cw_trans *trans) CW_ON_CODEC
{
    if (thread->active->len == 0) {
        thread->tick_us = cw_now_us() + TICK_US;
        thread->tick = 0;
    }
    trans->phase = thread->phase[0] <= thread->phase[1] ? 0 : 1;
    thread->phase[trans->phase]++;
    trans->active = true;
    g_ptr_array_add(thread->active, trans);
}

static void deactivate(cw_trans_thread *thread, cw_trans *trans) CW_ON_CODEC
{
    if (!trans->active)
        return;
    thread->phase[trans->phase]--;
    trans->active = false;
    g_ptr_array_remove_fast(thread->active, trans);
}

static void do_wake(cw_worker *none, cw_mail *mail)
{
    cw_trans *trans = of_wake(mail);

    cw_assert_on_codec();
    if (!trans->jitter)
        cw_trans_begin(trans);
    activate(trans->thread, trans);
}

static void trans_free(cw_trans *trans) CW_ON_CODEC
{
    cw_trans_end(trans);
    g_free(trans->in.data);
    g_free(trans->out.data);
    g_free(trans->rx);
    atomic_fetch_sub(&trans->thread->load, 1);
    cw_stat_add(trans->mute ? CW_STAT_listeners : CW_STAT_transcodings, -1);
    g_aligned_free(trans);
}

static void do_remove(cw_worker *none, cw_mail *mail)
{
    cw_trans *trans = (cw_trans *)((char *)mail - offsetof(cw_trans, remove));

    cw_assert_on_codec();
    deactivate(trans->thread, trans);
    trans_free(trans);
}

static void run_mail(cw_trans_thread *thread) CW_ON_CODEC
{
    cw_mail *mail = cw_box_take(&thread->box);

    while (mail) {
        cw_mail *next = mail->next;

        mail->run(NULL, mail);
        mail = next;
    }
}

/* It sleeps, unless a packet came just now. */
static void put_to_sleep(cw_trans_thread *thread, cw_trans *trans) CW_ON_CODEC
{
    atomic_exchange_explicit(&trans->awake, false, memory_order_acq_rel);
    if (!cw_ring_empty(&trans->in) &&
        !atomic_exchange_explicit(&trans->awake, true, memory_order_acq_rel))
        return;
    deactivate(thread, trans);
}

/* ── The clock ── */
static void step(cw_trans_thread *thread, cw_trans *trans) CW_ON_CODEC
{
    unsigned every = trans->step_ms / CW_TRANS_TICK_MS;

    if ((thread->tick + trans->phase) % every)
        return;
    if (!cw_trans_step(trans, thread->tick_us))
        put_to_sleep(thread, trans);
    if (!cw_ring_empty(&trans->out))
        thread->wake[trans->of_worker].worker = trans->worker;
}

static void run_tick(cw_trans_thread *thread) CW_ON_CODEC
{
    uint64_t told_us = cw_now_us();

    for (guint i = thread->active->len; i-- > 0;) { /* one may leave the list */
        step(thread, g_ptr_array_index(thread->active, i));
        if (i % 8 == 0 && cw_now_us() - told_us > WAKE_US) {
            wake_workers(thread);
            told_us = cw_now_us();
        }
    }
    wake_workers(thread);
    thread->tick++;
    thread->tick_us += TICK_US;
}

static void complain(cw_trans_thread *thread, uint64_t now_us, uint64_t ticks) CW_ON_CODEC
{
    cw_stat_add(CW_STAT_transcode_late, (int64_t)ticks);
    if (thread->complained_us && now_us < thread->complained_us + COMPLAIN)
        return;
    thread->complained_us = now_us;
    cw_log(CW_LOG_WARN, CW_MOD_MEDIA, "transcode.late", "thread", cw_fmt("%u", thread->index),
           "directions", cw_fmt("%u", thread->active->len), "ms",
           cw_fmt("%llu", (unsigned long long)ticks * CW_TRANS_TICK_MS), NULL);
}

/* Sound that was not made in time is left out: its jitter buffers let go of the oldest. */
static void catch_up(cw_trans_thread *thread) CW_ON_CODEC
{
    uint64_t now_us = cw_now_us(), missed;

    if (now_us < thread->tick_us + LATE_US)
        return;
    missed = (now_us - thread->tick_us) / TICK_US;
    thread->tick += missed;
    thread->tick_us += missed * TICK_US;
    complain(thread, now_us, missed);
}

static void wait_next(cw_trans_thread *thread) CW_ON_CODEC
{
    struct pollfd p = { thread->box.fd, POLLIN, 0 };
    uint64_t now_us = cw_now_us();
    struct timespec timeout = { 0 };

    if (thread->active->len == 0) {
        (void)poll(&p, 1, -1);
        return;
    }
    if (thread->tick_us > now_us)
        timeout.tv_nsec = (long)(thread->tick_us - now_us) * 1000;
    (void)ppoll(&p, 1, &timeout, NULL);
}

static void *run(void *arg)
{
    cw_trans_thread *thread = arg;
    sigset_t all;

    cw_role_take(&cw_role_codec);
    cw_assert_on_codec();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_TIMERSLACK, 50000); /* ns */
    while (!thread->stop) {
        wait_next(thread);
        run_mail(thread);
        if (thread->active->len == 0)
            continue;
        catch_up(thread);
        if (cw_now_us() >= thread->tick_us)
            run_tick(thread);
    }
    return NULL;
}

/* ── Made and ended by the loop ── */
static unsigned default_threads(void)
{
    cpu_set_t set;
    unsigned cores = sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);

    return MAX(cores, 2) - 1;
}

cw_trans_pool *cw_trans_pool_new(const cw_trans_conf *conf, unsigned workers)
{
    cw_trans_pool *pool = g_new0(cw_trans_pool, 1);

    pool->conf = *conf;
    pool->workers = workers;
    pool->n = MIN(conf->threads ? conf->threads : default_threads(), CW_TRANS_THREADS_MAX);
    g_mutex_init(&pool->lock);
    for (unsigned i = 0; i < pool->n; i++) {
        pool->thread[i].pool = pool;
        pool->thread[i].index = i;
        pool->thread[i].box.fd = -1;
    }
    return pool;
}

/* Called with the lock. */
static bool start_thread(cw_trans_thread *thread) CW_TSA(no_thread_safety_analysis)
{
    char name[16];

    if (thread->thread)
        return true;
    if (thread->pool->stopped || !cw_box_open(&thread->box))
        return false;
    thread->active = g_ptr_array_new();
    thread->wake = g_new0(wake, thread->pool->workers);
    for (unsigned i = 0; i < thread->pool->workers; i++)
        thread->wake[i].mail.run = on_wake;
    snprintf(name, sizeof name, "cw-codec-%u", thread->index);
    thread->thread = g_thread_try_new(name, run, thread, NULL);
    if (thread->thread)
        return true;
    g_ptr_array_unref(thread->active);
    g_free(thread->wake);
    cw_box_close(&thread->box);
    return false;
}

typedef struct stop {
    cw_mail mail; /* first */
    cw_trans_thread *thread;
} stop;

static void do_stop(cw_worker *none, cw_mail *mail)
{
    stop *s = (stop *)mail;

    cw_assert_on_codec();
    s->thread->stop = true;
    g_free(s);
}

static void stop_thread(cw_trans_thread *thread)
{
    stop *s;

    if (!thread->thread)
        return;
    s = g_new0(stop, 1);
    s->mail.run = do_stop;
    s->thread = thread;
    cw_box_put(&thread->box, &s->mail);
    g_thread_join(thread->thread);
}

void cw_trans_pool_stop(cw_trans_pool *pool)
{
    if (!pool)
        return;
    g_mutex_lock(&pool->lock);
    pool->stopped = true;
    g_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n; i++)
        stop_thread(&pool->thread[i]);
}

/* What the workers let go of since. */
static void free_thread(cw_trans_thread *thread) CW_TSA(no_thread_safety_analysis)
{
    if (!thread->thread)
        return;
    cw_role_take(&cw_role_codec);
    run_mail(thread);
    cw_role_drop(&cw_role_codec);
    g_ptr_array_unref(thread->active);
    g_free(thread->wake);
    cw_box_close(&thread->box);
}

void cw_trans_pool_free(cw_trans_pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->n; i++)
        free_thread(&pool->thread[i]);
    g_mutex_clear(&pool->lock);
    g_free(pool);
}

unsigned cw_trans_pool_threads(cw_trans_pool *pool)
{
    unsigned n = 0;

    g_mutex_lock(&pool->lock);
    for (unsigned i = 0; i < pool->n; i++)
        n += pool->thread[i].thread != NULL;
    g_mutex_unlock(&pool->lock);
    return n;
}

/* ── The worker's part ── */
static cw_trans_thread *pick_thread(cw_trans_pool *pool)
{
    cw_trans_thread *best = &pool->thread[0];

    for (unsigned i = 1; i < pool->n; i++)
        if (CW_CELL_GET(pool->thread[i].load) < CW_CELL_GET(best->load))
            best = &pool->thread[i];
    g_mutex_lock(&pool->lock);
    if (!start_thread(best))
        best = NULL;
    g_mutex_unlock(&pool->lock);
    return best;
}

cw_trans *cw_trans_new(cw_trans_pool *pool, cw_worker *worker, unsigned of_worker,
                       const cw_stream *rx, const cw_format *tx, unsigned ptime_ms, bool listens)
{
    cw_trans_thread *thread = pick_thread(pool);
    cw_trans *trans;

    if (!thread)
        return NULL;
    trans = g_aligned_alloc0(1, sizeof *trans, alignof(cw_trans));
    trans->thread = thread;
    trans->worker = worker;
    trans->of_worker = of_worker;
    trans->conf = pool->conf;
    trans->rx = g_memdup2(rx, offsetof(cw_stream, format) + rx->format_n * sizeof(cw_format));
    trans->tx = tx ? *tx : heard_as;
    trans->mute = !tx;
    trans->listens = listens;
    if (trans->mute) {
        trans->conf.jitter_min_ms = MAX(trans->conf.jitter_min_ms, LISTEN_MS);
        trans->conf.jitter_max_ms = MAX(trans->conf.jitter_max_ms, LISTEN_MS);
    }
    trans->ptime_ms = ptime_ms;
    trans->in = (cw_ring){ .data = g_malloc(CW_TRANS_RING), .size = CW_TRANS_RING };
    trans->out = (cw_ring){ .data = g_malloc(CW_TRANS_RING), .size = CW_TRANS_RING };
    trans->wake.run = do_wake;
    trans->remove.run = do_remove;
    atomic_init(&trans->asked, CW_CMR_NONE);
    atomic_init(&trans->cmr, CW_CMR_NONE);
    atomic_fetch_add(&thread->load, 1);
    cw_stat_add(trans->mute ? CW_STAT_listeners : CW_STAT_transcodings, 1);
    return trans;
}

void cw_trans_free(cw_trans *trans)
{
    if (trans)
        cw_box_put(&trans->thread->box, &trans->remove);
}

bool cw_trans_put(cw_trans *trans, const cw_trans_in *in, const uint8_t *payload, uint16_t len)
{
    if (!cw_ring_put(&trans->in, in, sizeof *in, payload, len))
        return false;
    if (!atomic_exchange_explicit(&trans->awake, true, memory_order_acq_rel))
        cw_box_put(&trans->thread->box, &trans->wake);
    return true;
}
