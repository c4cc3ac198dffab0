#include "base/ident.h"

#include <glib.h>
#include <string.h>
#include <sys/random.h>

/* Crockford's base 32 in lower case: no i, l, o, u to misread. */
static const char base32[] = "0123456789abcdefghjkmnpqrstvwxyz";

void cw_random(void *buf, size_t len)
{
    uint8_t *at = buf;

    while (len > 0) {
        ssize_t n = getrandom(at, MIN(len, 256), 0);

        g_assert(n > 0); /* up to 256 bytes are never interrupted (getrandom(2)) */
        at += n;
        len -= (size_t)n;
    }
}

cw_id cw_id_new(void)
{
    cw_id id = 0;

    while (id == 0)
        cw_random(&id, sizeof id);
    return id;
}

const char *cw_id_print(cw_id id, char buf[static CW_ID_STR])
{
    for (int i = CW_ID_STR - 2; i >= 0; i--) {
        buf[i] = base32[id & 31];
        id >>= 5;
    }
    buf[CW_ID_STR - 1] = 0;
    return buf;
}

cw_id cw_id_parse(const char *text)
{
    cw_id id = 0;

    if (strlen(text) != CW_ID_STR - 1 || text[0] > 'f')
        return 0;
    for (; *text; text++) {
        const char *at = strchr(base32, *text);

        if (!at)
            return 0;
        id = id << 5 | (cw_id)(at - base32);
    }
    return id;
}

char *cw_random_text(char *buf, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t done = 0;

    while (done < len) {
        uint8_t bytes[64];

        cw_random(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes && done < len; i++)
            if (bytes[i] < 248) /* 4 * 62: no character is likelier than another */
                buf[done++] = alphabet[bytes[i] % 62];
    }
    buf[len] = 0;
    return buf;
}
