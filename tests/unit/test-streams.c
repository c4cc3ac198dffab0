/* test-streams.c - video that comes and goes: who must be told what */
#include "call/leg/streams.h"

#include <glib.h>

static void put(cw_media_desc *desc, unsigned i, cw_media_kind kind, cw_dir dir, uint8_t pt)
{
    desc->stream[i] = (cw_stream){ .kind = kind, .dir = dir, .format_n = 1 };
    desc->stream[i].format[0] = (cw_format){ .channels = 1, .pt = pt };
    g_strlcpy(desc->stream[i].format[0].name, kind == CW_VIDEO ? "VP8" : "PCMA", 24);
    desc->stream[i].format[0].clock_hz = kind == CW_VIDEO ? 90000 : 8000;
    desc->stream_n = MAX(desc->stream_n, i + 1);
}

/* Sound, and video of `dir`; -1: none, -2: refused. */
static cw_media_desc *desc_of(int dir, uint8_t pt)
{
    cw_media_desc *desc = g_new0(cw_media_desc, 1);

    put(desc, 0, CW_AUDIO, CW_SENDRECV, 8);
    if (dir != -1)
        put(desc, 1, CW_VIDEO, dir < 0 ? CW_INACTIVE : (cw_dir)dir, pt);
    if (dir == -2)
        desc->stream[1].refused = true;
    return desc;
}

static void test_wanted(void)
{
    static const struct {
        cw_dir said, told, before, want;
    } rows[] = {
        { CW_RECVONLY, CW_SENDRECV, CW_SENDRECV, CW_RECVONLY },
        { CW_SENDONLY, CW_RECVONLY, CW_SENDRECV, CW_SENDRECV }, /* not asked whether it receives */
        { CW_INACTIVE, CW_RECVONLY, CW_SENDRECV, CW_RECVONLY },
        { CW_INACTIVE, CW_INACTIVE, CW_SENDRECV, CW_SENDRECV },
        { CW_INACTIVE, CW_SENDRECV, CW_SENDRECV, CW_INACTIVE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(cw_dir_wanted(rows[i].said, rows[i].told, rows[i].before), ==,
                        rows[i].want);
}

static void test_must_tell(void)
{
    static const struct {
        const char *name;
        int told, far, wish;
        bool tell;
    } rows[] = {
        { "nothing-new", CW_SENDRECV, CW_SENDRECV, CW_SENDRECV, false },
        { "video-comes", -1, -1, CW_SENDRECV, true },
        { "video-goes", CW_SENDRECV, CW_SENDRECV, -2, true },
        { "never-there", -2, -2, -2, false },
        { "it-may-send-now", CW_INACTIVE, CW_SENDRECV, CW_RECVONLY, true },
        { "it-does-not-want-to-send", CW_SENDONLY, CW_RECVONLY, CW_SENDRECV, false },
        { "less-of-what-it-never-took", CW_SENDRECV, CW_RECVONLY, CW_SENDONLY, false },
        { "less-of-what-it-took", CW_SENDRECV, CW_SENDRECV, CW_SENDONLY, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree cw_media_desc *told = desc_of(rows[i].told, 96), *far = desc_of(rows[i].far, 96);
        g_autofree cw_media_desc *wish = desc_of(rows[i].wish, 96);

        g_test_message("%s", rows[i].name);
        g_assert_cmpint(cw_streams_must_tell(told, far, wish), ==, rows[i].tell);
    }
}

/* A payload type once told stays; a new one takes none that is in use. */
static void test_wish(void)
{
    static const cw_codec_policy any = { .events = true };
    g_autofree cw_media_desc *far = desc_of(CW_SENDRECV, 120), *other = desc_of(CW_RECVONLY, 96);
    g_autofree cw_media_desc *none = desc_of(-1, 0), *got = g_new0(cw_media_desc, 1);

    cw_streams_wish(far, &any, other, got);
    g_assert_cmpint(got->stream[1].dir, ==, CW_RECVONLY);
    g_assert_cmpuint(got->stream[1].format[0].pt, ==, 120);
    none->stream[0].format[0].pt = 96;
    cw_streams_wish(none, &any, other, got);
    g_assert_cmpuint(got->stream_n, ==, 2);
    g_assert_cmpuint(got->stream[1].format[0].pt, ==, 97);
    cw_streams_wish(far, &any, none, got);
    g_assert_true(got->stream[1].refused);
    g_assert_false(got->stream[0].refused);
}

static void test_changed(void)
{
    g_autofree cw_media_desc *with = desc_of(CW_SENDRECV, 96), *less = desc_of(CW_RECVONLY, 96);
    g_autofree cw_media_desc *none = desc_of(-1, 0), *refused = desc_of(-2, 96);

    g_assert_true(cw_streams_changed(none, with));
    g_assert_true(cw_streams_changed(with, less));
    g_assert_true(cw_streams_changed(with, refused));
    g_assert_false(cw_streams_changed(none, refused));
    g_assert_false(cw_streams_changed(with, with));
}

/* A screen in the place of a camera: passed on, and news by itself; only of who sends it. */
static void test_screen(void)
{
    static const cw_codec_policy any = { .events = true };
    g_autofree cw_media_desc *camera = desc_of(CW_SENDRECV, 96), *screen = desc_of(CW_SENDRECV, 96);
    g_autofree cw_media_desc *got = g_new0(cw_media_desc, 1);

    screen->stream[1].slides = true;
    g_assert_true(cw_streams_changed(camera, screen));
    g_assert_true(cw_streams_send(camera, false));
    g_assert_false(cw_streams_send(camera, true));
    g_assert_true(cw_streams_send(screen, true));
    cw_streams_wish(camera, &any, screen, got);
    g_assert_true(got->stream[1].slides);
    cw_streams_wish(screen, &any, camera, got);
    g_assert_false(got->stream[1].slides);
    g_assert_cmpint(cw_desc_answer(screen, &any, camera, got), ==, CW_OK);
    g_assert_false(got->stream[1].slides);
    screen->stream[1].dir = CW_RECVONLY;
    g_assert_false(cw_streams_send(screen, true));
}

/* Before the other end is asked: inactive, and by its policy. */
static void test_foresee(void)
{
    static char *const sound[] = { "PCMA", NULL };
    g_autofree cw_media_desc *offer = desc_of(CW_SENDRECV, 96), *none = desc_of(-1, 0);
    g_autofree cw_media_desc *got = g_new0(cw_media_desc, 1);
    g_autofree cw_leg *other = g_new0(cw_leg, 1);

    other->desc = none;
    cw_streams_foresee(other, offer, got);
    g_assert_false(got->stream[1].refused);
    g_assert_cmpint(got->stream[1].dir, ==, CW_INACTIVE);
    other->policy.codec.codecs = sound;
    cw_streams_foresee(other, offer, got);
    g_assert_true(got->stream[1].refused);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/streams/wanted", test_wanted);
    g_test_add_func("/streams/must-tell", test_must_tell);
    g_test_add_func("/streams/wish", test_wish);
    g_test_add_func("/streams/changed", test_changed);
    g_test_add_func("/streams/screen", test_screen);
    g_test_add_func("/streams/foresee", test_foresee);
    return g_test_run();
}
