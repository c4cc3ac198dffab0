#include "api/bucket.h"

#include <glib.h>

enum { ONE = 1000 };

void cw_bucket_init(cw_bucket *bucket, long burst, uint64_t now_ms)
{
    bucket->level_m = (int64_t)burst * ONE;
    bucket->last_ms = now_ms;
}

unsigned cw_bucket_take(cw_bucket *bucket, long per_s, long burst, uint64_t now_ms)
{
    int64_t full = (int64_t)burst * ONE;
    /* per_s a second is per_s thousandths a millisecond. A day fills any bucket. */
    int64_t passed = (int64_t)MIN(now_ms - bucket->last_ms, UINT64_C(86400000));

    bucket->level_m = MIN(full, bucket->level_m + passed * per_s);
    bucket->last_ms = now_ms;
    if (bucket->level_m >= ONE) {
        bucket->level_m -= ONE;
        return 0;
    }
    return (unsigned)((ONE - bucket->level_m + per_s - 1) / per_s);
}
