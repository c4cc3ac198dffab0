/* dtls.h - DTLS 1.2 for DTLS-SRTP (RFC 5764, RFC 8842), on threads of its own.
 *
 * Datagrams come from the media workers and are answered by sendto on the descriptor they came
 * from; what comes of a handshake is told on the loop. No key is handed out before the peer's
 * certificate has been compared with the fingerprint of its SDP.
 */
#ifndef CW_WEBRTC_DTLS_H
#define CW_WEBRTC_DTLS_H

#include "base/addr.h"
#include "base/loop.h"
#include "media/plane.h"
#include "media/sdp/secure.h"

typedef struct cw_dtls_server cw_dtls_server; /* threads and certificate */
typedef struct cw_dtls cw_dtls;               /* one peer's association */

typedef struct cw_dtls_conf {
    unsigned threads;       /* 0: one for two cores */
    unsigned timeout_ms;    /* a handshake, from its first datagram */
    unsigned linger_ms;     /* how long a lost last flight can be repeated (RFC 6347 4.2.4) */
    unsigned datagrams_max; /* taken from a peer during its handshake */
    unsigned bytes_max;
    unsigned queue_max; /* datagrams of all peers waiting for a thread */
} cw_dtls_conf;

typedef struct cw_dtls_event {
    /* CW_OK            keys are there
     * CW_E_DTLS        the handshake failed
     * CW_E_TIMEOUT     it took longer than timeout_ms
     * CW_E_FINGERPRINT not the certificate announced
     * CW_E_MEDIA_LOST  the peer said close_notify */
    cw_err err;
    const cw_srtp_keys *keys; /* gone after the call; NULL with an error */
    const char *cipher;       /* OpenSSL's name; static, may be NULL */
    unsigned handshake_ms;
} cw_dtls_event;

typedef void cw_dtls_fn(void *arg, const cw_dtls_event *event);

/* Makes the certificate (ECDSA P-256, self-signed) and starts the threads. CW_E_INTERNAL when
 * OpenSSL or the kernel refuses. */
CW_NODISCARD cw_err cw_dtls_server_new(cw_loop *loop, const cw_dtls_conf *conf,
                                       cw_dtls_server **ret) CW_ON_LOOP;
/* Stops the threads, which let go of every association. Hooks that still come do nothing. */
void cw_dtls_server_free(cw_dtls_server *server) CW_ON_LOOP;
/* SHA-256 of our certificate; any thread */
const cw_fingerprint *cw_dtls_server_fingerprint(const cw_dtls_server *server);

/* An association has two holders: the loop (until cw_dtls_free) and the worker of its transport
 * (until cw_dtls_release). `fn` runs on the loop, not after cw_dtls_free. */
cw_dtls *cw_dtls_new(cw_dtls_server *server, cw_dtls_fn *fn, void *arg) CW_ON_LOOP;
/* Say hello first, as soon as cw_dtls_open tells whom. Before a port has it. */
void cw_dtls_set_client(cw_dtls *dtls) CW_ON_LOOP;
void cw_dtls_free(cw_dtls *dtls) CW_ON_LOOP; /* NULL is fine */
/* For a port that is given it again, after it was released. */
cw_dtls *cw_dtls_hold(cw_dtls *dtls) CW_ON_LOOP;

/* Answers go by this instead; its release() comes with the association's end, on any thread. Before
 * the first datagram. */
void cw_dtls_carry(cw_dtls *dtls, const cw_carrier *carrier) CW_ON_LOOP;

/* The certificate the peer's SDP announces. A handshake may be through before; its keys wait. A
 * different one later means a new association (RFC 8842 4): the next ClientHello starts it. */
void cw_dtls_expect(cw_dtls *dtls, const cw_fingerprint *fingerprint) CW_ON_LOOP;

/* The hooks `dtls`, `dtls_open` and `dtls_release` of media/plane.h; any thread. */
void cw_dtls_input(void *dtls, const uint8_t *data, size_t len, const cw_addr *from, int fd);
void cw_dtls_open(void *dtls, const cw_addr *to, int fd); /* any thread */
void cw_dtls_release(void *dtls);                         /* any thread */

#endif
