/* fuzz-jsep.c - a browser's SDP: what is read, printed as ours and read again says the same. */
#include "webrtc/jsep.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_stream(const cw_stream *a, const cw_stream *b)
{
    assert(a->refused == b->refused);
    if (a->refused)
        return;
    assert(a->kind == b->kind && a->dir == b->dir && a->ptime_ms == b->ptime_ms);
    assert(a->format_n == b->format_n);
    for (unsigned i = 0; i < a->format_n; i++)
        assert(cw_format_same(&a->format[i], &b->format[i]) && a->format[i].pt == b->format[i].pt);
}

static void same(const cw_jsep *a, const cw_jsep *b, bool is_offer)
{
    assert(!strcmp(a->ufrag, b->ufrag) && !strcmp(a->pwd, b->pwd));
    assert(!strcmp(a->fingerprint.hash, b->fingerprint.hash));
    assert(!memcmp(a->fingerprint.value, b->fingerprint.value, sizeof a->fingerprint.value));
    assert(a->desc.stream_n == b->desc.stream_n);
    for (unsigned i = 0; i < a->desc.stream_n; i++) {
        if (!is_offer || a->mid[i][0])
            assert(!strcmp(a->mid[i], b->mid[i]));
        if (!is_offer && !a->desc.stream[i].refused && a->desc.stream[i].format_n)
            assert(a->desc.stream[i].feedback == b->desc.stream[i].feedback);
        same_stream(&a->desc.stream[i], &b->desc.stream[i]);
    }
}

/* Numbered mids can meet one of the offer's own in a text no browser writes. */
static bool mids_are_mixed(const cw_jsep *jsep)
{
    unsigned empty = 0;

    for (unsigned i = 0; i < jsep->desc.stream_n; i++)
        empty += !jsep->mid[i][0];
    return empty && empty < jsep->desc.stream_n;
}

static bool has_empty(const cw_media_desc *desc)
{
    for (unsigned i = 0; i < desc->stream_n; i++)
        if (!desc->stream[i].refused && !desc->stream[i].format_n)
            return true;
    return false;
}

static void round_trip(const cw_jsep *jsep, bool is_offer)
{
    g_autofree cw_jsep *again = g_new0(cw_jsep, 1);
    g_autofree char *text = cw_jsep_print(jsep, is_offer);
    char why[128];
    char *lite = strstr(text, "\na=ice-lite\r\n");

    assert(lite);
    memcpy(lite, "\na=xce", 6); /* our own reader wants no lite peer */
    assert(cw_jsep_parse(text, strlen(text), again, why) == CW_OK);
    same(jsep, again, is_offer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree cw_jsep *jsep = g_new0(cw_jsep, 1);
    char why[128];
    cw_err err = cw_jsep_parse((const char *)data, size, jsep, why);

    assert(!err == !why[0]);
    if (err || has_empty(&jsep->desc))
        return 0;
    round_trip(jsep, false);
    if (!mids_are_mixed(jsep))
        round_trip(jsep, true);
    return 0;
}
