/* plane-rig.h - a real plane between loopback sockets that play the far sides. */
#ifndef CW_TEST_PLANE_RIG_H
#define CW_TEST_PLANE_RIG_H

#include "base/stats.h"
#include "media/plane.h"
#include "media/rtp/rtp.h"

#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_MIN 34000
#define PORT_MAX 34199
#define WAIT_MS  3000

/* ── The rig ── */
typedef struct rig {
    cw_loop *loop;
    cw_plane *plane;
} rig;

/* A far side: an RTP socket and the endpoint that faces it. */
typedef struct side {
    int fd, rtcp_fd;
    cw_addr addr, rtcp_addr;
    cw_ep *ep;
    unsigned first, latched, digits, silent, heard, dead, keyframes;
    char digit[32];
    unsigned duration_ms;
    bool passed;            /* the last digit */
    unsigned others, other; /* how many times one was to be heard, and its id */
    cw_addr from;
} side;

typedef struct rtp_stream {
    uint32_t ssrc, ts;
    uint16_t seq;
    uint8_t pt;
} rtp_stream;

cw_addr addr_of(const char *text);
/* The calling thread has the loop role from here on. */
void rig_open_as(rig *r, const cw_plane_conf *conf) CW_TSA(assert_capability(cw_role_loop));
void rig_open(rig *r) CW_TSA(assert_capability(cw_role_loop));
void rig_close(rig *r) CW_ON_LOOP;
bool readable(int fd, int ms);
void let_pass(int ms); /* when time itself is what is tested */
/* Run the loop until *what is `n` or time is over. */
void await(rig *r, const unsigned *what, unsigned n) CW_ON_LOOP;
/* All orders given so far have been worked on: a free is seen to be done by its port. */
void settle(rig *r) CW_ON_LOOP;
void on_ep(void *arg, cw_ep_event event, const cw_ep_info *info);
int open_socket(const char *ip, cw_addr *ret);
void format_add(cw_stream *stream, const char *name, uint32_t clock_hz, unsigned pt);
cw_stream audio(const char *name, uint32_t clock_hz, unsigned pt, unsigned dtmf_pt,
                uint32_t dtmf_hz);
void side_open(rig *r, side *s, int family, const cw_stream *formats, bool latch) CW_ON_LOOP;
void side_close(side *s) CW_ON_LOOP;
size_t rtp_make(uint8_t *data, const rtp_stream *st, bool marker, const void *payload, size_t len);
void send_to(int fd, const void *data, size_t len, const cw_addr *to);
/* One 20 ms packet of 160 ticks whose payload says its number. */
void send_next(int fd, rtp_stream *st, const cw_addr *to);
bool receive(int fd, cw_rtp *rtp, uint8_t *data, size_t cap);
void expect_nothing(int fd);

#endif
