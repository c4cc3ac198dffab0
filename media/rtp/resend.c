#include "media/rtp/resend.h"

#include <glib.h>
#include <string.h>

#define PLACES 1024 /* packets it can tell apart, a power of two */

typedef struct place {
    uint64_t at; /* bytes ever written before it */
    uint64_t sent_us, again_us;
    uint16_t seq, len; /* len 0: none */
} place;

struct cw_resend {
    size_t size;
    uint64_t end; /* bytes ever written, and skipped at the end of the ring */
    place place[PLACES];
    uint8_t data[];
};

cw_resend *cw_resend_new(size_t bytes)
{
    cw_resend *resend;

    if (bytes == 0)
        return NULL;
    /* Pages that are never written to are never there: memory follows the bit rate. */
    resend = g_malloc(sizeof *resend + bytes);
    memset(resend, 0, sizeof *resend);
    resend->size = bytes;
    return resend;
}

void cw_resend_free(cw_resend *resend)
{
    g_free(resend);
}

void cw_resend_put(cw_resend *resend, uint16_t seq, const uint8_t *data, size_t len,
                   uint64_t now_us)
{
    size_t left = resend->size - resend->end % resend->size;

    if (len > resend->size || len > UINT16_MAX)
        return;
    if (len > left)
        resend->end += left;
    memcpy(resend->data + resend->end % resend->size, data, len);
    resend->place[seq % PLACES] =
        (place){ .at = resend->end, .sent_us = now_us, .seq = seq, .len = (uint16_t)len };
    resend->end += len;
}

const uint8_t *cw_resend_get(cw_resend *resend, uint16_t seq, uint64_t now_us, uint64_t age_us,
                             uint64_t apart_us, size_t *len)
{
    place *of = &resend->place[seq % PLACES];

    if (!of->len || of->seq != seq || resend->end - of->at > resend->size ||
        now_us - of->sent_us > age_us || (of->again_us && now_us - of->again_us < apart_us))
        return NULL;
    of->again_us = now_us;
    *len = of->len;
    return resend->data + of->at % resend->size;
}
