/* stats.h - the gateway's counters (stats.def). Any thread: each is one relaxed atomic. */
#ifndef CW_BASE_STATS_H
#define CW_BASE_STATS_H

#include "base/json.h"

#include <stdatomic.h>
#include <stdint.h>

typedef enum cw_stat {
#define CW_STAT(name, type, help) CW_STAT_##name,
#include "base/stats.def"
#undef CW_STAT
    CW_STAT_COUNT,
} cw_stat;

extern _Atomic int64_t cw_stats[CW_STAT_COUNT];

static inline void cw_stat_add(cw_stat stat, int64_t n)
{
    atomic_fetch_add_explicit(&cw_stats[stat], n, memory_order_relaxed);
}

static inline int64_t cw_stat_get(cw_stat stat)
{
    return atomic_load_explicit(&cw_stats[stat], memory_order_relaxed);
}

#define cw_stat_inc(stat) cw_stat_add((stat), 1)
#define cw_stat_dec(stat) cw_stat_add((stat), -1)

const char *cw_stat_name(cw_stat stat); /* "sip_requests_in" */
const char *cw_stat_help(cw_stat stat);
json_t *cw_stats_json(void); /* {name: value, …} */

#endif
