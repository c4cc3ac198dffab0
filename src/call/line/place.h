/* place.h - a `registrar` record at work: whose accounts it has, how they are registered, who of it
 * may call. Loop thread. Home of src/call only. */
#ifndef CW_CALL_PLACE_H
#define CW_CALL_PLACE_H

#include "base/conf.h"
#include "call/line/account.h"
#include "sip/register.h"
#include "user/user.h"

typedef struct cw_place {
    const struct cw_conf_registrar *conf;
    const struct cw_conf_trunk *manner; /* whose options hold for its calls; NULL: those of `sip` */
    GHashTable *accounts;               /* user to cw_account; NULL: none */
    cw_sip_registrar *where;            /* NULL: no stack yet */
    GArray *core;                       /* of cw_net: who may call besides the registrar */
    GArray *lent;                       /* of bool: which of the pool are; NULL: there is no pool */
} cw_place;

/* Record `i` of the configuration cannot work. CW_E_CONF; reads its file of accounts. Pure
 * otherwise. */
CW_NODISCARD cw_err cw_place_check(const cw_conf *conf, size_t i, char why[static 128]);

void cw_place_init(cw_place *place, const cw_conf *conf, size_t i) CW_ON_LOOP;
void cw_place_clear(cw_place *place) CW_ON_LOOP; /* before the stack */
void cw_place_use(cw_place *place, cw_sip *sip) CW_ON_LOOP;

bool cw_place_has(const cw_place *place,
                  const char *user) CW_ON_LOOP; /* an account, or its template */
bool cw_place_may_call(const cw_place *place, const cw_addr *source) CW_ON_LOOP;
bool cw_place_is_ims(const cw_place *place) CW_ON_LOOP;
/* Its domain, or one of its hosts, is in this URI. */
bool cw_place_takes(const cw_place *place, const char *ruri) CW_ON_LOOP;

/* One of the pool, from 1; 0: it has none. CW_E_OVERLOAD: all are lent. */
CW_NODISCARD cw_err cw_place_lend(cw_place *place, unsigned *ret) CW_ON_LOOP;
void cw_place_return(cw_place *place, unsigned number) CW_ON_LOOP; /* 0 is fine */

/* Register the user, by the account or by the template with `number` of the pool; as
 * cw_sip_reg_new. */
CW_NODISCARD cw_err cw_place_enroll(const cw_place *place, const char *user, unsigned number,
                                    const cw_sip_reg_ops *ops, void *arg,
                                    cw_sip_reg **ret) CW_ON_LOOP;

/* It lets log-in tokens claim this for `user` (its option tokens). */
bool cw_place_lets(const cw_place *place, const char *user, const cw_sip_claim *claim) CW_ON_LOOP;
/* Register the user so, as cw_place_enroll. */
CW_NODISCARD cw_err cw_place_enroll_claim(const cw_place *place, const char *user,
                                          const cw_sip_claim *claim, const cw_sip_reg_ops *ops,
                                          void *arg, cw_sip_reg **ret) CW_ON_LOOP;

#endif
