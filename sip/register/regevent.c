/* regevent.c - the subscription to a registration's own state (RFC 3680, 3GPP TS 24.229 5.1.1.3):
 * how the network says that it ends one, or wants it anew. */
#include "sip/register/ims.h"

#include "base/log.h"
#include "sip/event.h"
#include "sip/register/reginfo.h"

#include <string.h>

#define SUBSCRIBE_S 600000 /* TS 24.229 5.1.1.3; what the network grants counts */

static const struct {
    cw_reginfo_what what;
    cw_sip_reg_event event;
    const char *name;
} news[] = {
    { CW_REGINFO_REJECTED, REG_EV_EXPELLED, "rejected" },
    { CW_REGINFO_RENEW, REG_EV_RENEW, "deactivated" },
    { CW_REGINFO_PROBATION, REG_EV_PROBATION, "probation" },
    { CW_REGINFO_SHORTENED, REG_EV_TIMER, "shortened" },
};

static void take(cw_sip_reg *reg, const cw_reginfo *info) CW_ON_LOOP
{
    for (unsigned i = 0; i < G_N_ELEMENTS(news); i++) {
        if (news[i].what != info->what)
            continue;
        cw_log(CW_LOG_INFO, CW_MOD_SIP, "registration.network", "identity", reg->aor, "event",
               news[i].name, NULL);
        reg->retry_after_s = info->wait_s;
        cw_sip_reg_run(reg, news[i].event);
        return;
    }
}

static void on_notified(void *arg, cw_sip_sub *sub, const cw_sip_notice *notice)
{
    cw_sip_reg *reg = arg;
    cw_reginfo info;

    cw_assert_on_loop();
    if (!notice->body || !notice->type ||
        g_ascii_strncasecmp(notice->type, "application/reginfo+xml", 23) != 0)
        return;
    if (cw_reginfo_parse(notice->body, notice->len, reg->aor, reg->token, &info)) {
        cw_log(CW_LOG_WARN, CW_MOD_SIP, "registration.bad-reginfo", "identity", reg->aor, NULL);
        cw_stat_inc(CW_STAT_sip_refused);
        return;
    }
    take(reg, &info);
}

/* Subscribed again with the next refresh of the registration. */
static void on_ended(void *arg, cw_sip_sub *sub, const cw_sip_end *end)
{
    cw_sip_reg *reg = arg;

    cw_assert_on_loop();
    reg->watch = NULL;
    cw_sip_sub_free(sub);
}

static const cw_sip_sub_ops ops = { .notified = on_notified, .ended = on_ended };

void cw_sip_reg_watch(cw_sip_reg *reg)
{
    cw_sip_target target = { .ruri = reg->aor };
    const cw_sip_sub_conf conf = { .target = &target,
                                   .event = "reg",
                                   .accept = "application/reginfo+xml",
                                   .expires_s = SUBSCRIBE_S };

    if (reg->watch || !reg->registrar->ims)
        return;
    cw_sip_reg_target(reg, &target);
    if (cw_sip_sub_new(reg->registrar->sip, &conf, &ops, reg, &reg->watch))
        reg->watch = NULL;
}

void cw_sip_reg_unwatch(cw_sip_reg *reg)
{
    cw_sip_sub_free(g_steal_pointer(&reg->watch));
}
