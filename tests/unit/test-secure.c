/* Protection as SDP says it: a=crypto lines (RFC 4568), fingerprints (RFC 8122), profiles. */
#include "media/sdp/sdp.h"
#include "media/sdp/secure.h"

#include <glib.h>
#include <string.h>

#define K30 "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj" /* RFC 4568 6.1's own */
#define K46 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ=="
#define K28 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
#define K44 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis="

static const struct row {
    const char *name, *text;
    cw_err want;
    cw_srtp_suite suite;
    unsigned mki_len;
} rows[] = {
    { "cm-80", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30, CW_OK, CW_SRTP_AES128_CM_SHA1_80, 0 },
    { "cm-32", "2 AES_CM_128_HMAC_SHA1_32 inline:" K30, CW_OK, CW_SRTP_AES128_CM_SHA1_32, 0 },
    { "cm-256-80", "3 AES_256_CM_HMAC_SHA1_80 inline:" K46, CW_OK, CW_SRTP_AES256_CM_SHA1_80, 0 },
    { "cm-256-32", "3 AES_256_CM_HMAC_SHA1_32 inline:" K46, CW_OK, CW_SRTP_AES256_CM_SHA1_32, 0 },
    { "gcm-128", "4 AEAD_AES_128_GCM inline:" K28, CW_OK, CW_SRTP_AEAD_AES_128_GCM, 0 },
    { "gcm-256", "5 AEAD_AES_256_GCM inline:" K44, CW_OK, CW_SRTP_AEAD_AES_256_GCM, 0 },
    { "caseless", "1 aes_cm_128_hmac_sha1_80 INLINE:" K30, CW_OK, CW_SRTP_AES128_CM_SHA1_80, 0 },
    { "blanks", "  1\tAES_CM_128_HMAC_SHA1_80   inline:" K30 "  ", CW_OK, CW_SRTP_AES128_CM_SHA1_80,
      0 },
    { "no-padding",
      "5 AEAD_AES_256_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis",
      CW_OK, CW_SRTP_AEAD_AES_256_GCM, 0 },
    { "lifetime", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|2^20", CW_OK, CW_SRTP_AES128_CM_SHA1_80,
      0 },
    { "lifetime-decimal", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|1048576", CW_OK,
      CW_SRTP_AES128_CM_SHA1_80, 0 },
    { "mki", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|2^20|1:4", CW_OK, CW_SRTP_AES128_CM_SHA1_80,
      4 },
    { "mki-without-lifetime", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|1:1", CW_OK,
      CW_SRTP_AES128_CM_SHA1_80, 1 },
    { "semicolon-at-end", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 ";", CW_OK,
      CW_SRTP_AES128_CM_SHA1_80, 0 },
    { "window-hint", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 " WSH=128", CW_OK,
      CW_SRTP_AES128_CM_SHA1_80, 0 },
    { "optional-parameter", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 " -WHATEVER", CW_OK,
      CW_SRTP_AES128_CM_SHA1_80, 0 },

    { "kdr", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 " KDR=24", CW_E_UNSUPPORTED, 0, 0 },
    { "unencrypted", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 " UNENCRYPTED_SRTP", CW_E_UNSUPPORTED,
      0, 0 },
    { "unencrypted-rtcp", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 " UNENCRYPTED_SRTCP",
      CW_E_UNSUPPORTED, 0, 0 },
    { "unauthenticated", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 " UNAUTHENTICATED_SRTP",
      CW_E_UNSUPPORTED, 0, 0 },
    { "fec", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 " FEC_ORDER=FEC_SRTP", CW_E_UNSUPPORTED, 0,
      0 },
    { "small-window", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 " WSH=32", CW_E_UNSUPPORTED, 0, 0 },
    { "unknown-suite", "1 F8_128_HMAC_SHA1_80 inline:" K30, CW_E_UNSUPPORTED, 0, 0 },
    { "null-cipher", "1 NULL_HMAC_SHA1_80 inline:" K30, CW_E_UNSUPPORTED, 0, 0 },
    { "unknown-method", "1 AES_CM_128_HMAC_SHA1_80 uri:" K30, CW_E_UNSUPPORTED, 0, 0 },
    { "two-keys", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|2^20|1:4;inline:" K30 "|2^20|2:4",
      CW_E_UNSUPPORTED, 0, 0 },
    { "long-mki", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|1:16", CW_E_UNSUPPORTED, 0, 0 },

    { "empty", "", CW_E_SYNTAX, 0, 0 },
    { "tag-only", "1", CW_E_SYNTAX, 0, 0 },
    { "no-key", "1 AES_CM_128_HMAC_SHA1_80", CW_E_SYNTAX, 0, 0 },
    { "no-tag", "AES_CM_128_HMAC_SHA1_80 inline:" K30, CW_E_SYNTAX, 0, 0 },
    { "tag-too-long", "1234567890 AES_CM_128_HMAC_SHA1_80 inline:" K30, CW_E_SYNTAX, 0, 0 },
    { "tag-negative", "-1 AES_CM_128_HMAC_SHA1_80 inline:" K30, CW_E_SYNTAX, 0, 0 },
    { "key-short", "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSo",
      CW_E_SYNTAX, 0, 0 },
    { "key-long", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "AAAA", CW_E_SYNTAX, 0, 0 },
    { "key-of-another-suite", "1 AES_CM_128_HMAC_SHA1_80 inline:" K46, CW_E_SYNTAX, 0, 0 },
    { "key-rubbish", "1 AES_CM_128_HMAC_SHA1_80 inline:!0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
      CW_E_SYNTAX, 0, 0 },
    { "key-empty", "1 AES_CM_128_HMAC_SHA1_80 inline:", CW_E_SYNTAX, 0, 0 },
    { "method-missing", "1 AES_CM_128_HMAC_SHA1_80 " K30, CW_E_SYNTAX, 0, 0 },
    { "lifetime-zero", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|0", CW_E_SYNTAX, 0, 0 },
    { "lifetime-huge", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|2^49", CW_E_SYNTAX, 0, 0 },
    { "lifetime-word", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|x", CW_E_SYNTAX, 0, 0 },
    { "mki-without-length", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|2^20|1:", CW_E_SYNTAX, 0, 0 },
    { "mki-of-no-length", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|1:0", CW_E_SYNTAX, 0, 0 },
    { "mki-too-large", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|256:1", CW_E_SYNTAX, 0, 0 },
    { "fields-too-many", "1 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|2^20|1:4|x", CW_E_SYNTAX, 0, 0 },
};

static void test_crypto(gconstpointer data)
{
    const struct row *row = data;
    size_t len = strlen(row->text);
    g_autofree char *exact = g_memdup2(row->text, len); /* not NUL-ended */
    cw_crypto line = { .tag = 77 };

    g_assert_cmpint(cw_crypto_parse(exact, len, &line), ==, row->want);
    if (row->want) {
        g_assert_cmpuint(line.tag, ==, 77);
        return;
    }
    g_assert_cmpint(line.suite, ==, row->suite);
    g_assert_cmpuint(line.mki_len, ==, row->mki_len);
    if (row->mki_len)
        g_assert_cmpuint(line.mki[row->mki_len - 1], ==, 1);
}

/* What is printed is read again as the same line. */
static void test_print(void)
{
    for (cw_srtp_suite suite = CW_SRTP_NONE + 1; suite < CW_SRTP_SUITES; suite++) {
        cw_crypto line = { .tag = suite, .suite = suite }, again;
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < cw_srtp_key_len(suite); i++)
            line.key[i] = (uint8_t)(i * 37 + suite);
        cw_crypto_print(text, &line);
        g_assert_true(g_str_has_prefix(text->str, "a=crypto:"));
        g_assert_true(g_str_has_suffix(text->str, "\r\n"));
        g_assert_cmpint(cw_crypto_parse(text->str + 9, text->len - 11, &again), ==, CW_OK);
        g_assert_cmpuint(again.tag, ==, line.tag);
        g_assert_true(cw_crypto_same(&line, &again));
        again.key[cw_srtp_key_len(suite) - 1] ^= 1;
        g_assert_false(cw_crypto_same(&line, &again));
    }
}

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define PRINT                                                                                      \
    "a=fingerprint:sha-256 "                                                                       \
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:"                     \
    "18:19:1A:1B:1C:1D:1E:1F\r\n"

static cw_secure section(const char *text)
{
    cw_media_desc desc;
    cw_rtp_place place[CW_DESC_STREAMS_MAX];

    g_assert_cmpint(cw_sdp_read_rtp(text, strlen(text), &desc, place, NULL), ==, CW_OK);
    g_assert_false(desc.stream[0].refused);
    return place[0].secure;
}

static void test_section(void)
{
    static const struct {
        const char *proto;
        cw_rtp_profile profile;
        bool feedback;
    } protos[] = {
        { "RTP/AVP", CW_PROFILE_AVP, false },
        { "RTP/AVPF", CW_PROFILE_AVP, true },
        { "RTP/SAVP", CW_PROFILE_SAVP, false },
        { "RTP/SAVPF", CW_PROFILE_SAVP, true },
        { "UDP/TLS/RTP/SAVP", CW_PROFILE_TLS_SAVP, false },
        { "UDP/TLS/RTP/SAVPF", CW_PROFILE_TLS_SAVP, true },
    };
    cw_secure s;

    for (unsigned i = 0; i < G_N_ELEMENTS(protos); i++) {
        g_autofree char *text = g_strdup_printf(HEAD "m=audio 4000 %s 8\r\n", protos[i].proto);

        s = section(text);
        g_assert_cmpint(s.profile, ==, protos[i].profile);
        g_assert_true(s.feedback == protos[i].feedback);
        g_assert_cmpstr(cw_secure_proto(s.profile, s.feedback), ==, protos[i].proto);
        g_assert_false(s.crypto_said);
    }
    s = section(HEAD "m=audio 4000 RTP/SAVP 8\r\n"
                     "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" K30 "\r\n"
                     "a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:" K30 "\r\n"
                     "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" K30 " KDR=1\r\n"
                     "a=crypto:4 AEAD_AES_128_GCM inline:" K28 "\r\n");
    g_assert_true(s.crypto_said);
    g_assert_cmpuint(s.crypto_n, ==, 2); /* those we can use, in their order */
    g_assert_cmpuint(s.crypto[0].tag, ==, 7);
    g_assert_cmpuint(s.crypto[1].tag, ==, 4);

    s = section(HEAD "m=audio 4000 RTP/SAVP 8\r\na=crypto:rubbish\r\na=crypto\r\n");
    g_assert_true(s.crypto_said);
    g_assert_cmpuint(s.crypto_n, ==, 0);

    s = section(HEAD PRINT "a=setup:passive\r\nm=audio 4000 UDP/TLS/RTP/SAVP 8\r\n");
    g_assert_cmpuint(s.fingerprint.len, ==, 32);
    g_assert_cmpint(s.setup, ==, CW_SETUP_PASSIVE);
    s = section(HEAD "a=setup:passive\r\nm=audio 4000 UDP/TLS/RTP/SAVP 8\r\n"
                     "a=fingerprint:sha-1 00:01\r\n" PRINT "a=setup:actpass\r\n");
    g_assert_cmpuint(s.fingerprint.len, ==, 32); /* the first that is good enough */
    g_assert_cmpint(s.setup, ==, CW_SETUP_ACTPASS);
    s = section(HEAD "m=audio 4000 UDP/TLS/RTP/SAVP 8\r\n" PRINT "a=setup:holdconn\r\n");
    g_assert_cmpuint(s.fingerprint.len, ==, 0);
}

/* More lines than we look at are no fault. */
static void test_many_lines(void)
{
    g_autoptr(GString) text = g_string_new(HEAD "m=audio 4000 RTP/SAVP 8\r\n");
    cw_secure s;

    for (unsigned i = 0; i < 200; i++)
        g_string_append_printf(text, "a=crypto:%u AES_CM_128_HMAC_SHA1_80 inline:" K30 "\r\n", i);
    s = section(text->str);
    g_assert_cmpuint(s.crypto_n, ==, CW_CRYPTO_MAX);
    g_assert_cmpuint(s.crypto[CW_CRYPTO_MAX - 1].tag, ==, CW_CRYPTO_MAX - 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = g_strdup_printf("/secure/crypto/%s", rows[i].name);

        g_test_add_data_func(name, &rows[i], test_crypto);
    }
    g_test_add_func("/secure/print", test_print);
    g_test_add_func("/secure/section", test_section);
    g_test_add_func("/secure/many-lines", test_many_lines);
    return g_test_run();
}
