/* ring.h - records from one thread to another, bounded, without a lock.
 *
 * One thread puts, one takes; each any thread, always the same.
 */
#ifndef CW_MEDIA_RING_H
#define CW_MEDIA_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct cw_ring {
    uint8_t *data;
    uint32_t size;                   /* bytes, a power of two */
    alignas(64) _Atomic uint32_t in; /* bytes ever put, modulo 2^32 */
    alignas(64) _Atomic uint32_t out;
} cw_ring;

static inline void cw_ring_write(cw_ring *ring, uint32_t at, const void *from, size_t n)
{
    size_t offset = at & (ring->size - 1), first = ring->size - offset;

    if (first > n)
        first = n;
    memcpy(ring->data + offset, from, first);
    memcpy(ring->data, (const uint8_t *)from + first, n - first);
}

static inline void cw_ring_read(const cw_ring *ring, uint32_t at, void *to, size_t n)
{
    size_t offset = at & (ring->size - 1), first = ring->size - offset;

    if (first > n)
        first = n;
    memcpy(to, ring->data + offset, first);
    memcpy((uint8_t *)to + first, ring->data, n - first);
}

/* A record of two parts. False: no room. */
static inline bool cw_ring_put(cw_ring *ring, const void *head, size_t head_len, const void *body,
                               uint16_t body_len)
{
    uint32_t in = atomic_load_explicit(&ring->in, memory_order_relaxed);
    uint32_t used = in - atomic_load_explicit(&ring->out, memory_order_acquire);
    size_t all = sizeof body_len + head_len + body_len;

    if (all > ring->size - used)
        return false;
    cw_ring_write(ring, in, &body_len, sizeof body_len);
    cw_ring_write(ring, in + (uint32_t)sizeof body_len, head, head_len);
    cw_ring_write(ring, in + (uint32_t)(sizeof body_len + head_len), body, body_len);
    atomic_store_explicit(&ring->in, in + (uint32_t)all, memory_order_release);
    return true;
}

/* The next record; `body` has room for all that is ever put. False: none. */
static inline bool cw_ring_take(cw_ring *ring, void *head, size_t head_len, void *body,
                                uint16_t *body_len)
{
    uint32_t out = atomic_load_explicit(&ring->out, memory_order_relaxed);

    if (out == atomic_load_explicit(&ring->in, memory_order_acquire))
        return false;
    cw_ring_read(ring, out, body_len, sizeof *body_len);
    cw_ring_read(ring, out + (uint32_t)sizeof *body_len, head, head_len);
    cw_ring_read(ring, out + (uint32_t)(sizeof *body_len + head_len), body, *body_len);
    out += (uint32_t)(sizeof *body_len + head_len + *body_len);
    atomic_store_explicit(&ring->out, out, memory_order_release);
    return true;
}

static inline bool cw_ring_empty(const cw_ring *ring)
{
    return atomic_load_explicit(&ring->out, memory_order_relaxed) ==
           atomic_load_explicit(&ring->in, memory_order_acquire);
}

#endif
