/* fuzz-candidate.c - a candidate's line: what is read, printed and read again is the same. */
#include "webrtc/candidate.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const cw_addr *a, const cw_addr *b)
{
    return cw_addr_family(a) == cw_addr_family(b) &&
           (cw_addr_family(a) == AF_UNSPEC || cw_addr_eq(a, b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *ufrag;
    char print[CW_CANDIDATE_PRINT];
    cw_candidate got, again;
    size_t ufrag_len;

    if (cw_candidate_parse(text, size, &got, &ufrag, &ufrag_len))
        return 0;
    assert(ufrag_len <= size && (ufrag_len == 0 || (ufrag > text && ufrag < text + size)));
    if (cw_addr_family(&got.addr) == AF_UNSPEC || got.way == CW_WAY_OTHER ||
        got.type == CW_CANDIDATE_OTHER)
        return 0;
    cw_candidate_print(&got, print);
    assert(!cw_candidate_parse(print, strlen(print), &again, NULL, NULL));
    assert(!strcmp(got.foundation, again.foundation) && got.component == again.component);
    assert(got.type == again.type && got.way == again.way && got.priority == again.priority);
    assert(same(&got.addr, &again.addr) && same(&got.base, &again.base));
    return 0;
}
