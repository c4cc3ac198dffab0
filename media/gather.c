/* A wake-up costs more than a packet, so at high rates the worker sleeps a little after a batch and
 * finds several packets. At low rates the sleep would be a wake-up more, and none is made. */
#include "media/worker.h"

#define WINDOW_US 10000 /* over which the rate is measured */
#define PACKETS   32    /* more in one batch gain nothing */
#define PAYS      3 / 2 /* packets expected in a sleep that pays */

void cw_gather_init(cw_gather *gather, unsigned max_us)
{
    *gather = (cw_gather){ .max_us = max_us };
}

unsigned cw_gather_next(cw_gather *gather, unsigned packets, uint64_t now_us)
{
    uint64_t took_us = now_us - gather->since_us;

    gather->packets += packets;
    if (took_us >= WINDOW_US) {
        uint64_t apart_us = gather->packets ? took_us / gather->packets : took_us;

        if (apart_us * PAYS > gather->max_us)
            gather->wait_us = 0;
        else
            gather->wait_us = (unsigned)MIN(gather->max_us, MAX(apart_us, 1) * PACKETS);
        gather->packets = 0;
        gather->since_us = now_us;
    }
    return packets > 0 && packets < PACKETS ? gather->wait_us : 0;
}
