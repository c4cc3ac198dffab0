#include "call/leg/picture.h"

#include <glib.h>
#include <string.h>

#define BODY_MAX  4096 /* bytes */
#define DEPTH_MAX 8

const char cw_picture_update[] = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\r\n"
                                 "<media_control>\r\n <vc_primitive>\r\n  <to_encoder>\r\n"
                                 "   <picture_fast_update/>\r\n"
                                 "  </to_encoder>\r\n </vc_primitive>\r\n</media_control>\r\n";

typedef struct reader {
    unsigned depth, matched; /* elements open; how many of them are those of `path` */
    bool found;
} reader;

static void on_start(GMarkupParseContext *context, const char *name, const char **keys,
                     const char **values, void *arg, GError **error)
{
    static const char *const path[] = { "media_control", "vc_primitive", "to_encoder",
                                        "picture_fast_update" };
    reader *r = arg;

    if (r->depth == DEPTH_MAX) {
        g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_PARSE, "deep");
        return;
    }
    if (r->matched == r->depth && r->depth < G_N_ELEMENTS(path) && !strcmp(name, path[r->depth]))
        r->matched++;
    r->depth++;
    r->found = r->found || r->matched == G_N_ELEMENTS(path);
}

static void on_end(GMarkupParseContext *context, const char *name, void *arg, GError **error)
{
    reader *r = arg;

    r->depth--;
    r->matched = MIN(r->matched, r->depth);
}

static bool is_type(const char *type)
{
    size_t n = strlen(CW_PICTURE_TYPE);

    return type && !g_ascii_strncasecmp(type, CW_PICTURE_TYPE, n) &&
           (!type[n] || strchr("; \t", type[n]));
}

bool cw_picture_is_update(const char *type, const char *body, size_t len)
{
    static const GMarkupParser parser = { .start_element = on_start, .end_element = on_end };
    g_autoptr(GMarkupParseContext) context = NULL;
    reader r = { 0 };

    if (!is_type(type) || !body || len > BODY_MAX)
        return false;
    context = g_markup_parse_context_new(&parser, 0, &r, NULL);
    return g_markup_parse_context_parse(context, body, (gssize)len, NULL) &&
           g_markup_parse_context_end_parse(context, NULL) && r.found;
}
