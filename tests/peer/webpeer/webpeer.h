/* webpeer.h - a test peer and load generator: WebRTC and plain RTP endpoints in one process.
 *
 * One thread. Commands are JSON lines on stdin, answers and events JSON lines on stdout
 * (README.md). Nothing of the gateway is used but its SRTP and address helpers: STUN, DTLS, SDP and
 * RTP are written here a second time, so that a fault of the gateway is not shared.
 */
#ifndef WEBPEER_H
#define WEBPEER_H

#include "base/addr.h"
#include "media/srtp/srtp.h"

#include <glib.h>
#include <jansson.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#define WP_FORMATS_MAX 32
#define WP_PACKET_MAX  2048
#define WP_TICK_US     50     /* packets due within one tick leave together */
#define WP_SHARED_MAX  0xffff /* endpoints on the shared sockets: 127.64.0.1 and on */

typedef struct wp_ep wp_ep;

/* ── Sockets (net.c) ── */
typedef struct wp_sock {
    int fd;
    wp_ep *owner; /* NULL: shared by many, told apart by the address packets were sent to */
    bool rtcp;
    cw_addr local;
} wp_sock;

/* One datagram; `at_ns` is when the kernel had it, of CLOCK_REALTIME. */
typedef void wp_packet_fn(wp_ep *ep, wp_sock *sock, uint8_t *data, size_t len, const cw_addr *from,
                          uint64_t at_ns);

/* `net`: where the addresses of shared sockets begin, IPv4; NULL: 127.64.0.0 */
void wp_net_init(int epoll_fd, wp_packet_fn *fn, const cw_addr *net);
/* `port` 0: any. NULL when the address cannot be bound. */
wp_sock *wp_sock_open(const cw_addr *local, wp_ep *owner, bool rtcp);
void wp_sock_close(wp_sock *sock);
void wp_sock_read(wp_sock *sock);
/* Where the next packet is to be written (WP_PACKET_MAX bytes); then wp_tx_commit. */
uint8_t *wp_tx_buffer(void);
void wp_tx_commit(wp_ep *ep, wp_sock *sock, size_t len, const cw_addr *to);
void wp_tx_flush(void);
void wp_send(wp_ep *ep, wp_sock *sock, const void *data, size_t len, const cw_addr *to);
/* Shared sockets, and endpoints on them */
void wp_shared_sock(wp_sock *sock);
void wp_shared_poll(bool on); /* read them now instead of waiting for packets, or wait again */
bool wp_shared_add(wp_ep *ep);
void wp_shared_remove(wp_ep *ep);

/* ── Measuring (meter.c) ── */
#define WP_BUCKETS 256 /* of latency: quarter octaves of microseconds */
#define WP_SAMPLES 1600

typedef struct wp_meter {
    uint64_t sent, sent_rtcp, received, received_rtcp, bytes, bad; /* bad: SRTP refused it */
    uint64_t lost, late;                                           /* late: reordered or twice */
    bool started;
    uint16_t seq; /* next expected */
    uint8_t pt;
    uint32_t ssrc;
    uint32_t latency[WP_BUCKETS];
    uint8_t samples[WP_SAMPLES]; /* the last payload bytes of G.711 */
    unsigned sample_n, sample_at;
} wp_meter;

void wp_meter_reset(wp_meter *meter);
void wp_meter_packet(wp_meter *meter, uint16_t seq, uint32_t ssrc, uint8_t pt);
void wp_meter_latency(wp_meter *meter, uint64_t ns);
void wp_meter_samples(wp_meter *meter, const uint8_t *data, size_t len);
void wp_meter_add(wp_meter *sum, const wp_meter *meter); /* counters and latency */
/* `codec` of the samples: "PCMA", "PCMU", NULL for neither; `hz`: whose power to tell. */
json_t *wp_meter_json(const wp_meter *meter, const char *codec, unsigned hz);

/* ── G.711 and tones (tone.c) ── */
/* One second of a sine at -10 dBm0, 8000 bytes; made once for each. */
const uint8_t *wp_tone(bool alaw, unsigned hz);
int16_t wp_alaw(uint8_t code);
int16_t wp_ulaw(uint8_t code);

/* ── An endpoint ── */
typedef struct wp_format {
    char name[24];
    unsigned clock_hz;
    uint8_t pt;
} wp_format;

typedef enum wp_codec { WP_NONE, WP_PCMA, WP_PCMU, WP_BYTES, WP_FRAMES } wp_codec;

typedef struct wp_flow {
    bool on;
    wp_codec codec;
    uint8_t pt, dtmf_pt;
    unsigned bytes, pps, ts_step, tone_hz;
    uint16_t seq;
    uint32_t ts, ssrc;
    unsigned slot; /* of the schedule */
    unsigned tone_at;
    GPtrArray
        *frames; /* of GBytes, WP_FRAMES: payloads sent one after the other, round and round */
    unsigned frame_at;
    /* RFC 4733: packets still to come of the digit */
    char digit;
    unsigned dtmf_left, dtmf_duration, dtmf_clock_hz;
    uint32_t dtmf_ts;
    uint32_t octets;
    size_t last_len;
    uint8_t *last; /* the packet sent last, as it left; NULL until wp_flow_again is used */
} wp_flow;

/* WP_CHECKED: ICE is through, DTLS was not wanted. */
typedef enum wp_state {
    WP_NEW,
    WP_CHECKING,
    WP_CHECKED,
    WP_HANDSHAKE,
    WP_CONNECTED,
    WP_FAILED
} wp_state;

struct wp_ep {
    json_int_t id;
    bool web;
    unsigned shared; /* its address is 127.64.0.0 + shared; 0: sockets of its own */
    wp_sock *sock, *rtcp_sock;
    cw_addr local, remote, remote_rtcp;
    bool rtcp_mux;
    unsigned format_n;
    wp_format format[WP_FORMATS_MAX]; /* what the far side receives with */
    char mid[33];
    unsigned mid_ext;
    uint32_t rx_ts, rx_dtmf_ts; /* of the last event reported */
    bool rx_any;

    /* web only */
    wp_state state;
    uint64_t session_id;
    char ufrag[9], pwd[25];
    char remote_ufrag[257], remote_pwd[257];
    uint8_t fingerprint[32];
    uint8_t stun_id[12];
    uint64_t started_ms, next_check_ms, ice_ms;
    unsigned checks;
    bool no_dtls; /* stop at WP_CHECKED */
    bool active;  /* our offer leaves the far side no choice but to be the DTLS server */
    SSL *ssl;
    const uint8_t *dtls_in; /* the datagram SSL may read now */
    size_t dtls_in_len;
    cw_srtp *srtp;

    wp_flow flow;
    wp_meter meter;
};

uint64_t wp_now_ms(void);
uint64_t wp_wall_ns(void); /* CLOCK_REALTIME, as the kernel stamps packets */
void wp_event(wp_ep *ep, const char *event, const char *key, json_t *value); /* steals `value` */

/* ── SDP (text.c) ── */
char *wp_sdp_web(wp_ep *ep, bool offer, char *const *codecs, bool video);
char *wp_sdp_rtp(wp_ep *ep, char *const *codecs);
/* NULL, or what is wrong. */
const char *wp_sdp_read(wp_ep *ep, const char *sdp);
const wp_format *wp_format_find(const wp_ep *ep, const char *name, unsigned clock_hz);

/* ── ICE, DTLS (ice.c, dtls.c) ── */
void wp_ice_start(wp_ep *ep);
void wp_ice_tick(wp_ep *ep, uint64_t now_ms);
void wp_ice_packet(wp_ep *ep, const uint8_t *data, size_t len, const cw_addr *from);
bool wp_dtls_init(const char *suites);
const char *wp_dtls_fingerprint(void); /* "AB:CD:…" */
void wp_dtls_start(wp_ep *ep);
void wp_dtls_packet(wp_ep *ep, const uint8_t *data, size_t len);
void wp_dtls_tick(wp_ep *ep);
void wp_dtls_goodbye(wp_ep *ep); /* close_notify (RFC 5246 7.2.1) */
void wp_dtls_hello(wp_ep *ep);   /* a first ClientHello, and nothing after it; for floods */
void wp_fail(wp_ep *ep, const char *why);

/* ── RTP (flow.c) ── */
void wp_flow_packet(wp_ep *ep, wp_sock *sock, uint8_t *data, size_t len, uint64_t at_ns);
/* NULL, or why not. */
const char *wp_flow_start(wp_ep *ep, const char *codec, unsigned pps, unsigned bytes, unsigned hz);
/* The same with ready-made payloads in `codec`; takes a reference. */
const char *wp_flow_frames(wp_ep *ep, const char *codec, unsigned pps, GPtrArray *frames);
void wp_flow_stop(wp_ep *ep);
const char *wp_flow_dtmf(wp_ep *ep, char digit, unsigned duration_ms);
/* The packet sent last `count` times more; forged: the next ones of its stream, with a wrong tag.
 */
const char *wp_flow_again(wp_ep *ep, unsigned count, bool forge);
void wp_flow_run(uint64_t now_us); /* sends what is due */
bool wp_flow_any(void);

/* ── Commands (command.c) ── */
void wp_command_init(void);
bool wp_command(const char *line, size_t len); /* false: quit */
void wp_for_each(void (*fn)(wp_ep *ep, void *arg), void *arg);
void wp_ep_free(wp_ep *ep);

#endif
