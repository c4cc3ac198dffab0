#include "webrtc/ice.h"

#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#define BINDING_REQUEST 0x0001 /* RFC 8489 5, 18.1 */
#define INTEGRITY_LEN   20
#define USERNAME_MAX    513    /* two ufrags and a colon, RFC 8839 5.4 */
#define SHA256_ATTR     0x001c /* MESSAGE-INTEGRITY-SHA256, RFC 8489 14.6: SHA-1 stands beside it */

/* Comprehension-required attributes a check may carry. */
static const uint16_t known[] = {
    STUN_ATTRIBUTE_USERNAME,
    STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
    STUN_ATTRIBUTE_PRIORITY,
    STUN_ATTRIBUTE_USE_CANDIDATE,
    SHA256_ATTR,
    0,
};

/* libsofia-sip-ua exports a function of this name too, with other parameters. In a program that
 * links both, libnice would call whichever library comes first; the program's own beats both. */
uint16_t stun_message_length(const StunMessage *msg)
{
    return (uint16_t)((msg->buffer[2] << 8 | msg->buffer[3]) + STUN_MESSAGE_HEADER_LENGTH);
}

struct login {
    const char *ufrag, *pwd;
};

static StunAgent *agent(void)
{
    static _Thread_local StunAgent own;
    static _Thread_local bool ready;

    if (!ready)
        stun_agent_init(&own, known, STUN_COMPATIBILITY_RFC5389,
                        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    ready = true;
    return &own;
}

/* A well-formed Binding request, alone in its datagram. */
static bool is_request(const uint8_t *data, size_t len, StunMessage *msg)
{
    *msg = (StunMessage){ .buffer = (uint8_t *)data, .buffer_len = len };
    return len >= STUN_MESSAGE_HEADER_LENGTH && (data[0] << 8 | data[1]) == BINDING_REQUEST &&
           stun_message_validate_buffer_length(data, len, true) == (int)len &&
           stun_message_has_cookie(msg);
}

/* The part of USERNAME before ':', 0 when there is none. */
static size_t ufrag_of(const uint8_t *username, uint16_t len)
{
    const uint8_t *colon = username ? memchr(username, ':', len) : NULL;

    return colon ? (size_t)(colon - username) : 0;
}

cw_err cw_ice_ufrag(const uint8_t *data, size_t len, char *ret, size_t cap)
{
    StunMessage msg;
    const uint8_t *username;
    uint16_t username_len = 0;
    size_t n;

    if (!is_request(data, len, &msg))
        return CW_E_SYNTAX;
    username = stun_message_find(&msg, STUN_ATTRIBUTE_USERNAME, &username_len);
    n = ufrag_of(username, username_len);
    if (n == 0 || n >= cap || memchr(username, 0, n))
        return CW_E_SYNTAX;
    memcpy(ret, username, n);
    ret[n] = 0;
    return CW_OK;
}

/* RFC 8445 7.3: the first half of USERNAME must be ours; the sender's own need not be known yet. */
static bool on_credentials(StunAgent *self, StunMessage *msg, uint8_t *username, uint16_t len,
                           uint8_t **pwd, size_t *pwd_len, void *data)
{
    const struct login *login = data;
    size_t n = ufrag_of(username, len);

    if (n == 0 || n != strlen(login->ufrag) || memcmp(username, login->ufrag, n) != 0)
        return false;
    *pwd = (uint8_t *)login->pwd;
    *pwd_len = strlen(login->pwd);
    return true;
}

/* libnice compares 20 bytes of MESSAGE-INTEGRITY whatever its length, and aborts when an answer,
 * which repeats USERNAME, does not fit. */
static bool has_sane_lengths(const StunMessage *msg)
{
    uint16_t integrity = INTEGRITY_LEN, username = 0;

    stun_message_find(msg, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, &integrity);
    stun_message_find(msg, STUN_ATTRIBUTE_USERNAME, &username);
    return integrity == INTEGRITY_LEN && username <= USERNAME_MAX;
}

static size_t answer_error(const StunMessage *request, StunError code, uint8_t *reply, size_t cap)
{
    StunMessage msg;

    if (!stun_agent_init_error(agent(), &msg, reply, cap, request, code))
        return 0;
    return stun_agent_finish_message(agent(), &msg, NULL, 0);
}

static size_t answer_unknown(const StunMessage *request, uint8_t *reply, size_t cap)
{
    StunMessage msg;

    return stun_agent_build_unknown_attributes_error(agent(), &msg, reply, cap, request);
}

/* A lite agent is controlled for ever (RFC 8445 6.1.1). With 0 as our tie-breaker a peer that says
 * it is controlled gets 487 and must switch (7.3.1.1). */
static size_t answer_check(StunMessage *request, const cw_addr *from, uint8_t *reply, size_t cap,
                           bool *valid)
{
    struct sockaddr_storage source = { 0 };
    StunMessage msg;
    StunUsageIceReturn status;
    bool controlling = false;
    size_t len = cap;

    memcpy(&source, from, cw_addr_len(from));
    status = stun_usage_ice_conncheck_create_reply(agent(), request, &msg, reply, &len, &source,
                                                   cw_addr_len(from), &controlling, 0,
                                                   STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    if (controlling) /* its tie-breaker was 0 too */
        return answer_error(request, STUN_ERROR_ROLE_CONFLICT, reply, cap);
    *valid = status == STUN_USAGE_ICE_RETURN_SUCCESS && len > 0;
    return len;
}

static size_t answer(const struct login *login, const uint8_t *data, size_t len,
                     const cw_addr *from, uint8_t *reply, size_t cap, bool *valid)
{
    StunMessage request;

    if (cap < CW_ICE_REPLY_MAX || !is_request(data, len, &request) || !has_sane_lengths(&request))
        return 0;
    switch (stun_agent_validate(agent(), &request, data, len, on_credentials, (void *)login)) {
    case STUN_VALIDATION_SUCCESS:
        return answer_check(&request, from, reply, cap, valid);
    case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
        return answer_error(&request, STUN_ERROR_BAD_REQUEST, reply, cap);
    case STUN_VALIDATION_UNAUTHORIZED:
        return answer_error(&request, STUN_ERROR_UNAUTHORIZED, reply, cap);
    case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
        return answer_unknown(&request, reply, cap);
    default:
        return 0;
    }
}

size_t cw_ice_answer(const char *ufrag, const char *pwd, const uint8_t *data, size_t len,
                     const cw_addr *from, uint8_t *reply, size_t cap, bool *valid)
{
    struct login login = { ufrag, pwd };
    size_t n;

    *valid = false;
    n = answer(&login, data, len, from, reply, cap, valid);
    return *valid || n <= len ? n : 0;
}
