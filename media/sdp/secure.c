#include "media/sdp/secure.h"

#include <glib.h>
#include <string.h>

typedef struct text {
    const char *s;
    size_t len;
} text;

/* ── Words ── */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static text next_word(text *rest)
{
    text word;

    while (rest->len && is_blank(rest->s[0])) {
        rest->s++;
        rest->len--;
    }
    word = (text){ rest->s, 0 };
    while (rest->len && !is_blank(rest->s[0])) {
        rest->s++;
        rest->len--;
        word.len++;
    }
    return word;
}

/* Up to `c`, which is taken off too. */
static text next_field(text *rest, char c)
{
    text field = { rest->s, 0 };

    while (field.len < rest->len && field.s[field.len] != c)
        field.len++;
    rest->s += field.len;
    rest->len -= field.len;
    if (rest->len) {
        rest->s++;
        rest->len--;
    }
    return field;
}

static bool starts(text t, const char *with)
{
    size_t len = strlen(with);

    return t.len >= len && g_ascii_strncasecmp(t.s, with, len) == 0;
}

static bool is(text t, const char *word)
{
    return t.len == strlen(word) && starts(t, word);
}

/* All digits, 15 at most. */
static bool number(text t, uint64_t *ret)
{
    *ret = 0;
    if (t.len == 0 || t.len > 15)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (!g_ascii_isdigit(t.s[i]))
            return false;
        *ret = *ret * 10 + (uint64_t)(t.s[i] - '0');
    }
    return true;
}

/* ── Suites (RFC 4568 6.2, RFC 6188 4, RFC 7714 14.2) ── */

static const struct {
    const char *name;
    cw_srtp_suite suite;
} names[] = {
    { "AEAD_AES_128_GCM", CW_SRTP_AEAD_AES_128_GCM },
    { "AEAD_AES_256_GCM", CW_SRTP_AEAD_AES_256_GCM },
    { "AES_256_CM_HMAC_SHA1_80", CW_SRTP_AES256_CM_SHA1_80 },
    { "AES_256_CM_HMAC_SHA1_32", CW_SRTP_AES256_CM_SHA1_32 },
    { "AES_CM_128_HMAC_SHA1_80", CW_SRTP_AES128_CM_SHA1_80 },
    { "AES_CM_128_HMAC_SHA1_32", CW_SRTP_AES128_CM_SHA1_32 },
};

cw_srtp_suite cw_crypto_suite(const char *name, size_t len)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (is((text){ name, len }, names[i].name))
            return names[i].suite;
    return CW_SRTP_NONE;
}

const char *cw_crypto_suite_name(cw_srtp_suite suite)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (names[i].suite == suite)
            return names[i].name;
    return "NONE";
}

bool cw_crypto_same(const cw_crypto *a, const cw_crypto *b)
{
    return a->suite == b->suite && memcmp(a->key, b->key, cw_srtp_key_len(a->suite)) == 0;
}

/* ── Keys ── */

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Exactly `len` bytes; the padding may be missing. */
static bool read_base64(text t, uint8_t *ret, size_t len)
{
    size_t want = (len * 8 + 5) / 6, n = 0;
    uint32_t bits = 0;
    unsigned have = 0;

    while (t.len > want && t.s[t.len - 1] == '=' && t.len <= want + 2)
        t.len--;
    if (t.len != want)
        return false;
    for (size_t i = 0; i < want; i++) {
        int value = base64_value(t.s[i]);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8 && n < len) {
            have -= 8;
            ret[n++] = (uint8_t)(bits >> have);
        }
    }
    return n == len;
}

/* "2^20" or "1048576" packets; SRTP has 48 bits. */
static bool is_lifetime(text t)
{
    uint64_t n;

    if (starts(t, "2^"))
        return number((text){ t.s + 2, t.len - 2 }, &n) && n <= 48;
    return number(t, &n) && n > 0 && n <= UINT64_C(1) << 48;
}

/* "1:4": value and bytes. */
static cw_err read_mki(text t, cw_crypto *ret)
{
    uint64_t value, len;

    if (!number(next_field(&t, ':'), &value) || !number(t, &len) || len == 0 || len > 128)
        return CW_E_SYNTAX;
    if (len > CW_SRTP_MKI_MAX)
        return CW_E_UNSUPPORTED;
    if (value >> (8 * len))
        return CW_E_SYNTAX;
    ret->mki_len = (uint8_t)len;
    for (size_t i = 0; i < len; i++)
        ret->mki[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    return CW_OK;
}

/* "inline:KEY|2^31|1:4" (RFC 4568 6.1); a second key behind ";" is one too many. */
static cw_err read_key(text t, cw_crypto *ret)
{
    text one = next_field(&t, ';'), field;

    if (t.len)
        return CW_E_UNSUPPORTED;
    if (!starts(one, "inline:"))
        return memchr(one.s, ':', one.len) ? CW_E_UNSUPPORTED : CW_E_SYNTAX;
    next_field(&one, ':');
    if (!read_base64(next_field(&one, '|'), ret->key, cw_srtp_key_len(ret->suite)))
        return CW_E_SYNTAX;
    field = next_field(&one, '|');
    if (field.len && !memchr(field.s, ':', field.len)) {
        if (!is_lifetime(field))
            return CW_E_SYNTAX;
        field = next_field(&one, '|');
    }
    if (one.len)
        return CW_E_SYNTAX;
    return field.len ? read_mki(field, ret) : CW_OK;
}

/* RFC 4568 6.3: what is not marked optional with "-" must be understood. A window size is a hint,
 * and ours is larger than most. */
static bool is_bearable(text param)
{
    uint64_t n;

    if (param.s[0] == '-')
        return true;
    return starts(param, "WSH=") && number((text){ param.s + 4, param.len - 4 }, &n) && n >= 64;
}

static cw_err read_crypto(text t, cw_crypto *ret)
{
    text tag = next_word(&t), suite = next_word(&t), key = next_word(&t), param;
    uint64_t n;
    cw_err err;

    if (!number(tag, &n) || tag.len > 9 || !suite.len || !key.len)
        return CW_E_SYNTAX;
    ret->tag = (uint32_t)n;
    ret->suite = cw_crypto_suite(suite.s, suite.len);
    if (ret->suite == CW_SRTP_NONE)
        return CW_E_UNSUPPORTED;
    err = read_key(key, ret);
    while (!err && (param = next_word(&t)).len)
        if (!is_bearable(param))
            err = CW_E_UNSUPPORTED;
    return err;
}

cw_err cw_crypto_parse(const char *s, size_t len, cw_crypto *ret)
{
    cw_crypto crypto = { 0 };
    cw_err err = read_crypto((text){ s, len }, &crypto);

    if (!err)
        *ret = crypto;
    explicit_bzero(&crypto, sizeof crypto);
    return err;
}

void cw_crypto_print(GString *out, const cw_crypto *crypto)
{
    g_autofree char *key = g_base64_encode(crypto->key, cw_srtp_key_len(crypto->suite));

    g_string_append_printf(out, "a=crypto:%u %s inline:%s\r\n", crypto->tag,
                           cw_crypto_suite_name(crypto->suite), key);
    explicit_bzero(key, strlen(key));
}

/* ── Fingerprints (RFC 8122 5) ── */

static const struct {
    const char *name;
    size_t len;
} hashes[] = { { "sha-256", 32 }, { "sha-384", 48 }, { "sha-512", 64 } };

static bool read_hex(const char *s, size_t len, uint8_t *ret)
{
    for (size_t i = 0; i < len; i++, s += 3) {
        int high = g_ascii_xdigit_value(s[0]);
        int low = g_ascii_xdigit_value(s[1]);

        if (high < 0 || low < 0 || (i + 1 < len && s[2] != ':'))
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool cw_fingerprint_parse(const char *s, size_t len, cw_fingerprint *ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(hashes); i++) {
        size_t name_len = strlen(hashes[i].name);
        cw_fingerprint print = { .len = hashes[i].len };

        if (len != name_len + 3 * hashes[i].len || s[name_len] != ' ' ||
            g_ascii_strncasecmp(s, hashes[i].name, name_len) ||
            !read_hex(s + name_len + 1, print.len, print.value))
            continue;
        memcpy(print.hash, hashes[i].name, name_len);
        *ret = print;
        return true;
    }
    return false;
}

bool cw_fingerprint_same(const cw_fingerprint *a, const cw_fingerprint *b)
{
    return a->len == b->len && !g_ascii_strcasecmp(a->hash, b->hash) &&
           !memcmp(a->value, b->value, a->len);
}

void cw_fingerprint_print(GString *out, const cw_fingerprint *print)
{
    static const char hex[] = "0123456789ABCDEF";

    g_string_append(out, "a=fingerprint:");
    g_string_append(out, print->hash);
    for (size_t i = 0; i < print->len; i++) {
        g_string_append_c(out, i ? ':' : ' ');
        g_string_append_c(out, hex[print->value[i] >> 4]);
        g_string_append_c(out, hex[print->value[i] & 15]);
    }
    g_string_append(out, "\r\n");
}

/* ── A section ── */

static const struct {
    const char *name;
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

const char *cw_secure_proto(cw_rtp_profile profile, bool feedback)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protos); i++)
        if (protos[i].profile == profile && protos[i].feedback == feedback)
            return protos[i].name;
    return protos[0].name;
}

bool cw_secure_proto_parse(const char *s, size_t len, cw_secure *ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protos); i++) {
        if (!is((text){ s, len }, protos[i].name))
            continue;
        ret->profile = protos[i].profile;
        ret->feedback = protos[i].feedback;
        return true;
    }
    return false;
}

void cw_secure_print(GString *out, const cw_secure *secure)
{
    static const char *const setups[] = { "actpass", "active", "passive" };

    for (unsigned i = 0; i < secure->crypto_n; i++)
        cw_crypto_print(out, &secure->crypto[i]);
    if (!secure->fingerprint.len)
        return;
    cw_fingerprint_print(out, &secure->fingerprint);
    g_string_append_printf(out, "a=setup:%s\r\n", setups[secure->setup]);
}
