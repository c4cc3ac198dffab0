/* ice.c - a full ICE agent as far as an ICE-lite side needs one: controlling, one candidate pair,
 * aggressive enough to nominate at once (RFC 8445, RFC 8489). */
#include "webpeer.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#define COOKIE          0x2112a442u
#define FINGERPRINT_XOR 0x5354554eu
#define CONSENT_MS      2500 /* as Chromium does */

enum { REQUEST = 0x0001, SUCCESS = 0x0101, FAILURE = 0x0111 };
enum {
    USERNAME = 0x0006,
    INTEGRITY = 0x0008,
    XOR_MAPPED = 0x0020,
    PRIORITY = 0x0024,
    USE_CANDIDATE = 0x0025,
    FINGERPRINT = 0x8028,
    CONTROLLING = 0x802a,
};

typedef struct message {
    uint8_t data[800];
    size_t len;
} message;

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void begin(message *m, unsigned type, const uint8_t id[static 12])
{
    put16(m->data, type);
    put16(m->data + 2, 0);
    put32(m->data + 4, COOKIE);
    memcpy(m->data + 8, id, 12);
    m->len = 20;
}

/* Room for an attribute, its padding zeroed; the header's length counts it. */
static uint8_t *add(message *m, unsigned type, size_t len)
{
    uint8_t *at = m->data + m->len;

    put16(at, type);
    put16(at + 2, (unsigned)len);
    memset(at + 4, 0, (len + 3) & ~(size_t)3);
    m->len += 4 + ((len + 3) & ~(size_t)3);
    put16(m->data + 2, (unsigned)m->len - 20);
    return at + 4;
}

/* ITU-T V.42, as zlib's crc32 */
static uint32_t crc32(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void finish(message *m, const char *pwd)
{
    size_t before = m->len;
    uint8_t *mac = add(m, INTEGRITY, 20);
    uint8_t *sum;

    HMAC(EVP_sha1(), pwd, (int)strlen(pwd), m->data, before, mac, NULL);
    before = m->len;
    sum = add(m, FINGERPRINT, 4);
    put32(sum, crc32(m->data, before) ^ FINGERPRINT_XOR);
}

static void send_check(wp_ep *ep)
{
    message m;
    char user[520];
    int len = g_snprintf(user, sizeof user, "%s:%s", ep->remote_ufrag, ep->ufrag);

    begin(&m, REQUEST, ep->stun_id);
    memcpy(add(&m, USERNAME, (size_t)len), user, (size_t)len);
    put32(add(&m, PRIORITY, 4), 110u << 24 | 65535u << 8 | 255u); /* peer-reflexive */
    memcpy(add(&m, CONTROLLING, 8), &ep->session_id, 8);
    add(&m, USE_CANDIDATE, 0);
    finish(&m, ep->remote_pwd);
    wp_send(ep, ep->sock, m.data, m.len, &ep->remote);
}

void wp_ice_start(wp_ep *ep)
{
    ep->state = WP_CHECKING;
    ep->started_ms = wp_now_ms();
    ep->checks = 0;
    RAND_bytes(ep->stun_id, sizeof ep->stun_id);
    send_check(ep);
    ep->next_check_ms = ep->started_ms + 50;
}

void wp_ice_tick(wp_ep *ep, uint64_t now_ms)
{
    if (ep->state == WP_NEW || ep->state == WP_FAILED || now_ms < ep->next_check_ms)
        return;
    if (ep->state == WP_CHECKING && now_ms - ep->started_ms > 10000) {
        wp_fail(ep, "no answer to ICE checks");
        return;
    }
    if (ep->state != WP_CHECKING)
        RAND_bytes(ep->stun_id, sizeof ep->stun_id);
    send_check(ep);
    ep->next_check_ms =
        now_ms + (ep->state == WP_CHECKING ? 50u << MIN(++ep->checks, 4) : CONSENT_MS);
}

static void answer(wp_ep *ep, const uint8_t *data, const cw_addr *from)
{
    message m;
    uint8_t *at;

    begin(&m, SUCCESS, data + 8);
    if (cw_addr_family(from) == AF_INET) {
        at = add(&m, XOR_MAPPED, 8);
        at[1] = 1;
        put32(at + 4, ntohl(from->in4.sin_addr.s_addr) ^ COOKIE);
    } else {
        at = add(&m, XOR_MAPPED, 20);
        at[1] = 2;
        for (unsigned i = 0; i < 16; i++) /* the mask is cookie and id, as they stand there */
            at[4 + i] = from->in6.sin6_addr.s6_addr[i] ^ m.data[4 + i];
    }
    put16(at + 2, cw_addr_port(from) ^ (COOKIE >> 16));
    finish(&m, ep->pwd);
    wp_send(ep, ep->sock, m.data, m.len, from);
}

/* MESSAGE-INTEGRITY with the far side's password (responses) or ours (requests). */
static bool is_authentic(const uint8_t *data, size_t len, const char *pwd)
{
    for (size_t at = 20; at + 4 <= len;) {
        size_t value = get16(data + at + 2);
        uint8_t copy[800], mac[20];

        if (at + 4 + value > len)
            return false;
        if (get16(data + at) == INTEGRITY && value == 20 && at <= sizeof copy) {
            memcpy(copy, data, at);
            put16(copy + 2, (unsigned)(at + 24 - 20));
            HMAC(EVP_sha1(), pwd, (int)strlen(pwd), copy, at, mac, NULL);
            return !memcmp(mac, data + at + 4, 20);
        }
        at += 4 + ((value + 3) & ~(size_t)3);
    }
    return false;
}

void wp_ice_packet(wp_ep *ep, const uint8_t *data, size_t len, const cw_addr *from)
{
    unsigned type;

    if (len < 20)
        return;
    type = get16(data);
    if (type == REQUEST && is_authentic(data, len, ep->pwd)) {
        answer(ep, data, from);
        return;
    }
    if (memcmp(data + 8, ep->stun_id, 12) || ep->state == WP_FAILED)
        return;
    if (type == FAILURE) {
        wp_fail(ep, "an ICE check was refused");
        return;
    }
    if (type != SUCCESS || !is_authentic(data, len, ep->remote_pwd) || ep->state != WP_CHECKING)
        return;
    ep->ice_ms = wp_now_ms() - ep->started_ms;
    ep->next_check_ms = wp_now_ms() + CONSENT_MS;
    if (!ep->no_dtls) {
        wp_dtls_start(ep);
        return;
    }
    ep->state = WP_CHECKED;
    wp_event(ep, "checked", NULL, NULL);
}
