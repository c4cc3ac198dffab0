/* fuzz-sdp.c - SDP of the SIP side: what is read, printed and read again says the same. */
#include "media/sdp/sdp.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_stream(const cw_stream *a, const cw_stream *b)
{
    assert(a->refused == b->refused);
    if (a->refused) {
        assert(!strcmp(a->section, b->section) || !a->section[0]);
        return;
    }
    assert(a->kind == b->kind && a->dir == b->dir && a->ptime_ms == b->ptime_ms);
    assert(a->format_n == b->format_n);
    for (unsigned i = 0; i < a->format_n; i++) {
        assert(a->format[i].pt == b->format[i].pt);
        /* AMR with an empty mode-set is like nothing, itself included. */
        assert(!cw_format_same(&a->format[i], &a->format[i]) ||
               cw_format_same(&a->format[i], &b->format[i]));
        assert(cw_format_is_dtmf(&a->format[i]) || !strcmp(a->format[i].fmtp, b->format[i].fmtp));
    }
}

/* A stream without a place has no port to be live on, one without formats nothing to say. */
static void settle(cw_media_desc *desc, const cw_rtp_place *place)
{
    for (unsigned i = 0; i < desc->stream_n; i++)
        if (cw_addr_family(&place[i].rtp) == AF_UNSPEC || !desc->stream[i].format_n)
            desc->stream[i].refused = true;
}

static void same_secure(const cw_secure *a, const cw_secure *b)
{
    assert(a->profile == b->profile && a->feedback == b->feedback);
    assert(a->crypto_n == b->crypto_n);
    for (unsigned i = 0; i < a->crypto_n; i++)
        assert(a->crypto[i].tag == b->crypto[i].tag &&
               cw_crypto_same(&a->crypto[i], &b->crypto[i]));
    assert(cw_fingerprint_same(&a->fingerprint, &b->fingerprint));
    assert(!a->fingerprint.len || (a->setup == b->setup && b->setup_said));
}

static void check_filter(const cw_media_desc *desc)
{
    static char *const allow[] = { "PCMA", "opus", NULL };
    static const cw_codec_policy policy = { .codecs = allow, .events = true };
    g_autofree cw_media_desc *kept = g_new0(cw_media_desc, 1);
    g_autofree cw_media_desc *answer = g_new0(cw_media_desc, 1);
    cw_err err;

    cw_desc_filter(desc, &policy, kept);
    assert(kept->stream_n == desc->stream_n);
    err = cw_desc_answer(desc, &policy, kept, answer);
    assert(!err || err == CW_E_NO_CODEC);
    for (unsigned i = 0; i < desc->stream_n; i++) {
        uint8_t map[128];

        assert(answer->stream[i].refused == kept->stream[i].refused);
        cw_stream_map(&answer->stream[i], &kept->stream[i], map);
        for (unsigned k = 0; !err && k < answer->stream[i].format_n; k++)
            assert(answer->stream[i].refused || map[answer->stream[i].format[k].pt] < 128);
    }
    cw_desc_number(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree cw_media_desc *desc = g_new0(cw_media_desc, 1);
    g_autofree cw_media_desc *again = g_new0(cw_media_desc, 1);
    cw_rtp_place place[CW_DESC_STREAMS_MAX] = { 0 }, place2[CW_DESC_STREAMS_MAX] = { 0 };
    g_autofree char *text = NULL;
    unsigned line;
    cw_err err;

    if (cw_sdp_read_rtp((const char *)data, size, desc, place, &line))
        return 0;
    check_filter(desc);
    settle(desc, place);
    text = cw_sdp_write_rtp(desc, place, 1, 1);
    err = cw_sdp_read_rtp(text, strlen(text), again, place2, &line);
    assert(!err && again->stream_n == desc->stream_n);
    for (unsigned i = 0; i < desc->stream_n; i++) {
        same_stream(&desc->stream[i], &again->stream[i]);
        if (desc->stream[i].refused)
            continue;
        assert(cw_addr_eq(&place[i].rtp, &place2[i].rtp));
        assert(place[i].rtcp_mux == place2[i].rtcp_mux);
        same_secure(&place[i].secure, &place2[i].secure);
    }
    return 0;
}
