/* A WebSocket with a SIP client at its far end: from it to Sofia pass whole messages, one to a
 * WebSocket message, and back. Sofia takes each for a TCP connection from an address that is
 * nobody's, so that what it has to say goes by this connection or not at all. */
#include "sip/web/web_priv.h"

#include "base/log.h"
#include "sip/net/plug.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_BYTES 262144 /* that Sofia has not read yet */
#define READ_BYTES  16384
#define READS       16 /* in one turn, so that nobody has the loop alone */

/* --- its end --- */

void cw_sip_web_end(cw_sip_web *web, cw_err err, const char *why)
{
    const cw_sip_web_ops *ops = web->ops;
    char peer[CW_ADDR_STR];

    if (!ops)
        return;
    web->ops = NULL;
    if (err)
        cw_stat_inc(CW_STAT_sip_refused);
    cw_log(CW_LOG_INFO, CW_MOD_SIP, "sip.web.end", "peer", cw_addr_print(&web->peer, peer), "user",
           web->user, "error", err ? cw_err_kind(err) : NULL, "why", why, NULL);
    cw_watch_set(web->watch, 0);
    ops->close(web->arg, err, why);
}

void cw_sip_web_shutdown(cw_sip_web *web)
{
    cw_sip_web_end(web, CW_OK, "shutdown");
}

static void close_registration(cw_sip_web *web) CW_ON_LOOP
{
    if (web->place.contact)
        cw_stat_dec(CW_STAT_web_registrations);
    cw_sip_place_clear(&web->place);
}

void cw_sip_web_free(cw_sip_web *web)
{
    cw_sip *sip;

    if (!web)
        return;
    sip = web->sip;
    web->ops = NULL;
    close_registration(web);
    g_queue_unlink(&sip->webs, &web->link);
    g_hash_table_remove(sip->webs_by_id, &web->id);
    g_hash_table_remove(sip->webs_by_tp, web->tp);
    if (web->owner)
        sip->ops->web_gone(sip->arg, web);
    cw_sip_sends_lost(sip, web->tp, CW_E_NETWORK);
    tport_unref(web->tp);
    cw_watch_free(web->watch);
    close(web->inner);
    cw_timer_free(web->timer);
    g_byte_array_unref(web->to_sofia);
    g_byte_array_unref(web->to_peer);
    g_free(web->user);
    g_free(web->call_id);
    g_free(web);
}

/* --- deadlines --- */

bool cw_sip_web_expired(const cw_sip_web *web)
{
    return web->expires && web->expires <= (int64_t)time(NULL);
}

void cw_sip_web_arm(cw_sip_web *web)
{
    uint64_t now = cw_now_ms(), at = UINT64_MAX;
    int64_t left_s = web->expires - (int64_t)time(NULL);

    if (!web->user)
        at = web->since_ms + (uint64_t)web->sip->conf->web.open_timeout_ms;
    if (web->place.contact)
        at = MIN(at, web->place.until_ms);
    if (web->expires)
        at = MIN(at, now + (uint64_t)CLAMP(left_s, 0, 86400) * 1000);
    if (at == UINT64_MAX)
        cw_timer_stop(web->timer);
    else
        cw_timer_start(web->timer, at > now ? at - now : 0);
}

static void on_timer(void *arg)
{
    cw_sip_web *web = arg;

    cw_assert_on_loop();
    if (!web->user &&
        cw_now_ms() >= web->since_ms + (uint64_t)web->sip->conf->web.open_timeout_ms) {
        cw_sip_web_end(web, CW_E_AUTH, "not logged in in time");
        return;
    }
    if (cw_sip_web_expired(web)) {
        cw_sip_web_end(web, CW_E_AUTH, "the token is too old");
        return;
    }
    if (web->place.contact && cw_now_ms() >= web->place.until_ms)
        close_registration(web);
    cw_sip_web_arm(web);
}

/* --- to the peer --- */

static void pass_on(cw_sip_web *web, const char *data, size_t len) CW_ON_LOOP
{
    g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)len + 64);
    cw_sip_envelope envelope;

    if (cw_sip_envelope_read(data, len, &envelope))
        return; /* Sofia writes none of these */
    cw_sip_envelope_write(data, len, &envelope, web->via, out);
    web->ops->send(web->arg, (const char *)out->data, out->len);
}

/* Whole ones of what Sofia wrote. */
static void take_messages(cw_sip_web *web) CW_ON_LOOP
{
    size_t used = 0, at = 0;
    cw_sip_frame_what what;

    while (web->ops && at < web->to_peer->len) {
        const char *data = (const char *)web->to_peer->data + at;

        if (cw_sip_frame_next(&web->frame, data, web->to_peer->len - at, G_MAXINT, &what, &used)) {
            cw_sip_web_end(web, CW_E_INTERNAL, "what Sofia writes cannot be read");
            return;
        }
        if (used == 0)
            break;
        if (what == CW_SIP_FRAME_MESSAGE)
            pass_on(web, data, used);
        at += used;
    }
    g_byte_array_remove_range(web->to_peer, 0, (guint)at);
}

static void pull(cw_sip_web *web) CW_ON_LOOP
{
    uint8_t buf[READ_BYTES];

    for (unsigned i = 0; i < READS && web->ops; i++) {
        ssize_t n = recv(web->inner, buf, sizeof buf, 0);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            cw_sip_web_end(web, CW_E_SYNTAX, "not SIP that can be answered");
            return;
        }
        if (n < 0)
            return;
        g_byte_array_append(web->to_peer, buf, (guint)n);
        take_messages(web);
    }
}

/* --- to Sofia --- */

static void push(cw_sip_web *web) CW_ON_LOOP
{
    while (web->to_sofia->len) {
        ssize_t n = send(web->inner, web->to_sofia->data, web->to_sofia->len, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            cw_sip_web_end(web, CW_E_SYNTAX, "not SIP that can be answered");
            return;
        }
        g_byte_array_remove_range(web->to_sofia, 0, (guint)n);
    }
    cw_watch_set(web->watch, CW_READABLE | (web->to_sofia->len ? CW_WRITABLE : 0));
}

static void on_inner(void *arg, unsigned events)
{
    cw_sip_web *web = arg;

    cw_assert_on_loop();
    if (web->ops && web->to_sofia->len)
        push(web);
    if (web->ops)
        pull(web);
}

/* RFC 7118 4: "WS" or "WSS"; which of them is as the client sees it, behind proxies too. */
static bool take_via(cw_sip_web *web, const char *word, size_t len) CW_ON_LOOP
{
    if (len < 2 || len > 3 || g_ascii_strncasecmp(word, "WSS", len) != 0)
        return false;
    memcpy(web->via, word, len);
    web->via[len] = '\0';
    return true;
}

/* One message, whole (RFC 7118 5.1). NULL, or what is wrong. */
static const char *take_message(cw_sip_web *web, const char *data, size_t len) CW_ON_LOOP
{
    size_t used, before = web->to_sofia->len, max = (size_t)web->sip->conf->sip.message_max_bytes;
    cw_sip_envelope envelope;
    cw_sip_frame frame = { 0 };
    cw_sip_frame_what what;

    if (len > max)
        return "a message that is too large";
    if (before > QUEUE_BYTES)
        return "more messages than can be read";
    if (cw_sip_envelope_read(data, len, &envelope) ||
        !take_via(web, data + envelope.via_at, envelope.via_len))
        return "not SIP over WebSocket";
    cw_sip_envelope_write(data, len, &envelope, "TCP", web->to_sofia);
    data = (const char *)web->to_sofia->data + before;
    len = web->to_sofia->len - before;
    if (cw_sip_frame_next(&frame, data, len, G_MAXINT, &what, &used) ||
        what != CW_SIP_FRAME_MESSAGE || used != len) {
        g_byte_array_set_size(web->to_sofia, (guint)before);
        return "not one whole message";
    }
    web->messages++;
    return NULL;
}

void cw_sip_web_receive(cw_sip_web *web, const char *data, size_t len)
{
    const char *fault;

    if (!web->ops)
        return;
    if (len == 4 && memcmp(data, "\r\n\r\n", 4) == 0) { /* RFC 5626 3.5.1 */
        web->ops->send(web->arg, "\r\n", 2);
        return;
    }
    if (len == 2 && memcmp(data, "\r\n", 2) == 0)
        return;
    fault = take_message(web, data, len);
    if (fault)
        cw_sip_web_end(web, CW_E_SYNTAX, fault);
    else
        push(web);
}

/* --- its beginning --- */

cw_err cw_sip_web_listen(cw_sip *sip, char why[static 128])
{
    cw_addr nobodys = { .in4 = { .sin_family = AF_INET } };
    int err;

    cw_sip_plug_web(sip);
    err = nta_agent_add_tport(sip->agent,
                              (url_string_t *)"sip:ws.invalid:5060;maddr=240.0.0.0;transport=tcp",
                              TPTAG_IDENT(CW_SIP_WEB_IDENT), TPTAG_TIMEOUT(UINT_MAX),
                              TPTAG_IDLE(UINT_MAX), TPTAG_REUSE(1), TAG_END());
    cw_sip_plug_for(NULL);
    sip->web_socket = err < 0 ? NULL : cw_sip_socket_for(sip, CW_SIP_WS, &nobodys);
    if (sip->web_socket)
        return CW_OK;
    g_strlcpy(why, "Sofia-SIP takes no WebSockets", 128);
    return CW_E_INTERNAL;
}

/* One of 240.0.0.0/4 (RFC 1112 4), to which nothing can be sent. */
static cw_addr next_alias(cw_sip *sip) CW_ON_LOOP
{
    cw_addr alias = { .in4 = { .sin_family = AF_INET } };

    sip->webs_made++;
    alias.in4.sin_addr.s_addr = htonl(0xf0000000u | (sip->webs_made & 0x0fffffffu));
    cw_addr_set_port(&alias, 5060);
    return alias;
}

bool cw_sip_web_is_alias(const cw_addr *addr)
{
    return cw_addr_family(addr) == AF_INET && ntohl(addr->in4.sin_addr.s_addr) >> 28 == 0xf;
}

cw_err cw_sip_web_new(cw_sip *sip, const cw_addr *peer, bool secure, const cw_sip_web_ops *ops,
                      void *arg, cw_sip_web **ret)
{
    cw_addr alias = next_alias(sip);
    cw_sip_web *web;
    tport_t *tp;
    int inner;

    tp = sip->web_socket ? cw_sip_plug_connect(sip->web_socket, &alias, &inner) : NULL;
    if (!tp)
        return CW_E_OVERLOAD;
    web = g_new0(cw_sip_web, 1);
    web->sip = sip;
    web->id = cw_id_new();
    web->secure = secure;
    web->ops = ops;
    web->arg = arg;
    web->peer = *peer;
    web->alias = alias;
    g_strlcpy(web->via, secure ? "WSS" : "WS", sizeof web->via);
    web->tp = tport_ref(tp);
    web->inner = inner;
    web->since_ms = cw_now_ms();
    web->to_sofia = g_byte_array_new();
    web->to_peer = g_byte_array_new();
    web->timer = cw_timer_new(sip->loop, on_timer, web);
    web->watch = cw_watch_new(sip->loop, inner, on_inner, web);
    cw_watch_set(web->watch, CW_READABLE);
    web->link.data = web;
    g_queue_push_tail_link(&sip->webs, &web->link);
    g_hash_table_insert(sip->webs_by_id, &web->id, web);
    g_hash_table_insert(sip->webs_by_tp, tp, web);
    cw_sip_web_arm(web);
    *ret = web;
    return CW_OK;
}

/* --- what others ask --- */

cw_sip_web *cw_sip_web_find(const cw_sip *sip, cw_id id)
{
    return g_hash_table_lookup(sip->webs_by_id, &id);
}

cw_sip_web *cw_sip_web_of(const cw_sip *sip, const tport_t *tp)
{
    return g_hash_table_lookup(sip->webs_by_tp, tp);
}

tport_t *cw_sip_web_tport(const cw_sip_web *web)
{
    return web->ops ? web->tp : NULL;
}

const cw_addr *cw_sip_web_alias(const cw_sip_web *web)
{
    return &web->alias;
}

cw_id cw_sip_web_id(const cw_sip_web *web)
{
    return web->id;
}

const char *cw_sip_web_user(const cw_sip_web *web)
{
    return web->user;
}

void *cw_sip_web_owner(const cw_sip_web *web)
{
    return web->owner;
}

void *cw_sip_web_arg(const cw_sip_web *web)
{
    return web->arg;
}

const char *cw_sip_web_agent(const cw_sip_web *web)
{
    return web->agent;
}

uint64_t cw_sip_web_since_ms(const cw_sip_web *web)
{
    return web->since_ms;
}

const cw_addr *cw_sip_web_peer(const cw_sip_web *web)
{
    return &web->peer;
}

bool cw_sip_web_registered(const cw_sip_web *web)
{
    return web->ops && web->place.contact;
}

const char *cw_sip_web_contact(const cw_sip *sip, cw_id id)
{
    const cw_sip_web *web = cw_sip_web_find(sip, id);

    return web && web->ops ? web->place.contact : NULL;
}
