#include "api/guard.h"

#include "api/proto.h"

#include <string.h>

enum {
    FIN = 0x80,
    RESERVED = 0x70,
    OPCODE = 0x0f,
    MASK = 0x80,
    LENGTH = 0x7f,
    OP_CONTINUATION = 0x0,
    OP_CONTROL = 0x8, /* this bit: close, ping, pong */
    CONTROL_MAX = 125,
    END_OF_HEADERS = 0x0d0a0d0a,
};

static void fault(cw_guard *guard, int code, const char *why)
{
    guard->code = code;
    guard->why = why;
}

bool cw_guard_begin(cw_guard *guard, uint64_t message_max, unsigned frames_max)
{
    guard->frames = true;
    guard->message_max = message_max;
    guard->frames_max = frames_max;
    return guard->tail == END_OF_HEADERS;
}

/* Bytes of the header, as far as it can be told; masked frames carry four bytes of key. */
static unsigned head_len(const cw_guard *guard)
{
    unsigned length;

    if (guard->have < 2)
        return 2;
    length = guard->head[1] & LENGTH;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + 4;
}

static uint64_t announced(const cw_guard *guard)
{
    unsigned length = guard->head[1] & LENGTH, n = length == 126 ? 2 : length == 127 ? 8 : 0;
    uint64_t value = 0;

    if (!n)
        return length;
    for (unsigned i = 0; i < n; i++)
        value = value << 8 | guard->head[2 + i];
    return value;
}

/* The first two bytes are there. */
static void check_start(cw_guard *guard)
{
    uint8_t first = guard->head[0], second = guard->head[1];

    if (!(second & MASK))
        fault(guard, CW_CLOSE_PROTOCOL, "frame without mask");
    else if (first & RESERVED)
        fault(guard, CW_CLOSE_PROTOCOL, "reserved bits");
    else if ((first & OP_CONTROL) && (!(first & FIN) || (second & LENGTH) > CONTROL_MAX))
        fault(guard, CW_CLOSE_PROTOCOL, "control frame too long or in fragments");
}

/* The whole header is there. */
static void check_head(cw_guard *guard)
{
    guard->payload = announced(guard);
    if (++guard->count > guard->frames_max) {
        fault(guard, CW_CLOSE_PROTOCOL, "too many frames for one message");
        return;
    }
    if (guard->head[0] & OP_CONTROL)
        return;
    if (guard->head[0] & OPCODE) /* a message begins */
        guard->message = 0;
    /* Neither sum can wrap: message is at most message_max here. */
    if (guard->payload > guard->message_max || guard->message + guard->payload > guard->message_max)
        fault(guard, CW_CLOSE_TOO_BIG, "message too large");
    guard->message += guard->payload;
}

static void end_frame(cw_guard *guard)
{
    bool control = guard->head[0] & OP_CONTROL;

    guard->have = 0;
    if (control || !(guard->head[0] & FIN))
        return;
    guard->message = 0;
    guard->count = 0;
}

/* One byte of a header. */
static void take_head(cw_guard *guard, uint8_t byte)
{
    guard->head[guard->have++] = byte;
    if (guard->have == 2)
        check_start(guard);
    if (guard->code || guard->have < head_len(guard))
        return;
    check_head(guard);
    if (!guard->code && guard->payload == 0)
        end_frame(guard);
}

static size_t take_payload(cw_guard *guard, size_t len)
{
    size_t n = guard->payload < len ? (size_t)guard->payload : len;

    guard->payload -= n;
    if (guard->payload == 0)
        end_frame(guard);
    return n;
}

size_t cw_guard_pass(cw_guard *guard, const uint8_t *data, size_t len)
{
    size_t at = 0;

    if (!guard->frames) {
        for (size_t i = len > 4 ? len - 4 : 0; i < len; i++)
            guard->tail = guard->tail << 8 | data[i];
        return len;
    }
    while (at < len && !guard->code) {
        if (guard->payload > 0)
            at += take_payload(guard, len - at);
        else
            take_head(guard, data[at++]);
    }
    return guard->code ? 0 : at;
}
