#include "media/codec/fmtp.h"

#include <string.h>
#include <strings.h>

static size_t trimmed(const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    return len;
}

const char *cw_fmtp_get(const char *fmtp, const char *key, size_t *len)
{
    size_t key_len = strlen(key);

    while (*fmtp) {
        const char *equals;
        size_t n;

        fmtp += strspn(fmtp, "; \t");
        n = strcspn(fmtp, ";");
        equals = memchr(fmtp, '=', n);
        if (equals && trimmed(fmtp, (size_t)(equals - fmtp)) == key_len &&
            strncasecmp(fmtp, key, key_len) == 0) {
            const char *value = equals + 1 + strspn(equals + 1, " \t");

            *len = value < fmtp + n ? trimmed(value, (size_t)(fmtp + n - value)) : 0;
            return value;
        }
        fmtp += n;
    }
    return NULL;
}

unsigned cw_fmtp_number(const char *fmtp, const char *key, unsigned missing)
{
    size_t len;
    const char *value = cw_fmtp_get(fmtp, key, &len);
    unsigned number = 0;

    if (!value || len == 0 || len > 6)
        return missing;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return missing;
        number = number * 10 + (unsigned)(value[i] - '0');
    }
    return number;
}

bool cw_fmtp_has(const char *fmtp, const char *key)
{
    size_t len;

    return cw_fmtp_get(fmtp, key, &len) != NULL;
}
