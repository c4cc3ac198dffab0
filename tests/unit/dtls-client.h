/* dtls-client.h - a browser's half of DTLS-SRTP: OpenSSL's client, fed datagram by datagram. */
#ifndef CW_TESTS_DTLS_CLIENT_H
#define CW_TESTS_DTLS_CLIENT_H

#include "media/srtp/srtp.h"
#include "webrtc/jsep.h"

#include <openssl/ssl.h>
#include <stdbool.h>

typedef struct dtls_client_conf {
    const char *profiles; /* NULL: does not speak use_srtp */
    const char *ciphers;
    const char *groups;
    bool rsa, nameless; /* nameless: has no certificate */
    long mtu;
    size_t alpn; /* bytes of nonsense to make the ClientHello long */
} dtls_client_conf;

typedef struct dtls_client {
    void (*send)(void *arg, const uint8_t *data, size_t len);
    void *arg;
    SSL_CTX *ctx;
    SSL *ssl;   /* NULL: none */
    X509 *cert; /* of the latest */
    const uint8_t *in;
    size_t in_len;
    bool closed; /* the server said so */
} dtls_client;

/* `c` has send and arg. A certificate of its own each time. */
void dtls_client_start(dtls_client *c, const dtls_client_conf *conf);
void dtls_client_stop(dtls_client *c);
void dtls_client_clear(dtls_client *c);
void dtls_client_run(dtls_client *c);   /* write what there is to write */
void dtls_client_timer(dtls_client *c); /* now and then */
void dtls_client_feed(dtls_client *c, const uint8_t *data, size_t len);
bool dtls_client_done(const dtls_client *c);

cw_fingerprint dtls_client_print(const X509 *cert, const char *hash);
/* The client's own view of the keys (RFC 5764 4.2). */
cw_srtp_keys dtls_client_keys(const dtls_client *c);

#endif
