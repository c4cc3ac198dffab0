#include "media/rtcp.h"

#include "media/rtp.h"

#include <stdbool.h>
#include <string.h>

enum { SR = 200, RR = 201, SDES = 202, RTPFB = 205, PSFB = 206 }; /* packet types */
enum { NACK = 1, PLI = 1, FIR = 4, REMB = 15 };                   /* their formats */
enum { HEAD = 8, SENDER_INFO = 20, BLOCK = 24, FB = 12 }; /* bytes; FB: head and media SSRC */

/* One packet of a compound; padding of the last is taken off. */
typedef struct item {
    uint8_t type, count; /* count or FMT: the head's five bits */
    const uint8_t *data;
    size_t len;
} item;

typedef struct writer {
    uint8_t *out;
    size_t len, cap;
    bool reported; /* begins with SR or RR, as a compound must (RFC 3550 6.1) */
    const cw_rtcp_map *map;
} writer;

static cw_err next_item(const uint8_t **at, const uint8_t *end, item *ret)
{
    const uint8_t *data = *at;
    size_t left = (size_t)(end - data), len;

    if (left < 4)
        return CW_E_SHORT;
    if (data[0] >> 6 != 2)
        return CW_E_VERSION;
    len = ((size_t)cw_get16(data + 2) + 1) * 4;
    if (len > left)
        return CW_E_SHORT;
    *at = data + len;
    if (data[0] & 0x20) {
        if (len != left || data[len - 1] == 0 || data[len - 1] > len - 4)
            return CW_E_SHORT;
        len -= data[len - 1];
    }
    *ret = (item){ data[1], data[0] & 31, data, len };
    return CW_OK;
}

cw_err cw_rtcp_check(const uint8_t *data, size_t len)
{
    const uint8_t *at = data;
    item it;
    cw_err err = CW_E_SHORT;

    while (at < data + len) {
        err = next_item(&at, data + len, &it);
        if (err)
            return err;
    }
    return err;
}

static uint8_t *put_head(writer *w, size_t len, unsigned type, unsigned count)
{
    uint8_t *at = w->out + w->len;

    if (w->cap - w->len < len)
        return NULL;
    at[0] = (uint8_t)(0x80 | count);
    at[1] = (uint8_t)type;
    cw_put16(at + 2, (uint16_t)(len / 4 - 1));
    cw_put32(at + 4, w->map->b_gets);
    w->len += len;
    return at;
}

/* The item list is CNAME and at least one zero byte up to a word boundary (RFC 3550 6.5). */
static void put_sdes(writer *w)
{
    enum { LEN = (HEAD + 2 + CW_RTCP_CNAME + 4) & ~3 };
    uint8_t *at = put_head(w, LEN, SDES, 1);

    if (!at)
        return;
    memset(at + HEAD, 0, LEN - HEAD);
    at[HEAD] = 1;
    at[HEAD + 1] = CW_RTCP_CNAME;
    memcpy(at + HEAD + 2, w->map->cname, CW_RTCP_CNAME);
}

static void begin(writer *w)
{
    if (w->reported)
        return;
    w->reported = true;
    if (put_head(w, HEAD, RR, 0))
        put_sdes(w);
}

/* A's report about what we sent it, as one about what B sent us. */
static void translate_block(const cw_rtcp_map *map, const uint8_t *in, uint8_t *out)
{
    memcpy(out, in, BLOCK);
    cw_put32(out, map->b_media);
    cw_put32(out + 8, map->b_newest - (map->a_newest - cw_get32(in + 8)));
}

static void translate_sender(const cw_rtcp_map *map, const uint8_t *in, uint8_t *out)
{
    memcpy(out, in, 8); /* NTP time passes: LSR in the reports back stays true */
    cw_put32(out + 8, cw_get32(in + 8) + map->ts_add);
    cw_put32(out + 12, map->packets);
    cw_put32(out + 16, map->octets);
}

/* A session has one stream each way here, so at most one block of a packet concerns us. */
static void translate_report(writer *w, const item *it)
{
    const cw_rtcp_map *map = w->map;
    size_t at = it->type == SR ? HEAD + SENDER_INFO : HEAD;
    const uint8_t *block = NULL;
    bool sender;
    uint8_t *out;

    if (it->len < at + (size_t)it->count * BLOCK)
        return;
    sender = it->type == SR && map->a_media && cw_get32(it->data + 4) == map->a_media;
    for (unsigned i = 0; i < it->count && map->b_media && !block; i++)
        if (cw_get32(it->data + at + (size_t)i * BLOCK) == map->a_gets)
            block = it->data + at + (size_t)i * BLOCK;
    if (!sender && !block)
        return;

    out = put_head(w, HEAD + (sender ? SENDER_INFO : 0) + (block ? BLOCK : 0), sender ? SR : RR,
                   block ? 1 : 0);
    if (!out)
        return;
    if (sender)
        translate_sender(map, it->data + HEAD, out + HEAD);
    if (block)
        translate_block(map, block, out + HEAD + (sender ? SENDER_INFO : 0));
    if (!w->reported)
        put_sdes(w);
    w->reported = true;
}

static uint8_t *put_feedback(writer *w, size_t fci_len, unsigned type, unsigned fmt, uint32_t media)
{
    uint8_t *out;

    begin(w);
    out = put_head(w, FB + fci_len, type, fmt);
    if (!out)
        return NULL;
    cw_put32(out + HEAD, media);
    return out + FB;
}

static void translate_nack(writer *w, const item *it)
{
    size_t fci_len = (it->len - FB) & ~(size_t)3;
    uint16_t behind = (uint16_t)(w->map->a_newest - w->map->b_newest);
    uint8_t *out;

    if (fci_len == 0 || cw_get32(it->data + HEAD) != w->map->a_gets)
        return;
    out = put_feedback(w, fci_len, RTPFB, NACK, w->map->b_media);
    for (size_t i = 0; out && i < fci_len; i += 4) {
        cw_put16(out + i, (uint16_t)(cw_get16(it->data + FB + i) - behind));
        memcpy(out + i + 2, it->data + FB + i + 2, 2);
    }
}

static void translate_fir(writer *w, const item *it)
{
    for (size_t at = FB; at + 8 <= it->len; at += 8) {
        uint8_t *out;

        if (cw_get32(it->data + at) != w->map->a_gets)
            continue;
        out = put_feedback(w, 8, PSFB, FIR, 0);
        if (!out)
            return;
        cw_put32(out, w->map->b_media);
        memcpy(out + 4, it->data + at + 4, 4);
        return;
    }
}

/* draft-alvestrand-rmcat-remb-03 2.2: "REMB", count, exponent and mantissa, then SSRCs */
static void translate_remb(writer *w, const item *it)
{
    const uint8_t *fci = it->data + FB;
    bool ours = false;
    uint8_t *out;

    if (it->len < FB + 8 || memcmp(fci, "REMB", 4) != 0 || it->len < FB + 8 + (size_t)fci[4] * 4)
        return;
    for (unsigned i = 0; i < fci[4]; i++)
        ours = ours || cw_get32(fci + 8 + (size_t)i * 4) == w->map->a_gets;
    if (!ours)
        return;
    out = put_feedback(w, 12, PSFB, REMB, 0);
    if (!out)
        return;
    memcpy(out, fci, 8);
    out[4] = 1;
    cw_put32(out + 8, w->map->b_media);
}

static void translate_feedback(writer *w, const item *it)
{
    if (it->len < FB || !w->map->b_media)
        return;
    if (it->type == RTPFB && it->count == NACK)
        translate_nack(w, it);
    else if (it->type == PSFB && it->count == PLI && cw_get32(it->data + HEAD) == w->map->a_gets)
        (void)put_feedback(w, 0, PSFB, PLI, w->map->b_media);
    else if (it->type == PSFB && it->count == FIR)
        translate_fir(w, it);
    else if (it->type == PSFB && it->count == REMB)
        translate_remb(w, it);
}

size_t cw_rtcp_translate(const uint8_t *data, size_t len, const cw_rtcp_map *map, uint8_t *out,
                         size_t cap)
{
    writer w = { .out = out, .cap = cap, .map = map };
    const uint8_t *at = data;
    item it;

    while (at < data + len && next_item(&at, data + len, &it) == CW_OK) {
        if (it.type == SR || it.type == RR)
            translate_report(&w, &it);
        else if (it.type == RTPFB || it.type == PSFB)
            translate_feedback(&w, &it);
    }
    return w.len;
}

size_t cw_rtcp_pli(uint32_t own, uint32_t media, const char cname[static CW_RTCP_CNAME],
                   uint8_t *out, size_t cap)
{
    cw_rtcp_map map = { .b_gets = own };
    writer w = { .out = out, .cap = cap, .map = &map };

    memcpy(map.cname, cname, CW_RTCP_CNAME);
    (void)put_feedback(&w, 0, PSFB, PLI, media);
    return w.len;
}
