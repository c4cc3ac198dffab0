/* bucket.h - a token bucket: so many a second, so many at once. Pure. */
#ifndef CW_API_BUCKET_H
#define CW_API_BUCKET_H

#include <stdint.h>

typedef struct cw_bucket {
    int64_t level_m;  /* what may be taken now, in thousandths */
    uint64_t last_ms; /* when level_m was right */
} cw_bucket;

void cw_bucket_init(cw_bucket *bucket, long burst, uint64_t now_ms);

/* Take one. 0: taken; else nothing is taken and the milliseconds until one can be. */
unsigned cw_bucket_take(cw_bucket *bucket, long per_s, long burst, uint64_t now_ms);

#endif
