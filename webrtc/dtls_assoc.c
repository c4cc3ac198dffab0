#include "webrtc/dtls_priv.h"

#include "base/stats.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#define EARLY_MAX       16 /* records ahead of their keys; OpenSSL keeps 17 KB for each of up to 100 */
#define RETRANSMIT_US   200000
#define RETRANSMIT_MAX  3000000
#define BURST           32    /* handshakes */
#define TICK_US         10000 /* timers are this coarse, so that many handshakes cost few looks */
#define LINK_MTU        1200
#define ALERT_BYTES_MAX 256

static uint64_t ms_to_us(unsigned ms)
{
    return (uint64_t)ms * 1000;
}

/* ── Life of an association ─────────────────────────────────────────────────────────────────────
 */

static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
    return last_us == 0 ? RETRANSMIT_US : MIN(last_us * 2, RETRANSMIT_MAX);
}

static bool ssl_make(cw_dtls *dtls) CW_ON_DTLS
{
    BIO *bio = BIO_new(dtls->server->bio);

    dtls->ssl = SSL_new(dtls->server->ctx);
    if (!bio || !dtls->ssl) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, dtls);
    SSL_set_bio(dtls->ssl, bio, bio);
    if (dtls->client)
        SSL_set_connect_state(dtls->ssl);
    else
        SSL_set_accept_state(dtls->ssl);
    if (dtls->owns) /* an RTP port: no ICE has proven the address */
        SSL_set_options(dtls->ssl, SSL_OP_COOKIE_EXCHANGE);
    DTLS_set_timer_cb(dtls->ssl, next_timeout);
    DTLS_set_link_mtu(dtls->ssl, LINK_MTU);
    cw_stat_inc(CW_STAT_dtls_open);
    dtls->thread->open++;
    dtls->thread->most = MAX(dtls->thread->most, dtls->thread->open);
    return true;
}

static void ssl_drop(cw_dtls *dtls) CW_ON_DTLS
{
    if (dtls->ssl) {
        cw_stat_dec(CW_STAT_dtls_open);
        dtls->thread->open--;
    }
    SSL_free(dtls->ssl);
    dtls->ssl = NULL;
}

static void list_add(cw_dtls *dtls, GQueue *list) CW_ON_DTLS
{
    dtls->link.data = cw_dtls_ref(dtls);
    g_queue_push_tail_link(list, &dtls->link);
}

/* Out of the list its state says it is in. The caller has another reference. */
static void list_remove(cw_dtls *dtls) CW_ON_DTLS
{
    if (dtls->state == DTLS_HANDSHAKE)
        g_queue_unlink(&dtls->thread->handshaking, &dtls->link);
    else if (dtls->state == DTLS_LINGER)
        g_queue_unlink(&dtls->thread->lingering, &dtls->link);
    else
        return;
    cw_dtls_unref(dtls);
}

static void port_drop(cw_dtls *dtls) CW_ON_DTLS
{
    if (dtls->owns && dtls->fd >= 0)
        close(dtls->fd);
    dtls->fd = -1;
}

/* To a state that is in no list. The SSL goes, and what could be repeated. */
static void rest(cw_dtls *dtls, cw_dtls_state state, int hears) CW_ON_DTLS
{
    cw_dtls_ref(dtls);
    list_remove(dtls);
    dtls->state = state;
    atomic_store(&dtls->hears, hears);
    ssl_drop(dtls);
    if (dtls->rest)
        cw_stat_dec(CW_STAT_dtls_lingering);
    g_clear_pointer(&dtls->rest, g_free);
    if (hears != HEARS_ALL)
        port_drop(dtls);
    cw_dtls_unref(dtls);
}

static void secrets_drop(cw_dtls *dtls) CW_ON_DTLS
{
    X509_free(dtls->cert);
    dtls->cert = NULL;
    OPENSSL_cleanse(&dtls->keys, sizeof dtls->keys);
}

static void say_goodbye(cw_dtls *dtls) CW_ON_DTLS
{
    if (dtls->rest)
        cw_dtls_transmit(dtls, dtls->rest->data + dtls->rest->flight_len, dtls->rest->bye_len);
    else if (dtls->ssl && SSL_is_init_finished(dtls->ssl))
        SSL_shutdown(dtls->ssl);
}

static void die(cw_dtls *dtls, cw_err err) CW_ON_DTLS
{
    if (err != CW_E_MEDIA_LOST)
        cw_stat_inc(CW_STAT_dtls_failed);
    say_goodbye(dtls);
    rest(dtls, DTLS_DEAD, HEARS_NOTHING);
    secrets_drop(dtls);
    cw_dtls_ear_clear(&dtls->ear);
    cw_dtls_tell(dtls, err, NULL);
}

/* No more repeats of the last flight. */
static void settle(cw_dtls *dtls) CW_ON_DTLS
{
    rest(dtls, DTLS_SETTLED, HEARS_ALERTS);
}

static void begin(cw_dtls *dtls) CW_ON_DTLS
{
    if (!ssl_make(dtls)) {
        die(dtls, CW_E_DTLS);
        return;
    }
    dtls->datagrams = dtls->bytes = dtls->early = 0;
    dtls->start_us = cw_now_us();
    dtls->state = DTLS_HANDSHAKE;
    list_add(dtls, &dtls->thread->handshaking);
}

/* When OpenSSL wants to repeat its flight, or when the handshake's time is up. */
static void arm(cw_dtls *dtls) CW_ON_DTLS
{
    uint64_t now = cw_now_us();
    struct timeval left;

    dtls->due_us = dtls->start_us + ms_to_us(dtls->server->conf.timeout_ms);
    if (DTLSv1_get_timeout(dtls->ssl, &left)) {
        uint64_t at = now + (uint64_t)left.tv_sec * 1000000 + (uint64_t)left.tv_usec;

        dtls->due_us = MIN(dtls->due_us, at);
    }
    dtls->thread->tick_us = MIN(dtls->thread->tick_us, dtls->due_us);
}

/* ── Done: keys and certificate ─────────────────────────────────────────────────────────────────
 */

static const struct profile {
    unsigned long id;
    cw_srtp_suite suite;
    size_t key_len, salt_len;
} profiles[] = {
    { SRTP_AEAD_AES_128_GCM, CW_SRTP_AEAD_AES_128_GCM, 16, 12 },
    { SRTP_AES128_CM_SHA1_80, CW_SRTP_AES128_CM_SHA1_80, 16, 14 },
    { SRTP_AEAD_AES_256_GCM, CW_SRTP_AEAD_AES_256_GCM, 32, 12 },
};

static const struct profile *chosen_profile(SSL *ssl)
{
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(ssl);

    for (unsigned i = 0; chosen && i < G_N_ELEMENTS(profiles); i++)
        if (profiles[i].id == chosen->id)
            return &profiles[i];
    return NULL;
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
static bool export_keys(SSL *ssl, bool client, cw_srtp_keys *ret)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    const struct profile *p = chosen_profile(ssl);
    uint8_t block[2 * CW_SRTP_KEY_MAX];
    uint8_t *of_client = client ? ret->tx : ret->rx, *of_server = client ? ret->rx : ret->tx;
    const uint8_t *salts;

    if (!p)
        return false;
    if (SSL_export_keying_material(ssl, block, 2 * (p->key_len + p->salt_len), label,
                                   sizeof label - 1, NULL, 0, 0) != 1)
        return false;
    salts = block + 2 * p->key_len;
    ret->suite = p->suite;
    memcpy(of_client, block, p->key_len);
    memcpy(of_server, block + p->key_len, p->key_len);
    memcpy(of_client + p->key_len, salts, p->salt_len);
    memcpy(of_server + p->key_len, salts + p->salt_len, p->salt_len);
    OPENSSL_cleanse(block, sizeof block);
    return true;
}

static void hand_out(cw_dtls *dtls) CW_ON_DTLS
{
    if (!cw_dtls_cert_matches(dtls->cert, &dtls->expected)) {
        die(dtls, CW_E_FINGERPRINT);
        return;
    }
    cw_stat_inc(CW_STAT_dtls_done);
    cw_dtls_tell(dtls, CW_OK, &dtls->keys);
    secrets_drop(dtls);
}

/* The SSL's 74 KB go at once: what it would still say is sealed now. A server's last flight is 75
 * bytes with AES-128 and 91 with SHA-384; a client's needs no repeating. */
static cw_dtls_rest *put_by(cw_dtls *dtls) CW_ON_DTLS
{
    cw_dtls_flight *flight = &dtls->thread->flight;
    cw_dtls_rest *rest = g_malloc0(sizeof *rest + 2 * sizeof flight->data);

    if (flight->len <= sizeof flight->data) {
        memcpy(rest->data, flight->data, flight->len);
        rest->flight_len = flight->len;
    }
    flight->len = 0;
    dtls->mute = true;
    SSL_shutdown(dtls->ssl);
    dtls->mute = false;
    if (flight->len <= sizeof flight->data) {
        memcpy(rest->data + rest->flight_len, flight->data, flight->len);
        rest->bye_len = flight->len;
    }
    return g_realloc(rest, sizeof *rest + rest->flight_len + rest->bye_len);
}

static void linger(cw_dtls *dtls, uint64_t now_us) CW_ON_DTLS
{
    dtls->due_us = now_us + ms_to_us(dtls->server->conf.linger_ms);
    dtls->thread->tick_us = MIN(dtls->thread->tick_us, dtls->due_us);
    list_remove(dtls);
    dtls->state = DTLS_LINGER;
    list_add(dtls, &dtls->thread->lingering);
}

static void complete(cw_dtls *dtls) CW_ON_DTLS
{
    uint64_t now = cw_now_us();

    dtls->cert = SSL_get1_peer_certificate(dtls->ssl);
    if (!dtls->cert || !export_keys(dtls->ssl, dtls->client, &dtls->keys)) {
        die(dtls, CW_E_DTLS);
        return;
    }
    dtls->cipher = SSL_get_cipher_name(dtls->ssl);
    dtls->handshake_ms = (unsigned)((now - dtls->start_us) / 1000);
    cw_dtls_ear_init(&dtls->ear, dtls->ssl);
    dtls->rest = put_by(dtls);
    cw_stat_inc(CW_STAT_dtls_lingering);
    ssl_drop(dtls);
    linger(dtls, now);
    if (dtls->expected.len)
        hand_out(dtls);
}

/* ── Datagrams ──────────────────────────────────────────────────────────────────────────────────
 */

/* Let OpenSSL read what there is. */
static void run(cw_dtls *dtls) CW_ON_DTLS
{
    uint8_t unwanted[CW_DTLS_DATAGRAM_MAX];
    bool closed;
    int n, why;

    dtls->thread->flight.len = 0;
    do {
        ERR_clear_error();
        n = SSL_read(dtls->ssl, unwanted, sizeof unwanted);
    } while (n > 0);
    why = SSL_get_error(dtls->ssl, n);
    closed = SSL_get_shutdown(dtls->ssl) & SSL_RECEIVED_SHUTDOWN;
    ERR_clear_error();

    if (SSL_is_init_finished(dtls->ssl))
        complete(dtls);
    else if (why != SSL_ERROR_WANT_READ)
        die(dtls, CW_E_DTLS);
    else
        arm(dtls);
    if (closed && dtls->state == DTLS_LINGER)
        die(dtls, CW_E_MEDIA_LOST);
}

/* Somebody else's hello came first, with a forged address: begin again with this one. Bounded by
 * datagrams_max like the rest. */
static void serve_hello(cw_dtls *dtls, const cw_dtls_msg *msg) CW_ON_DTLS
{
    const uint8_t *random = dtls->client ? NULL : cw_dtls_hello_random(msg);

    if (!random || memcmp(random, dtls->random, CW_DTLS_RANDOM) == 0)
        return;
    if (SSL_get_state(dtls->ssl) == TLS_ST_BEFORE) {
        memcpy(dtls->random, random, CW_DTLS_RANDOM);
        return;
    }
    if (!cw_dtls_is_unproven(dtls->ssl))
        return;
    memcpy(dtls->random, random, CW_DTLS_RANDOM);
    ssl_drop(dtls);
    if (!ssl_make(dtls))
        die(dtls, CW_E_DTLS);
}

static bool admit(cw_dtls *dtls, const cw_dtls_msg *msg) CW_ON_DTLS
{
    const cw_dtls_conf *conf = &dtls->server->conf;
    unsigned early = 0;

    dtls->datagrams++;
    dtls->bytes += (unsigned)msg->len;
    if (dtls->datagrams > conf->datagrams_max || dtls->bytes > conf->bytes_max) {
        if (dtls->state == DTLS_HANDSHAKE)
            die(dtls, CW_E_DTLS);
        return false;
    }
    if (!cw_dtls_walk(msg->data, msg->len, &early))
        return false;
    if (dtls->state == DTLS_HANDSHAKE)
        dtls->early += early;
    return dtls->state != DTLS_HANDSHAKE || !early || dtls->early <= EARLY_MAX;
}

static void listen_for_close(cw_dtls *dtls, const cw_dtls_msg *msg) CW_ON_DTLS
{
    if (msg->len <= ALERT_BYTES_MAX &&
        cw_dtls_ear_hears(&dtls->ear, msg->data, msg->len) == CW_DTLS_CLOSE)
        die(dtls, CW_E_MEDIA_LOST);
}

static void answer_from(cw_dtls *dtls, const cw_dtls_msg *msg) CW_ON_DTLS
{
    dtls->peer = msg->from;
    if (!dtls->owns)
        dtls->fd = msg->fd;
}

static void linger_on(cw_dtls *dtls, const cw_dtls_msg *msg) CW_ON_DTLS
{
    cw_dtls_heard heard = cw_dtls_ear_hears(&dtls->ear, msg->data, msg->len);

    if (heard == CW_DTLS_NOTHING)
        return;
    answer_from(dtls, msg);
    if (heard == CW_DTLS_CLOSE)
        die(dtls, CW_E_MEDIA_LOST);
    else
        cw_dtls_transmit(dtls, dtls->rest->data, dtls->rest->flight_len);
}

void cw_dtls_feed(cw_dtls *dtls, const cw_dtls_msg *msg)
{
    if (dtls->state == DTLS_SETTLED)
        listen_for_close(dtls, msg);
    if (dtls->state == DTLS_SETTLED || dtls->state == DTLS_DEAD)
        return;
    if (dtls->state == DTLS_NEW) {
        if (dtls->client || !cw_dtls_is_hello(msg))
            return;
        begin(dtls);
    }
    if (dtls->state == DTLS_DEAD || !admit(dtls, msg))
        return;
    if (dtls->state == DTLS_HANDSHAKE)
        serve_hello(dtls, msg);
    if (dtls->state == DTLS_LINGER)
        linger_on(dtls, msg);
    if (dtls->state != DTLS_HANDSHAKE)
        return;
    answer_from(dtls, msg);
    dtls->in = msg->data;
    dtls->in_len = msg->len;
    run(dtls);
    dtls->in = NULL;
}

void cw_dtls_open_port(cw_dtls *dtls, const cw_addr *to, int fd)
{
    port_drop(dtls);
    dtls->owns = true;
    dtls->fd = fd;
    dtls->peer = *to;
    if (dtls->state == DTLS_SETTLED || dtls->state == DTLS_DEAD)
        port_drop(dtls);
    if (dtls->state != DTLS_NEW || !dtls->client || cw_addr_family(to) == AF_UNSPEC)
        return;
    begin(dtls);
    if (dtls->state == DTLS_HANDSHAKE)
        run(dtls);
}

/* ── From the loop ──────────────────────────────────────────────────────────────────────────────
 */

void cw_dtls_set_expected(cw_dtls *dtls, const cw_fingerprint *fingerprint)
{
    if (cw_fingerprint_same(&dtls->expected, fingerprint))
        return;
    dtls->expected = *fingerprint;
    if (dtls->cert)
        hand_out(dtls);
    else if (dtls->state == DTLS_LINGER || dtls->state == DTLS_SETTLED)
        rest(dtls, DTLS_NEW, HEARS_ALL);
}

void cw_dtls_forget(cw_dtls *dtls)
{
    say_goodbye(dtls);
    rest(dtls, DTLS_DEAD, HEARS_NOTHING);
    secrets_drop(dtls);
    cw_dtls_ear_clear(&dtls->ear);
}

/* ── Timers ─────────────────────────────────────────────────────────────────────────────────────
 */

static void expire(cw_dtls *dtls, uint64_t now_us) CW_ON_DTLS
{
    if (now_us >= dtls->start_us + ms_to_us(dtls->server->conf.timeout_ms))
        die(dtls, CW_E_TIMEOUT);
    else if (DTLSv1_handle_timeout(dtls->ssl) < 0)
        die(dtls, CW_E_DTLS);
    else
        arm(dtls);
    ERR_clear_error();
}

/* A burst of handshakes leaves 60 KB each behind, which libc would keep for the next burst. */
static void give_back(cw_dtls_thread *thread) CW_ON_DTLS
{
    if (thread->most < BURST || thread->open || thread->lingering.head)
        return;
    malloc_trim(0);
    thread->most = 0;
}

void cw_dtls_tick(cw_dtls_thread *thread, uint64_t now_us)
{
    uint64_t next = UINT64_MAX;
    GList *at, *after;

    for (at = thread->handshaking.head; at; at = after) {
        cw_dtls *dtls = at->data;

        after = at->next;
        if (now_us >= dtls->due_us)
            expire(dtls, now_us);
    }
    while (thread->lingering.head) {
        cw_dtls *dtls = thread->lingering.head->data;

        if (now_us < dtls->due_us)
            break;
        settle(dtls);
    }
    for (at = thread->handshaking.head; at; at = at->next)
        next = MIN(next, ((cw_dtls *)at->data)->due_us);
    if (thread->lingering.head)
        next = MIN(next, ((cw_dtls *)thread->lingering.head->data)->due_us);
    thread->tick_us = next == UINT64_MAX ? next : MAX(next, now_us + TICK_US);
    give_back(thread);
}
