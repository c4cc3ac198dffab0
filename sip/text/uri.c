#include "sip/text/uri.h"

#include "base/json.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

const char *cw_sip_transport_name(cw_sip_transport transport)
{
    static const char *const names[] = { "udp", "tcp", "tls", "ws", "wss" };

    return names[transport];
}

cw_err cw_sip_transport_parse(const char *name, size_t len, cw_sip_transport *ret)
{
    for (cw_sip_transport t = CW_SIP_UDP; t <= CW_SIP_TLS; t++) {
        const char *word = cw_sip_transport_name(t);

        if (len == strlen(word) && g_ascii_strncasecmp(name, word, len) == 0) {
            *ret = t;
            return CW_OK;
        }
    }
    return CW_E_PARAMS;
}

/* RFC 3261 25.1 unreserved: alphanum / mark. */
static bool is_unreserved(char c)
{
    return g_ascii_isalnum(c) || is_one_of(c, "-_.!~*'()");
}

/* user-unreserved without "?": legal there, but read as the start of headers by some. */
static bool is_user_char(char c)
{
    return is_unreserved(c) || is_one_of(c, "&=+$,;/");
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static bool is_ip(int family, const char *text)
{
    struct in6_addr any;

    return inet_pton(family, text, &any) == 1;
}

/* Labels of letters, digits, "-" and "_"; the last one is not all digits (that would be a number
 * somebody's inet_aton() reads as an address). */
static bool is_hostname(const char *name)
{
    g_auto(GStrv) labels = g_strsplit(name, ".", -1);
    unsigned n = g_strv_length(labels);

    if (n > 1 && *labels[n - 1] == '\0')
        n--; /* "host.example." */
    for (unsigned i = 0; i < n; i++) {
        size_t len = strlen(labels[i]);

        if (len == 0 || len > 63 || labels[i][0] == '-' || labels[i][len - 1] == '-')
            return false;
        for (size_t k = 0; k < len; k++)
            if (!g_ascii_isalnum(labels[i][k]) && !is_one_of(labels[i][k], "-_"))
                return false;
    }
    return n > 0 && strspn(labels[n - 1], "0123456789") != strlen(labels[n - 1]);
}

static cw_err parse_port(const char *text, size_t len, uint16_t *ret)
{
    unsigned value = 0;

    if (len == 0 || len > 5)
        return CW_E_PARAMS;
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isdigit(text[i]))
            return CW_E_PARAMS;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value == 0 || value > 65535)
        return CW_E_PARAMS;
    *ret = (uint16_t)value;
    return CW_OK;
}

cw_err cw_sip_host_parse(const char *text, size_t len, cw_sip_host *ret)
{
    cw_sip_host host = { 0 };
    const char *name = text, *end = text + len, *colon;
    size_t name_len;

    if (len > 0 && *text == '[') {
        const char *close = memchr(text, ']', len);

        if (!close)
            return CW_E_PARAMS;
        name = text + 1;
        name_len = (size_t)(close - name);
        colon = close + 1;
        host.ipv6 = true;
    } else {
        colon = memchr(text, ':', len);
        if (!colon)
            colon = end;
        name_len = (size_t)(colon - name);
    }
    if (name_len == 0 || name_len >= sizeof host.name)
        return CW_E_PARAMS;
    for (size_t i = 0; i < name_len; i++)
        host.name[i] = g_ascii_tolower(name[i]);

    host.numeric = is_ip(host.ipv6 ? AF_INET6 : AF_INET, host.name);
    if (!host.numeric && (host.ipv6 || !is_hostname(host.name)))
        return CW_E_PARAMS;
    if (colon < end &&
        (*colon != ':' || parse_port(colon + 1, (size_t)(end - colon - 1), &host.port)))
        return CW_E_PARAMS;
    *ret = host;
    return CW_OK;
}

uint16_t cw_sip_port_of(const cw_sip_host *host, cw_sip_transport transport)
{
    return host->port ? host->port : transport == CW_SIP_TLS ? 5061 : 5060;
}

/* The next ";name=value" at *at (which points behind the host); false at the end. */
static bool next_param(const char **at, const char **name, size_t *name_len, const char **value,
                       size_t *value_len)
{
    const char *p = *at;
    size_t len;

    if (*p != ';')
        return false;
    p++;
    len = strcspn(p, ";?");
    *at = p + len;
    *name = p;
    *name_len = strcspn(p, "=;?");
    if (*name_len < len) {
        *value = p + *name_len + 1;
        *value_len = len - *name_len - 1;
    } else {
        *value = p + len;
        *value_len = 0;
    }
    return true;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && g_ascii_strncasecmp(text, word, len) == 0;
}

static cw_err read_params(const char *at, cw_sip_host *host)
{
    const char *name, *value;
    size_t name_len, value_len;

    while (next_param(&at, &name, &name_len, &value, &value_len)) {
        if (is_word(name, name_len, "maddr"))
            return CW_E_UNSUPPORTED;
        if (is_word(name, name_len, "user"))
            host->phone = is_word(value, value_len, "phone");
        if (!is_word(name, name_len, "transport"))
            continue;
        if (is_word(value, value_len, "ws") || is_word(value, value_len, "wss"))
            host->transport = value_len == 2 ? CW_SIP_WS : CW_SIP_WSS;
        else if (cw_sip_transport_parse(value, value_len, &host->transport))
            return CW_E_UNSUPPORTED;
        host->has_transport = true;
    }
    return *at == '\0' || *at == '?' ? CW_OK : CW_E_PARAMS;
}

/* Behind the "@" when there is one. A user part may hold ";" and "?", never "@". */
static const char *host_part(const char *rest)
{
    const char *at = strchr(rest, '@');

    return at ? at + 1 : rest;
}

/* The length of "sip:" or "sips:"; 0: neither. */
static size_t scheme_len(const char *uri)
{
    return g_ascii_strncasecmp(uri, "sip:", 4) == 0 ? 4
           : g_ascii_strncasecmp(uri, "sips:", 5)   ? 0
                                                    : 5;
}

cw_err cw_sip_uri_host(const char *uri, cw_sip_host *ret)
{
    size_t scheme = scheme_len(uri);
    cw_sip_host host;
    const char *text;
    size_t len;
    cw_err err;

    if (!scheme)
        return CW_E_UNSUPPORTED;
    text = host_part(uri + scheme);
    len = strcspn(text, ";?");
    err = cw_sip_host_parse(text, len, &host);
    if (!err)
        err = read_params(text + len, &host);
    if (err)
        return err;
    if (scheme ==
        5) { /* RFC 5630 3.1.3: transport=tcp there is TLS over TCP; RFC 7118 5.2: ws is wss */
        bool web =
            host.has_transport && (host.transport == CW_SIP_WS || host.transport == CW_SIP_WSS);

        if (host.has_transport && host.transport == CW_SIP_UDP)
            return CW_E_UNSUPPORTED;
        host.secure = host.has_transport = true;
        host.transport = web ? CW_SIP_WSS : CW_SIP_TLS;
    }
    *ret = host;
    return CW_OK;
}

cw_err cw_sip_uri_transport(const char *uri, cw_sip_transport *ret)
{
    cw_sip_host host;

    *ret = CW_SIP_UDP;
    if (cw_sip_uri_host(uri, &host) || !host.has_transport)
        return CW_E_NOT_FOUND;
    *ret = host.transport;
    return CW_OK;
}

bool cw_sip_uri_is_loose(const char *uri)
{
    const char *at = host_part(uri), *name, *value;
    size_t name_len, value_len;

    at += strcspn(at, ";?");
    while (next_param(&at, &name, &name_len, &value, &value_len))
        if (is_word(name, name_len, "lr"))
            return true;
    return false;
}

/* Append the user part, UTF-8 escaped. */
static cw_err copy_user(GString *out, const char *user, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)user[i];

        if (c == '%') {
            int high = i + 2 < len ? g_ascii_xdigit_value(user[i + 1]) : -1;
            int low = i + 2 < len ? g_ascii_xdigit_value(user[i + 2]) : -1;

            if (high < 0 || low < 0)
                return CW_E_PARAMS;
            if (is_control((unsigned char)(high * 16 + low)))
                return CW_E_UNSAFE;
            g_string_append_len(out, user + i, 3);
            i += 2;
        } else if (is_user_char((char)c)) {
            g_string_append_c(out, (char)c);
        } else if (c >= 0x80) {
            g_string_append_printf(out, "%%%02X", c);
        } else {
            return CW_E_PARAMS;
        }
    }
    return CW_OK;
}

static void append_host(GString *out, const cw_sip_host *host)
{
    g_string_append_printf(out, host->ipv6 ? "[%s]" : "%s", host->name);
    if (host->port)
        g_string_append_printf(out, ":%u", host->port);
    if (host->has_transport && !host->secure)
        g_string_append_printf(out, ";transport=%s", cw_sip_transport_name(host->transport));
    if (host->phone)
        g_string_append(out, ";user=phone");
}

cw_err cw_sip_uri_check(const char *uri, char **ret)
{
    size_t len = strlen(uri), scheme = scheme_len(uri);
    g_autoptr(GString) out = g_string_new(scheme == 5 ? "sips:" : "sip:");
    const char *rest, *at;
    cw_sip_host host;
    cw_err err;

    if (!cw_text_is_safe(uri, len))
        return CW_E_UNSAFE;
    if (len > CW_SIP_URI_MAX || !scheme || strchr(uri, '?') ||
        !g_utf8_validate(uri, (gssize)len, NULL))
        return CW_E_PARAMS;
    rest = uri + scheme;
    at = strchr(rest, '@');
    if (at) {
        if (at == rest || strchr(at + 1, '@'))
            return CW_E_PARAMS;
        err = copy_user(out, rest, (size_t)(at - rest));
        if (err)
            return err;
        g_string_append_c(out, '@');
    }
    err = cw_sip_uri_host(uri, &host);
    if (err)
        return err == CW_E_UNSUPPORTED ? CW_E_PARAMS : err;
    append_host(out, &host);
    *ret = g_string_free(g_steal_pointer(&out), FALSE);
    return CW_OK;
}

cw_err cw_sip_tel_check(const char *uri)
{
    size_t len = strlen(uri);

    if (!cw_text_is_safe(uri, len))
        return CW_E_UNSAFE;
    if (len > CW_SIP_URI_MAX || g_ascii_strncasecmp(uri, "tel:", 4) != 0 || len == 4)
        return CW_E_PARAMS;
    for (const char *c = uri + 4; *c; c++)
        if (!g_ascii_isalnum(*c) && !is_one_of(*c, "+*-.()%;=_[]:"))
            return CW_E_PARAMS;
    return CW_OK;
}

char *cw_sip_user_escape(const char *user)
{
    GString *out = g_string_new(NULL);

    for (; *user; user++) {
        if (is_user_char(*user) && *user != ';')
            g_string_append_c(out, *user);
        else
            g_string_append_printf(out, "%%%02X", (unsigned char)*user);
    }
    return g_string_free(out, FALSE);
}

char *cw_sip_user_unescape(const char *user, size_t len)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (size_t i = 0; i < len; i++) {
        int high = -1, low = -1;

        if (user[i] == '%' && i + 2 < len) {
            high = g_ascii_xdigit_value(user[i + 1]);
            low = g_ascii_xdigit_value(user[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            g_string_append_c(out, (char)(high * 16 + low));
            i += 2;
        } else {
            g_string_append_c(out, user[i]);
        }
    }
    if (!cw_text_is_safe(out->str, out->len) || !g_utf8_validate(out->str, (gssize)out->len, NULL))
        return NULL;
    return g_string_free(g_steal_pointer(&out), FALSE);
}

char *cw_sip_display_quote(const char *name)
{
    GString *out;

    if (!cw_text_is_safe(name, strlen(name)) || !g_utf8_validate(name, -1, NULL))
        return NULL;
    out = g_string_new("\"");
    for (; *name; name++) {
        if (*name == '"' || *name == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *name);
    }
    g_string_append_c(out, '"');
    return g_string_free(out, FALSE);
}

char *cw_sip_display_decode(const char *quoted)
{
    g_autoptr(GString) out = g_string_new(NULL);
    const char *p = quoted ? quoted : "";
    bool in_quotes = *p == '"';

    for (p += in_quotes; *p && !(in_quotes && *p == '"'); p++) {
        if (in_quotes && *p == '\\' && p[1])
            p++;
        g_string_append_c(out, *p);
    }
    if (!cw_text_is_safe(out->str, out->len) || !g_utf8_validate(out->str, (gssize)out->len, NULL))
        g_string_truncate(out, 0);
    return g_strstrip(g_string_free(g_steal_pointer(&out), FALSE));
}
