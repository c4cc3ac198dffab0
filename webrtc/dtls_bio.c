/* dtls_bio.c - datagrams between OpenSSL and the network. */
#include "webrtc/dtls_priv.h"

#include <string.h>

void cw_dtls_transmit(cw_dtls *dtls, const uint8_t *data, size_t len)
{
    if (!len)
        return;
    if (dtls->carrier.arg)
        dtls->carrier.send(dtls->carrier.arg, data, len);
    else if (dtls->fd >= 0 && cw_addr_family(&dtls->peer) != AF_UNSPEC)
        sendto(dtls->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, &dtls->peer.sa,
               cw_addr_len(&dtls->peer));
}

/* One write is one datagram. */
static int bio_write(BIO *bio, const char *data, int len)
{
    cw_dtls *dtls = BIO_get_data(bio);
    cw_dtls_flight *flight = &dtls->thread->flight;

    cw_assert_on_dtls();
    BIO_clear_retry_flags(bio);
    if (flight->len + (size_t)len <= sizeof flight->data)
        memcpy(flight->data + flight->len, data, (size_t)len);
    flight->len += (size_t)len;
    if (!dtls->mute)
        cw_dtls_transmit(dtls, (const uint8_t *)data, (size_t)len);
    return len;
}

static int bio_read(BIO *bio, char *ret, int size)
{
    cw_dtls *dtls = BIO_get_data(bio);
    size_t len;

    cw_assert_on_dtls();
    BIO_clear_retry_flags(bio);
    if (!dtls->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    len = MIN(dtls->in_len, (size_t)size);
    memcpy(ret, dtls->in, len);
    dtls->in = NULL;
    return (int)len;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return 48; /* IPv6 and UDP */
    default:
        return 0;
    }
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *cw_dtls_bio(void)
{
    static BIO_METHOD *method;

    if (method)
        return method;
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");
    if (!method || !BIO_meth_set_write(method, bio_write) || !BIO_meth_set_read(method, bio_read) ||
        !BIO_meth_set_ctrl(method, bio_ctrl) || !BIO_meth_set_create(method, bio_create))
        return NULL;
    return method;
}
