/* register_send.c - REGISTER and what is answered to it (RFC 3261 10.2, 10.3, 22). */
#include "sip/register/ims.h"

#include "base/log.h"
#include "sip/net/stream.h"
#include "sip/text/uri.h"
#include "sip/transaction/send.h"

#include <string.h>

#define ANSWERS_MAX     2 /* challenges answered in one attempt: a registrar may ask twice */
#define STALE_MAX       4 /* the same, when it says that our nonce is too old */
#define LONGER_MAX      2 /* 423s obeyed in one attempt */
#define EXPIRES_MAX     (7u * 86400)
#define RETRY_AFTER_MAX 86400u

/* --- out --- */

static char *contact_of(const cw_sip_reg *reg)
{
    const cw_sip_registrar *r = reg->registrar;
    g_autofree char *instance = cw_sip_reg_instance(reg);

    g_autofree char *tags = r->ims ? cw_sip_ims_contact(r->ims) : g_strdup("");

    return g_strdup_printf("<sip:%s@%s%s>;+sip.instance=\"<%s>\"%s%s", reg->token, r->contact,
                           cw_sip_registrar_param(r), instance,
                           r->outbound && !reg->no_regid ? ";reg-id=1" : "", tags);
}

/* True: there are some. */
static bool add_credentials(cw_sip_reg *reg, msg_t *msg, const char *ruri) CW_ON_LOOP
{
    bool any = false;

    for (unsigned proxy = 0; reg->account && proxy < 2; proxy++) {
        g_autofree char *line = cw_sip_account_answer(reg->account, proxy, "REGISTER", ruri);

        if (line)
            sip_add_tl(msg, sip_object(msg), SIPTAG_HEADER_STR(line), TAG_END());
        any = any || line;
    }
    return any;
}

static void add_ims(cw_sip_reg *reg, msg_t *msg, bool authorized) CW_ON_LOOP
{
    g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
    g_auto(GStrv) all = NULL;

    cw_sip_ims_register(reg, authorized, lines);
    all = g_strv_builder_end(lines);
    cw_sip_add_lines(msg, sip_object(msg), (const char *const *)all);
}

static msg_t *build(cw_sip_reg *reg) CW_ON_LOOP
{
    const cw_sip_registrar *r = reg->registrar;
    msg_t *msg = nta_msg_create(r->sip->agent, 0);
    g_autofree char *ruri = g_strdup_printf("sip:%s", r->domain);
    g_autofree char *to = g_strdup_printf("<%s>", reg->aor);
    g_autofree char *from = g_strdup_printf("<%s>;tag=%s", reg->aor, reg->call_id);
    g_autofree char *contact = contact_of(reg);
    g_autofree char *cseq = g_strdup_printf("%u REGISTER", ++reg->cseq);
    g_autofree char *supported =
        g_strconcat("path", r->gruu ? ", gruu" : "", r->outbound ? ", outbound" : "", NULL);
    g_autofree char *expires = g_strdup_printf("%u", reg->asked_s);
    bool authorized;
    sip_request_t *request =
        sip_request_create(msg_home(msg), SIP_METHOD_REGISTER, (url_string_t const *)ruri, NULL);

    if (!request || sip_add_tl(msg, sip_object(msg), SIPTAG_REQUEST(request), SIPTAG_FROM_STR(from),
                               SIPTAG_TO_STR(to), SIPTAG_CALL_ID_STR(reg->call_id),
                               SIPTAG_CSEQ_STR(cseq), SIPTAG_MAX_FORWARDS_STR("70"),
                               SIPTAG_CONTACT_STR(contact), SIPTAG_EXPIRES_STR(expires),
                               SIPTAG_SUPPORTED_STR(supported), SIPTAG_ALLOW_STR(CW_SIP_ALLOW),
                               SIPTAG_USER_AGENT_STR(r->sip->user_agent), TAG_END()) < 0) {
        msg_destroy(msg);
        return NULL;
    }
    authorized = add_credentials(reg, msg, ruri);
    if (r->ims)
        add_ims(reg, msg, authorized);
    return msg;
}

/* --- in --- */

/* Only the registrar may ask for our digest (RFC 3261 22.1): not whoever answers in its place. */
static bool is_from_hop(const cw_sip_reg *reg, nta_outgoing_t *orq) CW_ON_LOOP
{
    msg_t *msg = nta_outgoing_getresponse(orq);
    cw_addr source = { 0 };
    bool ok = msg && cw_sip_source_of(msg, &source) && cw_sip_registrar_is(reg->registrar, &source);

    msg_destroy(msg);
    return ok;
}

static cw_sip_reg_event on_challenge(cw_sip_reg *reg, nta_outgoing_t *orq,
                                     const sip_t *sip) CW_ON_LOOP
{
    bool proxy = reg->status == 407, stale = false;

    reg->err = CW_E_AUTH;
    if (!reg->account || reg->answered >= STALE_MAX || !is_from_hop(reg, orq) ||
        cw_sip_take_challenge(reg->account, sip, proxy, &stale) ||
        (reg->answered >= ANSWERS_MAX && !stale))
        return REG_EV_REFUSED;
    reg->answered++;
    return REG_EV_AGAIN;
}

static cw_sip_reg_event on_too_brief(cw_sip_reg *reg, const sip_t *sip) CW_ON_LOOP
{
    unsigned long least = sip->sip_min_expires ? sip->sip_min_expires->me_delta : 0;

    if (reg->asked_s == 0 || least <= reg->asked_s || least > EXPIRES_MAX ||
        reg->longer >= LONGER_MAX)
        return REG_EV_REFUSED;
    reg->longer++;
    reg->asked_s = (unsigned)least;
    return REG_EV_AGAIN;
}

static cw_sip_reg_event on_no_outbound(cw_sip_reg *reg)
{
    if (reg->no_regid || !reg->registrar->outbound)
        return REG_EV_REFUSED;
    reg->no_regid = true;
    return REG_EV_AGAIN;
}

/* Another address of the registrar is tried at once (RFC 3263 4.3). */
static cw_sip_reg_event on_failure(cw_sip_reg *reg) CW_ON_LOOP
{
    cw_sip_registrar *r = reg->registrar;

    if (reg->retry_after_s || reg->moves + 1u >= r->addr_n || !cw_sip_registrar_next(r, reg->at))
        return REG_EV_FAILED;
    reg->moves++;
    return REG_EV_AGAIN;
}

/* Will the same request do better later? */
static bool is_passing(int status)
{
    return status == 408 || status == 429 || status == 480 || status == 486 || status == 491 ||
           (status >= 500 && status < 600 && status != 501 && status != 505 && status != 513);
}

static char *own_uri(const cw_sip_reg *reg)
{
    const cw_sip_registrar *r = reg->registrar;

    return g_strdup_printf("sip:%s@%s%s", reg->token, r->contact, cw_sip_registrar_param(r));
}

static cw_sip_reg_event on_success(cw_sip_reg *reg, const sip_t *sip) CW_ON_LOOP
{
    g_autofree char *own = own_uri(reg), *instance = cw_sip_reg_instance(reg);
    g_autofree char *before = g_strdup(reg->binding.associated ? reg->binding.associated[0] : NULL);
    unsigned granted = reg->binding.expires_s;

    if (reg->asked_s == 0)
        return REG_EV_ACCEPTED;
    reg->err = cw_sip_binding_take(&reg->binding, sip, own, instance, reg->asked_s);
    if (reg->err)
        return REG_EV_FAILED;
    reg->news = granted != reg->binding.expires_s ||
                g_strcmp0(before, reg->binding.associated ? reg->binding.associated[0] : NULL) != 0;
    cw_sip_reg_take_identity(reg);
    cw_sip_reg_take_route(reg);
    return REG_EV_ACCEPTED;
}

static unsigned retry_after(const sip_t *sip)
{
    return sip->sip_retry_after ? (unsigned)MIN(sip->sip_retry_after->af_delta, RETRY_AFTER_MAX)
                                : 0;
}

static cw_sip_reg_event judge(cw_sip_reg *reg, nta_outgoing_t *orq, const sip_t *sip) CW_ON_LOOP
{
    int status = reg->status;

    if (status < 300)
        return on_success(reg, sip);
    if (status == 401 || status == 407)
        return on_challenge(reg, orq, sip);
    reg->err = status < 400 ? CW_E_SIP_FAILED : cw_err_from_sip(status);
    if (status == 423)
        return on_too_brief(reg, sip);
    if (status == 439)
        return on_no_outbound(reg);
    if (!is_passing(status))
        return REG_EV_REFUSED;
    reg->retry_after_s = retry_after(sip);
    return status == 503 ? on_failure(reg) : REG_EV_FAILED;
}

static int on_response(cw_sip_send *magic, nta_outgoing_t *orq, sip_t const *sip)
{
    cw_sip_reg *reg = (cw_sip_reg *)(void *)magic; /* as it was given to NTA below */
    int status = nta_outgoing_status(orq);
    cw_sip_reg_event event;

    cw_assert_on_loop();
    if (status < 200 || orq != reg->orq)
        return 0;
    reg->err = CW_OK;
    reg->retry_after_s = 0;
    if (!sip || nta_sip_is_internal(sip)) { /* NTA's own 408 or 503: nobody answered */
        reg->status = 0;
        reg->err = status == 408 ? CW_E_TIMEOUT : CW_E_NETWORK;
        event = on_failure(reg);
    } else {
        reg->status = status;
        event = judge(reg, orq, sip);
    }
    reg->orq = NULL;
    cw_sip_reg_run(reg, event); /* may free it */
    nta_outgoing_destroy(orq);
    return 0;
}

/* --- sending --- */

/* Told by the timer, not from here. */
static void fail(cw_sip_reg *reg, cw_err err) CW_ON_LOOP
{
    reg->err = err;
    reg->status = 0;
    cw_timer_start(reg->timer, 0);
}

static cw_err reach(const cw_sip_registrar *r, tport_t **tp) CW_ON_LOOP
{
    const char *name = r->proxy ?: r->domain;
    cw_sip_way way = { .transport = r->transport, .addr = r->addr[r->at] };
    cw_sip_host host;
    cw_err err = cw_sip_host_parse(name, strlen(name), &host);

    if (!err && r->transport == CW_SIP_TLS)
        way.name = host.name;
    return err ? err : cw_sip_stream_reach(r->sip, &way, NULL, NULL, tp);
}

void cw_sip_reg_transmit(cw_sip_reg *reg)
{
    cw_sip_registrar *r = reg->registrar;
    tport_t *tp;
    msg_t *msg;

    reg->retry_after_s = 0;
    if (!cw_sip_registrar_ready(r, reg)) {
        if (!reg->waits)
            fail(reg, CW_E_NETWORK);
        return;
    }
    msg = build(reg);
    if (!msg) {
        fail(reg, CW_E_PARAMS);
        return;
    }
    reg->at = (uint8_t)r->at;
    if (reach(r, &tp) == CW_OK)
        reg->orq = nta_outgoing_mcreate(r->sip->agent, on_response, (cw_sip_send *)(void *)reg,
                                        (url_string_t *)r->url, msg, TPTAG_IDENT(r->ident),
                                        TAG_IF(tp, NTATAG_TPORT(tp)), TAG_END());
    if (!reg->orq) {
        msg_destroy(msg);
        fail(reg, CW_E_NETWORK);
        return;
    }
    reg->requests++;
    cw_stat_inc(CW_STAT_sip_requests_out);
    cw_stat_inc(CW_STAT_registers_out);
}
