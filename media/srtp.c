#include "media/srtp.h"

#include "media/srtp_evp.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <string.h>
#include <srtp2/srtp.h>

#define WINDOW     128 /* packets of disorder forgiven; RFC 3711 3.3.2 asks for 64 */
#define SSRCS_MAX  32  /* kept a direction; the one longest unused makes room */
#define RTP_FIXED  12  /* RFC 3550 5.1 */
#define RTCP_FIXED 8   /* common header and SSRC, left in clear (RFC 3711 3.4) */
#define INDEX_LEN  4   /* E flag and SRTCP index */
#define PACKET_MAX 65535

static const struct suite {
    const char *name;
    size_t key_len;  /* with salt */
    size_t rtp_tag;  /* authentication tag on RTP */
    size_t rtcp_tag; /* RFC 5764 4.1.2: 80 bits on RTCP even with SHA1_32 */
    srtp_profile_t profile;
} suites[] = {
    [CW_SRTP_NONE] = { "NONE", 0, 0, 0, 0 },
    [CW_SRTP_AES128_CM_SHA1_80] = { "SRTP_AES128_CM_HMAC_SHA1_80", 30, 10, 10,
                                    srtp_profile_aes128_cm_sha1_80 },
    [CW_SRTP_AES128_CM_SHA1_32] = { "SRTP_AES128_CM_HMAC_SHA1_32", 30, 4, 10,
                                    srtp_profile_aes128_cm_sha1_32 },
    [CW_SRTP_AEAD_AES_128_GCM] = { "SRTP_AEAD_AES_128_GCM", 28, 16, 16,
                                   srtp_profile_aead_aes_128_gcm },
    [CW_SRTP_AEAD_AES_256_GCM] = { "SRTP_AEAD_AES_256_GCM", 44, 16, 16,
                                   srtp_profile_aead_aes_256_gcm },
};

/* One direction. libsrtp makes a stream for every SSRC it meets and finds it by walking a list, so
 * the far side must not be able to make many. */
struct way {
    srtp_t ctx;
    uint32_t clock; /* counts packets, to tell the longest unused */
    unsigned n, last;
    struct {
        uint32_t ssrc; /* as on the wire */
        uint32_t used;
    } seen[SSRCS_MAX];
};

struct cw_srtp {
    const struct suite *suite;
    struct way tx, rx;
};

cw_err cw_srtp_init(void)
{
    if (srtp_init() != srtp_err_status_ok)
        return CW_E_INTERNAL;
    for (unsigned i = 0; i < CW_SRTP_CIPHERS; i++)
        if (srtp_replace_cipher_type(cw_srtp_ciphers[i], cw_srtp_ciphers[i]->id))
            return CW_E_INTERNAL;
    if (srtp_replace_auth_type(&cw_srtp_hmac_sha1, cw_srtp_hmac_sha1.id))
        return CW_E_INTERNAL;
    return CW_OK;
}

const char *cw_srtp_suite_name(cw_srtp_suite suite)
{
    return (unsigned)suite < G_N_ELEMENTS(suites) ? suites[suite].name : "NONE";
}

size_t cw_srtp_key_len(cw_srtp_suite suite)
{
    return (unsigned)suite < G_N_ELEMENTS(suites) ? suites[suite].key_len : 0;
}

static cw_err way_init(struct way *way, const struct suite *suite, srtp_ssrc_type_t type,
                       const uint8_t *key)
{
    uint8_t copy[CW_SRTP_KEY_MAX]; /* libsrtp's policy wants it writable */
    srtp_policy_t policy = {
        .ssrc = { .type = type },
        .key = copy,
        .window_size = WINDOW,
        .allow_repeat_tx = 1, /* a relayed packet may be sent again */
    };
    srtp_err_status_t status;

    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, suite->profile);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, suite->profile);
    memcpy(copy, key, sizeof copy);
    status = srtp_create(&way->ctx, &policy);
    OPENSSL_cleanse(copy, sizeof copy);
    return status == srtp_err_status_ok ? CW_OK : CW_E_INTERNAL;
}

static void way_clear(struct way *way)
{
    if (way->ctx)
        srtp_dealloc(way->ctx);
}

cw_err cw_srtp_new(const cw_srtp_keys *keys, cw_srtp **ret)
{
    cw_srtp *srtp;
    cw_err err;

    if (cw_srtp_key_len(keys->suite) == 0)
        return CW_E_UNSUPPORTED;
    srtp = g_new0(cw_srtp, 1);
    srtp->suite = &suites[keys->suite];
    err = way_init(&srtp->tx, srtp->suite, ssrc_any_outbound, keys->tx);
    if (!err)
        err = way_init(&srtp->rx, srtp->suite, ssrc_any_inbound, keys->rx);
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
    g_free(srtp);
}

static cw_err err_of(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok:
        return CW_OK;
    case srtp_err_status_auth_fail:
    case srtp_err_status_no_ctx:
        return CW_E_INTEGRITY;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
    case srtp_err_status_pkt_idx_old:
        return CW_E_REPLAY;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err:
        return CW_E_SHORT;
    default:
        return CW_E_INTERNAL;
    }
}

/* Note that a good packet of `ssrc` passed, and forget the SSRC longest silent when it is one too
 * many. */
static void way_seen(struct way *way, const uint8_t *at)
{
    uint32_t ssrc;
    unsigned i, oldest = 0;

    memcpy(&ssrc, at, sizeof ssrc);
    way->clock++;
    i = way->last;
    if (i >= way->n || way->seen[i].ssrc != ssrc) {
        for (i = 0; i < way->n && way->seen[i].ssrc != ssrc; i++)
            if (way->clock - way->seen[i].used > way->clock - way->seen[oldest].used)
                oldest = i;
        if (i == way->n && way->n < SSRCS_MAX) {
            way->n++;
        } else if (i == way->n) {
            i = oldest;
            srtp_remove_stream(way->ctx, way->seen[i].ssrc);
        }
        way->seen[i].ssrc = ssrc;
        way->last = i;
    }
    way->seen[i].used = way->clock;
}

/* libsrtp reads what the header announces; this makes sure that it is there. */
static cw_err check_rtp(const uint8_t *pkt, size_t len, size_t tag)
{
    size_t need = RTP_FIXED + tag;

    if (len > PACKET_MAX)
        return CW_E_TOO_LARGE;
    if (len < need)
        return CW_E_SHORT;
    need += 4u * (pkt[0] & 0x0f);
    if (pkt[0] & 0x10) {
        if (len < need + 4)
            return CW_E_SHORT;
        pkt += need - tag + 2;
        need += 4 + 4u * (unsigned)(pkt[0] << 8 | pkt[1]);
    }
    return len < need ? CW_E_SHORT : CW_OK;
}

static cw_err check_rtcp(size_t len, size_t tag)
{
    if (len > PACKET_MAX)
        return CW_E_TOO_LARGE;
    return len < RTCP_FIXED + tag ? CW_E_SHORT : CW_OK;
}

typedef srtp_err_status_t transform(srtp_t ctx, void *pkt, int *len);

static cw_err way_run(struct way *way, transform *fn, uint8_t *pkt, size_t *len, size_t ssrc_at)
{
    int n = (int)*len;
    cw_err err = err_of(fn(way->ctx, pkt, &n));

    if (err)
        return err;
    way_seen(way, pkt + ssrc_at);
    *len = (size_t)n;
    return CW_OK;
}

cw_err cw_srtp_protect(cw_srtp *srtp, uint8_t *pkt, size_t *len)
{
    cw_err err = check_rtp(pkt, *len, 0);

    return err ? err : way_run(&srtp->tx, srtp_protect, pkt, len, 8);
}

cw_err cw_srtp_unprotect(cw_srtp *srtp, uint8_t *pkt, size_t *len)
{
    cw_err err = check_rtp(pkt, *len, srtp->suite->rtp_tag);

    return err ? err : way_run(&srtp->rx, srtp_unprotect, pkt, len, 8);
}

cw_err cw_srtp_protect_rtcp(cw_srtp *srtp, uint8_t *pkt, size_t *len)
{
    cw_err err = check_rtcp(*len, 0);

    return err ? err : way_run(&srtp->tx, srtp_protect_rtcp, pkt, len, 4);
}

cw_err cw_srtp_unprotect_rtcp(cw_srtp *srtp, uint8_t *pkt, size_t *len)
{
    cw_err err = check_rtcp(*len, srtp->suite->rtcp_tag + INDEX_LEN);

    return err ? err : way_run(&srtp->rx, srtp_unprotect_rtcp, pkt, len, 4);
}
