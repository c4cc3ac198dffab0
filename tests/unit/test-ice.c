/* ICE-lite: what is answered, what is refused, and that nothing is read past a datagram's end. */
#include "webrtc/ice.h"

#include "stun-msg.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define UFRAG "evtj"
#define PWD   "VOkJxbRl1RmTxUk/WvJxBt"

/* RFC 5769 2.1; it says ICE-CONTROLLED. */
static const uint8_t rfc5769[] = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
};

static const uint8_t *find(const uint8_t *data, size_t len, unsigned type, size_t *value_len)
{
    for (size_t at = 20; at + 4 <= len; at += 4 + ((get16(data + at + 2) + 3u) & ~3u))
        if (get16(data + at) == type) {
            *value_len = get16(data + at + 2);
            return data + at + 4;
        }
    return NULL;
}

/* Recompute MESSAGE-INTEGRITY and FINGERPRINT of an answer. */
static void assert_sealed(const uint8_t *data, size_t len, const char *pwd)
{
    stun_msg copy = { .len = len };
    size_t n;
    const uint8_t *mac = find(data, len, 0x0008, &n), *crc = find(data, len, 0x8028, &n);

    g_assert_nonnull(crc);
    g_assert_true(crc + 4 == data + len);
    memcpy(copy.data, data, len);
    if (pwd) {
        g_assert_nonnull(mac);
        copy.len = (size_t)(mac - 4 - data);
        stun_integrity(&copy, pwd);
    } else {
        g_assert_null(mac);
        copy.len -= 8;
    }
    stun_fingerprint(&copy);
    g_assert_cmpmem(copy.data, copy.len, data, len);
}

/* The request as the last bytes before a page that cannot be touched: libnice has no sanitizer. */
static const uint8_t *fenced(const uint8_t *data, size_t len)
{
    static uint8_t *area;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (!area) {
        area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        g_assert_true(area != MAP_FAILED);
        g_assert_cmpint(mprotect(area + page, page, PROT_NONE), ==, 0);
    }
    return memcpy(area + page - len, data, len);
}

static cw_addr address(const char *text)
{
    cw_addr ret = { 0 };

    g_assert_cmpint(cw_addr_parse(text, 0, &ret), ==, CW_OK);
    return ret;
}

static size_t ask(const uint8_t *data, size_t len, const cw_addr *from, uint8_t reply[1500],
                  bool *valid)
{
    return cw_ice_answer(UFRAG, PWD, fenced(data, len), len, from, reply, 1500, valid);
}

static int error_code(const uint8_t *reply, size_t len)
{
    size_t n;
    const uint8_t *code;

    if (len == 0)
        return 0;
    if (get16(reply) == 0x0101)
        return 200;
    g_assert_cmphex(get16(reply), ==, 0x0111);
    code = find(reply, len, 0x0009, &n);
    g_assert_nonnull(code);
    return code[2] * 100 + code[3];
}

/* ── Good checks ────────────────────────────────────────────────────────────────────────────────
 */

static void test_good(gconstpointer data)
{
    cw_addr from = address(data);
    stun_msg m;
    uint8_t reply[1500];
    const uint8_t *mapped;
    size_t len, n;
    bool valid;

    for (unsigned i = 0; i < 3; i++) {
        stun_check(&m, UFRAG ":h6vY", PWD);
        len = ask(m.data, m.len, &from, reply, &valid);
        g_assert_true(valid);
        g_assert_cmpint(error_code(reply, len), ==, 200);
        g_assert_cmpmem(reply + 4, 16, m.data + 4, 16); /* cookie, transaction */
        assert_sealed(reply, len, PWD);
        mapped = find(reply, len, 0x0020, &n);
        g_assert_nonnull(mapped);
        g_assert_cmpuint(get16(mapped + 2) ^ 0x2112, ==, cw_addr_port(&from));
        g_assert_cmpuint(n, ==, cw_addr_family(&from) == AF_INET ? 8 : 20);
        for (unsigned k = 0; k < n - 4; k++) {
            const uint8_t *ip = cw_addr_family(&from) == AF_INET
                                    ? (const uint8_t *)&from.in4.sin_addr
                                    : (const uint8_t *)&from.in6.sin6_addr;

            g_assert_cmphex(mapped[4 + k] ^ m.data[4 + k], ==, ip[k]);
        }
    }
}

static void test_longest_user(void)
{
    g_autofree char *username = g_strnfill(513, 'x');
    cw_addr from = address("[2001:db8::1]:1");
    uint8_t reply[CW_ICE_REPLY_MAX];
    bool valid;
    size_t len;
    stun_msg m;

    username[256] = ':';
    stun_check(&m, username, PWD);
    username[256] = 0;
    len = cw_ice_answer(username, PWD, m.data, m.len, &from, reply, sizeof reply, &valid);
    g_assert_true(valid);
    assert_sealed(reply, len, PWD);
}

static void test_rfc5769(void)
{
    cw_addr from = address("192.0.2.1:32853");
    uint8_t reply[1500];
    char ufrag[257];
    bool valid;
    size_t len;

    g_assert_cmpint(cw_ice_ufrag(fenced(rfc5769, sizeof rfc5769), sizeof rfc5769, ufrag, 257), ==,
                    CW_OK);
    g_assert_cmpstr(ufrag, ==, UFRAG);
    /* well sealed, but from one who takes himself for controlled */
    len = ask(rfc5769, sizeof rfc5769, &from, reply, &valid);
    g_assert_cmpint(error_code(reply, len), ==, 487);
    g_assert_false(valid);
    assert_sealed(reply, len, PWD);
}

static void test_tie(void)
{
    cw_addr from = address("192.0.2.1:32853");
    uint8_t reply[1500];
    bool valid;
    stun_msg m;

    stun_start(&m, 1);
    stun_attr(&m, 0x0006, UFRAG ":x", 6);
    stun_attr(&m, 0x8029, "\0\0\0\0\0\0\0\0", 8);
    stun_integrity(&m, PWD);
    stun_fingerprint(&m);
    g_assert_cmpint(error_code(reply, ask(m.data, m.len, &from, reply, &valid)), ==, 487);
    g_assert_false(valid);
}

/* ── Refused ────────────────────────────────────────────────────────────────────────────────────
 */

static void no_username(stun_msg *m)
{
    stun_start(m, 1);
    stun_integrity(m, PWD);
    stun_fingerprint(m);
}

static void no_integrity(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    stun_fingerprint(m);
}

static void no_fingerprint(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    stun_integrity(m, PWD);
}

static void nothing(stun_msg *m)
{
    stun_start(m, 1);
}

/* 28 bytes: any error answer would be longer. */
static void only_fingerprint(stun_msg *m)
{
    stun_start(m, 1);
    stun_fingerprint(m);
}

static void bad_fingerprint(stun_msg *m)
{
    stun_check(m, UFRAG ":h6vY", PWD);
    m->data[m->len - 1] ^= 1;
}

static void wrong_pwd(stun_msg *m)
{
    stun_check(m, UFRAG ":h6vY", "VOkJxbRl1RmTxUk/WvJxBu");
}

static void tampered(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    stun_integrity(m, PWD);
    m->data[m->len - 1] ^= 1;
    stun_fingerprint(m);
}

static void wrong_user(stun_msg *m)
{
    stun_check(m, "evtk:h6vY", PWD);
}

static void longer_user(stun_msg *m)
{
    stun_check(m, UFRAG "x:h6vY", PWD);
}

static void shorter_user(stun_msg *m)
{
    stun_check(m, "evt:h6vY", PWD);
}

static void swapped_user(stun_msg *m)
{
    stun_check(m, "h6vY:" UFRAG, PWD);
}

static void no_colon(stun_msg *m)
{
    stun_check(m, UFRAG, PWD);
}

static void empty_user(stun_msg *m)
{
    stun_check(m, "", PWD);
}

/* RFC 8839 5.4 ends at 256 and a colon and 256. Its echo must not outgrow the answer's room. */
static void huge_user(stun_msg *m)
{
    g_autofree char *username = g_strnfill(1300, 'x');

    memcpy(username, UFRAG ":", strlen(UFRAG) + 1);
    stun_check(m, username, PWD);
}

static void unknown_attr(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    stun_attr(m, 0x7f01, "abcd", 4);
    stun_integrity(m, PWD);
    stun_fingerprint(m);
}

/* 300 of them: the answer lists at most 256 and may not outgrow the request. */
static void many_unknown(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    for (unsigned i = 0; i < 300; i++)
        stun_attr(m, 0x7000 + i, NULL, 0);
    stun_integrity(m, PWD);
    stun_fingerprint(m);
}

/* An integrity of no or few bytes must neither be believed nor read beyond. */
static void short_integrity(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    stun_attr(m, 0x0008, NULL, 0);
    stun_fingerprint(m);
}

static void short_integrity_last(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    stun_attr(m, 0x0008, "abc", 3);
}

/* RFC 8489 14.5: what stands behind the integrity does not count. */
static void user_behind_integrity(stun_msg *m)
{
    stun_start(m, 1);
    stun_integrity(m, PWD);
    stun_attr(m, 0x0006, UFRAG ":h6vY", 9);
    stun_fingerprint(m);
}

static void indication(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    put16(m->data, 0x0011);
    stun_integrity(m, PWD);
    stun_fingerprint(m);
}

static void response(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    put16(m->data, 0x0101);
    stun_integrity(m, PWD);
    stun_fingerprint(m);
}

static void allocate(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    put16(m->data, 0x0003);
    stun_integrity(m, PWD);
    stun_fingerprint(m);
}

static void no_cookie(stun_msg *m)
{
    stun_check_head(m, UFRAG ":h6vY");
    m->data[4] ^= 1;
    stun_integrity(m, PWD);
    stun_fingerprint(m);
}

static void trailing_byte(stun_msg *m)
{
    stun_check(m, UFRAG ":h6vY", PWD);
    m->len++;
}

static void attr_too_long(stun_msg *m)
{
    stun_check(m, UFRAG ":h6vY", PWD);
    put16(m->data + 22, 0xfff0);
}

static void length_too_long(stun_msg *m)
{
    stun_check(m, UFRAG ":h6vY", PWD);
    put16(m->data + 2, m->len);
}

static const struct refusal {
    const char *name;
    void (*make)(stun_msg *m);
    int code; /* 0: silence */
} refusals[] = {
    { "no-username", no_username, 400 },
    { "no-integrity", no_integrity, 400 },
    { "no-fingerprint", no_fingerprint, 0 },
    { "nothing", nothing, 0 },
    { "only-fingerprint", only_fingerprint, 0 },
    { "bad-fingerprint", bad_fingerprint, 0 },
    { "wrong-pwd", wrong_pwd, 401 },
    { "tampered", tampered, 401 },
    { "wrong-user", wrong_user, 401 },
    { "longer-user", longer_user, 401 },
    { "shorter-user", shorter_user, 401 },
    { "swapped-user", swapped_user, 401 },
    { "no-colon", no_colon, 401 },
    { "empty-user", empty_user, 401 },
    { "huge-user", huge_user, 0 },
    { "unknown-attribute", unknown_attr, 420 },
    { "many-unknown", many_unknown, 420 },
    { "short-integrity", short_integrity, 0 },
    { "short-integrity-last", short_integrity_last, 0 },
    { "user-behind-integrity", user_behind_integrity, 400 },
    { "indication", indication, 0 },
    { "response", response, 0 },
    { "allocate", allocate, 0 },
    { "no-cookie", no_cookie, 0 },
    { "trailing-byte", trailing_byte, 0 },
    { "attribute-too-long", attr_too_long, 0 },
    { "length-too-long", length_too_long, 0 },
};

static void test_refusal(gconstpointer data)
{
    const struct refusal *row = data;
    cw_addr from = address("[2001:db8::1]:4000");
    uint8_t reply[1500];
    bool valid = true;
    size_t len;
    stun_msg m;

    row->make(&m);
    len = ask(m.data, m.len, &from, reply, &valid);
    g_assert_false(valid);
    g_assert_cmpuint(len, <=, m.len);
    g_assert_cmpint(error_code(reply, len), ==, row->code);
    if (len)
        assert_sealed(reply, len, row->code == 420 ? PWD : NULL);
}

static void test_cut(void)
{
    cw_addr from = address("192.0.2.1:1");
    uint8_t reply[1500];
    char ufrag[257];
    bool valid;
    stun_msg m;

    stun_check(&m, UFRAG ":h6vY", PWD);
    for (size_t len = 0; len < m.len; len++) {
        g_assert_cmpuint(ask(m.data, len, &from, reply, &valid), ==, 0);
        g_assert_false(valid);
        g_assert_cmpint(cw_ice_ufrag(fenced(m.data, len), len, ufrag, sizeof ufrag), ==,
                        CW_E_SYNTAX);
    }
    /* the header right, every length of the body */
    for (size_t len = 20; len < m.len; len++) {
        stun_msg cut = m;

        put16(cut.data + 2, len - 20);
        ask(cut.data, len, &from, reply, &valid);
        g_assert_false(valid);
    }
    /* every bit */
    for (size_t bit = 0; bit < m.len * 8; bit++) {
        m.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ask(m.data, m.len, &from, reply, &valid);
        g_assert_false(valid);
        m.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* no room for an answer */
    for (size_t cap = 0; cap < 800; cap += 13) {
        uint8_t *small = g_malloc(cap + 1);

        small[cap] = 0xa5;
        g_assert_cmpuint(cw_ice_answer(UFRAG, PWD, m.data, m.len, &from, small, cap, &valid), <=,
                         cap);
        g_assert_cmphex(small[cap], ==, 0xa5);
        g_free(small);
    }
}

static void test_ufrag(void)
{
    char ret[8], longest[CW_ADDR_STR] = "0123456:x";
    stun_msg m;

    stun_check(&m, "abc:def:ghi", PWD);
    g_assert_cmpint(cw_ice_ufrag(m.data, m.len, ret, sizeof ret), ==, CW_OK);
    g_assert_cmpstr(ret, ==, "abc");
    stun_check(&m, longest, PWD);
    g_assert_cmpint(cw_ice_ufrag(m.data, m.len, ret, sizeof ret), ==, CW_OK);
    stun_check(&m, "01234567:x", PWD);
    g_assert_cmpint(cw_ice_ufrag(m.data, m.len, ret, sizeof ret), ==, CW_E_SYNTAX);
    stun_check(&m, ":x", PWD);
    g_assert_cmpint(cw_ice_ufrag(m.data, m.len, ret, sizeof ret), ==, CW_E_SYNTAX);
    indication(&m);
    g_assert_cmpint(cw_ice_ufrag(m.data, m.len, ret, sizeof ret), ==, CW_E_SYNTAX);
    stun_start(&m, 1);
    stun_attr(&m, 0x0006, "a\0b:c", 5);
    g_assert_cmpint(cw_ice_ufrag(m.data, m.len, ret, sizeof ret), ==, CW_E_SYNTAX);
}

static gpointer hammer(gpointer data)
{
    cw_addr from = address("192.0.2.1:1");
    uint8_t reply[1500];
    bool valid;
    stun_msg m;

    for (unsigned i = 0; i < 2000; i++) {
        stun_check(&m, UFRAG ":h6vY", PWD);
        cw_ice_answer(UFRAG, PWD, m.data, m.len, &from, reply, sizeof reply, &valid);
        g_assert_true(valid);
    }
    return NULL;
}

static void test_threads(void)
{
    GThread *threads[4];

    for (unsigned i = 0; i < 4; i++)
        threads[i] = g_thread_new("ice", hammer, NULL);
    for (unsigned i = 0; i < 4; i++)
        g_thread_join(threads[i]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/ice/good/ipv4", "192.0.2.1:32853", test_good);
    g_test_add_data_func("/ice/good/ipv6", "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
                         test_good);
    g_test_add_func("/ice/good/longest-user", test_longest_user);
    g_test_add_func("/ice/rfc5769", test_rfc5769);
    g_test_add_func("/ice/tie-breaker-zero", test_tie);
    for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *name = g_strdup_printf("/ice/refused/%s", refusals[i].name);

        g_test_add_data_func(name, &refusals[i], test_refusal);
    }
    g_test_add_func("/ice/cut", test_cut);
    g_test_add_func("/ice/ufrag", test_ufrag);
    g_test_add_func("/ice/threads", test_threads);
    return g_test_run();
}
