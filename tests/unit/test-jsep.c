/* test-jsep.c - browsers' SDP: what Chromium and Firefox say, and what we say to them */
#include "webrtc/jsep.h"

#include <glib.h>
#include <string.h>

#define PRINT                                                                                      \
    "00:01:02:03:04:05:06:07:08:09:0a:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:"   \
    "1E:1F"
#define HEAD      "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define ICE       "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
#define DTLS      "a=fingerprint:sha-256 " PRINT "\r\na=setup:actpass\r\n"
#define TRANSPORT ICE DTLS "a=rtcp-mux\r\n"
#define TWCC      "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define AUDIO     "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
#define VIDEO     "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
#define DATA      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"

static const struct {
    const char *name, *text;
    cw_err want;
    const char *why; /* begins with */
} cases[] = {
    { "plain", HEAD AUDIO TRANSPORT, CW_OK, "" },
    { "session-level", HEAD TRANSPORT AUDIO "a=rtcp-mux\r\n", CW_OK, "" },
    { "not-sdp", "hello", CW_E_BAD_SDP, "line 1:" },
    { "control-byte", HEAD "a=x\002\r\n", CW_E_BAD_SDP, "line 5:" },
    { "no-media", HEAD TRANSPORT, CW_E_BAD_SDP, "no audio" },
    { "only-data", HEAD DATA TRANSPORT, CW_E_BAD_SDP, "no audio" },
    { "no-mux", HEAD AUDIO ICE DTLS, CW_E_BAD_SDP, "a=rtcp-mux" },
    { "no-ufrag", HEAD AUDIO "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=rtcp-mux\r\n" DTLS,
      CW_E_BAD_SDP, "a=ice-ufrag" },
    { "short-ufrag",
      HEAD AUDIO "a=ice-ufrag:abc\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=rtcp-mux\r\n" DTLS,
      CW_E_BAD_SDP, "a=ice-ufrag" },
    { "short-pwd",
      HEAD AUDIO "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstu\r\na=rtcp-mux\r\n" DTLS,
      CW_E_BAD_SDP, "a=ice-pwd" },
    { "ufrag-with-blank",
      HEAD AUDIO "a=ice-ufrag:ab cd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=rtcp-mux\r\n" DTLS,
      CW_E_BAD_SDP, "a=ice-ufrag" },
    { "no-fingerprint", HEAD AUDIO ICE "a=setup:actpass\r\na=rtcp-mux\r\n", CW_E_BAD_SDP,
      "no a=fingerprint" },
    { "sha-1", HEAD AUDIO ICE "a=fingerprint:sha-1 00:01\r\na=rtcp-mux\r\n", CW_E_BAD_SDP,
      "no a=fingerprint" },
    { "fingerprint-cut", HEAD AUDIO ICE "a=fingerprint:sha-256 00:01\r\na=rtcp-mux\r\n",
      CW_E_BAD_SDP, "no a=fingerprint" },
    { "setup-holdconn",
      HEAD AUDIO ICE "a=fingerprint:sha-256 " PRINT "\r\na=setup:holdconn\r\na=rtcp-mux\r\n",
      CW_E_BAD_SDP, "a=setup" },
    { "ice-lite", HEAD "a=ice-lite\r\n" AUDIO TRANSPORT, CW_E_UNSUPPORTED, "both sides" },
    { "no-bundle", HEAD AUDIO "a=mid:0\r\n" TRANSPORT VIDEO "a=mid:1\r\n" TRANSPORT,
      CW_E_UNSUPPORTED, "its media sections" },
    { "half-bundle",
      HEAD "a=group:BUNDLE 0\r\n" AUDIO "a=mid:0\r\n" TRANSPORT VIDEO "a=mid:1\r\n" TRANSPORT,
      CW_E_UNSUPPORTED, "its media sections" },
    { "bundle-prefix",
      HEAD "a=group:BUNDLE 0 11\r\n" AUDIO "a=mid:0\r\n" TRANSPORT VIDEO "a=mid:1\r\n" TRANSPORT,
      CW_E_UNSUPPORTED, "its media sections" },
    { "bundle",
      HEAD "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" TRANSPORT VIDEO "a=mid:1\r\n" TRANSPORT,
      CW_OK, "" },
    { "bundle-and-data-outside", HEAD AUDIO TRANSPORT DATA, CW_OK, "" },
    { "same-mid", HEAD AUDIO "a=mid:0\r\n" TRANSPORT VIDEO "a=mid:0\r\n" TRANSPORT, CW_E_BAD_SDP,
      "two sections" },
    { "mid-too-long", HEAD AUDIO "a=mid:012345678901234567890123456789012\r\n" TRANSPORT,
      CW_E_BAD_SDP, "a=mid" },
    { "mid-blank", HEAD AUDIO "a=mid:a b\r\n" TRANSPORT, CW_E_BAD_SDP, "a=mid" },
    { "five-sections", HEAD AUDIO TRANSPORT DATA DATA DATA DATA, CW_E_UNSUPPORTED, "more media" },
    { "type-not-a-number", HEAD "m=audio 9 UDP/TLS/RTP/SAVPF x\r\n" TRANSPORT, CW_E_BAD_SDP,
      "a format" },
    { "plain-rtp-beside", HEAD AUDIO TRANSPORT "m=audio 9 RTP/AVP 0\r\n", CW_OK, "" },
    { "plain-rtp-alone", HEAD "m=audio 9 RTP/AVP 0\r\n" TRANSPORT, CW_E_BAD_SDP, "no audio" },
};

static void test_parse(void)
{
    g_autofree cw_jsep *jsep = g_new(cw_jsep, 1);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t len = strlen(cases[i].text);
        g_autofree char *text = g_memdup2(cases[i].text, len);
        char why[128];

        g_test_message("%s", cases[i].name);
        g_assert_cmpint(cw_jsep_parse(text, len, jsep, why), ==, cases[i].want);
        g_assert_cmpuint(strncmp(why, cases[i].why, strlen(cases[i].why)), ==, 0);
        g_assert_true((cases[i].want == CW_OK) == !why[0]);
    }
}

static void test_too_large(void)
{
    g_autofree char *big = g_strnfill(33000, 'a');
    g_autofree cw_jsep *jsep = g_new(cw_jsep, 1);
    char why[128];

    g_assert_cmpint(cw_jsep_parse(big, 33000, jsep, why), ==, CW_E_TOO_LARGE);
}

static void test_details(void)
{
    static const char text[] = HEAD
        "a=group:BUNDLE a v\r\n" AUDIO "a=mid:a\r\n" TRANSPORT
        "a=extmap:300 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
        "m=video 0 UDP/TLS/RTP/SAVPF 70 96\r\na=rtpmap:70 VP9/90000\r\na=rtpmap:96 VP8/90000\r\n"
        "a=bundle-only\r\na=mid:v\r\n" TRANSPORT "a=extmap:9/sendrecv "
        "urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:96 goog-remb\r\n";
    g_autofree cw_jsep *jsep = g_new(cw_jsep, 1);
    char why[128];

    g_assert_cmpint(cw_jsep_parse(text, sizeof text - 1, jsep, why), ==, CW_OK);
    g_assert_cmpuint(jsep->mid_ext, ==, 9); /* 300 is no one-byte id */
    g_assert_false(jsep->desc.stream[1].refused);
    g_assert_cmpuint(jsep->desc.stream[1].format_n, ==, 1); /* 70 would be RTCP */
    g_assert_cmpuint(jsep->desc.stream[1].feedback, ==, CW_FB_PLI | CW_FB_REMB);
    g_assert_cmpint(jsep->setup, ==, CW_SETUP_ACTPASS);
    g_assert_cmpuint(jsep->fingerprint.len, ==, 32);
    g_assert_cmpuint(jsep->fingerprint.value[31], ==, 0x1f);
    g_assert_cmpstr(jsep->mid[1], ==, "v");
}

/* ── What the browsers of Debian 12 really send ── */

static char *corpus(const char *name, size_t *len)
{
    const char *src = g_getenv("CW_SRCDIR");
    g_autofree char *path = g_build_filename(src ? src : ".", "tests/fuzz/corpus/jsep", name, NULL);
    char *text;

    g_assert_true(g_file_get_contents(path, &text, len, NULL));
    return text;
}

static const struct {
    const char *file, *audio, *video;
    cw_setup setup;
    unsigned streams, mid_ext;
    bool data;
    unsigned feedback;
} browsers[] = {
    { "chromium-offer",
      "opus=111 G722=9 PCMU=0 PCMA=8 CN=13 telephone-event=110 telephone-event=126", "VP8=96 ",
      CW_SETUP_ACTPASS, 3, 4, true, CW_FB_ALL },
    { "firefox-offer", "opus=109 G722=9 PCMU=0 PCMA=8 telephone-event=101",
      "VP8=120 VP9=121 AV1=99", CW_SETUP_ACTPASS, 3, 3, true, CW_FB_ALL },
    { "chromium-audio",
      "opus=111 G722=9 PCMU=0 PCMA=8 CN=13 telephone-event=110 telephone-event=126", NULL,
      CW_SETUP_ACTPASS, 1, 4, false },
    { "firefox-audio", "opus=109 G722=9 PCMU=0 PCMA=8 telephone-event=101", NULL, CW_SETUP_ACTPASS,
      1, 3, false },
    { "chromium-answer", "opus=111 G722=9 PCMU=0 PCMA=8 telephone-event=110 telephone-event=126",
      "VP8=96 ", CW_SETUP_ACTIVE, 2, 4, false, CW_FB_SIP | CW_FB_REMB },
    { "firefox-answer", "opus=109 G722=9 PCMU=0 PCMA=8 telephone-event=101",
      "VP8=120 VP9=121 AV1=99", CW_SETUP_ACTIVE, 2, 4, false, CW_FB_SIP | CW_FB_REMB },
};

static char *names_of(const cw_stream *stream)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < stream->format_n; i++)
        g_string_append_printf(text, "%s%s=%u", i ? " " : "", stream->format[i].name,
                               stream->format[i].pt);
    return g_string_free(text, FALSE);
}

static void test_browsers(void)
{
    g_autofree cw_jsep *jsep = g_new(cw_jsep, 1);

    for (size_t i = 0; i < G_N_ELEMENTS(browsers); i++) {
        size_t len;
        g_autofree char *text = corpus(browsers[i].file, &len);
        g_autofree char *audio = NULL, *video = NULL;
        char why[128];

        g_test_message("%s", browsers[i].file);
        g_assert_cmpint(cw_jsep_parse(text, len, jsep, why), ==, CW_OK);
        g_assert_cmpuint(jsep->desc.stream_n, ==, browsers[i].streams);
        audio = names_of(&jsep->desc.stream[0]);
        g_assert_cmpstr(audio, ==, browsers[i].audio);
        g_assert_cmpint(jsep->setup, ==, browsers[i].setup);
        g_assert_cmpuint(jsep->mid_ext, ==, browsers[i].mid_ext);
        g_assert_cmpstr(jsep->mid[0], ==, "0");
        if (browsers[i].video) {
            video = names_of(&jsep->desc.stream[1]);
            g_assert_true(g_str_has_prefix(video, browsers[i].video));
            g_assert_cmpuint(jsep->desc.stream[1].feedback, ==, browsers[i].feedback);
        }
        if (browsers[i].data)
            g_assert_cmpstr(jsep->desc.stream[2].section, ==,
                            "application 0 UDP/DTLS/SCTP webrtc-datachannel");
    }
}

/* ── What we say ── */

static void ours(cw_jsep *local)
{
    *local = (cw_jsep){ .session_id = 17, .version = 2, .ssrc = { 4711 }, .cname = "cw" };
    strcpy(local->ufrag, "uuuu");
    strcpy(local->pwd, "pppppppppppppppppppppp");
    local->fingerprint = (cw_fingerprint){ .hash = "sha-256", .len = 32, .value = { 0xab } };
    local->candidate_n = 2;
    local->complete = true;
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *text =
            g_strdup_printf("candidate:%u 1 udp %u %s 7000 typ host", i + 1,
                            cw_candidate_priority(CW_CANDIDATE_HOST, (uint16_t)(65535 - i)),
                            i ? "2001:db8::9" : "192.0.2.9");

        g_assert_cmpint(cw_candidate_parse(text, strlen(text), &local->candidate[i], NULL, NULL),
                        ==, CW_OK);
    }
}

#define OUR_TRANSPORT(setup)                                                                       \
    "a=ice-ufrag:uuuu\r\na=ice-pwd:pppppppppppppppppppppp\r\na=fingerprint:sha-256 "               \
    "AB:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"   \
    "00:00\r\na=setup:" setup "\r\na=rtcp-mux\r\n"
#define OUR_CANDIDATES                                                                             \
    "a=candidate:1 1 udp 2130706431 192.0.2.9 7000 typ host\r\n"                                   \
    "a=candidate:2 1 udp 2130706175 2001:db8::9 7000 typ host\r\na=end-of-candidates\r\n"

static void test_answer(void)
{
    static const char offer_text[] = HEAD
        "a=group:BUNDLE d x y\r\n" DATA "a=mid:d\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 8\r\na=rtpmap:111 opus/48000/2\r\na=mid:x\r\n" TRANSPORT
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" VIDEO "a=mid:y\r\n" TRANSPORT
        "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtcp-fb:96 transport-cc\r\n"
        "a=extmap:3 " TWCC "\r\na=rtcp-rsize\r\nb=AS:900\r\na=rtcp-fb:96 nack\r\n"
        "a=simulcast:send hi;lo\r\na=rid:hi send\r\na=rid:lo send\r\n";
    g_autofree cw_jsep *offer = g_new(cw_jsep, 1);
    g_autofree cw_jsep *local = g_new(cw_jsep, 1);
    g_autofree cw_media_desc *kept = g_new0(cw_media_desc, 1);
    static char *const allow[] = { "PCMA", "VP8", NULL };
    static const cw_codec_policy policy = { .codecs = allow };
    g_autofree char *text = NULL;
    char why[128];

    g_assert_cmpint(cw_jsep_parse(offer_text, sizeof offer_text - 1, offer, why), ==, CW_OK);
    cw_desc_filter(&offer->desc, &policy, kept);
    g_assert_cmpuint(kept->stream[2].bandwidth_kbps, ==, 900); /* for the other leg to honour */
    g_assert_cmpuint(kept->stream[2].format[0].rtx_pt, ==, 0);
    kept->stream[2].bandwidth_kbps = 500; /* what that said of itself */
    ours(local);
    local->ssrc[2] = 5;
    local->rtx_ssrc[2] = 6;
    cw_jsep_mirror(offer, local);
    g_assert_cmpint(cw_desc_answer(&offer->desc, &policy, kept, &local->desc), ==, CW_OK);
    text = cw_jsep_print(local, false);
    g_assert_cmpstr(
        text, ==,
        "v=0\r\no=causeway 17 2 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\n"
        "a=group:BUNDLE x y\r\na=ice-lite\r\n"
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
        "a=mid:d\r\na=inactive\r\n"
        "m=audio 7000 UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4 192.0.2.9\r\na=sendrecv\r\n"
        "a=rtpmap:8 PCMA/8000\r\na=mid:x\r\n" OUR_TRANSPORT("passive") OUR_CANDIDATES
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
        "a=msid:cw cw-1\r\n"
        "m=video 7000 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 192.0.2.9\r\n"
        "b=AS:500\r\nb=TIAS:500000\r\na=sendrecv\r\n"
        "a=rtpmap:96 VP8/90000\r\na=rtcp-rsize\r\na=extmap:3 " TWCC "\r\n"
        "a=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 nack\r\n"
        "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=mid:y\r\n" OUR_TRANSPORT(
            "passive") "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=msid:cw cw-2\r\n"
                       "a=ssrc-group:FID 5 6\r\na=ssrc:5 cname:cw\r\na=ssrc:6 cname:cw\r\n");
}

static void test_offer(void)
{
    g_autofree cw_jsep *local = g_new(cw_jsep, 1);
    g_autofree char *text = NULL;

    ours(local);
    local->desc.stream_n = 2;
    local->desc.stream[0] =
        (cw_stream){ .dir = CW_RECVONLY, .format_n = 1, .format = { { "PCMA", 8000, 1, 8, "" } } };
    local->desc.stream[1] = (cw_stream){ .kind = CW_VIDEO,
                                         .dir = CW_SENDRECV,
                                         .format_n = 1,
                                         .format = { { "VP8", 90000, 1, 96, "" } } };
    cw_desc_offer_feedback(&local->desc, CW_FB_ALL, 5);
    text = cw_jsep_print(local, true);
    g_assert_cmpstr(
        text, ==,
        "v=0\r\no=causeway 17 2 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\n"
        "a=group:BUNDLE 0 1\r\na=ice-lite\r\n"
        "m=audio 7000 UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4 192.0.2.9\r\na=recvonly\r\n"
        "a=rtpmap:8 PCMA/8000\r\na=mid:0\r\n" OUR_TRANSPORT("actpass") OUR_CANDIDATES
        "a=ssrc:4711 cname:cw\r\n"
        "m=video 7000 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 192.0.2.9\r\na=sendrecv\r\n"
        "a=rtpmap:96 VP8/90000\r\na=rtcp-rsize\r\na=extmap:5 " TWCC "\r\n"
        "a=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\n"
        "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\n"
        "a=fmtp:97 apt=96\r\na=mid:1\r\n" OUR_TRANSPORT("actpass") "a=msid:cw cw-1\r\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jsep/parse", test_parse);
    g_test_add_func("/jsep/parse/too-large", test_too_large);
    g_test_add_func("/jsep/parse/details", test_details);
    g_test_add_func("/jsep/parse/browsers", test_browsers);
    g_test_add_func("/jsep/print/answer", test_answer);
    g_test_add_func("/jsep/print/offer", test_offer);
    return g_test_run();
}
