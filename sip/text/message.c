/* message.c - a received message as the layers above see it: header fields by name. */
#include "sip/priv.h"

#include "base/json.h"
#include "sip/text/uri.h"

#include <string.h>

/* cw_sip_message is a sip_t under another name: Sofia's types end in this folder. */
const cw_sip_message *cw_sip_message_of(const sip_t *sip)
{
    return (const cw_sip_message *)sip;
}

static const sip_header_t *first_of(const sip_t *sip)
{
    return sip->sip_request ? (const sip_header_t *)sip->sip_request
                            : (const sip_header_t *)sip->sip_status;
}

static const char *name_of(const sip_header_t *h)
{
    return h->sh_class->hc_hash == msg_unknown_hash ? h->sh_unknown->un_name : h->sh_class->hc_name;
}

static bool is_named(const sip_header_t *h, const char *name)
{
    const char *own = name_of(h);

    return own && g_ascii_strcasecmp(own, name) == 0;
}

static char *print(const sip_header_t *h)
{
    char text[CW_SIP_HEADER_MAX + 1];
    issize_t len;

    if (h->sh_class->hc_hash == msg_unknown_hash)
        return g_strndup(h->sh_unknown->un_value ? h->sh_unknown->un_value : "",
                         CW_SIP_HEADER_MAX + 1);
    len = sip_header_field_e(text, sizeof text, h, 0);
    return len >= 0 && (size_t)len < sizeof text ? g_strndup(text, (gsize)len) : NULL;
}

/* A line that goes on after CRLF and blanks is one line (RFC 3261 7.3.1). */
static void unfold(char *text)
{
    char *to = text;

    for (const char *from = text; *from;) {
        size_t line = strspn(from, "\r\n");

        if (line > 0 && (from[line] == ' ' || from[line] == '\t')) {
            from += line + strspn(from + line, " \t");
            *to++ = ' ';
        } else {
            *to++ = *from == '\t' ? ' ' : *from;
            from++;
        }
    }
    *to = '\0';
}

/* g_free it; NULL: not fit to show. */
static char *value_of(const sip_header_t *h)
{
    g_autofree char *text = print(h);
    size_t len;

    if (!text)
        return NULL;
    unfold(text);
    len = strlen(text);
    if (len > CW_SIP_HEADER_MAX || !cw_text_is_safe(text, len) || !g_utf8_validate(text, -1, NULL))
        return NULL;
    return g_steal_pointer(&text);
}

char *cw_sip_message_header(const cw_sip_message *message, const char *name, unsigned nth)
{
    const sip_header_t *h = message ? first_of((const sip_t *)message) : NULL;

    for (; h; h = (const sip_header_t *)h->sh_succ)
        if (h->sh_class && is_named(h, name) && nth-- == 0)
            return value_of(h);
    return NULL;
}

void cw_sip_message_each(const cw_sip_message *message, cw_sip_field_fn *fn, void *arg)
{
    const sip_header_t *h = message ? first_of((const sip_t *)message) : NULL;

    for (; h; h = (const sip_header_t *)h->sh_succ) {
        const char *name = h->sh_class ? name_of(h) : NULL;
        g_autofree char *value = name && *name ? value_of(h) : NULL;

        if (value && cw_text_is_safe(name, strlen(name)) && g_utf8_validate(name, -1, NULL))
            fn(arg, name, value);
    }
}

char *cw_sip_url_text(const url_t *url)
{
    g_autofree char *user = cw_sip_user_unescape(url->url_user ? url->url_user : "",
                                                 url->url_user ? strlen(url->url_user) : 0);
    g_autofree char *escaped = cw_sip_user_escape(user ? user : "");

    if (url->url_type == url_tel)
        return g_strdup_printf("tel:%s", url->url_user ? escaped : url->url_host);
    return g_strdup_printf("sip:%s%s%s%s%s", escaped, *escaped ? "@" : "",
                           url->url_host ? url->url_host : "", url->url_port ? ":" : "",
                           url->url_port ? url->url_port : "");
}

char *cw_sip_url_user(const url_t *url)
{
    const char *user = url->url_user;

    if (!user && url->url_type == url_tel)
        user = url->url_host;
    return cw_sip_user_unescape(user ? user : "", user ? strlen(user) : 0);
}

bool cw_sip_is_plain(const char *text)
{
    return !text || (cw_text_is_safe(text, strlen(text)) && g_utf8_validate(text, -1, NULL));
}
