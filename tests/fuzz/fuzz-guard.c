/* WebSocket bytes of a client through the guard, cut into pieces of the first byte's choosing. */
#include "api/guard.h"

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cw_guard whole = { 0 }, parts = { 0 };
    size_t step = size > 0 ? data[0] % 32 + 1 : 1;

    cw_guard_begin(&whole, 4096, 16);
    cw_guard_begin(&parts, 4096, 16);
    if (size > 0)
        cw_guard_pass(&whole, data + 1, size - 1);
    for (size_t at = 1; at < size; at += step)
        cw_guard_pass(&parts, data + at, MIN(step, size - at));
    g_assert_cmpint(whole.code, ==, parts.code);
    g_assert_cmpuint(whole.count, ==, parts.count);
    g_assert_true(whole.message <= whole.message_max || whole.code);
    return 0;
}
