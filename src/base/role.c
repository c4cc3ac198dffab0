#include "base/role.h"

#include <glib.h>

cw_role cw_role_loop, cw_role_media, cw_role_dtls, cw_role_ice, cw_role_codec;

enum { ON_LOOP = 1, ON_MEDIA = 2, ON_DTLS = 4, ON_ICE = 8, ON_CODEC = 16 };

static __thread unsigned held;

static unsigned bit_of(const cw_role *role)
{
    return role == &cw_role_loop    ? ON_LOOP
           : role == &cw_role_media ? ON_MEDIA
           : role == &cw_role_dtls  ? ON_DTLS
           : role == &cw_role_ice   ? ON_ICE
                                    : ON_CODEC;
}

void cw_role_take(cw_role *role)
{
    held |= bit_of(role);
}

void cw_role_drop(cw_role *role)
{
    held &= ~bit_of(role);
}

void cw_assert_on_loop(void)
{
    g_assert(held & ON_LOOP);
}

void cw_assert_on_media(void)
{
    g_assert(held & ON_MEDIA);
}

void cw_assert_on_dtls(void)
{
    g_assert(held & ON_DTLS);
}

void cw_assert_on_ice(void)
{
    g_assert(held & ON_ICE);
}

void cw_assert_on_codec(void)
{
    g_assert(held & ON_CODEC);
}
