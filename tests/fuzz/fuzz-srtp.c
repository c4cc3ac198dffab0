/* fuzz-srtp.c - packets of a peer to SRTP: byte 0 picks suite and kind. As they come, which fails;
 * and as what a peer with the keys would send, which must come back as it was. */
#include "media/srtp/srtp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef cw_err transform(cw_srtp *srtp, uint8_t *pkt, size_t *len);

static cw_srtp *make(cw_srtp_suite suite)
{
    cw_srtp_keys keys = { .suite = suite };
    cw_srtp *srtp = NULL;

    for (unsigned i = 0; i < CW_SRTP_KEY_MAX; i++)
        keys.tx[i] = keys.rx[i] = (uint8_t)(i * 7);
    if (cw_srtp_new(&keys, &srtp))
        abort();
    return srtp;
}

static void run(cw_srtp_suite suite, transform *open, transform *close, const uint8_t *data,
                size_t size)
{
    uint8_t *pkt = malloc(size + CW_SRTP_TRAILER);
    cw_srtp *a = make(suite), *b = make(suite);
    size_t len = size;

    memcpy(pkt, data, size);
    if (open(b, pkt, &len) == CW_OK)
        abort(); /* nobody guesses a tag of 32 bits in a test */
    memcpy(pkt, data, size);
    len = size;
    if (close(a, pkt, &len) == CW_OK) {
        if (len < size || len > size + CW_SRTP_TRAILER || open(b, pkt, &len))
            abort();
        if (len != size || memcmp(pkt, data, size))
            abort();
    }
    cw_srtp_free(a);
    cw_srtp_free(b);
    free(pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    cw_srtp_suite suite;

    if (!ready && cw_srtp_init())
        abort();
    ready = true;
    if (size < 1 || size > 1501)
        return 0;
    suite = 1 + (data[0] & 0x7f) % (CW_SRTP_SUITES - 1);
    if (data[0] & 0x80)
        run(suite, cw_srtp_unprotect_rtcp, cw_srtp_protect_rtcp, data + 1, size - 1);
    else
        run(suite, cw_srtp_unprotect, cw_srtp_protect, data + 1, size - 1);
    return 0;
}
