/* dtls_hello.c - the first datagrams of a peer: what is in them, and where they come from. */
#include "webrtc/dtls_priv.h"

#include <openssl/hmac.h>
#include <string.h>

#define HEADER         13 /* RFC 6347 4.1: type, version, epoch, sequence number, length */
#define TYPE_HANDSHAKE 22
#define CLIENT_HELLO   1

bool cw_dtls_walk(const uint8_t *data, size_t len, unsigned *early)
{
    while (len >= HEADER) {
        size_t body = (size_t)(data[11] << 8 | data[12]);

        if (body > len - HEADER)
            return false;
        if (data[3] || data[4])
            ++*early;
        data += HEADER + body;
        len -= HEADER + body;
    }
    return len == 0;
}

bool cw_dtls_is_hello(const cw_dtls_msg *msg)
{
    unsigned early = 0;

    return msg->len > HEADER + 12 && msg->data[0] == TYPE_HANDSHAKE &&
           cw_dtls_walk(msg->data, msg->len, &early) && !early && msg->data[HEADER] == CLIENT_HELLO;
}

const uint8_t *cw_dtls_hello_random(const cw_dtls_msg *msg)
{
    const uint8_t *hello = msg->data + HEADER;
    static const uint8_t zeros[5];

    /* message_seq and fragment_offset are 0 (RFC 6347 4.2.2); version, then random */
    if (msg->len < HEADER + 12 + 2 + CW_DTLS_RANDOM || !cw_dtls_is_hello(msg) ||
        memcmp(hello + 4, zeros, 5) != 0)
        return NULL;
    return hello + 12 + 2;
}

/* ── Cookies (RFC 6347 4.2.1): by address, so that one made for a forged hello serves the true one
 */

static bool cookie_of(const cw_dtls *dtls, uint8_t ret[static CW_DTLS_COOKIE]) CW_ON_DTLS
{
    const cw_dtls_server *server = dtls->server;
    uint8_t mac[EVP_MAX_MD_SIZE];
    char text[CW_ADDR_STR];
    unsigned len;

    cw_addr_print(&dtls->peer, text);
    if (!HMAC(EVP_sha256(), server->secret, sizeof server->secret, (const uint8_t *)text,
              strlen(text), mac, &len))
        return false;
    memcpy(ret, mac, CW_DTLS_COOKIE);
    return true;
}

int cw_dtls_cookie_make(SSL *ssl, uint8_t *cookie, unsigned *len)
{
    cw_assert_on_dtls();
    *len = CW_DTLS_COOKIE;
    return cookie_of(BIO_get_data(SSL_get_rbio(ssl)), cookie);
}

int cw_dtls_cookie_check(SSL *ssl, const uint8_t *cookie, unsigned len)
{
    uint8_t want[CW_DTLS_COOKIE];

    cw_assert_on_dtls();
    return len == sizeof want && cookie_of(BIO_get_data(SSL_get_rbio(ssl)), want) &&
           CRYPTO_memcmp(cookie, want, sizeof want) == 0;
}

bool cw_dtls_is_unproven(SSL *ssl)
{
    OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);

    if (state == TLS_ST_SW_SRVR_DONE)
        return !(SSL_get_options(ssl) & SSL_OP_COOKIE_EXCHANGE);
    return state == TLS_ST_SR_CLNT_HELLO || state == DTLS_ST_SW_HELLO_VERIFY_REQUEST;
}
