/* fake-call.h - src/call/call.h without calls behind it: what src/api is tested with. */
#ifndef CW_TESTS_FAKE_CALL_H
#define CW_TESTS_FAKE_CALL_H

#include "call/call.h"

/* What the fake was asked for last: "start c1 echo", "dtmf c1 12 100", … */
extern char fake_call_last[512];

extern unsigned fake_call_clients; /* alive */

/* If set, what the next request returns. */
extern cw_err fake_call_answer;

/* Calls named "n…" send call.progress before cw_client_start() returns. */
void fake_call_notify(const char *method, json_t *params); /* to the client made last */

#endif
