/* push_priv.h - registrations (push.c) and calls that wait (wake.c). */
#ifndef CW_CALL_PUSH_PRIV_H
#define CW_CALL_PUSH_PRIV_H

#include "call/push/push.h"

#include "fetch/fetch.h"

struct cw_push {
    cw_calls *calls;
    const struct cw_conf_push *conf;
    GHashTable *by_user;       /* name to GQueue of json_t, the oldest registration first */
    GHashTable *waiting;       /* name to GQueue of struct cw_wake, borrowed */
    unsigned registered, held; /* of all users */
    cw_fetch_rules rules;
    cw_fetch *hook;    /* NULL: none is configured */
    GHashTable *asked; /* set of what its answers are about, owned */
};

void cw_push_asked_free(gpointer asked) CW_ON_LOOP;                         /* wake.c */
const GQueue *cw_push_of(const cw_push *push, const char *user) CW_ON_LOOP; /* NULL: none */
/* The push service says that these are no more. */
void cw_push_forget(cw_push *push, const char *user, const json_t *endpoints) CW_ON_LOOP;

#endif
