/* bare.c - the gateway's media without its signalling: ICE, DTLS, SRTP and the workers, steered by
 * lines of JSON as rtpengine is by its control protocol. For what a call's media alone holds.
 *
 *   bare ADDRESS PORT-MIN PORT-MAX
 *
 *   {"id":1,"offer":SDP,"web":true}  ->  {"id":1,"sdp":the offer for the far end}
 *   {"id":1,"answer":SDP}            ->  {"id":1,"sdp":the answer for the near end}
 */
#include "base/json.h"
#include "media/sdp/sdp.h"
#include "webrtc/peer.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct end {
    cw_media_desc desc;
    cw_rtp_place place[CW_DESC_STREAMS_MAX];
} end;

/* A stream of sound each. */
typedef struct call {
    cw_peer *peer; /* NULL: two RTP ends */
    cw_ep *near, *far;
    cw_media_desc *offered, *ours; /* by the near end, to the far end */
    cw_rtp_place place;            /* of the near end */
} call;

static cw_loop *loop;
static cw_plane *plane;
static cw_webrtc *webrtc;
static GHashTable *calls;
static GString *input;

static void must(cw_err err, const char *what)
{
    if (!err)
        return;
    fprintf(stderr, "bare: %s: %s\n", what, cw_err_text(err));
    exit(1);
}

/* ── What the endpoints tell, and nobody hears ── */
static void on_ep(void *arg, cw_ep_event event, const cw_ep_info *info)
{
    (void)arg;
    (void)event;
    (void)info;
}

static void on_ice(void *arg, const cw_addr *remote)
{
    (void)arg;
    (void)remote;
}

static void on_connected(void *arg, cw_srtp_suite suite)
{
    (void)arg;
    (void)suite;
}

static void on_failed(void *arg, cw_err err)
{
    (void)arg;
    must(err, "peer");
}

static void on_flowing(void *arg, unsigned stream)
{
    (void)arg;
    (void)stream;
}

static const cw_peer_ops ops = {
    .ice = on_ice, .connected = on_connected, .failed = on_failed, .flowing = on_flowing
};

/* ── Calls ── */
static void open_port(cw_ep **ep) CW_ON_LOOP
{
    must(cw_ep_rtp_new(plane, 0, AF_INET, on_ep, NULL, ep), "port");
}

static char *write_sdp(const cw_media_desc *desc, const cw_ep *ep) CW_ON_LOOP
{
    cw_rtp_place place[CW_DESC_STREAMS_MAX] = { 0 };

    place[0].rtp = place[0].rtcp = *cw_ep_rtp_local(ep);
    cw_addr_set_port(&place[0].rtcp, (uint16_t)(cw_addr_port(&place[0].rtp) + 1));
    return cw_sdp_write_rtp(desc, place, 1, 1);
}

static void set_port(cw_ep *ep, const cw_stream *rx, const cw_stream *tx,
                     const cw_rtp_place *place) CW_ON_LOOP
{
    cw_ep_formats(ep, rx, tx);
    cw_ep_rtp_remote(ep, &place->rtp, &place->rtcp, false, CW_LATCH_STRICT);
}

static char *offered(call *c, const char *sdp, bool web) CW_ON_LOOP
{
    g_autofree end *said = g_new0(end, 1);
    g_autofree cw_media_desc *kept = g_new0(cw_media_desc, 1), *ours = g_new0(cw_media_desc, 1);
    char why[128];

    if (web) {
        must(cw_peer_new(webrtc, 0, &ops, c, &c->peer), "peer");
        must(cw_peer_offered(c->peer, sdp, strlen(sdp), &said->desc, why), "offer");
    } else {
        must(cw_sdp_read_rtp(sdp, strlen(sdp), &said->desc, said->place, NULL), "offer");
        c->place = said->place[0];
    }
    cw_desc_filter(&said->desc, &cw_codec_any, kept);
    cw_desc_offer(kept, &cw_codec_any, ours);
    cw_desc_number(ours);
    c->offered = cw_desc_dup(&said->desc);
    c->ours = cw_desc_dup(ours);
    open_port(&c->far);
    return write_sdp(ours, c->far);
}

static char *answered(call *c, const char *sdp) CW_ON_LOOP
{
    g_autofree end *said = g_new0(end, 1);
    g_autofree cw_media_desc *answer = g_new0(cw_media_desc, 1);
    char *text = NULL;

    must(cw_sdp_read_rtp(sdp, strlen(sdp), &said->desc, said->place, NULL), "answer");
    must(cw_desc_answer(c->offered, &cw_codec_any, &said->desc, answer), "answer");
    set_port(c->far, &c->ours->stream[0], &said->desc.stream[0], &said->place[0]);
    if (c->peer) {
        must(cw_peer_answer(c->peer, answer, &text), "answer");
        c->near = cw_peer_ep(c->peer, 0);
    } else {
        open_port(&c->near);
        set_port(c->near, &answer->stream[0], &c->offered->stream[0], &c->place);
        text = write_sdp(answer, c->near);
    }
    cw_ep_join(c->near, c->far);
    return text;
}

/* ── Commands ── */
static void command(const char *line, size_t len) CW_ON_LOOP
{
    g_autoptr(json_t) cmd = NULL, reply = NULL;
    const char *offer, *answer;
    g_autofree char *sdp = NULL;
    gpointer id;
    char *text, why[128];
    call *c;

    must(cw_json_parse(line, len, &cmd, why), why);
    id = GINT_TO_POINTER((int)json_integer_value(json_object_get(cmd, "id")));
    offer = json_string_value(json_object_get(cmd, "offer"));
    answer = json_string_value(json_object_get(cmd, "answer"));
    c = g_hash_table_lookup(calls, id);
    if (offer) {
        c = g_new0(call, 1);
        g_hash_table_insert(calls, id, c);
        sdp = offered(c, offer, json_is_true(json_object_get(cmd, "web")));
    } else if (c && answer) {
        sdp = answered(c, answer);
    }
    reply = json_pack("{s:i s:s*}", "id", GPOINTER_TO_INT(id), "sdp", sdp);
    text = cw_json_print(reply);
    puts(text);
    fflush(stdout);
    free(text);
}

static void on_input(void *arg, unsigned events)
{
    char data[65536], *end_of_line;
    ssize_t n = read(STDIN_FILENO, data, sizeof data);

    (void)arg;
    (void)events;
    cw_assert_on_loop();
    if (n <= 0)
        exit(0);
    g_string_append_len(input, data, n);
    while ((end_of_line = memchr(input->str, '\n', input->len))) {
        command(input->str, (size_t)(end_of_line - input->str));
        g_string_erase(input, 0, end_of_line + 1 - input->str);
    }
}

int main(int argc, char **argv)
{
    cw_webrtc_conf conf = { .connect_timeout_ms = 30000 };
    cw_plane_conf media = { .workers = 1,
                            .browser_listen_n = 1,
                            .gather_us = 400,
                            .rtcp_interval_ms = 5000,
                            .consent_timeout_ms = 30000 };
    char why[128] = "";

    if (argc != 4 || cw_addr_parse(argv[1], 0, &media.rtp_listen4))
        return 2;
    media.browser_listen[0] = media.rtp_listen4;
    media.rtp_port_min = (uint16_t)atoi(argv[2]);
    media.rtp_port_max = (uint16_t)atoi(argv[3]);
    must(cw_loop_new(&loop), "loop");
    cw_assert_on_loop();
    must(cw_srtp_init(), "srtp");
    must(cw_webrtc_new(loop, &conf, &media.hooks, &webrtc), "webrtc");
    must(cw_plane_new(loop, &media, &plane, why), why);
    cw_webrtc_use(webrtc, plane);
    calls = g_hash_table_new(NULL, NULL);
    input = g_string_new(NULL);
    cw_watch_set(cw_watch_new(loop, STDIN_FILENO, on_input, NULL), CW_READABLE);
    cw_loop_run(loop);
    return 0;
}
