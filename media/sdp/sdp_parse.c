/* RFC 8866 9: one pass over the lines, each cut into fields in place. */
#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

typedef struct reader {
    cw_sdp *sdp;
    cw_sdp_media *media; /* the section being read, NULL: the session */
    bool started;        /* v= was seen */
} reader;

bool cw_span_is(cw_span span, const char *text)
{
    return span.s && span.len == strlen(text) && !g_ascii_strncasecmp(span.s, text, span.len);
}

const cw_sdp_attr *cw_sdp_attr_find(const cw_sdp_attr *attrs, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (cw_span_is(attrs[i].name, name))
            return &attrs[i];
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Take the next word off `rest`; its len is 0 at the end. */
static cw_span next_word(cw_span *rest)
{
    cw_span word;

    while (rest->len && is_blank(rest->s[0])) {
        rest->s++;
        rest->len--;
    }
    word = (cw_span){ rest->s, 0 };
    while (rest->len && !is_blank(rest->s[0])) {
        rest->s++;
        rest->len--;
        word.len++;
    }
    return word;
}

/* All digits, at most `max`. */
static bool number(cw_span text, unsigned max, unsigned *ret)
{
    unsigned value = 0;

    if (!text.len || text.len > 9)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!g_ascii_isdigit(text.s[i]))
            return false;
        value = value * 10 + (unsigned)(text.s[i] - '0');
    }
    *ret = value;
    return value <= max;
}

static cw_span until(cw_span text, char c)
{
    const char *found = text.len ? memchr(text.s, c, text.len) : NULL;

    if (found)
        text.len = (size_t)(found - text.s);
    return text;
}

/* o=user id version IN IP4 address; the last three are of no use to us and may be anything. */
static cw_err read_origin(cw_sdp *sdp, cw_span value)
{
    sdp->origin_user = next_word(&value);
    sdp->session_id = next_word(&value);
    sdp->session_version = next_word(&value);
    return sdp->session_version.len ? CW_OK : CW_E_BAD_SDP;
}

/* c=IN IP4 192.0.2.1/127 */
static cw_err read_connection(reader *r, cw_span value)
{
    cw_span net = next_word(&value);
    cw_span type = next_word(&value);
    cw_span address = until(next_word(&value), '/');

    if (!cw_span_is(net, "IN") || !type.len || !address.len)
        return CW_E_BAD_SDP;
    if (r->media)
        r->media->connection = address;
    else
        r->sdp->connection = address;
    return CW_OK;
}

/* b=AS:64, b=TIAS:64000 (RFC 3890), b=RS:0 (RFC 3556); what we cannot read counts as not said. TIAS
 * is about the payload alone, and so the better bound; it is said after AS. */
static cw_err read_bandwidth(reader *r, cw_span value)
{
    unsigned *kbps = r->media ? &r->media->bandwidth_kbps : &r->sdp->bandwidth_kbps;
    cw_span type = until(value, ':');
    unsigned n;

    if (type.len == value.len ||
        !number((cw_span){ value.s + type.len + 1, value.len - type.len - 1 }, 999999999, &n))
        return CW_OK;
    if (cw_span_is(type, "AS"))
        *kbps = n;
    else if (cw_span_is(type, "TIAS"))
        *kbps = (n + 999) / 1000;
    else if (cw_span_is(type, "RS"))
        *(r->media ? &r->media->no_rs : &r->sdp->no_rs) = n == 0;
    else if (cw_span_is(type, "RR"))
        *(r->media ? &r->media->no_rr : &r->sdp->no_rr) = n == 0;
    return CW_OK;
}

/* m=audio 49170/2 RTP/AVP 0 8 */
static cw_err read_media(reader *r, cw_span value)
{
    cw_sdp *sdp = r->sdp;
    cw_sdp_media *media;
    cw_span word;
    unsigned port;

    if (sdp->media_n == CW_SDP_MEDIA_MAX)
        return CW_E_TOO_LARGE;
    media = &sdp->media[sdp->media_n];
    media->kind = next_word(&value);
    if (!number(until(next_word(&value), '/'), 65535, &port))
        return CW_E_BAD_SDP;
    media->port = (uint16_t)port;
    media->proto = next_word(&value);
    if (!media->proto.len)
        return CW_E_BAD_SDP;
    media->fmt_n = 0;
    while (media->fmt_n < CW_SDP_FMTS_MAX && (word = next_word(&value)).len)
        media->fmt[media->fmt_n++] = word;

    media->connection = (cw_span){ NULL, 0 };
    media->bandwidth_kbps = sdp->bandwidth_kbps;
    media->no_rs = sdp->no_rs;
    media->no_rr = sdp->no_rr;
    media->attr = sdp->all + sdp->all_n;
    media->attr_n = 0;
    r->media = media;
    sdp->media_n++;
    return CW_OK;
}

/* a=name or a=name:value */
static cw_err read_attribute(reader *r, cw_span text)
{
    cw_sdp_attr *attr = &r->sdp->all[r->sdp->all_n]; /* a line each: there is room */

    attr->name = until(text, ':');
    attr->value = (cw_span){ NULL, 0 };
    if (!attr->name.len)
        return CW_E_BAD_SDP;
    if (attr->name.len < text.len)
        attr->value = (cw_span){ text.s + attr->name.len + 1, text.len - attr->name.len - 1 };
    r->sdp->all_n++;
    if (r->media)
        r->media->attr_n++;
    else
        r->sdp->attr_n++;
    return CW_OK;
}

static cw_err read_line(reader *r, cw_span line)
{
    cw_span value = { line.s + 2, line.len - 2 };

    if (line.len < 2 || line.s[1] != '=' || !g_ascii_isalpha(line.s[0]))
        return CW_E_BAD_SDP;
    if (!r->started) {
        r->started = true;
        return line.s[0] == 'v' && cw_span_is(next_word(&value), "0") ? CW_OK : CW_E_BAD_SDP;
    }
    switch (line.s[0]) {
    case 'o':
        return r->media ? CW_E_BAD_SDP : read_origin(r->sdp, value);
    case 'c':
        return read_connection(r, value);
    case 'b':
        return read_bandwidth(r, value);
    case 'm':
        return read_media(r, value);
    case 'a':
        return read_attribute(r, value);
    default:
        return CW_OK;
    }
}

/* Tab is a blank; every other control byte is a peer's trick or rubbish. */
static bool has_control(cw_span line)
{
    for (size_t i = 0; i < line.len; i++)
        if (((unsigned char)line.s[i] < 0x20 && line.s[i] != '\t') || line.s[i] == 0x7f)
            return true;
    return false;
}

static cw_span next_line(cw_span *rest)
{
    cw_span line = until(*rest, '\n');
    size_t used = line.len + (line.len < rest->len);

    rest->s += used;
    rest->len -= used;
    while (line.len && (line.s[line.len - 1] == '\r' || is_blank(line.s[line.len - 1])))
        line.len--;
    return line;
}

static cw_err read_lines(reader *r, cw_span rest, unsigned *line)
{
    while (rest.len) {
        cw_span text = next_line(&rest);
        cw_err err;

        if (++*line > CW_SDP_LINES_MAX)
            return CW_E_TOO_LARGE;
        if (has_control(text))
            return CW_E_BAD_SDP;
        err = text.len ? read_line(r, text) : CW_OK;
        if (err)
            return err;
    }
    return r->started ? CW_OK : CW_E_BAD_SDP;
}

cw_err cw_sdp_parse(const char *text, size_t len, cw_sdp *ret, unsigned *line)
{
    reader r = { .sdp = ret };
    unsigned at = 0;
    cw_err err;

    if (line)
        *line = 0;
    if (len > CW_SDP_BYTES_MAX)
        return CW_E_TOO_LARGE;
    ret->origin_user = ret->session_id = ret->session_version = (cw_span){ NULL, 0 };
    ret->connection = (cw_span){ NULL, 0 };
    ret->attr_n = ret->media_n = ret->all_n = 0;
    ret->bandwidth_kbps = 0;
    ret->no_rs = ret->no_rr = false;
    ret->attr = ret->all;

    err = read_lines(&r, (cw_span){ text, len }, &at);
    if (line)
        *line = MAX(at, 1);
    for (unsigned i = 0; i < ret->media_n; i++)
        if (!ret->media[i].connection.s)
            ret->media[i].connection = ret->connection;
    return err;
}
