/* A peer with full ICE against a browser made of libnice's agent, a DTLS client and SRTP. The
 * browser's agent runs when the test lets it: one that vanished is one that is not let. */
#include "webrtc/peer.h"

#include "base/ident.h"
#include "base/stats.h"
#include "dtls-client.h"

#include <glib.h>
#include <nice/agent.h>
#include <string.h>

#define WAIT_MS 20000

typedef struct rig_opts {
    const char *ip; /* of both */
    bool tcp_only, both_controlled, we_offer;
    unsigned connect_ms, consent_ms, candidates_max;
    const char *public_address;
} rig_opts;

typedef struct rig {
    rig_opts o;
    cw_loop *loop;
    cw_webrtc *webrtc;
    cw_plane *plane;
    cw_peer *peer;
    cw_ep *echo;
    char why[128];
    unsigned ice_n, connected_n, failed_n, told_n, told_end_n;
    cw_err failed;
    char told[CW_CANDIDATE_PRINT], mid[CW_MID_MAX + 1];

    /* The browser */
    bool gone;
    GMainContext *context;
    NiceAgent *nice;
    guint stream;
    char *ufrag, *pwd;
    GPtrArray *early; /* candidates found before the gateway knows of it */
    bool known, deaf; /* deaf: does not take candidates of ours */
    dtls_client dtls;
    cw_srtp *srtp;
    unsigned got_n, ready_n;
} rig;

static void step(rig *r)
{
    cw_assert_on_loop();
    cw_loop_step(r->loop, 5);
    if (r->gone || !r->context)
        return;
    while (g_main_context_iteration(r->context, FALSE))
        ;
    if (r->dtls.ssl)
        dtls_client_timer(&r->dtls);
}

#define RUN_UNTIL(r, condition)                                                                    \
    do {                                                                                           \
        uint64_t end_ms = cw_now_ms() + WAIT_MS;                                                   \
        while (!(condition)) {                                                                     \
            g_assert_cmpuint(cw_now_ms(), <, end_ms);                                              \
            step(r);                                                                               \
        }                                                                                          \
    } while (0)

/* ── The browser ── */

static void from_gateway(rig *r, const char *candidate)
{
    g_autofree char *line = g_strdup_printf("a=%s", candidate);
    NiceCandidate *parsed = nice_agent_parse_remote_candidate_sdp(r->nice, r->stream, line);
    GSList list = { .data = parsed };

    g_assert_nonnull(parsed); /* libnice reads what we write */
    if (!r->deaf)
        nice_agent_set_remote_candidates(r->nice, r->stream, 1, &list);
    nice_candidate_free(parsed);
}

static void to_gateway(rig *r, const char *candidate)
{
    cw_assert_on_loop();
    if (r->known && r->peer)
        g_assert_cmpint(cw_peer_candidate(r->peer, candidate, r->why), ==, CW_OK);
    else
        g_ptr_array_add(r->early, g_strdup(candidate));
}

static void on_far_candidate(NiceAgent *nice, NiceCandidate *candidate, gpointer arg)
{
    g_autofree char *line = nice_agent_generate_local_candidate_sdp(nice, candidate);

    to_gateway(arg, line + 2);
}

static void on_far_gathered(NiceAgent *nice, guint stream, gpointer arg)
{
    to_gateway(arg, "");
}

static void on_far_state(NiceAgent *nice, guint stream, guint component, guint state, gpointer arg)
{
    rig *r = arg;

    r->ready_n += state == NICE_COMPONENT_STATE_READY;
}

static void on_far_packet(NiceAgent *nice, guint stream, guint component, guint len, gchar *data,
                          gpointer arg)
{
    rig *r = arg;
    uint8_t copy[2048];
    size_t n = len;

    memcpy(copy, data, len);
    if (copy[0] < 128)
        dtls_client_feed(&r->dtls, copy, len);
    else if (r->srtp && copy[1] < 200 && cw_srtp_unprotect(r->srtp, copy, &n) == CW_OK)
        r->got_n++;
}

static void wire_send(void *arg, const uint8_t *data, size_t len)
{
    rig *r = arg;

    nice_agent_send(r->nice, r->stream, 1, (guint)len, (const char *)data);
}

static void browser_init(rig *r)
{
    NiceAddress addr;

    r->context = g_main_context_new();
    r->early = g_ptr_array_new_with_free_func(g_free);
    r->nice =
        nice_agent_new_full(r->context, NICE_COMPATIBILITY_RFC5245,
                            NICE_AGENT_OPTION_REGULAR_NOMINATION | NICE_AGENT_OPTION_ICE_TRICKLE);
    g_object_set(r->nice, "upnp", FALSE, "ice-udp", !r->o.tcp_only, "ice-tcp", r->o.tcp_only,
                 "controlling-mode", !r->o.we_offer && !r->o.both_controlled, NULL);
    nice_address_init(&addr);
    g_assert_true(nice_address_set_from_string(&addr, r->o.ip));
    nice_agent_add_local_address(r->nice, &addr);
    g_signal_connect(r->nice, "new-candidate-full", G_CALLBACK(on_far_candidate), r);
    g_signal_connect(r->nice, "candidate-gathering-done", G_CALLBACK(on_far_gathered), r);
    g_signal_connect(r->nice, "component-state-changed", G_CALLBACK(on_far_state), r);
    r->stream = nice_agent_add_stream(r->nice, 1);
    nice_agent_attach_recv(r->nice, r->stream, 1, r->context, on_far_packet, r);
    g_assert_true(nice_agent_get_local_credentials(r->nice, r->stream, &r->ufrag, &r->pwd));
    g_assert_true(nice_agent_gather_candidates(r->nice, r->stream));
    r->dtls.send = wire_send;
    r->dtls.arg = r;
    dtls_client_start(&r->dtls, &(dtls_client_conf){ .profiles = "SRTP_AEAD_AES_128_GCM" });
}

static void browser_clear(rig *r)
{
    cw_srtp_free(r->srtp);
    dtls_client_clear(&r->dtls);
    g_object_unref(r->nice);
    while (g_main_context_iteration(r->context, FALSE))
        ;
    g_main_context_unref(r->context);
    g_ptr_array_unref(r->early);
    g_free(r->ufrag);
    g_free(r->pwd);
}

static char *browser_sdp(rig *r, bool is_offer)
{
    GString *out = g_string_new("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
                                "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8\r\n"
                                "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\n");
    cw_fingerprint print = dtls_client_print(r->dtls.cert, "sha-256");

    g_string_append_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 ",
                           r->ufrag, r->pwd);
    for (size_t i = 0; i < print.len; i++)
        g_string_append_printf(out, i ? ":%02X" : "%02X", print.value[i]);
    g_string_append_printf(out, "\r\na=setup:%s\r\na=sendrecv\r\na=rtpmap:8 PCMA/8000\r\n",
                           is_offer ? "actpass" : "active");
    return g_string_free(out, FALSE);
}

static void line_of(const char *sdp, const char *key, char *ret, size_t cap)
{
    const char *at = strstr(sdp, key);

    g_assert_nonnull(at);
    at += strlen(key);
    g_strlcpy(ret, at, MIN(cap, strcspn(at, "\r ") + 1));
}

static void read_sdp(rig *r, const char *sdp)
{
    char ufrag[64], pwd[64];
    g_auto(GStrv) lines = g_strsplit(sdp, "\r\n", -1);

    g_assert_null(strstr(sdp, "a=ice-lite"));
    g_assert_nonnull(strstr(sdp, "a=ice-options:trickle\r\n"));
    line_of(sdp, "a=ice-ufrag:", ufrag, sizeof ufrag);
    line_of(sdp, "a=ice-pwd:", pwd, sizeof pwd);
    nice_agent_set_remote_credentials(r->nice, r->stream, ufrag, pwd);
    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(*line, "a=candidate:"))
            from_gateway(r, *line + 2);
}

/* ── What the peer tells ── */

static void on_ice(void *arg, const cw_addr *remote)
{
    rig *r = arg;

    g_assert_true(cw_addr_is_loopback(remote));
    r->ice_n++;
}

static void on_connected(void *arg, cw_srtp_suite suite)
{
    rig *r = arg;

    g_assert_cmpint(suite, ==, CW_SRTP_AEAD_AES_128_GCM);
    r->connected_n++;
}

static void on_failed(void *arg, cw_err err)
{
    rig *r = arg;

    r->failed = err;
    r->failed_n++;
}

static void on_dtmf(void *arg, unsigned stream, char digit, unsigned duration_ms, bool passed) {}

static void on_flowing(void *arg, unsigned stream) {}

static void on_candidate(void *arg, const char *candidate, const char *mid)
{
    rig *r = arg;

    g_strlcpy(r->mid, mid, sizeof r->mid);
    r->told_end_n += !candidate;
    r->told_n += candidate != NULL;
    if (!candidate)
        return;
    g_strlcpy(r->told, candidate, sizeof r->told);
    from_gateway(r, candidate);
}

static const cw_peer_ops ops = {
    .ice = on_ice,
    .connected = on_connected,
    .failed = on_failed,
    .dtmf = on_dtmf,
    .flowing = on_flowing,
    .candidate = on_candidate,
};

/* ── The gateway ── */

static void rig_init(rig *r, const rig_opts *opts)
{
    cw_webrtc_conf conf = { .connect_timeout_ms = opts->connect_ms ? opts->connect_ms : 15000,
                            .consent_timeout_ms = opts->consent_ms,
                            .candidates_max = opts->candidates_max,
                            .full = true };
    cw_plane_conf plane = { .workers = 1, .consent_timeout_ms = 30000 };

    memset(r, 0, sizeof *r);
    r->o = *opts;
    if (!r->o.ip)
        r->o.ip = "127.0.0.1";
    g_assert_cmpint(cw_loop_new(&r->loop), ==, CW_OK);
    cw_assert_on_loop();
    conf.full_conf.threads = 1;
    conf.full_conf.tcp = r->o.tcp_only;
    conf.full_conf.addr_n = 1;
    g_assert_cmpint(cw_addr_parse(r->o.ip, 0, &conf.full_conf.addr[0]), ==, CW_OK);
    if (opts->public_address)
        g_assert_cmpint(cw_addr_parse(opts->public_address, 0, &conf.public4), ==, CW_OK);
    g_assert_cmpint(cw_webrtc_new(r->loop, &conf, &plane.hooks, &r->webrtc), ==, CW_OK);
    g_assert_cmpint(cw_plane_new(r->loop, &plane, &r->plane, r->why), ==, CW_OK);
    cw_webrtc_use(r->webrtc, r->plane);
    g_assert_cmpint(cw_peer_new(r->webrtc, 0, &ops, r, &r->peer), ==, CW_OK);
    browser_init(r);
}

static void rig_clear(rig *r)
{
    cw_assert_on_loop();
    cw_ep_free(r->echo);
    cw_peer_free(r->peer);
    RUN_UNTIL(r, cw_stat_get(CW_STAT_transports) == 0);
    RUN_UNTIL(r, cw_stat_get(CW_STAT_dtls_open) == 0);
    cw_webrtc_free(r->webrtc);
    cw_plane_free(r->plane);
    browser_clear(r);
    cw_loop_free(r->loop);
}

/* The gateway knows of the call: what was found meanwhile goes there. */
static void release(rig *r)
{
    r->known = true;
    for (guint i = 0; i < r->early->len; i++)
        to_gateway(r, g_ptr_array_index(r->early, i));
    g_ptr_array_set_size(r->early, 0);
}

static void browser_offers(rig *r)
{
    g_autofree cw_media_desc *offer = g_new0(cw_media_desc, 1);
    g_autofree char *sdp = browser_sdp(r, true);
    g_autofree char *ours = NULL;

    cw_assert_on_loop();
    g_assert_cmpint(cw_peer_offered(r->peer, sdp, strlen(sdp), offer, r->why), ==, CW_OK);
    release(r); /* before the answer, as browsers do while it rings */
    g_assert_cmpint(cw_peer_answer(r->peer, offer, &ours), ==, CW_OK);
    read_sdp(r, ours);
}

static void we_offer(rig *r)
{
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1), *theirs = g_new0(cw_media_desc, 1);
    g_autofree char *sdp = browser_sdp(r, false);
    g_autofree char *ours = NULL;

    cw_assert_on_loop();
    desc->stream_n = 1;
    desc->stream[0].kind = CW_AUDIO;
    desc->stream[0].dir = CW_SENDRECV;
    desc->stream[0].format_n = 1;
    desc->stream[0].format[0].pt = 8;
    desc->stream[0].format[0].clock_hz = 8000;
    desc->stream[0].format[0].channels = 1;
    g_strlcpy(desc->stream[0].format[0].name, "PCMA", sizeof desc->stream[0].format[0].name);
    g_assert_cmpint(cw_peer_offer(r->peer, desc, &ours), ==, CW_OK);
    read_sdp(r, ours);
    g_assert_cmpint(cw_peer_answered(r->peer, sdp, strlen(sdp), theirs, r->why), ==, CW_OK);
    release(r);
}

static void connect_up(rig *r)
{
    cw_srtp_keys keys;

    if (r->o.we_offer)
        we_offer(r);
    else
        browser_offers(r);
    RUN_UNTIL(r, r->ready_n > 0);
    dtls_client_run(&r->dtls);
    RUN_UNTIL(r, r->connected_n && dtls_client_done(&r->dtls));
    keys = dtls_client_keys(&r->dtls);
    g_assert_cmpint(cw_srtp_new(&keys, &r->srtp), ==, CW_OK);
    cw_assert_on_loop();
    g_assert_cmpint(cw_ep_echo_new(r->plane, 0, &r->echo), ==, CW_OK);
    cw_ep_join(cw_peer_ep(r->peer, 0), r->echo);
}

/* Send until it comes back. */
static void assert_echo(rig *r, uint16_t seq)
{
    unsigned before = r->got_n;

    for (unsigned i = 0; i < 400 && r->got_n == before; i++, seq++) {
        uint8_t pkt[300] = { 0x80, 8, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, (uint8_t)i, 7 };
        size_t n = 12 + 160;

        g_assert_cmpint(cw_srtp_protect(r->srtp, pkt, &n), ==, CW_OK);
        wire_send(r, pkt, n);
        for (unsigned k = 0; k < 4; k++)
            step(r);
    }
    g_assert_cmpuint(r->got_n, >, before);
}

static json_t *ice_of(rig *r, json_t **all)
{
    cw_assert_on_loop();
    *all = cw_peer_json(r->peer);
    return json_object_get(*all, "ice");
}

static void assert_ice(rig *r, const char *key, const char *want)
{
    json_t *all, *ice = ice_of(r, &all);

    g_assert_cmpstr(json_string_value(json_object_get(ice, key)), ==, want);
    json_decref(all);
}

/* ── Calls ── */

static void run_call(const rig_opts *opts, const char *protocol)
{
    rig r;

    rig_init(&r, opts);
    connect_up(&r);
    assert_echo(&r, 100);
    assert_ice(&r, "mode", "full");
    assert_ice(&r, "local_type", "host");
    assert_ice(&r, "protocol", protocol);
    g_assert_cmpuint(r.ice_n, >=, 1);
    g_assert_cmpuint(r.failed_n, ==, 0);
    rig_clear(&r);
}

static void test_browser_offers(void)
{
    run_call(&(rig_opts){ 0 }, "udp");
}

static void test_we_offer(void)
{
    run_call(&(rig_opts){ .we_offer = true }, "udp");
}

static void test_ipv6(void)
{
    run_call(&(rig_opts){ .ip = "::1" }, "udp");
}

/* RFC 8445 7.3.1.1: both take themselves for controlled, nobody would nominate. */
static void test_role_conflict(void)
{
    run_call(&(rig_opts){ .both_controlled = true }, "udp");
}

static void test_tcp(void)
{
    run_call(&(rig_opts){ .tcp_only = true }, "tcp");
}

/* The browser never hears of our candidates: ours find it, and it learns a peer-reflexive one. */
static void test_our_checks(void)
{
    rig r;

    rig_init(&r, &(rig_opts){ 0 });
    r.deaf = true;
    connect_up(&r);
    assert_echo(&r, 100);
    rig_clear(&r);
}

static void test_trickle(void)
{
    rig r;

    rig_init(&r, &(rig_opts){ .public_address = "203.0.113.9" });
    browser_offers(&r);
    RUN_UNTIL(&r, r.told_end_n == 1);
    g_assert_cmpuint(r.told_n, ==, 1);
    g_assert_cmpstr(r.mid, ==, "0");
    g_assert_nonnull(strstr(r.told, " 203.0.113.9 ")); /* 1:1 NAT */
    g_assert_null(strstr(r.told, "127.0.0.1"));
    rig_clear(&r);
}

/* ── Restarts (RFC 8445 9) ── */

static void new_browser_credentials(rig *r)
{
    g_free(r->ufrag);
    g_free(r->pwd);
    g_assert_true(nice_agent_restart_stream(r->nice, r->stream));
    g_assert_true(nice_agent_get_local_credentials(r->nice, r->stream, &r->ufrag, &r->pwd));
}

/* An agent does not gather anew: what it has it tells again. */
static void tell_again(rig *r)
{
    GSList *all = nice_agent_get_local_candidates(r->nice, r->stream, 1);

    for (GSList *i = all; i; i = i->next)
        on_far_candidate(r->nice, i->data, r);
    g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
    to_gateway(r, "");
}

static void restart(bool ours)
{
    rig r;
    unsigned ready;
    json_t *all;

    rig_init(&r, &(rig_opts){ .we_offer = ours });
    connect_up(&r);
    assert_echo(&r, 100);
    ready = r.ready_n;
    new_browser_credentials(&r);
    cw_assert_on_loop();
    if (ours) {
        cw_peer_restart(r.peer);
        we_offer(&r);
    } else {
        browser_offers(&r);
    }
    tell_again(&r);
    RUN_UNTIL(&r, r.ready_n > ready);
    assert_echo(&r, 1000);
    g_assert_cmpint(json_integer_value(json_object_get(ice_of(&r, &all), "restarts")), ==, 1);
    json_decref(all);
    g_assert_cmpuint(r.connected_n, ==, 1); /* DTLS goes on */
    rig_clear(&r);
}

static void test_restart_by_browser(void)
{
    restart(false);
}

static void test_restart_by_us(void)
{
    restart(true);
}

/* ── Ends ── */

/* RFC 7675: our own checks are not answered any more. */
static void test_consent(void)
{
    uint64_t since_ms;
    rig r;

    rig_init(&r, &(rig_opts){ .consent_ms = 5000 });
    connect_up(&r);
    assert_echo(&r, 100);
    r.gone = true;
    since_ms = cw_now_ms();
    RUN_UNTIL(&r, r.failed_n);
    g_assert_cmpint(r.failed, ==, CW_E_MEDIA_LOST);
    g_assert_cmpuint(cw_now_ms() - since_ms, <=, CW_AGENT_CONSENT_MS + 5000);
    r.gone = false;
    rig_clear(&r);
}

static void test_no_check(void)
{
    rig r;

    rig_init(&r, &(rig_opts){ .connect_ms = 1000 });
    r.gone = true;
    browser_offers(&r);
    RUN_UNTIL(&r, r.failed_n);
    g_assert_cmpint(r.failed, ==, CW_E_ICE);
    r.gone = false;
    rig_clear(&r);
}

/* At every moment of a call's beginning. */
static void test_free_early(void)
{
    for (unsigned steps = 0; steps < 12; steps++) {
        rig r;

        rig_init(&r, &(rig_opts){ 0 });
        browser_offers(&r);
        dtls_client_run(&r.dtls);
        for (unsigned i = 0; i < steps * steps; i++)
            step(&r);
        rig_clear(&r);
    }
}

/* ── Candidates ── */

static void test_odd_candidates(void)
{
    static const char *const tolerated[] = {
        "candidate:1 1 UDP 2122252543 0b7e2f6e-1.local 54400 typ host",
        "candidate:2 1 TCP 2105524479 192.0.2.1 9 typ host tcptype active",
        "candidate:3 1 TCP 2105524479 192.0.2.1 9 typ host tcptype so",
        "candidate:4 1 dccp 2105524479 192.0.2.1 9 typ host",
        "candidate:5 2 udp 2122252543 127.0.0.1 9 typ host",
        "candidate:6 1 udp 2122252543 224.0.0.1 9 typ host",
        "candidate:7 1 udp 2122252543 0.0.0.0 9 typ host",
        "candidate:8 1 udp 2122252543 ::ffff:127.0.0.1 9 typ host",
        "candidate:9 1 udp 2122252543 127.0.0.1 0 typ host",
        "candidate:a 1 udp 2122252543 127.0.0.1 9 typ tomorrow",
        "candidate:b 1 udp 2122252543 127.0.0.1 9 typ relay raddr 0.0.0.0 rport 0 ufrag another",
    };
    rig r;

    rig_init(&r, &(rig_opts){ .candidates_max = G_N_ELEMENTS(tolerated) + 2 });
    browser_offers(&r); /* with one candidate of its own */
    RUN_UNTIL(&r, r.early->len == 0 && r.told_end_n == 1);
    cw_assert_on_loop();
    for (unsigned i = 0; i < G_N_ELEMENTS(tolerated); i++)
        g_assert_cmpint(cw_peer_candidate(r.peer, tolerated[i], r.why), ==, CW_OK);
    g_assert_cmpint(cw_peer_candidate(r.peer, "candidate:1 1 udp", r.why), ==, CW_E_PARAMS);
    g_assert_nonnull(strstr(r.why, "candidate"));
    g_assert_cmpint(cw_peer_candidate(r.peer, tolerated[0], r.why), ==, CW_OK);
    g_assert_cmpint(cw_peer_candidate(r.peer, tolerated[0], r.why), ==, CW_E_OVERLOAD);
    RUN_UNTIL(&r, r.ready_n > 0);
    rig_clear(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (cw_srtp_init())
        return 99;
    g_test_add_func("/full/browser-offers", test_browser_offers);
    g_test_add_func("/full/we-offer", test_we_offer);
    g_test_add_func("/full/ipv6", test_ipv6);
    g_test_add_func("/full/role-conflict", test_role_conflict);
    g_test_add_func("/full/tcp", test_tcp);
    g_test_add_func("/full/our-checks", test_our_checks);
    g_test_add_func("/full/trickle", test_trickle);
    g_test_add_func("/full/restart/by-browser", test_restart_by_browser);
    g_test_add_func("/full/restart/by-us", test_restart_by_us);
    g_test_add_func("/full/consent", test_consent);
    g_test_add_func("/full/no-check", test_no_check);
    g_test_add_func("/full/free-early", test_free_early);
    g_test_add_func("/full/odd-candidates", test_odd_candidates);
    return g_test_run();
}
