#include "base/heap.h"

#include <glib.h>
#include <malloc.h>

struct cw_heap {
    cw_timer *timer;
    uint64_t peak;
};

bool cw_heap_fell(uint64_t *peak, uint64_t used)
{
    if (used + CW_HEAP_FALL > *peak) {
        *peak = MAX(*peak, used);
        return false;
    }
    *peak = used;
    return true;
}

static void look(void *arg)
{
    cw_heap *heap = arg;

    cw_assert_on_loop();
    if (cw_heap_fell(&heap->peak, mallinfo2().uordblks))
        malloc_trim(0);
    cw_timer_start(heap->timer, CW_HEAP_LOOK_MS);
}

cw_heap *cw_heap_new(cw_loop *loop)
{
    cw_heap *heap = g_new0(cw_heap, 1);

    heap->timer = cw_timer_new(loop, look, heap);
    cw_timer_start(heap->timer, CW_HEAP_LOOK_MS);
    return heap;
}

void cw_heap_free(cw_heap *heap)
{
    if (!heap)
        return;
    cw_timer_free(heap->timer);
    g_free(heap);
}
