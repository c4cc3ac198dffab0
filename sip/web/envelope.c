/* Sofia knows no WebSocket: its connections are TCP to it. A message's first Via is changed on the
 * way in and back on the way out, and gets the Content-Length that RFC 7118 5.1 lets it omit. */
#include "sip/web/envelope.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_blank(const char *data, size_t at, size_t end)
{
    while (at < end && is_blank(data[at]))
        at++;
    return at;
}

/* RFC 3261 25.1. */
static bool is_token(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("-.!%*_+`'~", c));
}

static size_t skip_token(const char *data, size_t at, size_t end)
{
    while (at < end && is_token(data[at]))
        at++;
    return at;
}

/* `word`, then a slash, blanks around both; 0: not there. */
static size_t skip_part(const char *data, size_t at, size_t end, const char *word)
{
    size_t from = skip_blank(data, at, end), to = skip_token(data, from, end);

    if (to - from != strlen(word) || g_ascii_strncasecmp(data + from, word, to - from) != 0)
        return 0;
    to = skip_blank(data, to, end);
    return to < end && data[to] == '/' ? to + 1 : 0;
}

/* "SIP/2.0/WSS host": the last word of the protocol. */
static cw_err read_via(const char *data, size_t at, size_t end, cw_sip_envelope *ret)
{
    at = skip_part(data, at, end, "SIP");
    at = at ? skip_part(data, at, end, "2.0") : 0;
    if (!at)
        return CW_E_SYNTAX;
    ret->via_at = skip_blank(data, at, end);
    ret->via_len = skip_token(data, ret->via_at, end) - ret->via_at;
    return ret->via_len ? CW_OK : CW_E_SYNTAX;
}

static bool is_named(const char *name, size_t len, const char *whole, char compact)
{
    while (len > 0 && is_blank(name[len - 1]))
        len--;
    return (len == 1 && g_ascii_tolower(*name) == compact) ||
           (len == strlen(whole) && g_ascii_strncasecmp(name, whole, len) == 0);
}

/* The end of the field that begins at `at`: lines that begin with a blank belong to it. */
static size_t field_end(const char *data, size_t at, size_t end)
{
    for (;;) {
        const char *cr = memmem(data + at, end - at, "\r\n", 2);

        if (!cr)
            return end;
        at = (size_t)(cr - data) + 2;
        if (at >= end || (data[at] != ' ' && data[at] != '\t'))
            return at - 2;
    }
}

cw_err cw_sip_envelope_read(const char *data, size_t len, cw_sip_envelope *ret)
{
    const char *empty = memmem(data, len, "\r\n\r\n", 4);
    size_t end = empty ? (size_t)(empty - data) : 0, at, stop;
    cw_err err = CW_OK;

    *ret = (cw_sip_envelope){ .body_at = end + 4 };
    if (!empty)
        return CW_E_SYNTAX;
    for (at = field_end(data, 0, end) + 2; !err && at < end; at = stop + 2) {
        const char *colon;

        stop = field_end(data, at, end);
        colon = memchr(data + at, ':', stop - at);
        if (!colon)
            continue;
        if (!ret->via_len && is_named(data + at, (size_t)(colon - data) - at, "Via", 'v'))
            err = read_via(data, (size_t)(colon - data) + 1, stop, ret);
        else if (is_named(data + at, (size_t)(colon - data) - at, "Content-Length", 'l'))
            ret->has_length = true;
    }
    return err ? err : ret->via_len ? CW_OK : CW_E_SYNTAX;
}

static void append(GByteArray *out, const char *text, size_t len)
{
    g_byte_array_append(out, (const guint8 *)text, (guint)len);
}

void cw_sip_envelope_write(const char *data, size_t len, const cw_sip_envelope *envelope,
                           const char *transport, GByteArray *out)
{
    size_t behind = envelope->via_at + envelope->via_len, head = envelope->body_at - 2;

    append(out, data, envelope->via_at);
    append(out, transport, strlen(transport));
    append(out, data + behind, head - behind);
    if (!envelope->has_length) {
        char line[48];
        int n = g_snprintf(line, sizeof line, "Content-Length: %zu\r\n", len - envelope->body_at);

        append(out, line, (size_t)n);
    }
    append(out, data + head, len - head);
}
