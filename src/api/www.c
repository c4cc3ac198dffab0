#include "api/priv.h"

#include "config.h"

#include <libwebsockets.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 4, PATH_MAX_BYTES = 256 };

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
    return path[0] == '/' && strlen(path) <= PATH_MAX_BYTES;
}

char *cw_www_file(const char *root, const char *path)
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

/* The page may speak to this very host; that 'self' includes ws: is not the case everywhere. */
static char *security_headers(const cw_conn *conn, struct lws *wsi)
{
    const char *scheme = conn->api->tls ? "wss" : "ws";
    char host[128] = "";
    bool good = lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) > 0 &&
                cw_proto_chars_ok("A-Za-z0-9.:[]-", host, strlen(host));

    return g_strdup_printf(
        "content-security-policy: default-src 'self'; connect-src 'self'%s%s%s%s; "
        "img-src 'self' data: blob:; media-src 'self' blob: mediastream:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        "x-content-type-options: nosniff\r\n"
        "x-frame-options: DENY\r\n"
        "referrer-policy: no-referrer\r\n"
        "permissions-policy: microphone=(self), camera=(self), display-capture=(self)\r\n"
        "cache-control: no-cache\r\n",
        good ? " " : "", good ? scheme : "", good ? "://" : "", good ? host : "");
}

int cw_www_reply(struct lws *wsi, unsigned status, const char *text)
{
    unsigned char buf[LWS_PRE + 1024];
    unsigned char *start = buf + LWS_PRE, *p = start, *end = buf + sizeof buf - 1;
    size_t len = strlen(text);
    bool head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;

    if (lws_add_http_common_headers(wsi, status, "text/plain; charset=utf-8", len, &p, end) ||
        lws_add_http_header_by_name(wsi, (const unsigned char *)"x-content-type-options:",
                                    (const unsigned char *)"nosniff", 7, &p, end) ||
        lws_finalize_http_header(wsi, &p, end) || len > (size_t)(end - p))
        return -1;
    if (!head) {
        memcpy(p, text, len);
        p += len;
    }
    return lws_write(wsi, start, (size_t)(p - start), LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
}

static int status_page(struct lws *wsi, unsigned status, const char *text) CW_ON_LOOP
{
    return cw_www_reply(wsi, status, text) || lws_http_transaction_completed(wsi) ? -1 : 0;
}

int cw_www_serve(cw_conn *conn, struct lws *wsi, const char *path)
{
    g_autofree char *file = NULL, *headers = NULL;
    int n;

    if (!lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) &&
        !lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI))
        return status_page(wsi, HTTP_STATUS_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    if (!strcmp(path, "/healthz"))
        return status_page(wsi, HTTP_STATUS_OK, "ok\n");
    if (!strcmp(path, CW_PROTO_PATH))
        return status_page(wsi, 426, "this address speaks WebSocket\n");
    file = cw_www_file(conn->api->root, path);
    if (!file)
        return status_page(wsi, HTTP_STATUS_NOT_FOUND, "not found\n");
    headers = security_headers(conn, wsi);
    n = lws_serve_http_file(wsi, file, type_of(file), headers, (int)strlen(headers));
    return n < 0 || (n > 0 && lws_http_transaction_completed(wsi)) ? -1 : 0;
}
