#include "media/rtp/rtp.h"

#define EXT_ONE_BYTE 0xBEDE /* RFC 8285 4.2 */
#define EXT_TWO_BYTE 0x1000 /* RFC 8285 4.3: 0x100 and four bits of the application's */

cw_err cw_rtp_parse(const uint8_t *data, size_t len, cw_rtp *ret)
{
    cw_rtp rtp;
    size_t at = CW_RTP_HEADER;

    if (len < CW_RTP_HEADER)
        return CW_E_SHORT;
    if (data[0] >> 6 != 2)
        return CW_E_VERSION;
    if (len > CW_RTP_MAX)
        return CW_E_TOO_LARGE;

    at += (size_t)(data[0] & 15) * 4;
    rtp.ext_profile = 0;
    rtp.ext_at = 0;
    rtp.ext_len = 0;
    if (data[0] & 0x10) {
        if (len < at + 4)
            return CW_E_SHORT;
        rtp.ext_profile = cw_get16(data + at);
        rtp.ext_len = (uint16_t)(cw_get16(data + at + 2) * 4);
        if (cw_get16(data + at + 2) > CW_RTP_MAX / 4)
            return CW_E_SHORT;
        at += 4;
        rtp.ext_at = (uint16_t)at;
        at += rtp.ext_len;
    }
    if (len < at)
        return CW_E_SHORT;

    rtp.padding = 0;
    if (data[0] & 0x20) {
        if (len == at || data[len - 1] == 0 || data[len - 1] > len - at)
            return CW_E_SHORT;
        rtp.padding = data[len - 1];
    }
    rtp.pt = data[1] & 127;
    rtp.marker = data[1] >> 7;
    rtp.seq = cw_get16(data + 2);
    rtp.ts = cw_get32(data + 4);
    rtp.ssrc = cw_get32(data + 8);
    rtp.payload_at = (uint16_t)at;
    rtp.payload_len = (uint16_t)(len - at - rtp.padding);
    *ret = rtp;
    return CW_OK;
}

static const uint8_t *find_one_byte(const uint8_t *at, const uint8_t *end, unsigned id, size_t *len)
{
    while (at < end) {
        unsigned head = *at++;

        if (head == 0) /* padding */
            continue;
        if (head >> 4 == 15) /* stop, RFC 8285 4.2 */
            return NULL;
        *len = (head & 15) + 1;
        if ((size_t)(end - at) < *len)
            return NULL;
        if (head >> 4 == id)
            return at;
        at += *len;
    }
    return NULL;
}

static const uint8_t *find_two_byte(const uint8_t *at, const uint8_t *end, unsigned id, size_t *len)
{
    while (end - at >= 2) {
        unsigned head = *at++;

        if (head == 0)
            continue;
        *len = *at++;
        if ((size_t)(end - at) < *len)
            return NULL;
        if (head == id)
            return at;
        at += *len;
    }
    return NULL;
}

const uint8_t *cw_rtp_ext(const uint8_t *data, const cw_rtp *rtp, unsigned id, size_t *ret_len)
{
    const uint8_t *at = data + rtp->ext_at;
    const uint8_t *end = at + rtp->ext_len;

    if (rtp->ext_profile == EXT_ONE_BYTE && id >= 1 && id <= 14)
        return find_one_byte(at, end, id, ret_len);
    if ((rtp->ext_profile & 0xfff0) == EXT_TWO_BYTE && id >= 1 && id <= 255)
        return find_two_byte(at, end, id, ret_len);
    return NULL;
}

size_t cw_rtp_rewrite(uint8_t *data, const cw_rtp *rtp)
{
    size_t start = rtp->payload_at - (size_t)CW_RTP_HEADER;
    uint8_t *to = data + start;

    to[0] = rtp->padding ? 0xa0 : 0x80;
    to[1] = (uint8_t)(rtp->pt | (rtp->marker ? 0x80 : 0));
    cw_put16(to + 2, rtp->seq);
    cw_put32(to + 4, rtp->ts);
    cw_put32(to + 8, rtp->ssrc);
    return start;
}
