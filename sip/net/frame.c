#include "sip/net/frame.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static const char *line_end(const char *at, const char *end)
{
    const char *cr = memmem(at, (size_t)(end - at), "\r\n", 2);

    return cr ? cr : end;
}

/* "Content-Length" or "l" before the colon, blanks allowed (RFC 3261 7.3.1). */
static bool is_length(const char *name, size_t len)
{
    while (len > 0 && (name[len - 1] == ' ' || name[len - 1] == '\t'))
        len--;
    return (len == 1 && (*name == 'l' || *name == 'L')) ||
           (len == 14 && g_ascii_strncasecmp(name, "Content-Length", 14) == 0);
}

/* Digits with blanks around them, folded lines too. */
static cw_err read_number(const char *at, const char *end, size_t *ret)
{
    size_t value = 0, digits = 0;

    while (at < end && strchr(" \t\r\n", *at))
        at++;
    for (; at < end && g_ascii_isdigit(*at); at++, digits++) {
        if (digits >= 10)
            return CW_E_TOO_LARGE;
        value = value * 10 + (size_t)(*at - '0');
    }
    while (at < end && strchr(" \t\r\n", *at))
        at++;
    if (digits == 0 || at < end)
        return CW_E_SYNTAX;
    *ret = value;
    return CW_OK;
}

/* The end of the field that begins at `at`: lines that begin with a blank belong to it. */
static const char *field_end(const char *at, const char *end)
{
    const char *stop = line_end(at, end);

    while (stop + 2 < end && (stop[2] == ' ' || stop[2] == '\t'))
        stop = line_end(stop + 2, end);
    return stop;
}

/* The body's length; none said: 0. Two that agree are one. */
static cw_err body_len(const char *head, const char *end, size_t *ret)
{
    bool found = false;

    *ret = 0;
    for (const char *at = line_end(head, end) + 2; at < end;) {
        const char *stop = field_end(at, end), *colon = memchr(at, ':', (size_t)(stop - at));
        size_t value;
        cw_err err;

        if (colon && is_length(at, (size_t)(colon - at))) {
            err = read_number(colon + 1, stop, &value);
            if (err)
                return err;
            if (found && value != *ret)
                return CW_E_SYNTAX;
            found = true;
            *ret = value;
        }
        at = stop + 2;
    }
    return CW_OK;
}

/* `data` begins with a CR or LF. */
static cw_err between(const char *data, size_t len, cw_sip_frame_what *what, size_t *used)
{
    if (len >= 2 && memcmp(data, "\r\n", 2) != 0)
        return CW_E_SYNTAX;
    if (len >= 4 && memcmp(data, "\r\n\r\n", 4) == 0) {
        *what = CW_SIP_FRAME_PING;
        *used = 4;
    } else if (len >= 3 && data[2] != '\r') {
        *what = CW_SIP_FRAME_BLANK;
        *used = 2;
    } else if (len >= 4) {
        return CW_E_SYNTAX;
    }
    return *data == '\r' ? CW_OK : CW_E_SYNTAX;
}

static cw_err find_len(cw_sip_frame *frame, const char *data, size_t len, size_t max)
{
    size_t from = frame->seen > 3 ? frame->seen - 3 : 0, body;
    const char *end = memmem(data + from, len - from, "\r\n\r\n", 4);
    cw_err err;

    if (!end) {
        frame->seen = len;
        return len > max ? CW_E_TOO_LARGE : CW_OK;
    }
    err = body_len(data, end, &body);
    if (err)
        return err;
    frame->len = (size_t)(end - data) + 4;
    if (frame->len > max || body > max - frame->len)
        return CW_E_TOO_LARGE;
    frame->len += body;
    return CW_OK;
}

cw_err cw_sip_frame_next(cw_sip_frame *frame, const char *data, size_t len, size_t max,
                         cw_sip_frame_what *what, size_t *used)
{
    cw_err err = CW_OK;

    *what = CW_SIP_FRAME_MORE;
    *used = 0;
    if (len == 0)
        return CW_OK;
    if (*data == '\r' || *data == '\n')
        return between(data, len, what, used);
    if (!g_ascii_isalpha(*data)) /* of a method or of "SIP" */
        return CW_E_SYNTAX;
    if (frame->len == 0)
        err = find_len(frame, data, len, max);
    if (err || frame->len == 0 || frame->len > len)
        return err;
    *what = CW_SIP_FRAME_MESSAGE;
    *used = frame->len;
    *frame = (cw_sip_frame){ 0 };
    return CW_OK;
}
