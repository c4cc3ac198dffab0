/* test-desc.c - what passes from one leg's description to the other's */
#include "media/desc.h"

#include <glib.h>
#include <string.h>

/* "opus/48000/2=111;fmtp" … blank-separated; '!' before one: no payload type yet */
static void add_format(cw_stream *stream, const char *text)
{
    cw_format *format = &stream->format[stream->format_n++];
    g_auto(GStrv) halves = g_strsplit(text, "=", 2);
    g_auto(GStrv) map = g_strsplit(halves[0], "/", 3);
    char *end = NULL;

    *format = (cw_format){ .channels = 1, .pt = CW_PT_NONE };
    g_strlcpy(format->name, map[0], sizeof format->name);
    format->clock_hz = (uint32_t)g_ascii_strtoull(map[1], NULL, 10);
    if (map[2])
        format->channels = (uint8_t)g_ascii_strtoull(map[2], NULL, 10);
    if (!halves[1])
        return;
    format->pt = (uint8_t)g_ascii_strtoull(halves[1], &end, 10);
    if (*end == ';')
        g_strlcpy(format->fmtp, end + 1, sizeof format->fmtp);
}

static void add_stream(cw_media_desc *desc, cw_media_kind kind, const char *formats)
{
    cw_stream *stream = &desc->stream[desc->stream_n++];
    g_auto(GStrv) words = g_strsplit(formats, " ", 0);

    *stream = (cw_stream){ .kind = kind, .dir = CW_SENDRECV };
    stream->refused = !formats[0];
    for (char **word = words; *word && **word; word++)
        add_format(stream, *word);
}

static char *names_of(const cw_stream *stream)
{
    GString *text = g_string_new(stream->refused ? "refused" : NULL);

    for (unsigned i = 0; !stream->refused && i < stream->format_n; i++)
        g_string_append_printf(text, "%s%s/%u=%u", i ? " " : "", stream->format[i].name,
                               stream->format[i].clock_hz, stream->format[i].pt);
    return g_string_free(text, FALSE);
}

#define CHROMIUM                                                                                   \
    "opus/48000/2=111 G722/8000=9 PCMU/8000=0 PCMA/8000=8 telephone-event/48000=110 "              \
    "telephone-event/8000=126"
#define FIREFOX "opus/48000/2=109 G722/8000=9 PCMU/8000=0 PCMA/8000=8 telephone-event/8000=101"
#define H264_1  "H264/90000=102;packetization-mode=1;profile-level-id=42001f"
#define H264_0  "H264/90000=104;profile-level-id=42001f"

static const struct {
    const char *name;
    cw_media_kind kind;
    const char *offer, *allow, *want;
} filters[] = {
    { "all-in-the-offers-order", CW_AUDIO, CHROMIUM, NULL,
      "opus/48000=111 G722/8000=9 PCMU/8000=0 PCMA/8000=8 telephone-event/48000=110 "
      "telephone-event/8000=126" },
    { "allow-sets-the-order", CW_AUDIO, CHROMIUM, "pcma OPUS",
      "PCMA/8000=8 opus/48000=111 telephone-event/48000=110 telephone-event/8000=126" },
    { "events-follow-the-clock", CW_AUDIO, CHROMIUM, "PCMA",
      "PCMA/8000=8 telephone-event/8000=126" },
    { "events-of-another-clock-if-alone", CW_AUDIO, FIREFOX, "opus",
      "opus/48000=109 telephone-event/8000=101" },
    { "cannot-carry", CW_AUDIO, "G729/8000=18 telephone-event/8000=101", NULL, "refused" },
    { "cannot-carry-though-allowed", CW_AUDIO, "G729/8000=18", "G729", "refused" },
    { "nothing-allowed", CW_AUDIO, CHROMIUM, "", "refused" },
    { "helpers-go", CW_VIDEO, "VP8/90000=96 rtx/90000=97 red/90000=98 ulpfec/90000=99", NULL,
      "VP8/90000=96" },
    { "video-has-no-audio-codec", CW_VIDEO, "opus/48000/2=96", NULL, "refused" },
    { "refused-stays", CW_AUDIO, "", NULL, "refused" },
};

static void test_filter(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        cw_media_desc offer = { 0 }, got = { 0 };
        g_auto(GStrv) allow = filters[i].allow ? g_strsplit(filters[i].allow, " ", 0) : NULL;
        g_autofree char *names = NULL;

        add_stream(&offer, filters[i].kind, filters[i].offer);
        cw_desc_filter(&offer, allow, &got);
        g_test_message("%s", filters[i].name);
        names = names_of(&got.stream[0]);
        g_assert_cmpstr(names, ==, filters[i].want);
        g_assert_cmpuint(got.stream_n, ==, 1);
    }
}

static const struct {
    const char *name, *offer, *answer, *want;
    cw_err err;
} answers[] = {
    { "their-order-our-numbers", CHROMIUM, "PCMA/8000=8 opus/48000/2=96 telephone-event/8000=101",
      "PCMA/8000=8 opus/48000=111 telephone-event/8000=126", CW_OK },
    { "case-of-names", CHROMIUM, "pcma/8000=8", "PCMA/8000=8", CW_OK },
    { "answered-twice", CHROMIUM, "PCMA/8000=8 PCMA/8000=99", "PCMA/8000=8", CW_OK },
    { "not-offered", CHROMIUM, "G729/8000=18 telephone-event/8000=101", "refused", CW_E_NO_CODEC },
    { "events-alone", CHROMIUM, "telephone-event/8000=101", "refused", CW_E_NO_CODEC },
    { "mono-opus", CHROMIUM, "opus/48000=111", "refused", CW_E_NO_CODEC },
    { "refused", CHROMIUM, "", "refused", CW_E_NO_CODEC },
    { "offer-refused", "", "PCMA/8000=8", "refused", CW_E_NO_CODEC },
};

static void test_answer(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        cw_media_desc offer = { 0 }, answer = { 0 }, got = { 0 };
        g_autofree char *names = NULL;

        add_stream(&offer, CW_AUDIO, answers[i].offer);
        add_stream(&answer, CW_AUDIO, answers[i].answer);
        g_test_message("%s", answers[i].name);
        g_assert_cmpint(cw_desc_answer(&offer, &answer, &got), ==, answers[i].err);
        names = names_of(&got.stream[0]);
        g_assert_cmpstr(names, ==, answers[i].want);
    }
}

static void test_answer_video(void)
{
    cw_media_desc offer = { 0 }, answer = { 0 }, got = { 0 };
    g_autofree char *names = NULL;

    add_stream(&offer, CW_AUDIO, CHROMIUM);
    add_stream(&offer, CW_VIDEO, H264_1 " " H264_0 " VP8/90000=96");
    add_stream(&offer, CW_AUDIO, "");
    strcpy(offer.stream[2].section, "application 0 UDP/DTLS/SCTP webrtc-datachannel");
    add_stream(&answer, CW_AUDIO, "PCMA/8000=8");
    add_stream(&answer, CW_VIDEO, "H264/90000=97;profile-level-id=42e01f");
    g_assert_cmpint(cw_desc_answer(&offer, &answer, &got), ==, CW_OK);
    names = names_of(&got.stream[1]);
    g_assert_cmpstr(names, ==, "H264/90000=104"); /* packetization-mode 0 */
    g_assert_cmpstr(got.stream[1].format[0].fmtp, ==, "profile-level-id=42e01f");
    g_assert_cmpuint(got.stream_n, ==, 3); /* as many as the offer (RFC 3264 6) */
    g_assert_true(got.stream[2].refused);
    g_assert_cmpstr(got.stream[2].section, ==, offer.stream[2].section);

    /* Refused, it still names a format of the offer. */
    answer.stream[1].refused = true;
    g_assert_cmpint(cw_desc_answer(&offer, &answer, &got), ==, CW_OK);
    g_assert_true(got.stream[1].refused);
    g_assert_cmpuint(got.stream[1].format[0].pt, ==, 102);
}

static void test_direction(void)
{
    static const struct {
        cw_dir offer, answer, want;
    } rows[] = {
        { CW_SENDRECV, CW_SENDRECV, CW_SENDRECV }, { CW_SENDRECV, CW_RECVONLY, CW_RECVONLY },
        { CW_SENDONLY, CW_SENDRECV, CW_RECVONLY }, { CW_SENDONLY, CW_SENDONLY, CW_INACTIVE },
        { CW_RECVONLY, CW_SENDONLY, CW_SENDONLY }, { CW_INACTIVE, CW_SENDRECV, CW_INACTIVE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        cw_media_desc offer = { 0 }, answer = { 0 }, got = { 0 };

        add_stream(&offer, CW_AUDIO, CHROMIUM);
        add_stream(&answer, CW_AUDIO, "PCMA/8000=8");
        offer.stream[0].dir = rows[i].offer;
        answer.stream[0].dir = rows[i].answer;
        g_assert_cmpint(cw_desc_answer(&offer, &answer, &got), ==, CW_OK);
        g_assert_cmpint(got.stream[0].dir, ==, rows[i].want);
    }
    g_assert_cmpint(cw_dir_reverse(CW_SENDONLY), ==, CW_RECVONLY);
    g_assert_cmpint(cw_dir_reverse(CW_SENDRECV), ==, CW_SENDRECV);
}

static void test_number(void)
{
    cw_media_desc desc = { 0 };
    g_autofree char *audio = NULL, *video = NULL;

    add_stream(&desc, CW_AUDIO,
               "opus/48000/2 PCMA/8000 G722/8000 PCMU/8000 telephone-event/8000=96");
    add_stream(&desc, CW_VIDEO, "VP8/90000");
    cw_desc_number(&desc);
    audio = names_of(&desc.stream[0]);
    video = names_of(&desc.stream[1]);
    g_assert_cmpstr(audio, ==,
                    "opus/48000=97 PCMA/8000=8 G722/8000=9 PCMU/8000=0 telephone-event/8000=96");
    g_assert_cmpstr(video, ==, "VP8/90000=98");
}

/* 61 dynamic numbers that are no RTCP type; the rest go without. */
static void test_number_all(void)
{
    cw_media_desc desc = { 0 };
    bool used[256] = { false };
    unsigned without = 0;

    for (unsigned s = 0; s < 3; s++) {
        add_stream(&desc, CW_VIDEO, "VP8/90000");
        while (desc.stream[s].format_n < CW_DESC_FORMATS_MAX)
            add_format(&desc.stream[s], "VP8/90000");
    }
    cw_desc_number(&desc);
    for (unsigned s = 0; s < 3; s++)
        for (unsigned i = 0; i < CW_DESC_FORMATS_MAX; i++) {
            uint8_t pt = desc.stream[s].format[i].pt;

            if (pt == CW_PT_NONE) {
                without++;
                continue;
            }
            g_assert_true((pt >= 35 && pt < 64) || (pt >= 96 && pt < 128));
            g_assert_false(used[pt]);
            used[pt] = true;
        }
    g_assert_cmpuint(without, ==, 3 * CW_DESC_FORMATS_MAX - 61);
}

static void test_trim(void)
{
    cw_media_desc desc = { 0 };

    add_stream(&desc, CW_AUDIO, "");
    add_stream(&desc, CW_AUDIO, CHROMIUM);
    add_stream(&desc, CW_VIDEO, "");
    add_stream(&desc, CW_VIDEO, "");
    cw_desc_trim(&desc, 3);
    g_assert_cmpuint(desc.stream_n, ==, 3);
    cw_desc_trim(&desc, 0);
    g_assert_cmpuint(desc.stream_n, ==, 2);
}

static void test_map(void)
{
    cw_media_desc desc = { 0 };
    uint8_t map[128];

    add_stream(&desc, CW_AUDIO, CHROMIUM " CN/8000=13");
    add_stream(&desc, CW_AUDIO, "opus/48000/2=96 PCMA/8000=8 telephone-event/8000=101 CN/8000=13");
    cw_stream_map(&desc.stream[0], &desc.stream[1], map);
    g_assert_cmpuint(map[111], ==, 96);
    g_assert_cmpuint(map[8], ==, 8);
    g_assert_cmpuint(map[126], ==, 101);
    g_assert_cmpuint(map[110], ==, CW_PT_NONE);
    g_assert_cmpuint(map[0], ==, CW_PT_NONE);
    g_assert_cmpuint(map[13], ==, CW_PT_NONE);
}

static void test_codec(void)
{
    cw_media_desc desc = { 0 };

    add_stream(&desc, CW_AUDIO, "telephone-event/8000=101 CN/8000=13 PCMA/8000=8");
    add_stream(&desc, CW_AUDIO, "telephone-event/8000=101");
    g_assert_cmpint(cw_stream_codec(&desc.stream[0]), ==, 2);
    g_assert_cmpint(cw_stream_codec(&desc.stream[1]), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/desc/filter", test_filter);
    g_test_add_func("/desc/answer", test_answer);
    g_test_add_func("/desc/answer/video", test_answer_video);
    g_test_add_func("/desc/answer/direction", test_direction);
    g_test_add_func("/desc/number", test_number);
    g_test_add_func("/desc/number/all", test_number_all);
    g_test_add_func("/desc/trim", test_trim);
    g_test_add_func("/desc/map", test_map);
    g_test_add_func("/desc/codec", test_codec);
    return g_test_run();
}
