#include "fetch/fetch.h"

#include "base/stats.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define IDLE_MS 60000 /* the thread is woken for whatever happens */

/* One file. The loop's until it is queued, then the thread's, then the loop's again. */
typedef struct job {
    cw_fetch *fetch; /* NULL: it is gone */
    const cw_fetch_rules *rules;
    char *url;
    cw_fetch_fn *fn;
    void *arg;
    CURL *easy;
    struct curl_slist *headers; /* of a POST */
    char *post;                 /* its body; NULL: a GET */
    GByteArray *body;
    size_t head; /* bytes */
    bool refused, too_large;
    cw_err err;
    GList link, waiting; /* in fetch->jobs, fetch->queue */
} job;

struct cw_fetch {
    cw_loop *loop;
    const cw_fetch_rules *rules;
    GQueue jobs; /* of job, all */
    bool running;
    pthread_t thread;
    CURLM *multi; /* the thread's but for waking it */
    pthread_mutex_t lock;
    GQueue queue; /* of job, not begun; under the lock */
    _Atomic bool closing;
};

static void job_free(job *j)
{
    g_byte_array_unref(j->body);
    curl_slist_free_all(j->headers);
    g_free(j->post);
    g_free(j->url);
    g_free(j);
}

/* ── In the thread ── */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    job *j = arg;

    j->too_large = j->too_large || n * size > j->rules->bytes_max - j->body->len;
    if (j->too_large)
        return 0;
    g_byte_array_append(j->body, (const guint8 *)data, (guint)(n * size));
    return n * size;
}

static size_t on_head(char *data, size_t size, size_t n, void *arg)
{
    job *j = arg;

    j->head += n * size;
    j->too_large = j->too_large || j->head > j->rules->bytes_max;
    return j->too_large ? 0 : n * size;
}

static bool may_ask(const cw_fetch_rules *rules, const cw_addr *addr)
{
    uint16_t port = cw_addr_port(addr);

    if (cw_fetch_is_public(addr) && (port == 443 || port == 8443))
        return true;
    return rules->may && rules->may(rules->arg, addr);
}

/* The name is resolved: this is where it leads. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    job *j = arg;
    cw_addr addr = { 0 };

    if (purpose == CURLSOCKTYPE_IPCXN && to->addrlen <= sizeof addr)
        memcpy(&addr, &to->addr, to->addrlen);
    if (!may_ask(j->rules, &addr)) {
        j->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static bool set_up(job *j)
{
    CURL *easy = j->easy = curl_easy_init();
    const char *authorities = j->rules->authorities;

    if (!easy)
        return false;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for names */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)j->rules->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* nor one of the environment */
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, j);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, j);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, j);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, j);
    if (j->post) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, j->post);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, j->headers);
    }
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                            j->rules->plain ? "https,http" : "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           (!authorities || (curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
                             curl_easy_setopt(easy, CURLOPT_CAINFO, authorities) == CURLE_OK)) &&
           curl_easy_setopt(easy, CURLOPT_URL, j->url) == CURLE_OK;
}

static void on_done(void *arg);

static void hand_back(job *j, cw_err err)
{
    j->err = err;
    if (j->easy)
        curl_easy_cleanup(j->easy);
    j->easy = NULL;
    cw_loop_post(j->fetch->loop, on_done, j);
}

static cw_err outcome(const job *j, CURLcode result)
{
    long status = 0;

    if (j->too_large)
        return CW_E_TOO_LARGE;
    if (result == CURLE_OPERATION_TIMEDOUT)
        return CW_E_TIMEOUT;
    if (result != CURLE_OK)
        return j->refused ? CW_E_FORBIDDEN : CW_E_NETWORK;
    curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
    return status == 200 || (j->post && status / 100 == 2) ? CW_OK : CW_E_NETWORK;
}

static void push(cw_fetch *fetch, job *j)
{
    pthread_mutex_lock(&fetch->lock);
    g_queue_push_tail_link(&fetch->queue, &j->waiting);
    pthread_mutex_unlock(&fetch->lock);
}

static job *pop(cw_fetch *fetch)
{
    GList *link;

    pthread_mutex_lock(&fetch->lock);
    link = g_queue_pop_head_link(&fetch->queue);
    pthread_mutex_unlock(&fetch->lock);
    return link ? link->data : NULL;
}

static void begin_all(cw_fetch *fetch)
{
    job *j;

    while ((j = pop(fetch)))
        if (!set_up(j) || curl_multi_add_handle(fetch->multi, j->easy) != CURLM_OK)
            hand_back(j, CW_E_NETWORK);
}

static void end_done(cw_fetch *fetch)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(fetch->multi, &left))) {
        CURLcode result = message->data.result;
        CURL *easy = message->easy_handle;
        job *j;

        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&j);
        curl_multi_remove_handle(fetch->multi, easy);
        hand_back(j, outcome(j, result));
    }
}

static void *serve(void *arg)
{
    cw_fetch *fetch = arg;
    int running;

    while (!fetch->closing) {
        begin_all(fetch);
        curl_multi_perform(fetch->multi, &running);
        end_done(fetch);
        curl_multi_poll(fetch->multi, NULL, 0, IDLE_MS, NULL);
    }
    return NULL;
}

/* ── On the loop ── */

static void on_done(void *arg)
{
    job *j = arg;

    cw_assert_on_loop();
    if (j->fetch)
        g_queue_unlink(&j->fetch->jobs, &j->link);
    if (j->err)
        cw_stat_inc(j->err == CW_E_FORBIDDEN ? CW_STAT_fetches_refused : CW_STAT_fetches_failed);
    if (j->fn)
        j->fn(j->arg, j->err, (const char *)j->body->data, j->body->len);
    job_free(j);
}

cw_fetch *cw_fetch_new(cw_loop *loop, const cw_fetch_rules *rules)
{
    cw_fetch *fetch = g_new0(cw_fetch, 1);

    fetch->loop = loop;
    fetch->rules = rules;
    pthread_mutex_init(&fetch->lock, NULL);
    g_queue_init(&fetch->queue);
    g_queue_init(&fetch->jobs);
    return fetch;
}

static bool start(cw_fetch *fetch)
{
    if (fetch->running)
        return true;
    if (!fetch->multi &&
        (curl_global_init(CURL_GLOBAL_DEFAULT) || !(fetch->multi = curl_multi_init())))
        return false;
    fetch->running = pthread_create(&fetch->thread, NULL, serve, fetch) == 0;
    return fetch->running;
}

static cw_err may_begin(cw_fetch *fetch, const char *url) CW_ON_LOOP
{
    if (!cw_fetch_url_ok(fetch->rules, url)) {
        cw_stat_inc(CW_STAT_fetches_refused);
        return CW_E_FORBIDDEN;
    }
    if (fetch->jobs.length >= fetch->rules->waiting_max || !start(fetch)) {
        cw_stat_inc(CW_STAT_fetches_failed);
        return CW_E_OVERLOAD;
    }
    return CW_OK;
}

static job *job_new(cw_fetch *fetch, const char *url, cw_fetch_fn *fn, void *arg) CW_ON_LOOP
{
    job *j = g_new0(job, 1);

    j->fetch = fetch;
    j->rules = fetch->rules;
    j->url = g_strdup(url);
    j->fn = fn;
    j->arg = arg;
    j->body = g_byte_array_new();
    j->link.data = j->waiting.data = j;
    return j;
}

static void job_begin(job *j) CW_ON_LOOP
{
    cw_fetch *fetch = j->fetch;

    g_queue_push_tail_link(&fetch->jobs, &j->link);
    cw_stat_inc(CW_STAT_fetches);
    push(fetch, j);
    curl_multi_wakeup(fetch->multi);
}

cw_err cw_fetch_get(cw_fetch *fetch, const char *url, cw_fetch_fn *fn, void *arg)
{
    cw_err err = may_begin(fetch, url);

    if (!err)
        job_begin(job_new(fetch, url, fn, arg));
    return err;
}

cw_err cw_fetch_post(cw_fetch *fetch, const char *url, const char *const *headers, const char *body,
                     cw_fetch_fn *fn, void *arg)
{
    cw_err err = may_begin(fetch, url);
    job *j;

    if (err)
        return err;
    j = job_new(fetch, url, fn, arg);
    j->post = g_strdup(body);
    for (; *headers; headers++)
        j->headers = curl_slist_append(j->headers, *headers);
    job_begin(j);
    return CW_OK;
}

static void stop(cw_fetch *fetch)
{
    if (!fetch->running)
        return;
    fetch->closing = true;
    curl_multi_wakeup(fetch->multi);
    pthread_join(fetch->thread, NULL);
}

/* Those the thread had not finished are freed here; those it had, when their message comes. */
static void drop(job *j)
{
    j->fetch = NULL;
    j->fn = NULL;
}

void cw_fetch_free(cw_fetch *fetch)
{
    job *j;

    if (!fetch)
        return;
    stop(fetch);
    while ((j = pop(fetch)))
        hand_back(j, CW_E_UNAVAILABLE);
    for (GList *i = fetch->jobs.head; i; i = i->next) {
        j = i->data;
        if (j->easy) {
            curl_multi_remove_handle(fetch->multi, j->easy);
            hand_back(j, CW_E_UNAVAILABLE);
        }
        drop(j);
    }
    if (fetch->multi)
        curl_multi_cleanup(fetch->multi);
    pthread_mutex_destroy(&fetch->lock);
    g_free(fetch);
}
