/* stun-msg.h - a STUN writer that owes nothing to the code under test. */
#ifndef CW_TESTS_STUN_MSG_H
#define CW_TESTS_STUN_MSG_H

#include <stddef.h>
#include <stdint.h>

typedef struct stun_msg {
    uint8_t data[1500];
    size_t len;
} stun_msg;

void put16(uint8_t *at, size_t value);
unsigned get16(const uint8_t *at);

void stun_start(stun_msg *m, unsigned type); /* a new transaction */
void stun_attr(stun_msg *m, unsigned type, const void *value, size_t len);
void stun_integrity(stun_msg *m, const char *pwd);
void stun_fingerprint(stun_msg *m);

/* A check as Chromium writes it: up to MESSAGE-INTEGRITY, and all of it. */
void stun_check_head(stun_msg *m, const char *username);
void stun_check(stun_msg *m, const char *username, const char *pwd);

#endif
