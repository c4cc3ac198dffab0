#include "stun-msg.h"

#include "base/ident.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

unsigned get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

static uint32_t crc32_of(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

void stun_start(stun_msg *m, unsigned type)
{
    memset(m, 0, sizeof *m);
    put16(m->data, type);
    memcpy(m->data + 4, (uint8_t[]){ 0x21, 0x12, 0xa4, 0x42 }, 4);
    cw_random(m->data + 8, 12);
    m->len = 20;
}

void stun_attr(stun_msg *m, unsigned type, const void *value, size_t len)
{
    put16(m->data + m->len, type);
    put16(m->data + m->len + 2, len);
    if (len)
        memcpy(m->data + m->len + 4, value, len);
    m->len += 4 + ((len + 3) & ~(size_t)3);
    put16(m->data + 2, m->len - 20);
}

void stun_integrity(stun_msg *m, const char *pwd)
{
    uint8_t mac[20];

    put16(m->data + 2, m->len + 24 - 20); /* counts the attribute, RFC 8489 14.5 */
    HMAC(EVP_sha1(), pwd, (int)strlen(pwd), m->data, m->len, mac, NULL);
    stun_attr(m, 0x0008, mac, sizeof mac);
}

void stun_fingerprint(stun_msg *m)
{
    uint32_t crc;
    uint8_t value[4];

    put16(m->data + 2, m->len + 8 - 20);
    crc = crc32_of(m->data, m->len) ^ 0x5354554e;
    put16(value, crc >> 16);
    put16(value + 2, crc);
    stun_attr(m, 0x8028, value, sizeof value);
}

void stun_check_head(stun_msg *m, const char *username)
{
    stun_start(m, 1);
    stun_attr(m, 0x0006, username, strlen(username));
    stun_attr(m, 0xc057, "\0\1\0\12", 4);
    stun_attr(m, 0x802a, "\1\2\3\4\5\6\7\10", 8); /* ICE-CONTROLLING */
    stun_attr(m, 0x0025, NULL, 0);                /* USE-CANDIDATE */
    stun_attr(m, 0x0024, "\x6e\x7f\1\xff", 4);    /* PRIORITY */
}

void stun_check(stun_msg *m, const char *username, const char *pwd)
{
    stun_check_head(m, username);
    stun_integrity(m, pwd);
    stun_fingerprint(m);
}
