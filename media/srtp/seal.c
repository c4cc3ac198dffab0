#include "media/srtp/seal.h"

#include <glib.h>
#include <string.h>

#define BEFORE_PACKETS 100 /* with the new keys; then nothing of the old ones is under way */
#define COPY_MAX       2048

static bool is_gcm(cw_srtp_suite suite)
{
    return suite == CW_SRTP_AEAD_AES_128_GCM || suite == CW_SRTP_AEAD_AES_256_GCM;
}

static bool is_sha1_32(cw_srtp_suite suite)
{
    return suite == CW_SRTP_AES128_CM_SHA1_32 || suite == CW_SRTP_AES256_CM_SHA1_32;
}

static bool same_key(cw_srtp_suite suite, const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, cw_srtp_key_len(suite)) == 0;
}

cw_err cw_seal_make(const cw_srtp_keys *keys, const cw_srtp_keys *was, cw_seal_new *ret)
{
    cw_err err;

    *ret = (cw_seal_new){ .suite = keys->suite, .mki_len = keys->rx_mki_len };
    memcpy(ret->mki, keys->rx_mki, sizeof ret->mki);
    err = cw_srtp_new(keys, &ret->srtp);
    if (err || !was || was->suite != keys->suite)
        return err;
    ret->keep_tx = same_key(keys->suite, keys->tx, was->tx);
    ret->keep_rx = same_key(keys->suite, keys->rx, was->rx);
    return CW_OK;
}

static void drop_before(cw_seal *seal)
{
    cw_srtp_free(seal->before);
    seal->before = NULL;
    seal->left = 0;
}

void cw_seal_set(cw_seal *seal, const cw_seal_new *with)
{
    cw_srtp *was = seal->srtp;

    drop_before(seal);
    if (was && with->srtp && !with->keep_tx)
        cw_srtp_follow(with->srtp, was);
    if (was && with->srtp && (with->keep_tx || with->keep_rx))
        cw_srtp_inherit(with->srtp, was, with->keep_tx, with->keep_rx);
    if (was && with->srtp && !with->keep_rx) {
        seal->before = was;
        seal->left = BEFORE_PACKETS;
    } else {
        cw_srtp_free(was);
    }
    seal->srtp = with->srtp;
    seal->rtp_tag = is_gcm(with->suite) ? 0 : is_sha1_32(with->suite) ? 4 : 10;
    seal->rtcp_tag = is_gcm(with->suite) ? 0 : 10;
    seal->mki_len = with->mki_len;
    memcpy(seal->mki, with->mki, sizeof seal->mki);
    seal->slow = seal->before || seal->mki_len;
}

void cw_seal_clear(cw_seal *seal)
{
    drop_before(seal);
    cw_srtp_free(seal->srtp);
    *seal = (cw_seal){ 0 };
}

/* ── Several ways to read a packet ── */

static cw_err try_open(cw_srtp *srtp, bool rtcp, uint8_t *data, size_t *len)
{
    return rtcp ? cw_srtp_unprotect_rtcp(srtp, data, len) : cw_srtp_unprotect(srtp, data, len);
}

/* Take the MKI out, when it is there: it is not authenticated (RFC 3711 3.1). */
static bool take_mki(const cw_seal *seal, bool rtcp, uint8_t *data, size_t *len)
{
    size_t tag = rtcp ? seal->rtcp_tag : seal->rtp_tag;
    uint8_t *at;

    if (!seal->mki_len || *len < tag + seal->mki_len)
        return false;
    at = data + *len - tag - seal->mki_len;
    if (memcmp(at, seal->mki, seal->mki_len) != 0)
        return false;
    memmove(at, at + seal->mki_len, tag);
    *len -= seal->mki_len;
    return true;
}

static cw_err open_new(cw_seal *seal, bool rtcp, uint8_t *data, size_t *len, const uint8_t *copy,
                       size_t copy_len)
{
    cw_err err = CW_E_INTEGRITY;

    if (take_mki(seal, rtcp, data, len))
        err = try_open(seal->srtp, rtcp, data, len);
    if (!err)
        return CW_OK;
    memcpy(data, copy, copy_len);
    *len = copy_len;
    return try_open(seal->srtp, rtcp, data, len);
}

/* A failed attempt may have changed the bytes: GCM decrypts before it knows. What is a replay in
 * one reading may be a good packet in the next: numbers are looked at before they are
 * authenticated. */
cw_err cw_seal_open_slow(cw_seal *seal, bool rtcp, uint8_t *data, size_t *len)
{
    uint8_t copy[COPY_MAX];
    size_t copy_len = *len;
    cw_err err;

    if (copy_len > sizeof copy)
        return CW_E_TOO_LARGE;
    memcpy(copy, data, copy_len);
    err = open_new(seal, rtcp, data, len, copy, copy_len);
    if (!err && seal->before && --seal->left == 0) {
        drop_before(seal);
        seal->slow = seal->mki_len > 0;
    }
    if (!err || !seal->before)
        return err;
    memcpy(data, copy, copy_len);
    *len = copy_len;
    return try_open(seal->before, rtcp, data, len);
}
