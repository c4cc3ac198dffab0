/* test-sdp.c - SDP as such, and that of the SIP side */
#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

#define HEAD    "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
#define SESSION HEAD "c=IN IP4 192.0.2.1\r\n"

static const struct {
    const char *name, *text;
    cw_err want;
    unsigned line, media_n;
} cases[] = {
    { "empty", "", CW_E_BAD_SDP, 1 },
    { "session-only", HEAD, CW_OK, 4, 0 },
    { "no-v", "o=- 1 2 IN IP4 192.0.2.1\r\n", CW_E_BAD_SDP, 1 },
    { "v-1", "v=1\r\n", CW_E_BAD_SDP, 1 },
    { "lf", "v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\nm=audio 4000 RTP/AVP 0", CW_OK, 4, 1 },
    { "blank-line", "v=0\r\n\r\ns=-\r\n\r\n", CW_OK, 4, 0 },
    { "cr-alone", "v=0\rs=-\r\n", CW_E_BAD_SDP, 1 },
    { "control-byte", HEAD "a=x\001\r\n", CW_E_BAD_SDP, 5 },
    { "del", HEAD "a=x\177y\r\n", CW_E_BAD_SDP, 5 },
    { "tab", HEAD "m=audio\t4000\tRTP/AVP\t0\r\n", CW_OK, 5, 1 },
    { "no-equals", HEAD "hello\r\n", CW_E_BAD_SDP, 5 },
    { "one-byte", HEAD "a", CW_E_BAD_SDP, 5 },
    { "digit-type", HEAD "1=x\r\n", CW_E_BAD_SDP, 5 },
    { "unknown-type", HEAD "Z=x\r\nm=audio 1 RTP/AVP 0\r\n", CW_OK, 6, 1 },
    { "origin-short", "v=0\r\no=- 1\r\n", CW_E_BAD_SDP, 2 },
    { "origin-late", HEAD "m=audio 1 RTP/AVP 0\r\no=- 1 1\r\n", CW_E_BAD_SDP, 6 },
    { "connection-short", HEAD "c=IN IP4\r\n", CW_E_BAD_SDP, 5 },
    { "connection-net", HEAD "c=ATM IP4 192.0.2.1\r\n", CW_E_BAD_SDP, 5 },
    { "attribute-empty", HEAD "a=\r\n", CW_E_BAD_SDP, 5 },
    { "attribute-no-name", HEAD "a=:x\r\n", CW_E_BAD_SDP, 5 },
    { "port-word", HEAD "m=audio x RTP/AVP 0\r\n", CW_E_BAD_SDP, 5 },
    { "port-65536", HEAD "m=audio 65536 RTP/AVP 0\r\n", CW_E_BAD_SDP, 5 },
    { "port-huge", HEAD "m=audio 99999999999999999999 RTP/AVP 0\r\n", CW_E_BAD_SDP, 5 },
    { "port-negative", HEAD "m=audio -1 RTP/AVP 0\r\n", CW_E_BAD_SDP, 5 },
    { "port-range", HEAD "m=audio 4000/2 RTP/AVP 0\r\n", CW_OK, 5, 1 },
    { "no-proto", HEAD "m=audio 4000\r\n", CW_E_BAD_SDP, 5 },
    { "no-format", HEAD "m=audio 4000 RTP/AVP\r\n", CW_OK, 5, 1 },
    { "slash-format", HEAD "m=x 9 Y /\r\n", CW_OK, 5, 1 },
    { "non-token-format", HEAD "m=video 3227 RTP/A((( 31\r\n", CW_OK, 5, 1 },
};

static void test_parse(void)
{
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t len = strlen(cases[i].text);
        g_autofree char *text = g_memdup2(cases[i].text, len);
        unsigned line = 0;

        g_test_message("%s", cases[i].name);
        g_assert_cmpint(cw_sdp_parse(text ? text : "", len, sdp, &line), ==, cases[i].want);
        g_assert_cmpuint(line, ==, cases[i].line);
        if (!cases[i].want)
            g_assert_cmpuint(sdp->media_n, ==, cases[i].media_n);
    }
}

static void test_parse_nul(void)
{
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);
    unsigned line;

    g_assert_cmpint(cw_sdp_parse("v=0\r\ns=\0\r\n", 10, sdp, &line), ==, CW_E_BAD_SDP);
    g_assert_cmpuint(line, ==, 2);
}

static cw_err parse_repeated(const char *line, unsigned n)
{
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);
    g_autoptr(GString) text = g_string_new("v=0\r\n");

    for (unsigned i = 0; i < n; i++)
        g_string_append(text, line);
    return cw_sdp_parse(text->str, text->len, sdp, NULL);
}

static void test_bounds(void)
{
    g_autofree char *big = g_strnfill(CW_SDP_BYTES_MAX, 'x');

    g_assert_cmpint(parse_repeated("a=x\r\n", CW_SDP_LINES_MAX - 1), ==, CW_OK);
    g_assert_cmpint(parse_repeated("a=x\r\n", CW_SDP_LINES_MAX), ==, CW_E_TOO_LARGE);
    g_assert_cmpint(parse_repeated("m=x 9 Y /\r\n", CW_SDP_MEDIA_MAX), ==, CW_OK);
    g_assert_cmpint(parse_repeated("m=x 9 Y /\r\n", CW_SDP_MEDIA_MAX + 1), ==, CW_E_TOO_LARGE);
    memcpy(big, "v=0\ni=", 6);
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);
    g_assert_cmpint(cw_sdp_parse(big, CW_SDP_BYTES_MAX, sdp, NULL), ==, CW_OK);
    g_assert_cmpint(cw_sdp_parse(big, CW_SDP_BYTES_MAX + 1, sdp, NULL), ==, CW_E_TOO_LARGE);
}

static void test_fields(void)
{
    static const char text[] =
        "v=0\r\no=alice 17 18 IN IP4 x\r\nc=IN IP4 224.2.1.1/127\r\na=tool\r\n"
        "m=audio 1 RTP/AVP 0 8\r\nb=AS:64\r\na=Ptime:30\r\na=x:\r\n"
        "m=video 2 RTP/AVP 31\r\nc=IN IP6 ::1\r\n";
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);
    const cw_sdp_attr *attr;

    g_assert_cmpint(cw_sdp_parse(text, sizeof text - 1, sdp, NULL), ==, CW_OK);
    g_assert_true(cw_span_is(sdp->origin_user, "alice"));
    g_assert_true(cw_span_is(sdp->session_id, "17"));
    g_assert_true(cw_span_is(sdp->session_version, "18"));
    g_assert_cmpuint(sdp->attr_n, ==, 1);
    g_assert_null(sdp->attr[0].value.s);
    g_assert_true(cw_span_is(sdp->media[0].connection, "224.2.1.1"));
    g_assert_true(cw_span_is(sdp->media[1].connection, "::1"));
    g_assert_cmpuint(sdp->media[0].bandwidth_kbps, ==, 64);
    g_assert_cmpuint(sdp->media[0].fmt_n, ==, 2);
    attr = cw_sdp_attr_find(sdp->media[0].attr, sdp->media[0].attr_n, "ptime");
    g_assert_nonnull(attr);
    g_assert_true(cw_span_is(attr->value, "30"));
    g_assert_null(cw_sdp_attr_find(sdp->media[1].attr, sdp->media[1].attr_n, "ptime"));
}

/* ── Streams ── */

static const struct {
    const char *name, *section; /* after SESSION */
    const char *want;           /* formats, or "refused", or NULL: CW_E_BAD_SDP */
    cw_dir dir;
} streams[] = {
    { "static", "m=audio 1 RTP/AVP 0 8 9 18\r\n",
      "PCMU/8000/1=0 PCMA/8000/1=8 G722/8000/1=9 G729/8000/1=18", CW_SENDRECV },
    { "static-video", "m=video 1 RTP/AVP 31 34\r\n", "H261/90000/1=31 H263/90000/1=34",
      CW_SENDRECV },
    { "dynamic", "m=audio 1 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\na=sendonly\r\n",
      "opus/48000/2=111", CW_SENDONLY },
    { "fmtp-before-rtpmap", "m=audio 1 RTP/AVP 96\r\na=fmtp:96 0-15\r\na=rtpmap:96 x/8000\r\n",
      "x/8000/1=96;0-15", CW_SENDRECV },
    { "no-rtpmap", "m=audio 1 RTP/AVP 96 8\r\na=inactive\r\n", "PCMA/8000/1=8", CW_INACTIVE },
    { "rtpmap-of-another", "m=audio 1 RTP/AVP 8\r\na=rtpmap:97 x/8000\r\n", "PCMA/8000/1=8",
      CW_SENDRECV },
    { "twice", "m=audio 1 RTP/AVP 8 8 8\r\n", "PCMA/8000/1=8", CW_SENDRECV },
    { "helpers",
      "m=audio 1 RTP/AVP 13 97 8 98\r\na=rtpmap:97 red/48000/2\r\na=rtpmap:13 CN/8000\r\n"
      "a=rtpmap:98 telephone-event/8000\r\n",
      "CN/8000/1=13 PCMA/8000/1=8 telephone-event/8000/1=98", CW_SENDRECV },
    { "name-too-long", "m=audio 1 RTP/AVP 96 8\r\na=rtpmap:96 aaaaaaaaaaaaaaaaaaaaaaaa/8000\r\n",
      "PCMA/8000/1=8", CW_SENDRECV },
    { "name-not-a-token", "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 a\"b/8000\r\n", "", CW_SENDRECV },
    { "clock-0", "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 x/0\r\n", "", CW_SENDRECV },
    { "clock-missing", "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 x\r\n", "", CW_SENDRECV },
    { "channels-0", "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 x/8000/0\r\n", "", CW_SENDRECV },
    { "channels-300", "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 x/8000/300\r\n", "", CW_SENDRECV },
    { "fmtp-not-ascii", "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 x/8000\r\na=fmtp:96 \xff\r\n", "",
      CW_SENDRECV },
    { "type-128", "m=audio 1 RTP/AVP 128\r\n", NULL },
    { "type-word", "m=audio 1 RTP/AVP 8 pcma\r\n", NULL },
    { "opus-fmtp",
      "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 OPUS/48000/2\r\n"
      "a=fmtp:96 useinbandfec=1; stereo=2;x=1;minptime=10;minptime=20;;cbr\r\n",
      "OPUS/48000/2=96;useinbandfec=1;minptime=10", CW_SENDRECV },
    { "port-0", "m=audio 0 RTP/AVP 8\r\n", "refused", CW_SENDRECV },
    { "image", "m=image 9 udptl t38\r\n", "refused image 0 udptl t38" },
    { "odd", "m=x 9 Y /\r\n", "refused x 0 Y /" },
    { "odd-without-format", "m=x 9 Y\r\n", "refused" },
    { "odd-proto", "m=video 3227 RTP/A((( 31 32\r\n", "refused video 0 RTP/A((( 31 32" },
};

static char *stream_text(const cw_stream *stream)
{
    GString *text = g_string_new(stream->refused ? "refused" : NULL);

    if (stream->section[0])
        g_string_append_printf(text, " %s", stream->section);
    for (unsigned i = 0; !stream->refused && i < stream->format_n; i++) {
        const cw_format *format = &stream->format[i];

        g_string_append_printf(text, "%s%s/%u/%u=%u", i ? " " : "", format->name, format->clock_hz,
                               format->channels, format->pt);
        if (format->fmtp[0])
            g_string_append_printf(text, ";%s", format->fmtp);
    }
    return g_string_free(text, FALSE);
}

static void test_stream(void)
{
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);

    for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
        g_autofree char *text = g_strconcat(SESSION, streams[i].section, NULL);
        g_autofree char *got = NULL;
        cw_stream stream;
        cw_err err;

        g_test_message("%s", streams[i].name);
        g_assert_cmpint(cw_sdp_parse(text, strlen(text), sdp, NULL), ==, CW_OK);
        err = cw_sdp_stream(sdp, &sdp->media[0], &stream);
        g_assert_cmpint(err, ==, streams[i].want ? CW_OK : CW_E_BAD_SDP);
        if (err)
            continue;
        got = stream_text(&stream);
        g_assert_cmpstr(got, ==, streams[i].want);
        g_assert_cmpint(stream.dir, ==, streams[i].dir);
    }
}

static void test_content(void)
{
    static const struct {
        const char *lines;
        bool slides;
    } rows[] = {
        { "m=video 1 RTP/AVP 34\r\n", false },
        { "m=video 1 RTP/AVP 34\r\na=content:slides\r\n", true },
        { "m=video 1 RTP/AVP 34\r\na=content:main,slides\r\n", true },
        { "m=video 1 RTP/AVP 34\r\na=content:slides,\r\n", true },
        { "m=video 1 RTP/AVP 34\r\na=content:slide,slidess\r\n", false },
        { "m=video 1 RTP/AVP 34\r\na=content:,\r\n", false },
        { "m=video 1 RTP/AVP 34\r\na=content\r\n", false },
        { "m=audio 1 RTP/AVP 8\r\na=content:slides\r\n", false },
    };
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(SESSION, rows[i].lines, NULL);
        g_autoptr(GString) printed = g_string_new(NULL);
        cw_stream stream;

        g_assert_cmpint(cw_sdp_parse(text, strlen(text), sdp, NULL), ==, CW_OK);
        g_assert_cmpint(cw_sdp_stream(sdp, &sdp->media[0], &stream), ==, CW_OK);
        g_test_message("%s", rows[i].lines);
        g_assert_cmpint(stream.slides, ==, rows[i].slides);
        cw_sdp_print_stream(printed, &stream, "RTP/AVP", 1, NULL);
        g_assert_cmpint(strstr(printed->str, "a=content:slides\r\n") != NULL, ==, rows[i].slides);
    }
}

static void test_fmtp_too_long(void)
{
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);

    for (unsigned len = CW_FMTP_MAX; len <= CW_FMTP_MAX + 1; len++) {
        g_autofree char *fmtp = g_strnfill(len, 'a');
        g_autofree char *text = g_strconcat(
            SESSION "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 x/8000\r\na=fmtp:96 ", fmtp, "\r\n", NULL);
        cw_stream stream;

        g_assert_cmpint(cw_sdp_parse(text, strlen(text), sdp, NULL), ==, CW_OK);
        g_assert_cmpint(cw_sdp_stream(sdp, &sdp->media[0], &stream), ==, CW_OK);
        g_assert_cmpuint(stream.format_n, ==, len <= CW_FMTP_MAX);
    }
}

/* ── Places ── */

static const struct {
    const char *name, *text, *rtp, *rtcp;
    bool mux, hold;
    cw_dir dir;
} places[] = {
    { "next-port", SESSION "m=audio 4000 RTP/AVP 8\r\n", "192.0.2.1:4000", "192.0.2.1:4001", false,
      false, CW_SENDRECV },
    { "own-address", SESSION "m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::5\r\n",
      "[2001:db8::5]:4000", "[2001:db8::5]:4001", false, false, CW_SENDRECV },
    { "rtcp-port", SESSION "m=audio 4000 RTP/AVP 8\r\na=rtcp:5555\r\n", "192.0.2.1:4000",
      "192.0.2.1:5555", false, false, CW_SENDRECV },
    { "rtcp-address", SESSION "m=audio 4000 RTP/AVP 8\r\na=rtcp:5555 IN IP4 192.0.2.7\r\n",
      "192.0.2.1:4000", "192.0.2.7:5555", false, false, CW_SENDRECV },
    { "rtcp-rubbish", SESSION "m=audio 4000 RTP/AVP 8\r\na=rtcp:0x11\r\n", "192.0.2.1:4000",
      "192.0.2.1:4001", false, false, CW_SENDRECV },
    { "mux", SESSION "m=audio 4000 RTP/AVP 8\r\na=rtcp:4001\r\na=rtcp-mux\r\n", "192.0.2.1:4000",
      "192.0.2.1:4000", true, false, CW_SENDRECV },
    { "last-port", SESSION "m=audio 65535 RTP/AVP 8\r\n", "192.0.2.1:65535", "-:0", false, false,
      CW_SENDRECV },
    { "hold-old", HEAD "c=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 8\r\n", "-:0", "-:0", false, true,
      CW_SENDONLY },
    { "hold-new", SESSION "a=sendonly\r\nm=audio 4000 RTP/AVP 8\r\n", "192.0.2.1:4000",
      "192.0.2.1:4001", false, false, CW_SENDONLY },
    { "own-direction-first", SESSION "a=sendonly\r\nm=audio 4000 RTP/AVP 8\r\na=recvonly\r\n",
      "192.0.2.1:4000", "192.0.2.1:4001", false, false, CW_RECVONLY },
    { "name", HEAD "c=IN IP4 phone.example\r\nm=audio 4000 RTP/AVP 8\r\n", "-:0", "-:0", false,
      false, CW_SENDRECV },
    { "no-address", HEAD "m=audio 4000 RTP/AVP 8\r\n", "-:0", "-:0", false, false, CW_SENDRECV },
};

static void test_place(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        cw_media_desc desc;
        cw_rtp_place place[CW_DESC_STREAMS_MAX];
        char rtp[CW_ADDR_STR], rtcp[CW_ADDR_STR];
        size_t len = strlen(places[i].text);

        g_test_message("%s", places[i].name);
        g_assert_cmpint(cw_sdp_read_rtp(places[i].text, len, &desc, place, NULL), ==, CW_OK);
        g_assert_cmpstr(cw_addr_print(&place[0].rtp, rtp), ==, places[i].rtp);
        g_assert_cmpstr(cw_addr_print(&place[0].rtcp, rtcp), ==, places[i].rtcp);
        g_assert_true(place[0].rtcp_mux == places[i].mux);
        g_assert_true(place[0].on_hold == places[i].hold);
        g_assert_cmpint(desc.stream[0].dir, ==, places[i].dir);
    }
}

static void test_read_faults(void)
{
    cw_media_desc desc;
    cw_rtp_place place[CW_DESC_STREAMS_MAX];
    static const char five[] = SESSION "m=audio 1 RTP/AVP 8\r\nm=audio 1 RTP/AVP 8\r\n"
                                       "m=audio 1 RTP/AVP 8\r\nm=audio 1 RTP/AVP 8\r\n"
                                       "m=audio 1 RTP/AVP 8\r\n";
    static const char word[] = SESSION "m=audio 1 RTP/AVP 8\r\nm=audio 1 RTP/AVP x\r\n";
    static const char tcp[] = SESSION "m=audio 1 TCP/RTP/AVP 8\r\n";
    unsigned line = 0;

    g_assert_cmpint(cw_sdp_read_rtp(five, sizeof five - 1, &desc, place, &line), ==,
                    CW_E_TOO_LARGE);
    g_assert_cmpint(cw_sdp_read_rtp(word, sizeof word - 1, &desc, place, &line), ==, CW_E_BAD_SDP);
    g_assert_cmpuint(line, ==, 7);
    g_assert_cmpint(cw_sdp_read_rtp(tcp, sizeof tcp - 1, &desc, place, &line), ==, CW_OK);
    g_assert_true(desc.stream[0].refused);
    g_assert_cmpstr(desc.stream[0].section, ==, "audio 0 TCP/RTP/AVP 8");
}

/* ── Writing ── */

static cw_addr addr(const char *text)
{
    cw_addr ret;

    g_assert_cmpint(cw_addr_parse(text, 0, &ret), ==, CW_OK);
    return ret;
}

static void test_write(void)
{
    cw_media_desc desc = { .stream_n = 3 };
    cw_rtp_place place[CW_DESC_STREAMS_MAX] = {
        { .rtp = addr("192.0.2.5:20000"), .rtcp = addr("192.0.2.5:20001") },
        { .rtp = addr("192.0.2.6:20002"), .rtcp = addr("192.0.2.6:20002"), .rtcp_mux = true },
    };
    g_autofree char *text = NULL;

    desc.stream[0] = (cw_stream){
        .kind = CW_AUDIO,
        .dir = CW_SENDRECV,
        .ptime_ms = 20,
        .format_n = 4,
        .format = { { "opus", 48000, 2, 96, "useinbandfec=1" },
                    { "PCMA", 8000, 1, 8, "" },
                    { "x", 8000, 1, CW_PT_NONE, "" },
                    { "telephone-event", 8000, 1, 101, "" } },
    };
    desc.stream[1] = (cw_stream){ .kind = CW_VIDEO,
                                  .dir = CW_RECVONLY,
                                  .format_n = 1,
                                  .format = { { "VP8", 90000, 1, 97, "" } } };
    desc.stream[2] = (cw_stream){ .refused = true, .section = "image 0 udptl t38" };
    text = cw_sdp_write_rtp(&desc, place, 17, 3);
    g_assert_cmpstr(text, ==,
                    "v=0\r\no=causeway 17 3 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\n"
                    "t=0 0\r\n"
                    "m=audio 20000 RTP/AVP 96 8 101\r\na=sendrecv\r\na=ptime:20\r\n"
                    "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
                    "a=rtpmap:8 PCMA/8000\r\n"
                    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
                    "m=video 20002 RTP/AVP 97\r\nc=IN IP4 192.0.2.6\r\na=recvonly\r\n"
                    "a=rtpmap:97 VP8/90000\r\na=rtcp-mux\r\n"
                    "m=image 0 udptl t38\r\n");
}

static void test_write_v6(void)
{
    cw_media_desc desc = { .stream_n = 2 };
    cw_rtp_place place[CW_DESC_STREAMS_MAX] = {
        { .on_hold = false },
        { .rtp = addr("[2001:db8::5]:20000"), .rtcp = addr("[2001:db8::5]:20005") },
    };
    g_autofree char *text = NULL, *none = NULL;

    desc.stream[0] = (cw_stream){
        .refused = true, .format_n = 1, .format = { { "VP8", 90000, 1, 97, "" } }, .kind = CW_VIDEO
    };
    desc.stream[1] = (cw_stream){ .format_n = 1, .format = { { "PCMA", 8000, 1, 8, "" } } };
    text = cw_sdp_write_rtp(&desc, place, 1, 1);
    g_assert_cmpstr(text, ==,
                    "v=0\r\no=causeway 1 1 IN IP6 2001:db8::5\r\ns=-\r\nc=IN IP6 2001:db8::5\r\n"
                    "t=0 0\r\nm=video 0 RTP/AVP 97\r\n"
                    "m=audio 20000 RTP/AVP 8\r\na=inactive\r\na=rtpmap:8 PCMA/8000\r\n"
                    "a=rtcp:20005\r\n");
    desc.stream_n = 1;
    none = cw_sdp_write_rtp(&desc, place, 1, 1);
    g_assert_nonnull(strstr(none, "c=IN IP4 0.0.0.0\r\n"));
}

/* ── RTCP ── */

/* What is said about RTCP and bandwidth, read, and said again. */
static void test_feedback(void)
{
    static const char text[] =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nb=AS:900\r\nb=RR:0\r\n"
        "t=0 0\r\nm=audio 4000 RTP/AVP 8\r\nb=AS:64\r\nb=RS:0\r\na=rtcp-fb:* nack\r\n"
        "m=video 4002 RTP/AVPF 96 97 98\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n"
        "a=fmtp:97 apt=96\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=200\r\na=rtcp-fb:* nack pli\r\n"
        "a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 ccm tmmbr\r\na=rtcp-fb:96 transport-cc\r\n"
        "m=video 4004 RTP/AVP 96\r\nb=AS:10\r\nb=TIAS:500500\r\nb=RS:1\r\nb=x\r\nb=AS:y\r\n"
        "a=rtpmap:96 VP8/90000\r\n";
    g_autofree cw_media_desc *desc = g_new(cw_media_desc, 1);
    g_autofree char *again = NULL;
    cw_rtp_place place[CW_DESC_STREAMS_MAX];
    const cw_stream *audio = &desc->stream[0], *video = &desc->stream[1], *plain = &desc->stream[2];

    g_assert_cmpint(cw_sdp_read_rtp(text, sizeof text - 1, desc, place, NULL), ==, CW_OK);
    g_assert_cmpuint(audio->bandwidth_kbps, ==, 64);
    g_assert_true(audio->no_rtcp); /* RR from the session */
    g_assert_false(audio->avpf);
    g_assert_cmpuint(audio->feedback, ==, 0); /* nothing of it for sound */
    g_assert_cmpuint(video->bandwidth_kbps, ==, 900);
    g_assert_true(video->avpf);
    g_assert_false(video->no_rtcp);
    g_assert_cmpuint(video->feedback, ==, CW_FB_PLI | CW_FB_FIR); /* no number, no transport-cc */
    g_assert_cmpuint(video->format_n, ==, 1);
    g_assert_cmpuint(video->format[0].rtx_pt, ==, 97);
    g_assert_cmpuint(plain->bandwidth_kbps, ==, 501);
    g_assert_false(plain->no_rtcp || plain->avpf);

    again = cw_sdp_write_rtp(desc, place, 1, 1);
    g_assert_nonnull(strstr(again, "m=video 4002 RTP/AVPF 96 97\r\n"
                                   "b=AS:900\r\nb=TIAS:900000\r\na=sendrecv\r\n"
                                   "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 ccm fir\r\n"
                                   "a=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\n"
                                   "a=fmtp:97 apt=96\r\n"));
    g_assert_nonnull(strstr(again, "b=AS:64\r\nb=TIAS:64000\r\nb=RS:0\r\nb=RR:0\r\n"));
    g_assert_nonnull(strstr(again, "m=video 4004 RTP/AVP 96\r\n"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdp/parse", test_parse);
    g_test_add_func("/sdp/parse/nul", test_parse_nul);
    g_test_add_func("/sdp/parse/bounds", test_bounds);
    g_test_add_func("/sdp/parse/fields", test_fields);
    g_test_add_func("/sdp/stream", test_stream);
    g_test_add_func("/sdp/stream/content", test_content);
    g_test_add_func("/sdp/stream/fmtp-too-long", test_fmtp_too_long);
    g_test_add_func("/sdp/rtp/place", test_place);
    g_test_add_func("/sdp/rtp/faults", test_read_faults);
    g_test_add_func("/sdp/rtp/write", test_write);
    g_test_add_func("/sdp/rtp/write-v6", test_write_v6);
    g_test_add_func("/sdp/feedback", test_feedback);
    return g_test_run();
}
