#include "sip/text/urilist.h"

#include "base/json.h"
#include "sip/text/uri.h"

#include <string.h>

/* Behind a quoted string that begins at `text` (RFC 3261 25.1). */
static const char *skip_quoted(const char *text)
{
    for (text++; *text && *text != '"'; text++)
        if (*text == '\\' && text[1])
            text++;
    return *text ? text + 1 : text;
}

/* The next of `set` outside quotes, or the end. */
static const char *find(const char *text, const char *set)
{
    while (*text && !strchr(set, *text))
        text = *text == '"' ? skip_quoted(text) : text + 1;
    return text;
}

static bool is_usable(const char *uri)
{
    size_t len = strlen(uri);
    cw_sip_host host;

    if (len > CW_SIP_URI_MAX || !cw_text_is_safe(uri, len) || strpbrk(uri, "<>\" ,?") ||
        !g_utf8_validate(uri, (gssize)len, NULL))
        return false;
    if (g_ascii_strncasecmp(uri, "tel:", 4) == 0)
        return len > 4;
    return cw_sip_uri_host(uri, &host) == CW_OK;
}

void cw_sip_uri_list(const char *text, unsigned max, GPtrArray *to)
{
    while (*text && to->len < max) {
        const char *open = find(text, "<,");
        g_autofree char *uri = NULL;
        size_t len;

        if (*open != '<') { /* an entry without brackets */
            text = *open ? open + 1 : open;
            continue;
        }
        len = strcspn(open + 1, ">");
        if (!open[1 + len])
            return;
        uri = g_strndup(open + 1, len);
        if (is_usable(uri))
            g_ptr_array_add(to, g_steal_pointer(&uri));
        text = find(open + 1 + len, ",");
        text += *text == ',';
    }
}
