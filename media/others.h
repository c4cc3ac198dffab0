/* others.h - the other far sides of an endpoint, as its worker keeps them. */
#ifndef CW_MEDIA_OTHERS_H
#define CW_MEDIA_OTHERS_H

#include "media/plane.h"

typedef struct cw_others {
    bool told; /* CW_EP_OTHER is on its way */
    unsigned n;
    cw_ep_other at[CW_EP_OTHERS_MAX];
} cw_others;

#endif
