/* Milenage against TS 35.208 set 1 and 2, AKA challenges as an HSS makes them, and what must get no
 * answer. */
#include "sip/transaction/auth.h"

#include <string.h>

typedef struct set {
    const char *k, *op, *opc, *rand, *sqn, *amf, *mac_a, *mac_s, *res, *ck, *ik, *ak, *ak_s;
} set;

static const set sets[] = {
    { "465b5ce8b199b49faa5f0a2ee238a6bc", "cdc202d5123e20f62b6d676ac72cb318",
      "cd63cb71954a9f4e48a5994e37a02baf", "23553cbe9637a89d218ae64dae47bf35", "ff9bb4d0b607",
      "b9b9", "4a9ffac354dfafb3", "01cfaf9ec4e871e9", "a54211d5e3ba50bf",
      "b40ba9a3c58b2a05bbf0d987b21bf8cb", "f769bcd751044604127672711c6d3441", "aa689c648370",
      "451e8beca43b" },
    { "fec86ba6eb707ed08905757b1bb44b8f", "dbc59adcb6f9a0ef735477b7fadf8374",
      "1006020f0a478bf6b699f15c062e42b3", "9f7c8d021accf4db213ccff0c7f71a6a", "9d0277595ffc",
      "725c", "9cabc3e99baf7281", "95814ba2b3044324", "8011c48c0c214ed2",
      "5dbdbb2954e8f3cde665b046179a5098", "59a92d3b476a0443487055cf88b2307b", "33484dc2136b",
      "deacdd848cc6" },
};

static void hex(const char *text, uint8_t *ret)
{
    for (size_t i = 0; text[2 * i]; i++)
        ret[i] = (uint8_t)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                           g_ascii_xdigit_value(text[2 * i + 1]));
}

static void same(const uint8_t *bytes, size_t len, const char *want)
{
    uint8_t expected[16];

    hex(want, expected);
    g_assert_cmpmem(bytes, len, expected, strlen(want) / 2);
}

static void test_milenage(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sets); i++) {
        const set *s = &sets[i];
        uint8_t k[16], op[16], opc[16], rand[16], sqn[6], amf[2];
        cw_milenage m;

        hex(s->k, k);
        hex(s->op, op);
        hex(s->rand, rand);
        hex(s->sqn, sqn);
        hex(s->amf, amf);
        g_assert_cmpint(cw_milenage_opc(k, op, opc), ==, CW_OK);
        same(opc, sizeof opc, s->opc);
        g_assert_cmpint(cw_milenage_rand(k, opc, rand, &m), ==, CW_OK);
        g_assert_cmpint(cw_milenage_mac(k, opc, rand, sqn, amf, &m), ==, CW_OK);
        same(m.mac_a, sizeof m.mac_a, s->mac_a);
        same(m.mac_s, sizeof m.mac_s, s->mac_s);
        same(m.res, sizeof m.res, s->res);
        same(m.ck, sizeof m.ck, s->ck);
        same(m.ik, sizeof m.ik, s->ik);
        same(m.ak, sizeof m.ak, s->ak);
        same(m.ak_s, sizeof m.ak_s, s->ak_s);
    }
}

/* The nonce that an HSS with these keys makes: base64 of RAND, SQN ^ AK, AMF, MAC. */
static char *nonce_of(const set *s, uint64_t sequence)
{
    uint8_t k[16], opc[16], bytes[32], sqn[6], amf[2] = { 0x80, 0 };
    cw_milenage m;

    hex(s->k, k);
    hex(s->opc, opc);
    hex(s->rand, bytes);
    for (unsigned i = 0; i < 6; i++)
        sqn[i] = (uint8_t)(sequence >> (40 - 8 * i));
    g_assert_cmpint(cw_milenage_rand(k, opc, bytes, &m), ==, CW_OK);
    g_assert_cmpint(cw_milenage_mac(k, opc, bytes, sqn, amf, &m), ==, CW_OK);
    for (unsigned i = 0; i < 6; i++)
        bytes[16 + i] = sqn[i] ^ m.ak[i];
    memcpy(bytes + 22, amf, 2);
    memcpy(bytes + 24, m.mac_a, 8);
    return g_base64_encode(bytes, sizeof bytes);
}

static cw_err ask(cw_sip_account *account, const char *algorithm, const char *nonce)
{
    g_autofree char *n = g_strdup_printf("nonce=\"%s\"", nonce);
    g_autofree char *a = g_strdup_printf("algorithm=%s", algorithm);
    const char *const params[] = { "realm=\"ims.test\"", n, a, "qop=\"auth\"", NULL };
    g_auto(cw_sip_challenge) challenge = { 0 };

    g_assert_cmpint(cw_sip_challenge_parse(params, &challenge), ==, CW_OK);
    return cw_sip_account_ask(account, false, &challenge);
}

static cw_sip_account *account_of(const set *s)
{
    return cw_sip_account_new(&(cw_sip_credentials){
        .username = "u@ims.test", .realm = "ims.test", .aka_k = s->k, .aka_opc = s->opc });
}

/* The response that the answer holds is the one of this password (RFC 2617 3.2.2). */
static void answered_with(const char *line, const char *nonce, const void *password, size_t len)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_MD5);
    g_autofree char *a2 =
        g_compute_checksum_for_string(G_CHECKSUM_MD5, "REGISTER:sip:ims.test", -1);
    const char *cnonce = strstr(line, "cnonce=\"") + strlen("cnonce=\"");
    g_autofree char *text = NULL, *want = NULL, *param = NULL;

    g_checksum_update(sum, (const guchar *)"u@ims.test:ims.test:", -1);
    g_checksum_update(sum, password, (gssize)len);
    text = g_strdup_printf("%s:%s:00000001:%.16s:auth:%s", g_checksum_get_string(sum), nonce,
                           cnonce, a2);
    want = g_compute_checksum_for_string(G_CHECKSUM_MD5, text, -1);
    param = g_strdup_printf("response=\"%s\"", want);
    g_assert_nonnull(strstr(line, param));
}

static void test_v1(void)
{
    cw_sip_account *account = account_of(&sets[0]);
    g_autofree char *nonce = nonce_of(&sets[0], 7), *line = NULL;
    uint8_t res[8];

    hex(sets[0].res, res);
    g_assert_cmpint(ask(account, "AKAv1-MD5", nonce), ==, CW_OK);
    line = cw_sip_account_answer(account, false, "REGISTER", "sip:ims.test");
    answered_with(line, nonce, res, sizeof res);
    g_assert_nonnull(strstr(line, "algorithm=AKAv1-MD5"));
    g_assert_null(strstr(line, "auts"));
    g_assert_null(strstr(line, "ck="));
    cw_sip_account_unref(account);
}

static void test_v2(void)
{
    cw_sip_account *account = account_of(&sets[0]);
    g_autofree char *nonce = nonce_of(&sets[0], 7), *line = NULL, *password = NULL;
    g_autofree uint8_t *key = g_malloc(40);
    uint8_t digest[16];
    gsize len = sizeof digest;
    GHmac *hmac;

    hex(sets[0].res, key);
    hex(sets[0].ik, key + 8);
    hex(sets[0].ck, key + 24);
    hmac = g_hmac_new(G_CHECKSUM_MD5, key, 40);
    g_hmac_update(hmac, (const guchar *)"http-digest-akav2-password", -1);
    g_hmac_get_digest(hmac, digest, &len);
    g_hmac_unref(hmac);
    password = g_base64_encode(digest, len);
    g_assert_cmpint(ask(account, "AKAv2-MD5", nonce), ==, CW_OK);
    line = cw_sip_account_answer(account, false, "REGISTER", "sip:ims.test");
    answered_with(line, nonce, password, strlen(password));
    cw_sip_account_unref(account);
}

/* A sequence number from before is answered with AUTS, which tells the highest one taken, and an
 * empty password. */
static void test_resync(void)
{
    cw_sip_account *account = account_of(&sets[0]);
    g_autofree char *first = nonce_of(&sets[0], 9), *old = nonce_of(&sets[0], 9 - 1), *line = NULL,
                    *later = NULL;
    g_autofree char *next = nonce_of(&sets[0], 10);
    g_autofree guchar *auts = NULL;
    uint8_t ak_s[6], sqn[6];
    gsize len;

    g_assert_cmpint(ask(account, "AKAv1-MD5", first), ==, CW_OK);
    g_assert_cmpint(ask(account, "AKAv1-MD5", old), ==, CW_OK);
    line = cw_sip_account_answer(account, false, "REGISTER", "sip:ims.test");
    answered_with(line, old, "", 0);
    auts = g_base64_decode(strstr(line, "auts=\"") + 6, &len);
    g_assert_cmpuint(len, >=, 14);
    hex(sets[0].ak_s, ak_s);
    for (unsigned i = 0; i < 6; i++)
        sqn[i] = auts[i] ^ ak_s[i];
    same(sqn, sizeof sqn, "000000000009");
    g_assert_cmpint(ask(account, "AKAv1-MD5", next), ==, CW_OK);
    later = cw_sip_account_answer(account, false, "REGISTER", "sip:ims.test");
    g_assert_null(strstr(later, "auts"));
    cw_sip_account_unref(account);
}

/* A network that has not our key learns nothing; nor does one that asks for plain digest, or in
 * rubbish. */
static void test_no_answer(void)
{
    static const char *const rubbish[] = { "", "AAAA", "*",
                                           "====", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=" };
    cw_sip_account *account = account_of(&sets[0]);
    cw_sip_account *digest = cw_sip_account_new(
        &(cw_sip_credentials){ .username = "u@ims.test", .realm = "ims.test", .password = "p" });
    g_autofree char *other = nonce_of(&sets[1], 7), *own = nonce_of(&sets[0], 7);

    g_assert_cmpint(ask(account, "AKAv1-MD5", other), ==, CW_E_AUTH);
    for (unsigned i = 0; i < G_N_ELEMENTS(rubbish); i++)
        g_assert_cmpint(ask(account, "AKAv1-MD5", rubbish[i]), ==, CW_E_AUTH);
    g_assert_cmpint(ask(account, "MD5", "n"), ==, CW_E_AUTH);
    g_assert_cmpint(ask(digest, "AKAv1-MD5", own), ==, CW_E_AUTH);
    g_assert_null(cw_sip_account_answer(account, false, "REGISTER", "sip:ims.test"));
    cw_sip_account_unref(account);
    cw_sip_account_unref(digest);
}

static void test_keys(void)
{
    static const struct {
        const char *k, *op, *opc;
        cw_err want;
    } rows[] = {
        { NULL, NULL, NULL, CW_OK },
        { "465b5ce8b199b49faa5f0a2ee238a6bc", "cdc202d5123e20f62b6d676ac72cb318", NULL, CW_OK },
        { "465b5ce8b199b49faa5f0a2ee238a6bc", NULL, "cd63cb71954a9f4e48a5994e37a02baf", CW_OK },
        { "465b5ce8b199b49faa5f0a2ee238a6bc", NULL, NULL, CW_E_PARAMS },
        { "465b5ce8b199b49faa5f0a2ee238a6bc", "cdc202d5123e20f62b6d676ac72cb318",
          "cd63cb71954a9f4e48a5994e37a02baf", CW_E_PARAMS },
        { NULL, NULL, "cd63cb71954a9f4e48a5994e37a02baf", CW_E_PARAMS },
        { "465b5ce8b199b49faa5f0a2ee238a6b", NULL, "cd63cb71954a9f4e48a5994e37a02baf",
          CW_E_PARAMS },
        { "465b5ce8b199b49faa5f0a2ee238a6bx", NULL, "cd63cb71954a9f4e48a5994e37a02baf",
          CW_E_PARAMS },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(cw_sip_credentials_check(&(cw_sip_credentials){ .username = "u",
                                                                        .aka_k = rows[i].k,
                                                                        .aka_op = rows[i].op,
                                                                        .aka_opc = rows[i].opc }),
                        ==, rows[i].want);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aka/milenage", test_milenage);
    g_test_add_func("/aka/v1", test_v1);
    g_test_add_func("/aka/v2", test_v2);
    g_test_add_func("/aka/resync", test_resync);
    g_test_add_func("/aka/no-answer", test_no_answer);
    g_test_add_func("/aka/keys", test_keys);
    return g_test_run();
}
