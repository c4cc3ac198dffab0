/* REFER both ways (RFC 3515), each a subscription in the call's dialog, and whose place is taken
 * (RFC 3891). */
#include "sip/event/subscribe.h"

#include "base/log.h"

#include "base/json.h"

#include <string.h>

#define FRAG_TYPE "message/sipfrag;version=2.0" /* RFC 3515 2.4.5 */
#define REFER_S   300 /* how long the far side's reports are waited for, unless it says */

/* --- ours --- */

struct cw_sip_refer {
    cw_sip_sub *sub;
    cw_sip_refer_fn *fn; /* NULL: nobody listens, or the last was told */
    void *arg;
};

void cw_sip_refer_free(cw_sip_refer *refer)
{
    if (!refer)
        return;
    cw_sip_sub_free(refer->sub);
    g_free(refer);
}

static void tell(cw_sip_refer *refer, cw_err err, int status, const char *phrase,
                 bool last) CW_ON_LOOP
{
    cw_sip_refer_fn *fn = refer->fn;

    if (last)
        refer->fn = NULL;
    if (fn)
        fn(refer->arg, err, status, phrase, last);
    if (last)
        cw_sip_refer_free(refer);
}

static void on_report(void *arg, cw_sip_sub *sub, const cw_sip_notice *notice)
{
    cw_sip_refer *refer = arg;
    char phrase[96] = "";
    int status = 0;

    cw_assert_on_loop();
    if (notice->body && cw_sip_frag_parse(notice->body, notice->len, &status, phrase) == CW_OK)
        tell(refer, CW_OK, status, phrase, status >= 200);
    else if (notice->state == CW_SUB_TERMINATED)
        tell(refer, CW_OK, 202, cw_sip_phrase(202), true); /* it says no more */
}

static void on_report_end(void *arg, cw_sip_sub *sub, const cw_sip_end *end)
{
    cw_sip_refer *refer = arg;

    cw_assert_on_loop();
    if (end->err)
        tell(refer, end->err, end->status, end->phrase, true);
    else
        tell(refer, CW_OK, 202, cw_sip_phrase(202), true);
}

static const cw_sip_sub_ops refer_ops = { .notified = on_report, .ended = on_report_end };

static GStrv refer_headers(const cw_sip_refer_conf *conf)
{
    g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
    g_autofree char *to = cw_sip_refer_to_print(conf->to);
    g_autofree char *line = g_strdup_printf("Refer-To: %s", to);

    g_strv_builder_add(lines, line);
    if (conf->referred_by) {
        g_autofree char *by = g_strdup_printf("Referred-By: <%s>", conf->referred_by);

        g_strv_builder_add(lines, by);
    }
    if (conf->silent)
        g_strv_builder_add_many(lines, "Refer-Sub: false", "Supported: norefersub", NULL);
    return g_strv_builder_end(lines);
}

static bool is_uri(const char *text)
{
    return cw_text_is_safe(text, strlen(text)) && !strpbrk(text, "<>\" ");
}

cw_err cw_sip_refer_new(cw_sip_call *call, const cw_sip_refer_conf *conf, cw_sip_refer_fn *fn,
                        void *arg, cw_sip_refer **ret)
{
    cw_sip_refer *refer;
    cw_sip_sub *sub;

    if (call->state != SIP_UP)
        return CW_E_STATE;
    if (!is_uri(conf->to->uri) || (conf->referred_by && !is_uri(conf->referred_by)))
        return CW_E_UNSAFE;
    refer = g_new0(cw_sip_refer, 1);
    refer->fn = fn;
    refer->arg = arg;
    sub = cw_sub_make(call->sip, cw_sip_dialog_ref(call->dialog), "refer", NULL);
    refer->sub = sub;
    sub->ops = &refer_ops;
    sub->arg = refer;
    sub->once = true;
    sub->call = cw_sip_call_ref(call);
    sub->account = cw_sip_account_ref(call->account);
    sub->expires_s = REFER_S;
    sub->headers = refer_headers(conf);
    cw_sub_list(sub);
    cw_sub_run(sub, SUB_EV_ASK, NULL);
    *ret = refer;
    return CW_OK;
}

/* --- theirs --- */

struct cw_sip_referral {
    cw_sip_sub *sub;
    bool accepted, silent, last;
    int status; /* told before it was accepted; 0: nothing */
    char phrase[96];
    void (*told)(void *arg);
    void *arg;
    cw_timer *later; /* calls `told` where nothing is reported */
};

static void tell_told(cw_sip_referral *referral) CW_ON_LOOP
{
    void (*told)(void *arg) = g_steal_pointer(&referral->told);

    if (told)
        told(referral->arg);
}

static void on_later(void *arg)
{
    cw_assert_on_loop();
    tell_told(arg);
}

static void on_referral_end(void *arg, cw_sip_sub *sub, const cw_sip_end *end)
{
    cw_sip_referral *referral = arg;

    cw_assert_on_loop();
    if (referral->last)
        tell_told(referral);
}

static const cw_sip_sub_ops referral_ops = { .ended = on_referral_end };

static void report(cw_sip_referral *referral, int status, const char *phrase) CW_ON_LOOP
{
    bool last = status >= 200;
    g_autofree char *frag = g_strdup_printf(
        "SIP/2.0 %d %s\r\n", status,
        phrase && *phrase && cw_text_is_safe(phrase, strlen(phrase)) ? phrase
                                                                     : cw_sip_phrase(status));
    bool lost = referral->silent ||
                cw_sip_sub_notify(referral->sub, last ? CW_SUB_TERMINATED : CW_SUB_ACTIVE,
                                  "noresource", FRAG_TYPE, frag, strlen(frag)) != CW_OK;

    if (last && lost) {
        referral->later = cw_timer_new(referral->sub->sip->loop, on_later, referral);
        cw_timer_start(referral->later, 0);
    }
}

void cw_sip_referral_tell(cw_sip_referral *referral, int status, const char *phrase,
                          void (*told)(void *arg), void *arg)
{
    if (referral->last)
        return;
    referral->last = status >= 200;
    if (referral->last) {
        referral->told = told;
        referral->arg = arg;
    }
    if (referral->accepted) {
        report(referral, status, phrase);
        return;
    }
    referral->status = status;
    g_strlcpy(referral->phrase, phrase ? phrase : "", sizeof referral->phrase);
}

void cw_sip_referral_free(cw_sip_referral *referral)
{
    if (!referral)
        return;
    referral->told = NULL;
    if (referral->accepted && !referral->last)
        cw_sip_referral_tell(referral, 503, NULL, NULL, NULL);
    cw_timer_free(referral->later);
    cw_sip_sub_free(referral->sub);
    g_free(referral);
}

static void accept_it(cw_sip_referral *referral) CW_ON_LOOP
{
    cw_sip_sub *sub = referral->sub;

    referral->accepted = true;
    if (referral->silent) {
        cw_sub_refuse(sub, 202, "Refer-Sub: false");
        return;
    }
    cw_sip_sub_accept(sub, &referral_ops, referral);
    if (referral->status != 100) /* RFC 3515 2.4.4: one at once */
        report(referral, 100, NULL);
    if (referral->status)
        report(referral, referral->status, referral->phrase);
}

/* What it asks for. 0, or the status that refuses it. */
static CW_ON_LOOP int read_refer(const sip_t *message, cw_sip_referred *ret, bool *silent)
{
    const cw_sip_message *seen = cw_sip_message_of(message);
    g_autofree char *to = cw_sip_message_header(seen, "Refer-To", 0);
    g_autofree char *second = cw_sip_message_header(seen, "Refer-To", 1);
    g_autofree char *by = cw_sip_message_header(seen, "Referred-By", 0);
    g_autofree char *sub = cw_sip_message_header(seen, "Refer-Sub", 0);
    cw_sip_refer_to who = { 0 };
    cw_err err = to && !second ? cw_sip_refer_to_parse(to, &ret->to) : CW_E_PARSE;

    if (err)
        return err == CW_E_UNSUPPORTED ? 416 : 400;
    if (by && cw_sip_refer_to_parse(by, &who) == CW_OK)
        ret->referred_by = g_steal_pointer(&who.uri);
    cw_sip_refer_to_clear(&who);
    *silent = sub && g_ascii_strncasecmp(sub, "false", 5) == 0;
    ret->message = seen;
    return 0;
}

/* In `dialog`, which it takes: the call's, or one of its own. */
static void take(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                 const sip_t *message, const cw_addr *source) CW_ON_LOOP
{
    const cw_sip_call_ops *ops = call->ops;
    cw_sip_referral *referral = g_new0(cw_sip_referral, 1);
    cw_sip_referred referred = { .source = *source };
    g_autofree char *id = g_strdup_printf("%u", message->sip_cseq->cs_seq);
    int status = read_refer(message, &referred, &referral->silent);
    cw_err err;

    referral->sub = cw_sub_make(call->sip, dialog, "refer", id);
    referral->sub->notifier = referral->sub->once = true;
    referral->sub->call = cw_sip_call_ref(call);
    referral->sub->account = cw_sip_account_ref(call->account);
    referral->sub->irq = irq;
    referral->sub->accept_with = 202;
    referral->sub->expires_s = REFER_S;
    cw_sub_run(referral->sub, SUB_EV_ASKED, NULL);
    if (!status && (call->state != SIP_UP || !ops))
        status = 481;
    if (!status && call->sip->subs_n > (unsigned)call->sip->conf->sip.subscriptions_max)
        status = 503;
    if (!status) {
        err = ops->refer ? ops->refer(call->arg, &referred, referral) : CW_E_FORBIDDEN;
        status = err ? cw_err_sip(err) : 0;
    }
    if (status) {
        cw_stat_inc(CW_STAT_sip_refused);
        cw_sub_refuse(referral->sub, status == 401 ? 403 : status, NULL);
        cw_sip_referral_free(referral);
    } else {
        accept_it(referral);
    }
    cw_sip_refer_to_clear(&referred.to);
    g_free(referred.referred_by);
}

void cw_sip_take_refer(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                       const sip_t *message)
{
    take(call, cw_sip_dialog_ref(dialog), irq, message, &call->source);
}

/* RFC 4538: outside, but about a call. */
void cw_sip_take_outer_refer(cw_sip *sip, msg_t *msg, sip_t *message, const cw_addr *source,
                             cw_sip_transport transport)
{
    g_autofree char *about = cw_sip_message_header(cw_sip_message_of(message), "Target-Dialog", 0);
    nta_incoming_t *irq = nta_incoming_create(sip->agent, NULL, msg, message, TAG_END());
    cw_sip_dialog *dialog = cw_sip_dialog_new();
    g_auto(cw_sip_replaces) found = { 0 };
    cw_sip_call *call = NULL;

    if (about && cw_sip_target_dialog_parse(about, &found) == CW_OK)
        call = cw_sip_find_replaced(sip, &found);
    if (irq && call && cw_sip_dialog_take_invite(dialog, message) == CW_OK) {
        dialog->transport = transport;
        if (transport != CW_SIP_UDP)
            dialog->flow = *source;
        dialog->contact =
            cw_sip_contact_for(sip, transport, source, dialog->local_user, dialog->secure);
        nta_incoming_tag(irq, dialog->local_tag);
        cw_sip_call_trace(call, false, 0, NULL, "REFER");
        take(call, dialog, irq, message, source);
        return;
    }
    cw_sip_dialog_unref(dialog);
    if (!irq)
        return;
    cw_stat_inc(CW_STAT_sip_refused);
    nta_incoming_treply(irq, SIP_403_FORBIDDEN, SIPTAG_SERVER_STR(sip->user_agent), TAG_END());
    nta_incoming_destroy(irq);
}

/* --- Replaces --- */

cw_sip_call *cw_sip_find_replaced(cw_sip *sip, const cw_sip_replaces *replaces)
{
    cw_sip_call *call = g_hash_table_lookup(sip->calls, replaces->to_tag);

    if (!call || g_strcmp0(call->dialog->call_id, replaces->call_id) != 0 ||
        !cw_sip_call_dialog(call, replaces->from_tag))
        return NULL;
    return call;
}

/* RFC 3891 3. */
static cw_err judge(const cw_sip_call *call, bool early_only) CW_ON_LOOP
{
    switch (call->state) {
    case SIP_CALLING:
    case SIP_PROCEEDING:
        return CW_OK;
    case SIP_ACCEPTED:
    case SIP_UP:
        return early_only ? CW_E_BUSY : CW_OK;
    case SIP_OFFERED:
    case SIP_NEW:
        return CW_E_NO_CALL;
    default:
        return CW_E_DECLINED;
    }
}

cw_err cw_sip_replaced(cw_sip *sip, const cw_sip_message *message, cw_sip_call **ret)
{
    g_autofree char *text = cw_sip_message_header(message, "Replaces", 0);
    g_autofree char *second = cw_sip_message_header(message, "Replaces", 1);
    g_auto(cw_sip_replaces) replaces = { 0 };
    cw_sip_call *call;
    cw_err err;

    *ret = NULL;
    if (!text)
        return CW_OK;
    if (second || cw_sip_replaces_parse(text, &replaces))
        return CW_E_PARAMS;
    call = cw_sip_find_replaced(sip, &replaces);
    if (!call)
        return CW_E_NO_CALL;
    err = judge(call, replaces.early_only);
    if (!err)
        *ret = call;
    return err;
}

cw_err cw_sip_call_replaces(const cw_sip_call *call, cw_sip_replaces *ret)
{
    const cw_sip_dialog *dialog = call->dialog;

    if (!dialog->remote_tag || !*dialog->remote_tag)
        return CW_E_STATE;
    *ret = (cw_sip_replaces){ .call_id = g_strdup(dialog->call_id),
                              .to_tag = g_strdup(dialog->remote_tag),
                              .from_tag = g_strdup(dialog->local_tag) };
    return CW_OK;
}

char *cw_sip_call_target(const cw_sip_call *call)
{
    return g_strdup(call->dialog->target);
}

void *cw_sip_call_owner(const cw_sip_call *call, const cw_sip_call_ops *ops)
{
    return call->ops == ops ? call->arg : NULL;
}
