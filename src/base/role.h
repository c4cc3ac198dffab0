/* role.h - which thread may run what, written where clang's thread-safety analysis can check it.
 *
 * loop   the one thread of all signalling
 * media  a worker; each owns the calls pinned to it
 * dtls   the thread of the DTLS handshakes
 * ice    a thread of libnice's agents, when ICE is full
 * codec  a thread that transcodes; each owns the directions given to it
 *
 * `./check lint` builds with clang and -Wthread-safety. A callback that a library enters begins
 * with cw_assert_on_loop(), which tells the analysis where it is and proves it in debug builds.
 */
#ifndef CW_BASE_ROLE_H
#define CW_BASE_ROLE_H

#if defined(__clang__)
#define CW_TSA(x) __attribute__((x))
#else
#define CW_TSA(x)
#endif

typedef struct CW_TSA(capability("role")) cw_role {
    int unused;
} cw_role;

extern cw_role cw_role_loop, cw_role_media, cw_role_dtls, cw_role_ice, cw_role_codec;

#define CW_ON_LOOP  CW_TSA(requires_capability(cw_role_loop))
#define CW_ON_MEDIA CW_TSA(requires_capability(cw_role_media))
#define CW_ON_DTLS  CW_TSA(requires_capability(cw_role_dtls))
#define CW_ON_ICE   CW_TSA(requires_capability(cw_role_ice))
#define CW_ON_CODEC CW_TSA(requires_capability(cw_role_codec))
#define CW_OF_LOOP  CW_TSA(guarded_by(cw_role_loop))
#define CW_OF_MEDIA CW_TSA(guarded_by(cw_role_media))
#define CW_OF_DTLS  CW_TSA(guarded_by(cw_role_dtls))
#define CW_OF_ICE   CW_TSA(guarded_by(cw_role_ice))
#define CW_OF_CODEC CW_TSA(guarded_by(cw_role_codec))

/* Give the calling thread a role, once, at its start. A thread may hold several (tests do). */
void cw_role_take(cw_role *role);
void cw_role_drop(cw_role *role);

void cw_assert_on_loop(void) CW_TSA(assert_capability(cw_role_loop));
void cw_assert_on_media(void) CW_TSA(assert_capability(cw_role_media));
void cw_assert_on_dtls(void) CW_TSA(assert_capability(cw_role_dtls));
void cw_assert_on_ice(void) CW_TSA(assert_capability(cw_role_ice));
void cw_assert_on_codec(void) CW_TSA(assert_capability(cw_role_codec));

#endif
