/* fuzz-keypad.c - keys by SIP INFO: the Content-Type up to a NUL, then the body. */
#include "call/leg/keypad.h"

#include <assert.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    unsigned duration_ms = 0;
    char digit = 0;

    if (!end)
        return 0;
    size_t len = size - (size_t)(end - data) - 1;
    g_autofree char *body = g_malloc(len ? len : 1);

    memcpy(body, end + 1, len);
    if (cw_keypad_parse((const char *)data, body, len, &digit, &duration_ms))
        return 0;
    assert(strchr("0123456789*#ABCD", digit) && digit);
    assert(duration_ms >= 1 && duration_ms <= 6000);
    return 0;
}
