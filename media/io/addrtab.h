/* addrtab.h - remote address to object: open addressing under a secret key, so that no choice of
 * source addresses makes a lookup slow. Not locked; nothing is allocated but by cw_addrtab_put().
 */
#ifndef CW_MEDIA_ADDRTAB_H
#define CW_MEDIA_ADDRTAB_H

#include "base/addr.h"

typedef struct cw_addrtab_row {
    uint64_t hash; /* of the address under the key */
    void *value;   /* NULL: free */
} cw_addrtab_row;

typedef struct cw_addrtab {
    cw_addrtab_row *row; /* a power of two, at most half full */
    size_t mask, n;
    uint64_t key[2];
} cw_addrtab;

void cw_addrtab_init(cw_addrtab *tab);
void cw_addrtab_clear(cw_addrtab *tab);

/* 64 bits of SipHash under a secret key stand for the address: whoever looks one up compares the
 * address itself too. */
void *cw_addrtab_get(const cw_addrtab *tab, const cw_addr *addr);
void cw_addrtab_put(cw_addrtab *tab, const cw_addr *addr, void *value);          /* replaces */
void cw_addrtab_remove(cw_addrtab *tab, const cw_addr *addr, const void *value); /* if it is that */

#endif
