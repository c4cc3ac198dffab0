#include "sip/transaction/aka.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static bool read_hex(const char *text, uint8_t ret[static 16])
{
    if (!text || strlen(text) != 32)
        return false;
    for (unsigned i = 0; i < 16; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

cw_err cw_sip_aka_read(const char *k, const char *op, const char *opc, cw_sip_aka *ret)
{
    cw_sip_aka aka = { 0 };
    uint8_t operator[16];
    cw_err err = CW_OK;

    if (!read_hex(k, aka.k) || !op == !opc)
        return CW_E_PARAMS;
    if (opc ? !read_hex(opc, aka.opc) : !read_hex(op, operator))
        return CW_E_PARAMS;
    if (op)
        err = cw_milenage_opc(aka.k, operator, aka.opc);
    if (!err)
        *ret = aka;
    explicit_bzero(&aka, sizeof aka);
    return err;
}

static void mix(uint8_t *ret, const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ret[i] = a[i] ^ b[i];
}

/* The network shall send ours from now on: AUTS = SQN_MS ^ AK*, MAC-S (33.102 6.3.3; AMF is zero
 * there). */
static cw_err resynchronise(const cw_sip_aka *aka, const uint8_t *rand, cw_milenage *m,
                            cw_sip_aka_answer *ret)
{
    static const uint8_t no_amf[2];
    uint8_t auts[CW_AKA_SQN_LEN + sizeof m->mac_s];
    g_autofree char *text = NULL;
    cw_err err = cw_milenage_mac(aka->k, aka->opc, rand, aka->sqn, no_amf, m);

    if (err)
        return err;
    mix(auts, aka->sqn, m->ak_s, CW_AKA_SQN_LEN);
    memcpy(auts + CW_AKA_SQN_LEN, m->mac_s, sizeof m->mac_s);
    text = g_base64_encode(auts, sizeof auts);
    g_strlcpy(ret->auts, text, sizeof ret->auts);
    return CW_OK;
}

static void take_password(const cw_milenage *m, unsigned version, cw_sip_aka_answer *ret)
{
    char text[CW_AKAV2_PASSWORD_LEN + 1];

    if (version == 1) {
        memcpy(ret->password, m->res, sizeof m->res);
        ret->len = sizeof m->res;
        return;
    }
    cw_akav2_password(m, text);
    memcpy(ret->password, text, CW_AKAV2_PASSWORD_LEN);
    ret->len = CW_AKAV2_PASSWORD_LEN;
    explicit_bzero(text, sizeof text);
}

static cw_err answer(cw_sip_aka *aka, unsigned version, const uint8_t *rand, const uint8_t *autn,
                     cw_milenage *m, cw_sip_aka_answer *ret)
{
    uint8_t sqn[CW_AKA_SQN_LEN];
    const uint8_t *amf = autn + CW_AKA_SQN_LEN, *mac = amf + 2;
    cw_err err = cw_milenage_rand(aka->k, aka->opc, rand, m);

    if (err)
        return err;
    mix(sqn, autn, m->ak, sizeof sqn);
    err = cw_milenage_mac(aka->k, aka->opc, rand, sqn, amf, m);
    if (err)
        return err;
    if (memcmp(mac, m->mac_a, sizeof m->mac_a) != 0)
        return CW_E_AUTH;
    if (memcmp(sqn, aka->sqn, sizeof sqn) <= 0)
        return resynchronise(aka, rand, m, ret);
    memcpy(aka->sqn, sqn, sizeof sqn);
    take_password(m, version, ret);
    return CW_OK;
}

cw_err cw_sip_aka_take(cw_sip_aka *aka, unsigned version, const char *nonce, cw_sip_aka_answer *ret)
{
    cw_milenage m = { 0 };
    gsize len = 0;
    g_autofree guchar *bytes = strlen(nonce) <= 512 ? g_base64_decode(nonce, &len) : NULL;
    cw_err err;

    *ret = (cw_sip_aka_answer){ 0 };
    if (len < 32) /* RAND, AUTN; the network may put more behind (RFC 3310 3.2) */
        return CW_E_PARSE;
    err = answer(aka, version, bytes, bytes + 16, &m, ret);
    explicit_bzero(&m, sizeof m);
    return err;
}
