/* SRTP: against libsrtp, the RFCs' vectors, replay, tampering, and packets that end where memory
 * ends. */
#include "media/srtp/srtp.h"
#include "media/srtp/srtp_evp.h"

#include "base/ident.h"

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <srtp2/srtp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM 2048

typedef void policy_fn(srtp_crypto_policy_t *policy);

/* RFC 5764 4.1.2, RFC 4568 6.2: SRTCP's tag has 80 bits even with SHA1_32 */
static const struct {
    const char *name;
    cw_srtp_suite suite;
    policy_fn *rtp, *rtcp;
    size_t rtp_tag, rtcp_tag;
} suites[] = {
    { "cm-80", CW_SRTP_AES128_CM_SHA1_80, srtp_crypto_policy_set_rtp_default,
      srtp_crypto_policy_set_rtp_default, 10, 14 },
    { "cm-32", CW_SRTP_AES128_CM_SHA1_32, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
      srtp_crypto_policy_set_rtp_default, 4, 14 },
    { "cm-256-80", CW_SRTP_AES256_CM_SHA1_80, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 10, 14 },
    { "cm-256-32", CW_SRTP_AES256_CM_SHA1_32, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 4, 14 },
    { "gcm-128", CW_SRTP_AEAD_AES_128_GCM, srtp_crypto_policy_set_aes_gcm_128_16_auth,
      srtp_crypto_policy_set_aes_gcm_128_16_auth, 16, 20 },
    { "gcm-256", CW_SRTP_AEAD_AES_256_GCM, srtp_crypto_policy_set_aes_gcm_256_16_auth,
      srtp_crypto_policy_set_aes_gcm_256_16_auth, 16, 20 },
};
#define SUITES G_N_ELEMENTS(suites)

static struct stock {
    cw_srtp_keys keys;
    srtp_t tx, rx;
} stock[SUITES];

static srtp_t stock_way(unsigned row, srtp_ssrc_type_t type, uint8_t *key)
{
    srtp_policy_t policy = {
        .ssrc = { .type = type }, .key = key, .window_size = 128, .allow_repeat_tx = 1
    };
    srtp_t ret;

    suites[row].rtp(&policy.rtp);
    suites[row].rtcp(&policy.rtcp);
    g_assert_cmpint(srtp_create(&ret, &policy), ==, srtp_err_status_ok);
    return ret;
}

/* The stock side sends with our rx key and receives with our tx key. */
static void stock_make(void)
{
    g_assert_cmpint(srtp_init(), ==, srtp_err_status_ok);
    for (unsigned i = 0; i < SUITES; i++) {
        stock[i].keys.suite = suites[i].suite;
        cw_random(stock[i].keys.tx, sizeof stock[i].keys.tx);
        cw_random(stock[i].keys.rx, sizeof stock[i].keys.rx);
        stock[i].tx = stock_way(i, ssrc_any_outbound, stock[i].keys.rx);
        stock[i].rx = stock_way(i, ssrc_any_inbound, stock[i].keys.tx);
    }
}

/* ── Packets ────────────────────────────────────────────────────────────────────────────────────
 */

/* V=2 with `csrcs` sources and, when `ext` is not 0, a header extension of that many words. */
static size_t rtp_make(uint8_t *pkt, uint16_t seq, uint32_t ssrc, unsigned csrcs, unsigned ext,
                       size_t payload)
{
    size_t len = 12;

    pkt[0] = (uint8_t)(0x80 | (ext ? 0x10 : 0) | csrcs);
    pkt[1] = 111;
    pkt[2] = (uint8_t)(seq >> 8);
    pkt[3] = (uint8_t)seq;
    memset(pkt + 4, 0x5a, 4);
    memcpy(pkt + 8, &ssrc, 4);
    memset(pkt + len, 0xc5, 4u * csrcs);
    len += 4u * csrcs;
    if (ext) {
        memcpy(pkt + len, (uint8_t[]){ 0xbe, 0xde, (uint8_t)(ext >> 8), (uint8_t)ext }, 4);
        memset(pkt + len + 4, 0, 4u * ext);
        len += 4 + 4u * ext;
    }
    for (size_t i = 0; i < payload; i++)
        pkt[len + i] = (uint8_t)(seq + i);
    return len + payload;
}

static size_t rtcp_make(uint8_t *pkt, uint32_t ssrc, size_t more)
{
    memcpy(pkt, (uint8_t[]){ 0x80, 200, 0, (uint8_t)(1 + more / 4) }, 4);
    memcpy(pkt + 4, &ssrc, 4);
    memset(pkt + 8, 0x33, more);
    return 8 + more;
}

static cw_srtp *make(const cw_srtp_keys *keys)
{
    cw_srtp *srtp = NULL;

    g_assert_cmpint(cw_srtp_new(keys, &srtp), ==, CW_OK);
    return srtp;
}

/* What the other end of `keys` has. */
static cw_srtp_keys flip(const cw_srtp_keys *keys)
{
    cw_srtp_keys ret = { .suite = keys->suite };

    memcpy(ret.tx, keys->rx, sizeof ret.tx);
    memcpy(ret.rx, keys->tx, sizeof ret.rx);
    return ret;
}

static void pair(cw_srtp_suite suite, cw_srtp **a, cw_srtp **b)
{
    cw_srtp_keys keys = { .suite = suite }, other;

    cw_random(keys.tx, sizeof keys.tx);
    cw_random(keys.rx, sizeof keys.rx);
    other = flip(&keys);
    *a = make(&keys);
    *b = make(&other);
}

/* ── Against libsrtp's own ciphers ──────────────────────────────────────────────────────────────
 */

static void same_rtp(struct stock *ref, cw_srtp *ours, cw_srtp *mirror, uint16_t seq,
                     size_t payload)
{
    uint8_t plain[ROOM], theirs[ROOM], mine[ROOM];
    size_t len = rtp_make(plain, seq, 0x11223344, seq % 3, seq % 4, payload), n = len;
    int stock_len = (int)len;

    /* they send: `mirror`, keyed as they are, must write the very same bytes, and we read them */
    memcpy(theirs, plain, len);
    memcpy(mine, plain, len);
    g_assert_cmpint(srtp_protect(ref->tx, theirs, &stock_len), ==, srtp_err_status_ok);
    g_assert_cmpint(cw_srtp_protect(mirror, mine, &n), ==, CW_OK);
    g_assert_cmpmem(theirs, (size_t)stock_len, mine, n);
    g_assert_cmpint(cw_srtp_unprotect(ours, mine, &n), ==, CW_OK);
    g_assert_cmpmem(mine, n, plain, len);

    /* we send, they read */
    g_assert_cmpint(cw_srtp_protect(ours, mine, &n), ==, CW_OK);
    stock_len = (int)n;
    g_assert_cmpint(srtp_unprotect(ref->rx, mine, &stock_len), ==, srtp_err_status_ok);
    g_assert_cmpmem(mine, (size_t)stock_len, plain, len);
}

static void same_rtcp(struct stock *ref, cw_srtp *ours, cw_srtp *mirror, size_t more)
{
    uint8_t plain[ROOM], theirs[ROOM], mine[ROOM];
    size_t len = rtcp_make(plain, 0x11223344, more), n = len;
    int stock_len = (int)len;

    memcpy(theirs, plain, len);
    memcpy(mine, plain, len);
    g_assert_cmpint(srtp_protect_rtcp(ref->tx, theirs, &stock_len), ==, srtp_err_status_ok);
    g_assert_cmpint(cw_srtp_protect_rtcp(mirror, mine, &n), ==, CW_OK);
    g_assert_cmpmem(theirs, (size_t)stock_len, mine, n);
    g_assert_cmpint(cw_srtp_unprotect_rtcp(ours, mine, &n), ==, CW_OK);
    g_assert_cmpmem(mine, n, plain, len);

    g_assert_cmpint(cw_srtp_protect_rtcp(ours, mine, &n), ==, CW_OK);
    stock_len = (int)n;
    g_assert_cmpint(srtp_unprotect_rtcp(ref->rx, mine, &stock_len), ==, srtp_err_status_ok);
    g_assert_cmpmem(mine, (size_t)stock_len, plain, len);
}

static void test_stock(gconstpointer data)
{
    struct stock *ref = &stock[GPOINTER_TO_UINT(data)];
    cw_srtp_keys flipped = flip(&ref->keys);
    cw_srtp *ours = make(&ref->keys), *mirror = make(&flipped);
    uint16_t seq = 65300; /* the rollover counter steps on the way (RFC 3711 3.3.1) */

    for (unsigned i = 0; i < 600; i++)
        same_rtp(ref, ours, mirror, seq++, i % 5 ? i * 2 : 160);
    for (unsigned i = 0; i < 50; i++)
        same_rtcp(ref, ours, mirror, 4u * i);
    cw_srtp_free(ours);
    cw_srtp_free(mirror);
}

/* ── Vectors ────────────────────────────────────────────────────────────────────────────────────
 */

/* RFC 3711 B.3: the session keys that the master key and salt must give, used by hand here. */
static void test_rfc3711_b3(void)
{
    static const uint8_t master[] = { 0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f,
                                      0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39, 0x0e, 0xc6, 0x75, 0xad,
                                      0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6 };
    static const uint8_t cipher_key[] = { 0xc6, 0x1e, 0x7a, 0x93, 0x74, 0x4f, 0x39, 0xee,
                                          0x10, 0x73, 0x4a, 0xfe, 0x3f, 0xf7, 0xa0, 0x87 };
    static const uint8_t salt[] = { 0x30, 0xcb, 0xbc, 0x08, 0x86, 0x3d, 0x8c,
                                    0x85, 0xd4, 0x9d, 0xb3, 0x4a, 0x9a, 0xe1 };
    static const uint8_t auth_key[] = {
        0xce, 0xbe, 0x32, 0x1f, 0x6f, 0xf7, 0x71, 0x6b, 0x6f, 0xd4,
        0xab, 0x49, 0xaf, 0x25, 0x6a, 0x15, 0x6d, 0x38, 0xba, 0xa4
    };
    cw_srtp_keys keys = { .suite = CW_SRTP_AES128_CM_SHA1_80 };
    uint8_t got[ROOM], want[ROOM], iv[16] = { 0 }, mac[20];
    size_t len = rtp_make(got, 0x1234, 0xdecafbad, 0, 0, 160), n = len;
    EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
    cw_srtp *srtp;
    int done;

    memcpy(keys.tx, master, sizeof master);
    memcpy(want, got, len);
    memcpy(iv + 4, got + 8, 4);  /* SSRC * 2^64 */
    memcpy(iv + 12, got + 2, 2); /* index * 2^16, rollover counter 0 */
    for (unsigned i = 0; i < sizeof salt; i++)
        iv[i] ^= salt[i];
    EVP_EncryptInit_ex(aes, EVP_aes_128_ctr(), NULL, cipher_key, iv);
    EVP_EncryptUpdate(aes, want + 12, &done, want + 12, (int)len - 12);
    memset(want + len, 0, 4); /* the counter is authenticated, not sent */
    HMAC(EVP_sha1(), auth_key, sizeof auth_key, want, len + 4, mac, NULL);
    memcpy(want + len, mac, 10);

    srtp = make(&keys);
    g_assert_cmpint(cw_srtp_protect(srtp, got, &n), ==, CW_OK);
    g_assert_cmpmem(got, n, want, len + 10);
    cw_srtp_free(srtp);
    EVP_CIPHER_CTX_free(aes);
}

/* RFC 7714 16.1.1 and 16.2.1, at the cipher, since they give session keys. */
static void test_rfc7714(void)
{
    static const uint8_t aad[] = { 0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41,
                                   0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2 };
    static const char text[] = "Gallia est omnis divisa in partes tres";
    static const struct {
        size_t key_len;
        uint8_t out[54];
    } rows[] = {
        { 16, { 0xf2, 0x4d, 0xe3, 0xa3, 0xfb, 0x34, 0xde, 0x6c, 0xac, 0xba, 0x86, 0x1c, 0x9d, 0x7e,
                0x4b, 0xca, 0xbe, 0x63, 0x3b, 0xd5, 0x0d, 0x29, 0x4e, 0x6f, 0x42, 0xa5, 0xf4, 0x7a,
                0x51, 0xc7, 0xd1, 0x9b, 0x36, 0xde, 0x3a, 0xdf, 0x88, 0x33, 0x89, 0x9d, 0x7f, 0x27,
                0xbe, 0xb1, 0x6a, 0x91, 0x52, 0xcf, 0x76, 0x5e, 0xe4, 0x39, 0x0c, 0xce } },
        { 32, { 0x32, 0xb1, 0xde, 0x78, 0xa8, 0x22, 0xfe, 0x12, 0xef, 0x9f, 0x78, 0xfa, 0x33, 0x2e,
                0x33, 0xaa, 0xb1, 0x80, 0x12, 0x38, 0x9a, 0x58, 0xe2, 0xf3, 0xb5, 0x0b, 0x2a, 0x02,
                0x76, 0xff, 0xae, 0x0f, 0x1b, 0xa6, 0x37, 0x99, 0xb8, 0x7b, 0x7a, 0xa3, 0xdb, 0x36,
                0xdf, 0xff, 0xd6, 0xb0, 0xf9, 0xbb, 0x78, 0x78, 0xd7, 0xa7, 0x6c, 0x13 } },
    };
    uint8_t iv[12] = { 0x51, 0x75, 0x3c, 0x65, 0x80, 0xc2, 0x72, 0x6f, 0x20, 0x71, 0x84, 0x14 };
    uint8_t key[44] = { 0 };

    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        cw_srtp_crypt c;
        uint8_t buf[54];

        memcpy(buf, text, 38);
        g_assert_cmpint(cw_srtp_crypt_init(&c, key, rows[i].key_len, key, NULL, true), ==, CW_OK);
        g_assert_cmpint(cw_srtp_gcm(&c, iv, aad, sizeof aad, NULL, 0, buf, 38, true), ==, CW_OK);
        g_assert_cmpmem(buf, sizeof buf, rows[i].out, sizeof rows[i].out);
        cw_srtp_crypt_clear(&c);
    }
}

/* RFC 3711 B.2 and RFC 6188 7.1: the key stream; session key and salt are given. */
static void test_key_stream(void)
{
    static const uint8_t salt[14] = { 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6,
                                      0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd };
    static const struct {
        size_t key_len;
        uint8_t key[32], first[32];
    } rows[] = {
        { 16,
          { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf,
            0x4f, 0x3c },
          { 0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80, 0xe1, 0x66, 0xb1,
            0x6d, 0xd9, 0x2b, 0x4e, 0xb4, 0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02,
            0xd0, 0xf7, 0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab } },
        { 32,
          { 0x57, 0xf8, 0x2f, 0xe3, 0x61, 0x3f, 0xd1, 0x70, 0xa8, 0x5e, 0xc9,
            0x3c, 0x40, 0xb1, 0xf0, 0x92, 0x2e, 0xc4, 0xcb, 0x0d, 0xc0, 0x25,
            0xb5, 0x82, 0x72, 0x14, 0x7c, 0xc4, 0x38, 0x94, 0x4a, 0x98 },
          { 0x92, 0xbd, 0xd2, 0x8a, 0x93, 0xc3, 0xf5, 0x25, 0x11, 0xc6, 0x77,
            0xd0, 0x8b, 0x55, 0x15, 0xa4, 0x9d, 0xa7, 0x1b, 0x23, 0x78, 0xa8,
            0x54, 0xf6, 0x70, 0x50, 0x75, 0x6d, 0xed, 0x16, 0x5b, 0xac } },
    };
    static const uint8_t auth[CW_SRTP_MAC];

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t iv[CW_SRTP_IV] = { 0 }, buf[32] = { 0 };
        cw_srtp_crypt c;

        memcpy(iv, salt, sizeof salt);
        g_assert_cmpint(cw_srtp_crypt_init(&c, rows[i].key, rows[i].key_len, salt, auth, true), ==,
                        CW_OK);
        g_assert_cmpint(cw_srtp_ctr(&c, iv, buf, sizeof buf), ==, CW_OK);
        g_assert_cmpmem(buf, sizeof buf, rows[i].first, sizeof rows[i].first);
        cw_srtp_crypt_clear(&c);
    }
}

/* RFC 6188 7.3: session keys from a 256-bit master key. */
static void test_rfc6188_derivation(void)
{
    static const uint8_t master[] = { 0xf0, 0xf0, 0x49, 0x14, 0xb5, 0x13, 0xf2, 0x76,
                                      0x3a, 0x1b, 0x1f, 0xa1, 0x30, 0xf1, 0x0e, 0x29,
                                      0x98, 0xf6, 0xf6, 0xe4, 0x3e, 0x43, 0x09, 0xd1,
                                      0xe6, 0x22, 0xa0, 0xe3, 0x32, 0xb9, 0xf1, 0xb6 };
    static const uint8_t salt[] = { 0x3b, 0x04, 0x80, 0x3d, 0xe5, 0x1e, 0xe7,
                                    0xc9, 0x64, 0x23, 0xab, 0x5b, 0x78, 0xd2 };
    static const struct {
        uint8_t label;
        size_t len;
        uint8_t want[32];
    } rows[] = {
        { 0, 32, { 0x5b, 0xa1, 0x06, 0x4e, 0x30, 0xec, 0x51, 0x61, 0x3c, 0xad, 0x92,
                   0x6c, 0x5a, 0x28, 0xef, 0x73, 0x1e, 0xc7, 0xfb, 0x39, 0x7f, 0x70,
                   0xa9, 0x60, 0x65, 0x3c, 0xaf, 0x06, 0x55, 0x4c, 0xd8, 0xc4 } },
        { 2,
          14,
          { 0xfa, 0x31, 0x79, 0x16, 0x85, 0xca, 0x44, 0x4a, 0x9e, 0x07, 0xc6, 0xc6, 0x4e, 0x93 } },
        { 1, 20, { 0xfd, 0x9c, 0x32, 0xd3, 0x9e, 0xd5, 0xfb, 0xb5, 0xa9, 0xdc,
                   0x96, 0xb3, 0x08, 0x18, 0x45, 0x4d, 0x13, 0x13, 0xdc, 0x05 } },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t got[32];

        g_assert_cmpint(cw_srtp_derive(master, 32, salt, rows[i].label, got, rows[i].len), ==,
                        CW_OK);
        g_assert_cmpmem(got, rows[i].len, rows[i].want, rows[i].len);
    }
}

/* RFC 7714 17.1: an SRTCP packet, its index authenticated behind the header. */
static void test_rfc7714_rtcp(void)
{
    static const uint8_t plain[] = { 0x81, 0xc8, 0x00, 0x0d, 0x4d, 0x61, 0x72, 0x73, 0x4e,
                                     0x54, 0x50, 0x31, 0x4e, 0x54, 0x50, 0x32, 0x52, 0x54,
                                     0x50, 0x20, 0x00, 0x00, 0x04, 0x2a, 0x00, 0x00, 0xe9,
                                     0x30, 0x4c, 0x75, 0x6e, 0x61, 0xde, 0xad, 0xbe, 0xef,
                                     0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde,
                                     0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef };
    static const uint8_t want[] = { 0x81, 0xc8, 0x00, 0x0d, 0x4d, 0x61, 0x72, 0x73, 0x63, 0xe9,
                                    0x48, 0x85, 0xdc, 0xda, 0xb6, 0x7c, 0xa7, 0x27, 0xd7, 0x66,
                                    0x2f, 0x6b, 0x7e, 0x99, 0x7f, 0xf5, 0xc0, 0xf7, 0x6c, 0x06,
                                    0xf3, 0x2d, 0xc6, 0x76, 0xa5, 0xf1, 0x73, 0x0d, 0x6f, 0xda,
                                    0x4c, 0xe0, 0x9b, 0x46, 0x86, 0x30, 0x3d, 0xed, 0x0b, 0xb9,
                                    0x27, 0x5b, 0xc8, 0x4a, 0xa4, 0x58, 0x96, 0xcf, 0x4d, 0x2f,
                                    0xc5, 0xab, 0xf8, 0x72, 0x45, 0xd9, 0xea, 0xde };
    static const uint8_t iv[12] = { 0x51, 0x75, 0x24, 0x05, 0x52, 0x03,
                                    0x72, 0x6f, 0x20, 0x71, 0x70, 0xbb };
    static const uint8_t word[4] = { 0x80, 0x00, 0x05, 0xd4 };
    uint8_t key[16], buf[sizeof want];
    cw_srtp_crypt c;

    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    memcpy(buf, plain, sizeof plain);
    g_assert_cmpint(cw_srtp_crypt_init(&c, key, sizeof key, key, NULL, true), ==, CW_OK);
    g_assert_cmpint(cw_srtp_gcm(&c, iv, buf, 8, word, sizeof word, buf + 8, sizeof plain - 8, true),
                    ==, CW_OK);
    g_assert_cmpmem(buf, sizeof buf, want, sizeof want);
    cw_srtp_crypt_clear(&c);
}

/* ── Refusals ───────────────────────────────────────────────────────────────────────────────────
 */

static void test_replay(gconstpointer data)
{
    cw_srtp *a, *b;
    uint8_t kept[200][ROOM], pkt[ROOM];
    size_t len[200], n;

    pair(suites[GPOINTER_TO_UINT(data)].suite, &a, &b);
    for (unsigned i = 0; i < 200; i++) {
        len[i] = rtp_make(kept[i], (uint16_t)(65500 + i), 7, 0, 0, 20);
        g_assert_cmpint(cw_srtp_protect(a, kept[i], &len[i]), ==, CW_OK);
    }
    for (unsigned i = 0; i < 200; i++) {
        if (i == 150 || i == 10) /* held back */
            continue;
        n = len[i];
        memcpy(pkt, kept[i], n);
        g_assert_cmpint(cw_srtp_unprotect(b, pkt, &n), ==, CW_OK);
    }
    for (unsigned i = 0; i < 200; i++) {
        n = len[i];
        memcpy(pkt, kept[i], n);
        /* 150 is late but within the window of 128, 10 is not */
        g_assert_cmpint(cw_srtp_unprotect(b, pkt, &n), ==, i == 150 ? CW_OK : CW_E_REPLAY);
    }
    n = rtcp_make(pkt, 7, 20);
    g_assert_cmpint(cw_srtp_protect_rtcp(a, pkt, &n), ==, CW_OK);
    memcpy(kept[0], pkt, len[0] = n);
    g_assert_cmpint(cw_srtp_unprotect_rtcp(b, pkt, &n), ==, CW_OK);
    g_assert_cmpint(cw_srtp_unprotect_rtcp(b, kept[0], &len[0]), ==, CW_E_REPLAY);
    cw_srtp_free(a);
    cw_srtp_free(b);
}

/* The same packet sent twice is the same bytes: a relay may repeat. */
static void test_repeat(gconstpointer data)
{
    cw_srtp *a, *b;
    uint8_t one[ROOM], two[ROOM];
    size_t n = rtp_make(one, 100, 7, 0, 0, 20), m = rtp_make(two, 100, 7, 0, 0, 20);

    pair(suites[GPOINTER_TO_UINT(data)].suite, &a, &b);
    g_assert_cmpint(cw_srtp_protect(a, one, &n), ==, CW_OK);
    g_assert_cmpint(cw_srtp_protect(a, two, &m), ==, CW_OK);
    g_assert_cmpmem(one, n, two, m);
    cw_srtp_free(a);
    cw_srtp_free(b);
}

/* What was sent some seconds ago may be sent again; a number further back is no repeat, and its key
 * stream is not used for other bytes. */
static void test_repeat_late(gconstpointer data)
{
    cw_srtp *a, *b;
    uint8_t one[ROOM], pkt[ROOM];
    size_t n = rtp_make(one, 65000, 7, 0, 0, 20), m;

    pair(suites[GPOINTER_TO_UINT(data)].suite, &a, &b);
    g_assert_cmpint(cw_srtp_protect(a, one, &n), ==, CW_OK);
    for (unsigned i = 1; i <= 2049; i++) {
        m = rtp_make(pkt, (uint16_t)(65000 + i), 7, 0, 0, 20);
        g_assert_cmpint(cw_srtp_protect(a, pkt, &m), ==, CW_OK);
        m = rtp_make(pkt, 65000, 7, 0, 0, 20);
        g_assert_cmpint(cw_srtp_protect(a, pkt, &m), ==, i == 2049 ? CW_E_REPLAY : CW_OK);
        if (i < 2049)
            g_assert_cmpmem(pkt, m, one, n);
    }
    cw_srtp_free(a);
    cw_srtp_free(b);
}

/* Each single bit counts, whatever else comes in between; then the true packet passes. */
static void test_tamper(gconstpointer data)
{
    unsigned row = GPOINTER_TO_UINT(data);
    cw_srtp *a, *b;
    uint8_t good[ROOM], bad[ROOM];
    size_t len = rtp_make(good, 5, 9, 1, 2, 24), n;

    pair(suites[row].suite, &a, &b);
    g_assert_cmpint(cw_srtp_protect(a, good, &len), ==, CW_OK);
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(bad, good, n = len);
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        g_assert_cmpint(cw_srtp_unprotect(b, bad, &n), !=, CW_OK);
        g_assert_cmpuint(n, ==, len);
    }
    g_assert_cmpint(cw_srtp_unprotect(b, good, &len), ==, CW_OK);

    len = rtcp_make(good, 9, 20);
    g_assert_cmpint(cw_srtp_protect_rtcp(a, good, &len), ==, CW_OK);
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(bad, good, n = len);
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        g_assert_cmpint(cw_srtp_unprotect_rtcp(b, bad, &n), !=, CW_OK);
    }
    g_assert_cmpint(cw_srtp_unprotect_rtcp(b, good, &len), ==, CW_OK);
    cw_srtp_free(a);
    cw_srtp_free(b);
}

static void test_wrong_key(gconstpointer data)
{
    cw_srtp *a, *b, *c, *d;
    uint8_t pkt[ROOM];
    size_t n = rtp_make(pkt, 5, 9, 0, 0, 24);

    pair(suites[GPOINTER_TO_UINT(data)].suite, &a, &b);
    pair(suites[GPOINTER_TO_UINT(data)].suite, &c, &d);
    g_assert_cmpint(cw_srtp_protect(a, pkt, &n), ==, CW_OK);
    g_assert_cmpint(cw_srtp_unprotect(d, pkt, &n), ==, CW_E_INTEGRITY);
    cw_srtp_free(a);
    cw_srtp_free(b);
    cw_srtp_free(c);
    cw_srtp_free(d);
}

/* A block of `len` bytes that ends where the next page cannot be touched: OpenSSL and libsrtp carry
 * no sanitizer. */
static uint8_t *fence;
static size_t fence_len;

static uint8_t *fenced(const uint8_t *data, size_t len, size_t room)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (!fence) {
        fence_len = 17 * page;
        fence = mmap(NULL, fence_len + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
        g_assert_true(fence != MAP_FAILED);
        g_assert_cmpint(mprotect(fence + fence_len, page, PROT_NONE), ==, 0);
    }
    return memcpy(fence + fence_len - room, data, len);
}

static void test_exact(gconstpointer data)
{
    unsigned row = GPOINTER_TO_UINT(data);
    cw_srtp *a, *b;
    uint8_t plain[ROOM], *pkt;
    size_t len, n;

    pair(suites[row].suite, &a, &b);
    for (unsigned i = 0; i < 64; i++) {
        len = n = rtp_make(plain, (uint16_t)i, 3, i % 16, i % 5, i);
        pkt = fenced(plain, len, len + suites[row].rtp_tag);
        g_assert_cmpint(cw_srtp_protect(a, pkt, &n), ==, CW_OK);
        g_assert_cmpuint(n, ==, len + suites[row].rtp_tag);
        g_assert_cmpint(cw_srtp_unprotect(b, pkt, &n), ==, CW_OK);
        g_assert_cmpmem(pkt, n, plain, len);

        len = n = rtcp_make(plain, 3, 4u * i);
        pkt = fenced(plain, len, len + suites[row].rtcp_tag);
        g_assert_cmpint(cw_srtp_protect_rtcp(a, pkt, &n), ==, CW_OK);
        g_assert_cmpuint(n, ==, len + suites[row].rtcp_tag);
        g_assert_cmpint(cw_srtp_unprotect_rtcp(b, pkt, &n), ==, CW_OK);
        g_assert_cmpmem(pkt, n, plain, len);
    }
    cw_srtp_free(a);
    cw_srtp_free(b);
}

/* Every prefix of a packet, and headers that announce more than there is. */
static void test_short(gconstpointer data)
{
    unsigned row = GPOINTER_TO_UINT(data);
    cw_srtp *a, *b;
    uint8_t good[ROOM];
    size_t len = rtp_make(good, 5, 9, 2, 2, 24), n;

    pair(suites[row].suite, &a, &b);
    for (n = 0; n < 12 + 8 + 12; n++) {
        size_t m = n;

        g_assert_cmpint(cw_srtp_protect(a, fenced(good, n, n), &m), ==, CW_E_SHORT);
    }
    g_assert_cmpint(cw_srtp_protect(a, good, &len), ==, CW_OK);
    for (size_t i = 0; i < len; i++) {
        n = i;
        g_assert_cmpint(cw_srtp_unprotect(b, fenced(good, i, i), &n), !=, CW_OK);
        n = i;
        g_assert_cmpint(cw_srtp_unprotect_rtcp(b, fenced(good, i, i), &n), !=, CW_OK);
    }
    for (unsigned i = 0; i < 256; i++) { /* 15 CSRCs, extensions up to 256 KiB */
        uint8_t head[60] = { (uint8_t)i, 111 };

        memset(head + 12, (int)i, sizeof head - 12);
        n = sizeof head;
        g_assert_cmpint(cw_srtp_unprotect(b, fenced(head, n, n), &n), !=, CW_OK);
    }
    n = rtcp_make(good, 9, 0);
    for (size_t i = 0; i < n; i++) {
        size_t m = i;

        g_assert_cmpint(cw_srtp_protect_rtcp(a, fenced(good, i, i), &m), ==, CW_E_SHORT);
    }
    cw_srtp_free(a);
    cw_srtp_free(b);
}

/* A far side that changes its SSRC all the time costs no memory and does not harm the steady one.
 */
static void test_many_ssrcs(gconstpointer data)
{
    cw_srtp *a, *b;
    uint8_t pkt[ROOM], first[ROOM];
    size_t n, first_len = 0;

    pair(suites[GPOINTER_TO_UINT(data)].suite, &a, &b);
    for (unsigned i = 0; i < 1000; i++) {
        n = rtp_make(pkt, (uint16_t)(65000 + i), 0xffff, 0, 0, 20); /* its ROC must survive */
        g_assert_cmpint(cw_srtp_protect(a, pkt, &n), ==, CW_OK);
        g_assert_cmpint(cw_srtp_unprotect(b, pkt, &n), ==, CW_OK);
        n = rtp_make(pkt, 1, i, 0, 0, 20);
        g_assert_cmpint(cw_srtp_protect(a, pkt, &n), ==, CW_OK);
        if (i == 0)
            memcpy(first, pkt, first_len = n);
        g_assert_cmpint(cw_srtp_unprotect(b, pkt, &n), ==, CW_OK);
    }
    /* the first of them has been forgotten long since: its stream starts anew */
    g_assert_cmpint(cw_srtp_unprotect(b, first, &first_len), ==, CW_OK);
    cw_srtp_free(a);
    cw_srtp_free(b);
}

static void test_names(void)
{
    cw_srtp *srtp = NULL;
    cw_srtp_keys none = { 0 };

    g_assert_cmpstr(cw_srtp_suite_name(CW_SRTP_AEAD_AES_128_GCM), ==, "SRTP_AEAD_AES_128_GCM");
    g_assert_cmpstr(cw_srtp_suite_name((cw_srtp_suite)99), ==, "NONE");
    g_assert_cmpuint(cw_srtp_key_len(CW_SRTP_AEAD_AES_128_GCM), ==, 28);
    g_assert_cmpuint(cw_srtp_key_len(CW_SRTP_AEAD_AES_256_GCM), ==, 44);
    g_assert_cmpuint(cw_srtp_key_len(CW_SRTP_AES128_CM_SHA1_80), ==, 30);
    g_assert_cmpuint(cw_srtp_key_len(CW_SRTP_NONE), ==, 0);
    g_assert_cmpint(cw_srtp_new(&none, &srtp), ==, CW_E_UNSUPPORTED);
    cw_srtp_free(NULL);
}

static void add_each(const char *path, GTestDataFunc fn)
{
    for (unsigned i = 0; i < SUITES; i++) {
        g_autofree char *name = g_strdup_printf("%s/%s", path, suites[i].name);

        g_test_add_data_func(name, GUINT_TO_POINTER(i), fn);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    stock_make();
    if (cw_srtp_init())
        return 99;
    add_each("/srtp/as-stock", test_stock);
    g_test_add_func("/srtp/rfc3711-b3", test_rfc3711_b3);
    g_test_add_func("/srtp/rfc7714", test_rfc7714);
    g_test_add_func("/srtp/key-stream", test_key_stream);
    g_test_add_func("/srtp/rfc6188-derivation", test_rfc6188_derivation);
    g_test_add_func("/srtp/rfc7714-rtcp", test_rfc7714_rtcp);
    add_each("/srtp/replay", test_replay);
    add_each("/srtp/repeat", test_repeat);
    add_each("/srtp/repeat-late", test_repeat_late);
    add_each("/srtp/tamper", test_tamper);
    add_each("/srtp/wrong-key", test_wrong_key);
    add_each("/srtp/exact-size", test_exact);
    add_each("/srtp/short", test_short);
    add_each("/srtp/many-ssrcs", test_many_ssrcs);
    g_test_add_func("/srtp/names", test_names);
    return g_test_run();
}
