#include "api/ring.h"

#include <string.h>

void cw_ring_init(cw_ring *ring)
{
    memset(ring, 0, sizeof *ring);
    g_queue_init(&ring->entries);
}

void cw_ring_clear(cw_ring *ring)
{
    g_queue_clear_full(&ring->entries, g_free);
    ring->bytes = 0;
}

/* What it takes, so that many small ones count as well. */
static size_t cost(const cw_ring_entry *entry)
{
    return sizeof *entry + sizeof(GList) + entry->len;
}

void cw_ring_push(cw_ring *ring, int64_t seq, const char *text, size_t len)
{
    cw_ring_entry *entry = g_malloc(sizeof *entry + len + 1);

    entry->seq = seq;
    entry->len = len;
    memcpy(entry->text, text, len);
    entry->text[len] = '\0';
    g_queue_push_tail(&ring->entries, entry);
    ring->bytes += cost(entry);
}

static void drop_oldest(cw_ring *ring)
{
    cw_ring_entry *entry = g_queue_pop_head(&ring->entries);

    ring->gone = entry->seq;
    ring->bytes -= cost(entry);
    g_free(entry);
}

void cw_ring_ack(cw_ring *ring, int64_t seq)
{
    const cw_ring_entry *oldest;

    while ((oldest = g_queue_peek_head(&ring->entries)) && oldest->seq <= seq)
        drop_oldest(ring);
}

void cw_ring_bound(cw_ring *ring, unsigned messages_max, size_t bytes_max)
{
    while (ring->entries.length > 1 &&
           (ring->entries.length > messages_max || ring->bytes > bytes_max))
        drop_oldest(ring);
}

bool cw_ring_reaches(const cw_ring *ring, int64_t seq)
{
    return seq >= ring->gone;
}

const GList *cw_ring_after(const cw_ring *ring, int64_t seq)
{
    const GList *at = ring->entries.head;

    while (at && ((const cw_ring_entry *)at->data)->seq <= seq)
        at = at->next;
    return at;
}
