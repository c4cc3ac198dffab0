/* command.c - the commands: JSON in, JSON out. */
#include "webpeer.h"

#include "base/ident.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

static GHashTable *eps; /* by id */
static wp_sock *shared_web, *shared_rtp, *shared_rtcp;

static void print(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    puts(text);
    fflush(stdout);
    free(text);
    json_decref(json);
}

void wp_event(wp_ep *ep, const char *event, const char *key, json_t *value)
{
    json_t *json = json_pack("{s:s, s:I}", "event", event, "id", ep->id);

    if (key)
        json_object_set_new(json, key, value);
    print(json);
}

void wp_for_each(void (*fn)(wp_ep *ep, void *arg), void *arg)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, eps);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        fn(value, arg);
}

void wp_fail(wp_ep *ep, const char *why)
{
    ep->state = WP_FAILED;
    wp_event(ep, "failed", "why", json_string(why));
}

/* ── Endpoints ── */

void wp_ep_free(wp_ep *ep)
{
    bool own = !ep->shared;

    wp_flow_stop(ep);
    wp_shared_remove(ep);
    if (own) {
        wp_sock_close(ep->sock);
        wp_sock_close(ep->rtcp_sock);
    }
    SSL_free(ep->ssl);
    g_free(ep->flow.last);
    cw_srtp_free(ep->srtp);
    g_free(ep);
}

static bool open_own(wp_ep *ep, const cw_addr *at)
{
    cw_addr beside;

    for (unsigned tried = 0; tried < 64; tried++) {
        ep->sock = wp_sock_open(at, ep, false);
        if (!ep->sock || ep->web)
            break;
        beside = ep->sock->local; /* RTP even, RTCP the next (RFC 3550 11) */
        cw_addr_set_port(&beside, cw_addr_port(&beside) | 1);
        if (!(cw_addr_port(&ep->sock->local) & 1))
            ep->rtcp_sock = wp_sock_open(&beside, ep, true);
        if (ep->rtcp_sock)
            break;
        wp_sock_close(ep->sock);
        ep->sock = NULL;
    }
    if (ep->sock)
        ep->local = ep->sock->local;
    return ep->sock != NULL;
}

static const cw_addr any = { .in4 = { .sin_family = AF_INET } };

static void open_shared_rtp(void)
{
    for (unsigned tried = 0; !shared_rtcp && tried < 64; tried++) {
        cw_addr beside = any;

        shared_rtp = wp_sock_open(&any, NULL, false);
        if (!shared_rtp)
            return;
        cw_addr_set_port(&beside, cw_addr_port(&shared_rtp->local) | 1);
        if (!(cw_addr_port(&shared_rtp->local) & 1))
            shared_rtcp = wp_sock_open(&beside, NULL, true);
        if (!shared_rtcp)
            wp_sock_close(shared_rtp);
    }
    wp_shared_sock(shared_rtp);
    wp_shared_sock(shared_rtcp);
}

static bool open_shared(wp_ep *ep)
{
    if (!ep->web && !shared_rtcp)
        open_shared_rtp();
    if (ep->web && !shared_web) {
        shared_web = wp_sock_open(&any, NULL, false);
        wp_shared_sock(shared_web);
    }
    ep->sock = ep->web ? shared_web : shared_rtp;
    ep->rtcp_sock = ep->web ? NULL : shared_rtcp;
    return ep->sock && (ep->web || ep->rtcp_sock) && wp_shared_add(ep);
}

/* {"id":1, "addr":"10.0.0.1"} or {"id":1, "shared":true} */
static const char *ep_open(json_t *cmd, bool web, wp_ep **ret)
{
    json_int_t id = json_integer_value(json_object_get(cmd, "id"));
    const char *addr = json_string_value(json_object_get(cmd, "addr"));
    wp_ep *ep;
    cw_addr at;
    bool ok;

    if (id < 1 || g_hash_table_contains(eps, &id))
        return "id is missing or in use";
    if (cw_addr_parse(addr ? addr : "127.0.0.1", 0, &at))
        return "addr is no address";
    ep = g_new0(wp_ep, 1);
    ep->id = id;
    ep->web = web;
    ok = json_is_true(json_object_get(cmd, "shared")) ? open_shared(ep) : open_own(ep, &at);
    if (!ok) {
        g_free(ep);
        return "no socket";
    }
    cw_random_text(ep->ufrag, 8);
    cw_random_text(ep->pwd, 24);
    RAND_bytes((uint8_t *)&ep->session_id, sizeof ep->session_id);
    RAND_bytes((uint8_t *)&ep->flow.ssrc, sizeof ep->flow.ssrc);
    RAND_bytes((uint8_t *)&ep->flow.seq, sizeof ep->flow.seq);
    g_hash_table_insert(eps, &ep->id, ep);
    *ret = ep;
    return NULL;
}

static wp_ep *ep_find(json_t *cmd)
{
    json_int_t id = json_integer_value(json_object_get(cmd, "id"));

    return g_hash_table_lookup(eps, &id);
}

/* ["opus","PCMA"] as a NULL-ended list, NULL when not said */
static char **words_of(json_t *list)
{
    char **words = json_is_array(list) ? g_new0(char *, json_array_size(list) + 1) : NULL;

    for (size_t i = 0; words && i < json_array_size(list); i++)
        words[i] = g_strdup(json_string_value(json_array_get(list, i)));
    return words;
}

static void give_sdp(json_t *ret, char *sdp)
{
    json_object_set_new(ret, "sdp", json_string(sdp));
    g_free(sdp);
}

/* ── Commands: each NULL, or what is wrong ── */

static bool is_set(json_t *cmd, const char *key)
{
    return json_is_true(json_object_get(cmd, key));
}

static const char *open_and_offer(json_t *cmd, json_t *ret, bool web)
{
    g_auto(GStrv) codecs = words_of(json_object_get(cmd, "codecs"));
    bool video = json_is_true(json_object_get(cmd, "video"));
    wp_ep *ep = NULL;
    const char *why = ep_open(cmd, web, &ep);
    char addr[CW_ADDR_STR];

    if (why)
        return why;
    ep->active = is_set(cmd, "active");
    json_object_set_new(ret, "addr", json_string(cw_addr_print(&ep->local, addr)));
    give_sdp(ret, web ? wp_sdp_web(ep, true, codecs, video) : wp_sdp_rtp(ep, codecs));
    return NULL;
}

static const char *do_web_offer(json_t *cmd, json_t *ret)
{
    return open_and_offer(cmd, ret, true);
}

static const char *do_rtp_offer(json_t *cmd, json_t *ret)
{
    return open_and_offer(cmd, ret, false);
}

static const char *do_answer(json_t *cmd, json_t *ret)
{
    const char *sdp = json_string_value(json_object_get(cmd, "sdp"));
    wp_ep *ep = ep_find(cmd);
    const char *why;

    if (!ep || !sdp)
        return "no such endpoint, or no sdp";
    why = wp_sdp_read(ep, sdp);
    ep->no_dtls = is_set(cmd, "no_dtls");
    if (!why && ep->web && ep->state == WP_NEW)
        wp_ice_start(ep);
    return why;
}

static const char *accept_offer(json_t *cmd, json_t *ret, bool web)
{
    g_auto(GStrv) codecs = words_of(json_object_get(cmd, "codecs"));
    const char *sdp = json_string_value(json_object_get(cmd, "sdp"));
    wp_ep *ep = NULL;
    const char *why = sdp ? ep_open(cmd, web, &ep) : "no sdp";

    if (!why)
        why = wp_sdp_read(ep, sdp);
    if (why)
        return why;
    give_sdp(ret, web ? wp_sdp_web(ep, false, codecs, false) : wp_sdp_rtp(ep, codecs));
    if (web)
        wp_ice_start(ep);
    return NULL;
}

static const char *do_web_accept(json_t *cmd, json_t *ret)
{
    return accept_offer(cmd, ret, true);
}

static const char *do_rtp_accept(json_t *cmd, json_t *ret)
{
    return accept_offer(cmd, ret, false);
}

static unsigned number(json_t *cmd, const char *key, unsigned otherwise)
{
    json_t *value = json_object_get(cmd, key);

    return json_is_integer(value) ? (unsigned)json_integer_value(value) : otherwise;
}

/* Of the endpoints to act on: "id", those below an id, or all. */
typedef struct request {
    json_t *cmd, *list;
    json_int_t below; /* 0: all */
    GPtrArray *frames;
    wp_meter sum;
    const char *why;
    unsigned count;
    void (*fn)(wp_ep *ep, struct request *r);
} request;

static void if_meant(wp_ep *ep, void *arg)
{
    request *r = arg;

    if (!r->below || ep->id < r->below)
        r->fn(ep, r);
}

static void for_each_named(json_t *cmd, void (*fn)(wp_ep *ep, request *r), request *r)
{
    wp_ep *ep = ep_find(cmd);

    r->fn = fn;
    r->below = json_integer_value(json_object_get(cmd, "below"));
    if (ep)
        fn(ep, r);
    else if (!json_object_get(cmd, "id"))
        wp_for_each(if_meant, r);
    else
        r->why = "no such endpoint";
}

static void send_one(wp_ep *ep, request *r)
{
    const char *named = json_string_value(json_object_get(r->cmd, "codec"));
    const char *codec = named ? named : "PCMA";
    const char *side = json_string_value(json_object_get(r->cmd, "side"));
    unsigned pps = number(r->cmd, "pps", 50);
    const char *why;

    if (ep->state == WP_FAILED || (ep->web && ep->state == WP_NEW) ||
        (side && ep->web != !strcmp(side, "web")))
        return;
    if (r->frames)
        why = wp_flow_frames(ep, codec, pps, r->frames);
    else
        why = wp_flow_start(ep, codec, pps, number(r->cmd, "bytes", 160),
                            number(r->cmd, "tone_hz", 1000));
    if (why)
        r->why = why;
    r->count++;
}

/* ["base64", …] as GBytes; NULL when it is not that. */
static GPtrArray *frames_of(json_t *list)
{
    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        size_t len = 0;
        guchar *data = text && *text ? g_base64_decode(text, &len) : NULL;

        if (len > 0 && len <= 1200)
            g_ptr_array_add(frames, g_bytes_new_take(data, len));
        else
            g_free(data);
    }
    if (frames->len == json_array_size(list) && frames->len > 0)
        return frames;
    g_ptr_array_unref(frames);
    return NULL;
}

static const char *do_send(json_t *cmd, json_t *ret)
{
    json_t *list = json_object_get(cmd, "frames");
    request r = { .cmd = cmd, .frames = list ? frames_of(list) : NULL };

    if (list && !r.frames)
        return "frames is no list of payloads in base64";
    for_each_named(cmd, send_one, &r);
    json_object_set_new(ret, "count", json_integer(r.count));
    json_object_del(ret, "frames");
    if (r.frames)
        g_ptr_array_unref(r.frames);
    return r.why;
}

static void hello_one(wp_ep *ep, request *r)
{
    if (ep->state == WP_CHECKED) {
        wp_dtls_hello(ep);
        r->count++;
    }
}

/* A ClientHello from each endpoint that ICE is through for and that was told "no_dtls". */
static const char *do_hello(json_t *cmd, json_t *ret)
{
    request r = { .cmd = cmd };

    for_each_named(cmd, hello_one, &r);
    json_object_set_new(ret, "count", json_integer(r.count));
    return r.why;
}

static void stop_one(wp_ep *ep, request *r)
{
    wp_flow_stop(ep);
}

static const char *do_stop(json_t *cmd, json_t *ret)
{
    request r = { .cmd = cmd };

    for_each_named(cmd, stop_one, &r);
    return r.why;
}

static const char *do_dtmf(json_t *cmd, json_t *ret)
{
    const char *digit = json_string_value(json_object_get(cmd, "digit"));
    wp_ep *ep = ep_find(cmd);

    if (!ep || !digit)
        return "no such endpoint, or no digit";
    return wp_flow_dtmf(ep, digit[0], number(cmd, "duration_ms", 100));
}

/* What no browser sends, from a browser's address. */
static const char *do_raw(json_t *cmd, json_t *ret)
{
    const char *hex = json_string_value(json_object_get(cmd, "hex"));
    wp_ep *ep = ep_find(cmd);
    uint8_t data[WP_PACKET_MAX];
    size_t len = 0;

    if (!ep || !hex)
        return "no such endpoint, or no hex";
    for (; len < sizeof data && g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]); hex += 2)
        data[len++] = (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
    for (unsigned i = number(cmd, "count", 1); i > 0; i--)
        wp_send(ep, ep->sock, data, len, &ep->remote);
    return NULL;
}

static const char *again(json_t *cmd, bool forge)
{
    wp_ep *ep = ep_find(cmd);

    return ep ? wp_flow_again(ep, number(cmd, "count", 1), forge) : "no such endpoint";
}

static const char *do_replay(json_t *cmd, json_t *ret)
{
    return again(cmd, false);
}

static const char *do_forge(json_t *cmd, json_t *ret)
{
    return again(cmd, true);
}

static json_t *stats_of(const wp_ep *ep, unsigned hz)
{
    const char *codec = ep->meter.pt == 8 ? "PCMA" : ep->meter.pt == 0 ? "PCMU" : NULL;
    json_t *json = wp_meter_json(&ep->meter, codec, hz);

    json_object_set_new(json, "id", json_integer(ep->id));
    json_object_set_new(json, "web", json_boolean(ep->web));
    if (ep->web)
        json_object_set_new(json, "connected", json_boolean(ep->state == WP_CONNECTED));
    return json;
}

static void stats_one(wp_ep *ep, request *r)
{
    wp_meter_add(&r->sum, &ep->meter);
    if (r->list)
        json_array_append_new(r->list, stats_of(ep, number(r->cmd, "tone_hz", 1000)));
    if (json_is_true(json_object_get(r->cmd, "reset")))
        wp_meter_reset(&ep->meter);
    r->count++;
}

/* {"summary":true}: the sum only; {"reset":true}: and count from zero again */
static const char *do_stats(json_t *cmd, json_t *ret)
{
    request r = { .cmd = cmd };

    if (!json_is_true(json_object_get(cmd, "summary")))
        json_object_set_new(ret, "endpoints", r.list = json_array());
    for_each_named(cmd, stats_one, &r);
    json_object_set_new(ret, "sum", wp_meter_json(&r.sum, NULL, 1000));
    json_object_set_new(ret, "count", json_integer(r.count));
    return r.why;
}

static const char *do_close(json_t *cmd, json_t *ret)
{
    wp_ep *ep = ep_find(cmd);

    if (ep && json_is_true(json_object_get(cmd, "goodbye")))
        wp_dtls_goodbye(ep);
    if (ep)
        g_hash_table_remove(eps, &ep->id);
    else if (!json_object_get(cmd, "id"))
        g_hash_table_remove_all(eps);
    else
        return "no such endpoint";
    return NULL;
}

static const struct {
    const char *name;
    const char *(*run)(json_t *cmd, json_t *ret);
} commands[] = {
    { "web.offer", do_web_offer },
    { "web.answer", do_answer },
    { "web.accept", do_web_accept },
    { "rtp.offer", do_rtp_offer },
    { "rtp.answer", do_answer },
    { "rtp.accept", do_rtp_accept },
    { "send", do_send },
    { "stop", do_stop },
    { "dtmf", do_dtmf },
    { "stats", do_stats },
    { "close", do_close },
    { "dtls.hello", do_hello },
    { "raw", do_raw },
    { "replay", do_replay },
    { "forge", do_forge },
};

void wp_command_init(void)
{
    eps = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)wp_ep_free);
}

static const char *run(json_t *cmd, json_t *ret)
{
    const char *name = json_string_value(json_object_get(cmd, "cmd"));

    for (size_t i = 0; name && i < G_N_ELEMENTS(commands); i++)
        if (!strcmp(commands[i].name, name))
            return commands[i].run(cmd, ret);
    return "unknown command";
}

bool wp_command(const char *line, size_t len)
{
    json_t *cmd = json_loadb(line, len, 0, NULL);
    json_t *ret = json_object();
    const char *why;

    if (!g_strcmp0(json_string_value(json_object_get(cmd, "cmd")), "quit")) {
        g_hash_table_remove_all(eps);
        json_decref(cmd);
        json_decref(ret);
        return false;
    }
    json_object_update_missing(ret, cmd);
    json_object_del(ret, "sdp");
    why = cmd ? run(cmd, ret) : "not JSON";
    if (why)
        json_object_set_new(ret, "error", json_string(why));
    print(ret);
    json_decref(cmd);
    return true;
}
