/* The DTLS threads, their queues, and the objects' lives. */
#include "webrtc/dtls_priv.h"

#include "base/ident.h"
#include "base/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE        5
#define PENDING_MAX 64 /* datagrams of one peer in the queue: a flight is fewer than 20 */

/* RFC 6347 4.1: change_cipher_spec, alert, handshake. Application data has no taker here. */
#define TYPE_FIRST 20
#define TYPE_ALERT 21
#define TYPE_LAST  22

/* ── References ─────────────────────────────────────────────────────────────────────────────────
 */

static void server_unref(cw_dtls_server *server) CW_TSA(no_thread_safety_analysis)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    SSL_CTX_free(server->ctx);
    for (unsigned i = 0; i < server->thread_n; i++) {
        if (server->thread[i].wake >= 0)
            close(server->thread[i].wake);
        pthread_mutex_destroy(&server->thread[i].lock);
    }
    g_free(server);
}

cw_dtls *cw_dtls_ref(cw_dtls *dtls)
{
    atomic_fetch_add(&dtls->refs, 1);
    return dtls;
}

void cw_dtls_unref(cw_dtls *dtls) CW_TSA(no_thread_safety_analysis)
{
    if (atomic_fetch_sub(&dtls->refs, 1) != 1)
        return;
    g_assert(!dtls->ssl && !dtls->rest); /* who has one is in a list, which is a reference */
    X509_free(dtls->cert);
    OPENSSL_cleanse(&dtls->keys, sizeof dtls->keys);
    cw_dtls_ear_clear(&dtls->ear);
    if (dtls->carrier.arg)
        dtls->carrier.release(dtls->carrier.arg);
    server_unref(dtls->server);
    g_free(dtls);
}

/* ── Queue ──────────────────────────────────────────────────────────────────────────────────────
 */

static void msg_free(cw_dtls_msg *msg)
{
    if (msg->op == DTLS_DATAGRAM)
        atomic_fetch_sub(&msg->dtls->pending, 1);
    if (msg->op == DTLS_OPEN && msg->fd >= 0)
        close(msg->fd);
    cw_dtls_unref(msg->dtls);
    g_free(msg);
}

static cw_dtls_msg *msg_new(cw_dtls *dtls, cw_dtls_op op, size_t room)
{
    cw_dtls_msg *msg = g_malloc0(sizeof *msg + room);

    msg->op = op;
    msg->dtls = cw_dtls_ref(dtls);
    return msg;
}

/* False when the thread has ended or, for a datagram, when there is no room. `urgent` false: what
 * comes next wakes it. */
static bool enqueue(cw_dtls_thread *thread, cw_dtls_msg *msg, bool urgent)
{
    bool is_datagram = msg->op == DTLS_DATAGRAM;
    bool wake = false, ok;

    pthread_mutex_lock(&thread->lock);
    ok = !thread->stop && (!is_datagram || thread->queued < thread->server->conf.queue_max);
    if (ok) {
        *thread->last = msg;
        thread->last = &msg->next;
        thread->queued += is_datagram;
        wake = urgent && !thread->woken;
        thread->woken = thread->woken || urgent;
    }
    pthread_mutex_unlock(&thread->lock);
    if (wake)
        eventfd_write(thread->wake, 1);
    return ok;
}

static void post(cw_dtls_msg *msg)
{
    /* The certificate to expect can wait for the first datagram. */
    bool urgent = msg->op != DTLS_EXPECT || atomic_load(&msg->dtls->begun);

    if (!enqueue(msg->dtls->thread, msg, urgent))
        msg_free(msg);
}

static cw_dtls_msg *take_all(cw_dtls_thread *thread, bool *stop)
{
    cw_dtls_msg *first;

    pthread_mutex_lock(&thread->lock);
    first = thread->first;
    thread->first = NULL;
    thread->last = &thread->first;
    thread->queued = 0;
    thread->woken = false;
    *stop = thread->stop;
    pthread_mutex_unlock(&thread->lock);
    return first;
}

/* ── The thread ─────────────────────────────────────────────────────────────────────────────────
 */

static void handle(cw_dtls_msg *msg) CW_ON_DTLS
{
    switch (msg->op) {
    case DTLS_DATAGRAM:
        cw_dtls_feed(msg->dtls, msg);
        break;
    case DTLS_OPEN:
        cw_dtls_open_port(msg->dtls, &msg->from, msg->fd);
        msg->fd = -1;
        break;
    case DTLS_EXPECT:
        cw_dtls_set_expected(msg->dtls, &msg->fingerprint);
        break;
    case DTLS_FORGET:
        cw_dtls_forget(msg->dtls);
        break;
    }
}

static void wait_for_work(cw_dtls_thread *thread) CW_ON_DTLS
{
    struct pollfd fd = { .fd = thread->wake, .events = POLLIN };
    uint64_t now = cw_now_us();
    int timeout_ms = -1;
    eventfd_t count;

    if (thread->tick_us != UINT64_MAX)
        timeout_ms = thread->tick_us <= now ? 0 : (int)((thread->tick_us - now) / 1000 + 1);
    if (poll(&fd, 1, timeout_ms) > 0)
        eventfd_read(thread->wake, &count);
}

/* Once round: what is queued, then timers between two messages when they are due. */
static bool serve(cw_dtls_thread *thread) CW_ON_DTLS
{
    cw_dtls_msg *msg, *next;
    bool stop;

    for (msg = take_all(thread, &stop); msg; msg = next) {
        next = msg->next;
        handle(msg);
        msg_free(msg);
        if (cw_now_us() >= thread->tick_us)
            cw_dtls_tick(thread, cw_now_us());
    }
    if (cw_now_us() >= thread->tick_us)
        cw_dtls_tick(thread, cw_now_us());
    return !stop;
}

static void forget_all(GQueue *list) CW_ON_DTLS
{
    while (list->head)
        cw_dtls_forget(list->head->data);
}

static void *thread_main(void *arg)
{
    cw_dtls_thread *thread = arg;

    cw_role_take(&cw_role_dtls);
    prctl(PR_SET_NAME, "cw-dtls");
    /* A burst of handshakes waits for the packets, not the other way round. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    cw_assert_on_dtls();
    do
        wait_for_work(thread);
    while (serve(thread));
    forget_all(&thread->handshaking);
    forget_all(&thread->lingering);
    cw_role_drop(&cw_role_dtls);
    return NULL;
}

/* ── To the loop ────────────────────────────────────────────────────────────────────────────────
 */

typedef struct note {
    cw_dtls *dtls; /* a reference */
    cw_dtls_event event;
    cw_srtp_keys keys;
} note;

static void on_note(void *arg)
{
    note *n = arg;

    cw_assert_on_loop();
    if (n->dtls->fn)
        n->dtls->fn(n->dtls->arg, &n->event);
    OPENSSL_cleanse(&n->keys, sizeof n->keys);
    cw_dtls_unref(n->dtls);
    g_free(n);
}

void cw_dtls_tell(cw_dtls *dtls, cw_err err, const cw_srtp_keys *keys)
{
    note *n = g_new0(note, 1);

    n->dtls = cw_dtls_ref(dtls);
    n->event =
        (cw_dtls_event){ .err = err, .cipher = dtls->cipher, .handshake_ms = dtls->handshake_ms };
    if (keys) {
        n->keys = *keys;
        n->event.keys = &n->keys;
    }
    cw_loop_post(dtls->server->loop, on_note, n);
}

/* ── Outside ────────────────────────────────────────────────────────────────────────────────────
 */

static void thread_init(cw_dtls_server *server, cw_dtls_thread *thread)
    CW_TSA(no_thread_safety_analysis)
{
    thread->server = server;
    thread->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread->last = &thread->first;
    thread->tick_us = UINT64_MAX;
    g_queue_init(&thread->handshaking);
    g_queue_init(&thread->lingering);
    pthread_mutex_init(&thread->lock, NULL);
}

static bool thread_start(cw_dtls_thread *thread)
{
    thread->started =
        thread->wake >= 0 && !pthread_create(&thread->thread, NULL, thread_main, thread);
    return thread->started;
}

static void thread_stop(cw_dtls_thread *thread)
{
    if (!thread->started)
        return;
    pthread_mutex_lock(&thread->lock);
    thread->stop = true;
    pthread_mutex_unlock(&thread->lock);
    eventfd_write(thread->wake, 1);
    pthread_join(thread->thread, NULL);
}

static unsigned threads_wanted(const cw_dtls_conf *conf)
{
    unsigned n = conf->threads ? conf->threads : MAX(g_get_num_processors() / 2, 1);

    return MIN(n, CW_DTLS_THREADS_MAX);
}

static cw_dtls_server *server_alloc(cw_loop *loop, const cw_dtls_conf *conf)
{
    cw_dtls_server *server = g_new0(cw_dtls_server, 1);

    atomic_init(&server->refs, 1);
    server->loop = loop;
    server->conf = *conf;
    cw_random(server->secret, sizeof server->secret);
    server->thread_n = threads_wanted(conf);
    for (unsigned i = 0; i < server->thread_n; i++)
        thread_init(server, &server->thread[i]);
    return server;
}

cw_err cw_dtls_server_new(cw_loop *loop, const cw_dtls_conf *conf, cw_dtls_server **ret)
{
    cw_dtls_server *server = server_alloc(loop, conf);
    cw_err err = cw_dtls_ctx_new(&server->ctx, &server->fingerprint);

    server->bio = cw_dtls_bio();
    if (!err && !server->bio)
        err = CW_E_INTERNAL;
    for (unsigned i = 0; !err && i < server->thread_n; i++)
        if (!thread_start(&server->thread[i]))
            err = CW_E_INTERNAL;
    if (err) {
        cw_dtls_server_free(server);
        return err;
    }
    *ret = server;
    return CW_OK;
}

void cw_dtls_server_free(cw_dtls_server *server)
{
    if (!server)
        return;
    for (unsigned i = 0; i < server->thread_n; i++)
        thread_stop(&server->thread[i]);
    server_unref(server);
}

const cw_fingerprint *cw_dtls_server_fingerprint(const cw_dtls_server *server)
{
    return &server->fingerprint;
}

static cw_dtls *dtls_alloc(cw_dtls_server *server) CW_TSA(no_thread_safety_analysis)
{
    cw_dtls *dtls = g_new0(cw_dtls, 1);

    atomic_init(&dtls->refs, 2); /* the loop's and the worker's */
    atomic_fetch_add(&server->refs, 1);
    dtls->server = server;
    dtls->thread = &server->thread[server->next++ % server->thread_n];
    dtls->fd = -1;
    return dtls;
}

cw_dtls *cw_dtls_new(cw_dtls_server *server, cw_dtls_fn *fn, void *arg)
{
    cw_dtls *dtls = dtls_alloc(server);

    dtls->fn = fn;
    dtls->arg = arg;
    return dtls;
}

cw_dtls *cw_dtls_hold(cw_dtls *dtls)
{
    return cw_dtls_ref(dtls);
}

void cw_dtls_set_client(cw_dtls *dtls)
{
    dtls->client = true;
}

void cw_dtls_carry(cw_dtls *dtls, const cw_carrier *carrier)
{
    dtls->carrier = *carrier;
}

void cw_dtls_free(cw_dtls *dtls)
{
    if (!dtls)
        return;
    dtls->fn = NULL;
    post(msg_new(dtls, DTLS_FORGET, 0));
    cw_dtls_unref(dtls);
}

void cw_dtls_expect(cw_dtls *dtls, const cw_fingerprint *fingerprint)
{
    cw_dtls_msg *msg = msg_new(dtls, DTLS_EXPECT, 0);

    msg->fingerprint = *fingerprint;
    post(msg);
}

static bool is_wanted(cw_dtls *dtls, const uint8_t *data, size_t len)
{
    int hears = atomic_load(&dtls->hears);

    if (len == 0 || len > CW_DTLS_DATAGRAM_MAX || data[0] < TYPE_FIRST || data[0] > TYPE_LAST)
        return false;
    return hears == HEARS_ALL || (hears == HEARS_ALERTS && data[0] == TYPE_ALERT);
}

void cw_dtls_input(void *arg, const uint8_t *data, size_t len, const cw_addr *from, int fd)
{
    cw_dtls *dtls = arg;
    cw_dtls_msg *msg;

    if (!is_wanted(dtls, data, len))
        return;
    if (atomic_fetch_add(&dtls->pending, 1) >= PENDING_MAX) {
        atomic_fetch_sub(&dtls->pending, 1);
        cw_stat_inc(CW_STAT_dtls_dropped);
        return;
    }
    msg = msg_new(dtls, DTLS_DATAGRAM, len);
    msg->from = *from;
    msg->fd = fd;
    msg->len = len;
    memcpy(msg->data, data, len);
    atomic_store(&dtls->begun, true);
    if (!enqueue(dtls->thread, msg, true)) {
        cw_stat_inc(CW_STAT_dtls_dropped);
        msg_free(msg);
    }
}

void cw_dtls_open(void *arg, const cw_addr *to, int fd)
{
    cw_dtls_msg *msg = msg_new(arg, DTLS_OPEN, 0);

    msg->from = *to;
    msg->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    atomic_store(&msg->dtls->begun, true);
    post(msg);
}

void cw_dtls_release(void *dtls)
{
    cw_dtls_unref(dtls);
}
