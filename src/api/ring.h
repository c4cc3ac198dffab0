/* ring.h - the notifications a client may not have seen yet, numbered and in order. Pure. */
#ifndef CW_API_RING_H
#define CW_API_RING_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct cw_ring_entry {
    int64_t seq;
    size_t len;
    char text[]; /* the whole message, and a NUL */
} cw_ring_entry;

typedef struct cw_ring {
    GQueue entries; /* of cw_ring_entry, oldest first */
    size_t bytes;
    int64_t gone; /* the highest seq that is no longer there; 0: none */
} cw_ring;

void cw_ring_init(cw_ring *ring);
void cw_ring_clear(cw_ring *ring);

/* `seq` is one more than that of the last. */
void cw_ring_push(cw_ring *ring, int64_t seq, const char *text, size_t len);
/* The client has all up to `seq`. */
void cw_ring_ack(cw_ring *ring, int64_t seq);
/* Leave out the oldest until it fits; the newest stays in any case. */
void cw_ring_bound(cw_ring *ring, unsigned messages_max, size_t bytes_max);

/* True if every one after `seq` is still there. */
bool cw_ring_reaches(const cw_ring *ring, int64_t seq);
/* The first one after `seq`, and those behind it by ->next; NULL: none. */
const GList *cw_ring_after(const cw_ring *ring, int64_t seq);

#endif
