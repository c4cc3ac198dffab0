#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* jansson alone would recurse 2048 deep; a peer's depth is counted before it is asked. Strings are
 * skipped, so that brackets in them do not count. */
static bool too_deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > CW_JSON_DEPTH)
                return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

cw_err cw_json_parse(const char *text, size_t len, json_t **ret, char why[static 128])
{
    json_error_t error;
    json_t *value;

    if (too_deep(text, len)) {
        g_snprintf(why, 128, "more than %d levels", CW_JSON_DEPTH);
        return CW_E_TOO_DEEP;
    }
    value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!value) {
        g_snprintf(why, 128, "line %d column %d: %.90s", error.line, error.column, error.text);
        return CW_E_PARSE;
    }
    *ret = value;
    return CW_OK;
}

bool cw_text_is_safe(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

char *cw_json_print(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}
