/* fuzz-crypto.c - a=crypto lines: what is taken is printed and read again as the same. */
#include "media/sdp/secure.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cw_crypto line = { 0 }, again = { 0 };
    cw_fingerprint print = { .len = 0 }, print2 = { .len = 0 };
    g_autoptr(GString) text = g_string_new(NULL);

    if (cw_fingerprint_parse((const char *)data, size, &print)) {
        cw_fingerprint_print(text, &print);
        assert(cw_fingerprint_parse(text->str + 14, text->len - 16, &print2));
        assert(cw_fingerprint_same(&print, &print2));
        g_string_truncate(text, 0);
    }
    if (cw_crypto_parse((const char *)data, size, &line)) {
        assert(line.suite == CW_SRTP_NONE);
        return 0;
    }
    assert(line.suite > CW_SRTP_NONE && line.suite < CW_SRTP_SUITES);
    assert(line.tag <= 999999999 && line.mki_len <= CW_SRTP_MKI_MAX);
    cw_crypto_print(text, &line);
    assert(cw_crypto_parse(text->str + 9, text->len - 11, &again) == CW_OK);
    assert(again.tag == line.tag && cw_crypto_same(&line, &again));
    return 0;
}
