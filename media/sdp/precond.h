/* precond.h - preconditions of a stream (RFC 3312, RFC 4032): which resources of the network its
 * ends want before anybody is alerted, and which are there. Of type qos, by segments or end to end.
 *
 * Pure functions, any thread. A description is always as its own writer sees it: what is "local"
 * and "send" to one end is "remote" and "recv" to the other. Our own segment needs nothing: it is
 * there.
 */
#ifndef CW_MEDIA_PRECOND_H
#define CW_MEDIA_PRECOND_H

#include "media/sdp/desc.h"

typedef enum cw_precond_end {
    CW_PRECOND_LOCAL,
    CW_PRECOND_REMOTE,
    CW_PRECOND_E2E,
    CW_PRECOND_ENDS
} cw_precond_end;

/* By strength; what failed is no wish. */
typedef enum cw_precond_want {
    CW_PRECOND_NONE,
    CW_PRECOND_OPTIONAL,
    CW_PRECOND_MANDATORY,
    CW_PRECOND_FAILURE,
    CW_PRECOND_UNKNOWN
} cw_precond_want;

typedef struct cw_precond {
    uint8_t used;                     /* ends spoken of, a bit each; 0: no preconditions */
    char foreign[16];                 /* a type we do not know, of something mandatory; "": none */
    uint8_t foreign_end, foreign_dir; /* which */
    bool refused;                     /* in a 580 (RFC 3312 8): what failed, what is not known */
    uint8_t curr[CW_PRECOND_ENDS];    /* cw_dir: there */
    uint8_t want[CW_PRECOND_ENDS][2]; /* cw_precond_want: to send, to receive */
    uint8_t conf[CW_PRECOND_ENDS];    /* cw_dir: the other end shall say when it is there */
} cw_precond;

struct cw_sdp_attr;
struct _GString;
/* The a=curr, a=des and a=conf lines among `n` attributes; lines that are malformed are none. */
void cw_precond_read(const struct cw_sdp_attr *attr, unsigned n, cw_precond *ret);
void cw_precond_print(struct _GString *out, const cw_precond *precond);

/* Ours, in an offer to one that may not know any: nothing mandatory. */
void cw_precond_offer(cw_precond *ret);
/* All of `ours`, in an offer or an answer, is mandatory, and we want to hear of it. */
void cw_precond_demand(cw_precond *ours);
/* Ours, in a refusal of `theirs` with 580 (RFC 3312 8); `demand`: as cw_precond_demand. */
void cw_precond_refuse(const cw_precond *theirs, bool demand, cw_precond *ret);
/* Ours, in the answer to `theirs`. */
void cw_precond_answer(const cw_precond *theirs, cw_precond *ret);
/* `theirs` answers our offer `ours`: what they say of their end. */
void cw_precond_take(cw_precond *ours, const cw_precond *theirs);

/* All that is mandatory is there, as the writer of `precond` knows. */
bool cw_precond_met(const cw_precond *precond);
/* It can never be: another type, or it failed. */
bool cw_precond_lost(const cw_precond *precond);

#endif
