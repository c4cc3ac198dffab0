#include "base/loop.h"

/* Sofia passes these to its callbacks; the types are ours to choose. */
#define SU_ROOT_MAGIC_T    struct cw_loop
#define SU_WAKEUP_ARG_T    struct cw_loop
#define SU_TIMER_ARG_T     struct cw_loop
#define SU_PREPOLL_MAGIC_T struct cw_loop

#include <glib.h>
#include <pthread.h>
#include <pthread.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_time.h>
#include <sofia-sip/su_wait.h>
#include <time.h>
#include <uv.h>

typedef struct post {
    void (*fn)(void *arg);
    void *arg;
} post;

struct cw_flush {
    cw_loop *loop;
    void (*fn)(void *arg);
    void *arg;
    bool wanted;
    cw_flush *next;
};

struct cw_loop {
    su_root_t *root;
    su_timer_t *alarm; /* when libuv wants to run next */
    int uv_index;      /* of libuv's descriptor among the root's waits */
    uv_loop_t uv;
    uv_async_t wake;
    bool running;      /* callbacks come */
    unsigned timers;   /* armed */
    cw_flush *flushes; /* wanted */

    pthread_mutex_t lock; /* of posts; ThreadSanitizer cannot see into a GMutex */
    GArray *posts;        /* of post */
};

struct cw_timer {
    uv_timer_t handle; /* first: libuv's pointer is ours */
    cw_loop *loop;
    void (*fn)(void *arg);
    void *arg;
};

struct cw_watch {
    uv_poll_t handle; /* first */
    void (*fn)(void *arg, unsigned events);
    void *arg;
};

/* ── Clocks ─────────────────────────────────────────────────────────────────────────────────────
 */

uint64_t cw_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t cw_now_ms(void)
{
    return cw_now_us() / 1000;
}

/* Sofia asks the wall clock for its timers, so that a clock step would fire all or none of them.
 * The hook gives it the wall time of our start plus monotonic time since. */
extern void (*_su_time)(su_time_t *tv);

static uint64_t wall_offset_us;

static void su_time_monotonic(su_time_t *tv)
{
    uint64_t us = cw_now_us() + wall_offset_us;

    /* Whole milliseconds: Sofia's root waits in these, rounded down, and would spin through the
     * rest before each timer. */
    us -= us % 1000;
    tv->tv_sec = (unsigned long)(us / 1000000 + SU_TIME_EPOCH);
    tv->tv_usec = (unsigned long)(us % 1000000);
}

static void hook_clock(void)
{
    struct timespec wall;

    if (_su_time == su_time_monotonic)
        return;
    clock_gettime(CLOCK_REALTIME, &wall);
    wall_offset_us = (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000 - cw_now_us();
    _su_time = su_time_monotonic;
}

/* ── libuv inside Sofia's root ──────────────────────────────────────────────────────────────────
 */

static void on_alarm(cw_loop *loop, su_timer_t *timer, cw_loop *arg)
{
    /* Only ends the root's wait: prepoll runs libuv. */
}

static int on_uv_ready(cw_loop *loop, su_wait_t *wait, cw_loop *arg)
{
    return 0; /* likewise */
}

/* Handles that a callback started reach libuv's epoll only in its next run; until then the root
 * would wait for a descriptor that does not know of them. A queue of libuv 1.44, empty when it
 * points at itself; uv_backend_timeout() does not look at it. */
static bool uv_has_new_watchers(const uv_loop_t *uv)
{
    return uv->watcher_queue[0] != &uv->watcher_queue;
}

/* A timer of 0 ms started in a callback, or a handle being closed, is due at once: an alarm of 0
 * would go off between here and the root's wait, and be lost. Handles that are always due must not
 * keep the root from its own work: after some rounds they wait 1 ms. */
#define UV_ROUNDS 8

static void run_flushes(cw_loop *loop)
{
    cw_flush *flush;

    while ((flush = loop->flushes)) {
        loop->flushes = flush->next;
        flush->wanted = false;
        flush->fn(flush->arg);
    }
}

static void run_uv(cw_loop *loop, su_root_t *root)
{
    int in_ms, rounds = 0;

    cw_assert_on_loop();
    run_flushes(loop);
    do {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        run_flushes(loop);
        in_ms = uv_backend_timeout(&loop->uv);
    } while (uv_has_new_watchers(&loop->uv) || (in_ms == 0 && ++rounds < UV_ROUNDS));
    if (in_ms < 0)
        su_timer_reset(loop->alarm);
    else
        su_timer_set_interval(loop->alarm, on_alarm, loop, MAX(in_ms, 1));
}

static void run_posts(cw_loop *loop)
{
    GArray *posts;

    pthread_mutex_lock(&loop->lock);
    posts = loop->posts;
    loop->posts = g_array_new(FALSE, FALSE, sizeof(post));
    pthread_mutex_unlock(&loop->lock);

    for (guint i = 0; i < posts->len; i++) {
        const post *p = &g_array_index(posts, post, i);

        p->fn(p->arg);
    }
    g_array_unref(posts);
}

static void on_wake(uv_async_t *wake)
{
    run_posts(wake->data);
}

/* Fails only when the process is out of descriptors before it has begun. */
static bool embed_uv(cw_loop *loop)
{
    su_wait_t wait[1];

    if (uv_loop_init(&loop->uv) || uv_async_init(&loop->uv, &loop->wake, on_wake))
        return false;
    loop->wake.data = loop;
    loop->root = su_root_create(loop);
    if (!loop->root)
        return false;
    su_root_threading(loop->root, 0); /* clones would be threads: everything stays on this one */
    loop->alarm = su_timer_create(su_root_task(loop->root), 0);
    if (!loop->alarm || su_wait_create(wait, uv_backend_fd(&loop->uv), SU_WAIT_IN))
        return false;
    loop->uv_index = su_root_register(loop->root, wait, on_uv_ready, loop, 0);
    return loop->uv_index >= 0 && su_root_add_prepoll(loop->root, run_uv, loop) == 0;
}

cw_err cw_loop_new(cw_loop **ret)
{
    cw_loop *loop = g_new0(cw_loop, 1);

    hook_clock();
    su_init();
    su_port_prefer(su_epoll_port_create, NULL);
    pthread_mutex_init(&loop->lock, NULL);
    loop->posts = g_array_new(FALSE, FALSE, sizeof(post));
    if (!embed_uv(loop)) {
        g_array_unref(loop->posts);
        pthread_mutex_destroy(&loop->lock);
        g_free(loop);
        return CW_E_IO;
    }
    cw_role_take(&cw_role_loop);
    *ret = loop;
    return CW_OK;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void cw_loop_free(cw_loop *loop)
{
    if (!loop)
        return;
    run_posts(loop);
    su_root_remove_prepoll(loop->root);
    su_root_deregister(loop->root, loop->uv_index);
    su_timer_destroy(loop->alarm);
    uv_walk(&loop->uv, close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    run_posts(loop);
    if (uv_loop_close(&loop->uv))
        g_warning("a libuv handle outlives the loop");
    su_root_destroy(loop->root);
    su_deinit();
    g_array_unref(loop->posts);
    pthread_mutex_destroy(&loop->lock);
    g_free(loop);
}

void cw_loop_run(cw_loop *loop)
{
    loop->running = true;
    su_root_run(loop->root);
    run_flushes(loop);
    loop->running = false;
}

void cw_loop_quit(cw_loop *loop)
{
    su_root_break(loop->root);
}

void cw_loop_step(cw_loop *loop, unsigned max_ms)
{
    loop->running = true;
    su_root_step(loop->root, max_ms);
    run_flushes(loop); /* what Sofia's callbacks wanted after the wait */
    loop->running = false;
}

struct su_root_s *cw_loop_su(cw_loop *loop)
{
    return loop->root;
}

struct uv_loop_s *cw_loop_uv(cw_loop *loop)
{
    return &loop->uv;
}

void cw_loop_post(cw_loop *loop, void (*fn)(void *arg), void *arg)
{
    post p = { fn, arg };

    pthread_mutex_lock(&loop->lock);
    g_array_append_val(loop->posts, p);
    pthread_mutex_unlock(&loop->lock);
    uv_async_send(&loop->wake);
}

cw_flush *cw_flush_new(cw_loop *loop, void (*fn)(void *arg), void *arg)
{
    cw_flush *flush = g_new0(cw_flush, 1);

    flush->loop = loop;
    flush->fn = fn;
    flush->arg = arg;
    return flush;
}

void cw_flush_want(cw_flush *flush)
{
    if (!flush->loop->running) {
        flush->fn(flush->arg);
        return;
    }
    if (flush->wanted)
        return;
    flush->wanted = true;
    flush->next = flush->loop->flushes;
    flush->loop->flushes = flush;
}

void cw_flush_free(cw_flush *flush)
{
    cw_flush **at;

    if (!flush)
        return;
    for (at = &flush->loop->flushes; *at && *at != flush; at = &(*at)->next)
        ;
    if (*at)
        *at = flush->next;
    g_free(flush);
}

/* ── Timers ─────────────────────────────────────────────────────────────────────────────────────
 */

static void on_timer(uv_timer_t *handle)
{
    cw_timer *timer = (cw_timer *)handle;

    cw_assert_on_loop();
    timer->loop->timers--;
    timer->fn(timer->arg);
}

static void on_handle_closed(uv_handle_t *handle)
{
    g_free(handle);
}

cw_timer *cw_timer_new(cw_loop *loop, void (*fn)(void *arg), void *arg)
{
    cw_timer *timer = g_new0(cw_timer, 1);

    uv_timer_init(&loop->uv, &timer->handle);
    timer->loop = loop;
    timer->fn = fn;
    timer->arg = arg;
    return timer;
}

void cw_timer_start(cw_timer *timer, uint64_t in_ms)
{
    cw_timer_stop(timer);
    /* libuv counts from its cached time, which is old after a long callback. */
    uv_update_time(&timer->loop->uv);
    uv_timer_start(&timer->handle, on_timer, in_ms, 0);
    timer->loop->timers++;
}

void cw_timer_stop(cw_timer *timer)
{
    if (!cw_timer_active(timer))
        return;
    uv_timer_stop(&timer->handle);
    timer->loop->timers--;
}

bool cw_timer_active(const cw_timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->handle);
}

void cw_timer_free(cw_timer *timer)
{
    if (!timer)
        return;
    cw_timer_stop(timer);
    uv_close((uv_handle_t *)&timer->handle, on_handle_closed);
}

unsigned cw_loop_timers(const cw_loop *loop)
{
    return loop->timers;
}

/* ── Descriptors ────────────────────────────────────────────────────────────────────────────────
 */

static void on_poll(uv_poll_t *handle, int status, int events)
{
    cw_watch *watch = (cw_watch *)handle;

    cw_assert_on_loop();
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE; /* let the owner's read() meet the error */
    watch->fn(watch->arg, (events & UV_READABLE ? CW_READABLE : 0u) |
                              (events & UV_WRITABLE ? CW_WRITABLE : 0u));
}

cw_watch *cw_watch_new(cw_loop *loop, int fd, void (*fn)(void *arg, unsigned events), void *arg)
{
    cw_watch *watch = g_new0(cw_watch, 1);

    if (uv_poll_init(&loop->uv, &watch->handle, fd))
        g_error("descriptor %d cannot be polled", fd); /* not a socket, or watched twice: a bug */
    watch->fn = fn;
    watch->arg = arg;
    return watch;
}

void cw_watch_set(cw_watch *watch, unsigned events)
{
    int uv_events =
        (events & CW_READABLE ? UV_READABLE : 0) | (events & CW_WRITABLE ? UV_WRITABLE : 0);

    if (uv_events)
        uv_poll_start(&watch->handle, uv_events, on_poll);
    else
        uv_poll_stop(&watch->handle);
}

void cw_watch_free(cw_watch *watch)
{
    if (!watch)
        return;
    uv_poll_stop(&watch->handle);
    uv_close((uv_handle_t *)&watch->handle, on_handle_closed);
}
