/* fuzz-enum.c - rules of ENUM answers, and answers. */
#include "base/json.h"
#include "sip/enum.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_uri(const char *uri)
{
    if (!cw_text_is_safe(uri, strlen(uri)) || g_ascii_strncasecmp(uri, "sip", 3) != 0 ||
        strpbrk(uri, " <>\"?"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *rule = g_strndup((const char *)data, size), *uri = NULL, *chosen = NULL;

    if (cw_enum_apply(rule, "+33123456789", &uri) == CW_OK)
        is_uri(uri);
    chosen = cw_enum_choose(data, (int)MIN(size, 65535), "+33123456789");
    if (chosen)
        is_uri(chosen);
    return 0;
}
