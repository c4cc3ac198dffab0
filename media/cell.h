/* cell.h - single-writer values other threads may read: counters, and an address that changes
 * rarely. A worker writes, the loop reads; on the packet path a counter is a plain add. */
#ifndef CW_MEDIA_CELL_H
#define CW_MEDIA_CELL_H

#include "base/addr.h"

#include <stdatomic.h>
#include <string.h>

/* Only the writer may add. */
#define CW_CELL_ADD(cell, n)                                                                       \
    atomic_store_explicit(&(cell), atomic_load_explicit(&(cell), memory_order_relaxed) + (n),      \
                          memory_order_relaxed)
#define CW_CELL_SET(cell, value) atomic_store_explicit(&(cell), (value), memory_order_relaxed)
#define CW_CELL_GET(cell)        atomic_load_explicit(&(cell), memory_order_relaxed)

#define CW_CELL_WORDS            ((sizeof(cw_addr) + 7) / 8)

typedef struct cw_addr_cell {
    _Atomic unsigned turn; /* odd: being written */
    _Atomic uint64_t word[CW_CELL_WORDS];
} cw_addr_cell;

static inline void cw_addr_cell_set(cw_addr_cell *cell, const cw_addr *addr)
{
    unsigned turn = atomic_load_explicit(&cell->turn, memory_order_relaxed);
    uint64_t word[CW_CELL_WORDS] = { 0 };

    memcpy(word, addr, cw_addr_len(addr));
    atomic_store_explicit(&cell->turn, turn + 1, memory_order_relaxed);
    for (size_t i = 0; i < CW_CELL_WORDS; i++)
        atomic_store_explicit(&cell->word[i], word[i], memory_order_release);
    atomic_store_explicit(&cell->turn, turn + 2, memory_order_release);
}

static inline void cw_addr_cell_get(const cw_addr_cell *cell, cw_addr *ret)
{
    uint64_t word[CW_CELL_WORDS];
    unsigned turn;

    do {
        turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        for (size_t i = 0; i < CW_CELL_WORDS; i++)
            word[i] = atomic_load_explicit(&cell->word[i], memory_order_acquire);
    } while (turn & 1 || turn != atomic_load_explicit(&cell->turn, memory_order_relaxed));
    memcpy(ret, word, sizeof *ret);
}

#endif
