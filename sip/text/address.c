#include "sip/address.h"

#include "base/json.h"
#include "sip/text/uri.h"

#include <glib.h>
#include <string.h>

/* ── Where things end ── */

/* Behind a quoted string that begins at `at`; its end when it is not closed. */
static const char *past_quotes(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

/* The first of `set` outside quotes and, if `angles`, outside <>. */
static const char *find_any(const char *at, const char *set, bool angles)
{
    bool inside = false;

    while (*at) {
        if (*at == '"') {
            at = past_quotes(at);
            continue;
        }
        if (!inside && strchr(set, *at))
            break;
        if (angles && *at == '<')
            inside = true;
        if (*at == '>')
            inside = false;
        at++;
    }
    return at;
}

/* ── One of them ── */

static char *plain(const char *text, size_t len)
{
    if (!cw_text_is_safe(text, len) || !g_utf8_validate(text, (gssize)len, NULL))
        return NULL;
    return g_strstrip(g_strndup(text, len));
}

/* "sip:user@host;params?headers" or "tel:number;params", without the scheme's letters. */
static bool read_uri(const char *uri, size_t len, cw_sip_address *ret)
{
    g_autofree char *text = plain(uri, len);
    const char *rest, *at, *host, *scheme;
    size_t host_len;

    if (!text || strpbrk(text, " <>\"\\"))
        return false;
    if (g_ascii_strncasecmp(text, "tel:", 4) == 0) {
        ret->tel = true;
        ret->user = cw_sip_user_unescape(text + 4, strlen(text + 4));
        ret->host = g_strdup("");
        ret->inside = g_strdup("");
        ret->headers = g_strdup("");
        ret->uri = g_strdup_printf("tel:%.*s", (int)strcspn(text + 4, ";?"), text + 4);
        return ret->user && *ret->user;
    }
    if (g_ascii_strncasecmp(text, "sip:", 4) == 0)
        scheme = "sip";
    else if (g_ascii_strncasecmp(text, "sips:", 5) == 0)
        scheme = "sips";
    else
        return false;
    rest = text + strlen(scheme) + 1;
    at = strchr(rest, '@');
    host = at ? at + 1 : rest;
    host_len = strcspn(host, ";?");
    if (host_len == 0)
        return false;
    ret->user = cw_sip_user_unescape(rest, at ? (size_t)(at - rest) : 0);
    ret->host = g_ascii_strdown(host, (gssize)host_len);
    ret->inside = g_strndup(host + host_len, strcspn(host + host_len, "?"));
    ret->headers = g_strdup(strchr(host, '?') ? strchr(host, '?') + 1 : "");
    ret->uri = g_strdup_printf("%s:%.*s%s", scheme, at ? (int)(at + 1 - rest) : 0, rest, ret->host);
    return ret->user != NULL;
}

static bool read_one(const char *text, size_t len, cw_sip_address *ret)
{
    g_autofree char *one = g_strstrip(g_strndup(text, len));
    const char *open = find_any(one, "<", false), *close;
    g_autofree char *display = NULL;

    if (!*open) { /* addr-spec: parameters are the field's, not the URI's (RFC 3261 20.10) */
        size_t end = strcspn(one, ";?");

        ret->display = g_strdup("");
        ret->params = plain(one + end, strlen(one + end));
        return ret->params && read_uri(one, end, ret);
    }
    close = strchr(open, '>');
    if (!close)
        return false;
    display = g_strstrip(g_strndup(one, (gsize)(open - one)));
    ret->display = cw_sip_display_decode(display);
    ret->params = plain(close + 1, strlen(close + 1));
    return ret->params && read_uri(open + 1, (size_t)(close - open - 1), ret);
}

bool cw_sip_address_next(const char **at, cw_sip_address *ret)
{
    memset(ret, 0, sizeof *ret);
    while (**at) {
        const char *start = *at, *end = find_any(start, ",", true);

        *at = *end ? end + 1 : end;
        if (read_one(start, (size_t)(end - start), ret))
            return true;
        cw_sip_address_clear(ret);
    }
    return false;
}

void cw_sip_address_clear(cw_sip_address *address)
{
    g_free(address->display);
    g_free(address->uri);
    g_free(address->user);
    g_free(address->host);
    g_free(address->inside);
    g_free(address->headers);
    g_free(address->params);
    memset(address, 0, sizeof *address);
}

char *cw_sip_uri_of(const char *user, const char *host)
{
    g_autofree char *escaped = cw_sip_user_escape(user);

    return g_strdup_printf("sip:%s%s%s", escaped, *escaped ? "@" : "", host);
}

/* ── Parameters ── */

char *cw_sip_param(const char *params, const char *name)
{
    const char *at = params;

    while (*at == ';') {
        const char *start = ++at, *equals;
        g_autofree char *own = NULL;

        at = find_any(at, ";", false);
        equals = memchr(start, '=', (size_t)(at - start));
        own = g_strstrip(g_strndup(start, (gsize)((equals ? equals : at) - start)));
        if (g_ascii_strcasecmp(own, name))
            continue;
        if (!equals)
            return g_strdup("");
        g_autofree char *value = g_strstrip(g_strndup(equals + 1, (gsize)(at - equals - 1)));

        return *value == '"' ? cw_sip_display_decode(value) : g_steal_pointer(&value);
    }
    return NULL;
}

char *cw_sip_uri_header(const char *headers, const char *name)
{
    g_auto(GStrv) all = g_strsplit(headers, "&", 16);

    for (char **h = all; *h; h++) {
        char *equals = strchr(*h, '=');

        if (!equals)
            continue;
        *equals = '\0';
        if (g_ascii_strcasecmp(*h, name) == 0)
            return cw_sip_user_unescape(equals + 1, strlen(equals + 1));
    }
    return NULL;
}
