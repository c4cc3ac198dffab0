#include "media/rtp/rtcp.h"

#include "media/rtp/rtp.h"

#include <string.h>

enum { HEAD = 8, SENDER_INFO = 20, BLOCK = 24, FB = 12 }; /* bytes; FB: head and media SSRC */

/* ── Reading ── */

static cw_err next_item(const uint8_t **at, const uint8_t *end, cw_rtcp_item *ret)
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
    *ret = (cw_rtcp_item){ data[1], data[0] & 31, data, len };
    return CW_OK;
}

cw_err cw_rtcp_check(const uint8_t *data, size_t len)
{
    const uint8_t *at = data;
    cw_rtcp_item item;
    cw_err err = CW_E_SHORT;

    while (at < data + len) {
        err = next_item(&at, data + len, &item);
        if (err)
            return err;
    }
    return err;
}

bool cw_rtcp_next(const uint8_t **at, const uint8_t *end, cw_rtcp_item *ret)
{
    return *at < end && next_item(at, end, ret) == CW_OK;
}

uint32_t cw_rtcp_from(const cw_rtcp_item *item)
{
    return item->len >= HEAD ? cw_get32(item->data + 4) : 0;
}

bool cw_rtcp_read_sender(const cw_rtcp_item *item, cw_rtcp_sender *ret)
{
    const uint8_t *at = item->data + HEAD;

    if (item->type != CW_RTCP_SR || item->len < HEAD + SENDER_INFO)
        return false;
    *ret = (cw_rtcp_sender){ .ntp = (uint64_t)cw_get32(at) << 32 | cw_get32(at + 4),
                             .ts = cw_get32(at + 8),
                             .packets = cw_get32(at + 12),
                             .octets = cw_get32(at + 16) };
    return true;
}

static void read_block(const uint8_t *at, cw_rtcp_block *ret)
{
    uint32_t lost = cw_get32(at + 4);

    *ret = (cw_rtcp_block){ .ssrc = cw_get32(at),
                            .fraction = (uint8_t)(lost >> 24),
                            .lost = (int32_t)((lost & 0xffffff) ^ 0x800000) - 0x800000,
                            .newest = cw_get32(at + 8),
                            .jitter = cw_get32(at + 12),
                            .lsr = cw_get32(at + 16),
                            .dlsr = cw_get32(at + 20) };
}

bool cw_rtcp_read_block(const cw_rtcp_item *item, uint32_t ssrc, cw_rtcp_block *ret)
{
    size_t at = item->type == CW_RTCP_SR ? HEAD + SENDER_INFO : HEAD;

    if ((item->type != CW_RTCP_SR && item->type != CW_RTCP_RR) ||
        item->len < at + (size_t)item->count * BLOCK)
        return false;
    for (unsigned i = 0; i < item->count; i++, at += BLOCK) {
        if (cw_get32(item->data + at) != ssrc)
            continue;
        read_block(item->data + at, ret);
        return true;
    }
    return false;
}

static bool is_feedback(const cw_rtcp_item *item, unsigned type, unsigned fmt)
{
    return item->type == type && item->count == fmt && item->len >= FB;
}

bool cw_rtcp_is_pli(const cw_rtcp_item *item, uint32_t media)
{
    return is_feedback(item, CW_RTCP_PSFB, CW_PSFB_PLI) && cw_get32(item->data + HEAD) == media;
}

bool cw_rtcp_is_fir(const cw_rtcp_item *item, uint32_t media, uint8_t *nr)
{
    if (!is_feedback(item, CW_RTCP_PSFB, CW_PSFB_FIR))
        return false;
    for (size_t at = FB; at + 8 <= item->len; at += 8) {
        if (cw_get32(item->data + at) != media)
            continue;
        *nr = item->data[at + 4];
        return true;
    }
    return false;
}

size_t cw_rtcp_read_nack(const cw_rtcp_item *item, uint32_t media, uint16_t *ret, size_t cap)
{
    size_t n = 0;

    if (!is_feedback(item, CW_RTCP_RTPFB, CW_RTPFB_NACK) || cw_get32(item->data + HEAD) != media)
        return 0;
    for (size_t at = FB; at + 4 <= item->len && at < FB + 4 * CW_RTCP_NACK_MAX; at += 4) {
        uint16_t pid = cw_get16(item->data + at);
        uint32_t mask = (uint32_t)cw_get16(item->data + at + 2) << 1 | 1;

        for (unsigned i = 0; mask && n < cap; i++, mask >>= 1)
            if (mask & 1)
                ret[n++] = (uint16_t)(pid + i);
    }
    return n;
}

bool cw_rtcp_read_remb(const cw_rtcp_item *item, uint32_t media, uint64_t *bps)
{
    const uint8_t *fci = item->data + FB;

    if (!is_feedback(item, CW_RTCP_PSFB, CW_PSFB_REMB) || item->len < FB + 8 ||
        memcmp(fci, "REMB", 4) != 0 || item->len < FB + 8 + (size_t)fci[4] * 4)
        return false;
    for (unsigned i = 0; i < fci[4]; i++) {
        uint64_t mantissa = (cw_get32(fci + 4) & 0x3ffff);
        unsigned exponent = fci[5] >> 2;

        if (cw_get32(fci + 8 + (size_t)i * 4) != media)
            continue;
        *bps = exponent > 45 ? UINT64_MAX : mantissa << exponent;
        return true;
    }
    return false;
}

/* ── Writing ── */

uint8_t *cw_rtcp_put(cw_rtcp_out *out, unsigned type, unsigned count, size_t len)
{
    uint8_t *at = out->data + out->len;

    if (out->cap - out->len < HEAD + len)
        return NULL;
    at[0] = (uint8_t)(0x80 | count);
    at[1] = (uint8_t)type;
    cw_put16(at + 2, (uint16_t)((HEAD + len) / 4 - 1));
    cw_put32(at + 4, out->own);
    out->len += HEAD + len;
    return at + HEAD;
}

static void put_block(uint8_t *at, const cw_rtcp_block *block)
{
    cw_put32(at, block->ssrc);
    cw_put32(at + 4, (uint32_t)block->fraction << 24 | ((uint32_t)block->lost & 0xffffff));
    cw_put32(at + 8, block->newest);
    cw_put32(at + 12, block->jitter);
    cw_put32(at + 16, block->lsr);
    cw_put32(at + 20, block->dlsr);
}

void cw_rtcp_put_report(cw_rtcp_out *out, const cw_rtcp_sender *sender, const cw_rtcp_block *block)
{
    uint8_t *at = cw_rtcp_put(out, sender ? CW_RTCP_SR : CW_RTCP_RR, block ? 1 : 0,
                              (sender ? SENDER_INFO : 0) + (block ? BLOCK : 0));

    if (!at)
        return;
    if (sender) {
        cw_put32(at, (uint32_t)(sender->ntp >> 32));
        cw_put32(at + 4, (uint32_t)sender->ntp);
        cw_put32(at + 8, sender->ts);
        cw_put32(at + 12, sender->packets);
        cw_put32(at + 16, sender->octets);
        at += SENDER_INFO;
    }
    if (block)
        put_block(at, block);
}

/* The item list is CNAME and at least one zero byte up to a word boundary (RFC 3550 6.5). */
void cw_rtcp_put_cname(cw_rtcp_out *out, const char cname[static CW_RTCP_CNAME])
{
    enum { LEN = (2 + CW_RTCP_CNAME + 4) & ~3 };
    uint8_t *at = cw_rtcp_put(out, CW_RTCP_SDES, 1, LEN);

    if (!at)
        return;
    memset(at, 0, LEN);
    at[0] = 1;
    at[1] = CW_RTCP_CNAME;
    memcpy(at + 2, cname, CW_RTCP_CNAME);
}

void cw_rtcp_put_pli(cw_rtcp_out *out, uint32_t media)
{
    uint8_t *at = cw_rtcp_put(out, CW_RTCP_PSFB, CW_PSFB_PLI, 4);

    if (at)
        cw_put32(at, media);
}

/* RFC 5104 4.3.1.1: the media SSRC of the head is zero. */
void cw_rtcp_put_fir(cw_rtcp_out *out, uint32_t media, uint8_t nr)
{
    uint8_t *at = cw_rtcp_put(out, CW_RTCP_PSFB, CW_PSFB_FIR, 12);

    if (!at)
        return;
    cw_put32(at, 0);
    cw_put32(at + 4, media);
    cw_put32(at + 8, (uint32_t)nr << 24);
}

/* The number at seq[*i] and those of the 16 behind it that are in the list. */
static uint32_t nack_entry(const uint16_t *seq, size_t n, size_t *i)
{
    uint16_t pid = seq[(*i)++], mask = 0;

    for (; *i < n && (uint16_t)(seq[*i] - pid) <= 16; ++*i)
        if (seq[*i] != pid)
            mask |= (uint16_t)(1u << (uint16_t)(seq[*i] - pid - 1));
    return (uint32_t)pid << 16 | mask;
}

void cw_rtcp_put_nack(cw_rtcp_out *out, uint32_t media, const uint16_t *seq, size_t n)
{
    size_t entries = 0;
    uint8_t *at;

    for (size_t i = 0; i < n; entries++)
        (void)nack_entry(seq, n, &i);
    at = entries ? cw_rtcp_put(out, CW_RTCP_RTPFB, CW_RTPFB_NACK, 4 + entries * 4) : NULL;
    if (!at)
        return;
    cw_put32(at, media);
    for (size_t i = 0; i < n;)
        cw_put32(at += 4, nack_entry(seq, n, &i));
}

void cw_rtcp_put_remb(cw_rtcp_out *out, uint32_t media, uint64_t bps)
{
    uint8_t *at = cw_rtcp_put(out, CW_RTCP_PSFB, CW_PSFB_REMB, 16);
    unsigned exponent = 0;

    if (!at)
        return;
    for (; bps >> 18; exponent++)
        bps >>= 1;
    cw_put32(at, 0);
    memcpy(at + 4, "REMB", 4);
    cw_put32(at + 8, 1u << 24 | exponent << 18 | (uint32_t)bps);
    cw_put32(at + 12, media);
}
