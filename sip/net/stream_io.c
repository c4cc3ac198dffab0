/* stream_io.c - the bytes of a connection: handshake, what comes, what goes. */
#include "base/log.h"
#include "sip/net/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#define READ_BYTES  16384
#define READS       16 /* in one turn, so that nobody has the loop alone */
#define QUEUE_BYTES 262144

static size_t queued(const cw_stream_queue *queue)
{
    return queue->bytes->len - queue->at;
}

static void consume(cw_stream_queue *queue, size_t n)
{
    queue->at += n;
    if (queue->at == queue->bytes->len) {
        g_byte_array_set_size(queue->bytes, 0);
        queue->at = 0;
    }
}

/* --- the wire: bytes, 0: not now, -1: over --- */

static ssize_t ssl_result(cw_sip_stream *stream, int n) CW_ON_LOOP
{
    int why = SSL_get_error(stream->ssl, n);

    if (n > 0)
        return n;
    stream->want_write = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_SSL) /* an alert: of TLS 1.3 also about our certificate */
        cw_tls_why(stream->ssl, stream->why);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t plain_result(ssize_t n)
{
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t wire_read(cw_sip_stream *stream, uint8_t *buf, size_t len) CW_ON_LOOP
{
    if (!stream->ssl)
        return plain_result(recv(stream->fd, buf, len, 0));
    ERR_clear_error();
    return ssl_result(stream, SSL_read(stream->ssl, buf, (int)len));
}

static ssize_t wire_write(cw_sip_stream *stream, const uint8_t *buf, size_t len) CW_ON_LOOP
{
    if (!stream->ssl)
        return plain_result(send(stream->fd, buf, len, MSG_NOSIGNAL));
    ERR_clear_error();
    return ssl_result(stream, SSL_write(stream->ssl, buf, (int)MIN(len, (size_t)READ_BYTES)));
}

static void end_of_wire(cw_sip_stream *stream, cw_err err) CW_ON_LOOP
{
    if (stream->why[0])
        cw_sip_stream_end(stream, CW_E_TLS, stream->why);
    else
        cw_sip_stream_end(stream, err, "closed by the far side");
}

/* --- what is watched --- */

static void watch(cw_sip_stream *stream) CW_ON_LOOP
{
    bool up = stream->state == STREAM_UP;
    unsigned outer = 0, inner = 0;

    if (queued(&stream->to_sofia) == 0)
        outer |= CW_READABLE;
    else
        inner |= CW_WRITABLE;
    if (stream->want_write || queued(&stream->to_peer) > 0)
        outer |= CW_WRITABLE;
    if (up && queued(&stream->to_peer) == 0)
        inner |= CW_READABLE;
    cw_watch_set(stream->outer_watch, outer);
    cw_watch_set(stream->inner_watch, inner);
    cw_sip_stream_arm(stream);
}

/* --- to the peer --- */

static bool push_outer(cw_sip_stream *stream) CW_ON_LOOP
{
    while (queued(&stream->to_peer) > 0) {
        ssize_t n = wire_write(stream, stream->to_peer.bytes->data + stream->to_peer.at,
                               queued(&stream->to_peer));

        if (n < 0) {
            end_of_wire(stream, CW_E_NETWORK);
            return false;
        }
        if (n == 0) {
            if (!stream->stalled_ms)
                stream->stalled_ms = cw_now_ms();
            return true;
        }
        stream->stalled_ms = 0;
        stream->sent_ms = cw_now_ms();
        consume(&stream->to_peer, (size_t)n);
    }
    stream->stalled_ms = 0;
    return true;
}

bool cw_stream_say(cw_sip_stream *stream, const char *text)
{
    if (queued(&stream->to_peer) > QUEUE_BYTES)
        return true;
    g_byte_array_append(stream->to_peer.bytes, (const guint8 *)text, (guint)strlen(text));
    if (!push_outer(stream))
        return false;
    watch(stream);
    return true;
}

/* False: it is gone. */
static bool take_from_sofia(cw_sip_stream *stream) CW_ON_LOOP
{
    uint8_t buf[READ_BYTES];

    while (queued(&stream->to_peer) == 0) {
        ssize_t n = recv(stream->inner, buf, sizeof buf, 0);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            cw_sip_stream_end(stream, CW_OK, "closed by us");
            return false;
        }
        if (n < 0)
            return true;
        g_byte_array_append(stream->to_peer.bytes, buf, (guint)n);
        if (!push_outer(stream))
            return false;
    }
    return true;
}

void cw_stream_flush(cw_sip_stream *stream)
{
    uint8_t buf[READ_BYTES];
    ssize_t n;

    if (stream->state != STREAM_UP)
        return;
    while ((n = recv(stream->inner, buf, sizeof buf, 0)) > 0)
        g_byte_array_append(stream->to_peer.bytes, buf, (guint)n);
    while (queued(&stream->to_peer) > 0) {
        n = wire_write(stream, stream->to_peer.bytes->data + stream->to_peer.at,
                       queued(&stream->to_peer));
        if (n <= 0)
            return;
        consume(&stream->to_peer, (size_t)n);
    }
    if (stream->ssl)
        SSL_shutdown(stream->ssl);
}

/* --- to Sofia --- */

static bool push_inner(cw_sip_stream *stream) CW_ON_LOOP
{
    while (queued(&stream->to_sofia) > 0) {
        ssize_t n = send(stream->inner, stream->to_sofia.bytes->data + stream->to_sofia.at,
                         queued(&stream->to_sofia), MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0) {
            cw_sip_stream_end(stream, CW_OK, "closed by us");
            return false;
        }
        consume(&stream->to_sofia, (size_t)n);
    }
    return true;
}

/* One item of what came. *used 0: none is whole. False: the stream is gone. */
static bool take_item(cw_sip_stream *stream, const char *data, size_t len, size_t *used) CW_ON_LOOP
{
    cw_sip_frame_what what;
    cw_err err = cw_sip_frame_next(&stream->frame, data, len,
                                   (size_t)stream->sip->conf->sip.message_max_bytes, &what, used);

    if (err) {
        cw_sip_stream_end(stream, err,
                          err == CW_E_TOO_LARGE ? "a message that is too large" : "not SIP");
        return false;
    }
    if (what == CW_SIP_FRAME_PING)
        return cw_stream_say(stream, "\r\n");
    if (what == CW_SIP_FRAME_MESSAGE) {
        g_byte_array_append(stream->to_sofia.bytes, (const guint8 *)data, (guint)*used);
        stream->ever = true;
        stream->messages++;
    }
    return true;
}

/* A pong may be the last that comes for long: it is not waited for what follows it. */
static void heard(cw_sip_stream *stream) CW_ON_LOOP
{
    stream->heard_ms = cw_now_ms();
    if (stream->pinged_ms && stream->in->len >= 2 && memcmp(stream->in->data, "\r\n", 2) == 0)
        stream->pongs = true;
    stream->pinged_ms = 0;
}

static bool take_items(cw_sip_stream *stream) CW_ON_LOOP
{
    size_t at = 0, used;

    for (; at < stream->in->len; at += used) {
        if (!take_item(stream, (const char *)stream->in->data + at, stream->in->len - at, &used))
            return false;
        if (used == 0)
            break;
        stream->partial_ms = 0;
    }
    if (at > 0)
        g_byte_array_remove_range(stream->in, 0, (guint)at);
    if (stream->in->len == 0 || *stream->in->data == '\r')
        stream->partial_ms = 0;
    else if (!stream->partial_ms)
        stream->partial_ms = stream->heard_ms;
    return push_inner(stream);
}

/* False: it is gone. */
static bool pull(cw_sip_stream *stream) CW_ON_LOOP
{
    uint8_t buf[READ_BYTES];

    for (unsigned i = 0; (i < READS || (stream->ssl && SSL_has_pending(stream->ssl))) &&
                         queued(&stream->to_sofia) == 0;
         i++) {
        ssize_t n = wire_read(stream, buf, sizeof buf);

        if (n == 0)
            return true;
        if (n < 0) {
            end_of_wire(stream, stream->partial_ms ? CW_E_NETWORK : CW_OK);
            return false;
        }
        g_byte_array_append(stream->in, buf, (guint)n);
        heard(stream);
        if (!take_items(stream))
            return false;
    }
    return true;
}

/* --- until it is up --- */

static void log_up(const cw_sip_stream *stream) CW_ON_LOOP
{
    char peer[CW_ADDR_STR];
    g_autofree char *names = stream->names ? g_strjoinv(",", stream->names) : NULL;

    cw_log(CW_LOG_INFO, CW_MOD_SIP, "sip.connection.up", "transport",
           cw_sip_transport_name(stream->transport), "peer", cw_addr_print(&stream->peer, peer),
           "direction", stream->outbound ? "out" : "in", "tls",
           stream->ssl ? SSL_get_version(stream->ssl) : NULL, "names", names, NULL);
}

/* False: the certificate is good, but somebody else's. The stream is gone. */
static bool is_right_peer(cw_sip_stream *stream) CW_ON_LOOP
{
    g_autofree char *names = NULL;
    char why[256];

    stream->names = cw_tls_names(stream->ssl);
    if (!stream->outbound ||
        (stream->domain && cw_tls_name_fits((const char *const *)stream->names, stream->domain,
                                            stream->sip->conf->sip.tls_wildcards)))
        return true;
    names = stream->names ? g_strjoinv(", ", stream->names) : g_strdup("nobody");
    g_snprintf(why, sizeof why, "the certificate is for %.200s", names);
    cw_sip_stream_end(stream, CW_E_TLS, why);
    return false;
}

static bool shake(cw_sip_stream *stream) CW_ON_LOOP
{
    char why[128];
    int rc, error;

    ERR_clear_error();
    rc = SSL_do_handshake(stream->ssl);
    error = SSL_get_error(stream->ssl, rc);
    stream->want_write = error == SSL_ERROR_WANT_WRITE;
    if (rc != 1 && (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE))
        return true;
    if (rc != 1) {
        cw_tls_why(stream->ssl, why);
        cw_sip_stream_end(stream, CW_E_TLS, why);
        return false;
    }
    if (!is_right_peer(stream))
        return false;
    stream->state = STREAM_UP;
    stream->heard_ms = cw_now_ms();
    log_up(stream);
    return take_from_sofia(stream);
}

static bool connected(cw_sip_stream *stream) CW_ON_LOOP
{
    int error = 0;
    socklen_t len = sizeof error;

    getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        cw_sip_stream_end(stream, CW_E_NETWORK, g_strerror(error));
        return false;
    }
    stream->state = stream->ssl ? STREAM_HANDSHAKE : STREAM_UP;
    stream->opened_ms = stream->heard_ms = cw_now_ms();
    if (stream->ssl)
        return shake(stream);
    log_up(stream);
    return take_from_sofia(stream);
}

/* --- events --- */

void cw_stream_outer(void *arg, unsigned events)
{
    cw_sip_stream *stream = arg;
    bool there = true;

    cw_assert_on_loop();
    if (stream->state == STREAM_CONNECTING)
        there = connected(stream);
    else if (stream->state == STREAM_HANDSHAKE)
        there = shake(stream);
    if (there && stream->state == STREAM_UP)
        there = push_outer(stream) && take_from_sofia(stream) && pull(stream);
    if (there)
        watch(stream);
}

void cw_stream_inner(void *arg, unsigned events)
{
    cw_sip_stream *stream = arg;

    cw_assert_on_loop();
    if (push_inner(stream) && take_from_sofia(stream) && pull(stream))
        watch(stream);
}
