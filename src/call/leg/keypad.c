#include "call/leg/keypad.h"

#include <glib.h>
#include <string.h>

#define DURATION_DEFAULT_MS 100
#define DURATION_MAX_MS     6000

/* The rest of the line after "key=", blanks around taken off; *n is its length, -1: no such line.
 */
static const char *value_of(const char *body, size_t len, const char *key, long *n)
{
    size_t key_len = strlen(key);
    const char *end = body + len;

    for (const char *line = body; line < end;) {
        const char *eol = memchr(line, '\n', (size_t)(end - line)) ?: end;
        const char *at = line, *stop = eol;

        line = eol < end ? eol + 1 : end;
        if ((size_t)(stop - at) < key_len || g_ascii_strncasecmp(at, key, key_len))
            continue;
        at += key_len;
        while (at < stop && (*at == ' ' || *at == '='))
            at++;
        while (stop > at && g_ascii_isspace(stop[-1]))
            stop--;
        *n = (long)(stop - at);
        return at;
    }
    *n = -1;
    return NULL;
}

static bool is_key(char c)
{
    return g_ascii_isdigit(c) || c == '*' || c == '#' || (c >= 'A' && c <= 'D');
}

/* One key, or the event's number (RFC 4733 2.3.2) as some write it: "11" is #. */
static cw_err read_key(const char *text, long n, char *digit)
{
    static const char events[] = "0123456789*#ABCD";

    if (n == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') {
        *digit = events[10 + text[1] - '0'];
        return CW_OK;
    }
    if (n != 1 || !is_key(g_ascii_toupper(text[0])))
        return CW_E_SYNTAX;
    *digit = g_ascii_toupper(text[0]);
    return CW_OK;
}

static unsigned read_duration(const char *text, long n)
{
    unsigned ms = 0;

    for (long i = 0; i < n && g_ascii_isdigit(text[i]) && ms < DURATION_MAX_MS; i++)
        ms = ms * 10 + (unsigned)(text[i] - '0');
    return ms == 0 ? DURATION_DEFAULT_MS : MIN(ms, DURATION_MAX_MS);
}

static bool is_type(const char *type, const char *want)
{
    size_t n = strlen(want);

    return g_ascii_strncasecmp(type, want, n) == 0 && (!type[n] || strchr("; \t", type[n]));
}

cw_err cw_keypad_parse(const char *type, const char *body, size_t len, char *digit,
                       unsigned *duration_ms)
{
    const char *text;
    long n;
    cw_err err;

    if (!type || !body)
        return CW_E_SYNTAX;
    if (is_type(type, "application/dtmf-relay")) {
        text = value_of(body, len, "Signal", &n);
        err = read_key(text, n, digit);
        text = value_of(body, len, "Duration", &n);
        *duration_ms = read_duration(text, n);
        return err;
    }
    if (!is_type(type, "application/dtmf"))
        return CW_E_SYNTAX;
    while (len > 0 && g_ascii_isspace(body[len - 1]))
        len--;
    *duration_ms = DURATION_DEFAULT_MS;
    return read_key(body, (long)len, digit);
}

size_t cw_keypad_print(bool plain, char digit, unsigned duration_ms,
                       char ret[static CW_KEYPAD_BODY_MAX])
{
    if (plain)
        g_snprintf(ret, CW_KEYPAD_BODY_MAX, "%c", digit);
    else
        g_snprintf(ret, CW_KEYPAD_BODY_MAX, "Signal=%c\r\nDuration=%u\r\n", digit, duration_ms);
    return strlen(ret);
}
