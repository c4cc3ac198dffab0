/* loop.h - the one signalling thread.
 *
 * Sofia's epoll root is the master; a libuv loop is embedded in it (its backend descriptor is one
 * wait of the root) and carries libwebsockets, timers and the admin socket. Everything here but
 * cw_loop_post() belongs to the loop thread. All times are monotonic.
 */
#ifndef CW_BASE_LOOP_H
#define CW_BASE_LOOP_H

#include "base/err.h"
#include "base/role.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct cw_loop cw_loop;
typedef struct cw_timer cw_timer;
typedef struct cw_watch cw_watch;
struct su_root_s;
struct uv_loop_s;

/* Make the loop. Any thread, which takes the loop role. CW_E_IO when the kernel refuses. */
CW_NODISCARD cw_err cw_loop_new(cw_loop **ret);

/* Destroys it; nothing may still use it. NULL is fine. */
void cw_loop_free(cw_loop *loop) CW_ON_LOOP;

void cw_loop_run(cw_loop *loop) CW_ON_LOOP;                   /* returns after cw_loop_quit */
void cw_loop_quit(cw_loop *loop) CW_ON_LOOP;                  /* from a callback */
void cw_loop_step(cw_loop *loop, unsigned max_ms) CW_ON_LOOP; /* tests: one round */

struct su_root_s *cw_loop_su(cw_loop *loop) CW_ON_LOOP; /* for sip */
struct uv_loop_s *cw_loop_uv(cw_loop *loop) CW_ON_LOOP; /* for libwebsockets, hiredis, c-ares */

/* Run fn(arg) on the loop, in order of posting. Any thread. When the loop is freed first, what is
 * still queued is run by cw_loop_free(), so that arg is never lost. */
void cw_loop_post(cw_loop *loop, void (*fn)(void *arg), void *arg);

/* What callbacks ask for once a round: `fn` runs after them, before descriptors are looked at
 * again; at once while the loop does not run. */
typedef struct cw_flush cw_flush;
cw_flush *cw_flush_new(cw_loop *loop, void (*fn)(void *arg), void *arg) CW_ON_LOOP;
void cw_flush_want(cw_flush *flush) CW_ON_LOOP;
void cw_flush_free(cw_flush *flush) CW_ON_LOOP; /* wanted or not; NULL is fine */

/* A one-shot timer. Freeing or stopping one that has not run keeps it from running. */
cw_timer *cw_timer_new(cw_loop *loop, void (*fn)(void *arg), void *arg) CW_ON_LOOP;
void cw_timer_start(cw_timer *timer, uint64_t in_ms) CW_ON_LOOP; /* re-arms a running one */
void cw_timer_stop(cw_timer *timer) CW_ON_LOOP;
bool cw_timer_active(const cw_timer *timer) CW_ON_LOOP;
void cw_timer_free(cw_timer *timer) CW_ON_LOOP; /* NULL is fine; allowed inside its own fn */

/* Watch a descriptor the caller owns. `events` is CW_READABLE | CW_WRITABLE. */
enum { CW_READABLE = 1, CW_WRITABLE = 2 };
cw_watch *cw_watch_new(cw_loop *loop, int fd, void (*fn)(void *arg, unsigned events),
                       void *arg) CW_ON_LOOP;
void cw_watch_set(cw_watch *watch, unsigned events) CW_ON_LOOP;
void cw_watch_free(cw_watch *watch) CW_ON_LOOP; /* before the descriptor is closed */

/* Counts of what lives on the loop, for leak checks and `causewayctl status`. */
unsigned cw_loop_timers(const cw_loop *loop) CW_ON_LOOP; /* armed now */

/* CLOCK_MONOTONIC. Any thread. */
uint64_t cw_now_ms(void);
/* Any thread. */
uint64_t cw_now_us(void);

#endif
