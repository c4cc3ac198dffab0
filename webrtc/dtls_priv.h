/* dtls_priv.h - inside webrtc/dtls*.c. */
#ifndef CW_WEBRTC_DTLS_PRIV_H
#define CW_WEBRTC_DTLS_PRIV_H

#include "webrtc/dtls.h"

#include <glib.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#define CW_DTLS_DATAGRAM_MAX 2048 /* bytes; a browser sends 1,200 */
#define CW_DTLS_THREADS_MAX  64
#define CW_DTLS_COOKIE       16 /* bytes */
#define CW_DTLS_RANDOM       32 /* of a ClientHello (RFC 5246 7.4.1.2) */

/* ── OpenSSL for DTLS (dtls_lib.c) ── */

/* The process's, never freed; any thread. NULL: OpenSSL refuses. */
OSSL_LIB_CTX *cw_dtls_lib(void);

/* ── Certificate and context (dtls_cert.c) ── */

/* Any thread.
 *
 * CW_E_INTERNAL  OpenSSL refuses
 */
CW_NODISCARD cw_err cw_dtls_ctx_new(SSL_CTX **ret, cw_fingerprint *fingerprint);
/* Any thread; false also for hashes not good enough. */
bool cw_dtls_cert_matches(const X509 *cert, const cw_fingerprint *fingerprint);

/* ── What is left of an association when its SSL is gone (dtls_alert.c) ── */

typedef struct cw_dtls_ear {
    size_t key_len; /* 0: cannot hear */
    uint8_t key[32], iv[4];
    uint64_t seq; /* of the newest Finished: the first has 0 */
} cw_dtls_ear;

typedef enum cw_dtls_heard {
    CW_DTLS_NOTHING,
    CW_DTLS_REPEAT, /* its last flight again: it misses ours */
    CW_DTLS_CLOSE,  /* close_notify or a fatal alert */
} cw_dtls_heard;

/* Pure. `ssl` has finished DTLS 1.2 with AES-GCM. */
void cw_dtls_ear_init(cw_dtls_ear *ear, SSL *ssl);
void cw_dtls_ear_clear(cw_dtls_ear *ear); /* pure */
/* Pure. What this datagram holds, well sealed. */
cw_dtls_heard cw_dtls_ear_hears(cw_dtls_ear *ear, const uint8_t *data, size_t len);

/* ── Queue to the thread (dtls.c) ── */

typedef enum cw_dtls_op { DTLS_DATAGRAM, DTLS_OPEN, DTLS_EXPECT, DTLS_FORGET } cw_dtls_op;

typedef struct cw_dtls_msg {
    struct cw_dtls_msg *next;
    cw_dtls_op op;
    cw_dtls *dtls; /* a reference */
    cw_fingerprint fingerprint;
    cw_addr from; /* DTLS_OPEN: the far side */
    int fd;       /* DTLS_OPEN: the message's own, -1 once taken */
    size_t len;
    uint8_t data[];
} cw_dtls_msg;

/* What was written since the last datagram came in, as one. */
typedef struct cw_dtls_flight {
    size_t len; /* above sizeof data: did not fit */
    uint8_t data[256];
} cw_dtls_flight;

/* Sealed and ready to be sent once the SSL is gone. */
typedef struct cw_dtls_rest {
    size_t flight_len, bye_len;
    uint8_t data[]; /* our last flight, then our close_notify */
} cw_dtls_rest;

typedef struct cw_dtls_thread {
    cw_dtls_server *server;
    pthread_t thread;
    bool started;
    int wake; /* eventfd */

    pthread_mutex_t lock;
    cw_dtls_msg *first, **last;
    unsigned queued; /* datagrams among them */
    bool woken;      /* since the thread last looked */
    bool stop;

    GQueue handshaking CW_OF_DTLS; /* of cw_dtls, a reference each */
    GQueue lingering CW_OF_DTLS;   /* the same, soonest due first */
    uint64_t tick_us CW_OF_DTLS;   /* when to look at them next */
    unsigned open CW_OF_DTLS;      /* SSLs */
    unsigned most CW_OF_DTLS;      /* of them at once, since memory was last given back */
    cw_dtls_flight flight CW_OF_DTLS;
} cw_dtls_thread;

struct cw_dtls_server {
    atomic_uint refs;
    cw_loop *loop;
    cw_dtls_conf conf;
    SSL_CTX *ctx;
    BIO_METHOD *bio; /* the process's */
    cw_fingerprint fingerprint;
    uint8_t secret[32]; /* of cookies */
    unsigned thread_n;
    unsigned next CW_OF_LOOP; /* thread for the next association */
    cw_dtls_thread thread[CW_DTLS_THREADS_MAX];
};

/* What a worker need not even hand over any more. */
enum { HEARS_ALL, HEARS_ALERTS, HEARS_NOTHING };

typedef enum cw_dtls_state {
    DTLS_NEW,       /* waits for a ClientHello */
    DTLS_HANDSHAKE, /* in server->handshaking */
    DTLS_LINGER,    /* through; in server->lingering while it can repeat its last flight */
    DTLS_SETTLED,   /* only an ear is left */
    DTLS_DEAD,      /* failed or closed */
} cw_dtls_state;

struct cw_dtls {
    atomic_uint refs;
    cw_dtls_server *server; /* a reference */
    cw_dtls_thread *thread; /* of the server: where everything about it happens */
    bool client;            /* we say hello; not changed once it is on a port */
    cw_carrier carrier;     /* arg NULL: none, answers go by sendto */
    atomic_int pending;     /* datagrams queued */
    atomic_int hears;
    atomic_bool begun; /* the thread was given something to do */

    cw_dtls_fn *fn CW_OF_LOOP; /* NULL after cw_dtls_free */
    void *arg CW_OF_LOOP;

    cw_dtls_state state CW_OF_DTLS;
    GList link CW_OF_DTLS;
    SSL *ssl CW_OF_DTLS;
    const uint8_t *in CW_OF_DTLS; /* the datagram the BIO hands out next, NULL: none */
    size_t in_len CW_OF_DTLS;
    cw_addr peer CW_OF_DTLS;
    bool mute CW_OF_DTLS; /* what is written is kept, not sent */
    int fd CW_OF_DTLS;    /* to send by; -1: none yet, or none any more */
    bool owns CW_OF_DTLS; /* `fd` is a duplicate of an RTP port's, to be closed */
    uint8_t random[CW_DTLS_RANDOM] CW_OF_DTLS; /* of the ClientHello being served */
    uint64_t start_us CW_OF_DTLS;
    uint64_t due_us CW_OF_DTLS; /* retransmission, or the end of lingering */
    unsigned datagrams CW_OF_DTLS, bytes CW_OF_DTLS, early CW_OF_DTLS;
    cw_fingerprint expected CW_OF_DTLS; /* len 0: not known yet */
    X509 *cert CW_OF_DTLS;              /* not compared yet */
    cw_srtp_keys keys CW_OF_DTLS;       /* not handed out yet */
    const char *cipher CW_OF_DTLS;
    unsigned handshake_ms CW_OF_DTLS;
    cw_dtls_ear ear CW_OF_DTLS;
    cw_dtls_rest *rest CW_OF_DTLS; /* while it lingers */
};

cw_dtls *cw_dtls_ref(cw_dtls *dtls); /* any thread */
void cw_dtls_unref(cw_dtls *dtls);   /* any thread */
/* Tell the loop; `keys` may be NULL. */
void cw_dtls_tell(cw_dtls *dtls, cw_err err, const cw_srtp_keys *keys) CW_ON_DTLS;

/* ── Datagrams (dtls_bio.c) ── */

BIO_METHOD *cw_dtls_bio(void) CW_ON_LOOP; /* made once, by the first call */
/* To where the last one came from. One that is lost is sent again by DTLS' own timer. */
void cw_dtls_transmit(cw_dtls *dtls, const uint8_t *data, size_t len) CW_ON_DTLS;

/* ── The association (dtls_assoc.c), on the thread ── */

int cw_dtls_cookie_check(SSL *ssl, const uint8_t *cookie, unsigned len); /* any thread */
void cw_dtls_feed(cw_dtls *dtls, const cw_dtls_msg *msg) CW_ON_DTLS;
void cw_dtls_open_port(cw_dtls *dtls, const cw_addr *to, int fd) CW_ON_DTLS; /* takes fd */
void cw_dtls_set_expected(cw_dtls *dtls, const cw_fingerprint *fingerprint) CW_ON_DTLS;
void cw_dtls_forget(cw_dtls *dtls) CW_ON_DTLS; /* say good-bye, free what it holds */
/* Retransmissions, time-outs, ends of lingering. */
void cw_dtls_tick(cw_dtls_thread *thread, uint64_t now_us) CW_ON_DTLS;

/* ── Hellos (dtls_hello.c) ── */

/* Whole records only; counts those of epoch 1, whose keys may not be there yet. Pure. */
bool cw_dtls_walk(const uint8_t *data, size_t len, unsigned *early);
/* Enough to spend an SSL on: a piece of a ClientHello. Pure. */
bool cw_dtls_is_hello(const cw_dtls_msg *msg);
/* The random of a ClientHello's first piece; NULL: it is none. Pure. */
const uint8_t *cw_dtls_hello_random(const cw_dtls_msg *msg);
/* Nothing yet shows that its hello came from where it said. */
bool cw_dtls_is_unproven(SSL *ssl) CW_ON_DTLS;
/* OpenSSL's callbacks for cookies (RFC 6347 4.2.1), on the thread; any thread for the compiler,
 * which cannot see through it. */
int cw_dtls_cookie_make(SSL *ssl, uint8_t *cookie, unsigned *len);
int cw_dtls_cookie_check(SSL *ssl, const uint8_t *cookie, unsigned len); /* any thread */

#endif
