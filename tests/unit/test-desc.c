/* test-desc.c - what passes from one leg's description to the other's */
#include "media/sdp/desc.h"

#include "media/sdp/h264.h"

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
    { "cannot-carry", CW_AUDIO, "EVS/16000=97 telephone-event/8000=101", NULL, "refused" },
    { "cannot-carry-though-allowed", CW_AUDIO, "EVS/16000=97", "EVS", "refused" },
    { "nothing-listed-is-all", CW_AUDIO, "PCMA/8000=8", "", "PCMA/8000=8" },
    { "nothing-of-the-list", CW_AUDIO, CHROMIUM, "AMR", "refused" },
    { "noise-of-the-clock", CW_AUDIO, "opus/48000/2=96 PCMA/8000=8 CN/8000=13 CN/16000=97", NULL,
      "opus/48000=96 PCMA/8000=8 CN/8000=13" },
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
        cw_desc_filter(&offer, &(cw_codec_policy){ .codecs = allow, .events = true }, &got);
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
      "PCMA/8000=8 opus/48000=111 telephone-event/48000=110 telephone-event/8000=126", CW_OK },
    { "case-of-names", CHROMIUM, "pcma/8000=8", "PCMA/8000=8 telephone-event/8000=126", CW_OK },
    { "answered-twice", CHROMIUM, "PCMA/8000=8 PCMA/8000=99",
      "PCMA/8000=8 telephone-event/8000=126", CW_OK },
    { "noise", "PCMA/8000=8 CN/8000=13", "PCMA/8000=8 CN/8000=13", "PCMA/8000=8 CN/8000=13",
      CW_OK },
    { "noise-not-wanted", "PCMA/8000=8 CN/8000=13", "PCMA/8000=8", "PCMA/8000=8", CW_OK },
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
        g_assert_cmpint(cw_desc_answer(&offer, &cw_codec_any, &answer, &got), ==, answers[i].err);
        names = names_of(&got.stream[0]);
        g_assert_cmpstr(names, ==, answers[i].want);
    }
}

/* ── Policies ── */

#define AMR_WB "AMR-WB/16000=104;mode-set=0,1,2;max-red=0"

static cw_codec_policy policy_of(char *const *codecs, cw_transcode transcode)
{
    return (cw_codec_policy){ .codecs = codecs, .transcode = transcode, .events = true };
}

/* What a callee is offered, by its list and both ends' word on transcoding. 255: not numbered */
static const struct {
    const char *name, *from;
    cw_transcode caller;
    const char *list;
    cw_transcode callee;
    const char *want;
} offers[] = {
    { "forbid", "opus/48000/2=111", CW_TRANSCODE_ALLOW, "PCMA opus", CW_TRANSCODE_FORBID,
      "opus/48000=111 telephone-event/48000=255 telephone-event/8000=255" },
    { "forbidden-by-the-caller", "opus/48000/2=111", CW_TRANSCODE_FORBID, "PCMA opus",
      CW_TRANSCODE_ALLOW, "opus/48000=111 telephone-event/48000=255 telephone-event/8000=255" },
    { "nothing-in-common", "opus/48000/2=111", CW_TRANSCODE_ALLOW, "PCMA", CW_TRANSCODE_FORBID,
      "refused" },
    { "allow-the-callers-first", "opus/48000/2=111 telephone-event/48000=110", CW_TRANSCODE_ALLOW,
      "PCMA opus", CW_TRANSCODE_ALLOW,
      "opus/48000=111 PCMA/8000=255 telephone-event/48000=110 telephone-event/8000=255" },
    { "allow-without-any-of-the-callers", "opus/48000/2=111", CW_TRANSCODE_ALLOW, "PCMA",
      CW_TRANSCODE_ALLOW, "PCMA/8000=255 telephone-event/8000=255" },
    { "prefer-in-the-lists-order", "opus/48000/2=111", CW_TRANSCODE_ALLOW, "PCMA opus",
      CW_TRANSCODE_PREFER,
      "PCMA/8000=255 opus/48000=111 telephone-event/48000=255 telephone-event/8000=255" },
    { "amr-wb-in-both-layouts", "PCMU/8000=0", CW_TRANSCODE_ALLOW, "AMR-WB", CW_TRANSCODE_ALLOW,
      "AMR-WB/16000=255 AMR-WB/16000=255 telephone-event/16000=255 telephone-event/8000=255" },
    { "the-callers-own-amr-wb-too", AMR_WB, CW_TRANSCODE_ALLOW, "AMR-WB", CW_TRANSCODE_ALLOW,
      "AMR-WB/16000=104 AMR-WB/16000=255 telephone-event/16000=255 telephone-event/8000=255" },
    { "what-we-cannot-translate", "AMR/8000=96;octet-align=1;crc=1", CW_TRANSCODE_ALLOW, "AMR PCMA",
      CW_TRANSCODE_ALLOW, "AMR/8000=96 telephone-event/8000=255" },
    { "no-list", "PCMU/8000=0", CW_TRANSCODE_ALLOW, "", CW_TRANSCODE_FORBID,
      "PCMU/8000=0 telephone-event/8000=255" },
};

static void test_offer(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(offers); i++) {
        g_auto(GStrv) list = g_strsplit(offers[i].list, " ", 0);
        cw_codec_policy policy = policy_of(list, offers[i].callee);
        cw_media_desc from = { .transcode = offers[i].caller }, got = { 0 };
        g_autofree char *names = NULL;

        add_stream(&from, CW_AUDIO, offers[i].from);
        cw_desc_offer(&from, &policy, &got);
        g_test_message("%s", offers[i].name);
        names = names_of(&got.stream[0]);
        g_assert_cmpstr(names, ==, offers[i].want);
        g_assert_cmpint(got.transcode, ==, offers[i].callee);
    }
}

/* What a caller is answered when the callee picked. */
static const struct {
    const char *name, *offer, *list;
    cw_transcode caller;
    const char *answer;
    cw_transcode callee;
    const char *want;
} translations[] = {
    { "in-common", CHROMIUM, "", CW_TRANSCODE_ALLOW, "PCMA/8000=8", CW_TRANSCODE_ALLOW,
      "PCMA/8000=8 telephone-event/8000=126" },
    { "translated", "opus/48000/2=111 telephone-event/48000=110", "", CW_TRANSCODE_ALLOW,
      "PCMA/8000=8", CW_TRANSCODE_ALLOW, "opus/48000=111 telephone-event/48000=110" },
    { "callee-forbids", "opus/48000/2=111", "", CW_TRANSCODE_ALLOW, "PCMA/8000=8",
      CW_TRANSCODE_FORBID, "refused" },
    { "caller-forbids", "opus/48000/2=111", "", CW_TRANSCODE_FORBID, "PCMA/8000=8",
      CW_TRANSCODE_ALLOW, "refused" },
    { "cannot-be-translated", "opus/48000/2=111", "", CW_TRANSCODE_ALLOW,
      "AMR/8000=96;octet-align=1;crc=1", CW_TRANSCODE_ALLOW, "refused" },
    { "one-codec-of-several", "PCMU/8000=0 PCMA/8000=8 CN/8000=13", "", CW_TRANSCODE_ALLOW,
      "opus/48000/2=111", CW_TRANSCODE_ALLOW, "PCMU/8000=0" },
    { "by-the-callers-list", "PCMU/8000=0 PCMA/8000=8", "PCMA", CW_TRANSCODE_ALLOW,
      "opus/48000/2=111 PCMU/8000=0", CW_TRANSCODE_ALLOW, "PCMA/8000=8" },
    { "caller-prefers", "opus/48000/2=96 PCMA/8000=8", "PCMA opus", CW_TRANSCODE_PREFER,
      "opus/48000/2=111", CW_TRANSCODE_ALLOW, "PCMA/8000=8" },
    { "callee-prefers", "opus/48000/2=111", "", CW_TRANSCODE_ALLOW, "PCMA/8000=8 opus/48000/2=111",
      CW_TRANSCODE_PREFER, "opus/48000=111" },
};

static void test_translate(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(translations); i++) {
        g_auto(GStrv) list = g_strsplit(translations[i].list, " ", 0);
        cw_codec_policy policy = policy_of(list, translations[i].caller);
        cw_media_desc offer = { 0 }, answer = { .transcode = translations[i].callee }, got = { 0 };
        g_autofree char *names = NULL;
        cw_err err;

        add_stream(&offer, CW_AUDIO, translations[i].offer);
        add_stream(&answer, CW_AUDIO, translations[i].answer);
        g_test_message("%s", translations[i].name);
        err = cw_desc_answer(&offer, &policy, &answer, &got);
        names = names_of(&got.stream[0]);
        g_assert_cmpstr(names, ==, translations[i].want);
        g_assert_cmpint(err, ==, got.stream[0].refused ? CW_E_NO_CODEC : CW_OK);
    }
}

/* ── fmtp ── */

static const struct {
    const char *name, *a, *b;
    bool same;
} pairs[] = {
    { "amr-plain", "AMR/8000=96", "AMR/8000=97;octet-align=0", true },
    { "amr-layouts-differ", "AMR/8000=96;octet-align=1", "AMR/8000=97", false },
    { "amr-layout-agrees", "AMR/8000=96; octet-align=1; mode-set=7",
      "AMR/8000=97;mode-set=0,7;octet-align=1", true },
    { "amr-no-mode-in-common", "AMR/8000=96;mode-set=0,1", "AMR/8000=97;mode-set=7", false },
    { "amr-crc", "AMR-WB/16000=96;octet-align=1;crc=1", "AMR-WB/16000=97;octet-align=1", false },
    { "amr-is-not-amr-wb", "AMR/8000=96", "AMR-WB/16000=97", false },
    { "opus-whatever-is-declared", "opus/48000/2=96;stereo=1", "opus/48000/2=97;useinbandfec=1",
      true },
    { "g729-whatever-annex", "G729/8000=18;annexb=no", "G729/8000=18", true },
};

static void test_same(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        cw_stream both = { 0 };

        add_format(&both, pairs[i].a);
        add_format(&both, pairs[i].b);
        g_test_message("%s", pairs[i].name);
        g_assert_cmpint(cw_format_same(&both.format[0], &both.format[1]), ==, pairs[i].same);
        g_assert_cmpint(cw_format_same(&both.format[1], &both.format[0]), ==, pairs[i].same);
    }
}

static const struct {
    const char *name, *offer, *answer, *want;
} fmtps[] = {
    { "g729-no-by-the-answer", "G729/8000=18", "G729/8000=18;annexb=no", "annexb=no" },
    { "g729-no-by-the-offer", "G729/8000=18;annexb=no", "G729/8000=18", "annexb=no" },
    { "g729-no-against-yes", "G729/8000=18;annexb=no", "G729/8000=18;annexb=yes", "annexb=no" },
    { "g729-yes", "G729/8000=18", "G729/8000=18;annexb=yes", "" },
    { "amr-subset", "AMR/8000=96;mode-set=0,2,4,7", "AMR/8000=97;mode-set=7", "mode-set=7" },
    { "amr-set-kept", "AMR/8000=96;mode-set=0,2,4,7", "AMR/8000=97;max-red=0", "mode-set=0,2,4,7" },
    { "amr-set-of-the-answer", "AMR/8000=96", "AMR/8000=97;mode-set=7", "mode-set=7" },
    { "opus-declares-for-itself", "opus/48000/2=96;stereo=1;useinbandfec=1", "opus/48000/2=97",
      "" },
    { "opus-what-the-answer-declares", "opus/48000/2=96", "opus/48000/2=97;stereo=1", "stereo=1" },
};

static void test_fmtp(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(fmtps); i++) {
        cw_stream both = { 0 };
        char got[CW_FMTP_MAX + 1];

        add_format(&both, fmtps[i].offer);
        add_format(&both, fmtps[i].answer);
        g_test_message("%s", fmtps[i].name);
        cw_fmtp_answer(&both.format[0], &both.format[1], got);
        g_assert_cmpstr(got, ==, fmtps[i].want);
    }
}

/* What a re-offer and describing ask: is the first codec passed on or translated? */
static void test_transcodes(void)
{
    cw_media_desc desc = { 0 };

    add_stream(&desc, CW_AUDIO, "opus/48000/2=111 PCMA/8000=8");
    add_stream(&desc, CW_AUDIO, "PCMA/8000=8 telephone-event/8000=101");
    add_stream(&desc, CW_AUDIO, "");
    g_assert_true(cw_stream_transcodes(&desc.stream[0], &desc.stream[1]));
    g_assert_false(cw_stream_transcodes(&desc.stream[1], &desc.stream[0]));
    g_assert_false(cw_stream_transcodes(&desc.stream[0], &desc.stream[2]));
    g_assert_true(cw_codec_known("amr-wb"));
    g_assert_false(cw_codec_known("telephone-event"));
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
    g_assert_cmpint(cw_desc_answer(&offer, &cw_codec_any, &answer, &got), ==, CW_OK);
    names = names_of(&got.stream[1]);
    g_assert_cmpstr(names, ==, "H264/90000=104"); /* packetization-mode 0 */
    g_assert_cmpstr(got.stream[1].format[0].fmtp, ==, "profile-level-id=42001f"); /* as offered */
    g_assert_cmpuint(got.stream_n, ==, 3); /* as many as the offer (RFC 3264 6) */
    g_assert_true(got.stream[2].refused);
    g_assert_cmpstr(got.stream[2].section, ==, offer.stream[2].section);

    /* Refused, it still names a format of the offer. */
    answer.stream[1].refused = true;
    g_assert_cmpint(cw_desc_answer(&offer, &cw_codec_any, &answer, &got), ==, CW_OK);
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
        g_assert_cmpint(cw_desc_answer(&offer, &cw_codec_any, &answer, &got), ==, CW_OK);
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
    g_assert_cmpuint(map[13], ==, 13);
}

static void test_codec(void)
{
    cw_media_desc desc = { 0 };

    add_stream(&desc, CW_AUDIO, "telephone-event/8000=101 CN/8000=13 PCMA/8000=8");
    add_stream(&desc, CW_AUDIO, "telephone-event/8000=101");
    g_assert_cmpint(cw_stream_codec(&desc.stream[0]), ==, 2);
    g_assert_cmpint(cw_stream_codec(&desc.stream[1]), ==, -1);
}

/* ── H.264 (RFC 6184 8.2.2) ── */
#define MODE1 "packetization-mode=1;"
#define ASYM  "level-asymmetry-allowed=1;"

static const struct {
    const char *name, *a, *b;
    int want;
} h264_matches[] = {
    { "same", "profile-level-id=42e01f", "profile-level-id=42e01f", 2 },
    { "level-and-case", "profile-level-id=42E01F", "Profile-Level-Id=42e00d", 2 },
    { "constrained-three-ways", "profile-level-id=42c01f", "profile-level-id=4d801f", 2 },
    { "constrained-extended", "profile-level-id=58c01f", "profile-level-id=42e01f", 2 },
    { "baseline-and-constrained", "profile-level-id=42001f", "profile-level-id=42e01f", 1 },
    { "baseline-by-default", "", "profile-level-id=42001f", 2 },
    { "main", "profile-level-id=4d001f", "profile-level-id=42e01f", 0 },
    { "high", "profile-level-id=64001f", "profile-level-id=4d001f", 0 },
    { "high-constrained", "profile-level-id=640c1f", "profile-level-id=64001f", 0 },
    { "mode", MODE1 "profile-level-id=42e01f", "profile-level-id=42e01f", 0 },
    { "mode-0-said", "packetization-mode=0;profile-level-id=42e01f", "profile-level-id=42e01f", 2 },
    { "no-hex", "profile-level-id=42zz1f", "profile-level-id=42001f", 2 },
};

static void test_h264_match(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(h264_matches); i++) {
        g_test_message("%s", h264_matches[i].name);
        g_assert_cmpint(cw_h264_match(h264_matches[i].a, h264_matches[i].b), ==,
                        h264_matches[i].want);
        g_assert_cmpint(cw_h264_match(h264_matches[i].b, h264_matches[i].a), ==,
                        h264_matches[i].want);
    }
}

static const struct {
    const char *name, *offer, *answer, *want;
} h264_answers[] = {
    { "lower-level-counts", "profile-level-id=42e01f", "profile-level-id=42e00d",
      "profile-level-id=42e00d" },
    { "never-above-the-offer", "profile-level-id=42e00d", "profile-level-id=42e01f",
      "profile-level-id=42e00d" },
    { "asymmetry-when-both-say-so", ASYM "profile-level-id=42e00d",
      ASYM MODE1 "profile-level-id=42e01f", ASYM "profile-level-id=42e01f" },
    { "asymmetry-of-one", ASYM "profile-level-id=42e00d", "profile-level-id=42e01f",
      "profile-level-id=42e00d" },
    { "the-offers-profile", MODE1 "profile-level-id=42e01f", MODE1 "profile-level-id=42001e",
      MODE1 "profile-level-id=42e01e" },
    { "1b-is-below-1.1", "profile-level-id=42e00b", "profile-level-id=42f00b",
      "profile-level-id=42f00b" },
    { "1b-is-above-1", "profile-level-id=42e00a", "profile-level-id=42f00b",
      "profile-level-id=42e00a" },
    { "1b-of-high", "profile-level-id=64000b", "profile-level-id=640009",
      "profile-level-id=640009" },
    { "what-else-was-said", "profile-level-id=42e01f;max-fs=1",
      "profile-level-id=42e01f; max-fs=3600;packetization-mode=0",
      "profile-level-id=42e01f;max-fs=3600" },
    { "nothing-said", "", "", "profile-level-id=42000a" },
};

static void test_h264_answer(void)
{
    char got[CW_FMTP_MAX + 1];

    for (size_t i = 0; i < G_N_ELEMENTS(h264_answers); i++) {
        g_test_message("%s", h264_answers[i].name);
        cw_h264_answer(h264_answers[i].offer, h264_answers[i].answer, got);
        g_assert_cmpstr(got, ==, h264_answers[i].want);
    }
}

/* As long as a parameter list may be, and all that is ours comes on top. */
static void test_h264_long(void)
{
    g_autofree char *rest = g_strnfill(CW_FMTP_MAX - 30, 'x');
    g_autofree char *answer = g_strdup_printf("a=1;%s;b=2", rest);
    char got[CW_FMTP_MAX + 1];

    cw_h264_answer(ASYM MODE1, answer, got);
    g_assert_cmpstr(got, ==, MODE1 "profile-level-id=42000a;a=1;b=2");
}

/* Of several profiles the one that matches best; VP9 and AV1 by profile. */
static void test_profiles(void)
{
    cw_media_desc offer = { 0 }, answer = { 0 }, got = { 0 };
    g_autofree char *names = NULL;

    add_stream(&offer, CW_AUDIO, "PCMA/8000=8");
    add_stream(&offer, CW_VIDEO,
               "H264/90000=100;profile-level-id=42001f H264/90000=101;profile-level-id=42e01f "
               "VP9/90000=102;profile-id=0 VP9/90000=103;profile-id=2 AV1/90000=104 "
               "AV1/90000=105;profile=1");
    add_stream(&answer, CW_AUDIO, "PCMA/8000=8");
    add_stream(&answer, CW_VIDEO,
               "H264/90000=97;profile-level-id=42c01e VP9/90000=98;profile-id=2 VP9/90000=99 "
               "AV1/90000=96;profile=2");
    g_assert_cmpint(cw_desc_answer(&offer, &cw_codec_any, &answer, &got), ==, CW_OK);
    names = names_of(&got.stream[1]);
    g_assert_cmpstr(names, ==, "H264/90000=101 VP9/90000=103 VP9/90000=102");
    g_assert_cmpstr(got.stream[1].format[0].fmtp, ==, "profile-level-id=42e01e");
}

/* What a leg says of RTCP is its own; what its far side can take is for the other leg to know. */
static void test_feedback(void)
{
    g_autofree cw_media_desc *offer = g_new0(cw_media_desc, 1), *kept = g_new0(cw_media_desc, 1);
    g_autofree cw_media_desc *got = g_new0(cw_media_desc, 1);

    add_stream(offer, CW_AUDIO, "PCMA/8000=8");
    add_stream(offer, CW_VIDEO, "VP8/90000=96 H264/90000=98");
    offer->stream[0].bandwidth_kbps = 64;
    offer->stream[1].bandwidth_kbps = 800;
    offer->stream[1].avpf = offer->stream[1].no_rtcp = true;
    offer->stream[1].feedback = CW_FB_NACK | CW_FB_TWCC;
    offer->stream[1].twcc_ext = 3;
    offer->stream[1].format[0].rtx_pt = 97;
    cw_desc_filter(offer, &cw_codec_any, kept);
    g_assert_cmpuint(kept->stream[0].bandwidth_kbps, ==, 0);
    g_assert_cmpuint(kept->stream[1].bandwidth_kbps, ==, 800);
    g_assert_false(kept->stream[1].avpf || kept->stream[1].no_rtcp);
    g_assert_cmpuint(kept->stream[1].feedback, ==, 0);
    g_assert_cmpuint(kept->stream[1].format[0].rtx_pt, ==, 0);

    kept->stream[1].bandwidth_kbps = 500;
    g_assert_cmpint(cw_desc_answer(offer, &cw_codec_any, kept, got), ==, CW_OK);
    g_assert_true(got->stream[1].avpf && got->stream[1].no_rtcp);
    g_assert_cmpuint(got->stream[1].feedback, ==, CW_FB_NACK | CW_FB_TWCC);
    g_assert_cmpuint(got->stream[1].twcc_ext, ==, 3);
    g_assert_cmpuint(got->stream[1].bandwidth_kbps, ==, 500);
    g_assert_cmpuint(got->stream[1].format[0].rtx_pt, ==, 97);
    g_assert_cmpuint(got->stream[1].format[1].rtx_pt, ==, 0);

    cw_desc_offer_feedback(kept, CW_FB_SIP, 0);
    g_assert_cmpuint(kept->stream[1].feedback, ==, CW_FB_SIP);
    g_assert_cmpuint(kept->stream[1].format[0].rtx_pt, ==, 0);
    cw_desc_offer_feedback(kept, CW_FB_ALL, 5);
    g_assert_cmpuint(kept->stream[0].feedback, ==, 0);
    g_assert_cmpuint(kept->stream[1].format[0].rtx_pt, ==, 97);
    g_assert_cmpuint(kept->stream[1].format[1].rtx_pt, ==, 99); /* 98 is taken */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/desc/filter", test_filter);
    g_test_add_func("/desc/answer", test_answer);
    g_test_add_func("/desc/offer", test_offer);
    g_test_add_func("/desc/translate", test_translate);
    g_test_add_func("/desc/format/same", test_same);
    g_test_add_func("/desc/format/answer", test_fmtp);
    g_test_add_func("/desc/transcodes", test_transcodes);
    g_test_add_func("/desc/answer/video", test_answer_video);
    g_test_add_func("/desc/answer/direction", test_direction);
    g_test_add_func("/desc/number", test_number);
    g_test_add_func("/desc/number/all", test_number_all);
    g_test_add_func("/desc/trim", test_trim);
    g_test_add_func("/desc/map", test_map);
    g_test_add_func("/desc/codec", test_codec);
    g_test_add_func("/desc/h264-match", test_h264_match);
    g_test_add_func("/desc/h264-answer", test_h264_answer);
    g_test_add_func("/desc/h264-long", test_h264_long);
    g_test_add_func("/desc/profiles", test_profiles);
    g_test_add_func("/desc/feedback", test_feedback);
    return g_test_run();
}
