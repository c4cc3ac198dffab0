#include "api/http.h"

#include <libwebsockets.h>
#include <string.h>
#include <sys/stat.h>

enum {
    DEPTH_MAX = 4,
    FILE_MAX_BYTES = 8 << 20,
    KEPT_MAX_BYTES = 32 << 20, /* of all files; then they are read anew */
};

static const struct {
    const char *ending, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".mjs", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".json", "application/json" },
    { ".map", "application/json" },
    { ".ts", "text/plain; charset=utf-8" },
    { ".md", "text/plain; charset=utf-8" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".ico", "image/x-icon" },
    { ".wav", "audio/wav" },
    { ".ogg", "audio/ogg" },
    { ".webmanifest", "application/manifest+json" },
    { ".wasm", "application/wasm" },
};

static const char *type_of(const char *file)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(file, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

/* Names that do not begin with a dot, so neither ".." nor hidden files. */
static bool path_ok(const char *path)
{
    unsigned depth = 0;

    for (const char *p = path; *p; p++) {
        if (*p == '/' && (p[1] == '.' || p[1] == '/' || ++depth > DEPTH_MAX))
            return false;
        if (*p != '/' && !g_ascii_isalnum(*p) && !strchr("._-", *p))
            return false;
    }
    return path[0] == '/';
}

char *cw_www_path(const char *root, const char *path)
{
    g_autofree char *file = NULL;
    struct stat st;

    if (!path_ok(path))
        return NULL;
    file = g_strconcat(root, path, g_str_has_suffix(path, "/") ? "index.html" : "", NULL);
    if (stat(file, &st) || !S_ISREG(st.st_mode))
        return NULL;
    return g_steal_pointer(&file);
}

/* ── Files, kept as long as they do not change ── */

typedef struct kept {
    GBytes *bytes;
    char *etag;
} kept;

static void kept_free(gpointer arg)
{
    kept *file = arg;

    g_bytes_unref(file->bytes);
    g_free(file->etag);
    g_free(file);
}

static char *etag_of(const struct stat *st)
{
    return g_strdup_printf("\"%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x-%lx\"",
                           (gint64)st->st_size, (gint64)st->st_mtim.tv_sec,
                           (unsigned long)st->st_mtim.tv_nsec);
}

static const kept *keep(cw_api *api, const char *path, char *etag)
{
    kept *file;
    char *text = NULL;
    gsize len;

    if (!g_file_get_contents(path, &text, &len, NULL)) {
        g_free(etag);
        return NULL;
    }
    if (api->files_bytes + len > KEPT_MAX_BYTES) {
        g_hash_table_remove_all(api->files);
        api->files_bytes = 0;
    }
    file = g_new0(kept, 1);
    file->bytes = g_bytes_new_take(text, len);
    file->etag = etag;
    api->files_bytes += len;
    g_hash_table_replace(api->files, g_strdup(path), file);
    return file;
}

/* As it is now; NULL: it is not there, or larger than any of ours. */
static const kept *file_of(cw_api *api, const char *path) CW_ON_LOOP
{
    const kept *file;
    struct stat st;
    char *etag;

    if (!api->files)
        api->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, kept_free);
    if (stat(path, &st) || st.st_size > FILE_MAX_BYTES)
        return NULL;
    etag = etag_of(&st);
    file = g_hash_table_lookup(api->files, path);
    if (!file || strcmp(file->etag, etag))
        return keep(api, path, etag);
    g_free(etag);
    return file;
}

/* RFC 9110 13.1.2: a list, perhaps of weak ones, or "*". */
static bool none_match(struct lws *wsi, const char *etag) CW_ON_LOOP
{
    char buf[512];
    const char *list = cw_http_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, buf, sizeof buf);

    return !list || !*list || (strcmp(list, "*") && !strstr(list, etag));
}

/* ── Answers ── */

/* The page may speak to this very host; that 'self' includes ws: is not the case everywhere. */
static char *page_headers(const cw_conn *conn, struct lws *wsi, const char *etag)
{
    const char *scheme = conn->tls ? "wss" : "ws";
    char host[128] = "";
    bool good = lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) > 0 &&
                cw_proto_chars_ok("A-Za-z0-9.:[]-", host, strlen(host));

    return g_strdup_printf(
        "content-security-policy: default-src 'self'; connect-src 'self'%s%s%s%s; "
        "img-src 'self' data: blob:; media-src 'self' blob: mediastream:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        "x-frame-options: DENY\r\n"
        "permissions-policy: microphone=(self), camera=(self), display-capture=(self), "
        "geolocation=(), payment=(), usb=()\r\n"
        "cache-control: no-cache\r\n"
        "etag: %s\r\n",
        good ? " " : "", good ? scheme : "", good ? "://" : "", good ? host : "", etag);
}

static void serve_file(cw_http *h, struct lws *wsi, const char *path) CW_ON_LOOP
{
    const kept *file = file_of(h->conn->api, path);
    g_autofree char *headers = file ? page_headers(h->conn, wsi, file->etag) : NULL;
    cw_http_answer answer = { .status = 200, .type = type_of(path), .headers = headers };

    if (!file) {
        cw_http_say(h, 404, "not found\n");
        return;
    }
    if (none_match(wsi, file->etag))
        answer.body = file->bytes;
    else
        answer.status = 304;
    cw_http_answer_with(h, &answer);
}

void cw_www_serve(cw_http *h, struct lws *wsi)
{
    g_autofree char *file = NULL;

    if (h->method != CW_HTTP_GET && h->method != CW_HTTP_HEAD) {
        cw_http_say(h, 405, "GET and HEAD only\n");
        return;
    }
    if (!strcmp(h->path, "/healthz")) {
        cw_http_say(h, 200, "ok\n");
        return;
    }
    if (!strcmp(h->path, "/docs")) {
        cw_http_answer_with(h,
                            &(cw_http_answer){ .status = 308, .headers = "location: /docs/\r\n" });
        return;
    }
    file = cw_www_path(h->conn->api->root, h->path);
    if (file)
        serve_file(h, wsi, file);
    else
        cw_http_say(h, 404, "not found\n");
}
