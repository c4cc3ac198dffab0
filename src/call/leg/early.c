#include "call/leg/early.h"

#include <glib.h>
#include <string.h>

static bool read_direction(const char *word, size_t len, cw_dir *ret)
{
    static const char *const names[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strlen(names[i]) != len || g_ascii_strncasecmp(names[i], word, len))
            continue;
        *ret = (cw_dir)i;
        return true;
    }
    return false;
}

bool cw_early_media_read(const char *value, cw_dir *ret, unsigned n)
{
    unsigned known = 0;
    cw_dir dir = CW_INACTIVE;

    while (known < n) {
        size_t len;

        value += strspn(value, " \t,");
        len = strcspn(value, " \t,;");
        if (len == 0)
            break;
        if (read_direction(value, len, &dir))
            ret[known++] = dir;
        value += strcspn(value, ",");
    }
    for (unsigned i = known; known > 0 && i < n; i++)
        ret[i] = dir;
    return known > 0;
}
