/* test-picture.c - keyframe requests by INFO (RFC 5168) */
#include "call/leg/picture.h"

#include <glib.h>
#include <string.h>

#define OPEN  "<media_control><vc_primitive><to_encoder>"
#define CLOSE "</to_encoder></vc_primitive></media_control>"

static const struct {
    const char *name, *type, *body;
    bool want;
} cases[] = {
    { "ours", CW_PICTURE_TYPE, cw_picture_update, true },
    { "as-in-rfc-5168", "Application/media_control+xml; charset=utf-8",
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" OPEN
      "<picture_fast_update></picture_fast_update>" CLOSE,
      true },
    { "with-stream-id", CW_PICTURE_TYPE,
      "<media_control><vc_primitive><stream_id>7</stream_id><to_encoder><picture_fast_update/"
      ">" CLOSE,
      true },
    { "another-type", "application/xml", OPEN "<picture_fast_update/>" CLOSE, false },
    { "type-goes-on", CW_PICTURE_TYPE "x", OPEN "<picture_fast_update/>" CLOSE, false },
    { "no-type", NULL, OPEN "<picture_fast_update/>" CLOSE, false },
    { "no-body", CW_PICTURE_TYPE, NULL, false },
    { "empty", CW_PICTURE_TYPE, "", false },
    { "another-request", CW_PICTURE_TYPE, OPEN "<freeze/>" CLOSE, false },
    { "an-error-report", CW_PICTURE_TYPE,
      "<media_control><general_error>no picture_fast_update</general_error></media_control>",
      false },
    { "elsewhere", CW_PICTURE_TYPE, "<a><picture_fast_update/></a>", false },
    { "sibling", CW_PICTURE_TYPE,
      "<media_control><vc_primitive><to_encoder/><picture_fast_update/></vc_primitive>"
      "</media_control>",
      false },
    { "cut", CW_PICTURE_TYPE, OPEN "<picture_fast_update/></to_encoder>", false },
    { "crossed", CW_PICTURE_TYPE, OPEN "<picture_fast_update></to_encoder></picture_fast_update>",
      false },
    { "deep", CW_PICTURE_TYPE, "<a><a><a><a><a><a><a><a><a><a>", false },
    { "unknown-entity", CW_PICTURE_TYPE, OPEN "&x;<picture_fast_update/>" CLOSE, false },
    { "not-utf-8", CW_PICTURE_TYPE, OPEN "\xff<picture_fast_update/>" CLOSE, false },
};

static void test_read(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t len = cases[i].body ? strlen(cases[i].body) : 0;
        g_autofree char *body = cases[i].body ? g_memdup2(cases[i].body, MAX(len, 1)) : NULL;

        g_test_message("%s", cases[i].name);
        g_assert_cmpint(cw_picture_is_update(cases[i].type, body, len), ==, cases[i].want);
    }
}

static void test_long(void)
{
    g_autofree char *body = g_strdup_printf("%5000s" OPEN "<picture_fast_update/>" CLOSE, "");

    g_assert_false(cw_picture_is_update(CW_PICTURE_TYPE, body, strlen(body)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/picture/read", test_read);
    g_test_add_func("/picture/long", test_long);
    return g_test_run();
}
