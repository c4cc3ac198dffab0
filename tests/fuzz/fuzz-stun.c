/* Datagrams a browser port takes for STUN: as they come, then sealed with the right password so
 * that what lies behind the integrity check is reached too. */
#include "webrtc/ice.h"

#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>

#define UFRAG "evtj"
#define PWD   "VOkJxbRl1RmTxUk/WvJxBt"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const uint8_t *data, size_t size)
{
    cw_addr from = { .in6 = { .sin6_family = AF_INET6, .sin6_port = 1 } };
    char ufrag[257];
    uint8_t *reply = malloc(CW_ICE_REPLY_MAX);
    bool valid;
    size_t len;

    if (cw_ice_ufrag(data, size, ufrag, sizeof ufrag) == CW_OK && strlen(ufrag) >= sizeof ufrag)
        abort();
    len = cw_ice_answer(UFRAG, PWD, data, size, &from, reply, CW_ICE_REPLY_MAX, &valid);
    if (len > CW_ICE_REPLY_MAX || (!valid && len > size))
        abort();
    free(reply);
}

/* The attributes of `data` as they are, then MESSAGE-INTEGRITY and FINGERPRINT of our making. */
static void run_sealed(const uint8_t *data, size_t size)
{
    uint8_t buf[1500];
    StunAgent agent;
    StunMessage msg = { .buffer = buf, .buffer_len = sizeof buf, .agent = &agent };
    static const uint16_t known[] = { 0 };
    uint8_t *exact;
    size_t len;

    if (size < 20 || size > 1400 || size % 4)
        return;
    memcpy(buf, data, size);
    memcpy(buf,
           (uint8_t[]){ 0, 1, (uint8_t)((size - 20) >> 8), (uint8_t)(size - 20), 0x21, 0x12, 0xa4,
                        0x42 },
           8);
    stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    len = stun_agent_finish_message(&agent, &msg, (const uint8_t *)PWD, strlen(PWD));
    if (len == 0)
        return;
    exact = malloc(len);
    memcpy(exact, buf, len);
    run(exact, len);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size);
    run_sealed(data, size);
    return 0;
}
