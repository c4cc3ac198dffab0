/* guard.h - watches the bytes of one connection on their way into libwebsockets.
 *
 * libwebsockets 4.1 lets through what RFC 6455 forbids a client (frames without mask) and has no
 * bounds of its own on what a frame announces. The guard reads the frame headers first; from the
 * first fault on nothing passes any more, and the connection is closed with the guard's code. Bytes
 * it lets pass are not changed. Pure.
 */
#ifndef CW_API_GUARD_H
#define CW_API_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cw_guard {
    bool frames;      /* the handshake is over */
    uint32_t tail;    /* last four bytes before that */
    uint8_t head[14]; /* of the frame being read: RFC 6455 5.2 */
    uint8_t have;     /* bytes of head so far */
    uint64_t payload; /* bytes of the frame still to come */
    uint64_t message; /* bytes announced of the message so far */
    unsigned count;   /* frames since the last whole message */
    uint64_t message_max;
    unsigned frames_max;
    int code; /* close code of the fault, 0: none */
    const char *why;
} cw_guard;

/* The handshake was answered: frames follow. false: the client did not wait for the answer. */
bool cw_guard_begin(cw_guard *guard, uint64_t message_max, unsigned frames_max);

/* Of the `len` bytes at `data`, how many may pass. */
size_t cw_guard_pass(cw_guard *guard, const uint8_t *data, size_t len);

#endif
