/* Seals: keys that change while packets are under way, keys that stay, marks (MKI) in packets. */
#include "media/srtp/seal.h"

#include "base/ident.h"

#include <glib.h>
#include <string.h>

#define ROOM 512

static const cw_srtp_suite suites[] = { CW_SRTP_AES128_CM_SHA1_80, CW_SRTP_AES128_CM_SHA1_32,
                                        CW_SRTP_AEAD_AES_128_GCM,  CW_SRTP_AEAD_AES_256_GCM,
                                        CW_SRTP_AES256_CM_SHA1_80, CW_SRTP_AES256_CM_SHA1_32 };

static cw_srtp_keys keys_new(cw_srtp_suite suite)
{
    cw_srtp_keys keys = { .suite = suite };

    cw_random(keys.tx, sizeof keys.tx);
    cw_random(keys.rx, sizeof keys.rx);
    return keys;
}

/* The far side of `keys`. */
static cw_srtp *far_of(const cw_srtp_keys *keys)
{
    cw_srtp_keys other = { .suite = keys->suite };
    cw_srtp *srtp = NULL;

    memcpy(other.tx, keys->rx, sizeof other.tx);
    memcpy(other.rx, keys->tx, sizeof other.rx);
    g_assert_cmpint(cw_srtp_new(&other, &srtp), ==, CW_OK);
    return srtp;
}

static void set(cw_seal *seal, const cw_srtp_keys *keys, const cw_srtp_keys *was)
{
    cw_seal_new with;

    g_assert_cmpint(cw_seal_make(keys, was, &with), ==, CW_OK);
    cw_seal_set(seal, &with);
}

static size_t rtp_make(uint8_t *pkt, uint16_t seq)
{
    memcpy(pkt, (uint8_t[]){ 0x80, 8, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, 1, 0, 0, 0, 7 },
           12);
    memset(pkt + 12, seq & 0xff, 160);
    return 172;
}

static size_t rtcp_make(uint8_t *pkt)
{
    memcpy(pkt, (uint8_t[]){ 0x80, 201, 0, 1, 0, 0, 0, 7 }, 8);
    return 8;
}

static size_t sealed(cw_srtp *far, uint16_t seq, uint8_t *pkt)
{
    size_t len = rtp_make(pkt, seq);

    g_assert_cmpint(cw_srtp_protect(far, pkt, &len), ==, CW_OK);
    return len;
}

/* A packet that `far` sealed comes out whole. */
static void passes(cw_seal *seal, cw_srtp *far, uint16_t seq)
{
    uint8_t pkt[ROOM], plain[ROOM];
    size_t len = sealed(far, seq, pkt), plain_len = rtp_make(plain, seq);

    g_assert_cmpint(cw_seal_open(seal, false, pkt, &len), ==, CW_OK);
    g_assert_cmpmem(pkt, len, plain, plain_len);
}

static void refused(cw_seal *seal, cw_srtp *far, uint16_t seq)
{
    uint8_t pkt[ROOM];
    size_t len = sealed(far, seq, pkt);

    g_assert_cmpint(cw_seal_open(seal, false, pkt, &len), ==, CW_E_INTEGRITY);
}

static void sends(cw_seal *seal, cw_srtp *far, uint16_t seq)
{
    uint8_t pkt[ROOM], plain[ROOM];
    size_t len = rtp_make(pkt, seq), plain_len = rtp_make(plain, seq);

    g_assert_cmpint(cw_seal_close(seal, false, pkt, &len), ==, CW_OK);
    g_assert_cmpint(cw_srtp_unprotect(far, pkt, &len), ==, CW_OK);
    g_assert_cmpmem(pkt, len, plain, plain_len);
}

/* New keys both ways: what the old ones sealed still passes, in between and for a while. */
static void test_rekey(gconstpointer data)
{
    cw_srtp_suite suite = suites[GPOINTER_TO_UINT(data)];
    cw_srtp_keys one = keys_new(suite), two = keys_new(suite);
    cw_srtp *far_one = far_of(&one), *far_two = far_of(&two);
    cw_seal seal = { 0 };
    uint8_t replay[ROOM], copy[ROOM];
    size_t len, n;

    set(&seal, &one, NULL);
    for (unsigned i = 0; i < 20; i++)
        passes(&seal, far_one, (uint16_t)(65530 + i)); /* over the wrap */
    len = sealed(far_one, 14, replay);
    memcpy(copy, replay, n = len);
    g_assert_cmpint(cw_seal_open(&seal, false, copy, &n), ==, CW_OK);

    set(&seal, &two, &one);
    passes(&seal, far_one, 15); /* under way */
    passes(&seal, far_two, 20);
    passes(&seal, far_one, 16);
    memcpy(copy, replay, n = len); /* the old keys' window went along */
    g_assert_cmpint(cw_seal_open(&seal, false, copy, &n), ==, CW_E_REPLAY);
    for (unsigned i = 21; i < 130; i++)
        passes(&seal, far_two, (uint16_t)i);
    refused(&seal, far_one, 17);
    g_assert_null(seal.before);
    g_assert_false(seal.slow);
    sends(&seal, far_two, 1);
    cw_srtp_free(far_one);
    cw_srtp_free(far_two);
    cw_seal_clear(&seal);
}

/* Third keys before the second came to use: the first are over. */
static void test_rekey_twice(void)
{
    cw_srtp_keys key[3];
    cw_srtp *far[3];
    cw_seal seal = { 0 };

    for (unsigned i = 0; i < 3; i++) {
        key[i] = keys_new(CW_SRTP_AEAD_AES_128_GCM);
        far[i] = far_of(&key[i]);
        set(&seal, &key[i], i ? &key[i - 1] : NULL);
    }
    refused(&seal, far[0], 1);
    passes(&seal, far[1], 1);
    passes(&seal, far[2], 1);
    for (unsigned i = 0; i < 3; i++)
        cw_srtp_free(far[i]);
    cw_seal_clear(&seal);
}

/* A suite may change with the keys. */
static void test_other_suite(void)
{
    cw_srtp_keys one = keys_new(CW_SRTP_AES128_CM_SHA1_32);
    cw_srtp_keys two = keys_new(CW_SRTP_AEAD_AES_256_GCM);
    cw_srtp *far_one = far_of(&one), *far_two = far_of(&two);
    cw_seal seal = { 0 };

    set(&seal, &one, NULL);
    passes(&seal, far_one, 1);
    set(&seal, &two, &one);
    passes(&seal, far_one, 2);
    passes(&seal, far_two, 3);
    sends(&seal, far_two, 3);
    cw_srtp_free(far_one);
    cw_srtp_free(far_two);
    cw_seal_clear(&seal);
}

/* Only the far side's key changed: ours goes on with its rollover counter, which nobody could guess
 * otherwise. And the other way round. */
static void test_half(gconstpointer data)
{
    cw_srtp_suite suite = suites[GPOINTER_TO_UINT(data)];
    cw_srtp_keys one = keys_new(suite), two = one, three;
    cw_srtp *far = far_of(&one), *far_two;
    cw_seal seal = { 0 };

    set(&seal, &one, NULL);
    for (unsigned i = 0; i < 70; i++) {
        sends(&seal, far, (uint16_t)(i * 1000));
        passes(&seal, far, (uint16_t)(i * 1000));
    }
    cw_random(two.rx, sizeof two.rx);
    far_two = far_of(&two);
    set(&seal, &two, &one);
    sends(&seal, far, 4465); /* `far` reads as before: rollover counter 1 */
    passes(&seal, far_two, 1);

    three = two;
    cw_random(three.tx, sizeof three.tx);
    set(&seal, &three, &two);
    passes(&seal, far_two, 2);
    g_assert_null(seal.before); /* its key is the same: nothing to wait for */
    cw_srtp_free(far);
    cw_srtp_free(far_two);
    cw_seal_clear(&seal);
}

/* RFC 3711 3.1: before the tag; RFC 7714 8.2: behind it, and in SRTCP behind the index. */
static size_t mark(cw_srtp_suite suite, bool rtcp, uint8_t *pkt, size_t len, uint8_t mki)
{
    bool gcm = suite == CW_SRTP_AEAD_AES_128_GCM || suite == CW_SRTP_AEAD_AES_256_GCM;
    bool short_tag = suite == CW_SRTP_AES128_CM_SHA1_32 || suite == CW_SRTP_AES256_CM_SHA1_32;
    size_t tag = gcm ? 0 : short_tag && !rtcp ? 4 : 10;

    memmove(pkt + len - tag + 2, pkt + len - tag, tag);
    memcpy(pkt + len - tag, (uint8_t[]){ 0, mki }, 2);
    return len + 2;
}

static void test_mki(gconstpointer data)
{
    cw_srtp_suite suite = suites[GPOINTER_TO_UINT(data)];
    cw_srtp_keys keys = keys_new(suite);
    cw_srtp *far = far_of(&keys);
    cw_seal seal = { 0 };
    uint8_t pkt[ROOM], plain[ROOM];
    size_t len, plain_len;

    keys.rx_mki_len = 2;
    memcpy(keys.rx_mki, (uint8_t[]){ 0, 9 }, 2);
    set(&seal, &keys, NULL);
    for (uint16_t i = 0; i < 300; i++) {
        plain_len = rtp_make(plain, i);
        len = sealed(far, i, pkt);
        if (i % 2)
            len = mark(suite, false, pkt, len, 9);
        g_assert_cmpint(cw_seal_open(&seal, false, pkt, &len), ==, CW_OK);
        g_assert_cmpmem(pkt, len, plain, plain_len);

        plain_len = rtcp_make(plain);
        len = rtcp_make(pkt);
        g_assert_cmpint(cw_srtp_protect_rtcp(far, pkt, &len), ==, CW_OK);
        if (i % 2)
            len = mark(suite, true, pkt, len, 9);
        g_assert_cmpint(cw_seal_open(&seal, true, pkt, &len), ==, CW_OK);
        g_assert_cmpmem(pkt, len, plain, plain_len);
    }
    len = mark(suite, false, pkt, sealed(far, 400, pkt), 8); /* of another key */
    g_assert_cmpint(cw_seal_open(&seal, false, pkt, &len), ==, CW_E_INTEGRITY);
    for (len = 0; len < 40;) {
        size_t n = len++;

        memset(pkt, 9, sizeof pkt);
        g_assert_cmpint(cw_seal_open(&seal, false, pkt, &n), !=, CW_OK);
    }
    cw_srtp_free(far);
    cw_seal_clear(&seal);
}

static void add_each(const char *path, GTestDataFunc fn)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(suites); i++) {
        g_autofree char *name = g_strdup_printf("%s/%s", path, cw_srtp_suite_name(suites[i]));

        g_test_add_data_func(name, GUINT_TO_POINTER(i), fn);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (cw_srtp_init())
        return 99;
    add_each("/seal/rekey", test_rekey);
    g_test_add_func("/seal/rekey-twice", test_rekey_twice);
    g_test_add_func("/seal/other-suite", test_other_suite);
    add_each("/seal/half", test_half);
    add_each("/seal/mki", test_mki);
    return g_test_run();
}
