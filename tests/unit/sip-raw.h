/* sip-raw.h - a SIP peer made of a UDP socket and text, beside the rig of sip-rig.h: what a decent
 * stack would never send, in the order the test wants. */
#ifndef CW_TEST_SIP_RAW_H
#define CW_TEST_SIP_RAW_H

#include "sip-rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct raw {
    rig *rig;
    int fd;
    uint16_t port;
    struct sockaddr_in peer;
} raw;

static inline void raw_open(raw *p, rig *r, const side *s)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof addr;
    g_autofree char *there = NULL;

    cw_assert_on_loop();
    there = side_address(s, "udp");
    *p = (raw){ .rig = r, .peer = addr };
    p->peer.sin_port = htons((uint16_t)atoi(strchr(there, ':') + 1));
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(p->fd, (struct sockaddr *)&addr, len), ==, 0);
    getsockname(p->fd, (struct sockaddr *)&addr, &len);
    p->port = ntohs(addr.sin_port);
}

static inline void raw_send(raw *p, const char *text, size_t len)
{
    sendto(p->fd, text, len, 0, (struct sockaddr *)&p->peer, sizeof p->peer);
}

/* The next datagram within ms; NULL: none. */
static inline char *raw_get(raw *p, unsigned ms)
{
    uint64_t until = cw_now_ms() + ms;
    char buf[65536];

    cw_assert_on_loop();
    do {
        ssize_t n = recv(p->fd, buf, sizeof buf - 1, 0);

        if (n > 0)
            return g_strndup(buf, (size_t)n);
        cw_loop_step(p->rig->loop, 5);
    } while (cw_now_ms() < until);
    return NULL;
}

/* The next datagram that begins so; others are passed over. */
static inline char *raw_expect(raw *p, const char *start)
{
    for (unsigned i = 0; i < 40; i++) {
        char *got = raw_get(p, 3000);

        if (!got)
            break;
        if (g_str_has_prefix(got, start))
            return got;
        g_free(got);
    }
    g_error("no \"%s\" came; a: %s; b: %s", start, rig_tail(p->rig->a.trace),
            rig_tail(p->rig->b.trace));
    return NULL;
}

/* Nothing that begins so comes within ms. */
static inline void raw_silence(raw *p, const char *start, unsigned ms)
{
    uint64_t until = cw_now_ms() + ms;

    while (cw_now_ms() < until) {
        g_autofree char *got = raw_get(p, 20);

        if (got && g_str_has_prefix(got, start))
            g_error("unexpected: %s", got);
    }
}

static inline char *raw_header(const char *msg, const char *name)
{
    g_autofree char *start = g_strdup_printf("\r\n%s: ", name);
    const char *at = strstr(msg, start);

    if (!at)
        return NULL;
    at += strlen(start);
    return g_strndup(at, strcspn(at, "\r"));
}

/* Answer a request of the stack. */
static inline void raw_reply(raw *p, const char *request, const char *status, const char *tag,
                             const char *extra, const char *body)
{
    g_autofree char *via = raw_header(request, "Via"), *from = raw_header(request, "From"),
                    *to = raw_header(request, "To"), *id = raw_header(request, "Call-ID"),
                    *cseq = raw_header(request, "CSeq"), *text = NULL;

    text = g_strdup_printf("SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\n"
                           "CSeq: %s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
                           status, via, from, to, tag ? ";tag=" : "", tag ? tag : "", id, cseq,
                           extra ? extra : "", body ? "Content-Type: application/sdp\r\n" : "",
                           body ? strlen(body) : 0, body ? body : "");
    raw_send(p, text, strlen(text));
}

typedef struct ask {
    const char *method, *to_tag, *extra, *body, *ruri, *from, *call_id, *type;
    unsigned cseq, branch;
    bool no_contact;
} ask;

/* A request of our own making. */
static inline void raw_ask(raw *p, const ask *a)
{
    g_autofree char *contact =
        a->no_contact ? g_strdup("")
                      : g_strdup_printf("Contact: <sip:raw@127.0.0.1:%u>\r\n", p->port);
    g_autofree char *type =
        a->body ? g_strdup_printf("Content-Type: %s\r\n", a->type ? a->type : "application/sdp")
                : g_strdup("");
    const char *cseq_method = strcmp(a->method, "ACK") == 0 ? "ACK" : a->method;
    g_autofree char *text = g_strdup_printf(
        "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%s%u%u\r\n"
        "Max-Forwards: 70\r\nFrom: %s;tag=raw\r\nTo: <sip:bob@b>%s%s\r\nCall-ID: %s\r\n"
        "CSeq: %u %s\r\n%s%s%sContent-Length: %zu\r\n\r\n%s",
        a->method, a->ruri ? a->ruri : "sip:bob@127.0.0.1", p->port,
        strcmp(a->method, "CANCEL") == 0 ? "INVITE" : a->method, a->cseq ? a->cseq : 1, a->branch,
        a->from ? a->from : "<sip:raw@127.0.0.1>", a->to_tag ? ";tag=" : "",
        a->to_tag ? a->to_tag : "", a->call_id ? a->call_id : "call1", a->cseq ? a->cseq : 1,
        cseq_method, contact, a->extra ? a->extra : "", type, a->body ? strlen(a->body) : 0,
        a->body ? a->body : "");

    raw_send(p, text, strlen(text));
}

static inline char *raw_to_tag(const char *msg)
{
    g_autofree char *to = raw_header(msg, "To");
    const char *at = strstr(to, ";tag=");

    return at ? g_strdup(at + 5) : NULL;
}

/* The stack calls the socket. */
static inline void raw_call_out(rig *r, raw *p, const cw_sip_credentials *credentials,
                                const char *extra)
{
    g_autofree char *ruri = NULL;
    cw_sip_target target = { .from_user = "alice" };

    rig_start(r, "127.0.0.1", extra, NULL);
    cw_assert_on_loop();
    raw_open(p, r, &r->a);
    ruri = g_strdup_printf("sip:raw@127.0.0.1:%u", p->port);
    target.ruri = ruri;
    if (credentials)
        target.credentials = *credentials;
    g_assert_cmpint(
        cw_sip_call_new(r->a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &r->a, &r->a.call),
        ==, CW_OK);
}

static inline char *raw_contact(const raw *p, const char *user)
{
    return g_strdup_printf("Contact: <sip:%s@127.0.0.1:%u>\r\n", user, p->port);
}

static inline void raw_done(rig *r, raw *p)
{
    cw_assert_on_loop();
    close(p->fd);
    rig_stop(r);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_calls), ==, 0);
}

#endif
