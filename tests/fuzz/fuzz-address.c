/* fuzz-address.c - lists of addresses in header fields, their parameters; names and lines others
 * set. */
#include "base/json.h"
#include "sip/address.h"
#include "sip/header.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_safe(const char *text)
{
    if (text && (!cw_text_is_safe(text, strlen(text)) || !g_utf8_validate(text, -1, NULL)))
        abort();
}

static void read_list(const char *text)
{
    const char *at = text;
    cw_sip_address address;

    while (cw_sip_address_next(&at, &address)) {
        g_autofree char *reason = cw_sip_param(address.params, "reason");
        g_autofree char *privacy = cw_sip_uri_header(address.headers, "Privacy");

        is_safe(address.display);
        is_safe(address.uri);
        is_safe(address.user);
        is_safe(address.host);
        is_safe(address.inside);
        is_safe(address.headers);
        is_safe(address.params);
        is_safe(reason);
        is_safe(privacy);
        if (strpbrk(address.uri, " <>\""))
            abort();
        cw_sip_address_clear(&address);
    }
    if (at < text || at > text + strlen(text))
        abort();
}

/* The first line as a name, the rest as its value. */
static void make_line(const char *text)
{
    size_t len = strcspn(text, "\n");
    g_autofree char *name = g_strndup(text, len), *line = NULL;

    if (cw_sip_header_make(CW_SIP_BY_ANYBODY, name, text[len] ? text + len + 1 : "", &line))
        return;
    if (strpbrk(line, "\r\n") || !cw_sip_header_line_ok(line) ||
        g_ascii_strncasecmp(line, "via:", 4) == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);

    read_list(text);
    make_line(text);
    return 0;
}
