#include "media/srtp/srtp_priv.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <string.h>

#define FIXED      12 /* RFC 3550 5.1 */
#define PACKET_MAX 65535
#define BACK_MAX   2048 /* packets a repeat may be behind when sent */
#define ROOM_FIRST 2    /* SSRCs */

static const struct suite {
    const char *name;
    uint8_t key_len, salt_len;
    uint8_t rtp_tag, rtcp_tag; /* RFC 5764 4.1.2: 80 bits on RTCP even with SHA1_32 */
    bool gcm;
} suites[] = {
    [CW_SRTP_NONE] = { "NONE", 0, 0, 0, 0, false },
    [CW_SRTP_AES128_CM_SHA1_80] = { "SRTP_AES128_CM_HMAC_SHA1_80", 16, 14, 10, 10, false },
    [CW_SRTP_AES128_CM_SHA1_32] = { "SRTP_AES128_CM_HMAC_SHA1_32", 16, 14, 4, 10, false },
    [CW_SRTP_AEAD_AES_128_GCM] = { "SRTP_AEAD_AES_128_GCM", 16, 12, 16, 16, true },
    [CW_SRTP_AEAD_AES_256_GCM] = { "SRTP_AEAD_AES_256_GCM", 32, 12, 16, 16, true },
    [CW_SRTP_AES256_CM_SHA1_80] = { "SRTP_AES256_CM_HMAC_SHA1_80", 32, 14, 10, 10, false },
    [CW_SRTP_AES256_CM_SHA1_32] = { "SRTP_AES256_CM_HMAC_SHA1_32", 32, 14, 4, 10, false },
};

cw_err cw_srtp_init(void)
{
    return cw_srtp_evp_init();
}

const char *cw_srtp_suite_name(cw_srtp_suite suite)
{
    return (unsigned)suite < G_N_ELEMENTS(suites) ? suites[suite].name : "NONE";
}

size_t cw_srtp_key_len(cw_srtp_suite suite)
{
    if ((unsigned)suite >= G_N_ELEMENTS(suites))
        return 0;
    return (size_t)suites[suite].key_len + suites[suite].salt_len;
}

/* ── Keys ── */
enum { KEY, AUTH, SALT, RTCP = 3 }; /* labels of RFC 3711 4.3.1; those of RTCP follow RTP's */

typedef uint8_t session[3][32];

static cw_err derive(const struct suite *suite, const uint8_t *master, unsigned first, session key)
{
    uint8_t salt[14] = { 0 }; /* RFC 7714 11: GCM's 12 bytes stand left */
    cw_err err;

    memcpy(salt, master + suite->key_len, suite->salt_len);
    err = cw_srtp_derive(master, suite->key_len, salt, (uint8_t)(first + KEY), key[KEY],
                         suite->key_len);
    if (!err)
        err = cw_srtp_derive(master, suite->key_len, salt, (uint8_t)(first + AUTH), key[AUTH],
                             CW_SRTP_MAC);
    if (!err)
        err = cw_srtp_derive(master, suite->key_len, salt, (uint8_t)(first + SALT), key[SALT],
                             sizeof salt);
    OPENSSL_cleanse(salt, sizeof salt);
    return err;
}

static cw_err way_init(cw_srtp_way *way, const struct suite *suite, const uint8_t *master,
                       bool seals)
{
    session key = { 0 };
    cw_err err = derive(suite, master, 0, key);

    if (!err)
        err = cw_srtp_crypt_init(&way->rtp, key[KEY], suite->key_len, key[SALT],
                                 suite->gcm ? NULL : key[AUTH], seals);
    if (!err)
        err = derive(suite, master, RTCP, key);
    if (!err)
        cw_srtp_crypt_part(&way->rtcp, key[SALT], suite->gcm ? NULL : key[AUTH]);
    memcpy(way->rtcp_key, key[KEY], suite->key_len);
    OPENSSL_cleanse(key, sizeof key);
    way->gcm = suite->gcm;
    way->seals = seals;
    way->key_len = suite->key_len;
    way->rtp_tag = suite->rtp_tag;
    way->rtcp_tag = suite->rtcp_tag;
    return err;
}

static void way_clear(cw_srtp_way *way)
{
    cw_srtp_crypt_clear(&way->rtp);
    OPENSSL_cleanse(&way->rtcp, sizeof way->rtcp);
    OPENSSL_cleanse(way->rtcp_key, sizeof way->rtcp_key);
    g_free(way->stream);
}

cw_err cw_srtp_new(const cw_srtp_keys *keys, cw_srtp **ret)
{
    const struct suite *suite;
    cw_srtp *srtp;
    cw_err err;

    if (cw_srtp_key_len(keys->suite) == 0)
        return CW_E_UNSUPPORTED;
    suite = &suites[keys->suite];
    srtp = g_aligned_alloc0(1, sizeof *srtp, alignof(cw_srtp));
    err = way_init(&srtp->tx, suite, keys->tx, true);
    if (!err)
        err = way_init(&srtp->rx, suite, keys->rx, false);
    if (err) {
        cw_srtp_free(srtp);
        return err;
    }
    *ret = srtp;
    return CW_OK;
}

void cw_srtp_free(cw_srtp *srtp)
{
    if (!srtp)
        return;
    way_clear(&srtp->tx);
    way_clear(&srtp->rx);
    g_aligned_free(srtp);
}

static void way_swap(cw_srtp_way *a, cw_srtp_way *b)
{
    cw_srtp_way was = *a;

    *a = *b;
    *b = was;
}

void cw_srtp_inherit(cw_srtp *srtp, cw_srtp *old, bool tx, bool rx)
{
    if (tx)
        way_swap(&srtp->tx, &old->tx);
    if (rx)
        way_swap(&srtp->rx, &old->rx);
}

void cw_srtp_follow(cw_srtp *srtp, const cw_srtp *old)
{
    for (uint8_t i = 0; i < old->tx.n; i++) {
        cw_srtp_stream stream = { .rtcp_newest = old->tx.stream[i].rtcp_newest };

        memcpy(stream.ssrc, old->tx.stream[i].ssrc, sizeof stream.ssrc);
        cw_srtp_keep(&srtp->tx, &stream);
    }
}

/* ── Streams ── */
cw_srtp_stream *cw_srtp_find(cw_srtp_way *way, const uint8_t *ssrc, cw_srtp_stream *fresh)
{
    if (way->last < way->n && memcmp(way->stream[way->last].ssrc, ssrc, 4) == 0)
        return &way->stream[way->last];
    for (uint8_t i = 0; i < way->n; i++) {
        if (memcmp(way->stream[i].ssrc, ssrc, 4) == 0) {
            way->last = i;
            return &way->stream[i];
        }
    }
    *fresh = (cw_srtp_stream){ 0 };
    memcpy(fresh->ssrc, ssrc, 4);
    return fresh;
}

/* A free place, or that of the SSRC longest silent. */
static uint8_t make_place(cw_srtp_way *way)
{
    uint8_t oldest = 0;

    if (way->n < CW_SRTP_SSRCS_MAX) {
        if (way->n == way->room) {
            way->room = way->room ? (uint8_t)(way->room * 2) : ROOM_FIRST;
            way->stream = g_renew(cw_srtp_stream, way->stream, way->room);
        }
        return way->n++;
    }
    for (uint8_t i = 1; i < way->n; i++)
        if (way->clock - way->stream[i].used > way->clock - way->stream[oldest].used)
            oldest = i;
    return oldest;
}

void cw_srtp_keep(cw_srtp_way *way, const cw_srtp_stream *stream)
{
    way->clock++;
    if (!way->n || stream != &way->stream[way->last]) { /* cw_srtp_find() did not know it */
        way->last = make_place(way);
        way->stream[way->last] = *stream;
    }
    way->stream[way->last].used = way->clock;
}

/* ── Packets ── */
void cw_srtp_expect(const cw_srtp *srtp, bool tx)
{
    const cw_srtp_way *way = tx ? &srtp->tx : &srtp->rx;

    __builtin_prefetch(way);
    __builtin_prefetch((const char *)way + 64, 1);
}

void cw_srtp_expect_more(const cw_srtp *srtp, bool tx)
{
    const cw_srtp_way *way = tx ? &srtp->tx : &srtp->rx;
    const char *aes = (const char *)way->rtp.aes;

    __builtin_prefetch(way->stream, 1);
    for (unsigned line = 0; line < 3; line++) /* EVP_CIPHER_CTX, some 170 bytes */
        __builtin_prefetch(aes + line * 64, 1);
}

/* Where the payload begins: CSRCs and the extension stay in clear. 0: the header announces more
 * than there is. */
static size_t payload_at(const uint8_t *pkt, size_t len, size_t tag)
{
    size_t at = FIXED + 4u * (pkt[0] & 0x0f);

    if (pkt[0] & 0x10) {
        if (len < at + 4 + tag)
            return 0;
        at += 4 + 4u * (unsigned)(pkt[at + 2] << 8 | pkt[at + 3]);
    }
    return len < at + tag ? 0 : at;
}

static cw_err check(const uint8_t *pkt, size_t len, size_t tag, size_t *at)
{
    if (len > PACKET_MAX)
        return CW_E_TOO_LARGE;
    if (len < FIXED + tag)
        return CW_E_SHORT;
    *at = payload_at(pkt, len, tag);
    return *at ? CW_OK : CW_E_SHORT;
}

/* RFC 3711 3.3.1 and appendix A. */
static uint64_t index_of(const cw_srtp_stream *stream, const uint8_t *pkt)
{
    uint16_t seq = (uint16_t)(pkt[2] << 8 | pkt[3]), newest = (uint16_t)stream->newest;
    uint64_t roc = stream->newest >> 16;

    if (newest < 0x8000) {
        if (seq > newest + 0x8000 && roc > 0)
            roc--;
    } else if (seq < newest - 0x8000) {
        roc++;
    }
    return roc << 16 | seq;
}

/* SSRC and index over the salt: RFC 3711 4.1.1, RFC 7714 8.1. */
static void make_iv(const cw_srtp_way *way, const uint8_t *pkt, uint64_t index,
                    uint8_t iv[static CW_SRTP_IV])
{
    unsigned at = way->gcm ? 2 : 4;
    uint64_t be = __builtin_bswap64(index << 16), word;
    uint32_t ssrc, half;

    memcpy(iv, way->rtp.salt, CW_SRTP_IV);
    memcpy(&ssrc, pkt + 8, 4);
    memcpy(&half, iv + at, 4);
    half ^= ssrc;
    memcpy(iv + at, &half, 4);
    memcpy(&word, iv + at + 4, 8); /* 48 bits, and two bytes that stay as they are */
    word ^= be;
    memcpy(iv + at + 4, &word, 8);
}

static void mac_of(const cw_srtp_way *way, const uint8_t *pkt, size_t len, uint64_t index,
                   uint8_t mac[static CW_SRTP_MAC])
{
    uint32_t roc = __builtin_bswap32((uint32_t)(index >> 16));

    cw_srtp_mac(&way->rtp, pkt, len, (const uint8_t *)&roc, sizeof roc, mac);
}

static cw_err seal(cw_srtp_way *way, uint8_t *pkt, size_t at, size_t len, uint64_t index)
{
    uint8_t iv[CW_SRTP_IV], mac[CW_SRTP_MAC];
    cw_err err;

    make_iv(way, pkt, index, iv);
    if (way->gcm)
        return cw_srtp_gcm(&way->rtp, iv, pkt, at, NULL, 0, pkt + at, len - at, true);
    err = cw_srtp_ctr(&way->rtp, iv, pkt + at, len - at);
    mac_of(way, pkt, len, index, mac);
    memcpy(pkt + len, mac, way->rtp_tag);
    return err;
}

/* `len`: without the tag. */
static cw_err open_it(cw_srtp_way *way, uint8_t *pkt, size_t at, size_t len, uint64_t index)
{
    uint8_t iv[CW_SRTP_IV], mac[CW_SRTP_MAC];

    make_iv(way, pkt, index, iv);
    if (way->gcm)
        return cw_srtp_gcm(&way->rtp, iv, pkt, at, NULL, 0, pkt + at, len - at, false);
    mac_of(way, pkt, len, index, mac);
    if (CRYPTO_memcmp(mac, pkt + len, way->rtp_tag))
        return CW_E_INTEGRITY;
    return cw_srtp_ctr(&way->rtp, iv, pkt + at, len - at);
}

/* A number is encrypted twice only for the same bytes, a repeat: cw_tx counts on, so what is far
 * behind is not one. */
cw_err cw_srtp_protect(cw_srtp *srtp, uint8_t *pkt, size_t *len)
{
    cw_srtp_way *way = &srtp->tx;
    cw_srtp_stream fresh, *stream;
    uint64_t index;
    size_t at;
    cw_err err = check(pkt, *len, 0, &at);

    if (err)
        return err;
    stream = cw_srtp_find(way, pkt + 8, &fresh);
    index = index_of(stream, pkt);
    if (index >> 48 || index + BACK_MAX < stream->newest)
        return CW_E_REPLAY;
    err = seal(way, pkt, at, *len, index);
    if (err)
        return err;
    stream->newest = MAX(stream->newest, index);
    cw_srtp_keep(way, stream);
    *len += way->rtp_tag;
    return CW_OK;
}

cw_err cw_srtp_unprotect(cw_srtp *srtp, uint8_t *pkt, size_t *len)
{
    cw_srtp_way *way = &srtp->rx;
    cw_srtp_stream fresh, *stream;
    uint64_t index;
    size_t at;
    cw_err err = check(pkt, *len, way->rtp_tag, &at);

    if (err)
        return err;
    stream = cw_srtp_find(way, pkt + 8, &fresh);
    index = index_of(stream, pkt);
    if (index >> 48 || !cw_srtp_is_new(index, stream->newest, stream->seen))
        return CW_E_REPLAY;
    err = open_it(way, pkt, at, *len - way->rtp_tag, index);
    if (err)
        return err;
    cw_srtp_mark(index, &stream->newest, &stream->seen);
    cw_srtp_keep(way, stream);
    *len -= way->rtp_tag;
    return CW_OK;
}
