/* srtp_rtcp.c - SRTCP (RFC 3711 3.4, RFC 7714 9): always encrypted, as all four suites ask. */
#include "media/srtp/srtp_priv.h"

#include <openssl/crypto.h>
#include <string.h>

#define FIXED      8 /* common header and SSRC, left in clear */
#define INDEX_LEN  4 /* E flag and index */
#define INDEX_MAX  0x7fffffffu
#define E_FLAG     0x80000000u
#define PACKET_MAX 65535

static cw_err check(size_t len, size_t more)
{
    if (len > PACKET_MAX)
        return CW_E_TOO_LARGE;
    return len < FIXED + more ? CW_E_SHORT : CW_OK;
}

static void put32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, 4);
    return __builtin_bswap32(value);
}

/* SSRC and index over the salt: RFC 3711 4.1.1, RFC 7714 9.1. */
static void make_iv(const cw_srtp_way *way, const uint8_t *ssrc, uint32_t index,
                    uint8_t iv[static CW_SRTP_IV])
{
    unsigned ssrc_at = way->gcm ? 2 : 4, index_at = way->gcm ? 8 : 10;
    uint8_t be[4];

    put32(be, index);
    memcpy(iv, way->rtcp.salt, CW_SRTP_IV);
    for (unsigned i = 0; i < 4; i++) {
        iv[ssrc_at + i] ^= ssrc[i];
        iv[index_at + i] ^= be[i];
    }
}

static cw_err lend(cw_srtp_way *way)
{
    return cw_srtp_crypt_lend(&way->rtcp, way->rtcp_key, way->key_len, way->gcm, way->seals);
}

static cw_err seal(cw_srtp_way *way, uint32_t index, uint8_t *pkt, size_t *len)
{
    uint8_t iv[CW_SRTP_IV], word[INDEX_LEN], mac[CW_SRTP_MAC];
    size_t n = *len;
    cw_err err = lend(way);

    if (err)
        return err;
    make_iv(way, pkt + 4, index, iv);
    put32(word, index | E_FLAG);
    *len = n + INDEX_LEN + way->rtcp_tag;
    if (way->gcm) {
        memcpy(pkt + n + CW_SRTP_GCM_TAG, word, INDEX_LEN);
        return cw_srtp_gcm(&way->rtcp, iv, pkt, FIXED, word, INDEX_LEN, pkt + FIXED, n - FIXED,
                           true);
    }
    err = cw_srtp_ctr(&way->rtcp, iv, pkt + FIXED, n - FIXED);
    memcpy(pkt + n, word, INDEX_LEN);
    cw_srtp_mac(&way->rtcp, pkt, n + INDEX_LEN, NULL, 0, mac);
    memcpy(pkt + n + INDEX_LEN, mac, way->rtcp_tag);
    return err;
}

/* `n`: bytes before the trailer. */
static cw_err open_gcm(cw_srtp_way *way, uint32_t index, uint8_t *pkt, size_t n)
{
    const uint8_t *word = pkt + n + CW_SRTP_GCM_TAG;
    uint8_t iv[CW_SRTP_IV];
    cw_err err = lend(way);

    make_iv(way, pkt + 4, index, iv);
    return err ? err
               : cw_srtp_gcm(&way->rtcp, iv, pkt, FIXED, word, INDEX_LEN, pkt + FIXED, n - FIXED,
                             false);
}

static cw_err open_cm(cw_srtp_way *way, uint32_t index, uint8_t *pkt, size_t n)
{
    uint8_t iv[CW_SRTP_IV], mac[CW_SRTP_MAC];
    cw_err err;

    cw_srtp_mac(&way->rtcp, pkt, n + INDEX_LEN, NULL, 0, mac);
    if (CRYPTO_memcmp(mac, pkt + n + INDEX_LEN, way->rtcp_tag))
        return CW_E_INTEGRITY;
    make_iv(way, pkt + 4, index, iv);
    err = lend(way);
    return err ? err : cw_srtp_ctr(&way->rtcp, iv, pkt + FIXED, n - FIXED);
}

cw_err cw_srtp_protect_rtcp(cw_srtp *srtp, uint8_t *pkt, size_t *len)
{
    cw_srtp_way *way = &srtp->tx;
    cw_err err = check(*len, 0);
    cw_srtp_stream fresh, *stream;

    if (err)
        return err;
    stream = cw_srtp_find(way, pkt + 4, &fresh);
    if (stream->rtcp_newest == INDEX_MAX)
        return CW_E_INTERNAL; /* the key is used up: RFC 3711 9.2 */
    err = seal(way, (uint32_t)++stream->rtcp_newest, pkt, len);
    if (!err)
        cw_srtp_keep(way, stream);
    return err;
}

cw_err cw_srtp_unprotect_rtcp(cw_srtp *srtp, uint8_t *pkt, size_t *len)
{
    cw_srtp_way *way = &srtp->rx;
    size_t trailer = way->rtcp_tag + (size_t)INDEX_LEN, n = *len - trailer;
    cw_err err = check(*len, trailer);
    cw_srtp_stream fresh, *stream;
    uint32_t word;

    if (err)
        return err;
    word = get32(pkt + (way->gcm ? n + CW_SRTP_GCM_TAG : n));
    if (!(word & E_FLAG))
        return CW_E_INTEGRITY;
    stream = cw_srtp_find(way, pkt + 4, &fresh);
    word &= INDEX_MAX;
    if (!cw_srtp_is_new(word, stream->rtcp_newest, stream->rtcp_seen))
        return CW_E_REPLAY;
    err = (way->gcm ? open_gcm : open_cm)(way, word, pkt, n);
    if (err)
        return err;
    cw_srtp_mark(word, &stream->rtcp_newest, &stream->rtcp_seen);
    cw_srtp_keep(way, stream);
    *len = n;
    return CW_OK;
}
