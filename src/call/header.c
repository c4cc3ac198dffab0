#include "call/header.h"

#include <string.h>

/* RFC 3261 25.1 token */
static bool is_token(const char *text)
{
    for (; *text; text++)
        if (!g_ascii_isalnum(*text) && !strchr("-.!%*_+`'~", *text))
            return false;
    return true;
}

static bool name_ok(const char *name)
{
    size_t len = strlen(name);

    return len > 2 && len <= CW_HEADER_NAME_MAX && g_ascii_strncasecmp(name, "X-", 2) == 0 &&
           is_token(name);
}

static cw_err check_one(const char *name, const json_t *value, char why[static 128])
{
    if (!name_ok(name)) {
        g_snprintf(why, 128, "headers: only names of the form X-… may be set");
        return cw_text_is_safe(name, strlen(name)) ? CW_E_PARAMS : CW_E_UNSAFE;
    }
    if (!json_is_string(value) || json_string_length(value) > CW_HEADER_VALUE_MAX) {
        g_snprintf(why, 128, "headers: %s is no text of at most %d bytes", name,
                   CW_HEADER_VALUE_MAX);
        return CW_E_PARAMS;
    }
    if (!cw_text_is_safe(json_string_value(value), json_string_length(value))) {
        g_snprintf(why, 128, "headers: %s holds a control character", name);
        return CW_E_UNSAFE;
    }
    return CW_OK;
}

cw_err cw_headers_check(const json_t *headers, char ***ret, char why[static 128])
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    json_t *value;

    if (!headers)
        return CW_OK;
    if (!json_is_object(headers) || json_object_size(headers) > CW_HEADERS_MAX) {
        g_snprintf(why, 128, "headers: at most %d, in an object", CW_HEADERS_MAX);
        return CW_E_PARAMS;
    }
    json_object_foreach((json_t *)headers, name, value)
    {
        cw_err err = check_one(name, value, why);

        if (err)
            return err;
        g_ptr_array_add(lines, g_strdup_printf("%s: %s", name, json_string_value(value)));
    }
    g_ptr_array_add(lines, NULL);
    *ret = (char **)g_ptr_array_free(g_steal_pointer(&lines), FALSE);
    return CW_OK;
}
