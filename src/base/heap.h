/* heap.h - after a burst, memory goes back to the system: libc would keep it for the next. Loop
 * thread. */
#ifndef CW_BASE_HEAP_H
#define CW_BASE_HEAP_H

#include "base/loop.h"

#define CW_HEAP_LOOK_MS 10000
#define CW_HEAP_FALL    (UINT64_C(16) << 20) /* bytes less in use than at the peak: worth a trim */

typedef struct cw_heap cw_heap;

cw_heap *cw_heap_new(cw_loop *loop) CW_ON_LOOP;
void cw_heap_free(cw_heap *heap) CW_ON_LOOP; /* NULL is fine */

/* What a look at `used` bytes means, the most since the last trim being *peak: true: trim. Pure. */
bool cw_heap_fell(uint64_t *peak, uint64_t used);

#endif
