/* sip-rig.h - two SIP stacks on one loop that write down what they are told. */
#ifndef CW_TEST_SIP_RIG_H
#define CW_TEST_SIP_RIG_H

#include "base/log.h"
#include "base/stats.h"
#include "sip/event.h"
#include "sip/refer.h"
#include "sip/request.h"
#include "sip/sip.h"

#include <glib.h>
#include <string.h>

typedef struct rig rig;

/* What a side does with a new INVITE, and what it saw. */
typedef struct side {
    rig *rig;
    const char *name;
    cw_conf *conf;
    cw_sip *sip;
    cw_sip_call *call;
    cw_err answer_with; /* refuse at once */
    bool untrusting;
    bool mute; /* take it, say nothing */
    bool ring_only;
    bool forget; /* answer it, then free it before the callback returns */
    bool let_go; /* take it, end it and free it before the callback returns */
    bool reanswer_later;
    bool takes_requests;         /* otherwise 405 */
    const char *refuse_redirect; /* to places whose URI has this in it; NULL: to none */
    cw_err refuse_request;       /* those, SUBSCRIBE and REFER; CW_OK: taken */
    cw_sip_reply *reply;         /* the one taken last, unanswered */
    cw_sip_referral *referral;
    cw_sip_sub *sub;
    GString *log;   /* "progress 180, answered offer, …" */
    GString *trace; /* "> INVITE, < 100 Trying, …" */
    cw_sip_end end;
    char *contacts; /* of `end`, joined */
    char *sdp;      /* last one received */
    char *display, *from_user, *ruri_user;
    char *names, *contact; /* of the caller's certificate; its Contact */
} side;

struct rig {
    cw_loop *loop;
    side a, b;
};

#define OFFER                                                                                      \
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 "       \
    "RTP/AVP 0\r\n"
#define ANSWER                                                                                     \
    "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 "       \
    "RTP/AVP 0\r\n"

/* Each is another description than the one before. */
#define REOFFER                                                                                    \
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 "       \
    "RTP/AVP 0\r\na=sendonly\r\n"

static inline void rig_say(side *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void rig_say(side *s, const char *format, ...)
{
    va_list args;

    if (s->log->len)
        g_string_append(s->log, ", ");
    va_start(args, format);
    g_string_append_vprintf(s->log, format, args);
    va_end(args);
}

static inline void rig_sdp(side *s, const char *sdp, size_t len)
{
    g_free(s->sdp);
    s->sdp = sdp ? g_strndup(sdp, len) : NULL;
}

static inline void rig_progress(void *arg, const cw_sip_response *response)
{
    side *s = arg;

    cw_assert_on_loop();
    rig_say(s, "progress %d/%u%s%s%s", response->status, response->fork,
            response->reliable ? " reliable" : "", response->sdp ? " sdp" : "",
            response->offers ? " offer" : "");
    rig_sdp(s, response->sdp, response->len);
    if (response->offers && !s->reanswer_later)
        g_assert_cmpint(cw_sip_call_reanswer(s->call, response->fork, ANSWER, strlen(ANSWER)), ==,
                        CW_OK);
}

static inline void rig_answered(void *arg, const cw_sip_response *response)
{
    side *s = arg;

    cw_assert_on_loop();
    rig_say(s, "answered/%u%s%s", response->fork, response->sdp ? " sdp" : "",
            response->offers ? " offer" : "");
    rig_sdp(s, response->sdp, response->len);
    if (response->offers && !s->reanswer_later)
        g_assert_cmpint(cw_sip_call_reanswer(s->call, response->fork, ANSWER, strlen(ANSWER)), ==,
                        CW_OK);
}

static inline void rig_confirmed(void *arg, const char *sdp, size_t len)
{
    rig_say(arg, "confirmed%s", sdp ? " sdp" : "");
    rig_sdp(arg, sdp, len);
}

static inline void rig_reoffered(void *arg, const cw_sip_offer *offer)
{
    side *s = arg;

    cw_assert_on_loop();
    rig_say(s, "reoffered%s%s%s", offer->early ? cw_fmt("/%u", offer->fork) : "",
            offer->sdp ? " sdp" : "", offer->unchanged ? " unchanged" : "");
    rig_sdp(s, offer->sdp, offer->len);
    if (!s->reanswer_later)
        g_assert_cmpint(cw_sip_call_reanswer(s->call, offer->fork, ANSWER, strlen(ANSWER)), ==,
                        CW_OK);
}

static inline void rig_reanswered(void *arg, const cw_sip_response *response)
{
    side *s = arg;

    cw_assert_on_loop();
    rig_say(s, "reanswered%s %d%s%s", response->early ? cw_fmt("/%u", response->fork) : "",
            response->status, response->sdp ? " sdp" : "", response->offers ? " offer" : "");
    rig_sdp(s, response->sdp, response->len);
    if (response->offers && !s->reanswer_later)
        g_assert_cmpint(cw_sip_call_reanswer(s->call, response->fork, ANSWER, strlen(ANSWER)), ==,
                        CW_OK);
}

static inline void rig_info(void *arg, const char *type, const char *body, size_t len)
{
    rig_say(arg, "info %s %.*s", type, (int)len, body);
}

static inline void rig_acknowledged(void *arg, int status)
{
    rig_say(arg, "acknowledged %d", status);
}

static inline void rig_ended(void *arg, const cw_sip_end *end)
{
    side *s = arg;

    s->end = *end;
    g_free(s->contacts);
    s->contacts = end->contacts ? g_strjoinv(",", (char **)end->contacts) : NULL;
    rig_say(s, "ended %s %d%s", cw_err_kind(end->err), end->status, end->by_peer ? " peer" : "");
}

static inline void rig_trace(void *arg, bool out, const char *what)
{
    side *s = arg;

    g_string_append_printf(s->trace, "%s%c %s", s->trace->len ? ", " : "", out ? '>' : '<', what);
}

static inline cw_err rig_request(void *arg, const cw_sip_inquiry *inquiry, cw_sip_reply *reply)
{
    side *s = arg;

    if (!s->takes_requests)
        return CW_E_UNSUPPORTED;
    rig_say(s, "%s %s %.*s", inquiry->method, inquiry->type ? inquiry->type : "-",
            (int)inquiry->len, inquiry->body ? inquiry->body : "");
    if (!s->refuse_request)
        s->reply = reply;
    return s->refuse_request;
}

static inline cw_err rig_subscribe(void *arg, const cw_sip_inquiry *inquiry, cw_sip_sub *sub)
{
    side *s = arg;

    cw_assert_on_loop();
    if (!s->takes_requests)
        return CW_E_UNSUPPORTED;
    rig_say(s, "SUBSCRIBE %s", cw_sip_sub_event(sub));
    if (!s->refuse_request)
        s->sub = sub;
    return s->refuse_request;
}

static inline cw_err rig_refer(void *arg, const cw_sip_referred *referred,
                               cw_sip_referral *referral)
{
    side *s = arg;

    if (!s->takes_requests)
        return CW_E_FORBIDDEN;
    rig_say(s, "refer %s%s%s", referred->to.uri, referred->to.replaces.call_id ? " replaces " : "",
            referred->to.replaces.call_id ? referred->to.replaces.call_id : "");
    if (!s->refuse_request)
        s->referral = referral;
    return s->refuse_request;
}

static inline cw_err rig_redirected(void *arg, const char *uri)
{
    const side *s = arg;

    cw_assert_on_loop();
    return s->refuse_redirect && strstr(uri, s->refuse_redirect) ? CW_E_QUOTA : CW_OK;
}

static const cw_sip_call_ops rig_call_ops = {
    .redirected = rig_redirected,
    .refer = rig_refer,
    .request = rig_request,
    .progress = rig_progress,
    .answered = rig_answered,
    .confirmed = rig_confirmed,
    .reoffered = rig_reoffered,
    .reanswered = rig_reanswered,
    .info = rig_info,
    .acknowledged = rig_acknowledged,
    .ended = rig_ended,
    .trace = rig_trace,
};

static inline cw_err rig_invite(void *arg, const cw_sip_invite *invite, cw_sip_call *call)
{
    side *s = arg;

    cw_assert_on_loop();
    rig_say(s, "invite%s", invite->sdp ? " sdp" : "");
    g_free(s->display);
    g_free(s->from_user);
    g_free(s->ruri_user);
    g_free(s->names);
    g_free(s->contact);
    s->names = invite->peer->names ? g_strjoinv(",", (char **)invite->peer->names) : NULL;
    s->contact = cw_sip_message_header(invite->message, "Contact", 0);
    s->display = g_strdup(invite->from_display);
    s->from_user = g_strdup(invite->from_user);
    s->ruri_user = g_strdup(invite->ruri_user);
    if (s->answer_with)
        return s->answer_with;
    g_assert_null(s->call);
    s->call = call;
    cw_sip_call_accept(call, &rig_call_ops, s);
    if (s->let_go) {
        cw_sip_call_end(call, CW_E_DECLINED);
        cw_sip_call_free(g_steal_pointer(&s->call));
        return CW_OK;
    }
    if (s->mute)
        return CW_OK;
    g_assert_cmpint(cw_sip_call_respond(call, 180, NULL, 0), ==, CW_OK);
    if (!s->ring_only)
        g_assert_cmpint(cw_sip_call_respond(call, 200, ANSWER, strlen(ANSWER)), ==, CW_OK);
    if (s->forget)
        cw_sip_call_free(g_steal_pointer(&s->call));
    return CW_OK;
}

static inline bool rig_trusted(void *arg, const cw_sip_peer *peer)
{
    return !((side *)arg)->untrusting;
}

static const cw_sip_ops rig_ops = {
    .invite = rig_invite, .trusted = rig_trusted, .request = rig_request, .subscribe = rig_subscribe
};

static inline void side_start_on(side *s, rig *r, const char *name, const char *listen,
                                 const char *extra)
{
    g_autofree char *text = g_strdup_printf(
        "sip: { listen = (%s); t1x64_ms = 1000; t1_ms = 100; %s };", listen, extra ? extra : "");
    char *why = NULL;
    char said[128] = "";

    cw_assert_on_loop();
    *s = (side){ .rig = r, .name = name, .log = g_string_new(NULL), .trace = g_string_new(NULL) };
    if (cw_conf_load("test", text, &s->conf, &why))
        g_error("%s", why);
    if (cw_sip_new(r->loop, s->conf, &rig_ops, s, &s->sip, said))
        g_error("%s", said);
}

static inline void side_start(side *s, rig *r, const char *name, const char *ip, const char *extra)
{
    g_autofree char *listen = g_strdup_printf("\"udp:%s:0\", \"tcp:%s:0\"", ip, ip);

    cw_assert_on_loop();
    side_start_on(s, r, name, listen, extra);
}

static inline void side_stop(side *s)
{
    cw_assert_on_loop();
    cw_sip_call_free(s->call);
    cw_sip_free(s->sip);
    cw_conf_free(s->conf);
    g_string_free(s->log, TRUE);
    g_string_free(s->trace, TRUE);
    g_free(s->sdp);
    g_free(s->contacts);
    g_free(s->display);
    g_free(s->from_user);
    g_free(s->ruri_user);
    g_free(s->names);
    g_free(s->contact);
}

static inline void rig_start(rig *r, const char *ip, const char *extra_a, const char *extra_b)
{
    g_assert_cmpint(cw_loop_new(&r->loop), ==, CW_OK);
    side_start(&r->a, r, "a", ip, extra_a);
    side_start(&r->b, r, "b", ip, extra_b);
}

static inline void rig_stop(rig *r)
{
    cw_assert_on_loop();
    side_stop(&r->a);
    side_stop(&r->b);
    cw_loop_free(r->loop);
}

/* "127.0.0.1:40001" of a side's listener. */
static inline char *side_address(const side *s, const char *transport)
{
    json_t *state, *listener;
    char *address = NULL;
    size_t i;

    cw_assert_on_loop();
    state = cw_sip_json(s->sip);
    json_array_foreach(json_object_get(state, "listeners"), i, listener)
    {
        if (strcmp(json_string_value(json_object_get(listener, "transport")), transport) == 0)
            address = g_strdup(json_string_value(json_object_get(listener, "address")));
    }
    json_decref(state);
    g_assert_nonnull(address);
    return address;
}

static inline int64_t side_count(const side *s, const char *key)
{
    json_t *state;
    int64_t n;

    cw_assert_on_loop();
    state = cw_sip_json(s->sip);
    n = json_integer_value(json_object_get(json_object_get(state, "transactions"), key));
    json_decref(state);
    return n;
}

static inline const char *rig_tail(const GString *text)
{
    return text->len > 400 ? text->str + text->len - 400 : text->str;
}

/* A cond that is awaited, not slept for. */
#define WAIT(r, cond)                                                                              \
    do {                                                                                           \
        uint64_t until = cw_now_ms() + 8000;                                                       \
        while (!(cond) && cw_now_ms() < until)                                                     \
            cw_loop_step((r)->loop, 20);                                                           \
        if (!(cond))                                                                               \
            g_error("%s:%d: not reached: %s\n a: %s\n    %s\n b: %s\n    %s", __FILE__, __LINE__,  \
                    #cond, rig_tail((r)->a.log), rig_tail((r)->a.trace), rig_tail((r)->b.log),     \
                    rig_tail((r)->b.trace));                                                       \
    } while (0)

#define SAW(s, text) (strstr((s).log->str, (text)) != NULL)

/* a calls b. */
static inline cw_err rig_call(rig *r, const char *transport, const char *sdp)
{
    g_autofree char *to = side_address(&r->b, transport);
    g_autofree char *ruri = g_strdup_printf("sip:bob@%s", to);
    cw_sip_target target = {
        .ruri = ruri,
        .from_user = "alice",
        .from_display = "Alice \"A\" Ann",
        .transport = strcmp(transport, "tcp") == 0 ? CW_SIP_TCP : CW_SIP_UDP,
    };

    cw_assert_on_loop();
    return cw_sip_call_new(r->a.sip, &target, sdp, sdp ? strlen(sdp) : 0, &rig_call_ops, &r->a,
                           &r->a.call);
}

#endif
