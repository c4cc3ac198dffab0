/* stream.h - a TCP or TLS connection with a SIP peer: who is there, what may pass, how long.
 *
 * Loop thread. From the peer to Sofia pass whole messages only, within the limits of sip.*; from
 * Sofia to the peer what there is. A connection belongs to the stack until it ends, which may be at
 * any turn of the loop: nobody keeps a pointer over one.
 */
#ifndef CW_SIP_STREAM_H
#define CW_SIP_STREAM_H

#include "sip/net/frame.h"
#include "sip/net/plug.h"
#include "sip/net/tls.h"

typedef enum cw_stream_state { STREAM_CONNECTING, STREAM_HANDSHAKE, STREAM_UP } cw_stream_state;

/* Bytes on their way, from `at` on. */
typedef struct cw_stream_queue {
    GByteArray *bytes;
    size_t at;
} cw_stream_queue;

typedef struct cw_sip_stream {
    cw_sip *sip;
    GList link; /* in sip->streams */
    cw_sip_transport transport;
    cw_stream_state state;
    bool outbound;
    cw_addr peer;
    tport_t *tp;   /* Sofia's; a reference */
    int fd, inner; /* the wire's; Sofia's other end */
    cw_watch *outer_watch, *inner_watch;
    SSL *ssl;                /* NULL: TCP */
    cw_tls_profile *profile; /* outbound TLS: ours. NULL: inbound or TCP */
    char *domain;            /* outbound TLS: whom the certificate must speak for */
    GStrv names;             /* whom it speaks for, checked; NULL: none was shown */
    GByteArray *in;          /* from the peer, not looked at or not whole */
    cw_sip_frame frame;
    cw_stream_queue to_sofia, to_peer;
    cw_timer *timer;
    uint64_t opened_ms, heard_ms, sent_ms;
    uint64_t partial_ms; /* a message began; 0: none */
    uint64_t stalled_ms; /* the peer takes nothing; 0: it does */
    uint64_t pinged_ms;  /* waiting for a pong; 0: not */
    bool ever;           /* a message came */
    bool pongs;          /* it answers pings */
    bool want_write;     /* TLS cannot go on before it has written */
    char why[128];       /* TLS: what ended it; "": nothing yet */
    uint64_t messages;
} cw_sip_stream;

/* A connection the kernel accepted; takes `fd`. Closed at once when there are too many. */
void cw_sip_stream_accept(cw_sip_socket *socket, int fd, const cw_addr *peer) CW_ON_LOOP;

/* To a peer; what Sofia sends before it is there waits. `profile` and `domain` for TLS: the far
 * certificate must speak for `domain`. Returns Sofia's name of it; NULL with errno: none. */
tport_t *cw_sip_stream_connect(cw_sip_socket *socket, const cw_addr *peer, cw_tls_profile *profile,
                               const char *domain) CW_ON_LOOP;

/* One that is there for the same, outbound; or, `flow` not NULL, the inbound one from that address
 * (RFC 5923 9): then `peer` needs only the same IP. NULL: none. */
tport_t *cw_sip_stream_find(const cw_sip *sip, cw_sip_transport transport, const cw_addr *peer,
                            const cw_tls_profile *profile, const char *domain,
                            const cw_addr *flow) CW_ON_LOOP;

/* For a request: one that is there, else a new one. UDP needs none: *ret is NULL. `profile` NULL:
 * that of sip.tls_*. CW_E_NETWORK: not possible. */
CW_NODISCARD cw_err cw_sip_stream_reach(cw_sip *sip, const cw_sip_way *way, cw_tls_profile *profile,
                                        const cw_addr *flow, tport_t **ret) CW_ON_LOOP;

/* By Sofia's name of it; NULL: none. */
const cw_sip_stream *cw_sip_stream_of(const cw_sip *sip, const tport_t *tp) CW_ON_LOOP;

void cw_sip_streams_close(cw_sip *sip) CW_ON_LOOP; /* what Sofia has said is still sent */
json_t *cw_sip_streams_json(const cw_sip *sip) CW_ON_LOOP;

/* --- between stream.c and stream_io.c --- */

/* It ends; `why` and `text` for the log and for whoever asks why a hop failed. CW_OK: an ordinary
 * end. The stream is gone. */
void cw_sip_stream_end(cw_sip_stream *stream, cw_err why, const char *text) CW_ON_LOOP;
void cw_sip_stream_arm(cw_sip_stream *stream) CW_ON_LOOP; /* the next deadline */

void cw_stream_outer(void *stream, unsigned events) CW_ON_LOOP; /* of watches */
void cw_stream_inner(void *stream, unsigned events) CW_ON_LOOP;
void cw_stream_flush(cw_sip_stream *stream) CW_ON_LOOP; /* at its end: what can go */
bool cw_stream_say(cw_sip_stream *stream, const char *text) CW_ON_LOOP; /* false: it is gone */

#endif
