#include "sip/net/stream.h"

#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PONG_MS 10000 /* RFC 5626 4.4.1 */

/* --- its end --- */

static void queue_clear(cw_stream_queue *queue)
{
    g_byte_array_unref(queue->bytes);
}

/* Connections of one address, so that nobody takes all. */
static unsigned *count_for(cw_sip *sip, const cw_addr *peer) CW_ON_LOOP
{
    char ip[CW_ADDR_STR];
    unsigned *count = g_hash_table_lookup(sip->stream_counts, cw_addr_print_ip(peer, ip));

    if (count)
        return count;
    count = g_new0(unsigned, 1);
    g_hash_table_insert(sip->stream_counts, g_strdup(ip), count);
    return count;
}

static void uncount(cw_sip *sip, const cw_addr *peer) CW_ON_LOOP
{
    unsigned *count = count_for(sip, peer);
    char ip[CW_ADDR_STR];

    if (--*count == 0)
        g_hash_table_remove(sip->stream_counts, cw_addr_print_ip(peer, ip));
}

static void stream_free(cw_sip_stream *stream) CW_ON_LOOP
{
    cw_sip *sip = stream->sip;

    g_queue_unlink(&sip->streams, &stream->link);
    if (stream->tp) {
        g_hash_table_remove(sip->streams_by_tp, stream->tp);
        tport_unref(stream->tp);
    }
    if (!stream->outbound)
        uncount(sip, &stream->peer);
    cw_watch_free(stream->outer_watch);
    if (stream->inner_watch)
        cw_watch_free(stream->inner_watch);
    cw_timer_free(stream->timer);
    SSL_free(stream->ssl);
    close(stream->fd);
    if (stream->inner >= 0)
        close(stream->inner);
    g_byte_array_unref(stream->in);
    queue_clear(&stream->to_sofia);
    queue_clear(&stream->to_peer);
    g_strfreev(stream->names);
    g_free(stream->domain);
    g_free(stream);
    cw_stat_dec(CW_STAT_sip_connections);
}

static void log_end(const cw_sip_stream *stream, cw_err why, const char *text) CW_ON_LOOP
{
    char peer[CW_ADDR_STR];

    cw_log(why && stream->outbound ? CW_LOG_WARN : CW_LOG_INFO, CW_MOD_SIP, "sip.connection.end",
           "transport", cw_sip_transport_name(stream->transport), "peer",
           cw_addr_print(&stream->peer, peer), "direction", stream->outbound ? "out" : "in",
           "domain", stream->domain, "error", why ? cw_err_kind(why) : NULL, "why", text, NULL);
}

void cw_sip_stream_end(cw_sip_stream *stream, cw_err why, const char *text)
{
    if (why == CW_E_TLS)
        cw_stat_inc(CW_STAT_sip_tls_failed);
    else if (why && !stream->outbound)
        cw_stat_inc(CW_STAT_sip_refused);
    if (why && stream->outbound && stream->state != STREAM_UP)
        cw_sip_hop_failed(stream->sip->hops,
                          &(cw_sip_way){ stream->transport, stream->peer, stream->domain }, why,
                          (uint64_t)stream->sip->conf->sip.bad_hop_s * 1000);
    cw_sip_sends_lost(stream->sip, stream->tp, why);
    log_end(stream, why, text);
    stream_free(stream); /* Sofia sees its end closed, and tells who waits */
}

/* --- deadlines --- */

typedef struct deadline {
    uint64_t at_ms; /* 0: none */
    cw_err err;
    const char *why;
} deadline;

static void sooner(deadline *next, uint64_t from_ms, long in_ms, cw_err err, const char *why)
{
    uint64_t at = from_ms + (uint64_t)in_ms;

    if (from_ms && in_ms > 0 && (!next->at_ms || at < next->at_ms))
        *next = (deadline){ at, err, why };
}

static deadline next_end(const cw_sip_stream *stream) CW_ON_LOOP
{
    const struct cw_conf_sip *conf = &stream->sip->conf->sip;
    deadline next = { 0 };

    if (stream->state == STREAM_CONNECTING) {
        sooner(&next, stream->opened_ms, conf->tcp_connect_timeout_ms, CW_E_TIMEOUT,
               "no connection in time");
        return next;
    }
    if (stream->state == STREAM_HANDSHAKE) {
        sooner(&next, stream->opened_ms, conf->tls_handshake_timeout_ms, CW_E_TLS,
               "no handshake in time");
        return next;
    }
    if (!stream->ever && !stream->outbound)
        sooner(&next, stream->opened_ms, conf->tcp_silent_timeout_ms, CW_E_TIMEOUT,
               "never sent a message");
    sooner(&next, stream->partial_ms, conf->tcp_message_timeout_ms, CW_E_TIMEOUT,
           "a message did not end in time");
    sooner(&next, stream->stalled_ms, conf->tcp_message_timeout_ms, CW_E_TIMEOUT,
           "takes nothing from us");
    if (stream->pinged_ms && stream->pongs)
        sooner(&next, stream->pinged_ms, PONG_MS, CW_E_TIMEOUT, "no pong");
    sooner(&next, MAX(stream->heard_ms, stream->sent_ms), conf->tcp_idle_timeout_s * 1000, CW_OK,
           "idle");
    return next;
}

static uint64_t next_ping(const cw_sip_stream *stream) CW_ON_LOOP
{
    long every = stream->sip->conf->sip.tcp_ping_s;

    if (stream->state != STREAM_UP || !stream->outbound || every == 0)
        return 0;
    return MAX(stream->heard_ms, stream->pinged_ms) + (uint64_t)every * 1000;
}

void cw_sip_stream_arm(cw_sip_stream *stream)
{
    deadline end = next_end(stream);
    uint64_t ping = next_ping(stream), now = cw_now_ms(), at = end.at_ms;

    if (ping && (!at || ping < at))
        at = ping;
    if (at)
        cw_timer_start(stream->timer, at > now ? at - now : 0);
    else
        cw_timer_stop(stream->timer);
}

static void on_timer(void *arg)
{
    cw_sip_stream *stream = arg;
    uint64_t now = cw_now_ms(), ping;
    deadline end;

    cw_assert_on_loop();
    end = next_end(stream);
    if (end.at_ms && end.at_ms <= now) {
        cw_sip_stream_end(stream, end.err, end.why);
        return;
    }
    ping = next_ping(stream);
    if (ping && ping <= now) {
        stream->pinged_ms = now;
        if (!cw_stream_say(stream, "\r\n\r\n"))
            return;
    }
    cw_sip_stream_arm(stream);
}

/* --- its beginning --- */

static cw_stream_queue queue_new(void)
{
    return (cw_stream_queue){ .bytes = g_byte_array_new() };
}

static cw_sip_stream *stream_new(cw_sip_socket *socket, int fd, const cw_addr *peer) CW_ON_LOOP
{
    cw_sip_stream *stream = g_new0(cw_sip_stream, 1);
    int one = 1, dead_ms = (int)socket->sip->conf->sip.tcp_dead_timeout_ms;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
    stream->sip = socket->sip;
    stream->transport = socket->transport;
    stream->fd = fd;
    stream->inner = -1;
    stream->peer = *peer;
    stream->in = g_byte_array_new();
    stream->to_sofia = queue_new();
    stream->to_peer = queue_new();
    stream->opened_ms = stream->heard_ms = cw_now_ms();
    stream->timer = cw_timer_new(socket->sip->loop, on_timer, stream);
    stream->outer_watch = cw_watch_new(socket->sip->loop, fd, cw_stream_outer, stream);
    stream->link.data = stream;
    g_queue_push_tail_link(&socket->sip->streams, &stream->link);
    cw_stat_inc(CW_STAT_sip_connections);
    return stream;
}

static bool attach(cw_sip_stream *stream, cw_sip_socket *socket) CW_ON_LOOP
{
    tport_t *tp = cw_sip_plug_connect(socket, &stream->peer, &stream->inner);

    if (!tp)
        return false;
    stream->tp = tport_ref(tp);
    g_hash_table_insert(stream->sip->streams_by_tp, tp, stream);
    stream->inner_watch = cw_watch_new(stream->sip->loop, stream->inner, cw_stream_inner, stream);
    return true;
}

static bool has_room(cw_sip *sip, const cw_addr *peer) CW_ON_LOOP
{
    const struct cw_conf_sip *conf = &sip->conf->sip;

    return g_queue_get_length(&sip->streams) < (guint)conf->connections_max &&
           *count_for(sip, peer) < (unsigned)conf->connections_per_address;
}

void cw_sip_stream_accept(cw_sip_socket *socket, int fd, const cw_addr *peer)
{
    cw_sip *sip = socket->sip;
    cw_sip_stream *stream;
    char text[CW_ADDR_STR];

    if (!has_room(sip, peer)) {
        cw_stat_inc(CW_STAT_sip_refused);
        cw_log(CW_LOG_INFO, CW_MOD_SIP, "sip.connection.refused", "peer", cw_addr_print(peer, text),
               "why", "too many connections", NULL);
        ++*count_for(sip, peer);
        uncount(sip, peer);
        close(fd);
        return;
    }
    stream = stream_new(socket, fd, peer);
    ++*count_for(sip, peer);
    stream->state = STREAM_UP;
    if (socket->transport == CW_SIP_TLS) {
        stream->state = STREAM_HANDSHAKE;
        stream->ssl = cw_tls_accept(sip->tls, fd);
        if (!stream->ssl) {
            cw_sip_stream_end(stream, CW_E_TLS, "no certificate to show");
            return;
        }
    }
    if (!attach(stream, socket)) {
        cw_sip_stream_end(stream, CW_E_OVERLOAD, "no descriptors");
        return;
    }
    cw_watch_set(stream->outer_watch, CW_READABLE);
    if (stream->state == STREAM_UP)
        cw_watch_set(stream->inner_watch, CW_READABLE);
    cw_sip_stream_arm(stream);
}

static int dial(const cw_sip_socket *from, const cw_addr *peer)
{
    int fd = socket(cw_addr_family(peer), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    cw_addr local = from->addr;

    if (fd < 0)
        return -1;
    cw_addr_set_port(&local, 0);
    if ((!bind(fd, &local.sa, cw_addr_len(&local)) || errno == EADDRNOTAVAIL) &&
        (!connect(fd, &peer->sa, cw_addr_len(peer)) || errno == EINPROGRESS))
        return fd;
    int why = errno;

    close(fd);
    errno = why;
    return -1;
}

tport_t *cw_sip_stream_connect(cw_sip_socket *socket, const cw_addr *peer, cw_tls_profile *profile,
                               const char *domain)
{
    cw_sip_stream *stream;
    int fd;

    if (g_queue_get_length(&socket->sip->streams) >=
        (guint)socket->sip->conf->sip.connections_max) {
        errno = EMFILE;
        return NULL;
    }
    fd = dial(socket, peer);
    if (fd < 0)
        return NULL;
    stream = stream_new(socket, fd, peer);
    stream->outbound = true;
    stream->profile = profile;
    stream->domain = g_strdup(domain);
    if (socket->transport == CW_SIP_TLS) {
        stream->ssl = cw_tls_connect(profile, fd, domain);
        if (!stream->ssl) {
            cw_sip_stream_end(stream, CW_E_TLS, "OpenSSL refuses");
            errno = ENOMEM;
            return NULL;
        }
    }
    if (!attach(stream, socket)) {
        cw_sip_stream_end(stream, CW_E_OVERLOAD, "no descriptors");
        errno = EMFILE;
        return NULL;
    }
    cw_watch_set(stream->outer_watch, CW_WRITABLE);
    cw_sip_stream_arm(stream);
    return stream->tp;
}

/* --- found again --- */

static bool serves(const cw_sip_stream *stream, const cw_addr *peer, const cw_tls_profile *profile,
                   const char *domain, const cw_addr *flow) CW_ON_LOOP
{
    if (!stream->outbound)
        return flow && cw_addr_eq(&stream->peer, flow) && cw_addr_eq_ip(&stream->peer, peer);
    return cw_addr_eq(&stream->peer, peer) && stream->profile == profile &&
           (!domain || !stream->domain || g_ascii_strcasecmp(domain, stream->domain) == 0);
}

tport_t *cw_sip_stream_find(const cw_sip *sip, cw_sip_transport transport, const cw_addr *peer,
                            const cw_tls_profile *profile, const char *domain, const cw_addr *flow)
{
    for (GList *at = sip->streams.head; at; at = at->next) {
        const cw_sip_stream *stream = at->data;

        if (stream->transport == transport && stream->tp && tport_is_clear_to_send(stream->tp) &&
            serves(stream, peer, profile, domain, flow))
            return stream->tp;
    }
    return NULL;
}

cw_err cw_sip_stream_reach(cw_sip *sip, const cw_sip_way *way, cw_tls_profile *profile,
                           const cw_addr *flow, tport_t **ret)
{
    cw_sip_socket *socket;
    cw_addr local;

    *ret = NULL;
    if (way->transport == CW_SIP_UDP)
        return CW_OK;
    if (way->transport == CW_SIP_TLS && !profile)
        profile = cw_tls_profile_get(sip->tls, NULL, NULL, NULL);
    *ret = cw_sip_stream_find(sip, way->transport, &way->addr, profile, way->name, flow);
    if (*ret)
        return CW_OK;
    if (!cw_sip_listener_for(sip, way->transport, &way->addr, &local))
        return CW_E_NETWORK;
    socket = cw_sip_socket_for(sip, way->transport, &local);
    *ret = socket ? cw_sip_stream_connect(socket, &way->addr, profile, way->name) : NULL;
    return *ret ? CW_OK : CW_E_NETWORK;
}

const cw_sip_stream *cw_sip_stream_of(const cw_sip *sip, const tport_t *tp)
{
    return g_hash_table_lookup(sip->streams_by_tp, tp);
}

void cw_sip_streams_close(cw_sip *sip)
{
    while (sip->streams.head) {
        cw_sip_stream *stream = sip->streams.head->data;

        cw_stream_flush(stream);
        stream_free(stream);
    }
}

static json_t *stream_json(const cw_sip_stream *stream) CW_ON_LOOP
{
    static const char *const states[] = { "connecting", "handshake", "up" };
    char peer[CW_ADDR_STR];
    json_t *names = NULL, *one;

    for (char *const *name = stream->names; name && *name; name++) {
        names = names ?: json_array();
        json_array_append_new(names, json_string(*name));
    }
    one = json_pack(
        "{s:s s:s s:s s:s s:I s:s* s:s*}", "transport", cw_sip_transport_name(stream->transport),
        "peer", cw_addr_print(&stream->peer, peer), "direction", stream->outbound ? "out" : "in",
        "state", states[stream->state], "messages", (json_int_t)stream->messages, "domain",
        stream->domain, "tls",
        stream->ssl && stream->state == STREAM_UP ? SSL_get_version(stream->ssl) : NULL);
    if (names)
        json_object_set_new(one, "names", names);
    return one;
}

json_t *cw_sip_streams_json(const cw_sip *sip)
{
    json_t *all = json_array();
    unsigned n = 0;

    for (GList *at = sip->streams.head; at && n < 200; at = at->next, n++)
        json_array_append_new(all, stream_json(at->data));
    return all;
}
