/* nack.h - which packets of a stream of pictures are missing, and when to ask for them again
 * (RFC 4585 6.2.1). Pure, any thread, bounded.
 */
#ifndef CW_MEDIA_NACK_H
#define CW_MEDIA_NACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_NACK_MISSING 128     /* numbers; a larger gap is not worth repairing */
#define CW_NACK_TRIES   8       /* for each */
#define CW_NACK_AGE_US  1000000 /* a picture this old is of no use any more */

typedef struct cw_nack_gap {
    uint16_t seq;
    uint8_t tries;
    uint64_t since_us, asked_us;
} cw_nack_gap;

typedef struct cw_nack {
    bool begun;
    bool given_up; /* for the reader to clear: something will stay missing */
    uint16_t newest;
    unsigned n;
    cw_nack_gap gap[CW_NACK_MISSING]; /* rising */
} cw_nack;

/* A packet came; of a new stream: after cw_nack_reset(). True: it was missing. */
bool cw_nack_got(cw_nack *nack, uint16_t seq, uint64_t now_us);
void cw_nack_reset(cw_nack *nack);
/* The numbers to ask for now, in rising order, at most `cap`: each when it is first missed, then
 * once a round trip. Returns how many. */
size_t cw_nack_ask(cw_nack *nack, uint64_t now_us, uint64_t rtt_us, uint16_t *ret, size_t cap);

#endif
