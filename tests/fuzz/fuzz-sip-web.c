/* fuzz-sip-web.c - a message of a WebSocket on its way to Sofia and back: the envelope is read and
 * written, the rest stays as it is. */
#include "sip/net/frame.h"
#include "sip/web/envelope.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    cw_sip_envelope envelope, again;
    GByteArray *out, *back;

    assert(text);
    memcpy(text, data, size);
    if (cw_sip_envelope_read(text, size, &envelope)) {
        free(text);
        return 0;
    }
    assert(envelope.via_at + envelope.via_len <= size && envelope.body_at <= size);
    out = g_byte_array_new();
    back = g_byte_array_new();
    cw_sip_envelope_write(text, size, &envelope, "TCP", out);
    assert(cw_sip_envelope_read((char *)out->data, out->len, &again) == CW_OK);
    assert(again.has_length && again.via_at == envelope.via_at && again.via_len == 3);
    assert(out->len - again.body_at == size - envelope.body_at);
    cw_sip_envelope_write((char *)out->data, out->len, &again, "WSS", back);
    assert(back->len == out->len);
    if (envelope.has_length && envelope.via_len == 3 &&
        memcmp(text + envelope.via_at, "WSS", 3) == 0)
        assert(back->len == size && memcmp(back->data, text, size) == 0);
    g_byte_array_unref(out);
    g_byte_array_unref(back);
    free(text);
    return 0;
}
