#include "sip/text/milenage.h"

#include <glib.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

typedef struct block {
    uint8_t b[16];
} block;

static block mixed(block a, block b)
{
    for (unsigned i = 0; i < sizeof a.b; i++)
        a.b[i] ^= b.b[i];
    return a;
}

static block load(const uint8_t bytes[static 16])
{
    block x;

    memcpy(x.b, bytes, sizeof x.b);
    return x;
}

/* Rotate towards the most significant end by whole bytes: every r of 4.1 is a multiple of eight. */
static block rotate(block x, unsigned bytes)
{
    block y;

    for (unsigned i = 0; i < sizeof x.b; i++)
        y.b[i] = x.b[(i + bytes) % sizeof x.b];
    return y;
}

/* AES-128 of one block, in place. */
static bool encrypt(EVP_CIPHER_CTX *aes, block *x)
{
    block out;
    int len = 0;

    if (EVP_EncryptUpdate(aes, out.b, &len, x->b, sizeof x->b) != 1 || len != sizeof out.b)
        return false;
    *x = out;
    return true;
}

static EVP_CIPHER_CTX *cipher(const uint8_t k[static 16])
{
    EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();

    if (aes && (EVP_EncryptInit_ex(aes, EVP_aes_128_ecb(), NULL, k, NULL) != 1 ||
                EVP_CIPHER_CTX_set_padding(aes, 0) != 1))
        g_clear_pointer(&aes, EVP_CIPHER_CTX_free);
    return aes;
}

cw_err cw_milenage_opc(const uint8_t k[static 16], const uint8_t op[static 16],
                       uint8_t opc[static 16])
{
    EVP_CIPHER_CTX *aes = cipher(k);
    block x = load(op);
    bool ok = aes && encrypt(aes, &x);

    EVP_CIPHER_CTX_free(aes);
    if (!ok)
        return CW_E_INTERNAL;
    memcpy(opc, mixed(x, load(op)).b, sizeof x.b);
    return CW_OK;
}

/* OUTn = E[rot(TEMP ^ OPc, r) ^ c] ^ OPc, where c is one bit of the last byte. */
static bool out(EVP_CIPHER_CTX *aes, block temp, block opc, unsigned rotation, uint8_t c,
                block *ret)
{
    block x = rotate(mixed(temp, opc), rotation);

    x.b[15] ^= c;
    if (!encrypt(aes, &x))
        return false;
    *ret = mixed(x, opc);
    return true;
}

static bool begin(EVP_CIPHER_CTX *aes, block opc, const uint8_t rand[static 16], block *temp)
{
    *temp = mixed(load(rand), opc);
    return aes && encrypt(aes, temp);
}

cw_err cw_milenage_rand(const uint8_t k[static 16], const uint8_t opc[static 16],
                        const uint8_t rand[static 16], cw_milenage *ret)
{
    EVP_CIPHER_CTX *aes = cipher(k);
    block temp, o = load(opc), out2, out3, out4, out5;
    bool ok = begin(aes, o, rand, &temp) && out(aes, temp, o, 0, 1, &out2) &&
              out(aes, temp, o, 4, 2, &out3) && out(aes, temp, o, 8, 4, &out4) &&
              out(aes, temp, o, 12, 8, &out5);

    EVP_CIPHER_CTX_free(aes);
    if (!ok)
        return CW_E_INTERNAL;
    memcpy(ret->ak, out2.b, sizeof ret->ak);
    memcpy(ret->res, out2.b + 8, sizeof ret->res);
    memcpy(ret->ck, out3.b, sizeof ret->ck);
    memcpy(ret->ik, out4.b, sizeof ret->ik);
    memcpy(ret->ak_s, out5.b, sizeof ret->ak_s);
    return CW_OK;
}

cw_err cw_milenage_mac(const uint8_t k[static 16], const uint8_t opc[static 16],
                       const uint8_t rand[static 16], const uint8_t sqn[static CW_AKA_SQN_LEN],
                       const uint8_t amf[static 2], cw_milenage *ret)
{
    EVP_CIPHER_CTX *aes = cipher(k);
    block temp, in, o = load(opc);
    bool ok = begin(aes, o, rand, &temp);

    for (unsigned half = 0; half < 16; half += 8) {
        memcpy(in.b + half, sqn, CW_AKA_SQN_LEN);
        memcpy(in.b + half + CW_AKA_SQN_LEN, amf, 2);
    }
    in = mixed(temp, rotate(mixed(in, o), 8));
    ok = ok && encrypt(aes, &in);
    EVP_CIPHER_CTX_free(aes);
    if (!ok)
        return CW_E_INTERNAL;
    in = mixed(in, o);
    memcpy(ret->mac_a, in.b, sizeof ret->mac_a);
    memcpy(ret->mac_s, in.b + 8, sizeof ret->mac_s);
    return CW_OK;
}

void cw_akav2_password(const cw_milenage *m, char ret[static CW_AKAV2_PASSWORD_LEN + 1])
{
    static const char label[] = "http-digest-akav2-password";
    uint8_t key[sizeof m->res + sizeof m->ik + sizeof m->ck], digest[16];
    gsize len = sizeof digest;
    GHmac *hmac;
    g_autofree char *text = NULL;

    memcpy(key, m->res, sizeof m->res);
    memcpy(key + sizeof m->res, m->ik, sizeof m->ik);
    memcpy(key + sizeof m->res + sizeof m->ik, m->ck, sizeof m->ck);
    hmac = g_hmac_new(G_CHECKSUM_MD5, key, sizeof key);
    g_hmac_update(hmac, (const guchar *)label, sizeof label - 1);
    g_hmac_get_digest(hmac, digest, &len);
    g_hmac_unref(hmac);
    text = g_base64_encode(digest, sizeof digest);
    g_strlcpy(ret, text, CW_AKAV2_PASSWORD_LEN + 1);
    explicit_bzero(key, sizeof key);
    explicit_bzero(text, strlen(text));
}
